/* What a client knows of topics and leaders. Knowledge of a partition only moves forward in leader epochs, so
 * that the answer of a broker that lags behind does not lead back to an old leader (KIP-320). */
#ifndef ISR_CLIENT_CACHE_H
#define ISR_CLIENT_CACHE_H

#include "core/wire/message.h"

struct isr_cached_partition {
    struct isr_tp tp;
    int32_t leader; /* ISR_NODE_NONE: unknown, or there is none */
    int32_t leader_epoch;
    struct isr_replicas replicas, isr;
};

struct isr_cached_topic {
    uint16_t id;
    struct isr_name name;
    bool removed; /* and never comes back: one of the same name has another id (KIP-516) */
    struct isr_cached_partition *partitions; /* by index */
    uint32_t partitions_count, partitions_capacity;
};

struct isr_cache {
    struct isr_heap *heap;
    struct isr_cached_topic *topics; /* by id, ascending */
    uint32_t topics_count, topics_capacity;
    int32_t controller;
};

void isr_cache_init(struct isr_cache *cache, struct isr_heap *heap);
/* Takes over what an answer tells; nonsense in it is left out. */
void isr_cache_merge(struct isr_cache *cache, const struct isr_metadata_response *response);
/* A broker named the leader in an answer. True when that was news. */
bool isr_cache_learn_leader(struct isr_cache *cache, struct isr_tp tp, int32_t leader, int32_t leader_epoch);
const struct isr_cached_topic *isr_cache_topic_named(const struct isr_cache *cache, const char *name);
/* The topic is known to be gone. */
bool isr_cache_topic_removed(const struct isr_cache *cache, uint16_t id);
/* NULL when it is not known, or gone. */
const struct isr_cached_partition *isr_cache_partition(const struct isr_cache *cache, struct isr_tp tp);

#endif
