/* What a leader is asked to alter: who leads (3.10), and who takes part (4.1, 4.2). One thing at a time.
 *
 *     UNALTERED --transfer--> TRANSFERRING --another leads--> UNALTERED, done
 *                                          \--election timeout--> UNALTERED, goes on leading
 *     UNALTERED --add a voter--> CATCHING_UP --a round was short enough--> CHANGING
 *                                            \--too many rounds, or silent--> UNALTERED, given up
 *     UNALTERED --add a learner, remove--> CHANGING --committed--> UNALTERED, done
 *     any --leadership lost--> UNALTERED; of a configuration that was appended nobody knows what becomes
 *
 * TRANSFERRING: nothing is proposed; the target is told to stand as soon as it has the whole log.
 * CATCHING_UP: entries go to a node that is no member yet. A round brings what the log held when the round
 * began; when one takes less than an election timeout, what is left is little enough (4.2.1).
 *
 * A leader that is not in its configuration any more leads without counting itself until that is committed;
 * then it steps down, and whoever has all of the log is told to stand (4.2.2). */
#include "core/quorum/internal.h"

enum { ROUNDS_MAX = 10 };

static struct quorum_peer *peer_of(struct isr_quorum *quorum, int32_t node)
{
    for (uint32_t i = 0; i < quorum->peers_count; i++) {
        if (quorum->peers[i].node == node)
            return &quorum->peers[i];
    }
    return NULL;
}

static void alteration_end(struct isr_quorum *quorum, enum isr_error error)
{
    struct quorum_alteration *alteration = &quorum->alteration;
    bool asked = alteration->asked;
    isr_timer_cancel(&quorum->env->timers, &alteration->timer);
    alteration->state = QUORUM_UNALTERED;
    alteration->asked = false;
    if (asked)
        quorum->machine.altered(quorum->machine.object, error);
}

static void alteration_begin(struct isr_quorum *quorum, enum quorum_alteration_state state, int32_t node)
{
    struct quorum_alteration *alteration = &quorum->alteration;
    alteration->state = state;
    alteration->node = node;
    alteration->asked = true;
    alteration->index = 0;
    alteration->target_told = false;
    isr_env_timer_in(quorum->env, &alteration->timer, quorum->env->config.quorum_election_timeout);
}

void quorum_alteration_abandon(struct isr_quorum *quorum)
{
    const struct quorum_alteration *alteration = &quorum->alteration;
    if (alteration->state == QUORUM_UNALTERED)
        return;
    bool transferred = alteration->state == QUORUM_TRANSFERRING && alteration->target_told;
    alteration_end(quorum, transferred ? ISR_ERROR_NONE : ISR_ERROR_NOT_CONTROLLER);
}

/* ---- leadership ---- */

static void timeout_now_send(struct isr_quorum *quorum, int32_t target)
{
    struct isr_message message = {.kind = ISR_MESSAGE_TIMEOUT_NOW_REQUEST,
                                  .timeout_now_request = {.term = quorum->term}};
    isr_send(quorum->env, target, &message);
}

static void transfer_progress(struct isr_quorum *quorum, const struct quorum_peer *target)
{
    if (quorum->alteration.target_told || target->match_index < quorum_log_last(&quorum->log))
        return;
    quorum->alteration.target_told = true;
    timeout_now_send(quorum, target->node);
}

void quorum_timeout_now_repeat(struct isr_quorum *quorum)
{
    if (quorum->alteration.state == QUORUM_TRANSFERRING && quorum->alteration.target_told)
        timeout_now_send(quorum, quorum->alteration.node);
}

/* The voter that has most of the log; NULL when there is no other. */
static struct quorum_peer *most_up_to_date(struct isr_quorum *quorum)
{
    struct quorum_peer *best = NULL;
    for (uint32_t i = 0; i < quorum->peers_count; i++) {
        struct quorum_peer *peer = &quorum->peers[i];
        if (peer->part == QUORUM_VOTER && (best == NULL || peer->match_index > best->match_index))
            best = peer;
    }
    return best;
}

enum isr_error quorum_transfer(struct isr_quorum *quorum, int32_t target)
{
    if (quorum->role != ISR_CONSENSUS_LEADER)
        return ISR_ERROR_NOT_CONTROLLER;
    if (target == quorum->node)
        return ISR_ERROR_ELECTION_NOT_NEEDED;
    struct quorum_peer *peer = target == ISR_NODE_NONE ? most_up_to_date(quorum) : peer_of(quorum, target);
    if (peer == NULL || peer->part != QUORUM_VOTER)
        return ISR_ERROR_VOTER_NOT_FOUND;
    if (quorum->alteration.state != QUORUM_UNALTERED)
        return ISR_ERROR_OPERATION_NOT_ATTEMPTED;
    alteration_begin(quorum, QUORUM_TRANSFERRING, peer->node);
    transfer_progress(quorum, peer);
    return ISR_ERROR_NONE;
}

