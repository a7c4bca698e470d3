#include "core/client/cache.h"

#include "core/base/search.h"

void isr_cache_init(struct isr_cache *cache, struct isr_heap *heap)
{
    *cache = (struct isr_cache){.heap = heap, .controller = ISR_NODE_NONE};
}

static bool can_be_a_node(int32_t node)
{
    return node >= 1 && node <= ISR_NODE_MAX;
}

static int64_t topic_id_at(const void *array, uint32_t place)
{
    return ((const struct isr_cached_topic *)array)[place].id;
}

/* The place of the first topic whose id is not below the asked one. */
static uint32_t topic_place(const struct isr_cache *cache, uint16_t id)
{
    return isr_search(cache->topics, 0, cache->topics_count, id, topic_id_at);
}

static struct isr_cached_topic *topic_find(const struct isr_cache *cache, uint16_t id)
{
    uint32_t place = topic_place(cache, id);
    bool found = place < cache->topics_count && cache->topics[place].id == id;
    return found ? &cache->topics[place] : NULL;
}

static struct isr_cached_topic *topic_add(struct isr_cache *cache, uint16_t id, struct isr_name name)
{
    cache->topics = ISR_GROW(cache->heap, cache->topics, cache->topics_count, cache->topics_capacity);
    uint32_t place = topic_place(cache, id);
    memmove(&cache->topics[place + 1], &cache->topics[place],
            (cache->topics_count - place) * sizeof *cache->topics);
    cache->topics_count++;
    cache->topics[place] = (struct isr_cached_topic){.id = id, .name = name};
    return &cache->topics[place];
}

static void partition_merge(struct isr_cache *cache, struct isr_cached_topic *topic,
                            const struct isr_metadata_partition *told)
{
    if (told->tp.topic != topic->id || told->tp.index > topic->partitions_count)
        return;
    if (told->leader != ISR_NODE_NONE && !can_be_a_node(told->leader))
        return;
    if (told->tp.index == topic->partitions_count) {
        topic->partitions =
            ISR_GROW(cache->heap, topic->partitions, topic->partitions_count, topic->partitions_capacity);
        topic->partitions[topic->partitions_count++] = (struct isr_cached_partition){
            .tp = told->tp, .leader = ISR_NODE_NONE, .leader_epoch = ISR_EPOCH_NONE};
    }
    struct isr_cached_partition *known = &topic->partitions[told->tp.index];
    if (told->leader_epoch < known->leader_epoch)
        return;
    known->leader = told->leader;
    known->leader_epoch = told->leader_epoch;
    known->replicas = told->replicas;
    known->isr = told->isr;
}

void isr_cache_merge(struct isr_cache *cache, const struct isr_metadata_response *response)
{
    if (can_be_a_node(response->controller))
        cache->controller = response->controller;
    for (uint32_t i = 0; i < response->topics_count; i++) {
        const struct isr_metadata_topic *told = &response->topics[i];
        if (told->topic <= 0)
            continue;
        struct isr_cached_topic *topic = topic_find(cache, (uint16_t)told->topic);
        if (topic == NULL)
            topic = topic_add(cache, (uint16_t)told->topic, told->name);
        topic->removed = topic->removed || told->removed != 0;
        for (uint32_t j = 0; j < told->partitions_count; j++)
            partition_merge(cache, topic, &told->partitions[j]);
    }
}

bool isr_cache_learn_leader(struct isr_cache *cache, struct isr_tp tp, int32_t leader, int32_t leader_epoch)
{
    struct isr_cached_topic *topic = topic_find(cache, tp.topic);
    if (topic == NULL || tp.index >= topic->partitions_count || !can_be_a_node(leader))
        return false;
    struct isr_cached_partition *known = &topic->partitions[tp.index];
    bool news = leader_epoch > known->leader_epoch ||
                (leader_epoch == known->leader_epoch && known->leader == ISR_NODE_NONE);
    if (!news)
        return false;
    known->leader = leader;
    known->leader_epoch = leader_epoch;
    return true;
}

const struct isr_cached_topic *isr_cache_topic_named(const struct isr_cache *cache, const char *name)
{
    /* The newest: of a topic that was made anew the former one may not be known to be gone yet. */
    for (uint32_t i = cache->topics_count; i > 0; i--) {
        const struct isr_cached_topic *topic = &cache->topics[i - 1];
        if (!topic->removed && strcmp(topic->name.text, name) == 0)
            return topic;
    }
    return NULL;
}

bool isr_cache_topic_removed(const struct isr_cache *cache, uint16_t id)
{
    const struct isr_cached_topic *topic = topic_find(cache, id);
    return topic != NULL && topic->removed;
}

const struct isr_cached_partition *isr_cache_partition(const struct isr_cache *cache, struct isr_tp tp)
{
    const struct isr_cached_topic *topic = topic_find(cache, tp.topic);
    bool known = topic != NULL && !topic->removed && tp.index < topic->partitions_count;
    return known ? &topic->partitions[tp.index] : NULL;
}
