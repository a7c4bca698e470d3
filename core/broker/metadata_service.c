#include "core/broker/metadata_service.h"

static struct isr_metadata_topic topic_tell(struct isr_env *env, const struct isr_image_topic *topic)
{
    struct isr_metadata_topic told = {.topic = (int16_t)topic->id,
                                      .name = topic->name,
                                      .removed = topic->removed,
                                      .partitions_count = topic->partitions_count};
    told.partitions = isr_scratch_allocate(&env->scratch, topic->partitions_count * sizeof *told.partitions);
    for (uint32_t i = 0; i < topic->partitions_count; i++) {
        const struct isr_image_partition *partition = &topic->partitions[i];
        told.partitions[i] = (struct isr_metadata_partition){.tp = partition->tp,
                                                             .leader = (int16_t)partition->leader,
                                                             .leader_epoch = partition->leader_epoch,
                                                             .replicas = partition->replicas,
                                                             .isr = partition->isr};
    }
    return told;
}

void isr_metadata_service_request(struct isr_broker *broker, int32_t from,
                                  const struct isr_metadata_request *request)
{
    struct isr_env *env = broker->env;
    const struct isr_image *image = &broker->image;
    struct isr_message message = {.kind = ISR_MESSAGE_METADATA_RESPONSE,
                                  .metadata_response = {.correlation = request->correlation,
                                                        .controller = (int16_t)broker->controller,
                                                        .topics_count = image->topics_count}};
    struct isr_metadata_topic *topics =
        isr_scratch_allocate(&env->scratch, image->topics_count * sizeof *topics);
    for (uint32_t i = 0; i < image->topics_count; i++)
        topics[i] = topic_tell(env, &image->topics[i]);
    message.metadata_response.topics = topics;
    isr_send(env, from, &message);
}
