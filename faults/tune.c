#include "faults/tune.h"

#include "faults/chase.h"
#include "faults/raft.h"

#define PARTITIONS                                                                                   \
    (FAULT_BIT(CUT) | FAULT_BIT(HALVES) | FAULT_BIT(ISOLATE) | FAULT_BIT(BRIDGE) | FAULT_BIT(RING) | \
     FAULT_BIT(CONTROL_CUT) | FAULT_BIT(DATA_CUT) | FAULT_BIT(FLAPPING))
#define LINKS                                                                                               \
    (FAULT_BIT(SLOW_LINK) | FAULT_BIT(LOSSY_LINK) | FAULT_BIT(DOUBLING_LINK) | FAULT_BIT(REORDERING_LINK) | \
     FAULT_BIT(HOLD) | FAULT_BIT(DROP))
#define CONTROLLERS (FAULT_BIT(KILL_CONTROLLER) | FAULT_BIT(CUT_CONTROLLER) | FAULT_BIT(TRANSFER))

/* All that leaves promises standing. */
static uint64_t usual_kinds(void)
{
    uint64_t kinds = 0;
    for (unsigned kind = 0; kind < FAULT_KINDS; kind++) {
        if (fault_kind_info((enum fault_kind)kind)->budget != FAULT_BUDGET_PROMISE)
            kinds |= UINT64_C(1) << kind;
    }
    return kinds;
}

struct fault_way fault_way_of(enum fault_profile profile)
{
    switch (profile) {
    case FAULT_PROFILE_DEFAULT:
    case FAULT_PROFILES:
        break;
    case FAULT_PROFILE_OVER_BUDGET:
        return (struct fault_way){.may = FAULT_ALL_KINDS, .chases = 2};
    case FAULT_PROFILE_MESSAGES:
        return (struct fault_way){.may = PARTITIONS | LINKS | FAULT_BIT(ELECT) | FAULT_BIT(CUT_CONTROLLER),
                                  .always = FAULT_BIT(ISOLATE) | FAULT_BIT(ELECT),
                                  .chases = 2,
                                  .plain = true};
    case FAULT_PROFILE_POWER:
        return (struct fault_way){.may = FAULT_BIT(POWER_OFF) | FAULT_BIT(KILL) | FAULT_BIT(SHUTDOWN) |
                                         FAULT_BIT(CUT) | FAULT_BIT(SLOW_LINK) | FAULT_BIT(HOLD) |
                                         FAULT_BIT(SLOW_DISK) | FAULT_BIT(LATE_NAMES) |
                                         FAULT_BIT(FAILED_SYNC) | FAULT_BIT(ELECT) |
                                         FAULT_BIT(KILL_CONTROLLER) | FAULT_BIT(RESTART_STORM),
                                  .always = FAULT_BIT(POWER_OFF),
                                  .chases = 2,
                                  .plain = true};
    case FAULT_PROFILE_UNCLEAN:
        return (struct fault_way){.may = PARTITIONS | LINKS | FAULT_BIT(KILL) | FAULT_BIT(POWER_OFF) |
                                         FAULT_BIT(PAUSE) | FAULT_BIT(ELECT) | FAULT_BIT(UNCLEAN_ELECT),
                                  .always = FAULT_BIT(KILL) | FAULT_BIT(CUT),
                                  .chases = 3,
                                  .plain = true};
    case FAULT_PROFILE_ZOMBIE:
        return (struct fault_way){.may = CONTROLLERS | FAULT_BIT(PAUSE) | FAULT_BIT(SLOW_CPU) |
                                         FAULT_BIT(STALL) | FAULT_BIT(HOLD) | FAULT_BIT(CUT) |
                                         FAULT_BIT(CONTROL_CUT) | FAULT_BIT(ELECT) | FAULT_BIT(KILL),
                                  .always = FAULT_BIT(PAUSE),
                                  .chases = 2,
                                  .plain = true};
    case FAULT_PROFILE_READS:
        return (struct fault_way){.may = PARTITIONS | LINKS | FAULT_BIT(KILL) | FAULT_BIT(PAUSE) |
                                         FAULT_BIT(SHUTDOWN) | FAULT_BIT(SLOW_DISK) | FAULT_BIT(ELECT),
                                  .always = FAULT_BIT(ELECT),
                                  .chases = 2,
                                  .plain = true};
    case FAULT_PROFILE_CONTROLLER:
        return (struct fault_way){.may = CONTROLLERS | PARTITIONS | LINKS | FAULT_BIT(KILL) |
                                         FAULT_BIT(POWER_OFF) | FAULT_BIT(PAUSE) | FAULT_BIT(SLOW_DISK) |
                                         FAULT_BIT(STALL) | FAULT_BIT(SLOW_CPU) | FAULT_BIT(SHUTDOWN) |
                                         FAULT_BIT(RESTART_STORM) | FAULT_BIT(ROLLING_RESTART),
                                  .always = FAULT_BIT(KILL_CONTROLLER) | FAULT_BIT(CUT_CONTROLLER),
                                  .chases = 2,
                                  .plain = true};
    case FAULT_PROFILE_MEMBERSHIP:
        return (struct fault_way){.may = CONTROLLERS | FAULT_BIT(MEMBERS) | FAULT_BIT(REASSIGN) |
                                         FAULT_BIT(RECREATE) | FAULT_BIT(MIN_ISR) | FAULT_BIT(ELECT) |
                                         FAULT_BIT(KILL) | FAULT_BIT(POWER_OFF) | FAULT_BIT(PAUSE) |
                                         FAULT_BIT(CUT) | FAULT_BIT(HALVES) | FAULT_BIT(DELETE_RECORDS),
                                  .always = FAULT_BIT(MEMBERS) | FAULT_BIT(REASSIGN),
                                  .chases = 0,
                                  .plain = true};
    case FAULT_PROFILE_RAFT:
        return (struct fault_way){
            .may = CONTROLLERS | LINKS | FAULT_BIT(CUT) | FAULT_BIT(HALVES) | FAULT_BIT(ISOLATE) |
                   FAULT_BIT(BRIDGE) | FAULT_BIT(RING) | FAULT_BIT(FLAPPING) | FAULT_BIT(CORRUPT_LINK) |
                   FAULT_BIT(MEMBERS) | FAULT_BIT(KILL) | FAULT_BIT(POWER_OFF) | FAULT_BIT(PAUSE) |
                   FAULT_BIT(SHUTDOWN) | FAULT_BIT(RESTART_STORM) | FAULT_BIT(SLOW_CPU) |
                   FAULT_BIT(SLOW_DISK) | FAULT_BIT(STALL) | FAULT_BIT(DISK_ERROR) | FAULT_BIT(DISK_FULL) |
                   FAULT_BIT(CLOCK) | FAULT_BIT(CLOCK_JUMP),
            .chases = 2,
            .plain = true};
    }
    return (struct fault_way){.may = usual_kinds(), .chases = 2};
}

