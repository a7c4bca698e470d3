#define _POSIX_C_SOURCE 200809L

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "faults/generate.h"
#include "harness/attempt.h"
#include "harness/files.h"
#include "harness/scenario_write.h"
#include "harness/tests/arena.h"
#include "harness/tests/support.h"

static uint64_t hash_of(const struct sim_spec *spec)
{
    struct attempt_request request = {.spec = spec, .seed = spec->seed};
    struct attempt attempt;
    attempt_run(arena, &request, &attempt);
    return attempt.hash;
}

/* Writes the spec, reads that, writes what was read: the same text, and the same run where runs are made. */
static void assert_survives(bool runs, const struct sim_spec *spec,
                            const struct scenario_expectation *expectation)
{
    const struct scenario_write_options options = {.expectation = expectation};
    struct scenario back;
    char *text = scenario_write_text(spec, &options);
    read_good(&back, text);
    const struct scenario_write_options again = {.expectation = &back.expectation};
    char *second = scenario_write_text(&back.base, &again);
    assert_string_equal(text, second);
    assert_int_equal(back.variants_count, 1);
    if (runs && hash_of(spec) != hash_of(&back.base)) {
        fprintf(stderr, "another run than that of\n%s", text);
        fail();
    }
    free(text);
    free(second);
    scenario_free(&back);
}

/* ---- what is generated, and what there is ---- */

static void gives_back_generated_plans(void **state)
{
    struct fault_plan *plan = malloc(sizeof *plan);
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct fault_request request = {.seed = seed, .profile = (enum fault_profile)(seed % FAULT_PROFILES)};
        fault_generate(plan, &request);
        assert_survives(seed % 75 == 0, &plan->spec, NULL);
    }
    free(plan);
}

/* The folder of scenarios beside this one's. */
static const char *scenarios_folder(void)
{
    static char path[512];
    snprintf(path, sizeof path, "%s", __FILE__);
    for (int up = 0; up < 3; up++)
        *strrchr(path, '/') = '\0';
    strncat(path, "/scenarios", sizeof path - strlen(path) - 1);
    return path;
}

static void gives_back_every_scenario_file(void **state)
{
    const char *folder = scenarios_folder();
    struct loaded_list list = {0};
    uint32_t runs = 0;
    (void)state;
    assert_int_equal(files_load(&list, &folder, 1), 0);
    assert_true(list.count > 100);
    for (size_t i = 0; i < list.count; i++) {
        const struct scenario *scenario = &list.items[i].scenario;
        for (uint32_t j = 0; j < scenario->variants_count; j++) {
            const struct scenario_variant *variant = &scenario->variants[j];
            assert_survives(runs++ % 60 == 0, &variant->spec, &variant->expectation);
        }
    }
    files_free(&list);
}

/* ---- what only some specs have ---- */

static void assert_reads_back(const char *text)
{
    struct scenario scenario;
    read_good(&scenario, text);
    assert_survives(false, &scenario.base, &scenario.expectation);
    scenario_free(&scenario);
}

static void writes_every_kind_of_value(void **state)
{
    (void)state;
    assert_reads_back(
        HEAD "network: {loss: 0.1%, duplicate: 1.05%, reorder: 7ppm, corrupt: 100%, latency: 1ms..1500us,"
             " bandwidth: 3MiB/s, data_queue: 5}\n"
             "disks: {read_latency: {low: 1ns, median: 2ns, p99: 3ns, high: 4ns}}\n"
             "nodes: {n2: {fetch_interval: 1s}, reader: {client_request_timeout: 1500ms}}\n"
             "steps:\n"
             "  - {at: 1h, note: \"it's \\\"so\\\": {a} # \\\\ \\u2028 \\uFEFF \\u00e9\"}\n"
             "  - {when: \"isr of orders-0 is not [2, 1]\", at_latest: 1ms, kill: [n1, controller]}\n"
             "  - {after: \"controller is elected\", pause: controller}\n"
             "  - {when: \"leader of orders-1 is none\", heal: all}\n"
             "  - {when: \"median ack latency < 1500us\", start: all}\n"
             "  - {when: \"voters are [1, n3]\", cut: {from: [n1, p1], to: client, both_ways: true}}\n"
             "  - {hold: {from: n1, to: n2, messages: [data, vote_request]}}\n"
             "  - {partition: [[n1], [n2, p1, reader], controller]}\n"
             "  - {disk_fail: {nodes: all, operations: [read, sync], file: [segment, peer], count: 3}}\n"
             "  - {rot: {nodes: n1, partition: orders-1}}\n"
             "  - {clock: {nodes: n1, drift: 0, wall: -1500ms}}\n"
             "  - {link: {from: n1, to: n2, loss: 0}}\n"
             "  - {alter_topic: {topic: orders, min_isr: 1}}\n"
             "  - {reassign: {partition: orders-0, cancel: true}}\n"
             "  - {transfer_controller: any}\n"
             "duration: 2h\nseed: 0xffffffffffffffff\nunchecked: [I1, I9]\n"
             "expect: {holds: true, finally: [\"acked records >= 3\", \"n1 is down\"]}\n");
    assert_reads_back("cluster: {peers: 5, transfer: push, bootstrap: n4, yields: [segment_swap]}\n"
                      "topics: {on: {replication: 5, commit: quorum}}\nsteps: []\n"
                      "steps_may_remain: true\nstop_at_violation: false\n"
                      "expect: {violates: [I3, raft-log-matching], with: \"a: b\"}\n");
    assert_reads_back("topics: {}\nexpect: vacuous\n");
    assert_reads_back("cluster: {raft: 5, standby_controllers: 2, consensus: in_tree}\n"
                      "clients: {p: {propose: true, rate: 100/s, size: 9}, q: {propose: true, every: 7ms}}\n"
                      "steps: [{at: 1s, propose: {entries: 3}}]\n");
}

