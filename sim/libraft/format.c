/* Formats of the three files, little-endian.
 *
 *   vote      u32 magic, i32 term, i32 vote (0: none), u32 CRC-32C of what is before it
 *   log       header: u32 magic, i64 base index, i32 base term, u32 CRC-32C of what is before it
 *             record: u32 CRC-32C, u32 size, i64 index, i32 term, u8 type, data
 *   snapshot  u32 magic, u32 CRC-32C of what follows, i64 index, i32 term, i64 index of the configuration,
 *             u8 servers, for each i32 id and u8 role; then the data
 *
 * A record's checksum starts with the one before it (the header's for the first): what is left of a suffix
 * that was cut can never continue what was written over it. */
#include "core/base/hash.h"
#include "core/wire/codec.h"
#include "sim/libraft/internal.h"

#define VOTE_MAGIC UINT32_C(0x3154564c)     /* LVT1 */
#define LOG_MAGIC UINT32_C(0x31474c4c)      /* LLG1 */
#define SNAPSHOT_MAGIC UINT32_C(0x314e534c) /* LSN1 */

enum { SNAPSHOT_HEADER_BYTES = 4 + 4 + 8 + 4 + 8 + 1, SERVER_BYTES = 5, RECORD_HEAD_BYTES = 17 };

/* ---- term and vote ---- */

void libraft_vote_put(uint8_t *out, int32_t term, int32_t vote)
{
    uint8_t *end = isr_put_i32(isr_put_i32(isr_put_u32(out, VOTE_MAGIC), term), vote);
    isr_put_u32(end, isr_crc32c(0, out, LIBRAFT_VOTE_BYTES - 4));
}

bool libraft_vote_get(struct isr_bytes file, int32_t *term, int32_t *vote)
{
    struct isr_reader reader = {.data = file.data, .size_bytes = file.size};
    uint32_t magic = isr_get_u32(&reader);
    *term = isr_get_i32(&reader);
    *vote = isr_get_i32(&reader);
    uint32_t crc = isr_get_u32(&reader);
    return !reader.failed && file.size == LIBRAFT_VOTE_BYTES && magic == VOTE_MAGIC &&
           crc == isr_crc32c(0, file.data, LIBRAFT_VOTE_BYTES - 4) && *term >= 0 &&
           (uint64_t)*term <= LIBRAFT_TERM_MAX && *vote >= 0 && *vote <= ISR_NODE_MAX;
}

/* ---- the log ---- */

static uint8_t *image_extend(struct libraft_file *file, struct isr_heap *heap, size_t bytes)
{
    size_t wanted = file->image_bytes + bytes;
    if (wanted > file->image_capacity) {
        size_t capacity = 2 * wanted < 4096 ? 4096 : 2 * wanted;
        file->image = isr_heap_resize(heap, file->image, file->image_bytes, capacity);
        file->image_capacity = (uint32_t)capacity;
    }
    uint8_t *at = file->image + file->image_bytes;
    file->image_bytes = (uint32_t)wanted;
    return at;
}

void libraft_file_begin(struct libraft_file *file, struct isr_heap *heap, int64_t base_index,
                        int32_t base_term)
{
    file->base_index = base_index;
    file->base_term = base_term;
    file->records_count = 0;
    file->image_bytes = 0;
    uint8_t *out = image_extend(file, heap, LIBRAFT_LOG_HEADER_BYTES);
    uint8_t *end = isr_put_i32(isr_put_i64(isr_put_u32(out, LOG_MAGIC), base_index), base_term);
    file->base_crc = isr_crc32c(0, out, LIBRAFT_LOG_HEADER_BYTES - 4);
    isr_put_u32(end, file->base_crc);
}

static uint32_t chain_of(const struct libraft_file *file)
{
    return file->records_count > 0 ? file->records[file->records_count - 1].crc : file->base_crc;
}

static void record_add(struct libraft_file *file, struct isr_heap *heap, int64_t position, uint32_t crc)
{
    file->records = ISR_GROW(heap, file->records, file->records_count, file->records_capacity);
    file->records[file->records_count++] = (struct libraft_record){.position = position, .crc = crc};
}

