#include "core/log/cleaner.h"

#include <string.h>

#include "core/base/yield.h"
#include "core/log/checkpoint.h"
#include "core/log/internal.h"

enum clean_state { CLEAN_MAPPING, CLEAN_CLEANING, CLEAN_SWAPPING, CLEAN_STORING };

/* Of a key the last offset that was mapped; -1: a free place. */
struct clean_key {
    uint64_t key;
    int64_t offset;
};

/* What is left of some segments, not in their place yet. */
struct clean_output {
    uint32_t segment, segments; /* which, as places in log->segments */
    int64_t from, to;           /* their offsets */
    int64_t begin;              /* where the first batch begins that is in memory */
    uint32_t prefix_bytes;      /* of gaps that stand for what lies before it in the file */
    uint8_t *bytes;
    uint32_t size, capacity;
    struct isr_batch_place *places; /* data: NULL until they lie in the log */
    uint32_t places_count;
    int64_t removed, tombstones;
    bool gap_open; /* the last place is a gap that may grow */
    int64_t gap_timestamp_ns;
    bool differs;
};

struct isr_log_cleaning {
    struct isr_log *log;
    enum clean_state state;
    struct isr_clean_policy policy;
    int64_t dirty; /* where the dirty part begins */
    int64_t end;   /* and ends; while MAPPING: what is mapped */
    int64_t next;  /* CLEANING: the next segment begins there or behind it */
    int64_t removed, tombstones;
    int64_t horizon_next, tombstone_held;
    struct clean_key *keys; /* open addressing */
    uint32_t keys_count, keys_capacity;
    struct isr_timer timer; /* the next step, or the yield point */
    struct clean_output output;
    int64_t *leftovers; /* files that are to be deleted when the replacement is durable */
    uint32_t leftovers_count, leftovers_gone, leftovers_capacity;
    bool on_disk; /* an operation is under way: a replacement, then the deletions */
    bool given_up;
    bool in_barrier; /* the barrier of the log waits for what is under way on the disk */
    void (*done)(void *object);
    void *object;
};

/* ---- what may be compacted ---- */

static bool segment_is_old_enough(const struct isr_log *log, const struct isr_segment *segment,
                                  const struct isr_clean_policy *policy)
{
    return policy->compaction_lag_ns == 0 ||
           segment->timestamp_max_ns < log->env->real_ns - policy->compaction_lag_ns;
}

static int64_t dirty_begin(const struct isr_log *log)
{
    return log->clean_end > log->log_start ? log->clean_end : log->log_start;
}

struct isr_clean_extent isr_log_clean_extent(const struct isr_log *log, const struct isr_clean_policy *policy)
{
    int64_t dirty = dirty_begin(log);
    struct isr_clean_extent extent = {.end = log->log_start};
    if (log->segments_count == 0 || log->barrier_pending > 0)
        return extent;
    for (uint32_t i = 0; i + 1 < log->segments_count; i++) {
        const struct isr_segment *segment = &log->segments[i];
        if (segment->end_offset > policy->limit || segment->synced_end < segment->end_offset ||
            (segment->end_offset > dirty && !segment_is_old_enough(log, segment, policy)))
            break;
        extent.end = segment->end_offset;
    }
    extent.clean_bytes = isr_log_bytes_between(log, log->log_start, dirty < extent.end ? dirty : extent.end);
    extent.dirty_bytes = isr_log_bytes_between(log, dirty, extent.end);
    return extent;
}

bool isr_log_tombstones_due(const struct isr_log *log, const struct isr_clean_policy *policy)
{
    return log->horizon_next <= log->env->real_ns || log->tombstone_held < policy->tombstones;
}

/* ---- the map ---- */

static struct clean_key *key_place(struct clean_key *keys, uint32_t capacity, uint64_t key)
{
    uint32_t place = (uint32_t)isr_mix(key) & (capacity - 1);
    while (keys[place].offset >= 0 && keys[place].key != key)
        place = (place + 1) & (capacity - 1);
    return &keys[place];
}

