/* Scenarios by hand: one node fed with messages, and small clusters. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/quorum/internal.h"
#include "core/quorum/tests/cluster.h"

/* ---- one node, its peers played by the test ---- */

/* Node 1 of three, alive alone; what it sends waits in the event queue and is lost on delivery. */
static struct cluster *solo_new(void)
{
    struct cluster *cluster = cluster_new(3, 1);
    cluster_start(cluster, 0);
    cluster_run(cluster, 100 * ISR_MS);
    assert_true(cluster->nodes[0].quorum->started);
    return cluster;
}

static void solo_receive(struct cluster *cluster, int32_t from, const struct isr_message *message)
{
    struct cluster_node *node = &cluster->nodes[0];
    isr_env_begin(&node->env, cluster->now_ns);
    node->quorum->base.ops->message(&node->quorum->base, from, message);
    step_finish(cluster, 0);
}

/* The newest message of the kind still on its way; fills message, whose bytes last until the cluster runs on.
 */
static bool solo_sent(struct cluster *cluster, enum isr_message_kind kind, struct isr_message *message)
{
    const struct cluster_event *newest = NULL;
    for (uint32_t i = 0; i < cluster->events_count; i++) {
        const struct cluster_event *event = &cluster->events[i];
        if (event->kind == CLUSTER_MESSAGE &&
            isr_frame_kind((struct isr_bytes){event->bytes, event->size}) == kind &&
            (newest == NULL || event->sequence > newest->sequence))
            newest = event;
    }
    if (newest == NULL)
        return false;
    struct isr_bytes frame = {newest->bytes, newest->size};
    assert_true(isr_message_decode(frame, &cluster->nodes[0].env.scratch, message));
    return true;
}

static struct isr_message vote_request(int32_t term, int64_t last_index, int32_t last_term)
{
    return (struct isr_message){
        .kind = ISR_MESSAGE_VOTE_REQUEST,
        .vote_request = {.term = term, .last_log_index = last_index, .last_log_term = last_term}};
}

static struct isr_message append_request(int32_t term, uint64_t round, int64_t prev, int32_t prev_term,
                                         int64_t commit, struct isr_raft_entry *entries, uint32_t count)
{
    return (struct isr_message){.kind = ISR_MESSAGE_APPEND_REQUEST,
                                .append_request = {.term = term,
                                                   .round = round,
                                                   .prev_log_index = prev,
                                                   .prev_log_term = prev_term,
                                                   .leader_commit = commit,
                                                   .entries = entries,
                                                   .entries_count = count}};
}

static void solo_append(struct cluster *cluster, int32_t from, int32_t term, uint64_t round, int64_t prev,
                        int32_t prev_term, uint32_t count, int32_t entry_term)
{
    struct isr_raft_entry entries[8];
    for (uint32_t i = 0; i < count; i++)
        entries[i] = (struct isr_raft_entry){.term = entry_term, .kind = ISR_ENTRY_COMMAND};
    struct isr_message message = append_request(term, round, prev, prev_term, 0, entries, count);
    solo_receive(cluster, from, &message);
}

static void vote_leaves_when_it_is_durable(void **state)
{
    (void)state;
    struct cluster *cluster = solo_new();
    struct isr_message request = vote_request(5, 0, 0);
    struct isr_message answer;
    solo_receive(cluster, 2, &request);
    assert_int_equal(cluster->nodes[0].quorum->voted_for, 2);
    assert_false(solo_sent(cluster, ISR_MESSAGE_VOTE_RESPONSE, &answer));
    cluster->delay_ns_max = ISR_SECOND;
    cluster_run(cluster, 3 * ISR_MS);
    assert_true(solo_sent(cluster, ISR_MESSAGE_VOTE_RESPONSE, &answer));
    assert_int_equal(answer.vote_response.granted, 1);
    solo_receive(cluster, 3, &request);
    assert_true(solo_sent(cluster, ISR_MESSAGE_VOTE_RESPONSE, &answer));
    assert_int_equal(answer.vote_response.granted, 0);
    cluster_power_loss(cluster, 0);
    cluster_start(cluster, 0);
    cluster_run(cluster, 50 * ISR_MS);
    assert_int_equal(cluster->nodes[0].quorum->term, 5);
    assert_int_equal(cluster->nodes[0].quorum->voted_for, 2);
    cluster_free(cluster);
}

