/* The files of one log: which bytes were asked to be written, which are written, which are synced.
 *
 * Completions carry the end offset of what they cover. A segment takes note of it when the offset lies in it;
 * otherwise the batch was cut meanwhile and the completion is void. That suffices: operations on one file
 * complete in the order asked, and after a truncation nothing new is asked for before the barrier lifts
 * (log.h), so that no end offset is ever asked for twice while the first is under way. */
#include "core/log/checkpoint.h"
#include "core/base/search.h"
#include "core/base/yield.h"
#include "core/log/internal.h"

struct isr_file isr_log_file(const struct isr_log *log, enum isr_file_kind kind, int64_t number)
{
    return (struct isr_file){.kind = kind, .tp = log->tp, .number = number};
}

bool isr_log_io_failed(struct isr_log_store *store, struct isr_log *log, const struct isr_io_result *result)
{
    if (store->env->exiting)
        return true;
    if (result->status == ISR_IO_OK)
        return false;
    if (log != NULL)
        log->failed = true;
    isr_env_exit(store->env, false, (int64_t)result->status);
    return true;
}

/* ---- ends ---- */

int64_t isr_log_held_end(const struct isr_log *log)
{
    return log->env->config.log_flush_messages > 0 ? log->synced_end : log->written_end;
}

static int64_t segment_base_at(const void *array, uint32_t place)
{
    return ((const struct isr_segment *)array)[place].base_offset;
}

/* The last segment that begins below offset; NULL when there is none. */
static struct isr_segment *segment_below(struct isr_log *log, int64_t offset)
{
    uint32_t high = log->segments_count;
    if (high > 0 && log->segments[high - 1].base_offset < offset)
        return &log->segments[high - 1];
    uint32_t place = isr_search(log->segments, 0, high, offset, segment_base_at);
    return place > 0 ? &log->segments[place - 1] : NULL;
}

/* Moves an end forward over all segments that are done whole. */
static int64_t end_reached(struct isr_log *log, int64_t end, bool synced)
{
    struct isr_segment *segment = segment_below(log, end + 1);
    if (segment == NULL)
        return end;
    const struct isr_segment *last = &log->segments[log->segments_count - 1];
    for (;; segment++) {
        int64_t reached = synced ? segment->synced_end : segment->written_end;
        if (reached > end)
            end = reached;
        if (reached < segment->end_offset || segment == last)
            return end;
    }
}

static void tell_held(struct isr_log *log, int64_t before)
{
    if (isr_log_held_end(log) > before && log->held != NULL)
        log->held(log->held_object);
}

static void ends_move(struct isr_log *log)
{
    int64_t held = isr_log_held_end(log);
    log->written_end = end_reached(log, log->written_end, false);
    int64_t synced = end_reached(log, log->synced_end, true);
    if (synced > log->synced_end) {
        log->synced_end = log->recovery_point = synced;
        isr_log_store_recovery_point_moved(log->store);
    }
    isr_log_flush_consider(log);
    tell_held(log, held);
}

static void raise(int64_t *end, int64_t offset)
{
    if (*end < offset)
        *end = offset;
}

void isr_log_ends_raise(struct isr_log *log, int64_t offset)
{
    int64_t held = isr_log_held_end(log);
    raise(&log->written_end, offset);
    raise(&log->synced_end, offset);
    log->recovery_point = log->synced_end;
    tell_held(log, held);
}

static void on_written(void *object, int64_t end, const struct isr_io_result *result)
{
    struct isr_log *log = object;
    if (isr_log_io_failed(log->store, log, result))
        return;
    struct isr_segment *segment = segment_below(log, end);
    if (segment == NULL || end > segment->end_offset)
        return;
    if (end > segment->written_end)
        segment->written_end = end;
    ends_move(log);
}

static void synced(struct isr_log *log, int64_t end)
{
    struct isr_segment *segment = segment_below(log, end);
    if (segment == NULL || end > segment->end_offset)
        return;
    if (end > segment->written_end)
        segment->written_end = end;
    if (end > segment->synced_end)
        segment->synced_end = end;
    ends_move(log);
}

/* ---- syncs ---- */

