#include "faults/generate.h"

#include <string.h>

#include "core/base/text.h"
#include "core/wire/message.h"
#include "faults/chase.h"
#include "faults/disk_damage.h"
#include "faults/draws.h"
#include "faults/group.h"
#include "faults/policies.h"
#include "faults/retention.h"

enum purpose {
    PURPOSE_SHAPE,
    PURPOSE_CONFIG,
    PURPOSE_NETWORK,
    PURPOSE_WORKLOAD,
    PURPOSE_KINDS,
    PURPOSE_FAULT,
    PURPOSE_CHASE,
    PURPOSE_POLICY,
    PURPOSE_QUORUM,
    PURPOSE_LINKS,
    PURPOSE_GROUP,
    PURPOSE_YIELDS,
    PURPOSE_RETENTION,
    PURPOSE_PUSH
};

static struct fault_draws draws_for(uint64_t seed, enum purpose purpose, uint64_t which)
{
    uint64_t key = isr_hash_combine(isr_hash_combine(seed, (uint64_t)purpose), which);
    return (struct fault_draws){.key = key};
}

const char *fault_kind_name(enum fault_kind kind)
{
    static const char *const names[] = {
#define X(NAME, name, weight, meaning) #name,
#include "faults/kinds.def"
#undef X
    };
    return kind < FAULT_KINDS ? names[kind] : "?";
}

static uint32_t kind_weight(enum fault_kind kind)
{
    static const uint32_t weights[] = {
#define X(NAME, name, weight, meaning) weight,
#include "faults/kinds.def"
#undef X
    };
    return weights[kind];
}

static void set_name(struct isr_name *name, const char *text, int64_t number)
{
    *name = (struct isr_name){{0}};
    struct isr_text out = ISR_TEXT(name->text);
    isr_text_format(&out, "%s%ld", text, number);
}

/* ---- cluster, configuration, network, workload ---- */

static void generate_shape(struct fault_plan *plan, uint64_t seed)
{
    struct fault_draws draws = draws_for(seed, PURPOSE_SHAPE, 0);
    struct sim_spec *spec = &plan->spec;
    spec->brokers = (int32_t)fault_between(&draws, 3, 5);
    spec->combined = fault_one_in(&draws, 2);
    spec->controllers = fault_one_in(&draws, 4) && !spec->combined ? 1 : 3;
    for (int32_t broker = 1; broker <= spec->brokers; broker++)
        spec->racks[broker] = (uint8_t)(1 + broker % 2);
    spec->topics = plan->topics;
    spec->topics_count = (uint32_t)fault_between(&draws, 1, FAULT_TOPICS_MAX);
    for (uint32_t i = 0; i < spec->topics_count; i++) {
        struct sim_topic_spec *topic = &plan->topics[i];
        set_name(&topic->name, "topic", i + 1);
        topic->partitions = (int32_t)fault_between(&draws, 1, FAULT_PARTITIONS_MAX);
        topic->replication_factor = fault_one_in(&draws, 5) ? 2 : 3;
        topic->settings.min_isr = fault_one_in(&draws, 5) ? 1 : 2;
        struct fault_draws policy = draws_for(seed, PURPOSE_POLICY, i);
        fault_draw_policies(topic, &policy);
    }
}

/* Where members change, there is who may come in. */
static void generate_standbys(struct fault_plan *plan, uint64_t seed)
{
    struct fault_draws draws = draws_for(seed, PURPOSE_QUORUM, 0);
    if (plan->kinds >> FAULT_MEMBERS & 1)
        plan->spec.standby_controllers = (int32_t)fault_between(&draws, 1, 3);
}

/* Of a chase: one topic of few partitions, whose replicas are known beforehand, so that what is struck
 * matters. */
static void narrow_shape(struct fault_plan *plan, struct fault_draws *draws)
{
    struct sim_topic_spec *topic = &plan->topics[0];
    plan->spec.topics_count = 1;
    topic->partitions = (int32_t)fault_between(draws, 1, 2);
    topic->assignments = plan->assignments[0];
    for (int32_t partition = 0; partition < topic->partitions; partition++) {
        int32_t first = (int32_t)fault_between(draws, 0, plan->spec.brokers - 1);
        for (int32_t i = 0; i < topic->replication_factor; i++)
            isr_replicas_add(&plan->assignments[0][partition], 1 + (first + i) % plan->spec.brokers);
    }
}

