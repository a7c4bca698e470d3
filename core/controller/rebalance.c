/* Leaders go back to the preferred replicas by themselves (Kafka: auto.leader.rebalance.enable;
 * QuorumController.maybeBalancePartitionLeaders): after a failover, or a rolling restart, a few brokers lead
 * most partitions.
 *
 *   resting --interval over--> looking --all partitions seen--> resting
 *                                 |  ^ soon
 *                                 +--+ one entry is full
 *
 * As KRaft does it: there is no threshold of imbalance, each partition whose first replica may lead is led by
 * it. An election of this kind is never unclean, and none takes place where replicas are asked for their logs
 * (their order says nothing there) or nobody leads (that waits for other things than time). */
#include "core/controller/internal.h"

enum { ELECTIONS_IN_ENTRY_MAX = 1000 }; /* Kafka: MAX_ELECTIONS_PER_IMBALANCE */

static bool may_be_imbalanced(const struct isr_image_partition *partition)
{
    return partition->leader != ISR_NODE_NONE && partition->leader != partition->replicas.ids[0] &&
           isr_replicas_contain(&partition->isr, partition->replicas.ids[0]);
}

/* False: the entry is full, there may be more. */
static bool record_elections(struct isr_controller *controller)
{
    const struct ctl_happening what = {.cause = ISR_CAUSE_ELECTION_PREFERRED,
                                       .election = CTL_ELECTION_PREFERRED,
                                       .leaves = ISR_NODE_NONE,
                                       .returns = ISR_NODE_NONE};
    for (uint32_t i = 0; i < controller->pending.topics_count; i++) {
        const struct isr_image_topic *topic = &controller->pending.topics[i];
        if (isr_topic_asks_for_logs(&topic->settings))
            continue;
        for (uint32_t j = 0; j < topic->partitions_count; j++) {
            if (controller->records_count == ELECTIONS_IN_ENTRY_MAX)
                return false;
            if (may_be_imbalanced(&topic->partitions[j]))
                ctl_record_partition(controller, &topic->partitions[j], &what);
        }
    }
    return true;
}

static void look(void *object)
{
    struct isr_controller *controller = object;
    struct isr_env *env = controller->env;
    controller->records_count = 0;
    bool all = record_elections(controller);
    bool proposed = ctl_propose(controller);
    int64_t pause_ns = all && proposed ? env->config.leader_rebalance_interval : env->config.retry_backoff;
    isr_env_timer_in(env, &controller->rebalance_timer, pause_ns);
}

void ctl_rebalance_init(struct isr_controller *controller)
{
    isr_timer_init(&controller->rebalance_timer, look, controller);
}

void ctl_rebalance_begin(struct isr_controller *controller)
{
    if (controller->env->config.leader_rebalance_interval > 0)
        isr_env_timer_in(controller->env, &controller->rebalance_timer,
                         controller->env->config.leader_rebalance_interval);
}

void ctl_rebalance_end(struct isr_controller *controller)
{
    isr_timer_cancel(&controller->env->timers, &controller->rebalance_timer);
}