static void acknowledgement_leaves_when_entries_are_durable(void **state)
{
    (void)state;
    struct cluster *cluster = solo_new();
    struct isr_message answer;
    cluster->delay_ns_max = ISR_SECOND;
    solo_append(cluster, 2, 1, 1, 0, 0, 0, 0);
    cluster_run(cluster, 10 * ISR_MS); /* the term is durable */
    cluster->nodes[0].disk_latency_ns = 500 * ISR_MS;
    solo_append(cluster, 2, 1, 2, 0, 0, 3, 1);
    assert_true(solo_sent(cluster, ISR_MESSAGE_APPEND_RESPONSE, &answer));
    assert_int_equal(answer.append_response.round, 1);
    solo_append(cluster, 2, 1, 3, 3, 1, 0, 0); /* a heartbeat is answered at once, but promises nothing */
    assert_true(solo_sent(cluster, ISR_MESSAGE_APPEND_RESPONSE, &answer));
    assert_int_equal(answer.append_response.round, 3);
    assert_int_equal(answer.append_response.success, 1);
    assert_int_equal(answer.append_response.match_index, 0);
    cluster->delay_ns_max = 3 * ISR_SECOND;
    while (cluster->nodes[0].quorum->log_file.durable_index < 3)
        cluster_run(cluster, ISR_MS);
    assert_true(solo_sent(cluster, ISR_MESSAGE_APPEND_RESPONSE, &answer));
    assert_int_equal(answer.append_response.match_index, 3);
    cluster_free(cluster);
}

static void conflict_is_told_a_term_at_once_when_logs_differ(void **state)
{
    (void)state;
    struct cluster *cluster = solo_new();
    struct isr_message answer;
    solo_append(cluster, 2, 1, 1, 0, 0, 2, 1);
    solo_append(cluster, 2, 3, 1, 2, 1, 5, 3);
    solo_append(cluster, 3, 5, 1, 6, 5, 0, 0);
    assert_true(solo_sent(cluster, ISR_MESSAGE_APPEND_RESPONSE, &answer));
    assert_int_equal(answer.append_response.success, 0);
    assert_int_equal(answer.append_response.conflict_term, 3);
    assert_int_equal(answer.append_response.match_index, 2);
    solo_append(cluster, 3, 5, 2, 2, 1, 1, 5);
    assert_int_equal(isr_quorum_last_index(cluster->nodes[0].quorum), 3);
    assert_int_equal(isr_quorum_entry(cluster->nodes[0].quorum, 3)->term, 5);
    assert_int_equal(cluster->truncations, 1);
    cluster_free(cluster);
}

static void nothing_is_cut_when_a_request_is_delayed(void **state)
{
    (void)state;
    struct cluster *cluster = solo_new();
    solo_append(cluster, 2, 1, 1, 0, 0, 2, 1);
    solo_append(cluster, 2, 1, 2, 2, 1, 3, 1);
    solo_append(cluster, 2, 1, 1, 0, 0, 2, 1);
    assert_int_equal(isr_quorum_last_index(cluster->nodes[0].quorum), 5);
    assert_int_equal(cluster->truncations, 0);
    cluster_free(cluster);
}

static void flushed_suffix_does_not_count_when_it_was_cut_meanwhile(void **state)
{
    (void)state;
    struct cluster *cluster = solo_new();
    const struct isr_quorum *quorum = cluster->nodes[0].quorum;
    cluster->nodes[0].disk_latency_ns = 20 * ISR_MS;
    solo_append(cluster, 2, 1, 1, 0, 0, 5, 1);
    solo_append(cluster, 3, 2, 1, 1, 1, 4, 2);
    while (quorum->log_file.durable_index == 0)
        cluster_run(cluster, ISR_MS / 10);
    assert_int_equal(quorum->log_file.durable_index, 1);
    cluster_run(cluster, 200 * ISR_MS);
    assert_int_equal(quorum->log_file.durable_index, 5);
    cluster_power_loss(cluster, 0);
    cluster_start(cluster, 0);
    cluster_run(cluster, 200 * ISR_MS);
    assert_int_equal(isr_quorum_last_index(cluster->nodes[0].quorum), 5);
    assert_int_equal(isr_quorum_entry(cluster->nodes[0].quorum, 5)->term, 2);
    cluster_free(cluster);
}

