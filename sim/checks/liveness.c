/* L1: after the faults healed, the controllers have a leader, whoever votes by then, the ISR is all replicas,
 * reassignments complete, requests are answered and the high watermark reaches the LEO. Judged once, at the
 * end of the settle phase, in which nothing fails and nobody writes but a few probes; but for one thing that
 * can be told earlier: who waits for news waits for some that there are. Later changes of the partition would
 * hide it.
 *
 * Where nodes are gone for good the others are held to it, and stand still only for a reason (outage.h),
 * which the run then tells. A reassignment that names somebody who is gone need not complete. */
#include "sim/checks/outage.h"
#include "sim/checks/raft.h"

/* Clients may still be sending what they could not send before: what is appended shortly before the end may
 * be on its way when the run is cut off. Up to there everything must have arrived. */
void check_late(struct sim_checks *checks, struct check_partition *partition, int64_t offset)
{
    const struct sim_view *view = &checks->view;
    if (!view->settles || view->now_ns(view->object) < view->late_ns)
        return;
    if (partition->late_offset == ISR_OFFSET_NONE || offset < partition->late_offset)
        partition->late_offset = offset;
}

/* No replica that is left lacks what the leader has up to there. */
static void tell_short(const struct sim_checks *checks, const struct check_partition *partition,
                       const struct sim_partition_view *seen, const struct sim_replica_view *leader,
                       int64_t due, bool late, struct isr_text *text)
{
    const struct sim_view *view = &checks->view;
    for (int i = 0; i < seen->replicas.count; i++) {
        struct sim_replica_view replica;
        int32_t node = seen->replicas.ids[i];
        if (check_gone(checks, node))
            continue;
        if (!view->replica(view->object, node, partition->tp, &replica)) {
            isr_text_format(text, "%s does not have the partition", check_node_label(checks, node).text);
            return;
        }
        if (replica.log_end < due || (!late && replica.log_end != due)) {
            isr_text_format(text, "%s has LEO %ld, leader %s %ld", check_node_label(checks, node).text,
                            replica.log_end, check_node_label(checks, seen->leader).text, leader->log_end);
            return;
        }
    }
}

/* What is missing, into text; nothing when the partition is well, or as well as what is left of it can be:
 * then why, if it is not. */
static void tell_missing(const struct sim_checks *checks, const struct check_partition *partition,
                         const struct sim_partition_view *seen, struct isr_text *text, struct isr_text *why)
{
    const struct sim_view *view = &checks->view;
    struct sim_replica_view leader;
    struct isr_replicas left = check_left_of(checks, &seen->replicas);
    bool all_left = left.count == seen->replicas.count;
    if (seen->leader == ISR_NODE_NONE || check_gone(checks, seen->leader)) {
        if (check_outage_of_leader(checks, partition, seen, why) ||
            check_outage_by_half(checks, seen->leader, why))
            return;
        if (seen->leader != ISR_NODE_NONE)
            isr_text_format(text, "its leader is %s, which is gone (ISR %s, ELR %s)",
                            check_node_label(checks, seen->leader).text, check_set_label(&seen->isr).text,
                            check_set_label(&seen->elr).text);
        else
            isr_text_format(text, "there is no leader (ISR %s, ELR %s)", check_set_label(&seen->isr).text,
                            check_set_label(&seen->elr).text);
        return;
    }
    if (!view->replica(view->object, seen->leader, partition->tp, &leader) ||
        leader.role != SIM_REPLICA_LEADS || leader.leader_epoch != seen->leader_epoch) {
        isr_text_format(text, "%s was elected leader of epoch %d but does not lead",
                        check_node_label(checks, seen->leader).text, seen->leader_epoch);
        return;
    }
    if (all_left && (seen->adding.count > 0 || seen->removing.count > 0)) {
        isr_text_format(text,
                        "its reassignment is still under way: replicas %s, adding %s, removing %s, ISR %s",
                        check_set_label(&seen->replicas).text, check_set_label(&seen->adding).text,
                        check_set_label(&seen->removing).text, check_set_label(&seen->isr).text);
        return;
    }
    if (!checks->view.peers && !isr_replicas_equal_as_sets(&seen->isr, &left)) {
        isr_text_format(text, "the ISR is %s, the replicas %sare %s", check_set_label(&seen->isr).text,
                        all_left ? "" : "that are left ", check_set_label(&left).text);
        return;
    }
    if (leader.isr_pending) {
        isr_text_format(text, "an AlterPartition of leader %s is still in flight",
                        check_node_label(checks, seen->leader).text);
        return;
    }
    bool late = partition->late_offset != ISR_OFFSET_NONE && partition->late_offset < leader.log_end;
    int64_t due = late ? partition->late_offset : leader.log_end;
    if (!check_outage_of_commits(checks, seen, why) && !check_outage_of_tail(checks, seen, &leader, why) &&
        leader.high_watermark < due) {
        isr_text_format(text, "the high watermark on leader %s is %ld, its LEO %ld",
                        check_node_label(checks, seen->leader).text, leader.high_watermark, leader.log_end);
        return;
    }
    tell_short(checks, partition, seen, &leader, due, late, text);
}

