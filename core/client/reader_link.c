/* Reading from one broker everything that a client reads from there: one fetch at a time, in a session
 * (KIP-227), so that partitions with nothing new cost nothing.
 *
 *   IDLE --somebody joined, an answer was worked off--> ASKING --answer--> IDLE
 *                                                         \--no answer, an error--> all leave, IDLE
 *
 * Invariants: a consumer is in at most one link; one that is due is in a link; a listed one is in a link, and
 * the broker answers about it only until it is forgotten or left out of a request that lists everything. An
 * answer counts for those that are still listed. */
#include "core/client/consumer.h"

struct isr_reader_link {
    struct isr_client *client;
    int32_t node;
    struct isr_fetch_handle session;
    uint32_t correlation; /* of the fetch under way; 0: none */
    struct isr_consumer *members;
    uint32_t members_count;
    struct isr_consumer *due_first, *due_last;
    uint32_t due_count;
    bool pending; /* is among the client's pending ones */
    struct isr_reader_link *pending_next;
    struct isr_forgotten_partition *forgotten; /* the broker still answers about them */
    uint32_t forgotten_count, forgotten_capacity;
    int64_t look_ns;        /* the earliest end of a member's lease, or before */
    struct isr_timer timer; /* set: a pause, or more is gathered; then it asks */
};

static void link_ask(struct isr_reader_link *link);

static void on_timer(void *object)
{
    struct isr_reader_link *link = object;
    link_ask(link);
    isr_reader_links_go_on(link->client);
}

static struct isr_reader_link *link_of(struct isr_client *client, int32_t node)
{
    if (client->links[node] != NULL)
        return client->links[node];
    struct isr_reader_link *link = isr_heap_allocate(client->env->heap, sizeof *link);
    link->client = client;
    link->node = node;
    link->look_ns = ISR_TIME_NEVER;
    isr_timer_init(&link->timer, on_timer, link);
    client->links[node] = link;
    return link;
}

/* ---- members ---- */

static void due_set(struct isr_consumer *consumer)
{
    struct isr_reader_link *link = consumer->link;
    if (consumer->due)
        return;
    consumer->due = true;
    consumer->due_next = NULL;
    consumer->due_previous = link->due_last;
    *(link->due_last != NULL ? &link->due_last->due_next : &link->due_first) = consumer;
    link->due_last = consumer;
    link->due_count++;
    if (link->pending)
        return;
    link->pending = true;
    link->pending_next = link->client->links_pending;
    link->client->links_pending = link;
}

static void due_clear(struct isr_consumer *consumer)
{
    struct isr_reader_link *link = consumer->link;
    if (!consumer->due)
        return;
    *(consumer->due_previous != NULL ? &consumer->due_previous->due_next : &link->due_first) =
        consumer->due_next;
    *(consumer->due_next != NULL ? &consumer->due_next->due_previous : &link->due_last) =
        consumer->due_previous;
    consumer->due = false;
    link->due_count--;
}

static void forget(struct isr_consumer *consumer)
{
    struct isr_reader_link *link = consumer->link;
    if (!consumer->listed)
        return;
    consumer->listed = false;
    link->forgotten =
        ISR_GROW(link->client->env->heap, link->forgotten, link->forgotten_count, link->forgotten_capacity);
    link->forgotten[link->forgotten_count++] = (struct isr_forgotten_partition){.tp = consumer->tp};
}

void isr_reader_link_leave(struct isr_consumer *consumer)
{
    struct isr_reader_link *link = consumer->link;
    if (link == NULL)
        return;
    due_clear(consumer);
    forget(consumer);
    *(consumer->link_previous != NULL ? &consumer->link_previous->link_next : &link->members) =
        consumer->link_next;
    if (consumer->link_next != NULL)
        consumer->link_next->link_previous = consumer->link_previous;
    link->members_count--;
    consumer->link = NULL;
}

void isr_reader_link_join(struct isr_consumer *consumer, int32_t node)
{
    struct isr_reader_link *link = link_of(consumer->client, node);
    if (consumer->link != link) {
        isr_reader_link_leave(consumer);
        consumer->link = link;
        consumer->link_previous = NULL;
        consumer->link_next = link->members;
        if (link->members != NULL)
            link->members->link_previous = consumer;
        link->members = consumer;
        link->members_count++;
    }
    if (consumer->preferred != ISR_NODE_NONE && consumer->preferred_until_ns < link->look_ns)
        link->look_ns = consumer->preferred_until_ns;
    if (consumer->leader_only_until_ns > consumer->client->env->now_ns &&
        consumer->leader_only_until_ns < link->look_ns)
        link->look_ns = consumer->leader_only_until_ns;
    due_set(consumer);
}

/* ---- asking ---- */

/* Leases that are over: those consumers ask the leader again. Each joins a link again at once, and says so
 * itself when it is to be looked at next. */
static void look_at_leases(struct isr_reader_link *link)
{
    if (link->client->env->now_ns < link->look_ns)
        return;
    link->look_ns = ISR_TIME_NEVER;
    struct isr_consumer *next;
    for (struct isr_consumer *consumer = link->members; consumer != NULL; consumer = next) {
        next = consumer->link_next;
        isr_consumer_go_on(consumer);
    }
}

