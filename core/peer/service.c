/* Clients of a peer: the same requests that a broker answers, so that the same clients work.
 *
 *   produce   leader only; acks=all waits until the group's commit policy is met, acks=1 until the leader
 * holds it fetch     below the committed offset, from the leader and from followers whose data is ready (read
 * scaling) the rest  metadata of the one topic, offsets, epochs, ids for producers
 *
 * A request that waits is in one of two lists, which are as long as clients have requests in flight. */
#include "core/peer/internal.h"

enum { TIMEOUT_SECONDS_MAX = 600, WAIT_SECONDS_MAX = 60, TIMESTAMP_LATEST = -1, TIMESTAMP_EARLIEST = -2 };

struct isr_peer_waiter {
    struct isr_peer_waiter *next;
    int32_t client;
    uint32_t correlation;
    int16_t acks;
    int64_t base_offset, required, deadline_ns;
};

struct isr_peer_fetch_wait {
    struct isr_peer_fetch_wait *next;
    int32_t client;
    uint32_t correlation;
    uint32_t min_bytes;
    uint32_t max_bytes;
    int64_t deadline_ns;
    struct isr_fetch_partition asked;
};

/* ---- when somebody's time is over ---- */

static void deadline_note(struct isr_peer *peer, int64_t deadline_ns)
{
    if (!isr_timer_is_set(&peer->waits_timer) || peer->waits_timer.deadline_ns > deadline_ns)
        isr_timer_set(&peer->env->timers, &peer->waits_timer, deadline_ns);
}

/* ---- produce ---- */

static void produce_answer(struct isr_peer *peer, const struct isr_peer_waiter *waiter, enum isr_error error)
{
    const struct isr_partition *partition = &peer->partition;
    if (error != ISR_ERROR_NONE)
        peer->env->metrics.produce_errors++;
    if (waiter->acks == 0)
        return;
    struct isr_observation *seen = isr_observe(peer->env, ISR_OBSERVED_PRODUCE_ANSWERED);
    seen->produce_answered.tp = isr_tp_key(partition->tp);
    seen->produce_answered.client = waiter->client;
    seen->produce_answered.base = waiter->base_offset;
    seen->produce_answered.error = error;
    seen->produce_answered.acks = waiter->acks;
    struct isr_message message = {.kind = ISR_MESSAGE_PRODUCE_RESPONSE,
                                  .produce_response = {.correlation = waiter->correlation,
                                                       .tp = partition->tp,
                                                       .error = (uint8_t)error,
                                                       .base_offset = waiter->base_offset,
                                                       .log_start = partition->log->log_start,
                                                       .leader = (int16_t)partition->leader,
                                                       .leader_epoch = partition->leader_epoch}};
    isr_send(peer->env, waiter->client, &message);
}

static bool is_safe_enough(const struct isr_peer *peer, const struct isr_peer_waiter *waiter)
{
    const struct isr_log *log = peer->partition.log;
    return waiter->required <= (waiter->acks == -1 ? log->high_watermark : isr_log_held_end(log));
}

static void waiter_add(struct isr_peer *peer, const struct isr_peer_waiter *what)
{
    struct isr_peer_waiter *waiter = peer->waiters_free;
    if (waiter == NULL)
        waiter = isr_heap_allocate(peer->env->heap, sizeof *waiter);
    else
        peer->waiters_free = waiter->next;
    *waiter = *what;
    struct isr_peer_waiter **place = &peer->waiters;
    while (*place != NULL)
        place = &(*place)->next;
    waiter->next = NULL;
    *place = waiter;
    deadline_note(peer, waiter->deadline_ns);
}

/* Answers those who need not wait longer: who are safe, whose time is over, or all when this peer does not
 * lead. */
static void waiters_go_on(struct isr_peer *peer)
{
    struct isr_peer_waiter **place = &peer->waiters;
    while (*place != NULL) {
        struct isr_peer_waiter *waiter = *place;
        enum isr_error error = ISR_ERROR_NONE;
        if (!peer_leads(peer))
            error = ISR_ERROR_NOT_LEADER_OR_FOLLOWER;
        else if (is_safe_enough(peer, waiter))
            error = ISR_ERROR_NONE;
        else if (waiter->deadline_ns <= peer->env->now_ns)
            error = ISR_ERROR_REQUEST_TIMED_OUT;
        else {
            place = &waiter->next;
            continue;
        }
        *place = waiter->next;
        produce_answer(peer, waiter, error);
        waiter->next = peer->waiters_free;
        peer->waiters_free = waiter;
    }
}

