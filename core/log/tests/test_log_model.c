/* A log driven at random beside a plain model of it, with process kills and power losses in between, failed
 * syncs that leave pages marked clean, names that become durable late, and bytes that rot. What a crash may
 * leave is checked against the model; then the model takes over what was found and the run goes on. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/log/internal.h"
#include "core/log/tests/bench_node.h"

enum { MODEL_BATCHES = 4096, MODEL_EPOCHS = 512, MODEL_PRODUCERS = 4 };

struct model_batch {
    int64_t base_offset;
    int64_t producer_id;
    int32_t base_sequence;
    int32_t leader_epoch;
    uint32_t record_count;
    uint32_t crc;
    int16_t producer_epoch;
};

struct model {
    int64_t log_start, log_end, high_watermark;
    struct model_batch gone[MODEL_BATCHES]; /* below the start: deleted */
    uint32_t gone_count;
    struct model_batch batches[MODEL_BATCHES];
    uint32_t batches_count;
    int32_t epoch_before; /* of the last record deleted, -1: none */
    struct isr_epoch_entry epochs[MODEL_EPOCHS];
    uint32_t epochs_count;
};

struct run {
    struct test_random random;
    struct test_disk disk;
    struct bench_node node;
    struct isr_log *log;
    struct model now;
    struct model before; /* what the disk may still hold while a truncation is not durable */
    bool before_is_valid;
    bool producers_known; /* no snapshot was lost since the log began */
    int32_t epoch;
    uint64_t value;
    int64_t held;
    uint64_t held_calls;
    uint64_t crashes, checked_records, starts, failed_syncs, rotten;
    struct model_batch gone[MODEL_BATCHES]; /* for adopt */
};

static const struct isr_tp TP = {.topic = 3, .index = 1};

/* ---- the model ---- */

static void model_trim_epochs(struct model *model, int64_t offset)
{
    while (model->epochs_count > 0 && model->epochs[model->epochs_count - 1].start_offset >= offset)
        model->epochs_count--;
}

static void model_assign(struct model *model, int32_t epoch, int64_t start)
{
    if (model->epochs_count > 0 && model->epochs[model->epochs_count - 1].epoch >= epoch)
        return;
    model_trim_epochs(model, start);
    model->epochs[model->epochs_count++] = (struct isr_epoch_entry){epoch, start};
    assert_true(model->epochs_count < MODEL_EPOCHS);
}

static void model_append(struct model *model, const struct isr_batch *batch, int32_t epoch)
{
    model_assign(model, epoch, model->log_end);
    assert_true(model->batches_count < MODEL_BATCHES);
    model->batches[model->batches_count++] = (struct model_batch){.base_offset = model->log_end,
                                                                  .producer_id = batch->producer_id,
                                                                  .base_sequence = batch->base_sequence,
                                                                  .leader_epoch = epoch,
                                                                  .record_count = batch->record_count,
                                                                  .crc = batch->crc,
                                                                  .producer_epoch = batch->producer_epoch};
    model->log_end += batch->record_count;
}

/* A log whose records are all deleted ends with the epoch of the last of them. */
static void model_keep_before(struct model *model)
{
    if (model->epochs_count == 0 && model->epoch_before >= 0 && model->log_start == model->log_end)
        model_assign(model, model->epoch_before, model->log_end);
}

static void model_truncate(struct model *model, int64_t offset)
{
    if (offset >= model->log_end && model->epochs_count > 0 &&
        model->epochs[model->epochs_count - 1].start_offset >= model->log_end &&
        model->epochs[model->epochs_count - 1].epoch == model->epoch_before)
        model->epoch_before = -1;
    while (model->batches_count > 0) {
        const struct model_batch *last = &model->batches[model->batches_count - 1];
        if (last->base_offset + last->record_count <= offset)
            break;
        model->log_end = last->base_offset;
        model->batches_count--;
    }
    model_trim_epochs(model, model->log_end);
    /* The batch that log_start lies in went: as a full truncation. */
    if (model->log_end < model->log_start) {
        model->epochs_count = model->gone_count = 0;
        model->log_start = model->log_end = model->high_watermark = offset;
        model->epoch_before = -1;
    }
    model_keep_before(model);
    if (model->high_watermark > model->log_end)
        model->high_watermark = model->log_end;
}

