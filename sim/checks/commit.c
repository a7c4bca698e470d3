/* A leader's high watermark moved in its own valid term: what it passed is committed from now on. What is
 * committed is taken from the leader's actual log, and must be what was written in that epoch (I2). */
#include "sim/checks/state.h"

/* The entry of a batch that is about to be committed; NULL when its line never saw it. */
static struct check_entry *entry_of(struct sim_checks *checks, struct check_partition *partition,
                                    int32_t leader, const struct sim_batch_view *batch)
{
    const struct check_line *line = check_history_line(&partition->history, batch->leader_epoch);
    struct check_entry *entry = line == NULL ? NULL : check_line_find(line, batch->base_offset);
    if (entry != NULL && entry->base == batch->base_offset && entry->count == batch->record_count &&
        entry->crc == batch->crc && entry->base == partition->history.true_high_watermark)
        return entry;
    check_fail(
        checks, SIM_INVARIANT_I2,
        "%s: %s committed records at offset %ld of epoch %d that were never written there in that epoch",
        check_partition_label(partition).text, check_node_label(checks, leader).text, batch->base_offset,
        batch->leader_epoch);
    return NULL;
}

/* What was committed and deleted before it could be seen is not there any more: by the leader before, to whom
 * a controller's decision was not known yet, or in the step in which it was committed, as a process does that
 * comes back with messages and timers overdue. Goes on where the leader's log starts. Producers are learnt
 * anew. */
static void skip_deleted(struct sim_checks *checks, struct check_partition *partition, int32_t leader)
{
    const struct sim_view *view = &checks->view;
    struct sim_replica_view seen;
    struct sim_batch_view batch;
    if (!view->replica(view->object, leader, partition->tp, &seen) ||
        seen.log_start <= partition->history.true_high_watermark)
        return;
    int64_t offset = seen.log_start;
    if (check_batch_at(checks, partition, leader, offset, &batch) && batch.base_offset < offset)
        offset = batch.base_offset + batch.record_count;
    check_history_skip(&partition->history, seen.leader_epoch, offset);
    check_producers_unlearn(partition);
    partition->keys_unknown = true;
}

/* The leader before had it for committed, and this replica compacted it since: what was written counts. True
 * when something was committed. */
static bool commit_compacted(struct sim_checks *checks, struct check_partition *partition, int32_t leader,
                             int64_t to, struct sim_batch_view *batch)
{
    struct check_history *history = &partition->history;
    const struct check_line *line = check_history_line(history, batch->leader_epoch);
    struct check_entry *entry =
        partition->keyed && line != NULL ? check_line_find(line, history->true_high_watermark) : NULL;
    if (entry == NULL || entry->base != history->true_high_watermark || check_entry_end(entry) > to ||
        (entry->base == batch->base_offset && entry->crc == batch->crc))
        return false;
    checks->view.contents(checks->view.object, leader, partition->tp, batch);
    if (!batch->compacted || entry->records == NULL)
        return false;
    entry->first_value = entry->records[0].value;
    entry->timestamp_ns = batch->timestamp_ns;
    check_history_commit(history, batch->leader_epoch, entry);
    check_keys_committed(checks, partition, entry);
    checks->records_committed += entry->count;
    check_producers_unlearn(partition);
    check_strays_committed(checks, partition, leader, batch->leader_epoch, entry);
    return true;
}

void check_commit(struct sim_checks *checks, struct check_partition *partition, int32_t leader, int64_t to)
{
    const struct sim_view *view = &checks->view;
    struct check_history *history = &partition->history;
    struct check_replica *replica = check_replica_of(checks, partition, leader);
    skip_deleted(checks, partition, leader);
    while (history->true_high_watermark < to) {
        int64_t offset = history->true_high_watermark;
        struct sim_batch_view batch;
        if (!check_batch_at(checks, partition, leader, offset, &batch))
            return; /* cut off again in the same step: the observation of that follows */
        if (commit_compacted(checks, partition, leader, to, &batch))
            continue;
        struct check_entry *entry = entry_of(checks, partition, leader, &batch);
        if (entry == NULL)
            return;
        view->contents(view->object, leader, partition->tp, &batch);
        entry->first_value = batch.first_value;
        entry->timestamp_ns = batch.timestamp_ns;
        check_history_commit(history, batch.leader_epoch, entry);
        check_keys_committed(checks, partition, entry);
        checks->records_committed += entry->count;
        if (replica->matched == offset)
            replica->matched = history->true_high_watermark;
        check_producer_committed(checks, partition, &batch);
        check_strays_committed(checks, partition, leader, batch.leader_epoch, entry);
    }
}
