/* What the library asks of its I/O (struct raft_io), and the fate of what it asks for. */
#include "sim/libraft/internal.h"

static struct libraft *libraft_of(struct raft_io *io)
{
    return io->impl;
}

struct libraft_completion *libraft_completion_add(struct libraft *libraft, enum libraft_completion_kind kind)
{
    struct libraft_completion *completion = isr_heap_allocate(libraft->env->heap, sizeof *completion);
    completion->kind = kind;
    if (libraft->completions_last != NULL)
        libraft->completions_last->next = completion;
    else
        libraft->completions = completion;
    libraft->completions_last = completion;
    return completion;
}

static int io_init(struct raft_io *io, raft_id id, const char *address)
{
    (void)io;
    (void)id;
    (void)address;
    return 0;
}

static void io_close(struct raft_io *io, raft_io_close_cb cb)
{
    cb(io);
}

/* ---- the start ---- */

static struct raft_entry *entries_of(const struct libraft_file *file)
{
    size_t bytes = 0;
    if (file->records_count == 0)
        return NULL;
    struct raft_entry *entries = raft_calloc(file->records_count, sizeof *entries);
    for (uint32_t i = 0; i < file->records_count; i++) {
        int32_t term;
        struct isr_bytes data;
        libraft_file_entry(file, file->base_index + 1 + i, &term, &entries[i].type, &data);
        entries[i].term = (raft_term)term;
        entries[i].buf.len = data.size;
        bytes += data.size;
    }
    uint8_t *batch = raft_malloc(bytes), *at = batch;
    for (uint32_t i = 0; i < file->records_count; i++) {
        int32_t term;
        struct isr_bytes data;
        libraft_file_entry(file, file->base_index + 1 + i, &term, &entries[i].type, &data);
        if (data.size > 0)
            memcpy(at, data.data, data.size);
        entries[i].buf.base = at;
        entries[i].batch = batch;
        at += data.size;
    }
    return entries;
}

/* All was read before: the library wants it at once. */
static int io_load(struct raft_io *io, raft_term *term, raft_id *voted_for, struct raft_snapshot **snapshot,
                   raft_index *start_index, struct raft_entry *entries[], size_t *entries_count)
{
    struct libraft *libraft = libraft_of(io);
    *term = (raft_term)libraft->term;
    *voted_for = (raft_id)libraft->vote;
    *snapshot = NULL;
    if (libraft->snapshot_file != NULL) {
        *snapshot = libraft_snapshot_get(
            (struct isr_bytes){.data = libraft->snapshot_file, .size = libraft->snapshot_bytes});
        if (*snapshot == NULL)
            return RAFT_CORRUPT;
        libraft->restoring_index = libraft->snapshot_index;
        libraft->restoring_term = libraft->snapshot_term;
    }
    *start_index = (raft_index)(libraft->file.base_index + 1);
    *entries = entries_of(&libraft->file);
    *entries_count = libraft->file.records_count;
    return 0;
}

static int io_start(struct raft_io *io, unsigned msecs, raft_io_tick_cb tick, raft_io_recv_cb receive)
{
    struct libraft *libraft = libraft_of(io);
    struct isr_env *env = libraft->env;
    libraft->tick = tick;
    libraft->receive = receive;
    libraft->tick_ns = (int64_t)msecs * ISR_MS;
    /* Election timers are looked at by ticks: nodes must not tick together. */
    isr_env_timer_in(env, &libraft->tick_timer,
                     isr_random_between(&env->random, ISR_RANDOM_ELECTION, 0, libraft->tick_ns));
    return 0;
}

/* The first entry of a cluster that begins; recovery.c makes it durable before the library starts. */
static int io_bootstrap(struct raft_io *io, const struct raft_configuration *configuration)
{
    struct libraft *libraft = libraft_of(io);
    struct raft_buffer buffer;
    int status = raft_configuration_encode(configuration, &buffer);
    if (status != 0)
        return status;
    libraft->term = 1;
    libraft->vote = 0;
    libraft_file_begin(&libraft->file, libraft->env->heap, 0, 0);
    libraft_file_append(&libraft->file, libraft->env->heap, 1, RAFT_CHANGE,
                        (struct isr_bytes){.data = buffer.base, .size = (uint32_t)buffer.len});
    raft_free(buffer.base);
    return 0;
}

