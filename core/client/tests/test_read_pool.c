/* The read pool: n3 leads "orders"; whom it reads from, and when it does not. */
#include "core/client/tests/fake.h"

enum { LEADER = 3, EPOCH = 4 };

static struct fake *pooled(void)
{
    struct isr_config config = isr_config_default();
    config.pool_refresh_time = 10 * ISR_SECOND;
    config.pool_lease_time = 25 * ISR_SECOND;
    config.pool_down_time = 4 * ISR_SECOND;
    config.metadata_max_age = 3600 * ISR_SECOND;
    struct fake *fake = fake_new_with(&config);
    fake_metadata(fake, LEADER, EPOCH);
    return fake;
}

static void ask(struct fake *fake, uint64_t id, enum isr_pool_mode mode)
{
    struct isr_command command = {
        .kind = ISR_COMMAND_READ, .id = id, .topic = "orders", .partition = 1, .pool_mode = mode};
    fake_command(fake, &command);
}

/* The leader's log ends at 1,000; its followers 1 and 2 are so many records behind. -1: nothing known. */
static void tell_offsets(struct fake *fake, int64_t behind_1, int64_t behind_2, int64_t high_watermark)
{
    struct fake_sent sent = *fake_wait_for(fake, ISR_MESSAGE_REPLICA_OFFSETS_REQUEST);
    assert_int_equal(sent.to, LEADER);
    assert_int_equal(sent.message.replica_offsets_request.current_leader_epoch, EPOCH);
    struct isr_replica_offset offsets[] = {{.replica = 1, .log_end = behind_1 < 0 ? -1 : 1000 - behind_1},
                                           {.replica = 2, .log_end = behind_2 < 0 ? -1 : 1000 - behind_2}};
    struct isr_message message = {
        .kind = ISR_MESSAGE_REPLICA_OFFSETS_RESPONSE,
        .replica_offsets_response = {.correlation = sent.message.replica_offsets_request.correlation,
                                     .tp = sent.message.replica_offsets_request.tp,
                                     .leader = LEADER,
                                     .leader_epoch = EPOCH,
                                     .log_end = 1000,
                                     .high_watermark = high_watermark,
                                     .replicas = offsets,
                                     .replicas_count = 2}};
    fake_answer(fake, sent.to, &message);
}

/* Whom the read under way went to. */
static struct fake_sent reading(struct fake *fake, int32_t from)
{
    struct fake_sent sent = *fake_wait_for(fake, ISR_MESSAGE_READ_REQUEST);
    assert_int_equal(sent.to, from);
    return sent;
}

static void answer(struct fake *fake, struct fake_sent sent, enum isr_error error, int64_t high_watermark)
{
    struct isr_message message = {.kind = ISR_MESSAGE_READ_RESPONSE,
                                  .read_response = {.correlation = sent.message.read_request.correlation,
                                                    .tp = sent.message.read_request.tp,
                                                    .error = (uint8_t)error,
                                                    .leader = LEADER,
                                                    .leader_epoch = EPOCH,
                                                    .high_watermark = high_watermark}};
    fake_answer(fake, sent.to, &message);
}

/* Goblin's, for minGap, refreshTime and leaseTime. */
static void has_the_documented_defaults(void **state)
{
    (void)state;
    struct isr_config config = isr_config_default();
    assert_int_equal(config.pool_min_gap, 100);
    assert_int_equal(config.pool_refresh_time, 120 * ISR_SECOND);
    assert_int_equal(config.pool_lease_time, 600 * ISR_SECOND);
}

static void reads_from_one_follower_of_the_list(void **state)
{
    (void)state;
    struct fake *fake = pooled();
    ask(fake, 5, ISR_POOL_IN_SYNC);
    tell_offsets(fake, 99, 100, 1000); /* the gap is 100: only n1 is in sync */
    for (uint64_t id = 5; id < 8; id++) {
        answer(fake, reading(fake, 1), ISR_ERROR_NONE, 900);
        fake_assert_reply(fake, 0, id, ISR_ERROR_NONE, 900);
        ask(fake, id + 1, ISR_POOL_IN_SYNC);
    }
    fake_free(fake);
}

