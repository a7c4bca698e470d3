#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "core/tests/support.h"
#include "sim/clock.h"
#include "sim/libraft/libraft.h"
#include "sim/spec.h"

static struct isr_replicas assignments[2];
static struct sim_topic_spec topics[2];
static struct sim_client_spec clients[2];
static struct sim_step steps[2];

/* A spec that is right; each test spoils one thing. */
static struct sim_spec good(void)
{
    struct sim_spec spec = sim_spec_default();
    assignments[0] = (struct isr_replicas){.count = 3, .ids = {1, 2, 3}};
    assignments[1] = (struct isr_replicas){.count = 3, .ids = {3, 1, 2}};
    topics[0] = (struct sim_topic_spec){.name = {"orders"},
                                        .partitions = 2,
                                        .replication_factor = 3,
                                        .settings = isr_topic_settings_of_min_isr(2),
                                        .assignments = assignments};
    topics[1] = (struct sim_topic_spec){.name = {"logs"},
                                        .partitions = 1,
                                        .replication_factor = 1,
                                        .settings = isr_topic_settings_of_min_isr(1)};
    clients[0] = (struct sim_client_spec){.name = "writer",
                                          .kind = SIM_CLIENT_PRODUCER,
                                          .topic = {"orders"},
                                          .partition = -1,
                                          .interval_ns = ISR_MS,
                                          .records_per_batch = 1,
                                          .value_bytes = 64,
                                          .acks = -1,
                                          .stop_ns = ISR_TIME_NEVER};
    clients[1] = (struct sim_client_spec){.name = "reader", .kind = SIM_CLIENT_CONSUMER, .topic = {"logs"}};
    steps[0] = (struct sim_step){
        .gate = SIM_GATE_WHEN,
        .condition = {.kind = SIM_CONDITION_LEADER_IS, .topic = {"orders"}, .partition = 1, .node = 2},
        .at_latest_ns = ISR_TIME_NEVER,
        .action = {.kind = SIM_ACTION_KILL}};
    sim_node_set_add(&steps[0].action.nodes, 3);
    steps[1] = (struct sim_step){.gate = SIM_GATE_WAIT,
                                 .time_ns = ISR_SECOND,
                                 .action = {.kind = SIM_ACTION_PRODUCE,
                                            .topic = {"logs"},
                                            .count = 5,
                                            .acks = 1,
                                            .value_bytes = 8,
                                            .client = "writer"}};
    spec.topics = topics;
    spec.topics_count = 2;
    spec.clients = clients;
    spec.clients_count = 2;
    spec.steps = steps;
    spec.steps_count = 2;
    return spec;
}

static char sentence[200];
static uint32_t step;

static bool refused(const struct sim_spec *spec, const char *words, uint32_t where)
{
    const char *wrong = sim_spec_check(spec, sentence, sizeof sentence, &step);
    if (wrong == NULL)
        return false;
    if (strstr(wrong, words) == NULL || step != where)
        fail_msg("\"%s\" (step %u) does not say \"%s\" (step %u)", wrong, step, words, where);
    return true;
}

/* Spoils a good spec and looks whether that is seen. */
#define REFUSES(spoil, words, where)               \
    do {                                           \
        struct sim_spec spec = good();             \
        spoil;                                     \
        assert_true(refused(&spec, words, where)); \
    } while (0)

static void accepts_the_default_and_a_full_one(void **state)
{
    (void)state;
    struct sim_spec spec = sim_spec_default();
    assert_null(sim_spec_check(&spec, sentence, sizeof sentence, &step));
    spec = good();
    assert_null(sim_spec_check(&spec, sentence, sizeof sentence, &step));
}

static void tells_what_a_build_lacks_when_it_lacks_it(void **state)
{
    (void)state;
    const char *hint;
    const char *missing = sim_consensus_missing(SIM_CONSENSUS_LIBRAFT, &hint);
    assert_null(sim_consensus_missing(SIM_CONSENSUS_IN_TREE, &hint));
    if (sim_libraft_available())
        assert_null(missing);
    else
        assert_string_equal(missing, "this build has no libraft");
    assert_non_null(strstr(hint, "libraft-dev"));
}