/* ---- the cluster ---- */

/* Short enough for many of whatever takes time, long enough for a network that is not slow by a fault. */
static void hasten(struct fault_plan *plan, struct fault_draws *draws)
{
    struct isr_config *config = &plan->spec.config;
    config->broker_heartbeat_interval = fault_between(draws, 100, 300) * ISR_MS;
    config->broker_session_timeout = fault_between(draws, 700, 1500) * ISR_MS;
    config->replica_lag_time_max = fault_between(draws, 300, 1200) * ISR_MS;
    config->quorum_election_timeout = fault_between(draws, 300, 800) * ISR_MS;
    config->quorum_heartbeat_interval = config->quorum_election_timeout / 4;
    config->request_timeout = fault_between(draws, 300, 1000) * ISR_MS;
    config->client_request_timeout = fault_between(draws, 300, 1500) * ISR_MS;
}

static void set_topics(struct fault_plan *plan, int32_t partitions, int16_t replicas, int64_t min_isr)
{
    plan->spec.topics_count = 1;
    plan->topics[0].partitions = partitions;
    plan->topics[0].replication_factor = replicas;
    plan->topics[0].settings.min_isr = min_isr;
}

/* Three brokers that all have the one partition. */
static void three_replicas(struct fault_plan *plan)
{
    plan->spec.brokers = 3;
    set_topics(plan, 1, 3, 2);
}

