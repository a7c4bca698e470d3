/* Answering fetches of followers and consumers, as leader; and of consumers, as follower (KIP-392).
 *
 *   arrived --error, divergence, enough data, stale high watermark, no wait wanted--> answered
 *   arrived --otherwise--> waiting
 *   waiting --enough data, stale high watermark, new role or epoch, time over-------> answered
 *
 * Every request is one of a session (fetch_session.h), if only of a session that ends with its answer.
 *
 * What a follower's fetch tells of its log is taken when it arrives, before anything is read, and only for
 * partitions that are neither refused nor diverging (KAFKA-13141); the answer is read when it leaves. */
#include "core/broker/fetch_service.h"

#include "core/base/yield.h"
#include "core/broker/leader.h"
#include "core/broker/retention.h"

enum { WAIT_SECONDS_MAX = 60 };

/* ---- what a partition can give ---- */

static struct isr_fetch_view view_refused(enum isr_error error)
{
    return (struct isr_fetch_view){.outcome = ISR_FETCH_REFUSED, .error = error};
}

/* Leader epoch, then membership, then broker epoch (Partition.fetchRecords). */
static enum isr_error check_sender(struct isr_partition *partition, const struct isr_fetch_partition *asked,
                                   int32_t replica_id, int64_t replica_epoch)
{
    if (partition->role == ISR_ROLE_NONE)
        return ISR_ERROR_NOT_LEADER_OR_FOLLOWER;
    enum isr_error error = isr_partition_check_epoch(partition, asked->current_leader_epoch);
    if (error != ISR_ERROR_NONE)
        return error;
    /* Followers serve consumers that know what that means: the others name no rack (KIP-392). */
    if (partition->role != ISR_ROLE_LEADER && (replica_id >= 0 || asked->rack == ISR_RACK_NONE))
        return ISR_ERROR_NOT_LEADER_OR_FOLLOWER;
    if (replica_id < 0)
        return ISR_ERROR_NONE;
    if (isr_partition_remote(partition, replica_id) ==
        NULL) /* it knows of an assignment that this leader does not */
        return asked->current_leader_epoch >= 0 ? ISR_ERROR_UNKNOWN_LEADER_EPOCH
                                                : ISR_ERROR_NOT_LEADER_OR_FOLLOWER;
    /* KIP-903: a fetch of the replica's life before it registered anew must not count for its present one. */
    const struct isr_image_broker *registered = &partition->broker->image.brokers[replica_id];
    if (replica_epoch != -1 && registered->registered && registered->epoch > replica_epoch)
        return ISR_ERROR_NOT_LEADER_OR_FOLLOWER;
    return ISR_ERROR_NONE;
}

/* Where the logs part (KIP-595): the epoch that the reader fetched last must be known here and reach its
 * offset. */
static struct isr_fetch_view check_divergence(const struct isr_partition *partition,
                                              const struct isr_fetch_partition *asked)
{
    struct isr_epoch_end end = isr_epoch_told(partition, asked->last_fetched_epoch);
    if (end.epoch == ISR_EPOCH_NONE || end.end_offset == ISR_OFFSET_NONE)
        return view_refused(ISR_ERROR_OFFSET_OUT_OF_RANGE);
    if (end.epoch < asked->last_fetched_epoch || end.end_offset < asked->fetch_offset)
        return (struct isr_fetch_view){.outcome = ISR_FETCH_DIVERGED, .diverging = end};
    return (struct isr_fetch_view){.outcome = ISR_FETCH_DATA};
}

static enum isr_error beyond_end_error(const struct isr_partition *partition, int32_t replica_id)
{
    /* A follower that is behind cannot say that there is no such offset (KIP-392): the leader may have it. */
    if (replica_id < 0 && partition->role == ISR_ROLE_FOLLOWER)
        return ISR_ERROR_OFFSET_NOT_AVAILABLE;
    return ISR_ERROR_OFFSET_OUT_OF_RANGE;
}

