#include "faults/raft.h"

#include "core/base/text.h"

/* Elections are short, so that a run has room for many; now and then snapshots come often too. */
static void draw_config(struct isr_config *config, struct fault_draws *draws)
{
    config->quorum_election_timeout = fault_between(draws, 150, 600) * ISR_MS;
    config->quorum_heartbeat_interval = config->quorum_election_timeout / fault_between(draws, 3, 6);
    config->quorum_snapshot_entries = fault_one_in(draws, 2) ? fault_between(draws, 10, 60) : 1000;
    /* What goes out in a round trip with a slow sync must be more than what is proposed meanwhile. */
    config->quorum_append_inflight = fault_between(draws, 2, 8);
    config->quorum_append_max_bytes =
        fault_one_in(draws, 2) ? fault_between(draws, 1000, 4000) : config->quorum_append_max_bytes;
    config->client_request_timeout = fault_between(draws, 400, 1000) * ISR_MS;
    config->retry_backoff = fault_between(draws, 20, 100) * ISR_MS;
    config->delivery_timeout = fault_between(draws, 1000, 6000) * ISR_MS;
}

/* An even number now and then: a majority of it and one of its neighbours' have the least in common. */
static int32_t draw_voters(const struct fault_plan *plan, struct fault_draws *draws)
{
    static const int32_t usual[] = {3, 3, 3, 4, 5, 5}, changing[] = {3, 3, 4, 4, 4, 5};
    int64_t which = fault_between(draws, 0, 5);
    return plan->spec.standby_controllers > 0 ? changing[which] : usual[which];
}

void fault_raft_cluster(struct fault_plan *plan, struct fault_draws *draws)
{
    struct sim_spec *spec = &plan->spec;
    spec->brokers = 0;
    spec->topics = NULL;
    spec->topics_count = 0;
    spec->alone = spec->controllers = draw_voters(plan, draws);
    spec->combined = false;
    for (int32_t node = 0; node <= SIM_NODES_MAX; node++)
        spec->racks[node] = ISR_RACK_NONE;
    spec->duration_ns = 24 * ISR_SECOND;
    spec->settle_ns = 8 * ISR_SECOND;
    draw_config(&spec->config, draws);
}

/* Every third disk takes its time, so that much is on its way when something happens. */
static void draw_disks(struct sim_disk_spec *disk, struct fault_draws *draws)
{
    int64_t sync_ns = fault_between(draws, 5, 40) * ISR_MS;
    if (fault_one_in(draws, 3))
        disk->sync_latency = (struct sim_distribution){sync_ns / 4, sync_ns, sync_ns * 2, sync_ns * 4};
}

void fault_raft_load(struct fault_plan *plan, struct fault_draws *draws)
{
    struct sim_spec *spec = &plan->spec;
    spec->clients = plan->clients;
    spec->clients_count = (uint32_t)fault_between(draws, 1, 2);
    for (uint32_t i = 0; i < spec->clients_count; i++) {
        struct sim_client_spec *client = &plan->clients[i];
        struct isr_text name = ISR_TEXT(client->name);
        isr_text_format(&name, "proposer%u", i + 1);
        client->kind = SIM_CLIENT_PROPOSER;
        client->partition = -1;
        client->records_per_batch = 1;
        client->value_bytes = (int32_t)fault_between(draws, 8, 100);
        client->interval_ns = fault_between(draws, 20, 150) * ISR_MS;
        client->acks = -1;
        client->stop_ns = ISR_TIME_NEVER;
    }
    draw_disks(&spec->disk, draws);
}
