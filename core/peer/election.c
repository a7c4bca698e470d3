/* Elections: all that makes a leader or a follower.
 *
 *   NONE --leader silent, or said to be unwell--> PROBING --it answers that it is well--> NONE
 *   PROBING --no answer, or unwell--> WAITING --a random time--> CANVASSING --a majority would--> STANDING
 *   NONE --no leader known----------> WAITING                                                        |
 *   CANVASSING, STANDING --refused, asked for a vote itself, too late--> WAITING                     v
 *   any --a leader is heard--> NONE                                            a majority did: leads, NONE
 *
 * A voter has one vote a term, durable before it leaves (P1). It refuses every other candidate until the
 * election in which it voted is over: timed out, or given up by its candidate, who says so. A candidate that
 * is refused, or asked for a vote, gives up; the random time keeps that from going on for ever. One refusal
 * does not count: that of an unhealthy voter, which may have the best log without standing itself.
 *
 * A vote is asked for with the last term and end of the log (P3): a node that stands although a leader is
 * well wins when its log is as good as a majority's, and changes nothing when it is not: who refuses keeps
 * its term. The canvass (Ongaro's thesis 9.6) keeps nodes that are cut off from raising the term. */
#include "core/peer/internal.h"

/* ---- candidacy ---- */

static void observe_candidacy(struct isr_peer *peer, enum isr_peer_refusal refusal, int32_t by)
{
    struct isr_observation *seen = isr_observe(peer->env, ISR_OBSERVED_PEER_CANDIDACY);
    seen->peer_candidacy.term = peer->candidacy_term;
    seen->peer_candidacy.stage = peer->candidacy;
    seen->peer_candidacy.refusal = refusal;
    seen->peer_candidacy.by = by;
}

static void candidacy_none(struct isr_peer *peer)
{
    peer->candidacy = ISR_CANDIDACY_NONE;
    isr_timer_cancel(&peer->env->timers, &peer->candidacy_timer);
}

/* An unhealthy peer leaves others the time for a whole round before it. */
static int64_t candidacy_delay_ns(struct isr_peer *peer)
{
    const struct isr_config *config = &peer->env->config;
    int64_t most_ns = config->peer_candidacy_delay;
    int64_t delay_ns = isr_random_between(&peer->env->random, ISR_RANDOM_CANDIDACY, 0, most_ns + 1);
    if (peer->unhealthy)
        delay_ns += 2 * most_ns + config->peer_election_timeout;
    if (peer->open_candidate != ISR_NODE_NONE && peer->open_until_ns > peer->env->now_ns)
        delay_ns += peer->open_until_ns - peer->env->now_ns;
    return delay_ns;
}

static void candidacy_wait(struct isr_peer *peer)
{
    peer->candidacy = ISR_CANDIDACY_WAITING;
    peer_phase_set(peer, ISR_PEER_ELECTION);
    isr_env_timer_in(peer->env, &peer->candidacy_timer, candidacy_delay_ns(peer));
}

void peer_leader_lost(struct isr_peer *peer)
{
    peer_follow(peer, ISR_NODE_NONE, peer->state.term);
    if (!peer_is_member(peer)) {
        candidacy_none(peer);
        peer_phase_set(peer, ISR_PEER_BOOTSTRAP);
        return;
    }
    if (peer->candidacy == ISR_CANDIDACY_NONE || peer->candidacy == ISR_CANDIDACY_PROBING)
        candidacy_wait(peer);
}

void peer_step_down(struct isr_peer *peer)
{
    ISR_ASSERT(peer_leads(peer));
    peer_leader_lost(peer);
    peer_heartbeat_send(peer);
}

static void probe_send(struct isr_peer *peer)
{
    peer->candidacy = ISR_CANDIDACY_PROBING;
    peer->probe_correlation = peer_correlation_next(peer);
    struct isr_message message = {.kind = ISR_MESSAGE_PEER_PROBE_REQUEST,
                                  .peer_probe_request = {.correlation = peer->probe_correlation}};
    isr_send(peer->env, peer->partition.leader, &message);
    isr_env_timer_in(peer->env, &peer->candidacy_timer, peer->env->config.peer_control_timeout);
}

