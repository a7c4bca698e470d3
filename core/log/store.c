/* All logs of a node, the checkpoints they share, and the clean stop.
 *
 *   STARTING --recovery done--> READY --isr_log_store_close--> CLOSING --marker durable--> closed
 *
 * CLOSING runs in rounds: whenever no operation is under way, everything that is not yet durable is asked for
 * again; a round that finds nothing to ask for writes the marker. Hence the marker never claims more than is
 * there, whatever was appended meanwhile.
 *
 * Invariant: at most one replacement of each shared checkpoint is under way. */
#include "core/base/search.h"
#include "core/base/yield.h"
#include "core/log/checkpoint.h"
#include "core/log/internal.h"

static int64_t log_key_at(const void *array, uint32_t place)
{
    return isr_tp_key(((struct isr_log *const *)array)[place]->tp);
}

uint32_t isr_log_store_place(const struct isr_log_store *store, struct isr_tp tp)
{
    return isr_search(store->logs, 0, store->logs_count, isr_tp_key(tp), log_key_at);
}

struct isr_log *isr_log_store_find(struct isr_log_store *store, struct isr_tp tp)
{
    uint32_t place = isr_log_store_place(store, tp);
    if (place == store->logs_count || !isr_tp_equal(store->logs[place]->tp, tp))
        return NULL;
    return store->logs[place];
}

struct isr_log *isr_log_store_add(struct isr_log_store *store, struct isr_tp tp)
{
    struct isr_log *log = isr_log_store_find(store, tp);
    if (log != NULL)
        return log;
    log = isr_heap_allocate(store->env->heap, sizeof *log);
    *log = (struct isr_log){.env = store->env,
                            .store = store,
                            .tp = tp,
                            .epoch_before = ISR_EPOCH_NONE,
                            .clean_end_stored = ISR_OFFSET_NONE,
                            .horizon_next = ISR_TIME_NEVER,
                            .tombstone_held = INT64_MAX,
                            .snapshot_before = ISR_OFFSET_NONE,
                            .snapshot_storing = ISR_OFFSET_NONE,
                            .snapshot_going = ISR_OFFSET_NONE};
    store->logs = ISR_GROW(store->env->heap, store->logs, store->logs_count, store->logs_capacity);
    uint32_t place = isr_log_store_place(store, tp);
    memmove(&store->logs[place + 1], &store->logs[place], (store->logs_count - place) * sizeof *store->logs);
    store->logs[place] = log;
    store->logs_count++;
    return log;
}

struct isr_log *isr_log_store_open(struct isr_log_store *store, struct isr_tp tp)
{
    ISR_ASSERT(store->ready);
    struct isr_log *log = isr_log_store_find(store, tp);
    if (log == NULL) {
        log = isr_log_store_add(store, tp);
        isr_log_await_removal(log);
    }
    return log;
}

/* ---- operations under way ---- */

void isr_log_store_operation_begin(struct isr_log_store *store)
{
    store->operations_pending++;
}

void isr_log_store_operation_end(struct isr_log_store *store)
{
    ISR_ASSERT(store->operations_pending > 0);
    if (--store->operations_pending > 0)
        return;
    if (store->recovery != NULL)
        isr_log_recovery_advance(store);
    else
        isr_log_store_close_advance(store);
}

/* ---- checkpoints ---- */

static void timer_arm(struct isr_log_store *store)
{
    if (!isr_timer_is_set(&store->checkpoint_timer))
        isr_env_timer_in(store->env, &store->checkpoint_timer, store->env->config.hw_checkpoint_interval);
}

/* What a log waits for in this round of a checkpoint has come. */
static void wait_end(struct isr_log *log, uint32_t *awaited, int64_t round)
{
    if (*awaited == 0 || *awaited > round)
        return;
    *awaited = 0;
    isr_log_barrier_step(log);
}

/* Lifts what waited for this round of the high watermarks; a barrier may ask for the next at once. Removed
 * logs leave their list when nothing holds them there any more. */
static void high_watermarks_step(struct isr_log_store *store, int64_t round)
{
    bool awaited = false;
    for (uint32_t i = 0; i < store->logs_count; i++) {
        awaited = awaited || store->logs[i]->barrier_high_watermarks > round;
        wait_end(store->logs[i], &store->logs[i]->barrier_high_watermarks, round);
    }
    for (uint32_t i = 0; i < store->removed_count;) {
        struct isr_log *log = store->removed[i];
        awaited = awaited || log->barrier_high_watermarks > round;
        wait_end(log, &log->barrier_high_watermarks, round);
        i += i < store->removed_count && store->removed[i] == log;
    }
    if (awaited && !store->high_watermarks_under_way)
        isr_log_store_high_watermarks(store);
}

