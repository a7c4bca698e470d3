/* Elections: pre-vote, vote, winning. The states are drawn in quorum.h.
 *
 * Two rules keep a node that was away from deposing a leader that works: the pre-vote (9.6: nobody raises its
 * term before a majority would vote for it) and stickiness (4.2.3: who hears a leader takes no notice of
 * candidates). */
#include "core/quorum/internal.h"

void quorum_election_arm(struct isr_quorum *quorum)
{
    int64_t timeout = quorum->env->config.quorum_election_timeout;
    quorum->election_timeout_ns =
        isr_random_between(&quorum->env->random, ISR_RANDOM_ELECTION, timeout, 2 * timeout);
    isr_env_timer_in(quorum->env, &quorum->election_timer, quorum->election_timeout_ns);
}

static bool leader_heard_within(const struct isr_quorum *quorum, int64_t duration_ns)
{
    return quorum->leader != ISR_NODE_NONE && quorum->heard_leader_ns > quorum->env->now_ns - duration_ns;
}

/* 6.2: a leader that heard no majority for an election timeout steps down. */
static void quorum_is_checked(struct isr_quorum *quorum)
{
    int64_t timeout = quorum->env->config.quorum_election_timeout;
    int64_t heard = quorum_majority_heard_ns(quorum);
    if (quorum->env->now_ns - heard < timeout) {
        isr_timer_set(&quorum->env->timers, &quorum->election_timer, heard + timeout);
        return;
    }
    quorum_role_set(quorum, ISR_CONSENSUS_FOLLOWER, ISR_NODE_NONE);
    quorum_election_arm(quorum);
}

void quorum_election_fire(void *object)
{
    struct isr_quorum *quorum = object;
    if (quorum->env->exiting)
        return;
    if (quorum->role == ISR_CONSENSUS_LEADER) {
        quorum_is_checked(quorum);
    } else if (leader_heard_within(quorum, quorum->election_timeout_ns)) {
        /* Messages of the leader only note the time: the timer moves when it fires. */
        isr_timer_set(&quorum->env->timers, &quorum->election_timer,
                      quorum->heard_leader_ns + quorum->election_timeout_ns);
    } else {
        quorum_campaign(quorum);
    }
    quorum_settle(quorum);
}

static void votes_ask(struct isr_quorum *quorum, int32_t term, bool pre_vote)
{
    struct isr_message message = {.kind = ISR_MESSAGE_VOTE_REQUEST,
                                  .vote_request = {.term = term,
                                                   .pre_vote = pre_vote,
                                                   .last_log_index = quorum_log_last(&quorum->log),
                                                   .last_log_term = quorum_log_last_term(&quorum->log)}};
    struct isr_bytes frame = isr_message_encode(&message, &quorum->env->scratch);
    for (uint32_t i = 0; i < quorum->peers_count; i++)
        isr_env_send_frame(quorum->env, quorum->peers[i].node, frame);
}

static uint32_t votes_count(uint32_t votes)
{
    uint32_t count = 0;
    for (; votes != 0; votes &= votes - 1)
        count++;
    return count;
}

/* 3.4: raises the term and votes for itself; the others are asked when that is durable. */
static void candidate_become(struct isr_quorum *quorum)
{
    quorum_term_adopt(quorum, quorum->term + 1);
    quorum->voted_for = quorum->node;
    quorum->votes = 0;
    quorum->env->metrics.quorum_elections++;
    quorum_role_set(quorum, ISR_CONSENSUS_CANDIDATE, ISR_NODE_NONE);
    quorum_election_arm(quorum);
}

void quorum_campaign(struct isr_quorum *quorum)
{
    quorum_election_arm(quorum);
    if (quorum->resigned || quorum->term >= QUORUM_TERM_MAX)
        return;
    if (quorum->leader != ISR_NODE_NONE || quorum->role != ISR_CONSENSUS_FOLLOWER)
        quorum_role_set(quorum, ISR_CONSENSUS_FOLLOWER, ISR_NODE_NONE);
    if (quorum->majority == 1) {
        candidate_become(quorum);
        return;
    }
    quorum->prevoting = true;
    quorum->votes = 1;
    votes_ask(quorum, quorum->term + 1, true);
}

static void vote_answer(struct isr_quorum *quorum, const struct quorum_peer *peer, bool pre_vote,
                        int32_t request_term, bool granted)
{
    struct isr_message message = {
        .kind = ISR_MESSAGE_VOTE_RESPONSE,
        .vote_response = {
            .term = quorum->term, .pre_vote = pre_vote, .request_term = request_term, .granted = granted}};
    isr_send(quorum->env, peer->node, &message);
}

