/* Broker 1 with an empty disk; the test plays the voters 11, 12 and 13 of the controller quorum. */
#ifndef ISR_BROKER_TESTS_LONE_BROKER_H
#define ISR_BROKER_TESTS_LONE_BROKER_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/broker/lifecycle.h"
#include "core/broker/metadata_follower.h"
#include "core/broker/metadata_service.h"
#include "core/broker/producer_ids.h"
#include "core/tests/support.h"

enum { SENT_MAX = 64 };

struct sent {
    int32_t to;
    struct isr_message message;
};

struct fixture {
    struct test_heap heap, own;
    struct isr_env env;
    struct isr_scratch scratch; /* what was sent, and what the test builds */
    struct isr_log_store store;
    struct isr_broker broker;
    struct sent sent[SENT_MAX]; /* since the last take */
    uint32_t sent_count;
    uint32_t observed[ISR_OBSERVED_KINDS];
    bool disk_held;
    bool stopped;
};

static inline void broker_stopped(void *object)
{
    ((struct fixture *)object)->stopped = true;
}

/* Ends the step: keeps what was sent, and completes disk operations, each in a step of its own. */
static inline void end(struct fixture *fixture)
{
    struct isr_effects effects;
    isr_env_end(&fixture->env, &effects);
    for (uint32_t i = 0; i < effects.observations_count; i++)
        fixture->observed[effects.observations[i].kind]++;
    struct isr_event done[32];
    uint32_t count = 0;
    for (uint32_t i = 0; i < effects.count; i++) {
        const struct isr_effect *effect = &effects.items[i];
        if (effect->kind == ISR_EFFECT_SEND) {
            assert_true(fixture->sent_count < SENT_MAX);
            struct sent *sent = &fixture->sent[fixture->sent_count++];
            uint8_t *copy = isr_scratch_allocate(&fixture->scratch, effect->bytes.size);
            memcpy(copy, effect->bytes.data, effect->bytes.size);
            sent->to = effect->to;
            assert_true(isr_message_decode((struct isr_bytes){copy, effect->bytes.size}, &fixture->scratch,
                                           &sent->message));
        } else {
            assert_true(count < 32);
            done[count] = (struct isr_event){.kind = ISR_EVENT_IO_DONE};
            done[count].io_done.io = effect->io;
            done[count++].io_done.status = effect->kind == ISR_EFFECT_READ ? ISR_IO_NO_FILE : ISR_IO_OK;
        }
    }
    for (uint32_t i = 0; i < count && !fixture->disk_held; i++) {
        isr_env_begin(&fixture->env, fixture->env.now_ns);
        isr_env_io_done(&fixture->env, &done[i]);
        end(fixture);
    }
}

static inline void begin(struct fixture *fixture)
{
    isr_env_begin(&fixture->env, fixture->env.now_ns);
}

static inline struct fixture *fixture_new(void)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    test_heap_init(&fixture->heap);
    test_heap_init(&fixture->own);
    test_env_init(&fixture->env, &fixture->heap);
    isr_scratch_init(&fixture->scratch, &fixture->own.heap);
    struct isr_replicas voters = {3, {11, 12, 13}};
    isr_broker_init(&fixture->broker, &fixture->env, &fixture->store);
    isr_metadata_follower_init(&fixture->broker, &voters);
    isr_producer_ids_init(&fixture->broker);
    isr_lifecycle_init(&fixture->broker, broker_stopped, fixture);
    return fixture;
}

static inline struct fixture *fixture_started(void)
{
    struct fixture *fixture = fixture_new();
    begin(fixture);
    isr_lifecycle_start(&fixture->broker);
    end(fixture);
    return fixture;
}

static inline void fixture_free(struct fixture *fixture)
{
    test_heap_drop(&fixture->heap);
    test_heap_drop(&fixture->own);
    free(fixture);
}

static inline void pass(struct fixture *fixture, int64_t duration_ns)
{
    int64_t until_ns = fixture->env.now_ns + duration_ns;
    for (;;) {
        int64_t next_ns = isr_timers_next(&fixture->env.timers);
        fixture->env.now_ns = next_ns < until_ns ? next_ns : until_ns;
        begin(fixture);
        struct isr_timer *timer = isr_timers_pop(&fixture->env.timers, fixture->env.now_ns);
        if (timer != NULL)
            timer->fire(timer->object);
        end(fixture);
        if (timer == NULL)
            return;
    }
}

