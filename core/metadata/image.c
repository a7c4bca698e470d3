/* The metadata image.
 *
 * The digest is the sum of one hash per object (broker, topic, partition), so that a change costs two hashes
 * and the order in which objects came about does not matter. Sums of 64-bit hashes wrap; that is intended.
 *
 * Bytes come from disk and network: each record is judged before anything is changed (acceptable), so a
 * record that makes no sense changes nothing and nothing here asserts on it. */
#include "core/metadata/image.h"

#define X(NAME, name) ISR_CODEC_DEFINE(name)
ISR_METADATA_RECORDS(X)
#undef X
#define X(name) ISR_CODEC_DEFINE(name)
ISR_METADATA_PARTS(X)
#undef X

/* Objects of different kinds never share a hash seed. */
enum { DIGEST_BROKER = 1, DIGEST_TOPIC, DIGEST_PARTITION, DIGEST_PRODUCER_IDS };

static uint64_t broker_digest(int32_t id, const struct isr_image_broker *broker)
{
    if (!broker->registered)
        return 0;
    uint64_t hash = isr_hash_combine(DIGEST_BROKER, (uint64_t)id);
    hash = isr_hash_combine(hash, broker->incarnation);
    hash = isr_hash_combine(hash, (uint64_t)broker->epoch);
    return isr_hash_combine(hash, (uint64_t)(broker->fenced ? 1 : 0) |
                                      (uint64_t)(broker->shutting_down ? 2 : 0) |
                                      (uint64_t)broker->rack << 8);
}

static uint64_t topic_digest(const struct isr_image_topic *topic)
{
    uint64_t hash = isr_hash_combine(DIGEST_TOPIC, topic->id);
    hash = isr_hash_name(hash, topic->name);
    hash = isr_hash_settings(hash, topic->settings);
    hash = isr_hash_combine(hash, topic->removed ? 1 : 0);
    return isr_hash_combine(hash, (uint64_t)topic->partitions_declared);
}

static uint64_t partition_digest(const struct isr_image_partition *partition)
{
    uint64_t hash = isr_hash_combine(DIGEST_PARTITION, isr_tp_key(partition->tp));
    hash = isr_hash_combine(hash, (uint64_t)partition->leader);
    hash = isr_hash_combine(hash, (uint64_t)(uint32_t)partition->leader_epoch << 32 |
                                      (uint32_t)partition->partition_epoch);
    hash = isr_hash_combine(hash, partition->recovering ? 1 : 0);
    hash = isr_hash_combine(hash, isr_replicas_pack(&partition->replicas));
    hash = isr_hash_combine(hash, isr_replicas_pack(&partition->adding));
    hash = isr_hash_combine(hash, isr_replicas_pack(&partition->removing));
    hash = isr_hash_combine(hash, isr_replicas_pack(&partition->isr));
    hash = isr_hash_combine(hash, isr_replicas_pack(&partition->elr));
    return isr_hash_combine(hash, isr_replicas_pack(&partition->last_known_elr));
}

static uint64_t producer_ids_digest(int64_t next_producer_id)
{
    return next_producer_id == 0 ? 0 : isr_hash_combine(DIGEST_PRODUCER_IDS, (uint64_t)next_producer_id);
}

/* ---- life ---- */

void isr_image_init(struct isr_image *image, struct isr_heap *heap)
{
    *image = (struct isr_image){.heap = heap};
}

void isr_image_free(struct isr_image *image)
{
    for (uint32_t i = 0; i < image->topics_count; i++)
        isr_heap_release(image->heap, image->topics[i].partitions);
    isr_heap_release(image->heap, image->topics);
    isr_image_init(image, image->heap);
}

void isr_image_copy(struct isr_image *to, const struct isr_image *from)
{
    struct isr_heap *heap = to->heap;
    isr_image_free(to);
    *to = *from;
    to->heap = heap;
    to->topics = NULL;
    to->topics_capacity = from->topics_count;
    if (from->topics_count == 0)
        return;
    to->topics = isr_heap_allocate(heap, from->topics_count * sizeof *to->topics);
    for (uint32_t i = 0; i < from->topics_count; i++) {
        struct isr_image_topic *topic = &to->topics[i];
        *topic = from->topics[i];
        topic->partitions = NULL;
        topic->partitions_capacity = topic->partitions_count;
        if (topic->partitions_count == 0)
            continue;
        size_t size_bytes = topic->partitions_count * sizeof *topic->partitions;
        topic->partitions = isr_heap_allocate(heap, size_bytes);
        memcpy(topic->partitions, from->topics[i].partitions, size_bytes);
    }
}

