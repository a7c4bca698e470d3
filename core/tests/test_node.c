/* The engine as a whole: three nodes that are brokers and controllers (1, 2, 3), a producer (4) and a
 * consumer (5). CLUSTER_FILTER runs the tests whose names match; CLUSTER_SEED and CLUSTER_SEEDS say with
 * which seed the random ones begin, and how many they take. */
#include "core/tests/cluster.h"

#include "core/base/assert.h"

_Noreturn void isr_assert_failed(const char *condition, const char *file, int line)
{
    print_error("%s:%d: assertion failed: %s\n", file, line, condition);
    abort();
}

enum { PRODUCER = 4, CONSUMER = 5 };

static const struct isr_tp orders = {.topic = 1, .index = 0};

static struct isr_config config_of_tests(void)
{
    struct isr_config config = isr_config_default();
    config.broker_session_timeout = 2 * ISR_SECOND;
    config.broker_heartbeat_interval = 500 * ISR_MS;
    config.replica_lag_time_max = 3 * ISR_SECOND;
    return config;
}

/* ---- looking at the cluster ---- */

static const struct isr_image *image_of(struct cluster *cluster)
{
    const struct isr_image *newest = NULL;
    for (int32_t id = 1; id <= cluster->nodes_count; id++) {
        const struct isr_node *node = cluster->processes[id].node;
        const struct isr_image *image = node != NULL ? isr_node_controller_image(node) : NULL;
        if (image != NULL && (newest == NULL || image->index > newest->index))
            newest = image;
    }
    return newest;
}

static const struct isr_image_partition *partition_of(struct cluster *cluster)
{
    return isr_image_partition(image_of(cluster), orders);
}

static int32_t active_controller(struct cluster *cluster)
{
    for (int32_t id = 1; id <= cluster->nodes_count; id++) {
        const struct isr_node *node = cluster->processes[id].node;
        if (node != NULL && isr_node_controller_active(node))
            return id;
    }
    return ISR_NODE_NONE;
}

static int32_t leader_of(struct cluster *cluster)
{
    const struct isr_image_partition *partition = partition_of(cluster);
    return partition != NULL ? partition->leader : ISR_NODE_NONE;
}

static bool is_broker(const struct cluster *cluster, int32_t id)
{
    return (cluster->processes[id].options.roles & ISR_NODE_BROKER) != 0;
}

static bool all_brokers_run(struct cluster *cluster)
{
    for (int32_t id = 1; id <= cluster->nodes_count; id++) {
        const struct isr_node *node = cluster->processes[id].node;
        if (is_broker(cluster, id) && (node == NULL || !isr_node_broker_running(node)))
            return false;
    }
    return true;
}

static bool every_command_is_answered(struct cluster *cluster)
{
    for (uint64_t id = 1; id <= cluster->commands; id++) {
        if (!cluster->outcomes[id].done)
            return false;
    }
    return true;
}

static bool isr_is_full(struct cluster *cluster)
{
    const struct isr_image_partition *partition = partition_of(cluster);
    return partition != NULL && partition->isr.count == partition->replicas.count &&
           partition->leader != ISR_NODE_NONE;
}

static bool replicas_agree(struct cluster *cluster)
{
    const struct isr_partition *first = NULL;
    for (int32_t id = 1; id <= cluster->nodes_count; id++) {
        if (!is_broker(cluster, id))
            continue;
        const struct isr_node *node = cluster->processes[id].node;
        const struct isr_partition *partition = node != NULL ? isr_node_partition(node, orders) : NULL;
        if (partition == NULL)
            return false;
        if (first == NULL)
            first = partition;
        if (partition->log->log_end != first->log->log_end ||
            partition->log->high_watermark != partition->log->log_end)
            return false;
    }
    return true;
}

static uint32_t records_wanted;
static bool enough_was_read(struct cluster *cluster)
{
    return cluster->records_count >= records_wanted;
}

