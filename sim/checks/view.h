/* What the checks see of a world: its nodes' actual state, through a few functions. sim/checks/world_view.c
 * implements it over a simulated world; tests do over plain tables; a foreign engine can over its own
 * accessors.
 *
 * Everything is as of the end of the step whose observations are being looked at. */
#ifndef SIM_CHECKS_VIEW_H
#define SIM_CHECKS_VIEW_H

#include "core/base/rules.h"
#include "core/log/log.h"
#include "sim/spec.h"

/* One replica of a partition on a node that is up. */
struct sim_replica_view {
    int64_t log_start, log_end, high_watermark;
    enum { SIM_REPLICA_IDLE, SIM_REPLICA_LEADS, SIM_REPLICA_FOLLOWS } role;
    int32_t leader_epoch, partition_epoch;
    bool isr_pending;                     /* an AlterPartition is in flight */
    const struct isr_epoch_entry *epochs; /* the leader-epoch cache; borrowed */
    uint32_t epochs_count;
};

/* One batch in a replica's log. */
struct sim_batch_view {
    int64_t base_offset;
    uint32_t record_count;
    uint32_t crc;
    int32_t leader_epoch;
    const void *where; /* for contents; good as long as the view is looked at */
    /* what is in it; see contents */
    int64_t producer_id; /* -1 without idempotence */
    int32_t base_sequence;
    int16_t producer_epoch;
    uint64_t first_value;
    int64_t timestamp_ns;
    bool compacted; /* compaction rewrote it: fewer records may be left, and first_value may be unknown (0) */
};

/* One record with a key. */
struct sim_record_view {
    int64_t offset;
    uint64_t key;
    uint64_t value; /* the first 8 bytes of its value */
    bool tombstone;
};
/* The records that a sound batch holds, at most so many; 0 when they have no keys. */
uint32_t sim_records_of(const struct isr_batch *batch, struct sim_record_view *records, uint32_t most);

/* A partition as a controller committed it, and its topic's own configuration. */
struct sim_partition_view {
    const char *topic_name;             /* borrowed */
    struct isr_topic_settings settings; /* as configured for the topic */
    int32_t leader, leader_epoch, partition_epoch;
    bool recovering;
    struct isr_replicas replicas, isr, elr;
    int32_t
        group; /* peers, which elect by vote: how many the group began with; 0: brokers and a controller */
    int32_t group_most;                   /* and how many it may have */
    struct isr_replicas adding, removing; /* while it is reassigned */
};

struct sim_view {
    void *object;
    int32_t nodes_count; /* ids are 1..nodes_count */
    bool elr;    /* eligible leader replicas are kept (KIP-966): then no fenced broker ever stays in an ISR */
    bool synced; /* a replica holds a record only when it is synced: no power loss takes it */
    bool settles;             /* faults heal before the end: L1 is due */
    struct sim_node_set gone; /* of the nodes: do not heal then */
    enum sim_gone_how gone_how;
    int64_t late_ns; /* what is appended from then on need not be committed by the end (L1) */
    bool pools;      /* some client reads from followers that the leader called in sync */
    int64_t pool_min_gap, pool_refresh_ns, pool_lease_ns; /* as configured */
    int64_t producer_expiration_ns; /* a producer that is idle for this long may be forgotten; 0: never */
    bool consumes;                  /* some client was asked to read from the start on */
    bool raft;                      /* the controllers tell what their consensus does */
    bool alone;                     /* nothing but consensus, on numbered entries: no partitions */
    bool peers;                     /* no controller: nothing of I6 and I9 is due */
    int64_t (*now_ns)(void *object);
    const char *(*node_name)(void *object, int32_t node, char buffer[SIM_LABEL_BYTES]);
    /* The process is there, perhaps paused. */
    bool (*up)(void *object, int32_t node);
    /* The broker is up, registered and unfenced in this life, as far as it knows. */
    bool (*running)(void *object, int32_t node);
    /* False when the node is down or does not have the partition. */
    bool (*replica)(void *object, int32_t node, struct isr_tp tp, struct sim_replica_view *replica);
    /* The batches of [from, to), from the one that holds the first offset on, without what is in them: at
     * most so many. How many they are; 0 when there is none at from. */
    uint32_t (*batches)(void *object, int32_t node, struct isr_tp tp, int64_t from, int64_t to,
                        struct sim_batch_view *batches, uint32_t most);
    /* Fills in what is in it, for a batch just got. */
    void (*contents)(void *object, int32_t node, struct isr_tp tp, struct sim_batch_view *batch);
    /* The records of the batch that begins at base_offset, as sim_records_of. NULL: keys are not known. */
    uint32_t (*records)(void *object, int32_t node, struct isr_tp tp, int64_t base_offset,
                        struct sim_record_view *records, uint32_t most);
    /* Of the batches in the replica's log: the base offset of the first whose content is not what its
     * checksum says; ISR_OFFSET_NONE when all are sound. NULL: not known. */
    int64_t (*damaged)(void *object, int32_t node, struct isr_tp tp);
    /* How often the node's disk lost or changed of the partition's files what had been durable, or called
     * durable; only grows. NULL: never. */
    uint64_t (*betrayed)(void *object, int32_t node, struct isr_tp tp);
    /* The same of its quorum files, of what the engine cannot tell. NULL: never. */
    uint64_t (*quorum_betrayed)(void *object, int32_t node);
    /* The same of the votes of a peer. NULL: never. */
    uint64_t (*votes_betrayed)(void *object, int32_t node);
    /* What the node's wall clock shows. */
    int64_t (*wall_ns)(void *object, int32_t node);
    /* Bytes of the batches from offset on. */
    int64_t (*bytes)(void *object, int32_t node, struct isr_tp tp, int64_t offset);
    /* Has the leader heard the follower fetch in the follower's present life and in this leader epoch? */
    bool (*heard)(void *object, int32_t leader, struct isr_tp tp, int32_t follower);
    /* The partition as committed on one controller, or on the one that is farthest for ISR_NODE_NONE. False:
     * unknown. */
    bool (*partition)(void *object, int32_t controller, struct isr_tp tp,
                      struct sim_partition_view *partition);
    /* Is the broker registered, not fenced and not shutting down, on that controller? */
    bool (*active)(void *object, int32_t controller, int32_t broker);
    /* Probe writes of the settle phase: sent, and still unanswered. */
    void (*probes)(void *object, uint32_t *sent, uint32_t *unanswered);
    /* Is the last one to this partition unanswered? */
    bool (*probe_waits)(void *object, struct isr_tp tp);
    /* Who votes among the controllers, as last committed; none: not known. NULL: there are none. */
    void (*voters)(void *object, struct isr_replicas *voters);
    /* The first step never reached, 0-based, -1 for none. */
    int32_t (*step_unreached)(void *object);
    /* A check failed. */
    void (*fail)(void *object, enum sim_invariant invariant, const char *message);
};

#endif
