/* isrsim fuzz and soak: random scenarios, one a seed, hunted through and told of. */
#ifndef HARNESS_FUZZ_H
#define HARNESS_FUZZ_H

#include <stdio.h>

#include "core/base/rules.h"
#include "faults/generate.h"
#include "harness/fuzz_files.h"
#include "harness/hunt.h"

/* Which scenario comes next: seed after seed, or variations of those that reached something new. */
enum fuzz_strategy { FUZZ_RANDOM, FUZZ_GUIDED };

struct fuzz_options {
    struct hunt hunt; /* without its functions */
    enum fuzz_strategy strategy;
    struct fault_request request;   /* of each seed, but for the seed itself */
    struct isr_rules rules;         /* all correct when zeroed; else: will a random run find it? */
    bool each;                      /* tells every failure; else the first of each signature */
    bool tally;                     /* at the end tells which faults bit */
    bool json;                      /* an object a seed and one at the end, in place of text */
    bool verbose;                   /* the story of each run, on stderr */
    const struct fuzz_files *files; /* what is found is written there; NULL: nowhere */
};

/* Reads what the command line says. False after an error on stderr. */
bool fuzz_options_read(const struct command_line *line, struct fuzz_options *options);
/* The scenario of one seed. */
void fuzz_generate(struct fault_plan *plan, const struct fuzz_options *options, uint64_t seed);

/* Runs them and tells on out of the failures, of each with the command that reproduces it, and sums up.
 * Returns the exit code of the worst verdict (sim/verdicts.def). */
int fuzz_run(FILE *out, const struct fuzz_options *options);

#endif
