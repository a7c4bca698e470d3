/* One partition's log on one replica, and the store of all logs of a node.
 *
 *   log_start <= high_watermark <= log_end (I8)
 *   synced_end <= written_end <= log_end
 *   [.., written_end)  in the page cache: survives the death of the process
 *   [.., synced_end)   durable: survives loss of power
 *
 * Appended records are visible at once in log_end (LEO), but count as held by this replica (acknowledged by a
 * follower's next fetch, counted by the leader for its high watermark) only below isr_log_held_end().
 *
 * States of a log:
 *
 *   RECOVERING --all files read, damage repaired durably--> OPEN <--barrier_pending falls to 0-- CUTTING
 *                                                            `----truncation that reached the disk---^
 *
 *   RECOVERING  inside isr_log_store_start (recovery.c); nobody else sees the log.
 *   OPEN        each append becomes a write at once: issued_end == log_end.
 *   CUTTING     appends go to memory only; they become writes when the barrier lifts.
 *
 * The barrier: nothing new is written to a log before its last truncation is durable whole: the segment cut
 * and synced, later segments and later producer snapshots deleted, and by a replacement asked for afterwards
 * their names gone for good, the epoch checkpoint without the entries that were cut, and no recovery point
 * and no high watermark above the cut in the checkpoints. From this follows what recovery relies on, whatever
 * subset of unfinished operations a crash lets through:
 *   - crash before the barrier lifts: the disk holds no byte newer than the truncation, so its segments are
 * those of the old log, some of them gone or cut. Dropping everything from the first hole on leaves a prefix
 * of the old log. Stale checkpoints describe that same old log: what lies above the new end is trimmed.
 *   - crash afterwards: every file already knows of the cut. In particular no stale tail can join up with new
 *     batches (their sizes may fit), no stale recovery point can call new bytes durable that never were, no
 * stale high watermark can call new records committed, and no producer snapshot or epoch entry of the old
 * tail can be taken for the new one.
 *   - crash, and recovery reads the page cache of the killed process: recovery syncs the last segment before
 * anything is appended, or a loss of power could undo the truncation later.
 *   - the high-watermark checkpoint may be behind, but tells of no other records than the log holds; it is
 * clamped to the recovered ends.
 * Rolling a segment needs no barrier: when the new segment survives without the tail of the old one, there is
 * a hole. log_start is in the recovery-point file and in the log's epoch checkpoint, and is durable in both
 * before anything below it is deleted (log_start.c): either of them may be lost. Without both a log starts at
 * 0, since segments that begin later may as well follow a lost one.
 *
 * Damage. A torn tail, or a hole where unsynced writes were lost, is what any power loss may leave, and lies
 * above the recovery point. Anything else is damage (rot, a write that went astray, a lying sync): a log that
 * ends below its recovery point or, after a clean stop, not exactly there; a small file that is not sound.
 * What is behind the damage cannot be joined and goes, records that this replica had acknowledged among them.
 * So the clean-shutdown marker is void: the broker registers as after an unclean stop, leaves ISR and ELR,
 * and fetches what it lost (KIP-966; Alagappan et al., FAST 2018). Batches are held in memory, and read from
 * the disk at a start, when rot costs what lies behind it; and with log_scrub_interval while the process
 * runs, when it can be repaired from memory (scrub.c). Nor is the page cache trusted after an unclean stop:
 * a sync that failed may have marked pages clean that are not on the disk, and the next one would succeed
 * without them (Rebello et al., USENIX ATC 2020). What lies above the recovery point is written again before
 * it is synced.
 *
 * A failed disk operation (I/O error, no space) halts the node: isr_env_exit(env, false, status). Kafka takes
 * the log directory offline; a broker here has one. */
#ifndef ISR_LOG_LOG_H
#define ISR_LOG_LOG_H

#include "core/base/env.h"
#include "core/log/batch.h"

/* Leader-epoch cache (KIP-101): strictly increasing epochs and start offsets. */
struct isr_epoch_entry {
    int32_t epoch;
    int64_t start_offset;
};

