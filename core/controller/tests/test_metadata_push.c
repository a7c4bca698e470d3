/* The sender of metadata_push: order, what is in a round, repetition, full state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/controller/tests/fixture.h"

static void push_begin(struct fixture *f)
{
    fixture_active(f);
    f->env.config.metadata_push = 1;
}

/* As broker 1 does: the request is answered. */
static void answer(struct fixture *f, uint32_t correlation, enum isr_error error)
{
    struct isr_message message = {
        .kind = ISR_MESSAGE_CONTROLLER_PUSH_RESPONSE,
        .controller_push_response = {.correlation = correlation, .error = (uint8_t)error}};
    deliver(f, 1, &message);
}

static struct isr_leader_and_isr_request leaders(struct fixture *f)
{
    struct isr_message message;
    assert_true(sent(f, 1, ISR_MESSAGE_LEADER_AND_ISR_REQUEST, &message));
    return message.leader_and_isr_request;
}

static struct isr_update_metadata_request metadata(struct fixture *f)
{
    struct isr_message message;
    assert_true(sent(f, 1, ISR_MESSAGE_UPDATE_METADATA_REQUEST, &message));
    return message.update_metadata_request;
}

/* Registers broker 1 and answers everything that it is told. */
static void told_all(struct fixture *f)
{
    assert_int_equal(do_register(f, 1, 101, -1).error, ISR_ERROR_NONE);
    answer(f, leaders(f).correlation, ISR_ERROR_NONE);
    answer(f, metadata(f).correlation, ISR_ERROR_NONE);
    assert_int_equal(heartbeat(f, 1).is_fenced, 0);
    answer(f, metadata(f).correlation, ISR_ERROR_NONE);
}

static void create_orders(struct fixture *f)
{
    struct isr_message message = create_request(f, "orders", 1, 1, 1);
    assert_int_equal(send_create(f, &message).error, ISR_ERROR_NONE);
}

static void tells_everything_when_a_broker_registers(void **state)
{
    (void)state;
    struct fixture f;
    push_begin(&f);
    int64_t epoch = do_register(&f, 1, 101, -1).broker_epoch;
    struct isr_leader_and_isr_request roles = leaders(&f);
    assert_int_equal(roles.full, 1);
    assert_int_equal(roles.broker_epoch, epoch);
    assert_int_equal(roles.controller_epoch, f.controller.term);
    struct isr_message other;
    assert_false(sent(&f, 1, ISR_MESSAGE_UPDATE_METADATA_REQUEST, &other)); /* one after the other */
    answer(&f, roles.correlation, ISR_ERROR_NONE);
    struct isr_update_metadata_request rest = metadata(&f);
    assert_true(rest.snapshot.size > 0);
    assert_int_equal(rest.snapshot_index, f.controller.committed.index);
    fixture_end(&f);
}

static void tells_what_changed_in_order(void **state)
{
    (void)state;
    struct fixture f;
    push_begin(&f);
    told_all(&f);
    create_orders(&f);
    struct isr_leader_and_isr_request roles = leaders(&f);
    assert_int_equal(roles.full, 0);
    assert_int_equal(roles.partitions_count, 1);
    assert_int_equal(roles.partitions[0].leader, 1);
    assert_int_equal(roles.index, f.controller.committed.index);
    answer(&f, roles.correlation + 1, ISR_ERROR_NONE); /* no answer to anything */
    assert_int_equal(sent_count(&f), 0);
    answer(&f, roles.correlation, ISR_ERROR_NONE);
    struct isr_update_metadata_request rest = metadata(&f);
    assert_int_equal(rest.snapshot.size, 0);
    assert_int_equal(rest.entries_count, 1);
    answer(&f, rest.correlation, ISR_ERROR_NONE);
    assert_int_equal(sent_count(&f), 0);
    fixture_end(&f);
}

static void tells_all_partitions_when_many_change_at_once(void **state)
{
    (void)state;
    struct fixture f;
    push_begin(&f);
    told_all(&f);
    struct isr_message message = create_request(&f, "orders", 40, 1, 1);
    assert_int_equal(send_create(&f, &message).error, ISR_ERROR_NONE);
    struct isr_leader_and_isr_request roles = leaders(&f);
    assert_int_equal(roles.partitions_count, 40);
    for (uint16_t i = 0; i < 40; i++)
        assert_int_equal(roles.partitions[i].tp.index, i);
    fixture_end(&f);
}

