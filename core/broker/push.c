/* Transfer push, leader side. For each follower of a partition:
 *
 *   UNKNOWN --it told where its log stands--> STREAM   records follow from there
 *   STREAM  --it missed a request--> STREAM, from where it is
 *   any     --what it told lies outside this log--> REFUSED   it is told so, and asks for the ends
 * (ListOffsets) any     --what it told is another history--> DIVERGED     it is told where they part, and
 * cuts REFUSED, DIVERGED --sent--> UNKNOWN (a new leader epoch) --> UNKNOWN
 *
 * What a follower tells is what its fetch would tell, and it goes through the same functions: the fences of
 * leader epoch and broker epoch, the divergence check, lag and membership of the ISR, the high watermark
 * (isr_fetch_view_of, isr_fetch_told). What is sent is what the fetch would be answered with, for a log that
 * ends at the offset and in the epoch that go along; a follower whose log does not end there takes nothing
 * and tells where it does.
 *
 * Many requests may be under way: a partition is sent ahead of the answers by at most push_in_flight_bytes.
 * One request holds all partitions that have something for that broker in one step. Who has heard nothing for
 * fetch_max_wait is sent an empty one, so that lost messages and restarted followers are noticed, and the lag
 * of an idle follower is known. A request that was missed, as one before it was lost or comes later, makes
 * the leader go back to where the follower is, once: what else was sent before that will be missed as well.
 */
#include "core/broker/push.h"

#include "core/broker/fetch_service.h"
#include "core/broker/leader.h"

/* All that goes to one broker. */
struct isr_push_sender {
    struct isr_broker *broker;
    int32_t node;
    struct isr_tp *queue; /* partitions that may have something for it */
    uint32_t queue_count, queue_capacity;
    struct isr_timer timer;
};

static bool leads_by_push(const struct isr_partition *partition)
{
    return partition->role == ISR_ROLE_LEADER && isr_topic_is_pushed(&partition->settings);
}

/* ---- what there is to send ---- */

static int64_t window_bytes(const struct isr_partition *partition, const struct isr_remote_replica *remote)
{
    int64_t from = remote->log_end > partition->log->log_start ? remote->log_end : partition->log->log_start;
    int64_t in_flight =
        remote->push.next > from ? isr_log_bytes_between(partition->log, from, remote->push.next) : 0;
    return partition->broker->env->config.push_in_flight_bytes - in_flight;
}

static bool has_records(const struct isr_partition *partition, const struct isr_remote_replica *remote)
{
    return remote->push.state == ISR_PUSH_STREAM && remote->push.next >= partition->log->log_start &&
           remote->push.next < isr_leader_end(partition) && window_bytes(partition, remote) > 0;
}

static bool is_idle(const struct isr_partition *partition, const struct isr_remote_replica *remote)
{
    const struct isr_env *env = partition->broker->env;
    return env->now_ns - remote->push.sent_ns >= env->config.fetch_max_wait;
}

static bool has_something(const struct isr_partition *partition, const struct isr_remote_replica *remote)
{
    switch (remote->push.state) {
    case ISR_PUSH_REFUSED:
    case ISR_PUSH_DIVERGED:
        return true;
    case ISR_PUSH_STREAM:
        if (has_records(partition, remote))
            return true;
        /* KIP-392: for the consumers that it serves. */
        if (partition->broker->env->config.fetch_hw_push != 0 &&
            remote->high_watermark_sent < partition->log->high_watermark)
            return true;
        break;
    case ISR_PUSH_UNKNOWN:
        break;
    }
    return is_idle(partition, remote);
}

static void enqueue(struct isr_partition *partition, struct isr_remote_replica *remote)
{
    struct isr_broker *broker = partition->broker;
    struct isr_push_sender *sender = broker->senders[remote->node];
    if (remote->push.queued || sender == NULL)
        return;
    remote->push.queued = true;
    sender->queue = ISR_GROW(broker->env->heap, sender->queue, sender->queue_count, sender->queue_capacity);
    sender->queue[sender->queue_count++] = partition->tp;
    if (!isr_timer_is_set(&sender->timer))
        isr_env_timer_in(broker->env, &sender->timer, 0); /* what else comes in this step goes along */
}

/* ---- sending ---- */

