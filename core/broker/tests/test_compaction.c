/* Compaction on brokers: which logs, how far, and how brokers agree on when tombstones may go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/broker/tests/harness.h"

enum { EPOCH = 3, KEYS = 5 };

static struct cluster_spec compacted(void)
{
    struct cluster_spec spec = standard();
    spec.config.log_segment_bytes = 1024;
    spec.config.log_cleaner_backoff = ISR_SECOND;
    spec.config.replica_lag_time_max = 1000 * ISR_SECOND;
    spec.settings.cleanup = ISR_CLEANUP_COMPACT;
    spec.settings.delete_retention = 10 * ISR_SECOND;
    return spec;
}

/* Batches of four records; with acks=1. */
static uint32_t write_keyed(struct cluster *cluster, unsigned batches, uint32_t tombstone_percent)
{
    uint32_t correlation = 0;
    for (unsigned i = 0; i < batches; i++)
        correlation = produce_with(
            cluster, 1,
            (struct produce_spec){.acks = 1,
                                  .records = 4,
                                  .timeout_ns = 30 * ISR_SECOND,
                                  .keys = {.keys = KEYS, .tombstone_percent = tombstone_percent}});
    settle(cluster);
    return correlation;
}

/* Broker 1 leads, all are in the ISR. */
static struct cluster *begin(const struct cluster_spec *spec)
{
    struct cluster *cluster = cluster_new(spec);
    PARTITION(cluster, .leader = 1, .leader_epoch = EPOCH, .partition_epoch = 1, .replicas = "123",
              .isr = "123");
    return cluster;
}

static void walls_at(struct cluster *cluster, int64_t real_ns)
{
    for (int32_t id = 1; id <= cluster->size; id++)
        cluster->nodes[id].env.real_ns = real_ns;
}

static int64_t tombstones_removed(const struct cluster *cluster, int32_t id)
{
    return cluster->nodes[id].env.metrics.tombstones_removed;
}

static void compacts_on_every_replica(void **state)
{
    (void)state;
    struct cluster_spec spec = compacted();
    struct cluster *cluster = begin(&spec);
    write_keyed(cluster, 40, 0);
    pass(cluster, 5 * ISR_SECOND);
    for (int32_t id = 1; id <= 3; id++) {
        assert_true(at(cluster, id)->log->clean_end > 100);
        assert_true(cluster->nodes[id].env.metrics.records_compacted > 50);
        assert_non_null(last_seen(cluster, id, ISR_OBSERVED_LOG_COMPACTED));
    }
    cluster_free(cluster);
}

static void leaves_other_topics_alone(void **state)
{
    (void)state;
    struct cluster_spec spec = compacted();
    spec.settings.cleanup = ISR_CLEANUP_DELETE;
    struct cluster *cluster = begin(&spec);
    write_keyed(cluster, 40, 0);
    pass(cluster, 5 * ISR_SECOND);
    assert_int_equal(at(cluster, 1)->log->clean_end, 0);
    assert_false(isr_timer_is_set(&cluster->nodes[1].broker.compaction_timer));
    cluster_free(cluster);
}

/* KAFKA-13194 */
static void compacts_nothing_that_is_not_committed(void **state)
{
    (void)state;
    struct cluster_spec spec = compacted();
    struct cluster *cluster = begin(&spec);
    isolate(cluster, 2, true);
    write_keyed(cluster, 40, 0);
    pass(cluster, 5 * ISR_SECOND);
    assert_int_equal(at(cluster, 1)->log->clean_end, 0);
    isolate(cluster, 2, false);
    pass(cluster, 5 * ISR_SECOND);
    assert_true(at(cluster, 1)->log->clean_end > 100);
    assert_true(at(cluster, 1)->log->clean_end <= mark_of(cluster, 1));
    cluster_free(cluster);
}

static void waits_until_enough_is_dirty(void **state)
{
    (void)state;
    struct cluster_spec spec = compacted();
    spec.settings.min_cleanable_dirty_percent = 99;
    struct cluster *cluster = begin(&spec);
    write_keyed(cluster, 40, 0);
    pass(cluster, 5 * ISR_SECOND);
    int64_t first = at(cluster, 1)->log->clean_end; /* all of it was dirty */
    assert_true(first > 100);
    write_keyed(cluster, 40, 0);
    pass(cluster, 5 * ISR_SECOND);
    assert_int_equal(at(cluster, 1)->log->clean_end, first);
    cluster_free(cluster);
}