/* Consumers read what is committed, followers what the leader holds (Kafka's FetchIsolation). */
static int64_t limit_for(const struct isr_partition *partition, int32_t replica_id)
{
    return replica_id < 0 ? partition->log->high_watermark : isr_leader_end(partition);
}

struct isr_fetch_view isr_fetch_view_of(struct isr_partition *partition,
                                        const struct isr_fetch_partition *asked, int32_t from,
                                        int32_t replica_id, int64_t replica_epoch)
{
    if (replica_id >= 0 && replica_id != from)
        return view_refused(ISR_ERROR_INVALID_REQUEST);
    enum isr_error error = check_sender(partition, asked, replica_id, replica_epoch);
    if (error != ISR_ERROR_NONE)
        return view_refused(error);
    const struct isr_log *log = partition->log;
    /* Before divergence: what lies below the log's start cannot be told apart by epochs (KAFKA-12996). */
    if (asked->fetch_offset < log->log_start &&
        partition->broker->env->rules.out_of_range == ISR_RULE_out_of_range_first)
        return view_refused(ISR_ERROR_OFFSET_OUT_OF_RANGE);
    if (asked->last_fetched_epoch >= 0) {
        struct isr_fetch_view view = check_divergence(partition, asked);
        if (view.outcome != ISR_FETCH_DATA)
            return view;
    }
    if (asked->fetch_offset < log->log_start)
        return view_refused(ISR_ERROR_OFFSET_OUT_OF_RANGE);
    if (asked->fetch_offset > log->log_end)
        return view_refused(beyond_end_error(partition, replica_id));
    if (replica_id < 0 && asked->rack != ISR_RACK_NONE && partition->role == ISR_ROLE_LEADER) {
        int32_t replica = isr_read_replica(partition, asked->rack, asked->fetch_offset, from);
        if (replica != partition->broker->env->node)
            return (struct isr_fetch_view){.outcome = ISR_FETCH_ELSEWHERE, .replica = replica};
    }
    return (struct isr_fetch_view){.outcome = ISR_FETCH_DATA, .limit = limit_for(partition, replica_id)};
}

static int64_t available_bytes(const struct isr_partition *partition, const struct isr_fetch_partition *asked,
                               int64_t limit)
{
    if (asked->fetch_offset >= limit)
        return 0;
    int64_t bytes = isr_log_bytes_between(partition->log, asked->fetch_offset, limit);
    return bytes < asked->max_bytes ? bytes : asked->max_bytes;
}

/* ---- what a follower's fetch tells ---- */

/* Of a log that parts from this one only what lies below that point is the same (KAFKA-13141). */
bool isr_fetch_counts(const struct isr_partition *partition, const struct isr_fetch_view *view)
{
    return view->outcome == ISR_FETCH_DATA ||
           (view->outcome == ISR_FETCH_DIVERGED && partition->broker->env->rules.fetch_state_on_diverging ==
                                                       ISR_RULE_fetch_state_on_diverging_counted);
}

struct isr_fetch_reading isr_fetch_read_now(const struct isr_partition *partition)
{
    return (struct isr_fetch_reading){.leader_end = isr_leader_end(partition),
                                      .time_ns = partition->broker->env->now_ns};
}

/* Replica.updateFetchState (KIP-16): at the leader's end now: caught up now; at the end as it was at the
 * fetch before: caught up then. The reading is as it was before anything is read (Partition.readRecords):
 * what is appended meanwhile keeps nobody from being caught up. A follower that is pushed to tells more often
 * than a message goes there and back, so the end that it is to reach stays the same until it has. */
