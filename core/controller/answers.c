/* Answers wait until what they rest on is committed: a broker that is told of a change must never see it
 * undone. */
#include "core/controller/internal.h"

struct ctl_answer {
    int64_t index; /* leaves when this entry is committed */
    int32_t to;
    struct isr_replicas asked;
    struct isr_message message; /* holds no arrays and no bytes */
};

static void refuse(struct isr_message *answer)
{
    const uint8_t error = ISR_ERROR_NOT_CONTROLLER;
    if (answer->kind == ISR_MESSAGE_ALTER_PARTITION_RESPONSE) {
        answer->alter_partition_response =
            (struct isr_alter_partition_response){.correlation = answer->alter_partition_response.correlation,
                                                  .tp = answer->alter_partition_response.tp,
                                                  .error = error,
                                                  .leader = ISR_NODE_NONE,
                                                  .leader_epoch = ISR_EPOCH_NONE,
                                                  .partition_epoch = ISR_EPOCH_NONE};
    } else if (answer->kind == ISR_MESSAGE_BROKER_REGISTRATION_RESPONSE) {
        answer->broker_registration_response.error = error;
        answer->broker_registration_response.broker_epoch = -1;
    } else if (answer->kind == ISR_MESSAGE_BROKER_HEARTBEAT_RESPONSE) {
        answer->broker_heartbeat_response = (struct isr_broker_heartbeat_response){
            .correlation = answer->broker_heartbeat_response.correlation, .error = error};
    } else if (answer->kind == ISR_MESSAGE_ALLOCATE_PRODUCER_IDS_RESPONSE) {
        answer->allocate_producer_ids_response = (struct isr_allocate_producer_ids_response){
            .correlation = answer->allocate_producer_ids_response.correlation, .error = error};
    } else if (answer->kind == ISR_MESSAGE_CREATE_TOPIC_RESPONSE) {
        answer->create_topic_response.error = error;
        answer->create_topic_response.topic = 0;
    } else if (answer->kind == ISR_MESSAGE_ADMIN_RESPONSE) {
        answer->admin_response.error = error;
    } else {
        ISR_ASSERT(answer->kind == ISR_MESSAGE_ELECT_LEADERS_RESPONSE);
        answer->elect_leaders_response.error = error;
    }
}

/* The correlation of a request whose answer is an ADMIN_RESPONSE; false for others. */
static bool admin_correlation(const struct isr_message *request, uint32_t *correlation)
{
    if (request->kind == ISR_MESSAGE_DELETE_TOPIC_REQUEST)
        *correlation = request->delete_topic_request.correlation;
    else if (request->kind == ISR_MESSAGE_ALTER_TOPIC_REQUEST)
        *correlation = request->alter_topic_request.correlation;
    else if (request->kind == ISR_MESSAGE_REASSIGN_REQUEST)
        *correlation = request->reassign_request.correlation;
    else
        return false;
    return true;
}

bool ctl_answer_begin(const struct isr_message *request, struct isr_message *answer)
{
    *answer = (struct isr_message){0};
    if (admin_correlation(request, &answer->admin_response.correlation)) {
        answer->kind = ISR_MESSAGE_ADMIN_RESPONSE;
    } else if (request->kind == ISR_MESSAGE_ALTER_PARTITION_REQUEST) {
        answer->kind = ISR_MESSAGE_ALTER_PARTITION_RESPONSE;
        answer->alter_partition_response.correlation = request->alter_partition_request.correlation;
        answer->alter_partition_response.tp = request->alter_partition_request.tp;
    } else if (request->kind == ISR_MESSAGE_BROKER_REGISTRATION_REQUEST) {
        answer->kind = ISR_MESSAGE_BROKER_REGISTRATION_RESPONSE;
        answer->broker_registration_response.correlation = request->broker_registration_request.correlation;
    } else if (request->kind == ISR_MESSAGE_BROKER_HEARTBEAT_REQUEST) {
        answer->kind = ISR_MESSAGE_BROKER_HEARTBEAT_RESPONSE;
        answer->broker_heartbeat_response.correlation = request->broker_heartbeat_request.correlation;
    } else if (request->kind == ISR_MESSAGE_ALLOCATE_PRODUCER_IDS_REQUEST) {
        answer->kind = ISR_MESSAGE_ALLOCATE_PRODUCER_IDS_RESPONSE;
        answer->allocate_producer_ids_response.correlation =
            request->allocate_producer_ids_request.correlation;
    } else if (request->kind == ISR_MESSAGE_CREATE_TOPIC_REQUEST) {
        answer->kind = ISR_MESSAGE_CREATE_TOPIC_RESPONSE;
        answer->create_topic_response.correlation = request->create_topic_request.correlation;
    } else if (request->kind == ISR_MESSAGE_ELECT_LEADERS_REQUEST) {
        answer->kind = ISR_MESSAGE_ELECT_LEADERS_RESPONSE;
        answer->elect_leaders_response.correlation = request->elect_leaders_request.correlation;
        answer->elect_leaders_response.tp = request->elect_leaders_request.tp;
    } else {
        return false;
    }
    refuse(answer);
    return true;
}