static void on_synced_by_policy(void *object, int64_t end, const struct isr_io_result *result)
{
    struct isr_log *log = object;
    if (isr_log_io_failed(log->store, log, result))
        return;
    log->sync_under_way = false;
    synced(log, end);
    isr_log_flush_consider(log);
    isr_log_store_operation_end(log->store);
}

static void on_synced(void *object, int64_t end, const struct isr_io_result *result)
{
    struct isr_log *log = object;
    if (isr_log_io_failed(log->store, log, result))
        return;
    synced(log, end);
    isr_log_store_operation_end(log->store);
}

void isr_log_sync_segment(struct isr_log *log, const struct isr_segment *segment)
{
    isr_log_store_operation_begin(log->store);
    isr_env_sync(log->env, isr_log_file(log, ISR_FILE_SEGMENT, segment->base_offset), on_synced, log,
                 segment->end_offset);
}

/* The last segment when it has something to sync and no sync is under way. Earlier ones have theirs from the
 * roll. */
static const struct isr_segment *segment_to_flush(const struct isr_log *log)
{
    if (log->segments_count == 0 || log->sync_under_way || log->barrier_pending > 0 || !log->store->ready)
        return NULL;
    const struct isr_segment *last = &log->segments[log->segments_count - 1];
    return last->synced_end < last->end_offset ? last : NULL;
}

static void flush(struct isr_log *log, const struct isr_segment *segment)
{
    log->sync_under_way = true;
    isr_log_store_operation_begin(log->store);
    isr_env_sync(log->env, isr_log_file(log, ISR_FILE_SEGMENT, segment->base_offset), on_synced_by_policy,
                 log, segment->end_offset);
}

void isr_log_flush_consider(struct isr_log *log)
{
    int64_t messages = log->env->config.log_flush_messages;
    const struct isr_segment *segment = messages > 0 ? segment_to_flush(log) : NULL;
    if (segment == NULL)
        return;
    if (log->issued_end - log->synced_end >= messages || segment->written_end == segment->end_offset)
        flush(log, segment);
}

/* The timer of log_flush_interval, set by the first write after it fired. */
static void on_flush_timer(void *object)
{
    struct isr_log *log = object;
    const struct isr_segment *segment = segment_to_flush(log);
    if (segment != NULL)
        flush(log, segment);
    else if (log->synced_end < log->log_end)
        isr_env_timer_in(log->env, &log->flush_timer, log->env->config.log_flush_interval);
}

static void flush_timer_arm(struct isr_log *log)
{
    if (log->env->config.log_flush_interval == 0 || isr_timer_is_set(&log->flush_timer))
        return;
    if (log->flush_timer.fire == NULL)
        isr_timer_init(&log->flush_timer, on_flush_timer, log);
    isr_env_timer_in(log->env, &log->flush_timer, log->env->config.log_flush_interval);
}

/* ---- writes ---- */

static struct isr_segment *roll(struct isr_log *log, const struct isr_batch_place *place)
{
    if (log->segments_count > 0) {
        const struct isr_segment *closed = &log->segments[log->segments_count - 1];
        if (closed->synced_end < closed->end_offset)
            isr_log_sync_segment(log, closed);
        isr_producers_snapshot(log);
    }
    log->segments = ISR_GROW(log->env->heap, log->segments, log->segments_count, log->segments_capacity);
    struct isr_segment *segment = &log->segments[log->segments_count++];
    *segment = (struct isr_segment){.base_offset = place->base_offset,
                                    .position = place->position,
                                    .end_offset = place->base_offset,
                                    .timestamp_max_ns = INT64_MIN,
                                    .timestamp_first_ns = INT64_MIN,
                                    .written_end = place->base_offset,
                                    .synced_end = place->base_offset};
    return segment;
}

static void go_on_rolling(void *object)
{
    struct isr_log *log = object;
    log->roll_due = true;
}

/* By the records' own times, which the leader gave them: all replicas roll alike, whenever they get them
 * (Kafka: LogSegment.shouldRoll). A wall clock that was set back closes nothing. */
static bool is_old(const struct isr_log *log, const struct isr_segment *segment,
                   const struct isr_batch_place *place)
{
    if (log->segment_time_ns == 0)
        return false;
    int64_t timestamp_ns = isr_batch_timestamp(place->data);
    return timestamp_ns > segment->timestamp_first_ns &&
           (uint64_t)timestamp_ns - (uint64_t)segment->timestamp_first_ns >= (uint64_t)log->segment_time_ns;
}

