/* The older way to tell brokers (Kafka before KIP-500, ControllerChannelManager): the active controller
 * pushes what is committed to each registered broker that lives, in rounds.
 *
 *   IDLE --news--> STOP --answered--> LEADERS --answered--> METADATA --answered--> IDLE, or the next round
 *    ^               \__ no answer, or a refusal: after a pause a new round from the same entry on __/
 *    +--- the broker's session is over, or it obeys a newer controller
 *
 *   STOP      STOP_REPLICA: what it replicates no more
 *   LEADERS   LEADER_AND_ISR: what it replicates and has changed
 *   METADATA  UPDATE_METADATA: everything; from its answer on the broker knows of all of the round, and says
 * so in its heartbeats
 *
 * A round begins behind the last entry that the broker answered for (told). It is full for a new
 * registration, by a new controller, when entries are compacted, and when the broker says that something is
 * missing: then LEADER_AND_ISR names all that it replicates, and UPDATE_METADATA holds the image. What STOP
 * and LEADERS say of a partition is its committed state at the time of sending, which is never older than the
 * round.
 *
 * Invariants: at most one request to a broker is unanswered and not given up; a round's index is never below
 * that of one before to the same registration; hosted holds everything that the broker may have a replica of
 * by this controller's word. */
#include "core/base/search.h"
#include "core/controller/internal.h"

enum stage { STAGE_IDLE, STAGE_STOP, STAGE_LEADERS, STAGE_METADATA };

/* A partition that a round is about. */
struct touched {
    struct isr_tp tp;
    enum isr_cause cause; /* of the last change */
};

struct hosted {
    struct isr_tp tp;
    bool stopping; /* named by the STOP_REPLICA under way */
};

struct ctl_push {
    struct isr_controller *controller;
    struct isr_timer timer; /* of the answer, or of the pause */
    int32_t node;
    enum stage stage;
    bool paused;          /* between a failure and the next round */
    bool superseded;      /* it obeys a newer controller */
    bool full;            /* the round */
    int64_t broker_epoch; /* of the registration that is told; -1 before the first */
    int64_t told;         /* up to this entry; -1: nothing, a full round is due */
    int64_t end;          /* of the round */
    uint32_t correlation; /* 0: nothing is unanswered */
    struct hosted *hosted;
    uint32_t hosted_count, hosted_capacity; /* by tp */
};

static void push_go(struct ctl_push *push);

/* ---- what it may have a replica of ---- */

static int64_t hosted_key_at(const void *array, uint32_t place)
{
    return isr_tp_key(((const struct hosted *)array)[place].tp);
}

static uint32_t hosted_place(const struct ctl_push *push, struct isr_tp tp)
{
    return isr_search(push->hosted, 0, push->hosted_count, isr_tp_key(tp), hosted_key_at);
}

static struct hosted *hosted_find(const struct ctl_push *push, struct isr_tp tp)
{
    uint32_t place = hosted_place(push, tp);
    return place < push->hosted_count && isr_tp_equal(push->hosted[place].tp, tp) ? &push->hosted[place]
                                                                                  : NULL;
}

static void hosted_add(struct ctl_push *push, struct isr_tp tp)
{
    uint32_t place = hosted_place(push, tp);
    if (hosted_find(push, tp) != NULL)
        return;
    push->hosted =
        ISR_GROW(push->controller->env->heap, push->hosted, push->hosted_count, push->hosted_capacity);
    memmove(&push->hosted[place + 1], &push->hosted[place],
            (push->hosted_count - place) * sizeof *push->hosted);
    push->hosted[place] = (struct hosted){.tp = tp};
    push->hosted_count++;
}

static bool replicates(const struct ctl_push *push, struct isr_tp tp)
{
    const struct isr_image_partition *partition = isr_image_partition(&push->controller->committed, tp);
    return partition != NULL && isr_replicas_contain(&partition->replicas, push->node);
}

/* ---- what a round is about ---- */

struct touched_list {
    struct touched *items; /* by tp, in scratch */
    uint32_t count, capacity;
};

static int64_t touched_key_at(const void *array, uint32_t place)
{
    return isr_tp_key(((const struct touched *)array)[place].tp);
}

