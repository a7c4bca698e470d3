#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>

#include "core/base/assert.h"
#include "harness/runner.h"
#include "harness/shrink.h"
#include "harness/shrink_cost.h"
#include "harness/shrink_draft.h"
#include "harness/shrink_file.h"
#include "harness/shrink_key.h"
#include "harness/tests/support.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = runner_arena();
    assert_non_null(arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_close(arena);
    return 0;
}

/* ---- a judge in place of the simulator ---- */

typedef bool predicate(const struct sim_spec *spec);

/* Every step runs, a second after the one before; the run fails where the predicate says so. */
static void judge(void *object, const struct sim_spec *spec, struct attempt *attempt, int64_t *step_ns)
{
    predicate *fails = *(predicate **)object;
    *attempt = (struct attempt){.verdict = SIM_VERDICT_HELD};
    for (uint32_t i = 0; i < spec->steps_count; i++)
        step_ns[i] = (i + 1) * ISR_SECOND;
    attempt->virtual_ns = (spec->steps_count + 1) * ISR_SECOND;
    attempt->counters.events = 100;
    if (!fails(spec))
        return;
    attempt->verdict = SIM_VERDICT_VIOLATED;
    attempt->invariant = SIM_INVARIANT_I3;
    snprintf(attempt->message, sizeof attempt->message, "a record is gone");
}

static void shrink_text(const char *text, predicate *fails, const char *pass, struct shrink_outcome *outcome)
{
    struct scenario scenario;
    read_good(&scenario, text);
    struct shrink_request request = {.spec = &scenario.variants[0].spec,
                                     .seed = scenario.variants[0].spec.seed,
                                     .judge = judge,
                                     .object = &fails,
                                     .only_pass = pass};
    assert_true(shrink_run(arena, &request, outcome));
    scenario_free(&scenario);
    assert_non_null(outcome->draft);
}

static uint32_t steps_of(const struct sim_spec *spec, enum sim_action_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < spec->steps_count; i++)
        count += spec->steps[i].action.kind == kind;
    return count;
}

/* ---- passes ---- */

static bool needs_a_kill(const struct sim_spec *spec)
{
    return steps_of(spec, SIM_ACTION_KILL) > 0;
}

#define MANY_STEPS                                                                                   \
    "steps: [{at: 1s, kill: n1}, {at: 2s, start: n1}, {wait: 1s, kill: n2}, {wait: 1s, start: n2}, " \
    "{wait: 1s, pause: n3}, {wait: 1s, resume: n3}]\n"

static void leaves_out_every_step_that_is_not_needed(void **state)
{
    struct shrink_outcome outcome;
    (void)state;
    shrink_text(HEAD MANY_STEPS, needs_a_kill, "steps", &outcome);
    assert_int_equal(shrink_outcome_spec(&outcome)->steps_count, 1);
    assert_int_equal(outcome.size_before.steps, 6);
    shrink_outcome_free(&outcome);
}

/* ---- runs that end their process ---- */

static void crash_or_hold(void *object, const struct sim_spec *spec, struct attempt *attempt,
                          int64_t *step_ns)
{
    struct attempt held;
    judge(object, spec, &held, step_ns);
    if (held.verdict == SIM_VERDICT_VIOLATED)
        raise(SIGSEGV);
    *attempt = held;
}

static void hang_or_hold(void *object, const struct sim_spec *spec, struct attempt *attempt, int64_t *step_ns)
{
    judge(object, spec, attempt, step_ns);
    for (volatile bool on = attempt->verdict == SIM_VERDICT_VIOLATED; on;)
        continue;
}

static void assert_or_hold(void *object, const struct sim_spec *spec, struct attempt *attempt,
                           int64_t *step_ns)
{
    judge(object, spec, attempt, step_ns);
    ISR_ASSERT(attempt->verdict == SIM_VERDICT_HELD);
}

/* Without the pause it fails otherwise: the process dies of it. */
static void violate_or_crash(void *object, const struct sim_spec *spec, struct attempt *attempt,
                             int64_t *step_ns)
{
    judge(object, spec, attempt, step_ns);
    if (steps_of(spec, SIM_ACTION_PAUSE) == 0)
        raise(SIGFPE);
}

