/* Every condition on a world in which it is known what holds: n1 leads orders-0 of [1, 2, 3], n3 was killed
 * and fenced. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sim/condition.h"
#include "sim/tests/cluster.h"

static struct test_cluster cluster;

static int build(void **state)
{
    (void)state;
    test_cluster_init(&cluster);
    cluster.spec.duration_ns = 30 * ISR_SECOND;
    test_cluster_client(&cluster, "p1", SIM_CLIENT_PRODUCER)->stop_ns = 20 * ISR_SECOND;
    test_cluster_client(&cluster, "c1", SIM_CLIENT_CONSUMER);
    test_cluster_step(&cluster, SIM_GATE_AT, SIM_ACTION_KILL, 3)->time_ns = 5 * ISR_SECOND;
    test_cluster_run(&cluster, 29 * ISR_SECOND);
    cluster.world->counters.records_committed = 1234; /* the checks count these */
    return 0;
}

static struct sim_condition condition(enum sim_condition_kind kind, int32_t node,
                                      enum sim_comparison comparison, int64_t value)
{
    return (struct sim_condition){
        .kind = kind, .topic = {"orders"}, .node = node, .comparison = comparison, .value = value};
}

static bool holds(enum sim_condition_kind kind, int32_t node, enum sim_comparison comparison, int64_t value)
{
    struct sim_condition what = condition(kind, node, comparison, value);
    return sim_condition_holds(cluster.world, &what);
}

static bool holds_of_set(enum sim_condition_kind kind, enum sim_comparison comparison, int first, int second)
{
    struct sim_condition what = condition(kind, ISR_NODE_NONE, comparison, 0);
    isr_replicas_add(&what.set, first);
    if (second > 0)
        isr_replicas_add(&what.set, second);
    return sim_condition_holds(cluster.world, &what);
}

#define HOLDS(kind, ...) assert_true(holds(SIM_CONDITION_##kind, __VA_ARGS__))
#define FAILS(kind, ...) assert_false(holds(SIM_CONDITION_##kind, __VA_ARGS__))

static void judges_leaders(void **state)
{
    (void)state;
    HOLDS(LEADER_IS, 1, SIM_EQUAL, 0);
    FAILS(LEADER_IS, 2, SIM_EQUAL, 0);
    FAILS(LEADER_IS, ISR_NODE_NONE, SIM_EQUAL, 0);
    HOLDS(LEADER_ELECTED, ISR_NODE_NONE, SIM_EQUAL, 0);
    HOLDS(LEADER_EPOCH, ISR_NODE_NONE, SIM_EQUAL, 0);
    FAILS(LEADER_EPOCH, ISR_NODE_NONE, SIM_ABOVE, 0);
    HOLDS(LEADER_EPOCH, ISR_NODE_NONE, SIM_BELOW, 1);
}

static void judges_isr_and_elr(void **state)
{
    (void)state;
    assert_true(holds_of_set(SIM_CONDITION_ISR_IS, SIM_EQUAL, 2, 1));
    assert_false(holds_of_set(SIM_CONDITION_ISR_IS, SIM_EQUAL, 1, 3));
    assert_true(holds_of_set(SIM_CONDITION_ISR_IS, SIM_NOT_EQUAL, 1, 0));
    assert_true(holds_of_set(SIM_CONDITION_ELR_IS, SIM_NOT_EQUAL, 3, 0)); /* two suffice: it is empty */
    HOLDS(ISR_SIZE, ISR_NODE_NONE, SIM_EQUAL, 2);
    HOLDS(ISR_SIZE, ISR_NODE_NONE, SIM_AT_LEAST, 2);
    FAILS(ISR_SIZE, ISR_NODE_NONE, SIM_ABOVE, 2);
    HOLDS(ISR_HAS, 2, SIM_EQUAL, 0);
    HOLDS(ISR_HAS, 3, SIM_NOT_EQUAL, 0);
    FAILS(ISR_HAS, 3, SIM_EQUAL, 0);
    HOLDS(ISR_CHANGES, ISR_NODE_NONE, SIM_EQUAL, 1);
    HOLDS(ISR_PENDING, 1, SIM_NOT_EQUAL, 0);
    FAILS(ISR_PENDING, 1, SIM_EQUAL, 0);
}

static void judges_logs(void **state)
{
    (void)state;
    HOLDS(HW_MOVED, ISR_NODE_NONE, SIM_EQUAL, 0);
    FAILS(LOG_CUT, ISR_NODE_NONE, SIM_EQUAL, 0);
    FAILS(SNAPSHOT_INSTALLED, ISR_NODE_NONE, SIM_EQUAL, 0);
    int64_t produced = (int64_t)cluster.world->counters.records_produced;
    HOLDS(LOG_END, 1, SIM_EQUAL, produced);
    HOLDS(LOG_END, 2, SIM_EQUAL, produced);
    FAILS(LOG_END, 3, SIM_AT_LEAST, 0); /* it is down */
    HOLDS(HIGH_WATERMARK, 1, SIM_EQUAL, produced);
    HOLDS(HIGH_WATERMARK, 1, SIM_AT_MOST, produced);
    FAILS(HIGH_WATERMARK, 1, SIM_NOT_EQUAL, produced);
}

