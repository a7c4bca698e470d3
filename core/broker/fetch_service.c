/* Answering fetches of followers and consumers, as leader; and of consumers, as follower (KIP-392).
 *
 *   arrived --error, divergence, enough data, stale high watermark, no wait wanted--> answered
 *   arrived --otherwise--> waiting
 *   waiting --enough data, stale high watermark, new role or epoch, time over-------> answered
 *
 * What a follower's fetch tells of its log is taken when it arrives, before anything is read, and only for
 * partitions that are neither refused nor diverging (KAFKA-13141); the answer is read when it leaves. */
#include "core/broker/fetch_service.h"

#include "core/broker/leader.h"

enum { WAIT_SECONDS_MAX = 60 };

/* ---- what a partition can give ---- */

enum fetch_outcome { FETCH_DATA, FETCH_REFUSED, FETCH_DIVERGED };

struct fetch_view {
    enum fetch_outcome outcome;
    enum isr_error error;
    struct isr_epoch_end diverging;
    int64_t limit; /* data below it may be given */
};

static struct fetch_view view_refused(enum isr_error error)
{
    return (struct fetch_view){.outcome = FETCH_REFUSED, .error = error};
}

/* Leader epoch, then membership, then broker epoch. */
static enum isr_error check_sender(struct isr_partition *partition, const struct isr_fetch_partition *asked,
                                   int32_t replica_id, int64_t replica_epoch)
{
    if (partition->role == ISR_ROLE_NONE)
        return ISR_ERROR_NOT_LEADER_OR_FOLLOWER;
    enum isr_error error = isr_partition_check_epoch(partition, asked->current_leader_epoch);
    if (error != ISR_ERROR_NONE)
        return error;
    if (replica_id < 0)
        return ISR_ERROR_NONE; /* consumers are served by followers too, KIP-392 */
    if (partition->role != ISR_ROLE_LEADER)
        return ISR_ERROR_NOT_LEADER_OR_FOLLOWER;
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
static struct fetch_view check_divergence(const struct isr_partition *partition,
                                          const struct isr_fetch_partition *asked)
{
    struct isr_epoch_end end = isr_log_epoch_end(partition->log, asked->last_fetched_epoch);
    if (end.epoch == ISR_EPOCH_NONE || end.end_offset == ISR_OFFSET_NONE)
        return view_refused(ISR_ERROR_OFFSET_OUT_OF_RANGE);
    if (end.epoch < asked->last_fetched_epoch || end.end_offset < asked->fetch_offset)
        return (struct fetch_view){.outcome = FETCH_DIVERGED, .diverging = end};
    return (struct fetch_view){.outcome = FETCH_DATA};
}

static enum isr_error beyond_end_error(const struct isr_partition *partition, int32_t replica_id)
{
    /* A follower that is behind cannot say that there is no such offset (KIP-392): the leader may have it. */
    if (replica_id < 0 && partition->role == ISR_ROLE_FOLLOWER)
        return ISR_ERROR_OFFSET_NOT_AVAILABLE;
    return ISR_ERROR_OFFSET_OUT_OF_RANGE;
}

static struct fetch_view view_partition(const struct isr_broker *broker, struct isr_partition *partition,
                                        const struct isr_fetch_partition *asked, int32_t from,
                                        int32_t replica_id, int64_t replica_epoch)
{
    if (partition == NULL)
        return view_refused(isr_partition_missing(broker, asked->tp));
    if (replica_id >= 0 && replica_id != from)
        return view_refused(ISR_ERROR_INVALID_REQUEST);
    enum isr_error error = check_sender(partition, asked, replica_id, replica_epoch);
    if (error != ISR_ERROR_NONE)
        return view_refused(error);
    const struct isr_log *log = partition->log;
    /* Before divergence: what lies below the log's start cannot be told apart by epochs (KAFKA-12996). */
    if (asked->fetch_offset < log->log_start)
        return view_refused(ISR_ERROR_OFFSET_OUT_OF_RANGE);
    if (asked->last_fetched_epoch >= 0) {
        struct fetch_view view = check_divergence(partition, asked);
        if (view.outcome != FETCH_DATA)
            return view;
    }
    if (asked->fetch_offset > log->log_end)
        return view_refused(beyond_end_error(partition, replica_id));
    /* Consumers read what is committed, followers what the leader holds (isr_leader_end). */
    int64_t limit = replica_id < 0 ? log->high_watermark : isr_leader_end(partition);
    return (struct fetch_view){.outcome = FETCH_DATA, .limit = limit};
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

/* Replica.updateFetchState (KIP-16): at the leader's end now: caught up now; at the end as it was at the
 * fetch before: caught up then. leader_end is captured before anything is read. */
static void update_remote(struct isr_partition *partition, struct isr_remote_replica *remote,
                          const struct isr_fetch_partition *asked, int64_t replica_epoch)
{
    int64_t leader_end = isr_leader_end(partition);
    int64_t now_ns = partition->broker->env->now_ns;
    if (asked->fetch_offset >= leader_end)
        remote->last_caught_up_ns = now_ns;
    else if (asked->fetch_offset >= remote->last_fetch_leader_end &&
             remote->last_fetch_ns > remote->last_caught_up_ns)
        remote->last_caught_up_ns = remote->last_fetch_ns;
    remote->log_start = asked->log_start;
    remote->log_end = asked->fetch_offset;
    if (leader_end > remote->last_fetch_leader_end)
        remote->last_fetch_leader_end = leader_end;
    remote->last_fetch_ns = now_ns;
    remote->broker_epoch = replica_epoch;
    isr_membership_fetched(partition, remote);
    isr_leader_advance_high_watermark(partition, ISR_CAUSE_FOLLOWER_FETCH);
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

static void observe_diverged(struct isr_broker *broker, const struct isr_fetch_partition *asked, int32_t from,
                             struct isr_epoch_end end)
{
    broker->env->metrics.fetch_divergences++;
    struct isr_observation *seen = isr_observe(broker->env, ISR_OBSERVED_FETCH_DIVERGED);
    seen->fetch_diverged.tp = isr_tp_key(asked->tp);
    seen->fetch_diverged.replica = from;
    seen->fetch_diverged.fetch_offset = asked->fetch_offset;
    seen->fetch_diverged.last_epoch = asked->last_fetched_epoch;
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

struct fetch_reader { /* who asks */
    int32_t from;
    uint32_t correlation;
    int32_t replica_id;
    int64_t replica_epoch;
    int64_t left_bytes;
    bool empty; /* nothing was read yet */
};

static void fill_data(struct isr_partition *partition, const struct isr_fetch_partition *asked,
                      struct fetch_reader *reader, int64_t limit, struct isr_fetch_answer *answer)
{
    answer->records = read_records(partition, asked, limit, reader->left_bytes, reader->empty);
    if (answer->records.size > 0)
        reader->empty = false;
    reader->left_bytes -= answer->records.size;
    if (reader->replica_id < 0)
        return;
    struct isr_remote_replica *remote = isr_partition_remote(partition, reader->replica_id);
    remote->high_watermark_sent = partition->log->high_watermark;
}

static void fill_answer(struct isr_broker *broker, struct isr_partition *partition,
                        const struct isr_fetch_partition *asked, struct fetch_reader *reader,
                        struct isr_fetch_answer *answer)
{
    *answer = (struct isr_fetch_answer){.tp = asked->tp,
                                        .high_watermark = ISR_OFFSET_NONE,
                                        .log_start = ISR_OFFSET_NONE,
                                        .diverging_epoch = ISR_EPOCH_NONE,
                                        .diverging_end = ISR_OFFSET_NONE,
                                        .leader = ISR_NODE_NONE,
                                        .leader_epoch = ISR_EPOCH_NONE};
    if (partition != NULL) {
        answer->high_watermark = partition->log->high_watermark;
        answer->log_start = partition->log->log_start;
        answer->leader = (int16_t)partition->leader;
        answer->leader_epoch = partition->leader_epoch;
    }
    struct fetch_view view =
        view_partition(broker, partition, asked, reader->from, reader->replica_id, reader->replica_epoch);
    switch (view.outcome) {
    case FETCH_REFUSED:
        answer->error = (uint8_t)view.error;
        observe_refused(broker, partition, asked, reader->from, view.error);
        break;
    case FETCH_DIVERGED:
        answer->diverging_epoch = view.diverging.epoch;
        answer->diverging_end = view.diverging.end_offset;
        observe_diverged(broker, asked, reader->from, view.diverging);
        break;
    case FETCH_DATA:
        fill_data(partition, asked, reader, view.limit, answer);
        break;
    }
}

static void send_answers(struct isr_broker *broker, const struct fetch_reader *reader,
                         struct isr_fetch_answer *answers, uint32_t count)
{
    struct isr_message message = {.kind = ISR_MESSAGE_FETCH_RESPONSE,
                                  .fetch_response = {.correlation = reader->correlation,
                                                     .partitions = answers,
                                                     .partitions_count = count}};
    isr_send(broker->env, reader->from, &message);
}

static void answer_now(struct isr_broker *broker, int32_t from, const struct isr_fetch_request *request)
{
    struct fetch_reader reader = {.from = from,
                                  .correlation = request->correlation,
                                  .replica_id = request->replica_id,
                                  .replica_epoch = request->replica_epoch,
                                  .left_bytes = request->max_bytes,
                                  .empty = true};
    struct isr_fetch_answer *answers =
        isr_scratch_allocate(&broker->env->scratch, request->partitions_count * sizeof *answers);
    for (uint32_t i = 0; i < request->partitions_count; i++) {
        const struct isr_fetch_partition *asked = &request->partitions[i];
        fill_answer(broker, isr_broker_partition(broker, asked->tp), asked, &reader, &answers[i]);
    }
    send_answers(broker, &reader, answers, request->partitions_count);
}

/* ---- waiting ---- */

static void wait_unlink(struct isr_fetch_wait *wait)
{
    if (wait->previous != NULL)
        wait->previous->next = wait->next;
    else
        wait->partition->fetch_waits = wait->next;
    if (wait->next != NULL)
        wait->next->previous = wait->previous;
}

static void wait_link(struct isr_fetch_wait *wait)
{
    wait->previous = NULL;
    wait->next = wait->partition->fetch_waits;
    if (wait->next != NULL)
        wait->next->previous = wait;
    wait->partition->fetch_waits = wait;
}

/* Answers with what there is and gives the memory back. */
static void finish(struct isr_fetch_waiter *waiter)
{
    struct isr_broker *broker = waiter->broker;
    isr_timer_cancel(&broker->env->timers, &waiter->timer);
    struct fetch_reader reader = {.from = waiter->from,
                                  .correlation = waiter->correlation,
                                  .replica_id = waiter->replica_id,
                                  .replica_epoch = waiter->replica_epoch,
                                  .left_bytes = waiter->max_bytes,
                                  .empty = true};
    struct isr_fetch_answer *answers =
        isr_scratch_allocate(&broker->env->scratch, waiter->waits_count * sizeof *answers);
    for (uint32_t i = 0; i < waiter->waits_count; i++) {
        struct isr_fetch_wait *wait = &waiter->waits[i];
        wait_unlink(wait);
        fill_answer(broker, wait->partition, &wait->asked, &reader, &answers[i]);
    }
    send_answers(broker, &reader, answers, waiter->waits_count);
    waiter->next = broker->fetch_waiters_free;
    broker->fetch_waiters_free = waiter;
}

static void on_timeout(void *object)
{
    finish(object);
}

static struct isr_fetch_waiter *waiter_take(struct isr_broker *broker, uint32_t waits_count)
{
    struct isr_heap *heap = broker->env->heap;
    struct isr_fetch_waiter *waiter = broker->fetch_waiters_free;
    if (waiter == NULL)
        waiter = isr_heap_allocate(heap, sizeof *waiter);
    else
        broker->fetch_waiters_free = waiter->next;
    waiter->broker = broker;
    waiter->ready = false;
    isr_timer_init(&waiter->timer, on_timeout, waiter);
    if (waiter->waits_capacity < waits_count) {
        isr_heap_release(heap, waiter->waits);
        waiter->waits = isr_heap_allocate(heap, waits_count * sizeof *waiter->waits);
        waiter->waits_capacity = waits_count;
    }
    return waiter;
}

static void wait_for_more(struct isr_broker *broker, int32_t from, const struct isr_fetch_request *request)
{
    struct isr_fetch_waiter *waiter = waiter_take(broker, request->partitions_count);
    waiter->from = from;
    waiter->correlation = request->correlation;
    waiter->replica_id = request->replica_id;
    waiter->replica_epoch = request->replica_epoch;
    waiter->min_bytes = request->min_bytes;
    waiter->max_bytes = request->max_bytes;
    waiter->available_bytes = 0;
    waiter->waits_count = request->partitions_count;
    for (uint32_t i = 0; i < request->partitions_count; i++) {
        struct isr_fetch_wait *wait = &waiter->waits[i];
        *wait = (struct isr_fetch_wait){.waiter = waiter,
                                        .partition = isr_broker_partition(broker, request->partitions[i].tp),
                                        .asked = request->partitions[i]};
        int64_t limit =
            request->replica_id < 0 ? wait->partition->log->high_watermark : isr_leader_end(wait->partition);
        wait->available_bytes = available_bytes(wait->partition, &wait->asked, limit);
        waiter->available_bytes += wait->available_bytes;
        wait_link(wait);
    }
    int64_t wait_ns = request->max_wait_ns;
    if (wait_ns > WAIT_SECONDS_MAX * ISR_SECOND)
        wait_ns = WAIT_SECONDS_MAX * ISR_SECOND;
    isr_env_timer_in(broker->env, &waiter->timer, wait_ns);
}

static bool wait_is_over(struct isr_fetch_wait *wait)
{
    struct isr_fetch_waiter *waiter = wait->waiter;
    struct isr_partition *partition = wait->partition;
    int64_t limit = waiter->replica_id < 0 ? partition->log->high_watermark : isr_leader_end(partition);
    int64_t bytes = available_bytes(partition, &wait->asked, limit);
    waiter->available_bytes += bytes - wait->available_bytes;
    wait->available_bytes = bytes;
    return waiter->available_bytes >= waiter->min_bytes ||
           high_watermark_stale(partition, waiter->replica_id);
}

/* Two passes: a waiter may stand in the list more than once, and finishing one takes it out of every list. */
static void wake(struct isr_partition *partition, bool all)
{
    struct isr_fetch_waiter *ready = NULL;
    for (struct isr_fetch_wait *wait = partition->fetch_waits; wait != NULL; wait = wait->next) {
        if (wait->waiter->ready || (!all && !wait_is_over(wait)))
            continue;
        wait->waiter->ready = true;
        wait->waiter->next = ready; /* the list is newest first: so the oldest is answered first */
        ready = wait->waiter;
    }
    while (ready != NULL) {
        struct isr_fetch_waiter *waiter = ready;
        ready = waiter->next;
        finish(waiter);
    }
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

/* ---- arrival ---- */

struct arrival {
    int64_t available_bytes;
    bool urgent; /* there is something to say at once */
};

static void arrive(struct isr_broker *broker, int32_t from, const struct isr_fetch_request *request,
                   const struct isr_fetch_partition *asked, struct arrival *arrival)
{
    struct isr_partition *partition = isr_broker_partition(broker, asked->tp);
    struct fetch_view view =
        view_partition(broker, partition, asked, from, request->replica_id, request->replica_epoch);
    if (view.outcome != FETCH_DATA) {
        arrival->urgent = true;
        return;
    }
    if (request->replica_id >= 0)
        update_remote(partition, isr_partition_remote(partition, request->replica_id), asked,
                      request->replica_epoch);
    arrival->available_bytes += available_bytes(partition, asked, view.limit);
    arrival->urgent = arrival->urgent || high_watermark_stale(partition, request->replica_id);
}

void isr_fetch_request(struct isr_broker *broker, int32_t from, const struct isr_fetch_request *request)
{
    broker->env->metrics.fetch_requests++;
    struct arrival arrival = {0};
    for (uint32_t i = 0; i < request->partitions_count; i++)
        arrive(broker, from, request, &request->partitions[i], &arrival);
    if (arrival.urgent || arrival.available_bytes >= request->min_bytes || request->max_wait_ns <= 0 ||
        request->partitions_count == 0)
        answer_now(broker, from, request);
    else
        wait_for_more(broker, from, request);
}
