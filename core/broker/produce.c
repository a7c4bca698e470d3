/* Produce requests: refuse, append, and answer when the records are as safe as acks asks for.
 *
 *   acks=0    never answered
 *   acks=1    answered when this replica holds the records by its flush policy
 *   acks=all  answered when the high watermark has passed them; refused below min ISR (KAFKA-1555)
 *
 * A batch that the log has already (KIP-98) is answered with its offset under the same conditions: that it is
 * there does not mean that it is committed. */
#include "core/broker/fetch_service.h"
#include "core/broker/leader.h"

enum { TIMEOUT_SECONDS_MAX = 600 };

/* ---- answers ---- */

struct produce_answer {
    struct isr_tp tp;
    int32_t client;
    uint32_t correlation;
    int16_t acks;
    int64_t base_offset;
    enum isr_error error;
};

static void answer(struct isr_broker *broker, const struct produce_answer *what)
{
    const struct isr_partition *partition = isr_broker_partition(broker, what->tp);
    const struct isr_image_partition *image = isr_image_partition(&broker->image, what->tp);
    if (what->error != ISR_ERROR_NONE)
        broker->env->metrics.produce_errors++;
    struct isr_observation *seen = isr_observe(broker->env, ISR_OBSERVED_PRODUCE_ANSWERED);
    seen->produce_answered.tp = isr_tp_key(what->tp);
    seen->produce_answered.client = what->client;
    seen->produce_answered.base = what->base_offset;
    seen->produce_answered.error = what->error;
    seen->produce_answered.acks = what->acks;
    /* Who leads now, so that a client need not ask (KIP-951). */
    int32_t leader = partition != NULL ? partition->leader : image != NULL ? image->leader : ISR_NODE_NONE;
    int32_t epoch = partition != NULL ? partition->leader_epoch
                    : image != NULL   ? image->leader_epoch
                                      : ISR_EPOCH_NONE;
    struct isr_message message;
    ISR_MESSAGE_SET(&message, PRODUCE_RESPONSE, produce_response, .correlation = what->correlation,
                    .tp = what->tp, .error = (uint8_t)what->error, .base_offset = what->base_offset,
                    .log_start = partition != NULL ? partition->log->log_start : ISR_OFFSET_NONE,
                    .leader = (int16_t)leader, .leader_epoch = epoch);
    isr_send(broker->env, what->client, &message);
}

/* ---- waiters ---- */

static struct isr_produce_queue *queue_of(struct isr_produce_waiter *waiter)
{
    struct isr_leader *leading = waiter->partition->leading;
    return waiter->acks == -1 ? &leading->all : &leading->own;
}

static void on_timeout(void *object);

static struct isr_produce_waiter *waiter_take(struct isr_broker *broker)
{
    struct isr_produce_waiter *waiter = broker->produce_waiters_free;
    if (waiter == NULL)
        waiter = isr_heap_allocate(broker->env->heap, sizeof *waiter);
    else
        broker->produce_waiters_free = waiter->next;
    isr_timer_init(&waiter->timer, on_timeout, waiter);
    return waiter;
}

/* From the back: only a duplicate requires less than the one before it. */
static void queue_insert(struct isr_produce_queue *queue, struct isr_produce_waiter *waiter)
{
    struct isr_produce_waiter *before = queue->last;
    while (before != NULL && before->required > waiter->required)
        before = before->previous;
    waiter->previous = before;
    waiter->next = before != NULL ? before->next : queue->first;
    if (waiter->next != NULL)
        waiter->next->previous = waiter;
    else
        queue->last = waiter;
    if (before != NULL)
        before->next = waiter;
    else
        queue->first = waiter;
}

static void queue_remove(struct isr_produce_queue *queue, struct isr_produce_waiter *waiter)
{
    if (waiter->previous != NULL)
        waiter->previous->next = waiter->next;
    else
        queue->first = waiter->next;
    if (waiter->next != NULL)
        waiter->next->previous = waiter->previous;
    else
        queue->last = waiter->previous;
}

/* Answers a waiter and gives its memory back. */
static void finish(struct isr_produce_waiter *waiter, enum isr_error error)
{
    struct isr_broker *broker = waiter->partition->broker;
    queue_remove(queue_of(waiter), waiter);
    isr_timer_cancel(&broker->env->timers, &waiter->timer);
    answer(broker, &(struct produce_answer){.tp = waiter->partition->tp,
                                            .client = waiter->client,
                                            .correlation = waiter->correlation,
                                            .acks = waiter->acks,
                                            .base_offset = waiter->base_offset,
                                            .error = error});
    waiter->next = broker->produce_waiters_free;
    broker->produce_waiters_free = waiter;
}

static void on_timeout(void *object)
{
    finish(object, ISR_ERROR_REQUEST_TIMED_OUT);
}

void isr_produce_high_watermark_advanced(struct isr_partition *partition)
{
    int64_t high_watermark = partition->log->high_watermark;
    struct isr_replicas maximal = isr_partition_maximal_isr(partition);
    /* The ISR may have shrunk since the append (Partition.checkEnoughReplicasReachOffset). */
    enum isr_error error = isr_partition_too_few(partition, maximal.count)
                               ? ISR_ERROR_NOT_ENOUGH_REPLICAS_AFTER_APPEND
                               : ISR_ERROR_NONE;
    struct isr_produce_queue *queue = &partition->leading->all;
    while (queue->first != NULL && queue->first->required <= high_watermark)
        finish(queue->first, error);
}

void isr_produce_held(struct isr_partition *partition)
{
    int64_t held_end = isr_log_held_end(partition->log);
    struct isr_produce_queue *queue = &partition->leading->own;
    while (queue->first != NULL && queue->first->required <= held_end)
        finish(queue->first, ISR_ERROR_NONE);
}

