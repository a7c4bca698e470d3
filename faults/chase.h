/* Faults that follow what happens to one partition, instead of the clock. */
#ifndef FAULT_CHASE_H
#define FAULT_CHASE_H

#include "faults/draws.h"
#include "faults/generate.h"

/* Which kinds of faults a chase is made of: bits as in fault_plan.kinds. */
#define FAULT_CHASE_STRIKES                                                                                  \
    (1u << FAULT_KILL | 1u << FAULT_POWER_OFF | 1u << FAULT_PAUSE | 1u << FAULT_SHUTDOWN | 1u << FAULT_CUT | \
     1u << FAULT_SLOW_LINK | 1u << FAULT_PARTITION | 1u << FAULT_ISOLATE)

/* Appends steps to a plan that has none yet, with a cluster, a configuration and topics with assignments:
 * from the third second on, more than the run may have time for (steps_may_remain). At most power_losses take
 * a broker's power. */
void fault_chase(struct fault_plan *plan, struct fault_draws *draws, int64_t power_losses);

#endif
