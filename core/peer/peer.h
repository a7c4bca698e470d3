/* A peer: one replica of a group that has no controller. The peers of a group elect their leader by vote,
 * keep their own membership, watch each other's health, and replicate one log by pull or by push.
 *
 * Phases (peer.c has the table of allowed moves; isr_peer_assert what holds in each):
 *
 *   RECOVERING ----> BOOTSTRAP ----leader found----> READINESS --within peer_ready_lag--> RUN (follower)
 *        |               |                               |   ^                             |  ^
 *        |      the only member, or founder       leader lost   data missing        leader lost  leader found
 *        |               v                               v   |                             v  |
 *        |           ELECTION <------------------------- + --+---------------------------ELECTION
 *        |               `---majority---> RUN (leader) --deposed, unhealthy, alone---> ELECTION
 *        `--any phase----> CLOSING
 *
 * Modules, each with one concern: bootstrap.c (the way into the group), cluster.c (who is in it), heartbeat.c
 * (the full mesh), health.c (its own), election.c (all that makes a leader or a follower), replication.c (the
 * log's way from leader to followers), wal.c (the log), checkpoint.c and deletion.c (its start), state.c
 * (what is durable beside the log), service.c (clients).
 *
 * Safety, in the order in which one rests on the other:
 *   P1  term, vote, membership and mark are durable before any message or count relies on them.
 *   P2  a term has at most one leader: one vote a term, a majority of the membership, memberships that follow
 *       each other share a majority (cluster.c).
 *   P3  a log is as up to date as (last term, log end), the last term being that of the last record or of the
 *       mark: a replica is marked in a term when it holds its leader's log up to where that leader began. The
 * mark stands for the no-op of Ongaro's thesis 6.4: only marked replicas count for the high watermark, so
 *       nothing of an older term is committed by counting (3.6.2).
 *       A snapshot at an offset stands for all records before it, which are committed; it is told by the
 *       epoch of the last of them. Until it is durable its replica neither counts nor is marked, and a crash
 *       leaves a part of its old log: no record below the snapshot needs that replica, as a majority without
 *       it held the last one, or it would not have been out of range.
 *   P4  the high watermark is isr_commit_end of the marked replicas; what that is worth when disks are lost
 * is isr_commit_promise with peer votes. */
#ifndef ISR_PEER_PEER_H
#define ISR_PEER_PEER_H

#include "core/broker/partition.h"
#include "core/policy/commit.h"
#include "core/wire/message.h"

enum isr_peer_transfer { ISR_PEER_PULL, ISR_PEER_PUSH };

/* Where the host name of the group leads to: a node, or one drawn anew for each connection. */
enum { ISR_PEER_HOST_BALANCER = 0 };

struct isr_peer_options {
    enum isr_commit_policy commit;
    uint32_t followers_needed; /* semi_sync */
    enum isr_peer_transfer transfer;
    int32_t host; /* a node that is its own host founds the group, unless its disk knows one */
    struct isr_replicas balanced; /* behind the balancer */
    struct isr_replicas members;  /* known from the start; empty: the founder alone, others are let in */
    int64_t retention_bytes, retention_time; /* the topic's, by which the WAL is checkpointed; 0: never */
    int64_t segment_time;                    /* the topic's; 0: segments are closed by size alone */
    struct isr_name topic;                   /* under which clients know the group's log */
};

enum isr_peer_phase {
#define X(NAME, name, meaning) ISR_PEER_##NAME,
#include "core/peer/phases.def"
#undef X
    ISR_PEER_PHASES
};

enum isr_peer_refusal {
#define X(NAME, words) ISR_REFUSAL_##NAME,
#include "core/peer/refusals.def"
#undef X
    ISR_REFUSALS
};

enum isr_peer_candidacy {
    ISR_CANDIDACY_NONE,
    ISR_CANDIDACY_PROBING,    /* asks the leader whether it is well */
    ISR_CANDIDACY_WAITING,    /* a random time */
    ISR_CANDIDACY_CANVASSING, /* asks who would vote for it */
    ISR_CANDIDACY_STANDING,   /* asks for votes of a term of its own */
};

/* What a peer knows of another node of the group. */
struct isr_peer_node {
    int32_t node;
    /* heartbeat.c */
    int64_t heard_ns; /* ISR_NEVER_CAUGHT_UP: never */
    bool silent;
    int32_t term, leader;
    int32_t config_term, config_version; /* on its disk */
    /* election.c: this candidacy's answers */
    bool granted;
    bool vote_owed; /* to it, when the vote is durable */
    /* replication.c: as told to this leader in its own term */
    int64_t life; /* of the node, as told with its position */
    bool known;   /* it told where its log ends */
    bool waiting; /* pull: a position waits for an answer */
    bool ready;
    bool wants_snapshot; /* that position says: it knows that it is out of range */
    uint32_t correlation;
    int64_t wait_until_ns;
    int64_t log_end; /* push: up to here was sent to it */
    int32_t last_epoch;
    int64_t held_end;
    int64_t log_start;
    int32_t mark_term;
    int64_t high_watermark_sent, log_start_sent;
    int64_t told_ns;
};