/* Of all that ever was, in order. */
static const struct model_batch *model_batch(const struct model *model, uint32_t place)
{
    return place < model->gone_count ? &model->gone[place] : &model->batches[place - model->gone_count];
}

/* KIP-101's checkpoint from the start: the epoch that holds the offset begins there. */
static void model_advance_start(struct model *model, int64_t offset)
{
    uint32_t gone = 0, ended = 0;
    for (uint32_t i = 0; i < model->epochs_count && model->epochs[i].start_offset < offset; i++)
        model->epoch_before = model->epochs[i].epoch;
    while (gone < model->batches_count &&
           model->batches[gone].base_offset + model->batches[gone].record_count <= offset)
        model->gone[model->gone_count++] = model->batches[gone++];
    memmove(model->batches, model->batches + gone, (model->batches_count - gone) * sizeof model->batches[0]);
    model->batches_count -= gone;
    model->log_start = offset;
    while (ended + 1 < model->epochs_count && model->epochs[ended + 1].start_offset <= offset)
        ended++;
    memmove(model->epochs, model->epochs + ended, (model->epochs_count - ended) * sizeof model->epochs[0]);
    model->epochs_count -= ended;
    if (model->epochs_count > 0 && model->epochs[0].start_offset < offset)
        model->epochs[0].start_offset = offset;
}

static struct isr_producer model_producer(const struct model *model, int64_t producer_id, uint32_t first)
{
    struct isr_producer producer = {.producer_id = producer_id};
    for (uint32_t i = first; i < model->gone_count + model->batches_count; i++) {
        const struct model_batch *batch = model_batch(model, i);
        if (batch->producer_id != producer_id)
            continue;
        if (producer.producer_epoch != batch->producer_epoch)
            producer.batches_count = 0;
        producer.producer_epoch = batch->producer_epoch;
        if (producer.batches_count == ISR_PRODUCER_BATCHES) {
            for (int j = 1; j < ISR_PRODUCER_BATCHES; j++)
                producer.batches[j - 1] = producer.batches[j];
            producer.batches_count--;
        }
        uint8_t newest = producer.batches_count++;
        producer.batches[newest].base_offset = batch->base_offset;
        producer.batches[newest].base_sequence = batch->base_sequence;
        producer.batches[newest].record_count = batch->record_count;
    }
    return producer;
}

/* ---- comparing ---- */

static const struct isr_producer *find_producer(const struct isr_log *log, int64_t id)
{
    for (uint32_t i = 0; i < log->producers.count; i++) {
        if (log->producers.entries[i].producer_id == id)
            return &log->producers.entries[i];
    }
    return NULL;
}

/* A log knows what a walk over all batches tells that it ever had. Where a snapshot was lost it may know more
 * or less of those that are deleted: then the walk over what is left tells the newest batches. */
static void check_producers(const struct run *run)
{
    bool whole = run->producers_known || run->now.log_start == 0;
    uint32_t known = 0;
    for (int64_t id = 0; id < MODEL_PRODUCERS; id++) {
        struct isr_producer expected = model_producer(&run->now, id, whole ? 0 : run->now.gone_count);
        if (expected.batches_count == 0)
            continue;
        known++;
        const struct isr_producer *found = find_producer(run->log, id);
        assert_non_null(found);
        assert_int_equal(found->producer_epoch, expected.producer_epoch);
        assert_true(whole ? found->batches_count == expected.batches_count
                          : found->batches_count >= expected.batches_count);
        unsigned older = found->batches_count - (unsigned)expected.batches_count;
        for (unsigned i = 0; i < expected.batches_count; i++) {
            assert_int_equal(found->batches[older + i].base_offset, expected.batches[i].base_offset);
            assert_int_equal(found->batches[older + i].base_sequence, expected.batches[i].base_sequence);
            assert_int_equal(found->batches[older + i].record_count, expected.batches[i].record_count);
        }
    }
    assert_true(whole ? known == run->log->producers.count : known <= run->log->producers.count);
    for (uint32_t i = 1; i < run->log->producers.count; i++)
        assert_true(run->log->producers.entries[i - 1].producer_id <
                    run->log->producers.entries[i].producer_id);
}