static void solo_elect(struct cluster *cluster)
{
    struct cluster_node *node = &cluster->nodes[0];
    for (uint32_t i = 0; i < 5000 && !node->quorum->prevoting; i++)
        cluster_run(cluster, ISR_MS);
    struct isr_message vote = {
        .kind = ISR_MESSAGE_VOTE_RESPONSE,
        .vote_response = {
            .term = node->quorum->term, .pre_vote = 1, .request_term = node->quorum->term + 1, .granted = 1}};
    solo_receive(cluster, 2, &vote);
    assert_int_equal(node->quorum->role, ISR_CONSENSUS_CANDIDATE);
    cluster_run(cluster, 10 * ISR_MS);
    vote.vote_response.pre_vote = 0;
    vote.vote_response.term = vote.vote_response.request_term;
    solo_receive(cluster, 2, &vote);
    assert_int_equal(node->quorum->role, ISR_CONSENSUS_LEADER);
}

static void solo_accept(struct cluster *cluster, int32_t from, int64_t match)
{
    struct isr_quorum *quorum = cluster->nodes[0].quorum;
    struct isr_message message = {
        .kind = ISR_MESSAGE_APPEND_RESPONSE,
        .append_response = {
            .term = quorum->term, .round = quorum->round, .success = 1, .match_index = match}};
    solo_receive(cluster, from, &message);
}

/* Figure 3.7: an entry of an earlier term is stored on a majority, and may still be overwritten. */
static void older_term_is_not_committed_when_a_majority_has_it(void **state)
{
    (void)state;
    struct cluster *cluster = solo_new();
    const struct isr_quorum *quorum = cluster->nodes[0].quorum;
    solo_append(cluster, 2, 1, 1, 0, 0, 3, 1);
    solo_elect(cluster);
    assert_int_equal(quorum->noop_index, 4);
    cluster_run(cluster, 20 * ISR_MS);
    solo_accept(cluster, 2, 3);
    solo_accept(cluster, 3, 3);
    assert_int_equal(quorum->commit_index, 0);
    assert_int_equal(cluster->nodes[0].told_role, ISR_CONSENSUS_CANDIDATE);
    assert_int_equal(cluster_propose(cluster, 0, 1, 8), 0);
    solo_accept(cluster, 3, 4);
    assert_int_equal(quorum->commit_index, 4);
    assert_int_equal(quorum->applied_index, 4);
    assert_int_equal(cluster->nodes[0].told_role, ISR_CONSENSUS_LEADER);
    assert_int_equal(cluster_propose(cluster, 0, 1, 8), 5);
    cluster_free(cluster);
}

static void leader_does_not_count_itself_when_its_disk_is_slow(void **state)
{
    (void)state;
    struct cluster *cluster = solo_new();
    const struct isr_quorum *quorum = cluster->nodes[0].quorum;
    solo_elect(cluster);
    cluster_run(cluster, 20 * ISR_MS);
    solo_accept(cluster, 2, 1);
    assert_int_equal(quorum->commit_index, 1);
    cluster->nodes[0].disk_latency_ns = ISR_SECOND;
    cluster_propose(cluster, 0, 1, 8);
    solo_accept(cluster, 2, 2);
    assert_int_equal(quorum->commit_index, 1);
    solo_accept(cluster, 3, 2); /* two others make a majority without it (10.2.1) */
    assert_int_equal(quorum->commit_index, 2);
    assert_true(quorum->log_file.durable_index < 2);
    cluster_free(cluster);
}

static void requests_are_pipelined_when_a_follower_accepts(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_new(3, 1);
    cluster->config.quorum_append_inflight = 3;
    cluster_start(cluster, 0);
    cluster_run(cluster, 100 * ISR_MS);
    const struct isr_quorum *quorum = cluster->nodes[0].quorum;
    solo_elect(cluster);
    cluster_run(cluster, 20 * ISR_MS);
    solo_accept(cluster, 2, 1);
    for (uint64_t i = 0; i < 10; i++)
        cluster_propose(cluster, 0, i, 8);
    assert_int_equal(quorum->peers[0].state, QUORUM_REPLICATE);
    assert_int_equal(quorum->peers[0].inflight_count, 3);
    assert_int_equal(quorum->peers[0].next_index, 5);
    solo_accept(cluster, 2, 2);
    assert_int_equal(quorum->peers[0].next_index, 12); /* the rest in one batch */
    assert_int_equal(quorum->peers[1].state, QUORUM_PROBE);
    assert_int_equal(quorum->peers[1].inflight_count, 1);
    cluster_free(cluster);
}