static void observe(struct isr_env *env, const struct ctl_answer *answer)
{
    if (answer->message.kind != ISR_MESSAGE_ALTER_PARTITION_RESPONSE)
        return;
    const struct isr_alter_partition_response *response = &answer->message.alter_partition_response;
    const struct isr_replicas *isr = response->error == ISR_ERROR_NONE ? &response->isr : &answer->asked;
    struct isr_observation *observation = isr_observe(env, ISR_OBSERVED_ALTER_PARTITION_ANSWERED);
    observation->alter_partition_answered.tp = isr_tp_key(response->tp);
    observation->alter_partition_answered.broker = answer->to;
    observation->alter_partition_answered.isr = (int64_t)isr_replicas_pack(isr);
    observation->alter_partition_answered.error = response->error;
}

static void send(struct isr_controller *controller, const struct ctl_answer *answer)
{
    observe(controller->env, answer);
    isr_send(controller->env, answer->to, &answer->message);
}

/* Where some answer always waits the queue is never empty: then the room of those that were sent is used
 * again. */
static void make_room(struct isr_controller *controller)
{
    uint32_t waiting = controller->answers_count - controller->answers_first;
    if (controller->answers_count < controller->answers_capacity || controller->answers_first < waiting)
        return;
    if (waiting > 0)
        memmove(controller->answers, controller->answers + controller->answers_first,
                waiting * sizeof *controller->answers);
    controller->answers_first = 0;
    controller->answers_count = waiting;
}

static bool rests_on_nothing(const struct isr_controller *controller, const struct isr_message *message)
{
    return message->kind == ISR_MESSAGE_ALLOCATE_PRODUCER_IDS_RESPONSE &&
           controller->env->rules.producer_ids_given == ISR_RULE_producer_ids_given_proposed;
}

void ctl_answer_send(struct isr_controller *controller, int32_t to, const struct isr_message *message,
                     const struct isr_replicas *asked)
{
    struct ctl_answer answer = {.index = controller->proposed_index, .to = to, .message = *message};
    if (asked != NULL)
        answer.asked = *asked;
    if (answer.index <= controller->committed.index || rests_on_nothing(controller, message)) {
        send(controller, &answer);
        return;
    }
    make_room(controller);
    controller->answers = ISR_GROW(controller->env->heap, controller->answers, controller->answers_count,
                                   controller->answers_capacity);
    controller->answers[controller->answers_count++] = answer;
}

static void forget_sent(struct isr_controller *controller)
{
    if (controller->answers_first < controller->answers_count)
        return;
    controller->answers_first = controller->answers_count = 0;
}

void ctl_answers_committed(struct isr_controller *controller, int64_t index)
{
    while (controller->answers_first < controller->answers_count &&
           controller->answers[controller->answers_first].index <= index)
        send(controller, &controller->answers[controller->answers_first++]);
    forget_sent(controller);
}

void ctl_answers_refuse(struct isr_controller *controller)
{
    for (; controller->answers_first < controller->answers_count; controller->answers_first++) {
        struct ctl_answer *answer = &controller->answers[controller->answers_first];
        refuse(&answer->message);
        send(controller, answer);
    }
    forget_sent(controller);
}
