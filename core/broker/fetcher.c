#include "core/broker/fetcher.h"

#include "core/base/yield.h"
#include "core/broker/fetch_service.h"
#include "core/broker/push.h"
#include "core/broker/retention.h"

/* No log gets here: a leader that says so is not believed. */
#define OFFSET_MAX (INT64_MAX / 2)

/* ---- pauses ---- */

/* Doubles with each failure up to the bound; the upper half is random, so that followers of a leader that
 * came back do not all ask at once. */
static int64_t backoff_ns(struct isr_env *env, uint32_t failures)
{
    int64_t pause_ns = env->config.fetch_backoff_min;
    for (uint32_t i = 1; i < failures && pause_ns < env->config.fetch_backoff_max; i++)
        pause_ns *= 2;
    if (pause_ns > env->config.fetch_backoff_max)
        pause_ns = env->config.fetch_backoff_max;
    return isr_random_between(&env->random, ISR_RANDOM_BACKOFF, pause_ns / 2, pause_ns + 1);
}

static void partition_failed(struct isr_partition *partition)
{
    struct isr_env *env = partition->broker->env;
    struct isr_fetcher *fetcher = partition->fetching;
    fetcher->failures++;
    fetcher->not_before_ns = env->now_ns + backoff_ns(env, fetcher->failures);
}

static void partition_succeeded(struct isr_partition *partition)
{
    partition->fetching->failures = 0;
    partition->fetching->not_before_ns = 0;
}

static void loop_failed(struct isr_fetch_loop *loop)
{
    struct isr_env *env = loop->broker->env;
    loop->failures++;
    loop->not_before_ns = env->now_ns + backoff_ns(env, loop->failures);
}

/* ---- who is due, and what the leader was told ---- */

static void due_set(struct isr_partition *partition)
{
    struct isr_fetcher *fetcher = partition->fetching;
    struct isr_fetch_loop *loop = fetcher->loop;
    if (fetcher->due)
        return;
    fetcher->due = true;
    fetcher->due_next = NULL;
    fetcher->due_previous = loop->due_last;
    *(loop->due_last != NULL ? &loop->due_last->fetching->due_next : &loop->due_first) = partition;
    loop->due_last = partition;
}

static void due_clear(struct isr_partition *partition)
{
    struct isr_fetcher *fetcher = partition->fetching;
    struct isr_fetch_loop *loop = fetcher->loop;
    if (!fetcher->due)
        return;
    struct isr_partition *next = fetcher->due_next, *previous = fetcher->due_previous;
    *(previous != NULL ? &previous->fetching->due_next : &loop->due_first) = next;
    *(next != NULL ? &next->fetching->due_previous : &loop->due_last) = previous;
    fetcher->due = false;
}

static void set_listed(struct isr_fetcher *fetcher, bool listed)
{
    fetcher->loop->listed += listed;
    fetcher->loop->listed -= fetcher->listed;
    fetcher->listed = listed;
}

/* The leader is not to answer about it any more; it learns that with the next request of the session. */
static void unlist(struct isr_partition *partition)
{
    struct isr_fetcher *fetcher = partition->fetching;
    struct isr_fetch_loop *loop = fetcher->loop;
    if (!fetcher->listed)
        return;
    set_listed(fetcher, false);
    loop->forgotten =
        ISR_GROW(loop->broker->env->heap, loop->forgotten, loop->forgotten_count, loop->forgotten_capacity);
    loop->forgotten[loop->forgotten_count++] = (struct isr_forgotten_partition){.tp = partition->tp};
}

/* Whether the leader has to be told, or told anew, where this replica is. */
static bool changed(const struct isr_partition *partition)
{
    const struct isr_fetcher *fetcher = partition->fetching;
    const struct isr_log *log = partition->log;
    return !fetcher->listed || fetcher->sent_offset != log->log_end ||
           fetcher->sent_epoch != partition->leader_epoch ||
           fetcher->sent_last_epoch != isr_log_last_epoch(log) || fetcher->sent_log_start != log->log_start;
}

