/* Broker 1 with an empty disk; the test plays the voters 11, 12 and 13 of the controller quorum. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/broker/lifecycle.h"
#include "core/broker/metadata_follower.h"
#include "core/broker/metadata_service.h"
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

static void broker_stopped(void *object)
{
    ((struct fixture *)object)->stopped = true;
}

/* Ends the step: keeps what was sent, and completes disk operations, each in a step of its own. */
static void end(struct fixture *fixture)
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

static void begin(struct fixture *fixture)
{
    isr_env_begin(&fixture->env, fixture->env.now_ns);
}

static struct fixture *fixture_new(void)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    test_heap_init(&fixture->heap);
    test_heap_init(&fixture->own);
    test_env_init(&fixture->env, &fixture->heap);
    isr_scratch_init(&fixture->scratch, &fixture->own.heap);
    struct isr_replicas voters = {3, {11, 12, 13}};
    isr_broker_init(&fixture->broker, &fixture->env, &fixture->store);
    isr_metadata_follower_init(&fixture->broker, &voters);
    isr_lifecycle_init(&fixture->broker, broker_stopped, fixture);
    return fixture;
}

static struct fixture *fixture_started(void)
{
    struct fixture *fixture = fixture_new();
    begin(fixture);
    isr_lifecycle_start(&fixture->broker);
    end(fixture);
    return fixture;
}

static void fixture_free(struct fixture *fixture)
{
    test_heap_drop(&fixture->heap);
    test_heap_drop(&fixture->own);
    free(fixture);
}

static void pass(struct fixture *fixture, int64_t duration_ns)
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
static struct sent take(struct fixture *fixture, enum isr_message_kind kind)
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

static bool was_sent(const struct fixture *fixture, enum isr_message_kind kind)
{
    for (uint32_t i = 0; i < fixture->sent_count; i++) {
        if (fixture->sent[i].message.kind == kind)
            return true;
    }
    return false;
}

/* ---- what the controller says ---- */

static void answer_registration(struct fixture *fixture, const struct sent *asked, enum isr_error error,
                                int64_t epoch)
{
    struct isr_broker_registration_response answer = {
        .correlation = asked->message.broker_registration_request.correlation,
        .error = (uint8_t)error,
        .broker_epoch = epoch};
    begin(fixture);
    isr_lifecycle_registration_answered(&fixture->broker, asked->to, &answer);
    end(fixture);
}

static void answer_heartbeat(struct fixture *fixture, enum isr_error error, bool fenced, bool should_shutdown)
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

static struct isr_metadata_fetch_response metadata(const struct sent *asked)
{
    return (struct isr_metadata_fetch_response){.correlation =
                                                    asked->message.metadata_fetch_request.correlation,
                                                .controller = ISR_NODE_NONE,
                                                .committed_index = -1,
                                                .snapshot_index = -1};
}

static void answer_metadata(struct fixture *fixture, const struct sent *asked,
                            const struct isr_metadata_fetch_response *answer)
{
    begin(fixture);
    isr_metadata_follower_message(&fixture->broker, asked->to, answer);
    end(fixture);
}

static struct isr_bytes registered(struct fixture *fixture, int16_t broker)
{
    struct isr_metadata_record record = {.kind = ISR_METADATA_REGISTER_BROKER,
                                         .register_broker_record = {.broker = broker, .incarnation = 5}};
    return isr_metadata_encode(&record, 1, &fixture->scratch);
}

/* Entries that register brokers: one each index from first to last; broker 1 at the last. */
static void tell_registrations(struct fixture *fixture, int64_t first, int64_t last)
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

static struct fixture *fixture_serving(void)
{
    struct fixture *fixture = fixture_started();
    struct sent asked = take(fixture, ISR_MESSAGE_BROKER_REGISTRATION_REQUEST);
    answer_registration(fixture, &asked, ISR_ERROR_NONE, 7);
    tell_registrations(fixture, 2, 7);
    answer_heartbeat(fixture, ISR_ERROR_NONE, false, false);
    assert_true(fixture->broker.running);
    return fixture;
}

/* ---- starting ---- */

