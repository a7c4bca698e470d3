/* The history against a plain model: random lines, commits and cuts. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/tests/support.h"
#include "sim/checks/history.h"

static void finds_every_offset_when_a_line_is_long_and_has_gaps(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct check_history history = {.heap = &heap.heap};
    struct check_line *line = check_history_line_make(&history, 3);
    struct test_random random = {.state = 5};
    int64_t bases[1000], ends[1000], offset = 0;
    for (int i = 0; i < 1000; i++) {
        uint32_t count = 1 + test_random_below(&random, 4);
        offset += test_random_chance(&random, 10) ? 7 : 0;
        bases[i] = offset;
        ends[i] = offset += count;
        check_line_add(&history, line, bases[i], count, (uint32_t)i);
        for (int64_t probe = offset > 40 ? offset - 40 : 0; probe <= offset; probe++) {
            int found = -1;
            for (int j = i; j >= 0 && ends[j] > probe; j--) {
                if (bases[j] <= probe)
                    found = j;
            }
            const struct check_entry *entry = check_line_find(line, probe);
            assert_int_equal(entry == NULL ? -1 : (int)entry->crc, found);
        }
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(check_line_find(line, bases[i])->crc, i);
    assert_null(check_line_find(line, -1));
    test_heap_drop(&heap);
}

static void agrees_with_a_plain_list_when_epochs_alternate_and_are_cut(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct check_history history = {.heap = &heap.heap};
    struct test_random random = {.state = 9};
    int32_t epochs[4000]; /* by offset */
    int64_t committed = 0;
    int32_t epoch = 0;
    for (int round = 0; round < 3000; round++) {
        uint32_t what = test_random_below(&random, 20);
        if (what == 0) {
            epoch++;
        } else if (what == 1 && committed > 0) {
            committed -= test_random_below(&random, committed > 5 ? 5 : (uint32_t)committed);
            check_history_cut(&history, committed);
            epoch++; /* a cut comes with a new leader */
        } else {
            struct check_line *line = check_history_line_make(&history, epoch);
            struct check_entry *entry = check_line_add(&history, line, committed, 1, (uint32_t)round);
            check_history_commit(&history, epoch, entry);
            epochs[committed++] = epoch;
        }
        assert_int_equal(history.true_high_watermark, committed);
        int64_t probe = committed == 0 ? 0 : test_random_below(&random, (uint32_t)committed);
        int32_t seen = -1;
        const struct check_entry *entry = check_history_committed(&history, probe, &seen);
        assert_int_equal(entry != NULL, committed > 0);
        if (entry != NULL)
            assert_int_equal(seen, epochs[probe]);
        assert_null(check_history_committed(&history, committed, &seen));
    }
    test_heap_drop(&heap);
}

static void commit_one(struct check_history *history, int32_t epoch, int64_t offset)
{
    struct check_line *line = check_history_line_make(history, epoch);
    struct check_entry *entry = check_line_find(line, offset);
    if (entry == NULL)
        entry = check_line_add(history, line, offset, 1, (uint32_t)offset);
    check_history_commit(history, epoch, entry);
}

/* [0, 3) is committed in epoch 0, [3, 8) and [8, 9) were passed over by leaders of epochs 0 and 2, [9, 11) is
 * committed in epoch 2. The line of epoch 0 goes up to 10. */
static void knows_nothing_of_a_gap_when_the_line_before_goes_on_in_it(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct check_history history = {.heap = &heap.heap};
    struct check_line *line = check_history_line_make(&history, 0);
    int32_t epoch = -1;
    for (int64_t offset = 0; offset < 10; offset++)
        check_line_add(&history, line, offset, 1, (uint32_t)offset);
    assert_null(check_history_newest(&history, &epoch));
    for (int64_t offset = 0; offset < 3; offset++)
        commit_one(&history, 0, offset);
    check_history_skip(&history, 0, 8);
    check_history_skip(&history, 2, 9);
    assert_int_equal(history.true_high_watermark, 9);
    assert_int_equal(check_history_newest(&history, &epoch)->base, 2);
    assert_int_equal(epoch, 0);
    assert_int_equal(check_history_known_from(&history, 5), 9);
    commit_one(&history, 2, 9);
    commit_one(&history, 2, 10);
    assert_int_equal(check_history_newest(&history, &epoch)->base, 10);
    assert_int_equal(epoch, 2);
    for (int64_t offset = 0; offset < 11; offset++) {
        bool gap = offset >= 3 && offset < 9;
        assert_int_equal(check_history_committed(&history, offset, &epoch) == NULL, gap);
        assert_int_equal(check_history_known_from(&history, offset), gap ? 9 : offset);
    }
    struct check_cursor cursor;
    assert_int_equal(check_cursor_seek(&history, 2, &cursor)->base, 2);
    assert_int_equal(check_cursor_next(&history, &cursor)->base, 9);
    assert_int_equal(check_cursor_next(&history, &cursor)->base, 10);
    assert_null(check_cursor_next(&history, &cursor));
    assert_int_equal(check_history_committed_before(&history, 0), 0);
    assert_int_equal(check_history_committed_before(&history, 1), 8);
    assert_int_equal(check_history_committed_before(&history, 3), 11);
    check_history_cut(&history, 5);
    assert_int_equal(check_history_known_from(&history, 4), 5);
    commit_one(&history, 3, 5);
    assert_int_equal(check_history_committed(&history, 5, &epoch)->base, 5);
    assert_null(check_history_committed(&history, 4, &epoch));
    test_heap_drop(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_offset_when_a_line_is_long_and_has_gaps),
        cmocka_unit_test(agrees_with_a_plain_list_when_epochs_alternate_and_are_cut),
        cmocka_unit_test(knows_nothing_of_a_gap_when_the_line_before_goes_on_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
