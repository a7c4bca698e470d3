/* Jobs of the disk, in the order in which the library asked for them:
 *
 *   APPEND     write behind the end, sync; then the callback. Those that wait together are written together
 *   TRUNCATE   cut; whatever is written next carries it to the disk with its sync
 *   SNAPSHOT   replace the snapshot's file, then, where the log gets shorter, replace the log's by one of the
 *              next number; then the callback. Older files are deleted behind it
 *
 * A failed operation ends the process, as in all of the engine: nobody knows then what is on the disk. */
#include "sim/libraft/internal.h"

bool libraft_disk_ok(struct libraft *libraft, const struct isr_io_result *result)
{
    if (result->status != ISR_IO_OK)
        libraft_halt(libraft, result->status);
    return !libraft->env->exiting;
}

struct libraft_job *libraft_job_add(struct libraft *libraft, enum libraft_job_kind kind)
{
    struct libraft_job *job = isr_heap_allocate(libraft->env->heap, sizeof *job);
    job->kind = kind;
    if (libraft->jobs_last != NULL)
        libraft->jobs_last->next = job;
    else
        libraft->jobs = job;
    libraft->jobs_last = job;
    return job;
}

static struct libraft_job *job_take(struct libraft *libraft)
{
    struct libraft_job *job = libraft->jobs;
    libraft->jobs = job->next;
    if (libraft->jobs == NULL)
        libraft->jobs_last = NULL;
    job->next = NULL;
    return job;
}

static struct isr_file log_file(const struct libraft *libraft)
{
    return libraft_disk_file(ISR_FILE_QUORUM_LOG, libraft->file.number);
}

static void job_over(struct libraft *libraft)
{
    libraft->disk_busy = false;
    libraft_disk_go_on(libraft);
    libraft_settle(libraft);
}

/* ---- appending ---- */

static void appended(void *object, int64_t argument, const struct isr_io_result *result)
{
    struct libraft *libraft = object;
    struct isr_heap *heap = libraft->env->heap;
    (void)argument;
    if (!libraft_disk_ok(libraft, result))
        return;
    for (struct libraft_job *job = libraft->flushing, *next; job != NULL; job = next) {
        next = job->next;
        struct libraft_completion *completion = libraft_completion_add(libraft, LIBRAFT_COMPLETED_APPEND);
        completion->request = job->append;
        completion->append_cb = job->append_cb;
        isr_heap_release(heap, job->entries);
        isr_heap_release(heap, job);
    }
    libraft->flushing = NULL;
    job_over(libraft);
}

static void written(void *object, int64_t argument, const struct isr_io_result *result)
{
    (void)argument;
    (void)libraft_disk_ok(object, result);
}

static void append(struct libraft *libraft)
{
    struct libraft_file *file = &libraft->file;
    struct libraft_job **last = &libraft->flushing;
    uint32_t from = file->image_bytes;
    while (libraft->jobs != NULL && libraft->jobs->kind == LIBRAFT_JOB_APPEND) {
        struct libraft_job *job = job_take(libraft);
        for (uint32_t i = 0; i < job->count; i++)
            libraft_file_append(file, libraft->env->heap, (int32_t)job->entries[i].term, job->entries[i].type,
                                (struct isr_bytes){.data = job->entries[i].buf.base,
                                                   .size = (uint32_t)job->entries[i].buf.len});
        *last = job;
        last = &job->next;
    }
    uint32_t bytes = file->image_bytes - from;
    uint8_t *copy = isr_scratch_allocate(&libraft->env->scratch, bytes);
    memcpy(copy, file->image + from, bytes);
    libraft->disk_busy = true;
    isr_env_write(libraft->env, log_file(libraft), from, (struct isr_bytes){.data = copy, .size = bytes},
                  written, libraft, 0);
    isr_env_sync(libraft->env, log_file(libraft), appended, libraft, 0);
}

/* ---- cutting ---- */

static void cut(struct libraft *libraft)
{
    struct libraft_job *job = job_take(libraft);
    libraft_file_truncate(&libraft->file, job->index);
    isr_env_truncate(libraft->env, log_file(libraft), libraft->file.image_bytes, written, libraft, 0);
    isr_heap_release(libraft->env->heap, job);
}

/* ---- snapshots ---- */

static void snapshot_over(struct libraft *libraft)
{
    struct libraft_job *job = libraft->flushing;
    struct libraft_completion *completion = libraft_completion_add(libraft, LIBRAFT_COMPLETED_PUT);
    completion->request = job->put;
    completion->put_cb = job->put_cb;
    if (libraft->snapshot_index != 0 && libraft->snapshot_index != job->index)
        isr_env_delete(libraft->env, libraft_disk_file(ISR_FILE_QUORUM_SNAPSHOT, libraft->snapshot_index),
                       written, libraft, 0);
    isr_heap_release(libraft->env->heap, libraft->snapshot_file);
    libraft->snapshot_file = job->file;
    libraft->snapshot_bytes = job->file_bytes;
    libraft->snapshot_index = job->index;
    libraft->snapshot_term = job->term;
    isr_heap_release(libraft->env->heap, job);
    libraft->flushing = NULL;
    job_over(libraft);
}

static void log_replaced(void *object, int64_t argument, const struct isr_io_result *result)
{
    struct libraft *libraft = object;
    if (!libraft_disk_ok(libraft, result))
        return;
    isr_env_delete(libraft->env, libraft_disk_file(ISR_FILE_QUORUM_LOG, argument), written, libraft, 0);
    snapshot_over(libraft);
}

static void snapshot_replaced(void *object, int64_t argument, const struct isr_io_result *result)
{
    struct libraft *libraft = object;
    struct libraft_file *file = &libraft->file;
    struct libraft_job *job = libraft->flushing;
    struct isr_heap *heap = libraft->env->heap;
    (void)argument;
    if (!libraft_disk_ok(libraft, result))
        return;
    int64_t base = job->index - job->trailing;
    if (job->trailing > 0 && (base <= file->base_index || base > libraft_file_last(file))) {
        snapshot_over(libraft);
        return;
    }
    if (job->trailing == 0)
        libraft_file_begin(file, heap, job->index, job->term);
    else
        libraft_file_compact(file, heap, base);
    uint8_t *copy = isr_scratch_allocate(&libraft->env->scratch, file->image_bytes);
    memcpy(copy, file->image, file->image_bytes);
    int64_t old = file->number++;
    isr_env_replace(libraft->env, log_file(libraft),
                    (struct isr_bytes){.data = copy, .size = file->image_bytes}, log_replaced, libraft, old);
}

static void snapshot(struct libraft *libraft)
{
    struct libraft_job *job = job_take(libraft);
    libraft->flushing = job;
    libraft->disk_busy = true;
    isr_env_replace(libraft->env, libraft_disk_file(ISR_FILE_QUORUM_SNAPSHOT, job->index),
                    (struct isr_bytes){.data = job->file, .size = job->file_bytes}, snapshot_replaced,
                    libraft, 0);
}

void libraft_disk_go_on(struct libraft *libraft)
{
    while (libraft->jobs != NULL && !libraft->disk_busy && !libraft->held && !libraft->unsettled &&
           !libraft->env->exiting) {
        switch (libraft->jobs->kind) {
        case LIBRAFT_JOB_APPEND:
            append(libraft);
            break;
        case LIBRAFT_JOB_TRUNCATE:
            cut(libraft);
            break;
        case LIBRAFT_JOB_SNAPSHOT:
            snapshot(libraft);
            break;
        }
    }
}