static bool is_one_batch(struct isr_bytes records, struct isr_batch *batch)
{
    return isr_batch_parse(records, true, batch) == ISR_BATCH_OK && batch->bytes.size == records.size &&
           (batch->attributes & ISR_BATCH_COMPACTED) == 0;
}

static int64_t bounded(int64_t time_ns, int64_t seconds_max)
{
    if (time_ns < 0)
        return 0;
    return time_ns > seconds_max * ISR_SECOND ? seconds_max * ISR_SECOND : time_ns;
}

static void append(struct isr_peer *peer, const struct isr_batch *batch, struct isr_peer_waiter *waiter)
{
    waiter->base_offset = isr_log_append_leader(peer->partition.log, batch, peer->partition.leader_epoch);
    waiter->required = waiter->base_offset + batch->record_count;
    struct isr_observation *seen = isr_observe(peer->env, ISR_OBSERVED_PRODUCE_APPENDED);
    seen->produce_appended.tp = isr_tp_key(peer->partition.tp);
    seen->produce_appended.base = waiter->base_offset;
    seen->produce_appended.last = waiter->required - 1;
    seen->produce_appended.acks = waiter->acks;
    peer_health_write_began(peer);
}

static enum isr_error produce(struct isr_peer *peer, const struct isr_produce_request *request,
                              struct isr_peer_waiter *waiter)
{
    struct isr_batch batch;
    if (request->acks < -1 || request->acks > 1)
        return ISR_ERROR_INVALID_REQUIRED_ACKS;
    if (!isr_tp_equal(request->tp, peer->partition.tp))
        return ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
    if (!peer_leads(peer))
        return ISR_ERROR_NOT_LEADER_OR_FOLLOWER;
    if (peer->partition.log->failed)
        return ISR_ERROR_STORAGE_ERROR;
    if (!is_one_batch(request->records, &batch))
        return ISR_ERROR_CORRUPT_MESSAGE;
    enum isr_error error = isr_log_check_producer(peer->partition.log, &batch, &waiter->base_offset);
    if (error == ISR_ERROR_DUPLICATE_SEQUENCE_NUMBER)
        waiter->required = waiter->base_offset + batch.record_count;
    else if (error == ISR_ERROR_NONE)
        append(peer, &batch, waiter);
    else
        return error;
    return ISR_ERROR_NONE;
}

void peer_produce_request(struct isr_peer *peer, int32_t from, const struct isr_produce_request *request)
{
    struct isr_peer_waiter waiter = {.client = from,
                                     .correlation = request->correlation,
                                     .acks = request->acks,
                                     .base_offset = ISR_OFFSET_NONE};
    peer->env->metrics.produce_requests++;
    enum isr_error error = produce(peer, request, &waiter);
    waiter.deadline_ns = peer->env->now_ns + bounded(request->timeout_ns, TIMEOUT_SECONDS_MAX);
    if (error != ISR_ERROR_NONE)
        produce_answer(peer, &waiter, error);
    else if (request->acks != 0 && is_safe_enough(peer, &waiter))
        produce_answer(peer, &waiter, ISR_ERROR_NONE);
    else if (request->acks != 0)
        waiter_add(peer, &waiter);
}

/* A group has no controller that could count: an id is drawn out of 2^63. */
void peer_init_producer_id(struct isr_peer *peer, int32_t from,
                           const struct isr_init_producer_id_request *request)
{
    uint64_t draw = isr_random_draw(&peer->env->random, ISR_RANDOM_PRODUCER);
    int64_t id = (int64_t)(isr_hash_combine(draw, (uint64_t)peer->env->node) >> 1);
    struct isr_message message = {
        .kind = ISR_MESSAGE_INIT_PRODUCER_ID_RESPONSE,
        .init_producer_id_response = {.correlation = request->correlation, .producer_id = id}};
    isr_send(peer->env, from, &message);
}

/* ---- fetch ---- */

static enum isr_error fetch_check(const struct isr_peer *peer, const struct isr_fetch_partition *asked)
{
    const struct isr_log *log = peer->partition.log;
    if (!isr_tp_equal(asked->tp, peer->partition.tp))
        return ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
    if (peer->partition.leader == ISR_NODE_NONE)
        return ISR_ERROR_NOT_LEADER_OR_FOLLOWER;
    enum isr_error error = isr_partition_check_epoch(&peer->partition, asked->current_leader_epoch);
    if (error != ISR_ERROR_NONE)
        return error;
    if (!peer_leads(peer) && peer->phase != ISR_PEER_RUN)
        return ISR_ERROR_OFFSET_NOT_AVAILABLE; /* data readiness: nobody reads here yet */
    if (asked->fetch_offset < log->log_start)
        return ISR_ERROR_OFFSET_OUT_OF_RANGE;
    if (asked->fetch_offset > log->log_end)
        return peer_leads(peer) ? ISR_ERROR_OFFSET_OUT_OF_RANGE : ISR_ERROR_OFFSET_NOT_AVAILABLE;
    return ISR_ERROR_NONE;
}