/* ---- looking up ---- */

const struct isr_image_topic *isr_image_topic_ever(const struct isr_image *image, uint16_t id)
{
    return id >= 1 && id <= image->topics_count ? &image->topics[id - 1] : NULL;
}

const struct isr_image_topic *isr_image_topic(const struct isr_image *image, uint16_t id)
{
    const struct isr_image_topic *topic = isr_image_topic_ever(image, id);
    return topic != NULL && !topic->removed ? topic : NULL;
}

const struct isr_image_topic *isr_image_topic_named(const struct isr_image *image, const char *name)
{
    for (uint32_t i = 0; i < image->topics_count; i++) {
        if (!image->topics[i].removed && strcmp(image->topics[i].name.text, name) == 0)
            return &image->topics[i];
    }
    return NULL;
}

const struct isr_image_partition *isr_image_partition(const struct isr_image *image, struct isr_tp tp)
{
    const struct isr_image_topic *topic = isr_image_topic(image, tp.topic);
    return topic != NULL && tp.index < topic->partitions_count ? &topic->partitions[tp.index] : NULL;
}

bool isr_image_broker_active(const struct isr_image *image, int32_t broker)
{
    if (broker < 1 || broker > ISR_NODE_MAX)
        return false;
    const struct isr_image_broker *state = &image->brokers[broker];
    return state->registered && !state->fenced && !state->shutting_down;
}

bool isr_image_may_enter_isr(const struct isr_image *image, const struct isr_rules *rules, int32_t broker,
                             int64_t broker_epoch)
{
    if (rules->reject_ineligible == ISR_RULE_reject_ineligible_on && !isr_image_broker_active(image, broker))
        return false;
    return rules->alterpartition_broker_epoch == ISR_RULE_alterpartition_broker_epoch_off ||
           broker_epoch == -1 || broker_epoch == image->brokers[broker].epoch;
}

int32_t isr_effective_min_isr(const struct isr_rules *rules, int32_t topic_min_isr, uint32_t replicas_count)
{
    if (rules->min_isr == ISR_RULE_min_isr_one)
        return 1;
    return topic_min_isr < (int32_t)replicas_count ? topic_min_isr : (int32_t)replicas_count;
}

/* ---- applying one record ---- */

static bool broker_is_valid(int32_t broker)
{
    return broker >= 1 && broker <= ISR_NODE_MAX;
}

static void broker_set(struct isr_image *image, int32_t id, const struct isr_image_broker *after,
                       enum isr_cause cause, const struct isr_image_listener *listener)
{
    struct isr_image_broker before = image->brokers[id];
    image->digest += broker_digest(id, after) - broker_digest(id, &before);
    image->brokers[id] = *after;
    if (listener != NULL && listener->broker != NULL)
        listener->broker(listener->object, id, &before, &image->brokers[id], cause);
}

static bool apply_register_broker(struct isr_image *image, int64_t index,
                                  const struct isr_register_broker_record *record,
                                  const struct isr_image_listener *listener)
{
    if (!broker_is_valid(record->broker) || record->unclean > 1)
        return false;
    struct isr_image_broker after = {
        .registered = true,
        .fenced = true,
        .rack = record->rack,
        .incarnation = record->incarnation,
        .epoch = index,
    };
    broker_set(image, record->broker, &after,
               record->unclean ? ISR_CAUSE_BROKER_UNCLEAN : ISR_CAUSE_BROKER_REGISTERED, listener);
    return true;
}

static bool apply_broker_change(struct isr_image *image, const struct isr_broker_change_record *record,
                                const struct isr_image_listener *listener)
{
    if (!broker_is_valid(record->broker) || record->fenced > 1 || record->shutting_down > 1 ||
        record->cause >= ISR_CAUSE_COUNT)
        return false;
    struct isr_image_broker after = image->brokers[record->broker];
    if (!after.registered || after.epoch != record->broker_epoch)
        return false;
    after.fenced = record->fenced;
    after.shutting_down = record->shutting_down;
    broker_set(image, record->broker, &after, (enum isr_cause)record->cause, listener);
    return true;
}

