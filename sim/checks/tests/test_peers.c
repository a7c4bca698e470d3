/* What a group of peers promises of its votes and memberships: each check fires on a history that breaks it,
 * and does not on one that nearly does. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sim/checks/tests/fake.h"

static void vote(struct fake *fake, int32_t node, int32_t term, int32_t candidate)
{
    FAKE_TELL(fake, node, PEER_VOTED, peer_voted, .term = term, .candidate = candidate);
}

static void vote_with(struct fake *fake, int32_t node, int32_t term, int32_t candidate, int32_t last_term,
                      int64_t log_end)
{
    FAKE_TELL(fake, node, PEER_VOTED, peer_voted, .term = term, .candidate = candidate,
              .last_term = last_term, .log_end = log_end);
}

static void config(struct fake *fake, int32_t node, int32_t term, int32_t version,
                   struct isr_replicas members)
{
    FAKE_TELL(fake, node, PEER_CONFIG, peer_config, .term = term, .version = version,
              .members = (int64_t)isr_replicas_pack(&members));
}

static void lead(struct fake *fake, int32_t node, int32_t term)
{
    fake->partition.leader_epoch = term;
    fake_lead(fake, node);
}

/* n1, n2 and n3 are a group of which everybody knows. */
static void group_init(struct fake *fake)
{
    fake_init(fake);
    fake_free(fake);
    fake->view.peers = true;
    fake->replicas[1].leads = false;
    test_heap_init(&fake->heap);
    struct sim_checks_options options = {.armed = SIM_CHECKS_ALL};
    fake->checks = sim_checks_make(&fake->heap.heap, &fake->view, &options);
    for (int node = 1; node <= 3; node++)
        config(fake, node, 0, 1, fake_set(1, 2, 3));
    FAKE_HOLDS(fake);
}

static void restart(struct fake *fake, int32_t node)
{
    fake_end_process(fake, node, false, true);
    fake_start(fake, node);
}

static void fires_g1_when_a_peer_votes_twice_over_a_restart(void **state)
{
    (void)state;
    struct fake fake;
    group_init(&fake);
    vote(&fake, 3, 2, 1);
    restart(&fake, 3);
    vote(&fake, 3, 2, 2);
    FAKE_FAILS(&fake, G1, "n3 voted twice in term 2, for n1 and for n2");
    fake_free(&fake);
}

static void fires_g1_when_a_peer_follows_in_a_term_before_its_vote(void **state)
{
    (void)state;
    struct fake fake;
    group_init(&fake);
    vote(&fake, 3, 5, 1);
    restart(&fake, 3);
    fake.partition.leader_epoch = 4;
    fake_follow(&fake, 3);
    FAKE_FAILS(&fake, G1, "n3 went back to term 4, after a vote in term 5");
    fake_free(&fake);
}

