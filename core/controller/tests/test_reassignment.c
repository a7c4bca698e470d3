/* Reassignment of replicas (KIP-455), other settings of topics, and topics that go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/controller/tests/fixture.h"

/* Brokers 1 to 6; orders on 1, 2, 3. */
static void six_brokers(struct fixture *f)
{
    fixture_cluster(f);
    for (int16_t broker = 4; broker <= 6; broker++)
        join(f, broker);
}

static enum isr_error ask(struct fixture *f, struct isr_message *message)
{
    deliver(f, 200, message);
    assert_true(sent(f, 200, ISR_MESSAGE_ADMIN_RESPONSE, message));
    assert_int_equal(message->admin_response.correlation, f->correlation);
    return (enum isr_error)message->admin_response.error;
}

static enum isr_error reassign(struct fixture *f, uint64_t replicas)
{
    struct isr_message message = {.kind = ISR_MESSAGE_REASSIGN_REQUEST,
                                  .reassign_request = {.correlation = ++f->correlation,
                                                       .tp = orders,
                                                       .replicas = isr_replicas_unpack(replicas)}};
    return ask(f, &message);
}

static enum isr_error alter(struct fixture *f, uint64_t given, int64_t min_isr, int64_t unclean)
{
    struct isr_message message = {.kind = ISR_MESSAGE_ALTER_TOPIC_REQUEST,
                                  .alter_topic_request = {.correlation = ++f->correlation,
                                                          .name = {"orders"},
                                                          .given = given,
                                                          .settings = isr_topic_settings_default()}};
    message.alter_topic_request.settings.min_isr = min_isr;
    message.alter_topic_request.settings.unclean = unclean;
    return ask(f, &message);
}

static enum isr_error delete_orders(struct fixture *f)
{
    struct isr_message message = {
        .kind = ISR_MESSAGE_DELETE_TOPIC_REQUEST,
        .delete_topic_request = {.correlation = ++f->correlation, .name = {"orders"}}};
    return ask(f, &message);
}

/* The leader asks for this ISR. */
static struct isr_alter_partition_response isr_becomes(struct fixture *f, uint64_t isr)
{
    struct isr_replicas wanted = isr_replicas_unpack(isr);
    struct isr_isr_member members[ISR_REPLICAS_MAX];
    for (unsigned i = 0; i < wanted.count; i++)
        members[i] = (struct isr_isr_member){wanted.ids[i], -1};
    const struct isr_image_partition *now = committed(f);
    struct isr_message message = {
        .kind = ISR_MESSAGE_ALTER_PARTITION_REQUEST,
        .alter_partition_request = {.correlation = ++f->correlation,
                                    .broker_id = (int16_t)now->leader,
                                    .broker_epoch = f->controller.committed.brokers[now->leader].epoch,
                                    .tp = orders,
                                    .leader_epoch = now->leader_epoch,
                                    .partition_epoch = now->partition_epoch,
                                    .isr = members,
                                    .isr_count = wanted.count}};
    int32_t leader = now->leader;
    deliver(f, leader, &message);
    assert_true(sent(f, leader, ISR_MESSAGE_ALTER_PARTITION_RESPONSE, &message));
    return message.alter_partition_response;
}

static void assert_sets(const struct fixture *f, uint64_t replicas, uint64_t adding, uint64_t removing,
                        uint64_t isr)
{
    assert_int_equal(isr_replicas_pack(&committed(f)->replicas), replicas);
    assert_int_equal(isr_replicas_pack(&committed(f)->adding), adding);
    assert_int_equal(isr_replicas_pack(&committed(f)->removing), removing);
    assert_int_equal(isr_replicas_pack(&committed(f)->isr), isr);
}

static void completes_when_all_wanted_replicas_are_in_sync(void **state)
{
    (void)state;
    struct fixture f;
    six_brokers(&f);
    assert_int_equal(reassign(&f, 0x060504), ISR_ERROR_NONE);
    assert_sets(&f, 0x030201060504, 0x060504, 0x030201, 0x030201);
    assert_int_equal(committed(&f)->leader_epoch, 0);
    assert_int_equal(isr_becomes(&f, 0x0403020105).error, ISR_ERROR_NONE);
    assert_int_equal(committed(&f)->removing.count, 3);
    /* Done, and yet an error: who asked leads no more. */
    assert_int_equal(isr_becomes(&f, 0x060504030201).error, ISR_ERROR_NEW_LEADER_ELECTED);
    assert_sets(&f, 0x060504, 0, 0, 0x060504);
    assert_int_equal(committed(&f)->leader, 4);
    assert_int_equal(committed(&f)->leader_epoch, 1);
    assert_int_equal(observed(&f, ISR_OBSERVED_REASSIGNMENT)->reassignment.replicas, 0x060504);
    fixture_end(&f);
}

