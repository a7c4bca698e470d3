#include "core/controller/internal.h"

/* ---- decisions ---- */

struct isr_metadata_record *ctl_record(struct isr_controller *controller)
{
    controller->records = ISR_GROW(controller->env->heap, controller->records, controller->records_count,
                                   controller->records_capacity);
    return &controller->records[controller->records_count++];
}

void ctl_record_partition(struct isr_controller *controller, const struct isr_image_partition *partition,
                          const struct ctl_happening *what)
{
    struct isr_image_partition after;
    enum isr_cause cause;
    if (ctl_partition_decide(&controller->pending, &controller->env->rules, partition, what, &after, &cause))
        *ctl_record(controller) = isr_image_partition_record(&after, cause);
}

void ctl_record_departure(struct isr_controller *controller, const struct ctl_happening *what)
{
    for (uint32_t i = 0; i < controller->pending.topics_count; i++) {
        const struct isr_image_topic *topic = &controller->pending.topics[i];
        for (uint32_t j = 0; j < topic->partitions_count; j++) {
            const struct isr_image_partition *partition = &topic->partitions[j];
            if (isr_replicas_contain(&partition->isr, what->leaves) ||
                (what->forgets && isr_replicas_contain(&partition->elr, what->leaves)))
                ctl_record_partition(controller, partition, what);
        }
    }
}

bool ctl_propose(struct isr_controller *controller)
{
    ISR_ASSERT(controller->active);
    if (controller->records_count == 0)
        return true;
    struct isr_bytes entry =
        isr_metadata_encode(controller->records, controller->records_count, &controller->env->scratch);
    int64_t index = controller->consensus->ops->propose(controller->consensus, entry);
    bool proposed = index > 0;
    ISR_ASSERT(!proposed || index > ctl_last_index(controller));
    for (uint32_t i = 0; proposed && i < controller->records_count; i++) {
        bool sensible = isr_image_apply_record(&controller->pending, index, &controller->records[i], NULL);
        ISR_ASSERT(sensible);
    }
    if (proposed)
        controller->proposed_index = index;
    controller->records_count = 0;
    return proposed;
}

int64_t ctl_last_index(const struct isr_controller *controller)
{
    return controller->proposed_index > controller->committed.index ? controller->proposed_index
                                                                    : controller->committed.index;
}

enum isr_error ctl_check_broker_epoch(const struct isr_image *image, int32_t broker, int64_t broker_epoch)
{
    if (broker < 1 || broker > ISR_NODE_MAX)
        return ISR_ERROR_STALE_BROKER_EPOCH;
    const struct isr_image_broker *state = &image->brokers[broker];
    if (broker_epoch > (state->registered ? state->epoch : image->index))
        return ISR_ERROR_NOT_CONTROLLER;
    return state->registered && state->epoch == broker_epoch ? ISR_ERROR_NONE : ISR_ERROR_STALE_BROKER_EPOCH;
}

/* ---- telling what changed ----
 *
 * The active controller tells each change as it applies it: it is the first to do so. Entries of earlier
 * terms that become committed with a new leader's first entry are applied before it is active, and their
 * proposer may have died before it told anybody. What they left behind is told at activation, where it may be
 * told twice. */

static void tell_partition(struct isr_controller *controller, const struct isr_image_partition *partition,
                           enum isr_cause cause)
{
    struct isr_observation *observation = isr_observe(controller->env, ISR_OBSERVED_PARTITION_CHANGED);
    observation->partition_changed.tp = isr_tp_key(partition->tp);
    observation->partition_changed.leader = partition->leader;
    observation->partition_changed.leader_epoch = partition->leader_epoch;
    observation->partition_changed.partition_epoch = partition->partition_epoch;
    observation->partition_changed.isr = (int64_t)isr_replicas_pack(&partition->isr);
    observation->partition_changed.elr = (int64_t)isr_replicas_pack(&partition->elr);
    observation->partition_changed.recovering = partition->recovering;
    observation->partition_changed.cause = cause;
}

