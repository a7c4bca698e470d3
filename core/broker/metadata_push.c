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

/* The head that all three have, and who sent it. */
struct head {
    int32_t from;
    uint32_t correlation;
    int32_t controller_epoch;
    int64_t broker_epoch;
};

static enum isr_error fence(const struct isr_broker *broker, const struct head *head)
{
    const struct isr_rules *rules = &broker->env->rules;
    if (!broker->env->config.metadata_push || head->controller_epoch < 0 ||
        !isr_controller_is_one(broker, head->from))
        return ISR_ERROR_INVALID_REQUEST;
    if (!is_open(broker))
        return ISR_ERROR_BROKER_NOT_AVAILABLE;
    /* ReplicaManager.becomeLeaderOrFollower, stopReplicas, maybeUpdateMetadataCache. */
    if (head->controller_epoch < broker->pushed.controller_epoch &&
        rules->controller_epoch_fence == ISR_RULE_controller_epoch_fence_on)
        return ISR_ERROR_STALE_CONTROLLER_EPOCH;
    /* KIP-380: roles of the life before may name it leader of an epoch whose records it lost. */
    if (head->broker_epoch != broker->broker_epoch &&
        rules->broker_epoch_fence == ISR_RULE_broker_epoch_fence_on)
        return ISR_ERROR_STALE_BROKER_EPOCH;
    return ISR_ERROR_NONE;
}

