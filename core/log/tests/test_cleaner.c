/* Log compaction: what stays, what goes, when tombstones do, and that no crash and no truncation in between
 * leaves anything else. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/log/cleaner.h"
#include "core/log/internal.h"
#include "core/log/tests/bench_node.h"

static const struct isr_tp TP = {.topic = 1, .index = 0};

enum { RECORDS = 4, KEYS = 7, OFFSETS_MAX = 1024, ALL_DEAD = 100 };

struct fixture {
    struct test_disk disk;
    struct test_random random;
    struct bench_node node;
    struct isr_log *log;
    uint64_t value;
    int64_t producer; /* -1: none */
    int32_t sequence;
    struct isr_record written[OFFSETS_MAX]; /* what every offset had, without its value */
    bool done;
    uint32_t keys_max;
};

static void on_done(void *object)
{
    ((struct fixture *)object)->done = true;
}

static void start(struct fixture *fixture)
{
    struct isr_config config = isr_config_default();
    int64_t real_ns = fixture->node.env.real_ns;
    config.log_segment_bytes = 1024;
    if (fixture->keys_max > 0)
        config.log_cleaner_keys = fixture->keys_max;
    bench_start(&fixture->node, &fixture->disk, &fixture->random, &config);
    bench_run_until_ready(&fixture->node);
    assert_true(fixture->node.ready);
    fixture->node.env.real_ns = real_ns;
    fixture->log = isr_log_store_open(&fixture->node.store, TP);
    isr_log_verify(fixture->log);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.random = {.state = 1}, .producer = -1};
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

static void note_written(struct fixture *fixture, const struct isr_batch *batch)
{
    struct isr_record record = {0};
    uint32_t position = 0;
    for (int64_t offset = fixture->log->log_end; isr_batch_next(batch, &position, &record); offset++) {
        assert_true(offset < OFFSETS_MAX);
        fixture->written[offset] = record;
    }
}

/* Batches of a few records, one a second; they are written and committed. */
static void append(struct fixture *fixture, uint32_t batches, struct isr_batch_keys keys)
{
    for (uint32_t i = 0; i < batches; i++) {
        bool idempotent = fixture->producer >= 0;
        bench_begin(&fixture->node);
        fixture->node.env.real_ns += ISR_SECOND;
        struct isr_batch batch;
        struct isr_bytes bytes =
            isr_batch_build_keyed(&fixture->node.env.scratch, fixture->producer, idempotent ? 0 : -1,
                                  idempotent ? fixture->sequence : -1, fixture->value, RECORDS, 24, keys);
        fixture->value += RECORDS;
        fixture->sequence += RECORDS;
        assert_int_equal(isr_batch_parse(bytes, true, &batch), ISR_BATCH_OK);
        note_written(fixture, &batch);
        isr_log_append_leader(fixture->log, &batch, 1);
        bench_end(&fixture->node);
    }
    bench_settle(&fixture->node);
    bench_begin(&fixture->node);
    isr_log_set_high_watermark(fixture->log, fixture->log->log_end);
    bench_end(&fixture->node);
}

static void append_keys(struct fixture *fixture, uint32_t batches)
{
    append(fixture, batches, (struct isr_batch_keys){.keys = KEYS});
}

static struct isr_clean_policy policy_of(const struct fixture *fixture)
{
    return (struct isr_clean_policy){.limit = fixture->log->high_watermark,
                                     .delete_retention_ns = 10 * ISR_SECOND,
                                     .tombstones = INT64_MAX};
}

static void begin(struct fixture *fixture, struct isr_clean_policy policy)
{
    fixture->done = false;
    bench_begin(&fixture->node);
    isr_log_clean(fixture->log, &policy, on_done, fixture);
    bench_end(&fixture->node);
}

static void finish(struct fixture *fixture)
{
    for (int i = 0; !fixture->done; i++) {
        assert_true(i < 10000);
        bench_wait(&fixture->node, ISR_MS);
        bench_settle(&fixture->node);
    }
    isr_log_verify(fixture->log);
}

static void clean(struct fixture *fixture, struct isr_clean_policy policy)
{
    begin(fixture, policy);
    finish(fixture);
}

