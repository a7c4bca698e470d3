#include "core/broker/tests/lone_broker.h"

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

/* Entries up to where it had been are history: what they add up to counts when the image is whole again. */
static void takes_its_roles_when_a_lost_image_is_whole_again(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_serving();
    struct isr_tp tp = {1, 0};
    struct sent asked = take(fixture, ISR_MESSAGE_METADATA_FETCH_REQUEST);
    struct isr_metadata_entry damaged = {
        .index = 8, .term = 1, .records = {(const uint8_t *)"\xff\xff\xff", 3}};
    struct isr_metadata_fetch_response answer = metadata(&asked);
    answer.committed_index = 8;
    answer.entries = &damaged;
    answer.entries_count = 1;
    answer_metadata(fixture, &asked, &answer);
    assert_int_equal(fixture->broker.image.index, 0);
    assert_int_equal(fixture->broker.image_floor, 7);
    struct isr_metadata_record records[] = {
        {.kind = ISR_METADATA_TOPIC,
         .topic_record =
             {.topic = 1, .name = {"orders"}, .partitions = 1, .settings = isr_topic_settings_default()}},
        {.kind = ISR_METADATA_PARTITION,
         .partition_record = {.tp = tp, .leader = 1, .replicas = {1, {1}}, .isr = {1, {1}}}}};
    struct isr_bytes created = isr_metadata_encode(records, 2, &fixture->scratch);
    for (int64_t index = 1; index <= 7; index++) {
        pass(fixture, fixture->env.config.retry_backoff);
        asked = take(fixture, ISR_MESSAGE_METADATA_FETCH_REQUEST);
        assert_int_equal(asked.message.metadata_fetch_request.next_index, index);
        struct isr_metadata_entry entry = {
            .index = index, .term = 1, .records = index == 3 ? created : registered(fixture, 1)};
        answer = metadata(&asked);
        answer.committed_index = 7;
        answer.entries = &entry;
        answer.entries_count = 1;
        answer_metadata(fixture, &asked, &answer);
        const struct isr_partition *partition = isr_broker_partition(&fixture->broker, tp);
        assert_int_equal(partition != NULL, index == 7);
        assert_true(partition == NULL || partition->role == ISR_ROLE_LEADER);
    }
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
        cmocka_unit_test(takes_its_roles_when_a_lost_image_is_whole_again),
        cmocka_unit_test(stays_where_it_is_when_an_answer_names_impossible_indices),
        cmocka_unit_test(tells_topics_and_controller_when_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