struct isr_epoch_cache {
    struct isr_epoch_entry *entries;
    uint32_t count, capacity;
};

/* Where one batch lies; in offset order without gaps between log_start and log_end. */
struct isr_batch_place {
    int64_t base_offset;
    int64_t position;    /* bytes of the log before it, counted from the start of the first segment */
    const uint8_t *data; /* stable until the batch is truncated or deleted */
    uint32_t size_bytes;
    uint32_t record_count;
    int32_t leader_epoch;
    uint32_t crc;
};

/* Idempotence (KIP-98): what is known of one producer from the log up to log_end. */
enum { ISR_PRODUCER_BATCHES = 5 };
struct isr_producer {
    int64_t producer_id;
    int64_t last_timestamp_ns; /* of its newest batch: idle since then */
    int16_t producer_epoch;
    uint8_t batches_count; /* the last ones, oldest first */
    struct {
        int64_t base_offset;
        int32_t base_sequence;
        uint32_t record_count;
    } batches[ISR_PRODUCER_BATCHES];
};

/* One segment file. Closed ones are those before the last; their end_offset is the next one's base_offset. */
struct isr_segment {
    int64_t base_offset;
    int64_t position;    /* bytes of the log before it, as in places */
    int64_t size_bytes;  /* of the writes asked for */
    int64_t end_offset;  /* of the writes asked for */
    int64_t written_end; /* of the writes completed */
    int64_t synced_end;
    int64_t timestamp_max_ns;   /* of its batches; INT64_MIN: it has none yet */
    int64_t timestamp_first_ns; /* of its first batch */
};

enum { ISR_LOG_SNAPSHOTS_KEPT = 2 };

/* Making a new log start durable, step by step (log_start.c). */
enum isr_log_start_state { ISR_LOG_START_DURABLE, ISR_LOG_START_PRODUCERS, ISR_LOG_START_CHECKPOINTS };

struct isr_producers {
    struct isr_producer *entries; /* by producer_id */
    uint32_t count, capacity;
};

struct isr_log_block;
struct isr_log_cleaning;
struct isr_log_recovery;
struct isr_log_store;

