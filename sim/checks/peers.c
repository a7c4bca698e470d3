#include "sim/checks/peers.h"

#include "sim/checks/state.h"

struct peer_vote {
    int32_t term, candidate;
    int32_t last_term; /* how up to date the voter's log was: core/peer/peer.h, P3 */
    int64_t log_end;
};

struct peer_node {
    struct peer_vote *votes; /* over all its lives */
    uint32_t votes_count, votes_capacity;
    struct peer_vote last;       /* that its disk did not forget; term 0: none */
    int32_t forgot_term;         /* the last that it forgot a vote in; 0: none */
    struct isr_replicas members; /* as told in this life; none: not told yet */
    uint64_t betrayals;          /* of its disk, as far as it was looked at */
};

struct peer_config {
    int32_t term, version;
    int32_t node; /* who told it first */
    struct isr_replicas members;
};

struct check_peers {
    struct peer_node *nodes; /* by node id */
    struct peer_config *configs;
    uint32_t configs_count, configs_capacity;
    bool chosen; /* a leader was elected by more than itself */
};

bool check_peers_chose(const struct check_peers *peers)
{
    return peers->chosen;
}

struct check_peers *check_peers_new(struct sim_checks *checks)
{
    struct check_peers *peers = isr_heap_allocate(checks->heap, sizeof *peers);
    peers->nodes =
        isr_heap_allocate(checks->heap, sizeof *peers->nodes * ((size_t)checks->view.nodes_count + 1));
    return peers;
}

void check_peers_process(struct sim_checks *checks, int32_t node)
{
    struct peer_node *peer = &checks->peers->nodes[node];
    uint64_t betrayals =
        checks->view.votes_betrayed != NULL ? checks->view.votes_betrayed(checks->view.object, node) : 0;
    peer->members.count = 0;
    if (betrayals == peer->betrayals)
        return;
    peer->betrayals = betrayals;
    if (peer->last.term > peer->forgot_term)
        peer->forgot_term = peer->last.term;
    peer->last.term = 0;
}

/* ---- votes ---- */

/* NULL: it did not. */
static const struct peer_vote *vote_for(const struct peer_node *peer, int32_t term, int32_t candidate)
{
    for (uint32_t i = peer->votes_count; i > 0; i--) {
        if (peer->votes[i - 1].term == term && peer->votes[i - 1].candidate == candidate)
            return &peer->votes[i - 1];
    }
    return NULL;
}

static void term_goes_on(struct sim_checks *checks, int32_t node, int32_t term)
{
    const struct peer_vote *last = &checks->peers->nodes[node].last;
    if (term < last->term)
        check_fail(checks, SIM_INVARIANT_G1, "peers: %s went back to term %d, after a vote in term %d",
                   check_node_label(checks, node).text, term, last->term);
}

/* A candidate asks for votes when it told its own; one that did not lacks a vote (G2). */
static void logs_compare(struct sim_checks *checks, int32_t node, const struct peer_vote *vote)
{
    int32_t candidate = vote->candidate;
    if (candidate == node || candidate < 1 || candidate > checks->view.nodes_count)
        return;
    const struct peer_vote *own = vote_for(&checks->peers->nodes[candidate], vote->term, candidate);
    if (own == NULL)
        return;
    check_count(checks, SIM_INVARIANT_G4);
    if (own->last_term > vote->last_term ||
        (own->last_term == vote->last_term && own->log_end >= vote->log_end))
        return;
    check_fail(checks, SIM_INVARIANT_G4,
               "peers: %s, whose log ends at %ld after term %d, voted in term %d for %s, whose log ends at "
               "%ld after term %d",
               check_node_label(checks, node).text, vote->log_end, vote->last_term, vote->term,
               check_node_label(checks, candidate).text, own->log_end, own->last_term);
}

/* Told when the vote leaves: from then on it binds. */
static void voted(struct sim_checks *checks, int32_t node, const struct peer_vote *vote)
{
    struct peer_node *peer = &checks->peers->nodes[node];
    check_count(checks, SIM_INVARIANT_G1);
    term_goes_on(checks, node, vote->term);
    if (vote->term <= peer->forgot_term)
        checks->quorum_void = true;
    if (vote->term == peer->last.term && vote->candidate != peer->last.candidate)
        check_fail(checks, SIM_INVARIANT_G1, "peers: %s voted twice in term %d, for %s and for %s",
                   check_node_label(checks, node).text, vote->term,
                   check_node_label(checks, peer->last.candidate).text,
                   check_node_label(checks, vote->candidate).text);
    if (vote->term <= peer->last.term)
        return;
    logs_compare(checks, node, vote);
    peer->last = *vote;
    peer->votes = ISR_GROW(checks->heap, peer->votes, peer->votes_count, peer->votes_capacity);
    peer->votes[peer->votes_count++] = *vote;
}

