/* What the log knows of idempotent producers (KIP-98): per id the current epoch and its last batches, in that
 * epoch. Invariant: equal to a walk over all batches that the log ever had below log_end (but for producers
 * that expired), which is how tests rebuild it: what batches told that are deleted by now is kept as
 * producers_before, so that neither a truncation nor a restart forgets it. */
#include "core/base/search.h"
#include "core/log/checkpoint.h"
#include "core/log/internal.h"

static int64_t producer_id_at(const void *array, uint32_t place)
{
    return ((const struct isr_producer *)array)[place].producer_id;
}

/* The place of the id, or where it belongs. */
static uint32_t producer_place(const struct isr_producers *producers, int64_t producer_id)
{
    return isr_search(producers->entries, 0, producers->count, producer_id, producer_id_at);
}

static struct isr_producer *producer_find(const struct isr_producers *producers, int64_t producer_id)
{
    uint32_t place = producer_place(producers, producer_id);
    if (place == producers->count || producers->entries[place].producer_id != producer_id)
        return NULL;
    return &producers->entries[place];
}

static struct isr_producer *producer_add(struct isr_heap *heap, struct isr_producers *producers,
                                         int64_t producer_id)
{
    producers->entries = ISR_GROW(heap, producers->entries, producers->count, producers->capacity);
    uint32_t place = producer_place(producers, producer_id);
    struct isr_producer *producer = &producers->entries[place];
    memmove(producer + 1, producer, (producers->count - place) * sizeof *producer);
    producers->count++;
    *producer = (struct isr_producer){.producer_id = producer_id};
    return producer;
}

static struct isr_batch place_parse(const struct isr_batch_place *place)
{
    struct isr_batch batch;
    struct isr_bytes bytes = {.data = place->data, .size = place->size_bytes};
    enum isr_batch_status status = isr_batch_parse(bytes, false, &batch);
    ISR_ASSERT(status == ISR_BATCH_OK);
    return batch;
}

static void producer_note(struct isr_heap *heap, struct isr_producers *producers,
                          const struct isr_batch *batch)
{
    struct isr_producer *producer = producer_find(producers, batch->producer_id);
    if (producer == NULL)
        producer = producer_add(heap, producers, batch->producer_id);
    if (producer->producer_epoch != batch->producer_epoch) {
        producer->producer_epoch = batch->producer_epoch;
        producer->batches_count = 0;
    }
    if (producer->batches_count == ISR_PRODUCER_BATCHES) {
        producer->batches_count--;
        memmove(&producer->batches[0], &producer->batches[1],
                producer->batches_count * sizeof producer->batches[0]);
    }
    uint8_t newest = producer->batches_count++;
    producer->last_timestamp_ns = batch->timestamp_ns;
    producer->batches[newest].base_offset = batch->base_offset;
    producer->batches[newest].base_sequence = batch->base_sequence;
    producer->batches[newest].record_count = batch->record_count;
}

void isr_producers_note(struct isr_heap *heap, struct isr_producers *producers,
                        const struct isr_batch_place *place)
{
    struct isr_batch batch = place_parse(place);
    if (batch.producer_id >= 0)
        producer_note(heap, producers, &batch);
}

void isr_producers_copy(struct isr_heap *heap, struct isr_producers *to, const struct isr_producers *from)
{
    to->count = 0;
    for (uint32_t i = 0; i < from->count; i++) {
        to->entries = ISR_GROW(heap, to->entries, to->count, to->capacity);
        to->entries[to->count++] = from->entries[i];
    }
}

/* ---- the check of a new batch ---- */

/* Sequences wrap from INT32_MAX to 0. */
static int32_t sequence_after(int32_t base_sequence, uint32_t record_count)
{
    return (int32_t)(((uint32_t)base_sequence + record_count) & INT32_MAX);
}

