/* One node: puts the components of its roles together, and hands each event to the one that it concerns.
 *
 *   new --START--> running --SHUTDOWN--> stopping --everything on disk--> leaving --another leads--> exited
 *                     \---- a disk error that cannot be survived ----------------------------------^
 *
 * Exited: nothing happens any more, whatever event comes. */
#include "core/node.h"

#include "core/broker/broker.h"
#include "core/broker/lifecycle.h"
#include "core/broker/metadata_follower.h"
#include "core/broker/metadata_push.h"
#include "core/broker/metadata_service.h"
#include "core/broker/producer_ids.h"
#include "core/client/client.h"
#include "core/controller/controller.h"
#include "core/entries/entries.h"
#include "core/quorum/quorum.h"

struct isr_node {
    struct isr_env env;
    unsigned roles;
    struct isr_log_store *store;       /* broker */
    struct isr_broker *broker;         /* NULL for others */
    struct isr_consensus *consensus;   /* controller, entries */
    struct isr_controller *controller; /* NULL for others */
    struct isr_client *client;         /* NULL for others */
    bool leaving;                      /* only the quorum's leadership is still to be handed over */
    struct isr_peer *peer;             /* NULL for others */
    struct isr_entries *entries;       /* NULL for others */
};

static void store_closed(void *object);

static void broker_new(struct isr_node *node, const struct isr_replicas *controllers, uint8_t rack)
{
    struct isr_env *env = &node->env;
    node->store = isr_heap_allocate(env->heap, sizeof *node->store);
    node->broker = isr_heap_allocate(env->heap, sizeof *node->broker);
    isr_broker_init(node->broker, env, node->store);
    node->broker->rack = rack;
    isr_metadata_follower_init(node->broker, controllers);
    isr_producer_ids_init(node->broker);
    isr_lifecycle_init(node->broker, store_closed, node);
}

static struct isr_consensus *consensus_new(struct isr_node *node, const struct isr_node_options *options)
{
    return options->consensus != NULL ? options->consensus(&node->env) : isr_quorum_new(&node->env);
}

static void entries_new(struct isr_node *node, const struct isr_node_options *options)
{
    node->consensus = consensus_new(node, options);
    node->entries = isr_heap_allocate(node->env.heap, sizeof *node->entries);
    isr_entries_init(node->entries, &node->env, &options->voters, &options->controllers, node->consensus);
}

static void controller_new(struct isr_node *node, const struct isr_node_options *options)
{
    node->consensus = consensus_new(node, options);
    node->controller = isr_heap_allocate(node->env.heap, sizeof *node->controller);
    isr_controller_init(node->controller, &node->env, &options->voters, &options->controllers,
                        node->consensus);
}

struct isr_node *isr_node_new(const struct isr_node_options *options, struct isr_heap *heap,
                              uint64_t random_key)
{
    ISR_ASSERT(options->id >= 1 && options->id <= ISR_NODE_MAX);
    const unsigned alone = ISR_NODE_CLIENT | ISR_NODE_PEER | ISR_NODE_ENTRIES;
    ISR_ASSERT(options->roles == ISR_NODE_CLIENT || options->roles == ISR_NODE_PEER ||
               options->roles == ISR_NODE_ENTRIES || (options->roles != 0 && (options->roles & alone) == 0));
    struct isr_node *node = isr_heap_allocate(heap, sizeof *node);
    node->roles = options->roles;
    isr_env_init(&node->env, options->id, heap, &options->config, &options->rules, random_key);
    node->env.yields = options->yields;
    if (options->roles & ISR_NODE_CLIENT)
        node->client = isr_client_new(&node->env, &options->bootstrap);
    if (options->roles & ISR_NODE_CONTROLLER)
        controller_new(node, options);
    if (options->roles & ISR_NODE_BROKER)
        broker_new(node, &options->controllers, options->rack);
    if (options->roles & ISR_NODE_PEER)
        node->peer = isr_peer_new(&node->env, &options->peer);
    if (options->roles & ISR_NODE_ENTRIES)
        entries_new(node, options);
    return node;
}

void isr_node_reseed(struct isr_node *node, uint64_t random_key)
{
    node->env.random.key = random_key;
}

/* ---- start and stop ---- */

static void node_start(struct isr_node *node, uint64_t random_key)
{
    /* Mixed first: the two keys may be equal or alike, and combining begins with an exclusive or. */
    node->env.random.key = isr_hash_combine(isr_mix(node->env.random.key), random_key);
    if (node->client != NULL)
        isr_client_start(node->client);
    if (node->controller != NULL)
        isr_controller_start(node->controller);
    if (node->broker != NULL)
        isr_lifecycle_start(node->broker);
    if (node->peer != NULL)
        isr_peer_start(node->peer);
    if (node->entries != NULL)
        isr_entries_start(node->entries);
}

