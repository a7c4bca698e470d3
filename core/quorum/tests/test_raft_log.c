/* The log in memory against a plain array. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/quorum/internal.h"
#include "core/tests/support.h"

enum { MODEL_MAX = 2000 };

struct model {
    int32_t terms[MODEL_MAX];
    uint32_t sizes[MODEL_MAX];
    int64_t base, last;
};

static void expect_equal(const struct quorum_log *log, const struct model *model)
{
    assert_int_equal(log->base_index, model->base);
    assert_int_equal(quorum_log_last(log), model->last);
    assert_int_equal(quorum_log_term(log, model->base), model->terms[model->base]);
    assert_int_equal(quorum_log_term(log, model->last + 1), 0);
    for (int64_t i = model->base + 1; i <= model->last; i++) {
        const struct quorum_entry *entry = quorum_log_at(log, i);
        assert_int_equal(entry->term, model->terms[i]);
        assert_int_equal(entry->size, model->sizes[i]);
        int64_t first = i;
        while (first - 1 > model->base && model->terms[first - 1] == model->terms[i])
            first--;
        assert_int_equal(quorum_log_run_first(log, i), first);
        int64_t last = i;
        while (last + 1 <= model->last && model->terms[last + 1] == model->terms[i])
            last++;
        assert_int_equal(quorum_log_run_last(log, model->terms[i]), last);
        int64_t end = entry->position + QUORUM_RECORD_BYTES + (int64_t)entry->size;
        assert_int_equal(end, i < model->last ? quorum_log_at(log, i + 1)->position : log->end_position);
    }
    assert_int_equal(quorum_log_run_last(log, 1 << 20), 0);
}

static void model_step(struct quorum_log *log, struct model *model, struct test_random *random)
{
    static const uint8_t data[64] = {1, 2, 3};
    uint32_t count = log->count;
    switch (test_random_below(random, 12)) {
    case 0:
        if (count > 0) {
            int64_t index = model->base + 1 + test_random_below(random, count);
            quorum_log_truncate(log, index);
            model->last = index - 1;
        }
        break;
    case 1:
        if (count > 0) {
            model->base += 1 + test_random_below(random, count);
            quorum_log_compact(log, model->base);
        }
        break;
    case 2:
        if (test_random_chance(random, 4)) {
            model->base = model->last + test_random_below(random, 3);
            model->last = model->base;
            model->terms[model->base] = quorum_log_last_term(log) + 1;
            quorum_log_reset(log, model->base, model->terms[model->base]);
        }
        quorum_log_place(log);
        break;
    default: {
        int32_t term = quorum_log_last_term(log) + (int32_t)test_random_chance(random, 3);
        term += term == 0;
        uint32_t size = test_random_below(random, sizeof data);
        quorum_log_append(log, term, ISR_ENTRY_COMMAND, (struct isr_bytes){data, size});
        model->terms[++model->last] = term;
        model->sizes[model->last] = size;
    }
    }
}

static void agrees_with_an_array_when_changed_at_random(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct test_heap heap;
        test_heap_init(&heap);
        struct quorum_log log;
        quorum_log_init(&log, &heap.heap);
        struct model model = {0};
        struct test_random random = {seed};
        while (model.last < 200) {
            model_step(&log, &model, &random);
            expect_equal(&log, &model);
        }
        quorum_log_reset(&log, model.last, 1);
        assert_in_range(heap.live_blocks, 1,
                        2); /* entries and runs: the data of dropped entries is released */
        test_heap_drop(&heap);
    }
}

static void chain_differs_when_an_earlier_entry_differs(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct quorum_log log;
    quorum_log_init(&log, &heap.heap);
    quorum_log_place(&log);
    quorum_log_append(&log, 1, ISR_ENTRY_NOOP, (struct isr_bytes){0});
    quorum_log_append(&log, 3, ISR_ENTRY_NOOP, (struct isr_bytes){0});
    uint32_t crc = quorum_log_at(&log, 2)->crc;
    quorum_log_truncate(&log, 1);
    quorum_log_append(&log, 2, ISR_ENTRY_NOOP, (struct isr_bytes){0});
    quorum_log_append(&log, 3, ISR_ENTRY_NOOP, (struct isr_bytes){0});
    assert_int_not_equal(crc, quorum_log_at(&log, 2)->crc);
    test_heap_drop(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_an_array_when_changed_at_random),
        cmocka_unit_test(chain_differs_when_an_earlier_entry_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
