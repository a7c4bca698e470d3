#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/controller/tests/fixture.h"

static struct isr_message allocate_request(struct fixture *f, int16_t broker)
{
    return (struct isr_message){
        .kind = ISR_MESSAGE_ALLOCATE_PRODUCER_IDS_REQUEST,
        .allocate_producer_ids_request = {.correlation = ++f->correlation,
                                          .broker_id = broker,
                                          .broker_epoch = f->controller.committed.brokers[broker].epoch}};
}

static struct isr_allocate_producer_ids_response answered(struct fixture *f, int32_t to)
{
    struct isr_message answer;
    assert_true(sent(f, to, ISR_MESSAGE_ALLOCATE_PRODUCER_IDS_RESPONSE, &answer));
    return answer.allocate_producer_ids_response;
}

static struct isr_allocate_producer_ids_response allocate(struct fixture *f, int16_t broker)
{
    struct isr_message message = allocate_request(f, broker);
    deliver(f, broker, &message);
    struct isr_allocate_producer_ids_response answer = answered(f, broker);
    assert_int_equal(answer.correlation, f->correlation);
    return answer;
}

static void each_block_begins_where_the_one_before_ended(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    f.env.config.producer_id_block = 30;
    for (int i = 0; i < 6; i++) {
        struct isr_allocate_producer_ids_response answer = allocate(&f, (int16_t)(i % 3 + 1));
        assert_int_equal(answer.error, ISR_ERROR_NONE);
        assert_int_equal(answer.first_producer_id, i * 30);
        assert_int_equal(answer.count, 30);
    }
    assert_int_equal(f.controller.committed.next_producer_id, 180);
    fixture_end(&f);
}

static void block_is_given_when_it_is_committed(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    f.delayed = true;
    struct isr_message first = allocate_request(&f, 1), second = allocate_request(&f, 2);
    deliver(&f, 1, &first);
    assert_int_equal(sent_count(&f), 0);
    deliver(&f, 2, &second); /* it goes on from what is only proposed */
    assert_int_equal(sent_count(&f), 0);
    begin(&f);
    fake_commit(&f.fake);
    assert_int_equal(answered(&f, 1).first_producer_id, 0);
    assert_int_equal(answered(&f, 2).first_producer_id, 1000);
    fixture_end(&f);
}

static void block_is_refused_when_leadership_is_lost(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    f.delayed = true;
    struct isr_message message = allocate_request(&f, 1);
    deliver(&f, 1, &message);
    begin(&f);
    fake_lose(&f.fake, 2);
    struct isr_allocate_producer_ids_response answer = answered(&f, 1);
    assert_int_equal(answer.error, ISR_ERROR_NOT_CONTROLLER);
    assert_int_equal(answer.count, 0);
    f.delayed = false;
    assert_int_equal(allocate(&f, 1).error, ISR_ERROR_NOT_CONTROLLER);
    begin(&f);
    fake_lead(&f.fake);
    assert_int_equal(allocate(&f, 2).first_producer_id, 0); /* nobody was told of the block that got lost */
    f.fake.refuses = true;
    assert_int_equal(allocate(&f, 2).error, ISR_ERROR_NOT_CONTROLLER);
    fixture_end(&f);
}

static void snapshot_knows_the_next_block(void **state)
{
    (void)state;
    struct fixture f, g;
    fixture_cluster(&f);
    allocate(&f, 3);
    begin(&f);
    struct isr_bytes snapshot = f.fake.machine.snapshot(&f.controller, &f.env.scratch);
    fixture_standby(&g);
    begin(&g);
    assert_true(g.fake.machine.load(&g.controller, f.fake.committed, 1, snapshot));
    assert_int_equal(g.controller.committed.next_producer_id, 1000);
    assert_true(g.controller.committed.digest == f.controller.committed.digest);
    g.fake.last = g.fake.committed = f.fake.committed;
    fake_lead(&g.fake);
    assert_int_equal(allocate(&g, 1).first_producer_id, 1000);
    fixture_end(&g);
    fixture_end(&f);
}

static void block_is_refused_when_the_broker_is_not_the_registered_one(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    struct isr_message message = allocate_request(&f, 1);
    message.allocate_producer_ids_request.broker_epoch--;
    deliver(&f, 1, &message);
    assert_int_equal(answered(&f, 1).error, ISR_ERROR_STALE_BROKER_EPOCH);
    assert_int_equal(allocate(&f, 9).error, ISR_ERROR_STALE_BROKER_EPOCH);
    message.allocate_producer_ids_request.broker_id = -1;
    deliver(&f, 1, &message);
    assert_int_equal(answered(&f, 1).error, ISR_ERROR_STALE_BROKER_EPOCH);
    assert_int_equal(f.controller.committed.next_producer_id, 0);
    fixture_end(&f);
}

static void block_is_refused_when_the_numbers_end(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    f.controller.pending.next_producer_id = f.controller.committed.next_producer_id = INT64_MAX - 999;
    assert_int_equal(allocate(&f, 1).error, ISR_ERROR_INVALID_REQUEST);
    f.env.config.producer_id_block = 999;
    assert_int_equal(allocate(&f, 1).first_producer_id, INT64_MAX - 999);
    fixture_end(&f);
}

static void two_brokers_get_the_same_block_when_a_rule_is_wrong(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    f.env.rules.producer_ids_record = ISR_RULE_producer_ids_record_given;
    assert_int_equal(allocate(&f, 1).first_producer_id, 0);
    assert_int_equal(allocate(&f, 2).first_producer_id, 0);
    fixture_end(&f);

    fixture_cluster(&f);
    f.env.rules.producer_ids_given = ISR_RULE_producer_ids_given_proposed;
    f.delayed = true;
    assert_int_equal(allocate(&f, 1).first_producer_id, 0);
    begin(&f);
    fake_lose(&f.fake, 2);
    fake_lead(&f.fake);
    assert_int_equal(allocate(&f, 2).first_producer_id, 0);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_block_begins_where_the_one_before_ended),
        cmocka_unit_test(block_is_given_when_it_is_committed),
        cmocka_unit_test(block_is_refused_when_leadership_is_lost),
        cmocka_unit_test(snapshot_knows_the_next_block),
        cmocka_unit_test(block_is_refused_when_the_broker_is_not_the_registered_one),
        cmocka_unit_test(block_is_refused_when_the_numbers_end),
        cmocka_unit_test(two_brokers_get_the_same_block_when_a_rule_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
