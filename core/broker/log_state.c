/* The state of a log as of an offset: what a follower needs that begins anew there. One whose log ends below
 * the start of the leader's begins at that start; one whose log was dropped whole, since it parted from the
 * leader's below its own start, begins where it ended. The batches below cannot be fetched; what they told of
 * producers can. In Kafka producer snapshots travel only with tiered storage (KIP-405): there a follower that
 * bootstraps knows nothing of producers whose batches it never saw, and once it leads it appends their
 * retries again. */
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
        struct isr_log_state log_state = isr_log_state(partition->log, request->offset);
        message.log_state_response.log_start = log_state.log_start;
        message.log_state_response.epoch_before = log_state.epoch_before;
        message.log_state_response.producers = log_state.producers;
    }
    isr_send(broker->env, from, &message);
}
