/* A broker (core/broker) whose metadata are the program's decisions. What the broker would ask a controller,
 * it asks itself: frames that it sends to its own node never leave, but are answered here. */
#include "core/embed/replication_manager.h"

#include "core/base/search.h"
#include "core/broker/broker.h"
#include "core/broker/fetcher.h"

struct managed {
    struct isr_partition_plan plan; /* the leader, its epoch and the ISR as decided last */
    int32_t partition_epoch;        /* grows with every decision; known to this node only */
    uint64_t isr_changes;
};

struct isr_replication_manager {
    struct isr_env env;
    struct isr_replication_options options;
    struct isr_log_store store;
    struct isr_broker broker;
    struct managed *managed; /* by topic and partition */
    uint32_t managed_count, managed_capacity;
    bool ready;
    bool closing;
};

struct isr_config isr_replication_config_default(void)
{
    struct isr_config config = isr_config_default();
    config.fetch_min_bytes = 1;
    config.fetch_max_bytes = 1 << 20;
    config.fetch_max_wait = 500 * ISR_MS;
    config.fetch_interval = 50 * ISR_MS;
    config.replica_lag_max_messages = 4000;
    config.replica_lag_time_max = 10 * ISR_SECOND;
    config.isr_hysteresis = 2;
    config.hw_checkpoint_interval = 5 * ISR_SECOND;
    return config;
}

static void member_set(struct isr_replication_manager *manager, int32_t node, int64_t broker_epoch,
                       bool alive)
{
    manager->broker.image.brokers[node] =
        (struct isr_image_broker){.registered = true, .fenced = !alive, .epoch = broker_epoch};
}

struct isr_replication_manager *isr_replication_new(const struct isr_replication_options *options,
                                                    struct isr_heap *heap, uint64_t random_key,
                                                    const struct isr_config_info **wrong)
{
    const struct isr_config_info *bad = isr_config_check(&options->config);
    if (wrong != NULL)
        *wrong = bad;
    if (bad != NULL || options->node < 1 || options->node > ISR_NODE_MAX || options->broker_epoch < 0)
        return NULL;
    struct isr_replication_manager *manager = isr_heap_allocate(heap, sizeof *manager);
    struct isr_rules correct = {0};
    manager->options = *options;
    isr_env_init(&manager->env, options->node, heap, &options->config, &correct, random_key);
    isr_broker_init(&manager->broker, &manager->env, &manager->store);
    manager->broker.broker_epoch = options->broker_epoch;
    manager->broker.image.index = options->broker_epoch;
    manager->broker.controller = options->node;
    member_set(manager, options->node, options->broker_epoch, true);
    return manager;
}

/* ---- partitions ---- */

static uint32_t key_of(uint16_t topic, uint16_t partition)
{
    return isr_tp_key((struct isr_tp){.topic = topic, .index = partition});
}

static int64_t managed_key_at(const void *array, uint32_t place)
{
    const struct isr_partition_plan *plan = &((const struct managed *)array)[place].plan;
    return key_of(plan->topic, plan->partition);
}

/* The first place at or after the key. */
static uint32_t place_of(const struct isr_replication_manager *manager, uint32_t key)
{
    return isr_search(manager->managed, 0, manager->managed_count, key, managed_key_at);
}

static struct managed *find(const struct isr_replication_manager *manager, uint16_t topic, uint16_t partition)
{
    uint32_t key = key_of(topic, partition), place = place_of(manager, key);
    if (place == manager->managed_count)
        return NULL;
    struct managed *managed = &manager->managed[place];
    return key_of(managed->plan.topic, managed->plan.partition) == key ? managed : NULL;
}

/* Gives the broker the partition as it is decided now. */
static void apply(struct isr_replication_manager *manager, const struct managed *managed,
                  enum isr_cause cause)
{
    const struct isr_partition_plan *plan = &managed->plan;
    struct isr_image_topic topic = {.id = plan->topic, .settings = plan->settings};
    struct isr_image_partition partition = {.tp = {.topic = plan->topic, .index = plan->partition},
                                            .leader = plan->leader,
                                            .leader_epoch = plan->leader_epoch,
                                            .partition_epoch = managed->partition_epoch,
                                            .replicas = plan->replicas,
                                            .isr = plan->isr};
    isr_broker_partition_changed(&manager->broker, &partition, &topic, cause);
}

/* ---- what the broker asks a controller ---- */

