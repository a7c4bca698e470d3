#include "harness/bench_policies.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "core/policy/settings.h"
#include "sim/workload.h"
#include "sim/world.h"

enum condition { HEALTHY, SLOW_FOLLOWER, DEAD_FOLLOWER, LEADER_LOSS, CONDITIONS };

static const struct {
    const char *name, *words;
} conditions[CONDITIONS] = {
    {"healthy", "no fault"},
    {"slow_follower", "slow follower"},
    {"dead_follower", "dead follower"},
    {"leader_loss", "leader dies"},
};

enum { INTERVAL_MS = 5, LEADER = 1, OTHER = 3 };

/* Three brokers, a controller of its own, one partition, one producer of 200 records a second. */
struct trial {
    struct sim_spec spec;
    struct sim_topic_spec topic;
    struct isr_replicas assignment;
    struct sim_client_spec client;
    struct sim_step step;
    int64_t from_ns, until_ns; /* what was asked for in between is measured */
};

static void set_text(char *to, size_t bytes, const char *text)
{
    struct isr_text out = {.buffer = to, .capacity = bytes};
    isr_text_format(&out, "%s", text);
}

static void set_topic(struct trial *trial, enum isr_commit_policy policy, bool pushed)
{
    struct sim_topic_spec *topic = &trial->topic;
    bool counts = policy != ISR_COMMIT_ALL_ISR && policy != ISR_COMMIT_FULLY_SYNC;
    set_text(topic->name.text, sizeof topic->name.text, "orders");
    topic->partitions = 1;
    topic->replication_factor = OTHER;
    for (int node = LEADER; node <= OTHER; node++)
        isr_replicas_add(&trial->assignment, node);
    topic->assignments = &trial->assignment;
    topic->settings = isr_topic_settings_of_min_isr(counts ? 1 : 2);
    topic->settings.commit = policy;
    topic->settings.leader_choice = counts ? ISR_LEADER_CHOICE_MOST_UP_TO_DATE : ISR_LEADER_CHOICE_IN_SYNC;
    topic->settings.transfer = pushed;
}

static void set_fault(struct trial *trial, enum condition condition)
{
    static const int64_t far_ns = 1200 * ISR_MS;
    struct sim_step *step = &trial->step;
    *step = (struct sim_step){.gate = SIM_GATE_AT, .time_ns = trial->from_ns, .at_latest_ns = ISR_TIME_NEVER};
    step->action.kind = SIM_ACTION_KILL;
    step->action.partition = -1;
    trial->spec.steps = step;
    trial->spec.steps_count = condition == HEALTHY ? 0 : 1;
    sim_node_set_add(&step->action.nodes, condition == LEADER_LOSS ? LEADER : OTHER);
    if (condition != SLOW_FOLLOWER)
        return;
    step->action.kind = SIM_ACTION_LINK;
    sim_node_set_add(&step->action.from, LEADER);
    sim_node_set_add(&step->action.to, OTHER);
    step->action.both_ways = true;
    step->action.link_fields = SIM_LINK_LATENCY;
    step->action.link.latency = (struct sim_distribution){far_ns, far_ns, far_ns, far_ns};
}

static void set_trial(struct trial *trial, enum isr_commit_policy policy, bool pushed,
                      enum condition condition, int64_t measured_ns)
{
    *trial = (struct trial){.spec = sim_spec_default()};
    struct sim_spec *spec = &trial->spec;
    trial->from_ns = 3 * ISR_SECOND;
    trial->until_ns = trial->from_ns + measured_ns;
    set_text(spec->name, sizeof spec->name, "bench-policies");
    spec->duration_ns = trial->until_ns + 5 * ISR_SECOND; /* for what is on its way */
    spec->settle_ns = 0;
    spec->brokers = OTHER;
    spec->combined = false;
    spec->controllers = 1;
    spec->config.replica_lag_time_max = 1 * ISR_SECOND;
    spec->config.broker_session_timeout = 1 * ISR_SECOND;
    spec->config.broker_heartbeat_interval = 200 * ISR_MS;
    set_topic(trial, policy, pushed);
    spec->topics = &trial->topic;
    spec->topics_count = 1;
    struct sim_client_spec *client = &trial->client;
    client->kind = SIM_CLIENT_PRODUCER;
    set_text(client->name, sizeof client->name, "producer");
    client->topic = trial->topic.name;
    client->interval_ns = INTERVAL_MS * ISR_MS;
    client->records_per_batch = 1;
    client->value_bytes = 64;
    client->acks = -1;
    client->stop_ns = ISR_TIME_NEVER;
    spec->clients = client;
    spec->clients_count = 1;
    set_fault(trial, condition);
}

/* ---- measuring ---- */

struct figures {
    int64_t p50_ns, p99_ns; /* of those that were answered well; ISR_TIME_NEVER: of none */
    uint64_t asked, acked;
    uint64_t acked_in_time; /* before the end of what is measured */
    uint64_t hash;
};

