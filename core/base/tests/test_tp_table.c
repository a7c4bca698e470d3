#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/base/tp_table.h"
#include "core/tests/support.h"

static void finds_what_was_set_when_the_table_grew(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct isr_tp_table table = {0};
    static char items[300];
    for (uint16_t i = 0; i < 300; i++)
        isr_tp_table_set(&table, &heap.heap, (struct isr_tp){.topic = (uint16_t)(i % 3), .index = i},
                         &items[i]);
    for (uint16_t i = 0; i < 300; i++) {
        assert_ptr_equal(isr_tp_table_get(&table, (struct isr_tp){.topic = (uint16_t)(i % 3), .index = i}),
                         &items[i]);
        assert_null(isr_tp_table_get(&table, (struct isr_tp){.topic = (uint16_t)((i + 1) % 3), .index = i}));
    }
    test_heap_drop(&heap);
}

static void finds_nothing_when_it_was_taken_out_or_lies_beyond(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct isr_tp_table table = {0};
    struct isr_tp tp = {.topic = 40, .index = 1000};
    assert_null(isr_tp_table_get(&table, tp));
    isr_tp_table_set(&table, &heap.heap, tp, &table);
    assert_ptr_equal(isr_tp_table_get(&table, tp), &table);
    assert_null(isr_tp_table_get(&table, (struct isr_tp){.topic = 65535, .index = 65535}));
    assert_null(isr_tp_table_get(&table, (struct isr_tp){.topic = 3, .index = 0}));
    isr_tp_table_set(&table, &heap.heap, tp, NULL);
    assert_null(isr_tp_table_get(&table, tp));
    test_heap_drop(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_set_when_the_table_grew),
        cmocka_unit_test(finds_nothing_when_it_was_taken_out_or_lies_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