/* Nobody here recovers a quorum that is lost. */
static int io_recover(struct raft_io *io, const struct raft_configuration *configuration)
{
    (void)io;
    (void)configuration;
    return RAFT_INVALID;
}

/* ---- term and vote ---- */

static int io_set_term(struct raft_io *io, raft_term term)
{
    struct libraft *libraft = libraft_of(io);
    if (term > LIBRAFT_TERM_MAX)
        return RAFT_INVALID;
    libraft->term = (int32_t)term;
    libraft->vote = 0;
    libraft->unsettled = true;
    return 0;
}

static int io_set_vote(struct raft_io *io, raft_id server)
{
    struct libraft *libraft = libraft_of(io);
    libraft->vote = (int32_t)server;
    libraft->unsettled = true;
    return 0;
}

static void frame_send(struct libraft *libraft, int32_t to, struct isr_bytes frame)
{
    const struct isr_message message = {.kind = ISR_MESSAGE_FOREIGN_CONSENSUS,
                                        .foreign_consensus = {.frame = frame}};
    isr_send(libraft->env, to, &message);
}

static void vote_is_durable(void *object, int64_t argument, const struct isr_io_result *result)
{
    struct libraft *libraft = object;
    (void)argument;
    if (!libraft_disk_ok(libraft, result))
        return;
    libraft->held = false;
    if (libraft->vote != 0) {
        struct isr_observation *observation = isr_observe(libraft->env, ISR_OBSERVED_QUORUM_VOTED);
        observation->quorum_voted.term = libraft->term;
        observation->quorum_voted.candidate = libraft->vote;
    }
    for (struct libraft_frame *frame = libraft->frames, *next; frame != NULL; frame = next) {
        next = frame->next;
        struct isr_bytes bytes = {.data = frame->data, .size = frame->size_bytes};
        frame_send(libraft, frame->to, bytes); /* copied into the message */
        isr_heap_release(libraft->env->heap, frame);
    }
    libraft->frames = libraft->frames_last = NULL;
    libraft_disk_go_on(libraft);
    libraft_settle(libraft);
}

void libraft_vote_settle(struct libraft *libraft)
{
    if (!libraft->unsettled || libraft->env->exiting)
        return;
    uint8_t *bytes = isr_scratch_allocate(&libraft->env->scratch, LIBRAFT_VOTE_BYTES);
    ISR_ASSERT(!libraft->held);
    libraft->unsettled = false;
    libraft->held = true;
    libraft_vote_put(bytes, libraft->term, libraft->vote);
    isr_env_replace(libraft->env, libraft_disk_file(ISR_FILE_QUORUM_VOTE, 0),
                    (struct isr_bytes){.data = bytes, .size = LIBRAFT_VOTE_BYTES}, vote_is_durable, libraft,
                    0);
}

/* ---- messages ---- */

static void frame_keep(struct libraft *libraft, int32_t to, struct isr_bytes bytes)
{
    struct libraft_frame *frame = isr_heap_allocate(libraft->env->heap, sizeof *frame + bytes.size);
    frame->to = to;
    frame->size_bytes = bytes.size;
    memcpy(frame->data, bytes.data, bytes.size);
    if (libraft->frames_last != NULL)
        libraft->frames_last->next = frame;
    else
        libraft->frames = frame;
    libraft->frames_last = frame;
}

static int io_send(struct raft_io *io, struct raft_io_send *request, const struct raft_message *message,
                   raft_io_send_cb cb)
{
    struct libraft *libraft = libraft_of(io);
    struct isr_bytes frame;
    int32_t to = message->server_id <= ISR_NODE_MAX ? (int32_t)message->server_id : 0;
    bool known = isr_replicas_contain(&libraft->nodes, to);
    if (known && libraft_message_encode(message, &libraft->env->scratch, &frame)) {
        if (libraft->unsettled)
            frame_keep(libraft, to, frame);
        else
            frame_send(libraft, to, frame);
    }
    if (cb == NULL)
        return 0;
    struct libraft_completion *completion = libraft_completion_add(libraft, LIBRAFT_COMPLETED_SEND);
    completion->request = request;
    completion->send_cb = cb;
    completion->status = known ? 0 : RAFT_NOCONNECTION;
    return 0;
}

/* ---- the disk ---- */

