#include "core/log/batch.h"

#include <string.h>

#include "core/base/assert.h"
#include "core/base/hash.h"

enum {
    AT_BASE_OFFSET = 0,
    AT_SIZE = 8,
    AT_LEADER_EPOCH = 12,
    AT_TIMESTAMP = 16,
    AT_POSITION_CRC = 24,
    AT_CRC = 28,
    AT_PRODUCER_ID = 32,
    AT_BASE_SEQUENCE = 40,
    AT_RECORD_COUNT = 44,
    AT_PRODUCER_EPOCH = 48,
    AT_ATTRIBUTES = 50,
    AT_HORIZON = ISR_BATCH_HEADER_BYTES,
    HORIZON_BYTES = 8,
    PLACE_BYTES = 4,
    RECORD_SIZE_BYTES = 4,
    KEY_BYTES = 8,
    VALUE_BYTES = 8
};
static const uint32_t TOMBSTONE = UINT32_C(1) << 31;

static uint32_t u32_at(const uint8_t *data)
{
    uint32_t value;
    memcpy(&value, data, sizeof value);
    return value;
}

static void header_read(const uint8_t *data, struct isr_batch *batch)
{
    memcpy(&batch->base_offset, data + AT_BASE_OFFSET, 8);
    memcpy(&batch->leader_epoch, data + AT_LEADER_EPOCH, 4);
    memcpy(&batch->crc, data + AT_CRC, 4);
    memcpy(&batch->timestamp_ns, data + AT_TIMESTAMP, 8);
    memcpy(&batch->producer_id, data + AT_PRODUCER_ID, 8);
    memcpy(&batch->base_sequence, data + AT_BASE_SEQUENCE, 4);
    memcpy(&batch->record_count, data + AT_RECORD_COUNT, 4);
    memcpy(&batch->producer_epoch, data + AT_PRODUCER_EPOCH, 2);
    memcpy(&batch->attributes, data + AT_ATTRIBUTES, 2);
    batch->bytes = (struct isr_bytes){.data = data, .size = u32_at(data + AT_SIZE)};
}

static bool header_is_sound(const struct isr_batch *batch)
{
    uint32_t least = batch->record_count * RECORD_SIZE_BYTES;
    if (batch->record_count == 0 || batch->record_count > ISR_BATCH_RECORDS_MAX)
        return false;
    if (batch->attributes > ISR_BATCH_KEYED) {
        least = HORIZON_BYTES;
        if (batch->attributes != (ISR_BATCH_KEYED | ISR_BATCH_COMPACTED))
            return false;
    }
    if (batch->base_offset < 0 || batch->base_offset > INT64_MAX - (int64_t)batch->record_count)
        return false;
    if (batch->producer_id < -1)
        return false;
    if (batch->producer_id >= 0 && (batch->base_sequence < 0 || batch->producer_epoch < 0))
        return false;
    return batch->bytes.size >= ISR_BATCH_HEADER_BYTES + least;
}

static uint32_t records_begin(const struct isr_batch *batch)
{
    return (batch->attributes & ISR_BATCH_COMPACTED) != 0 ? AT_HORIZON + HORIZON_BYTES
                                                          : ISR_BATCH_HEADER_BYTES;
}

/* Steps over the record at *position: what it holds is the *size bytes before the new position. False when it
 * is not whole. */
static inline bool record_next(const struct isr_batch *batch, uint32_t *position, uint32_t *size)
{
    if (batch->bytes.size - *position < RECORD_SIZE_BYTES)
        return false;
    *size = u32_at(batch->bytes.data + *position);
    if ((batch->attributes & ISR_BATCH_KEYED) != 0)
        *size &= ~TOMBSTONE;
    *position += RECORD_SIZE_BYTES;
    if (batch->bytes.size - *position < *size)
        return false;
    *position += *size;
    return true;
}

/* The sizes of the records add up to the size of the batch. */
static bool records_are_sound(const struct isr_batch *batch)
{
    uint32_t position = records_begin(batch), size = 0;
    uint32_t least = (batch->attributes & ISR_BATCH_KEYED) != 0 ? KEY_BYTES : 0;
    for (uint32_t i = 0; i < batch->record_count; i++) {
        if (!record_next(batch, &position, &size) || size < least)
            return false;
    }
    return position == batch->bytes.size;
}

