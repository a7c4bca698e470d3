/* Who is in the group: the membership is known to every member, durable, and changed by one node at a time.
 *
 * Memberships are ordered by (term, version) and travel with the heartbeats, beside the log (Schultz, Dardik,
 * Tripakis: Design and Analysis of a Logless Dynamic Reconfiguration Protocol, OPODIS 2021):
 *
 *   - a voter refuses a candidate with an older membership than its own; votes count by the candidate's;
 *   - a new leader gives its membership its own term, so that an older leader's changes come to nothing;
 *   - a leader changes it only when a majority of the present members has it on disk, in the leader's own
 * term, and holds all that was in the log when it came to be. Two in a row differ by one node and share a
 * majority.
 *
 * So nobody leads alone for having heard nobody: alone leads who is the only member, and only the founder of
 * a group ever is (bootstrap.c). A node that is let in has ready data first: it is a learner until then,
 * which neither votes nor counts. Nodes known here are the members and, on a leader, its learners. */
#include "core/peer/internal.h"

struct isr_peer_node *peer_node_find(struct isr_peer *peer, int32_t node)
{
    for (uint32_t i = 0; i < peer->nodes_count; i++) {
        if (peer->nodes[i].node == node)
            return &peer->nodes[i];
    }
    return NULL;
}

struct isr_peer_node *peer_node_of(struct isr_peer *peer, int32_t node)
{
    struct isr_peer_node *known = peer_node_find(peer, node);
    if (known != NULL || node == peer->env->node || node < 1 || node > ISR_NODE_MAX ||
        peer->nodes_count == ISR_REPLICAS_MAX - 1)
        return known;
    known = &peer->nodes[peer->nodes_count++];
    *known = (struct isr_peer_node){
        .node = node, .heard_ns = ISR_NEVER_CAUGHT_UP, .leader = ISR_NODE_NONE, .mark_term = ISR_EPOCH_NONE};
    return known;
}

/* Room for the members: learners that are none of them go first. */
static void nodes_make_room(struct isr_peer *peer)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < peer->nodes_count; i++) {
        if (isr_replicas_contain(&peer->state.members, peer->nodes[i].node))
            peer->nodes[kept++] = peer->nodes[i];
    }
    peer->nodes_count = kept;
}

/* The membership in the state changed. */
static void config_changed(struct isr_peer *peer)
{
    const struct isr_replicas *members = &peer->state.members;
    peer->partition.replicas = *members;
    peer->partition.isr = *members;
    peer->partition.partition_epoch = peer->state.config_version;
    if (peer->partition.log != NULL)
        peer->config_log_end = peer->partition.log->log_end;
    for (unsigned i = 0; i < members->count; i++) {
        if (members->ids[i] != peer->env->node && peer_node_of(peer, members->ids[i]) == NULL) {
            nodes_make_room(peer);
            (void)peer_node_of(peer, members->ids[i]);
        }
    }
    struct isr_observation *seen = isr_observe(peer->env, ISR_OBSERVED_PEER_CONFIG);
    seen->peer_config.term = peer->state.config_term;
    seen->peer_config.version = peer->state.config_version;
    seen->peer_config.members = (int64_t)isr_replicas_pack(members);
    peer_state_save(peer);
}

int peer_config_compare(const struct isr_peer *peer, int32_t term, int32_t version)
{
    const struct isr_peer_state *own = &peer->state;
    if (term != own->config_term)
        return term < own->config_term ? -1 : 1;
    return (version > own->config_version) - (version < own->config_version);
}

bool peer_config_learn(struct isr_peer *peer, int32_t term, int32_t version,
                       const struct isr_replicas *members)
{
    if (members->count == 0 || peer_config_compare(peer, term, version) <= 0)
        return false;
    peer->state.config_term = term;
    peer->state.config_version = version;
    peer->state.members = *members;
    config_changed(peer);
    return true;
}

void peer_config_found(struct isr_peer *peer, const struct isr_replicas *members)
{
    ISR_ASSERT(peer->state.config_version == 0);
    peer->state.config_version = 1;
    peer->state.members = *members;
    config_changed(peer);
}

void peer_config_claim(struct isr_peer *peer)
{
    peer->state.config_term = peer->state.term;
    config_changed(peer);
}

/* ---- growing ---- */

/* A majority of the members has the membership on disk and is in this term. */
static bool config_is_installed(const struct isr_peer *peer)
{
    const struct isr_peer_state *state = &peer->state;
    uint32_t count = peer_state_is_durable(peer) ? 1 : 0;
    for (uint32_t i = 0; i < peer->nodes_count; i++) {
        const struct isr_peer_node *node = &peer->nodes[i];
        count += isr_replicas_contain(&state->members, node->node) && node->term == state->term &&
                 node->config_term == state->config_term && node->config_version == state->config_version;
    }
    return count >= peer_majority(peer);
}

/* A majority of the members holds all that was there when the membership came to be. */
static bool config_is_covered(const struct isr_peer *peer)
{
    uint32_t count = isr_log_held_end(peer->partition.log) >= peer->config_log_end ? 1 : 0;
    for (uint32_t i = 0; i < peer->nodes_count; i++) {
        const struct isr_peer_node *node = &peer->nodes[i];
        count += isr_replicas_contain(&peer->state.members, node->node) && node->known &&
                 node->mark_term == peer->state.term && node->held_end >= peer->config_log_end;
    }
    return peer->marked && count >= peer_majority(peer);
}

static bool may_come_in(const struct isr_peer *peer, const struct isr_peer_node *node)
{
    return node->known && node->ready && !isr_replicas_contain(&peer->state.members, node->node) &&
           peer->env->now_ns - node->told_ns <= peer->env->config.peer_silence_max;
}

void peer_config_grow(struct isr_peer *peer)
{
    if (peer->state.members.count == ISR_REPLICAS_MAX || !config_is_installed(peer) ||
        !config_is_covered(peer))
        return;
    for (uint32_t i = 0; i < peer->nodes_count; i++) {
        if (!may_come_in(peer, &peer->nodes[i]))
            continue;
        isr_replicas_add(&peer->state.members, peer->nodes[i].node);
        peer->state.config_version++;
        config_changed(peer);
        peer_heartbeat_send(peer);
        return;
    }
}
