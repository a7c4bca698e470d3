/* The witness: whose word counts, how many it takes, who is elected, and peace afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/controller/tests/fixture.h"

static void cluster_begin(struct fixture *f, enum isr_leader_choice choice, int64_t clients)
{
    fixture_active(f);
    f->env.config.witness_failures = 3;
    f->env.config.witness_clients = clients;
    for (int16_t broker = 1; broker <= 3; broker++)
        join(f, broker);
    struct isr_message message = create_request(f, "orders", 1, 3, 1);
    message.create_topic_request.settings.commit = ISR_COMMIT_QUORUM;
    message.create_topic_request.settings.leader_choice = choice;
    assert_int_equal(send_create(f, &message).error, ISR_ERROR_NONE);
}

static void fails(struct fixture *f, int32_t client, int32_t leader_epoch, uint32_t failures)
{
    struct isr_message message = {
        .kind = ISR_MESSAGE_WRITE_FAILURES,
        .write_failures = {.tp = orders, .leader_epoch = leader_epoch, .failures = failures}};
    deliver(f, client, &message);
}

static void tell(struct fixture *f, int32_t from, int64_t log_end)
{
    struct isr_log_info_answer answer = {
        .tp = orders, .leader_epoch = committed(f)->leader_epoch, .last_epoch = 0, .log_end = log_end};
    struct isr_message message = {
        .kind = ISR_MESSAGE_LOG_INFO_RESPONSE,
        .log_info_response = {.broker_epoch = f->controller.committed.brokers[from].epoch,
                              .partitions = &answer,
                              .partitions_count = 1}};
    deliver(f, from, &message);
}

static void deposes_the_leader_when_enough_clients_tell(void **state)
{
    (void)state;
    struct fixture f;
    cluster_begin(&f, ISR_LEADER_CHOICE_WITNESS, 2);
    fails(&f, 100, 0, 3);
    fails(&f, 100, 0, 3); /* once is enough: it counts once */
    fails(&f, 101, 0, 2); /* too few in a row */
    fails(&f, 101, 1, 3); /* another epoch */
    assert_int_equal(committed(&f)->leader, 1);
    fails(&f, 101, 0, 3);
    assert_int_equal(committed(&f)->leader, ISR_NODE_NONE);
    assert_int_equal(committed(&f)->leader_epoch, 1);
    assert_int_equal(observed(&f, ISR_OBSERVED_PARTITION_CHANGED)->partition_changed.cause,
                     ISR_CAUSE_WITNESS);
    fixture_end(&f);
}

/* Two controllers that heard different clients are not in the same state. */
static void doubts_are_a_part_of_its_state(void **state)
{
    (void)state;
    struct fixture f;
    cluster_begin(&f, ISR_LEADER_CHOICE_WITNESS, 3);
    uint64_t before = isr_controller_digest(&f.controller);
    fails(&f, 100, 0, 3);
    uint64_t doubted = isr_controller_digest(&f.controller);
    fails(&f, 100, 0, 3);
    assert_true(before != doubted && isr_controller_digest(&f.controller) == doubted);
    fails(&f, 101, 0, 3);
    assert_true(isr_controller_digest(&f.controller) != doubted);
    fixture_end(&f);
}

static void elects_another_than_the_deposed_one_though_its_log_is_longer(void **state)
{
    (void)state;
    struct fixture f;
    cluster_begin(&f, ISR_LEADER_CHOICE_WITNESS, 1);
    fails(&f, 100, 0, 3);
    tell(&f, 1, 9);
    tell(&f, 2, 5);
    tell(&f, 3, 6);
    pass(&f, f.env.config.log_info_wait);
    assert_int_equal(committed(&f)->leader, 3);
    fixture_end(&f);
}

static void elects_the_deposed_one_when_the_others_are_no_majority(void **state)
{
    (void)state;
    struct fixture f;
    cluster_begin(&f, ISR_LEADER_CHOICE_WITNESS, 1);
    fails(&f, 100, 0, 3);
    tell(&f, 1, 9);
    tell(&f, 2, 5);
    pass(&f, f.env.config.log_info_wait);
    assert_int_equal(committed(&f)->leader, 1);
    fixture_end(&f);
}

static void leaves_the_next_leader_in_peace_for_a_pause_that_doubles(void **state)
{
    (void)state;
    struct fixture f;
    cluster_begin(&f, ISR_LEADER_CHOICE_WITNESS, 1);
    f.env.config.witness_pause = 2 * ISR_SECOND;
    int32_t epoch = 0;
    for (int round = 0; round < 2; round++) {
        fails(&f, 100, epoch, 3);
        assert_int_equal(committed(&f)->leader, ISR_NODE_NONE);
        for (int32_t node = 1; node <= 3; node++)
            tell(&f, node, 5);
        pass(&f, f.env.config.log_info_wait);
        epoch = committed(&f)->leader_epoch;
        assert_int_not_equal(committed(&f)->leader, ISR_NODE_NONE);
        fails(&f, 100, epoch, 3);
        pass(&f, round == 0 ? ISR_SECOND : 3 * ISR_SECOND);
        fails(&f, 100, epoch, 3);
        assert_int_equal(committed(&f)->leader_epoch, epoch);
        pass(&f, ISR_SECOND);
    }
    fixture_end(&f);
}

static void ignores_clients_when_the_topic_has_no_witness(void **state)
{
    (void)state;
    struct fixture f;
    cluster_begin(&f, ISR_LEADER_CHOICE_MOST_UP_TO_DATE, 1);
    fails(&f, 100, 0, 3);
    assert_int_equal(committed(&f)->leader, 1);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deposes_the_leader_when_enough_clients_tell),
        cmocka_unit_test(doubts_are_a_part_of_its_state),
        cmocka_unit_test(elects_another_than_the_deposed_one_though_its_log_is_longer),
        cmocka_unit_test(elects_the_deposed_one_when_the_others_are_no_majority),
        cmocka_unit_test(leaves_the_next_leader_in_peace_for_a_pause_that_doubles),
        cmocka_unit_test(ignores_clients_when_the_topic_has_no_witness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
