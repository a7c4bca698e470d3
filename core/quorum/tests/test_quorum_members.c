/* Leadership transfer, members that change, learners: one rule of the thesis a test. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/quorum/internal.h"
#include "core/quorum/tests/cluster.h"

/* The first voters of count nodes elected a leader. */
static struct cluster *cluster_elected(uint32_t count, uint32_t voters, uint64_t seed, uint32_t *leader)
{
    struct cluster *cluster = cluster_new(count, seed);
    cluster->voters_count = voters;
    cluster->config.quorum_snapshot_entries = 20;
    cluster_start_all(cluster);
    cluster_run(cluster, 5 * ISR_SECOND);
    assert_true(cluster_leader(cluster) >= 0);
    *leader = (uint32_t)cluster_leader(cluster);
    return cluster;
}

static void propose_many(struct cluster *cluster, uint32_t leader, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_true(cluster_propose(cluster, leader, i, 30) > 0);
        cluster_run(cluster, 10 * ISR_MS);
    }
    cluster_run(cluster, ISR_SECOND);
}

static uint64_t voters_of(const struct cluster *cluster, uint32_t place)
{
    return isr_replicas_pack(&isr_quorum_configuration(cluster->nodes[place].quorum)->members.voters);
}

static uint64_t learners_of(const struct cluster *cluster, uint32_t place)
{
    return isr_replicas_pack(&isr_quorum_configuration(cluster->nodes[place].quorum)->members.learners);
}

static void expect_altered(const struct cluster *cluster, uint32_t place, enum isr_error error)
{
    assert_int_equal(cluster->nodes[place].altered_count, 1);
    assert_int_equal(cluster->nodes[place].altered_error, error);
}

/* ---- transfer (3.10) ---- */

static void target_leads_at_once_when_leadership_is_transferred(void **state)
{
    (void)state;
    uint32_t leader;
    struct cluster *cluster = cluster_elected(3, 3, 1, &leader);
    uint32_t target = (leader + 1) % 3;
    propose_many(cluster, leader, 5);
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_TRANSFER, (int32_t)target + 1),
                     ISR_ERROR_NONE);
    cluster_run(cluster, 100 * ISR_MS);
    assert_int_equal(cluster_leader(cluster), (int)target);
    assert_int_equal(cluster->elections, 2);
    expect_altered(cluster, leader, ISR_ERROR_NONE);
    assert_null(cluster->failure);
    cluster_free(cluster);
}

static void leader_goes_on_when_the_target_does_not_stand(void **state)
{
    (void)state;
    uint32_t leader;
    struct cluster *cluster = cluster_elected(3, 3, 2, &leader);
    uint32_t target = (leader + 1) % 3;
    cluster_isolate(cluster, target, true);
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_TRANSFER, (int32_t)target + 1),
                     ISR_ERROR_NONE);
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_TRANSFER, (int32_t)target + 1),
                     ISR_ERROR_OPERATION_NOT_ATTEMPTED);
    assert_int_equal(cluster_propose(cluster, leader, 1, 30), 0);
    cluster_run(cluster, 990 * ISR_MS);
    assert_int_equal(cluster_propose(cluster, leader, 1, 30), 0);
    assert_int_equal(cluster->nodes[leader].altered_count, 0);
    cluster_run(cluster, 20 * ISR_MS);
    expect_altered(cluster, leader, ISR_ERROR_REQUEST_TIMED_OUT);
    assert_true(cluster_propose(cluster, leader, 1, 30) > 0);
    assert_int_equal(cluster_leader(cluster), (int)leader);
    cluster_free(cluster);
}

