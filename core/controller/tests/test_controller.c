#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/controller/tests/fixture.h"

/* ---- activation and resignation ---- */

static void controller_is_active_when_consensus_leads(void **state)
{
    (void)state;
    struct fixture f;
    fixture_standby(&f);
    assert_false(isr_controller_is_active(&f.controller));
    begin(&f);
    fake_lead(&f.fake);
    assert_true(isr_controller_is_active(&f.controller));
    assert_int_equal(observed(&f, ISR_OBSERVED_CONTROLLER_ACTIVE)->controller_active.term, 1);
    assert_int_equal(f.env.metrics.controller_elections, 1);
    begin(&f);
    fake_lead(&f.fake); /* led on in a newer term: all soft state is dropped in between */
    assert_non_null(observed(&f, ISR_OBSERVED_CONTROLLER_RESIGNED));
    assert_int_equal(observed(&f, ISR_OBSERVED_CONTROLLER_ACTIVE)->controller_active.term, 2);
    begin(&f);
    fake_lose(&f.fake, 2);
    assert_false(isr_controller_is_active(&f.controller));
    assert_int_equal(observed(&f, ISR_OBSERVED_CONTROLLER_RESIGNED)->controller_resigned.term, 2);
    begin(&f);
    fake_lose(&f.fake, 3);
    assert_null(observed(&f, ISR_OBSERVED_CONTROLLER_RESIGNED));
    fixture_end(&f);
}

static void every_request_is_refused_when_the_controller_is_standby(void **state)
{
    (void)state;
    struct fixture f;
    struct isr_message answer;
    fixture_standby(&f);
    struct isr_message message = register_request(&f, 2, 1, -1);
    deliver(&f, 2, &message);
    assert_true(sent(&f, 2, ISR_MESSAGE_BROKER_REGISTRATION_RESPONSE, &answer));
    assert_int_equal(answer.broker_registration_response.error, ISR_ERROR_NOT_CONTROLLER);
    assert_int_equal(answer.broker_registration_response.broker_epoch, -1);
    message = heartbeat_request(&f, 2, 0);
    deliver(&f, 2, &message);
    assert_true(sent(&f, 2, ISR_MESSAGE_BROKER_HEARTBEAT_RESPONSE, &answer));
    assert_int_equal(answer.broker_heartbeat_response.error, ISR_ERROR_NOT_CONTROLLER);
    message = create_request(&f, "t", 1, 1, 1);
    deliver(&f, 2, &message);
    assert_true(sent(&f, 2, ISR_MESSAGE_CREATE_TOPIC_RESPONSE, &answer));
    assert_int_equal(answer.create_topic_response.error, ISR_ERROR_NOT_CONTROLLER);
    message = (struct isr_message){.kind = ISR_MESSAGE_ELECT_LEADERS_REQUEST};
    deliver(&f, 2, &message);
    assert_true(sent(&f, 2, ISR_MESSAGE_ELECT_LEADERS_RESPONSE, &answer));
    assert_int_equal(answer.elect_leaders_response.error, ISR_ERROR_NOT_CONTROLLER);
    message = (struct isr_message){.kind = ISR_MESSAGE_ALTER_PARTITION_REQUEST};
    deliver(&f, 2, &message);
    assert_true(sent(&f, 2, ISR_MESSAGE_ALTER_PARTITION_RESPONSE, &answer));
    assert_int_equal(answer.alter_partition_response.error, ISR_ERROR_NOT_CONTROLLER);
    message = (struct isr_message){.kind = ISR_MESSAGE_ALLOCATE_PRODUCER_IDS_REQUEST};
    deliver(&f, 2, &message);
    assert_true(sent(&f, 2, ISR_MESSAGE_ALLOCATE_PRODUCER_IDS_RESPONSE, &answer));
    assert_int_equal(answer.allocate_producer_ids_response.error, ISR_ERROR_NOT_CONTROLLER);
    message = (struct isr_message){.kind = ISR_MESSAGE_PRODUCE_REQUEST};
    assert_false(isr_controller_message(&f.controller, 2, &message));
    fixture_end(&f);
}