/* Takes the newest message of a kind out of what was sent; fails when there is none. */
static inline struct sent take(struct fixture *fixture, enum isr_message_kind kind)
{
    for (uint32_t i = fixture->sent_count; i-- > 0;) {
        if (fixture->sent[i].message.kind != kind)
            continue;
        struct sent sent = fixture->sent[i];
        uint32_t kept = 0;
        for (uint32_t j = 0; j < fixture->sent_count; j++) {
            if (fixture->sent[j].message.kind != kind)
                fixture->sent[kept++] = fixture->sent[j];
        }
        fixture->sent_count = kept;
        return sent;
    }
    fail_msg("nothing of the kind %s was sent", isr_message_name(kind));
    return (struct sent){0};
}

static inline bool was_sent(const struct fixture *fixture, enum isr_message_kind kind)
{
    for (uint32_t i = 0; i < fixture->sent_count; i++) {
        if (fixture->sent[i].message.kind == kind)
            return true;
    }
    return false;
}

/* ---- what the controller says ---- */

static inline void answer_registration(struct fixture *fixture, const struct sent *asked,
                                       enum isr_error error, int64_t epoch)
{
    struct isr_broker_registration_response answer = {
        .correlation = asked->message.broker_registration_request.correlation,
        .error = (uint8_t)error,
        .broker_epoch = epoch};
    begin(fixture);
    isr_lifecycle_registration_answered(&fixture->broker, asked->to, &answer);
    end(fixture);
}

static inline void answer_heartbeat(struct fixture *fixture, enum isr_error error, bool fenced,
                                    bool should_shutdown)
{
    struct sent asked = take(fixture, ISR_MESSAGE_BROKER_HEARTBEAT_REQUEST);
    struct isr_broker_heartbeat_response answer = {.correlation =
                                                       asked.message.broker_heartbeat_request.correlation,
                                                   .error = (uint8_t)error,
                                                   .is_caught_up = true,
                                                   .is_fenced = fenced,
                                                   .should_shutdown = should_shutdown};
    begin(fixture);
    isr_lifecycle_heartbeat_answered(&fixture->broker, asked.to, &answer);
    end(fixture);
}

static inline struct isr_metadata_fetch_response metadata(const struct sent *asked)
{
    return (struct isr_metadata_fetch_response){.correlation =
                                                    asked->message.metadata_fetch_request.correlation,
                                                .controller = ISR_NODE_NONE,
                                                .committed_index = -1,
                                                .snapshot_index = -1};
}

static inline void answer_metadata(struct fixture *fixture, const struct sent *asked,
                                   const struct isr_metadata_fetch_response *answer)
{
    begin(fixture);
    isr_metadata_follower_message(&fixture->broker, asked->to, answer);
    end(fixture);
}

static inline struct isr_bytes registered(struct fixture *fixture, int16_t broker)
{
    struct isr_metadata_record record = {.kind = ISR_METADATA_REGISTER_BROKER,
                                         .register_broker_record = {.broker = broker, .incarnation = 5}};
    return isr_metadata_encode(&record, 1, &fixture->scratch);
}

/* Entries that register brokers: one each index from first to last; broker 1 at the last. */
static inline void tell_registrations(struct fixture *fixture, int64_t first, int64_t last)
{
    struct sent asked = take(fixture, ISR_MESSAGE_METADATA_FETCH_REQUEST);
    struct isr_metadata_entry entries[16];
    struct isr_metadata_fetch_response answer = metadata(&asked);
    answer.committed_index = last;
    answer.entries = entries;
    for (int64_t index = first; index <= last; index++) {
        entries[answer.entries_count++] = (struct isr_metadata_entry){
            .index = index,
            .term = 1,
            .records = registered(fixture, index == last ? 1 : (int16_t)(index + 100))};
    }
    answer_metadata(fixture, &asked, &answer);
}

static inline struct fixture *fixture_serving(void)
{
    struct fixture *fixture = fixture_started();
    struct sent asked = take(fixture, ISR_MESSAGE_BROKER_REGISTRATION_REQUEST);
    answer_registration(fixture, &asked, ISR_ERROR_NONE, 7);
    tell_registrations(fixture, 2, 7);
    answer_heartbeat(fixture, ISR_ERROR_NONE, false, false);
    assert_true(fixture->broker.running);
    return fixture;
}

#endif