/* The target's side: no pre-vote, and no waiting. */
void quorum_timeout_now(struct isr_quorum *quorum, const struct quorum_peer *peer,
                        const struct isr_timeout_now_request *request)
{
    if (request->term != quorum->term || quorum->role != ISR_CONSENSUS_FOLLOWER || quorum->resigned ||
        !quorum->votes_here || quorum->term >= QUORUM_TERM_MAX)
        return;
    if (quorum->leader != ISR_NODE_NONE && quorum->leader != peer->node)
        return;
    quorum_candidate_become(quorum, true);
}

/* ---- before a clean stop ---- */

static void resignation_end(struct isr_quorum *quorum)
{
    void (*done)(void *object) = quorum->resignation.done;
    quorum->resignation.done = NULL;
    isr_timer_cancel(&quorum->env->timers, &quorum->resignation.timer);
    if (done != NULL)
        done(quorum->resignation.object);
}

void quorum_resignation_fire(void *object)
{
    struct isr_quorum *quorum = object;
    if (quorum->env->exiting)
        return;
    if (quorum->role != ISR_CONSENSUS_FOLLOWER)
        quorum_role_set(quorum, ISR_CONSENSUS_FOLLOWER, ISR_NODE_NONE);
    quorum_settle(quorum);
    resignation_end(quorum);
}

/* Somebody else leads: this node's vote is not needed any more. */
void quorum_resignation_settle(struct isr_quorum *quorum)
{
    if (quorum->resignation.done != NULL && quorum->role == ISR_CONSENSUS_FOLLOWER &&
        quorum->leader != ISR_NODE_NONE)
        resignation_end(quorum);
}

void quorum_resign(struct isr_quorum *quorum, void (*done)(void *object), void *object)
{
    quorum->resigned = true;
    quorum->resignation.done = done;
    quorum->resignation.object = object;
    if (quorum->role == ISR_CONSENSUS_LEADER && most_up_to_date(quorum) != NULL) {
        if (quorum->alteration.state != QUORUM_TRANSFERRING) {
            quorum_alteration_abandon(quorum);
            quorum_transfer(quorum, ISR_NODE_NONE);
            quorum->alteration.asked = false;
        }
        isr_env_timer_in(quorum->env, &quorum->resignation.timer,
                         quorum->env->config.quorum_election_timeout);
        quorum_settle(quorum);
        return;
    }
    if (quorum->role != ISR_CONSENSUS_FOLLOWER)
        quorum_role_set(quorum, ISR_CONSENSUS_FOLLOWER, ISR_NODE_NONE);
    quorum_settle(quorum);
    resignation_end(quorum);
}

/* ---- members ---- */

static struct isr_consensus_members with_part(const struct isr_consensus_members *members, int32_t node,
                                              enum quorum_part part)
{
    struct isr_consensus_members changed = *members;
    isr_replicas_remove(&changed.voters, node);
    isr_replicas_remove(&changed.learners, node);
    if (part == QUORUM_VOTER)
        isr_replicas_add(&changed.voters, node);
    else if (part == QUORUM_LEARNER)
        isr_replicas_add(&changed.learners, node);
    return changed;
}

static void configuration_append(struct isr_quorum *quorum, int32_t node, enum quorum_part part)
{
    struct isr_consensus_members members = with_part(&isr_quorum_configuration(quorum)->members, node, part);
    struct quorum_peer *peer = peer_of(quorum, node);
    if (peer != NULL && !quorum_peer_is_served(quorum, peer))
        quorum_peer_begin(quorum, peer);
    quorum->alteration.state = QUORUM_CHANGING;
    isr_timer_cancel(&quorum->env->timers, &quorum->alteration.timer);
    quorum->alteration.index = quorum_leader_append(quorum, ISR_ENTRY_MEMBERS,
                                                    quorum_members_encode(&members, &quorum->env->scratch));
}

static void round_begin(struct isr_quorum *quorum)
{
    quorum->alteration.round_last_index = quorum_log_last(&quorum->log);
    quorum->alteration.round_began_ns = quorum->env->now_ns;
}

static void catching_up_begin(struct isr_quorum *quorum, int32_t node)
{
    struct quorum_peer *peer = peer_of(quorum, node);
    if (!quorum_peer_is_served(quorum, peer))
        quorum_peer_begin(quorum, peer);
    alteration_begin(quorum, QUORUM_CATCHING_UP, node);
    quorum->alteration.rounds_left = ROUNDS_MAX;
    round_begin(quorum);
    quorum_send_entries(quorum, peer);
    quorum_alteration_progress(quorum, peer);
}

/* 4.2.1: rounds, until one is short. */
static void round_progress(struct isr_quorum *quorum, const struct quorum_peer *peer)
{
    struct quorum_alteration *alteration = &quorum->alteration;
    if (peer->match_index < alteration->round_last_index)
        return;
    bool is_short =
        quorum->env->now_ns - alteration->round_began_ns < quorum->env->config.quorum_election_timeout;
    alteration->rounds_left--;
    if (is_short)
        configuration_append(quorum, peer->node, QUORUM_VOTER);
    else if (alteration->rounds_left == 0)
        alteration_end(quorum, ISR_ERROR_REQUEST_TIMED_OUT);
    else
        round_begin(quorum);
}

