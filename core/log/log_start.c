/* Moving the start of a log up: retention, DeleteRecords (KIP-107), and following the leader's.
 *
 * In memory the start moves at once: batches that lie below it whole, their blocks and the epochs that ended
 * there go. Segments that lie below it whole are deleted, but only when the new start is durable twice, in
 * the recovery-point file and in the log's own epoch checkpoint: recovery tells by it whether a first segment
 * that begins above 0 was retained or is what a lost one left behind. Before that, what the deleted batches
 * told of producers is durable.
 *
 *   DURABLE --moved--> PRODUCERS --snapshot durable--> CHECKPOINTS --both durable--> DURABLE, files deleted
 *                ^                                                                     |
 *                `----------------------- moved meanwhile -----------------------------'
 *   any --truncated fully--> DURABLE   the barrier takes over what was to be deleted
 *
 * Invariants: segment files below log_start are in `going` until their deletion was asked for; the last
 * segment never is. A start that is not durable yet may be forgotten by a crash: it is moved again. */
#include <string.h>

#include "core/log/internal.h"

int64_t isr_log_first_base(const struct isr_log *log)
{
    return log->places_count > 0 ? log->places[0].base_offset : log->log_end;
}

/* ---- making it durable ---- */

static void start_advance(struct isr_log *log);

static void start_step(struct isr_log *log)
{
    ISR_ASSERT(log->start_pending > 0);
    if (--log->start_pending == 0)
        start_advance(log);
}

void isr_log_start_checkpointed(struct isr_log *log)
{
    log->start_checkpoint = 0;
    start_step(log);
}

static void on_start_stored(void *object, int64_t round, const struct isr_io_result *result)
{
    struct isr_log *log = object;
    if (isr_log_io_failed(log->store, log, result))
        return;
    if (round == log->start_round)
        start_step(log);
    isr_log_store_operation_end(log->store);
}

static void store_producers(struct isr_log *log)
{
    log->start_state = ISR_LOG_START_PRODUCERS;
    log->start_pending = 1;
    log->snapshot_storing = isr_log_first_base(log);
    isr_log_store_operation_begin(log->store);
    isr_env_replace(log->env, isr_log_file(log, ISR_FILE_PRODUCERS, log->snapshot_storing),
                    isr_producers_encode(&log->env->scratch, &log->producers_before, log->snapshot_storing),
                    on_start_stored, log, log->start_round);
}

static void store_checkpoints(struct isr_log *log)
{
    log->start_state = ISR_LOG_START_CHECKPOINTS;
    log->start_pending = 2;
    log->start_told = log->start_storing;
    isr_log_store_operation_begin(log->store);
    isr_log_replace_epochs(log, on_start_stored, log->start_round);
    /* The one under way was encoded before: the next one counts. */
    log->start_checkpoint = log->store->recovery_points_round + 1;
    isr_log_store_recovery_points(log->store);
}

static void start_store(struct isr_log *log)
{
    log->start_moved = false;
    log->going_covered = log->going_count;
    log->start_storing = log->log_start;
    if (log->producers_before.count > 0 && log->snapshot_before != isr_log_first_base(log))
        store_producers(log);
    else
        store_checkpoints(log);
}

static void delete_file(struct isr_log *log, enum isr_file_kind kind, int64_t number)
{
    isr_log_store_operation_begin(log->store);
    isr_env_delete(log->env, isr_log_file(log, kind, number), isr_log_operation_done, log, 0);
}

static void delete_covered(struct isr_log *log)
{
    for (uint32_t i = 0; i < log->going_covered; i++)
        delete_file(log, ISR_FILE_SEGMENT, log->going[i]);
    log->going_count -= log->going_covered;
    if (log->going_count > 0)
        memmove(log->going, log->going + log->going_covered, log->going_count * sizeof log->going[0]);
    log->going_covered = 0;
    if (log->snapshot_going != ISR_OFFSET_NONE)
        delete_file(log, ISR_FILE_PRODUCERS, log->snapshot_going);
    log->snapshot_going = ISR_OFFSET_NONE;
}

static bool is_rolled_snapshot(const struct isr_log *log, int64_t number)
{
    for (uint32_t i = 0; i < log->snapshots_count; i++) {
        if (log->snapshots[i] == number)
            return true;
    }
    return false;
}

static void start_advance(struct isr_log *log)
{
    switch (log->start_state) {
    case ISR_LOG_START_DURABLE:
        return;
    case ISR_LOG_START_PRODUCERS:
        if (log->snapshot_before != ISR_OFFSET_NONE && !is_rolled_snapshot(log, log->snapshot_before))
            log->snapshot_going = log->snapshot_before;
        log->snapshot_before = log->snapshot_storing;
        log->snapshot_storing = ISR_OFFSET_NONE;
        store_checkpoints(log);
        return;
    case ISR_LOG_START_CHECKPOINTS:
        log->start_state = ISR_LOG_START_DURABLE;
        delete_covered(log);
        isr_producers_snapshots_start(log);
        if (log->start_moved)
            start_store(log);
        return;
    }
}