static int32_t leader_before;
static bool leader_is_another(struct cluster *cluster)
{
    int32_t leader = leader_of(cluster);
    return leader != ISR_NODE_NONE && leader != leader_before;
}

/* ---- doing ---- */

static void start_all(struct cluster *cluster)
{
    for (int32_t id = 1; id <= cluster->nodes_count; id++)
        cluster_start(cluster, id);
    assert_true(cluster_run_until(cluster, all_brokers_run, 20 * ISR_SECOND));
}

static void create_orders(struct cluster *cluster)
{
    struct isr_command command = {.kind = ISR_COMMAND_CREATE_TOPIC,
                                  .topic = "orders",
                                  .partitions = 1,
                                  .replication_factor = 3,
                                  .settings = isr_topic_settings_of_min_isr(2)};
    uint64_t id = cluster_command(cluster, PRODUCER, command);
    assert_true(cluster_run_until(cluster, every_command_is_answered, 20 * ISR_SECOND));
    assert_string_equal(isr_error_name(cluster->outcomes[id].error), "NONE");
}

static struct cluster *cluster_with_orders(void)
{
    static const unsigned roles[] = {ISR_NODE_BROKER | ISR_NODE_CONTROLLER,
                                     ISR_NODE_BROKER | ISR_NODE_CONTROLLER,
                                     ISR_NODE_BROKER | ISR_NODE_CONTROLLER, ISR_NODE_CLIENT, ISR_NODE_CLIENT};
    struct isr_config config = config_of_tests();
    struct cluster *cluster = cluster_new(roles, 5, &config);
    start_all(cluster);
    create_orders(cluster);
    return cluster;
}

static void consume(struct cluster *cluster, bool from_follower)
{
    struct isr_command command = {
        .kind = ISR_COMMAND_CONSUME, .topic = "orders", .offset = 0, .from_follower = from_follower};
    uint64_t id = cluster_command(cluster, CONSUMER, command);
    cluster->outcomes[id].done = true;
}

/* Batches of two records, one each interval; values count up over the whole test. */
static void produce(struct cluster *cluster, uint32_t batches, int64_t interval_ns)
{
    for (uint32_t i = 0; i < batches; i++) {
        struct isr_command command = {.kind = ISR_COMMAND_PRODUCE,
                                      .topic = "orders",
                                      .acks = -1,
                                      .first_value = cluster->commands * 2,
                                      .record_count = 2,
                                      .value_bytes = 100};
        cluster_command(cluster, PRODUCER, command);
        cluster_run(cluster, interval_ns);
    }
}

/* Everything was acknowledged; the consumer read each record once, in order, where the producer was told it
 * is. */
static void verify_everything_was_read(struct cluster *cluster)
{
    uint32_t place = 0;
    for (uint64_t id = 1; id <= cluster->commands; id++) {
        const struct cluster_outcome *outcome = &cluster->outcomes[id];
        for (uint32_t i = 0; i < outcome->record_count; i++, place++) {
            assert_string_equal(isr_error_name(outcome->error), "NONE");
            assert_true(place < cluster->records_count);
            assert_int_equal(cluster->records[place].value, outcome->first_value + i);
            assert_int_equal(cluster->records[place].offset, outcome->offset + i);
        }
    }
    assert_int_equal(place, cluster->records_count);
}

static void settle_and_verify(struct cluster *cluster)
{
    assert_true(cluster_run_until(cluster, every_command_is_answered, 40 * ISR_SECOND));
    records_wanted = 0;
    for (uint64_t id = 1; id <= cluster->commands; id++)
        records_wanted += cluster->outcomes[id].record_count;
    assert_true(cluster_run_until(cluster, enough_was_read, 20 * ISR_SECOND));
    assert_true(cluster_run_until(cluster, isr_is_full, 20 * ISR_SECOND));
    assert_true(cluster_run_until(cluster, replicas_agree, 20 * ISR_SECOND));
    verify_everything_was_read(cluster);
}

