#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sim/tests/cluster.h"

static struct sim_spec spec_of(int32_t depth, int32_t actors)
{
    struct sim_spec spec = sim_spec_default();
    spec.duration_ns = 30 * ISR_SECOND;
    spec.settle_ns = 10 * ISR_SECOND;
    spec.schedule = (struct sim_schedule_spec){
        .depth = depth, .actors = actors, .window_ns = 100 * ISR_MS, .slot_ns = 10 * ISR_MS};
    return spec;
}

/* A world without nodes under the schedule. */
static struct sim_world *world_of(const struct sim_spec *spec, uint64_t seed)
{
    struct sim_world *world = test_world(spec->brokers + 1, seed);
    struct sim_spec *own = arena_allocate(world->memory, sizeof *own);
    *own = *spec;
    world->spec = own;
    sim_schedule_init(&world->schedule, own, seed);
    return world;
}

static void bound_is_of_links_or_nodes_and_slots(void **state)
{
    (void)state;
    struct sim_spec spec = spec_of(3, SIM_SCHEDULE_LINKS);
    struct sim_schedule_bound bound = sim_schedule_bound(&spec); /* three nodes and the world's client */
    assert_int_equal(bound.actors, 4 * 3);
    assert_int_equal(bound.slots, 2000);
    spec.schedule.actors = SIM_SCHEDULE_NODES;
    assert_int_equal(sim_schedule_bound(&spec).actors, 4);
    spec.settle_ns = spec.duration_ns;
    assert_int_equal(sim_schedule_bound(&spec).slots, 1);
}

static void delays_are_in_the_lower_half_before_a_change(void **state)
{
    (void)state;
    struct sim_spec spec = spec_of(1, SIM_SCHEDULE_LINKS);
    struct sim_world *world = world_of(&spec, 5);
    bool differ = false;
    int64_t first_ns = sim_schedule_delay(world, 1, 2);
    for (int32_t from = 1; from <= 3; from++) {
        for (int32_t to = 1; to <= 3; to++) {
            int64_t delay_ns = sim_schedule_delay(world, from, to);
            assert_true(delay_ns >= 0 && delay_ns < 50 * ISR_MS);
            assert_int_equal(delay_ns, sim_schedule_delay(world, from, to));
            differ = differ || delay_ns != first_ns;
        }
    }
    assert_true(differ);
    assert_int_equal(world->counters.priorities_lowered, 0);
    assert_true(world->counters.messages_scheduled > 0);
}

static void of_nodes_every_sender_waits_for_the_receiver(void **state)
{
    (void)state;
    struct sim_spec spec = spec_of(1, SIM_SCHEDULE_NODES);
    struct sim_world *world = world_of(&spec, 5);
    assert_int_equal(sim_schedule_delay(world, 1, 3), sim_schedule_delay(world, 2, 3));
    assert_int_not_equal(sim_schedule_delay(world, 1, 3), sim_schedule_delay(world, 1, 2));
}

static void change_lowers_whoever_sends_next_below_all_others(void **state)
{
    (void)state;
    struct sim_spec spec = spec_of(3, SIM_SCHEDULE_LINKS);
    struct sim_world *world = world_of(&spec, 9);
    const struct sim_schedule *schedule = &world->schedule;
    assert_int_equal(schedule->changes_count, 2);
    assert_true(schedule->changes[0].at_ns <= schedule->changes[1].at_ns);
    assert_int_equal(schedule->changes[0].at_ns % spec.schedule.slot_ns, 0);
    int64_t before_ns = sim_schedule_delay(world, 2, 3);
    world->now_ns = schedule->changes[0].at_ns;
    int64_t after_ns = sim_schedule_delay(world, 2, 3);
    assert_true(after_ns > before_ns && after_ns > 50 * ISR_MS && after_ns <= 100 * ISR_MS);
    assert_true(sim_schedule_delay(world, 1, 3) < 50 * ISR_MS || schedule->changes_done == 2);
    assert_int_equal(world->counters.priorities_lowered, schedule->changes_done);
    /* and it stays there, or goes further down */
    world->now_ns = schedule->changes[1].at_ns;
    int64_t later_ns = sim_schedule_delay(world, 2, 3);
    assert_true(later_ns >= after_ns && later_ns <= 100 * ISR_MS);
    assert_int_equal(schedule->changes_done, 2);
}

