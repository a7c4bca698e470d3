/* What is durable, and who waits for it.
 *
 * Vote file: at most one replacement under way; when it ends and term or vote moved on meanwhile, the next
 * begins.
 *
 * Log file:
 *     IDLE --a suffix was cut--> CUTTING (truncate, sync) --synced--> IDLE
 *     IDLE --entries that were not written--> FLUSHING (write, sync) --synced--> IDLE
 *     IDLE --the log's base moved--> REWRITING (the whole log, into a file with a new number) --> IDLE
 *
 * One at a time, so that a sync covers everything that gathered during the one before it. A rewrite replaces
 * its file atomically and holds all that memory holds; the file with the highest number is therefore always
 * whole, and lower ones are leftovers. Truncation in memory lowers all three indices at once: what a sync
 * under way will confirm of the cut suffix counts no more. On the disk it is durable before the next WRITE of
 * the same file: else a crash could leave new records in front of old marks (storage.c), which would then
 * lie.
 *
 * Invariant: durable_index <= written_index <= last index; flushing_index <= written_index. */
#include "core/quorum/internal.h"

struct isr_file quorum_file(enum isr_file_kind kind, int64_t number)
{
    return (struct isr_file){.kind = kind, .number = number};
}

bool quorum_io_ok(struct isr_quorum *quorum, const struct isr_io_result *result)
{
    if (quorum->env->exiting)
        return false;
    if (result->status == ISR_IO_OK)
        return true;
    isr_env_exit(quorum->env, false, result->status);
    return false;
}

/* ---- term and vote (figure 3.1: persistent state, before responding) ---- */

bool quorum_vote_durable(const struct isr_quorum *quorum)
{
    const struct quorum_vote_file *file = &quorum->vote_file;
    return file->durable_term == quorum->term && file->durable_vote == quorum->voted_for;
}

static void vote_written(void *object, int64_t argument, const struct isr_io_result *result)
{
    (void)argument;
    struct isr_quorum *quorum = object;
    struct quorum_vote_file *file = &quorum->vote_file;
    if (!quorum_io_ok(quorum, result))
        return;
    file->busy = false;
    file->durable_term = file->writing_term;
    file->durable_vote = file->writing_vote;
    quorum_vote_settle(quorum);
    quorum_acknowledge(quorum);
    quorum_settle(quorum);
}

void quorum_vote_persist(struct isr_quorum *quorum)
{
    struct quorum_vote_file *file = &quorum->vote_file;
    if (file->busy || quorum_vote_durable(quorum))
        return;
    file->busy = true;
    file->writing_term = quorum->term;
    file->writing_vote = quorum->voted_for;
    uint8_t *bytes = isr_scratch_allocate(&quorum->env->scratch, QUORUM_VOTE_BYTES);
    quorum_vote_put(bytes, quorum->term, quorum->voted_for);
    isr_env_replace(quorum->env, quorum_file(ISR_FILE_QUORUM_VOTE, 0),
                    (struct isr_bytes){.data = bytes, .size = QUORUM_VOTE_BYTES}, vote_written, quorum, 0);
}

/* ---- entries ---- */

/* The records of the entries from first on; no mark lies between them. */
static struct isr_bytes records_encode(struct isr_quorum *quorum, int64_t first)
{
    const struct quorum_log *log = &quorum->log;
    int64_t last = quorum_log_last(log);
    int64_t size = 0;
    if (first <= last)
        size = log->end_position - quorum_log_at(log, first)->position;
    ISR_ASSERT(size <= UINT32_MAX);
    uint8_t *bytes = isr_scratch_allocate(&quorum->env->scratch, (size_t)size);
    uint8_t *out = bytes;
    for (int64_t i = first; i <= last; i++)
        out = quorum_record_put(out, i, quorum_log_at(log, i));
    ISR_ASSERT(out == bytes + size);
    return (struct isr_bytes){.data = bytes, .size = (uint32_t)size};
}

static void durable_advance(struct isr_quorum *quorum)
{
    struct quorum_log_file *file = &quorum->log_file;
    file->busy = false;
    if (file->flushing_index > file->durable_index)
        file->durable_index = file->flushing_index;
    quorum_flush(quorum);
    if (quorum->role == ISR_CONSENSUS_LEADER)
        quorum_leader_commit(quorum);
    else
        quorum_acknowledge(quorum);
    quorum_settle(quorum);
}

static void log_written(void *object, int64_t argument, const struct isr_io_result *result)
{
    (void)argument;
    quorum_io_ok(object, result);
}

/* The mark of the flush that is over goes into the room that was left for it, unless that was cut meanwhile:
 * with what is to be written next, or by itself when there is nothing. */
static void mark_write(struct isr_quorum *quorum)
{
    struct quorum_log_file *file = &quorum->log_file;
    if (file->mark_position == 0 || file->mark_position >= quorum->log.end_position || file->rewrite_wanted ||
        file->truncate_wanted)
        return;
    file->mark_owed = file->written_index < quorum_log_last(&quorum->log);
    if (file->mark_owed)
        return;
    uint8_t *bytes = isr_scratch_allocate(&quorum->env->scratch, QUORUM_MARK_BYTES);
    quorum_mark_put(bytes, file->mark_position);
    isr_env_write(quorum->env, quorum_file(ISR_FILE_QUORUM_LOG, file->number), file->mark_position,
                  (struct isr_bytes){.data = bytes, .size = QUORUM_MARK_BYTES}, log_written, quorum, 0);
}