void isr_fetch_told(struct isr_partition *partition, struct isr_remote_replica *remote,
                    const struct isr_fetch_partition *asked, int64_t replica_epoch,
                    struct isr_fetch_reading reading)
{
    int64_t leader_end = reading.leader_end;
    int64_t now_ns = reading.time_ns;
    /* What its life before a restart reached says nothing of this one, whose disk may have been lost. */
    if (remote->broker_epoch != -1 && remote->broker_epoch != replica_epoch) {
        remote->last_caught_up_ns = ISR_NEVER_CAUGHT_UP;
        remote->last_fetch_ns = ISR_NEVER_CAUGHT_UP;
    }
    bool reached = asked->fetch_offset >= remote->last_fetch_leader_end;
    if (asked->fetch_offset >= leader_end)
        remote->last_caught_up_ns = now_ns;
    else if (reached && remote->last_fetch_ns > remote->last_caught_up_ns)
        remote->last_caught_up_ns = remote->last_fetch_ns;
    bool start_moved = remote->log_start != asked->log_start;
    remote->log_start = asked->log_start;
    remote->log_end = asked->fetch_offset;
    if (reached || !isr_topic_is_pushed(&partition->settings)) {
        if (leader_end > remote->last_fetch_leader_end)
            remote->last_fetch_leader_end = leader_end;
        remote->last_fetch_ns = now_ns;
    }
    remote->broker_epoch = replica_epoch;
    isr_membership_fetched(partition, remote);
    isr_leader_followed(partition);
    if (start_moved)
        isr_delete_records_look(partition);
}

/* KIP-392: a follower whose high watermark is behind is told without waiting for data, for the consumers it
 * serves. */
static bool high_watermark_stale(struct isr_partition *partition, int32_t replica_id)
{
    if (replica_id < 0 || partition->broker->env->config.fetch_hw_push == 0)
        return false;
    const struct isr_remote_replica *remote = isr_partition_remote(partition, replica_id);
    return remote != NULL && remote->high_watermark_sent < partition->log->high_watermark;
}

/* ---- answers ---- */

static void observe_refused(struct isr_broker *broker, const struct isr_partition *partition,
                            const struct isr_fetch_partition *asked, int32_t from, enum isr_error error)
{
    broker->env->metrics.fetch_errors++;
    struct isr_observation *seen = isr_observe(broker->env, ISR_OBSERVED_FETCH_REFUSED);
    seen->fetch_refused.tp = isr_tp_key(asked->tp);
    seen->fetch_refused.replica = from;
    seen->fetch_refused.error = error;
    seen->fetch_refused.theirs = asked->current_leader_epoch;
    seen->fetch_refused.ours = partition != NULL ? partition->leader_epoch : ISR_EPOCH_NONE;
}

void isr_fetch_observe_diverged(struct isr_env *env, int32_t from, struct isr_tp tp, int64_t fetch_offset,
                                int32_t last_epoch, struct isr_epoch_end end)
{
    env->metrics.fetch_divergences++;
    struct isr_observation *seen = isr_observe(env, ISR_OBSERVED_FETCH_DIVERGED);
    seen->fetch_diverged.tp = isr_tp_key(tp);
    seen->fetch_diverged.replica = from;
    seen->fetch_diverged.fetch_offset = fetch_offset;
    seen->fetch_diverged.last_epoch = last_epoch;
    seen->fetch_diverged.epoch = end.epoch;
    seen->fetch_diverged.end_offset = end.end_offset;
}

/* At most the bytes left of the request and the partition's own bound; only while the answer is empty one
 * batch may exceed them, so that a large batch blocks nobody for ever (KIP-74). */
static struct isr_bytes read_records(struct isr_partition *partition, const struct isr_fetch_partition *asked,
                                     int64_t limit, int64_t left_bytes, bool empty)
{
    if (asked->fetch_offset >= limit)
        return (struct isr_bytes){0};
    int64_t most = left_bytes < asked->max_bytes ? left_bytes : asked->max_bytes;
    if (!empty) {
        const struct isr_batch_place *place = isr_log_batch_at(partition->log, asked->fetch_offset);
        if (most <= 0 || place == NULL || place->size_bytes > most)
            return (struct isr_bytes){0};
    }
    return isr_log_read(partition->log, asked->fetch_offset, limit, most > 0 ? (uint32_t)most : 0);
}

struct fetch_reader { /* what an answer may still hold */
    int64_t left_bytes;
    bool empty; /* nothing was read yet */
};