static void keys_grow(struct isr_log_cleaning *cleaning)
{
    struct isr_heap *heap = cleaning->log->env->heap;
    uint32_t capacity = cleaning->keys_capacity == 0 ? 64 : cleaning->keys_capacity * 2;
    struct clean_key *keys = isr_heap_allocate(heap, capacity * sizeof *keys);
    for (uint32_t i = 0; i < capacity; i++)
        keys[i].offset = -1;
    for (uint32_t i = 0; i < cleaning->keys_capacity; i++) {
        if (cleaning->keys[i].offset >= 0)
            *key_place(keys, capacity, cleaning->keys[i].key) = cleaning->keys[i];
    }
    isr_heap_release(heap, cleaning->keys);
    cleaning->keys = keys;
    cleaning->keys_capacity = capacity;
}

static void key_note(struct isr_log_cleaning *cleaning, const struct isr_record *record)
{
    if (cleaning->keys_count >= cleaning->keys_capacity / 2)
        keys_grow(cleaning);
    struct clean_key *place = key_place(cleaning->keys, cleaning->keys_capacity, record->key);
    cleaning->keys_count += place->offset < 0;
    *place = (struct clean_key){.key = record->key, .offset = record->offset};
}

/* A later record of the key is mapped. */
static bool is_superseded(const struct isr_log_cleaning *cleaning, const struct isr_record *record)
{
    return cleaning->keys_capacity > 0 &&
           key_place(cleaning->keys, cleaning->keys_capacity, record->key)->offset > record->offset;
}

static struct isr_batch parse(const struct isr_batch_place *place)
{
    struct isr_batch batch;
    enum isr_batch_status status =
        isr_batch_parse((struct isr_bytes){.data = place->data, .size = place->size_bytes}, false, &batch);
    ISR_ASSERT(status == ISR_BATCH_OK);
    return batch;
}

static bool is_keyed(const struct isr_batch *batch)
{
    return (batch->attributes & ISR_BATCH_KEYED) != 0;
}

/* ---- the end of a pass ---- */

static void step(void *object);

static void step_soon(struct isr_log_cleaning *cleaning)
{
    isr_timer_init(&cleaning->timer, step, cleaning);
    isr_env_timer_in(cleaning->log->env, &cleaning->timer, cleaning->log->env->config.log_cleaner_pause);
}

/* It waits for the disk, which has not answered when no time goes by. */
static void step_later(struct isr_log_cleaning *cleaning)
{
    int64_t pause_ns = cleaning->log->env->config.log_cleaner_pause;
    isr_timer_init(&cleaning->timer, step, cleaning);
    isr_env_timer_in(cleaning->log->env, &cleaning->timer, pause_ns > 0 ? pause_ns : ISR_MS);
}

static void output_drop(struct isr_log_cleaning *cleaning)
{
    struct isr_heap *heap = cleaning->log->env->heap;
    isr_heap_release(heap, cleaning->output.bytes);
    isr_heap_release(heap, cleaning->output.places);
    cleaning->output = (struct clean_output){0};
}

static void finish(struct isr_log_cleaning *cleaning)
{
    struct isr_log *log = cleaning->log;
    isr_timer_cancel(&log->env->timers, &cleaning->timer);
    output_drop(cleaning);
    isr_heap_release(log->env->heap, cleaning->keys);
    isr_heap_release(log->env->heap, cleaning->leftovers);
    log->cleaning = NULL;
    void (*done)(void *object) = cleaning->done;
    void *object = cleaning->object;
    isr_heap_release(log->env->heap, cleaning);
    done(object);
}

/* What is under way on the disk ends first. */
static void give_up(struct isr_log_cleaning *cleaning)
{
    cleaning->given_up = true;
    if (!cleaning->on_disk) /* not in the middle of the caller's doing */
        isr_env_timer_in(cleaning->log->env, &cleaning->timer, 0);
}

/* ---- what is left of a batch ---- */

