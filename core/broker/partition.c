#include "core/broker/partition.h"

#include "core/broker/fetch_service.h"
#include "core/broker/fetcher.h"
#include "core/broker/leader.h"
#include "core/broker/push.h"
#include "core/broker/retention.h"

struct isr_replicas isr_partition_maximal_isr(const struct isr_partition *partition)
{
    struct isr_replicas maximal = partition->isr;
    for (unsigned i = 0; i < partition->proposed.count; i++)
        isr_replicas_add(&maximal, partition->proposed.ids[i]);
    return maximal;
}

int32_t isr_partition_min_isr(const struct isr_partition *partition)
{
    return isr_effective_min_isr(&partition->broker->env->rules, (int32_t)partition->settings.min_isr,
                                 partition->replicas.count);
}

bool isr_partition_too_few(const struct isr_partition *partition, int32_t members)
{
    return isr_topic_needs_min_isr(&partition->settings) && members < isr_partition_min_isr(partition);
}

bool isr_partition_under_min_isr(const struct isr_partition *partition)
{
    return isr_partition_too_few(partition, partition->isr.count);
}

struct isr_remote_replica *isr_partition_remote(struct isr_partition *partition, int32_t node)
{
    for (uint32_t i = 0; i < partition->remotes_count; i++) {
        if (partition->remotes[i].node == node)
            return &partition->remotes[i];
    }
    return NULL;
}

enum isr_error isr_partition_compare_epoch(const struct isr_partition *partition, int32_t leader_epoch)
{
    if (leader_epoch == partition->leader_epoch)
        return ISR_ERROR_NONE;
    return leader_epoch < partition->leader_epoch ? ISR_ERROR_FENCED_LEADER_EPOCH
                                                  : ISR_ERROR_UNKNOWN_LEADER_EPOCH;
}

enum isr_error isr_partition_check_epoch(const struct isr_partition *partition, int32_t current_leader_epoch)
{
    if (current_leader_epoch < 0 || partition->log->env->rules.fence_fetch == ISR_RULE_fence_fetch_off)
        return ISR_ERROR_NONE;
    return isr_partition_compare_epoch(partition, current_leader_epoch);
}

enum isr_error isr_partition_missing(const struct isr_broker *broker, struct isr_tp tp)
{
    return isr_image_partition(&broker->image, tp) != NULL ? ISR_ERROR_NOT_LEADER_OR_FOLLOWER
                                                           : ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
}

/* ---- moving the ends of the log ---- */

static void observe_lowered(struct isr_partition *partition, int64_t from, enum isr_cause cause)
{
    struct isr_observation *seen = isr_observe(partition->broker->env, ISR_OBSERVED_HIGH_WATERMARK_LOWERED);
    seen->high_watermark_lowered.tp = isr_tp_key(partition->tp);
    seen->high_watermark_lowered.from = from;
    seen->high_watermark_lowered.to = partition->log->high_watermark;
    seen->high_watermark_lowered.cause = cause;
}

bool isr_partition_move_high_watermark(struct isr_partition *partition, int64_t offset, enum isr_cause cause)
{
    int64_t from = partition->log->high_watermark;
    if (offset == from)
        return false;
    isr_log_set_high_watermark(partition->log, offset);
    if (offset < from) {
        observe_lowered(partition, from, cause);
        return true;
    }
    struct isr_replicas maximal = isr_partition_maximal_isr(partition);
    struct isr_observation *seen = isr_observe(partition->broker->env, ISR_OBSERVED_HIGH_WATERMARK_ADVANCED);
    seen->high_watermark_advanced.tp = isr_tp_key(partition->tp);
    seen->high_watermark_advanced.from = from;
    seen->high_watermark_advanced.to = offset;
    seen->high_watermark_advanced.leader_epoch = partition->leader_epoch;
    seen->high_watermark_advanced.partition_epoch = partition->partition_epoch;
    seen->high_watermark_advanced.maximal_isr = (int64_t)isr_replicas_pack(&maximal);
    seen->high_watermark_advanced.as_leader = partition->role == ISR_ROLE_LEADER;
    seen->high_watermark_advanced.cause = cause;
    return true;
}

/* Whoever waits to read may wait at an offset that is gone. */
static void truncated(struct isr_partition *partition, int64_t high_watermark_before, enum isr_cause cause)
{
    if (partition->log->high_watermark < high_watermark_before)
        observe_lowered(partition, high_watermark_before, cause);
    isr_fetch_wake_all(partition);
}

/* Below its start the log has nothing to go on from. It begins again at 0, from where the leader's start
 * leads it on (KAFKA-9491): at the offset itself it would count as a holder of what lies before, which it
 * never fetched from this leader. UnifiedLog.truncateTo restarts there. */
