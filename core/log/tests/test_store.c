/* The store: recovery from particular disks, shared checkpoints, the clean stop, and disks that fail. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/log/checkpoint.h"
#include "core/log/tests/bench_node.h"

static const struct isr_tp TP = {.topic = 1, .index = 0};

struct fixture {
    struct test_disk disk;
    struct test_random random;
    struct bench_node node;
    struct isr_log *log;
};

static void start(struct fixture *fixture)
{
    struct isr_config config = isr_config_default();
    config.log_segment_bytes = 1024;
    bench_start(&fixture->node, &fixture->disk, &fixture->random, &config);
    bench_run_until_ready(&fixture->node);
}

static void restart(struct fixture *fixture)
{
    bench_crash(&fixture->node, false);
    start(fixture);
    assert_true(fixture->node.ready);
    fixture->log = isr_log_store_open(&fixture->node.store, TP);
    isr_log_verify(fixture->log);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.random = {.state = 1}};
    start(&fixture);
    fixture.log = isr_log_store_open(&fixture.node.store, TP);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    test_heap_drop(&fixture->node.heap);
    test_disk_free(&fixture->disk);
    return 0;
}

static void append_to(struct fixture *fixture, struct isr_log *log, int count, int32_t epoch)
{
    for (int i = 0; i < count; i++) {
        bench_begin(&fixture->node);
        struct isr_batch batch;
        struct isr_bytes bytes = isr_batch_build(&fixture->node.env.scratch, 4, 0, (int32_t)log->log_end,
                                                 (uint64_t)log->log_end, 1, 40);
        assert_int_equal(isr_batch_parse(bytes, true, &batch), ISR_BATCH_OK);
        isr_log_append_leader(log, &batch, epoch);
        bench_end(&fixture->node);
    }
}

static void append(struct fixture *fixture, int count, int32_t epoch)
{
    append_to(fixture, fixture->log, count, epoch);
    bench_settle(&fixture->node);
}

static struct isr_file segment(int64_t base_offset)
{
    return (struct isr_file){.kind = ISR_FILE_SEGMENT, .tp = TP, .number = base_offset};
}

static void recovers_every_log_when_there_are_several(void **state)
{
    struct fixture *fixture = *state;
    for (uint16_t i = 0; i < 20; i++) {
        struct isr_tp tp = {.topic = (uint16_t)(20 - i), .index = (uint16_t)(i % 3)};
        append_to(fixture, isr_log_store_open(&fixture->node.store, tp), i + 1, i);
    }
    bench_settle(&fixture->node);
    restart(fixture);
    assert_int_equal(fixture->node.store.logs_count, 21); /* and the one that restart opens */
    assert_int_equal(fixture->node.recoveries, 20);
    for (uint16_t i = 0; i < 20; i++) {
        struct isr_tp tp = {.topic = (uint16_t)(20 - i), .index = (uint16_t)(i % 3)};
        assert_int_equal(isr_log_store_find(&fixture->node.store, tp)->log_end, i + 1);
    }
    for (uint32_t i = 1; i < fixture->node.store.logs_count; i++)
        assert_true(isr_tp_key(fixture->node.store.logs[i - 1]->tp) <
                    isr_tp_key(fixture->node.store.logs[i]->tp));
}

static void cuts_the_tail_when_a_batch_is_damaged(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 5, 0);
    int64_t position = fixture->log->places[3].position;
    test_disk_file(&fixture->disk, segment(0))->cached.bytes[position + 45] ^= 1;
    restart(fixture);
    assert_int_equal(fixture->log->log_end, 3);
    assert_int_equal(test_disk_file(&fixture->disk, segment(0))->durable.size_bytes, position);
    assert_int_equal(fixture->log->synced_end, 3);
    append(fixture, 2, 1);
    restart(fixture);
    assert_int_equal(fixture->log->log_end, 5);
    assert_int_equal(isr_log_last_epoch(fixture->log), 1);
}

