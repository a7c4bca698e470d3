/* Registration of brokers (KIP-631, 966). A broker's epoch is the index of the entry that registers it.
 */
#include "core/controller/internal.h"

/* A broker that comes back has lost its leaderships and its places in ISRs, as any fenced broker; a restarted
 * leader therefore never goes on in its old epoch. Was the stop not clean, it may have lost records
 * too. */
static void depart(struct isr_controller *controller, int32_t broker, bool unclean)
{
    struct ctl_happening what = {.cause = unclean ? ISR_CAUSE_BROKER_UNCLEAN : ISR_CAUSE_BROKER_REGISTERED,
                                 .leaves = broker,
                                 .returns = ISR_NODE_NONE};
    what.forgets = unclean && controller->env->rules.unclean_reg_removes == ISR_RULE_unclean_reg_removes_on;
    ctl_record_departure(controller, &what);
}

void ctl_register_broker(struct isr_controller *controller,
                         const struct isr_broker_registration_request *request,
                         struct isr_broker_registration_response *answer)
{
    int32_t broker = request->broker_id;
    if (broker < 1 || broker > ISR_NODE_MAX) {
        answer->error = ISR_ERROR_INVALID_REQUEST;
        return;
    }
    const struct isr_image_broker *known = &controller->pending.brokers[broker];
    if (known->registered && known->incarnation == request->incarnation) {
        /* A retry: the same epoch, nothing is fenced again (KAFKA-16952). */
        ctl_session_touch(controller, broker);
        answer->error = ISR_ERROR_NONE;
        answer->broker_epoch = known->epoch;
        return;
    }
    if (known->registered && ctl_session_is_live(controller, broker)) {
        answer->error = ISR_ERROR_DUPLICATE_BROKER_REGISTRATION;
        return;
    }
    bool unclean = known->registered && request->previous_broker_epoch != known->epoch;
    if (known->registered)
        depart(controller, broker, unclean);
    *ctl_record(controller) =
        (struct isr_metadata_record){.kind = ISR_METADATA_REGISTER_BROKER,
                                     .register_broker_record = {.broker = request->broker_id,
                                                                .incarnation = request->incarnation,
                                                                .unclean = unclean,
                                                                .rack = request->rack}};
    if (!ctl_propose(controller))
        return;
    controller->sessions[broker].heard = false;
    ctl_session_touch(controller, broker);
    answer->error = ISR_ERROR_NONE;
    answer->broker_epoch = controller->proposed_index;
}