static bool apply_topic(struct isr_image *image, const struct isr_topic_record *record)
{
    if (record->topic < 1 || (uint32_t)record->topic != image->topics_count + 1)
        return false;
    if (record->partitions < 1 || record->partitions > UINT16_MAX + 1 ||
        isr_topic_settings_check(&record->settings) != NULL)
        return false;
    if (record->name.text[0] == '\0' || isr_image_topic_named(image, record->name.text) != NULL)
        return false;
    image->topics = ISR_GROW(image->heap, image->topics, image->topics_count, image->topics_capacity);
    struct isr_image_topic *topic = &image->topics[image->topics_count++];
    *topic = (struct isr_image_topic){.id = (uint16_t)record->topic,
                                      .name = record->name,
                                      .settings = record->settings,
                                      .partitions_declared = (uint32_t)record->partitions};
    image->digest += topic_digest(topic);
    return true;
}

static bool apply_topic_settings(struct isr_image *image, const struct isr_topic_settings_record *record,
                                 const struct isr_image_listener *listener)
{
    if (record->topic < 1 || isr_image_topic(image, (uint16_t)record->topic) == NULL ||
        isr_topic_settings_check(&record->settings) != NULL)
        return false;
    struct isr_image_topic *topic = &image->topics[record->topic - 1];
    image->digest -= topic_digest(topic);
    topic->settings = record->settings;
    image->digest += topic_digest(topic);
    if (listener != NULL && listener->topic != NULL)
        listener->topic(listener->object, topic);
    return true;
}

static bool apply_remove_topic(struct isr_image *image, const struct isr_remove_topic_record *record,
                               const struct isr_image_listener *listener)
{
    if (record->topic < 1 || isr_image_topic(image, (uint16_t)record->topic) == NULL)
        return false;
    struct isr_image_topic *topic = &image->topics[record->topic - 1];
    for (uint32_t i = 0; i < topic->partitions_count; i++)
        image->digest -= partition_digest(&topic->partitions[i]);
    image->digest -= topic_digest(topic);
    isr_heap_release(image->heap, topic->partitions);
    topic->partitions = NULL;
    topic->partitions_count = topic->partitions_capacity = 0;
    topic->removed = true;
    image->digest += topic_digest(topic);
    if (listener != NULL && listener->topic != NULL)
        listener->topic(listener->object, topic);
    return true;
}

bool isr_image_partition_is_sane(const struct isr_image_partition *partition)
{
    const struct isr_replicas *replicas = &partition->replicas;
    if (replicas->count == 0 || !isr_replicas_subset(&partition->isr, replicas) ||
        !isr_replicas_subset(&partition->elr, replicas) ||
        !isr_replicas_subset(&partition->last_known_elr, replicas) ||
        !isr_replicas_subset(&partition->adding, replicas) ||
        !isr_replicas_subset(&partition->removing, replicas))
        return false;
    if (partition->leader != ISR_NODE_NONE && !isr_replicas_contain(replicas, partition->leader))
        return false;
    return partition->leader_epoch >= 0 && partition->partition_epoch >= 0;
}

static bool partition_is_acceptable(const struct isr_image_topic *topic,
                                    const struct isr_partition_record *record,
                                    const struct isr_image_partition *after)
{
    /* Partitions come in order of their index, so that the table never has a hole. */
    if (record->tp.index > topic->partitions_count || record->tp.index >= topic->partitions_declared)
        return false;
    return isr_image_partition_is_sane(after) && record->recovering <= 1 && record->cause < ISR_CAUSE_COUNT;
}