static void holds_g1_when_a_vote_is_told_again_and_later_terms_follow(void **state)
{
    (void)state;
    struct fake fake;
    group_init(&fake);
    vote(&fake, 3, 2, 1);
    vote(&fake, 3, 2, 1);
    restart(&fake, 3);
    vote(&fake, 3, 2, 1);
    vote(&fake, 3, 3, 2);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void forget(struct fake *fake, int32_t node)
{
    fake_end_process(fake, node, false, true);
    fake->replicas[node].votes_betrayed++;
    fake_start(fake, node);
}

static void voids_the_quorum_when_a_peer_votes_anew_where_its_disk_forgot(void **state)
{
    (void)state;
    struct fake fake;
    struct sim_checks_report report;
    group_init(&fake);
    vote(&fake, 3, 2, 1);
    vote(&fake, 1, 2, 1);
    lead(&fake, 1, 2);
    forget(&fake, 3);
    vote(&fake, 3, 2, 2);
    vote(&fake, 2, 2, 2);
    lead(&fake, 2, 2);
    FAKE_HOLDS(&fake);
    sim_checks_report(fake.checks, &report);
    assert_true(report.quorum_void);
    assert_int_equal(report.waived, 1); /* I5 */
    fake_free(&fake);
}

static void holds_a_peer_to_the_votes_that_its_disk_did_not_forget(void **state)
{
    (void)state;
    struct fake fake;
    group_init(&fake);
    vote(&fake, 3, 2, 1);
    forget(&fake, 3);
    fake.partition.leader_epoch = 1;
    fake_follow(&fake, 3);
    vote(&fake, 3, 3, 2);
    vote(&fake, 1, 2, 1); /* the one that was forgotten counts still */
    lead(&fake, 1, 2);
    FAKE_HOLDS(&fake);
    vote(&fake, 3, 3, 1);
    FAKE_FAILS(&fake, G1, "n3 voted twice in term 3, for n2 and for n1");
    fake_free(&fake);
}

static void fires_g2_when_a_leader_has_no_majority(void **state)
{
    (void)state;
    struct fake fake;
    group_init(&fake);
    vote(&fake, 1, 2, 1);
    lead(&fake, 1, 2);
    FAKE_FAILS(&fake, G2, "n1 leads term 2 with the votes of 1 of its members [1, 2, 3]");
    fake_free(&fake);
}

static void fires_g2_when_the_votes_are_of_another_term_or_of_no_member(void **state)
{
    (void)state;
    struct fake fake;
    group_init(&fake);
    vote(&fake, 1, 2, 1);
    vote(&fake, 2, 1, 1);
    vote(&fake, 3, 2, 3);
    vote(&fake, 4, 2, 1);
    lead(&fake, 1, 2);
    FAKE_FAILS(&fake, G2, "n1 leads term 2 with the votes of 1 of its members");
    fake_free(&fake);
}

static void holds_g2_when_a_voter_went_on_to_later_terms_before_the_leader_learnt(void **state)
{
    (void)state;
    struct fake fake;
    group_init(&fake);
    vote(&fake, 1, 2, 1);
    vote(&fake, 2, 2, 1);
    vote(&fake, 2, 3, 3);
    lead(&fake, 1, 2);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_g3_when_a_version_names_two_memberships(void **state)
{
    (void)state;
    struct fake fake;
    group_init(&fake);
    config(&fake, 1, 1, 1, fake_set(1, 2, 3));
    config(&fake, 2, 1, 1, fake_set(1, 2, 0));
    FAKE_FAILS(&fake, G3, "version 1 of the membership in term 1 is [1, 2, 3] on n1 and [1, 2] on n2");
    fake_free(&fake);
}

static void fires_g3_when_a_leader_changes_two_members_at_once(void **state)
{
    (void)state;
    struct fake fake;
    group_init(&fake);
    vote(&fake, 1, 2, 1);
    vote(&fake, 2, 2, 1);
    config(&fake, 1, 2, 1, fake_set(1, 2, 3));
    lead(&fake, 1, 2);
    config(&fake, 1, 2, 2, fake_set(1, 2, 4));
    FAKE_FAILS(&fake, G3, "n1, which leads, changed the membership from [1, 2, 3] to [1, 2, 4]");
    fake_free(&fake);
}

static void holds_g3_when_a_follower_learns_of_several_changes_at_once(void **state)
{
    (void)state;
    struct fake fake;
    group_init(&fake);
    vote(&fake, 1, 2, 1);
    vote(&fake, 2, 2, 1);
    config(&fake, 1, 2, 1, fake_set(1, 2, 3));
    lead(&fake, 1, 2);
    config(&fake, 1, 2, 2, fake_set(1, 2, 0));
    config(&fake, 1, 2, 3, fake_set(1, 0, 0));
    config(&fake, 2, 2, 3, fake_set(1, 0, 0));
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_g4_when_the_voter_knows_a_later_term_than_its_candidate(void **state)
{
    (void)state;
    struct fake fake;
    group_init(&fake);
    vote_with(&fake, 2, 4, 2, 1, 9);
    vote_with(&fake, 3, 4, 2, 2, 3);
    FAKE_FAILS(
        &fake, G4,
        "n3, whose log ends at 3 after term 2, voted in term 4 for n2, whose log ends at 9 after term 1");
    fake_free(&fake);
}

static void fires_g4_when_the_voter_has_the_longer_log_of_one_term(void **state)
{
    (void)state;
    struct fake fake;
    group_init(&fake);
    vote_with(&fake, 2, 4, 2, 1, 9);
    vote_with(&fake, 3, 4, 2, 1, 10);
    FAKE_FAILS(&fake, G4, "n3, whose log ends at 10 after term 1, voted in term 4 for n2");
    fake_free(&fake);
}

static void holds_g4_when_the_candidate_has_as_much_or_a_later_term(void **state)
{
    (void)state;
    struct fake fake;
    struct sim_checks_report report;
    group_init(&fake);
    vote_with(&fake, 2, 4, 2, 2, 9);
    vote_with(&fake, 3, 4, 2, 2, 9);
    vote_with(&fake, 1, 4, 2, 1, 30);
    vote_with(&fake, 1, 4, 2, 2, 30); /* told again, when it follows that leader */
    FAKE_HOLDS(&fake);
    sim_checks_report(fake.checks, &report);
    assert_int_equal(report.evaluated[SIM_INVARIANT_G4], 2);
    fake_free(&fake);
}

static void is_vacuous_when_no_log_was_compared_with_that_of_the_chosen_one(void **state)
{
    (void)state;
    struct fake fake;
    struct sim_checks_report report;
    group_init(&fake);
    vote(&fake, 1, 2, 2);
    vote(&fake, 3, 2, 2); /* who never told a vote of its own */
    lead(&fake, 2, 2);
    fake_append(&fake, 2, 1);
    fake_fetch(&fake, 1, 2);
    fake_fetch(&fake, 3, 2);
    fake_advance(&fake, 2, 1);
    FAKE_HOLDS(&fake);
    sim_checks_end(fake.checks);
    sim_checks_report(fake.checks, &report);
    assert_string_equal(report.vacuous,
                        "peer-log-compared was never evaluated although peers voted for another");
    fake_free(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_g1_when_a_peer_votes_twice_over_a_restart),
        cmocka_unit_test(fires_g1_when_a_peer_follows_in_a_term_before_its_vote),
        cmocka_unit_test(holds_g1_when_a_vote_is_told_again_and_later_terms_follow),
        cmocka_unit_test(voids_the_quorum_when_a_peer_votes_anew_where_its_disk_forgot),
        cmocka_unit_test(holds_a_peer_to_the_votes_that_its_disk_did_not_forget),
        cmocka_unit_test(fires_g2_when_a_leader_has_no_majority),
        cmocka_unit_test(fires_g2_when_the_votes_are_of_another_term_or_of_no_member),
        cmocka_unit_test(holds_g2_when_a_voter_went_on_to_later_terms_before_the_leader_learnt),
        cmocka_unit_test(fires_g3_when_a_version_names_two_memberships),
        cmocka_unit_test(fires_g3_when_a_leader_changes_two_members_at_once),
        cmocka_unit_test(holds_g3_when_a_follower_learns_of_several_changes_at_once),
        cmocka_unit_test(fires_g4_when_the_voter_knows_a_later_term_than_its_candidate),
        cmocka_unit_test(fires_g4_when_the_voter_has_the_longer_log_of_one_term),
        cmocka_unit_test(holds_g4_when_the_candidate_has_as_much_or_a_later_term),
        cmocka_unit_test(is_vacuous_when_no_log_was_compared_with_that_of_the_chosen_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