enum isr_error isr_log_check_producer(const struct isr_log *log, const struct isr_batch *batch,
                                      int64_t *base_offset)
{
    *base_offset = ISR_OFFSET_NONE;
    if (batch->producer_id < 0)
        return ISR_ERROR_NONE;
    const struct isr_producer *producer = producer_find(&log->producers, batch->producer_id);
    if (producer == NULL)
        return ISR_ERROR_NONE;
    if (batch->producer_epoch < producer->producer_epoch)
        return ISR_ERROR_INVALID_PRODUCER_EPOCH;
    if (batch->producer_epoch > producer->producer_epoch)
        return batch->base_sequence == 0 ? ISR_ERROR_NONE : ISR_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    for (unsigned i = 0; i < producer->batches_count; i++) {
        if (producer->batches[i].base_sequence == batch->base_sequence &&
            producer->batches[i].record_count == batch->record_count) {
            *base_offset = producer->batches[i].base_offset;
            return ISR_ERROR_DUPLICATE_SEQUENCE_NUMBER;
        }
    }
    unsigned newest = producer->batches_count - 1u;
    int32_t expected =
        sequence_after(producer->batches[newest].base_sequence, producer->batches[newest].record_count);
    return batch->base_sequence == expected ? ISR_ERROR_NONE : ISR_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

/* ---- truncation ---- */

enum { PRODUCER_WHOLE = 0, PRODUCER_REFILLING = 1 };

static void producer_prepend(struct isr_producer *producer, int64_t base_offset, int32_t base_sequence,
                             uint32_t record_count)
{
    memmove(&producer->batches[1], &producer->batches[0],
            producer->batches_count * sizeof producer->batches[0]);
    producer->batches_count++;
    producer->batches[0].base_offset = base_offset;
    producer->batches[0].base_sequence = base_sequence;
    producer->batches[0].record_count = record_count;
}

/* One batch of the walk back; returns the state of its producer after it. */
static uint8_t producer_refill(struct isr_producer *producer, const struct isr_batch *batch)
{
    if (producer->batches_count == 0) {
        producer->producer_epoch = batch->producer_epoch;
        producer->last_timestamp_ns = batch->timestamp_ns;
    }
    if (producer->producer_epoch != batch->producer_epoch)
        return PRODUCER_WHOLE;
    producer_prepend(producer, batch->base_offset, batch->base_sequence, batch->record_count);
    return producer->batches_count == ISR_PRODUCER_BATCHES ? PRODUCER_WHOLE : PRODUCER_REFILLING;
}

static void producers_walk_back(struct isr_log *log, uint8_t *states, uint32_t refilling)
{
    for (uint32_t i = log->places_count; i > 0 && refilling > 0; i--) {
        struct isr_batch batch = place_parse(&log->places[i - 1]);
        if (batch.producer_id < 0)
            continue;
        uint32_t place = producer_place(&log->producers, batch.producer_id);
        if (place == log->producers.count || log->producers.entries[place].producer_id != batch.producer_id ||
            states[place] == PRODUCER_WHOLE)
            continue;
        states[place] = producer_refill(&log->producers.entries[place], &batch);
        if (states[place] == PRODUCER_WHOLE)
            refilling--;
    }
}

/* The walk reached the start of the log: the rest is in what deleted batches told. */
static void producer_refill_before(struct isr_producer *producer, const struct isr_producer *before)
{
    if (producer->batches_count == 0) {
        *producer = *before;
        return;
    }
    for (uint8_t i = before->batches_count; i > 0 && producer->producer_epoch == before->producer_epoch &&
                                            producer->batches_count < ISR_PRODUCER_BATCHES;
         i--)
        producer_prepend(producer, before->batches[i - 1].base_offset, before->batches[i - 1].base_sequence,
                         before->batches[i - 1].record_count);
}

void isr_producers_truncate(struct isr_log *log, int64_t offset)
{
    struct isr_producers *producers = &log->producers;
    uint8_t *states = isr_scratch_allocate(&log->env->scratch, producers->count + 1);
    uint32_t refilling = 0;
    for (uint32_t i = 0; i < producers->count; i++) {
        struct isr_producer *producer = &producers->entries[i];
        states[i] = PRODUCER_WHOLE;
        if (producer->batches[producer->batches_count - 1u].base_offset >= offset) {
            *producer = (struct isr_producer){.producer_id = producer->producer_id};
            states[i] = PRODUCER_REFILLING;
            refilling++;
        }
    }
    producers_walk_back(log, states, refilling);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < producers->count; i++) {
        struct isr_producer *producer = &producers->entries[i];
        const struct isr_producer *before = states[i] == PRODUCER_REFILLING
                                                ? producer_find(&log->producers_before, producer->producer_id)
                                                : NULL;
        if (before != NULL)
            producer_refill_before(producer, before);
        if (producer->batches_count > 0)
            producers->entries[kept++] = *producer;
    }
    producers->count = kept;
}

