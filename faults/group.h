/* Random groups of peers (core/peer): what is drawn for them in place of brokers and controllers. */
#ifndef FAULT_GROUP_H
#define FAULT_GROUP_H

#include "faults/draws.h"
#include "faults/generate.h"

/* Turns the plan's cluster into a group of one partition, before its workload and its faults are drawn. */
void fault_group(struct fault_plan *plan, struct fault_draws *draws);
/* How many lossy power losses the group promises to survive. */
int64_t fault_group_power_budget(const struct fault_plan *plan);

#endif