static bool apply_partition(struct isr_image *image, const struct isr_partition_record *record,
                            const struct isr_image_listener *listener)
{
    if (isr_image_topic(image, record->tp.topic) == NULL)
        return false;
    struct isr_image_topic *topic = &image->topics[record->tp.topic - 1];
    const struct isr_image_partition wanted = {.tp = record->tp,
                                               .leader = record->leader,
                                               .leader_epoch = record->leader_epoch,
                                               .partition_epoch = record->partition_epoch,
                                               .recovering = record->recovering,
                                               .replicas = record->replicas,
                                               .adding = record->adding,
                                               .removing = record->removing,
                                               .isr = record->isr,
                                               .elr = record->elr,
                                               .last_known_elr = record->last_known_elr};
    if (!partition_is_acceptable(topic, record, &wanted))
        return false;
    bool is_new = record->tp.index == topic->partitions_count;
    if (is_new) {
        topic->partitions =
            ISR_GROW(image->heap, topic->partitions, topic->partitions_count, topic->partitions_capacity);
        topic->partitions_count++;
    }
    struct isr_image_partition *after = &topic->partitions[record->tp.index];
    struct isr_image_partition before = *after;
    *after = wanted;
    image->digest += partition_digest(after) - (is_new ? 0 : partition_digest(&before));
    if (listener != NULL && listener->partition != NULL)
        listener->partition(listener->object, is_new ? NULL : &before, after, (enum isr_cause)record->cause);
    return true;
}

static void producer_ids_set(struct isr_image *image, int64_t next_producer_id)
{
    image->digest += producer_ids_digest(next_producer_id) - producer_ids_digest(image->next_producer_id);
    image->next_producer_id = next_producer_id;
}

/* An id that was given is never given again: there is no way back. */
static bool apply_producer_ids(struct isr_image *image, const struct isr_producer_ids_record *record)
{
    if (!broker_is_valid(record->broker) || record->next_producer_id < image->next_producer_id)
        return false;
    producer_ids_set(image, record->next_producer_id);
    return true;
}

bool isr_image_apply_record(struct isr_image *image, int64_t index, const struct isr_metadata_record *record,
                            const struct isr_image_listener *listener)
{
    switch (record->kind) {
    case ISR_METADATA_REGISTER_BROKER:
        return apply_register_broker(image, index, &record->register_broker_record, listener);
    case ISR_METADATA_BROKER_CHANGE:
        return apply_broker_change(image, &record->broker_change_record, listener);
    case ISR_METADATA_TOPIC:
        return apply_topic(image, &record->topic_record);
    case ISR_METADATA_TOPIC_SETTINGS:
        return apply_topic_settings(image, &record->topic_settings_record, listener);
    case ISR_METADATA_REMOVE_TOPIC:
        return apply_remove_topic(image, &record->remove_topic_record, listener);
    case ISR_METADATA_PARTITION:
        return apply_partition(image, &record->partition_record, listener);
    case ISR_METADATA_PRODUCER_IDS:
        return apply_producer_ids(image, &record->producer_ids_record);
    case ISR_METADATA_RECORD_KINDS:
        break;
    }
    return false;
}

/* ---- entries ---- */

static size_t record_size(const struct isr_metadata_record *record)
{
    switch (record->kind) {
#define X(NAME, name)         \
    case ISR_METADATA_##NAME: \
        return 1 + isr_size_##name(&record->name);
        ISR_METADATA_RECORDS(X)
#undef X
    case ISR_METADATA_RECORD_KINDS:
        break;
    }
    ISR_ASSERT(record->kind < ISR_METADATA_RECORD_KINDS);
    return 0;
}

static uint8_t *record_put(uint8_t *out, const struct isr_metadata_record *record)
{
    *out++ = (uint8_t)record->kind;
    switch (record->kind) {
#define X(NAME, name)         \
    case ISR_METADATA_##NAME: \
        return isr_put_##name(out, &record->name);
        ISR_METADATA_RECORDS(X)
#undef X
    case ISR_METADATA_RECORD_KINDS:
        break;
    }
    ISR_ASSERT(record->kind < ISR_METADATA_RECORD_KINDS);
    return out;
}

bool isr_metadata_record_get(struct isr_reader *reader, struct isr_metadata_record *record)
{
    record->kind = (enum isr_metadata_record_kind)isr_get_u8(reader);
    switch (record->kind) {
#define X(NAME, name)                          \
    case ISR_METADATA_##NAME:                  \
        isr_get_##name(reader, &record->name); \
        return !reader->failed;
        ISR_METADATA_RECORDS(X)
#undef X
    case ISR_METADATA_RECORD_KINDS:
        break;
    }
    return false;
}

