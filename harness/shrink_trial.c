#include "harness/shrink_trial.h"

#include <stdlib.h>
#include <string.h>

/* An event takes microseconds. One that takes so much of a processor does not end. */
static const int64_t EVENT_NS = 200 * ISR_MS;

/* Room for what passes add to a spec, and for what is listened to. */
enum { MORE_BYTES = 32 * 1024 * 1024 };

/* What both processes see. */
struct trial {
    struct arena *arena;
    struct sim_spec spec;
    struct attempt_limits limits;
    struct shrink_listener listener;
    shrink_judge *judge;
    void *judge_object;
    int64_t *step_ns; /* the judge's */
    struct attempt attempt;
};

bool shrink_trial_open(struct shrinker *shrinker)
{
    const struct sim_spec *spec = shrinker->request->spec;
    return apart_open(&shrinker->apart, MORE_BYTES + 2 * spec->steps_count * sizeof *spec->steps);
}

void *shrink_trial_memory(struct shrinker *shrinker, size_t bytes)
{
    void *memory = apart_allocate(&shrinker->apart, bytes);
    if (memory == NULL) {
        fputs("isrsim: shrink: a scenario is too large\n", stderr);
        exit(1);
    }
    return memory;
}

static void do_trial(void *object)
{
    struct trial *trial = object;
    const struct attempt_request request = {.spec = &trial->spec,
                                            .seed = trial->spec.seed,
                                            .limits = trial->limits,
                                            .begin = trial->listener.begin,
                                            .over = trial->listener.over,
                                            .object = trial->listener.object};
    attempt_last_words(&trial->attempt, &trial->limits);
    if (trial->judge != NULL)
        trial->judge(trial->judge_object, &trial->spec, &trial->attempt, trial->step_ns);
    else
        attempt_run(trial->arena, &request, &trial->attempt);
    attempt_last_words(NULL, NULL);
}

static struct trial *trial_new(struct shrinker *shrinker, const struct sim_spec *spec)
{
    struct trial *trial = shrink_trial_memory(shrinker, sizeof *trial);
    struct isr_heap heap = apart_heap(&shrinker->apart);
    trial->arena = shrinker->arena;
    sim_spec_copy(&trial->spec, spec, &heap);
    trial->limits = (struct attempt_limits){.events = shrinker->events_most, .event_ns = EVENT_NS};
    return trial;
}

static void carry_out(struct shrinker *shrinker, struct trial *trial, struct attempt *attempt)
{
    int status;
    enum apart_end end = apart_do(&shrinker->apart, do_trial, trial, &status);
    if (end == APART_FAILED)
        exit(1);
    if (end == APART_DIED)
        attempt_died(&trial->attempt, status, &trial->limits);
    *attempt = trial->attempt;
    apart_forget(&shrinker->apart);
}

void shrink_trial(struct shrinker *shrinker, const struct sim_spec *spec,
                  const struct shrink_listener *listener, struct attempt *attempt)
{
    struct trial *trial = trial_new(shrinker, spec);
    trial->listener = *listener;
    carry_out(shrinker, trial, attempt);
}

/* ---- with the times of steps ---- */

static void take_step(void *object, struct sim_world *world, const struct sim_trace_record *record)
{
    int64_t *step_ns = object;
    if (record->kind == SIM_TRACE_STEP_RUN)
        step_ns[record->fields[0]] = world->now_ns;
}

static void listen(void *object, struct sim_world *world)
{
    sim_trace_listen(&world->trace, take_step, object, ISR_IMPORTANCE_story);
}

void shrink_trial_timed(struct shrinker *shrinker, const struct sim_spec *spec, struct attempt *attempt,
                        int64_t *step_ns)
{
    size_t bytes = spec->steps_count * sizeof *step_ns;
    int64_t *shared = shrink_trial_memory(shrinker, bytes);
    struct trial *trial = trial_new(shrinker, spec);
    for (uint32_t i = 0; i < spec->steps_count; i++)
        shared[i] = ISR_TIME_NEVER;
    trial->listener = (struct shrink_listener){.begin = listen, .object = shared};
    trial->judge = shrinker->request->judge;
    trial->judge_object = shrinker->request->object;
    trial->step_ns = shared;
    carry_out(shrinker, trial, attempt);
    memcpy(step_ns, shared, bytes);
}
