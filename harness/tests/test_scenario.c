#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "harness/tests/support.h"

static void reads_a_whole_scenario(void **state)
{
    struct scenario scenario;
    (void)state;
    read_good(
        &scenario,
        "name: all\nabout: prose\nsource: KIP-101\n"
        "exhibit: {number: 7, system: \"Kafka 0.8\", year: 2013, loss: records}\n"
        "tags: [museum, election]\n"
        "cluster: {brokers: 4, controllers: 3, combined: false}\n"
        "config: {replica_lag_time_max: 2s, fetch_max_bytes: 4KiB, fetch_hw_push: off, isr_hysteresis: 3}\n"
        "rules: {trunc: hw}\n"
        "network: {latency: {low: 1ms, median: 2ms, p99: 3ms, high: 4ms}, loss: 0.1%}\n"
        "disks: {sync_latency: 1ms..3ms, capacity: 1MiB}\n"
        "topics:\n  orders: {assignment: [[1, 2, 3], [n2, n3, n4]], min_isr: 2, unclean: true}\n"
        "clients:\n"
        "  p1: {produce: orders, rate: 100/s, batch: 4, acks: 1, partition: 1, start: 1s, stop: 9s}\n"
        "  c9x: {consume: orders, from: follower}\n"
        "  boss: {admin: true}\n"
        "nodes:\n  n2: {fetch_interval: 1s, isr_hysteresis: 4}\n  c1: {quorum_election_timeout: 3s}\n"
        "duration: 20s\nsettle: 5s\nseed: 0xff\n"
        "expect: {violates: [I1, I3], with: lost}\n");
    const struct sim_spec *spec = &scenario.base;
    assert_string_equal(spec->name, "all");
    assert_int_equal(scenario.exhibit.number, 7);
    assert_int_equal(scenario.tags.count, 2);
    assert_int_equal(spec->config.replica_lag_time_max, 2 * ISR_SECOND);
    assert_int_equal(spec->node_settings_count, 3);
    assert_int_equal(sim_spec_config(spec, 2).fetch_interval, ISR_SECOND);
    assert_int_equal(sim_spec_config(spec, 2).isr_hysteresis, 4);
    assert_int_equal(sim_spec_config(spec, 2).replica_lag_time_max, 2 * ISR_SECOND);
    assert_int_equal(sim_spec_config(spec, 5).quorum_election_timeout, 3 * ISR_SECOND);
    assert_int_equal(sim_spec_config(spec, 1).fetch_interval, 0);
    assert_int_equal(spec->config.fetch_max_bytes, 4096);
    assert_int_equal(spec->config.fetch_hw_push, 0);
    assert_int_equal(spec->rules.trunc, ISR_RULE_trunc_hw);
    assert_int_equal(spec->network.latency.p99_ns, 3 * ISR_MS);
    assert_int_equal(spec->network.loss_ppm, 1000);
    assert_int_equal(spec->disk.sync_latency.median_ns, 2 * ISR_MS);
    assert_int_equal(spec->disk.capacity_bytes, 1 << 20);
    assert_int_equal(spec->topics[0].partitions, 2);
    assert_int_equal(spec->topics[0].replication_factor, 3);
    assert_int_equal(spec->topics[0].assignments[1].ids[2], 4);
    assert_true(spec->topics[0].settings.unclean == 1);
    assert_int_equal(spec->clients[0].interval_ns, 40 * ISR_MS); /* 4 records a batch at 100/s */
    assert_int_equal(spec->clients[0].acks, 1);
    assert_int_equal(spec->clients[1].kind, SIM_CLIENT_CONSUMER);
    assert_true(spec->clients[1].from_follower);
    assert_int_equal(spec->clients[1].partition, -1);
    assert_int_equal(spec->clients[2].kind, SIM_CLIENT_ADMIN);
    assert_int_equal(spec->seed, 255);
    assert_int_equal(scenario.variants_count, 1);
    assert_string_equal(scenario.variants[0].name, "default");
    assert_int_equal(scenario.variants[0].expectation.invariants,
                     1 << SIM_INVARIANT_I1 | 1 << SIM_INVARIANT_I3);
    assert_string_equal(scenario.variants[0].expectation.with, "lost");
    scenario_free(&scenario);
}

