#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/base/error.h"
#include "sim/tests/cluster.h"
#include "sim/workload.h"

/* How many operations there are of a kind, from a client (0: any). */
static uint32_t operations(const struct sim_world *world, enum sim_operation_kind kind, int32_t client)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < sim_workload_operations_count(world); i++) {
        const struct sim_operation *operation = sim_workload_operation(world, i);
        count += operation->kind == kind && (client == 0 || operation->client == client);
    }
    return count;
}

static void creates_topics_when_the_cluster_is_up(void **state)
{
    (void)state;
    struct test_cluster cluster;
    test_cluster_init(&cluster);
    struct sim_world *world = test_cluster_run(&cluster, 5 * ISR_SECOND);
    const struct isr_image_topic *topic = isr_image_topic_named(sim_world_image(world), "orders");
    assert_non_null(topic);
    assert_int_equal(topic->settings.min_isr, 2);
    assert_int_equal(operations(world, SIM_OPERATION_CREATE_TOPIC, sim_spec_own_client(world->spec)), 1);
    assert_int_equal(sim_workload_operation(world, 0)->outcome, SIM_OUTCOME_OK);
}

static void produces_at_its_interval_between_start_and_stop(void **state)
{
    (void)state;
    struct test_cluster cluster;
    test_cluster_init(&cluster);
    struct sim_client_spec *client = test_cluster_client(&cluster, "p1", SIM_CLIENT_PRODUCER);
    client->start_ns = 6 * ISR_SECOND;
    client->stop_ns = 8 * ISR_SECOND;
    client->records_per_batch = 3;
    struct sim_world *world = test_cluster_run(&cluster, ISR_TIME_NEVER);
    assert_int_equal(operations(world, SIM_OPERATION_PRODUCE, 0), 200);
    assert_int_equal(world->counters.records_produced, 600);
    assert_int_equal(world->counters.records_acked, 600);
    assert_int_equal(world->counters.records_failed, 0);
    uint64_t next = (uint64_t)sim_spec_first_client(world->spec) << 40;
    int64_t at_ns = 6 * ISR_SECOND, offset = 0;
    for (uint32_t i = 0; i < sim_workload_operations_count(world); i++) {
        const struct sim_operation *operation = sim_workload_operation(world, i);
        if (operation->kind != SIM_OPERATION_PRODUCE)
            continue;
        assert_true(operation->first_value == next);
        assert_int_equal(operation->asked_ns, at_ns);
        assert_int_equal(operation->offset, offset);
        assert_int_equal(operation->outcome, SIM_OUTCOME_OK);
        assert_true(operation->answered_ns > operation->asked_ns);
        next += 3;
        offset += 3;
        at_ns += 10 * ISR_MS;
    }
}

/* Counts of PRODUCE operations by partition. */
static void count_by_partition(const struct sim_world *world, uint32_t counts[3])
{
    for (uint32_t i = 0; i < sim_workload_operations_count(world); i++) {
        const struct sim_operation *operation = sim_workload_operation(world, i);
        if (operation->kind == SIM_OPERATION_PRODUCE)
            counts[operation->partition]++;
    }
}

static void spreads_over_partitions_in_turn_or_by_key(void **state)
{
    (void)state;
    for (int32_t keys = 0; keys <= 40; keys += 40) {
        struct test_cluster cluster;
        uint32_t counts[3] = {0};
        test_cluster_init(&cluster);
        cluster.topic.partitions = 3;
        test_cluster_client(&cluster, "p1", SIM_CLIENT_PRODUCER)->keys = keys;
        struct sim_world *world = test_cluster_run(&cluster, ISR_TIME_NEVER);
        count_by_partition(world, counts);
        for (int i = 0; i < 3; i++)
            assert_true(counts[i] > 50);
        if (keys == 0)
            assert_true(counts[0] - counts[2] <= 1);
        else
            assert_true(counts[0] != counts[1] || counts[1] != counts[2]);
    }
}

static void consumers_read_everything_when_it_is_committed(void **state)
{
    (void)state;
    struct test_cluster cluster;
    test_cluster_init(&cluster);
    test_cluster_client(&cluster, "p1", SIM_CLIENT_PRODUCER)->stop_ns = 8 * ISR_SECOND;
    test_cluster_client(&cluster, "c1", SIM_CLIENT_CONSUMER);
    test_cluster_client(&cluster, "c2", SIM_CLIENT_CONSUMER)->from_follower = true;
    struct sim_world *world = test_cluster_run(&cluster, ISR_TIME_NEVER);
    assert_true(world->counters.records_produced > 100);
    assert_int_equal(world->counters.records_read, 2 * world->counters.records_produced);
    int32_t consumer = sim_spec_first_client(world->spec) + 1;
    int64_t offset = 0;
    for (uint32_t i = 0; i < sim_workload_operations_count(world); i++) {
        const struct sim_operation *operation = sim_workload_operation(world, i);
        if (operation->kind != SIM_OPERATION_RECORDS || operation->client != consumer)
            continue;
        assert_int_equal(operation->offset, offset);
        offset += operation->count;
    }
    assert_int_equal(offset, world->counters.records_produced);
}

static void consumer_reads_on_when_its_process_starts_again(void **state)
{
    (void)state;
    struct test_cluster cluster;
    test_cluster_init(&cluster);
    test_cluster_client(&cluster, "p1", SIM_CLIENT_PRODUCER)->stop_ns = 8 * ISR_SECOND;
    test_cluster_client(&cluster, "c1", SIM_CLIENT_CONSUMER);
    int32_t consumer = sim_spec_first_client(&cluster.spec) + 1;
    test_cluster_step(&cluster, SIM_GATE_AT, SIM_ACTION_KILL, consumer)->time_ns = 5 * ISR_SECOND;
    test_cluster_step(&cluster, SIM_GATE_WAIT, SIM_ACTION_START, consumer)->time_ns = ISR_SECOND;
    struct sim_world *world = test_cluster_run(&cluster, ISR_TIME_NEVER);
    assert_true(world->counters.records_read >= world->counters.records_produced);
    assert_true(world->counters.records_read < world->counters.records_produced + 10);
    assert_int_equal(operations(world, SIM_OPERATION_CONSUME, consumer), 2);
}

