/* A node of the cluster: one process that is a broker, a controller, both, a peer, or a client. The whole
 * engine behind one function: events in, effects out. Pure: no clock, no I/O, no memory but the heap handed
 * in.
 *
 * Embedding: give the node an isr_heap and a configuration, call isr_node_step with ISR_EVENT_START, carry
 * out the effects, and feed back messages, completions and wake-ups. */
#ifndef ISR_NODE_H
#define ISR_NODE_H

#include "core/base/env.h"
#include "core/broker/partition.h"
#include "core/metadata/image.h"
#include "core/peer/peer.h"
#include "core/quorum/port.h"

/* ENTRIES: consensus alone, over numbered entries (core/entries/entries.h). */
enum {
    ISR_NODE_BROKER = 1,
    ISR_NODE_CONTROLLER = 2,
    ISR_NODE_CLIENT = 4,
    ISR_NODE_PEER = 8,
    ISR_NODE_ENTRIES = 16
};

struct isr_node_options {
    int32_t id;                      /* 1..ISR_NODE_MAX */
    unsigned roles;                  /* ISR_NODE_BROKER | ISR_NODE_CONTROLLER, or one of the others */
    struct isr_replicas controllers; /* all nodes that are or may become controllers, voters or not */
    struct isr_replicas voters;      /* of them: the first configuration of the quorum */
    struct isr_replicas bootstrap;   /* brokers, peers or voters that a client may ask first */
    uint8_t rack;                    /* of a broker, ISR_RACK_NONE when it has none */
    struct isr_peer_options peer;    /* of a peer */
    /* Another consensus than the in-tree one, in the node's heap; NULL: core/quorum. */
    struct isr_consensus *(*consensus)(struct isr_env *env);
    struct isr_config config;
    struct isr_rules rules;
    uint32_t yields; /* points at which handlers stop: bits (1 << enum isr_yield_point), core/base/yield.h */
};

struct isr_node;

/* A node in its own heap; options are copied. */
struct isr_node *isr_node_new(const struct isr_node_options *options, struct isr_heap *heap,
                              uint64_t random_key);
/* Between two steps: what it draws from now on is drawn by another key. For simulators that go on from the
 * same state with another chance. */
void isr_node_reseed(struct isr_node *node, uint64_t random_key);
/* The engine. The first event is ISR_EVENT_START. effects is filled with what belongs to the node until its
 * next step. */
void isr_node_step(struct isr_node *node, const struct isr_event *event, struct isr_effects *effects);

/* ---- looking in, for checks, conditions and metrics; all borrowed, valid until the next step ---- */

const struct isr_metrics *isr_node_metrics(const struct isr_node *node);
/* The broker's partitions in isr_tp_key order; a peer's one. */
uint32_t isr_node_partitions_count(const struct isr_node *node);
const struct isr_partition *isr_node_partition_at(const struct isr_node *node, uint32_t place);
const struct isr_partition *isr_node_partition(const struct isr_node *node, struct isr_tp tp);
/* Broker: registered and unfenced as far as it knows (a peer: in its run phase); its broker epoch, -1 before
 * registration. */
bool isr_node_broker_running(const struct isr_node *node);
int64_t isr_node_broker_epoch(const struct isr_node *node);
/* Broker: the metadata it follows; NULL for others. */
const struct isr_image *isr_node_metadata(const struct isr_node *node);
/* Controller: the committed image; NULL for others. */
const struct isr_image *isr_node_controller_image(const struct isr_node *node);
/* Controller: active, that is leader of the quorum with its no-op committed; the same of numbered entries. */
bool isr_node_controller_active(const struct isr_node *node);
const struct isr_consensus *isr_node_consensus(const struct isr_node *node);
/* Peer; NULL for others. */
const struct isr_peer *isr_node_peer(const struct isr_node *node);
/* A digest of the node's protocol state, by field: equal in equal runs. */
uint64_t isr_node_digest(const struct isr_node *node);

#endif
