/* The producer: one sender a topic partition, which sends its deliveries (batches) in the order of their
 * commands.
 *
 *   WAITING --send--> IN FLIGHT --acknowledged--> replied, gone
 *      ^                 |  \------refused for good--> replied, gone
 *      \--may be retried-/
 *   any --delivery_timeout--> replied REQUEST_TIMED_OUT, gone
 *
 * Deliveries in flight are at most producer_max_in_flight and, with those that go back to WAITING, always at
 * the front of the queue, so that a retry never overtakes. While the sender pauses nothing is sent.
 *
 * Idempotence (KIP-98), for acks=all: a delivery gets its sequence when it is first sent and keeps it over
 * retries; the leader drops what it has already. Producer epochs are kept a partition, since leaders know
 * producers a partition.
 *   - Leaders remember the last five batches of a producer: from the oldest delivery that is not acknowledged
 *     on no more than producer_max_in_flight get sequences, even where later ones are acknowledged already.
 *     Else its retry would not be recognised.
 *   - A leader that does not know the producer accepts any sequence: until the first delivery of an epoch is
 *     acknowledged only one is in flight, lest the second be taken for the first.
 *   - A delivery that fails for good leaves a gap in the sequences, over which the leader would refuse
 *     everything. KIP-360 begins a new epoch at sequence 0. Whatever else was sent with an old sequence may
 * be in the log, or a copy of it may still be on its way and be taken before the new epoch is known; written
 *     again under the new epoch it would be there twice. It fails with REQUEST_TIMED_OUT, which says exactly
 *     that.
 *   - OUT_OF_ORDER_SEQUENCE_NUMBER for a delivery that waits for an earlier one is a matter of time. For one
 *     that was the first when it was sent (answers may overtake each other) it tells that the log lacks
 *     acknowledged records. A leader older than the one that acknowledged was deposed, maybe before it had
 *     them: what it refuses may be in the real leader's log since an earlier attempt, and waits for that. Any
 *     other lost them (unclean election): then its log holds none of the later ones either, and all get new
 *     sequences under a new epoch (KIP-360).
 *
 * The producer's id comes from a broker (producer_id.c): nothing is sent with acks=all before it is there,
 * and when all epochs of it are used up another one is waited for.
 *
 * Invariants: sequenced deliveries form a prefix of the idempotent ones in the queue, in sequence order, and
 * lie within producer_max_in_flight places; in_flight is the number of deliveries with a correlation. */
#include "core/client/client.h"
#include "core/log/batch.h"

enum { PRODUCE_BYTES_MAX = 1 << 28 };

struct isr_delivery {
    struct isr_delivery *previous, *next; /* in the order of commands; next also links free ones */
    struct isr_sender *sender;
    uint64_t id;
    uint64_t first_value;
    int64_t deadline_ns;
    uint32_t record_count;
    uint32_t value_bytes;
    struct isr_batch_keys keys;
    int32_t sequence;     /* when sequenced */
    uint32_t place;       /* when sequenced: counts the batches of the sender */
    uint32_t correlation; /* 0: not in flight */
    int16_t acks;
    bool sequenced;       /* has been sent with a sequence of the current epoch */
    bool first_when_sent; /* everything before it was acknowledged when it was last sent */
};

struct isr_sender {
    struct isr_client *client;
    struct isr_name topic;
    uint16_t partition;
    struct isr_tp tp; /* topic 0: not known yet */
    struct isr_delivery *first, *last, *free;
    uint32_t in_flight;
    int64_t producer_id;       /* -1: none yet, or none any more */
    int64_t producer_id_spent; /* all epochs of this one were used; -1: of none */
    int16_t producer_epoch;
    int32_t sequence_next;
    uint32_t place_next;
    int32_t acked_epoch; /* the latest leader epoch in which a delivery with a sequence was acknowledged */
    uint32_t failures;   /* writes in a row that nobody answered or that came to nothing, for the witness */
    bool epoch_known; /* a delivery of this epoch was acknowledged: every leader to come knows the producer */
    struct isr_timer pause_timer;  /* set: nothing is sent until then */
    struct isr_timer expiry_timer; /* at or before the first delivery's deadline */
};

