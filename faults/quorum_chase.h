/* Faults that follow what happens to the controllers' quorum, where there is nothing else. */
#ifndef FAULT_QUORUM_CHASE_H
#define FAULT_QUORUM_CHASE_H

#include "faults/draws.h"
#include "faults/generate.h"

/* The kinds of which at least one must be on for a chase. */
#define FAULT_QUORUM_STRIKES                                                                               \
    (FAULT_BIT(KILL) | FAULT_BIT(POWER_OFF) | FAULT_BIT(PAUSE) | FAULT_BIT(SHUTDOWN) | FAULT_BIT(HALVES) | \
     FAULT_BIT(ISOLATE) | FAULT_BIT(CUT) | FAULT_BIT(STALL))

/* Appends steps to a plan whose consensus is alone, with a configuration: from the first leader on, more than
 * the run may have time for (steps_may_remain). */
void fault_quorum_chase(struct fault_plan *plan, struct fault_draws *draws);

#endif
