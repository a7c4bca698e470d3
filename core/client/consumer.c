/* The consumer: reads one partition from a position on, for ever.
 *
 *   FINDING ----> ASKING OFFSET ----> CHECKING EPOCH ----> FETCHING --+
 *      ^  (position known: not asked)   (epoch unchanged:    ^  |     | batches: delivered, position moves
 *      |                                 not checked)        |  +-----+
 *      +------ error, timeout: pause ------------------------+
 *
 * While FETCHING it is in the link to a broker (reader_link.c). The next step is not stored but follows from
 * what is known (isr_consumer_go_on):
 *   - no leader known: metadata
 *   - the position is POSITION_LATEST or POSITION_EARLIEST: LIST_OFFSETS at the leader
 *   - the leader epoch is not the one that the position was checked for, and something was read: does the new
 *     leader's log still end the epoch of the last batch at or behind the position (KIP-320)? If not, what
 *     was read is gone from the log, and reading goes on where the logs part.
 *   - else FETCH, at the leader or where the leader said (KIP-392), for metadata_max_age. A follower that
 * fails or refuses for whatever reason is left for the leader for a while; only the leader's word counts for
 *     OFFSET_OUT_OF_RANGE, since a follower may lag. Then reading goes on at the start or the end of the log,
 * or stops, as the command says.
 *
 * Each batch is checked (CRC, gapless) and delivered once and in order. */
#include "core/client/consumer.h"
#include "core/log/batch.h"

enum { POSITION_LATEST = -1, POSITION_EARLIEST = -2 };

static void consumer_pause(struct isr_consumer *consumer)
{
    struct isr_client *client = consumer->client;
    if (!isr_timer_is_set(&consumer->pause_timer))
        isr_env_timer_in(client->env, &consumer->pause_timer, isr_client_backoff(client));
}

static void pause_over(void *object)
{
    struct isr_consumer *consumer = object;
    isr_consumer_go_on(consumer);
    isr_reader_links_go_on(consumer->client);
}

/* What it has of its own was answered. */
static void go_on_alone(struct isr_consumer *consumer)
{
    isr_consumer_go_on(consumer);
    isr_reader_links_go_on(consumer->client);
}

/* ---- asking ---- */

