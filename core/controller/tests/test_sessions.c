#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/controller/tests/fixture.h"

/* ---- registration ---- */

static void registration_gives_the_index_of_its_record_as_epoch_when_it_is_the_first(void **state)
{
    (void)state;
    struct fixture f;
    fixture_active(&f);
    struct isr_broker_registration_response answer = do_register(&f, 2, 5, -1);
    assert_int_equal(answer.error, ISR_ERROR_NONE);
    assert_int_equal(answer.broker_epoch, f.fake.last);
    const struct isr_image_broker *broker = &f.controller.committed.brokers[2];
    assert_true(broker->registered && broker->fenced);
    assert_int_equal(broker->epoch, answer.broker_epoch);
    const struct isr_observation *seen = observed(&f, ISR_OBSERVED_BROKER_STATE);
    assert_non_null(seen);
    assert_int_equal(seen->broker_state.cause, ISR_CAUSE_BROKER_REGISTERED);
    fixture_end(&f);
}

static void registration_keeps_the_epoch_when_the_same_incarnation_retries(void **state)
{
    (void)state;
    struct fixture f;
    fixture_active(&f);
    join(&f, 2);
    int64_t last = f.fake.last;
    struct isr_broker_registration_response answer = do_register(&f, 2, 102, -1);
    assert_int_equal(answer.error, ISR_ERROR_NONE);
    assert_int_equal(answer.broker_epoch, f.controller.committed.brokers[2].epoch);
    assert_int_equal(f.fake.last, last);
    assert_true(isr_image_broker_active(&f.controller.committed, 2));
    fixture_end(&f);
}

static void registration_is_refused_when_another_incarnation_has_a_live_session(void **state)
{
    (void)state;
    struct fixture f;
    fixture_active(&f);
    join(&f, 2);
    int64_t session_ns = f.env.config.broker_session_timeout;
    f.now_ns += session_ns - 1;
    assert_int_equal(do_register(&f, 2, 7, -1).error, ISR_ERROR_DUPLICATE_BROKER_REGISTRATION);
    f.now_ns += 1;
    assert_int_equal(do_register(&f, 2, 7, -1).error, ISR_ERROR_NONE);
    fixture_end(&f);
}

static void registration_is_refused_when_the_id_is_out_of_range(void **state)
{
    (void)state;
    struct fixture f;
    fixture_active(&f);
    int16_t ids[] = {0, -1, ISR_NODE_MAX + 1, INT16_MAX, INT16_MIN};
    for (unsigned i = 0; i < 5; i++) {
        struct isr_message message = register_request(&f, ids[i], 1, -1);
        deliver(&f, 9, &message);
        assert_true(sent(&f, 9, ISR_MESSAGE_BROKER_REGISTRATION_RESPONSE, &message));
        assert_int_equal(message.broker_registration_response.error, ISR_ERROR_INVALID_REQUEST);
        message = heartbeat_request(&f, 1, 0);
        message.broker_heartbeat_request.broker_id = ids[i];
        deliver(&f, 9, &message);
        assert_true(sent(&f, 9, ISR_MESSAGE_BROKER_HEARTBEAT_RESPONSE, &message));
        assert_int_equal(message.broker_heartbeat_response.error, ISR_ERROR_STALE_BROKER_EPOCH);
    }
    fixture_end(&f);
}

static void clean_restart_loses_leadership_but_stays_eligible(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    int64_t epoch = f.controller.committed.brokers[1].epoch;
    /* Brokers 2 and 3 are silent as well: the last one to be in the ISR goes to the ELR. */
    pass(&f, f.env.config.broker_session_timeout);
    assert_int_equal(committed(&f)->leader, ISR_NODE_NONE);
    assert_int_equal(do_register(&f, 1, 55, epoch).error, ISR_ERROR_NONE);
    assert_true(isr_replicas_contain(&committed(&f)->elr, 1) || isr_replicas_contain(&committed(&f)->elr, 3));
    int32_t leader_epoch = committed(&f)->leader_epoch;
    heartbeat(&f, 1);
    const struct isr_image_partition *partition = committed(&f);
    if (partition->leader == 1)
        assert_true(partition->leader_epoch > leader_epoch);
    fixture_end(&f);
}

