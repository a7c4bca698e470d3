#include "core/peer/internal.h"

/* ---- phases ---- */

/* Bits (1 << phase): which may follow. */
static const unsigned next_phases[] = {
#define P(NAME) (1u << ISR_PEER_##NAME)
    [ISR_PEER_RECOVERING] = P(BOOTSTRAP) | P(CLOSING),
    [ISR_PEER_BOOTSTRAP] = P(READINESS) | P(ELECTION) | P(CLOSING),
    [ISR_PEER_READINESS] = P(RUN) | P(ELECTION) | P(BOOTSTRAP) | P(CLOSING),
    [ISR_PEER_RUN] = P(READINESS) | P(ELECTION) | P(BOOTSTRAP) | P(CLOSING),
    [ISR_PEER_ELECTION] = P(RUN) | P(READINESS) | P(BOOTSTRAP) | P(CLOSING),
    [ISR_PEER_CLOSING] = 0,
#undef P
};

const char *isr_peer_phase_name(int64_t phase)
{
    static const char *const names[] = {
#define X(NAME, name, meaning) #name,
#include "core/peer/phases.def"
#undef X
    };
    return phase >= 0 && phase < ISR_PEER_PHASES ? names[phase] : "?";
}

const char *isr_peer_refusal_words(int64_t refusal)
{
    static const char *const words[] = {
#define X(NAME, sentence) sentence,
#include "core/peer/refusals.def"
#undef X
    };
    return refusal >= 0 && refusal < ISR_REFUSALS ? words[refusal] : "?";
}

void peer_phase_set(struct isr_peer *peer, enum isr_peer_phase phase)
{
    if (peer->phase == phase)
        return;
    ISR_ASSERT((next_phases[peer->phase] >> phase) & 1);
    struct isr_observation *seen = isr_observe(peer->env, ISR_OBSERVED_PEER_PHASE);
    seen->peer_phase.from = peer->phase;
    seen->peer_phase.to = phase;
    peer->phase = phase;
    if (phase == ISR_PEER_BOOTSTRAP)
        peer_bootstrap_begin(peer);
    else
        peer_bootstrap_end(peer);
}

/* What holds between two steps. */
static void assert_invariants(const struct isr_peer *peer)
{
    enum isr_replica_role role = peer->partition.role;
    bool before = peer->phase == ISR_PEER_RECOVERING;
    ISR_ASSERT(before == (peer->partition.log == NULL));
    ISR_ASSERT(role != ISR_ROLE_LEADER || peer->phase == ISR_PEER_RUN);
    ISR_ASSERT(role != ISR_ROLE_LEADER || peer->partition.leader == peer->env->node);
    ISR_ASSERT(role != ISR_ROLE_LEADER || peer->state.term == peer->partition.leader_epoch);
    ISR_ASSERT(peer->phase != ISR_PEER_RUN || peer_is_member(peer));
    ISR_ASSERT(peer->phase != ISR_PEER_RUN || peer->partition.leader != ISR_NODE_NONE);
    ISR_ASSERT(peer->candidacy < ISR_CANDIDACY_WAITING || peer->phase == ISR_PEER_ELECTION);
    ISR_ASSERT(peer->candidacy < ISR_CANDIDACY_WAITING || role != ISR_ROLE_LEADER);
    ISR_ASSERT(before || peer->state.mark_start <= peer->partition.log->log_end);
}

/* ---- roles ---- */

static void role_set(struct isr_peer *peer, enum isr_replica_role role, int32_t leader, int32_t term)
{
    struct isr_partition *partition = &peer->partition;
    bool led = partition->role == ISR_ROLE_LEADER;
    partition->role = role;
    partition->leader = leader;
    partition->leader_epoch = term;
    peer->marked = peer_state_is_durable(peer) && peer->state.mark_term == term;
    peer->env->metrics.partitions_led = role == ISR_ROLE_LEADER;
    if (led) {
        peer_service_fail(peer);
        peer_deletions_fail(peer);
    }
    peer_replication_stop(peer);
}

void peer_follow(struct isr_peer *peer, int32_t leader, int32_t term)
{
    struct isr_partition *partition = &peer->partition;
    if (partition->role == ISR_ROLE_FOLLOWER && partition->leader == leader &&
        partition->leader_epoch == term)
        return;
    role_set(peer, ISR_ROLE_FOLLOWER, leader, term);
    if (leader == ISR_NODE_NONE) {
        peer->alone_since_ns = peer->env->now_ns;
    } else {
        peer_wal_drop_unborn_epochs(peer);
        peer_phase_set(peer, ISR_PEER_READINESS);
    }
    isr_partition_observe_follower(peer->env, &peer->partition, ISR_CAUSE_ELECTION_PEERS);
    if (leader != ISR_NODE_NONE)
        peer_replication_follow(peer);
}