static void refuses_records_that_it_could_not_compact(void **state)
{
    (void)state;
    struct cluster_spec spec = compacted();
    struct cluster *cluster = begin(&spec);
    uint32_t without_keys = produce(cluster, 1, 1, 1);
    uint32_t with_keys = write_keyed(cluster, 1, 0);
    settle(cluster);
    assert_refused(cluster, without_keys, ISR_ERROR_INVALID_RECORD);
    assert_produced(cluster, with_keys, 0);
    cluster_free(cluster);
}

/* Only compaction makes such batches. */
static void refuses_what_compaction_leaves_from_a_producer(void **state)
{
    (void)state;
    struct cluster_spec spec = compacted();
    struct cluster *cluster = begin(&spec);
    uint8_t gap[ISR_BATCH_GAP_BYTES];
    isr_batch_gap(gap, 0, 10, 0, 0);
    struct isr_message message = {.kind = ISR_MESSAGE_PRODUCE_REQUEST,
                                  .produce_request = {.correlation = ++cluster->next_correlation,
                                                      .tp = TP,
                                                      .acks = 1,
                                                      .timeout_ns = ISR_SECOND,
                                                      .records = {.data = gap, .size = sizeof gap}}};
    request(cluster, CLIENT, 1, &message);
    settle(cluster);
    assert_refused(cluster, message.produce_request.correlation, ISR_ERROR_CORRUPT_MESSAGE);
    assert_int_equal(end_of(cluster, 1), 0);
    cluster_free(cluster);
}

/* ---- tombstones ---- */

/* Deletions of all keys, committed, and whatever else is needed for their segments to be closed. */
static struct cluster *with_deletions(const struct cluster_spec *spec)
{
    struct cluster *cluster = begin(spec);
    walls_at(cluster, 100 * ISR_SECOND);
    write_keyed(cluster, 10, 0);
    write_keyed(cluster, 10, 100);
    for (unsigned i = 0; i < 30; i++)
        (void)produce_with(
            cluster, 1,
            (struct produce_spec){
                .acks = 1, .records = 4, .timeout_ns = 30 * ISR_SECOND, .keys = {.keys = UINT32_C(1) << 31}});
    settle(cluster);
    return cluster;
}

static void removes_tombstones_when_all_replicas_are_clean_and_their_time_is_over(void **state)
{
    (void)state;
    struct cluster_spec spec = compacted();
    struct cluster *cluster = with_deletions(&spec);
    pass(cluster, 5 * ISR_SECOND);
    for (int32_t id = 1; id <= 3; id++) {
        assert_true(at(cluster, id)->all_clean_end > 80);
        assert_int_equal(tombstones_removed(cluster, id), 0);
    }
    walls_at(cluster, 120 * ISR_SECOND);
    pass(cluster, 5 * ISR_SECOND);
    for (int32_t id = 1; id <= 3; id++)
        assert_int_equal(tombstones_removed(cluster, id), KEYS);
    cluster_free(cluster);
}

static void keeps_tombstones_while_a_replica_is_away(void **state)
{
    (void)state;
    struct cluster_spec spec = compacted();
    spec.min_isr = 1;
    spec.config.replica_lag_time_max = 2 * ISR_SECOND;
    struct cluster *cluster = begin(&spec);
    walls_at(cluster, 100 * ISR_SECOND);
    write_keyed(cluster, 10, 0);
    pass(cluster, ISR_SECOND / 2);
    isolate(cluster, 3, true);
    PARTITION(cluster, .leader = 1, .leader_epoch = EPOCH, .partition_epoch = 2, .replicas = "123",
              .isr = "12");
    write_keyed(cluster, 10, 100);
    write_keyed(cluster, 40, 0);
    pass(cluster, 5 * ISR_SECOND);
    walls_at(cluster, 200 * ISR_SECOND);
    pass(cluster, 5 * ISR_SECOND);
    assert_true(at(cluster, 1)->log->clean_end > 80);
    assert_int_equal(at(cluster, 1)->all_clean_end, 0);
    assert_int_equal(tombstones_removed(cluster, 1), 0);
    isolate(cluster, 3, false);
    pass(cluster, 5 * ISR_SECOND);
    assert_true(at(cluster, 1)->all_clean_end > 80);
    assert_true(at(cluster, 2)->all_clean_end > 80);
    cluster_free(cluster);
}

