/* Replicates partitions for a program that has a control plane of its own: in-sync replicas, high watermark
 * and leader epochs without this engine's controller. The program decides who leads and who belongs to a
 * partition, and tells the manager of each of its nodes; the managers talk to each other about everything
 * else. (A program without a control plane embeds whole nodes instead: core/node.h.)
 *
 *   new --START--> recovering --the logs are read--> ready --SHUTDOWN--> closing --on disk--> exited
 *
 *   recovering  partitions may be added; they take their roles when the manager is ready
 *   ready       leads and follows what was added
 *   closing     no role any more; the logs are synced, the clean-shutdown marker written
 *
 * What the program must keep to, as it is the controller:
 *   - a leader epoch is given to one leader only, and grows with each change of the leader (I5)
 *   - a new leader comes from the last ISR that the program accepted (I3). With isr_proposed it hears of each
 *     ISR that a leader wants before that leader counts on it
 *   - a node that comes back after anything but a clean stop gets a higher broker epoch and is not elected
 *     before it was in the ISR again (KIP-966)
 *
 * Pure, like the engine: events in, effects out, no clock, no I/O, memory from the heap handed in. Functions
 * that act fill effects, which belong to the manager and are valid until its next step or action; carry them
 * out, or give them to isr_runner_carry_out. A time is the node's own monotonic clock, in ns. */
#ifndef ISR_EMBED_REPLICATION_MANAGER_H
#define ISR_EMBED_REPLICATION_MANAGER_H

#include "core/base/env.h"
#include "core/base/topic_settings.h"

/* A partition as the program wants it. Topic ids are the program's, equal on all nodes, 1..65535. */
struct isr_partition_plan {
    uint16_t topic, partition;
    struct isr_replicas replicas;
    struct isr_replicas isr; /* empty: all replicas */
    int32_t leader;          /* ISR_NODE_NONE: nobody for now */
    int32_t leader_epoch;
    struct isr_topic_settings settings; /* as isr_topic_settings_default(); min_isr is what acks=all needs */
};

/* A leader wants another ISR, or got one. */
struct isr_isr_change {
    uint16_t topic, partition;
    int32_t leader_epoch;
    struct isr_replicas from, to;
};

enum isr_decision {
    ISR_DECISION_YES,
    ISR_DECISION_NO,
    ISR_DECISION_LATER, /* the program will say so with isr_replication_update_isr, or with another leader */
};

struct isr_replication_options {
    int32_t node;             /* 1..ISR_NODE_MAX */
    int64_t broker_epoch;     /* of this life of this node; see above */
    struct isr_config config; /* isr_replication_config_default(), perhaps changed */
    /* Is the leader's ISR to be this one? Until it is, the high watermark counts on both (KIP-497). NULL:
     * yes. Called from inside a step; it must not call the manager. */
    enum isr_decision (*isr_proposed)(void *object, const struct isr_isr_change *change);
    void (*isr_changed)(void *object, const struct isr_isr_change *change); /* it is; NULL allowed */
    void *object;
};

/* The defaults that are usual for embedded replication: fetch_min_bytes 1, fetch_max_bytes 1 MiB,
 * fetch_max_wait 500 ms, fetch_interval 50 ms, replica_lag_max_messages 4000, replica_lag_time_max 10 s,
 * isr_hysteresis 2 (a replica comes back at half the lag that put it out), hw_checkpoint_interval 5 s. */
struct isr_config isr_replication_config_default(void);

struct isr_replication_manager;

/* In its own heap; options are copied. NULL when the node or a setting is out of bounds: *wrong then names
 * the setting, or is NULL for the node (wrong may be NULL). */
struct isr_replication_manager *isr_replication_new(const struct isr_replication_options *options,
                                                    struct isr_heap *heap, uint64_t random_key,
                                                    const struct isr_config_info **wrong);
/* START, MESSAGE, WAKE, IO_DONE, SHUTDOWN; a COMMAND is answered INVALID_REQUEST. Fit for struct isr_engine.
 */
void isr_replication_step(void *manager, const struct isr_event *event, struct isr_effects *effects);
bool isr_replication_ready(const struct isr_replication_manager *manager);
/* When ready: the broker epoch of this node's last life when that ended with a clean stop, else -1: then the
 * node may have lost records that it had acknowledged. */