static void touch(struct ctl_push *push, struct touched_list *list, struct isr_tp tp, enum isr_cause cause)
{
    uint32_t place = isr_search(list->items, 0, list->count, isr_tp_key(tp), touched_key_at);
    if (place < list->count && isr_tp_equal(list->items[place].tp, tp)) {
        list->items[place].cause = cause;
        return;
    }
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 16 : 2 * list->capacity;
        struct touched *more =
            isr_scratch_allocate(&push->controller->env->scratch, list->capacity * sizeof *more);
        if (list->count > 0)
            memcpy(more, list->items, list->count * sizeof *more);
        list->items = more;
    }
    memmove(&list->items[place + 1], &list->items[place], (list->count - place) * sizeof *list->items);
    list->items[place] = (struct touched){.tp = tp, .cause = cause};
    list->count++;
}

/* All of a topic that the broker replicates, or may replicate still. */
static void touch_topic(struct ctl_push *push, struct touched_list *list, int16_t id, enum isr_cause cause)
{
    const struct isr_image_topic *topic = isr_image_topic(&push->controller->committed, (uint16_t)id);
    for (uint32_t i = 0; topic != NULL && i < topic->partitions_count; i++)
        touch(push, list, topic->partitions[i].tp, cause);
    for (uint32_t i = 0; i < push->hosted_count; i++) {
        if (push->hosted[i].tp.topic == id)
            touch(push, list, push->hosted[i].tp, cause);
    }
}

static void touch_record(struct ctl_push *push, struct touched_list *list,
                         const struct isr_metadata_record *record)
{
    if (record->kind == ISR_METADATA_PARTITION)
        touch(push, list, record->partition_record.tp, (enum isr_cause)record->partition_record.cause);
    else if (record->kind == ISR_METADATA_TOPIC_SETTINGS)
        touch_topic(push, list, record->topic_settings_record.topic, ISR_CAUSE_TOPIC_CHANGED);
    else if (record->kind == ISR_METADATA_REMOVE_TOPIC)
        touch_topic(push, list, record->remove_topic_record.topic, ISR_CAUSE_METADATA);
}

static void touch_entries(struct ctl_push *push, struct touched_list *list)
{
    for (int64_t index = push->told + 1; index <= push->end; index++) {
        struct isr_metadata_entry entry;
        bool is_command;
        if (!ctl_entry_at(push->controller, index, &entry, &is_command) || !is_command)
            continue;
        struct isr_reader reader = {.data = entry.records.data,
                                    .size_bytes = entry.records.size,
                                    .scratch = &push->controller->env->scratch};
        struct isr_metadata_record record;
        while (reader.position < reader.size_bytes && isr_metadata_record_get(&reader, &record))
            touch_record(push, list, &record);
    }
}

static struct touched_list round_touches(struct ctl_push *push)
{
    struct touched_list list = {0};
    const struct isr_image *image = &push->controller->committed;
    if (!push->full) {
        touch_entries(push, &list);
        return list;
    }
    for (uint32_t i = 0; i < image->topics_count; i++) {
        if (!image->topics[i].removed)
            touch_topic(push, &list, (int16_t)image->topics[i].id, ISR_CAUSE_METADATA);
    }
    return list;
}

/* ---- the three requests ---- */

static void push_send(struct ctl_push *push, const struct isr_message *message)
{
    struct isr_env *env = push->controller->env;
    env->metrics.pushes_sent++;
    isr_send(env, push->node, message);
    isr_env_timer_in(env, &push->timer, env->config.request_timeout);
}

static uint32_t next_correlation(struct ctl_push *push)
{
    struct isr_controller *controller = push->controller;
    const struct isr_env *env = controller->env;
    if (controller->push_correlation == 0)
        controller->push_correlation =
            (uint32_t)isr_hash_combine(isr_mix(env->random.key), (uint64_t)env->now_ns);
    if (++controller->push_correlation == 0)
        controller->push_correlation = 1;
    push->correlation = controller->push_correlation;
    return push->correlation;
}

