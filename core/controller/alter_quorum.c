/* Administration of the quorum (KIP-853, thesis 3.10 and 4.1): asked of whoever leads it, answered when it is
 * over. Consensus alters one thing at a time, so at most one request waits.
 *
 *     IDLE --begun--> WAITING --altered--> answered, IDLE */
#include "core/controller/internal.h"

static void answer(struct isr_controller *controller, int32_t to, uint32_t correlation, enum isr_error error)
{
    struct isr_message message = {
        .kind = ISR_MESSAGE_ALTER_QUORUM_RESPONSE,
        .alter_quorum_response = {.correlation = correlation,
                                  .error = (uint8_t)error,
                                  .controller =
                                      (int16_t)controller->consensus->ops->leader(controller->consensus)}};
    isr_send(controller->env, to, &message);
}

static enum isr_error begin(struct isr_controller *controller, const struct isr_alter_quorum_request *request)
{
    const struct isr_consensus_ops *ops = controller->consensus->ops;
    if (request->kind == ISR_QUORUM_TRANSFER)
        return ops->transfer == NULL ? ISR_ERROR_INVALID_REQUEST
                                     : ops->transfer(controller->consensus, request->node);
    if (request->kind >= ISR_QUORUM_CHANGES || request->node < 1 || request->node > ISR_NODE_MAX ||
        ops->change == NULL)
        return ISR_ERROR_INVALID_REQUEST;
    return ops->change(controller->consensus, (enum isr_quorum_change)request->kind, request->node);
}

void ctl_alter_quorum(struct isr_controller *controller, int32_t from,
                      const struct isr_alter_quorum_request *request)
{
    if (controller->altering.to != ISR_NODE_NONE) {
        answer(controller, from, request->correlation, ISR_ERROR_OPERATION_NOT_ATTEMPTED);
        return;
    }
    controller->altering.to = from;
    controller->altering.correlation = request->correlation;
    enum isr_error error = begin(controller, request);
    if (error == ISR_ERROR_NONE)
        return;
    controller->altering.to = ISR_NODE_NONE;
    answer(controller, from, request->correlation, error);
}

void ctl_quorum_altered(void *object, enum isr_error error)
{
    struct isr_controller *controller = object;
    int32_t to = controller->altering.to;
    ISR_ASSERT(to != ISR_NODE_NONE);
    controller->altering.to = ISR_NODE_NONE;
    answer(controller, to, controller->altering.correlation, error);
}
