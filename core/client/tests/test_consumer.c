#include "core/client/tests/fake.h"

static void consume(struct fake *fake, int64_t offset, bool from_follower)
{
    struct isr_command command = {.kind = ISR_COMMAND_CONSUME,
                                  .id = 1,
                                  .topic = "orders",
                                  .partition = 1,
                                  .offset = offset,
                                  .from_follower = from_follower};
    fake_command(fake, &command);
}

/* A batch of two records at an offset, in a leader epoch; in the test's own memory. */
struct stored {
    uint8_t bytes[256];
    uint32_t size;
};

static struct stored batch(struct fake *fake, int64_t offset, int32_t epoch)
{
    struct stored stored;
    struct isr_bytes built = isr_batch_build(&fake->scratch, -1, -1, -1, (uint64_t)offset, 2, 16);
    assert_true(built.size <= sizeof stored.bytes);
    memcpy(stored.bytes, built.data, built.size);
    stored.size = built.size;
    isr_batch_set_position(stored.bytes, offset, epoch);
    return stored;
}

static void fetch_answer_with(struct fake *fake, const struct fake_sent *sent, enum isr_error error,
                              int32_t leader, int32_t leader_epoch, struct isr_bytes records)
{
    struct isr_fetch_answer answer = {.tp = sent->message.fetch_request.partitions[0].tp,
                                      .error = (uint8_t)error,
                                      .diverging_epoch = -1,
                                      .leader = (int16_t)leader,
                                      .leader_epoch = leader_epoch,
                                      .records = records};
    struct isr_message message = {.kind = ISR_MESSAGE_FETCH_RESPONSE,
                                  .fetch_response = {.correlation = sent->message.fetch_request.correlation,
                                                     .partitions = &answer,
                                                     .partitions_count = 1}};
    fake_answer(fake, sent->to, &message);
}

static void fetch_answer(struct fake *fake, const struct fake_sent *sent, struct isr_bytes records)
{
    fetch_answer_with(fake, sent, ISR_ERROR_NONE, ISR_NODE_NONE, -1, records);
}

static struct fake_sent fetch(struct fake *fake)
{
    return *fake_sent_nth(fake, ISR_MESSAGE_FETCH_REQUEST, 0);
}

static int64_t fetch_offset(const struct fake_sent *sent)
{
    return sent->message.fetch_request.partitions[0].fetch_offset;
}

static struct isr_bytes bytes_of(const struct stored *stored)
{
    return (struct isr_bytes){stored->bytes, stored->size};
}

static void reads_on_when_batches_come(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    consume(fake, 0, false);
    struct fake_sent sent = fetch(fake);
    assert_int_equal(sent.to, 3);
    assert_int_equal(fetch_offset(&sent), 0);
    assert_int_equal(sent.message.fetch_request.partitions[0].current_leader_epoch, 4);
    struct stored two[2] = {batch(fake, 0, 3), batch(fake, 2, 4)};
    uint8_t both[512];
    memcpy(both, two[0].bytes, two[0].size);
    memcpy(both + two[0].size, two[1].bytes, two[1].size);
    /* The second is cut off: it is asked for again. */
    fetch_answer(fake, &sent, (struct isr_bytes){both, two[0].size + two[1].size - 1});
    assert_int_equal(fake_effect(fake, ISR_EFFECT_RECORDS, 0)->offset, 0);
    assert_null(fake_effect(fake, ISR_EFFECT_RECORDS, 1));
    sent = fetch(fake);
    assert_int_equal(fetch_offset(&sent), 2);
    fetch_answer(fake, &sent, (struct isr_bytes){both, two[0].size + two[1].size});
    assert_int_equal(fake_effect(fake, ISR_EFFECT_RECORDS, 0)->offset, 2);
    assert_null(fake_effect(fake, ISR_EFFECT_RECORDS, 1));
    assert_int_equal(fake->effects.observations_count, 1);
    assert_int_equal(fake->effects.observations[0].record_read.leader_epoch, 4);
    assert_int_equal(fake->effects.observations[0].record_read.from, 3);
    assert_int_equal(fake->env.metrics.client_records_read, 4);
    fake_free(fake);
}

static void delivers_nothing_when_records_are_damaged_or_leave_a_gap(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    consume(fake, 0, false);
    struct fake_sent sent = fetch(fake);
    struct stored damaged = batch(fake, 0, 3);
    damaged.bytes[50] ^= 4;
    fetch_answer(fake, &sent, bytes_of(&damaged));
    assert_int_equal(fake->effects.count, 0);
    sent = *fake_wait_for(fake, ISR_MESSAGE_FETCH_REQUEST);
    assert_int_equal(fetch_offset(&sent), 0);
    struct stored later = batch(fake, 2, 3);
    fetch_answer(fake, &sent, bytes_of(&later));
    assert_int_equal(fake->effects.count, 0);
    fake_free(fake);
}

