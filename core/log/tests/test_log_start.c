/* The start of a log: retention, where it may move to, what it leaves behind, and what a restart finds. */
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
    int32_t sequence;
};

static void start(struct fixture *fixture)
{
    struct isr_config config = isr_config_default();
    config.log_segment_bytes = 1024;
    bench_start(&fixture->node, &fixture->disk, &fixture->random, &config);
    bench_run_until_ready(&fixture->node);
    assert_true(fixture->node.ready);
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

/* Batches of ten records of producer 5, one a second, about four to a segment; all of them are written. */
static void append(struct fixture *fixture, uint32_t batches, int32_t epoch)
{
    for (uint32_t i = 0; i < batches; i++) {
        bench_begin(&fixture->node);
        fixture->node.env.real_ns += ISR_SECOND;
        struct isr_batch batch;
        struct isr_bytes bytes =
            isr_batch_build(&fixture->node.env.scratch, 5, 0, fixture->sequence, 100, 10, 16);
        fixture->sequence += 10;
        assert_int_equal(isr_batch_parse(bytes, true, &batch), ISR_BATCH_OK);
        isr_log_append_leader(fixture->log, &batch, epoch);
        bench_end(&fixture->node);
    }
    bench_settle(&fixture->node);
}

static int64_t advance(struct fixture *fixture, int64_t high_watermark, int64_t offset)
{
    bench_begin(&fixture->node);
    isr_log_set_high_watermark(fixture->log, high_watermark);
    int64_t reached = isr_log_advance_start(fixture->log, offset, ISR_CAUSE_DELETE_RECORDS);
    bench_end(&fixture->node);
    isr_log_verify(fixture->log);
    return reached;
}

static bool has_file(const struct fixture *fixture, enum isr_file_kind kind, int64_t number)
{
    for (size_t i = 0; i < fixture->disk.files_count; i++) {
        const struct test_file *file = &fixture->disk.files[i];
        if (isr_file_equal(file->file, isr_log_file(fixture->log, kind, number)) && file->cached.exists)
            return true;
    }
    return false;
}

static void keeps_at_least_so_many_bytes(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 20, 1);
    struct isr_log *log = fixture->log;
    for (int64_t bytes = 1; bytes < log->position_end; bytes += 500) {
        int64_t start = isr_log_start_by_size(log, log->log_end, bytes);
        assert_true(isr_log_bytes_between(log, start, log->log_end) >= bytes);
        assert_true(start < log->log_end);
    }
    assert_int_equal(isr_log_start_by_size(log, log->log_end, 1),
                     log->segments[log->segments_count - 1].base_offset);
    assert_int_equal(isr_log_start_by_size(log, log->log_end, log->position_end), 0);
    int64_t second = log->segments[1].base_offset;
    assert_int_equal(isr_log_start_by_size(log, second, 1), second);
    assert_int_equal(isr_log_start_by_size(log, second - 1, 1), 0);
}

static void keeps_a_segment_with_one_young_record(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 20, 1);
    const struct isr_log *log = fixture->log;
    const struct isr_segment *first = &log->segments[0];
    assert_int_equal(isr_log_start_by_time(log, log->log_end, first->timestamp_max_ns), 0);
    assert_int_equal(isr_log_start_by_time(log, log->log_end, first->timestamp_max_ns + 1),
                     first->end_offset);
    assert_int_equal(isr_log_start_by_time(log, log->log_end, INT64_MAX),
                     log->segments[log->segments_count - 1].base_offset);
}

static void rolls_by_the_records_times_when_the_topic_says_so(void **state)
{
    struct fixture *fixture = *state;
    struct isr_log *log = fixture->log;
    log->segment_time_ns = 2 * ISR_SECOND; /* appends are a second apart */
    append(fixture, 5, 1);
    assert_int_equal(log->segments_count, 3);
    assert_int_equal(log->segments[1].base_offset, 20);
    assert_int_equal(log->segments[2].base_offset, 40);
    assert_int_equal(log->segments[1].timestamp_first_ns, isr_batch_timestamp(log->places[2].data));
    log->segment_time_ns = 0;
    append(fixture, 3, 1);
    assert_int_equal(log->segments_count, 3);
    isr_log_verify(log);
}

static void closes_nothing_when_the_clock_was_set_back(void **state)
{
    struct fixture *fixture = *state;
    struct isr_log *log = fixture->log;
    append(fixture, 1, 1);
    log->segment_time_ns = ISR_SECOND;
    bench_begin(&fixture->node);
    fixture->node.env.real_ns -= 3600 * ISR_SECOND;
    bench_end(&fixture->node);
    append(fixture, 3, 1);
    assert_int_equal(log->segments_count, 1);
}