/* The next request lists everything, whatever the leader was told before. */
static void list_anew(struct isr_fetch_loop *loop)
{
    for (uint32_t i = 0; i < loop->members_count; i++) {
        uint32_t place = loop->first + i;
        struct isr_partition *partition =
            loop->members[place < loop->members_count ? place : place - loop->members_count];
        if (partition->fetching->state == ISR_FETCH_FETCH && isr_topic_is_pushed(&partition->settings))
            continue;
        due_clear(partition);
        due_set(partition);
        set_listed(partition->fetching, false);
    }
    loop->forgotten_count = 0;
}

/* ---- requests ---- */

static void mark_sent(struct isr_partition *partition, uint32_t correlation)
{
    struct isr_fetcher *fetcher = partition->fetching;
    fetcher->sent_correlation = correlation;
    fetcher->sent_epoch = partition->leader_epoch;
    fetcher->sent_offset = partition->log->log_end;
    fetcher->sent_last_epoch = isr_log_last_epoch(partition->log);
    fetcher->sent_log_start = partition->log->log_start;
}

static void send_fetch(struct isr_fetch_loop *loop, struct isr_fetch_partition *asked, uint32_t count)
{
    struct isr_env *env = loop->broker->env;
    struct isr_message message;
    ISR_MESSAGE_SET(
        &message, FETCH_REQUEST, fetch_request, .correlation = loop->fetch_correlation,
        .replica_id = (int16_t)env->node, .replica_epoch = loop->broker->broker_epoch,
        .max_wait_ns = env->config.fetch_max_wait, .min_bytes = (uint32_t)env->config.fetch_min_bytes,
        .max_bytes = (uint32_t)env->config.fetch_max_bytes, .partitions = asked, .partitions_count = count,
        .forgotten = loop->forgotten, .forgotten_count = loop->forgotten_count);
    isr_fetch_handle_ask(&loop->session, &env->config, &message.fetch_request);
    isr_send(env, loop->leader, &message);
    loop->forgotten_count = 0;
    isr_env_timer_in(env, &loop->fetch_timeout, env->config.fetch_max_wait + env->config.request_timeout);
}

static void send_query(struct isr_fetch_loop *loop, struct isr_epoch_query *asked, uint32_t count)
{
    struct isr_env *env = loop->broker->env;
    struct isr_message message = {.kind = ISR_MESSAGE_OFFSETS_FOR_EPOCH_REQUEST,
                                  .offsets_for_epoch_request = {.correlation = loop->query_correlation,
                                                                .replica_id = (int16_t)env->node,
                                                                .partitions = asked,
                                                                .partitions_count = count}};
    isr_send(env, loop->leader, &message);
    isr_env_timer_in(env, &loop->query_timeout, env->config.request_timeout);
}

/* A question about this partition alone; its correlation. */
static uint32_t mark_asked(struct isr_fetch_loop *loop, struct isr_partition *partition)
{
    const struct isr_env *env = loop->broker->env;
    mark_sent(partition, isr_broker_correlation(loop->broker));
    partition->fetching->sent_deadline_ns = env->now_ns + env->config.request_timeout;
    return partition->fetching->sent_correlation;
}

static void send_list_offsets(struct isr_fetch_loop *loop, struct isr_partition *partition)
{
    struct isr_message message = {.kind = ISR_MESSAGE_LIST_OFFSETS_REQUEST,
                                  .list_offsets_request = {.correlation = mark_asked(loop, partition),
                                                           .tp = partition->tp,
                                                           .current_leader_epoch = partition->leader_epoch,
                                                           .timestamp = -1}};
    isr_send(loop->broker->env, loop->leader, &message);
}

static void send_log_state(struct isr_fetch_loop *loop, struct isr_partition *partition)
{
    struct isr_message message = {.kind = ISR_MESSAGE_LOG_STATE_REQUEST,
                                  .log_state_request = {.correlation = mark_asked(loop, partition),
                                                        .tp = partition->tp,
                                                        .current_leader_epoch = partition->leader_epoch,
                                                        .offset = partition->log->log_end}};
    isr_send(loop->broker->env, loop->leader, &message);
}

/* What goes out in one turn of a loop. */
struct turn {
    struct isr_fetch_partition *fetches;
    struct isr_epoch_query *queries;
    uint32_t fetches_count, queries_count;
    uint32_t fetch_correlation, query_correlation; /* 0: one is under way, or must wait */
    int64_t next_ns;                               /* when a member that pauses is due */
};

