#include "core/log/checkpoint.h"

#define X(name) ISR_CODEC_DEFINE(name)
ISR_CHECKPOINT_PARTS(X)
#undef X
#define X(KIND, name) ISR_CODEC_DEFINE(name)
ISR_CHECKPOINT_FILES(X)
#undef X

static bool epochs_file_is_sound(const struct isr_epochs_file *file)
{
    int32_t epoch = -1;
    int64_t offset = file->log_start - 1;
    if (file->log_start < 0 || file->epoch_before < ISR_EPOCH_NONE)
        return false;
    for (uint32_t i = 0; i < file->lines_count; i++) {
        const struct isr_epochs_line *line = &file->lines[i];
        if (line->epoch <= epoch || line->start_offset <= offset)
            return false;
        epoch = line->epoch;
        offset = line->start_offset;
    }
    return true;
}

static bool high_watermarks_file_is_sound(const struct isr_high_watermarks_file *file)
{
    for (uint32_t i = 0; i < file->lines_count; i++) {
        const struct isr_high_watermarks_line *line = &file->lines[i];
        if (line->high_watermark < 0 || (i > 0 && isr_tp_key(line[-1].tp) >= isr_tp_key(line->tp)))
            return false;
    }
    return true;
}

static bool recovery_points_file_is_sound(const struct isr_recovery_points_file *file)
{
    for (uint32_t i = 0; i < file->lines_count; i++) {
        const struct isr_recovery_points_line *line = &file->lines[i];
        if (line->log_start < 0 || line->recovery_point < line->log_start ||
            (i > 0 && isr_tp_key(line[-1].tp) >= isr_tp_key(line->tp)))
            return false;
    }
    return true;
}

static bool producers_line_is_sound(const struct isr_producers_line *line, int64_t offset)
{
    if (line->producer_id < 0 || line->producer_epoch < 0 || line->batches_count == 0 ||
        line->batches_count > ISR_PRODUCER_BATCHES)
        return false;
    int64_t end = 0;
    for (uint32_t i = 0; i < line->batches_count; i++) {
        const struct isr_producers_batch *batch = &line->batches[i];
        if (batch->record_count == 0 || batch->record_count > ISR_BATCH_RECORDS_MAX ||
            batch->base_sequence < 0 || batch->base_offset < end || batch->base_offset > offset ||
            offset - batch->base_offset < batch->record_count)
            return false;
        end = batch->base_offset + batch->record_count;
    }
    return true;
}

static bool producers_file_is_sound(const struct isr_producers_file *file)
{
    if (file->offset < 0)
        return false;
    for (uint32_t i = 0; i < file->lines_count; i++) {
        const struct isr_producers_line *line = &file->lines[i];
        if (!producers_line_is_sound(line, file->offset) ||
            (i > 0 && line[-1].producer_id >= line->producer_id))
            return false;
    }
    return true;
}

static bool clean_shutdown_file_is_sound(const struct isr_clean_shutdown_file *file)
{
    return file->broker_epoch >= -1;
}

static bool cleaned_file_is_sound(const struct isr_cleaned_file *file)
{
    return file->offset >= 0;
}

static uint8_t *header_put(uint8_t *file, enum isr_file_kind kind)
{
    isr_put_u32(file + 4, (uint32_t)kind);
    isr_put_u32(file + 8, ISR_CHECKPOINT_VERSION);
    return file + ISR_CHECKPOINT_HEADER_BYTES;
}

static struct isr_bytes file_seal(uint8_t *file, size_t size)
{
    isr_put_u32(file, isr_crc32c(0, file + 4, size - 4));
    return (struct isr_bytes){.data = file, .size = (uint32_t)size};
}

static bool header_get(struct isr_reader *reader, enum isr_file_kind kind)
{
    uint32_t crc = isr_get_u32(reader);
    uint32_t found = isr_get_u32(reader);
    uint32_t version = isr_get_u32(reader);
    return !reader->failed && found == (uint32_t)kind && version == ISR_CHECKPOINT_VERSION &&
           crc == isr_crc32c(0, reader->data + 4, reader->size_bytes - 4);
}

uint32_t isr_checkpoint_crc(struct isr_bytes file)
{
    struct isr_reader reader = {.data = file.data, .size_bytes = file.size};
    uint32_t crc = isr_get_u32(&reader);
    return reader.failed ? 0 : crc;
}

#define X(KIND, name)                                                                                  \
    struct isr_bytes isr_checkpoint_encode_##name(struct isr_scratch *scratch,                         \
                                                  const struct isr_##name *file)                       \
    {                                                                                                  \
        size_t size = ISR_CHECKPOINT_HEADER_BYTES + isr_size_##name(file);                             \
        uint8_t *data = isr_scratch_allocate(scratch, size);                                           \
        uint8_t *end = isr_put_##name(header_put(data, ISR_FILE_##KIND), file);                        \
        ISR_ASSERT(end == data + size);                                                                \
        return file_seal(data, size);                                                                  \
    }                                                                                                  \
    bool isr_checkpoint_parse_##name(struct isr_bytes bytes, struct isr_scratch *scratch,              \
                                     struct isr_##name *file)                                          \
    {                                                                                                  \
        struct isr_reader reader = {.data = bytes.data, .size_bytes = bytes.size, .scratch = scratch}; \
        if (!header_get(&reader, ISR_FILE_##KIND))                                                     \
            return false;                                                                              \
        isr_get_##name(&reader, file);                                                                 \
        return !reader.failed && reader.position == reader.size_bytes && name##_is_sound(file);        \
    }
ISR_CHECKPOINT_FILES(X)
#undef X