static void reads_steps_with_their_gates(void **state)
{
    struct scenario scenario;
    (void)state;
    read_good(&scenario, HEAD "steps:\n"
                              "  - {at: 2s, power_off: {nodes: n1, survives: none}}\n"
                              "  - {wait: 100ms, start: [n1, n2]}\n"
                              "  - {when: \"isr of orders-1 is [1, 2]\", at_latest: 5s, kill: all}\n"
                              "  - {after: \"leader of orders-0 elected\", partition: [[n1], [n2, n3]]}\n"
                              "  - {cut: {from: n1, to: [n2, reader], both_ways: true}}\n"
                              "  - {produce: {partition: orders-1, records: 5, acks: 1, client: p1}}\n"
                              "  - {disk_fail: {nodes: n2, operations: [sync, write], count: 2}}\n"
                              "  - {clock: {nodes: n3, drift: -50ppm}}\n"
                              "  - {heal: all}\n"
                              "  - {kill: controller}\n"
                              "  - {note: done}\n");
    const struct sim_step *steps = scenario.base.steps;
    assert_int_equal(scenario.base.steps_count, 11);
    assert_int_equal(steps[0].gate, SIM_GATE_AT);
    assert_int_equal(steps[0].time_ns, 2 * ISR_SECOND);
    assert_int_equal(steps[0].action.kind, SIM_ACTION_POWER_OFF);
    assert_int_equal(steps[0].action.survives, SIM_SURVIVES_NONE);
    assert_int_equal(steps[0].line, HEAD_LINES + 2);
    assert_int_equal(steps[1].gate, SIM_GATE_WAIT);
    assert_int_equal(steps[1].action.nodes.bits[0], 1 << 1 | 1 << 2);
    assert_int_equal(steps[2].at_latest_ns, 5 * ISR_SECOND);
    assert_int_equal(steps[2].condition.kind, SIM_CONDITION_ISR_IS);
    assert_int_equal(steps[2].condition.partition, 1);
    assert_int_equal(steps[2].condition.set.count, 2);
    assert_int_equal(steps[2].action.nodes.bits[0], 1 << 1 | 1 << 2 | 1 << 3); /* servers, not clients */
    assert_int_equal(steps[3].gate, SIM_GATE_AFTER);
    assert_int_equal(steps[3].at_latest_ns, ISR_TIME_NEVER);
    assert_int_equal(steps[3].action.groups_count, 2);
    assert_int_equal(steps[4].action.to.bits[0], 1 << 2 | 1 << 5);
    assert_true(steps[4].action.both_ways);
    assert_string_equal(steps[5].action.client, "p1");
    assert_int_equal(steps[5].action.count, 5);
    assert_int_equal(steps[5].action.acks, 1);
    assert_int_equal(steps[6].action.operations, SIM_OPERATION_SYNC | SIM_OPERATION_WRITE);
    assert_int_equal(steps[7].action.clock_fields, SIM_CLOCK_DRIFT);
    assert_int_equal(steps[7].action.clock.drift_ppm, -50);
    assert_int_equal(steps[8].action.nodes.bits[0], 0x7e); /* and the clients, the world's own too */
    assert_true(sim_node_set_has(&steps[9].action.nodes, SIM_NODE_CONTROLLER));
    assert_string_equal(steps[10].action.text, "done");
    scenario_free(&scenario);
}

