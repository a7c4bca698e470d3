/* Arbitrary bytes where the adapter reads what came over the network or lies on a disk. What it takes is
 * within bounds and says the same when it is written again; what it refuses leaves nothing behind.
 *
 * Input: u8 kind (0 message, 1 vote file, 2 log file, 3 snapshot; 4 more: its checksums are repaired, so that
 * what lies behind them is reached), then the bytes. */
#include "core/tests/support.h"
#include "sim/libraft/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KIND_MESSAGE, KIND_VOTE, KIND_LOG, KIND_SNAPSHOT, KINDS };
enum { SNAPSHOT_HEAD_BYTES = 8, RECORD_HEAD_BYTES = LIBRAFT_RECORD_BYTES - 4 };

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool equal(struct isr_bytes a, struct isr_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* ---- checksums ---- */

static void crc_set(uint8_t *at, uint32_t crc)
{
    memcpy(at, &crc, sizeof crc);
}

static void log_repair(uint8_t *data, size_t size)
{
    if (size < LIBRAFT_LOG_HEADER_BYTES)
        return;
    uint32_t crc = isr_crc32c(0, data, LIBRAFT_LOG_HEADER_BYTES - 4);
    crc_set(data + LIBRAFT_LOG_HEADER_BYTES - 4, crc);
    for (size_t at = LIBRAFT_LOG_HEADER_BYTES; size - at >= LIBRAFT_RECORD_BYTES;) {
        uint32_t bytes;
        memcpy(&bytes, data + at + 4, sizeof bytes);
        if (bytes > size - at - LIBRAFT_RECORD_BYTES)
            return;
        crc = isr_crc32c(crc, data + at + 4, RECORD_HEAD_BYTES + (size_t)bytes);
        crc_set(data + at, crc);
        at += LIBRAFT_RECORD_BYTES + (size_t)bytes;
    }
}

static void repair(unsigned kind, uint8_t *data, size_t size)
{
    if (kind == KIND_VOTE && size == LIBRAFT_VOTE_BYTES)
        crc_set(data + LIBRAFT_VOTE_BYTES - 4, isr_crc32c(0, data, LIBRAFT_VOTE_BYTES - 4));
    if (kind == KIND_LOG)
        log_repair(data, size);
    if (kind == KIND_SNAPSHOT && size >= SNAPSHOT_HEAD_BYTES)
        crc_set(data + 4, isr_crc32c(0, data + SNAPSHOT_HEAD_BYTES, size - SNAPSHOT_HEAD_BYTES));
}

/* ---- messages ---- */

static void message_free(struct raft_message *message)
{
    if (message->type == RAFT_IO_APPEND_ENTRIES && message->append_entries.n_entries > 0) {
        raft_free(message->append_entries.entries[0].batch);
        raft_free(message->append_entries.entries);
    }
    if (message->type == RAFT_IO_INSTALL_SNAPSHOT) {
        raft_free(message->install_snapshot.data.base);
        raft_configuration_close(&message->install_snapshot.conf);
    }
}

static void message_try(struct isr_env *env, struct isr_bytes bytes)
{
    struct raft_message message, again;
    struct isr_bytes frame, second;
    if (!libraft_message_decode(bytes, &env->scratch, &message))
        return;
    must(libraft_message_encode(&message, &env->scratch, &frame));
    must(frame.size <= bytes.size && libraft_message_decode(frame, &env->scratch, &again));
    must(libraft_message_encode(&again, &env->scratch, &second) && equal(frame, second));
    message_free(&message);
    message_free(&again);
}

/* ---- files ---- */

static void vote_try(struct isr_bytes bytes)
{
    int32_t term, vote;
    uint8_t again[LIBRAFT_VOTE_BYTES];
    if (!libraft_vote_get(bytes, &term, &vote))
        return;
    must(term >= 0 && vote >= 0 && vote <= ISR_NODE_MAX);
    libraft_vote_put(again, term, vote);
    must(equal(bytes, (struct isr_bytes){.data = again, .size = sizeof again}));
}

static struct isr_bytes image_of(const struct libraft_file *file)
{
    return (struct isr_bytes){.data = file->image, .size = file->image_bytes};
}

static void file_free(struct isr_heap *heap, struct libraft_file *file)
{
    isr_heap_release(heap, file->image);
    isr_heap_release(heap, file->records);
}

/* Read again it is the same log. */
static void file_must_return(struct isr_heap *heap, const struct libraft_file *file)
{
    struct libraft_file again = {.number = file->number};
    must(libraft_file_parse(&again, heap, image_of(file)));
    must(again.base_index == file->base_index && again.base_term == file->base_term);
    must(again.records_count == file->records_count && equal(image_of(&again), image_of(file)));
    for (int64_t index = file->base_index + 1; index <= libraft_file_last(file); index++) {
        int32_t term;
        uint16_t type;
        struct isr_bytes data;
        libraft_file_entry(&again, index, &term, &type, &data);
        must(term >= 1 && type >= RAFT_COMMAND && type <= RAFT_CHANGE && data.size <= file->image_bytes);
    }
    file_free(heap, &again);
}

static void log_try(struct isr_heap *heap, struct isr_bytes bytes)
{
    struct libraft_file file = {.number = 1};
    if (libraft_file_parse(&file, heap, bytes)) {
        must(file.image_bytes <= bytes.size && memcmp(file.image, bytes.data, file.image_bytes) == 0);
        file_must_return(heap, &file);
        libraft_file_append(&file, heap, 1, RAFT_COMMAND, (struct isr_bytes){.data = NULL});
        file_must_return(heap, &file);
        int64_t last = libraft_file_last(&file), middle = file.base_index + file.records_count / 2;
        libraft_file_compact(&file, heap, middle);
        must(file.base_index == middle && libraft_file_last(&file) == last);
        file_must_return(heap, &file);
        libraft_file_truncate(&file, last);
        must(libraft_file_last(&file) == last - 1);
        file_must_return(heap, &file);
    }
    file_free(heap, &file);
}

static void snapshot_try(struct isr_heap *heap, struct isr_bytes bytes)
{
    int64_t index;
    int32_t term;
    uint32_t size;
    bool sound = libraft_snapshot_check(bytes, &index, &term);
    struct raft_snapshot *snapshot = libraft_snapshot_get(bytes);
    if (snapshot == NULL)
        return;
    must(sound && snapshot->index == (raft_index)index && snapshot->term == (raft_term)term);
    must(snapshot->configuration_index <= snapshot->index);
    for (unsigned i = 0; i < snapshot->configuration.n; i++)
        must(snapshot->configuration.servers[i].id >= 1 &&
             snapshot->configuration.servers[i].id <= ISR_NODE_MAX);
    uint8_t *again = libraft_snapshot_put(heap, snapshot, &size);
    must(equal(bytes, (struct isr_bytes){.data = again, .size = size}));
    isr_heap_release(heap, again);
    raft_configuration_close(&snapshot->configuration);
    raft_free(snapshot->bufs[0].base);
    raft_free(snapshot->bufs);
    raft_free(snapshot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct test_heap heap;
    struct isr_env env;
    if (size < 1)
        return 0;
    unsigned kind = data[0] % KINDS;
    test_heap_init(&heap);
    test_env_init(&env, &heap);
    struct libraft *libraft = (struct libraft *)sim_libraft_new(&env);
    raft_heap_set(&libraft->heap);
    uint8_t *copy = isr_heap_allocate(&heap.heap, size); /* of the size, so that a byte too many is seen */
    struct isr_bytes bytes = {.data = copy, .size = (uint32_t)(size - 1)};
    memcpy(copy, data + 1, size - 1);
    if (data[0] & KINDS)
        repair(kind, copy, size - 1);
    size_t live = heap.live_blocks;
    if (kind == KIND_MESSAGE)
        message_try(&env, bytes);
    else if (kind == KIND_VOTE)
        vote_try(bytes);
    else if (kind == KIND_LOG)
        log_try(&heap.heap, bytes);
    else
        snapshot_try(&heap.heap, bytes);
    isr_env_begin(&env, 0);
    must(heap.live_blocks == live);
    test_heap_drop(&heap);
    return 0;
}
