/* The cluster's metadata as of one entry of the metadata log: what the controller decides on and what brokers
 * follow. A pure function of the entries applied: equal index, equal image, equal digest (I9). */
#ifndef ISR_METADATA_IMAGE_H
#define ISR_METADATA_IMAGE_H

#include "core/base/env.h"
#include "core/metadata/records.def"
#include "core/wire/codec.h"

enum isr_metadata_record_kind {
#define X(NAME, name) ISR_METADATA_##NAME,
    ISR_METADATA_RECORDS(X)
#undef X
        ISR_METADATA_RECORD_KINDS
};
#define X(NAME, name) ISR_CODEC_DECLARE(name)
ISR_METADATA_RECORDS(X)
#undef X
#define X(name) ISR_CODEC_DECLARE(name)
ISR_METADATA_PARTS(X)
#undef X

struct isr_metadata_record {
    enum isr_metadata_record_kind kind;
    union {
#define X(NAME, name) struct isr_##name name;
        ISR_METADATA_RECORDS(X)
#undef X
    };
};

struct isr_image_broker {
    bool registered;
    bool fenced;
    bool shutting_down;
    uint8_t rack; /* where it stands, ISR_RACK_NONE when it did not say */
    uint64_t incarnation;
    int64_t epoch; /* index of its register record */
};

struct isr_image_partition {
    struct isr_tp tp;
    int32_t leader;
    int32_t leader_epoch;
    int32_t partition_epoch;
    bool recovering; /* leader recovery state RECOVERING (KIP-704) */
    struct isr_replicas replicas, isr, elr, last_known_elr;
    struct isr_replicas adding, removing; /* both empty unless it is being reassigned (KIP-455) */
};

struct isr_image_topic {
    uint16_t id; /* its place in topics + 1 */
    struct isr_name name;
    bool removed; /* what is left of it is its id, which is never given again, and its name */
    struct isr_topic_settings settings;
    uint32_t partitions_declared; /* by its record */
    uint32_t partitions_count;    /* less than declared only inside the entry that creates the topic */
    uint32_t partitions_capacity;
    struct isr_image_partition *partitions; /* by index */
};

struct isr_image {
    struct isr_heap *heap;
    int64_t index; /* last entry applied */
    int32_t term;
    uint64_t digest; /* of the state, by field; equal images have equal digests however they came about */
    struct isr_image_topic *topics; /* by id - 1; ids are never reused */
    uint32_t topics_count, topics_capacity;
    struct isr_image_broker brokers[ISR_NODE_MAX + 1]; /* by node id */
    int64_t next_producer_id; /* of the next block; those below belong to brokers (KIP-730) */
};

/* Told of each change while an entry is applied, after the change. Each function may be NULL. */
struct isr_image_listener {
    void (*partition)(void *object, const struct isr_image_partition *before, /* NULL when it is new */
                      const struct isr_image_partition *after, enum isr_cause cause);
    void (*broker)(void *object, int32_t broker, const struct isr_image_broker *before,
                   const struct isr_image_broker *after, enum isr_cause cause);
    /* Its settings changed, or it was removed and has no partitions any more. */
    void (*topic)(void *object, const struct isr_image_topic *topic);
    void *object;
};

void isr_image_init(struct isr_image *image, struct isr_heap *heap);
void isr_image_free(struct isr_image *image);
void isr_image_copy(struct isr_image *to, const struct isr_image *from); /* to: initialised */

/* One entry: records one after the other. False when the bytes are damaged or a record makes no sense here
 * (unknown topic or broker, partition beyond the topic, replica sets that are not part of the assignment,
 * index not after the last one): then nothing is certain, and the caller treats the image as lost. Invariants
 * of the protocol (I5, I6) are not enforced here: they are the controller's promise, and checked from
 * outside. listener: NULL allowed. */
bool isr_image_apply(struct isr_image *image, int64_t index, int32_t term, struct isr_bytes records,
                     struct isr_scratch *scratch, const struct isr_image_listener *listener);
/* One record, for building speculative state; it leaves index and term alone. index: of the entry it will be
 * in. False when it makes no sense; the image is then unchanged. */
bool isr_image_apply_record(struct isr_image *image, int64_t index, const struct isr_metadata_record *record,
                            const struct isr_image_listener *listener);

/* Encodes records for one entry into scratch. */
struct isr_bytes isr_metadata_encode(const struct isr_metadata_record *records, uint32_t count,
                                     struct isr_scratch *scratch);

/* The next of the records of an entry; false at the first byte that is none of one. */
bool isr_metadata_record_get(struct isr_reader *reader, struct isr_metadata_record *record);

/* Its sets are parts of its assignment and its leader one of it: what bytes from elsewhere need not be. */
bool isr_image_partition_is_sane(const struct isr_image_partition *partition);

/* The record that makes a partition what it is here. */
struct isr_metadata_record isr_image_partition_record(const struct isr_image_partition *partition,
                                                      enum isr_cause cause);

/* The whole image as bytes in scratch, and back. Load: false when damaged (the image is then empty). */
struct isr_bytes isr_image_snapshot(const struct isr_image *image, struct isr_scratch *scratch);
bool isr_image_load(struct isr_image *image, struct isr_bytes snapshot, struct isr_scratch *scratch);

/* NULL when there is none, or none any more. */
const struct isr_image_topic *isr_image_topic(const struct isr_image *image, uint16_t id);
/* Also one that was removed, for its name. */
const struct isr_image_topic *isr_image_topic_ever(const struct isr_image *image, uint16_t id);
const struct isr_image_topic *isr_image_topic_named(const struct isr_image *image, const char *name);
/* NULL when there is none. */
const struct isr_image_partition *isr_image_partition(const struct isr_image *image, struct isr_tp tp);
/* Registered, not fenced, not shutting down: may lead and be in an ISR. */
bool isr_image_broker_active(const struct isr_image *image, int32_t broker);

/* Whether a replica may enter an ISR: its broker is active (KIP-841), and is still in the registration in
 * which it was found in sync, as after the next one its log may be gone (KIP-903). broker_epoch: of that
 * registration; -1: not known, not compared. A leader asks it of the metadata that it knows, the controller
 * of what is so. */
bool isr_image_may_enter_isr(const struct isr_image *image, const struct isr_rules *rules, int32_t broker,
                             int64_t broker_epoch);

/* How many in-sync replicas the topic's partitions need for acks=all, for the high watermark to move and for
 * the ELR to be empty (KIP-966): min(min ISR, replicas), as in Kafka; the rule switch min_isr is read here
 * only. */
int32_t isr_effective_min_isr(const struct isr_rules *rules, int32_t topic_min_isr, uint32_t replicas_count);

#endif