/* ---- tests ---- */

static void reads_back_in_order_when_nothing_fails(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_with_orders();
    consume(cluster, false);
    produce(cluster, 100, 10 * ISR_MS);
    settle_and_verify(cluster);
    assert_int_equal(cluster->observed[ISR_OBSERVED_LOG_TRUNCATED], 0);
    assert_int_equal(cluster->observed[ISR_OBSERVED_ISR_REJECTED], 0);
    cluster_free(cluster);
}

static void reads_back_in_order_when_reading_from_a_follower(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_with_orders();
    consume(cluster, true);
    produce(cluster, 50, 10 * ISR_MS);
    settle_and_verify(cluster);
    cluster_free(cluster);
}

/* Of all nodes that are alive. */
static struct isr_metrics metrics_of(struct cluster *cluster)
{
    struct isr_metrics sum = {0};
    for (int32_t id = 1; id <= cluster->nodes_count; id++) {
        if (cluster->processes[id].node == NULL)
            continue;
        const struct isr_metrics *metrics = isr_node_metrics(cluster->processes[id].node);
#define X(kind, name, meaning) sum.name += metrics->name;
#include "core/metrics.def"
#undef X
    }
    return sum;
}

static void counts_what_happens(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_with_orders();
    consume(cluster, false);
    produce(cluster, 100, 10 * ISR_MS);
    settle_and_verify(cluster);
    struct isr_metrics seen = metrics_of(cluster);
    assert_int_equal(seen.records_appended_leader, 200);
    assert_int_equal(seen.records_appended_follower, 400);
    assert_int_equal(seen.records_truncated, 0);
    assert_int_equal(seen.produce_requests, 100);
    assert_int_equal(seen.produce_errors, 0);
    assert_int_equal(seen.client_records_acked, 200);
    assert_int_equal(seen.client_records_read, 200);
    assert_int_equal(seen.leader_elections, 1);
    assert_int_equal(seen.partitions_led, 1);
    assert_int_equal(seen.partitions_under_replicated, 0);
    assert_int_equal(seen.messages_rejected, 0);
    assert_true(seen.fetch_requests > 100);
    assert_in_range(seen.high_watermark_advances, 1, 200);
    assert_true(seen.messages_in <= seen.messages_out && seen.messages_in > 500);
    assert_true(seen.disk_writes > 300 && seen.disk_syncs > 0 && seen.disk_errors == 0);
    assert_int_equal(seen.metadata_index, 3 * image_of(cluster)->index);
    assert_true(seen.metadata_entries_applied > 0 && seen.quorum_commit_index >= seen.metadata_index);
    assert_true(seen.quorum_elections > 0 && seen.quorum_term >= 3);
    assert_int_equal(seen.controller_elections, 1);
    cluster_kill(cluster, leader_of(cluster));
    cluster_run(cluster, 10 * ISR_SECOND);
    seen = metrics_of(cluster);
    assert_int_equal(seen.brokers_fenced, 1);
    assert_int_equal(seen.partitions_led, 1);
    assert_int_equal(seen.partitions_under_replicated, 1);
    assert_int_equal(seen.partitions_under_min_isr, 0);
    cluster_free(cluster);
}

static void goes_on_when_the_leader_is_killed(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_with_orders();
    consume(cluster, false);
    produce(cluster, 50, 10 * ISR_MS);
    leader_before = leader_of(cluster);
    cluster_kill(cluster, leader_before);
    produce(cluster, 50, 10 * ISR_MS);
    assert_true(cluster_run_until(cluster, leader_is_another, 20 * ISR_SECOND));
    produce(cluster, 50, 10 * ISR_MS);
    assert_true(cluster_run_until(cluster, every_command_is_answered, 40 * ISR_SECOND));
    assert_false(isr_is_full(cluster));
    cluster_start(cluster, leader_before);
    assert_true(cluster_run_until(cluster, all_brokers_run, 20 * ISR_SECOND));
    settle_and_verify(cluster);
    cluster_free(cluster);
}

