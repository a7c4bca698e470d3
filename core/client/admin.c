/* Administration. Each kind of command is one line of a table (kinds): who is asked, what is asked, how the
 * answer reads.
 *
 *   WAITING --(controller or leader known, topic known)--> ASKED --answered--> replied, gone
 *      ^                                                     |
 *      +------------- pause <------ may be retried, timeout -+
 *   any --delivery_timeout--> replied REQUEST_TIMED_OUT, gone
 *
 * A request that was sent before may have been carried out without an answer: then the refusal that says so
 * (TOPIC_ALREADY_EXISTS, ELECTION_NOT_NEEDED, DUPLICATE_VOTER, VOTER_NOT_FOUND) means success. */
#include "core/client/client.h"
#include "core/quorum/port.h"

/* Whom a kind of command is for, and what must be known of its topic. */
enum target {
    TARGET_CONTROLLER,           /* nothing need be known */
    TARGET_CONTROLLER_PARTITION, /* the topic's id, and that it has the partition */
    TARGET_LEADER,               /* the partition's leader */
    TARGET_QUORUM,               /* the command's controller, or as far as known who leads the controllers */
};

struct isr_operation {
    struct isr_operation *next;
    struct isr_client *client;
    struct isr_command command; /* its borrowed parts are the operation's own here */
    struct isr_name topic;
    struct isr_replicas *assignments; /* as in the command, or NULL */
    int64_t deadline_ns;
    struct isr_tp tp;
    bool asked_before;
    uint32_t correlation;   /* 0: not asked */
    struct isr_timer timer; /* the end of a pause, or the deadline */
};

/* What an answer says. */
struct told {
    enum isr_error error;
    struct isr_tp tp;
    int64_t offset;     /* ISR_OFFSET_NONE where none is told */
    int32_t controller; /* who is the controller instead, ISR_NODE_NONE where that is not told */
};

/* ---- the kinds of commands ---- */

static void create_fill(const struct isr_operation *operation, struct isr_message *message)
{
    const struct isr_command *command = &operation->command;
    uint32_t count = operation->assignments != NULL ? (uint32_t)command->partitions : 0;
    struct isr_assignment *assignments = NULL;
    if (count > 0)
        assignments = isr_scratch_allocate(&operation->client->env->scratch, count * sizeof *assignments);
    for (uint32_t i = 0; i < count; i++)
        assignments[i].replicas = operation->assignments[i];
    message->kind = ISR_MESSAGE_CREATE_TOPIC_REQUEST;
    message->create_topic_request =
        (struct isr_create_topic_request){.correlation = operation->correlation,
                                          .name = operation->topic,
                                          .partitions = command->partitions,
                                          .replication_factor = command->replication_factor,
                                          .settings = command->settings,
                                          .assignments = assignments,
                                          .assignments_count = count};
}

static void create_told(const struct isr_message *answer, struct told *told)
{
    const struct isr_create_topic_response *response = &answer->create_topic_response;
    told->error = (enum isr_error)response->error;
    told->tp = (struct isr_tp){.topic = (uint16_t)(response->topic > 0 ? response->topic : 0)};
}

static void delete_fill(const struct isr_operation *operation, struct isr_message *message)
{
    message->kind = ISR_MESSAGE_DELETE_TOPIC_REQUEST;
    message->delete_topic_request =
        (struct isr_delete_topic_request){.correlation = operation->correlation, .name = operation->topic};
}

static void alter_fill(const struct isr_operation *operation, struct isr_message *message)
{
    message->kind = ISR_MESSAGE_ALTER_TOPIC_REQUEST;
    message->alter_topic_request =
        (struct isr_alter_topic_request){.correlation = operation->correlation,
                                         .name = operation->topic,
                                         .given = operation->command.settings_given,
                                         .settings = operation->command.settings};
}

static void reassign_fill(const struct isr_operation *operation, struct isr_message *message)
{
    message->kind = ISR_MESSAGE_REASSIGN_REQUEST;
    message->reassign_request = (struct isr_reassign_request){
        .correlation = operation->correlation, .tp = operation->tp, .replicas = operation->command.replicas};
}

static void admin_told(const struct isr_message *answer, struct told *told)
{
    told->error = (enum isr_error)answer->admin_response.error;
}