static void tell_change(const struct isr_replication_manager *manager, struct managed *managed,
                        const struct isr_replicas *to)
{
    struct isr_isr_change change = {.topic = managed->plan.topic,
                                    .partition = managed->plan.partition,
                                    .leader_epoch = managed->plan.leader_epoch,
                                    .from = managed->plan.isr,
                                    .to = *to};
    managed->plan.isr = *to;
    managed->isr_changes++;
    if (manager->options.isr_changed != NULL)
        manager->options.isr_changed(manager->options.object, &change);
}

static enum isr_decision decide(const struct isr_replication_manager *manager, const struct managed *managed,
                                const struct isr_replicas *to)
{
    if (manager->options.isr_proposed == NULL)
        return ISR_DECISION_YES;
    struct isr_isr_change change = {.topic = managed->plan.topic,
                                    .partition = managed->plan.partition,
                                    .leader_epoch = managed->plan.leader_epoch,
                                    .from = managed->plan.isr,
                                    .to = *to};
    return manager->options.isr_proposed(manager->options.object, &change);
}

static void answer_alter(struct isr_replication_manager *manager,
                         const struct isr_alter_partition_request *request, const struct managed *managed,
                         enum isr_error error)
{
    struct isr_message message = {.kind = ISR_MESSAGE_ALTER_PARTITION_RESPONSE,
                                  .alter_partition_response = {.correlation = request->correlation,
                                                               .tp = request->tp,
                                                               .error = (uint8_t)error,
                                                               .leader = (int16_t)managed->plan.leader,
                                                               .leader_epoch = managed->plan.leader_epoch,
                                                               .partition_epoch = managed->partition_epoch,
                                                               .isr = managed->plan.isr}};
    isr_broker_message(&manager->broker, manager->env.node, &message);
}

static void alter_asked(struct isr_replication_manager *manager,
                        const struct isr_alter_partition_request *request)
{
    struct managed *managed = find(manager, request->tp.topic, request->tp.index);
    if (managed == NULL || managed->plan.leader_epoch != request->leader_epoch)
        return; /* decided otherwise meanwhile: the broker knows already */
    struct isr_replicas to = {0};
    for (uint32_t i = 0; i < request->isr_count; i++)
        isr_replicas_add(&to, request->isr[i].id);
    switch (decide(manager, managed, &to)) {
    case ISR_DECISION_YES:
        tell_change(manager, managed, &to);
        managed->partition_epoch++;
        answer_alter(manager, request, managed, ISR_ERROR_NONE);
        break;
    case ISR_DECISION_NO:
        answer_alter(manager, request, managed, ISR_ERROR_INELIGIBLE_REPLICA);
        break;
    case ISR_DECISION_LATER:
        answer_alter(manager, request, managed, ISR_ERROR_INVALID_UPDATE_VERSION); /* pending until told */
        break;
    }
}

static void to_itself(struct isr_replication_manager *manager, struct isr_bytes frame)
{
    struct isr_message message;
    bool sound = isr_message_decode(frame, &manager->env.scratch, &message);
    ISR_ASSERT(sound);
    if (message.kind == ISR_MESSAGE_ALTER_PARTITION_REQUEST)
        alter_asked(manager, &message.alter_partition_request);
    else if (message.kind == ISR_MESSAGE_PRODUCE_RESPONSE)
        isr_env_reply(&manager->env, message.produce_response.correlation,
                      (enum isr_error)message.produce_response.error, message.produce_response.tp,
                      message.produce_response.base_offset);
}

/* Takes the frames to this node out of the effects; answering them may add more. */
static void keep_own_frames(struct isr_replication_manager *manager)
{
    struct isr_env *env = &manager->env;
    for (uint32_t i = 0; i < env->effects_count;) {
        struct isr_effect effect = env->effects[i];
        if (effect.kind != ISR_EFFECT_SEND || effect.to != env->node) {
            i++;
            continue;
        }
        env->effects_count--;
        memmove(&env->effects[i], &env->effects[i + 1], (env->effects_count - i) * sizeof effect);
        to_itself(manager, effect.bytes);
    }
}

static void begin(struct isr_replication_manager *manager, int64_t now_ns)
{
    isr_env_begin(&manager->env, now_ns);
}

static void end(struct isr_replication_manager *manager, struct isr_effects *effects)
{
    keep_own_frames(manager);
    isr_env_end(&manager->env, effects);
}

/* ---- the life of the manager ---- */

static void closed(void *object)
{
    struct isr_replication_manager *manager = object;
    isr_env_exit(&manager->env, true, 0);
}

static void close_store(struct isr_replication_manager *manager)
{
    isr_log_store_close(&manager->store, manager->broker.broker_epoch, closed, manager);
}

