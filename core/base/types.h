/* The vocabulary of the engine: ids, offsets, epochs, byte ranges and bounds.
 *
 * Units: every time is in nanoseconds (`_ns`), every size in bytes (`_bytes`).
 *   offset         position of a record in a partition's log, 0-based
 *   LEO            log end offset: the offset that the next record will get
 *   index          position of an entry in the controller's Raft log, 1-based
 *   leader epoch   generation of a partition's leadership, KIP-101
 *   partition epoch generation of a partition's metadata, KIP-497
 *   broker epoch   generation of a broker's registration, KIP-380
 */
#ifndef ISR_BASE_TYPES_H
#define ISR_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ISR_REPLICAS_MAX = 8,    /* replicas of one partition */
    ISR_NODE_MAX = 250,      /* node ids are 1..ISR_NODE_MAX */
    ISR_NODE_NONE = -1,      /* no leader, no controller known */
    ISR_RACK_NONE = 0,       /* racks are 1..254 */
    ISR_RACK_ANY = 255,      /* of a consumer: any follower rather than the leader */
    ISR_NAME_BYTES_MAX = 48, /* a topic's name with its terminator */
};

#define ISR_EPOCH_NONE (-1)
#define ISR_OFFSET_NONE ((int64_t)-1)
#define ISR_TIME_NEVER INT64_MAX
#define ISR_MS ((int64_t)1000000)
#define ISR_SECOND ((int64_t)1000000000)

/* A topic partition. Topic ids are given by the controller, from 1, and never reused. */
struct isr_tp {
    uint16_t topic;
    uint16_t index;
};

static inline bool isr_tp_equal(struct isr_tp a, struct isr_tp b)
{
    return a.topic == b.topic && a.index == b.index;
}

static inline uint32_t isr_tp_key(struct isr_tp tp)
{
    return ((uint32_t)tp.topic << 16) | tp.index;
}

/* Bytes that somebody else owns. */
struct isr_bytes {
    const uint8_t *data;
    uint32_t size;
};

/* An ordered list of distinct node ids: an assignment (the order is the preference), an ISR, an ELR. */
struct isr_replicas {
    uint8_t count;
    int16_t ids[ISR_REPLICAS_MAX];
};

bool isr_replicas_contain(const struct isr_replicas *set, int32_t node);
/* Adds node at the end unless it is there. Asserts room. */
void isr_replicas_add(struct isr_replicas *set, int32_t node);
/* Removes node, keeping the order of the others; nothing happens when it is not there. */
void isr_replicas_remove(struct isr_replicas *set, int32_t node);
bool isr_replicas_equal_as_sets(const struct isr_replicas *a, const struct isr_replicas *b);
bool isr_replicas_subset(const struct isr_replicas *inner, const struct isr_replicas *outer);
/* The set as 8 bits an id, the first id lowest: how sets travel in observations. */
uint64_t isr_replicas_pack(const struct isr_replicas *set);
struct isr_replicas isr_replicas_unpack(uint64_t packed);

#endif
