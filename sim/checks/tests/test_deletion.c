/* I11: where the start of a log may move. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sim/checks/state.h"
#include "sim/checks/tests/fake.h"

/* Ten batches of ten records, committed; the topic keeps what the settings say. */
static void ten_batches(struct fake *fake, int64_t retention_bytes, int64_t retention_time)
{
    fake_init(fake);
    fake->partition.settings.retention_bytes = retention_bytes;
    fake->partition.settings.retention_time = retention_time;
    struct check_partition *partition = check_partition_of(fake->checks, FAKE_KEY);
    partition->settings = fake->partition.settings;
    for (int i = 0; i < 10; i++) {
        fake->now_ns += ISR_SECOND;
        (void)fake_commit(fake, 10);
    }
}

static void move(struct fake *fake, int32_t node, int64_t to, enum isr_cause cause)
{
    struct fake_replica *replica = &fake->replicas[node];
    int64_t from = replica->log_start;
    replica->log_start = to;
    FAKE_TELL(fake, node, LOG_START_MOVED, log_start_moved, .tp = FAKE_KEY, .from = from, .to = to,
              .high_watermark = replica->high_watermark, .cause = cause);
}

static void holds_when_enough_is_left(void **state)
{
    (void)state;
    struct fake fake;
    ten_batches(&fake, 4000, 0);
    move(&fake, 1, 60, ISR_CAUSE_RETENTION_SIZE);
    move(&fake, 2, 60, ISR_CAUSE_LEADER_TOLD);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fails_when_less_is_left_than_the_topic_keeps(void **state)
{
    (void)state;
    struct fake fake;
    ten_batches(&fake, 4000, 0);
    move(&fake, 1, 70, ISR_CAUSE_RETENTION_SIZE);
    FAKE_FAILS(&fake, I11, "less is left");
    fake_free(&fake);
}

/* A compaction in the same step took some of what was left: the replica's own word counts. */
static void goes_by_what_is_told_when_the_topic_is_compacted_too(void **state)
{
    (void)state;
    for (int64_t left = 3999; left <= 4000; left++) {
        struct fake fake;
        ten_batches(&fake, 4000, 0);
        check_partition_of(fake.checks, FAKE_KEY)->settings.cleanup = ISR_CLEANUP_BOTH;
        fake.partition.settings.cleanup = ISR_CLEANUP_BOTH;
        fake.replicas[1].log_start = 70;
        FAKE_TELL(&fake, 1, LOG_START_MOVED, log_start_moved, .tp = FAKE_KEY, .from = 0, .to = 70,
                  .high_watermark = fake.replicas[1].high_watermark, .left = left,
                  .cause = ISR_CAUSE_RETENTION_SIZE);
        if (left == 4000)
            FAKE_HOLDS(&fake);
        else
            FAKE_FAILS(&fake, I11, "less is left");
        fake_free(&fake);
    }
}

static void fails_when_the_topic_keeps_all(void **state)
{
    (void)state;
    struct fake fake;
    ten_batches(&fake, 0, 0);
    move(&fake, 1, 10, ISR_CAUSE_RETENTION_SIZE);
    FAKE_FAILS(&fake, I11, "less is left");
    fake_free(&fake);
}

static void fails_when_records_are_too_young(void **state)
{
    (void)state;
    struct fake fake;
    ten_batches(&fake, 0, 5 * ISR_SECOND);
    move(&fake, 1, 40, ISR_CAUSE_RETENTION_TIME);
    FAKE_HOLDS(&fake);
    move(&fake, 1, 50, ISR_CAUSE_RETENTION_TIME); /* not older than that, but as old */
    FAKE_FAILS(&fake, I11, "for longer");
    fake_free(&fake);
}

/* n1 was deposed with records of its own, and knows it; others are committed in their place, which are young.
 */
static void holds_when_a_deposed_leader_deletes_old_records_of_its_own(void **state)
{
    (void)state;
    struct fake fake;
    ten_batches(&fake, 0, 5 * ISR_SECOND);
    fake.producer = -1;
    (void)fake_append(&fake, 1, 10);
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_advance(&fake, 1, 110);
    fake_lead(&fake, 2);
    fake.now_ns += 10 * ISR_SECOND;
    (void)fake_append(&fake, 2, 10);
    fake_fetch(&fake, 3, 2);
    fake_advance(&fake, 2, 110);
    fake_follow(&fake, 1);
    move(&fake, 1, 110, ISR_CAUSE_RETENTION_TIME);
    FAKE_HOLDS(&fake);
    move(&fake, 2, 110, ISR_CAUSE_RETENTION_TIME);
    FAKE_FAILS(&fake, I11, "for longer");
    fake_free(&fake);
}

static void fails_when_nobody_asked_for_the_deletion(void **state)
{
    (void)state;
    struct fake fake;
    ten_batches(&fake, 0, 0);
    sim_checks_delete_asked(fake.checks, "orders", 0, 30, 5);
    move(&fake, 1, 30, ISR_CAUSE_DELETE_RECORDS);
    FAKE_HOLDS(&fake);
    move(&fake, 1, 31, ISR_CAUSE_DELETE_RECORDS);
    FAKE_FAILS(&fake, I11, "no administrator");
    fake_free(&fake);
}

static void fails_when_a_follower_goes_beyond_every_other_log(void **state)
{
    (void)state;
    struct fake fake;
    ten_batches(&fake, 4000, 0);
    move(&fake, 1, 50, ISR_CAUSE_RETENTION_SIZE);
    move(&fake, 2, 51, ISR_CAUSE_LEADER_TOLD);
    FAKE_FAILS(&fake, I11, "no other log starts there");
    fake_free(&fake);
}

static void fails_when_uncommitted_records_are_deleted(void **state)
{
    (void)state;
    struct fake fake;
    ten_batches(&fake, 100, 0);
    (void)fake_append(&fake, 1, 10);
    move(&fake, 1, 105, ISR_CAUSE_RETENTION_SIZE);
    FAKE_FAILS(&fake, I11, "never committed");
    fake_free(&fake);
}

static void fails_when_a_follower_goes_beyond_its_own_high_watermark(void **state)
{
    (void)state;
    struct fake fake;
    ten_batches(&fake, 100, 0);
    (void)fake_append(&fake, 1, 10);
    fake_fetch(&fake, 2, 1);
    move(&fake, 2, 105, ISR_CAUSE_RETENTION_SIZE);
    FAKE_FAILS(&fake, I11, "its own high watermark");
    fake_free(&fake);
}

static void fails_when_a_restart_finds_another_start(void **state)
{
    (void)state;
    struct fake fake;
    ten_batches(&fake, 4000, 0);
    move(&fake, 1, 50, ISR_CAUSE_RETENTION_SIZE);
    fake_end_process(&fake, 2, false, false);
    fake.replicas[2].log_start = 50;
    fake_start(&fake, 2);
    FAKE_HOLDS(&fake);
    fake_end_process(&fake, 3, false, false);
    fake.replicas[3].log_start = 60;
    fake_start(&fake, 3);
    FAKE_FAILS(&fake, I11, "nothing was ever deleted");
    fake_free(&fake);
}

static void forget(struct fake *fake, int64_t last_offset)
{
    FAKE_TELL(fake, 1, PRODUCER_EXPIRED, producer_expired, .tp = FAKE_KEY, .producer = 7,
              .last_offset = last_offset, .idle = 0);
}

static void fails_when_a_producer_is_forgotten_too_early(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    (void)fake_commit(&fake, 10);
    fake.now_ns += 10 * ISR_SECOND;
    forget(&fake, 9);
    FAKE_FAILS(&fake, I7, "forgot producer 7");
    fake_free(&fake);
}

/* n1 comes back with messages and timers overdue: in one step its high watermark moves and what it passes is
 * deleted. It was deposed before, without a successor, and leads again: nobody saw what was committed there.
 * Records 0 and 1 are known, 2 to 4 are not, and it leads from 5. */
static void delete_unseen(struct fake *fake)
{
    fake_init(fake);
    fake->partition.settings.retention_bytes = 1;
    check_partition_of(fake->checks, FAKE_KEY)->settings = fake->partition.settings;
    (void)fake_commit(fake, 1);
    (void)fake_commit(fake, 1);
    for (int i = 0; i < 4; i++)
        (void)fake_append(fake, 1, 1);
    fake_fetch(fake, 2, 1);
    fake_change(fake, ISR_NODE_NONE, fake_set(0, 0, 0), fake_set(1, 2, 0), ISR_CAUSE_NO_LEADER);
    fake->replicas[1].log_start = 5;
    fake_advance(fake, 1, 6);
    FAKE_TELL(fake, 1, LOG_START_MOVED, log_start_moved, .tp = FAKE_KEY, .from = 0, .to = 5,
              .high_watermark = 6, .cause = ISR_CAUSE_RETENTION_SIZE);
    fake_change(fake, 1, fake_set(1, 2, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_ELR);
    fake_lead(fake, 1);
    fake_follow(fake, 2);
    (void)fake_append(fake, 1, 1);
    fake_fetch(fake, 2, 1);
    fake_advance(fake, 1, 7);
}

static void holds_i3_when_a_client_is_told_of_a_record_that_nobody_saw_committed(void **state)
{
    (void)state;
    struct fake fake;
    delete_unseen(&fake);
    sim_checks_client_acked(fake.checks, FAKE_CLIENT, FAKE_TP, 3, 3);
    sim_checks_client_acked(fake.checks, FAKE_CLIENT, FAKE_TP, 5, 5);
    fake_advance(&fake, 2, 7);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fails_i3_when_a_client_is_told_another_offset_behind_what_nobody_saw(void **state)
{
    (void)state;
    struct fake fake;
    delete_unseen(&fake);
    sim_checks_client_acked(fake.checks, FAKE_CLIENT, FAKE_TP, 6, 5);
    FAKE_FAILS(&fake, I3, "told that its record 5 is at offset 6, where record 6 (epoch 2) is committed");
    fake_free(&fake);
}

/* Its log ends in what nobody saw: what is known behind it is lost. */
static void fails_i3_when_a_later_leader_ends_before_what_is_known_again(void **state)
{
    (void)state;
    struct fake fake;
    delete_unseen(&fake);
    fake_ack(&fake, 1, 6);
    fake_cut(&fake.replicas[2], 4);
    fake_change(&fake, 2, fake_set(2, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    FAKE_FAILS(&fake, I1, "n2 runs and is in the ISR");
    fake.failures = 0;
    fake_lead(&fake, 2);
    FAKE_FAILS(&fake, I3, "record at offset 6 (epoch 2), acknowledged with acks=all");
    assert_int_equal(check_partition_of(fake.checks, FAKE_KEY)->history.true_high_watermark, 4);
    fake_free(&fake);
}

/* Nothing is known behind the gap: the shortness is told all the same. */
static void fails_i1_when_a_member_ends_in_what_nobody_saw(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    (void)fake_commit(&fake, 1);
    (void)fake_append(&fake, 1, 1);
    fake_fetch(&fake, 2, 1);
    fake_fetch(&fake, 3, 1);
    fake.replicas[1].log_start = 2;
    fake_advance(&fake, 1, 2);
    FAKE_HOLDS(&fake);
    fake_cut(&fake.replicas[3], 1);
    fake_change(&fake, 1, fake_set(1, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_TIME_LAG);
    FAKE_FAILS(&fake, I1, "n3 runs and is in the ISR");
    fake_free(&fake);
}

/* The topic is deleted and made anew under another id. */
static struct check_partition *make_anew(struct fake *fake)
{
    FAKE_TELL(fake, 1, TOPIC_APPLIED, topic_applied, .first = FAKE_KEY, .removed = 1);
    struct check_partition *partition = check_partition_of(fake->checks, 2 * FAKE_KEY);
    partition->topic_name = (struct isr_name){.text = "orders"};
    partition->described = true;
    return partition;
}

static void holds_when_a_deletion_is_still_asked_for_of_the_topic_made_anew(void **state)
{
    (void)state;
    struct fake fake;
    ten_batches(&fake, 0, 0);
    sim_checks_delete_asked(fake.checks, "orders", 0, 30, 5);
    sim_checks_delete_asked(fake.checks, "orders", 1, 50, 6);
    sim_checks_delete_asked(fake.checks, "bills", 0, 60, 7);
    sim_checks_unclean_asked(fake.checks, "orders", 0, 8);
    const struct check_partition *anew = make_anew(&fake);
    assert_int_equal(check_wish_deleted(fake.checks, anew), 30);
    assert_true(check_wish_unclean(fake.checks, anew));
    sim_checks_answered(fake.checks, 5, false);
    sim_checks_answered(fake.checks, 8, false);
    assert_int_equal(check_wish_deleted(fake.checks, anew), 30); /* an attempt may be on its way */
    assert_true(check_wish_unclean(fake.checks, anew));
    fake_free(&fake);
}

static void forgets_wishes_of_a_topic_made_anew_when_they_were_answered_before(void **state)
{
    (void)state;
    struct fake fake;
    ten_batches(&fake, 0, 0);
    sim_checks_delete_asked(fake.checks, "orders", 0, -1, 5);
    sim_checks_unclean_asked(fake.checks, "orders", 0, 6);
    sim_checks_answered(fake.checks, 5, true);
    sim_checks_answered(fake.checks, 6, false);
    const struct check_partition *before = check_partition_of(fake.checks, FAKE_KEY);
    assert_int_equal(check_wish_deleted(fake.checks, before), INT64_MAX);
    assert_true(check_wish_unclean(fake.checks, before));
    const struct check_partition *anew = make_anew(&fake);
    assert_int_equal(check_wish_deleted(fake.checks, anew), 0);
    assert_false(check_wish_unclean(fake.checks, anew));
    fake_free(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_when_enough_is_left),
        cmocka_unit_test(fails_when_less_is_left_than_the_topic_keeps),
        cmocka_unit_test(goes_by_what_is_told_when_the_topic_is_compacted_too),
        cmocka_unit_test(fails_when_the_topic_keeps_all),
        cmocka_unit_test(fails_when_records_are_too_young),
        cmocka_unit_test(holds_when_a_deposed_leader_deletes_old_records_of_its_own),
        cmocka_unit_test(fails_when_nobody_asked_for_the_deletion),
        cmocka_unit_test(fails_when_a_follower_goes_beyond_every_other_log),
        cmocka_unit_test(fails_when_uncommitted_records_are_deleted),
        cmocka_unit_test(fails_when_a_follower_goes_beyond_its_own_high_watermark),
        cmocka_unit_test(fails_when_a_restart_finds_another_start),
        cmocka_unit_test(fails_when_a_producer_is_forgotten_too_early),
        cmocka_unit_test(holds_i3_when_a_client_is_told_of_a_record_that_nobody_saw_committed),
        cmocka_unit_test(fails_i3_when_a_client_is_told_another_offset_behind_what_nobody_saw),
        cmocka_unit_test(fails_i3_when_a_later_leader_ends_before_what_is_known_again),
        cmocka_unit_test(fails_i1_when_a_member_ends_in_what_nobody_saw),
        cmocka_unit_test(holds_when_a_deletion_is_still_asked_for_of_the_topic_made_anew),
        cmocka_unit_test(forgets_wishes_of_a_topic_made_anew_when_they_were_answered_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
