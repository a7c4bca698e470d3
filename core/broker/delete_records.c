/* DeleteRecords (KIP-107): an administrator asks the leader to delete everything below an offset.
 *
 *   arrived --refused, or every live replica's log starts there already--> answered
 *   arrived --otherwise, the leader's log start moved--> waiting
 *   waiting --the low watermark reached the offset--> answered
 *   waiting --time over, no longer leader--> answered with the error
 *
 * The low watermark is the least log start over this replica and those on live brokers, as their fetches told
 * (Kafka's lowWatermarkIfLeader): whoever is dead follows when it comes back. An offset above the high
 * watermark is refused; -1 means the high watermark. */
#include "core/broker/fetch_service.h"
#include "core/broker/leader.h"
#include "core/broker/retention.h"

enum { TIMEOUT_SECONDS_MAX = 600 };
#define TO_HIGH_WATERMARK INT64_C(-1)

struct isr_delete_waiter {
    struct isr_delete_waiter *next;
    struct isr_partition *partition;
    int32_t client;
    uint32_t correlation;
    int64_t offset;
    struct isr_timer timer;
};

static void answer(struct isr_broker *broker, int32_t to, uint32_t correlation, struct isr_tp tp,
                   enum isr_error error, int64_t low_watermark)
{
    const struct isr_partition *partition = isr_broker_partition(broker, tp);
    struct isr_message message = {
        .kind = ISR_MESSAGE_DELETE_RECORDS_RESPONSE,
        .delete_records_response = {
            .correlation = correlation,
            .tp = tp,
            .error = (uint8_t)error,
            .low_watermark = low_watermark,
            .leader = (int16_t)(partition != NULL ? partition->leader : ISR_NODE_NONE),
            .leader_epoch = partition != NULL ? partition->leader_epoch : ISR_EPOCH_NONE}};
    isr_send(broker->env, to, &message);
}

static int64_t low_watermark(const struct isr_partition *partition)
{
    const struct isr_image *image = &partition->broker->image;
    int64_t low = partition->log->log_start;
    for (uint32_t i = 0; i < partition->remotes_count; i++) {
        const struct isr_remote_replica *remote = &partition->remotes[i];
        const struct isr_image_broker *registered = &image->brokers[remote->node];
        if (registered->registered && !registered->fenced && remote->log_start < low)
            low = remote->log_start;
    }
    return low;
}

static void finish(struct isr_delete_waiter *waiter, enum isr_error error, int64_t low)
{
    struct isr_partition *partition = waiter->partition;
    struct isr_broker *broker = partition->broker;
    struct isr_delete_waiter **link = &partition->leading->deletes;
    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
    isr_timer_cancel(&broker->env->timers, &waiter->timer);
    answer(broker, waiter->client, waiter->correlation, partition->tp, error, low);
    isr_heap_release(broker->env->heap, waiter);
}

static void on_timeout(void *object)
{
    struct isr_delete_waiter *waiter = object;
    finish(waiter, ISR_ERROR_REQUEST_TIMED_OUT, low_watermark(waiter->partition));
}

/* The leader's own log may not have moved all the way at once (isr_log_advance_start). */
void isr_delete_records_look(struct isr_partition *partition)
{
    struct isr_leader *leading = partition->leading;
    int64_t wanted = partition->log->log_start;
    for (const struct isr_delete_waiter *at = leading->deletes; at != NULL; at = at->next)
        wanted = at->offset > wanted ? at->offset : wanted;
    if (wanted > partition->log->high_watermark)
        wanted = partition->log->high_watermark;
    (void)isr_retention_move(partition, wanted, ISR_CAUSE_DELETE_RECORDS);
    int64_t low = leading->deletes != NULL ? low_watermark(partition) : 0;
    for (struct isr_delete_waiter *at = leading->deletes; at != NULL;) {
        struct isr_delete_waiter *next = at->next;
        if (at->offset <= low)
            finish(at, ISR_ERROR_NONE, low);
        at = next;
    }
}

void isr_delete_records_fail(struct isr_partition *partition, enum isr_error error)
{
    while (partition->leading->deletes != NULL)
        finish(partition->leading->deletes, error, ISR_OFFSET_NONE);
}

static enum isr_error check(const struct isr_broker *broker, const struct isr_partition *partition,
                            const struct isr_delete_records_request *request)
{
    if (partition == NULL)
        return isr_partition_missing(broker, request->tp);
    enum isr_error error = isr_partition_check_epoch(partition, request->current_leader_epoch);
    if (error != ISR_ERROR_NONE)
        return error;
    if (partition->role != ISR_ROLE_LEADER)
        return ISR_ERROR_NOT_LEADER_OR_FOLLOWER;
    if (request->offset < TO_HIGH_WATERMARK || request->offset > partition->log->high_watermark)
        return ISR_ERROR_OFFSET_OUT_OF_RANGE;
    return ISR_ERROR_NONE;
}

static void wait_for_replicas(struct isr_partition *partition, int32_t from,
                              const struct isr_delete_records_request *request)
{
    struct isr_env *env = partition->broker->env;
    struct isr_delete_waiter *waiter = isr_heap_allocate(env->heap, sizeof *waiter);
    *waiter = (struct isr_delete_waiter){
        .next = partition->leading->deletes,
        .partition = partition,
        .client = from,
        .correlation = request->correlation,
        .offset = request->offset == TO_HIGH_WATERMARK ? partition->log->high_watermark : request->offset};
    partition->leading->deletes = waiter;
    isr_timer_init(&waiter->timer, on_timeout, waiter);
    int64_t timeout_ns = request->timeout_ns < 0 ? 0 : request->timeout_ns;
    if (timeout_ns > TIMEOUT_SECONDS_MAX * ISR_SECOND)
        timeout_ns = TIMEOUT_SECONDS_MAX * ISR_SECOND;
    isr_env_timer_in(env, &waiter->timer, timeout_ns);
    isr_delete_records_look(partition);
}

void isr_delete_records_request(struct isr_broker *broker, int32_t from,
                                const struct isr_delete_records_request *request)
{
    struct isr_partition *partition = isr_broker_partition(broker, request->tp);
    enum isr_error error = check(broker, partition, request);
    if (error == ISR_ERROR_NONE)
        wait_for_replicas(partition, from, request);
    else
        answer(broker, from, request->correlation, request->tp, error, ISR_OFFSET_NONE);
}