void quorum_alteration_progress(struct isr_quorum *quorum, struct quorum_peer *peer)
{
    if (peer->node != quorum->alteration.node)
        return;
    if (quorum->alteration.state == QUORUM_TRANSFERRING)
        transfer_progress(quorum, peer);
    else if (quorum->alteration.state == QUORUM_CATCHING_UP)
        round_progress(quorum, peer);
}

void quorum_alteration_fire(void *object)
{
    struct isr_quorum *quorum = object;
    const struct quorum_alteration *alteration = &quorum->alteration;
    int64_t timeout = quorum->env->config.quorum_election_timeout;
    if (quorum->env->exiting)
        return;
    const struct quorum_peer *peer = peer_of(quorum, alteration->node);
    bool silent = peer == NULL || quorum->env->now_ns - peer->heard_ns >= timeout;
    if (alteration->state == QUORUM_CATCHING_UP && !silent)
        isr_env_timer_in(quorum->env, &quorum->alteration.timer, timeout);
    else
        alteration_end(quorum, ISR_ERROR_REQUEST_TIMED_OUT);
    quorum_settle(quorum);
}

/* What is asked for, against the configuration in effect; *part: what the node becomes. */
static enum isr_error change_check(const struct isr_quorum *quorum, enum isr_quorum_change change,
                                   int32_t node, enum quorum_part *part)
{
    const struct isr_consensus_members *members = &isr_quorum_configuration(quorum)->members;
    enum quorum_part now = quorum_part_of(members, node);
    if (change == ISR_QUORUM_REMOVE) {
        *part = QUORUM_OUTSIDE;
        if (now == QUORUM_OUTSIDE)
            return ISR_ERROR_VOTER_NOT_FOUND;
        return now == QUORUM_VOTER && members->voters.count == 1 ? ISR_ERROR_INVALID_REQUEST : ISR_ERROR_NONE;
    }
    *part = change == ISR_QUORUM_ADD_VOTER ? QUORUM_VOTER : QUORUM_LEARNER;
    if (now >= *part)
        return ISR_ERROR_DUPLICATE_VOTER;
    const struct isr_replicas *set = *part == QUORUM_VOTER ? &members->voters : &members->learners;
    return set->count == ISR_REPLICAS_MAX ? ISR_ERROR_INVALID_REQUEST : ISR_ERROR_NONE;
}

/* 4.1 has it that one change follows the other when that is committed. Ongaro's correction (raft-dev, 2015):
 * the leader must also have committed an entry of its own term, or two configurations, appended by two
 * leaders to what neither knew of, may have majorities that do not overlap. */
static bool may_change(const struct isr_quorum *quorum)
{
    if (quorum->alteration.state != QUORUM_UNALTERED ||
        isr_quorum_configuration(quorum)->index > quorum->commit_index)
        return false;
    return quorum->env->rules.change_in_own_term == ISR_RULE_change_in_own_term_off ||
           quorum->commit_index >= quorum->noop_index;
}

enum isr_error quorum_change(struct isr_quorum *quorum, enum isr_quorum_change change, int32_t node)
{
    enum quorum_part part;
    if (quorum->role != ISR_CONSENSUS_LEADER)
        return ISR_ERROR_NOT_CONTROLLER;
    if (change == ISR_QUORUM_TRANSFER || (node != quorum->node && peer_of(quorum, node) == NULL))
        return ISR_ERROR_INVALID_REQUEST; /* nobody knows its address */
    if (!may_change(quorum))
        return ISR_ERROR_OPERATION_NOT_ATTEMPTED;
    enum isr_error error = change_check(quorum, change, node, &part);
    if (error != ISR_ERROR_NONE)
        return error;
    if (part == QUORUM_VOTER && node != quorum->node) {
        catching_up_begin(quorum, node);
        return ISR_ERROR_NONE;
    }
    alteration_begin(quorum, QUORUM_CHANGING, node);
    configuration_append(quorum, node, part);
    return ISR_ERROR_NONE;
}

/* 4.2.2: its work is done. */
static void leave(struct isr_quorum *quorum)
{
    const struct quorum_peer *heir = most_up_to_date(quorum);
    if (heir != NULL && heir->match_index == quorum_log_last(&quorum->log))
        timeout_now_send(quorum, heir->node);
    quorum_role_set(quorum, ISR_CONSENSUS_FOLLOWER, ISR_NODE_NONE);
}

void quorum_alteration_settle(struct isr_quorum *quorum)
{
    if (quorum->role != ISR_CONSENSUS_LEADER)
        return;
    if (quorum->alteration.state == QUORUM_CHANGING && quorum->commit_index >= quorum->alteration.index)
        alteration_end(quorum, ISR_ERROR_NONE);
    if (!quorum->votes_here && isr_quorum_configuration(quorum)->index <= quorum->commit_index)
        leave(quorum);
}
