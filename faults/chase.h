/* Faults that follow what happens to one partition, instead of the clock. */
#ifndef FAULT_CHASE_H
#define FAULT_CHASE_H

#include "faults/draws.h"
#include "faults/generate.h"

/* Which kinds of faults a chase is made of: bits as in fault_plan.kinds. */
#define FAULT_BIT(NAME) (UINT64_C(1) << FAULT_##NAME)
#define FAULT_CHASE_STRIKES                                                                             \
    (FAULT_BIT(KILL) | FAULT_BIT(POWER_OFF) | FAULT_BIT(PAUSE) | FAULT_BIT(SHUTDOWN) | FAULT_BIT(CUT) | \
     FAULT_BIT(SLOW_LINK) | FAULT_BIT(PARTITION) | FAULT_BIT(ISOLATE))

/* Appends steps to a plan that has none yet, with a cluster, a configuration and topics with assignments:
 * from the third second on, more than the run may have time for (steps_may_remain). At most power_losses take
 * a broker's power. */
void fault_chase(struct fault_plan *plan, struct fault_draws *draws, int64_t power_losses);

#endif