static void add_fetch(struct isr_fetch_loop *loop, struct turn *turn, struct isr_partition *partition)
{
    if (turn->fetch_correlation == 0)
        return;
    due_clear(partition);
    if (!changed(partition))
        return;
    if (turn->fetches == NULL)
        turn->fetches =
            isr_scratch_allocate(&loop->broker->env->scratch, loop->members_count * sizeof *turn->fetches);
    mark_sent(partition, turn->fetch_correlation);
    set_listed(partition->fetching, true);
    turn->fetches[turn->fetches_count++] = (struct isr_fetch_partition){
        .tp = partition->tp,
        .current_leader_epoch = partition->leader_epoch,
        .fetch_offset = partition->log->log_end,
        .last_fetched_epoch = isr_truncation_fetched_epoch(partition),
        .log_start = partition->log->log_start,
        .max_bytes = (uint32_t)loop->broker->env->config.fetch_partition_max_bytes};
}

static void add_query(struct isr_fetch_loop *loop, struct turn *turn, struct isr_partition *partition)
{
    if (turn->query_correlation == 0)
        return;
    due_clear(partition);
    if (turn->queries == NULL)
        turn->queries =
            isr_scratch_allocate(&loop->broker->env->scratch, loop->members_count * sizeof *turn->queries);
    mark_sent(partition, turn->query_correlation);
    turn->queries[turn->queries_count++] =
        (struct isr_epoch_query){.tp = partition->tp,
                                 .current_leader_epoch = partition->leader_epoch,
                                 .leader_epoch = isr_log_last_epoch(partition->log)};
}

static void note_due(struct turn *turn, int64_t due_ns)
{
    if (due_ns < turn->next_ns)
        turn->next_ns = due_ns;
}

static void add_member(struct isr_fetch_loop *loop, struct turn *turn, struct isr_partition *partition)
{
    struct isr_fetcher *fetcher = partition->fetching;
    int64_t now_ns = loop->broker->env->now_ns;
    if (fetcher->not_before_ns > now_ns) {
        note_due(turn, fetcher->not_before_ns);
        return;
    }
    switch (fetcher->state) {
    case ISR_FETCH_FETCH:
        if (isr_topic_is_pushed(&partition->settings)) {
            due_clear(partition);
            isr_push_report(partition); /* here I am: the leader sends from there on */
        } else {
            add_fetch(loop, turn, partition);
        }
        break;
    case ISR_FETCH_QUERY:
        add_query(loop, turn, partition);
        break;
    case ISR_FETCH_TRUNCATE:
        due_clear(partition);
        break;
    case ISR_FETCH_LATEST:
        if (fetcher->sent_correlation == 0 || fetcher->sent_deadline_ns <= now_ns)
            send_list_offsets(loop, partition);
        note_due(turn, fetcher->sent_deadline_ns);
        break;
    case ISR_FETCH_STATE:
        if (fetcher->sent_correlation == 0 || fetcher->sent_deadline_ns <= now_ns)
            send_log_state(loop, partition);
        note_due(turn, fetcher->sent_deadline_ns);
        break;
    }
}

static bool fetch_may_leave(const struct isr_fetch_loop *loop)
{
    return loop->fetch_correlation == 0 && loop->writing == 0;
}

static void look_at_due(struct isr_fetch_loop *loop, struct turn *turn)
{
    struct isr_partition *partition = loop->due_first;
    while (partition != NULL) {
        struct isr_partition *next = partition->fetching->due_next;
        add_member(loop, turn, partition);
        partition = next;
    }
}

/* Sends whatever can be sent now. A fetch covers all members that are ready, so it waits until the answer
 * before is worked off whole: one that left earlier would make the rest wait behind its long poll. */
