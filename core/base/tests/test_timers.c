#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/tests/support.h"

enum { TIMERS = 40 };

static void on_fire(void *object)
{
    (void)object;
}

static void fire_in_the_order_in_which_they_were_set_when_deadlines_are_equal(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct isr_timers timers;
    isr_timers_init(&timers, &heap.heap);
    struct isr_timer set[TIMERS];
    for (int i = 0; i < TIMERS; i++) {
        isr_timer_init(&set[i], on_fire, NULL);
        isr_timer_set(&timers, &set[i], 5);
    }
    isr_timer_set(&timers, &set[3], 5); /* set again: now the last */
    assert_null(isr_timers_pop(&timers, 4));
    for (int i = 0; i < TIMERS; i++) {
        if (i != 3)
            assert_ptr_equal(isr_timers_pop(&timers, 5), &set[i]);
    }
    assert_ptr_equal(isr_timers_pop(&timers, 5), &set[3]);
    assert_null(isr_timers_pop(&timers, INT64_MAX));
    test_heap_drop(&heap);
}

/* Set, move, cancel and pop at random beside a plain array that is searched whole. */
static void agree_with_a_plain_model(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct isr_timers timers;
    isr_timers_init(&timers, &heap.heap);
    struct test_random random = {.state = 11};
    struct isr_timer set[TIMERS];
    int64_t deadlines[TIMERS];
    uint64_t orders[TIMERS], order = 0;
    for (int i = 0; i < TIMERS; i++) {
        isr_timer_init(&set[i], on_fire, NULL);
        deadlines[i] = ISR_TIME_NEVER;
        orders[i] = 0;
    }
    for (int round = 0; round < 50000; round++) {
        uint32_t which = test_random_below(&random, TIMERS);
        uint32_t dice = test_random_below(&random, 10);
        if (dice < 5) {
            deadlines[which] = test_random_below(&random, 1000);
            orders[which] = order++;
            isr_timer_set(&timers, &set[which], deadlines[which]);
        } else if (dice < 7) {
            deadlines[which] = ISR_TIME_NEVER;
            isr_timer_cancel(&timers, &set[which]);
        }
        int first = -1;
        for (int i = 0; i < TIMERS; i++) {
            assert_int_equal(isr_timer_is_set(&set[i]), deadlines[i] != ISR_TIME_NEVER);
            if (deadlines[i] == ISR_TIME_NEVER)
                continue;
            if (first < 0 || deadlines[i] < deadlines[first] ||
                (deadlines[i] == deadlines[first] && orders[i] < orders[first]))
                first = i;
        }
        assert_int_equal(isr_timers_next(&timers), first < 0 ? ISR_TIME_NEVER : deadlines[first]);
        if (dice < 7)
            continue;
        int64_t now = test_random_below(&random, 1000);
        struct isr_timer *popped = isr_timers_pop(&timers, now);
        if (first < 0 || deadlines[first] > now) {
            assert_null(popped);
        } else {
            assert_ptr_equal(popped, &set[first]);
            deadlines[first] = ISR_TIME_NEVER;
        }
    }
    test_heap_drop(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fire_in_the_order_in_which_they_were_set_when_deadlines_are_equal),
        cmocka_unit_test(agree_with_a_plain_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