static void makes_small_what_ends_its_process(void **state)
{
    static const struct {
        shrink_judge *judge;
        const char *message;
        enum attempt_end end;
        uint32_t steps;
    } cases[] = {{crash_or_hold, "the process died of signal 11 (", ATTEMPT_DIED, 1},
                 {hang_or_hold, "the run was ended in the middle of an event: ", ATTEMPT_OVER_TIME, 1},
                 {assert_or_hold, "assertion of the engine failed: ", ATTEMPT_DIED, 1},
                 {violate_or_crash, "a record is gone", ATTEMPT_ENDED, 2}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scenario scenario;
        struct shrink_outcome outcome;
        predicate *fails = needs_a_kill;
        read_good(&scenario, HEAD MANY_STEPS);
        struct shrink_request request = {.spec = &scenario.base,
                                         .seed = 1,
                                         .judge = cases[i].judge,
                                         .object = &fails,
                                         .only_pass = "steps"};
        assert_true(shrink_run(arena, &request, &outcome));
        assert_ptr_equal(strstr(outcome.after.message, cases[i].message), outcome.after.message);
        assert_int_equal(outcome.after.end, cases[i].end);
        assert_int_equal(shrink_outcome_spec(&outcome)->steps_count, cases[i].steps);
        shrink_outcome_free(&outcome);
        scenario_free(&scenario);
    }
}

static bool needs_as_many_starts_as_kills(const struct sim_spec *spec)
{
    return steps_of(spec, SIM_ACTION_KILL) == steps_of(spec, SIM_ACTION_START);
}

static void leaves_out_a_fault_with_its_undo_when_neither_can_go_alone(void **state)
{
    struct shrink_outcome outcome;
    (void)state;
    shrink_text(HEAD MANY_STEPS, needs_as_many_starts_as_kills, "steps", &outcome);
    assert_int_equal(shrink_outcome_spec(&outcome)->steps_count, 0);
    shrink_outcome_free(&outcome);
}

static bool needs_two_or_none(const struct sim_spec *spec)
{
    return spec->steps_count % 2 == 0 && steps_of(spec, SIM_ACTION_NOTE) == 0;
}

static void leaves_out_any_two_steps_when_they_go_only_together(void **state)
{
    struct shrink_outcome outcome;
    (void)state;
    shrink_text(HEAD "steps: [{at: 1s, kill: n1}, {at: 2s, pause: n2}]\n", needs_two_or_none, "pairs",
                &outcome);
    assert_int_equal(shrink_outcome_spec(&outcome)->steps_count, 0);
    shrink_outcome_free(&outcome);
}

/* A gate that is needed stays when its step goes: the next step takes it over. */
static bool needs_a_kill_at_nine(const struct sim_spec *spec)
{
    for (uint32_t i = 0; i < spec->steps_count; i++) {
        if (spec->steps[i].action.kind == SIM_ACTION_KILL)
            return i == 0 ? spec->steps[i].gate == SIM_GATE_AT && spec->steps[i].time_ns == 9 * ISR_SECOND
                          : spec->steps[i].gate == SIM_GATE_NONE;
    }
    return false;
}

static void hands_a_gate_on_when_its_step_goes(void **state)
{
    struct shrink_outcome outcome;
    (void)state;
    shrink_text(HEAD "steps: [{at: 9s, pause: n2}, {kill: n1}]\n", needs_a_kill_at_nine, "steps", &outcome);
    const struct sim_spec *spec = shrink_outcome_spec(&outcome);
    assert_int_equal(spec->steps_count, 1);
    assert_int_equal(spec->steps[0].action.kind, SIM_ACTION_KILL);
    assert_int_equal(spec->steps[0].time_ns, 9 * ISR_SECOND);
    shrink_outcome_free(&outcome);
}

static bool needs_nothing(const struct sim_spec *spec)
{
    (void)spec;
    return true;
}

static void leaves_out_clients_topics_and_nodes(void **state)
{
    struct shrink_outcome outcome;
    (void)state;
    shrink_text(HEAD, needs_nothing, "clients", &outcome);
    assert_int_equal(shrink_outcome_spec(&outcome)->clients_count, 0);
    shrink_outcome_free(&outcome);
    shrink_text("topics: {orders: {partitions: 3}, more: {}}\n", needs_nothing, "topics", &outcome);
    assert_int_equal(shrink_outcome_spec(&outcome)->topics_count, 1);
    assert_int_equal(shrink_outcome_spec(&outcome)->topics[0].partitions, 1);
    shrink_outcome_free(&outcome);
    shrink_text("cluster: {brokers: 4, controllers: 3}\ntopics: {orders: {replication: 3}}\n", needs_nothing,
                "nodes", &outcome);
    const struct sim_spec *spec = shrink_outcome_spec(&outcome);
    assert_int_equal(spec->brokers, 1);
    assert_int_equal(spec->controllers, 1);
    assert_int_equal(spec->topics[0].replication_factor, 1);
    shrink_outcome_free(&outcome);
}