static void all_waiting_answers_are_refused_when_leadership_is_lost(void **state)
{
    (void)state;
    struct fixture f;
    struct isr_message answer;
    fixture_cluster(&f);
    f.delayed = true;
    struct isr_message message = register_request(&f, 4, 1, -1);
    deliver(&f, 4, &message);
    message = heartbeat_request(&f, 2, 0);
    deliver(&f, 2, &message);
    message = create_request(&f, "t", 1, 1, 1);
    deliver(&f, 200, &message);
    message = (struct isr_message){.kind = ISR_MESSAGE_ELECT_LEADERS_REQUEST,
                                   .elect_leaders_request = {.tp = orders}};
    deliver(&f, 201, &message);
    begin(&f);
    fake_lose(&f.fake, 2);
    assert_int_equal(sent_count(&f), 4);
    assert_true(sent(&f, 4, ISR_MESSAGE_BROKER_REGISTRATION_RESPONSE, &answer));
    assert_int_equal(answer.broker_registration_response.error, ISR_ERROR_NOT_CONTROLLER);
    assert_int_equal(answer.broker_registration_response.broker_epoch, -1);
    assert_true(sent(&f, 2, ISR_MESSAGE_BROKER_HEARTBEAT_RESPONSE, &answer));
    assert_int_equal(answer.broker_heartbeat_response.error, ISR_ERROR_NOT_CONTROLLER);
    assert_true(sent(&f, 200, ISR_MESSAGE_CREATE_TOPIC_RESPONSE, &answer));
    assert_int_equal(answer.create_topic_response.error, ISR_ERROR_NOT_CONTROLLER);
    assert_true(sent(&f, 201, ISR_MESSAGE_ELECT_LEADERS_RESPONSE, &answer));
    assert_int_equal(answer.elect_leaders_response.error, ISR_ERROR_NOT_CONTROLLER);
    begin(&f);
    fake_lead(&f.fake);
    assert_int_equal(sent_count(&f), 0);
    assert_false(f.controller.committed.brokers[4].registered);
    assert_int_equal(f.controller.committed.topics_count, 1);
    fixture_end(&f);
}

static void decisions_build_on_each_other_when_nothing_is_committed_yet(void **state)
{
    (void)state;
    struct fixture f;
    struct isr_message answer;
    fixture_active(&f);
    f.delayed = true;
    struct isr_message message = register_request(&f, 2, 9, -1);
    deliver(&f, 2, &message);
    int64_t epoch = f.fake.last;
    message = register_request(&f, 2, 9, -1); /* retried before the first is committed */
    deliver(&f, 2, &message);
    assert_int_equal(f.fake.last, epoch);
    message = heartbeat_request(&f, 2, epoch);
    message.broker_heartbeat_request.broker_epoch = epoch;
    deliver(&f, 2, &message);
    message = create_request(&f, "t", 1, 1, 1);
    deliver(&f, 200, &message);
    message = create_request(&f, "t", 1, 1, 1);
    deliver(&f, 201, &message);
    assert_false(f.controller.committed.brokers[2].registered);
    begin(&f);
    fake_commit_to(&f.fake, epoch);
    assert_int_equal(sent_count(&f), 2);
    assert_true(sent(&f, 2, ISR_MESSAGE_BROKER_REGISTRATION_RESPONSE, &answer));
    assert_int_equal(answer.broker_registration_response.broker_epoch, epoch);
    begin(&f);
    fake_commit(&f.fake);
    assert_int_equal(sent_count(&f), 3);
    assert_true(sent(&f, 200, ISR_MESSAGE_CREATE_TOPIC_RESPONSE, &answer));
    assert_int_equal(answer.create_topic_response.error, ISR_ERROR_NONE);
    assert_true(sent(&f, 201, ISR_MESSAGE_CREATE_TOPIC_RESPONSE, &answer));
    assert_int_equal(answer.create_topic_response.error, ISR_ERROR_TOPIC_ALREADY_EXISTS);
    fixture_end(&f);
}

