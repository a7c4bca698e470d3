/* The conditions of sim/conditions.def, evaluated on the world. */
#ifndef SIM_CONDITION_H
#define SIM_CONDITION_H

#include "core/quorum/port.h"
#include "sim/spec.h"

struct sim_world;

/* Holds now? A condition on a topic, partition, controller or replica that is not there does not hold. */
bool sim_condition_holds(struct sim_world *world, const struct sim_condition *condition);
/* LEADER_ELECTED: the leader epoch now, by which one election is told from the next even when the partition
 * was never seen without a leader in between. ISR_EPOCH_NONE for other conditions. */
int32_t sim_condition_leader_epoch(struct sim_world *world, const struct sim_condition *condition);

/* Who votes and who learns among the controllers, as the one knows it that has committed most. False: nobody
 * has. */
bool sim_condition_members(const struct sim_world *world, struct isr_consensus_members *members);

#endif
