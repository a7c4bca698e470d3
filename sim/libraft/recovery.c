/* From the files to the library's start:
 *
 *   list -> term and vote -> the newest snapshot -> the newest log -> written anew -> leftovers deleted ->
 * start
 *
 * Files are replaced whole, and numbers only grow: of each kind the highest number counts. The log may end in
 * a torn record, and what a killed process left in the page cache is not durable, so it is written anew
 * before anything rests on it. A log that parts from the snapshot, or ends before it, is none: the snapshot
 * was installed over it. */
#include "sim/libraft/internal.h"

static void deleted(void *object, int64_t argument, const struct isr_io_result *result)
{
    (void)argument;
    (void)libraft_disk_ok(object, result);
}

static void log_rewritten(void *object, int64_t argument, const struct isr_io_result *result)
{
    struct libraft *libraft = object;
    (void)argument;
    if (!libraft_disk_ok(libraft, result))
        return;
    for (uint32_t i = 0; i < libraft->old_logs_count; i++)
        isr_env_delete(libraft->env, libraft_disk_file(ISR_FILE_QUORUM_LOG, libraft->old_logs[i]), deleted,
                       libraft, 0);
    for (uint32_t i = 0; i < libraft->old_snapshots_count; i++) {
        if (libraft->old_snapshots[i] != libraft->snapshot_index)
            isr_env_delete(libraft->env,
                           libraft_disk_file(ISR_FILE_QUORUM_SNAPSHOT, libraft->old_snapshots[i]), deleted,
                           libraft, 0);
    }
    libraft->append_index = libraft_file_last(&libraft->file) + 1;
    libraft_start(libraft);
}

static void log_rewrite(struct libraft *libraft)
{
    struct libraft_file *file = &libraft->file;
    int64_t newest = libraft->old_logs_count > 0 ? libraft->old_logs[libraft->old_logs_count - 1] : 0;
    uint8_t *copy = isr_scratch_allocate(&libraft->env->scratch, file->image_bytes);
    memcpy(copy, file->image, file->image_bytes);
    file->number = newest + 1;
    isr_env_replace(libraft->env, libraft_disk_file(ISR_FILE_QUORUM_LOG, file->number),
                    (struct isr_bytes){.data = copy, .size = file->image_bytes}, log_rewritten, libraft, 0);
}

/* ---- a cluster that begins ---- */

static void bootstrap_vote_written(void *object, int64_t argument, const struct isr_io_result *result)
{
    struct libraft *libraft = object;
    (void)argument;
    if (libraft_disk_ok(libraft, result))
        log_rewrite(libraft);
}

/* No record, no snapshot, and no term but the one that a first start writes before the log. */
static bool is_first_start(const struct libraft *libraft)
{
    return libraft->file.records_count == 0 && libraft->snapshot_file == NULL && libraft->term <= 1 &&
           libraft->vote == 0 && isr_replicas_contain(&libraft->voters, libraft->env->node);
}

static void bootstrap(struct libraft *libraft)
{
    struct raft_configuration configuration;
    libraft_enter(libraft);
    raft_configuration_init(&configuration);
    for (unsigned i = 0; i < libraft->voters.count; i++) {
        bool added = libraft_member_add(&configuration, libraft->voters.ids[i], RAFT_VOTER);
        ISR_ASSERT(added);
    }
    int status = raft_bootstrap(&libraft->raft, &configuration);
    ISR_ASSERT(status == 0);
    raft_configuration_close(&configuration);
    libraft->inside = false; /* there is nothing to look at yet */
    uint8_t *bytes = isr_scratch_allocate(&libraft->env->scratch, LIBRAFT_VOTE_BYTES);
    libraft_vote_put(bytes, libraft->term, libraft->vote);
    isr_env_replace(libraft->env, libraft_disk_file(ISR_FILE_QUORUM_VOTE, 0),
                    (struct isr_bytes){.data = bytes, .size = LIBRAFT_VOTE_BYTES}, bootstrap_vote_written,
                    libraft, 0);
}

/* ---- reading ---- */

static void all_read(struct libraft *libraft)
{
    struct libraft_file *file = &libraft->file;
    struct isr_heap *heap = libraft->env->heap;
    int64_t index = libraft->snapshot_index;
    libraft->phase = LIBRAFT_REWRITING;
    if (index > 0) {
        int32_t term = file->base_index == index ? file->base_term : 0;
        uint16_t type;
        struct isr_bytes data;
        if (index > file->base_index && index <= libraft_file_last(file))
            libraft_file_entry(file, index, &term, &type, &data);
        if (term != libraft->snapshot_term)
            libraft_file_begin(file, heap, index, libraft->snapshot_term);
    }
    if (is_first_start(libraft))
        bootstrap(libraft);
    else
        log_rewrite(libraft);
}

