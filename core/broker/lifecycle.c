#include "core/broker/lifecycle.h"

#include "core/broker/metadata_follower.h"
#include "core/broker/producer_ids.h"

static void timer_fired(void *object);
static void leaving_is_over(void *object);

void isr_lifecycle_init(struct isr_broker *broker, void (*stopped)(void *object), void *object)
{
    struct isr_lifecycle *lifecycle = isr_heap_allocate(broker->env->heap, sizeof *lifecycle);
    broker->lifecycle = lifecycle;
    broker->broker_epoch = -1;
    lifecycle->broker = broker;
    lifecycle->stopped = stopped;
    lifecycle->object = object;
    isr_timer_init(&lifecycle->timer, timer_fired, lifecycle);
    isr_timer_init(&lifecycle->leaving_timer, leaving_is_over, lifecycle);
}

/* ---- requests ---- */

static void request_sent(struct isr_lifecycle *lifecycle, const struct isr_message *message)
{
    struct isr_env *env = lifecycle->broker->env;
    /* Two attempts fit into a session even where request_timeout is long. */
    int64_t half_session_ns = env->config.broker_session_timeout / 2;
    int64_t timeout_ns =
        env->config.request_timeout < half_session_ns ? env->config.request_timeout : half_session_ns;
    isr_send(env, lifecycle->asked, message);
    isr_env_timer_in(env, &lifecycle->timer, timeout_ns);
}

static void registration_send(struct isr_lifecycle *lifecycle)
{
    struct isr_broker *broker = lifecycle->broker;
    int64_t previous = broker->broker_epoch >= 0 ? broker->broker_epoch : broker->store->clean_shutdown_epoch;
    lifecycle->asked = isr_controller_guess(broker);
    lifecycle->correlation = isr_broker_correlation(broker);
    struct isr_message message = {.kind = ISR_MESSAGE_BROKER_REGISTRATION_REQUEST};
    message.broker_registration_request =
        (struct isr_broker_registration_request){.correlation = lifecycle->correlation,
                                                 .broker_id = (int16_t)broker->env->node,
                                                 .incarnation = lifecycle->incarnation,
                                                 .previous_broker_epoch = previous,
                                                 .rack = broker->rack};
    request_sent(lifecycle, &message);
}

static void heartbeat_send(struct isr_lifecycle *lifecycle)
{
    struct isr_broker *broker = lifecycle->broker;
    lifecycle->hurry = false;
    lifecycle->asked = isr_controller_guess(broker);
    lifecycle->correlation = isr_broker_correlation(broker);
    struct isr_message message = {.kind = ISR_MESSAGE_BROKER_HEARTBEAT_REQUEST};
    message.broker_heartbeat_request =
        (struct isr_broker_heartbeat_request){.correlation = lifecycle->correlation,
                                              .broker_id = (int16_t)broker->env->node,
                                              .broker_epoch = broker->broker_epoch,
                                              .metadata_offset = broker->image.index,
                                              .want_fence = !broker->active,
                                              .want_shutdown = lifecycle->state == ISR_LIFECYCLE_LEAVING};
    request_sent(lifecycle, &message);
}

static void request_next(struct isr_lifecycle *lifecycle)
{
    switch (lifecycle->state) {
    case ISR_LIFECYCLE_REGISTERING:
        registration_send(lifecycle);
        break;
    case ISR_LIFECYCLE_CATCHING_UP:
    case ISR_LIFECYCLE_SERVING:
    case ISR_LIFECYCLE_LEAVING:
        heartbeat_send(lifecycle);
        break;
    case ISR_LIFECYCLE_RECOVERING:
    case ISR_LIFECYCLE_CLOSING:
    case ISR_LIFECYCLE_STOPPED:
        break;
    }
}

static void request_next_in(struct isr_lifecycle *lifecycle, int64_t pause_ns)
{
    lifecycle->correlation = 0;
    isr_env_timer_in(lifecycle->broker->env, &lifecycle->timer, pause_ns);
}

static void request_retry(struct isr_lifecycle *lifecycle)
{
    request_next_in(lifecycle, lifecycle->broker->env->config.retry_backoff);
}

/* At once, or as soon as the answer to what is under way is here. */
static void heartbeat_soon(struct isr_lifecycle *lifecycle)
{
    if (lifecycle->correlation != 0)
        lifecycle->hurry = true;
    else
        heartbeat_send(lifecycle);
}

static void timer_fired(void *object)
{
    struct isr_lifecycle *lifecycle = object;
    if (lifecycle->correlation != 0)
        isr_controller_failed(lifecycle->broker, lifecycle->asked);
    request_next(lifecycle);
}

