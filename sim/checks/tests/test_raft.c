/* Raft's five properties: each fires on a history that breaks it, and does not on one that nearly does. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/quorum/port.h"
#include "sim/checks/state.h"
#include "sim/checks/tests/fake.h"

static void role(struct fake *fake, int32_t node, enum isr_consensus_role what, int32_t term)
{
    FAKE_TELL(fake, node, QUORUM_ROLE, quorum_role, .role = what, .term = term,
              .leader = what == ISR_CONSENSUS_LEADER ? node : ISR_NODE_NONE);
}

static void append(struct fake *fake, int32_t node, int64_t index, int32_t term, int64_t digest)
{
    FAKE_TELL(fake, node, QUORUM_APPENDED, quorum_appended, .index = index, .term = term, .digest = digest);
}

static void commit(struct fake *fake, int32_t node, int64_t index, int32_t term)
{
    FAKE_TELL(fake, node, QUORUM_COMMITTED, quorum_committed, .index = index, .term = term);
}

/* n1 leads term 1; everybody has the entries 1 and 2, which are committed. */
static void raft_init(struct fake *fake)
{
    fake_init(fake);
    role(fake, 1, ISR_CONSENSUS_LEADER, 1);
    for (int node = 1; node <= 3; node++) {
        append(fake, node, 1, 1, 11);
        append(fake, node, 2, 1, 12);
    }
    commit(fake, 1, 2, 1);
    FAKE_HOLDS(fake);
}

static void fires_r1_when_a_term_has_two_leaders(void **state)
{
    (void)state;
    struct fake fake;
    raft_init(&fake);
    role(&fake, 2, ISR_CONSENSUS_LEADER, 1);
    FAKE_FAILS(&fake, R1, "n2 was elected leader of term 1, which had a leader before: n1");
    fake_free(&fake);
}

static void fires_r1_when_a_leader_leads_its_term_again_after_a_restart(void **state)
{
    (void)state;
    struct fake fake;
    raft_init(&fake);
    role(&fake, 1, ISR_CONSENSUS_LEADER, 1);
    FAKE_HOLDS(&fake);
    fake_end_process(&fake, 1, false, false);
    fake_start(&fake, 1);
    role(&fake, 1, ISR_CONSENSUS_LEADER, 1);
    FAKE_FAILS(&fake, R1, "which had a leader before: itself in an earlier life");
    fake_free(&fake);
}

static void fires_r1_when_a_node_votes_twice_over_a_restart(void **state)
{
    (void)state;
    struct fake fake;
    raft_init(&fake);
    FAKE_TELL(&fake, 3, QUORUM_VOTED, quorum_voted, .term = 2, .candidate = 1);
    fake_end_process(&fake, 3, false, true);
    fake_start(&fake, 3);
    FAKE_TELL(&fake, 3, QUORUM_VOTED, quorum_voted, .term = 2, .candidate = 2);
    FAKE_FAILS(&fake, R1, "n3 voted twice in term 2, for n1 and for n2");
    fake_free(&fake);
}

