#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/log/tests/bench_node.h"

static const struct isr_tp TP = {.topic = 1, .index = 0};

struct fixture {
    struct test_disk disk;
    struct test_random random;
    struct bench_node node;
    struct isr_log *log;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.random = {.state = 1}};
    struct isr_config config = isr_config_default();
    config.log_segment_bytes = 1024;
    bench_start(&fixture.node, &fixture.disk, &fixture.random, &config);
    bench_run_until_ready(&fixture.node);
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

static struct isr_batch make_batch(struct fixture *fixture, int64_t id, int16_t epoch, int32_t sequence,
                                   uint32_t records)
{
    struct isr_batch batch;
    struct isr_bytes bytes = isr_batch_build(&fixture->node.env.scratch, id, epoch, sequence, 1, records, 16);
    assert_int_equal(isr_batch_parse(bytes, true, &batch), ISR_BATCH_OK);
    return batch;
}

static enum isr_error check(struct fixture *fixture, int64_t id, int16_t epoch, int32_t sequence,
                            uint32_t records, int64_t *base_offset)
{
    bench_begin(&fixture->node);
    struct isr_batch batch = make_batch(fixture, id, epoch, sequence, records);
    enum isr_error error = isr_log_check_producer(fixture->log, &batch, base_offset);
    bench_end(&fixture->node);
    return error;
}

static void append(struct fixture *fixture, int64_t id, int16_t epoch, int32_t sequence, uint32_t records)
{
    bench_begin(&fixture->node);
    struct isr_batch batch = make_batch(fixture, id, epoch, sequence, records);
    isr_log_append_leader(fixture->log, &batch, 0);
    bench_end(&fixture->node);
}

static void expect(struct fixture *fixture, enum isr_error error, int16_t epoch, int32_t sequence,
                   uint32_t records)
{
    int64_t base_offset;
    assert_int_equal(check(fixture, 7, epoch, sequence, records, &base_offset), error);
    assert_int_equal(base_offset, ISR_OFFSET_NONE);
}

static void accepts_any_sequence_when_the_producer_is_unknown(void **state)
{
    struct fixture *fixture = *state;
    expect(fixture, ISR_ERROR_NONE, 0, 12345, 3);
    int64_t base_offset;
    append(fixture, 7, 0, 0, 1);
    assert_int_equal(check(fixture, 8, 0, 99, 1, &base_offset), ISR_ERROR_NONE);
}

static void accepts_anything_when_there_is_no_producer_id(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, -1, -1, -1, 2);
    int64_t base_offset;
    assert_int_equal(check(fixture, -1, -1, -1, 2, &base_offset), ISR_ERROR_NONE);
    assert_int_equal(fixture->log->producers.count, 0);
}

static void accepts_only_the_next_sequence(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 7, 0, 10, 3);
    expect(fixture, ISR_ERROR_NONE, 0, 13, 1);
    expect(fixture, ISR_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER, 0, 14, 1);
    expect(fixture, ISR_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER, 0, 12, 1);
    expect(fixture, ISR_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER, 0, 10,
           2); /* the start of it, but not the whole */
}

static void finds_duplicates_among_the_last_five(void **state)
{
    struct fixture *fixture = *state;
    for (int32_t i = 0; i < 7; i++)
        append(fixture, 7, 0, 2 * i, 2);
    for (int32_t i = 0; i < 7; i++) {
        int64_t base_offset;
        enum isr_error error = check(fixture, 7, 0, 2 * i, 2, &base_offset);
        if (i < 2) {
            assert_int_equal(error, ISR_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER);
        } else {
            assert_int_equal(error, ISR_ERROR_DUPLICATE_SEQUENCE_NUMBER);
            assert_int_equal(base_offset, 2 * i);
        }
    }
}

static void wraps_when_sequences_end(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 7, 0, INT32_MAX - 1, 2);
    expect(fixture, ISR_ERROR_NONE, 0, 0, 1);
    append(fixture, 7, 0, 0, 1);
    append(fixture, 7, 0, 1, 1);
    expect(fixture, ISR_ERROR_NONE, 0, 2, 1);
    append(fixture, 8, 0, INT32_MAX, 3); /* wraps inside */
    int64_t base_offset;
    assert_int_equal(check(fixture, 8, 0, 2, 1, &base_offset), ISR_ERROR_NONE);
}

static void starts_at_zero_when_the_epoch_is_new(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 7, 3, 50, 1);
    expect(fixture, ISR_ERROR_INVALID_PRODUCER_EPOCH, 2, 51, 1);
    expect(fixture, ISR_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER, 4, 51, 1);
    expect(fixture, ISR_ERROR_NONE, 4, 0, 1);
    append(fixture, 7, 4, 0, 1);
    expect(fixture, ISR_ERROR_INVALID_PRODUCER_EPOCH, 3, 51, 1);
    expect(fixture, ISR_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER, 4, 51, 1);
}

static void truncate(struct fixture *fixture, int64_t offset)
{
    bench_begin(&fixture->node);
    isr_log_truncate(fixture->log, offset, ISR_CAUSE_DIVERGENCE);
    bench_end(&fixture->node);
    bench_settle(&fixture->node);
}

static void goes_back_when_the_log_is_truncated(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, 8, 0, 0, 1);
    for (int32_t i = 0; i < 10; i++)
        append(fixture, 7, 0, i, 1);
    append(fixture, 7, 1, 0, 1); /* offset 11: a new epoch */
    append(fixture, 9, 0, 0, 1);
    truncate(fixture, 11);
    assert_int_equal(fixture->log->producers.count, 2);
    expect(fixture, ISR_ERROR_NONE, 0, 10, 1);
    int64_t base_offset;
    assert_int_equal(check(fixture, 7, 0, 5, 1, &base_offset), ISR_ERROR_DUPLICATE_SEQUENCE_NUMBER);
    assert_int_equal(base_offset, 6);
    truncate(fixture, 0);
    assert_int_equal(fixture->log->producers.count, 0);
    expect(fixture, ISR_ERROR_NONE, 0, 1000, 1);
}

static void is_known_again_after_a_restart(void **state)
{
    struct fixture *fixture = *state;
    for (int32_t i = 0; i < 40; i++)
        append(fixture, 7 + i % 3, 0, i / 3, 1);
    bench_settle(&fixture->node);
    assert_true(fixture->log->snapshots_count > 0);
    struct isr_producer before[3];
    memcpy(before, fixture->log->producers.entries, sizeof before);
    struct isr_config config = fixture->node.config;
    bench_crash(&fixture->node, false);
    bench_start(&fixture->node, &fixture->disk, &fixture->random, &config);
    bench_run_until_ready(&fixture->node);
    fixture->log = isr_log_store_find(&fixture->node.store, TP);
    assert_non_null(fixture->log);
    assert_int_equal(fixture->log->producers.count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fixture->log->producers.entries[i].producer_id, before[i].producer_id);
        assert_int_equal(fixture->log->producers.entries[i].batches_count, before[i].batches_count);
        assert_int_equal(fixture->log->producers.entries[i].batches[4].base_offset,
                         before[i].batches[4].base_offset);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(accepts_any_sequence_when_the_producer_is_unknown),
        TEST(accepts_anything_when_there_is_no_producer_id),
        TEST(accepts_only_the_next_sequence),
        TEST(finds_duplicates_among_the_last_five),
        TEST(wraps_when_sequences_end),
        TEST(starts_at_zero_when_the_epoch_is_new),
        TEST(goes_back_when_the_log_is_truncated),
        TEST(is_known_again_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
