/* Recovery of all logs at the start of a process.
 *
 *   LISTING -> READING_CHECKPOINTS -> SCANNING -> REMOVING_MARKER -> REPAIRING -> done
 *
 *   LISTING              the names of all files
 *   READING_CHECKPOINTS  every small file whole; then the logs are set up
 *   SCANNING             the segments of each log, one after the other, all logs at once; damage is repaired
 * as it is found: a cut is truncated, what lies behind a hole, or was swapped out by compaction, deleted.
 * After an unclean stop what lies above the recovery point is written again and synced, and so is the last
 * segment REMOVING_MARKER      the clean-shutdown marker goes REPAIRING            a recovery-point file that
 * claims more than there is, or does not know a log's start, is replaced; in any case when something was
 * deleted: a replacement makes the deletions before it durable
 *
 * recovery_advance moves on whenever no operation is under way; with an empty disk all the way in one step.
 *
 * Invariants at done: nothing on disk lies at or above a log's end; every checkpoint that could mislead a
 * later recovery is repaired durably (only the high watermarks may be stale); each log satisfies
 * isr_log_verify; clean_shutdown_epoch is -1 unless everything that the marker vouches for was there. */
#include "core/log/checkpoint.h"
#include "core/log/internal.h"

enum recovery_phase {
    RECOVERY_LISTING,
    RECOVERY_READING_CHECKPOINTS,
    RECOVERY_SCANNING,
    RECOVERY_REMOVING_MARKER,
    RECOVERY_REPAIRING
};

struct recovery_file {
    struct isr_file file;
    int64_t size_bytes;
    struct isr_bytes bytes; /* of small files, in the heap */
};

struct recovery_log {
    uint32_t next_file, end_file; /* its segments among the files that are to be scanned; end 0: none */
    int64_t expected;             /* base offset that the next batch must have */
    int32_t epoch;                /* of the last batch */
    int64_t torn_bytes;
    bool cut; /* damage or a hole was found: the rest is dropped */
};

struct isr_log_recovery {
    enum recovery_phase phase;
    struct recovery_file *files;
    uint32_t files_count;
    struct recovery_log *logs; /* parallel to the store's */
    bool clean;                /* a valid marker was found */
    bool marker;               /* a marker was found */
    bool damaged;              /* something is not as it was left, and no loss of power explains it */
    bool repair_recovery_points;
};

static bool is_small(enum isr_file_kind kind)
{
    return kind == ISR_FILE_EPOCHS || kind == ISR_FILE_PRODUCERS || kind == ISR_FILE_HIGH_WATERMARKS ||
           kind == ISR_FILE_RECOVERY_POINTS || kind == ISR_FILE_CLEAN_SHUTDOWN || kind == ISR_FILE_CLEANED;
}

static bool is_of_partition(enum isr_file_kind kind)
{
    return kind == ISR_FILE_SEGMENT || kind == ISR_FILE_EPOCHS || kind == ISR_FILE_PRODUCERS ||
           kind == ISR_FILE_CLEANED;
}

static void file_delete(struct isr_log_store *store, struct isr_log *log, struct isr_file file)
{
    store->recovery->repair_recovery_points = true;
    isr_log_store_operation_begin(store);
    isr_env_delete(store->env, file, isr_log_operation_done, log, 0);
}

/* ---- listing and reading ---- */

static void on_small_file(void *object, int64_t argument, const struct isr_io_result *result)
{
    struct isr_log_store *store = object;
    struct recovery_file *file = &store->recovery->files[argument];
    bool absent = result->status == ISR_IO_NO_FILE;
    if (!absent && isr_log_io_failed(store, NULL, result))
        return;
    if (!absent && result->bytes.size > 0) {
        uint8_t *copy = isr_heap_allocate(store->env->heap, result->bytes.size);
        memcpy(copy, result->bytes.data, result->bytes.size);
        file->bytes = (struct isr_bytes){.data = copy, .size = result->bytes.size};
    }
    isr_log_store_operation_end(store);
}

