/* Raft behind the consensus port, after Ongaro's thesis ("Consensus: Bridging Theory and Practice", 2014).
 * Sections are cited at the rules.
 *
 * Roles and moves (figure 3.3, with the pre-vote of 9.6):
 *
 *     FOLLOWER --timeout--> FOLLOWER, prevoting --majority would vote--> CANDIDATE --majority voted--> LEADER
 *        ^                      |  ^                                        |                           |
 *        +--- leader heard -----+  +------------- timeout ------------------+                           |
 *        +-------- higher term, or (leader) no majority heard for an election timeout ------------------+
 *        +-------- (leader) the configuration without it is committed (4.2.2) --------------------------+
 *     FOLLOWER --TimeoutNow of its leader (3.10)--> CANDIDATE, without a pre-vote
 * Only a voter stands for election, of its latest configuration or, while that is not committed, of the one
 * before (4.2.2). What a leader is asked to alter is in alteration.c, configurations in membership.c.
 *
 * What is on disk, and who waits for it:
 *     vote file       term and vote   a vote, a vote request, an acknowledgement of entries
 *     log file        entries         an acknowledgement, the leader's own place in the count
 *     snapshot file   machine state   compaction, the answer "installed"
 *
 * A disk error ends the process: after a failed sync nothing is known about what the disk holds.
 *
 * Invariants (asserted in quorum_check, quorum.c):
 *     snapshot_index, log.base_index <= applied_index <= commit_index <= last index of the log
 *     log.base_index <= snapshot_index (nothing between the snapshot and the log is missing)
 *     durable_index <= written_index <= last index of the log
 *     durable_term <= term
 *     configurations ascend; the first is at or before snapshot_index, the others behind it and in the log
 * Observations rebuild a node's log from nothing after each start: QUORUM_COMPACTED tells where it begins,
 * then QUORUM_APPENDED each entry found on disk. */
#ifndef ISR_QUORUM_QUORUM_H
#define ISR_QUORUM_QUORUM_H

#include "core/quorum/port.h"

/* On the wire and on disk: never renumber. */
enum isr_entry_kind {
    ISR_ENTRY_COMMAND, /* for the machine */
    ISR_ENTRY_NOOP,    /* the first of a leader's term (6.4) */
    ISR_ENTRY_MEMBERS, /* a configuration, in effect from when it is appended (4.1) */
    ISR_ENTRY_KINDS
};

/* Beyond these a message or a file is nonsense: nobody counts that far, and sums cannot overflow below. */
#define QUORUM_TERM_MAX ((int32_t)1 << 30)
#define QUORUM_INDEX_MAX ((int64_t)1 << 60)
#define QUORUM_SNAPSHOT_BYTES_MAX ((uint32_t)256 << 20)

struct quorum_entry {
    int32_t term;
    uint8_t kind;     /* enum isr_entry_kind */
    uint32_t size;    /* bytes of data */
    uint32_t crc;     /* of its record, chained over all records before it in the file */
    int64_t position; /* of its record in the log file */
    uint64_t digest;  /* of term and data: what observations tell */
    uint8_t *data;
};

/* Where a term begins: finds the borders of a term without walking the log. */
struct quorum_run {
    int64_t first_index;
    int32_t term;
};

/* The log in memory: a ring of the entries (base_index, base_index + count]. */
struct quorum_log {
    struct isr_heap *heap;
    int64_t base_index; /* the last entry that is not here any more; 0 at the very start */
    int32_t base_term;
    uint32_t base_crc; /* of the log file's header: where the chain starts */
    struct quorum_entry *entries;
    uint32_t head, count, capacity; /* capacity: a power of two */
    struct quorum_run *runs;        /* ascending, of the entries here */
    uint32_t runs_count, runs_capacity;
    int64_t end_position; /* in the log file, behind the last entry */
};

/* Who takes part from an entry of the log on; index 0: from the beginning. */
struct quorum_configuration {
    int64_t index;
    struct isr_consensus_members members;
};

/* How the leader sends to a member. PROBE: one request at a time until one is accepted. REPLICATE: pipelined.
 * SNAPSHOT: what it needs is compacted. */
enum quorum_peer_state { QUORUM_PROBE, QUORUM_REPLICATE, QUORUM_SNAPSHOT };
enum quorum_part { QUORUM_OUTSIDE, QUORUM_LEARNER, QUORUM_VOTER };

struct quorum_peer {
    int32_t node;
    enum quorum_part part; /* in the latest configuration */
    enum quorum_peer_state state;
    int64_t next_index;      /* the next entry to send; optimistic */
    int64_t match_index;     /* known to agree and durable there */
    int64_t heard_ns;        /* of its last answer in this term */
    uint64_t reset_round;    /* rejections of rounds up to this are about a state that is gone */
    uint64_t accepted_round; /* the newest round that it accepted */
    int64_t *inflight;       /* ring: the last index of each unanswered request with entries */
    uint32_t inflight_head, inflight_count;
    /* SNAPSHOT */
    int64_t snapshot_index; /* which one is under way */
    uint32_t snapshot_offset;
    int64_t snapshot_sent_ns; /* its last request */
    /* voter side: a granted vote that waits for the disk */
    bool vote_owed;
};

/* Decided before it is durable: see quorum_vote_settle. */
struct quorum_vote_file {
    bool busy;
    int32_t writing_term, writing_vote;
    int32_t durable_term, durable_vote;
    bool told; /* QUORUM_VOTED of this term's vote was emitted */
};

