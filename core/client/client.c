#include "core/client/client.h"

static void metadata_ask(struct isr_client *client);

static void metadata_timer_fired(void *object)
{
    struct isr_client *client = object;
    if (client->metadata_correlation == 0)
        metadata_ask(client);
}

struct isr_client *isr_client_new(struct isr_env *env, const struct isr_replicas *bootstrap)
{
    ISR_ASSERT(bootstrap->count > 0);
    struct isr_client *client = isr_heap_allocate(env->heap, sizeof *client);
    client->env = env;
    client->bootstrap = *bootstrap;
    client->bootstrap_next = (uint32_t)env->node % bootstrap->count;
    isr_client_requests_init(&client->requests, env);
    isr_producer_id_init(client);
    isr_cache_init(&client->cache, env->heap);
    isr_timer_init(&client->metadata_timer, metadata_timer_fired, client);
    return client;
}

void isr_client_start(struct isr_client *client)
{
    /* An answer to a former life's request that is still on its way must not be taken for one to this life's.
     */
    client->requests.correlation_last =
        (uint32_t)isr_random_draw(&client->env->random, ISR_RANDOM_INCARNATION);
    metadata_ask(client);
}

/* ---- metadata ---- */

static void metadata_answered(void *object, uint32_t correlation, const struct isr_message *answer)
{
    struct isr_client *client = object;
    struct isr_env *env = client->env;
    ISR_ASSERT(correlation == client->metadata_correlation);
    client->metadata_correlation = 0;
    if (answer == NULL) {
        env->metrics.client_retries++;
        metadata_ask(client);
        return;
    }
    isr_env_timer_in(env, &client->metadata_timer, env->config.metadata_max_age);
    isr_cache_merge(&client->cache, &answer->metadata_response);
    isr_producer_go_on(client);
    isr_consumer_metadata_came(client);
    isr_read_pool_metadata_came(client);
    isr_admin_metadata_came(client);
}

static void metadata_ask(struct isr_client *client)
{
    int32_t broker = client->bootstrap.ids[client->bootstrap_next];
    client->bootstrap_next = (client->bootstrap_next + 1) % client->bootstrap.count;
    isr_timer_cancel(&client->env->timers, &client->metadata_timer);
    client->metadata_asked_ns = client->env->now_ns;
    client->metadata_correlation = isr_client_requests_add(
        &client->requests, broker, ISR_MESSAGE_METADATA_RESPONSE, metadata_answered, client);
    struct isr_message message = {.kind = ISR_MESSAGE_METADATA_REQUEST,
                                  .metadata_request = {.correlation = client->metadata_correlation}};
    isr_send(client->env, broker, &message);
}

void isr_client_refresh(struct isr_client *client)
{
    struct isr_env *env = client->env;
    if (client->metadata_correlation != 0)
        return;
    int64_t soonest_ns = client->metadata_asked_ns + env->config.retry_backoff;
    if (!isr_timer_is_set(&client->metadata_timer) || client->metadata_timer.deadline_ns > soonest_ns)
        isr_timer_set(&env->timers, &client->metadata_timer,
                      soonest_ns > env->now_ns ? soonest_ns : env->now_ns);
}

int64_t isr_client_backoff(struct isr_client *client)
{
    int64_t pause_ns = client->env->config.retry_backoff;
    return isr_random_between(&client->env->random, ISR_RANDOM_BACKOFF, pause_ns,
                              pause_ns + pause_ns / 5 + 1);
}

bool isr_client_learn_leader(struct isr_client *client, struct isr_tp tp, int32_t leader,
                             int32_t leader_epoch)
{
    if (isr_cache_learn_leader(&client->cache, tp, leader, leader_epoch))
        return true;
    isr_client_refresh(client);
    return false;
}

const struct isr_cached_partition *isr_client_leader_of(struct isr_client *client, const char *topic,
                                                        uint16_t partition, struct isr_tp *tp)
{
    if (tp->topic == 0 || isr_cache_topic_removed(&client->cache, tp->topic)) {
        const struct isr_cached_topic *known = isr_cache_topic_named(&client->cache, topic);
        if (known != NULL)
            *tp = (struct isr_tp){.topic = known->id, .index = partition};
    }
    const struct isr_cached_partition *found =
        tp->topic == 0 ? NULL : isr_cache_partition(&client->cache, *tp);
    if (found != NULL && found->leader != ISR_NODE_NONE)
        return found;
    isr_client_refresh(client);
    return NULL;
}

/* ---- dispatch ---- */

