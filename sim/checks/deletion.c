/* I11: records leave a log at its start only when that was allowed.
 *
 * Held where a log's start moves, against the settings of the topic, what administrators asked for, and what
 * the checks know themselves of the records that went:
 *   - never past its own high watermark (KAFKA-5634), nor past what was committed,
 *   - by size: retention.bytes are left; by time: each record is older than retention.ms by the clock of the
 * node that deletes it,
 *   - by DeleteRecords: not past an offset that an administrator asked for,
 *   - because the leader's log starts there: not past where some log's start moved for one of the reasons
 * above; the same for a log that begins anew where the leader's starts, and for one that a restart found.
 * What went in this way is nobody's loss: a log is compared with what is committed from its own start on. */
#include "sim/checks/state.h"

static void start_was_at(struct check_partition *partition, int64_t offset)
{
    if (partition->start_ever < offset)
        partition->start_ever = offset;
}

/* A log that goes by a new leader's epoch may still hold what it wrote under the one before, where others are
 * committed by now: it goes by the times of its own. */
static bool old_enough(const struct sim_checks *checks, const struct check_partition *partition,
                       const struct check_replica *replica, int64_t from, int64_t to)
{
    const struct sim_view *view = &checks->view;
    int64_t before_ns = view->wall_ns(view->object, replica->node) - partition->settings.retention_time;
    struct check_cursor cursor;
    from = check_history_known_from(&partition->history, from);
    const struct check_entry *entry = check_cursor_seek(&partition->history, from, &cursor);
    for (; entry != NULL && entry->base < to; entry = check_cursor_next(&partition->history, &cursor)) {
        if (entry->timestamp_ns >= before_ns &&
            check_replica_epoch_at(replica, entry->base) == cursor.line->epoch)
            return false;
    }
    return true;
}

/* As the log is after the step; a compaction in the same step, behind the deletion, takes some of that too:
 * then what the replica tells counts. */
static int64_t bytes_left(const struct sim_checks *checks, const struct check_partition *partition,
                          const struct check_replica *replica, const struct isr_observation *observation)
{
    const struct sim_view *view = &checks->view;
    if (partition->settings.cleanup == ISR_CLEANUP_BOTH)
        return observation->log_start_moved.left;
    return view->bytes(view->object, replica->node, partition->tp, observation->log_start_moved.to);
}

/* other: it is of another history than what is committed, perhaps. What goes by the node alone is held all
 * the same, and that the leader's log, whichever leader's, starts there. */
static const char *why_wrong(const struct sim_checks *checks, const struct check_partition *partition,
                             const struct check_replica *replica, const struct isr_observation *observation,
                             bool other)
{
    int64_t from = observation->log_start_moved.from, to = observation->log_start_moved.to;
    if (!other && to > partition->history.true_high_watermark)
        return "records that were never committed are deleted";
    switch ((int)observation->log_start_moved.cause) {
    case ISR_CAUSE_RETENTION_SIZE:
        return partition->settings.retention_bytes > 0 &&
                       bytes_left(checks, partition, replica, observation) >=
                           partition->settings.retention_bytes
                   ? NULL
                   : "less is left than the topic keeps";
    case ISR_CAUSE_RETENTION_TIME:
        return partition->settings.retention_time > 0 && old_enough(checks, partition, replica, from, to)
                   ? NULL
                   : "the topic keeps records for longer";
    case ISR_CAUSE_DELETE_RECORDS:
        return to <= check_wish_deleted(checks, partition) ? NULL : "no administrator asked for that";
    case ISR_CAUSE_LEADER_TOLD:
        return to <= (other ? partition->start_ever : partition->start_max) ? NULL
                                                                            : "no other log starts there";
    }
    return "for no reason that there is";
}

/* A follower's high watermark may be above its new leader's: the leader before it told it, or it was that
 * leader itself, and was passed over before it knew. Whether what lies between was committed is known only
 * once the new leader has it for committed. It tells nobody else where to start: only the latest leader does.
 */
static bool undecided(const struct check_partition *partition, const struct sim_replica_view *seen,
                      int64_t to)
{
    bool leads = seen->role == SIM_REPLICA_LEADS && seen->leader_epoch >= partition->epoch_max;
    return !leads && to > partition->history.true_high_watermark;
}

void check_start_moved(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                       const struct isr_observation *observation)
{
    const struct sim_view *view = &checks->view;
    struct sim_replica_view seen;
    int64_t to = observation->log_start_moved.to;
    if (!view->replica(view->object, node, partition->tp, &seen))
        return;
    check_count(checks, SIM_INVARIANT_I11);
    checks->deleted = true;
    struct check_replica *replica = check_replica_of(checks, partition, node);
    /* After an allowed loss some replicas go on with a history that is no longer what is committed. */
    bool unsure = undecided(partition, &seen, to);
    bool other = unsure || to > check_ledger_floor(partition, seen.leader_epoch);
    const char *why = why_wrong(checks, partition, replica, observation, other);
    if (why == NULL && to > replica->high_watermark)
        why = "records beyond its own high watermark are deleted";
    if (why != NULL)
        check_fail(
            checks, SIM_INVARIANT_I11,
            "%s: %s moved the start of its log from %ld to %ld (%s; high watermark %ld, committed up to "
            "%ld): %s",
            check_partition_label(partition).text, check_node_label(checks, node).text,
            observation->log_start_moved.from, to, isr_cause_words(observation->log_start_moved.cause),
            observation->log_start_moved.high_watermark, partition->history.true_high_watermark, why);
    if (replica->start_max < to)
        replica->start_max = to;
    if (partition->start_max < to && !unsure)
        partition->start_max = to;
    start_was_at(partition, to);
}

void check_start_found(struct sim_checks *checks, struct check_partition *partition, int32_t node)
{
    const struct sim_view *view = &checks->view;
    struct sim_replica_view seen;
    if (!view->replica(view->object, node, partition->tp, &seen) || seen.log_start == 0)
        return;
    check_count(checks, SIM_INVARIANT_I11);
    bool other = seen.log_start > check_ledger_floor(partition, seen.leader_epoch);
    if (seen.log_start <= (other ? partition->start_ever : partition->start_max) ||
        seen.log_start <= check_replica_of(checks, partition, node)->start_max)
        return;
    check_fail(checks, SIM_INVARIANT_I11,
               "%s: the log of %s starts at %ld, although nothing was ever deleted beyond %ld",
               check_partition_label(partition).text, check_node_label(checks, node).text, seen.log_start,
               other ? partition->start_ever : partition->start_max);
}

void check_start_of_leader(struct sim_checks *checks, struct check_partition *partition, int32_t node)
{
    const struct sim_view *view = &checks->view;
    struct sim_replica_view seen;
    if (!view->replica(view->object, node, partition->tp, &seen))
        return;
    if (partition->start_max < seen.log_start)
        partition->start_max = seen.log_start;
    start_was_at(partition, seen.log_start);
}