struct isr_log {
    struct isr_env *env;
    struct isr_log_store *store;
    struct isr_tp tp;
    int64_t log_start;
    int64_t log_end; /* LEO */
    int64_t high_watermark;
    int64_t high_watermark_stored;  /* in the checkpoint file */
    int64_t high_watermark_storing; /* in the replacement under way, else as stored */
    int64_t recovery_point;         /* what the next checkpoint will call durable: synced_end */
    int64_t recovery_point_stored;  /* in the checkpoint file */
    int64_t recovery_point_storing; /* in the replacement under way, else as stored */
    int64_t issued_end;             /* up to here writes were asked for; log_end unless CUTTING */
    int64_t written_end;
    int64_t synced_end;
    struct isr_epoch_cache epochs;
    int32_t epoch_before;           /* of the last record that was deleted, ISR_EPOCH_NONE: none was */
    struct isr_batch_place *places; /* the first one that is kept, inside places_memory */
    struct isr_batch_place *places_memory;
    uint32_t places_count, places_capacity;    /* from places on */
    int64_t position_end;                      /* where the next batch will lie */
    struct isr_log_block *block, *block_first; /* the last and the first one */
    struct isr_producers producers;            /* as of log_end */
    bool producers_missing;                    /* of those below log_start nothing is known */
    struct isr_producers producers_before;     /* as of isr_log_first_base: what deleted batches told */
    struct isr_segment *segments;
    uint32_t segments_count, segments_capacity;
    int64_t snapshots[ISR_LOG_SNAPSHOTS_KEPT + 1]; /* offsets of the producer snapshots on disk, rising */
    uint32_t snapshots_count;
    uint32_t snapshots_going; /* older ones whose deletion is under way */
    /* Snapshots of producers_before: the one on disk, the one being written, a former one that is to go when
     * the start is durable. ISR_OFFSET_NONE: none */
    int64_t snapshot_before, snapshot_storing, snapshot_going;
    enum isr_log_start_state start_state;
    int64_t start_storing;     /* the one that is being made durable */
    int64_t start_told;        /* what checkpoints say: log_start, once its producers are durable */
    bool start_moved;          /* again, since what is under way was asked for */
    uint32_t start_pending;    /* operations of this state under way */
    uint32_t start_checkpoint; /* the recovery-point checkpoint that it waits for, 0 = none */
    int64_t *going;            /* segment files below log_start, deleted when that is durable */
    uint32_t going_count, going_capacity;
    uint32_t going_covered;           /* of these, by the start that is being made durable */
    uint32_t start_round;             /* what was asked for in an earlier one does not count */
    uint32_t barrier_pending;         /* operations of truncations that are not done: CUTTING */
    bool barrier_snapshots;           /* it waits for snapshots_going to fall to 0 */
    bool barrier_names;               /* it deleted files: their names must go durably */
    uint32_t barrier_checkpoint;      /* the recovery-point checkpoint that the barrier waits for, 0 = none */
    uint32_t barrier_high_watermarks; /* the same of the high watermarks */
    /* Compaction (cleaner.h): up to where it went; as in the file, or about to be; the earliest delete
     * horizon of a tombstone below, ISR_TIME_NEVER: none is known; where one stays although its time is over,
     * INT64_MAX: none; the compaction under way, NULL: none */
    int64_t clean_end, clean_end_stored;
    int64_t horizon_next, tombstone_held;
    struct isr_log_cleaning *cleaning;
    bool sync_under_way;       /* of the last segment, by the flush policy */
    bool failed;               /* a disk operation failed; the node is halting */
    bool removed;              /* by isr_log_store_remove: what is left waits for its deletions */
    bool removal_told;         /* its files are gone; the checkpoints without it are asked for */
    struct isr_log *successor; /* removed: the log of the same partition that waits for it, or NULL */
    /* Called in the same step when held_end grew (a write or a sync completed). */
    void (*held)(void *object);
    /* NULL: nobody minds. In the same step when isr_log_is_settled became true. */
    void (*settled)(void *object);
    void *held_object; /* of both */
    struct isr_timer flush_timer;
    /* Set by whoever opened the log, at any time: the topic's segment_time. */
    int64_t segment_time_ns;
    struct isr_timer roll_yield;
    int64_t roll_base; /* segment_roll: the segment that was found full, or old */
    bool roll_due;     /* and the point is behind: it is to be followed by another */
};

/* ---- the store ---- */

/* A checkpoint that was collected and stands at its yield point: high_watermarks_kept, recovery_points_kept.
 */
struct isr_log_checkpoint {
    struct isr_timer yield;
    uint8_t *data; /* in the heap, NULL when there is none */
    uint32_t size;
};

/* The closed segment that is being read again, or was last; scrub.c. */
struct isr_log_scrub {
    struct isr_timer timer;
    struct isr_tp tp;
    int64_t base_offset;
    bool reading;
    bool is_void; /* reading: the log was cut or compacted meanwhile */
};

struct isr_log_store {
    struct isr_env *env;
    struct isr_log **logs; /* ordered by isr_tp_key */
    uint32_t logs_count, logs_capacity;
    struct isr_log **removed; /* whose files are being deleted */
    uint32_t removed_count, removed_capacity;
    bool ready;
    int64_t clean_shutdown_epoch; /* broker epoch in the marker found at start; -1: there was none, or what it
                                     vouched for was not there */
    void (*on_ready)(void *object);
    void *object;
    struct isr_timer checkpoint_timer;
    struct isr_log_scrub scrub;
    struct isr_log_recovery *recovery; /* while starting */
    uint32_t operations_pending;       /* disk operations under way other than writes of batches */
    struct isr_log_checkpoint high_watermarks_kept, recovery_points_kept;
    bool high_watermarks_dirty, high_watermarks_under_way;
    uint32_t high_watermarks_round; /* counts the replacements of the file */
    bool recovery_points_dirty, recovery_points_under_way;
    uint32_t recovery_points_round; /* counts the replacements of the recovery-point file */
    uint32_t recovery_points_crc;   /* of the file as it is on disk; 0: there is none */
    uint32_t recovery_points_crc_storing;
    bool closing, marker_under_way;
    int64_t closing_epoch;
    void (*on_closed)(void *object);
    void *closed_object;
};

