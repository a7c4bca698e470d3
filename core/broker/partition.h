/* One partition on one broker: its role, its ISR as this broker knows it, and the state of the remote
 * replicas when it leads. After Kafka's Partition and Replica; KIP-101, 320, 497, 841, 903, 966.
 *
 * Roles (partition.c; every move is a partition record with a newer partition epoch):
 *
 *              leader = this broker                        leader = another, or none
 *   NONE -------------------------> LEADER <------------------------------------------- FOLLOWER
 *     |                               |  ------------------------------------------------> ^
 *     +-----------------------------------------------------------------------------------+
 *   any role -> NONE when the broker stops, and before the partition goes: its topic was removed, or its
 *   replicas no longer name this broker
 *
 * The ISR while LEADER (KIP-497; alter_partition.c, isr_membership.c):
 *
 *   COMMITTED --a replica caught up--> PENDING_EXPAND   maximal ISR = committed and the new one
 *   COMMITTED --members fell behind--> PENDING_SHRINK   maximal ISR = committed
 *   PENDING_* --answer or metadata---> COMMITTED        its ISR, or the one before
 *
 * Invariants, asserted by isr_partition_assert after every move:
 *   leading != NULL exactly while LEADER, fetching != NULL exactly while FOLLOWER
 *   remotes and ISR are known only while LEADER, and every remote is a replica other than this broker
 *   COMMITTED has nothing proposed; PENDING_EXPAND proposes a superset of the ISR, PENDING_SHRINK a part
 *   log start <= high watermark <= LEO (I8) */
#ifndef ISR_BROKER_PARTITION_H
#define ISR_BROKER_PARTITION_H

#include "core/base/env.h"
#include "core/log/log.h"
#include "core/policy/settings.h"

enum isr_replica_role { ISR_ROLE_NONE, ISR_ROLE_LEADER, ISR_ROLE_FOLLOWER };

/* The ISR is a sum type (KIP-497): at most one AlterPartition in flight. */
enum isr_isr_state { ISR_STATE_COMMITTED, ISR_STATE_PENDING_EXPAND, ISR_STATE_PENDING_SHRINK };

/* Sending to one remote replica (transfer push, push.c). */
struct isr_push {
    enum { ISR_PUSH_UNKNOWN, ISR_PUSH_STREAM, ISR_PUSH_REFUSED, ISR_PUSH_DIVERGED } state;
    bool queued;        /* among those that the sender looks at next */
    int64_t next;       /* where the next records begin, or where the follower is (REFUSED, DIVERGED) */
    int32_t next_epoch; /* the last epoch of its log there */
    struct isr_epoch_end diverging;
    uint32_t since; /* the first request after `next` was set anew, 0: none was sent yet */
    int64_t sent_ns;
};

/* What the leader knows of one remote replica. */
struct isr_remote_replica {
    int32_t node;
    int64_t log_start;
    int64_t log_end; /* fetch offset of its last accepted fetch in this epoch, ISR_OFFSET_NONE when none */
    int64_t last_fetch_leader_end; /* the leader's LEO at its previous fetch */
    int64_t last_fetch_ns;
    int64_t last_caught_up_ns;
    int64_t broker_epoch;         /* of its last fetch, -1 when none */
    int64_t high_watermark_sent;  /* the last high watermark this replica was told */
    int64_t message_lag_since_ns; /* too many records behind without a break since then, ISR_TIME_NEVER when
                                     not */
    int64_t clean_end;            /* up to where its log is compacted, as it told in the life of its broker */
    int64_t clean_broker_epoch;   /* with this epoch */
    struct isr_push push;
};

struct isr_leader;
struct isr_fetcher;
struct isr_fetch_wait;
struct isr_broker;
struct isr_image_partition;
struct isr_image_topic;

/* last_caught_up_ns of a replica that was never caught up: before any clock reading, far from overflow. */
#define ISR_NEVER_CAUGHT_UP (INT64_MIN / 4)