static void send_more(struct isr_sender *sender);

/* ---- the queue ---- */

static void delivery_remove(struct isr_delivery *delivery)
{
    struct isr_sender *sender = delivery->sender;
    *(delivery->previous != NULL ? &delivery->previous->next : &sender->first) = delivery->next;
    *(delivery->next != NULL ? &delivery->next->previous : &sender->last) = delivery->previous;
    *delivery = (struct isr_delivery){.next = sender->free};
    sender->free = delivery;
}

static struct isr_delivery *delivery_add(struct isr_sender *sender)
{
    struct isr_delivery *delivery = sender->free;
    if (delivery == NULL)
        delivery = isr_heap_allocate(sender->client->env->heap, sizeof *delivery);
    else
        sender->free = delivery->next;
    *delivery = (struct isr_delivery){.sender = sender, .previous = sender->last};
    *(sender->last != NULL ? &sender->last->next : &sender->first) = delivery;
    sender->last = delivery;
    return delivery;
}

static void delivery_landed(struct isr_delivery *delivery)
{
    ISR_ASSERT(delivery->correlation != 0 && delivery->sender->in_flight > 0);
    delivery->correlation = 0;
    delivery->sender->in_flight--;
}

/* What comes of the attempt in flight is not waited for any more. */
static void delivery_recall(struct isr_delivery *delivery)
{
    if (delivery->correlation == 0)
        return;
    isr_client_requests_forget(&delivery->sender->client->requests, delivery->correlation);
    delivery_landed(delivery);
}

static void delivery_succeed(struct isr_delivery *delivery, int64_t base_offset)
{
    struct isr_sender *sender = delivery->sender;
    struct isr_env *env = sender->client->env;
    sender->epoch_known = sender->epoch_known || delivery->sequenced;
    env->metrics.client_records_acked += delivery->acks == 0 ? 0 : delivery->record_count;
    isr_env_reply(env, delivery->id, ISR_ERROR_NONE, sender->tp, base_offset);
    delivery_remove(delivery);
}

/* ---- producer epochs ---- */

static void epoch_next(struct isr_sender *sender)
{
    sender->sequence_next = 0;
    sender->epoch_known = false;
    if (sender->producer_epoch < INT16_MAX) {
        sender->producer_epoch++;
        return;
    }
    sender->producer_id_spent = sender->producer_id;
    sender->producer_id = -1;
    sender->producer_epoch = 0;
}

static void delivery_fail(struct isr_delivery *delivery, enum isr_error error)
{
    struct isr_sender *sender = delivery->sender;
    delivery_recall(delivery);
    isr_env_reply(sender->client->env, delivery->id, error, sender->tp, ISR_OFFSET_NONE);
    delivery_remove(delivery);
}

/* A delivery failed for good; where that leaves a gap in the sequences a new epoch begins. */
static void fail_and_bridge(struct isr_delivery *delivery, enum isr_error error)
{
    struct isr_sender *sender = delivery->sender;
    bool leaves_gap = delivery->sequenced;
    delivery_fail(delivery, error);
    if (!leaves_gap)
        return;
    epoch_next(sender);
    struct isr_delivery *next = NULL;
    for (struct isr_delivery *at = sender->first; at != NULL; at = next) {
        next = at->next;
        if (at->sequenced)
            delivery_fail(at, ISR_ERROR_REQUEST_TIMED_OUT);
        else if (at->acks == -1)
            break;
    }
}

static void sequence_take_back(struct isr_delivery *delivery)
{
    delivery_recall(delivery);
    delivery->sequenced = false;
}

/* The log lost what was acknowledged: everything that is left begins anew. */
static void begin_anew(struct isr_sender *sender)
{
    epoch_next(sender);
    for (struct isr_delivery *at = sender->first; at != NULL; at = at->next) {
        if (at->sequenced)
            sequence_take_back(at);
        else if (at->acks == -1)
            break;
    }
}

