/* Heartbeats: each peer tells all nodes it knows, every peer_heartbeat_interval, its term, whom it follows,
 * how far its log goes, how it feels, and who is in the group. They are the full mesh by which nodes are
 * found silent, memberships spread, and an unhealthy leader becomes known to those who can still reach it. */
#include "core/peer/internal.h"

static bool is_silent(const struct isr_peer *peer, const struct isr_peer_node *node)
{
    return peer->env->now_ns - node->heard_ns > peer->env->config.peer_silence_max;
}

uint32_t peer_members_heard(const struct isr_peer *peer)
{
    uint32_t count = peer_is_member(peer) ? 1 : 0;
    for (uint32_t i = 0; i < peer->nodes_count; i++) {
        const struct isr_peer_node *node = &peer->nodes[i];
        count += isr_replicas_contain(&peer->state.members, node->node) && !is_silent(peer, node);
    }
    return count;
}

void peer_heartbeat_send(struct isr_peer *peer)
{
    struct peer_wal_position position = peer_wal_position(peer);
    const struct isr_peer_state *state = &peer->state;
    bool durable = peer_state_is_durable(peer);
    struct isr_message message = {
        .kind = ISR_MESSAGE_PEER_HEARTBEAT,
        .peer_heartbeat = {.term = state->term,
                           .leader = (int16_t)peer->partition.leader,
                           .timestamp = state->timestamp,
                           .last_term = position.last_term,
                           .log_end = position.log_end,
                           .healthy = !peer->unhealthy,
                           .suspects = peer->suspects,
                           .config_term = durable || peer_leads(peer) ? state->config_term : 0,
                           .config_version = durable || peer_leads(peer) ? state->config_version : 0,
                           .members = state->members}};
    struct isr_bytes frame = isr_message_encode(&message, &peer->env->scratch);
    for (uint32_t i = 0; i < peer->nodes_count; i++)
        isr_env_send_frame(peer->env, peer->nodes[i].node, frame);
}

static void silence_set(struct isr_peer *peer, struct isr_peer_node *node, bool silent)
{
    if (node->silent == silent)
        return;
    node->silent = silent;
    struct isr_observation *seen = isr_observe(peer->env, ISR_OBSERVED_PEER_SILENT);
    seen->peer_silent.peer = node->node;
    seen->peer_silent.silent = silent;
}

/* A leader that does not hear a majority leads nobody: it says so before another is elected, or at least
 * stops to accept what it cannot commit. */
static void leader_look(struct isr_peer *peer)
{
    if (peer->env->now_ns - peer->led_since_ns > peer->env->config.peer_silence_max &&
        peer_members_heard(peer) < peer_majority(peer)) {
        peer_step_down(peer);
        return;
    }
    peer_config_grow(peer);
    peer_replication_tick(peer);
}

static void follower_look(struct isr_peer *peer)
{
    int64_t since_ns = peer->partition.leader != ISR_NODE_NONE ? peer->leader_heard_ns : peer->alone_since_ns;
    if (peer->env->now_ns - since_ns > peer->env->config.peer_silence_max)
        peer_suspect(peer);
}

void peer_heartbeat_start(struct isr_peer *peer)
{
    peer->heartbeat_due_ns = peer->env->now_ns + peer->env->config.peer_heartbeat_interval;
    isr_timer_set(&peer->env->timers, &peer->heartbeat_timer, peer->heartbeat_due_ns);
}

void peer_heartbeat_fire(void *object)
{
    struct isr_peer *peer = object;
    int64_t due_ns = peer->heartbeat_due_ns;
    if (peer->phase == ISR_PEER_CLOSING)
        return;
    peer_heartbeat_start(peer);
    peer_health_look(peer, due_ns);
    for (uint32_t i = 0; i < peer->nodes_count; i++)
        silence_set(peer, &peer->nodes[i], is_silent(peer, &peer->nodes[i]));
    if (peer_leads(peer))
        leader_look(peer);
    else
        follower_look(peer);
    peer_heartbeat_send(peer);
}

static bool is_sane(const struct isr_peer_heartbeat *heartbeat)
{
    return heartbeat->term >= 0 && heartbeat->term <= PEER_TERM_MAX && heartbeat->leader <= ISR_NODE_MAX &&
           heartbeat->leader >= ISR_NODE_NONE && heartbeat->leader != 0 && heartbeat->config_term >= 0 &&
           heartbeat->config_term <= heartbeat->term && heartbeat->config_version >= 0;
}

static void node_told(struct isr_peer *peer, struct isr_peer_node *node,
                      const struct isr_peer_heartbeat *heartbeat)
{
    node->heard_ns = peer->env->now_ns;
    silence_set(peer, node, false);
    node->term = heartbeat->term;
    node->leader = heartbeat->leader;
    node->config_term = heartbeat->config_term;
    node->config_version = heartbeat->config_version;
}

/* From a node that does not lead: what it says of the leader. */
static void follower_told(struct isr_peer *peer, const struct isr_peer_node *node,
                          const struct isr_peer_heartbeat *heartbeat)
{
    bool member = isr_replicas_contain(&peer->state.members, node->node);
    if (peer_leads(peer)) {
        if (!member || peer_leader_rank(peer, heartbeat->term, heartbeat->timestamp) <= 0)
            return;
        /* It follows a later leader; or it stood for election in vain and cannot come back to an older term:
         * then this leader takes a new one, by vote. */
        if (heartbeat->leader != ISR_NODE_NONE)
            peer_step_down(peer);
        else
            peer_campaign(peer, true);
    } else if (node->node == peer->partition.leader && heartbeat->term >= peer->state.term) {
        peer_leader_lost(peer); /* it says itself that it does not lead any more */
    } else if (heartbeat->suspects == 1 && heartbeat->leader == peer->partition.leader &&
               heartbeat->leader != ISR_NODE_NONE) {
        peer_suspect(peer);
    }
}

void peer_heartbeat_message(struct isr_peer *peer, int32_t from, const struct isr_peer_heartbeat *heartbeat)
{
    struct isr_peer_node *node = peer_node_find(peer, from);
    if (node == NULL || !is_sane(heartbeat))
        return;
    node_told(peer, node, heartbeat);
    if (heartbeat->term > peer->highest_term)
        peer->highest_term = heartbeat->term;
    if (peer_config_learn(peer, heartbeat->config_term, heartbeat->config_version, &heartbeat->members))
        node = peer_node_find(peer, from); /* the table may have moved */
    if (node == NULL)
        return;
    if (heartbeat->leader != from)
        follower_told(peer, node, heartbeat);
    else if (peer_leader_heard(peer, from, heartbeat->term, heartbeat->timestamp))
        peer->suspects = false;
}
