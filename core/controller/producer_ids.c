/* Ids for producers, in blocks (KIP-730). A broker hands out the ids of its block by itself; where the next
 * block begins stands in the metadata log, so that no id is ever given twice, whoever is the active
 * controller. What a broker has left of a block when it ends is never used. */
#include "core/controller/internal.h"

void ctl_allocate_producer_ids(struct isr_controller *controller,
                               const struct isr_allocate_producer_ids_request *request,
                               struct isr_allocate_producer_ids_response *answer)
{
    struct isr_env *env = controller->env;
    int64_t first = controller->pending.next_producer_id, count = env->config.producer_id_block;
    answer->error =
        (uint8_t)ctl_check_broker_epoch(&controller->pending, request->broker_id, request->broker_epoch);
    if (answer->error == ISR_ERROR_NONE && first > INT64_MAX - count)
        answer->error = ISR_ERROR_INVALID_REQUEST; /* there are no more */
    if (answer->error != ISR_ERROR_NONE)
        return;
    /* Kafka's migration from ZooKeeper, where the given block was written down, took that for the next. */
    bool names_next = env->rules.producer_ids_record == ISR_RULE_producer_ids_record_next;
    *ctl_record(controller) = (struct isr_metadata_record){
        .kind = ISR_METADATA_PRODUCER_IDS,
        .producer_ids_record = {.broker = request->broker_id,
                                .broker_epoch = request->broker_epoch,
                                .next_producer_id = names_next ? first + count : first}};
    if (!ctl_propose(controller)) {
        answer->error = ISR_ERROR_NOT_CONTROLLER;
        return;
    }
    answer->first_producer_id = first;
    answer->count = (int32_t)count;
}
