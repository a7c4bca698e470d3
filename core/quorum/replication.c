/* The leader: sends entries, counts who has them, commits.
 *
 * A voter's states:  PROBE --accepted--> REPLICATE --rejected--> PROBE
 *                    PROBE, REPLICATE --needs what is compacted--> SNAPSHOT --installed--> PROBE
 * PROBE and REPLICATE differ in how many requests with entries may be unanswered: one, or the configured
 * number. next_index runs ahead of the answers (10.2.2). A lost request shows itself by the rejection of the
 * next request or heartbeat, whose previous entry the follower then lacks; a lost answer is made good by the
 * answer to the next heartbeat, which tells everything that is durable.
 *
 * Rounds number the requests of a leadership. After a rejection was acted upon, rejections of rounds sent
 * before are about the same gap and ignored. Match indices never stand on rounds: what a follower called
 * durable stays so.
 *
 * Invariant: match_index < next_index; unanswered requests are in ascending order of their last index. */
#include "core/quorum/internal.h"

/* Within one broadcast followers mostly need the same bytes. */
struct frame_cache {
    int64_t previous, last;
    struct isr_bytes frame; /* data NULL: empty */
};

static struct isr_bytes append_encode(struct isr_quorum *quorum, int64_t previous, int64_t last)
{
    uint32_t count = (uint32_t)(last - previous);
    struct isr_raft_entry *entries = NULL;
    if (count > 0)
        entries = isr_scratch_allocate(&quorum->env->scratch, count * sizeof *entries);
    for (uint32_t i = 0; i < count; i++) {
        const struct quorum_entry *entry = quorum_log_at(&quorum->log, previous + 1 + i);
        entries[i] = (struct isr_raft_entry){
            .term = entry->term, .kind = entry->kind, .data = {.data = entry->data, .size = entry->size}};
    }
    struct isr_message message = {.kind = ISR_MESSAGE_APPEND_REQUEST,
                                  .append_request = {.term = quorum->term,
                                                     .round = quorum->round,
                                                     .prev_log_index = previous,
                                                     .prev_log_term = quorum_log_term(&quorum->log, previous),
                                                     .leader_commit = quorum->commit_index,
                                                     .entries = entries,
                                                     .entries_count = count}};
    return isr_message_encode(&message, &quorum->env->scratch);
}

static void append_send(struct isr_quorum *quorum, const struct quorum_peer *peer, int64_t last,
                        struct frame_cache *cache)
{
    int64_t previous = peer->next_index - 1;
    if (cache->frame.data == NULL || cache->previous != previous || cache->last != last)
        *cache = (struct frame_cache){
            .previous = previous, .last = last, .frame = append_encode(quorum, previous, last)};
    isr_env_send_frame(quorum->env, peer->node, cache->frame);
}

/* The last entry of a batch that begins at first: bounded in bytes, but never empty. */
static int64_t batch_last(const struct isr_quorum *quorum, int64_t first)
{
    const struct quorum_log *log = &quorum->log;
    int64_t last = quorum_log_last(log);
    int64_t limit = quorum_log_at(log, first)->position + quorum->env->config.quorum_append_max_bytes;
    int64_t end = first;
    while (end < last && quorum_log_at(log, end + 1)->position + quorum_log_at(log, end + 1)->size <= limit)
        end++;
    return end;
}

static uint32_t window(const struct isr_quorum *quorum, const struct quorum_peer *peer)
{
    return peer->state == QUORUM_REPLICATE ? (uint32_t)quorum->env->config.quorum_append_inflight : 1;
}

static void inflight_push(const struct isr_quorum *quorum, struct quorum_peer *peer, int64_t last)
{
    uint32_t capacity = (uint32_t)quorum->env->config.quorum_append_inflight;
    ISR_ASSERT(peer->inflight_count < capacity);
    peer->inflight[(peer->inflight_head + peer->inflight_count++) % capacity] = last;
}

static void inflight_pop(const struct isr_quorum *quorum, struct quorum_peer *peer, int64_t match)
{
    uint32_t capacity = (uint32_t)quorum->env->config.quorum_append_inflight;
    while (peer->inflight_count > 0 && peer->inflight[peer->inflight_head] <= match) {
        peer->inflight_head = (peer->inflight_head + 1) % capacity;
        peer->inflight_count--;
    }
}

