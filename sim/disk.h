/* One node's disk: files of bytes, a page cache, and what of it is durable.
 *
 * The content of a file is that of the page cache. What is durable is described by a list of changes that
 * were not synced yet, oldest first, each with what it takes to undo it: a run of appended bytes (contiguous
 * appends are one change), an overwritten range with its former bytes, a truncation with the bytes cut, a
 * creation, a replacement or deletion with the former content. Undoing all of them gives the durable file.
 *
 *   WRITE, TRUNCATE       in the page cache when done; durable by a SYNC asked for later. A write beyond the
 * end fills with zeroes. creation              by the first WRITE; durable like a write: a file never synced
 * may vanish whole SYNC                  when done, every change asked for before it is durable. A failed one
 * leaves them unsynced: the next that succeeds covers them. REPLACE, DELETE       atomic, durable when done
 *   READ, LIST            see everything asked for before
 *
 * Operations on one file complete in the order in which they were asked; each takes a latency of the disk's
 * distribution. They change the page cache when they are asked, which nobody can see before they complete, as
 * only the process itself could look and it waits for the completion. Should it die before: killed      a
 * prefix of the operations under way on each file has happened, by a keyed draw, the rest is undone power
 * loss  a prefix of the changes not synced survives for each file, by a keyed draw: all, none, or up to one
 * that is cut at a byte (a torn tail) When the latencies change, what is under way takes no longer than it
 * would take now: a disk that was stuck goes on. Errors are decided when an operation is asked, and reported
 * when it completes; such an operation changes nothing. */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "core/base/event.h"
#include "sim/content.h"
#include "sim/spec.h"

struct sim_world;

enum sim_change_kind {
    SIM_CHANGE_CREATE,
    SIM_CHANGE_APPEND,
    SIM_CHANGE_OVERWRITE,
    SIM_CHANGE_TRUNCATE,
    SIM_CHANGE_REPLACE,
    SIM_CHANGE_DELETE,
};

/* What was changed and not synced. */
struct sim_change {
    struct sim_change *next, *previous;
    uint64_t number; /* the file's first change is 1 */
    enum sim_change_kind kind;
    bool closed;                /* a sync was asked for after it: later appends are a change of their own */
    int64_t position;           /* APPEND, OVERWRITE, TRUNCATE: where it begins */
    int64_t end;                /* APPEND, OVERWRITE: where it ends; TRUNCATE: the former size */
    uint8_t *former;            /* OVERWRITE: the former bytes of [position, end); TRUNCATE: those cut */
    bool existed;               /* REPLACE: there was a file */
    struct sim_content content; /* REPLACE, DELETE: the former one */
};

struct sim_file {
    struct isr_file name;
    bool exists;
    struct sim_content content;
    struct sim_change *changes, *changes_last;
    uint64_t changes_made;
    struct sim_disk_operation *pending, *pending_last; /* asked and not completed, in order */
    int64_t busy_until_ns;                             /* when the last of them completes */
    uint64_t hash;                                     /* of the name */
};

/* An operation on its way; the queue's payload. */
struct sim_disk_operation {
    struct sim_disk_operation *next; /* of the file */
    struct sim_file *file;           /* NULL: completed, or the process has died */
    enum isr_effect_kind kind;
    enum isr_io_status status;
    uint32_t io;
    uint32_t incarnation;
    uint64_t changes_before, changes_after; /* the file's changes_made before and after it */
    int64_t size_before;                    /* of the file */
    int64_t done_ns;                        /* when it completes */
    uint32_t entries;       /* of the queue that stand for it: more than one when it was brought forward */
    bool completed;         /* its time has come; it may wait for a paused process */
    bool told;              /* the process knows */
    struct isr_bytes bytes; /* READ; of the disk's memory */
    struct isr_file_entry *files; /* LIST */
    uint32_t files_count;
};

struct sim_disk {
    struct arena_owner *memory;
    int32_t node;
    struct sim_disk_spec spec; /* as it is now */
    struct sim_file **slots;   /* open addressing by name */
    uint32_t slots_count;      /* a power of two */
    struct sim_file directory; /* stands for all of them: LISTs wait here */
    struct sim_file **files;   /* in the order of their making */
    uint32_t files_count, files_capacity;
    int64_t used_bytes;       /* of the files that exist */
    int64_t limit_bytes;      /* INT64_MAX: none */
    unsigned fail_operations; /* SIM_OPERATION_*: the next fail_count of these kinds fail */
    int64_t fail_count;
};

struct sim_disk *sim_disk_new(struct arena_owner *memory, int32_t node, const struct sim_disk_spec *spec);
/* Carries out one disk effect of a process of the node; its completion is queued. */
void sim_disk_submit(struct sim_world *world, struct sim_disk *disk, uint32_t incarnation,
                     const struct isr_effect *effect);
/* An entry of the queue came up. True when the process of that incarnation is to be told now: what the
 * operation promised holds. */
bool sim_disk_due(struct sim_world *world, struct sim_disk *disk, struct sim_disk_operation *operation,
                  uint32_t incarnation);
/* An entry that waited for a paused process goes with it. */
void sim_disk_drop(struct sim_disk *disk, struct sim_disk_operation *operation);
/* Its process was told, or is dead: released when no other entry stands for it. */
void sim_disk_release(struct sim_disk *disk, struct sim_disk_operation *operation);

/* The process died. */
void sim_disk_kill(struct sim_world *world, struct sim_disk *disk);
/* The machine died; everything: nothing that was not synced survives, instead of what the draws say. Returns
 * whether a change was lost whose operation had completed; *lost_bytes: how much was written and is gone. */
bool sim_disk_power_off(struct sim_world *world, struct sim_disk *disk, bool everything, int64_t *lost_bytes);

/* ---- knobs ---- */
void sim_disk_change(struct sim_world *world, struct sim_disk *disk, const struct sim_disk_spec *spec,
                     unsigned fields);
/* The next count operations of these kinds (SIM_OPERATION_*) fail: WRITE means everything that changes a
 * file, SYNC also a REPLACE, READ also a LIST. */
void sim_disk_fail(struct sim_disk *disk, unsigned operations, int64_t count);
/* No more than so many further bytes. */
void sim_disk_fill(struct sim_disk *disk, int64_t free_bytes);
/* Room again, up to the configured capacity. */
void sim_disk_free(struct sim_disk *disk);

/* ---- looking in ---- */
/* The file in the page cache, NULL when there is none. */
const struct sim_file *sim_disk_file(const struct sim_disk *disk, struct isr_file name);
/* Whether every change of the file is durable. */
static inline bool sim_file_synced(const struct sim_file *file)
{
    return file->changes == NULL;
}

#endif
