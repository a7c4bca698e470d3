/* Topics: creation (checks, placement, the first leader), other settings, removal. */
#include "core/controller/internal.h"
#include "core/policy/settings.h"

enum {
    PARTITIONS_MAX =
        10000, /* of one request, as Kafka's MAX_PARTITIONS_PER_BATCH: one entry must stay handy */
    TOPICS_MAX = INT16_MAX,
};

struct plan {
    const struct isr_create_topic_request *request;
    uint32_t partitions;
    uint32_t replication;
    const struct isr_assignment *assignments; /* partitions many, or NULL: placed here */
    int16_t active[ISR_NODE_MAX];             /* active brokers by id */
    uint32_t active_count;
};

static void find_active(const struct isr_image *image, struct plan *plan)
{
    for (int32_t id = 1; id <= ISR_NODE_MAX; id++) {
        if (isr_image_broker_active(image, id))
            plan->active[plan->active_count++] = (int16_t)id;
    }
}

static enum isr_error check_name(const struct isr_image *image, const struct isr_name *name)
{
    const char *text = name->text;
    if (text[0] == '\0' || strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        return ISR_ERROR_INVALID_TOPIC;
    return isr_image_topic_named(image, text) != NULL ? ISR_ERROR_TOPIC_ALREADY_EXISTS : ISR_ERROR_NONE;
}

/* One assignment: registered brokers, as many as in the others, at least one of them able to lead. */
static bool assignment_is_valid(const struct isr_image *image, const struct isr_replicas *replicas,
                                uint32_t count)
{
    bool any_active = false;
    if (replicas->count == 0 || replicas->count != count)
        return false;
    for (unsigned i = 0; i < replicas->count; i++) {
        if (!image->brokers[replicas->ids[i]].registered)
            return false;
        any_active = any_active || isr_image_broker_active(image, replicas->ids[i]);
    }
    return any_active;
}

/* Given assignments decide the numbers; where the request names numbers too, they must agree. */
static enum isr_error check_assignments(const struct isr_image *image, struct plan *plan)
{
    const struct isr_create_topic_request *request = plan->request;
    plan->assignments = request->assignments;
    plan->partitions = request->assignments_count;
    plan->replication = request->assignments[0].replicas.count;
    if (plan->partitions > PARTITIONS_MAX)
        return ISR_ERROR_INVALID_REQUEST;
    if (request->partitions > 0 && (uint32_t)request->partitions != plan->partitions)
        return ISR_ERROR_INVALID_REPLICA_ASSIGNMENT;
    if (request->replication_factor > 0 && (uint32_t)request->replication_factor != plan->replication)
        return ISR_ERROR_INVALID_REPLICA_ASSIGNMENT;
    for (uint32_t i = 0; i < plan->partitions; i++) {
        if (!assignment_is_valid(image, &request->assignments[i].replicas, plan->replication))
            return ISR_ERROR_INVALID_REPLICA_ASSIGNMENT;
    }
    return ISR_ERROR_NONE;
}

static enum isr_error check_numbers(struct plan *plan)
{
    const struct isr_create_topic_request *request = plan->request;
    if (request->partitions < 1 || request->partitions > PARTITIONS_MAX)
        return ISR_ERROR_INVALID_REQUEST;
    if (request->replication_factor < 1 || request->replication_factor > ISR_REPLICAS_MAX ||
        (uint32_t)request->replication_factor > plan->active_count)
        return ISR_ERROR_INVALID_REPLICATION_FACTOR;
    plan->partitions = (uint32_t)request->partitions;
    plan->replication = (uint32_t)request->replication_factor;
    return ISR_ERROR_NONE;
}

static enum isr_error check(const struct isr_image *image, struct plan *plan)
{
    enum isr_error error = check_name(image, &plan->request->name);
    if (error != ISR_ERROR_NONE)
        return error;
    if (image->topics_count >= TOPICS_MAX)
        return ISR_ERROR_INVALID_REQUEST;
    error = plan->request->assignments_count > 0 ? check_assignments(image, plan) : check_numbers(plan);
    if (error != ISR_ERROR_NONE)
        return error;
    const struct isr_topic_settings *settings = &plan->request->settings;
    const char *hint;
    return isr_topic_settings_check(settings) != NULL ||
                   isr_topic_settings_nonsense(settings, plan->replication, &hint) != NULL
               ? ISR_ERROR_INVALID_REQUEST
               : ISR_ERROR_NONE;
}

/* Round robin over the active brokers; each topic and each partition begins one further. */
static struct isr_replicas place(const struct plan *plan, uint32_t topic, uint32_t index)
{
    if (plan->assignments != NULL)
        return plan->assignments[index].replicas;
    struct isr_replicas replicas = {0};
    for (uint32_t i = 0; i < plan->replication; i++)
        isr_replicas_add(&replicas, plan->active[(topic - 1 + index + i) % plan->active_count]);
    return replicas;
}

static void record_partition(struct isr_controller *controller, const struct plan *plan, uint32_t topic,
                             uint32_t index)
{
    struct isr_image_partition partition = {.tp = {.topic = (uint16_t)topic, .index = (uint16_t)index},
                                            .replicas = place(plan, topic, index)};
    for (unsigned i = 0; i < partition.replicas.count; i++) {
        if (isr_image_broker_active(&controller->pending, partition.replicas.ids[i]))
            isr_replicas_add(&partition.isr, partition.replicas.ids[i]);
    }
    partition.leader = partition.isr.ids[0];
    *ctl_record(controller) = isr_image_partition_record(&partition, ISR_CAUSE_TOPIC_CREATED);
}

void ctl_create_topic(struct isr_controller *controller, const struct isr_create_topic_request *request,
                      struct isr_create_topic_response *answer)
{
    struct plan plan = {.request = request};
    find_active(&controller->pending, &plan);
    enum isr_error error = check(&controller->pending, &plan);
    if (error != ISR_ERROR_NONE) {
        answer->error = (uint8_t)error;
        return;
    }
    uint32_t topic = controller->pending.topics_count + 1;
    *ctl_record(controller) =
        (struct isr_metadata_record){.kind = ISR_METADATA_TOPIC,
                                     .topic_record = {.topic = (int16_t)topic,
                                                      .name = request->name,
                                                      .partitions = (int32_t)plan.partitions,
                                                      .settings = request->settings}};
    for (uint32_t i = 0; i < plan.partitions; i++)
        record_partition(controller, &plan, topic, i);
    if (!ctl_propose(controller))
        return;
    answer->error = ISR_ERROR_NONE;
    answer->topic = (int16_t)topic;
}

/* ---- other settings (AlterConfigs) ---- */

static struct isr_topic_settings settings_merged(const struct isr_topic_settings *before,
                                                 const struct isr_alter_topic_request *request)
{
    struct isr_topic_settings after = *before;
    size_t count;
    const struct isr_topic_setting_info *list = isr_topic_setting_list(&count);
    for (size_t i = 0; i < count && i < 64; i++) {
        if ((request->given >> i & 1) != 0)
            isr_topic_setting_set(&after, &list[i], isr_topic_setting_get(&request->settings, &list[i]));
    }
    return after;
}

/* The answer says whether there is one. */
static const struct isr_image_topic *topic_meant(const struct isr_controller *controller,
                                                 const struct isr_name *name,
                                                 struct isr_admin_response *answer)
{
    const struct isr_image_topic *topic = isr_image_topic_named(&controller->pending, name->text);
    answer->error = topic != NULL ? ISR_ERROR_NONE : ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
    return topic;
}

/* What is committed was counted by the policy of its time: another one would not know whom to trust. */
static bool rests_on_the_same(const struct isr_topic_settings *before, const struct isr_topic_settings *after)
{
    return before->commit == after->commit && before->commit_followers == after->commit_followers &&
           before->leader_choice == after->leader_choice && isr_topic_recovery_is_sound(after) &&
           /* Who led last is not known any more. */
           (isr_topic_recovers_by_log(after) || !isr_topic_recovers_by_log(before)) &&
           (before->min_isr == after->min_isr || isr_topic_needs_min_isr(after));
}

/* One entry: with the settings goes what follows from them for the partitions. Another min ISR changes who is
 * an eligible leader (KIP-966), and unclean elections that are allowed now are held. */
void ctl_alter_topic(struct isr_controller *controller, const struct isr_alter_topic_request *request,
                     struct isr_admin_response *answer)
{
    const struct isr_image_topic *topic = topic_meant(controller, &request->name, answer);
    if (topic == NULL)
        return;
    struct isr_topic_settings settings = settings_merged(&topic->settings, request);
    if (isr_topic_settings_check(&settings) != NULL || !rests_on_the_same(&topic->settings, &settings)) {
        answer->error = ISR_ERROR_INVALID_REQUEST;
        return;
    }
    *ctl_record(controller) = (struct isr_metadata_record){
        .kind = ISR_METADATA_TOPIC_SETTINGS,
        .topic_settings_record = {.topic = (int16_t)topic->id, .settings = settings}};
    const struct ctl_happening what = {.cause = ISR_CAUSE_TOPIC_CHANGED,
                                       .leaves = ISR_NODE_NONE,
                                       .returns = ISR_NODE_NONE,
                                       .settings = &settings};
    for (uint32_t i = 0; i < topic->partitions_count; i++)
        ctl_record_partition(controller, &topic->partitions[i], &what);
    if (!ctl_propose(controller))
        answer->error = ISR_ERROR_NOT_CONTROLLER;
}

/* ---- removal ---- */

void ctl_delete_topic(struct isr_controller *controller, const struct isr_delete_topic_request *request,
                      struct isr_admin_response *answer)
{
    const struct isr_image_topic *topic = topic_meant(controller, &request->name, answer);
    if (topic == NULL)
        return;
    *ctl_record(controller) = (struct isr_metadata_record){
        .kind = ISR_METADATA_REMOVE_TOPIC, .remove_topic_record = {.topic = (int16_t)topic->id}};
    if (!ctl_propose(controller))
        answer->error = ISR_ERROR_NOT_CONTROLLER;
}