static void lays_variants_over_the_file(void **state)
{
    struct scenario scenario;
    (void)state;
    read_good(&scenario, HEAD "rules: {elr: \"off\"}\nseed: 3\nunchecked: I1\n"
                              "variants:\n"
                              "  wrong: {rules: {trunc: hw}, expect: {violates: I3}}\n"
                              "  other: {seed: 4, unchecked: [I2], config: {isr_hysteresis: 1}}\n");
    assert_int_equal(scenario.variants_count, 2);
    const struct scenario_variant *wrong = scenario_variant_named(&scenario, "wrong");
    const struct scenario_variant *other = scenario_variant_named(&scenario, "other");
    assert_non_null(wrong);
    assert_non_null(other);
    assert_null(scenario_variant_named(&scenario, "default"));
    assert_int_equal(wrong->spec.rules.trunc, ISR_RULE_trunc_hw);
    assert_int_equal(wrong->spec.rules.elr, ISR_RULE_elr_off);
    assert_int_equal(wrong->spec.seed, 3);
    assert_int_equal(wrong->expectation.outcome, SCENARIO_VIOLATES);
    assert_int_equal(other->spec.rules.trunc, ISR_RULE_trunc_epoch);
    assert_int_equal(wrong->spec.unchecked, 1u << SIM_INVARIANT_I1);
    assert_int_equal(other->spec.unchecked, 1u << SIM_INVARIANT_I2);
    assert_int_equal(other->spec.seed, 4);
    assert_int_equal(other->spec.config.isr_hysteresis, 1);
    assert_int_equal(other->expectation.outcome, SCENARIO_HOLDS);
    scenario_free(&scenario);
}

static void reads_json_with_tabs(void **state)
{
    struct scenario scenario;
    (void)state;
    read_good(&scenario,
              "{\n\t\"topics\": {\"orders\": {\"replication\": 3}},\n\t\"expect\": \"holds\"\n}\n");
    assert_string_equal(scenario.base.name, "test");
    scenario_free(&scenario);
}

static void tells_where_values_are_wrong(void **state)
{
    (void)state;
    assert_error(HEAD "steps: [{at: 320, kill: n1}]\n", 5, 14, "the unit is missing", "250ms");
    assert_error(HEAD "duration: 5 parsecs\n", 5, 13, "'parsecs' is not a unit of time", "ns us ms s m h");
    assert_error(HEAD "config: {fetch_max_bytes: 3KB}\n", 5, 28, "'KB' is not a unit of size", "KiB");
    assert_error(HEAD "config: {isr_hysteresis: 0}\n", 5, 26, "must be 1 to 100", "bound divided by");
    assert_error(HEAD "network: {loss: 150%}\n", 5, 17, "above 100%", "");
    assert_error(HEAD "network: {latency: 5ms..1ms}\n", 5, 20, "must grow", "");
    assert_error(HEAD "seed: many\n", 5, 7, "'many' is not a seed", "64 bits");
    assert_error(HEAD "rules: {trunc: hv}\n", 5, 16, "expected epoch or hw, not 'hv'", "did you mean 'hw'?");
    assert_error(HEAD "rules: [trunc]\n", 5, 8, "expected a mapping for rules, not a list", "");
    assert_error(HEAD "expect: violated\n", 5, 9, "expected holds or vacuous", "{violates: I3}");
    assert_error(HEAD "expect: {violates: I33}\n", 5, 20, "there is no invariant 'I33'", "did you mean");
    assert_error(HEAD "expect: {holds: true, with: x}\n", 5, 23, "'with' belongs to 'violates'", "");
}