static void log_synced(void *object, int64_t argument, const struct isr_io_result *result)
{
    (void)argument;
    struct isr_quorum *quorum = object;
    if (!quorum_io_ok(quorum, result))
        return;
    mark_write(quorum);
    durable_advance(quorum);
}

static void log_rewritten(void *object, int64_t argument, const struct isr_io_result *result)
{
    (void)argument;
    struct isr_quorum *quorum = object;
    struct quorum_log_file *file = &quorum->log_file;
    if (!quorum_io_ok(quorum, result))
        return;
    /* A leftover that cannot be deleted does no harm: the next start tries again. */
    if (file->number > 0 && file->number != file->writing_number)
        isr_env_delete(quorum->env, quorum_file(ISR_FILE_QUORUM_LOG, file->number), NULL, NULL, 0);
    file->number = file->writing_number;
    durable_advance(quorum);
}

static void rewrite(struct isr_quorum *quorum)
{
    struct quorum_log_file *file = &quorum->log_file;
    struct quorum_log *log = &quorum->log;
    quorum_log_place(log);
    struct isr_bytes records = records_encode(quorum, log->base_index + 1);
    struct isr_bytes bytes = {.size = QUORUM_LOG_HEADER_BYTES + records.size + QUORUM_MARK_BYTES};
    uint8_t *out = isr_scratch_allocate(&quorum->env->scratch, bytes.size);
    bytes.data = out;
    quorum_log_header_put(out, log->base_index, log->base_term);
    memcpy(out + QUORUM_LOG_HEADER_BYTES, records.data, records.size);
    ISR_ASSERT(log->end_position == (int64_t)QUORUM_LOG_HEADER_BYTES + records.size);
    quorum_mark_put(out + log->end_position, log->end_position);
    log->end_position += QUORUM_MARK_BYTES;
    file->busy = true;
    file->rewrite_wanted = false;
    file->truncate_wanted = false;
    file->writing_number = log->base_index + 1;
    ISR_ASSERT(file->writing_number > file->number);
    file->written_index = quorum_log_last(log);
    file->flushing_index = file->written_index;
    isr_env_replace(quorum->env, quorum_file(ISR_FILE_QUORUM_LOG, file->writing_number), bytes, log_rewritten,
                    quorum, 0);
}

static void entries_write(struct isr_quorum *quorum, int64_t first, bool with_mark)
{
    struct isr_bytes bytes = records_encode(quorum, first);
    int64_t position = quorum_log_at(&quorum->log, first)->position;
    if (with_mark) {
        position -= QUORUM_MARK_BYTES;
        uint8_t *out = isr_scratch_allocate(&quorum->env->scratch, QUORUM_MARK_BYTES + bytes.size);
        quorum_mark_put(out, position);
        memcpy(out + QUORUM_MARK_BYTES, bytes.data, bytes.size);
        bytes = (struct isr_bytes){.data = out, .size = QUORUM_MARK_BYTES + bytes.size};
    }
    isr_env_write(quorum->env, quorum_file(ISR_FILE_QUORUM_LOG, quorum->log_file.number), position, bytes,
                  log_written, quorum, 0);
}

void quorum_log_write_again(struct isr_quorum *quorum, int64_t first)
{
    entries_write(quorum, first, false);
}

void quorum_flush(struct isr_quorum *quorum)
{
    struct quorum_log_file *file = &quorum->log_file;
    if (file->busy || !quorum->started || quorum->env->exiting)
        return;
    if (file->rewrite_wanted) {
        rewrite(quorum);
        return;
    }
    int64_t last = quorum_log_last(&quorum->log);
    if (file->written_index == last && !file->truncate_wanted)
        return;
    struct isr_file name = quorum_file(ISR_FILE_QUORUM_LOG, file->number);
    int64_t mark_position = file->mark_position;
    file->busy = true;
    file->mark_position = 0;
    if (file->truncate_wanted) {
        isr_env_truncate(quorum->env, name, file->truncate_position, log_written, quorum, 0);
        file->truncate_wanted = false;
    } else {
        int64_t first = file->written_index + 1;
        bool follows = quorum_log_at(&quorum->log, first)->position == mark_position + QUORUM_MARK_BYTES;
        entries_write(quorum, first, file->mark_owed && follows);
        file->written_index = last;
        file->mark_position = quorum->log.end_position;
        quorum->log.end_position += QUORUM_MARK_BYTES;
    }
    file->mark_owed = false;
    file->flushing_index = file->written_index;
    isr_env_sync(quorum->env, name, log_synced, quorum, 0);
}

void quorum_log_file_truncated(struct isr_quorum *quorum, int64_t index)
{
    struct quorum_log_file *file = &quorum->log_file;
    if (file->written_index < index)
        return;
    if (!file->truncate_wanted || quorum->log.end_position < file->truncate_position)
        file->truncate_position = quorum->log.end_position;
    file->truncate_wanted = true;
    file->written_index = index - 1;
    if (file->flushing_index >= index)
        file->flushing_index = index - 1;
    if (file->durable_index >= index)
        file->durable_index = index - 1;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

void quorum_log_file_reset(struct isr_quorum *quorum)
{
    struct quorum_log_file *file = &quorum->log_file;
    int64_t base = quorum->log.base_index;
    int64_t last = quorum_log_last(&quorum->log);
    file->rewrite_wanted = true;
    file->written_index = clamp(file->written_index, base, last);
    file->flushing_index = clamp(file->flushing_index, base, last);
    file->durable_index = clamp(file->durable_index, base, last);
}
