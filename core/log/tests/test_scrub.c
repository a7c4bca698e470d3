/* Scrubbing: what is read again, what is found, and what is done about it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/log/cleaner.h"
#include "core/log/internal.h"
#include "core/log/tests/bench_node.h"

static const struct isr_tp TP = {.topic = 1, .index = 0};
static const struct isr_tp OTHER = {.topic = 2, .index = 0};
enum { INTERVAL = 1000000000 };

struct fixture {
    struct test_disk disk;
    struct test_random random;
    struct bench_node node;
    struct isr_log *log;
};

static void start(struct fixture *fixture, int64_t interval_ns)
{
    struct isr_config config = isr_config_default();
    config.log_segment_bytes = 1024;
    config.log_scrub_interval = interval_ns;
    bench_start(&fixture->node, &fixture->disk, &fixture->random, &config);
    bench_run_until_ready(&fixture->node);
    assert_true(fixture->node.ready);
    fixture->log = isr_log_store_open(&fixture->node.store, TP);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.random = {.state = 1}};
    start(&fixture, INTERVAL);
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

/* Batches of ten records, about four to a segment; written, and synced but for the last segment's. */
static void append_keyed(struct fixture *fixture, struct isr_log *log, uint32_t batches,
                         struct isr_batch_keys keys)
{
    for (uint32_t i = 0; i < batches; i++) {
        bench_begin(&fixture->node);
        struct isr_batch batch;
        struct isr_bytes bytes =
            isr_batch_build_keyed(&fixture->node.env.scratch, -1, -1, -1, 100 + i, 10, 16, keys);
        assert_int_equal(isr_batch_parse(bytes, true, &batch), ISR_BATCH_OK);
        isr_log_append_leader(log, &batch, 1);
        bench_end(&fixture->node);
    }
    bench_settle(&fixture->node);
}

static void append(struct fixture *fixture, struct isr_log *log, uint32_t batches)
{
    append_keyed(fixture, log, batches, (struct isr_batch_keys){0});
}

static void tick(struct fixture *fixture)
{
    bench_wait(&fixture->node, INTERVAL);
}

static void round_of_ticks(struct fixture *fixture)
{
    for (uint32_t i = 0; i < fixture->log->segments_count; i++) {
        tick(fixture);
        bench_settle(&fixture->node);
    }
}

static struct test_file *file_of(struct fixture *fixture, uint32_t segment)
{
    return test_disk_file(&fixture->disk, isr_log_file(fixture->log, ISR_FILE_SEGMENT,
                                                       fixture->log->segments[segment].base_offset));
}

static void flip(struct fixture *fixture, uint32_t segment, size_t position)
{
    struct test_file *file = file_of(fixture, segment);
    assert_true(position < file->durable.size_bytes);
    file->durable.bytes[position] ^= 4;
    file->cached.bytes[position] ^= 4;
}

static const struct test_operation *reading(const struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->disk.queue_count; i++) {
        if (fixture->disk.queue[i].kind == ISR_EFFECT_READ)
            return &fixture->disk.queue[i];
    }
    return NULL;
}

static int64_t repaired(const struct fixture *fixture)
{
    return fixture->node.env.metrics.batches_repaired;
}

static int64_t scrubbed(const struct fixture *fixture)
{
    return fixture->node.env.metrics.segments_scrubbed;
}

/* After a loss of power recovery must find all of the log. */
static void assert_whole_after_power_loss(struct fixture *fixture)
{
    int64_t end = fixture->log->segments[fixture->log->segments_count - 1].base_offset;
    bench_wait(&fixture->node, fixture->node.config.hw_checkpoint_interval);
    bench_settle(&fixture->node);
    bench_crash(&fixture->node, true);
    start(fixture, 0);
    isr_log_verify(fixture->log);
    assert_true(fixture->log->log_end >= end);
    assert_int_equal(fixture->node.env.metrics.damaged_starts, 0);
}

static void reads_nothing_when_it_is_off(void **state)
{
    struct fixture *fixture = *state;
    test_heap_drop(&fixture->node.heap);
    start(fixture, 0);
    append(fixture, fixture->log, 12);
    bench_wait(&fixture->node, 3 * (int64_t)INTERVAL);
    assert_null(reading(fixture));
    assert_false(isr_timer_is_set(&fixture->node.store.scrub.timer));
}

