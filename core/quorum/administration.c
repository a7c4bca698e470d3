#include "core/quorum/administration.h"

void isr_administration_init(struct isr_administration *administration, struct isr_env *env,
                             struct isr_consensus *consensus)
{
    *administration = (struct isr_administration){.env = env, .consensus = consensus, .to = ISR_NODE_NONE};
}

static void answer(const struct isr_administration *administration, int32_t to, uint32_t correlation,
                   enum isr_error error)
{
    const struct isr_consensus *consensus = administration->consensus;
    struct isr_message message = {
        .kind = ISR_MESSAGE_ALTER_QUORUM_RESPONSE,
        .alter_quorum_response = {.correlation = correlation,
                                  .error = (uint8_t)error,
                                  .controller = (int16_t)consensus->ops->leader(consensus)}};
    isr_send(administration->env, to, &message);
}

static enum isr_error begin(struct isr_consensus *consensus, const struct isr_alter_quorum_request *request)
{
    const struct isr_consensus_ops *ops = consensus->ops;
    if (request->kind == ISR_QUORUM_TRANSFER)
        return ops->transfer == NULL ? ISR_ERROR_INVALID_REQUEST : ops->transfer(consensus, request->node);
    if (request->kind >= ISR_QUORUM_CHANGES || request->node < 1 || request->node > ISR_NODE_MAX ||
        ops->change == NULL)
        return ISR_ERROR_INVALID_REQUEST;
    return ops->change(consensus, (enum isr_quorum_change)request->kind, request->node);
}

void isr_administration_request(struct isr_administration *administration, int32_t from,
                                const struct isr_alter_quorum_request *request)
{
    if (administration->to != ISR_NODE_NONE) {
        answer(administration, from, request->correlation, ISR_ERROR_OPERATION_NOT_ATTEMPTED);
        return;
    }
    administration->to = from;
    administration->correlation = request->correlation;
    enum isr_error error = begin(administration->consensus, request);
    if (error == ISR_ERROR_NONE)
        return;
    administration->to = ISR_NODE_NONE;
    answer(administration, from, request->correlation, error);
}

void isr_administration_altered(struct isr_administration *administration, enum isr_error error)
{
    int32_t to = administration->to;
    ISR_ASSERT(to != ISR_NODE_NONE);
    administration->to = ISR_NODE_NONE;
    answer(administration, to, administration->correlation, error);
}
