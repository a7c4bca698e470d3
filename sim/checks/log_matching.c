/* I2: logs agree below both high watermarks, and an epoch and offset name the same bytes everywhere.
 *
 * The second half is held on every batch that any replica appends: the first time by the leader of its epoch,
 * from then on compared. The first half is held when a replica's high watermark advances: from where it was
 * last known to agree, its log is compared with what is committed. */
#include "sim/checks/state.h"

enum { BATCHES_AT_ONCE = 16 };

/* By which promise the leader goes: a change may not have reached it yet. */
static uint16_t promise_known(const struct sim_checks *checks, const struct check_partition *partition,
                              int32_t leader)
{
    const struct sim_view *view = &checks->view;
    struct sim_replica_view seen;
    if (partition->ledger.promises_count < 2 || !view->replica(view->object, leader, partition->tp, &seen))
        return 0;
    return (uint16_t)check_ledger_promise_known(&partition->ledger, seen.partition_epoch);
}

static void appended_as_leader(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                               const struct isr_observation *observation)
{
    int32_t epoch = (int32_t)observation->log_appended.leader_epoch;
    int64_t base = observation->log_appended.base;
    uint32_t count = (uint32_t)(observation->log_appended.last - base + 1);
    uint32_t crc = (uint32_t)observation->log_appended.crc;
    struct check_line *line = check_history_line_make(&partition->history, epoch);
    if (base >= check_line_end(line, base)) {
        struct check_entry *entry = check_line_add(&partition->history, line, base, count, crc);
        entry->endings_seen = partition->ledger.endings_count;
        entry->promise = promise_known(checks, partition, node);
        check_keys_appended(checks, partition, node, entry);
        check_late(checks, partition, base);
        return;
    }
    const struct check_entry *before = check_line_find(line, base);
    if (before != NULL && before->base == base && before->count == count && before->crc == crc)
        return;
    check_fail(checks, SIM_INVARIANT_I2,
               "%s: %s, leader of epoch %d, wrote other records at offsets %ld to %ld than were written "
               "there in the "
               "same epoch before",
               check_partition_label(partition).text, check_node_label(checks, node).text, epoch, base,
               observation->log_appended.last);
}

static void appended_as_follower(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                                 const struct isr_observation *observation)
{
    int32_t epoch = (int32_t)observation->log_appended.leader_epoch;
    int64_t base = observation->log_appended.base;
    const struct check_line *line = check_history_line(&partition->history, epoch);
    const struct check_entry *entry = line == NULL ? NULL : check_line_find(line, base);
    if (entry == NULL) {
        check_fail(checks, SIM_INVARIANT_I2,
                   "%s: %s appended records at offsets %ld to %ld of epoch %d, which no leader of that epoch "
                   "wrote there",
                   check_partition_label(partition).text, check_node_label(checks, node).text, base,
                   observation->log_appended.last, epoch);
        return;
    }
    if (entry->base == base && check_entry_end(entry) == observation->log_appended.last + 1 &&
        entry->crc == (uint32_t)observation->log_appended.crc)
        return;
    check_fail(checks, SIM_INVARIANT_I2,
               "%s: the records at offsets %ld to %ld of epoch %d are not the same on %s as on %s, who led "
               "that epoch "
               "(checksum %x there, %x here)",
               check_partition_label(partition).text, base, observation->log_appended.last, epoch,
               check_node_label(checks, node).text, check_node_label(checks, line->leader).text,
               (uint64_t)entry->crc, (uint64_t)(uint32_t)observation->log_appended.crc);
}

void check_appended(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                    const struct isr_observation *observation)
{
    check_count(checks, SIM_INVARIANT_I2);
    if (observation->log_appended.as_leader)
        appended_as_leader(checks, partition, node, observation);
    else
        appended_as_follower(checks, partition, node, observation);
}

void check_content(struct sim_checks *checks, struct check_partition *partition, int32_t node)
{
    const struct sim_view *view = &checks->view;
    struct sim_replica_view seen;
    if (view->damaged == NULL || !view->replica(view->object, node, partition->tp, &seen))
        return;
    int64_t offset = view->damaged(view->object, node, partition->tp);
    check_count(checks, SIM_INVARIANT_I2);
    if (offset != ISR_OFFSET_NONE)
        check_fail(checks, SIM_INVARIANT_I2,
                   "%s: the records at offset %ld in the log of %s are not what their checksum says",
                   check_partition_label(partition).text, offset, check_node_label(checks, node).text);
}