static void elect_fill(const struct isr_operation *operation, struct isr_message *message)
{
    message->kind = ISR_MESSAGE_ELECT_LEADERS_REQUEST;
    message->elect_leaders_request = (struct isr_elect_leaders_request){
        .correlation = operation->correlation, .tp = operation->tp, .kind = operation->command.elect_kind};
}

static void elect_told(const struct isr_message *answer, struct told *told)
{
    told->error = (enum isr_error)answer->elect_leaders_response.error;
}

static void quorum_fill(const struct isr_operation *operation, struct isr_message *message)
{
    message->kind = ISR_MESSAGE_ALTER_QUORUM_REQUEST;
    message->alter_quorum_request =
        (struct isr_alter_quorum_request){.correlation = operation->correlation,
                                          .kind = operation->command.quorum_change,
                                          .node = (int16_t)operation->command.node};
}

static void quorum_told(const struct isr_message *answer, struct told *told)
{
    const struct isr_alter_quorum_response *response = &answer->alter_quorum_response;
    told->error = (enum isr_error)response->error;
    if (told->error == ISR_ERROR_NOT_CONTROLLER && response->controller >= 1 &&
        response->controller <= ISR_NODE_MAX)
        told->controller = response->controller;
}

/* The number, and filling up to the size that is wanted. */
static void propose_fill(const struct isr_operation *operation, struct isr_message *message)
{
    uint32_t size = operation->command.value_bytes > sizeof(uint64_t) ? operation->command.value_bytes
                                                                      : (uint32_t)sizeof(uint64_t);
    uint8_t *data = isr_scratch_allocate(&operation->client->env->scratch, size);
    memset(isr_put_u64(data, operation->command.first_value), 0, size - sizeof(uint64_t));
    message->kind = ISR_MESSAGE_PROPOSE_REQUEST;
    message->propose_request = (struct isr_propose_request){.correlation = operation->correlation,
                                                            .data = {.data = data, .size = size}};
}

static void propose_told(const struct isr_message *answer, struct told *told)
{
    const struct isr_propose_response *response = &answer->propose_response;
    told->error = (enum isr_error)response->error;
    told->offset = response->index;
    if (told->error == ISR_ERROR_NOT_CONTROLLER && response->controller >= 1 &&
        response->controller <= ISR_NODE_MAX)
        told->controller = response->controller;
}

/* The leader is given less time than this client has for its answer, so that it is the leader who says when
 * the time is over. */
static void delete_records_fill(const struct isr_operation *operation, struct isr_message *message)
{
    const struct isr_client *client = operation->client;
    message->kind = ISR_MESSAGE_DELETE_RECORDS_REQUEST;
    message->delete_records_request = (struct isr_delete_records_request){
        .correlation = operation->correlation,
        .tp = operation->tp,
        .current_leader_epoch = isr_cache_partition(&client->cache, operation->tp)->leader_epoch,
        .offset = operation->command.offset,
        .timeout_ns = client->env->config.client_request_timeout / 2};
}

static void delete_records_told(const struct isr_message *answer, struct told *told)
{
    told->error = (enum isr_error)answer->delete_records_response.error;
    told->offset = answer->delete_records_response.low_watermark;
}

/* X: ISR_COMMAND_*, the kind of message that answers it, whom it is for, the refusal that means "done before"
 * when it was asked before (NONE: there is none), fill and told. */
