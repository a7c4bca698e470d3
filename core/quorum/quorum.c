/* The port's operations, dispatch, and what happens at the end of every step. States and moves: quorum.h. */
#include "core/quorum/internal.h"

uint64_t isr_quorum_digest(int32_t term, struct isr_bytes data)
{
    return isr_hash_bytes((uint64_t)(uint32_t)term, data.data, data.size);
}

const struct quorum_entry *isr_quorum_entry(const struct isr_quorum *quorum, int64_t index)
{
    return quorum_log_has(&quorum->log, index) ? quorum_log_at(&quorum->log, index) : NULL;
}

int64_t isr_quorum_last_index(const struct isr_quorum *quorum)
{
    return quorum_log_last(&quorum->log);
}

/* ---- changes that several files make ---- */

void quorum_observe_appended(struct isr_quorum *quorum, int64_t index)
{
    const struct quorum_entry *entry = quorum_log_at(&quorum->log, index);
    struct isr_observation *observation = isr_observe(quorum->env, ISR_OBSERVED_QUORUM_APPENDED);
    observation->quorum_appended.index = index;
    observation->quorum_appended.term = entry->term;
    observation->quorum_appended.digest = (int64_t)entry->digest;
}

void quorum_append(struct isr_quorum *quorum, int32_t term, uint8_t kind, struct isr_bytes data)
{
    quorum_log_append(&quorum->log, term, kind, data);
    quorum_observe_appended(quorum, quorum_log_last(&quorum->log));
    if (kind == ISR_ENTRY_MEMBERS)
        quorum_configurations_append(quorum, quorum_log_last(&quorum->log), data);
}

void quorum_commit_to(struct isr_quorum *quorum, int64_t index)
{
    if (index <= quorum->commit_index)
        return;
    ISR_ASSERT(index <= quorum_log_last(&quorum->log));
    quorum->commit_index = index;
    quorum->env->metrics.quorum_commit_index = index;
    struct isr_observation *observation = isr_observe(quorum->env, ISR_OBSERVED_QUORUM_COMMITTED);
    observation->quorum_committed.index = index;
    observation->quorum_committed.term = quorum_log_term(&quorum->log, index);
}

void quorum_role_set(struct isr_quorum *quorum, enum isr_consensus_role role, int32_t leader)
{
    bool led = quorum->role == ISR_CONSENSUS_LEADER && role != ISR_CONSENSUS_LEADER;
    quorum->role = role;
    quorum->leader = leader;
    quorum->prevoting = false;
    quorum->ack_owed = false;
    quorum->heard_leader_ns = INT64_MIN;
    quorum->verified_index = quorum->commit_index;
    if (led) {
        isr_timer_cancel(&quorum->env->timers, &quorum->heartbeat_timer);
        quorum_election_arm(quorum);
        quorum_alteration_abandon(quorum);
    }
    struct isr_observation *observation = isr_observe(quorum->env, ISR_OBSERVED_QUORUM_ROLE);
    observation->quorum_role.role = role;
    observation->quorum_role.term = quorum->term;
    observation->quorum_role.leader = leader;
}

void quorum_term_adopt(struct isr_quorum *quorum, int32_t term)
{
    ISR_ASSERT(term > quorum->term && term <= QUORUM_TERM_MAX);
    quorum->term = term;
    quorum->voted_for = ISR_NODE_NONE;
    quorum->vote_file.told = false;
    quorum->transferred = false;
    quorum->env->metrics.quorum_term = term;
    for (uint32_t i = 0; i < quorum->peers_count; i++)
        quorum->peers[i].vote_owed = false;
    quorum_incoming_drop(quorum);
    quorum_role_set(quorum, ISR_CONSENSUS_FOLLOWER, ISR_NODE_NONE);
}

/* ---- the end of a step ---- */

static void quorum_check(const struct isr_quorum *quorum)
{
    const struct quorum_log_file *file = &quorum->log_file;
    int64_t last = quorum_log_last(&quorum->log);
    ISR_ASSERT(quorum->log.base_index <= quorum->snapshot_index);
    ISR_ASSERT(quorum->snapshot_index <= quorum->applied_index);
    ISR_ASSERT(quorum->applied_index <= quorum->commit_index);
    ISR_ASSERT(quorum->commit_index <= last);
    ISR_ASSERT(file->durable_index <= file->written_index);
    ISR_ASSERT(file->written_index <= last);
    ISR_ASSERT(quorum->vote_file.durable_term <= quorum->term);
    for (uint32_t i = 0; i < quorum->configurations_count; i++) {
        int64_t index = quorum->configurations[i].index;
        ISR_ASSERT(i == 0 ? index <= quorum->snapshot_index : index > quorum->configurations[i - 1].index);
        ISR_ASSERT(index <= last);
    }
    ISR_ASSERT(quorum->alteration.state == QUORUM_UNALTERED || quorum->role == ISR_CONSENSUS_LEADER);
}