void fault_tune_cluster(struct fault_plan *plan, enum fault_profile profile, struct fault_draws *draws)
{
    struct isr_config *config = &plan->spec.config;
    switch (profile) {
    case FAULT_PROFILE_DEFAULT:
    case FAULT_PROFILE_OVER_BUDGET:
    case FAULT_PROFILES:
        return;
    case FAULT_PROFILE_MESSAGES:
        hasten(plan, draws);
        three_replicas(plan);
        config->metadata_push = fault_one_in(draws, 3);
        config->fetch_interval = fault_between(draws, 5, 60) * ISR_MS;
        config->log_flush_messages = 0;
        return;
    case FAULT_PROFILE_POWER:
        hasten(plan, draws);
        three_replicas(plan);
        config->log_flush_messages = 0;
        return;
    case FAULT_PROFILE_UNCLEAN:
        hasten(plan, draws);
        plan->spec.brokers = 3;
        set_topics(plan, 1, fault_one_in(draws, 2) ? 2 : 3, fault_one_in(draws, 3) ? 2 : 1);
        plan->topics[0].settings.unclean = 1;
        return;
    case FAULT_PROFILE_ZOMBIE:
        config->metadata_push = fault_one_in(draws, 3);
        hasten(plan, draws);
        three_replicas(plan);
        return;
    case FAULT_PROFILE_READS:
        hasten(plan, draws);
        three_replicas(plan);
        return;
    case FAULT_PROFILE_CONTROLLER:
        hasten(plan, draws);
        three_replicas(plan);
        config->metadata_push = fault_one_in(draws, 3);
        plan->spec.controllers = 3;
        return;
    case FAULT_PROFILE_MEMBERSHIP:
        hasten(plan, draws);
        plan->spec.brokers = (int32_t)fault_between(draws, 4, 5);
        set_topics(plan, (int32_t)fault_between(draws, 1, 2), 3, 2);
        return;
    case FAULT_PROFILE_RAFT:
        fault_raft_cluster(plan, draws);
        return;
    }
}

/* ---- the load ---- */

/* Half of the producers ask for acks=1, and write little. */
static void few_writes(struct fault_plan *plan, struct fault_draws *draws)
{
    for (uint32_t i = 0; i < plan->spec.clients_count; i++) {
        struct sim_client_spec *client = &plan->clients[i];
        if (client->kind != SIM_CLIENT_PRODUCER)
            continue;
        client->interval_ns = fault_between(draws, 60, 500) * ISR_MS;
        client->records_per_batch = (int32_t)fault_between(draws, 1, 3);
        if (i > 0)
            client->acks = 1;
    }
}

/* Late by up to twice the time between two fetches, and one message in twenty is lost. */
static void far_and_lossy(struct fault_plan *plan)
{
    struct sim_link_spec *link = &plan->spec.network;
    int64_t fetch_ns = plan->spec.config.fetch_interval;
    link->latency = (struct sim_distribution){fetch_ns / 20, fetch_ns, 2 * fetch_ns, 2 * fetch_ns};
    link->loss_ppm = 50000;
    plan->spec.config.replica_lag_max_messages = 0;
    plan->spec.config.replica_lag_time_max += 10 * fetch_ns;
}

void fault_tune_load(struct fault_plan *plan, enum fault_profile profile, struct fault_draws *draws)
{
    switch (profile) {
    case FAULT_PROFILE_DEFAULT:
    case FAULT_PROFILE_OVER_BUDGET:
    case FAULT_PROFILES:
        return;
    case FAULT_PROFILE_MESSAGES:
        few_writes(plan, draws);
        far_and_lossy(plan);
        return;
    case FAULT_PROFILE_READS:
        few_writes(plan, draws);
        for (uint32_t i = 0; i < plan->spec.clients_count; i++) {
            struct sim_client_spec *client = &plan->clients[i];
            client->from_follower = client->kind == SIM_CLIENT_CONSUMER;
        }
        return;
    case FAULT_PROFILE_POWER:
    case FAULT_PROFILE_UNCLEAN:
    case FAULT_PROFILE_ZOMBIE:
    case FAULT_PROFILE_CONTROLLER:
    case FAULT_PROFILE_MEMBERSHIP:
        few_writes(plan, draws);
        return;
    case FAULT_PROFILE_RAFT:
        fault_raft_load(plan, draws);
        return;
    }
}
