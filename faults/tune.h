/* What a profile makes of a scenario: which kinds of faults, and what cluster, settings and load. */
#ifndef FAULT_TUNE_H
#define FAULT_TUNE_H

#include "faults/draws.h"
#include "faults/generate.h"

/* How a profile goes about it. */
struct fault_way {
    uint64_t may;    /* kinds that a seed may turn on */
    uint64_t always; /* of these the kinds that every seed turns on */
    int32_t chases;  /* of 3 seeds; the others draw times from the whole run */
    bool plain;      /* Kafka's own policies, without groups of peers, deletion, compaction, pushed roles and
                        yields */
};

struct fault_way fault_way_of(enum fault_profile profile);
/* After the cluster and its configuration are drawn, before the network and the clients are. */
void fault_tune_cluster(struct fault_plan *plan, enum fault_profile profile, struct fault_draws *draws);
/* After the network and the clients are drawn, before the faults are. */
void fault_tune_load(struct fault_plan *plan, enum fault_profile profile, struct fault_draws *draws);

#endif
