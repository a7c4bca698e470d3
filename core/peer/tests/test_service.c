#include "core/peer/tests/fixture.h"

static enum isr_error produced(struct fixture *f, struct isr_produce_request request)
{
    f->sent_count = 0;
    fixture_receive(f, 9,
                    (struct isr_message){.kind = ISR_MESSAGE_PRODUCE_REQUEST, .produce_request = request});
    const struct isr_message *answer = fixture_sent(f, 9, ISR_MESSAGE_PRODUCE_RESPONSE);
    assert_non_null(answer);
    return (enum isr_error)answer->produce_response.error;
}

static void refuses_to_append_what_no_client_of_ours_sends(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    struct isr_produce_request request = {
        .correlation = 5, .tp = {1, 0}, .acks = 1, .timeout_ns = ISR_SECOND};
    request.records = isr_batch_build(&f->scratch, -1, -1, -1, 1, 2, 8);
    assert_int_equal(produced(f, request), ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    fixture_lead(f);
    struct isr_produce_request bad = request;
    bad.acks = 2;
    assert_int_equal(produced(f, bad), ISR_ERROR_INVALID_REQUIRED_ACKS);
    bad = request;
    bad.tp.index = 1;
    assert_int_equal(produced(f, bad), ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    bad = request;
    bad.records.size--;
    assert_int_equal(produced(f, bad), ISR_ERROR_CORRUPT_MESSAGE);
    assert_int_equal(log_of(f)->log_end, 0);
    f->peer->partition.log->failed = true; /* the disk said no a moment ago */
    assert_int_equal(produced(f, request), ISR_ERROR_STORAGE_ERROR);
    f->peer->partition.log->failed = false;
    request.acks = -1; /* nobody holds it, and nobody waits for it either */
    request.timeout_ns = -ISR_SECOND;
    f->sent_count = 0;
    fixture_receive(f, 9,
                    (struct isr_message){.kind = ISR_MESSAGE_PRODUCE_REQUEST, .produce_request = request});
    fixture_pass(f, ISR_MS);
    const struct isr_message *answer = fixture_sent(f, 9, ISR_MESSAGE_PRODUCE_RESPONSE);
    assert_non_null(answer);
    assert_int_equal(answer->produce_response.error, ISR_ERROR_REQUEST_TIMED_OUT);
    fixture_free(f);
}

static const struct isr_message *fetched(struct fixture *f, int16_t replica, uint32_t partitions,
                                         struct isr_fetch_partition asked)
{
    struct isr_fetch_partition several[] = {asked, asked};
    f->sent_count = 0;
    fixture_receive(f, 9,
                    (struct isr_message){.kind = ISR_MESSAGE_FETCH_REQUEST,
                                         .fetch_request = {.correlation = 3,
                                                           .replica_id = replica,
                                                           .max_bytes = 1000,
                                                           .partitions = several,
                                                           .partitions_count = partitions}});
    return fixture_sent(f, 9, ISR_MESSAGE_FETCH_RESPONSE);
}

static enum isr_error fetch_error(struct fixture *f, struct isr_fetch_partition asked)
{
    const struct isr_message *answer = fetched(f, -1, 1, asked);
    assert_non_null(answer);
    assert_int_equal(answer->fetch_response.partitions_count, 1);
    return (enum isr_error)answer->fetch_response.partitions[0].error;
}

static void answers_a_fetch_of_its_own_log_only(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    struct isr_fetch_partition asked = {.tp = {1, 0},
                                        .current_leader_epoch = -1,
                                        .fetch_offset = 0,
                                        .last_fetched_epoch = -1,
                                        .max_bytes = 1000};
    assert_int_equal(fetch_error(f, asked), ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    fixture_lead(f);
    assert_int_equal(fetch_error(f, asked), ISR_ERROR_NONE);
    asked.fetch_offset = 4;
    assert_int_equal(fetch_error(f, asked), ISR_ERROR_OFFSET_OUT_OF_RANGE);
    asked.tp.index = 1;
    assert_int_equal(fetch_error(f, asked), ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    asked.tp.index = 0;
    asked.fetch_offset = 0;
    assert_null(fetched(f, 2, 1, asked)); /* peers replicate by other messages */
    assert_null(fetched(f, -1, 2, asked));
    assert_null(fetched(f, -1, 0, asked));
    fixture_free(f);
}

static const struct isr_list_offsets_response *listed(struct fixture *f,
                                                      struct isr_list_offsets_request request)
{
    f->sent_count = 0;
    fixture_receive(
        f, 9,
        (struct isr_message){.kind = ISR_MESSAGE_LIST_OFFSETS_REQUEST, .list_offsets_request = request});
    const struct isr_message *answer = fixture_sent(f, 9, ISR_MESSAGE_LIST_OFFSETS_RESPONSE);
    assert_non_null(answer);
    return &answer->list_offsets_response;
}

static void tells_offsets_when_it_leads_and_they_cannot_go_back(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    struct isr_list_offsets_request request = {
        .correlation = 3, .tp = {1, 0}, .current_leader_epoch = -1, .timestamp = -1};
    assert_int_equal(listed(f, request)->error, ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    fixture_lead(f);
    produce_committed(f, 3);
    assert_int_equal(listed(f, request)->error, ISR_ERROR_NONE);
    assert_int_equal(listed(f, request)->offset, 3);
    request.timestamp = -2;
    assert_int_equal(listed(f, request)->error, ISR_ERROR_NONE);
    assert_int_equal(listed(f, request)->offset, 0);
    request.timestamp = 1700000000;
    assert_int_equal(listed(f, request)->error, ISR_ERROR_INVALID_REQUEST);
    request.timestamp = -1;
    request.current_leader_epoch = f->peer->state.term + 1;
    assert_int_equal(listed(f, request)->error, ISR_ERROR_UNKNOWN_LEADER_EPOCH);
    request.current_leader_epoch = -1;
    request.tp.topic = 7;
    assert_int_equal(listed(f, request)->error, ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    request.tp.topic = 1;
    f->peer->partition.epoch_start = 3; /* as if it led anew: KIP-207 */
    f->peer->partition.log->high_watermark = 2;
    assert_int_equal(listed(f, request)->error, ISR_ERROR_OFFSET_NOT_AVAILABLE);
    assert_int_equal(listed(f, request)->offset, ISR_OFFSET_NONE);
    fixture_free(f);
}

static void tells_where_epochs_end_of_its_own_log_only(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_lead(f);
    produce_committed(f, 2);
    struct isr_epoch_query asked[] = {{.tp = {1, 0}, .current_leader_epoch = -1, .leader_epoch = 1},
                                      {.tp = {1, 0}, .current_leader_epoch = -1, .leader_epoch = 1}};
    struct isr_message request = {
        .kind = ISR_MESSAGE_OFFSETS_FOR_EPOCH_REQUEST,
        .offsets_for_epoch_request = {.correlation = 3, .partitions = asked, .partitions_count = 2}};
    f->sent_count = 0;
    fixture_receive(f, 9, request);
    assert_null(fixture_sent(f, 9, ISR_MESSAGE_OFFSETS_FOR_EPOCH_RESPONSE)); /* there is one partition */
    request.offsets_for_epoch_request.partitions_count = 1;
    fixture_receive(f, 9, request);
    const struct isr_message *answer = fixture_sent(f, 9, ISR_MESSAGE_OFFSETS_FOR_EPOCH_RESPONSE);
    assert_int_equal(answer->offsets_for_epoch_response.partitions[0].error, ISR_ERROR_NONE);
    assert_int_equal(answer->offsets_for_epoch_response.partitions[0].end_offset, 2);
    asked[0].tp.index = 5;
    fixture_receive(f, 9, request);
    answer = fixture_sent(f, 9, ISR_MESSAGE_OFFSETS_FOR_EPOCH_RESPONSE);
    assert_int_equal(answer->offsets_for_epoch_response.partitions[0].error,
                     ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(answer->offsets_for_epoch_response.partitions[0].end_offset, ISR_OFFSET_NONE);
    fixture_free(f);
}

static void knows_no_message_of_other_nodes_kinds(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    struct isr_message message = {.kind = ISR_MESSAGE_BROKER_HEARTBEAT_REQUEST};
    isr_env_begin(&f->env, f->now_ns);
    assert_false(isr_peer_message(f->peer, 2, &message));
    fixture_collect(f);
    message = heartbeat(1, 2);
    isr_env_begin(&f->env, f->now_ns);
    assert_false(isr_peer_message(f->peer, 1, &message)); /* from itself */
    fixture_collect(f);
    assert_int_equal(f->peer->state.term, 0);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_to_append_what_no_client_of_ours_sends),
        cmocka_unit_test(answers_a_fetch_of_its_own_log_only),
        cmocka_unit_test(tells_offsets_when_it_leads_and_they_cannot_go_back),
        cmocka_unit_test(tells_where_epochs_end_of_its_own_log_only),
        cmocka_unit_test(knows_no_message_of_other_nodes_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
