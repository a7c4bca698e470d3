#include "core/broker/leader.h"

#include "core/base/yield.h"
#include "core/broker/fetch_service.h"
#include "core/broker/push.h"

/* Followers are served, and measured, up to where the leader itself holds its log. In Kafka an append is in
 * the page cache before the log end moves, so that a follower can never hold a record that a killed leader
 * lost; here the write completes later, and a follower that ran ahead of it would break that. A follower at
 * this end has nothing to fetch: it is caught up. */
int64_t isr_leader_end(const struct isr_partition *partition)
{
    return isr_log_held_end(partition->log);
}

/* A replica outside the maximal ISR that is caught up and may join holds the high watermark back as well:
 * else it could never reach it under load, as its LEO must be at the high watermark to be let in (Kafka's
 * shouldWaitForReplicaToJoinIsr). One that lags or is not eligible does not count. */
static bool waits_for(const struct isr_partition *partition, const struct isr_remote_replica *remote)
{
    return isr_membership_caught_up(partition, remote) && isr_membership_eligible(partition, remote);
}

/* Whose logs the high watermark goes by: the maximal ISR (KIP-497). While a change is under way nobody knows
 * whether the controller has it already, and will elect by it: the ISR before it lacks who came in, the one
 * that was asked for lacks who is still there. */
static struct isr_replicas counted_isr(const struct isr_partition *partition)
{
    const struct isr_rules *rules = &partition->broker->env->rules;
    bool expanding = partition->isr_state == ISR_STATE_PENDING_EXPAND;
    bool shrinking = partition->isr_state == ISR_STATE_PENDING_SHRINK;
    if (expanding && rules->hw_expand == ISR_RULE_hw_expand_committed)
        return partition->isr;
    if (shrinking && rules->hw_shrink == ISR_RULE_hw_shrink_proposed)
        return partition->proposed;
    return isr_partition_maximal_isr(partition);
}

static int64_t high_watermark_candidate(const struct isr_partition *partition)
{
    const struct isr_topic_settings *settings = &partition->settings;
    int64_t leader_end = isr_leader_end(partition), ends[ISR_REPLICAS_MAX];
    bool in_sync[ISR_REPLICAS_MAX];
    struct isr_replicas counted = counted_isr(partition);
    for (uint32_t i = 0; i < partition->remotes_count; i++) {
        const struct isr_remote_replica *remote = &partition->remotes[i];
        ends[i] = remote->log_end;
        in_sync[i] = remote->log_end < leader_end &&
                     (isr_replicas_contain(&counted, remote->node) || waits_for(partition, remote));
    }
    return isr_commit_end(isr_topic_commit(settings), (uint32_t)settings->commit_followers, leader_end, ends,
                          in_sync, partition->remotes_count);
}

/* Where leaders are found by comparing logs, copies of older epochs prove nothing until a record of this one
 * is held as widely: a replica with a record of an epoch in between, written by a leader that was cut off,
 * would beat all who hold them (Ongaro's thesis 3.6.2). Until the next record the tail that was found stays
 * unread; Raft writes one of its own instead. */
static bool may_commit(const struct isr_partition *partition, int64_t candidate)
{
    if (!isr_topic_asks_for_logs(&partition->settings) || candidate > partition->epoch_start)
        return true;
    return partition->broker->env->rules.commit_own_epoch == ISR_RULE_commit_own_epoch_off;
}

/* The high watermark is where the topic's commit policy has it (isr_commit_end), this replica's own log
 * counted as far as it is held; it never goes back within a leadership. A replica that has not fetched in
 * this epoch has an unknown LEO and counts for nothing.
 *
 * Under all_isr it is the least LEO over the maximal ISR (KIP-497: with what AlterPartition may have
 * committed already); below min ISR it stays (KAFKA-15583): an eligible leader replica must hold everything
 * below it (KIP-966). (I1) */
static bool advance_to(struct isr_partition *partition, int64_t candidate, enum isr_cause cause)
{
    struct isr_env *env = partition->broker->env;
    if (isr_partition_under_min_isr(partition) &&
        env->rules.hw_requires_min_isr == ISR_RULE_hw_requires_min_isr_on)
        return false;
    if (candidate <= partition->log->high_watermark || !may_commit(partition, candidate))
        return false;
    isr_partition_move_high_watermark(partition, candidate, cause);
    env->metrics.high_watermark_advances++;
    isr_produce_high_watermark_advanced(partition);
    isr_fetch_wake(partition);
    isr_push_wake(partition);
    return true;
}

bool isr_leader_advance_high_watermark(struct isr_partition *partition, enum isr_cause cause)
{
    return advance_to(partition, high_watermark_candidate(partition), cause);
}