static void candidate_is_ignored_when_a_leader_is_heard(void **state)
{
    (void)state;
    struct cluster *cluster = solo_new();
    solo_append(cluster, 2, 1, 1, 0, 0, 0, 0);
    struct isr_message request = vote_request(9, 10, 8);
    solo_receive(cluster, 3, &request);
    assert_int_equal(cluster->nodes[0].quorum->term, 1);
    struct isr_message answer;
    request.vote_request.pre_vote = 1;
    solo_receive(cluster, 3, &request);
    assert_true(solo_sent(cluster, ISR_MESSAGE_VOTE_RESPONSE, &answer));
    assert_int_equal(answer.vote_response.granted, 0);
    cluster_free(cluster);
}

/* ---- bad messages ---- */

static int64_t odd_number(struct test_random *random)
{
    static const int64_t odd[] = {INT64_MIN,
                                  INT64_MAX,
                                  INT32_MIN,
                                  INT32_MAX,
                                  -1,
                                  0,
                                  1,
                                  2,
                                  3,
                                  4,
                                  5,
                                  6,
                                  7,
                                  30,
                                  ((int64_t)1 << 60) - 1,
                                  (int64_t)1 << 30,
                                  UINT32_MAX};
    return odd[test_random_below(random, sizeof odd / sizeof odd[0])];
}

static void odd_message(struct test_random *random, struct isr_message *message,
                        struct isr_raft_entry *entries, const uint8_t *bytes)
{
    struct isr_bytes data = {bytes, test_random_below(random, 64)};
    int32_t term = test_random_chance(random, 3) ? (int32_t)odd_number(random)
                                                 : 1 + (int32_t)test_random_below(random, 9);
    uint64_t round =
        test_random_chance(random, 3) ? (uint64_t)odd_number(random) : test_random_below(random, 30);
    *message = (struct isr_message){.kind = ISR_MESSAGE_VOTE_REQUEST + test_random_below(random, 7)};
    if (message->kind == ISR_MESSAGE_VOTE_REQUEST) {
        message->vote_request =
            (struct isr_vote_request){term, (uint8_t)test_random_below(random, 3), odd_number(random),
                                      (int32_t)odd_number(random), (uint8_t)test_random_below(random, 3)};
    } else if (message->kind == ISR_MESSAGE_VOTE_RESPONSE) {
        message->vote_response = (struct isr_vote_response){term, (uint8_t)test_random_below(random, 3), term,
                                                            (uint8_t)test_random_below(random, 3)};
    } else if (message->kind == ISR_MESSAGE_APPEND_REQUEST) {
        uint32_t count = test_random_below(random, 4);
        for (uint32_t i = 0; i < count; i++)
            entries[i] = (struct isr_raft_entry){(int32_t)test_random_below(random, 9),
                                                 (uint8_t)test_random_below(random, 4), data};
        message->append_request = (struct isr_append_request){
            term, round, odd_number(random), (int32_t)odd_number(random), odd_number(random), entries, count};
    } else if (message->kind == ISR_MESSAGE_APPEND_RESPONSE) {
        message->append_response =
            (struct isr_append_response){term, round, (uint8_t)test_random_below(random, 3),
                                         odd_number(random), (int32_t)odd_number(random)};
    } else if (message->kind == ISR_MESSAGE_SNAPSHOT_REQUEST) {
        message->snapshot_request = (struct isr_snapshot_request){
            .term = term,
            .round = round,
            .last_index = odd_number(random),
            .last_term = (int32_t)odd_number(random),
            .offset = (uint32_t)odd_number(random),
            .total_bytes = (uint32_t)odd_number(random),
            .members_index = odd_number(random),
            .voters = isr_replicas_unpack(test_random_below(random, 4) * 0x030201),
            .learners = isr_replicas_unpack(test_random_below(random, 4)),
            .data = data};
    } else if (message->kind == ISR_MESSAGE_TIMEOUT_NOW_REQUEST) {
        message->timeout_now_request = (struct isr_timeout_now_request){term};
    } else {
        message->snapshot_response =
            (struct isr_snapshot_response){term, round, odd_number(random), (uint32_t)odd_number(random),
                                           (uint8_t)test_random_below(random, 3)};
    }
}