static bool needs_one_setting(const struct sim_spec *spec)
{
    return spec->config.isr_hysteresis == 7;
}

static void brings_settings_back_but_for_the_one_that_is_needed(void **state)
{
    struct shrink_outcome outcome;
    struct isr_config standard = isr_config_default();
    (void)state;
    shrink_text(HEAD "config: {replica_lag_time_max: 3s, isr_hysteresis: 7, fetch_interval: 9ms}\n",
                needs_one_setting, "settings", &outcome);
    standard.isr_hysteresis = 7;
    assert_memory_equal(&shrink_outcome_spec(&outcome)->config, &standard, sizeof standard);
    shrink_outcome_free(&outcome);
}

static bool needs_topic_settings(const struct sim_spec *spec)
{
    return spec->topics[0].settings.min_isr == 2 && (spec->yields & 1) != 0;
}

static void brings_topics_and_the_network_back(void **state)
{
    struct shrink_outcome outcome;
    (void)state;
    shrink_text("cluster: {racks: [1, 2, 1], yields: all}\n"
                "topics: {orders: {replication: 3, min_isr: 2, retention_bytes: 1MiB}}\n"
                "network: {bandwidth: 1MiB/s, queue: 64KiB, connections: on, priorities: off}\n"
                "disks: {capacity: 1GiB}\n",
                needs_topic_settings, "settings", &outcome);
    const struct sim_spec *spec = shrink_outcome_spec(&outcome);
    assert_int_equal(spec->topics[0].settings.min_isr, 2);
    assert_int_equal(spec->topics[0].settings.retention_bytes, 0);
    assert_int_equal(spec->racks[2], 0);
    assert_int_equal(spec->yields, 1);
    assert_int_equal(spec->network.bandwidth_bytes, 0);
    assert_int_equal(spec->network.queue_bytes, 0);
    assert_false(spec->network.connections);
    assert_true(spec->network.priorities);
    assert_int_equal(spec->disk.capacity_bytes, 0);
    shrink_outcome_free(&outcome);
}

static bool needs_trunc(const struct sim_spec *spec)
{
    return spec->rules.trunc != 0;
}

static void makes_rules_correct_that_are_not_needed(void **state)
{
    struct shrink_outcome outcome;
    (void)state;
    shrink_text(HEAD "rules: {trunc: hw, elr: \"off\", min_isr: one}\n", needs_trunc, "rules", &outcome);
    const struct sim_spec *spec = shrink_outcome_spec(&outcome);
    assert_int_equal(spec->rules.trunc, 1);
    assert_int_equal(spec->rules.elr, 0);
    assert_int_equal(spec->rules.min_isr, 0);
    shrink_outcome_free(&outcome);
}

static bool needs_a_power_loss(const struct sim_spec *spec)
{
    return steps_of(spec, SIM_ACTION_POWER_OFF) == 1;
}

static void takes_chance_out(void **state)
{
    struct shrink_outcome outcome;
    (void)state;
    shrink_text(HEAD "network: {latency: 2ms..9ms, loss: 1%, duplicate: 1%, reorder: 1%, corrupt: 1%}\n"
                     "steps: [{at: 1s, power_off: n1}]\n",
                needs_a_power_loss, "randomness", &outcome);
    const struct sim_spec *spec = shrink_outcome_spec(&outcome);
    assert_int_equal(spec->network.loss_ppm, 0);
    assert_int_equal(spec->network.duplicate_ppm, 0);
    assert_int_equal(spec->network.reorder_ppm, 0);
    assert_int_equal(spec->network.corrupt_ppm, 0);
    assert_int_equal(spec->network.latency.low_ns, ISR_MS);
    assert_int_equal(spec->network.latency.high_ns, ISR_MS);
    assert_int_equal(spec->steps[0].action.survives, SIM_SURVIVES_NONE);
    shrink_outcome_free(&outcome);
}

static bool always(const struct sim_spec *spec)
{
    (void)spec;
    return true;
}

static bool needs_two_writes_a_second(const struct sim_spec *spec)
{
    return spec->clients[0].interval_ns <= ISR_SECOND / 2;
}

