/* Nobody is left who may be elected unseen: what each recovery of KIP-966 does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/controller/tests/log_info.h"
#include "core/policy/settings.h"

/* Brokers 1, 2, 3; "orders", of min ISR 2, is led by 1. */
static void cluster_begin(struct fixture *f, enum isr_unclean_recovery recovery)
{
    fixture_active(f);
    for (int16_t broker = 1; broker <= 3; broker++)
        join(f, broker);
    struct isr_message message = create_request(f, "orders", 1, 3, 2);
    message.create_topic_request.settings.unclean_recovery = recovery;
    assert_int_equal(send_create(f, &message).error, ISR_ERROR_NONE);
}

/* Those of `living` go on, until the sessions of the others are over. */
static void only(struct fixture *f, uint64_t living)
{
    struct isr_replicas heard = isr_replicas_unpack(living);
    int64_t half_ns = f->env.config.broker_session_timeout / 2;
    for (int i = 0; i < 3; i++) {
        for (unsigned k = 0; k < heard.count; k++)
            heartbeat(f, heard.ids[k]);
        pass(f, half_ns);
    }
    pass(f, 0);
}

/* It comes back, and does not say that it stopped cleanly. */
static void come_back(struct fixture *f, int16_t broker, uint64_t incarnation)
{
    assert_int_equal(do_register(f, broker, incarnation, -1).error, ISR_ERROR_NONE);
    heartbeat(f, broker);
    assert_true(isr_image_broker_active(&f->controller.committed, broker));
}

static void assert_sets(const struct fixture *f, uint64_t isr, uint64_t elr, uint64_t once)
{
    struct isr_replicas sets[] = {isr_replicas_unpack(isr), isr_replicas_unpack(elr),
                                  isr_replicas_unpack(once)};
    assert_true(isr_replicas_equal_as_sets(&committed(f)->isr, &sets[0]));
    assert_true(isr_replicas_equal_as_sets(&committed(f)->elr, &sets[1]));
    assert_true(isr_replicas_equal_as_sets(&committed(f)->last_known_elr, &sets[2]));
}

/* 3 leaves while enough stay; then 2, then 1. All of them end uncleanly. */
static void all_end(struct fixture *f)
{
    only(f, 0x0201);
    assert_sets(f, 0x0201, 0, 0);
    only(f, 0x01);
    assert_sets(f, 0x01, 0x02, 0);
    only(f, 0);
    assert_sets(f, 0, 0x0201, 0);
    assert_int_equal(committed(f)->leader, ISR_NODE_NONE);
}

static void balanced_waits_for_all_who_were_eligible_and_elects_the_longest_of_them(void **state)
{
    (void)state;
    struct fixture f;
    cluster_begin(&f, ISR_UNCLEAN_RECOVERY_BALANCED);
    all_end(&f);
    come_back(&f, 3, 33);
    come_back(&f, 1, 31);
    assert_sets(&f, 0, 0x02, 0x01);
    int32_t epoch = committed(&f)->leader_epoch;
    tell(&f, 3, (struct told){.leader_epoch = epoch, .last_epoch = 9, .log_end = 900});
    tell(&f, 1, (struct told){.leader_epoch = epoch, .last_epoch = 0, .log_end = 10});
    assert_int_equal(committed(&f)->leader, ISR_NODE_NONE); /* 2 may still come back clean */
    come_back(&f, 2, 32);
    assert_sets(&f, 0, 0, 0x0201);
    pass(&f, 2 * f.env.config.log_info_wait);
    assert_int_equal(committed(&f)->leader, ISR_NODE_NONE); /* it has not told its log */
    tell(&f, 2, (struct told){.leader_epoch = epoch, .last_epoch = 0, .log_end = 12});
    assert_int_equal(committed(&f)->leader, 2); /* not 3: it had left before */
    assert_true(committed(&f)->recovering);
    assert_sets(&f, 0x02, 0, 0x01); /* still wanted, should 2 end before enough are in sync */
    assert_int_equal(f.env.metrics.unclean_elections, 1);
    fixture_end(&f);
}

static void balanced_elects_an_eligible_one_that_comes_back_clean(void **state)
{
    (void)state;
    struct fixture f;
    cluster_begin(&f, ISR_UNCLEAN_RECOVERY_BALANCED);
    all_end(&f);
    come_back(&f, 1, 31);
    assert_int_equal(do_register(&f, 2, 32, f.controller.committed.brokers[2].epoch).error, ISR_ERROR_NONE);
    heartbeat(&f, 2);
    assert_int_equal(committed(&f)->leader, 2);
    assert_false(committed(&f)->recovering);
    fixture_end(&f);
}

