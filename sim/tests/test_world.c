#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "sim/script.h"
#include "sim/tests/support.h"
#include "sim/workload.h"

static struct sim_topic_spec orders = {
    .name = {"orders"}, .partitions = 1, .replication_factor = 3, .settings = {.min_isr = 2}};
static struct sim_client_spec producer = {.name = "p1",
                                          .kind = SIM_CLIENT_PRODUCER,
                                          .topic = {"orders"},
                                          .interval_ns = 10 * ISR_MS,
                                          .records_per_batch = 1,
                                          .value_bytes = 100,
                                          .acks = -1,
                                          .stop_ns = ISR_TIME_NEVER};

static struct sim_spec three_brokers(void)
{
    struct sim_spec spec = sim_spec_default();
    spec.duration_ns = 10 * ISR_SECOND;
    spec.topics = &orders;
    spec.topics_count = 1;
    spec.clients = &producer;
    spec.clients_count = 1;
    return spec;
}

static struct sim_step at(int64_t time_ns, enum sim_action_kind kind, int32_t node)
{
    struct sim_step step = {.gate = SIM_GATE_AT, .time_ns = time_ns, .at_latest_ns = ISR_TIME_NEVER};
    step.action.kind = kind;
    sim_node_set_add(&step.action.nodes, node);
    return step;
}

static void print_ring(struct sim_world *world)
{
    char line[600];
    for (uint32_t i = 0; i < sim_trace_ring_count(&world->trace); i++) {
        struct isr_text text = ISR_TEXT(line);
        sim_trace_print(world, sim_trace_ring_at(&world->trace, i), &text);
        print_message("%s\n", line);
    }
}

static struct sim_world *run_spec(const struct sim_spec *spec, uint64_t seed)
{
    char buffer[256];
    uint32_t where;
    const char *wrong = sim_spec_check(spec, buffer, sizeof buffer, &where);
    if (wrong != NULL)
        fail_msg("step %u: %s", where, wrong);
    struct sim_world *world = sim_world_new(test_arena(), spec, seed);
    sim_world_run(world);
    assert_int_equal(world->now_ns, spec->duration_ns);
    return world;
}

static void replicates_what_a_producer_sends(void **state)
{
    (void)state;
    struct sim_spec spec = three_brokers();
    struct sim_world *world = run_spec(&spec, 1);
    if (world->counters.records_acked < 500)
        print_ring(world);
    assert_true(world->counters.records_acked > 500);
    assert_int_equal(world->counters.records_failed, 0);
    assert_true(world->counters.leader_elections >= 1);
    struct isr_tp tp = {1, 0};
    for (int32_t node = 1; node <= 3; node++) {
        const struct isr_partition *partition = isr_node_partition(world->processes[node].node, tp);
        assert_non_null(partition);
        assert_true(partition->log->log_end + 20 > (int64_t)world->counters.records_acked);
    }
    assert_non_null(sim_world_controller(world));
    assert_non_null(isr_image_topic_named(sim_world_image(world), "orders"));
}

static void runs_equal_twice_and_differ_by_seed(void **state)
{
    (void)state;
    struct sim_spec spec = three_brokers();
    struct sim_world *world = run_spec(&spec, 7);
    uint64_t hash = world->trace.hash, events = world->counters.events;
    world = run_spec(&spec, 7);
    assert_true(world->trace.hash == hash);
    assert_true(world->counters.events == events);
    world = run_spec(&spec, 8);
    assert_true(world->trace.hash != hash);
}

