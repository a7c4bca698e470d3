/* A scenario as data: what a world is built from and what is done to it. Text scenarios (harness/) and
 * generated ones (faults/) end here. Plain values and arrays; sim_spec_copy makes a copy whose memory is all
 * in one allocator. */
#ifndef SIM_SPEC_H
#define SIM_SPEC_H

#include "core/base/config.h"
#include "core/base/event.h"
#include "core/base/rules.h"
#include "core/base/topic_settings.h"
#include "core/base/types.h"
#include "core/base/yield.h"
#include "core/wire/codec.h"
#include "sim/base/random.h"
#include "sim/message_set.h"
#include "sim/schedule.h"

enum { SIM_LABEL_BYTES = 48, SIM_CLIENTS_MAX = 64, SIM_NODES_MAX = ISR_NODE_MAX, SIM_GROUPS = 4 };

/* A directed link. Messages of one group keep their order on a link unless reordered; cut links lose
 * everything. With connections a link is a stream: see sim/connection.h. */
struct sim_link_spec {
    struct sim_distribution latency;
    uint32_t loss_ppm;
    uint32_t duplicate_ppm;
    uint32_t reorder_ppm;    /* such a message may overtake others: it takes up to 4 further latencies */
    uint32_t corrupt_ppm;    /* such a message arrives damaged */
    int64_t bandwidth_bytes; /* a second; 0: without bound */
    int64_t queue_bytes;     /* that wait for a busy link; 0: without bound */
    int64_t group_queue_bytes[SIM_GROUPS]; /* the same for each group of messages by itself */
    bool priorities;                       /* urgent groups go first; else all wait in one line */
    bool connections;
    int64_t keepalive_ns; /* connections: so long after one side fell silent the other gives it up */
    int64_t reconnect_ns; /* connections: what opening one takes beside the round trip */
};

struct sim_disk_spec {
    struct sim_distribution write_latency; /* into the page cache */
    struct sim_distribution sync_latency;
    struct sim_distribution read_latency;
    int64_t capacity_bytes; /* 0: without bound */
};

struct sim_clock_spec {
    int64_t offset_ns;
    int64_t drift_ppm; /* positive: the node's clock runs fast */
    int64_t jump_ns;   /* both clocks go forward by this at once */
    int64_t wall_ns;   /* the wall clock alone goes by this at once, forward or back */
};

struct sim_topic_spec {
    struct isr_name name;
    int32_t partitions;
    int16_t replication_factor;
    struct isr_topic_settings settings;
    struct isr_replicas *assignments; /* partitions many; NULL: placed by the controller */
};

/* A client process that produces at a rate, reads, or only does what steps tell it. */
enum sim_client_kind {
    SIM_CLIENT_PRODUCER,
    SIM_CLIENT_CONSUMER,
    SIM_CLIENT_READER,
    SIM_CLIENT_ADMIN,
    SIM_CLIENT_PROPOSER, /* of numbered entries, where consensus is alone */
};

struct sim_client_spec {
    char name[SIM_LABEL_BYTES];
    enum sim_client_kind kind;
    struct isr_name topic;
    int32_t partition;            /* -1: all partitions in turn (producer) or all (consumer) */
    enum isr_pool_mode pool_mode; /* reader */
    int64_t interval_ns; /* producer, proposer: between two batches, entries; reader: between two reads; 0:
                            only by steps */
    int32_t records_per_batch;
    int32_t value_bytes;
    int32_t keys; /* producer: 0 = spread over partitions in turn, k = k keys hashed to partitions; where the
                     topic is compacted, 0 = 16, and records have them */
    int32_t tombstones; /* producer: percent of the records, where the topic is compacted */
    int16_t acks;
    int64_t start_ns, stop_ns; /* stop: ISR_TIME_NEVER = to the end */
    uint8_t rack;              /* consumer: it may be sent to an in-sync replica there (KIP-392) */
    bool from_follower;        /* consumer: or to any, when it has no rack */
    bool start_latest;         /* consumer: begins at the latest offset, else at the first */
    uint8_t reset;             /* consumer: enum isr_consumer_reset */
};