static void target_is_brought_up_to_date_when_it_lags(void **state)
{
    (void)state;
    uint32_t leader;
    struct cluster *cluster = cluster_elected(3, 3, 3, &leader);
    uint32_t target = (leader + 1) % 3;
    cluster_isolate(cluster, target, true);
    propose_many(cluster, leader, 5);
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_TRANSFER, (int32_t)target + 1),
                     ISR_ERROR_NONE);
    cluster_run(cluster, 300 * ISR_MS);
    assert_int_equal(cluster_leader(cluster), (int)leader);
    cluster_isolate(cluster, target, false);
    cluster_run(cluster, 600 * ISR_MS);
    assert_int_equal(cluster_leader(cluster), (int)target);
    assert_true(cluster->nodes[target].applied_count >= 5);
    cluster_free(cluster);
}

static void transfer_is_refused_when_it_makes_no_sense(void **state)
{
    (void)state;
    uint32_t leader;
    struct cluster *cluster = cluster_elected(4, 3, 4, &leader);
    uint32_t other = (leader + 1) % 3;
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_TRANSFER, (int32_t)leader + 1),
                     ISR_ERROR_ELECTION_NOT_NEEDED);
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_TRANSFER, 4), ISR_ERROR_VOTER_NOT_FOUND);
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_TRANSFER, 99), ISR_ERROR_VOTER_NOT_FOUND);
    assert_int_equal(cluster_change(cluster, other, ISR_QUORUM_TRANSFER, 1), ISR_ERROR_NOT_CONTROLLER);
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_TRANSFER, ISR_NODE_NONE), ISR_ERROR_NONE);
    cluster_run(cluster, 100 * ISR_MS);
    assert_int_not_equal(cluster_leader(cluster), (int)leader);
    cluster_free(cluster);
}

/* ---- members (4.1, 4.2) ---- */

static void node_votes_when_it_caught_up_from_a_snapshot(void **state)
{
    (void)state;
    uint32_t leader;
    struct cluster *cluster = cluster_elected(4, 3, 5, &leader);
    propose_many(cluster, leader, 90);
    assert_true(cluster->nodes[leader].quorum->log.base_index > 30);
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_ADD_VOTER, 4), ISR_ERROR_NONE);
    assert_int_equal(voters_of(cluster, leader), 0x030201); /* not before it has what there is */
    cluster_run(cluster, 2 * ISR_SECOND);
    expect_altered(cluster, leader, ISR_ERROR_NONE);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(voters_of(cluster, i), 0x04030201);
    assert_int_equal(cluster->snapshots_installed, 1);
    uint32_t other = (leader + 1) % 3;
    cluster_kill(cluster, other);
    propose_many(cluster, leader, 1);
    int64_t committed = cluster->committed_last;
    cluster_kill(cluster, (leader + 2) % 3); /* two of four are no majority */
    cluster_propose(cluster, leader, 1, 30);
    cluster_run(cluster, 900 * ISR_MS);
    assert_int_equal(cluster->committed_last, committed);
    cluster_run(cluster, 5 * ISR_SECOND);
    assert_int_equal(cluster_leader(cluster), -1);
    cluster_start(cluster, other);
    cluster_run(cluster, 8 * ISR_SECOND);
    assert_true(cluster_leader(cluster) >= 0);
    assert_null(cluster->failure);
    cluster_free(cluster);
}

static void nothing_changes_when_a_new_voter_is_silent(void **state)
{
    (void)state;
    uint32_t leader;
    struct cluster *cluster = cluster_elected(4, 3, 6, &leader);
    cluster_isolate(cluster, 3, true);
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_ADD_VOTER, 4), ISR_ERROR_NONE);
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_REMOVE, 1),
                     ISR_ERROR_OPERATION_NOT_ATTEMPTED);
    propose_many(cluster, leader, 3); /* availability does not suffer meanwhile (4.2.1) */
    cluster_run(cluster, 2 * ISR_SECOND);
    expect_altered(cluster, leader, ISR_ERROR_REQUEST_TIMED_OUT);
    assert_int_equal(voters_of(cluster, leader), 0x030201);
    cluster_isolate(cluster, 3, false);
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_ADD_VOTER, 4), ISR_ERROR_NONE);
    cluster_run(cluster, 2 * ISR_SECOND);
    assert_int_equal(voters_of(cluster, 3), 0x04030201);
    cluster_free(cluster);
}

