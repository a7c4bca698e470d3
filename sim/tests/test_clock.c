#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/base/hash.h"
#include "core/base/types.h"
#include "sim/clock.h"

static void shows_world_time_plus_offset(void **state)
{
    (void)state;
    struct sim_clock clock;
    sim_clock_init(&clock, 5 * ISR_SECOND, 0);
    assert_int_equal(sim_clock_local(&clock, 0), SIM_CLOCK_EPOCH_NS + 5 * ISR_SECOND);
    assert_int_equal(sim_clock_local(&clock, 7), SIM_CLOCK_EPOCH_NS + 5 * ISR_SECOND + 7);
    assert_int_equal(sim_clock_world(&clock, 3, SIM_CLOCK_EPOCH_NS + 6 * ISR_SECOND), ISR_SECOND);
    assert_int_equal(sim_clock_world(&clock, 3, 0), 3);
    assert_true(sim_clock_world(&clock, 3, ISR_TIME_NEVER) == ISR_TIME_NEVER);
}

static void gains_and_loses_by_its_drift(void **state)
{
    (void)state;
    struct sim_clock fast, slow;
    sim_clock_init(&fast, 0, 1000);
    sim_clock_init(&slow, 0, -1000);
    int64_t day = 86400 * ISR_SECOND;
    assert_int_equal(sim_clock_local(&fast, day) - SIM_CLOCK_EPOCH_NS, day + day / 1000);
    assert_int_equal(sim_clock_local(&slow, day) - SIM_CLOCK_EPOCH_NS, day - day / 1000);
}

/* The model of the inverse: local(w) >= T, and local(w - 1) < T. */
static void wakes_at_the_first_moment_that_shows_the_time(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t draw = isr_hash_combine(1, i);
        struct sim_clock clock;
        sim_clock_init(&clock, (int64_t)(draw % 1000000),
                       (int64_t)(draw >> 20 & 0xfffff) % 500000 - (i % 2 == 0 ? 0 : 499999));
        int64_t start = (int64_t)(isr_mix(draw) % 1000000000);
        sim_clock_set_drift(&clock, start, clock.drift_ppm / 2);
        int64_t wanted = sim_clock_local(&clock, start) + 1 +
                         (int64_t)(isr_mix(draw + 1) % (i % 3 == 0 ? 100 : 10000000000000));
        int64_t at = sim_clock_world(&clock, start, wanted);
        assert_true(sim_clock_local(&clock, at) >= wanted);
        assert_true(at == start || sim_clock_local(&clock, at - 1) < wanted);
    }
}

static void never_goes_back_while_the_process_lives(void **state)
{
    (void)state;
    struct sim_clock clock;
    sim_clock_init(&clock, 0, 0);
    int64_t shown = sim_clock_local(&clock, ISR_SECOND);
    sim_clock_set_offset(&clock, ISR_SECOND, -ISR_SECOND / 2);
    assert_int_equal(sim_clock_local(&clock, ISR_SECOND), shown);
    assert_int_equal(sim_clock_local(&clock, ISR_SECOND + ISR_SECOND / 4), shown);
    assert_int_equal(sim_clock_local(&clock, 2 * ISR_SECOND), shown + ISR_SECOND / 2);
    /* a wake-up for shortly after what it shows comes when it has caught up */
    assert_int_equal(sim_clock_world(&clock, ISR_SECOND, shown + 10), ISR_SECOND + ISR_SECOND / 2 + 10);
    assert_int_equal(sim_clock_world(&clock, ISR_SECOND, shown), ISR_SECOND);
    /* the next process sees it set back */
    sim_clock_start(&clock);
    assert_int_equal(sim_clock_local(&clock, ISR_SECOND), shown - ISR_SECOND / 2);
}

