#include "core/broker/broker.h"

#include "core/base/search.h"
#include "core/broker/compaction.h"
#include "core/broker/fetch_service.h"
#include "core/broker/fetcher.h"
#include "core/broker/leader.h"
#include "core/broker/push.h"
#include "core/broker/retention.h"

void isr_broker_init(struct isr_broker *broker, struct isr_env *env, struct isr_log_store *store)
{
    memset(broker, 0, sizeof *broker);
    broker->env = env;
    broker->store = store;
    broker->broker_epoch = -1;
    broker->controller = ISR_NODE_NONE;
    isr_image_init(&broker->image, env->heap);
    isr_push_init(broker);
    isr_timer_init(&broker->lag_timer, isr_membership_check_lag, broker);
    isr_timer_init(&broker->retention_timer, isr_retention_check, broker);
    isr_timer_init(&broker->compaction_timer, isr_compaction_check, broker);
}

static int64_t partition_key_at(const void *array, uint32_t place)
{
    return isr_tp_key(((struct isr_partition *const *)array)[place]->tp);
}

/* The first place whose partition is at or after key. */
static uint32_t broker_place(const struct isr_broker *broker, uint32_t key)
{
    return isr_search(broker->partitions, 0, broker->partitions_count, key, partition_key_at);
}

static struct isr_partition *partition_add(struct isr_broker *broker, struct isr_tp tp)
{
    struct isr_partition *partition = isr_heap_allocate(broker->env->heap, sizeof *partition);
    partition->tp = tp;
    partition->broker = broker;
    partition->leader = ISR_NODE_NONE;
    partition->leader_epoch = ISR_EPOCH_NONE;
    partition->partition_epoch = ISR_EPOCH_NONE;
    partition->log = isr_log_store_open(broker->store, tp);
    partition->log->held = isr_partition_held;
    partition->log->held_object = partition;
    uint32_t place = broker_place(broker, isr_tp_key(tp));
    broker->partitions = ISR_GROW(broker->env->heap, broker->partitions, broker->partitions_count,
                                  broker->partitions_capacity);
    memmove(&broker->partitions[place + 1], &broker->partitions[place],
            (broker->partitions_count - place) * sizeof(struct isr_partition *));
    broker->partitions[place] = partition;
    broker->partitions_count++;
    isr_tp_table_set(&broker->table, broker->env->heap, tp, partition);
    return partition;
}

/* This broker is no replica any more: the log goes too (StopReplica with deletion, KIP-455, KIP-516). */
void isr_broker_partition_stop(struct isr_broker *broker, struct isr_partition *partition)
{
    uint32_t place = broker_place(broker, isr_tp_key(partition->tp));
    ISR_ASSERT(broker->partitions[place] == partition);
    isr_partition_resign(partition);
    isr_fetch_forget(partition);
    isr_timer_cancel(&broker->env->timers, &partition->truncate_yield);
    broker->partitions_count--;
    memmove(&broker->partitions[place], &broker->partitions[place + 1],
            (broker->partitions_count - place) * sizeof(struct isr_partition *));
    isr_tp_table_set(&broker->table, broker->env->heap, partition->tp, NULL);
    isr_log_store_remove(broker->store, partition->log);
    isr_heap_release(broker->env->heap, partition);
}

void isr_broker_partition_changed(struct isr_broker *broker, const struct isr_image_partition *image,
                                  const struct isr_image_topic *topic, enum isr_cause cause)
{
    if (!broker->active || broker->image.index < broker->image_floor)
        return;
    struct isr_partition *partition = isr_broker_partition(broker, image->tp);
    if (isr_replicas_contain(&image->replicas, broker->env->node)) {
        if (partition == NULL)
            partition = partition_add(broker, image->tp);
        isr_partition_apply(partition, image, topic, cause);
        isr_compaction_consider(partition);
    } else if (partition != NULL && image->partition_epoch >= partition->partition_epoch) {
        isr_broker_partition_stop(broker, partition);
    }
}

void isr_broker_topic_changed(struct isr_broker *broker, const struct isr_image_topic *topic)
{
    if (!broker->active || broker->image.index < broker->image_floor)
        return;
    uint32_t place = broker_place(broker, isr_tp_key((struct isr_tp){.topic = topic->id}));
    while (place < broker->partitions_count && broker->partitions[place]->tp.topic == topic->id) {
        struct isr_partition *partition = broker->partitions[place];
        if (topic->removed) {
            isr_broker_partition_stop(broker, partition); /* the next one moves to this place */
        } else {
            isr_partition_configure(partition, &topic->settings);
            isr_compaction_consider(partition);
            place++;
        }
    }
}