static void remember_untold(struct isr_controller *controller, struct isr_tp tp, bool is_new,
                            enum isr_cause cause)
{
    for (uint32_t i = controller->untold_count; !is_new && i > 0; i--) {
        if (isr_tp_equal(controller->untold[i - 1].tp, tp)) {
            controller->untold[i - 1].cause = cause;
            return;
        }
    }
    controller->untold = ISR_GROW(controller->env->heap, controller->untold, controller->untold_count,
                                  controller->untold_capacity);
    controller->untold[controller->untold_count++] = (struct ctl_untold){.tp = tp, .cause = cause};
}

static void tell_untold(struct isr_controller *controller)
{
    for (uint32_t i = 0; i < controller->untold_count; i++) {
        const struct isr_image_partition *partition =
            isr_image_partition(&controller->committed, controller->untold[i].tp);
        if (partition != NULL) /* else its topic was removed since */
            tell_partition(controller, partition, controller->untold[i].cause);
    }
    controller->untold_count = 0;
}

/* Every controller, every change that it applies: what the checks follow, for whom each counts. */
static void observe_applied(struct isr_controller *controller, const struct isr_image_partition *partition,
                            enum isr_cause cause)
{
    struct isr_observation *observation = isr_observe(controller->env, ISR_OBSERVED_PARTITION_APPLIED);
    observation->partition_applied.tp = isr_tp_key(partition->tp);
    observation->partition_applied.leader = partition->leader;
    observation->partition_applied.leader_epoch = partition->leader_epoch;
    observation->partition_applied.partition_epoch = partition->partition_epoch;
    observation->partition_applied.isr = (int64_t)isr_replicas_pack(&partition->isr);
    observation->partition_applied.elr = (int64_t)isr_replicas_pack(&partition->elr);
    observation->partition_applied.last_known = (int64_t)isr_replicas_pack(&partition->last_known_elr);
    observation->partition_applied.cause = cause;
}

static bool is_reassignment_news(const struct isr_image_partition *before,
                                 const struct isr_image_partition *after)
{
    return before != NULL && (isr_replicas_pack(&before->replicas) != isr_replicas_pack(&after->replicas) ||
                              isr_replicas_pack(&before->adding) != isr_replicas_pack(&after->adding) ||
                              isr_replicas_pack(&before->removing) != isr_replicas_pack(&after->removing));
}

static void observe_reassignment(struct isr_controller *controller,
                                 const struct isr_image_partition *partition, enum isr_cause cause)
{
    struct isr_observation *observation = isr_observe(controller->env, ISR_OBSERVED_REASSIGNMENT);
    observation->reassignment.tp = isr_tp_key(partition->tp);
    observation->reassignment.replicas = (int64_t)isr_replicas_pack(&partition->replicas);
    observation->reassignment.adding = (int64_t)isr_replicas_pack(&partition->adding);
    observation->reassignment.removing = (int64_t)isr_replicas_pack(&partition->removing);
    observation->reassignment.cause = cause;
}

static void partition_changed(void *object, const struct isr_image_partition *before,
                              const struct isr_image_partition *after, enum isr_cause cause)
{
    struct isr_controller *controller = object;
    observe_applied(controller, after, cause);
    if (controller->active && is_reassignment_news(before, after))
        observe_reassignment(controller, after, cause);
    if (controller->active) {
        controller->env->metrics.unclean_elections += cause == ISR_CAUSE_ELECTION_UNCLEAN;
        controller->env->metrics.log_elections += cause == ISR_CAUSE_ELECTION_BY_LOG;
        tell_partition(controller, after, cause);
        ctl_log_elections_changed(controller, after);
    } else if (controller->consensus->ops->role(controller->consensus) != ISR_CONSENSUS_FOLLOWER) {
        remember_untold(controller, after->tp, before == NULL, cause);
    }
}