/* Nothing tells what is committed in a gap: a log agrees with it as far as it goes. */
static int64_t pass_gap(const struct sim_checks *checks, const struct check_partition *partition,
                        const struct check_replica *replica, int64_t offset)
{
    const struct sim_view *view = &checks->view;
    struct sim_replica_view seen;
    int64_t end = check_history_known_from(&partition->history, offset);
    if (end == offset || !view->replica(view->object, replica->node, partition->tp, &seen) ||
        seen.log_end >= end)
        return end;
    return seen.log_end > offset ? seen.log_end : offset;
}

int64_t check_match(struct sim_checks *checks, struct check_partition *partition,
                    struct check_replica *replica, int64_t limit)
{
    const struct sim_view *view = &checks->view;
    const struct check_history *history = &partition->history;
    struct check_cursor cursor;
    int64_t offset = pass_gap(checks, partition, replica, replica->matched);
    const struct check_entry *entry = offset < limit ? check_cursor_seek(history, offset, &cursor) : NULL;
    struct sim_batch_view batches[BATCHES_AT_ONCE];
    uint32_t count = 0, next = 0;
    while (entry != NULL && offset < limit) {
        if (next == count) {
            count = view->batches(view->object, replica->node, partition->tp, offset, limit, batches,
                                  BATCHES_AT_ONCE);
            next = 0;
            if (count == 0)
                break;
        }
        struct sim_batch_view *batch = &batches[next++];
        if (batch->leader_epoch == cursor.line->epoch && batch->base_offset == entry->base &&
            batch->record_count == entry->count && batch->crc == entry->crc) {
            offset = check_entry_end(entry);
            entry = check_cursor_next(history, &cursor);
        } else {
            int64_t end = check_match_compacted(checks, partition, replica->node, offset, batch);
            if (end == offset)
                break;
            offset = end;
            entry = check_cursor_seek(history, offset, &cursor);
            next = count; /* it may end inside of what was one batch before */
        }
        if (entry == NULL || entry->base > offset) {
            offset = pass_gap(checks, partition, replica, offset);
            next = count; /* the log may hold something of the gap */
        }
    }
    replica->matched = offset;
    return offset < limit ? offset : limit;
}

void check_logs_match(struct sim_checks *checks, struct check_partition *partition,
                      struct check_replica *replica, int32_t leader_epoch)
{
    const struct sim_view *view = &checks->view;
    int32_t node = replica->node;
    struct sim_replica_view seen;
    if (!view->replica(view->object, node, partition->tp, &seen))
        return;
    int64_t limit = seen.high_watermark;
    if (limit > partition->history.true_high_watermark)
        limit = partition->history.true_high_watermark;
    if (replica->matched < seen.log_start || replica->compaction_undecided)
        replica->matched = seen.log_start;
    replica->compaction_undecided = false;
    if (replica->matched >= limit)
        return;
    check_count(checks, SIM_INVARIANT_I2);
    int64_t parts = check_match(checks, partition, replica, limit);
    if (parts >= limit)
        return;
    int32_t epoch = ISR_EPOCH_NONE;
    struct sim_batch_view batch = {.leader_epoch = ISR_EPOCH_NONE};
    (void)check_history_committed(&partition->history, parts, &epoch);
    (void)check_batch_at(checks, partition, node, parts, &batch);
    /* After an unclean election a deposed leader, and who still follows it, go on with a history of their own
     * until they learn of it, above the floor of their epoch. */
    int32_t of_epoch = batch.leader_epoch > leader_epoch ? batch.leader_epoch : leader_epoch;
    if (parts >= check_ledger_floor(partition, of_epoch))
        return;
    check_fail(checks, SIM_INVARIANT_I2,
               "%s: the log of %s parts from the committed one at offset %ld, below its high watermark %ld: "
               "it holds a "
               "record of epoch %d there, committed is one of epoch %d (by %s, up to %ld)",
               check_partition_label(partition).text, check_node_label(checks, node).text, parts,
               seen.high_watermark, batch.leader_epoch, epoch,
               check_node_label(checks, partition->judged_leader).text,
               partition->history.true_high_watermark);
}