static void refuses_impossible_clusters(void **state)
{
    (void)state;
    REFUSES(spec.brokers = 0, "at least one broker", 0);
    REFUSES(spec.controllers = 5, "do not fit", 0);
    REFUSES(spec.controllers = 0, "controllers", 0);
    REFUSES(spec.brokers = 249, "processes", 0);
    REFUSES(spec.standby_controllers = 6, "stand by", 0);
    REFUSES(spec.standby_controllers = -1, "stand by", 0);
    REFUSES((steps[1].action.kind = SIM_ACTION_ADD_VOTER, steps[1].action.node = 0), "names a controller", 2);
    REFUSES((steps[1].action.kind = SIM_ACTION_REMOVE_VOTER, steps[1].action.node = 5), "no controller", 2);
    REFUSES((steps[1].action.kind = SIM_ACTION_TRANSFER_CONTROLLER, steps[1].action.asked = 5),
            "could be asked", 2);
    REFUSES(spec.duration_ns = 0, "duration", 0);
    REFUSES(spec.settle_ns = spec.duration_ns, "settle", 0);
    REFUSES(sim_node_set_add(&spec.gone, 1), "only where the others settle", 0);
    REFUSES((sim_node_set_add(&spec.gone, 1), spec.settle_ns = 1, spec.gone_how = SIM_GONE_PARTED),
            "only voters alone can be parted", 0);
    REFUSES((sim_node_set_add(&spec.gone, 1), spec.gone_how = SIM_GONE_HOWS), "in no way that there is", 0);
    REFUSES((sim_node_set_add(&spec.gone, sim_spec_own_client(&spec)), spec.settle_ns = 1),
            "only brokers and controllers can be gone", 0);
    REFUSES(spec.config.replica_lag_time_max = 1, "replica_lag_time_max", 0);
    REFUSES(spec.network.loss_ppm = 1000001, "100%", 0);
    REFUSES(spec.network.latency.low_ns = -1, "quantiles", 0);
    REFUSES(spec.disk.sync_latency.p99_ns = 0, "sync latency", 0);
    REFUSES(spec.disk.read_latency.high_ns = INT64_MAX, "absurd", 0);
    REFUSES(spec.disk.capacity_bytes = -5, "capacity", 0);
}

static void refuses_impossible_topics(void **state)
{
    (void)state;
    REFUSES(topics[0].replication_factor = 4, "as many brokers", 0);
    REFUSES(topics[0].replication_factor = 9, "replication factor", 0);
    REFUSES(topics[0].settings.min_isr = 4, "min ISR", 0);
    REFUSES(topics[0].partitions = 0, "partitions", 0);
    REFUSES(memcpy(topics[1].name.text, "orders", 7), "twice", 0);
    REFUSES(assignments[1].count = 2, "orders-1", 0);
    REFUSES(assignments[1].ids[0] = 4, "no broker", 0);
    REFUSES(assignments[1].ids[0] = 1, "twice", 0);
}

static void refuses_impossible_clients(void **state)
{
    (void)state;
    REFUSES(memcpy(clients[1].name, "writer", 7), "taken", 0);
    REFUSES(memcpy(clients[1].name, "n2", 3), "taken", 0);
    REFUSES(memcpy(clients[1].name, "client", 7), "taken", 0);
    REFUSES(clients[1].name[0] = '\0', "name", 0);
    REFUSES(memcpy(clients[0].topic.text, "none", 5), "no topic none", 0);
    REFUSES(clients[0].partition = 2, "no partition 2", 0);
    REFUSES(clients[0].value_bytes = 7, "bytes", 0);
    REFUSES(clients[0].records_per_batch = 0, "records", 0);
    REFUSES(clients[0].acks = 2, "acks", 0);
    REFUSES((clients[0].keys = 3, clients[0].partition = 1), "keys", 0);
    REFUSES(clients[0].stop_ns = -1, "stop", 0);
}

