/* What is durable, and who waits for it.
 *
 * Vote file: at most one replacement under way; when it ends and term or vote moved on meanwhile, the next
 * begins.
 *
 * Log file:
 *     IDLE --entries that were not written--> FLUSHING (truncate, write, sync) --synced--> IDLE
 *     IDLE --the log's base moved--> REWRITING (the whole log, into a file with a new number) --> IDLE
 *
 * One at a time, so that a sync covers everything that gathered during the one before it. A rewrite replaces
 * its file atomically and holds all that memory holds; the file with the highest number is therefore always
 * whole, and lower ones are leftovers. Truncation in memory lowers all three indices at once: what a sync
 * under way will confirm of the cut suffix counts no more. On the disk it is a TRUNCATE before the next WRITE
 * of the same file.
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

/* The records of the entries from first on, behind head_bytes of free room. */
static struct isr_bytes records_encode(struct isr_quorum *quorum, int64_t first, uint32_t head_bytes)
{
    const struct quorum_log *log = &quorum->log;
    int64_t last = quorum_log_last(log);
    int64_t size = head_bytes;
    if (first <= last)
        size += log->end_position - quorum_log_at(log, first)->position;
    ISR_ASSERT(size <= UINT32_MAX);
    uint8_t *bytes = isr_scratch_allocate(&quorum->env->scratch, (size_t)size);
    uint8_t *out = bytes + head_bytes;
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

static void log_synced(void *object, int64_t argument, const struct isr_io_result *result)
{
    (void)argument;
    if (quorum_io_ok(object, result))
        durable_advance(object);
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
    struct isr_bytes bytes = records_encode(quorum, log->base_index + 1, QUORUM_LOG_HEADER_BYTES);
    uint8_t header[QUORUM_LOG_HEADER_BYTES];
    quorum_log_header_put(header, log->base_index, log->base_term);
    memcpy((uint8_t *)bytes.data, header, sizeof header);
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
    if (file->truncate_wanted)
        isr_env_truncate(quorum->env, name, file->truncate_position, log_written, quorum, 0);
    file->truncate_wanted = false;
    if (file->written_index < last) {
        int64_t first = file->written_index + 1;
        isr_env_write(quorum->env, name, quorum_log_at(&quorum->log, first)->position,
                      records_encode(quorum, first, 0), log_written, quorum, 0);
    }
    file->busy = true;
    file->written_index = last;
    file->flushing_index = last;
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
