/* One log on a disk that completes only when the test says so: appending, reading, epochs, truncation, flush
 * policy. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/log/internal.h"
#include "core/log/tests/bench_node.h"

static const struct isr_tp TP = {.topic = 1, .index = 0};

struct fixture {
    struct test_disk disk;
    struct test_random random;
    struct bench_node node;
    struct isr_log *log;
};

static void start(struct fixture *fixture, const struct isr_config *config)
{
    bench_start(&fixture->node, &fixture->disk, &fixture->random, config);
    bench_run_until_ready(&fixture->node);
    assert_true(fixture->node.ready);
    fixture->log = isr_log_store_open(&fixture->node.store, TP);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.random = {.state = 1}};
    struct isr_config config = isr_config_default();
    config.log_segment_bytes = 1024;
    start(&fixture, &config);
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

static void restart_with(struct fixture *fixture, struct isr_config config)
{
    bench_crash(&fixture->node, false);
    start(fixture, &config);
}

static struct isr_batch make_batch(struct fixture *fixture, uint32_t records, uint32_t value_bytes)
{
    struct isr_batch batch;
    struct isr_bytes bytes =
        isr_batch_build(&fixture->node.env.scratch, -1, -1, -1, 100, records, value_bytes);
    assert_int_equal(isr_batch_parse(bytes, true, &batch), ISR_BATCH_OK);
    return batch;
}

static void append(struct fixture *fixture, uint32_t records, int32_t epoch)
{
    bench_begin(&fixture->node);
    struct isr_batch batch = make_batch(fixture, records, 40);
    isr_log_append_leader(fixture->log, &batch, epoch);
    bench_end(&fixture->node);
}

static void truncate(struct fixture *fixture, int64_t offset)
{
    bench_begin(&fixture->node);
    isr_log_truncate(fixture->log, offset, ISR_CAUSE_DIVERGENCE);
    bench_end(&fixture->node);
    isr_log_verify(fixture->log);
}

static unsigned effects_of(const struct fixture *fixture, enum isr_effect_kind kind)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < fixture->node.effects.count; i++)
        count += fixture->node.effects.items[i].kind == kind;
    return count;
}

static unsigned queued(const struct fixture *fixture, enum isr_effect_kind kind, enum isr_file_kind file)
{
    unsigned count = 0;
    for (size_t i = 0; i < fixture->disk.queue_count; i++)
        count += fixture->disk.queue[i].kind == kind && fixture->disk.queue[i].file.kind == file;
    return count;
}

static void is_ready_at_once_when_the_disk_is_empty(void **state)
{
    struct fixture *fixture = *state;
    test_heap_drop(&fixture->node.heap);
    struct isr_config config = isr_config_default();
    bench_start(&fixture->node, &fixture->disk, &fixture->random, &config);
    assert_false(fixture->node.ready);
    assert_true(bench_io(&fixture->node));
    assert_true(fixture->node.ready);
    assert_int_equal(fixture->disk.queue_count, 0);
    assert_int_equal(fixture->node.store.clean_shutdown_epoch, -1);
}

static void counts_as_held_only_when_the_write_completed(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 3, 0);
    assert_int_equal(fixture->log->log_end, 3);
    assert_int_equal(isr_log_held_end(fixture->log), 0);
    bench_settle(&fixture->node);
    assert_int_equal(isr_log_held_end(fixture->log), 3);
    assert_int_equal(fixture->log->synced_end, 0);
}

static void counts_as_held_only_when_synced_when_each_message_is_flushed(void **state)
{
    struct fixture *fixture = *state;
    struct isr_config config = fixture->node.config;
    config.log_flush_messages = 1;
    restart_with(fixture, config);
    append(fixture, 1, 0);
    append(fixture, 1, 0);
    append(fixture, 1, 0);
    assert_int_equal(queued(fixture, ISR_EFFECT_SYNC, ISR_FILE_SEGMENT),
                     1); /* one under way, the rest waits */
    while (fixture->log->written_end < 3)
        assert_true(bench_io(&fixture->node));
    assert_true(isr_log_held_end(fixture->log) < 3);
    bench_settle(&fixture->node);
    assert_int_equal(isr_log_held_end(fixture->log), 3);
}