static void reads_closed_segments_of_all_logs_in_turn(void **state)
{
    struct fixture *fixture = *state;
    struct isr_log *other = isr_log_store_open(&fixture->node.store, OTHER);
    append(fixture, fixture->log, 9);
    append(fixture, other, 5);
    assert_int_equal(fixture->log->segments_count, 3);
    assert_int_equal(other->segments_count, 2);
    const struct isr_file expected[] = {
        isr_log_file(fixture->log, ISR_FILE_SEGMENT, 0), isr_log_file(fixture->log, ISR_FILE_SEGMENT, 40),
        isr_log_file(other, ISR_FILE_SEGMENT, 0), isr_log_file(fixture->log, ISR_FILE_SEGMENT, 0)};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        tick(fixture);
        const struct test_operation *read = reading(fixture);
        assert_non_null(read);
        assert_true(isr_file_equal(read->file, expected[i]));
        bench_settle(&fixture->node);
    }
    assert_int_equal(scrubbed(fixture), 4);
    assert_int_equal(repaired(fixture), 0);
}

static void reads_nothing_when_no_segment_is_closed(void **state)
{
    struct fixture *fixture = *state;
    tick(fixture);
    append(fixture, fixture->log, 2);
    tick(fixture);
    assert_null(reading(fixture));
    assert_int_equal(scrubbed(fixture), 0);
}

static void reads_one_segment_at_a_time(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, fixture->log, 12);
    tick(fixture);
    tick(fixture);
    bench_settle(&fixture->node);
    assert_int_equal(scrubbed(fixture), 1);
}

/* Wherever the bit is: header, checksums or records. */
static void writes_a_rotten_batch_again_whichever_byte_it_was(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, fixture->log, 9);
    size_t size = fixture->log->places[0].size_bytes;
    for (size_t position = 0; position < 2 * size; position += 7) {
        int64_t before = repaired(fixture);
        flip(fixture, 1, position);
        round_of_ticks(fixture);
        assert_int_equal(repaired(fixture), before + 1);
        const struct test_file *file = file_of(fixture, 1);
        assert_memory_equal(file->durable.bytes, fixture->log->places[4].data, size);
        assert_memory_equal(file->cached.bytes, fixture->log->places[4].data, size);
    }
    assert_whole_after_power_loss(fixture);
}

static void tells_where_the_first_one_is_and_how_many(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, fixture->log, 9);
    size_t size = fixture->log->places[0].size_bytes;
    flip(fixture, 0, size + 60);
    flip(fixture, 0, 3 * size + 60);
    tick(fixture);
    const struct isr_observation *seen = NULL;
    while (seen == NULL && bench_io(&fixture->node)) {
        for (uint32_t i = 0; i < fixture->node.effects.observations_count; i++) {
            if (fixture->node.effects.observations[i].kind == ISR_OBSERVED_ROT_FOUND)
                seen = &fixture->node.effects.observations[i];
        }
    }
    assert_non_null(seen);
    assert_int_equal(seen->rot_found.tp, isr_tp_key(TP));
    assert_int_equal(seen->rot_found.offset, 10);
    assert_int_equal(seen->rot_found.batches, 2);
}

/* A write that went astray leaves sound batches, of another place. */
static void finds_a_sound_batch_where_another_belongs(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, fixture->log, 9);
    size_t size = fixture->log->places[0].size_bytes;
    struct test_file *file = file_of(fixture, 0);
    memcpy(file->durable.bytes, file->durable.bytes + size, size);
    memcpy(file->cached.bytes, file->cached.bytes + size, size);
    round_of_ticks(fixture);
    assert_int_equal(repaired(fixture), 1);
    assert_whole_after_power_loss(fixture);
}

