/* OffsetsForLeaderEpoch, leader side: where does an epoch end in the leader's history (KIP-101). The answer
 * names the largest epoch at or below the one asked, so that a follower can tell a foreign history from a
 * shorter one (KIP-279); the epoch of the request fences a leader that is another one by now, or not yet
 * (KIP-320). */
#include "core/broker/fetch_service.h"

struct isr_epoch_end isr_epoch_told(const struct isr_partition *partition, int32_t epoch)
{
    struct isr_epoch_end end = isr_log_epoch_end(partition->log, epoch);
    /* Before KIP-279 an offset alone, which the follower takes for the end of the epoch that it asked for. */
    if (end.epoch != ISR_EPOCH_NONE &&
        partition->broker->env->rules.ofle_reply == ISR_RULE_ofle_reply_offset_only)
        end.epoch = epoch;
    return end;
}

static struct isr_epoch_answer answer_query(struct isr_broker *broker, const struct isr_epoch_query *query)
{
    struct isr_epoch_answer answer = {
        .tp = query->tp, .leader_epoch = ISR_EPOCH_NONE, .end_offset = ISR_OFFSET_NONE};
    const struct isr_partition *partition = isr_broker_partition(broker, query->tp);
    if (partition == NULL) {
        answer.error = (uint8_t)isr_partition_missing(broker, query->tp);
        return answer;
    }
    enum isr_error error = partition->role == ISR_ROLE_NONE
                               ? ISR_ERROR_NOT_LEADER_OR_FOLLOWER
                               : isr_partition_check_epoch(partition, query->current_leader_epoch);
    if (error == ISR_ERROR_NONE && partition->role != ISR_ROLE_LEADER)
        error = ISR_ERROR_NOT_LEADER_OR_FOLLOWER;
    answer.error = (uint8_t)error;
    if (error != ISR_ERROR_NONE || query->leader_epoch < 0)
        return answer;
    struct isr_epoch_end end = isr_epoch_told(partition, query->leader_epoch);
    answer.leader_epoch = end.epoch;
    answer.end_offset = end.end_offset;
    return answer;
}

void isr_epoch_service_request(struct isr_broker *broker, int32_t from,
                               const struct isr_offsets_for_epoch_request *request)
{
    struct isr_epoch_answer *answers =
        isr_scratch_allocate(&broker->env->scratch, request->partitions_count * sizeof *answers);
    for (uint32_t i = 0; i < request->partitions_count; i++)
        answers[i] = answer_query(broker, &request->partitions[i]);
    struct isr_message message = {
        .kind = ISR_MESSAGE_OFFSETS_FOR_EPOCH_RESPONSE,
        .offsets_for_epoch_response = {.correlation = request->correlation,
                                       .partitions = answers,
                                       .partitions_count = request->partitions_count}};
    isr_send(broker->env, from, &message);
}
