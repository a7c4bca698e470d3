/* Transfer push: what is sent, what is lost on the way, and that every rule of fetching holds. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/broker/push.h"
#include "core/broker/tests/harness.h"

static struct cluster *cluster_pushed(void)
{
    struct cluster_spec spec = standard();
    spec.settings.transfer = 1;
    struct cluster *cluster = cluster_new(&spec);
    PARTITION(cluster, .leader = 1, .leader_epoch = 1, .partition_epoch = 1, .replicas = "123", .isr = "123");
    settle(cluster);
    return cluster;
}

static void assert_together(struct cluster *cluster, int64_t end)
{
    for (int32_t id = 1; id <= 3; id++) {
        assert_int_equal(end_of(cluster, id), end);
        assert_int_equal(mark_of(cluster, id), end);
    }
}

static void replicates_at_once_when_the_leader_appends(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_pushed();
    int64_t fetches = cluster->nodes[1].env.metrics.fetch_requests;
    uint32_t asked = produce(cluster, 1, -1, 3);
    settle(cluster); /* no time passes */
    assert_produced(cluster, asked, 0);
    assert_together(cluster, 3);
    assert_int_equal(cluster->nodes[1].env.metrics.fetch_requests, fetches);
    cluster_free(cluster);
}

static void tells_nothing_that_is_not_held_when_writes_are_slow(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_pushed();
    cluster->nodes[2].disk_held = cluster->nodes[3].disk_held = true;
    produce(cluster, 1, -1, 1);
    settle(cluster);
    assert_int_equal(end_of(cluster, 2), 1);
    assert_int_equal(mark_of(cluster, 1), 0);
    cluster->nodes[2].disk_held = cluster->nodes[3].disk_held = false;
    settle(cluster);
    assert_together(cluster, 1);
    cluster_free(cluster);
}

static void tells_nothing_of_a_push_that_a_new_epoch_has_dropped(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_pushed();
    cluster->nodes[2].disk_held = true;
    produce(cluster, 1, -1, 1);
    settle(cluster);
    assert_true(at(cluster, 2)->fetching->push_unheld);
    PARTITION(cluster, .leader = 3, .leader_epoch = 2, .partition_epoch = 2, .replicas = "123", .isr = "123");
    assert_false(at(cluster, 2)->fetching->push_unheld);
    cluster->nodes[2].disk_held = false;
    settle(cluster);
    pass(cluster, ISR_SECOND);
    assert_together(cluster, 1);
    cluster_free(cluster);
}

static void pushes_nothing_when_it_was_deposed_before_its_turn(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_pushed();
    settle(cluster);
    step_begin(cluster, 1);
    struct isr_batch batch;
    struct isr_bytes bytes = isr_batch_build(&cluster->nodes[1].env.scratch, -1, -1, -1, 1, 1, 8);
    assert_int_equal(isr_batch_parse(bytes, true, &batch), ISR_BATCH_OK);
    isr_log_append_leader(at(cluster, 1)->log, &batch, 1);
    isr_push_wake(at(cluster, 1));
    step_end(cluster, 1);
    PARTITION(cluster, .leader = 2, .leader_epoch = 2, .partition_epoch = 2, .replicas = "123", .isr = "123");
    settle(cluster);
    pass(cluster, ISR_SECOND);
    for (int32_t id = 1; id <= 3; id++)
        assert_int_equal(end_of(cluster, id), 0); /* the record went nowhere, and the deposed one cut it */
    cluster_free(cluster);
}

static void sends_again_when_a_request_was_lost(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_pushed();
    cluster->cut[1][2] = true;
    produce(cluster, 1, -1, 1);
    settle(cluster);
    cluster->cut[1][2] = false;
    produce(cluster, 1, -1, 1); /* n2 misses it, and says so */
    settle(cluster);
    assert_together(cluster, 2);
    cluster_free(cluster);
}

static void sends_again_when_the_last_request_was_lost(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_pushed();
    cluster->cut[1][2] = true;
    produce(cluster, 1, -1, 1);
    settle(cluster);
    cluster->cut[1][2] = false;
    assert_int_equal(end_of(cluster, 2), 0);
    pass(cluster, 2 * cluster->nodes[1].env.config.fetch_max_wait);
    assert_together(cluster, 1);
    cluster_free(cluster);
}