static void takes_no_role_before_the_image_reaches_the_registration(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_started();
    struct sent asked = take(fixture, ISR_MESSAGE_BROKER_REGISTRATION_REQUEST);
    assert_int_equal(asked.message.broker_registration_request.previous_broker_epoch, -1);
    answer_registration(fixture, &asked, ISR_ERROR_NONE, 7);
    assert_int_equal(fixture->broker.broker_epoch, 7);
    tell_registrations(fixture, 2, 6);
    assert_false(fixture->broker.active);
    pass(fixture, fixture->env.config.broker_heartbeat_interval);
    struct sent beat = take(fixture, ISR_MESSAGE_BROKER_HEARTBEAT_REQUEST);
    assert_true(beat.message.broker_heartbeat_request.want_fence);
    fixture->sent[fixture->sent_count++] = beat;
    answer_heartbeat(fixture, ISR_ERROR_NONE, true, false);
    tell_registrations(fixture, 7, 7);
    assert_true(fixture->broker.active);
    beat = take(fixture, ISR_MESSAGE_BROKER_HEARTBEAT_REQUEST);
    assert_false(beat.message.broker_heartbeat_request.want_fence);
    assert_int_equal(beat.message.broker_heartbeat_request.metadata_offset, 7);
    assert_int_equal(beat.message.broker_heartbeat_request.broker_epoch, 7);
    assert_false(fixture->broker.running);
    fixture->sent[fixture->sent_count++] = beat;
    answer_heartbeat(fixture, ISR_ERROR_NONE, false, false);
    assert_true(fixture->broker.running);
    assert_int_equal(fixture->observed[ISR_OBSERVED_BROKER_UNFENCED], 1);
    fixture_free(fixture);
}

static void asks_the_next_voter_when_one_is_silent_or_no_controller(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_started();
    struct sent first = take(fixture, ISR_MESSAGE_BROKER_REGISTRATION_REQUEST);
    answer_registration(fixture, &first, ISR_ERROR_NOT_CONTROLLER, -1);
    assert_false(was_sent(fixture, ISR_MESSAGE_BROKER_REGISTRATION_REQUEST));
    pass(fixture, fixture->env.config.retry_backoff);
    struct sent second = take(fixture, ISR_MESSAGE_BROKER_REGISTRATION_REQUEST);
    assert_int_not_equal(second.to, first.to);
    assert_true(second.message.broker_registration_request.incarnation ==
                first.message.broker_registration_request.incarnation);
    pass(fixture, fixture->env.config.request_timeout);
    struct sent third = take(fixture, ISR_MESSAGE_BROKER_REGISTRATION_REQUEST);
    assert_int_not_equal(third.to, second.to);
    /* The answer to the second comes too late. */
    answer_registration(fixture, &second, ISR_ERROR_NONE, 7);
    assert_int_equal(fixture->broker.broker_epoch, -1);
    fixture_free(fixture);
}

/* With metadata_push nothing else comes from it while there is no news. */
static void knows_the_controller_when_a_heartbeat_is_answered(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture->env.config.metadata_push = 1;
    begin(fixture);
    isr_lifecycle_start(&fixture->broker);
    end(fixture);
    struct sent asked = take(fixture, ISR_MESSAGE_BROKER_REGISTRATION_REQUEST);
    answer_registration(fixture, &asked, ISR_ERROR_NONE, 7);
    assert_int_equal(fixture->broker.controller, asked.to);
    pass(fixture, fixture->env.config.broker_heartbeat_interval);
    take(fixture, ISR_MESSAGE_BROKER_HEARTBEAT_REQUEST);
    pass(fixture, fixture->env.config.request_timeout); /* nobody answers */
    assert_int_equal(fixture->broker.controller, ISR_NODE_NONE);
    struct sent again = take(fixture, ISR_MESSAGE_BROKER_HEARTBEAT_REQUEST);
    fixture->sent[fixture->sent_count++] = again;
    answer_heartbeat(fixture, ISR_ERROR_NONE, true, false);
    assert_int_equal(fixture->broker.controller, again.to);
    assert_false(was_sent(fixture, ISR_MESSAGE_METADATA_FETCH_REQUEST));
    fixture_free(fixture);
}

static void goes_on_asking_when_a_former_life_is_not_over(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_started();
    for (int i = 0; i < 5; i++) {
        struct sent asked = take(fixture, ISR_MESSAGE_BROKER_REGISTRATION_REQUEST);
        answer_registration(fixture, &asked, ISR_ERROR_DUPLICATE_BROKER_REGISTRATION, -1);
        pass(fixture, fixture->env.config.retry_backoff);
    }
    assert_true(was_sent(fixture, ISR_MESSAGE_BROKER_REGISTRATION_REQUEST));
    fixture_free(fixture);
}