static void on_list(void *object, int64_t argument, const struct isr_io_result *result)
{
    (void)argument;
    struct isr_log_store *store = object;
    struct isr_log_recovery *recovery = store->recovery;
    if (isr_log_io_failed(store, NULL, result))
        return;
    recovery->phase = RECOVERY_READING_CHECKPOINTS;
    recovery->files =
        isr_heap_allocate(store->env->heap, (result->files_count + 1) * sizeof *recovery->files);
    for (uint32_t i = 0; i < result->files_count; i++) {
        if (!is_small(result->files[i].file.kind) && !is_of_partition(result->files[i].file.kind))
            continue;
        uint32_t place = recovery->files_count++;
        recovery->files[place] =
            (struct recovery_file){.file = result->files[i].file, .size_bytes = result->files[i].size_bytes};
        if (is_small(result->files[i].file.kind)) {
            isr_log_store_operation_begin(store);
            isr_env_read(store->env, result->files[i].file, on_small_file, store, place);
        }
    }
    isr_log_store_operation_end(store);
}

void isr_log_recovery_start(struct isr_log_store *store)
{
    store->recovery = isr_heap_allocate(store->env->heap, sizeof *store->recovery);
    *store->recovery = (struct isr_log_recovery){.phase = RECOVERY_LISTING};
    isr_log_store_operation_begin(store);
    isr_env_list(store->env, on_list, store, 0);
}

/* ---- setting up the logs ---- */

static const struct recovery_file *small_file(const struct isr_log_recovery *recovery,
                                              enum isr_file_kind kind)
{
    for (uint32_t i = 0; i < recovery->files_count; i++) {
        if (recovery->files[i].file.kind == kind)
            return &recovery->files[i];
    }
    return NULL;
}

/* Small files are replaced atomically: one that is not sound was damaged. */
static bool file_is_sound(struct isr_log_recovery *recovery, bool sound)
{
    recovery->damaged = recovery->damaged || !sound;
    return sound;
}

static void recovery_points_load(struct isr_log_store *store)
{
    const struct recovery_file *found = small_file(store->recovery, ISR_FILE_RECOVERY_POINTS);
    struct isr_recovery_points_file file;
    if (found == NULL)
        return;
    if (!file_is_sound(store->recovery, isr_checkpoint_parse_recovery_points_file(
                                            found->bytes, &store->env->scratch, &file))) {
        store->recovery->repair_recovery_points = true;
        return;
    }
    store->recovery_points_crc = isr_checkpoint_crc(found->bytes);
    for (uint32_t i = 0; i < file.lines_count; i++) {
        struct isr_log *log = isr_log_store_add(store, file.lines[i].tp);
        log->start_told = file.lines[i].log_start;
        log->log_start = log->log_end = file.lines[i].log_start;
        log->recovery_point_stored = log->recovery_point_storing = file.lines[i].recovery_point;
    }
}

/* The log's own epoch checkpoint tells its start too. The higher one counts: the start moves up but for a
 * full truncation, and one of those that was cut short leaves the old log, or nothing. */
static void starts_load(struct isr_log_store *store)
{
    const struct isr_log_recovery *recovery = store->recovery;
    for (uint32_t i = 0; i < recovery->files_count; i++) {
        struct isr_epochs_file file;
        if (recovery->files[i].file.kind != ISR_FILE_EPOCHS ||
            !isr_checkpoint_parse_epochs_file(recovery->files[i].bytes, &store->env->scratch, &file))
            continue;
        struct isr_log *log = isr_log_store_find(store, recovery->files[i].file.tp);
        if (file.log_start > log->log_start)
            log->log_start = log->log_end = file.log_start;
    }
    for (uint32_t i = 0; i < store->logs_count; i++) {
        struct isr_log *log = store->logs[i];
        if (log->start_told != log->log_start) /* it must not depend on one file alone for longer than this */
            store->recovery->repair_recovery_points = true;
        log->start_told = log->log_start;
        if (log->recovery_point_stored < log->log_start)
            log->recovery_point_stored = log->recovery_point_storing = log->log_start;
    }
}