/* Is the batch to open another segment, when this one has so many bytes? */
static bool is_due(const struct isr_log *log, const struct isr_segment *segment, int64_t size_bytes,
                   const struct isr_batch_place *place)
{
    return size_bytes > 0 && (size_bytes + place->size_bytes > log->env->config.log_segment_bytes ||
                              is_old(log, segment, place));
}

/* The yield point segment_roll: appends go on to the full segment, or to whichever a truncation leaves.
 * Afterwards the next append that finds the same one full opens another. */
static bool roll_is_put_off(struct isr_log *log, const struct isr_segment *full)
{
    if (!isr_yields(log->env, ISR_YIELD_SEGMENT_ROLL))
        return false;
    if (isr_timer_is_set(&log->roll_yield))
        return true;
    if (log->roll_due && log->roll_base == full->base_offset)
        return false;
    log->roll_due = false;
    log->roll_base = full->base_offset;
    isr_yield(log->env, ISR_YIELD_SEGMENT_ROLL, &log->roll_yield, go_on_rolling, log);
    return true;
}

static struct isr_segment *segment_for(struct isr_log *log, const struct isr_batch_place *place)
{
    if (log->segments_count == 0)
        return roll(log, place);
    struct isr_segment *last = &log->segments[log->segments_count - 1];
    bool due = is_due(log, last, last->size_bytes, place);
    return due && !roll_is_put_off(log, last) ? roll(log, place) : last;
}

/* One write for the batches from places[first] on that lie together in memory and in one segment; returns the
 * next. */
static uint32_t issue_run(struct isr_log *log, uint32_t first)
{
    const struct isr_batch_place *place = &log->places[first];
    struct isr_segment *segment = segment_for(log, place);
    struct isr_bytes bytes = {.data = place->data, .size = place->size_bytes};
    isr_segment_note_timestamp(segment, isr_batch_timestamp(place->data));
    uint32_t next = first + 1;
    for (; next < log->places_count; next++) {
        const struct isr_batch_place *after = &log->places[next];
        if (after->data != bytes.data + bytes.size ||
            is_due(log, segment, segment->size_bytes + bytes.size, after))
            break;
        isr_segment_note_timestamp(segment, isr_batch_timestamp(after->data));
        bytes.size += after->size_bytes;
    }
    int64_t position = segment->size_bytes;
    segment->size_bytes += bytes.size;
    segment->end_offset = place_end(&log->places[next - 1]);
    isr_env_write(log->env, isr_log_file(log, ISR_FILE_SEGMENT, segment->base_offset), position, bytes,
                  on_written, log, segment->end_offset);
    return next;
}

void isr_log_issue(struct isr_log *log)
{
    if (log->barrier_pending > 0 || log->issued_end == log->log_end)
        return;
    uint32_t next = isr_log_place_find(log, log->issued_end);
    while (next < log->places_count)
        next = issue_run(log, next);
    log->issued_end = log->log_end;
    flush_timer_arm(log);
    isr_log_flush_consider(log);
}

/* ---- truncation: the barrier ---- */

void isr_log_barrier_add(struct isr_log *log)
{
    log->barrier_pending++;
    isr_log_store_operation_begin(log->store);
}

void isr_log_barrier_step(struct isr_log *log)
{
    ISR_ASSERT(log->barrier_pending > 0);
    if (--log->barrier_pending > 0)
        return;
    if (log->removed) {
        isr_log_removal_step(log);
        return;
    }
    if (log->barrier_names) {
        log->barrier_names = false;
        isr_log_barrier_recovery_point(log, true);
        return;
    }
    isr_log_issue(log);
    isr_log_flush_consider(log);
    if (log->settled != NULL)
        log->settled(log->held_object);
}

void isr_log_barrier_done(void *object, int64_t argument, const struct isr_io_result *result)
{
    struct isr_log *log = object;
    if (isr_log_io_failed(log->store, log, result))
        return;
    if (argument != ISR_OFFSET_NONE)
        synced(log, argument);
    isr_log_barrier_step(log);
    isr_log_store_operation_end(log->store);
}