struct isr_bytes isr_metadata_encode(const struct isr_metadata_record *records, uint32_t count,
                                     struct isr_scratch *scratch)
{
    size_t size = 0;
    for (uint32_t i = 0; i < count; i++)
        size += record_size(&records[i]);
    uint8_t *data = isr_scratch_allocate(scratch, size);
    uint8_t *end = data;
    for (uint32_t i = 0; i < count; i++)
        end = record_put(end, &records[i]);
    ISR_ASSERT(end == data + size);
    return (struct isr_bytes){.data = data, .size = (uint32_t)size};
}

/* Topics are created whole: an entry that leaves one without some of its partitions is damaged. */
static bool topics_are_whole(const struct isr_image *image, uint32_t from)
{
    for (uint32_t i = from; i < image->topics_count; i++) {
        if (!image->topics[i].removed &&
            image->topics[i].partitions_count != image->topics[i].partitions_declared)
            return false;
    }
    return true;
}

static bool apply_rest(struct isr_image *image, int64_t index, struct isr_reader *reader,
                       const struct isr_image_listener *listener)
{
    uint32_t topics_before = image->topics_count;
    while (reader->position < reader->size_bytes) {
        struct isr_metadata_record record;
        if (!isr_metadata_record_get(reader, &record) ||
            !isr_image_apply_record(image, index, &record, listener))
            return false;
    }
    return topics_are_whole(image, topics_before);
}

bool isr_image_apply(struct isr_image *image, int64_t index, int32_t term, struct isr_bytes records,
                     struct isr_scratch *scratch, const struct isr_image_listener *listener)
{
    if (index <= image->index || term < image->term)
        return false;
    struct isr_reader reader = {.data = records.data, .size_bytes = records.size, .scratch = scratch};
    if (!apply_rest(image, index, &reader, listener))
        return false;
    image->index = index;
    image->term = term;
    return true;
}

/* ---- snapshots ---- */

static struct isr_metadata_record topic_as_record(const struct isr_image_topic *topic)
{
    return (struct isr_metadata_record){.kind = ISR_METADATA_TOPIC,
                                        .topic_record = {.topic = (int16_t)topic->id,
                                                         .name = topic->name,
                                                         .partitions = (int32_t)topic->partitions_declared,
                                                         .settings = topic->settings}};
}

static struct isr_metadata_record removal_of(const struct isr_image_topic *topic)
{
    return (struct isr_metadata_record){.kind = ISR_METADATA_REMOVE_TOPIC,
                                        .remove_topic_record = {.topic = (int16_t)topic->id}};
}

struct isr_metadata_record isr_image_partition_record(const struct isr_image_partition *partition,
                                                      enum isr_cause cause)
{
    return (struct isr_metadata_record){.kind = ISR_METADATA_PARTITION,
                                        .partition_record = {.tp = partition->tp,
                                                             .leader = (int16_t)partition->leader,
                                                             .leader_epoch = partition->leader_epoch,
                                                             .partition_epoch = partition->partition_epoch,
                                                             .recovering = partition->recovering,
                                                             .replicas = partition->replicas,
                                                             .adding = partition->adding,
                                                             .removing = partition->removing,
                                                             .isr = partition->isr,
                                                             .elr = partition->elr,
                                                             .last_known_elr = partition->last_known_elr,
                                                             .cause = (uint8_t)cause}};
}

static struct isr_snapshot_broker broker_as_part(int32_t id, const struct isr_image_broker *broker)
{
    return (struct isr_snapshot_broker){.broker = (int16_t)id,
                                        .incarnation = broker->incarnation,
                                        .broker_epoch = broker->epoch,
                                        .fenced = broker->fenced,
                                        .shutting_down = broker->shutting_down,
                                        .rack = broker->rack};
}

static struct isr_snapshot_head image_head(const struct isr_image *image)
{
    struct isr_snapshot_head head = {.index = image->index,
                                     .term = image->term,
                                     .topics = image->topics_count,
                                     .next_producer_id = image->next_producer_id};
    for (int32_t id = 1; id <= ISR_NODE_MAX; id++)
        head.brokers = (uint8_t)(head.brokers + (image->brokers[id].registered ? 1 : 0));
    return head;
}

