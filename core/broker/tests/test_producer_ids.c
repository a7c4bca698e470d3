#include "core/broker/tests/lone_broker.h"

enum { CLIENT = 20, OTHER = 21 };

static void client_asks(struct fixture *fixture, int32_t client, uint32_t correlation)
{
    struct isr_init_producer_id_request request = {.correlation = correlation};
    begin(fixture);
    isr_producer_ids_request(&fixture->broker, client, &request);
    end(fixture);
}

static void assert_given(struct fixture *fixture, int32_t client, uint32_t correlation, enum isr_error error,
                         int64_t id)
{
    struct sent sent = take(fixture, ISR_MESSAGE_INIT_PRODUCER_ID_RESPONSE);
    assert_int_equal(sent.to, client);
    assert_int_equal(sent.message.init_producer_id_response.correlation, correlation);
    assert_int_equal(sent.message.init_producer_id_response.error, error);
    assert_int_equal(sent.message.init_producer_id_response.producer_id, id);
}

static void allocate_from(struct fixture *fixture, const struct sent *asked, int32_t from,
                          enum isr_error error, int64_t first, int32_t count)
{
    struct isr_allocate_producer_ids_response answer = {
        .correlation = asked->message.allocate_producer_ids_request.correlation,
        .error = (uint8_t)error,
        .first_producer_id = first,
        .count = count};
    begin(fixture);
    isr_producer_ids_allocated(&fixture->broker, from, &answer);
    end(fixture);
}

static struct sent taken(struct fixture *fixture)
{
    return take(fixture, ISR_MESSAGE_ALLOCATE_PRODUCER_IDS_REQUEST);
}

static void allocate(struct fixture *fixture, int64_t first, int32_t count)
{
    struct sent asked = taken(fixture);
    allocate_from(fixture, &asked, asked.to, ISR_ERROR_NONE, first, count);
}

static void hands_out_each_id_of_its_block_once(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_serving();
    client_asks(fixture, CLIENT, 1);
    assert_false(was_sent(fixture, ISR_MESSAGE_INIT_PRODUCER_ID_RESPONSE));
    struct sent asked = taken(fixture);
    assert_int_equal(asked.message.allocate_producer_ids_request.broker_id, 1);
    assert_int_equal(asked.message.allocate_producer_ids_request.broker_epoch, 7);
    allocate_from(fixture, &asked, asked.to, ISR_ERROR_NONE, 3000, 20);
    assert_int_equal(fixture->observed[ISR_OBSERVED_PRODUCER_IDS_ALLOCATED], 1);
    assert_given(fixture, CLIENT, 1, ISR_ERROR_NONE, 3000);
    for (uint32_t i = 1; i < 18; i++) {
        client_asks(fixture, i % 2 == 0 ? CLIENT : OTHER, 10 + i);
        assert_given(fixture, i % 2 == 0 ? CLIENT : OTHER, 10 + i, ISR_ERROR_NONE, 3000 + i);
    }
    /* the last tenth begins: the next block is asked for while this one is handed out */
    allocate(fixture, 7000, 20);
    for (uint32_t i = 18; i < 21; i++) {
        client_asks(fixture, CLIENT, 10 + i);
        assert_given(fixture, CLIENT, 10 + i, ISR_ERROR_NONE, i < 20 ? 3000 + i : 7000);
    }
    assert_false(was_sent(fixture, ISR_MESSAGE_ALLOCATE_PRODUCER_IDS_REQUEST));
    fixture_free(fixture);
}

static void clients_wait_when_the_block_is_smaller_than_their_number(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_serving();
    client_asks(fixture, OTHER, 5);
    client_asks(fixture, CLIENT, 4);
    client_asks(fixture, CLIENT, 6); /* it gave up the one before */
    allocate(fixture, 8, 1);
    assert_given(fixture, CLIENT, 6, ISR_ERROR_NONE, 8);
    assert_false(was_sent(fixture, ISR_MESSAGE_INIT_PRODUCER_ID_RESPONSE));
    allocate(fixture, 9, 1);
    assert_given(fixture, OTHER, 5, ISR_ERROR_NONE, 9);
    fixture_free(fixture);
}

