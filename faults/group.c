#include "faults/group.h"

#include "core/peer/peer.h"
#include "core/policy/settings.h"

/* Half of the groups replicate by majority: the others promise less, so that less of them can be held. */
static void draw_policy(struct fault_plan *plan, struct fault_draws *draws)
{
    static const enum isr_commit_policy policies[] = {ISR_COMMIT_QUORUM,     ISR_COMMIT_QUORUM,
                                                      ISR_COMMIT_QUORUM,     ISR_COMMIT_SEMI_SYNC,
                                                      ISR_COMMIT_FULLY_SYNC, ISR_COMMIT_ASYNC};
    struct sim_topic_spec *topic = &plan->topics[0];
    enum isr_commit_policy policy = policies[fault_between(draws, 0, 5)];
    topic->settings = isr_topic_settings_default();
    topic->settings.commit = policy;
    topic->partitions = 1;
    topic->replication_factor = (int16_t)plan->spec.peer.count;
    if (policy == ISR_COMMIT_SEMI_SYNC)
        topic->settings.commit_followers = fault_between(draws, 1, plan->spec.peer.count - 1);
}

static void draw_config(struct isr_config *config, struct fault_draws *draws)
{
    config->peer_silence_max = fault_between(draws, 300, 1500) * ISR_MS;
    config->peer_heartbeat_interval = config->peer_silence_max / fault_between(draws, 3, 6);
    config->peer_control_timeout = fault_between(draws, 100, 600) * ISR_MS;
    config->peer_election_timeout = fault_between(draws, 200, 1200) * ISR_MS;
    config->peer_candidacy_delay = fault_between(draws, 100, 800) * ISR_MS;
    config->peer_ready_lag = fault_between(draws, 0, 1000) * ISR_MS;
    config->peer_disk_latency_max = fault_between(draws, 100, 600) * ISR_MS;
    config->peer_step_lag_max = fault_between(draws, 100, 600) * ISR_MS;
    config->peer_unhealthy_after = fault_between(draws, 1, 4);
}

void fault_group(struct fault_plan *plan, struct fault_draws *draws)
{
    static const int32_t bootstraps[] = {1, 2, SIM_BOOTSTRAP_BALANCER, SIM_BOOTSTRAP_PREVIOUS,
                                         SIM_BOOTSTRAP_TOGETHER};
    struct sim_spec *spec = &plan->spec;
    spec->peer.count = (int32_t)fault_between(draws, 2, 5);
    spec->peer.transfer = fault_one_in(draws, 2) ? ISR_PEER_PUSH : ISR_PEER_PULL;
    spec->peer.bootstrap = bootstraps[fault_between(draws, 0, 4)];
    spec->brokers = spec->peer.count;
    spec->controllers = spec->standby_controllers = 0;
    spec->combined = true;
    spec->topics_count = 1;
    draw_policy(plan, draws);
    draw_config(&spec->config, draws);
}

int64_t fault_group_power_budget(const struct fault_plan *plan)
{
    const struct isr_topic_settings *settings = &plan->topics[0].settings;
    int32_t first = plan->spec.peer.bootstrap == SIM_BOOTSTRAP_TOGETHER ? plan->spec.peer.count : 1;
    int32_t least = INT32_MAX;
    for (int32_t size = first; size <= plan->spec.peer.count; size++) {
        int32_t promise = isr_commit_promise(isr_topic_commit(settings), (uint32_t)settings->commit_followers,
                                             (uint32_t)size, 1, ISR_LEADER_CHOICE_PEER_VOTE);
        if (promise < least)
            least = promise;
    }
    return least == 0 ? INT32_MAX : least - 1; /* who promises nothing is held to nothing */
}
