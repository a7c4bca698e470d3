#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "harness/museum_power.h"

/* Found after 1, 2, 3, ... seeds, of 10 ms each, in an order that is none. */
static void fill(struct museum_cell *cells, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t seeds = (i * 7) % count + 1;
        cells[i] = (struct museum_cell){.found = true,
                                        .seeds = seeds,
                                        .cpu_ns = (int64_t)seeds * 10000000,
                                        .invariant = SIM_INVARIANT_I1,
                                        .correct = SIM_VERDICT_HELD};
    }
}

static void takes_the_sixth_value_from_each_end_of_twenty(void **state)
{
    (void)state;
    struct museum_cell cells[20];
    fill(cells, 20);
    struct museum_power power = museum_power_of(cells, 20);
    assert_int_equal(power.found, 20);
    assert_true(fabs(power.seeds.median - 10.5) < 1e-9);
    assert_true(fabs(power.seeds.low - 6) < 1e-9 && fabs(power.seeds.high - 15) < 1e-9);
    assert_true(fabs(power.cpu_seconds.median - 0.105) < 1e-9);
    assert_int_equal(power.invariants, 1u << SIM_INVARIANT_I1);
    assert_int_equal(power.harmed, 0);
}

static void takes_all_values_when_there_are_few(void **state)
{
    (void)state;
    struct museum_cell cells[3];
    fill(cells, 3);
    struct museum_power power = museum_power_of(cells, 3);
    assert_true(fabs(power.seeds.median - 2) < 1e-9);
    assert_true(fabs(power.seeds.low - 1) < 1e-9 && fabs(power.seeds.high - 3) < 1e-9);
    power = museum_power_of(cells, 1);
    assert_true(fabs(power.seeds.low - 1) < 1e-9 && fabs(power.seeds.high - 1) < 1e-9);
}

static void counts_what_was_not_found_as_beyond_every_budget(void **state)
{
    (void)state;
    struct museum_cell cells[20];
    char text[64];
    fill(cells, 20);
    for (uint32_t i = 0; i < 20; i++)
        cells[i].found = cells[i].seeds <= 8;
    struct museum_power power = museum_power_of(cells, 20);
    assert_int_equal(power.found, 8);
    assert_true(isinf(power.seeds.median) && isinf(power.seeds.high) && !isinf(power.seeds.low));
    museum_print_quantity(&power.seeds, 0, text, sizeof text);
    assert_string_equal(text, "never (6-never)");
}

static void tells_who_breaks_on_the_correct_rules(void **state)
{
    (void)state;
    struct museum_cell cells[3];
    char text[64];
    fill(cells, 3);
    cells[1].correct = SIM_VERDICT_VIOLATED;
    cells[1].invariant = SIM_INVARIANT_L1;
    struct museum_power power = museum_power_of(cells, 3);
    assert_int_equal(power.harmed, 1);
    museum_print_invariants(power.invariants, text, sizeof text);
    assert_string_equal(text, "I1, L1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_sixth_value_from_each_end_of_twenty),
        cmocka_unit_test(takes_all_values_when_there_are_few),
        cmocka_unit_test(counts_what_was_not_found_as_beyond_every_budget),
        cmocka_unit_test(tells_who_breaks_on_the_correct_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
