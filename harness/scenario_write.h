/* A spec as a scenario file: what is read back is the same run, to the last event. The tables that read files
 * (harness/scenario_fields.c and what it names) write them too. */
#ifndef HARNESS_SCENARIO_WRITE_H
#define HARNESS_SCENARIO_WRITE_H

#include "harness/scenario.h"

/* What stands in the file around the run. Everything is borrowed; what is NULL is left out. */
struct scenario_write_options {
    const char *comment; /* lines for the head of the file, without '#' */
    const char *command; /* the head says: what the file comes from */
    bool hashed;         /* the head says: the version of isrsim, the seed and */
    uint64_t hash;       /* ... the hash of the run's trace */
    const char *about;   /* of several lines a block */
    const char *source;
    const struct scenario_exhibit *exhibit;
    const struct scenario_tags *tags;
    const struct scenario_expectation *expectation; /* NULL: holds */
};

/* options: NULL for none. A spec that sim_spec_check refuses is written as well as it can be. */
void scenario_write(FILE *out, const struct sim_spec *spec, const struct scenario_write_options *options);
/* The same into memory, to be freed. */
char *scenario_write_text(const struct sim_spec *spec, const struct scenario_write_options *options);

#endif