struct isr_partition {
    struct isr_tp tp;
    struct isr_log *log;
    enum isr_replica_role role;
    int32_t leader;
    int32_t leader_epoch;
    int32_t partition_epoch;
    bool recovering;
    struct isr_replicas replicas;
    struct isr_topic_settings settings; /* the topic's */
    int64_t all_clean_end;              /* all replicas' logs are compacted up to there: compaction.c */
    /* leader */
    int64_t epoch_start; /* log_end when this leadership began */
    enum isr_isr_state isr_state;
    struct isr_replicas isr;      /* committed, as last told by the controller */
    struct isr_replicas proposed; /* what is in flight while pending */
    struct isr_remote_replica remotes[ISR_REPLICAS_MAX];
    uint32_t remotes_count;
    struct isr_leader *leading;   /* requests that wait, AlterPartition in flight; NULL unless leader */
    struct isr_fetcher *fetching; /* NULL unless follower */
    /* fetch_truncate: where the leader said that the logs part; outlives the fetcher where nobody asks whose
     * the partition is */
    struct isr_timer truncate_yield;
    struct isr_epoch_end diverging;
    struct isr_fetch_wait *fetch_waits; /* sessions that have this partition; fetch_session.h */
    struct isr_broker *broker;
};

/* The maximal ISR: committed and proposed together (KIP-497). The only place where it is computed. */
struct isr_replicas isr_partition_maximal_isr(const struct isr_partition *partition);

/* Takes the role that a partition record gives this broker, a replica; older records are ignored. */
void isr_partition_apply(struct isr_partition *partition, const struct isr_image_partition *image,
                         const struct isr_image_topic *topic, enum isr_cause cause);
/* Gives up the role. Requests that wait are answered NOT_LEADER_OR_FOLLOWER. */
void isr_partition_resign(struct isr_partition *partition);
/* The topic's settings, for the partition and its log. Copies. */
void isr_partition_configure(struct isr_partition *partition, const struct isr_topic_settings *settings);
/* To be given to the log: its held end grew. */
void isr_partition_held(void *partition);

/* min(min ISR of the topic, replicas): what acks=all and the high watermark need. */
int32_t isr_partition_min_isr(const struct isr_partition *partition);
/* An ISR of so many members is smaller than that, where the commit policy asks for it. */
bool isr_partition_too_few(const struct isr_partition *partition, int32_t members);
/* The committed ISR is (Kafka's isUnderMinIsr). */
bool isr_partition_under_min_isr(const struct isr_partition *partition);
/* What the leader knows of a replica; NULL for itself and for strangers. */
struct isr_remote_replica *isr_partition_remote(struct isr_partition *partition, int32_t node);
/* An epoch against this broker's: FENCED_LEADER_EPOCH when it is older, UNKNOWN_LEADER_EPOCH when it is
 * newer, NONE when equal. */
enum isr_error isr_partition_compare_epoch(const struct isr_partition *partition, int32_t leader_epoch);
/* KIP-320: the epoch that a request was made in, so compared; NONE also when it is not given (-1). */
enum isr_error isr_partition_check_epoch(const struct isr_partition *partition, int32_t current_leader_epoch);
/* Moves the high watermark to an offset inside the log and observes it with its cause; true when it moved. */
bool isr_partition_move_high_watermark(struct isr_partition *partition, int64_t offset, enum isr_cause cause);
/* Cuts the log at offset; observes a high watermark that sank with it. An offset below the log's start drops
 * all. */
void isr_partition_truncate(struct isr_partition *partition, int64_t offset, enum isr_cause cause);
/* Drops all and begins at offset with the producers that the leader's log told of (isr_log_bootstrap). */
bool isr_partition_bootstrap(struct isr_partition *partition, const struct isr_log_state *state,
                             enum isr_cause cause);

void isr_partition_assert(const struct isr_partition *partition);

/* Tells of a new role; for partitions of peers too. */
void isr_partition_observe_leader(struct isr_env *env, const struct isr_partition *partition,
                                  enum isr_cause cause);
void isr_partition_observe_follower(struct isr_env *env, const struct isr_partition *partition,
                                    enum isr_cause cause);

#endif
