/* I5: a leader epoch of a partition has at most one leader, and epochs never go back.
 *
 * Decided by the controllers (PARTITION_APPLIED, of which the one with the highest partition epoch is what is
 * committed), taken by the brokers. A broker that leads an epoch again in a later life counts as another
 * leader: it may have lost what it wrote, and would write other records under the same epoch and offsets
 * (KAFKA-10527). */
#include "sim/checks/state.h"

/* Nobody eligible is left: every member of the ISR and the ELR ended uncleanly (the last one's registration
 * may be what this very change is about). */
static bool none_is_eligible(const struct check_partition *partition, const struct sim_partition_view *before)
{
    for (int i = 0; i < before->isr.count; i++) {
        if (!check_ledger_unclean(partition, before->isr.ids[i]))
            return false;
    }
    for (int i = 0; i < before->elr.count; i++) {
        if (!check_ledger_unclean(partition, before->elr.ids[i]))
            return false;
    }
    return true;
}

static void note_election(const struct sim_checks *checks, struct check_partition *partition,
                          const struct sim_partition_view *before, const struct sim_partition_view *after,
                          int64_t cause)
{
    struct check_ledger *ledger = &partition->ledger;
    if (after->leader_epoch > partition->epoch_max)
        partition->epoch_max = after->leader_epoch;
    if (after->leader == ISR_NODE_NONE)
        return;
    if (cause == ISR_CAUSE_ELECTION_UNCLEAN && after->leader_epoch != before->leader_epoch) {
        bool last_known = !isr_topic_recovers_by_log(&partition->settings) &&
                          none_is_eligible(partition, before) &&
                          isr_replicas_contain(&partition->last_known, after->leader);
        if (last_known)
            ledger->last_known_epoch = after->leader_epoch;
        bool allowed = partition->unclean || check_wish_unclean(checks, partition);
        if ((allowed || last_known) && ledger->lossy_since <= partition->epoch_judged)
            ledger->lossy_since = after->leader_epoch;
        if (allowed)
            ledger->allowed_epoch = after->leader_epoch;
        /* An allowed one that was not judged yet goes on to excuse. */
        bool open = ledger->unclean_allowed && ledger->unclean_epoch > partition->epoch_judged;
        if (allowed || !open) {
            ledger->unclean_epoch = after->leader_epoch;
            ledger->unclean_allowed = allowed;
        }
    }
}

static void leader_of_epoch(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                            int32_t epoch)
{
    struct check_line *line = check_history_line_make(&partition->history, epoch);
    if (line->leader == ISR_NODE_NONE)
        line->leader = node;
    if (line->leader != node)
        check_fail(checks, SIM_INVARIANT_I5, "%s: leader epoch %d has two leaders, %s and %s",
                   check_partition_label(partition).text, epoch, check_node_label(checks, line->leader).text,
                   check_node_label(checks, node).text);
}

bool check_leader_decided(struct sim_checks *checks, struct check_partition *partition, int32_t controller,
                          const struct isr_observation *observation)
{
    struct sim_partition_view before = partition->committed;
    struct sim_partition_view after = {
        .leader = (int32_t)observation->partition_applied.leader,
        .leader_epoch = (int32_t)observation->partition_applied.leader_epoch,
        .partition_epoch = (int32_t)observation->partition_applied.partition_epoch,
        .isr = isr_replicas_unpack((uint64_t)observation->partition_applied.isr),
        .elr = isr_replicas_unpack((uint64_t)observation->partition_applied.elr),
    };
    check_count(checks, SIM_INVARIANT_I5);
    if (after.leader != ISR_NODE_NONE)
        leader_of_epoch(checks, partition, after.leader, after.leader_epoch);
    if (partition->committed_known && after.partition_epoch <= before.partition_epoch)
        return false; /* another controller was first, or this one in an earlier life */
    if (partition->committed_known &&
        (after.leader_epoch < before.leader_epoch ||
         (after.leader_epoch == before.leader_epoch && after.leader != before.leader)))
        check_fail(
            checks, SIM_INVARIANT_I5,
            "%s: controller %s changed the leader from %s (epoch %d) to %s (epoch %d) without a higher epoch",
            check_partition_label(partition).text, check_node_label(checks, controller).text,
            check_node_label(checks, before.leader).text, before.leader_epoch,
            check_node_label(checks, after.leader).text, after.leader_epoch);
    note_election(checks, partition, &before, &after, observation->partition_applied.cause);
    partition->committed = after;
    partition->committed_known = true;
    partition->last_known = isr_replicas_unpack((uint64_t)observation->partition_applied.last_known);
    return true;
}

void check_role_taken(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                      int32_t epoch, bool leads)
{
    struct check_replica *replica = check_replica_of(checks, partition, node);
    check_count(checks, SIM_INVARIANT_I5);
    if (epoch < replica->leader_epoch)
        check_fail(checks, SIM_INVARIANT_I5, "%s: %s went back from leader epoch %d to %d",
                   check_partition_label(partition).text, check_node_label(checks, node).text,
                   replica->leader_epoch, epoch);
    replica->leader_epoch = epoch;
    if (epoch > partition->epoch_max)
        partition->epoch_max = epoch;
    if (!leads)
        return;
    leader_of_epoch(checks, partition, node, epoch);
    struct check_line *line = check_history_line_make(&partition->history, epoch);
    uint32_t life = checks->nodes[node].life;
    if (line->leader == node && line->leader_life != 0 && line->leader_life != life)
        check_fail(
            checks, SIM_INVARIANT_I5,
            "%s: %s leads epoch %d again after a restart, and may have forgotten what it wrote in that epoch",
            check_partition_label(partition).text, check_node_label(checks, node).text, epoch);
    if (line->leader == node)
        line->leader_life = life;
}