/* Logs of partitions that this broker is no replica of: it was told of that while it was down. An image that
 * has reached the registration knows of all that this broker ever took part in. */
void isr_broker_drop_strays(struct isr_broker *broker)
{
    uint32_t i = 0;
    while (i < broker->store->logs_count) {
        struct isr_log *log = broker->store->logs[i];
        const struct isr_image_partition *image = isr_image_partition(&broker->image, log->tp);
        struct isr_partition *partition = isr_broker_partition(broker, log->tp);
        if (image != NULL && (isr_replicas_contain(&image->replicas, broker->env->node) ||
                              (partition != NULL && image->partition_epoch < partition->partition_epoch)))
            i++;
        else if (partition != NULL)
            isr_broker_partition_stop(broker, partition);
        else
            isr_log_store_remove(broker->store, log);
    }
}

static void take_roles(struct isr_broker *broker)
{
    for (uint32_t i = 0; i < broker->image.topics_count; i++) {
        const struct isr_image_topic *topic = &broker->image.topics[i];
        for (uint32_t k = 0; k < topic->partitions_count; k++) {
            if (topic->partitions[k].replicas.count > 0)
                isr_broker_partition_changed(broker, &topic->partitions[k], topic, ISR_CAUSE_METADATA);
        }
    }
}

void isr_broker_image_loaded(struct isr_broker *broker)
{
    if (!broker->active || broker->image.index < broker->image_floor)
        return;
    isr_broker_drop_strays(broker);
    take_roles(broker);
}

void isr_broker_activate(struct isr_broker *broker)
{
    ISR_ASSERT(!broker->active);
    ISR_ASSERT(broker->broker_epoch >= 0);
    ISR_ASSERT(broker->env->config.metadata_push || broker->image.index >= broker->broker_epoch);
    broker->active = true;
    isr_env_timer_in(broker->env, &broker->lag_timer, broker->env->config.replica_lag_time_max / 2);
    isr_env_timer_in(broker->env, &broker->retention_timer, broker->env->config.log_retention_check_interval);
    take_roles(broker);
}

void isr_broker_stop(struct isr_broker *broker)
{
    broker->active = false;
    isr_timer_cancel(&broker->env->timers, &broker->lag_timer);
    isr_timer_cancel(&broker->env->timers, &broker->push_timer);
    isr_timer_cancel(&broker->env->timers, &broker->retention_timer);
    isr_timer_cancel(&broker->env->timers, &broker->compaction_timer);
    for (uint32_t i = 0; i < broker->partitions_count; i++)
        isr_partition_resign(broker->partitions[i]);
}

bool isr_broker_message(struct isr_broker *broker, int32_t from, const struct isr_message *message)
{
    switch ((int)message->kind) {
    case ISR_MESSAGE_PRODUCE_REQUEST:
        isr_produce_request(broker, from, &message->produce_request);
        return true;
    case ISR_MESSAGE_FETCH_REQUEST:
        isr_fetch_request(broker, from, &message->fetch_request);
        return true;
    case ISR_MESSAGE_FETCH_RESPONSE:
        isr_fetcher_fetch_response(broker, from, &message->fetch_response);
        return true;
    case ISR_MESSAGE_OFFSETS_FOR_EPOCH_REQUEST:
        isr_epoch_service_request(broker, from, &message->offsets_for_epoch_request);
        return true;
    case ISR_MESSAGE_OFFSETS_FOR_EPOCH_RESPONSE:
        isr_fetcher_epoch_response(broker, from, &message->offsets_for_epoch_response);
        return true;
    case ISR_MESSAGE_PUSH_REQUEST:
        isr_push_request(broker, from, &message->push_request);
        return true;
    case ISR_MESSAGE_PUSH_RESPONSE:
        isr_push_response(broker, from, &message->push_response);
        return true;
    case ISR_MESSAGE_LOG_INFO_REQUEST:
        isr_log_info_request(broker, from, &message->log_info_request);
        return true;
    case ISR_MESSAGE_LIST_OFFSETS_REQUEST:
        isr_list_offsets_request(broker, from, &message->list_offsets_request);
        return true;
    case ISR_MESSAGE_READ_REQUEST:
        isr_read_request(broker, from, &message->read_request);
        return true;
    case ISR_MESSAGE_REPLICA_OFFSETS_REQUEST:
        isr_replica_offsets_request(broker, from, &message->replica_offsets_request);
        return true;
    case ISR_MESSAGE_LIST_OFFSETS_RESPONSE:
        isr_fetcher_list_offsets_response(broker, from, &message->list_offsets_response);
        return true;
    case ISR_MESSAGE_DELETE_RECORDS_REQUEST:
        isr_delete_records_request(broker, from, &message->delete_records_request);
        return true;
    case ISR_MESSAGE_LOG_STATE_REQUEST:
        isr_log_state_request(broker, from, &message->log_state_request);
        return true;
    case ISR_MESSAGE_LOG_STATE_RESPONSE:
        isr_fetcher_log_state_response(broker, from, &message->log_state_response);
        return true;
    case ISR_MESSAGE_COMPACTION_REQUEST:
        isr_compaction_request(broker, from, &message->compaction_request);
        return true;
    case ISR_MESSAGE_COMPACTION_RESPONSE:
        isr_compaction_response(broker, from, &message->compaction_response);
        return true;
    case ISR_MESSAGE_ALTER_PARTITION_RESPONSE:
        isr_alter_partition_response(broker, from, &message->alter_partition_response);
        return true;
    }
    return false;
}