static void waits_for_a_kept_replica_when_the_added_one_is_in_sync(void **state)
{
    (void)state;
    for (int wrong = 0; wrong <= 1; wrong++) {
        struct fixture f;
        six_brokers(&f);
        f.env.rules.reassignment_done =
            wrong ? ISR_RULE_reassignment_done_added : ISR_RULE_reassignment_done_all_in_sync;
        assert_int_equal(isr_becomes(&f, 0x0201).error, ISR_ERROR_NONE);
        assert_int_equal(reassign(&f, 0x0403), ISR_ERROR_NONE);
        isr_becomes(&f, 0x040201);
        assert_int_equal(committed(&f)->isr.count, wrong ? 1 : 3);
        fixture_end(&f);
    }
}

static void leader_epoch_grows_when_a_replica_leaves_though_the_leader_stays(void **state)
{
    (void)state;
    for (int wrong = 0; wrong <= 1; wrong++) {
        struct fixture f;
        six_brokers(&f);
        f.env.rules.reassignment_epoch =
            wrong ? ISR_RULE_reassignment_epoch_stays : ISR_RULE_reassignment_epoch_grows;
        assert_int_equal(reassign(&f, 0x0201), ISR_ERROR_NONE);
        assert_sets(&f, 0x0201, 0, 0, 0x0201);
        assert_int_equal(committed(&f)->leader, 1);
        assert_int_equal(committed(&f)->leader_epoch, wrong ? 0 : 1);
        fixture_end(&f);
    }
}

static void goes_back_when_cancelled(void **state)
{
    (void)state;
    struct fixture f;
    six_brokers(&f);
    assert_int_equal(reassign(&f, 0), ISR_ERROR_NO_REASSIGNMENT_IN_PROGRESS);
    assert_int_equal(reassign(&f, 0x0504), ISR_ERROR_NONE);
    isr_becomes(&f, 0x04030201);
    assert_int_equal(reassign(&f, 0), ISR_ERROR_NONE);
    assert_sets(&f, 0x030201, 0, 0, 0x030201);
    fixture_end(&f);
}

/* Of what two replicas acknowledged one would be left. */
static void waits_when_cancelled_while_the_former_replicas_are_not_in_sync(void **state)
{
    (void)state;
    struct fixture f;
    six_brokers(&f);
    assert_int_equal(reassign(&f, 0x0504), ISR_ERROR_NONE);
    isr_becomes(&f, 0x04030201);
    isr_becomes(&f, 0x0401);
    assert_int_equal(reassign(&f, 0), ISR_ERROR_NONE);
    assert_sets(&f, 0x0504030201, 0x0504, 0x0504, 0x0401);
    isr_becomes(&f, 0x040201);
    assert_sets(&f, 0x030201, 0, 0, 0x0201);
    fixture_end(&f);
}

static void goes_elsewhere_when_overridden(void **state)
{
    (void)state;
    struct fixture f;
    six_brokers(&f);
    assert_int_equal(reassign(&f, 0x0504), ISR_ERROR_NONE);
    assert_int_equal(reassign(&f, 0x0601), ISR_ERROR_NONE);
    assert_int_equal(isr_replicas_pack(&committed(&f)->replicas), 0x030205040601);
    struct isr_replicas original = ctl_assignment_original(committed(&f));
    assert_int_equal(isr_replicas_pack(&original), 0x030201);
    assert_true(isr_replicas_contain(&committed(&f)->removing, 4));
    isr_becomes(&f, 0x06030201);
    assert_sets(&f, 0x0601, 0, 0, 0x0601);
    fixture_end(&f);
}