/* Every broker in turn: killed, without power, frozen, cut off, stopped cleanly. */
static void goes_on_through_crashes_and_restarts(void **state)
{
    (void)state;
    struct sim_step steps[] = {
        at(3000 * ISR_MS, SIM_ACTION_KILL, 1),      at(4000 * ISR_MS, SIM_ACTION_START, 1),
        at(6000 * ISR_MS, SIM_ACTION_POWER_OFF, 2), at(7000 * ISR_MS, SIM_ACTION_START, 2),
        at(9000 * ISR_MS, SIM_ACTION_PAUSE, 3),     at(10000 * ISR_MS, SIM_ACTION_RESUME, 3),
        at(12000 * ISR_MS, SIM_ACTION_ISOLATE, 1),  at(14000 * ISR_MS, SIM_ACTION_HEAL, 1),
        at(16000 * ISR_MS, SIM_ACTION_SHUTDOWN, 2), at(20000 * ISR_MS, SIM_ACTION_START, 2),
        at(22000 * ISR_MS, SIM_ACTION_KILL, 4),     at(22500 * ISR_MS, SIM_ACTION_START, 4),
    };
    struct sim_spec spec = three_brokers();
    spec.config.broker_session_timeout = 2 * ISR_SECOND;
    spec.config.broker_heartbeat_interval = 400 * ISR_MS;
    spec.duration_ns = 40 * ISR_SECOND;
    spec.settle_ns = 15 * ISR_SECOND;
    spec.steps = steps;
    spec.steps_count = sizeof steps / sizeof steps[0];
    uint64_t hashes[2];
    for (int i = 0; i < 2; i++) {
        struct sim_world *world = run_spec(&spec, 3);
        hashes[i] = world->trace.hash;
        assert_int_equal(sim_script_unreached(world), -1);
        assert_int_equal(world->counters.kills, 2);
        assert_int_equal(world->counters.power_losses, 1);
        assert_int_equal(world->counters.pauses, 1);
        assert_int_equal(world->counters.shutdowns, 1);
        assert_int_equal(world->counters.starts, 4);
        assert_true(world->counters.messages_deferred > 0);
        assert_true(world->counters.messages_cut > 0);
        assert_true(world->counters.messages_to_dead > 0);
        assert_true(world->counters.leader_elections > 1);
        assert_true(world->counters.records_acked > 1000);
        for (int32_t node = 1; node <= world->processes_count; node++)
            assert_int_equal(world->processes[node].state, SIM_PROCESS_UP);
        uint32_t sent, unanswered;
        sim_workload_probes(world, &sent, &unanswered);
        assert_true(sent > 0);
        if (unanswered > 0)
            print_ring(world);
        assert_int_equal(unanswered, 0);
    }
    assert_true(hashes[0] == hashes[1]);
}

/* ---- what the world itself promises ---- */

static struct sim_monitor_log {
    uint32_t observations, processes, clients, commands, ends;
} monitored;

static void on_observation(void *object, struct sim_world *world, int32_t node,
                           const struct isr_observation *observation)
{
    (void)object;
    assert_in_range(node, 1, world->processes_count);
    assert_true(observation->kind < ISR_OBSERVED_KINDS);
    monitored.observations++;
    if (observation->kind == ISR_OBSERVED_PARTITION_CHANGED)
        sim_world_fail(world, SIM_INVARIANT_I6, "node %d, offset %ld", (int)node, (int64_t)12);
}
static void on_process(void *object, struct sim_world *world, int32_t node)
{
    (void)object;
    (void)world;
    (void)node;
    monitored.processes++;
}
static void on_client(void *object, struct sim_world *world, int32_t node, const struct isr_effect *effect)
{
    (void)object;
    (void)effect;
    assert_true(sim_spec_is_client(world->spec, node));
    monitored.clients++;
}
static void on_command(void *object, struct sim_world *world, int32_t node, const struct isr_command *command)
{
    (void)object;
    (void)command;
    assert_true(sim_spec_is_client(world->spec, node));
    monitored.commands++;
}
static void on_end(void *object, struct sim_world *world)
{
    (void)object;
    assert_true(world->over);
    monitored.ends++;
}

static void tells_its_monitor_and_stops_at_a_violation(void **state)
{
    (void)state;
    struct sim_spec spec = three_brokers();
    for (int stop = 0; stop < 2; stop++) {
        spec.stop_at_violation = stop;
        monitored = (struct sim_monitor_log){0};
        struct sim_world *world = sim_world_new(test_arena(), &spec, 1);
        sim_world_watch(world, &(struct sim_monitor){.observation = on_observation,
                                                     .process = on_process,
                                                     .client = on_client,
                                                     .command = on_command,
                                                     .end = on_end});
        sim_world_run(world);
        assert_int_equal(world->verdict, SIM_VERDICT_VIOLATED);
        assert_int_equal(world->invariant, SIM_INVARIANT_I6);
        assert_non_null(strstr(world->message, ", offset 12"));
        assert_int_equal(world->now_ns < spec.duration_ns, stop);
        assert_int_equal(monitored.processes, 5);
        assert_int_equal(monitored.ends, 1);
        assert_true(monitored.observations > 10);
        assert_true(monitored.commands > 0);
        assert_int_equal(monitored.clients > 100, !stop);
        assert_false(sim_world_step(world));
    }
}