static void tells_where_keys_are_wrong(void **state)
{
    (void)state;
    assert_error(HEAD "setle: 5s\n", 5, 1, "unknown key 'setle'", "did you mean 'settle'?");
    assert_error(HEAD "config: {replica_lag_time_mx: 2s}\n", 5, 10, "unknown key", "replica_lag_time_max");
    assert_error(HEAD "seed: 1\nseed: 2\n", 6, 1, "duplicate key 'seed' (first given on line 5)", "remove");
    assert_error("{}\n", 1, 1, "the scenario needs 'topics'", "topics by name");
    assert_error(HEAD "nodes: {n1: {fetch_intrval: 2s}}\n", 5, 14, "unknown key", "fetch_interval");
    assert_error(HEAD "nodes: {n9: {fetch_interval: 2s}}\n", 5, 9, "n9", "");
    assert_error(HEAD "nodes: {n1: {log_flush_messages: 1}}\n", 5, 14, "the same on all nodes", "config");
    assert_error(HEAD "nodes: [n1]\n", 5, 8, "expected settings by node", "");
    assert_error(HEAD "steps: [{at: 1s, kil: n1}]\n", 5, 18, "unknown action 'kil'", "did you mean 'kill'?");
    assert_error(HEAD "steps: [{kill: n1, start: n1}]\n", 5, 20, "a step does one thing", "step of its own");
    assert_error(HEAD "steps: [{at: 1s}]\n", 5, 9, "does nothing", "");
    assert_error(HEAD "steps: [{at: 1s, wait: 1s, note: x}]\n", 5, 18, "waits for one thing", "");
    assert_error(HEAD "steps: [{at: 1s, at_latest: 1s, note: x}]\n", 5, 18, "belongs to 'when' or 'after'",
                 "");
    assert_error(HEAD "steps: [{cut: {from: n1}}]\n", 5, 15, "'cut' needs 'to'", "");
}

static void refuses_impossible_clusters(void **state)
{
    (void)state;
    assert_error("cluster: {brokers: 2}\ntopics: {a: {replication: 3}}\n", 2, 27,
                 "more than the cluster's 2 brokers", "");
    assert_error("topics: {a: {replication: 2, min_isr: 3}}\n", 1, 39, "more than the replication factor 2",
                 "acks=all");
    assert_error("cluster: {brokers: 3, controllers: 5}\ntopics: {a: {}}\n", 1, 36, "do not fit",
                 "combined: false");
    assert_error("cluster: {brokers: 0}\ntopics: {a: {}}\n", 1, 20, "must be 1 to 100", "");
    assert_error("topics: {a: {partitions: 2, assignment: [[1, 2]]}}\n", 1, 41, "but the topic has 2", "");
    assert_error("topics: {a: {assignment: [[1, 1]]}}\n", 1, 31, "named twice", "");
    assert_error("topics: {a: {assignment: [[1, 9]]}}\n", 1, 31, "there is no broker '9'", "n1 to n3");
    assert_error("topics: {a: {replication: 2, assignment: [[1, 2, 3]]}}\n", 1, 43, "3 replicas here", "");
    assert_error(HEAD "duration: 5s\nsettle: 9s\n", 6, 9, "settle (9s) must be shorter than duration (5s)",
                 "");
    assert_error(HEAD "duration: 5s\nsettle: 3s\nsteps: [{at: 3s, note: x}]\n", 7, 14,
                 "never reached: steps end at 2s", "");
    assert_error(HEAD "steps: [{at: 2s, note: x}, {at: 1s, note: y}]\n", 5, 33,
                 "earlier than a step before it (at 2s)", "");
}