/* Which of the log's offsets still have a record. They are what was written there. */
static uint32_t left(const struct fixture *fixture, bool present[OFFSETS_MAX])
{
    const struct isr_log *log = fixture->log;
    uint32_t count = 0;
    memset(present, 0, OFFSETS_MAX * sizeof *present);
    for (uint32_t i = 0; i < log->places_count; i++) {
        struct isr_batch batch;
        struct isr_record record = {0};
        uint32_t position = 0;
        struct isr_bytes bytes = {.data = log->places[i].data, .size = log->places[i].size_bytes};
        assert_int_equal(isr_batch_parse(bytes, true, &batch), ISR_BATCH_OK);
        while (isr_batch_next(&batch, &position, &record)) {
            assert_int_equal(record.key, fixture->written[record.offset].key);
            assert_int_equal(record.tombstone, fixture->written[record.offset].tombstone);
            present[record.offset] = record.offset >= log->log_start;
            count += record.offset >= log->log_start;
        }
    }
    return count;
}

static bool is_last_of_its_key(const struct fixture *fixture, int64_t offset, int64_t end)
{
    for (int64_t later = offset + 1; later < end; later++) {
        if (fixture->written[later].key == fixture->written[offset].key)
            return false;
    }
    return true;
}

/* From the start on, of each key the last one below the end; behind it all. */
static void assert_clean_up_to(const struct fixture *fixture, int64_t end)
{
    bool present[OFFSETS_MAX];
    (void)left(fixture, present);
    for (int64_t offset = fixture->log->log_start; offset < fixture->log->log_end; offset++)
        assert_int_equal(present[offset], offset >= end || is_last_of_its_key(fixture, offset, end));
}

/* Of no key the last record is missing. */
static void assert_nothing_lost(const struct fixture *fixture)
{
    bool present[OFFSETS_MAX];
    (void)left(fixture, present);
    for (int64_t offset = fixture->log->log_start; offset < fixture->log->log_end; offset++)
        assert_true(present[offset] || !is_last_of_its_key(fixture, offset, fixture->log->log_end));
}

static uint32_t segment_files(const struct fixture *fixture)
{
    uint32_t count = 0;
    for (size_t i = 0; i < fixture->disk.files_count; i++)
        count += fixture->disk.files[i].file.kind == ISR_FILE_SEGMENT && fixture->disk.files[i].cached.exists;
    return count;
}

/* ---- what stays ---- */

static void keeps_the_last_record_of_each_key(void **state)
{
    struct fixture *fixture = *state;
    append_keys(fixture, 60);
    int64_t end = isr_log_clean_extent(fixture->log, &(struct isr_clean_policy){.limit = 240}).end;
    clean(fixture, policy_of(fixture));
    assert_int_equal(fixture->log->clean_end, end);
    assert_true(end > 200);
    assert_clean_up_to(fixture, end);
    assert_int_equal(fixture->log->log_end, 240);
    assert_int_equal(segment_files(fixture), fixture->log->segments_count);
    /* What is left of several fits into one by now. */
    clean(fixture, policy_of(fixture));
    assert_true(fixture->log->segments_count <= 3);
    assert_int_equal(segment_files(fixture), fixture->log->segments_count);
    assert_clean_up_to(fixture, end);
}

static void goes_on_where_it_ended(void **state)
{
    struct fixture *fixture = *state;
    append_keys(fixture, 30);
    clean(fixture, policy_of(fixture));
    int64_t before = fixture->log->clean_end;
    append_keys(fixture, 30);
    clean(fixture, policy_of(fixture));
    assert_true(fixture->log->clean_end > before);
    assert_clean_up_to(fixture, fixture->log->clean_end);
}

static void touches_nothing_above_its_limit(void **state)
{
    struct fixture *fixture = *state;
    append_keys(fixture, 60);
    struct isr_clean_policy policy = policy_of(fixture);
    policy.limit = 100;
    clean(fixture, policy);
    assert_true(fixture->log->clean_end > 0 && fixture->log->clean_end <= 100);
    assert_clean_up_to(fixture, fixture->log->clean_end);
}

