/* The consumer: reads one partition from a position on, for ever.
 *
 *   FINDING ----> ASKING OFFSET ----> CHECKING EPOCH ----> FETCHING --+
 *      ^  (position known: not asked)   (epoch unchanged:    ^  |     | batches: delivered, position moves
 *      |                                 not checked)        |  +-----+
 *      +------ error, timeout: pause ------------------------+
 *
 * Only one request is under way at a time. The next step is not stored but follows from what is known
 * (consumer_go_on):
 *   - no leader known: metadata
 *   - the position is POSITION_LATEST or POSITION_EARLIEST: LIST_OFFSETS at the leader
 *   - the leader epoch is not the one that the position was checked for, and something was read: does the new
 *     leader's log still end the epoch of the last batch at or behind the position (KIP-320)? If not, what
 *     was read is gone from the log, and reading goes on where the logs part.
 *   - else FETCH, at the leader or, if wanted, at an in-sync follower (KIP-392). A follower that fails or
 *     refuses for whatever reason is left for the leader for a while; only the leader's word counts for
 *     OFFSET_OUT_OF_RANGE, since a follower may lag.
 *
 * Each batch is checked (CRC, gapless) and delivered once and in order. */
#include "core/client/client.h"
#include "core/log/batch.h"
#include "core/wire/fetch_session.h"

enum { POSITION_LATEST = -1, POSITION_EARLIEST = -2 };

struct isr_consumer {
    struct isr_client *client;
    struct isr_name topic;
    uint16_t partition;
    bool from_follower;
    int64_t reset;          /* POSITION_*: where it goes on when its position is out of range */
    struct isr_tp tp;       /* topic 0: not known yet */
    int64_t position;       /* the next offset, or POSITION_* */
    int32_t position_epoch; /* leader epoch of the last batch delivered, ISR_EPOCH_NONE when there is none */
    int32_t checked_epoch;  /* the leader's epoch for which the position was found good */
    int32_t asked_epoch;    /* the leader's epoch known when the request was sent */
    int32_t asked;          /* the node that has the request */
    uint32_t correlation;   /* 0: none under way */
    int64_t leader_only_until_ns;
    struct isr_timer pause_timer; /* set: nothing is asked until then */
};

static void consumer_go_on(struct isr_consumer *consumer);

static void consumer_pause(struct isr_consumer *consumer)
{
    struct isr_client *client = consumer->client;
    if (!isr_timer_is_set(&consumer->pause_timer))
        isr_env_timer_in(client->env, &consumer->pause_timer, isr_client_backoff(client));
}

static void pause_over(void *object)
{
    consumer_go_on(object);
}

/* ---- asking ---- */

static void ask(struct isr_consumer *consumer, int32_t node, int32_t leader_epoch,
                enum isr_message_kind expects, isr_client_answered *answered)
{
    consumer->asked = node;
    consumer->asked_epoch = leader_epoch;
    consumer->correlation =
        isr_client_requests_add(&consumer->client->requests, node, expects, answered, consumer);
}

/* Takes the answer's place. False when there is none, or it refuses: then a pause is on. */
static bool answer_is_good(struct isr_consumer *consumer, const struct isr_message *answer, uint8_t error)
{
    struct isr_client *client = consumer->client;
    consumer->correlation = 0;
    if (answer != NULL && error == ISR_ERROR_NONE)
        return true;
    client->env->metrics.client_retries++;
    isr_client_refresh(client);
    consumer_pause(consumer);
    return false;
}

/* ---- where to begin ---- */

static void offset_answered(void *object, uint32_t correlation, const struct isr_message *answer)
{
    struct isr_consumer *consumer = object;
    ISR_ASSERT(correlation == consumer->correlation);
    const struct isr_list_offsets_response *told = answer != NULL ? &answer->list_offsets_response : NULL;
    if (answer_is_good(consumer, answer, told != NULL ? told->error : 0) && told->offset >= 0) {
        consumer->position = told->offset;
        consumer->position_epoch = ISR_EPOCH_NONE;
    }
    consumer_go_on(consumer);
}

static void offset_ask(struct isr_consumer *consumer, const struct isr_cached_partition *known)
{
    ask(consumer, known->leader, known->leader_epoch, ISR_MESSAGE_LIST_OFFSETS_RESPONSE, offset_answered);
    struct isr_message message = {.kind = ISR_MESSAGE_LIST_OFFSETS_REQUEST,
                                  .list_offsets_request = {.correlation = consumer->correlation,
                                                           .tp = consumer->tp,
                                                           .current_leader_epoch = known->leader_epoch,
                                                           .timestamp = consumer->position}};
    isr_send(consumer->client->env, known->leader, &message);
}

/* ---- is the position still good? (KIP-320) ---- */