static void broker_changed(void *object, int32_t broker, const struct isr_image_broker *before,
                           const struct isr_image_broker *after, enum isr_cause cause)
{
    struct isr_controller *controller = object;
    if (!controller->active)
        return;
    if (cause == ISR_CAUSE_BROKER_FENCED && !before->fenced && after->fenced)
        controller->env->metrics.brokers_fenced++;
    struct isr_observation *observation = isr_observe(controller->env, ISR_OBSERVED_BROKER_STATE);
    observation->broker_state.broker = broker;
    observation->broker_state.broker_epoch = after->epoch;
    observation->broker_state.fenced = after->fenced;
    observation->broker_state.shutting_down = after->shutting_down;
    observation->broker_state.cause = cause;
}

static void topic_changed(void *object, const struct isr_image_topic *topic)
{
    struct isr_controller *controller = object;
    if (topic->removed)
        ctl_log_elections_topic_removed(controller, topic->id);
    else if (controller->active)
        ctl_log_elections_topic_changed(controller, topic);
    struct isr_observation *observation = isr_observe(controller->env, ISR_OBSERVED_TOPIC_APPLIED);
    observation->topic_applied.first = isr_tp_key((struct isr_tp){.topic = topic->id});
    observation->topic_applied.removed = topic->removed;
    observation->topic_applied.min_isr = topic->settings.min_isr;
    observation->topic_applied.unclean = topic->settings.unclean;
}

/* ---- activation and resignation ---- */

static void activate(struct isr_controller *controller, int32_t term)
{
    controller->active = true;
    controller->term = term;
    controller->proposed_index = 0;
    isr_image_copy(&controller->pending, &controller->committed);
    ctl_sessions_begin(controller);
    ctl_rebalance_begin(controller);
    ctl_log_elections_begin(controller);
    controller->env->metrics.controller_elections++;
    struct isr_observation *observation = isr_observe(controller->env, ISR_OBSERVED_CONTROLLER_ACTIVE);
    observation->controller_active.term = term;
    observation->controller_active.index = controller->committed.index;
    tell_untold(controller);
}

static void resign(struct isr_controller *controller)
{
    controller->active = false;
    controller->records_count = 0;
    controller->proposed_index = 0;
    isr_image_free(&controller->pending);
    ctl_sessions_end(controller);
    ctl_rebalance_end(controller);
    ctl_log_elections_end(controller);
    ctl_witness_end(controller);
    ctl_answers_refuse(controller);
    ctl_polls_refuse(controller);
    ctl_pushes_end(controller);
    isr_observe(controller->env, ISR_OBSERVED_CONTROLLER_RESIGNED)->controller_resigned.term =
        controller->term;
}

static void machine_changed(void *object, enum isr_consensus_role role, int32_t term, int32_t leader)
{
    struct isr_controller *controller = object;
    controller->leader = leader;
    bool leads = role == ISR_CONSENSUS_LEADER;
    if (controller->active && (!leads || term != controller->term))
        resign(controller);
    if (leads && !controller->active)
        activate(controller, term);
    if (role == ISR_CONSENSUS_FOLLOWER)
        controller->untold_count = 0; /* somebody else commits, and tells */
}

/* ---- the replicated machine ---- */

static void machine_apply(void *object, int64_t index, int32_t term, struct isr_bytes data)
{
    struct isr_controller *controller = object;
    struct isr_env *env = controller->env;
    const struct isr_image_listener listener = {.partition = partition_changed,
                                                .broker = broker_changed,
                                                .topic = topic_changed,
                                                .object = controller};
    if (env->exiting)
        return;
    if (!isr_image_apply(&controller->committed, index, term, data, &env->scratch, &listener)) {
        /* A damaged entry that passed every checksum: no state to go on with. */
        isr_env_exit(env, false, ISR_IO_ERROR);
        return;
    }
    struct isr_observation *observation = isr_observe(env, ISR_OBSERVED_METADATA_APPLIED);
    observation->metadata_applied.index = index;
    observation->metadata_applied.term = term;
    observation->metadata_applied.digest = (int64_t)controller->committed.digest;
    observation->metadata_applied.as_controller = 1;
    if (!controller->active)
        return;
    ISR_ASSERT(index != controller->proposed_index ||
               controller->pending.digest == controller->committed.digest);
    ctl_answers_committed(controller, index);
    controller->applying.index = index;
    controller->applying.term = term;
    controller->applying.data = data;
    ctl_polls_wake(controller);
    ctl_pushes_wake(controller);
    controller->applying.index = 0;
    controller->applying.data = (struct isr_bytes){0};
}

