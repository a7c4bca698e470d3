/* libFuzzer: bytes from a disk. The first byte of the input says what the rest is:
 *   0     a record batch
 *   1..5  a checkpoint, of the kinds of ISR_CHECKPOINT_FILES
 *   else  a whole disk: files of [u8 kind, u8 topic, u16 number, u16 size, bytes], from which a store
 * recovers The top bit of the first byte, and of a kind, asks for right checksums and headers, so that what
 * lies behind them is reached. After a recovery the logs must be sound, take appends and truncations, stop
 * cleanly, and be found again.
 *
 *   fuzz_recovery core/log/fuzz/corpus/fuzz_recovery */
#include "core/log/checkpoint.h"
#include "core/log/tests/bench_node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

enum { SEALED = 0x80, FILE_HEADER_BYTES = 6 };

static void checkpoint_seal(uint8_t *file, size_t size_bytes, enum isr_file_kind kind)
{
    if (size_bytes < ISR_CHECKPOINT_HEADER_BYTES)
        return;
    isr_put_u32(file + 4, (uint32_t)kind);
    isr_put_u32(file + 8, ISR_CHECKPOINT_VERSION);
    isr_put_u32(file, isr_crc32c(0, file + 4, size_bytes - 4));
}

static void batches_seal(uint8_t *file, size_t size_bytes)
{
    size_t position = 0;
    while (size_bytes - position >= ISR_BATCH_HEADER_BYTES) {
        uint32_t size;
        memcpy(&size, file + position + 8, sizeof size);
        if (size < ISR_BATCH_HEADER_BYTES || size > size_bytes - position)
            return;
        isr_put_u32(file + position + 16, isr_crc32c(0, file + position, 16));
        isr_put_u32(file + position + 20, isr_crc32c(0, file + position + 24, size - 24));
        position += size;
    }
}

static void parse_batch(const uint8_t *data, size_t size_bytes)
{
    struct isr_batch batch;
    struct isr_bytes bytes = {.data = data, .size = (uint32_t)size_bytes};
    enum isr_batch_status quick = isr_batch_parse(bytes, false, &batch);
    if (quick == ISR_BATCH_OK) {
        ISR_ASSERT(batch.bytes.size <= size_bytes);
        uint64_t value;
        for (uint32_t i = 0; i < 3; i++)
            (void)isr_batch_value(&batch, batch.record_count - 1 - i, &value);
    }
    enum isr_batch_status whole = isr_batch_parse(bytes, true, &batch);
    ISR_ASSERT(whole == quick || (quick == ISR_BATCH_OK && whole == ISR_BATCH_CORRUPT));
}