static void epoch_answered(void *object, uint32_t correlation, const struct isr_message *answer)
{
    struct isr_consumer *consumer = object;
    ISR_ASSERT(correlation == consumer->correlation);
    const struct isr_epoch_answer *told = NULL;
    if (answer != NULL && answer->offsets_for_epoch_response.partitions_count == 1)
        told = &answer->offsets_for_epoch_response.partitions[0];
    if (answer_is_good(consumer, told != NULL ? answer : NULL, told != NULL ? told->error : 0)) {
        consumer->checked_epoch = consumer->asked_epoch;
        if (told->end_offset < 0 || told->leader_epoch < 0)
            consumer->position = consumer->reset;
        else if (told->end_offset < consumer->position) {
            consumer->position = told->end_offset;
            consumer->position_epoch = told->leader_epoch;
        }
    }
    consumer_go_on(consumer);
}

static void epoch_ask(struct isr_consumer *consumer, const struct isr_cached_partition *known)
{
    ask(consumer, known->leader, known->leader_epoch, ISR_MESSAGE_OFFSETS_FOR_EPOCH_RESPONSE, epoch_answered);
    struct isr_epoch_query query = {.tp = consumer->tp,
                                    .current_leader_epoch = known->leader_epoch,
                                    .leader_epoch = consumer->position_epoch};
    struct isr_message message = {.kind = ISR_MESSAGE_OFFSETS_FOR_EPOCH_REQUEST,
                                  .offsets_for_epoch_request = {.correlation = consumer->correlation,
                                                                .replica_id = -1,
                                                                .partitions = &query,
                                                                .partitions_count = 1}};
    isr_send(consumer->client->env, known->leader, &message);
}

/* ---- reading ---- */

static void deliver(struct isr_consumer *consumer, const struct isr_batch *batch)
{
    struct isr_env *env = consumer->client->env;
    /* The frame is lent for this step only; what is delivered must outlive it. */
    uint8_t *copy = isr_scratch_allocate(&env->scratch, batch->bytes.size);
    memcpy(copy, batch->bytes.data, batch->bytes.size);
    isr_env_records(env, consumer->tp, batch->base_offset, (struct isr_bytes){copy, batch->bytes.size});
    struct isr_observation *observation = isr_observe(env, ISR_OBSERVED_RECORD_READ);
    observation->record_read.tp = isr_tp_key(consumer->tp);
    observation->record_read.from = consumer->asked;
    observation->record_read.base = batch->base_offset;
    observation->record_read.last = batch->last_offset;
    observation->record_read.leader_epoch = batch->leader_epoch;
    observation->record_read.crc = batch->crc;
    env->metrics.client_records_read += batch->record_count;
    consumer->position = batch->last_offset + 1;
    consumer->position_epoch = batch->leader_epoch;
}

/* False when the records are damaged or do not go on where reading stopped; what comes before is delivered.
 * The first batch may begin before the position, which may lie inside it. */
static bool deliver_all(struct isr_consumer *consumer, struct isr_bytes records)
{
    while (records.size > 0) {
        struct isr_batch batch;
        enum isr_batch_status status = isr_batch_parse(records, true, &batch);
        if (status == ISR_BATCH_SHORT)
            return true;
        if (status == ISR_BATCH_CORRUPT || batch.base_offset > consumer->position)
            return false;
        if (batch.last_offset >= consumer->position)
            deliver(consumer, &batch);
        records.data += batch.bytes.size;
        records.size -= batch.bytes.size;
    }
    return true;
}

static bool asked_the_leader(const struct isr_consumer *consumer)
{
    const struct isr_cached_partition *known = isr_cache_partition(&consumer->client->cache, consumer->tp);
    return known != NULL && known->leader == consumer->asked;
}

static void fetch_refused(struct isr_consumer *consumer, const struct isr_fetch_answer *told)
{
    struct isr_client *client = consumer->client;
    client->env->metrics.client_retries++;
    bool leader = asked_the_leader(consumer);
    if (!leader)
        consumer->leader_only_until_ns = client->env->now_ns + client->env->config.client_request_timeout;
    if (told == NULL) {
        isr_client_refresh(client);
    } else if (told->error == ISR_ERROR_OFFSET_OUT_OF_RANGE) {
        if (leader)
            consumer->position = consumer->reset;
    } else if (isr_client_learn_leader(client, consumer->tp, told->leader, told->leader_epoch)) {
        return;
    }
    consumer_pause(consumer);
}

static void fetch_answered(void *object, uint32_t correlation, const struct isr_message *answer)
{
    struct isr_consumer *consumer = object;
    struct isr_env *env = consumer->client->env;
    ISR_ASSERT(correlation == consumer->correlation);
    consumer->correlation = 0;
    const struct isr_fetch_answer *told = NULL;
    if (answer != NULL && answer->fetch_response.partitions_count == 1)
        told = &answer->fetch_response.partitions[0];
    if (told == NULL || told->error != ISR_ERROR_NONE) {
        fetch_refused(consumer, told);
        consumer_go_on(consumer);
        return;
    }
    isr_cache_learn_leader(&consumer->client->cache, consumer->tp, told->leader, told->leader_epoch);
    if (!deliver_all(consumer, told->records)) {
        consumer_pause(consumer);
    } else if (told->records.size == 0 && env->config.fetch_max_wait == 0) {
        consumer_pause(consumer);
    }
    consumer_go_on(consumer);
}

