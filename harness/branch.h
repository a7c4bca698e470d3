/* From which moment on was a failure likely? The failing run is carried out up to a moment and saved there;
 * from there it goes on again and again, each time by another seed, and those are counted that end in the
 * same failure (harness/signature.h). Measured at moments all over the run, that is a curve.
 *
 *   moments  evenly by events: the first event, ..., the one before the failure
 *   jump     between two moments next to each other the likelihood rose most; that stretch is halved as
 *            long as one half holds most of the jump
 *   decisive where the jump ends up, with what happened there
 *
 * Each branch is a run of its own in a worker process (harness/hunt.h), from a checkpoint that the worker
 * makes for itself. */
#ifndef HARNESS_BRANCH_H
#define HARNESS_BRANCH_H

#include <stdio.h>

#include "harness/hunt.h"

enum {
    BRANCH_POINTS_MAX = 200,
    BRANCH_POINTS_DEFAULT = 11,
    BRANCH_HALVINGS_MAX = 10,
    BRANCH_MOMENTS_MAX = BRANCH_POINTS_MAX + BRANCH_HALVINGS_MAX,
    BRANCH_SEEDS_MAX = 100000,
    BRANCH_SEEDS_DEFAULT = 100,
    BRANCH_STORY_MAX = 24,
    BRANCH_STORY_BYTES = 320,
};

/* A part of a whole as the data show it: Wilson's interval, in which the true one lies with a confidence of
 * 95 %. Thousandths. */
struct branch_interval {
    uint32_t low, high;
};
/* k of n, 1 <= n <= BRANCH_SEEDS_MAX; rounded outwards. */
struct branch_interval branch_interval(uint64_t k, uint64_t n);

struct branch_moment {
    uint64_t event; /* so many were carried out before it */
    int64_t time_ns;
    uint64_t same, other; /* branches that ended in the same failure, and in others */
    uint64_t runs;
};

struct branch {
    /* what is asked for; borrowed */
    const struct sim_spec *spec;
    uint64_t seed;
    uint64_t first, last; /* seeds of the branches */
    unsigned points;      /* moments to begin with; 1 with at_ns */
    int64_t at_ns;        /* only this moment; -1: points of them */
    unsigned jobs;
    struct attempt_limits limits;
    void (*wait)(void *object); /* called now and then; may be NULL */
    void *object;
    /* what came out */
    struct attempt failed; /* the run itself */
    struct signature signature;
    struct branch_moment moments[BRANCH_MOMENTS_MAX]; /* in their order */
    unsigned count;
    uint64_t branches; /* runs in all */
    int decisive;      /* the jump is between this moment and the next; -1: there is none */
    char story[BRANCH_STORY_MAX][BRANCH_STORY_BYTES];
    unsigned story_count; /* what the trace tells of the stretch; more than the maximum: the first ones */
};

enum branch_end {
    BRANCH_DONE,
    BRANCH_HELD,        /* the run does not fail */
    BRANCH_VACUOUS,     /* it proves nothing, so there is nothing to come to */
    BRANCH_TOO_LATE,    /* at_ns is not before its failure */
    BRANCH_UNTELLABLE,  /* its process died, and nobody knows where */
    BRANCH_INTERRUPTED, /* the moments up to count are whole */
    BRANCH_FAILED,      /* told on stderr */
};
enum branch_end branch_run(struct arena *arena, struct branch *branch);

/* How sure the jump is: its two intervals do not overlap. */
bool branch_is_clear(const struct branch *branch);

void branch_print_text(FILE *out, const struct branch *branch);
void branch_print_json(FILE *out, const struct branch *branch, const char *subject);
void branch_print_csv(FILE *out, const struct branch *branch);

#endif
