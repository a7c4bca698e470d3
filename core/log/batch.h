/* The record batch: the unit of appending, replicating and acknowledging (after Kafka's batch v2, KIP-98).
 *
 * Layout, little-endian:
 *    0  i64 base_offset      set by the leader
 *    8  u32 size_bytes       of the whole batch
 *   12  i32 leader_epoch     set by the leader
 *   16  i64 timestamp        set by the leader: its wall clock at the append (LogAppendTime)
 *   24  u32 position_crc     CRC-32C of the 24 bytes before it
 *   28  u32 crc              CRC-32C of everything from byte 32 on
 *   32  i64 producer_id      -1 without idempotence
 *   40  i32 base_sequence    -1 without idempotence
 *   44  u32 record_count     1..
 *   48  i16 producer_epoch
 *   50  u16 attributes       ISR_BATCH_KEYED, ISR_BATCH_COMPACTED
 *   52  records: u32 size, then that many bytes of value, record_count times
 * In a KEYED batch the highest bit of a size marks a tombstone, and the first 8 of its bytes are the key;
 * what a tombstone has beside is no value (in Kafka: its headers). A COMPACTED one, always keyed too, is what
 * log compaction left of a batch: at 52 i64 delete horizon, the wall clock from which on its tombstones may
 * go, or ISR_TIME_NEVER; then its records that are left, each behind a u32 with its place in the whole batch.
 * Offsets and sequences are those of the whole batch: record_count tells how many it spans. One without
 * records and without a producer is a gap: all that is known of its offsets is that nothing is left of them.
 * So a log has no holes that a lost batch could hide in, whatever compaction removed from it (Kafka's have).
 * What the leader sets lies outside the checksum of the rest, so that need not be computed again. It has one
 * of its own, which Kafka's format has not: a leader epoch in which a bit flipped on a disk would pass for
 * the truth there. */
#ifndef ISR_LOG_BATCH_H
#define ISR_LOG_BATCH_H

#include "core/base/heap.h"
#include "core/base/types.h"

enum { ISR_BATCH_HEADER_BYTES = 52, ISR_BATCH_RECORDS_MAX = 1 << 20 };
enum isr_batch_attribute { ISR_BATCH_KEYED = 1, ISR_BATCH_COMPACTED = 2 };
enum { ISR_BATCH_GAP_BYTES = ISR_BATCH_HEADER_BYTES + 8 };

struct isr_batch {
    int64_t base_offset;
    int64_t last_offset; /* base_offset + record_count - 1 */
    int64_t timestamp_ns;
    int64_t producer_id;
    int32_t base_sequence;
    int32_t leader_epoch;
    uint32_t crc;
    uint32_t record_count;
    int16_t producer_epoch;
    uint16_t attributes;
    struct isr_bytes bytes; /* the whole batch, borrowed */
};

/* One record of a batch. */
struct isr_record {
    int64_t offset;
    uint64_t key;           /* of a keyed batch */
    struct isr_bytes value; /* borrowed */
    bool tombstone;
};

enum isr_batch_status { ISR_BATCH_OK, ISR_BATCH_SHORT /* the input ends inside it */, ISR_BATCH_CORRUPT };

/* Parses the batch at the start of input; with check_crc the checksums and every record's size are verified.
 * Safe on arbitrary bytes. On OK batch->bytes.size tells where the next one starts. */
enum isr_batch_status isr_batch_parse(struct isr_bytes input, bool check_crc, struct isr_batch *batch);
/* Is the content of a batch that was parsed before, and had this checksum then, still what its checksums say?
 */
bool isr_batch_is_intact(struct isr_bytes batch, uint32_t crc);

/* Builds a batch in scratch: record i has a value of value_bytes (at least 8) that starts with the
 * little-endian u64 first_value + i; the rest is filler that depends on the value alone. */
struct isr_bytes isr_batch_build(struct isr_scratch *scratch, int64_t producer_id, int16_t producer_epoch,
                                 int32_t base_sequence, uint64_t first_value, uint32_t record_count,
                                 uint32_t value_bytes);
/* Builds a batch of these values in scratch, without a producer id. count: 1..ISR_BATCH_RECORDS_MAX. */
struct isr_bytes isr_batch_of_values(struct isr_scratch *scratch, const struct isr_bytes *values,
                                     uint32_t count);
/* Keys of the records of a batch that is built: a record's key, below `keys`, and whether it is a tombstone
 * (percent of them are) depend on its value alone. keys 0: records have no keys. */
struct isr_batch_keys {
    uint32_t keys;
    uint32_t tombstone_percent;
};
/* As isr_batch_build, with keys. */
struct isr_bytes isr_batch_build_keyed(struct isr_scratch *scratch, int64_t producer_id,
                                       int16_t producer_epoch, int32_t base_sequence, uint64_t first_value,
                                       uint32_t record_count, uint32_t value_bytes,
                                       struct isr_batch_keys keys);
/* Writes what the leader sets into the batch at data. */
void isr_batch_stamp(uint8_t *data, int64_t base_offset, int32_t leader_epoch, int64_t timestamp_ns);
/* The same, but for the timestamp. */
void isr_batch_set_position(uint8_t *data, int64_t base_offset, int32_t leader_epoch);
/* Of a sound batch. */
int64_t isr_batch_timestamp(const uint8_t *data);
bool isr_batch_has_keys(const uint8_t *data);
/* Walks the records that a parsed and sound batch holds: *position is 0 at first. False at the end. */
bool isr_batch_next(const struct isr_batch *batch, uint32_t *position, struct isr_record *record);
/* The value of the record in place `index` of those that a parsed batch holds, borrowed from it; false when
 * there is none. Walks the batch. */
bool isr_batch_record(const struct isr_batch *batch, uint32_t index, struct isr_bytes *record);
/* The first 8 bytes of the value of record `index` of a parsed batch; false when there is none. */
bool isr_batch_value(const struct isr_batch *batch, uint32_t index, uint64_t *value);

/* ---- compaction (core/log/cleaner.h) ---- */

/* Of a COMPACTED batch; ISR_TIME_NEVER of any other. */
int64_t isr_batch_horizon(const struct isr_batch *batch);
bool isr_batch_is_gap(const struct isr_batch *batch);
/* What isr_batch_compact writes at most. */
uint32_t isr_batch_compact_bytes(const struct isr_batch *batch);
/* Writes what is left of a keyed batch: those of its records, in the order of isr_batch_next, whose `keep` is
 * set. Returns the bytes written. */
uint32_t isr_batch_compact(uint8_t *out, const struct isr_batch *batch, const bool *keep, int64_t horizon_ns);
/* Writes a gap of ISR_BATCH_GAP_BYTES. */
void isr_batch_gap(uint8_t *out, int64_t base_offset, uint32_t offsets, int32_t leader_epoch,
                   int64_t timestamp_ns);

#endif