static void recovery_points_step(struct isr_log_store *store, int64_t round)
{
    bool awaited = false;
    for (uint32_t i = 0; i < store->logs_count; i++) {
        struct isr_log *log = store->logs[i];
        awaited = awaited || log->barrier_checkpoint > round || log->start_checkpoint > round;
        wait_end(log, &log->barrier_checkpoint, round);
        if (log->start_checkpoint != 0 && log->start_checkpoint <= round)
            isr_log_start_checkpointed(log);
    }
    for (uint32_t i = 0; i < store->removed_count;) {
        struct isr_log *log = store->removed[i];
        awaited = awaited || log->barrier_checkpoint > round;
        wait_end(log, &log->barrier_checkpoint, round);
        i += i < store->removed_count && store->removed[i] == log;
    }
    if (awaited && !store->recovery_points_under_way)
        isr_log_store_recovery_points(store);
}

static void on_high_watermarks(void *object, int64_t round, const struct isr_io_result *result)
{
    struct isr_log_store *store = object;
    if (isr_log_io_failed(store, NULL, result))
        return;
    store->high_watermarks_under_way = false;
    for (uint32_t i = 0; i < store->logs_count; i++)
        store->logs[i]->high_watermark_stored = store->logs[i]->high_watermark_storing;
    high_watermarks_step(store, round);
    isr_log_store_operation_end(store);
}

static void keep(struct isr_log_store *store, struct isr_log_checkpoint *kept, struct isr_bytes bytes)
{
    kept->data = isr_heap_allocate(store->env->heap, bytes.size);
    kept->size = bytes.size;
    memcpy(kept->data, bytes.data, bytes.size);
}

/* In scratch, as the disk borrows it. */
static struct isr_bytes take(struct isr_log_store *store, struct isr_log_checkpoint *kept)
{
    uint8_t *data = isr_scratch_allocate(&store->env->scratch, kept->size);
    memcpy(data, kept->data, kept->size);
    isr_heap_release(store->env->heap, kept->data);
    kept->data = NULL;
    return (struct isr_bytes){.data = data, .size = kept->size};
}

static void high_watermarks_replace(struct isr_log_store *store, struct isr_bytes bytes)
{
    isr_env_replace(store->env, (struct isr_file){.kind = ISR_FILE_HIGH_WATERMARKS}, bytes,
                    on_high_watermarks, store, store->high_watermarks_round);
}

/* A log that was cut since waits for the next round before anything new is written to it (log.h). */
static void go_on_storing_high_watermarks(void *object)
{
    struct isr_log_store *store = object;
    high_watermarks_replace(store, take(store, &store->high_watermarks_kept));
}

void isr_log_store_high_watermarks(struct isr_log_store *store)
{
    store->high_watermarks_dirty = true;
    if (store->high_watermarks_under_way)
        return;
    struct isr_scratch *scratch = &store->env->scratch;
    struct isr_high_watermarks_file file = {.lines_count = store->logs_count};
    file.lines = isr_scratch_allocate(scratch, store->logs_count * sizeof *file.lines);
    for (uint32_t i = 0; i < store->logs_count; i++) {
        struct isr_log *log = store->logs[i];
        log->high_watermark_storing = log->high_watermark;
        file.lines[i] =
            (struct isr_high_watermarks_line){.tp = log->tp, .high_watermark = log->high_watermark};
    }
    store->high_watermarks_dirty = false;
    store->high_watermarks_under_way = true;
    store->high_watermarks_round++;
    isr_log_store_operation_begin(store);
    struct isr_bytes bytes = isr_checkpoint_encode_high_watermarks_file(scratch, &file);
    if (!isr_yields(store->env, ISR_YIELD_HW_CHECKPOINT)) {
        high_watermarks_replace(store, bytes);
        return;
    }
    keep(store, &store->high_watermarks_kept, bytes);
    isr_yield(store->env, ISR_YIELD_HW_CHECKPOINT, &store->high_watermarks_kept.yield,
              go_on_storing_high_watermarks, store);
}

static void on_recovery_points(void *object, int64_t round, const struct isr_io_result *result)
{
    struct isr_log_store *store = object;
    if (isr_log_io_failed(store, NULL, result))
        return;
    store->recovery_points_under_way = false;
    store->recovery_points_crc = store->recovery_points_crc_storing;
    for (uint32_t i = 0; i < store->logs_count; i++)
        store->logs[i]->recovery_point_stored = store->logs[i]->recovery_point_storing;
    recovery_points_step(store, round);
    isr_log_store_operation_end(store);
}

static void recovery_points_replace(struct isr_log_store *store, struct isr_bytes bytes)
{
    isr_env_replace(store->env, (struct isr_file){.kind = ISR_FILE_RECOVERY_POINTS}, bytes,
                    on_recovery_points, store, store->recovery_points_round);
}