static void generate_config(struct fault_plan *plan, uint64_t seed)
{
    struct fault_draws draws = draws_for(seed, PURPOSE_CONFIG, 0);
    struct isr_config *config = &plan->spec.config;
    config->broker_heartbeat_interval = fault_between(&draws, 200, 700) * ISR_MS;
    config->broker_session_timeout = fault_between(&draws, 1500, 4000) * ISR_MS;
    config->replica_lag_time_max = fault_between(&draws, 500, 4000) * ISR_MS;
    config->replica_lag_max_messages = fault_one_in(&draws, 4) ? fault_between(&draws, 20, 200) : 0;
    config->isr_hysteresis = fault_between(&draws, 1, 3);
    config->fetch_interval = fault_one_in(&draws, 3) ? fault_between(&draws, 1, 50) * ISR_MS : 0;
    config->fetch_max_wait = fault_between(&draws, 10, 500) * ISR_MS;
    config->fetch_hw_push = fault_one_in(&draws, 2) ? 1 : 0;
    config->truncation_by_query = fault_one_in(&draws, 3) ? 1 : 0;
    config->log_segment_bytes =
        fault_one_in(&draws, 2) ? fault_between(&draws, 2048, 16384) : config->log_segment_bytes;
    config->log_flush_messages = fault_one_in(&draws, 3) ? fault_between(&draws, 1, 4) : 0;
    config->log_flush_interval = fault_one_in(&draws, 3) ? fault_between(&draws, 100, 2000) * ISR_MS : 0;
    config->hw_checkpoint_interval = fault_between(&draws, 200, 5000) * ISR_MS;
    config->quorum_snapshot_entries =
        fault_one_in(&draws, 2) ? fault_between(&draws, 10, 60) : config->quorum_snapshot_entries;
    config->request_timeout = fault_between(&draws, 700, 2000) * ISR_MS;
    config->witness_failures = fault_between(&draws, 1, 4); /* only topics with a witness mind */
    config->quorum_append_inflight = fault_between(&draws, 1, 8);
    config->fetch_sessions = fault_one_in(&draws, 4) ? 0 : 1;
    config->fetch_session_slots =
        fault_one_in(&draws, 3) ? fault_between(&draws, 0, 3) : config->fetch_session_slots;
    config->fetch_session_eviction = fault_between(&draws, 200, 5000) * ISR_MS;
    if (fault_one_in(&draws, 2))
        config->leader_rebalance_interval = fault_between(&draws, 300, 10000) * ISR_MS;
}

/* Every third run lets its handlers be interrupted at some points, mostly for as long as a thread waits for
 * its turn, now and then for as long as a collection of garbage takes. */
static void generate_yields(struct fault_plan *plan, uint64_t seed)
{
    struct fault_draws draws = draws_for(seed, PURPOSE_YIELDS, 0);
    if (!fault_one_in(&draws, 3))
        return;
    plan->spec.yields = (uint32_t)fault_draw(&draws) & ISR_YIELDS_ALL;
    plan->spec.config.yield_time_max = fault_one_in(&draws, 4) ? fault_between(&draws, 5, 50) * ISR_MS
                                                               : fault_between(&draws, 20, 2000) * 1000;
}

/* Of a chase: what takes time takes little of it, so that a run has room for many failovers. */
static void hasten_config(struct fault_plan *plan, struct fault_draws *draws)
{
    struct isr_config *config = &plan->spec.config;
    config->broker_heartbeat_interval = fault_between(draws, 50, 200) * ISR_MS;
    config->broker_session_timeout = fault_between(draws, 500, 1500) * ISR_MS;
    config->replica_lag_time_max = fault_between(draws, 200, 1200) * ISR_MS;
    config->quorum_election_timeout = fault_between(draws, 200, 800) * ISR_MS;
    config->quorum_heartbeat_interval = config->quorum_election_timeout / 4;
    config->request_timeout = fault_between(draws, 300, 1000) * ISR_MS;
    config->client_request_timeout = fault_between(draws, 300, 1500) * ISR_MS;
    config->fetch_max_wait = fault_between(draws, 10, 200) * ISR_MS;
    if (fault_one_in(draws, 2))
        config->isr_hysteresis = 1;
    if (fault_one_in(draws, 2))
        config->truncation_by_query = 1;
    /* Brokers that were away find a snapshot; voters get their entries in pieces. */
    if (fault_one_in(draws, 2))
        config->quorum_snapshot_entries = fault_between(draws, 10, 25);
    if (fault_one_in(draws, 2))
        config->quorum_append_max_bytes = fault_between(draws, 64, 400);
}

/* Of a chase: now and then what is not yet on the disk is much. */
static void slow_disks(struct fault_plan *plan, struct fault_draws *draws)
{
    struct sim_disk_spec *disk = &plan->spec.disk;
    int64_t write_ns = fault_between(draws, 1, 10) * ISR_MS;
    int64_t sync_ns = fault_between(draws, 5, 40) * ISR_MS;
    if (!fault_one_in(draws, 3))
        return;
    disk->write_latency = (struct sim_distribution){write_ns / 4, write_ns, write_ns * 2, write_ns * 4};
    disk->sync_latency = (struct sim_distribution){sync_ns / 4, sync_ns, sync_ns * 2, sync_ns * 4};
}

/* Of a chase: most consumers read from followers, which know least of what is committed (KIP-392). */
static void read_from_followers(struct fault_plan *plan, struct fault_draws *draws)
{
    for (uint32_t i = 0; i < plan->spec.clients_count; i++)
        plan->clients[i].from_follower =
            plan->clients[i].kind == SIM_CLIENT_CONSUMER && !fault_one_in(draws, 4);
}

/* Of a chase: now and then everybody is far away, so that what one knows of the other is old. To lag for so
 * long as a healthy follower needs for a few fetches must not be held against it. */
static void stretch_network(struct fault_plan *plan, struct fault_draws *draws)
{
    int64_t far_ns = fault_between(draws, 5, 60) * ISR_MS;
    if (!fault_one_in(draws, 3))
        return;
    plan->spec.config.replica_lag_max_messages = 0;
    plan->spec.config.replica_lag_time_max += 10 * far_ns;
    struct sim_distribution *latency = &plan->spec.network.latency;
    latency->low_ns += far_ns;
    latency->median_ns += far_ns;
    latency->p99_ns += far_ns;
    latency->high_ns += far_ns;
}

