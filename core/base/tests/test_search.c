#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/base/search.h"

static int64_t number_at(const void *array, uint32_t place)
{
    return ((const int64_t *)array)[place];
}

static void finds_the_first_place_at_or_above_when_keys_repeat(void **state)
{
    (void)state;
    const int64_t numbers[] = {-5, 2, 2, 2, 7};
    assert_int_equal(isr_search(numbers, 0, 5, -9, number_at), 0);
    assert_int_equal(isr_search(numbers, 0, 5, -5, number_at), 0);
    assert_int_equal(isr_search(numbers, 0, 5, 2, number_at), 1);
    assert_int_equal(isr_search(numbers, 0, 5, 3, number_at), 4);
    assert_int_equal(isr_search(numbers, 0, 5, 8, number_at), 5);
}

static void stays_in_the_range_when_one_is_given(void **state)
{
    (void)state;
    const int64_t numbers[] = {1, 2, 3, 4, 5};
    assert_int_equal(isr_search(numbers, 2, 4, 1, number_at), 2);
    assert_int_equal(isr_search(numbers, 2, 4, 9, number_at), 4);
    assert_int_equal(isr_search(numbers, 3, 3, 2, number_at), 3);
}

/* Against a walk, for every length and key. */
static void agrees_with_a_walk_when_lengths_vary(void **state)
{
    (void)state;
    int64_t numbers[40];
    for (uint32_t i = 0; i < 40; i++)
        numbers[i] = (int64_t)(i * i / 3);
    for (uint32_t count = 0; count <= 40; count++) {
        for (int64_t key = -1; key < 530; key++) {
            uint32_t place = 0;
            while (place < count && numbers[place] < key)
                place++;
            assert_int_equal(isr_search(numbers, 0, count, key, number_at), place);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_first_place_at_or_above_when_keys_repeat),
        cmocka_unit_test(stays_in_the_range_when_one_is_given),
        cmocka_unit_test(agrees_with_a_walk_when_lengths_vary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