static void take_turn(struct isr_fetch_loop *loop)
{
    struct isr_broker *broker = loop->broker;
    struct isr_env *env = broker->env;
    isr_timer_cancel(&env->timers, &loop->timer);
    if (loop->members_count == 0)
        return;
    struct turn turn = {.next_ns = ISR_TIME_NEVER};
    if (loop->not_before_ns > env->now_ns) {
        isr_timer_set(&env->timers, &loop->timer, loop->not_before_ns);
        return;
    }
    if (fetch_may_leave(loop)) {
        turn.fetch_correlation = isr_broker_correlation(broker);
        loop->first = loop->first + 1 < loop->members_count ? loop->first + 1 : 0;
        if (!isr_fetch_handle_open(&loop->session))
            list_anew(loop);
    }
    if (loop->query_correlation == 0)
        turn.query_correlation = isr_broker_correlation(broker);
    look_at_due(loop, &turn);
    if (turn.fetch_correlation != 0 && loop->listed > 0) {
        loop->fetch_correlation = turn.fetch_correlation;
        send_fetch(loop, turn.fetches, turn.fetches_count);
    }
    if (turn.queries_count > 0) {
        loop->query_correlation = turn.query_correlation;
        send_query(loop, turn.queries, turn.queries_count);
    }
    if (turn.next_ns != ISR_TIME_NEVER)
        isr_timer_set(&env->timers, &loop->timer, turn.next_ns);
}

static void on_timer(void *object)
{
    take_turn(object);
}

static void on_fetch_timeout(void *object)
{
    struct isr_fetch_loop *loop = object;
    loop->fetch_correlation = 0; /* an answer that comes later is none */
    isr_fetch_handle_reset(&loop->session);
    loop_failed(loop);
    take_turn(loop);
}

/* Who was asked about and not answered is asked about again. */
static void query_again(struct isr_fetch_loop *loop)
{
    loop->query_correlation = 0;
    for (uint32_t i = 0; i < loop->members_count; i++) {
        if (loop->members[i]->fetching->state == ISR_FETCH_QUERY)
            due_set(loop->members[i]);
    }
}

static void on_query_timeout(void *object)
{
    struct isr_fetch_loop *loop = object;
    query_again(loop);
    loop_failed(loop);
    take_turn(loop);
}

void isr_fetcher_disconnected(struct isr_broker *broker, int32_t leader)
{
    struct isr_fetch_loop *loop = broker->loops[leader];
    if (loop == NULL || loop->members_count == 0)
        return;
    bool waiting = loop->fetch_correlation != 0 || loop->query_correlation != 0;
    for (uint32_t i = 0; i < loop->members_count; i++) {
        struct isr_fetcher *fetcher = loop->members[i]->fetching;
        bool asked = fetcher->state == ISR_FETCH_LATEST || fetcher->state == ISR_FETCH_STATE;
        waiting = waiting || (asked && fetcher->sent_correlation != 0);
        fetcher->sent_correlation = 0;
    }
    isr_timer_cancel(&broker->env->timers, &loop->fetch_timeout);
    isr_timer_cancel(&broker->env->timers, &loop->query_timeout);
    loop->fetch_correlation = 0;
    loop->query_correlation = 0;
    if (waiting)
        loop_failed(loop);
    take_turn(loop);
}

/* ---- members ---- */

static struct isr_fetch_loop *loop_of(struct isr_broker *broker, int32_t leader)
{
    struct isr_fetch_loop *loop = broker->loops[leader];
    if (loop != NULL)
        return loop;
    loop = isr_heap_allocate(broker->env->heap, sizeof *loop);
    loop->broker = broker;
    loop->leader = leader;
    isr_timer_init(&loop->timer, on_timer, loop);
    isr_timer_init(&loop->fetch_timeout, on_fetch_timeout, loop);
    isr_timer_init(&loop->query_timeout, on_query_timeout, loop);
    broker->loops[leader] = loop;
    return loop;
}

/* Nobody is followed from there any more: what is under way does not matter, and a later start owes nothing
 * to it. */
static void loop_reset(struct isr_fetch_loop *loop)
{
    struct isr_timers *timers = &loop->broker->env->timers;
    ISR_ASSERT(loop->members_count == 0);
    ISR_ASSERT(loop->writing == 0);
    ISR_ASSERT(loop->listed == 0);
    ISR_ASSERT(loop->due_first == NULL);
    loop->forgotten_count = 0;
    isr_fetch_handle_reset(&loop->session);
    loop->fetch_correlation = 0;
    loop->query_correlation = 0;
    loop->failures = 0;
    loop->not_before_ns = 0;
    isr_timer_cancel(timers, &loop->timer);
    isr_timer_cancel(timers, &loop->fetch_timeout);
    isr_timer_cancel(timers, &loop->query_timeout);
}

