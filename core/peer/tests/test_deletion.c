#include "core/peer/tests/fixture.h"

static void delete_records(struct fixture *f, int64_t offset, int64_t timeout_ns)
{
    struct isr_message message = {.kind = ISR_MESSAGE_DELETE_RECORDS_REQUEST,
                                  .delete_records_request = {.correlation = 6,
                                                             .tp = {1, 0},
                                                             .current_leader_epoch = -1,
                                                             .offset = offset,
                                                             .timeout_ns = timeout_ns}};
    f->sent_count = 0;
    fixture_receive(f, 9, message);
}

/* -1: not answered. */
static int deletion_answer(struct fixture *f)
{
    const struct isr_message *answer = fixture_sent(f, 9, ISR_MESSAGE_DELETE_RECORDS_RESPONSE);
    return answer != NULL ? (int)answer->delete_records_response.error : -1;
}

static struct isr_message position_from(const struct fixture *f, int64_t log_end, int64_t log_start)
{
    struct isr_message told = position(f, log_end, f->peer->state.term);
    told.peer_position.log_start = log_start;
    return told;
}

/* A leader with ten records, all committed; both followers are heard. */
static struct fixture *leads_ten(void)
{
    struct fixture *f = fixture_started();
    fixture_lead(f);
    produce_committed(f, 10);
    fixture_receive(f, 3, position(f, 10, 1));
    fixture_receive(f, 2, position(f, 10, 1)); /* and waits for news */
    assert_int_equal(log_of(f)->high_watermark, 10);
    return f;
}

static void deletes_at_once_and_answers_when_every_live_log_starts_there(void **state)
{
    (void)state;
    struct fixture *f = leads_ten();
    delete_records(f, 4, ISR_SECOND);
    assert_int_equal(log_of(f)->log_start, 4);
    assert_int_equal(f->sent[0].to, 2);
    assert_int_equal(f->sent[0].message.kind, ISR_MESSAGE_PEER_RECORDS);
    assert_int_equal(f->sent[0].message.peer_records.log_start, 4);
    assert_int_equal(deletion_answer(f), -1);
    fixture_receive(f, 2, position_from(f, 10, 4));
    assert_int_equal(deletion_answer(f), -1);
    fixture_receive(f, 3, position_from(f, 10, 4));
    const struct isr_message *answer = fixture_sent(f, 9, ISR_MESSAGE_DELETE_RECORDS_RESPONSE);
    assert_int_equal(answer->delete_records_response.error, ISR_ERROR_NONE);
    assert_int_equal(answer->delete_records_response.low_watermark, 4);
    delete_records(f, 3, ISR_SECOND);
    assert_int_equal(deletion_answer(f), ISR_ERROR_NONE); /* it is so */
    assert_int_equal(log_of(f)->log_start, 4);
    fixture_free(f);
}

static void deletes_all_that_is_committed_when_no_offset_is_given(void **state)
{
    (void)state;
    struct fixture *f = leads_ten();
    fixture_produce(f, 50, 3, 1);
    delete_records(f, -1, ISR_SECOND);
    assert_int_equal(log_of(f)->log_start, 10);
    assert_int_equal(log_of(f)->log_end, 13);
    fixture_free(f);
}

