#include "sim/checks/outage.h"

#include "core/policy/settings.h"

struct isr_replicas check_left_of(const struct sim_checks *checks, const struct isr_replicas *replicas)
{
    struct isr_replicas left = {0};
    for (unsigned i = 0; i < replicas->count; i++) {
        if (!check_gone(checks, replicas->ids[i]))
            isr_replicas_add(&left, replicas->ids[i]);
    }
    return left;
}

bool check_outage_of_quorum(const struct sim_checks *checks, struct isr_text *why)
{
    struct isr_replicas voters = {0};
    if (checks->view.voters == NULL)
        return false;
    checks->view.voters(checks->view.object, &voters);
    struct isr_replicas left = check_left_of(checks, &voters);
    if (voters.count == 0 || 2 * left.count > voters.count)
        return false;
    isr_text_format(why, "the controllers have no majority: of %d voters %d %s left", (int)voters.count,
                    (int)left.count, left.count == 1 ? "is" : "are");
    return true;
}

/* Peers elect by a majority of the members, whoever they are by then. */
static bool members_lack_majority(const struct sim_partition_view *seen, const struct isr_replicas *left,
                                  struct isr_text *why)
{
    if (2 * left->count > seen->replicas.count)
        return false;
    isr_text_format(why, "it has no leader: of the members %s only %s %s left, and no majority",
                    check_set_label(&seen->replicas).text, check_set_label(left).text,
                    left->count == 1 ? "is" : "are");
    return true;
}

/* Nobody eligible is left. What the topic then does: KIP-966, unclean recovery (core/policy/settings.h). As
 * long as somebody is eligible, though gone, only the unclean ways do not wait for him. */
static bool recovery_waits(const struct sim_checks *checks, const struct check_partition *partition,
                           const struct sim_partition_view *seen)
{
    struct isr_replicas left = check_left_of(checks, &seen->replicas);
    struct isr_replicas known = check_left_of(checks, &partition->last_known);
    if (left.count == 0)
        return true;
    if (isr_topic_is_unclean(&seen->settings))
        return false;
    if (seen->isr.count + seen->elr.count > 0)
        return true;
    switch (isr_topic_unclean_recovery(&seen->settings)) {
    case ISR_UNCLEAN_RECOVERY_NONE: /* for an administrator */
        return true;
    case ISR_UNCLEAN_RECOVERY_AGGRESSIVE:
        return false;
    case ISR_UNCLEAN_RECOVERY_LAST_KNOWN: /* for that one */
    case ISR_UNCLEAN_RECOVERY_BALANCED:   /* for all that were eligible last */
        return known.count < partition->last_known.count;
    }
    return false;
}

bool check_outage_of_leader(const struct sim_checks *checks, const struct check_partition *partition,
                            const struct sim_partition_view *seen, struct isr_text *why)
{
    struct isr_replicas left = check_left_of(checks, &seen->replicas);
    struct isr_replicas in_sync = check_left_of(checks, &seen->isr),
                        eligible = check_left_of(checks, &seen->elr);
    if (checks->view.peers)
        return members_lack_majority(seen, &left, why);
    if (isr_topic_asks_for_logs(&seen->settings)) {
        if (2 * left.count > seen->replicas.count)
            return false;
        isr_text_format(why,
                        "it has no leader: its replicas are asked for their logs, and of %s only %s %s left",
                        check_set_label(&seen->replicas).text, check_set_label(&left).text,
                        left.count == 1 ? "is" : "are");
        return true;
    }
    if (in_sync.count > 0 || eligible.count > 0 || !recovery_waits(checks, partition, seen))
        return false;
    isr_text_format(why,
                    "it has no leader: of ISR %s, ELR %s and the last known leader %s nobody is left, of the "
                    "replicas %s",
                    check_set_label(&seen->isr).text, check_set_label(&seen->elr).text,
                    check_set_label(&partition->last_known).text, check_set_label(&left).text);
    return true;
}

bool check_outage_by_half(const struct sim_checks *checks, int32_t leader, struct isr_text *why)
{
    const struct sim_gone_info *how = sim_gone_info(checks->view.gone_how);
    if (checks->view.peers || leader == ISR_NODE_NONE || !check_gone(checks, leader) || !how->heard)
        return false; /* peers depose who is silent, hears nobody, or is unhealthy */
    isr_text_format(why, "its leader is %s, which is %s for good, and not missed by the controllers",
                    check_node_label(checks, leader).text, how->name);
    return true;
}

bool check_outage_of_commits(const struct sim_checks *checks, const struct sim_partition_view *seen,
                             struct isr_text *why)
{
    struct isr_replicas left = check_left_of(checks, &seen->replicas);
    int32_t needed = isr_topic_copies(&seen->settings, seen->replicas.count);
    if (left.count >= needed)
        return false;
    isr_text_format(why, "it takes no writes: of its replicas %s only %s %s left, and %s needs %d",
                    check_set_label(&seen->replicas).text, check_set_label(&left).text,
                    left.count == 1 ? "is" : "are",
                    isr_commit_policy_info(isr_topic_commit(&seen->settings))->name, needed);
    return true;
}

bool check_outage_of_tail(const struct sim_checks *checks, const struct sim_partition_view *seen,
                          const struct sim_replica_view *leader, struct isr_text *why)
{
    const struct isr_epoch_entry *own =
        leader->epochs_count > 0 ? &leader->epochs[leader->epochs_count - 1] : NULL;
    if (checks->view.peers || !isr_topic_asks_for_logs(&seen->settings) ||
        leader->high_watermark >= leader->log_end ||
        (own != NULL && own->epoch == leader->leader_epoch && own->start_offset < leader->log_end))
        return false;
    isr_text_format(
        why,
        "its last records wait for the next one: they were written in earlier epochs, and nothing "
        "was in epoch %d",
        leader->leader_epoch);
    return true;
}
