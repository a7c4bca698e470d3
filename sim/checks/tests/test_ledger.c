/* The ledger: what excuses a loss, and the nearest history in which nothing does. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/log/batch.h"
#include "sim/checks/state.h"
#include "sim/checks/tests/fake.h"

static uint64_t losses_allowed(const struct fake *fake)
{
    struct sim_checks_report report;
    sim_checks_report(fake->checks, &report);
    return report.losses_allowed;
}

/* A node's disk has only what is below an offset when it comes back; it does not register yet. */
static void come_back_with(struct fake *fake, int32_t node, int64_t log_end)
{
    fake_cut(&fake->replicas[node], log_end);
    fake_start(fake, node);
    fake->replicas[node].running = false;
}

static void lose_power(struct fake *fake, int32_t node, int64_t log_end)
{
    fake_end_process(fake, node, false, true);
    come_back_with(fake, node, log_end);
}

/* By whatever: the ISR is that one alone. */
static void elect_alone(struct fake *fake, int32_t node)
{
    fake_change(fake, ISR_NODE_NONE, fake_set(0, 0, 0), fake_set(node, 0, 0), ISR_CAUSE_NO_LEADER);
    fake_change(fake, node, fake_set(node, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(fake, node);
}

/* ---- who lost it ---- */

/* n1 wrote a record of its own at offset 0 before n2 and n3 had the one that counts; n1 and n2 lose power. */
static void lose_with_a_deposed_leader(struct fake *fake, bool deposed_has_it)
{
    fake_init(fake);
    fake_append(fake, 1, 1);
    fake_change(fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(fake, 2);
    int64_t base = fake_append(fake, 2, 1);
    fake_fetch(fake, 3, 2);
    if (deposed_has_it) {
        fake_truncate(fake, 1, 0);
        fake_follow(fake, 1);
        fake_fetch(fake, 1, 2);
    }
    fake_advance(fake, 2, base + 1);
    fake_ack(fake, 2, base);
    lose_power(fake, 1, 0);
    lose_power(fake, 2, 0);
    elect_alone(fake, 2);
}

static void fires_i3_when_one_of_the_lost_logs_held_another_record(void **state)
{
    (void)state;
    struct fake fake;
    lose_with_a_deposed_leader(&fake, false);
    FAKE_FAILS(&fake, I3, "1 of 3 replicas lost it by losing power");
    fake_free(&fake);
}

static void holds_i3_when_both_of_the_lost_logs_held_it(void **state)
{
    (void)state;
    struct fake fake;
    lose_with_a_deposed_leader(&fake, true);
    FAKE_HOLDS(&fake);
    assert_int_equal(losses_allowed(&fake), 1);
    fake_free(&fake);
}

/* n1 and n2 alone have the record and lose power; what their disks kept nobody knows while they are down. */
static void fires_i3_when_who_lost_power_did_not_come_back(void **state)
{
    (void)state;
    struct fake fake;
    fake_init_as(&fake, FAKE_WITHOUT(I1), false);
    fake_change(&fake, 1, fake_set(1, 2, 0), fake_set(0, 0, 0), ISR_CAUSE_TIME_LAG);
    fake_append(&fake, 1, 1);
    fake_fetch(&fake, 2, 1);
    fake_advance(&fake, 1, 1);
    fake_ack(&fake, 1, 0);
    fake_end_process(&fake, 1, false, true);
    fake_end_process(&fake, 2, false, true);
    elect_alone(&fake, 3);
    FAKE_FAILS(&fake, I3, "no replica lost it");
    fake_free(&fake);
}

/* n1 and n2 lose power; n1 was replaced by n4 before. */
static void fires_i3_when_one_that_lost_it_is_no_replica_any_more(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_commit(&fake, 1);
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 2);
    lose_power(&fake, 1, 0);
    fake.partition.replicas = fake_set(2, 3, 0);
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_REASSIGNMENT_DONE);
    lose_power(&fake, 2, 0);
    elect_alone(&fake, 2);
    FAKE_FAILS(&fake, I3, "is not in the log of n2");
    fake_free(&fake);
}

/* ---- damage ---- */

/* Both are killed, which costs nothing, and come back without the record. */
static void lose_by_damage(struct fake *fake, bool first, bool second)
{
    fake_init(fake);
    fake_commit(fake, 1);
    fake->replicas[1].betrayals = first;
    fake->replicas[2].betrayals = second;
    fake_end_process(fake, 1, false, false);
    come_back_with(fake, 1, 0);
    fake_end_process(fake, 2, false, false);
    come_back_with(fake, 2, 0);
    elect_alone(fake, 1);
}

static void holds_i3_when_as_many_disks_as_min_isr_broke_their_word(void **state)
{
    (void)state;
    struct fake fake;
    lose_by_damage(&fake, true, true);
    FAKE_HOLDS(&fake);
    assert_int_equal(losses_allowed(&fake), 1);
    fake_free(&fake);
}

static void fires_i3_when_only_one_of_them_did(void **state)
{
    (void)state;
    struct fake fake;
    lose_by_damage(&fake, true, false);
    FAKE_FAILS(&fake, I3, "1 of 3 replicas lost it");
    fake_free(&fake);
}

static void fires_i3_when_the_damage_is_older_than_the_last_recovery(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    for (int node = 2; node <= 3; node++) {
        fake.replicas[node].betrayals = 1;
        fake_end_process(&fake, node, false, false);
        fake_start(&fake, node);
    }
    fake_commit(&fake, 1);
    for (int node = 2; node <= 3; node++) {
        fake_end_process(&fake, node, false, false);
        come_back_with(&fake, node, 0);
    }
    elect_alone(&fake, 2);
    FAKE_FAILS(&fake, I3, "no replica lost it");
    fake_free(&fake);
}

static void fires_i2_when_content_is_not_what_its_checksum_says(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_commit(&fake, 1);
    fake_commit(&fake, 1);
    fake_end_process(&fake, 2, false, false);
    fake_start(&fake, 2);
    FAKE_HOLDS(&fake);
    fake.replicas[2].damaged = 1;
    fake_end_process(&fake, 2, false, false);
    fake_start(&fake, 2);
    FAKE_FAILS(&fake, I2, "the records at offset 1 in the log of n2 are not what their checksum says");
    fake_free(&fake);
}

static void fires_i4_when_a_consumer_is_given_other_bytes(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    struct isr_scratch scratch;
    isr_scratch_init(&scratch, &fake.heap.heap);
    struct isr_bytes sound = isr_batch_build(&scratch, -1, 0, 0, 1, 2, 8);
    uint8_t bytes[512];
    assert_true(sound.size <= sizeof bytes);
    memcpy(bytes, sound.data, sound.size);
    struct isr_bytes given = {.data = bytes, .size = sound.size};
    sim_checks_client_read(fake.checks, FAKE_CLIENT, FAKE_TP, 0, given);
    FAKE_HOLDS(&fake);
    bytes[sound.size - 1] ^= 1;
    sim_checks_client_read(fake.checks, FAKE_CLIENT, FAKE_TP, 0, given);
    FAKE_FAILS(&fake, I4, "what p1 read at offset 0 is not what its checksum says");
    fake_free(&fake);
}

/* ---- elections ---- */

/* A majority has the record, n3 loses it, perhaps fetches it again, and votes for n2 who never had it. */
static void elect_by_vote(struct fake *fake, bool again)
{
    struct isr_topic_settings settings = isr_topic_settings_of_min_isr(1);
    settings.commit = ISR_COMMIT_QUORUM;
    settings.leader_choice = ISR_LEADER_CHOICE_MOST_UP_TO_DATE;
    fake_init_with(fake, SIM_CHECKS_ALL, &settings);
    fake_append(fake, 1, 1);
    fake_fetch(fake, 3, 1);
    fake_advance(fake, 1, 1);
    fake_ack(fake, 1, 0);
    lose_power(fake, 3, 0);
    if (again)
        fake_fetch(fake, 3, 1);
    fake_end_process(fake, 1, false, false);
    elect_alone(fake, 2);
}

static void fires_i3_when_a_voter_had_got_the_lost_record_again(void **state)
{
    (void)state;
    struct fake fake;
    elect_by_vote(&fake, true);
    FAKE_FAILS(&fake, I3, "quorum, promised until 1 replicas lost it; no replica lost it");
    fake_free(&fake);
}

static void holds_i3_when_a_voter_lost_the_record(void **state)
{
    (void)state;
    struct fake fake;
    elect_by_vote(&fake, false);
    FAKE_HOLDS(&fake);
    assert_int_equal(losses_allowed(&fake), 1);
    fake_free(&fake);
}

static void fires_i3_when_a_leader_lacks_what_it_wrote_itself_although_nothing_is_promised(void **state)
{
    (void)state;
    struct fake fake;
    struct isr_topic_settings settings = isr_topic_settings_of_min_isr(1);
    settings.commit = ISR_COMMIT_ASYNC;
    fake_init_with(&fake, FAKE_WITHOUT(I8), &settings);
    fake_append(&fake, 1, 1);
    fake_advance(&fake, 1, 1);
    fake_ack(&fake, 1, 0);
    fake_cut(&fake.replicas[1], 0);
    sim_checks_end(fake.checks);
    FAKE_FAILS(&fake, I3, "is not in the log of n1, elected leader of epoch 0");
    fake_free(&fake);
}

/* Nobody is left; n is elected uncleanly without what lies beyond its log. */
static void elect_uncleanly(struct fake *fake, int32_t node)
{
    fake_change(fake, ISR_NODE_NONE, fake_set(0, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_NO_LEADER);
    fake_change(fake, node, fake_set(node, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_UNCLEAN);
    fake_lead(fake, node);
}

/* Offset 0 was lost in an unclean election and written anew, as was offset 2 in a later one. What lies
 * between never was. */
static void fires_i3_when_a_record_lies_between_two_allowed_losses(void **state)
{
    (void)state;
    struct fake fake;
    fake_init_as(&fake, FAKE_WITHOUT(I1), true);
    fake_change(&fake, 1, fake_set(1, 2, 0), fake_set(0, 0, 0), ISR_CAUSE_TIME_LAG);
    fake_append(&fake, 1, 1);
    fake_fetch(&fake, 2, 1);
    fake_advance(&fake, 1, 1);
    fake_ack(&fake, 1, 0);
    elect_uncleanly(&fake, 3);
    fake_truncate(&fake, 1, 0);
    fake_truncate(&fake, 2, 0);
    for (int i = 0; i < 2; i++) {
        int64_t base = fake_append(&fake, 3, 1);
        fake_fetch(&fake, 1, 3);
        fake_fetch(&fake, 2, 3);
        fake_advance(&fake, 3, base + 1);
        fake_ack(&fake, 3, base);
    }
    int64_t base = fake_append(&fake, 3, 1);
    fake_advance(&fake, 3, base + 1);
    fake_ack(&fake, 3, base);
    elect_uncleanly(&fake, 2);
    FAKE_HOLDS(&fake);
    assert_int_equal(losses_allowed(&fake), 2);
    fake_end_process(&fake, 1, false, false);
    come_back_with(&fake, 1, 1);
    elect_alone(&fake, 1);
    FAKE_FAILS(&fake, I3, "record at offset 1 (epoch 2), acknowledged with acks=all");
    fake_free(&fake);
}

/* n3 wrote at offset 0 in its epoch, before n1 did in a later one; an unclean election brings n3 back. */
static void fires_i3_when_a_record_was_committed_after_an_allowed_loss_passed_it_by(void **state)
{
    (void)state;
    struct fake fake;
    fake_init_as(&fake, FAKE_WITHOUT(I1), true);
    fake_change(&fake, 3, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 3);
    fake_append(&fake, 3, 1); /* epoch 1 */
    fake_change(&fake, 1, fake_set(1, 2, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 1);
    fake_append(&fake, 1, 1); /* epoch 2 */
    fake_fetch(&fake, 2, 1);
    fake_advance(&fake, 1, 1);
    fake_ack(&fake, 1, 0);
    elect_uncleanly(&fake, 3);
    assert_int_equal(losses_allowed(&fake), 1);
    fake_advance(&fake, 3, 1);
    fake_ack(&fake, 3, 0);
    FAKE_HOLDS(&fake);
    elect_alone(&fake, 1);
    FAKE_FAILS(&fake, I3, "record at offset 0 (epoch 1), acknowledged with acks=all");
    fake_free(&fake);
}

/* An administrator asked once. */
static void elect_uncleanly_twice(struct fake *fake, bool answered)
{
    fake_init_as(fake, FAKE_WITHOUT(I1), false);
    sim_checks_unclean_asked(fake->checks, "orders", 0, 7);
    elect_uncleanly(fake, 3);
    sim_checks_answered(fake->checks, answered ? 7 : 8, true);
    fake_append(fake, 3, 1);
    fake_advance(fake, 3, 1);
    fake_ack(fake, 3, 0);
    elect_uncleanly(fake, 2);
}

static void fires_i3_when_an_unclean_election_was_asked_for_and_held_before(void **state)
{
    (void)state;
    struct fake fake;
    elect_uncleanly_twice(&fake, true);
    FAKE_FAILS(&fake, I3, "is not in the log of n2");
    fake_free(&fake);
}

static void holds_i3_while_the_administrator_was_not_answered(void **state)
{
    (void)state;
    struct fake fake;
    elect_uncleanly_twice(&fake, false);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

/* ---- topics ---- */

static void tell_topic_removed(struct fake *fake, uint16_t topic)
{
    FAKE_TELL(fake, 1, TOPIC_APPLIED, topic_applied, .first = (int64_t)topic << 16, .removed = true);
}

static void forgets_only_the_topic_that_was_removed(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_commit(&fake, 3);
    tell_topic_removed(&fake, 2);
    assert_int_equal(losses_allowed(&fake), 0);
    tell_topic_removed(&fake, 1);
    assert_int_equal(losses_allowed(&fake), 3);
    fake_cut(&fake.replicas[1], 0);
    sim_checks_end(fake.checks);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_i3_when_another_topic_was_removed(void **state)
{
    (void)state;
    struct fake fake;
    fake_init_as(&fake, FAKE_WITHOUT(I8), false);
    fake_commit(&fake, 3);
    tell_topic_removed(&fake, 2);
    fake_cut(&fake.replicas[1], 0);
    sim_checks_end(fake.checks);
    FAKE_FAILS(&fake, I3, "is not in the log of n1");
    fake_free(&fake);
}

/* ---- the disk of a voter ---- */

static void lose_everything(struct fake *fake)
{
    fake_cut(&fake->replicas[2], 0);
    elect_alone(fake, 2);
}

static void waives_what_fails_after_the_disk_of_a_voter_lied(void **state)
{
    (void)state;
    struct fake fake;
    struct sim_checks_report report;
    fake_init(&fake);
    fake_commit(&fake, 1);
    fake.replicas[3].quorum_betrayals = 1;
    sim_checks_report(fake.checks, &report);
    assert_false(report.quorum_void);
    fake_end_process(&fake, 3, false, true);
    lose_everything(&fake);
    FAKE_HOLDS(&fake);
    sim_checks_report(fake.checks, &report);
    assert_true(report.quorum_void);
    assert_true(report.waived > 0);
    fake_free(&fake);
}

static void waives_nothing_that_failed_before_it(void **state)
{
    (void)state;
    struct fake fake;
    struct sim_checks_report report;
    fake_init(&fake);
    fake_commit(&fake, 1);
    fake.replicas[3].quorum_betrayals = 1; /* it bites when the voter comes back, not earlier */
    lose_everything(&fake);
    assert_int_not_equal(fake.failures, 0);
    sim_checks_report(fake.checks, &report);
    assert_int_equal(report.waived, 0);
    fake_end_process(&fake, 3, false, true);
    assert_non_null(sim_checks_violation(fake.checks, fake.failed));
    fake_free(&fake);
}

static void fires_i8_after_the_disk_of_a_voter_lied(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_commit(&fake, 1);
    fake.replicas[3].quorum_betrayals = 1;
    fake_end_process(&fake, 3, false, true);
    fake_advance(&fake, 2, 9);
    FAKE_FAILS(&fake, I8, "are not in order");
    fake_free(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_i3_when_one_of_the_lost_logs_held_another_record),
        cmocka_unit_test(holds_i3_when_both_of_the_lost_logs_held_it),
        cmocka_unit_test(fires_i3_when_who_lost_power_did_not_come_back),
        cmocka_unit_test(fires_i3_when_one_that_lost_it_is_no_replica_any_more),
        cmocka_unit_test(holds_i3_when_as_many_disks_as_min_isr_broke_their_word),
        cmocka_unit_test(fires_i3_when_only_one_of_them_did),
        cmocka_unit_test(fires_i3_when_the_damage_is_older_than_the_last_recovery),
        cmocka_unit_test(fires_i2_when_content_is_not_what_its_checksum_says),
        cmocka_unit_test(fires_i4_when_a_consumer_is_given_other_bytes),
        cmocka_unit_test(fires_i3_when_a_voter_had_got_the_lost_record_again),
        cmocka_unit_test(holds_i3_when_a_voter_lost_the_record),
        cmocka_unit_test(fires_i3_when_a_leader_lacks_what_it_wrote_itself_although_nothing_is_promised),
        cmocka_unit_test(fires_i3_when_a_record_lies_between_two_allowed_losses),
        cmocka_unit_test(fires_i3_when_a_record_was_committed_after_an_allowed_loss_passed_it_by),
        cmocka_unit_test(fires_i3_when_an_unclean_election_was_asked_for_and_held_before),
        cmocka_unit_test(holds_i3_while_the_administrator_was_not_answered),
        cmocka_unit_test(forgets_only_the_topic_that_was_removed),
        cmocka_unit_test(fires_i3_when_another_topic_was_removed),
        cmocka_unit_test(waives_what_fails_after_the_disk_of_a_voter_lied),
        cmocka_unit_test(waives_nothing_that_failed_before_it),
        cmocka_unit_test(fires_i8_after_the_disk_of_a_voter_lied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
