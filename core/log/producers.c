/* What the log knows of idempotent producers (KIP-98): per id the current epoch and its last batches, in that
 * epoch. Invariant: equal to a walk over all batches of the log from its start, which is how tests rebuild
 * it. */
#include "core/base/search.h"
#include "core/log/checkpoint.h"
#include "core/log/internal.h"

static int64_t producer_id_at(const void *array, uint32_t place)
{
    return ((const struct isr_producer *)array)[place].producer_id;
}

/* The place of the id, or where it belongs. */
static uint32_t producer_place(const struct isr_log *log, int64_t producer_id)
{
    return isr_search(log->producers, 0, log->producers_count, producer_id, producer_id_at);
}

static struct isr_producer *producer_find(const struct isr_log *log, int64_t producer_id)
{
    uint32_t place = producer_place(log, producer_id);
    if (place == log->producers_count || log->producers[place].producer_id != producer_id)
        return NULL;
    return &log->producers[place];
}

static struct isr_producer *producer_add(struct isr_log *log, int64_t producer_id)
{
    log->producers = ISR_GROW(log->env->heap, log->producers, log->producers_count, log->producers_capacity);
    uint32_t place = producer_place(log, producer_id);
    struct isr_producer *producer = &log->producers[place];
    memmove(producer + 1, producer, (log->producers_count - place) * sizeof *producer);
    log->producers_count++;
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

static void producer_note(struct isr_log *log, const struct isr_batch *batch)
{
    struct isr_producer *producer = producer_find(log, batch->producer_id);
    if (producer == NULL)
        producer = producer_add(log, batch->producer_id);
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
    producer->batches[newest].base_offset = batch->base_offset;
    producer->batches[newest].base_sequence = batch->base_sequence;
    producer->batches[newest].record_count = batch->record_count;
}

void isr_producers_note(struct isr_log *log, const struct isr_batch_place *place)
{
    struct isr_batch batch = place_parse(place);
    if (batch.producer_id >= 0)
        producer_note(log, &batch);
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
    const struct isr_producer *producer = producer_find(log, batch->producer_id);
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

static void producer_prepend(struct isr_producer *producer, const struct isr_batch *batch)
{
    memmove(&producer->batches[1], &producer->batches[0],
            producer->batches_count * sizeof producer->batches[0]);
    producer->batches_count++;
    producer->batches[0].base_offset = batch->base_offset;
    producer->batches[0].base_sequence = batch->base_sequence;
    producer->batches[0].record_count = batch->record_count;
}

/* One batch of the walk back; returns the state of its producer after it. */
static uint8_t producer_refill(struct isr_producer *producer, const struct isr_batch *batch)
{
    if (producer->batches_count == 0)
        producer->producer_epoch = batch->producer_epoch;
    if (producer->producer_epoch != batch->producer_epoch)
        return PRODUCER_WHOLE;
    producer_prepend(producer, batch);
    return producer->batches_count == ISR_PRODUCER_BATCHES ? PRODUCER_WHOLE : PRODUCER_REFILLING;
}

static void producers_walk_back(struct isr_log *log, uint8_t *states, uint32_t refilling)
{
    for (uint32_t i = log->places_count; i > 0 && refilling > 0; i--) {
        struct isr_batch batch = place_parse(&log->places[i - 1]);
        if (batch.producer_id < 0)
            continue;
        uint32_t place = producer_place(log, batch.producer_id);
        if (place == log->producers_count || log->producers[place].producer_id != batch.producer_id ||
            states[place] == PRODUCER_WHOLE)
            continue;
        states[place] = producer_refill(&log->producers[place], &batch);
        if (states[place] == PRODUCER_WHOLE)
            refilling--;
    }
}

void isr_producers_truncate(struct isr_log *log, int64_t offset)
{
    uint8_t *states = isr_scratch_allocate(&log->env->scratch, log->producers_count + 1);
    uint32_t refilling = 0;
    for (uint32_t i = 0; i < log->producers_count; i++) {
        struct isr_producer *producer = &log->producers[i];
        states[i] = PRODUCER_WHOLE;
        if (producer->batches[producer->batches_count - 1u].base_offset >= offset) {
            *producer = (struct isr_producer){.producer_id = producer->producer_id};
            states[i] = PRODUCER_REFILLING;
            refilling++;
        }
    }
    producers_walk_back(log, states, refilling);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < log->producers_count; i++) {
        if (log->producers[i].batches_count > 0)
            log->producers[kept++] = log->producers[i];
    }
    log->producers_count = kept;
}

/* ---- snapshots ---- */

static void snapshot_line(struct isr_scratch *scratch, const struct isr_producer *producer,
                          struct isr_producers_line *line)
{
    *line = (struct isr_producers_line){.producer_id = producer->producer_id,
                                        .producer_epoch = producer->producer_epoch,
                                        .batches_count = producer->batches_count};
    line->batches = isr_scratch_allocate(scratch, producer->batches_count * sizeof *line->batches);
    for (uint32_t i = 0; i < producer->batches_count; i++) {
        line->batches[i].base_offset = producer->batches[i].base_offset;
        line->batches[i].base_sequence = producer->batches[i].base_sequence;
        line->batches[i].record_count = producer->batches[i].record_count;
    }
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

static void snapshots_forget_oldest(struct isr_log *log)
{
    log->snapshots_going++;
    isr_log_store_operation_begin(log->store);
    isr_env_delete(log->env, isr_log_file(log, ISR_FILE_PRODUCERS, log->snapshots[0]), on_snapshot_forgotten,
                   log, 0);
    log->snapshots_count--;
    memmove(&log->snapshots[0], &log->snapshots[1], log->snapshots_count * sizeof log->snapshots[0]);
}

void isr_producers_snapshot(struct isr_log *log)
{
    if (log->producers_count == 0 ||
        (log->snapshots_count > 0 && log->snapshots[log->snapshots_count - 1] == log->log_end))
        return;
    struct isr_scratch *scratch = &log->env->scratch;
    struct isr_producers_file file = {.offset = log->log_end, .lines_count = log->producers_count};
    file.lines = isr_scratch_allocate(scratch, log->producers_count * sizeof *file.lines);
    for (uint32_t i = 0; i < log->producers_count; i++)
        snapshot_line(scratch, &log->producers[i], &file.lines[i]);
    isr_log_store_operation_begin(log->store);
    isr_env_replace(log->env, isr_log_file(log, ISR_FILE_PRODUCERS, log->log_end),
                    isr_checkpoint_encode_producers_file(scratch, &file), isr_log_operation_done, log, 0);
    log->snapshots[log->snapshots_count++] = log->log_end;
    if (log->snapshots_count > ISR_LOG_SNAPSHOTS_KEPT)
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

bool isr_producers_load(struct isr_log *log, struct isr_bytes bytes, int64_t offset)
{
    struct isr_producers_file file;
    if (!isr_checkpoint_parse_producers_file(bytes, &log->env->scratch, &file) || file.offset != offset)
        return false;
    ISR_ASSERT(log->producers_count == 0);
    for (uint32_t i = 0; i < file.lines_count; i++) {
        const struct isr_producers_line *line = &file.lines[i];
        struct isr_producer *producer = producer_add(log, line->producer_id);
        producer->producer_epoch = line->producer_epoch;
        producer->batches_count = (uint8_t)line->batches_count;
        for (uint32_t j = 0; j < line->batches_count; j++) {
            producer->batches[j].base_offset = line->batches[j].base_offset;
            producer->batches[j].base_sequence = line->batches[j].base_sequence;
            producer->batches[j].record_count = line->batches[j].record_count;
        }
    }
    return true;
}