bool isr_batch_is_intact(struct isr_bytes batch, uint32_t crc)
{
    return u32_at(batch.data + AT_CRC) == crc &&
           isr_crc32c(0, batch.data, AT_POSITION_CRC) == u32_at(batch.data + AT_POSITION_CRC) &&
           isr_crc32c(0, batch.data + AT_PRODUCER_ID, batch.size - AT_PRODUCER_ID) == crc;
}

/* The same, and the places rise and lie within the batch. */
static bool compacted_is_sound(const struct isr_batch *batch)
{
    uint32_t position = records_begin(batch), size = 0, next = 0;
    while (position < batch->bytes.size) {
        if (batch->bytes.size - position < PLACE_BYTES)
            return false;
        uint32_t place = u32_at(batch->bytes.data + position);
        position += PLACE_BYTES;
        if (place < next || place >= batch->record_count || !record_next(batch, &position, &size) ||
            size < KEY_BYTES)
            return false;
        next = place + 1;
    }
    return true;
}

static bool content_is_sound(const struct isr_batch *batch)
{
    return (batch->attributes & ISR_BATCH_COMPACTED) != 0 ? compacted_is_sound(batch)
                                                          : records_are_sound(batch);
}

enum isr_batch_status isr_batch_parse(struct isr_bytes input, bool check_crc, struct isr_batch *batch)
{
    if (input.size < ISR_BATCH_HEADER_BYTES)
        return ISR_BATCH_SHORT;
    header_read(input.data, batch);
    if (!header_is_sound(batch))
        return ISR_BATCH_CORRUPT;
    if (batch->bytes.size > input.size)
        return ISR_BATCH_SHORT;
    batch->last_offset = batch->base_offset + batch->record_count - 1;
    if (!check_crc)
        return ISR_BATCH_OK;
    if (!isr_batch_is_intact(batch->bytes, batch->crc))
        return ISR_BATCH_CORRUPT;
    return content_is_sound(batch) ? ISR_BATCH_OK : ISR_BATCH_CORRUPT;
}

bool isr_batch_has_keys(const uint8_t *data)
{
    uint16_t attributes;
    memcpy(&attributes, data + AT_ATTRIBUTES, sizeof attributes);
    return (attributes & ISR_BATCH_KEYED) != 0;
}

int64_t isr_batch_timestamp(const uint8_t *data)
{
    int64_t timestamp_ns;
    memcpy(&timestamp_ns, data + AT_TIMESTAMP, 8);
    return timestamp_ns;
}

static void value_write(uint8_t *out, uint64_t value, uint32_t value_bytes)
{
    memcpy(out, &value, VALUE_BYTES);
    uint64_t filler = isr_mix(value + 1);
    uint32_t position = VALUE_BYTES;
    for (; value_bytes - position >= 8; position += 8) {
        memcpy(out + position, &filler, 8);
        filler = filler * UINT64_C(0x9e3779b97f4a7c15) + 1;
    }
    memcpy(out + position, &filler, value_bytes - position);
}

/* A batch without its records. */
static uint8_t *batch_begin(struct isr_scratch *scratch, uint32_t size, int64_t producer_id,
                            int16_t producer_epoch, int32_t base_sequence, uint32_t record_count)
{
    uint8_t *data = isr_scratch_allocate(scratch, size);
    memset(data, 0, ISR_BATCH_HEADER_BYTES);
    memcpy(data + AT_SIZE, &size, 4);
    memcpy(data + AT_PRODUCER_ID, &producer_id, 8);
    memcpy(data + AT_BASE_SEQUENCE, &base_sequence, 4);
    memcpy(data + AT_RECORD_COUNT, &record_count, 4);
    memcpy(data + AT_PRODUCER_EPOCH, &producer_epoch, 2);
    return data;
}

static struct isr_bytes batch_seal(uint8_t *data, uint32_t size)
{
    uint32_t crc = isr_crc32c(0, data + AT_PRODUCER_ID, size - AT_PRODUCER_ID);
    memcpy(data + AT_CRC, &crc, 4);
    isr_batch_set_position(data, 0, 0);
    return (struct isr_bytes){.data = data, .size = size};
}

