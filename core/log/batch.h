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
 *   50  u16 attributes       0
 *   52  records: u32 size, then that many bytes of value, record_count times
 * What the leader sets lies outside the checksum of the rest, so that need not be computed again. It has one
 * of its own, which Kafka's format has not: a leader epoch in which a bit flipped on a disk would pass for
 * the truth there. */
#ifndef ISR_LOG_BATCH_H
#define ISR_LOG_BATCH_H

#include "core/base/heap.h"
#include "core/base/types.h"

enum { ISR_BATCH_HEADER_BYTES = 52, ISR_BATCH_RECORDS_MAX = 1 << 20 };

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
    struct isr_bytes bytes; /* the whole batch, borrowed */
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
/* Writes what the leader sets into the batch at data. */
void isr_batch_stamp(uint8_t *data, int64_t base_offset, int32_t leader_epoch, int64_t timestamp_ns);
/* The same, but for the timestamp. */
void isr_batch_set_position(uint8_t *data, int64_t base_offset, int32_t leader_epoch);
/* Of a sound batch. */
int64_t isr_batch_timestamp(const uint8_t *data);
/* The value of record `index` of a parsed batch, borrowed from it; false when there is none. Walks the batch.
 */
bool isr_batch_record(const struct isr_batch *batch, uint32_t index, struct isr_bytes *record);
/* The first 8 bytes of the value of record `index` of a parsed batch; false when there is none. */
bool isr_batch_value(const struct isr_batch *batch, uint32_t index, uint64_t *value);

#endif