/* ---- the replicated machine ---- */

static void state_survives_when_a_snapshot_is_loaded(void **state)
{
    (void)state;
    struct fixture f, g;
    fixture_cluster(&f);
    begin(&f);
    struct isr_bytes snapshot = f.fake.machine.snapshot(&f.controller, &f.env.scratch);
    fixture_standby(&g);
    begin(&g);
    assert_true(g.fake.machine.load(&g.controller, f.fake.committed + 1, 1, snapshot));
    const struct isr_observation *seen = observed(&g, ISR_OBSERVED_METADATA_SNAPSHOT_LOADED);
    assert_int_equal(seen->metadata_snapshot_loaded.index, f.fake.committed + 1);
    assert_true(g.controller.committed.digest == f.controller.committed.digest);
    assert_true((uint64_t)seen->metadata_snapshot_loaded.digest == f.controller.committed.digest);
    begin(&g);
    snapshot.size--;
    assert_false(g.fake.machine.load(&g.controller, f.fake.committed, 1, snapshot));
    snapshot.size++;
    assert_false(g.fake.machine.load(&g.controller, 3, 1, snapshot)); /* it holds more than it says */
    fixture_end(&g);
    fixture_end(&f);
}

static void node_halts_when_a_committed_entry_is_damaged(void **state)
{
    (void)state;
    struct fixture f;
    fixture_standby(&f);
    begin(&f);
    uint8_t bytes[] = {ISR_METADATA_RECORD_KINDS, 1, 2, 3};
    f.fake.machine.apply(&f.controller, 1, 1, (struct isr_bytes){bytes, sizeof bytes});
    assert_true(f.env.exiting);
    assert_null(observed(&f, ISR_OBSERVED_METADATA_APPLIED));
    fixture_end(&f);
}

static void changes_are_told_by_the_active_controller_when_entries_are_applied(void **state)
{
    (void)state;
    struct fixture f;
    fixture_standby(&f);
    begin(&f);
    struct isr_metadata_record records[] = {{.kind = ISR_METADATA_TOPIC,
                                             .topic_record = {.topic = 1,
                                                              .name = {"t"},
                                                              .partitions = 1,
                                                              .settings = isr_topic_settings_of_min_isr(1)}},
                                            {.kind = ISR_METADATA_PARTITION,
                                             .partition_record = {.tp = orders,
                                                                  .leader = 1,
                                                                  .replicas = isr_replicas_unpack(0x0201),
                                                                  .isr = isr_replicas_unpack(0x0201),
                                                                  .cause = ISR_CAUSE_TOPIC_CREATED}}};
    f.fake.machine.apply(&f.controller, 1, 1, isr_metadata_encode(records, 2, &f.env.scratch));
    assert_null(observed(&f, ISR_OBSERVED_PARTITION_CHANGED));
    const struct isr_observation *seen = observed(&f, ISR_OBSERVED_METADATA_APPLIED);
    assert_int_equal(seen->metadata_applied.as_controller, 1);
    assert_true((uint64_t)seen->metadata_applied.digest == f.controller.committed.digest);
    /* Two changes of an earlier term that the new leader commits with its first entry: their outcome is told.
     */
    f.fake.role = ISR_CONSENSUS_CANDIDATE;
    records[1].partition_record.leader = 2;
    records[1].partition_record.partition_epoch = 1;
    f.fake.machine.apply(&f.controller, 2, 1, isr_metadata_encode(&records[1], 1, &f.env.scratch));
    records[1].partition_record.partition_epoch = 2;
    records[1].partition_record.cause = ISR_CAUSE_ELECTION_CLEAN;
    f.fake.machine.apply(&f.controller, 3, 1, isr_metadata_encode(&records[1], 1, &f.env.scratch));
    assert_null(observed(&f, ISR_OBSERVED_PARTITION_CHANGED));
    f.fake.last = f.fake.committed = 3;
    begin(&f);
    fake_lead(&f.fake);
    seen = observed(&f, ISR_OBSERVED_PARTITION_CHANGED);
    assert_non_null(seen);
    assert_int_equal(seen->partition_changed.leader, 2);
    assert_int_equal(seen->partition_changed.partition_epoch, 2);
    assert_int_equal(seen->partition_changed.cause, ISR_CAUSE_ELECTION_CLEAN);
    begin(&f);
    fake_lead(&f.fake);
    assert_null(observed(&f, ISR_OBSERVED_PARTITION_CHANGED)); /* once */
    fixture_end(&f);
}