void isr_produce_fail(struct isr_partition *partition, bool only_all, enum isr_error error)
{
    while (partition->leading->all.first != NULL)
        finish(partition->leading->all.first, error);
    while (!only_all && partition->leading->own.first != NULL)
        finish(partition->leading->own.first, error);
}

/* ---- requests ---- */

static bool is_safe_enough(const struct isr_partition *partition, int16_t acks, int64_t required)
{
    return required <= (acks == -1 ? partition->log->high_watermark : isr_log_held_end(partition->log));
}

/* The records up to `required` are in the log: answers now or later. */
static void acknowledge(struct isr_partition *partition, int32_t from,
                        const struct isr_produce_request *request, int64_t base_offset, int64_t required)
{
    struct isr_broker *broker = partition->broker;
    if (request->acks == 0)
        return;
    if (is_safe_enough(partition, request->acks, required)) {
        answer(broker, &(struct produce_answer){.tp = partition->tp,
                                                .client = from,
                                                .correlation = request->correlation,
                                                .acks = request->acks,
                                                .base_offset = base_offset,
                                                .error = ISR_ERROR_NONE});
        return;
    }
    struct isr_produce_waiter *waiter = waiter_take(broker);
    waiter->partition = partition;
    waiter->client = from;
    waiter->correlation = request->correlation;
    waiter->acks = request->acks;
    waiter->base_offset = base_offset;
    waiter->required = required;
    queue_insert(queue_of(waiter), waiter);
    int64_t timeout_ns = request->timeout_ns;
    if (timeout_ns < 0)
        timeout_ns = 0;
    if (timeout_ns > TIMEOUT_SECONDS_MAX * ISR_SECOND)
        timeout_ns = TIMEOUT_SECONDS_MAX * ISR_SECOND;
    isr_env_timer_in(broker->env, &waiter->timer, timeout_ns);
}

static enum isr_error check_partition(const struct isr_partition *partition, int16_t acks)
{
    if (partition->role != ISR_ROLE_LEADER)
        return ISR_ERROR_NOT_LEADER_OR_FOLLOWER;
    if (partition->log->failed)
        return ISR_ERROR_STORAGE_ERROR;
    if (acks == -1 && isr_partition_under_min_isr(partition))
        return ISR_ERROR_NOT_ENOUGH_REPLICAS;
    return ISR_ERROR_NONE;
}

/* One whole, intact batch, as a producer makes them, and nothing behind it. */
static bool is_one_batch(struct isr_bytes records, struct isr_batch *batch)
{
    return isr_batch_parse(records, true, batch) == ISR_BATCH_OK && batch->bytes.size == records.size &&
           (batch->attributes & ISR_BATCH_COMPACTED) == 0;
}

/* Compaction needs to know of each record what it replaces. */
static bool lacks_keys(const struct isr_partition *partition, const struct isr_batch *batch)
{
    return partition->settings.cleanup != ISR_CLEANUP_DELETE && (batch->attributes & ISR_BATCH_KEYED) == 0;
}

static void append(struct isr_partition *partition, int32_t from, const struct isr_produce_request *request,
                   const struct isr_batch *batch)
{
    struct isr_env *env = partition->broker->env;
    int64_t base_offset = isr_log_append_leader(partition->log, batch, partition->leader_epoch);
    int64_t last_offset = base_offset + batch->record_count - 1;
    struct isr_observation *seen = isr_observe(env, ISR_OBSERVED_PRODUCE_APPENDED);
    seen->produce_appended.tp = isr_tp_key(partition->tp);
    seen->produce_appended.base = base_offset;
    seen->produce_appended.last = last_offset;
    seen->produce_appended.acks = request->acks;
    acknowledge(partition, from, request, base_offset, last_offset + 1);
}

/* The error that the request is answered with now; NONE when it was appended or found to be a duplicate. */
static enum isr_error produce(struct isr_broker *broker, int32_t from,
                              const struct isr_produce_request *request)
{
    if (request->acks < -1 || request->acks > 1)
        return ISR_ERROR_INVALID_REQUIRED_ACKS;
    struct isr_partition *partition = isr_broker_partition(broker, request->tp);
    if (partition == NULL)
        return isr_partition_missing(broker, request->tp);
    enum isr_error error = check_partition(partition, request->acks);
    if (error != ISR_ERROR_NONE)
        return error;
    struct isr_batch batch;
    if (!is_one_batch(request->records, &batch))
        return ISR_ERROR_CORRUPT_MESSAGE;
    if (lacks_keys(partition, &batch))
        return ISR_ERROR_INVALID_RECORD;
    int64_t base_offset = ISR_OFFSET_NONE;
    error = isr_log_check_producer(partition->log, &batch, &base_offset);
    if (error == ISR_ERROR_DUPLICATE_SEQUENCE_NUMBER) {
        acknowledge(partition, from, request, base_offset, base_offset + batch.record_count);
        return ISR_ERROR_NONE;
    }
    if (error == ISR_ERROR_NONE)
        append(partition, from, request, &batch);
    return error;
}

void isr_produce_request(struct isr_broker *broker, int32_t from, const struct isr_produce_request *request)
{
    broker->env->metrics.produce_requests++;
    enum isr_error error = produce(broker, from, request);
    if (error == ISR_ERROR_NONE)
        return;
    if (request->acks == 0) { /* nobody waits for an answer */
        broker->env->metrics.produce_errors++;
        return;
    }
    answer(broker, &(struct produce_answer){.tp = request->tp,
                                            .client = from,
                                            .correlation = request->correlation,
                                            .acks = request->acks,
                                            .base_offset = ISR_OFFSET_NONE,
                                            .error = error});
}
