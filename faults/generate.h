/* Random scenarios: a nemesis that never acts, but writes scenario steps. The same seed gives the same
 * scenario; a draw is keyed by what it is for, so that one fault more does not change the others. */
#ifndef FAULT_GENERATE_H
#define FAULT_GENERATE_H

#include "faults/kinds.h"
#include "faults/profile.h"
#include "sim/spec.h"

enum { FAULT_TOPICS_MAX = 2, FAULT_CLIENTS_MAX = 6, FAULT_STEPS_MAX = 96, FAULT_PARTITIONS_MAX = 4 };

/* From its after-th fault (or move of a chase) on, a plan draws its faults from another seed: what comes
 * before, and all around, stays as it was. So a plan that led to something new is varied, within the same
 * budget. */
enum { FAULT_TURNS_MAX = 8 };
struct fault_turn {
    uint32_t after;
    uint64_t seed;
};

/* What is wanted. Zeroed but for the seed: the default profile. */
struct fault_request {
    enum fault_profile profile;
    uint64_t seed;
    struct sim_schedule_spec schedule; /* depth 0: none */
    uint8_t consensus;                 /* enum sim_consensus: whose Raft the controllers run on */
    uint32_t unchecked; /* bits (1 << enum sim_invariant) that are not judged, beside the profile's */
    bool over_budget;   /* more than the configuration promises to survive; the profile over-budget means that
                           too */
    struct fault_turn turns[FAULT_TURNS_MAX]; /* by after, growing */
    uint32_t turns_count;
};

/* A generated scenario with all its memory. */
struct fault_plan {
    struct sim_spec spec;
    uint64_t kinds; /* bit (UINT64_C(1) << enum fault_kind): which kinds this seed may use */
    uint64_t may;   /* which kinds its profile may use */
    bool over_budget;
    struct fault_turn turns[FAULT_TURNS_MAX]; /* as they were asked for */
    uint32_t turns_count;
    struct sim_topic_spec topics[FAULT_TOPICS_MAX];
    struct isr_replicas assignments[FAULT_TOPICS_MAX][FAULT_PARTITIONS_MAX];
    struct sim_client_spec clients[FAULT_CLIENTS_MAX];
    struct sim_step steps[FAULT_STEPS_MAX + 1]; /* one that is forgotten */
    uint32_t faults_count;
};

/* sim_step.mark of a step that is a fault, or a part of one: the first, second, ... of the plan. */
static inline uint16_t fault_mark(enum fault_kind kind, uint32_t which)
{
    return (uint16_t)((1 + (unsigned)kind) | (which & 0xff) << 8);
}

/* Fills plan: a cluster, a configuration, a workload and faults, with the checks that hold under them
 * (spec.unchecked). Unless over budget the faults stay within what the configuration promises to survive: at
 * most min ISR - 1 power losses of brokers over the run unless the log is synced before it acknowledges
 * (KIP-966), unclean elections only where topics allow them, and a settle phase in which everything heals.
 * spec points into plan. */
void fault_generate(struct fault_plan *plan, const struct fault_request *request);

#endif