/* Clamped when the ends are known. */
static void high_watermarks_load(struct isr_log_store *store)
{
    const struct recovery_file *found = small_file(store->recovery, ISR_FILE_HIGH_WATERMARKS);
    struct isr_high_watermarks_file file;
    if (found == NULL)
        return;
    if (!file_is_sound(store->recovery, isr_checkpoint_parse_high_watermarks_file(
                                            found->bytes, &store->env->scratch, &file))) {
        isr_log_store_high_watermark_moved(store);
        return;
    }
    for (uint32_t i = 0; i < file.lines_count; i++) {
        struct isr_log *log = isr_log_store_find(store, file.lines[i].tp);
        if (log != NULL)
            log->high_watermark = log->high_watermark_stored = log->high_watermark_storing =
                file.lines[i].high_watermark;
    }
}

static void marker_load(struct isr_log_store *store)
{
    struct isr_log_recovery *recovery = store->recovery;
    const struct recovery_file *found = small_file(recovery, ISR_FILE_CLEAN_SHUTDOWN);
    struct isr_clean_shutdown_file file;
    recovery->marker = found != NULL;
    recovery->clean =
        found != NULL && isr_checkpoint_parse_clean_shutdown_file(found->bytes, &store->env->scratch, &file);
    if (!recovery->clean)
        return;
    store->clean_shutdown_epoch = file.broker_epoch;
    if (file.recovery_points_crc != store->recovery_points_crc)
        recovery->damaged = true;
}

/* The segments of a log stand together and in order in the list of files. */
static void segments_assign(struct isr_log_store *store)
{
    struct isr_log_recovery *recovery = store->recovery;
    for (uint32_t i = 0; i < recovery->files_count; i++) {
        if (recovery->files[i].file.kind != ISR_FILE_SEGMENT)
            continue;
        const struct isr_log *log = isr_log_store_find(store, recovery->files[i].file.tp);
        struct recovery_log *scan = &recovery->logs[isr_log_store_place(store, log->tp)];
        if (scan->end_file == 0)
            scan->next_file = i;
        scan->end_file = i + 1;
    }
}

static void logs_set_up(struct isr_log_store *store)
{
    struct isr_log_recovery *recovery = store->recovery;
    recovery_points_load(store);
    marker_load(store);
    for (uint32_t i = 0; i < recovery->files_count; i++) {
        if (is_of_partition(recovery->files[i].file.kind))
            isr_log_store_add(store, recovery->files[i].file.tp);
    }
    starts_load(store);
    high_watermarks_load(store);
    recovery->logs = isr_heap_allocate(store->env->heap, (store->logs_count + 1) * sizeof *recovery->logs);
    segments_assign(store);
}

/* ---- scanning ---- */

/* The rest of a segment, and all later ones, are dropped. */
static void drop_segments(struct isr_log_store *store, struct isr_log *log, struct recovery_log *scan,
                          uint32_t first)
{
    for (uint32_t i = first; i < scan->end_file; i++) {
        scan->torn_bytes += store->recovery->files[i].size_bytes;
        file_delete(store, log, store->recovery->files[i].file);
    }
    scan->next_file = scan->end_file;
}

static void batch_keep(struct isr_log *log, const struct isr_batch *batch)
{
    if (batch->last_offset < log->log_start) {
        log->position_end += batch->bytes.size;
        return;
    }
    int64_t start = batch->base_offset < log->log_start ? log->log_start : batch->base_offset;
    isr_epoch_cache_assign(&log->epochs, log->env->heap, batch->leader_epoch, start);
    isr_log_take(log, batch);
}

/* Keeps the sound batches that a segment starts with; returns their bytes. */
static uint32_t segment_scan(struct isr_log *log, struct recovery_log *scan, struct isr_bytes bytes,
                             struct isr_segment *segment)
{
    uint32_t position = 0;
    while (position < bytes.size) {
        struct isr_bytes rest = {.data = bytes.data + position, .size = bytes.size - position};
        struct isr_batch batch;
        if (isr_batch_parse(rest, true, &batch) != ISR_BATCH_OK || batch.base_offset != scan->expected ||
            batch.leader_epoch < scan->epoch)
            break;
        batch_keep(log, &batch);
        scan->expected = batch.last_offset + 1;
        scan->epoch = batch.leader_epoch;
        isr_segment_note_timestamp(segment, batch.timestamp_ns);
        position += batch.bytes.size;
    }
    return position;
}