static void check_places(const struct isr_log *log, const struct model *model)
{
    assert_int_equal(log->places_count, model->batches_count);
    for (uint32_t i = 0; i < log->places_count; i++) {
        assert_int_equal(log->places[i].base_offset, model->batches[i].base_offset);
        assert_int_equal(log->places[i].leader_epoch, model->batches[i].leader_epoch);
        assert_int_equal(log->places[i].crc, model->batches[i].crc);
    }
}

static void check_epochs(const struct isr_log *log, const struct model *model)
{
    assert_int_equal(log->epochs.count, model->epochs_count);
    for (uint32_t i = 0; i < model->epochs_count; i++) {
        assert_int_equal(log->epochs.entries[i].epoch, model->epochs[i].epoch);
        assert_int_equal(log->epochs.entries[i].start_offset, model->epochs[i].start_offset);
    }
}

/* Where an epoch ends, by walking over all entries. */
static void check_epoch_end(const struct isr_log *log, const struct model *model, int32_t epoch)
{
    struct isr_epoch_end expected = {ISR_EPOCH_NONE, ISR_OFFSET_NONE};
    uint32_t count = model->epochs_count;
    if (count > 0 && epoch <= model->epochs[count - 1].epoch) {
        expected = (struct isr_epoch_end){epoch, model->epochs[0].start_offset};
        for (uint32_t i = 0; i < count && model->epochs[i].epoch <= epoch; i++) {
            expected.epoch = model->epochs[i].epoch;
            expected.end_offset = i + 1 < count ? model->epochs[i + 1].start_offset : model->log_end;
        }
    }
    struct isr_epoch_end found = isr_log_epoch_end(log, epoch);
    assert_int_equal(found.epoch, expected.epoch);
    assert_int_equal(found.end_offset, expected.end_offset);
}

static void check_read(struct run *run)
{
    struct isr_log *log = run->log;
    int64_t span = log->log_end - log->log_start;
    int64_t offset = log->log_start + (int64_t)test_random_below(&run->random, (uint32_t)span + 1);
    int64_t limit = offset + (int64_t)test_random_below(&run->random, (uint32_t)(log->log_end - offset) + 2);
    uint32_t max_bytes = test_random_below(&run->random, 8000);
    bench_begin(&run->node);
    struct isr_bytes found = isr_log_read(log, offset, limit, max_bytes);
    uint32_t position = 0, batches = 0;
    int64_t bytes_between = 0;
    for (uint32_t i = 0; i < run->now.batches_count; i++) {
        const struct model_batch *expected = &run->now.batches[i];
        int64_t end = expected->base_offset + expected->record_count;
        if (end > offset && end <= limit)
            bytes_between += log->places[i].size_bytes;
        if (end <= offset || position == found.size)
            continue;
        struct isr_batch batch;
        struct isr_bytes rest = {.data = found.data + position, .size = found.size - position};
        assert_int_equal(isr_batch_parse(rest, true, &batch), ISR_BATCH_OK);
        assert_int_equal(batch.base_offset, expected->base_offset);
        assert_int_equal(batch.crc, expected->crc);
        assert_true(end <= limit);
        position += batch.bytes.size;
        batches++;
    }
    assert_int_equal(position, found.size);
    assert_true(found.size <= max_bytes || batches == 1);
    if (limit <= log->log_end && bytes_between > 0 && limit > offset)
        assert_int_equal(isr_log_bytes_between(log, offset, limit), bytes_between);
    bench_end(&run->node);
}

