#include "harness/shrink_record.h"

#include <stdlib.h>
#include <string.h>

#include "harness/shrink_cost.h"
#include "harness/shrink_trial.h"
#include "sim/checks/checks.h"
#include "sim/condition.h"
#include "sim/workload.h"
#include "sim/world.h"

/* ---- conditions ---- */

struct conditions {
    struct sim_condition items[SHRINK_CONDITIONS_MAX];
    uint32_t count;
};

static void add(struct sim_world *world, struct conditions *list, const struct sim_condition *condition)
{
    if (list->count < SHRINK_CONDITIONS_MAX && sim_condition_holds(world, condition))
        list->items[list->count++] = *condition;
}

static struct sim_condition of_partition(const struct sim_topic_spec *topic, int32_t partition,
                                         enum sim_condition_kind kind)
{
    return (struct sim_condition){
        .kind = kind, .topic = topic->name, .partition = partition, .node = ISR_NODE_NONE};
}

/* The partition as committed; false while nobody knows it. */
static bool committed(struct sim_world *world, const struct sim_topic_spec *topic, int32_t partition,
                      struct isr_image_partition *found)
{
    if (world->spec->peer.count > 0)
        return sim_world_group(world, found);
    const struct isr_image *image = sim_world_image(world);
    const struct isr_image_topic *known =
        image == NULL ? NULL : isr_image_topic_named(image, topic->name.text);
    if (known == NULL || (uint32_t)partition >= known->partitions_count)
        return false;
    *found = known->partitions[partition];
    return true;
}

static void add_replica(struct sim_world *world, struct conditions *list, struct sim_condition condition,
                        const struct isr_image_partition *image, int32_t node)
{
    const struct isr_node *running = world->processes[node].node;
    const struct isr_partition *replica =
        running == NULL || !isr_node_broker_running(running) ? NULL : isr_node_partition(running, image->tp);
    if (replica == NULL || replica->log == NULL)
        return;
    condition.node = node;
    condition.comparison = SIM_AT_LEAST;
    condition.kind = SIM_CONDITION_LOG_END;
    condition.value = replica->log->log_end;
    add(world, list, &condition);
    condition.kind = SIM_CONDITION_HIGH_WATERMARK;
    condition.value = replica->log->high_watermark;
    add(world, list, &condition);
    condition.comparison = SIM_EQUAL;
    condition.value = 0;
    condition.kind = SIM_CONDITION_ISR_PENDING;
    add(world, list, &condition);
}

static void add_partition(struct sim_world *world, struct conditions *list,
                          const struct sim_topic_spec *topic, int32_t partition)
{
    struct isr_image_partition image;
    if (!committed(world, topic, partition, &image))
        return;
    struct sim_condition condition = of_partition(topic, partition, SIM_CONDITION_LEADER_ELECTED);
    add(world, list, &condition);
    condition = of_partition(topic, partition, SIM_CONDITION_LEADER_IS);
    condition.node = image.leader;
    add(world, list, &condition);
    condition = of_partition(topic, partition, SIM_CONDITION_ISR_IS);
    condition.set = image.isr;
    add(world, list, &condition);
    condition.kind = SIM_CONDITION_ELR_IS;
    condition.set = image.elr;
    if (image.elr.count > 0)
        add(world, list, &condition);
    condition = of_partition(topic, partition, SIM_CONDITION_LEADER_EPOCH);
    condition.comparison = SIM_AT_LEAST;
    condition.value = image.leader_epoch;
    add(world, list, &condition);
    for (unsigned i = 0; i < image.replicas.count; i++)
        add_replica(world, list, of_partition(topic, partition, SIM_CONDITION_LOG_END), &image,
                    image.replicas.ids[i]);
}

static void add_nodes(struct sim_world *world, struct conditions *list)
{
    const struct sim_spec *spec = world->spec;
    for (int32_t node = 1; node < sim_spec_first_client(spec); node++) {
        struct sim_condition condition = {.kind = SIM_CONDITION_NODE_UP, .node = node};
        add(world, list, &condition);
        condition.comparison = SIM_NOT_EQUAL;
        add(world, list, &condition);
        condition = (struct sim_condition){.kind = SIM_CONDITION_CONTROLLER, .node = node};
        if (sim_spec_is_controller(spec, node))
            add(world, list, &condition);
        condition.kind = SIM_CONDITION_QUORUM_LEADER;
        if (sim_spec_is_controller(spec, node) && spec->controllers > 1)
            add(world, list, &condition);
        if (!sim_spec_is_broker(spec, node))
            continue;
        condition.kind = spec->peer.count > 0 ? SIM_CONDITION_PEER_READY : SIM_CONDITION_BROKER_FENCED;
        add(world, list, &condition);
        condition.comparison = SIM_NOT_EQUAL;
        add(world, list, &condition);
    }
}

