#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/controller/tests/fixture.h"

static void topic_is_placed_round_robin_when_no_assignment_is_given(void **state)
{
    (void)state;
    struct fixture f;
    fixture_active(&f);
    for (int16_t broker = 1; broker <= 3; broker++)
        join(&f, broker);
    struct isr_message message = create_request(&f, "a", 4, 2, 2);
    struct isr_create_topic_response answer = send_create(&f, &message);
    assert_int_equal(answer.error, ISR_ERROR_NONE);
    assert_int_equal(answer.topic, 1);
    const uint64_t placed[] = {0x0201, 0x0302, 0x0103, 0x0201};
    for (uint16_t i = 0; i < 4; i++) {
        const struct isr_image_partition *partition =
            isr_image_partition(&f.controller.committed, (struct isr_tp){1, i});
        assert_int_equal(isr_replicas_pack(&partition->replicas), placed[i]);
        assert_int_equal(isr_replicas_pack(&partition->isr), placed[i]);
        assert_int_equal(partition->leader, partition->replicas.ids[0]);
        assert_int_equal(partition->leader_epoch, 0);
        assert_int_equal(partition->partition_epoch, 0);
    }
    assert_int_equal(observed(&f, ISR_OBSERVED_PARTITION_CHANGED)->partition_changed.cause,
                     ISR_CAUSE_TOPIC_CREATED);
    message = create_request(&f, "b", 1, 3, 1);
    assert_int_equal(send_create(&f, &message).topic, 2);
    struct isr_tp second = {2, 0};
    assert_int_equal(isr_image_partition(&f.controller.committed, second)->leader, 2);
    fixture_end(&f);
}

static void inactive_brokers_are_left_out_when_a_topic_is_placed(void **state)
{
    (void)state;
    struct fixture f;
    fixture_active(&f);
    join(&f, 1);
    do_register(&f, 2, 1, -1);
    join(&f, 3);
    struct isr_message message = create_request(&f, "a", 1, 2, 1);
    assert_int_equal(send_create(&f, &message).error, ISR_ERROR_NONE);
    assert_int_equal(isr_replicas_pack(&committed(&f)->replicas), 0x0301);
    message = create_request(&f, "b", 1, 3, 1);
    assert_int_equal(send_create(&f, &message).error, ISR_ERROR_INVALID_REPLICATION_FACTOR);
    fixture_end(&f);
}

static void first_active_replica_leads_when_the_assignment_is_given(void **state)
{
    (void)state;
    struct fixture f;
    fixture_active(&f);
    do_register(&f, 1, 1, -1);
    join(&f, 2);
    join(&f, 3);
    struct isr_assignment assignments[] = {{isr_replicas_unpack(0x020103)}, {isr_replicas_unpack(0x030201)}};
    struct isr_message message = create_request(&f, "a", 2, 3, 2);
    message.create_topic_request.assignments = assignments;
    message.create_topic_request.assignments_count = 2;
    assert_int_equal(send_create(&f, &message).error, ISR_ERROR_NONE);
    assert_int_equal(committed(&f)->leader, 3);
    assert_int_equal(isr_replicas_pack(&committed(&f)->isr), 0x0203);
    struct isr_tp second = {1, 1};
    assert_int_equal(isr_image_partition(&f.controller.committed, second)->leader, 2);
    fixture_end(&f);
}

static enum isr_error create_with(struct fixture *f, const char *name, struct isr_assignment *assignments,
                                  uint32_t count, int32_t partitions, int16_t replication, int16_t min_isr)
{
    struct isr_message message = create_request(f, name, partitions, replication, min_isr);
    message.create_topic_request.assignments = assignments;
    message.create_topic_request.assignments_count = count;
    return (enum isr_error)send_create(f, &message).error;
}