static void check_all(struct run *run)
{
    const struct isr_log *log = run->log;
    isr_log_verify(log);
    assert_int_equal(log->log_start, run->now.log_start);
    assert_int_equal(log->log_end, run->now.log_end);
    assert_int_equal(log->high_watermark, run->now.high_watermark);
    check_places(log, &run->now);
    check_epochs(log, &run->now);
    check_producers(run);
    check_epoch_end(log, &run->now, (int32_t)test_random_below(&run->random, (uint32_t)run->epoch + 3) - 1);
    check_read(run);
}

/* ---- actions ---- */

static void on_held(void *object)
{
    struct run *run = object;
    assert_true(isr_log_held_end(run->log) > run->held);
    run->held = isr_log_held_end(run->log);
    run->held_calls++;
}

static void attach(struct run *run)
{
    run->log = isr_log_store_open(&run->node.store, TP);
    run->log->held = on_held;
    run->log->held_object = run;
    run->held = isr_log_held_end(run->log);
    run->before_is_valid = false;
}

static struct isr_batch random_batch(struct run *run)
{
    struct test_random *random = &run->random;
    int64_t producer_id = (int64_t)test_random_below(random, MODEL_PRODUCERS + 1) - 1;
    int16_t producer_epoch = (int16_t)(test_random_chance(random, 20) ? 1 : 0);
    uint32_t count = 1 + test_random_below(random, 3);
    uint32_t value_bytes = 8 + test_random_below(random, test_random_chance(random, 30) ? 20000 : 90);
    int32_t sequence = producer_id < 0 ? -1 : (int32_t)test_random_below(random, 1000);
    struct isr_batch batch;
    struct isr_bytes bytes = isr_batch_build(&run->node.env.scratch, producer_id, producer_epoch, sequence,
                                             run->value, count, value_bytes);
    run->value += count;
    assert_int_equal(isr_batch_parse(bytes, true, &batch), ISR_BATCH_OK);
    return batch;
}

static void act_append_leader(struct run *run)
{
    if (test_random_chance(&run->random, 8))
        run->epoch++;
    struct isr_batch batch = random_batch(run);
    int64_t base = isr_log_append_leader(run->log, &batch, run->epoch);
    assert_int_equal(base, run->now.log_end);
    model_append(&run->now, &batch, run->epoch);
}

static void act_append_follower(struct run *run)
{
    static uint8_t input[200000 + ISR_BATCH_HEADER_BYTES];
    uint32_t size = 0, count = 1 + test_random_below(&run->random, 6);
    int64_t base = run->now.log_end;
    if (test_random_chance(&run->random, 4))
        run->epoch++;
    for (uint32_t i = 0; i < count; i++) {
        struct isr_batch batch = random_batch(run);
        if (batch.bytes.size > sizeof input - ISR_BATCH_HEADER_BYTES - size)
            break;
        memcpy(input + size, batch.bytes.data, batch.bytes.size);
        isr_batch_set_position(input + size, base, run->epoch);
        size += batch.bytes.size;
        base += batch.record_count;
        model_append(&run->now, &batch, run->epoch);
    }
    uint32_t cut_off = test_random_below(&run->random, ISR_BATCH_HEADER_BYTES);
    memset(input + size, 0, cut_off);
    struct isr_bytes bytes = {.data = input, .size = size + cut_off};
    assert_int_equal(isr_log_append_follower(run->log, bytes), ISR_ERROR_NONE);
}

static void remember_before(struct run *run)
{
    if (!run->before_is_valid)
        run->before = run->now;
    run->before_is_valid = true;
}