/* ISR [1], ELR [2]; broker 1 dies and comes back under a new incarnation. */
static void last_leader_comes_back(struct fixture *f, int64_t previous)
{
    fixture_cluster(f);
    struct isr_image_partition lonely = *committed(f);
    lonely.isr = isr_replicas_unpack(0x01);
    lonely.elr = isr_replicas_unpack(0x02);
    lonely.partition_epoch++;
    struct isr_metadata_record record = isr_image_partition_record(&lonely, ISR_CAUSE_NONE);
    begin(f);
    *ctl_record(&f->controller) = record;
    assert_true(ctl_propose(&f->controller));
    fake_commit(&f->fake);
    f->now_ns += f->env.config.broker_session_timeout;
    /* 2 and 3 were heard just now, and the timer did not fire yet: 1 is still unfenced when it registers. */
    heartbeat(f, 2);
    heartbeat(f, 3);
    assert_int_equal(do_register(f, 1, 55, previous).error, ISR_ERROR_NONE);
}

static void restart_moves_leadership_when_an_eligible_replica_lives(void **state)
{
    (void)state;
    struct fixture f;
    last_leader_comes_back(&f, 2); /* the index of its registration: the no-op is 1 */
    assert_int_equal(f.controller.committed.brokers[1].fenced, 1);
    assert_int_equal(committed(&f)->leader, 2);
    assert_int_equal(isr_replicas_pack(&committed(&f)->elr), 0x01);
    fixture_end(&f);
}

static void restart_leaves_isr_and_elr_when_the_shutdown_was_unclean(void **state)
{
    (void)state;
    struct fixture f;
    last_leader_comes_back(&f, -1);
    assert_int_equal(committed(&f)->leader, 2);
    assert_int_equal(committed(&f)->elr.count, 0);
    const struct isr_observation *seen = observed(&f, ISR_OBSERVED_BROKER_STATE);
    assert_int_equal(seen->broker_state.cause, ISR_CAUSE_BROKER_UNCLEAN);
    fixture_end(&f);
}

static void restart_keeps_its_place_when_the_rule_is_off(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    f.env.rules.unclean_reg_removes = ISR_RULE_unclean_reg_removes_off;
    pass(&f, f.env.config.broker_session_timeout);
    struct isr_replicas elr = committed(&f)->elr;
    assert_true(elr.count > 0);
    for (int16_t broker = 1; broker <= 3; broker++)
        assert_int_equal(do_register(&f, broker, 55, -1).error, ISR_ERROR_NONE);
    assert_int_equal(isr_replicas_pack(&committed(&f)->elr), isr_replicas_pack(&elr));
    f.env.rules.unclean_reg_removes = ISR_RULE_unclean_reg_removes_on;
    f.now_ns += f.env.config.broker_session_timeout;
    for (int16_t broker = 1; broker <= 3; broker++)
        assert_int_equal(do_register(&f, broker, 66, -1).error, ISR_ERROR_NONE);
    assert_int_equal(committed(&f)->elr.count, 0);
    fixture_end(&f);
}

/* ---- heartbeats ---- */

static void heartbeat_is_refused_when_the_epoch_is_another(void **state)
{
    (void)state;
    struct fixture f;
    fixture_active(&f);
    join(&f, 2);
    struct isr_message message = heartbeat_request(&f, 2, 0);
    message.broker_heartbeat_request.broker_epoch -= 1;
    assert_int_equal(send_heartbeat(&f, &message).error, ISR_ERROR_STALE_BROKER_EPOCH);
    message = heartbeat_request(&f, 2, 0);
    message.broker_heartbeat_request.broker_epoch += 1;
    assert_int_equal(send_heartbeat(&f, &message).error, ISR_ERROR_NOT_CONTROLLER);
    message = heartbeat_request(&f, 3, 0);
    assert_int_equal(send_heartbeat(&f, &message).error, ISR_ERROR_STALE_BROKER_EPOCH);
    fixture_end(&f);
}

