/* Log compaction (Kafka: LogCleaner, KIP-58, KIP-534): of each key the last committed record stays.
 *
 * A log is [clean | dirty | not to be touched]: clean_end is where the first two meet, and only closed
 * segments, synced, below the high watermark and old enough are dirty. One pass over a log:
 *
 *   MAPPING --all of the dirty part, or as many keys as can be remembered--> CLEANING
 *     reads the dirty part, a segment a step: of each key the last offset
 *   CLEANING --the rest is clean--> STORING
 *     from the start of the log on, as many segments a step as fit into one: what is left of them is written
 *   CLEANING --what is left differs--> SWAPPING --replaced, leftovers deleted--> CLEANING
 *   STORING --the new clean_end is on the disk--> done
 *   any --a truncation goes below the end of what is mapped, or the log goes--> given up
 *
 * What goes: a record whose key the map has at a higher offset; a tombstone below the `tombstones` limit (all
 * replicas are clean up to there: none of them has what it deleted) whose delete horizon is over:
 * delete_retention after it was first found there, so that a reader who has seen what it deleted has that
 * long to come to it. What stays: the last batches of each producer, if only empty; offsets; epochs, as a gap
 * never spans two of them; in what no key was given.
 *
 * On the disk the first of the segments is replaced by what is left of all of them (one atomic replacement:
 * write aside, sync, rename), then the others are deleted. A crash in between leaves segments that begin
 * below the end of the one before them: recovery deletes those. In memory the new batches take the place of
 * the old ones when the replacement is asked for. Kafka goes .cleaned, .swap, and has a name for each; there
 * a segment does not tell what belongs to it, since its log has holes.
 *
 * Invariants: clean_end <= high_watermark as far as the caller kept to it; a file that is swapped out is
 * deleted only after the replacement is durable; clean_end_stored >= clean_end never goes durable above what
 * was cleaned. A clean_end that is lost or old only means that more is looked at again, and that tombstones
 * stay longer. */
#ifndef ISR_LOG_CLEANER_H
#define ISR_LOG_CLEANER_H

#include "core/log/log.h"

struct isr_clean_policy {
    int64_t limit;               /* nothing at or above it is touched */
    int64_t compaction_lag_ns;   /* nor a segment with a record that is not older */
    int64_t delete_retention_ns; /* how long a tombstone stays */
    int64_t tombstones;          /* tombstones at or above it stay */
};

/* How much of a log may be compacted now. */
struct isr_clean_extent {
    int64_t end; /* of the dirty part */
    int64_t clean_bytes, dirty_bytes;
};
struct isr_clean_extent isr_log_clean_extent(const struct isr_log *log,
                                             const struct isr_clean_policy *policy);
/* A tombstone in the clean part may go. */
bool isr_log_tombstones_due(const struct isr_log *log, const struct isr_clean_policy *policy);

/* Compacts up to extent.end. None must be under way. done(object) is called when the pass is over or was
 * given up, in a later step; the log may be gone by then. Observes LOG_CLEANED for each part that changes and
 * LOG_COMPACTED at the end. */
void isr_log_clean(struct isr_log *log, const struct isr_clean_policy *policy, void (*done)(void *object),
                   void *object);

#endif