static void new_voter_is_given_up_when_no_round_is_short(void **state)
{
    (void)state;
    uint32_t leader;
    struct cluster *cluster = cluster_elected(4, 3, 7, &leader);
    for (uint32_t i = 0; i < 4; i++)
        cluster->nodes[i].env.config.quorum_snapshot_entries = 2000;
    cluster->nodes[3].disk_latency_ns = 4 * ISR_SECOND; /* it answers, but never has what is new in time */
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_ADD_VOTER, 4), ISR_ERROR_NONE);
    for (uint32_t i = 0; i < 1000 && cluster->nodes[leader].altered_count == 0; i++) {
        cluster_propose(cluster, leader, i, 30);
        cluster_run(cluster, 100 * ISR_MS);
    }
    expect_altered(cluster, leader, ISR_ERROR_REQUEST_TIMED_OUT);
    assert_int_equal(voters_of(cluster, leader), 0x030201);
    assert_int_equal(cluster_leader(cluster), (int)leader);
    cluster_free(cluster);
}

static void change_is_refused_when_it_makes_no_sense(void **state)
{
    (void)state;
    uint32_t leader;
    struct cluster *cluster = cluster_elected(3, 1, 8, &leader);
    assert_int_equal(leader, 0);
    assert_int_equal(cluster_change(cluster, 0, ISR_QUORUM_REMOVE, 1), ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(cluster_change(cluster, 0, ISR_QUORUM_REMOVE, 2), ISR_ERROR_VOTER_NOT_FOUND);
    assert_int_equal(cluster_change(cluster, 0, ISR_QUORUM_ADD_VOTER, 1), ISR_ERROR_DUPLICATE_VOTER);
    assert_int_equal(cluster_change(cluster, 0, ISR_QUORUM_ADD_LEARNER, 1), ISR_ERROR_DUPLICATE_VOTER);
    assert_int_equal(cluster_change(cluster, 0, ISR_QUORUM_ADD_VOTER, 99), ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(cluster_change(cluster, 1, ISR_QUORUM_ADD_VOTER, 2), ISR_ERROR_NOT_CONTROLLER);
    assert_int_equal(cluster->nodes[0].altered_count, 0);
    cluster_free(cluster);
}

static void nothing_is_changed_when_the_term_has_committed_nothing(void **state)
{
    (void)state;
    uint32_t leader;
    struct cluster *cluster = cluster_elected(4, 3, 9, &leader);
    for (uint32_t i = 0; i < 3; i++)
        cluster->nodes[i].disk_latency_ns = i == leader ? 2 * ISR_MS : 200 * ISR_MS;
    uint32_t next = (leader + 1) % 3;
    cluster_change(cluster, leader, ISR_QUORUM_TRANSFER, (int32_t)next + 1);
    while (cluster->nodes[next].quorum->role != ISR_CONSENSUS_LEADER)
        cluster_run(cluster, ISR_MS);
    assert_int_equal(cluster_change(cluster, next, ISR_QUORUM_ADD_LEARNER, 4),
                     ISR_ERROR_OPERATION_NOT_ATTEMPTED);
    while (cluster->nodes[next].told_role != ISR_CONSENSUS_LEADER)
        cluster_run(cluster, ISR_MS);
    assert_int_equal(cluster_change(cluster, next, ISR_QUORUM_ADD_LEARNER, 4), ISR_ERROR_NONE);
    cluster_free(cluster);
}

static void leader_goes_when_its_removal_is_committed(void **state)
{
    (void)state;
    uint32_t leader;
    struct cluster *cluster = cluster_elected(3, 3, 10, &leader);
    propose_many(cluster, leader, 5);
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_REMOVE, (int32_t)leader + 1), ISR_ERROR_NONE);
    assert_int_equal(cluster_leader(cluster), (int)leader); /* it leads until then (4.2.2) */
    cluster_run(cluster, 200 * ISR_MS);
    expect_altered(cluster, leader, ISR_ERROR_NONE);
    int heir = cluster_leader(cluster);
    assert_true(heir >= 0 && heir != (int)leader);
    int32_t term = cluster->nodes[heir].quorum->term;
    propose_many(cluster, (uint32_t)heir, 5);
    cluster_run(cluster, 20 * ISR_SECOND); /* who is out does not disturb (4.2.3) */
    assert_int_equal(cluster_leader(cluster), heir);
    assert_int_equal(cluster->nodes[heir].quorum->term, term);
    assert_int_equal(cluster->elections, 2);
    assert_null(cluster->failure);
    cluster_free(cluster);
}