static void broker_stays_fenced_when_it_is_behind_its_registration_or_wants_to(void **state)
{
    (void)state;
    struct fixture f;
    fixture_active(&f);
    int64_t epoch = do_register(&f, 2, 1, -1).broker_epoch;
    struct isr_message message = heartbeat_request(&f, 2, epoch - 1);
    struct isr_broker_heartbeat_response answer = send_heartbeat(&f, &message);
    assert_int_equal(answer.error, ISR_ERROR_NONE);
    assert_true(answer.is_fenced && !answer.is_caught_up);
    message = heartbeat_request(&f, 2, epoch);
    message.broker_heartbeat_request.want_fence = 1;
    answer = send_heartbeat(&f, &message);
    assert_true(answer.is_fenced && answer.is_caught_up);
    message = heartbeat_request(&f, 2, epoch);
    answer = send_heartbeat(&f, &message);
    assert_true(!answer.is_fenced && answer.is_caught_up);
    assert_int_equal(observed(&f, ISR_OBSERVED_BROKER_STATE)->broker_state.cause, ISR_CAUSE_BROKER_UNFENCED);
    fixture_end(&f);
}

static void broker_is_fenced_when_it_wants_to(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    struct isr_message message = heartbeat_request(&f, 1, f.controller.committed.index);
    message.broker_heartbeat_request.want_fence = 1;
    assert_int_equal(send_heartbeat(&f, &message).is_fenced, 1);
    assert_int_equal(committed(&f)->leader, 2);
    assert_int_equal(isr_replicas_pack(&committed(&f)->isr), 0x0302);
    fixture_end(&f);
}

static void broker_is_fenced_when_its_session_expires(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    int64_t half_ns = f.env.config.broker_session_timeout / 2;
    pass(&f, half_ns);
    heartbeat(&f, 2);
    heartbeat(&f, 3);
    pass(&f, half_ns - 1);
    assert_false(f.controller.committed.brokers[1].fenced);
    pass(&f, 1);
    assert_true(f.controller.committed.brokers[1].fenced);
    assert_int_equal(committed(&f)->leader, 2);
    assert_int_equal(committed(&f)->leader_epoch, 1);
    assert_int_equal(isr_replicas_pack(&committed(&f)->isr), 0x0302);
    assert_int_equal(f.env.metrics.brokers_fenced, 1);
    pass(&f, half_ns);
    assert_true(f.controller.committed.brokers[2].fenced && f.controller.committed.brokers[3].fenced);
    assert_int_equal(f.env.metrics.brokers_fenced, 3);
    fixture_end(&f);
}

static void each_expiry_sees_the_one_before_when_all_expire_together(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    f.delayed = true;
    int64_t last = f.fake.last;
    pass(&f, f.env.config.broker_session_timeout);
    assert_int_equal(f.fake.last, last + 3); /* one entry a broker, none committed yet */
    assert_int_equal(committed(&f)->leader, 1);
    fake_commit(&f.fake);
    assert_int_equal(committed(&f)->leader, ISR_NODE_NONE);
    assert_int_equal(committed(&f)->isr.count, 0);
    assert_int_equal(isr_replicas_pack(&committed(&f)->elr), 0x0302);
    assert_int_equal(isr_replicas_pack(&committed(&f)->last_known_elr), 0x03);
    f.delayed = false;
    heartbeat(&f, 1); /* alive again, but it left while the others could go on */
    assert_int_equal(committed(&f)->leader, ISR_NODE_NONE);
    heartbeat(&f, 2);
    assert_int_equal(committed(&f)->leader, 2);
    assert_int_equal(observed(&f, ISR_OBSERVED_PARTITION_CHANGED)->partition_changed.cause,
                     ISR_CAUSE_ELECTION_ELR);
    fixture_end(&f);
}