static void refuses_before_it_serves_and_after(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_started();
    client_asks(fixture, CLIENT, 1);
    assert_given(fixture, CLIENT, 1, ISR_ERROR_BROKER_NOT_AVAILABLE, -1);
    assert_false(was_sent(fixture, ISR_MESSAGE_ALLOCATE_PRODUCER_IDS_REQUEST));
    fixture_free(fixture);

    fixture = fixture_serving();
    client_asks(fixture, CLIENT, 0);
    assert_given(fixture, CLIENT, 0, ISR_ERROR_BROKER_NOT_AVAILABLE, -1);
    client_asks(fixture, OTHER, 2);
    client_asks(fixture, CLIENT, 3);
    struct sent asked = taken(fixture);
    begin(fixture);
    isr_producer_ids_stop(&fixture->broker);
    end(fixture);
    assert_given(fixture, OTHER, 2, ISR_ERROR_BROKER_NOT_AVAILABLE, -1);
    assert_int_equal(fixture->broker.producer_ids->waiting_count, 0);
    allocate_from(fixture, &asked, asked.to, ISR_ERROR_NONE, 3000, 20);
    assert_int_equal(fixture->observed[ISR_OBSERVED_PRODUCER_IDS_ALLOCATED], 0);
    fixture_free(fixture);
}

static void asks_again_when_it_is_refused_or_not_answered(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_serving();
    const struct isr_config *config = &fixture->env.config;
    client_asks(fixture, CLIENT, 1);
    struct sent first = taken(fixture);
    pass(fixture, config->request_timeout);
    struct sent second = taken(fixture);
    assert_int_not_equal(second.to, first.to); /* who was silent may be no controller any more */
    allocate_from(fixture, &first, first.to, ISR_ERROR_NONE, 0, 10);
    allocate_from(fixture, &second, first.to, ISR_ERROR_NONE, 0, 10);
    assert_false(was_sent(fixture, ISR_MESSAGE_INIT_PRODUCER_ID_RESPONSE));
    allocate_from(fixture, &second, second.to, ISR_ERROR_NOT_CONTROLLER, 0, 0);
    assert_false(was_sent(fixture, ISR_MESSAGE_ALLOCATE_PRODUCER_IDS_REQUEST));
    pass(fixture, config->retry_backoff);
    struct sent third = taken(fixture);
    begin(fixture);
    isr_producer_ids_disconnected(&fixture->broker, second.to == 11 ? 12 : 11);
    isr_producer_ids_disconnected(&fixture->broker, third.to);
    isr_producer_ids_disconnected(&fixture->broker, third.to);
    end(fixture);
    pass(fixture, config->retry_backoff);
    struct sent fourth = taken(fixture);
    allocate_from(fixture, &fourth, fourth.to, ISR_ERROR_STALE_BROKER_EPOCH, 0, 0);
    pass(fixture, config->retry_backoff);
    allocate(fixture, 40, 10);
    assert_given(fixture, CLIENT, 1, ISR_ERROR_NONE, 40);
    fixture_free(fixture);
}

static void takes_no_block_that_makes_no_sense(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_serving();
    client_asks(fixture, CLIENT, 1);
    const struct {
        int64_t first;
        int32_t count;
    } bad[] = {{-1, 5}, {5, 0}, {5, -3}, {INT64_MAX - 2, 3}};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        allocate(fixture, bad[i].first, bad[i].count);
        assert_false(was_sent(fixture, ISR_MESSAGE_INIT_PRODUCER_ID_RESPONSE));
        pass(fixture, fixture->env.config.retry_backoff);
    }
    allocate(fixture, INT64_MAX - 3, 3);
    assert_given(fixture, CLIENT, 1, ISR_ERROR_NONE, INT64_MAX - 3);
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_out_each_id_of_its_block_once),
        cmocka_unit_test(clients_wait_when_the_block_is_smaller_than_their_number),
        cmocka_unit_test(refuses_before_it_serves_and_after),
        cmocka_unit_test(asks_again_when_it_is_refused_or_not_answered),
        cmocka_unit_test(takes_no_block_that_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