/* What all producers write in a second, with what a batch and a record need besides their values. */
static int64_t bytes_a_second(const struct sim_spec *spec)
{
    int64_t bytes = 0;
    for (uint32_t i = 0; i < spec->clients_count; i++) {
        const struct sim_client_spec *client = &spec->clients[i];
        if (client->kind == SIM_CLIENT_PRODUCER)
            bytes += (100 + client->records_per_batch * (client->value_bytes + 30)) * ISR_SECOND /
                     client->interval_ns;
    }
    return bytes;
}

/* Of a chase: who comes back needs many fetches, so that much can happen until it has caught up; but it must
 * be faster than the producers are. */
static void narrow_fetches(struct fault_plan *plan, struct fault_draws *draws)
{
    struct isr_config *config = &plan->spec.config;
    const struct sim_distribution *latency = &plan->spec.network.latency;
    int64_t round_ns =
        2 * latency->median_ns + config->fetch_interval + plan->spec.disk.write_latency.p99_ns +
        (config->log_flush_messages > 0 ? plan->spec.disk.sync_latency.p99_ns : 0) + 20 * ISR_MS;
    int64_t factor = fault_between(draws, 4, 8);
    if (fault_one_in(draws, 2))
        config->fetch_max_bytes = factor * (bytes_a_second(&plan->spec) * (round_ns / ISR_MS) / 1000 + 100);
}

static void generate_network(struct fault_plan *plan, uint64_t seed)
{
    struct fault_draws draws = draws_for(seed, PURPOSE_NETWORK, 0);
    struct sim_link_spec *link = &plan->spec.network;
    int64_t low = fault_between(&draws, 50, 2000) * 1000;
    link->latency = (struct sim_distribution){.low_ns = low,
                                              .median_ns = low + fault_between(&draws, 0, 2000) * 1000,
                                              .p99_ns = low + fault_between(&draws, 2000, 10000) * 1000,
                                              .high_ns = low + fault_between(&draws, 10000, 60000) * 1000};
    if (fault_one_in(&draws, 3))
        link->loss_ppm = (uint32_t)fault_between(&draws, 100, 10000);
    if (fault_one_in(&draws, 3))
        link->duplicate_ppm = (uint32_t)fault_between(&draws, 100, 10000);
    if (fault_one_in(&draws, 3))
        link->reorder_ppm = (uint32_t)fault_between(&draws, 100, 20000);
    struct sim_disk_spec *disk = &plan->spec.disk;
    disk->sync_latency.p99_ns += fault_between(&draws, 0, 20) * ISR_MS;
    disk->sync_latency.high_ns += fault_between(&draws, 20, 100) * ISR_MS;
}

/* Now and then links damage messages, have little more room than what is written needs, or are streams. */
static void generate_links(struct fault_plan *plan, uint64_t seed)
{
    struct fault_draws draws = draws_for(seed, PURPOSE_LINKS, 0);
    struct sim_link_spec *link = &plan->spec.network;
    if (fault_one_in(&draws, 4))
        link->corrupt_ppm = (uint32_t)fault_between(&draws, 100, 10000);
    int64_t factor = fault_between(&draws, 8, 40);
    int64_t queue = fault_between(&draws, 256, 1024) * 1024;
    link->priorities = !fault_one_in(&draws, 3);
    if (fault_one_in(&draws, 5)) {
        struct isr_config *config = &plan->spec.config;
        link->bandwidth_bytes = factor * (bytes_a_second(&plan->spec) + 8192);
        link->queue_bytes = queue;
        /* An answer that takes longer to send than its asker waits, or does not fit into the queue, never
         * comes. */
        int64_t most = link->bandwidth_bytes * (config->request_timeout / ISR_MS) / 4000;
        most = most < queue / 4 ? most : queue / 4;
        config->fetch_max_bytes = config->fetch_max_bytes < most ? config->fetch_max_bytes : most;
    }
    link->keepalive_ns = fault_between(&draws, 500, 5000) * ISR_MS;
    link->reconnect_ns = fault_between(&draws, 0, 50) * ISR_MS;
    link->connections = fault_one_in(&draws, 4);
}

static void generate_producer(struct fault_plan *plan, uint64_t seed, uint32_t which)
{
    struct fault_draws draws = draws_for(seed, PURPOSE_WORKLOAD, which);
    struct sim_client_spec *client = &plan->clients[which];
    client->kind = SIM_CLIENT_PRODUCER;
    client->topic = plan->topics[fault_between(&draws, 0, plan->spec.topics_count - 1)].name;
    client->partition = -1;
    client->interval_ns = fault_between(&draws, 10, 80) * ISR_MS;
    client->records_per_batch = (int32_t)(fault_one_in(&draws, 4) ? fault_between(&draws, 2, 20) : 1);
    client->value_bytes = (int32_t)fault_between(&draws, 8, 200);
    client->keys = fault_one_in(&draws, 3) ? (int32_t)fault_between(&draws, 1, 10) : 0;
    /* The first one always asks for acks=all, so that something was promised. */
    client->acks = which == 0 || fault_one_in(&draws, 2) ? -1 : (int16_t)fault_between(&draws, 0, 1);
    client->stop_ns = ISR_TIME_NEVER;
}

/* Refreshes and leases short enough to run out in a run. */
static void generate_reader(struct fault_plan *plan, struct fault_draws *draws)
{
    struct sim_client_spec *client = &plan->clients[plan->spec.clients_count++];
    client->kind = SIM_CLIENT_READER;
    client->topic = plan->topics[0].name;
    client->partition = -1;
    client->pool_mode = fault_one_in(draws, 4) ? ISR_POOL_ROUND_ROBIN : ISR_POOL_IN_SYNC;
    client->interval_ns = fault_between(draws, 20, 200) * ISR_MS;
    client->stop_ns = ISR_TIME_NEVER;
    plan->spec.config.pool_min_gap = fault_between(draws, 1, 200);
    plan->spec.config.pool_refresh_time = fault_between(draws, 200, 5000) * ISR_MS;
    plan->spec.config.pool_lease_time = plan->spec.config.pool_refresh_time * fault_between(draws, 1, 5);
    plan->spec.config.pool_down_time = fault_between(draws, 200, 3000) * ISR_MS;
}

