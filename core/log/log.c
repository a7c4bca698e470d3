/* Appending and moving the ends of one log, in memory; log_disk.c carries it to the files. See log.h for the
 * states. */
#include <string.h>

#include "core/log/internal.h"

/* ---- appending ---- */

const struct isr_batch_place *isr_log_take(struct isr_log *log, const struct isr_batch *batch)
{
    uint8_t *data = isr_log_block_take(log, batch->base_offset, batch->bytes.size);
    memcpy(data, batch->bytes.data, batch->bytes.size);
    isr_batch_stamp(data, batch->base_offset, batch->leader_epoch, batch->timestamp_ns);
    struct isr_batch_place *place = isr_log_place_add(log);
    *place = (struct isr_batch_place){.base_offset = batch->base_offset,
                                      .position = log->position_end,
                                      .data = data,
                                      .size_bytes = batch->bytes.size,
                                      .record_count = batch->record_count,
                                      .leader_epoch = batch->leader_epoch,
                                      .crc = batch->crc};
    log->position_end += batch->bytes.size;
    log->log_end = place_end(place);
    return place;
}

/* What compaction left of a batch is not what its leader wrote. */
static void observe_compacted(struct isr_log *log, const struct isr_batch *batch)
{
    struct isr_observation *observation = isr_observe(log->env, ISR_OBSERVED_COMPACTED_APPENDED);
    observation->compacted_appended.tp = isr_tp_key(log->tp);
    observation->compacted_appended.base = batch->base_offset;
    observation->compacted_appended.last = batch->last_offset;
    observation->compacted_appended.leader_epoch = batch->leader_epoch;
    observation->compacted_appended.crc = batch->crc;
}

static void append(struct isr_log *log, const struct isr_batch *batch, bool as_leader)
{
    isr_log_assign_epoch(log, batch->leader_epoch,
                         batch->base_offset < log->log_start ? log->log_start : batch->base_offset,
                         as_leader ? ISR_CAUSE_APPEND : ISR_CAUSE_LEADER_TOLD);
    isr_producers_note(log->env->heap, &log->producers, isr_log_take(log, batch));
    if (as_leader)
        log->env->metrics.records_appended_leader += batch->record_count;
    else
        log->env->metrics.records_appended_follower += batch->record_count;
    if ((batch->attributes & ISR_BATCH_COMPACTED) != 0) {
        observe_compacted(log, batch);
        return;
    }
    struct isr_observation *observation = isr_observe(log->env, ISR_OBSERVED_LOG_APPENDED);
    observation->log_appended.tp = isr_tp_key(log->tp);
    observation->log_appended.base = batch->base_offset;
    observation->log_appended.last = log->log_end - 1;
    observation->log_appended.leader_epoch = batch->leader_epoch;
    observation->log_appended.crc = batch->crc;
    observation->log_appended.as_leader = as_leader;
}

int64_t isr_log_append_leader(struct isr_log *log, const struct isr_batch *batch, int32_t leader_epoch)
{
    ISR_ASSERT(leader_epoch >= isr_log_last_epoch(log));
    struct isr_batch placed = *batch;
    placed.base_offset = log->log_end;
    placed.leader_epoch = leader_epoch;
    placed.timestamp_ns = log->env->real_ns;
    append(log, &placed, true);
    isr_log_issue(log);
    return placed.base_offset;
}

static int32_t last_batch_epoch(const struct isr_log *log)
{
    return log->places_count > 0 ? log->places[log->places_count - 1].leader_epoch : 0;
}

/* How many bytes of whole, sound batches the input starts with. */
static enum isr_error batches_check(const struct isr_log *log, struct isr_bytes batches,
                                    uint32_t *whole_bytes)
{
    int64_t expected = log->log_end;
    int32_t epoch = last_batch_epoch(log);
    *whole_bytes = 0;
    while (*whole_bytes < batches.size) {
        struct isr_bytes rest = {.data = batches.data + *whole_bytes, .size = batches.size - *whole_bytes};
        struct isr_batch batch;
        enum isr_batch_status status = isr_batch_parse(rest, true, &batch);
        if (status == ISR_BATCH_SHORT)
            break;
        if (status == ISR_BATCH_CORRUPT)
            return ISR_ERROR_CORRUPT_MESSAGE;
        /* A log that begins inside a batch gets all of it. */
        bool straddles = log->segments_count == 0 && log->places_count == 0 && *whole_bytes == 0 &&
                         batch.base_offset < expected && batch.last_offset >= expected;
        if (batch.base_offset != expected && !straddles)
            return *whole_bytes == 0 ? ISR_ERROR_OFFSET_OUT_OF_RANGE : ISR_ERROR_CORRUPT_MESSAGE;
        if (batch.leader_epoch < epoch)
            return ISR_ERROR_CORRUPT_MESSAGE;
        epoch = batch.leader_epoch;
        expected = batch.last_offset + 1;
        *whole_bytes += batch.bytes.size;
    }
    return ISR_ERROR_NONE;
}