static void add_counters(struct sim_world *world, struct conditions *list)
{
    const struct {
        enum sim_condition_kind kind;
        uint64_t count;
    } counters[] = {{SIM_CONDITION_ACKED, world->counters.records_acked},
                    {SIM_CONDITION_COMMITTED, world->counters.records_committed},
                    {SIM_CONDITION_READ, world->counters.records_read},
                    {SIM_CONDITION_COMPACTED, world->counters.records_compacted},
                    {SIM_CONDITION_YIELDS, world->counters.yields}};
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        struct sim_condition condition = {.kind = counters[i].kind,
                                          .node = ISR_NODE_NONE,
                                          .comparison = SIM_AT_LEAST,
                                          .value = (int64_t)counters[i].count};
        if (counters[i].count > 0)
            add(world, list, &condition);
    }
}

static void look(struct sim_world *world, struct conditions *list)
{
    list->count = 0;
    for (uint32_t t = 0; t < world->spec->topics_count; t++) {
        for (int32_t p = 0; p < world->spec->topics[t].partitions; p++)
            add_partition(world, list, &world->spec->topics[t], p);
    }
    add_nodes(world, list);
    add_counters(world, list);
}

static bool same_condition(const struct sim_condition *a, const struct sim_condition *b)
{
    return a->kind == b->kind && a->partition == b->partition && a->node == b->node &&
           a->comparison == b->comparison && a->value == b->value &&
           strcmp(a->topic.text, b->topic.text) == 0 && isr_replicas_equal_as_sets(&a->set, &b->set);
}

static bool is_in(const struct conditions *list, const struct sim_condition *condition)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (same_condition(&list->items[i], condition))
            return true;
    }
    return false;
}

static uint64_t cost_of(const struct sim_condition *condition)
{
    return shrink_gate_cost(
        &(struct sim_step){.gate = SIM_GATE_WHEN, .condition = *condition, .at_latest_ns = ISR_TIME_NEVER});
}

/* By cost, in a stable order. */
static void sort(struct sim_condition *items, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct sim_condition item = items[i];
        uint32_t place = i;
        for (; place > 0 && cost_of(&items[place - 1]) > cost_of(&item); place--)
            items[place] = items[place - 1];
        items[place] = item;
    }
}

/* ---- listening ---- */

enum { ARRIVALS_MAX = 1024 };

/* What both processes see. */
struct listening {
    struct shrink_record record;
    struct conditions before, now;
    uint32_t step;
    /* when the last message of a kind that was sent on a link arrives */
    struct arrival {
        int32_t from, to;
        uint32_t kind;
        int64_t time_ns;
    } arrivals[ARRIVALS_MAX];
    uint32_t arrivals_count;
};

static void take_conditions(struct listening *listening)
{
    struct shrink_record *record = &listening->record;
    for (int news = 1; news >= 0; news--) {
        uint32_t first = record->conditions_count;
        for (uint32_t i = 0; i < listening->now.count; i++) {
            const struct sim_condition *condition = &listening->now.items[i];
            if (is_in(&listening->before, condition) == (news == 1))
                continue;
            record->conditions[record->conditions_count++] = *condition;
        }
        sort(&record->conditions[first], record->conditions_count - first);
        if (news == 1)
            record->news_count = record->conditions_count;
    }
}

static struct arrival *arrival_of(struct listening *listening, const struct sim_trace_record *trace)
{
    struct arrival wanted = {trace->node, (int32_t)trace->fields[0], (uint32_t)trace->fields[1], 0};
    uint32_t place = 0;
    while (place < listening->arrivals_count &&
           (listening->arrivals[place].from != wanted.from || listening->arrivals[place].to != wanted.to ||
            listening->arrivals[place].kind != wanted.kind))
        place++;
    if (place == ARRIVALS_MAX)
        return NULL;
    if (place == listening->arrivals_count)
        listening->arrivals[listening->arrivals_count++] = wanted;
    return &listening->arrivals[place];
}

static void take_sent(struct listening *listening, const struct sim_trace_record *trace)
{
    struct arrival *arrival = arrival_of(listening, trace);
    int64_t time_ns = trace->time_ns + trace->fields[4];
    if (arrival != NULL && arrival->time_ns < time_ns)
        arrival->time_ns = time_ns;
}