static void refuses_impossible_steps_and_tells_which(void **state)
{
    (void)state;
    REFUSES(steps[0].condition.partition = 2, "no partition 2", 1);
    REFUSES(steps[0].condition.node = 9, "no node 9", 1);
    REFUSES(sim_node_set_add(&steps[0].action.nodes, 77), "no node 77", 1);
    REFUSES(memcpy(steps[1].action.client, "nobody", 7), "no client nobody", 2);
    REFUSES(memcpy(steps[1].action.client, "n1", 3), "no client n1", 2);
    REFUSES(steps[1].action.count = 0, "records", 2);
    REFUSES(steps[1].time_ns = -1, "negative", 2);
    REFUSES((steps[1].gate = SIM_GATE_AT, steps[1].time_ns = 31 * ISR_SECOND), "over before", 2);
    REFUSES((steps[1].action = steps[0].action, steps[1].action.kind = SIM_ACTION_DISK_FAIL), "no operation",
            2);
    REFUSES(steps[0].action.nodes.bits[0] = 0, "empty", 1);
    REFUSES(steps[0].action.kind = SIM_ACTION_CUT, "empty", 1);
    REFUSES(steps[0].action.kind = SIM_ACTION_PARTITION, "two groups", 1);
    REFUSES((steps[0].action.kind = SIM_ACTION_PARTITION, steps[0].action.groups_count = 2), "empty", 1);
    REFUSES((steps[1].action = steps[0].action, steps[1].action.kind = SIM_ACTION_CLOCK,
             steps[1].action.clock_fields = SIM_CLOCK_DRIFT,
             steps[1].action.clock.drift_ppm = SIM_CLOCK_DRIFT_PPM_MAX + 1),
            "drift", 2);
    REFUSES((steps[1].action = steps[0].action, steps[1].action.kind = SIM_ACTION_CLOCK,
             steps[1].action.clock_fields = SIM_CLOCK_OFFSET,
             steps[1].action.clock.offset_ns = -SIM_CLOCK_OFFSET_NS_MAX - 1),
            "offset", 2);
}

static void names_nodes_both_ways(void **state)
{
    (void)state;
    struct sim_spec spec = good();
    char name[SIM_LABEL_BYTES];
    spec.combined = false;
    assert_int_equal(sim_spec_nodes_count(&spec), 9);
    const char *names[] = {"n1", "n2", "n3", "c1", "c2", "c3", "writer", "reader", "client"};
    for (int32_t node = 1; node <= 9; node++) {
        assert_string_equal(sim_spec_node_name(&spec, node, name), names[node - 1]);
        assert_int_equal(sim_spec_node_named(&spec, names[node - 1]), node);
        assert_int_equal(sim_spec_is_broker(&spec, node), node <= 3);
        assert_int_equal(sim_spec_is_controller(&spec, node), node > 3 && node <= 6);
        assert_int_equal(sim_spec_is_client(&spec, node), node > 6);
    }
    const char *wrong[] = {"n0", "n4", "n01", "n", "c4", "n1x", "", "broker", "n99999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(sim_spec_node_named(&spec, wrong[i]), ISR_NODE_NONE);
    spec.combined = true;
    assert_int_equal(sim_spec_node_named(&spec, "c1"), ISR_NODE_NONE);
    assert_int_equal(sim_spec_node_named(&spec, "client"), 6);
    assert_string_equal(sim_spec_node_name(&spec, ISR_NODE_NONE, name), "none");
}

static void numbers_go_on_when_controllers_stand_by(void **state)
{
    (void)state;
    struct sim_spec spec = good();
    char name[SIM_LABEL_BYTES];
    spec.standby_controllers = 2;
    for (int combined = 0; combined <= 1; combined++) {
        spec.combined = combined == 1;
        for (int32_t number = 4; number <= 5; number++) {
            int32_t node = sim_spec_node_named(&spec, number == 4 ? "c4" : "c5");
            assert_int_equal(node, combined ? number : number + 3);
            assert_string_equal(sim_spec_node_name(&spec, node, name), number == 4 ? "c4" : "c5");
            assert_true(sim_spec_is_controller(&spec, node));
            assert_false(sim_spec_is_first_voter(&spec, node));
            assert_false(sim_spec_is_broker(&spec, node) || sim_spec_is_client(&spec, node));
        }
        assert_int_equal(sim_spec_node_named(&spec, "c6"), ISR_NODE_NONE);
        assert_int_equal(sim_spec_node_named(&spec, "writer"), combined ? 6 : 9);
    }
}

static uint32_t setting_named(const char *name)
{
    size_t count;
    const struct isr_config_info *list = isr_config_list(&count);
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(list[i].name, name) == 0)
            return i;
    }
    fail_msg("no setting %s", name);
    return 0;
}

