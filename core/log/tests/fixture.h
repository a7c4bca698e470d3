/* For tests of one log: its process on a test disk. Include it after <cmocka.h>. */
#ifndef ISR_LOG_TESTS_FIXTURE_H
#define ISR_LOG_TESTS_FIXTURE_H

#include "core/log/tests/bench_node.h"

static const struct isr_tp TP = {.topic = 1, .index = 0};

struct fixture {
    struct test_disk disk;
    struct test_random random;
    struct isr_config config; /* of the next process */
    struct bench_node node;
    struct isr_log *log;
    int32_t sequence; /* of the next batch, where a test has a producer */
};

/* A process on the disk as it is, as far as its recovery goes. */
static inline void recover(struct fixture *fixture)
{
    bench_start(&fixture->node, &fixture->disk, &fixture->random, &fixture->config);
    bench_run_until_ready(&fixture->node);
}

static inline void start(struct fixture *fixture)
{
    recover(fixture);
    assert_true(fixture->node.ready);
    fixture->log = isr_log_store_open(&fixture->node.store, TP);
    isr_log_verify(fixture->log);
}

/* The process dies, another one recovers. */
static inline void restart(struct fixture *fixture)
{
    bench_crash(&fixture->node, false);
    start(fixture);
}

static inline int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.random = {.state = 1}, .config = isr_config_default()};
    fixture.config.log_segment_bytes = 1024;
    start(&fixture);
    *state = &fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;
    test_heap_drop(&fixture->node.heap);
    test_disk_free(&fixture->disk);
    return 0;
}

/* In the scratch memory of the step that was begun. */
static inline struct isr_batch batch_of(struct fixture *fixture, int64_t producer, int16_t producer_epoch,
                                        int32_t sequence, uint64_t first_value, uint32_t records,
                                        uint32_t value_bytes)
{
    struct isr_batch batch;
    struct isr_bytes bytes = isr_batch_build(&fixture->node.env.scratch, producer, producer_epoch, sequence,
                                             first_value, records, value_bytes);
    assert_int_equal(isr_batch_parse(bytes, true, &batch), ISR_BATCH_OK);
    return batch;
}

static inline void truncate_log(struct fixture *fixture, int64_t offset)
{
    bench_begin(&fixture->node);
    isr_log_truncate(fixture->log, offset, ISR_CAUSE_DIVERGENCE);
    bench_end(&fixture->node);
    isr_log_verify(fixture->log);
}

#endif