static void looks_up_the_offset_when_it_is_symbolic(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    consume(fake, -1, false);
    struct fake_sent sent = *fake_sent_nth(fake, ISR_MESSAGE_LIST_OFFSETS_REQUEST, 0);
    assert_int_equal(sent.message.list_offsets_request.timestamp, -1);
    struct isr_message message = {.kind = ISR_MESSAGE_LIST_OFFSETS_RESPONSE};
    message.list_offsets_response =
        (struct isr_list_offsets_response){.correlation = sent.message.list_offsets_request.correlation,
                                           .error = ISR_ERROR_OFFSET_NOT_AVAILABLE};
    fake_answer(fake, 3, &message);
    sent = *fake_wait_for(fake, ISR_MESSAGE_LIST_OFFSETS_REQUEST);
    message.list_offsets_response.correlation = sent.message.list_offsets_request.correlation;
    message.list_offsets_response.error = ISR_ERROR_NONE;
    message.list_offsets_response.offset = 17;
    fake_answer(fake, 3, &message);
    sent = fetch(fake);
    assert_int_equal(fetch_offset(&sent), 17);
    fake_free(fake);
}

static void goes_to_the_earliest_when_out_of_range(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    consume(fake, 40, false);
    struct fake_sent sent = fetch(fake);
    fetch_answer_with(fake, &sent, ISR_ERROR_OFFSET_OUT_OF_RANGE, 3, 4, (struct isr_bytes){0});
    sent = *fake_wait_for(fake, ISR_MESSAGE_LIST_OFFSETS_REQUEST);
    assert_int_equal(sent.message.list_offsets_request.timestamp, -2);
    fake_free(fake);
}

static void prefer(struct fake *fake, const struct fake_sent *sent, int32_t node)
{
    struct isr_fetch_answer answer = {.tp = sent->message.fetch_request.partitions[0].tp,
                                      .diverging_epoch = -1,
                                      .leader = 3,
                                      .leader_epoch = 4,
                                      .preferred_read_replica = (int16_t)node};
    struct isr_message message = {.kind = ISR_MESSAGE_FETCH_RESPONSE,
                                  .fetch_response = {.correlation = sent->message.fetch_request.correlation,
                                                     .partitions = &answer,
                                                     .partitions_count = 1}};
    fake_answer(fake, sent->to, &message);
}

static void goes_to_the_latest_when_out_of_range_and_told_so(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    struct isr_command command = {.kind = ISR_COMMAND_CONSUME,
                                  .id = 1,
                                  .topic = "orders",
                                  .partition = 1,
                                  .offset = 40,
                                  .reset = ISR_RESET_LATEST};
    fake_command(fake, &command);
    struct fake_sent sent = fetch(fake);
    fetch_answer_with(fake, &sent, ISR_ERROR_OFFSET_OUT_OF_RANGE, 3, 4, (struct isr_bytes){0});
    sent = *fake_wait_for(fake, ISR_MESSAGE_LIST_OFFSETS_REQUEST);
    assert_int_equal(sent.message.list_offsets_request.timestamp, -1);
    fake_free(fake);
}

/* Everything that is read from a broker waits for its one fetch: when that is lost, all of it is asked anew.
 */
static void asks_again_when_no_answer_comes(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    consume(fake, 7, true);
    struct fake_sent sent = fetch(fake);
    prefer(fake, &sent, 2);
    assert_int_equal(fetch(fake).to, 2);
    int64_t asked_ns = fake->env.now_ns;
    assert_true(fake_wait(fake, 60 * ISR_SECOND));
    sent = *fake_wait_for(fake, ISR_MESSAGE_FETCH_REQUEST);
    assert_int_equal(sent.to, 3); /* the leader, that is */
    assert_int_equal(fetch_offset(&sent), 7);
    assert_true(fake->env.now_ns - asked_ns >= fake->env.config.client_request_timeout);
    fake_free(fake);
}

