/* The conditions of sim/conditions.def, evaluated on the world. */
#ifndef SIM_CONDITION_H
#define SIM_CONDITION_H

#include "core/quorum/port.h"
#include "sim/spec.h"

struct sim_world;

/* Holds now? A condition on a topic, partition, controller or replica that is not there does not hold. */
bool sim_condition_holds(struct sim_world *world, const struct sim_condition *condition);
/* By what one occasion is told from the next even where nothing was false in between: the leader epoch of
 * LEADER_ELECTED, the term of QUORUM_LEADER, the commit index of QUORUM_COMMITTED, the high watermark of
 * HW_MOVED, a count of LOG_CUT and SNAPSHOT_INSTALLED; -1 for other conditions, and where there is none yet.
 */
int64_t sim_condition_occasion(struct sim_world *world, const struct sim_condition *condition);
/* Who votes and who learns among the controllers, as the one knows it that has committed most. False: nobody
 * has. */
bool sim_condition_members(const struct sim_world *world, struct isr_consensus_members *members);

#endif
