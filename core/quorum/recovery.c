/* The start: LIST -> READ vote -> READ snapshots, newest first, until one is whole -> READ the log file with
 * the highest number -> SYNC what was read -> take part.
 *
 * The syncs are not for form: a process that was killed leaves writes in the page cache that it never synced.
 * Its successor reads them, and would call durable what the next power loss takes away. Nor does a sync
 * suffice when the one before failed and left the pages marked clean (Rebello et al., USENIX ATC 2020): what
 * no mark calls durable is written again first.
 *
 * What may be missing without a fault: the tail of the log file that was never synced (cut at the first
 * record that does not continue the chain, unless a mark behind it says that it had been durable), and any
 * file before its first replacement. A vote file, a log file's header, or a snapshot that the log begins
 * behind are replaced atomically; damaged or absent they cannot be explained, and the process ends rather
 * than vote or answer from a state that it may have had a promise beyond (3.8). */
#include "core/quorum/internal.h"

struct quorum_recovery {
    int64_t *snapshots; /* numbers, ascending; the last is tried first */
    uint32_t snapshots_count, snapshots_capacity, snapshots_left;
    int64_t *logs;
    uint32_t logs_count, logs_capacity;
    uint32_t syncs;
    bool vote_found;
    int64_t marked_index; /* up to here a mark in the log file says that it was durable */
};

static void halt(struct isr_quorum *quorum)
{
    isr_env_exit(quorum->env, false, ISR_IO_DAMAGED);
}

static void leftovers_delete(struct isr_quorum *quorum)
{
    struct quorum_recovery *recovery = quorum->recovery;
    for (uint32_t i = 0; i < recovery->snapshots_count; i++) {
        if (recovery->snapshots[i] != quorum->snapshot_index)
            isr_env_delete(quorum->env, quorum_file(ISR_FILE_QUORUM_SNAPSHOT, recovery->snapshots[i]), NULL,
                           NULL, 0);
    }
    for (uint32_t i = 0; i + 1 < recovery->logs_count; i++)
        isr_env_delete(quorum->env, quorum_file(ISR_FILE_QUORUM_LOG, recovery->logs[i]), NULL, NULL, 0);
    isr_heap_release(quorum->env->heap, recovery->snapshots);
    isr_heap_release(quorum->env->heap, recovery->logs);
    isr_heap_release(quorum->env->heap, recovery);
    quorum->recovery = NULL;
}

static void log_observe(struct isr_quorum *quorum)
{
    if (quorum->log.base_index > 0) {
        struct isr_observation *observation = isr_observe(quorum->env, ISR_OBSERVED_QUORUM_COMPACTED);
        observation->quorum_compacted.index = quorum->log.base_index;
        observation->quorum_compacted.term = quorum->log.base_term;
    }
    for (int64_t i = quorum->log.base_index + 1; i <= quorum_log_last(&quorum->log); i++)
        quorum_observe_appended(quorum, i);
}

/* A log that holds an entry holds a promise made in that entry's term, even when the vote file is older. */
static void term_recover(struct isr_quorum *quorum)
{
    int32_t least = quorum_log_last_term(&quorum->log);
    if (quorum->snapshot_term > least)
        least = quorum->snapshot_term;
    if (quorum->term < least) {
        quorum->term = least;
        quorum->voted_for = ISR_NODE_NONE;
    }
    quorum->env->metrics.quorum_term = quorum->term;
}

static void configurations_recover(struct isr_quorum *quorum)
{
    if (quorum->snapshot.file != NULL)
        quorum_configurations_reset(quorum, &quorum->snapshot.configuration);
    for (int64_t i = quorum->snapshot_index + 1; i <= quorum_log_last(&quorum->log); i++) {
        const struct quorum_entry *entry = quorum_log_at(&quorum->log, i);
        if (entry->kind == ISR_ENTRY_MEMBERS)
            quorum_configurations_append(quorum, i, (struct isr_bytes){entry->data, entry->size});
    }
}

/* KAFKA-10527: who led the term it finds on its disk has lost what it had not synced, and others may hold it:
 * in the same term it would put something else there. */
static bool leadership_is_resumed(const struct isr_quorum *quorum)
{
    return quorum->env->rules.restarted_leader == ISR_RULE_restarted_leader_resumes &&
           quorum->voted_for == quorum->node && quorum->term > 0 &&
           quorum_log_last_term(&quorum->log) == quorum->term;
}

