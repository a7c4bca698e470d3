/* Random histories: clusters of 3 and 5 under message loss, duplication, reordering, partitions, crashes with
 * and without power loss, disk errors, transfers of leadership and changes of members. Raft's properties are
 * checked on every observation; after healing, proposals commit and all machines become equal. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/quorum/tests/cluster.h"

enum { SEEDS = 300, SEARCH_SEEDS = 2000, ROUNDS = 60 };

struct totals {
    int64_t elections, commits, snapshots_installed, truncations, steps, alterations;
};

/* Whatever an administrator may ask, of whoever it may be. */
static void alter(struct cluster *cluster)
{
    struct test_random *random = &cluster->random;
    enum isr_quorum_change change = (enum isr_quorum_change)test_random_below(random, ISR_QUORUM_CHANGES);
    int32_t id = 1 + (int32_t)test_random_below(random, cluster->count);
    for (uint32_t place = 0; place < cluster->count; place++)
        cluster->alterations += cluster_change(cluster, place, change, id) == ISR_ERROR_NONE;
}

static void fault(struct cluster *cluster)
{
    struct test_random *random = &cluster->random;
    uint32_t place = test_random_below(random, cluster->count);
    struct cluster_node *node = &cluster->nodes[place];
    uint32_t other = test_random_below(random, cluster->count);
    switch (test_random_below(random, cluster->voters_count < cluster->count ? 18 : 11)) {
    case 0:
        cluster_kill(cluster, place);
        break;
    case 1:
        cluster_power_loss(cluster, place);
        break;
    case 2:
        cluster_isolate(cluster, place, true);
        break;
    case 3:
        cluster_isolate(cluster, place, false);
        break;
    case 4:
        if (other != place)
            cluster->cut[place][other] = !cluster->cut[place][other];
        break;
    case 5:
        node->disk_fails = true;
        break;
    case 6:
        node->disk_latency_ns =
            (int64_t[]){2 * ISR_MS, 400 * ISR_MS, 2 * ISR_SECOND}[test_random_below(random, 3)];
        break;
    case 7:
        for (uint32_t i = 0; i < cluster->count; i++)
            cluster_power_loss(cluster, i);
        break;
    case 8:
        cluster->loss_permille = test_random_below(random, 3) * 100;
        cluster->duplicate_permille = test_random_below(random, 3) * 100;
        cluster->delay_ns_max = test_random_chance(random, 3) ? 600 * ISR_MS : 4 * ISR_MS;
        break;
    case 11:
    case 12:
    case 13:
    case 14:
    case 15:
    case 16:
        alter(cluster);
        break;
    default:
        cluster_start_all(cluster);
        break;
    }
}

/* The node that leads the highest term, whether it was told or not; count when none. */
static uint32_t raw_leader(const struct cluster *cluster)
{
    uint32_t best = cluster->count;
    for (uint32_t i = 0; i < cluster->count; i++) {
        const struct cluster_node *node = &cluster->nodes[i];
        if (node->alive && node->quorum->role == ISR_CONSENSUS_LEADER &&
            (best == cluster->count || node->quorum->term > cluster->nodes[best].quorum->term))
            best = i;
    }
    return best;
}

/* Waits for an election and strikes the new leader at a delicate moment, when entries of earlier terms are on
 * their way: the histories of figure 3.7. */
static void hunt(struct cluster *cluster, bool *isolated)
{
    struct test_random *random = &cluster->random;
    for (uint32_t i = 0; i < cluster->count; i++)
        isolated[i] = isolated[i] && test_random_chance(random, 2);
    for (uint32_t a = 0; a < cluster->count; a++) {
        for (uint32_t b = 0; b < a; b++)
            cluster_cut(cluster, a, b, isolated[a] || isolated[b]);
    }
    cluster_start_all(cluster);
    int64_t elections = cluster->elections;
    for (uint32_t i = 0; i < 5000 && cluster->elections == elections && cluster->failure == NULL; i++)
        cluster_run(cluster, ISR_MS);
    uint32_t moment = test_random_below(random, 3); /* at once; at its first commit; when it serves */
    int64_t commits = cluster->commits;
    for (uint32_t i = 0; i < 60 && moment == 1 && cluster->commits == commits && cluster->failure == NULL;
         i++)
        cluster_run(cluster, ISR_MS / 2);
    if (moment == 2)
        cluster_run(cluster, 100 * ISR_MS);
    uint32_t leader = raw_leader(cluster);
    if (leader == cluster->count)
        return;
    /* A change that only some hear of, before those of others are known. */
    bool members_change = cluster->voters_count < cluster->count;
    uint32_t hears = test_random_below(random, cluster->count);
    for (uint32_t i = 0; i < cluster->count && members_change && test_random_chance(random, 2); i++) {
        if (i != leader && i != hears)
            cluster_cut(cluster, leader, i, test_random_chance(random, 2));
    }
    if (members_change) {
        alter(cluster);
        cluster_run(cluster, (int64_t)test_random_below(random, 40) * ISR_MS);
    }
    isolated[leader] = true;
    cluster_isolate(cluster, leader, true);
    for (uint32_t i = test_random_below(random, 3); i > 0; i--)
        cluster_propose(cluster, leader, test_random_next(random), 60);
    if (test_random_chance(random, 4))
        cluster_power_loss(cluster, leader);
}