void peer_suspect(struct isr_peer *peer)
{
    if (peer->candidacy != ISR_CANDIDACY_NONE || peer_leads(peer) || peer->phase == ISR_PEER_CLOSING ||
        peer->phase == ISR_PEER_RECOVERING)
        return;
    if (peer->partition.leader != ISR_NODE_NONE)
        probe_send(peer);
    else if (peer_is_member(peer))
        candidacy_wait(peer);
}

/* ---- asking ---- */

static void votes_ask(struct isr_peer *peer, bool canvass)
{
    struct peer_wal_position position = peer_wal_position(peer);
    struct isr_message message = {.kind = ISR_MESSAGE_PEER_VOTE_REQUEST,
                                  .peer_vote_request = {.term = peer->candidacy_term,
                                                        .canvass = canvass,
                                                        .last_term = position.last_term,
                                                        .log_end = position.log_end,
                                                        .healthy = !peer->unhealthy,
                                                        .config_term = peer->state.config_term,
                                                        .config_version = peer->state.config_version}};
    struct isr_bytes frame = isr_message_encode(&message, &peer->env->scratch);
    for (unsigned i = 0; i < peer->state.members.count; i++) {
        if (peer->state.members.ids[i] != peer->env->node)
            isr_env_send_frame(peer->env, peer->state.members.ids[i], frame);
    }
}

static void grants_forget(struct isr_peer *peer)
{
    for (uint32_t i = 0; i < peer->nodes_count; i++)
        peer->nodes[i].granted = false;
}

static bool majority_granted(const struct isr_peer *peer)
{
    uint32_t count = peer_is_member(peer) ? 1 : 0;
    for (uint32_t i = 0; i < peer->nodes_count; i++)
        count += peer->nodes[i].granted && isr_replicas_contain(&peer->state.members, peer->nodes[i].node);
    return count >= peer_majority(peer);
}

static void voted_with(struct isr_peer *peer)
{
    struct peer_wal_position position = peer_wal_position(peer);
    peer->voted_last_term = position.last_term;
    peer->voted_log_end = position.log_end;
}

/* Raises the term and votes for itself; the others are asked when that is durable. */
static void stand(struct isr_peer *peer)
{
    peer->candidacy = ISR_CANDIDACY_STANDING;
    grants_forget(peer);
    peer->state.term = peer->candidacy_term;
    peer->state.voted_for = (int16_t)peer->env->node;
    voted_with(peer);
    peer->open_candidate = ISR_NODE_NONE;
    if (peer->highest_term < peer->candidacy_term)
        peer->highest_term = peer->candidacy_term;
    peer_follow(peer, ISR_NODE_NONE, peer->state.term);
    observe_candidacy(peer, ISR_REFUSAL_NONE, ISR_NODE_NONE);
    isr_env_timer_in(peer->env, &peer->candidacy_timer, peer->env->config.peer_election_timeout);
    peer_state_save(peer);
}

void peer_campaign(struct isr_peer *peer, bool forced)
{
    int32_t term = peer->highest_term > peer->state.term ? peer->highest_term : peer->state.term;
    if (!peer_is_member(peer) || term >= PEER_TERM_MAX || peer->phase == ISR_PEER_RECOVERING ||
        peer->phase == ISR_PEER_CLOSING)
        return;
    peer->candidacy_term = term + 1;
    peer_phase_set(peer, ISR_PEER_ELECTION);
    if (forced || peer_majority(peer) == 1) {
        stand(peer);
        return;
    }
    peer->candidacy = ISR_CANDIDACY_CANVASSING;
    grants_forget(peer);
    isr_env_timer_in(peer->env, &peer->candidacy_timer, peer->env->config.peer_election_timeout);
    votes_ask(peer, true);
}

void peer_candidacy_end(struct isr_peer *peer, enum isr_peer_refusal refusal, int32_t by)
{
    if (peer->candidacy != ISR_CANDIDACY_CANVASSING && peer->candidacy != ISR_CANDIDACY_STANDING)
        return;
    observe_candidacy(peer, refusal, by);
    if (peer->candidacy == ISR_CANDIDACY_STANDING) {
        struct isr_message message = {.kind = ISR_MESSAGE_PEER_WITHDRAWAL,
                                      .peer_withdrawal = {.term = peer->candidacy_term}};
        struct isr_bytes frame = isr_message_encode(&message, &peer->env->scratch);
        for (uint32_t i = 0; i < peer->nodes_count; i++)
            isr_env_send_frame(peer->env, peer->nodes[i].node, frame);
    }
    if (peer->partition.leader == ISR_NODE_NONE) {
        candidacy_wait(peer);
    } else { /* it canvassed for nothing: the leader is back */
        candidacy_none(peer);
    }
}