/* A member of the ISR that is not the leader; spread over clients by their ids. */
static int32_t follower_to_read(const struct isr_consumer *consumer, const struct isr_cached_partition *known)
{
    struct isr_replicas others = known->isr;
    isr_replicas_remove(&others, known->leader);
    if (others.count == 0)
        return known->leader;
    return others.ids[consumer->client->env->node % others.count];
}

static void fetch_ask(struct isr_consumer *consumer, const struct isr_cached_partition *known)
{
    struct isr_env *env = consumer->client->env;
    const struct isr_config *config = &env->config;
    bool leader_only = !consumer->from_follower || env->now_ns < consumer->leader_only_until_ns;
    int32_t node = leader_only ? known->leader : follower_to_read(consumer, known);
    ask(consumer, node, known->leader_epoch, ISR_MESSAGE_FETCH_RESPONSE, fetch_answered);
    struct isr_fetch_partition partition = {.tp = consumer->tp,
                                            .current_leader_epoch = known->leader_epoch,
                                            .fetch_offset = consumer->position,
                                            .last_fetched_epoch = ISR_EPOCH_NONE,
                                            .log_start = ISR_OFFSET_NONE,
                                            .max_bytes = (uint32_t)config->fetch_partition_max_bytes};
    int64_t longest_ns = config->client_request_timeout / 2;
    struct isr_message message = {.kind = ISR_MESSAGE_FETCH_REQUEST};
    message.fetch_request = (struct isr_fetch_request){
        .correlation = consumer->correlation,
        .replica_id = -1,
        .replica_epoch = -1,
        .max_wait_ns = config->fetch_max_wait < longest_ns ? config->fetch_max_wait : longest_ns,
        .min_bytes = (uint32_t)config->fetch_min_bytes,
        .max_bytes = (uint32_t)config->fetch_max_bytes,
        .session_epoch = ISR_FETCH_SESSION_NONE,
        .partitions = &partition,
        .partitions_count = 1};
    isr_send(env, node, &message);
}

/* ---- what next? ---- */

static void consumer_go_on(struct isr_consumer *consumer)
{
    if (consumer->correlation != 0 || isr_timer_is_set(&consumer->pause_timer))
        return;
    const struct isr_cached_partition *known =
        isr_client_leader_of(consumer->client, consumer->topic.text, consumer->partition, &consumer->tp);
    if (known == NULL)
        return;
    if (consumer->position < 0) {
        offset_ask(consumer, known);
        return;
    }
    if (known->leader_epoch != consumer->checked_epoch && consumer->position_epoch != ISR_EPOCH_NONE) {
        epoch_ask(consumer, known);
        return;
    }
    consumer->checked_epoch = known->leader_epoch;
    fetch_ask(consumer, known);
}

void isr_consumer_metadata_came(struct isr_client *client)
{
    for (uint32_t i = 0; i < client->consumers_count; i++)
        consumer_go_on(client->consumers[i]);
}

/* ---- commands ---- */

static struct isr_consumer *consumer_of(struct isr_client *client, const char *topic, uint16_t partition)
{
    for (uint32_t i = 0; i < client->consumers_count; i++) {
        struct isr_consumer *consumer = client->consumers[i];
        if (consumer->partition == partition && strcmp(consumer->topic.text, topic) == 0)
            return consumer;
    }
    struct isr_consumer *consumer = isr_heap_allocate(client->env->heap, sizeof *consumer);
    consumer->client = client;
    memcpy(consumer->topic.text, topic, strlen(topic));
    consumer->partition = partition;
    isr_timer_init(&consumer->pause_timer, pause_over, consumer);
    client->consumers =
        ISR_GROW(client->env->heap, client->consumers, client->consumers_count, client->consumers_capacity);
    client->consumers[client->consumers_count++] = consumer;
    return consumer;
}

/* A second command for a partition moves its consumer. */
void isr_consumer_command(struct isr_client *client, const struct isr_command *command)
{
    struct isr_consumer *consumer = consumer_of(client, command->topic, command->partition);
    isr_client_requests_forget(&client->requests, consumer->correlation);
    isr_timer_cancel(&client->env->timers, &consumer->pause_timer);
    consumer->correlation = 0;
    consumer->from_follower = command->from_follower;
    consumer->reset = command->reset_latest ? POSITION_LATEST : POSITION_EARLIEST;
    consumer->position = command->offset < POSITION_EARLIEST ? POSITION_EARLIEST : command->offset;
    consumer->position_epoch = ISR_EPOCH_NONE;
    consumer->checked_epoch = ISR_EPOCH_NONE;
    consumer_go_on(consumer);
}

uint64_t isr_consumer_digest(const struct isr_client *client, uint64_t hash)
{
    for (uint32_t i = 0; i < client->consumers_count; i++) {
        const struct isr_consumer *consumer = client->consumers[i];
        hash = isr_hash_tp(hash, consumer->tp);
        hash = isr_hash_combine(hash, (uint64_t)consumer->position);
        hash = isr_hash_combine(hash, (uint64_t)consumer->position_epoch);
        hash = isr_hash_combine(hash, consumer->correlation);
    }
    return hash;
}