static void leaves_young_segments_alone(void **state)
{
    struct fixture *fixture = *state;
    append_keys(fixture, 60);
    struct isr_clean_policy policy = policy_of(fixture);
    policy.compaction_lag_ns = 30 * ISR_SECOND;
    clean(fixture, policy);
    assert_true(fixture->log->clean_end > 0 && fixture->log->clean_end <= 30 * RECORDS);
    assert_clean_up_to(fixture, fixture->log->clean_end);
}

static void leaves_records_without_keys_alone(void **state)
{
    struct fixture *fixture = *state;
    bool present[OFFSETS_MAX];
    append(fixture, 40, (struct isr_batch_keys){0});
    clean(fixture, policy_of(fixture));
    assert_int_equal(left(fixture, present), 160);
}

static void goes_only_as_far_as_it_can_remember_keys(void **state)
{
    struct fixture *fixture = *state;
    fixture->keys_max = 16;
    bench_crash(&fixture->node, false);
    start(fixture);
    append(fixture, 60, (struct isr_batch_keys){.keys = 64});
    clean(fixture, policy_of(fixture));
    int64_t first = fixture->log->clean_end;
    assert_true(first > 0 && first < 100);
    assert_clean_up_to(fixture, first);
    clean(fixture, policy_of(fixture));
    assert_true(fixture->log->clean_end > first);
    assert_nothing_lost(fixture);
}

/* KAFKA-5490 */
static void keeps_the_last_batches_of_a_producer_if_only_empty(void **state)
{
    struct fixture *fixture = *state;
    int64_t base_offset;
    struct isr_batch batch;
    fixture->producer = 5;
    append_keys(fixture, 2);
    fixture->producer = -1;
    append_keys(fixture, 60);
    clean(fixture, policy_of(fixture));
    assert_clean_up_to(fixture, fixture->log->clean_end);
    bench_crash(&fixture->node, true);
    start(fixture);
    assert_int_equal(fixture->log->producers.count, 1);
    bench_begin(&fixture->node);
    struct isr_bytes retry = isr_batch_build_keyed(&fixture->node.env.scratch, 5, 0, RECORDS, RECORDS,
                                                   RECORDS, 24, (struct isr_batch_keys){.keys = KEYS});
    assert_int_equal(isr_batch_parse(retry, true, &batch), ISR_BATCH_OK);
    assert_int_equal(isr_log_check_producer(fixture->log, &batch, &base_offset),
                     ISR_ERROR_DUPLICATE_SEQUENCE_NUMBER);
    assert_int_equal(base_offset, RECORDS);
    bench_end(&fixture->node);
}

/* ---- tombstones ---- */

static uint32_t tombstones_left(const struct fixture *fixture, int64_t end)
{
    bool present[OFFSETS_MAX];
    uint32_t count = 0;
    (void)left(fixture, present);
    for (int64_t offset = fixture->log->log_start; offset < end; offset++)
        count += present[offset] && fixture->written[offset].tombstone;
    return count;
}

/* Deletions of all keys, then records of others that nobody writes twice. */
static void append_deletions(struct fixture *fixture)
{
    append_keys(fixture, 20);
    append(fixture, 10, (struct isr_batch_keys){.keys = KEYS, .tombstone_percent = ALL_DEAD});
    append(fixture, 20, (struct isr_batch_keys){.keys = 1 << 30});
}

static void tombstones_go_when_their_time_is_over(void **state)
{
    struct fixture *fixture = *state;
    append_deletions(fixture);
    clean(fixture, policy_of(fixture));
    assert_int_equal(tombstones_left(fixture, 30 * RECORDS), KEYS);
    struct isr_clean_policy policy = policy_of(fixture);
    assert_false(isr_log_tombstones_due(fixture->log, &policy));
    fixture->node.env.real_ns += 9 * ISR_SECOND;
    clean(fixture, policy_of(fixture));
    assert_int_equal(tombstones_left(fixture, 30 * RECORDS), KEYS);
    fixture->node.env.real_ns += 2 * ISR_SECOND;
    assert_true(isr_log_tombstones_due(fixture->log, &policy));
    clean(fixture, policy_of(fixture));
    assert_int_equal(tombstones_left(fixture, 30 * RECORDS), 0);
    assert_false(isr_log_tombstones_due(fixture->log, &policy));
}

