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

/* 6.2: a leader that heard no majority for an election timeout steps down: its followers may have elected
 * another one, and who asks it would never hear of that (KAFKA-15489). */
static void quorum_is_checked(struct isr_quorum *quorum)
{
    int64_t timeout = quorum->env->config.quorum_election_timeout;
    int64_t heard = quorum_majority_heard_ns(quorum);
    if (quorum->env->rules.check_quorum == ISR_RULE_check_quorum_off)
        heard = quorum->env->now_ns;
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
                                                   .last_log_term = quorum_log_last_term(&quorum->log),
                                                   .transferred = quorum->transferred}};
    struct isr_bytes frame = isr_message_encode(&message, &quorum->env->scratch);
    for (uint32_t i = 0; i < quorum->peers_count; i++) {
        if (quorum->peers[i].part == QUORUM_VOTER)
            isr_env_send_frame(quorum->env, quorum->peers[i].node, frame);
    }
}

/* Of voters of the configuration in effect; 4.2.2: a candidate that is none does not count itself. */
static bool votes_suffice(const struct isr_quorum *quorum)
{
    uint32_t count = quorum->votes_here ? quorum->votes & 1 : 0;
    for (uint32_t i = 0; i < quorum->peers_count; i++)
        count += quorum->peers[i].part == QUORUM_VOTER ? (quorum->votes >> (i + 1)) & 1 : 0;
    return count >= quorum->majority;
}

/* 3.4: the others are asked when its own vote is durable. */
void quorum_candidate_become(struct isr_quorum *quorum, bool transferred)
{
    quorum_term_adopt(quorum, quorum->term + 1);
    quorum->transferred = transferred;
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
    if (!quorum_may_stand(quorum))
        return;
    quorum->votes = 1;
    if (votes_suffice(quorum)) {
        quorum_candidate_become(quorum, false);
        return;
    }
    quorum->prevoting = true;
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
           request->transferred <= 1 && request->last_log_index >= 0 &&
           request->last_log_index < QUORUM_INDEX_MAX && request->last_log_term >= 0 &&
           request->last_log_term <= request->term;
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
    if (request->term > quorum->term && sticky && !request->transferred)
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
    if (votes_suffice(quorum))
        quorum_lead(quorum);
}

/* 3.8: a vote that a power loss takes back is given twice. */
static bool vote_binds(const struct isr_quorum *quorum)
{
    return quorum->env->rules.vote_sent == ISR_RULE_vote_sent_before_sync || quorum_vote_durable(quorum);
}

void quorum_vote_settle(struct isr_quorum *quorum)
{
    if (quorum->voted_for == ISR_NODE_NONE || !vote_binds(quorum))
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
        if (votes_suffice(quorum))
            quorum_candidate_become(quorum, false);
        return;
    }
    if (quorum->role == ISR_CONSENSUS_CANDIDATE && response->term == quorum->term &&
        response->request_term == quorum->term)
        vote_count(quorum, bit);
}
