/* Reads of the newest record, and what the leader tells of its followers. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/broker/tests/harness.h"

static struct cluster *running(void)
{
    struct cluster_spec spec = standard();
    struct cluster *cluster = cluster_new(&spec);
    PARTITION(cluster, .leader = 1, .leader_epoch = 3, .partition_epoch = 1, .replicas = "123", .isr = "123");
    settle(cluster);
    return cluster;
}

static const struct isr_message *answer_of(struct cluster *cluster, int32_t to, struct isr_message *message)
{
    uint32_t before = cluster->client_count;
    request(cluster, CLIENT, to, message);
    settle(cluster);
    assert_int_equal(cluster->client_count, before + 1);
    return &cluster->client[before];
}

static struct isr_read_response read_from(struct cluster *cluster, int32_t to)
{
    struct isr_message message = {.kind = ISR_MESSAGE_READ_REQUEST,
                                  .read_request = {.correlation = 7, .tp = TP}};
    const struct isr_message *answer = answer_of(cluster, to, &message);
    assert_int_equal(answer->kind, ISR_MESSAGE_READ_RESPONSE);
    assert_int_equal(answer->read_response.correlation, 7);
    return answer->read_response;
}

static struct isr_replica_offsets_response offsets_of(struct cluster *cluster, int32_t to, int32_t epoch)
{
    struct isr_message message = {
        .kind = ISR_MESSAGE_REPLICA_OFFSETS_REQUEST,
        .replica_offsets_request = {.correlation = 8, .tp = TP, .current_leader_epoch = epoch}};
    const struct isr_message *answer = answer_of(cluster, to, &message);
    assert_int_equal(answer->kind, ISR_MESSAGE_REPLICA_OFFSETS_RESPONSE);
    return answer->replica_offsets_response;
}

static void every_replica_serves_the_newest_record_it_knows_committed(void **state)
{
    (void)state;
    struct cluster *cluster = running();
    assert_int_equal(read_from(cluster, 1).records.size, 0); /* there is none */
    produce(cluster, 1, -1, 3);
    produce(cluster, 1, -1, 2);
    settle(cluster);
    pass(cluster, ISR_SECOND);
    for (int32_t id = 1; id <= 3; id++) {
        struct isr_read_response told = read_from(cluster, id);
        struct isr_batch batch;
        assert_int_equal(told.error, ISR_ERROR_NONE);
        assert_int_equal(told.high_watermark, 5);
        assert_int_equal(told.leader, 1);
        assert_int_equal(isr_batch_parse(told.records, true, &batch), ISR_BATCH_OK);
        assert_int_equal(batch.base_offset, 3);
    }
    isolate(cluster, 3, true);
    produce(cluster, 1, 1, 4); /* n3 does not hear of it: nothing is committed */
    settle(cluster);
    assert_int_equal(read_from(cluster, 1).high_watermark, 5);
    cluster_free(cluster);
}

static void refuses_to_read_when_it_has_no_part_in_the_partition(void **state)
{
    (void)state;
    struct cluster *cluster = running();
    PARTITION(cluster, .leader = 1, .leader_epoch = 4, .partition_epoch = 2, .replicas = "12", .isr = "12");
    settle(cluster);
    assert_int_not_equal(read_from(cluster, 3).error, ISR_ERROR_NONE);
    cluster_free(cluster);
}

static void new_leader_does_not_answer_before_it_knows_what_is_committed(void **state)
{
    (void)state;
    struct cluster *cluster = running();
    produce(cluster, 1, -1, 3);
    settle(cluster);
    isolate(cluster, 1, true);
    isolate(cluster, 3, true);
    at(cluster, 2)->log->high_watermark = 0; /* it heard nothing of it yet */
    PARTITION(cluster, .leader = 2, .leader_epoch = 4, .partition_epoch = 2, .replicas = "123", .isr = "123");
    settle(cluster);
    assert_int_equal(read_from(cluster, 2).error, ISR_ERROR_OFFSET_NOT_AVAILABLE); /* KIP-207 */
    assert_int_equal(offsets_of(cluster, 2, 4).error, ISR_ERROR_OFFSET_NOT_AVAILABLE);
    cluster_free(cluster);
}

static void leader_tells_how_far_each_follower_is(void **state)
{
    (void)state;
    struct cluster *cluster = running();
    produce(cluster, 1, -1, 3);
    settle(cluster);
    isolate(cluster, 3, true);
    produce(cluster, 1, 1, 4);
    settle(cluster);
    struct isr_replica_offsets_response told = offsets_of(cluster, 1, 3);
    assert_int_equal(told.error, ISR_ERROR_NONE);
    assert_int_equal(told.log_end, 7);
    assert_int_equal(told.high_watermark, 3);
    assert_int_equal(told.replicas_count, 2);
    assert_int_equal(told.replicas[0].replica, 2);
    assert_int_equal(told.replicas[0].log_end, 7);
    assert_int_equal(told.replicas[1].replica, 3);
    assert_int_equal(told.replicas[1].log_end, 3);
    assert_int_equal(offsets_of(cluster, 1, 2).error, ISR_ERROR_FENCED_LEADER_EPOCH);
    assert_int_equal(offsets_of(cluster, 1, 4).error, ISR_ERROR_UNKNOWN_LEADER_EPOCH);
    assert_int_equal(offsets_of(cluster, 2, 3).error, ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_replica_serves_the_newest_record_it_knows_committed),
        cmocka_unit_test(refuses_to_read_when_it_has_no_part_in_the_partition),
        cmocka_unit_test(new_leader_does_not_answer_before_it_knows_what_is_committed),
        cmocka_unit_test(leader_tells_how_far_each_follower_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