static struct isr_bytes machine_snapshot(void *object, struct isr_scratch *scratch)
{
    const struct isr_controller *controller = object;
    return isr_image_snapshot(&controller->committed, scratch);
}

static bool machine_load(void *object, int64_t index, int32_t term, struct isr_bytes snapshot)
{
    struct isr_controller *controller = object;
    struct isr_image *image = &controller->committed;
    ISR_ASSERT(!controller->active);
    controller->untold_count = 0;
    /* The image's own index may be lower: the last entries before the snapshot can be internal ones. */
    if (!isr_image_load(image, snapshot, &controller->env->scratch))
        return false;
    if (image->index > index || image->term > term) {
        isr_image_free(image);
        return false;
    }
    struct isr_observation *observation = isr_observe(controller->env, ISR_OBSERVED_METADATA_SNAPSHOT_LOADED);
    observation->metadata_snapshot_loaded.index = index;
    observation->metadata_snapshot_loaded.digest = (int64_t)image->digest;
    observation->metadata_snapshot_loaded.as_controller = 1;
    return true;
}

static void machine_altered(void *object, enum isr_error error)
{
    struct isr_controller *controller = object;
    isr_administration_altered(&controller->altering, error);
}

/* ---- life ---- */

void isr_controller_init(struct isr_controller *controller, struct isr_env *env,
                         const struct isr_replicas *voters, const struct isr_replicas *nodes,
                         struct isr_consensus *consensus)
{
    *controller = (struct isr_controller){
        .env = env, .consensus = consensus, .voters = *voters, .nodes = *nodes, .leader = ISR_NODE_NONE};
    isr_administration_init(&controller->altering, env, consensus);
    isr_image_init(&controller->committed, env->heap);
    isr_image_init(&controller->pending, env->heap);
    ctl_sessions_init(controller);
    ctl_rebalance_init(controller);
    ctl_log_elections_init(controller);
}

void isr_controller_start(struct isr_controller *controller)
{
    const struct isr_consensus_machine machine = {.apply = machine_apply,
                                                  .snapshot = machine_snapshot,
                                                  .load = machine_load,
                                                  .changed = machine_changed,
                                                  .altered = machine_altered,
                                                  .object = controller};
    controller->consensus->ops->start(controller->consensus, controller->env, &controller->voters,
                                      &controller->nodes, &machine);
}

/* ---- requests ---- */