/* ---- serving ---- */

static void comes_back_when_it_was_fenced(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_serving();
    pass(fixture, fixture->env.config.broker_heartbeat_interval);
    answer_heartbeat(fixture, ISR_ERROR_NONE, true, false);
    assert_false(fixture->broker.running);
    pass(fixture, fixture->env.config.retry_backoff);
    answer_heartbeat(fixture, ISR_ERROR_NONE, false, false);
    assert_true(fixture->broker.running);
    fixture_free(fixture);
}

static void registers_again_when_the_registration_is_gone(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_serving();
    uint64_t incarnation = fixture->broker.lifecycle->incarnation;
    pass(fixture, fixture->env.config.broker_heartbeat_interval);
    answer_heartbeat(fixture, ISR_ERROR_STALE_BROKER_EPOCH, false, false);
    assert_false(fixture->broker.running);
    pass(fixture, fixture->env.config.retry_backoff);
    struct sent asked = take(fixture, ISR_MESSAGE_BROKER_REGISTRATION_REQUEST);
    assert_true(asked.message.broker_registration_request.incarnation == incarnation);
    assert_int_equal(asked.message.broker_registration_request.previous_broker_epoch, 7);
    answer_registration(fixture, &asked, ISR_ERROR_NONE, 9);
    assert_int_equal(fixture->broker.lifecycle->state, ISR_LIFECYCLE_CATCHING_UP);
    tell_registrations(fixture, 8, 9);
    assert_int_equal(fixture->broker.lifecycle->state, ISR_LIFECYCLE_SERVING);
    fixture_free(fixture);
}

/* ---- stopping ---- */

static void closes_when_the_controller_lets_it_go(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_serving();
    begin(fixture);
    isr_lifecycle_shutdown(&fixture->broker);
    end(fixture);
    struct sent beat = take(fixture, ISR_MESSAGE_BROKER_HEARTBEAT_REQUEST);
    assert_true(beat.message.broker_heartbeat_request.want_shutdown);
    fixture->sent[fixture->sent_count++] = beat;
    answer_heartbeat(fixture, ISR_ERROR_NONE, false, false);
    assert_false(fixture->stopped);
    pass(fixture, fixture->env.config.retry_backoff);
    answer_heartbeat(fixture, ISR_ERROR_NONE, false, true);
    assert_true(fixture->stopped);
    assert_false(fixture->broker.active);
    fixture->sent_count = 0;
    pass(fixture, 60 * ISR_SECOND);
    assert_int_equal(fixture->sent_count, 0);
    fixture_free(fixture);
}

static void closes_anyway_when_the_controller_is_silent(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_serving();
    begin(fixture);
    isr_lifecycle_shutdown(&fixture->broker);
    end(fixture);
    pass(fixture, fixture->env.config.broker_session_timeout - 1);
    assert_false(fixture->stopped);
    pass(fixture, 1);
    assert_true(fixture->stopped);
    fixture_free(fixture);
}

static void closes_at_once_when_it_never_registered(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_started();
    begin(fixture);
    isr_lifecycle_shutdown(&fixture->broker);
    end(fixture);
    assert_true(fixture->stopped);
    fixture_free(fixture);
}

static void closes_after_recovery_when_asked_before(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture->disk_held = true;
    begin(fixture);
    isr_lifecycle_start(&fixture->broker);
    isr_lifecycle_shutdown(&fixture->broker);
    fixture->disk_held = false;
    end(fixture);
    assert_true(fixture->stopped);
    assert_false(was_sent(fixture, ISR_MESSAGE_BROKER_REGISTRATION_REQUEST));
    fixture_free(fixture);
}

/* ---- following the metadata ---- */

static void follows_a_hint_once_when_refused(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_started();
    struct sent asked = take(fixture, ISR_MESSAGE_METADATA_FETCH_REQUEST);
    struct isr_metadata_fetch_response answer = metadata(&asked);
    answer.error = ISR_ERROR_NOT_CONTROLLER;
    answer.controller = asked.to == 13 ? 11 : 13;
    answer_metadata(fixture, &asked, &answer);
    struct sent again = take(fixture, ISR_MESSAGE_METADATA_FETCH_REQUEST);
    assert_int_equal(again.to, answer.controller);
    assert_int_equal(fixture->broker.controller, answer.controller);
    /* A second hint in a row waits. */
    answer = metadata(&again);
    answer.error = ISR_ERROR_NOT_CONTROLLER;
    answer.controller = (int16_t)asked.to;
    answer_metadata(fixture, &again, &answer);
    assert_false(was_sent(fixture, ISR_MESSAGE_METADATA_FETCH_REQUEST));
    pass(fixture, fixture->env.config.retry_backoff);
    assert_int_equal(take(fixture, ISR_MESSAGE_METADATA_FETCH_REQUEST).to, asked.to);
    fixture_free(fixture);
}