/* A group of peers: nodes n1.. without controllers, replicating the one partition of the one topic. */
enum sim_peer_bootstrap { /* where the group's host name leads to; a number above 0: that node */
                          SIM_BOOTSTRAP_BALANCER = 0,
                          SIM_BOOTSTRAP_PREVIOUS = -1, /* n1 is its own, n2's is n1, n3's is n2, ... */
                          SIM_BOOTSTRAP_TOGETHER = -2, /* all know all from the start */
                          SIM_BOOTSTRAP_SELF = -3,     /* every node is its own: a group of one */
};
enum sim_consensus { SIM_CONSENSUS_IN_TREE, SIM_CONSENSUS_LIBRAFT };
struct sim_peer_spec {
    int32_t count;     /* 0: a cluster of brokers and controllers */
    int32_t transfer;  /* enum isr_peer_transfer */
    int32_t bootstrap; /* enum sim_peer_bootstrap */
};

/* ---- steps ---- */

enum sim_comparison { SIM_EQUAL, SIM_NOT_EQUAL, SIM_AT_LEAST, SIM_AT_MOST, SIM_ABOVE, SIM_BELOW };

/* What a step waits for: X(NAME, subject) - see sim/conditions.def for the words. */
enum sim_condition_kind {
#define X(NAME, form, meaning) SIM_CONDITION_##NAME,
#include "sim/conditions.def"
#undef X
    SIM_CONDITION_KINDS
};

/* Two opposite words (is | is not, has | lacks, pending | settled, up | down, fenced | unfenced): comparison
 * is SIM_EQUAL for the first and SIM_NOT_EQUAL for the second, value is 0. "leader of <p> is none" and
 * "controller is elected": node is ISR_NODE_NONE. */
struct sim_condition {
    enum sim_condition_kind kind;
    struct isr_name topic;
    int32_t partition;
    int32_t node; /* ISR_NODE_NONE where none is named */
    enum sim_comparison comparison;
    int64_t value;
    struct isr_replicas set;
};

enum sim_action_kind {
#define X(NAME, name, SCOPE, parameters, meaning) SIM_ACTION_##NAME,
#include "sim/actions.def"
#undef X
    SIM_ACTION_KINDS
};

/* What an action is done to, and so which of an action's members tell where. */
enum sim_action_scope {
    SIM_SCOPE_NODES,   /* each of nodes */
    SIM_SCOPE_DISKS,   /* the disk of each of nodes */
    SIM_SCOPE_LINKS,   /* each link of from to each of to */
    SIM_SCOPE_NETWORK, /* all links between groups, or between nodes and the rest */
    SIM_SCOPE_CLIENTS, /* those who produce */
    SIM_SCOPE_TOPICS,  /* an administrator asks: topic, partition */
    SIM_SCOPE_QUORUM,  /* an administrator asks: node, asked */
    SIM_SCOPE_TIMELINE,
};
enum sim_action_scope sim_action_scope(enum sim_action_kind kind);

/* What of the changes not synced survives a power loss. */
enum sim_survival {
    SIM_SURVIVES_DRAWN,     /* one of the others, drawn for each file */
    SIM_SURVIVES_ALL,       /* as if everything had been synced just before */
    SIM_SURVIVES_PREFIX,    /* the first ones; one is cut at a byte */
    SIM_SURVIVES_REORDERED, /* any of the writes, by pages, in no order */
    SIM_SURVIVES_TORN,      /* the first ones; of one any sectors of 512 bytes */
    SIM_SURVIVES_NONE,
};

enum { SIM_GROUPS_MAX = 8 };
struct sim_node_set {
    uint64_t bits[(SIM_NODES_MAX + 64) / 64]; /* by node id */
};
/* In an action's nodes: whoever leads the controllers' quorum when the step runs, of several the one of the
 * highest term; nobody when there is none. */
