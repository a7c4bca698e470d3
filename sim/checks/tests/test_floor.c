/* After an allowed loss: what was committed below it, and what is committed since, is judged as before; who
 * is still in the history that was lost is not. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sim/checks/state.h"
#include "sim/checks/tests/fake.h"

static void elect_uncleanly(struct fake *fake, int32_t node)
{
    fake_change(fake, ISR_NODE_NONE, fake_set(0, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_NO_LEADER);
    fake_change(fake, node, fake_set(node, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_UNCLEAN);
    fake_lead(fake, node);
}

/* All three have what lies below offset 20; ten records above only n1, who leads epoch 0, and n2. Then n3 is
 * elected in epoch 2 without them. n2 does not know how far it is committed. */
static void lose_ten_of_thirty(struct fake *fake, uint32_t armed)
{
    fake_init_as(fake, armed, true);
    fake->checks->view.pool_min_gap = 5;
    fake->checks->view.pool_lease_ns = 10 * ISR_SECOND;
    for (int i = 0; i < 2; i++) {
        int64_t base = fake_append(fake, 1, 10);
        fake_fetch(fake, 2, 1);
        fake_fetch(fake, 3, 1);
        fake_advance(fake, 1, base + 10);
    }
    fake_advance(fake, 3, 20);
    fake_change(fake, 1, fake_set(1, 2, 0), fake_set(0, 0, 0), ISR_CAUSE_TIME_LAG);
    fake_append(fake, 1, 10);
    fake_fetch(fake, 2, 1);
    fake_advance(fake, 1, 30);
    fake_ack(fake, 1, 20);
    FAKE_TELL(fake, FAKE_CLIENT, POOL_REFRESHED, pool_refreshed, .tp = FAKE_KEY, .leader = 1, .members = 2,
              .high_watermark = 30, .list = 1);
    elect_uncleanly(fake, 3);
    struct sim_checks_report report;
    sim_checks_report(fake->checks, &report);
    assert_int_equal(report.losses_allowed, 10);
    FAKE_HOLDS(fake);
}

/* n3 writes anew where the ten were. */
static void write_anew(struct fake *fake)
{
    int64_t base = fake_append(fake, 3, 10);
    fake_advance(fake, 3, base + 10);
    fake_ack(fake, 3, base);
}

static void fires_i2_when_a_log_parts_below_what_was_lost(void **state)
{
    (void)state;
    struct fake fake;
    lose_ten_of_thirty(&fake, FAKE_WITHOUT(I1));
    write_anew(&fake);
    fake.replicas[2].batches[1].crc++;
    fake_advance(&fake, 2, 10);
    FAKE_HOLDS(&fake);
    fake_advance(&fake, 2, 20); /* still in epoch 0 */
    FAKE_FAILS(&fake, I2, "the log of n2 parts from the committed one at offset 10");
    fake_free(&fake);
}

static void fires_i2_when_what_parts_is_of_the_new_history(void **state)
{
    (void)state;
    struct fake fake;
    lose_ten_of_thirty(&fake, FAKE_WITHOUT(I1));
    write_anew(&fake);
    fake.replicas[2].batches[2] = fake.replicas[3].batches[2];
    fake.replicas[2].batches[2].crc++;
    fake_advance(&fake, 2, 30); /* still in epoch 0, as it says */
    FAKE_FAILS(&fake, I2, "the log of n2 parts from the committed one at offset 20");
    fake_free(&fake);
}