static void remembers_the_age_of_a_segment_over_a_restart(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 2, 1);
    int64_t first_ns = fixture->log->segments[0].timestamp_first_ns;
    assert_int_equal(first_ns, isr_batch_timestamp(fixture->log->places[0].data));
    bench_crash(&fixture->node, false);
    start(fixture);
    assert_int_equal(fixture->log->segments[0].timestamp_first_ns, first_ns);
    fixture->log->segment_time_ns = 2 * ISR_SECOND;
    fixture->node.env.real_ns = first_ns;
    append(fixture, 2, 1);
    assert_int_equal(fixture->log->segments_count, 2);
    assert_int_equal(fixture->log->segments[1].base_offset, 30);
}

/* A follower gets many batches at once; they are cut into segments as the leader's were. */
static void rolls_a_run_of_batches_where_the_leader_did(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 4, 1);
    struct isr_log *copy = isr_log_store_open(&fixture->node.store, (struct isr_tp){.topic = 2});
    copy->segment_time_ns = 2 * ISR_SECOND;
    bench_begin(&fixture->node);
    struct isr_bytes run = isr_log_read(fixture->log, 0, fixture->log->log_end, 1 << 20);
    assert_int_equal(isr_log_append_follower(copy, run), ISR_ERROR_NONE);
    bench_end(&fixture->node);
    bench_settle(&fixture->node);
    assert_int_equal(copy->segments_count, 2);
    assert_int_equal(copy->segments[1].base_offset, 20);
    isr_log_verify(copy);
}

static void deletes_whole_segments_once_the_start_is_durable(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 20, 1);
    int64_t third = fixture->log->segments[2].base_offset;
    assert_int_equal(advance(fixture, 200, third + 5), third + 5);
    assert_int_equal(fixture->log->segments[0].base_offset, third);
    assert_true(has_file(fixture, ISR_FILE_SEGMENT, 0)); /* not yet */
    bench_settle(&fixture->node);
    assert_false(has_file(fixture, ISR_FILE_SEGMENT, 0));
    assert_true(has_file(fixture, ISR_FILE_SEGMENT, third));
    assert_int_equal(fixture->log->start_told, third + 5);
}

static void gives_memory_back(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 400, 1);
    uint32_t whole = fixture->log->places_capacity;
    (void)advance(fixture, fixture->log->log_end, fixture->log->log_end - 10);
    assert_int_equal(fixture->log->places_count, 1);
    assert_true(fixture->log->places_capacity < whole / 4);
    append(fixture, 50, 1);
    isr_log_verify(fixture->log);
}

static void goes_only_as_far_as_it_holds_its_records(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 2, 1);
    bench_begin(&fixture->node);
    struct isr_batch batch;
    struct isr_bytes bytes = isr_batch_build(&fixture->node.env.scratch, -1, -1, -1, 100, 10, 16);
    assert_int_equal(isr_batch_parse(bytes, true, &batch), ISR_BATCH_OK);
    isr_log_append_leader(fixture->log, &batch, 1);
    bench_end(&fixture->node);
    assert_int_equal(advance(fixture, 30, 30), 20);
}

static void ends_with_the_epoch_of_its_last_record_when_all_are_deleted(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 10, 3);
    (void)advance(fixture, 50, 50);
    bench_begin(&fixture->node);
    isr_log_truncate(fixture->log, 50, ISR_CAUSE_DIVERGENCE);
    bench_end(&fixture->node);
    assert_int_equal(fixture->log->places_count, 0);
    assert_int_equal(isr_log_last_epoch(fixture->log), 3);
    bench_settle(&fixture->node);
    bench_crash(&fixture->node, true);
    start(fixture);
    assert_int_equal(fixture->log->log_start, 50);
    assert_int_equal(fixture->log->log_end, 50);
    assert_int_equal(isr_log_last_epoch(fixture->log), 3);
    /* The leader does not know that epoch: it must be possible to agree in the end. */
    bench_begin(&fixture->node);
    isr_log_truncate(fixture->log, 50, ISR_CAUSE_DIVERGENCE);
    bench_end(&fixture->node);
    assert_int_equal(isr_log_last_epoch(fixture->log), ISR_EPOCH_NONE);
}

