/* A broker's life as the active controller sees it (KIP-631; Kafka's
 * BrokerHeartbeatManager.calculateNextBrokerState):
 *
 *   fenced --caught up with its registration and wants to serve--> active
 *   active --silent for the session timeout, or wants it--> fenced
 *   active --wants to stop--> stopping --everybody knows that it leads nothing--> fenced, told to go
 *   stopping --silent--> fenced
 *
 *   transition            function
 *   fenced -> active      unfence
 *   active -> fenced      fence (heartbeat, expiry)
 *   active -> stopping    stop
 *   stopping -> fenced    fence, when may_go
 *
 * Each transition is one entry: the broker's new state and what follows from it for partitions. */
#include "core/controller/internal.h"

/* ---- contact ---- */

/* A broker is silent as far as this controller has listened: of what came later, and waits to be handled,
 * some may be from it. A controller that is slow, or was paused, must not fence those who live for its own
 * lag. Kafka notes heartbeats before they queue (KAFKA-17793). */
static int64_t heard_until(const struct isr_controller *controller)
{
    const struct isr_env *env = controller->env;
    return env->rules.session_expiry == ISR_RULE_session_expiry_heard ? env->now_ns - env->behind_ns
                                                                      : env->now_ns;
}

bool ctl_session_is_live(const struct isr_controller *controller, int32_t broker)
{
    const struct ctl_session *session = &controller->sessions[broker];
    return session->heard &&
           heard_until(controller) - session->contact_ns < controller->env->config.broker_session_timeout;
}

void ctl_session_touch(struct isr_controller *controller, int32_t broker)
{
    struct ctl_session *session = &controller->sessions[broker];
    if (!session->heard)
        *session =
            (struct ctl_session){.heard = true, .metadata_offset = -1, .controlled_shutdown_offset = -1};
    session->contact_ns = controller->env->now_ns;
    ctl_push_contact(controller, broker);
}

/* Its session can run out. */
static bool is_watched(const struct isr_controller *controller, int32_t id)
{
    const struct isr_image_broker *broker = &controller->pending.brokers[id];
    return broker->registered && !broker->fenced && controller->sessions[id].heard;
}

/* The broker that was silent longest among those that are not fenced (ties: the lower id); ISR_NODE_NONE. */
static int32_t quietest_broker(const struct isr_controller *controller)
{
    int32_t quietest = ISR_NODE_NONE;
    for (int32_t id = 1; id <= ISR_NODE_MAX; id++) {
        if (!is_watched(controller, id))
            continue;
        if (quietest == ISR_NODE_NONE ||
            controller->sessions[id].contact_ns < controller->sessions[quietest].contact_ns)
            quietest = id;
    }
    return quietest;
}

/* The timer is not moved by each heartbeat: it fires at the earliest expiry known when it was set, and looks
 * again. */
static void watch(struct isr_controller *controller)
{
    const struct isr_env *env = controller->env;
    int32_t quietest = quietest_broker(controller);
    if (quietest == ISR_NODE_NONE)
        return;
    int64_t expiry_ns = controller->sessions[quietest].contact_ns + env->config.broker_session_timeout;
    if (expiry_ns <= env->now_ns) /* over by the clock, but not all that came is heard */
        expiry_ns = env->now_ns + env->config.retry_backoff;
    isr_timer_set(&controller->env->timers, &controller->sessions_timer, expiry_ns);
}

/* ---- transitions ---- */

static void record_broker(struct isr_controller *controller, int32_t broker, bool fenced, bool shutting_down,
                          enum isr_cause cause)
{
    *ctl_record(controller) = (struct isr_metadata_record){
        .kind = ISR_METADATA_BROKER_CHANGE,
        .broker_change_record = {.broker = (int16_t)broker,
                                 .broker_epoch = controller->pending.brokers[broker].epoch,
                                 .fenced = fenced,
                                 .shutting_down = shutting_down,
                                 .cause = (uint8_t)cause}};
}