static void segment_cut(struct isr_log *log, struct recovery_log *scan, const struct isr_segment *segment,
                        uint32_t torn_bytes)
{
    scan->cut = true;
    scan->torn_bytes += torn_bytes;
    isr_log_store_operation_begin(log->store);
    isr_env_truncate(log->env, isr_log_file(log, ISR_FILE_SEGMENT, segment->base_offset), segment->size_bytes,
                     isr_log_operation_done, log, 0);
    if (log->store->recovery->clean)
        isr_log_sync_segment(log, segment);
}

static void scan_next(struct isr_log_store *store, uint32_t place);

static void on_segment(void *object, int64_t argument, const struct isr_io_result *result)
{
    struct isr_log_store *store = object;
    uint32_t place = (uint32_t)argument;
    struct isr_log *log = store->logs[place];
    struct recovery_log *scan = &store->recovery->logs[place];
    struct isr_bytes bytes = result->bytes;
    if (result->status == ISR_IO_NO_FILE)
        bytes = (struct isr_bytes){0};
    else if (isr_log_io_failed(store, log, result))
        return;
    struct isr_segment segment = {.base_offset = scan->expected,
                                  .position = log->position_end,
                                  .timestamp_max_ns = INT64_MIN,
                                  .timestamp_first_ns = INT64_MIN};
    segment.size_bytes = segment_scan(log, scan, bytes, &segment);
    segment.end_offset = scan->expected;
    log->segments = ISR_GROW(log->env->heap, log->segments, log->segments_count, log->segments_capacity);
    log->segments[log->segments_count++] = segment;
    if (segment.size_bytes < bytes.size)
        segment_cut(log, scan, &segment, bytes.size - (uint32_t)segment.size_bytes);
    scan_next(store, place);
    isr_log_store_operation_end(store);
}

static void log_finish(struct isr_log_store *store, uint32_t place);

/* Reads the next segment when it follows without a hole. One that begins inside the one before was swapped
 * out by compaction, and not deleted yet (cleaner.h). */
static void scan_next(struct isr_log_store *store, uint32_t place)
{
    struct recovery_log *scan = &store->recovery->logs[place];
    const struct recovery_file *files = store->recovery->files;
    while (!scan->cut && scan->next_file < scan->end_file &&
           files[scan->next_file].file.number < scan->expected)
        file_delete(store, store->logs[place], files[scan->next_file++].file);
    if (scan->next_file < scan->end_file &&
        (scan->cut || files[scan->next_file].file.number != scan->expected))
        drop_segments(store, store->logs[place], scan, scan->next_file);
    if (scan->next_file == scan->end_file) {
        log_finish(store, place);
        return;
    }
    isr_log_store_operation_begin(store);
    isr_env_read(store->env, files[scan->next_file++].file, on_segment, store, place);
}

/* Segments that lie below log_start whole are what a deletion left behind. The first of the others must reach
 * down to log_start. */
static void scan_begin(struct isr_log_store *store, uint32_t place)
{
    struct isr_log *log = store->logs[place];
    struct recovery_log *scan = &store->recovery->logs[place];
    const struct recovery_file *files = store->recovery->files;
    while (scan->next_file + 1 < scan->end_file && files[scan->next_file + 1].file.number <= log->log_start)
        file_delete(store, log, files[scan->next_file++].file);
    scan->expected = log->log_start;
    if (scan->next_file < scan->end_file && files[scan->next_file].file.number <= log->log_start &&
        files[scan->next_file].file.number >= 0)
        scan->expected = files[scan->next_file].file.number;
    scan_next(store, place);
}

/* ---- finishing one log ---- */

