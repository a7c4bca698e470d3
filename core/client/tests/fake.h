/* A client (node 9) among fake brokers 1, 2 and 3: the test is the network and the brokers. Each fake_*
 * function that does something is one step of the node; what the step sent is decoded into fake->sent. */
#ifndef ISR_CLIENT_TESTS_FAKE_H
#define ISR_CLIENT_TESTS_FAKE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/client/client.h"
#include "core/log/batch.h"
#include "core/tests/support.h"

enum { FAKE_CLIENT = 9, FAKE_SENT_MAX = 64 };

struct fake_sent {
    int32_t to;
    struct isr_message message; /* points into the step's frames */
};

struct fake {
    struct test_heap heap;
    struct isr_env env;
    struct isr_client *client;
    struct isr_effects effects;
    struct fake_sent sent[FAKE_SENT_MAX];
    uint32_t sent_count;
    struct isr_scratch scratch;
};

static inline void fake_begin(struct fake *fake)
{
    isr_env_begin(&fake->env, fake->env.now_ns);
    isr_scratch_reset(&fake->scratch);
}

static inline void fake_end(struct fake *fake)
{
    isr_env_end(&fake->env, &fake->effects);
    fake->sent_count = 0;
    for (uint32_t i = 0; i < fake->effects.count; i++) {
        const struct isr_effect *effect = &fake->effects.items[i];
        if (effect->kind != ISR_EFFECT_SEND)
            continue;
        assert_true(fake->sent_count < FAKE_SENT_MAX);
        struct fake_sent *sent = &fake->sent[fake->sent_count++];
        sent->to = effect->to;
        assert_true(isr_message_decode(effect->bytes, &fake->scratch, &sent->message));
    }
}

static inline struct fake *fake_new_with(const struct isr_config *config)
{
    struct fake *fake = calloc(1, sizeof *fake);
    test_heap_init(&fake->heap);
    struct isr_rules rules = {0};
    isr_env_init(&fake->env, FAKE_CLIENT, &fake->heap.heap, config, &rules, 7);
    isr_scratch_init(&fake->scratch, &fake->heap.heap);
    fake_begin(fake);
    struct isr_replicas bootstrap = {.count = 3, .ids = {1, 2, 3}};
    fake->client = isr_client_new(&fake->env, &bootstrap);
    isr_client_start(fake->client);
    fake_end(fake);
    return fake;
}

static inline struct fake *fake_new(void)
{
    struct isr_config config = isr_config_default();
    return fake_new_with(&config);
}

static inline void fake_free(struct fake *fake)
{
    test_heap_drop(&fake->heap);
    free(fake);
}

static inline void fake_command(struct fake *fake, const struct isr_command *command)
{
    fake_begin(fake);
    isr_client_command(fake->client, command);
    fake_end(fake);
}

static inline void fake_answer(struct fake *fake, int32_t from, const struct isr_message *message)
{
    fake_begin(fake);
    assert_true(isr_client_message(fake->client, from, message));
    fake_end(fake);
}

/* Time passes; every timer that is due fires, each in a step of its own. Stops after a step that did
 * something to be seen (an effect); false when the time came without any. */
static inline bool fake_wait(struct fake *fake, int64_t duration_ns)
{
    int64_t until_ns = fake->env.now_ns + duration_ns;
    for (;;) {
        int64_t next_ns = isr_timers_next(&fake->env.timers);
        fake->env.now_ns = next_ns < until_ns ? next_ns : until_ns;
        fake_begin(fake);
        struct isr_timer *timer = isr_timers_pop(&fake->env.timers, fake->env.now_ns);
        if (timer != NULL)
            timer->fire(timer->object);
        fake_end(fake);
        if (fake->effects.count > 0)
            return true;
        if (timer == NULL)
            return false;
    }
}

/* The place in sent of the nth (from 0) message of a kind in the last step, which must be there. */
static inline struct fake_sent *fake_sent_nth(struct fake *fake, enum isr_message_kind kind, uint32_t nth)
{
    for (uint32_t i = 0; i < fake->sent_count; i++) {
        if (fake->sent[i].message.kind == kind && nth-- == 0)
            return &fake->sent[i];
    }
    fail_msg("no such message: %s", isr_message_name(kind));
    return NULL;
}

static inline uint32_t fake_sent_of_kind(const struct fake *fake, enum isr_message_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < fake->sent_count; i++)
        count += fake->sent[i].message.kind == kind;
    return count;
}

/* Waits until a message of the kind is sent. */
static inline struct fake_sent *fake_wait_for(struct fake *fake, enum isr_message_kind kind)
{
    int64_t until_ns = fake->env.now_ns + 60 * ISR_SECOND;
    while (fake_sent_of_kind(fake, kind) == 0)
        assert_true(fake_wait(fake, until_ns - fake->env.now_ns));
    return fake_sent_nth(fake, kind, 0);
}

/* The nth reply of the last step, NULL when there are fewer. */
static inline const struct isr_effect *fake_effect(const struct fake *fake, enum isr_effect_kind kind,
                                                   uint32_t nth)
{
    for (uint32_t i = 0; i < fake->effects.count; i++) {
        if (fake->effects.items[i].kind == kind && nth-- == 0)
            return &fake->effects.items[i];
    }
    return NULL;
}

static inline void fake_assert_reply(const struct fake *fake, uint32_t nth, uint64_t id, enum isr_error error,
                                     int64_t offset)
{
    const struct isr_effect *reply = fake_effect(fake, ISR_EFFECT_REPLY, nth);
    assert_non_null(reply);
    assert_int_equal(reply->id, id);
    assert_string_equal(isr_error_name(reply->error), isr_error_name((uint8_t)error));
    assert_int_equal(reply->offset, offset);
}

/* Answers the metadata request of the last step: topic 1 "orders" of two partitions, controller 2. */
static inline void fake_metadata(struct fake *fake, int32_t leader, int32_t leader_epoch)
{
    struct fake_sent *asked = fake_wait_for(fake, ISR_MESSAGE_METADATA_REQUEST);
    struct isr_metadata_partition partitions[2];
    for (uint16_t i = 0; i < 2; i++) {
        partitions[i] = (struct isr_metadata_partition){.tp = {1, i},
                                                        .leader = (int16_t)leader,
                                                        .leader_epoch = leader_epoch,
                                                        .replicas = {3, {1, 2, 3}},
                                                        .isr = {3, {1, 2, 3}}};
    }
    struct isr_metadata_topic topic = {
        .topic = 1, .name = {"orders"}, .partitions = partitions, .partitions_count = 2};
    struct isr_message message = {.kind = ISR_MESSAGE_METADATA_RESPONSE};
    message.metadata_response = (struct isr_metadata_response){
        .correlation = asked->message.metadata_request.correlation, .controller = 2};
    if (leader_epoch >= 0) {
        message.metadata_response.topics = &topic;
        message.metadata_response.topics_count = 1;
    }
    fake_answer(fake, asked->to, &message);
}

static inline void fake_metadata_without_topics(struct fake *fake)
{
    fake_metadata(fake, ISR_NODE_NONE, -1);
}

#endif
