/* The log's way from the leader to its followers.
 *
 * A follower tells where its log ends (its last_read_index) with a position; the leader answers with what
 * comes next, or with where the logs part. A group that pulls does this for every run of records: a position
 * waits at the leader until there is something to tell. A group that pushes does it once, and then the leader
 * broadcasts what it appends, and positions only acknowledge; a run that does not fit to the follower's log
 * (one was lost) makes the follower tell its position again.
 *
 * Whatever comes is taken only where it fits: base is the log's end and previous_epoch the epoch of its last
 * record, which by induction makes the log a prefix of the leader's (matched). Divergence is found as KIP-595
 * does, with the leader's epoch cache. A follower that lacks what the leader's WAL has no more is told so,
 * asks for a snapshot, drops what it has for it, and goes on with the tail:
 *
 *   in range --out of range--> wants a snapshot --it comes--> in range
 *   wants a snapshot --records come after all: another leader still has them--> in range
 *
 * What a follower holds counts when the follower is marked in the term (P3). */
#include "core/broker/fetch_service.h"
#include "core/peer/internal.h"

/* ---- follower ---- */

static bool follows(const struct isr_peer *peer)
{
    return peer->partition.role == ISR_ROLE_FOLLOWER && peer->partition.leader != ISR_NODE_NONE;
}

static void position_tell(struct isr_peer *peer, bool asks)
{
    struct isr_env *env = peer->env;
    if (!follows(peer) || peer->mark_clearing)
        return;
    struct peer_wal_position position = peer_wal_position(peer);
    uint32_t correlation = 0;
    if (asks) {
        correlation = peer_correlation_next(peer);
        peer->pull_correlation = correlation;
        peer->sent_log_end = position.log_end;
        peer->sent_last_epoch = position.last_epoch;
        isr_env_timer_in(env, &peer->pull_timer,
                         env->config.request_timeout +
                             (peer->options.transfer == ISR_PEER_PULL ? env->config.fetch_max_wait : 0));
    }
    struct isr_message message = {
        .kind = ISR_MESSAGE_PEER_POSITION,
        .peer_position = {.correlation = correlation,
                          .term = peer->state.term,
                          .log_end = position.log_end,
                          .last_epoch = position.last_epoch,
                          .held_end = peer->matched && isr_log_is_settled(peer->partition.log)
                                          ? isr_log_held_end(peer->partition.log)
                                          : 0,
                          .log_start = peer->partition.log->log_start,
                          .mark_term = peer->marked ? peer->state.term : ISR_EPOCH_NONE,
                          .life = peer->state.life,
                          .ready = peer->data_ready,
                          .snapshot = asks && peer->wants_snapshot}};
    isr_send(env, peer->partition.leader, &message);
}

void peer_position_send(struct isr_peer *peer)
{
    position_tell(peer, true);
}

/* The log is held further, or a mark is durable: tells the leader. A run is held batch by batch; who pulls
 * asks for the next one when all of it is, for each question makes the leader send. */
static void progress_tell(struct isr_peer *peer)
{
    const struct isr_log *log = peer->partition.log;
    if (peer->options.transfer == ISR_PEER_PULL && peer->matched && isr_log_held_end(log) < log->log_end)
        return;
    position_tell(peer, peer->options.transfer == ISR_PEER_PULL || !peer->matched);
}

void peer_pull_fire(void *object)
{
    peer_position_send(object);
}

void peer_replication_follow(struct isr_peer *peer)
{
    peer->matched = false;
    peer->wants_snapshot = false;
    peer->data_ready = false;
    peer->leader_log_start = 0;
    peer->leader_end_ns = ISR_TIME_NEVER;
    peer_position_send(peer);
}

void peer_replication_stop(struct isr_peer *peer)
{
    peer->pull_correlation = 0;
    isr_timer_cancel(&peer->env->timers, &peer->pull_timer);
}

/* Not before what was cut is gone for good: over a tail that a crash brings back the mark would be a lie. */
void peer_try_mark(struct isr_peer *peer)
{
    if (peer->state.mark_term == peer->state.term || !isr_log_is_settled(peer->partition.log))
        return;
    if (peer_leads(peer))
        peer_wal_mark(peer, peer->state.term, peer->partition.epoch_start);
    else if (follows(peer) && peer->matched && isr_log_held_end(peer->partition.log) >= peer->leader_start)
        peer_wal_mark(peer, peer->state.term, peer->leader_start);
}

