/* The checks on whole worlds: they hold on the correct engine, fire on a wrong rule, and change nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sim/checks/checks.h"
#include "sim/tests/cluster.h"

static const struct sim_checks_options ALL = {.armed = SIM_CHECKS_ALL};

/* Every broker in turn is killed, loses power, is frozen; a producer and a consumer go on meanwhile. */
static void troubled(struct test_cluster *cluster)
{
    static const enum sim_action_kind breaks[] = {SIM_ACTION_KILL, SIM_ACTION_POWER_OFF, SIM_ACTION_PAUSE};
    static const enum sim_action_kind mends[] = {SIM_ACTION_START, SIM_ACTION_START, SIM_ACTION_RESUME};
    test_cluster_init(cluster);
    cluster->spec.duration_ns = 90 * ISR_SECOND;
    cluster->spec.settle_ns = 30 * ISR_SECOND;
    cluster->spec.config.log_segment_bytes = 8192;
    cluster->topic.settings.retention_bytes = 100000;
    cluster->topic.settings.cleanup = ISR_CLEANUP_BOTH;
    cluster->topic.settings.min_cleanable_dirty_percent = 10;
    test_cluster_client(cluster, "p1", SIM_CLIENT_PRODUCER);
    test_cluster_client(cluster, "reader", SIM_CLIENT_CONSUMER);
    test_cluster_client(cluster, "pooled", SIM_CLIENT_READER);
    for (int i = 0; i < 3; i++) {
        test_cluster_step(cluster, SIM_GATE_WAIT, breaks[i], i + 1)->time_ns = 5 * ISR_SECOND;
        test_cluster_step(cluster, SIM_GATE_WAIT, mends[i], i + 1)->time_ns = 12 * ISR_SECOND;
    }
}

static void holds_on_the_correct_engine(void **state)
{
    (void)state;
    struct test_cluster cluster;
    struct sim_checks_report report;
    troubled(&cluster);
    test_cluster_build(&cluster, 3);
    struct sim_checks *checks = sim_checks_new(cluster.world, &ALL);
    sim_world_run(cluster.world);
    if (cluster.world->verdict != SIM_VERDICT_HELD)
        fail_msg("%s", cluster.world->message);
    sim_checks_report(checks, &report);
    for (int i = 0; i < SIM_INVARIANTS; i++) {
        bool of_peers = i >= SIM_INVARIANT_G1 && i <= SIM_INVARIANT_G4; /* of which there are none */
        assert_int_equal(report.evaluated[i] > 0, !of_peers);
        assert_false(report.violated[i]);
    }
    assert_null(report.vacuous);
    assert_true(report.records_committed > 1000);
    assert_int_equal(report.records_committed, cluster.world->counters.records_committed);
    assert_true(report.records_acked <= report.records_committed);
    assert_true(cluster.world->counters.checks > report.records_committed);
    assert_true(cluster.world->counters.leader_elections > 1);
}

static void changes_nothing_of_what_happens(void **state)
{
    (void)state;
    struct test_cluster cluster;
    troubled(&cluster);
    test_cluster_build(&cluster, 5);
    sim_world_run(cluster.world);
    uint64_t hash = cluster.world->trace.hash, events = cluster.world->counters.events;
    test_cluster_build(&cluster, 5);
    (void)sim_checks_new(cluster.world, &ALL);
    sim_world_run(cluster.world);
    assert_true(cluster.world->trace.hash == hash);
    assert_true(cluster.world->counters.events == events);
}

/* A new leader that cuts its log to its high watermark loses what was just committed: on a slow network its
 * high watermark lags behind by several records. */
static void wrong(struct test_cluster *cluster)
{
    troubled(cluster);
    cluster->spec.network.latency = test_constant(20 * ISR_MS);
    cluster->spec.rules.leader_trunc = ISR_RULE_leader_trunc_hw;
}

/* A history in which the wrong rule breaks something: not every seed has one. */
static struct sim_checks *broken(struct test_cluster *cluster, bool stops)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        wrong(cluster);
        cluster->spec.stop_at_violation = stops;
        test_cluster_build(cluster, seed);
        struct sim_checks *checks = sim_checks_new(cluster->world, &ALL);
        sim_world_run(cluster->world);
        if (sim_checks_violation(checks, SIM_INVARIANT_I3) != NULL)
            return checks;
    }
    fail_msg("no seed breaks I3");
    return NULL;
}

