/* Where a consumer shall read (KIP-392): the leader says it, since only the leader knows who is in sync and
 * how far each replica is. A replica will do when it is in the committed ISR, may lead (neither fenced nor
 * shutting down), and its last fetch said that its log holds the offset. Among those in the consumer's rack
 * the one that is farthest, and the leader itself when it stands there. */
#include "core/broker/fetch_service.h"

static bool will_do(const struct isr_partition *partition, const struct isr_remote_replica *remote,
                    int64_t offset)
{
    return remote->log_end != ISR_OFFSET_NONE && remote->log_start <= offset && offset <= remote->log_end &&
           isr_replicas_contain(&partition->isr, remote->node) &&
           isr_image_broker_active(&partition->broker->image, remote->node);
}

/* Of equals the one that the consumer's id points at, so that consumers spread. */
static int32_t any_follower(const struct isr_partition *partition, int64_t offset, int32_t consumer)
{
    int32_t fit[ISR_REPLICAS_MAX];
    int32_t count = 0;
    for (uint32_t i = 0; i < partition->remotes_count; i++) {
        if (will_do(partition, &partition->remotes[i], offset))
            fit[count++] = partition->remotes[i].node;
    }
    return count > 0 ? fit[consumer % count] : partition->broker->env->node;
}

int32_t isr_read_replica(const struct isr_partition *partition, uint8_t rack, int64_t offset,
                         int32_t consumer)
{
    const struct isr_image *image = &partition->broker->image;
    int32_t best = partition->broker->env->node;
    int64_t best_end = ISR_OFFSET_NONE;
    if (rack == ISR_RACK_NONE || image->brokers[best].rack == rack)
        return best;
    if (rack == ISR_RACK_ANY)
        return any_follower(partition, offset, consumer);
    for (uint32_t i = 0; i < partition->remotes_count; i++) {
        const struct isr_remote_replica *remote = &partition->remotes[i];
        if (image->brokers[remote->node].rack != rack || remote->log_end <= best_end ||
            !will_do(partition, remote, offset))
            continue;
        best = remote->node;
        best_end = remote->log_end;
    }
    return best;
}