static void elected(struct sim_checks *checks, int32_t leader, int32_t term)
{
    const struct isr_replicas *members = &checks->peers->nodes[leader].members;
    unsigned votes = 0;
    check_count(checks, SIM_INVARIANT_G2);
    checks->peers->chosen = checks->peers->chosen || members->count > 1;
    for (unsigned i = 0; i < members->count; i++) {
        int32_t member = members->ids[i];
        votes += member <= checks->view.nodes_count &&
                 vote_for(&checks->peers->nodes[member], term, leader) != NULL;
    }
    if (2 * votes <= members->count)
        check_fail(checks, SIM_INVARIANT_G2, "peers: %s leads term %d with the votes of %d of its members %s",
                   check_node_label(checks, leader).text, term, (int)votes, check_set_label(members).text);
}

void check_peers_role(struct sim_checks *checks, int32_t node, int32_t term, bool leads)
{
    term_goes_on(checks, node, term);
    if (leads)
        elected(checks, node, term);
}

/* ---- memberships ---- */

static unsigned differ_by(const struct isr_replicas *a, const struct isr_replicas *b)
{
    unsigned count = 0;
    for (unsigned i = 0; i < a->count; i++)
        count += !isr_replicas_contain(b, a->ids[i]);
    for (unsigned i = 0; i < b->count; i++)
        count += !isr_replicas_contain(a, b->ids[i]);
    return count;
}

static void config_known(struct sim_checks *checks, int32_t node, const struct peer_config *told)
{
    struct check_peers *peers = checks->peers;
    for (uint32_t i = peers->configs_count; i > 0; i--) {
        const struct peer_config *known = &peers->configs[i - 1];
        if (known->term != told->term || known->version != told->version)
            continue;
        if (!isr_replicas_equal_as_sets(&known->members, &told->members))
            check_fail(checks, SIM_INVARIANT_G3,
                       "peers: version %d of the membership in term %d is %s on %s and %s on %s",
                       told->version, told->term, check_set_label(&known->members).text,
                       check_node_label(checks, known->node).text, check_set_label(&told->members).text,
                       check_node_label(checks, node).text);
        return;
    }
    peers->configs = ISR_GROW(checks->heap, peers->configs, peers->configs_count, peers->configs_capacity);
    peers->configs[peers->configs_count++] = *told;
}

/* What others lead is learnt as it comes. */
static bool leads(const struct sim_checks *checks, int32_t node, int32_t term)
{
    struct sim_replica_view seen;
    const struct check_partition *group = check_partition_next(checks, NULL);
    return group != NULL && checks->view.replica(checks->view.object, node, group->tp, &seen) &&
           seen.role == SIM_REPLICA_LEADS && seen.leader_epoch == term;
}

static void config_told(struct sim_checks *checks, int32_t node, const struct peer_config *told)
{
    struct peer_node *peer = &checks->peers->nodes[node];
    check_count(checks, SIM_INVARIANT_G3);
    config_known(checks, node, told);
    if (peer->members.count > 0 && leads(checks, node, told->term) &&
        differ_by(&peer->members, &told->members) > 1)
        check_fail(checks, SIM_INVARIANT_G3,
                   "peers: %s, which leads, changed the membership from %s to %s: by more than one node",
                   check_node_label(checks, node).text, check_set_label(&peer->members).text,
                   check_set_label(&told->members).text);
    peer->members = told->members;
}

void check_peers_observe(struct sim_checks *checks, int32_t node, const struct isr_observation *observation)
{
    if (observation->kind == ISR_OBSERVED_PEER_VOTED)
        voted(checks, node,
              &(struct peer_vote){.term = (int32_t)observation->peer_voted.term,
                                  .candidate = (int32_t)observation->peer_voted.candidate,
                                  .last_term = (int32_t)observation->peer_voted.last_term,
                                  .log_end = observation->peer_voted.log_end});
    else
        config_told(checks, node,
                    &(struct peer_config){
                        .term = (int32_t)observation->peer_config.term,
                        .version = (int32_t)observation->peer_config.version,
                        .node = node,
                        .members = isr_replicas_unpack((uint64_t)observation->peer_config.members)});
}