/* Partitions first: no record of the entry leaves an inactive broker in an ISR that could do without it (I6).
 */
static void record_fencing(struct isr_controller *controller, int32_t broker, enum isr_cause cause)
{
    struct ctl_happening what = {.cause = cause, .leaves = broker, .returns = ISR_NODE_NONE};
    ctl_record_departure(controller, &what);
    record_broker(controller, broker, true, controller->pending.brokers[broker].shutting_down, cause);
}

static bool fence(struct isr_controller *controller, int32_t broker, enum isr_cause cause)
{
    record_fencing(controller, broker, cause);
    return ctl_propose(controller);
}

static bool stop(struct isr_controller *controller, int32_t broker)
{
    struct ctl_happening what = {
        .cause = ISR_CAUSE_BROKER_SHUTDOWN, .leaves = broker, .returns = ISR_NODE_NONE};
    ctl_record_departure(controller, &what);
    record_broker(controller, broker, false, true, ISR_CAUSE_BROKER_SHUTDOWN);
    return ctl_propose(controller);
}

static bool unfence(struct isr_controller *controller, int32_t broker)
{
    struct ctl_happening what = {
        .cause = ISR_CAUSE_BROKER_UNFENCED, .leaves = ISR_NODE_NONE, .returns = broker};
    record_broker(controller, broker, false, false, ISR_CAUSE_BROKER_UNFENCED);
    for (uint32_t i = 0; i < controller->pending.topics_count; i++) {
        const struct isr_image_topic *topic = &controller->pending.topics[i];
        for (uint32_t j = 0; j < topic->partitions_count; j++) {
            if (topic->partitions[j].leader == ISR_NODE_NONE)
                ctl_record_partition(controller, &topic->partitions[j], &what);
        }
    }
    if (!ctl_propose(controller))
        return false;
    if (!isr_timer_is_set(&controller->sessions_timer))
        watch(controller);
    return true;
}

/* One broker at a time, each on the image that the previous one left: seen from one and the same image, each
 * of two that are gone leaves its leaderships to the other (KAFKA-13173). */
static bool fence_expired(struct isr_controller *controller, int32_t broker)
{
    bool alone = controller->env->rules.fence_batch == ISR_RULE_fence_batch_one_by_one;
    int32_t first = alone ? broker : 1, last = alone ? broker : ISR_NODE_MAX;
    controller->records_count = 0;
    for (int32_t id = first; id <= last; id++) {
        if (is_watched(controller, id) && !ctl_session_is_live(controller, id))
            record_fencing(controller, id, ISR_CAUSE_BROKER_FENCED);
    }
    if (!ctl_propose(controller))
        return false;
    for (int32_t id = first; id <= last; id++)
        controller->sessions[id].heard &= ctl_session_is_live(controller, id);
    return true;
}

static void expire(void *object)
{
    struct isr_controller *controller = object;
    int32_t broker = quietest_broker(controller);
    while (broker != ISR_NODE_NONE && !ctl_session_is_live(controller, broker)) {
        if (!fence_expired(controller, broker)) {
            /* Leadership is being handed over, perhaps in vain: then this controller goes on. */
            isr_env_timer_in(controller->env, &controller->sessions_timer,
                             controller->env->config.retry_backoff);
            return;
        }
        broker = quietest_broker(controller);
    }
    watch(controller);
}

/* ---- life ---- */

void ctl_sessions_init(struct isr_controller *controller)
{
    isr_timer_init(&controller->sessions_timer, expire, controller);
}

void ctl_sessions_begin(struct isr_controller *controller)
{
    for (int32_t id = 1; id <= ISR_NODE_MAX; id++) {
        const struct isr_image_broker *broker = &controller->pending.brokers[id];
        controller->sessions[id].heard = false;
        if (broker->registered && !broker->fenced)
            ctl_session_touch(controller, id);
    }
    watch(controller);
}

