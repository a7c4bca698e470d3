/* Formats of the three files, little-endian.
 *
 *   vote      u32 magic, i32 term, i32 vote, u32 CRC-32C of what is before it
 *   log       header: u32 magic, i64 base index, i32 base term, u32 CRC-32C of what is before it
 *             record: u32 CRC-32C, u32 size, i64 index, i32 term, u8 kind, data
 *             mark: u32 magic, i64 its position, u32 CRC-32C of these: everything before it is durable
 *   snapshot  u32 magic, i64 index, i32 term, u32 size, configuration as of index (i64 its index, voters,
 *             learners: u8 count, 8 ids of u8), u32 CRC-32C of these and the data, data
 *
 * A record's checksum starts with the checksum before it (the header's for the first), so that a record left
 * over from a suffix that was cut can never continue the log that was written over it, whatever its term: a
 * cut that a power loss undid leaves such records behind.
 *
 * A mark is written when a sync has ended, without one of its own. What breaks off before a mark was durable
 * once: no loss of power explains that, but rot does (Alagappan et al., FAST 2018, disentangle the two
 * likewise). Rot that meets a loss of power which takes the last mark is not told from a torn tail. */
#include "core/quorum/internal.h"

#define VOTE_MAGIC UINT32_C(0x31545651)     /* QVT1 */
#define LOG_MAGIC UINT32_C(0x31474c51)      /* QLG1 */
#define MARK_MAGIC UINT32_C(0x314b4d51)     /* QMK1 */
#define SNAPSHOT_MAGIC UINT32_C(0x324e5351) /* QSN2 */

static bool term_is_sane(int32_t term)
{
    return term >= 1 && term <= QUORUM_TERM_MAX;
}

void quorum_vote_put(uint8_t *out, int32_t term, int32_t vote)
{
    uint8_t *end = isr_put_i32(isr_put_i32(isr_put_u32(out, VOTE_MAGIC), term), vote);
    isr_put_u32(end, isr_crc32c(0, out, QUORUM_VOTE_BYTES - 4));
}

bool quorum_vote_get(struct isr_bytes file, int32_t *term, int32_t *vote)
{
    struct isr_reader reader = {.data = file.data, .size_bytes = file.size};
    uint32_t magic = isr_get_u32(&reader);
    *term = isr_get_i32(&reader);
    *vote = isr_get_i32(&reader);
    uint32_t crc = isr_get_u32(&reader);
    if (reader.failed || file.size != QUORUM_VOTE_BYTES || magic != VOTE_MAGIC)
        return false;
    bool vote_is_sane = *vote == ISR_NODE_NONE || (*vote > 0 && *vote <= ISR_NODE_MAX);
    return crc == isr_crc32c(0, file.data, QUORUM_VOTE_BYTES - 4) && *term >= 0 && *term <= QUORUM_TERM_MAX &&
           vote_is_sane;
}

uint32_t quorum_log_header_put(uint8_t *out, int64_t base_index, int32_t base_term)
{
    uint8_t *end = isr_put_i32(isr_put_i64(isr_put_u32(out, LOG_MAGIC), base_index), base_term);
    uint32_t crc = isr_crc32c(0, out, QUORUM_LOG_HEADER_BYTES - 4);
    isr_put_u32(end, crc);
    return crc;
}

bool quorum_log_header_get(struct isr_bytes file, int64_t *base_index, int32_t *base_term, uint32_t *crc)
{
    struct isr_reader reader = {.data = file.data, .size_bytes = file.size};
    uint32_t magic = isr_get_u32(&reader);
    *base_index = isr_get_i64(&reader);
    *base_term = isr_get_i32(&reader);
    *crc = isr_get_u32(&reader);
    if (reader.failed || magic != LOG_MAGIC || *crc != isr_crc32c(0, file.data, QUORUM_LOG_HEADER_BYTES - 4))
        return false;
    if (*base_index == 0)
        return *base_term == 0;
    return *base_index > 0 && *base_index < QUORUM_INDEX_MAX && term_is_sane(*base_term);
}

static uint8_t *record_head_put(uint8_t *out, int64_t index, int32_t term, uint8_t kind, uint32_t size)
{
    return isr_put_u8(isr_put_i32(isr_put_i64(isr_put_u32(out, size), index), term), kind);
}

uint32_t quorum_record_crc(uint32_t chain, int64_t index, int32_t term, uint8_t kind, struct isr_bytes data)
{
    uint8_t head[QUORUM_RECORD_BYTES - 4];
    record_head_put(head, index, term, kind, data.size);
    uint32_t crc = isr_crc32c(chain, head, sizeof head);
    return data.size > 0 ? isr_crc32c(crc, data.data, data.size) : crc;
}

uint8_t *quorum_record_put(uint8_t *out, int64_t index, const struct quorum_entry *entry)
{
    out = isr_put_u32(out, entry->crc);
    out = record_head_put(out, index, entry->term, entry->kind, entry->size);
    if (entry->size > 0)
        memcpy(out, entry->data, entry->size);
    return out + entry->size;
}

