/* ListOffsets, leader side: the earliest and the latest offset. For a replica the latest is the log end (it
 * asks when its fetch was out of range); for a client it is the high watermark. */
#include "core/broker/fetch_service.h"

enum { TIMESTAMP_LATEST = -1, TIMESTAMP_EARLIEST = -2 };

static enum isr_error check(struct isr_broker *broker, const struct isr_partition *partition,
                            const struct isr_list_offsets_request *request)
{
    if (partition == NULL)
        return isr_partition_missing(broker, request->tp);
    if (partition->role == ISR_ROLE_NONE)
        return ISR_ERROR_NOT_LEADER_OR_FOLLOWER;
    enum isr_error error = isr_partition_check_epoch(partition, request->current_leader_epoch);
    if (error != ISR_ERROR_NONE)
        return error;
    if (partition->role != ISR_ROLE_LEADER)
        return ISR_ERROR_NOT_LEADER_OR_FOLLOWER;
    if (request->timestamp != TIMESTAMP_LATEST && request->timestamp != TIMESTAMP_EARLIEST)
        return ISR_ERROR_INVALID_REQUEST;
    return ISR_ERROR_NONE;
}

static void observe_told(const struct isr_partition *partition, int32_t client, int64_t offset)
{
    struct isr_observation *seen = isr_observe(partition->broker->env, ISR_OBSERVED_LATEST_TOLD);
    seen->latest_told.tp = isr_tp_key(partition->tp);
    seen->latest_told.client = client;
    seen->latest_told.leader_epoch = partition->leader_epoch;
    seen->latest_told.offset = offset;
}

/* A new leader's high watermark may lie behind what consumers have read already; until it has reached the
 * start of the epoch there is no answer that does not go back (KIP-207). */
static bool latest_is_known(const struct isr_partition *partition)
{
    return partition->log->high_watermark >= partition->epoch_start ||
           partition->broker->env->rules.latest_waits == ISR_RULE_latest_waits_off;
}

static enum isr_error find(const struct isr_partition *partition,
                           const struct isr_list_offsets_request *request, int32_t from, int64_t *offset)
{
    const struct isr_log *log = partition->log;
    if (request->timestamp == TIMESTAMP_EARLIEST) {
        *offset = log->log_start;
        return ISR_ERROR_NONE;
    }
    if (isr_replicas_contain(&partition->replicas, from)) {
        *offset = log->log_end;
        return ISR_ERROR_NONE;
    }
    if (!latest_is_known(partition))
        return ISR_ERROR_OFFSET_NOT_AVAILABLE;
    *offset = log->high_watermark;
    observe_told(partition, from, *offset);
    return ISR_ERROR_NONE;
}

void isr_list_offsets_request(struct isr_broker *broker, int32_t from,
                              const struct isr_list_offsets_request *request)
{
    const struct isr_partition *partition = isr_broker_partition(broker, request->tp);
    int64_t offset = ISR_OFFSET_NONE;
    enum isr_error error = check(broker, partition, request);
    if (error == ISR_ERROR_NONE)
        error = find(partition, request, from, &offset);
    struct isr_message message = {.kind = ISR_MESSAGE_LIST_OFFSETS_RESPONSE,
                                  .list_offsets_response = {.correlation = request->correlation,
                                                            .tp = request->tp,
                                                            .error = (uint8_t)error,
                                                            .leader_epoch = partition != NULL
                                                                                ? partition->leader_epoch
                                                                                : ISR_EPOCH_NONE,
                                                            .offset = offset}};
    isr_send(broker->env, from, &message);
}