struct isr_bytes isr_batch_build_keyed(struct isr_scratch *scratch, int64_t producer_id,
                                       int16_t producer_epoch, int32_t base_sequence, uint64_t first_value,
                                       uint32_t record_count, uint32_t value_bytes,
                                       struct isr_batch_keys keys)
{
    uint32_t key_bytes = keys.keys > 0 ? KEY_BYTES : 0;
    ISR_ASSERT(record_count > 0 && record_count <= ISR_BATCH_RECORDS_MAX);
    ISR_ASSERT(value_bytes >= VALUE_BYTES);
    ISR_ASSERT(value_bytes <=
               (UINT32_MAX / 2 - ISR_BATCH_HEADER_BYTES) / record_count - RECORD_SIZE_BYTES - key_bytes);
    uint32_t whole_bytes = RECORD_SIZE_BYTES + key_bytes + value_bytes;
    uint32_t size = ISR_BATCH_HEADER_BYTES + record_count * whole_bytes;
    uint8_t *data = batch_begin(scratch, size, producer_id, producer_epoch, base_sequence, record_count);
    uint8_t *out = data + ISR_BATCH_HEADER_BYTES;
    if (keys.keys > 0)
        data[AT_ATTRIBUTES] = ISR_BATCH_KEYED;
    for (uint32_t i = 0; i < record_count; i++, out += whole_bytes) {
        uint64_t value = first_value + i, draw = isr_mix(value), key = keys.keys > 0 ? draw % keys.keys : 0;
        uint32_t record_bytes = key_bytes + value_bytes;
        if (keys.keys > 0 && (draw >> 32) % 100 < keys.tombstone_percent)
            record_bytes |= TOMBSTONE;
        memcpy(out, &record_bytes, RECORD_SIZE_BYTES);
        memcpy(out + RECORD_SIZE_BYTES, &key, key_bytes);
        value_write(out + RECORD_SIZE_BYTES + key_bytes, value, value_bytes);
    }
    return batch_seal(data, size);
}

struct isr_bytes isr_batch_build(struct isr_scratch *scratch, int64_t producer_id, int16_t producer_epoch,
                                 int32_t base_sequence, uint64_t first_value, uint32_t record_count,
                                 uint32_t value_bytes)
{
    return isr_batch_build_keyed(scratch, producer_id, producer_epoch, base_sequence, first_value,
                                 record_count, value_bytes, (struct isr_batch_keys){0});
}

struct isr_bytes isr_batch_of_values(struct isr_scratch *scratch, const struct isr_bytes *values,
                                     uint32_t count)
{
    ISR_ASSERT(count > 0 && count <= ISR_BATCH_RECORDS_MAX);
    uint64_t size = ISR_BATCH_HEADER_BYTES;
    for (uint32_t i = 0; i < count; i++)
        size += RECORD_SIZE_BYTES + (uint64_t)values[i].size;
    ISR_ASSERT(size <= UINT32_MAX / 2);
    uint8_t *data = batch_begin(scratch, (uint32_t)size, -1, -1, -1, count);
    uint8_t *out = data + ISR_BATCH_HEADER_BYTES;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(out, &values[i].size, RECORD_SIZE_BYTES);
        if (values[i].size > 0)
            memcpy(out + RECORD_SIZE_BYTES, values[i].data, values[i].size);
        out += RECORD_SIZE_BYTES + values[i].size;
    }
    return batch_seal(data, (uint32_t)size);
}

void isr_batch_stamp(uint8_t *data, int64_t base_offset, int32_t leader_epoch, int64_t timestamp_ns)
{
    memcpy(data + AT_BASE_OFFSET, &base_offset, 8);
    memcpy(data + AT_LEADER_EPOCH, &leader_epoch, 4);
    memcpy(data + AT_TIMESTAMP, &timestamp_ns, 8);
    uint32_t crc = isr_crc32c(0, data, AT_POSITION_CRC);
    memcpy(data + AT_POSITION_CRC, &crc, 4);
}

void isr_batch_set_position(uint8_t *data, int64_t base_offset, int32_t leader_epoch)
{
    isr_batch_stamp(data, base_offset, leader_epoch, isr_batch_timestamp(data));
}

bool isr_batch_next(const struct isr_batch *batch, uint32_t *position, struct isr_record *record)
{
    uint32_t size = 0;
    if (*position == 0) {
        *position = records_begin(batch);
        record->offset = batch->base_offset - 1;
    }
    if (*position >= batch->bytes.size)
        return false;
    record->offset++;
    if ((batch->attributes & ISR_BATCH_COMPACTED) != 0) {
        record->offset = batch->base_offset + u32_at(batch->bytes.data + *position);
        *position += PLACE_BYTES;
    }
    uint32_t begin = *position;
    if (!record_next(batch, position, &size))
        return false;
    record->value = (struct isr_bytes){.data = batch->bytes.data + *position - size, .size = size};
    if ((batch->attributes & ISR_BATCH_KEYED) == 0 || size < KEY_BYTES)
        return true;
    record->tombstone = (u32_at(batch->bytes.data + begin) & TOMBSTONE) != 0;
    memcpy(&record->key, record->value.data, KEY_BYTES);
    record->value.data += KEY_BYTES;
    record->value.size -= KEY_BYTES;
    return true;
}