static void refuses_to_delete_what_is_not_committed_or_not_its_own(void **state)
{
    (void)state;
    struct fixture *f = leads_ten();
    delete_records(f, 11, ISR_SECOND);
    assert_int_equal(deletion_answer(f), ISR_ERROR_OFFSET_OUT_OF_RANGE);
    delete_records(f, -2, ISR_SECOND);
    assert_int_equal(deletion_answer(f), ISR_ERROR_OFFSET_OUT_OF_RANGE);
    struct isr_message other = {.kind = ISR_MESSAGE_DELETE_RECORDS_REQUEST,
                                .delete_records_request = {.tp = {2, 0}, .current_leader_epoch = -1}};
    fixture_receive(f, 9, other);
    assert_int_equal(deletion_answer(f), ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    other.delete_records_request.tp = (struct isr_tp){1, 0};
    other.delete_records_request.current_leader_epoch = 9;
    fixture_receive(f, 9, other);
    assert_int_equal(deletion_answer(f), ISR_ERROR_UNKNOWN_LEADER_EPOCH);
    assert_int_equal(log_of(f)->log_start, 0);
    delete_records(f, 0, ISR_SECOND);
    assert_int_equal(deletion_answer(f), ISR_ERROR_NONE);
    fixture_receive(f, 3, heartbeat(4, 3));
    delete_records(f, 4, ISR_SECOND);
    assert_int_equal(deletion_answer(f), ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    fixture_free(f);
}

static void ends_a_deletion_when_time_is_over_or_it_is_deposed(void **state)
{
    (void)state;
    struct fixture *f = leads_ten();
    delete_records(f, 4, 10 * ISR_MS);
    assert_int_equal(deletion_answer(f), -1);
    delete_records(f, 6, -1);
    assert_int_equal(deletion_answer(f), -1);
    fixture_pass(f, ISR_MS);
    assert_int_equal(deletion_answer(f), ISR_ERROR_REQUEST_TIMED_OUT);
    fixture_pass(f, 10 * ISR_MS);
    assert_int_equal(deletion_answer(f), ISR_ERROR_REQUEST_TIMED_OUT);
    delete_records(f, 8, 1000 * ISR_SECOND);
    assert_int_equal(deletion_answer(f), -1);
    fixture_receive(f, 3, heartbeat(4, 3));
    assert_int_equal(deletion_answer(f), ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    assert_int_equal(log_of(f)->log_start, 8);
    fixture_free(f);
}

static void ends_the_lower_of_two_deletions_first(void **state)
{
    (void)state;
    struct fixture *f = leads_ten();
    delete_records(f, 4, ISR_SECOND);
    delete_records(f, 6, ISR_SECOND);
    fixture_receive(f, 2, position_from(f, 10, 6));
    assert_int_equal(deletion_answer(f), -1);
    fixture_receive(f, 3, position_from(f, 10, 4));
    const struct isr_message *answer = fixture_sent(f, 9, ISR_MESSAGE_DELETE_RECORDS_RESPONSE);
    assert_non_null(answer);
    assert_int_equal(answer->delete_records_response.error, ISR_ERROR_NONE);
    assert_int_equal(answer->delete_records_response.low_watermark, 4);
    assert_non_null(f->peer->deletions); /* the higher one waits */
    fixture_receive(f, 3, position_from(f, 10, 6));
    answer = fixture_sent(f, 9, ISR_MESSAGE_DELETE_RECORDS_RESPONSE);
    assert_non_null(answer);
    assert_int_equal(answer->delete_records_response.low_watermark, 6);
    assert_null(f->peer->deletions);
    fixture_free(f);
}

static void does_not_wait_for_who_is_silent_when_it_deletes(void **state)
{
    (void)state;
    struct fixture *f = leads_ten();
    delete_records(f, 4, 100 * ISR_SECOND);
    int64_t until_ns = f->now_ns + 2 * f->config.peer_silence_max;
    while (f->now_ns < until_ns) { /* n3 says nothing any more */
        fixture_receive(f, 2, position_from(f, 10, 4));
        assert_int_equal(f->peer->partition.role, ISR_ROLE_LEADER);
        int error = deletion_answer(f);
        if (error == ISR_ERROR_NONE)
            break;
        assert_int_equal(error, -1);
        fixture_pass(f, f->config.peer_heartbeat_interval);
        if (deletion_answer(f) == ISR_ERROR_NONE)
            break;
    }
    assert_true(f->now_ns < until_ns);
    fixture_free(f);
}

static void follows_the_start_of_the_leaders_log_as_far_as_it_is_committed(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_receive(f, 3, heartbeat(1, 3));
    struct isr_message run = run_of(f, 1, 0, -1, 4);
    fixture_receive(f, 3, run);
    run = run_of(f, 1, 4, 1, 0);
    run.peer_records.high_watermark = 3;
    run.peer_records.log_start = 5; /* above its own high watermark: nonsense */
    fixture_receive(f, 3, run);
    assert_int_equal(log_of(f)->high_watermark, 0);
    run.peer_records.log_start = 3;
    fixture_receive(f, 3, run);
    assert_int_equal(log_of(f)->log_start, 3);
    assert_int_equal(fixture_sent(f, 3, ISR_MESSAGE_PEER_POSITION)->peer_position.log_start, 3);
    fixture_free(f);
}

static void does_not_begin_above_what_it_holds_whatever_the_leader_says(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_receive(f, 3, heartbeat(1, 3));
    fixture_receive(f, 3, run_of(f, 1, 0, -1, 4));
    struct isr_message run = run_of(f, 1, 4, 1, 0);
    run.peer_records.high_watermark = 9;
    run.peer_records.log_start = 7;
    fixture_receive(f, 3, run);
    assert_int_equal(log_of(f)->high_watermark, 4);
    assert_int_equal(log_of(f)->log_start, 4);
    assert_int_equal(log_of(f)->log_end, 4);
    fixture_free(f);
}

/* A client waits for more than there is behind the beginning. */
static void fetch_at_the_beginning(struct fixture *f)
{
    struct isr_fetch_partition asked = {
        .tp = {1, 0}, .current_leader_epoch = 1, .last_fetched_epoch = -1, .max_bytes = 1000};
    struct isr_message fetch = {.kind = ISR_MESSAGE_FETCH_REQUEST,
                                .fetch_request = {.correlation = 3,
                                                  .replica_id = -1,
                                                  .replica_epoch = -1,
                                                  .max_wait_ns = ISR_SECOND,
                                                  .min_bytes = 100000,
                                                  .max_bytes = 100000,
                                                  .partitions = &asked,
                                                  .partitions_count = 1}};
    fixture_receive(f, 9, fetch);
}

/* A crash before would leave a log that ends below its start. */
static void follows_the_start_of_the_leaders_log_when_it_holds_its_records(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_receive(f, 3, heartbeat(1, 3));
    fixture_receive(f, 3, run_of(f, 1, 0, -1, 0));
    struct isr_message run = run_of(f, 1, 0, -1, 4);
    run.peer_records.high_watermark = 4;
    run.peer_records.log_start = 3;
    fetch_at_the_beginning(f);
    f->disk_stalls = true;
    fixture_receive(f, 3, run);
    assert_int_equal(log_of(f)->high_watermark, 4);
    assert_int_equal(log_of(f)->log_start, 0);
    assert_null(fixture_sent(f, 9, ISR_MESSAGE_FETCH_RESPONSE));
    f->disk_stalls = false;
    fixture_disk(f);
    assert_int_equal(log_of(f)->log_start, 3);
    uint32_t refused = 0, told = 0;
    for (uint32_t i = 0; i < f->sent_count; i++) {
        const struct isr_message *message = &f->sent[i].message;
        refused += message->kind == ISR_MESSAGE_FETCH_RESPONSE &&
                   message->fetch_response.partitions[0].error == ISR_ERROR_OFFSET_OUT_OF_RANGE;
        told += message->kind == ISR_MESSAGE_PEER_POSITION && message->peer_position.log_start == 3 &&
                message->peer_position.held_end == 4;
    }
    assert_int_equal(refused, 1); /* what it waited for is gone */
    assert_true(told > 0);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deletes_at_once_and_answers_when_every_live_log_starts_there),
        cmocka_unit_test(deletes_all_that_is_committed_when_no_offset_is_given),
        cmocka_unit_test(refuses_to_delete_what_is_not_committed_or_not_its_own),
        cmocka_unit_test(ends_a_deletion_when_time_is_over_or_it_is_deposed),
        cmocka_unit_test(ends_the_lower_of_two_deletions_first),
        cmocka_unit_test(does_not_wait_for_who_is_silent_when_it_deletes),
        cmocka_unit_test(follows_the_start_of_the_leaders_log_as_far_as_it_is_committed),
        cmocka_unit_test(does_not_begin_above_what_it_holds_whatever_the_leader_says),
        cmocka_unit_test(follows_the_start_of_the_leaders_log_when_it_holds_its_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