/* One of the last batches of its producer, by which its next one is judged. */
static bool is_remembered(const struct isr_log *log, const struct isr_batch *batch)
{
    if (batch->producer_id < 0 || log->env->rules.compacted_producers == ISR_RULE_compacted_producers_removed)
        return false;
    for (uint32_t i = 0; i < log->producers.count; i++) {
        const struct isr_producer *producer = &log->producers.entries[i];
        for (uint8_t k = 0; producer->producer_id == batch->producer_id && k < producer->batches_count; k++) {
            if (producer->batches[k].base_offset == batch->base_offset)
                return true;
        }
    }
    return false;
}

/* The time begins when all replicas are clean up to there (KIP-534: the last time at which somebody can have
 * read what the tombstone deleted); what has a horizon keeps it, whoever gave it. ISR_TIME_NEVER: not yet. */
static int64_t horizon_of(const struct isr_log_cleaning *cleaning, const struct isr_batch *batch)
{
    const struct isr_env *env = cleaning->log->env;
    int64_t horizon_ns = isr_batch_horizon(batch), from_ns = env->real_ns;
    if (env->rules.tombstone_horizon == ISR_RULE_tombstone_horizon_appended)
        return batch->timestamp_ns + cleaning->policy.delete_retention_ns;
    if (horizon_ns != ISR_TIME_NEVER || batch->last_offset >= cleaning->policy.tombstones)
        return horizon_ns;
    if (from_ns < batch->timestamp_ns) /* this node's clock is behind */
        from_ns = batch->timestamp_ns;
    return from_ns + cleaning->policy.delete_retention_ns;
}

struct leftover_records {
    bool *keep;
    uint32_t kept, removed, tombstones_kept, tombstones_removed;
    int64_t horizon_ns; /* ISR_TIME_NEVER: no tombstone is left, or it has none yet */
    bool held;          /* a tombstone is left that waits for other replicas */
};

static void judge_records(const struct isr_log_cleaning *cleaning, const struct isr_batch *batch,
                          struct leftover_records *left)
{
    const struct isr_env *env = cleaning->log->env;
    int64_t horizon_ns = horizon_of(cleaning, batch);
    bool may_go = horizon_ns <= env->real_ns && batch->last_offset < cleaning->policy.tombstones;
    uint32_t position = 0;
    struct isr_record record = {0};
    for (uint32_t i = 0; isr_batch_next(batch, &position, &record); i++) {
        bool superseded = is_superseded(cleaning, &record), goes = superseded || (record.tombstone && may_go);
        left->keep[i] = !goes;
        left->removed += goes;
        left->kept += !goes;
        left->tombstones_removed += goes && !superseded;
        left->tombstones_kept += !goes && record.tombstone;
    }
    left->horizon_ns = left->tombstones_kept > 0 ? horizon_ns : ISR_TIME_NEVER;
    left->held = left->tombstones_kept > 0 && (horizon_ns == ISR_TIME_NEVER || horizon_ns <= env->real_ns);
}

static struct isr_batch_place *output_place(struct clean_output *output, const struct isr_batch *batch,
                                            uint32_t size)
{
    struct isr_batch_place *place = &output->places[output->places_count++];
    *place = (struct isr_batch_place){.base_offset = batch->base_offset,
                                      .size_bytes = size,
                                      .record_count = batch->record_count,
                                      .leader_epoch = batch->leader_epoch};
    ISR_ASSERT(output->capacity - output->size >= size);
    output->size += size;
    output->gap_open = false;
    return place;
}

static void output_gap(struct clean_output *output, const struct isr_batch *batch)
{
    struct isr_batch_place *place = output->gap_open ? &output->places[output->places_count - 1] : NULL;
    if (place == NULL || place->leader_epoch != batch->leader_epoch ||
        place->record_count > ISR_BATCH_RECORDS_MAX - batch->record_count) {
        place = output_place(output, batch, ISR_BATCH_GAP_BYTES);
        output->gap_timestamp_ns = batch->timestamp_ns;
    } else {
        place->record_count += batch->record_count;
        if (output->gap_timestamp_ns < batch->timestamp_ns)
            output->gap_timestamp_ns = batch->timestamp_ns;
        output->differs = true;
    }
    isr_batch_gap(output->bytes + output->size - ISR_BATCH_GAP_BYTES, place->base_offset, place->record_count,
                  place->leader_epoch, output->gap_timestamp_ns);
    output->gap_open = true;
}