static bool leads_fully(const struct isr_quorum *quorum)
{
    return quorum->role == ISR_CONSENSUS_LEADER && quorum->applied_index >= quorum->noop_index;
}

static void machine_tell(struct isr_quorum *quorum)
{
    bool leads = leads_fully(quorum);
    enum isr_consensus_role role = quorum->role;
    int32_t leader = quorum->leader;
    if (role == ISR_CONSENSUS_LEADER && !leads) {
        role = ISR_CONSENSUS_CANDIDATE;
        leader = ISR_NODE_NONE;
    }
    if (quorum->told_role == role && quorum->told_term == quorum->term && quorum->told_leader == leader)
        return;
    quorum->told_role = role;
    quorum->told_term = quorum->term;
    quorum->told_leader = leader;
    quorum->machine.changed(quorum->machine.object, role, quorum->term, leader);
}

static void apply_next(struct isr_quorum *quorum)
{
    int64_t index = ++quorum->applied_index;
    const struct quorum_entry *entry = quorum_log_at(&quorum->log, index);
    struct isr_observation *observation = isr_observe(quorum->env, ISR_OBSERVED_QUORUM_APPLIED);
    observation->quorum_applied.index = index;
    observation->quorum_applied.term = entry->term;
    observation->quorum_applied.digest = (int64_t)entry->digest;
    if (entry->kind == ISR_ENTRY_COMMAND)
        quorum->machine.apply(quorum->machine.object, index, entry->term,
                              (struct isr_bytes){.data = entry->data, .size = entry->size});
}

void quorum_settle(struct isr_quorum *quorum)
{
    /* The machine may propose or resign from inside a callback; what follows from that is settled here. */
    if (quorum->settling || quorum->env->exiting || !quorum->started)
        return;
    quorum->settling = true;
    if (quorum->told_role == ISR_CONSENSUS_LEADER && !leads_fully(quorum))
        machine_tell(quorum); /* before anything of the next leader is applied */
    while (quorum->applied_index < quorum->commit_index && !quorum->env->exiting)
        apply_next(quorum);
    quorum_alteration_settle(quorum);
    machine_tell(quorum);
    if (!quorum_vote_durable(quorum))
        quorum_vote_persist(quorum);
    quorum_snapshot_take(quorum);
    quorum->settling = false;
    quorum_check(quorum);
    quorum_resignation_settle(quorum);
}

/* ---- the port ---- */

static struct isr_quorum *quorum_of(struct isr_consensus *consensus)
{
    return (struct isr_quorum *)consensus;
}

static void start(struct isr_consensus *consensus, struct isr_env *env, const struct isr_replicas *voters,
                  const struct isr_replicas *nodes, const struct isr_consensus_machine *machine)
{
    struct isr_quorum *quorum = quorum_of(consensus);
    ISR_ASSERT(isr_replicas_contain(nodes, env->node) && isr_replicas_subset(voters, nodes));
    quorum->env = env;
    quorum->machine = *machine;
    quorum->node = env->node;
    quorum->peers_count = 0;
    for (unsigned i = 0; i < nodes->count; i++) {
        if (nodes->ids[i] == env->node)
            continue;
        struct quorum_peer *peer = &quorum->peers[quorum->peers_count++];
        peer->node = nodes->ids[i];
        peer->inflight =
            isr_heap_allocate(env->heap, (size_t)env->config.quorum_append_inflight * sizeof *peer->inflight);
    }
    const struct quorum_configuration first = {.members = {.voters = *voters}};
    quorum_configurations_reset(quorum, &first);
    quorum_recover(quorum);
}

static void message(struct isr_consensus *consensus, int32_t from, const struct isr_message *received)
{
    struct isr_quorum *quorum = quorum_of(consensus);
    if (!quorum->started || quorum->env->exiting)
        return;
    struct quorum_peer *peer = NULL;
    for (uint32_t i = 0; i < quorum->peers_count; i++) {
        if (quorum->peers[i].node == from)
            peer = &quorum->peers[i];
    }
    if (peer == NULL)
        return;
    if (received->kind == ISR_MESSAGE_APPEND_REQUEST)
        quorum_append_request(quorum, peer, &received->append_request);
    else if (received->kind == ISR_MESSAGE_APPEND_RESPONSE)
        quorum_append_response(quorum, peer, &received->append_response);
    else if (received->kind == ISR_MESSAGE_VOTE_REQUEST)
        quorum_vote_request(quorum, peer, &received->vote_request);
    else if (received->kind == ISR_MESSAGE_VOTE_RESPONSE)
        quorum_vote_response(quorum, peer, &received->vote_response);
    else if (received->kind == ISR_MESSAGE_SNAPSHOT_REQUEST)
        quorum_snapshot_request(quorum, peer, &received->snapshot_request);
    else if (received->kind == ISR_MESSAGE_SNAPSHOT_RESPONSE)
        quorum_snapshot_response(quorum, peer, &received->snapshot_response);
    else if (received->kind == ISR_MESSAGE_TIMEOUT_NOW_REQUEST)
        quorum_timeout_now(quorum, peer, &received->timeout_now_request);
    quorum_settle(quorum);
}