static void heal(struct cluster *cluster)
{
    memset(cluster->cut, 0, sizeof cluster->cut);
    cluster->loss_permille = 0;
    cluster->duplicate_permille = 0;
    cluster->delay_ns_max = 4 * ISR_MS;
    for (uint32_t i = 0; i < cluster->events_count; i++)
        cluster->events[i].status = ISR_IO_OK;
    for (uint32_t i = 0; i < cluster->count; i++) {
        struct cluster_node *node = &cluster->nodes[i];
        node->disk_fails = false;
        node->disk_latency_ns = 2 * ISR_MS;
        if (node->alive && node->disk_free_ns > cluster->now_ns + ISR_SECOND)
            cluster_kill(cluster, i); /* its disk has a long queue of slow operations */
        if (!node->alive)
            cluster_start(cluster, i);
    }
}

static bool converges(struct cluster *cluster)
{
    cluster_run(cluster, 15 * ISR_SECOND);
    int leader = cluster_leader(cluster);
    if (cluster->failure != NULL || leader < 0)
        return false;
    int64_t index = cluster_propose(cluster, (uint32_t)leader, 4711, 40);
    cluster_run(cluster, 2 * ISR_SECOND);
    const struct cluster_node *first = &cluster->nodes[leader];
    const struct isr_consensus_members *members = &isr_quorum_configuration(first->quorum)->members;
    for (uint32_t i = 0; i < cluster->count; i++) {
        const struct cluster_node *node = &cluster->nodes[i];
        bool takes_part = isr_replicas_contain(&members->voters, (int32_t)i + 1) ||
                          isr_replicas_contain(&members->learners, (int32_t)i + 1);
        if (index == 0 || !node->alive ||
            (takes_part && (node->quorum->applied_index < index || node->state != first->state ||
                            node->applied_count != first->applied_count)))
            return false;
    }
    return true;
}

static void history(struct cluster *cluster)
{
    uint32_t count = cluster->count;
    bool members_change = cluster->voters_count < count;
    cluster->config.quorum_snapshot_entries = 10 + (int64_t)test_random_below(&cluster->random, 60);
    cluster->config.quorum_append_max_bytes = 64 + (int64_t)test_random_below(&cluster->random, 400);
    cluster->config.quorum_append_inflight = 1 + (int64_t)test_random_below(&cluster->random, 8);
    cluster_start_all(cluster);
    cluster_run(cluster, 3 * ISR_SECOND);
    bool isolated[CLUSTER_NODES_MAX] = {false};
    bool hunting = test_random_chance(&cluster->random, 3);
    if (hunting)
        cluster->config.quorum_append_max_bytes = 64;
    for (uint32_t round = 0; round < ROUNDS && cluster->failure == NULL; round++) {
        if (hunting) {
            hunt(cluster, isolated);
            continue;
        }
        fault(cluster);
        uint32_t proposals = test_random_below(&cluster->random, 12);
        for (uint32_t i = 0; i < proposals; i++) {
            for (uint32_t place = 0; place < count; place++) {
                uint64_t value =
                    test_random_next(&cluster->random); /* compilers order arguments as they like */
                uint32_t size = 8 + test_random_below(&cluster->random, 60);
                cluster_propose(cluster, place, value, size);
            }
            if (members_change && test_random_chance(&cluster->random, 8))
                alter(cluster);
            cluster_run(cluster, (int64_t)test_random_below(&cluster->random, 20) * ISR_MS);
        }
        cluster_run(cluster, (int64_t)test_random_below(&cluster->random, 1500) * ISR_MS);
    }
}

static void seed_run(uint32_t count, uint32_t voters, uint64_t seed, struct totals *totals)
{
    struct cluster *cluster = cluster_new(count, seed);
    cluster->voters_count = voters;
    history(cluster);
    heal(cluster);
    bool converged = converges(cluster);
    if (cluster->failure != NULL || !converged)
        fprintf(stderr, "%u nodes, seed %llu\n", count, (unsigned long long)seed);
    assert_null(cluster->failure);
    assert_true(converged);
    totals->elections += cluster->elections;
    totals->commits += cluster->commits;
    totals->snapshots_installed += cluster->snapshots_installed;
    totals->truncations += cluster->truncations;
    totals->steps += cluster->steps;
    totals->alterations += cluster->alterations;
    cluster_free(cluster);
}