static void digest_differs_when_the_controller_differs(void **state)
{
    (void)state;
    struct fixture f, g;
    fixture_cluster(&f);
    fixture_cluster(&g);
    assert_true(isr_controller_digest(&f.controller) == isr_controller_digest(&g.controller));
    heartbeat(&g, 1);
    assert_true(isr_controller_digest(&f.controller) != isr_controller_digest(&g.controller));
    fixture_end(&f);
    fixture_end(&g);
}

/* ---- following the metadata ---- */

static bool fetch(struct fixture *f, int32_t from, int64_t next_index, int64_t wait_ns,
                  struct isr_metadata_fetch_response *answer)
{
    struct isr_message message = {.kind = ISR_MESSAGE_METADATA_FETCH_REQUEST,
                                  .metadata_fetch_request = {.correlation = ++f->correlation,
                                                             .next_index = next_index,
                                                             .max_wait_ns = wait_ns}};
    begin(f);
    assert_true(isr_controller_message(&f->controller, from, &message));
    if (!sent(f, from, ISR_MESSAGE_METADATA_FETCH_RESPONSE, &message))
        return false;
    *answer = message.metadata_fetch_response;
    assert_int_equal(answer->correlation, f->correlation);
    return true;
}

/* A broker that follows: its image after the answer. */
static void follow(struct fixture *f, struct isr_image *image,
                   const struct isr_metadata_fetch_response *answer)
{
    if (answer->snapshot.size > 0) {
        assert_true(isr_image_load(image, answer->snapshot, &f->env.scratch));
        assert_int_equal(image->index, answer->snapshot_index);
    }
    for (uint32_t i = 0; i < answer->entries_count; i++) {
        const struct isr_metadata_entry *entry = &answer->entries[i];
        assert_true(isr_image_apply(image, entry->index, entry->term, entry->records, &f->env.scratch, NULL));
    }
}

static void fetch_gives_committed_entries_when_there_are_some(void **state)
{
    (void)state;
    struct fixture f;
    struct isr_metadata_fetch_response answer;
    fixture_cluster(&f);
    assert_true(fetch(&f, 2, 1, 0, &answer));
    assert_int_equal(answer.error, ISR_ERROR_NONE);
    assert_int_equal(answer.controller, 1);
    assert_int_equal(answer.committed_index, f.fake.committed);
    assert_int_equal(answer.entries_count, f.fake.committed - 1); /* the no-op is left out */
    struct isr_image image;
    isr_image_init(&image, &f.heap.heap);
    follow(&f, &image, &answer);
    assert_true(image.digest == f.controller.committed.digest);
    assert_true(fetch(&f, 2, f.fake.committed, 0, &answer));
    assert_int_equal(answer.entries_count, 1);
    assert_true(fetch(&f, 2, f.fake.committed + 1, 0, &answer));
    assert_int_equal(answer.entries_count, 0);
    assert_int_equal(answer.committed_index, f.fake.committed);
    assert_true(fetch(&f, 2, INT64_MIN, INT64_MIN, &answer));
    assert_int_equal(answer.entries_count, f.fake.committed - 1);
    fixture_end(&f);
}

