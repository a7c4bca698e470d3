/* Scrubbing: closed segments are read again in the background, one every log_scrub_interval, in the order of
 * partitions and offsets and round again, and held against their checksums and what memory says lies there.
 *
 *   IDLE --timer, a closed segment is there--> READING --all of it is sound--> IDLE
 *                                              READING --some is not--> IDLE, written again and synced
 *   READING --the log is cut or compacted, or goes--> VOID --the read is done, and tells nothing--> IDLE
 *
 * A batch that rotted is written again from memory, where a log is whole. That is no risk, for its place in
 * the file is its own, and until the sync is done the disk holds what it held or what it should hold. To take
 * the replica out instead would lose what is sound: behind a rotten batch recovery keeps nothing, and a
 * replica that is the last one to have some records would give them up to save one. Nobody needs to be told:
 * this replica serves and counts from memory, and was held to what is on its disk only by a restart, which
 * finds nothing amiss any more.
 *
 * The process halts where memory is no better than the disk (Kafka would take the log directory offline):
 * whatever it would write next cannot be trusted either. It halts too when the disk cannot read, as after
 * every failed operation (log.h).
 *
 * Not looked at: the active segment, which changes; and what lies below log_start in the first segment, which
 * is not in memory any more.
 *
 * Invariants: one segment at most is being read; nothing is written to a log that was cut or compacted since
 * the read was asked for. */
#include "core/log/internal.h"

static const struct isr_segment *closed_after(const struct isr_log *log, int64_t base_offset)
{
    for (uint32_t i = 0; i + 1 < log->segments_count; i++) {
        const struct isr_segment *segment = &log->segments[i];
        if (segment->base_offset > base_offset && segment->synced_end == segment->end_offset)
            return segment;
    }
    return NULL;
}

/* ---- what was read ---- */

/* Is this batch on the disk what it is in memory? By its checksums: they tell which of both is right. */
static bool is_sound(struct isr_bytes file, int64_t position, const struct isr_batch_place *place)
{
    struct isr_batch batch;
    if (position + place->size_bytes > file.size)
        return false;
    struct isr_bytes bytes = {.data = file.data + position, .size = place->size_bytes};
    return isr_batch_parse(bytes, true, &batch) == ISR_BATCH_OK && batch.bytes.size == place->size_bytes &&
           batch.base_offset == place->base_offset && batch.leader_epoch == place->leader_epoch &&
           batch.crc == place->crc;
}

static bool memory_is_sound(const struct isr_batch_place *place)
{
    struct isr_bytes bytes = {.data = place->data, .size = place->size_bytes};
    return is_sound(bytes, 0, place);
}

static void observe_rot(struct isr_log *log, int64_t offset, uint32_t batches)
{
    struct isr_observation *observation = isr_observe(log->env, ISR_OBSERVED_ROT_FOUND);
    observation->rot_found.tp = isr_tp_key(log->tp);
    observation->rot_found.offset = offset;
    observation->rot_found.batches = batches;
}

/* Returns false when the node halts. */
static bool batch_repair(struct isr_log *log, struct isr_file file, int64_t position,
                         const struct isr_batch_place *place)
{
    if (!memory_is_sound(place)) {
        log->failed = true;
        isr_env_exit(log->env, false, (int64_t)ISR_IO_DAMAGED);
        return false;
    }
    struct isr_bytes bytes = {.data = place->data, .size = place->size_bytes};
    isr_log_store_operation_begin(log->store);
    isr_env_write(log->env, file, position, bytes, isr_log_operation_done, log, 0);
    log->env->metrics.batches_repaired++;
    return true;
}

/* What is there behind the segment's end would be taken for damage by recovery. */
static bool cut_excess(struct isr_log *log, const struct isr_segment *segment, struct isr_bytes file)
{
    if (file.size <= segment->size_bytes)
        return false;
    isr_log_store_operation_begin(log->store);
    isr_env_truncate(log->env, isr_log_file(log, ISR_FILE_SEGMENT, segment->base_offset), segment->size_bytes,
                     isr_log_operation_done, log, 0);
    return true;
}

