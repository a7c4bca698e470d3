/* The write-ahead log of a peer: the interface of the group to its partition log.
 *
 *   logs after an index   peer_wal_logs_after
 *   commit                peer_wal_commit: the high watermark
 *   rollback              peer_wal_rollback
 *   get snapshot          peer_wal_snapshot, and peer_wal_restore on the other side
 *   how up to date        peer_wal_position (P3)
 *
 * The mark (P3) says: "I held all that the leader of mark_term had when it began, which was up to
 * mark_start". It counts as if an entry of mark_term stood at mark_start. Invariants:
 *   - the log reaches mark_start, and what stands there, if anything, is of mark_term or later;
 *   - a mark that the log contradicts is dropped, durably, before the log goes on: else a crash could bring
 * it back over records of another history.
 *
 * A log that begins above 0 knows the epoch of the record before its start, which was committed, and so is
 * compared by its end like any other, even when it is empty: it is what a snapshot is told by. Only a damaged
 * disk makes it forget; then the log is compared by the records that it has, and an empty one starts again
 * from nothing. So it does when the logs part below its start, which only a group does that lost what it had
 * committed. */
#include "core/peer/internal.h"

int32_t peer_wal_epoch_before(const struct isr_peer *peer, int64_t offset)
{
    const struct isr_log *log = peer->partition.log;
    if (offset == log->log_start)
        return log->epoch_before;
    const struct isr_batch_place *place = isr_log_batch_at(log, offset - 1);
    return place != NULL ? place->leader_epoch : ISR_EPOCH_NONE;
}

struct peer_wal_position peer_wal_position(const struct isr_peer *peer)
{
    struct peer_wal_position position = {.log_end = peer->partition.log->log_end};
    position.last_epoch = peer_wal_epoch_before(peer, position.log_end);
    position.last_term =
        peer->state.mark_term > position.last_epoch ? peer->state.mark_term : position.last_epoch;
    return position;
}

int peer_wal_compare(const struct isr_peer *peer, int32_t last_term, int64_t log_end)
{
    struct peer_wal_position own = peer_wal_position(peer);
    if (last_term != own.last_term)
        return last_term < own.last_term ? -1 : 1;
    return (log_end > own.log_end) - (log_end < own.log_end);
}

struct isr_bytes peer_wal_logs_after(struct isr_peer *peer, int64_t offset, uint32_t max_bytes)
{
    struct isr_log *log = peer->partition.log;
    int64_t limit = isr_log_held_end(log);
    if (offset < log->log_start || offset >= limit)
        return (struct isr_bytes){0};
    return isr_log_read(log, offset, limit, max_bytes);
}

bool peer_wal_commit(struct isr_peer *peer, int64_t offset, uint64_t holders, enum isr_cause cause)
{
    struct isr_log *log = peer->partition.log;
    int64_t from = log->high_watermark;
    if (offset <= from)
        return false;
    isr_log_set_high_watermark(log, offset);
    struct isr_observation *seen = isr_observe(peer->env, ISR_OBSERVED_HIGH_WATERMARK_ADVANCED);
    seen->high_watermark_advanced.tp = isr_tp_key(log->tp);
    seen->high_watermark_advanced.from = from;
    seen->high_watermark_advanced.to = offset;
    seen->high_watermark_advanced.leader_epoch = peer->partition.leader_epoch;
    seen->high_watermark_advanced.partition_epoch = peer->partition.partition_epoch;
    seen->high_watermark_advanced.maximal_isr = (int64_t)holders;
    seen->high_watermark_advanced.as_leader = peer_leads(peer);
    seen->high_watermark_advanced.cause = cause;
    if (peer_leads(peer))
        peer->env->metrics.high_watermark_advances++;
    return true;
}

/* ---- the mark ---- */

void peer_wal_mark(struct isr_peer *peer, int32_t term, int64_t start)
{
    if (peer->state.mark_term == term)
        return;
    peer->state.mark_term = term;
    peer->state.mark_start = start;
    peer_state_save(peer);
}

void peer_wal_mark_drop(struct isr_peer *peer)
{
    if (peer->state.mark_term == ISR_EPOCH_NONE)
        return;
    peer->state.mark_term = ISR_EPOCH_NONE;
    peer->state.mark_start = 0;
    peer->marked = false;
    peer->mark_clearing = true;
    peer_state_save(peer);
}

/* ---- moving the end ---- */

static void observe_lowered(struct isr_peer *peer, int64_t from, enum isr_cause cause)
{
    if (peer->partition.log->high_watermark >= from)
        return;
    struct isr_observation *seen = isr_observe(peer->env, ISR_OBSERVED_HIGH_WATERMARK_LOWERED);
    seen->high_watermark_lowered.tp = isr_tp_key(peer->partition.tp);
    seen->high_watermark_lowered.from = from;
    seen->high_watermark_lowered.to = peer->partition.log->high_watermark;
    seen->high_watermark_lowered.cause = cause;
}

/* Nothing would be left that the log's end can be compared by: it goes whole. */
static bool cuts_the_start(const struct isr_log *log, int64_t offset)
{
    if (log->log_start == 0 || offset > log->log_start)
        return false;
    bool straddled = log->places_count > 0 && log->places[0].base_offset < log->log_start;
    return offset < log->log_start || straddled || log->epoch_before == ISR_EPOCH_NONE;
}