static void ignores_answers_that_are_late_or_repeated(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_started();
    struct sent asked = take(fixture, ISR_MESSAGE_METADATA_FETCH_REQUEST);
    struct isr_metadata_entry entry = {.index = 2, .term = 1, .records = registered(fixture, 4)};
    struct isr_metadata_fetch_response answer = metadata(&asked);
    answer.committed_index = 2;
    answer.entries = &entry;
    answer.entries_count = 1;
    answer_metadata(fixture, &asked, &answer);
    assert_int_equal(fixture->broker.image.index, 2);
    uint64_t digest = fixture->broker.image.digest;
    entry.index = 3;
    answer_metadata(fixture, &asked, &answer);
    assert_int_equal(fixture->broker.image.index, 2);
    assert_true(fixture->broker.image.digest == digest);
    struct sent again = take(fixture, ISR_MESSAGE_METADATA_FETCH_REQUEST);
    assert_int_equal(again.message.metadata_fetch_request.next_index, 3);
    fixture_free(fixture);
}

static void passes_over_entries_that_are_no_commands(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_started();
    struct sent asked = take(fixture, ISR_MESSAGE_METADATA_FETCH_REQUEST);
    struct isr_metadata_fetch_response answer = metadata(&asked);
    answer.committed_index = 3;
    answer_metadata(fixture, &asked, &answer);
    asked = take(fixture, ISR_MESSAGE_METADATA_FETCH_REQUEST);
    assert_int_equal(asked.message.metadata_fetch_request.next_index, 4);
    fixture_free(fixture);
}

static void loads_a_snapshot_when_entries_are_compacted(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_started();
    struct isr_image *image = isr_heap_allocate(&fixture->own.heap, sizeof *image);
    isr_image_init(image, &fixture->own.heap);
    assert_true(isr_image_apply(image, 40, 2, registered(fixture, 4), &fixture->scratch, NULL));
    struct sent asked = take(fixture, ISR_MESSAGE_METADATA_FETCH_REQUEST);
    struct isr_metadata_fetch_response answer = metadata(&asked);
    answer.committed_index = 40;
    answer.snapshot_index = 40;
    answer.snapshot = isr_image_snapshot(image, &fixture->scratch);
    answer_metadata(fixture, &asked, &answer);
    assert_int_equal(fixture->broker.image.index, 40);
    assert_true(fixture->broker.image.digest == image->digest);
    assert_int_equal(fixture->observed[ISR_OBSERVED_METADATA_SNAPSHOT_LOADED], 1);
    asked = take(fixture, ISR_MESSAGE_METADATA_FETCH_REQUEST);
    assert_int_equal(asked.message.metadata_fetch_request.next_index, 41);
    fixture_free(fixture);
}

static void begins_anew_when_an_entry_is_damaged(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_started();
    tell_registrations(fixture, 2, 5);
    struct sent asked = take(fixture, ISR_MESSAGE_METADATA_FETCH_REQUEST);
    struct isr_metadata_entry entry = {
        .index = 6, .term = 1, .records = {(const uint8_t *)"\xff\xff\xff", 3}};
    struct isr_metadata_fetch_response answer = metadata(&asked);
    answer.committed_index = 6;
    answer.entries = &entry;
    answer.entries_count = 1;
    answer_metadata(fixture, &asked, &answer);
    assert_int_equal(fixture->broker.image.index, 0);
    pass(fixture, fixture->env.config.retry_backoff);
    asked = take(fixture, ISR_MESSAGE_METADATA_FETCH_REQUEST);
    assert_int_equal(asked.message.metadata_fetch_request.next_index, 1);
    fixture_free(fixture);
}

/* ---- telling clients ---- */