static void tells_which_names_mean_nothing(void **state)
{
    (void)state;
    assert_error(HEAD "steps: [{kill: [n1, n5]}]\n", 5, 21, "there is no node 'n5'", "n1 to n3");
    assert_error(HEAD "steps: [{kill: c1}]\n", 5, 16, "there is no node 'c1'", "combined");
    assert_error(HEAD "steps: [{kill: raeder}]\n", 5, 16, "there is no node 'raeder'", "'reader'");
    assert_error(HEAD "steps: [{produce: {partition: order-0}}]\n", 5, 31, "there is no topic 'order'",
                 "'orders'");
    assert_error(HEAD "steps: [{produce: {partition: orders-2}}]\n", 5, 31, "no partition 'orders-2'",
                 "orders-0 to orders-1");
    assert_error(HEAD "steps: [{produce: {partition: orders}}]\n", 5, 31, "is not a partition", "orders-0");
    assert_error(HEAD "steps: [{produce: {partition: orders-0, client: p2}}]\n", 5, 49,
                 "there is no client 'p2'", "p1");
    assert_error(HEAD "steps: [{produce: {partition: orders-0, client: reader}}]\n", 5, 49, "is a consumer",
                 "");
    assert_error("topics: {a: {}}\nclients: {n1: {produce: a}}\n", 2, 11, "cannot be a client's name",
                 "brokers");
    assert_error("topics: {a: {}}\nclients: {p: {produce: b}}\n", 2, 24, "there is no topic 'b'", "");
    assert_error(HEAD "steps: [{partition: [[n1], [n1, n2]]}]\n", 5, 28, "node 'n1' is in two groups", "");
}

static void tells_where_conditions_go_wrong(void **state)
{
    (void)state;
#define WHEN(text) HEAD "steps:\n  - {when: \"" text "\", note: x}\n"
    assert_error(WHEN("isr of order-0 is [1]"), 6, 20, "there is no topic 'order'", "'orders'");
    assert_error(WHEN("isr of orders-0 is [1, 9]"), 6, 36, "there is no broker '9'", "n1 to n3");
    assert_error(WHEN("lider of orders-0 elected"), 6, 13, "no condition begins with 'lider'", "'leader'");
    assert_error(WHEN("leader of orders-0"), 6, 31, "ends here, but 'is' or 'elected' is missing", "");
    assert_error(WHEN("n1 is upp"), 6, 19, "not 'upp'", "did you mean 'up'?");
    assert_error(WHEN("hw of orders-0 on n1 > x"), 6, 36, "expected a number, not 'x'", "");
    assert_error(WHEN("acked records >= 5 please"), 6, 32, "expected the end, not 'please'", "");
    assert_error(WHEN("isr of orders-0 is [1, 1]"), 6, 36, "once", "");
    assert_error(WHEN("isr of orders-0 is [1, 2"), 6, 32, "no closing ']'", "");
    assert_error(HEAD "steps: [{when: [a], note: x}]\n", 5, 16, "expected a condition", "");
}

