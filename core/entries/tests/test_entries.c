#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/controller/tests/fake_consensus.h"
#include "core/entries/entries.h"

enum { CLIENT = 9 };

struct fixture {
    struct test_heap heap;
    struct isr_env env;
    struct fake_consensus consensus;
    struct isr_entries entries;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const struct isr_replicas voters = isr_replicas_unpack(0x030201);
    test_heap_init(&f->heap);
    test_env_init(&f->env, &f->heap);
    fake_init(&f->consensus);
    isr_entries_init(&f->entries, &f->env, &voters, &voters, &f->consensus.base);
    isr_entries_start(&f->entries);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    test_heap_drop(&f->heap);
    free(f);
    return 0;
}

static void propose(struct fixture *f, uint32_t correlation)
{
    uint64_t number = correlation;
    const struct isr_message message = {
        .kind = ISR_MESSAGE_PROPOSE_REQUEST,
        .propose_request = {.correlation = correlation, .data = {(const uint8_t *)&number, sizeof number}}};
    assert_true(isr_entries_message(&f->entries, CLIENT, &message));
}

/* The answers since the step began, in order. */
static uint32_t answers(struct fixture *f, struct isr_propose_response *found, uint32_t most)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->env.effects_count; i++) {
        struct isr_message message;
        assert_true(isr_message_decode(f->env.effects[i].bytes, &f->env.scratch, &message));
        if (message.kind == ISR_MESSAGE_PROPOSE_RESPONSE && count < most)
            found[count++] = message.propose_response;
    }
    return count;
}

static void refuses_and_names_the_leader_when_it_follows(void **state)
{
    struct fixture *f = *state;
    struct isr_propose_response told[2];
    fake_lose(&f->consensus, 3);
    propose(f, 4);
    assert_int_equal(answers(f, told, 2), 1);
    assert_int_equal(told[0].error, ISR_ERROR_NOT_CONTROLLER);
    assert_int_equal(told[0].controller, 3);
    assert_int_equal(told[0].correlation, 4);
}

static void answers_in_order_when_entries_are_applied(void **state)
{
    struct fixture *f = *state;
    struct isr_propose_response told[4];
    fake_lead(&f->consensus);
    propose(f, 1);
    propose(f, 2);
    assert_int_equal(answers(f, told, 4), 0);
    fake_commit(&f->consensus);
    assert_int_equal(answers(f, told, 4), 2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(told[i].error, ISR_ERROR_NONE);
        assert_int_equal(told[i].correlation, 1 + i);
        assert_int_equal(told[i].index, 2 + i); /* behind the no-op */
    }
    assert_int_equal(f->entries.count, 2);
}

static void refuses_what_waits_when_leadership_is_lost(void **state)
{
    struct fixture *f = *state;
    struct isr_propose_response told[4];
    fake_lead(&f->consensus);
    propose(f, 1);
    uint64_t before = isr_entries_digest(&f->entries);
    fake_lose(&f->consensus, 2);
    assert_int_equal(answers(f, told, 4), 1);
    assert_int_equal(told[0].error, ISR_ERROR_NOT_CONTROLLER);
    assert_int_equal(told[0].controller, 2);
    assert_true(isr_entries_digest(&f->entries) != before);
    assert_int_equal(f->entries.count, 0);
}

static void refuses_when_consensus_does_not_take_it(void **state)
{
    struct fixture *f = *state;
    struct isr_propose_response told[2];
    fake_lead(&f->consensus);
    f->consensus.refuses = true;
    propose(f, 1);
    assert_int_equal(answers(f, told, 2), 1);
    assert_int_equal(told[0].error, ISR_ERROR_NOT_CONTROLLER);
}

/* Another entry came to where it was proposed: it is not there. */
static void refuses_when_an_index_was_passed_over(void **state)
{
    struct fixture *f = *state;
    struct isr_propose_response told[2];
    fake_lead(&f->consensus);
    propose(f, 1);
    f->consensus.machine.apply(f->consensus.machine.object, 9, 1, (struct isr_bytes){0});
    assert_int_equal(answers(f, told, 2), 1);
    assert_int_equal(told[0].error, ISR_ERROR_NOT_CONTROLLER);
}

static void continues_from_a_snapshot_when_it_is_sound(void **state)
{
    struct fixture *f = *state;
    const struct isr_consensus_machine *machine = &f->consensus.machine;
    fake_lead(&f->consensus);
    for (uint32_t i = 1; i <= 5; i++)
        propose(f, i);
    fake_commit(&f->consensus);
    fake_lose(&f->consensus, 2);
    struct isr_bytes snapshot = machine->snapshot(machine->object, &f->env.scratch);
    uint64_t count = f->entries.count, digest = f->entries.digest;
    f->entries.count = f->entries.digest = 0;
    uint8_t damaged[64];
    memcpy(damaged, snapshot.data, snapshot.size);
    damaged[3] ^= 1;
    assert_false(machine->load(machine->object, 6, 1, (struct isr_bytes){damaged, snapshot.size}));
    assert_false(machine->load(machine->object, 6, 1, (struct isr_bytes){snapshot.data, snapshot.size - 1}));
    assert_true(machine->load(machine->object, 6, 1, snapshot));
    assert_int_equal(f->entries.count, count);
    assert_int_equal(f->entries.digest, digest);
}

static void tells_clients_who_leads(void **state)
{
    struct fixture *f = *state;
    struct isr_message answer;
    const struct isr_message question = {.kind = ISR_MESSAGE_METADATA_REQUEST,
                                         .metadata_request = {.correlation = 8}};
    fake_lose(&f->consensus, 2);
    assert_true(isr_entries_message(&f->entries, CLIENT, &question));
    assert_true(isr_message_decode(f->env.effects[0].bytes, &f->env.scratch, &answer));
    assert_int_equal(answer.metadata_response.controller, 2);
    assert_int_equal(answer.metadata_response.correlation, 8);
}

static void administers_the_quorum_and_knows_nothing_else(void **state)
{
    struct fixture *f = *state;
    struct isr_message answer;
    const struct isr_message question = {
        .kind = ISR_MESSAGE_ALTER_QUORUM_REQUEST,
        .alter_quorum_request = {.correlation = 3, .kind = ISR_QUORUM_REMOVE, .node = 2}};
    const struct isr_message other = {.kind = ISR_MESSAGE_FETCH_REQUEST};
    fake_lead(&f->consensus);
    assert_true(isr_entries_message(&f->entries, CLIENT, &question));
    assert_int_equal(f->consensus.asked_change, ISR_QUORUM_REMOVE);
    f->consensus.machine.altered(f->consensus.machine.object, ISR_ERROR_NONE);
    assert_true(isr_message_decode(f->env.effects[0].bytes, &f->env.scratch, &answer));
    assert_int_equal(answer.alter_quorum_response.correlation, 3);
    assert_false(isr_entries_message(&f->entries, CLIENT, &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_and_names_the_leader_when_it_follows, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_in_order_when_entries_are_applied, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_waits_when_leadership_is_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_when_consensus_does_not_take_it, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_when_an_index_was_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(continues_from_a_snapshot_when_it_is_sound, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_clients_who_leads, setup, teardown),
        cmocka_unit_test_setup_teardown(administers_the_quorum_and_knows_nothing_else, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