static void handle(struct isr_controller *controller, const struct isr_message *request,
                   struct isr_message *answer, struct isr_replicas *asked)
{
    controller->records_count = 0;
    if (request->kind == ISR_MESSAGE_BROKER_HEARTBEAT_REQUEST)
        ctl_heartbeat(controller, &request->broker_heartbeat_request, &answer->broker_heartbeat_response);
    else if (request->kind == ISR_MESSAGE_ALTER_PARTITION_REQUEST)
        ctl_alter_partition(controller, &request->alter_partition_request, &answer->alter_partition_response,
                            asked);
    else if (request->kind == ISR_MESSAGE_BROKER_REGISTRATION_REQUEST)
        ctl_register_broker(controller, &request->broker_registration_request,
                            &answer->broker_registration_response);
    else if (request->kind == ISR_MESSAGE_ALLOCATE_PRODUCER_IDS_REQUEST)
        ctl_allocate_producer_ids(controller, &request->allocate_producer_ids_request,
                                  &answer->allocate_producer_ids_response);
    else if (request->kind == ISR_MESSAGE_CREATE_TOPIC_REQUEST)
        ctl_create_topic(controller, &request->create_topic_request, &answer->create_topic_response);
    else if (request->kind == ISR_MESSAGE_ALTER_TOPIC_REQUEST)
        ctl_alter_topic(controller, &request->alter_topic_request, &answer->admin_response);
    else if (request->kind == ISR_MESSAGE_DELETE_TOPIC_REQUEST)
        ctl_delete_topic(controller, &request->delete_topic_request, &answer->admin_response);
    else if (request->kind == ISR_MESSAGE_REASSIGN_REQUEST)
        ctl_reassign(controller, &request->reassign_request, &answer->admin_response);
    else if (request->kind == ISR_MESSAGE_ELECT_LEADERS_REQUEST)
        ctl_elect_leaders(controller, &request->elect_leaders_request, &answer->elect_leaders_response);
}

bool isr_controller_message(struct isr_controller *controller, int32_t from,
                            const struct isr_message *message)
{
    struct isr_message answer;
    struct isr_replicas asked = {0};
    if (isr_consensus_hears(message->kind)) {
        controller->consensus->ops->message(controller->consensus, from, message);
        return true;
    }
    if (message->kind == ISR_MESSAGE_METADATA_FETCH_REQUEST) {
        ctl_metadata_fetch(controller, from, &message->metadata_fetch_request);
        return true;
    }
    if (message->kind == ISR_MESSAGE_ALTER_QUORUM_REQUEST) {
        isr_administration_request(&controller->altering, from, &message->alter_quorum_request);
        return true;
    }
    if (message->kind == ISR_MESSAGE_WRITE_FAILURES) {
        ctl_write_failures(controller, from, &message->write_failures);
        return true;
    }
    if (message->kind == ISR_MESSAGE_CONTROLLER_PUSH_RESPONSE) {
        ctl_push_answered(controller, from, &message->controller_push_response);
        return true;
    }
    if (message->kind == ISR_MESSAGE_LOG_INFO_RESPONSE) {
        ctl_log_info_answered(controller, from, &message->log_info_response);
        return true;
    }
    if (!ctl_answer_begin(message, &answer))
        return false;
    if (controller->active)
        handle(controller, message, &answer, &asked);
    ctl_answer_send(controller, from, &answer, &asked);
    return true;
}

uint64_t isr_controller_digest(const struct isr_controller *controller)
{
    uint64_t hash = isr_hash_combine(controller->active ? 1 : 0, (uint64_t)controller->term);
    hash = isr_hash_combine(hash, (uint64_t)controller->leader);
    hash = isr_hash_combine(hash, (uint64_t)controller->committed.index);
    hash = isr_hash_combine(hash, controller->committed.digest);
    if (!controller->active)
        return hash;
    hash = isr_hash_combine(hash, controller->pending.digest);
    hash = isr_hash_combine(hash, (uint64_t)controller->proposed_index);
    hash = isr_hash_combine(hash, controller->answers_count - controller->answers_first);
    hash = ctl_log_elections_digest(controller, hash);
    hash = ctl_witness_digest(controller, hash);
    hash = ctl_pushes_digest(controller, hash);
    for (int32_t id = 1; id <= ISR_NODE_MAX; id++) {
        const struct ctl_session *session = &controller->sessions[id];
        if (!session->heard)
            continue;
        hash = isr_hash_combine(hash, (uint64_t)id);
        hash = isr_hash_combine(hash, (uint64_t)session->contact_ns);
        hash = isr_hash_combine(hash, (uint64_t)session->metadata_offset);
        hash = isr_hash_combine(hash, (uint64_t)session->controlled_shutdown_offset);
    }
    return hash;
}
