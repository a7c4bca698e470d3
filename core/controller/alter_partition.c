/* AlterPartition (KIP-497, 841, 903, 704): the leader of a partition asks for another ISR. What is looked at
 * first decides what the leader is told, and with it whether it asks again, waits for metadata or gives up:
 * the order is that of Kafka's ReplicationControlManager.validateAlterPartitionData. That tells leaders too
 * old to know INELIGIBLE_REPLICA (KIP-841) OPERATION_NOT_ATTEMPTED instead; here all leaders know it. */
#include "core/controller/internal.h"

/* The members asked for; false when they are not a set of replicas of the partition. */
static bool asked_isr(const struct isr_image_partition *partition,
                      const struct isr_alter_partition_request *request, struct isr_replicas *isr)
{
    *isr = (struct isr_replicas){0};
    for (uint32_t i = 0; i < request->isr_count; i++) {
        int32_t id = request->isr[i].id;
        if (!isr_replicas_contain(&partition->replicas, id) || isr_replicas_contain(isr, id))
            return false;
        isr_replicas_add(isr, id);
    }
    return isr->count > 0;
}

/* A request from the future: this controller was deposed and does not know it yet. So the leader shall ask
 * again, of whom it finds then. Any other error it would take for word of a state that it has yet to hear of,
 * and wait for ever (KAFKA-14154). */
static enum isr_error answer_from_the_past(const struct isr_rules *rules, enum isr_error fatal)
{
    return rules->stale_ctrl_reply == ISR_RULE_stale_ctrl_reply_fatal ? fatal : ISR_ERROR_NOT_CONTROLLER;
}

/* Ids of topics only grow: one that was never given here was given by a later controller. */
static enum isr_error check_absence(const struct isr_image *image, const struct isr_rules *rules,
                                    const struct isr_alter_partition_request *request)
{
    if (isr_image_topic_ever(image, request->tp.topic) != NULL)
        return ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
    return answer_from_the_past(rules, ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
}

static enum isr_error check_epochs(const struct isr_rules *rules, const struct isr_image_partition *partition,
                                   const struct isr_alter_partition_request *request)
{
    if (request->leader_epoch > partition->leader_epoch ||
        request->partition_epoch > partition->partition_epoch)
        return answer_from_the_past(rules, request->leader_epoch != partition->leader_epoch
                                               ? ISR_ERROR_FENCED_LEADER_EPOCH
                                               : ISR_ERROR_INVALID_UPDATE_VERSION);
    if (request->leader_epoch < partition->leader_epoch)
        return ISR_ERROR_FENCED_LEADER_EPOCH;
    if (request->broker_id != partition->leader)
        return ISR_ERROR_INVALID_REQUEST;
    if (request->partition_epoch < partition->partition_epoch)
        return ISR_ERROR_INVALID_UPDATE_VERSION;
    return ISR_ERROR_NONE;
}

static enum isr_error check_isr(const struct isr_image *image, const struct isr_rules *rules,
                                const struct isr_image_partition *partition,
                                const struct isr_alter_partition_request *request)
{
    struct isr_replicas isr;
    if (!asked_isr(partition, request, &isr) || !isr_replicas_contain(&isr, partition->leader))
        return ISR_ERROR_INVALID_REQUEST;
    if (request->recovering > 1 || (request->recovering && (isr.count > 1 || !partition->recovering)))
        return ISR_ERROR_INVALID_REQUEST;
    for (uint32_t i = 0; i < request->isr_count; i++) {
        if (!isr_image_may_enter_isr(image, rules, request->isr[i].id, request->isr[i].broker_epoch))
            return ISR_ERROR_INELIGIBLE_REPLICA;
    }
    return ISR_ERROR_NONE;
}

enum isr_error ctl_alter_partition_check(const struct isr_image *image, const struct isr_rules *rules,
                                         const struct isr_alter_partition_request *request)
{
    enum isr_error error = ctl_check_broker_epoch(image, request->broker_id, request->broker_epoch);
    if (error != ISR_ERROR_NONE)
        return error;
    const struct isr_image_partition *partition = isr_image_partition(image, request->tp);
    if (partition == NULL)
        return check_absence(image, rules, request);
    error = check_epochs(rules, partition, request);
    return error != ISR_ERROR_NONE ? error : check_isr(image, rules, partition, request);
}

static void fill(struct isr_alter_partition_response *answer, const struct isr_image_partition *partition)
{
    answer->error = ISR_ERROR_NONE;
    answer->leader = (int16_t)partition->leader;
    answer->leader_epoch = partition->leader_epoch;
    answer->partition_epoch = partition->partition_epoch;
    answer->recovering = partition->recovering;
    answer->isr = partition->isr;
}

/* "Ineligible" lets a leader count without the members that it asked for (KIP-841). Then no copy of its
 * request may be accepted any more: one that is late, when they are eligible again, or one that another
 * controller has accepted while this one does not know that it was deposed. So it is told when a higher
 * partition epoch is committed, as what was done is. */
static bool fence(struct isr_controller *controller, const struct isr_image_partition *partition)
{
    if (controller->env->rules.isr_refusal == ISR_RULE_isr_refusal_at_once)
        return true;
    struct ctl_happening what = {
        .cause = ISR_CAUSE_ALTER_REFUSED, .leaves = ISR_NODE_NONE, .returns = ISR_NODE_NONE, .fences = true};
    ctl_record_partition(controller, partition, &what);
    return ctl_propose(controller);
}

void ctl_alter_partition(struct isr_controller *controller, const struct isr_alter_partition_request *request,
                         struct isr_alter_partition_response *answer, struct isr_replicas *asked)
{
    const struct isr_image_partition *partition = isr_image_partition(&controller->pending, request->tp);
    if (partition != NULL)
        (void)asked_isr(partition, request, asked);
    enum isr_error error = ctl_alter_partition_check(&controller->pending, &controller->env->rules, request);
    if (error != ISR_ERROR_NONE) {
        if (error != ISR_ERROR_INELIGIBLE_REPLICA || fence(controller, partition))
            answer->error = (uint8_t)error;
        return;
    }
    struct ctl_happening what = {.cause = ISR_CAUSE_ALTER_PARTITION,
                                 .leaves = ISR_NODE_NONE,
                                 .returns = ISR_NODE_NONE,
                                 .isr = asked,
                                 .recovered = !request->recovering};
    ctl_record_partition(controller, partition, &what);
    if (!ctl_propose(controller))
        return;
    /* The change completed a reassignment and with it the leadership, or its epoch: done, and yet nothing for
     * who asked to go on with (Kafka's one answer that is both). */
    if (partition->leader_epoch != request->leader_epoch)
        answer->error = ISR_ERROR_NEW_LEADER_ELECTED;
    else
        fill(answer, partition);
}
