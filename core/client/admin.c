/* Administration: topics made and leaders elected, by the controller.
 *
 *   WAITING --(controller known, topic known)--> ASKED --answered--> replied, gone
 *      ^                                           |
 *      +---- pause <--- may be retried, timeout ---+
 *   any --delivery_timeout--> replied REQUEST_TIMED_OUT, gone
 *
 * A request that was sent before may have been carried out without an answer: then TOPIC_ALREADY_EXISTS and
 * ELECTION_NOT_NEEDED mean success. */
#include "core/client/client.h"

struct isr_operation {
    struct isr_operation *next;
    struct isr_client *client;
    enum isr_command_kind kind;
    uint64_t id;
    int64_t deadline_ns;
    struct isr_name topic;
    uint16_t partition;
    struct isr_tp tp;
    uint8_t elect_kind;
    int32_t partitions;
    int16_t replication_factor;
    struct isr_topic_settings settings;
    struct isr_assignment *assignments; /* partitions many, or NULL */
    bool asked_before;
    uint32_t correlation;   /* 0: not asked */
    struct isr_timer timer; /* the end of a pause, or the deadline */
};

static void operation_go_on(struct isr_operation *operation);

static void operation_reply(struct isr_operation *operation, enum isr_error error, struct isr_tp tp)
{
    struct isr_client *client = operation->client;
    struct isr_env *env = client->env;
    isr_client_requests_forget(&client->requests, operation->correlation);
    isr_timer_cancel(&env->timers, &operation->timer);
    struct isr_operation **link = &client->operations;
    while (*link != operation)
        link = &(*link)->next;
    *link = operation->next;
    isr_env_reply(env, operation->id, error, tp, ISR_OFFSET_NONE);
    isr_heap_release(env->heap, operation->assignments);
    isr_heap_release(env->heap, operation);
}

static void operation_pause(struct isr_operation *operation)
{
    struct isr_client *client = operation->client;
    int64_t again_ns = client->env->now_ns + isr_client_backoff(client);
    client->env->metrics.client_retries++;
    isr_client_refresh(client);
    isr_timer_set(&client->env->timers, &operation->timer,
                  again_ns < operation->deadline_ns ? again_ns : operation->deadline_ns);
}

static void timer_fired(void *object)
{
    struct isr_operation *operation = object;
    if (operation->client->env->now_ns >= operation->deadline_ns)
        operation_reply(operation, ISR_ERROR_REQUEST_TIMED_OUT, operation->tp);
    else
        operation_go_on(operation);
}

/* ---- answers ---- */

/* Brokers may be about to register: too few of them is no final answer (Kafka's administrators wait by hand).
 */
static bool may_be_retried(const struct isr_operation *operation, enum isr_error error)
{
    if (error == ISR_ERROR_PREFERRED_LEADER_NOT_AVAILABLE ||
        error == ISR_ERROR_ELIGIBLE_LEADERS_NOT_AVAILABLE)
        return false;
    if (error == ISR_ERROR_INVALID_REPLICATION_FACTOR || error == ISR_ERROR_INVALID_REPLICA_ASSIGNMENT)
        return operation->replication_factor > 0;
    return isr_error_retriable((uint8_t)error);
}

static void operation_answered(struct isr_operation *operation, enum isr_error error, struct isr_tp tp)
{
    bool done_before = operation->asked_before &&
                       (error == ISR_ERROR_TOPIC_ALREADY_EXISTS || error == ISR_ERROR_ELECTION_NOT_NEEDED);
    operation->asked_before = true;
    operation->correlation = 0;
    if (done_before || error == ISR_ERROR_NONE)
        operation_reply(operation, ISR_ERROR_NONE, tp);
    else if (may_be_retried(operation, error))
        operation_pause(operation);
    else
        operation_reply(operation, error, tp);
}

static void create_answered(void *object, uint32_t correlation, const struct isr_message *answer)
{
    struct isr_operation *operation = object;
    ISR_ASSERT(correlation == operation->correlation);
    if (answer == NULL) {
        operation_answered(operation, ISR_ERROR_REQUEST_TIMED_OUT, operation->tp);
        return;
    }
    const struct isr_create_topic_response *told = &answer->create_topic_response;
    struct isr_tp tp = {.topic = (uint16_t)(told->topic > 0 ? told->topic : 0)};
    operation_answered(operation, (enum isr_error)told->error, tp);
}

