/* For tests on whole worlds: three combined brokers, the topic orders, and clients to choose from. */
#ifndef SIM_TESTS_CLUSTER_H
#define SIM_TESTS_CLUSTER_H

#include "sim/tests/support.h"

struct test_cluster {
    struct sim_spec spec;
    struct sim_topic_spec topic;
    struct sim_client_spec clients[4];
    struct sim_step steps[16];
    struct sim_world *world;
};

static inline void test_cluster_init(struct test_cluster *cluster)
{
    static const struct isr_replicas assignment[] = {
        {.count = 3, .ids = {1, 2, 3}}, {.count = 3, .ids = {2, 3, 1}}, {.count = 3, .ids = {3, 1, 2}}};
    memset(cluster, 0, sizeof *cluster);
    cluster->spec = sim_spec_default();
    cluster->spec.duration_ns = 10 * ISR_SECOND;
    cluster->topic = (struct sim_topic_spec){.name = {"orders"},
                                             .partitions = 1,
                                             .replication_factor = 3,
                                             .settings = isr_topic_settings_of_min_isr(2),
                                             .assignments = (struct isr_replicas *)(uintptr_t)assignment};
    cluster->spec.topics = &cluster->topic;
    cluster->spec.topics_count = 1;
    cluster->spec.clients = cluster->clients;
    cluster->spec.steps = cluster->steps;
}

static inline struct sim_client_spec *test_cluster_client(struct test_cluster *cluster, const char *name,
                                                          enum sim_client_kind kind)
{
    struct sim_client_spec *client = &cluster->clients[cluster->spec.clients_count++];
    *client = (struct sim_client_spec){
        .kind = kind,
        .topic = {"orders"},
        .partition = -1,
        .interval_ns = kind == SIM_CLIENT_PRODUCER || kind == SIM_CLIENT_READER ? 10 * ISR_MS : 0,
        .records_per_batch = 1,
        .value_bytes = 16,
        .acks = -1,
        .stop_ns = ISR_TIME_NEVER};
    memcpy(client->name, name, strlen(name) + 1);
    return client;
}

static inline struct sim_step *test_cluster_step(struct test_cluster *cluster, enum sim_gate_kind gate,
                                                 enum sim_action_kind kind, int32_t node)
{
    struct sim_step *step = &cluster->steps[cluster->spec.steps_count++];
    *step = (struct sim_step){.gate = gate, .at_latest_ns = ISR_TIME_NEVER};
    step->condition = (struct sim_condition){.topic = {"orders"}, .node = ISR_NODE_NONE};
    step->action.kind = kind;
    step->action.topic = cluster->topic.name;
    step->action.acks = -1;
    step->action.value_bytes = 16;
    if (node > 0)
        sim_node_set_add(&step->action.nodes, node);
    return step;
}

static inline void test_cluster_build(struct test_cluster *cluster, uint64_t seed)
{
    char buffer[256];
    uint32_t where;
    const char *wrong = sim_spec_check(&cluster->spec, buffer, sizeof buffer, &where);
    if (wrong != NULL)
        fail_msg("step %u: %s", (unsigned)where, wrong);
    cluster->world = sim_world_new(test_arena(), &cluster->spec, seed);
}

/* Until that time, or to the end. */
static inline struct sim_world *test_cluster_run(struct test_cluster *cluster, int64_t until_ns)
{
    if (cluster->world == NULL)
        test_cluster_build(cluster, 1);
    while (cluster->world->now_ns < until_ns && sim_world_step(cluster->world))
        continue;
    return cluster->world;
}

#endif