/* Metadata of "orders" as another topic of that name has it. */
static void made_anew(struct fake *fake)
{
    struct fake_sent asked = *fake_wait_for(fake, ISR_MESSAGE_METADATA_REQUEST);
    struct isr_metadata_partition partitions[2];
    for (uint16_t i = 0; i < 2; i++)
        partitions[i] = (struct isr_metadata_partition){.tp = {2, i},
                                                        .leader = LEADER,
                                                        .leader_epoch = EPOCH,
                                                        .replicas = {3, {1, 2, 3}},
                                                        .isr = {3, {1, 2, 3}}};
    struct isr_metadata_topic topics[] = {
        {.topic = 1, .name = {"orders"}, .removed = 1},
        {.topic = 2, .name = {"orders"}, .partitions = partitions, .partitions_count = 2}};
    struct isr_message message = {
        .kind = ISR_MESSAGE_METADATA_RESPONSE,
        .metadata_response = {.correlation = asked.message.metadata_request.correlation,
                              .controller = 2,
                              .topics = topics,
                              .topics_count = 2}};
    fake_answer(fake, asked.to, &message);
}

static void begins_anew_when_the_topic_is_another_of_that_name(void **state)
{
    (void)state;
    struct fake *fake = pooled();
    ask(fake, 5, ISR_POOL_IN_SYNC);
    tell_offsets(fake, 0, 500, 1000);
    answer(fake, reading(fake, 1), ISR_ERROR_NONE, 1000);
    ask(fake, 6, ISR_POOL_IN_SYNC);
    struct fake_sent old = reading(fake, 1); /* of the former topic, and never answered */
    ask(fake, 7, ISR_POOL_IN_SYNC);
    struct fake_sent refused = *fake_wait_for(fake, ISR_MESSAGE_READ_REQUEST);
    answer(fake, refused, ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION, -1);
    made_anew(fake);
    struct fake_sent sent = *fake_wait_for(fake, ISR_MESSAGE_REPLICA_OFFSETS_REQUEST);
    if (sent.message.replica_offsets_request.tp.topic == 1) /* asked before the news came */
        sent = *fake_wait_for(fake, ISR_MESSAGE_REPLICA_OFFSETS_REQUEST);
    assert_int_equal(sent.message.replica_offsets_request.tp.topic, 2);
    answer(fake, old, ISR_ERROR_NONE, 1000); /* too late: nobody waits for it */
    assert_null(fake_effect(fake, ISR_EFFECT_REPLY, 0));
    fake_free(fake);
}

static void stays_with_its_follower_until_that_leaves_the_list(void **state)
{
    (void)state;
    struct fake *fake = pooled();
    ask(fake, 5, ISR_POOL_IN_SYNC);
    tell_offsets(fake, 0, 0, 1000);
    struct fake_sent sent = *fake_wait_for(fake, ISR_MESSAGE_READ_REQUEST);
    int32_t first = sent.to, other = 3 - first;
    answer(fake, sent, ISR_ERROR_NONE, 1000);
    assert_true(first == 1 || first == 2);
    tell_offsets(fake, first == 1 ? 500 : 0, first == 2 ? 500 : 0, 1000);
    ask(fake, 6, ISR_POOL_IN_SYNC);
    answer(fake, reading(fake, other), ISR_ERROR_NONE, 1000);
    tell_offsets(fake, 0, 0, 1000); /* both again: it stays with the one it has */
    ask(fake, 7, ISR_POOL_IN_SYNC);
    reading(fake, other);
    fake_free(fake);
}

static void leader_is_read_from_when_the_list_is_empty(void **state)
{
    (void)state;
    struct fake *fake = pooled();
    ask(fake, 5, ISR_POOL_IN_SYNC);
    tell_offsets(fake, -1, 400, 1000);
    answer(fake, reading(fake, LEADER), ISR_ERROR_NONE, 1000);
    fake_assert_reply(fake, 0, 5, ISR_ERROR_NONE, 1000);
    fake_free(fake);
}

static void follower_that_does_not_serve_is_left_out_for_a_while(void **state)
{
    (void)state;
    struct fake *fake = pooled();
    ask(fake, 5, ISR_POOL_IN_SYNC);
    tell_offsets(fake, 0, 300, 1000);
    answer(fake, reading(fake, 1), ISR_ERROR_NOT_LEADER_OR_FOLLOWER, -1);
    answer(fake, reading(fake, LEADER), ISR_ERROR_NONE, 1000); /* at once */
    fake_assert_reply(fake, 0, 5, ISR_ERROR_NONE, 1000);
    ask(fake, 6, ISR_POOL_IN_SYNC);
    answer(fake, reading(fake, LEADER), ISR_ERROR_NONE, 1000);
    fake->env.now_ns += 4 * ISR_SECOND;
    ask(fake, 7, ISR_POOL_IN_SYNC);
    reading(fake, 1);                             /* and comes back */
    assert_true(fake_wait(fake, 3 * ISR_SECOND)); /* no answer at all is the same */
    reading(fake, LEADER);
    assert_int_equal(fake->env.metrics.pool_marked_down, 2);
    fake_free(fake);
}

