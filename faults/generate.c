#include "faults/generate.h"

#include <string.h>

#include "core/base/text.h"
#include "core/policy/settings.h"
#include "faults/chase.h"
#include "faults/group.h"
#include "faults/policies.h"
#include "faults/quorum_chase.h"
#include "faults/compaction.h"
#include "faults/retention.h"
#include "faults/tune.h"
#include "faults/uniform.h"

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
    PURPOSE_PUSH,
    PURPOSE_COMPACTION,
    PURPOSE_PROFILE,
    PURPOSE_LENGTH,
    PURPOSE_GONE
};

static struct fault_draws draws_for(uint64_t seed, enum purpose purpose, uint64_t which)
{
    uint64_t key = isr_hash_combine(isr_hash_combine(seed, (uint64_t)purpose), which);
    return (struct fault_draws){.key = key};
}

static void set_name(struct isr_name *name, const char *text, int64_t number)
{
    *name = (struct isr_name){{0}};
    struct isr_text out = ISR_TEXT(name->text);
    isr_text_format(&out, "%s%ld", text, number);
}

/* ---- cluster, configuration, network, workload ---- */

static void generate_shape(struct fault_plan *plan, uint64_t seed, bool plain)
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
        if (!plain)
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
    config->broker_session_timeout = fault_between(&draws, 1500, 4000) * ISR_MS;
    config->broker_heartbeat_interval = config->broker_session_timeout / fault_between(&draws, 3, 6);
    config->replica_lag_time_max = fault_between(&draws, 500, 4000) * ISR_MS;
    config->replica_lag_max_messages = fault_one_in(&draws, 4) ? fault_between(&draws, 20, 200) : 0;
    config->isr_hysteresis = fault_between(&draws, 1, 3);
    config->fetch_interval = fault_one_in(&draws, 3) ? fault_between(&draws, 1, 50) * ISR_MS : 0;
    config->fetch_max_wait =
        (fault_one_in(&draws, 4) ? fault_between(&draws, 10, 100) : fault_between(&draws, 100, 1000)) *
        ISR_MS;
    config->fetch_hw_push = fault_one_in(&draws, 2) ? 1 : 0;
    config->truncation_by_query = fault_one_in(&draws, 3) ? 1 : 0;
    config->log_segment_bytes =
        fault_one_in(&draws, 2) ? fault_between(&draws, 2048, 16384) : config->log_segment_bytes;
    config->log_flush_messages = fault_one_in(&draws, 3) ? fault_between(&draws, 1, 4) : 0;
    config->log_flush_interval = fault_one_in(&draws, 3) ? fault_between(&draws, 100, 2000) * ISR_MS : 0;
    config->log_scrub_interval = fault_one_in(&draws, 2) ? fault_between(&draws, 20, 1000) * ISR_MS : 0;
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
        config->leader_rebalance_interval = fault_between(&draws, 300, 4000) * ISR_MS;
    if (fault_one_in(&draws, 2))
        config->producer_id_block = fault_between(&draws, 1, 3);
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
    config->broker_session_timeout = fault_between(draws, 500, 1500) * ISR_MS;
    config->broker_heartbeat_interval = config->broker_session_timeout / fault_between(draws, 3, 6);
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
        (config->log_flush_messages > 0 ? plan->spec.disk.sync_latency.p99_ns : 0) + 20 * ISR_MS +
        2 * (int64_t)plan->spec.network.loss_ppm * (config->request_timeout / 1000000);
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

/* Half of the narrow networks bound each group of messages by itself, so that a burst of one is lost while
 * others have room. Whatever waits for nothing gets through: a bound may be smaller than a message. */
