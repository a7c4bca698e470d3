/* Reassignment of a partition's replicas (KIP-455).
 *
 *   (none) --asked for--> under way --all wanted replicas in sync--> (none)
 *   under way --asked for others--> under way, towards those
 *   under way --cancelled--> (none) at once where enough of the former replicas are in sync, else under way
 *                            towards them
 *
 * Begun here; it goes on with every change of the partition (ctl_partition_decide). */
#include "core/controller/internal.h"
#include "core/policy/settings.h"

static bool all_registered(const struct isr_image *image, const struct isr_replicas *replicas)
{
    for (unsigned i = 0; i < replicas->count; i++) {
        if (!image->brokers[replicas->ids[i]].registered)
            return false;
    }
    return true;
}

/* Under the other policies a member of the ISR need not hold what is committed, and leaders are not taken
 * from it: to be in it proves nothing. */
static bool isr_proves_what_is_held(const struct isr_image_topic *topic)
{
    return isr_topic_needs_min_isr(&topic->settings) && !isr_topic_asks_for_logs(&topic->settings);
}

void ctl_reassign(struct isr_controller *controller, const struct isr_reassign_request *request,
                  struct isr_admin_response *answer)
{
    const struct isr_image_partition *partition = isr_image_partition(&controller->pending, request->tp);
    bool cancel = request->replicas.count == 0;
    struct ctl_assignment assignment;
    answer->error = ISR_ERROR_NONE;
    if (partition == NULL) {
        answer->error = ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
        return;
    }
    if (cancel && !ctl_is_being_reassigned(partition)) {
        answer->error = ISR_ERROR_NO_REASSIGNMENT_IN_PROGRESS;
        return;
    }
    if (!isr_proves_what_is_held(isr_image_topic(&controller->pending, request->tp.topic))) {
        answer->error = ISR_ERROR_INVALID_REQUEST;
        return;
    }
    struct isr_replicas wanted = cancel ? ctl_assignment_original(partition) : request->replicas;
    if (!all_registered(&controller->pending, &wanted) ||
        !ctl_assignment_towards(partition, &wanted, &assignment)) {
        answer->error = ISR_ERROR_INVALID_REPLICA_ASSIGNMENT;
        return;
    }
    ctl_record_partition(
        controller, partition,
        &(struct ctl_happening){.cause = cancel ? ISR_CAUSE_REASSIGNMENT_CANCELLED : ISR_CAUSE_REASSIGNED,
                                .leaves = ISR_NODE_NONE,
                                .returns = ISR_NODE_NONE,
                                .assignment = &assignment});
    if (!ctl_propose(controller))
        answer->error = ISR_ERROR_NOT_CONTROLLER;
}
