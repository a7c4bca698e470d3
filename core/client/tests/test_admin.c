#include "core/client/tests/fake.h"
#include "core/quorum/port.h"

static const struct isr_command create_orders = {.kind = ISR_COMMAND_CREATE_TOPIC,
                                                 .id = 5,
                                                 .topic = "orders",
                                                 .partitions = 2,
                                                 .replication_factor = 3,
                                                 .settings = {.min_isr = 2}};

static struct isr_message create_answer(const struct fake_sent *sent, enum isr_error error)
{
    return (struct isr_message){
        .kind = ISR_MESSAGE_CREATE_TOPIC_RESPONSE,
        .create_topic_response = {.correlation = sent->message.create_topic_request.correlation,
                                  .error = (uint8_t)error,
                                  .topic = 1}};
}

static void creates_the_topic_when_the_controller_is_known(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_command(fake, &create_orders);
    fake_metadata_without_topics(fake);
    struct fake_sent sent = *fake_sent_nth(fake, ISR_MESSAGE_CREATE_TOPIC_REQUEST, 0);
    assert_int_equal(sent.to, 2);
    assert_string_equal(sent.message.create_topic_request.name.text, "orders");
    assert_int_equal(sent.message.create_topic_request.assignments_count, 0);
    struct isr_message answer = create_answer(&sent, ISR_ERROR_NONE);
    fake_answer(fake, 2, &answer);
    fake_assert_reply(fake, 0, 5, ISR_ERROR_NONE, -1);
    assert_int_equal(fake_effect(fake, ISR_EFFECT_REPLY, 0)->tp.topic, 1);
    assert_null(fake->client->operations);
    fake_free(fake);
}

static void sends_the_assignments_when_given(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata_without_topics(fake);
    struct isr_replicas assignments[2] = {{3, {3, 1, 2}}, {3, {1, 2, 3}}};
    struct isr_command command = create_orders;
    command.assignments = assignments;
    fake_command(fake, &command);
    struct fake_sent sent = *fake_sent_nth(fake, ISR_MESSAGE_CREATE_TOPIC_REQUEST, 0);
    assert_int_equal(sent.message.create_topic_request.assignments_count, 2);
    assert_int_equal(sent.message.create_topic_request.assignments[0].replicas.ids[0], 3);
    fake_free(fake);
}

static void succeeds_when_the_topic_exists_after_a_lost_answer(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata_without_topics(fake);
    fake_command(fake, &create_orders);
    fake_metadata_without_topics(fake);
    struct fake_sent sent = *fake_wait_for(fake, ISR_MESSAGE_CREATE_TOPIC_REQUEST);
    struct isr_message answer = create_answer(&sent, ISR_ERROR_TOPIC_ALREADY_EXISTS);
    fake_answer(fake, 2, &answer);
    fake_assert_reply(fake, 0, 5, ISR_ERROR_NONE, -1);
    fake_free(fake);
}

static void fails_when_the_topic_existed_before(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata_without_topics(fake);
    fake_command(fake, &create_orders);
    struct fake_sent sent = *fake_sent_nth(fake, ISR_MESSAGE_CREATE_TOPIC_REQUEST, 0);
    struct isr_message answer = create_answer(&sent, ISR_ERROR_TOPIC_ALREADY_EXISTS);
    fake_answer(fake, 2, &answer);
    fake_assert_reply(fake, 0, 5, ISR_ERROR_TOPIC_ALREADY_EXISTS, -1);
    fake_free(fake);
}

