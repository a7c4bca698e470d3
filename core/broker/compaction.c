/* Log compaction on a broker (Kafka: LogCleanerManager). One cleaner, which takes the dirtiest log of those
 * that are dirty enough; when none is left it rests for log_cleaner_backoff. Every replica compacts its own
 * log.
 *
 * Nothing is removed on account of a record that is not committed (KAFKA-13194).
 *
 * Tombstones are coordinated. Replicas compact by themselves, so a replica that was away for longer than
 * delete_retention may still have what a tombstone deleted, fetch the log without the tombstone, and bring
 * the deleted value back when it leads; Kafka does that (Redpanda, 2026-06-25: "Apache Kafka's log compaction
 * corrupts data"). Here a tombstone goes only when every replica's log is clean beyond it: then none has what
 * it deleted, and whoever begins anew gets it from none. Followers tell their leader up to where they are
 * clean, and learn up to where all are. What was so once stays so, whoever leads. A follower's word counts
 * for the life of its broker in which it fetches: in the next it may have lost its disk. */
#include "core/broker/compaction.h"

#include "core/log/cleaner.h"

static bool is_compacted(const struct isr_partition *partition)
{
    return partition->settings.cleanup != ISR_CLEANUP_DELETE && partition->role != ISR_ROLE_NONE;
}

void isr_compaction_consider(struct isr_partition *partition)
{
    struct isr_broker *broker = partition->broker;
    if (is_compacted(partition) && !isr_timer_is_set(&broker->compaction_timer) && !broker->compacting)
        isr_env_timer_in(broker->env, &broker->compaction_timer, broker->env->config.log_cleaner_backoff);
}

/* ---- tombstones ---- */

static void raise_all_clean(struct isr_partition *partition, int64_t offset)
{
    if (partition->all_clean_end < offset)
        partition->all_clean_end = offset;
}

static void learn_as_leader(struct isr_partition *partition)
{
    int64_t least = partition->log->clean_end;
    for (uint32_t i = 0; i < partition->remotes_count; i++) {
        const struct isr_remote_replica *remote = &partition->remotes[i];
        int64_t clean_end = remote->clean_broker_epoch == remote->broker_epoch ? remote->clean_end : 0;
        if (clean_end < least)
            least = clean_end;
    }
    raise_all_clean(partition, least);
}

static void tell_leader(const struct isr_partition *partition)
{
    struct isr_broker *broker = partition->broker;
    if (partition->leader == ISR_NODE_NONE || partition->leader == broker->env->node)
        return;
    struct isr_message message = {.kind = ISR_MESSAGE_COMPACTION_REQUEST,
                                  .compaction_request = {.tp = partition->tp,
                                                         .leader_epoch = partition->leader_epoch,
                                                         .broker_epoch = broker->broker_epoch,
                                                         .clean_end = partition->log->clean_end}};
    isr_send(broker->env, partition->leader, &message);
}

void isr_compaction_request(struct isr_broker *broker, int32_t from,
                            const struct isr_compaction_request *request)
{
    struct isr_partition *partition = isr_broker_partition(broker, request->tp);
    if (partition == NULL || partition->role != ISR_ROLE_LEADER ||
        partition->leader_epoch != request->leader_epoch || !is_compacted(partition))
        return;
    struct isr_remote_replica *remote = isr_partition_remote(partition, from);
    if (remote == NULL)
        return;
    remote->clean_end = request->clean_end;
    remote->clean_broker_epoch = request->broker_epoch;
    learn_as_leader(partition);
    struct isr_message message = {.kind = ISR_MESSAGE_COMPACTION_RESPONSE,
                                  .compaction_response = {.tp = partition->tp,
                                                          .leader_epoch = partition->leader_epoch,
                                                          .all_clean_end = partition->all_clean_end}};
    isr_send(broker->env, from, &message);
}

void isr_compaction_response(struct isr_broker *broker, int32_t from,
                             const struct isr_compaction_response *response)
{
    struct isr_partition *partition = isr_broker_partition(broker, response->tp);
    if (partition != NULL && partition->role == ISR_ROLE_FOLLOWER && partition->leader == from &&
        partition->leader_epoch == response->leader_epoch)
        raise_all_clean(partition, response->all_clean_end);
}

static int64_t tombstone_limit(const struct isr_partition *partition)
{
    if (partition->broker->env->rules.tombstone_replicas == ISR_RULE_tombstone_replicas_ignored)
        return INT64_MAX;
    /* Its own word counts as it is now. */
    return partition->all_clean_end < partition->log->clean_end ? partition->all_clean_end
                                                                : partition->log->clean_end;
}

/* ---- which log ---- */

static struct isr_clean_policy policy_of(const struct isr_partition *partition)
{
    const struct isr_topic_settings *settings = &partition->settings;
    bool committed =
        partition->broker->env->rules.compaction_limit == ISR_RULE_compaction_limit_high_watermark;
    return (struct isr_clean_policy){.limit =
                                         committed ? partition->log->high_watermark : partition->log->log_end,
                                     .compaction_lag_ns = settings->min_compaction_lag,
                                     .delete_retention_ns = settings->delete_retention,
                                     .tombstones = tombstone_limit(partition)};
}

/* How much of what may be compacted is dirty, in millionths; 0: too little. */
static int64_t dirt_of(const struct isr_partition *partition, const struct isr_clean_policy *policy)
{
    struct isr_clean_extent extent = isr_log_clean_extent(partition->log, policy);
    int64_t bytes = extent.clean_bytes + extent.dirty_bytes;
    bool enough = extent.dirty_bytes * 100 > bytes * partition->settings.min_cleanable_dirty_percent;
    if (extent.dirty_bytes > 0 && enough)
        return extent.dirty_bytes * 1000000 / bytes;
    /* A log that nobody writes to is compacted for its tombstones' sake (KAFKA-8522). */
    return isr_log_tombstones_due(partition->log, policy) ? 1 : 0;
}

static struct isr_partition *dirtiest(const struct isr_broker *broker)
{
    struct isr_partition *found = NULL;
    int64_t most = 0;
    for (uint32_t i = 0; i < broker->partitions_count; i++) {
        struct isr_partition *partition = broker->partitions[i];
        if (!is_compacted(partition) || partition->log->cleaning != NULL)
            continue;
        struct isr_clean_policy policy = policy_of(partition);
        int64_t dirt = dirt_of(partition, &policy);
        if (dirt > most) {
            most = dirt;
            found = partition;
        }
    }
    return found;
}

static void look(struct isr_broker *broker);

static void on_compacted(void *object)
{
    struct isr_broker *broker = object;
    broker->compacting = false;
    look(broker);
}

static void rest(struct isr_broker *broker)
{
    for (uint32_t i = 0; i < broker->partitions_count; i++)
        isr_compaction_consider(broker->partitions[i]);
}

static void look(struct isr_broker *broker)
{
    struct isr_partition *partition = broker->active && !broker->store->closing ? dirtiest(broker) : NULL;
    if (partition == NULL) {
        rest(broker);
        return;
    }
    struct isr_clean_policy policy = policy_of(partition);
    broker->compacting = true;
    isr_log_clean(partition->log, &policy, on_compacted, broker);
}

void isr_compaction_check(void *object)
{
    struct isr_broker *broker = object;
    for (uint32_t i = 0; i < broker->partitions_count; i++) {
        struct isr_partition *partition = broker->partitions[i];
        if (!is_compacted(partition))
            continue;
        if (partition->role == ISR_ROLE_LEADER)
            learn_as_leader(partition);
        else
            tell_leader(partition);
    }
    look(broker);
}