static void is_monotone_through_random_changes(void **state)
{
    (void)state;
    struct sim_clock clock;
    sim_clock_init(&clock, 0, 0);
    int64_t now = 0, shown = sim_clock_local(&clock, 0);
    for (uint64_t i = 0; i < 50000; i++) {
        uint64_t draw = isr_hash_combine(2, i);
        now += (int64_t)(draw % 100000);
        if (draw >> 60 == 0)
            sim_clock_set_offset(&clock, now, (int64_t)(draw >> 8 & 0xffffff) - 0x800000);
        if (draw >> 60 == 1)
            sim_clock_set_drift(&clock, now, (int64_t)(draw >> 8) % 400000);
        int64_t reading = sim_clock_local(&clock, now);
        assert_true(reading >= shown);
        shown = reading;
    }
}

static void jumps_forward_on_both_clocks(void **state)
{
    (void)state;
    struct sim_clock clock;
    sim_clock_init(&clock, 0, 0);
    int64_t shown = sim_clock_local(&clock, ISR_SECOND), wall = sim_clock_wall(&clock, ISR_SECOND);
    sim_clock_jump(&clock, 5 * ISR_SECOND);
    assert_int_equal(sim_clock_local(&clock, ISR_SECOND), shown + 5 * ISR_SECOND);
    assert_int_equal(sim_clock_wall(&clock, ISR_SECOND), wall + 5 * ISR_SECOND);
    /* also while it stands still because it was set back */
    sim_clock_set_offset(&clock, ISR_SECOND, 0);
    assert_int_equal(sim_clock_local(&clock, ISR_SECOND), shown + 5 * ISR_SECOND);
    sim_clock_jump(&clock, ISR_SECOND);
    assert_int_equal(sim_clock_local(&clock, ISR_SECOND), shown + 6 * ISR_SECOND);
    assert_int_equal(sim_clock_wall(&clock, ISR_SECOND), wall + ISR_SECOND);
}

static void steps_the_wall_clock_alone(void **state)
{
    (void)state;
    struct sim_clock clock;
    sim_clock_init(&clock, 0, 0);
    int64_t shown = sim_clock_local(&clock, 0), wall = sim_clock_wall(&clock, 0);
    sim_clock_step_wall(&clock, -3600 * ISR_SECOND);
    assert_int_equal(sim_clock_wall(&clock, 7), wall - 3600 * ISR_SECOND + 7);
    assert_int_equal(sim_clock_local(&clock, 7), shown + 7);
    assert_int_equal(sim_clock_world(&clock, 0, shown + 9), 9);
    sim_clock_step_wall(&clock, 3601 * ISR_SECOND);
    assert_int_equal(sim_clock_wall(&clock, 7), wall + ISR_SECOND + 7);
    for (int i = 0; i < 10; i++)
        sim_clock_step_wall(&clock, -SIM_CLOCK_WALL_NS_MAX);
    assert_true(sim_clock_wall(&clock, 0) > 0);
}

static void shows_on_the_wall_what_it_was_set_back_to(void **state)
{
    (void)state;
    struct sim_clock clock;
    sim_clock_init(&clock, 0, 0);
    int64_t shown = sim_clock_local(&clock, ISR_SECOND), wall = sim_clock_wall(&clock, ISR_SECOND);
    sim_clock_set_offset(&clock, ISR_SECOND, -ISR_SECOND / 2);
    assert_int_equal(sim_clock_local(&clock, ISR_SECOND), shown);
    assert_int_equal(sim_clock_wall(&clock, ISR_SECOND), wall - ISR_SECOND / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_world_time_plus_offset),
        cmocka_unit_test(gains_and_loses_by_its_drift),
        cmocka_unit_test(wakes_at_the_first_moment_that_shows_the_time),
        cmocka_unit_test(never_goes_back_while_the_process_lives),
        cmocka_unit_test(is_monotone_through_random_changes),
        cmocka_unit_test(jumps_forward_on_both_clocks),
        cmocka_unit_test(steps_the_wall_clock_alone),
        cmocka_unit_test(shows_on_the_wall_what_it_was_set_back_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
