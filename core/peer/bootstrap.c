/* The way into the group, from any address: the founder itself, any member, or a balancer that leads to
 * another node each time.
 *
 *   know nobody --hello to the host--> know a leader --hello to it, join--> learner of that leader
 *        ^   `--- nobody leads there: next time one of the members it named, then the host again ---'
 *   know nobody, am my own host ----> founds the group: the only member, elects itself at once
 *   disk knows a membership with me --> heartbeats and elections find the leader
 *
 * Whoever hears nobody goes on asking (rule lone_start): it may be cut off from a group that is well. */
#include "core/peer/internal.h"

enum { LONE_AFTER = 4 };

static int32_t member_after(const struct isr_peer *peer, uint64_t draw, const struct isr_replicas *set)
{
    struct isr_replicas others = *set;
    isr_replicas_remove(&others, peer->env->node);
    return others.count == 0 ? ISR_NODE_NONE : others.ids[draw % others.count];
}

/* Whom to ask: who was named, else the host, else (when the disk knows a group) one of its members. */
static int32_t hello_target(struct isr_peer *peer)
{
    int32_t named = peer->hello_to;
    peer->hello_to = ISR_NODE_NONE;
    if (named != ISR_NODE_NONE && named != peer->env->node)
        return named;
    int32_t host = peer->options.host;
    if (host > 0 && host != peer->env->node)
        return host;
    uint64_t draw = isr_random_draw(&peer->env->random, ISR_RANDOM_HOST);
    if (host == ISR_PEER_HOST_BALANCER)
        return member_after(peer, draw, &peer->options.balanced);
    return member_after(peer, draw, &peer->state.members);
}

static void hello_send(struct isr_peer *peer, int32_t to, bool join)
{
    isr_env_timer_in(peer->env, &peer->hello_timer, peer->env->config.peer_control_timeout);
    if (to == ISR_NODE_NONE)
        return;
    peer->hello_correlation = peer_correlation_next(peer);
    peer->hello_asked = to;
    struct isr_message message = {
        .kind = ISR_MESSAGE_PEER_HELLO_REQUEST,
        .peer_hello_request = {.correlation = peer->hello_correlation, .join = join}};
    isr_send(peer->env, to, &message);
}

static bool founds(const struct isr_peer *peer)
{
    return peer->state.config_version == 0 && peer->options.host == peer->env->node;
}

void peer_bootstrap_begin(struct isr_peer *peer)
{
    struct isr_replicas alone = {0};
    isr_replicas_add(&alone, peer->env->node);
    peer->hellos_unanswered = 0;
    if (peer->state.config_version == 0 && peer->options.members.count > 0)
        peer_config_found(peer, &peer->options.members);
    else if (founds(peer))
        peer_config_found(peer, &alone);
    if (!peer_is_member(peer))
        hello_send(peer, hello_target(peer), true);
    else if (peer->state.members.count == 1)
        peer_campaign(peer, false);
}

void peer_bootstrap_end(struct isr_peer *peer)
{
    peer->hello_correlation = 0;
    isr_timer_cancel(&peer->env->timers, &peer->hello_timer);
}

void peer_hello_fire(void *object)
{
    struct isr_peer *peer = object;
    struct isr_replicas alone = {0};
    isr_replicas_add(&alone, peer->env->node);
    if (peer->phase != ISR_PEER_BOOTSTRAP)
        return;
    peer->hellos_unanswered++;
    if (peer->hellos_unanswered >= LONE_AFTER && peer->state.config_version == 0 &&
        peer->env->rules.lone_start == ISR_RULE_lone_start_silence) {
        peer_config_found(peer, &alone);
        peer_campaign(peer, false);
        return;
    }
    hello_send(peer, hello_target(peer), true);
}

/* ---- those who are asked ---- */

void peer_hello_request(struct isr_peer *peer, int32_t from, const struct isr_peer_hello_request *request)
{
    if (from == peer->env->node || request->join > 1)
        return;
    bool accepted = request->join == 1 && peer_leads(peer) && peer_node_of(peer, from) != NULL;
    struct isr_message message = {.kind = ISR_MESSAGE_PEER_HELLO_RESPONSE,
                                  .peer_hello_response = {.correlation = request->correlation,
                                                          .accepted = accepted,
                                                          .leader = (int16_t)peer->partition.leader,
                                                          .term = peer->state.term,
                                                          .members = peer->state.members}};
    isr_send(peer->env, from, &message);
    if (accepted)
        peer_heartbeat_send(peer);
}

void peer_hello_response(struct isr_peer *peer, int32_t from, const struct isr_peer_hello_response *response)
{
    if (peer->hello_correlation == 0 || response->correlation != peer->hello_correlation ||
        from != peer->hello_asked || peer->phase != ISR_PEER_BOOTSTRAP)
        return;
    peer->hello_correlation = 0;
    peer->hellos_unanswered = 0;
    if (response->accepted == 1) {
        /* Its heartbeat makes it the leader of this node; until it comes the question may be asked again. */
        (void)peer_node_of(peer, from);
        return;
    }
    if (response->leader != ISR_NODE_NONE && response->leader != from) {
        if (response->leader >= 1 && response->leader <= ISR_NODE_MAX && response->leader != peer->env->node)
            hello_send(peer, response->leader, true);
        return;
    }
    /* Nobody leads as far as it knows: another member may know more. */
    peer->hello_to =
        member_after(peer, isr_random_draw(&peer->env->random, ISR_RANDOM_HOST), &response->members);
}