static void holds_i2_when_a_log_goes_on_with_what_was_lost(void **state)
{
    (void)state;
    struct fake fake;
    lose_ten_of_thirty(&fake, FAKE_WITHOUT(I1));
    write_anew(&fake);
    fake_advance(&fake, 2, 30);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_i2_when_it_does_although_it_knows_of_the_election(void **state)
{
    (void)state;
    struct fake fake;
    lose_ten_of_thirty(&fake, FAKE_WITHOUT(I1));
    write_anew(&fake);
    fake_follow(&fake, 2);
    fake_advance(&fake, 2, 30);
    FAKE_FAILS(&fake, I2, "the log of n2 parts from the committed one at offset 20");
    fake_free(&fake);
}

/* Nothing is lost, but the old leader and the new one may both go on. */
static void holds_i2_above_an_election_that_lost_nothing(void **state)
{
    (void)state;
    struct fake fake;
    struct isr_topic_settings settings = isr_topic_settings_of_min_isr(1);
    settings.commit = ISR_COMMIT_ASYNC;
    fake_init_with(&fake, SIM_CHECKS_ALL, &settings);
    fake.producer = -1;
    fake_append(&fake, 1, 10);
    fake_fetch(&fake, 2, 1);
    fake_fetch(&fake, 3, 1);
    fake_advance(&fake, 1, 10);
    fake_change(&fake, 3, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_append(&fake, 1, 10);
    assert_int_equal(check_ledger_floor(check_partition_of(fake.checks, FAKE_KEY), 0), 0);
    fake_advance(&fake, 1, 20); /* nobody knows yet whether n3 has it */
    fake_lead(&fake, 3);
    fake_append(&fake, 3, 10);
    fake_advance(&fake, 3, 20);
    fake_fetch(&fake, 2, 1);
    fake_advance(&fake, 2, 20);
    FAKE_HOLDS(&fake);
    assert_int_equal(check_ledger_floor(check_partition_of(fake.checks, FAKE_KEY), 0), 10);
    assert_int_equal(check_ledger_floor(check_partition_of(fake.checks, FAKE_KEY), 1), INT64_MAX);
    fake_free(&fake);
}

static void parts_no_history_by_a_clean_election(void **state)
{
    (void)state;
    struct fake fake;
    lose_ten_of_thirty(&fake, FAKE_WITHOUT(I1));
    write_anew(&fake);
    const struct check_partition *partition = check_partition_of(fake.checks, FAKE_KEY);
    fake_truncate(&fake, 2, 20);
    fake_follow(&fake, 2);
    fake_fetch(&fake, 2, 3);
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 2);
    FAKE_HOLDS(&fake);
    assert_int_equal(check_ledger_floor(partition, 2), INT64_MAX);
    assert_int_equal(check_ledger_floor(partition, 1), 20);
    fake_free(&fake);
}

/* What the loss took is of older epochs. */
static void fires_i3_when_what_was_written_since_is_lost(void **state)
{
    (void)state;
    struct fake fake;
    lose_ten_of_thirty(&fake, FAKE_WITHOUT(I1));
    int64_t base = fake_append(&fake, 3, 10);
    fake_truncate(&fake, 2, 20);
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_advance(&fake, 3, base + 10);
    fake_ack(&fake, 3, base);
    fake_lead(&fake, 2);
    FAKE_FAILS(&fake, I3, "record at offset 20 (epoch 2), acknowledged with acks=all");
    fake_free(&fake);
}

/* n2 is elected uncleanly in epoch 2, but never begins; n3 is in epoch 4. What n2 lacked nobody knows. */
static void knows_no_floor_below_an_election_that_was_passed_over(void **state)
{
    (void)state;
    struct fake fake;
    fake_init_as(&fake, SIM_CHECKS_ALL, true);
    fake_commit(&fake, 10);
    const struct check_partition *partition = check_partition_of(fake.checks, FAKE_KEY);
    assert_int_equal(check_ledger_floor(partition, 0), INT64_MAX);
    fake_change(&fake, ISR_NODE_NONE, fake_set(0, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_NO_LEADER);
    fake_change(&fake, 2, fake_set(2, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_UNCLEAN);
    assert_int_equal(check_ledger_floor(partition, 0), 0);
    elect_uncleanly(&fake, 3);
    assert_int_equal(check_ledger_floor(partition, 0), 0);
    assert_int_equal(check_ledger_floor(partition, 2), 0);
    assert_int_equal(check_ledger_floor(partition, 4), INT64_MAX);
    fake_free(&fake);
}

static void answered(struct fake *fake, int64_t high_watermark)
{
    FAKE_TELL(fake, FAKE_CLIENT, POOL_READ, pool_read, .tp = FAKE_KEY, .replica = 3,
              .high_watermark = high_watermark, .by_list = true, .list = 1);
}

static void fires_i10_when_an_answer_is_behind_what_was_not_lost(void **state)
{
    (void)state;
    struct fake fake;
    lose_ten_of_thirty(&fake, FAKE_WITHOUT(I1));
    answered(&fake, 20); /* 30 was told; the ten are gone */
    answered(&fake, 15);
    FAKE_HOLDS(&fake);
    answered(&fake, 14);
    FAKE_FAILS(&fake, I10, "was answered by n3 up to offset 14, although 20 was committed");
    fake_free(&fake);
}

static void fires_i10_when_an_answer_is_behind_what_was_told_since(void **state)
{
    (void)state;
    struct fake fake;
    lose_ten_of_thirty(&fake, FAKE_WITHOUT(I1));
    write_anew(&fake);
    FAKE_TELL(&fake, FAKE_CLIENT, POOL_REFRESHED, pool_refreshed, .tp = FAKE_KEY, .leader = 3, .members = 2,
              .leader_epoch = 2, .high_watermark = 30, .list = 1);
    answered(&fake, 25);
    FAKE_HOLDS(&fake);
    answered(&fake, 20);
    FAKE_FAILS(&fake, I10, "although 30 was committed");
    fake_free(&fake);
}

static void moved(struct fake *fake, int32_t node, int64_t to, enum isr_cause cause)
{
    struct fake_replica *replica = &fake->replicas[node];
    int64_t from = replica->log_start;
    replica->log_start = to;
    FAKE_TELL(fake, node, LOG_START_MOVED, log_start_moved, .tp = FAKE_KEY, .from = from, .to = to,
              .high_watermark = replica->high_watermark, .cause = cause);
}

static void fires_i11_when_a_start_is_found_that_was_nowhere(void **state)
{
    (void)state;
    struct fake fake;
    lose_ten_of_thirty(&fake, FAKE_WITHOUT(I8));
    fake_end_process(&fake, 2, true, false);
    fake.replicas[2].log_start = 25; /* beyond what is committed now */
    fake_start(&fake, 2);
    FAKE_FAILS(&fake, I11, "the log of n2 starts at 25, although nothing was ever deleted beyond 0");
    fake_free(&fake);
}

static void fires_i11_when_a_deposed_leader_deletes_what_the_topic_keeps(void **state)
{
    (void)state;
    struct fake fake;
    lose_ten_of_thirty(&fake, FAKE_WITHOUT(I1));
    moved(&fake, 1, 30, ISR_CAUSE_RETENTION_SIZE);
    FAKE_FAILS(&fake, I11, "less is left than the topic keeps");
    fake_free(&fake);
}

/* By the rules it may: its records are no longer what is committed, and a follower goes along with it. */
static void holds_i11_when_a_deposed_leader_deletes_what_was_lost(void **state)
{
    (void)state;
    struct fake fake;
    lose_ten_of_thirty(&fake, FAKE_WITHOUT(I1));
    sim_checks_delete_asked(fake.checks, "orders", 0, 30, 5);
    moved(&fake, 1, 30, ISR_CAUSE_DELETE_RECORDS);
    fake_advance(&fake, 2, 30);
    moved(&fake, 2, 30, ISR_CAUSE_LEADER_TOLD);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

/* n1 deleted up to 30; no log starts at 20, up to where all share one history. */
static void fires_i11_when_a_log_starts_at_the_floor_and_none_did(void **state)
{
    (void)state;
    for (int found = 0; found < 2; found++) {
        struct fake fake;
        lose_ten_of_thirty(&fake, FAKE_WITHOUT(I8));
        fake_advance(&fake, 2, 20);
        sim_checks_delete_asked(fake.checks, "orders", 0, 30, 5);
        moved(&fake, 1, 30, ISR_CAUSE_DELETE_RECORDS);
        FAKE_HOLDS(&fake);
        if (found) {
            fake_end_process(&fake, 2, true, false);
            fake.replicas[2].log_start = 20;
            fake_start(&fake, 2);
            FAKE_FAILS(&fake, I11, "starts at 20, although nothing was ever deleted beyond 0");
        } else {
            moved(&fake, 2, 20, ISR_CAUSE_LEADER_TOLD);
            FAKE_FAILS(&fake, I11, "no other log starts there");
        }
        fake_free(&fake);
    }
}

/* What it still shares with the others goes by their times, what it wrote itself by its own. */
static void fires_i11_when_a_deposed_leader_deletes_what_is_too_young(void **state)
{
    (void)state;
    struct fake fake;
    lose_ten_of_thirty(&fake, FAKE_WITHOUT(I1));
    struct check_partition *partition = check_partition_of(fake.checks, FAKE_KEY);
    fake.partition.settings.retention_time = 5 * ISR_SECOND;
    partition->settings = fake.partition.settings;
    fake.now_ns += 10 * ISR_SECOND;
    write_anew(&fake);
    moved(&fake, 1, 30, ISR_CAUSE_RETENTION_TIME);
    FAKE_HOLDS(&fake);
    fake.now_ns -= 10 * ISR_SECOND;
    moved(&fake, 2, 20, ISR_CAUSE_RETENTION_TIME);
    FAKE_FAILS(&fake, I11, "the topic keeps records for longer");
    fake_free(&fake);
}

static void fires_i3_when_a_client_is_told_a_wrong_offset_after_a_loss(void **state)
{
    (void)state;
    struct fake fake;
    lose_ten_of_thirty(&fake, FAKE_WITHOUT(I1));
    write_anew(&fake);
    sim_checks_client_acked(fake.checks, FAKE_CLIENT, FAKE_TP, 20, 20); /* long on its way: n1 said so */
    sim_checks_client_acked(fake.checks, FAKE_CLIENT, FAKE_TP, 20, 30);
    FAKE_HOLDS(&fake);
    sim_checks_client_acked(fake.checks, FAKE_CLIENT, FAKE_TP, 0, 30);
    FAKE_FAILS(&fake, I3, "told that its record 30 is at offset 0, where record 0 (epoch 0) is committed");
    fake_free(&fake);
}

/* n2 leads epoch 1 for a while, in which n1's twenty records are known to be committed. */
static void fires_i4_when_a_deposed_leader_tells_too_little_after_a_loss(void **state)
{
    (void)state;
    struct fake fake;
    fake_init_as(&fake, SIM_CHECKS_ALL, true);
    fake_commit(&fake, 20);
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 2);
    elect_uncleanly(&fake, 3);
    for (int64_t told = 20; told >= 19; told--) {
        FAKE_HOLDS(&fake);
        FAKE_TELL(&fake, 2, LATEST_TOLD, latest_told, .tp = FAKE_KEY, .client = FAKE_CLIENT,
                  .leader_epoch = 1, .offset = told);
    }
    FAKE_FAILS(&fake, I4, "told p1 that the latest offset is 19, although records up to 20");
    fake_free(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_i2_when_a_log_parts_below_what_was_lost),
        cmocka_unit_test(fires_i2_when_what_parts_is_of_the_new_history),
        cmocka_unit_test(holds_i2_when_a_log_goes_on_with_what_was_lost),
        cmocka_unit_test(fires_i2_when_it_does_although_it_knows_of_the_election),
        cmocka_unit_test(holds_i2_above_an_election_that_lost_nothing),
        cmocka_unit_test(parts_no_history_by_a_clean_election),
        cmocka_unit_test(fires_i3_when_what_was_written_since_is_lost),
        cmocka_unit_test(knows_no_floor_below_an_election_that_was_passed_over),
        cmocka_unit_test(fires_i10_when_an_answer_is_behind_what_was_not_lost),
        cmocka_unit_test(fires_i10_when_an_answer_is_behind_what_was_told_since),
        cmocka_unit_test(fires_i11_when_a_start_is_found_that_was_nowhere),
        cmocka_unit_test(fires_i11_when_a_deposed_leader_deletes_what_the_topic_keeps),
        cmocka_unit_test(holds_i11_when_a_deposed_leader_deletes_what_was_lost),
        cmocka_unit_test(fires_i11_when_a_log_starts_at_the_floor_and_none_did),
        cmocka_unit_test(fires_i11_when_a_deposed_leader_deletes_what_is_too_young),
        cmocka_unit_test(fires_i3_when_a_client_is_told_a_wrong_offset_after_a_loss),
        cmocka_unit_test(fires_i4_when_a_deposed_leader_tells_too_little_after_a_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
