/* The one run that a command is about: a scenario's file, or a random scenario by its seed. */
#ifndef HARNESS_ONE_RUN_H
#define HARNESS_ONE_RUN_H

#include "faults/generate.h"
#include "harness/commands.h"
#include "harness/files.h"

struct one_run {
    struct sim_spec spec; /* with the rules of --rules, without what --unchecked names; points into what is
                             below */
    uint64_t seed;
    char name[512];               /* "FILE::variant", "random scenario of profile power" */
    struct fault_request request; /* of a random scenario */
    struct loaded_list list;      /* of a file: that one */
    struct fault_plan *plan;      /* of a random scenario */
};

/* Reads FILE [--variant V] [--seed N], or --seed N with what random scenarios are like, and with both --rules
 * and --unchecked. A file with several variants and none named: the only one that expects a violation. False
 * after an error on stderr; then there is nothing to free. */
bool one_run_read(struct one_run *run, const struct command_line *line);
/* The same of a command that takes no file. */
bool one_run_of_seed(struct one_run *run, const struct command_line *line);
void one_run_free(struct one_run *run);

/* The command line that is about the same run again. */
enum { ONE_RUN_COMMAND_BYTES = 1024 };
void one_run_command(const struct one_run *run, const struct command_line *line,
                     char text[ONE_RUN_COMMAND_BYTES]);

#endif