/* Not at once: one metadata entry often moves many partitions, and one request should cover them all. */
static void take_turn_soon(struct isr_fetch_loop *loop)
{
    isr_env_timer_in(loop->broker->env, &loop->timer, 0);
}

static void set_writing(struct isr_fetcher *fetcher, bool writing)
{
    if (fetcher->writing == writing)
        return;
    fetcher->writing = writing;
    if (writing)
        fetcher->loop->writing++;
    else
        fetcher->loop->writing--;
}

/* A fetch at the log end says that this replica holds everything below it: it may not leave before that is
 * so. */
static void update_writing(struct isr_partition *partition)
{
    if (isr_topic_is_pushed(&partition->settings))
        return; /* it tells as far as it holds, and holds no fetch of others up */
    set_writing(partition->fetching, isr_log_held_end(partition->log) < partition->log->log_end);
}

static void join_loop(void *object)
{
    struct isr_partition *partition = object;
    struct isr_broker *broker = partition->broker;
    struct isr_fetcher *fetcher = partition->fetching;
    struct isr_fetch_loop *loop = loop_of(broker, partition->leader);
    fetcher->loop = loop;
    fetcher->place = loop->members_count;
    loop->members = ISR_GROW(broker->env->heap, loop->members, loop->members_count, loop->members_capacity);
    loop->members[loop->members_count++] = partition;
    fetcher->state = isr_truncation_begin(partition);
    due_set(partition);
    update_writing(partition);
    take_turn_soon(loop);
}

void isr_fetcher_start(struct isr_partition *partition)
{
    struct isr_env *env = partition->broker->env;
    *partition->fetching = (struct isr_fetcher){0};
    if (partition->leader < 1 || partition->leader > ISR_NODE_MAX || partition->leader == env->node)
        return;
    if (isr_yields(env, ISR_YIELD_FOLLOWER_START))
        isr_yield(env, ISR_YIELD_FOLLOWER_START, &partition->fetching->start_yield, join_loop, partition);
    else
        join_loop(partition);
}

void isr_fetcher_stop(struct isr_partition *partition)
{
    struct isr_env *env = partition->broker->env;
    struct isr_fetcher *fetcher = partition->fetching;
    struct isr_fetch_loop *loop = fetcher->loop;
    isr_timer_cancel(&env->timers, &fetcher->start_yield);
    /* Whoever takes the partition over cuts as far as it is told itself (KAFKA-13207). */
    if (env->rules.truncation_owned == ISR_RULE_truncation_owned_checked)
        isr_timer_cancel(&env->timers, &partition->truncate_yield);
    if (loop == NULL)
        return;
    set_writing(fetcher, false);
    due_clear(partition);
    unlist(partition);
    struct isr_partition *last = loop->members[--loop->members_count];
    loop->members[fetcher->place] = last;
    last->fetching->place = fetcher->place;
    fetcher->loop = NULL;
    if (loop->members_count == 0)
        loop_reset(loop);
    else
        take_turn_soon(loop); /* the others may have waited for its writes */
}

void isr_fetcher_look(struct isr_partition *partition)
{
    due_set(partition);
    take_turn_soon(partition->fetching->loop);
}

void isr_fetcher_epoch_moved(struct isr_partition *partition)
{
    if (partition->fetching->loop != NULL)
        isr_fetcher_look(partition);
}

void isr_fetcher_start_moved(struct isr_partition *partition)
{
    if (partition->fetching->loop != NULL)
        due_set(partition);
}

void isr_fetcher_held(struct isr_partition *partition)
{
    struct isr_fetcher *fetcher = partition->fetching;
    if (fetcher->loop != NULL && isr_topic_is_pushed(&partition->settings)) {
        isr_push_held(partition);
        return;
    }
    if (fetcher->loop == NULL || !fetcher->writing)
        return;
    update_writing(partition);
    if (fetcher->loop->writing == 0)
        take_turn(fetcher->loop);
}

/* ---- answers ---- */