/* A follower's cache may end with an epoch without records, of its own leadership, above what the leader
 * sends: the leader's log decides (Kafka's LeaderEpochFileCache.assign drops it likewise). */
static void forget_empty_epoch(struct isr_log *log, int32_t epoch)
{
    if (isr_log_last_epoch(log) > epoch && isr_epoch_cache_trim(&log->epochs, log->log_end))
        isr_log_store_epochs(log, true);
}

enum isr_error isr_log_append_follower(struct isr_log *log, struct isr_bytes batches)
{
    uint32_t whole_bytes;
    enum isr_error error = batches_check(log, batches, &whole_bytes);
    if (error != ISR_ERROR_NONE)
        return error;
    for (uint32_t position = 0; position < whole_bytes;) {
        struct isr_bytes rest = {.data = batches.data + position, .size = whole_bytes - position};
        struct isr_batch batch;
        enum isr_batch_status status = isr_batch_parse(rest, false, &batch);
        ISR_ASSERT(status == ISR_BATCH_OK);
        forget_empty_epoch(log, batch.leader_epoch);
        append(log, &batch, false);
        position += batch.bytes.size;
    }
    isr_log_issue(log);
    return ISR_ERROR_NONE;
}

/* ---- moving the ends ---- */

void isr_log_set_high_watermark(struct isr_log *log, int64_t offset)
{
    ISR_ASSERT(offset >= log->log_start);
    ISR_ASSERT(offset <= log->log_end);
    if (offset == log->high_watermark)
        return;
    isr_log_cleaning_lowered(log, offset);
    log->high_watermark = offset;
    isr_log_store_high_watermark_moved(log->store);
}

void isr_log_detach_effects(struct isr_log *log)
{
    struct isr_env *env = log->env;
    for (uint32_t i = 0; i < env->effects_count; i++) {
        struct isr_effect *effect = &env->effects[i];
        if (effect->kind != ISR_EFFECT_WRITE || effect->file.kind != ISR_FILE_SEGMENT ||
            !isr_tp_equal(effect->file.tp, log->tp))
            continue;
        uint8_t *copy = isr_scratch_allocate(&env->scratch, effect->bytes.size);
        memcpy(copy, effect->bytes.data, effect->bytes.size);
        effect->bytes.data = copy;
    }
}

static void observe_truncation(struct isr_log *log, int64_t from, enum isr_cause cause)
{
    struct isr_observation *observation = isr_observe(log->env, ISR_OBSERVED_LOG_TRUNCATED);
    observation->log_truncated.tp = isr_tp_key(log->tp);
    observation->log_truncated.from = from;
    observation->log_truncated.to = log->log_end;
    observation->log_truncated.high_watermark = log->high_watermark;
    observation->log_truncated.cause = cause;
}

static void keep_places(struct isr_log *log, uint32_t count)
{
    isr_log_detach_effects(log);
    log->position_end = log->places[count].position;
    log->places_count = count;
    isr_log_blocks_trim(log);
}

/* Cuts everything from the batch at places[first] on. */
static void cut_from(struct isr_log *log, uint32_t first, enum isr_cause cause)
{
    int64_t from = log->log_end;
    log->log_end = log->places[first].base_offset;
    log->env->metrics.records_truncated += from - log->log_end;
    isr_log_cleaning_cut(log, log->log_end);
    keep_places(log, first);
    if (log->high_watermark > log->log_end)
        isr_log_set_high_watermark(log, log->log_end);
    if (isr_epoch_cache_trim(&log->epochs, log->log_end)) {
        isr_log_keep_epoch_before(log);
        isr_log_store_epochs(log, true);
    }
    isr_producers_truncate(log, log->log_end);
    isr_producers_drop_snapshots(log, log->log_end);
    isr_log_cut_files(log, log->log_end, log->position_end);
    isr_log_barrier_recovery_point(log, false);
    isr_log_barrier_high_watermark(log, false);
    observe_truncation(log, from, cause);
}

/* What the leader does not know must go, or it would diverge for ever: also the epoch of deleted records. */
static void drop_empty_epochs(struct isr_log *log)
{
    int32_t last_epoch = isr_log_last_epoch(log);
    if (!isr_epoch_cache_trim(&log->epochs, log->log_end))
        return;
    if (last_epoch == log->epoch_before)
        log->epoch_before = ISR_EPOCH_NONE;
    isr_log_keep_epoch_before(log);
    isr_log_store_epochs(log, true);
}