static void has_clients_write_as_seldom_as_it_takes(void **state)
{
    struct shrink_outcome outcome;
    (void)state;
    shrink_text(HEAD, always, "load", &outcome);
    assert_int_equal(shrink_outcome_spec(&outcome)->clients[0].interval_ns, ISR_SECOND);
    shrink_outcome_free(&outcome);
    shrink_text(HEAD, needs_two_writes_a_second, "load", &outcome);
    assert_int_equal(shrink_outcome_spec(&outcome)->clients[0].interval_ns, ISR_SECOND / 2);
    shrink_outcome_free(&outcome);
}

static bool needs_somebody_gone(const struct sim_spec *spec)
{
    return !sim_node_set_is_empty(&spec->gone);
}

static void heals_who_is_gone_but_for_those_who_matter(void **state)
{
    struct shrink_outcome outcome;
    (void)state;
    shrink_text(HEAD "gone: [n2, n3]\nsettle: 15s\n", always, "nodes", &outcome);
    assert_true(sim_node_set_is_empty(&shrink_outcome_spec(&outcome)->gone));
    shrink_outcome_free(&outcome);
    shrink_text(HEAD "gone: [n2, n3]\nsettle: 15s\n", needs_somebody_gone, "nodes", &outcome);
    const struct sim_spec *spec = shrink_outcome_spec(&outcome);
    assert_true(spec->brokers < 3); /* and whoever is gone moved up with the others */
    for (int32_t node = 1; node <= SIM_NODES_MAX; node++)
        assert_true(!sim_node_set_has(&spec->gone, node) || node < sim_spec_first_client(spec));
    shrink_outcome_free(&outcome);
}

static bool needs_no_time_to_settle(const struct sim_spec *spec)
{
    uint32_t isolated = 0;
    for (uint32_t i = 0; i < spec->steps_count; i++) {
        const struct sim_action *action = &spec->steps[i].action;
        isolated += action->kind == SIM_ACTION_ISOLATE && sim_node_set_has(&action->nodes, 3);
        if (action->kind == SIM_ACTION_HEAL && sim_node_set_has(&action->nodes, 3))
            return false;
    }
    return spec->settle_ns > 0 || isolated == 1;
}

static void says_by_steps_who_was_gone_when_the_rest_healed(void **state)
{
    struct shrink_outcome outcome;
    (void)state;
    shrink_text(HEAD "gone: n3\nsteps: [{at: 1s, kill: n1}]\nduration: 16500ms\nsettle: 15s\n",
                needs_no_time_to_settle, "end", &outcome);
    const struct sim_spec *spec = shrink_outcome_spec(&outcome);
    assert_int_equal(spec->settle_ns, 0);
    assert_true(sim_node_set_is_empty(&spec->gone));
    assert_int_equal(spec->steps[spec->steps_count - 1].action.kind, SIM_ACTION_ISOLATE);
    shrink_outcome_free(&outcome);
}

static bool needs_somebody_down(const struct sim_spec *spec)
{
    return spec->steps_count == 3 && spec->steps[2].action.acks != 1 &&
           spec->steps[1].action.kind != SIM_ACTION_KILL;
}

static void makes_faults_plain(void **state)
{
    struct shrink_outcome outcome;
    (void)state;
    shrink_text(HEAD "steps: [{at: 1s, power_off: [n1, n2]}, "
                     "{at: 2s, link: {from: n1, to: [n2, n3], both_ways: true, latency: 1s}}, "
                     "{at: 3s, produce: {partition: orders-0, acks: 0, client: p1}}]\n",
                needs_somebody_down, "kinds", &outcome);
    const struct sim_spec *spec = shrink_outcome_spec(&outcome);
    assert_int_equal(spec->steps[0].action.kind, SIM_ACTION_KILL);
    assert_true(sim_node_set_has(&spec->steps[0].action.nodes, 1));
    assert_false(sim_node_set_has(&spec->steps[0].action.nodes, 2));
    assert_int_equal(spec->steps[1].action.kind, SIM_ACTION_CUT);
    assert_false(spec->steps[1].action.both_ways);
    assert_false(sim_node_set_has(&spec->steps[1].action.to, 3));
    assert_int_equal(spec->steps[2].action.acks, -1);
    assert_string_equal(spec->steps[2].action.client, "");
    shrink_outcome_free(&outcome);
}

static bool needs_a_fault(const struct sim_spec *spec)
{
    return spec->steps_count == 1;
}

