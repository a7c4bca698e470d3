/* The formats of the small files beside the segments, each declared once as a list of fields.
 *
 * File: u32 CRC-32C of what follows, u32 kind of file, u32 version, then the fields. Anything else, and bytes
 * left over, are damage: the file counts as missing. Values that make no sense are damage too: whoever reads
 * a parsed file may rely on what the comments say. */
#ifndef ISR_LOG_CHECKPOINT_H
#define ISR_LOG_CHECKPOINT_H

#include "core/log/log.h"
#include "core/wire/codec.h"

enum { ISR_CHECKPOINT_VERSION = 1, ISR_CHECKPOINT_HEADER_BYTES = 12 };

/* ISR_FILE_EPOCHS: epochs and offsets strictly rising, not negative, none below log_start. log_start stands
 * in ISR_FILE_RECOVERY_POINTS too: either file may be lost. */
#define ISR_FIELDS_epochs_line(SCALAR, BYTES, ARRAY) \
    SCALAR(i32, epoch)                               \
    SCALAR(i64, start_offset)
#define ISR_FIELDS_epochs_file(SCALAR, BYTES, ARRAY) \
    SCALAR(i64, log_start)                           \
    SCALAR(i32, epoch_before)                        \
    ARRAY(epochs_line, lines)

/* ISR_FILE_HIGH_WATERMARKS: partitions strictly rising by key, offsets not negative. */
#define ISR_FIELDS_high_watermarks_line(SCALAR, BYTES, ARRAY) \
    SCALAR(tp, tp)                                            \
    SCALAR(i64, high_watermark)
#define ISR_FIELDS_high_watermarks_file(SCALAR, BYTES, ARRAY) ARRAY(high_watermarks_line, lines)

/* ISR_FILE_RECOVERY_POINTS: partitions strictly rising by key, 0 <= log_start <= recovery_point. */
#define ISR_FIELDS_recovery_points_line(SCALAR, BYTES, ARRAY) \
    SCALAR(tp, tp)                                            \
    SCALAR(i64, log_start)                                    \
    SCALAR(i64, recovery_point)
#define ISR_FIELDS_recovery_points_file(SCALAR, BYTES, ARRAY) ARRAY(recovery_points_line, lines)

/* ISR_FILE_PRODUCERS: the producers at `offset`; ids strictly rising, 1..ISR_PRODUCER_BATCHES batches each,
 * their offsets rising and below `offset`. */
#define ISR_FIELDS_producers_batch(SCALAR, BYTES, ARRAY) \
    SCALAR(i64, base_offset)                             \
    SCALAR(i32, base_sequence)                           \
    SCALAR(u32, record_count)
#define ISR_FIELDS_producers_line(SCALAR, BYTES, ARRAY) \
    SCALAR(i64, producer_id)                            \
    SCALAR(i16, producer_epoch)                         \
    SCALAR(i64, last_timestamp)                         \
    ARRAY(producers_batch, batches)
#define ISR_FIELDS_producers_file(SCALAR, BYTES, ARRAY) \
    SCALAR(i64, offset)                                 \
    ARRAY(producers_line, lines)

/* ISR_FILE_CLEAN_SHUTDOWN: the broker epoch of the process that stopped, -1 when it had none, and the
 * checksum of the recovery-point file that it left, 0 when there was none: the marker vouches for that one
 * alone. */
#define ISR_FIELDS_clean_shutdown_file(SCALAR, BYTES, ARRAY) \
    SCALAR(i64, broker_epoch)                                \
    SCALAR(u32, recovery_points_crc)

/* ISR_FILE_CLEANED: everything below offset is compacted (cleaner.h); not negative. */
#define ISR_FIELDS_cleaned_file(SCALAR, BYTES, ARRAY) SCALAR(i64, offset)

/* Each before what uses it. X(name): parts; Y(KIND, name): files. */
#define ISR_CHECKPOINT_PARTS(X) \
    X(epochs_line)              \
    X(high_watermarks_line)     \
    X(recovery_points_line)     \
    X(producers_batch)          \
    X(producers_line)
#define ISR_CHECKPOINT_FILES(X)              \
    X(EPOCHS, epochs_file)                   \
    X(HIGH_WATERMARKS, high_watermarks_file) \
    X(RECOVERY_POINTS, recovery_points_file) \
    X(PRODUCERS, producers_file)             \
    X(CLEANED, cleaned_file)                 \
    X(CLEAN_SHUTDOWN, clean_shutdown_file)

#define X(name) ISR_CODEC_DECLARE(name)
ISR_CHECKPOINT_PARTS(X)
#undef X
/* The checksum of a whole file, 0 when it is too short to have one. */
uint32_t isr_checkpoint_crc(struct isr_bytes file);

/* isr_checkpoint_encode_<name>: the bytes of the file, in scratch.
 * isr_checkpoint_parse_<name>: fills file, with its arrays in scratch; false when the bytes are damaged. */
#define X(KIND, name)                                                                     \
    ISR_CODEC_DECLARE(name)                                                               \
    struct isr_bytes isr_checkpoint_encode_##name(struct isr_scratch *scratch,            \
                                                  const struct isr_##name *file);         \
    bool isr_checkpoint_parse_##name(struct isr_bytes bytes, struct isr_scratch *scratch, \
                                     struct isr_##name *file);
ISR_CHECKPOINT_FILES(X)
#undef X

#endif