/* The partition that an answer is for, when it still is what it was asked for: followed from that leader, in
 * the same epoch, in the same state, at the same offset, and asked by this very request or, fetching, by an
 * earlier one of the session. Else NULL. Each counts once. It is due then, whatever comes of it. What is
 * asked and what is told must be of one epoch, or a divergence of an older one cuts committed records
 * (KAFKA-18991, and Vanlightly's model of KIP-966). */
static struct isr_partition *take_answer(struct isr_broker *broker, struct isr_fetch_loop *loop,
                                         struct isr_tp tp, enum isr_fetch_state state, uint32_t correlation)
{
    struct isr_partition *partition = isr_broker_partition(broker, tp);
    if (partition == NULL || partition->role != ISR_ROLE_FOLLOWER)
        return NULL;
    struct isr_fetcher *fetcher = partition->fetching;
    bool asked = state == ISR_FETCH_FETCH ? fetcher->listed && fetcher->answered_correlation != correlation
                                          : fetcher->sent_correlation == correlation;
    if (fetcher->loop != loop || fetcher->state != state || !asked ||
        fetcher->sent_epoch != partition->leader_epoch || fetcher->sent_offset != partition->log->log_end ||
        fetcher->sent_last_epoch != isr_log_last_epoch(partition->log))
        return NULL;
    fetcher->sent_correlation = 0;
    fetcher->answered_correlation = correlation;
    due_set(partition);
    return partition;
}

/* HW := min(the leader's, own LEO), Kafka's UnifiedLog.maybeUpdateHighWatermark; it may go back: a new
 * leader's is often lower than the old one's. */
static void follow_high_watermark(struct isr_partition *partition, int64_t leaders)
{
    const struct isr_log *log = partition->log;
    int64_t offset = leaders < log->log_end ? leaders : log->log_end;
    partition->fetching->leader_high_watermark = leaders;
    if (partition->broker->env->rules.follower_hw == ISR_RULE_follower_hw_log_end)
        offset = log->log_end;
    if (offset < log->log_start)
        offset = log->log_start;
    if (isr_partition_move_high_watermark(partition, offset, ISR_CAUSE_LEADER_TOLD))
        isr_fetch_wake(partition);
}

/* Epochs rise within an answer (the log checks that), and none is above the one that was asked in: what
 * claims to be of an epoch that no controller has given yet is not the leader's history, and would outlive
 * its refutation. */
static bool epochs_fit(const struct isr_partition *partition, struct isr_bytes records)
{
    struct isr_batch batch;
    while (isr_batch_parse(records, false, &batch) == ISR_BATCH_OK) {
        if (batch.leader_epoch > partition->leader_epoch)
            return false;
        records.data += batch.bytes.size;
        records.size -= batch.bytes.size;
    }
    return true;
}

static void apply_records(struct isr_partition *partition, const struct isr_fetch_answer *answer)
{
    if (isr_log_lacks_state(partition->log)) {
        partition->fetching->state = ISR_FETCH_STATE; /* the offset is in range: the leader has it */
        return;
    }
    if (answer->records.size > 0 &&
        (!epochs_fit(partition, answer->records) ||
         isr_log_append_follower(partition->log, answer->records) != ISR_ERROR_NONE)) {
        partition_failed(partition);
        return;
    }
    partition_succeeded(partition);
    update_writing(partition);
    follow_high_watermark(partition, answer->high_watermark);
    isr_retention_follow(partition, answer->log_start);
}

static void cut_where_logs_part(struct isr_partition *partition, struct isr_epoch_end leaders)
{
    int64_t log_end = partition->log->log_end;
    int32_t last_epoch = isr_log_last_epoch(partition->log);
    enum isr_truncation outcome = ISR_TRUNCATION_REFUSED;
    if (isr_truncation_fetched_epoch(partition) != ISR_EPOCH_NONE) /* else it was not asked for */
        outcome = isr_truncation_apply(partition, leaders.epoch, leaders.end_offset, ISR_CAUSE_DIVERGENCE);
    update_writing(partition);
    bool moved = partition->log->log_end != log_end || isr_log_last_epoch(partition->log) != last_epoch;
    if (outcome == ISR_TRUNCATION_REFUSED || !moved)
        partition_failed(partition);
    else
        partition_succeeded(partition); /* AGAIN too: the next fetch asks with the epoch that is last now */
}