/* Consensus takes no proposal any more: leadership is gone, and nobody has said so yet. */
static void is_no_controller_when_what_it_decides_cannot_be_proposed(void **state)
{
    (void)state;
    struct fixture f;
    six_brokers(&f);
    f.fake.refuses = true;
    assert_int_equal(reassign(&f, 0x060504), ISR_ERROR_NOT_CONTROLLER);
    assert_int_equal(alter(&f, 1, 1, 0), ISR_ERROR_NOT_CONTROLLER);
    assert_int_equal(delete_orders(&f), ISR_ERROR_NOT_CONTROLLER);
    assert_sets(&f, 0x030201, 0, 0, 0x030201);
    fixture_end(&f);
}

static void refuses_what_makes_no_sense(void **state)
{
    (void)state;
    struct fixture f;
    six_brokers(&f);
    assert_int_equal(reassign(&f, 0x0901), ISR_ERROR_INVALID_REPLICA_ASSIGNMENT);
    assert_int_equal(alter(&f, 1, 0, 0), ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(alter(&f, 1, 99, 0), ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(delete_orders(&f), ISR_ERROR_NONE);
    assert_int_equal(delete_orders(&f), ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(reassign(&f, 0x0201), ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(alter(&f, 1, 2, 0), ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    fixture_end(&f);
}

static void nobody_stays_eligible_when_min_isr_is_lowered(void **state)
{
    (void)state;
    for (int wrong = 0; wrong <= 1; wrong++) {
        struct fixture f;
        fixture_cluster(&f);
        f.env.rules.min_isr_change =
            wrong ? ISR_RULE_min_isr_change_keeps_elr : ISR_RULE_min_isr_change_clears_elr;
        isr_becomes(&f, 0x01);
        assert_int_equal(isr_replicas_pack(&committed(&f)->elr), 0x0302);
        int32_t epoch = committed(&f)->partition_epoch;
        assert_int_equal(alter(&f, 1, 1, 0), ISR_ERROR_NONE);
        assert_int_equal(isr_image_topic(&f.controller.committed, 1)->settings.min_isr, 1);
        assert_int_equal(committed(&f)->elr.count, wrong ? 2 : 0);
        assert_int_equal(committed(&f)->partition_epoch, epoch + 1);
        fixture_end(&f);
    }
}

static void unclean_leader_is_elected_when_that_becomes_allowed(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    assert_int_equal(alter(&f, 1, 1, 0), ISR_ERROR_NONE);
    isr_becomes(&f, 0x01);
    heartbeat(&f, 2);
    pass(&f, f.env.config.broker_session_timeout - 1);
    heartbeat(&f, 2);
    pass(&f, 1);
    assert_int_equal(committed(&f)->leader, ISR_NODE_NONE);
    size_t place = 0, count;
    const struct isr_topic_setting_info *list = isr_topic_setting_list(&count);
    while (strcmp(list[place].name, "unclean") != 0)
        place++;
    assert_int_equal(alter(&f, UINT64_C(1) << place, 1, 1), ISR_ERROR_NONE);
    assert_int_equal(committed(&f)->leader, 2);
    fixture_end(&f);
}

static void id_is_new_when_a_topic_is_made_again(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    assert_int_equal(delete_orders(&f), ISR_ERROR_NONE);
    assert_null(isr_image_topic_named(&f.controller.committed, "orders"));
    assert_int_equal(observed(&f, ISR_OBSERVED_TOPIC_APPLIED)->topic_applied.removed, 1);
    struct isr_message message = create_request(&f, "orders", 1, 3, 2);
    struct isr_create_topic_response answer = send_create(&f, &message);
    assert_int_equal(answer.error, ISR_ERROR_NONE);
    assert_int_equal(answer.topic, 2);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(completes_when_all_wanted_replicas_are_in_sync),
        cmocka_unit_test(waits_for_a_kept_replica_when_the_added_one_is_in_sync),
        cmocka_unit_test(leader_epoch_grows_when_a_replica_leaves_though_the_leader_stays),
        cmocka_unit_test(goes_back_when_cancelled),
        cmocka_unit_test(waits_when_cancelled_while_the_former_replicas_are_not_in_sync),
        cmocka_unit_test(goes_elsewhere_when_overridden),
        cmocka_unit_test(is_no_controller_when_what_it_decides_cannot_be_proposed),
        cmocka_unit_test(refuses_what_makes_no_sense),
        cmocka_unit_test(nobody_stays_eligible_when_min_isr_is_lowered),
        cmocka_unit_test(unclean_leader_is_elected_when_that_becomes_allowed),
        cmocka_unit_test(id_is_new_when_a_topic_is_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