static int io_append(struct raft_io *io, struct raft_io_append *request, const struct raft_entry entries[],
                     unsigned count, raft_io_append_cb cb)
{
    struct libraft *libraft = libraft_of(io);
    struct isr_heap *heap = libraft->env->heap;
    libraft_observe_entries(libraft, entries, count);
    struct libraft_job *job = libraft_job_add(libraft, LIBRAFT_JOB_APPEND);
    job->index = libraft->append_index;
    job->count = count;
    job->entries = isr_heap_allocate(heap, count * sizeof *job->entries);
    memcpy(job->entries, entries, count * sizeof *job->entries); /* their data stays until the callback */
    job->append = request;
    job->append_cb = cb;
    libraft->append_index += count;
    libraft_disk_go_on(libraft);
    return 0;
}

static int io_truncate(struct raft_io *io, raft_index index)
{
    struct libraft *libraft = libraft_of(io);
    libraft_observe_truncation(libraft, (int64_t)index);
    if ((int64_t)index >= libraft->append_index)
        return 0;
    libraft_job_add(libraft, LIBRAFT_JOB_TRUNCATE)->index = (int64_t)index;
    libraft->append_index = (int64_t)index;
    libraft_disk_go_on(libraft);
    return 0;
}

/* trailing 0: it replaces the whole log, whatever is in it. */
static int io_snapshot_put(struct raft_io *io, unsigned trailing, struct raft_io_snapshot_put *request,
                           const struct raft_snapshot *snapshot, raft_io_snapshot_put_cb cb)
{
    struct libraft *libraft = libraft_of(io);
    struct libraft_job *job = libraft_job_add(libraft, LIBRAFT_JOB_SNAPSHOT);
    libraft_observe(libraft);
    job->index = (int64_t)snapshot->index;
    job->term = (int32_t)snapshot->term;
    job->trailing = trailing;
    job->put = request;
    job->put_cb = cb;
    job->file = libraft_snapshot_put(libraft->env->heap, snapshot, &job->file_bytes);
    if (trailing == 0) {
        libraft->append_index = job->index + 1;
        libraft->restoring_index = job->index;
        libraft->restoring_term = job->term;
    }
    libraft_disk_go_on(libraft);
    return 0;
}

/* The latest that is durable, as of now. */
static int io_snapshot_get(struct raft_io *io, struct raft_io_snapshot_get *request,
                           raft_io_snapshot_get_cb cb)
{
    struct libraft *libraft = libraft_of(io);
    struct raft_snapshot *snapshot = NULL;
    if (libraft->snapshot_file != NULL)
        snapshot = libraft_snapshot_get(
            (struct isr_bytes){.data = libraft->snapshot_file, .size = libraft->snapshot_bytes});
    struct libraft_completion *completion = libraft_completion_add(libraft, LIBRAFT_COMPLETED_GET);
    completion->request = request;
    completion->get_cb = cb;
    completion->snapshot = snapshot;
    completion->status = snapshot == NULL ? RAFT_NOTFOUND : 0;
    return 0;
}

/* ---- time, randomness, work ---- */

static raft_time io_time(struct raft_io *io)
{
    return (raft_time)(libraft_of(io)->env->now_ns / ISR_MS);
}

static int io_random(struct raft_io *io, int least, int end)
{
    return (int)isr_random_between(&libraft_of(io)->env->random, ISR_RANDOM_ELECTION, least, end);
}

static int io_async_work(struct raft_io *io, struct raft_io_async_work *request, raft_io_async_work_cb cb)
{
    struct libraft_completion *completion = libraft_completion_add(libraft_of(io), LIBRAFT_COMPLETED_WORK);
    completion->request = request;
    completion->work_cb = cb;
    return 0;
}

void libraft_io_init(struct libraft *libraft)
{
    libraft->io = (struct raft_io){.version = 2,
                                   .impl = libraft,
                                   .init = io_init,
                                   .close = io_close,
                                   .load = io_load,
                                   .start = io_start,
                                   .bootstrap = io_bootstrap,
                                   .recover = io_recover,
                                   .set_term = io_set_term,
                                   .set_vote = io_set_vote,
                                   .send = io_send,
                                   .append = io_append,
                                   .truncate = io_truncate,
                                   .snapshot_put = io_snapshot_put,
                                   .snapshot_get = io_snapshot_get,
                                   .time = io_time,
                                   .random = io_random,
                                   .async_work = io_async_work};
}
