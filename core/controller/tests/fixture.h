/* One controller, node 1, on a fake consensus, with helpers that speak as brokers do. */
#ifndef CTL_TESTS_FIXTURE_H
#define CTL_TESTS_FIXTURE_H

#include "core/controller/internal.h"
#include "core/controller/tests/fake_consensus.h"

struct fixture {
    struct test_heap heap;
    struct isr_env env;
    struct fake_consensus fake;
    struct isr_controller controller;
    int64_t now_ns;
    uint32_t correlation;
    bool delayed; /* commits only when the test commits */
};

static inline void begin(struct fixture *f)
{
    isr_env_begin(&f->env, f->now_ns);
}

static inline void fixture_standby(struct fixture *f)
{
    *f = (struct fixture){0};
    test_heap_init(&f->heap);
    test_env_init(&f->env, &f->heap);
    fake_init(&f->fake);
    struct isr_replicas voters = isr_replicas_unpack(0x030201);
    isr_controller_init(&f->controller, &f->env, &voters, &voters, &f->fake.base);
    isr_controller_start(&f->controller);
}

static inline void fixture_active(struct fixture *f)
{
    fixture_standby(f);
    fake_lead(&f->fake);
}

/* As a crash does it: the heap goes whole. */
static inline void fixture_end(struct fixture *f)
{
    test_heap_drop(&f->heap);
}

/* The last message of a kind that this step sent to a node; false when there is none. Decoded into scratch.
 */
static inline bool sent(struct fixture *f, int32_t to, enum isr_message_kind kind,
                        struct isr_message *message)
{
    for (uint32_t i = f->env.effects_count; i > 0; i--) {
        const struct isr_effect *effect = &f->env.effects[i - 1];
        if (effect->kind == ISR_EFFECT_SEND && effect->to == to && isr_frame_kind(effect->bytes) == kind)
            return isr_message_decode(effect->bytes, &f->env.scratch, message);
    }
    return false;
}

static inline uint32_t sent_count(const struct fixture *f)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->env.effects_count; i++)
        count += f->env.effects[i].kind == ISR_EFFECT_SEND;
    return count;
}

static inline const struct isr_observation *observed(const struct fixture *f, enum isr_observation_kind kind)
{
    for (uint32_t i = f->env.observations_count; i > 0; i--) {
        if (f->env.observations[i - 1].kind == kind)
            return &f->env.observations[i - 1];
    }
    return NULL;
}

/* A step of its own: the message arrives, and is committed unless commits are delayed. */
static inline void deliver(struct fixture *f, int32_t from, const struct isr_message *message)
{
    begin(f);
    assert_true(isr_controller_message(&f->controller, from, message));
    if (!f->delayed)
        fake_commit(&f->fake);
}

/* Time passes; timers fire on their way. The effects of the last firing are left. */
static inline void pass(struct fixture *f, int64_t delay_ns)
{
    int64_t end_ns = f->now_ns + delay_ns;
    int64_t next_ns;
    while ((next_ns = isr_timers_next(&f->env.timers)) <= end_ns) {
        f->now_ns = next_ns;
        begin(f);
        struct isr_timer *timer = isr_timers_pop(&f->env.timers, next_ns);
        timer->fire(timer->object);
        if (!f->delayed)
            fake_commit(&f->fake);
    }
    f->now_ns = end_ns;
}

static inline struct isr_message register_request(struct fixture *f, int16_t broker, uint64_t incarnation,
                                                  int64_t previous)
{
    return (struct isr_message){.kind = ISR_MESSAGE_BROKER_REGISTRATION_REQUEST,
                                .broker_registration_request = {.correlation = ++f->correlation,
                                                                .broker_id = broker,
                                                                .incarnation = incarnation,
                                                                .previous_broker_epoch = previous}};
}

static inline struct isr_broker_registration_response do_register(struct fixture *f, int16_t broker,
                                                                  uint64_t incarnation, int64_t previous)
{
    struct isr_message message = register_request(f, broker, incarnation, previous);
    deliver(f, broker, &message);
    assert_true(sent(f, broker, ISR_MESSAGE_BROKER_REGISTRATION_RESPONSE, &message));
    assert_int_equal(message.broker_registration_response.correlation, f->correlation);
    return message.broker_registration_response;
}

static inline struct isr_message heartbeat_request(struct fixture *f, int16_t broker, int64_t metadata_offset)
{
    return (struct isr_message){
        .kind = ISR_MESSAGE_BROKER_HEARTBEAT_REQUEST,
        .broker_heartbeat_request = {.correlation = ++f->correlation,
                                     .broker_id = broker,
                                     .broker_epoch = f->controller.committed.brokers[broker].epoch,
                                     .metadata_offset = metadata_offset}};
}

static inline struct isr_broker_heartbeat_response send_heartbeat(struct fixture *f,
                                                                  struct isr_message *message)
{
    int32_t broker = message->broker_heartbeat_request.broker_id;
    deliver(f, broker, message);
    assert_true(sent(f, broker, ISR_MESSAGE_BROKER_HEARTBEAT_RESPONSE, message));
    return message->broker_heartbeat_response;
}

/* Caught up with all that is committed. */
static inline struct isr_broker_heartbeat_response heartbeat(struct fixture *f, int16_t broker)
{
    struct isr_message message = heartbeat_request(f, broker, f->controller.committed.index);
    return send_heartbeat(f, &message);
}

static inline struct isr_broker_heartbeat_response heartbeat_shutdown(struct fixture *f, int16_t broker)
{
    struct isr_message message = heartbeat_request(f, broker, f->controller.committed.index);
    message.broker_heartbeat_request.want_shutdown = 1;
    return send_heartbeat(f, &message);
}

static inline void join(struct fixture *f, int16_t broker)
{
    assert_int_equal(do_register(f, broker, 100 + (uint64_t)broker, -1).error, ISR_ERROR_NONE);
    assert_int_equal(heartbeat(f, broker).is_fenced, 0);
    assert_true(isr_image_broker_active(&f->controller.committed, broker));
}

static inline struct isr_message create_request(struct fixture *f, const char *name, int32_t partitions,
                                                int16_t replication, int16_t min_isr)
{
    struct isr_message message = {
        .kind = ISR_MESSAGE_CREATE_TOPIC_REQUEST,
        .create_topic_request = {.correlation = ++f->correlation,
                                 .partitions = partitions,
                                 .replication_factor = replication,
                                 .settings = isr_topic_settings_of_min_isr(min_isr)}};
    strncpy(message.create_topic_request.name.text, name, ISR_NAME_BYTES_MAX - 1);
    return message;
}

static inline struct isr_create_topic_response send_create(struct fixture *f, struct isr_message *message)
{
    deliver(f, 200, message);
    assert_true(sent(f, 200, ISR_MESSAGE_CREATE_TOPIC_RESPONSE, message));
    return message->create_topic_response;
}

/* Brokers 1, 2, 3, and the topic 1 "orders" with one partition on them, led by 1, of min ISR 2. */
static inline void fixture_cluster(struct fixture *f)
{
    fixture_active(f);
    for (int16_t broker = 1; broker <= 3; broker++)
        join(f, broker);
    struct isr_message message = create_request(f, "orders", 1, 3, 2);
    assert_int_equal(send_create(f, &message).error, ISR_ERROR_NONE);
}

static const struct isr_tp orders = {1, 0};

static inline const struct isr_image_partition *committed(const struct fixture *f)
{
    return isr_image_partition(&f->controller.committed, orders);
}

#endif