static void leadership_left(void *object)
{
    struct isr_node *node = object;
    isr_env_exit(&node->env, true, 0);
}

/* The quorum's leader goes last: until here its own broker and the others needed it. */
static void node_leave(struct isr_node *node)
{
    if (node->leaving)
        return;
    node->leaving = true;
    if (node->consensus != NULL)
        node->consensus->ops->resign(node->consensus, leadership_left, node);
    else
        leadership_left(node);
}

static void store_closed(void *object)
{
    node_leave(object);
}

static void node_shutdown(struct isr_node *node)
{
    if (node->broker != NULL)
        isr_lifecycle_shutdown(node->broker);
    else if (node->peer != NULL)
        isr_peer_shutdown(node->peer, store_closed, node);
    else
        node_leave(node);
}

/* ---- messages ---- */

/* False: the message is none for the parts of a broker that are not replicas. */
static bool broker_affairs(struct isr_broker *broker, int32_t from, const struct isr_message *message)
{
    if (message->kind == ISR_MESSAGE_METADATA_FETCH_RESPONSE)
        isr_metadata_follower_message(broker, from, &message->metadata_fetch_response);
    else if (message->kind == ISR_MESSAGE_BROKER_HEARTBEAT_RESPONSE)
        isr_lifecycle_heartbeat_answered(broker, from, &message->broker_heartbeat_response);
    else if (message->kind == ISR_MESSAGE_BROKER_REGISTRATION_RESPONSE)
        isr_lifecycle_registration_answered(broker, from, &message->broker_registration_response);
    else if (message->kind == ISR_MESSAGE_METADATA_REQUEST)
        isr_metadata_service_request(broker, from, &message->metadata_request);
    else if (message->kind == ISR_MESSAGE_INIT_PRODUCER_ID_REQUEST)
        isr_producer_ids_request(broker, from, &message->init_producer_id_request);
    else if (message->kind == ISR_MESSAGE_ALLOCATE_PRODUCER_IDS_RESPONSE)
        isr_producer_ids_allocated(broker, from, &message->allocate_producer_ids_response);
    else
        return isr_metadata_push_message(broker, from, message);
    return true;
}

static bool message_dispatch(struct isr_node *node, int32_t from, const struct isr_message *message)
{
    if (node->client != NULL)
        return isr_client_message(node->client, from, message);
    if (node->peer != NULL)
        return isr_peer_message(node->peer, from, message);
    if (node->entries != NULL)
        return isr_entries_message(node->entries, from, message);
    if (node->broker != NULL && !node->leaving &&
        (isr_broker_message(node->broker, from, message) || broker_affairs(node->broker, from, message)))
        return true;
    return node->controller != NULL && isr_controller_message(node->controller, from, message);
}

/* A damaged frame is no message. Kafka's own requests carry no checksum beside the records'; TCP's lets
 * damage through now and then. */
static bool frame_decode(struct isr_env *env, struct isr_bytes frame, struct isr_message *message)
{
    if (env->rules.frame_checksum == ISR_RULE_frame_checksum_off)
        return isr_message_decode_unchecked(frame, &env->scratch, message);
    return isr_message_decode(frame, &env->scratch, message);
}

static void node_message(struct isr_node *node, int32_t from, struct isr_bytes frame)
{
    struct isr_message message;
    bool sound = from >= 1 && from <= ISR_NODE_MAX && frame_decode(&node->env, frame, &message);
    if (sound && message_dispatch(node, from, &message))
        node->env.metrics.messages_in++;
    else
        node->env.metrics.messages_rejected++;
}

static void broker_disconnected(struct isr_broker *broker, int32_t peer)
{
    isr_broker_disconnected(broker, peer);
    isr_lifecycle_disconnected(broker, peer);
    isr_metadata_follower_disconnected(broker, peer);
    isr_producer_ids_disconnected(broker, peer);
}

/* Whoever waits for an answer from there tries again, as after a timeout. The quorum's own requests are
 * repeated with its heartbeats anyhow. */
static void node_disconnected(struct isr_node *node, int32_t peer)
{
    node->env.metrics.disconnects++;
    if (node->client != NULL)
        isr_client_disconnected(node->client, peer);
    if (node->broker != NULL)
        broker_disconnected(node->broker, peer);
}

/* ---- the engine ---- */

static void node_command(struct isr_node *node, const struct isr_command *command)
{
    if (node->client != NULL)
        isr_client_command(node->client, command);
    else if (node->peer != NULL && command->kind == ISR_COMMAND_CAMPAIGN)
        isr_peer_command(node->peer, command);
    else
        isr_env_reply(&node->env, command->id, ISR_ERROR_INVALID_REQUEST, (struct isr_tp){0},
                      ISR_OFFSET_NONE);
}