static void goes_on_when_each_node_is_killed_in_turn(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_with_orders();
    consume(cluster, false);
    for (int32_t id = 1; id <= 3; id++) {
        produce(cluster, 20, 10 * ISR_MS);
        cluster_kill(cluster, id);
        produce(cluster, 20, 10 * ISR_MS);
        cluster_run(cluster, 4 * ISR_SECOND);
        cluster_start(cluster, id);
        produce(cluster, 20, 10 * ISR_MS);
        assert_true(cluster_run_until(cluster, all_brokers_run, 20 * ISR_SECOND));
        assert_true(cluster_run_until(cluster, isr_is_full, 20 * ISR_SECOND));
    }
    settle_and_verify(cluster);
    cluster_free(cluster);
}

static void loses_nothing_when_the_leader_loses_power(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_with_orders();
    consume(cluster, false);
    produce(cluster, 50, 10 * ISR_MS);
    leader_before = leader_of(cluster);
    cluster_power_loss(cluster, leader_before);
    assert_true(cluster_run_until(cluster, leader_is_another, 20 * ISR_SECOND));
    cluster_start(cluster, leader_before);
    produce(cluster, 50, 10 * ISR_MS);
    settle_and_verify(cluster);
    cluster_free(cluster);
}

static bool asked_to_stop_is_down(struct cluster *cluster)
{
    return cluster->processes[leader_before].node == NULL;
}

static void hands_leadership_over_when_shut_down_cleanly(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_with_orders();
    consume(cluster, false);
    for (int round = 0; round < 4; round++) {
        produce(cluster, 20, 10 * ISR_MS);
        leader_before = leader_of(cluster);
        int64_t epoch_before = isr_node_broker_epoch(cluster->processes[leader_before].node);
        cluster_shutdown(cluster, leader_before);
        assert_true(cluster_run_until(cluster, asked_to_stop_is_down, ISR_SECOND));
        assert_true(cluster->processes[leader_before].exited_clean);
        assert_true(cluster_run_until(cluster, leader_is_another, 20 * ISR_SECOND));
        produce(cluster, 20, 10 * ISR_MS);
        cluster_start(cluster, leader_before);
        assert_true(cluster_run_until(cluster, all_brokers_run, 20 * ISR_SECOND));
        assert_true(isr_node_broker_epoch(cluster->processes[leader_before].node) > epoch_before);
        assert_true(cluster_run_until(cluster, isr_is_full, 20 * ISR_SECOND));
    }
    settle_and_verify(cluster);
    assert_int_equal(cluster->observed[ISR_OBSERVED_LOG_TRUNCATED], 0);
    cluster_free(cluster);
}

static void comes_back_when_everything_was_killed(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_with_orders();
    consume(cluster, false);
    produce(cluster, 50, 10 * ISR_MS);
    assert_true(cluster_run_until(cluster, every_command_is_answered, 20 * ISR_SECOND));
    for (int32_t id = 1; id <= 3; id++)
        cluster_kill(cluster, id);
    cluster_run(cluster, ISR_SECOND);
    for (int32_t id = 1; id <= 3; id++)
        cluster_start(cluster, id);
    produce(cluster, 50, 10 * ISR_MS);
    settle_and_verify(cluster);
    cluster_free(cluster);
}

static void heals_when_the_leader_was_cut_off(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_with_orders();
    consume(cluster, false);
    produce(cluster, 20, 10 * ISR_MS);
    leader_before = leader_of(cluster);
    cluster->processes[leader_before].cut = true;
    produce(cluster, 20, 10 * ISR_MS);
    assert_true(cluster_run_until(cluster, leader_is_another, 20 * ISR_SECOND));
    produce(cluster, 20, 10 * ISR_MS);
    cluster_run(cluster, 5 * ISR_SECOND);
    cluster->processes[leader_before].cut = false;
    produce(cluster, 20, 10 * ISR_MS);
    settle_and_verify(cluster);
    assert_true(all_brokers_run(cluster));
    cluster_free(cluster);
}

