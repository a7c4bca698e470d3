/* L1 where nodes are gone for good: what is left is held to it, and a reason to stand still is told. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/policy/settings.h"
#include "sim/checks/state.h"
#include "sim/checks/tests/fake.h"

/* n1 leads, all are in sync, min ISR is 2; then these two (0: nobody) are gone. */
static void settled_without(struct fake *fake, int32_t a, int32_t b)
{
    fake_init(fake);
    fake->view.settles = true;
    fake->checks =
        sim_checks_make(&fake->heap.heap, &fake->view, &(struct sim_checks_options){.armed = SIM_CHECKS_ALL});
    fake_change(fake, 1, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_TOPIC_CREATED);
    fake_lead(fake, 1);
    fake_commit(fake, 1);
    fake->probes_sent = 1;
    fake->voters = fake_set(1, 2, 3);
    if (a > 0)
        sim_node_set_add(&fake->checks->view.gone, a);
    if (b > 0)
        sim_node_set_add(&fake->checks->view.gone, b);
}

static void assert_outage(struct fake *fake, const char *why)
{
    struct sim_checks_report report;
    sim_checks_end(fake->checks);
    FAKE_HOLDS(fake);
    sim_checks_report(fake->checks, &report);
    assert_int_equal(report.partitions_unavailable, why[0] != '\0');
    if (strstr(report.unavailable, why) == NULL)
        fail_msg("'%s' lacks '%s'", report.unavailable, why);
    fake_free(fake);
}

static void holds_when_those_left_are_in_sync(void **state)
{
    (void)state;
    struct fake fake;
    settled_without(&fake, 3, 0);
    fake_change(&fake, 1, fake_set(1, 2, 0), fake_set(0, 0, 0), ISR_CAUSE_TIME_LAG);
    assert_outage(&fake, "");
}

static void fires_when_the_isr_keeps_who_is_gone(void **state)
{
    (void)state;
    struct fake fake;
    settled_without(&fake, 3, 0);
    sim_checks_end(fake.checks);
    FAKE_FAILS(&fake, L1, "the ISR is [1, 2, 3], the replicas that are left are [1, 2]");
    fake_free(&fake);
}

static void fires_when_nobody_takes_the_place_of_a_leader_that_is_gone(void **state)
{
    (void)state;
    struct fake fake;
    settled_without(&fake, 1, 0);
    sim_checks_end(fake.checks);
    FAKE_FAILS(&fake, L1, "its leader is n1, which is gone (ISR [1, 2, 3], ELR [])");
    fake_free(&fake);
}

static void fires_when_somebody_eligible_is_left_and_nobody_leads(void **state)
{
    (void)state;
    struct fake fake;
    settled_without(&fake, 1, 0);
    fake_change(&fake, ISR_NODE_NONE, fake_set(0, 0, 0), fake_set(1, 2, 0), ISR_CAUSE_NO_LEADER);
    sim_checks_end(fake.checks);
    FAKE_FAILS(&fake, L1, "there is no leader (ISR [], ELR [1, 2])");
    fake_free(&fake);
}

static void tells_that_nobody_eligible_is_left(void **state)
{
    (void)state;
    struct fake fake;
    settled_without(&fake, 1, 0);
    fake.probes_unanswered = 1; /* the one to this partition */
    fake_change(&fake, ISR_NODE_NONE, fake_set(0, 0, 0), fake_set(1, 0, 0), ISR_CAUSE_NO_LEADER);
    assert_outage(&fake, "orders-0: it has no leader: of ISR [], ELR [1]");
}

static void fires_when_the_topic_would_not_wait_for_who_is_gone(void **state)
{
    (void)state;
    struct fake fake;
    settled_without(&fake, 1, 0);
    fake.partition.settings.unclean = 1;
    fake_change(&fake, ISR_NODE_NONE, fake_set(0, 0, 0), fake_set(1, 0, 0), ISR_CAUSE_NO_LEADER);
    sim_checks_end(fake.checks);
    FAKE_FAILS(&fake, L1, "there is no leader");
    fake_free(&fake);
}

