#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/controller/tests/fixture.h"

static struct isr_message request(struct fixture *f, uint8_t kind, int16_t node)
{
    return (struct isr_message){
        .kind = ISR_MESSAGE_ALTER_QUORUM_REQUEST,
        .alter_quorum_request = {.correlation = ++f->correlation, .kind = kind, .node = node}};
}

static void expect_answer(struct fixture *f, int32_t to, uint32_t correlation, enum isr_error error)
{
    struct isr_message message;
    assert_true(sent(f, to, ISR_MESSAGE_ALTER_QUORUM_RESPONSE, &message));
    assert_int_equal(message.alter_quorum_response.correlation, correlation);
    assert_int_equal(message.alter_quorum_response.error, error);
}

static void answer_waits_when_consensus_begins(void **state)
{
    (void)state;
    struct fixture f;
    fixture_active(&f);
    struct isr_message message = request(&f, ISR_QUORUM_ADD_VOTER, 4);
    deliver(&f, 9, &message);
    assert_int_equal(sent_count(&f), 0);
    assert_int_equal(f.fake.asked_change, ISR_QUORUM_ADD_VOTER);
    assert_int_equal(f.fake.asked_node, 4);
    struct isr_message second = request(&f, ISR_QUORUM_TRANSFER, -1);
    deliver(&f, 8, &second);
    expect_answer(&f, 8, 2, ISR_ERROR_OPERATION_NOT_ATTEMPTED);
    begin(&f);
    f.fake.machine.altered(f.fake.machine.object, ISR_ERROR_NONE);
    expect_answer(&f, 9, 1, ISR_ERROR_NONE);
    deliver(&f, 8, &second); /* the next one may begin */
    assert_int_equal(f.fake.asked_change, ISR_QUORUM_TRANSFER);
    begin(&f);
    f.fake.machine.altered(f.fake.machine.object, ISR_ERROR_REQUEST_TIMED_OUT);
    expect_answer(&f, 8, 2, ISR_ERROR_REQUEST_TIMED_OUT);
    fixture_end(&f);
}

static void refusal_is_told_when_consensus_refuses(void **state)
{
    (void)state;
    struct fixture f;
    fixture_standby(&f); /* active or not, consensus decides */
    f.fake.refusal = ISR_ERROR_NOT_CONTROLLER;
    f.fake.leader = 3;
    struct isr_message message = request(&f, ISR_QUORUM_REMOVE, 2);
    deliver(&f, 9, &message);
    expect_answer(&f, 9, 1, ISR_ERROR_NOT_CONTROLLER);
    assert_true(sent(&f, 9, ISR_MESSAGE_ALTER_QUORUM_RESPONSE, &message));
    assert_int_equal(message.alter_quorum_response.controller, 3);
    fixture_end(&f);
}

static void request_is_refused_when_it_is_nonsense(void **state)
{
    (void)state;
    static const struct {
        uint8_t kind;
        int16_t node;
    } nonsense[] = {{ISR_QUORUM_CHANGES, 1},
                    {255, 1},
                    {ISR_QUORUM_ADD_VOTER, 0},
                    {ISR_QUORUM_REMOVE, -1},
                    {ISR_QUORUM_ADD_LEARNER, 251}};
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        struct fixture f;
        fixture_active(&f);
        struct isr_message message = request(&f, nonsense[i].kind, nonsense[i].node);
        deliver(&f, 9, &message);
        expect_answer(&f, 9, 1, ISR_ERROR_INVALID_REQUEST);
        fixture_end(&f);
    }
}

/* Another Raft library may know neither. */
static void request_is_refused_when_consensus_cannot(void **state)
{
    (void)state;
    for (uint8_t kind = 0; kind < ISR_QUORUM_CHANGES; kind++) {
        struct fixture f;
        fixture_active(&f);
        struct isr_consensus_ops ops = *f.fake.base.ops;
        ops.transfer = NULL;
        ops.change = NULL;
        f.fake.base.ops = &ops;
        struct isr_message message = request(&f, kind, 2);
        deliver(&f, 9, &message);
        expect_answer(&f, 9, 1, ISR_ERROR_INVALID_REQUEST);
        fixture_end(&f);
    }
}

/* Leadership is being handed over while a session runs out: nothing can be proposed. If that comes to
 * nothing, the broker must still be fenced. */
static void silent_broker_is_fenced_when_a_transfer_was_in_vain(void **state)
{
    (void)state;
    struct fixture f;
    fixture_active(&f);
    join(&f, 1);
    f.fake.refuses = true;
    pass(&f, 2 * f.env.config.broker_session_timeout);
    assert_false(f.controller.committed.brokers[1].fenced);
    f.fake.refuses = false;
    pass(&f, f.env.config.retry_backoff);
    assert_true(f.controller.committed.brokers[1].fenced);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer_waits_when_consensus_begins),
        cmocka_unit_test(refusal_is_told_when_consensus_refuses),
        cmocka_unit_test(request_is_refused_when_it_is_nonsense),
        cmocka_unit_test(request_is_refused_when_consensus_cannot),
        cmocka_unit_test(silent_broker_is_fenced_when_a_transfer_was_in_vain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
