/* How far the logs of a broker go, told to a controller that looks for a leader (KIP-966, GetReplicaLogInfo).
 *
 * The answer is a promise: this replica obeys no older leader epoch any more. It costs nothing to keep. An
 * answer is given only by a replica that has applied the record by which the partition lost its leader, and
 * from then on it neither fetches from, nor accepts from, nor is the leader of an older epoch
 * (isr_partition_apply ignores older records). Nor does it forget by a restart: roles are taken only when the
 * metadata has reached the broker's own, later, registration (isr_broker_activate), and with that the record.
 * Its log cannot grow in an epoch without leader, so what it told stays true; what it may lose by a restart
 * shows in its broker epoch. */
#include "core/broker/fetch_service.h"

static enum isr_error check(const struct isr_broker *broker, const struct isr_partition *partition,
                            const struct isr_log_info_query *query)
{
    if (partition == NULL)
        return isr_partition_missing(broker, query->tp);
    if (partition->role == ISR_ROLE_NONE)
        return ISR_ERROR_NOT_LEADER_OR_FOLLOWER;
    if (query->leader_epoch < 0)
        return ISR_ERROR_INVALID_REQUEST;
    enum isr_error error = isr_partition_compare_epoch(partition, query->leader_epoch);
    if (error == ISR_ERROR_UNKNOWN_LEADER_EPOCH &&
        broker->env->rules.log_info_promise == ISR_RULE_log_info_promise_off)
        return ISR_ERROR_NONE;
    /* The controller that asks was deposed: another one has found a leader of this very epoch. */
    if (error == ISR_ERROR_NONE && partition->leader != ISR_NODE_NONE)
        return ISR_ERROR_FENCED_LEADER_EPOCH;
    return error;
}

void isr_log_info_request(struct isr_broker *broker, int32_t from, const struct isr_log_info_request *request)
{
    struct isr_log_info_answer *answers =
        isr_scratch_allocate(&broker->env->scratch, request->partitions_count * sizeof *answers);
    for (uint32_t i = 0; i < request->partitions_count; i++) {
        const struct isr_log_info_query *query = &request->partitions[i];
        const struct isr_partition *partition = isr_broker_partition(broker, query->tp);
        enum isr_error error = check(broker, partition, query);
        answers[i] = (struct isr_log_info_answer){.tp = query->tp,
                                                  .error = (uint8_t)error,
                                                  .leader_epoch = query->leader_epoch,
                                                  .last_epoch = ISR_EPOCH_NONE,
                                                  .log_end = ISR_OFFSET_NONE};
        if (error != ISR_ERROR_NONE)
            continue;
        answers[i].last_epoch = isr_log_last_epoch(partition->log);
        answers[i].log_end = partition->log->log_end;
    }
    struct isr_message message = {.kind = ISR_MESSAGE_LOG_INFO_RESPONSE,
                                  .log_info_response = {.broker_epoch = broker->broker_epoch,
                                                        .partitions = answers,
                                                        .partitions_count = request->partitions_count}};
    isr_send(broker->env, from, &message);
}
