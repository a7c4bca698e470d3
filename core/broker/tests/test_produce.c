#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/broker/tests/harness.h"

/* Three brokers, one partition led by 1 in epoch 1, everybody in the ISR, followers caught up. */
static struct cluster *running(const struct cluster_spec *spec)
{
    struct cluster *cluster = cluster_new(spec);
    PARTITION(cluster, .leader = 1, .leader_epoch = 1, .partition_epoch = 1, .replicas = "123", .isr = "123");
    settle(cluster);
    return cluster;
}

static void answers_after_the_high_watermark_passed_when_acks_is_all(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec);
    isolate(cluster, 3, true);
    uint32_t id = produce(cluster, 1, -1, 5);
    settle(cluster);
    assert_int_equal(end_of(cluster, 1), 5);
    assert_int_equal(end_of(cluster, 2), 5);
    assert_int_equal(mark_of(cluster, 1), 0);
    assert_null(produced(cluster, id));
    isolate(cluster, 3, false);
    pass(cluster, 5 * ISR_SECOND);
    assert_produced(cluster, id, 0);
    for (int32_t node = 1; node <= 3; node++) {
        assert_int_equal(end_of(cluster, node), 5);
        assert_int_equal(mark_of(cluster, node), 5);
    }
    const struct isr_observation *seen = last_seen(cluster, 1, ISR_OBSERVED_HIGH_WATERMARK_ADVANCED);
    assert_non_null(seen);
    assert_int_equal(seen->high_watermark_advanced.to, 5);
    assert_int_equal(seen->high_watermark_advanced.cause, ISR_CAUSE_FOLLOWER_FETCH);
    assert_int_equal(
        last_seen(cluster, 2, ISR_OBSERVED_HIGH_WATERMARK_ADVANCED)->high_watermark_advanced.cause,
        ISR_CAUSE_LEADER_TOLD);
    cluster_free(cluster);
}

static void answers_after_the_own_write_when_acks_is_one(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec);
    isolate(cluster, 1, true);
    cluster->nodes[1].disk_held = true;
    uint32_t id = produce(cluster, 1, 1, 1);
    settle(cluster);
    assert_int_equal(end_of(cluster, 1), 1);
    assert_null(produced(cluster, id));
    cluster->nodes[1].disk_held = false;
    settle(cluster);
    assert_produced(cluster, id, 0);
    assert_int_equal(mark_of(cluster, 1), 0);
    cluster_free(cluster);
}

static void never_answers_when_acks_is_zero(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec);
    uint32_t good = produce(cluster, 1, 0, 1);
    uint32_t bad = produce(cluster, 2, 0, 1);
    settle(cluster);
    assert_int_equal(mark_of(cluster, 1), 1);
    assert_null(produced(cluster, good));
    assert_null(produced(cluster, bad));
    assert_int_equal(cluster->nodes[2].env.metrics.produce_errors, 1);
    cluster_free(cluster);
}

static void counts_records_once_when_they_are_appended(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec);
    uint32_t id = produce(cluster, 1, -1, 4);
    settle(cluster);
    assert_produced(cluster, id, 0);
    assert_int_equal(cluster->nodes[1].env.metrics.records_appended_leader, 4);
    assert_int_equal(cluster->nodes[1].env.metrics.records_appended_follower, 0);
    assert_int_equal(cluster->nodes[2].env.metrics.records_appended_follower, 4);
    assert_int_equal(cluster->nodes[2].env.metrics.records_appended_leader, 0);
    cluster_free(cluster);
}

static void sends_nothing_to_followers_before_the_own_write(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec);
    cluster->nodes[1].disk_held = true;
    produce(cluster, 1, -1, 4);
    settle(cluster);
    assert_int_equal(end_of(cluster, 2), 0);
    cluster->nodes[1].disk_held = false;
    settle(cluster);
    assert_int_equal(end_of(cluster, 2), 4);
    cluster_free(cluster);
}

static void holds_the_high_watermark_when_a_followers_write_is_under_way(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec);
    cluster->nodes[2].disk_held = true;
    uint32_t id = produce(cluster, 1, -1, 4);
    settle(cluster);
    assert_int_equal(end_of(cluster, 2), 4);
    assert_int_equal(mark_of(cluster, 1), 0);
    assert_null(produced(cluster, id));
    cluster->nodes[2].disk_held = false;
    settle(cluster);
    assert_int_equal(mark_of(cluster, 1), 4);
    assert_produced(cluster, id, 0);
    cluster_free(cluster);
}