static void act_truncate(struct run *run)
{
    int64_t span = run->now.log_end - run->now.log_start;
    int64_t back = (int64_t)test_random_below(&run->random, (uint32_t)(span < 20 ? span + 1 : 20));
    if (test_random_chance(&run->random, 6))
        back = (int64_t)test_random_below(&run->random, (uint32_t)span + 1);
    remember_before(run);
    isr_log_truncate(run->log, run->now.log_end - back, ISR_CAUSE_DIVERGENCE);
    model_truncate(&run->now, run->now.log_end - back);
    run->held = isr_log_held_end(run->log);
}

static void act_truncate_fully(struct run *run)
{
    int64_t offset = (int64_t)test_random_below(&run->random, (uint32_t)run->now.log_end + 50);
    remember_before(run);
    isr_log_truncate_fully(run->log, offset, ISR_CAUSE_OUT_OF_RANGE);
    run->now.batches_count = run->now.epochs_count = run->now.gone_count = 0;
    run->now.epoch_before = -1;
    run->producers_known = true;
    run->now.log_start = run->now.log_end = run->now.high_watermark = offset;
    run->held = isr_log_held_end(run->log);
}

static void act_assign(struct run *run)
{
    run->epoch++;
    isr_log_assign_epoch(run->log, run->epoch, run->log->log_end, ISR_CAUSE_BECAME_LEADER);
    model_assign(&run->now, run->epoch, run->now.log_end);
}

static void act_high_watermark(struct run *run)
{
    int64_t span = run->now.log_end - run->now.log_start;
    run->now.high_watermark =
        run->now.log_start + (int64_t)test_random_below(&run->random, (uint32_t)span + 1);
    isr_log_set_high_watermark(run->log, run->now.high_watermark);
}

static void act_advance_start(struct run *run)
{
    int64_t most = isr_log_held_end(run->log);
    int64_t offset = run->now.log_start + (int64_t)test_random_below(&run->random, 30);
    if (offset > run->now.high_watermark)
        offset = run->now.high_watermark;
    int64_t reached = isr_log_advance_start(run->log, offset, ISR_CAUSE_DELETE_RECORDS);
    if (offset > most)
        offset = most;
    if (offset <= run->now.log_start)
        return;
    assert_int_equal(reached, offset);
    model_advance_start(&run->now, offset);
    run->starts++;
}

static void act_retention(struct run *run)
{
    int64_t bytes = (int64_t)test_random_below(&run->random, 6000);
    int64_t start = isr_log_start_by_size(run->log, run->now.high_watermark, bytes);
    assert_true(start <= run->now.high_watermark);
    assert_true(start == run->now.log_start ||
                isr_log_bytes_between(run->log, start, run->log->log_end) >= bytes);
    start = isr_log_advance_start(run->log, start, ISR_CAUSE_RETENTION_SIZE);
    if (start > run->now.log_start)
        model_advance_start(&run->now, start);
}

/* ---- crashes ---- */

/* The first batches of the recovered log are those of the model, from its own start on, or from an earlier
 * one where that was not durable yet. */
static bool is_prefix(const struct isr_log *log, const struct model *model)
{
    uint32_t first = 0, all = model->gone_count + model->batches_count;
    if (log->log_start > model->log_start)
        return false;
    while (log->places_count > 0 && first < all &&
           model_batch(model, first)->base_offset < log->places[0].base_offset)
        first++;
    if (log->places_count > all - first)
        return false;
    for (uint32_t i = 0; i < log->places_count; i++) {
        const struct model_batch *batch = model_batch(model, first + i);
        if (log->places[i].crc != batch->crc || log->places[i].base_offset != batch->base_offset ||
            log->places[i].leader_epoch != batch->leader_epoch)
            return false;
    }
    return true;
}

/* Every batch is one of the model's, at its offset: what a full truncation that was cut short may leave. It
 * may also bring back batches of the same log that an earlier one, cut short as well, left below log_start.
 */
static bool is_part(const struct isr_log *log, const struct model *model)
{
    uint32_t at = 0, all = model->gone_count + model->batches_count;
    for (uint32_t i = 0; i < log->places_count; i++) {
        if (place_end(&log->places[i]) <= model->log_start)
            continue;
        while (at < all && model_batch(model, at)->base_offset < log->places[i].base_offset)
            at++;
        if (at == all || model_batch(model, at)->crc != log->places[i].crc ||
            model_batch(model, at)->base_offset != log->places[i].base_offset)
            return false;
    }
    return true;
}