struct sunk {
    uint32_t records, detail;
    int64_t last_ns;
};

static void sink(void *object, struct sim_world *world, const struct sim_trace_record *record)
{
    struct sunk *sunk = object;
    char line[600];
    struct isr_text text = ISR_TEXT(line);
    assert_true(record->time_ns >= sunk->last_ns && record->time_ns == world->now_ns);
    sunk->last_ns = record->time_ns;
    sunk->records++;
    sunk->detail += sim_trace_info(record->kind)->importance == ISR_IMPORTANCE_detail;
    sim_trace_print(world, record, &text);
    assert_true(strlen(line) > 10);
}

static void listening_to_the_trace_changes_nothing(void **state)
{
    (void)state;
    struct sim_spec spec = three_brokers();
    spec.duration_ns = 3 * ISR_SECOND;
    struct sim_world *world = run_spec(&spec, 5);
    uint64_t hash = world->trace.hash, events = world->counters.events;
    struct sunk sunk = {0};
    world = sim_world_new(test_arena(), &spec, 5);
    sim_trace_listen(&world->trace, sink, &sunk, ISR_IMPORTANCE_detail);
    sim_world_run(world);
    assert_true(world->trace.hash == hash);
    assert_true(sunk.detail > events / 2);
    assert_true(sunk.records > sunk.detail);
    world = sim_world_new(test_arena(), &spec, 5);
    sim_trace_ring_level(&world->trace, -1);
    sim_world_run(world);
    assert_true(world->trace.hash == hash);
    assert_int_equal(sim_trace_ring_count(&world->trace), 0);
}

static void faults_of_the_network_bite(void **state)
{
    (void)state;
    struct sim_spec spec = three_brokers();
    spec.duration_ns = 60 * ISR_SECOND;
    spec.network.loss_ppm = 5000;
    spec.network.duplicate_ppm = 5000;
    spec.network.reorder_ppm = 5000;
    struct sim_world *world = run_spec(&spec, 6);
    assert_true(world->counters.messages_lost > 10);
    assert_true(world->counters.messages_duplicated > 10);
    assert_true(world->counters.messages_reordered > 10);
    assert_true(world->counters.records_acked > 100);
}

static void a_disk_error_halts_the_node(void **state)
{
    (void)state;
    struct sim_step steps[] = {at(3 * ISR_SECOND, SIM_ACTION_DISK_FAIL, 2),
                               at(5 * ISR_SECOND, SIM_ACTION_START, 2)};
    steps[0].action.operations = SIM_OPERATION_WRITE;
    steps[0].action.count = 1;
    struct sim_spec spec = three_brokers();
    spec.steps = steps;
    spec.steps_count = 2;
    struct sim_world *world = run_spec(&spec, 2);
    assert_int_equal(world->counters.disk_errors, 1);
    assert_int_equal(world->counters.halts, 1);
    assert_int_equal(world->counters.starts, 1);
}

/* What a pause defers comes at the resume, in the order in which it came; a wake-up that was missed comes
 * then too. */
static void paused_node_catches_up(void **state)
{
    (void)state;
    struct sim_step steps[] = {at(4 * ISR_SECOND, SIM_ACTION_PAUSE, 1),
                               at(4500 * ISR_MS, SIM_ACTION_RESUME, 1),
                               at(5 * ISR_SECOND, SIM_ACTION_PAUSE, 2), at(5500 * ISR_MS, SIM_ACTION_KILL, 2),
                               at(6 * ISR_SECOND, SIM_ACTION_START, 2)};
    struct sim_spec spec = three_brokers();
    spec.steps = steps;
    spec.steps_count = 5;
    struct sim_world *world = sim_world_new(test_arena(), &spec, 4);
    bool waited = false;
    while (sim_world_step(world)) {
        const struct sim_process *process = &world->processes[1];
        waited = waited || (process->state == SIM_PROCESS_PAUSED && process->deferred_count > 3);
        if (process->state == SIM_PROCESS_UP)
            assert_null(process->deferred);
    }
    sim_world_finish(world);
    assert_true(waited);
    assert_int_equal(world->counters.pauses, 2);
    assert_true(world->counters.records_acked > 300);
}