static void list_anew(struct isr_reader_link *link)
{
    for (struct isr_consumer *consumer = link->members; consumer != NULL; consumer = consumer->link_next) {
        due_set(consumer);
        consumer->listed = false;
    }
    link->forgotten_count = 0;
}

static uint32_t gather(struct isr_reader_link *link, struct isr_fetch_partition *asked)
{
    uint32_t count = 0;
    while (link->due_first != NULL) {
        struct isr_consumer *consumer = link->due_first;
        uint8_t rack = isr_consumer_rack(consumer);
        due_clear(consumer);
        if (consumer->listed && consumer->sent_position == consumer->position &&
            consumer->sent_epoch == consumer->checked_epoch && consumer->sent_rack == rack)
            continue;
        consumer->listed = true;
        consumer->sent_position = consumer->position;
        consumer->sent_epoch = consumer->checked_epoch;
        consumer->sent_rack = rack;
        asked[count++] = (struct isr_fetch_partition){
            .tp = consumer->tp,
            .current_leader_epoch = consumer->checked_epoch,
            .fetch_offset = consumer->position,
            .last_fetched_epoch = ISR_EPOCH_NONE,
            .log_start = ISR_OFFSET_NONE,
            .max_bytes = (uint32_t)link->client->env->config.fetch_partition_max_bytes,
            .rack = rack};
    }
    return count;
}

static void link_answered(void *object, uint32_t correlation, const struct isr_message *answer);

static void link_ask(struct isr_reader_link *link)
{
    struct isr_env *env = link->client->env;
    const struct isr_config *config = &env->config;
    if (link->correlation != 0)
        return;
    look_at_leases(link);
    isr_timer_cancel(&env->timers, &link->timer);
    if (link->members_count == 0)
        return;
    if (!isr_fetch_handle_open(&link->session))
        list_anew(link);
    struct isr_fetch_partition *asked =
        isr_scratch_allocate(&env->scratch, (link->due_count + 1) * sizeof *asked);
    uint32_t count = gather(link, asked);
    int64_t longest_ns = config->client_request_timeout / 2;
    link->correlation = isr_client_requests_add(&link->client->requests, link->node,
                                                ISR_MESSAGE_FETCH_RESPONSE, link_answered, link);
    struct isr_message message;
    ISR_MESSAGE_SET(&message, FETCH_REQUEST, fetch_request, .correlation = link->correlation,
                    .replica_id = -1, .replica_epoch = -1,
                    .max_wait_ns = config->fetch_max_wait < longest_ns ? config->fetch_max_wait : longest_ns,
                    .min_bytes = (uint32_t)config->fetch_min_bytes,
                    .max_bytes = (uint32_t)config->fetch_max_bytes, .partitions = asked,
                    .partitions_count = count, .forgotten = link->forgotten,
                    .forgotten_count = link->forgotten_count);
    isr_fetch_handle_ask(&link->session, config, &message.fetch_request);
    isr_send(env, link->node, &message);
    link->forgotten_count = 0;
}

/* ---- answers ---- */

static void all_failed(struct isr_reader_link *link)
{
    while (link->members != NULL) {
        struct isr_consumer *consumer = link->members;
        isr_reader_link_leave(consumer);
        isr_consumer_answered(consumer, NULL);
    }
    link->forgotten_count = 0;
}

static void work_off(struct isr_reader_link *link, const struct isr_fetch_response *response)
{
    for (uint32_t i = 0; i < response->partitions_count; i++) {
        const struct isr_fetch_answer *told = &response->partitions[i];
        struct isr_consumer *consumer = isr_tp_table_get(&link->client->consumers_of, told->tp);
        if (consumer == NULL || consumer->link != link || !consumer->listed)
            continue;
        if (told->error != ISR_ERROR_NONE || told->preferred_read_replica > 0)
            consumer->listed = false; /* it has left the session by itself */
        isr_consumer_answered(consumer, told);
    }
}

static void link_answered(void *object, uint32_t correlation, const struct isr_message *answer)
{
    struct isr_reader_link *link = object;
    struct isr_env *env = link->client->env;
    const struct isr_fetch_response *response = answer != NULL ? &answer->fetch_response : NULL;
    ISR_ASSERT(correlation == link->correlation);
    link->correlation = 0;
    bool open = isr_fetch_handle_open(&link->session);
    if (response == NULL) {
        isr_fetch_handle_reset(&link->session);
        all_failed(link);
    } else if (isr_fetch_handle_answered(&link->session, response)) {
        work_off(link, response);
        if (response->partitions_count == 0 && env->config.fetch_max_wait == 0)
            isr_env_timer_in(env, &link->timer, isr_client_backoff(link->client));
    } else if (!open) { /* an error, though it was not of a session */
        all_failed(link);
    }
    if (link->correlation == 0 && !isr_timer_is_set(&link->timer))
        link_ask(link);
    isr_reader_links_go_on(link->client); /* last: a lease that is over moves its consumer to another link */
}

void isr_reader_links_go_on(struct isr_client *client)
{
    while (client->links_pending != NULL) {
        struct isr_reader_link *link = client->links_pending;
        client->links_pending = link->pending_next;
        link->pending = false;
        if (!isr_timer_is_set(&link->timer))
            link_ask(link);
    }
}