/* The model takes over what the disk kept; epochs are rebuilt from the batches, plus one that may have none.
 */
static void adopt(struct run *run)
{
    struct isr_log *log = run->log;
    struct model *model = &run->now;
    int64_t first = isr_log_first_base(log);
    uint32_t gone = model->gone_count, kept = 0;
    for (uint32_t i = 0; i < gone + model->batches_count; i++) {
        struct model_batch batch = *model_batch(model, i);
        if (batch.base_offset < first && batch.base_offset + batch.record_count <= log->log_start)
            run->gone[kept++] = batch;
    }
    *model = (struct model){
        .log_start = log->log_start, .log_end = log->log_start, .high_watermark = log->high_watermark};
    model->epoch_before = log->epoch_before;
    memcpy(model->gone, run->gone, kept * sizeof run->gone[0]);
    model->gone_count = kept;
    for (uint32_t i = 0; i < log->places_count; i++) {
        struct isr_batch batch;
        struct isr_bytes bytes = {.data = log->places[i].data, .size = log->places[i].size_bytes};
        assert_int_equal(isr_batch_parse(bytes, true, &batch), ISR_BATCH_OK);
        if (batch.base_offset > log->log_start)
            model->log_end = batch.base_offset;
        model_append(model, &batch, batch.leader_epoch);
        model->batches[model->batches_count - 1].base_offset = batch.base_offset;
        model->log_end = batch.last_offset + 1;
    }
    if (model->epochs_count > 0 && model->epochs[0].start_offset < log->log_start)
        model->epochs[0].start_offset = log->log_start;
    if (log->epochs.count == model->epochs_count + 1) {
        const struct isr_epoch_entry *empty = &log->epochs.entries[log->epochs.count - 1];
        assert_int_equal(empty->start_offset, log->log_end);
        assert_true(empty->epoch <= run->epoch);
        model_assign(model, empty->epoch, empty->start_offset);
    }
}

static void lose_checkpoints(struct run *run)
{
    struct test_random *random = &run->random;
    bool even = test_random_chance(random, 2);
    for (size_t i = 0; i < run->disk.files_count; i++) {
        struct isr_file file = run->disk.files[i].file;
        bool expendable = file.kind == ISR_FILE_PRODUCERS || file.kind == ISR_FILE_HIGH_WATERMARKS;
        /* One of the two that tell log_start may be lost. */
        if (file.kind == ISR_FILE_EPOCHS || file.kind == ISR_FILE_RECOVERY_POINTS)
            expendable = file.kind == (even ? ISR_FILE_EPOCHS : ISR_FILE_RECOVERY_POINTS);
        if (!expendable || !test_random_chance(random, 8))
            continue;
        if (file.kind == ISR_FILE_PRODUCERS)
            run->producers_known = false;
        if (test_random_chance(random, 2))
            test_disk_remove(&run->disk, file);
        else
            test_disk_put(&run->disk, file, "not a checkpoint", test_random_below(random, 16));
    }
}

static void restart(struct run *run)
{
    struct isr_config config = run->node.config;
    run->disk.clean_in = 0;
    bench_start(&run->node, &run->disk, &run->random, &config);
    bench_run_until_ready(&run->node);
    assert_true(run->node.ready);
    bool fresh = isr_log_store_find(&run->node.store, TP) == NULL;
    int64_t before = run->held;
    attach(run);
    run->held = before;
    assert_true(!fresh || run->log->log_end == 0);
}

