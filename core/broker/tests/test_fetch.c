#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/broker/tests/harness.h"

static struct cluster *running(const struct cluster_spec *spec)
{
    struct cluster *cluster = cluster_new(spec);
    for (uint16_t i = 0; i < spec->partitions; i++)
        PARTITION(cluster, .leader = 1, .leader_epoch = 3, .partition_epoch = 1, .replicas = "123",
                  .isr = "123", .index = i);
    settle(cluster);
    return cluster;
}

/* Broker 1 leads in epoch 3, broker 2 follows, broker 3 is played by the test. */
static struct cluster *with_played_replica(struct cluster_spec *spec)
{
    struct cluster *cluster = cluster_with_played_broker(spec);
    PARTITION(cluster, .leader = 1, .leader_epoch = 3, .partition_epoch = 1, .replicas = "123", .isr = "123");
    settle(cluster);
    return cluster;
}

static struct fetch_spec as_3(struct cluster *cluster, int64_t offset, int32_t last_epoch)
{
    return (struct fetch_spec){.from = 3,
                               .replica_epoch = cluster->nodes[1].broker.image.brokers[3].epoch,
                               .epoch = 3,
                               .offset = offset,
                               .last_epoch = last_epoch};
}

static const struct isr_fetch_answer *fetch_now(struct cluster *cluster, int32_t to, struct fetch_spec spec)
{
    uint32_t correlation = fetch_with(cluster, to, spec);
    settle(cluster);
    const struct isr_fetch_answer *answer = fetched(cluster, correlation, 0);
    assert_non_null(answer);
    return answer;
}

static void assert_fetch_refused(struct cluster *cluster, struct fetch_spec spec, enum isr_error error)
{
    assert_int_equal(fetch_now(cluster, 1, spec)->error, error);
    const struct isr_observation *seen = last_seen(cluster, 1, ISR_OBSERVED_FETCH_REFUSED);
    assert_int_equal(seen->fetch_refused.error, error);
    assert_int_equal(isr_partition_remote(at(cluster, 1), 3)->log_end, ISR_OFFSET_NONE);
}

/* ---- fences ---- */

static void refuses_when_the_leader_epoch_differs(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = with_played_replica(&spec);
    struct fetch_spec fetch = as_3(cluster, 0, -1);
    fetch.epoch = 2;
    assert_fetch_refused(cluster, fetch, ISR_ERROR_FENCED_LEADER_EPOCH);
    fetch.epoch = 4;
    assert_fetch_refused(cluster, fetch, ISR_ERROR_UNKNOWN_LEADER_EPOCH);
    struct fetch_spec consumer = {.epoch = 2, .last_epoch = -1}; /* KIP-320 */
    assert_fetch_refused(cluster, consumer, ISR_ERROR_FENCED_LEADER_EPOCH);
    cluster_free(cluster);
}

