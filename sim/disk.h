/* One node's disk: files of bytes, a page cache, and what of it is durable.
 *
 * The content of a file is that of the page cache. What is durable is described by a list of changes that
 * were not synced yet, oldest first, each with what it takes to undo it: a run of appended bytes (contiguous
 * appends are one change), an overwritten range with its former bytes, a truncation with the bytes cut, a
 * creation, a replacement or deletion with the former content. Undoing all of them gives the durable file,
 * but for its ghosts: ranges that the page cache holds as clean although the medium does not have them.
 *
 *   WRITE, TRUNCATE  in the page cache when done; durable by a SYNC asked for later. A write beyond the end
 *                    fills with zeroes.
 *   creation         by the first WRITE; durable like a write: a file never synced may vanish whole
 *   SYNC             when done, every change asked for before it is durable. A failed one leaves them
 *                    unsynced, and the next that succeeds covers them; or leaves ghosts, when told to
 *   REPLACE, DELETE  atomic, durable when done
 *   READ, LIST       see everything asked for before
 *
 * Operations on one file complete in the order in which they were asked; each takes a latency of the disk's
 * distribution. They change the page cache when they are asked, which nobody can see before they complete, as
 * only the process itself could look and it waits for the completion. Should it die before:
 *   killed      a prefix of the operations under way on each file has happened, by a keyed draw, the rest is
 *               undone; ghosts of lost writes are seen, as their pages are clean and may be read anew
 *   power loss  the durable file, and of the changes not synced what enum sim_survival says, by a keyed draw
 *               for each file. Changes of the file system's journal (creation, truncation, replacement,
 *               deletion) survive in their order, whole or not at all, and no data behind a lost one does
 * When the latencies change, what is under way takes no longer than it would take now: a disk that was stuck
 * goes on. Errors are decided when an operation is asked, and reported when it completes; such an operation
 * changes nothing.
 *
 * Damage that the disk does (sim/damages.def) is noted when it bites: in a counter, in the trace, and by
 * sim_disk_damage, so that the checks know what the engine is not to blame for.
 *
 * disk.c: operations; disk_changes.c: changes, ghosts, crashes; disk_faults.c: the knobs. */
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
    bool promised;              /* a lying sync called it durable */
    bool phantom;               /* the medium will not get it: a ghost when it is synced */
    struct sim_content content; /* REPLACE, DELETE: the former one */
};

/* A range that the page cache holds as clean although the medium holds something else. Ghosts of a file do
 * not overlap. */
struct sim_ghost {
    struct sim_ghost *next;
    int64_t position, end;
    uint8_t *bytes;  /* what the medium holds; NULL: zeroes */
    bool lost_write; /* it was called durable; else a sync of it failed */
};

struct sim_file {
    struct isr_file name;
    bool exists;
    struct sim_content content;
    struct sim_change *changes, *changes_last;
    uint64_t changes_made;
    struct sim_ghost *ghosts;
    uint64_t deleted_order; /* the deletion is not durable before a sync asked for after this one; 0: it is */
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
    uint64_t order;                         /* among all operations of the disk, from 1 */
    uint64_t changes_before, changes_after; /* the file's changes_made before and after it */
    int64_t size_before;                    /* of the file */
    int64_t done_ns;                        /* when it completes */
    uint32_t entries;       /* of the queue that stand for it: more than one when it was brought forward */
    bool completed;         /* its time has come; it may wait for a paused process */
    bool told;              /* the process knows */
    bool lies;              /* it succeeds and makes nothing durable */
    bool cleans;            /* a sync that fails and marks the pages clean */
    bool stalled;           /* its time came while the disk stood still */
    struct isr_bytes bytes; /* READ; of the disk's memory */
    struct isr_file_entry *files; /* LIST */
    uint32_t files_count;
};

/* The next count operations of these kinds on these files are struck. */
struct sim_disk_strike {
    unsigned operations; /* SIM_OPERATION_* */
    unsigned files;      /* bit (1 << enum isr_file_kind); 0: any */
    int64_t count;
};

enum sim_damage {
#define X(NAME, counter, betrayal, ACTION, words) SIM_DAMAGE_##NAME,
#include "sim/damages.def"
#undef X
    SIM_DAMAGES
};
const char *sim_damage_words(int64_t damage);

/* How often the segments of a partition were betrayed; the files of the quorum, under
 * a name of their own. */