/* The consumer has read [0, 2) in epoch 3 and learns of the leader of epoch 5. */
static struct fake_sent new_leader_while_reading(struct fake *fake)
{
    fake_metadata(fake, 3, 4);
    consume(fake, 0, false);
    struct fake_sent sent = fetch(fake);
    struct stored stored = batch(fake, 0, 3);
    fetch_answer(fake, &sent, bytes_of(&stored));
    sent = fetch(fake);
    fetch_answer_with(fake, &sent, ISR_ERROR_NOT_LEADER_OR_FOLLOWER, 2, 5, (struct isr_bytes){0});
    assert_int_equal(fake_sent_of_kind(fake, ISR_MESSAGE_FETCH_REQUEST), 0);
    return *fake_sent_nth(fake, ISR_MESSAGE_OFFSETS_FOR_EPOCH_REQUEST, 0);
}

static void epoch_answer(struct fake *fake, const struct fake_sent *sent, enum isr_error error, int32_t epoch,
                         int64_t end_offset)
{
    struct isr_epoch_answer answer = {
        .tp = {1, 1}, .error = (uint8_t)error, .leader_epoch = epoch, .end_offset = end_offset};
    struct isr_message message = {.kind = ISR_MESSAGE_OFFSETS_FOR_EPOCH_RESPONSE};
    message.offsets_for_epoch_response = (struct isr_offsets_for_epoch_response){
        .correlation = sent->message.offsets_for_epoch_request.correlation,
        .partitions = &answer,
        .partitions_count = 1};
    fake_answer(fake, sent->to, &message);
}

static void goes_on_when_the_new_leader_has_what_was_read(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    struct fake_sent sent = new_leader_while_reading(fake);
    assert_int_equal(sent.to, 2);
    assert_int_equal(sent.message.offsets_for_epoch_request.replica_id, -1);
    assert_int_equal(sent.message.offsets_for_epoch_request.partitions[0].leader_epoch, 3);
    assert_int_equal(sent.message.offsets_for_epoch_request.partitions[0].current_leader_epoch, 5);
    epoch_answer(fake, &sent, ISR_ERROR_UNKNOWN_LEADER_EPOCH, -1, -1);
    sent = *fake_wait_for(fake, ISR_MESSAGE_OFFSETS_FOR_EPOCH_REQUEST);
    epoch_answer(fake, &sent, ISR_ERROR_NONE, 3, 2);
    sent = fetch(fake);
    assert_int_equal(sent.to, 2);
    assert_int_equal(fetch_offset(&sent), 2);
    fake_free(fake);
}

static void goes_back_when_the_new_leader_lost_what_was_read(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    struct fake_sent sent = new_leader_while_reading(fake);
    epoch_answer(fake, &sent, ISR_ERROR_NONE, 2, 1);
    assert_int_equal(fake->effects.observations[0].kind, ISR_OBSERVED_READ_TRUNCATED);
    assert_int_equal(fake->effects.observations[0].read_truncated.from, 2);
    assert_int_equal(fake->effects.observations[0].read_truncated.to, 1);
    assert_int_equal(fake->env.metrics.client_truncations, 1);
    sent = fetch(fake);
    assert_int_equal(fetch_offset(&sent), 1);
    fake_free(fake);
}

static void reads_where_the_leader_says_and_falls_back_to_it(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    consume(fake, 0, true);
    struct fake_sent sent = fetch(fake);
    assert_int_equal(sent.to, 3); /* only the leader knows who is in sync */
    assert_int_equal(sent.message.fetch_request.partitions[0].rack, ISR_RACK_ANY);
    prefer(fake, &sent, 2);
    sent = fetch(fake);
    assert_int_equal(sent.to, 2);
    /* A follower's word on the range does not count: it may lag. */
    fetch_answer_with(fake, &sent, ISR_ERROR_OFFSET_OUT_OF_RANGE, 3, 4, (struct isr_bytes){0});
    sent = *fake_wait_for(fake, ISR_MESSAGE_FETCH_REQUEST);
    assert_int_equal(sent.to, 3);
    assert_int_equal(fetch_offset(&sent), 0);
    /* The leader is not to send it away at once. */
    assert_int_equal(sent.message.fetch_request.partitions[0].rack, ISR_RACK_NONE);
    fake->env.now_ns += fake->env.config.client_request_timeout;
    struct stored stored = batch(fake, 0, 3);
    fetch_answer(fake, &sent, bytes_of(&stored));
    sent = fetch(fake);
    assert_int_equal(sent.message.fetch_request.partitions[0].rack, ISR_RACK_ANY);
    fake_free(fake);
}