static void tell(struct cluster *cluster, int32_t from, int32_t to, struct isr_compaction_request request_)
{
    struct isr_message message = {.kind = ISR_MESSAGE_COMPACTION_REQUEST, .compaction_request = request_};
    request(cluster, from, to, &message);
    settle(cluster);
}

static int64_t told_clean(struct cluster *cluster, int32_t leader, int32_t follower)
{
    return isr_partition_remote(at(cluster, leader), follower)->clean_end;
}

/* Of another epoch, of another partition, to who does not lead, from who is no replica. */
static void takes_no_word_that_is_not_for_it(void **state)
{
    (void)state;
    struct cluster_spec spec = compacted();
    spec.config.log_cleaner_backoff = 1000 * ISR_SECOND;
    struct cluster *cluster = begin(&spec);
    int64_t life = cluster->nodes[2].broker.broker_epoch;
    struct isr_compaction_request word = {
        .tp = TP, .leader_epoch = EPOCH, .broker_epoch = life, .clean_end = 7};
    struct isr_compaction_request other = word;
    other.leader_epoch = EPOCH - 1;
    tell(cluster, 2, 1, other);
    other = word;
    other.tp.index = 9;
    tell(cluster, 2, 1, other);
    tell(cluster, 2, 3, word);
    tell(cluster, CLIENT, 1, word);
    assert_int_equal(told_clean(cluster, 1, 2), 0);
    tell(cluster, 2, 1, word);
    assert_int_equal(told_clean(cluster, 1, 2), 7);
    cluster_free(cluster);
}

/* What a replica was in a former life it may be no more. */
static void takes_no_word_of_a_former_life(void **state)
{
    (void)state;
    struct cluster_spec spec = compacted();
    struct cluster *cluster = with_deletions(&spec);
    pass(cluster, 500 * ISR_MS);
    for (int32_t id = 2; id <= 3; id++) {
        tell(cluster, id, 1,
             (struct isr_compaction_request){.tp = TP, .leader_epoch = EPOCH, .clean_end = 1000});
        cluster->cut[id][1] = true; /* what they will tell is lost */
    }
    pass(cluster, 5 * ISR_SECOND);
    assert_true(at(cluster, 1)->log->clean_end > 80);
    assert_int_equal(at(cluster, 1)->all_clean_end, 0);
    cluster_free(cluster);
}

static void answer(struct cluster *cluster, int32_t from, int32_t to, int32_t epoch)
{
    struct isr_message message = {
        .kind = ISR_MESSAGE_COMPACTION_RESPONSE,
        .compaction_response = {.tp = TP, .leader_epoch = epoch, .all_clean_end = 50}};
    request(cluster, from, to, &message);
    settle(cluster);
}

static void believes_its_leader_only(void **state)
{
    (void)state;
    struct cluster_spec spec = compacted();
    spec.config.log_cleaner_backoff = 1000 * ISR_SECOND;
    struct cluster *cluster = begin(&spec);
    answer(cluster, 3, 2, EPOCH);
    answer(cluster, 1, 2, EPOCH + 1);
    answer(cluster, 2, 1, EPOCH);
    assert_int_equal(at(cluster, 2)->all_clean_end, 0);
    assert_int_equal(at(cluster, 1)->all_clean_end, 0);
    answer(cluster, 1, 2, EPOCH);
    assert_int_equal(at(cluster, 2)->all_clean_end, 50);
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compacts_on_every_replica),
        cmocka_unit_test(leaves_other_topics_alone),
        cmocka_unit_test(compacts_nothing_that_is_not_committed),
        cmocka_unit_test(waits_until_enough_is_dirty),
        cmocka_unit_test(refuses_records_that_it_could_not_compact),
        cmocka_unit_test(refuses_what_compaction_leaves_from_a_producer),
        cmocka_unit_test(removes_tombstones_when_all_replicas_are_clean_and_their_time_is_over),
        cmocka_unit_test(keeps_tombstones_while_a_replica_is_away),
        cmocka_unit_test(takes_no_word_that_is_not_for_it),
        cmocka_unit_test(takes_no_word_of_a_former_life),
        cmocka_unit_test(believes_its_leader_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
