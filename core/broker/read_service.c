/* Reads of the newest committed record, by any replica, and what the leader tells of its followers' offsets,
 * so that clients know from whom to read (core/client/read_pool.c). */
#include "core/broker/fetch_service.h"

/* A new leader may not know yet what was committed before it: its answer could go back behind one of the old
 * leader (KIP-207). */
static enum isr_error check_read(const struct isr_broker *broker, const struct isr_partition *partition,
                                 struct isr_tp tp)
{
    if (partition == NULL)
        return isr_partition_missing(broker, tp);
    if (partition->role == ISR_ROLE_NONE)
        return ISR_ERROR_NOT_LEADER_OR_FOLLOWER;
    if (partition->role == ISR_ROLE_LEADER && partition->log->high_watermark < partition->epoch_start)
        return ISR_ERROR_OFFSET_NOT_AVAILABLE;
    return ISR_ERROR_NONE;
}

/* The batch with the newest committed record; empty when there is none. */
static struct isr_bytes newest(struct isr_log *log)
{
    int64_t high_watermark = log->high_watermark;
    if (high_watermark <= log->log_start)
        return (struct isr_bytes){0};
    const struct isr_batch_place *place = isr_log_batch_at(log, high_watermark - 1);
    return place == NULL ? (struct isr_bytes){0}
                         : (struct isr_bytes){.data = place->data, .size = place->size_bytes};
}

void isr_read_request(struct isr_broker *broker, int32_t from, const struct isr_read_request *request)
{
    const struct isr_partition *partition = isr_broker_partition(broker, request->tp);
    enum isr_error error = check_read(broker, partition, request->tp);
    struct isr_message message = {.kind = ISR_MESSAGE_READ_RESPONSE,
                                  .read_response = {.correlation = request->correlation,
                                                    .tp = request->tp,
                                                    .error = (uint8_t)error,
                                                    .leader = ISR_NODE_NONE,
                                                    .leader_epoch = ISR_EPOCH_NONE,
                                                    .high_watermark = ISR_OFFSET_NONE}};
    if (partition != NULL) {
        message.read_response.leader = (int16_t)partition->leader;
        message.read_response.leader_epoch = partition->leader_epoch;
    }
    if (error == ISR_ERROR_NONE) {
        message.read_response.high_watermark = partition->log->high_watermark;
        message.read_response.records = newest(partition->log);
        broker->env->metrics.reads_served++;
    }
    isr_send(broker->env, from, &message);
}

static enum isr_error check_offsets(const struct isr_broker *broker, const struct isr_partition *partition,
                                    const struct isr_replica_offsets_request *request)
{
    enum isr_error error = check_read(broker, partition, request->tp);
    if (error != ISR_ERROR_NONE)
        return error;
    error = isr_partition_check_epoch(partition, request->current_leader_epoch);
    if (error == ISR_ERROR_NONE && partition->role != ISR_ROLE_LEADER)
        error = ISR_ERROR_NOT_LEADER_OR_FOLLOWER;
    return error;
}

void isr_replica_offsets_request(struct isr_broker *broker, int32_t from,
                                 const struct isr_replica_offsets_request *request)
{
    const struct isr_partition *partition = isr_broker_partition(broker, request->tp);
    enum isr_error error = check_offsets(broker, partition, request);
    struct isr_replica_offset offsets[ISR_REPLICAS_MAX];
    struct isr_message message = {.kind = ISR_MESSAGE_REPLICA_OFFSETS_RESPONSE,
                                  .replica_offsets_response = {.correlation = request->correlation,
                                                               .tp = request->tp,
                                                               .error = (uint8_t)error,
                                                               .leader = ISR_NODE_NONE,
                                                               .leader_epoch = ISR_EPOCH_NONE,
                                                               .replicas = offsets}};
    struct isr_replica_offsets_response *told = &message.replica_offsets_response;
    if (partition != NULL) {
        told->leader = (int16_t)partition->leader;
        told->leader_epoch = partition->leader_epoch;
    }
    if (error == ISR_ERROR_NONE) {
        told->log_end = partition->log->log_end;
        told->high_watermark = partition->log->high_watermark;
        for (uint32_t i = 0; i < partition->remotes_count; i++) {
            const struct isr_remote_replica *remote = &partition->remotes[i];
            offsets[told->replicas_count++] =
                (struct isr_replica_offset){.replica = (int16_t)remote->node, .log_end = remote->log_end};
        }
    }
    isr_send(broker->env, from, &message);
}