struct isr_peer_waiter;     /* a produce request: service.c */
struct isr_peer_fetch_wait; /* a consumer's fetch: service.c */
struct isr_peer_deletion;   /* records to be deleted: deletion.c */

struct isr_peer {
    struct isr_env *env;
    struct isr_peer_options options;
    struct isr_log_store *store;
    struct isr_partition
        partition; /* what others may look at: role, leader, leader epoch (= term), log; peer.c */
    enum isr_peer_phase phase;
    uint32_t correlation;
    void (*stopped)(void *object);
    void *object;
    bool stopping;

    /* state.c: what is on disk beside the log, as wanted; durable when state_wanted == state_durable */
    struct isr_peer_state state;
    uint32_t state_wanted, state_writing, state_durable;
    bool state_read, log_read;

    /* cluster.c */
    struct isr_peer_node nodes[ISR_REPLICAS_MAX];
    uint32_t nodes_count;
    int64_t config_log_end; /* leader: the log's end when the membership became what it is */

    /* bootstrap.c */
    struct isr_timer hello_timer;
    uint32_t hello_correlation; /* 0: none under way */
    uint32_t hellos_unanswered;
    int32_t hello_to; /* whom to ask next instead of the host; ISR_NODE_NONE: the host */
    int32_t hello_asked;

    /* heartbeat.c */
    struct isr_timer heartbeat_timer;
    int64_t heartbeat_due_ns;

    /* health.c */
    bool unhealthy;
    uint32_t looks_unwell, looks_well; /* in a row */
    int64_t write_since_ns;  /* the oldest write of the log that is under way; ISR_TIME_NEVER: none */
    int64_t write_end;       /* it is done when the log is held up to here */
    int64_t disk_latency_ns; /* the longest since the last look */
    int64_t step_lag_ns;

    /* election.c */
    enum isr_peer_candidacy candidacy;
    struct isr_timer candidacy_timer;
    int32_t candidacy_term;
    int32_t highest_term; /* seen anywhere */
    uint32_t probe_correlation;
    int64_t leader_heard_ns;
    bool suspects;           /* the leader could not be reached */
    int32_t voted_last_term; /* how up to date the log was when the latest vote was given (P3) */
    int64_t voted_log_end;
    int32_t open_candidate; /* the election in which it voted; ISR_NODE_NONE */
    int64_t open_until_ns;
    int64_t led_since_ns;
    int64_t alone_since_ns; /* no leader is known since then */

    /* replication.c */
    struct isr_timer pull_timer;
    uint32_t pull_correlation;
    int64_t sent_log_end;
    int32_t sent_last_epoch;
    bool data_ready;                   /* within peer_ready_lag of the leader */
    bool marked;                       /* durably, in the term of the state (P3) */
    bool matched;                      /* follower: the log is a prefix of the leader's */
    int64_t leader_start;              /* of its epoch, as told */
    int64_t leader_log_start;          /* as told */
    int64_t leader_end, leader_end_ns; /* data readiness: to be reached */
    bool wants_snapshot;               /* the leader said that this log is out of range */
    bool mark_clearing; /* the mark was dropped and that is not durable: the log stands still */

    /* checkpoint.c */
    struct isr_timer checkpoint_timer;

    /* deletion.c */
    struct isr_peer_deletion *deletions;

    /* service.c */
    struct isr_peer_waiter *waiters, *waiters_free;
    struct isr_peer_fetch_wait *fetch_waits, *fetch_waits_free;
    struct isr_timer waits_timer;
};

/* The border: core/node.c. */
struct isr_peer *isr_peer_new(struct isr_env *env, const struct isr_peer_options *options);
void isr_peer_start(struct isr_peer *peer);
/* Clean stop; calls stopped when everything is on disk. */
void isr_peer_shutdown(struct isr_peer *peer, void (*stopped)(void *object), void *object);
/* False when the message is none of a peer's. */
bool isr_peer_message(struct isr_peer *peer, int32_t from, const struct isr_message *message);
/* ISR_COMMAND_CAMPAIGN. */
void isr_peer_command(struct isr_peer *peer, const struct isr_command *command);
uint64_t isr_peer_digest(const struct isr_peer *peer, uint64_t hash);

/* What phases.def and refusals.def call them; "?" for what is neither. */
const char *isr_peer_phase_name(int64_t phase);
const char *isr_peer_refusal_words(int64_t refusal);

#endif