static void gives_up_when_the_time_is_over(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata_without_topics(fake);
    fake_command(fake, &create_orders);
    while (fake_effect(fake, ISR_EFFECT_REPLY, 0) == NULL) {
        if (fake_sent_of_kind(fake, ISR_MESSAGE_CREATE_TOPIC_REQUEST) > 0) {
            struct fake_sent sent = *fake_sent_nth(fake, ISR_MESSAGE_CREATE_TOPIC_REQUEST, 0);
            struct isr_message answer = create_answer(&sent, ISR_ERROR_NOT_CONTROLLER);
            fake_answer(fake, 2, &answer);
        } else if (fake_sent_of_kind(fake, ISR_MESSAGE_METADATA_REQUEST) > 0) {
            fake_metadata_without_topics(fake);
        } else {
            assert_true(fake_wait(fake, 60 * ISR_SECOND));
        }
    }
    fake_assert_reply(fake, 0, 5, ISR_ERROR_REQUEST_TIMED_OUT, -1);
    assert_int_equal(fake->env.now_ns, fake->env.config.delivery_timeout);
    fake_free(fake);
}

static void elects_when_the_topic_is_known(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata_without_topics(fake);
    struct isr_command command = {
        .kind = ISR_COMMAND_ELECT, .id = 6, .topic = "orders", .partition = 1, .elect_kind = 1};
    fake_command(fake, &command);
    assert_int_equal(fake_sent_of_kind(fake, ISR_MESSAGE_ELECT_LEADERS_REQUEST), 0);
    fake_metadata(fake, 3, 4);
    struct fake_sent sent = *fake_sent_nth(fake, ISR_MESSAGE_ELECT_LEADERS_REQUEST, 0);
    assert_int_equal(sent.to, 2);
    assert_int_equal(isr_tp_key(sent.message.elect_leaders_request.tp), 0x10001);
    assert_int_equal(sent.message.elect_leaders_request.kind, 1);
    struct isr_message answer = {
        .kind = ISR_MESSAGE_ELECT_LEADERS_RESPONSE,
        .elect_leaders_response = {.correlation = sent.message.elect_leaders_request.correlation,
                                   .tp = {1, 1},
                                   .error = ISR_ERROR_ELIGIBLE_LEADERS_NOT_AVAILABLE}};
    fake_answer(fake, 2, &answer);
    fake_assert_reply(fake, 0, 6, ISR_ERROR_ELIGIBLE_LEADERS_NOT_AVAILABLE, -1);
    fake_free(fake);
}

static struct isr_message admin_answer(uint32_t correlation, enum isr_error error)
{
    return (struct isr_message){.kind = ISR_MESSAGE_ADMIN_RESPONSE,
                                .admin_response = {.correlation = correlation, .error = (uint8_t)error}};
}

static const struct isr_command delete_orders = {
    .kind = ISR_COMMAND_DELETE_TOPIC, .id = 7, .topic = "orders"};

static void deletes_the_topic_by_name(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata_without_topics(fake);
    fake_command(fake, &delete_orders);
    struct fake_sent sent = *fake_sent_nth(fake, ISR_MESSAGE_DELETE_TOPIC_REQUEST, 0);
    assert_int_equal(sent.to, 2);
    assert_string_equal(sent.message.delete_topic_request.name.text, "orders");
    struct isr_message answer = admin_answer(sent.message.delete_topic_request.correlation, ISR_ERROR_NONE);
    fake_answer(fake, 2, &answer);
    fake_assert_reply(fake, 0, 7, ISR_ERROR_NONE, -1);
    assert_null(fake->client->operations);
    fake_free(fake);
}

