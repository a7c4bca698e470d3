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
    RECORD_SIZE_BYTES = 4,
    VALUE_BYTES = 8
};

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
    batch->bytes = (struct isr_bytes){.data = data, .size = u32_at(data + AT_SIZE)};
}

static bool header_is_sound(const struct isr_batch *batch)
{
    uint16_t attributes;
    memcpy(&attributes, batch->bytes.data + AT_ATTRIBUTES, sizeof attributes);
    if (batch->record_count == 0 || batch->record_count > ISR_BATCH_RECORDS_MAX || attributes != 0)
        return false;
    if (batch->base_offset < 0 || batch->base_offset > INT64_MAX - (int64_t)batch->record_count)
        return false;
    if (batch->producer_id < -1)
        return false;
    if (batch->producer_id >= 0 && (batch->base_sequence < 0 || batch->producer_epoch < 0))
        return false;
    return batch->bytes.size >= ISR_BATCH_HEADER_BYTES + batch->record_count * RECORD_SIZE_BYTES;
}

/* Steps over the record at *position: its value is the *size bytes before the new position. False when it is
 * not whole. */
static bool record_next(const struct isr_batch *batch, uint32_t *position, uint32_t *size)
{
    if (batch->bytes.size - *position < RECORD_SIZE_BYTES)
        return false;
    *size = u32_at(batch->bytes.data + *position);
    *position += RECORD_SIZE_BYTES;
    if (batch->bytes.size - *position < *size)
        return false;
    *position += *size;
    return true;
}

/* The sizes of the records add up to the size of the batch. */
static bool records_are_sound(const struct isr_batch *batch)
{
    uint32_t position = ISR_BATCH_HEADER_BYTES, size = 0;
    for (uint32_t i = 0; i < batch->record_count; i++) {
        if (!record_next(batch, &position, &size))
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
    return records_are_sound(batch) ? ISR_BATCH_OK : ISR_BATCH_CORRUPT;
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

struct isr_bytes isr_batch_build(struct isr_scratch *scratch, int64_t producer_id, int16_t producer_epoch,
                                 int32_t base_sequence, uint64_t first_value, uint32_t record_count,
                                 uint32_t value_bytes)
{
    ISR_ASSERT(record_count > 0 && record_count <= ISR_BATCH_RECORDS_MAX);
    ISR_ASSERT(value_bytes >= VALUE_BYTES);
    ISR_ASSERT(value_bytes <= (UINT32_MAX / 2 - ISR_BATCH_HEADER_BYTES) / record_count - RECORD_SIZE_BYTES);
    uint32_t size = ISR_BATCH_HEADER_BYTES + record_count * (RECORD_SIZE_BYTES + value_bytes);
    uint8_t *data = batch_begin(scratch, size, producer_id, producer_epoch, base_sequence, record_count);
    uint8_t *out = data + ISR_BATCH_HEADER_BYTES;
    for (uint32_t i = 0; i < record_count; i++, out += RECORD_SIZE_BYTES + value_bytes) {
        memcpy(out, &value_bytes, RECORD_SIZE_BYTES);
        value_write(out + RECORD_SIZE_BYTES, first_value + i, value_bytes);
    }
    return batch_seal(data, size);
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

bool isr_batch_record(const struct isr_batch *batch, uint32_t index, struct isr_bytes *record)
{
    uint32_t position = ISR_BATCH_HEADER_BYTES, size = 0;
    if (index >= batch->record_count)
        return false;
    for (uint32_t i = 0; i <= index; i++) {
        if (!record_next(batch, &position, &size))
            return false;
    }
    *record = (struct isr_bytes){.data = batch->bytes.data + position - size, .size = size};
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