static void recovered(struct isr_quorum *quorum)
{
    struct quorum_log_file *file = &quorum->log_file;
    if (quorum->snapshot.file != NULL) {
        struct isr_bytes data = {.data = quorum->snapshot.file + QUORUM_SNAPSHOT_HEADER_BYTES,
                                 .size = quorum->snapshot.file_bytes - QUORUM_SNAPSHOT_HEADER_BYTES};
        if (!quorum->machine.load(quorum->machine.object, quorum->snapshot_index, quorum->snapshot_term,
                                  data)) {
            halt(quorum);
            return;
        }
    }
    file->written_index = quorum_log_last(&quorum->log);
    file->flushing_index = file->written_index;
    file->durable_index = file->written_index;
    quorum->applied_index = quorum->snapshot_index;
    quorum->commit_index = quorum->snapshot_index;
    quorum->verified_index = quorum->commit_index;
    quorum->env->metrics.quorum_commit_index = quorum->commit_index;
    term_recover(quorum);
    leftovers_delete(quorum);
    log_observe(quorum);
    configurations_recover(quorum);
    quorum->started = true;
    quorum_flush(quorum);
    if (leadership_is_resumed(quorum))
        quorum_lead(quorum);
    else if (quorum->votes_here && quorum->majority == 1)
        quorum_campaign(quorum);
    else
        quorum_election_arm(quorum);
    quorum_settle(quorum);
}

static void synced(void *object, int64_t argument, const struct isr_io_result *result)
{
    (void)argument;
    struct isr_quorum *quorum = object;
    if (quorum_io_ok(quorum, result) && --quorum->recovery->syncs == 0)
        recovered(quorum);
}

static void sync_all(struct isr_quorum *quorum)
{
    struct isr_file files[3];
    uint32_t count = 0;
    if (quorum->recovery->vote_found)
        files[count++] = quorum_file(ISR_FILE_QUORUM_VOTE, 0);
    if (quorum->log_file.number > 0)
        files[count++] = quorum_file(ISR_FILE_QUORUM_LOG, quorum->log_file.number);
    if (quorum->snapshot.file != NULL)
        files[count++] = quorum_file(ISR_FILE_QUORUM_SNAPSHOT, quorum->snapshot_index);
    quorum->recovery->syncs = count;
    if (quorum->log_file.number > 0 && !quorum->log_file.rewrite_wanted &&
        quorum->recovery->marked_index < quorum_log_last(&quorum->log))
        quorum_log_write_again(quorum, quorum->recovery->marked_index + 1);
    for (uint32_t i = 0; i < count; i++)
        isr_env_sync(quorum->env, files[i], synced, quorum, 0);
    if (count == 0)
        recovered(quorum);
}

/* Snapshot and log as one history. False when they cannot be. */
static bool log_join(struct isr_quorum *quorum)
{
    struct quorum_log *log = &quorum->log;
    int64_t index = quorum->snapshot_index;
    if (index < log->base_index ||
        (index == log->base_index && quorum->snapshot_term != log->base_term && quorum->log_file.number > 0))
        return false;
    if (quorum_log_term(log, index) == quorum->snapshot_term && quorum->log_file.number > 0)
        return true;
    /* A snapshot from the leader was installed, but the log not yet made anew. */
    quorum_log_reset(log, index, quorum->snapshot_term);
    quorum->log_file.rewrite_wanted = true;
    return true;
}

/* Behind the place where the records break off: does a mark say that they went on once? */
static bool was_longer(struct isr_bytes file, int64_t position)
{
    for (; position + QUORUM_MARK_BYTES <= file.size; position++) {
        if (quorum_mark_get(file, position))
            return true;
    }
    return false;
}

/* Takes the record or the mark at the end of what was read so far. */
static bool log_parse_next(struct isr_quorum *quorum, struct isr_bytes file, uint32_t *chain)
{
    struct quorum_log *log = &quorum->log;
    struct quorum_record record;
    if (quorum_mark_get(file, log->end_position)) {
        log->end_position += QUORUM_MARK_BYTES;
        quorum->recovery->marked_index = quorum_log_last(log);
        return true;
    }
    size_t position = (size_t)log->end_position;
    if (!quorum_record_get(file, &position, *chain, &record) || record.index != quorum_log_last(log) + 1 ||
        record.term < quorum_log_last_term(log))
        return false;
    *chain = record.crc;
    quorum_log_append(log, record.term, record.kind, record.data);
    return true;
}

static bool log_parse(struct isr_quorum *quorum, struct isr_bytes file, int64_t number)
{
    struct quorum_log *log = &quorum->log;
    if (!quorum_log_header_get(file, &log->base_index, &log->base_term, &log->base_crc) ||
        number != log->base_index + 1)
        return false;
    uint32_t chain = log->base_crc;
    quorum->recovery->marked_index = log->base_index;
    while (log_parse_next(quorum, file, &chain))
        ;
    if (was_longer(file, log->end_position))
        return false;
    quorum->log_file.number = number;
    quorum->log_file.truncate_wanted = (int64_t)file.size > log->end_position;
    quorum->log_file.truncate_position = log->end_position;
    return true;
}

