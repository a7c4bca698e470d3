/* Faults that follow what happens to one partition, instead of the clock. */
#ifndef FAULT_CHASE_H
#define FAULT_CHASE_H

#include "faults/draws.h"
#include "faults/generate.h"

/* The kinds of which at least one must be on for a chase. */
#define FAULT_CHASE_STRIKES                                                            \
    (FAULT_BIT(KILL) | FAULT_BIT(POWER_OFF) | FAULT_BIT(PAUSE) | FAULT_BIT(SHUTDOWN) | \
     FAULT_BIT(CONTROL_CUT) | FAULT_BIT(SLOW_LINK) | FAULT_BIT(HALVES) | FAULT_BIT(ISOLATE))

/* Appends steps to a plan that has none yet, with a cluster, a configuration and topics with assignments:
 * from the third second on, more than the run may have time for (steps_may_remain). */
void fault_chase(struct fault_plan *plan, struct fault_draws *draws);

#endif