static void segment_check(struct isr_log *log, const struct isr_segment *segment, struct isr_bytes bytes)
{
    struct isr_file file = isr_log_file(log, ISR_FILE_SEGMENT, segment->base_offset);
    int64_t first = ISR_OFFSET_NONE;
    uint32_t rotten = 0;
    log->env->metrics.segments_scrubbed++;
    int64_t from =
        isr_log_first_base(log) > segment->base_offset ? isr_log_first_base(log) : segment->base_offset;
    for (uint32_t i = from < segment->end_offset ? isr_log_place_find(log, from) : log->places_count;
         i < log->places_count && log->places[i].base_offset < segment->end_offset; i++) {
        const struct isr_batch_place *place = &log->places[i];
        int64_t position = place->position - segment->position;
        if (is_sound(bytes, position, place))
            continue;
        if (!batch_repair(log, file, position, place))
            return;
        first = rotten++ == 0 ? place->base_offset : first;
    }
    if (rotten > 0)
        observe_rot(log, first, rotten);
    if (cut_excess(log, segment, bytes) || rotten > 0)
        isr_log_sync_segment(log, segment);
}

static void on_read(void *object, int64_t base_offset, const struct isr_io_result *result)
{
    struct isr_log_store *store = object;
    bool absent = result->status == ISR_IO_NO_FILE;
    if (!absent && isr_log_io_failed(store, NULL, result))
        return;
    struct isr_log *log = isr_log_store_find(store, store->scrub.tp);
    const struct isr_segment *segment = NULL;
    if (!store->scrub.is_void && log != NULL)
        segment = closed_after(log, base_offset - 1);
    store->scrub.reading = store->scrub.is_void = false;
    if (segment != NULL && segment->base_offset == base_offset)
        segment_check(log, segment, absent ? (struct isr_bytes){0} : result->bytes);
    isr_log_store_operation_end(store);
}

void isr_log_scrub_void(const struct isr_log *log)
{
    struct isr_log_scrub *scrub = &log->store->scrub;
    scrub->is_void = scrub->is_void || (scrub->reading && isr_tp_equal(scrub->tp, log->tp));
}

/* ---- what is read next ---- */

/* The closed segment behind the last one that was read, or the first of all; not of a log that is CUTTING. */
static const struct isr_segment *next_of(struct isr_log_store *store, struct isr_log **log)
{
    const struct isr_log_scrub *scrub = &store->scrub;
    uint32_t place = isr_log_store_place(store, scrub->tp);
    for (uint32_t i = 0; store->logs_count > 0 && i <= store->logs_count; i++) {
        *log = store->logs[(place + i) % store->logs_count];
        bool goes_on = i == 0 && isr_tp_equal((*log)->tp, scrub->tp);
        const struct isr_segment *segment = closed_after(*log, goes_on ? scrub->base_offset : -1);
        if (segment != NULL && isr_log_is_settled(*log))
            return segment;
    }
    return NULL;
}

static void on_timer(void *object)
{
    struct isr_log_store *store = object;
    struct isr_log_scrub *scrub = &store->scrub;
    struct isr_log *log = NULL;
    isr_env_timer_in(store->env, &scrub->timer, store->env->config.log_scrub_interval);
    if (scrub->reading || store->closing)
        return;
    const struct isr_segment *segment = next_of(store, &log);
    if (segment == NULL)
        return;
    scrub->tp = log->tp;
    scrub->base_offset = segment->base_offset;
    scrub->reading = true;
    isr_log_store_operation_begin(store);
    isr_env_read(store->env, isr_log_file(log, ISR_FILE_SEGMENT, segment->base_offset), on_read, store,
                 segment->base_offset);
}

void isr_log_scrub_begin(struct isr_log_store *store)
{
    store->scrub.base_offset = -1;
    isr_timer_init(&store->scrub.timer, on_timer, store);
    if (store->env->config.log_scrub_interval > 0)
        isr_env_timer_in(store->env, &store->scrub.timer, store->env->config.log_scrub_interval);
}
