/* Elections by request (KIP-183 preferred, KIP-460 unclean). */
#include "core/controller/internal.h"

enum { KIND_PREFERRED = 0, KIND_UNCLEAN = 1 };

static enum isr_error check(const struct isr_image_partition *partition,
                            const struct isr_elect_leaders_request *request)
{
    if (partition == NULL)
        return ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
    if (request->kind > KIND_UNCLEAN)
        return ISR_ERROR_INVALID_REQUEST;
    if (request->kind == KIND_PREFERRED && partition->leader == partition->replicas.ids[0])
        return ISR_ERROR_ELECTION_NOT_NEEDED;
    if (request->kind == KIND_UNCLEAN && partition->leader != ISR_NODE_NONE)
        return ISR_ERROR_ELECTION_NOT_NEEDED;
    return ISR_ERROR_NONE;
}

void ctl_elect_leaders(struct isr_controller *controller, const struct isr_elect_leaders_request *request,
                       struct isr_elect_leaders_response *answer)
{
    const struct isr_image_partition *partition = isr_image_partition(&controller->pending, request->tp);
    enum isr_error error = check(partition, request);
    if (error != ISR_ERROR_NONE) {
        answer->error = (uint8_t)error;
        return;
    }
    bool unclean = request->kind == KIND_UNCLEAN;
    struct ctl_happening what = {.cause = unclean ? ISR_CAUSE_ELECTION_UNCLEAN : ISR_CAUSE_ELECTION_PREFERRED,
                                 .election = unclean ? CTL_ELECTION_UNCLEAN : CTL_ELECTION_PREFERRED,
                                 .leaves = ISR_NODE_NONE,
                                 .returns = ISR_NODE_NONE};
    if (unclean) /* the best of those that have told their logs so far, where they are asked */
        ctl_log_election_choose(controller, partition, true, &what);
    ctl_record_partition(controller, partition, &what);
    if (controller->records_count == 0)
        answer->error =
            unclean ? ISR_ERROR_ELIGIBLE_LEADERS_NOT_AVAILABLE : ISR_ERROR_PREFERRED_LEADER_NOT_AVAILABLE;
    else if (ctl_propose(controller))
        answer->error = ISR_ERROR_NONE;
}
