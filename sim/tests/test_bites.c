/* A step is told to have had its effect when it has, and not because another one had. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sim/tests/cluster.h"

static struct sim_step *step_at(struct test_cluster *cluster, int64_t time_ns, enum sim_action_kind kind,
                                int32_t node)
{
    struct sim_step *step = test_cluster_step(cluster, SIM_GATE_AT, kind, node);
    step->time_ns = time_ns;
    return step;
}

static void from_to(struct sim_step *step, int32_t from, int32_t to)
{
    sim_node_set_add(&step->action.from, from);
    sim_node_set_add(&step->action.to, to);
}

static uint32_t bites(const struct test_cluster *cluster, uint32_t place)
{
    return cluster->world->bites[1 + place];
}

static void tells_which_of_two_kills_killed(void **state)
{
    (void)state;
    struct test_cluster cluster;
    test_cluster_init(&cluster);
    step_at(&cluster, 1 * ISR_SECOND, SIM_ACTION_SHUTDOWN, 3);
    step_at(&cluster, 6 * ISR_SECOND, SIM_ACTION_KILL, 2);
    step_at(&cluster, 6 * ISR_SECOND, SIM_ACTION_KILL, 2); /* it is dead */
    step_at(&cluster, 6 * ISR_SECOND, SIM_ACTION_PAUSE, 2);
    step_at(&cluster, 7 * ISR_SECOND, SIM_ACTION_START, 2);
    step_at(&cluster, 8 * ISR_SECOND, SIM_ACTION_PAUSE, 2);
    test_cluster_run(&cluster, 9 * ISR_SECOND);
    assert_int_equal(bites(&cluster, 0), 1);
    assert_int_equal(bites(&cluster, 1), 1);
    assert_int_equal(bites(&cluster, 2), 0);
    assert_int_equal(bites(&cluster, 3), 0);
    assert_int_equal(bites(&cluster, 5), 1);
}

static void tells_which_of_two_steps_lost_messages(void **state)
{
    (void)state;
    struct test_cluster cluster;
    test_cluster_init(&cluster);
    from_to(step_at(&cluster, 2 * ISR_SECOND, SIM_ACTION_CUT, 0), 1, 2);
    step_at(&cluster, 3 * ISR_SECOND, SIM_ACTION_HEAL, 1);
    from_to(step_at(&cluster, 3 * ISR_SECOND, SIM_ACTION_CUT, 0), 2, 1);
    step_at(&cluster, 3 * ISR_SECOND, SIM_ACTION_HEAL, 1); /* before anything is lost */
    struct sim_step *slow = step_at(&cluster, 4 * ISR_SECOND, SIM_ACTION_LINK, 0);
    from_to(slow, 1, 2);
    slow->action.link_fields = SIM_LINK_LATENCY;
    slow->action.link.latency = (struct sim_distribution){ISR_SECOND, ISR_SECOND, ISR_SECOND, ISR_SECOND};
    struct sim_step *drop = step_at(&cluster, 4 * ISR_SECOND, SIM_ACTION_DROP, 0);
    from_to(drop, 2, 3);
    drop->action.count = 2;
    test_cluster_run(&cluster, 8 * ISR_SECOND);
    assert_true(bites(&cluster, 0) > 0);
    assert_int_equal(bites(&cluster, 0), cluster.world->counters.messages_cut);
    assert_int_equal(bites(&cluster, 2), 0);
    assert_true(bites(&cluster, 4) > 0);
    assert_int_equal(bites(&cluster, 4), cluster.world->counters.messages_slowed);
    assert_int_equal(bites(&cluster, 5), 2);
}

static void tells_which_disk_fault_struck(void **state)
{
    (void)state;
    struct test_cluster cluster;
    test_cluster_init(&cluster);
    test_cluster_client(&cluster, "p1", SIM_CLIENT_PRODUCER);
    struct sim_step *slow = step_at(&cluster, 2 * ISR_SECOND, SIM_ACTION_DISK, 1);
    slow->action.disk_fields = SIM_DISK_WRITE;
    slow->action.disk.write_latency = (struct sim_distribution){ISR_MS, ISR_MS, ISR_MS, ISR_MS};
    step_at(&cluster, 2 * ISR_SECOND, SIM_ACTION_STALL, 2)->action.span_ns = ISR_SECOND;
    struct sim_step *rot = step_at(&cluster, 2 * ISR_SECOND, SIM_ACTION_ROT, 3);
    rot->action.count = 2;
    rot->action.partition = -1;
    test_cluster_run(&cluster, 6 * ISR_SECOND);
    assert_int_equal(bites(&cluster, 0), cluster.world->counters.operations_slowed);
    assert_true(bites(&cluster, 0) > 0);
    assert_int_equal(bites(&cluster, 1), cluster.world->counters.operations_stalled);
    assert_true(bites(&cluster, 1) > 0);
    assert_int_equal(bites(&cluster, 2), 2);
}

static void tells_that_an_administrator_was_obeyed(void **state)
{
    (void)state;
    struct test_cluster cluster;
    test_cluster_init(&cluster);
    for (int i = 0; i < 2; i++) {
        struct sim_step *step = step_at(&cluster, (2 + i) * ISR_SECOND, SIM_ACTION_DELETE_RECORDS, 0);
        step->action.offset = i == 0 ? -1 : 1000; /* nobody wrote so much */
    }
    test_cluster_run(&cluster, 6 * ISR_SECOND);
    assert_int_equal(bites(&cluster, 0), 1);
    assert_int_equal(bites(&cluster, 1), 0);
    assert_int_equal(cluster.world->counters.deletions_granted, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_which_of_two_kills_killed),
        cmocka_unit_test(tells_which_of_two_steps_lost_messages),
        cmocka_unit_test(tells_which_disk_fault_struck),
        cmocka_unit_test(tells_that_an_administrator_was_obeyed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