static int32_t sequence_after(int32_t sequence, uint32_t count)
{
    return (int32_t)(((uint64_t)sequence + count) & INT32_MAX);
}

/* ---- answers ---- */

static void pause_sending(struct isr_sender *sender)
{
    struct isr_client *client = sender->client;
    client->env->metrics.client_retries++;
    if (!isr_timer_is_set(&sender->pause_timer))
        isr_env_timer_in(client->env, &sender->pause_timer, isr_client_backoff(client));
}

/* The oldest delivery that has a sequence. Asked only for one that is sent or about to be: then at most
 * deliveries in flight stand before it. */
static const struct isr_delivery *first_sequenced(const struct isr_sender *sender)
{
    const struct isr_delivery *at = sender->first;
    while (at != NULL && at->acks != -1)
        at = at->next;
    return at != NULL && at->sequenced ? at : NULL;
}

static bool error_is_about_leadership(enum isr_error error)
{
    return error == ISR_ERROR_NOT_LEADER_OR_FOLLOWER || error == ISR_ERROR_FENCED_LEADER_EPOCH ||
           error == ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION || error == ISR_ERROR_BROKER_NOT_AVAILABLE ||
           error == ISR_ERROR_STORAGE_ERROR;
}

static void delivery_refused(struct isr_delivery *delivery, const struct isr_produce_response *answer)
{
    struct isr_sender *sender = delivery->sender;
    enum isr_error error = (enum isr_error)answer->error;
    bool lacks_acked = error == ISR_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER && delivery->first_when_sent;
    bool deposed = lacks_acked && answer->leader_epoch < sender->acked_epoch;
    if (delivery->sequenced && (error == ISR_ERROR_INVALID_PRODUCER_EPOCH || (lacks_acked && !deposed))) {
        begin_anew(sender);
        pause_sending(sender);
    } else if (delivery->sequenced && error == ISR_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER) {
        if (deposed)
            isr_client_refresh(sender->client);
        pause_sending(sender);
    } else if (!isr_error_retriable(answer->error)) {
        fail_and_bridge(delivery, error);
    } else if (error_is_about_leadership(error) &&
               isr_client_learn_leader(sender->client, sender->tp, answer->leader, answer->leader_epoch)) {
        sender->client->env->metrics.client_retries++;
    } else {
        pause_sending(sender);
    }
}

/* For topics with leader_choice witness: who cannot write says so, to whom it takes for the controller, and
 * asks who that is now: nobody answers this. That the leader is another one by now is no failure of the
 * leader. */
static void write_failed(struct isr_sender *sender)
{
    struct isr_client *client = sender->client;
    const struct isr_cached_partition *known = isr_cache_partition(&client->cache, sender->tp);
    int64_t most = client->env->config.witness_failures;
    if (most == 0 || ++sender->failures < most || known == NULL || client->cache.controller == ISR_NODE_NONE)
        return;
    struct isr_message message = {.kind = ISR_MESSAGE_WRITE_FAILURES,
                                  .write_failures = {.tp = sender->tp,
                                                     .leader_epoch = known->leader_epoch,
                                                     .failures = sender->failures}};
    isr_send(client->env, client->cache.controller, &message);
    isr_client_refresh(client);
    sender->failures = 0;
}

static void delivery_answered(void *object, uint32_t correlation, const struct isr_message *answer)
{
    struct isr_delivery *delivery = object;
    struct isr_sender *sender = delivery->sender;
    ISR_ASSERT(delivery->correlation == correlation);
    delivery_landed(delivery);
    if (answer == NULL || answer->produce_response.error == ISR_ERROR_REQUEST_TIMED_OUT)
        write_failed(sender);
    if (answer == NULL) {
        isr_client_refresh(sender->client);
        pause_sending(sender);
    } else if (answer->produce_response.error == ISR_ERROR_NONE ||
               answer->produce_response.error == ISR_ERROR_DUPLICATE_SEQUENCE_NUMBER) {
        sender->failures = 0;
        if (delivery->sequenced && answer->produce_response.leader_epoch > sender->acked_epoch)
            sender->acked_epoch = answer->produce_response.leader_epoch;
        delivery_succeed(delivery, answer->produce_response.base_offset);
    } else {
        delivery_refused(delivery, &answer->produce_response);
    }
    send_more(sender);
}