void ctl_sessions_end(struct isr_controller *controller)
{
    isr_timer_cancel(&controller->env->timers, &controller->sessions_timer);
}

/* ---- controlled shutdown ---- */

/* Every active broker knows that it leads nothing: else one of them would still fetch from it or redirect to
 * it. It lost all leaderships in the entry with which it began to stop, and nobody inactive gains one. */
static bool may_go(const struct isr_controller *controller, int32_t broker)
{
    for (int32_t id = 1; id <= ISR_NODE_MAX; id++) {
        if (isr_image_broker_active(&controller->pending, id) &&
            controller->sessions[id].metadata_offset <
                controller->sessions[broker].controlled_shutdown_offset)
            return false;
    }
    return true;
}

/* ---- heartbeats ---- */

static bool heartbeat_fenced(struct isr_controller *controller,
                             const struct isr_broker_heartbeat_request *request,
                             struct isr_broker_heartbeat_response *answer)
{
    const struct isr_image_broker *broker = &controller->pending.brokers[request->broker_id];
    if (request->want_shutdown) {
        answer->should_shutdown = 1;
        controller->sessions[request->broker_id].heard = false;
        return true;
    }
    if (request->want_fence || !answer->is_caught_up || broker->shutting_down)
        return true;
    return unfence(controller, request->broker_id);
}

static bool heartbeat_active(struct isr_controller *controller,
                             const struct isr_broker_heartbeat_request *request)
{
    if (request->want_shutdown) {
        if (!stop(controller, request->broker_id))
            return false;
        controller->sessions[request->broker_id].controlled_shutdown_offset = controller->proposed_index;
        return true;
    }
    return !request->want_fence || fence(controller, request->broker_id, ISR_CAUSE_BROKER_FENCED);
}

static bool heartbeat_stopping(struct isr_controller *controller,
                               const struct isr_broker_heartbeat_request *request,
                               struct isr_broker_heartbeat_response *answer)
{
    struct ctl_session *session = &controller->sessions[request->broker_id];
    /* Another controller let it begin to stop: from here on is safe, and once is enough (KAFKA-14292). */
    if (session->controlled_shutdown_offset < 0 ||
        controller->env->rules.shutdown_offset == ISR_RULE_shutdown_offset_each_heartbeat)
        session->controlled_shutdown_offset = ctl_last_index(controller);
    if (!may_go(controller, request->broker_id))
        return true;
    if (!fence(controller, request->broker_id, ISR_CAUSE_BROKER_SHUTDOWN))
        return false;
    /* It said goodbye: its next incarnation need not wait for the session to run out. */
    session->heard = false;
    answer->should_shutdown = 1;
    return true;
}

void ctl_heartbeat(struct isr_controller *controller, const struct isr_broker_heartbeat_request *request,
                   struct isr_broker_heartbeat_response *answer)
{
    enum isr_error error =
        ctl_check_broker_epoch(&controller->pending, request->broker_id, request->broker_epoch);
    answer->error = (uint8_t)error;
    if (error != ISR_ERROR_NONE)
        return;
    const struct isr_image_broker *broker = &controller->pending.brokers[request->broker_id];
    ctl_session_touch(controller, request->broker_id);
    controller->sessions[request->broker_id].metadata_offset = request->metadata_offset;
    answer->is_caught_up = request->metadata_offset >= broker->epoch;
    bool decided;
    if (broker->fenced)
        decided = heartbeat_fenced(controller, request, answer);
    else if (broker->shutting_down)
        decided = heartbeat_stopping(controller, request, answer);
    else
        decided = heartbeat_active(controller, request);
    answer->is_fenced = broker->fenced;
    if (!decided)
        *answer = (struct isr_broker_heartbeat_response){.correlation = request->correlation,
                                                         .error = ISR_ERROR_NOT_CONTROLLER};
}