enum { SIM_NODE_CONTROLLER = 0 };

/* An action with all parameters that any action has; sim/actions.def says which one uses which. */
struct sim_action {
    enum sim_action_kind kind;
    struct sim_node_set nodes;    /* whom it concerns */
    struct sim_node_set from, to; /* links: each of from to each of to */
    struct sim_node_set
        groups[SIM_GROUPS_MAX]; /* partition: nodes of different groups do not hear each other */
    uint32_t groups_count;
    bool both_ways;
    struct sim_link_spec link;
    unsigned link_fields;            /* which members of link are set: SIM_LINK_* */
    struct sim_message_set messages; /* hold, drop, release */
    bool discard;                    /* release: what was held is lost instead of delivered */
    struct sim_disk_spec disk;
    unsigned disk_fields; /* SIM_DISK_* */
    struct sim_clock_spec clock;
    unsigned clock_fields; /* SIM_CLOCK_* */
    enum { SIM_OPERATION_READ = 1, SIM_OPERATION_WRITE = 2, SIM_OPERATION_SYNC = 4 } operations;
    int64_t cost_ns; /* slow_cpu: of an event */
    int64_t count;   /* how many: operations to fail, records to produce, bytes left on a full disk,
                        messages to hold (0: all until the release) or to drop, bytes of memory */
    struct isr_name topic;
    int32_t partition;
    char client[SIM_LABEL_BYTES]; /* "": a client of the world's own */
    int16_t acks;
    int32_t value_bytes;
    enum sim_survival survives;   /* POWER_OFF */
    unsigned files;               /* disk faults: bit (1 << enum isr_file_kind); 0: any */
    bool pages_clean;             /* DISK_FAIL: a failed sync leaves the pages marked clean */
    int64_t span_ns;              /* STALL: for how long; 0: until UNSTALL */
    uint8_t elect_kind;           /* 0 preferred, 1 unclean */
    int64_t offset;               /* DELETE_RECORDS; -1: the high watermark */
    int32_t node;                 /* of the quorum: whom it concerns; 0: any */
    int32_t asked;                /* of the quorum: which controller is asked; 0: whoever leads */
    struct isr_replicas replicas; /* REASSIGN: those wanted; none with cancel */
    bool cancel;
    struct isr_topic_settings settings; /* ALTER_TOPIC */
    uint64_t settings_given;            /* bit i: the i-th setting of the list */
    bool on;                            /* traffic, lying_sync, lose_names */
    char text[160];                     /* note */
};

enum {
    SIM_LINK_LATENCY = 1,
    SIM_LINK_LOSS = 2,
    SIM_LINK_DUPLICATE = 4,
    SIM_LINK_REORDER = 8,
    SIM_LINK_CORRUPT = 16,
    SIM_LINK_BANDWIDTH = 32,
    SIM_LINK_QUEUE = 64,
    SIM_DISK_WRITE = 1,
    SIM_DISK_SYNC = 2,
    SIM_DISK_READ = 4,
    SIM_DISK_CAPACITY = 8,
    SIM_CLOCK_OFFSET = 1,
    SIM_CLOCK_DRIFT = 2,
    SIM_CLOCK_JUMP = 4,
    SIM_CLOCK_WALL = 8,
};

/* Steps run in their order. A step is reached when the one before it has run; it runs when its gate opens. */
enum sim_gate_kind {
    SIM_GATE_NONE,  /* at once */
    SIM_GATE_AT,    /* at a time of the world */
    SIM_GATE_WAIT,  /* so long after the step before */
    SIM_GATE_WHEN,  /* as soon as the condition holds (a state) */
    SIM_GATE_AFTER, /* as soon as the condition becomes true, having been false, since the step was reached
                       (an event) */
};
struct sim_step {
    enum sim_gate_kind gate;
    int64_t time_ns; /* AT, WAIT */
    struct sim_condition condition;
    int64_t at_latest_ns; /* WHEN, AFTER: runs anyway so long after the step before; ISR_TIME_NEVER: only by
                             the condition */
    struct sim_action action;
    int32_t line;  /* in the scenario file, 0 when generated */
    uint16_t mark; /* of whoever made it; means nothing here */
};

