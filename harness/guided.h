/* The guided search: runs that reached something new are varied.
 *
 *   fresh seed ──run──▶ new tuples? ──▶ corpus ──chosen by energy──▶ turned (struct fault_turn) ──run──▶ ...
 *
 * It goes in rounds: all candidates of a round are made of what was known before it, in a fixed order and
 * with keyed draws, so that the search is a function of its first seed, however many workers run it. Half of
 * a round are fresh seeds, one after the other from the first on; the others vary a run of the corpus from
 * some fault on.
 *
 * Energy, after AFLFast (Boehme, Pham, Roychoudhury, CCS 2016): a run is chosen the more often the more often
 * it was chosen before, and the less the more runs reach the rarest of what was new in it; so effort goes to
 * what is rare, and moves on where it has become common. */
#ifndef HARNESS_GUIDED_H
#define HARNESS_GUIDED_H

#include "faults/generate.h"
#include "harness/coverage.h"

enum { GUIDED_ROUND = 64, GUIDED_RARE = 8 };

/* What is run: a seed, with the faults drawn from others from some on. */
struct guided_candidate {
    uint64_t seed;
    struct fault_turn turns[FAULT_TURNS_MAX];
    uint32_t turns_count;
};

struct guided_entry {
    struct guided_candidate candidate;
    uint32_t chosen;     /* how often */
    uint32_t faults;     /* of its plan, about */
    uint32_t rare_count; /* of what was new in it, some */
    uint64_t rare[GUIDED_RARE];
};

struct guided {
    uint64_t first, fresh, draws; /* the first seed; the next fresh one; draws made so far */
    struct coverage coverage;     /* with how often each tuple was reached */
    struct guided_entry *corpus;
    uint32_t corpus_count, corpus_capacity;
    struct guided_candidate round[GUIDED_ROUND];
};

void guided_init(struct guided *guided, uint64_t first);
void guided_free(struct guided *guided);
/* Fills the round: count of its candidates, GUIDED_ROUND at most. */
void guided_plan_round(struct guided *guided, uint32_t count);
/* A candidate of the round was run: what was packed of its coverage, how many steps of its plan were reached.
 */
void guided_learn(struct guided *guided, uint32_t place, const void *packed, uint32_t bytes, uint64_t steps);

#endif