static void syncs_a_group_when_enough_wait_and_the_rest_when_nothing_comes(void **state)
{
    struct fixture *fixture = *state;
    struct isr_config config = fixture->node.config;
    config.log_flush_messages = 4;
    restart_with(fixture, config);
    append(fixture, 3, 0);
    assert_int_equal(effects_of(fixture, ISR_EFFECT_SYNC), 0);
    append(fixture, 1, 0);
    assert_int_equal(effects_of(fixture, ISR_EFFECT_SYNC), 1);
    bench_settle(&fixture->node);
    assert_int_equal(isr_log_held_end(fixture->log), 4);
    append(fixture, 1, 0);
    assert_int_equal(effects_of(fixture, ISR_EFFECT_SYNC), 0);
    bench_settle(&fixture->node);
    assert_int_equal(isr_log_held_end(fixture->log), 5);
}

static void syncs_when_the_flush_interval_is_over(void **state)
{
    struct fixture *fixture = *state;
    struct isr_config config = fixture->node.config;
    config.log_flush_interval = ISR_SECOND;
    restart_with(fixture, config);
    append(fixture, 2, 0);
    bench_settle(&fixture->node);
    assert_int_equal(fixture->log->synced_end, 0);
    bench_wait(&fixture->node, ISR_SECOND);
    bench_settle(&fixture->node);
    assert_int_equal(fixture->log->synced_end, 2);
}

static void rolls_and_syncs_when_a_segment_is_full(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 30; i++)
        append(fixture, 1, 0);
    bench_settle(&fixture->node);
    assert_true(fixture->log->segments_count >= 2);
    const struct isr_segment *last = &fixture->log->segments[fixture->log->segments_count - 1];
    assert_int_equal(fixture->log->synced_end, last->base_offset);
    assert_int_equal(fixture->log->recovery_point, last->base_offset);
    isr_log_verify(fixture->log);
}

static void refuses_batches_that_do_not_fit(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 2, 5);
    bench_begin(&fixture->node);
    struct isr_batch batch = make_batch(fixture, 1, 20);
    uint8_t *data = (uint8_t *)(uintptr_t)batch.bytes.data;
    isr_batch_set_position(data, 3, 5);
    assert_int_equal(isr_log_append_follower(fixture->log, batch.bytes), ISR_ERROR_OFFSET_OUT_OF_RANGE);
    isr_batch_set_position(data, 2, 4);
    assert_int_equal(isr_log_append_follower(fixture->log, batch.bytes), ISR_ERROR_CORRUPT_MESSAGE);
    isr_batch_set_position(data, 2, 5);
    data[50] ^= 1;
    assert_int_equal(isr_log_append_follower(fixture->log, batch.bytes), ISR_ERROR_CORRUPT_MESSAGE);
    data[50] ^= 1;
    assert_int_equal(fixture->log->log_end, 2);
    assert_int_equal(isr_log_append_follower(fixture->log, batch.bytes), ISR_ERROR_NONE);
    assert_int_equal(fixture->log->log_end, 3);
    bench_end(&fixture->node);
}

static void appends_nothing_when_a_later_batch_is_damaged(void **state)
{
    struct fixture *fixture = *state;
    bench_begin(&fixture->node);
    struct isr_batch batch = make_batch(fixture, 1, 20);
    uint8_t two[200];
    memcpy(two, batch.bytes.data, batch.bytes.size);
    memcpy(two + batch.bytes.size, batch.bytes.data, batch.bytes.size);
    isr_batch_set_position(two, 0, 0);
    isr_batch_set_position(two + batch.bytes.size, 2, 0); /* a gap */
    struct isr_bytes bytes = {.data = two, .size = 2 * batch.bytes.size};
    assert_int_equal(isr_log_append_follower(fixture->log, bytes), ISR_ERROR_CORRUPT_MESSAGE);
    assert_int_equal(fixture->log->log_end, 0);
    bench_end(&fixture->node);
}