/* What the follower is sent, and what is known of it from then on. left_bytes: of the request. */
static void fill(struct isr_partition *partition, struct isr_remote_replica *remote, int64_t left_bytes,
                 struct isr_push_partition *part)
{
    struct isr_push *push = &remote->push;
    struct isr_log *log = partition->log;
    *part = (struct isr_push_partition){.tp = partition->tp,
                                        .leader_epoch = partition->leader_epoch,
                                        .offset = push->next,
                                        .previous_epoch = push->next_epoch,
                                        .high_watermark = log->high_watermark,
                                        .log_start = log->log_start,
                                        .diverging_epoch = ISR_EPOCH_NONE,
                                        .diverging_end = ISR_OFFSET_NONE};
    switch (push->state) {
    case ISR_PUSH_UNKNOWN: /* most likely it is where the leader is */
        part->offset = isr_leader_end(partition);
        part->previous_epoch = isr_log_last_epoch(log);
        break;
    case ISR_PUSH_REFUSED:
        part->error = ISR_ERROR_OFFSET_OUT_OF_RANGE;
        push->state = ISR_PUSH_UNKNOWN;
        break;
    case ISR_PUSH_DIVERGED:
        part->diverging_epoch = push->diverging.epoch;
        part->diverging_end = push->diverging.end_offset;
        push->state = ISR_PUSH_UNKNOWN;
        break;
    case ISR_PUSH_STREAM:
        if (!has_records(partition, remote))
            break;
        int64_t window = window_bytes(partition, remote);
        int64_t most = window < left_bytes ? window : left_bytes;
        part->records = isr_log_read(log, push->next, isr_leader_end(partition), (uint32_t)most);
        if (part->records.size == 0)
            break;
        int64_t position = isr_log_batch_at(log, push->next)->position + part->records.size;
        while (push->next < isr_leader_end(partition)) {
            const struct isr_batch_place *place = isr_log_batch_at(log, push->next);
            if (place->position >= position)
                break;
            push->next = place->base_offset + place->record_count;
            push->next_epoch = place->leader_epoch;
        }
        break;
    }
}

static void flush(void *object)
{
    struct isr_push_sender *sender = object;
    struct isr_broker *broker = sender->broker;
    struct isr_env *env = broker->env;
    uint32_t correlation = isr_broker_correlation(broker), count = 0, looked_at = 0;
    int64_t left_bytes = env->config.fetch_max_bytes;
    struct isr_push_partition *parts =
        isr_scratch_allocate(&env->scratch, sender->queue_count * sizeof *parts);
    for (; looked_at < sender->queue_count && left_bytes > 0; looked_at++) {
        struct isr_partition *partition = isr_broker_partition(broker, sender->queue[looked_at]);
        struct isr_remote_replica *remote = partition != NULL && leads_by_push(partition)
                                                ? isr_partition_remote(partition, sender->node)
                                                : NULL;
        if (remote == NULL || !remote->push.queued)
            continue;
        remote->push.queued = false;
        if (!has_something(partition, remote))
            continue;
        fill(partition, remote, left_bytes, &parts[count]);
        left_bytes -= parts[count++].records.size;
        if (remote->push.since == 0)
            remote->push.since = correlation;
        remote->push.sent_ns = env->now_ns;
        remote->high_watermark_sent = partition->log->high_watermark;
    }
    /* Who did not fit goes first next time. */
    memmove(sender->queue, sender->queue + looked_at,
            (sender->queue_count - looked_at) * sizeof *sender->queue);
    sender->queue_count -= looked_at;
    struct isr_message message;
    ISR_MESSAGE_SET(&message, PUSH_REQUEST, push_request, .correlation = correlation, .partitions = parts,
                    .partitions_count = count);
    if (count > 0)
        isr_send(env, sender->node, &message);
    for (uint32_t i = 0; i < count; i++) {
        struct isr_partition *partition = isr_broker_partition(broker, parts[i].tp);
        struct isr_remote_replica *remote = isr_partition_remote(partition, sender->node);
        if (parts[i].records.size > 0 && has_records(partition, remote))
            enqueue(partition, remote);
    }
    if (sender->queue_count > 0)
        isr_env_timer_in(env, &sender->timer, 0);
}

/* ---- when ---- */

static void sender_make(struct isr_broker *broker, int32_t node)
{
    if (broker->senders[node] != NULL)
        return;
    struct isr_push_sender *sender = isr_heap_allocate(broker->env->heap, sizeof *sender);
    sender->broker = broker;
    sender->node = node;
    isr_timer_init(&sender->timer, flush, sender);
    broker->senders[node] = sender;
}