static void leader_takes_no_notice_when_a_rejection_names_an_impossible_index(void **state)
{
    (void)state;
    struct cluster *cluster = solo_new();
    const struct isr_quorum *quorum = cluster->nodes[0].quorum;
    solo_elect(cluster);
    cluster_run(cluster, 20 * ISR_MS);
    int64_t next_index = quorum->peers[0].next_index;
    struct isr_message message = {
        .kind = ISR_MESSAGE_APPEND_RESPONSE,
        .append_response = {.term = quorum->term, .round = quorum->round, .match_index = INT64_MAX}};
    solo_receive(cluster, quorum->peers[0].node, &message);
    assert_int_equal(quorum->role, ISR_CONSENSUS_LEADER);
    assert_int_equal(quorum->peers[0].next_index, next_index);
    cluster_free(cluster);
}

static void nothing_breaks_when_messages_are_nonsense(void **state)
{
    (void)state;
    uint8_t bytes[64] = {9};
    struct isr_raft_entry entries[4];
    for (uint64_t seed = 0; seed < 150; seed++) {
        struct cluster *cluster = solo_new();
        cluster->nodes[0].env.config.quorum_snapshot_entries = 10;
        if (seed % 2 == 0)
            solo_elect(cluster);
        cluster->unchecked = true;
        struct test_random random = {seed};
        cluster->nodes[0].load_fails = test_random_chance(&random, 2);
        for (uint32_t i = 0; i < 300 && cluster->nodes[0].alive; i++) {
            struct isr_message message;
            odd_message(&random, &message, entries, bytes);
            if (message.kind == ISR_MESSAGE_APPEND_REQUEST && test_random_chance(&random, 2)) {
                message.append_request.term =
                    cluster->nodes[0].quorum->term + (int32_t)test_random_below(&random, 2);
                message.append_request.prev_log_index = isr_quorum_last_index(cluster->nodes[0].quorum);
                message.append_request.prev_log_term = quorum_log_last_term(&cluster->nodes[0].quorum->log);
            }
            solo_receive(cluster, 1 + (int32_t)test_random_below(&random, 4), &message);
            if (cluster->nodes[0].alive && test_random_chance(&random, 8))
                cluster_run(cluster, (int64_t)test_random_below(&random, 900) * ISR_MS);
        }
        cluster_free(cluster);
    }
}

/* ---- clusters ---- */