static void judges_nodes(void **state)
{
    (void)state;
    HOLDS(NODE_UP, 1, SIM_EQUAL, 0);
    HOLDS(NODE_UP, 3, SIM_NOT_EQUAL, 0);
    FAILS(NODE_UP, 3, SIM_EQUAL, 0);
    HOLDS(BROKER_FENCED, 3, SIM_EQUAL, 0);
    HOLDS(BROKER_FENCED, 1, SIM_NOT_EQUAL, 0);
    FAILS(BROKER_FENCED, 1, SIM_EQUAL, 0);
    HOLDS(CONTROLLER, ISR_NODE_NONE, SIM_EQUAL, 0);
    const struct sim_process *controller = sim_world_controller(cluster.world);
    HOLDS(CONTROLLER, controller->id, SIM_EQUAL, 0);
    FAILS(CONTROLLER, 3, SIM_EQUAL, 0);
    HOLDS(QUORUM_LEADER, ISR_NODE_NONE, SIM_EQUAL, 0);
    HOLDS(QUORUM_LEADER, controller->id, SIM_EQUAL, 0);
    FAILS(QUORUM_LEADER, 3, SIM_EQUAL, 0);
    HOLDS(QUORUM_COMMITTED, ISR_NODE_NONE, SIM_EQUAL, 0);
    struct sim_condition members = condition(SIM_CONDITION_VOTERS_ARE, ISR_NODE_NONE, SIM_EQUAL, 0);
    for (int32_t node = 1; node <= cluster.world->processes_count; node++) {
        if (sim_spec_is_first_voter(cluster.world->spec, node))
            isr_replicas_add(&members.set, node);
    }
    assert_true(sim_condition_holds(cluster.world, &members));
    members.comparison = SIM_NOT_EQUAL; /* lack */
    assert_false(sim_condition_holds(cluster.world, &members));
    members.kind = SIM_CONDITION_LEARNERS_ARE;
    assert_true(sim_condition_holds(cluster.world, &members));
    members.comparison = SIM_EQUAL;
    assert_false(sim_condition_holds(cluster.world, &members));
}

static void judges_counts(void **state)
{
    (void)state;
    int64_t acked = (int64_t)cluster.world->counters.records_acked;
    assert_true(acked > 100);
    HOLDS(ACKED, ISR_NODE_NONE, SIM_EQUAL, acked);
    FAILS(ACKED, ISR_NODE_NONE, SIM_ABOVE, acked);
    HOLDS(READ, ISR_NODE_NONE, SIM_AT_LEAST, acked);
    HOLDS(COMMITTED, ISR_NODE_NONE, SIM_EQUAL, 1234);
    HOLDS(REPAIRED, ISR_NODE_NONE, SIM_EQUAL, 0);
    FAILS(REPAIRED, ISR_NODE_NONE, SIM_ABOVE, 0);
    HOLDS(YIELDS, ISR_NODE_NONE, SIM_EQUAL, 0);
    FAILS(YIELDS, ISR_NODE_NONE, SIM_ABOVE, 0);
    HOLDS(ACK_LATENCY, ISR_NODE_NONE, SIM_BELOW, ISR_SECOND);
    HOLDS(ACK_LATENCY, ISR_NODE_NONE, SIM_ABOVE, 0);
}

static void does_not_hold_of_what_is_not_there(void **state)
{
    (void)state;
    struct sim_condition what = condition(SIM_CONDITION_LEADER_IS, ISR_NODE_NONE, SIM_EQUAL, 0);
    memcpy(what.topic.text, "nothing", 8);
    assert_false(sim_condition_holds(cluster.world, &what));
    what = condition(SIM_CONDITION_LOG_END, 1, SIM_AT_LEAST, 0);
    what.partition = 7;
    assert_false(sim_condition_holds(cluster.world, &what));
    FAILS(LOG_END, 99, SIM_AT_LEAST, 0);
    FAILS(NODE_UP, 99, SIM_NOT_EQUAL, 0);
    FAILS(BROKER_FENCED, 99, SIM_NOT_EQUAL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_leaders), cmocka_unit_test(judges_isr_and_elr),
        cmocka_unit_test(judges_logs),    cmocka_unit_test(judges_nodes),
        cmocka_unit_test(judges_counts),  cmocka_unit_test(does_not_hold_of_what_is_not_there),
    };
    return cmocka_run_group_tests(tests, build, NULL);
}