static void cuts_the_tail_when_epochs_fall(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 4, 7);
    int64_t position = fixture->log->places[2].position;
    int32_t older = 3;
    memcpy(test_disk_file(&fixture->disk, segment(0))->cached.bytes + position + 12, &older, 4);
    restart(fixture);
    assert_int_equal(fixture->log->log_end, 2);
}

static void drops_what_follows_when_a_segment_is_missing(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 40, 0);
    assert_true(fixture->log->segments_count >= 3);
    int64_t hole = fixture->log->segments[1].base_offset;
    int64_t after = fixture->log->segments[2].base_offset;
    test_disk_remove(&fixture->disk, segment(hole));
    restart(fixture);
    assert_int_equal(fixture->log->log_end, hole);
    assert_false(test_disk_file(&fixture->disk, segment(after))->cached.exists);
}

static void drops_everything_when_the_first_segment_is_missing(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 40, 0);
    test_disk_remove(&fixture->disk, segment(0));
    restart(fixture);
    assert_int_equal(fixture->log->log_end, 0);
    assert_int_equal(fixture->log->log_start, 0);
}

static void repairs_epochs_when_their_checkpoint_is_stale(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 3, 1);
    append(fixture, 3, 4);
    struct isr_epochs_line lines[] = {{1, 0}, {2, 2}, {9, 50}};
    struct isr_file file = {.kind = ISR_FILE_EPOCHS, .tp = TP};
    struct isr_bytes bytes = isr_checkpoint_encode_epochs_file(&fixture->node.env.scratch,
                                                               &(struct isr_epochs_file){0, -1, lines, 3});
    test_disk_put(&fixture->disk, file, bytes.data, bytes.size);
    restart(fixture);
    assert_int_equal(fixture->log->epochs.count, 2);
    assert_int_equal(fixture->log->epochs.entries[1].epoch, 4);
    assert_int_equal(fixture->log->epochs.entries[1].start_offset, 3);
    struct isr_epochs_file repaired;
    const struct test_image *image = &test_disk_file(&fixture->disk, file)->durable;
    bytes = (struct isr_bytes){image->bytes, (uint32_t)image->size_bytes};
    assert_true(isr_checkpoint_parse_epochs_file(bytes, &fixture->node.env.scratch, &repaired));
    assert_int_equal(repaired.lines_count, 2);
}

static void keeps_an_epoch_without_records_when_it_starts_at_the_end(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 3, 1);
    bench_begin(&fixture->node);
    isr_log_assign_epoch(fixture->log, 6, 3, ISR_CAUSE_BECAME_LEADER);
    bench_end(&fixture->node);
    bench_settle(&fixture->node);
    restart(fixture);
    assert_int_equal(isr_log_last_epoch(fixture->log), 6);
}

static void takes_the_high_watermark_from_its_checkpoint_and_clamps_it(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 10, 0);
    bench_begin(&fixture->node);
    isr_log_set_high_watermark(fixture->log, 8);
    bench_end(&fixture->node);
    bench_wait(&fixture->node, 5 * ISR_SECOND);
    bench_settle(&fixture->node);
    bench_begin(&fixture->node);
    isr_log_set_high_watermark(fixture->log, 9); /* not checkpointed yet */
    bench_end(&fixture->node);
    restart(fixture);
    assert_int_equal(fixture->log->high_watermark, 8);
    test_disk_file(&fixture->disk, segment(0))->cached.size_bytes = 3 * 96;
    restart(fixture);
    assert_int_equal(fixture->log->log_end, 3);
    assert_int_equal(fixture->log->high_watermark, 3);
}

