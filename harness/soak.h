/* isrsim soak: random scenarios on the correct engine, one a seed, in worker processes. */
#ifndef HARNESS_SOAK_H
#define HARNESS_SOAK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/rules.h"
#include "faults/generate.h"

enum { SOAK_JOBS_MAX = 64 };

struct soak_options {
    uint64_t first, last;         /* seeds, both included */
    unsigned jobs;                /* worker processes, 1 to SOAK_JOBS_MAX */
    bool json;                    /* a JSON object a seed on out instead of the report */
    bool progress;                /* on stderr */
    bool verbose;                 /* the timeline of each seed */
    struct fault_request request; /* of each seed, which is filled in */
    struct isr_rules rules;       /* all correct when zeroed; else: will a random run find it? */
};

/* Runs them; prints a report of the faults that bit, of what was committed, and of each seed that did not
 * hold with the command that reproduces it. Returns the exit code of the worst verdict (sim/verdicts.def). */
int soak_run(FILE *out, const struct soak_options *options);

#endif