void peer_election_fire(void *object)
{
    struct isr_peer *peer = object;
    switch (peer->candidacy) {
    case ISR_CANDIDACY_NONE:
        break;
    case ISR_CANDIDACY_PROBING:
        peer->suspects = true;
        peer_leader_lost(peer);
        break;
    case ISR_CANDIDACY_WAITING:
        peer_campaign(peer, false);
        break;
    case ISR_CANDIDACY_CANVASSING:
    case ISR_CANDIDACY_STANDING:
        peer_candidacy_end(peer, ISR_REFUSAL_NONE, ISR_NODE_NONE);
        break;
    }
}

static void observe_vote(struct isr_peer *peer)
{
    struct isr_observation *seen = isr_observe(peer->env, ISR_OBSERVED_PEER_VOTED);
    seen->peer_voted.term = peer->state.term;
    seen->peer_voted.candidate = peer->state.voted_for;
    seen->peer_voted.last_term = peer->voted_last_term;
    seen->peer_voted.log_end = peer->voted_log_end;
}

/* It is owed no more; another was voted for since, or nobody. */
static void vote_send(struct isr_peer *peer, struct isr_peer_node *candidate)
{
    candidate->vote_owed = false;
    if (peer->state.voted_for != candidate->node)
        return;
    observe_vote(peer);
    struct isr_message message = {.kind = ISR_MESSAGE_PEER_VOTE_RESPONSE,
                                  .peer_vote_response = {.request_term = peer->state.term,
                                                         .term = peer->state.term,
                                                         .healthy = !peer->unhealthy}};
    isr_send(peer->env, candidate->node, &message);
}

void peer_election_settled(struct isr_peer *peer)
{
    for (uint32_t i = 0; i < peer->nodes_count; i++) {
        if (peer->nodes[i].vote_owed)
            vote_send(peer, &peer->nodes[i]);
    }
    if (peer->candidacy != ISR_CANDIDACY_STANDING || peer->state.term != peer->candidacy_term ||
        peer->state.voted_for != peer->env->node)
        return;
    observe_vote(peer);
    if (majority_granted(peer))
        peer_lead(peer);
    else
        votes_ask(peer, false);
}

/* ---- being asked ---- */

static bool is_sane(const struct isr_peer_vote_request *request)
{
    return request->term >= 1 && request->term <= PEER_TERM_MAX && request->canvass <= 1 &&
           request->log_end >= 0 && request->log_end < PEER_OFFSET_MAX &&
           request->last_term >= ISR_EPOCH_NONE && request->last_term < request->term &&
           request->config_term >= 0 && request->config_version >= 1;
}

static bool leader_is_healthy(const struct isr_peer *peer)
{
    if (peer_leads(peer))
        return !peer->unhealthy;
    return peer->partition.leader != ISR_NODE_NONE && !peer->suspects &&
           peer->env->now_ns - peer->leader_heard_ns <= peer->env->config.peer_silence_max;
}

static bool election_is_open(const struct isr_peer *peer, int32_t candidate)
{
    return peer->open_candidate != ISR_NODE_NONE && peer->open_candidate != candidate &&
           peer->env->now_ns < peer->open_until_ns;
}

