/* I1 to I4 and the ledger: each fires on a history that breaks it, and does not on one that nearly does. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sim/checks/state.h"
#include "sim/checks/tests/fake.h"

/* ---- I1 ---- */

static void fires_i1_when_leader_passes_a_member_of_its_isr(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_append(&fake, 1, 1);
    fake_fetch(&fake, 2, 1);
    fake_advance(&fake, 1, 1);
    FAKE_FAILS(&fake, I1, "orders-0: n1, leader of epoch 0, advanced its high watermark to 1");
    FAKE_FAILS(&fake, I1, "n3, a running member");
    fake_free(&fake);
}

static void holds_i1_when_the_short_member_was_rebooted_and_did_not_register(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_append(&fake, 1, 1);
    fake_fetch(&fake, 2, 1);
    fake.replicas[3].running = false;
    fake_advance(&fake, 1, 1);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void holds_i1_when_a_member_unknown_to_the_controller_lives_anew(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_change(&fake, 1, fake_set(1, 2, 0), fake_set(0, 0, 0), ISR_CAUSE_BROKER_UNCLEAN);
    fake_append(&fake, 1, 1);
    fake_fetch(&fake, 2, 1);
    fake.replicas[3].unheard = true;
    fake.partition.isr = fake_set(1, 2, 3); /* as the leader still has it */
    fake_advance(&fake, 1, 1);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_i1_when_a_replica_enters_the_isr_too_early(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_change(&fake, 1, fake_set(1, 2, 0), fake_set(0, 0, 0), ISR_CAUSE_TIME_LAG);
    fake_append(&fake, 1, 4);
    fake_fetch(&fake, 2, 1);
    fake_advance(&fake, 1, 4);
    FAKE_HOLDS(&fake);
    fake_change(&fake, 1, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_CAUGHT_UP);
    FAKE_FAILS(&fake, I1, "n3 runs and is in the ISR");
    fake_free(&fake);
}

static void fires_i1_when_a_member_cuts_what_was_committed(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_commit(&fake, 1);
    fake_truncate(&fake, 2, 0);
    FAKE_FAILS(&fake, I1, "records up to 1 were committed");
    fake_free(&fake);
}

static void holds_i1_when_a_deposed_leader_advances(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_append(&fake, 1, 1);
    fake_fetch(&fake, 2, 1);
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_advance(&fake, 1, 1); /* n3 lacks it, but n1's term is over */
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

/* ---- I2 ---- */

static void fires_i2_when_a_follower_stores_other_bytes(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_append(&fake, 1, 1);
    fake.replicas[1].batches[0].crc++;
    fake_fetch(&fake, 2, 1);
    FAKE_FAILS(&fake, I2, "are not the same on n2 as on n1");
    fake_free(&fake);
}

static void fires_i2_when_a_follower_keeps_a_record_of_an_old_epoch(void **state)
{
    (void)state;
    struct fake fake;
    fake_init_as(&fake, FAKE_WITHOUT(I1), false);
    fake_append(&fake, 1, 1); /* only n1 and n3 have it */
    fake_fetch(&fake, 3, 1);
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 2);
    fake_follow(&fake, 3); /* and does not cut its log */
    fake_append(&fake, 2, 1);
    fake_advance(&fake, 2, 1);
    FAKE_HOLDS(&fake);
    fake_advance(&fake, 3, 1);
    FAKE_FAILS(&fake, I2, "the log of n3 parts from the committed one at offset 0");
    FAKE_FAILS(&fake, I2, "of epoch 0 there, committed is one of epoch 1");
    fake_free(&fake);
}

static void holds_i2_when_the_old_record_is_cut_first(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_append(&fake, 1, 1);
    fake_fetch(&fake, 3, 1);
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 2);
    fake_follow(&fake, 3);
    fake_truncate(&fake, 3, 0);
    fake_append(&fake, 2, 1);
    fake_fetch(&fake, 3, 2);
    fake_advance(&fake, 2, 1);
    fake_advance(&fake, 3, 1);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_i2_when_a_leader_writes_an_offset_of_its_epoch_anew(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_append(&fake, 1, 1);
    fake_cut(&fake.replicas[1], 0);
    fake_append(&fake, 1, 1);
    FAKE_FAILS(&fake, I2, "wrote other records at offsets 0 to 0");
    fake_free(&fake);
}

/* ---- I3 ---- */

static void fires_i3_when_a_later_leader_lacks_an_acknowledged_record(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    for (int i = 0; i < 13; i++)
        fake_commit(&fake, 1);
    fake_end_process(&fake, 2, false, false);
    fake_cut(&fake.replicas[2], 12);
    fake_start(&fake, 2);
    fake.replicas[2].running = false;
    fake.partition.leader_epoch = 4;
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 2);
    FAKE_FAILS(&fake, I3,
               "orders-0: record at offset 12 (epoch 0), acknowledged with acks=all to p1 at 4.210s, is not "
               "in the log "
               "of n2, elected leader of epoch 5 with LEO 12");
    fake_free(&fake);
}

static void fires_i3_when_the_log_vanished_whole(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_commit(&fake, 1);
    fake_end_process(&fake, 2, false, false);
    fake_cut(&fake.replicas[2], 0);
    fake.replicas[2].up = true;
    sim_checks_process(fake.checks, 2, true, false, false); /* and nothing is recovered */
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 2);
    FAKE_FAILS(&fake, I3, "is not in the log of n2");
    fake_free(&fake);
}