static void restores_a_segment_that_is_gone_or_has_another_length(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, fixture->log, 13);
    struct isr_file gone = file_of(fixture, 0)->file, longer = file_of(fixture, 1)->file;
    struct isr_file shorter = file_of(fixture, 2)->file;
    uint8_t bytes[2048] = {0};
    const struct test_file *file = test_disk_file(&fixture->disk, longer);
    size_t size = file->durable.size_bytes;
    memcpy(bytes, file->durable.bytes, size);
    test_disk_put(&fixture->disk, longer, bytes, size + 100);
    file = test_disk_file(&fixture->disk, shorter);
    memcpy(bytes, file->durable.bytes, size);
    test_disk_put(&fixture->disk, shorter, bytes, size - 100);
    test_disk_remove(&fixture->disk, gone);
    round_of_ticks(fixture);
    assert_int_equal(repaired(fixture), 4 + 1);
    assert_int_equal(test_disk_file(&fixture->disk, gone)->durable.size_bytes, size);
    assert_int_equal(test_disk_file(&fixture->disk, longer)->durable.size_bytes, size);
    assert_int_equal(test_disk_file(&fixture->disk, shorter)->durable.size_bytes, size);
    assert_whole_after_power_loss(fixture);
}

static void halts_when_memory_is_no_better_than_the_disk(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, fixture->log, 9);
    flip(fixture, 0, 100);
    ((uint8_t *)(uintptr_t)fixture->log->places[0].data)[100] ^= 4;
    round_of_ticks(fixture);
    assert_true(fixture->node.exited);
    assert_int_equal(repaired(fixture), 0);
}

static void halts_when_the_disk_cannot_read(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, fixture->log, 9);
    tick(fixture);
    fixture->disk.fail_in = 1;
    fixture->disk.fail_with = ISR_IO_ERROR;
    bench_settle(&fixture->node);
    assert_true(fixture->node.exited);
}

static void truncate(struct fixture *fixture, int64_t offset)
{
    bench_begin(&fixture->node);
    isr_log_truncate(fixture->log, offset, ISR_CAUSE_DIVERGENCE);
    bench_end(&fixture->node);
}

/* The read of the first segment is done; its completion is held back. */
static struct isr_event read_held_back(struct fixture *fixture)
{
    static uint8_t bytes[2048];
    const struct test_file *file = file_of(fixture, 0);
    struct isr_event read;
    uint32_t size = (uint32_t)file->cached.size_bytes;
    memcpy(bytes, file->cached.bytes, size);
    assert_true(test_disk_step_of(&fixture->disk, ISR_FILE_SEGMENT, &read));
    read.io_done.bytes = (struct isr_bytes){.data = bytes, .size = size};
    return read;
}

static void complete(struct fixture *fixture, const struct isr_event *read)
{
    bench_begin(&fixture->node);
    isr_env_io_done(&fixture->node.env, read);
    bench_end(&fixture->node);
}

/* What was read before the cut is not what is there after it, although the segment has the same name. */
static void concludes_nothing_when_the_log_was_cut_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, fixture->log, 9);
    tick(fixture);
    struct isr_event read = read_held_back(fixture);
    truncate(fixture, 20);
    bench_settle(&fixture->node);
    append(fixture, fixture->log, 9);
    complete(fixture, &read);
    assert_int_equal(scrubbed(fixture), 0);
    assert_int_equal(repaired(fixture), 0);
    round_of_ticks(fixture);
    assert_true(scrubbed(fixture) > 0);
    assert_int_equal(repaired(fixture), 0);
}

static void on_cleaned(void *object)
{
    (void)object;
}

/* Memory is compacted first, and the file after what was read of it. */
static void concludes_nothing_when_the_log_was_compacted_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    const struct isr_clean_policy policy = {.limit = 130, .tombstones = 130};
    append_keyed(fixture, fixture->log, 13, (struct isr_batch_keys){.keys = 1});
    tick(fixture);
    struct isr_event read = read_held_back(fixture);
    int64_t size = fixture->log->segments[0].size_bytes;
    bench_begin(&fixture->node);
    isr_log_clean(fixture->log, &policy, on_cleaned, NULL);
    bench_end(&fixture->node);
    for (int i = 0; i < 10; i++)
        bench_wait(&fixture->node, ISR_MS);
    assert_true(fixture->log->segments[0].size_bytes < size);
    complete(fixture, &read);
    assert_int_equal(scrubbed(fixture), 0);
    bench_settle(&fixture->node);
    append(fixture, fixture->log, 9);
    round_of_ticks(fixture);
    assert_true(scrubbed(fixture) > 0);
    assert_int_equal(repaired(fixture), 0);
    flip(fixture, 0, 20);
    round_of_ticks(fixture);
    assert_int_equal(repaired(fixture), 1);
    assert_whole_after_power_loss(fixture);
}