static void reads_in_place_when_the_range_lies_in_one_block(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 5; i++)
        append(fixture, 1, 0);
    bench_begin(&fixture->node);
    struct isr_bytes bytes = isr_log_read(fixture->log, 1, 4, UINT32_MAX);
    assert_ptr_equal(bytes.data, fixture->log->places[1].data);
    assert_int_equal(bytes.size, 3 * fixture->log->places[1].size_bytes);
    assert_int_equal(isr_log_bytes_between(fixture->log, 1, 4), bytes.size);
    assert_int_equal(isr_log_read(fixture->log, 1, 4, 1).size, fixture->log->places[1].size_bytes);
    assert_int_equal(isr_log_read(fixture->log, 2, 2, 100).size, 0);
    assert_int_equal(isr_log_read(fixture->log, 5, 9, 100).size, 0);
    assert_null(isr_log_batch_at(fixture->log, 5));
    assert_int_equal(isr_log_batch_at(fixture->log, 4)->base_offset, 4);
    bench_end(&fixture->node);
}

static void copies_nothing_but_the_places_when_it_grows(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 1, 0);
    const uint8_t *first = fixture->log->places[0].data;
    for (int i = 0; i < 2000; i++) {
        append(fixture, 1, 0);
        bench_settle(&fixture->node);
    }
    assert_ptr_equal(fixture->log->places[0].data, first);
    isr_log_verify(fixture->log);
}

static void gives_memory_back_when_truncated(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 1, 0);
    bench_settle(&fixture->node);
    for (int i = 0; i < 500; i++)
        append(fixture, 1, 0);
    bench_settle(&fixture->node);
    size_t full = fixture->node.heap.live_bytes;
    truncate(fixture, 1);
    bench_settle(&fixture->node);
    assert_true(fixture->node.heap.live_bytes + 40000 < full);
    assert_int_equal(fixture->log->log_end, 1);
    assert_int_equal(fixture->node.env.metrics.records_truncated, 500);
}

static void drops_a_batch_whole_when_the_cut_goes_through_it(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 3, 0);
    append(fixture, 4, 0);
    isr_log_set_high_watermark(fixture->log, 6);
    truncate(fixture, 5);
    assert_int_equal(fixture->log->log_end, 3);
    assert_int_equal(fixture->log->high_watermark, 3);
    assert_int_equal(fixture->node.truncations, 1);
}

static void observes_no_truncation_when_nothing_is_cut(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 3, 2);
    bench_begin(&fixture->node);
    isr_log_assign_epoch(fixture->log, 7, 3, ISR_CAUSE_BECAME_LEADER);
    bench_end(&fixture->node);
    assert_int_equal(isr_log_last_epoch(fixture->log), 7);
    truncate(fixture, 3);
    assert_int_equal(fixture->node.truncations, 0);
    assert_int_equal(isr_log_last_epoch(fixture->log), 2); /* the epoch without records went */
}

/* The bytes of a write belong to the log until the next step, also when that very step cuts them. */
static void keeps_the_bytes_of_a_write_when_the_same_step_truncates(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 1, 0);
    bench_begin(&fixture->node);
    struct isr_batch batch = make_batch(fixture, 2, 3000);
    isr_log_append_leader(fixture->log, &batch, 0);
    isr_log_truncate(fixture->log, 1, ISR_CAUSE_DIVERGENCE);
    struct isr_batch other = make_batch(fixture, 1, 33);
    isr_log_append_leader(fixture->log, &other, 1);
    struct isr_effects effects;
    isr_env_end(&fixture->node.env, &effects);
    const struct isr_effect *write = NULL;
    for (uint32_t i = 0; i < effects.count && write == NULL; i++) {
        if (effects.items[i].kind == ISR_EFFECT_WRITE)
            write = &effects.items[i];
    }
    assert_non_null(write);
    struct isr_batch written;
    assert_int_equal(isr_batch_parse(write->bytes, true, &written), ISR_BATCH_OK);
    assert_int_equal(written.base_offset, 1);
    assert_int_equal(written.crc, batch.crc);
    bench_end(&fixture->node);
}

