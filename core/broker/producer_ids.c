#include "core/broker/producer_ids.h"

#include "core/broker/metadata_follower.h"

enum { AHEAD = 10 }; /* the next block is asked for when this part of one is left (Kafka: 90 % are used) */

static void timer_fired(void *object);

void isr_producer_ids_init(struct isr_broker *broker)
{
    struct isr_producer_ids *ids = isr_heap_allocate(broker->env->heap, sizeof *ids);
    broker->producer_ids = ids;
    ids->broker = broker;
    isr_timer_init(&ids->timer, timer_fired, ids);
}

/* ---- the controller ---- */

static void ask(struct isr_producer_ids *ids)
{
    struct isr_broker *broker = ids->broker;
    ids->asking = true;
    ids->asked = isr_controller_guess(broker);
    ids->correlation = isr_broker_correlation(broker);
    struct isr_message message = {.kind = ISR_MESSAGE_ALLOCATE_PRODUCER_IDS_REQUEST,
                                  .allocate_producer_ids_request = {.correlation = ids->correlation,
                                                                    .broker_id = (int16_t)broker->env->node,
                                                                    .broker_epoch = broker->broker_epoch}};
    isr_send(broker->env, ids->asked, &message);
    isr_env_timer_in(broker->env, &ids->timer, broker->env->config.request_timeout);
}

static void ask_again(struct isr_producer_ids *ids)
{
    ids->correlation = 0;
    isr_env_timer_in(ids->broker->env, &ids->timer, ids->broker->env->config.retry_backoff);
}

static void timer_fired(void *object)
{
    struct isr_producer_ids *ids = object;
    if (ids->correlation != 0)
        isr_controller_failed(ids->broker, ids->asked);
    ask(ids);
}

void isr_producer_ids_disconnected(struct isr_broker *broker, int32_t node)
{
    struct isr_producer_ids *ids = broker->producer_ids;
    if (ids->correlation == 0 || ids->asked != node)
        return;
    isr_controller_failed(broker, node);
    ask_again(ids);
}

/* ---- clients ---- */

static void answer(struct isr_producer_ids *ids, int32_t client, uint32_t correlation, enum isr_error error,
                   int64_t producer_id)
{
    struct isr_message message = {.kind = ISR_MESSAGE_INIT_PRODUCER_ID_RESPONSE,
                                  .init_producer_id_response = {.correlation = correlation,
                                                                .error = (uint8_t)error,
                                                                .producer_id = producer_id}};
    isr_send(ids->broker->env, client, &message);
}

static bool has_id(struct isr_producer_ids *ids)
{
    if (ids->block.next == ids->block.end) {
        ids->block = ids->next_block;
        ids->next_block = (struct isr_producer_id_block){0};
    }
    return ids->block.next < ids->block.end;
}

static void hand_out(struct isr_producer_ids *ids, int32_t client, uint32_t correlation)
{
    answer(ids, client, correlation, ISR_ERROR_NONE, ids->block.next++);
}

/* Everybody who waits and for whom there is an id, by node id. */
static void serve(struct isr_producer_ids *ids)
{
    for (int32_t client = 1; client <= ISR_NODE_MAX && ids->waiting_count > 0 && has_id(ids); client++) {
        if (ids->waiting[client] == 0)
            continue;
        hand_out(ids, client, ids->waiting[client]);
        ids->waiting[client] = 0;
        ids->waiting_count--;
    }
}

static void look_ahead(struct isr_producer_ids *ids)
{
    bool ends = ids->block.end - ids->block.next <= ids->block.count / AHEAD;
    if (!ids->asking && ends && ids->next_block.next == ids->next_block.end)
        ask(ids);
}

void isr_producer_ids_request(struct isr_broker *broker, int32_t from,
                              const struct isr_init_producer_id_request *request)
{
    struct isr_producer_ids *ids = broker->producer_ids;
    if (!broker->active || request->correlation == 0) {
        answer(ids, from, request->correlation, ISR_ERROR_BROKER_NOT_AVAILABLE, -1);
        return;
    }
    ids->waiting_count += ids->waiting[from] == 0;
    ids->waiting[from] = request->correlation;
    serve(ids);
    look_ahead(ids);
}

static bool block_is_sound(const struct isr_allocate_producer_ids_response *told)
{
    return told->first_producer_id >= 0 && told->count >= 1 &&
           told->first_producer_id <= INT64_MAX - told->count;
}

static void block_came(struct isr_producer_ids *ids, const struct isr_allocate_producer_ids_response *told)
{
    ids->asking = false;
    ids->correlation = 0;
    isr_timer_cancel(&ids->broker->env->timers, &ids->timer);
    ids->next_block = (struct isr_producer_id_block){
        .next = told->first_producer_id, .end = told->first_producer_id + told->count, .count = told->count};
    struct isr_observation *seen = isr_observe(ids->broker->env, ISR_OBSERVED_PRODUCER_IDS_ALLOCATED);
    seen->producer_ids_allocated.first = told->first_producer_id;
    seen->producer_ids_allocated.count = told->count;
    serve(ids);
    look_ahead(ids);
}

void isr_producer_ids_allocated(struct isr_broker *broker, int32_t from,
                                const struct isr_allocate_producer_ids_response *told)
{
    struct isr_producer_ids *ids = broker->producer_ids;
    if (ids->correlation == 0 || ids->correlation != told->correlation || ids->asked != from)
        return;
    if (told->error == ISR_ERROR_NONE && block_is_sound(told)) {
        block_came(ids, told);
        return;
    }
    if (told->error == ISR_ERROR_NOT_CONTROLLER)
        isr_controller_failed(broker, from);
    ask_again(ids);
}

/* ---- the end ---- */

void isr_producer_ids_stop(struct isr_broker *broker)
{
    struct isr_producer_ids *ids = broker->producer_ids;
    ids->asking = false;
    ids->correlation = 0;
    isr_timer_cancel(&broker->env->timers, &ids->timer);
    for (int32_t client = 1; client <= ISR_NODE_MAX && ids->waiting_count > 0; client++) {
        if (ids->waiting[client] == 0)
            continue;
        answer(ids, client, ids->waiting[client], ISR_ERROR_BROKER_NOT_AVAILABLE, -1);
        ids->waiting[client] = 0;
        ids->waiting_count--;
    }
}