static void refuses_a_fetch_of_the_replicas_former_life(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = with_played_replica(&spec);
    struct fetch_spec fetch = as_3(cluster, 0, -1);
    register_broker(cluster, 3);
    assert_fetch_refused(cluster, fetch, ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    cluster_free(cluster);
}

static void refuses_strangers_and_liars(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = with_played_replica(&spec);
    struct fetch_spec stranger = {.from = 4, .epoch = 3, .last_epoch = -1};
    assert_fetch_refused(cluster, stranger, ISR_ERROR_UNKNOWN_LEADER_EPOCH);
    stranger.epoch = -1;
    assert_fetch_refused(cluster, stranger, ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    stranger.epoch = 2; /* the epoch is looked at first */
    assert_fetch_refused(cluster, stranger, ISR_ERROR_FENCED_LEADER_EPOCH);
    struct isr_fetch_partition asked = {.tp = TP, .current_leader_epoch = 3, .last_fetched_epoch = -1};
    struct isr_message lie = {
        .kind = ISR_MESSAGE_FETCH_REQUEST,
        .fetch_request = {.correlation = 900, .replica_id = 3, .partitions = &asked, .partitions_count = 1}};
    request(cluster, CLIENT, 1, &lie);
    settle(cluster);
    assert_int_equal(fetched(cluster, 900, 0)->error, ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(isr_partition_remote(at(cluster, 1), 3)->log_end, ISR_OFFSET_NONE);
    cluster_free(cluster);
}

static void refuses_a_replicas_fetch_when_it_follows_itself(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = with_played_replica(&spec);
    assert_int_equal(fetch_now(cluster, 2, as_3(cluster, 0, -1))->error, ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    assert_int_equal(fetch_now(cluster, 2, as_3(cluster, 0, -1))->leader, 1);
    cluster_free(cluster);
}

static void refuses_partitions_that_it_does_not_have(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.partitions = 2;
    struct cluster *cluster = cluster_new(&spec);
    PARTITION(cluster, .leader = 2, .leader_epoch = 1, .partition_epoch = 1, .replicas = "23", .isr = "23");
    settle(cluster);
    struct fetch_spec fetch = {.epoch = -1, .last_epoch = -1, .partitions = 2};
    uint32_t correlation = fetch_with(cluster, 1, fetch);
    settle(cluster);
    assert_int_equal(fetched(cluster, correlation, 0)->error, ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    assert_int_equal(fetched(cluster, correlation, 1)->error, ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    cluster_free(cluster);
}

static void says_out_of_range_before_divergence_when_below_the_log_start(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.size = 2;
    struct cluster *cluster = cluster_new(&spec);
    register_broker(cluster, 3);
    PARTITION(cluster, .leader = ISR_NODE_NONE, .leader_epoch = 1, .partition_epoch = 1, .replicas = "123",
              .isr = "123");
    for (int32_t id = 1; id <= 2; id++) {
        step_begin(cluster, id);
        isr_log_truncate_fully(at(cluster, id)->log, 50, ISR_CAUSE_OUT_OF_RANGE);
        step_end(cluster, id);
    }
    PARTITION(cluster, .leader = 1, .leader_epoch = 3, .partition_epoch = 2, .replicas = "123", .isr = "123");
    settle(cluster);
    assert_int_equal(at(cluster, 1)->epoch_start, 50);
    assert_fetch_refused(cluster, as_3(cluster, 10, 1), ISR_ERROR_OFFSET_OUT_OF_RANGE); /* KAFKA-12996 */
    assert_fetch_refused(cluster, as_3(cluster, 51, -1), ISR_ERROR_OFFSET_OUT_OF_RANGE);
    assert_fetch_refused(cluster, as_3(cluster, -5, -1), ISR_ERROR_OFFSET_OUT_OF_RANGE);
    assert_fetch_refused(cluster, as_3(cluster, 50, 7),
                         ISR_ERROR_OFFSET_OUT_OF_RANGE); /* an epoch that is none yet */
    cluster_free(cluster);
}

static void tells_divergence_and_counts_nothing(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = with_played_replica(&spec);
    produce(cluster, 1, 1, 5);
    settle(cluster);
    const struct isr_fetch_answer *beyond = fetch_now(cluster, 1, as_3(cluster, 9, 3));
    assert_int_equal(beyond->error, ISR_ERROR_NONE);
    assert_int_equal(beyond->diverging_epoch, 3);
    assert_int_equal(beyond->diverging_end, 5);
    assert_int_equal(beyond->records.size, 0);
    const struct isr_fetch_answer *older = fetch_now(cluster, 1, as_3(cluster, 2, 1));
    assert_int_equal(older->diverging_epoch, 1);
    assert_int_equal(older->diverging_end, 0);
    assert_int_equal(isr_partition_remote(at(cluster, 1), 3)->log_end, ISR_OFFSET_NONE); /* KAFKA-13141 */
    assert_int_equal(mark_of(cluster, 1), 0);
    assert_int_equal(cluster->nodes[1].env.metrics.fetch_divergences, 2);
    const struct isr_fetch_answer *same = fetch_now(cluster, 1, as_3(cluster, 5, 3));
    assert_int_equal(same->diverging_epoch, ISR_EPOCH_NONE);
    assert_int_equal(isr_partition_remote(at(cluster, 1), 3)->log_end, 5);
    assert_int_equal(mark_of(cluster, 1), 5);
    cluster_free(cluster);
}

/* ---- waiting ---- */

static void waits_for_the_high_watermark_when_a_consumer_is_at_the_end(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec);
    struct fetch_spec fetch = {
        .epoch = 3, .last_epoch = -1, .wait_ns = 5 * ISR_SECOND, .min_bytes = 1, .rack = FAR_RACK};
    uint32_t at_leader = fetch_with(cluster, 1, fetch);
    uint32_t at_follower = fetch_with(cluster, 2, fetch);
    isolate(cluster, 3, true);
    produce(cluster, 1, 1, 5);
    settle(cluster);
    assert_null(fetched(cluster, at_leader, 0)); /* not committed */
    isolate(cluster, 3, false);
    pass(cluster, 4 * ISR_SECOND);
    assert_int_equal(records_end(fetched(cluster, at_leader, 0), 0), 5);
    assert_int_equal(records_end(fetched(cluster, at_follower, 0), 0), 5); /* KIP-392 */
    assert_null(at(cluster, 1)->fetch_waits->next->next); /* only the two followers wait again */
    cluster_free(cluster);
}

static void answers_with_nothing_when_time_is_over(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec);
    struct fetch_spec fetch = {.epoch = 3, .last_epoch = -1, .wait_ns = ISR_SECOND, .min_bytes = 1};
    uint32_t correlation = fetch_with(cluster, 1, fetch);
    pass(cluster, ISR_SECOND - 1);
    assert_null(fetched(cluster, correlation, 0));
    pass(cluster, 1);
    assert_int_equal(fetched(cluster, correlation, 0)->error, ISR_ERROR_NONE);
    assert_int_equal(fetched(cluster, correlation, 0)->records.size, 0);
    cluster_free(cluster);
}

static void waits_for_min_bytes_over_all_partitions(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.partitions = 2;
    struct cluster *cluster = running(&spec);
    struct fetch_spec fetch = {
        .epoch = 3, .last_epoch = -1, .wait_ns = 60 * ISR_SECOND, .min_bytes = 150, .partitions = 2};
    uint32_t correlation = fetch_with(cluster, 1, fetch);
    produce(cluster, 1, -1, 5); /* 100 bytes to partition 0 */
    settle(cluster);
    assert_null(fetched(cluster, correlation, 0));
    struct isr_message message = {
        .kind = ISR_MESSAGE_PRODUCE_REQUEST,
        .produce_request = {.correlation = 800,
                            .tp = {1, 1},
                            .acks = -1,
                            .timeout_ns = ISR_SECOND,
                            .records = isr_batch_build(&cluster->scratch, -1, -1, -1, 77, 5, 8)}};
    request(cluster, CLIENT, 1, &message);
    settle(cluster);
    assert_int_equal(records_end(fetched(cluster, correlation, 0), 0), 5);
    assert_int_equal(records_end(fetched(cluster, correlation, 1), 0), 5);
    cluster_free(cluster);
}

static void answers_those_that_wait_when_the_role_changes(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec);
    struct fetch_spec fetch = {
        .epoch = 3, .last_epoch = -1, .wait_ns = 60 * ISR_SECOND, .min_bytes = 1, .rack = FAR_RACK};
    uint32_t at_leader = fetch_with(cluster, 1, fetch);
    uint32_t at_follower = fetch_with(cluster, 2, fetch);
    settle(cluster);
    PARTITION(cluster, .leader = 3, .leader_epoch = 4, .partition_epoch = 2, .replicas = "123", .isr = "123");
    settle(cluster);
    assert_int_equal(fetched(cluster, at_leader, 0)->error, ISR_ERROR_FENCED_LEADER_EPOCH);
    assert_int_equal(fetched(cluster, at_leader, 0)->leader, 3);
    assert_int_equal(fetched(cluster, at_leader, 0)->leader_epoch, 4);
    assert_int_equal(fetched(cluster, at_follower, 0)->error, ISR_ERROR_FENCED_LEADER_EPOCH);
    cluster_free(cluster);
}

static void tells_a_waiting_follower_the_high_watermark_when_push_is_on(void **state)
{
    (void)state;
    for (unsigned push = 0; push <= 1; push++) {
        struct cluster_spec spec = standard();
        spec.config.fetch_hw_push = push;
        struct cluster *cluster = with_played_replica(&spec);
        isolate(cluster, 2, true);
        produce(cluster, 1, 1, 5);
        settle(cluster);
        struct fetch_spec fetch = as_3(cluster, 5, 3);
        fetch_now(cluster, 1, fetch);
        fetch.wait_ns = 10 * ISR_SECOND;
        fetch.min_bytes = 1;
        uint32_t correlation = fetch_with(cluster, 1, fetch);
        settle(cluster);
        assert_null(fetched(cluster, correlation, 0));
        isolate(cluster, 2, false);
        pass(cluster, 5 * ISR_SECOND);
        assert_int_equal(mark_of(cluster, 1), 5);
        if (push == 1)
            assert_int_equal(fetched(cluster, correlation, 0)->high_watermark, 5);
        else
            assert_null(fetched(cluster, correlation, 0));
        cluster_free(cluster);
    }
}

static void reuses_the_memory_of_waiters(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec);
    pass(cluster, 10 * ISR_SECOND);
    for (unsigned i = 0; i < 20; i++) {
        produce(cluster, 1, -1, 1);
        settle(cluster);
    }
    size_t blocks = cluster->nodes[1].heap.live_blocks;
    pass(cluster, 20 * ISR_SECOND);
    assert_int_equal(cluster->nodes[1].heap.live_blocks, blocks);
    cluster_free(cluster);
}

/* ---- bounds ---- */

static void exceeds_the_bound_by_one_batch_of_the_first_partition_only(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.partitions = 2;
    struct cluster *cluster = running(&spec);
    produce(cluster, 1, -1, 5);
    produce(cluster, 1, -1, 5);
    struct isr_message message = {
        .kind = ISR_MESSAGE_PRODUCE_REQUEST,
        .produce_request = {.correlation = 800,
                            .tp = {1, 1},
                            .acks = -1,
                            .timeout_ns = ISR_SECOND,
                            .records = isr_batch_build(&cluster->scratch, -1, -1, -1, 77, 5, 8)}};
    request(cluster, CLIENT, 1, &message);
    settle(cluster);
    struct fetch_spec fetch = {.epoch = 3, .last_epoch = -1, .partitions = 2, .max_bytes = 10};
    uint32_t tiny = fetch_with(cluster, 1, fetch);
    fetch.max_bytes = 150; /* a batch takes 100 */
    uint32_t small = fetch_with(cluster, 1, fetch);
    fetch.max_bytes = 10000;
    fetch.partition_max_bytes = 120;
    uint32_t each = fetch_with(cluster, 1, fetch);
    settle(cluster);
    assert_int_equal(records_end(fetched(cluster, tiny, 0), 0), 5);
    assert_int_equal(fetched(cluster, tiny, 1)->records.size, 0);
    assert_int_equal(records_end(fetched(cluster, small, 0), 0), 5);
    assert_int_equal(fetched(cluster, small, 1)->records.size, 0);
    assert_int_equal(records_end(fetched(cluster, each, 0), 0), 5);
    assert_int_equal(records_end(fetched(cluster, each, 1), 0), 5);
    cluster_free(cluster);
}

static void starves_no_partition_when_answers_are_small(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.partitions = 3;
    spec.config.fetch_max_bytes = 100;
    struct cluster *cluster = running(&spec);
    for (uint16_t p = 0; p < 3; p++) {
        for (unsigned i = 0; i < 4; i++) {
            struct isr_message message = {
                .kind = ISR_MESSAGE_PRODUCE_REQUEST,
                .produce_request = {.correlation = 800,
                                    .tp = {1, p},
                                    .acks = 0,
                                    .records = isr_batch_build(&cluster->scratch, -1, -1, -1, 7, 5, 8)}};
            request(cluster, CLIENT, 1, &message);
        }
    }
    settle(cluster);
    for (uint16_t p = 0; p < 3; p++)
        assert_int_equal(isr_broker_partition(&cluster->nodes[2].broker, (struct isr_tp){1, p})->log->log_end,
                         20);
    cluster_free(cluster);
}

/* ---- consumers ---- */

static int32_t sent_to(struct cluster *cluster, uint8_t rack, int64_t offset)
{
    struct fetch_spec fetch = {.epoch = 3, .offset = offset, .last_epoch = -1, .rack = rack};
    uint32_t correlation = fetch_with(cluster, 1, fetch);
    settle(cluster);
    return fetched(cluster, correlation, 0)->preferred_read_replica;
}

/* Brokers 1 in rack 1, 2 and 3 in rack 2. */
static struct cluster *in_racks(struct cluster_spec *spec)
{
    struct cluster *cluster = running(spec);
    for (int32_t node = 1; node <= 3; node++)
        cluster->nodes[1].broker.image.brokers[node].rack = node == 1 ? 1 : 2;
    produce(cluster, 1, -1, 5);
    pass(cluster, ISR_SECOND);
    return cluster;
}

static void sends_consumers_to_a_replica_in_their_rack(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = in_racks(&spec);
    assert_int_equal(sent_to(cluster, ISR_RACK_NONE, 0), ISR_NODE_NONE);
    assert_int_equal(sent_to(cluster, 1, 0), ISR_NODE_NONE); /* the leader is near */
    assert_int_equal(sent_to(cluster, 3, 0), ISR_NODE_NONE); /* nobody is */
    assert_int_equal(sent_to(cluster, 2, 5), 2);
    isolate(cluster, 2, true);
    produce(cluster, 1, 1, 5);
    settle(cluster);
    assert_int_equal(sent_to(cluster, 2, 5), 3); /* it is farther */
    assert_int_not_equal(sent_to(cluster, ISR_RACK_ANY, 0), ISR_NODE_NONE);
    cluster_free(cluster);
}

static void sends_consumers_to_no_replica_that_will_not_do(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = in_racks(&spec);
    struct isr_remote_replica *second = isr_partition_remote(at(cluster, 1), 2);
    second->log_start = 1; /* it does not hold the offset */
    assert_int_equal(sent_to(cluster, 2, 0), 3);
    int64_t second_end = second->log_end;
    second->log_start = 0;
    second->log_end = 4; /* nor does it now */
    isr_partition_remote(at(cluster, 1), 3)->log_end = 4;
    assert_int_equal(sent_to(cluster, 2, 5), ISR_NODE_NONE);
    assert_int_not_equal(sent_to(cluster, 2, 4), ISR_NODE_NONE);
    second->log_start = 1;
    second->log_end = second_end;
    change_broker(cluster, 3, true, false); /* fenced */
    assert_int_equal(sent_to(cluster, 2, 0), ISR_NODE_NONE);
    second->log_start = 0;
    assert_int_equal(sent_to(cluster, 2, 0), 2);
    change_broker(cluster, 2, false, true); /* shutting down */
    assert_int_equal(sent_to(cluster, 2, 0), ISR_NODE_NONE);
    change_broker(cluster, 3, false, false);
    PARTITION(cluster, .leader = 1, .leader_epoch = 3, .partition_epoch = 2, .replicas = "123", .isr = "12");
    assert_int_equal(sent_to(cluster, 2, 0), ISR_NODE_NONE); /* outside the ISR */
    cluster_free(cluster);
}

static void serves_consumers_at_a_follower_below_its_own_high_watermark(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec);
    produce(cluster, 1, -1, 5);
    settle(cluster);
    isolate(cluster, 3, true);
    produce(cluster, 1, 1, 5);
    settle(cluster);
    assert_int_equal(end_of(cluster, 2), 10);
    assert_int_equal(records_end(consume(cluster, 2, 0), 0), 5);
    assert_int_equal(consume(cluster, 2, 7)->error, ISR_ERROR_NONE);
    assert_int_equal(consume(cluster, 2, 7)->records.size, 0);
    assert_int_equal(consume(cluster, 3, 7)->error, ISR_ERROR_OFFSET_NOT_AVAILABLE);
    assert_int_equal(consume(cluster, 1, 17)->error, ISR_ERROR_OFFSET_OUT_OF_RANGE);
    struct fetch_spec old_client = {.epoch = -1, .last_epoch = -1};
    assert_int_equal(fetch_now(cluster, 1, old_client)->error, ISR_ERROR_NONE);
    assert_int_equal(fetch_now(cluster, 2, old_client)->error, ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    cluster_free(cluster);
}

static const struct isr_list_offsets_response *list_offsets(struct cluster *cluster, int32_t from, int32_t to,
                                                            int32_t epoch, int64_t timestamp)
{
    struct isr_message message = {
        .kind = ISR_MESSAGE_LIST_OFFSETS_REQUEST,
        .list_offsets_request = {
            .correlation = 1, .tp = TP, .current_leader_epoch = epoch, .timestamp = timestamp}};
    request(cluster, from, to, &message);
    settle(cluster);
    const struct isr_message *last = &cluster->client[cluster->client_count - 1];
    assert_int_equal(last->kind, ISR_MESSAGE_LIST_OFFSETS_RESPONSE);
    return &last->list_offsets_response;
}

static void lists_offsets_for_clients_and_replicas(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = with_played_replica(&spec);
    produce(cluster, 1, 1, 5);
    settle(cluster);
    assert_int_equal(list_offsets(cluster, CLIENT, 1, 3, -1)->offset, 0);
    assert_int_equal(list_offsets(cluster, CLIENT, 1, 3, -2)->offset, 0);
    assert_int_equal(list_offsets(cluster, 3, 1, 3, -1)->offset, 5);
    assert_int_equal(list_offsets(cluster, CLIENT, 1, 2, -1)->error, ISR_ERROR_FENCED_LEADER_EPOCH);
    assert_int_equal(list_offsets(cluster, CLIENT, 1, 3, 12345)->error, ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(list_offsets(cluster, CLIENT, 2, 3, -1)->error, ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    PARTITION(cluster, .leader = 1, .leader_epoch = 4, .partition_epoch = 2, .replicas = "123", .isr = "123");
    settle(cluster);
    assert_int_equal(list_offsets(cluster, CLIENT, 1, 4, -1)->error,
                     ISR_ERROR_OFFSET_NOT_AVAILABLE); /* KIP-207 */
    cluster_free(cluster);
}

static const struct isr_epoch_answer *query(struct cluster *cluster, int32_t to, int32_t epoch, int32_t asked)
{
    struct isr_epoch_query what = {.tp = TP, .current_leader_epoch = epoch, .leader_epoch = asked};
    struct isr_message message = {
        .kind = ISR_MESSAGE_OFFSETS_FOR_EPOCH_REQUEST,
        .offsets_for_epoch_request = {
            .correlation = 1, .replica_id = 3, .partitions = &what, .partitions_count = 1}};
    request(cluster, 3, to, &message);
    settle(cluster);
    const struct isr_message *last = &cluster->client[cluster->client_count - 1];
    assert_int_equal(last->kind, ISR_MESSAGE_OFFSETS_FOR_EPOCH_RESPONSE);
    return &last->offsets_for_epoch_response.partitions[0];
}

static void tells_where_epochs_end(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = with_played_replica(&spec);
    produce(cluster, 1, 1, 5);
    settle(cluster);
    PARTITION(cluster, .leader = 1, .leader_epoch = 6, .partition_epoch = 2, .replicas = "123", .isr = "123");
    settle(cluster);
    assert_int_equal(query(cluster, 1, 6, 5)->leader_epoch, 3); /* KIP-279 */
    assert_int_equal(query(cluster, 1, 6, 5)->end_offset, 5);
    assert_int_equal(query(cluster, 1, 6, 6)->end_offset, 5);
    assert_int_equal(query(cluster, 1, 3, 3)->error, ISR_ERROR_FENCED_LEADER_EPOCH); /* KIP-320 */
    assert_int_equal(query(cluster, 1, 7, 3)->error, ISR_ERROR_UNKNOWN_LEADER_EPOCH);
    assert_int_equal(query(cluster, 2, 6, 3)->error, ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_when_the_leader_epoch_differs),
        cmocka_unit_test(refuses_a_fetch_of_the_replicas_former_life),
        cmocka_unit_test(refuses_strangers_and_liars),
        cmocka_unit_test(refuses_a_replicas_fetch_when_it_follows_itself),
        cmocka_unit_test(refuses_partitions_that_it_does_not_have),
        cmocka_unit_test(says_out_of_range_before_divergence_when_below_the_log_start),
        cmocka_unit_test(tells_divergence_and_counts_nothing),
        cmocka_unit_test(waits_for_the_high_watermark_when_a_consumer_is_at_the_end),
        cmocka_unit_test(answers_with_nothing_when_time_is_over),
        cmocka_unit_test(waits_for_min_bytes_over_all_partitions),
        cmocka_unit_test(answers_those_that_wait_when_the_role_changes),
        cmocka_unit_test(tells_a_waiting_follower_the_high_watermark_when_push_is_on),
        cmocka_unit_test(reuses_the_memory_of_waiters),
        cmocka_unit_test(exceeds_the_bound_by_one_batch_of_the_first_partition_only),
        cmocka_unit_test(starves_no_partition_when_answers_are_small),
        cmocka_unit_test(sends_consumers_to_a_replica_in_their_rack),
        cmocka_unit_test(sends_consumers_to_no_replica_that_will_not_do),
        cmocka_unit_test(serves_consumers_at_a_follower_below_its_own_high_watermark),
        cmocka_unit_test(lists_offsets_for_clients_and_replicas),
        cmocka_unit_test(tells_where_epochs_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
