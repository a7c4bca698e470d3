/* Transfer push, follower side. A pushed partition has the states of a fetched one (fetcher.h), with one
 * difference: in FETCH it asks for nothing. It tells where its log stands when it gets there, and after each
 * request; the leader sends what follows. What was told is held: a record that is not in the page cache yet
 * (or, by the flush policy, not on the disk) is not told of, as a fetch would not.
 *
 * A request is for a log that ends at an offset, in an epoch. If this one ends elsewhere, because an earlier
 * request was lost or comes later, nothing is taken, not even the high watermark, and the leader is told. */
#include "core/broker/fetcher.h"
#include "core/broker/push.h"

/* Where the log that is held ends, and in which epoch. */
static struct isr_fetch_partition standing(const struct isr_partition *partition)
{
    struct isr_log *log = partition->log;
    struct isr_fetch_partition standing = {
        .tp = partition->tp,
        .current_leader_epoch = partition->leader_epoch,
        .fetch_offset = isr_log_held_end(log),
        .last_fetched_epoch = isr_truncation_fetched_epoch(partition),
        .log_start = log->log_start,
        .max_bytes = (uint32_t)partition->broker->env->config.fetch_partition_max_bytes,
        .rack = ISR_RACK_NONE};
    if (standing.fetch_offset >= log->log_end || standing.last_fetched_epoch == ISR_EPOCH_NONE)
        return standing;
    /* The last epoch may be one of what is not held yet. Below the first record nothing can be compared. */
    const struct isr_batch_place *last =
        standing.fetch_offset > log->log_start ? isr_log_batch_at(log, standing.fetch_offset - 1) : NULL;
    standing.last_fetched_epoch = last != NULL ? last->leader_epoch : ISR_EPOCH_NONE;
    return standing;
}

static void send(struct isr_broker *broker, int32_t leader, struct isr_push_response response)
{
    response.replica_epoch = broker->broker_epoch;
    struct isr_message message = {.kind = ISR_MESSAGE_PUSH_RESPONSE, .push_response = response};
    isr_send(broker->env, leader, &message);
}

static void report(struct isr_partition *partition, uint32_t correlation, bool missed)
{
    struct isr_fetch_partition told = standing(partition);
    send(partition->broker, partition->leader,
         (struct isr_push_response){
             .correlation = correlation, .missed = missed, .partitions = &told, .partitions_count = 1});
}

void isr_push_report(struct isr_partition *partition)
{
    report(partition, 0, false);
}

void isr_push_held(struct isr_partition *partition)
{
    struct isr_fetcher *fetcher = partition->fetching;
    if (fetcher->state != ISR_FETCH_FETCH || !fetcher->push_unheld)
        return;
    fetcher->push_unheld = isr_log_held_end(partition->log) < partition->log->log_end;
    bool missed = fetcher->push_missed && !fetcher->push_unheld;
    if (missed)
        fetcher->push_missed = false;
    report(partition, fetcher->pushed_correlation, missed);
}

/* The partition, when it follows the sender in the epoch of the request and can take records; else NULL. */
static struct isr_partition *taker(struct isr_broker *broker, int32_t from,
                                   const struct isr_push_partition *part)
{
    struct isr_partition *partition = isr_broker_partition(broker, part->tp);
    if (partition == NULL || partition->role != ISR_ROLE_FOLLOWER || partition->leader != from ||
        partition->leader_epoch != part->leader_epoch || !isr_topic_is_pushed(&partition->settings))
        return NULL;
    const struct isr_fetcher *fetcher = partition->fetching;
    return fetcher->loop != NULL && fetcher->state == ISR_FETCH_FETCH &&
                   fetcher->not_before_ns <= broker->env->now_ns
               ? partition
               : NULL;
}

static bool is_meant_for(const struct isr_partition *partition, const struct isr_push_partition *part)
{
    int32_t epoch = isr_truncation_fetched_epoch(partition);
    return part->offset == partition->log->log_end &&
           (epoch == ISR_EPOCH_NONE || epoch == part->previous_epoch);
}

/* What becomes of a part of a request. */
enum outcome {
    TAKEN,  /* and held: the leader is told at once */
    MISSED, /* so is this */
    LATER,  /* the leader is told when it is held, or after other questions */
};

static enum outcome take(struct isr_partition *partition, uint32_t correlation,
                         const struct isr_push_partition *part)
{
    struct isr_fetcher *fetcher = partition->fetching;
    const struct isr_fetch_answer answer = {.tp = part->tp,
                                            .error = part->error,
                                            .high_watermark = part->high_watermark,
                                            .log_start = part->log_start,
                                            .diverging_epoch = part->diverging_epoch,
                                            .diverging_end = part->diverging_end,
                                            .leader = (int16_t)partition->leader,
                                            .leader_epoch = part->leader_epoch,
                                            .records = part->records};
    bool missed = !is_meant_for(partition, part);
    if (!missed)
        isr_fetcher_apply(partition, &answer);
    fetcher->pushed_correlation = correlation;
    if (fetcher->state != ISR_FETCH_FETCH) {
        isr_fetcher_look(partition); /* it asks for the ends of the leader's log */
        return LATER;
    }
    fetcher->push_unheld = isr_log_held_end(partition->log) < partition->log->log_end;
    /* Where to go on is known when all is held. */
    fetcher->push_missed = fetcher->push_unheld && (missed || fetcher->push_missed);
    return fetcher->push_unheld ? LATER : missed ? MISSED : TAKEN;
}

void isr_push_request(struct isr_broker *broker, int32_t from, const struct isr_push_request *request)
{
    struct isr_scratch *scratch = &broker->env->scratch;
    struct isr_fetch_partition *standings[] = {
        isr_scratch_allocate(scratch, request->partitions_count * sizeof(struct isr_fetch_partition)),
        isr_scratch_allocate(scratch, request->partitions_count * sizeof(struct isr_fetch_partition))};
    uint32_t counts[] = {0, 0};
    for (uint32_t i = 0; i < request->partitions_count; i++) {
        struct isr_partition *partition = taker(broker, from, &request->partitions[i]);
        if (partition == NULL)
            continue;
        enum outcome outcome = take(partition, request->correlation, &request->partitions[i]);
        if (outcome != LATER)
            standings[outcome][counts[outcome]++] = standing(partition);
    }
    for (uint8_t outcome = TAKEN; outcome <= MISSED; outcome++) {
        if (counts[outcome] > 0)
            send(broker, from,
                 (struct isr_push_response){.correlation = request->correlation,
                                            .missed = outcome == MISSED,
                                            .partitions = standings[outcome],
                                            .partitions_count = counts[outcome]});
    }
}