static struct isr_stop_replica_partition stop_of(const struct ctl_push *push, struct isr_tp tp)
{
    const struct isr_image_partition *partition = isr_image_partition(&push->controller->committed, tp);
    struct isr_stop_replica_partition stop = {.tp = tp, .topic_removed = partition == NULL};
    stop.leader_epoch = partition != NULL ? partition->leader_epoch : ISR_EPOCH_NONE;
    stop.partition_epoch = partition != NULL ? partition->partition_epoch : ISR_EPOCH_NONE;
    return stop;
}

/* False: there is nothing to say. */
static bool send_stop(struct ctl_push *push)
{
    if (push->full) /* its LEADER_AND_ISR says it */
        return false;
    struct isr_message message = {.kind = ISR_MESSAGE_STOP_REPLICA_REQUEST};
    struct isr_stop_replica_request *request = &message.stop_replica_request;
    struct touched_list list = round_touches(push);
    for (uint32_t i = 0; i < push->hosted_count; i++)
        push->hosted[i].stopping = false;
    request->partitions =
        isr_scratch_allocate(&push->controller->env->scratch, list.count * sizeof *request->partitions);
    for (uint32_t i = 0; i < list.count; i++) {
        struct hosted *hosted = hosted_find(push, list.items[i].tp);
        if (hosted == NULL || replicates(push, hosted->tp))
            continue;
        hosted->stopping = true;
        request->partitions[request->partitions_count++] = stop_of(push, hosted->tp);
    }
    if (request->partitions_count == 0)
        return false;
    request->correlation = next_correlation(push);
    request->controller_epoch = push->controller->term;
    request->broker_epoch = push->broker_epoch;
    request->index = push->end;
    push_send(push, &message);
    return true;
}

static struct isr_leader_and_isr_partition leader_of(const struct ctl_push *push,
                                                     const struct touched *touched)
{
    const struct isr_image *image = &push->controller->committed;
    const struct isr_image_partition *partition = isr_image_partition(image, touched->tp);
    return (struct isr_leader_and_isr_partition){.tp = partition->tp,
                                                 .leader = (int16_t)partition->leader,
                                                 .leader_epoch = partition->leader_epoch,
                                                 .partition_epoch = partition->partition_epoch,
                                                 .recovering = partition->recovering,
                                                 .replicas = partition->replicas,
                                                 .adding = partition->adding,
                                                 .removing = partition->removing,
                                                 .isr = partition->isr,
                                                 .settings =
                                                     isr_image_topic(image, partition->tp.topic)->settings,
                                                 .cause = (uint8_t)touched->cause};
}

static bool send_leaders(struct ctl_push *push)
{
    struct isr_message message = {.kind = ISR_MESSAGE_LEADER_AND_ISR_REQUEST};
    struct isr_leader_and_isr_request *request = &message.leader_and_isr_request;
    struct touched_list list = round_touches(push);
    request->partitions =
        isr_scratch_allocate(&push->controller->env->scratch, list.count * sizeof *request->partitions);
    for (uint32_t i = 0; i < list.count; i++) {
        if (replicates(push, list.items[i].tp))
            request->partitions[request->partitions_count++] = leader_of(push, &list.items[i]);
    }
    if (request->partitions_count == 0 && !push->full)
        return false;
    if (push->full)
        push->hosted_count = 0;
    for (uint32_t i = 0; i < request->partitions_count; i++)
        hosted_add(push, request->partitions[i].tp);
    request->correlation = next_correlation(push);
    request->controller_epoch = push->controller->term;
    request->broker_epoch = push->broker_epoch;
    request->index = push->end;
    request->full = push->full;
    push_send(push, &message);
    return true;
}

static void send_metadata(struct ctl_push *push)
{
    struct isr_controller *controller = push->controller;
    struct isr_metadata_fetch_response news = {.snapshot_index = -1};
    if (push->full) {
        news.snapshot = isr_image_snapshot(&controller->committed, &controller->env->scratch);
        news.snapshot_index = push->end;
    } else {
        ctl_entries_fill(controller, push->told + 1, push->end, &news);
    }
    struct isr_message message = {.kind = ISR_MESSAGE_UPDATE_METADATA_REQUEST,
                                  .update_metadata_request = {.correlation = next_correlation(push),
                                                              .controller_epoch = controller->term,
                                                              .broker_epoch = push->broker_epoch,
                                                              .first_index = push->told + 1,
                                                              .snapshot_index = news.snapshot_index,
                                                              .snapshot = news.snapshot,
                                                              .entries = news.entries,
                                                              .entries_count = news.entries_count}};
    push_send(push, &message);
}