/* Also which kinds a client understands: false for all others. */
static bool correlation_of(const struct isr_message *message, uint32_t *correlation)
{
    switch ((int)message->kind) {
    case ISR_MESSAGE_PRODUCE_RESPONSE:
        *correlation = message->produce_response.correlation;
        return true;
    case ISR_MESSAGE_INIT_PRODUCER_ID_RESPONSE:
        *correlation = message->init_producer_id_response.correlation;
        return true;
    case ISR_MESSAGE_METADATA_RESPONSE:
        *correlation = message->metadata_response.correlation;
        return true;
    case ISR_MESSAGE_READ_RESPONSE:
        *correlation = message->read_response.correlation;
        return true;
    case ISR_MESSAGE_REPLICA_OFFSETS_RESPONSE:
        *correlation = message->replica_offsets_response.correlation;
        return true;
    case ISR_MESSAGE_LIST_OFFSETS_RESPONSE:
        *correlation = message->list_offsets_response.correlation;
        return true;
    case ISR_MESSAGE_FETCH_RESPONSE:
        *correlation = message->fetch_response.correlation;
        return true;
    case ISR_MESSAGE_OFFSETS_FOR_EPOCH_RESPONSE:
        *correlation = message->offsets_for_epoch_response.correlation;
        return true;
    case ISR_MESSAGE_CREATE_TOPIC_RESPONSE:
        *correlation = message->create_topic_response.correlation;
        return true;
    case ISR_MESSAGE_ADMIN_RESPONSE:
        *correlation = message->admin_response.correlation;
        return true;
    case ISR_MESSAGE_ELECT_LEADERS_RESPONSE:
        *correlation = message->elect_leaders_response.correlation;
        return true;
    case ISR_MESSAGE_ALTER_QUORUM_RESPONSE:
        *correlation = message->alter_quorum_response.correlation;
        return true;
    case ISR_MESSAGE_DELETE_RECORDS_RESPONSE:
        *correlation = message->delete_records_response.correlation;
        return true;
    case ISR_MESSAGE_PROPOSE_RESPONSE:
        *correlation = message->propose_response.correlation;
        return true;
    }
    return false;
}

void isr_client_disconnected(struct isr_client *client, int32_t node)
{
    isr_client_requests_disconnected(&client->requests, node);
}

bool isr_client_message(struct isr_client *client, int32_t from, const struct isr_message *message)
{
    uint32_t correlation;
    if (!correlation_of(message, &correlation))
        return false;
    isr_client_requests_answer(&client->requests, from, correlation, message);
    return true;
}

void isr_client_command(struct isr_client *client, const struct isr_command *command)
{
    size_t length = command->topic == NULL ? 0 : strlen(command->topic);
    bool of_topic = command->kind != ISR_COMMAND_ALTER_QUORUM && command->kind != ISR_COMMAND_PROPOSE;
    if (of_topic && (length == 0 || length >= ISR_NAME_BYTES_MAX)) {
        isr_env_reply(client->env, command->id, ISR_ERROR_INVALID_TOPIC, (struct isr_tp){0}, ISR_OFFSET_NONE);
        return;
    }
    switch (command->kind) {
    case ISR_COMMAND_PRODUCE:
        isr_producer_command(client, command);
        break;
    case ISR_COMMAND_CONSUME:
        isr_consumer_command(client, command);
        break;
    case ISR_COMMAND_READ:
        isr_read_pool_command(client, command);
        break;
    case ISR_COMMAND_CREATE_TOPIC:
    case ISR_COMMAND_DELETE_TOPIC:
    case ISR_COMMAND_ALTER_TOPIC:
    case ISR_COMMAND_REASSIGN:
    case ISR_COMMAND_ELECT:
    case ISR_COMMAND_ALTER_QUORUM:
    case ISR_COMMAND_DELETE_RECORDS:
    case ISR_COMMAND_PROPOSE:
        isr_admin_command(client, command);
        break;
    case ISR_COMMAND_CAMPAIGN: /* not a client's */
        isr_env_reply(client->env, command->id, ISR_ERROR_INVALID_REQUEST, (struct isr_tp){0},
                      ISR_OFFSET_NONE);
        break;
    }
}

uint64_t isr_client_digest(const struct isr_client *client, uint64_t hash)
{
    hash = isr_hash_combine(hash, client->requests.correlation_last);
    hash = isr_hash_combine(hash, client->requests.waiting_count);
    hash = isr_hash_combine(hash, (uint64_t)client->producer_id);
    hash = isr_producer_digest(client, hash);
    hash = isr_read_pool_digest(client, hash);
    return isr_consumer_digest(client, hash);
}
