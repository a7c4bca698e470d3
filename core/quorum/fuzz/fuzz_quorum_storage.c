/* Arbitrary bytes in the three files of a voter: the start must survive them, and what it made of them must
 * survive the next start.
 *
 * Input: u8 flags (1 vote file, 2 log file, 4 snapshot, 8 repair the checksums, so that what lies behind them
 * is reached, 16 damage a sector of the log file afterwards), u8 number of the log file, u8 number of the
 * snapshot, u8 bytes of the vote file, u16 bytes of the log file, these bytes, and the snapshot's until the
 * end. Repaired files have the numbers that their headers say; the two bytes then tell which sector is
 * damaged and how. */
#include "core/quorum/internal.h"
#include "core/quorum/tests/cluster.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    INPUT_HEAD_BYTES = 6,
    FLAG_VOTE = 1,
    FLAG_LOG = 2,
    FLAG_SNAPSHOT = 4,
    FLAG_REPAIR = 8,
    FLAG_SECTOR = 16,
    SECTOR_BYTES = 512
};

static int64_t number_at(const uint8_t *bytes)
{
    int64_t number;
    memcpy(&number, bytes, sizeof number);
    return number;
}

static void crc_set(uint8_t *at, uint32_t crc)
{
    memcpy(at, &crc, sizeof crc);
}

static void vote_repair(struct disk_bytes *file)
{
    if (file->size >= QUORUM_VOTE_BYTES)
        crc_set(file->data + QUORUM_VOTE_BYTES - 4, isr_crc32c(0, file->data, QUORUM_VOTE_BYTES - 4));
}

/* The last mark of a log file and what it promises. */
struct marked {
    int64_t position; /* 0: there is none */
    int64_t index;
};

static bool mark_begins(const uint8_t *at)
{
    uint8_t mark[QUORUM_MARK_BYTES];
    quorum_mark_put(mark, 0);
    return memcmp(at, mark, 4) == 0;
}

static int64_t log_repair(struct disk_bytes *file, struct marked *marked)
{
    if (file->size < QUORUM_LOG_HEADER_BYTES)
        return 1;
    uint32_t crc = isr_crc32c(0, file->data, QUORUM_LOG_HEADER_BYTES - 4);
    crc_set(file->data + QUORUM_LOG_HEADER_BYTES - 4, crc);
    int64_t base = number_at(file->data + 4);
    base = base >= 0 && base < INT64_MAX / 2 ? base : 0;
    int64_t index = base;
    for (uint32_t at = QUORUM_LOG_HEADER_BYTES; file->size - at >= QUORUM_MARK_BYTES;) {
        uint8_t *record = file->data + at;
        uint32_t bytes = 0;
        if (mark_begins(record)) {
            quorum_mark_put(record, at);
            *marked = (struct marked){.position = at, .index = index};
            at += QUORUM_MARK_BYTES;
            continue;
        }
        if (file->size - at < QUORUM_RECORD_BYTES)
            break;
        memcpy(&bytes, record + 4, sizeof bytes);
        if (bytes > file->size - at - QUORUM_RECORD_BYTES)
            break;
        crc = isr_crc32c(crc, record + 4, QUORUM_RECORD_BYTES - 4 + bytes);
        crc_set(record, crc);
        at += QUORUM_RECORD_BYTES + bytes;
        index++;
    }
    return base + 1;
}

/* What a disk does to a sector: zeros, another sector's bytes, noise, or the end of the file in front of it.
 */
static void sector_damage(struct disk_bytes *file, uint32_t sector, uint32_t how)
{
    uint32_t count = (file->size + SECTOR_BYTES - 1) / SECTOR_BYTES;
    if (count == 0)
        return;
    uint32_t at = sector % count * SECTOR_BYTES;
    uint32_t size = file->size - at < SECTOR_BYTES ? file->size - at : SECTOR_BYTES;
    uint32_t from = (how >> 2) % count * SECTOR_BYTES;
    if (how % 4 == 0)
        memset(file->data + at, 0, size);
    else if (how % 4 == 1 && file->size - from >= size)
        memmove(file->data + at, file->data + from, size);
    else if (how % 4 == 2)
        file->data[at + how * 7 % size] ^= 0x10;
    else
        bytes_resize(file, at);
}