static void writes_checkpoints_only_when_something_changed(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(isr_timers_next(&fixture->node.env.timers), ISR_TIME_NEVER);
    append(fixture, 1, 0);
    bench_begin(&fixture->node);
    isr_log_set_high_watermark(fixture->log, 1);
    isr_log_set_high_watermark(fixture->log, 1);
    bench_end(&fixture->node);
    assert_true(isr_timers_next(&fixture->node.env.timers) < ISR_TIME_NEVER);
    bench_wait(&fixture->node, 5 * ISR_SECOND);
    assert_int_equal(fixture->disk.queue_count, 1);
    bench_settle(&fixture->node);
    assert_int_equal(isr_timers_next(&fixture->node.env.timers), ISR_TIME_NEVER);
}

static void makes_recovered_bytes_durable_before_it_is_ready(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 5, 0);
    assert_int_equal(fixture->log->synced_end, 0);
    restart(fixture);
    assert_int_equal(fixture->log->synced_end, 5);
    test_disk_lose_power(test_disk_file(&fixture->disk, segment(0)), &fixture->random);
    restart(fixture);
    assert_int_equal(fixture->log->log_end, 5);
}

static void leaves_a_marker_when_closed_and_removes_it_when_started(void **state)
{
    struct fixture *fixture = *state;
    append_to(fixture, fixture->log, 30, 0); /* writes still under way */
    bench_close(&fixture->node, 77);
    assert_true(fixture->node.closed);
    bench_crash(&fixture->node, true);
    start(fixture);
    assert_int_equal(fixture->node.store.clean_shutdown_epoch, 77);
    fixture->log = isr_log_store_find(&fixture->node.store, TP);
    assert_int_equal(fixture->log->log_end, 30);
    assert_int_equal(fixture->log->synced_end, 30);
    restart(fixture);
    assert_int_equal(fixture->node.store.clean_shutdown_epoch, -1);
}

static void closes_when_a_truncation_is_under_way(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 30, 0);
    bench_begin(&fixture->node);
    isr_log_truncate(fixture->log, 4, ISR_CAUSE_DIVERGENCE);
    bench_end(&fixture->node);
    append_to(fixture, fixture->log, 3, 1);
    bench_close(&fixture->node, 5);
    assert_true(fixture->node.closed);
    bench_crash(&fixture->node, true);
    start(fixture);
    assert_int_equal(isr_log_store_find(&fixture->node.store, TP)->log_end, 7);
}

static void is_not_clean_when_the_marker_is_damaged(void **state)
{
    struct fixture *fixture = *state;
    bench_close(&fixture->node, 77);
    struct isr_file marker = {.kind = ISR_FILE_CLEAN_SHUTDOWN};
    test_disk_file(&fixture->disk, marker)->cached.bytes[9] ^= 1;
    restart(fixture);
    assert_int_equal(fixture->node.store.clean_shutdown_epoch, -1);
    assert_false(test_disk_file(&fixture->disk, marker)->cached.exists);
}

/* Whatever operation fails, in running, recovering or closing: the node halts and nothing is said to be done.
 */
static void halts_when_the_disk_fails(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t at = 1; at < 60; at++) {
        fixture->disk.fail_in = at;
        fixture->disk.fail_with = at % 2 ? ISR_IO_ERROR : ISR_IO_NO_SPACE;
        bench_crash(&fixture->node, false);
        start(fixture);
        if (fixture->node.ready) {
            fixture->log = isr_log_store_open(&fixture->node.store, TP);
            append_to(fixture, fixture->log, 20, (int32_t)at);
            bench_close(&fixture->node, 1);
        }
        assert_int_equal(fixture->node.exited, fixture->disk.fail_in == 0);
        assert_true(fixture->node.exited || fixture->node.closed);
        assert_false(fixture->node.exited && fixture->node.closed);
        fixture->disk.fail_in = 0;
    }
}

