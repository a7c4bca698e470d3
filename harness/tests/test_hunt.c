#define _POSIX_C_SOURCE 200809L

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "core/base/assert.h"
#include "harness/hunt.h"
#include "harness/tests/support.h"

enum { SEEDS_MAX = 64 };

static struct scenario scenario;

static int set_up(void **state)
{
    (void)state;
    read_good(&scenario, HEAD "duration: 2s\nsettle: 0s\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scenario_free(&scenario);
    return 0;
}

/* What is wrong with a seed, and what came of all of them. */
enum wrong { NOTHING, VIOLATION, ASSERTION, CRASH, HANG, SLOW };

struct hunted {
    enum wrong wrong[SEEDS_MAX];
    enum wrong now;
    struct hunt_run runs[SEEDS_MAX];
    unsigned count;
};

static void go_wrong(void *object, struct sim_world *world)
{
    const struct hunted *hunted = object;
    switch (hunted->now) {
    case NOTHING:
        return;
    case VIOLATION:
        sim_world_fail(world, SIM_INVARIANT_I5, "orders-0: leader epoch %d has two leaders, n1 and n2",
                       (int)world->seed);
        return;
    case ASSERTION:
        ISR_ASSERT(world == NULL);
        return;
    case CRASH:
        kill(getpid(), SIGKILL);
        return;
    case HANG:
        for (;;)
            pause();
    case SLOW:
        nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
        return;
    }
}

static void prepare(void *object, uint64_t seed, struct attempt_request *request, uint64_t *kinds)
{
    struct hunted *hunted = object;
    hunted->now = hunted->wrong[seed % SEEDS_MAX];
    request->spec = &scenario.base;
    request->begin = go_wrong;
    request->object = hunted;
    *kinds = seed;
}

static void took(void *object, const struct hunt_run *run)
{
    struct hunted *hunted = object;
    assert_true(hunted->count < SEEDS_MAX);
    hunted->runs[hunted->count++] = *run;
}

static struct hunt hunt_for(struct hunted *hunted, uint64_t first, uint64_t last, unsigned jobs)
{
    return (struct hunt){.first = first,
                         .last = last,
                         .shard = 1,
                         .shards = 1,
                         .jobs = jobs,
                         .keep_going = true,
                         .limits = {.events = 1000000, .wall_ns = 60 * ISR_SECOND},
                         .prepare = prepare,
                         .took = took,
                         .object = hunted};
}

static void assert_seeds(const struct hunted *hunted, uint64_t first, uint64_t step, unsigned count)
{
    assert_int_equal(hunted->count, count);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(hunted->runs[i].seed, first + i * step);
}

static void tells_every_seed_in_order_whoever_was_faster(void **state)
{
    struct hunted hunted = {.wrong = {[2] = SLOW, [11] = SLOW}};
    struct hunt hunt = hunt_for(&hunted, 1, 20, 3);
    (void)state;
    assert_int_equal(hunt_run(&hunt), HUNT_DONE);
    assert_seeds(&hunted, 1, 1, 20);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(hunted.runs[i].attempt.verdict, SIM_VERDICT_HELD);
        assert_int_equal(hunted.runs[i].kinds, i + 1);
        assert_int_equal(hunted.runs[i].signature.id, 0);
    }
    assert_int_not_equal(hunted.runs[0].attempt.hash, hunted.runs[1].attempt.hash);
}

static void is_the_same_with_any_number_of_workers(void **state)
{
    static struct hunted one, three;
    struct hunt alone = hunt_for(&one, 5, 25, 1), together = hunt_for(&three, 5, 25, 3);
    (void)state;
    one.wrong[9] = three.wrong[9] = VIOLATION;
    assert_int_equal(hunt_run(&alone), HUNT_DONE);
    assert_int_equal(hunt_run(&together), HUNT_DONE);
    assert_int_equal(one.count, three.count);
    for (unsigned i = 0; i < one.count; i++) {
        assert_int_equal(one.runs[i].attempt.hash, three.runs[i].attempt.hash);
        assert_int_equal(one.runs[i].signature.id, three.runs[i].signature.id);
    }
}