static int64_t snapshot_repair(struct disk_bytes *file)
{
    if (file->size < QUORUM_SNAPSHOT_HEADER_BYTES)
        return 1;
    int64_t index = number_at(file->data + 4);
    uint32_t crc = isr_crc32c(0, file->data, QUORUM_SNAPSHOT_HEADER_BYTES - 4);
    crc_set(file->data + QUORUM_SNAPSHOT_HEADER_BYTES - 4,
            isr_crc32c(crc, file->data + QUORUM_SNAPSHOT_HEADER_BYTES,
                       file->size - QUORUM_SNAPSHOT_HEADER_BYTES));
    return index;
}

static void file_put(struct disk *disk, enum isr_file_kind kind, int64_t number, struct isr_bytes bytes)
{
    disk_replace(disk, quorum_file(kind, number), bytes, true);
}

static void log_put(struct disk *disk, const uint8_t *input, struct disk_bytes *file, struct marked *marked)
{
    int64_t number = input[1];
    if (input[0] & FLAG_REPAIR) {
        number = log_repair(file, marked);
        if (input[0] & FLAG_SECTOR)
            sector_damage(file, input[1], input[2]);
    }
    struct isr_bytes bytes = {file->data, file->size};
    if (!quorum_mark_get(bytes, marked->position))
        *marked = (struct marked){0}; /* the damage took it: nothing is promised */
    file_put(disk, ISR_FILE_QUORUM_LOG, number, bytes);
}

static void disk_fill(struct disk *disk, const uint8_t *input, size_t size, struct marked *marked)
{
    bool repair = (input[0] & FLAG_REPAIR) != 0;
    size_t left = size - INPUT_HEAD_BYTES;
    size_t vote = input[3] < left ? input[3] : left;
    size_t wanted = (size_t)input[4] | (size_t)input[5] << 8;
    size_t log = wanted < left - vote ? wanted : left - vote;
    const uint8_t *at = input + INPUT_HEAD_BYTES;
    struct disk_bytes file = {0};
    if (input[0] & FLAG_VOTE) {
        bytes_set(&file, at, (uint32_t)vote);
        if (repair)
            vote_repair(&file);
        file_put(disk, ISR_FILE_QUORUM_VOTE, 0, (struct isr_bytes){file.data, file.size});
    }
    if (input[0] & FLAG_LOG) {
        bytes_set(&file, at + vote, (uint32_t)log);
        log_put(disk, input, &file, marked);
    }
    if (input[0] & FLAG_SNAPSHOT) {
        bytes_set(&file, at + vote + log, (uint32_t)(left - vote - log));
        int64_t number = repair ? snapshot_repair(&file) : input[2];
        file_put(disk, ISR_FILE_QUORUM_SNAPSHOT, number, (struct isr_bytes){file.data, file.size});
    }
    free(file.data);
}

/* A voter alone leads at once and writes behind what it found. True when it took the files. */
static bool files_start(const uint8_t *data, size_t size)
{
    struct cluster *cluster = cluster_new(1, size);
    struct cluster_node *node = &cluster->nodes[0];
    struct marked marked = {0};
    bool taken = false;
    cluster->unchecked = true;
    cluster->config.quorum_snapshot_entries = 10;
    disk_fill(&node->disk, data, size, &marked);
    for (unsigned life = 0; life < 3; life++) {
        cluster_start(cluster, 0);
        cluster_run(cluster, 50 * ISR_MS);
        if (life == 0)
            taken = node->alive;
        /* Who takes a log has all that a mark in it calls durable. A snapshot may replace the log. */
        if (node->alive && (data[0] & FLAG_SNAPSHOT) == 0 &&
            isr_quorum_last_index(node->quorum) < marked.index)
            abort();
        for (uint64_t i = 0; i < 6; i++)
            cluster_propose(cluster, 0, i, 8);
        cluster_run(cluster, life == 0 ? 2 * ISR_MS : 50 * ISR_MS);
        cluster_power_loss(cluster, 0);
    }
    cluster_free(cluster);
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= INPUT_HEAD_BYTES)
        files_start(data, size);
    return 0;
}