static enum isr_peer_refusal refusal_of(const struct isr_peer *peer, int32_t candidate,
                                        const struct isr_peer_vote_request *request)
{
    bool again = request->term == peer->state.term && peer->state.voted_for == candidate;
    int better = peer_wal_compare(peer, request->last_term, request->log_end);
    if (peer->state.config_version == 0)
        return ISR_REFUSAL_NOT_READY;
    if (request->term <= peer->state.term && !again)
        return ISR_REFUSAL_OLD_TERM;
    if (peer_config_compare(peer, request->config_term, request->config_version) < 0)
        return ISR_REFUSAL_OLD_CONFIG;
    if (peer->candidacy == ISR_CANDIDACY_CANVASSING || peer->candidacy == ISR_CANDIDACY_STANDING)
        return ISR_REFUSAL_CANDIDATE;
    if (request->canvass == 1 && leader_is_healthy(peer))
        return ISR_REFUSAL_LEADER_HEALTHY;
    if (election_is_open(peer, candidate))
        return ISR_REFUSAL_ELECTION_OPEN;
    /* Ongaro's thesis 3.6.1: what is committed is in the log of one of every majority. */
    if (better < 0 && peer->env->rules.peer_vote_log == ISR_RULE_peer_vote_log_compared)
        return ISR_REFUSAL_LOG_BEHIND;
    if (request->healthy == 0 && !peer->unhealthy && better == 0 && peer_is_member(peer))
        return ISR_REFUSAL_UNHEALTHY;
    return ISR_REFUSAL_NONE;
}

static void vote_answer(struct isr_peer *peer, int32_t candidate, const struct isr_peer_vote_request *request,
                        enum isr_peer_refusal refusal)
{
    struct isr_message message = {.kind = ISR_MESSAGE_PEER_VOTE_RESPONSE,
                                  .peer_vote_response = {.request_term = request->term,
                                                         .term = peer->state.term,
                                                         .canvass = request->canvass,
                                                         .refusal = (uint8_t)refusal,
                                                         .healthy = !peer->unhealthy}};
    isr_send(peer->env, candidate, &message);
}

static void vote_give(struct isr_peer *peer, struct isr_peer_node *candidate,
                      const struct isr_peer_vote_request *request)
{
    bool again = request->term == peer->state.term;
    peer->open_candidate = candidate->node;
    peer->open_until_ns = peer->env->now_ns + peer->env->config.peer_election_timeout;
    candidate->vote_owed = true;
    voted_with(peer);
    if (!again) {
        peer->state.term = request->term;
        peer->state.voted_for = (int16_t)candidate->node;
        peer->state.timestamp = 0; /* the next leader's is not known yet, whatever the last one's was */
        peer_follow(peer, ISR_NODE_NONE, peer->state.term);
        candidacy_none(peer);
        if (peer_is_member(peer)) /* after this election, should nobody win it */
            candidacy_wait(peer);
        else
            peer_phase_set(peer, ISR_PEER_BOOTSTRAP);
    }
    peer_state_save(peer);
    /* Ongaro's thesis 3.8: a vote that a power loss takes back would be given again. */
    if (peer->env->rules.peer_vote_sent == ISR_RULE_peer_vote_sent_before_sync)
        vote_send(peer, candidate);
}

void peer_vote_request(struct isr_peer *peer, int32_t from, const struct isr_peer_vote_request *request)
{
    struct isr_peer_node *candidate = is_sane(request) ? peer_node_of(peer, from) : NULL;
    if (candidate == NULL)
        return;
    enum isr_peer_refusal refusal = refusal_of(peer, from, request);
    if (request->term > peer->highest_term)
        peer->highest_term = request->term;
    if (refusal == ISR_REFUSAL_NONE && request->canvass == 0) {
        vote_give(peer, candidate, request);
        return;
    }
    vote_answer(peer, from, request, refusal);
    if (refusal == ISR_REFUSAL_CANDIDATE)
        peer_candidacy_end(peer, ISR_REFUSAL_CANDIDATE, from);
}

void peer_vote_response(struct isr_peer *peer, int32_t from, const struct isr_peer_vote_response *response)
{
    struct isr_peer_node *voter = peer_node_find(peer, from);
    if (voter == NULL || response->term < 0 || response->term > PEER_TERM_MAX ||
        response->refusal >= ISR_REFUSALS)
        return;
    if (response->term > peer->highest_term)
        peer->highest_term = response->term;
    bool canvassing = peer->candidacy == ISR_CANDIDACY_CANVASSING && response->canvass == 1;
    bool standing = peer->candidacy == ISR_CANDIDACY_STANDING && response->canvass == 0;
    if ((!canvassing && !standing) || response->request_term != peer->candidacy_term)
        return;
    if (response->refusal != ISR_REFUSAL_NONE) {
        if (response->healthy == 1)
            peer_candidacy_end(peer, (enum isr_peer_refusal)response->refusal, from);
        return;
    }
    voter->granted = true;
    if (!majority_granted(peer))
        return;
    if (canvassing)
        stand(peer);
    else if (peer_state_is_durable(peer))
        peer_lead(peer);
}