static size_t snapshot_size(const struct isr_image *image, const struct isr_snapshot_head *head)
{
    struct isr_snapshot_broker any = {0};
    size_t size = isr_size_snapshot_head(head) + head->brokers * isr_size_snapshot_broker(&any);
    for (uint32_t i = 0; i < image->topics_count; i++) {
        const struct isr_image_topic *topic = &image->topics[i];
        struct isr_metadata_record record = topic_as_record(topic);
        size += record_size(&record);
        for (uint32_t j = 0; j < topic->partitions_count; j++) {
            record = isr_image_partition_record(&topic->partitions[j], ISR_CAUSE_NONE);
            size += record_size(&record);
        }
        record = removal_of(topic);
        size += topic->removed ? record_size(&record) : 0;
    }
    return size;
}

struct isr_bytes isr_image_snapshot(const struct isr_image *image, struct isr_scratch *scratch)
{
    struct isr_snapshot_head head = image_head(image);
    size_t size = snapshot_size(image, &head);
    uint8_t *data = isr_scratch_allocate(scratch, size);
    uint8_t *out = isr_put_snapshot_head(data, &head);
    for (int32_t id = 1; id <= ISR_NODE_MAX; id++) {
        if (!image->brokers[id].registered)
            continue;
        struct isr_snapshot_broker part = broker_as_part(id, &image->brokers[id]);
        out = isr_put_snapshot_broker(out, &part);
    }
    for (uint32_t i = 0; i < image->topics_count; i++) {
        const struct isr_image_topic *topic = &image->topics[i];
        struct isr_metadata_record record = topic_as_record(topic);
        out = record_put(out, &record);
        for (uint32_t j = 0; j < topic->partitions_count; j++) {
            record = isr_image_partition_record(&topic->partitions[j], ISR_CAUSE_NONE);
            out = record_put(out, &record);
        }
        record = removal_of(topic);
        out = topic->removed ? record_put(out, &record) : out;
    }
    ISR_ASSERT(out == data + size);
    return (struct isr_bytes){.data = data, .size = (uint32_t)size};
}

static bool load_broker(struct isr_image *image, struct isr_reader *reader)
{
    struct isr_snapshot_broker part;
    isr_get_snapshot_broker(reader, &part);
    if (reader->failed || !broker_is_valid(part.broker) || image->brokers[part.broker].registered ||
        part.fenced > 1 || part.shutting_down > 1 || part.broker_epoch > image->index)
        return false;
    struct isr_image_broker broker = {.registered = true,
                                      .fenced = part.fenced,
                                      .shutting_down = part.shutting_down,
                                      .rack = part.rack,
                                      .incarnation = part.incarnation,
                                      .epoch = part.broker_epoch};
    broker_set(image, part.broker, &broker, ISR_CAUSE_METADATA, NULL);
    return true;
}

static bool load_all(struct isr_image *image, struct isr_reader *reader)
{
    struct isr_snapshot_head head;
    isr_get_snapshot_head(reader, &head);
    if (reader->failed || head.index < 0 || head.term < 0 || head.next_producer_id < 0)
        return false;
    image->index = head.index;
    image->term = head.term;
    producer_ids_set(image, head.next_producer_id);
    for (unsigned i = 0; i < head.brokers; i++) {
        if (!load_broker(image, reader))
            return false;
    }
    while (reader->position < reader->size_bytes) {
        struct isr_metadata_record record;
        if (!isr_metadata_record_get(reader, &record))
            return false;
        if (record.kind != ISR_METADATA_TOPIC && record.kind != ISR_METADATA_PARTITION &&
            record.kind != ISR_METADATA_REMOVE_TOPIC)
            return false;
        if (!isr_image_apply_record(image, head.index, &record, NULL))
            return false;
    }
    return image->topics_count == head.topics && topics_are_whole(image, 0);
}

bool isr_image_load(struct isr_image *image, struct isr_bytes snapshot, struct isr_scratch *scratch)
{
    isr_image_free(image);
    struct isr_reader reader = {.data = snapshot.data, .size_bytes = snapshot.size, .scratch = scratch};
    if (load_all(image, &reader))
        return true;
    isr_image_free(image);
    return false;
}