static int64_t propose(struct isr_consensus *consensus, struct isr_bytes data)
{
    struct isr_quorum *quorum = quorum_of(consensus);
    if (quorum->told_role != ISR_CONSENSUS_LEADER || !leads_fully(quorum) || quorum->env->exiting ||
        quorum->alteration.state == QUORUM_TRANSFERRING)
        return 0;
    return quorum_leader_append(quorum, ISR_ENTRY_COMMAND, data);
}

static void resign(struct isr_consensus *consensus, void (*done)(void *object), void *object)
{
    quorum_resign(quorum_of(consensus), done, object);
}

static enum isr_error transfer(struct isr_consensus *consensus, int32_t target)
{
    struct isr_quorum *quorum = quorum_of(consensus);
    enum isr_error error = quorum_transfer(quorum, target);
    quorum_settle(quorum);
    return error;
}

static enum isr_error change(struct isr_consensus *consensus, enum isr_quorum_change wanted, int32_t node)
{
    struct isr_quorum *quorum = quorum_of(consensus);
    enum isr_error error = quorum_change(quorum, wanted, node);
    quorum_settle(quorum);
    return error;
}

static struct isr_consensus_members members(const struct isr_consensus *consensus)
{
    const struct isr_quorum *quorum = isr_quorum_of(consensus);
    return quorum_configuration_at(quorum, quorum->commit_index)->members;
}

/* What the machine was told: a leader whose no-op is not committed yet serves nobody. */
static enum isr_consensus_role role(const struct isr_consensus *consensus)
{
    return isr_quorum_of(consensus)->told_role;
}

static int32_t term(const struct isr_consensus *consensus)
{
    return isr_quorum_of(consensus)->term;
}

static int32_t leader(const struct isr_consensus *consensus)
{
    return isr_quorum_of(consensus)->told_leader;
}

static int64_t commit_index(const struct isr_consensus *consensus)
{
    return isr_quorum_of(consensus)->commit_index;
}

static bool elected(const struct isr_consensus *consensus)
{
    return isr_quorum_of(consensus)->role == ISR_CONSENSUS_LEADER;
}

static bool entry(const struct isr_consensus *consensus, int64_t index, int32_t *entry_term, bool *is_command,
                  struct isr_bytes *data)
{
    const struct isr_quorum *quorum = isr_quorum_of(consensus);
    if (index > quorum->applied_index || !quorum_log_has(&quorum->log, index))
        return false;
    const struct quorum_entry *found = quorum_log_at(&quorum->log, index);
    *entry_term = found->term;
    *is_command = found->kind == ISR_ENTRY_COMMAND;
    *data = (struct isr_bytes){.data = found->data, .size = found->size};
    return true;
}

static int64_t first_index(const struct isr_consensus *consensus)
{
    return isr_quorum_of(consensus)->log.base_index + 1;
}

struct isr_consensus *isr_quorum_new(struct isr_env *env)
{
    static const struct isr_consensus_ops ops = {
        .start = start,
        .message = message,
        .propose = propose,
        .resign = resign,
        .transfer = transfer,
        .change = change,
        .members = members,
        .role = role,
        .term = term,
        .leader = leader,
        .commit_index = commit_index,
        .elected = elected,
        .entry = entry,
        .first_index = first_index,
    };
    struct isr_quorum *quorum = isr_heap_allocate(env->heap, sizeof *quorum);
    quorum->base.ops = &ops;
    quorum->env = env;
    quorum->voted_for = ISR_NODE_NONE;
    quorum->vote_file.durable_vote = ISR_NODE_NONE;
    quorum->leader = ISR_NODE_NONE;
    quorum->told_leader = ISR_NODE_NONE;
    quorum->told_term = -1;
    quorum->heard_leader_ns = INT64_MIN;
    quorum_log_init(&quorum->log, env->heap);
    isr_timer_init(&quorum->election_timer, quorum_election_fire, quorum);
    isr_timer_init(&quorum->heartbeat_timer, quorum_heartbeat_fire, quorum);
    isr_timer_init(&quorum->alteration.timer, quorum_alteration_fire, quorum);
    isr_timer_init(&quorum->resignation.timer, quorum_resignation_fire, quorum);
    return &quorum->base;
}