static void tombstones_stay_while_a_replica_is_not_clean_there(void **state)
{
    struct fixture *fixture = *state;
    append_deletions(fixture);
    struct isr_clean_policy policy = policy_of(fixture);
    policy.tombstones = 0;
    clean(fixture, policy);
    fixture->node.env.real_ns += 1000 * ISR_SECOND;
    assert_false(isr_log_tombstones_due(fixture->log, &policy));
    clean(fixture, policy);
    assert_int_equal(tombstones_left(fixture, 30 * RECORDS), KEYS);
    /* Their time begins when all are. */
    policy.tombstones = fixture->log->clean_end;
    assert_true(isr_log_tombstones_due(fixture->log, &policy));
    clean(fixture, policy);
    assert_int_equal(tombstones_left(fixture, 30 * RECORDS), KEYS);
    fixture->node.env.real_ns += 11 * ISR_SECOND;
    clean(fixture, policy);
    assert_int_equal(tombstones_left(fixture, 30 * RECORDS), 0);
}

/* Their time does not begin before they were written, whatever this node's clock says. */
static void tombstones_keep_their_time_when_the_clock_is_behind(void **state)
{
    struct fixture *fixture = *state;
    append_deletions(fixture);
    struct isr_clean_policy policy = policy_of(fixture);
    policy.tombstones = 0;
    clean(fixture, policy);
    fixture->node.env.real_ns = ISR_SECOND; /* when the first batch of all was written */
    policy.tombstones = fixture->log->clean_end;
    clean(fixture, policy);
    assert_int_equal(tombstones_left(fixture, 30 * RECORDS), KEYS);
    int64_t last_ns = 0;
    for (uint32_t i = 0; i < fixture->log->places_count; i++) {
        const struct isr_batch_place *place = &fixture->log->places[i];
        struct isr_bytes bytes = {.data = place->data, .size = place->size_bytes};
        struct isr_batch batch;
        assert_int_equal(isr_batch_parse(bytes, true, &batch), ISR_BATCH_OK);
        if (isr_batch_horizon(&batch) == ISR_TIME_NEVER)
            continue;
        assert_true(batch.base_offset >= 20 * RECORDS && batch.last_offset < 30 * RECORDS);
        assert_int_equal(isr_batch_horizon(&batch), batch.timestamp_ns + policy.delete_retention_ns);
        last_ns = isr_batch_horizon(&batch);
    }
    assert_true(last_ns > 30 * ISR_SECOND);
    fixture->node.env.real_ns = last_ns - ISR_MS;
    clean(fixture, policy);
    assert_true(tombstones_left(fixture, 30 * RECORDS) > 0);
    fixture->node.env.real_ns = last_ns;
    clean(fixture, policy);
    assert_int_equal(tombstones_left(fixture, 30 * RECORDS), 0);
}

static void tombstones_keep_their_time_over_a_restart(void **state)
{
    struct fixture *fixture = *state;
    append_deletions(fixture);
    clean(fixture, policy_of(fixture));
    bench_crash(&fixture->node, true);
    start(fixture);
    fixture->node.env.real_ns += 11 * ISR_SECOND;
    struct isr_clean_policy policy = policy_of(fixture);
    policy.limit = fixture->log->log_end;
    clean(fixture, policy);
    assert_int_equal(tombstones_left(fixture, 30 * RECORDS), 0);
}

/* ---- what happens meanwhile ---- */

static int64_t advance_start(struct fixture *fixture, int64_t offset)
{
    bench_begin(&fixture->node);
    int64_t reached = isr_log_advance_start(fixture->log, offset, ISR_CAUSE_DELETE_RECORDS);
    bench_end(&fixture->node);
    return reached;
}

/* The start moves over all that was to be mapped: the next segment is not committed. */
static void maps_nothing_above_its_limit_when_the_start_moves(void **state)
{
    struct fixture *fixture = *state;
    append_keys(fixture, 60);
    int64_t limit = fixture->log->segments[3].base_offset;
    struct isr_clean_policy policy = policy_of(fixture);
    policy.limit = limit;
    begin(fixture, policy);
    bench_wait(&fixture->node, ISR_MS);
    assert_int_equal(advance_start(fixture, limit), limit);
    finish(fixture);
    assert_true(fixture->log->clean_end <= limit);
    assert_clean_up_to(fixture, limit);
}