/* ---- sending ---- */

static void delivery_send(struct isr_delivery *delivery, int32_t leader)
{
    struct isr_sender *sender = delivery->sender;
    struct isr_env *env = sender->client->env;
    bool idempotent = delivery->acks == -1;
    if (idempotent && !delivery->sequenced) {
        delivery->sequenced = true;
        delivery->sequence = sender->sequence_next;
        delivery->place = sender->place_next++;
        sender->sequence_next = sequence_after(sender->sequence_next, delivery->record_count);
    }
    delivery->first_when_sent = idempotent && delivery == first_sequenced(sender);
    struct isr_message message;
    ISR_MESSAGE_SET(&message, PRODUCE_REQUEST, produce_request, .tp = sender->tp, .acks = delivery->acks);
    /* The leader gives up before the client does, so that its answer still counts. */
    message.produce_request.timeout_ns = env->config.client_request_timeout / 4 * 3;
    message.produce_request.records = isr_batch_build_keyed(
        &env->scratch, idempotent ? sender->producer_id : -1, idempotent ? sender->producer_epoch : -1,
        idempotent ? delivery->sequence : -1, delivery->first_value, delivery->record_count,
        delivery->value_bytes, delivery->keys);
    if (delivery->acks != 0) {
        delivery->correlation = isr_client_requests_add(
            &sender->client->requests, leader, ISR_MESSAGE_PRODUCE_RESPONSE, delivery_answered, delivery);
        sender->in_flight++;
    }
    message.produce_request.correlation = delivery->correlation;
    isr_send(env, leader, &message);
    if (delivery->acks == 0)
        delivery_succeed(delivery, ISR_OFFSET_NONE);
}

static bool has_producer_id(struct isr_sender *sender)
{
    if (sender->producer_id < 0)
        sender->producer_id = isr_producer_id_take(sender->client, sender->producer_id_spent);
    return sender->producer_id >= 0;
}

/* Whether a delivery that is next in the queue may go out now. */
static bool may_send(struct isr_sender *sender, const struct isr_delivery *delivery)
{
    uint32_t most = (uint32_t)sender->client->env->config.producer_max_in_flight;
    if (sender->in_flight >= most)
        return false;
    if (delivery->acks != -1 || delivery->sequenced)
        return true;
    if (!has_producer_id(sender))
        return false;
    const struct isr_delivery *oldest = first_sequenced(sender);
    return oldest == NULL || (sender->epoch_known && sender->place_next - oldest->place < most);
}

static void send_more(struct isr_sender *sender)
{
    struct isr_client *client = sender->client;
    if (isr_timer_is_set(&sender->pause_timer) || sender->first == NULL)
        return;
    uint16_t topic_before = sender->tp.topic;
    const struct isr_cached_partition *known =
        isr_client_leader_of(client, sender->topic.text, sender->partition, &sender->tp);
    if (known == NULL)
        return;
    /* Another topic of the same name: its leaders know nothing of this producer. */
    if (topic_before != 0 && topic_before != sender->tp.topic) {
        sender->acked_epoch = ISR_EPOCH_NONE;
        begin_anew(sender);
    }
    struct isr_delivery *delivery = sender->first;
    while (delivery != NULL && (delivery->correlation != 0 || may_send(sender, delivery))) {
        struct isr_delivery *next = delivery->next;
        if (delivery->correlation == 0)
            delivery_send(delivery, known->leader);
        delivery = next;
    }
}

static void pause_over(void *object)
{
    send_more(object);
}

/* All deliveries have the same time to live: they expire from the front. */
static void expire(void *object)
{
    struct isr_sender *sender = object;
    struct isr_env *env = sender->client->env;
    while (sender->first != NULL && sender->first->deadline_ns <= env->now_ns)
        fail_and_bridge(sender->first, ISR_ERROR_REQUEST_TIMED_OUT);
    if (sender->first != NULL)
        isr_timer_set(&env->timers, &sender->expiry_timer, sender->first->deadline_ns);
    send_more(sender);
}

