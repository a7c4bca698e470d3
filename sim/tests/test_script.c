#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sim/script.h"
#include "sim/tests/cluster.h"

/* Runs until so many steps ran; the world's time then. */
static int64_t time_of_step(struct test_cluster *cluster, uint64_t steps)
{
    if (cluster->world == NULL)
        test_cluster_build(cluster, 1);
    while (cluster->world->counters.steps_run < steps && sim_world_step(cluster->world))
        continue;
    assert_int_equal(cluster->world->counters.steps_run, steps);
    return cluster->world->now_ns;
}

static void runs_at_once_at_a_time_and_after_a_while(void **state)
{
    (void)state;
    struct test_cluster cluster;
    test_cluster_init(&cluster);
    test_cluster_step(&cluster, SIM_GATE_NONE, SIM_ACTION_NOTE, 0);
    test_cluster_step(&cluster, SIM_GATE_AT, SIM_ACTION_NOTE, 0)->time_ns = 2 * ISR_SECOND;
    test_cluster_step(&cluster, SIM_GATE_WAIT, SIM_ACTION_NOTE, 0)->time_ns = 1500 * ISR_MS;
    test_cluster_step(&cluster, SIM_GATE_AT, SIM_ACTION_NOTE, 0)->time_ns = ISR_SECOND; /* is past: at once */
    assert_int_equal(time_of_step(&cluster, 1), 0);
    assert_int_equal(time_of_step(&cluster, 2), 2 * ISR_SECOND);
    assert_int_equal(time_of_step(&cluster, 4), 3500 * ISR_MS);
    assert_int_equal(sim_script_unreached(cluster.world), -1);
    assert_false(sim_script_waiting(cluster.world));
}

static void runs_when_a_state_holds(void **state)
{
    (void)state;
    struct test_cluster cluster;
    test_cluster_init(&cluster);
    struct sim_step *step = test_cluster_step(&cluster, SIM_GATE_WHEN, SIM_ACTION_KILL, 2);
    step->condition.kind = SIM_CONDITION_LEADER_IS;
    step->condition.node = 1;
    step = test_cluster_step(&cluster, SIM_GATE_WHEN, SIM_ACTION_NOTE, 0);
    step->condition.kind = SIM_CONDITION_NODE_UP;
    step->condition.node = 2;
    step->condition.comparison = SIM_NOT_EQUAL;
    assert_true(time_of_step(&cluster, 2) > 0); /* both at once: a state that holds already is no wait */
}

/* It is above 0 all the time: the next move is meant, and there is none while nobody writes. */
static void waits_for_the_next_move_of_the_high_watermark(void **state)
{
    (void)state;
    struct test_cluster cluster;
    test_cluster_init(&cluster);
    cluster.spec.duration_ns = 30 * ISR_SECOND;
    struct sim_client_spec *client = test_cluster_client(&cluster, "p1", SIM_CLIENT_PRODUCER);
    client->stop_ns = 3 * ISR_SECOND;
    client->interval_ns = 100 * ISR_MS;
    test_cluster_step(&cluster, SIM_GATE_AT, SIM_ACTION_NOTE, 0)->time_ns = 2050 * ISR_MS;
    test_cluster_step(&cluster, SIM_GATE_AFTER, SIM_ACTION_NOTE, 0)->condition.kind = SIM_CONDITION_HW_MOVED;
    test_cluster_step(&cluster, SIM_GATE_AT, SIM_ACTION_NOTE, 0)->time_ns = 5 * ISR_SECOND;
    test_cluster_step(&cluster, SIM_GATE_AFTER, SIM_ACTION_NOTE, 0)->condition.kind = SIM_CONDITION_HW_MOVED;
    int64_t moved_ns = time_of_step(&cluster, 2);
    assert_in_range(moved_ns, 2050 * ISR_MS + 1, 2200 * ISR_MS);
    (void)time_of_step(&cluster, 3);
    test_cluster_run(&cluster, 9 * ISR_SECOND);
    assert_int_equal(sim_script_unreached(cluster.world), 3);
}

