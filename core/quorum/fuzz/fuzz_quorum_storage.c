/* Arbitrary bytes in the three files of a voter: the start must survive them, and what it made of them must
 * survive the next start.
 *
 * Input: u8 flags (1 vote file, 2 log file, 4 snapshot, 8 repair the checksums, so that what lies behind them
 * is reached), u8 number of the log file, u8 number of the snapshot, u8 bytes of the vote file, u16 bytes of
 * the log file, these bytes, and the snapshot's until the end. */
#include "core/quorum/internal.h"
#include "core/quorum/tests/cluster.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_HEAD_BYTES = 6, FLAG_VOTE = 1, FLAG_LOG = 2, FLAG_SNAPSHOT = 4, FLAG_REPAIR = 8 };

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

static int64_t log_repair(struct disk_bytes *file)
{
    if (file->size < QUORUM_LOG_HEADER_BYTES)
        return 1;
    uint32_t crc = isr_crc32c(0, file->data, QUORUM_LOG_HEADER_BYTES - 4);
    crc_set(file->data + QUORUM_LOG_HEADER_BYTES - 4, crc);
    for (uint32_t at = QUORUM_LOG_HEADER_BYTES; file->size - at >= QUORUM_RECORD_BYTES;) {
        uint8_t *record = file->data + at;
        uint32_t bytes = 0;
        memcpy(&bytes, record + 4, sizeof bytes);
        if (bytes > file->size - at - QUORUM_RECORD_BYTES)
            break;
        crc = isr_crc32c(crc, record + 4, QUORUM_RECORD_BYTES - 4 + bytes);
        crc_set(record, crc);
        at += QUORUM_RECORD_BYTES + bytes;
    }
    int64_t base = number_at(file->data + 4);
    return base >= 0 && base < INT64_MAX ? base + 1 : 1;
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

static void file_put(struct disk *disk, enum isr_file_kind kind, int64_t number, const uint8_t *data,
                     size_t size, bool repair)
{
    struct disk_bytes bytes = {0};
    bytes_set(&bytes, data, (uint32_t)size);
    if (repair && kind == ISR_FILE_QUORUM_VOTE)
        vote_repair(&bytes);
    if (repair && kind == ISR_FILE_QUORUM_LOG)
        number = log_repair(&bytes);
    if (repair && kind == ISR_FILE_QUORUM_SNAPSHOT)
        number = snapshot_repair(&bytes);
    disk_replace(disk, quorum_file(kind, number), (struct isr_bytes){bytes.data, bytes.size}, true);
    free(bytes.data);
}

static void disk_fill(struct disk *disk, const uint8_t *data, size_t size)
{
    bool repair = (data[0] & FLAG_REPAIR) != 0;
    size_t left = size - INPUT_HEAD_BYTES;
    size_t vote = data[3] < left ? data[3] : left;
    size_t wanted = (size_t)data[4] | (size_t)data[5] << 8;
    size_t log = wanted < left - vote ? wanted : left - vote;
    const uint8_t *at = data + INPUT_HEAD_BYTES;
    if (data[0] & FLAG_VOTE)
        file_put(disk, ISR_FILE_QUORUM_VOTE, 0, at, vote, repair);
    if (data[0] & FLAG_LOG)
        file_put(disk, ISR_FILE_QUORUM_LOG, data[1], at + vote, log, repair);
    if (data[0] & FLAG_SNAPSHOT)
        file_put(disk, ISR_FILE_QUORUM_SNAPSHOT, data[2], at + vote + log, left - vote - log, repair);
}

/* A voter alone leads at once and writes behind what it found. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < INPUT_HEAD_BYTES)
        return 0;
    struct cluster *cluster = cluster_new(1, size);
    cluster->unchecked = true;
    cluster->config.quorum_snapshot_entries = 10;
    disk_fill(&cluster->nodes[0].disk, data, size);
    for (unsigned life = 0; life < 3; life++) {
        cluster_start(cluster, 0);
        cluster_run(cluster, 50 * ISR_MS);
        for (uint64_t i = 0; i < 6; i++)
            cluster_propose(cluster, 0, i, 8);
        cluster_run(cluster, life == 0 ? 2 * ISR_MS : 50 * ISR_MS);
        cluster_power_loss(cluster, 0);
    }
    cluster_free(cluster);
    return 0;
}
