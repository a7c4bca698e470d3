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
 * start alone decide.
 *
 * Both ways are check-then-act in Kafka, where the checks are made under a read lock first (KAFKA-7538) and
 * again under the write lock: yield points isr_expand and isr_shrink. */
#include "core/base/yield.h"
#include "core/broker/leader.h"

bool isr_membership_eligible(const struct isr_partition *partition, const struct isr_remote_replica *remote)
{
    const struct isr_broker *broker = partition->broker;
    return isr_image_may_enter_isr(&broker->image, &broker->env->rules, remote->node, remote->broker_epoch);
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

/* Nothing is in flight, and no pause after a refusal. */
static bool may_propose(const struct isr_partition *partition)
{
    return partition->isr_state == ISR_STATE_COMMITTED &&
           partition->broker->env->now_ns >= partition->leading->propose_after_ns;
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

static bool may_expand(const struct isr_partition *partition, const struct isr_remote_replica *remote)
{
    return may_propose(partition) && !isr_replicas_contain(&partition->isr, remote->node) &&
           partition->isr.count < ISR_REPLICAS_MAX && isr_membership_eligible(partition, remote);
}

static void expand(struct isr_partition *partition, const struct isr_remote_replica *remote)
{
    struct isr_replicas isr = partition->isr;
    isr_replicas_add(&isr, remote->node);
    isr_alter_partition_propose(partition, &isr, ISR_STATE_PENDING_EXPAND, ISR_CAUSE_CAUGHT_UP);
}

/* That it is caught up and which life of it is must be asked of one and the same state: between two, a
 * replica that lost its tail may have come back under the epoch that the metadata has by now (KAFKA-15221).
 */
static void go_on_expanding(void *object)
{
    struct isr_partition *partition = object;
    const struct isr_remote_replica *remote = isr_partition_remote(partition, partition->leading->expanding);
    if (remote == NULL || !may_expand(partition, remote))
        return;
    if (partition->broker->env->rules.expand_epoch_snapshot == ISR_RULE_expand_epoch_snapshot_on &&
        (!holds_enough(partition, remote) || !within_hysteresis(partition, remote)))
        return;
    expand(partition, remote);
}

void isr_membership_fetched(struct isr_partition *partition, struct isr_remote_replica *remote)
{
    const struct isr_env *env = partition->broker->env;
    if (message_lag(partition, remote) <= env->config.replica_lag_max_messages)
        remote->message_lag_since_ns = ISR_TIME_NEVER;
    if (!may_expand(partition, remote) || !holds_enough(partition, remote) ||
        !within_hysteresis(partition, remote))
        return;
    if (!isr_yields(env, ISR_YIELD_ISR_EXPAND)) {
        expand(partition, remote);
    } else if (!isr_timer_is_set(&partition->leading->expand_yield)) {
        partition->leading->expanding = remote->node;
        isr_yield(partition->broker->env, ISR_YIELD_ISR_EXPAND, &partition->leading->expand_yield,
                  go_on_expanding, partition);
    }
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

static void shrink(struct isr_partition *partition, const struct isr_replicas *leaving, enum isr_cause cause)
{
    struct isr_replicas isr = partition->isr;
    for (unsigned i = 0; i < leaving->count; i++)
        isr_replicas_remove(&isr, leaving->ids[i]);
    if (may_propose(partition) && isr.count < partition->isr.count)
        isr_alter_partition_propose(partition, &isr, ISR_STATE_PENDING_SHRINK, cause);
}

static bool still_behind(const struct isr_partition *partition, const struct isr_remote_replica *remote)
{
    int64_t bound = partition->broker->env->config.replica_lag_max_messages;
    return !isr_membership_caught_up(partition, remote) ||
           (bound > 0 && remote->log_end != ISR_OFFSET_NONE && message_lag(partition, remote) > bound);
}

/* From the ISR as it is now, and only who is behind still: an ISR read before the point may be that of
 * another leadership (apache/fluss#3927). */
static void go_on_shrinking(void *object)
{
    struct isr_partition *partition = object;
    struct isr_replicas leaving = {0};
    for (uint32_t i = 0; i < partition->remotes_count; i++) {
        const struct isr_remote_replica *remote = &partition->remotes[i];
        if (isr_replicas_contain(&partition->leading->fell_behind, remote->node) &&
            still_behind(partition, remote))
            isr_replicas_add(&leaving, remote->node);
    }
    shrink(partition, &leaving, partition->leading->shrink_cause);
}

static void check_lag(struct isr_partition *partition)
{
    struct isr_env *env = partition->broker->env;
    struct isr_leader *leading = partition->leading;
    struct isr_replicas leaving = {0};
    enum isr_cause cause = ISR_CAUSE_NONE;
    for (uint32_t i = 0; i < partition->remotes_count; i++) {
        struct isr_remote_replica *remote = &partition->remotes[i];
        bool messages = message_lag_lasts(partition, remote);
        bool time = !isr_membership_caught_up(partition, remote);
        if ((!messages && !time) || !isr_replicas_contain(&partition->isr, remote->node))
            continue;
        isr_replicas_add(&leaving, remote->node);
        cause = time ? ISR_CAUSE_TIME_LAG : ISR_CAUSE_MESSAGE_LAG;
    }
    if (cause == ISR_CAUSE_NONE || !may_propose(partition))
        return;
    if (!isr_yields(env, ISR_YIELD_ISR_SHRINK)) {
        shrink(partition, &leaving, cause);
    } else if (!isr_timer_is_set(&leading->shrink_yield)) {
        leading->fell_behind = leaving;
        leading->shrink_cause = cause;
        isr_yield(env, ISR_YIELD_ISR_SHRINK, &leading->shrink_yield, go_on_shrinking, partition);
    }
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
