/* The state of a log as of its start: what a follower needs whose log ends below it and that therefore begins
 * anew there. The batches that are gone cannot be fetched; what they told of producers can. In Kafka producer
 * snapshots travel only with tiered storage (KIP-405): there a follower that bootstraps knows nothing of
 * producers whose batches are all deleted, and once it leads it appends their retries again. */
#include "core/broker/fetch_service.h"
#include "core/broker/retention.h"

static enum isr_error check(const struct isr_broker *broker, const struct isr_partition *partition,
                            const struct isr_log_state_request *request)
{
    if (partition == NULL)
        return isr_partition_missing(broker, request->tp);
    enum isr_error error = isr_partition_check_epoch(partition, request->current_leader_epoch);
    if (error != ISR_ERROR_NONE)
        return error;
    return partition->role == ISR_ROLE_LEADER ? ISR_ERROR_NONE : ISR_ERROR_NOT_LEADER_OR_FOLLOWER;
}

void isr_log_state_request(struct isr_broker *broker, int32_t from,
                           const struct isr_log_state_request *request)
{
    const struct isr_partition *partition = isr_broker_partition(broker, request->tp);
    enum isr_error error = check(broker, partition, request);
    struct isr_message message = {.kind = ISR_MESSAGE_LOG_STATE_RESPONSE,
                                  .log_state_response = {.correlation = request->correlation,
                                                         .tp = request->tp,
                                                         .error = (uint8_t)error,
                                                         .log_start = ISR_OFFSET_NONE}};
    if (error == ISR_ERROR_NONE) {
        message.log_state_response.log_start = partition->log->log_start;
        message.log_state_response.producers = isr_log_producers_before(partition->log);
    }
    isr_send(broker->env, from, &message);
}