static void go_on_truncating(void *object)
{
    struct isr_partition *partition = object;
    if (partition->role == ISR_ROLE_FOLLOWER && partition->fetching->state == ISR_FETCH_TRUNCATE) {
        partition->fetching->state = ISR_FETCH_FETCH;
        cut_where_logs_part(partition, partition->diverging);
        isr_fetcher_look(partition);
    } else {
        isr_truncation_apply(partition, partition->diverging.epoch, partition->diverging.end_offset,
                             ISR_CAUSE_DIVERGENCE);
    }
}

/* The high watermark of such an answer waits for the next one: below it may lie what is about to be cut
 * (KAFKA-14704). */
static void apply_divergence(struct isr_partition *partition, const struct isr_fetch_answer *answer)
{
    struct isr_env *env = partition->broker->env;
    if (env->rules.hw_before_truncate == ISR_RULE_hw_before_truncate_on)
        follow_high_watermark(partition, answer->high_watermark);
    struct isr_epoch_end leaders = {.epoch = answer->diverging_epoch, .end_offset = answer->diverging_end};
    if (answer->log_start > partition->log->log_end) /* out of range: where they part is unknown */
        leaders.epoch = ISR_EPOCH_NONE;
    if (!isr_yields(env, ISR_YIELD_FETCH_TRUNCATE)) {
        cut_where_logs_part(partition, leaders);
        return;
    }
    isr_timer_cancel(&env->timers, &partition->truncate_yield); /* of a follower that is no more */
    partition->fetching->state = ISR_FETCH_TRUNCATE;
    partition->diverging = leaders;
    isr_yield(env, ISR_YIELD_FETCH_TRUNCATE, &partition->truncate_yield, go_on_truncating, partition);
}

/* A partition that was refused or diverges has left the session; one that could not be applied is to leave
 * it, or the same would come again. */
static void keep_listed(struct isr_partition *partition, const struct isr_fetch_answer *answer)
{
    struct isr_fetcher *fetcher = partition->fetching;
    if (answer->error != ISR_ERROR_NONE || answer->diverging_epoch != ISR_EPOCH_NONE)
        set_listed(fetcher, false);
    else if (fetcher->not_before_ns > partition->broker->env->now_ns)
        unlist(partition);
}

void isr_fetcher_apply(struct isr_partition *partition, const struct isr_fetch_answer *answer)
{
    switch (answer->error) {
    case ISR_ERROR_NONE:
        if (answer->diverging_epoch != ISR_EPOCH_NONE)
            apply_divergence(partition, answer);
        else
            apply_records(partition, answer);
        return;
    case ISR_ERROR_OFFSET_OUT_OF_RANGE:
        partition->fetching->state = ISR_FETCH_LATEST;
        return;
    }
    /* FENCED_, UNKNOWN_LEADER_EPOCH, NOT_LEADER_OR_FOLLOWER, ...: metadata will move one of the two. */
    partition_failed(partition);
}

/* Then it is asked for anew at once; any other error makes the loop pause. */
static bool session_was_lost(uint8_t error)
{
    return error == ISR_ERROR_FETCH_SESSION_ID_NOT_FOUND || error == ISR_ERROR_INVALID_FETCH_SESSION_EPOCH;
}

void isr_fetcher_fetch_response(struct isr_broker *broker, int32_t from,
                                const struct isr_fetch_response *response)
{
    struct isr_fetch_loop *loop = from >= 1 && from <= ISR_NODE_MAX ? broker->loops[from] : NULL;
    if (loop == NULL || response->correlation == 0 || response->correlation != loop->fetch_correlation)
        return;
    loop->fetch_correlation = 0;
    isr_timer_cancel(&broker->env->timers, &loop->fetch_timeout);
    loop->failures = 0;
    loop->not_before_ns = broker->env->now_ns + broker->env->config.fetch_interval;
    if (!isr_fetch_handle_answered(&loop->session, response)) {
        if (!session_was_lost(response->error))
            loop_failed(loop);
        take_turn(loop);
        return;
    }
    for (uint32_t i = 0; i < response->partitions_count; i++) {
        const struct isr_fetch_answer *answer = &response->partitions[i];
        struct isr_partition *partition =
            take_answer(broker, loop, answer->tp, ISR_FETCH_FETCH, response->correlation);
        if (partition == NULL)
            continue;
        isr_fetcher_apply(partition, answer);
        keep_listed(partition, answer);
    }
    take_turn(loop);
}