static void tells_that_an_administrator_must_decide(void **state)
{
    (void)state;
    struct fake fake;
    settled_without(&fake, 0, 0);
    fake.partition.settings.unclean_recovery = ISR_UNCLEAN_RECOVERY_NONE;
    fake_change(&fake, ISR_NODE_NONE, fake_set(0, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_NO_LEADER);
    assert_outage(&fake, "it has no leader: of ISR [], ELR []");
}

static void tells_that_too_few_replicas_are_left_to_commit(void **state)
{
    (void)state;
    struct fake fake;
    settled_without(&fake, 2, 3);
    fake.voters = fake_set(0, 0, 0);
    fake_append(&fake, 1, 1); /* nobody is there to have it, too */
    fake_change(&fake, 1, fake_set(1, 0, 0), fake_set(2, 3, 0), ISR_CAUSE_TIME_LAG);
    assert_outage(&fake,
                  "it takes no writes: of its replicas [1, 2, 3] only [1] is left, and all_isr needs 2");
}

static void tells_that_too_few_replicas_are_left_to_ask(void **state)
{
    (void)state;
    struct fake fake;
    settled_without(&fake, 1, 2);
    fake.voters = fake_set(0, 0, 0);
    fake.partition.settings.leader_choice = ISR_LEADER_CHOICE_MOST_UP_TO_DATE;
    fake_change(&fake, ISR_NODE_NONE, fake_set(3, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_NO_LEADER);
    assert_outage(&fake, "its replicas are asked for their logs, and of [1, 2, 3] only [3] is left");
}

static void fires_when_enough_are_left_to_ask(void **state)
{
    (void)state;
    struct fake fake;
    settled_without(&fake, 1, 0);
    fake.partition.settings.leader_choice = ISR_LEADER_CHOICE_MOST_UP_TO_DATE;
    fake_change(&fake, ISR_NODE_NONE, fake_set(1, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_NO_LEADER);
    sim_checks_end(fake.checks);
    FAKE_FAILS(&fake, L1, "there is no leader");
    fake_free(&fake);
}

/* All have the last record, which was written in the epoch before this one; its high watermark is below it.
 */
static void settled_with_a_tail(struct fake *fake, enum isr_leader_choice choice)
{
    settled_without(fake, 0, 0);
    fake->partition.settings.leader_choice = choice;
    fake_append(fake, 1, 1);
    fake_fetch(fake, 2, 1);
    fake_fetch(fake, 3, 1);
    fake_change(fake, ISR_NODE_NONE, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_NO_LEADER);
    fake_change(fake, 1, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_BY_LOG);
    fake_lead(fake, 1);
    struct fake_replica *leader = &fake->replicas[1];
    leader->epochs[0] = (struct isr_epoch_entry){.epoch = leader->epoch, .start_offset = 2};
    leader->epochs_count = 1;
}

static void tells_that_records_of_earlier_epochs_wait_for_the_next_one(void **state)
{
    (void)state;
    struct fake fake;
    settled_with_a_tail(&fake, ISR_LEADER_CHOICE_WITNESS);
    assert_outage(&fake, "its last records wait for the next one");
}

static void fires_when_a_record_of_this_epoch_is_held_and_not_committed(void **state)
{
    (void)state;
    struct fake fake;
    settled_with_a_tail(&fake, ISR_LEADER_CHOICE_WITNESS);
    fake_append(&fake, 1, 1);
    fake_fetch(&fake, 2, 1);
    fake_fetch(&fake, 3, 1);
    sim_checks_end(fake.checks);
    FAKE_FAILS(&fake, L1, "the high watermark on leader n1 is 1, its LEO 3");
    fake_free(&fake);
}

static void fires_when_a_leader_out_of_the_isr_leaves_a_tail(void **state)
{
    (void)state;
    struct fake fake;
    settled_with_a_tail(&fake, ISR_LEADER_CHOICE_IN_SYNC);
    sim_checks_end(fake.checks);
    FAKE_FAILS(&fake, L1, "the high watermark on leader n1 is 1, its LEO 2");
    fake_free(&fake);
}

static void tells_that_the_controllers_have_no_majority(void **state)
{
    (void)state;
    struct fake fake;
    settled_without(&fake, 2, 3);
    assert_outage(&fake, "the controllers have no majority: of 3 voters 1 is left");
}

static void fires_when_a_probe_of_another_partition_is_not_answered(void **state)
{
    (void)state;
    struct fake fake;
    settled_without(&fake, 1, 0);
    fake.probes_sent = fake.probes_unanswered = 2;
    fake_change(&fake, ISR_NODE_NONE, fake_set(0, 0, 0), fake_set(1, 0, 0), ISR_CAUSE_NO_LEADER);
    sim_checks_end(fake.checks);
    FAKE_FAILS(&fake, L1, "1 of 2 probe writes");
    fake_free(&fake);
}

static void waits_for_no_reassignment_to_who_is_gone(void **state)
{
    (void)state;
    struct fake fake;
    settled_without(&fake, 3, 0);
    fake.partition.adding = fake_set(3, 0, 0);
    fake_change(&fake, 1, fake_set(1, 2, 0), fake_set(0, 0, 0), ISR_CAUSE_TIME_LAG);
    assert_outage(&fake, "");
}

static void tells_that_a_leader_is_gone_only_by_half(void **state)
{
    (void)state;
    struct fake fake;
    settled_without(&fake, 1, 0);
    fake.checks->view.gone_how = SIM_GONE_DEAF;
    assert_outage(&fake, "its leader is n1, which is deaf for good, and not missed by the controllers");
    settled_without(&fake, 1, 0);
    fake.checks->view.gone_how = SIM_GONE_STALLED;
    assert_outage(&fake, "its leader is n1, which is stalled for good");
}

static void fires_when_a_leader_that_nobody_hears_is_kept(void **state)
{
    (void)state;
    struct fake fake;
    settled_without(&fake, 1, 0);
    fake.checks->view.gone_how = SIM_GONE_MUTE;
    sim_checks_end(fake.checks);
    FAKE_FAILS(&fake, L1, "its leader is n1, which is gone");
    fake_free(&fake);
}

static void fires_when_the_isr_keeps_who_is_gone_by_half(void **state)
{
    (void)state;
    struct fake fake;
    settled_without(&fake, 3, 0);
    fake.checks->view.gone_how = SIM_GONE_STALLED;
    sim_checks_end(fake.checks);
    FAKE_FAILS(&fake, L1, "the ISR is [1, 2, 3], the replicas that are left are [1, 2]");
    fake_free(&fake);
}

static void peers_settled_without(struct fake *fake, int32_t a, int32_t b)
{
    settled_without(fake, a, b);
    fake->checks->view.peers = true;
    fake->voters = fake_set(0, 0, 0);
}

static void tells_that_no_majority_of_the_members_is_left(void **state)
{
    (void)state;
    struct fake fake;
    peers_settled_without(&fake, 1, 2);
    assert_outage(&fake, "it has no leader: of the members [1, 2, 3] only [3] is left, and no majority");
}

static void fires_when_a_majority_of_the_members_has_no_leader_but_who_is_gone_by_half(void **state)
{
    (void)state;
    struct fake fake;
    peers_settled_without(&fake, 1, 0);
    fake.checks->view.gone_how = SIM_GONE_DEAF;
    sim_checks_end(fake.checks);
    FAKE_FAILS(&fake, L1, "its leader is n1, which is gone");
    fake_free(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_when_those_left_are_in_sync),
        cmocka_unit_test(fires_when_the_isr_keeps_who_is_gone),
        cmocka_unit_test(fires_when_nobody_takes_the_place_of_a_leader_that_is_gone),
        cmocka_unit_test(fires_when_somebody_eligible_is_left_and_nobody_leads),
        cmocka_unit_test(tells_that_nobody_eligible_is_left),
        cmocka_unit_test(fires_when_the_topic_would_not_wait_for_who_is_gone),
        cmocka_unit_test(tells_that_an_administrator_must_decide),
        cmocka_unit_test(tells_that_too_few_replicas_are_left_to_commit),
        cmocka_unit_test(tells_that_too_few_replicas_are_left_to_ask),
        cmocka_unit_test(fires_when_enough_are_left_to_ask),
        cmocka_unit_test(tells_that_records_of_earlier_epochs_wait_for_the_next_one),
        cmocka_unit_test(fires_when_a_record_of_this_epoch_is_held_and_not_committed),
        cmocka_unit_test(fires_when_a_leader_out_of_the_isr_leaves_a_tail),
        cmocka_unit_test(tells_that_the_controllers_have_no_majority),
        cmocka_unit_test(fires_when_a_probe_of_another_partition_is_not_answered),
        cmocka_unit_test(waits_for_no_reassignment_to_who_is_gone),
        cmocka_unit_test(tells_that_a_leader_is_gone_only_by_half),
        cmocka_unit_test(fires_when_a_leader_that_nobody_hears_is_kept),
        cmocka_unit_test(fires_when_the_isr_keeps_who_is_gone_by_half),
        cmocka_unit_test(tells_that_no_majority_of_the_members_is_left),
        cmocka_unit_test(fires_when_a_majority_of_the_members_has_no_leader_but_who_is_gone_by_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
