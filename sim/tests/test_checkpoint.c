#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sim/checkpoint.h"
#include "sim/tests/cluster.h"

/* Three brokers, of which one is killed and comes back, and a producer. */
static void busy_cluster(struct test_cluster *cluster, uint64_t seed)
{
    test_cluster_init(cluster);
    test_cluster_client(cluster, "p1", SIM_CLIENT_PRODUCER);
    cluster->spec.duration_ns = 6 * ISR_SECOND;
    cluster->spec.network.loss_ppm = 1000;
    cluster->spec.config.broker_session_timeout = 1 * ISR_SECOND;
    cluster->spec.config.broker_heartbeat_interval = 250 * ISR_MS;
    cluster->spec.config.replica_lag_time_max = 500 * ISR_MS;
    test_cluster_step(cluster, SIM_GATE_AT, SIM_ACTION_KILL, 2)->time_ns = 4 * ISR_SECOND;
    test_cluster_step(cluster, SIM_GATE_AT, SIM_ACTION_START, 2)->time_ns = 5 * ISR_SECOND;
    test_cluster_build(cluster, seed);
}

static void step_events(struct sim_world *world, uint64_t events)
{
    for (uint64_t i = 0; i < events; i++)
        assert_true(sim_world_step(world));
}

static uint64_t finish(struct sim_world *world)
{
    sim_world_run(world);
    return world->trace.hash;
}

static void goes_on_as_if_nothing_had_been(void **state)
{
    (void)state;
    struct test_cluster cluster;
    busy_cluster(&cluster, 7);
    uint64_t hash = finish(cluster.world);
    busy_cluster(&cluster, 7);
    step_events(cluster.world, 1500);
    struct sim_checkpoint checkpoint = {0};
    assert_true(sim_checkpoint_take(&checkpoint, cluster.world));
    assert_int_equal(checkpoint.events, 1500);
    assert_true(finish(cluster.world) == hash);
    sim_checkpoint_free(&checkpoint);
}

static void restores_every_byte_however_often(void **state)
{
    (void)state;
    struct test_cluster cluster;
    struct sim_checkpoint middle = {0}, end = {0};
    uint64_t where;
    busy_cluster(&cluster, 7);
    step_events(cluster.world, 2000);
    assert_true(sim_checkpoint_take(&middle, cluster.world));
    uint64_t hash = finish(cluster.world);
    assert_true(sim_checkpoint_take(&end, cluster.world));
    for (int i = 0; i < 3; i++) {
        struct sim_world *world = sim_checkpoint_restore(&middle);
        assert_ptr_equal(world, cluster.world);
        assert_int_equal(world->counters.events, 2000);
        assert_true(sim_checkpoint_equals(&middle, &where));
        assert_true(finish(world) == hash);
        assert_true(sim_checkpoint_equals(&end, &where));
    }
    sim_checkpoint_free(&middle);
    sim_checkpoint_free(&end);
}

static void restores_into_earlier_and_later_moments(void **state)
{
    (void)state;
    struct test_cluster cluster;
    struct sim_checkpoint at[3] = {0};
    uint64_t where;
    busy_cluster(&cluster, 3);
    for (int i = 0; i < 3; i++) {
        step_events(cluster.world, 900);
        assert_true(sim_checkpoint_take(&at[i], cluster.world));
    }
    uint64_t hash = finish(cluster.world);
    static const int order[] = {2, 0, 1, 0, 2, 1, 1};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        struct sim_world *world = sim_checkpoint_restore(&at[order[i]]);
        assert_int_equal(world->counters.events, 900 * (order[i] + 1));
        if (order[i] < 2) {
            step_events(world, 900);
            assert_true(sim_checkpoint_equals(&at[order[i] + 1], &where));
        } else {
            assert_true(finish(world) == hash);
        }
    }
    for (int i = 0; i < 3; i++)
        sim_checkpoint_free(&at[i]);
}

static void restores_after_another_world_was_in_the_arena(void **state)
{
    (void)state;
    struct test_cluster cluster, other;
    struct sim_checkpoint middle = {0}, end = {0};
    uint64_t where;
    busy_cluster(&cluster, 5);
    step_events(cluster.world, 1000);
    assert_true(sim_checkpoint_take(&middle, cluster.world));
    uint64_t hash = finish(cluster.world);
    assert_true(sim_checkpoint_take(&end, cluster.world));
    busy_cluster(&other, 6);
    assert_true(finish(other.world) != hash);
    assert_false(sim_checkpoint_equals(&end, &where));
    assert_true(finish(sim_checkpoint_restore(&middle)) == hash);
    assert_true(sim_checkpoint_equals(&end, &where));
    sim_checkpoint_free(&middle);
    sim_checkpoint_free(&end);
}