static void balanced_elects_whoever_has_the_longest_log_when_the_rule_is_wrong(void **state)
{
    (void)state;
    struct fixture f;
    cluster_begin(&f, ISR_UNCLEAN_RECOVERY_BALANCED);
    f.env.rules.recovery_ballot = ISR_RULE_recovery_ballot_all;
    all_end(&f);
    for (int16_t broker = 1; broker <= 3; broker++)
        come_back(&f, broker, 30 + (uint64_t)broker);
    int32_t epoch = committed(&f)->leader_epoch;
    for (int32_t broker = 3; broker >= 1; broker--)
        tell(&f, broker, (struct told){.leader_epoch = epoch, .last_epoch = broker == 3, .log_end = 10});
    assert_int_equal(committed(&f)->leader, 3);
    fixture_end(&f);
}

static void aggressive_elects_of_those_that_live_at_once(void **state)
{
    (void)state;
    struct fixture f;
    cluster_begin(&f, ISR_UNCLEAN_RECOVERY_AGGRESSIVE);
    all_end(&f);
    come_back(&f, 3, 33);
    tell(&f, 3, (struct told){.leader_epoch = committed(&f)->leader_epoch, .log_end = 4});
    assert_int_equal(committed(&f)->leader, 3); /* although 1 and 2 are eligible */
    assert_true(committed(&f)->recovering);
    fixture_end(&f);
}

static void none_elects_nobody_until_the_administrator_asks(void **state)
{
    (void)state;
    struct fixture f;
    cluster_begin(&f, ISR_UNCLEAN_RECOVERY_NONE);
    all_end(&f);
    for (int16_t broker = 1; broker <= 3; broker++)
        come_back(&f, broker, 30 + (uint64_t)broker);
    int32_t epoch = committed(&f)->leader_epoch;
    for (int32_t broker = 1; broker <= 3; broker++)
        tell(&f, broker, (struct told){.leader_epoch = epoch, .log_end = broker == 2 ? 12 : 10});
    assert_int_equal(committed(&f)->leader, ISR_NODE_NONE);
    struct isr_message message = {.kind = ISR_MESSAGE_ELECT_LEADERS_REQUEST,
                                  .elect_leaders_request = {.tp = orders, .kind = 1}};
    deliver(&f, 200, &message);
    assert_int_equal(committed(&f)->leader, 2);
    fixture_end(&f);
}

static enum isr_error alter(struct fixture *f, int64_t recovery, bool unclean)
{
    struct isr_message message = {.kind = ISR_MESSAGE_ALTER_TOPIC_REQUEST,
                                  .alter_topic_request = {.name = {"orders"}}};
    size_t count;
    const struct isr_topic_setting_info *list = isr_topic_setting_list(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].name, "unclean_recovery") == 0 || strcmp(list[i].name, "unclean") == 0)
            message.alter_topic_request.given |= UINT64_C(1) << i;
    }
    message.alter_topic_request.settings = isr_topic_settings_of_min_isr(2);
    message.alter_topic_request.settings.unclean_recovery = recovery;
    message.alter_topic_request.settings.unclean = unclean;
    deliver(f, 200, &message);
    assert_true(sent(f, 200, ISR_MESSAGE_ADMIN_RESPONSE, &message));
    return (enum isr_error)message.admin_response.error;
}

static void another_recovery_at_run_time_takes_effect_without_a_leader(void **state)
{
    (void)state;
    struct fixture f;
    cluster_begin(&f, ISR_UNCLEAN_RECOVERY_LAST_KNOWN);
    only(&f, 0x01);
    only(&f, 0);
    assert_int_equal(alter(&f, ISR_UNCLEAN_RECOVERY_BALANCED, true), ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(alter(&f, ISR_UNCLEAN_RECOVERY_BALANCED, false), ISR_ERROR_NONE);
    assert_int_equal(committed(&f)->last_known_elr.count + committed(&f)->elr.count,
                     3); /* it may be anybody */
    assert_int_equal(alter(&f, ISR_UNCLEAN_RECOVERY_LAST_KNOWN, false), ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(alter(&f, ISR_UNCLEAN_RECOVERY_AGGRESSIVE, false), ISR_ERROR_NONE);
    come_back(&f, 3, 33);
    tell(&f, 3, (struct told){.leader_epoch = committed(&f)->leader_epoch, .log_end = 4});
    assert_int_equal(committed(&f)->leader, 3);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(balanced_waits_for_all_who_were_eligible_and_elects_the_longest_of_them),
        cmocka_unit_test(balanced_elects_an_eligible_one_that_comes_back_clean),
        cmocka_unit_test(balanced_elects_whoever_has_the_longest_log_when_the_rule_is_wrong),
        cmocka_unit_test(aggressive_elects_of_those_that_live_at_once),
        cmocka_unit_test(none_elects_nobody_until_the_administrator_asks),
        cmocka_unit_test(another_recovery_at_run_time_takes_effect_without_a_leader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