static void apply_epoch_answer(struct isr_partition *partition, const struct isr_epoch_answer *answer)
{
    if (answer->error != ISR_ERROR_NONE) {
        partition_failed(partition);
        return;
    }
    switch (isr_truncation_answered(partition, answer)) {
    case ISR_TRUNCATION_DONE:
        partition->fetching->state = ISR_FETCH_FETCH;
        partition_succeeded(partition);
        break;
    case ISR_TRUNCATION_AGAIN:
        /* Nothing left to ask with: nothing is left. */
        if (isr_log_last_epoch(partition->log) == ISR_EPOCH_NONE)
            partition->fetching->state = ISR_FETCH_FETCH;
        partition_succeeded(partition);
        break;
    case ISR_TRUNCATION_REFUSED:
        partition_failed(partition);
        break;
    }
    update_writing(partition);
}

void isr_fetcher_epoch_response(struct isr_broker *broker, int32_t from,
                                const struct isr_offsets_for_epoch_response *response)
{
    struct isr_fetch_loop *loop = from >= 1 && from <= ISR_NODE_MAX ? broker->loops[from] : NULL;
    if (loop == NULL || response->correlation == 0 || response->correlation != loop->query_correlation)
        return;
    isr_timer_cancel(&broker->env->timers, &loop->query_timeout);
    query_again(loop);
    for (uint32_t i = 0; i < response->partitions_count; i++) {
        const struct isr_epoch_answer *answer = &response->partitions[i];
        struct isr_partition *partition =
            take_answer(broker, loop, answer->tp, ISR_FETCH_QUERY, response->correlation);
        if (partition != NULL)
            apply_epoch_answer(partition, answer);
    }
    take_turn(loop);
}

void isr_fetcher_list_offsets_response(struct isr_broker *broker, int32_t from,
                                       const struct isr_list_offsets_response *response)
{
    struct isr_fetch_loop *loop = from >= 1 && from <= ISR_NODE_MAX ? broker->loops[from] : NULL;
    const struct isr_partition *asked = isr_broker_partition(broker, response->tp);
    if (loop == NULL || asked == NULL || asked->role != ISR_ROLE_FOLLOWER || response->correlation == 0 ||
        asked->fetching->state != ISR_FETCH_LATEST)
        return;
    struct isr_partition *partition =
        take_answer(broker, loop, response->tp, ISR_FETCH_LATEST, response->correlation);
    if (partition == NULL)
        return;
    struct isr_fetcher *fetcher = partition->fetching;
    if (response->error != ISR_ERROR_NONE || response->offset < 0 || response->offset > OFFSET_MAX) {
        fetcher->state = ISR_FETCH_FETCH;
        partition_failed(partition);
    } else {
        fetcher->state = isr_truncation_latest(partition, response->offset);
    }
    update_writing(partition);
    take_turn(loop);
}

void isr_fetcher_log_state_response(struct isr_broker *broker, int32_t from,
                                    const struct isr_log_state_response *response)
{
    struct isr_fetch_loop *loop = from >= 1 && from <= ISR_NODE_MAX ? broker->loops[from] : NULL;
    const struct isr_partition *asked = isr_broker_partition(broker, response->tp);
    if (loop == NULL || asked == NULL || response->correlation == 0)
        return;
    struct isr_partition *partition =
        take_answer(broker, loop, response->tp, ISR_FETCH_STATE, response->correlation);
    if (partition == NULL)
        return;
    struct isr_log_state leaders = {.log_start = response->log_start,
                                    .epoch_before = response->epoch_before,
                                    .producers = response->producers};
    partition->fetching->state = ISR_FETCH_FETCH;
    /* Else it is in range after all, as the leader's log moved, or it will be refused again. */
    if (response->error != ISR_ERROR_NONE || response->log_start < 0 || response->log_start > OFFSET_MAX ||
        !isr_truncation_restart(partition, &leaders))
        partition_failed(partition);
    update_writing(partition);
    take_turn(loop);
}
