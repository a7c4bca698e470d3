/* The leader's high watermark under each commit policy, who may come into the ISR under it, and what a
 * replica tells a controller that looks for a leader. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/broker/tests/harness.h"

static struct cluster *cluster_of(enum isr_commit_policy commit, enum isr_leader_choice choice)
{
    struct cluster_spec spec = standard();
    spec.min_isr = 1;
    spec.settings.commit = commit;
    spec.settings.leader_choice = choice;
    struct cluster *cluster = cluster_new(&spec);
    PARTITION(cluster, .leader = 1, .leader_epoch = 1, .partition_epoch = 1, .replicas = "123", .isr = "123");
    settle(cluster);
    return cluster;
}

/* How far a record is committed when so many of the followers 2 and 3 are cut off. */
static int64_t committed_without(enum isr_commit_policy commit, int cut_off)
{
    struct cluster *cluster = cluster_of(commit, ISR_LEADER_CHOICE_IN_SYNC);
    for (int32_t id = 3; id > 3 - cut_off; id--)
        isolate(cluster, id, true);
    produce(cluster, 1, -1, 1);
    settle(cluster);
    int64_t mark = mark_of(cluster, 1);
    cluster_free(cluster);
    return mark;
}

static void commits_when_so_many_hold_it_as_the_policy_asks(void **state)
{
    (void)state;
    static const int may_be_away[ISR_COMMIT_POLICIES] = {[ISR_COMMIT_ALL_ISR] = 0,
                                                         [ISR_COMMIT_QUORUM] = 1,
                                                         [ISR_COMMIT_SEMI_SYNC] = 1,
                                                         [ISR_COMMIT_FULLY_SYNC] = 0,
                                                         [ISR_COMMIT_ASYNC] = 2};
    for (int i = 0; i < ISR_COMMIT_POLICIES; i++) {
        for (int away = 0; away <= 2; away++)
            assert_int_equal(committed_without((enum isr_commit_policy)i, away),
                             away <= may_be_away[i] ? 1 : 0);
    }
}

static void accepts_all_below_min_isr_when_the_policy_counts_replicas(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.settings.commit = ISR_COMMIT_FULLY_SYNC;
    struct cluster *cluster = cluster_new(&spec); /* min ISR 2 */
    PARTITION(cluster, .leader = 1, .leader_epoch = 1, .partition_epoch = 1, .replicas = "123", .isr = "1");
    settle(cluster);
    uint32_t asked = produce(cluster, 1, -1, 1);
    settle(cluster);
    assert_produced(cluster, asked, 0);
    cluster_free(cluster);
}

static void commits_nothing_of_older_epochs_when_leaders_are_found_by_logs(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_of(ISR_COMMIT_QUORUM, ISR_LEADER_CHOICE_MOST_UP_TO_DATE);
    isolate(cluster, 1, true);
    produce(cluster, 1, -1, 2);
    settle(cluster);
    isolate(cluster, 1, false);
    PARTITION(cluster, .leader = ISR_NODE_NONE, .leader_epoch = 2, .partition_epoch = 2, .replicas = "123",
              .isr = "123");
    PARTITION(cluster, .leader = 1, .leader_epoch = 3, .partition_epoch = 3, .replicas = "123", .isr = "1");
    pass(cluster, 2 * ISR_SECOND);
    assert_int_equal(end_of(cluster, 2), 2);
    assert_int_equal(end_of(cluster, 3), 2);
    assert_int_equal(mark_of(cluster, 1), 0); /* all have them, and still */
    produce(cluster, 1, -1, 1);
    settle(cluster);
    assert_int_equal(mark_of(cluster, 1), 3);
    cluster_free(cluster);
}

/* Asks for what comes after offset, as node 2 would. */
static void fetch_at(struct cluster *cluster, int64_t offset)
{
    struct isr_fetch_partition asked = {.tp = TP,
                                        .current_leader_epoch = 1,
                                        .fetch_offset = offset,
                                        .last_fetched_epoch = offset > 0 ? 1 : ISR_EPOCH_NONE,
                                        .max_bytes = 1 << 20};
    struct isr_message message = {.kind = ISR_MESSAGE_FETCH_REQUEST,
                                  .fetch_request = {.correlation = ++cluster->next_correlation,
                                                    .replica_id = 2,
                                                    .replica_epoch = -1,
                                                    .max_bytes = 1 << 20,
                                                    .partitions = &asked,
                                                    .partitions_count = 1}};
    request(cluster, 2, 1, &message);
    settle(cluster);
}

/* Each time it reaches the end as it was at its fetch before, never the end as it is. */
static enum isr_isr_state state_after_keeping_pace(enum isr_commit_policy commit)
{
    struct cluster_spec spec = standard();
    spec.min_isr = 1;
    spec.settings.commit = commit;
    struct cluster *cluster = cluster_new(&spec);
    PARTITION(cluster, .leader = 1, .leader_epoch = 1, .partition_epoch = 1, .replicas = "12", .isr = "1");
    isolate(cluster, 2, true); /* the test plays it */
    cluster->cut[2][1] = false;
    produce(cluster, 1, -1, 1);
    settle(cluster);
    for (int64_t i = 0; i < 3; i++) {
        fetch_at(cluster, i);
        produce(cluster, 1, -1, 1);
        pass(cluster, 10 * ISR_MS);
    }
    fetch_at(cluster, 3);
    enum isr_isr_state isr_state = at(cluster, 1)->isr_state;
    cluster_free(cluster);
    return isr_state;
}