static void holds_r1_when_the_same_leader_is_told_again(void **state)
{
    (void)state;
    struct fake fake;
    raft_init(&fake);
    role(&fake, 1, ISR_CONSENSUS_LEADER, 1);
    role(&fake, 2, ISR_CONSENSUS_LEADER, 2);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_i5_when_a_raft_term_goes_back(void **state)
{
    (void)state;
    struct fake fake;
    raft_init(&fake);
    role(&fake, 3, ISR_CONSENSUS_FOLLOWER, 5);
    role(&fake, 3, ISR_CONSENSUS_FOLLOWER, 4);
    FAKE_FAILS(&fake, I5, "n3 went back from Raft term 5 to 4");
    fake_free(&fake);
}

static void fires_r2_when_a_leader_deletes_entries(void **state)
{
    (void)state;
    struct fake fake;
    raft_init(&fake);
    FAKE_TELL(&fake, 1, QUORUM_TRUNCATED, quorum_truncated, .from = 2);
    FAKE_FAILS(&fake, R2, "n1, leader of term 1, deleted the entries from 2 on");
    fake_free(&fake);
}

static void fires_r2_when_a_leader_overwrites_an_entry(void **state)
{
    (void)state;
    struct fake fake;
    raft_init(&fake);
    append(&fake, 1, 2, 1, 12);
    FAKE_FAILS(&fake, R2, "overwrote entry 2");
    fake_free(&fake);
}

/* Who says so believed a damaged number: nothing else is done with it. */
static void fires_r3_when_an_index_is_none(void **state)
{
    (void)state;
    static const int64_t indices[] = {
        -1,       CHECK_INDEX_MAX + 1, INT64_C(1) << 30, INT64_C(1) << 31, (INT64_C(1) << 32) + 1, INT64_MAX,
        INT64_MIN};
    for (size_t i = 0; i < sizeof indices / sizeof *indices; i++) {
        for (int kind = 0; kind < 5; kind++) {
            struct fake fake;
            raft_init(&fake);
            int64_t index = indices[i];
            if (kind == 0)
                append(&fake, 2, index, 1, 13);
            else if (kind == 1)
                commit(&fake, 2, index, 1);
            else if (kind == 2)
                FAKE_TELL(&fake, 2, QUORUM_APPLIED, quorum_applied, .index = index, .term = 1, .digest = 13);
            else if (kind == 3)
                FAKE_TELL(&fake, 2, QUORUM_COMPACTED, quorum_compacted, .index = index, .term = 1);
            else
                FAKE_TELL(&fake, 2, QUORUM_SNAPSHOT_INSTALLED, quorum_snapshot_installed, .index = index,
                          .term = 1);
            FAKE_FAILS(&fake, R3, "the Raft log of n2 is said to reach index");
            assert_int_equal(fake.failures, 1);
            fake_free(&fake);
        }
    }
}

static void holds_r3_at_the_highest_index_there_is(void **state)
{
    (void)state;
    struct fake fake;
    raft_init(&fake);
    append(&fake, 2, CHECK_INDEX_MAX, 1, 13);
    FAKE_HOLDS(&fake);
    append(&fake, 3, CHECK_INDEX_MAX, 1, 14);
    FAKE_FAILS(&fake, R3, "but it is not the same entry");
    fake_free(&fake);
}

static void holds_r2_when_a_follower_deletes_entries(void **state)
{
    (void)state;
    struct fake fake;
    raft_init(&fake);
    append(&fake, 2, 3, 1, 13);
    FAKE_TELL(&fake, 2, QUORUM_TRUNCATED, quorum_truncated, .from = 3);
    append(&fake, 2, 3, 2, 23);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_r3_when_one_entry_has_two_contents(void **state)
{
    (void)state;
    struct fake fake;
    raft_init(&fake);
    append(&fake, 1, 3, 1, 13);
    append(&fake, 2, 3, 1, 14);
    FAKE_FAILS(&fake, R3, "both have an entry of index 3 and term 1, but it is not the same entry");
    fake_free(&fake);
}

static void fires_r3_when_logs_differ_before_a_common_entry(void **state)
{
    (void)state;
    struct fake fake;
    raft_init(&fake);
    append(&fake, 1, 3, 1, 13);
    append(&fake, 2, 3, 2, 23);
    append(&fake, 1, 4, 3, 34);
    FAKE_HOLDS(&fake);
    append(&fake, 2, 4, 3, 34);
    FAKE_FAILS(&fake, R3, "index 4 and term 3, but differ before it");
    fake_free(&fake);
}

static void holds_r3_when_the_log_begins_behind_a_snapshot(void **state)
{
    (void)state;
    struct fake fake;
    raft_init(&fake);
    append(&fake, 1, 3, 1, 13);
    fake_end_process(&fake, 3, false, false);
    fake_start(&fake, 3);
    FAKE_TELL(&fake, 3, QUORUM_COMPACTED, quorum_compacted, .index = 2, .term = 1);
    append(&fake, 3, 3, 1, 13);
    FAKE_TELL(&fake, 1, QUORUM_COMPACTED, quorum_compacted, .index = 2, .term = 1);
    append(&fake, 1, 4, 1, 14);
    append(&fake, 3, 4, 1, 14);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_r4_when_a_leader_lacks_a_committed_entry(void **state)
{
    (void)state;
    struct fake fake;
    raft_init(&fake);
    append(&fake, 1, 3, 1, 13);
    append(&fake, 2, 3, 1, 13);
    commit(&fake, 1, 3, 1);
    role(&fake, 3, ISR_CONSENSUS_LEADER, 2);
    FAKE_FAILS(
        &fake, R4,
        "n3 was elected leader of term 2 with a Raft log up to 2, but entry 3 (term 1) was committed by n1");
    fake_free(&fake);
}

static void fires_r4_when_a_leader_has_another_entry_there(void **state)
{
    (void)state;
    struct fake fake;
    raft_init(&fake);
    append(&fake, 1, 3, 1, 13);
    append(&fake, 3, 3, 2, 23);
    commit(&fake, 1, 3, 1);
    role(&fake, 3, ISR_CONSENSUS_LEADER, 3);
    FAKE_FAILS(&fake, R4, "with entry 3 of term 2 in its Raft log, but n1 committed one of term 1 there");
    fake_free(&fake);
}

static void holds_r4_when_the_leader_has_all_that_is_committed(void **state)
{
    (void)state;
    struct fake fake;
    raft_init(&fake);
    append(&fake, 1, 3, 1, 13); /* not committed */
    role(&fake, 1, ISR_CONSENSUS_FOLLOWER, 2);
    role(&fake, 3, ISR_CONSENSUS_LEADER, 2);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_r5_when_two_controllers_apply_different_entries(void **state)
{
    (void)state;
    struct fake fake;
    raft_init(&fake);
    FAKE_TELL(&fake, 1, QUORUM_APPLIED, quorum_applied, .index = 2, .term = 1, .digest = 12);
    FAKE_TELL(&fake, 2, QUORUM_APPLIED, quorum_applied, .index = 2, .term = 1, .digest = 12);
    FAKE_HOLDS(&fake);
    FAKE_TELL(&fake, 3, QUORUM_APPLIED, quorum_applied, .index = 2, .term = 2, .digest = 22);
    FAKE_FAILS(&fake, R5, "n3 applied another entry (term 2) at index 2 than n1 (term 1)");
    fake_free(&fake);
}

static void fires_r5_when_two_entries_are_committed_at_one_index(void **state)
{
    (void)state;
    struct fake fake;
    raft_init(&fake);
    commit(&fake, 3, 2, 2);
    FAKE_FAILS(&fake, R5, "n3 committed an entry of term 2 at index 2, where n1 committed one of term 1");
    fake_free(&fake);
}

static void members(struct fake *fake, int32_t node, uint64_t voters, uint64_t learners)
{
    FAKE_TELL(fake, node, QUORUM_MEMBERS, quorum_members, .index = 1, .voters = (int64_t)voters,
              .learners = (int64_t)learners);
}

static void fires_r6_when_a_learner_is_counted(void **state)
{
    (void)state;
    struct fake fake;
    raft_init(&fake);
    members(&fake, 1, 0x0201, 0x03);
    append(&fake, 1, 3, 1, 13);
    append(&fake, 3, 3, 1, 13);
    commit(&fake, 1, 3, 1);
    FAKE_FAILS(&fake, R6, "n1, leader of term 1, committed entry 3, which 1 of its voters");
    fake_free(&fake);
}

static void fires_r6_when_a_removed_leader_counts_itself(void **state)
{
    (void)state;
    struct fake fake;
    raft_init(&fake);
    members(&fake, 1, 0x0302, 0);
    append(&fake, 1, 3, 1, 13);
    append(&fake, 2, 3, 1, 13);
    commit(&fake, 1, 3, 1);
    FAKE_FAILS(&fake, R6, "committed entry 3");
    fake_free(&fake);
}

static void holds_r6_when_the_majority_is_that_of_the_new_configuration(void **state)
{
    (void)state;
    struct fake fake;
    raft_init(&fake);
    members(&fake, 1, 0x030201, 0);
    append(&fake, 1, 3, 1, 13);
    append(&fake, 3, 3, 1, 13);
    commit(&fake, 1, 3, 1);
    members(&fake, 1, 0x0201, 0x03);
    append(&fake, 1, 4, 1, 14);
    append(&fake, 2, 3, 1, 13);
    append(&fake, 2, 4, 1, 14);
    fake_end_process(&fake, 2, false, false); /* what it acknowledged is on its disk, */
    fake_start(&fake, 2);                     /* though it has not read it yet */
    commit(&fake, 1, 4, 1);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void holds_r4_when_an_old_term_is_won_late(void **state)
{
    (void)state;
    struct fake fake;
    raft_init(&fake);
    append(&fake, 1, 3, 1, 13);
    append(&fake, 2, 3, 1, 13);
    role(&fake, 2, ISR_CONSENSUS_LEADER, 3);
    commit(&fake, 2, 3, 1);
    role(&fake, 3, ISR_CONSENSUS_LEADER, 2); /* its votes were long on their way */
    FAKE_HOLDS(&fake);
    role(&fake, 3, ISR_CONSENSUS_LEADER, 4);
    FAKE_FAILS(&fake, R4, "n3 was elected leader of term 4 with a Raft log up to 2, but entry 3");
    fake_free(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_r1_when_a_term_has_two_leaders),
        cmocka_unit_test(fires_r1_when_a_leader_leads_its_term_again_after_a_restart),
        cmocka_unit_test(fires_r1_when_a_node_votes_twice_over_a_restart),
        cmocka_unit_test(holds_r1_when_the_same_leader_is_told_again),
        cmocka_unit_test(fires_i5_when_a_raft_term_goes_back),
        cmocka_unit_test(fires_r2_when_a_leader_deletes_entries),
        cmocka_unit_test(fires_r2_when_a_leader_overwrites_an_entry),
        cmocka_unit_test(fires_r3_when_an_index_is_none),
        cmocka_unit_test(holds_r3_at_the_highest_index_there_is),
        cmocka_unit_test(holds_r2_when_a_follower_deletes_entries),
        cmocka_unit_test(fires_r3_when_one_entry_has_two_contents),
        cmocka_unit_test(fires_r3_when_logs_differ_before_a_common_entry),
        cmocka_unit_test(holds_r3_when_the_log_begins_behind_a_snapshot),
        cmocka_unit_test(fires_r4_when_a_leader_lacks_a_committed_entry),
        cmocka_unit_test(fires_r4_when_a_leader_has_another_entry_there),
        cmocka_unit_test(holds_r4_when_the_leader_has_all_that_is_committed),
        cmocka_unit_test(fires_r5_when_two_controllers_apply_different_entries),
        cmocka_unit_test(fires_r5_when_two_entries_are_committed_at_one_index),
        cmocka_unit_test(fires_r6_when_a_learner_is_counted),
        cmocka_unit_test(fires_r6_when_a_removed_leader_counts_itself),
        cmocka_unit_test(holds_r6_when_the_majority_is_that_of_the_new_configuration),
        cmocka_unit_test(holds_r4_when_an_old_term_is_won_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
