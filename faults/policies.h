/* Draws a topic's policies: when a record is committed, and who finds the next leader. */
#ifndef FAULT_POLICIES_H
#define FAULT_POLICIES_H

#include "faults/draws.h"
#include "sim/spec.h"

/* Every other topic stays as Kafka has it. The replication factor and min ISR are drawn already; min ISR goes
 * where the policy has no use for it. */
void fault_draw_policies(struct sim_topic_spec *topic, struct fault_draws *draws);
/* How many power losses of brokers every topic that promises anything promises to survive, when nothing is
 * synced before it counts. */
int64_t fault_policies_budget(const struct sim_spec *spec);

#endif