static void waits_for_the_edge_when_it_is_an_event(void **state)
{
    (void)state;
    struct test_cluster cluster;
    test_cluster_init(&cluster);
    cluster.spec.duration_ns = 30 * ISR_SECOND;
    test_cluster_step(&cluster, SIM_GATE_AT, SIM_ACTION_NOTE, 0)->time_ns = 5 * ISR_SECOND;
    struct sim_step *step = test_cluster_step(&cluster, SIM_GATE_AFTER, SIM_ACTION_NOTE, 0);
    step->condition.kind = SIM_CONDITION_LEADER_ELECTED; /* there is one, but a new one is asked for */
    step = test_cluster_step(&cluster, SIM_GATE_NONE, SIM_ACTION_NOTE, 0);
    assert_int_equal(time_of_step(&cluster, 1), 5 * ISR_SECOND);
    test_cluster_run(&cluster, 6 * ISR_SECOND);
    assert_true(sim_script_waiting(cluster.world));
    assert_int_equal(sim_script_unreached(cluster.world), 1);
    sim_process_kill(cluster.world, 1);
    int64_t elected_ns = time_of_step(&cluster, 3);
    assert_true(elected_ns > 8 * ISR_SECOND);
    const struct isr_image_topic *topic = isr_image_topic_named(sim_world_image(cluster.world), "orders");
    assert_int_equal(topic->partitions[0].leader_epoch, 1);
}

static void runs_at_the_latest_when_the_condition_never_holds(void **state)
{
    (void)state;
    struct test_cluster cluster;
    test_cluster_init(&cluster);
    struct sim_step *step = test_cluster_step(&cluster, SIM_GATE_WHEN, SIM_ACTION_NOTE, 0);
    step->condition.kind = SIM_CONDITION_ACKED;
    step->condition.comparison = SIM_AT_LEAST;
    step->condition.value = 1;
    step->at_latest_ns = 3 * ISR_SECOND;
    assert_int_equal(time_of_step(&cluster, 1), 3 * ISR_SECOND);
}

static void tells_the_step_that_was_never_reached(void **state)
{
    (void)state;
    struct test_cluster cluster;
    test_cluster_init(&cluster);
    test_cluster_step(&cluster, SIM_GATE_NONE, SIM_ACTION_NOTE, 0);
    struct sim_step *step = test_cluster_step(&cluster, SIM_GATE_WHEN, SIM_ACTION_NOTE, 0);
    step->condition.kind = SIM_CONDITION_ACKED;
    step->condition.comparison = SIM_ABOVE;
    struct sim_world *world = test_cluster_run(&cluster, ISR_TIME_NEVER);
    assert_int_equal(sim_script_unreached(world), 1);
}

static void heals_when_it_settles(void **state)
{
    (void)state;
    struct test_cluster cluster;
    test_cluster_init(&cluster);
    cluster.spec.duration_ns = 40 * ISR_SECOND;
    cluster.spec.settle_ns = 30 * ISR_SECOND;
    test_cluster_step(&cluster, SIM_GATE_AT, SIM_ACTION_KILL, 1)->time_ns = 5 * ISR_SECOND;
    test_cluster_step(&cluster, SIM_GATE_NONE, SIM_ACTION_PAUSE, 2);
    test_cluster_step(&cluster, SIM_GATE_NONE, SIM_ACTION_ISOLATE, 3);
    test_cluster_step(&cluster, SIM_GATE_AT, SIM_ACTION_NOTE, 0)->time_ns =
        20 * ISR_SECOND; /* too late to run */
    struct sim_world *world = test_cluster_run(&cluster, 9 * ISR_SECOND);
    assert_int_equal(world->processes[1].state, SIM_PROCESS_DOWN);
    assert_int_equal(world->processes[2].state, SIM_PROCESS_PAUSED);
    world = test_cluster_run(&cluster, ISR_TIME_NEVER);
    assert_int_equal(world->counters.steps_run, 3);
    assert_int_equal(sim_script_unreached(world), 3);
    const struct isr_image_topic *topic = isr_image_topic_named(sim_world_image(world), "orders");
    assert_int_equal(topic->partitions[0].isr.count, 3);
}