/* A segment that ends below log_start cannot be appended to. */
static void segments_settle(struct isr_log_store *store, struct isr_log *log, const struct recovery_log *scan)
{
    if (log->segments_count > 0 && scan->expected < log->log_start) {
        for (uint32_t i = 0; i < log->segments_count; i++)
            file_delete(store, log, isr_log_file(log, ISR_FILE_SEGMENT, log->segments[i].base_offset));
        log->segments_count = 0;
        log->position_end = 0;
    }
    log->issued_end = log->written_end = log->log_end;
    log->synced_end = log->log_end;
    if (!store->recovery->clean && log->recovery_point_stored < log->log_end)
        log->synced_end =
            log->recovery_point_stored > log->log_start ? log->recovery_point_stored : log->log_start;
    log->recovery_point = log->synced_end;
    for (uint32_t i = 0; i < log->segments_count; i++) {
        struct isr_segment *segment = &log->segments[i];
        segment->written_end = segment->synced_end = segment->end_offset;
        if (log->synced_end < segment->end_offset)
            segment->synced_end =
                log->synced_end > segment->base_offset ? log->synced_end : segment->base_offset;
    }
    if (log->recovery_point_stored > log->log_end)
        store->recovery->repair_recovery_points = true;
}

/* Is the log not what it was up to where it was durable? */
static bool log_is_damaged(const struct isr_log_recovery *recovery, const struct isr_log *log,
                           const struct recovery_log *scan)
{
    return log->recovery_point_stored > log->log_end ||
           (recovery->clean && (scan->torn_bytes > 0 || log->recovery_point_stored != log->log_end));
}

/* Writes the batches of a segment from offset on once more, where they are: pages that a failed sync left
 * marked clean are dirty again, and the next sync covers them. */
static void segment_rewrite(struct isr_log *log, const struct isr_segment *segment, int64_t offset)
{
    if (log->env->rules.recovered_pages == ISR_RULE_recovered_pages_trusted || offset >= segment->end_offset)
        return;
    struct isr_file file = isr_log_file(log, ISR_FILE_SEGMENT, segment->base_offset);
    for (uint32_t i = isr_log_place_find(log, offset); i < log->places_count;) {
        const struct isr_batch_place *place = &log->places[i];
        struct isr_bytes run = {.data = place->data, .size = place->size_bytes};
        if (place->base_offset >= segment->end_offset)
            return;
        for (i++; i < log->places_count && log->places[i].data == run.data + run.size &&
                  log->places[i].base_offset < segment->end_offset;
             i++)
            run.size += log->places[i].size_bytes;
        isr_log_store_operation_begin(log->store);
        isr_env_write(log->env, file, place->position - segment->position, run, isr_log_operation_done, log,
                      0);
    }
}

/* After a kill the page cache shows the files as the dead process left them, and part of that may never have
 * reached the disk: batches above the recovery point, and a truncation of the last segment, which a later
 * loss of power would undo under whatever was appended since. */
static void sync_recovered(const struct isr_log_recovery *recovery, struct isr_log *log)
{
    for (uint32_t i = 0; i < log->segments_count && !recovery->clean; i++) {
        const struct isr_segment *segment = &log->segments[i];
        int64_t from = segment->synced_end > log->log_start ? segment->synced_end : log->log_start;
        segment_rewrite(log, segment, from);
        if (segment->synced_end < segment->end_offset || i + 1 == log->segments_count)
            isr_log_sync_segment(log, segment);
    }
}

static const struct recovery_file *file_of(const struct isr_log_recovery *recovery, const struct isr_log *log,
                                           enum isr_file_kind kind)
{
    for (uint32_t i = 0; i < recovery->files_count; i++) {
        if (recovery->files[i].file.kind == kind && isr_tp_equal(recovery->files[i].file.tp, log->tp))
            return &recovery->files[i];
    }
    return NULL;
}

static bool epochs_equal(const struct isr_epoch_cache *cache, const struct isr_epochs_file *file)
{
    if (cache->count != file->lines_count)
        return false;
    for (uint32_t i = 0; i < cache->count; i++) {
        if (cache->entries[i].epoch != file->lines[i].epoch ||
            cache->entries[i].start_offset != file->lines[i].start_offset)
            return false;
    }
    return true;
}

/* The batches tell the epochs. The checkpoint adds only what they cannot: an epoch that began at log_end and
 * has no records yet. */