static int compare(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static struct figures figures_of(const struct sim_world *world, const struct trial *trial)
{
    uint32_t count = sim_workload_operations_count(world);
    int64_t *latencies = calloc(count > 0 ? count : 1, sizeof *latencies);
    struct figures figures = {.p50_ns = ISR_TIME_NEVER, .p99_ns = ISR_TIME_NEVER, .hash = world->trace.hash};
    for (uint32_t place = 0; latencies != NULL && place < count; place++) {
        const struct sim_operation *operation = sim_workload_operation(world, place);
        if (operation->kind != SIM_OPERATION_PRODUCE)
            continue;
        bool acked = operation->outcome == SIM_OUTCOME_OK;
        figures.acked_in_time +=
            acked && operation->answered_ns >= trial->from_ns && operation->answered_ns < trial->until_ns;
        if (operation->asked_ns < trial->from_ns || operation->asked_ns >= trial->until_ns)
            continue;
        figures.asked++;
        if (acked)
            latencies[figures.acked++] = operation->answered_ns - operation->asked_ns;
    }
    if (latencies != NULL && figures.acked > 0) {
        qsort(latencies, figures.acked, sizeof *latencies, compare);
        figures.p50_ns = latencies[(figures.acked - 1) / 2];
        figures.p99_ns = latencies[(figures.acked - 1) * 99 / 100];
    }
    free(latencies);
    return figures;
}

static struct figures measure(struct arena *arena, struct trial *trial)
{
    arena_reset(arena);
    struct sim_world *world = sim_world_new(arena, &trial->spec, 1);
    sim_world_run(world);
    return figures_of(world, trial);
}

/* ---- printing ---- */

static void print_latency(FILE *out, int64_t latency_ns)
{
    if (latency_ns == ISR_TIME_NEVER)
        fprintf(out, " %7s", "-");
    else
        fprintf(out, " %5" PRId64 ".%" PRId64, latency_ns / ISR_MS, latency_ns / (ISR_MS / 10) % 10);
}

static void print_json(FILE *out, enum isr_commit_policy policy, bool pushed, enum condition condition,
                       const struct trial *trial, const struct figures *figures)
{
    fprintf(out,
            "{\"schema\":1,\"case\":\"f\",\"commit\":\"%s\",\"transfer\":\"%s\",\"condition\":\"%s\","
            "\"p50_ns\":",
            isr_commit_policy_info(policy)->name, pushed ? "push" : "pull", conditions[condition].name);
    if (figures->acked > 0)
        fprintf(out, "%" PRId64 ",\"p99_ns\":%" PRId64, figures->p50_ns, figures->p99_ns);
    else
        fprintf(out, "null,\"p99_ns\":null");
    fprintf(out,
            ",\"asked\":%" PRIu64 ",\"acked\":%" PRIu64 ",\"acked_per_virtual_s\":%" PRIu64
            ",\"hash\":\"%016" PRIx64 "\"}\n",
            figures->asked, figures->acked,
            figures->acked_in_time * (uint64_t)ISR_SECOND / (uint64_t)(trial->until_ns - trial->from_ns),
            figures->hash);
}

static void print_head(FILE *out)
{
    fprintf(out, "%-16s", "f");
    for (int i = 0; i < CONDITIONS; i++)
        fprintf(out, " | %-23s", conditions[i].words);
    fprintf(out, "\n%-16s", "commit, transfer");
    for (int i = 0; i < CONDITIONS; i++)
        fprintf(out, " | %7s %7s %7s", "p50 ms", "p99 ms", "rec/s");
    fprintf(out, "\n");
}

static void print_tail(FILE *out, int64_t measured_ns)
{
    fprintf(
        out,
        "virtual time from command to acknowledgement, acks=all; 200 records/s over %" PRId64
        " s from the fault on; network 1 ms,\n"
        "the slow follower 1.2 s away, sessions and lag 1 s. all_isr waits for a stuck follower only until "
        "it leaves the ISR\n"
        "(p99); fully_sync waits for ever. quorum and semi_sync never notice, and survive fewer lost "
        "disks (isrsim help policies).\n",
        measured_ns / ISR_SECOND);
}

void bench_policies(struct arena *arena, bool quick, bool json, FILE *out)
{
    int64_t measured_ns = (quick ? 2 : 20) * ISR_SECOND;
    struct trial trial;
    if (!json)
        print_head(out);
    for (int row = 0; row < 2 * ISR_COMMIT_POLICIES; row++) {
        enum isr_commit_policy policy = (enum isr_commit_policy)(row / 2);
        bool pushed = row % 2 != 0;
        if (!json)
            fprintf(out, "%-11s %s", isr_commit_policy_info(policy)->name, pushed ? "push" : "pull");
        for (int condition = 0; condition < CONDITIONS; condition++) {
            set_trial(&trial, policy, pushed, (enum condition)condition, measured_ns);
            struct figures figures = measure(arena, &trial);
            if (json) {
                print_json(out, policy, pushed, (enum condition)condition, &trial, &figures);
                continue;
            }
            fprintf(out, " |");
            print_latency(out, figures.p50_ns);
            print_latency(out, figures.p99_ns);
            fprintf(out, " %7" PRIu64, figures.acked_in_time * (uint64_t)ISR_SECOND / (uint64_t)measured_ns);
        }
        if (!json)
            fprintf(out, "\n");
    }
    if (!json)
        print_tail(out, measured_ns);
}