static const struct kind {
    enum isr_message_kind answer;
    enum target target;
    enum isr_error done_before;
    void (*fill)(const struct isr_operation *operation, struct isr_message *message);
    void (*told)(const struct isr_message *answer, struct told *told); /* told: all but the error is filled */
} kinds[] = {
    [ISR_COMMAND_CREATE_TOPIC] = {ISR_MESSAGE_CREATE_TOPIC_RESPONSE, TARGET_CONTROLLER,
                                  ISR_ERROR_TOPIC_ALREADY_EXISTS, create_fill, create_told},
    [ISR_COMMAND_DELETE_TOPIC] = {ISR_MESSAGE_ADMIN_RESPONSE, TARGET_CONTROLLER,
                                  ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION, delete_fill, admin_told},
    [ISR_COMMAND_ALTER_TOPIC] = {ISR_MESSAGE_ADMIN_RESPONSE, TARGET_CONTROLLER, ISR_ERROR_NONE, alter_fill,
                                 admin_told},
    [ISR_COMMAND_REASSIGN] = {ISR_MESSAGE_ADMIN_RESPONSE, TARGET_CONTROLLER_PARTITION,
                              ISR_ERROR_NO_REASSIGNMENT_IN_PROGRESS, reassign_fill, admin_told},
    [ISR_COMMAND_ELECT] = {ISR_MESSAGE_ELECT_LEADERS_RESPONSE, TARGET_CONTROLLER_PARTITION,
                           ISR_ERROR_ELECTION_NOT_NEEDED, elect_fill, elect_told},
    [ISR_COMMAND_DELETE_RECORDS] = {ISR_MESSAGE_DELETE_RECORDS_RESPONSE, TARGET_LEADER, ISR_ERROR_NONE,
                                    delete_records_fill, delete_records_told},
    [ISR_COMMAND_ALTER_QUORUM] = {ISR_MESSAGE_ALTER_QUORUM_RESPONSE, TARGET_QUORUM, ISR_ERROR_NONE,
                                  quorum_fill, quorum_told},
    [ISR_COMMAND_PROPOSE] = {ISR_MESSAGE_PROPOSE_RESPONSE, TARGET_QUORUM, ISR_ERROR_NONE, propose_fill,
                             propose_told},
};

static const struct kind *kind_of(const struct isr_operation *operation)
{
    const struct kind *kind = &kinds[operation->command.kind];
    ISR_ASSERT(operation->command.kind < sizeof kinds / sizeof kinds[0]);
    ISR_ASSERT(kind->fill != NULL);
    return kind;
}

/* ---- the course of an operation ---- */

static void operation_go_on(struct isr_operation *operation);

static void operation_reply(struct isr_operation *operation, const struct told *told)
{
    struct isr_client *client = operation->client;
    struct isr_env *env = client->env;
    isr_client_requests_forget(&client->requests, operation->correlation);
    isr_timer_cancel(&env->timers, &operation->timer);
    struct isr_operation **link = &client->operations;
    while (*link != operation)
        link = &(*link)->next;
    *link = operation->next;
    isr_env_reply(env, operation->command.id, told->error, told->tp, told->offset);
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
        operation_reply(operation, &(struct told){ISR_ERROR_REQUEST_TIMED_OUT, operation->tp, ISR_OFFSET_NONE,
                                                  ISR_NODE_NONE});
    else
        operation_go_on(operation);
}

/* ---- answers ---- */

/* Brokers may be about to register: too few of them is no final answer (Kafka's administrators wait by hand).
 */
static bool may_be_retried(const struct isr_operation *operation, enum isr_error error)
{
    /* The controller knows all topics. */
    if (error == ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION && kind_of(operation)->target != TARGET_LEADER)
        return false;
    if (error == ISR_ERROR_PREFERRED_LEADER_NOT_AVAILABLE ||
        error == ISR_ERROR_ELIGIBLE_LEADERS_NOT_AVAILABLE)
        return false;
    if (error == ISR_ERROR_INVALID_REPLICATION_FACTOR || error == ISR_ERROR_INVALID_REPLICA_ASSIGNMENT)
        return operation->command.replication_factor > 0;
    return isr_error_retriable((uint8_t)error);
}

/* The refusal that says that what is asked for is so already. */
static enum isr_error done_before(const struct isr_operation *operation)
{
    if (operation->command.kind != ISR_COMMAND_ALTER_QUORUM)
        return kind_of(operation)->done_before;
    switch ((enum isr_quorum_change)operation->command.quorum_change) {
    case ISR_QUORUM_TRANSFER:
        return ISR_ERROR_ELECTION_NOT_NEEDED;
    case ISR_QUORUM_ADD_VOTER:
    case ISR_QUORUM_ADD_LEARNER:
        return ISR_ERROR_DUPLICATE_VOTER;
    case ISR_QUORUM_REMOVE:
        return ISR_ERROR_VOTER_NOT_FOUND;
    case ISR_QUORUM_CHANGES:
        break;
    }
    return ISR_ERROR_NONE;
}