static void recovered(void *object)
{
    struct isr_replication_manager *manager = object;
    if (manager->closing) {
        close_store(manager);
        return;
    }
    manager->ready = true;
    isr_broker_activate(&manager->broker);
    for (uint32_t i = 0; i < manager->managed_count; i++)
        apply(manager, &manager->managed[i], ISR_CAUSE_METADATA);
}

static void shut_down(struct isr_replication_manager *manager)
{
    if (manager->closing)
        return;
    manager->closing = true;
    if (!manager->ready)
        return; /* recovery goes on to its end first */
    manager->ready = false;
    isr_broker_stop(&manager->broker);
    close_store(manager);
}

static void message_came(struct isr_replication_manager *manager, int32_t from, struct isr_bytes frame)
{
    struct isr_message message;
    struct isr_env *env = &manager->env;
    bool sound = from >= 1 && from <= ISR_NODE_MAX && from != env->node &&
                 isr_message_decode(frame, &env->scratch, &message);
    if (sound && isr_broker_message(&manager->broker, from, &message))
        env->metrics.messages_in++;
    else
        env->metrics.messages_rejected++;
}

static void handle(struct isr_replication_manager *manager, const struct isr_event *event)
{
    struct isr_env *env = &manager->env;
    switch (event->kind) {
    case ISR_EVENT_START:
        env->random.key = isr_hash_combine(isr_mix(env->random.key), event->start.random_key);
        isr_log_store_start(&manager->store, env, recovered, manager);
        break;
    case ISR_EVENT_MESSAGE:
        if (manager->ready)
            message_came(manager, event->message.from, event->message.frame);
        break;
    case ISR_EVENT_WAKE:
        isr_env_wake(env);
        break;
    case ISR_EVENT_IO_DONE:
        isr_env_io_done(env, event);
        break;
    case ISR_EVENT_COMMAND:
        isr_env_reply(env, event->command->id, ISR_ERROR_INVALID_REQUEST, (struct isr_tp){0},
                      ISR_OFFSET_NONE);
        break;
    case ISR_EVENT_SHUTDOWN:
        shut_down(manager);
        break;
    case ISR_EVENT_DISCONNECTED:
        if (manager->ready)
            isr_broker_disconnected(&manager->broker, event->disconnected.peer);
        break;
    }
}

void isr_replication_step(void *object, const struct isr_event *event, struct isr_effects *effects)
{
    struct isr_replication_manager *manager = object;
    if (manager->env.exiting) {
        *effects = (struct isr_effects){.wake_ns = ISR_TIME_NEVER};
        return;
    }
    begin(manager, event->now_ns);
    manager->env.real_ns = event->real_ns;
    handle(manager, event);
    end(manager, effects);
}

int64_t isr_replication_previous_epoch(const struct isr_replication_manager *manager)
{
    return manager->store.clean_shutdown_epoch;
}

bool isr_replication_ready(const struct isr_replication_manager *manager)
{
    return manager->ready;
}

/* ---- what the program decides ---- */

enum isr_error isr_replication_set_member(struct isr_replication_manager *manager, int32_t node,
                                          int64_t broker_epoch, bool alive)
{
    if (node < 1 || node > ISR_NODE_MAX || node == manager->env.node ||
        broker_epoch < manager->broker.image.brokers[node].epoch)
        return ISR_ERROR_INVALID_REQUEST;
    member_set(manager, node, broker_epoch, alive);
    return ISR_ERROR_NONE;
}

static bool leader_is_sound(int32_t leader, const struct isr_replicas *isr)
{
    return leader == ISR_NODE_NONE || isr_replicas_contain(isr, leader);
}

static bool plan_is_sound(const struct isr_replication_manager *manager,
                          const struct isr_partition_plan *plan)
{
    return plan->topic > 0 && plan->leader_epoch >= 0 &&
           isr_replicas_contain(&plan->replicas, manager->env.node) &&
           isr_replicas_subset(&plan->isr, &plan->replicas) && leader_is_sound(plan->leader, &plan->isr) &&
           isr_topic_settings_check(&plan->settings) == NULL;
}

/* An action outside of any event: nothing but what an event could do at that time. */
static enum isr_error refuse(struct isr_replication_manager *manager, int64_t now_ns, enum isr_error error,
                             struct isr_effects *effects)
{
    begin(manager, now_ns);
    end(manager, effects);
    return error;
}

static void carry_out(struct isr_replication_manager *manager, int64_t now_ns, const struct managed *managed,
                      struct isr_effects *effects)
{
    begin(manager, now_ns);
    if (manager->ready)
        apply(manager, managed, ISR_CAUSE_METADATA);
    end(manager, effects);
}

