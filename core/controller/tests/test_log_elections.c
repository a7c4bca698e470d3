/* Elections by logs: who is asked, whose answers count, who is elected, and what a new controller does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/controller/tests/log_info.h"

/* Brokers 1, 2, 3; "orders" is led by 1. */
static void cluster_begin(struct fixture *f, bool unclean)
{
    fixture_active(f);
    for (int16_t broker = 1; broker <= 3; broker++)
        join(f, broker);
    struct isr_message message = create_request(f, "orders", 1, 3, 1);
    message.create_topic_request.settings.commit = ISR_COMMIT_QUORUM;
    message.create_topic_request.settings.leader_choice = ISR_LEADER_CHOICE_MOST_UP_TO_DATE;
    message.create_topic_request.settings.unclean = unclean;
    assert_int_equal(send_create(f, &message).error, ISR_ERROR_NONE);
    assert_int_equal(committed(f)->leader, 1);
}

/* Broker 1 falls silent; the others go on. */
static void lose_leader(struct fixture *f)
{
    int64_t half_ns = f->env.config.broker_session_timeout / 2;
    for (int i = 0; i < 2; i++) {
        heartbeat(f, 2);
        heartbeat(f, 3);
        pass(f, half_ns);
    }
    pass(f, 0);
    assert_int_equal(committed(f)->leader, ISR_NODE_NONE);
    assert_int_equal(committed(f)->leader_epoch, 1);
}

static void takes_the_leader_away_first_when_it_is_gone(void **state)
{
    (void)state;
    struct fixture f;
    cluster_begin(&f, false);
    lose_leader(&f);
    pass(&f, f.env.config.retry_backoff);
    assert_false(asked(&f, 1));
    assert_true(asked(&f, 2) && asked(&f, 3));
    fixture_end(&f);
}

static void forgets_an_election_when_its_topic_is_deleted(void **state)
{
    (void)state;
    struct fixture f;
    cluster_begin(&f, false);
    struct isr_message message = create_request(&f, "later", 1, 3, 1);
    struct isr_assignment assignment = {.replicas = isr_replicas_unpack(0x030201)};
    message.create_topic_request.assignments = &assignment;
    message.create_topic_request.assignments_count = 1;
    message.create_topic_request.settings.commit = ISR_COMMIT_QUORUM;
    message.create_topic_request.settings.leader_choice = ISR_LEADER_CHOICE_MOST_UP_TO_DATE;
    assert_int_equal(send_create(&f, &message).error, ISR_ERROR_NONE);
    lose_leader(&f);
    assert_int_equal(f.controller.log_elections_count, 2);
    message =
        (struct isr_message){.kind = ISR_MESSAGE_DELETE_TOPIC_REQUEST,
                             .delete_topic_request = {.correlation = ++f.correlation, .name = {"later"}}};
    deliver(&f, 200, &message);
    assert_int_equal(f.controller.log_elections_count, 1);
    message.delete_topic_request =
        (struct isr_delete_topic_request){.correlation = ++f.correlation, .name = {"orders"}};
    deliver(&f, 200, &message);
    assert_int_equal(f.controller.log_elections_count, 0);
    fixture_end(&f);
}

static void elects_the_longest_log_of_the_latest_epoch(void **state)
{
    (void)state;
    static const struct {
        struct told two, three;
        int32_t elected;
    } rows[] = {
        {{1, 0, 9, 0, 0}, {1, 0, 10, 0, 0}, 3},
        {{1, 3, 5, 0, 0}, {1, 0, 10, 0, 0}, 2},
        {{1, 0, 7, 0, 0}, {1, 0, 7, 0, 0}, 2}, /* the first of the assignment */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        cluster_begin(&f, false);
        lose_leader(&f);
        tell(&f, 3, rows[i].three);
        assert_int_equal(committed(&f)->leader, ISR_NODE_NONE);
        tell(&f, 2, rows[i].two);
        assert_int_equal(committed(&f)->leader, rows[i].elected);
        assert_int_equal(committed(&f)->leader_epoch, 2);
        assert_int_equal(committed(&f)->isr.count, 1);
        assert_false(committed(&f)->recovering);
        assert_int_equal(observed(&f, ISR_OBSERVED_PARTITION_CHANGED)->partition_changed.cause,
                         ISR_CAUSE_ELECTION_BY_LOG);
        fixture_end(&f);
    }
}

