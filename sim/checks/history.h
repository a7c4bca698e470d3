/* What was ever written, and what of it was committed: the memory of the checks about one partition.
 *
 *   line       everything that the one leader of an epoch appended, in offset order: (epoch, offset) -> bytes
 * (I2). Kept for ever: another replica may still hold what was cut off everywhere else. committed  the record
 * of what a leader's high watermark passed in its own valid term: segments (epoch, start) that name parts of
 * lines, up to true_high_watermark. Grows; is cut only when records were lost.
 *   gap        a segment that names nothing: a leader deleted what was there before anybody saw what of it
 * was committed. Nothing is known of it, least of all that the line of the segment before goes on in it.
 *
 * A batch is remembered once, in its line, with who acknowledged it and whether somebody read it. */
#ifndef SIM_CHECKS_HISTORY_H
#define SIM_CHECKS_HISTORY_H

#include <stdbool.h>

#include "core/base/heap.h"
#include "core/base/types.h"

enum { CHECK_ACKED = 1, CHECK_READ = 2, CHECK_COMMITTED = 4 };

/* A record with a key. */
struct check_record {
    uint64_t key;
    uint64_t value;
    int64_t
        superseded_by; /* the committed record of the same key behind it; ISR_OFFSET_NONE: none ever was */
    bool tombstone;
    bool expired; /* delete_retention was over when it was found missing */
};

struct check_entry {
    int64_t base;
    int64_t acked_ns;
    int64_t timestamp_ns;         /* once committed */
    uint64_t first_value;         /* once committed */
    struct check_record *records; /* count many; NULL: they have no keys */
    uint32_t crc;
    uint32_t count;
    uint32_t endings_seen; /* how many endings (ledger.h) there were when the leader appended it */
    uint16_t promise;      /* place of the promise (ledger.h) by which its leader went */
    int16_t client;        /* whom it was acknowledged to */
    uint8_t flags;         /* CHECK_* */
};

enum { CHECK_CHUNK_ENTRIES = 64 };

struct check_line {
    int32_t epoch;
    int32_t leader;       /* ISR_NODE_NONE until somebody was decided on or began */
    uint32_t leader_life; /* in which life of its process it began; 0: it has not */
    uint32_t count;
    uint32_t chunks_capacity;
    struct check_entry **chunks;
    /* of the last entry, near which a partition lives: kept here so that nothing else need be touched */
    int64_t last_base;
    uint32_t last_count;
    struct check_entry *last_chunk;
};

struct check_segment {
    struct check_line *line; /* of its epoch; NULL: a gap */
    int32_t epoch;           /* a gap: of the leader that passed it over, which no record in it is beyond */
    int64_t start;
};

struct check_history {
    struct isr_heap *heap;
    struct check_line **lines; /* by epoch */
    struct check_line *newest; /* the last of them */
    uint32_t lines_count, lines_capacity;
    struct check_segment *segments; /* by start */
    uint32_t segments_count, segments_capacity;
    int64_t true_high_watermark;
    bool was_cut; /* ever */
};

static inline int64_t check_entry_end(const struct check_entry *entry)
{
    return entry->base + entry->count;
}

/* The line of the epoch, or NULL. */
struct check_line *check_history_line(const struct check_history *history, int32_t epoch);
/* The same, made when it is missing. */
struct check_line *check_history_line_make(struct check_history *history, int32_t epoch);

/* Where the line ends, or the offset where it is empty. */
static inline int64_t check_line_end(const struct check_line *line, int64_t offset)
{
    return line->count == 0 ? offset : line->last_base + line->last_count;
}
static inline struct check_entry *check_line_at(const struct check_line *line, uint32_t place)
{
    struct check_entry *chunk = place / CHECK_CHUNK_ENTRIES == (line->count - 1) / CHECK_CHUNK_ENTRIES
                                    ? line->last_chunk
                                    : line->chunks[place / CHECK_CHUNK_ENTRIES];
    return &chunk[place % CHECK_CHUNK_ENTRIES];
}
/* Batches of a line are mostly of one size: where the one that holds the offset should be. */
static inline uint32_t check_line_guess(const struct check_line *line, int64_t offset)
{
    if (line->last_base <= offset)
        return line->count - 1;
    uint64_t back = (uint64_t)(line->last_base - offset);
    if (line->last_count > 1)
        back = (back + line->last_count - 1) / line->last_count;
    return back < line->count ? line->count - 1 - (uint32_t)back : 0;
}
struct check_entry *check_line_search(const struct check_line *line, int64_t offset);
/* The entry that holds the offset, or NULL. */
static inline struct check_entry *check_line_find(const struct check_line *line, int64_t offset)
{
    if (line->count == 0)
        return NULL;
    struct check_entry *entry = check_line_at(line, check_line_guess(line, offset));
    return offset >= entry->base && offset < check_entry_end(entry) ? entry : check_line_search(line, offset);
}
/* A new entry behind all others; base is at or above the end of the last. */
struct check_entry *check_line_add(struct check_history *history, struct check_line *line, int64_t base,
                                   uint32_t count, uint32_t crc);

/* The committed batch that holds the offset, with its epoch; NULL in a gap, and at or above the true high
 * watermark. */
struct check_entry *check_history_committed(const struct check_history *history, int64_t offset,
                                            int32_t *epoch);
/* The newest batch of which it is known that it is committed, or NULL. */
struct check_entry *check_history_newest(const struct check_history *history, int32_t *epoch);
/* The offset, or the end of the gap that it is in. */
int64_t check_history_known_from(const struct check_history *history, int64_t offset);
/* Where that part of what is committed ends that is of epochs below this one. */
int64_t check_history_committed_before(const struct check_history *history, int32_t epoch);
/* Walking what is committed, in order. Valid until something is committed or cut. */
struct check_cursor {
    const struct check_line *line; /* and place: of the entry it stands at */
    uint32_t segment, place;
};
/* The same as check_history_committed; the cursor stands at the entry. */
struct check_entry *check_cursor_seek(const struct check_history *history, int64_t offset,
                                      struct check_cursor *cursor);
/* The committed batch behind the one it stands at and any gap, NULL at the end. */
struct check_entry *check_cursor_next(const struct check_history *history, struct check_cursor *cursor);
/* The next batch is committed: at the true high watermark, which moves behind it. */
void check_history_commit(struct check_history *history, int32_t epoch, struct check_entry *entry);
/* What is committed goes on at the offset, above the true high watermark: what lies between is a gap, which
 * the leader of this epoch passed over. */
void check_history_skip(struct check_history *history, int32_t epoch, int64_t offset);
/* What is committed ends here from now on. */
void check_history_cut(struct check_history *history, int64_t offset);

#endif
