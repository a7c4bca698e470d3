/* Where a check begins and ends: each of these histories lies one offset, one epoch or one life beside one
 * that is judged the other way. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sim/checks/state.h"
#include "sim/checks/tests/fake.h"

/* A node begins to lead an epoch that need not be the latest one. */
static void lead_in(struct fake *fake, int32_t node, int32_t epoch)
{
    struct fake_replica *replica = &fake->replicas[node];
    replica->leads = true;
    replica->epoch = epoch;
    FAKE_TELL(fake, node, BECAME_LEADER, became_leader, .tp = FAKE_KEY, .leader_epoch = epoch,
              .log_end = fake_end(replica), .high_watermark = replica->high_watermark);
}

static void decide(struct fake *fake, int32_t node)
{
    fake_change(fake, node, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
}

static void moved(struct fake *fake, int32_t node, int64_t to, enum isr_cause cause)
{
    struct fake_replica *replica = &fake->replicas[node];
    int64_t from = replica->log_start;
    replica->log_start = to;
    FAKE_TELL(fake, node, LOG_START_MOVED, log_start_moved, .tp = FAKE_KEY, .from = from, .to = to,
              .high_watermark = replica->high_watermark, .cause = cause);
}

/* All have two records; n1 acknowledges the first ones while n2 is decided on in epoch 1. */
static void acknowledge_when_deposed(struct fake *fake, uint32_t armed, int64_t records)
{
    fake_init_as(fake, armed, false);
    for (int64_t i = 0; i < 2; i++)
        fake_append(fake, 1, 1);
    fake_fetch(fake, 2, 1);
    fake_fetch(fake, 3, 1);
    decide(fake, 2);
    fake_advance(fake, 1, records);
    for (int64_t i = 0; i < records; i++)
        fake_ack(fake, 1, i);
}

/* ---- strays ---- */

static void holds_i3_when_a_stray_ends_where_the_new_log_starts(void **state)
{
    (void)state;
    struct fake fake;
    acknowledge_when_deposed(&fake, FAKE_WITHOUT(I8), 1);
    fake.replicas[2].log_start = 1;
    fake_lead(&fake, 2);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_i3_when_a_stray_has_other_bytes_in_the_new_log(void **state)
{
    (void)state;
    struct fake fake;
    acknowledge_when_deposed(&fake, SIM_CHECKS_ALL, 1);
    fake.replicas[2].batches[0].crc++;
    fake_lead(&fake, 2);
    FAKE_FAILS(&fake, I3, "record at offset 0 (epoch 0), acknowledged with acks=all");
    fake_free(&fake);
}

static void holds_i3_when_the_record_before_a_stray_is_committed(void **state)
{
    (void)state;
    struct fake fake;
    acknowledge_when_deposed(&fake, SIM_CHECKS_ALL, 2);
    fake_lead(&fake, 2);
    fake_advance(&fake, 2, 1);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

/* n3 leads epoch 2, in which it was passed over before it began; n2 led epoch 1. */
static void holds_i3_when_a_stray_is_younger_than_the_judged_leader(void **state)
{
    (void)state;
    struct fake fake;
    acknowledge_when_deposed(&fake, SIM_CHECKS_ALL, 1);
    fake_lead(&fake, 2);
    decide(&fake, 3);
    decide(&fake, 1);
    lead_in(&fake, 3, 2);
    int64_t base = fake_append(&fake, 3, 1);
    fake_advance(&fake, 3, base + 1);
    fake_ack(&fake, 3, base);
    fake_advance(&fake, 1, 2);
    fake_ack(&fake, 1, 1); /* n2 is held to what is older than its epoch once more */
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void holds_i3_when_a_leader_that_was_passed_over_begins(void **state)
{
    (void)state;
    for (int passed_over = 1; passed_over >= 0; passed_over--) {
        struct fake fake;
        fake_init(&fake);
        fake_append(&fake, 1, 1);
        fake_fetch(&fake, 2, 1);
        fake_fetch(&fake, 3, 1);
        fake_advance(&fake, 1, 1);
        fake_ack(&fake, 1, 0);
        decide(&fake, 2);
        if (passed_over)
            decide(&fake, 3);
        fake_cut(&fake.replicas[2], 0);
        lead_in(&fake, 2, 1);
        if (passed_over)
            FAKE_HOLDS(&fake);
        else
            FAKE_FAILS(&fake, I3, "is not in the log of n2");
        fake_free(&fake);
    }
}

/* n3 is elected uncleanly in epoch 2 and passed over before it begins: that election excuses what is older.
 */
static void fires_i3_when_a_record_is_of_the_unclean_epoch_itself(void **state)
{
    (void)state;
    struct fake fake;
    fake_init_as(&fake, FAKE_WITHOUT(I1), true);
    fake_change(&fake, ISR_NODE_NONE, fake_set(0, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_NO_LEADER);
    fake_change(&fake, 3, fake_set(3, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_UNCLEAN);
    decide(&fake, 2);
    lead_in(&fake, 3, 2);
    fake_append(&fake, 3, 1);
    fake_advance(&fake, 3, 1);
    fake_ack(&fake, 3, 0);
    FAKE_HOLDS(&fake);
    fake_lead(&fake, 2);
    FAKE_FAILS(&fake, I3, "record at offset 0 (epoch 2), acknowledged with acks=all");
    fake_free(&fake);
}

/* ---- who lost it ---- */

static void lose_power(struct fake *fake, int32_t node, int64_t log_end)
{
    fake_end_process(fake, node, false, true);
    fake_cut(&fake->replicas[node], log_end);
    fake_start(fake, node);
}

static void fires_i3_when_one_replica_lost_it_twice(void **state)
{
    (void)state;
    struct fake fake;
    fake_init_as(&fake, FAKE_WITHOUT(I1), false);
    fake_commit(&fake, 1);
    lose_power(&fake, 2, 0);
    fake_fetch(&fake, 2, 1);
    lose_power(&fake, 2, 0);
    decide(&fake, 2);
    fake_lead(&fake, 2);
    FAKE_FAILS(&fake, I3, "1 of 3 replicas lost it by losing power");
    fake_free(&fake);
}

/* n2 lost the second record, and came back into the ISR with the first one only. */
static void holds_i3_when_a_member_came_back_with_what_lies_below(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_commit(&fake, 1);
    fake_append(&fake, 1, 1);
    fake_fetch(&fake, 2, 1);
    fake_fetch(&fake, 3, 1);
    lose_power(&fake, 2, 1);
    fake_change(&fake, 1, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_CAUGHT_UP);
    fake_change(&fake, 1, fake_set(1, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_TIME_LAG);
    fake_advance(&fake, 1, 2);
    fake_ack(&fake, 1, 1);
    fake_end_process(&fake, 3, false, true);
    fake_cut(&fake.replicas[3], 1);
    fake_start(&fake, 3);
    fake.replicas[3].running = false;
    fake_change(&fake, 3, fake_set(3, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 3);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

/* ---- what was compared ---- */

static void fires_i2_when_a_batch_has_fewer_records(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_append(&fake, 1, 10);
    fake_fetch(&fake, 2, 1);
    fake_fetch(&fake, 3, 1);
    fake_advance(&fake, 1, 10);
    fake.replicas[2].batches[0].record_count = 9;
    fake_advance(&fake, 2, 9);
    FAKE_FAILS(&fake, I2, "the log of n2 parts from the committed one at offset 0");
    fake_free(&fake);
}

static void fires_i2_when_a_batch_that_is_fetched_has_fewer_records(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_append(&fake, 1, 10);
    struct sim_batch_view batch = fake.replicas[1].batches[0];
    batch.record_count = 9;
    fake_tell_appended(&fake, 2, &batch, false);
    FAKE_FAILS(&fake, I2, "are not the same on n2 as on n1");
    fake_free(&fake);
}

enum forgets { FORGETS_BY_CUT, FORGETS_BY_REMOVAL, FORGETS_BY_CRASH, FORGETS };

/* What agreed once is compared anew when it was gone in between. */
static void fires_i2_when_other_records_come_where_some_agreed(void **state)
{
    (void)state;
    for (int how = 0; how < FORGETS; how++) {
        struct fake fake;
        fake_init_as(&fake, FAKE_WITHOUT(I1), false);
        fake_commit(&fake, 10);
        struct fake_replica *replica = &fake.replicas[2];
        struct sim_batch_view batch = replica->batches[0];
        batch.crc++;
        switch ((enum forgets)how) {
        case FORGETS_BY_CUT:
            fake_truncate(&fake, 2, 0);
            break;
        case FORGETS_BY_REMOVAL:
            fake_cut(replica, 0);
            FAKE_TELL(&fake, 2, LOG_REMOVED, log_removed, .tp = FAKE_KEY, .log_end = 10);
            break;
        case FORGETS_BY_CRASH:
            fake_end_process(&fake, 2, false, true);
            fake_cut(replica, 0);
            fake_start(&fake, 2);
            break;
        case FORGETS:
            break;
        }
        replica->batches[replica->count++] = batch;
        fake_advance(&fake, 2, 10);
        FAKE_FAILS(&fake, I2, "the log of n2 parts from the committed one at offset 0");
        fake_free(&fake);
    }
}

/* ---- where logs start ---- */

/* n3 is decided on in epoch 1 and has not begun. n1 and n2 do not know it yet, and delete what an
 * administrator wants gone. */
static void delete_when_deposed(struct fake *fake)
{
    fake_init_as(fake, FAKE_WITHOUT(I8), false);
    for (int i = 0; i < 2; i++)
        fake_append(fake, 1, 10);
    fake_fetch(fake, 2, 1);
    fake_fetch(fake, 3, 1);
    decide(fake, 3);
    for (int32_t node = 1; node <= 3; node++)
        fake_advance(fake, node, 20);
    sim_checks_delete_asked(fake->checks, "orders", 0, 20, 5);
    moved(fake, 1, 20, ISR_CAUSE_DELETE_RECORDS);
    moved(fake, 2, 20, ISR_CAUSE_LEADER_TOLD);
    FAKE_HOLDS(fake);
}

static void fires_i11_when_nobody_but_a_deposed_leader_had_a_log_start_there(void **state)
{
    (void)state;
    struct fake fake;
    delete_when_deposed(&fake);
    fake_end_process(&fake, 2, true, false);
    fake_start(&fake, 2); /* its own start was there before */
    FAKE_HOLDS(&fake);
    fake_end_process(&fake, 3, true, false);
    fake.replicas[3].log_start = 15;
    fake_start(&fake, 3);
    FAKE_FAILS(&fake, I11, "the log of n3 starts at 15, although nothing was ever deleted beyond 0");
    fake_free(&fake);
}

static void holds_i11_when_a_leader_deletes_what_was_committed_before_it_began(void **state)
{
    (void)state;
    struct fake fake;
    delete_when_deposed(&fake);
    fake_lead(&fake, 3);
    moved(&fake, 3, 20, ISR_CAUSE_DELETE_RECORDS);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_i11_when_a_start_is_one_beyond_the_own_high_watermark(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_append(&fake, 1, 10);
    fake_append(&fake, 1, 10);
    fake_fetch(&fake, 2, 1);
    fake_fetch(&fake, 3, 1);
    fake_advance(&fake, 1, 20);
    fake_advance(&fake, 2, 10);
    sim_checks_delete_asked(fake.checks, "orders", 0, 20, 5);
    moved(&fake, 2, 10, ISR_CAUSE_DELETE_RECORDS);
    FAKE_HOLDS(&fake);
    moved(&fake, 2, 11, ISR_CAUSE_DELETE_RECORDS);
    FAKE_FAILS(&fake, I11, "beyond its own high watermark");
    fake_free(&fake);
}

/* ---- who led, and in which life ---- */

static void fires_i5_when_a_leader_is_taken_away_without_an_epoch(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    FAKE_TELL(&fake, 1, PARTITION_APPLIED, partition_applied, .tp = FAKE_KEY, .leader = ISR_NODE_NONE,
              .leader_epoch = 0, .partition_epoch = fake.partition.partition_epoch + 1);
    FAKE_FAILS(&fake, I5, "from n1 (epoch 0) to none (epoch 0) without a higher epoch");
    fake_free(&fake);
}

static void holds_i1_when_a_counted_follower_that_lost_it_takes_its_role(void **state)
{
    (void)state;
    struct fake fake;
    struct isr_topic_settings settings = isr_topic_settings_of_min_isr(1);
    settings.commit = ISR_COMMIT_QUORUM;
    fake_init_with(&fake, SIM_CHECKS_ALL, &settings);
    fake_append(&fake, 1, 1);
    fake_fetch(&fake, 3, 1);
    fake_end_process(&fake, 3, false, true);
    fake_cut(&fake.replicas[3], 0);
    fake_start(&fake, 3);
    fake.replicas[3].unheard = true;
    fake_follow(&fake, 3); /* what it had before its restart is known from that, and only from that */
    fake_advance(&fake, 1, 1);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

/* ---- producers, bounds, members ---- */

static void fires_i7_when_a_record_is_there_again_with_the_next_sequence(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_commit(&fake, 1);
    fake.values--;
    fake_commit(&fake, 1);
    FAKE_FAILS(&fake, I7, "behind its record 0 at offset 0");
    fake_free(&fake);
}

static void fires_i7_when_a_producer_goes_back_to_an_older_epoch(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_append(&fake, 1, 1);
    fake.replicas[1].batches[0].producer_epoch = 1;
    fake_fetch(&fake, 2, 1);
    fake_fetch(&fake, 3, 1);
    fake_advance(&fake, 1, 1);
    fake.sequence = 0; /* as a new epoch begins */
    fake_commit(&fake, 1);
    FAKE_FAILS(&fake, I7, "has sequence 0 of its epoch 0 at offset 1, after sequence 0 of its epoch 1");
    fake_free(&fake);
}

/* It heard from a leader that lacked what was acknowledged, and sent the rest again under a new epoch. */
static void anew_under_the_next_epoch(struct fake *fake, enum isr_commit_policy commit)
{
    struct isr_topic_settings settings = isr_topic_settings_of_min_isr(2);
    settings.commit = commit;
    fake_init_with(fake, SIM_CHECKS_ALL, &settings);
    (void)fake_commit(fake, 2);
    fake->values--;
    fake->sequence = 0;
    (void)fake_append(fake, 1, 1);
    fake->replicas[1].batches[1].producer_epoch = 1;
    fake_fetch(fake, 2, 1);
    fake_fetch(fake, 3, 1);
    fake_advance(fake, 1, 3);
}

static void fires_i7_when_a_record_is_there_again_under_a_new_epoch(void **state)
{
    (void)state;
    struct fake fake;
    anew_under_the_next_epoch(&fake, ISR_COMMIT_ALL_ISR);
    FAKE_FAILS(&fake, I7, "behind its record 1 at offset 1");
    fake_free(&fake);
}

static void holds_i7_then_when_an_election_alone_may_lose_records(void **state)
{
    (void)state;
    struct fake fake;
    anew_under_the_next_epoch(&fake, ISR_COMMIT_QUORUM);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_i7_when_a_producer_is_forgotten_too_early(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake.checks->view.producer_expiration_ns = 10 * ISR_SECOND;
    fake_commit(&fake, 1);
    fake.now_ns += 10 * ISR_SECOND;
    FAKE_TELL(&fake, 2, PRODUCER_EXPIRED, producer_expired, .tp = FAKE_KEY, .producer = 7, .last_offset = 0);
    FAKE_HOLDS(&fake);
    fake.now_ns--;
    FAKE_TELL(&fake, 3, PRODUCER_EXPIRED, producer_expired, .tp = FAKE_KEY, .producer = 7, .last_offset = 0);
    FAKE_FAILS(&fake, I7, "n3 forgot producer 7");
    fake_free(&fake);
}

/* Without eligible leader replicas the last member stays although it is fenced, and leads no more. */
static void fires_i6_when_the_last_member_is_fenced_and_leads(void **state)
{
    (void)state;
    for (int leads = 0; leads < 2; leads++) {
        struct fake fake;
        fake_init(&fake);
        fake.checks->view.elr = false;
        fake.replicas[1].fenced = true;
        fake_change(&fake, leads ? 1 : ISR_NODE_NONE, fake_set(1, 0, 0), fake_set(0, 0, 0),
                    ISR_CAUSE_BROKER_FENCED);
        if (leads)
            FAKE_FAILS(&fake, I6, "n1 is in the ISR [1]");
        else
            FAKE_HOLDS(&fake);
        fake_free(&fake);
    }
}

static void fires_i8_when_epochs_are_out_of_bounds(void **state)
{
    (void)state;
    static const struct {
        int64_t log_start, first, second;
        bool sound;
    } caches[] = {{0, 0, 5, true}, {0, 5, 5, false}, {4, 3, 5, false}, {4, 4, 10, true}, {0, 0, 11, false}};
    for (size_t i = 0; i < sizeof caches / sizeof *caches; i++) {
        struct fake fake;
        fake_init_as(&fake, SIM_CHECKS_ALL, false);
        fake_commit(&fake, 10);
        struct fake_replica *replica = &fake.replicas[2];
        replica->log_start = caches[i].log_start;
        replica->epochs[0] = (struct isr_epoch_entry){.epoch = 0, .start_offset = caches[i].first};
        replica->epochs[1] = (struct isr_epoch_entry){.epoch = 1, .start_offset = caches[i].second};
        replica->epochs_count = 2;
        fake_advance(&fake, 2, 10);
        if (caches[i].sound)
            FAKE_HOLDS(&fake);
        else
            FAKE_FAILS(&fake, I8, "is not strictly increasing within its log");
        fake_free(&fake);
    }
}

static void fires_i9_when_an_index_is_none(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    FAKE_TELL(&fake, 1, METADATA_APPLIED, metadata_applied, .index = CHECK_INDEX_MAX, .digest = 1);
    FAKE_HOLDS(&fake);
    FAKE_TELL(&fake, 1, METADATA_APPLIED, metadata_applied, .index = CHECK_INDEX_MAX + 1, .digest = 1);
    FAKE_FAILS(&fake, I9, "n1 says that it applied the log up to index");
    fake_free(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_i3_when_a_stray_ends_where_the_new_log_starts),
        cmocka_unit_test(fires_i3_when_a_stray_has_other_bytes_in_the_new_log),
        cmocka_unit_test(holds_i3_when_the_record_before_a_stray_is_committed),
        cmocka_unit_test(holds_i3_when_a_stray_is_younger_than_the_judged_leader),
        cmocka_unit_test(holds_i3_when_a_leader_that_was_passed_over_begins),
        cmocka_unit_test(fires_i3_when_a_record_is_of_the_unclean_epoch_itself),
        cmocka_unit_test(fires_i3_when_one_replica_lost_it_twice),
        cmocka_unit_test(holds_i3_when_a_member_came_back_with_what_lies_below),
        cmocka_unit_test(fires_i2_when_a_batch_has_fewer_records),
        cmocka_unit_test(fires_i2_when_a_batch_that_is_fetched_has_fewer_records),
        cmocka_unit_test(fires_i2_when_other_records_come_where_some_agreed),
        cmocka_unit_test(fires_i11_when_nobody_but_a_deposed_leader_had_a_log_start_there),
        cmocka_unit_test(holds_i11_when_a_leader_deletes_what_was_committed_before_it_began),
        cmocka_unit_test(fires_i11_when_a_start_is_one_beyond_the_own_high_watermark),
        cmocka_unit_test(fires_i7_when_a_record_is_there_again_with_the_next_sequence),
        cmocka_unit_test(fires_i7_when_a_producer_goes_back_to_an_older_epoch),
        cmocka_unit_test(fires_i7_when_a_record_is_there_again_under_a_new_epoch),
        cmocka_unit_test(holds_i7_then_when_an_election_alone_may_lose_records),
        cmocka_unit_test(fires_i7_when_a_producer_is_forgotten_too_early),
        cmocka_unit_test(fires_i6_when_the_last_member_is_fenced_and_leads),
        cmocka_unit_test(fires_i8_when_epochs_are_out_of_bounds),
        cmocka_unit_test(fires_i9_when_an_index_is_none),
        cmocka_unit_test(fires_i5_when_a_leader_is_taken_away_without_an_epoch),
        cmocka_unit_test(holds_i1_when_a_counted_follower_that_lost_it_takes_its_role),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