struct sim_disk_betrayals {
    struct isr_tp tp;
    uint64_t count;
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
    int64_t used_bytes;  /* of the files that exist */
    int64_t limit_bytes; /* INT64_MAX: none */
    uint64_t operations_asked;
    struct sim_disk_strike fail, lose, misdirect;
    bool fail_cleans;        /* a sync that fails marks the pages clean */
    bool lying;              /* syncs succeed and do nothing */
    unsigned lying_files;    /* as in sim_disk_strike */
    bool names_volatile;     /* a deletion becomes durable by a later sync, a name by a sync of its file */
    uint32_t deletions_open; /* files with a deleted_order */
    bool slow;               /* a change made it slower */
    uint16_t steps[SIM_ACTION_KINDS]; /* which step last did that to it (sim_world.acting) */
    int64_t stalled_until_ns;         /* ISR_TIME_NEVER: until it is told to go on; 0: it works */
    struct sim_disk_betrayals *betrayals;
    uint32_t betrayals_count, betrayals_capacity;
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
/* The machine died. Returns whether a change was lost whose operation had completed; *lost_bytes: how much
 * was written and is gone. */
bool sim_disk_power_off(struct sim_world *world, struct sim_disk *disk, enum sim_survival survives,
                        int64_t *lost_bytes);

/* The disk is another, empty one: what was durable is gone too. After a power loss. How many bytes were on
 * it; -1: it was empty. */
int64_t sim_disk_wipe(struct sim_world *world, struct sim_disk *disk);

/* ---- knobs ---- */
void sim_disk_change(struct sim_world *world, struct sim_disk *disk, const struct sim_disk_spec *spec,
                     unsigned fields);
/* The next operations fail: WRITE means everything that changes a file, SYNC also a REPLACE, READ also a
 * LIST. cleans: a SYNC that fails leaves the pages marked clean, so that a later one succeeds without them
 * (Linux since 4.13; Rebello et al., USENIX ATC 2020). */
void sim_disk_fail(struct sim_disk *disk, struct sim_disk_strike strike, bool cleans);
/* SYNC, REPLACE and DELETE report success and make nothing durable. */
void sim_disk_lie(struct sim_disk *disk, bool on, unsigned files);
/* The next writes are acknowledged and never reach the medium; of a REPLACE: the old file stays. Seen when
 * the page cache is read anew. */
void sim_disk_lose_writes(struct sim_disk *disk, unsigned files, int64_t count);
/* The next writes land, with all their bytes, at another place of some file of the same kind; their own place
 * keeps the old bytes. */
void sim_disk_misdirect_writes(struct sim_disk *disk, unsigned files, int64_t count);
/* A file never synced vanishes whole at a power loss, and a deleted one comes back unless something was
 * synced later on. */
void sim_disk_lose_names(struct sim_disk *disk, bool on);
/* Changes one bit of so many stored bytes, drawn; tp: of one partition's files, NULL: of all. */
void sim_disk_rot(struct sim_world *world, struct sim_disk *disk, unsigned files, const struct isr_tp *tp,
                  int64_t count);
/* No operation completes before that time of the world; ISR_TIME_NEVER: before it is told to go on. */
void sim_disk_stall(struct sim_disk *disk, int64_t until_ns);
void sim_disk_go_on(struct sim_world *world, struct sim_disk *disk);
/* No more than so many further bytes. */
void sim_disk_fill(struct sim_disk *disk, int64_t free_bytes);
/* Room again, up to the configured capacity. */
void sim_disk_free(struct sim_disk *disk);
/* Every knob is back where it was at first. */
void sim_disk_heal(struct sim_world *world, struct sim_disk *disk, const struct sim_disk_spec *spec);

/* ---- looking in ---- */
/* The file in the page cache, NULL when there is none. */
const struct sim_file *sim_disk_file(const struct sim_disk *disk, struct isr_file name);
/* Whether every change of the file is durable. */
static inline bool sim_file_synced(const struct sim_file *file)
{
    return file->changes == NULL;
}
/* How often what was durable, or called durable, of the partition's files went bad or away; only grows. */
uint64_t sim_disk_betrayed(const struct sim_disk *disk, struct isr_tp tp);
/* The same of the quorum's files, of what cannot be told from their content. */
uint64_t sim_disk_quorum_betrayed(const struct sim_disk *disk);
/* And of a peer's vote. */
uint64_t sim_disk_votes_betrayed(const struct sim_disk *disk);

#endif