void isr_push_wake(struct isr_partition *partition)
{
    if (!isr_topic_is_pushed(&partition->settings))
        return;
    for (uint32_t i = 0; i < partition->remotes_count; i++) {
        if (has_something(partition, &partition->remotes[i]))
            enqueue(partition, &partition->remotes[i]);
    }
}

/* Followers without news; also those that joined the assignment since. */
static void look_around(void *object)
{
    struct isr_broker *broker = object;
    bool any = false;
    for (uint32_t i = 0; i < broker->partitions_count; i++) {
        struct isr_partition *partition = broker->partitions[i];
        if (!leads_by_push(partition))
            continue;
        any = true;
        for (uint32_t j = 0; j < partition->remotes_count; j++)
            sender_make(broker, partition->remotes[j].node);
        isr_push_wake(partition);
    }
    if (any)
        isr_env_timer_in(broker->env, &broker->push_timer, broker->env->config.fetch_max_wait);
}

void isr_push_init(struct isr_broker *broker)
{
    isr_timer_init(&broker->push_timer, look_around, broker);
}

void isr_push_begin(struct isr_partition *partition)
{
    struct isr_broker *broker = partition->broker;
    if (!isr_topic_is_pushed(&partition->settings))
        return;
    for (uint32_t i = 0; i < partition->remotes_count; i++)
        sender_make(broker, partition->remotes[i].node);
    isr_push_wake(partition);
    if (!isr_timer_is_set(&broker->push_timer))
        isr_env_timer_in(broker->env, &broker->push_timer, broker->env->config.fetch_max_wait);
}

/* ---- answers ---- */

static void go_on_from(struct isr_push *push, const struct isr_fetch_partition *asked)
{
    push->state = ISR_PUSH_STREAM;
    push->next = asked->fetch_offset;
    push->next_epoch = asked->last_fetched_epoch;
    push->since = 0;
}

/* Does the answer concern what was sent since `next` was set anew? Else it tells what is known already. */
static bool is_news(const struct isr_push *push, const struct isr_push_response *response)
{
    if (push->state == ISR_PUSH_UNKNOWN || response->correlation == 0)
        return true;
    return push->since != 0 && (int32_t)(response->correlation - push->since) >= 0;
}

static void take_answer(struct isr_broker *broker, int32_t from, const struct isr_push_response *response,
                        const struct isr_fetch_partition *asked)
{
    struct isr_partition *partition = isr_broker_partition(broker, asked->tp);
    if (partition == NULL || !leads_by_push(partition) || asked->current_leader_epoch < 0)
        return;
    struct isr_fetch_view view = isr_fetch_view_of(partition, asked, from, from, response->replica_epoch);
    struct isr_remote_replica *remote = isr_partition_remote(partition, from);
    if (remote == NULL)
        return;
    bool news = is_news(&remote->push, response);
    bool missed = response->missed != 0 || response->correlation == 0;
    switch (view.outcome) {
    case ISR_FETCH_ELSEWHERE: /* for consumers */
        return;
    case ISR_FETCH_REFUSED:
        if (view.error != ISR_ERROR_OFFSET_OUT_OF_RANGE || !news)
            return; /* metadata will move one of the two */
        go_on_from(&remote->push, asked);
        remote->push.state = ISR_PUSH_REFUSED;
        break;
    case ISR_FETCH_DIVERGED:
        if (!news)
            return;
        go_on_from(&remote->push, asked);
        remote->push.state = ISR_PUSH_DIVERGED;
        remote->push.diverging = view.diverging;
        isr_fetch_observe_diverged(broker->env, from, asked->tp, asked->fetch_offset,
                                   asked->last_fetched_epoch, view.diverging);
        break;
    case ISR_FETCH_DATA:
        if (remote->push.state != ISR_PUSH_STREAM || (missed && news) ||
            asked->fetch_offset > remote->push.next)
            go_on_from(&remote->push, asked);
        break;
    }
    if (isr_fetch_counts(partition, &view))
        isr_fetch_told(partition, remote, asked, response->replica_epoch, isr_fetch_read_now(partition));
    /* What was told may have changed the role of nobody, but the ISR and with it the high watermark. */
    if (has_something(partition, remote))
        enqueue(partition, remote);
}

void isr_push_response(struct isr_broker *broker, int32_t from, const struct isr_push_response *response)
{
    if (from < 1 || from > ISR_NODE_MAX || broker->senders[from] == NULL)
        return;
    for (uint32_t i = 0; i < response->partitions_count; i++)
        take_answer(broker, from, response, &response->partitions[i]);
}