/* KAFKA-13173: 1 and 2 are silent, each leaves what it leads to the other. */
static void expiries_see_nothing_of_each_other_when_the_rule_is_concurrent(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    f.env.rules.fence_batch = ISR_RULE_fence_batch_concurrent;
    int64_t last = f.fake.last, half_ns = f.env.config.broker_session_timeout / 2;
    pass(&f, half_ns);
    heartbeat(&f, 3);
    pass(&f, half_ns);
    assert_int_equal(f.fake.last, last + 1); /* one entry for both */
    assert_true(f.controller.committed.brokers[1].fenced && f.controller.committed.brokers[2].fenced);
    assert_false(f.controller.committed.brokers[3].fenced);
    assert_int_equal(committed(&f)->leader, 1);
    assert_int_equal(isr_replicas_pack(&committed(&f)->isr), 0x0301);
    pass(&f, half_ns);
    assert_true(f.controller.committed.brokers[3].fenced);
    fixture_end(&f);
}

static void expiries_wait_when_consensus_takes_no_proposal(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    f.fake.refuses = true;
    int64_t last = f.fake.last;
    pass(&f, f.env.config.broker_session_timeout);
    assert_int_equal(f.fake.last, last);
    f.fake.refuses = false;
    pass(&f, f.env.config.retry_backoff);
    assert_int_equal(f.fake.last, last + 3);
    assert_int_equal(committed(&f)->leader, ISR_NODE_NONE);
    fixture_end(&f);
}

static enum isr_error answered(struct fixture *f, bool want_shutdown)
{
    struct isr_message message = heartbeat_request(f, 1, f->controller.committed.index);
    message.broker_heartbeat_request.want_shutdown = want_shutdown;
    return (enum isr_error)send_heartbeat(f, &message).error;
}

static void heartbeat_finds_no_controller_when_what_it_decides_cannot_be_proposed(void **state)
{
    (void)state;
    struct fixture f;
    fixture_active(&f);
    f.fake.refuses = true;
    assert_int_equal(do_register(&f, 1, 101, -1).error, ISR_ERROR_NOT_CONTROLLER);
    f.fake.refuses = false;
    assert_int_equal(do_register(&f, 1, 101, -1).error, ISR_ERROR_NONE);
    f.fake.refuses = true;
    assert_int_equal(answered(&f, false), ISR_ERROR_NOT_CONTROLLER); /* it cannot be unfenced */
    f.fake.refuses = false;
    assert_int_equal(answered(&f, false), ISR_ERROR_NONE);
    assert_true(isr_image_broker_active(&f.controller.committed, 1));
    f.fake.refuses = true;
    assert_int_equal(answered(&f, true), ISR_ERROR_NOT_CONTROLLER); /* nor begin to stop */
    f.fake.refuses = false;
    assert_int_equal(answered(&f, true), ISR_ERROR_NONE);
    f.fake.refuses = true;
    assert_int_equal(answered(&f, true), ISR_ERROR_NOT_CONTROLLER); /* nor go */
    f.fake.refuses = false;
    struct isr_message message = heartbeat_request(&f, 1, f.controller.committed.index);
    message.broker_heartbeat_request.want_shutdown = 1;
    assert_true(send_heartbeat(&f, &message).should_shutdown);
    fixture_end(&f);
}

static void last_member_stays_without_elr_when_all_expire(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    f.env.rules.elr = ISR_RULE_elr_off;
    pass(&f, f.env.config.broker_session_timeout);
    assert_int_equal(committed(&f)->leader, ISR_NODE_NONE);
    assert_int_equal(isr_replicas_pack(&committed(&f)->isr), 0x03);
    heartbeat(&f, 2);
    assert_int_equal(committed(&f)->leader, ISR_NODE_NONE);
    heartbeat(&f, 3);
    assert_int_equal(committed(&f)->leader, 3);
    fixture_end(&f);
}

/* ---- controlled shutdown ---- */