static void generate_workload(struct fault_plan *plan, uint64_t seed)
{
    struct fault_draws draws = draws_for(seed, PURPOSE_WORKLOAD, 1000);
    uint32_t producers = (uint32_t)fault_between(&draws, 1, 3);
    uint32_t consumers = (uint32_t)fault_between(&draws, 1, 2);
    struct sim_spec *spec = &plan->spec;
    spec->clients = plan->clients;
    for (uint32_t i = 0; i < producers; i++)
        generate_producer(plan, seed, i);
    for (uint32_t i = producers; i < producers + consumers; i++) {
        struct sim_client_spec *client = &plan->clients[i];
        client->kind = SIM_CLIENT_CONSUMER;
        client->topic = plan->topics[0].name;
        client->partition = -1;
        client->from_follower = fault_one_in(&draws, 2);
        client->start_latest = fault_one_in(&draws, 4);
        client->rack = fault_one_in(&draws, 2) ? (uint8_t)fault_between(&draws, 1, 2) : ISR_RACK_NONE;
        client->stop_ns = ISR_TIME_NEVER;
    }
    spec->clients_count = producers + consumers;
    if (fault_one_in(&draws, 2) && spec->peer.count == 0)
        generate_reader(plan, &draws);
    for (uint32_t i = 0; i < spec->clients_count; i++) {
        struct isr_text name = ISR_TEXT(plan->clients[i].name);
        isr_text_format(&name, "%s%u",
                        i < producers               ? "producer"
                        : i < producers + consumers ? "consumer"
                                                    : "reader",
                        i + 1);
    }
}

/* ---- faults ---- */

static int32_t nodes_count(const struct sim_spec *spec)
{
    return spec->brokers + sim_spec_own_controllers(spec);
}

static int32_t any_node(struct fault_draws *draws, const struct sim_spec *spec)
{
    return (int32_t)fault_between(draws, 1, nodes_count(spec));
}

/* A fault and its undoing concern the pair (from, to), both drawn. */
static void link_fault(struct fault_plan *plan, struct fault_draws *draws, struct window window,
                       enum fault_kind kind)
{
    int32_t from = any_node(draws, &plan->spec);
    int32_t to = any_node(draws, &plan->spec);
    bool both_ways = fault_one_in(draws, 2);
    int64_t slow_ns = fault_between(draws, 20, 1500) * ISR_MS;
    uint32_t ppm = (uint32_t)fault_between(draws, 10000, 300000);
    if (from == to)
        return;
    struct sim_step *step =
        step_at(plan, window.from_ns, kind == FAULT_CUT ? SIM_ACTION_CUT : SIM_ACTION_LINK);
    if (step == NULL)
        return;
    struct sim_action *action = &step->action;
    sim_node_set_add(&action->from, from);
    sim_node_set_add(&action->to, to);
    action->both_ways = both_ways;
    if (kind == FAULT_CORRUPT_LINK) {
        action->link_fields = SIM_LINK_CORRUPT;
        action->link.corrupt_ppm = ppm;
    } else if (kind == FAULT_NARROW_LINK) {
        action->link_fields = SIM_LINK_BANDWIDTH | SIM_LINK_QUEUE;
        action->link.bandwidth_bytes = fault_between(draws, 512, 32768);
        action->link.queue_bytes = fault_between(draws, 1, 16) * 1024;
    } else if (kind == FAULT_SLOW_LINK) {
        action->link_fields = SIM_LINK_LATENCY;
        action->link.latency =
            (struct sim_distribution){slow_ns, slow_ns, slow_ns + slow_ns / 2, slow_ns * 2};
    } else if (kind == FAULT_LOSSY_LINK) {
        action->link_fields = SIM_LINK_LOSS | SIM_LINK_DUPLICATE | SIM_LINK_REORDER;
        action->link.loss_ppm = action->link.duplicate_ppm = action->link.reorder_ppm = ppm;
    }
    step_on(plan, window.until_ns, SIM_ACTION_HEAL, from);
}

static uint64_t messages_of(enum isr_message_group group)
{
    uint64_t bits = 0;
    for (unsigned kind = 0; kind < ISR_MESSAGE_KINDS; kind++) {
        if (isr_message_group((enum isr_message_kind)kind) == group)
            bits |= UINT64_C(1) << kind;
    }
    return bits;
}

static void between(struct sim_step *step, int32_t from, int32_t to, bool both_ways)
{
    if (step == NULL)
        return;
    sim_node_set_add(&step->action.from, from);
    sim_node_set_add(&step->action.to, to);
    step->action.both_ways = both_ways;
}