static void nobody_waits_when_the_run_settles(void **state)
{
    (void)state;
    struct sim_spec spec = spec_of(4, SIM_SCHEDULE_LINKS);
    struct sim_world *world = world_of(&spec, 9);
    world->now_ns = 20 * ISR_SECOND;
    assert_int_equal(sim_schedule_delay(world, 1, 2), 0);
    assert_int_equal(world->counters.priorities_lowered, 0);
}

static void draws_are_the_seeds_alone(void **state)
{
    (void)state;
    struct sim_spec spec = spec_of(5, SIM_SCHEDULE_LINKS);
    struct sim_schedule one, same, other;
    sim_schedule_init(&one, &spec, 3);
    sim_schedule_init(&same, &spec, 3);
    sim_schedule_init(&other, &spec, 4);
    bool differ = one.key != other.key;
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(one.changes[i].at_ns, same.changes[i].at_ns);
        assert_true(one.changes[i].at_ns < 20 * ISR_SECOND);
        differ = differ && one.changes[i].at_ns != other.changes[i].at_ns;
    }
    assert_true(differ);
}

/* Of a link's messages none overtakes another, also when its priority is lowered or the run settles. */
static void keeps_the_order_of_a_link_in_a_cluster(void **state)
{
    (void)state;
    static const bool connections[] = {false, true};
    for (unsigned i = 0; i < 2; i++) {
        struct test_cluster cluster;
        test_cluster_init(&cluster);
        test_cluster_client(&cluster, "p1", SIM_CLIENT_PRODUCER);
        cluster.spec.settle_ns = 4 * ISR_SECOND;
        cluster.spec.network.connections = connections[i];
        cluster.spec.schedule = spec_of(6, SIM_SCHEDULE_LINKS).schedule;
        test_cluster_build(&cluster, 2);
        struct sim_world *world = test_cluster_run(&cluster, ISR_TIME_NEVER);
        assert_int_equal(world->counters.messages_reordered, 0);
        assert_int_equal(world->counters.priorities_lowered, 5);
        assert_true(world->counters.messages_scheduled > 100);
        assert_true(world->counters.records_acked > 50);
    }
}

static void sentences_name_what_is_lowered(void **state)
{
    (void)state;
    char line[256];
    for (int32_t actors = SIM_SCHEDULE_LINKS; actors <= SIM_SCHEDULE_NODES; actors++) {
        struct sim_spec spec = spec_of(2, actors);
        struct sim_world *world = world_of(&spec, 9);
        world->now_ns = world->schedule.changes[0].at_ns;
        sim_schedule_delay(world, 1, 2);
        struct isr_text text = ISR_TEXT(line);
        sim_trace_print_sentence(world, sim_trace_ring_at(&world->trace, 0), &text);
        assert_string_equal(line, actors == SIM_SCHEDULE_LINKS
                                      ? "is slow to reach n2 from now on: the priority of the link is lowered"
                                      : "gets every message later from now on: its priority is lowered");
    }
}

static void spec_is_refused_when_it_makes_no_sense(void **state)
{
    (void)state;
    char buffer[256];
    uint32_t where;
    struct sim_spec spec = sim_spec_default();
    assert_null(sim_spec_check(&spec, buffer, sizeof buffer, &where));
    spec.schedule.depth = SIM_SCHEDULE_DEPTH_MAX + 1;
    assert_non_null(strstr(sim_spec_check(&spec, buffer, sizeof buffer, &where), "depth"));
    spec.schedule.depth = 2;
    spec.schedule.window_ns = SIM_SCHEDULE_WINDOW_MOST + 1;
    assert_non_null(strstr(sim_spec_check(&spec, buffer, sizeof buffer, &where), "window"));
    spec.schedule.window_ns = 1;
    spec.schedule.slot_ns = 0;
    assert_non_null(strstr(sim_spec_check(&spec, buffer, sizeof buffer, &where), "slots"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bound_is_of_links_or_nodes_and_slots),
        cmocka_unit_test(delays_are_in_the_lower_half_before_a_change),
        cmocka_unit_test(of_nodes_every_sender_waits_for_the_receiver),
        cmocka_unit_test(change_lowers_whoever_sends_next_below_all_others),
        cmocka_unit_test(nobody_waits_when_the_run_settles),
        cmocka_unit_test(draws_are_the_seeds_alone),
        cmocka_unit_test(keeps_the_order_of_a_link_in_a_cluster),
        cmocka_unit_test(sentences_name_what_is_lowered),
        cmocka_unit_test(spec_is_refused_when_it_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