static void works_when_controllers_are_nodes_of_their_own(void **state)
{
    (void)state;
    static const unsigned roles[] = {ISR_NODE_BROKER,     ISR_NODE_BROKER,    ISR_NODE_BROKER,
                                     ISR_NODE_CLIENT,     ISR_NODE_CLIENT,    ISR_NODE_CONTROLLER,
                                     ISR_NODE_CONTROLLER, ISR_NODE_CONTROLLER};
    struct isr_config config = config_of_tests();
    struct cluster *cluster = cluster_new(roles, 8, &config);
    start_all(cluster);
    create_orders(cluster);
    consume(cluster, false);
    produce(cluster, 20, 10 * ISR_MS);
    int32_t controller = active_controller(cluster);
    leader_before = controller;
    cluster_shutdown(cluster, controller);
    cluster_run(cluster, 200 * ISR_MS); /* it hands leadership over first */
    assert_null(cluster->processes[controller].node);
    assert_true(cluster->processes[controller].exited_clean);
    assert_int_not_equal(active_controller(cluster), ISR_NODE_NONE);
    produce(cluster, 20, 10 * ISR_MS);
    assert_int_not_equal(active_controller(cluster), ISR_NODE_NONE);
    leader_before = leader_of(cluster);
    cluster_kill(cluster, leader_before);
    assert_true(cluster_run_until(cluster, leader_is_another, 20 * ISR_SECOND));
    cluster_start(cluster, controller);
    cluster_start(cluster, leader_before);
    produce(cluster, 20, 10 * ISR_MS);
    settle_and_verify(cluster);
    cluster_free(cluster);
}

static void follows_snapshots_when_the_metadata_log_is_compacted(void **state)
{
    (void)state;
    static const unsigned roles[] = {ISR_NODE_BROKER | ISR_NODE_CONTROLLER,
                                     ISR_NODE_BROKER | ISR_NODE_CONTROLLER,
                                     ISR_NODE_BROKER | ISR_NODE_CONTROLLER, ISR_NODE_CLIENT, ISR_NODE_CLIENT};
    struct isr_config config = config_of_tests();
    config.quorum_snapshot_entries = 10;
    struct cluster *cluster = cluster_new(roles, 5, &config);
    start_all(cluster);
    create_orders(cluster);
    consume(cluster, false);
    for (int round = 0; round < 6; round++) {
        leader_before = leader_of(cluster);
        cluster_kill(cluster, leader_before);
        assert_true(cluster_run_until(cluster, leader_is_another, 20 * ISR_SECOND));
        cluster_start(cluster, leader_before);
        produce(cluster, 10, 10 * ISR_MS);
        assert_true(cluster_run_until(cluster, isr_is_full, 20 * ISR_SECOND));
    }
    assert_true(cluster->observed[ISR_OBSERVED_METADATA_SNAPSHOT_LOADED] > 0);
    settle_and_verify(cluster);
    cluster_free(cluster);
}

/* ---- anything may happen ---- */

static void heal(struct cluster *cluster, int32_t id)
{
    cluster->processes[id].cut = false;
    if (cluster->processes[id].node == NULL)
        cluster_start(cluster, id);
}

static void hurt(struct cluster *cluster, struct test_random *random, int32_t id, bool power)
{
    switch (test_random_below(random, power ? 4 : 3)) {
    case 0:
        cluster_kill(cluster, id);
        break;
    case 1:
        cluster_shutdown(cluster, id);
        break;
    case 2:
        cluster->processes[id].cut = true;
        break;
    default:
        cluster_power_loss(cluster, id);
        break;
    }
}