void isr_lifecycle_disconnected(struct isr_broker *broker, int32_t node)
{
    struct isr_lifecycle *lifecycle = broker->lifecycle;
    if (lifecycle->correlation == 0 || lifecycle->asked != node)
        return;
    isr_controller_failed(broker, node);
    request_retry(lifecycle);
}

/* ---- start ---- */

static void closing_begins(struct isr_lifecycle *lifecycle);

static void logs_ready(void *object)
{
    struct isr_lifecycle *lifecycle = object;
    struct isr_broker *broker = lifecycle->broker;
    if (lifecycle->shutdown_wanted) {
        closing_begins(lifecycle);
        return;
    }
    lifecycle->incarnation = isr_random_draw(&broker->env->random, ISR_RANDOM_INCARNATION);
    struct isr_observation *observation = isr_observe(broker->env, ISR_OBSERVED_BROKER_STARTED);
    observation->broker_started.previous_epoch = broker->store->clean_shutdown_epoch;
    observation->broker_started.incarnation = (int64_t)lifecycle->incarnation;
    lifecycle->state = ISR_LIFECYCLE_REGISTERING;
    registration_send(lifecycle);
    isr_metadata_follower_start(broker);
}

void isr_lifecycle_start(struct isr_broker *broker)
{
    isr_log_store_start(broker->store, broker->env, logs_ready, broker->lifecycle);
}

/* ---- registered ---- */

static void running_set(struct isr_broker *broker, bool running)
{
    if (running && !broker->running)
        isr_observe(broker->env, ISR_OBSERVED_BROKER_UNFENCED)->broker_unfenced.broker_epoch =
            broker->broker_epoch;
    broker->running = running;
}

/* What the metadata says of this registration; nothing of an older one counts. */
static void running_from_image(struct isr_broker *broker)
{
    const struct isr_image_broker *seen = &broker->image.brokers[broker->env->node];
    if (seen->registered && seen->epoch == broker->broker_epoch)
        running_set(broker, !seen->fenced);
    else if (seen->registered && seen->epoch > broker->broker_epoch)
        running_set(broker, false);
}

void isr_lifecycle_metadata_came(struct isr_broker *broker)
{
    struct isr_lifecycle *lifecycle = broker->lifecycle;
    bool caught_up = broker->broker_epoch >= 0 && broker->image.index >= broker->broker_epoch;
    if (broker->env->config.metadata_push && !broker->active)
        return; /* the first LeaderAndIsr gives the roles, and may delete logs */
    if (lifecycle->state == ISR_LIFECYCLE_CATCHING_UP && caught_up) {
        lifecycle->state = ISR_LIFECYCLE_SERVING;
        if (!broker->active) {
            isr_broker_activate(broker);
            isr_broker_drop_strays(broker);
        }
        heartbeat_soon(lifecycle);
    }
    if (lifecycle->state == ISR_LIFECYCLE_SERVING)
        running_from_image(broker);
}

static bool answer_is_awaited(const struct isr_lifecycle *lifecycle, int32_t from, uint32_t correlation)
{
    return lifecycle->correlation != 0 && lifecycle->correlation == correlation && lifecycle->asked == from;
}

void isr_lifecycle_registration_answered(struct isr_broker *broker, int32_t from,
                                         const struct isr_broker_registration_response *answer)
{
    struct isr_lifecycle *lifecycle = broker->lifecycle;
    if (lifecycle->state != ISR_LIFECYCLE_REGISTERING ||
        !answer_is_awaited(lifecycle, from, answer->correlation))
        return;
    if (answer->error != ISR_ERROR_NONE || answer->broker_epoch < 0) {
        if (answer->error == ISR_ERROR_NOT_CONTROLLER)
            isr_controller_failed(broker, from);
        request_retry(lifecycle);
        return;
    }
    isr_controller_answered(broker, from);
    broker->broker_epoch = answer->broker_epoch;
    isr_observe(broker->env, ISR_OBSERVED_BROKER_REGISTERED)->broker_registered.broker_epoch =
        broker->broker_epoch;
    lifecycle->state = ISR_LIFECYCLE_CATCHING_UP;
    request_next_in(lifecycle, broker->env->config.broker_heartbeat_interval);
    isr_lifecycle_metadata_came(broker);
}

/* ---- heartbeats ---- */