void isr_broker_disconnected(struct isr_broker *broker, int32_t node)
{
    isr_fetcher_disconnected(broker, node);
    for (uint32_t i = 0; i < broker->partitions_count; i++) {
        if (broker->partitions[i]->role == ISR_ROLE_LEADER)
            isr_alter_partition_disconnected(broker->partitions[i], node);
    }
}

static uint64_t hash_offset(uint64_t hash, int64_t value)
{
    return isr_hash_combine(hash, (uint64_t)value);
}

static uint64_t digest_partition(const struct isr_partition *partition, uint64_t hash)
{
    hash = isr_hash_combine(hash, isr_tp_key(partition->tp));
    hash = isr_hash_combine(hash, (uint64_t)partition->role);
    hash = hash_offset(hash, partition->leader);
    hash = hash_offset(hash, partition->leader_epoch);
    hash = hash_offset(hash, partition->partition_epoch);
    hash = isr_hash_combine(hash, partition->recovering);
    hash = hash_offset(hash, partition->log->log_start);
    hash = hash_offset(hash, partition->log->high_watermark);
    hash = hash_offset(hash, partition->log->log_end);
    hash = hash_offset(hash, isr_log_held_end(partition->log));
    hash = hash_offset(hash, isr_log_last_epoch(partition->log));
    if (partition->role == ISR_ROLE_LEADER) {
        hash = hash_offset(hash, partition->epoch_start);
        hash = isr_hash_combine(hash, (uint64_t)partition->isr_state);
        hash = isr_hash_combine(hash, isr_replicas_pack(&partition->isr));
        hash = isr_hash_combine(hash, isr_replicas_pack(&partition->proposed));
        for (uint32_t i = 0; i < partition->remotes_count; i++) {
            hash = hash_offset(hash, partition->remotes[i].node);
            hash = hash_offset(hash, partition->remotes[i].log_end);
            hash = hash_offset(hash, partition->remotes[i].broker_epoch);
            hash = hash_offset(hash, partition->remotes[i].high_watermark_sent);
            hash = isr_hash_combine(hash, (uint64_t)partition->remotes[i].push.state);
            hash = hash_offset(hash, partition->remotes[i].push.next);
        }
    }
    if (partition->role == ISR_ROLE_FOLLOWER) {
        hash = isr_hash_combine(hash, (uint64_t)partition->fetching->state);
        hash = isr_hash_combine(hash, partition->fetching->writing);
    }
    return hash;
}

uint64_t isr_broker_digest(const struct isr_broker *broker, uint64_t hash)
{
    hash = hash_offset(hash, broker->broker_epoch);
    hash = isr_hash_combine(hash, broker->running);
    hash = isr_hash_combine(hash, broker->stopping);
    hash = isr_hash_combine(hash, broker->active);
    hash = isr_hash_combine(hash, broker->image.digest);
    hash = hash_offset(hash, broker->pushed.controller_epoch);
    hash = hash_offset(hash, broker->pushed.index);
    hash = isr_hash_combine(hash, broker->pushed.roles);
    for (uint32_t i = 0; i < broker->partitions_count; i++)
        hash = digest_partition(broker->partitions[i], hash);
    return hash;
}
