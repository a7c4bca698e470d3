/* Making a failing run small: from a spec that fails to one that fails in the same way and that a person
 * reads in a minute.
 *
 * A pass (harness/shrink_passes.def) changes the best spec so far into candidates. A candidate is taken when
 * it reads easier (harness/shrink_cost.h) and its run fails with the same signature; so every step goes down,
 * and the passes are repeated until none finds anything: a fixpoint. Candidates that were run before are
 * answered from memory. In the end every step is left out once more, in every way the passes know of: what is
 * left is minimal, or the outcome says that the budget was spent.
 *
 * The same spec, seed and number of attempts give the same outcome; only where the processor time ran out
 * does it depend on the machine. */
#ifndef HARNESS_SHRINK_H
#define HARNESS_SHRINK_H

#include <stdio.h>

#include "harness/attempt.h"
#include "harness/signature.h"

struct arena;

enum { SHRINK_BUDGET_SECONDS_DEFAULT = 60, SHRINK_SEEDS = 20 };

/* Runs a spec in place of the simulator: for tests of the passes. Fills attempt, and for each step that ran
 * its time in step_ns (spec->steps_count many, ISR_TIME_NEVER before). It is called in another process, which
 * it may kill. */
typedef void shrink_judge(void *object, const struct sim_spec *spec, struct attempt *attempt,
                          int64_t *step_ns);

struct shrink_request {
    const struct sim_spec *spec; /* borrowed */
    uint64_t seed;
    int64_t cpu_ns;        /* at most so much processor time; 0: any amount */
    uint32_t attempts;     /* at most so many runs; 0: any number */
    uint64_t events;       /* a run that takes more fails by that; 0: ATTEMPT_EVENTS_DEFAULT */
    FILE *progress;        /* a line that is written over and over; NULL: none */
    shrink_judge *judge;   /* NULL: the simulator */
    void *object;          /* the judge's */
    const char *only_pass; /* tests: this one alone */
};

enum shrink_end {
    SHRINK_MINIMAL, /* nothing more to be found, and no step can be left out */
    SHRINK_SPENT,   /* the budget ended before that */
    SHRINK_HOLDS,   /* the run does not fail: there is nothing to shrink */
};

/* What reads easier or harder, counted. */
struct shrink_size {
    uint32_t steps, clients, nodes;
    uint64_t events; /* up to the failure */
    uint64_t cost;
};

struct shrink_draft;
struct shrink_outcome {
    enum shrink_end end;
    struct shrink_draft *draft; /* owned; NULL with SHRINK_HOLDS */
    struct attempt before, after;
    struct shrink_size size_before, size_after;
    bool correct_holds;     /* with correct rules the draft's steps do no harm, and the run is not vacuous */
    uint32_t seeds_failing; /* of SHRINK_SEEDS other seeds, under which the draft fails in the same way */
    uint32_t attempts;      /* runs */
    uint32_t remembered;    /* candidates that had been run before */
    uint32_t taken;         /* candidates that became the best */
    uint32_t left_out;      /* runs of the last proof: one step left out in one way */
    int64_t cpu_ns;
};

/* Fills outcome. False where the spec makes no sense, or a process cannot be had (told on stderr). */
bool shrink_run(struct arena *arena, const struct shrink_request *request, struct shrink_outcome *outcome);
void shrink_outcome_free(struct shrink_outcome *outcome);
const struct sim_spec *shrink_outcome_spec(const struct shrink_outcome *outcome);

/* Some rule of the protocol is switched to its wrong value. */
bool shrink_has_wrong_rule(const struct sim_spec *spec);

#endif
