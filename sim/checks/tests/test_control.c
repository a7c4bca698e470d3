/* I5 to I9, L1 and vacuity: each fires on a history that breaks it, and does not on one that nearly does. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/quorum/port.h"
#include "sim/checks/state.h"
#include "sim/checks/tests/fake.h"

/* ---- I5 ---- */

static void fires_i5_when_two_brokers_lead_one_epoch(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_lead(&fake, 2);
    FAKE_FAILS(&fake, I5, "orders-0: leader epoch 0 has two leaders, n1 and n2");
    fake_free(&fake);
}

static void fires_i5_when_the_controller_changes_the_leader_without_a_higher_epoch(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake.partition.leader = 2;
    fake_change(&fake, 2, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    FAKE_FAILS(&fake, I5, "leader epoch 0 has two leaders");
    fake_free(&fake);
}

static void fires_i5_when_a_broker_goes_back_to_an_older_epoch(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_change(&fake, 2, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_follow(&fake, 3);
    fake.partition.leader_epoch = 0;
    fake_follow(&fake, 3);
    FAKE_FAILS(&fake, I5, "n3 went back from leader epoch 1 to 0");
    fake_free(&fake);
}

static void holds_i5_when_a_broker_begins_anew_after_a_restart(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_change(&fake, 2, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_follow(&fake, 3);
    fake_end_process(&fake, 3, true, false);
    fake_start(&fake, 3);
    fake.partition.leader_epoch = 0;
    fake_follow(&fake, 3);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_i5_when_a_leader_resumes_its_epoch_after_a_restart(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_lead(&fake, 1);
    FAKE_HOLDS(&fake);
    fake_end_process(&fake, 1, false, true);
    fake_start(&fake, 1);
    fake_lead(&fake, 1);
    FAKE_FAILS(&fake, I5, "n1 leads epoch 0 again after a restart");
    fake_free(&fake);
}

/* ---- I6 ---- */

static void fires_i6_when_the_leader_is_not_in_the_isr(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_change(&fake, 1, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_TIME_LAG);
    FAKE_FAILS(&fake, I6, "leader n1 of epoch 0 is not in the ISR [2, 3]");
    fake_free(&fake);
}

static void fires_i6_when_isr_and_elr_overlap(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_change(&fake, 1, fake_set(1, 2, 0), fake_set(2, 0, 0), ISR_CAUSE_TIME_LAG);
    FAKE_FAILS(&fake, I6, "n2 is both in the ISR [1, 2] and in the ELR [2]");
    fake_free(&fake);
}

static void fires_i6_when_the_isr_has_a_stranger(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_change(&fake, 1, fake_set(1, 4, 0), fake_set(0, 0, 0), ISR_CAUSE_CAUGHT_UP);
    FAKE_FAILS(&fake, I6, "not among the replicas [1, 2, 3]");
    fake_free(&fake);
}

static void fires_i6_when_a_reassignment_adds_a_stranger(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake.partition.adding = fake_set(4, 0, 0);
    fake_change(&fake, 1, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_REASSIGNED);
    FAKE_FAILS(&fake, I6, "adding [4] and removing [] do not lead from the replicas [1, 2, 3] to others");
    fake_free(&fake);
}

static void fires_i6_when_a_reassignment_removes_all(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake.partition.removing = fake_set(1, 2, 3);
    fake_change(&fake, 1, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_REASSIGNED);
    FAKE_FAILS(&fake, I6, "adding [] and removing [1, 2, 3] do not lead");
    fake_free(&fake);
}

static void holds_i6_when_a_reassignment_replaces_one(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake.partition.adding = fake_set(3, 0, 0);
    fake.partition.removing = fake_set(1, 0, 0);
    fake_change(&fake, 1, fake_set(1, 2, 0), fake_set(0, 0, 0), ISR_CAUSE_REASSIGNED);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_i6_when_a_fenced_broker_stays_in_the_isr(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake.replicas[3].fenced = true;
    FAKE_TELL(&fake, 1, BROKER_STATE, broker_state, .broker = 3, .fenced = 1);
    FAKE_FAILS(&fake, I6, "n3 is in the ISR [1, 2, 3]");
    fake_free(&fake);
}

static void holds_i6_when_the_last_member_stays_without_elr(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake.view.elr = false;
    fake.checks =
        sim_checks_make(&fake.heap.heap, &fake.view, &(struct sim_checks_options){.armed = SIM_CHECKS_ALL});
    fake.replicas[3].fenced = true;
    fake_change(&fake, ISR_NODE_NONE, fake_set(3, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_BROKER_FENCED);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_i6_when_the_last_member_stays_although_there_is_an_elr(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake.replicas[3].fenced = true;
    fake_change(&fake, ISR_NODE_NONE, fake_set(3, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_BROKER_FENCED);
    FAKE_FAILS(&fake, I6, "although controller n1 has it fenced or shutting down");
    fake_free(&fake);
}

/* ---- I7 ---- */

static void fires_i7_when_a_sequence_is_skipped(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_commit(&fake, 3);
    fake.sequence++;
    fake_commit(&fake, 1);
    FAKE_FAILS(&fake, I7, "producer 7 has sequence 4 of its epoch 0 at offset 3, after sequence 2");
    FAKE_FAILS(&fake, I7, "something in between is missing");
    fake_free(&fake);
}

static void fires_i7_when_two_clients_are_given_one_producer_id(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    const int64_t ids[] = {500, 2000, 1000, 0, 1500};
    for (unsigned i = 0; i < 5; i++)
        FAKE_TELL(&fake, FAKE_CLIENT, PRODUCER_ID_TAKEN, producer_id_taken, .broker = 1, .producer = ids[i]);
    FAKE_HOLDS(&fake);
    FAKE_TELL(&fake, 3, PRODUCER_ID_TAKEN, producer_id_taken, .broker = 2, .producer = 1000);
    FAKE_FAILS(&fake, I7, "n3 was given producer id 1000, which p1 was given before");
    fake_free(&fake);
}

static void fires_i7_when_a_batch_is_there_twice(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_commit(&fake, 1);
    fake.sequence--;
    fake.values--;
    fake_commit(&fake, 1);
    FAKE_FAILS(&fake, I7, "it is there twice or out of order");
    fake_free(&fake);
}

static void holds_i7_when_another_producer_repeats_sequences(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_commit(&fake, 1);
    fake.producer = 8;
    fake.sequence = 5; /* the first one seen may be anything */
    fake_commit(&fake, 1);
    fake.producer = -1;
    fake.sequence = 0;
    fake_commit(&fake, 1);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

/* ---- I8 ---- */

static void fires_i8_when_the_high_watermark_is_beyond_the_log_end(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake.replicas[2].high_watermark = 3;
    fake_append(&fake, 1, 1);
    FAKE_HOLDS(&fake);
    fake_fetch(&fake, 2, 1);
    FAKE_FAILS(&fake, I8, "on n2 log start 0, high watermark 3 and LEO 1 are not in order");
    fake_free(&fake);
}

static void fires_i8_when_the_epoch_cache_is_not_increasing(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_append(&fake, 1, 5);
    fake.replicas[1].epochs[0] = (struct isr_epoch_entry){.epoch = 1, .start_offset = 0};
    fake.replicas[1].epochs[1] = (struct isr_epoch_entry){.epoch = 1, .start_offset = 3};
    fake.replicas[1].epochs_count = 2;
    FAKE_TELL(&fake, 1, EPOCH_ASSIGNED, epoch_assigned, .tp = FAKE_KEY, .leader_epoch = 1, .start_offset = 3);
    FAKE_FAILS(&fake, I8, "the epoch cache of n1 ( 1 from 0 1 from 3 ) is not strictly increasing");
    fake_free(&fake);
}

static void holds_i8_when_the_last_epoch_is_empty(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_append(&fake, 1, 5);
    fake.replicas[1].epochs[0] = (struct isr_epoch_entry){.epoch = 0, .start_offset = 0};
    fake.replicas[1].epochs[1] = (struct isr_epoch_entry){.epoch = 2, .start_offset = 5};
    fake.replicas[1].epochs_count = 2;
    FAKE_TELL(&fake, 1, EPOCH_ASSIGNED, epoch_assigned, .tp = FAKE_KEY, .leader_epoch = 2, .start_offset = 5);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

/* ---- I9 ---- */

static void fires_i9_when_two_controllers_differ_at_one_index(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    FAKE_TELL(&fake, 1, METADATA_APPLIED, metadata_applied, .index = 900, .digest = 0xabc,
              .as_controller = 1);
    FAKE_TELL(&fake, 2, METADATA_APPLIED, metadata_applied, .index = 900, .digest = 0xabc,
              .as_controller = 1);
    FAKE_TELL(&fake, 2, METADATA_APPLIED, metadata_applied, .index = 901, .digest = 0xdef,
              .as_controller = 1);
    FAKE_HOLDS(&fake);
    FAKE_TELL(&fake, 3, METADATA_SNAPSHOT_LOADED, metadata_snapshot_loaded, .index = 901, .digest = 0xabc);
    FAKE_FAILS(&fake, I9,
               "n2 and n3 have different states (def and abc) after applying the log up to index 901");
    fake_free(&fake);
}

/* ---- L1 ---- */

static void settled_late(struct fake *fake, int64_t late_ns)
{
    fake_init(fake);
    fake->view.settles = true;
    fake->view.late_ns = late_ns;
    fake->checks =
        sim_checks_make(&fake->heap.heap, &fake->view, &(struct sim_checks_options){.armed = SIM_CHECKS_ALL});
    fake_change(fake, 1, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_TOPIC_CREATED);
    fake_lead(fake, 1);
    fake_commit(fake, 1);
    fake->probes_sent = 1;
}

static void settled(struct fake *fake)
{
    settled_late(fake, ISR_TIME_NEVER);
}

static void holds_l1_when_everything_is_well(void **state)
{
    (void)state;
    struct fake fake;
    settled(&fake);
    sim_checks_end(fake.checks);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_l1_when_the_isr_lacks_a_replica(void **state)
{
    (void)state;
    struct fake fake;
    settled(&fake);
    fake_change(&fake, 1, fake_set(1, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_TIME_LAG);
    sim_checks_end(fake.checks);
    FAKE_FAILS(&fake, L1, "at the end of the run the ISR is [1, 3], the replicas are [1, 2, 3]");
    fake_free(&fake);
}

static void fires_l1_when_a_leader_waits_for_news_that_there_are_not(void **state)
{
    (void)state;
    static const uint8_t waits[] = {ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION, ISR_ERROR_FENCED_LEADER_EPOCH,
                                    ISR_ERROR_INVALID_UPDATE_VERSION, ISR_ERROR_INVALID_REQUEST,
                                    ISR_ERROR_NEW_LEADER_ELECTED};
    for (size_t i = 0; i < sizeof waits; i++) {
        struct fake fake;
        settled(&fake);
        fake.replicas[1].partition_epoch = fake.partition.partition_epoch;
        FAKE_TELL(&fake, 1, ISR_REJECTED, isr_rejected, .tp = isr_tp_key(FAKE_TP), .error = waits[i]);
        FAKE_FAILS(&fake, L1, "waits for metadata, but nothing newer was committed");
        fake_free(&fake);
    }
}

static void holds_l1_when_a_leader_asks_again_or_waits_for_news_that_there_are(void **state)
{
    (void)state;
    static const uint8_t asks[] = {ISR_ERROR_NOT_CONTROLLER, ISR_ERROR_INELIGIBLE_REPLICA,
                                   ISR_ERROR_STALE_BROKER_EPOCH};
    struct fake fake;
    settled(&fake);
    fake.replicas[1].partition_epoch = fake.partition.partition_epoch;
    for (size_t i = 0; i < sizeof asks; i++)
        FAKE_TELL(&fake, 1, ISR_REJECTED, isr_rejected, .tp = isr_tp_key(FAKE_TP), .error = asks[i]);
    FAKE_HOLDS(&fake);
    fake.replicas[1].partition_epoch--;
    FAKE_TELL(&fake, 1, ISR_REJECTED, isr_rejected, .tp = isr_tp_key(FAKE_TP),
              .error = ISR_ERROR_INVALID_UPDATE_VERSION);
    FAKE_HOLDS(&fake);
    fake.replicas[1].partition_epoch++;
    fake.checks->view.settles = false; /* L1 is off */
    FAKE_TELL(&fake, 1, ISR_REJECTED, isr_rejected, .tp = isr_tp_key(FAKE_TP),
              .error = ISR_ERROR_INVALID_UPDATE_VERSION);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_l1_when_the_high_watermark_stays_behind(void **state)
{
    (void)state;
    struct fake fake;
    settled(&fake);
    fake_append(&fake, 1, 1);
    sim_checks_end(fake.checks);
    FAKE_FAILS(&fake, L1, "the high watermark on leader n1 is 1, its LEO 2");
    fake_free(&fake);
}

static void holds_l1_when_what_stays_behind_came_late(void **state)
{
    (void)state;
    struct fake fake;
    settled_late(&fake, 4210 * ISR_MS + 1);
    fake.now_ns += 1;
    fake_append(&fake, 1, 1);
    sim_checks_end(fake.checks);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_l1_when_a_reassignment_does_not_end(void **state)
{
    (void)state;
    struct fake fake;
    settled(&fake);
    fake.partition.removing = fake_set(3, 0, 0);
    fake_change(&fake, 1, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_REASSIGNED);
    sim_checks_end(fake.checks);
    FAKE_FAILS(&fake, L1, "its reassignment is still under way: replicas [1, 2, 3], adding [], removing [3]");
    fake_free(&fake);
}

static void fires_l1_when_there_is_no_leader(void **state)
{
    (void)state;
    struct fake fake;
    settled(&fake);
    fake_change(&fake, ISR_NODE_NONE, fake_set(0, 0, 0), fake_set(2, 0, 0), ISR_CAUSE_NO_LEADER);
    sim_checks_end(fake.checks);
    FAKE_FAILS(&fake, L1, "there is no leader (ISR [], ELR [2])");
    fake_free(&fake);
}

static void fires_l1_when_a_reassignment_is_not_complete(void **state)
{
    (void)state;
    struct fake fake;
    settled(&fake);
    fake.partition.adding = fake_set(3, 0, 0);
    sim_checks_end(fake.checks);
    FAKE_FAILS(&fake, L1, "its reassignment is still under way: replicas [1, 2, 3], adding [3], removing []");
    fake_free(&fake);
}

/* A controller leads until some time before the end, and nobody after it. */
static void settle_with_a_controller_until(struct fake *fake, int64_t until_ns, int64_t late_ns)
{
    settled_late(fake, late_ns);
    fake->checks->view.raft = true;
    FAKE_TELL(fake, 1, QUORUM_ROLE, quorum_role, .term = 1, .role = ISR_CONSENSUS_LEADER);
    fake->now_ns = until_ns;
    FAKE_TELL(fake, 1, QUORUM_ROLE, quorum_role, .term = 2, .role = ISR_CONSENSUS_FOLLOWER);
    sim_checks_end(fake->checks);
}

static void fires_l1_when_no_controller_leads(void **state)
{
    (void)state;
    struct fake fake;
    settle_with_a_controller_until(&fake, 5000 * ISR_MS, 5001 * ISR_MS);
    FAKE_FAILS(&fake, L1, "nobody leads at the end of the run");
    fake_free(&fake);
}

/* A controller leads at the end, and is gone in that way. */
static void settle_led_by_who_is_gone(struct fake *fake, enum sim_gone_how how)
{
    settled_late(fake, 5000 * ISR_MS);
    fake->checks->view.raft = true;
    fake->checks->view.gone_how = how;
    sim_node_set_add(&fake->checks->view.gone, 3);
    fake_change(fake, 1, fake_set(1, 2, 0), fake_set(0, 0, 0), ISR_CAUSE_TIME_LAG);
    FAKE_TELL(fake, 3, QUORUM_ROLE, quorum_role, .term = 1, .role = ISR_CONSENSUS_LEADER);
    sim_checks_end(fake->checks);
}

static void fires_l1_when_only_a_controller_leads_that_hears_nobody(void **state)
{
    (void)state;
    struct fake fake;
    settle_led_by_who_is_gone(&fake, SIM_GONE_DEAF);
    FAKE_FAILS(&fake, L1, "nobody leads at the end of the run");
    fake_free(&fake);
    settle_led_by_who_is_gone(&fake, SIM_GONE_STALLED); /* the others hold what it leads */
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void holds_l1_when_a_controller_led_until_late(void **state)
{
    (void)state;
    struct fake fake;
    settle_with_a_controller_until(&fake, 5001 * ISR_MS, 5001 * ISR_MS);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_l1_when_an_isr_change_hangs(void **state)
{
    (void)state;
    struct fake fake;
    settled(&fake);
    fake.replicas[1].isr_pending = true;
    sim_checks_end(fake.checks);
    FAKE_FAILS(&fake, L1, "an AlterPartition of leader n1 is still in flight");
    fake_free(&fake);
}

static void fires_l1_when_a_probe_is_not_answered(void **state)
{
    (void)state;
    struct fake fake;
    settled(&fake);
    fake.probes_unanswered = 1;
    sim_checks_end(fake.checks);
    FAKE_FAILS(&fake, L1, "1 of 1 probe writes");
    fake_free(&fake);
}

/* ---- vacuity, and what is not armed ---- */

static void is_vacuous_when_nothing_was_committed(void **state)
{
    (void)state;
    struct fake fake;
    struct sim_checks_report report;
    fake_init(&fake);
    fake_append(&fake, 1, 1);
    sim_checks_end(fake.checks);
    sim_checks_report(fake.checks, &report);
    assert_non_null(report.vacuous);
    assert_non_null(strstr(report.vacuous, "no record was committed"));
    fake_free(&fake);
}

static void is_vacuous_when_a_step_was_never_reached(void **state)
{
    (void)state;
    struct fake fake;
    struct sim_checks_report report;
    fake_init(&fake);
    fake_commit(&fake, 1);
    fake.step_unreached = 2;
    sim_checks_end(fake.checks);
    sim_checks_report(fake.checks, &report);
    assert_string_equal(report.vacuous, "step 3 never ran: what it waits for did not happen");
    fake_free(&fake);
}

static void is_vacuous_when_a_due_check_never_ran(void **state)
{
    (void)state;
    struct fake fake;
    struct sim_checks_report report;
    fake_init(&fake);
    fake_commit(&fake, 1);
    sim_checks_end(fake.checks); /* no metadata was ever applied */
    sim_checks_report(fake.checks, &report);
    assert_string_equal(report.vacuous, "I9 was never evaluated although leaders were elected");
    fake_free(&fake);
}

static void is_not_vacuous_when_that_check_is_not_armed(void **state)
{
    (void)state;
    struct fake fake;
    struct sim_checks_report report;
    fake_init_as(&fake, FAKE_WITHOUT(I9), false);
    fake_commit(&fake, 1);
    sim_checks_end(fake.checks);
    sim_checks_report(fake.checks, &report);
    assert_null(report.vacuous);
    assert_int_equal(report.records_committed, 1);
    assert_int_equal(report.records_acked, 1);
    assert_true(report.evaluated[SIM_INVARIANT_I3] > 0);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void tells_nothing_when_the_check_is_not_armed(void **state)
{
    (void)state;
    struct fake fake;
    fake_init_as(&fake, FAKE_WITHOUT(I5), false);
    fake_lead(&fake, 2);
    FAKE_HOLDS(&fake);
    assert_null(sim_checks_violation(fake.checks, SIM_INVARIANT_I5));
    fake_free(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_i5_when_two_brokers_lead_one_epoch),
        cmocka_unit_test(fires_i5_when_the_controller_changes_the_leader_without_a_higher_epoch),
        cmocka_unit_test(fires_i5_when_a_broker_goes_back_to_an_older_epoch),
        cmocka_unit_test(holds_i5_when_a_broker_begins_anew_after_a_restart),
        cmocka_unit_test(fires_i5_when_a_leader_resumes_its_epoch_after_a_restart),
        cmocka_unit_test(fires_i6_when_the_leader_is_not_in_the_isr),
        cmocka_unit_test(fires_i6_when_isr_and_elr_overlap),
        cmocka_unit_test(fires_i6_when_the_isr_has_a_stranger),
        cmocka_unit_test(fires_i6_when_a_reassignment_adds_a_stranger),
        cmocka_unit_test(fires_i6_when_a_reassignment_removes_all),
        cmocka_unit_test(holds_i6_when_a_reassignment_replaces_one),
        cmocka_unit_test(fires_i6_when_a_fenced_broker_stays_in_the_isr),
        cmocka_unit_test(holds_i6_when_the_last_member_stays_without_elr),
        cmocka_unit_test(fires_i6_when_the_last_member_stays_although_there_is_an_elr),
        cmocka_unit_test(fires_i7_when_a_sequence_is_skipped),
        cmocka_unit_test(fires_i7_when_two_clients_are_given_one_producer_id),
        cmocka_unit_test(fires_i7_when_a_batch_is_there_twice),
        cmocka_unit_test(holds_i7_when_another_producer_repeats_sequences),
        cmocka_unit_test(fires_i8_when_the_high_watermark_is_beyond_the_log_end),
        cmocka_unit_test(fires_i8_when_the_epoch_cache_is_not_increasing),
        cmocka_unit_test(holds_i8_when_the_last_epoch_is_empty),
        cmocka_unit_test(fires_i9_when_two_controllers_differ_at_one_index),
        cmocka_unit_test(holds_l1_when_everything_is_well),
        cmocka_unit_test(fires_l1_when_the_isr_lacks_a_replica),
        cmocka_unit_test(holds_l1_when_a_leader_asks_again_or_waits_for_news_that_there_are),
        cmocka_unit_test(fires_l1_when_a_leader_waits_for_news_that_there_are_not),
        cmocka_unit_test(fires_l1_when_the_high_watermark_stays_behind),
        cmocka_unit_test(holds_l1_when_what_stays_behind_came_late),
        cmocka_unit_test(fires_l1_when_a_reassignment_does_not_end),
        cmocka_unit_test(fires_l1_when_there_is_no_leader),
        cmocka_unit_test(fires_l1_when_a_reassignment_is_not_complete),
        cmocka_unit_test(fires_l1_when_no_controller_leads),
        cmocka_unit_test(fires_l1_when_only_a_controller_leads_that_hears_nobody),
        cmocka_unit_test(holds_l1_when_a_controller_led_until_late),
        cmocka_unit_test(fires_l1_when_an_isr_change_hangs),
        cmocka_unit_test(fires_l1_when_a_probe_is_not_answered),
        cmocka_unit_test(is_vacuous_when_nothing_was_committed),
        cmocka_unit_test(is_vacuous_when_a_step_was_never_reached),
        cmocka_unit_test(is_vacuous_when_a_due_check_never_ran),
        cmocka_unit_test(is_not_vacuous_when_that_check_is_not_armed),
        cmocka_unit_test(tells_nothing_when_the_check_is_not_armed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