void libraft_file_append(struct libraft_file *file, struct isr_heap *heap, int32_t term, uint16_t type,
                         struct isr_bytes data)
{
    int64_t position = file->image_bytes;
    int64_t index = libraft_file_last(file) + 1;
    uint8_t *record = image_extend(file, heap, LIBRAFT_RECORD_BYTES + (size_t)data.size);
    uint8_t *out = isr_put_u32(record + 4, data.size);
    out = isr_put_u8(isr_put_i32(isr_put_i64(out, index), term), (uint8_t)type);
    if (data.size > 0)
        memcpy(out, data.data, data.size);
    uint32_t crc = isr_crc32c(chain_of(file), record + 4, RECORD_HEAD_BYTES + (size_t)data.size);
    isr_put_u32(record, crc);
    record_add(file, heap, position, crc);
}

void libraft_file_truncate(struct libraft_file *file, int64_t index)
{
    if (index > libraft_file_last(file))
        return;
    uint32_t kept = index > file->base_index ? (uint32_t)(index - file->base_index - 1) : 0;
    file->image_bytes = (uint32_t)file->records[kept].position;
    file->records_count = kept;
}

void libraft_file_entry(const struct libraft_file *file, int64_t index, int32_t *term, uint16_t *type,
                        struct isr_bytes *data)
{
    ISR_ASSERT(index > file->base_index && index <= libraft_file_last(file));
    size_t position = (size_t)file->records[index - file->base_index - 1].position;
    struct isr_reader reader = {
        .data = file->image, .size_bytes = file->image_bytes, .position = position + 4};
    data->size = isr_get_u32(&reader);
    (void)isr_get_i64(&reader);
    *term = isr_get_i32(&reader);
    *type = isr_get_u8(&reader);
    data->data = isr_reader_take(&reader, data->size);
    ISR_ASSERT(!reader.failed);
}

void libraft_file_compact(struct libraft_file *file, struct isr_heap *heap, int64_t index)
{
    struct libraft_file old = *file;
    int32_t base_term = file->base_term;
    uint16_t type;
    struct isr_bytes data;
    ISR_ASSERT(index >= file->base_index && index <= libraft_file_last(file));
    if (index > file->base_index)
        libraft_file_entry(&old, index, &base_term, &type, &data);
    *file = (struct libraft_file){.number = old.number};
    libraft_file_begin(file, heap, index, base_term);
    for (int64_t i = index + 1; i <= libraft_file_last(&old); i++) {
        int32_t term;
        libraft_file_entry(&old, i, &term, &type, &data);
        libraft_file_append(file, heap, term, type, data);
    }
    isr_heap_release(heap, old.image);
    isr_heap_release(heap, old.records);
}

/* The next record continues the chain, and is one. */
static bool record_parse(struct libraft_file *file, struct isr_heap *heap, struct isr_reader *reader)
{
    size_t start = reader->position;
    uint32_t crc = isr_get_u32(reader);
    uint32_t size = isr_get_u32(reader);
    int64_t index = isr_get_i64(reader);
    int32_t term = isr_get_i32(reader);
    uint8_t type = isr_get_u8(reader);
    struct isr_bytes data = {.data = isr_reader_take(reader, size), .size = size};
    if (reader->failed ||
        crc != isr_crc32c(chain_of(file), reader->data + start + 4, RECORD_HEAD_BYTES + (size_t)size))
        return false;
    if (index != libraft_file_last(file) + 1 || term < 1 || (uint64_t)term > LIBRAFT_TERM_MAX ||
        type < RAFT_COMMAND || type > RAFT_CHANGE)
        return false;
    libraft_file_append(file, heap, term, type, data);
    return true;
}

bool libraft_file_parse(struct libraft_file *file, struct isr_heap *heap, struct isr_bytes bytes)
{
    struct isr_reader reader = {.data = bytes.data, .size_bytes = bytes.size};
    uint32_t magic = isr_get_u32(&reader);
    int64_t base_index = isr_get_i64(&reader);
    int32_t base_term = isr_get_i32(&reader);
    uint32_t crc = isr_get_u32(&reader);
    if (reader.failed || magic != LOG_MAGIC ||
        crc != isr_crc32c(0, bytes.data, LIBRAFT_LOG_HEADER_BYTES - 4) || base_index < 0 ||
        (uint64_t)base_index > LIBRAFT_NUMBER_MAX || base_term < 0 || (uint64_t)base_term > LIBRAFT_TERM_MAX)
        return false;
    libraft_file_begin(file, heap, base_index, base_term);
    while (record_parse(file, heap, &reader))
        ;
    return true;
}