static void output_whole(struct clean_output *output, const struct isr_batch *batch)
{
    uint8_t *out = output->bytes + output->size;
    output_place(output, batch, batch->bytes.size);
    memcpy(out, batch->bytes.data, batch->bytes.size);
}

/* When a pass is worth while again for the tombstones that stay: at a time, or when all replicas are clean up
 * to there. */
static void note_tombstones(struct isr_log_cleaning *cleaning, const struct isr_batch *batch,
                            const struct leftover_records *left)
{
    if (left->held && batch->last_offset < cleaning->tombstone_held)
        cleaning->tombstone_held = batch->last_offset;
    if (!left->held && left->horizon_ns < cleaning->horizon_next)
        cleaning->horizon_next = left->horizon_ns;
}

static void clean_batch(struct isr_log_cleaning *cleaning, const struct isr_batch *batch)
{
    struct isr_log *log = cleaning->log;
    struct clean_output *output = &cleaning->output;
    if (!is_keyed(batch) || batch->base_offset >= cleaning->end) {
        output_whole(output, batch);
        return;
    }
    struct leftover_records left = {.keep = isr_scratch_allocate(&log->env->scratch, batch->record_count)};
    judge_records(cleaning, batch, &left);
    output->removed += left.removed;
    output->tombstones += left.tombstones_removed;
    note_tombstones(cleaning, batch, &left);
    if (left.kept == 0 && !is_remembered(log, batch)) {
        output->differs = output->differs || !isr_batch_is_gap(batch);
        output_gap(output, batch);
    } else if (left.removed == 0 && left.horizon_ns == isr_batch_horizon(batch)) {
        output_whole(output, batch);
    } else {
        uint8_t *out = output->bytes + output->size;
        uint32_t size = isr_batch_compact(out, batch, left.keep, left.horizon_ns);
        output_place(output, batch, size);
        output->differs = true;
    }
}

/* ---- putting it in place ---- */

/* Where the bytes of the log before the swapped part count from, so that what lies behind stays where it is.
 */
static void positions_shift(struct isr_log *log, uint32_t places, uint32_t segments, int64_t by)
{
    for (uint32_t i = 0; i < places; i++)
        log->places[i].position += by;
    for (uint32_t i = 0; i < segments; i++)
        log->segments[i].position += by;
}

/* Of the batch at the offset, or the first one. */
static uint32_t place_at(const struct isr_log *log, int64_t offset)
{
    if (offset >= log->log_end)
        return log->places_count;
    return offset <= isr_log_first_base(log) ? 0 : isr_log_place_find(log, offset);
}

static void places_fill(struct clean_output *output, int64_t position)
{
    const uint8_t *data = output->bytes + output->prefix_bytes;
    for (uint32_t i = 0; i < output->places_count; i++) {
        struct isr_batch_place *place = &output->places[i];
        place->data = data;
        place->crc = parse(place).crc;
        place->position = position;
        data += place->size_bytes;
        position += place->size_bytes;
    }
}

static void segments_merge(struct isr_log *log, const struct clean_output *output)
{
    struct isr_segment *segment = &log->segments[output->segment];
    const struct isr_segment *last = segment + output->segments - 1;
    int64_t end_position = last->position + last->size_bytes;
    for (uint32_t i = 1; i < output->segments; i++) {
        if (segment->timestamp_max_ns < segment[i].timestamp_max_ns)
            segment->timestamp_max_ns = segment[i].timestamp_max_ns;
    }
    segment->end_offset = segment->written_end = segment->synced_end = output->to;
    segment->size_bytes = output->size;
    segment->position = end_position - output->size;
    log->segments_count -= output->segments - 1;
    memmove(segment + 1, segment + output->segments,
            (log->segments_count - output->segment - 1) * sizeof *segment);
}