/* Starts recovery: lists and reads all partition files, rebuilds every log (torn tails cut at the first bad
 * batch at or after the recovery point; epoch cache and producer state rebuilt when their files are missing
 * or disagree; the high watermark from its checkpoint, clamped to [log_start, log_end]; log_start from the
 * recovery-point file), removes the clean-shutdown marker durably, then calls on_ready. Every batch is
 * checked, with and without the marker. Without it what lies above the recovery point may be in the page
 * cache only: it counts as synced only after recovery wrote it again and synced it, which is before on_ready.
 */
void isr_log_store_start(struct isr_log_store *store, struct isr_env *env, void (*on_ready)(void *object),
                         void *object);
struct isr_log *isr_log_store_find(struct isr_log_store *store, struct isr_tp tp);
/* An empty log starting at offset 0, or the existing one. Only when ready. */
struct isr_log *isr_log_store_open(struct isr_log_store *store, struct isr_tp tp);
/* Deletes a log and all its files; it must not be used any more. One that is opened for the same partition
 * writes nothing before the deletions are durable and no checkpoint tells of the former any more, as after a
 * truncation. Its memory stays until the process
 * ends, but for what it held: operations under way still point at it. */
void isr_log_store_remove(struct isr_log_store *store, struct isr_log *log);
/* Clean stop: syncs every log, writes the checkpoints, then the marker with broker_epoch, then calls done.
 * What is appended meanwhile is synced as well. */
void isr_log_store_close(struct isr_log_store *store, int64_t broker_epoch, void (*done)(void *object),
                         void *object);

/* ---- appending ---- */

/* The check of a producer's batch against what the log knows (I7). ERROR_NONE: append it.
 * DUPLICATE_SEQUENCE_NUMBER: it is there already, *base_offset tells where.
 * OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH: refuse. An unknown producer may start anywhere. */
enum isr_error isr_log_check_producer(const struct isr_log *log, const struct isr_batch *batch,
                                      int64_t *base_offset);
/* Copies the batch, gives it the offset log_end and the epoch; returns its base offset. The epoch is entered
 * into the epoch cache when it is new. */
int64_t isr_log_append_leader(struct isr_log *log, const struct isr_batch *batch, int32_t leader_epoch);
/* Copies a run of batches from the leader's answer; they must start at log_end, be without holes (a gap that
 * compaction left is a batch), intact and of
 * rising epochs that do not fall below the last batch's, else nothing is appended and CORRUPT_MESSAGE or
 * (wrong start) OFFSET_OUT_OF_RANGE is returned. A cut-off batch at the end is left out. */
enum isr_error isr_log_append_follower(struct isr_log *log, struct isr_bytes batches);
/* Up to where this replica holds the records by its flush policy: written_end, or synced_end with
 * log_flush_messages. With log_flush_messages a sync is asked for when that many records wait for one, and
 * when no write is under way any more: an acknowledgement never waits for records that may not come. At most
 * one is under way. */
int64_t isr_log_held_end(const struct isr_log *log);

/* ---- reading ---- */

/* Whole batches from the one that holds `offset` (of a gap of compaction: the rest) up to the last that ends
 * at or before `limit`, at most max_bytes but at least one. Empty when offset == limit or none fits. Asserts
 * log_start <= offset <= log_end. Points into the log or into scratch: valid during this step, until the log
 * is truncated. */
struct isr_bytes isr_log_read(struct isr_log *log, int64_t offset, int64_t limit, uint32_t max_bytes);
/* The batch that holds the offset, or NULL outside [log_start, log_end). */
const struct isr_batch_place *isr_log_batch_at(const struct isr_log *log, int64_t offset);
/* Bytes of the batches in [offset, limit): for min_bytes. O(log n). */
int64_t isr_log_bytes_between(const struct isr_log *log, int64_t offset, int64_t limit);