/* What was computed before the point may be beyond the end of who has come into the ISR since: in Kafka the
 * computation and the store hold the lock that an expansion takes (the review of KAFKA-8841 saw to that). */
static void go_on_advancing(void *object)
{
    struct isr_partition *partition = object;
    int64_t candidate = high_watermark_candidate(partition);
    if (partition->broker->env->rules.hw_stored == ISR_RULE_hw_stored_as_computed)
        candidate = partition->leading->high_watermark_computed;
    advance_to(partition, candidate, ISR_CAUSE_FOLLOWER_FETCH);
}

void isr_leader_followed(struct isr_partition *partition)
{
    struct isr_env *env = partition->broker->env;
    struct isr_leader *leading = partition->leading;
    if (!isr_yields(env, ISR_YIELD_HW_UPDATE)) {
        isr_leader_advance_high_watermark(partition, ISR_CAUSE_FOLLOWER_FETCH);
        return;
    }
    int64_t candidate = high_watermark_candidate(partition);
    if (candidate <= partition->log->high_watermark)
        return;
    bool stands = isr_timer_is_set(&leading->high_watermark_yield);
    if (!stands || candidate > leading->high_watermark_computed)
        leading->high_watermark_computed = candidate;
    if (!stands)
        isr_yield(env, ISR_YIELD_HW_UPDATE, &leading->high_watermark_yield, go_on_advancing, partition);
}

void isr_leader_held(struct isr_partition *partition)
{
    isr_produce_held(partition);
    /* An advance wakes the fetches by itself, for the new data too. */
    if (isr_leader_advance_high_watermark(partition, ISR_CAUSE_APPEND))
        return;
    isr_fetch_wake(partition);
    isr_push_wake(partition);
}

static void observe_committed(struct isr_partition *partition, const struct isr_replicas *isr,
                              int32_t partition_epoch, enum isr_cause cause)
{
    struct isr_observation *seen = isr_observe(partition->broker->env, ISR_OBSERVED_ISR_COMMITTED);
    seen->isr_committed.tp = isr_tp_key(partition->tp);
    seen->isr_committed.from = (int64_t)isr_replicas_pack(&partition->isr);
    seen->isr_committed.to = (int64_t)isr_replicas_pack(isr);
    seen->isr_committed.leader_epoch = partition->leader_epoch;
    seen->isr_committed.partition_epoch = partition_epoch;
    seen->isr_committed.cause = cause;
    struct isr_metrics *metrics = &partition->broker->env->metrics;
    if (!isr_replicas_subset(isr, &partition->isr))
        metrics->isr_expands++;
    if (!isr_replicas_subset(&partition->isr, isr))
        metrics->isr_shrinks++;
}

void isr_leader_commit_isr(struct isr_partition *partition, const struct isr_replicas *isr,
                           int32_t partition_epoch, enum isr_cause cause)
{
    /* What was proposed became true, whether the answer or the metadata says so first: then the cause is
     * ours. */
    if (partition->isr_state != ISR_STATE_COMMITTED && isr_replicas_equal_as_sets(&partition->proposed, isr))
        cause = partition->leading->alter_cause;
    isr_alter_partition_drop(partition);
    if (!isr_replicas_equal_as_sets(&partition->isr, isr))
        observe_committed(partition, isr, partition_epoch, cause);
    partition->isr = *isr;
    partition->partition_epoch = partition_epoch;
    partition->proposed = (struct isr_replicas){0};
    partition->isr_state = ISR_STATE_COMMITTED;
    isr_leader_count(partition, true);
    isr_fetch_warm(partition);
    /* A smaller ISR may already hold more (KAFKA-13091). First, so that what is committed now is answered
     * well. */
    isr_leader_advance_high_watermark(partition, ISR_CAUSE_ISR_COMMITTED);
    /* Below min ISR the high watermark stands still: who waits for it would only time out. */
    if (isr_partition_under_min_isr(partition))
        isr_produce_fail(partition, true, ISR_ERROR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
}

static void count(int64_t *gauge, bool *counted, bool now)
{
    *gauge += (int64_t)now - (int64_t)*counted;
    *counted = now;
}

void isr_leader_count(struct isr_partition *partition, bool leads)
{
    struct isr_metrics *metrics = &partition->broker->env->metrics;
    struct isr_leader *leading = partition->leading;
    count(&metrics->partitions_led, &leading->counted_led, leads);
    count(&metrics->partitions_under_min_isr, &leading->counted_under_min_isr,
          leads && isr_partition_under_min_isr(partition));
    count(&metrics->partitions_under_replicated, &leading->counted_under_replicated,
          leads && partition->isr.count < partition->replicas.count);
}