/* A log that was cut since waits for the next round before anything new is written to it (log.h). */
static void go_on_storing_recovery_points(void *object)
{
    struct isr_log_store *store = object;
    recovery_points_replace(store, take(store, &store->recovery_points_kept));
}

void isr_log_store_recovery_points(struct isr_log_store *store)
{
    store->recovery_points_dirty = true;
    if (store->recovery_points_under_way)
        return;
    struct isr_scratch *scratch = &store->env->scratch;
    struct isr_recovery_points_file file = {.lines_count = store->logs_count};
    file.lines = isr_scratch_allocate(scratch, store->logs_count * sizeof *file.lines);
    for (uint32_t i = 0; i < store->logs_count; i++) {
        struct isr_log *log = store->logs[i];
        log->recovery_point_storing = isr_log_recovery_point_told(log);
        file.lines[i] = (struct isr_recovery_points_line){
            .tp = log->tp, .log_start = log->start_told, .recovery_point = log->recovery_point_storing};
    }
    store->recovery_points_dirty = false;
    store->recovery_points_under_way = true;
    store->recovery_points_round++;
    isr_log_store_operation_begin(store);
    struct isr_bytes bytes = isr_checkpoint_encode_recovery_points_file(scratch, &file);
    store->recovery_points_crc_storing = isr_checkpoint_crc(bytes);
    if (!isr_yields(store->env, ISR_YIELD_RECOVERY_CHECKPOINT)) {
        recovery_points_replace(store, bytes);
        return;
    }
    keep(store, &store->recovery_points_kept, bytes);
    isr_yield(store->env, ISR_YIELD_RECOVERY_CHECKPOINT, &store->recovery_points_kept.yield,
              go_on_storing_recovery_points, store);
}

/* What is under way still is tried again at the next beat. */
static void on_checkpoint_timer(void *object)
{
    struct isr_log_store *store = object;
    if (store->high_watermarks_dirty && !store->high_watermarks_under_way)
        isr_log_store_high_watermarks(store);
    if (store->recovery_points_dirty && !store->recovery_points_under_way)
        isr_log_store_recovery_points(store);
    if (store->high_watermarks_dirty || store->recovery_points_dirty)
        timer_arm(store);
}

void isr_log_store_high_watermark_moved(struct isr_log_store *store)
{
    if (store->high_watermarks_dirty)
        return;
    store->high_watermarks_dirty = true;
    timer_arm(store);
}

void isr_log_store_recovery_point_moved(struct isr_log_store *store)
{
    if (store->recovery_points_dirty)
        return;
    store->recovery_points_dirty = true;
    timer_arm(store);
}

/* ---- start and clean stop ---- */

static void on_marker(void *object, int64_t argument, const struct isr_io_result *result)
{
    (void)argument;
    struct isr_log_store *store = object;
    if (!isr_log_io_failed(store, NULL, result))
        store->on_closed(store->closed_object);
}

static void marker_write(struct isr_log_store *store)
{
    struct isr_clean_shutdown_file file = {.broker_epoch = store->closing_epoch,
                                           .recovery_points_crc = store->recovery_points_crc};
    store->marker_under_way = true;
    isr_env_replace(store->env, (struct isr_file){.kind = ISR_FILE_CLEAN_SHUTDOWN},
                    isr_checkpoint_encode_clean_shutdown_file(&store->env->scratch, &file), on_marker, store,
                    0);
}

static void log_flush(struct isr_log *log)
{
    for (uint32_t i = 0; i < log->segments_count; i++) {
        if (log->segments[i].synced_end < log->segments[i].end_offset)
            isr_log_sync_segment(log, &log->segments[i]);
    }
    isr_producers_snapshot(log);
}

void isr_log_store_close_advance(struct isr_log_store *store)
{
    if (!store->closing || !store->ready || store->marker_under_way || store->operations_pending > 0)
        return;
    for (uint32_t i = 0; i < store->logs_count; i++)
        log_flush(store->logs[i]);
    if (store->high_watermarks_dirty)
        isr_log_store_high_watermarks(store);
    if (store->recovery_points_dirty)
        isr_log_store_recovery_points(store);
    if (store->operations_pending == 0)
        marker_write(store);
}

void isr_log_store_close(struct isr_log_store *store, int64_t broker_epoch, void (*done)(void *object),
                         void *object)
{
    store->closing = true;
    store->closing_epoch = broker_epoch < 0 ? -1 : broker_epoch;
    store->on_closed = done;
    store->closed_object = object;
    isr_log_store_close_advance(store);
}

void isr_log_store_start(struct isr_log_store *store, struct isr_env *env, void (*on_ready)(void *object),
                         void *object)
{
    *store = (struct isr_log_store){
        .env = env, .clean_shutdown_epoch = -1, .on_ready = on_ready, .object = object};
    isr_timer_init(&store->checkpoint_timer, on_checkpoint_timer, store);
    isr_log_recovery_start(store);
}