/* Two nodes; the removal of the leader is in its own log only. The other cannot be elected, since that log is
 * longer: the removed one must stand, without counting itself (4.2.2). */
static void removed_node_stands_when_only_it_knows_so(void **state)
{
    (void)state;
    uint32_t leader;
    struct cluster *cluster = cluster_elected(2, 2, 11, &leader);
    uint32_t other = 1 - leader;
    cluster_cut(cluster, 0, 1, true);
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_REMOVE, (int32_t)leader + 1), ISR_ERROR_NONE);
    cluster_run(cluster, 5 * ISR_SECOND);
    assert_int_equal(cluster_leader(cluster), -1);
    cluster_cut(cluster, 0, 1, false);
    cluster_run(cluster, 10 * ISR_SECOND);
    assert_int_equal(cluster_leader(cluster), (int)other);
    assert_int_equal(voters_of(cluster, other), other + 1);
    assert_null(cluster->failure);
    cluster_free(cluster);
}

/* The same, and the removed one has forgotten what was committed: it starts again, with a log that begins
 * with a configuration in which it never was. The one before its removal says that it was a voter. */
static void removed_node_stands_when_it_starts_again(void **state)
{
    (void)state;
    uint32_t leader;
    struct cluster *cluster = cluster_elected(3, 2, 21, &leader);
    uint32_t other = 1 - leader;
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_ADD_VOTER, 3), ISR_ERROR_NONE);
    cluster_run(cluster, ISR_SECOND);
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_REMOVE, (int32_t)other + 1), ISR_ERROR_NONE);
    cluster_run(cluster, ISR_SECOND);
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_TRANSFER, 3), ISR_ERROR_NONE);
    cluster_run(cluster, ISR_SECOND);
    assert_int_equal(cluster_leader(cluster), 2);
    cluster_isolate(cluster, 2, true);
    assert_int_equal(cluster_change(cluster, 2, ISR_QUORUM_REMOVE, 3), ISR_ERROR_NONE);
    cluster_run(cluster, 5 * ISR_SECOND);
    cluster_kill(cluster, 2);
    cluster_start(cluster, 2);
    cluster_run(cluster, ISR_SECOND);
    assert_int_equal(cluster->nodes[2].quorum->commit_index, 0);
    assert_int_equal(voters_of(cluster, 2), leader + 1);
    cluster_isolate(cluster, 2, false);
    cluster_run(cluster, 10 * ISR_SECOND);
    assert_int_equal(cluster_leader(cluster), (int)leader);
    assert_int_equal(voters_of(cluster, leader), leader + 1);
    assert_null(cluster->failure);
    cluster_free(cluster);
}

static void configuration_is_undone_when_it_is_cut(void **state)
{
    (void)state;
    uint32_t leader;
    struct cluster *cluster = cluster_elected(4, 3, 12, &leader);
    cluster_isolate(cluster, leader, true);
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_ADD_LEARNER, 4), ISR_ERROR_NONE);
    assert_int_equal(learners_of(cluster, leader), 0x04); /* in effect when it is appended */
    cluster_run(cluster, 5 * ISR_SECOND);
    expect_altered(cluster, leader, ISR_ERROR_NOT_CONTROLLER);
    uint32_t next = (uint32_t)cluster_leader(cluster);
    assert_int_not_equal(next, leader);
    propose_many(cluster, next, 3);
    cluster_isolate(cluster, leader, false);
    cluster_run(cluster, 3 * ISR_SECOND);
    assert_int_equal(learners_of(cluster, leader), 0);
    assert_null(cluster->failure);
    cluster_free(cluster);
}