static void epochs_settle(struct isr_log_recovery *recovery, struct isr_log *log)
{
    const struct recovery_file *found = file_of(recovery, log, ISR_FILE_EPOCHS);
    struct isr_epochs_file file = {0};
    bool sound =
        found != NULL &&
        file_is_sound(recovery, isr_checkpoint_parse_epochs_file(found->bytes, &log->env->scratch, &file));
    if (!sound)
        file = (struct isr_epochs_file){.epoch_before = ISR_EPOCH_NONE};
    log->epoch_before = file.epoch_before;
    for (uint32_t i = 0; i < file.lines_count; i++) {
        if (file.lines[i].start_offset == log->log_end)
            isr_epoch_cache_assign(&log->epochs, log->env->heap, file.lines[i].epoch, log->log_end);
    }
    isr_log_keep_epoch_before(log);
    if (epochs_equal(&log->epochs, &file) && file.log_start == log->log_start && (found == NULL || sound))
        return;
    recovery->damaged = recovery->damaged || (recovery->clean && found == NULL && log->epochs.count > 0);
    isr_log_store_epochs(log, false);
}

/* Places a snapshot's number into the rising list; the list has room for one more than is kept. */
static void snapshot_note(struct isr_log_store *store, struct isr_log *log, int64_t number)
{
    log->snapshots[log->snapshots_count++] = number;
    if (log->snapshots_count <= ISR_LOG_SNAPSHOTS_KEPT)
        return;
    file_delete(store, log, isr_log_file(log, ISR_FILE_PRODUCERS, log->snapshots[0]));
    log->snapshots_count--;
    memmove(&log->snapshots[0], &log->snapshots[1], log->snapshots_count * sizeof log->snapshots[0]);
}

/* One snapshot of the log; they come in rising order. At or below the first batch that is kept it tells what
 * deleted ones told, the newest one best; behind it, it spares a walk over the batches below. Those above
 * log_end would be taken for the truth about what is yet to be appended there. True when it is the newest so
 * far for log_end. */
static bool snapshot_settle(struct isr_log_store *store, struct isr_log *log,
                            const struct recovery_file *found, struct isr_producers *loaded)
{
    int64_t number = found->file.number, as_of = 0;
    if (number > log->log_end ||
        !file_is_sound(store->recovery,
                       isr_producers_decode(log, loaded, found->bytes, &as_of) && as_of == number)) {
        file_delete(store, log, found->file);
        return false;
    }
    if (number > isr_log_first_base(log)) {
        isr_producers_copy(log->env->heap, &log->producers, loaded);
        snapshot_note(store, log, number);
        return true;
    }
    if (log->snapshot_before != ISR_OFFSET_NONE)
        file_delete(store, log, isr_log_file(log, ISR_FILE_PRODUCERS, log->snapshot_before));
    isr_producers_copy(log->env->heap, &log->producers_before, loaded);
    log->snapshot_before = number;
    return false;
}

/* The producers as of log_end: from the newest sound snapshot, and the batches behind it. */
static void producers_settle(struct isr_log_store *store, struct isr_log *log)
{
    const struct isr_log_recovery *recovery = store->recovery;
    struct isr_heap *heap = log->env->heap;
    struct isr_producers loaded = {0};
    int64_t replay_from = ISR_OFFSET_NONE;
    for (uint32_t i = 0; i < recovery->files_count; i++) {
        const struct recovery_file *found = &recovery->files[i];
        if (found->file.kind == ISR_FILE_PRODUCERS && isr_tp_equal(found->file.tp, log->tp) &&
            snapshot_settle(store, log, found, &loaded))
            replay_from = found->file.number;
    }
    isr_heap_release(heap, loaded.entries);
    log->producers_missing = log->log_start > 0 && log->snapshot_before == ISR_OFFSET_NONE;
    if (replay_from == ISR_OFFSET_NONE)
        isr_producers_copy(heap, &log->producers, &log->producers_before);
    for (uint32_t i = 0; i < log->places_count; i++) {
        if (log->places[i].base_offset >= replay_from)
            isr_producers_note(heap, &log->producers, &log->places[i]);
    }
}

static void high_watermark_settle(struct isr_log *log)
{
    int64_t found = log->high_watermark;
    if (found < log->log_start)
        log->high_watermark = log->log_start;
    if (found > log->log_end)
        log->high_watermark = log->log_end;
    if (found != log->high_watermark)
        isr_log_store_high_watermark_moved(log->store);
}