/* The barrier of log.h. */
static void writes_nothing_new_when_a_truncation_is_not_durable(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 4, 0);
    append(fixture, 4, 3);
    bench_settle(&fixture->node);
    truncate(fixture, 4);
    assert_int_equal(queued(fixture, ISR_EFFECT_TRUNCATE, ISR_FILE_SEGMENT), 1);
    assert_int_equal(queued(fixture, ISR_EFFECT_SYNC, ISR_FILE_SEGMENT), 1);
    assert_int_equal(queued(fixture, ISR_EFFECT_REPLACE, ISR_FILE_EPOCHS), 1);
    append(fixture, 1, 4);
    assert_int_equal(fixture->log->log_end, 5);
    while (fixture->log->barrier_pending > 0) {
        assert_int_equal(queued(fixture, ISR_EFFECT_WRITE, ISR_FILE_SEGMENT), 0);
        assert_int_equal(isr_log_held_end(fixture->log), 4);
        assert_true(bench_io(&fixture->node));
    }
    assert_int_equal(queued(fixture, ISR_EFFECT_WRITE, ISR_FILE_SEGMENT), 1);
    bench_settle(&fixture->node);
    assert_int_equal(isr_log_held_end(fixture->log), 5);
    isr_log_verify(fixture->log);
}

static void waits_for_the_recovery_point_when_it_is_above_the_cut(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 40; i++)
        append(fixture, 1, 0);
    bench_settle(&fixture->node);
    bench_wait(&fixture->node, 10 * ISR_SECOND);
    bench_settle(&fixture->node);
    assert_true(fixture->log->recovery_point_stored > 5);
    truncate(fixture, 5);
    assert_int_equal(queued(fixture, ISR_EFFECT_REPLACE, ISR_FILE_RECOVERY_POINTS), 1);
    assert_true(queued(fixture, ISR_EFFECT_DELETE, ISR_FILE_SEGMENT) > 0);
    bench_settle(&fixture->node);
    assert_true(fixture->log->recovery_point_stored <= 5);
    assert_int_equal(fixture->log->barrier_pending, 0);
}

static void starts_anew_when_truncated_fully(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 4, 2);
    bench_settle(&fixture->node);
    bench_begin(&fixture->node);
    isr_log_truncate_fully(fixture->log, 500, ISR_CAUSE_OUT_OF_RANGE);
    bench_end(&fixture->node);
    assert_int_equal(fixture->log->log_start, 500);
    assert_int_equal(fixture->log->log_end, 500);
    assert_int_equal(fixture->log->high_watermark, 500);
    assert_int_equal(isr_log_last_epoch(fixture->log), ISR_EPOCH_NONE);
    append(fixture, 2, 3);
    bench_settle(&fixture->node);
    isr_log_verify(fixture->log);
    restart_with(fixture, fixture->node.config);
    assert_int_equal(fixture->log->log_start, 500);
    assert_int_equal(fixture->log->log_end, 502);
    assert_int_equal(isr_log_last_epoch(fixture->log), 3);
}

static void is_empty_from_there_on_when_cut_below_its_start(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 3, 2);
    bench_settle(&fixture->node);
    bench_begin(&fixture->node);
    isr_log_truncate_fully(fixture->log, 7, ISR_CAUSE_OUT_OF_RANGE);
    bench_end(&fixture->node);
    bench_settle(&fixture->node);
    append(fixture, 2, 3);
    bench_settle(&fixture->node);
    assert_int_equal(fixture->log->log_start, 7);
    truncate(fixture, 5);
    assert_int_equal(fixture->log->log_start, 5);
    assert_int_equal(fixture->log->log_end, 5);
    bench_settle(&fixture->node);
    bench_begin(&fixture->node);
    isr_log_truncate_fully(fixture->log, 5, ISR_CAUSE_OUT_OF_RANGE); /* it is so already */
    bench_end(&fixture->node);
    assert_int_equal(fixture->node.effects.count, 0);
}

static void counts_the_bytes_that_it_has_of_a_range(void **state)
{
    struct fixture *fixture = *state;
    bench_begin(&fixture->node);
    isr_log_truncate_fully(fixture->log, 4, ISR_CAUSE_OUT_OF_RANGE);
    bench_end(&fixture->node);
    bench_settle(&fixture->node);
    for (int i = 0; i < 3; i++)
        append(fixture, 1, 1);
    int64_t one = isr_log_bytes_between(fixture->log, 4, 5);
    assert_true(one > 0);
    assert_int_equal(isr_log_bytes_between(fixture->log, 0, 5), one);
    assert_int_equal(isr_log_bytes_between(fixture->log, 6, 99), one);
    assert_int_equal(isr_log_bytes_between(fixture->log, 0, 99), 3 * one);
    assert_int_equal(isr_log_bytes_between(fixture->log, 0, 4), 0);
    assert_int_equal(isr_log_bytes_between(fixture->log, 9, 12), 0);
}