void peer_wal_rollback(struct isr_peer *peer, int64_t offset, enum isr_cause cause)
{
    struct isr_log *log = peer->partition.log;
    int64_t high_watermark = log->high_watermark;
    bool all = cuts_the_start(log, offset);
    if (all)
        offset = 0;
    if (peer->state.mark_term != ISR_EPOCH_NONE && offset <= peer->state.mark_start)
        peer_wal_mark_drop(peer);
    if (all)
        isr_log_truncate_fully(log, 0, cause);
    else
        isr_log_truncate(log, offset < log->log_end ? offset : log->log_end, cause);
    observe_lowered(peer, high_watermark, cause);
    peer_service_wake(peer);
}

void peer_wal_drop_unborn_epochs(struct isr_peer *peer)
{
    struct isr_log *log = peer->partition.log;
    if (isr_log_last_epoch(log) > peer_wal_epoch_before(peer, log->log_end))
        isr_log_truncate(log, log->log_end, ISR_CAUSE_DIVERGENCE);
}

struct isr_epoch_end peer_wal_meet(const struct isr_peer *peer, int32_t last_epoch, int64_t log_end,
                                   bool *agrees)
{
    const struct isr_log *log = peer->partition.log;
    *agrees = true;
    if (log_end == 0)
        return (struct isr_epoch_end){.epoch = last_epoch, .end_offset = 0};
    struct isr_epoch_end end = isr_log_epoch_end(log, last_epoch);
    if (end.epoch == ISR_EPOCH_NONE) /* of an epoch after all of this log's */
        end = (struct isr_epoch_end){.epoch = isr_log_last_epoch(log), .end_offset = log->log_end};
    *agrees = end.epoch == last_epoch && end.end_offset >= log_end;
    return end;
}

/* The first batch's epoch: an older one than the mark's says that the mark is of another history. */
static bool contradicts_mark(const struct isr_peer *peer, struct isr_bytes records)
{
    struct isr_batch first;
    return isr_batch_parse(records, false, &first) == ISR_BATCH_OK &&
           first.leader_epoch < peer->state.mark_term;
}

enum isr_error peer_wal_append(struct isr_peer *peer, struct isr_bytes records)
{
    struct isr_log *log = peer->partition.log;
    int64_t log_end = log->log_end;
    if (contradicts_mark(peer, records)) {
        peer_wal_mark_drop(peer);
        return ISR_ERROR_NONE; /* not appended yet: asked for again when that is durable */
    }
    enum isr_error error = isr_log_append_follower(log, records);
    if (log->log_end > log_end)
        peer_health_write_began(peer);
    return error;
}

/* ---- snapshots ---- */

bool peer_wal_is_out_of_range(const struct isr_peer *peer, int64_t log_end, int32_t last_epoch)
{
    const struct isr_log *log = peer->partition.log;
    if (log->log_start == 0 || log_end > log->log_start)
        return false;
    return log_end < log->log_start || log->epoch_before == ISR_EPOCH_NONE || last_epoch != log->epoch_before;
}

/* Where the epoch before the start was forgotten, the first batch tells one. */
static int64_t snapshot_offset(const struct isr_log *log)
{
    if (log->epoch_before != ISR_EPOCH_NONE || log->places_count == 0)
        return log->log_start;
    return log->places[0].base_offset + log->places[0].record_count;
}

bool peer_wal_snapshot(struct isr_peer *peer, struct isr_peer_snapshot *snapshot)
{
    struct isr_log *log = peer->partition.log;
    int64_t offset = snapshot_offset(log);
    if (offset == 0 || offset > log->high_watermark)
        return false;
    struct isr_log_state state = isr_log_state(log, offset);
    snapshot->log_start = state.log_start;
    snapshot->epoch_before = state.epoch_before;
    snapshot->producers = state.producers;
    return true;
}

bool peer_wal_restore(struct isr_peer *peer, const struct isr_peer_snapshot *snapshot)
{
    struct isr_log *log = peer->partition.log;
    int64_t high_watermark = log->high_watermark;
    struct isr_log_state state = {.log_start = snapshot->log_start,
                                  .epoch_before = snapshot->epoch_before,
                                  .producers = snapshot->producers};
    if (snapshot->log_start < log->log_end)
        return false;
    if (snapshot->epoch_before < peer->state.mark_term) { /* as in peer_wal_append */
        peer_wal_mark_drop(peer);
        return false;
    }
    if (!isr_log_bootstrap(log, &state, ISR_CAUSE_OUT_OF_RANGE))
        return false;
    observe_lowered(peer, high_watermark, ISR_CAUSE_OUT_OF_RANGE);
    peer_service_wake(peer);
    return true;
}

void peer_wal_ground(struct isr_peer *peer)
{
    const struct isr_log *log = peer->partition.log;
    bool forgot = log->epoch_before == ISR_EPOCH_NONE || isr_log_lacks_state(log);
    if (log->log_start > 0 && log->places_count == 0 && forgot)
        peer_wal_rollback(peer, 0, ISR_CAUSE_OUT_OF_RANGE);
}