static void configuration_is_back_when_all_lose_power(void **state)
{
    (void)state;
    uint32_t leader;
    struct cluster *cluster = cluster_elected(5, 3, 13, &leader);
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_ADD_VOTER, 4), ISR_ERROR_NONE);
    cluster_run(cluster, 2 * ISR_SECOND);
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_ADD_LEARNER, 5), ISR_ERROR_NONE);
    cluster_run(cluster, 2 * ISR_SECOND);
    for (uint32_t entries = 5; entries <= 90; entries += 85) { /* in the log, then in the snapshot only */
        propose_many(cluster, (uint32_t)cluster_leader(cluster), entries);
        for (uint32_t i = 0; i < 5; i++)
            cluster_power_loss(cluster, i);
        cluster_start_all(cluster);
        cluster_run(cluster, 5 * ISR_SECOND);
        assert_true(cluster_leader(cluster) >= 0);
        for (uint32_t i = 0; i < 5; i++) {
            assert_int_equal(voters_of(cluster, i), 0x04030201);
            assert_int_equal(learners_of(cluster, i), 0x05);
        }
    }
    assert_true(cluster->nodes[0].quorum->configurations[0].index > 0);
    assert_null(cluster->failure);
    cluster_free(cluster);
}

/* ---- learners ---- */

static void learner_does_not_count_when_voters_are_away(void **state)
{
    (void)state;
    uint32_t leader;
    struct cluster *cluster = cluster_elected(4, 3, 14, &leader);
    assert_int_equal(cluster_change(cluster, leader, ISR_QUORUM_ADD_LEARNER, 4), ISR_ERROR_NONE);
    cluster_run(cluster, 2 * ISR_SECOND);
    propose_many(cluster, leader, 5);
    assert_int_equal(cluster->nodes[3].state, cluster->nodes[leader].state);
    cluster_kill(cluster, (leader + 1) % 3);
    cluster_kill(cluster, (leader + 2) % 3);
    int64_t committed = cluster->committed_last;
    assert_true(cluster_propose(cluster, leader, 1, 30) > 0);
    cluster_run(cluster, 20 * ISR_SECOND);
    assert_int_equal(cluster->committed_last, committed);
    assert_int_equal(cluster_leader(cluster), -1);
    assert_int_equal(cluster->elections, 1);
    assert_int_equal(cluster->nodes[3].quorum->env->metrics.quorum_elections, 0);
    cluster_start_all(cluster);
    cluster_run(cluster, 5 * ISR_SECOND);
    assert_int_equal(cluster_change(cluster, (uint32_t)cluster_leader(cluster), ISR_QUORUM_ADD_VOTER, 4),
                     ISR_ERROR_NONE);
    cluster_run(cluster, ISR_SECOND);
    assert_int_equal(voters_of(cluster, 3), 0x04030201);
    assert_int_equal(learners_of(cluster, 3), 0);
    assert_null(cluster->failure);
    cluster_free(cluster);
}

/* ---- snapshots on their way (chapter 5) ---- */

/* A node that is away while much is decided; the link back is slow enough to strike in the middle. */
static struct cluster *cluster_installing(uint64_t seed, uint32_t *leader, uint32_t *away)
{
    struct cluster *cluster = cluster_elected(3, 3, seed, leader);
    *away = (*leader + 1) % 3;
    for (uint32_t i = 0; i < 3; i++)
        cluster->nodes[i].env.config.quorum_append_max_bytes = 64; /* four pieces */
    cluster_isolate(cluster, *away, true);
    propose_many(cluster, *leader, 90);
    cluster_isolate(cluster, *away, false);
    const struct quorum_incoming *incoming = &cluster->nodes[*away].quorum->incoming;
    for (uint32_t i = 0; i < 5000 && incoming->received_bytes < 128; i++)
        cluster_run(cluster, ISR_MS);
    assert_true(incoming->received_bytes >= 128 && incoming->received_bytes < incoming->total_bytes);
    return cluster;
}