/* ---- the whole ---- */

enum sim_invariant {
#define X(NAME, name, sentence) SIM_INVARIANT_##NAME,
#include "sim/invariants.def"
#undef X
    SIM_INVARIANTS
};
/* "I3", "raft-log-matching"; "?" for a number that is none. */
const char *sim_invariant_name(int64_t invariant);

/* A setting that one node has otherwise than the others. */
struct sim_node_setting {
    int32_t node;
    uint32_t setting; /* its place in isr_config_list */
    int64_t value;
};

enum sim_gone_how {
#define X(NAME, name, heard, leads, meaning) SIM_GONE_##NAME,
#include "sim/gone.def"
#undef X
    SIM_GONE_HOWS
};
struct sim_gone_info {
    const char *name, *meaning;
    bool heard; /* others may take them for alive */
    bool leads; /* one of them may lead a quorum on */
};
const struct sim_gone_info *sim_gone_info(enum sim_gone_how how);

struct sim_spec {
    char name[SIM_LABEL_BYTES];
    uint64_t seed;
    int64_t duration_ns; /* virtual time until the end of the run, healing included */
    int64_t settle_ns;   /* the last part of it: steps are over, faults healed; L1 must be reached by the end.
                            0: L1 off */
    int32_t brokers;     /* nodes n1.. with ids 1.. */
    uint8_t racks[SIM_NODES_MAX + 1]; /* of brokers, by node id; ISR_RACK_NONE: none */
    int32_t
        controllers; /* the first voters; combined: the first nodes, else nodes c1.. with ids brokers + 1.. */
    int32_t standby_controllers; /* vote when they are added: nodes of their own, whose numbers go on, c4.. */
    bool combined;
    struct sim_peer_spec peer; /* then brokers are the peers, and there are no controllers */
    int32_t alone; /* consensus alone: so many voters, which are the controllers' nodes, and no brokers; 0: a
                      cluster */
    uint8_t consensus;        /* enum sim_consensus: of the controllers, or of what is alone */
    struct isr_config config; /* of every node, but for node_settings */
    struct sim_node_setting *node_settings;
    uint32_t node_settings_count;
    struct isr_rules rules;
    uint32_t yields;                   /* points at which handlers stop: bits (1 << enum isr_yield_point) */
    struct sim_link_spec network;      /* of every link */
    struct sim_schedule_spec schedule; /* whose messages go first */
    struct sim_disk_spec disk;
    struct sim_topic_spec *topics;
    uint32_t topics_count;
    struct sim_client_spec *clients; /* ids follow the controllers' */
    uint32_t clients_count;
    struct sim_step *steps;
    uint32_t steps_count;
    struct sim_node_set gone; /* servers that do not heal when the rest does */
    uint8_t gone_how;         /* enum sim_gone_how */
    bool
        steps_may_remain; /* steps that are not reached before the settle phase do not make the run vacuous */
    uint32_t unchecked;   /* bit (1 << enum sim_invariant): not judged */
    bool stop_at_violation; /* default true */
};

/* Checks that everything fits together (counts, ids, RF <= brokers, min ISR <= RF, steps' nodes, topics and
 * clients). NULL when it does, else a sentence in buffer; *where tells the step (1-based) or 0. */
const char *sim_spec_check(const struct sim_spec *spec, char *buffer, size_t buffer_bytes, uint32_t *where);
/* What such a consensus takes and this build lacks, in words, and how to mend it; NULL where it can be run.
 * It is no fault of a spec: whoever runs one looks. */
