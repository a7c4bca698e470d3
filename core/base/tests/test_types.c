/* Replica sets, files, randomness. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/tests/support.h"

/* Sets of node ids below 16, beside a bit mask. */
static void behave_as_ordered_sets(void **state)
{
    (void)state;
    struct test_random random = {.state = 4};
    struct isr_replicas set = {0};
    unsigned mask = 0;
    for (int round = 0; round < 20000; round++) {
        int node = 1 + (int)test_random_below(&random, 15);
        struct isr_replicas before = set;
        if (test_random_chance(&random, 2) && set.count < ISR_REPLICAS_MAX) {
            isr_replicas_add(&set, node);
            mask |= 1u << node;
        } else {
            isr_replicas_remove(&set, node);
            mask &= ~(1u << node);
        }
        for (int i = 1; i < 16; i++)
            assert_int_equal(isr_replicas_contain(&set, i), (mask >> i) & 1);
        struct isr_replicas unpacked = isr_replicas_unpack(isr_replicas_pack(&set));
        assert_memory_equal(&unpacked, &set, sizeof set);
        assert_true(set.count >= before.count ? isr_replicas_subset(&before, &set)
                                              : isr_replicas_subset(&set, &before));
        assert_int_equal(isr_replicas_equal_as_sets(&before, &set), before.count == set.count);
    }
}

static void keep_the_order_when_a_member_is_removed(void **state)
{
    (void)state;
    struct isr_replicas set = {.count = 4, .ids = {9, 2, 7, 5}};
    isr_replicas_remove(&set, 2);
    struct isr_replicas expected = {.count = 3, .ids = {9, 7, 5}};
    assert_memory_equal(&set, &expected, sizeof set);
    isr_replicas_add(&set, 7);
    assert_memory_equal(&set, &expected, sizeof set);
    struct isr_replicas turned = {.count = 3, .ids = {5, 9, 7}};
    assert_true(isr_replicas_equal_as_sets(&set, &turned));
    turned.ids[0] = 6;
    assert_false(isr_replicas_equal_as_sets(&set, &turned));
}

static void are_ordered_by_kind_partition_and_number(void **state)
{
    (void)state;
    static const struct isr_file files[] = {
        {ISR_FILE_SEGMENT, {1, 0}, 0}, {ISR_FILE_SEGMENT, {1, 0}, 500}, {ISR_FILE_SEGMENT, {1, 1}, 7},
        {ISR_FILE_SEGMENT, {2, 0}, 0}, {ISR_FILE_EPOCHS, {1, 0}, 0},    {ISR_FILE_QUORUM_LOG, {0, 0}, 3},
    };
    size_t count = sizeof files / sizeof files[0];
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int compared = isr_file_compare(files[i], files[j]);
            assert_int_equal(compared < 0, i < j);
            assert_int_equal(compared > 0, i > j);
            assert_int_equal(isr_file_equal(files[i], files[j]), i == j);
        }
    }
}

static void do_not_depend_on_draws_for_another_purpose(void **state)
{
    (void)state;
    struct isr_random one = {.key = 99}, two = {.key = 99}, other = {.key = 100};
    for (int i = 0; i < 100; i++)
        isr_random_draw(&two, ISR_RANDOM_BACKOFF);
    unsigned differing = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t drawn = isr_random_draw(&one, ISR_RANDOM_ELECTION);
        assert_true(drawn == isr_random_draw(&two, ISR_RANDOM_ELECTION));
        differing += drawn != isr_random_draw(&other, ISR_RANDOM_ELECTION);
    }
    assert_int_equal(differing, 100);
}

static void lie_in_the_range_and_reach_all_of_it(void **state)
{
    (void)state;
    struct isr_random random = {.key = 1};
    unsigned seen[10] = {0};
    for (int i = 0; i < 1000; i++) {
        int64_t drawn = isr_random_between(&random, ISR_RANDOM_BACKOFF, -5, 5);
        assert_in_range(drawn + 5, 0, 9);
        seen[drawn + 5]++;
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(seen[i], 60, 140);
    assert_int_equal(isr_random_between(&random, ISR_RANDOM_BACKOFF, 7, 7), 7);
    assert_int_equal(isr_random_between(&random, ISR_RANDOM_BACKOFF, 7, 3), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behave_as_ordered_sets),
        cmocka_unit_test(keep_the_order_when_a_member_is_removed),
        cmocka_unit_test(are_ordered_by_kind_partition_and_number),
        cmocka_unit_test(do_not_depend_on_draws_for_another_purpose),
        cmocka_unit_test(lie_in_the_range_and_reach_all_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
