/* Between the files of core/log. */
#ifndef ISR_LOG_INTERNAL_H
#define ISR_LOG_INTERNAL_H

#include "core/log/log.h"

static inline int64_t place_end(const struct isr_batch_place *place)
{
    return place->base_offset + place->record_count;
}

/* Retention goes by the newest record of a segment, rolling by time by its first one. */
static inline void isr_segment_note_timestamp(struct isr_segment *segment, int64_t timestamp_ns)
{
    if (segment->timestamp_max_ns == INT64_MIN)
        segment->timestamp_first_ns = timestamp_ns;
    if (timestamp_ns > segment->timestamp_max_ns)
        segment->timestamp_max_ns = timestamp_ns;
}

/* ---- blocks.c: memory of batches ---- */

/* Room for one batch in one piece. */
uint8_t *isr_log_block_take(struct isr_log *log, int64_t base_offset, uint32_t size_bytes);
/* Gives back what lies behind the last place. */
void isr_log_blocks_trim(struct isr_log *log);
/* Gives back what lies before the first place. */
void isr_log_blocks_drop_front(struct isr_log *log);
/* The places first.. that lie in the same blocks as places[first..end) go into a block of their own, where
 * these are replaced by `replacement`, whose data are copied from where they point to; at most as many. */
void isr_log_blocks_replace(struct isr_log *log, uint32_t first, uint32_t end,
                            const struct isr_batch_place *replacement, uint32_t count);

/* ---- places.c: where the batches lie ---- */

/* A new place behind all others, to be filled. */
struct isr_batch_place *isr_log_place_add(struct isr_log *log);
void isr_log_places_drop_front(struct isr_log *log, uint32_t count);

/* Takes count places out from places[first] on. */
void isr_log_places_take_out(struct isr_log *log, uint32_t first, uint32_t count);

/* ---- cleaner.c ---- */

/* The log ends at offset now: a compaction that goes beyond is given up, and what it has under way on the
 * disk becomes part of the barrier. */
void isr_log_cleaning_cut(struct isr_log *log, int64_t offset);
/* The high watermark falls to offset: what lies behind it is not committed, as far as this replica knows
 * now, and supersedes nothing. */
void isr_log_cleaning_lowered(struct isr_log *log, int64_t offset);
struct isr_cleaned_file;
/* What a start found; the log's ends are known. */
void isr_log_cleaning_recover(struct isr_log *log, const struct isr_cleaned_file *file);

/* ---- log_read.c ---- */

/* The place of the batch that holds offset, which must lie in [first batch's base, log_end). */
uint32_t isr_log_place_find(const struct isr_log *log, int64_t offset);

/* ---- epoch_cache.c ---- */

/* True when the cache changed. */
bool isr_epoch_cache_assign(struct isr_epoch_cache *cache, struct isr_heap *heap, int32_t epoch,
                            int64_t start_offset);
/* Drops entries that start at or above offset. True when the cache changed. */
bool isr_epoch_cache_trim(struct isr_epoch_cache *cache, int64_t offset);
/* Drops the epochs that end at or below offset; the one that holds it begins there from now on (KIP-101's
 * checkpoint; Kafka's truncateFromStart). */
void isr_epoch_cache_trim_start(struct isr_epoch_cache *cache, int64_t offset);
/* The epoch of the record at the offset; epoch_before below the first that is known. */
int32_t isr_log_epoch_at(const struct isr_log *log, int64_t offset);
/* A log whose records are all deleted still ends with the epoch of the last of them: else it would lose every
 * comparison of logs. Enters that where a trim left nothing. */
void isr_log_keep_epoch_before(struct isr_log *log);

/* ---- producers.c ---- */

/* Takes note of an appended batch; nothing without a producer id. */
void isr_producers_note(struct isr_heap *heap, struct isr_producers *producers,
                        const struct isr_batch_place *place);
void isr_producers_copy(struct isr_heap *heap, struct isr_producers *to, const struct isr_producers *from);
/* Brings the producers back to what the places tell, after batches at or above offset went. */
void isr_producers_truncate(struct isr_log *log, int64_t offset);
/* Writes a snapshot of the producers as they are at log_end, unless there are none or it is there. */
void isr_producers_snapshot(struct isr_log *log);
/* Deletes the snapshots above offset; each deletion counts for the barrier, and so do those under way
 * already. */
void isr_producers_drop_snapshots(struct isr_log *log, int64_t offset);
/* Forgets the producers all of whose batches lie below offset. */
void isr_producers_forget_below(struct isr_log *log, int64_t offset);
/* Forgets the snapshots of rolls that snapshot_before makes superfluous. */
void isr_producers_snapshots_start(struct isr_log *log);
/* A snapshot of producers as of offset, in scratch. */
struct isr_bytes isr_producers_encode(struct isr_scratch *scratch, const struct isr_producers *producers,
                                      int64_t offset);
/* Fills producers with what a snapshot holds, and offset. False when it is damaged. */
bool isr_producers_decode(struct isr_log *log, struct isr_producers *producers, struct isr_bytes bytes,
                          int64_t *offset);

/* ---- log_start.c ---- */