static void seeds_run(uint32_t count, uint32_t voters, uint64_t first)
{
    const char *only = getenv("QUORUM_SEED");
    const char *many = getenv("QUORUM_SEEDS");
    struct totals totals = {0};
    if (only != NULL) {
        seed_run(count, voters, strtoull(only, NULL, 10), &totals);
        return;
    }
    uint64_t seeds = many != NULL ? strtoull(many, NULL, 10) : SEEDS;
    for (uint64_t seed = first; seed < first + seeds; seed++)
        seed_run(count, voters, seed, &totals);
    print_message(
        "%u nodes: %lld steps, %lld elections, %lld commits, %lld snapshots installed, %lld truncations, "
        "%lld alterations\n",
        count, (long long)totals.steps, (long long)totals.elections, (long long)totals.commits,
        (long long)totals.snapshots_installed, (long long)totals.truncations, (long long)totals.alterations);
    /* A run in which nothing happens proves nothing. */
    assert_true(totals.elections > (int64_t)seeds);
    assert_true(totals.commits > 20 * (int64_t)seeds);
    assert_true(totals.snapshots_installed > 0);
    assert_true(totals.truncations > 0);
    assert_true(voters == count || totals.alterations > (int64_t)seeds);
}

static void holds_when_three_nodes_suffer_random_faults(void **state)
{
    (void)state;
    seeds_run(3, 3, 1);
}

static void holds_when_five_nodes_suffer_random_faults(void **state)
{
    (void)state;
    seeds_run(5, 5, 100001);
}

static void holds_when_members_change_among_random_faults(void **state)
{
    (void)state;
    seeds_run(5, 3, 200001);
}

static void holds_when_two_voters_are_joined_by_others(void **state)
{
    (void)state;
    seeds_run(4, 2, 300001);
}

/* Random search alone finds what each wrong rule breaks, within so many seeds. */
static void expect_found(const struct isr_rules *rules, uint32_t count)
{
    bool found = false;
    for (uint64_t seed = 400001; seed < 400001 + SEARCH_SEEDS && !found; seed++) {
        struct cluster *cluster = cluster_new(count, seed);
        cluster->rules = *rules;
        history(cluster);
        found = cluster->failure != NULL;
        if (found)
            print_message("found after %llu seeds\n", (unsigned long long)(seed - 400000));
        cluster_free(cluster);
    }
    assert_true(found);
}

static void search_finds_it_when_a_leader_resumes(void **state)
{
    (void)state;
    expect_found(&(struct isr_rules){.restarted_leader = ISR_RULE_restarted_leader_resumes}, 3);
}

static void search_finds_it_when_votes_are_sent_before_the_sync(void **state)
{
    (void)state;
    expect_found(&(struct isr_rules){.vote_sent = ISR_RULE_vote_sent_before_sync}, 3);
}

static void search_finds_it_when_earlier_terms_are_counted(void **state)
{
    (void)state;
    expect_found(&(struct isr_rules){.commit_by_count = ISR_RULE_commit_by_count_any_term}, 5);
}

static uint64_t history_hash(uint64_t seed)
{
    struct cluster *cluster = cluster_new(3, seed);
    cluster->loss_permille = 50;
    cluster_start_all(cluster);
    uint64_t hash = 0;
    for (uint32_t i = 0; i < 200; i++) {
        for (uint32_t place = 0; place < 3; place++)
            cluster_propose(cluster, place, i, 16);
        cluster_run(cluster, 50 * ISR_MS);
        for (uint32_t place = 0; place < 3; place++)
            hash = isr_hash_combine(hash, cluster->nodes[place].state);
        hash = isr_hash_combine(hash, cluster->sequence);
    }
    cluster_free(cluster);
    return hash;
}

static void repeats_exactly_when_run_twice(void **state)
{
    (void)state;
    assert_int_equal(history_hash(5), history_hash(5));
    assert_int_not_equal(history_hash(5), history_hash(6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_when_three_nodes_suffer_random_faults),
        cmocka_unit_test(holds_when_five_nodes_suffer_random_faults),
        cmocka_unit_test(holds_when_members_change_among_random_faults),
        cmocka_unit_test(holds_when_two_voters_are_joined_by_others),
        cmocka_unit_test(search_finds_it_when_a_leader_resumes),
        cmocka_unit_test(search_finds_it_when_votes_are_sent_before_the_sync),
        cmocka_unit_test(search_finds_it_when_earlier_terms_are_counted),
        cmocka_unit_test(repeats_exactly_when_run_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