static void concludes_nothing_when_the_segment_was_deleted_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, fixture->log, 9);
    flip(fixture, 0, 100);
    tick(fixture);
    bench_begin(&fixture->node);
    isr_log_set_high_watermark(fixture->log, 50);
    isr_log_advance_start(fixture->log, 50, ISR_CAUSE_DELETE_RECORDS);
    bench_end(&fixture->node);
    bench_settle(&fixture->node);
    assert_int_equal(repaired(fixture), 0);
    assert_int_equal(scrubbed(fixture), 0);
}

static void concludes_nothing_when_the_log_was_removed_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, fixture->log, 9);
    flip(fixture, 0, 100);
    tick(fixture);
    bench_begin(&fixture->node);
    isr_log_store_remove(&fixture->node.store, fixture->log);
    bench_end(&fixture->node);
    bench_settle(&fixture->node);
    assert_int_equal(scrubbed(fixture), 0);
    fixture->log = isr_log_store_open(&fixture->node.store, TP);
    tick(fixture);
    assert_null(reading(fixture));
}

static void leaves_out_a_log_whose_cut_is_not_durable(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, fixture->log, 13);
    truncate(fixture, 100);
    tick(fixture);
    assert_null(reading(fixture));
    bench_settle(&fixture->node);
    tick(fixture);
    assert_non_null(reading(fixture));
}

/* The first segment holds batches below the start, which are in no memory. */
static void looks_only_at_what_memory_holds(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, fixture->log, 9);
    bench_begin(&fixture->node);
    isr_log_set_high_watermark(fixture->log, 30);
    isr_log_advance_start(fixture->log, 20, ISR_CAUSE_DELETE_RECORDS);
    bench_end(&fixture->node);
    bench_settle(&fixture->node);
    size_t size = fixture->log->places[0].size_bytes;
    flip(fixture, 0, 10);
    round_of_ticks(fixture);
    assert_int_equal(repaired(fixture), 0);
    flip(fixture, 0, 2 * size + 10);
    round_of_ticks(fixture);
    assert_int_equal(repaired(fixture), 1);
}

static void is_waited_for_by_a_clean_stop_and_begins_nothing_after(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, fixture->log, 9);
    flip(fixture, 0, 100);
    tick(fixture);
    bench_begin(&fixture->node);
    isr_log_store_close(&fixture->node.store, 7, bench_on_closed, &fixture->node);
    bench_end(&fixture->node);
    assert_false(fixture->node.closed);
    tick(fixture);
    bench_settle(&fixture->node);
    assert_true(fixture->node.closed);
    assert_int_equal(repaired(fixture), 1);
    bench_crash(&fixture->node, true);
    start(fixture, 0);
    assert_int_equal(fixture->log->log_end, 90);
    assert_int_equal(fixture->node.store.clean_shutdown_epoch, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(reads_nothing_when_it_is_off),
        TEST(reads_closed_segments_of_all_logs_in_turn),
        TEST(reads_nothing_when_no_segment_is_closed),
        TEST(reads_one_segment_at_a_time),
        TEST(writes_a_rotten_batch_again_whichever_byte_it_was),
        TEST(tells_where_the_first_one_is_and_how_many),
        TEST(finds_a_sound_batch_where_another_belongs),
        TEST(restores_a_segment_that_is_gone_or_has_another_length),
        TEST(halts_when_memory_is_no_better_than_the_disk),
        TEST(halts_when_the_disk_cannot_read),
        TEST(concludes_nothing_when_the_log_was_cut_meanwhile),
        TEST(concludes_nothing_when_the_log_was_compacted_meanwhile),
        TEST(concludes_nothing_when_the_segment_was_deleted_meanwhile),
        TEST(concludes_nothing_when_the_log_was_removed_meanwhile),
        TEST(leaves_out_a_log_whose_cut_is_not_durable),
        TEST(looks_only_at_what_memory_holds),
        TEST(is_waited_for_by_a_clean_stop_and_begins_nothing_after),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