/* One node at a time, which may lose power: the next one only when everything is in sync again. */
static void one_is_hurt(struct cluster *cluster, struct test_random *random, int32_t *victim)
{
    struct cluster_process *process = &cluster->processes[*victim];
    if (process->cut || process->node == NULL) {
        heal(cluster, *victim);
    } else if (!process->stopping && all_brokers_run(cluster) && isr_is_full(cluster)) {
        *victim = 1 + (int32_t)test_random_below(random, 3);
        hurt(cluster, random, *victim, true);
    }
}

/* Any number at a time, but what was written to the page cache survives. */
static void anyone_is_hurt(struct cluster *cluster, struct test_random *random, int32_t *victim)
{
    *victim = 1 + (int32_t)test_random_below(random, 3);
    struct cluster_process *process = &cluster->processes[*victim];
    if (process->cut || process->node == NULL)
        heal(cluster, *victim);
    else
        hurt(cluster, random, *victim, false);
}

/* Every record was read at most once and at the offset after the one before; what was acknowledged was read
 * where the producer was told that it is. */
static void verify_what_was_acknowledged(struct cluster *cluster)
{
    static bool seen[CLUSTER_COMMANDS * 2];
    memset(seen, 0, sizeof seen);
    for (uint32_t i = 0; i < cluster->records_count; i++) {
        assert_int_equal(cluster->records[i].offset, i);
        assert_false(seen[cluster->records[i].value]);
        seen[cluster->records[i].value] = true;
    }
    uint32_t acknowledged = 0;
    for (uint64_t id = 1; id <= cluster->commands; id++) {
        const struct cluster_outcome *outcome = &cluster->outcomes[id];
        for (uint32_t i = 0; i < outcome->record_count && outcome->error == ISR_ERROR_NONE; i++) {
            assert_true(outcome->offset + i < cluster->records_count);
            assert_int_equal(cluster->records[outcome->offset + i].value, outcome->first_value + i);
            acknowledged++;
        }
    }
    assert_true(acknowledged > 0);
}

static void run_at_random(uint64_t seed)
{
    struct test_random random = {seed};
    struct cluster *cluster = cluster_with_orders();
    int32_t victim = 1;
    void (*happens)(struct cluster *, struct test_random *, int32_t *) =
        seed % 3 == 0 ? anyone_is_hurt : one_is_hurt;
    consume(cluster, seed % 4 == 0);
    cluster->bad_network = seed % 2 == 0;
    cluster->random.state = seed;
    for (int round = 0; round < 60; round++) {
        uint32_t batches = 1 + test_random_below(&random, 5);
        produce(cluster, batches, (1 + test_random_below(&random, 30)) * ISR_MS);
        if (test_random_chance(&random, 2))
            happens(cluster, &random, &victim);
        if (test_random_chance(&random, 3))
            cluster_run(cluster, test_random_below(&random, 3000) * ISR_MS);
    }
    cluster->bad_network = false;
    for (int32_t id = 1; id <= 3; id++)
        heal(cluster, id);
    cluster_run(cluster, 10 * ISR_SECOND); /* those that were asked to stop have stopped */
    for (int32_t id = 1; id <= 3; id++)
        heal(cluster, id);
    assert_true(cluster_run_until(cluster, every_command_is_answered, 60 * ISR_SECOND));
    assert_true(cluster_run_until(cluster, all_brokers_run, 30 * ISR_SECOND));
    assert_true(cluster_run_until(cluster, isr_is_full, 30 * ISR_SECOND));
    assert_true(cluster_run_until(cluster, replicas_agree, 30 * ISR_SECOND));
    cluster_run(cluster, 5 * ISR_SECOND);
    verify_what_was_acknowledged(cluster);
    cluster_free(cluster);
}

static void keeps_what_it_acknowledged_when_anything_happens(void **state)
{
    (void)state;
    const char *first = getenv("CLUSTER_SEED");
    const char *count = getenv("CLUSTER_SEEDS");
    uint64_t seed = first != NULL ? strtoull(first, NULL, 10) : 1;
    uint64_t seeds = count != NULL ? strtoull(count, NULL, 10) : 10;
    for (uint64_t i = 0; i < seeds; i++) {
        print_message("seed %llu\n", (unsigned long long)(seed + i));
        run_at_random(seed + i);
    }
}

