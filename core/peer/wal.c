/* The write-ahead log of a peer: the interface of the group to its partition log.
 *
 *   logs after an index   peer_wal_logs_after
 *   commit                peer_wal_commit: the high watermark
 *   rollback              peer_wal_rollback
 *   how up to date        peer_wal_position (P3)
 *
 * The mark (P3) says: "I held all that the leader of mark_term had when it began, which was up to
 * mark_start". It counts as if an entry of mark_term stood at mark_start. Invariants:
 *   - the log reaches mark_start, and what stands there, if anything, is of mark_term or later;
 *   - a mark that the log contradicts is dropped, durably, before the log goes on: else a crash could bring
 * it back over records of another history. */
#include "core/peer/internal.h"

int32_t peer_wal_epoch_before(const struct isr_peer *peer, int64_t offset)
{
    const struct isr_batch_place *place = isr_log_batch_at(peer->partition.log, offset - 1);
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

void peer_wal_rollback(struct isr_peer *peer, int64_t offset, enum isr_cause cause)
{
    struct isr_log *log = peer->partition.log;
    int64_t high_watermark = log->high_watermark;
    if (peer->state.mark_term != ISR_EPOCH_NONE && offset <= peer->state.mark_start)
        peer_wal_mark_drop(peer);
    if (offset < log->log_start)
        isr_log_truncate_fully(log, offset, cause);
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