static void answer_behind_what_was_committed_is_refused(void **state)
{
    (void)state;
    struct fake *fake = pooled();
    ask(fake, 5, ISR_POOL_IN_SYNC);
    tell_offsets(fake, 0, 300, 980);
    answer(fake, reading(fake, 1), ISR_ERROR_NONE, 880); /* 980 - 100: just good */
    fake_assert_reply(fake, 0, 5, ISR_ERROR_NONE, 880);
    ask(fake, 6, ISR_POOL_IN_SYNC);
    answer(fake, reading(fake, 1), ISR_ERROR_NONE, 879);
    reading(fake, LEADER);
    fake_free(fake);
}

static void list_is_good_for_its_lease_and_no_longer(void **state)
{
    (void)state;
    struct fake *fake = pooled();
    ask(fake, 5, ISR_POOL_IN_SYNC);
    tell_offsets(fake, 0, 300, 1000);
    answer(fake, reading(fake, 1), ISR_ERROR_NONE, 1000);
    fake->env.now_ns += 25 * ISR_SECOND; /* refreshes were due, and are not answered */
    ask(fake, 6, ISR_POOL_IN_SYNC);
    answer(fake, reading(fake, 1), ISR_ERROR_NONE, 1000);
    fake->env.now_ns += 1;
    ask(fake, 7, ISR_POOL_IN_SYNC);
    reading(fake, LEADER);
    fake_free(fake);
}

static void takes_followers_in_turn_without_a_list(void **state)
{
    (void)state;
    struct fake *fake = pooled();
    for (uint64_t id = 0; id < 6; id++) {
        ask(fake, id + 1, ISR_POOL_ROUND_ROBIN);
        answer(fake, reading(fake, id % 2 == 0 ? 1 : 2), ISR_ERROR_NONE, 3);
        fake_assert_reply(fake, 0, id + 1, ISR_ERROR_NONE, 3);
    }
    ask(fake, 9, ISR_POOL_LEADER);
    reading(fake, LEADER);
    assert_int_equal(fake->env.metrics.pool_refreshes, 0);
    fake_free(fake);
}

static void gives_up_when_nobody_serves_in_time(void **state)
{
    (void)state;
    struct fake *fake = pooled();
    ask(fake, 5, ISR_POOL_LEADER);
    for (int round = 0; round < 2000; round++) {
        if (fake_effect(fake, ISR_EFFECT_REPLY, 0) != NULL)
            break;
        if (fake_sent_of_kind(fake, ISR_MESSAGE_READ_REQUEST) > 0)
            answer(fake, reading(fake, LEADER), ISR_ERROR_OFFSET_NOT_AVAILABLE, -1);
        else
            assert_true(fake_wait(fake, 60 * ISR_SECOND));
        if (fake_effect(fake, ISR_EFFECT_REPLY, 0) == NULL && fake->effects.count == 0)
            assert_true(fake_wait(fake, 60 * ISR_SECOND));
    }
    fake_assert_reply(fake, 0, 5, ISR_ERROR_REQUEST_TIMED_OUT, ISR_OFFSET_NONE);
    assert_true(fake->env.now_ns >= 30 * ISR_SECOND);
    fake_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_documented_defaults),
        cmocka_unit_test(reads_from_one_follower_of_the_list),
        cmocka_unit_test(begins_anew_when_the_topic_is_another_of_that_name),
        cmocka_unit_test(stays_with_its_follower_until_that_leaves_the_list),
        cmocka_unit_test(leader_is_read_from_when_the_list_is_empty),
        cmocka_unit_test(follower_that_does_not_serve_is_left_out_for_a_while),
        cmocka_unit_test(answer_behind_what_was_committed_is_refused),
        cmocka_unit_test(list_is_good_for_its_lease_and_no_longer),
        cmocka_unit_test(takes_followers_in_turn_without_a_list),
        cmocka_unit_test(gives_up_when_nobody_serves_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