/* Data readiness: at least at the end that the leader had at most peer_ready_lag ago. */
static void measure_lag(struct isr_peer *peer, int64_t leader_end)
{
    int64_t now_ns = peer->env->now_ns;
    bool reached = peer->leader_end_ns != ISR_TIME_NEVER && peer->partition.log->log_end >= peer->leader_end;
    if (reached && now_ns - peer->leader_end_ns <= peer->env->config.peer_ready_lag)
        peer->data_ready = true;
    if (peer->partition.log->log_end >= leader_end)
        peer->data_ready = true;
    if (reached || peer->leader_end_ns == ISR_TIME_NEVER) {
        peer->leader_end = leader_end;
        peer->leader_end_ns = now_ns;
    }
    if (peer->data_ready && peer->phase == ISR_PEER_READINESS && peer_is_member(peer))
        peer_phase_set(peer, ISR_PEER_RUN);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The logs part: cuts where the epoch ends on both sides (KIP-101, KIP-279). False: nonsense. */
static bool diverged(struct isr_peer *peer, const struct isr_peer_records *records)
{
    struct isr_log *log = peer->partition.log;
    struct isr_epoch_end own = isr_log_epoch_end(log, records->diverging_epoch);
    int64_t offset = records->diverging_end;
    if (offset < 0)
        return false;
    if (own.end_offset != ISR_OFFSET_NONE)
        offset = least(offset, own.end_offset);
    if (log->log_end == log->log_start)
        offset = 0; /* below its start */
    if (offset >= log->log_end)
        return false;
    peer_wal_rollback(peer, offset, ISR_CAUSE_DIVERGENCE);
    return true;
}

/* It fits behind the log's last record. */
static bool fits(const struct isr_peer *peer, const struct isr_peer_records *records)
{
    struct peer_wal_position position = peer_wal_position(peer);
    return records->base == position.log_end && records->previous_epoch == position.last_epoch;
}

static bool are_sane(const struct isr_peer_records *records)
{
    return records->base >= 0 && records->base < PEER_OFFSET_MAX && records->epoch_start >= 0 &&
           records->leader_end >= 0 && records->high_watermark >= 0 &&
           records->high_watermark < PEER_OFFSET_MAX && records->log_start >= 0 &&
           records->log_start <= records->high_watermark && records->out_of_range <= 1;
}

static void records_take(struct isr_peer *peer, const struct isr_peer_records *records)
{
    struct isr_log *log = peer->partition.log;
    int64_t log_end = log->log_end;
    peer->matched = true;
    peer->wants_snapshot = false;
    peer->leader_start = records->epoch_start;
    if (records->records.size > 0 && peer_wal_append(peer, records->records) != ISR_ERROR_NONE)
        return; /* damaged: asked for again by the timer */
    if (peer_wal_commit(peer, least(records->high_watermark, log->log_end), 0, ISR_CAUSE_LEADER_TOLD))
        peer_service_wake(peer);
    peer->leader_log_start = records->log_start;
    bool moved = peer_start_follow(peer);
    measure_lag(peer, records->leader_end);
    peer_try_mark(peer);
    if (moved)
        peer_service_wake(peer);
    if (log->log_end > log_end)
        return; /* told when it is held */
    if (peer->options.transfer == ISR_PEER_PULL)
        peer_position_send(peer);
    else if (moved)
        position_tell(peer, false);
}

void peer_records_message(struct isr_peer *peer, int32_t from, const struct isr_peer_records *records)
{
    if (!are_sane(records) || peer_node_find(peer, from) == NULL ||
        !peer_leader_heard(peer, from, records->term, records->timestamp) || !follows(peer) ||
        peer->mark_clearing)
        return;
    bool answers = records->correlation != 0;
    if (answers) {
        if (records->correlation != peer->pull_correlation)
            return; /* of a position that was told anew since */
        peer_replication_stop(peer);
    }
    struct peer_wal_position position = peer_wal_position(peer);
    bool stands = position.log_end == peer->sent_log_end && position.last_epoch == peer->sent_last_epoch;
    if (answers && stands && records->diverging_epoch >= ISR_EPOCH_NONE && records->diverging_end >= 0) {
        peer->matched = false;
        if (diverged(peer, records))
            peer_position_send(peer);
        else
            isr_env_timer_in(peer->env, &peer->pull_timer, peer->env->config.retry_backoff);
        return;
    }
    if (answers && stands && records->out_of_range == 1) {
        peer->wants_snapshot = true;
        peer_position_send(peer);
        return;
    }
    if (fits(peer, records))
        records_take(peer, records);
    else if (answers || peer->pull_correlation == 0)
        peer_position_send(peer);
    /* A group that pushes tells its position now and then, should the last run have been lost. */
    if (peer->options.transfer == ISR_PEER_PUSH && !isr_timer_is_set(&peer->pull_timer))
        isr_env_timer_in(peer->env, &peer->pull_timer, peer->env->config.request_timeout);
}

/* Its data is not ready any more, whatever it was before. */
static void snapshot_take(struct isr_peer *peer, const struct isr_peer_snapshot *snapshot)
{
    if (!peer_wal_restore(peer, snapshot)) {
        isr_env_timer_in(peer->env, &peer->pull_timer, peer->env->config.retry_backoff);
        return;
    }
    peer->wants_snapshot = false;
    peer->matched = false;
    peer->data_ready = false;
    peer->leader_end_ns = ISR_TIME_NEVER;
    if (peer->phase == ISR_PEER_RUN)
        peer_phase_set(peer, ISR_PEER_READINESS);
    peer_position_send(peer);
}

void peer_snapshot_message(struct isr_peer *peer, int32_t from, const struct isr_peer_snapshot *snapshot)
{
    if (snapshot->log_start <= 0 || snapshot->log_start >= PEER_OFFSET_MAX || snapshot->epoch_before < 0 ||
        snapshot->epoch_before > snapshot->term || peer_node_find(peer, from) == NULL ||
        !peer_leader_heard(peer, from, snapshot->term, snapshot->timestamp) || !follows(peer) ||
        peer->mark_clearing || !peer->wants_snapshot || snapshot->correlation == 0 ||
        snapshot->correlation != peer->pull_correlation)
        return;
    peer_replication_stop(peer);
    snapshot_take(peer, snapshot);
}

void peer_replication_settled(struct isr_peer *peer)
{
    bool cleared = peer->mark_clearing;
    peer->mark_clearing = false;
    if (!peer->marked && peer->state.mark_term == peer->state.term && peer->state.term > 0) {
        peer->marked = true;
        if (peer_leads(peer))
            peer_advance_high_watermark(peer, ISR_CAUSE_BECAME_LEADER);
        else
            progress_tell(peer);
    } else if (cleared) {
        peer_position_send(peer);
    }
}

/* ---- leader ---- */

/* What it told before is void: another term, or another life of the node, which may have lost what it held.
 */
static void node_forget(struct isr_peer_node *node)
{
    node->known = node->waiting = node->ready = node->wants_snapshot = false;
    node->held_end = node->log_end = node->log_start = 0;
    node->mark_term = ISR_EPOCH_NONE;
    node->high_watermark_sent = node->log_start_sent = ISR_OFFSET_NONE;
}

void peer_replication_lead(struct isr_peer *peer)
{
    peer_replication_stop(peer);
    peer->matched = true;
    for (uint32_t i = 0; i < peer->nodes_count; i++)
        node_forget(&peer->nodes[i]);
}

bool peer_advance_high_watermark(struct isr_peer *peer, enum isr_cause cause)
{
    const struct isr_replicas *members = &peer->state.members;
    int64_t ends[ISR_REPLICAS_MAX];
    uint32_t count = 0;
    if (!peer_leads(peer) || !peer->marked)
        return false;
    int64_t own_end = isr_log_held_end(peer->partition.log);
    for (uint32_t i = 0; i < peer->nodes_count; i++) {
        const struct isr_peer_node *node = &peer->nodes[i];
        if (isr_replicas_contain(members, node->node))
            ends[count++] =
                node->known && node->mark_term == peer->state.term ? node->held_end : ISR_OFFSET_NONE;
    }
    ISR_ASSERT(count + 1 == members->count);
    int64_t end =
        isr_commit_end(peer->options.commit, peer->options.followers_needed, own_end, ends, NULL, count);
    if (end <= peer->partition.log->high_watermark)
        return false;
    struct isr_replicas holders = {0};
    isr_replicas_add(&holders, peer->env->node);
    for (uint32_t i = 0; i < peer->nodes_count; i++) {
        const struct isr_peer_node *node = &peer->nodes[i];
        if (isr_replicas_contain(members, node->node) && node->mark_term == peer->state.term &&
            node->held_end >= end)
            isr_replicas_add(&holders, node->node);
    }
    peer_wal_commit(peer, end, isr_replicas_pack(&holders), cause);
    peer_service_wake(peer);
    peer_replicate(peer);
    return true;
}

static void records_send(struct isr_peer *peer, struct isr_peer_node *node,
                         const struct isr_peer_records *records)
{
    struct isr_message message = {.kind = ISR_MESSAGE_PEER_RECORDS, .peer_records = *records};
    message.peer_records.term = peer->state.term;
    message.peer_records.timestamp = peer->state.timestamp;
    message.peer_records.epoch_start = peer->partition.epoch_start;
    message.peer_records.leader_end = isr_log_held_end(peer->partition.log);
    message.peer_records.high_watermark = peer->partition.log->high_watermark;
    message.peer_records.log_start = peer->partition.log->log_start;
    node->high_watermark_sent = peer->partition.log->high_watermark;
    node->log_start_sent = peer->partition.log->log_start;
    isr_send(peer->env, node->node, &message);
}

/* What comes behind the node's log as far as it was told or sent. */
static void run_send(struct isr_peer *peer, struct isr_peer_node *node, uint32_t correlation)
{
    struct isr_peer_records records = {.correlation = correlation,
                                       .base = node->log_end,
                                       .previous_epoch = peer_wal_epoch_before(peer, node->log_end),
                                       .diverging_epoch = ISR_EPOCH_NONE,
                                       .diverging_end = ISR_OFFSET_NONE};
    records.records = peer_wal_logs_after(peer, node->log_end, (uint32_t)peer->env->config.fetch_max_bytes);
    records_send(peer, node, &records);
    if (peer->options.transfer == ISR_PEER_PULL)
        return;
    struct isr_bytes left = records.records;
    struct isr_batch batch;
    while (left.size > 0 && isr_batch_parse(left, false, &batch) == ISR_BATCH_OK) {
        node->log_end = batch.last_offset + 1;
        left.data += batch.bytes.size;
        left.size -= batch.bytes.size;
    }
}

static bool news_for(const struct isr_peer *peer, const struct isr_peer_node *node)
{
    return node->log_end < isr_log_held_end(peer->partition.log) ||
           node->high_watermark_sent < peer->partition.log->high_watermark ||
           node->log_start_sent < peer->partition.log->log_start;
}

/* A position that asks is answered at once where the logs part. */
static bool divergence_answered(struct isr_peer *peer, struct isr_peer_node *node)
{
    bool agrees;
    struct isr_epoch_end end = peer_wal_meet(peer, node->last_epoch, node->log_end, &agrees);
    if (agrees)
        return false;
    isr_fetch_observe_diverged(peer->env, node->node, peer->partition.tp, node->log_end, node->last_epoch,
                               end);
    node->waiting = false;
    records_send(peer, node,
                 &(struct isr_peer_records){.correlation = node->correlation,
                                            .base = node->log_end,
                                            .previous_epoch = node->last_epoch,
                                            .diverging_epoch = end.epoch,
                                            .diverging_end = end.end_offset});
    return true;
}

static void snapshot_send(struct isr_peer *peer, const struct isr_peer_node *node)
{
    struct isr_message message = {.kind = ISR_MESSAGE_PEER_SNAPSHOT,
                                  .peer_snapshot = {.correlation = node->correlation,
                                                    .term = peer->state.term,
                                                    .timestamp = peer->state.timestamp}};
    if (peer_wal_snapshot(peer, &message.peer_snapshot))
        isr_send(peer->env, node->node, &message);
}

/* So is one that needs what is not here any more: first that it does, then with what it asks for. */
static bool out_of_range_answered(struct isr_peer *peer, struct isr_peer_node *node)
{
    if (!peer_wal_is_out_of_range(peer, node->log_end, node->last_epoch))
        return false;
    node->waiting = false;
    if (node->wants_snapshot)
        snapshot_send(peer, node);
    else
        records_send(peer, node,
                     &(struct isr_peer_records){.correlation = node->correlation,
                                                .base = node->log_end,
                                                .previous_epoch = node->last_epoch,
                                                .diverging_epoch = ISR_EPOCH_NONE,
                                                .diverging_end = ISR_OFFSET_NONE,
                                                .out_of_range = 1});
    return true;
}

/* At most so much is on its way to a follower that did not acknowledge it: what is lost must be sent again,
 * and more than a link can hold would be lost every time. */
enum { PUSHED_RUNS_MAX = 2 };

static bool has_room(const struct isr_peer *peer, const struct isr_peer_node *node)
{
    const struct isr_log *log = peer->partition.log;
    int64_t from = node->held_end > log->log_start ? node->held_end : log->log_start;
    return node->log_end <= from || isr_log_bytes_between(log, from, node->log_end) <
                                        PUSHED_RUNS_MAX * peer->env->config.fetch_max_bytes;
}

static void serve(struct isr_peer *peer, struct isr_peer_node *node)
{
    if (!node->known)
        return;
    bool pushes = peer->options.transfer == ISR_PEER_PUSH;
    if (node->waiting) {
        if (out_of_range_answered(peer, node) || divergence_answered(peer, node))
            return;
        if (!pushes && !news_for(peer, node) && peer->env->now_ns < node->wait_until_ns)
            return;
        node->waiting = false;
        run_send(peer, node, node->correlation);
    }
    /* Who is silent, or behind the log's start, is not sent more: it tells its position when it is back. */
    while (pushes && !node->silent && node->log_end >= peer->partition.log->log_start &&
           news_for(peer, node) && has_room(peer, node))
        run_send(peer, node, 0);
}

void peer_replicate(struct isr_peer *peer)
{
    for (uint32_t i = 0; i < peer->nodes_count; i++)
        serve(peer, &peer->nodes[i]);
}

void peer_replication_tick(struct isr_peer *peer)
{
    peer_replicate(peer);
    peer_deletions_look(peer);
}

static bool position_is_sane(const struct isr_peer_position *position)
{
    return position->log_end >= 0 && position->log_end < PEER_OFFSET_MAX && position->held_end >= 0 &&
           position->held_end <= position->log_end && position->log_start >= 0 &&
           position->log_start <= position->log_end && position->last_epoch >= ISR_EPOCH_NONE &&
           position->last_epoch <= position->term && (position->log_end == 0 || position->last_epoch >= 0) &&
           position->ready <= 1 && position->snapshot <= 1;
}

void peer_position_message(struct isr_peer *peer, int32_t from, const struct isr_peer_position *position)
{
    struct isr_peer_node *node = peer_node_find(peer, from);
    if (node == NULL || !peer_leads(peer) || position->term != peer->state.term ||
        !position_is_sane(position) || position->life < node->life)
        return;
    if (position->life > node->life)
        node_forget(node);
    node->life = position->life;
    peer->env->metrics.fetch_requests++;
    node->known = true;
    node->told_ns = node->heard_ns = peer->env->now_ns;
    node->ready = position->ready == 1;
    node->log_start = position->log_start;
    if (position->held_end > node->held_end)
        node->held_end = position->held_end;
    if (position->mark_term == peer->state.term)
        node->mark_term = position->mark_term;
    if (position->correlation != 0) {
        node->correlation = position->correlation;
        node->waiting = true;
        node->wants_snapshot = position->snapshot == 1;
        node->wait_until_ns = peer->env->now_ns + peer->env->config.fetch_max_wait;
        node->log_end = position->log_end;
        node->last_epoch = position->last_epoch;
    }
    if (node->ready && !isr_replicas_contain(&peer->state.members, from))
        peer_config_grow(peer);
    if (!peer_advance_high_watermark(peer, ISR_CAUSE_FOLLOWER_FETCH))
        serve(peer, peer_node_find(peer, from));
    peer_deletions_look(peer);
}

/* ---- both ---- */

void peer_start_moved(struct isr_peer *peer)
{
    peer_service_wake(peer);
    if (peer_leads(peer))
        peer_replicate(peer);
    else if (follows(peer))
        position_tell(peer, false);
}

void peer_held(void *object)
{
    struct isr_peer *peer = object;
    peer_health_write_done(peer);
    if (peer_leads(peer)) {
        peer_service_wake(peer);
        if (!peer_advance_high_watermark(peer, ISR_CAUSE_APPEND))
            peer_replicate(peer);
        peer_deletions_look(peer);
    } else if (follows(peer)) {
        peer_try_mark(peer);
        if (peer_start_follow(peer))
            peer_service_wake(peer);
        progress_tell(peer);
    }
}

void peer_log_settled(void *object)
{
    struct isr_peer *peer = object;
    peer_try_mark(peer);
    if (follows(peer) && peer->marked)
        progress_tell(peer); /* what it holds was not told meanwhile */
}
