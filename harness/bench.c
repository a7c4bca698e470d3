#include "harness/bench.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/text.h"
#include "sim/checkpoint.h"
#include "sim/checks/checks.h"
#include "sim/world.h"

enum { RUNS_MAX = 9, LARGE_RUNS = 3, LARGE_PARTITIONS = 100, SET_UP_WORLDS = 200 };

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int compare_doubles(const void *a, const void *b)
{
    double x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

static double median(double *values, unsigned count)
{
    qsort(values, count, sizeof *values, compare_doubles);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* ---- the worlds ---- */

enum { PRODUCERS_MAX = 10, FAULT_ROUNDS = 40, FAULT_STEPS = FAULT_ROUNDS * 4 };

struct bench_case {
    struct sim_spec spec;
    struct sim_topic_spec topic;
    struct sim_client_spec clients[PRODUCERS_MAX + 1];
    struct sim_step steps[FAULT_STEPS];
};

static void set_text(char *to, size_t bytes, const char *text, unsigned number)
{
    struct isr_text out = {.buffer = to, .capacity = bytes};
    isr_text_format(&out, "%s%u", text, number);
}

/* producers, each at the interval, and a consumer */
static void add_clients(struct bench_case *bench, unsigned producers, int64_t interval_ns)
{
    for (unsigned i = 0; i <= producers; i++) {
        struct sim_client_spec *client = &bench->clients[i];
        client->kind = i < producers ? SIM_CLIENT_PRODUCER : SIM_CLIENT_CONSUMER;
        set_text(client->name, sizeof client->name, i < producers ? "producer" : "consumer", i + 1);
        client->topic = bench->topic.name;
        client->partition = -1;
        client->interval_ns = interval_ns;
        client->records_per_batch = 1;
        client->value_bytes = 64;
        client->acks = -1;
        client->stop_ns = ISR_TIME_NEVER;
    }
    bench->spec.clients = bench->clients;
    bench->spec.clients_count = producers + 1;
}

static void make_case(struct bench_case *bench, char letter, int64_t duration_ns)
{
    memset(bench, 0, sizeof *bench);
    bench->spec = sim_spec_default();
    set_text(bench->spec.name, sizeof bench->spec.name, "bench-", (unsigned)(letter - 'a'));
    bench->spec.duration_ns = duration_ns;
    bench->spec.settle_ns = 0;
    bench->spec.combined = true;
    bench->spec.controllers = 3;
    bench->spec.brokers = letter == 'a' ? 3 : letter == 'd' ? 100 : 5;
    set_text(bench->topic.name.text, sizeof bench->topic.name.text, "orders", 0);
    bench->topic.partitions = letter == 'a' ? 1 : letter == 'd' ? 1000 : 50;
    bench->topic.replication_factor = 3;
    bench->topic.settings.min_isr = 2;
    bench->spec.topics = &bench->topic;
    bench->spec.topics_count = 1;
    add_clients(bench, letter == 'a' ? 1 : PRODUCERS_MAX, 10 * ISR_MS);
}

static struct sim_step *step_at(struct bench_case *bench, int64_t time_ns, enum sim_action_kind kind,
                                int32_t node)
{
    struct sim_step *step = &bench->steps[bench->spec.steps_count++];
    *step = (struct sim_step){.gate = SIM_GATE_AT, .time_ns = time_ns, .at_latest_ns = ISR_TIME_NEVER};
    step->action.kind = kind;
    sim_node_set_add(&step->action.nodes, node);
    return step;
}

/* In turn: a process killed and started again, a node cut off and healed; always something under way. */
static void add_faults(struct bench_case *bench)
{
    bench->spec.steps = bench->steps;
    bench->spec.network.loss_ppm = 1000;
    bench->spec.config.broker_session_timeout = 2 * ISR_SECOND;
    bench->spec.config.broker_heartbeat_interval = 500 * ISR_MS;
    bench->spec.config.replica_lag_time_max = 1 * ISR_SECOND;
    for (int32_t round = 0; round < FAULT_ROUNDS; round++) {
        int64_t from = (3 + round) * ISR_SECOND;
        if (from + ISR_SECOND > bench->spec.duration_ns)
            return;
        int32_t node = 1 + round % bench->spec.brokers;
        bool kill = round % 2 == 0;
        step_at(bench, from, kill ? SIM_ACTION_KILL : SIM_ACTION_ISOLATE, node);
        step_at(bench, from + 900 * ISR_MS, kill ? SIM_ACTION_START : SIM_ACTION_HEAL, node);
    }
}

/* ---- measuring ---- */

struct run {
    double seconds;
    struct sim_counters counters;
    int64_t virtual_ns;
    uint64_t peak_bytes;
    uint64_t hash;
};

static struct run run_once(struct arena *arena, const struct sim_spec *spec, bool checked)
{
    double from = cpu_seconds();
    struct sim_world *world = sim_world_new(arena, spec, 1);
    if (checked)
        sim_checks_new(world, &(struct sim_checks_options){.armed = SIM_CHECKS_ALL});
    sim_world_run(world);
    struct run run = {.seconds = cpu_seconds() - from,
                      .counters = world->counters,
                      .virtual_ns = world->now_ns,
                      .hash = world->trace.hash,
                      .peak_bytes = arena_used_bytes(arena)};
    return run;
}

/* A world that is built, watched, started and thrown away: what a short fuzz run pays besides its events. */
static double set_up_us(struct arena *arena, const struct sim_spec *spec, unsigned worlds)
{
    double from = cpu_seconds();
    for (unsigned i = 0; i < worlds; i++) {
        struct sim_world *world = sim_world_new(arena, spec, i);
        sim_checks_new(world, &(struct sim_checks_options){.armed = SIM_CHECKS_ALL});
        /* The processes start as the first events, at time 0. */
        while (world->now_ns == 0 && sim_world_step(world)) {
        }
        arena_reset(arena);
    }
    return (cpu_seconds() - from) / worlds * 1e6;
}

/* In the middle of the run, each time after the world went on a little. */
static void measure_checkpoints(struct arena *arena, const struct sim_spec *spec, struct bench_result *result)
{
    enum { ROUNDS = 15, EVENTS_BETWEEN = 1000 };
    double taken[ROUNDS], restored[ROUNDS];
    struct sim_checkpoint checkpoint = {0};
    struct sim_world *world = sim_world_new(arena, spec, 1);
    sim_checks_new(world, &(struct sim_checks_options){.armed = SIM_CHECKS_ALL});
    while (world->now_ns < spec->duration_ns / 2 && sim_world_step(world)) {
    }
    bool had = sim_checkpoint_take(&checkpoint, world); /* the first one finds its memory cold */
    for (unsigned i = 0; had && i < ROUNDS; i++) {
        double from = cpu_seconds();
        had = sim_checkpoint_take(&checkpoint, world);
        taken[i] = (cpu_seconds() - from) * 1e6;
        for (unsigned event = 0; event < EVENTS_BETWEEN; event++)
            sim_world_step(world);
        from = cpu_seconds();
        world = sim_checkpoint_restore(&checkpoint);
        restored[i] = (cpu_seconds() - from) * 1e6;
    }
    if (had) {
        result->take_us = median(taken, ROUNDS);
        result->restore_us = median(restored, ROUNDS);
        result->copied_bytes = (double)checkpoint.copy.bytes;
    }
    sim_checkpoint_free(&checkpoint);
}

static struct bench_result measure(struct arena *arena, const struct bench_case *bench, bool quick)
{
    bool large = bench->topic.partitions > LARGE_PARTITIONS;
    unsigned runs = quick ? 1 : large ? LARGE_RUNS : RUNS_MAX;
    double events[RUNS_MAX], messages[RUNS_MAX], virtual[RUNS_MAX], shares[RUNS_MAX];
    struct run run = run_once(arena, &bench->spec, true);
    for (unsigned i = 0; i < runs; i++) {
        struct run unchecked = run_once(arena, &bench->spec, false);
        run = run_once(arena, &bench->spec, true);
        events[i] = (double)run.counters.events / run.seconds;
        messages[i] = (double)run.counters.messages_delivered / run.seconds;
        virtual[i] = (double)run.virtual_ns / 1e9 / run.seconds;
        shares[i] = unchecked.seconds < run.seconds ? 1 - unchecked.seconds / run.seconds : 0;
    }
    struct bench_result result = {
        .events_per_s = median(events, runs),
        .messages_per_s = median(messages, runs),
        .virtual_per_s = median(virtual, runs),
        .checks_share = median(shares, runs),
        .peak_bytes = (double)run.peak_bytes,
        .set_up_us = set_up_us(arena, &bench->spec, quick || large ? 10 : SET_UP_WORLDS),
        .records_committed = run.counters.records_committed,
        .hash = run.hash,
    };
    measure_checkpoints(arena, &bench->spec, &result);
    return result;
}

/* ---- (e): pop, trivial work, push; 64 events under way ---- */

static struct bench_result measure_loop(struct arena *arena, bool quick)
{
    enum { PENDING = 64 };
    uint64_t rounds = quick ? 100000 : 20000000;
    arena_reset(arena);
    struct isr_heap heap = arena_owner_heap(arena_owner_new(arena, "loop"));
    double from = cpu_seconds();
    uint64_t hash = sim_queue_bench(&heap, PENDING, rounds, 1);
    double seconds = cpu_seconds() - from;
    return (struct bench_result){.events_per_s = (double)rounds / seconds,
                                 .peak_bytes = (double)arena_used_bytes(arena),
                                 .hash = hash};
}

unsigned bench_run(struct arena *arena, const char *which, bool quick,
                   struct bench_result results[BENCH_CASES])
{
    static const struct {
        char letter;
        const char *name, *what;
    } cases[] = {
        {'a', "a", "3 combined nodes, 1 partition RF 3, 100 records/s"},
        {'b', "b", "5 brokers, 50 partitions RF 3, 1000 records/s"},
        {'c', "c", "as b under continuous faults"},
        {'d', "d", "100 brokers, 1000 partitions RF 3, 1000 records/s"},
        {'e', "e", "bare event loop, 64 events pending"},
    };
    unsigned count = 0;
    struct bench_case *bench = malloc(sizeof *bench);
    if (bench == NULL)
        return 0;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (strchr(which, cases[i].letter) == NULL)
            continue;
        struct bench_result *result = &results[count++];
        if (cases[i].letter == 'e') {
            *result = measure_loop(arena, quick);
        } else {
            make_case(bench, cases[i].letter, (quick ? 5 : cases[i].letter == 'a' ? 30 : 20) * ISR_SECOND);
            if (cases[i].letter == 'c')
                add_faults(bench);
            *result = measure(arena, bench, quick);
        }
        result->name = cases[i].name;
        result->what = cases[i].what;
    }
    free(bench);
    return count;
}

void bench_print_table(FILE *out, const struct bench_result *results, unsigned count)
{
    fprintf(out, "%-4s %-50s %12s %12s %11s %10s %7s %9s\n", "case", "what", "events/s", "messages/s",
            "virtual s/s", "peak KiB", "checks", "set-up us");
    for (unsigned i = 0; i < count; i++) {
        const struct bench_result *r = &results[i];
        fprintf(out, "%-4s %-50s %12.0f", r->name, r->what, r->events_per_s);
        if (r->virtual_per_s > 0)
            fprintf(out, " %12.0f %11.0f %10.0f %6.1f%% %9.1f\n", r->messages_per_s, r->virtual_per_s,
                    r->peak_bytes / 1024, r->checks_share * 100, r->set_up_us);
        else
            fprintf(out, " %12s %11s %10.0f %7s %9s\n", "-", "-", r->peak_bytes / 1024, "-", "-");
    }
    fprintf(out, "per second of CPU time, one thread, all checks on; medians\n");
    for (unsigned i = 0; i < count; i++) {
        if (results[i].copied_bytes > 0)
            fprintf(
                out,
                "%-4s checkpoint in the middle of the run: %.0f KiB, taken in %.0f us, restored in %.0f us\n",
                results[i].name, results[i].copied_bytes / 1024, results[i].take_us, results[i].restore_us);
    }
}

void bench_print_json(FILE *out, const struct bench_result *results, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct bench_result *r = &results[i];
        fprintf(out,
                "{\"schema\":1,\"case\":\"%s\",\"what\":\"%s\",\"events_per_cpu_s\":%.0f,"
                "\"messages_per_cpu_s\":%.0f,\"virtual_s_per_cpu_s\":%.1f,\"peak_bytes\":%.0f,"
                "\"checks_share\":%.4f,\"set_up_us\":%.2f,\"checkpoint_bytes\":%.0f,\"checkpoint_us\":%.1f,"
                "\"restore_us\":%.1f,\"records_committed\":%llu,\"hash\":\"%016llx\"}\n",
                r->name, r->what, r->events_per_s, r->messages_per_s, r->virtual_per_s, r->peak_bytes,
                r->checks_share, r->set_up_us, r->copied_bytes, r->take_us, r->restore_us,
                (unsigned long long)r->records_committed, (unsigned long long)r->hash);
    }
}