static void observe_cleaned(struct isr_log *log, const struct clean_output *output)
{
    struct isr_observation *seen = isr_observe(log->env, ISR_OBSERVED_LOG_CLEANED);
    seen->log_cleaned.tp = isr_tp_key(log->tp);
    seen->log_cleaned.from = output->from;
    seen->log_cleaned.to = output->to;
    seen->log_cleaned.removed = output->removed;
    seen->log_cleaned.tombstones = output->tombstones;
}

/* Memory first: whatever is asked of the files from now on comes behind the replacement. */
static void put_in_memory(struct isr_log_cleaning *cleaning)
{
    struct isr_log *log = cleaning->log;
    struct clean_output *output = &cleaning->output;
    const struct isr_segment *segments = &log->segments[output->segment];
    int64_t position = segments[0].position, size_before = 0;
    ISR_ASSERT(cleaning->leftovers_count == 0);
    isr_log_scrub_void(log);
    for (uint32_t i = 0; i < output->segments; i++) {
        size_before += segments[i].size_bytes;
        if (i > 0) {
            cleaning->leftovers = ISR_GROW(log->env->heap, cleaning->leftovers, cleaning->leftovers_count,
                                           cleaning->leftovers_capacity);
            cleaning->leftovers[cleaning->leftovers_count++] = segments[i].base_offset;
        }
    }
    int64_t shift = size_before - output->size;
    uint32_t first = place_at(log, output->begin), end = place_at(log, output->to);
    places_fill(output, position + shift + output->prefix_bytes);
    positions_shift(log, first, output->segment, shift);
    isr_log_blocks_replace(log, first, end, output->places, output->places_count);
    segments_merge(log, output);
    log->env->metrics.records_compacted += output->removed;
    log->env->metrics.tombstones_removed += output->tombstones;
    cleaning->removed += output->removed;
    cleaning->tombstones += output->tombstones;
    observe_cleaned(log, output);
}

static void on_leftover_deleted(void *object, int64_t argument, const struct isr_io_result *result);

/* One after the other, from the oldest on: those that are there still have all that lies behind where the
 * first of them begins, should the start of the log move into them. True when none is left. */
static bool delete_leftovers(struct isr_log_cleaning *cleaning)
{
    struct isr_log *log = cleaning->log;
    if (cleaning->leftovers_gone == cleaning->leftovers_count)
        return true;
    int64_t number = cleaning->leftovers[cleaning->leftovers_gone++];
    isr_log_store_operation_begin(log->store);
    isr_env_delete(log->env, isr_log_file(log, ISR_FILE_SEGMENT, number), on_leftover_deleted, cleaning, 0);
    return false;
}

/* The pass goes on. */
static void swap_done(struct isr_log_cleaning *cleaning)
{
    struct isr_log *log = cleaning->log;
    bool in_barrier = cleaning->in_barrier;
    cleaning->on_disk = false;
    cleaning->leftovers_count = cleaning->leftovers_gone = 0;
    if (cleaning->given_up) {
        finish(cleaning);
    } else {
        cleaning->state = CLEAN_CLEANING;
        step_soon(cleaning);
    }
    if (in_barrier)
        isr_log_barrier_step(log);
}

static void on_leftover_deleted(void *object, int64_t argument, const struct isr_io_result *result)
{
    (void)argument;
    struct isr_log_cleaning *cleaning = object;
    struct isr_log *log = cleaning->log;
    if (isr_log_io_failed(log->store, log, result))
        return;
    if (delete_leftovers(cleaning))
        swap_done(cleaning);
    isr_log_store_operation_end(log->store);
}

static void on_replaced(void *object, int64_t argument, const struct isr_io_result *result)
{
    (void)argument;
    struct isr_log_cleaning *cleaning = object;
    struct isr_log *log = cleaning->log;
    if (isr_log_io_failed(log->store, log, result))
        return;
    if (delete_leftovers(cleaning))
        swap_done(cleaning);
    isr_log_store_operation_end(log->store);
}