static void take_lost(struct listening *listening, const struct sim_trace_record *trace)
{
    struct shrink_record *record = &listening->record;
    const struct arrival *before = arrival_of(listening, trace);
    if (record->lost_count == SHRINK_LOST_MAX || before == NULL)
        return;
    record->lost[record->lost_count++] = (struct shrink_lost){
        .time_ns = before->time_ns >= trace->time_ns ? before->time_ns + 1 : trace->time_ns,
        .from = before->from,
        .to = before->to,
        .kind = before->kind};
}

static void take_record(void *object, struct sim_world *world, const struct sim_trace_record *trace)
{
    struct listening *listening = object;
    if (trace->kind == SIM_TRACE_MESSAGE_SENT)
        take_sent(listening, trace);
    if (trace->kind == SIM_TRACE_MESSAGE_LOST)
        take_lost(listening, trace);
    if (trace->kind != SIM_TRACE_STEP_RUN || listening->step == UINT32_MAX)
        return;
    if (trace->fields[0] + 1 == (int64_t)listening->step)
        look(world, &listening->before);
    if (trace->fields[0] == (int64_t)listening->step) {
        look(world, &listening->now);
        take_conditions(listening);
    }
}

static void listen(void *object, struct sim_world *world)
{
    sim_trace_listen(&world->trace, take_record, object, ISR_IMPORTANCE_detail);
}

/* ---- what is left at the end ---- */

static bool is_batch(const struct sim_operation *operation)
{
    return (operation->kind == SIM_OPERATION_PRODUCE || operation->kind == SIM_OPERATION_PROPOSE) &&
           !operation->probe;
}

/* The last ones, where they are too many. */
static void take_batches(struct shrink_record *record, const struct sim_world *world)
{
    const struct sim_spec *spec = world->spec;
    uint32_t count = 0, operations = sim_workload_operations_count(world);
    for (uint32_t place = 0; place < operations; place++)
        count += is_batch(sim_workload_operation(world, place));
    for (uint32_t place = 0; place < operations; place++) {
        const struct sim_operation *operation = sim_workload_operation(world, place);
        if (!is_batch(operation) || count-- > SHRINK_BATCHES_MAX)
            continue;
        uint32_t client = (uint32_t)(operation->client - sim_spec_first_client(spec));
        record->batches[record->batches_count++] = (struct shrink_batch){
            .time_ns = operation->asked_ns,
            .topic = operation->spec_topic,
            .client = client,
            .partition = operation->partition,
            .records = (int32_t)operation->count,
            .value_bytes = client < spec->clients_count ? spec->clients[client].value_bytes : 64,
            .acks = operation->acks};
    }
}

static uint32_t partitions_of(const struct sim_spec *spec)
{
    uint32_t partitions = 0;
    for (uint32_t t = 0; t < spec->topics_count; t++)
        partitions += (uint32_t)spec->topics[t].partitions;
    return partitions;
}

static void take_placed(struct shrink_record *record, struct sim_world *world)
{
    uint32_t place = 0;
    for (uint32_t t = 0; t < world->spec->topics_count; t++) {
        for (int32_t p = 0; p < world->spec->topics[t].partitions; p++, place++) {
            struct isr_image_partition image;
            if (committed(world, &world->spec->topics[t], p, &image))
                record->placed[place] = image.replicas;
        }
    }
}

static void take_end(void *object, struct sim_world *world)
{
    struct listening *listening = object;
    take_batches(&listening->record, world);
    take_placed(&listening->record, world);
}

struct shrink_record *shrink_record_take(struct shrinker *shrinker, uint32_t step)
{
    const struct sim_spec *best = &shrinker->best->spec;
    size_t placed_bytes = partitions_of(best) * sizeof(struct isr_replicas);
    struct attempt attempt;
    if (shrinker->request->judge != NULL)
        return NULL;
    struct listening *listening = shrink_trial_memory(shrinker, sizeof *listening);
    listening->record.placed = shrink_trial_memory(shrinker, placed_bytes);
    listening->step = step;
    shrink_trial(shrinker, best, &(struct shrink_listener){listen, take_end, listening}, &attempt);
    shrinker->attempts++;
    struct shrink_record *record = malloc(sizeof *record);
    if (record == NULL)
        abort();
    *record = listening->record;
    record->placed = pool_allocate(&record->pool, placed_bytes);
    memcpy(record->placed, listening->record.placed, placed_bytes);
    return record;
}

void shrink_record_free(struct shrink_record *record)
{
    if (record == NULL)
        return;
    pool_free(&record->pool);
    free(record);
}