static void fetch_waits_when_there_is_nothing_new(void **state)
{
    (void)state;
    struct fixture f;
    struct isr_metadata_fetch_response answer;
    struct isr_message message;
    fixture_cluster(&f);
    f.delayed = true;
    assert_false(fetch(&f, 2, f.fake.committed + 1, INT64_MAX, &answer));
    uint32_t waiting = f.correlation;
    message = create_request(&f, "t", 1, 1, 1);
    deliver(&f, 200, &message);
    assert_int_equal(sent_count(&f), 0); /* proposed is not committed */
    begin(&f);
    fake_commit(&f.fake);
    assert_true(sent(&f, 2, ISR_MESSAGE_METADATA_FETCH_RESPONSE, &message));
    assert_int_equal(message.metadata_fetch_response.correlation, waiting);
    assert_int_equal(message.metadata_fetch_response.entries_count, 1);
    assert_int_equal(message.metadata_fetch_response.committed_index, f.fake.committed);
    assert_int_equal(message.metadata_fetch_response.entries[0].index, f.fake.committed);
    fixture_end(&f);
}

static void fetch_is_answered_empty_when_its_time_is_over(void **state)
{
    (void)state;
    struct fixture f;
    struct isr_metadata_fetch_response answer;
    struct isr_message message;
    fixture_cluster(&f);
    int64_t wait_ns = f.env.config.metadata_fetch_max_wait;
    assert_false(fetch(&f, 2, f.fake.committed + 1, 10 * wait_ns, &answer));
    assert_false(fetch(&f, 3, f.fake.committed + 1, wait_ns / 2, &answer));
    pass(&f, wait_ns / 2);
    assert_true(sent(&f, 3, ISR_MESSAGE_METADATA_FETCH_RESPONSE, &message));
    assert_int_equal(message.metadata_fetch_response.entries_count, 0);
    assert_false(sent(&f, 2, ISR_MESSAGE_METADATA_FETCH_RESPONSE, &message));
    pass(&f, wait_ns / 2);
    assert_true(sent(&f, 2, ISR_MESSAGE_METADATA_FETCH_RESPONSE, &message));
    fixture_end(&f);
}

static void newer_fetch_of_a_node_replaces_the_one_that_waits(void **state)
{
    (void)state;
    struct fixture f;
    struct isr_metadata_fetch_response answer;
    fixture_cluster(&f);
    assert_false(fetch(&f, 2, f.fake.committed + 1, INT64_MAX, &answer));
    assert_false(fetch(&f, 2, f.fake.committed + 1, INT64_MAX, &answer));
    struct isr_message message = create_request(&f, "t", 1, 1, 1);
    deliver(&f, 200, &message);
    assert_int_equal(sent_count(&f), 2);
    assert_true(sent(&f, 2, ISR_MESSAGE_METADATA_FETCH_RESPONSE, &message));
    fixture_end(&f);
}

static void fetch_is_refused_with_a_hint_when_the_controller_is_standby(void **state)
{
    (void)state;
    struct fixture f;
    struct isr_metadata_fetch_response answer;
    struct isr_message message;
    fixture_cluster(&f);
    assert_false(fetch(&f, 2, f.fake.committed + 1, INT64_MAX, &answer));
    begin(&f);
    fake_lose(&f.fake, 3);
    assert_true(sent(&f, 2, ISR_MESSAGE_METADATA_FETCH_RESPONSE, &message));
    assert_int_equal(message.metadata_fetch_response.error, ISR_ERROR_NOT_CONTROLLER);
    assert_int_equal(message.metadata_fetch_response.controller, 3);
    assert_true(fetch(&f, 2, 1, 0, &answer));
    assert_int_equal(answer.error, ISR_ERROR_NOT_CONTROLLER);
    assert_int_equal(answer.controller, 3);
    assert_int_equal(answer.entries_count, 0);
    pass(&f, ISR_SECOND); /* no timer of a dropped fetch fires */
    fixture_end(&f);
}