static void fill_data(const struct isr_fetch_wait *wait, struct fetch_reader *reader, int64_t limit,
                      struct isr_fetch_answer *answer)
{
    struct isr_partition *partition = wait->partition;
    int32_t replica_id = wait->session->replica_id;
    answer->records = read_records(partition, &wait->asked, limit, reader->left_bytes, reader->empty);
    if (answer->records.size > 0)
        reader->empty = false;
    reader->left_bytes -= answer->records.size;
    if (replica_id < 0)
        return;
    struct isr_remote_replica *remote = isr_partition_remote(partition, replica_id);
    remote->high_watermark_sent = partition->log->high_watermark;
}

static struct isr_fetch_answer answer_about(const struct isr_partition *partition, struct isr_tp tp)
{
    struct isr_fetch_answer answer = {.tp = tp,
                                      .high_watermark = ISR_OFFSET_NONE,
                                      .log_start = ISR_OFFSET_NONE,
                                      .diverging_epoch = ISR_EPOCH_NONE,
                                      .diverging_end = ISR_OFFSET_NONE,
                                      .leader = ISR_NODE_NONE,
                                      .leader_epoch = ISR_EPOCH_NONE,
                                      .preferred_read_replica = ISR_NODE_NONE};
    if (partition == NULL)
        return answer;
    answer.high_watermark = partition->log->high_watermark;
    answer.log_start = partition->log->log_start;
    answer.leader = (int16_t)partition->leader;
    answer.leader_epoch = partition->leader_epoch;
    return answer;
}

static struct isr_fetch_view view_wait(const struct isr_fetch_wait *wait)
{
    const struct isr_fetch_session *session = wait->session;
    return isr_fetch_view_of(wait->partition, &wait->asked, session->from, session->replica_id,
                             session->replica_epoch);
}

/* Whether the partition is to be looked at again with the session's next request: there is more to give, or
 * a fetch of the replica, though it tells nothing new, may let it into the ISR or move the high watermark,
 * which also depend on time and on what the metadata says of others. */
static bool stays_hot(const struct isr_fetch_wait *wait, int64_t limit)
{
    const struct isr_partition *partition = wait->partition;
    int32_t replica_id = wait->session->replica_id;
    if (wait->asked.fetch_offset < limit)
        return true;
    return replica_id >= 0 &&
           (partition->log->high_watermark < limit || !isr_replicas_contain(&partition->isr, replica_id));
}

/* Fills the answer about a hot partition; false when there is nothing to say. */
static bool answer_hot(struct isr_fetch_wait *wait, struct fetch_reader *reader,
                       struct isr_fetch_answer *answer)
{
    struct isr_fetch_session *session = wait->session;
    struct isr_broker *broker = session->broker;
    struct isr_fetch_view view = view_wait(wait);
    *answer = answer_about(wait->partition, wait->asked.tp);
    switch (view.outcome) {
    case ISR_FETCH_REFUSED:
        answer->error = (uint8_t)view.error;
        observe_refused(broker, wait->partition, &wait->asked, session->from, view.error);
        isr_fetch_wait_drop(wait);
        return true;
    case ISR_FETCH_DIVERGED:
        answer->diverging_epoch = view.diverging.epoch;
        answer->diverging_end = view.diverging.end_offset;
        isr_fetch_observe_diverged(broker->env, session->from, wait->asked.tp, wait->asked.fetch_offset,
                                   wait->asked.last_fetched_epoch, view.diverging);
        isr_fetch_wait_drop(wait);
        return true;
    case ISR_FETCH_ELSEWHERE:
        answer->preferred_read_replica = (int16_t)view.replica;
        isr_fetch_wait_drop(wait);
        return true;
    case ISR_FETCH_DATA:
        break;
    }
    fill_data(wait, reader, view.limit, answer);
    bool news = !session->incremental || answer->records.size > 0 ||
                answer->high_watermark != wait->high_watermark_told ||
                answer->log_start != wait->log_start_told;
    wait->high_watermark_told = answer->high_watermark;
    wait->log_start_told = answer->log_start;
    bool hot = stays_hot(wait, view.limit);
    if (!hot || answer->records.size > 0)
        isr_fetch_wait_cool(wait);
    if (hot)
        isr_fetch_wait_warm(wait); /* behind the others when it was given something */
    return news;
}

