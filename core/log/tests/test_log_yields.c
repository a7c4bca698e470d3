/* Yield points of the log and of its checkpoints. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/base/yield.h"
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
    fixture->log = isr_log_store_open(&fixture->node.store, TP);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.random = {.state = 1}};
    start(&fixture);
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

static void switch_on(struct fixture *fixture, enum isr_yield_point point)
{
    fixture->node.env.yields = UINT32_C(1) << point;
}

static void append(struct fixture *fixture, int count, int32_t epoch)
{
    for (int i = 0; i < count; i++) {
        bench_begin(&fixture->node);
        struct isr_batch batch;
        struct isr_bytes bytes =
            isr_batch_build(&fixture->node.env.scratch, -1, -1, -1, (uint64_t)fixture->log->log_end, 1, 40);
        assert_int_equal(isr_batch_parse(bytes, true, &batch), ISR_BATCH_OK);
        isr_log_append_leader(fixture->log, &batch, epoch);
        bench_end(&fixture->node);
    }
    bench_settle(&fixture->node);
}

static void truncate(struct fixture *fixture, int64_t offset)
{
    bench_begin(&fixture->node);
    isr_log_truncate(fixture->log, offset, ISR_CAUSE_DIVERGENCE);
    bench_end(&fixture->node);
}

static void move_high_watermark(struct fixture *fixture, int64_t offset)
{
    bench_begin(&fixture->node);
    isr_log_set_high_watermark(fixture->log, offset);
    bench_end(&fixture->node);
}

static void kill_and_restart(struct fixture *fixture)
{
    bench_crash(&fixture->node, false);
    start(fixture);
    isr_log_verify(fixture->log);
}

/* How many appends until the first segment is full, and then some. */
enum { FULL = 20 };

static void rolls_at_once_when_the_point_is_off(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, FULL, 1);
    assert_true(fixture->log->segments_count > 1);
    assert_true(fixture->log->segments[0].size_bytes <= 1024);
}

static void goes_on_in_a_full_segment_until_the_point_is_behind(void **state)
{
    struct fixture *fixture = *state;
    switch_on(fixture, ISR_YIELD_SEGMENT_ROLL);
    append(fixture, FULL, 1);
    assert_int_equal(fixture->log->segments_count, 1);
    assert_true(fixture->log->segments[0].size_bytes > 1024);
    bench_wait(&fixture->node, ISR_SECOND);
    append(fixture, 1, 1);
    assert_int_equal(fixture->log->segments_count, 2);
    assert_int_equal(fixture->log->segments[1].base_offset, FULL);
    isr_log_verify(fixture->log);
    kill_and_restart(fixture);
    assert_int_equal(fixture->log->log_end, FULL + 1);
    assert_int_equal(fixture->log->segments_count, 2);
}

static void rolls_nothing_when_the_full_segment_was_cut_in_between(void **state)
{
    struct fixture *fixture = *state;
    switch_on(fixture, ISR_YIELD_SEGMENT_ROLL);
    append(fixture, FULL, 1);
    truncate(fixture, 2);
    bench_settle(&fixture->node);
    bench_wait(&fixture->node, ISR_SECOND);
    append(fixture, 1, 2);
    assert_int_equal(fixture->log->segments_count, 1);
    assert_int_equal(fixture->log->log_end, 3);
    isr_log_verify(fixture->log);
}

/* One batch that many seconds later. */
static void append_after(struct fixture *fixture, int64_t seconds, int32_t epoch)
{
    bench_begin(&fixture->node);
    fixture->node.env.real_ns += seconds * ISR_SECOND;
    bench_end(&fixture->node);
    append(fixture, 1, epoch);
}

static void goes_on_in_an_old_segment_until_the_point_is_behind(void **state)
{
    struct fixture *fixture = *state;
    fixture->log->segment_time_ns = 10 * ISR_SECOND;
    append(fixture, 1, 1);
    switch_on(fixture, ISR_YIELD_SEGMENT_ROLL);
    append_after(fixture, 10, 1);
    append_after(fixture, 1, 1);
    assert_int_equal(fixture->log->segments_count, 1);
    bench_wait(&fixture->node, ISR_SECOND);
    append_after(fixture, 1, 1);
    assert_int_equal(fixture->log->segments_count, 2);
    assert_int_equal(fixture->log->segments[1].base_offset, 3);
    kill_and_restart(fixture);
    assert_int_equal(fixture->log->log_end, 4);
}

/* What is left of the segment after the cut is not older than what comes next: it goes on. */
static void rolls_nothing_by_time_when_the_log_was_cut_in_between(void **state)
{
    struct fixture *fixture = *state;
    fixture->log->segment_time_ns = 10 * ISR_SECOND;
    append(fixture, 1, 1);
    switch_on(fixture, ISR_YIELD_SEGMENT_ROLL);
    append_after(fixture, 10, 1);
    truncate(fixture, 0);
    bench_settle(&fixture->node);
    bench_wait(&fixture->node, ISR_SECOND);
    append_after(fixture, 1, 2);
    append_after(fixture, 1, 2);
    assert_int_equal(fixture->log->segments_count, 1);
    assert_int_equal(fixture->log->log_end, 2);
    isr_log_verify(fixture->log);
}