const char *sim_consensus_missing(uint8_t consensus, const char **hint);
/* Defaults: 3 combined brokers, 1ms network, 20us writes, 2ms syncs, no topics, 30 s. */
struct sim_spec sim_spec_default(void);
/* A copy whose arrays come from the allocator. */
struct isr_heap;
void sim_spec_copy(struct sim_spec *to, const struct sim_spec *from, struct isr_heap *heap);

/* The topic's records have keys: it is compacted from the beginning on, or some step asks for that. */
bool sim_spec_topic_is_keyed(const struct sim_spec *spec, const struct sim_topic_spec *topic);

/* The settings of a node. */
struct isr_config sim_spec_config(const struct sim_spec *spec, int32_t node);
/* False: what a record was promised, or what is checked, goes by it, and it is one for all nodes. */
bool sim_spec_may_differ(const struct isr_config_info *setting);

/* Nodes that are controllers and nothing else. */
static inline int32_t sim_spec_own_controllers(const struct sim_spec *spec)
{
    return (spec->combined ? 0 : spec->controllers) + spec->standby_controllers;
}
/* Processes: brokers 1.., controllers of their own, the clients, and last one more client: the world's own,
 * which does what steps ask without naming a client and creates the topics. */
static inline int32_t sim_spec_first_client(const struct sim_spec *spec)
{
    return 1 + spec->brokers + sim_spec_own_controllers(spec);
}
static inline int32_t sim_spec_own_client(const struct sim_spec *spec)
{
    return sim_spec_first_client(spec) + (int32_t)spec->clients_count;
}
static inline int32_t sim_spec_nodes_count(const struct sim_spec *spec)
{
    return sim_spec_own_client(spec);
}
static inline bool sim_spec_is_client(const struct sim_spec *spec, int32_t node)
{
    return node >= sim_spec_first_client(spec);
}
static inline bool sim_spec_is_broker(const struct sim_spec *spec, int32_t node)
{
    return node >= 1 && node <= spec->brokers;
}
/* Consensus alone: voters that keep numbered entries (core/entries), no brokers and no controllers' metadata.
 */
static inline bool sim_spec_is_alone(const struct sim_spec *spec)
{
    return spec->alone > 0;
}
/* A voter of the quorum's first configuration. */
static inline bool sim_spec_is_first_voter(const struct sim_spec *spec, int32_t node)
{
    return spec->combined ? node >= 1 && node <= spec->controllers
                          : node > spec->brokers && node <= spec->brokers + spec->controllers;
}
/* It votes from the beginning, or may be added to those that vote. */
static inline bool sim_spec_is_controller(const struct sim_spec *spec, int32_t node)
{
    return sim_spec_is_first_voter(spec, node) ||
           (node > spec->brokers && node < sim_spec_first_client(spec));
}

/* Names: "n3", "c1", a client's own, "client" for the world's own. The id, or ISR_NODE_NONE. */
int32_t sim_spec_node_named(const struct sim_spec *spec, const char *name);
/* The name of a node id into buffer. */
const char *sim_spec_node_name(const struct sim_spec *spec, int32_t node, char buffer[SIM_LABEL_BYTES]);

static inline bool sim_node_set_has(const struct sim_node_set *set, int32_t node)
{
    return (set->bits[node / 64] >> (node % 64)) & 1;
}
/* Its process is brought back when the faults heal, though perhaps only by half (gone_how). */
static inline bool sim_spec_heals(const struct sim_spec *spec, int32_t node)
{
    return spec->gone_how != SIM_GONE_APART || !sim_node_set_has(&spec->gone, node);
}
static inline bool sim_node_set_is_empty(const struct sim_node_set *set)
{
    for (size_t i = 0; i < sizeof set->bits / sizeof set->bits[0]; i++) {
        if (set->bits[i] != 0)
            return false;
    }
    return true;
}
static inline void sim_node_set_add(struct sim_node_set *set, int32_t node)
{
    set->bits[node / 64] |= UINT64_C(1) << (node % 64);
}

#endif