enum isr_error isr_replication_add_partition(struct isr_replication_manager *manager, int64_t now_ns,
                                             const struct isr_partition_plan *plan,
                                             struct isr_effects *effects)
{
    struct isr_partition_plan wanted = *plan;
    if (wanted.isr.count == 0)
        wanted.isr = wanted.replicas;
    if (manager->closing || !plan_is_sound(manager, &wanted) ||
        find(manager, wanted.topic, wanted.partition) != NULL)
        return refuse(manager, now_ns, ISR_ERROR_INVALID_REQUEST, effects);
    uint32_t place = place_of(manager, key_of(wanted.topic, wanted.partition));
    manager->managed =
        ISR_GROW(manager->env.heap, manager->managed, manager->managed_count, manager->managed_capacity);
    memmove(&manager->managed[place + 1], &manager->managed[place],
            (manager->managed_count - place) * sizeof *manager->managed);
    manager->managed_count++;
    manager->managed[place] = (struct managed){.plan = wanted};
    carry_out(manager, now_ns, &manager->managed[place], effects);
    return ISR_ERROR_NONE;
}

enum isr_error isr_replication_remove_partition(struct isr_replication_manager *manager, int64_t now_ns,
                                                uint16_t topic, uint16_t partition,
                                                struct isr_effects *effects)
{
    struct managed *managed = find(manager, topic, partition);
    if (managed == NULL)
        return refuse(manager, now_ns, ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION, effects);
    struct managed gone = *managed;
    gone.partition_epoch++;
    gone.plan.replicas = (struct isr_replicas){0};
    gone.plan.isr = (struct isr_replicas){0};
    gone.plan.leader = ISR_NODE_NONE;
    uint32_t place = (uint32_t)(managed - manager->managed);
    manager->managed_count--;
    memmove(managed, managed + 1, (manager->managed_count - place) * sizeof *managed);
    carry_out(manager, now_ns, &gone, effects);
    return ISR_ERROR_NONE;
}

enum isr_error isr_replication_update_leader(struct isr_replication_manager *manager, int64_t now_ns,
                                             uint16_t topic, uint16_t partition, int32_t leader,
                                             int32_t leader_epoch, const struct isr_replicas *isr,
                                             struct isr_effects *effects)
{
    struct managed *managed = find(manager, topic, partition);
    if (managed == NULL)
        return refuse(manager, now_ns, ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION, effects);
    if (leader_epoch <= managed->plan.leader_epoch)
        return refuse(manager, now_ns, ISR_ERROR_FENCED_LEADER_EPOCH, effects);
    struct isr_replicas wanted = isr != NULL && isr->count > 0 ? *isr : managed->plan.isr;
    if (!leader_is_sound(leader, &wanted) || !isr_replicas_subset(&wanted, &managed->plan.replicas))
        return refuse(manager, now_ns, ISR_ERROR_INELIGIBLE_REPLICA, effects);
    managed->plan.leader = leader;
    managed->plan.leader_epoch = leader_epoch;
    managed->plan.isr = wanted;
    managed->partition_epoch++;
    carry_out(manager, now_ns, managed, effects);
    return ISR_ERROR_NONE;
}

enum isr_error isr_replication_update_isr(struct isr_replication_manager *manager, int64_t now_ns,
                                          uint16_t topic, uint16_t partition, const struct isr_replicas *isr,
                                          struct isr_effects *effects)
{
    struct managed *managed = find(manager, topic, partition);
    if (managed == NULL || managed->plan.leader != manager->env.node)
        return refuse(manager, now_ns, ISR_ERROR_NOT_LEADER_OR_FOLLOWER, effects);
    if (!isr_replicas_contain(isr, manager->env.node) || !isr_replicas_subset(isr, &managed->plan.replicas))
        return refuse(manager, now_ns, ISR_ERROR_INVALID_REQUEST, effects);
    tell_change(manager, managed, isr);
    managed->partition_epoch++;
    carry_out(manager, now_ns, managed, effects);
    return ISR_ERROR_NONE;
}

/* ---- records ---- */

enum { APPEND_BYTES_MAX = 1 << 28 };

static bool values_are_sound(const struct isr_bytes *values, uint32_t count)
{
    uint64_t size_bytes = 0;
    for (uint32_t i = 0; i < count && i < ISR_BATCH_RECORDS_MAX; i++)
        size_bytes += values[i].size;
    return count > 0 && count <= ISR_BATCH_RECORDS_MAX && size_bytes <= APPEND_BYTES_MAX;
}