/* ---- epochs ---- */

/* Enters (epoch, start_offset) and drops entries at or above it that it replaces; nothing when the epoch is
 * not newer. Observes EPOCH_ASSIGNED when it was entered. */
void isr_log_assign_epoch(struct isr_log *log, int32_t epoch, int64_t start_offset, enum isr_cause cause);
/* The latest epoch, ISR_EPOCH_NONE when there is none. */
int32_t isr_log_last_epoch(const struct isr_log *log);
/* KIP-279: the largest epoch <= asked and the offset where it ends. The latest epoch ends at log_end; below
 * the first entry: (asked, first start offset); no entries or asked above the latest: (ISR_EPOCH_NONE,
 * ISR_OFFSET_NONE). */
struct isr_epoch_end {
    int32_t epoch;
    int64_t end_offset;
};
struct isr_epoch_end isr_log_epoch_end(const struct isr_log *log, int32_t epoch);

/* ---- moving the ends ---- */

/* Moves the high watermark (up or down) within [log_start, log_end]. Observes nothing: callers say why. */
void isr_log_set_high_watermark(struct isr_log *log, int64_t offset);
/* Cuts every record at or above offset, whole batches (a batch that straddles goes whole). Lowers log_end,
 * and the high watermark when it was above; trims epochs and producer state. Observes LOG_TRUNCATED when
 * something was cut. Also when nothing is cut, epochs without records at log_end go: whoever entered them led
 * without a record. Below log_start: as isr_log_truncate_fully. */
void isr_log_truncate(struct isr_log *log, int64_t offset, enum isr_cause cause);
/* Drops everything and restarts at offset (out-of-range bootstrap): LEO = HW = log_start = offset. Nothing is
 * known of producers then. */
void isr_log_truncate_fully(struct isr_log *log, int64_t offset, enum isr_cause cause);
/* What a log that begins at log_start cannot tell from its batches. */
struct isr_log_state {
    int64_t log_start;
    int32_t epoch_before; /* of the record before it, ISR_EPOCH_NONE: there was none, or it is not known */
    struct isr_bytes producers; /* a snapshot as of the batch that holds log_start; borrowed */
};
/* For a log that begins at offset, or at this log's start or end when offset is not within; in scratch. */
struct isr_log_state isr_log_state(struct isr_log *log, int64_t offset);
/* True when it is empty and knows nothing of the producers of what lies below: isr_log_bootstrap is due. */
bool isr_log_lacks_state(const struct isr_log *log);
/* Truncates fully and restarts with the leader's state: idempotence survives although the batches that tell
 * of producers are gone. False, and nothing happens, when the producers are damaged or of an offset above. */
bool isr_log_bootstrap(struct isr_log *log, const struct isr_log_state *state, enum isr_cause cause);

/* ---- moving the start ---- */

/* No truncation or bootstrap is on its way to the disk: a crash cannot bring back what was cut. */
static inline bool isr_log_is_settled(const struct isr_log *log)
{
    return log->barrier_pending == 0;
}

/* Moves log_start up to offset, at most the high watermark, and observes LOG_START_MOVED. Returns log_start,
 * which lies below offset while records up to there are not held (isr_log_held_end): to be tried again. */
int64_t isr_log_advance_start(struct isr_log *log, int64_t offset, enum isr_cause cause);
/* Where log_start may move to so that at least `bytes` stay, or so that only closed segments go whose records
 * all have timestamps below before_ns; whole segments that end at or below limit. log_start: nothing is to
 * go. */
int64_t isr_log_start_by_size(const struct isr_log *log, int64_t limit, int64_t bytes);
int64_t isr_log_start_by_time(const struct isr_log *log, int64_t limit, int64_t before_ns);
/* Forgets producers that wrote nothing since before_ns (Kafka: producer.id.expiration.ms). */
void isr_log_expire_producers(struct isr_log *log, int64_t before_ns);

/* Asserts I8 and that places, epochs and segments agree. For tests and checks; O(n). */
void isr_log_verify(const struct isr_log *log);

#endif