static void counts_no_answer_that_is_not_a_promise_of_this_epoch(void **state)
{
    (void)state;
    struct fixture f;
    cluster_begin(&f, false);
    lose_leader(&f);
    tell(&f, 2, (struct told){.leader_epoch = 1, .log_end = 5});
    tell(&f, 3, (struct told){.leader_epoch = 0, .log_end = 9});                            /* late */
    tell(&f, 3, (struct told){.leader_epoch = 1, .error = ISR_ERROR_UNKNOWN_LEADER_EPOCH}); /* not yet */
    tell(&f, 3, (struct told){.leader_epoch = 1, .log_end = 9, .broker_epoch = 1}); /* a former life */
    tell(&f, 1, (struct told){.leader_epoch = 1, .log_end = 9});                    /* fenced */
    tell(&f, 3, (struct told){.leader_epoch = 1, .log_end = -1});                   /* nonsense */
    tell(&f, 7, (struct told){.leader_epoch = 1, .log_end = 9, .broker_epoch = 1}); /* a stranger */
    pass(&f, 2 * f.env.config.log_info_wait);
    assert_int_equal(committed(&f)->leader, ISR_NODE_NONE);
    tell(&f, 3, (struct told){.leader_epoch = 1, .log_end = 4});
    assert_int_equal(committed(&f)->leader, 2);
    fixture_end(&f);
}

static void waits_for_live_replicas_when_a_majority_has_answered(void **state)
{
    (void)state;
    struct fixture f;
    cluster_begin(&f, false);
    lose_leader(&f);
    heartbeat(&f, 1); /* back, and unfenced */
    assert_true(isr_image_broker_active(&f.controller.committed, 1));
    tell(&f, 2, (struct told){.leader_epoch = 1, .log_end = 5});
    tell(&f, 3, (struct told){.leader_epoch = 1, .log_end = 6});
    assert_int_equal(committed(&f)->leader, ISR_NODE_NONE);
    pass(&f, f.env.config.log_info_wait);
    assert_int_equal(committed(&f)->leader, 3);
    fixture_end(&f);
}

static void elects_of_fewer_only_when_unclean_elections_are_allowed(void **state)
{
    (void)state;
    for (int unclean = 0; unclean <= 1; unclean++) {
        struct fixture f;
        cluster_begin(&f, unclean != 0);
        lose_leader(&f);
        tell(&f, 3, (struct told){.leader_epoch = 1, .log_end = 6});
        pass(&f, f.env.config.log_info_wait / 2);
        assert_int_equal(committed(&f)->leader, ISR_NODE_NONE);
        pass(&f, f.env.config.log_info_wait);
        assert_int_equal(committed(&f)->leader, unclean ? 3 : ISR_NODE_NONE);
        assert_int_equal(committed(&f)->recovering, unclean != 0);
        fixture_end(&f);
    }
}

static struct isr_elect_leaders_response do_elect(struct fixture *f, uint8_t kind)
{
    struct isr_message message = {
        .kind = ISR_MESSAGE_ELECT_LEADERS_REQUEST,
        .elect_leaders_request = {.correlation = ++f->correlation, .tp = orders, .kind = kind}};
    deliver(f, 200, &message);
    assert_true(sent(f, 200, ISR_MESSAGE_ELECT_LEADERS_RESPONSE, &message));
    return message.elect_leaders_response;
}

static void elects_the_best_of_few_when_an_administrator_asks(void **state)
{
    (void)state;
    struct fixture f;
    cluster_begin(&f, false);
    lose_leader(&f);
    assert_int_equal(do_elect(&f, 1).error, ISR_ERROR_ELIGIBLE_LEADERS_NOT_AVAILABLE);
    tell(&f, 3, (struct told){.leader_epoch = 1, .log_end = 6});
    assert_int_equal(do_elect(&f, 1).error, ISR_ERROR_NONE);
    assert_int_equal(committed(&f)->leader, 3);
    assert_true(committed(&f)->recovering);
    assert_int_equal(do_elect(&f, 0).error, ISR_ERROR_PREFERRED_LEADER_NOT_AVAILABLE); /* it asked nobody */
    fixture_end(&f);
}

static void asks_again_when_another_controller_takes_over(void **state)
{
    (void)state;
    struct fixture f;
    cluster_begin(&f, false);
    lose_leader(&f);
    tell(&f, 2, (struct told){.leader_epoch = 1, .log_end = 5});
    fake_lose(&f.fake, 2);
    tell(&f, 3, (struct told){.leader_epoch = 1, .log_end = 6}); /* to one that is not active */
    fake_lead(&f.fake);
    assert_int_equal(committed(&f)->leader, ISR_NODE_NONE);
    pass(&f, f.env.config.retry_backoff);
    assert_true(asked(&f, 2) && asked(&f, 3));
    tell(&f, 2, (struct told){.leader_epoch = 1, .log_end = 5});
    tell(&f, 3, (struct told){.leader_epoch = 1, .log_end = 6});
    assert_int_equal(committed(&f)->leader, 3);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_leader_away_first_when_it_is_gone),
        cmocka_unit_test(forgets_an_election_when_its_topic_is_deleted),
        cmocka_unit_test(elects_the_longest_log_of_the_latest_epoch),
        cmocka_unit_test(counts_no_answer_that_is_not_a_promise_of_this_epoch),
        cmocka_unit_test(waits_for_live_replicas_when_a_majority_has_answered),
        cmocka_unit_test(elects_of_fewer_only_when_unclean_elections_are_allowed),
        cmocka_unit_test(elects_the_best_of_few_when_an_administrator_asks),
        cmocka_unit_test(asks_again_when_another_controller_takes_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