static void writes_a_rate_only_where_it_is_exact(void **state)
{
    struct scenario scenario;
    (void)state;
    read_good(&scenario, HEAD);
    scenario.base.clients[0].interval_ns = 7 * ISR_MS;
    char *text = scenario_write_text(&scenario.base, NULL);
    assert_non_null(strstr(text, "p1: {produce: orders, every: 7ms}"));
    free(text);
    scenario.base.clients[0].records_per_batch = 7;
    text = scenario_write_text(&scenario.base, NULL);
    assert_non_null(strstr(text, "p1: {produce: orders, rate: 1000/s, batch: 7}"));
    free(text);
    scenario.base.clients[0].interval_ns += 1;
    assert_survives(false, &scenario.base, NULL);
    scenario_free(&scenario);
}

static void writes_the_head(void **state)
{
    struct scenario scenario;
    (void)state;
    read_good(&scenario, "name: x\n" HEAD "rules: {trunc: hw}\nsteps: [{at: 1s, kill: n1}]\n"
                         "exhibit: {number: 7, system: \"Kafka 0.8\", year: 2013, loss: records,"
                         " search: {profile: messages, budget: 9}}\n"
                         "tags: [museum, election]\nvariants: {wrong: {rules: {trunc: hw}}}\n");
    struct scenario_write_options options = {.comment = "one\n\ntwo",
                                             .command = "isrsim expand --seed 1",
                                             .hashed = true,
                                             .hash = 255,
                                             .about = "First.\n  Second.\n",
                                             .source = "KIP-101",
                                             .exhibit = &scenario.exhibit,
                                             .tags = &scenario.tags};
    char *text = scenario_write_text(&scenario.base, &options);
    assert_string_equal(text, "# Made by: isrsim expand --seed 1\n"
                              "# isrsim 0.1.0, seed 1, trace hash 00000000000000ff\n"
                              "# one\n#\n# two\n"
                              "name: x\nabout: |\n  First.\n    Second.\nsource: KIP-101\n"
                              "exhibit: {number: 7, system: \"Kafka 0.8\", year: 2013, loss: records}\n"
                              "tags: [museum, election]\n"
                              "cluster: {brokers: 3, controllers: 3}\nrules: {trunc: hw}\n"
                              "topics:\n  orders: {partitions: 2, replication: 3, min_isr: 2}\n"
                              "clients:\n  p1: {produce: orders, rate: 100/s}\n  reader: {consume: orders}\n"
                              "duration: 30s\nsettle: 0\nseed: 1\n"
                              "steps:\n  - {at: 1s, kill: n1}\nexpect: holds\n");
    scenario_free(&scenario);
    read_good(&scenario, text);
    assert_string_equal(scenario.about, "First.\n  Second.\n");
    free(text);
    scenario_free(&scenario);
}

static void gives_long_mappings_a_line_for_each_key(void **state)
{
    struct scenario scenario;
    (void)state;
    read_good(&scenario, HEAD "config: {replica_lag_time_max: 2s, fetch_max_bytes: 4KiB, fetch_hw_push: off, "
                              "isr_hysteresis: 3, hw_checkpoint_interval: 100ms, request_timeout: 1s}\n");
    char *text = scenario_write_text(&scenario.base, NULL);
    assert_non_null(strstr(text, "config:\n  replica_lag_time_max: 2s\n  isr_hysteresis: 3\n"));
    free(text);
    assert_survives(false, &scenario.base, NULL);
    scenario_free(&scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_generated_plans),
        cmocka_unit_test(gives_back_every_scenario_file),
        cmocka_unit_test(writes_every_kind_of_value),
        cmocka_unit_test(writes_a_rate_only_where_it_is_exact),
        cmocka_unit_test(writes_the_head),
        cmocka_unit_test(gives_long_mappings_a_line_for_each_key),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
