#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/tests/support.h"

static void keeps_the_elements_when_an_array_grows(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    uint32_t *numbers = NULL;
    uint32_t count = 0, capacity = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        numbers = ISR_GROW(&heap.heap, numbers, count, capacity);
        numbers[count++] = i * 3;
    }
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(numbers[i], i * 3);
    assert_int_equal(heap.live_blocks, 1);
    isr_heap_release(&heap.heap, numbers);
    isr_heap_release(&heap.heap, NULL);
    assert_int_equal(heap.live_blocks, 0);
}

static void zeroes_what_is_new_when_resized(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    uint8_t *block = isr_heap_allocate(&heap.heap, 4);
    memset(block, 9, 4);
    block = isr_heap_resize(&heap.heap, block, 4, 64);
    for (int i = 0; i < 64; i++)
        assert_int_equal(block[i], i < 4 ? 9 : 0);
    block = isr_heap_resize(&heap.heap, block, 64, 2);
    assert_int_equal(block[1], 9);
    test_heap_drop(&heap);
}

static void gives_disjoint_aligned_memory_when_asked_for_scratch(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct isr_scratch scratch;
    isr_scratch_init(&scratch, &heap.heap);
    struct test_random random = {.state = 2};
    for (int round = 0; round < 20; round++) {
        uint8_t *pieces[100];
        size_t sizes[100];
        for (size_t i = 0; i < 100; i++) {
            sizes[i] = test_random_below(&random, test_random_chance(&random, 20) ? 30000 : 300);
            pieces[i] = isr_scratch_allocate(&scratch, sizes[i]);
            assert_int_equal((uintptr_t)pieces[i] % 8, 0);
            memset(pieces[i], (int)i, sizes[i]);
        }
        for (size_t i = 0; i < 100; i++) {
            for (size_t j = 0; j < sizes[i]; j++)
                assert_int_equal(pieces[i][j], i);
        }
        isr_scratch_reset(&scratch);
        assert_int_equal(heap.live_blocks, 1);
    }
    test_heap_drop(&heap);
    assert_int_equal(heap.live_blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_elements_when_an_array_grows),
        cmocka_unit_test(zeroes_what_is_new_when_resized),
        cmocka_unit_test(gives_disjoint_aligned_memory_when_asked_for_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