/* A deposed leader had counted it as committed, and follows one that does not know of it. */
static void supersedes_nothing_by_what_is_no_longer_known_to_be_committed(void **state)
{
    for (int steps = 0; steps < 6; steps++) {
        struct fixture *fixture = *state;
        append_keys(fixture, 60);
        begin(fixture, policy_of(fixture));
        for (int i = 0; i < steps; i++)
            bench_wait(&fixture->node, ISR_MS);
        bool present[OFFSETS_MAX];
        assert_int_equal(left(fixture, present), 240); /* it is not further than mapping */
        bench_begin(&fixture->node);
        isr_log_set_high_watermark(fixture->log, 100);
        bench_end(&fixture->node);
        finish(fixture);
        assert_int_equal(left(fixture, present), 240);
        clean(fixture, policy_of(fixture));
        assert_true(fixture->log->clean_end > 0 && fixture->log->clean_end <= 100);
        assert_clean_up_to(fixture, fixture->log->clean_end);
        tear_down(state);
        set_up(state);
    }
}

/* The start moved to the end of the open segment, which was then full. */
static void passes_over_a_segment_that_lies_below_the_start(void **state)
{
    struct fixture *fixture = *state;
    append_keys(fixture, 10);
    do {
        assert_true(fixture->log->log_end < 200);
        advance_start(fixture, fixture->log->log_end);
        append_keys(fixture, 1);
    } while (fixture->log->segments[0].end_offset > fixture->log->log_start);
    assert_true(fixture->log->segments_count > 1);
    append_keys(fixture, 20);
    clean(fixture, policy_of(fixture));
    assert_true(fixture->log->clean_end > fixture->log->log_start);
    assert_clean_up_to(fixture, fixture->log->clean_end);
}

static void cleans_the_segment_that_the_log_begins_inside_of(void **state)
{
    struct fixture *fixture = *state;
    append_keys(fixture, 60);
    int64_t inside = fixture->log->segments[1].base_offset + RECORDS;
    assert_int_equal(advance_start(fixture, inside), inside);
    bench_settle(&fixture->node);
    clean(fixture, policy_of(fixture));
    assert_clean_up_to(fixture, fixture->log->clean_end);
    bench_crash(&fixture->node, true);
    start(fixture);
    assert_int_equal(fixture->log->log_start, inside);
    assert_true(fixture->log->log_end >= fixture->log->clean_end && fixture->log->clean_end > inside);
    assert_clean_up_to(fixture, fixture->log->clean_end);
}

/* At every point of a pass: what lies below the cut is what it was, and the pass ends. */
static void gives_up_when_the_log_is_cut(void **state)
{
    struct fixture *fixture = *state;
    for (int steps = 0; steps < 100; steps++) {
        tear_down(state);
        (void)set_up(state);
        append_keys(fixture, 60);
        begin(fixture, policy_of(fixture));
        for (int i = 0; i < steps; i++) {
            bench_wait(&fixture->node, i % 2 == 0 ? ISR_MS : 0);
            (void)bench_io(&fixture->node);
        }
        if (steps % 2 != 0)
            bench_wait(&fixture->node, ISR_MS); /* what that asks of the disk is under way */
        bench_begin(&fixture->node);
        isr_log_truncate(fixture->log, 120, ISR_CAUSE_DIVERGENCE);
        bench_end(&fixture->node);
        finish(fixture);
        bench_settle(&fixture->node);
        assert_int_equal(fixture->log->barrier_pending, 0);
        assert_true(fixture->log->log_end <= 120 && fixture->log->clean_end <= fixture->log->log_end);
        bench_crash(&fixture->node, true);
        start(fixture);
        assert_true(fixture->log->clean_end <= fixture->log->log_end);
        append_keys(fixture, 2);
    }
}

static void is_clean_no_further_than_it_goes(void **state)
{
    struct fixture *fixture = *state;
    append_keys(fixture, 60);
    clean(fixture, policy_of(fixture));
    assert_true(fixture->log->clean_end > 120);
    bench_begin(&fixture->node);
    isr_log_truncate(fixture->log, 120, ISR_CAUSE_DIVERGENCE);
    bench_end(&fixture->node);
    assert_int_equal(fixture->log->clean_end, fixture->log->log_end);
    bench_settle(&fixture->node);
    append_keys(fixture, 40);
    bench_crash(&fixture->node, true);
    start(fixture);
    assert_true(fixture->log->clean_end <= 120);
}

