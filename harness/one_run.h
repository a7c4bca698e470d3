/* The one run that a command is about: a scenario's file, or a random scenario by its seed. */
#ifndef HARNESS_ONE_RUN_H
#define HARNESS_ONE_RUN_H

#include "faults/generate.h"
#include "harness/commands.h"
#include "harness/files.h"

struct one_run {
    struct sim_spec spec; /* with the rules of --rules; points into what is below */
    uint64_t seed;
    char name[512]; /* "FILE::variant", "seed 7, profile default" */
    struct loaded_list list;
    struct fault_plan *plan;
};

/* Reads FILE [--variant V] [--seed N], or --seed N [--profile P] [--over-budget], and --rules with both. A
 * file with several variants and none named: the only one that expects a violation. False after an error on
 * stderr; then there is nothing to free. */
bool one_run_read(struct one_run *run, const struct command_line *line);
void one_run_free(struct one_run *run);

#endif