void isr_log_operation_done(void *object, int64_t argument, const struct isr_io_result *result)
{
    (void)argument;
    struct isr_log *log = object;
    if (!isr_log_io_failed(log->store, log, result))
        isr_log_store_operation_end(log->store);
}

static void cut_segment(struct isr_log *log, struct isr_segment *segment, int64_t offset, int64_t position)
{
    struct isr_file file = isr_log_file(log, ISR_FILE_SEGMENT, segment->base_offset);
    segment->end_offset = offset;
    segment->size_bytes = position - segment->position;
    if (segment->written_end > offset)
        segment->written_end = offset;
    if (segment->synced_end > offset)
        segment->synced_end = offset;
    isr_log_barrier_add(log);
    isr_env_truncate(log->env, file, segment->size_bytes, isr_log_barrier_done, log, ISR_OFFSET_NONE);
    isr_log_barrier_add(log);
    isr_env_sync(log->env, file, isr_log_barrier_done, log, offset);
}

static void lower(int64_t *end, int64_t offset)
{
    if (*end > offset)
        *end = offset;
}

void isr_log_cut_files(struct isr_log *log, int64_t offset, int64_t position)
{
    isr_log_scrub_void(log);
    while (log->segments_count > 0 && log->segments[log->segments_count - 1].base_offset >= offset) {
        struct isr_segment *segment = &log->segments[--log->segments_count];
        isr_log_barrier_add(log);
        log->barrier_names = true;
        isr_env_delete(log->env, isr_log_file(log, ISR_FILE_SEGMENT, segment->base_offset),
                       isr_log_barrier_done, log, ISR_OFFSET_NONE);
    }
    if (log->segments_count > 0 && log->segments[log->segments_count - 1].end_offset > offset)
        cut_segment(log, &log->segments[log->segments_count - 1], offset, position);
    lower(&log->issued_end, offset);
    lower(&log->written_end, offset);
    lower(&log->synced_end, offset);
    lower(&log->recovery_point, offset);
}

void isr_log_barrier_recovery_point(struct isr_log *log, bool always)
{
    struct isr_log_store *store = log->store;
    if (!always && log->recovery_point_stored <= log->recovery_point &&
        log->recovery_point_storing <= log->recovery_point)
        return;
    if (log->barrier_checkpoint == 0)
        log->barrier_pending++;
    /* The one under way was encoded before: the next one counts. */
    log->barrier_checkpoint = store->recovery_points_round + 1;
    isr_log_store_recovery_points(store);
}

void isr_log_barrier_high_watermark(struct isr_log *log, bool always)
{
    struct isr_log_store *store = log->store;
    if (!always && log->high_watermark_stored <= log->log_end && log->high_watermark_storing <= log->log_end)
        return;
    if (log->barrier_high_watermarks == 0)
        log->barrier_pending++;
    log->barrier_high_watermarks = store->high_watermarks_round + 1;
    isr_log_store_high_watermarks(store);
}

/* ---- the epoch checkpoint ---- */

void isr_log_replace_epochs(struct isr_log *log, isr_io_done *done, int64_t argument)
{
    struct isr_scratch *scratch = &log->env->scratch;
    struct isr_epochs_file file = {
        .log_start = log->start_told, .epoch_before = log->epoch_before, .lines_count = log->epochs.count};
    file.lines = isr_scratch_allocate(scratch, log->epochs.count * sizeof *file.lines);
    for (uint32_t i = 0; i < log->epochs.count; i++)
        file.lines[i] = (struct isr_epochs_line){.epoch = log->epochs.entries[i].epoch,
                                                 .start_offset = log->epochs.entries[i].start_offset};
    isr_env_replace(log->env, isr_log_file(log, ISR_FILE_EPOCHS, 0),
                    isr_checkpoint_encode_epochs_file(scratch, &file), done, log, argument);
}

void isr_log_store_epochs(struct isr_log *log, bool in_barrier)
{
    if (in_barrier)
        isr_log_barrier_add(log);
    else
        isr_log_store_operation_begin(log->store);
    isr_log_replace_epochs(log, in_barrier ? isr_log_barrier_done : isr_log_operation_done, ISR_OFFSET_NONE);
}