static void kills_one_end_of_a_link(void **state)
{
    struct shrink_outcome outcome;
    (void)state;
    shrink_text(HEAD "steps: [{at: 1s, drop: {from: n2, to: n3, messages: [data]}}]\n", needs_a_fault,
                "kinds", &outcome);
    const struct sim_spec *spec = shrink_outcome_spec(&outcome);
    assert_int_equal(spec->steps[0].action.kind, SIM_ACTION_KILL);
    assert_false(sim_node_set_has(&spec->steps[0].action.from, 2));
    shrink_outcome_free(&outcome);
}

static bool needs_many_records(const struct sim_spec *spec)
{
    return spec->steps_count == 1 && spec->steps[0].action.count >= 37;
}

static void makes_numbers_small_and_round(void **state)
{
    struct shrink_outcome outcome;
    (void)state;
    shrink_text(HEAD "config: {broker_session_timeout: 3217ms}\n"
                     "steps: [{at: 1234567us, produce: {partition: orders-0, records: 777, size: 77}}]\n",
                needs_many_records, "numbers", &outcome);
    const struct sim_spec *spec = shrink_outcome_spec(&outcome);
    assert_int_equal(spec->steps[0].action.count, 50);
    assert_int_equal(spec->steps[0].action.value_bytes, 64);
    assert_int_equal(spec->steps[0].time_ns, 0);
    assert_int_equal(spec->config.broker_session_timeout, 9 * ISR_SECOND);
    shrink_outcome_free(&outcome);
}

static void numbers_and_names_things_plainly(void **state)
{
    struct shrink_outcome outcome;
    (void)state;
    shrink_text("cluster: {brokers: 3, controllers: 1, combined: false}\n"
                "topics: {topic7: {partitions: 1, replication: 2, assignment: [[3, 1]]}}\n"
                "clients: {p9: {produce: topic7, rate: 10/s}}\nseed: 4711\n"
                "steps: [{when: \"leader of topic7-0 is n3\", kill: n3}, "
                "{produce: {partition: topic7-0, client: p9}}]\n",
                needs_nothing, "order", &outcome);
    const struct sim_spec *spec = shrink_outcome_spec(&outcome);
    assert_int_equal(spec->seed, 1);
    assert_string_equal(spec->topics[0].name.text, "orders");
    assert_string_equal(spec->clients[0].name, "producer");
    assert_string_equal(spec->clients[0].topic.text, "orders");
    assert_string_equal(spec->steps[1].action.client, "producer");
    assert_string_equal(spec->steps[1].action.topic.text, "orders");
    assert_string_equal(spec->steps[0].condition.topic.text, "orders");
    assert_int_equal(spec->topics[0].assignments[0].ids[0], 1);
    assert_int_equal(spec->topics[0].assignments[0].ids[1], 2);
    assert_int_equal(spec->steps[0].condition.node, 1);
    assert_true(sim_node_set_has(&spec->steps[0].action.nodes, 1));
    shrink_outcome_free(&outcome);
}

/* ---- drafts ---- */

static struct shrink_draft *draft_of(const char *text)
{
    struct scenario scenario;
    read_good(&scenario, text);
    struct shrink_draft *draft = draft_new(&scenario.variants[0].spec, 0);
    scenario_free(&scenario);
    return draft;
}

static void moves_everybody_up_when_a_broker_goes(void **state)
{
    const int64_t step_ns[] = {5 * ISR_SECOND, 6 * ISR_SECOND, 7 * ISR_SECOND};
    (void)state;
    struct shrink_draft *draft =
        draft_of("cluster: {brokers: 4, controllers: 1, combined: false, racks: [1, 2, 3, 4]}\n"
                 "topics: {orders: {replication: 2, assignment: [[2, 4]]}}\n"
                 "clients: {p: {produce: orders, rate: 1/s}}\n"
                 "nodes: {n4: {fetch_interval: 5ms}}\n"
                 "steps: [{when: \"leader of orders-0 is n2\", cut: {from: [n2, n4], to: [c1, p]}}, "
                 "{kill: n2}, {partition: [[n2, n3], [n4]]}]\n");
    assert_true(draft_remove_process(draft, 2, step_ns));
    const struct sim_spec *spec = &draft->spec;
    assert_int_equal(spec->brokers, 3);
    assert_int_equal(spec->topics[0].replication_factor, 1);
    assert_int_equal(spec->topics[0].assignments[0].ids[0], 3);
    assert_int_equal(spec->racks[2], 3);
    assert_int_equal(spec->racks[3], 4);
    assert_int_equal(spec->node_settings[0].node, 3);
    assert_int_equal(spec->steps_count, 2);
    assert_int_equal(spec->steps[0].gate, SIM_GATE_AT);
    assert_int_equal(spec->steps[0].time_ns, 5 * ISR_SECOND);
    assert_true(sim_node_set_has(&spec->steps[0].action.from, 3));
    assert_true(sim_node_set_has(&spec->steps[0].action.to, 4)); /* c1 */
    assert_true(sim_node_set_has(&spec->steps[0].action.to, 5)); /* p */
    assert_true(sim_node_set_has(&spec->steps[1].action.groups[0], 2));
    assert_true(draft_is_sound(draft));
    assert_true(draft_remove_process(draft, 1, NULL));
    assert_true(draft_remove_process(draft, 1, NULL));
    assert_false(draft_remove_process(draft, 1, NULL));
    draft_free(draft);
}

