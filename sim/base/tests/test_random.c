#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/tests/support.h"
#include "sim/base/random.h"

static void draws_depend_on_seed_purpose_actor_and_own_counter_alone(void **state)
{
    (void)state;
    struct test_heap memory;
    test_heap_init(&memory);
    struct isr_heap heap = memory.heap;
    struct sim_random a, b;
    sim_random_init(&a, 1, 5, &heap);
    sim_random_init(&b, 1, 5, &heap);
    /* a draws for others in between; b does not */
    for (int i = 0; i < 100; i++) {
        sim_random_draw(&a, SIM_RANDOM_DISK_LATENCY, 3);
        sim_random_draw(&a, SIM_RANDOM_WORKLOAD, 2);
        assert_true(sim_random_draw(&a, SIM_RANDOM_DISK_LATENCY, 2) ==
                    sim_random_draw(&b, SIM_RANDOM_DISK_LATENCY, 2));
    }
    struct sim_random c;
    sim_random_init(&c, 2, 5, &heap);
    assert_true(sim_random_draw(&c, SIM_RANDOM_NODE, 1) != sim_random_draw(&b, SIM_RANDOM_NODE, 1));
    assert_true(sim_random_draw(&b, SIM_RANDOM_NODE, 2) != sim_random_draw(&b, SIM_RANDOM_NODE, 3));
    isr_heap_release(&heap, a.counters);
    isr_heap_release(&heap, b.counters);
    isr_heap_release(&heap, c.counters);
}

static void distribution_keeps_its_quantiles(void **state)
{
    (void)state;
    struct sim_distribution distribution = {1000, 2000, 9000, 50000};
    int below_median = 0, below_p99 = 0;
    enum { DRAWS = 200000 };
    int64_t least = INT64_MAX, most = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        int64_t value = sim_distribution_at(&distribution, isr_hash_combine(5, i));
        least = value < least ? value : least;
        most = value > most ? value : most;
        below_median += value < 2000;
        below_p99 += value < 9000;
    }
    assert_in_range(least, 1000, 1010);
    assert_in_range(most, 49000, 50000);
    assert_in_range(below_median, DRAWS * 49 / 100, DRAWS * 51 / 100);
    assert_in_range(below_p99, DRAWS * 985 / 1000, DRAWS * 995 / 1000);
}

static void distribution_takes_hours_without_overflow(void **state)
{
    (void)state;
    struct sim_distribution distribution = {0, INT64_C(3600000000000), INT64_C(36000000000000),
                                            INT64_C(360000000000000)};
    for (uint64_t i = 0; i < 1000; i++) {
        int64_t value = sim_distribution_at(&distribution, isr_hash_combine(6, i));
        assert_true(value >= 0 && value <= distribution.high_ns);
    }
    struct sim_distribution constant = {7, 7, 7, 7};
    assert_int_equal(sim_distribution_at(&constant, 12345), 7);
}

static void chance_bites_so_often(void **state)
{
    (void)state;
    struct test_heap memory;
    test_heap_init(&memory);
    struct isr_heap heap = memory.heap;
    struct sim_random random;
    sim_random_init(&random, 9, 2, &heap);
    int hits = 0;
    for (int i = 0; i < 100000; i++)
        hits += sim_random_chance(&random, SIM_RANDOM_FAULTS, 1, 20000);
    assert_in_range(hits, 1800, 2200);
    for (int i = 0; i < 1000; i++) {
        assert_false(sim_random_chance(&random, SIM_RANDOM_FAULTS, 1, 0));
        assert_true(sim_random_chance(&random, SIM_RANDOM_FAULTS, 1, 1000000));
        assert_in_range(sim_random_between(&random, SIM_RANDOM_FAULTS, 0, 10, 13), 10, 12);
    }
    isr_heap_release(&heap, random.counters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_depend_on_seed_purpose_actor_and_own_counter_alone),
        cmocka_unit_test(distribution_keeps_its_quantiles),
        cmocka_unit_test(distribution_takes_hours_without_overflow),
        cmocka_unit_test(chance_bites_so_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
