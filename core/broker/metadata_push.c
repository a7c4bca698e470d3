#include "core/broker/metadata_push.h"

#include "core/base/search.h"
#include "core/broker/lifecycle.h"
#include "core/broker/metadata_follower.h"

/* No metadata log gets there. */
#define INDEX_MAX (INT64_MAX / 2)

/* ---- fences ---- */

/* Registered and not on the way out: there are logs and roles to be told of. */
static bool is_open(const struct isr_broker *broker)
{
    switch (broker->lifecycle->state) {
    case ISR_LIFECYCLE_CATCHING_UP:
    case ISR_LIFECYCLE_SERVING:
    case ISR_LIFECYCLE_LEAVING:
        return true;
    case ISR_LIFECYCLE_RECOVERING:
    case ISR_LIFECYCLE_REGISTERING:
    case ISR_LIFECYCLE_CLOSING:
    case ISR_LIFECYCLE_STOPPED:
        break;
    }
    return false;
}

static enum isr_error fence(const struct isr_broker *broker, int32_t controller_epoch, int64_t broker_epoch)
{
    const struct isr_rules *rules = &broker->env->rules;
    if (!broker->env->config.metadata_push || controller_epoch < 0)
        return ISR_ERROR_INVALID_REQUEST;
    if (!is_open(broker))
        return ISR_ERROR_BROKER_NOT_AVAILABLE;
    /* ReplicaManager.becomeLeaderOrFollower, stopReplicas, maybeUpdateMetadataCache. */
    if (controller_epoch < broker->pushed.controller_epoch &&
        rules->controller_epoch_fence == ISR_RULE_controller_epoch_fence_on)
        return ISR_ERROR_STALE_CONTROLLER_EPOCH;
    /* KIP-380: roles of the life before may name it leader of an epoch whose records it lost. */
    if (broker_epoch != broker->broker_epoch && rules->broker_epoch_fence == ISR_RULE_broker_epoch_fence_on)
        return ISR_ERROR_STALE_BROKER_EPOCH;
    return ISR_ERROR_NONE;
}

static void obey(struct isr_broker *broker, int32_t from, int32_t controller_epoch)
{
    isr_controller_found(broker, from);
    if (broker->pushed.controller_epoch == controller_epoch)
        return;
    broker->pushed.controller_epoch = controller_epoch;
    broker->pushed.index = 0;
}

/* ---- LeaderAndIsr ---- */

static struct isr_image_partition partition_told(const struct isr_leader_and_isr_partition *told)
{
    return (struct isr_image_partition){.tp = told->tp,
                                        .leader = told->leader,
                                        .leader_epoch = told->leader_epoch,
                                        .partition_epoch = told->partition_epoch,
                                        .recovering = told->recovering,
                                        .replicas = told->replicas,
                                        .adding = told->adding,
                                        .removing = told->removing,
                                        .isr = told->isr};
}

static bool partition_is_sane(const struct isr_broker *broker,
                              const struct isr_leader_and_isr_partition *told)
{
    struct isr_image_partition partition = partition_told(told);
    return told->tp.topic >= 1 && told->recovering <= 1 && told->cause < ISR_CAUSE_COUNT &&
           isr_topic_settings_check(&told->settings) == NULL && isr_image_partition_is_sane(&partition) &&
           isr_replicas_contain(&told->replicas, broker->env->node);
}

static bool leaders_are_sane(const struct isr_broker *broker,
                             const struct isr_leader_and_isr_request *request)
{
    if (request->full > 1 || request->index < 1 || request->index > INDEX_MAX)
        return false;
    for (uint32_t i = 0; i < request->partitions_count; i++) {
        if (!partition_is_sane(broker, &request->partitions[i]) ||
            (i > 0 && isr_tp_key(request->partitions[i - 1].tp) >= isr_tp_key(request->partitions[i].tp)))
            return false;
    }
    return true;
}

static int64_t told_key_at(const void *array, uint32_t place)
{
    return isr_tp_key(((const struct isr_leader_and_isr_partition *)array)[place].tp);
}

static bool is_told(const struct isr_leader_and_isr_request *request, struct isr_tp tp)
{
    uint32_t place =
        isr_search(request->partitions, 0, request->partitions_count, isr_tp_key(tp), told_key_at);
    return place < request->partitions_count && isr_tp_equal(request->partitions[place].tp, tp);
}

static void drop_strays(struct isr_broker *broker, const struct isr_leader_and_isr_request *request)
{
    uint32_t i = 0;
    while (i < broker->store->logs_count) {
        struct isr_log *log = broker->store->logs[i];
        struct isr_partition *partition = isr_broker_partition(broker, log->tp);
        if (is_told(request, log->tp))
            i++;
        else if (partition != NULL)
            isr_broker_partition_stop(broker, partition);
        else
            isr_log_store_remove(broker->store, log);
    }
}