static void parse_checkpoint(unsigned which, uint8_t *data, size_t size_bytes, bool sealed)
{
    struct test_heap heap;
    struct isr_env env;
    test_heap_init(&heap);
    test_env_init(&env, &heap);
    unsigned place = 1;
#define X(KIND, name)                                                                                \
    if (which == place++) {                                                                          \
        if (sealed)                                                                                  \
            checkpoint_seal(data, size_bytes, ISR_FILE_##KIND);                                      \
        struct isr_bytes bytes = {.data = data, .size = (uint32_t)size_bytes};                       \
        struct isr_##name file;                                                                      \
        if (isr_checkpoint_parse_##name(bytes, &env.scratch, &file)) {                               \
            struct isr_bytes again = isr_checkpoint_encode_##name(&env.scratch, &file);              \
            ISR_ASSERT(again.size == bytes.size && memcmp(again.data, bytes.data, bytes.size) == 0); \
        }                                                                                            \
    }
    ISR_CHECKPOINT_FILES(X)
#undef X
    test_heap_drop(&heap);
}

static void disk_fill(struct test_disk *disk, uint8_t *data, size_t size_bytes)
{
    while (size_bytes >= FILE_HEADER_BYTES && disk->files_count < TEST_DISK_FILES / 4) {
        struct isr_file file = {.kind = (enum isr_file_kind)((data[0] & ~SEALED) % ISR_FILE_KINDS)};
        bool of_partition = file.kind <= ISR_FILE_PRODUCERS || file.kind == ISR_FILE_CLEANED;
        file.tp.topic = of_partition ? (uint16_t)(1 + data[1] % 3) : 0;
        if (file.kind == ISR_FILE_SEGMENT || file.kind == ISR_FILE_PRODUCERS)
            file.number = data[2] | data[3] << 8;
        size_t size = (size_t)(data[4] | data[5] << 8);
        if (size > size_bytes - FILE_HEADER_BYTES)
            size = size_bytes - FILE_HEADER_BYTES;
        if (data[0] & SEALED) {
            if (file.kind == ISR_FILE_SEGMENT)
                batches_seal(data + FILE_HEADER_BYTES, size);
            else
                checkpoint_seal(data + FILE_HEADER_BYTES, size, file.kind);
        }
        test_disk_put(disk, file, data + FILE_HEADER_BYTES, size);
        data += FILE_HEADER_BYTES + size;
        size_bytes -= FILE_HEADER_BYTES + size;
    }
}

/* Offsets near the end of their range leave no room for more. */
static bool has_room(const struct isr_log *log)
{
    return log->log_end < INT64_MAX / 2;
}

static void exercise(struct bench_node *node, struct isr_log *log)
{
    isr_log_verify(log);
    bench_begin(node);
    (void)isr_log_read(log, log->log_start, log->log_end, 1000);
    if (has_room(log)) {
        struct isr_batch batch;
        struct isr_bytes bytes = isr_batch_build(&node->env.scratch, 1, 0, 0, 1, 2, 50);
        ISR_ASSERT(isr_batch_parse(bytes, true, &batch) == ISR_BATCH_OK);
        int64_t base_offset;
        (void)isr_log_check_producer(log, &batch, &base_offset);
        int32_t epoch = isr_log_last_epoch(log);
        isr_log_append_leader(log, &batch, epoch < 0 ? 0 : epoch);
        isr_log_append_leader(log, &batch, epoch == INT32_MAX ? epoch : epoch + 1);
    }
    bench_end(node);
    isr_log_verify(log);
    bench_io(node);
    bench_begin(node);
    isr_log_truncate(log, log->log_start + (log->log_end - log->log_start) / 2, ISR_CAUSE_DIVERGENCE);
    bench_end(node);
    isr_log_verify(log);
}

static void recover(uint8_t *data, size_t size_bytes)
{
    static struct test_disk disk;
    struct test_random random = {.state = size_bytes};
    struct isr_config config = isr_config_default();
    config.log_segment_bytes = 1024;
    disk_fill(&disk, data, size_bytes);
    struct bench_node node;
    bench_start(&node, &disk, &random, &config);
    bench_run_until_ready(&node);
    ISR_ASSERT(node.ready);
    for (uint32_t i = 0; i < node.store.logs_count; i++)
        exercise(&node, node.store.logs[i]);
    bench_close(&node, 5);
    ISR_ASSERT(node.closed);
    uint32_t count = node.store.logs_count;
    int64_t ends[TEST_DISK_FILES] = {0};
    for (uint32_t i = 0; i < count && i < TEST_DISK_FILES; i++)
        ends[i] = node.store.logs[i]->log_end;
    bench_crash(&node, true);
    bench_start(&node, &disk, &random, &config);
    bench_run_until_ready(&node);
    ISR_ASSERT(node.ready);
    ISR_ASSERT(node.store.clean_shutdown_epoch == 5);
    ISR_ASSERT(node.store.logs_count == count);
    for (uint32_t i = 0; i < count && i < TEST_DISK_FILES; i++) {
        isr_log_verify(node.store.logs[i]);
        ISR_ASSERT(node.store.logs[i]->log_end == ends[i]);
    }
    test_heap_drop(&node.heap);
    test_disk_free(&disk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    if (size_bytes == 0 || size_bytes > 65536)
        return 0;
    uint8_t *copy = malloc(size_bytes);
    memcpy(copy, data + 1, size_bytes - 1);
    bool sealed = data[0] & SEALED;
    unsigned which = data[0] & ~(unsigned)SEALED;
    if (which == 0) {
        if (sealed)
            batches_seal(copy, size_bytes - 1);
        parse_batch(copy, size_bytes - 1);
    } else if (which <= 5) {
        parse_checkpoint(which, copy, size_bytes - 1, sealed);
    } else {
        recover(copy, size_bytes - 1);
    }
    free(copy);
    return 0;
}
