/* Each commit policy is held to its own promise: I1 fires where it commits too early, a loss within the
 * promise is one of I3, and a loss beyond it stands in the ledger. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sim/checks/state.h"
#include "sim/checks/tests/fake.h"

static void begin_with(struct fake *fake, enum isr_commit_policy commit, uint32_t armed)
{
    struct isr_topic_settings settings =
        isr_topic_settings_of_min_isr(commit == ISR_COMMIT_FULLY_SYNC ? 2 : 1);
    settings.commit = commit;
    fake_init_with(fake, armed, &settings);
}

static void begin(struct fake *fake, enum isr_commit_policy commit)
{
    begin_with(fake, commit, SIM_CHECKS_ALL);
}

/* n1 writes, so many followers get it, it is committed and acknowledged. */
static int64_t commit_with(struct fake *fake, int followers)
{
    int64_t base = fake_append(fake, 1, 1);
    if (followers > 0)
        fake_fetch(fake, 3, 1);
    if (followers > 1)
        fake_fetch(fake, 2, 1);
    fake_advance(fake, 1, base + 1);
    fake_ack(fake, 1, base);
    return base;
}

/* n1 is gone and n2 leads, chosen from the ISR. */
static void elect_n2(struct fake *fake)
{
    fake_end_process(fake, 1, false, false);
    fake_change(fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(fake, 2);
}

static void fires_i1_when_quorum_commits_without_a_majority(void **state)
{
    (void)state;
    struct fake fake;
    begin(&fake, ISR_COMMIT_QUORUM);
    commit_with(&fake, 1);
    FAKE_HOLDS(&fake);
    commit_with(&fake, 0);
    FAKE_FAILS(&fake, I1, "although only 1 of 3 replicas reach it: quorum needs 2");
    fake_free(&fake);
}

static void fires_i1_when_semi_sync_commits_without_its_follower(void **state)
{
    (void)state;
    struct fake fake;
    begin(&fake, ISR_COMMIT_SEMI_SYNC);
    commit_with(&fake, 1);
    FAKE_HOLDS(&fake);
    commit_with(&fake, 0);
    FAKE_FAILS(&fake, I1, "semi_sync needs 2");
    fake_free(&fake);
}

/* An administrator has min ISR changed; the leader has not heard of it yet. */
static void change_min_isr(struct fake *fake, int64_t min_isr)
{
    fake->partition.settings.min_isr = min_isr;
    fake_change(fake, 1, fake->partition.isr, fake->partition.elr, ISR_CAUSE_TOPIC_CHANGED);
}

static void leader_hears(struct fake *fake)
{
    fake->replicas[1].partition_epoch = fake->partition.partition_epoch;
}

static void fires_i1_when_all_isr_commits_with_fewer_than_min_isr(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_change(&fake, 1, fake_set(1, 2, 0), fake_set(0, 0, 0), ISR_CAUSE_TIME_LAG);
    fake_append(&fake, 1, 1);
    fake_fetch(&fake, 2, 1);
    fake_advance(&fake, 1, 1);
    FAKE_HOLDS(&fake);
    fake_change(&fake, 1, fake_set(1, 0, 0), fake_set(2, 0, 0), ISR_CAUSE_TIME_LAG);
    commit_with(&fake, 0);
    FAKE_FAILS(&fake, I1, "although only 1 of 3 replicas reach it: all_isr needs 2");
    fake_free(&fake);
}

static void fires_i1_when_the_leader_knows_that_min_isr_was_raised(void **state)
{
    (void)state;
    struct fake fake;
    begin(&fake, ISR_COMMIT_ALL_ISR);
    fake_change(&fake, 1, fake_set(1, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_TIME_LAG);
    leader_hears(&fake);
    commit_with(&fake, 0);
    change_min_isr(&fake, 2);
    commit_with(&fake, 0);
    FAKE_HOLDS(&fake);
    leader_hears(&fake);
    fake_fetch(&fake, 3, 1);
    fake_change(&fake, 1, fake_set(1, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_CAUGHT_UP);
    commit_with(&fake, 1);
    FAKE_HOLDS(&fake);
    fake_change(&fake, 1, fake_set(1, 0, 0), fake_set(3, 0, 0), ISR_CAUSE_TIME_LAG);
    commit_with(&fake, 0);
    FAKE_FAILS(&fake, I1, "although only 1 of 3 replicas reach it: all_isr needs 2");
    fake_free(&fake);
}

static void holds_i1_when_min_isr_was_lowered_and_raised_before_the_leader_knew(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    change_min_isr(&fake, 1);
    leader_hears(&fake);
    fake_change(&fake, 1, fake_set(1, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_TIME_LAG);
    change_min_isr(&fake, 3);
    commit_with(&fake, 0);
    FAKE_HOLDS(&fake);
    leader_hears(&fake);
    commit_with(&fake, 1);
    FAKE_FAILS(&fake, I1, "although only 2 of 3 replicas reach it: all_isr needs 3");
    fake_free(&fake);
}

/* It hears of two changes in one step, and commits a record between them. */
static void commit_between(struct fake *fake, int32_t partition_epoch)
{
    struct fake_replica *leader = &fake->replicas[1];
    int64_t from = leader->high_watermark++;
    fake_append(fake, 1, 1);
    FAKE_TELL(fake, 1, HIGH_WATERMARK_ADVANCED, high_watermark_advanced, .tp = FAKE_KEY, .from = from,
              .to = from + 1, .leader_epoch = leader->epoch, .partition_epoch = partition_epoch,
              .maximal_isr = (int64_t)isr_replicas_pack(&fake->partition.isr), .as_leader = true);
}

static void holds_i1_when_the_leader_hears_of_min_isr_in_the_step_in_which_it_commits(void **state)
{
    (void)state;
    struct fake fake;
    begin(&fake, ISR_COMMIT_ALL_ISR);
    fake_change(&fake, 1, fake_set(1, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_TIME_LAG);
    int32_t before = fake.partition.partition_epoch;
    change_min_isr(&fake, 2);
    leader_hears(&fake);
    commit_between(&fake, before);
    FAKE_HOLDS(&fake);
    commit_between(&fake, fake.partition.partition_epoch);
    FAKE_FAILS(&fake, I1, "although only 1 of 3 replicas reach it: all_isr needs 2");
    fake_free(&fake);
}

/* n2 and n3 have heard of it and delete their logs; n1 has not. */
static void holds_i1_when_the_topic_is_gone(void **state)
{
    (void)state;
    struct fake fake;
    begin(&fake, ISR_COMMIT_QUORUM);
    commit_with(&fake, 2);
    fake_append(&fake, 1, 1);
    FAKE_TELL(&fake, 1, TOPIC_APPLIED, topic_applied, .first = FAKE_KEY, .removed = true);
    for (int32_t node = 2; node <= 3; node++) {
        fake.replicas[node].has = false;
        FAKE_TELL(&fake, node, LOG_REMOVED, log_removed, .tp = FAKE_KEY, .log_end = 1);
    }
    fake_advance(&fake, 1, 2);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

/* n3 led another history, and deleted all of it up to where n1's ends. */
static void holds_i1_when_a_counted_follower_deleted_what_was_there(void **state)
{
    (void)state;
    for (int64_t start = 2; start >= 1; start--) {
        struct fake fake;
        begin(&fake, ISR_COMMIT_QUORUM);
        fake_append(&fake, 1, 2);
        fake_change(&fake, 3, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
        fake_lead(&fake, 3);
        fake_append(&fake, 3, 2);
        fake.replicas[3].count = 0;
        fake.replicas[3].log_start = start;
        fake_change(&fake, 1, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
        fake_lead(&fake, 1);
        fake_advance(&fake, 1, 2);
        if (start == 2)
            FAKE_HOLDS(&fake);
        else
            FAKE_FAILS(&fake, I1, "although only 1 of 3 replicas reach it");
        fake_free(&fake);
    }
}

/* What n1 acknowledged alone before is gone with its disk; of what it wrote since two must lose it. */
static void fires_i3_when_one_lost_what_was_acknowledged_after_the_raise(void **state)
{
    (void)state;
    for (int since = 0; since < 2; since++) {
        struct fake fake;
        struct sim_checks_report report;
        begin_with(&fake, ISR_COMMIT_ALL_ISR, FAKE_WITHOUT(I1));
        fake_change(&fake, 1, fake_set(1, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_TIME_LAG);
        change_min_isr(&fake, 2);
        if (since)
            leader_hears(&fake);
        commit_with(&fake, 0);
        fake_end_process(&fake, 1, false, true);
        fake_cut(&fake.replicas[1], 0);
        fake_start(&fake, 1);
        elect_n2(&fake);
        sim_checks_report(fake.checks, &report);
        assert_int_equal(report.losses_allowed, 1 - since);
        if (since)
            FAKE_FAILS(&fake, I3, "min ISR 2; 1 of 3 replicas lost it");
        else
            FAKE_HOLDS(&fake);
        fake_free(&fake);
    }
}

/* The leader deletes in the step in which it commits: how far the others are is known all the same. */
static void delete_with(struct fake *fake, int followers)
{
    begin(fake, ISR_COMMIT_SEMI_SYNC);
    fake_append(fake, 1, 1);
    if (followers > 0)
        fake_fetch(fake, 3, 1);
    fake->replicas[1].log_start = 1;
    fake_advance(fake, 1, 1);
}

static void holds_i1_when_the_leader_deletes_what_it_commits(void **state)
{
    (void)state;
    struct fake fake;
    delete_with(&fake, 1);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_i1_when_the_leader_deletes_what_it_commits_without_its_follower(void **state)
{
    (void)state;
    struct fake fake;
    delete_with(&fake, 0);
    FAKE_FAILS(&fake, I1, "although only 1 of 3 replicas reach it: semi_sync needs 2");
    fake_free(&fake);
}

static void fires_i1_when_fully_sync_commits_without_a_follower(void **state)
{
    (void)state;
    struct fake fake;
    begin(&fake, ISR_COMMIT_FULLY_SYNC);
    commit_with(&fake, 2);
    FAKE_HOLDS(&fake);
    commit_with(&fake, 1);
    FAKE_FAILS(&fake, I1, "fully_sync needs 3");
    fake_free(&fake);
}

static void fires_i1_when_async_commits_what_the_leader_lacks(void **state)
{
    (void)state;
    struct fake fake;
    begin(&fake, ISR_COMMIT_ASYNC);
    commit_with(&fake, 0);
    FAKE_HOLDS(&fake);
    fake_advance(&fake, 1, 2);
    FAKE_FAILS(&fake, I1, "although only 0 of 3 replicas reach it: async needs 1");
    fake_free(&fake);
}

static void holds_i1_when_a_counted_follower_lost_it_and_the_leader_does_not_know(void **state)
{
    (void)state;
    struct fake fake;
    begin(&fake, ISR_COMMIT_QUORUM);
    fake_append(&fake, 1, 1);
    fake_fetch(&fake, 3, 1);
    fake_end_process(&fake, 3, false, true);
    fake_cut(&fake.replicas[3], 0);
    fake_start(&fake, 3);
    fake.replicas[3].unheard = true;
    fake_advance(&fake, 1, 1);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

/* As above, but n3 dies once more; heard: in between it has got the first of two records again. */
static void advance_after_two_ends(struct fake *fake, bool heard)
{
    begin(fake, ISR_COMMIT_QUORUM);
    fake_append(fake, 1, 1);
    fake_fetch(fake, 2, 1);
    fake_append(fake, 1, 1);
    fake_fetch(fake, 3, 1);
    fake_end_process(fake, 3, false, true);
    fake_cut(&fake->replicas[3], 0);
    fake_start(fake, 3);
    if (heard)
        fake_fetch(fake, 3, 2);
    fake_end_process(fake, 3, false, false);
    fake_start(fake, 3);
    fake->replicas[3].unheard = true;
    fake_advance(fake, 1, 2);
}

static void holds_i1_when_a_counted_follower_lost_it_and_died_again_unheard(void **state)
{
    (void)state;
    struct fake fake;
    advance_after_two_ends(&fake, false);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_i1_when_a_counted_follower_had_less_when_it_was_last_heard(void **state)
{
    (void)state;
    struct fake fake;
    advance_after_two_ends(&fake, true);
    FAKE_FAILS(&fake, I1, "quorum needs 2");
    fake_free(&fake);
}

static void fires_i1_when_a_counted_follower_said_that_it_lost_it(void **state)
{
    (void)state;
    struct fake fake;
    begin(&fake, ISR_COMMIT_QUORUM);
    fake_append(&fake, 1, 1);
    fake_fetch(&fake, 3, 1);
    fake_end_process(&fake, 3, false, true);
    fake_cut(&fake.replicas[3], 0);
    fake_start(&fake, 3);
    fake_advance(&fake, 1, 1);
    FAKE_FAILS(&fake, I1, "quorum needs 2");
    fake_free(&fake);
}

/* n3 has a record of n1's there, of an epoch that was cut off. */
static void fires_i1_when_a_counted_follower_holds_another_record(void **state)
{
    (void)state;
    struct fake fake;
    begin(&fake, ISR_COMMIT_QUORUM);
    fake_append(&fake, 1, 1);
    fake_fetch(&fake, 3, 1);
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 2);
    int64_t base = fake_append(&fake, 2, 1);
    fake_advance(&fake, 2, base + 1);
    FAKE_FAILS(&fake, I1, "although only 1 of 3 replicas reach it: quorum needs 2");
    fake_free(&fake);
}

static void holds_i1_when_that_follower_cut_it_and_fetched(void **state)
{
    (void)state;
    struct fake fake;
    begin(&fake, ISR_COMMIT_QUORUM);
    fake_append(&fake, 1, 1);
    fake_fetch(&fake, 3, 1);
    fake_change(&fake, 2, fake_set(2, 3, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_CLEAN);
    fake_lead(&fake, 2);
    int64_t base = fake_append(&fake, 2, 1);
    fake_truncate(&fake, 3, 0);
    fake_fetch(&fake, 3, 2);
    fake_advance(&fake, 2, base + 1);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void counts_the_loss_as_allowed_when_nothing_was_promised(void **state)
{
    (void)state;
    static const enum isr_commit_policy policies[] = {ISR_COMMIT_ASYNC, ISR_COMMIT_SEMI_SYNC,
                                                      ISR_COMMIT_QUORUM};
    for (int i = 0; i < 3; i++) {
        struct fake fake;
        struct sim_checks_report report;
        begin(&fake, policies[i]);
        commit_with(&fake, i);
        if (i == 2) /* the majority was n1 and n3 */
            fake_truncate(&fake, 2, 0);
        elect_n2(&fake);
        FAKE_HOLDS(&fake);
        sim_checks_report(fake.checks, &report);
        assert_int_equal(report.losses_allowed, 1);
        assert_int_equal(report.losses_allowed_by[policies[i]], 1);
        assert_int_equal(report.losses_forbidden, 0);
        fake_free(&fake);
    }
}

static void fires_i3_when_fully_sync_loses_without_a_lost_disk(void **state)
{
    (void)state;
    struct fake fake;
    begin_with(&fake, ISR_COMMIT_FULLY_SYNC, FAKE_WITHOUT(I1));
    commit_with(&fake, 2);
    fake_cut(&fake.replicas[2], 0); /* nobody was told */
    elect_n2(&fake);
    FAKE_FAILS(&fake, I3, "(fully_sync, promised until 2 replicas lost it; no replica lost it");
    fake_free(&fake);
}

static void lets_members_of_the_isr_lag_when_the_policy_does_not_ask_them(void **state)
{
    (void)state;
    struct fake fake;
    begin(&fake, ISR_COMMIT_QUORUM);
    commit_with(&fake, 1);
    fake_change(&fake, 1, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_ALTER_PARTITION);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_i1_when_quorum_commits_without_a_majority),
        cmocka_unit_test(fires_i1_when_semi_sync_commits_without_its_follower),
        cmocka_unit_test(holds_i1_when_the_leader_deletes_what_it_commits),
        cmocka_unit_test(fires_i1_when_all_isr_commits_with_fewer_than_min_isr),
        cmocka_unit_test(fires_i1_when_the_leader_knows_that_min_isr_was_raised),
        cmocka_unit_test(holds_i1_when_the_leader_hears_of_min_isr_in_the_step_in_which_it_commits),
        cmocka_unit_test(holds_i1_when_min_isr_was_lowered_and_raised_before_the_leader_knew),
        cmocka_unit_test(holds_i1_when_the_topic_is_gone),
        cmocka_unit_test(holds_i1_when_a_counted_follower_deleted_what_was_there),
        cmocka_unit_test(fires_i3_when_one_lost_what_was_acknowledged_after_the_raise),
        cmocka_unit_test(fires_i1_when_the_leader_deletes_what_it_commits_without_its_follower),
        cmocka_unit_test(fires_i1_when_fully_sync_commits_without_a_follower),
        cmocka_unit_test(fires_i1_when_async_commits_what_the_leader_lacks),
        cmocka_unit_test(holds_i1_when_a_counted_follower_lost_it_and_the_leader_does_not_know),
        cmocka_unit_test(holds_i1_when_a_counted_follower_lost_it_and_died_again_unheard),
        cmocka_unit_test(fires_i1_when_a_counted_follower_had_less_when_it_was_last_heard),
        cmocka_unit_test(fires_i1_when_a_counted_follower_said_that_it_lost_it),
        cmocka_unit_test(fires_i1_when_a_counted_follower_holds_another_record),
        cmocka_unit_test(holds_i1_when_that_follower_cut_it_and_fetched),
        cmocka_unit_test(counts_the_loss_as_allowed_when_nothing_was_promised),
        cmocka_unit_test(fires_i3_when_fully_sync_loses_without_a_lost_disk),
        cmocka_unit_test(lets_members_of_the_isr_lag_when_the_policy_does_not_ask_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