/* Numbers that no log reaches: adding one to them must not be tried, and following goes on where it was. */
static void stays_where_it_is_when_an_answer_names_impossible_indices(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_started();
    tell_registrations(fixture, 2, 5);
    struct isr_image *image = isr_heap_allocate(&fixture->own.heap, sizeof *image);
    isr_image_init(image, &fixture->own.heap);
    assert_true(isr_image_apply(image, 40, 2, registered(fixture, 4), &fixture->scratch, NULL));
    for (int what = 0; what < 3; what++) {
        struct sent asked = take(fixture, ISR_MESSAGE_METADATA_FETCH_REQUEST);
        assert_int_equal(asked.message.metadata_fetch_request.next_index, 6);
        struct isr_metadata_entry entry = {.index = INT64_MAX, .term = 1, .records = registered(fixture, 9)};
        struct isr_metadata_fetch_response answer = metadata(&asked);
        answer.committed_index = what == 0 ? INT64_MAX : 6;
        if (what == 1) {
            answer.entries = &entry;
            answer.entries_count = 1;
        }
        if (what == 2) {
            answer.snapshot_index = INT64_MAX;
            answer.snapshot = isr_image_snapshot(image, &fixture->scratch);
        }
        answer_metadata(fixture, &asked, &answer);
        assert_int_equal(fixture->broker.image.index, 5);
        pass(fixture, fixture->env.config.retry_backoff);
    }
    fixture_free(fixture);
}

static void tells_topics_and_controller_when_asked(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_serving();
    struct isr_metadata_record records[2] = {
        {.kind = ISR_METADATA_TOPIC,
         .topic_record =
             {.topic = 1, .name = {"orders"}, .partitions = 1, .settings = isr_topic_settings_of_min_isr(2)}},
        {.kind = ISR_METADATA_PARTITION,
         .partition_record =
             {.tp = {1, 0}, .leader = 4, .leader_epoch = 3, .replicas = {2, {4, 5}}, .isr = {1, {4}}}},
    };
    struct sent asked = take(fixture, ISR_MESSAGE_METADATA_FETCH_REQUEST);
    struct isr_metadata_entry entry = {
        .index = 8, .term = 1, .records = isr_metadata_encode(records, 2, &fixture->scratch)};
    struct isr_metadata_fetch_response answer = metadata(&asked);
    answer.committed_index = 8;
    answer.entries = &entry;
    answer.entries_count = 1;
    answer_metadata(fixture, &asked, &answer);
    struct isr_metadata_request request = {.correlation = 77};
    begin(fixture);
    isr_metadata_service_request(&fixture->broker, 20, &request);
    end(fixture);
    struct sent told = take(fixture, ISR_MESSAGE_METADATA_RESPONSE);
    const struct isr_metadata_response *response = &told.message.metadata_response;
    assert_int_equal(told.to, 20);
    assert_int_equal(response->correlation, 77);
    assert_int_equal(response->controller, asked.to);
    assert_int_equal(response->topics_count, 1);
    assert_string_equal(response->topics[0].name.text, "orders");
    assert_int_equal(response->topics[0].partitions_count, 1);
    assert_int_equal(response->topics[0].partitions[0].leader, 4);
    assert_int_equal(response->topics[0].partitions[0].leader_epoch, 3);
    assert_int_equal(response->topics[0].partitions[0].isr.count, 1);
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_no_role_before_the_image_reaches_the_registration),
        cmocka_unit_test(asks_the_next_voter_when_one_is_silent_or_no_controller),
        cmocka_unit_test(knows_the_controller_when_a_heartbeat_is_answered),
        cmocka_unit_test(goes_on_asking_when_a_former_life_is_not_over),
        cmocka_unit_test(comes_back_when_it_was_fenced),
        cmocka_unit_test(registers_again_when_the_registration_is_gone),
        cmocka_unit_test(closes_when_the_controller_lets_it_go),
        cmocka_unit_test(closes_anyway_when_the_controller_is_silent),
        cmocka_unit_test(closes_at_once_when_it_never_registered),
        cmocka_unit_test(closes_after_recovery_when_asked_before),
        cmocka_unit_test(follows_a_hint_once_when_refused),
        cmocka_unit_test(ignores_answers_that_are_late_or_repeated),
        cmocka_unit_test(passes_over_entries_that_are_no_commands),
        cmocka_unit_test(loads_a_snapshot_when_entries_are_compacted),
        cmocka_unit_test(begins_anew_when_an_entry_is_damaged),
        cmocka_unit_test(stays_where_it_is_when_an_answer_names_impossible_indices),
        cmocka_unit_test(tells_topics_and_controller_when_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
