/* One partition on one broker: its role, its ISR as this broker knows it, and the state of the remote replicas
 * when it leads. PROTOCOL: Kafka's Partition and Replica; KIP-101, 320, 497, 841, 903, 966. */
#ifndef ISR_BROKER_PARTITION_H
#define ISR_BROKER_PARTITION_H

#include "core/base/env.h"
#include "core/log/log.h"

enum isr_replica_role { ISR_ROLE_NONE, ISR_ROLE_LEADER, ISR_ROLE_FOLLOWER };

/* The ISR is a sum type (KIP-497): at most one AlterPartition in flight. */
enum isr_isr_state { ISR_STATE_COMMITTED, ISR_STATE_PENDING_EXPAND, ISR_STATE_PENDING_SHRINK };

/* What the leader knows of one remote replica. */
struct isr_remote_replica {
    int32_t node;
    int64_t log_start;
    int64_t log_end; /* fetch offset of its last accepted fetch in this epoch, ISR_OFFSET_NONE when none */
    int64_t last_fetch_leader_end; /* the leader's LEO at its previous fetch */
    int64_t last_fetch_ns;
    int64_t last_caught_up_ns;
    int64_t broker_epoch; /* of its last fetch, -1 when none */
    int64_t high_watermark_sent; /* the last high watermark this replica was told */
};

struct isr_partition {
    struct isr_tp tp;
    struct isr_log *log;
    enum isr_replica_role role;
    int32_t leader;
    int32_t leader_epoch;
    int32_t partition_epoch;
    bool recovering;
    struct isr_replicas replicas;
    int32_t min_isr;
    /* leader */
    int64_t epoch_start; /* log_end when this leadership began */
    enum isr_isr_state isr_state;
    struct isr_replicas isr;     /* committed, as last told by the controller */
    struct isr_replicas proposed; /* what is in flight while pending */
    struct isr_remote_replica remotes[ISR_REPLICAS_MAX];
    uint32_t remotes_count;
    struct isr_leader *leading;   /* requests that wait, AlterPartition in flight; NULL unless leader */
    struct isr_fetcher *fetching; /* NULL unless follower */
    struct isr_broker *broker;
};

/* The maximal ISR: committed and proposed together (KIP-497). The only place where it is computed. */
struct isr_replicas isr_partition_maximal_isr(const struct isr_partition *partition);

#endif