/* Everything, a group, or a single kind; without end, or the next few. */
static void hold_fault(struct fault_plan *plan, struct fault_draws *draws, struct window window)
{
    int32_t from = any_node(draws, &plan->spec), to = any_node(draws, &plan->spec);
    bool both_ways = fault_one_in(draws, 2), lose = fault_one_in(draws, 3);
    uint64_t group = messages_of((enum isr_message_group)fault_between(draws, 0, ISR_GROUP_DATA));
    uint64_t kind = UINT64_C(1) << fault_between(draws, 0, ISR_MESSAGE_KINDS - 1);
    int64_t what = fault_between(draws, 0, 2);
    int64_t count = fault_one_in(draws, 2) ? fault_between(draws, 1, 20) : 0;
    struct sim_step *hold =
        step_at(plan, window.from_ns, lose && count > 0 ? SIM_ACTION_DROP : SIM_ACTION_HOLD);
    between(hold, from, to, both_ways);
    struct sim_step *release = step_at(plan, window.until_ns, SIM_ACTION_RELEASE);
    between(release, from, to, both_ways);
    if (hold == NULL || release == NULL)
        return;
    hold->action.messages = what == 0 ? 0 : what == 1 ? group : kind;
    hold->action.count = count;
    release->action.discard = lose;
}

static void break_fault(struct fault_plan *plan, struct fault_draws *draws, struct window window)
{
    int32_t from = any_node(draws, &plan->spec), to = any_node(draws, &plan->spec);
    bool half = fault_one_in(draws, 2), both_ways = fault_one_in(draws, 3);
    if (plan->spec.network.connections)
        between(step_at(plan, window.from_ns, half ? SIM_ACTION_HALF_OPEN : SIM_ACTION_RESET), from, to,
                half && both_ways);
}

static void slow_cpu_fault(struct fault_plan *plan, struct fault_draws *draws, struct window window,
                           int32_t node)
{
    int64_t cost_ns =
        (fault_one_in(draws, 2) ? fault_between(draws, 20, 500) : fault_between(draws, 500, 20000)) * 1000;
    step_on(plan, window.from_ns, SIM_ACTION_SLOW_CPU, node);
    if (plan->spec.steps_count < FAULT_STEPS_MAX)
        plan->steps[plan->spec.steps_count - 1].action.cost_ns = cost_ns;
    step_on(plan, window.until_ns, SIM_ACTION_SLOW_CPU, node);
}

static void memory_fault(struct fault_plan *plan, struct fault_draws *draws, struct window window,
                         int32_t node)
{
    struct sim_step *step = step_at(plan, window.from_ns, SIM_ACTION_MEMORY);
    if (step == NULL)
        return;
    sim_node_set_add(&step->action.nodes, node);
    step->action.count = fault_between(draws, 16, 400) * 1024;
    step_on(plan, window.until_ns, SIM_ACTION_MEMORY, node);
    step_on(plan, window.until_ns, SIM_ACTION_START, node);
}

static void partition_fault(struct fault_plan *plan, struct fault_draws *draws, struct window window)
{
    struct sim_step *step = step_at(plan, window.from_ns, SIM_ACTION_PARTITION);
    if (step == NULL)
        return;
    step->action.groups_count = 2;
    for (int32_t node = 1; node <= nodes_count(&plan->spec); node++)
        sim_node_set_add(&step->action.groups[fault_between(draws, 0, 1)], node);
    struct sim_step *heal = step_at(plan, window.until_ns, SIM_ACTION_HEAL);
    for (int32_t node = 1; heal != NULL && node <= nodes_count(&plan->spec); node++)
        sim_node_set_add(&heal->action.nodes, node);
}

static void disk_fault(struct fault_plan *plan, struct fault_draws *draws, struct window window,
                       enum fault_kind kind, int32_t node)
{
    int64_t slow_ns = fault_between(draws, 5, 400) * ISR_MS;
    int64_t count = fault_between(draws, 1, 3);
    int64_t operations = fault_between(draws, 1, 2);
    struct sim_step *step = step_at(plan, window.from_ns,
                                    kind == FAULT_SLOW_DISK    ? SIM_ACTION_DISK
                                    : kind == FAULT_DISK_ERROR ? SIM_ACTION_DISK_FAIL
                                                               : SIM_ACTION_DISK_FULL);
    if (step == NULL)
        return;
    struct sim_action *action = &step->action;
    sim_node_set_add(&action->nodes, node);
    if (kind == FAULT_SLOW_DISK) {
        action->disk_fields = SIM_DISK_WRITE | SIM_DISK_SYNC;
        action->disk.write_latency =
            (struct sim_distribution){slow_ns / 8, slow_ns / 4, slow_ns, slow_ns * 2};
        action->disk.sync_latency = (struct sim_distribution){slow_ns / 4, slow_ns, slow_ns * 2, slow_ns * 4};
        struct sim_step *undo = step_at(plan, window.until_ns, SIM_ACTION_DISK);
        if (undo != NULL) {
            sim_node_set_add(&undo->action.nodes, node);
            undo->action.disk_fields = SIM_DISK_WRITE | SIM_DISK_SYNC;
            undo->action.disk = plan->spec.disk;
        }
        return;
    }
    if (kind == FAULT_DISK_ERROR) {
        action->operations = operations == 1 ? SIM_OPERATION_WRITE : SIM_OPERATION_SYNC;
        action->count = count;
    } else {
        action->count = count * 512;
        step_on(plan, window.until_ns - 1, SIM_ACTION_DISK_FREE, node);
    }
    step_on(plan, window.until_ns, SIM_ACTION_START, node);
}

static void clock_fault(struct fault_plan *plan, struct fault_draws *draws, struct window window,
                        int32_t node)
{
    int64_t drift = fault_between(draws, -200000, 200000);
    int64_t offset = fault_between(draws, 0, 5000) * ISR_MS;
    struct sim_step *step = step_at(plan, window.from_ns, SIM_ACTION_CLOCK);
    if (step == NULL)
        return;
    sim_node_set_add(&step->action.nodes, node);
    step->action.clock_fields = SIM_CLOCK_DRIFT | SIM_CLOCK_OFFSET;
    step->action.clock = (struct sim_clock_spec){.offset_ns = offset, .drift_ppm = drift};
}