static void stops_the_replica_when_the_topic_is_deleted(void **state)
{
    (void)state;
    struct fixture f;
    push_begin(&f);
    told_all(&f);
    create_orders(&f);
    answer(&f, leaders(&f).correlation, ISR_ERROR_NONE);
    answer(&f, metadata(&f).correlation, ISR_ERROR_NONE);
    struct isr_message message = {.kind = ISR_MESSAGE_DELETE_TOPIC_REQUEST,
                                  .delete_topic_request = {.correlation = 9, .name = {"orders"}}};
    deliver(&f, 200, &message);
    assert_true(sent(&f, 1, ISR_MESSAGE_STOP_REPLICA_REQUEST, &message));
    assert_int_equal(message.stop_replica_request.partitions_count, 1);
    assert_int_equal(message.stop_replica_request.partitions[0].topic_removed, 1);
    answer(&f, message.stop_replica_request.correlation, ISR_ERROR_NONE);
    assert_int_equal(metadata(&f).entries_count, 1); /* no LEADER_AND_ISR: nothing is left to lead */
    fixture_end(&f);
}

static void repeats_a_round_when_nobody_answers(void **state)
{
    (void)state;
    struct fixture f;
    push_begin(&f);
    told_all(&f);
    create_orders(&f);
    struct isr_leader_and_isr_request first = leaders(&f);
    int64_t index = first.index;
    uint32_t correlation = first.correlation;
    pass(&f, f.env.config.request_timeout + f.env.config.retry_backoff);
    struct isr_leader_and_isr_request second = leaders(&f);
    assert_int_equal(second.index, index);
    assert_int_not_equal(second.correlation, correlation);
    assert_int_equal(f.env.metrics.pushes_repeated, 1);
    answer(&f, correlation, ISR_ERROR_NONE); /* given up: it counts for nothing */
    assert_int_equal(sent_count(&f), 0);
    fixture_end(&f);
}

static void tells_everything_when_it_is_active_again(void **state)
{
    (void)state;
    struct fixture f;
    push_begin(&f);
    told_all(&f);
    create_orders(&f);
    begin(&f);
    fake_lose(&f.fake, 2);
    begin(&f);
    fake_lead(&f.fake);
    struct isr_leader_and_isr_request roles = leaders(&f);
    assert_int_equal(roles.full, 1);
    assert_int_equal(roles.partitions_count, 1);
    assert_int_equal(roles.controller_epoch, f.controller.term);
    fixture_end(&f);
}

static void tells_everything_when_something_is_missing(void **state)
{
    (void)state;
    struct fixture f;
    push_begin(&f);
    told_all(&f);
    create_orders(&f);
    answer(&f, leaders(&f).correlation, ISR_ERROR_NONE);
    answer(&f, metadata(&f).correlation, ISR_ERROR_OFFSET_OUT_OF_RANGE);
    pass(&f, f.env.config.retry_backoff);
    assert_int_equal(leaders(&f).full, 1);
    fixture_end(&f);
}

static void is_silent_when_a_newer_controller_is_obeyed(void **state)
{
    (void)state;
    struct fixture f;
    push_begin(&f);
    told_all(&f);
    create_orders(&f);
    answer(&f, leaders(&f).correlation, ISR_ERROR_STALE_CONTROLLER_EPOCH);
    assert_int_equal(sent_count(&f), 0);
    heartbeat(&f, 1);
    assert_int_equal(sent_count(&f), 1); /* the heartbeat's answer */
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_everything_when_a_broker_registers),
        cmocka_unit_test(tells_what_changed_in_order),
        cmocka_unit_test(tells_all_partitions_when_many_change_at_once),
        cmocka_unit_test(stops_the_replica_when_the_topic_is_deleted),
        cmocka_unit_test(repeats_a_round_when_nobody_answers),
        cmocka_unit_test(tells_everything_when_it_is_active_again),
        cmocka_unit_test(tells_everything_when_something_is_missing),
        cmocka_unit_test(is_silent_when_a_newer_controller_is_obeyed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