int64_t isr_replication_previous_epoch(const struct isr_replication_manager *manager);

/* ---- what the program decides; NONE, or why not ---- */

/* Another node as the program knows it: its broker epoch, and whether it may be in an ISR. INVALID_REQUEST:
 * no such node, or an epoch below the known one. Tell every manager of every node (this one is known). */
enum isr_error isr_replication_set_member(struct isr_replication_manager *manager, int32_t node,
                                          int64_t broker_epoch, bool alive);
/* INVALID_REQUEST: there already, or the plan makes no sense (leader not in the ISR, ISR not in the replicas,
 * this node not in the replicas). */
enum isr_error isr_replication_add_partition(struct isr_replication_manager *manager, int64_t now_ns,
                                             const struct isr_partition_plan *plan,
                                             struct isr_effects *effects);
/* Gives up the role and forgets the partition; its files are deleted. UNKNOWN_TOPIC_OR_PARTITION. */
enum isr_error isr_replication_remove_partition(struct isr_replication_manager *manager, int64_t now_ns,
                                                uint16_t topic, uint16_t partition,
                                                struct isr_effects *effects);
/* UNKNOWN_TOPIC_OR_PARTITION; FENCED_LEADER_EPOCH: not above the known epoch; INELIGIBLE_REPLICA: the leader
 * is not in the ISR. isr: what the ISR is from now on; empty: as it was. */
enum isr_error isr_replication_update_leader(struct isr_replication_manager *manager, int64_t now_ns,
                                             uint16_t topic, uint16_t partition, int32_t leader,
                                             int32_t leader_epoch, const struct isr_replicas *isr,
                                             struct isr_effects *effects);
/* On the leader: the ISR is this one, whatever it asked for. NOT_LEADER_OR_FOLLOWER; INVALID_REQUEST. */
enum isr_error isr_replication_update_isr(struct isr_replication_manager *manager, int64_t now_ns,
                                          uint16_t topic, uint16_t partition, const struct isr_replicas *isr,
                                          struct isr_effects *effects);

/* ---- records ---- */

/* Appends as leader and replicates. The answer is an ISR_EFFECT_REPLY with the id: for acks = -1 when every
 * in-sync replica has them, for 1 when this one has, for 0 at once. Refusals come as replies, too. values:
 * copied.
 */
void isr_replication_append(struct isr_replication_manager *manager, int64_t now_ns, uint16_t topic,
                            uint16_t partition, int16_t acks, const struct isr_bytes *values, uint32_t count,
                            uint32_t id, struct isr_effects *effects);
/* Whole batches of committed records, from the one that holds the offset on, at most max_bytes but at least
 * one; empty at the high watermark. core/log/batch.h parses them. Valid until the manager's next step.
 * OFFSET_OUT_OF_RANGE: below the log's start or above the high watermark. */
enum isr_error isr_replication_read(struct isr_replication_manager *manager, uint16_t topic,
                                    uint16_t partition, int64_t offset, uint32_t max_bytes,
                                    struct isr_bytes *batches);

/* ---- looking in ---- */

struct isr_replication_state {
    uint16_t topic, partition;
    bool leads;
    int32_t leader;
    int32_t leader_epoch;
    int64_t log_start, log_end, high_watermark;
    struct isr_replicas isr; /* as the leader knows it; on others as they were told last */
    bool isr_pending;        /* the leader asked for another one */
    /* Records behind: a follower's distance to the high watermark that its leader told last; a leader's
     * largest distance to a follower in its ISR. */
    int64_t lag;
    uint64_t isr_changes; /* on this node, since it was added */
};

/* -1 when there is no such partition. */
int64_t isr_replication_lag(const struct isr_replication_manager *manager, uint16_t topic,
                            uint16_t partition);
bool isr_replication_state(const struct isr_replication_manager *manager, uint16_t topic, uint16_t partition,
                           struct isr_replication_state *state);
/* All partitions in order of topic and partition: place 0, 1, ... ; false at the end. */
bool isr_replication_state_at(const struct isr_replication_manager *manager, uint32_t place,
                              struct isr_replication_state *state);
/* Counters and gauges of the node: core/metrics.def. */
const struct isr_metrics *isr_replication_metrics(const struct isr_replication_manager *manager);

#endif
