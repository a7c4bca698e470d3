/* The coverage of many runs (sim/coverage.h): brought from workers, united, and told of by name. */
#ifndef HARNESS_COVERAGE_H
#define HARNESS_COVERAGE_H

#include <stdio.h>

#include "harness/json.h"
#include "sim/world.h"

struct coverage {
    struct sim_coverage_map map;
    uint64_t *tuples; /* open addressing; 0: a free slot */
    uint32_t *hits;   /* by slot: how many runs reached it, where `counted` */
    bool counted;
    uint64_t tuples_count, tuples_slots;
    uint32_t *news; /* by run, in the order in which they were added: how many tuples were new */
    uint64_t runs, runs_capacity;
};

void coverage_free(struct coverage *coverage);
/* begin of an attempt: the world keeps its coverage. */
void coverage_watch(void *object, struct sim_world *world);
/* ran of a hunt: what the world's coverage is, valid until the next call in this process. NULL where the
 * machine has no memory for it. */
void *coverage_pack(void *object, const struct sim_world *world, uint32_t *bytes);
/* Adds what was packed; a run without coverage (bytes 0) counts as one that reached nothing. Returns how many
 * of its tuples were new. */
uint32_t coverage_add(struct coverage *coverage, const void *packed, uint32_t bytes);

/* Some of the tuples that would be new, most at most, in the order of their hashes; returns how many. */
uint32_t coverage_news(const struct coverage *coverage, const void *packed, uint32_t bytes, uint64_t *out,
                       uint32_t most);
/* How many runs reached the tuple; 0: none, or they are not counted. */
uint32_t coverage_hits(const struct coverage *coverage, uint64_t tuple);

/* New tuples in the last tenth of the runs, and how many runs these are. */
uint64_t coverage_growth(const struct coverage *coverage, uint64_t *runs);

/* ---- by name ---- */

struct coverage_dimension {
    const char *name, *title;
    unsigned cells;
    /* Is the cell one that there is, given what was reached? */
    bool (*exists)(const struct sim_coverage_map *map, unsigned cell);
    bool (*reached)(const struct sim_coverage_map *map, unsigned cell);
    /* What never happened, in two parts: what it belongs to, and which of that. group may be "". */
    void (*describe)(unsigned cell, char group[48], char which[96]);
};
const struct coverage_dimension *coverage_dimensions(unsigned *count);
void coverage_count(const struct sim_coverage_map *map, const struct coverage_dimension *dimension,
                    unsigned *reached, unsigned *all);

/* How much of each dimension was reached, how it grew, and all that never was. */
void coverage_print(FILE *out, const struct coverage *coverage);
void coverage_print_json(struct json *json, const struct coverage *coverage);

#endif
