#define _POSIX_C_SOURCE 200809L

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/assert.h"
#include "harness/apart.h"
#include "harness/attempt.h"
#include "harness/tests/arena.h"
#include "harness/tests/support.h"

static struct scenario scenario;

static int set_up(void **state)
{
    read_good(&scenario, HEAD "steps: [{at: 2s, kill: n1}]\nduration: 4s\nsettle: 1s\n");
    return open_arena(state);
}

static int tear_down(void **state)
{
    scenario_free(&scenario);
    return close_arena(state);
}

static struct attempt_request request_of(uint64_t seed)
{
    return (struct attempt_request){.spec = &scenario.base, .seed = seed};
}

static void does_what_the_runner_does(void **state)
{
    struct attempt_request request = request_of(5);
    struct run_request run = {.program = "isrsim",
                              .path = "test.isr.yaml",
                              .variant = &scenario.variants[0],
                              .spec = &scenario.base,
                              .seed = 5};
    struct attempt attempt;
    struct run_result result;
    (void)state;
    struct sim_world *world = attempt_run(arena, &request, &attempt);
    assert_int_equal(world->trace.hash, attempt.hash);
    runner_run(arena, &run, NULL, &result);
    assert_int_equal(attempt.hash, result.hash);
    assert_int_equal(attempt.end, ATTEMPT_ENDED);
    assert_int_equal(attempt.virtual_ns, 4 * ISR_SECOND);
    assert_int_equal(attempt.counters.events, result.counters.events);
}

static void checks_what_is_asked_for(void **state)
{
    struct attempt_request request = request_of(5);
    struct attempt all, some;
    (void)state;
    attempt_run(arena, &request, &all);
    request.unchecked = UINT32_C(1) << SIM_INVARIANT_L1;
    attempt_run(arena, &request, &some);
    assert_int_equal(all.hash, some.hash);
    assert_true(some.counters.checks < all.counters.checks);
}

static void ends_a_run_that_takes_too_many_events(void **state)
{
    struct attempt_request request = request_of(5);
    struct attempt attempt;
    (void)state;
    request.limits.events = 500;
    attempt_run(arena, &request, &attempt);
    assert_int_equal(attempt.verdict, SIM_VERDICT_CRASHED);
    assert_int_equal(attempt.end, ATTEMPT_OVER_EVENTS);
    assert_int_equal(attempt.counters.events, 501);
    assert_non_null(strstr(attempt.message, "it took more than 500 events"));
    request.limits.events = 1000000;
    attempt_run(arena, &request, &attempt);
    assert_int_equal(attempt.end, ATTEMPT_ENDED);
}

static void ends_a_run_that_takes_too_long(void **state)
{
    struct attempt_request request = request_of(5);
    struct sim_spec spec = scenario.base;
    struct attempt attempt;
    (void)state;
    spec.duration_ns = 60 * ISR_SECOND;
    request.spec = &spec;
    request.limits.wall_ns = 1; /* over when the clock is looked at first */
    attempt_run(arena, &request, &attempt);
    assert_int_equal(attempt.verdict, SIM_VERDICT_CRASHED);
    assert_int_equal(attempt.end, ATTEMPT_OVER_TIME);
    assert_non_null(strstr(attempt.message, "it took more than 1ns"));
}

/* ---- in a process of its own ---- */

static void is_the_same_apart(void **state)
{
    struct attempt_request request = request_of(7);
    struct attempt here, apart;
    (void)state;
    attempt_run(arena, &request, &here);
    assert_true(attempt_apart(arena, &request, &apart));
    assert_memory_equal(&here.counters, &apart.counters, sizeof here.counters);
    assert_int_equal(here.hash, apart.hash);
    assert_int_equal(here.verdict, apart.verdict);
}

static void fail_assertion(void *object, struct sim_world *world)
{
    (void)object;
    sim_world_step(world);
    ISR_ASSERT(world == NULL);
}

static void tells_an_assertion_apart(void **state)
{
    struct attempt_request request = request_of(5);
    struct attempt attempt;
    (void)state;
    request.begin = fail_assertion;
    assert_true(attempt_apart(arena, &request, &attempt));
    assert_int_equal(attempt.verdict, SIM_VERDICT_CRASHED);
    assert_int_equal(attempt.end, ATTEMPT_DIED);
    assert_int_equal(attempt.counters.events, 1);
    assert_non_null(strstr(attempt.message, "assertion of the engine failed: world == NULL ("));
}

static void tells_an_assertion_without_a_world(void **state)
{
    struct attempt attempt;
    (void)state;
    attempt_asserted(&attempt, NULL, "assertion of the engine failed: x (core/x.c:1)");
    assert_int_equal(attempt.verdict, SIM_VERDICT_CRASHED);
    assert_int_equal(attempt.virtual_ns, 0);
}

static void die(void *object, struct sim_world *world)
{
    (void)world;
    int *code = object;
    if (*code == 0)
        kill(getpid(), SIGKILL);
    _exit(*code);
}