static void gives_controllers_nodes_of_their_own(void **state)
{
    (void)state;
    struct shrink_draft *draft =
        draft_of("cluster: {brokers: 3, controllers: 3}\ntopics: {orders: {}}\n"
                 "clients: {p: {produce: orders, rate: 1/s}}\n"
                 "steps: [{at: 1s, cut: {from: [n1, n2, n3], to: p}}, {kill: n1}]\n");
    assert_true(draft_separate_controllers(draft));
    assert_false(draft->spec.combined);
    for (int32_t node = 1; node <= 6; node++)
        assert_true(sim_node_set_has(&draft->spec.steps[0].action.from, node));
    assert_true(sim_node_set_has(&draft->spec.steps[0].action.to, 7));
    assert_false(draft_separate_controllers(draft));
    assert_true(draft_is_sound(draft));
    draft_free(draft);
}

static void takes_a_topic_out_with_all_that_names_it(void **state)
{
    (void)state;
    struct shrink_draft *draft =
        draft_of("cluster: {brokers: 3}\ntopics: {orders: {partitions: 2}, more: {partitions: 2}}\n"
                 "clients: {p: {produce: more, rate: 1/s}, q: {produce: orders, partition: 1, rate: 1/s}}\n"
                 "steps: [{when: \"leader of more-0 elected\", produce: {partition: orders-1}}, "
                 "{produce: {partition: more-1}}, {delete_topic: more}]\n");
    assert_true(draft_remove_partition(draft, 0, 0, NULL));
    assert_int_equal(draft->spec.steps[0].action.partition, 0);
    assert_int_equal(draft->spec.clients[1].partition, 0);
    assert_true(draft_remove_topic(draft, 1, NULL));
    assert_int_equal(draft->spec.topics_count, 1);
    assert_int_equal(draft->spec.clients_count, 1);
    assert_int_equal(draft->spec.steps_count, 1);
    assert_int_equal(draft->spec.steps[0].gate, SIM_GATE_NONE);
    assert_false(draft_remove_topic(draft, 0, NULL));
    assert_false(draft_remove_partition(draft, 0, 0, NULL));
    assert_true(draft_is_sound(draft));
    draft_free(draft);
}

static void names_specs_by_what_they_say(void **state)
{
    (void)state;
    struct shrink_draft *one = draft_of(HEAD MANY_STEPS), *other = draft_of(HEAD MANY_STEPS);
    assert_int_equal(shrink_key(&one->spec), shrink_key(&other->spec));
    draft_remove_steps(other, 0, 1);
    assert_int_not_equal(shrink_key(&one->spec), shrink_key(&other->spec));
    assert_true(shrink_cost(&other->spec) < shrink_cost(&one->spec));
    draft_free(one);
    draft_free(other);
}

/* ---- with the simulator ---- */

#define FAILING                                                                                      \
    "cluster: {brokers: 4, controllers: 3}\n"                                                        \
    "topics: {topic1: {replication: 3, min_isr: 1}}\n"                                               \
    "clients: {p1: {produce: topic1, rate: 50/s}, c: {consume: topic1}}\n"                           \
    "config: {fetch_hw_push: false, broker_session_timeout: 3s, broker_heartbeat_interval: 1s}\n"    \
    "rules: {leader_trunc: hw}\nduration: 35s\nsettle: 15s\nseed: 9\n"                               \
    "steps: [{at: 3s, pause: n4}, {at: 5123ms, kill: n1}, {at: 9s, start: n1}, {at: 10s, shutdown: " \
    "n2}, "                                                                                          \
    "{at: 12s, shutdown: n3}]\n"