/* The same segments are there, and end where they did: whatever cuts them gives the pass up, but their first
 * ones may have been deleted meanwhile. */
static bool output_still_fits(const struct isr_log_cleaning *cleaning)
{
    const struct isr_log *log = cleaning->log;
    const struct clean_output *output = &cleaning->output;
    uint32_t last = output->segment + output->segments - 1;
    return last < log->segments_count && log->segments[output->segment].base_offset == output->from &&
           log->segments[last].end_offset == output->to && isr_log_first_base(log) <= output->begin;
}

static void swap(void *object)
{
    struct isr_log_cleaning *cleaning = object;
    struct isr_log *log = cleaning->log;
    struct clean_output *output = &cleaning->output;
    if (cleaning->given_up || log->store->closing || !output_still_fits(cleaning)) {
        finish(cleaning);
        return;
    }
    put_in_memory(cleaning);
    uint8_t *bytes = isr_scratch_allocate(&log->env->scratch, output->size);
    memcpy(bytes, output->bytes, output->size);
    cleaning->state = CLEAN_SWAPPING;
    cleaning->on_disk = true;
    isr_log_store_operation_begin(log->store);
    isr_env_replace(log->env, isr_log_file(log, ISR_FILE_SEGMENT, output->from),
                    (struct isr_bytes){.data = bytes, .size = output->size}, on_replaced, cleaning, 0);
    cleaning->next = output->to;
    output_drop(cleaning);
}

/* ---- the steps ---- */

static void on_clean_end_stored(void *object, int64_t argument, const struct isr_io_result *result)
{
    (void)argument;
    struct isr_log_cleaning *cleaning = object;
    struct isr_log *log = cleaning->log;
    if (isr_log_io_failed(log->store, log, result))
        return;
    bool in_barrier = cleaning->in_barrier;
    finish(cleaning);
    if (in_barrier)
        isr_log_barrier_step(log);
    isr_log_store_operation_end(log->store);
}

static void clean_end_replace(struct isr_log *log, isr_io_done *done, void *object)
{
    struct isr_cleaned_file file = {.offset = log->clean_end};
    log->clean_end_stored = log->clean_end;
    isr_env_replace(log->env, isr_log_file(log, ISR_FILE_CLEANED, 0),
                    isr_checkpoint_encode_cleaned_file(&log->env->scratch, &file), done, object,
                    ISR_OFFSET_NONE);
}

static void store_clean_end(struct isr_log_cleaning *cleaning)
{
    struct isr_log *log = cleaning->log;
    int64_t from = log->clean_end;
    log->clean_end = cleaning->end;
    log->horizon_next = cleaning->horizon_next;
    log->tombstone_held = cleaning->tombstone_held;
    log->env->metrics.compactions++;
    struct isr_observation *seen = isr_observe(log->env, ISR_OBSERVED_LOG_COMPACTED);
    seen->log_compacted.tp = isr_tp_key(log->tp);
    seen->log_compacted.from = from;
    seen->log_compacted.to = log->clean_end;
    seen->log_compacted.removed = cleaning->removed;
    seen->log_compacted.tombstones = cleaning->tombstones;
    cleaning->state = CLEAN_STORING;
    cleaning->on_disk = true;
    isr_log_store_operation_begin(log->store);
    clean_end_replace(log, on_clean_end_stored, cleaning);
}

/* Which segments go together: those that fit into one. */
static bool output_choose(struct isr_log_cleaning *cleaning)
{
    const struct isr_log *log = cleaning->log;
    struct clean_output *output = &cleaning->output;
    uint32_t first = 0, count = 0;
    int64_t size = 0;
    /* The log may start behind all of its first segment: that was the open one when the start moved to its
     * end. */
    int64_t next = cleaning->next > log->log_start ? cleaning->next : log->log_start;
    while (first + 1 < log->segments_count && log->segments[first].end_offset <= next)
        first++;
    while (first + count + 1 < log->segments_count) {
        const struct isr_segment *segment = &log->segments[first + count];
        if (segment->base_offset >= cleaning->end || segment->synced_end < segment->end_offset ||
            (count > 0 && size + segment->size_bytes > log->env->config.log_segment_bytes))
            break;
        size += segment->size_bytes;
        count++;
    }
    *output = (struct clean_output){.segment = first, .segments = count};
    if (count == 0)
        return false;
    output->from = log->segments[first].base_offset;
    output->begin = isr_log_first_base(log) > output->from ? isr_log_first_base(log) : output->from;
    output->to = log->segments[first + count - 1].end_offset;
    output->differs = count > 1;
    return true;
}