static void send_answers(const struct isr_fetch_session *session, struct isr_fetch_answer *answers,
                         uint32_t count)
{
    struct isr_message message;
    ISR_MESSAGE_SET(&message, FETCH_RESPONSE, fetch_response, .correlation = session->correlation,
                    .session_id = session->id, .partitions = answers, .partitions_count = count);
    isr_send(session->broker->env, session->from, &message);
}

/* Answers with what there is, after what was refused at once. */
static void answer(struct isr_fetch_session *session, const struct isr_fetch_answer *refused,
                   uint32_t refused_count)
{
    struct isr_env *env = session->broker->env;
    struct fetch_reader reader = {.left_bytes = session->max_bytes, .empty = true};
    uint32_t hot_count = session->hot_count;
    uint32_t count = refused_count;
    struct isr_fetch_answer *answers =
        isr_scratch_allocate(&env->scratch, (hot_count + refused_count) * sizeof *answers);
    if (refused_count > 0)
        memcpy(answers, refused, refused_count * sizeof *answers);
    struct isr_fetch_wait *wait = session->hot_first;
    for (uint32_t i = 0; i < hot_count; i++) {
        struct isr_fetch_wait *next = wait->hot_next;
        if (answer_hot(wait, &reader, &answers[count]))
            count++;
        wait = next;
    }
    session->waiting = false;
    session->reading = false;
    isr_timer_cancel(&env->timers, &session->timer);
    send_answers(session, answers, count);
    if (session->id == 0)
        isr_fetch_session_end(session);
}

/* ---- waiting ---- */

static void finish(void *session)
{
    answer(session, NULL, 0);
}

static bool wait_is_over(struct isr_fetch_wait *wait)
{
    struct isr_fetch_session *session = wait->session;
    int64_t bytes =
        available_bytes(wait->partition, &wait->asked, limit_for(wait->partition, session->replica_id));
    session->available_bytes += bytes - wait->available_bytes;
    wait->available_bytes = bytes;
    return session->available_bytes >= session->min_bytes ||
           high_watermark_stale(wait->partition, session->replica_id);
}

/* Two passes: what finishing a session does may change the list. */
static void wake(struct isr_partition *partition, bool all)
{
    struct isr_fetch_session *ready = NULL;
    for (struct isr_fetch_wait *wait = partition->fetch_waits; wait != NULL; wait = wait->next) {
        struct isr_fetch_session *session = wait->session;
        isr_fetch_wait_warm(wait);
        if (!session->waiting || session->ready || (!all && !wait_is_over(wait)))
            continue;
        session->ready = true;
        session->next = ready; /* the list is newest first: so the oldest is answered first */
        ready = session;
    }
    while (ready != NULL) {
        struct isr_fetch_session *session = ready;
        ready = session->next;
        session->ready = false;
        finish(session);
    }
}

void isr_fetch_warm(struct isr_partition *partition)
{
    for (struct isr_fetch_wait *wait = partition->fetch_waits; wait != NULL; wait = wait->next)
        isr_fetch_wait_warm(wait);
}

void isr_fetch_wake(struct isr_partition *partition)
{
    if (partition->fetch_waits != NULL)
        wake(partition, false);
}

void isr_fetch_wake_all(struct isr_partition *partition)
{
    wake(partition, true);
}

void isr_fetch_forget(struct isr_partition *partition)
{
    isr_fetch_wake_all(partition);
    while (partition->fetch_waits != NULL)
        isr_fetch_wait_drop(partition->fetch_waits);
}

/* ---- sessions ---- */