static void entries_send(struct isr_quorum *quorum, struct quorum_peer *peer, struct frame_cache *cache)
{
    if (peer->state == QUORUM_SNAPSHOT)
        return;
    if (peer->next_index <= quorum->log.base_index) {
        quorum_snapshot_begin(quorum, peer);
        return;
    }
    while (peer->next_index <= quorum_log_last(&quorum->log) && peer->inflight_count < window(quorum, peer)) {
        int64_t last = batch_last(quorum, peer->next_index);
        append_send(quorum, peer, last, cache);
        inflight_push(quorum, peer, last);
        peer->next_index = last + 1;
    }
}

void quorum_send_entries(struct isr_quorum *quorum, struct quorum_peer *peer)
{
    struct frame_cache cache = {0};
    quorum->round++;
    entries_send(quorum, peer, &cache);
}

int64_t quorum_leader_append(struct isr_quorum *quorum, uint8_t kind, struct isr_bytes data)
{
    quorum_append(quorum, quorum->term, kind, data);
    struct frame_cache cache = {0};
    quorum->round++;
    for (uint32_t i = 0; i < quorum->peers_count; i++) {
        if (quorum_peer_is_served(quorum, &quorum->peers[i]))
            entries_send(quorum, &quorum->peers[i], &cache);
    }
    quorum_flush(quorum); /* 10.2.1: writes in parallel with the followers */
    return quorum_log_last(&quorum->log);
}

void quorum_heartbeat_fire(void *object)
{
    struct isr_quorum *quorum = object;
    if (quorum->env->exiting || quorum->role != ISR_CONSENSUS_LEADER)
        return;
    struct frame_cache cache = {0};
    quorum->round++;
    for (uint32_t i = 0; i < quorum->peers_count; i++) {
        struct quorum_peer *peer = &quorum->peers[i];
        if (!quorum_peer_is_served(quorum, peer))
            continue;
        if (peer->state != QUORUM_SNAPSHOT && peer->next_index <= quorum->log.base_index)
            quorum_snapshot_begin(quorum, peer);
        else if (peer->state == QUORUM_SNAPSHOT)
            quorum_snapshot_send(quorum, peer, peer->heard_ns >= peer->snapshot_sent_ns);
        else
            append_send(quorum, peer, peer->next_index - 1, &cache);
    }
    quorum_timeout_now_repeat(quorum);
    isr_env_timer_in(quorum->env, &quorum->heartbeat_timer, quorum->env->config.quorum_heartbeat_interval);
}

bool quorum_peer_is_served(const struct isr_quorum *quorum, const struct quorum_peer *peer)
{
    return peer->part != QUORUM_OUTSIDE ||
           (quorum->alteration.state == QUORUM_CATCHING_UP && quorum->alteration.node == peer->node);
}

void quorum_peer_begin(struct isr_quorum *quorum, struct quorum_peer *peer)
{
    *peer = (struct quorum_peer){.node = peer->node,
                                 .part = peer->part,
                                 .state = QUORUM_PROBE,
                                 .next_index = quorum_log_last(&quorum->log) + 1,
                                 .heard_ns = quorum->env->now_ns,
                                 .reset_round = quorum->round,
                                 .inflight = peer->inflight};
}

void quorum_lead(struct isr_quorum *quorum)
{
    quorum_role_set(quorum, ISR_CONSENSUS_LEADER, quorum->node);
    quorum->round = 0;
    for (uint32_t i = 0; i < quorum->peers_count; i++)
        quorum_peer_begin(quorum, &quorum->peers[i]);
    isr_env_timer_in(quorum->env, &quorum->election_timer, quorum->env->config.quorum_election_timeout);
    isr_env_timer_in(quorum->env, &quorum->heartbeat_timer, quorum->env->config.quorum_heartbeat_interval);
    /* 6.4: commits what earlier terms left, and tells the followers of the new leader. */
    quorum->noop_index = quorum_leader_append(quorum, ISR_ENTRY_NOOP, (struct isr_bytes){0});
}

/* Values of voters, the highest first. */
struct ranking {
    int64_t values[QUORUM_PEERS_MAX + 1];
    uint32_t count;
};

static void rank(struct ranking *ranking, bool votes, int64_t value)
{
    if (!votes)
        return;
    uint32_t place = ranking->count++;
    for (; place > 0 && ranking->values[place - 1] < value; place--)
        ranking->values[place] = ranking->values[place - 1];
    ranking->values[place] = value;
}

/* What a majority of the voters reached; of voters that nobody has an address of nothing is known. */
static int64_t majority_value(const struct isr_quorum *quorum, const struct ranking *ranking)
{
    return quorum->majority <= ranking->count ? ranking->values[quorum->majority - 1] : INT64_MIN;
}