void peer_lead(struct isr_peer *peer)
{
    struct isr_partition *partition = &peer->partition;
    peer->candidacy = ISR_CANDIDACY_NONE;
    isr_timer_cancel(&peer->env->timers, &peer->candidacy_timer);
    peer_wal_drop_unborn_epochs(peer);
    role_set(peer, ISR_ROLE_LEADER, peer->env->node, peer->state.term);
    peer->led_since_ns = peer->env->now_ns;
    peer->suspects = false;
    partition->epoch_start = partition->log->log_end;
    peer->state.timestamp = peer->env->real_ns;
    isr_log_assign_epoch(partition->log, partition->leader_epoch, partition->epoch_start,
                         ISR_CAUSE_BECAME_LEADER);
    peer_try_mark(peer);
    peer_config_claim(peer);
    isr_partition_observe_leader(peer->env, &peer->partition, ISR_CAUSE_ELECTION_PEERS);
    peer_phase_set(peer, ISR_PEER_RUN);
    peer_replication_lead(peer);
    peer_heartbeat_send(peer);
}

/* ---- start ---- */

uint32_t peer_correlation_next(struct isr_peer *peer)
{
    if (++peer->correlation == 0)
        peer->correlation = 1;
    return peer->correlation;
}

static void close_begin(struct isr_peer *peer);

static void log_open(struct isr_peer *peer)
{
    peer->partition.log = isr_log_store_open(peer->store, peer->partition.tp);
    peer->partition.log->segment_time_ns = peer->options.segment_time;
    peer->partition.log->held = peer_held;
    peer->partition.log->settled = peer_log_settled;
    peer->partition.log->held_object = peer;
}

/* The mark of a log that lost what was below it is void. */
static void mark_check(struct isr_peer *peer)
{
    if (peer->state.mark_term != ISR_EPOCH_NONE && peer->state.mark_start > peer->partition.log->log_end)
        peer_wal_mark_drop(peer);
}

void peer_recovered(struct isr_peer *peer)
{
    if (!peer->state_read || !peer->log_read)
        return;
    log_open(peer);
    if (peer->stopping) {
        peer->phase = ISR_PEER_CLOSING;
        close_begin(peer);
        return;
    }
    peer->state.life++;
    peer_state_save(peer);
    mark_check(peer);
    peer_wal_ground(peer);
    peer->highest_term = peer->state.term;
    peer->partition.replicas = peer->partition.isr = peer->state.members;
    peer->partition.partition_epoch = peer->state.config_version;
    for (unsigned i = 0; i < peer->state.members.count; i++)
        (void)peer_node_of(peer, peer->state.members.ids[i]);
    peer_follow(peer, ISR_NODE_NONE, peer->state.term);
    peer_heartbeat_start(peer);
    peer_checkpoint_start(peer);
    peer_phase_set(peer, ISR_PEER_BOOTSTRAP);
}

static void logs_ready(void *object)
{
    struct isr_peer *peer = object;
    peer->log_read = true;
    peer_recovered(peer);
}

struct isr_peer *isr_peer_new(struct isr_env *env, const struct isr_peer_options *options)
{
    struct isr_peer *peer = isr_heap_allocate(env->heap, sizeof *peer);
    peer->env = env;
    peer->options = *options;
    peer->store = isr_heap_allocate(env->heap, sizeof *peer->store);
    peer->partition = (struct isr_partition){
        .tp = {.topic = 1, .index = 0}, .leader = ISR_NODE_NONE, .leader_epoch = ISR_EPOCH_NONE};
    peer->hello_to = peer->open_candidate = ISR_NODE_NONE;
    peer->partition.settings.retention_bytes = options->retention_bytes;
    peer->partition.settings.retention_time = options->retention_time;
    peer_health_init(peer);
    isr_timer_init(&peer->checkpoint_timer, peer_checkpoint_fire, peer);
    isr_timer_init(&peer->hello_timer, peer_hello_fire, peer);
    isr_timer_init(&peer->heartbeat_timer, peer_heartbeat_fire, peer);
    isr_timer_init(&peer->candidacy_timer, peer_election_fire, peer);
    isr_timer_init(&peer->pull_timer, peer_pull_fire, peer);
    isr_timer_init(&peer->waits_timer, peer_waits_fire, peer);
    return peer;
}

void isr_peer_start(struct isr_peer *peer)
{
    peer_state_recover(peer);
    isr_log_store_start(peer->store, peer->env, logs_ready, peer);
}

/* ---- stop ---- */

static void closed(void *object)
{
    struct isr_peer *peer = object;
    peer->stopped(peer->object);
}

static void close_begin(struct isr_peer *peer)
{
    struct isr_timers *timers = &peer->env->timers;
    isr_timer_cancel(timers, &peer->heartbeat_timer);
    isr_timer_cancel(timers, &peer->candidacy_timer);
    isr_timer_cancel(timers, &peer->pull_timer);
    isr_timer_cancel(timers, &peer->checkpoint_timer);
    isr_log_store_close(peer->store, peer->state.term, closed, peer);
}