/* Nothing is promised among forgers, but nothing is asserted on either. A controller halts rather than apply
 * a committed entry that makes no sense. */
static void asserts_nothing_when_messages_are_forged(void **state)
{
    (void)state;
    const char *first = getenv("CLUSTER_SEED");
    const char *count = getenv("CLUSTER_SEEDS");
    uint64_t seed = first != NULL ? strtoull(first, NULL, 10) : 1;
    uint64_t seeds = count != NULL ? strtoull(count, NULL, 10) : 10;
    for (uint64_t i = 0; i < seeds; i++) {
        print_message("seed %llu\n", (unsigned long long)(seed + i));
        struct cluster *cluster = cluster_with_orders();
        consume(cluster, i % 2 == 0);
        cluster->random.state = seed + i;
        cluster->forgery = true;
        for (int round = 0; round < 20; round++) {
            produce(cluster, 10, 10 * ISR_MS);
            cluster_run(cluster, ISR_SECOND);
        }
        uint64_t down = 0;
        int64_t rejected = 0;
        for (int32_t id = 1; id <= 3; id++) {
            const struct isr_node *node = cluster->processes[id].node;
            rejected += node != NULL ? isr_node_metrics(node)->messages_rejected : 0;
            down += node == NULL;
        }
        assert_true(rejected > 0 || down > 0);
        assert_int_equal(down, cluster->observed[ISR_OBSERVED_NODE_HALTED]);
        cluster_free(cluster);
    }
}

static uint64_t hash_of_a_run(void)
{
    struct cluster *cluster = cluster_with_orders();
    consume(cluster, false);
    produce(cluster, 20, 10 * ISR_MS);
    cluster_kill(cluster, leader_of(cluster));
    produce(cluster, 20, 10 * ISR_MS);
    cluster_run(cluster, 5 * ISR_SECOND);
    uint64_t hash = cluster->hash;
    for (int32_t id = 1; id <= cluster->nodes_count; id++) {
        if (cluster->processes[id].node != NULL)
            hash = isr_hash_combine(hash, isr_node_digest(cluster->processes[id].node));
    }
    cluster_free(cluster);
    return hash;
}

static void tells_the_same_story_when_run_twice(void **state)
{
    (void)state;
    assert_true(hash_of_a_run() == hash_of_a_run());
}

static void rejects_frames_that_are_damaged_or_for_another_role(void **state)
{
    (void)state;
    struct cluster *cluster = cluster_with_orders();
    const struct isr_metrics *metrics = isr_node_metrics(cluster->processes[1].node);
    int64_t rejected = metrics->messages_rejected;
    struct test_heap heap;
    struct isr_scratch scratch;
    test_heap_init(&heap);
    isr_scratch_init(&scratch, &heap.heap);
    struct isr_message message = {.kind = ISR_MESSAGE_CREATE_TOPIC_RESPONSE};
    struct isr_event event = {.kind = ISR_EVENT_MESSAGE};
    event.message.from = PRODUCER;
    event.message.frame = isr_message_encode(&message, &scratch);
    cluster_step(cluster, 1, &event);
    assert_int_equal(metrics->messages_rejected, rejected + 1);
    message.kind = ISR_MESSAGE_METADATA_REQUEST;
    event.message.frame = isr_message_encode(&message, &scratch);
    ((uint8_t *)(uintptr_t)event.message.frame.data)[6] ^= 1;
    cluster_step(cluster, 1, &event);
    assert_int_equal(metrics->messages_rejected, rejected + 2);
    event.message.frame.size = 3;
    cluster_step(cluster, 1, &event);
    assert_int_equal(metrics->messages_rejected, rejected + 3);
    test_heap_drop(&heap);
    cluster_free(cluster);
}