static struct cluster *cluster_elected(uint32_t count, uint64_t seed, uint32_t *leader)
{
    struct cluster *cluster = cluster_new(count, seed);
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

static void expect_equal_machines(struct cluster *cluster)
{
    assert_null(cluster->failure);
    for (uint32_t i = 0; i < cluster->count; i++) {
        assert_true(cluster->nodes[i].alive);
        assert_int_equal(cluster->nodes[i].state, cluster->nodes[0].state);
        assert_int_equal(cluster->nodes[i].applied_count, cluster->nodes[0].applied_count);
    }
}

static void serves_alone_when_it_is_the_only_voter(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_new(1, 1);
    cluster_start_all(cluster);
    cluster_run(cluster, 100 * ISR_MS);
    assert_int_equal(cluster_leader(cluster), 0);
    propose_many(cluster, 0, 5);
    cluster_power_loss(cluster, 0);
    cluster_start_all(cluster);
    cluster_run(cluster, 100 * ISR_MS);
    assert_int_equal(cluster->nodes[0].applied_count, 5);
    assert_null(cluster->failure);
    cluster_free(cluster);
}

static void leader_stays_when_a_node_rejoins(void **state)
{
    (void)state;
    uint32_t leader;
    struct cluster *cluster = cluster_elected(3, 2, &leader);
    uint32_t away = (leader + 1) % 3;
    int32_t term = cluster->nodes[leader].quorum->term;
    cluster_isolate(cluster, away, true);
    cluster_run(cluster, 20 * ISR_SECOND);
    assert_int_equal(cluster->nodes[away].quorum->term, term); /* 9.6 */
    cluster_isolate(cluster, away, false);
    cluster_run(cluster, 5 * ISR_SECOND);
    assert_int_equal(cluster_leader(cluster), (int)leader);
    assert_int_equal(cluster->nodes[leader].quorum->term, term);
    assert_int_equal(cluster->nodes[away].quorum->leader, (int32_t)leader + 1);
    cluster_free(cluster);
}

static void leader_steps_down_when_it_hears_no_majority(void **state)
{
    (void)state;
    uint32_t leader;
    struct cluster *cluster = cluster_elected(5, 3, &leader);
    cluster_isolate(cluster, leader, true);
    cluster_run(cluster, cluster->config.quorum_election_timeout + 300 * ISR_MS);
    assert_int_equal(cluster->nodes[leader].told_role, ISR_CONSENSUS_FOLLOWER);
    assert_int_equal(cluster_propose(cluster, leader, 1, 8), 0);
    cluster_run(cluster, 5 * ISR_SECOND);
    assert_true(cluster_leader(cluster) >= 0);
    assert_int_not_equal(cluster_leader(cluster), (int)leader);
    cluster_free(cluster);
}

static void leader_leads_on_alone_when_the_rule_is_off(void **state)
{
    (void)state;
    uint32_t leader;
    struct cluster *cluster = cluster_elected(5, 3, &leader);
    cluster->nodes[leader].env.rules.check_quorum = ISR_RULE_check_quorum_off;
    cluster_isolate(cluster, leader, true);
    cluster_run(cluster, 10 * cluster->config.quorum_election_timeout);
    assert_int_equal(cluster->nodes[leader].told_role, ISR_CONSENSUS_LEADER);
    cluster_isolate(cluster, leader, false);
    cluster_run(cluster, 5 * ISR_SECOND);
    assert_int_equal(cluster->nodes[leader].told_role, ISR_CONSENSUS_FOLLOWER);
    cluster_free(cluster);
}

static void leader_stays_when_only_its_disk_is_slow(void **state)
{
    (void)state;
    uint32_t leader;
    struct cluster *cluster = cluster_elected(3, 4, &leader);
    for (uint32_t i = 0; i < 3; i++)
        cluster->nodes[i].disk_latency_ns = 3 * ISR_SECOND;
    for (uint32_t i = 0; i < 10; i++) {
        cluster_propose(cluster, leader, i, 8);
        cluster_run(cluster, ISR_SECOND);
    }
    assert_int_equal(cluster_leader(cluster), (int)leader);
    assert_int_equal(cluster->elections, 1);
    cluster_free(cluster);
}

static void resigned(void *object)
{
    *(bool *)object = true;
}

static void another_leads_when_the_leader_resigns(void **state)
{
    (void)state;
    uint32_t leader;
    bool done = false;
    struct cluster *cluster = cluster_elected(3, 5, &leader);
    struct cluster_node *node = &cluster->nodes[leader];
    isr_env_begin(&node->env, cluster->now_ns);
    node->quorum->base.ops->resign(&node->quorum->base, resigned, &done);
    step_finish(cluster, leader);
    assert_false(done);
    cluster_run(cluster, 200 * ISR_MS); /* told to stand, nobody waits for an election timeout */
    assert_true(done);
    assert_int_equal(node->told_role, ISR_CONSENSUS_FOLLOWER);
    assert_true(cluster_leader(cluster) >= 0);
    assert_int_not_equal(cluster_leader(cluster), (int)leader);
    assert_int_equal(cluster->elections, 2);
    cluster_free(cluster);
}

static void goes_without_a_successor_when_its_patience_is_over(void **state)
{
    (void)state;
    uint32_t leader;
    bool done = false;
    struct cluster *cluster = cluster_elected(3, 5, &leader);
    struct cluster_node *node = &cluster->nodes[leader];
    isr_env_begin(&node->env, cluster->now_ns);
    node->quorum->base.ops->resign(&node->quorum->base, resigned, &done);
    quorum_resignation_fire(node->quorum); /* as if nobody had answered all that time */
    step_finish(cluster, leader);
    assert_true(done);
    assert_int_equal(node->quorum->role, ISR_CONSENSUS_FOLLOWER);
    cluster_free(cluster);
}

static void snapshot_is_installed_when_a_follower_lags(void **state)
{
    (void)state;
    for (int64_t piece = 64; piece <= 1024; piece *= 4) {
        uint32_t leader;
        struct cluster *cluster = cluster_elected(3, 6, &leader);
        for (uint32_t i = 0; i < 3; i++)
            cluster->nodes[i].env.config.quorum_append_max_bytes = piece;
        uint32_t away = (leader + 1) % 3;
        cluster_isolate(cluster, away, true);
        propose_many(cluster, leader, 90);
        assert_true(cluster->nodes[leader].quorum->log.base_index > 30);
        cluster->loss_permille = 100;
        cluster->duplicate_permille = 100;
        cluster_isolate(cluster, away, false);
        cluster_run(cluster, 10 * ISR_SECOND);
        assert_int_equal(cluster->snapshots_installed, 1);
        expect_equal_machines(cluster);
        cluster_free(cluster);
    }
}

static void state_is_back_when_all_lose_power(void **state)
{
    (void)state;
    uint32_t leader;
    struct cluster *cluster = cluster_elected(3, 7, &leader);
    propose_many(cluster, leader, 50);
    uint64_t machine = cluster->nodes[leader].state;
    for (uint32_t i = 0; i < 3; i++)
        cluster_power_loss(cluster, i);
    cluster_start_all(cluster);
    cluster_run(cluster, 5 * ISR_SECOND);
    expect_equal_machines(cluster);
    assert_int_equal(cluster->nodes[0].state, machine);
    assert_true(cluster->nodes[0].quorum->snapshot_index > 0);
    cluster_free(cluster);
}

/* ---- damaged disks ---- */

static struct disk_file *log_file(struct cluster *cluster, uint32_t place)
{
    struct isr_file name = quorum_file(ISR_FILE_QUORUM_LOG, cluster->nodes[place].quorum->log_file.number);
    return disk_find(&cluster->nodes[place].disk, name, false);
}

static void tail_is_cut_when_it_is_torn(void **state)
{
    (void)state;
    struct cluster *cluster = solo_new();
    solo_append(cluster, 2, 1, 1, 0, 0, 4, 1);
    cluster_run(cluster, 50 * ISR_MS);
    struct disk_file *file = log_file(cluster, 0);
    cluster_kill(cluster, 0);
    bytes_resize(&file->durable, file->durable.size - 3);
    bytes_copy(&file->cached, &file->durable);
    cluster_start(cluster, 0);
    cluster_run(cluster, 50 * ISR_MS);
    assert_int_equal(isr_quorum_last_index(cluster->nodes[0].quorum), 3);
    assert_int_equal(log_file(cluster, 0)->durable.size,
                     QUORUM_LOG_HEADER_BYTES + QUORUM_MARK_BYTES + 3 * QUORUM_RECORD_BYTES);
    cluster_free(cluster);
}

/* Behind the last record lies the mark of the sync that made it durable. */
static void halts_when_a_durable_record_rots(void **state)
{
    (void)state;
    struct cluster *cluster = solo_new();
    solo_append(cluster, 2, 1, 1, 0, 0, 4, 1);
    cluster_run(cluster, 50 * ISR_MS);
    struct disk_file *file = log_file(cluster, 0);
    cluster_kill(cluster, 0);
    size_t place = QUORUM_LOG_HEADER_BYTES + QUORUM_MARK_BYTES + 3 * QUORUM_RECORD_BYTES + 10;
    file->cached.data[place] ^= 4;
    bytes_copy(&file->durable, &file->cached);
    cluster->unchecked = true;
    cluster_start(cluster, 0);
    cluster_run(cluster, 50 * ISR_MS);
    assert_true(cluster->nodes[0].exited);
    cluster_free(cluster);
}

static void term_of_the_log_counts_when_the_vote_file_is_older(void **state)
{
    (void)state;
    struct cluster *cluster = solo_new();
    solo_append(cluster, 2, 6, 1, 0, 0, 2, 6);
    cluster_run(cluster, 50 * ISR_MS);
    struct disk_file *file = disk_find(&cluster->nodes[0].disk, quorum_file(ISR_FILE_QUORUM_VOTE, 0), false);
    cluster_kill(cluster, 0);
    quorum_vote_put(file->cached.data, 4, 3);
    cluster_start(cluster, 0);
    cluster_run(cluster, 50 * ISR_MS);
    assert_int_equal(cluster->nodes[0].quorum->term, 6);
    assert_int_equal(cluster->nodes[0].quorum->voted_for, ISR_NODE_NONE);
    assert_int_equal(cluster->nodes[0].quorum->vote_file.durable_term, 6);
    cluster_free(cluster);
}

static void writes_of_a_killed_process_are_synced_when_the_next_reads_them(void **state)
{
    (void)state;
    struct cluster *cluster = solo_new();
    solo_append(cluster, 2, 1, 1, 0, 0, 3, 1);
    while (log_file(cluster, 0)->changes_count == 0)
        cluster_run(cluster, ISR_MS / 20); /* written, not synced */
    node_drop(&cluster->nodes[0]);
    cluster_start(cluster, 0);
    cluster_run(cluster, 50 * ISR_MS);
    assert_int_equal(isr_quorum_last_index(cluster->nodes[0].quorum), 3);
    assert_int_equal(cluster->nodes[0].quorum->log_file.durable_index, 3);
    cluster_power_loss(cluster, 0);
    cluster_start(cluster, 0);
    cluster_run(cluster, 50 * ISR_MS);
    assert_int_equal(isr_quorum_last_index(cluster->nodes[0].quorum), 3);
    cluster_free(cluster);
}

static void halts_when_the_disk_fails(void **state)
{
    (void)state;
    struct cluster *cluster = solo_new();
    cluster->nodes[0].disk_fails = true;
    solo_append(cluster, 2, 1, 1, 0, 0, 3, 1);
    cluster_run(cluster, 50 * ISR_MS);
    assert_true(cluster->nodes[0].exited);
    cluster_free(cluster);
}

static void halts_when_a_file_that_is_replaced_whole_is_damaged(void **state)
{
    (void)state;
    static const enum isr_file_kind kinds[] = {ISR_FILE_QUORUM_VOTE, ISR_FILE_QUORUM_LOG,
                                               ISR_FILE_QUORUM_SNAPSHOT};
    for (unsigned i = 0; i < 3; i++) {
        uint32_t leader;
        struct cluster *cluster = cluster_elected(3, 8, &leader);
        propose_many(cluster, leader, 60);
        struct cluster_node *node = &cluster->nodes[leader];
        int64_t number = kinds[i] == ISR_FILE_QUORUM_LOG        ? node->quorum->log_file.number
                         : kinds[i] == ISR_FILE_QUORUM_SNAPSHOT ? node->quorum->snapshot_index
                                                                : 0;
        struct disk_file *file = disk_find(&node->disk, quorum_file(kinds[i], number), false);
        assert_non_null(file);
        cluster_kill(cluster, leader);
        file->cached.data[5] ^= 4;
        cluster->unchecked = true; /* an exit is expected */
        cluster_start(cluster, leader);
        cluster_run(cluster, 100 * ISR_MS);
        assert_true(node->exited);
        cluster_free(cluster);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vote_leaves_when_it_is_durable),
        cmocka_unit_test(acknowledgement_leaves_when_entries_are_durable),
        cmocka_unit_test(conflict_is_told_a_term_at_once_when_logs_differ),
        cmocka_unit_test(nothing_is_cut_when_a_request_is_delayed),
        cmocka_unit_test(flushed_suffix_does_not_count_when_it_was_cut_meanwhile),
        cmocka_unit_test(older_term_is_not_committed_when_a_majority_has_it),
        cmocka_unit_test(leader_does_not_count_itself_when_its_disk_is_slow),
        cmocka_unit_test(requests_are_pipelined_when_a_follower_accepts),
        cmocka_unit_test(candidate_is_ignored_when_a_leader_is_heard),
        cmocka_unit_test(leader_takes_no_notice_when_a_rejection_names_an_impossible_index),
        cmocka_unit_test(nothing_breaks_when_messages_are_nonsense),
        cmocka_unit_test(serves_alone_when_it_is_the_only_voter),
        cmocka_unit_test(leader_stays_when_a_node_rejoins),
        cmocka_unit_test(leader_steps_down_when_it_hears_no_majority),
        cmocka_unit_test(leader_leads_on_alone_when_the_rule_is_off),
        cmocka_unit_test(leader_stays_when_only_its_disk_is_slow),
        cmocka_unit_test(another_leads_when_the_leader_resigns),
        cmocka_unit_test(goes_without_a_successor_when_its_patience_is_over),
        cmocka_unit_test(snapshot_is_installed_when_a_follower_lags),
        cmocka_unit_test(state_is_back_when_all_lose_power),
        cmocka_unit_test(tail_is_cut_when_it_is_torn),
        cmocka_unit_test(term_of_the_log_counts_when_the_vote_file_is_older),
        cmocka_unit_test(writes_of_a_killed_process_are_synced_when_the_next_reads_them),
        cmocka_unit_test(halts_when_the_disk_fails),
        cmocka_unit_test(halts_when_a_durable_record_rots),
        cmocka_unit_test(halts_when_a_file_that_is_replaced_whole_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