void isr_partition_truncate(struct isr_partition *partition, int64_t offset, enum isr_cause cause)
{
    int64_t high_watermark = partition->log->high_watermark;
    if (offset < partition->log->log_start)
        isr_log_truncate_fully(partition->log, 0, cause);
    else
        isr_log_truncate(partition->log, offset, cause);
    truncated(partition, high_watermark, cause);
}

bool isr_partition_bootstrap(struct isr_partition *partition, const struct isr_log_state *state,
                             enum isr_cause cause)
{
    int64_t high_watermark = partition->log->high_watermark;
    if (!isr_log_bootstrap(partition->log, state, cause))
        return false;
    truncated(partition, high_watermark, cause);
    return true;
}

void isr_partition_held(void *object)
{
    struct isr_partition *partition = object;
    switch (partition->role) {
    case ISR_ROLE_NONE:
        break;
    case ISR_ROLE_LEADER:
        isr_leader_held(partition);
        break;
    case ISR_ROLE_FOLLOWER:
        isr_fetcher_held(partition);
        break;
    }
}

/* ---- leaving a role ---- */

static void leave_leader(struct isr_partition *partition)
{
    isr_alter_partition_drop(partition);
    isr_produce_fail(partition, false, ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    isr_delete_records_fail(partition, ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    isr_leader_count(partition, false);
    isr_timer_cancel(&partition->broker->env->timers, &partition->leading->shrink_yield);
    isr_timer_cancel(&partition->broker->env->timers, &partition->leading->expand_yield);
    isr_timer_cancel(&partition->broker->env->timers, &partition->leading->high_watermark_yield);
    isr_heap_release(partition->broker->env->heap, partition->leading);
    partition->leading = NULL;
    /* A follower knows neither remote state nor ISR, and a later leadership must not start from these
     * (Partition.makeFollower). */
    partition->remotes_count = 0;
    partition->isr = (struct isr_replicas){0};
    partition->proposed = (struct isr_replicas){0};
    partition->isr_state = ISR_STATE_COMMITTED;
}

static void leave_follower(struct isr_partition *partition)
{
    isr_fetcher_stop(partition);
    isr_heap_release(partition->broker->env->heap, partition->fetching);
    partition->fetching = NULL;
}

static void leave_role(struct isr_partition *partition)
{
    switch (partition->role) {
    case ISR_ROLE_NONE:
        break;
    case ISR_ROLE_LEADER:
        leave_leader(partition);
        break;
    case ISR_ROLE_FOLLOWER:
        leave_follower(partition);
        break;
    }
    partition->role = ISR_ROLE_NONE;
}

/* ---- becoming leader ---- */

static struct isr_remote_replica remote_fresh(int32_t node)
{
    return (struct isr_remote_replica){.node = node,
                                       .log_start = ISR_OFFSET_NONE,
                                       .log_end = ISR_OFFSET_NONE,
                                       .last_fetch_leader_end = ISR_OFFSET_NONE,
                                       .last_fetch_ns = ISR_NEVER_CAUGHT_UP,
                                       .last_caught_up_ns = ISR_NEVER_CAUGHT_UP,
                                       .broker_epoch = -1,
                                       .high_watermark_sent = ISR_OFFSET_NONE,
                                       .message_lag_since_ns = ISR_TIME_NEVER,
                                       .push = {.sent_ns = ISR_NEVER_CAUGHT_UP}};
}

/* One remote for each replica but this one, in assignment order; what is known of those that stay is kept. */
static void update_remotes(struct isr_partition *partition)
{
    struct isr_remote_replica remotes[ISR_REPLICAS_MAX];
    uint32_t count = 0;
    for (unsigned i = 0; i < partition->replicas.count; i++) {
        int32_t node = partition->replicas.ids[i];
        if (node == partition->broker->env->node)
            continue;
        const struct isr_remote_replica *known = isr_partition_remote(partition, node);
        remotes[count++] = known != NULL ? *known : remote_fresh(node);
    }
    memcpy(partition->remotes, remotes, count * sizeof remotes[0]);
    partition->remotes_count = count;
}

/* A new leader epoch: what is known of a follower may be history that it has left since (Vanlightly's
 * ResetFollowerStateOfAllButISR). Members of the ISR start as caught up, so that an election shrinks nothing;
 * others as never caught up, so that they do not hold the high watermark back. `continues`: this broker also
 * led the epoch just before, so nobody else can have made an ISR member cut its log in between: its LEO still
 * stands. Kafka keeps it whenever the broker was leader before; with epochs missed in between (a metadata
 * snapshot) that would count records that were cut off under the leader in between, hence the stricter
 * condition. */
static void reset_remotes(struct isr_partition *partition, bool continues)
{
    int64_t now_ns = partition->broker->env->now_ns;
    for (uint32_t i = 0; i < partition->remotes_count; i++) {
        struct isr_remote_replica *remote = &partition->remotes[i];
        bool in_isr = isr_replicas_contain(&partition->isr, remote->node);
        struct isr_remote_replica known = *remote;
        *remote = remote_fresh(known.node);
        if (in_isr)
            remote->last_caught_up_ns = now_ns;
        if (!continues || !in_isr)
            continue;
        remote->log_start = known.log_start;
        remote->log_end = known.log_end;
        remote->last_fetch_leader_end = isr_leader_end(partition);
        remote->last_fetch_ns = now_ns;
        remote->broker_epoch = known.broker_epoch;
    }
}

/* Partition.makeLeader: the epoch starts at this replica's own end, and followers begin anew. */
static void begin_leader_epoch(struct isr_partition *partition, bool continues)
{
    isr_truncation_drop_unborn_epochs(partition);
    /* The wrong rule of StreamBus' ReconcileAsNewLeader: its high watermark is a lower bound of what is
     * committed. */
    if (!continues && partition->broker->env->rules.leader_trunc == ISR_RULE_leader_trunc_hw)
        isr_partition_truncate(partition, partition->log->high_watermark, ISR_CAUSE_TRUNCATED_TO_HW);
    partition->epoch_start = partition->log->log_end;
    /* Even without records: a follower may have some of an epoch that this leader missed, and only a later
     * one in the cache says where the leader's history goes on (KAFKA-7415). */
    if (partition->broker->env->rules.assign_epoch_on_leader == ISR_RULE_assign_epoch_on_leader_on)
        isr_log_assign_epoch(partition->log, partition->leader_epoch, partition->epoch_start,
                             ISR_CAUSE_BECAME_LEADER);
    reset_remotes(partition, continues);
}

void isr_partition_observe_leader(struct isr_env *env, const struct isr_partition *partition,
                                  enum isr_cause cause)
{
    struct isr_observation *seen = isr_observe(env, ISR_OBSERVED_BECAME_LEADER);
    seen->became_leader.tp = isr_tp_key(partition->tp);
    seen->became_leader.leader_epoch = partition->leader_epoch;
    seen->became_leader.partition_epoch = partition->partition_epoch;
    seen->became_leader.log_end = partition->log->log_end;
    seen->became_leader.high_watermark = partition->log->high_watermark;
    seen->became_leader.isr = (int64_t)isr_replicas_pack(&partition->isr);
    seen->became_leader.recovering = partition->recovering;
    seen->became_leader.cause = cause;
    env->metrics.leader_elections++;
}

void isr_partition_configure(struct isr_partition *partition, const struct isr_topic_settings *settings)
{
    partition->settings = *settings;
    partition->log->segment_time_ns = settings->segment_time;
}

static void set_assignment(struct isr_partition *partition, const struct isr_image_partition *image,
                           const struct isr_image_topic *topic)
{
    partition->replicas = image->replicas;
    isr_partition_configure(partition, &topic->settings);
    partition->leader = image->leader;
    partition->recovering = image->recovering;
}

/* A record of the epoch that this broker leads already: only the ISR and the assignment can have changed. */
static void stay_leader(struct isr_partition *partition, const struct isr_image_partition *image,
                        const struct isr_image_topic *topic, enum isr_cause cause)
{
    /* The record of a change that AlterPartition's answer told before. Kafka applies it again; that would
     * drop what was proposed since then, and with it the maximal ISR while the controller may be accepting
     * (KIP-497). */
    if (image->partition_epoch == partition->partition_epoch)
        return;
    set_assignment(partition, image, topic);
    update_remotes(partition);
    isr_leader_commit_isr(partition, &image->isr, image->partition_epoch, cause);
}

static void become_leader(struct isr_partition *partition, const struct isr_image_partition *image,
                          const struct isr_image_topic *topic, enum isr_cause cause)
{
    bool continues = partition->role == ISR_ROLE_LEADER && image->leader_epoch == partition->leader_epoch + 1;
    if (partition->role != ISR_ROLE_LEADER) {
        leave_role(partition);
        partition->leading = isr_heap_allocate(partition->broker->env->heap, sizeof *partition->leading);
        partition->role = ISR_ROLE_LEADER;
        isr_alter_partition_start(partition);
    }
    isr_alter_partition_drop(partition);
    set_assignment(partition, image, topic);
    partition->leader_epoch = image->leader_epoch;
    partition->partition_epoch = image->partition_epoch;
    partition->isr = image->isr;
    partition->proposed = (struct isr_replicas){0};
    partition->isr_state = ISR_STATE_COMMITTED;
    update_remotes(partition);
    begin_leader_epoch(partition, continues);
    isr_partition_observe_leader(partition->broker->env, partition, cause);
    isr_leader_count(partition, true);
    isr_leader_advance_high_watermark(partition, ISR_CAUSE_BECAME_LEADER);
    isr_push_begin(partition);
    isr_fetch_wake_all(partition);
}

/* ---- becoming follower ---- */

void isr_partition_observe_follower(struct isr_env *env, const struct isr_partition *partition,
                                    enum isr_cause cause)
{
    struct isr_observation *seen = isr_observe(env, ISR_OBSERVED_BECAME_FOLLOWER);
    seen->became_follower.tp = isr_tp_key(partition->tp);
    seen->became_follower.leader_epoch = partition->leader_epoch;
    seen->became_follower.partition_epoch = partition->partition_epoch;
    seen->became_follower.leader = partition->leader;
    seen->became_follower.log_end = partition->log->log_end;
    seen->became_follower.high_watermark = partition->log->high_watermark;
    seen->became_follower.cause = cause;
}

static void become_follower(struct isr_partition *partition, const struct isr_image_partition *image,
                            const struct isr_image_topic *topic, enum isr_cause cause)
{
    bool new_leader = partition->role != ISR_ROLE_FOLLOWER || image->leader != partition->leader;
    bool new_epoch = image->leader_epoch > partition->leader_epoch;
    /* Fetching starts anew iff the leader epoch grew, even under the same leader (KAFKA-7164): another one
     * may have led, and made others cut their logs, in between. */
    bool anew = new_leader ||
                (new_epoch && partition->broker->env->rules.refetch_on == ISR_RULE_refetch_on_epoch_change);
    set_assignment(partition, image, topic);
    partition->leader_epoch = image->leader_epoch;
    partition->partition_epoch = image->partition_epoch;
    if (!anew) {
        if (new_epoch)
            isr_fetcher_epoch_moved(partition);
        return;
    }
    leave_role(partition); /* after the above: who waits is told who leads now */
    partition->fetching = isr_heap_allocate(partition->broker->env->heap, sizeof *partition->fetching);
    partition->role = ISR_ROLE_FOLLOWER;
    isr_partition_observe_follower(partition->broker->env, partition, cause);
    isr_fetcher_start(partition);
    isr_fetch_wake_all(partition);
}

/* ---- the border ---- */

void isr_partition_apply(struct isr_partition *partition, const struct isr_image_partition *image,
                         const struct isr_image_topic *topic, enum isr_cause cause)
{
    int32_t node = partition->broker->env->node;
    ISR_ASSERT(isr_replicas_contain(&image->replicas, node));
    /* Older records come late: AlterPartition's answer told a newer state before (Partition.makeLeader). */
    if (image->partition_epoch < partition->partition_epoch || image->leader_epoch < partition->leader_epoch)
        return;
    if (image->leader != node)
        become_follower(partition, image, topic, cause);
    else if (partition->role == ISR_ROLE_LEADER && image->leader_epoch == partition->leader_epoch)
        stay_leader(partition, image, topic, cause);
    else
        become_leader(partition, image, topic, cause);
    isr_partition_assert(partition);
}

void isr_partition_resign(struct isr_partition *partition)
{
    leave_role(partition);
    isr_fetch_wake_all(partition);
    isr_partition_assert(partition);
}

void isr_partition_assert(const struct isr_partition *partition)
{
    ISR_ASSERT((partition->leading != NULL) == (partition->role == ISR_ROLE_LEADER));
    ISR_ASSERT((partition->fetching != NULL) == (partition->role == ISR_ROLE_FOLLOWER));
    ISR_ASSERT(partition->role == ISR_ROLE_LEADER || partition->remotes_count == 0);
    ISR_ASSERT(partition->role == ISR_ROLE_LEADER || partition->isr.count == 0);
    switch (partition->isr_state) {
    case ISR_STATE_COMMITTED:
        ISR_ASSERT(partition->proposed.count == 0);
        break;
    case ISR_STATE_PENDING_EXPAND:
        ISR_ASSERT(isr_replicas_subset(&partition->isr, &partition->proposed));
        break;
    case ISR_STATE_PENDING_SHRINK:
        ISR_ASSERT(isr_replicas_subset(&partition->proposed, &partition->isr));
        break;
    }
    ISR_ASSERT(partition->log->log_start <= partition->log->high_watermark);
    ISR_ASSERT(partition->log->high_watermark <= partition->log->log_end);
}