static void deletion_fails_when_the_topic_is_unknown(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata_without_topics(fake);
    fake_command(fake, &delete_orders);
    struct fake_sent sent = *fake_sent_nth(fake, ISR_MESSAGE_DELETE_TOPIC_REQUEST, 0);
    struct isr_message answer =
        admin_answer(sent.message.delete_topic_request.correlation, ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    fake_answer(fake, 2, &answer);
    fake_assert_reply(fake, 0, 7, ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION, -1);
    fake_free(fake);
}

static void deletion_succeeds_when_the_topic_is_gone_after_a_lost_answer(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata_without_topics(fake);
    fake_command(fake, &delete_orders);
    fake_metadata_without_topics(fake);
    struct fake_sent sent = *fake_wait_for(fake, ISR_MESSAGE_DELETE_TOPIC_REQUEST);
    struct isr_message answer =
        admin_answer(sent.message.delete_topic_request.correlation, ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    fake_answer(fake, 2, &answer);
    fake_assert_reply(fake, 0, 7, ISR_ERROR_NONE, -1);
    fake_free(fake);
}

static void alters_only_the_settings_that_are_given(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata_without_topics(fake);
    struct isr_command command = {.kind = ISR_COMMAND_ALTER_TOPIC,
                                  .id = 8,
                                  .topic = "orders",
                                  .settings = {.min_isr = 3},
                                  .settings_given = 5};
    fake_command(fake, &command);
    struct fake_sent sent = *fake_sent_nth(fake, ISR_MESSAGE_ALTER_TOPIC_REQUEST, 0);
    assert_int_equal(sent.to, 2);
    assert_string_equal(sent.message.alter_topic_request.name.text, "orders");
    assert_int_equal(sent.message.alter_topic_request.given, 5);
    assert_int_equal(sent.message.alter_topic_request.settings.min_isr, 3);
    struct isr_message answer =
        admin_answer(sent.message.alter_topic_request.correlation, ISR_ERROR_INVALID_REQUEST);
    fake_answer(fake, 2, &answer);
    fake_assert_reply(fake, 0, 8, ISR_ERROR_INVALID_REQUEST, -1);
    fake_free(fake);
}

static void reassigns_when_the_topic_is_known(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata_without_topics(fake);
    struct isr_command command = {
        .kind = ISR_COMMAND_REASSIGN, .id = 9, .topic = "orders", .partition = 1, .replicas = {3, {4, 5, 6}}};
    fake_command(fake, &command);
    assert_int_equal(fake_sent_of_kind(fake, ISR_MESSAGE_REASSIGN_REQUEST), 0);
    fake_metadata(fake, 3, 4);
    struct fake_sent sent = *fake_sent_nth(fake, ISR_MESSAGE_REASSIGN_REQUEST, 0);
    assert_int_equal(isr_tp_key(sent.message.reassign_request.tp), 0x10001);
    assert_int_equal(isr_replicas_pack(&sent.message.reassign_request.replicas), 0x060504);
    /* Not the controller any more: asked again. */
    struct isr_message answer =
        admin_answer(sent.message.reassign_request.correlation, ISR_ERROR_NOT_CONTROLLER);
    fake_answer(fake, 2, &answer);
    assert_null(fake_effect(fake, ISR_EFFECT_REPLY, 0));
    fake_metadata(fake, 3, 4);
    sent = *fake_wait_for(fake, ISR_MESSAGE_REASSIGN_REQUEST);
    answer = admin_answer(sent.message.reassign_request.correlation, ISR_ERROR_NONE);
    fake_answer(fake, 2, &answer);
    fake_assert_reply(fake, 0, 9, ISR_ERROR_NONE, -1);
    fake_free(fake);
}

static void cancels_when_no_replicas_are_given(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    struct isr_command command = {.kind = ISR_COMMAND_REASSIGN, .id = 10, .topic = "orders", .partition = 1};
    fake_command(fake, &command);
    fake_metadata(fake, 3, 4);
    struct fake_sent sent = *fake_wait_for(fake, ISR_MESSAGE_REASSIGN_REQUEST);
    assert_int_equal(sent.message.reassign_request.replicas.count, 0);
    struct isr_message answer =
        admin_answer(sent.message.reassign_request.correlation, ISR_ERROR_INVALID_REPLICA_ASSIGNMENT);
    fake_answer(fake, 2, &answer);
    fake_assert_reply(fake, 0, 10, ISR_ERROR_INVALID_REPLICA_ASSIGNMENT, -1);
    fake_free(fake);
}

static struct isr_message quorum_answer(const struct fake_sent *sent, enum isr_error error,
                                        int16_t controller)
{
    return (struct isr_message){
        .kind = ISR_MESSAGE_ALTER_QUORUM_RESPONSE,
        .alter_quorum_response = {.correlation = sent->message.alter_quorum_request.correlation,
                                  .error = (uint8_t)error,
                                  .controller = controller}};
}

static void asks_the_next_controller_when_the_first_does_not_lead(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata_without_topics(fake);
    const struct isr_command command = {.kind = ISR_COMMAND_ALTER_QUORUM,
                                        .id = 7,
                                        .quorum_change = ISR_QUORUM_REMOVE,
                                        .node = 3,
                                        .controller = ISR_NODE_NONE};
    fake_command(fake, &command);
    struct fake_sent sent = *fake_sent_nth(fake, ISR_MESSAGE_ALTER_QUORUM_REQUEST, 0);
    assert_int_equal(sent.to, 2);
    assert_int_equal(sent.message.alter_quorum_request.kind, ISR_QUORUM_REMOVE);
    assert_int_equal(sent.message.alter_quorum_request.node, 3);
    struct isr_message answer = quorum_answer(&sent, ISR_ERROR_NOT_CONTROLLER, 1);
    fake_answer(fake, 2, &answer);
    sent = *fake_wait_for(fake, ISR_MESSAGE_ALTER_QUORUM_REQUEST);
    assert_int_equal(sent.to, 1);
    answer = quorum_answer(&sent, ISR_ERROR_VOTER_NOT_FOUND, 1); /* the first one did it all the same */
    fake_answer(fake, 1, &answer);
    fake_assert_reply(fake, 0, 7, ISR_ERROR_NONE, -1);
    fake_free(fake);
}

static void asks_the_controller_that_is_named_when_one_is(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    const struct isr_command command = {.kind = ISR_COMMAND_ALTER_QUORUM,
                                        .id = 8,
                                        .quorum_change = ISR_QUORUM_ADD_VOTER,
                                        .node = 3,
                                        .controller = 5};
    fake_command(fake, &command); /* nothing need be known of the cluster */
    struct fake_sent sent = *fake_sent_nth(fake, ISR_MESSAGE_ALTER_QUORUM_REQUEST, 0);
    assert_int_equal(sent.to, 5);
    struct isr_message answer = quorum_answer(&sent, ISR_ERROR_DUPLICATE_VOTER, 5);
    fake_answer(fake, 5, &answer);
    fake_assert_reply(fake, 0, 8, ISR_ERROR_DUPLICATE_VOTER, -1);
    fake_free(fake);
}

static void refuses_what_is_no_clients(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    const struct isr_command command = {.kind = ISR_COMMAND_CAMPAIGN, .id = 4, .topic = "orders"};
    fake_command(fake, &command); /* a peer's */
    fake_assert_reply(fake, 0, 4, ISR_ERROR_INVALID_REQUEST, -1);
    const struct isr_message message = {.kind = ISR_MESSAGE_PUSH_REQUEST};
    fake_begin(fake);
    assert_false(isr_client_message(fake->client, 1, &message));
    fake_end(fake);
    assert_int_equal(fake->effects.count, 0);
    fake_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creates_the_topic_when_the_controller_is_known),
        cmocka_unit_test(sends_the_assignments_when_given),
        cmocka_unit_test(succeeds_when_the_topic_exists_after_a_lost_answer),
        cmocka_unit_test(fails_when_the_topic_existed_before),
        cmocka_unit_test(gives_up_when_the_time_is_over),
        cmocka_unit_test(elects_when_the_topic_is_known),
        cmocka_unit_test(deletes_the_topic_by_name),
        cmocka_unit_test(deletion_fails_when_the_topic_is_unknown),
        cmocka_unit_test(deletion_succeeds_when_the_topic_is_gone_after_a_lost_answer),
        cmocka_unit_test(alters_only_the_settings_that_are_given),
        cmocka_unit_test(reassigns_when_the_topic_is_known),
        cmocka_unit_test(cancels_when_no_replicas_are_given),
        cmocka_unit_test(asks_the_next_controller_when_the_first_does_not_lead),
        cmocka_unit_test(asks_the_controller_that_is_named_when_one_is),
        cmocka_unit_test(refuses_what_is_no_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