void isr_producer_go_on(struct isr_client *client)
{
    for (uint32_t i = 0; i < client->senders_count; i++)
        send_more(client->senders[i]);
}

/* ---- commands ---- */

static int sender_compare(const struct isr_sender *sender, const char *topic, uint16_t partition)
{
    int names = strcmp(sender->topic.text, topic);
    return names != 0 ? names : (int)sender->partition - (int)partition;
}

static struct isr_sender *sender_new(struct isr_client *client, const char *topic, uint16_t partition)
{
    struct isr_sender *sender = isr_heap_allocate(client->env->heap, sizeof *sender);
    sender->client = client;
    memcpy(sender->topic.text, topic, strlen(topic));
    sender->partition = partition;
    sender->producer_id = sender->producer_id_spent = -1;
    sender->acked_epoch = ISR_EPOCH_NONE;
    isr_timer_init(&sender->pause_timer, pause_over, sender);
    isr_timer_init(&sender->expiry_timer, expire, sender);
    return sender;
}

static struct isr_sender *sender_of(struct isr_client *client, const char *topic, uint16_t partition)
{
    uint32_t low = 0, high = client->senders_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = sender_compare(client->senders[middle], topic, partition);
        if (order == 0)
            return client->senders[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    client->senders =
        ISR_GROW(client->env->heap, client->senders, client->senders_count, client->senders_capacity);
    memmove(&client->senders[low + 1], &client->senders[low],
            (client->senders_count - low) * sizeof(struct isr_sender *));
    client->senders_count++;
    client->senders[low] = sender_new(client, topic, partition);
    return client->senders[low];
}

static bool command_is_sound(const struct isr_command *command)
{
    return command->record_count >= 1 && command->record_count <= ISR_BATCH_RECORDS_MAX &&
           command->value_bytes >= 8 &&
           (uint64_t)command->record_count * command->value_bytes <= PRODUCE_BYTES_MAX &&
           command->tombstone_percent <= 100;
}

void isr_producer_command(struct isr_client *client, const struct isr_command *command)
{
    struct isr_env *env = client->env;
    bool acks_known = command->acks >= -1 && command->acks <= 1;
    if (!acks_known || !command_is_sound(command)) {
        isr_env_reply(env, command->id,
                      acks_known ? ISR_ERROR_INVALID_REQUEST : ISR_ERROR_INVALID_REQUIRED_ACKS,
                      (struct isr_tp){0}, ISR_OFFSET_NONE);
        return;
    }
    struct isr_sender *sender = sender_of(client, command->topic, command->partition);
    struct isr_delivery *delivery = delivery_add(sender);
    delivery->id = command->id;
    delivery->acks = command->acks;
    delivery->first_value = command->first_value;
    delivery->record_count = command->record_count;
    delivery->value_bytes = command->value_bytes;
    delivery->keys = (struct isr_batch_keys){command->keys, command->tombstone_percent};
    delivery->deadline_ns = env->now_ns + env->config.delivery_timeout;
    if (!isr_timer_is_set(&sender->expiry_timer))
        isr_timer_set(&env->timers, &sender->expiry_timer, delivery->deadline_ns);
    if (delivery->acks == -1)
        (void)has_producer_id(sender); /* to be asked for while the leader is */
    send_more(sender);
}

uint64_t isr_producer_digest(const struct isr_client *client, uint64_t hash)
{
    for (uint32_t i = 0; i < client->senders_count; i++) {
        const struct isr_sender *sender = client->senders[i];
        hash = isr_hash_tp(hash, sender->tp);
        hash = isr_hash_combine(hash, sender->in_flight);
        hash = isr_hash_combine(hash, (uint64_t)sender->producer_epoch);
        hash = isr_hash_combine(hash, (uint64_t)sender->sequence_next);
        hash = isr_hash_combine(hash, sender->first != NULL ? sender->first->id : 0);
    }
    return hash;
}