/* The part of them below the log's start is gone from memory; a gap stands for it. */
static void output_prefix(struct clean_output *output, int32_t leader_epoch)
{
    for (int64_t offset = output->from; offset < output->begin;) {
        int64_t offsets = output->begin - offset;
        if (offsets > ISR_BATCH_RECORDS_MAX)
            offsets = ISR_BATCH_RECORDS_MAX;
        isr_batch_gap(output->bytes + output->size, offset, (uint32_t)offsets, leader_epoch, 0);
        output->size += ISR_BATCH_GAP_BYTES;
        offset += offsets;
    }
    output->prefix_bytes = output->size;
}

static void output_build(struct isr_log_cleaning *cleaning)
{
    struct isr_log *log = cleaning->log;
    struct clean_output *output = &cleaning->output;
    uint32_t first = place_at(log, output->begin), end = place_at(log, output->to);
    ISR_ASSERT(first < end);
    output->capacity = (uint32_t)((output->begin - output->from) / ISR_BATCH_RECORDS_MAX + 1) *
                       (uint32_t)ISR_BATCH_GAP_BYTES;
    for (uint32_t i = first; i < end; i++) {
        struct isr_batch batch = parse(&log->places[i]);
        uint32_t most = is_keyed(&batch) ? isr_batch_compact_bytes(&batch) : batch.bytes.size;
        output->capacity += most > ISR_BATCH_GAP_BYTES ? most : ISR_BATCH_GAP_BYTES;
    }
    output->bytes = isr_heap_allocate(log->env->heap, output->capacity);
    output->places = isr_heap_allocate(log->env->heap, (end - first) * sizeof *output->places);
    output_prefix(output, log->places[first].leader_epoch);
    for (uint32_t i = first; i < end; i++) {
        struct isr_batch batch = parse(&log->places[i]);
        clean_batch(cleaning, &batch);
    }
}

static void clean_step(struct isr_log_cleaning *cleaning)
{
    struct isr_log *log = cleaning->log;
    if (!output_choose(cleaning)) {
        store_clean_end(cleaning);
        return;
    }
    /* What a crash could bring back is not written over. */
    if (cleaning->output.begin > cleaning->output.from && log->start_state != ISR_LOG_START_DURABLE) {
        step_later(cleaning);
        return;
    }
    output_build(cleaning);
    if (!cleaning->output.differs) {
        cleaning->next = cleaning->output.to;
        output_drop(cleaning);
        step_soon(cleaning);
        return;
    }
    if (isr_yields(log->env, ISR_YIELD_SEGMENT_SWAP))
        isr_yield(log->env, ISR_YIELD_SEGMENT_SWAP, &cleaning->timer, swap, cleaning);
    else
        swap(cleaning);
}

/* The batches of one segment; false when the map is full. */
static bool map_segment(struct isr_log_cleaning *cleaning, const struct isr_segment *segment)
{
    const struct isr_log *log = cleaning->log;
    for (uint32_t i = place_at(log, cleaning->end); i < log->places_count; i++) {
        struct isr_batch batch = parse(&log->places[i]);
        uint32_t position = 0;
        struct isr_record record = {0};
        if (batch.base_offset >= segment->end_offset)
            break;
        if (cleaning->keys_count > 0 &&
            (int64_t)cleaning->keys_count + batch.record_count > log->env->config.log_cleaner_keys)
            return false;
        while (is_keyed(&batch) && isr_batch_next(&batch, &position, &record))
            key_note(cleaning, &record);
        cleaning->end = batch.last_offset + 1;
    }
    return true;
}

