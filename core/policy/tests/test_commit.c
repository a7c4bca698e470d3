#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/policy/commit.h"

enum { REPLICAS_MOST = 5, END_MOST = 3 };

static uint32_t bits(uint32_t set)
{
    uint32_t count = 0;
    for (; set != 0; set &= set - 1)
        count++;
    return count;
}

static uint32_t holders_at(int64_t end, int64_t leader_end, const int64_t *ends, uint32_t count)
{
    uint32_t holders = leader_end >= end ? 1u : 0u;
    for (uint32_t i = 0; i < count; i++)
        holders |= ends[i] >= end ? 2u << i : 0u;
    return holders;
}

/* ---- the model of isr_commit_end: the definition of each policy, offset by offset ---- */

static bool model_is_committed(enum isr_commit_policy policy, uint32_t needed, uint32_t holders,
                               uint32_t in_sync, uint32_t replicas)
{
    uint32_t all = (1u << replicas) - 1;
    if ((holders & 1) == 0)
        return false;
    switch (policy) {
    case ISR_COMMIT_ALL_ISR:
        return (holders & in_sync) == in_sync;
    case ISR_COMMIT_QUORUM:
        return 2 * bits(holders) > replicas;
    case ISR_COMMIT_SEMI_SYNC:
        return bits(holders) > needed || holders == all;
    case ISR_COMMIT_FULLY_SYNC:
        return holders == all;
    case ISR_COMMIT_ASYNC:
        return true;
    case ISR_COMMIT_POLICIES:
        break;
    }
    return false;
}

static int64_t model_end(enum isr_commit_policy policy, uint32_t needed, int64_t leader_end,
                         const int64_t *ends, uint32_t in_sync, uint32_t followers)
{
    int64_t end = 0;
    while (model_is_committed(policy, needed, holders_at(end + 1, leader_end, ends, followers), in_sync,
                              followers + 1))
        end++;
    return end;
}

static void check_ends(const int64_t *ends, int64_t leader_end, uint32_t followers)
{
    for (uint32_t in_sync = 0; in_sync < 1u << followers; in_sync++) {
        bool flags[REPLICAS_MOST] = {false};
        for (uint32_t i = 0; i < followers; i++)
            flags[i] = (in_sync >> i & 1) != 0;
        for (uint32_t policy = 0; policy < ISR_COMMIT_POLICIES; policy++) {
            for (uint32_t needed = 0; needed <= followers + 1; needed++)
                assert_int_equal(isr_commit_end(policy, needed, leader_end, ends, flags, followers),
                                 model_end(policy, needed, leader_end, ends, in_sync << 1 | 1, followers));
        }
    }
}

static void commits_what_the_definition_says_when_all_ends_are_tried(void **state)
{
    (void)state;
    for (uint32_t followers = 0; followers < REPLICAS_MOST; followers++) {
        uint32_t cases = 1;
        for (uint32_t i = 0; i <= followers; i++)
            cases *= END_MOST;
        for (uint32_t number = 0; number < cases; number++) {
            int64_t ends[REPLICAS_MOST] = {0};
            uint32_t rest = number / END_MOST;
            for (uint32_t i = 0; i < followers; i++, rest /= END_MOST)
                ends[i] = rest % END_MOST;
            check_ends(ends, number % END_MOST, followers);
        }
    }
}

/* ---- the model of isr_commit_promise: every place of the copies, every loss, every election ---- */

/* Whether an election can end in a leader without the record, when `have` are the replicas that have it,
 * `held` those that had it when it was committed. */
static bool election_may_lose(enum isr_commit_policy policy, uint32_t have, uint32_t held, uint32_t replicas,
                              uint32_t min_isr, enum isr_leader_choice choice)
{
    uint32_t least_candidates = min_isr < replicas ? min_isr : replicas;
    for (uint32_t asked = 1; asked < 1u << replicas; asked++) {
        if (choice != ISR_LEADER_CHOICE_IN_SYNC) {
            if (2 * bits(asked) > replicas && (asked & have) == 0)
                return true;
            continue;
        }
        /* `asked` is a candidate set (ISR and ELR), at least min ISR large; under all_isr all of it held the
         * record. Members known to have lost it are passed over while there is another. */
        if (bits(asked) < least_candidates || (policy == ISR_COMMIT_ALL_ISR && (asked & ~held) != 0))
            continue;
        uint32_t never_had = asked & ~held;
        if (never_had != 0 || (asked & have) == 0)
            return true;
    }
    return false;
}