/* ---- snapshots ---- */

uint8_t *libraft_snapshot_put(struct isr_heap *heap, const struct raft_snapshot *snapshot,
                              uint32_t *size_bytes)
{
    size_t bytes = SNAPSHOT_HEADER_BYTES + (size_t)SERVER_BYTES * snapshot->configuration.n;
    for (unsigned i = 0; i < snapshot->n_bufs; i++)
        bytes += snapshot->bufs[i].len;
    ISR_ASSERT(bytes <= UINT32_MAX && snapshot->configuration.n <= UINT8_MAX);
    uint8_t *file = isr_heap_allocate(heap, bytes);
    uint8_t *out = isr_put_i64(isr_put_u32(file, SNAPSHOT_MAGIC) + 4, (int64_t)snapshot->index);
    out = isr_put_i64(isr_put_i32(out, (int32_t)snapshot->term), (int64_t)snapshot->configuration_index);
    out = isr_put_u8(out, (uint8_t)snapshot->configuration.n);
    for (unsigned i = 0; i < snapshot->configuration.n; i++) {
        const struct raft_server *server = &snapshot->configuration.servers[i];
        out = isr_put_u8(isr_put_i32(out, (int32_t)server->id), (uint8_t)server->role);
    }
    for (unsigned i = 0; i < snapshot->n_bufs; i++) {
        if (snapshot->bufs[i].len > 0)
            memcpy(out, snapshot->bufs[i].base, snapshot->bufs[i].len);
        out += snapshot->bufs[i].len;
    }
    isr_put_u32(file + 4, isr_crc32c(0, file + 8, bytes - 8));
    *size_bytes = (uint32_t)bytes;
    return file;
}

bool libraft_snapshot_check(struct isr_bytes file, int64_t *index, int32_t *term)
{
    struct isr_reader reader = {.data = file.data, .size_bytes = file.size};
    uint32_t magic = isr_get_u32(&reader);
    uint32_t crc = isr_get_u32(&reader);
    *index = isr_get_i64(&reader);
    *term = isr_get_i32(&reader);
    int64_t configuration_index = isr_get_i64(&reader);
    uint8_t servers = isr_get_u8(&reader);
    (void)isr_reader_take(&reader, (size_t)SERVER_BYTES * servers);
    return !reader.failed && magic == SNAPSHOT_MAGIC && crc == isr_crc32c(0, file.data + 8, file.size - 8) &&
           *index >= 1 && (uint64_t)*index <= LIBRAFT_NUMBER_MAX && *term >= 1 &&
           (uint64_t)*term <= LIBRAFT_TERM_MAX && configuration_index >= 0 && configuration_index <= *index;
}

struct raft_snapshot *libraft_snapshot_get(struct isr_bytes file)
{
    int64_t index;
    int32_t term;
    if (!libraft_snapshot_check(file, &index, &term))
        return NULL;
    struct isr_reader reader = {.data = file.data, .size_bytes = file.size, .position = 20};
    struct raft_snapshot *snapshot = raft_calloc(1, sizeof *snapshot);
    snapshot->index = (raft_index)index;
    snapshot->term = (raft_term)term;
    snapshot->configuration_index = (raft_index)isr_get_i64(&reader);
    raft_configuration_init(&snapshot->configuration);
    for (unsigned left = isr_get_u8(&reader); left > 0; left--) {
        int32_t id = isr_get_i32(&reader);
        if (!libraft_member_add(&snapshot->configuration, id, isr_get_u8(&reader))) {
            raft_configuration_close(&snapshot->configuration);
            raft_free(snapshot);
            return NULL;
        }
    }
    size_t bytes = reader.size_bytes - reader.position;
    snapshot->n_bufs = 1;
    snapshot->bufs = raft_malloc(sizeof *snapshot->bufs);
    snapshot->bufs[0].len = bytes;
    snapshot->bufs[0].base = raft_malloc(bytes);
    if (bytes > 0)
        memcpy(snapshot->bufs[0].base, file.data + reader.position, bytes);
    return snapshot;
}