static void lets_a_follower_in_that_keeps_pace_when_the_isr_does_not_decide(void **state)
{
    (void)state;
    assert_int_equal(state_after_keeping_pace(ISR_COMMIT_ASYNC), ISR_STATE_PENDING_EXPAND);
}

/* ---- how far does your log go? ---- */

static struct isr_log_info_answer told(struct cluster *cluster, int32_t node, int32_t leader_epoch)
{
    struct isr_log_info_query query = {.tp = TP, .leader_epoch = leader_epoch};
    struct isr_message message = {.kind = ISR_MESSAGE_LOG_INFO_REQUEST,
                                  .log_info_request = {.partitions = &query, .partitions_count = 1}};
    cluster->controller_count = 0;
    request(cluster, CONTROLLER, node, &message);
    settle(cluster);
    for (uint32_t i = 0; i < cluster->controller_count; i++) {
        if (cluster->controller[i].kind != ISR_MESSAGE_LOG_INFO_RESPONSE)
            continue;
        const struct isr_log_info_response *response = &cluster->controller[i].log_info_response;
        assert_int_equal(response->partitions_count, 1);
        assert_int_equal(response->broker_epoch, cluster->nodes[node].broker.broker_epoch);
        return response->partitions[0];
    }
    fail_msg("no answer");
    return (struct isr_log_info_answer){0};
}

static void tells_its_log_when_it_has_left_the_old_leader(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_of(ISR_COMMIT_QUORUM, ISR_LEADER_CHOICE_MOST_UP_TO_DATE);
    produce(cluster, 1, -1, 3);
    settle(cluster);
    assert_int_equal(told(cluster, 2, 2).error, ISR_ERROR_UNKNOWN_LEADER_EPOCH);
    PARTITION(cluster, .leader = ISR_NODE_NONE, .leader_epoch = 2, .partition_epoch = 2, .replicas = "123",
              .isr = "23");
    struct isr_log_info_answer answer = told(cluster, 2, 2);
    assert_int_equal(answer.error, ISR_ERROR_NONE);
    assert_int_equal(answer.leader_epoch, 2);
    assert_int_equal(answer.last_epoch, 1);
    assert_int_equal(answer.log_end, 3);
    assert_int_equal(told(cluster, 1, 2).error, ISR_ERROR_NONE); /* the old leader, too */
    cluster_free(cluster);
}

static void obeys_the_old_leader_no_more_when_it_told_its_log(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_of(ISR_COMMIT_QUORUM, ISR_LEADER_CHOICE_MOST_UP_TO_DATE);
    for (int32_t id = 2; id <= 3; id++) /* n1 does not hear of it */
        PARTITION_TO(cluster, id, .leader = ISR_NODE_NONE, .leader_epoch = 2, .partition_epoch = 2,
                     .replicas = "123", .isr = "23");
    assert_int_equal(told(cluster, 2, 2).error, ISR_ERROR_NONE);
    produce(cluster, 1, -1, 1);
    pass(cluster, 3 * ISR_SECOND);
    assert_int_equal(end_of(cluster, 1), 1);
    assert_int_equal(end_of(cluster, 2), 0);
    assert_int_equal(mark_of(cluster, 1), 0);
    cluster_free(cluster);
}

static void refuses_to_tell_when_the_question_makes_no_sense(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_of(ISR_COMMIT_QUORUM, ISR_LEADER_CHOICE_MOST_UP_TO_DATE);
    assert_int_equal(told(cluster, 2, 0).error, ISR_ERROR_FENCED_LEADER_EPOCH);
    assert_int_equal(told(cluster, 2, 1).error, ISR_ERROR_FENCED_LEADER_EPOCH); /* it has a leader */
    assert_int_equal(told(cluster, 2, -1).error, ISR_ERROR_INVALID_REQUEST);
    PARTITION(cluster, .leader = 1, .leader_epoch = 1, .partition_epoch = 2, .replicas = "13", .isr = "13");
    assert_int_equal(told(cluster, 2, 1).error, ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commits_when_so_many_hold_it_as_the_policy_asks),
        cmocka_unit_test(accepts_all_below_min_isr_when_the_policy_counts_replicas),
        cmocka_unit_test(commits_nothing_of_older_epochs_when_leaders_are_found_by_logs),
        cmocka_unit_test(lets_a_follower_in_that_keeps_pace_when_the_isr_does_not_decide),
        cmocka_unit_test(tells_its_log_when_it_has_left_the_old_leader),
        cmocka_unit_test(obeys_the_old_leader_no_more_when_it_told_its_log),
        cmocka_unit_test(refuses_to_tell_when_the_question_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