static void loses_no_seed_when_workers_die(void **state)
{
    static struct hunted hunted = {.wrong = {[3] = ASSERTION, [4] = CRASH, [6] = CRASH, [17] = ASSERTION}};
    struct hunt hunt = hunt_for(&hunted, 1, 18, 2);
    (void)state;
    assert_int_equal(hunt_run(&hunt), HUNT_DONE);
    assert_seeds(&hunted, 1, 1, 18);
    for (unsigned i = 0; i < 18; i++) {
        bool died = hunted.wrong[i + 1] != NOTHING;
        assert_int_equal(hunted.runs[i].attempt.verdict, died ? SIM_VERDICT_CRASHED : SIM_VERDICT_HELD);
    }
    assert_non_null(strstr(hunted.runs[2].attempt.message, "assertion of the engine failed: world == NULL"));
    assert_non_null(strstr(hunted.runs[2].signature.text, "harness/tests/test_hunt.c:"));
    assert_int_equal(hunted.runs[2].signature.id, hunted.runs[16].signature.id);
    assert_non_null(strstr(hunted.runs[3].attempt.message, "the process died of signal 9"));
    assert_int_equal(hunted.runs[3].signature.id, hunted.runs[5].signature.id);
}

static void ends_a_run_that_hangs(void **state)
{
    static struct hunted hunted = {.wrong = {[2] = HANG}};
    struct hunt hunt = hunt_for(&hunted, 1, 6, 1);
    (void)state;
    hunt.limits.wall_ns = 10 * ISR_MS;
    assert_int_equal(hunt_run(&hunt), HUNT_DONE);
    assert_seeds(&hunted, 1, 1, 6);
    assert_int_equal(hunted.runs[1].attempt.end, ATTEMPT_OVER_TIME);
    assert_non_null(strstr(hunted.runs[1].attempt.message, "in the middle of an event"));
    assert_string_equal(hunted.runs[1].signature.text, "longer than the limit");
}

static void tells_runs_over_their_limit_of_events(void **state)
{
    static struct hunted hunted;
    struct hunt hunt = hunt_for(&hunted, 1, 3, 2);
    (void)state;
    hunt.limits.events = 200;
    assert_int_equal(hunt_run(&hunt), HUNT_DONE);
    assert_seeds(&hunted, 1, 1, 3);
    assert_int_equal(hunted.runs[0].attempt.end, ATTEMPT_OVER_EVENTS);
}

static void ends_at_the_smallest_seed_that_fails(void **state)
{
    (void)state;
    for (unsigned jobs = 1; jobs <= 4; jobs++) {
        static struct hunted hunted;
        hunted = (struct hunted){.wrong = {[3] = SLOW, [5] = VIOLATION, [6] = CRASH, [7] = VIOLATION}};
        struct hunt hunt = hunt_for(&hunted, 1, 40, jobs);
        hunt.keep_going = false;
        assert_int_equal(hunt_run(&hunt), HUNT_FOUND);
        assert_seeds(&hunted, 1, 1, 5);
        assert_int_equal(hunted.runs[4].attempt.verdict, SIM_VERDICT_VIOLATED);
    }
}

static void shards_are_the_whole_and_do_not_overlap(void **state)
{
    bool run[SEEDS_MAX] = {false};
    (void)state;
    for (uint32_t shard = 1; shard <= 3; shard++) {
        static struct hunted hunted;
        hunted.count = 0;
        struct hunt hunt = hunt_for(&hunted, 10, 20, 2);
        hunt.shard = shard;
        hunt.shards = 3;
        assert_int_equal(hunt_seeds(&hunt), shard < 3 ? 4 : 3);
        assert_int_equal(hunt_run(&hunt), HUNT_DONE);
        assert_seeds(&hunted, 9 + shard, 3, (unsigned)hunt_seeds(&hunt));
        for (unsigned i = 0; i < hunted.count; i++) {
            assert_false(run[hunted.runs[i].seed]);
            run[hunted.runs[i].seed] = true;
        }
    }
    for (unsigned seed = 10; seed <= 20; seed++)
        assert_true(run[seed]);
}