/* The checkpoint tells of the log as it was before the roll, and is written after it. */
static void recovers_what_was_rolled_between_collecting_recovery_points_and_writing_them(void **state)
{
    struct fixture *fixture = *state;
    switch_on(fixture, ISR_YIELD_RECOVERY_CHECKPOINT);
    fixture->node.env.config.yield_time_max = 2 * ISR_SECOND;
    fixture->log->segment_time_ns = 10 * ISR_SECOND;
    append(fixture, 3, 1);
    append_after(fixture, 10, 1); /* closes and syncs the first one: a recovery point of 3 */
    bench_wait(&fixture->node, fixture->node.config.hw_checkpoint_interval);
    assert_true(isr_timer_is_set(&fixture->node.store.recovery_points_kept.yield));
    append_after(fixture, 10, 1);
    append_after(fixture, 10, 1);
    assert_int_equal(fixture->log->segments_count, 4);
    assert_int_equal(fixture->log->recovery_point, 5);
    bench_wait(&fixture->node, 2 * ISR_SECOND);
    bench_settle(&fixture->node);
    assert_int_equal(fixture->log->recovery_point_stored, 3);
    bench_crash(&fixture->node, true);
    start(fixture);
    isr_log_verify(fixture->log);
    assert_true(fixture->log->log_end >= 5);
    assert_int_equal(fixture->node.env.metrics.damaged_starts, 0);
}

static void writes_high_watermarks_as_collected_and_clamps_them_when_read(void **state)
{
    struct fixture *fixture = *state;
    switch_on(fixture, ISR_YIELD_HW_CHECKPOINT);
    fixture->node.env.config.yield_time_max = 2 * ISR_SECOND;
    append(fixture, 10, 1);
    move_high_watermark(fixture, 8);
    bench_wait(&fixture->node, fixture->node.config.hw_checkpoint_interval);
    assert_true(isr_timer_is_set(&fixture->node.store.high_watermarks_kept.yield));
    move_high_watermark(fixture, 9); /* too late for this one */
    bench_settle(&fixture->node);
    bench_wait(&fixture->node, 2 * ISR_SECOND);
    bench_settle(&fixture->node);
    kill_and_restart(fixture);
    assert_int_equal(fixture->log->high_watermark, 8);
}

static void clamps_a_high_watermark_when_the_log_was_cut_in_between(void **state)
{
    struct fixture *fixture = *state;
    switch_on(fixture, ISR_YIELD_HW_CHECKPOINT);
    fixture->node.env.config.yield_time_max = 2 * ISR_SECOND;
    append(fixture, 10, 1);
    move_high_watermark(fixture, 8);
    bench_wait(&fixture->node, fixture->node.config.hw_checkpoint_interval);
    truncate(fixture, 5);
    bench_settle(&fixture->node);
    bench_wait(&fixture->node, 2 * ISR_SECOND);
    bench_settle(&fixture->node);
    kill_and_restart(fixture);
    assert_int_equal(fixture->log->log_end, 5);
    assert_int_equal(fixture->log->high_watermark, 5);
}

/* A recovery point above the cut would call durable what never was. */
static void writes_nothing_after_a_cut_before_a_later_recovery_point_is_stored(void **state)
{
    struct fixture *fixture = *state;
    struct isr_log *log = fixture->log;
    append(fixture, FULL, 1); /* the first segment is closed and synced */
    switch_on(fixture, ISR_YIELD_RECOVERY_CHECKPOINT);
    fixture->node.env.config.yield_time_max = 2 * ISR_SECOND;
    assert_true(log->recovery_point > 3);
    bench_wait(&fixture->node, fixture->node.config.hw_checkpoint_interval);
    assert_true(isr_timer_is_set(&fixture->node.store.recovery_points_kept.yield));
    truncate(fixture, 3);
    append(fixture, 2, 2);
    assert_true(log->barrier_pending > 0);
    assert_int_equal(log->issued_end, 3);
    bench_wait(&fixture->node, 2 * ISR_SECOND); /* the one collected before the cut is written */
    bench_settle(&fixture->node);
    assert_true(log->recovery_point_stored > 3);
    assert_true(log->barrier_pending > 0);
    bench_wait(&fixture->node, 2 * ISR_SECOND); /* the next one */
    bench_settle(&fixture->node);
    assert_int_equal(log->recovery_point_stored, 3);
    bench_wait(&fixture->node, 2 * ISR_SECOND); /* and one that makes the deleted names go */
    bench_settle(&fixture->node);
    assert_int_equal(log->barrier_pending, 0);
    assert_int_equal(isr_log_held_end(log), 5);
    kill_and_restart(fixture);
    assert_int_equal(fixture->log->log_end, 5);
}

static void closes_when_checkpoints_stand_at_their_points(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, FULL, 1);
    move_high_watermark(fixture, 8);
    fixture->node.env.yields = ISR_YIELDS_ALL;
    bench_close(&fixture->node, 5);
    assert_false(fixture->node.closed);
    for (int i = 0; i < 20; i++) {
        bench_wait(&fixture->node, ISR_MS);
        bench_settle(&fixture->node);
    }
    assert_true(fixture->node.closed);
    kill_and_restart(fixture);
    assert_int_equal(fixture->node.store.clean_shutdown_epoch, 5);
    assert_int_equal(fixture->log->high_watermark, 8);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(rolls_at_once_when_the_point_is_off),
        TEST(goes_on_in_a_full_segment_until_the_point_is_behind),
        TEST(goes_on_in_an_old_segment_until_the_point_is_behind),
        TEST(rolls_nothing_by_time_when_the_log_was_cut_in_between),
        TEST(recovers_what_was_rolled_between_collecting_recovery_points_and_writing_them),
        TEST(rolls_nothing_when_the_full_segment_was_cut_in_between),
        TEST(writes_high_watermarks_as_collected_and_clamps_them_when_read),
        TEST(clamps_a_high_watermark_when_the_log_was_cut_in_between),
        TEST(writes_nothing_after_a_cut_before_a_later_recovery_point_is_stored),
        TEST(closes_when_checkpoints_stand_at_their_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