int64_t quorum_majority_heard_ns(const struct isr_quorum *quorum)
{
    struct ranking heard = {.count = 0};
    rank(&heard, quorum->votes_here, quorum->env->now_ns);
    for (uint32_t i = 0; i < quorum->peers_count; i++)
        rank(&heard, quorum->peers[i].part == QUORUM_VOTER, quorum->peers[i].heard_ns);
    return majority_value(quorum, &heard);
}

/* 3.6.2, figure 3.7: entries of earlier terms are never committed by counting. */
static bool may_be_counted(const struct isr_quorum *quorum, int64_t index)
{
    return quorum->env->rules.commit_by_count == ISR_RULE_commit_by_count_any_term ||
           quorum_log_term(&quorum->log, index) == quorum->term;
}

void quorum_leader_commit(struct isr_quorum *quorum)
{
    struct ranking match = {.count = 0};
    rank(&match, quorum->votes_here, quorum->log_file.durable_index);
    for (uint32_t i = 0; i < quorum->peers_count; i++)
        rank(&match, quorum->peers[i].part == QUORUM_VOTER, quorum->peers[i].match_index);
    int64_t index = majority_value(quorum, &match);
    if (index > quorum->commit_index && may_be_counted(quorum, index))
        quorum_commit_to(quorum, index);
}

static void accepted(struct isr_quorum *quorum, struct quorum_peer *peer,
                     const struct isr_append_response *response)
{
    int64_t match = response->match_index;
    if (match < 0 || match > quorum_log_last(&quorum->log))
        return;
    if (response->round > peer->accepted_round)
        peer->accepted_round = response->round;
    if (match > peer->match_index)
        peer->match_index = match;
    inflight_pop(quorum, peer, match);
    if (peer->next_index <= match)
        peer->next_index = match + 1;
    if (peer->state == QUORUM_SNAPSHOT && match >= quorum->log.base_index)
        peer->state = QUORUM_PROBE;
    if (peer->state == QUORUM_PROBE && response->round > peer->reset_round)
        peer->state = QUORUM_REPLICATE;
    quorum_leader_commit(quorum);
    quorum_alteration_progress(quorum, peer);
    quorum_send_entries(quorum, peer);
}

/* 3.5: where to go on looking. All entries of one term come from one leader, in order: of the follower's
 * conflicting term it has at least as much as this log, or this log has none of it. */
static int64_t next_after_conflict(const struct isr_quorum *quorum,
                                   const struct isr_append_response *response)
{
    int64_t next = response->match_index + 1;
    int64_t common =
        response->conflict_term > 0 ? quorum_log_run_last(&quorum->log, response->conflict_term) : 0;
    return common >= next ? common + 1 : next;
}

static void rejected(struct isr_quorum *quorum, struct quorum_peer *peer,
                     const struct isr_append_response *response)
{
    if (peer->state == QUORUM_SNAPSHOT || response->round <= peer->reset_round ||
        response->round < peer->accepted_round || response->match_index < 0 ||
        response->match_index >= QUORUM_INDEX_MAX)
        return;
    int64_t next = next_after_conflict(quorum, response);
    if (next > peer->next_index)
        next = peer->next_index;
    /* A voter that lost what it had called durable broke Raft's assumption. Going back for it does not bring
     * safety back, but keeps this leader from sending in vain for ever. */
    if (next <= peer->match_index)
        peer->match_index = next - 1;
    peer->next_index = next;
    peer->inflight_count = 0;
    peer->state = QUORUM_PROBE;
    peer->reset_round = quorum->round;
    quorum_send_entries(quorum, peer);
}

bool quorum_answer_counts(struct isr_quorum *quorum, struct quorum_peer *peer, int32_t term, uint64_t round)
{
    if (term < 1 || term > QUORUM_TERM_MAX)
        return false;
    if (term > quorum->term) {
        quorum_term_adopt(quorum, term);
        return false;
    }
    if (term < quorum->term || quorum->role != ISR_CONSENSUS_LEADER || round > quorum->round ||
        !quorum_peer_is_served(quorum, peer))
        return false;
    peer->heard_ns = quorum->env->now_ns;
    return true;
}

void quorum_append_response(struct isr_quorum *quorum, struct quorum_peer *peer,
                            const struct isr_append_response *response)
{
    if (!quorum_answer_counts(quorum, peer, response->term, response->round))
        return;
    if (response->success)
        accepted(quorum, peer, response);
    else
        rejected(quorum, peer, response);
}