void isr_replication_append(struct isr_replication_manager *manager, int64_t now_ns, uint16_t topic,
                            uint16_t partition, int16_t acks, const struct isr_bytes *values, uint32_t count,
                            uint32_t id, struct isr_effects *effects)
{
    begin(manager, now_ns);
    struct isr_env *env = &manager->env;
    struct isr_tp tp = {.topic = topic, .index = partition};
    if (!manager->ready || !values_are_sound(values, count) || acks < -1 || acks > 1) {
        isr_env_reply(env, id, ISR_ERROR_INVALID_REQUEST, tp, ISR_OFFSET_NONE);
    } else {
        struct isr_message message = {
            .kind = ISR_MESSAGE_PRODUCE_REQUEST,
            .produce_request = {.correlation = id,
                                .tp = tp,
                                .acks = acks,
                                .timeout_ns = env->config.delivery_timeout,
                                .records = isr_batch_of_values(&env->scratch, values, count)}};
        isr_broker_message(&manager->broker, env->node, &message);
        if (acks == 0) /* the protocol has no answer for it */
            isr_env_reply(env, id, ISR_ERROR_NONE, tp, ISR_OFFSET_NONE);
    }
    end(manager, effects);
}

enum isr_error isr_replication_read(struct isr_replication_manager *manager, uint16_t topic,
                                    uint16_t partition, int64_t offset, uint32_t max_bytes,
                                    struct isr_bytes *batches)
{
    struct isr_tp tp = {.topic = topic, .index = partition};
    const struct isr_partition *found = isr_broker_partition(&manager->broker, tp);
    *batches = (struct isr_bytes){0};
    if (find(manager, topic, partition) == NULL || found == NULL)
        return ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
    if (offset < found->log->log_start || offset > found->log->high_watermark)
        return ISR_ERROR_OFFSET_OUT_OF_RANGE;
    *batches = isr_log_read(found->log, offset, found->log->high_watermark, max_bytes);
    return ISR_ERROR_NONE;
}

/* ---- looking in ---- */

static int64_t lag_of(const struct isr_partition *partition)
{
    int64_t log_end = partition->log->log_end, lag = 0;
    if (partition->role == ISR_ROLE_FOLLOWER)
        return partition->fetching->leader_high_watermark > log_end
                   ? partition->fetching->leader_high_watermark - log_end
                   : 0;
    for (uint32_t i = 0; i < partition->remotes_count; i++) {
        const struct isr_remote_replica *remote = &partition->remotes[i];
        int64_t held = remote->log_end == ISR_OFFSET_NONE ? partition->log->log_start : remote->log_end;
        if (isr_replicas_contain(&partition->isr, remote->node) && log_end - held > lag)
            lag = log_end - held;
    }
    return lag;
}

static void fill(const struct isr_replication_manager *manager, const struct managed *managed,
                 struct isr_replication_state *state)
{
    const struct isr_partition_plan *plan = &managed->plan;
    *state = (struct isr_replication_state){.topic = plan->topic,
                                            .partition = plan->partition,
                                            .leader = plan->leader,
                                            .leader_epoch = plan->leader_epoch,
                                            .isr = plan->isr,
                                            .isr_changes = managed->isr_changes};
    struct isr_tp tp = {.topic = plan->topic, .index = plan->partition};
    const struct isr_partition *partition = isr_broker_partition(&manager->broker, tp);
    if (partition == NULL)
        return;
    state->leads = partition->role == ISR_ROLE_LEADER;
    state->log_start = partition->log->log_start;
    state->log_end = partition->log->log_end;
    state->high_watermark = partition->log->high_watermark;
    state->isr_pending = partition->isr_state != ISR_STATE_COMMITTED;
    state->lag = lag_of(partition);
}

bool isr_replication_state(const struct isr_replication_manager *manager, uint16_t topic, uint16_t partition,
                           struct isr_replication_state *state)
{
    const struct managed *managed = find(manager, topic, partition);
    if (managed != NULL)
        fill(manager, managed, state);
    return managed != NULL;
}

bool isr_replication_state_at(const struct isr_replication_manager *manager, uint32_t place,
                              struct isr_replication_state *state)
{
    if (place >= manager->managed_count)
        return false;
    fill(manager, &manager->managed[place], state);
    return true;
}

int64_t isr_replication_lag(const struct isr_replication_manager *manager, uint16_t topic, uint16_t partition)
{
    struct isr_replication_state state;
    return isr_replication_state(manager, topic, partition, &state) ? state.lag : -1;
}

const struct isr_metrics *isr_replication_metrics(const struct isr_replication_manager *manager)
{
    return &manager->env.metrics;
}