void isr_peer_shutdown(struct isr_peer *peer, void (*stopped)(void *object), void *object)
{
    if (peer->stopping)
        return;
    peer->stopping = true;
    peer->stopped = stopped;
    peer->object = object;
    if (peer->phase == ISR_PEER_RECOVERING)
        return;
    bool led = peer_leads(peer);
    peer->candidacy = ISR_CANDIDACY_NONE;
    peer_follow(peer, ISR_NODE_NONE, peer->state.term);
    if (led) /* the others need not wait until it is silent */
        peer_heartbeat_send(peer);
    peer_phase_set(peer, ISR_PEER_CLOSING);
    close_begin(peer);
}

/* ---- the border ---- */

static bool dispatch(struct isr_peer *peer, int32_t from, const struct isr_message *message)
{
    if (message->kind == ISR_MESSAGE_PEER_RECORDS)
        peer_records_message(peer, from, &message->peer_records);
    else if (message->kind == ISR_MESSAGE_PEER_POSITION)
        peer_position_message(peer, from, &message->peer_position);
    else if (message->kind == ISR_MESSAGE_PEER_SNAPSHOT)
        peer_snapshot_message(peer, from, &message->peer_snapshot);
    else if (message->kind == ISR_MESSAGE_PEER_HEARTBEAT)
        peer_heartbeat_message(peer, from, &message->peer_heartbeat);
    else if (message->kind == ISR_MESSAGE_PEER_VOTE_REQUEST)
        peer_vote_request(peer, from, &message->peer_vote_request);
    else if (message->kind == ISR_MESSAGE_PEER_VOTE_RESPONSE)
        peer_vote_response(peer, from, &message->peer_vote_response);
    else if (message->kind == ISR_MESSAGE_PEER_WITHDRAWAL)
        peer_withdrawal(peer, from, &message->peer_withdrawal);
    else if (message->kind == ISR_MESSAGE_PEER_STEP_DOWN)
        peer_step_down_message(peer, from, &message->peer_step_down);
    else if (message->kind == ISR_MESSAGE_PEER_HELLO_REQUEST)
        peer_hello_request(peer, from, &message->peer_hello_request);
    else if (message->kind == ISR_MESSAGE_PEER_HELLO_RESPONSE)
        peer_hello_response(peer, from, &message->peer_hello_response);
    else if (message->kind == ISR_MESSAGE_PEER_PROBE_REQUEST)
        peer_probe_request(peer, from, &message->peer_probe_request);
    else if (message->kind == ISR_MESSAGE_PEER_PROBE_RESPONSE)
        peer_probe_response(peer, from, &message->peer_probe_response);
    else
        return false;
    return true;
}

static bool service_dispatch(struct isr_peer *peer, int32_t from, const struct isr_message *message)
{
    if (message->kind == ISR_MESSAGE_PRODUCE_REQUEST)
        peer_produce_request(peer, from, &message->produce_request);
    else if (message->kind == ISR_MESSAGE_INIT_PRODUCER_ID_REQUEST)
        peer_init_producer_id(peer, from, &message->init_producer_id_request);
    else if (message->kind == ISR_MESSAGE_FETCH_REQUEST)
        peer_fetch_request(peer, from, &message->fetch_request);
    else if (message->kind == ISR_MESSAGE_METADATA_REQUEST)
        peer_metadata_request(peer, from, &message->metadata_request);
    else if (message->kind == ISR_MESSAGE_DELETE_RECORDS_REQUEST)
        peer_delete_records_request(peer, from, &message->delete_records_request);
    else if (message->kind == ISR_MESSAGE_LIST_OFFSETS_REQUEST)
        peer_list_offsets_request(peer, from, &message->list_offsets_request);
    else if (message->kind == ISR_MESSAGE_OFFSETS_FOR_EPOCH_REQUEST)
        peer_epoch_request(peer, from, &message->offsets_for_epoch_request);
    else
        return false;
    return true;
}

bool isr_peer_message(struct isr_peer *peer, int32_t from, const struct isr_message *message)
{
    if (peer->phase == ISR_PEER_RECOVERING || peer->phase == ISR_PEER_CLOSING || from == peer->env->node)
        return false;
    bool known = dispatch(peer, from, message) || service_dispatch(peer, from, message);
    assert_invariants(peer);
    return known;
}

void isr_peer_command(struct isr_peer *peer, const struct isr_command *command)
{
    if (command->kind == ISR_COMMAND_CAMPAIGN)
        peer_campaign(peer, true);
    assert_invariants(peer);
}

uint64_t isr_peer_digest(const struct isr_peer *peer, uint64_t hash)
{
    hash = isr_hash_combine(hash, (uint64_t)peer->phase);
    hash = isr_hash_peer_state(hash, &peer->state);
    hash = isr_hash_combine(hash, (uint64_t)peer->partition.role);
    hash = isr_hash_combine(hash, (uint64_t)peer->partition.leader);
    hash = isr_hash_combine(hash, (uint64_t)peer->candidacy);
    if (peer->partition.log == NULL)
        return hash;
    hash = isr_hash_combine(hash, (uint64_t)peer->partition.log->log_end);
    return isr_hash_combine(hash, (uint64_t)peer->partition.log->high_watermark);
}