/* Only for what makes sense: after nonsense with a high epoch no real controller would be obeyed any more. */
static void obey(struct isr_broker *broker, const struct head *head)
{
    isr_controller_found(broker, head->from);
    if (broker->pushed.controller_epoch == head->controller_epoch)
        return;
    broker->pushed.controller_epoch = head->controller_epoch;
    broker->pushed.index = 0;
    broker->pushed.roles = false;
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
    /* Both epochs begin at 0, and no change moves the leader epoch alone. */
    return told->tp.topic >= 1 && told->recovering <= 1 && told->cause < ISR_CAUSE_COUNT &&
           isr_topic_settings_check(&told->settings) == NULL && isr_image_partition_is_sane(&partition) &&
           told->leader_epoch <= told->partition_epoch &&
           (told->leader == ISR_NODE_NONE || isr_replicas_contain(&told->isr, told->leader)) &&
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

/* No history of this cluster has both: a topic that was removed does not come back, an epoch has one leader,
 * and each change of leaders is one of the partition. An older state is no contradiction. */
static bool contradicts(const struct isr_broker *broker, const struct isr_leader_and_isr_partition *told)
{
    const struct isr_image_topic *topic = isr_image_topic_ever(&broker->image, told->tp.topic);
    if (topic != NULL && topic->removed)
        return true;
    const struct isr_partition *partition = isr_broker_partition(broker, told->tp);
    if (partition == NULL || told->leader_epoch < partition->leader_epoch ||
        told->partition_epoch < partition->partition_epoch)
        return false;
    return told->leader_epoch == partition->leader_epoch
               ? told->leader != partition->leader
               : told->partition_epoch == partition->partition_epoch;
}

static bool any_contradicts(const struct isr_broker *broker, const struct isr_leader_and_isr_request *request)
{
    for (uint32_t i = 0; i < request->partitions_count; i++) {
        if (contradicts(broker, &request->partitions[i]))
            return true;
    }
    return false;
}

/* Settings change without any epoch of the partition: whoever leads on must be told them as well. */
static void take_roles(struct isr_broker *broker, const struct isr_leader_and_isr_request *request)
{
    for (uint32_t i = 0; i < request->partitions_count; i++) {
        const struct isr_leader_and_isr_partition *told = &request->partitions[i];
        const struct isr_image_topic topic = {.id = told->tp.topic, .settings = told->settings};
        struct isr_image_partition partition = partition_told(told);
        isr_broker_partition_changed(broker, &partition, &topic, (enum isr_cause)told->cause);
        if (i == 0 || request->partitions[i - 1].tp.topic != told->tp.topic)
            isr_broker_topic_changed(broker, &topic);
    }
}

static bool is_history(const struct isr_broker *broker, const struct head *head, int64_t index)
{
    return head->controller_epoch == broker->pushed.controller_epoch &&
           (index < broker->pushed.index || (index == broker->pushed.index && broker->pushed.roles));
}

static enum isr_error leader_and_isr(struct isr_broker *broker, const struct head *head,
                                     const struct isr_leader_and_isr_request *request)
{
    if (!leaders_are_sane(broker, request))
        return ISR_ERROR_INVALID_REQUEST;
    if (is_history(broker, head, request->index))
        return ISR_ERROR_NONE;
    if (any_contradicts(broker, request))
        return ISR_ERROR_INVALID_REQUEST;
    obey(broker, head);
    broker->pushed.index = request->index;
    broker->pushed.roles = true;
    if (!broker->active)
        isr_broker_activate(broker);
    if (request->full)
        drop_strays(broker, request);
    take_roles(broker, request);
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

static bool stops_are_sane(const struct isr_stop_replica_request *request)
{
    if (request->index < 1 || request->index > INDEX_MAX)
        return false;
    for (uint32_t i = 0; i < request->partitions_count; i++) {
        const struct isr_stop_replica_partition *told = &request->partitions[i];
        if (told->tp.topic < 1 || told->topic_removed > 1 ||
            (i > 0 && isr_tp_key(request->partitions[i - 1].tp) >= isr_tp_key(told->tp)))
            return false;
        if (!told->topic_removed && (told->leader_epoch < 0 || told->leader_epoch > told->partition_epoch))
            return false;
    }
    return true;
}

static enum isr_error stop_replica(struct isr_broker *broker, const struct head *head,
                                   const struct isr_stop_replica_request *request)
{
    if (!stops_are_sane(request))
        return ISR_ERROR_INVALID_REQUEST;
    obey(broker, head);
    if (request->index > broker->pushed.index) {
        broker->pushed.index = request->index;
        broker->pushed.roles = false;
    }
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

/* ---- UpdateMetadata ---- */

static enum isr_error update_metadata(struct isr_broker *broker, const struct head *head,
                                      const struct isr_update_metadata_request *request)
{
    if (!isr_metadata_follower_push_is_sane(request))
        return ISR_ERROR_INVALID_REQUEST;
    obey(broker, head);
    return isr_metadata_follower_pushed(broker, request);
}

/* ---- requests ---- */

static void answer(struct isr_broker *broker, const struct head *head, enum isr_error error)
{
    struct isr_message message = {
        .kind = ISR_MESSAGE_CONTROLLER_PUSH_RESPONSE,
        .controller_push_response = {.correlation = head->correlation, .error = (uint8_t)error}};
    isr_send(broker->env, head->from, &message);
}

static void observe_refused(struct isr_broker *broker, const struct head *head, enum isr_error error)
{
    if (error == ISR_ERROR_BROKER_NOT_AVAILABLE) /* no judgement, only too early or too late */
        return;
    broker->env->metrics.pushes_refused++;
    struct isr_observation *observation = isr_observe(broker->env, ISR_OBSERVED_PUSH_REFUSED);
    observation->push_refused.controller = head->from;
    observation->push_refused.error = error;
    observation->push_refused.controller_epoch = head->controller_epoch;
    observation->push_refused.broker_epoch = head->broker_epoch;
}

static bool head_of(const struct isr_message *message, int32_t from, struct head *head)
{
    if (message->kind == ISR_MESSAGE_LEADER_AND_ISR_REQUEST) {
        const struct isr_leader_and_isr_request *request = &message->leader_and_isr_request;
        *head = (struct head){from, request->correlation, request->controller_epoch, request->broker_epoch};
    } else if (message->kind == ISR_MESSAGE_STOP_REPLICA_REQUEST) {
        const struct isr_stop_replica_request *request = &message->stop_replica_request;
        *head = (struct head){from, request->correlation, request->controller_epoch, request->broker_epoch};
    } else if (message->kind == ISR_MESSAGE_UPDATE_METADATA_REQUEST) {
        const struct isr_update_metadata_request *request = &message->update_metadata_request;
        *head = (struct head){from, request->correlation, request->controller_epoch, request->broker_epoch};
    } else {
        return false;
    }
    return true;
}

static enum isr_error take(struct isr_broker *broker, const struct head *head,
                           const struct isr_message *message)
{
    if (message->kind == ISR_MESSAGE_LEADER_AND_ISR_REQUEST)
        return leader_and_isr(broker, head, &message->leader_and_isr_request);
    if (message->kind == ISR_MESSAGE_STOP_REPLICA_REQUEST)
        return stop_replica(broker, head, &message->stop_replica_request);
    return update_metadata(broker, head, &message->update_metadata_request);
}

bool isr_metadata_push_message(struct isr_broker *broker, int32_t from, const struct isr_message *message)
{
    struct head head;
    if (!head_of(message, from, &head))
        return false;
    enum isr_error error = fence(broker, &head);
    if (error == ISR_ERROR_NONE)
        error = take(broker, &head, message);
    if (error != ISR_ERROR_NONE)
        observe_refused(broker, &head, error);
    answer(broker, &head, error);
    if (error == ISR_ERROR_NONE)
        isr_lifecycle_metadata_came(broker);
    return true;
}