static void act_crash(struct run *run)
{
    bool power_loss = test_random_chance(&run->random, 2);
    bool cutting = run->log->barrier_pending > 0;
    int64_t certain = power_loss ? run->log->synced_end : run->log->written_end;
    /* What is deleted counts as synced, until a start that is not durable yet is forgotten. */
    if (run->log->start_state != ISR_LOG_START_DURABLE)
        certain = 0;
    if (!cutting)
        run->before_is_valid = false;
    if (cutting)
        run->producers_known = false; /* whether those of before or after the truncation is not */
    bool full = cutting && run->before.log_start != run->now.log_start;
    bool old_is_valid = run->before_is_valid;
    bench_crash(&run->node, power_loss);
    if (test_random_chance(&run->random, 3))
        lose_checkpoints(run);
    restart(run);
    isr_log_verify(run->log);
    if (full) {
        assert_true(is_part(run->log, &run->before));
    } else if (old_is_valid && run->before.batches_count > 0) {
        assert_true(is_part(run->log, &run->before));
        assert_true(run->log->places_count == 0 || is_prefix(run->log, &run->before) ||
                    run->log->log_start != run->before.log_start);
        assert_true(run->log->log_end >= certain || run->log->log_start != run->before.log_start);
    } else {
        assert_true(is_prefix(run->log, &run->now) || run->log->places_count == 0);
        assert_true(run->log->log_end >= certain);
        assert_true(run->log->log_end <= run->now.log_end);
    }
    adopt(run);
    run->held = isr_log_held_end(run->log);
    run->checked_records += (uint64_t)(run->log->log_end - run->log->log_start);
    run->crashes++;
    check_all(run);
}

static void act_clean_stop(struct run *run)
{
    int64_t broker_epoch = (int64_t)test_random_below(&run->random, 1000);
    int64_t log_end = run->log->log_end;
    bench_close(&run->node, broker_epoch);
    assert_true(run->node.closed);
    bench_crash(&run->node, true);
    restart(run);
    run->held = isr_log_held_end(run->log);
    run->before_is_valid = false;
    assert_int_equal(run->node.store.clean_shutdown_epoch, broker_epoch);
    assert_int_equal(run->log->log_end, log_end);
    assert_int_equal(run->log->synced_end, log_end);
    check_all(run);
    bench_crash(&run->node, true);
    restart(run);
    assert_int_equal(run->node.store.clean_shutdown_epoch, -1);
    run->held = isr_log_held_end(run->log);
    check_all(run);
}

/* A bit of some file flips while the broker is stopped cleanly. Either nothing that counts was concerned, or
 * the marker is void; what is left is of the log that was there. */
static void act_rot(struct run *run)
{
    bench_close(&run->node, 77);
    assert_true(run->node.closed);
    bench_crash(&run->node, true);
    bool rotten = false;
    for (int tries = 0; tries < 10 && !rotten; tries++) {
        uint32_t place = test_random_below(&run->random, (uint32_t)run->disk.files_count);
        rotten = test_disk_rot(&run->disk.files[place], &run->random);
    }
    struct model was = run->now;
    restart(run);
    isr_log_verify(run->log);
    run->held = isr_log_held_end(run->log);
    run->before_is_valid = false;
    if (run->node.store.clean_shutdown_epoch == 77) {
        check_all(run);
        return;
    }
    assert_true(rotten);
    assert_int_equal(run->node.store.clean_shutdown_epoch, -1);
    assert_true(run->log->places_count == 0 || is_part(run->log, &was));
    assert_true(run->log->log_end <= was.log_end);
    adopt(run);
    check_all(run);
    run->rotten++;
}

static bool a_sync_will_fail(const struct run *run)
{
    bool will = run->disk.clean_in > 0;
    for (size_t i = 0; i < run->disk.queue_count; i++)
        will = will || run->disk.queue[i].fails;
    return will;
}