static void clean_end_settle(struct isr_log_store *store, struct isr_log *log)
{
    const struct recovery_file *found = file_of(store->recovery, log, ISR_FILE_CLEANED);
    struct isr_cleaned_file file;
    if (found == NULL)
        return;
    if (file_is_sound(store->recovery,
                      isr_checkpoint_parse_cleaned_file(found->bytes, &store->env->scratch, &file)))
        isr_log_cleaning_recover(log, &file);
    else
        file_delete(store, log, found->file);
}

static void log_finish(struct isr_log_store *store, uint32_t place)
{
    struct isr_log *log = store->logs[place];
    const struct recovery_log *scan = &store->recovery->logs[place];
    segments_settle(store, log, scan);
    bool damaged = log_is_damaged(store->recovery, log, scan);
    store->recovery->damaged = store->recovery->damaged || damaged;
    sync_recovered(store->recovery, log);
    epochs_settle(store->recovery, log);
    producers_settle(store, log);
    clean_end_settle(store, log);
    high_watermark_settle(log);
    struct isr_observation *observation = isr_observe(log->env, ISR_OBSERVED_LOG_RECOVERED);
    observation->log_recovered.tp = isr_tp_key(log->tp);
    observation->log_recovered.log_start = log->log_start;
    observation->log_recovered.log_end = log->log_end;
    observation->log_recovered.high_watermark = log->high_watermark;
    observation->log_recovered.clean = store->recovery->clean;
    observation->log_recovered.torn_bytes = scan->torn_bytes;
    observation->log_recovered.damaged = damaged;
}

/* ---- the end ---- */

static void on_marker_gone(void *object, int64_t argument, const struct isr_io_result *result)
{
    (void)argument;
    struct isr_log_store *store = object;
    if (!isr_log_io_failed(store, NULL, result))
        isr_log_store_operation_end(store);
}

static void marker_remove(struct isr_log_store *store)
{
    if (!store->recovery->marker)
        return;
    store->recovery->repair_recovery_points = true;
    isr_log_store_operation_begin(store);
    isr_env_delete(store->env, (struct isr_file){.kind = ISR_FILE_CLEAN_SHUTDOWN}, on_marker_gone, store, 0);
}

static void finish(struct isr_log_store *store)
{
    struct isr_heap *heap = store->env->heap;
    struct isr_log_recovery *recovery = store->recovery;
    if (recovery->damaged)
        store->env->metrics.damaged_starts++;
    if (recovery->damaged && store->env->rules.damage_voids_marker == ISR_RULE_damage_voids_marker_on)
        store->clean_shutdown_epoch = -1;
    for (uint32_t i = 0; i < recovery->files_count; i++)
        isr_heap_release(heap, (void *)(uintptr_t)recovery->files[i].bytes.data);
    isr_heap_release(heap, recovery->files);
    isr_heap_release(heap, recovery->logs);
    isr_heap_release(heap, recovery);
    store->recovery = NULL;
    store->ready = true;
    isr_log_scrub_begin(store);
    store->on_ready(store->object);
    isr_log_store_close_advance(store);
}

/* Completions come in later steps, so a phase asks for all of its operations before any of them ends. */
static void phase_enter(struct isr_log_store *store, enum recovery_phase phase)
{
    store->recovery->phase = phase;
    switch (phase) {
    case RECOVERY_LISTING:
    case RECOVERY_READING_CHECKPOINTS:
        break;
    case RECOVERY_SCANNING:
        logs_set_up(store);
        for (uint32_t i = 0; i < store->logs_count; i++)
            scan_begin(store, i);
        break;
    case RECOVERY_REMOVING_MARKER:
        marker_remove(store);
        break;
    case RECOVERY_REPAIRING:
        if (store->recovery->repair_recovery_points)
            isr_log_store_recovery_points(store);
        break;
    }
}

void isr_log_recovery_advance(struct isr_log_store *store)
{
    while (store->operations_pending == 0) {
        if (store->recovery->phase == RECOVERY_REPAIRING) {
            finish(store);
            return;
        }
        phase_enter(store, (enum recovery_phase)(store->recovery->phase + 1));
    }
}