static void shutdown_is_granted_when_everybody_knows(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    struct isr_broker_heartbeat_response answer = heartbeat_shutdown(&f, 1);
    assert_false(answer.should_shutdown);
    assert_int_equal(committed(&f)->leader, 2);
    assert_int_equal(isr_replicas_pack(&committed(&f)->isr), 0x0302);
    assert_true(f.controller.committed.brokers[1].shutting_down);
    int64_t offset = f.controller.sessions[1].controlled_shutdown_offset;
    assert_int_equal(offset, f.fake.last);
    assert_false(heartbeat_shutdown(&f, 1).should_shutdown);
    heartbeat(&f, 2);
    assert_false(heartbeat_shutdown(&f, 1).should_shutdown);
    /* What happens meanwhile does not move the goal (KAFKA-14292). */
    struct isr_message message = create_request(&f, "later", 1, 2, 1);
    assert_int_equal(send_create(&f, &message).error, ISR_ERROR_NONE);
    assert_int_equal(f.controller.sessions[1].controlled_shutdown_offset, offset);
    message = heartbeat_request(&f, 3, offset - 1);
    send_heartbeat(&f, &message);
    assert_false(heartbeat_shutdown(&f, 1).should_shutdown);
    message = heartbeat_request(&f, 3, offset);
    send_heartbeat(&f, &message);
    answer = heartbeat_shutdown(&f, 1);
    assert_true(answer.should_shutdown && answer.is_fenced);
    assert_true(f.controller.committed.brokers[1].fenced);
    /* The answer may get lost: asking again is answered the same way. */
    assert_true(heartbeat_shutdown(&f, 1).should_shutdown);
    /* Its next incarnation need not wait. */
    int64_t epoch = f.controller.committed.brokers[1].epoch;
    assert_int_equal(do_register(&f, 1, 999, epoch).error, ISR_ERROR_NONE);
    assert_false(f.controller.committed.brokers[1].shutting_down);
    fixture_end(&f);
}

static void stopping_broker_gains_no_leadership_when_all_others_die(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    assert_int_equal(committed(&f)->leader, 1);
    assert_false(heartbeat_shutdown(&f, 1).should_shutdown);
    assert_int_equal(committed(&f)->leader, 2);
    int64_t timeout_ns = f.env.config.broker_session_timeout;
    pass(&f, timeout_ns / 2);
    assert_false(heartbeat_shutdown(&f, 1).should_shutdown);
    pass(&f, timeout_ns / 2);
    assert_true(f.controller.committed.brokers[2].fenced && f.controller.committed.brokers[3].fenced);
    assert_false(f.controller.committed.brokers[1].fenced);
    assert_int_equal(committed(&f)->leader, ISR_NODE_NONE);
    assert_true(heartbeat_shutdown(&f, 1).should_shutdown);
    fixture_end(&f);
}

static void broker_that_stops_is_not_unfenced_when_it_was_silent(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    heartbeat_shutdown(&f, 1);
    pass(&f, f.env.config.broker_session_timeout);
    assert_true(f.controller.committed.brokers[1].fenced);
    assert_true(heartbeat(&f, 1).is_fenced);
    fixture_end(&f);
}

static void shutdown_goes_on_when_another_controller_took_over(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    heartbeat_shutdown(&f, 1);
    begin(&f);
    fake_lose(&f.fake, 2);
    fake_lead(&f.fake);
    assert_false(heartbeat_shutdown(&f, 1).should_shutdown); /* nobody has told it yet how far they are */
    heartbeat(&f, 2);
    heartbeat(&f, 3);
    assert_true(heartbeat_shutdown(&f, 1).should_shutdown);
    fixture_end(&f);
}

static void shutdown_of_a_fenced_broker_is_granted_at_once(void **state)
{
    (void)state;
    struct fixture f;
    fixture_active(&f);
    do_register(&f, 2, 1, -1);
    assert_true(heartbeat_shutdown(&f, 2).should_shutdown);
    fixture_end(&f);
}

/* ---- a new controller ---- */

static void sessions_start_afresh_when_a_controller_becomes_active(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    int64_t session_ns = f.env.config.broker_session_timeout;
    pass(&f, session_ns - 1);
    begin(&f);
    fake_lose(&f.fake, 2);
    assert_false(isr_timer_is_set(&f.controller.sessions_timer));
    f.now_ns += 10 * session_ns;
    begin(&f);
    fake_lead(&f.fake);
    pass(&f, session_ns - 1);
    assert_false(f.controller.committed.brokers[1].fenced);
    pass(&f, 1);
    assert_true(f.controller.committed.brokers[1].fenced);
    fixture_end(&f);
}

