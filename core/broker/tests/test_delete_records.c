#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/broker/tests/harness.h"

enum { TO_HIGH_WATERMARK = -1 };

/* Broker 1 leads, all three hold [0, 10), and it is committed. */
static struct cluster *committed_10(const struct cluster_spec *spec)
{
    struct cluster *cluster = cluster_new(spec);
    PARTITION(cluster, .leader = 1, .leader_epoch = 3, .partition_epoch = 1, .replicas = "123", .isr = "123");
    for (unsigned i = 0; i < 10; i++)
        produce(cluster, 1, -1, 1);
    pass(cluster, ISR_SECOND);
    assert_int_equal(mark_of(cluster, 1), 10);
    return cluster;
}

static uint32_t delete_below(struct cluster *cluster, int32_t to, int32_t epoch, int64_t offset)
{
    struct isr_message message = {.kind = ISR_MESSAGE_DELETE_RECORDS_REQUEST,
                                  .delete_records_request = {.correlation = ++cluster->next_correlation,
                                                             .tp = TP,
                                                             .current_leader_epoch = epoch,
                                                             .offset = offset,
                                                             .timeout_ns = 5 * ISR_SECOND}};
    request(cluster, CLIENT, to, &message);
    settle(cluster);
    return message.delete_records_request.correlation;
}

static const struct isr_delete_records_response *deleted(const struct cluster *cluster, uint32_t correlation)
{
    for (uint32_t i = 0; i < cluster->client_count; i++) {
        if (cluster->client[i].kind == ISR_MESSAGE_DELETE_RECORDS_RESPONSE &&
            cluster->client[i].delete_records_response.correlation == correlation)
            return &cluster->client[i].delete_records_response;
    }
    return NULL;
}

static void answers_when_every_live_replica_starts_there(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = committed_10(&spec);
    isolate(cluster, 3, true);
    uint32_t id = delete_below(cluster, 1, 3, 4);
    pass(cluster, ISR_SECOND);
    assert_int_equal(at(cluster, 1)->log->log_start, 4);
    assert_int_equal(at(cluster, 2)->log->log_start, 4);
    assert_null(deleted(cluster, id)); /* broker 3 lives, as far as the metadata tells */
    isolate(cluster, 3, false);
    pass(cluster, 3 * ISR_SECOND);
    assert_int_equal(at(cluster, 3)->log->log_start, 4);
    assert_int_equal(deleted(cluster, id)->error, ISR_ERROR_NONE);
    assert_int_equal(deleted(cluster, id)->low_watermark, 4);
    cluster_free(cluster);
}

/* KIP-107: what is not committed is not to be deleted, and a log never starts above its high watermark. */
static void refuses_what_is_not_committed(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = committed_10(&spec);
    isolate(cluster, 2, true);
    for (unsigned i = 0; i < 5; i++)
        produce(cluster, 1, 1, 1);
    settle(cluster);
    assert_int_equal(end_of(cluster, 1), 15);
    assert_int_equal(deleted(cluster, delete_below(cluster, 1, 3, 11))->error, ISR_ERROR_OFFSET_OUT_OF_RANGE);
    assert_int_equal(deleted(cluster, delete_below(cluster, 1, 3, -2))->error, ISR_ERROR_OFFSET_OUT_OF_RANGE);
    assert_int_equal(at(cluster, 1)->log->log_start, 0);
    delete_below(cluster, 1, 3, TO_HIGH_WATERMARK);
    assert_int_equal(at(cluster, 1)->log->log_start, 10);
    cluster_free(cluster);
}

/* The request's timeout is 2 s or less in these tests; the leader's own log has gone on all the same. */
static void tells_how_far_it_came_when_a_replica_stays_behind(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = committed_10(&spec);
    isolate(cluster, 3, true);
    uint32_t waiting = delete_below(cluster, 1, 3, 4);
    assert_null(deleted(cluster, waiting));
    pass(cluster, 61 * ISR_SECOND);
    assert_int_equal(deleted(cluster, waiting)->error, ISR_ERROR_REQUEST_TIMED_OUT);
    assert_int_equal(deleted(cluster, waiting)->low_watermark, 0);
    assert_int_equal(at(cluster, 1)->log->log_start, 4);
    cluster_free(cluster);
}

static void refuses_to_delete_when_it_does_not_lead(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = committed_10(&spec);
    assert_int_equal(deleted(cluster, delete_below(cluster, 2, 3, 4))->error,
                     ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    assert_int_equal(deleted(cluster, delete_below(cluster, 1, 2, 4))->error, ISR_ERROR_FENCED_LEADER_EPOCH);
    isolate(cluster, 3, true);
    uint32_t waiting = delete_below(cluster, 1, 3, 4);
    PARTITION(cluster, .leader = 2, .leader_epoch = 4, .partition_epoch = 2, .replicas = "123", .isr = "12");
    settle(cluster);
    assert_int_equal(deleted(cluster, waiting)->error, ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_when_every_live_replica_starts_there),
        cmocka_unit_test(refuses_what_is_not_committed),
        cmocka_unit_test(tells_how_far_it_came_when_a_replica_stays_behind),
        cmocka_unit_test(refuses_to_delete_when_it_does_not_lead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