static void is_clean_no_further_than_what_is_recovered(void **state)
{
    struct fixture *fixture = *state;
    append_keys(fixture, 60);
    clean(fixture, policy_of(fixture));
    int64_t lost = fixture->log->segments[1].base_offset;
    assert_true(lost < fixture->log->clean_end);
    struct isr_file file = isr_log_file(fixture->log, ISR_FILE_SEGMENT, lost);
    bench_crash(&fixture->node, false);
    test_disk_remove(&fixture->disk, file);
    start(fixture);
    assert_int_equal(fixture->log->log_end, lost);
    assert_int_equal(fixture->log->clean_end, lost);
    bench_settle(&fixture->node);
}

/* It tells only from where on a pass has work: without it all is looked at again. */
static void is_clean_nowhere_when_the_file_that_tells_is_damaged(void **state)
{
    struct fixture *fixture = *state;
    append_keys(fixture, 60);
    clean(fixture, policy_of(fixture));
    bench_settle(&fixture->node);
    int64_t end = fixture->log->clean_end;
    struct isr_file file = isr_log_file(fixture->log, ISR_FILE_CLEANED, 0);
    bench_crash(&fixture->node, false);
    assert_true(end > 0 && test_disk_file(&fixture->disk, file)->cached.exists);
    test_disk_file(&fixture->disk, file)->cached.bytes[0] ^= 1;
    start(fixture);
    assert_int_equal(fixture->log->clean_end, 0);
    bench_settle(&fixture->node);
    assert_false(test_disk_file(&fixture->disk, file)->cached.exists);
    struct isr_clean_policy policy = policy_of(fixture);
    policy.limit = fixture->log->log_end;
    clean(fixture, policy);
    assert_true(fixture->log->clean_end >= end);
    assert_clean_up_to(fixture, fixture->log->clean_end);
}

/* The replacement is durable by then: recovery deletes what it was made of. */
static void halts_when_a_leftover_cannot_be_deleted(void **state)
{
    struct fixture *fixture = *state;
    append_keys(fixture, 60);
    clean(fixture, policy_of(fixture));
    bench_settle(&fixture->node);
    begin(fixture, policy_of(fixture)); /* several fit into one by now */
    for (int i = 0; !fixture->node.exited; i++) {
        assert_true(i < 1000 && !fixture->done);
        bool deletes = fixture->disk.queue_count == 1 && fixture->disk.queue[0].kind == ISR_EFFECT_DELETE &&
                       fixture->disk.queue[0].file.kind == ISR_FILE_SEGMENT;
        fixture->disk.fail_in = deletes;
        fixture->disk.fail_with = ISR_IO_ERROR;
        if (!bench_io(&fixture->node))
            bench_wait(&fixture->node, ISR_MS);
    }
    assert_int_equal(fixture->disk.queue_count, 0); /* the next one is not begun */
    assert_true(segment_files(fixture) > fixture->log->segments_count);
    assert_false(fixture->done);
    bench_crash(&fixture->node, true);
    start(fixture);
    bench_settle(&fixture->node);
    assert_int_equal(segment_files(fixture), fixture->log->segments_count);
    assert_nothing_lost(fixture);
}

/* Whichever operation of a pass it is. */
static void halts_when_the_disk_fails(void **state)
{
    struct fixture *fixture = *state;
    uint32_t halted = 0;
    for (uint32_t which = 1; which < 30; which++) {
        tear_down(state);
        (void)set_up(state);
        append_keys(fixture, 60);
        fixture->disk.fail_in = which;
        fixture->disk.fail_with = ISR_IO_ERROR;
        begin(fixture, policy_of(fixture));
        for (int i = 0; i < 100 && !fixture->done && !fixture->node.exited; i++) {
            bench_wait(&fixture->node, ISR_MS);
            while (!fixture->node.exited && bench_io(&fixture->node))
                ;
        }
        halted += fixture->node.exited;
        fixture->disk.fail_in = 0;
        bench_crash(&fixture->node, true);
        start(fixture);
        assert_nothing_lost(fixture);
    }
    assert_true(halted > 10);
}