/* Where the first batch begins that is kept; log_end when there is none. At or below log_start. */
int64_t isr_log_first_base(const struct isr_log *log);
/* The recovery-point checkpoint that start_checkpoint waits for is durable. */
void isr_log_start_checkpointed(struct isr_log *log);
/* What the recovery-point file may say: never below the start it tells. */
int64_t isr_log_recovery_point_told(const struct isr_log *log);
/* The log is dropped whole: what is still to be deleted is, as part of the barrier. */
void isr_log_start_drop(struct isr_log *log);

/* ---- log.c ---- */

/* Copies a batch, with the offset and the epoch in the struct, to the end of the log in memory: places and
 * log_end only. */
const struct isr_batch_place *isr_log_take(struct isr_log *log, const struct isr_batch *batch);
/* Writes of this very step point into memory that is about to be given back: they get bytes of their own. */
void isr_log_detach_effects(struct isr_log *log);

/* Empties a log that restarts at offset, in memory and on the disk; part of the barrier of log.h. */
void isr_log_empty(struct isr_log *log, int64_t offset);

/* ---- removal.c ---- */

/* A log that was just made for a partition waits for what was removed of the same one. */
void isr_log_await_removal(struct isr_log *log);
/* The barrier of a removed log lifted: its files are gone, or the checkpoints are written too. */
void isr_log_removal_step(struct isr_log *log);

/* ---- log_disk.c ---- */

struct isr_file isr_log_file(const struct isr_log *log, enum isr_file_kind kind, int64_t number);
/* Asks for the writes of everything below log_end that was not asked for, unless CUTTING. */
void isr_log_issue(struct isr_log *log);
/* Asks for a sync of a segment outside the flush policy: closed, or cut, or at a clean stop. */
void isr_log_sync_segment(struct isr_log *log, const struct isr_segment *segment);
/* Asks for a sync when the flush policy wants one. */
void isr_log_flush_consider(struct isr_log *log);
/* Cuts the files down to offset, in bytes position, as part of the barrier of log.h. */
void isr_log_cut_files(struct isr_log *log, int64_t offset, int64_t position);
/* Asks for a recovery-point checkpoint that the barrier waits for, when the file may hold a higher recovery
 * point; or always, because log_start moved. */
void isr_log_barrier_recovery_point(struct isr_log *log, bool always);
/* The same with the high watermarks: when the file may hold one above the log's end. */
void isr_log_barrier_high_watermark(struct isr_log *log, bool always);
/* Nothing below offset is written or synced any more: it is deleted. */
void isr_log_ends_raise(struct isr_log *log, int64_t offset);
/* Writes the epoch checkpoint; the caller counts the operation. */
void isr_log_replace_epochs(struct isr_log *log, isr_io_done *done, int64_t argument);
/* Writes the epoch checkpoint. in_barrier: entries were cut. */
void isr_log_store_epochs(struct isr_log *log, bool in_barrier);
/* One operation of the barrier is asked for; its completion is isr_log_barrier_done (argument: up to where it
 * syncs, or ISR_OFFSET_NONE). */
void isr_log_barrier_add(struct isr_log *log);
isr_io_done isr_log_barrier_done;
/* One operation that nobody but the clean stop waits for. */
isr_io_done isr_log_operation_done;
/* True when the operation failed or the node is halting already: nothing more is to be done. */
bool isr_log_io_failed(struct isr_log_store *store, struct isr_log *log, const struct isr_io_result *result);
/* One of what the barrier waits for is done. */
void isr_log_barrier_step(struct isr_log *log);

/* ---- scrub.c ---- */

/* From now on, every log_scrub_interval. */
void isr_log_scrub_begin(struct isr_log_store *store);
/* The log is cut, or a compaction puts other bytes there: what is being read of it tells nothing. */
void isr_log_scrub_void(const struct isr_log *log);

/* ---- store.c ---- */

struct isr_log *isr_log_store_add(struct isr_log_store *store, struct isr_tp tp);
/* The place of the log in store->logs, or where it belongs. */
uint32_t isr_log_store_place(const struct isr_log_store *store, struct isr_tp tp);
/* Asks for a checkpoint of the recovery points, or of the high watermarks, now; coalesced. */
void isr_log_store_recovery_points(struct isr_log_store *store);
void isr_log_store_high_watermarks(struct isr_log_store *store);
/* Takes note that a checkpoint is out of date; the timer writes it. */
void isr_log_store_recovery_point_moved(struct isr_log_store *store);
void isr_log_store_high_watermark_moved(struct isr_log_store *store);
/* Counts operations: recovery and the clean stop go on when none is under way. */
void isr_log_store_operation_begin(struct isr_log_store *store);
void isr_log_store_operation_end(struct isr_log_store *store);
/* Goes on with a clean stop that was asked for. */
void isr_log_store_close_advance(struct isr_log_store *store);

/* ---- recovery.c ---- */

/* Asks for the list of files; isr_log_recovery_advance goes on whenever no operation is under way. */
void isr_log_recovery_start(struct isr_log_store *store);
void isr_log_recovery_advance(struct isr_log_store *store);

#endif