static void barrier_delete(struct isr_log *log, enum isr_file_kind kind, int64_t number)
{
    isr_log_barrier_add(log);
    isr_env_delete(log->env, isr_log_file(log, kind, number), isr_log_barrier_done, log, ISR_OFFSET_NONE);
}

void isr_log_start_drop(struct isr_log *log)
{
    log->start_round++;
    log->start_state = ISR_LOG_START_DURABLE;
    log->start_moved = false;
    log->start_pending = log->start_checkpoint = 0;
    for (uint32_t i = 0; i < log->going_count; i++)
        barrier_delete(log, ISR_FILE_SEGMENT, log->going[i]);
    log->going_count = log->going_covered = 0;
    int64_t *const snapshots[] = {&log->snapshot_before, &log->snapshot_storing, &log->snapshot_going};
    for (size_t i = 0; i < sizeof snapshots / sizeof snapshots[0]; i++) {
        if (*snapshots[i] != ISR_OFFSET_NONE)
            barrier_delete(log, ISR_FILE_PRODUCERS, *snapshots[i]);
        *snapshots[i] = ISR_OFFSET_NONE;
    }
    log->producers_before.count = 0;
}

int64_t isr_log_recovery_point_told(const struct isr_log *log)
{
    /* What was deleted counts as synced: not before the start is told that says so. */
    if (log->start_told != log->log_start)
        return log->start_told;
    return log->recovery_point > log->start_told ? log->recovery_point : log->start_told;
}

/* ---- moving it ---- */

static void observe_moved(struct isr_log *log, int64_t from, enum isr_cause cause)
{
    struct isr_observation *observation = isr_observe(log->env, ISR_OBSERVED_LOG_START_MOVED);
    observation->log_start_moved.tp = isr_tp_key(log->tp);
    observation->log_start_moved.from = from;
    observation->log_start_moved.to = log->log_start;
    observation->log_start_moved.high_watermark = log->high_watermark;
    observation->log_start_moved.left = isr_log_bytes_between(log, log->log_start, log->log_end);
    observation->log_start_moved.cause = cause;
}

static void places_go(struct isr_log *log, uint32_t count)
{
    if (count == 0)
        return;
    for (uint32_t i = 0; i < count; i++)
        isr_producers_note(log->env->heap, &log->producers_before, &log->places[i]);
    isr_log_detach_effects(log);
    isr_log_places_drop_front(log, count);
    isr_log_blocks_drop_front(log);
}

static void segments_go(struct isr_log *log)
{
    uint32_t gone = 0;
    while (gone + 1 < log->segments_count && log->segments[gone + 1].base_offset <= log->log_start) {
        log->going = ISR_GROW(log->env->heap, log->going, log->going_count, log->going_capacity);
        log->going[log->going_count++] = log->segments[gone++].base_offset;
    }
    log->segments_count -= gone;
    if (gone == 0)
        return;
    memmove(log->segments, log->segments + gone, log->segments_count * sizeof log->segments[0]);
    isr_log_ends_raise(log, log->segments[0].base_offset);
}

int64_t isr_log_advance_start(struct isr_log *log, int64_t offset, enum isr_cause cause)
{
    /* What this replica does not hold yet must not count as deleted: a crash would take the log's end below
     * it. */
    if (offset > isr_log_held_end(log))
        offset = isr_log_held_end(log);
    if (offset <= log->log_start)
        return log->log_start;
    ISR_ASSERT(offset <= log->high_watermark);
    int64_t from = log->log_start;
    places_go(log, offset == log->log_end ? log->places_count : isr_log_place_find(log, offset));
    log->log_start = offset;
    log->epoch_before = isr_log_epoch_at(log, offset - 1);
    isr_epoch_cache_trim_start(&log->epochs, offset);
    segments_go(log);
    if (log->start_state == ISR_LOG_START_DURABLE)
        start_store(log);
    else
        log->start_moved = true;
    if (log->env->rules.deleted_producers == ISR_RULE_deleted_producers_forgotten)
        isr_producers_forget_below(log, offset);
    log->env->metrics.records_deleted += offset - from;
    observe_moved(log, from, cause);
    return offset;
}

/* ---- retention: whole closed segments, from the oldest on ---- */

int64_t isr_log_start_by_size(const struct isr_log *log, int64_t limit, int64_t bytes)
{
    int64_t start = log->log_start;
    if (log->segments_count == 0)
        return start;
    int64_t excess = log->position_end - log->segments[0].position - bytes;
    for (uint32_t i = 0; i + 1 < log->segments_count; i++) {
        excess -= log->segments[i].size_bytes;
        if (excess < 0 || log->segments[i].end_offset > limit)
            break;
        start = log->segments[i].end_offset;
    }
    return start;
}

int64_t isr_log_start_by_time(const struct isr_log *log, int64_t limit, int64_t before_ns)
{
    int64_t start = log->log_start;
    for (uint32_t i = 0; i + 1 < log->segments_count; i++) {
        if (log->segments[i].timestamp_max_ns >= before_ns || log->segments[i].end_offset > limit)
            break;
        start = log->segments[i].end_offset;
    }
    return start;
}