static void fetch_answer(struct isr_peer *peer, int32_t client, uint32_t correlation,
                         const struct isr_fetch_partition *asked, uint32_t max_bytes)
{
    struct isr_log *log = peer->partition.log;
    enum isr_error error = fetch_check(peer, asked);
    struct isr_fetch_answer answer = {.tp = asked->tp,
                                      .error = (uint8_t)error,
                                      .high_watermark = log->high_watermark,
                                      .log_start = log->log_start,
                                      .diverging_epoch = ISR_EPOCH_NONE,
                                      .diverging_end = ISR_OFFSET_NONE,
                                      .leader = (int16_t)peer->partition.leader,
                                      .leader_epoch = peer->partition.leader_epoch};
    if (error == ISR_ERROR_NONE && asked->fetch_offset < log->high_watermark)
        answer.records = isr_log_read(log, asked->fetch_offset, log->high_watermark,
                                      asked->max_bytes < max_bytes ? asked->max_bytes : max_bytes);
    else if (error != ISR_ERROR_NONE)
        peer->env->metrics.fetch_errors++;
    struct isr_message message = {
        .kind = ISR_MESSAGE_FETCH_RESPONSE,
        .fetch_response = {.correlation = correlation, .partitions = &answer, .partitions_count = 1}};
    isr_send(peer->env, client, &message);
}

static bool fetch_is_due(const struct isr_peer *peer, const struct isr_fetch_partition *asked,
                         uint32_t min_bytes)
{
    const struct isr_log *log = peer->partition.log;
    if (fetch_check(peer, asked) != ISR_ERROR_NONE)
        return true;
    if (asked->fetch_offset >= log->high_watermark)
        return min_bytes == 0;
    return isr_log_bytes_between(log, asked->fetch_offset, log->high_watermark) >= (int64_t)min_bytes;
}

static void fetch_wait(struct isr_peer *peer, int32_t from, const struct isr_fetch_request *request)
{
    struct isr_peer_fetch_wait *wait = peer->fetch_waits_free;
    if (wait == NULL)
        wait = isr_heap_allocate(peer->env->heap, sizeof *wait);
    else
        peer->fetch_waits_free = wait->next;
    *wait = (struct isr_peer_fetch_wait){.client = from,
                                         .correlation = request->correlation,
                                         .min_bytes = request->min_bytes,
                                         .max_bytes = request->max_bytes,
                                         .deadline_ns = peer->env->now_ns +
                                                        bounded(request->max_wait_ns, WAIT_SECONDS_MAX),
                                         .asked = request->partitions[0]};
    struct isr_peer_fetch_wait **place = &peer->fetch_waits;
    while (*place != NULL)
        place = &(*place)->next;
    *place = wait;
    deadline_note(peer, wait->deadline_ns);
}

static void fetches_go_on(struct isr_peer *peer)
{
    struct isr_peer_fetch_wait **place = &peer->fetch_waits;
    while (*place != NULL) {
        struct isr_peer_fetch_wait *wait = *place;
        if (wait->deadline_ns > peer->env->now_ns && !fetch_is_due(peer, &wait->asked, wait->min_bytes)) {
            place = &wait->next;
            continue;
        }
        *place = wait->next;
        fetch_answer(peer, wait->client, wait->correlation, &wait->asked, wait->max_bytes);
        wait->next = peer->fetch_waits_free;
        peer->fetch_waits_free = wait;
    }
}

void peer_fetch_request(struct isr_peer *peer, int32_t from, const struct isr_fetch_request *request)
{
    peer->env->metrics.fetch_requests++;
    if (request->replica_id >= 0 || request->partitions_count != 1)
        return; /* peers replicate by other messages, and there is one partition */
    const struct isr_fetch_partition *asked = &request->partitions[0];
    if (request->max_wait_ns <= 0 || fetch_is_due(peer, asked, request->min_bytes))
        fetch_answer(peer, from, request->correlation, asked, request->max_bytes);
    else
        fetch_wait(peer, from, request);
}

/* ---- what can be asked of the log and the group ---- */