static void expect_recovery(struct cluster *cluster)
{
    cluster_start_all(cluster);
    cluster_run(cluster, 10 * ISR_SECOND);
    assert_true(cluster_leader(cluster) >= 0);
    assert_true(cluster->snapshots_installed > 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(cluster->nodes[i].state, cluster->nodes[0].state);
        assert_int_equal(cluster->nodes[i].applied_count, cluster->nodes[0].applied_count);
    }
    assert_null(cluster->failure);
    cluster_free(cluster);
}

static void snapshot_goes_on_when_the_leader_changes_in_the_middle(void **state)
{
    (void)state;
    uint32_t leader, away;
    struct cluster *cluster = cluster_installing(15, &leader, &away);
    cluster_power_loss(cluster, leader);
    cluster_run(cluster, 8 * ISR_SECOND);
    assert_true(cluster_leader(cluster) >= 0);
    expect_recovery(cluster);
}

static void snapshot_begins_anew_when_the_follower_restarts_in_the_middle(void **state)
{
    (void)state;
    uint32_t leader, away;
    struct cluster *cluster = cluster_installing(16, &leader, &away);
    cluster_power_loss(cluster, away);
    cluster_start(cluster, away);
    cluster_run(cluster, ISR_SECOND);
    expect_recovery(cluster);
}

static void snapshot_is_dropped_when_a_newer_one_overtakes_it(void **state)
{
    (void)state;
    uint32_t leader, away;
    struct cluster *cluster = cluster_installing(17, &leader, &away);
    int64_t first = cluster->nodes[away].quorum->incoming.index;
    cluster_isolate(cluster, away, true);
    propose_many(cluster, leader, 60);
    assert_true(cluster->nodes[leader].quorum->snapshot_index > first);
    cluster_isolate(cluster, away, false);
    cluster_run(cluster, 5 * ISR_SECOND);
    assert_true(cluster->nodes[away].quorum->snapshot_index > first);
    assert_int_equal(cluster->snapshots_installed, 1);
    expect_recovery(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(target_leads_at_once_when_leadership_is_transferred),
        cmocka_unit_test(leader_goes_on_when_the_target_does_not_stand),
        cmocka_unit_test(target_is_brought_up_to_date_when_it_lags),
        cmocka_unit_test(transfer_is_refused_when_it_makes_no_sense),
        cmocka_unit_test(node_votes_when_it_caught_up_from_a_snapshot),
        cmocka_unit_test(nothing_changes_when_a_new_voter_is_silent),
        cmocka_unit_test(new_voter_is_given_up_when_no_round_is_short),
        cmocka_unit_test(change_is_refused_when_it_makes_no_sense),
        cmocka_unit_test(nothing_is_changed_when_the_term_has_committed_nothing),
        cmocka_unit_test(leader_goes_when_its_removal_is_committed),
        cmocka_unit_test(removed_node_stands_when_only_it_knows_so),
        cmocka_unit_test(removed_node_stands_when_it_starts_again),
        cmocka_unit_test(configuration_is_undone_when_it_is_cut),
        cmocka_unit_test(configuration_is_back_when_all_lose_power),
        cmocka_unit_test(learner_does_not_count_when_voters_are_away),
        cmocka_unit_test(snapshot_goes_on_when_the_leader_changes_in_the_middle),
        cmocka_unit_test(snapshot_begins_anew_when_the_follower_restarts_in_the_middle),
        cmocka_unit_test(snapshot_is_dropped_when_a_newer_one_overtakes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
