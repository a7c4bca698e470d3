/* What a hunt through random scenarios has to tell, as text and as JSON. */
#ifndef HARNESS_FUZZ_REPORT_H
#define HARNESS_FUZZ_REPORT_H

#include "harness/findings.h"
#include "harness/fuzz.h"

/* All runs so far. */
struct fuzz_tally {
    uint64_t done, held, violated, vacuous, crashed;
    uint64_t virtual_ms;
    uint64_t losses_allowed;
    uint64_t unavailable;        /* seeds in which some partition was, with reason */
    uint64_t kinds[FAULT_KINDS]; /* seeds that turned it on */
    uint64_t drawn[FAULT_KINDS], bit[FAULT_KINDS];
    struct sim_counters counters;
    struct findings findings;
    uint64_t corpus, tuples; /* guided: runs that reached something new, and what was reached */
    int exit_code;
};

/* Adds a run. Returns its group where it did not hold, else NULL. */
const struct finding *fuzz_tally_add(struct fuzz_tally *tally, const struct hunt_run *run);

/* "12:8031,30:99": what `--turns` takes. */
enum { FUZZ_TURNS_BYTES = 300 };
const char *fuzz_print_turns(const struct fault_turn *turns, uint32_t count, char text[FUZZ_TURNS_BYTES]);

/* What makes the same scenario of the same seed again, after a command: " --profile power --rules trunc=hw".
 */
void fuzz_append_arguments(char *text, size_t size, const struct fault_request *request,
                           const struct isr_rules *rules);

/* The command that runs it again, into a text of FUZZ_COMMAND_BYTES. */
enum { FUZZ_COMMAND_BYTES = 1024 };
void fuzz_print_reproducer(char *text, const struct fuzz_options *options, const struct hunt_run *run);
/* "seed 3: violated I1: ..." and the commands that reproduce it. */
void fuzz_print_failure(FILE *out, const struct fuzz_options *options, const struct hunt_run *run);
void fuzz_print_run_json(FILE *out, const struct fuzz_options *options, const struct hunt_run *run);
void fuzz_print_summary(FILE *out, const struct fuzz_options *options, const struct fuzz_tally *tally,
                        enum hunt_end end);
void fuzz_print_summary_json(FILE *out, const struct fuzz_options *options, const struct fuzz_tally *tally,
                             enum hunt_end end);

#endif