static void counts_the_seeds_of_a_shard(void **state)
{
    struct hunt hunt = {.first = 1, .last = 2, .shard = 3, .shards = 3};
    (void)state;
    assert_int_equal(hunt_seeds(&hunt), 0);
    hunt = (struct hunt){.first = 0, .last = UINT64_MAX, .shard = 1, .shards = 1};
    assert_true(hunt_seeds(&hunt) == UINT64_MAX);
    hunt.shards = 2;
    assert_true(hunt_seeds(&hunt) == UINT64_C(1) << 63);
    hunt = (struct hunt){.first = UINT64_MAX, .last = UINT64_MAX, .shard = 1, .shards = 5};
    assert_int_equal(hunt_seeds(&hunt), 1);
}

static void runs_up_to_the_greatest_seed(void **state)
{
    static struct hunted hunted;
    struct hunt hunt = hunt_for(&hunted, UINT64_MAX - 2, UINT64_MAX, 2);
    (void)state;
    assert_int_equal(hunt_run(&hunt), HUNT_DONE);
    assert_seeds(&hunted, UINT64_MAX - 2, 1, 3);
}

static void begins_nothing_more_when_time_is_over(void **state)
{
    static struct hunted hunted;
    struct hunt hunt = hunt_for(&hunted, 1, 50, 1);
    (void)state;
    for (unsigned i = 0; i < SEEDS_MAX; i++)
        hunted.wrong[i] = SLOW;
    hunt.budget_ns = 400 * ISR_MS;
    assert_int_equal(hunt_run(&hunt), HUNT_OVER_BUDGET);
    assert_seeds(&hunted, 1, 1, hunted.count);
    assert_true(hunted.count >= 1 && hunted.count <= 12);
}

static void waits_no_longer_than_a_little_for_what_was_begun(void **state)
{
    static struct hunted hunted = {.wrong = {[2] = HANG}};
    struct hunt hunt = hunt_for(&hunted, 1, UINT64_MAX, 1);
    (void)state;
    hunt.budget_ns = 50 * ISR_MS;
    assert_int_equal(hunt_run(&hunt), HUNT_OVER_BUDGET);
    assert_seeds(&hunted, 1, 1, 1);
}

static void interrupt(void *object)
{
    struct hunted *hunted = object;
    if (hunted->count >= 3)
        kill(getpid(), SIGTERM);
}

static void ends_with_what_was_found_when_interrupted(void **state)
{
    static struct hunted hunted = {.wrong = {[2] = VIOLATION, [4] = HANG}};
    struct hunt hunt = hunt_for(&hunted, 1, 50, 1);
    (void)state;
    hunt.wait = interrupt;
    assert_int_equal(hunt_run(&hunt), HUNT_INTERRUPTED);
    assert_seeds(&hunted, 1, 1, 3);
    assert_int_equal(hunted.runs[1].attempt.verdict, SIM_VERDICT_VIOLATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_every_seed_in_order_whoever_was_faster),
        cmocka_unit_test(is_the_same_with_any_number_of_workers),
        cmocka_unit_test(loses_no_seed_when_workers_die),
        cmocka_unit_test(ends_a_run_that_hangs),
        cmocka_unit_test(tells_runs_over_their_limit_of_events),
        cmocka_unit_test(ends_at_the_smallest_seed_that_fails),
        cmocka_unit_test(shards_are_the_whole_and_do_not_overlap),
        cmocka_unit_test(counts_the_seeds_of_a_shard),
        cmocka_unit_test(runs_up_to_the_greatest_seed),
        cmocka_unit_test(begins_nothing_more_when_time_is_over),
        cmocka_unit_test(waits_no_longer_than_a_little_for_what_was_begun),
        cmocka_unit_test(ends_with_what_was_found_when_interrupted),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