static void fires_i3_when_the_record_was_replaced(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_commit(&fake, 1);
    fake_end_process(&fake, 2, false, false);
    fake_cut(&fake.replicas[2], 0);
    fake_start(&fake, 2);
    fake.replicas[2].running = false;
    fake.replicas[2].batches[fake.replicas[2].count++] = (struct sim_batch_view){
        .base_offset = 0, .record_count = 1, .crc = 5, .leader_epoch = 1, .producer_id = -1};
    fake_change(&fake, 2, fake_set(2, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 2);
    FAKE_FAILS(&fake, I3, "it has a record of epoch 1 there");
    fake_free(&fake);
}

static void holds_i3_when_the_record_was_not_acknowledged_by_all(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_append(&fake, 1, 1); /* acks=1: on n1 alone, never committed */
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 2);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

/* n1 and n2 have the record, one of them or both lose it by power; n1 is elected again. synced: no record
 * counted before it was on the disk. */
static void lose_by_power(struct fake *fake, bool both, bool synced)
{
    fake_init(fake);
    fake->checks->view.synced = synced;
    fake_commit(fake, 1);
    fake_change(fake, 1, fake_set(1, 2, 0), fake_set(0, 0, 0), ISR_CAUSE_TIME_LAG);
    fake_change(fake, 1, fake_set(1, 0, 0), fake_set(2, 0, 0), ISR_CAUSE_TIME_LAG);
    for (int node = 1; node <= (both ? 2 : 1); node++) {
        fake_end_process(fake, node, false, true);
        fake_cut(&fake->replicas[node], 0);
    }
    for (int node = 1; node <= (both ? 2 : 1); node++) {
        fake_start(fake, node);
        fake->replicas[node].running = false;
    }
    fake_change(fake, ISR_NODE_NONE, fake_set(1, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_NO_LEADER);
    fake_change(fake, 1, fake_set(1, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(fake, 1);
}

static void fires_i3_when_one_of_two_replicas_lost_it_by_power(void **state)
{
    (void)state;
    struct fake fake;
    struct sim_checks_report report;
    lose_by_power(&fake, false, false);
    FAKE_FAILS(&fake, I3,
               "is not in the log of n1, elected leader of epoch 2 with LEO 0 (min ISR 2; "
               "1 of 3 replicas lost it by losing power)");
    sim_checks_report(fake.checks, &report);
    assert_int_equal(report.losses_forbidden, 1);
    fake_free(&fake);
}

static void holds_i3_when_as_many_replicas_as_min_isr_lost_it_by_power(void **state)
{
    (void)state;
    struct fake fake;
    struct sim_checks_report report;
    lose_by_power(&fake, true, false);
    FAKE_HOLDS(&fake);
    sim_checks_report(fake.checks, &report);
    assert_int_equal(report.losses_allowed, 1);
    assert_int_equal(report.losses_forbidden, 0);
    fake_free(&fake);
}

static void fires_i3_when_power_took_what_was_synced_before_it_counted(void **state)
{
    (void)state;
    struct fake fake;
    lose_by_power(&fake, true, true);
    FAKE_FAILS(&fake, I3, "is not in the log of n1, elected leader of epoch 2 with LEO 0");
    fake_free(&fake);
}

static void fires_i3_when_a_replica_that_lost_it_was_in_the_isr_again(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_commit(&fake, 1);
    fake_end_process(&fake, 2, false, true);
    fake_cut(&fake.replicas[2], 0);
    fake_change(&fake, 1, fake_set(1, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_BROKER_UNCLEAN);
    fake_start(&fake, 2);
    fake_fetch(&fake, 2, 1);
    fake_change(&fake, 1, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_CAUGHT_UP);
    fake_end_process(&fake, 1, false, true); /* the second loss, but the first was made good */
    fake_cut(&fake.replicas[1], 0);
    fake_start(&fake, 1);
    fake.replicas[1].running = false;
    fake_change(&fake, ISR_NODE_NONE, fake_set(1, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_NO_LEADER);
    fake_change(&fake, 1, fake_set(1, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 1);
    FAKE_FAILS(&fake, I3, "is not in the log of n1");
    fake_free(&fake);
}

/* n3 missed the record and is elected although it is not in the ISR. */
static void elect_uncleanly(struct fake *fake)
{
    fake_change(fake, 1, fake_set(1, 2, 0), fake_set(0, 0, 0), ISR_CAUSE_TIME_LAG);
    int64_t base = fake_append(fake, 1, 1);
    fake_fetch(fake, 2, 1);
    fake_advance(fake, 1, base + 1);
    fake_ack(fake, 1, base);
    fake_read(fake, 1, base);
    fake_end_process(fake, 1, false, false);
    fake_end_process(fake, 2, false, false);
    fake_change(fake, ISR_NODE_NONE, fake_set(0, 0, 0), fake_set(1, 2, 0), ISR_CAUSE_NO_LEADER);
    fake_change(fake, 3, fake_set(3, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_UNCLEAN);
    fake_lead(fake, 3);
}

static void fires_i3_when_an_unclean_election_was_not_allowed(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    elect_uncleanly(&fake);
    FAKE_FAILS(&fake, I3, "is not in the log of n3, elected leader of epoch 2 with LEO 0");
    fake_free(&fake);
}

static void suspends_i3_and_i4_when_the_topic_allows_unclean_elections(void **state)
{
    (void)state;
    struct fake fake;
    struct sim_checks_report report;
    fake_init_as(&fake, FAKE_WITHOUT(I1), true);
    elect_uncleanly(&fake);
    FAKE_HOLDS(&fake);
    /* What follows is written over the lost record, read, and held to its promise again. */
    int64_t base = fake_append(&fake, 3, 1);
    fake_advance(&fake, 3, base + 1);
    fake_ack(&fake, 3, base);
    fake_read(&fake, 3, base);
    FAKE_HOLDS(&fake);
    sim_checks_report(fake.checks, &report);
    assert_int_equal(report.losses_allowed, 1);
    fake_start(&fake, 1); /* n1 with the other history is elected cleanly, which it must not be */
    fake_change(&fake, 1, fake_set(1, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 1);
    FAKE_FAILS(&fake, I3, "is not in the log of n1");
    fake_free(&fake);
}

static void suspends_i3_when_an_administrator_asked_for_an_unclean_election(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    sim_checks_unclean_asked(fake.checks, "orders", 0, 1);
    elect_uncleanly(&fake);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void holds_i3_when_the_last_known_leader_is_all_that_was_left(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_commit(&fake, 1);
    fake_change(&fake, 1, fake_set(1, 2, 0), fake_set(0, 0, 0), ISR_CAUSE_TIME_LAG);
    fake_end_process(&fake, 2, false, false); /* killed: it may have lost nothing, but counts as unclean */
    fake_change(&fake, 1, fake_set(1, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_BROKER_UNCLEAN);
    fake_end_process(&fake, 1, false, true);
    fake_cut(&fake.replicas[1], 0);
    fake_change(&fake, ISR_NODE_NONE, fake_set(0, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_BROKER_UNCLEAN);
    fake_start(&fake, 1);
    fake_change(&fake, 1, fake_set(1, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_UNCLEAN);
    fake_lead(&fake, 1);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_i3_when_a_deposed_leader_acknowledges_what_the_next_one_lacks(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    int64_t base = fake_append(&fake, 1, 1);
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 2);
    fake_ack(&fake, 1, base);
    FAKE_FAILS(&fake, I3, "is not in the log of n2");
    fake_free(&fake);
}

/* n1 is deposed without a successor, hears from n2 that all have its record, and leads again. */
static void fires_i1_when_a_member_lacks_what_the_leader_knew_when_it_began(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    (void)fake_append(&fake, 1, 1);
    fake_fetch(&fake, 2, 1);
    fake_change(&fake, ISR_NODE_NONE, fake_set(0, 0, 0), fake_set(1, 2, 0), ISR_CAUSE_NO_LEADER);
    fake_advance(&fake, 1, 1);
    fake_change(&fake, 1, fake_set(1, 2, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_ELR);
    fake_lead(&fake, 1);
    FAKE_HOLDS(&fake);
    fake_change(&fake, 3, fake_set(3, 2, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    FAKE_FAILS(&fake, I1, "has only LEO 0: records up to 1 were committed");
    fake_free(&fake);
}

static void holds_i3_when_the_next_leader_has_what_a_deposed_one_acknowledges(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    int64_t base = fake_append(&fake, 1, 1);
    fake_fetch(&fake, 2, 1);
    fake_fetch(&fake, 3, 1);
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 2);
    fake_advance(&fake, 1, 1);
    fake_ack(&fake, 1, base);
    fake_advance(&fake, 2, 1);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_i3_when_a_client_is_told_the_offset_of_another_record(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_commit(&fake, 1);
    sim_checks_client_acked(fake.checks, FAKE_CLIENT, FAKE_TP, 0, 0);
    FAKE_HOLDS(&fake);
    sim_checks_client_acked(fake.checks, FAKE_CLIENT, FAKE_TP, 0, 17);
    FAKE_FAILS(&fake, I3,
               "p1 was told that its record 17 is at offset 0, where record 0 (epoch 0) is committed");
    fake_free(&fake);
}

static void finds_a_loss_at_the_end_when_no_observation_told_it(void **state)
{
    (void)state;
    struct fake fake;
    fake_init_as(&fake, FAKE_WITHOUT(I8), false);
    fake_commit(&fake, 1);
    fake_cut(&fake.replicas[1], 0);
    sim_checks_end(fake.checks);
    FAKE_FAILS(&fake, I3, "is not in the log of n1");
    fake_free(&fake);
}

/* ---- I4 ---- */

static void fires_i4_when_a_record_that_was_read_is_lost(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    int64_t base = fake_append(&fake, 1, 1);
    fake_fetch(&fake, 2, 1);
    fake_fetch(&fake, 3, 1);
    fake_advance(&fake, 1, base + 1);
    fake_read(&fake, 1, base);
    FAKE_HOLDS(&fake);
    fake_end_process(&fake, 2, false, false);
    fake_cut(&fake.replicas[2], 0);
    fake.replicas[2].up = true;
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 2);
    FAKE_FAILS(&fake, I4, "which a consumer had read, is not in the log of n2");
    fake_free(&fake);
}

static void fires_i4_when_another_record_is_committed_than_was_read(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    int64_t base = fake_append(&fake, 1, 1);
    fake_read(&fake, 1, base); /* before it is committed */
    FAKE_HOLDS(&fake);
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 2);
    FAKE_FAILS(&fake, I4, "which a consumer had read");
    fake_free(&fake);
}

static void fires_i4_when_a_replica_serves_what_is_not_committed(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_append(&fake, 1, 1);
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 2);
    fake_append(&fake, 2, 1);
    fake_fetch(&fake, 3, 2);
    fake_advance(&fake, 2, 1);
    FAKE_HOLDS(&fake);
    fake_read(&fake, 1, 0);
    FAKE_FAILS(&fake, I4, "read from n1 a record of epoch 0 at offset 0, where one of epoch 1 is committed");
    fake_free(&fake);
}

static void fake_tell_latest(struct fake *fake, int32_t node, int64_t offset)
{
    FAKE_TELL(fake, node, LATEST_TOLD, latest_told, .tp = FAKE_KEY, .client = FAKE_CLIENT,
              .leader_epoch = fake->replicas[node].epoch, .offset = offset);
}

static void fires_i4_when_a_new_leader_tells_an_old_latest_offset(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_commit(&fake, 2);
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 2);
    fake_tell_latest(&fake, 2, 2);
    FAKE_HOLDS(&fake);
    fake_tell_latest(&fake, 2, 1);
    FAKE_FAILS(&fake, I4,
               "n2, leader of epoch 1, told p1 that the latest offset is 1, although records up to 2");
    fake_free(&fake);
}

/* What the next leader commits a deposed one cannot know. */
static void holds_i4_when_a_deposed_leader_tells_its_latest_offset(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_commit(&fake, 2);
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 2);
    fake_append(&fake, 2, 1);
    fake_fetch(&fake, 3, 2);
    fake_advance(&fake, 2, 3);
    fake_tell_latest(&fake, 1, 2);
    fake_tell_latest(&fake, 2, 2); /* of its own epoch it may know more than it tells */
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void holds_i4_when_a_record_is_read_before_it_is_committed_and_stays(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    int64_t base = fake_append(&fake, 1, 1);
    fake_read(&fake, 1, base);
    fake_fetch(&fake, 2, 1);
    fake_fetch(&fake, 3, 1);
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 2);
    fake_advance(&fake, 2, 1);
    fake_read(&fake, 2, base);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_i1_when_leader_passes_a_member_of_its_isr),
        cmocka_unit_test(holds_i1_when_the_short_member_was_rebooted_and_did_not_register),
        cmocka_unit_test(holds_i1_when_a_member_unknown_to_the_controller_lives_anew),
        cmocka_unit_test(fires_i1_when_a_replica_enters_the_isr_too_early),
        cmocka_unit_test(fires_i1_when_a_member_cuts_what_was_committed),
        cmocka_unit_test(holds_i1_when_a_deposed_leader_advances),
        cmocka_unit_test(fires_i2_when_a_follower_stores_other_bytes),
        cmocka_unit_test(fires_i2_when_a_follower_keeps_a_record_of_an_old_epoch),
        cmocka_unit_test(holds_i2_when_the_old_record_is_cut_first),
        cmocka_unit_test(fires_i2_when_a_leader_writes_an_offset_of_its_epoch_anew),
        cmocka_unit_test(fires_i3_when_a_later_leader_lacks_an_acknowledged_record),
        cmocka_unit_test(fires_i3_when_the_log_vanished_whole),
        cmocka_unit_test(fires_i3_when_the_record_was_replaced),
        cmocka_unit_test(holds_i3_when_the_record_was_not_acknowledged_by_all),
        cmocka_unit_test(fires_i3_when_one_of_two_replicas_lost_it_by_power),
        cmocka_unit_test(holds_i3_when_as_many_replicas_as_min_isr_lost_it_by_power),
        cmocka_unit_test(fires_i3_when_power_took_what_was_synced_before_it_counted),
        cmocka_unit_test(fires_i3_when_a_replica_that_lost_it_was_in_the_isr_again),
        cmocka_unit_test(fires_i3_when_an_unclean_election_was_not_allowed),
        cmocka_unit_test(suspends_i3_and_i4_when_the_topic_allows_unclean_elections),
        cmocka_unit_test(suspends_i3_when_an_administrator_asked_for_an_unclean_election),
        cmocka_unit_test(holds_i3_when_the_last_known_leader_is_all_that_was_left),
        cmocka_unit_test(fires_i3_when_a_deposed_leader_acknowledges_what_the_next_one_lacks),
        cmocka_unit_test(fires_i1_when_a_member_lacks_what_the_leader_knew_when_it_began),
        cmocka_unit_test(holds_i3_when_the_next_leader_has_what_a_deposed_one_acknowledges),
        cmocka_unit_test(fires_i3_when_a_client_is_told_the_offset_of_another_record),
        cmocka_unit_test(finds_a_loss_at_the_end_when_no_observation_told_it),
        cmocka_unit_test(fires_i4_when_a_record_that_was_read_is_lost),
        cmocka_unit_test(fires_i4_when_another_record_is_committed_than_was_read),
        cmocka_unit_test(fires_i4_when_a_replica_serves_what_is_not_committed),
        cmocka_unit_test(fires_i4_when_a_new_leader_tells_an_old_latest_offset),
        cmocka_unit_test(holds_i4_when_a_deposed_leader_tells_its_latest_offset),
        cmocka_unit_test(holds_i4_when_a_record_is_read_before_it_is_committed_and_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