/* ---- forgetting ---- */

void isr_producers_forget_below(struct isr_log *log, int64_t offset)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < log->producers.count; i++) {
        const struct isr_producer *producer = &log->producers.entries[i];
        if (producer->batches[producer->batches_count - 1u].base_offset >= offset)
            log->producers.entries[kept++] = *producer;
    }
    log->producers.count = kept;
    log->producers_before.count = 0;
}

static void producers_expire(struct isr_producers *producers, int64_t before_ns)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < producers->count; i++) {
        if (producers->entries[i].last_timestamp_ns >= before_ns)
            producers->entries[kept++] = producers->entries[i];
    }
    producers->count = kept;
}

void isr_log_expire_producers(struct isr_log *log, int64_t before_ns)
{
    for (uint32_t i = 0; i < log->producers.count; i++) {
        const struct isr_producer *producer = &log->producers.entries[i];
        if (producer->last_timestamp_ns >= before_ns)
            continue;
        struct isr_observation *seen = isr_observe(log->env, ISR_OBSERVED_PRODUCER_EXPIRED);
        seen->producer_expired.tp = isr_tp_key(log->tp);
        seen->producer_expired.producer = producer->producer_id;
        seen->producer_expired.last_offset = producer->batches[producer->batches_count - 1u].base_offset +
                                             producer->batches[producer->batches_count - 1u].record_count - 1;
        seen->producer_expired.idle = log->env->real_ns - producer->last_timestamp_ns;
    }
    producers_expire(&log->producers, before_ns);
    producers_expire(&log->producers_before, before_ns);
}

/* ---- snapshots ---- */

static void snapshot_line(struct isr_scratch *scratch, const struct isr_producer *producer,
                          struct isr_producers_line *line)
{
    *line = (struct isr_producers_line){.producer_id = producer->producer_id,
                                        .producer_epoch = producer->producer_epoch,
                                        .last_timestamp = producer->last_timestamp_ns,
                                        .batches_count = producer->batches_count};
    line->batches = isr_scratch_allocate(scratch, producer->batches_count * sizeof *line->batches);
    for (uint32_t i = 0; i < producer->batches_count; i++) {
        line->batches[i].base_offset = producer->batches[i].base_offset;
        line->batches[i].base_sequence = producer->batches[i].base_sequence;
        line->batches[i].record_count = producer->batches[i].record_count;
    }
}

struct isr_bytes isr_producers_encode(struct isr_scratch *scratch, const struct isr_producers *producers,
                                      int64_t offset)
{
    struct isr_producers_file file = {.offset = offset, .lines_count = producers->count};
    file.lines = isr_scratch_allocate(scratch, producers->count * sizeof *file.lines);
    for (uint32_t i = 0; i < producers->count; i++)
        snapshot_line(scratch, &producers->entries[i], &file.lines[i]);
    return isr_checkpoint_encode_producers_file(scratch, &file);
}