/* ---- a controller that is behind ---- */

static void slow_controller_fences_nobody_when_heartbeats_may_wait(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    int64_t session_ns = f.env.config.broker_session_timeout;
    f.env.behind_ns = session_ns;
    pass(&f, session_ns + session_ns / 2);
    for (int16_t broker = 1; broker <= 3; broker++)
        assert_true(isr_image_broker_active(&f.controller.committed, broker));
    /* What waited is handled: only who is not among them is silent. */
    heartbeat(&f, 2);
    heartbeat(&f, 3);
    f.env.behind_ns = 0;
    pass(&f, f.env.config.retry_backoff);
    assert_false(isr_image_broker_active(&f.controller.committed, 1));
    assert_true(isr_image_broker_active(&f.controller.committed, 2));
    assert_true(isr_image_broker_active(&f.controller.committed, 3));
    fixture_end(&f);
}

static void slow_controller_fences_when_the_silence_is_longer_than_its_lag(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    int64_t session_ns = f.env.config.broker_session_timeout;
    f.env.behind_ns = session_ns;
    pass(&f, 2 * session_ns + f.env.config.retry_backoff);
    assert_false(isr_image_broker_active(&f.controller.committed, 1));
    fixture_end(&f);
}

static void slow_controller_fences_everybody_when_the_rule_is_the_clock(void **state)
{
    (void)state;
    struct fixture f;
    fixture_cluster(&f);
    f.env.rules.session_expiry = ISR_RULE_session_expiry_clock;
    f.env.behind_ns = f.env.config.broker_session_timeout;
    pass(&f, f.env.config.broker_session_timeout);
    assert_false(isr_image_broker_active(&f.controller.committed, 1));
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registration_gives_the_index_of_its_record_as_epoch_when_it_is_the_first),
        cmocka_unit_test(registration_keeps_the_epoch_when_the_same_incarnation_retries),
        cmocka_unit_test(registration_is_refused_when_another_incarnation_has_a_live_session),
        cmocka_unit_test(registration_is_refused_when_the_id_is_out_of_range),
        cmocka_unit_test(clean_restart_loses_leadership_but_stays_eligible),
        cmocka_unit_test(restart_moves_leadership_when_an_eligible_replica_lives),
        cmocka_unit_test(restart_leaves_isr_and_elr_when_the_shutdown_was_unclean),
        cmocka_unit_test(restart_keeps_its_place_when_the_rule_is_off),
        cmocka_unit_test(heartbeat_is_refused_when_the_epoch_is_another),
        cmocka_unit_test(broker_stays_fenced_when_it_is_behind_its_registration_or_wants_to),
        cmocka_unit_test(broker_is_fenced_when_it_wants_to),
        cmocka_unit_test(broker_is_fenced_when_its_session_expires),
        cmocka_unit_test(each_expiry_sees_the_one_before_when_all_expire_together),
        cmocka_unit_test(expiries_wait_when_consensus_takes_no_proposal),
        cmocka_unit_test(expiries_see_nothing_of_each_other_when_the_rule_is_concurrent),
        cmocka_unit_test(heartbeat_finds_no_controller_when_what_it_decides_cannot_be_proposed),
        cmocka_unit_test(last_member_stays_without_elr_when_all_expire),
        cmocka_unit_test(shutdown_is_granted_when_everybody_knows),
        cmocka_unit_test(stopping_broker_gains_no_leadership_when_all_others_die),
        cmocka_unit_test(broker_that_stops_is_not_unfenced_when_it_was_silent),
        cmocka_unit_test(shutdown_goes_on_when_another_controller_took_over),
        cmocka_unit_test(shutdown_of_a_fenced_broker_is_granted_at_once),
        cmocka_unit_test(sessions_start_afresh_when_a_controller_becomes_active),
        cmocka_unit_test(slow_controller_fences_nobody_when_heartbeats_may_wait),
        cmocka_unit_test(slow_controller_fences_when_the_silence_is_longer_than_its_lag),
        cmocka_unit_test(slow_controller_fences_everybody_when_the_rule_is_the_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