/* ---- rounds ---- */

/* What a full round's image holds is what is committed now; roles of later entries than its own index would
 * be claimed to be known. */
static bool round_is_outrun(const struct ctl_push *push)
{
    return push->full ? push->controller->committed.index > push->end
                      : ctl_is_compacted(push->controller, push->told + 1);
}

static void round_over(struct ctl_push *push)
{
    push->told = push->end;
    push->stage = STAGE_IDLE;
    push_go(push);
}

/* From the stage on: the first request that has something to say. */
static void round_step(struct ctl_push *push)
{
    if (push->stage == STAGE_STOP && !send_stop(push))
        push->stage = STAGE_LEADERS;
    else if (push->stage == STAGE_STOP)
        return;
    if (push->stage == STAGE_LEADERS && !send_leaders(push))
        push->stage = STAGE_METADATA;
    else if (push->stage == STAGE_LEADERS)
        return;
    if (push->stage == STAGE_METADATA)
        send_metadata(push);
}

/* The last entry that there is news in up to `end`; false when there is none. Internal entries of consensus
 * are no news, and the broker would not know that they were passed over: no round ends with one. */
static bool last_news(const struct ctl_push *push, int64_t *end)
{
    struct isr_metadata_entry entry;
    bool is_command = false;
    if (ctl_entries_count(push->controller, push->told + 1, ctl_served_end(push->controller), end) == 0)
        return false;
    while (ctl_entry_at(push->controller, *end, &entry, &is_command) && !is_command)
        --*end;
    return true;
}

static void round_begin(struct ctl_push *push)
{
    struct isr_controller *controller = push->controller;
    push->full = push->told < 0 || ctl_is_compacted(controller, push->told + 1);
    push->end = controller->committed.index;
    if (!push->full && !last_news(push, &push->end))
        return;
    push->stage = STAGE_STOP;
    round_step(push);
}

static bool push_may_go(const struct ctl_push *push)
{
    const struct isr_controller *controller = push->controller;
    const struct isr_image_broker *broker = &controller->committed.brokers[push->node];
    return controller->active && !push->superseded && broker->registered &&
           broker->epoch == controller->pending.brokers[push->node].epoch &&
           ctl_session_is_live(controller, push->node);
}

/* Begins a round when none is under way and there is anything to tell. */
static void push_go(struct ctl_push *push)
{
    int64_t epoch = push->controller->committed.brokers[push->node].epoch;
    if (!push_may_go(push))
        return;
    if (push->broker_epoch != epoch) { /* whatever is under way was for the life before */
        isr_timer_cancel(&push->controller->env->timers, &push->timer);
        push->stage = STAGE_IDLE;
        push->paused = false;
        push->correlation = 0;
        push->broker_epoch = epoch;
        push->told = -1;
        push->hosted_count = 0;
    }
    if (push->stage == STAGE_IDLE && !push->paused)
        round_begin(push);
}

static void round_again(struct ctl_push *push)
{
    push->controller->env->metrics.pushes_repeated++;
    push->correlation = 0;
    push->stage = STAGE_IDLE;
    push->paused = true;
    isr_env_timer_in(push->controller->env, &push->timer, push->controller->env->config.retry_backoff);
}

static void timer_fired(void *object)
{
    struct ctl_push *push = object;
    if (!push->paused) {
        round_again(push);
        return;
    }
    push->paused = false;
    push_go(push);
}

/* ---- answers ---- */

/* It obeyed, or has something newer than what it refused. */
static void stage_done(struct ctl_push *push)
{
    if (push->stage == STAGE_METADATA) {
        round_over(push);
        return;
    }
    push->stage = push->stage == STAGE_STOP ? STAGE_LEADERS : STAGE_METADATA;
    if (round_is_outrun(push)) {
        push->stage = STAGE_IDLE;
        push_go(push);
    } else {
        round_step(push);
    }
}