static void refuses_when_the_request_makes_no_sense(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec);
    uint32_t acks = produce(cluster, 1, 2, 1);
    uint32_t damaged =
        produce_with(cluster, 1, (struct produce_spec){.acks = -1, .records = 1, .damaged = true});
    uint32_t follower = produce(cluster, 2, 1, 1);
    uint32_t negative = produce_with(
        cluster, 1, (struct produce_spec){.acks = 1, .records = 1, .producer_id = -7, .sequence = 0});
    uint32_t no_epoch = produce_with(
        cluster, 1, (struct produce_spec){.acks = 1, .records = 1, .producer_id = 7, .producer_epoch = -1});
    struct isr_message strange = {.kind = ISR_MESSAGE_PRODUCE_REQUEST,
                                  .produce_request = {.correlation = 999, .tp = {9, 9}, .acks = 1}};
    request(cluster, CLIENT, 1, &strange);
    settle(cluster);
    assert_refused(cluster, acks, ISR_ERROR_INVALID_REQUIRED_ACKS);
    assert_refused(cluster, damaged, ISR_ERROR_CORRUPT_MESSAGE);
    assert_refused(cluster, follower, ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    assert_int_equal(produced(cluster, follower)->leader, 1);
    assert_int_equal(produced(cluster, follower)->leader_epoch, 1);
    assert_int_not_equal(produced(cluster, negative)->error, ISR_ERROR_NONE);
    assert_int_not_equal(produced(cluster, no_epoch)->error, ISR_ERROR_NONE);
    assert_refused(cluster, 999, ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(end_of(cluster, 1), 0);
    cluster_free(cluster);
}

static void times_out_when_the_high_watermark_stands_still(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec);
    isolate(cluster, 2, true);
    uint32_t id = produce_with(cluster, 1,
                               (struct produce_spec){.acks = -1, .records = 1, .timeout_ns = 2 * ISR_SECOND});
    pass(cluster, ISR_SECOND);
    assert_null(produced(cluster, id));
    pass(cluster, 1 * ISR_SECOND);
    assert_refused(cluster, id, ISR_ERROR_REQUEST_TIMED_OUT);
    cluster_free(cluster);
}

static void answers_not_leader_when_the_leader_is_demoted(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec);
    isolate(cluster, 1, true);
    cluster->nodes[1].disk_held = true;
    uint32_t all = produce(cluster, 1, -1, 1);
    uint32_t one = produce(cluster, 1, 1, 1);
    settle(cluster);
    PARTITION(cluster, .leader = 2, .leader_epoch = 2, .partition_epoch = 2, .replicas = "123", .isr = "23");
    settle(cluster);
    assert_refused(cluster, all, ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    assert_refused(cluster, one, ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    assert_int_equal(produced(cluster, all)->leader, 2);
    cluster_free(cluster);
}

static void refuses_acks_all_when_the_isr_is_below_min_isr(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec);
    PARTITION(cluster, .leader = 1, .leader_epoch = 1, .partition_epoch = 2, .replicas = "123", .isr = "1");
    uint32_t all = produce(cluster, 1, -1, 1);
    uint32_t one = produce(cluster, 1, 1, 1);
    settle(cluster);
    assert_refused(cluster, all, ISR_ERROR_NOT_ENOUGH_REPLICAS);
    assert_produced(cluster, one, 0);
    assert_int_equal(cluster->nodes[1].env.metrics.partitions_under_min_isr, 1);
    assert_int_equal(cluster->nodes[1].env.metrics.partitions_under_replicated, 1);
    cluster_free(cluster);
}

static void accepts_a_single_replica_when_rule_min_isr_is_one(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.rules.min_isr = ISR_RULE_min_isr_one;
    struct cluster *cluster = running(&spec);
    isolate(cluster, 1, true);
    PARTITION(cluster, .leader = 1, .leader_epoch = 1, .partition_epoch = 2, .replicas = "123", .isr = "1");
    uint32_t all = produce(cluster, 1, -1, 1);
    pass(cluster, 20 * ISR_SECOND); /* until nobody outside is caught up that would be waited for */
    assert_produced(cluster, all, 0);
    cluster_free(cluster);
}

static void wakes_waiters_when_the_isr_shrinks_below_min_isr(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec);
    isolate(cluster, 1, true);
    uint32_t all = produce(cluster, 1, -1, 1);
    settle(cluster);
    assert_null(produced(cluster, all));
    PARTITION(cluster, .leader = 1, .leader_epoch = 1, .partition_epoch = 2, .replicas = "123", .isr = "1",
              .cause = ISR_CAUSE_BROKER_FENCED);
    settle(cluster);
    assert_refused(cluster, all, ISR_ERROR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    assert_int_equal(mark_of(cluster, 1), 0); /* KAFKA-15583 */
    assert_int_equal(last_seen(cluster, 1, ISR_OBSERVED_ISR_COMMITTED)->isr_committed.cause,
                     ISR_CAUSE_BROKER_FENCED);
    cluster_free(cluster);
}

static void advances_below_min_isr_when_rule_hw_requires_min_isr_is_off(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.rules.hw_requires_min_isr = ISR_RULE_hw_requires_min_isr_off;
    struct cluster *cluster = running(&spec);
    isolate(cluster, 1, true);
    produce(cluster, 1, 1, 3);
    PARTITION(cluster, .leader = 1, .leader_epoch = 1, .partition_epoch = 2, .replicas = "123", .isr = "1");
    settle(cluster);
    pass(cluster, 20 * ISR_SECOND); /* until nobody outside is caught up that would be waited for */
    assert_int_equal(mark_of(cluster, 1), 3);
    cluster_free(cluster);
}