static void has_no_epochs_below_its_first_one(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 3, 4);
    isr_epoch_cache_trim_start(&fixture->log->epochs, -1);
    assert_int_equal(fixture->log->epochs.count, 1);
    assert_int_equal(fixture->log->epochs.entries[0].start_offset, 0);
}

static void tells_where_epochs_end(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(isr_log_epoch_end(fixture->log, 0).epoch, ISR_EPOCH_NONE);
    append(fixture, 5, 2);
    append(fixture, 5, 4);
    append(fixture, 5, 4);
    append(fixture, 5, 9);
    static const struct {
        int32_t asked, epoch;
        int64_t end;
    } expected[] = {{0, 0, 0},  {1, 1, 0},  {2, 2, 5},  {3, 2, 5},
                    {4, 4, 15}, {8, 4, 15}, {9, 9, 20}, {10, -1, -1}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct isr_epoch_end end = isr_log_epoch_end(fixture->log, expected[i].asked);
        assert_int_equal(end.epoch, expected[i].epoch);
        assert_int_equal(end.end_offset, expected[i].end);
    }
}

static void replaces_an_epoch_without_records_when_a_newer_one_begins(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 5, 2);
    bench_begin(&fixture->node);
    isr_log_assign_epoch(fixture->log, 3, 5, ISR_CAUSE_BECAME_LEADER);
    isr_log_assign_epoch(fixture->log, 3, 5, ISR_CAUSE_BECAME_LEADER);
    isr_log_assign_epoch(fixture->log, 6, 5, ISR_CAUSE_BECAME_LEADER);
    isr_log_assign_epoch(fixture->log, 1, 5, ISR_CAUSE_BECAME_LEADER);
    bench_end(&fixture->node);
    assert_int_equal(fixture->log->epochs.count, 2);
    assert_int_equal(fixture->log->epochs.entries[1].epoch, 6);
    isr_log_verify(fixture->log);
}

/* As KAFKA-7415 leaves it: an empty epoch of one's own, and then a leader of another. */
static void forgets_an_epoch_without_records_when_the_leader_sends_an_older_one(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 5, 2);
    bench_begin(&fixture->node);
    isr_log_assign_epoch(fixture->log, 7, 5, ISR_CAUSE_BECAME_LEADER);
    struct isr_batch batch = make_batch(fixture, 1, 20);
    isr_batch_set_position((uint8_t *)(uintptr_t)batch.bytes.data, 5, 3);
    assert_int_equal(isr_log_append_follower(fixture->log, batch.bytes), ISR_ERROR_NONE);
    bench_end(&fixture->node);
    assert_int_equal(isr_log_last_epoch(fixture->log), 3);
    isr_log_verify(fixture->log);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(is_ready_at_once_when_the_disk_is_empty),
        TEST(counts_as_held_only_when_the_write_completed),
        TEST(counts_as_held_only_when_synced_when_each_message_is_flushed),
        TEST(syncs_a_group_when_enough_wait_and_the_rest_when_nothing_comes),
        TEST(syncs_when_the_flush_interval_is_over),
        TEST(rolls_and_syncs_when_a_segment_is_full),
        TEST(refuses_batches_that_do_not_fit),
        TEST(appends_nothing_when_a_later_batch_is_damaged),
        TEST(reads_in_place_when_the_range_lies_in_one_block),
        TEST(copies_nothing_but_the_places_when_it_grows),
        TEST(gives_memory_back_when_truncated),
        TEST(drops_a_batch_whole_when_the_cut_goes_through_it),
        TEST(observes_no_truncation_when_nothing_is_cut),
        TEST(keeps_the_bytes_of_a_write_when_the_same_step_truncates),
        TEST(writes_nothing_new_when_a_truncation_is_not_durable),
        TEST(waits_for_the_recovery_point_when_it_is_above_the_cut),
        TEST(starts_anew_when_truncated_fully),
        TEST(is_empty_from_there_on_when_cut_below_its_start),
        TEST(counts_the_bytes_that_it_has_of_a_range),
        TEST(has_no_epochs_below_its_first_one),
        TEST(tells_where_epochs_end),
        TEST(replaces_an_epoch_without_records_when_a_newer_one_begins),
        TEST(forgets_an_epoch_without_records_when_the_leader_sends_an_older_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