static void asks_the_leader_again_when_the_lease_is_over(void **state)
{
    (void)state;
    struct isr_config config = isr_config_default();
    config.metadata_max_age = ISR_SECOND;
    struct fake *fake = fake_new_with(&config);
    fake_metadata(fake, 3, 4);
    consume(fake, 0, true);
    struct fake_sent sent = fetch(fake);
    prefer(fake, &sent, 2);
    sent = fetch(fake);
    fake->env.now_ns += ISR_SECOND - 1;
    fetch_answer(fake, &sent, (struct isr_bytes){0});
    sent = fetch(fake);
    assert_int_equal(sent.to, 2);
    fake->env.now_ns += 1;
    fetch_answer(fake, &sent, (struct isr_bytes){0});
    sent = fetch(fake);
    assert_int_equal(sent.to, 3);
    fake_free(fake);
}

static void starts_anew_when_told_a_second_time(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    consume(fake, 0, false);
    struct fake_sent first = fetch(fake);
    consume(fake, 8, false);
    struct stored stored = batch(fake, 0, 3);
    fetch_answer(fake, &first, bytes_of(&stored));
    assert_null(fake_effect(fake, ISR_EFFECT_RECORDS, 0));
    struct fake_sent second = fetch(fake);
    assert_int_equal(fetch_offset(&second), 8);
    fake_free(fake);
}

/* An answer of a session: about the partition of `sent`, or about none. */
static void session_answer(struct fake *fake, const struct fake_sent *sent, enum isr_error error,
                           uint32_t session_id)
{
    struct isr_message message = {.kind = ISR_MESSAGE_FETCH_RESPONSE,
                                  .fetch_response = {.correlation = sent->message.fetch_request.correlation,
                                                     .error = (uint8_t)error,
                                                     .session_id = session_id}};
    fake_answer(fake, sent->to, &message);
}

static void lists_only_what_changed_when_there_is_a_session(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    consume(fake, 0, false);
    struct fake_sent sent = fetch(fake);
    assert_int_equal(sent.message.fetch_request.session_epoch, 0);
    session_answer(fake, &sent, ISR_ERROR_NONE, 77);
    sent = fetch(fake);
    assert_int_equal(sent.message.fetch_request.session_id, 77);
    assert_int_equal(sent.message.fetch_request.session_epoch, 1);
    assert_int_equal(sent.message.fetch_request.partitions_count, 0);
    /* Another partition comes while the fetch is under way, the first one moves. */
    struct isr_command command = {.kind = ISR_COMMAND_CONSUME, .id = 2, .topic = "orders"};
    fake_command(fake, &command);
    consume(fake, 5, false);
    session_answer(fake, &sent, ISR_ERROR_NONE, 77);
    sent = fetch(fake);
    assert_int_equal(sent.message.fetch_request.session_epoch, 2);
    assert_int_equal(sent.message.fetch_request.partitions_count, 2);
    assert_int_equal(sent.message.fetch_request.forgotten_count, 1);
    /* The broker lost the session: everything is listed anew, at once. */
    session_answer(fake, &sent, ISR_ERROR_FETCH_SESSION_ID_NOT_FOUND, 0);
    sent = fetch(fake);
    assert_int_equal(sent.message.fetch_request.session_epoch, 0);
    assert_int_equal(sent.message.fetch_request.partitions_count, 2);
    assert_int_equal(sent.message.fetch_request.forgotten_count, 0);
    fake_free(fake);
}

static void goes_on_with_the_same_place_when_the_topic_is_not_known_yet(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    consume(fake, 0, false);
    consume(fake, 0, false);
    assert_int_equal(fake->client->consumers_count, 1);
    fake_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_with_the_same_place_when_the_topic_is_not_known_yet),
        cmocka_unit_test(reads_on_when_batches_come),
        cmocka_unit_test(delivers_nothing_when_records_are_damaged_or_leave_a_gap),
        cmocka_unit_test(looks_up_the_offset_when_it_is_symbolic),
        cmocka_unit_test(goes_to_the_earliest_when_out_of_range),
        cmocka_unit_test(goes_to_the_latest_when_out_of_range_and_told_so),
        cmocka_unit_test(asks_again_when_no_answer_comes),
        cmocka_unit_test(goes_on_when_the_new_leader_has_what_was_read),
        cmocka_unit_test(goes_back_when_the_new_leader_lost_what_was_read),
        cmocka_unit_test(reads_where_the_leader_says_and_falls_back_to_it),
        cmocka_unit_test(asks_the_leader_again_when_the_lease_is_over),
        cmocka_unit_test(lists_only_what_changed_when_there_is_a_session),
        cmocka_unit_test(starts_anew_when_told_a_second_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