/* Partition.checkEnoughReplicasReachOffset: what becomes committed by so small an ISR is not acknowledged. */
static void refuses_after_the_append_when_too_few_commit_it(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.rules.hw_requires_min_isr = ISR_RULE_hw_requires_min_isr_off;
    struct cluster *cluster = running(&spec);
    for (int32_t id = 1; id <= 3; id++)
        isolate(cluster, id, true);
    struct produce_spec what = {.acks = -1, .records = 1, .timeout_ns = 100 * ISR_SECOND};
    uint32_t id = produce_with(cluster, 1, what);
    pass(cluster, 20 * ISR_SECOND);
    assert_null(produced(cluster, id));
    PARTITION(cluster, .leader = 1, .leader_epoch = 1, .partition_epoch = 2, .replicas = "123", .isr = "1");
    settle(cluster);
    assert_int_equal(mark_of(cluster, 1), 1);
    assert_refused(cluster, id, ISR_ERROR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    cluster_free(cluster);
}

static void answers_a_duplicate_when_its_first_is_committed_only(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec);
    isolate(cluster, 2, true);
    struct produce_spec what = {.acks = -1, .records = 2, .producer_id = 7, .timeout_ns = 30 * ISR_SECOND};
    uint32_t first = produce_with(cluster, 1, what);
    settle(cluster);
    uint32_t second = produce_with(cluster, 1, what);
    settle(cluster);
    assert_int_equal(end_of(cluster, 1), 2);
    assert_null(produced(cluster, second));
    isolate(cluster, 2, false);
    pass(cluster, 5 * ISR_SECOND);
    assert_produced(cluster, first, 0);
    assert_produced(cluster, second, 0);
    uint32_t third = produce_with(cluster, 1, what);
    settle(cluster);
    assert_produced(cluster, third, 0);
    what.sequence = 9;
    uint32_t gap = produce_with(cluster, 1, what);
    settle(cluster);
    assert_refused(cluster, gap, ISR_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_int_equal(end_of(cluster, 1), 2);
    cluster_free(cluster);
}

static void answers_in_offset_order_when_a_duplicate_waits_among_others(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec);
    isolate(cluster, 2, true);
    struct produce_spec what = {.acks = -1, .records = 2, .producer_id = 7, .timeout_ns = 30 * ISR_SECOND};
    uint32_t first = produce_with(cluster, 1, what);
    uint32_t other = produce(cluster, 1, -1, 3);
    uint32_t duplicate = produce_with(cluster, 1, what);
    settle(cluster);
    const struct isr_produce_queue *queue = &at(cluster, 1)->leading->all;
    assert_int_equal(queue->first->correlation, first);
    assert_int_equal(queue->first->next->correlation, duplicate);
    assert_int_equal(queue->last->correlation, other);
    isolate(cluster, 2, false);
    pass(cluster, 5 * ISR_SECOND);
    assert_produced(cluster, duplicate, 0);
    assert_produced(cluster, other, 2);
    assert_null(queue->first);
    cluster_free(cluster);
}

static void reuses_memory_when_requests_come_and_go(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec);
    for (unsigned i = 0; i < 20; i++) {
        produce(cluster, 1, -1, 1);
        settle(cluster);
    }
    unsigned waiters = 0;
    for (struct isr_produce_waiter *waiter = cluster->nodes[1].broker.produce_waiters_free; waiter != NULL;
         waiter = waiter->next)
        waiters++;
    assert_int_equal(waiters, 1);
    assert_int_equal(mark_of(cluster, 3), 20);
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_after_the_high_watermark_passed_when_acks_is_all),
        cmocka_unit_test(answers_after_the_own_write_when_acks_is_one),
        cmocka_unit_test(never_answers_when_acks_is_zero),
        cmocka_unit_test(counts_records_once_when_they_are_appended),
        cmocka_unit_test(sends_nothing_to_followers_before_the_own_write),
        cmocka_unit_test(holds_the_high_watermark_when_a_followers_write_is_under_way),
        cmocka_unit_test(refuses_when_the_request_makes_no_sense),
        cmocka_unit_test(times_out_when_the_high_watermark_stands_still),
        cmocka_unit_test(answers_not_leader_when_the_leader_is_demoted),
        cmocka_unit_test(refuses_acks_all_when_the_isr_is_below_min_isr),
        cmocka_unit_test(accepts_a_single_replica_when_rule_min_isr_is_one),
        cmocka_unit_test(wakes_waiters_when_the_isr_shrinks_below_min_isr),
        cmocka_unit_test(advances_below_min_isr_when_rule_hw_requires_min_isr_is_off),
        cmocka_unit_test(refuses_after_the_append_when_too_few_commit_it),
        cmocka_unit_test(answers_a_duplicate_when_its_first_is_committed_only),
        cmocka_unit_test(answers_in_offset_order_when_a_duplicate_waits_among_others),
        cmocka_unit_test(reuses_memory_when_requests_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