static void topic_is_refused_when_the_request_makes_no_sense(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    do_register(&f, 4, 1, -1);
    int64_t last = f.fake.last;
    assert_int_equal(create_with(&f, "orders", NULL, 0, 1, 1, 1), ISR_ERROR_TOPIC_ALREADY_EXISTS);
    assert_int_equal(create_with(&f, ".", NULL, 0, 1, 1, 1), ISR_ERROR_INVALID_TOPIC);
    assert_int_equal(create_with(&f, "..", NULL, 0, 1, 1, 1), ISR_ERROR_INVALID_TOPIC);
    assert_int_equal(create_with(&f, "", NULL, 0, 1, 1, 1), ISR_ERROR_INVALID_TOPIC);
    assert_int_equal(create_with(&f, "x", NULL, 0, 0, 1, 1), ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(create_with(&f, "x", NULL, 0, -1, 1, 1), ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(create_with(&f, "x", NULL, 0, 10001, 1, 1), ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(create_with(&f, "x", NULL, 0, 1, 0, 1), ISR_ERROR_INVALID_REPLICATION_FACTOR);
    assert_int_equal(create_with(&f, "x", NULL, 0, 1, 4, 1), ISR_ERROR_INVALID_REPLICATION_FACTOR);
    assert_int_equal(create_with(&f, "x", NULL, 0, 1, INT16_MAX, 1), ISR_ERROR_INVALID_REPLICATION_FACTOR);
    assert_int_equal(create_with(&f, "x", NULL, 0, 1, 2, 3), ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(create_with(&f, "x", NULL, 0, 1, 2, 0), ISR_ERROR_INVALID_REQUEST);
    struct isr_assignment uneven[] = {{isr_replicas_unpack(0x0201)}, {isr_replicas_unpack(0x01)}};
    assert_int_equal(create_with(&f, "x", uneven, 2, 2, 2, 1), ISR_ERROR_INVALID_REPLICA_ASSIGNMENT);
    assert_int_equal(create_with(&f, "x", uneven, 1, 2, 2, 1), ISR_ERROR_INVALID_REPLICA_ASSIGNMENT);
    assert_int_equal(create_with(&f, "x", uneven, 1, 1, 3, 1), ISR_ERROR_INVALID_REPLICA_ASSIGNMENT);
    struct isr_assignment unknown[] = {{isr_replicas_unpack(0x0901)}};
    assert_int_equal(create_with(&f, "x", unknown, 1, 1, 2, 1), ISR_ERROR_INVALID_REPLICA_ASSIGNMENT);
    struct isr_assignment dead[] = {{isr_replicas_unpack(0x04)}};
    assert_int_equal(create_with(&f, "x", dead, 1, 1, 1, 1), ISR_ERROR_INVALID_REPLICA_ASSIGNMENT);
    struct isr_assignment empty[] = {{isr_replicas_unpack(0)}};
    assert_int_equal(create_with(&f, "x", empty, 1, 1, 0, 1), ISR_ERROR_INVALID_REPLICA_ASSIGNMENT);
    assert_int_equal(f.fake.last, last);
    fixture_end(&f);
}

/* ---- elections by request ---- */

static enum isr_error elect(struct fixture *f, struct isr_tp tp, uint8_t kind)
{
    struct isr_message message = {
        .kind = ISR_MESSAGE_ELECT_LEADERS_REQUEST,
        .elect_leaders_request = {.correlation = ++f->correlation, .tp = tp, .kind = kind}};
    deliver(f, 200, &message);
    assert_true(sent(f, 200, ISR_MESSAGE_ELECT_LEADERS_RESPONSE, &message));
    assert_int_equal(message.elect_leaders_response.correlation, f->correlation);
    assert_true(isr_tp_equal(message.elect_leaders_response.tp, tp));
    return (enum isr_error)message.elect_leaders_response.error;
}

static void preferred_replica_is_elected_when_it_is_in_the_isr(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    assert_int_equal(elect(&f, orders, 0), ISR_ERROR_ELECTION_NOT_NEEDED);
    assert_int_equal(elect(&f, orders, 1), ISR_ERROR_ELECTION_NOT_NEEDED);
    assert_int_equal(elect(&f, orders, 2), ISR_ERROR_INVALID_REQUEST);
    struct isr_tp none = {9, 0};
    assert_int_equal(elect(&f, none, 0), ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    struct isr_message message = heartbeat_request(&f, 1, f.controller.committed.index);
    message.broker_heartbeat_request.want_fence = 1;
    send_heartbeat(&f, &message);
    heartbeat(&f, 1);
    assert_int_equal(committed(&f)->leader, 2);
    assert_int_equal(elect(&f, orders, 0), ISR_ERROR_PREFERRED_LEADER_NOT_AVAILABLE);
    struct isr_isr_member members[] = {{1, -1}, {2, -1}, {3, -1}};
    message = (struct isr_message){
        .kind = ISR_MESSAGE_ALTER_PARTITION_REQUEST,
        .alter_partition_request = {.broker_id = 2,
                                    .broker_epoch = f.controller.committed.brokers[2].epoch,
                                    .tp = orders,
                                    .leader_epoch = committed(&f)->leader_epoch,
                                    .partition_epoch = committed(&f)->partition_epoch,
                                    .isr = members,
                                    .isr_count = 3}};
    deliver(&f, 2, &message);
    assert_int_equal(elect(&f, orders, 0), ISR_ERROR_NONE);
    assert_int_equal(committed(&f)->leader, 1);
    assert_int_equal(committed(&f)->leader_epoch, 2);
    assert_int_equal(observed(&f, ISR_OBSERVED_PARTITION_CHANGED)->partition_changed.cause,
                     ISR_CAUSE_ELECTION_PREFERRED);
    fixture_end(&f);
}

static void unclean_leader_is_elected_by_request_when_there_is_none(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    pass(&f, f.env.config.broker_session_timeout);
    assert_int_equal(committed(&f)->leader, ISR_NODE_NONE);
    assert_int_equal(elect(&f, orders, 1), ISR_ERROR_ELIGIBLE_LEADERS_NOT_AVAILABLE);
    assert_int_equal(elect(&f, orders, 0), ISR_ERROR_PREFERRED_LEADER_NOT_AVAILABLE);
    heartbeat(&f, 1);
    assert_int_equal(committed(&f)->leader, ISR_NODE_NONE);
    assert_int_equal(elect(&f, orders, 1), ISR_ERROR_NONE);
    assert_int_equal(committed(&f)->leader, 1);
    assert_true(committed(&f)->recovering);
    assert_int_equal(isr_replicas_pack(&committed(&f)->isr), 0x01);
    assert_int_equal(f.env.metrics.unclean_elections, 1);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topic_is_placed_round_robin_when_no_assignment_is_given),
        cmocka_unit_test(inactive_brokers_are_left_out_when_a_topic_is_placed),
        cmocka_unit_test(first_active_replica_leads_when_the_assignment_is_given),
        cmocka_unit_test(topic_is_refused_when_the_request_makes_no_sense),
        cmocka_unit_test(preferred_replica_is_elected_when_it_is_in_the_isr),
        cmocka_unit_test(unclean_leader_is_elected_by_request_when_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