static void fires_on_a_wrong_rule(void **state)
{
    (void)state;
    struct test_cluster cluster;
    struct sim_checks *checks = broken(&cluster, true);
    assert_int_equal(cluster.world->verdict, SIM_VERDICT_VIOLATED);
    assert_string_equal(cluster.world->message, sim_checks_violation(checks, cluster.world->invariant));
    assert_non_null(strstr(cluster.world->message, "orders-0"));
    assert_true(cluster.world->now_ns < cluster.spec.duration_ns);
}

static void tells_all_that_is_broken_when_the_run_goes_on(void **state)
{
    (void)state;
    struct test_cluster cluster;
    struct sim_checks_report report;
    struct sim_checks *checks = broken(&cluster, false);
    sim_checks_report(checks, &report);
    assert_int_equal(cluster.world->now_ns, cluster.spec.duration_ns);
    assert_true(report.violated[SIM_INVARIANT_I3]);
    assert_true(report.losses_forbidden > 0);
}

static void is_vacuous_when_nobody_writes(void **state)
{
    (void)state;
    struct test_cluster cluster;
    test_cluster_init(&cluster);
    test_cluster_build(&cluster, 6);
    (void)sim_checks_new(cluster.world, &ALL);
    sim_world_run(cluster.world);
    assert_int_equal(cluster.world->verdict, SIM_VERDICT_VACUOUS);
    assert_non_null(strstr(cluster.world->message, "no record was committed"));
}

static void is_stuck_when_a_replica_cannot_come_back(void **state)
{
    (void)state;
    struct test_cluster cluster;
    test_cluster_init(&cluster);
    test_cluster_client(&cluster, "p1", SIM_CLIENT_PRODUCER);
    cluster.spec.settle_ns = 5 * ISR_SECOND;
    /* Its session cannot expire, nor its lag be noticed, before the end. */
    test_cluster_build(&cluster, 6);
    (void)sim_checks_new(cluster.world, &ALL);
    test_cluster_run(&cluster, 9 * ISR_SECOND);
    sim_process_kill(cluster.world, 3);
    sim_world_run(cluster.world);
    assert_int_equal(cluster.world->verdict, SIM_VERDICT_STUCK);
    assert_int_equal(cluster.world->invariant, SIM_INVARIANT_L1);
    assert_non_null(strstr(cluster.world->message, "n3 does not have the partition"));
}

/* One byte of one replica's memory: whichever it is, it is compared with the others or with its checksum. */
static void sees_one_wrong_byte_in_any_log_at_the_end(void **state)
{
    (void)state;
    for (int32_t node = 1; node <= 3; node++) {
        struct test_cluster cluster;
        test_cluster_init(&cluster);
        test_cluster_client(&cluster, "p1", SIM_CLIENT_PRODUCER);
        test_cluster_build(&cluster, 6);
        struct sim_checks *checks = sim_checks_new(cluster.world, &ALL);
        test_cluster_run(&cluster, 5 * ISR_SECOND);
        const struct isr_node *engine = cluster.world->processes[node].node;
        const struct isr_log *log = isr_node_partition_at(engine, 0)->log;
        const struct isr_batch_place *place = &log->places[log->places_count / 2];
        ((uint8_t *)(uintptr_t)place->data)[place->size_bytes - 1] ^= 1;
        sim_checks_end(checks);
        const char *violation = sim_checks_violation(checks, SIM_INVARIANT_I2);
        char expected[80];
        struct isr_text text = ISR_TEXT(expected);
        isr_text_format(&text, "the records at offset %ld in the log of n%d are not what", place->base_offset,
                        node);
        if (violation == NULL || strstr(violation, expected) == NULL)
            fail_msg("%s, not: %s", violation, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_on_the_correct_engine),
        cmocka_unit_test(changes_nothing_of_what_happens),
        cmocka_unit_test(fires_on_a_wrong_rule),
        cmocka_unit_test(tells_all_that_is_broken_when_the_run_goes_on),
        cmocka_unit_test(sees_one_wrong_byte_in_any_log_at_the_end),
        cmocka_unit_test(is_vacuous_when_nobody_writes),
        cmocka_unit_test(is_stuck_when_a_replica_cannot_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