static void gives_one_node_settings_of_its_own(void **state)
{
    (void)state;
    struct sim_spec spec = good();
    struct sim_node_setting own = {
        .node = 2, .setting = setting_named("fetch_interval"), .value = 7 * ISR_SECOND};
    spec.node_settings = &own;
    spec.node_settings_count = 1;
    assert_null(sim_spec_check(&spec, sentence, sizeof sentence, &step));
    assert_int_equal(sim_spec_config(&spec, 2).fetch_interval, 7 * ISR_SECOND);
    assert_int_equal(sim_spec_config(&spec, 1).fetch_interval, spec.config.fetch_interval);
    assert_int_equal(sim_spec_config(&spec, 2).fetch_max_wait, spec.config.fetch_max_wait);
    own.value = -1;
    assert_non_null(strstr(sim_spec_check(&spec, sentence, sizeof sentence, &step), "bounds"));
    own = (struct sim_node_setting){.node = 2, .setting = setting_named("log_flush_messages"), .value = 1};
    assert_non_null(strstr(sim_spec_check(&spec, sentence, sizeof sentence, &step), "the same on all"));
    own = (struct sim_node_setting){.node = 99, .setting = setting_named("fetch_interval")};
    assert_non_null(strstr(sim_spec_check(&spec, sentence, sizeof sentence, &step), "no node"));
}

static void copies_deeply(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct sim_spec spec = good(), copy;
    struct sim_node_setting own = {.node = 2, .setting = setting_named("fetch_interval"), .value = 5};
    spec.node_settings = &own;
    spec.node_settings_count = 1;
    sim_spec_copy(&copy, &spec, &heap.heap);
    own.value = 6;
    memset(assignments, 0, sizeof assignments);
    memset(topics, 0, sizeof topics);
    memset(clients, 0, sizeof clients);
    memset(steps, 0, sizeof steps);
    assert_null(sim_spec_check(&copy, sentence, sizeof sentence, &step));
    assert_int_equal(copy.topics[0].assignments[1].ids[0], 3);
    assert_null(copy.topics[1].assignments);
    assert_string_equal(copy.clients[1].name, "reader");
    assert_int_equal(copy.steps[1].action.count, 5);
    assert_int_equal(sim_spec_config(&copy, 2).fetch_interval, 5);
    test_heap_drop(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_the_default_and_a_full_one),
        cmocka_unit_test(tells_what_a_build_lacks_when_it_lacks_it),
        cmocka_unit_test(refuses_impossible_clusters),
        cmocka_unit_test(refuses_impossible_topics),
        cmocka_unit_test(refuses_impossible_clients),
        cmocka_unit_test(refuses_impossible_steps_and_tells_which),
        cmocka_unit_test(names_nodes_both_ways),
        cmocka_unit_test(numbers_go_on_when_controllers_stand_by),
        cmocka_unit_test(gives_one_node_settings_of_its_own),
        cmocka_unit_test(copies_deeply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