static void clock_steps_are_felt_and_survived(void **state)
{
    (void)state;
    struct sim_step steps[] = {at(3 * ISR_SECOND, SIM_ACTION_CLOCK, 1),
                               at(4 * ISR_SECOND, SIM_ACTION_CLOCK, 2)};
    steps[0].action.clock.offset_ns = -2 * ISR_SECOND;
    steps[0].action.clock_fields = SIM_CLOCK_OFFSET;
    steps[1].action.clock = (struct sim_clock_spec){.offset_ns = 3600 * ISR_SECOND, .drift_ppm = 1000};
    steps[1].action.clock_fields = SIM_CLOCK_OFFSET | SIM_CLOCK_DRIFT;
    struct sim_spec spec = three_brokers();
    spec.duration_ns = 20 * ISR_SECOND;
    spec.steps = steps;
    spec.steps_count = 2;
    struct sim_world *world = run_spec(&spec, 9);
    assert_int_equal(world->counters.clock_changes, 2);
    assert_true(world->counters.records_acked > 500);
}

static void power_loss_after_a_kill_takes_the_page_cache(void **state)
{
    (void)state;
    struct sim_step steps[] = {at(5 * ISR_SECOND, SIM_ACTION_KILL, 3),
                               at(5100 * ISR_MS, SIM_ACTION_POWER_OFF, 3)};
    steps[1].action.survives = SIM_SURVIVES_NONE;
    struct sim_spec spec = three_brokers();
    spec.steps = steps;
    spec.steps_count = 2;
    struct sim_world *world = run_spec(&spec, 2);
    assert_int_equal(world->counters.kills, 1);
    assert_int_equal(world->counters.lossy_power_losses, 1);
    assert_true(world->counters.bytes_lost > 0);
    assert_true(world->processes[3].last_stop_lossy);
}

static void prints_the_story(void **state)
{
    (void)state;
    struct sim_step steps[] = {at(5 * ISR_SECOND, SIM_ACTION_KILL, 1)};
    struct sim_spec spec = three_brokers();
    spec.steps = steps;
    spec.steps_count = 1;
    struct sim_world *world = run_spec(&spec, 2);
    bool leader = false, killed = false, step = false;
    char line[600];
    for (uint32_t i = 0; i < sim_trace_ring_count(&world->trace); i++) {
        struct isr_text text = ISR_TEXT(line);
        sim_trace_print(world, sim_trace_ring_at(&world->trace, i), &text);
        leader = leader || strstr(line, "became leader of orders-0 in epoch ") != NULL;
        killed = killed || strcmp(line, "5.000s n1 is killed; what it wrote stays in the page cache") == 0;
        step = step || strcmp(line, "5.000s step 1: n1 killed") == 0;
    }
    assert_true(leader && killed && step);
}

/* One world of three nodes is small, and is there at once. */
static void fits_into_little_memory(void **state)
{
    (void)state;
    struct sim_spec spec = three_brokers();
    struct sim_world *world = run_spec(&spec, 1);
    assert_true(arena_used_bytes(world->arena) < 8 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replicates_what_a_producer_sends),
        cmocka_unit_test(runs_equal_twice_and_differ_by_seed),
        cmocka_unit_test(goes_on_through_crashes_and_restarts),
        cmocka_unit_test(tells_its_monitor_and_stops_at_a_violation),
        cmocka_unit_test(listening_to_the_trace_changes_nothing),
        cmocka_unit_test(faults_of_the_network_bite),
        cmocka_unit_test(a_disk_error_halts_the_node),
        cmocka_unit_test(paused_node_catches_up),
        cmocka_unit_test(clock_steps_are_felt_and_survived),
        cmocka_unit_test(power_loss_after_a_kill_takes_the_page_cache),
        cmocka_unit_test(prints_the_story),
        cmocka_unit_test(fits_into_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
