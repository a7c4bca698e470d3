/* What the files of the adapter share. Its rules are in README.md.
 *
 *     READING --all files read--> REWRITING --durable again--> RUNNING --error, or it gave up--> halted
 *        \----- nothing there, and a first voter ----^
 *
 * REWRITING: what was read, or the first configuration, is written anew and synced. RUNNING: the library
 * works.
 *
 * The library asks for term and vote to be durable when the call returns. The node is held instead: from that
 * call on nothing leaves it and nothing is given to the library until the disk has answered.
 *
 *     open --set_term, set_vote--> held --durable--> open, and all that waited goes on in its order
 *
 * Invariants: the library is never entered from inside itself; a callback of it is never called from inside
 * the call that asked for it; jobs of the disk are carried out one after the other, in the order of the
 * calls; told_applied <= the library's last_applied. */
#ifndef SIM_LIBRAFT_INTERNAL_H
#define SIM_LIBRAFT_INTERNAL_H

#include <raft.h>
#include <string.h>

#include "core/base/env.h"
#include "core/wire/message.h"
#include "sim/libraft/libraft.h"

/* Beyond these a frame or a file is nonsense. */
#define LIBRAFT_NUMBER_MAX ((uint64_t)1 << 60)
#define LIBRAFT_TERM_MAX ((uint64_t)1 << 30)

/* ---- the log as the library has it in memory: what the outside is told of it ---- */

struct libraft_entry {
    int32_t term;
    uint16_t type; /* RAFT_COMMAND, RAFT_BARRIER, RAFT_CHANGE */
    uint32_t size_bytes;
    uint64_t digest;
    uint8_t *data;
};
struct libraft_mirror {
    int64_t base_index; /* the last entry that is gone */
    struct libraft_entry *entries;
    uint32_t count, capacity;
};

/* ---- the log file ---- */

struct libraft_record {
    int64_t position;
    uint32_t crc; /* chained over all before it */
};
struct libraft_file {
    int64_t number; /* 0: there is none yet */
    int64_t base_index;
    int32_t base_term;
    uint32_t base_crc;
    struct libraft_record *records; /* records[i]: of entry base_index + 1 + i */
    uint32_t records_count, records_capacity;
    uint8_t *image; /* the file's content, as it will be when all that was asked for is done */
    uint32_t image_bytes, image_capacity;
};

enum libraft_job_kind { LIBRAFT_JOB_APPEND, LIBRAFT_JOB_TRUNCATE, LIBRAFT_JOB_SNAPSHOT };
struct libraft_job {
    struct libraft_job *next;
    enum libraft_job_kind kind;
    int64_t index; /* APPEND: of its first entry; TRUNCATE: the first to go; SNAPSHOT: its last */
    struct raft_entry *entries; /* APPEND: their data is the library's until the callback */
    uint32_t count;
    struct raft_io_append *append;
    raft_io_append_cb append_cb;
    struct raft_io_snapshot_put *put;
    raft_io_snapshot_put_cb put_cb;
    uint32_t trailing;
    int32_t term;
    uint8_t *file; /* SNAPSHOT */
    uint32_t file_bytes;
};

/* ---- what waits for the library to have returned ---- */

enum libraft_completion_kind {
    LIBRAFT_COMPLETED_SEND,
    LIBRAFT_COMPLETED_APPEND,
    LIBRAFT_COMPLETED_PUT,
    LIBRAFT_COMPLETED_GET,
    LIBRAFT_COMPLETED_WORK,
    LIBRAFT_RECEIVED, /* a frame that came while the node was held */
};
struct libraft_completion {
    struct libraft_completion *next;
    enum libraft_completion_kind kind;
    void *request; /* the library's */
    raft_io_send_cb send_cb;
    raft_io_append_cb append_cb;
    raft_io_snapshot_put_cb put_cb;
    raft_io_snapshot_get_cb get_cb;
    raft_io_async_work_cb work_cb;
    struct raft_snapshot *snapshot; /* GET */
    int status;
    int32_t from; /* RECEIVED */
    uint8_t *frame;
    uint32_t frame_bytes;
};

/* A frame that waits for term and vote to be durable. */
struct libraft_frame {
    struct libraft_frame *next;
    int32_t to;
    uint32_t size_bytes;
    uint8_t data[];
};

enum libraft_phase { LIBRAFT_READING, LIBRAFT_REWRITING, LIBRAFT_RUNNING };

/* What an administrator asked for. ADDING: it is a spare, and is assigned its role next. */
enum libraft_alteration { LIBRAFT_UNALTERED, LIBRAFT_TRANSFERRING, LIBRAFT_ADDING, LIBRAFT_CHANGING };