static void nothing_is_left_when_a_log_is_removed(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 40, 0); /* several segments and a producer snapshot */
    bench_begin(&fixture->node);
    isr_log_store_remove(&fixture->node.store, fixture->log);
    bench_end(&fixture->node);
    assert_null(isr_log_store_find(&fixture->node.store, TP));
    bench_settle(&fixture->node);
    assert_int_equal(fixture->node.store.removed_count, 0);
    for (uint32_t i = 0; i < fixture->disk.files_count; i++)
        assert_false(fixture->disk.files[i].cached.exists &&
                     isr_tp_equal(fixture->disk.files[i].file.tp, TP));
    restart(fixture);
    assert_int_equal(fixture->log->log_end, 0);
}

static void nothing_is_left_when_several_are_removed_in_any_order(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct isr_log_store *store = &fixture->node.store;
        fixture->random.state = seed;
        append(fixture, 40, 0);
        bench_begin(&fixture->node);
        isr_log_store_remove(store, fixture->log);
        for (uint16_t i = 1; i < 4; i++)
            isr_log_store_remove(store, isr_log_store_open(store, (struct isr_tp){.topic = 1, .index = i}));
        assert_int_equal(store->removed_count, 4);
        bench_end(&fixture->node);
        bench_settle(&fixture->node);
        assert_int_equal(store->removed_count, 0);
        assert_int_equal(store->logs_count, 0);
        fixture->log = isr_log_store_open(store, TP);
        assert_int_equal(fixture->log->log_end, 0);
    }
}

static void begins_anew_when_a_removed_log_is_opened_again(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 40, 0);
    bench_begin(&fixture->node);
    isr_log_store_remove(&fixture->node.store, fixture->log);
    fixture->log = isr_log_store_open(&fixture->node.store, TP);
    assert_int_equal(fixture->log->log_end, 0);
    assert_true(fixture->log->barrier_pending > 0); /* waits for the deletions */
    bench_end(&fixture->node);
    append(fixture, 3, 5);
    assert_int_equal(fixture->log->barrier_pending, 0);
    assert_int_equal(fixture->log->written_end, 3);
    isr_log_verify(fixture->log);
    restart(fixture);
    assert_int_equal(fixture->log->log_end, 3);
    assert_int_equal(fixture->log->log_start, 0);
}

static void waits_for_all_when_a_log_is_removed_twice(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 40, 0);
    bench_begin(&fixture->node);
    isr_log_store_remove(&fixture->node.store, fixture->log);
    isr_log_store_remove(&fixture->node.store, isr_log_store_open(&fixture->node.store, TP));
    fixture->log = isr_log_store_open(&fixture->node.store, TP);
    bench_end(&fixture->node);
    append(fixture, 2, 7);
    assert_int_equal(fixture->node.store.removed_count, 0);
    assert_int_equal(fixture->log->written_end, 2);
    restart(fixture);
    assert_int_equal(fixture->log->log_end, 2);
}

/* The checkpoint holds this high watermark, and the next beat of its timer is far. */
static void store_high_watermark(struct fixture *fixture, int64_t offset)
{
    bench_begin(&fixture->node);
    isr_log_set_high_watermark(fixture->log, offset);
    bench_end(&fixture->node);
    bench_wait(&fixture->node, 5 * ISR_SECOND);
    bench_settle(&fixture->node);
    assert_int_equal(fixture->log->high_watermark_stored, offset);
}

static void tells_nothing_of_a_removed_log_when_it_was_gone_before_it_is_opened_again(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 40, 0);
    store_high_watermark(fixture, 30);
    bench_begin(&fixture->node);
    (void)isr_log_advance_start(fixture->log, 20, ISR_CAUSE_DELETE_RECORDS);
    bench_end(&fixture->node);
    bench_settle(&fixture->node);
    bench_begin(&fixture->node);
    isr_log_store_remove(&fixture->node.store, fixture->log);
    bench_end(&fixture->node);
    bench_settle(&fixture->node);
    assert_int_equal(fixture->node.store.removed_count, 0);
    bench_begin(&fixture->node);
    fixture->log = isr_log_store_open(&fixture->node.store, TP);
    bench_end(&fixture->node);
    assert_int_equal(fixture->log->barrier_pending, 0);
    append(fixture, 25, 5);
    restart(fixture);
    assert_int_equal(fixture->log->log_start, 0);
    assert_int_equal(fixture->log->log_end, 25);
    assert_int_equal(fixture->log->high_watermark, 0);
}