/* n3 died and was cut off, and is gone in that way. */
static struct sim_world *settled_without(struct test_cluster *cluster, enum sim_gone_how how)
{
    test_cluster_init(cluster);
    cluster->spec.duration_ns = 40 * ISR_SECOND;
    cluster->spec.settle_ns = 30 * ISR_SECOND;
    cluster->spec.gone_how = (uint8_t)how;
    sim_node_set_add(&cluster->spec.gone, 3);
    test_cluster_step(cluster, SIM_GATE_AT, SIM_ACTION_KILL, 3)->time_ns = 5 * ISR_SECOND;
    test_cluster_step(cluster, SIM_GATE_NONE, SIM_ACTION_ISOLATE, 3);
    return test_cluster_run(cluster, ISR_TIME_NEVER);
}

static void heals_nobody_who_is_gone_but_by_half(void **state)
{
    (void)state;
    struct test_cluster cluster;
    struct sim_world *world = settled_without(&cluster, SIM_GONE_APART);
    assert_int_equal(world->processes[3].state, SIM_PROCESS_DOWN);
    assert_true(sim_network_is_cut(&world->network, 1, 3) && sim_network_is_cut(&world->network, 3, 1));
    assert_int_equal(world->counters.gone_apart, 1);
    world = settled_without(&cluster, SIM_GONE_DEAF);
    assert_int_equal(world->processes[3].state, SIM_PROCESS_UP);
    assert_true(sim_network_is_cut(&world->network, 1, 3) && !sim_network_is_cut(&world->network, 3, 1));
    assert_int_equal(world->counters.gone_deaf, 1);
    world = settled_without(&cluster, SIM_GONE_MUTE);
    assert_true(!sim_network_is_cut(&world->network, 1, 3) && sim_network_is_cut(&world->network, 3, 1));
    assert_int_equal(world->counters.gone_mute, 1);
    world = settled_without(&cluster, SIM_GONE_STALLED);
    assert_true(!sim_network_is_cut(&world->network, 1, 3) && !sim_network_is_cut(&world->network, 3, 1));
    assert_int_equal(world->processes[3].disk->stalled_until_ns, ISR_TIME_NEVER);
    assert_int_equal(world->counters.gone_stalled, 1);
    const struct isr_image_topic *topic = isr_image_topic_named(sim_world_image(world), "orders");
    assert_false(isr_replicas_contain(&topic->partitions[0].isr, 3));
}

static void starts_a_process_that_stops_while_it_settles(void **state)
{
    (void)state;
    struct test_cluster cluster;
    test_cluster_init(&cluster);
    cluster.spec.duration_ns = 40 * ISR_SECOND;
    cluster.spec.settle_ns = 30 * ISR_SECOND;
    test_cluster_step(&cluster, SIM_GATE_AT, SIM_ACTION_SHUTDOWN, 2)->time_ns = 10 * ISR_SECOND - 1;
    struct sim_world *world = test_cluster_run(&cluster, ISR_TIME_NEVER);
    assert_int_equal(world->counters.shutdowns, 1);
    assert_int_equal(world->processes[2].state, SIM_PROCESS_UP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_at_once_at_a_time_and_after_a_while),
        cmocka_unit_test(runs_when_a_state_holds),
        cmocka_unit_test(waits_for_the_next_move_of_the_high_watermark),
        cmocka_unit_test(waits_for_the_edge_when_it_is_an_event),
        cmocka_unit_test(runs_at_the_latest_when_the_condition_never_holds),
        cmocka_unit_test(tells_the_step_that_was_never_reached),
        cmocka_unit_test(heals_when_it_settles),
        cmocka_unit_test(heals_nobody_who_is_gone_but_by_half),
        cmocka_unit_test(starts_a_process_that_stops_while_it_settles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
