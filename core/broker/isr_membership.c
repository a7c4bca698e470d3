/* Who is in sync: when a replica may come in and when it must leave.
 *
 * Time lag (KIP-16): a replica is caught up while it reached the leader's end, as that was at its last or
 * last but one fetch, within replica_lag_time_max. A burst of appends moves the leader's end, but a follower
 * that keeps pace reaches with each fetch the end of one fetch earlier: it stays caught up however large the
 * burst was. Only one that cannot keep pace for the whole bound leaves.
 *
 * Message lag (replica_lag_max_messages, what KIP-16 removed): one burst larger than the bound puts every
 * follower behind at once, which made the ISR of Kafka 0.8 flap. Here a follower must have been behind
 * without a break from one look of the lag timer to the next, replica_lag_time_max / 2 later; a single fetch
 * within the bound in between clears it.
 *
 * Hysteresis: to come back, the lag must be at most the bound divided by isr_hysteresis, so that one that
 * hovers at the bound does not enter and leave in turns. 1 is Kafka's rule: the high watermark and the epoch
 * start alone decide. */
#include "core/broker/leader.h"

bool isr_membership_eligible(const struct isr_partition *partition, const struct isr_remote_replica *remote)
{
    /* KIP-841: not fenced, not in controlled shutdown; KIP-903: not a fetch of its life before a restart. */
    const struct isr_image *image = &partition->broker->image;
    if (!isr_image_broker_active(image, remote->node))
        return false;
    return remote->broker_epoch == -1 || remote->broker_epoch == image->brokers[remote->node].epoch;
}

static int64_t time_lag_ns(const struct isr_partition *partition, const struct isr_remote_replica *remote)
{
    return partition->broker->env->now_ns - remote->last_caught_up_ns;
}

bool isr_membership_caught_up(const struct isr_partition *partition, const struct isr_remote_replica *remote)
{
    return remote->log_end == isr_leader_end(partition) ||
           time_lag_ns(partition, remote) <= partition->broker->env->config.replica_lag_time_max;
}

static int64_t message_lag(const struct isr_partition *partition, const struct isr_remote_replica *remote)
{
    return isr_leader_end(partition) - remote->log_end;
}

/* ---- coming in ---- */

static bool within_hysteresis(const struct isr_partition *partition, const struct isr_remote_replica *remote)
{
    const struct isr_config *config = &partition->broker->env->config;
    if (config->replica_lag_max_messages > 0 &&
        message_lag(partition, remote) > config->replica_lag_max_messages / config->isr_hysteresis)
        return false;
    if (config->isr_hysteresis == 1)
        return true;
    return time_lag_ns(partition, remote) <= config->replica_lag_time_max / config->isr_hysteresis;
}

static bool holds_enough(const struct isr_partition *partition, const struct isr_remote_replica *remote)
{
    /* It has just fetched in this epoch: what it held in another one would say nothing (Vanlightly's model of
     * KIP-966). */
    ISR_ASSERT(remote->log_end != ISR_OFFSET_NONE);
    /* Where every member must hold what is committed nobody comes in without all of it
     * (Partition.isFollowerInSync), and the high watermark waits for who is caught up (leader.c). Under other
     * commit policies it runs ahead of every follower under load: to keep pace is enough. */
    if (isr_topic_needs_min_isr(&partition->settings) ? remote->log_end < partition->log->high_watermark
                                                      : !isr_membership_caught_up(partition, remote))
        return false;
    /* A new leader's high watermark is stale-low: between it and the start of the epoch lies what may have
     * been committed by the leader before (KAFKA-7128, I1). */
    return partition->broker->env->rules.expand_epoch_start == ISR_RULE_expand_epoch_start_off ||
           remote->log_end >= partition->epoch_start;
}

void isr_membership_fetched(struct isr_partition *partition, struct isr_remote_replica *remote)
{
    const struct isr_env *env = partition->broker->env;
    if (message_lag(partition, remote) <= env->config.replica_lag_max_messages)
        remote->message_lag_since_ns = ISR_TIME_NEVER;
    if (partition->isr_state != ISR_STATE_COMMITTED || env->now_ns < partition->leading->propose_after_ns)
        return;
    if (isr_replicas_contain(&partition->isr, remote->node) || partition->isr.count == ISR_REPLICAS_MAX)
        return;
    if (!isr_membership_eligible(partition, remote) || !holds_enough(partition, remote) ||
        !within_hysteresis(partition, remote))
        return;
    struct isr_replicas isr = partition->isr;
    isr_replicas_add(&isr, remote->node);
    isr_alter_partition_propose(partition, &isr, ISR_STATE_PENDING_EXPAND, ISR_CAUSE_CAUGHT_UP);
}

/* ---- leaving ---- */

/* Called at each look of the lag timer. */
static bool message_lag_lasts(const struct isr_partition *partition, struct isr_remote_replica *remote)
{
    const struct isr_env *env = partition->broker->env;
    int64_t bound = env->config.replica_lag_max_messages;
    if (bound == 0 || remote->log_end == ISR_OFFSET_NONE || message_lag(partition, remote) <= bound) {
        remote->message_lag_since_ns = ISR_TIME_NEVER;
        return false;
    }
    if (remote->message_lag_since_ns != ISR_TIME_NEVER)
        return true;
    remote->message_lag_since_ns = env->now_ns;
    return false;
}

static void check_lag(struct isr_partition *partition)
{
    struct isr_replicas isr = partition->isr;
    enum isr_cause cause = ISR_CAUSE_NONE;
    for (uint32_t i = 0; i < partition->remotes_count; i++) {
        struct isr_remote_replica *remote = &partition->remotes[i];
        bool messages = message_lag_lasts(partition, remote);
        bool time = !isr_membership_caught_up(partition, remote);
        if ((!messages && !time) || !isr_replicas_contain(&isr, remote->node))
            continue;
        isr_replicas_remove(&isr, remote->node);
        cause = time ? ISR_CAUSE_TIME_LAG : ISR_CAUSE_MESSAGE_LAG;
    }
    if (cause == ISR_CAUSE_NONE || partition->isr_state != ISR_STATE_COMMITTED ||
        partition->broker->env->now_ns < partition->leading->propose_after_ns)
        return;
    isr_alter_partition_propose(partition, &isr, ISR_STATE_PENDING_SHRINK, cause);
}

void isr_membership_check_lag(void *object)
{
    struct isr_broker *broker = object;
    for (uint32_t i = 0; i < broker->partitions_count; i++) {
        struct isr_partition *partition = broker->partitions[i];
        if (partition->role != ISR_ROLE_LEADER)
            continue;
        check_lag(partition);
        /* A replica outside the ISR that stopped being caught up holds the high watermark back no longer; no
         * fetch of its own will say so. */
        isr_leader_advance_high_watermark(partition, ISR_CAUSE_TIME_LAG);
    }
    /* Twice a bound, so that none exceeds it by more than half (ReplicaManager's isr-expiration task). */
    isr_env_timer_in(broker->env, &broker->lag_timer, broker->env->config.replica_lag_time_max / 2);
}
