/* One run of one variant under one seed, watched by every check, and its outcome against what the file
 * expects. */
#ifndef HARNESS_RUNNER_H
#define HARNESS_RUNNER_H

#include "harness/files.h"
#include "harness/run_metrics.h"
#include "sim/world.h"

/* What is to be run. Everything is borrowed. */
struct run_request {
    const char *program; /* how this program was called */
    const char *path;    /* of the scenario file, for messages */
    const struct scenario_variant *variant;
    const struct sim_spec *spec; /* the variant's, or one with other rules */
    const char *rules; /* as given on the command line; NULL: the file's, and its expectation applies */
    uint64_t seed;
    const char *command; /* what runs it again, where there is no such file; NULL: it is made of the above */
};

struct run_result {
    enum sim_verdict verdict;
    enum sim_invariant invariant; /* VIOLATED, STUCK */
    bool finally_unmet;           /* STUCK because of the expectation's own conditions */
    bool judged;                  /* the file's expectation applies */
    bool expected;                /* ... and the run ended so */
    char message[1024];
    char unavailable[512]; /* why nobody could write to some partition at the end, and had a right not to */
    struct sim_counters counters;
    int64_t virtual_ns;
    uint64_t hash;
};

/* The arena of the process, opened once. NULL after an error on stderr. */
struct arena *runner_arena(void);

/* Can this build run it? False after an error on stderr, in a command's name. */
bool runner_can_run(const char *command, const struct sim_spec *spec);
/* The same of every variant of all files. */
bool runner_can_run_all(const char *command, const struct loaded_list *list);

/* Called with a world before its first event and after its last; either may be NULL. */
struct run_hooks {
    void (*begin)(void *object, struct sim_world *world);
    void (*end)(void *object, struct sim_world *world, const struct run_result *result);
    void *object;
};
void runner_run(struct arena *arena, const struct run_request *request, const struct run_hooks *hooks,
                struct run_result *result);

/* A checked world, ready for its first event. */
struct sim_world *runner_world(struct arena *arena, const struct run_request *request);

/* From now on each record that belongs into a story becomes a line of out. */
void runner_tell_story(struct sim_world *world, FILE *out);

/* 0 when the run ended as expected, else the exit code of its verdict. */
int runner_exit_code(const struct run_result *result);
/* The more severe of two exit codes: nondeterminism, engine assertion, safety, liveness, bad input, vacuous,
 * held. */
int runner_worse(int a, int b);
/* Names as in sim/verdicts.def and sim/invariants.def; "finally" for the expectation's own conditions. */
const char *runner_invariant_name(const struct run_result *result);
/* What the file expects, in words: "violates I3". */
void runner_describe_expectation(const struct scenario_expectation *expectation, char *text, size_t size);
/* The command that runs this again: "isrsim run FILE --variant wrong --seed 7". */
void runner_reproducer(const struct run_request *request, char *text, size_t size);
/* One line of `isrsim run --json`. metrics: NULL leaves them out. */
void runner_print_json(FILE *out, const struct run_request *request, const struct run_result *result,
                       const struct run_metrics *metrics);
/* The same of a run that this build cannot do, with the reason. */
void runner_print_skipped_json(FILE *out, const struct run_request *request, const char *reason);

#endif