static void operation_answered(void *object, uint32_t correlation, const struct isr_message *answer)
{
    struct isr_operation *operation = object;
    struct told told = {ISR_ERROR_REQUEST_TIMED_OUT, operation->tp, ISR_OFFSET_NONE, ISR_NODE_NONE};
    ISR_ASSERT(correlation == operation->correlation);
    if (answer != NULL)
        kind_of(operation)->told(answer, &told);
    if (told.controller != ISR_NODE_NONE)
        operation->client->cache.controller = told.controller; /* the brokers may not know it yet */
    if (operation->asked_before && told.error == done_before(operation))
        told.error = ISR_ERROR_NONE;
    operation->asked_before = true;
    operation->correlation = 0;
    if (told.error != ISR_ERROR_NONE && may_be_retried(operation, told.error))
        operation_pause(operation);
    else
        operation_reply(operation, &told);
}

/* ---- asking ---- */

static bool topic_is_known(struct isr_operation *operation)
{
    const struct isr_cached_topic *topic =
        isr_cache_topic_named(&operation->client->cache, operation->topic.text);
    if (topic == NULL || operation->command.partition >= topic->partitions_count)
        return false;
    operation->tp = (struct isr_tp){.topic = topic->id, .index = operation->command.partition};
    return true;
}

/* Whom to ask; ISR_NODE_NONE while that is not known. */
static int32_t node_to_ask(struct isr_operation *operation)
{
    const struct isr_cache *cache = &operation->client->cache;
    switch (kind_of(operation)->target) {
    case TARGET_CONTROLLER:
        return cache->controller;
    case TARGET_CONTROLLER_PARTITION:
        return topic_is_known(operation) ? cache->controller : ISR_NODE_NONE;
    case TARGET_QUORUM:
        return operation->command.controller != ISR_NODE_NONE ? operation->command.controller
                                                              : cache->controller;
    case TARGET_LEADER:
        return topic_is_known(operation) ? isr_cache_partition(cache, operation->tp)->leader : ISR_NODE_NONE;
    }
    return ISR_NODE_NONE;
}

static void operation_go_on(struct isr_operation *operation)
{
    struct isr_client *client = operation->client;
    struct isr_message message = {0};
    int32_t node = node_to_ask(operation);
    if (node == ISR_NODE_NONE) {
        operation_pause(operation);
        return;
    }
    isr_timer_set(&client->env->timers, &operation->timer, operation->deadline_ns);
    operation->correlation = isr_client_requests_add(&client->requests, node, kind_of(operation)->answer,
                                                     operation_answered, operation);
    kind_of(operation)->fill(operation, &message);
    isr_send(client->env, node, &message);
}

/* Those that pause to learn whom to ask need not wait longer; others keep their pause. */
void isr_admin_metadata_came(struct isr_client *client)
{
    for (struct isr_operation *at = client->operations; at != NULL; at = at->next) {
        if (at->correlation == 0 && !at->asked_before && client->cache.controller != ISR_NODE_NONE)
            operation_go_on(at);
    }
}

/* ---- commands ---- */

/* What the command borrows becomes the operation's own. */
static void command_copy(struct isr_operation *operation, const struct isr_command *command)
{
    operation->command = *command;
    if (command->topic != NULL)
        memcpy(operation->topic.text, command->topic, strlen(command->topic));
    operation->command.topic = operation->topic.text;
    operation->command.assignments = NULL;
    if (command->assignments == NULL || command->partitions <= 0)
        return;
    size_t size_bytes = (size_t)command->partitions * sizeof *operation->assignments;
    operation->assignments = isr_heap_allocate(operation->client->env->heap, size_bytes);
    memcpy(operation->assignments, command->assignments, size_bytes);
}

void isr_admin_command(struct isr_client *client, const struct isr_command *command)
{
    struct isr_env *env = client->env;
    struct isr_operation *operation = isr_heap_allocate(env->heap, sizeof *operation);
    operation->client = client;
    operation->deadline_ns = env->now_ns + env->config.delivery_timeout;
    command_copy(operation, command);
    isr_timer_init(&operation->timer, timer_fired, operation);
    struct isr_operation **last = &client->operations;
    while (*last != NULL)
        last = &(*last)->next;
    *last = operation;
    operation_go_on(operation);
}