static void node_handle(struct isr_node *node, const struct isr_event *event)
{
    switch (event->kind) {
    case ISR_EVENT_START:
        node_start(node, event->start.random_key);
        break;
    case ISR_EVENT_MESSAGE:
        node_message(node, event->message.from, event->message.frame);
        break;
    case ISR_EVENT_WAKE:
        isr_env_wake(&node->env);
        break;
    case ISR_EVENT_IO_DONE:
        isr_env_io_done(&node->env, event);
        break;
    case ISR_EVENT_COMMAND:
        node_command(node, event->command);
        break;
    case ISR_EVENT_SHUTDOWN:
        node_shutdown(node);
        break;
    case ISR_EVENT_DISCONNECTED:
        node_disconnected(node, event->disconnected.peer);
        break;
    }
}

void isr_node_step(struct isr_node *node, const struct isr_event *event, struct isr_effects *effects)
{
    if (node->env.exiting) {
        *effects = (struct isr_effects){.wake_ns = ISR_TIME_NEVER};
        return;
    }
    isr_env_begin(&node->env, event->now_ns);
    node->env.real_ns = event->real_ns;
    node->env.behind_ns = event->behind_ns;
    node_handle(node, event);
    isr_env_end(&node->env, effects);
}

/* ---- looking in ---- */

const struct isr_metrics *isr_node_metrics(const struct isr_node *node)
{
    return &node->env.metrics;
}

/* A peer has its partition from when its log is recovered. */
static bool peer_has_partition(const struct isr_node *node)
{
    return node->peer != NULL && node->peer->partition.log != NULL;
}

uint32_t isr_node_partitions_count(const struct isr_node *node)
{
    if (peer_has_partition(node))
        return 1;
    return node->broker != NULL ? node->broker->partitions_count : 0;
}

const struct isr_partition *isr_node_partition_at(const struct isr_node *node, uint32_t place)
{
    ISR_ASSERT(place < isr_node_partitions_count(node));
    return node->peer != NULL ? &node->peer->partition : node->broker->partitions[place];
}

const struct isr_partition *isr_node_partition(const struct isr_node *node, struct isr_tp tp)
{
    if (peer_has_partition(node))
        return isr_tp_equal(tp, node->peer->partition.tp) ? &node->peer->partition : NULL;
    return node->broker != NULL ? isr_broker_partition(node->broker, tp) : NULL;
}

const struct isr_peer *isr_node_peer(const struct isr_node *node)
{
    return node->peer;
}

bool isr_node_broker_running(const struct isr_node *node)
{
    if (node->peer != NULL)
        return node->peer->phase == ISR_PEER_RUN;
    return node->broker != NULL && node->broker->running;
}

int64_t isr_node_broker_epoch(const struct isr_node *node)
{
    return node->broker != NULL ? node->broker->broker_epoch : -1;
}

const struct isr_image *isr_node_metadata(const struct isr_node *node)
{
    return node->broker != NULL ? &node->broker->image : NULL;
}

const struct isr_image *isr_node_controller_image(const struct isr_node *node)
{
    return node->controller != NULL ? isr_controller_image(node->controller) : NULL;
}

bool isr_node_controller_active(const struct isr_node *node)
{
    if (node->entries != NULL)
        return node->entries->leading;
    return node->controller != NULL && isr_controller_is_active(node->controller);
}

const struct isr_consensus *isr_node_consensus(const struct isr_node *node)
{
    return node->consensus;
}

static uint64_t consensus_digest(const struct isr_consensus *consensus, uint64_t hash)
{
    hash = isr_hash_combine(hash, (uint64_t)consensus->ops->role(consensus));
    hash = isr_hash_combine(hash, (uint64_t)consensus->ops->term(consensus));
    hash = isr_hash_combine(hash, (uint64_t)consensus->ops->leader(consensus));
    return isr_hash_combine(hash, (uint64_t)consensus->ops->commit_index(consensus));
}

uint64_t isr_node_digest(const struct isr_node *node)
{
    uint64_t hash = isr_hash_combine(node->roles, (uint64_t)node->env.node);
    hash = isr_hash_combine(hash, node->env.exiting);
    if (node->client != NULL)
        hash = isr_client_digest(node->client, hash);
    if (node->peer != NULL)
        hash = isr_peer_digest(node->peer, hash);
    if (node->entries != NULL) {
        hash = consensus_digest(node->consensus, hash);
        hash = isr_hash_combine(hash, isr_entries_digest(node->entries));
    }
    if (node->controller != NULL) {
        hash = consensus_digest(node->consensus, hash);
        hash = isr_hash_combine(hash, isr_controller_digest(node->controller));
    }
    if (node->broker != NULL) {
        hash = isr_hash_combine(hash, (uint64_t)node->broker->lifecycle->state);
        hash = isr_hash_combine(hash, node->broker->image.digest);
        hash = isr_broker_digest(node->broker, hash);
    }
    return hash;
}
