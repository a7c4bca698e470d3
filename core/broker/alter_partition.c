/* Asking the controller for another ISR (KIP-497): at most one request of a partition counts at a time.
 *
 *   proposed --answer OK-------------------------------------> committed: the controller's ISR
 *            --INELIGIBLE_REPLICA----------------------------> committed: the ISR before
 *            --FENCED_LEADER_EPOCH and its like--------------> pending in silence, metadata will tell
 *            --any other refusal, or no answer---------------> proposed again after a pause
 *   any      --metadata, a new role--------------------------> dropped: an answer comes too late */
#include "core/broker/leader.h"

static void send_request(struct isr_partition *partition)
{
    struct isr_broker *broker = partition->broker;
    struct isr_leader *leading = partition->leading;
    int32_t controller = isr_broker_controller(broker);
    if (controller == ISR_NODE_NONE || broker->broker_epoch < 0) {
        isr_env_timer_in(broker->env, &leading->alter_timer, broker->env->config.retry_backoff);
        return;
    }
    struct isr_isr_member members[ISR_REPLICAS_MAX];
    for (unsigned i = 0; i < partition->proposed.count; i++) {
        members[i].id = partition->proposed.ids[i];
        members[i].broker_epoch = leading->proposed_epochs[i];
    }
    leading->alter_correlation = isr_broker_correlation(broker);
    leading->alter_to = controller;
    /* recovering = 0: a leader elected uncleanly has recovered once it leads, as Kafka does it (KIP-704). */
    struct isr_message message = {.kind = ISR_MESSAGE_ALTER_PARTITION_REQUEST,
                                  .alter_partition_request = {.correlation = leading->alter_correlation,
                                                              .broker_id = (int16_t)broker->env->node,
                                                              .broker_epoch = broker->broker_epoch,
                                                              .tp = partition->tp,
                                                              .leader_epoch = partition->leader_epoch,
                                                              .partition_epoch = partition->partition_epoch,
                                                              .isr = members,
                                                              .isr_count = partition->proposed.count}};
    isr_send(broker->env, controller, &message);
    isr_env_timer_in(broker->env, &leading->alter_timer, broker->env->config.request_timeout);
}

/* The answer did not come, or the pause after a refusal is over. */
static void on_timer(void *object)
{
    send_request(object);
}

void isr_alter_partition_start(struct isr_partition *partition)
{
    isr_timer_init(&partition->leading->alter_timer, on_timer, partition);
}

void isr_alter_partition_drop(struct isr_partition *partition)
{
    partition->leading->alter_correlation = 0;
    isr_timer_cancel(&partition->broker->env->timers, &partition->leading->alter_timer);
}

/* KIP-903: each member with the broker epoch of its last fetch, -1 when it did not fetch in this leadership:
 * the controller refuses one that has registered anew since. As of now, for every copy of the request: that
 * they are in sync was found of these lives, and a later one may have begun with an empty log. */
static void note_epochs(struct isr_partition *partition)
{
    for (unsigned i = 0; i < partition->proposed.count; i++) {
        const struct isr_remote_replica *remote = isr_partition_remote(partition, partition->proposed.ids[i]);
        partition->leading->proposed_epochs[i] =
            remote != NULL ? remote->broker_epoch : partition->broker->broker_epoch;
    }
}

void isr_alter_partition_propose(struct isr_partition *partition, const struct isr_replicas *isr,
                                 enum isr_isr_state state, enum isr_cause cause)
{
    ISR_ASSERT(partition->isr_state == ISR_STATE_COMMITTED);
    ISR_ASSERT(state != ISR_STATE_COMMITTED);
    partition->isr_state = state;
    partition->proposed = *isr;
    partition->leading->alter_cause = cause;
    note_epochs(partition);
    struct isr_observation *seen = isr_observe(partition->broker->env, ISR_OBSERVED_ISR_PROPOSED);
    seen->isr_proposed.tp = isr_tp_key(partition->tp);
    seen->isr_proposed.from = (int64_t)isr_replicas_pack(&partition->isr);
    seen->isr_proposed.to = (int64_t)isr_replicas_pack(isr);
    seen->isr_proposed.leader_epoch = partition->leader_epoch;
    seen->isr_proposed.partition_epoch = partition->partition_epoch;
    seen->isr_proposed.cause = cause;
    isr_partition_assert(partition);
    send_request(partition);
}