static void elect_answered(void *object, uint32_t correlation, const struct isr_message *answer)
{
    struct isr_operation *operation = object;
    ISR_ASSERT(correlation == operation->correlation);
    enum isr_error error = ISR_ERROR_REQUEST_TIMED_OUT;
    if (answer != NULL)
        error = (enum isr_error)answer->elect_leaders_response.error;
    operation_answered(operation, error, operation->tp);
}

/* ---- asking ---- */

static void create_ask(struct isr_operation *operation, int32_t controller)
{
    struct isr_client *client = operation->client;
    operation->correlation = isr_client_requests_add(
        &client->requests, controller, ISR_MESSAGE_CREATE_TOPIC_RESPONSE, create_answered, operation);
    struct isr_message message = {.kind = ISR_MESSAGE_CREATE_TOPIC_REQUEST};
    message.create_topic_request = (struct isr_create_topic_request){
        .correlation = operation->correlation,
        .name = operation->topic,
        .partitions = operation->partitions,
        .replication_factor = operation->replication_factor,
        .settings = operation->settings,
        .assignments = operation->assignments,
        .assignments_count = operation->assignments != NULL ? (uint32_t)operation->partitions : 0};
    isr_send(client->env, controller, &message);
}

static void elect_ask(struct isr_operation *operation, int32_t controller)
{
    struct isr_client *client = operation->client;
    operation->correlation = isr_client_requests_add(
        &client->requests, controller, ISR_MESSAGE_ELECT_LEADERS_RESPONSE, elect_answered, operation);
    struct isr_message message = {.kind = ISR_MESSAGE_ELECT_LEADERS_REQUEST,
                                  .elect_leaders_request = {.correlation = operation->correlation,
                                                            .tp = operation->tp,
                                                            .kind = operation->elect_kind}};
    isr_send(client->env, controller, &message);
}

static bool topic_is_known(struct isr_operation *operation)
{
    const struct isr_cached_topic *topic =
        isr_cache_topic_named(&operation->client->cache, operation->topic.text);
    if (topic == NULL || operation->partition >= topic->partitions_count)
        return false;
    operation->tp = (struct isr_tp){.topic = topic->id, .index = operation->partition};
    return true;
}

static void operation_go_on(struct isr_operation *operation)
{
    int32_t controller = operation->client->cache.controller;
    if (controller == ISR_NODE_NONE || (operation->kind == ISR_COMMAND_ELECT && !topic_is_known(operation))) {
        operation_pause(operation);
        return;
    }
    isr_timer_set(&operation->client->env->timers, &operation->timer, operation->deadline_ns);
    if (operation->kind == ISR_COMMAND_ELECT)
        elect_ask(operation, controller);
    else
        create_ask(operation, controller);
}

/* Those that pause to learn who the controller is need not wait longer; others keep their pause. */
void isr_admin_metadata_came(struct isr_client *client)
{
    for (struct isr_operation *at = client->operations; at != NULL; at = at->next) {
        if (at->correlation == 0 && !at->asked_before && client->cache.controller != ISR_NODE_NONE)
            operation_go_on(at);
    }
}

/* ---- commands ---- */

static void create_copy(struct isr_operation *operation, const struct isr_command *command)
{
    operation->partitions = command->partitions;
    operation->replication_factor = command->replication_factor;
    operation->settings = command->settings;
    if (command->assignments == NULL || command->partitions <= 0)
        return;
    size_t count = (size_t)command->partitions;
    operation->assignments =
        isr_heap_allocate(operation->client->env->heap, count * sizeof *operation->assignments);
    for (size_t i = 0; i < count; i++)
        operation->assignments[i].replicas = command->assignments[i];
}

void isr_admin_command(struct isr_client *client, const struct isr_command *command)
{
    struct isr_env *env = client->env;
    struct isr_operation *operation = isr_heap_allocate(env->heap, sizeof *operation);
    operation->client = client;
    operation->kind = command->kind;
    operation->id = command->id;
    operation->deadline_ns = env->now_ns + env->config.delivery_timeout;
    memcpy(operation->topic.text, command->topic, strlen(command->topic));
    operation->partition = command->partition;
    operation->elect_kind = command->elect_kind;
    if (command->kind == ISR_COMMAND_CREATE_TOPIC)
        create_copy(operation, command);
    isr_timer_init(&operation->timer, timer_fired, operation);
    struct isr_operation **last = &client->operations;
    while (*last != NULL)
        last = &(*last)->next;
    *last = operation;
    operation_go_on(operation);
}