static void refuses_what_is_no_scenario(void **state)
{
    (void)state;
    assert_error("", 1, 1, "the file is empty", "isrsim help scenario");
    assert_error("# nothing\n", 1, 1, "the file is empty", "");
    assert_error("[]\n", 1, 1, "expected a mapping for the scenario, not a list", "");
    assert_error("just text\n", 1, 1, "not 'just text'", "");
    assert_error("a: &x 1\n", 1, 4, "anchors (&) and aliases (*) are not allowed", "");
    assert_error("a: !!str 1\n", 1, 4, "tags (!) are not allowed", "");
    assert_error("a: 1\n---\nb: 2\n", 2, 1, "a second document begins here", "variants");
    assert_error("name: \"\\0\"\n", 1, 7, "the character \\0", "");
    assert_error("? [a]\n: 1\n", 1, 3, "a key must be a word", "");
    assert_error("name: \"\xff\"\n", 1, 8, "byte 0xff is not text", "UTF-8");
    assert_error("name: x\n\x01\n", 2, 1, "byte 0x01 is not text", "UTF-8");
    assert_error("steps: [{at: 1s, \n", 2, 1, "not valid YAML", "");
    assert_error("name: x\n\ttopics: 1\n", 2, 1, "a tab where a line is indented",
                 "YAML indents with spaces");
    assert_error("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 1, 25, "nested too deeply", "");
    assert_error(HEAD "about: \"\\e[31m\"\n", 5, 8, "a control character", "");
}

static void refuses_binary_and_huge_files(void **state)
{
    struct scenario scenario;
    struct diagnostics diagnostics;
    static char big[(1 << 20) + 1];
    (void)state;
    memset(big, 'a', sizeof big);
    diagnostics_init(&diagnostics, "big", big, sizeof big);
    assert_false(scenario_read(&scenario, &diagnostics));
    assert_non_null(strstr(diagnostics.items[0].message, "more than 1024 KiB"));
    diagnostics_init(&diagnostics, "nul", "\0\1ELF", 5);
    assert_false(scenario_read(&scenario, &diagnostics));
    assert_non_null(strstr(diagnostics.items[0].message, "byte 0x00 is not text"));
    for (size_t i = 1; i + 2 < 200000; i += 2)
        memcpy(big + i, "a,", 2);
    big[0] = '[';
    diagnostics_init(&diagnostics, "many", big, 200000);
    assert_false(scenario_read(&scenario, &diagnostics));
    assert_non_null(strstr(diagnostics.items[0].message, "too many values"));
}

static void reports_many_errors_in_the_order_of_the_file(void **state)
{
    struct scenario scenario;
    struct diagnostics diagnostics;
    (void)state;
    assert_false(read_text(
        &scenario, &diagnostics,
        HEAD "settle: 5\nexpect: holdss\nrules: {a: 1}\nsteps:\n  - {kill: n8}\n  - {at: x, note: y}\n"));
    assert_int_equal(diagnostics.count, 5);
    for (uint32_t i = 1; i < diagnostics.count; i++)
        assert_true(diagnostics.items[i - 1].place.line <= diagnostics.items[i].place.line);
    assert_false(read_text(&scenario, &diagnostics,
                           HEAD "a: 1\nb: 1\nc: 1\nd: 1\ne: 1\nf: 1\ng: 1\nh: 1\ni: 1\nj: 1\nk: 1\nl: 1\n"));
    assert_int_equal(diagnostics.count, DIAGNOSTICS_MAX);
    assert_int_equal(diagnostics.dropped, 2);
}

static void shows_the_line_with_a_caret(void **state)
{
    struct scenario scenario;
    struct diagnostics diagnostics;
    char text[1024] = "";
    (void)state;
    assert_false(read_text(&scenario, &diagnostics, HEAD "\xc3\xa9t\xc3\xa9: {}\nrules: {\ttrunc: xx}\n"));
    FILE *out = tmpfile();
    assert_non_null(out);
    diagnostics_print(&diagnostics, out, false);
    rewind(out);
    size_t size = fread(text, 1, sizeof text - 1, out);
    fclose(out);
    assert_true(size > 0);
    assert_non_null(strstr(text, "test.isr.yaml:5:1: error: unknown key '\xc3\xa9t\xc3\xa9' in the scenario\n"
                                 "     5 | \xc3\xa9t\xc3\xa9: {}\n       | ^\n"));
    /* the tab is copied, so that the caret stands under its character */
    assert_non_null(strstr(text, "test.isr.yaml:6:17: error: expected epoch or hw, not 'xx'\n"
                                 "     6 | rules: {\ttrunc: xx}\n       |         \t       ^\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_whole_scenario),
        cmocka_unit_test(reads_steps_with_their_gates),
        cmocka_unit_test(lays_variants_over_the_file),
        cmocka_unit_test(reads_json_with_tabs),
        cmocka_unit_test(tells_where_values_are_wrong),
        cmocka_unit_test(tells_where_keys_are_wrong),
        cmocka_unit_test(refuses_impossible_clusters),
        cmocka_unit_test(tells_which_names_mean_nothing),
        cmocka_unit_test(tells_where_conditions_go_wrong),
        cmocka_unit_test(refuses_what_is_no_scenario),
        cmocka_unit_test(refuses_binary_and_huge_files),
        cmocka_unit_test(reports_many_errors_in_the_order_of_the_file),
        cmocka_unit_test(shows_the_line_with_a_caret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