static void act(struct run *run)
{
    if (run->node.exited) { /* over a sync that failed */
        run->failed_syncs++;
        act_crash(run);
        return;
    }
    uint32_t dice = test_random_below(&run->random, 100);
    if (dice == 3 && test_random_chance(&run->random, 3)) {
        run->disk.clean_in = 1 + test_random_below(&run->random, 3);
        return;
    }
    if (dice == 4 && test_random_chance(&run->random, 3) && !a_sync_will_fail(run)) {
        act_rot(run);
        return;
    }
    if (dice < 2) {
        act_crash(run);
        return;
    }
    if (dice == 2 && test_random_chance(&run->random, 3) && !a_sync_will_fail(run)) {
        act_clean_stop(run);
        return;
    }
    if (run->log->barrier_pending == 0)
        run->before_is_valid = false;
    if (dice < 50) {
        bench_io(&run->node);
        return;
    }
    if (dice < 53) {
        bench_wait(&run->node, ISR_SECOND);
        return;
    }
    bench_begin(&run->node);
    if (dice < 70)
        act_append_leader(run);
    else if (dice < 84)
        act_append_follower(run);
    else if (dice < 88)
        act_truncate(run);
    else if (dice < 90)
        act_assign(run);
    else if (dice == 90 && test_random_chance(&run->random, 4))
        act_truncate_fully(run);
    else if (dice == 91 || dice == 92)
        act_advance_start(run);
    else if (dice == 93)
        act_retention(run);
    else
        act_high_watermark(run);
    bench_end(&run->node);
}

static uint64_t failed_syncs, rotten; /* over all runs */

static void run_one(uint64_t seed, int64_t flush_messages, int64_t flush_interval)
{
    static struct run storage;
    struct run *run = &storage;
    *run = (struct run){.random = {.state = seed}, .producers_known = true, .now.epoch_before = -1};
    run->node.config = isr_config_default();
    run->node.config.log_segment_bytes = 1024;
    run->node.config.log_flush_messages = flush_messages;
    run->node.config.log_flush_interval = flush_interval;
    run->node.config.hw_checkpoint_interval = ISR_SECOND;
    run->disk.names_late = seed % 2 == 0;
    restart(run);
    for (int step = 0; step < 1500; step++) {
        act(run);
        if (step % 5 == 0 && !run->node.exited)
            check_all(run);
    }
    run->disk.clean_in = 0;
    if (run->node.exited)
        act_crash(run);
    bench_settle(&run->node);
    if (run->node.exited) { /* the sync that was to fail was under way */
        act_crash(run);
        bench_settle(&run->node);
    }
    assert_true(run->log->barrier_pending == 0);
    assert_int_equal(run->log->written_end, run->log->log_end);
    if (flush_messages > 0)
        assert_int_equal(run->log->synced_end, run->log->log_end);
    check_all(run);
    assert_false(run->node.exited);
    assert_true(run->crashes > 0);
    assert_true(run->checked_records > 0);
    failed_syncs += run->failed_syncs;
    rotten += run->rotten;
    assert_true(run->starts > 0);
    test_heap_drop(&run->node.heap);
    test_disk_free(&run->disk);
}

static void holds_when_nothing_is_flushed(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 25; seed++)
        run_one(seed, 0, 0);
}

static void holds_when_each_record_is_flushed(void **state)
{
    (void)state;
    for (uint64_t seed = 101; seed <= 125; seed++)
        run_one(seed, 1, 0);
}

static void holds_when_flushed_in_groups(void **state)
{
    (void)state;
    for (uint64_t seed = 201; seed <= 225; seed++)
        run_one(seed, 20, 0);
}

static void holds_when_flushed_by_time(void **state)
{
    (void)state;
    for (uint64_t seed = 301; seed <= 325; seed++)
        run_one(seed, 0, 2 * ISR_SECOND);
}

static void damage_was_met(void **state)
{
    (void)state;
    assert_true(failed_syncs > 50);
    assert_true(rotten > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_when_nothing_is_flushed),
        cmocka_unit_test(holds_when_each_record_is_flushed),
        cmocka_unit_test(holds_when_flushed_in_groups),
        cmocka_unit_test(holds_when_flushed_by_time),
        cmocka_unit_test(damage_was_met),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