static void stopped(struct ctl_push *push)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < push->hosted_count; i++) {
        if (!push->hosted[i].stopping)
            push->hosted[kept++] = push->hosted[i];
    }
    push->hosted_count = kept;
}

static void refused(struct ctl_push *push, enum isr_error error)
{
    if (error == ISR_ERROR_STALE_CONTROLLER_EPOCH) {
        push->superseded = true;
        push->stage = STAGE_IDLE;
        return;
    }
    if (error == ISR_ERROR_OFFSET_OUT_OF_RANGE || error == ISR_ERROR_CORRUPT_MESSAGE)
        push->told = -1;
    round_again(push);
}

static struct ctl_push *push_find(const struct isr_controller *controller, int32_t node, uint32_t *place)
{
    *place = 0;
    while (*place < controller->pushes_count && controller->pushes[*place]->node < node)
        (*place)++;
    bool found = *place < controller->pushes_count && controller->pushes[*place]->node == node;
    return found ? controller->pushes[*place] : NULL;
}

void ctl_push_answered(struct isr_controller *controller, int32_t from,
                       const struct isr_controller_push_response *answer)
{
    uint32_t place;
    struct ctl_push *push = push_find(controller, from, &place);
    if (push == NULL || push->correlation == 0 || answer->correlation != push->correlation)
        return;
    push->correlation = 0;
    isr_timer_cancel(&controller->env->timers, &push->timer);
    bool obeyed = answer->error == ISR_ERROR_NONE;
    if (!obeyed && (push->stage != STAGE_STOP || answer->error != ISR_ERROR_FENCED_LEADER_EPOCH)) {
        refused(push, (enum isr_error)answer->error);
        return;
    }
    if (push->stage == STAGE_STOP && obeyed)
        stopped(push);
    stage_done(push);
}

/* ---- who is pushed to ---- */

static struct ctl_push *push_of(struct isr_controller *controller, int32_t node)
{
    uint32_t place;
    struct ctl_push *push = push_find(controller, node, &place);
    if (push != NULL)
        return push;
    struct isr_heap *heap = controller->env->heap;
    controller->pushes =
        ISR_GROW(heap, controller->pushes, controller->pushes_count, controller->pushes_capacity);
    memmove(&controller->pushes[place + 1], &controller->pushes[place],
            (controller->pushes_count - place) * sizeof(struct ctl_push *));
    controller->pushes_count++;
    push = isr_heap_allocate(heap, sizeof *push);
    push->controller = controller;
    push->node = node;
    push->broker_epoch = -1;
    push->told = -1;
    isr_timer_init(&push->timer, timer_fired, push);
    controller->pushes[place] = push;
    return push;
}

void ctl_push_contact(struct isr_controller *controller, int32_t broker)
{
    if (controller->env->config.metadata_push)
        push_go(push_of(controller, broker));
}

void ctl_pushes_wake(struct isr_controller *controller)
{
    for (uint32_t i = 0; i < controller->pushes_count; i++)
        push_go(controller->pushes[i]);
}

void ctl_pushes_end(struct isr_controller *controller)
{
    for (uint32_t i = 0; i < controller->pushes_count; i++) {
        struct ctl_push *push = controller->pushes[i];
        isr_timer_cancel(&controller->env->timers, &push->timer);
        push->stage = STAGE_IDLE;
        push->paused = push->superseded = false;
        push->correlation = 0;
        push->broker_epoch = push->told = -1;
        push->hosted_count = 0;
    }
}

uint64_t ctl_pushes_digest(const struct isr_controller *controller, uint64_t hash)
{
    for (uint32_t i = 0; i < controller->pushes_count; i++) {
        const struct ctl_push *push = controller->pushes[i];
        hash = isr_hash_combine(hash, (uint64_t)push->node);
        hash = isr_hash_combine(hash, (uint64_t)push->stage);
        hash = isr_hash_combine(hash, (uint64_t)push->told);
        hash = isr_hash_combine(hash, (uint64_t)push->broker_epoch);
        hash = isr_hash_combine(hash, push->hosted_count);
    }
    return hash;
}