static int32_t model_promise(enum isr_commit_policy policy, uint32_t needed, uint32_t replicas,
                             uint32_t min_isr, enum isr_leader_choice choice)
{
    uint32_t all = (1u << replicas) - 1;
    int32_t promise = (int32_t)replicas + 1;
    for (uint32_t held = 1; held <= all; held++) {
        /* Under all_isr the ISR is what holds it, and is at least min ISR large. */
        bool committed = policy == ISR_COMMIT_ALL_ISR
                             ? bits(held) >= (min_isr < replicas ? min_isr : replicas)
                             : model_is_committed(policy, needed, held, 1, replicas);
        if (!committed)
            continue;
        for (uint32_t lost = 0; lost <= all; lost++) {
            if ((lost & ~held) == 0 && (int32_t)bits(lost) < promise &&
                election_may_lose(policy, held & ~lost, held, replicas, min_isr, choice))
                promise = (int32_t)bits(lost);
        }
    }
    return promise;
}

static void promises_what_no_election_can_break_when_all_losses_are_tried(void **state)
{
    (void)state;
    for (uint32_t replicas = 1; replicas <= REPLICAS_MOST; replicas++)
        for (uint32_t min_isr = 1; min_isr <= replicas + 1; min_isr++)
            for (uint32_t needed = 0; needed <= replicas; needed++)
                for (uint32_t policy = 0; policy < ISR_COMMIT_POLICIES; policy++)
                    for (uint32_t choice = 0; choice < ISR_LEADER_CHOICES; choice++)
                        assert_int_equal(isr_commit_promise(policy, needed, replicas, min_isr, choice),
                                         model_promise(policy, needed, replicas, min_isr, choice));
}

static void promises_these_when_the_cases_are_the_usual_ones(void **state)
{
    (void)state;
    assert_int_equal(isr_commit_promise(ISR_COMMIT_ALL_ISR, 0, 3, 2, ISR_LEADER_CHOICE_IN_SYNC), 2);
    assert_int_equal(isr_commit_promise(ISR_COMMIT_ALL_ISR, 0, 3, 2, ISR_LEADER_CHOICE_WITNESS), 1);
    assert_int_equal(isr_commit_promise(ISR_COMMIT_QUORUM, 0, 3, 1, ISR_LEADER_CHOICE_PEER_VOTE), 1);
    assert_int_equal(isr_commit_promise(ISR_COMMIT_QUORUM, 0, 4, 1, ISR_LEADER_CHOICE_PEER_VOTE), 2);
    assert_int_equal(isr_commit_promise(ISR_COMMIT_QUORUM, 0, 3, 2, ISR_LEADER_CHOICE_IN_SYNC), 0);
    assert_int_equal(isr_commit_promise(ISR_COMMIT_SEMI_SYNC, 1, 3, 1, ISR_LEADER_CHOICE_PEER_VOTE), 1);
    assert_int_equal(isr_commit_promise(ISR_COMMIT_SEMI_SYNC, 1, 5, 1, ISR_LEADER_CHOICE_PEER_VOTE), 0);
    assert_int_equal(isr_commit_promise(ISR_COMMIT_FULLY_SYNC, 0, 5, 1, ISR_LEADER_CHOICE_MOST_UP_TO_DATE),
                     3);
    assert_int_equal(isr_commit_promise(ISR_COMMIT_FULLY_SYNC, 0, 3, 2, ISR_LEADER_CHOICE_IN_SYNC), 2);
    assert_int_equal(isr_commit_promise(ISR_COMMIT_ASYNC, 0, 3, 1, ISR_LEADER_CHOICE_PEER_VOTE), 0);
    assert_int_equal(isr_commit_promise(ISR_COMMIT_ASYNC, 0, 1, 1, ISR_LEADER_CHOICE_PEER_VOTE), 1);
}

static void ends_at_the_leaders_end_when_followers_are_ahead(void **state)
{
    (void)state;
    const int64_t ends[] = {9, 9};
    const bool in_sync[] = {true, true};
    for (uint32_t policy = 0; policy < ISR_COMMIT_POLICIES; policy++)
        assert_int_equal(isr_commit_end(policy, 1, 4, ends, in_sync, 2), 4);
}

static void names_every_line_when_asked(void **state)
{
    (void)state;
    assert_string_equal(isr_commit_policy_info(ISR_COMMIT_ALL_ISR)->name, "all_isr");
    assert_string_equal(isr_commit_policy_info(ISR_COMMIT_ASYNC)->name, "async");
    assert_string_equal(isr_leader_choice_info(ISR_LEADER_CHOICE_IN_SYNC)->name, "in_sync");
    assert_string_equal(isr_leader_choice_info(ISR_LEADER_CHOICE_PEER_VOTE)->name, "peer_vote");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commits_what_the_definition_says_when_all_ends_are_tried),
        cmocka_unit_test(promises_what_no_election_can_break_when_all_losses_are_tried),
        cmocka_unit_test(promises_these_when_the_cases_are_the_usual_ones),
        cmocka_unit_test(ends_at_the_leaders_end_when_followers_are_ahead),
        cmocka_unit_test(names_every_line_when_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