void isr_log_truncate(struct isr_log *log, int64_t offset, enum isr_cause cause)
{
    if (offset >= log->log_end) {
        drop_empty_epochs(log);
        return;
    }
    if (offset < log->log_start) {
        isr_log_truncate_fully(log, offset, cause);
        return;
    }
    uint32_t first = isr_log_place_find(log, offset);
    if (log->places[first].base_offset < log->log_start)
        isr_log_truncate_fully(log, offset, cause);
    else
        cut_from(log, first, cause);
}

/* Everything goes; what is left of the barrier is the checkpoints. */
void isr_log_empty(struct isr_log *log, int64_t offset)
{
    isr_log_cleaning_cut(log, 0);
    if (log->places_count > 0)
        keep_places(log, 0);
    log->log_start = log->log_end = offset;
    if (log->env->rules.full_truncation_hw == ISR_RULE_full_truncation_hw_start)
        isr_log_set_high_watermark(log, offset);
    isr_epoch_cache_trim(&log->epochs, 0);
    log->epoch_before = ISR_EPOCH_NONE;
    log->producers.count = 0;
    log->producers_missing = offset > 0;
    isr_producers_drop_snapshots(log, -1); /* also one at 0 */
    isr_log_start_drop(log);
    isr_log_cut_files(log, 0, 0);
    log->position_end = 0;
    log->issued_end = log->written_end = log->synced_end = log->recovery_point = offset;
}

static void store_start(struct isr_log *log)
{
    log->start_told = log->log_start;
    isr_log_store_epochs(log, true);
    isr_log_barrier_recovery_point(log, true);
    isr_log_barrier_high_watermark(log, false);
}

void isr_log_truncate_fully(struct isr_log *log, int64_t offset, enum isr_cause cause)
{
    ISR_ASSERT(offset >= 0);
    int64_t from = log->log_end;
    bool changes =
        log->places_count > 0 || log->log_start != offset || from != offset || log->epochs.count > 0;
    if (!changes)
        return;
    log->env->metrics.records_truncated += from - log->log_start;
    isr_log_empty(log, offset);
    store_start(log);
    observe_truncation(log, from, cause);
}

/* Only when the producers are durable may the start be: a crash in between bootstraps again. */
static void on_producers_stored(void *object, int64_t round, const struct isr_io_result *result)
{
    struct isr_log *log = object;
    if (result->status == ISR_IO_OK && !log->env->exiting && round == log->start_round)
        store_start(log);
    isr_log_barrier_done(object, ISR_OFFSET_NONE, result);
}

bool isr_log_bootstrap(struct isr_log *log, const struct isr_log_state *state, enum isr_cause cause)
{
    int64_t offset = state->log_start;
    struct isr_env *env = log->env;
    struct isr_producers told = {0};
    int64_t as_of = 0, from = log->log_end;
    if (!isr_producers_decode(log, &told, state->producers, &as_of) || as_of > offset) {
        isr_heap_release(env->heap, told.entries);
        return false;
    }
    log->env->metrics.records_truncated += from - log->log_start;
    isr_log_empty(log, offset);
    log->producers_missing = false;
    log->epoch_before = state->epoch_before;
    isr_log_keep_epoch_before(log);
    isr_producers_copy(env->heap, &log->producers, &told);
    isr_producers_copy(env->heap, &log->producers_before, &told);
    isr_heap_release(env->heap, told.entries);
    log->snapshot_before = as_of; /* also when there are none: a restart must not ask again */
    isr_log_barrier_add(log);
    isr_env_replace(env, isr_log_file(log, ISR_FILE_PRODUCERS, as_of),
                    isr_producers_encode(&env->scratch, &log->producers_before, as_of), on_producers_stored,
                    log, log->start_round);
    observe_truncation(log, from, cause);
    return true;
}

struct isr_log_state isr_log_state(struct isr_log *log, int64_t offset)
{
    struct isr_env *env = log->env;
    struct isr_producers producers = {0};
    if (offset < log->log_start)
        offset = log->log_start;
    if (offset > log->log_end)
        offset = log->log_end;
    uint32_t below = offset == log->log_end ? log->places_count : isr_log_place_find(log, offset);
    int64_t as_of = below < log->places_count ? log->places[below].base_offset : log->log_end;
    isr_producers_copy(env->heap, &producers, &log->producers_before);
    for (uint32_t i = 0; i < below; i++)
        isr_producers_note(env->heap, &producers, &log->places[i]);
    struct isr_log_state state = {.log_start = offset,
                                  .epoch_before = isr_log_epoch_at(log, offset - 1),
                                  .producers = isr_producers_encode(&env->scratch, &producers, as_of)};
    isr_heap_release(env->heap, producers.entries);
    return state;
}

bool isr_log_lacks_state(const struct isr_log *log)
{
    return log->producers_missing && log->places_count == 0;
}