static void map_step(struct isr_log_cleaning *cleaning)
{
    const struct isr_log *log = cleaning->log;
    struct isr_clean_extent extent = isr_log_clean_extent(log, &cleaning->policy);
    uint32_t place = 0;
    if (cleaning->end < log->log_start) /* it moved over what was to be mapped */
        cleaning->end = log->log_start;
    while (place < log->segments_count && log->segments[place].end_offset <= cleaning->end)
        place++;
    bool goes_on = place < log->segments_count && log->segments[place].end_offset <= extent.end &&
                   map_segment(cleaning, &log->segments[place]);
    if (!goes_on || cleaning->end >= extent.end)
        cleaning->state = CLEAN_CLEANING;
    step_soon(cleaning);
}

static void step(void *object)
{
    struct isr_log_cleaning *cleaning = object;
    if (cleaning->given_up || cleaning->log->store->closing) {
        finish(cleaning);
        return;
    }
    switch (cleaning->state) {
    case CLEAN_MAPPING:
        map_step(cleaning);
        break;
    case CLEAN_CLEANING:
        clean_step(cleaning);
        break;
    case CLEAN_SWAPPING:
    case CLEAN_STORING:
        break;
    }
}

void isr_log_clean(struct isr_log *log, const struct isr_clean_policy *policy, void (*done)(void *object),
                   void *object)
{
    ISR_ASSERT(log->cleaning == NULL);
    struct isr_log_cleaning *cleaning = isr_heap_allocate(log->env->heap, sizeof *cleaning);
    *cleaning = (struct isr_log_cleaning){.log = log,
                                          .policy = *policy,
                                          .dirty = dirty_begin(log),
                                          .end = dirty_begin(log),
                                          .next = log->log_start,
                                          .horizon_next = ISR_TIME_NEVER,
                                          .tombstone_held = INT64_MAX,
                                          .done = done,
                                          .object = object};
    log->cleaning = cleaning;
    step_soon(cleaning);
}

/* ---- truncation ---- */

static void clean_end_cut(struct isr_log *log, int64_t offset)
{
    if (log->clean_end > offset)
        log->clean_end = offset;
    if (log->clean_end_stored == ISR_OFFSET_NONE || (!log->removed && log->clean_end_stored <= offset))
        return;
    isr_log_barrier_add(log);
    if (log->removed)
        isr_env_delete(log->env, isr_log_file(log, ISR_FILE_CLEANED, 0), isr_log_barrier_done, log,
                       ISR_OFFSET_NONE);
    else
        clean_end_replace(log, isr_log_barrier_done, log);
}

void isr_log_cleaning_cut(struct isr_log *log, int64_t offset)
{
    struct isr_log_cleaning *cleaning = log->cleaning;
    if (cleaning != NULL && offset <= cleaning->end && !cleaning->given_up)
        give_up(cleaning);
    if (cleaning != NULL && cleaning->given_up && cleaning->on_disk && !cleaning->in_barrier) {
        cleaning->in_barrier = true;
        log->barrier_pending++;
        log->barrier_names = true;
    }
    clean_end_cut(log, offset);
}

void isr_log_cleaning_lowered(struct isr_log *log, int64_t offset)
{
    struct isr_log_cleaning *cleaning = log->cleaning;
    if (cleaning != NULL && offset < cleaning->policy.limit &&
        cleaning->policy.limit <= log->high_watermark && !cleaning->given_up)
        give_up(cleaning);
}

void isr_log_cleaning_recover(struct isr_log *log, const struct isr_cleaned_file *file)
{
    log->clean_end = log->clean_end_stored = file->offset;
    log->horizon_next = INT64_MIN; /* to be looked for */
    if (log->clean_end <= log->log_end)
        return;
    log->clean_end = log->log_end;
    isr_log_store_operation_begin(log->store);
    clean_end_replace(log, isr_log_operation_done, log);
}