static void knows_producers_whose_records_are_deleted(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 10, 1);
    (void)advance(fixture, 100, 100);
    bench_settle(&fixture->node);
    bench_crash(&fixture->node, true);
    start(fixture);
    assert_int_equal(fixture->log->log_start, 100);
    assert_int_equal(fixture->log->producers.count, 1);
    struct isr_batch batch;
    int64_t base_offset;
    bench_begin(&fixture->node);
    struct isr_bytes bytes = isr_batch_build(&fixture->node.env.scratch, 5, 0, 90, 100, 10, 16);
    assert_int_equal(isr_batch_parse(bytes, true, &batch), ISR_BATCH_OK);
    assert_int_equal(isr_log_check_producer(fixture->log, &batch, &base_offset),
                     ISR_ERROR_DUPLICATE_SEQUENCE_NUMBER);
    assert_int_equal(base_offset, 90);
    bench_end(&fixture->node);
}

static void is_found_again_when_one_of_its_two_files_is_lost(void **state)
{
    struct fixture *fixture = *state;
    static const enum isr_file_kind lost[] = {ISR_FILE_EPOCHS, ISR_FILE_RECOVERY_POINTS};
    append(fixture, 20, 1);
    (void)advance(fixture, 200, 150);
    bench_settle(&fixture->node);
    for (size_t i = 0; i < 2; i++) {
        bench_crash(&fixture->node, false);
        struct isr_file file = {.kind = lost[i], .tp = lost[i] == ISR_FILE_EPOCHS ? TP : (struct isr_tp){0}};
        test_disk_remove(&fixture->disk, file);
        start(fixture);
        assert_int_equal(fixture->log->log_start, 150);
        assert_int_equal(fixture->log->log_end, 200);
    }
}

/* All that is under way completes but an operation on a file of that kind, which fails in the end. */
static void fail_at(struct fixture *fixture, enum isr_file_kind kind)
{
    struct test_disk *disk = &fixture->disk;
    struct isr_event event;
    while (!fixture->node.exited) {
        size_t place = 0;
        while (place < disk->queue_count && disk->queue[place].file.kind == kind)
            place++;
        bool others = place < disk->queue_count;
        disk->fail_in = others ? 0 : 1;
        disk->fail_with = ISR_IO_ERROR;
        assert_true(test_disk_step_of(disk, others ? disk->queue[place].file.kind : kind, &event));
        bench_begin(&fixture->node);
        isr_env_io_done(&fixture->node.env, &event);
        bench_end(&fixture->node);
    }
}

/* What a restart would know the new start by, or the producers below it, is not durable. */
static void deletes_nothing_when_what_tells_of_it_cannot_be_stored(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        enum isr_file_kind file;
        int64_t log_start; /* of the next process: either of the last two tells */
    } told_by[] = {{ISR_FILE_PRODUCERS, 0}, {ISR_FILE_EPOCHS, 150}, {ISR_FILE_RECOVERY_POINTS, 150}};
    for (size_t i = 0; i < sizeof told_by / sizeof told_by[0]; i++) {
        tear_down(state);
        (void)set_up(state);
        append(fixture, 20, 1);
        assert_int_equal(advance(fixture, 200, 150), 150);
        fail_at(fixture, told_by[i].file);
        assert_int_not_equal(fixture->log->start_state, ISR_LOG_START_DURABLE);
        assert_int_equal(fixture->disk.queue_count, 0);
        assert_true(has_file(fixture, ISR_FILE_SEGMENT, 0));
        bench_crash(&fixture->node, false);
        start(fixture);
        assert_int_equal(fixture->log->log_start, told_by[i].log_start);
        assert_int_equal(fixture->log->log_end, 200);
        assert_int_equal(fixture->log->producers.count, 1);
        isr_log_verify(fixture->log);
    }
}

static void forgets_producers_that_are_idle(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 3, 1);
    int64_t last_ns = fixture->node.env.real_ns;
    bench_begin(&fixture->node);
    isr_log_expire_producers(fixture->log, last_ns);
    assert_int_equal(fixture->log->producers.count, 1);
    isr_log_expire_producers(fixture->log, last_ns + 1);
    assert_int_equal(fixture->log->producers.count, 0);
    bench_end(&fixture->node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_at_least_so_many_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_a_segment_with_one_young_record, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rolls_by_the_records_times_when_the_topic_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closes_nothing_when_the_clock_was_set_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(remembers_the_age_of_a_segment_over_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rolls_a_run_of_batches_where_the_leader_did, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deletes_whole_segments_once_the_start_is_durable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gives_memory_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(goes_only_as_far_as_it_holds_its_records, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ends_with_the_epoch_of_its_last_record_when_all_are_deleted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(knows_producers_whose_records_are_deleted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_found_again_when_one_of_its_two_files_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deletes_nothing_when_what_tells_of_it_cannot_be_stored, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(forgets_producers_that_are_idle, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