static void ask(struct isr_consumer *consumer, int32_t node, int32_t leader_epoch,
                enum isr_message_kind expects, isr_client_answered *answered)
{
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

/* The position is no longer, or not yet, in the leader's log. */
static void position_reset(struct isr_consumer *consumer)
{
    consumer->stopped = consumer->reset == ISR_RESET_NONE;
    consumer->position = consumer->reset == ISR_RESET_LATEST ? POSITION_LATEST : POSITION_EARLIEST;
    consumer->client->env->metrics.client_position_resets++;
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
    go_on_alone(consumer);
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

/* What was read at and above the offset is not in the new leader's log: after an unclean election. */
static void truncated(struct isr_consumer *consumer, int32_t leader_epoch, int64_t end_offset)
{
    struct isr_env *env = consumer->client->env;
    struct isr_observation *seen = isr_observe(env, ISR_OBSERVED_READ_TRUNCATED);
    seen->read_truncated.tp = isr_tp_key(consumer->tp);
    seen->read_truncated.from = consumer->position;
    seen->read_truncated.to = end_offset;
    seen->read_truncated.leader_epoch = consumer->asked_epoch;
    env->metrics.client_truncations++;
    consumer->position = end_offset;
    consumer->position_epoch = leader_epoch;
}

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
            position_reset(consumer);
        else if (told->end_offset < consumer->position)
            truncated(consumer, told->leader_epoch, told->end_offset);
    }
    go_on_alone(consumer);
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

static void observe_read(const struct isr_consumer *consumer, int32_t from, const struct isr_batch *batch)
{
    struct isr_observation *observation = isr_observe(consumer->client->env, ISR_OBSERVED_RECORD_READ);
    observation->record_read.tp = isr_tp_key(consumer->tp);
    observation->record_read.from = from;
    observation->record_read.base = batch->base_offset;
    observation->record_read.last = batch->last_offset;
    observation->record_read.leader_epoch = batch->leader_epoch;
    observation->record_read.crc = batch->crc;
}

/* What compaction left of a batch: perhaps no record at all. */
static void observe_compacted(const struct isr_consumer *consumer, int32_t from,
                              const struct isr_batch *batch)
{
    struct isr_observation *observation = isr_observe(consumer->client->env, ISR_OBSERVED_COMPACTED_READ);
    observation->compacted_read.tp = isr_tp_key(consumer->tp);
    observation->compacted_read.from = from;
    observation->compacted_read.base = batch->base_offset;
    observation->compacted_read.last = batch->last_offset;
    observation->compacted_read.leader_epoch = batch->leader_epoch;
    observation->compacted_read.crc = batch->crc;
}

static void deliver(struct isr_consumer *consumer, int32_t from, const struct isr_batch *batch)
{
    struct isr_env *env = consumer->client->env;
    /* The frame is lent for this step only; what is delivered must outlive it. */
    uint8_t *copy = isr_scratch_allocate(&env->scratch, batch->bytes.size);
    memcpy(copy, batch->bytes.data, batch->bytes.size);
    isr_env_records(env, consumer->tp, batch->base_offset, (struct isr_bytes){copy, batch->bytes.size});
    if ((batch->attributes & ISR_BATCH_COMPACTED) != 0)
        observe_compacted(consumer, from, batch);
    else
        observe_read(consumer, from, batch);
    env->metrics.client_records_read += batch->record_count;
    consumer->position = batch->last_offset + 1;
    consumer->position_epoch = batch->leader_epoch;
}

/* False when the records are damaged or do not go on where reading stopped; what comes before is delivered.
 * The first batch may begin before the position, which may lie inside it. */
static bool deliver_all(struct isr_consumer *consumer, int32_t from, struct isr_bytes records)
{
    while (records.size > 0) {
        struct isr_batch batch;
        enum isr_batch_status status = isr_batch_parse(records, true, &batch);
        if (status == ISR_BATCH_SHORT)
            return true;
        if (status == ISR_BATCH_CORRUPT || batch.base_offset > consumer->position)
            return false;
        if (batch.last_offset >= consumer->position)
            deliver(consumer, from, &batch);
        records.data += batch.bytes.size;
        records.size -= batch.bytes.size;
    }
    return true;
}

/* The node from which it was read failed or refused: it is not read from there for now. A follower's word on
 * the range does not count, since it may lag; the leader is asked instead for a while. */
static void fetch_refused(struct isr_consumer *consumer, bool by_leader, const struct isr_fetch_answer *told)
{
    struct isr_client *client = consumer->client;
    client->env->metrics.client_retries++;
    isr_reader_link_leave(consumer);
    if (!by_leader)
        consumer->leader_only_until_ns = client->env->now_ns + client->env->config.client_request_timeout;
    consumer->preferred = ISR_NODE_NONE;
    if (told == NULL) {
        isr_client_refresh(client);
    } else if (told->error == ISR_ERROR_OFFSET_OUT_OF_RANGE) {
        if (by_leader)
            position_reset(consumer);
    } else if (isr_client_learn_leader(client, consumer->tp, told->leader, told->leader_epoch)) {
        return;
    }
    consumer_pause(consumer);
}

/* Only the leader's word counts; a follower's would be a guess. */
static void sent_elsewhere(struct isr_consumer *consumer, int32_t node)
{
    const struct isr_env *env = consumer->client->env;
    consumer->preferred = node;
    consumer->preferred_until_ns = env->now_ns + env->config.metadata_max_age;
}

void isr_consumer_answered(struct isr_consumer *consumer, const struct isr_fetch_answer *told)
{
    struct isr_client *client = consumer->client;
    bool by_leader = consumer->preferred == ISR_NODE_NONE;
    int32_t from = consumer->reads_from;
    if (told == NULL || told->error != ISR_ERROR_NONE) {
        fetch_refused(consumer, by_leader, told);
    } else {
        isr_cache_learn_leader(&client->cache, consumer->tp, told->leader, told->leader_epoch);
        if (by_leader && told->preferred_read_replica >= 1 && told->preferred_read_replica <= ISR_NODE_MAX)
            sent_elsewhere(consumer, told->preferred_read_replica);
        else if (!deliver_all(consumer, from, told->records)) {
            isr_reader_link_leave(consumer);
            consumer_pause(consumer);
        }
    }
    isr_consumer_go_on(consumer);
}

uint8_t isr_consumer_rack(const struct isr_consumer *consumer)
{
    bool leader_only = consumer->client->env->now_ns < consumer->leader_only_until_ns;
    return leader_only ? ISR_RACK_NONE : consumer->rack;
}

static int32_t node_to_read(struct isr_consumer *consumer, const struct isr_cached_partition *known)
{
    if (consumer->preferred != ISR_NODE_NONE && consumer->client->env->now_ns >= consumer->preferred_until_ns)
        consumer->preferred = ISR_NODE_NONE; /* the leader may know somebody better by now */
    return consumer->preferred != ISR_NODE_NONE ? consumer->preferred : known->leader;
}

/* ---- what next? ---- */

/* NULL: unknown, and metadata is on the way. */
static const struct isr_cached_partition *leader_of(struct isr_consumer *consumer)
{
    struct isr_client *client = consumer->client;
    struct isr_tp before = consumer->tp;
    const struct isr_cached_partition *known =
        isr_client_leader_of(client, consumer->topic.text, consumer->partition, &consumer->tp);
    if (consumer->tp.topic == before.topic)
        return known;
    if (before.topic != 0) { /* another topic of that name */
        isr_tp_table_set(&client->consumers_of, client->env->heap, before, NULL);
        consumer->position = POSITION_EARLIEST;
        consumer->position_epoch = ISR_EPOCH_NONE;
    }
    isr_tp_table_set(&client->consumers_of, client->env->heap, consumer->tp, consumer);
    return known;
}

void isr_consumer_go_on(struct isr_consumer *consumer)
{
    if (consumer->stopped || consumer->correlation != 0 || isr_timer_is_set(&consumer->pause_timer))
        return;
    const struct isr_cached_partition *known = leader_of(consumer);
    bool unchecked = known != NULL && known->leader_epoch != consumer->checked_epoch;
    if (known == NULL || consumer->position < 0 || unchecked)
        isr_reader_link_leave(consumer);
    if (known == NULL)
        return;
    if (unchecked)
        consumer->preferred = ISR_NODE_NONE; /* another leader's word */
    if (consumer->position < 0) {
        offset_ask(consumer, known);
        return;
    }
    if (unchecked && consumer->position_epoch != ISR_EPOCH_NONE) {
        epoch_ask(consumer, known);
        return;
    }
    consumer->checked_epoch = known->leader_epoch;
    consumer->reads_from = node_to_read(consumer, known);
    isr_reader_link_join(consumer, consumer->reads_from);
}

void isr_consumer_metadata_came(struct isr_client *client)
{
    for (uint32_t i = 0; i < client->consumers_count; i++)
        isr_consumer_go_on(client->consumers[i]);
    isr_reader_links_go_on(client);
}

/* ---- commands ---- */

static struct isr_consumer *consumer_of(struct isr_client *client, const char *topic, uint16_t partition)
{
    const struct isr_cached_topic *known = isr_cache_topic_named(&client->cache, topic);
    struct isr_consumer *found =
        known != NULL
            ? isr_tp_table_get(&client->consumers_of, (struct isr_tp){.topic = known->id, .index = partition})
            : NULL;
    if (found != NULL)
        return found;
    for (uint32_t i = 0; known == NULL && i < client->consumers_count; i++) {
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
    isr_reader_link_leave(consumer);
    consumer->correlation = 0;
    consumer->preferred = ISR_NODE_NONE;
    consumer->leader_only_until_ns = 0;
    consumer->rack = command->rack == ISR_RACK_NONE && command->from_follower ? ISR_RACK_ANY : command->rack;
    consumer->reset = command->reset;
    consumer->stopped = false;
    consumer->position = command->offset < POSITION_EARLIEST ? POSITION_EARLIEST : command->offset;
    consumer->position_epoch = ISR_EPOCH_NONE;
    consumer->checked_epoch = ISR_EPOCH_NONE;
    go_on_alone(consumer);
}

uint64_t isr_consumer_digest(const struct isr_client *client, uint64_t hash)
{
    for (uint32_t i = 0; i < client->consumers_count; i++) {
        const struct isr_consumer *consumer = client->consumers[i];
        hash = isr_hash_tp(hash, consumer->tp);
        hash = isr_hash_combine(hash, (uint64_t)consumer->position);
        hash = isr_hash_combine(hash, (uint64_t)consumer->position_epoch);
        hash = isr_hash_combine(hash, consumer->correlation);
        hash = isr_hash_combine(hash, (uint64_t)consumer->preferred);
    }
    return hash;
}