struct libraft {
    struct isr_consensus base;
    struct isr_env *env;
    struct isr_consensus_machine machine;
    struct isr_replicas voters, nodes;
    enum libraft_phase phase;
    struct raft_heap heap; /* the node's, for the library */
    struct raft_io io;
    struct raft_fsm fsm;
    struct raft_tracer tracer; /* silent */
    struct raft raft;
    bool inside;   /* the library is running */
    bool settling; /* libraft_settle is */
    raft_io_tick_cb tick;
    raft_io_recv_cb receive;
    int64_t tick_ns;
    struct isr_timer tick_timer;
    bool tick_owed; /* it came while the node was held */

    /* term and vote */
    int32_t term, vote; /* as the library has set them; vote: 0 for none */
    bool unsettled;     /* set, and not written yet */
    bool held;          /* being written */
    struct libraft_frame *frames, *frames_last;

    struct libraft_file file;
    int64_t append_index; /* where the next entries that the library hands over belong */
    struct libraft_job *jobs, *jobs_last;
    bool disk_busy;
    struct libraft_job *flushing; /* APPEND jobs under way */
    struct libraft_completion *completions, *completions_last;
    uint8_t *snapshot_file; /* the latest durable one, NULL: none */
    uint32_t snapshot_bytes;
    int64_t snapshot_index; /* of it; 0: none */
    int32_t snapshot_term;
    int64_t restoring_index; /* of the snapshot that the library is given or installs */
    int32_t restoring_term;
    int64_t *old_logs, *old_snapshots; /* at the start: what is left over */
    uint32_t old_logs_count, old_logs_capacity, old_snapshots_count, old_snapshots_capacity;
    bool vote_found;

    struct libraft_mirror mirror;
    int64_t told_commit, told_applied;
    struct {
        bool told;
        enum isr_consensus_role role;
        int32_t term, leader;
    } seen; /* what was observed last */
    struct isr_consensus_members members_seen;
    int64_t members_index;
    struct isr_consensus_members committed_members;

    /* what the machine was told last */
    enum isr_consensus_role told_role;
    int32_t told_term, told_leader;
    struct raft_barrier barrier;
    bool barrier_waits;
    int32_t barrier_term; /* the term whose first entry was asked for; 0: none */
    int32_t leads_term;   /* whose first entry is applied */

    enum libraft_alteration alteration;
    struct raft_change change;
    bool change_waits; /* the library has the change */
    int change_status; /* how it ended */
    struct raft_transfer transfer;
    bool transfer_waits; /* the library has the transfer */
    int32_t alteration_node;
    int alteration_role;   /* RAFT_VOTER, RAFT_STANDBY; -1: it takes no part any more */
    bool alteration_asked; /* by an administrator: the machine is told */
    bool resigned;
    void (*resign_done)(void *object);
    void *resign_object;
    struct isr_timer resign_timer;
};

/* ---- heap.c ---- */
enum { LIBRAFT_ADDRESS_BYTES = 16 };
/* What the library calls a node's address: "n3". */
void libraft_address(char address[LIBRAFT_ADDRESS_BYTES], int32_t node);
/* Adds a member to a configuration; false where it is none that there can be: no node's id, one that is there
 * already, no role. */
bool libraft_member_add(struct raft_configuration *configuration, int32_t node, int role);
void libraft_heap_init(struct libraft *libraft);
/* Every entry into the library is between these; leave carries out all that waited. */
void libraft_enter(struct libraft *libraft);
void libraft_leave(struct libraft *libraft);

/* ---- wire.c: messages as bytes ---- */
/* In scratch. False: it is of no kind that is sent. */
bool libraft_message_encode(const struct raft_message *message, struct isr_scratch *scratch,
                            struct isr_bytes *frame);
/* Fills message with memory of the library's heap, which the library releases; addresses are not filled.
 * False, and nothing is allocated, when the bytes are none that encode makes. */
bool libraft_message_decode(struct isr_bytes frame, struct isr_scratch *scratch,
                            struct raft_message *message);

/* ---- format.c: the three files ---- */
enum { LIBRAFT_VOTE_BYTES = 16, LIBRAFT_LOG_HEADER_BYTES = 20, LIBRAFT_RECORD_BYTES = 21 };
void libraft_vote_put(uint8_t *out, int32_t term, int32_t vote);
bool libraft_vote_get(struct isr_bytes file, int32_t *term, int32_t *vote);
/* Empties the image and begins it anew behind an entry. */
void libraft_file_begin(struct libraft_file *file, struct isr_heap *heap, int64_t base_index,
                        int32_t base_term);
