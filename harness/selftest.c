#include "harness/selftest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness/attempt.h"

/* ---- the proof, in steps that are carried out one after the other ---- */

enum proof_action { TAKE, RESTORE, RUN_TO, RUN_OTHER, COMPARE };

struct proof_step {
    enum proof_action action;
    int moment;
};

static const struct proof_step proof[] = {
    {RUN_TO, 0},
    {TAKE, 0},
    {RUN_TO, 1},
    {TAKE, 1},
    {RUN_TO, 2},
    {TAKE, 2},
    {RUN_TO, SELFTEST_END},
    {TAKE, SELFTEST_END},
    /* back from the end */
    {RESTORE, 1},
    {RUN_TO, SELFTEST_END},
    {COMPARE, SELFTEST_END},
    /* back, further back from there, and on to a later moment */
    {RESTORE, 2},
    {RESTORE, 0},
    {COMPARE, 0},
    {RUN_TO, 1},
    {COMPARE, 1},
    /* forward */
    {RESTORE, 2},
    {RUN_TO, SELFTEST_END},
    {COMPARE, SELFTEST_END},
    /* after another world */
    {RUN_OTHER, 0},
    {RESTORE, 1},
    {COMPARE, 1},
    {RUN_TO, SELFTEST_END},
    {COMPARE, SELFTEST_END},
};

/* Where the functions of a run will have their variables. */
__attribute__((noinline)) static void clean_stack(void)
{
    enum { DEEP = 128 << 10 };
    volatile uint64_t room[DEEP / sizeof(uint64_t)];
    for (size_t i = 0; i < DEEP / sizeof room[0]; i++)
        room[i] = 0;
}

static struct sim_world *world_of(struct arena *arena, struct fault_plan *plan, uint64_t seed)
{
    fault_generate(plan, &(struct fault_request){.seed = seed});
    return attempt_world(arena, &(struct attempt_request){.spec = &plan->spec, .seed = seed}, NULL);
}

/* events: of the moments up to this one. */
static void run_to(struct sim_world *world, const uint64_t events[], int moment)
{
    for (int next = 0; next <= moment; next++) {
        if (next < SELFTEST_END && events[next] <= world->counters.events)
            continue;
        clean_stack();
        if (next == SELFTEST_END)
            sim_world_run(world);
        else
            attempt_step_to(world, events[next]);
    }
}

static bool ended_the_same(struct selftest_checkpoints *test, const struct sim_world *world)
{
    if (world->trace.hash == test->hash)
        return true;
    snprintf(test->message, sizeof test->message,
             "the run ends with the hash %016" PRIx64 ", but without checkpoints with %016" PRIx64,
             world->trace.hash, test->hash);
    return false;
}

static bool take(struct selftest_checkpoints *test, int moment, struct sim_world *world)
{
    test->taken++;
    if (sim_checkpoint_take(&test->moments[moment], world))
        return true;
    snprintf(test->message, sizeof test->message, "the system has no memory for a checkpoint");
    return false;
}

static bool compare(struct selftest_checkpoints *test, int moment)
{
    const struct sim_checkpoint *checkpoint = &test->moments[moment];
    uint64_t where;
    test->bytes_compared += checkpoint->copy.bytes;
    if (sim_checkpoint_equals(checkpoint, &where))
        return true;
    snprintf(test->message, sizeof test->message,
             "at event %" PRIu64 " the arena is another from byte %" PRIu64 " of %" PRIu64 " on",
             checkpoint->events, where, checkpoint->copy.bytes);
    return false;
}

static bool carry_out(struct selftest_checkpoints *test, struct sim_world *world, const uint64_t events[],
                      const struct proof_step *step)
{
    enum { OTHER_EVENTS = 5000 };
    switch (step->action) {
    case TAKE:
        return take(test, step->moment, world);
    case RESTORE:
        test->restored++;
        sim_checkpoint_restore(&test->moments[step->moment]);
        return true;
    case RUN_TO:
        run_to(world, events, step->moment);
        return step->moment != SELFTEST_END || ended_the_same(test, world);
    case RUN_OTHER:
        attempt_step_to(world_of(world->arena, &test->other, isr_mix(world->seed)), OTHER_EVENTS);
        return true;
    case COMPARE:
        return compare(test, step->moment);
    }
    return false;
}

bool selftest_checkpoints_seed(struct selftest_checkpoints *test, struct arena *arena, uint64_t seed)
{
    struct sim_world *world = world_of(arena, &test->plan, seed);
    sim_world_run(world);
    uint64_t third = world->counters.events / SELFTEST_END, events[SELFTEST_END];
    test->hash = world->trace.hash;
    for (uint64_t i = 0; i < SELFTEST_END; i++)
        events[i] = third * i + sim_random_below(isr_hash_combine(isr_mix(seed), i), third);
    world = world_of(arena, &test->plan, seed);
    test->seeds++;
    bool good = true;
    for (size_t i = 0; good && i < sizeof proof / sizeof proof[0]; i++)
        good = carry_out(test, world, events, &proof[i]);
    return good;
}

void selftest_checkpoints_free(struct selftest_checkpoints *test)
{
    for (int i = 0; i < SELFTEST_MOMENTS; i++)
        sim_checkpoint_free(&test->moments[i]);
}