static void clock_jump_fault(struct fault_plan *plan, struct fault_draws *draws, struct window window,
                             int32_t node)
{
    int64_t jump = fault_between(draws, 10, 6000) * ISR_MS;
    int64_t wall = fault_between(draws, -3600, 3600) * ISR_SECOND;
    struct sim_step *step = step_at(plan, window.from_ns, SIM_ACTION_CLOCK);
    if (step == NULL)
        return;
    sim_node_set_add(&step->action.nodes, node);
    step->action.clock_fields = fault_one_in(draws, 2) ? SIM_CLOCK_JUMP : SIM_CLOCK_WALL;
    step->action.clock = (struct sim_clock_spec){.jump_ns = jump, .wall_ns = wall};
}

static struct sim_step *topic_step(struct fault_plan *plan, const struct sim_topic_spec *topic,
                                   int64_t time_ns, enum sim_action_kind kind)
{
    struct sim_step *step = step_at(plan, time_ns, kind);
    if (step != NULL) {
        step->action.topic = topic->name;
        step->action.settings = topic->settings;
    }
    return step;
}

/* To as many replicas as before, in the order of the brokers from any of them on. */
static void reassign_fault(struct fault_plan *plan, struct fault_draws *draws, struct window window)
{
    const struct sim_topic_spec *topic = &plan->topics[fault_between(draws, 0, plan->spec.topics_count - 1)];
    int32_t partition = (int32_t)fault_between(draws, 0, topic->partitions - 1);
    int32_t first = (int32_t)fault_between(draws, 0, plan->spec.brokers - 1);
    bool cancels = fault_one_in(draws, 3);
    struct sim_step *step = topic_step(plan, topic, window.from_ns, SIM_ACTION_REASSIGN);
    if (step == NULL)
        return;
    step->action.partition = partition;
    for (int32_t i = 0; i < topic->replication_factor; i++)
        isr_replicas_add(&step->action.replicas, 1 + (first + i) % plan->spec.brokers);
    step = cancels ? topic_step(plan, topic, window.until_ns, SIM_ACTION_REASSIGN) : NULL;
    if (step != NULL) {
        step->action.partition = partition;
        step->action.cancel = true;
    }
}

static void topic_fault(struct fault_plan *plan, struct fault_draws *draws, struct window window)
{
    const struct sim_topic_spec *topic = &plan->topics[fault_between(draws, 0, plan->spec.topics_count - 1)];
    if (fault_one_in(draws, 3)) {
        topic_step(plan, topic, window.from_ns, SIM_ACTION_DELETE_TOPIC);
        topic_step(plan, topic, window.until_ns, SIM_ACTION_CREATE_TOPIC);
        return;
    }
    struct sim_step *raised = topic_step(plan, topic, window.from_ns, SIM_ACTION_ALTER_TOPIC);
    struct sim_step *lowered = topic_step(plan, topic, window.until_ns, SIM_ACTION_ALTER_TOPIC);
    if (raised == NULL || lowered == NULL)
        return;
    raised->action.settings.min_isr = topic->replication_factor;
    raised->action.settings_given = lowered->action.settings_given = 1; /* min_isr, the first of the list */
}

static void elect_fault(struct fault_plan *plan, struct fault_draws *draws, struct window window)
{
    const struct sim_topic_spec *topic = &plan->topics[fault_between(draws, 0, plan->spec.topics_count - 1)];
    struct sim_step *step = step_at(plan, window.from_ns, SIM_ACTION_ELECT);
    if (step == NULL)
        return;
    step->action.topic = topic->name;
    step->action.partition = (int32_t)fault_between(draws, 0, topic->partitions - 1);
}

static void delete_fault(struct fault_plan *plan, struct fault_draws *draws, struct window window)
{
    const struct sim_topic_spec *topic = &plan->topics[fault_between(draws, 0, plan->spec.topics_count - 1)];
    struct sim_step *step = step_at(plan, window.from_ns, SIM_ACTION_DELETE_RECORDS);
    if (step == NULL)
        return;
    step->action.topic = topic->name;
    step->action.partition = (int32_t)fault_between(draws, 0, topic->partitions - 1);
    fault_draw_deletion(&step->action, draws);
}

/* A controller that votes at first; 0 now and then: whichever. */
static int32_t any_voter(struct fault_draws *draws, const struct sim_spec *spec)
{
    int32_t number = (int32_t)fault_between(draws, 0, spec->controllers);
    return number == 0 || spec->combined ? number : spec->brokers + number;
}

static void quorum_step(struct fault_plan *plan, int64_t time_ns, enum sim_action_kind kind, int32_t node)
{
    struct sim_step *step = step_at(plan, time_ns, kind);
    if (step != NULL)
        step->action.node = node;
}

/* Who stands by comes in, perhaps as a learner first; then it leaves, or a voter leaves that it makes up for.
 * Each that stands by makes up for one: of the first voters' number a majority is needed at most. */