static void refuse_session(struct isr_broker *broker, int32_t from, const struct isr_fetch_request *request,
                           enum isr_error error)
{
    struct isr_message message = {
        .kind = ISR_MESSAGE_FETCH_RESPONSE,
        .fetch_response = {.correlation = request->correlation, .error = (uint8_t)error}};
    broker->env->metrics.fetch_session_errors++;
    isr_send(broker->env, from, &message);
}

/* Of a session with an id: the request before is answered now, as nobody else will do it. */
static void finish_former(struct isr_fetch_session *session)
{
    if (session->waiting || session->reading)
        finish(session);
}

static void end_session(struct isr_fetch_session *session)
{
    finish_former(session);
    isr_fetch_session_end(session);
}

/* Everything is listed: whatever session the peer had ends. */
static struct isr_fetch_session *begin_session(struct isr_broker *broker, int32_t from,
                                               const struct isr_fetch_request *request)
{
    struct isr_fetch_session *former = isr_fetch_session_of(broker, from);
    if (former != NULL) {
        if (former->epoch == 1 && former->correlation == request->correlation)
            return NULL; /* the request that began it, once more */
        end_session(former);
    }
    struct isr_fetch_session *evicted =
        request->session_epoch == 0 ? isr_fetch_session_to_evict(broker, request->replica_id >= 0) : NULL;
    if (evicted != NULL)
        end_session(evicted);
    struct isr_fetch_session *session = isr_fetch_session_new(broker, from, request, finish);
    session->epoch = 1;
    return session;
}

static int32_t epoch_after(int32_t epoch)
{
    return epoch == INT32_MAX ? 1 : epoch + 1;
}

static struct isr_fetch_session *go_on(struct isr_broker *broker, int32_t from,
                                       const struct isr_fetch_request *request)
{
    struct isr_fetch_session *session = isr_fetch_session_of(broker, from);
    if (session == NULL || session->id != request->session_id || session->replica_id != request->replica_id ||
        session->replica_epoch != request->replica_epoch) {
        refuse_session(broker, from, request, ISR_ERROR_FETCH_SESSION_ID_NOT_FOUND);
        return NULL;
    }
    if (session->epoch != request->session_epoch) {
        /* The network's copy of the request handled last must not end the session. */
        if (session->correlation != request->correlation)
            refuse_session(broker, from, request, ISR_ERROR_INVALID_FETCH_SESSION_EPOCH);
        return NULL;
    }
    finish_former(session);
    session->epoch = epoch_after(session->epoch);
    session->incremental = true;
    return session;
}

/* ---- arrival ---- */

struct arrival {
    struct isr_fetch_answer *refused;
    uint32_t refused_count;
    bool urgent; /* there is something to say at once */
};

/* A partition that is listed: new to the session, or changed. */
static void list(struct isr_fetch_session *session, const struct isr_fetch_partition *asked,
                 struct arrival *arrival)
{
    struct isr_broker *broker = session->broker;
    struct isr_partition *partition = isr_broker_partition(broker, asked->tp);
    if (partition == NULL) {
        enum isr_error error = isr_partition_missing(broker, asked->tp);
        struct isr_fetch_answer *refused = &arrival->refused[arrival->refused_count++];
        *refused = answer_about(NULL, asked->tp);
        refused->error = (uint8_t)error;
        observe_refused(broker, NULL, asked, session->from, error);
        return;
    }
    struct isr_fetch_wait *wait = isr_fetch_wait_find(session, partition);
    if (wait == NULL)
        wait = isr_fetch_wait_add(session, partition);
    else
        isr_fetch_wait_warm(wait);
    wait->asked = *asked;
}

static void forget(struct isr_fetch_session *session, struct isr_tp tp)
{
    const struct isr_partition *partition = isr_broker_partition(session->broker, tp);
    struct isr_fetch_wait *wait = partition != NULL ? isr_fetch_wait_find(session, partition) : NULL;
    if (wait != NULL)
        isr_fetch_wait_drop(wait);
}

/* Who became hot only since the request came is looked at now. */
static struct isr_fetch_reading reading_of(const struct isr_fetch_wait *wait)
{
    const struct isr_fetch_session *session = wait->session;
    return session->reading && wait->reading.time_ns == session->used_ns
               ? wait->reading
               : isr_fetch_read_now(wait->partition);
}