static void tells_a_crash_apart(void **state)
{
    int code = 0;
    struct attempt_request request = request_of(5);
    struct attempt attempt;
    (void)state;
    request.begin = die;
    request.object = &code;
    assert_true(attempt_apart(arena, &request, &attempt));
    assert_int_equal(attempt.verdict, SIM_VERDICT_CRASHED);
    assert_non_null(strstr(attempt.message, "the process died of signal 9 ("));
    code = 3;
    assert_true(attempt_apart(arena, &request, &attempt));
    assert_string_equal(attempt.message, "the process ended with exit code 3");
}

/* ---- last words ---- */

static void crash(void *object, struct sim_world *world)
{
    (void)object;
    for (unsigned i = 0; i < 5; i++)
        sim_world_step(world);
    raise(SIGSEGV);
}

static void tells_how_far_a_run_came_that_crashed(void **state)
{
    struct attempt_request request = request_of(5);
    struct attempt attempt;
    (void)state;
    request.begin = crash;
    assert_true(attempt_apart(arena, &request, &attempt));
    assert_int_equal(attempt.verdict, SIM_VERDICT_CRASHED);
    assert_int_equal(attempt.end, ATTEMPT_DIED);
    assert_int_equal(attempt.counters.events, 5);
    assert_int_not_equal(attempt.hash, 0);
    assert_non_null(strstr(attempt.message, "the process died of signal 11 ("));
}

static void hang(void *object, struct sim_world *world)
{
    (void)object;
    sim_world_step(world);
    for (volatile bool on = true; on;)
        continue;
}

static void ends_an_event_that_takes_too_much_of_a_processor(void **state)
{
    struct attempt_request request = request_of(5);
    struct attempt attempt;
    (void)state;
    request.begin = hang;
    request.limits.event_ns = 60 * ISR_MS;
    assert_true(attempt_apart(arena, &request, &attempt));
    assert_int_equal(attempt.end, ATTEMPT_OVER_TIME);
    assert_int_equal(attempt.counters.events, 1);
    assert_string_equal(attempt.message,
                        "the run was ended in the middle of an event: it took more than 60ms");
}

struct seen {
    struct attempt_request request;
    struct attempt attempt;
    uint64_t events; /* at the end */
    bool asserts, crashes;
};

static void see_the_end(void *object, struct sim_world *world)
{
    struct seen *seen = object;
    seen->events = world->counters.events;
    ISR_ASSERT(!seen->asserts);
    if (seen->crashes)
        raise(SIGSEGV);
}

static void run_it(void *object)
{
    struct seen *seen = object;
    attempt_last_words(&seen->attempt, &seen->request.limits);
    attempt_run(arena, &seen->request, &seen->attempt);
    attempt_last_words(NULL, NULL);
}

static void calls_who_waits_for_the_end_however_it_comes(void **state)
{
    static void (*const begins[])(void *object, struct sim_world *world) = {NULL, crash, fail_assertion};
    struct apart apart;
    int status;
    (void)state;
    for (unsigned i = 0; i < 9; i++) {
        assert_true(apart_open(&apart, 1 << 16));
        struct seen *seen = apart_allocate(&apart, sizeof *seen);
        seen->request = request_of(5);
        seen->request.begin = begins[i % 3];
        seen->request.over = see_the_end;
        seen->request.object = seen;
        seen->asserts = i / 3 == 1; /* a second failure ends the process as the first would have */
        seen->crashes = i / 3 == 2;
        enum apart_end end = apart_do(&apart, run_it, seen, &status);
        assert_int_equal(end, i == 0 ? APART_DONE : APART_DIED);
        assert_true(i % 3 == 0 ? seen->events > 100 : seen->events == (i % 3 == 1 ? 5 : 1));
        assert_int_equal(seen->attempt.counters.events, seen->events);
        assert_int_equal(seen->attempt.end, i == 0 ? ATTEMPT_ENDED : ATTEMPT_DIED);
        apart_close(&apart);
    }
}

static void sleep_for_ever(void *object, struct sim_world *world)
{
    (void)object;
    (void)world;
    for (;;)
        pause();
}

static void ends_a_step_that_does_not_return(void **state)
{
    struct attempt_request request = request_of(5);
    struct attempt attempt;
    (void)state;
    request.begin = sleep_for_ever;
    request.limits.wall_ns = 1;
    assert_true(attempt_apart(arena, &request, &attempt));
    assert_int_equal(attempt.verdict, SIM_VERDICT_CRASHED);
    assert_int_equal(attempt.end, ATTEMPT_OVER_TIME);
    assert_non_null(strstr(attempt.message, "in the middle of an event: it took more than 1ns"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(does_what_the_runner_does),
        cmocka_unit_test(checks_what_is_asked_for),
        cmocka_unit_test(ends_a_run_that_takes_too_many_events),
        cmocka_unit_test(ends_a_run_that_takes_too_long),
        cmocka_unit_test(is_the_same_apart),
        cmocka_unit_test(tells_an_assertion_apart),
        cmocka_unit_test(tells_an_assertion_without_a_world),
        cmocka_unit_test(tells_a_crash_apart),
        cmocka_unit_test(tells_how_far_a_run_came_that_crashed),
        cmocka_unit_test(ends_an_event_that_takes_too_much_of_a_processor),
        cmocka_unit_test(calls_who_waits_for_the_end_however_it_comes),
        cmocka_unit_test(ends_a_step_that_does_not_return),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