static void members_fault(struct fault_plan *plan, struct fault_draws *draws, struct window window,
                          int32_t *replaced)
{
    const struct sim_spec *spec = &plan->spec;
    int32_t first = sim_spec_first_client(spec) - spec->standby_controllers;
    int32_t node = first + (int32_t)fault_between(draws, 0, spec->standby_controllers - 1);
    int32_t voter = any_voter(draws, spec);
    bool learns = fault_one_in(draws, 3);
    bool replaces = fault_one_in(draws, 2) && voter != 0 && *replaced < spec->standby_controllers;
    if (learns)
        quorum_step(plan, window.from_ns, SIM_ACTION_ADD_LEARNER, node);
    quorum_step(plan, window.from_ns + learns, SIM_ACTION_ADD_VOTER, node);
    quorum_step(plan, window.until_ns, SIM_ACTION_REMOVE_VOTER, replaces ? voter : node);
    *replaced += replaces;
}

/* Disks that are lost with what was synced, or all that was not. */
static int64_t lossy_budget(const struct fault_plan *plan)
{
    if (plan->spec.peer.count > 0)
        return fault_group_power_budget(plan);
    return fault_policies_budget(&plan->spec);
}

/* How many power losses of brokers the configuration promises to survive. */
static int64_t power_budget(const struct fault_plan *plan)
{
    return plan->spec.config.log_flush_messages > 0 ? INT32_MAX : lossy_budget(plan);
}
/* What may still happen. */
struct budget {
    int64_t power_losses; /* of brokers; wipes too */
    int64_t wipes;
    int32_t replaced; /* voters that a standby controller made up for */
};

static void generate_fault(struct fault_plan *plan, struct fault_draws *draws, enum fault_kind kind,
                           struct window window, struct budget *left)
{
    int32_t node = any_node(draws, &plan->spec);
    int32_t broker = (int32_t)fault_between(draws, 1, plan->spec.brokers);
    switch (kind) {
    case FAULT_POWER_OFF:
        if (node <= plan->spec.brokers && left->power_losses-- <= 0)
            return;
        step_on(plan, window.from_ns, SIM_ACTION_POWER_OFF, node);
        step_on(plan, window.until_ns, SIM_ACTION_START, node);
        return;
    case FAULT_KILL:
        step_on(plan, window.from_ns, SIM_ACTION_KILL, node);
        step_on(plan, window.until_ns, SIM_ACTION_START, node);
        return;
    case FAULT_PAUSE:
        step_on(plan, window.from_ns, SIM_ACTION_PAUSE, node);
        step_on(plan, window.until_ns, SIM_ACTION_RESUME, node);
        return;
    case FAULT_SHUTDOWN:
        step_on(plan, window.from_ns, SIM_ACTION_SHUTDOWN, broker);
        step_on(plan, window.until_ns, SIM_ACTION_START, broker);
        return;
    case FAULT_ISOLATE:
        step_on(plan, window.from_ns, SIM_ACTION_ISOLATE, node);
        step_on(plan, window.until_ns, SIM_ACTION_HEAL, node);
        return;
    case FAULT_PARTITION:
        partition_fault(plan, draws, window);
        return;
    case FAULT_WIPE:
        if (plan->spec.peer.count > 0 || sim_spec_is_controller(&plan->spec, broker) || left->wipes-- <= 0 ||
            left->power_losses-- <= 0)
            return;
        step_on(plan, window.from_ns, SIM_ACTION_WIPE, broker);
        step_on(plan, window.until_ns, SIM_ACTION_START, broker);
        return;
    case FAULT_SLOW_CPU:
        slow_cpu_fault(plan, draws, window, node);
        return;
    case FAULT_MEMORY:
        memory_fault(plan, draws, window, node);
        return;
    case FAULT_HOLD:
        hold_fault(plan, draws, window);
        return;
    case FAULT_BREAK:
        break_fault(plan, draws, window);
        return;
    case FAULT_CUT:
    case FAULT_CORRUPT_LINK:
    case FAULT_NARROW_LINK:
    case FAULT_SLOW_LINK:
    case FAULT_LOSSY_LINK:
        link_fault(plan, draws, window, kind);
        return;
    case FAULT_SLOW_DISK:
    case FAULT_DISK_ERROR:
    case FAULT_DISK_FULL:
        disk_fault(plan, draws, window, kind, node);
        return;
    case FAULT_FAILED_SYNC:
    case FAULT_LATE_NAMES:
    case FAULT_STALL:
        fault_disk_endured(plan, window, kind, node);
        return;
    case FAULT_ROT:
        if (plan->spec.controllers == 3 && !plan->spec.combined && plan->spec.standby_controllers == 0 &&
            node > plan->spec.brokers) {
            fault_voter_rots(plan, draws, window);
            return;
        }
        if (left->wipes-- > 0 && left->power_losses-- > 0)
            fault_disk_betrays(plan, draws, window, kind, broker);
        return;
    case FAULT_LYING_SYNC:
    case FAULT_STRAY_WRITE:
        if (left->wipes-- > 0 && left->power_losses-- > 0)
            fault_disk_betrays(plan, draws, window, kind, broker);
        return;
    case FAULT_CLOCK:
        clock_fault(plan, draws, window, node);
        return;
    case FAULT_CLOCK_JUMP:
        clock_jump_fault(plan, draws, window, node);
        return;
    case FAULT_TRANSFER:
        if (plan->spec.controllers > 0)
            quorum_step(plan, window.from_ns, SIM_ACTION_TRANSFER_CONTROLLER, any_voter(draws, &plan->spec));
        return;
    case FAULT_MEMBERS:
        if (plan->spec.standby_controllers > 0)
            members_fault(plan, draws, window, &left->replaced);
        return;
    case FAULT_REASSIGN:
        if (plan->spec.peer.count == 0)
            reassign_fault(plan, draws, window);
        return;
    case FAULT_TOPIC:
        if (plan->spec.peer.count == 0)
            topic_fault(plan, draws, window);
        return;
    case FAULT_DELETE_RECORDS:
        if (plan->spec.peer.count == 0)
            delete_fault(plan, draws, window);
        return;
    case FAULT_ELECT:
        if (plan->spec.peer.count > 0)
            step_on(plan, window.from_ns, SIM_ACTION_CAMPAIGN, node);
        else
            elect_fault(plan, draws, window);
        return;
    case FAULT_KINDS:
        return;
    }
}