struct quorum_log_file {
    bool busy;              /* one flush or rewrite is under way */
    int64_t number;         /* of the file in use; 0 when there is none yet */
    int64_t writing_number; /* of the file that a rewrite makes */
    bool rewrite_wanted;    /* compacted or reset: the file is made anew before more is written */
    bool truncate_wanted;
    int64_t truncate_position;
    int64_t written_index;  /* handed to the disk */
    int64_t flushing_index; /* durable when what is under way ends; lowered by truncation meanwhile */
    int64_t durable_index;
    int64_t mark_position; /* room for the mark of the last flush; 0: none */
    bool mark_owed;        /* the flush is over: the mark leads the next write */
};

/* A snapshot: the file's bytes, whose tail is the machine's state. */
struct quorum_snapshot {
    int64_t index;
    int32_t term;
    struct quorum_configuration configuration; /* as of index */
    uint8_t *file;
    uint32_t file_bytes;
};

/* A snapshot that arrives in pieces. */
struct quorum_incoming {
    int64_t index;
    int32_t term;
    struct quorum_configuration configuration;
    uint32_t total_bytes, received_bytes, capacity;
    uint8_t *file;  /* with room for the header in front; NULL when none */
    uint64_t round; /* of its last request */
};

/* What the leader is altering, one thing at a time: see alteration.c. */
enum quorum_alteration_state {
    QUORUM_UNALTERED,
    QUORUM_CATCHING_UP,  /* node is brought up to date in rounds before it may vote (4.2.1) */
    QUORUM_CHANGING,     /* a configuration is appended and not yet committed */
    QUORUM_TRANSFERRING, /* nothing is proposed until node leads or an election timeout is over (3.10) */
};

struct quorum_alteration {
    enum quorum_alteration_state state;
    int32_t node;
    int64_t index; /* CHANGING: of the configuration */
    bool asked;    /* altered() is owed */
    /* CATCHING_UP */
    int64_t round_last_index; /* the round is over when the node has this entry */
    int64_t round_began_ns;
    uint32_t rounds_left;
    /* TRANSFERRING */
    bool target_told;
    struct isr_timer timer;
};

/* Leadership is handed away before a clean stop. */
struct quorum_resignation {
    void (*done)(void *object); /* NULL: nobody waits */
    void *object;
    struct isr_timer timer;
};

enum { QUORUM_PEERS_MAX = ISR_REPLICAS_MAX };

struct isr_quorum {
    struct isr_consensus base;
    struct isr_env *env;
    struct isr_consensus_machine machine;
    int32_t node;
    struct quorum_peer peers[QUORUM_PEERS_MAX]; /* all other nodes, members or not, in the order given */
    uint32_t peers_count;
    struct quorum_configuration *configurations; /* see the invariants; the last is in effect */
    uint32_t configurations_count, configurations_capacity;
    bool votes_here;   /* this node is a voter of the configuration in effect */
    uint32_t majority; /* of its voters */
    bool started;      /* recovery is over */
    bool resigned;     /* stands for no election any more */

    enum isr_consensus_role role;
    bool prevoting;
    bool transferred; /* candidate: its leader told it to stand, voters must not stick to that leader */
    int32_t term;
    int32_t voted_for; /* ISR_NODE_NONE */
    int32_t leader;    /* ISR_NODE_NONE */
    uint32_t votes;    /* bit 0: self; bit i + 1: peers[i] */
    struct quorum_log log;
    int64_t commit_index;
    int64_t applied_index;
    int64_t snapshot_index;
    int32_t snapshot_term;

    /* follower */
    int64_t heard_leader_ns; /* of the last message of a leader of this term; INT64_MIN when none yet */
    int64_t election_timeout_ns;
    int64_t verified_index; /* up to here the log agrees with this term's leader */
    bool ack_owed;
    uint64_t ack_round;
    struct quorum_incoming incoming;
    /* leader */
    uint64_t round;
    int64_t noop_index;
    struct quorum_alteration alteration;
    struct quorum_resignation resignation;

    struct quorum_vote_file vote_file;
    struct quorum_log_file log_file;
    struct quorum_snapshot snapshot; /* the last durable one */
    struct quorum_snapshot saving;   /* under way to the disk; file NULL when none */
    bool saving_installs;            /* it came from the leader */

    struct isr_timer election_timer; /* as leader: check-quorum */
    struct isr_timer heartbeat_timer;

    /* what the machine was told last */
    enum isr_consensus_role told_role;
    int32_t told_term;
    int32_t told_leader;
    bool settling;

    struct quorum_recovery *recovery; /* NULL when over */
};

/* In the node's heap. */
struct isr_consensus *isr_quorum_new(struct isr_env *env);

/* The structure behind the port. */
static inline const struct isr_quorum *isr_quorum_of(const struct isr_consensus *consensus)
{
    return (const struct isr_quorum *)consensus;
}
/* For checks: the entry at index, NULL when compacted or beyond the end. Borrowed until the next step. */
const struct quorum_entry *isr_quorum_entry(const struct isr_quorum *quorum, int64_t index);
int64_t isr_quorum_last_index(const struct isr_quorum *quorum);
/* The configuration in effect: the last in the log, committed or not. */
const struct quorum_configuration *isr_quorum_configuration(const struct isr_quorum *quorum);
/* What observations call digest. */
uint64_t isr_quorum_digest(int32_t term, struct isr_bytes data);

#endif