void isr_alter_partition_disconnected(struct isr_partition *partition, int32_t node)
{
    struct isr_env *env = partition->broker->env;
    if (partition->leading->alter_correlation != 0 && partition->leading->alter_to == node)
        isr_env_timer_in(env, &partition->leading->alter_timer, env->config.retry_backoff);
}

static void accepted(struct isr_partition *partition, const struct isr_alter_partition_response *response)
{
    /* Only a state of this leadership that is not older than ours; else metadata will tell. */
    if (response->leader_epoch != partition->leader_epoch ||
        response->partition_epoch < partition->partition_epoch ||
        !isr_replicas_contain(&response->isr, partition->broker->env->node) ||
        !isr_replicas_subset(&response->isr, &partition->replicas)) {
        isr_alter_partition_drop(partition);
        return;
    }
    partition->recovering = response->recovering != 0;
    isr_leader_commit_isr(partition, &response->isr, response->partition_epoch,
                          partition->leading->alter_cause);
}

/* The controller says that our partition epoch was current, that nothing was done, and that it has committed
 * a higher one, so that no copy of the request is accepted any more. So the ISR before is the ISR. A pause
 * keeps the next fetch from asking the same at once. */
static void back_to_committed(struct isr_partition *partition)
{
    struct isr_env *env = partition->broker->env;
    isr_alter_partition_drop(partition);
    partition->proposed = (struct isr_replicas){0};
    partition->isr_state = ISR_STATE_COMMITTED;
    partition->leading->propose_after_ns = env->now_ns + env->config.retry_backoff;
    isr_leader_advance_high_watermark(partition, ISR_CAUSE_ISR_COMMITTED);
}

static void observe_rejected(struct isr_partition *partition, uint8_t error)
{
    struct isr_observation *seen = isr_observe(partition->broker->env, ISR_OBSERVED_ISR_REJECTED);
    seen->isr_rejected.tp = isr_tp_key(partition->tp);
    seen->isr_rejected.proposed = (int64_t)isr_replicas_pack(&partition->proposed);
    seen->isr_rejected.error = error;
    partition->broker->env->metrics.isr_rejections++;
}

static void refused(struct isr_partition *partition, uint8_t error)
{
    observe_rejected(partition, error);
    switch (error) {
    case ISR_ERROR_INELIGIBLE_REPLICA:
        back_to_committed(partition);
        return;
    case ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION:
    case ISR_ERROR_FENCED_LEADER_EPOCH:
    case ISR_ERROR_INVALID_UPDATE_VERSION:
    case ISR_ERROR_INVALID_REQUEST:
    case ISR_ERROR_NEW_LEADER_ELECTED:
        /* The cluster has moved on, perhaps by this very request sent twice: which ISR holds is not known
         * here. The maximal ISR stays until metadata arrives (KIP-497). */
        isr_alter_partition_drop(partition);
        return;
    }
    /* NOT_CONTROLLER, STALE_BROKER_EPOCH and the like: again, to whom is the controller then. */
    isr_alter_partition_drop(partition);
    isr_env_timer_in(partition->broker->env, &partition->leading->alter_timer,
                     partition->broker->env->config.retry_backoff);
}

void isr_alter_partition_response(struct isr_broker *broker, int32_t from,
                                  const struct isr_alter_partition_response *response)
{
    struct isr_partition *partition = isr_broker_partition(broker, response->tp);
    if (partition == NULL || partition->role != ISR_ROLE_LEADER)
        return;
    const struct isr_leader *leading = partition->leading;
    if (leading->alter_correlation == 0 || leading->alter_correlation != response->correlation ||
        leading->alter_to != from)
        return;
    if (response->error == ISR_ERROR_NONE)
        accepted(partition, response);
    else
        refused(partition, response->error);
    isr_partition_assert(partition);
}