static void tells_the_failure_when_nobody_can_acknowledge(void **state)
{
    (void)state;
    struct test_cluster cluster;
    test_cluster_init(&cluster);
    cluster.spec.config.delivery_timeout = 2 * ISR_SECOND;
    test_cluster_client(&cluster, "p1", SIM_CLIENT_PRODUCER)->stop_ns = 6 * ISR_SECOND;
    for (int32_t node = 1; node <= 3; node++)
        test_cluster_step(&cluster, SIM_GATE_AT, SIM_ACTION_KILL, node)->time_ns = 5 * ISR_SECOND;
    struct sim_world *world = test_cluster_run(&cluster, ISR_TIME_NEVER);
    assert_true(world->counters.records_acked > 50);
    assert_true(world->counters.records_failed >= 100);
    assert_int_equal(world->counters.records_acked + world->counters.records_failed,
                     world->counters.records_produced);
}

static void steps_produce_rest_and_elect(void **state)
{
    (void)state;
    struct test_cluster cluster;
    test_cluster_init(&cluster);
    test_cluster_client(&cluster, "p1", SIM_CLIENT_PRODUCER);
    test_cluster_step(&cluster, SIM_GATE_AT, SIM_ACTION_TRAFFIC, 0)->time_ns = 5 * ISR_SECOND;
    struct sim_step *produce = test_cluster_step(&cluster, SIM_GATE_NONE, SIM_ACTION_PRODUCE, 0);
    produce->action.count = 7;
    produce = test_cluster_step(&cluster, SIM_GATE_NONE, SIM_ACTION_PRODUCE, 0);
    produce->action.count = 5;
    memcpy(produce->action.client, "p1", 3);
    test_cluster_step(&cluster, SIM_GATE_NONE, SIM_ACTION_ELECT, 0);
    struct sim_step *on = test_cluster_step(&cluster, SIM_GATE_AT, SIM_ACTION_TRAFFIC, 0);
    on->time_ns = 9 * ISR_SECOND;
    on->action.on = true;
    struct sim_world *world = test_cluster_run(&cluster, 6 * ISR_SECOND);
    uint64_t produced = world->counters.records_produced;
    world = test_cluster_run(&cluster, 9 * ISR_SECOND - 1);
    assert_int_equal(world->counters.records_produced, produced);
    world = test_cluster_run(&cluster, ISR_TIME_NEVER);
    assert_in_range(world->counters.records_produced, produced + 99, produced + 101);
    int32_t own = sim_spec_own_client(world->spec);
    assert_int_equal(operations(world, SIM_OPERATION_PRODUCE, own), 1);
    assert_int_equal(operations(world, SIM_OPERATION_ADMINISTER, own), 1);
    assert_true(world->counters.records_acked >= produced + 90);
}

static void stops_and_probes_when_it_settles(void **state)
{
    (void)state;
    struct test_cluster cluster;
    test_cluster_init(&cluster);
    cluster.spec.settle_ns = 4 * ISR_SECOND;
    cluster.topic.partitions = 3;
    test_cluster_client(&cluster, "p1", SIM_CLIENT_PRODUCER);
    uint32_t sent, unanswered;
    struct sim_world *world = test_cluster_run(&cluster, 6 * ISR_SECOND + 1);
    uint64_t produced = world->counters.records_produced;
    sim_workload_probes(world, &sent, &unanswered);
    assert_int_equal(sent, 0);
    assert_int_equal(unanswered, 3);
    world = test_cluster_run(&cluster, ISR_TIME_NEVER);
    assert_int_equal(world->counters.records_produced, produced + 3);
    sim_workload_probes(world, &sent, &unanswered);
    assert_int_equal(sent, 3);
    assert_int_equal(unanswered, 0);
}

/* n3 is gone before it was ever there: three replicas cannot be had. */
static void asks_no_write_of_a_topic_that_cannot_be_made(void **state)
{
    (void)state;
    struct test_cluster cluster;
    uint32_t sent, unanswered;
    test_cluster_init(&cluster);
    cluster.spec.duration_ns = 20 * ISR_SECOND;
    cluster.spec.settle_ns = 15 * ISR_SECOND;
    sim_node_set_add(&cluster.spec.gone, 3);
    test_cluster_step(&cluster, SIM_GATE_NONE, SIM_ACTION_KILL, 3);
    struct sim_world *world = test_cluster_run(&cluster, 20 * ISR_SECOND);
    sim_workload_probes(world, &sent, &unanswered);
    assert_int_equal(sent, 0);
    assert_int_equal(unanswered, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creates_topics_when_the_cluster_is_up),
        cmocka_unit_test(produces_at_its_interval_between_start_and_stop),
        cmocka_unit_test(spreads_over_partitions_in_turn_or_by_key),
        cmocka_unit_test(consumers_read_everything_when_it_is_committed),
        cmocka_unit_test(consumer_reads_on_when_its_process_starts_again),
        cmocka_unit_test(tells_the_failure_when_nobody_can_acknowledge),
        cmocka_unit_test(steps_produce_rest_and_elect),
        cmocka_unit_test(stops_and_probes_when_it_settles),
        cmocka_unit_test(asks_no_write_of_a_topic_that_cannot_be_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