void peer_metadata_request(struct isr_peer *peer, int32_t from, const struct isr_metadata_request *request)
{
    const struct isr_partition *partition = &peer->partition;
    struct isr_metadata_partition told = {.tp = partition->tp,
                                          .leader = (int16_t)partition->leader,
                                          .leader_epoch = partition->leader_epoch,
                                          .replicas = partition->replicas,
                                          .isr = partition->isr};
    struct isr_metadata_topic topic = {.topic = (int16_t)partition->tp.topic,
                                       .name = peer->options.topic,
                                       .partitions = &told,
                                       .partitions_count = 1};
    struct isr_message message = {.kind = ISR_MESSAGE_METADATA_RESPONSE,
                                  .metadata_response = {.correlation = request->correlation,
                                                        .controller = ISR_NODE_NONE,
                                                        .topics = &topic,
                                                        .topics_count = 1}};
    isr_send(peer->env, from, &message);
}

static enum isr_error offset_find(const struct isr_peer *peer, const struct isr_list_offsets_request *request,
                                  int64_t *offset)
{
    const struct isr_log *log = peer->partition.log;
    if (!isr_tp_equal(request->tp, peer->partition.tp))
        return ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
    if (!peer_leads(peer))
        return ISR_ERROR_NOT_LEADER_OR_FOLLOWER;
    enum isr_error error = isr_partition_check_epoch(&peer->partition, request->current_leader_epoch);
    if (error != ISR_ERROR_NONE)
        return error;
    if (request->timestamp == TIMESTAMP_EARLIEST)
        *offset = log->log_start;
    else if (request->timestamp != TIMESTAMP_LATEST)
        return ISR_ERROR_INVALID_REQUEST;
    else if (log->high_watermark < peer->partition.epoch_start)
        return ISR_ERROR_OFFSET_NOT_AVAILABLE; /* it could go back (KIP-207) */
    else
        *offset = log->high_watermark;
    return ISR_ERROR_NONE;
}

void peer_list_offsets_request(struct isr_peer *peer, int32_t from,
                               const struct isr_list_offsets_request *request)
{
    int64_t offset = ISR_OFFSET_NONE;
    enum isr_error error = offset_find(peer, request, &offset);
    struct isr_message message = {.kind = ISR_MESSAGE_LIST_OFFSETS_RESPONSE,
                                  .list_offsets_response = {.correlation = request->correlation,
                                                            .tp = request->tp,
                                                            .error = (uint8_t)error,
                                                            .leader_epoch = peer->partition.leader_epoch,
                                                            .offset = offset}};
    isr_send(peer->env, from, &message);
}

void peer_epoch_request(struct isr_peer *peer, int32_t from,
                        const struct isr_offsets_for_epoch_request *request)
{
    if (request->partitions_count != 1)
        return;
    const struct isr_epoch_query *asked = &request->partitions[0];
    struct isr_epoch_end end = {.epoch = ISR_EPOCH_NONE, .end_offset = ISR_OFFSET_NONE};
    enum isr_error error = ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
    if (isr_tp_equal(asked->tp, peer->partition.tp))
        error = peer_leads(peer) ? isr_partition_check_epoch(&peer->partition, asked->current_leader_epoch)
                                 : ISR_ERROR_NOT_LEADER_OR_FOLLOWER;
    if (error == ISR_ERROR_NONE)
        end = isr_log_epoch_end(peer->partition.log, asked->leader_epoch);
    struct isr_epoch_answer answer = {
        .tp = asked->tp, .error = (uint8_t)error, .leader_epoch = end.epoch, .end_offset = end.end_offset};
    struct isr_message message = {.kind = ISR_MESSAGE_OFFSETS_FOR_EPOCH_RESPONSE,
                                  .offsets_for_epoch_response = {.correlation = request->correlation,
                                                                 .partitions = &answer,
                                                                 .partitions_count = 1}};
    isr_send(peer->env, from, &message);
}

/* ---- going on ---- */

void peer_service_wake(struct isr_peer *peer)
{
    waiters_go_on(peer);
    fetches_go_on(peer);
}

void peer_service_fail(struct isr_peer *peer)
{
    peer_service_wake(peer);
}

void peer_waits_fire(void *object)
{
    struct isr_peer *peer = object;
    peer_service_wake(peer);
    for (const struct isr_peer_waiter *waiter = peer->waiters; waiter != NULL; waiter = waiter->next)
        deadline_note(peer, waiter->deadline_ns);
    for (const struct isr_peer_fetch_wait *wait = peer->fetch_waits; wait != NULL; wait = wait->next)
        deadline_note(peer, wait->deadline_ns);
}