static void ends_when_the_log_is_removed(void **state)
{
    struct fixture *fixture = *state;
    for (int steps = 0; steps < 100; steps += 3) {
        tear_down(state);
        (void)set_up(state);
        append_keys(fixture, 60);
        begin(fixture, policy_of(fixture));
        for (int i = 0; i < steps; i++) {
            bench_wait(&fixture->node, i % 2 == 0 ? ISR_MS : 0);
            (void)bench_io(&fixture->node);
        }
        if (steps % 2 != 0)
            bench_wait(&fixture->node, ISR_MS);
        bench_begin(&fixture->node);
        isr_log_store_remove(&fixture->node.store, fixture->log);
        bench_end(&fixture->node);
        for (int i = 0; i < 100; i++) {
            bench_wait(&fixture->node, ISR_MS);
            bench_settle(&fixture->node);
        }
        assert_true(fixture->done);
        assert_int_equal(segment_files(fixture), 0);
        bench_crash(&fixture->node, true);
        start(fixture);
        assert_int_equal(fixture->log->log_end, 0);
        assert_int_equal(fixture->log->clean_end, 0);
    }
}

static void ends_when_the_store_is_closed(void **state)
{
    struct fixture *fixture = *state;
    append_keys(fixture, 60);
    begin(fixture, policy_of(fixture));
    bench_wait(&fixture->node, ISR_MS);
    bench_close(&fixture->node, 1);
    for (int i = 0; i < 100 && !fixture->done; i++) {
        bench_wait(&fixture->node, ISR_MS);
        bench_settle(&fixture->node);
    }
    assert_true(fixture->done && fixture->node.closed);
    assert_nothing_lost(fixture);
}

/* However many operations get through, of no key the last record is missing. */
static void loses_nothing_in_a_crash(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned round = 0; round < 120; round++) {
        tear_down(state);
        (void)set_up(state);
        fixture->random.state = round + 1;
        append_keys(fixture, 60);
        begin(fixture, policy_of(fixture));
        for (unsigned i = 0; i < round / 2; i++) {
            bench_wait(&fixture->node, i % 3 == 0 ? ISR_MS : 0);
            (void)bench_io(&fixture->node);
        }
        int64_t closed = fixture->log->segments[fixture->log->segments_count - 1].base_offset;
        bench_crash(&fixture->node, round % 2 == 0);
        start(fixture);
        assert_true(fixture->log->log_end >= closed);
        assert_nothing_lost(fixture);
        struct isr_clean_policy policy = policy_of(fixture);
        policy.limit = fixture->log->log_end;
        clean(fixture, policy);
        assert_clean_up_to(fixture, fixture->log->clean_end);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keeps_the_last_record_of_each_key),
        TEST(goes_on_where_it_ended),
        TEST(touches_nothing_above_its_limit),
        TEST(leaves_young_segments_alone),
        TEST(leaves_records_without_keys_alone),
        TEST(goes_only_as_far_as_it_can_remember_keys),
        TEST(keeps_the_last_batches_of_a_producer_if_only_empty),
        TEST(tombstones_go_when_their_time_is_over),
        TEST(tombstones_stay_while_a_replica_is_not_clean_there),
        TEST(tombstones_keep_their_time_when_the_clock_is_behind),
        TEST(tombstones_keep_their_time_over_a_restart),
        TEST(maps_nothing_above_its_limit_when_the_start_moves),
        TEST(supersedes_nothing_by_what_is_no_longer_known_to_be_committed),
        TEST(passes_over_a_segment_that_lies_below_the_start),
        TEST(cleans_the_segment_that_the_log_begins_inside_of),
        TEST(gives_up_when_the_log_is_cut),
        TEST(is_clean_no_further_than_it_goes),
        TEST(is_clean_no_further_than_what_is_recovered),
        TEST(is_clean_nowhere_when_the_file_that_tells_is_damaged),
        TEST(halts_when_a_leftover_cannot_be_deleted),
        TEST(halts_when_the_disk_fails),
        TEST(ends_when_the_log_is_removed),
        TEST(ends_when_the_store_is_closed),
        TEST(loses_nothing_in_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