static void look_at(struct isr_fetch_wait *wait, struct arrival *arrival)
{
    struct isr_fetch_session *session = wait->session;
    struct isr_partition *partition = wait->partition;
    struct isr_fetch_view view = view_wait(wait);
    wait->available_bytes = 0;
    if (session->replica_id >= 0 && isr_fetch_counts(partition, &view))
        isr_fetch_told(partition, isr_partition_remote(partition, session->replica_id), &wait->asked,
                       session->replica_epoch, reading_of(wait));
    if (view.outcome != ISR_FETCH_DATA) {
        arrival->urgent = true;
        return;
    }
    wait->available_bytes = available_bytes(partition, &wait->asked, view.limit);
    session->available_bytes += wait->available_bytes;
    arrival->urgent = arrival->urgent || high_watermark_stale(partition, session->replica_id);
}

static void wait_for_more(struct isr_fetch_session *session)
{
    int64_t wait_ns = session->max_wait_ns;
    if (wait_ns > WAIT_SECONDS_MAX * ISR_SECOND)
        wait_ns = WAIT_SECONDS_MAX * ISR_SECOND;
    session->waiting = true;
    isr_env_timer_in(session->broker->env, &session->timer, wait_ns);
}

static void look_at_all(struct isr_fetch_session *session, struct arrival *arrival)
{
    session->available_bytes = 0;
    for (struct isr_fetch_wait *wait = session->hot_first; wait != NULL; wait = wait->hot_next)
        look_at(wait, arrival);
    session->reading = false;
    if (arrival->urgent || arrival->refused_count > 0 || session->available_bytes >= session->min_bytes ||
        session->max_wait_ns <= 0 || session->all == NULL)
        answer(session, arrival->refused, arrival->refused_count);
    else
        wait_for_more(session);
}

static void go_on_reading(void *object)
{
    struct isr_fetch_session *session = object;
    struct arrival arrival = {0};
    isr_timer_init(&session->timer, finish, session);
    look_at_all(session, &arrival);
}

/* The yield point fetch_read. The fences are asked again afterwards; the leader's end and the
 * time count as they are now, or a follower would have to reach what was appended after it was looked at. */
static void read_ahead(struct isr_fetch_session *session)
{
    for (struct isr_fetch_wait *wait = session->hot_first; wait != NULL; wait = wait->hot_next)
        wait->reading = isr_fetch_read_now(wait->partition);
    session->reading = true;
    isr_yield(session->broker->env, ISR_YIELD_FETCH_READ, &session->timer, go_on_reading, session);
}

void isr_fetch_request(struct isr_broker *broker, int32_t from, const struct isr_fetch_request *request)
{
    broker->env->metrics.fetch_requests++;
    struct isr_fetch_session *session =
        request->session_epoch > 0 ? go_on(broker, from, request) : begin_session(broker, from, request);
    if (session == NULL)
        return;
    session->correlation = request->correlation;
    session->min_bytes = request->min_bytes;
    session->max_bytes = request->max_bytes;
    session->max_wait_ns = request->max_wait_ns;
    struct arrival arrival = {0};
    if (request->partitions_count > 0)
        arrival.refused =
            isr_scratch_allocate(&broker->env->scratch, request->partitions_count * sizeof *arrival.refused);
    for (uint32_t i = 0; i < request->forgotten_count; i++)
        forget(session, request->forgotten[i].tp);
    for (uint32_t i = 0; i < request->partitions_count; i++)
        list(session, &request->partitions[i], &arrival);
    /* Cold ones are caught up as of now; who becomes warm below is looked at with this request. */
    session->used_ns = broker->env->now_ns;
    if (isr_yields(broker->env, ISR_YIELD_FETCH_READ) && session->replica_id >= 0 &&
        arrival.refused_count == 0 && session->hot_first != NULL)
        read_ahead(session);
    else
        look_at_all(session, &arrival);
}