static void shrink_failing(struct shrink_outcome *outcome, uint32_t attempts)
{
    struct scenario scenario;
    read_good(&scenario, FAILING);
    struct shrink_request request = {
        .spec = &scenario.variants[0].spec, .seed = scenario.variants[0].spec.seed, .attempts = attempts};
    assert_true(shrink_run(arena, &request, outcome));
    scenario_free(&scenario);
}

static void hands_back_a_file_that_fails_and_holds_as_it_says(void **state)
{
    struct shrink_outcome outcome;
    struct scenario scenario;
    (void)state;
    shrink_failing(&outcome, 0);
    assert_int_equal(outcome.end, SHRINK_MINIMAL);
    assert_true(outcome.size_after.steps <= 3);
    assert_int_equal(outcome.size_after.clients, 0);
    assert_true(outcome.correct_holds);
    assert_true(outcome.left_out > 0);
    char *text = shrink_file_text(&outcome, "isrsim shrink test", "small");
    struct shrink_recorded recorded = shrink_file_recorded(text);
    assert_true(recorded.there);
    assert_int_equal(recorded.hash, outcome.after.hash);
    read_good(&scenario, text);
    assert_int_equal(scenario.variants_count, 2);
    for (uint32_t i = 0; i < scenario.variants_count; i++) {
        struct run_request request = {.program = "isrsim",
                                      .path = "small.isr.yaml",
                                      .variant = &scenario.variants[i],
                                      .spec = &scenario.variants[i].spec,
                                      .seed = scenario.variants[i].spec.seed};
        struct run_result result;
        runner_run(arena, &request, NULL, &result);
        assert_true(result.expected);
        if (strcmp(scenario.variants[i].name, "wrong") == 0)
            assert_int_equal(result.hash, recorded.hash);
    }
    scenario_free(&scenario);
    free(text);
    shrink_outcome_free(&outcome);
}

/* One step is at a time at which the one before it, which waits, has not run yet. */
static void tells_what_was_written_and_lost_by_steps(void **state)
{
    struct scenario scenario;
    struct shrink_outcome outcome;
    (void)state;
    static const char *const passes[] = {"losses", "load", "fixed"};
    for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++) {
        read_good(
            &scenario,
            "cluster: {brokers: 4, controllers: 3}\n"
            "topics: {topic1: {replication: 3, min_isr: 1}}\n"
            "clients: {p1: {produce: topic1, rate: 20/s}, c: {consume: topic1}}\n"
            "config: {fetch_hw_push: false, broker_session_timeout: 3s, broker_heartbeat_interval: 1s}\n"
            "rules: {leader_trunc: hw}\nnetwork: {latency: 1ms, loss: 1%}\nduration: 35s\nsettle: 15s\n"
            "steps: [{when: \"acked records >= 40\", pause: n4}, {at: 1s, kill: n1}, "
            "{at: 9s, start: n1}, {at: 10s, shutdown: n2}, {at: 12s, shutdown: n3}]\n");
        struct shrink_request request = {.spec = &scenario.base, .seed = 4, .only_pass = passes[i]};
        assert_true(shrink_run(arena, &request, &outcome));
        assert_non_null(outcome.draft);
        const struct sim_spec *spec = shrink_outcome_spec(&outcome);
        if (i == 0)
            assert_int_equal(spec->network.loss_ppm, 0);
        if (i == 1)
            assert_true(spec->clients_count == 0 || spec->clients[0].interval_ns == 0);
        if (i == 2)
            assert_true(spec->steps_count < 2);
        shrink_outcome_free(&outcome);
        scenario_free(&scenario);
    }
}

static void does_the_same_twice(void **state)
{
    struct shrink_outcome one, other;
    (void)state;
    shrink_failing(&one, 0);
    shrink_failing(&other, 0);
    assert_int_equal(one.attempts, other.attempts);
    assert_int_equal(one.after.hash, other.after.hash);
    assert_int_equal(shrink_key(shrink_outcome_spec(&one)), shrink_key(shrink_outcome_spec(&other)));
    shrink_outcome_free(&one);
    shrink_outcome_free(&other);
}

static void says_so_when_the_budget_is_spent(void **state)
{
    struct shrink_outcome outcome;
    (void)state;
    shrink_failing(&outcome, 5);
    assert_int_equal(outcome.end, SHRINK_SPENT);
    assert_true(outcome.size_after.cost <= outcome.size_before.cost);
    char *text = shrink_file_text(&outcome, "isrsim shrink test", "small");
    assert_non_null(strstr(text, "Not minimal"));
    free(text);
    shrink_outcome_free(&outcome);
}