void quorum_mark_put(uint8_t *out, int64_t position)
{
    uint8_t *end = isr_put_i64(isr_put_u32(out, MARK_MAGIC), position);
    isr_put_u32(end, isr_crc32c(0, out, QUORUM_MARK_BYTES - 4));
}

bool quorum_mark_get(struct isr_bytes file, int64_t position)
{
    if (position < 0 || position + QUORUM_MARK_BYTES > file.size)
        return false;
    struct isr_reader reader = {.data = file.data, .size_bytes = file.size, .position = (size_t)position};
    uint32_t magic = isr_get_u32(&reader);
    int64_t found = isr_get_i64(&reader);
    uint32_t crc = isr_get_u32(&reader);
    return magic == MARK_MAGIC && found == position &&
           crc == isr_crc32c(0, file.data + position, QUORUM_MARK_BYTES - 4);
}

bool quorum_record_get(struct isr_bytes file, size_t *position, uint32_t chain, struct quorum_record *record)
{
    struct isr_reader reader = {.data = file.data, .size_bytes = file.size, .position = *position};
    record->crc = isr_get_u32(&reader);
    uint32_t size = isr_get_u32(&reader);
    record->index = isr_get_i64(&reader);
    record->term = isr_get_i32(&reader);
    record->kind = isr_get_u8(&reader);
    record->data = (struct isr_bytes){.data = isr_reader_take(&reader, size), .size = size};
    if (reader.failed)
        return false;
    if (record->crc != quorum_record_crc(chain, record->index, record->term, record->kind, record->data))
        return false;
    *position = reader.position;
    struct isr_consensus_members members;
    return record->index >= 1 && record->index < QUORUM_INDEX_MAX && term_is_sane(record->term) &&
           record->kind < ISR_ENTRY_KINDS &&
           (record->kind != ISR_ENTRY_MEMBERS || quorum_members_decode(record->data, &members));
}

static uint32_t snapshot_crc(const uint8_t *file, uint32_t data_bytes)
{
    uint32_t crc = isr_crc32c(0, file, QUORUM_SNAPSHOT_HEADER_BYTES - 4);
    return isr_crc32c(crc, file + QUORUM_SNAPSHOT_HEADER_BYTES, data_bytes);
}

/* Always the same room, so that a snapshot's data has its place before its configuration is known. */
static uint8_t *set_put(uint8_t *out, const struct isr_replicas *set)
{
    memset(out, 0, 1 + ISR_REPLICAS_MAX);
    isr_put_replicas(out, *set);
    return out + 1 + ISR_REPLICAS_MAX;
}

static struct isr_replicas set_get(struct isr_reader *reader)
{
    struct isr_replicas set = {0};
    const uint8_t *bytes = isr_reader_take(reader, 1 + ISR_REPLICAS_MAX);
    if (bytes == NULL)
        return set;
    struct isr_reader inner = {.data = bytes, .size_bytes = 1 + ISR_REPLICAS_MAX};
    set = isr_get_replicas(&inner);
    reader->failed = reader->failed || inner.failed;
    return set;
}

void quorum_snapshot_seal(uint8_t *file, int64_t index, int32_t term,
                          const struct quorum_configuration *configuration, uint32_t data_bytes)
{
    uint8_t *out = isr_put_i64(isr_put_u32(file, SNAPSHOT_MAGIC), index);
    out = isr_put_u32(isr_put_i32(out, term), data_bytes);
    out = isr_put_i64(out, configuration->index);
    out = set_put(set_put(out, &configuration->members.voters), &configuration->members.learners);
    isr_put_u32(out, snapshot_crc(file, data_bytes));
}

bool quorum_snapshot_get(struct isr_bytes file, struct quorum_snapshot *snapshot)
{
    struct isr_reader reader = {.data = file.data, .size_bytes = file.size};
    struct quorum_configuration *configuration = &snapshot->configuration;
    uint32_t magic = isr_get_u32(&reader);
    snapshot->index = isr_get_i64(&reader);
    snapshot->term = isr_get_i32(&reader);
    uint32_t size = isr_get_u32(&reader);
    configuration->index = isr_get_i64(&reader);
    configuration->members.voters = set_get(&reader);
    configuration->members.learners = set_get(&reader);
    uint32_t crc = isr_get_u32(&reader);
    snapshot->file_bytes = file.size;
    if (reader.failed || magic != SNAPSHOT_MAGIC || size != file.size - QUORUM_SNAPSHOT_HEADER_BYTES)
        return false;
    return crc == snapshot_crc(file.data, size) && snapshot->index >= 1 &&
           snapshot->index < QUORUM_INDEX_MAX && term_is_sane(snapshot->term) && configuration->index >= 0 &&
           configuration->index <= snapshot->index && quorum_members_are_sane(&configuration->members);
}