static void cuts_the_follower_when_its_log_is_another_history(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_pushed();
    produce(cluster, 1, -1, 2);
    settle(cluster);
    isolate(cluster, 1, true);
    produce(cluster, 1, 1, 3); /* n1 alone */
    settle(cluster);
    PARTITION(cluster, .leader = 2, .leader_epoch = 2, .partition_epoch = 2, .replicas = "123", .isr = "23");
    produce(cluster, 2, -1, 1);
    settle(cluster);
    assert_int_equal(end_of(cluster, 1), 5);
    isolate(cluster, 1, false);
    pass(cluster, 3 * ISR_SECOND);
    assert_int_equal(end_of(cluster, 1), 3);
    assert_int_equal(last_seen(cluster, 1, ISR_OBSERVED_LOG_TRUNCATED)->log_truncated.cause,
                     ISR_CAUSE_DIVERGENCE);
    cluster_free(cluster);
}

static void counts_no_answer_of_another_epoch_or_life(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_pushed();
    isolate(cluster, 2, true);
    isolate(cluster, 3, true);
    cluster->cut[2][1] = false; /* the test plays n2 */
    produce(cluster, 1, -1, 1);
    settle(cluster);
    struct isr_fetch_partition told = {
        .tp = TP, .current_leader_epoch = 0, .fetch_offset = 1, .last_fetched_epoch = 1};
    struct isr_message message = {
        .kind = ISR_MESSAGE_PUSH_RESPONSE,
        .push_response = {
            .correlation = 0, .replica_epoch = 1000, .partitions = &told, .partitions_count = 1}};
    request(cluster, 2, 1, &message);
    settle(cluster);
    assert_int_equal(isr_partition_remote(at(cluster, 1), 2)->log_end, 0);
    told.current_leader_epoch = 1;
    message.push_response.replica_epoch = 0; /* of its life before */
    request(cluster, 2, 1, &message);
    settle(cluster);
    assert_int_equal(isr_partition_remote(at(cluster, 1), 2)->log_end, 0);
    message.push_response.replica_epoch = 1000;
    request(cluster, 2, 1, &message);
    settle(cluster);
    assert_int_equal(isr_partition_remote(at(cluster, 1), 2)->log_end, 1);
    cluster_free(cluster);
}

static void takes_nothing_of_a_request_for_another_place(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_pushed();
    produce(cluster, 1, -1, 2);
    settle(cluster);
    struct isr_push_partition part = {.tp = TP,
                                      .leader_epoch = 1,
                                      .offset = 5,
                                      .previous_epoch = 1,
                                      .high_watermark = 1,
                                      .diverging_epoch = ISR_EPOCH_NONE,
                                      .diverging_end = ISR_OFFSET_NONE};
    struct isr_message message = {
        .kind = ISR_MESSAGE_PUSH_REQUEST,
        .push_request = {.correlation = 7, .partitions = &part, .partitions_count = 1}};
    request(cluster, 1, 2, &message); /* beyond its end */
    part.offset = 2;
    part.previous_epoch = 0;
    request(cluster, 1, 2, &message); /* after another epoch */
    part.previous_epoch = 1;
    part.leader_epoch = 0;
    request(cluster, 1, 2, &message); /* of a deposed leader */
    part.leader_epoch = 1;
    request(cluster, 3, 2, &message); /* of somebody else */
    settle(cluster);
    assert_int_equal(mark_of(cluster, 2), 2); /* not even the high watermark */
    request(cluster, 1, 2, &message);
    settle(cluster);
    assert_int_equal(end_of(cluster, 2), 2);
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replicates_at_once_when_the_leader_appends),
        cmocka_unit_test(tells_nothing_that_is_not_held_when_writes_are_slow),
        cmocka_unit_test(tells_nothing_of_a_push_that_a_new_epoch_has_dropped),
        cmocka_unit_test(pushes_nothing_when_it_was_deposed_before_its_turn),
        cmocka_unit_test(sends_again_when_a_request_was_lost),
        cmocka_unit_test(sends_again_when_the_last_request_was_lost),
        cmocka_unit_test(cuts_the_follower_when_its_log_is_another_history),
        cmocka_unit_test(counts_no_answer_of_another_epoch_or_life),
        cmocka_unit_test(takes_nothing_of_a_request_for_another_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