/* A checkpoint that was collected with the log is under way when it is removed: it does not count. */
static void waits_for_the_next_checkpoints_when_a_log_is_removed_during_one(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 10, 0);
    bench_begin(&fixture->node);
    isr_log_set_high_watermark(fixture->log, 10);
    bench_end(&fixture->node);
    bench_wait(&fixture->node, 5 * ISR_SECOND);
    assert_true(fixture->node.store.high_watermarks_under_way);
    uint32_t round = fixture->node.store.high_watermarks_round;
    bench_begin(&fixture->node);
    isr_log_store_remove(&fixture->node.store, fixture->log);
    fixture->log = isr_log_store_open(&fixture->node.store, TP);
    bench_end(&fixture->node);
    append(fixture, 6, 1);
    assert_int_equal(fixture->node.store.high_watermarks_round, round + 1);
    assert_int_equal(fixture->log->written_end, 6);
    restart(fixture);
    assert_int_equal(fixture->log->high_watermark, 0);
}

static void writes_nothing_after_a_cut_before_a_lower_high_watermark_is_stored(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 10, 0);
    store_high_watermark(fixture, 8);
    bench_begin(&fixture->node);
    isr_log_truncate(fixture->log, 5, ISR_CAUSE_DIVERGENCE);
    assert_true(fixture->log->barrier_high_watermarks > 0);
    bench_end(&fixture->node);
    append(fixture, 10, 1);
    assert_int_equal(fixture->log->high_watermark_stored, 5);
    restart(fixture);
    assert_int_equal(fixture->log->log_end, 15);
    assert_int_equal(fixture->log->high_watermark, 5);
}

static void asks_for_no_checkpoint_when_a_cut_is_above_the_high_watermark(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 10, 0);
    store_high_watermark(fixture, 5);
    bench_begin(&fixture->node);
    isr_log_truncate(fixture->log, 5, ISR_CAUSE_DIVERGENCE);
    assert_int_equal(fixture->log->barrier_high_watermarks, 0);
    bench_end(&fixture->node);
    bench_settle(&fixture->node);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(recovers_every_log_when_there_are_several),
        TEST(cuts_the_tail_when_a_batch_is_damaged),
        TEST(cuts_the_tail_when_epochs_fall),
        TEST(drops_what_follows_when_a_segment_is_missing),
        TEST(drops_everything_when_the_first_segment_is_missing),
        TEST(repairs_epochs_when_their_checkpoint_is_stale),
        TEST(keeps_an_epoch_without_records_when_it_starts_at_the_end),
        TEST(takes_the_high_watermark_from_its_checkpoint_and_clamps_it),
        TEST(writes_checkpoints_only_when_something_changed),
        TEST(makes_recovered_bytes_durable_before_it_is_ready),
        TEST(leaves_a_marker_when_closed_and_removes_it_when_started),
        TEST(closes_when_a_truncation_is_under_way),
        TEST(is_not_clean_when_the_marker_is_damaged),
        TEST(nothing_is_left_when_a_log_is_removed),
        TEST(nothing_is_left_when_several_are_removed_in_any_order),
        TEST(begins_anew_when_a_removed_log_is_opened_again),
        TEST(waits_for_all_when_a_log_is_removed_twice),
        TEST(tells_nothing_of_a_removed_log_when_it_was_gone_before_it_is_opened_again),
        TEST(waits_for_the_next_checkpoints_when_a_log_is_removed_during_one),
        TEST(writes_nothing_after_a_cut_before_a_lower_high_watermark_is_stored),
        TEST(asks_for_no_checkpoint_when_a_cut_is_above_the_high_watermark),
        TEST(halts_when_the_disk_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
