/* The witness: an observer outside of the replicas that notices when a leader that lives for its heartbeats
 * cannot write any more, because its disk hangs or its followers do not hear it. Topics with leader_choice
 * witness.
 *
 * Clients are its eyes: one whose writes failed witness_failures times in a row tells the controller (a write
 * that succeeds begins the count anew). The controller counts the clients. When witness_clients different
 * ones have told of the same leader epoch within witness_pause, the leader is deposed and the replicas are
 * asked for their logs; where the others are a majority, the deposed one is not among them (log_elections.c).
 *
 *   WATCHING --a client tells--> DOUBTING (who told) --enough of them--> leader deposed, PEACE
 *   DOUBTING --another leader epoch, or witness_pause without enough--> WATCHING
 *   PEACE    --its pause is over--> WATCHING
 *
 * False alarms. A client that is cut off from a healthy leader sees what a client of a dead one sees. With
 * witness_clients = 1 it deposes the leader; with more it alone cannot, however often it tells: each counts
 * once. Whoever errs, the next leader is left in peace for a pause that doubles each time (up to 8 times
 * witness_pause), so that clients that are cut off from everybody do not keep the partition without leader.
 * An election by logs loses nothing that its policy promised, so that a false alarm costs time only.
 *
 * All this is forgotten when the controller resigns: the clients tell the next one. */
#include "core/controller/internal.h"

enum { PAUSES_MAX = 3 }; /* doublings */

struct ctl_witness {
    struct isr_tp tp;
    int32_t leader_epoch; /* of which it was told */
    int64_t told_ns;      /* first */
    uint64_t clients[(ISR_NODE_MAX + 64) / 64];
    uint32_t clients_count;
    int64_t peace_until_ns;
    uint32_t pauses;
    int32_t deposed, deposed_epoch; /* the last leader deposed, and the epoch that began by it */
};

static struct ctl_witness *find(const struct isr_controller *controller, struct isr_tp tp)
{
    for (uint32_t i = 0; i < controller->witnesses_count; i++) {
        if (isr_tp_equal(controller->witnesses[i].tp, tp))
            return &controller->witnesses[i];
    }
    return NULL;
}

static struct ctl_witness *find_or_add(struct isr_controller *controller, struct isr_tp tp)
{
    struct ctl_witness *witness = find(controller, tp);
    if (witness != NULL)
        return witness;
    controller->witnesses = ISR_GROW(controller->env->heap, controller->witnesses,
                                     controller->witnesses_count, controller->witnesses_capacity);
    witness = &controller->witnesses[controller->witnesses_count++];
    *witness = (struct ctl_witness){
        .tp = tp, .leader_epoch = ISR_EPOCH_NONE, .deposed = ISR_NODE_NONE, .deposed_epoch = ISR_EPOCH_NONE};
    return witness;
}

int32_t ctl_witness_deposed(const struct isr_controller *controller, struct isr_tp tp, int32_t leader_epoch)
{
    const struct ctl_witness *witness = find(controller, tp);
    return witness != NULL && witness->deposed_epoch == leader_epoch ? witness->deposed : ISR_NODE_NONE;
}

static void begin_doubt(struct isr_controller *controller, struct ctl_witness *witness, int32_t leader_epoch)
{
    witness->leader_epoch = leader_epoch;
    witness->told_ns = controller->env->now_ns;
    memset(witness->clients, 0, sizeof witness->clients);
    witness->clients_count = 0;
}

static void depose(struct isr_controller *controller, struct ctl_witness *witness,
                   const struct isr_image_partition *partition)
{
    struct ctl_happening what = {.cause = ISR_CAUSE_WITNESS,
                                 .leaves = ISR_NODE_NONE,
                                 .returns = ISR_NODE_NONE,
                                 .deposes_leader = true};
    witness->deposed = partition->leader;
    witness->deposed_epoch = partition->leader_epoch + 1;
    witness->peace_until_ns =
        controller->env->now_ns + (controller->env->config.witness_pause << witness->pauses);
    if (witness->pauses < PAUSES_MAX)
        witness->pauses++;
    controller->records_count = 0;
    ctl_record_partition(controller, partition, &what);
    (void)ctl_propose(controller);
}

void ctl_write_failures(struct isr_controller *controller, int32_t client,
                        const struct isr_write_failures *told)
{
    const struct isr_env *env = controller->env;
    if (!controller->active || client < 1 || client > ISR_NODE_MAX || env->config.witness_failures == 0 ||
        told->failures < env->config.witness_failures)
        return;
    const struct isr_image_partition *partition = isr_image_partition(&controller->pending, told->tp);
    if (partition == NULL || partition->leader == ISR_NODE_NONE ||
        partition->leader_epoch != told->leader_epoch)
        return;
    const struct isr_image_topic *topic = isr_image_topic(&controller->pending, told->tp.topic);
    if (topic == NULL || isr_topic_leader_choice(&topic->settings) != ISR_LEADER_CHOICE_WITNESS)
        return;
    struct ctl_witness *witness = find_or_add(controller, told->tp);
    if (env->now_ns < witness->peace_until_ns)
        return;
    if (witness->leader_epoch != told->leader_epoch ||
        env->now_ns - witness->told_ns > env->config.witness_pause)
        begin_doubt(controller, witness, told->leader_epoch);
    uint64_t bit = UINT64_C(1) << (client % 64);
    witness->clients_count += (witness->clients[client / 64] & bit) == 0;
    witness->clients[client / 64] |= bit;
    if (witness->clients_count >= env->config.witness_clients)
        depose(controller, witness, partition);
}

void ctl_witness_end(struct isr_controller *controller)
{
    controller->witnesses_count = 0;
}

uint64_t ctl_witness_digest(const struct isr_controller *controller, uint64_t hash)
{
    for (uint32_t i = 0; i < controller->witnesses_count; i++) {
        const struct ctl_witness *witness = &controller->witnesses[i];
        hash = isr_hash_combine(hash, (uint64_t)isr_tp_key(witness->tp));
        hash = isr_hash_combine(hash, (uint64_t)witness->leader_epoch);
        hash = isr_hash_combine(hash, (uint64_t)witness->told_ns);
        hash = isr_hash_combine(hash, (uint64_t)witness->peace_until_ns);
        hash = isr_hash_combine(hash, (uint64_t)witness->deposed_epoch);
        for (uint32_t j = 0; j < sizeof witness->clients / sizeof witness->clients[0]; j++)
            hash = isr_hash_combine(hash, witness->clients[j]);
    }
    return hash;
}