static void log_was_read(void *object, int64_t argument, const struct isr_io_result *result)
{
    struct isr_quorum *quorum = object;
    if (!quorum_io_ok(quorum, result))
        return;
    if (!log_parse(quorum, result->bytes, argument) || !log_join(quorum))
        halt(quorum);
    else
        sync_all(quorum);
}

static void log_read(struct isr_quorum *quorum)
{
    const struct quorum_recovery *recovery = quorum->recovery;
    if (recovery->logs_count > 0) {
        int64_t number = recovery->logs[recovery->logs_count - 1];
        isr_env_read(quorum->env, quorum_file(ISR_FILE_QUORUM_LOG, number), log_was_read, quorum, number);
        return;
    }
    quorum_log_reset(&quorum->log, quorum->snapshot_index, quorum->snapshot_term);
    quorum->log_file.rewrite_wanted = true;
    sync_all(quorum);
}

static void snapshot_read(struct isr_quorum *quorum);

static void snapshot_was_read(void *object, int64_t argument, const struct isr_io_result *result)
{
    struct isr_quorum *quorum = object;
    struct quorum_snapshot snapshot = {0};
    if (!quorum_io_ok(quorum, result))
        return;
    if (!quorum_snapshot_get(result->bytes, &snapshot) || snapshot.index != argument) {
        snapshot_read(quorum);
        return;
    }
    snapshot.file = isr_heap_allocate(quorum->env->heap, result->bytes.size);
    memcpy(snapshot.file, result->bytes.data, result->bytes.size);
    quorum->snapshot = snapshot;
    quorum->snapshot_index = snapshot.index;
    quorum->snapshot_term = snapshot.term;
    log_read(quorum);
}

static void snapshot_read(struct isr_quorum *quorum)
{
    struct quorum_recovery *recovery = quorum->recovery;
    if (recovery->snapshots_left == 0) {
        log_read(quorum);
        return;
    }
    int64_t number = recovery->snapshots[--recovery->snapshots_left];
    isr_env_read(quorum->env, quorum_file(ISR_FILE_QUORUM_SNAPSHOT, number), snapshot_was_read, quorum,
                 number);
}

static void vote_was_read(void *object, int64_t argument, const struct isr_io_result *result)
{
    (void)argument;
    struct isr_quorum *quorum = object;
    if (!quorum_io_ok(quorum, result))
        return;
    if (!quorum_vote_get(result->bytes, &quorum->term, &quorum->voted_for)) {
        halt(quorum);
        return;
    }
    quorum->vote_file.durable_term = quorum->term;
    quorum->vote_file.durable_vote = quorum->voted_for;
    quorum->vote_file.told = true;
    snapshot_read(quorum);
}

static void files_sort_in(struct isr_quorum *quorum, const struct isr_file_entry *entry)
{
    struct quorum_recovery *recovery = quorum->recovery;
    struct isr_heap *heap = quorum->env->heap;
    int64_t number = entry->file.number;
    if (entry->file.kind == ISR_FILE_QUORUM_VOTE) {
        recovery->vote_found = true;
    } else if (entry->file.kind == ISR_FILE_QUORUM_LOG && number > 0) {
        recovery->logs = ISR_GROW(heap, recovery->logs, recovery->logs_count, recovery->logs_capacity);
        recovery->logs[recovery->logs_count++] = number;
    } else if (entry->file.kind == ISR_FILE_QUORUM_SNAPSHOT && number > 0) {
        recovery->snapshots =
            ISR_GROW(heap, recovery->snapshots, recovery->snapshots_count, recovery->snapshots_capacity);
        recovery->snapshots[recovery->snapshots_count++] = number;
    }
}

static void files_listed(void *object, int64_t argument, const struct isr_io_result *result)
{
    (void)argument;
    struct isr_quorum *quorum = object;
    if (!quorum_io_ok(quorum, result))
        return;
    for (uint32_t i = 0; i < result->files_count; i++)
        files_sort_in(quorum, &result->files[i]);
    quorum->recovery->snapshots_left = quorum->recovery->snapshots_count;
    if (quorum->recovery->vote_found)
        isr_env_read(quorum->env, quorum_file(ISR_FILE_QUORUM_VOTE, 0), vote_was_read, quorum, 0);
    else
        snapshot_read(quorum);
}

void quorum_recover(struct isr_quorum *quorum)
{
    quorum->recovery = isr_heap_allocate(quorum->env->heap, sizeof *quorum->recovery);
    isr_env_list(quorum->env, files_listed, quorum, 0);
}