/* 3.6.1: a voter refuses a candidate whose log is less up-to-date than its own. */
static bool log_is_up_to_date(const struct isr_quorum *quorum, const struct isr_vote_request *request)
{
    int32_t last_term = quorum_log_last_term(&quorum->log);
    if (request->last_log_term != last_term)
        return request->last_log_term > last_term;
    return request->last_log_index >= quorum_log_last(&quorum->log);
}

static bool vote_is_free(const struct isr_quorum *quorum, int32_t term, int32_t candidate)
{
    if (term != quorum->term)
        return term > quorum->term;
    return quorum->voted_for == ISR_NODE_NONE || quorum->voted_for == candidate;
}

static bool request_is_sane(const struct isr_vote_request *request)
{
    return request->term >= 1 && request->term <= QUORUM_TERM_MAX && request->pre_vote <= 1 &&
           request->last_log_index >= 0 && request->last_log_index < QUORUM_INDEX_MAX &&
           request->last_log_term >= 0 && request->last_log_term <= request->term;
}

static void pre_vote_request(struct isr_quorum *quorum, const struct quorum_peer *peer,
                             const struct isr_vote_request *request, bool sticky)
{
    bool granted =
        !sticky && vote_is_free(quorum, request->term, peer->node) && log_is_up_to_date(quorum, request);
    vote_answer(quorum, peer, true, request->term, granted);
}

void quorum_vote_request(struct isr_quorum *quorum, struct quorum_peer *peer,
                         const struct isr_vote_request *request)
{
    if (!request_is_sane(request))
        return;
    bool sticky = quorum->role == ISR_CONSENSUS_LEADER ||
                  leader_heard_within(quorum, quorum->env->config.quorum_election_timeout);
    if (request->pre_vote) {
        pre_vote_request(quorum, peer, request, sticky);
        return;
    }
    if (request->term > quorum->term && sticky)
        return;
    if (request->term > quorum->term)
        quorum_term_adopt(quorum, request->term);
    if (request->term < quorum->term || !vote_is_free(quorum, request->term, peer->node) ||
        !log_is_up_to_date(quorum, request)) {
        vote_answer(quorum, peer, false, request->term, false);
        return;
    }
    quorum->voted_for = peer->node;
    quorum->prevoting = false;
    peer->vote_owed = true;
    quorum_election_arm(quorum); /* 3.4: granting a vote is a reason to wait */
    quorum_vote_settle(quorum);
}

static void vote_count(struct isr_quorum *quorum, uint32_t bit)
{
    quorum->votes |= UINT32_C(1) << bit;
    if (votes_count(quorum->votes) >= quorum->majority)
        quorum_lead(quorum);
}

void quorum_vote_settle(struct isr_quorum *quorum)
{
    if (quorum->voted_for == ISR_NODE_NONE || !quorum_vote_durable(quorum))
        return;
    bool first = !quorum->vote_file.told;
    if (first) {
        struct isr_observation *observation = isr_observe(quorum->env, ISR_OBSERVED_QUORUM_VOTED);
        observation->quorum_voted.term = quorum->term;
        observation->quorum_voted.candidate = quorum->voted_for;
        quorum->vote_file.told = true;
    }
    for (uint32_t i = 0; i < quorum->peers_count; i++) {
        struct quorum_peer *peer = &quorum->peers[i];
        if (peer->vote_owed && peer->node == quorum->voted_for)
            vote_answer(quorum, peer, false, quorum->term, true);
        peer->vote_owed = false;
    }
    if (first && quorum->role == ISR_CONSENSUS_CANDIDATE) {
        votes_ask(quorum, quorum->term, false);
        vote_count(quorum, 0);
    }
}

void quorum_vote_response(struct isr_quorum *quorum, struct quorum_peer *peer,
                          const struct isr_vote_response *response)
{
    if (response->term < 0 || response->term > QUORUM_TERM_MAX)
        return;
    uint32_t bit = (uint32_t)(peer - quorum->peers) + 1;
    if (response->term > quorum->term) {
        quorum_term_adopt(quorum, response->term);
        return;
    }
    if (response->granted != 1)
        return;
    if (response->pre_vote) {
        if (!quorum->prevoting || response->request_term != quorum->term + 1)
            return;
        quorum->votes |= UINT32_C(1) << bit;
        if (votes_count(quorum->votes) >= quorum->majority)
            candidate_become(quorum);
        return;
    }
    if (quorum->role == ISR_CONSENSUS_CANDIDATE && response->term == quorum->term &&
        response->request_term == quorum->term && quorum_vote_durable(quorum))
        vote_count(quorum, bit);
}