static void heartbeat_refused(struct isr_lifecycle *lifecycle, int32_t from, enum isr_error error)
{
    bool unknown = error == ISR_ERROR_STALE_BROKER_EPOCH || error == ISR_ERROR_BROKER_ID_NOT_REGISTERED;
    if (unknown && lifecycle->state == ISR_LIFECYCLE_LEAVING) {
        closing_begins(lifecycle);
        return;
    }
    if (unknown) {
        running_set(lifecycle->broker, false);
        lifecycle->state = ISR_LIFECYCLE_REGISTERING;
    } else {
        isr_controller_failed(lifecycle->broker, from);
    }
    request_retry(lifecycle);
}

void isr_lifecycle_heartbeat_answered(struct isr_broker *broker, int32_t from,
                                      const struct isr_broker_heartbeat_response *answer)
{
    struct isr_lifecycle *lifecycle = broker->lifecycle;
    const struct isr_config *config = &broker->env->config;
    bool beating = lifecycle->state == ISR_LIFECYCLE_CATCHING_UP ||
                   lifecycle->state == ISR_LIFECYCLE_SERVING || lifecycle->state == ISR_LIFECYCLE_LEAVING;
    if (!beating || !answer_is_awaited(lifecycle, from, answer->correlation))
        return;
    if (answer->error != ISR_ERROR_NONE) {
        heartbeat_refused(lifecycle, from, (enum isr_error)answer->error);
        return;
    }
    isr_controller_answered(broker, from);
    if (lifecycle->state == ISR_LIFECYCLE_LEAVING && answer->should_shutdown) {
        closing_begins(lifecycle);
        return;
    }
    if (lifecycle->state == ISR_LIFECYCLE_SERVING)
        running_set(broker, !answer->is_fenced);
    /* Soon again where something is waited for. */
    bool waiting = lifecycle->state == ISR_LIFECYCLE_LEAVING ||
                   (lifecycle->state == ISR_LIFECYCLE_SERVING && answer->is_fenced);
    int64_t soon_ns = config->retry_backoff < config->broker_heartbeat_interval
                          ? config->retry_backoff
                          : config->broker_heartbeat_interval;
    request_next_in(lifecycle, waiting ? soon_ns : config->broker_heartbeat_interval);
    if (lifecycle->hurry)
        heartbeat_send(lifecycle);
}

/* ---- stopping ---- */

static void closed(void *object)
{
    struct isr_lifecycle *lifecycle = object;
    lifecycle->state = ISR_LIFECYCLE_STOPPED;
    lifecycle->stopped(lifecycle->object);
}

/* A broker that never registered in this life keeps the epoch that it found: its logs are as that life left
 * them. */
static void closing_begins(struct isr_lifecycle *lifecycle)
{
    struct isr_broker *broker = lifecycle->broker;
    struct isr_env *env = broker->env;
    int64_t epoch = broker->broker_epoch >= 0 ? broker->broker_epoch : broker->store->clean_shutdown_epoch;
    lifecycle->state = ISR_LIFECYCLE_CLOSING;
    lifecycle->correlation = 0;
    isr_timer_cancel(&env->timers, &lifecycle->timer);
    isr_timer_cancel(&env->timers, &lifecycle->leaving_timer);
    isr_metadata_follower_stop(broker);
    isr_producer_ids_stop(broker);
    isr_broker_stop(broker);
    broker->running = false;
    isr_log_store_close(broker->store, epoch, closed, lifecycle);
}

static void leaving_is_over(void *object)
{
    closing_begins(object);
}

void isr_lifecycle_shutdown(struct isr_broker *broker)
{
    struct isr_lifecycle *lifecycle = broker->lifecycle;
    struct isr_env *env = broker->env;
    if (broker->stopping)
        return;
    broker->stopping = true;
    isr_observe(env, ISR_OBSERVED_BROKER_STOPPING)->broker_stopping.broker_epoch = broker->broker_epoch;
    switch (lifecycle->state) {
    case ISR_LIFECYCLE_RECOVERING:
        lifecycle->shutdown_wanted = true;
        break;
    case ISR_LIFECYCLE_REGISTERING:
        closing_begins(lifecycle);
        break;
    case ISR_LIFECYCLE_CATCHING_UP:
    case ISR_LIFECYCLE_SERVING:
        lifecycle->state = ISR_LIFECYCLE_LEAVING;
        isr_env_timer_in(env, &lifecycle->leaving_timer, env->config.broker_session_timeout);
        heartbeat_soon(lifecycle);
        break;
    case ISR_LIFECYCLE_LEAVING:
    case ISR_LIFECYCLE_CLOSING:
    case ISR_LIFECYCLE_STOPPED:
        break;
    }
}