void libraft_file_append(struct libraft_file *file, struct isr_heap *heap, int32_t term, uint16_t type,
                         struct isr_bytes data);
/* Cuts entries from index on; nothing happens when there are none. */
void libraft_file_truncate(struct libraft_file *file, int64_t index);
static inline int64_t libraft_file_last(const struct libraft_file *file)
{
    return file->base_index + file->records_count;
}
/* The entry's term, type and data; index must be there. */
void libraft_file_entry(const struct libraft_file *file, int64_t index, int32_t *term, uint16_t *type,
                        struct isr_bytes *data);
/* Drops entries up to index, which must be there; the chain begins anew. */
void libraft_file_compact(struct libraft_file *file, struct isr_heap *heap, int64_t index);
/* Takes what is sound of the bytes; false when not even the header is. */
bool libraft_file_parse(struct libraft_file *file, struct isr_heap *heap, struct isr_bytes bytes);
/* A snapshot's file, in the heap. */
uint8_t *libraft_snapshot_put(struct isr_heap *heap, const struct raft_snapshot *snapshot,
                              uint32_t *size_bytes);
bool libraft_snapshot_check(struct isr_bytes file, int64_t *index, int32_t *term);
/* In the library's heap. NULL when the file is damaged. */
struct raft_snapshot *libraft_snapshot_get(struct isr_bytes file);

/* ---- disk.c: jobs, one after the other ---- */
static inline struct isr_file libraft_disk_file(enum isr_file_kind kind, int64_t number)
{
    return (struct isr_file){.kind = kind, .number = number};
}
/* Halts the node unless the operation went well. */
bool libraft_disk_ok(struct libraft *libraft, const struct isr_io_result *result);
struct libraft_job *libraft_job_add(struct libraft *libraft, enum libraft_job_kind kind);
/* Goes on with the next job unless one is under way or the node is held. */
void libraft_disk_go_on(struct libraft *libraft);

/* ---- recovery.c: from what is on the disk ---- */
void libraft_recover(struct libraft *libraft);

/* ---- io.c, machine.c: what the library calls ---- */
void libraft_io_init(struct libraft *libraft);
void libraft_fsm_init(struct libraft *libraft);
struct libraft_completion *libraft_completion_add(struct libraft *libraft, enum libraft_completion_kind kind);
/* Writes term and vote where the library set them; the node is held until they are durable. */
void libraft_vote_settle(struct libraft *libraft);

/* ---- adapter.c ---- */
void libraft_start(struct libraft *libraft); /* all is read and durable */
void libraft_halt(struct libraft *libraft, enum isr_io_status reason);
/* What waits for the library: completions, then what came while the node was held. */
void libraft_settle(struct libraft *libraft);
void libraft_received(struct libraft *libraft, int32_t from, struct isr_bytes frame);

/* ---- observe.c ---- */
static inline int64_t libraft_mirror_last(const struct libraft *libraft)
{
    return libraft->mirror.base_index + libraft->mirror.count;
}
const struct libraft_entry *libraft_mirror_entry(const struct libraft *libraft, int64_t index);
/* Entries that the library put into its log and hands over to be written. */
void libraft_observe_entries(struct libraft *libraft, const struct raft_entry *entries, unsigned count);
/* It asks for entries from index on to be cut. */
void libraft_observe_truncation(struct libraft *libraft, int64_t index);
/* Compares what the library shows with what was told, and tells what is new. */
void libraft_observe(struct libraft *libraft);
/* What the library found at its start. */
void libraft_observe_start(struct libraft *libraft);
struct isr_consensus_members libraft_members_of(const struct raft_configuration *configuration);

/* ---- machine.c: what the port's machine is given; false when there was nothing ---- */
bool libraft_apply_next(struct libraft *libraft);
bool libraft_machine_go_on(struct libraft *libraft);
/* Asks for the first entry of the term that the library leads. */
bool libraft_barrier(struct libraft *libraft);

/* ---- alteration.c ---- */
enum isr_error libraft_transfer(struct libraft *libraft, int32_t target);
enum isr_error libraft_change(struct libraft *libraft, enum isr_quorum_change change, int32_t node);
bool libraft_alteration_go_on(struct libraft *libraft);
void libraft_resign(struct libraft *libraft, void (*done)(void *object), void *object);
bool libraft_resignation_go_on(struct libraft *libraft);
void libraft_resign_timer_fired(void *object);

#endif