static void does_nothing_more_when_it_has_exited(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct isr_node_options options = {
        .id = 9, .roles = ISR_NODE_CLIENT, .bootstrap = {1, {1}}, .config = isr_config_default()};
    struct isr_node *node = isr_node_new(&options, &heap.heap, 5);
    struct isr_effects effects;
    struct isr_event event = {.kind = ISR_EVENT_START};
    isr_node_step(node, &event, &effects);
    assert_int_equal(effects.count, 1);
    event.kind = ISR_EVENT_SHUTDOWN;
    isr_node_step(node, &event, &effects);
    assert_int_equal(effects.count, 1);
    assert_int_equal(effects.items[0].kind, ISR_EFFECT_EXIT);
    assert_true(effects.wake_ns == ISR_TIME_NEVER);
    event.kind = ISR_EVENT_WAKE;
    event.now_ns = 60 * ISR_SECOND;
    isr_node_step(node, &event, &effects);
    assert_int_equal(effects.count, 0);
    test_heap_drop(&heap);
}

static void refuses_commands_when_it_is_no_client(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct isr_node_options options = {
        .id = 2, .roles = ISR_NODE_ENTRIES, .controllers = {3, {1, 2, 3}}, .config = isr_config_default()};
    struct isr_node *node = isr_node_new(&options, &heap.heap, 5);
    struct isr_effects effects;
    struct isr_event event = {.kind = ISR_EVENT_START};
    uint64_t digest = isr_node_digest(node);
    isr_node_step(node, &event, &effects);
    const struct isr_command command = {.kind = ISR_COMMAND_PRODUCE, .id = 7, .topic = "orders"};
    event = (struct isr_event){.kind = ISR_EVENT_COMMAND, .command = &command};
    isr_node_step(node, &event, &effects);
    assert_int_equal(effects.count, 1);
    assert_int_equal(effects.items[0].kind, ISR_EFFECT_REPLY);
    assert_int_equal(effects.items[0].id, 7);
    assert_int_equal(effects.items[0].error, ISR_ERROR_INVALID_REQUEST);
    assert_true(isr_node_digest(node) == digest);
    event.kind = ISR_EVENT_SHUTDOWN;
    for (int i = 0; i < 2; i++) /* asked again it leaves as before */
        isr_node_step(node, &event, &effects);
    assert_true(isr_node_digest(node) != digest);
    test_heap_drop(&heap);
}

int main(void)
{
    if (getenv("CLUSTER_FILTER") != NULL)
        cmocka_set_test_filter(getenv("CLUSTER_FILTER"));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(does_nothing_more_when_it_has_exited),
        cmocka_unit_test(refuses_commands_when_it_is_no_client),
        cmocka_unit_test(reads_back_in_order_when_nothing_fails),
        cmocka_unit_test(reads_back_in_order_when_reading_from_a_follower),
        cmocka_unit_test(counts_what_happens),
        cmocka_unit_test(goes_on_when_the_leader_is_killed),
        cmocka_unit_test(goes_on_when_each_node_is_killed_in_turn),
        cmocka_unit_test(loses_nothing_when_the_leader_loses_power),
        cmocka_unit_test(hands_leadership_over_when_shut_down_cleanly),
        cmocka_unit_test(comes_back_when_everything_was_killed),
        cmocka_unit_test(heals_when_the_leader_was_cut_off),
        cmocka_unit_test(works_when_controllers_are_nodes_of_their_own),
        cmocka_unit_test(follows_snapshots_when_the_metadata_log_is_compacted),
        cmocka_unit_test(keeps_what_it_acknowledged_when_anything_happens),
        cmocka_unit_test(asserts_nothing_when_messages_are_forged),
        cmocka_unit_test(tells_the_same_story_when_run_twice),
        cmocka_unit_test(rejects_frames_that_are_damaged_or_for_another_role),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