static void log_read(void *object, int64_t argument, const struct isr_io_result *result)
{
    struct libraft *libraft = object;
    (void)argument;
    if (!libraft_disk_ok(libraft, result))
        return;
    if (!libraft_file_parse(&libraft->file, libraft->env->heap, result->bytes) ||
        (libraft->file.base_index > 0 && libraft->snapshot_index < libraft->file.base_index))
        libraft_halt(libraft, ISR_IO_DAMAGED);
    else
        all_read(libraft);
}

static void read_log(struct libraft *libraft)
{
    if (libraft->old_logs_count == 0) {
        libraft_file_begin(&libraft->file, libraft->env->heap, 0, 0);
        all_read(libraft);
        return;
    }
    int64_t newest = libraft->old_logs[libraft->old_logs_count - 1];
    isr_env_read(libraft->env, libraft_disk_file(ISR_FILE_QUORUM_LOG, newest), log_read, libraft, 0);
}

static void snapshot_read(void *object, int64_t argument, const struct isr_io_result *result)
{
    struct libraft *libraft = object;
    if (!libraft_disk_ok(libraft, result))
        return;
    if (!libraft_snapshot_check(result->bytes, &libraft->snapshot_index, &libraft->snapshot_term) ||
        libraft->snapshot_index != argument) {
        libraft_halt(libraft, ISR_IO_DAMAGED);
        return;
    }
    libraft->snapshot_bytes = result->bytes.size;
    libraft->snapshot_file = isr_heap_allocate(libraft->env->heap, result->bytes.size);
    memcpy(libraft->snapshot_file, result->bytes.data, result->bytes.size);
    read_log(libraft);
}

static void read_snapshot(struct libraft *libraft)
{
    if (libraft->old_snapshots_count == 0) {
        read_log(libraft);
        return;
    }
    int64_t newest = libraft->old_snapshots[libraft->old_snapshots_count - 1];
    isr_env_read(libraft->env, libraft_disk_file(ISR_FILE_QUORUM_SNAPSHOT, newest), snapshot_read, libraft,
                 newest);
}

static void vote_read(void *object, int64_t argument, const struct isr_io_result *result)
{
    struct libraft *libraft = object;
    (void)argument;
    if (!libraft_disk_ok(libraft, result))
        return;
    if (!libraft_vote_get(result->bytes, &libraft->term, &libraft->vote))
        libraft_halt(libraft, ISR_IO_DAMAGED);
    else
        read_snapshot(libraft);
}

static void file_sort_in(struct libraft *libraft, const struct isr_file *file)
{
    struct isr_heap *heap = libraft->env->heap;
    if (file->kind == ISR_FILE_QUORUM_VOTE) {
        libraft->vote_found = true;
    } else if (file->kind == ISR_FILE_QUORUM_LOG && file->number > 0) {
        libraft->old_logs =
            ISR_GROW(heap, libraft->old_logs, libraft->old_logs_count, libraft->old_logs_capacity);
        libraft->old_logs[libraft->old_logs_count++] = file->number;
    } else if (file->kind == ISR_FILE_QUORUM_SNAPSHOT && file->number > 0) {
        libraft->old_snapshots = ISR_GROW(heap, libraft->old_snapshots, libraft->old_snapshots_count,
                                          libraft->old_snapshots_capacity);
        libraft->old_snapshots[libraft->old_snapshots_count++] = file->number;
    }
}

/* In the order of their numbers. */
static void files_listed(void *object, int64_t argument, const struct isr_io_result *result)
{
    struct libraft *libraft = object;
    (void)argument;
    if (!libraft_disk_ok(libraft, result))
        return;
    for (uint32_t i = 0; i < result->files_count; i++)
        file_sort_in(libraft, &result->files[i].file);
    if (libraft->vote_found)
        isr_env_read(libraft->env, libraft_disk_file(ISR_FILE_QUORUM_VOTE, 0), vote_read, libraft, 0);
    else
        read_snapshot(libraft);
}

void libraft_recover(struct libraft *libraft)
{
    libraft->phase = LIBRAFT_READING;
    isr_env_list(libraft->env, files_listed, libraft, 0);
}