bool isr_batch_record(const struct isr_batch *batch, uint32_t index, struct isr_bytes *record)
{
    uint32_t position = 0;
    struct isr_record found = {0};
    for (uint32_t i = 0; i <= index; i++) {
        if (!isr_batch_next(batch, &position, &found))
            return false;
    }
    *record = found.value;
    return true;
}

bool isr_batch_value(const struct isr_batch *batch, uint32_t index, uint64_t *value)
{
    struct isr_bytes record;
    if (!isr_batch_record(batch, index, &record) || record.size < VALUE_BYTES)
        return false;
    memcpy(value, record.data, VALUE_BYTES);
    return true;
}

/* ---- compaction ---- */

int64_t isr_batch_horizon(const struct isr_batch *batch)
{
    int64_t horizon_ns = ISR_TIME_NEVER;
    if ((batch->attributes & ISR_BATCH_COMPACTED) != 0)
        memcpy(&horizon_ns, batch->bytes.data + AT_HORIZON, HORIZON_BYTES);
    return horizon_ns;
}

bool isr_batch_is_gap(const struct isr_batch *batch)
{
    return (batch->attributes & ISR_BATCH_COMPACTED) != 0 && batch->bytes.size == ISR_BATCH_GAP_BYTES &&
           batch->producer_id < 0;
}

uint32_t isr_batch_compact_bytes(const struct isr_batch *batch)
{
    return batch->bytes.size + HORIZON_BYTES + batch->record_count * PLACE_BYTES;
}

static void compacted_seal(uint8_t *out, uint32_t size, int64_t horizon_ns)
{
    out[AT_ATTRIBUTES] = ISR_BATCH_KEYED | ISR_BATCH_COMPACTED;
    memcpy(out + AT_SIZE, &size, 4);
    memcpy(out + AT_HORIZON, &horizon_ns, HORIZON_BYTES);
    uint32_t crc = isr_crc32c(0, out + AT_PRODUCER_ID, size - AT_PRODUCER_ID);
    memcpy(out + AT_CRC, &crc, 4);
}

uint32_t isr_batch_compact(uint8_t *out, const struct isr_batch *batch, const bool *keep, int64_t horizon_ns)
{
    uint32_t position = 0, size = AT_HORIZON + HORIZON_BYTES;
    struct isr_record record = {0};
    memcpy(out, batch->bytes.data, ISR_BATCH_HEADER_BYTES);
    for (uint32_t i = 0; isr_batch_next(batch, &position, &record); i++) {
        uint32_t place = (uint32_t)(record.offset - batch->base_offset);
        uint32_t whole_bytes = RECORD_SIZE_BYTES + KEY_BYTES + record.value.size;
        if (!keep[i])
            continue;
        memcpy(out + size, &place, PLACE_BYTES);
        memcpy(out + size + PLACE_BYTES, record.value.data - KEY_BYTES - RECORD_SIZE_BYTES, whole_bytes);
        size += PLACE_BYTES + whole_bytes;
    }
    compacted_seal(out, size, horizon_ns);
    isr_batch_set_position(out, batch->base_offset, batch->leader_epoch);
    return size;
}

void isr_batch_gap(uint8_t *out, int64_t base_offset, uint32_t offsets, int32_t leader_epoch,
                   int64_t timestamp_ns)
{
    const int64_t no_producer = -1;
    const int32_t no_sequence = -1;
    const int16_t no_epoch = -1;
    memset(out, 0, ISR_BATCH_HEADER_BYTES);
    memcpy(out + AT_PRODUCER_ID, &no_producer, 8);
    memcpy(out + AT_BASE_SEQUENCE, &no_sequence, 4);
    memcpy(out + AT_RECORD_COUNT, &offsets, 4);
    memcpy(out + AT_PRODUCER_EPOCH, &no_epoch, 2);
    compacted_seal(out, ISR_BATCH_GAP_BYTES, ISR_TIME_NEVER);
    isr_batch_stamp(out, base_offset, leader_epoch, timestamp_ns);
}