static enum isr_error leader_and_isr(struct isr_broker *broker,
                                     const struct isr_leader_and_isr_request *request)
{
    if (!leaders_are_sane(broker, request))
        return ISR_ERROR_INVALID_REQUEST;
    if (request->index <= broker->pushed.index)
        return ISR_ERROR_NONE;
    broker->pushed.index = request->index;
    if (!broker->active)
        isr_broker_activate(broker);
    if (request->full)
        drop_strays(broker, request);
    for (uint32_t i = 0; i < request->partitions_count; i++) {
        const struct isr_leader_and_isr_partition *told = &request->partitions[i];
        const struct isr_image_topic topic = {.id = told->tp.topic, .settings = told->settings};
        struct isr_image_partition partition = partition_told(told);
        isr_broker_partition_changed(broker, &partition, &topic, (enum isr_cause)told->cause);
    }
    return ISR_ERROR_NONE;
}

/* ---- StopReplica ---- */

static bool stop_is_stale(const struct isr_partition *partition,
                          const struct isr_stop_replica_partition *told)
{
    /* KIP-570: the replica has come back since. Its leader epoch need not have grown by that (KAFKA-13972),
     * the partition epoch has. A topic that was removed never comes back. */
    return !told->topic_removed && (told->leader_epoch < partition->leader_epoch ||
                                    told->partition_epoch < partition->partition_epoch);
}

static enum isr_error stop_replica(struct isr_broker *broker, const struct isr_stop_replica_request *request)
{
    enum isr_error error = ISR_ERROR_NONE;
    for (uint32_t i = 0; i < request->partitions_count; i++) {
        const struct isr_stop_replica_partition *told = &request->partitions[i];
        struct isr_partition *partition = isr_broker_partition(broker, told->tp);
        if (partition == NULL)
            continue;
        if (broker->env->rules.stop_replica_fence == ISR_RULE_stop_replica_fence_on &&
            stop_is_stale(partition, told))
            error = ISR_ERROR_FENCED_LEADER_EPOCH;
        else
            isr_broker_partition_stop(broker, partition);
    }
    return error;
}

/* ---- requests ---- */

static void answer(struct isr_broker *broker, int32_t to, uint32_t correlation, enum isr_error error)
{
    struct isr_message message = {
        .kind = ISR_MESSAGE_CONTROLLER_PUSH_RESPONSE,
        .controller_push_response = {.correlation = correlation, .error = (uint8_t)error}};
    isr_send(broker->env, to, &message);
}

static void refused(struct isr_broker *broker, int32_t from, int32_t controller_epoch, int64_t broker_epoch,
                    enum isr_error error)
{
    if (error == ISR_ERROR_BROKER_NOT_AVAILABLE) /* no judgement, only too early or too late */
        return;
    broker->env->metrics.pushes_refused++;
    struct isr_observation *observation = isr_observe(broker->env, ISR_OBSERVED_PUSH_REFUSED);
    observation->push_refused.controller = from;
    observation->push_refused.error = error;
    observation->push_refused.controller_epoch = controller_epoch;
    observation->push_refused.broker_epoch = broker_epoch;
}

/* The head that all three have. */
struct head {
    uint32_t correlation;
    int32_t controller_epoch;
    int64_t broker_epoch;
};

static bool head_of(const struct isr_message *message, struct head *head)
{
    if (message->kind == ISR_MESSAGE_LEADER_AND_ISR_REQUEST) {
        const struct isr_leader_and_isr_request *request = &message->leader_and_isr_request;
        *head = (struct head){request->correlation, request->controller_epoch, request->broker_epoch};
    } else if (message->kind == ISR_MESSAGE_STOP_REPLICA_REQUEST) {
        const struct isr_stop_replica_request *request = &message->stop_replica_request;
        *head = (struct head){request->correlation, request->controller_epoch, request->broker_epoch};
    } else if (message->kind == ISR_MESSAGE_UPDATE_METADATA_REQUEST) {
        const struct isr_update_metadata_request *request = &message->update_metadata_request;
        *head = (struct head){request->correlation, request->controller_epoch, request->broker_epoch};
    } else {
        return false;
    }
    return true;
}

static enum isr_error take(struct isr_broker *broker, const struct isr_message *message)
{
    if (message->kind == ISR_MESSAGE_LEADER_AND_ISR_REQUEST)
        return leader_and_isr(broker, &message->leader_and_isr_request);
    if (message->kind == ISR_MESSAGE_STOP_REPLICA_REQUEST)
        return stop_replica(broker, &message->stop_replica_request);
    return isr_metadata_follower_pushed(broker, &message->update_metadata_request);
}

bool isr_metadata_push_message(struct isr_broker *broker, int32_t from, const struct isr_message *message)
{
    struct head head;
    if (!head_of(message, &head))
        return false;
    enum isr_error error = fence(broker, head.controller_epoch, head.broker_epoch);
    if (error == ISR_ERROR_NONE) {
        obey(broker, from, head.controller_epoch);
        error = take(broker, message);
    }
    if (error != ISR_ERROR_NONE)
        refused(broker, from, head.controller_epoch, head.broker_epoch, error);
    answer(broker, from, head.correlation, error);
    if (error == ISR_ERROR_NONE)
        isr_lifecycle_metadata_came(broker);
    return true;
}