static void bound_groups(struct sim_link_spec *link, int64_t fetch_max_bytes, struct fault_draws *draws)
{
    bool bound = fault_one_in(draws, 2);
    int64_t control = fault_between(draws, 4, 32) * 1024, election = fault_between(draws, 4, 32) * 1024,
            heartbeat = fault_between(draws, 256, 4096), data = fault_between(draws, 1, 3) * fetch_max_bytes;
    if (!bound)
        return;
    link->group_queue_bytes[ISR_GROUP_CONTROL] = control;
    link->group_queue_bytes[ISR_GROUP_ELECTION] = election;
    link->group_queue_bytes[ISR_GROUP_HEARTBEAT] = heartbeat;
    link->group_queue_bytes[ISR_GROUP_DATA] = data;
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
        bound_groups(link, config->fetch_max_bytes, &draws);
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
    /* The first one writes what consumers read. */
    uint32_t topic = (uint32_t)fault_between(&draws, 0, plan->spec.topics_count - 1);
    client->topic = plan->topics[which == 0 ? 0 : topic].name;
    client->partition = -1;
    /* Most write now and then: what is in flight at a fault is little, but it is one of few. */
    client->interval_ns =
        (fault_one_in(&draws, 5) ? fault_between(&draws, 10, 60) : fault_between(&draws, 60, 400)) * ISR_MS;
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
    client->interval_ns = fault_between(draws, 50, 500) * ISR_MS;
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

/* ---- the whole ---- */

/* What kind of run it is, all from the seed. */
struct run {
    uint64_t seed;
    enum fault_profile profile;
    struct fault_way way;
    bool chase, group; /* a chase of a partition */
    bool quorum_chase;
    struct fault_draws chase_draws, group_draws, profile_draws;
};

static struct run run_begin(struct fault_plan *plan, const struct fault_request *request)
{
    uint64_t seed = request->seed;
    struct run run = {.seed = seed, .profile = request->profile, .way = fault_way_of(request->profile)};
    run.chase_draws = draws_for(seed, PURPOSE_CHASE, 0);
    run.group_draws = draws_for(seed, PURPOSE_GROUP, 0);
    run.profile_draws = draws_for(seed, PURPOSE_PROFILE, 0);
    plan->may = run.way.may;
    plan->kinds = (draw_kinds(seed) | run.way.always) & run.way.may;
    plan->over_budget = request->over_budget || request->profile == FAULT_PROFILE_OVER_BUDGET;
    bool alone = request->profile == FAULT_PROFILE_RAFT;
    bool chase = fault_between(&run.chase_draws, 1, 3) > 3 - run.way.chases &&
                 (plan->kinds & (alone ? FAULT_QUORUM_STRIKES : FAULT_CHASE_STRIKES)) != 0;
    run.group = chase && !run.way.plain && fault_one_in(&run.group_draws, 6);
    run.quorum_chase = chase && alone;
    run.chase = chase && !run.group && !alone;
    return run;
}

static void generate_cluster(struct fault_plan *plan, struct run *run)
{
    generate_shape(plan, run->seed, run->way.plain);
    if (!run->chase)
        generate_standbys(plan, run->seed);
    generate_config(plan, run->seed);
    if (!run->way.plain) {
        struct fault_draws push_draws = draws_for(run->seed, PURPOSE_PUSH, 0);
        struct fault_draws retention_draws = draws_for(run->seed, PURPOSE_RETENTION, 0);
        generate_yields(plan, run->seed);
        plan->spec.config.metadata_push = !run->group && fault_one_in(&push_draws, 6);
        if (run->group)
            fault_group(plan, &run->group_draws);
        fault_draw_retention(&plan->spec, &retention_draws);
    }
    fault_tune_cluster(plan, run->profile, &run->profile_draws);
    if (run->chase) {
        narrow_shape(plan, &run->chase_draws);
        hasten_config(plan, &run->chase_draws);
    }
}

static void generate_surroundings(struct fault_plan *plan, struct run *run)
{
    generate_network(plan, run->seed);
    if (!sim_spec_is_alone(&plan->spec))
        generate_workload(plan, run->seed);
    struct fault_draws compaction_draws = draws_for(run->seed, PURPOSE_COMPACTION, 0);
    if (!run->way.plain)
        fault_draw_compaction(&plan->spec, &compaction_draws);
    if (run->chase) {
        read_from_followers(plan, &run->chase_draws);
        stretch_network(plan, &run->chase_draws);
        slow_disks(plan, &run->chase_draws);
    }
    fault_tune_load(plan, run->profile, &run->profile_draws);
    if (run->chase)
        narrow_fetches(plan, &run->chase_draws);
    if (!run->way.plain)
        generate_links(plan, run->seed);
}

/* Brokers that every topic can do without: then min ISR, or as many as its policy counts, are left of each
 * partition's replicas, and a majority where these are asked for their logs. */
static int64_t spare_brokers(const struct sim_spec *spec)
{
    int64_t spare = spec->brokers - 1;
    for (uint32_t i = 0; i < spec->topics_count; i++) {
        const struct sim_topic_spec *topic = &spec->topics[i];
        int32_t copies = isr_topic_copies(&topic->settings, (uint32_t)topic->replication_factor);
        int32_t most = topic->replication_factor - copies;
        if (isr_topic_asks_for_logs(&topic->settings) && most > (topic->replication_factor - 1) / 2)
            most = (topic->replication_factor - 1) / 2;
        spare = most < spare ? most : spare;
    }
    return spare;
}

static const int64_t CLIENT_TIMEOUT_MAX_NS = 600 * ISR_MS;

/* A heartbeat that is answered late, though nothing fails, goes to the next controller. If that one is gone,
 * the session runs out meanwhile, again and again: nobody promised that so slow a network bears that. (A
 * broker waits for half of its session; an answer may wait for an entry of the quorum.) */
static bool asks_in_vain(const struct sim_spec *spec)
{
    return spec->brokers > 0 && spec->config.broker_session_timeout / 2 <
                                    4 * spec->network.latency.high_ns + 2 * spec->disk.sync_latency.high_ns;
}

/* A witness leaves new leaders in peace, for longer each time (witness_pause): a leader that is heard and
 * does not work may be replaced at any time, and so be in the middle of it at the end. */
static bool has_witness(const struct sim_spec *spec)
{
    for (uint32_t i = 0; i < spec->topics_count; i++) {
        if (isr_topic_leader_choice(&spec->topics[i].settings) == ISR_LEADER_CHOICE_WITNESS)
            return true;
    }
    return false;
}

/* In every other run somebody never comes back, where the others suffice: at most as many brokers as topics
 * can do without, and a minority of the controllers. What may come in as a voter is not counted on. */
static void draw_gone(struct fault_plan *plan, struct fault_draws *draws)
{
    struct sim_spec *spec = &plan->spec;
    int64_t spare = spec->peer.count > 0 ? (spec->peer.count - 1) / 2 : spare_brokers(spec);
    int64_t brokers = spare > 0 ? fault_between(draws, 1, spare) : 0;
    int64_t voters = spec->standby_controllers > 0 || asks_in_vain(spec) ? 0 : (spec->controllers - 1) / 2;
    bool some = fault_one_in(draws, 2), by_half = fault_one_in(draws, 2);
    int64_t how = fault_between(draws, SIM_GONE_DEAF, spec->brokers > 0 ? SIM_GONE_STALLED : SIM_GONE_PARTED);
    if (!some)
        return;
    spec->gone_how = (uint8_t)(by_half ? how : SIM_GONE_APART);
    if (sim_gone_info(spec->gone_how)->heard && has_witness(spec))
        spec->gone_how = SIM_GONE_APART;
    int32_t first = spec->brokers > 0 ? (int32_t)fault_between(draws, 1, spec->brokers) : 0, number = 0;
    /* A client asks one after the other, and waits for each that is gone. */
    if (spec->config.client_request_timeout > CLIENT_TIMEOUT_MAX_NS)
        spec->config.client_request_timeout = CLIENT_TIMEOUT_MAX_NS;
    for (int32_t i = 0; i < spec->brokers && number < brokers; i++) {
        int32_t node = 1 + (first + i) % spec->brokers;
        bool votes = sim_spec_is_first_voter(spec, node);
        if (votes && voters == 0)
            continue;
        voters -= votes;
        number++;
        if (plan->kinds != FAULT_BIT(RECREATE))
            plan->kinds &=
                ~FAULT_BIT(RECREATE); /* a topic is not made without brokers for all its replicas */
        sim_node_set_add(&spec->gone, node);
    }
    for (int32_t node = spec->brokers + 1; node <= spec->brokers + spec->controllers && !spec->combined;
         node++) {
        if (voters > 0 && fault_one_in(draws, 2)) {
            sim_node_set_add(&spec->gone, node);
            voters--;
        }
    }
}

/* Some runs are short, with few faults or dense ones. What was healed has twice the time that it may need by
 * the configuration to be well again, and no more: nothing happens then. */
static void generate_length(struct fault_plan *plan, const struct run *run)
{
    struct fault_draws draws = draws_for(run->seed, PURPOSE_LENGTH, 0);
    struct sim_spec *spec = &plan->spec;
    const struct isr_config *config = &spec->config;
    int64_t faulty = run->way.plain ? fault_between(&draws, 8, 16) : fault_between(&draws, 10, 24);
    spec->settle_ns = 4 * ISR_SECOND + config->broker_session_timeout + 2 * config->replica_lag_time_max;
    /* Leaders that are moved back are moved soon, not at the very end. */
    if (config->leader_rebalance_interval < spec->settle_ns)
        spec->settle_ns += config->leader_rebalance_interval;
    /* Who is gone is missed first, and then asked by clients, one after the other, several times. Peers miss
     * each other soon enough. */
    if (!sim_node_set_is_empty(&spec->gone) && spec->peer.count == 0)
        spec->settle_ns += 2 * (config->broker_session_timeout +
                                4 * (spec->brokers > 0 ? spec->brokers : spec->controllers) *
                                    config->client_request_timeout);
    spec->duration_ns = faulty * ISR_SECOND + spec->settle_ns;
}

static void wait_until(struct fault_plan *plan, struct sim_condition condition, const char *note)
{
    const struct sim_spec *spec = &plan->spec;
    struct sim_step *step = &plan->steps[plan->spec.steps_count++];
    *step = (struct sim_step){.gate = SIM_GATE_WHEN,
                              .condition = condition,
                              .at_latest_ns = (spec->duration_ns - spec->settle_ns - ISR_SECOND) / 2};
    step->action = (struct sim_action){.kind = SIM_ACTION_NOTE, .partition = -1};
    struct isr_text text = ISR_TEXT(step->action.text);
    isr_text_format(&text, "%s", note);
}

/* Where somebody never comes back, faults begin when there is something to lose: a topic that cannot be made
 * any more, as its brokers are gone, proves nothing, and neither does a leader that loses its followers
 * before it has committed anything, and is lost then. */
static void wait_for_something_to_lose(struct fault_plan *plan)
{
    if (sim_node_set_is_empty(&plan->spec.gone) || plan->spec.topics_count == 0)
        return;
    const struct sim_topic_spec *last = &plan->topics[plan->spec.topics_count - 1];
    wait_until(plan,
               (struct sim_condition){.kind = SIM_CONDITION_LEADER_ELECTED,
                                      .topic = last->name,
                                      .partition = last->partitions - 1,
                                      .node = ISR_NODE_NONE},
               "topics are there");
    wait_until(
        plan,
        (struct sim_condition){
            .kind = SIM_CONDITION_COMMITTED, .node = ISR_NODE_NONE, .comparison = SIM_AT_LEAST, .value = 1},
        "there is something to lose");
}

void fault_generate(struct fault_plan *plan, const struct fault_request *request)
{
    size_t profiles;
    memset(plan, 0, sizeof *plan);
    struct sim_spec *spec = &plan->spec;
    *spec = sim_spec_default();
    struct isr_text name = ISR_TEXT(spec->name);
    isr_text_format(&name, "generated-%lu", request->seed);
    spec->seed = request->seed;
    spec->steps = plan->steps;
    if (request->schedule.depth > 0)
        spec->schedule = request->schedule;
    spec->consensus = request->consensus;
    spec->unchecked = fault_profiles_list(&profiles)[request->profile].unchecked | request->unchecked;
    memcpy(plan->turns, request->turns, sizeof plan->turns);
    plan->turns_count = request->turns_count;
    struct run run = run_begin(plan, request);
    generate_cluster(plan, &run);
    generate_surroundings(plan, &run);
    struct fault_draws gone_draws = draws_for(run.seed, PURPOSE_GONE, 0);
    draw_gone(plan, &gone_draws);
    generate_length(plan, &run);
    wait_for_something_to_lose(plan);
    if (run.chase)
        fault_chase(plan, &run.chase_draws);
    else if (run.quorum_chase)
        fault_quorum_chase(plan, &run.chase_draws);
    else
        fault_uniform(plan, isr_hash_combine(run.seed, PURPOSE_FAULT));
}