static void holds_the_next_world_when_it_is_taken_again(void **state)
{
    (void)state;
    struct test_cluster cluster;
    struct sim_checkpoint checkpoint = {0};
    busy_cluster(&cluster, 1);
    assert_true(sim_checkpoint_take(&checkpoint, cluster.world));
    step_events(cluster.world, 3000);
    assert_true(sim_checkpoint_take(&checkpoint, cluster.world));
    uint64_t hash = finish(cluster.world);
    assert_int_equal(sim_checkpoint_restore(&checkpoint)->counters.events, 3000);
    assert_true(finish(cluster.world) == hash);
    sim_checkpoint_free(&checkpoint);
    assert_null(checkpoint.world);
}

static void count_record(void *object, struct sim_world *world, const struct sim_trace_record *record)
{
    (void)world, (void)record;
    ++*(uint64_t *)object;
}

static void keeps_the_listener_but_restores_none(void **state)
{
    (void)state;
    struct test_cluster cluster;
    struct sim_checkpoint checkpoint = {0};
    uint64_t records = 0;
    busy_cluster(&cluster, 1);
    sim_trace_listen(&cluster.world->trace, count_record, &records, ISR_IMPORTANCE_normal);
    assert_true(sim_checkpoint_take(&checkpoint, cluster.world));
    finish(cluster.world);
    assert_true(records > 0);
    uint64_t before = records;
    struct sim_world *world = sim_checkpoint_restore(&checkpoint);
    assert_null(world->trace.sink);
    finish(world);
    assert_int_equal(records, before);
    sim_checkpoint_free(&checkpoint);
}

static void branches_by_another_seed(void **state)
{
    (void)state;
    struct test_cluster cluster;
    struct sim_checkpoint checkpoint = {0};
    busy_cluster(&cluster, 1);
    step_events(cluster.world, 2500);
    assert_true(sim_checkpoint_take(&checkpoint, cluster.world));
    uint64_t hash = finish(cluster.world), branch[3];
    for (int i = 0; i < 3; i++) {
        struct sim_world *world = sim_checkpoint_restore(&checkpoint);
        sim_world_reseed(world, i == 1 ? 12 : 11);
        branch[i] = finish(world);
    }
    assert_true(branch[0] != hash);
    assert_true(branch[0] != branch[1]);
    assert_true(branch[0] == branch[2]);
    sim_checkpoint_free(&checkpoint);
}

/* What was drawn stays: a message that is on its way arrives when it would have. */
static void leaves_what_was_drawn_when_it_is_reseeded(void **state)
{
    (void)state;
    struct test_cluster cluster;
    struct sim_checkpoint checkpoint = {0};
    busy_cluster(&cluster, 1);
    step_events(cluster.world, 2500);
    int64_t next_ns = sim_queue_peek(&cluster.world->queue)->time_ns;
    assert_true(sim_checkpoint_take(&checkpoint, cluster.world));
    sim_world_reseed(cluster.world, 99);
    assert_int_equal(sim_queue_peek(&cluster.world->queue)->time_ns, next_ns);
    assert_int_equal(cluster.world->seed, 99);
    sim_checkpoint_free(&checkpoint);
}

static void branches_while_a_node_is_down(void **state)
{
    (void)state;
    struct test_cluster cluster;
    struct sim_checkpoint checkpoint = {0};
    busy_cluster(&cluster, 1);
    test_cluster_run(&cluster, 4500 * ISR_MS);
    assert_false(sim_process_running(sim_world_process(cluster.world, 2)));
    assert_true(sim_checkpoint_take(&checkpoint, cluster.world));
    sim_world_reseed(cluster.world, 4);
    finish(cluster.world);
    struct sim_world *world = sim_checkpoint_restore(&checkpoint);
    assert_false(sim_process_running(sim_world_process(world, 2)));
    sim_world_reseed(world, 5);
    finish(world);
    assert_true(sim_process_running(sim_world_process(world, 2)));
    sim_checkpoint_free(&checkpoint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_as_if_nothing_had_been),
        cmocka_unit_test(restores_every_byte_however_often),
        cmocka_unit_test(restores_into_earlier_and_later_moments),
        cmocka_unit_test(restores_after_another_world_was_in_the_arena),
        cmocka_unit_test(holds_the_next_world_when_it_is_taken_again),
        cmocka_unit_test(keeps_the_listener_but_restores_none),
        cmocka_unit_test(branches_by_another_seed),
        cmocka_unit_test(leaves_what_was_drawn_when_it_is_reseeded),
        cmocka_unit_test(branches_while_a_node_is_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
