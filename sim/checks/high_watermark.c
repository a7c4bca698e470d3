/* I1: what may be read is where it must be.
 *
 * Coded literally ("HW <= min LEO of the ISR") it would give false alarms. It is held
 *   - on the maximal ISR, at the moment when the leader advances (KIP-497), and on as many replicas as the
 * commit policy needs, min ISR of them under all_isr (KAFKA-15583), by the settings that the leader knows of,
 *   - on replicas that run: a rebooted member may be short until it has registered again and left the ISR,
 *   - against the true high watermark: the highest that any leader reached in its own valid term. A new
 * leader's own may be lower, and a deposed leader that does not know it yet moves nothing. */
#include "sim/checks/state.h"

/* A member that the controller has not committed counts when the leader heard it in its present life: what
 * the leader knows of an earlier life is void, and the controller will refuse it by its broker epoch
 * (KIP-903). */
static bool counts(const struct sim_checks *checks, const struct check_partition *partition, int32_t leader,
                   int32_t member)
{
    const struct sim_view *view = &checks->view;
    if (!view->running(view->object, member))
        return false;
    return isr_replicas_contain(&partition->committed.isr, member) ||
           view->heard(view->object, leader, partition->tp, member);
}

static void members_reach(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                          const struct isr_observation *observation)
{
    const struct sim_view *view = &checks->view;
    int64_t to = observation->high_watermark_advanced.to;
    struct isr_replicas maximal =
        isr_replicas_unpack((uint64_t)observation->high_watermark_advanced.maximal_isr);
    for (int i = 0; i < maximal.count; i++) {
        struct sim_replica_view replica;
        if (!counts(checks, partition, node, maximal.ids[i]) ||
            !view->replica(view->object, maximal.ids[i], partition->tp, &replica) || replica.log_end >= to)
            continue;
        check_fail(checks, SIM_INVARIANT_I1,
                   "%s: %s, leader of epoch %ld, advanced its high watermark to %ld (%s) although %s, a "
                   "running member "
                   "of its maximal ISR %s, has only LEO %ld",
                   check_partition_label(partition).text, check_node_label(checks, node).text,
                   observation->high_watermark_advanced.leader_epoch, to,
                   isr_cause_words(observation->high_watermark_advanced.cause),
                   check_node_label(checks, maximal.ids[i]).text, check_set_label(&maximal).text,
                   replica.log_end);
    }
}

/* Does a replica's log reach the offset, by the records of the leader, of which the last is of this epoch? As
 * it was when the leader last heard of it, whether it is up or not: what it lost since then counts against
 * the promise (ledger.h), not against the leader that does not know. */
static bool reaches(const struct sim_checks *checks, const struct check_partition *partition, int32_t leader,
                    const struct check_replica *replica, int64_t to, int32_t epoch)
{
    const struct sim_view *view = &checks->view;
    if (replica->log_end >= to && check_replica_epoch_at(replica, to - 1) == epoch)
        return true;
    if (replica->log_end_before > replica->log_end && replica->log_end_before >= to &&
        !view->heard(view->object, leader, partition->tp, replica->node))
        return true;
    /* What it deleted at its start it lacks by right, whatever that was (I11). */
    struct sim_replica_view seen;
    return view->replica(view->object, replica->node, partition->tp, &seen) && seen.log_start >= to;
}

/* A change of the settings or of the replicas may not have reached the leader yet when it advanced: in one
 * step it may hear of several changes, and advance between them. */
static int32_t copies_needed(const struct check_partition *partition,
                             const struct isr_observation *observation)
{
    if (partition->ledger.promises_count < 2)
        return partition->copies;
    return check_ledger_copies(partition, (int32_t)observation->high_watermark_advanced.partition_epoch);
}

/* Whichever policy: so many replicas hold it. */
static void enough_reach(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                         const struct isr_observation *observation)
{
    int64_t to = observation->high_watermark_advanced.to;
    int32_t count = 0, needed = copies_needed(partition, observation);
    struct sim_batch_view last;
    /* What the leader deleted in the same step is not there to be looked at any more: then it is as the
     * checks saw it grow. */
    int32_t epoch = check_batch_at(checks, partition, node, to - 1, &last)
                        ? last.leader_epoch
                        : check_replica_epoch_at(check_replica_of(checks, partition, node), to - 1);
    for (uint32_t i = 0; i < partition->replicas_count && count < needed; i++)
        count += isr_replicas_contain(&partition->assigned, partition->replicas[i].node) &&
                 reaches(checks, partition, node, &partition->replicas[i], to, epoch);
    if (count >= needed)
        return;
    check_fail(checks, SIM_INVARIANT_I1,
               "%s: %s, leader of epoch %ld, advanced its high watermark to %ld (%s) although only %d of %d "
               "replicas reach it: %s needs %d",
               check_partition_label(partition).text, check_node_label(checks, node).text,
               observation->high_watermark_advanced.leader_epoch, to,
               isr_cause_words(observation->high_watermark_advanced.cause), count,
               partition->replication_factor,
               isr_commit_policy_info(isr_topic_commit(&partition->settings))->name, needed);
}

