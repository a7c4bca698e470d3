#include "faults/policies.h"

#include "core/policy/settings.h"

/* Where nothing is promised more would only be more of the same. */
enum { POWER_LOSSES_MAX = 3 };

void fault_draw_policies(struct sim_topic_spec *topic, struct fault_draws *draws)
{
    struct isr_topic_settings *settings = &topic->settings;
    bool other = fault_one_in(draws, 2);
    int64_t commit = fault_between(draws, 0, ISR_COMMIT_POLICIES - 1);
    int64_t followers = fault_between(draws, 1, topic->replication_factor - 1);
    bool asks = fault_one_in(draws, 2);
    bool pushed = fault_one_in(draws, 2);
    bool witnessed = fault_one_in(draws, 3);
    /* NONE waits for an administrator, and none comes when all has healed. */
    bool recovers = fault_one_in(draws, 2);
    int64_t recovery = fault_between(draws, ISR_UNCLEAN_RECOVERY_BALANCED, ISR_UNCLEAN_RECOVERY_AGGRESSIVE);
    if (recovers && !(other && asks))
        settings->unclean_recovery = recovery;
    if (!other)
        return;
    settings->commit = commit;
    if (commit == ISR_COMMIT_SEMI_SYNC)
        settings->commit_followers = followers;
    if (commit != ISR_COMMIT_ALL_ISR && commit != ISR_COMMIT_FULLY_SYNC)
        settings->min_isr = 1;
    settings->transfer = pushed;
    if (asks)
        settings->leader_choice = witnessed ? ISR_LEADER_CHOICE_WITNESS : ISR_LEADER_CHOICE_MOST_UP_TO_DATE;
}

int64_t fault_policies_budget(const struct sim_spec *spec)
{
    int64_t budget = POWER_LOSSES_MAX;
    for (uint32_t i = 0; i < spec->topics_count; i++) {
        const struct sim_topic_spec *topic = &spec->topics[i];
        int32_t promise = isr_topic_promise(&topic->settings, (uint32_t)topic->replication_factor);
        if (promise > 0 && promise - 1 < budget)
            budget = promise - 1;
    }
    return budget;
}