static void on_snapshot_forgotten(void *object, int64_t argument, const struct isr_io_result *result)
{
    (void)argument;
    struct isr_log *log = object;
    if (isr_log_io_failed(log->store, log, result))
        return;
    log->snapshots_going--;
    if (log->snapshots_going == 0 && log->barrier_snapshots) {
        log->barrier_snapshots = false;
        isr_log_barrier_step(log);
    }
    isr_log_store_operation_end(log->store);
}

static void snapshot_delete(struct isr_log *log, int64_t number)
{
    log->snapshots_going++;
    isr_log_store_operation_begin(log->store);
    isr_env_delete(log->env, isr_log_file(log, ISR_FILE_PRODUCERS, number), on_snapshot_forgotten, log, 0);
}

/* The file of producers_before may be one that was written at a roll: then both have an interest in it. */
static void snapshots_forget_oldest(struct isr_log *log)
{
    if (log->snapshots[0] != log->snapshot_before)
        snapshot_delete(log, log->snapshots[0]);
    log->snapshots_count--;
    memmove(&log->snapshots[0], &log->snapshots[1], log->snapshots_count * sizeof log->snapshots[0]);
}

void isr_producers_snapshot(struct isr_log *log)
{
    if (log->producers.count == 0 ||
        (log->snapshots_count > 0 && log->snapshots[log->snapshots_count - 1] == log->log_end) ||
        log->snapshot_before == log->log_end)
        return;
    isr_log_store_operation_begin(log->store);
    isr_env_replace(log->env, isr_log_file(log, ISR_FILE_PRODUCERS, log->log_end),
                    isr_producers_encode(&log->env->scratch, &log->producers, log->log_end),
                    isr_log_operation_done, log, 0);
    log->snapshots[log->snapshots_count++] = log->log_end;
    if (log->snapshots_count > ISR_LOG_SNAPSHOTS_KEPT)
        snapshots_forget_oldest(log);
}

void isr_producers_snapshots_start(struct isr_log *log)
{
    while (log->snapshots_count > 0 && log->snapshots[0] <= log->snapshot_before)
        snapshots_forget_oldest(log);
}

void isr_producers_drop_snapshots(struct isr_log *log, int64_t offset)
{
    if (log->snapshots_going > 0 && !log->barrier_snapshots) {
        log->barrier_snapshots = true;
        log->barrier_names = true;
        log->barrier_pending++;
    }
    while (log->snapshots_count > 0 && log->snapshots[log->snapshots_count - 1] > offset) {
        int64_t number = log->snapshots[--log->snapshots_count];
        isr_log_barrier_add(log);
        log->barrier_names = true;
        isr_env_delete(log->env, isr_log_file(log, ISR_FILE_PRODUCERS, number), isr_log_barrier_done, log,
                       ISR_OFFSET_NONE);
    }
}

bool isr_producers_decode(struct isr_log *log, struct isr_producers *producers, struct isr_bytes bytes,
                          int64_t *offset)
{
    struct isr_producers_file file;
    if (!isr_checkpoint_parse_producers_file(bytes, &log->env->scratch, &file))
        return false;
    producers->count = 0;
    *offset = file.offset;
    for (uint32_t i = 0; i < file.lines_count; i++) {
        const struct isr_producers_line *line = &file.lines[i];
        struct isr_producer *producer = producer_add(log->env->heap, producers, line->producer_id);
        producer->producer_epoch = line->producer_epoch;
        producer->last_timestamp_ns = line->last_timestamp;
        producer->batches_count = (uint8_t)line->batches_count;
        for (uint32_t j = 0; j < line->batches_count; j++) {
            producer->batches[j].base_offset = line->batches[j].base_offset;
            producer->batches[j].base_sequence = line->batches[j].base_sequence;
            producer->batches[j].record_count = line->batches[j].record_count;
        }
    }
    return true;
}