static uint64_t draw_kinds(uint64_t seed)
{
    struct fault_draws draws = draws_for(seed, PURPOSE_KINDS, 0);
    uint64_t kinds = 0;
    while (kinds == 0) {
        for (uint32_t kind = 0; kind < FAULT_KINDS; kind++) {
            if (fault_one_in(&draws, 2))
                kinds |= UINT64_C(1) << kind;
        }
    }
    return kinds;
}

static enum fault_kind draw_kind(struct fault_draws *draws, uint64_t kinds)
{
    uint32_t total = 0;
    for (uint32_t kind = 0; kind < FAULT_KINDS; kind++)
        total += (kinds >> kind) & 1 ? kind_weight((enum fault_kind)kind) : 0;
    int64_t left = fault_between(draws, 0, (int64_t)total - 1);
    for (uint32_t kind = 0; kind < FAULT_KINDS; kind++) {
        left -= (kinds >> kind) & 1 ? kind_weight((enum fault_kind)kind) : 0;
        if (left < 0)
            return (enum fault_kind)kind;
    }
    return FAULT_KILL;
}

/* Steps run in their order: by time, the earlier made first. */
static void sort_steps(struct fault_plan *plan)
{
    for (uint32_t i = 1; i < plan->spec.steps_count; i++) {
        struct sim_step step = plan->steps[i];
        uint32_t place = i;
        for (; place > 0 && plan->steps[place - 1].time_ns > step.time_ns; place--)
            plan->steps[place] = plan->steps[place - 1];
        plan->steps[place] = step;
    }
}

static void generate_faults(struct fault_plan *plan, uint64_t seed)
{
    int64_t end_ns = plan->spec.duration_ns - plan->spec.settle_ns - ISR_SECOND;
    struct budget left = {.power_losses = power_budget(plan), .wipes = lossy_budget(plan)};
    struct fault_draws counts = draws_for(seed, PURPOSE_FAULT, UINT32_MAX);
    int64_t faults = fault_between(&counts, 2, 16);
    for (int64_t i = 0; i < faults; i++) {
        struct fault_draws draws = draws_for(seed, PURPOSE_FAULT, (uint64_t)i);
        enum fault_kind kind = draw_kind(&draws, plan->kinds);
        int64_t from = fault_between(&draws, 3 * ISR_SECOND / ISR_MS, end_ns / ISR_MS) * ISR_MS;
        int64_t length =
            (fault_one_in(&draws, 2) ? fault_between(&draws, 10, 800) : fault_between(&draws, 800, 8000)) *
            ISR_MS;
        struct window window = {.from_ns = from, .until_ns = from + length < end_ns ? from + length : end_ns};
        if (window.until_ns > window.from_ns)
            generate_fault(plan, &draws, kind, window, &left);
    }
    sort_steps(plan);
}

static bool is_chase(const struct fault_plan *plan, struct fault_draws *draws)
{
    return !fault_one_in(draws, 3) && (plan->kinds & FAULT_CHASE_STRIKES) != 0;
}

void fault_generate(struct fault_plan *plan, uint64_t seed)
{
    memset(plan, 0, sizeof *plan);
    plan->spec = sim_spec_default();
    struct isr_text name = ISR_TEXT(plan->spec.name);
    isr_text_format(&name, "generated-%lu", seed);
    plan->spec.seed = seed;
    plan->spec.duration_ns = 45 * ISR_SECOND;
    plan->spec.settle_ns = 20 * ISR_SECOND;
    plan->kinds = draw_kinds(seed);
    plan->spec.steps = plan->steps;
    struct fault_draws draws = draws_for(seed, PURPOSE_CHASE, 0);
    bool chase = is_chase(plan, &draws);
    struct fault_draws group_draws = draws_for(seed, PURPOSE_GROUP, 0);
    bool group = chase && fault_one_in(&group_draws, 6);
    chase = chase && !group;
    generate_shape(plan, seed);
    if (!chase)
        generate_standbys(plan, seed);
    generate_config(plan, seed);
    generate_yields(plan, seed);
    struct fault_draws retention_draws = draws_for(seed, PURPOSE_RETENTION, 0);
    struct fault_draws push_draws = draws_for(seed, PURPOSE_PUSH, 0);
    plan->spec.config.metadata_push = !group && fault_one_in(&push_draws, 6);
    if (group)
        fault_group(plan, &group_draws);
    fault_draw_retention(&plan->spec, &retention_draws);
    if (chase) {
        narrow_shape(plan, &draws);
        hasten_config(plan, &draws);
    }
    generate_network(plan, seed);
    generate_workload(plan, seed);
    if (chase) {
        read_from_followers(plan, &draws);
        stretch_network(plan, &draws);
        slow_disks(plan, &draws);
        narrow_fetches(plan, &draws);
        generate_links(plan, seed);
        fault_chase(plan, &draws, power_budget(plan));
    } else {
        generate_links(plan, seed);
        generate_faults(plan, seed);
    }
}