/* Peers: the leader tells whom it counts; they are enough of its members, and reach it. */
static void holders_reach(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                          const struct isr_observation *observation)
{
    const struct sim_view *view = &checks->view;
    struct isr_replicas holders =
        isr_replicas_unpack((uint64_t)observation->high_watermark_advanced.maximal_isr);
    struct sim_partition_view seen;
    members_reach(checks, partition, node, observation);
    if (!view->partition(view->object, node, partition->tp, &seen) || seen.replicas.count == 0)
        return;
    int32_t needed =
        isr_commit_copies(isr_topic_commit(&partition->settings),
                          (uint32_t)partition->settings.commit_followers, seen.replicas.count, 1);
    if (holders.count < needed || !isr_replicas_subset(&holders, &seen.replicas))
        check_fail(checks, SIM_INVARIANT_I1,
                   "%s: %s, leader of epoch %ld, advanced its high watermark to %ld (%s) on the word of %s: "
                   "%s needs %d "
                   "of the members %s",
                   check_partition_label(partition).text, check_node_label(checks, node).text,
                   observation->high_watermark_advanced.leader_epoch, observation->high_watermark_advanced.to,
                   isr_cause_words(observation->high_watermark_advanced.cause),
                   check_set_label(&holders).text,
                   isr_commit_policy_info(isr_topic_commit(&partition->settings))->name, needed,
                   check_set_label(&seen.replicas).text);
}

void check_high_watermark_advanced(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                                   const struct isr_observation *observation)
{
    if (partition->removed) /* its replicas delete their logs, whether the leader knows of it or not */
        return;
    check_count(checks, SIM_INVARIANT_I1);
    if (partition->group > 0) {
        holders_reach(checks, partition, node, observation);
        return;
    }
    if (isr_topic_commit(&partition->settings) == ISR_COMMIT_ALL_ISR)
        members_reach(checks, partition, node, observation);
    enough_reach(checks, partition, node, observation);
}

static void member_holds(struct sim_checks *checks, struct check_partition *partition, int32_t member,
                         const char *set_name)
{
    const struct sim_view *view = &checks->view;
    const struct check_history *history = &partition->history;
    struct sim_replica_view replica;
    if (!view->running(view->object, member) ||
        !view->replica(view->object, member, partition->tp, &replica) ||
        replica.log_end >= history->true_high_watermark)
        return;
    /* The newest record has seen the fewest endings: excused when even that is. */
    int32_t epoch = ISR_EPOCH_NONE;
    const struct check_entry *last = check_history_newest(history, &epoch);
    if (last != NULL && check_ledger_excuses(partition, epoch, last, partition->committed.leader_epoch))
        return;
    check_fail(checks, SIM_INVARIANT_I1,
               "%s: %s runs and is in the %s (leader %s, leader epoch %d, ISR %s, ELR %s) but has only LEO "
               "%ld: records "
               "up to %ld were committed",
               check_partition_label(partition).text, check_node_label(checks, member).text, set_name,
               check_node_label(checks, partition->committed.leader).text, partition->committed.leader_epoch,
               check_set_label(&partition->committed.isr).text,
               check_set_label(&partition->committed.elr).text, replica.log_end,
               history->true_high_watermark);
}

void check_members_hold(struct sim_checks *checks, struct check_partition *partition, int32_t only)
{
    /* After an election that may lose records the leader is judged when it begins (I3). */
    if (!partition->committed_known || check_ledger_in_doubt(partition) ||
        !isr_topic_isr_is_complete(&partition->settings, (uint32_t)partition->replication_factor))
        return;
    check_count(checks, SIM_INVARIANT_I1);
    const struct isr_replicas *isr = &partition->committed.isr;
    const struct isr_replicas *elr = &partition->committed.elr;
    for (int i = 0; i < isr->count; i++) {
        if (only == CHECK_EVERY_NODE || only == isr->ids[i])
            member_holds(checks, partition, isr->ids[i], "ISR");
    }
    for (int i = 0; i < elr->count; i++) {
        if (only == CHECK_EVERY_NODE || only == elr->ids[i])
            member_holds(checks, partition, elr->ids[i], "ELR");
    }
}