/* Why nobody can write to the partition, for the report. */
static void tell_outage(struct sim_checks *checks, const struct check_partition *partition, const char *why)
{
    struct isr_text text = ISR_TEXT(checks->unavailable);
    checks->partitions_unavailable++;
    if (checks->partitions_unavailable == 1)
        isr_text_format(&text, "%s: %s", check_partition_label(partition).text, why);
    checks->probes_excused +=
        checks->view.probe_waits != NULL && checks->view.probe_waits(checks->view.object, partition->tp);
}

static void judge_partition(struct sim_checks *checks, struct check_partition *partition,
                            const char *no_quorum)
{
    const struct sim_view *view = &checks->view;
    char missing_buffer[320] = "", why_buffer[320] = "";
    struct isr_text missing = ISR_TEXT(missing_buffer), why = ISR_TEXT(why_buffer);
    struct sim_partition_view seen;
    check_count(checks, SIM_INVARIANT_L1);
    if (no_quorum[0] != '\0') {
        tell_outage(checks, partition, no_quorum);
        return;
    }
    if (!view->partition(view->object, ISR_NODE_NONE, partition->tp, &seen))
        isr_text_format(&missing, "no controller knows the partition");
    else
        tell_missing(checks, partition, &seen, &missing, &why);
    if (missing.length > 0)
        check_fail(checks, SIM_INVARIANT_L1, "%s: the faults healed, but at the end of the run %s",
                   check_partition_label(partition).text, missing_buffer);
    else if (why.length > 0)
        tell_outage(checks, partition, why_buffer);
}

void check_liveness(struct sim_checks *checks)
{
    const struct sim_view *view = &checks->view;
    if (!view->settles || !check_armed(checks, SIM_INVARIANT_L1))
        return;
    char no_quorum[320] = "";
    struct isr_text why = ISR_TEXT(no_quorum);
    bool quorum = !check_outage_of_quorum(checks, &why);
    struct check_partition *partition = NULL;
    while ((partition = check_partition_next(checks, partition)) != NULL)
        judge_partition(checks, partition, no_quorum);
    if (view->alone)
        check_count(checks, SIM_INVARIANT_L1);
    if (view->raft && quorum && !check_raft_led(checks, view->late_ns))
        check_fail(checks, SIM_INVARIANT_L1,
                   "controllers: the faults healed, but nobody leads at the end of the run");
    uint32_t sent = 0, unanswered = 0;
    view->probes(view->object, &sent, &unanswered);
    if (quorum && unanswered > checks->probes_excused)
        check_fail(
            checks, SIM_INVARIANT_L1,
            "%u of %u probe writes sent after the faults healed were not acknowledged by the end of the run",
            (unsigned)(unanswered - checks->probes_excused), (unsigned)sent);
}

/* These say that what the controllers have committed is not what the leader goes by: it asks no more, and
 * waits for metadata. The others it gives up, or asks again. */
static bool makes_wait(enum isr_error error)
{
    return error == ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION || error == ISR_ERROR_FENCED_LEADER_EPOCH ||
           error == ISR_ERROR_INVALID_UPDATE_VERSION || error == ISR_ERROR_INVALID_REQUEST ||
           error == ISR_ERROR_NEW_LEADER_ELECTED;
}

void check_isr_refused(struct sim_checks *checks, const struct check_partition *partition, int32_t leader,
                       enum isr_error error)
{
    const struct sim_view *view = &checks->view;
    struct sim_replica_view replica;
    if (!view->settles || !makes_wait(error) || partition->removed || !partition->committed_known ||
        !view->replica(view->object, leader, partition->tp, &replica))
        return;
    if (replica.partition_epoch >= partition->committed.partition_epoch)
        check_fail(
            checks, SIM_INVARIANT_L1,
            "%s: leader %s (leader epoch %d, partition epoch %d) was refused another ISR (%s) and waits for "
            "metadata, but nothing newer was committed: its ISR change may stay in flight for ever",
            check_partition_label(partition).text, check_node_label(checks, leader).text,
            replica.leader_epoch, replica.partition_epoch, isr_error_name((uint8_t)error));
}
