/* The runs of a shrinking, in a process of their own: a candidate that crashes it, or that hangs, is an
 * outcome like any other. */
#ifndef HARNESS_SHRINK_TRIAL_H
#define HARNESS_SHRINK_TRIAL_H

#include "harness/shrinker.h"

/* What listens to a run; all zero: nothing does. It is called in the other process. */
struct shrink_listener {
    void (*begin)(void *object, struct sim_world *world); /* before the first event */
    void (*over)(void *object, struct sim_world *world);  /* at the end, however it ended */
    void *object;                                         /* of shrink_trial_memory */
};

/* For such specs as the one that is to be shrunk. False after an error on stderr. */
bool shrink_trial_open(struct shrinker *shrinker);

/* Zeroed memory that both processes see, until the next trial. Ends this process where there is no more. */
void *shrink_trial_memory(struct shrinker *shrinker, size_t bytes);

/* Runs the spec under its seed, within the shrinker's limits, and fills attempt. Ends this process where no
 * other can be started. */
void shrink_trial(struct shrinker *shrinker, const struct sim_spec *spec,
                  const struct shrink_listener *listener, struct attempt *attempt);
/* The same by the judge, where there is one, with the times of the steps that ran: spec->steps_count many. */
void shrink_trial_timed(struct shrinker *shrinker, const struct sim_spec *spec, struct attempt *attempt,
                        int64_t *step_ns);

#endif
