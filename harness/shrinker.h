/* One shrinking under way: what its passes use. */
#ifndef HARNESS_SHRINKER_H
#define HARNESS_SHRINKER_H

#include "harness/apart.h"
#include "harness/shrink.h"
#include "harness/shrink_draft.h"

/* Outcomes of candidates by the hash of their specs. */
struct shrink_memory {
    struct shrink_remembered {
        uint64_t key; /* 0: an empty place */
        bool fails;
    } * places;
    uint32_t capacity, count;
};

struct shrinker {
    const struct shrink_request *request;
    struct arena *arena;
    struct apart apart;         /* where everything is run */
    struct signature signature; /* to be kept */
    struct shrink_draft *best;
    uint64_t cost;          /* of the best */
    struct attempt attempt; /* of the best */
    int64_t *step_ns;       /* when the best's steps ran, ISR_TIME_NEVER: they did not */
    uint64_t events_most;   /* that an attempt may take */
    struct shrink_memory memory;
    const char *pass; /* the name of the one under way */
    uint32_t attempts, remembered, taken;
    uint32_t sure;          /* of a few other seeds, under how many the best fails too */
    uint32_t attempts_most; /* for the passes of the way that is being gone; 0: any number */
    int64_t began_cpu_ns, told_cpu_ns;
    bool contrast;       /* what fails with the wrong rules must not fail with correct ones: else it shows
                            something else */
    bool keeps_settling; /* the time to settle undoes a fault that the failure is about */
    bool spent;          /* the budget is gone: nothing is tried any more */
    bool inside;         /* an excursion is under way */
};

/* Runs the candidate if it reads easier than the best, and makes it the best if it fails in the same way.
 * Consumes the draft. */
bool shrink_try(struct shrinker *shrinker, struct shrink_draft *candidate);
/* The same under some other seeds too: a change of the cluster changes what is drawn. */
bool shrink_try_seeds(struct shrinker *shrinker, struct shrink_draft *candidate);
/* The same, however hard it reads. */
bool shrink_try_any(struct shrinker *shrinker, struct shrink_draft *candidate);
/* Does it fail in the same way? Consumes nothing, changes nothing. */
bool shrink_fails(struct shrinker *shrinker, const struct shrink_draft *candidate);
/* A copy of the best, to be changed. */
struct shrink_draft *shrink_copy(const struct shrinker *shrinker);

/* A way down that begins by going up: the candidate is taken if it fails in the same way, then the passes
 * run, and if that did not end below where it began, all is as before. Consumes the draft. passes: at most
 * once each, in this order; NULL at the end. */
typedef bool shrink_pass(struct shrinker *shrinker);
bool shrink_excursion(struct shrinker *shrinker, struct shrink_draft *candidate, shrink_pass *const *passes);

/* Runs a spec once, whatever is remembered. Returns the times of its steps, for shrink_times_free. */
int64_t *shrink_run_once(struct shrinker *shrinker, const struct sim_spec *spec, struct attempt *attempt);
void shrink_times_free(int64_t *step_ns);

/* Gives the best the time that a file needs, at the end of it some to settle; true where the correct engine
 * survives the same steps then, else nothing is changed. */
bool shrink_finish(struct shrinker *shrinker, bool settling);

/* True where the best was made smaller. */
#define X(name, sentence) bool shrink_pass_##name(struct shrinker *shrinker);
#include "harness/shrink_passes.def"
#undef X

/* ---- ways to leave one step out (harness/shrink_steps.c) ---- */

enum shrink_way {
    SHRINK_WAY_DROP, /* it goes; the others wait for what they waited for */
    SHRINK_WAY_HAND, /* the next step takes over what it waited for */
    SHRINK_WAY_TIME, /* the next step runs at the time at which it ran */
    SHRINK_WAYS
};
/* When a step has to run, by its time alone, to do what it did: right behind what its gate waited for.
 * ISR_TIME_NEVER: it did not run. */
int64_t shrink_ran_ns(const struct shrinker *shrinker, uint32_t step);
/* The best with the steps that ran, at the times at which they did. */
struct shrink_draft *shrink_by_times(const struct shrinker *shrinker);
/* The best without these steps; NULL where the way is not another one than those before. */
struct shrink_draft *shrink_without(const struct shrinker *shrinker, uint32_t place, uint32_t count,
                                    enum shrink_way way);

#endif
