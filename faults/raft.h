/* Consensus alone, for the profile raft: voters, settings and load. */
#ifndef FAULT_RAFT_H
#define FAULT_RAFT_H

#include "faults/draws.h"
#include "faults/generate.h"

/* Three or five voters in place of the cluster that was drawn, with those who stand by. */
void fault_raft_cluster(struct fault_plan *plan, struct fault_draws *draws);
/* Who proposes, and how slow the disks are. */
void fault_raft_load(struct fault_plan *plan, struct fault_draws *draws);

#endif