static void has_nothing_to_shrink_when_the_run_holds(void **state)
{
    struct scenario scenario;
    struct shrink_outcome outcome;
    (void)state;
    read_good(&scenario, HEAD "duration: 4s\nsettle: 1s\n");
    struct shrink_request request = {.spec = &scenario.base, .seed = 1};
    assert_true(shrink_run(arena, &request, &outcome));
    assert_int_equal(outcome.end, SHRINK_HOLDS);
    assert_null(outcome.draft);
    assert_int_equal(outcome.before.verdict, SIM_VERDICT_HELD);
    scenario_free(&scenario);
}

static void makes_small_what_takes_too_many_events(void **state)
{
    struct scenario scenario;
    struct shrink_outcome outcome;
    (void)state;
    read_good(&scenario,
              HEAD "steps: [{at: 2s, kill: n1}, {at: 3s, start: n1}]\nduration: 20s\nsettle: 15s\n");
    struct shrink_request request = {.spec = &scenario.base, .seed = 1, .events = 300};
    assert_true(shrink_run(arena, &request, &outcome));
    assert_int_equal(outcome.end, SHRINK_MINIMAL);
    assert_int_equal(outcome.after.end, ATTEMPT_OVER_EVENTS);
    assert_int_equal(outcome.size_after.steps, 0);
    assert_int_equal(outcome.size_after.events, 301);
    shrink_outcome_free(&outcome);
    request.events = 0;
    assert_true(shrink_run(arena, &request, &outcome));
    assert_int_equal(outcome.end, SHRINK_HOLDS);
    scenario_free(&scenario);
}

static void finds_the_head_of_a_file_or_none(void **state)
{
    (void)state;
    struct shrink_recorded recorded =
        shrink_file_recorded("# Made by: x\n# isrsim 0.1.0, seed 7, trace hash 00000000000000ff\nname: x\n");
    assert_true(recorded.there);
    assert_string_equal(recorded.version, "0.1.0");
    assert_int_equal(recorded.seed, 7);
    assert_int_equal(recorded.hash, 255);
    assert_false(shrink_file_recorded("# only words").there);
    assert_false(shrink_file_recorded("name: x\n").there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_out_every_step_that_is_not_needed),
        cmocka_unit_test(makes_small_what_ends_its_process),
        cmocka_unit_test(leaves_out_a_fault_with_its_undo_when_neither_can_go_alone),
        cmocka_unit_test(leaves_out_any_two_steps_when_they_go_only_together),
        cmocka_unit_test(hands_a_gate_on_when_its_step_goes),
        cmocka_unit_test(leaves_out_clients_topics_and_nodes),
        cmocka_unit_test(brings_settings_back_but_for_the_one_that_is_needed),
        cmocka_unit_test(brings_topics_and_the_network_back),
        cmocka_unit_test(makes_rules_correct_that_are_not_needed),
        cmocka_unit_test(takes_chance_out),
        cmocka_unit_test(has_clients_write_as_seldom_as_it_takes),
        cmocka_unit_test(heals_who_is_gone_but_for_those_who_matter),
        cmocka_unit_test(says_by_steps_who_was_gone_when_the_rest_healed),
        cmocka_unit_test(makes_faults_plain),
        cmocka_unit_test(kills_one_end_of_a_link),
        cmocka_unit_test(makes_numbers_small_and_round),
        cmocka_unit_test(numbers_and_names_things_plainly),
        cmocka_unit_test(moves_everybody_up_when_a_broker_goes),
        cmocka_unit_test(gives_controllers_nodes_of_their_own),
        cmocka_unit_test(takes_a_topic_out_with_all_that_names_it),
        cmocka_unit_test(names_specs_by_what_they_say),
        cmocka_unit_test(hands_back_a_file_that_fails_and_holds_as_it_says),
        cmocka_unit_test(tells_what_was_written_and_lost_by_steps),
        cmocka_unit_test(does_the_same_twice),
        cmocka_unit_test(says_so_when_the_budget_is_spent),
        cmocka_unit_test(has_nothing_to_shrink_when_the_run_holds),
        cmocka_unit_test(makes_small_what_takes_too_many_events),
        cmocka_unit_test(finds_the_head_of_a_file_or_none),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