static void fetch_gives_a_snapshot_when_entries_are_compacted(void **state)
{
    (void)state;
    struct fixture f;
    struct isr_metadata_fetch_response answer;
    fixture_cluster(&f);
    f.fake.first = f.fake.committed + 1;
    assert_true(fetch(&f, 2, 3, 0, &answer));
    assert_int_equal(answer.snapshot_index, f.controller.committed.index);
    struct isr_image image;
    isr_image_init(&image, &f.heap.heap);
    follow(&f, &image, &answer);
    assert_true(image.digest == f.controller.committed.digest);
    /* The last entries before the compaction can be internal: the broker goes on behind them, with no
     * snapshot. */
    fake_append(&f.fake, false, (struct isr_bytes){0});
    fake_append(&f.fake, false, (struct isr_bytes){0});
    fake_commit(&f.fake);
    f.fake.first = f.fake.committed + 1;
    assert_true(fetch(&f, 2, 3, ISR_SECOND, &answer));
    assert_true(answer.snapshot.size > 0);
    assert_int_equal(answer.committed_index, f.fake.committed);
    assert_true(fetch(&f, 2, answer.snapshot_index + 1, ISR_SECOND, &answer));
    assert_int_equal(answer.snapshot.size, 0);
    assert_int_equal(answer.committed_index, f.fake.committed);
    assert_false(fetch(&f, 2, answer.committed_index + 1, ISR_SECOND, &answer));
    fixture_end(&f);
}

static void fetch_is_cut_when_there_is_too_much(void **state)
{
    (void)state;
    struct fixture f;
    struct isr_metadata_fetch_response answer;
    fixture_cluster(&f);
    const char *names[] = {"a", "b", "c", "d"};
    for (unsigned i = 0; i < 4; i++) {
        struct isr_message message = create_request(&f, names[i], i == 2 ? 5000 : 1000, 3, 2);
        assert_int_equal(send_create(&f, &message).error, ISR_ERROR_NONE);
    }
    struct isr_image image;
    isr_image_init(&image, &f.heap.heap);
    unsigned answers = 0;
    for (int64_t next = 1; next <= f.fake.committed; next = answer.committed_index + 1) {
        assert_true(fetch(&f, 2, next, 0, &answer));
        assert_true(answer.committed_index >= next);
        follow(&f, &image, &answer);
        answers++;
    }
    assert_true(answers >= 3);
    assert_true(image.digest == f.controller.committed.digest);
    fixture_end(&f);
}

static void answers_need_no_more_room_when_one_always_waits(void **state)
{
    (void)state;
    struct fixture f;
    fixture_active(&f);
    f.delayed = true;
    for (int16_t broker = 1; broker <= 200; broker++) {
        int64_t before = f.controller.proposed_index;
        struct isr_message message = register_request(&f, broker, 7, -1);
        deliver(&f, broker, &message);
        assert_false(sent(&f, broker, ISR_MESSAGE_BROKER_REGISTRATION_RESPONSE, &message));
        begin(&f);
        fake_commit_to(&f.fake, before);
        if (broker > 1)
            assert_true(sent(&f, broker - 1, ISR_MESSAGE_BROKER_REGISTRATION_RESPONSE, &message));
    }
    assert_true(f.controller.answers_capacity <= 8);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_need_no_more_room_when_one_always_waits),
        cmocka_unit_test(controller_is_active_when_consensus_leads),
        cmocka_unit_test(every_request_is_refused_when_the_controller_is_standby),
        cmocka_unit_test(all_waiting_answers_are_refused_when_leadership_is_lost),
        cmocka_unit_test(decisions_build_on_each_other_when_nothing_is_committed_yet),
        cmocka_unit_test(state_survives_when_a_snapshot_is_loaded),
        cmocka_unit_test(node_halts_when_a_committed_entry_is_damaged),
        cmocka_unit_test(changes_are_told_by_the_active_controller_when_entries_are_applied),
        cmocka_unit_test(digest_differs_when_the_controller_differs),
        cmocka_unit_test(fetch_gives_committed_entries_when_there_are_some),
        cmocka_unit_test(fetch_waits_when_there_is_nothing_new),
        cmocka_unit_test(fetch_is_answered_empty_when_its_time_is_over),
        cmocka_unit_test(newer_fetch_of_a_node_replaces_the_one_that_waits),
        cmocka_unit_test(fetch_is_refused_with_a_hint_when_the_controller_is_standby),
        cmocka_unit_test(fetch_gives_a_snapshot_when_entries_are_compacted),
        cmocka_unit_test(fetch_is_cut_when_there_is_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