void peer_withdrawal(struct isr_peer *peer, int32_t from, const struct isr_peer_withdrawal *withdrawal)
{
    if (peer->open_candidate == from && withdrawal->term == peer->state.term)
        peer->open_candidate = ISR_NODE_NONE;
}

/* ---- leaders ---- */

void peer_probe_request(struct isr_peer *peer, int32_t from, const struct isr_peer_probe_request *request)
{
    struct isr_message message = {.kind = ISR_MESSAGE_PEER_PROBE_RESPONSE,
                                  .peer_probe_response = {.correlation = request->correlation,
                                                          .term = peer->state.term,
                                                          .leads = peer_leads(peer),
                                                          .healthy = !peer->unhealthy}};
    isr_send(peer->env, from, &message);
}

void peer_probe_response(struct isr_peer *peer, int32_t from, const struct isr_peer_probe_response *response)
{
    if (peer->candidacy != ISR_CANDIDACY_PROBING || response->correlation != peer->probe_correlation ||
        from != peer->partition.leader)
        return;
    if (response->leads == 1 && response->healthy == 1 && response->term == peer->state.term) {
        peer->leader_heard_ns = peer->env->now_ns;
        peer->suspects = false;
        candidacy_none(peer);
        return;
    }
    peer_leader_lost(peer);
}

/* The term decides, which no two leaders share; a timestamp is a clock's, and clocks differ. */
int peer_leader_rank(const struct isr_peer *peer, int32_t term, int64_t timestamp)
{
    const struct isr_peer_state *own = &peer->state;
    if (peer->env->rules.leader_contention == ISR_RULE_leader_contention_timestamp)
        return (timestamp > own->timestamp) - (timestamp < own->timestamp);
    return (term > own->term) - (term < own->term);
}

static void duplicity_tell(struct isr_peer *peer, int32_t to)
{
    struct isr_message message = {.kind = ISR_MESSAGE_PEER_STEP_DOWN,
                                  .peer_step_down = {.term = peer->state.term,
                                                     .timestamp = peer->state.timestamp,
                                                     .leader = (int16_t)peer->partition.leader}};
    isr_send(peer->env, to, &message);
}

static void leader_take(struct isr_peer *peer, int32_t from, int32_t term, int64_t timestamp)
{
    if (peer->state.term != term)
        peer->state.voted_for = ISR_NODE_NONE;
    peer->state.term = term;
    peer->state.timestamp = timestamp;
    if (peer->highest_term < term)
        peer->highest_term = term;
    peer_state_save(peer);
    candidacy_none(peer);
    peer->open_candidate = ISR_NODE_NONE;
    peer->suspects = false;
    peer_bootstrap_end(peer);
    peer_follow(peer, from, term);
}

bool peer_leader_heard(struct isr_peer *peer, int32_t from, int32_t term, int64_t timestamp)
{
    if (term < 1 || term > PEER_TERM_MAX)
        return false;
    int rank = peer_leader_rank(peer, term, timestamp);
    if (rank < 0) {
        duplicity_tell(peer, from);
        return false;
    }
    if (rank == 0 && peer->partition.leader != ISR_NODE_NONE) {
        if (peer->partition.leader != from || term != peer->state.term)
            return false;
    } else {
        leader_take(peer, from, term, timestamp);
    }
    peer->leader_heard_ns = peer->env->now_ns;
    if (peer->candidacy == ISR_CANDIDACY_PROBING)
        candidacy_none(peer);
    return true;
}

void peer_step_down_message(struct isr_peer *peer, int32_t from, const struct isr_peer_step_down *message)
{
    if (!peer_leads(peer) || peer_node_find(peer, from) == NULL || message->term <= peer->state.term ||
        message->term > PEER_TERM_MAX)
        return;
    if (message->leader == ISR_NODE_NONE)
        return; /* it stood in vain, which the heartbeats tell (heartbeat.c) */
    if (message->term > peer->highest_term)
        peer->highest_term = message->term;
    peer_step_down(peer);
}
