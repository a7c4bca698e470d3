#include "sim/workload.h"

#include <string.h>

#include "core/base/error.h"
#include "core/log/batch.h"
#include "core/quorum/port.h"
#include "sim/world.h"

enum { KEYS_USUAL = 16 };
enum { OPERATIONS_A_CHUNK = 256, VALUE_BYTES_MIN = 8, CLIENT_SHIFT = 40, READ_FROM_LATEST = -1 };
static const int64_t CREATE_AGAIN_NS = 100 * ISR_MS;
static const int64_t CREATE_ANYWAY_NS = 5 * ISR_SECOND;
static const int64_t PROBE_AGAIN_NS = 200 * ISR_MS;

/* What a queued event is about: the kind above, a place below. */
enum workload_event { EVENT_CREATE, EVENT_PRODUCE, EVENT_READ, EVENT_SETTLE, EVENT_PROBE, EVENT_PROPOSE };
enum { EVENT_SHIFT = 32 };

/* A client of the spec, or the world's own, by node. */
struct workload_client {
    uint64_t values;   /* used so far */
    int32_t partition; /* the last one chosen */
    bool rests;        /* told so by a step */
    int64_t *read_to;  /* consumer: by partition of its topic; READ_FROM_LATEST: nothing yet, from there on */
};

struct workload_topic {
    bool created;
    bool ticking;      /* its producers were started */
    bool keyed;        /* it is compacted, at first or after a step */
    bool deleted;      /* asked for, and not made anew since */
    uint64_t deletion; /* the operation that asked for it, 0: none */
    uint16_t id;
    bool *probed; /* by partition: its last probe was acknowledged */
};

struct sim_workload {
    struct sim_operation **chunks;
    uint32_t chunks_capacity;
    uint32_t operations_count;
    struct workload_client *clients; /* by node - first client; the last is the world's own */
    struct workload_topic *topics;   /* as in the spec */
    bool settling;
    uint32_t probes_sent;
    bool alone_probed; /* consensus alone: the probe was acknowledged */
};

static uint64_t event_of(enum workload_event kind, uint32_t place)
{
    return ((uint64_t)kind << EVENT_SHIFT) | place;
}

static struct workload_client *client_of(struct sim_world *world, int32_t node)
{
    return &world->workload->clients[node - sim_spec_first_client(world->spec)];
}

static int32_t spec_topic_named(const struct sim_spec *spec, const char *name)
{
    for (uint32_t i = 0; i < spec->topics_count; i++) {
        if (strcmp(spec->topics[i].name.text, name) == 0)
            return (int32_t)i;
    }
    return -1;
}

/* ---- the history ---- */

static struct sim_operation *operation_at(const struct sim_workload *workload, uint32_t place)
{
    return &workload->chunks[place / OPERATIONS_A_CHUNK][place % OPERATIONS_A_CHUNK];
}

static struct sim_operation *operation_add(struct sim_world *world, enum sim_operation_kind kind,
                                           int32_t client)
{
    struct sim_workload *workload = world->workload;
    uint32_t chunk = workload->operations_count / OPERATIONS_A_CHUNK;
    if (workload->operations_count % OPERATIONS_A_CHUNK == 0) {
        workload->chunks = ISR_GROW(&world->heap, workload->chunks, chunk, workload->chunks_capacity);
        workload->chunks[chunk] =
            isr_heap_allocate(&world->heap, sizeof(struct sim_operation) * (size_t)OPERATIONS_A_CHUNK);
    }
    struct sim_operation *operation = operation_at(workload, workload->operations_count++);
    operation->asked_ns = world->now_ns;
    operation->offset = ISR_OFFSET_NONE;
    operation->kind = (uint8_t)kind;
    operation->client = (int16_t)client;
    return operation;
}

/* The id under which the answer to the last operation added will come. */
static uint64_t last_id(const struct sim_world *world)
{
    return world->workload->operations_count;
}

uint32_t sim_workload_operations_count(const struct sim_world *world)
{
    return world->workload->operations_count;
}

const struct sim_operation *sim_workload_operation(const struct sim_world *world, uint32_t place)
{
    ISR_ASSERT(place < world->workload->operations_count);
    return operation_at(world->workload, place);
}

/* ---- commands ---- */

/* Like an administrator who waits for the cluster to be up: the first leaders are then the preferred ones
 * whichever broker registered first. Not for ever: a scenario may keep a broker down. */
static bool cluster_complete(struct sim_world *world)
{
    const struct isr_image *image = sim_world_image(world);
    for (int32_t broker = 1; broker <= world->spec->brokers; broker++) {
        if (image == NULL || !isr_image_broker_active(image, broker))
            return world->now_ns >= CREATE_ANYWAY_NS;
    }
    return true;
}

static void topic_created(struct sim_world *world, uint32_t spec_topic, uint16_t id);
/* The deletion asked for is not answered: who makes it anew waits, as an administrator does. */
static bool is_being_deleted(const struct sim_world *world, uint32_t spec_topic)
{
    uint64_t deletion = world->workload->topics[spec_topic].deletion;
    return deletion != 0 &&
           operation_at(world->workload, (uint32_t)(deletion - 1))->outcome == SIM_OUTCOME_UNKNOWN;
}

/* It was not made before brokers were gone for good that it needs. */
static bool cannot_be_made(const struct sim_world *world, uint32_t spec_topic)
{
    const struct sim_spec *spec = world->spec;
    const struct sim_topic_spec *topic = &spec->topics[spec_topic];
    int32_t left = 0;
    for (int32_t broker = 1; broker <= spec->brokers; broker++)
        left += !sim_node_set_has(&spec->gone, broker);
    bool lacks = left < topic->replication_factor;
    for (int32_t i = 0; topic->assignments != NULL && i < topic->partitions; i++) {
        for (unsigned k = 0; k < topic->assignments[i].count; k++)
            lacks = lacks || sim_node_set_has(&spec->gone, topic->assignments[i].ids[k]);
    }
    return lacks && spec->peer.count == 0 && !world->workload->topics[spec_topic].created;
}

/* It was deleted, or its deletion was asked for and took effect: nothing is expected of it. */
static bool is_gone(const struct sim_world *world, uint32_t spec_topic)
{
    if (cannot_be_made(world, spec_topic))
        return true;
    const struct isr_image *image = sim_world_image((struct sim_world *)world);
    return world->workload->topics[spec_topic].deleted &&
           (image == NULL || isr_image_topic_named(image, world->spec->topics[spec_topic].name.text) == NULL);
}

static void create_topic(struct sim_world *world, uint32_t spec_topic)
{
    const struct sim_topic_spec *topic = &world->spec->topics[spec_topic];
    int32_t client = sim_spec_own_client(world->spec);
    if (world->workload->topics[spec_topic].created || world->workload->topics[spec_topic].deleted)
        return;
    if (world->spec->peer.count > 0) { /* it is the group itself */
        topic_created(world, spec_topic, 1);
        return;
    }
    if (!sim_process_running(sim_world_process(world, client)) || !cluster_complete(world) ||
        is_being_deleted(world, spec_topic)) {
        sim_world_wake_workload(world, world->now_ns + CREATE_AGAIN_NS, event_of(EVENT_CREATE, spec_topic));
        return;
    }
    operation_add(world, SIM_OPERATION_CREATE_TOPIC, client)->spec_topic = (uint16_t)spec_topic;
    struct isr_command command = {.kind = ISR_COMMAND_CREATE_TOPIC,
                                  .id = last_id(world),
                                  .topic = topic->name.text,
                                  .partitions = topic->partitions,
                                  .replication_factor = topic->replication_factor,
                                  .settings = topic->settings,
                                  .assignments = topic->assignments};
    sim_process_command(world, client, &command);
}

struct batch_wanted {
    int32_t client;
    uint32_t spec_topic;
    int32_t partition;
    int32_t records, value_bytes;
    int32_t keys, tombstones;
    int16_t acks;
    bool probe;
};

static void produce(struct sim_world *world, const struct batch_wanted *wanted)
{
    if (!sim_process_running(sim_world_process(world, wanted->client)))
        return;
    struct workload_client *client = client_of(world, wanted->client);
    uint32_t records = wanted->records > 0 ? (uint32_t)wanted->records : 1;
    uint64_t first = ((uint64_t)(uint32_t)wanted->client << CLIENT_SHIFT) | client->values;
    client->values += records;
    struct sim_operation *operation = operation_add(world, SIM_OPERATION_PRODUCE, wanted->client);
    operation->first_value = first;
    operation->count = records;
    operation->spec_topic = (uint16_t)wanted->spec_topic;
    operation->partition = (uint16_t)wanted->partition;
    operation->acks = wanted->acks;
    operation->probe = wanted->probe;
    world->counters.records_produced += records;
    struct isr_command command = {
        .kind = ISR_COMMAND_PRODUCE,
        .id = last_id(world),
        .topic = world->spec->topics[wanted->spec_topic].name.text,
        .partition = (uint16_t)wanted->partition,
        .acks = wanted->acks,
        .first_value = first,
        .record_count = records,
        .value_bytes =
            wanted->value_bytes < VALUE_BYTES_MIN ? VALUE_BYTES_MIN : (uint32_t)wanted->value_bytes,
    };
    if (world->workload->topics[wanted->spec_topic].keyed) {
        command.keys = wanted->keys > 0 ? (uint32_t)wanted->keys : KEYS_USUAL;
        command.tombstone_percent = (uint32_t)wanted->tombstones;
    }
    sim_process_command(world, wanted->client, &command);
}

static void consume(struct sim_world *world, uint32_t spec_client, int32_t partition)
{
    const struct sim_client_spec *spec = &world->spec->clients[spec_client];
    int32_t node = sim_spec_first_client(world->spec) + (int32_t)spec_client;
    struct sim_operation *operation = operation_add(world, SIM_OPERATION_CONSUME, node);
    operation->spec_topic = (uint16_t)spec_topic_named(world->spec, spec->topic.text);
    operation->partition = (uint16_t)partition;
    struct isr_command command = {
        .kind = ISR_COMMAND_CONSUME,
        .id = last_id(world),
        .topic = spec->topic.text,
        .partition = (uint16_t)partition,
        .offset = client_of(world, node)->read_to[partition],
        .rack = spec->rack,
        .from_follower = spec->from_follower,
        .reset = spec->start_latest && spec->reset == ISR_RESET_EARLIEST ? ISR_RESET_LATEST : spec->reset};
    sim_process_command(world, node, &command);
}

static void consume_all(struct sim_world *world, uint32_t spec_client)
{
    const struct sim_client_spec *spec = &world->spec->clients[spec_client];
    int32_t topic = spec_topic_named(world->spec, spec->topic.text);
    if (spec->kind != SIM_CLIENT_CONSUMER || topic < 0 || !world->workload->topics[topic].created)
        return;
    for (int32_t i = 0; i < world->spec->topics[topic].partitions; i++) {
        if (spec->partition < 0 || spec->partition == i)
            consume(world, spec_client, i);
    }
}

/* ---- producers ---- */

static int32_t choose_partition(struct sim_world *world, const struct sim_client_spec *spec, int32_t node,
                                int32_t partitions)
{
    struct workload_client *client = client_of(world, node);
    if (spec->partition >= 0)
        return spec->partition;
    if (spec->keys > 0) {
        uint64_t key = sim_random_below(sim_random_draw(&world->random, SIM_RANDOM_WORKLOAD, (uint32_t)node),
                                        (uint64_t)spec->keys);
        return (int32_t)(isr_mix(key + 1) % (uint64_t)partitions);
    }
    client->partition = (client->partition + 1) % partitions;
    return client->partition;
}

static void producer_tick(struct sim_world *world, uint32_t spec_client)
{
    const struct sim_client_spec *spec = &world->spec->clients[spec_client];
    int32_t node = sim_spec_first_client(world->spec) + (int32_t)spec_client;
    if (world->workload->settling || world->now_ns >= spec->stop_ns)
        return;
    sim_world_wake_workload(world, world->now_ns + spec->interval_ns, event_of(EVENT_PRODUCE, spec_client));
    if (client_of(world, node)->rests)
        return;
    uint32_t topic = (uint32_t)spec_topic_named(world->spec, spec->topic.text);
    produce(world, &(struct batch_wanted){.client = node,
                                          .spec_topic = topic,
                                          .partition = choose_partition(
                                              world, spec, node, world->spec->topics[topic].partitions),
                                          .records = spec->records_per_batch,
                                          .value_bytes = spec->value_bytes,
                                          .keys = spec->keys,
                                          .tombstones = spec->tombstones,
                                          .acks = spec->acks});
}

/* ---- readers ---- */

static void reader_tick(struct sim_world *world, uint32_t spec_client)
{
    const struct sim_client_spec *spec = &world->spec->clients[spec_client];
    int32_t node = sim_spec_first_client(world->spec) + (int32_t)spec_client;
    if (world->workload->settling || world->now_ns >= spec->stop_ns)
        return;
    sim_world_wake_workload(world, world->now_ns + spec->interval_ns, event_of(EVENT_READ, spec_client));
    if (client_of(world, node)->rests || !sim_process_running(sim_world_process(world, node)))
        return;
    uint32_t topic = (uint32_t)spec_topic_named(world->spec, spec->topic.text);
    struct sim_operation *operation = operation_add(world, SIM_OPERATION_POOL_READ, node);
    operation->spec_topic = (uint16_t)topic;
    operation->partition =
        (uint16_t)choose_partition(world, spec, node, world->spec->topics[topic].partitions);
    struct isr_command command = {.kind = ISR_COMMAND_READ,
                                  .id = last_id(world),
                                  .topic = spec->topic.text,
                                  .partition = operation->partition,
                                  .pool_mode = spec->pool_mode};
    sim_process_command(world, node, &command);
}

/* ---- numbered entries ---- */

static void propose(struct sim_world *world, int32_t node, int32_t value_bytes, bool is_probe)
{
    if (!sim_process_running(sim_world_process(world, node)))
        return;
    struct workload_client *client = client_of(world, node);
    struct sim_operation *operation = operation_add(world, SIM_OPERATION_PROPOSE, node);
    operation->first_value = ((uint64_t)(uint32_t)node << CLIENT_SHIFT) | client->values++;
    operation->count = 1;
    operation->probe = is_probe;
    world->counters.records_produced++;
    struct isr_command command = {.kind = ISR_COMMAND_PROPOSE,
                                  .id = last_id(world),
                                  .first_value = operation->first_value,
                                  .value_bytes = (uint32_t)value_bytes,
                                  .node = ISR_NODE_NONE,
                                  .controller = ISR_NODE_NONE};
    sim_process_command(world, node, &command);
}

static void proposer_tick(struct sim_world *world, uint32_t spec_client)
{
    const struct sim_client_spec *spec = &world->spec->clients[spec_client];
    int32_t node = sim_spec_first_client(world->spec) + (int32_t)spec_client;
    if (world->workload->settling || world->now_ns >= spec->stop_ns)
        return;
    sim_world_wake_workload(world, world->now_ns + spec->interval_ns, event_of(EVENT_PROPOSE, spec_client));
    if (!client_of(world, node)->rests)
        propose(world, node, spec->value_bytes, false);
}

/* ---- the settle phase ---- */

static void probe(struct sim_world *world, uint32_t place)
{
    uint32_t topic = place >> 16;
    world->workload->probes_sent++;
    produce(world, &(struct batch_wanted){.client = sim_spec_own_client(world->spec),
                                          .spec_topic = topic,
                                          .partition = (int32_t)(place & 0xffff),
                                          .records = 1,
                                          .acks = -1,
                                          .probe = true});
}

static void probe_alone(struct sim_world *world)
{
    world->workload->probes_sent++;
    propose(world, sim_spec_own_client(world->spec), VALUE_BYTES_MIN, true);
}

static void probe_all(struct sim_world *world)
{
    if (sim_spec_is_alone(world->spec))
        probe_alone(world);
    for (uint32_t topic = 0; topic < world->spec->topics_count; topic++) {
        for (uint32_t i = 0; !is_gone(world, topic) && i < (uint32_t)world->spec->topics[topic].partitions;
             i++)
            probe(world, topic << 16 | i);
    }
}

void sim_workload_probes(const struct sim_world *world, uint32_t *sent, uint32_t *unanswered)
{
    *sent = world->workload->probes_sent;
    *unanswered = sim_spec_is_alone(world->spec) && !world->workload->alone_probed;
    for (uint32_t topic = 0; topic < world->spec->topics_count; topic++) {
        for (uint32_t i = 0; !is_gone(world, topic) && i < (uint32_t)world->spec->topics[topic].partitions;
             i++)
            *unanswered += !world->workload->topics[topic].probed[i];
    }
}

bool sim_workload_probe_waits(const struct sim_world *world, const char *topic, uint16_t partition)
{
    int32_t spec_topic = spec_topic_named(world->spec, topic);
    return spec_topic >= 0 && partition < world->spec->topics[spec_topic].partitions &&
           !world->workload->topics[spec_topic].probed[partition];
}

/* ---- what comes in ---- */

/* Producers stop at the start of the settle phase; half-way through it every partition must take a write
 * again. */
static void schedule_settling(struct sim_world *world)
{
    const struct sim_spec *spec = world->spec;
    if (spec->settle_ns <= 0)
        return;
    sim_world_wake_workload(world, spec->duration_ns - spec->settle_ns, event_of(EVENT_SETTLE, 0));
    sim_world_wake_workload(world, spec->duration_ns - spec->settle_ns / 2, event_of(EVENT_SETTLE, 1));
}

/* Where a consumer begins that has read nothing. */
static void read_from_start(struct sim_world *world, uint32_t spec_client)
{
    const struct sim_client_spec *spec = &world->spec->clients[spec_client];
    const struct workload_client *client = &world->workload->clients[spec_client];
    int32_t topic = spec_topic_named(world->spec, spec->topic.text);
    for (int32_t i = 0; client->read_to != NULL && i < world->spec->topics[topic].partitions; i++)
        client->read_to[i] = spec->start_latest ? READ_FROM_LATEST : 0;
}

static void client_init(struct sim_world *world, uint32_t spec_client)
{
    const struct sim_client_spec *spec = &world->spec->clients[spec_client];
    int32_t topic = spec_topic_named(world->spec, spec->topic.text);
    struct workload_client *client = &world->workload->clients[spec_client];
    client->partition = -1;
    if (spec->kind != SIM_CLIENT_CONSUMER || topic < 0)
        return;
    client->read_to = isr_heap_allocate(&world->heap, sizeof *client->read_to *
                                                          (size_t)world->spec->topics[topic].partitions);
    read_from_start(world, spec_client);
}

struct sim_workload *sim_workload_new(struct sim_world *world)
{
    const struct sim_spec *spec = world->spec;
    struct sim_workload *workload = isr_heap_allocate(&world->heap, sizeof *workload);
    world->workload = workload;
    workload->clients =
        isr_heap_allocate(&world->heap, sizeof *workload->clients * ((size_t)spec->clients_count + 1));
    workload->topics =
        isr_heap_allocate(&world->heap, sizeof *workload->topics * ((size_t)spec->topics_count + 1));
    for (uint32_t i = 0; i < spec->clients_count; i++) {
        client_init(world, i);
        if (spec->clients[i].kind == SIM_CLIENT_PROPOSER && spec->clients[i].interval_ns > 0)
            sim_world_wake_workload(world, spec->clients[i].start_ns, event_of(EVENT_PROPOSE, i));
    }
    for (uint32_t i = 0; i < spec->topics_count; i++) {
        workload->topics[i].keyed = sim_spec_topic_is_keyed(spec, &spec->topics[i]);
        workload->topics[i].probed = isr_heap_allocate(&world->heap, (size_t)spec->topics[i].partitions);
        sim_world_wake_workload(world, 0, event_of(EVENT_CREATE, i));
    }
    schedule_settling(world);
    return workload;
}

void sim_workload_event(struct sim_world *world, uint64_t argument)
{
    uint32_t place = (uint32_t)argument;
    switch ((enum workload_event)(argument >> EVENT_SHIFT)) {
    case EVENT_CREATE:
        create_topic(world, place);
        break;
    case EVENT_PRODUCE:
        producer_tick(world, place);
        break;
    case EVENT_READ:
        reader_tick(world, place);
        break;
    case EVENT_SETTLE:
        world->workload->settling = true;
        if (place == 1)
            probe_all(world);
        break;
    case EVENT_PROBE:
        if (sim_spec_is_alone(world->spec))
            probe_alone(world);
        else
            probe(world, place);
        break;
    case EVENT_PROPOSE:
        proposer_tick(world, place);
        break;
    }
}

static void topic_created(struct sim_world *world, uint32_t spec_topic, uint16_t id)
{
    struct workload_topic *topic = &world->workload->topics[spec_topic];
    if (topic->created)
        return;
    topic->created = true;
    topic->id = id;
    for (uint32_t i = 0; i < world->spec->clients_count; i++) {
        const struct sim_client_spec *client = &world->spec->clients[i];
        if (strcmp(client->topic.text, world->spec->topics[spec_topic].name.text) != 0)
            continue;
        if (client->kind == SIM_CLIENT_PRODUCER && client->interval_ns > 0 && !topic->ticking)
            sim_world_wake_workload(world, client->start_ns, event_of(EVENT_PRODUCE, i));
        if (client->kind == SIM_CLIENT_READER && client->interval_ns > 0 && !topic->ticking)
            sim_world_wake_workload(world, client->start_ns, event_of(EVENT_READ, i));
        if (topic->ticking) /* it is another topic of that name */
            read_from_start(world, i);
        consume_all(world, i);
    }
    topic->ticking = true;
}

static void create_answered(struct sim_world *world, const struct sim_operation *operation,
                            const struct isr_effect *effect)
{
    if (effect->error == ISR_ERROR_NONE || effect->error == ISR_ERROR_TOPIC_ALREADY_EXISTS)
        topic_created(world, operation->spec_topic, effect->tp.topic);
    else
        sim_world_wake_workload(world, world->now_ns + CREATE_AGAIN_NS,
                                event_of(EVENT_CREATE, operation->spec_topic));
}

static void produce_answered(struct sim_world *world, struct sim_operation *operation,
                             const struct isr_effect *effect)
{
    bool acked = effect->error == ISR_ERROR_NONE;
    if (acked) {
        operation->offset = effect->offset;
        world->counters.records_acked += operation->count;
    } else {
        world->counters.records_failed += operation->count;
    }
    if (!operation->probe)
        return;
    world->workload->topics[operation->spec_topic].probed[operation->partition] = acked;
    if (!acked)
        sim_world_wake_workload(
            world, world->now_ns + PROBE_AGAIN_NS,
            event_of(EVENT_PROBE, (uint32_t)operation->spec_topic << 16 | operation->partition));
}

/* An administrator got what a step had asked for. */
static void granted(struct sim_world *world, const struct sim_operation *operation)
{
    struct sim_counters *counters = &world->counters;
    enum sim_action_kind action = (enum sim_action_kind)operation->action;
    sim_world_bite(world, operation->step);
    if (sim_action_scope(action) == SIM_SCOPE_QUORUM)
        counters->quorum_alterations++;
    else if (action == SIM_ACTION_ELECT)
        counters->elections_granted++;
    else if (action == SIM_ACTION_DELETE_RECORDS)
        counters->deletions_granted++;
    else if (action == SIM_ACTION_DELETE_TOPIC)
        counters->topics_deleted++;
    else if (action == SIM_ACTION_ALTER_TOPIC)
        counters->topics_altered++;
    else if (action == SIM_ACTION_REASSIGN)
        counters->reassignments_granted++;
}

static void propose_answered(struct sim_world *world, struct sim_operation *operation,
                             const struct isr_effect *effect)
{
    bool acked = effect->error == ISR_ERROR_NONE;
    operation->offset = effect->offset;
    world->counters.records_acked += acked;
    world->counters.records_failed += !acked;
    if (operation->probe && acked)
        world->workload->alone_probed = true;
    else if (operation->probe)
        sim_world_wake_workload(world, world->now_ns + PROBE_AGAIN_NS, event_of(EVENT_PROBE, 0));
}

static void answered(struct sim_world *world, const struct isr_effect *effect)
{
    if (effect->id == 0 || effect->id > world->workload->operations_count)
        return;
    struct sim_operation *operation = operation_at(world->workload, (uint32_t)(effect->id - 1));
    if (operation->outcome != SIM_OUTCOME_UNKNOWN || operation->kind == SIM_OPERATION_RECORDS)
        return;
    operation->answered_ns = world->now_ns;
    operation->outcome = effect->error == ISR_ERROR_NONE ? SIM_OUTCOME_OK : SIM_OUTCOME_FAILED;
    operation->error = effect->error;
    operation->tp = effect->tp;
    if (operation->kind == SIM_OPERATION_PRODUCE)
        produce_answered(world, operation, effect);
    else if (operation->kind == SIM_OPERATION_PROPOSE)
        propose_answered(world, operation, effect);
    else if (operation->kind == SIM_OPERATION_POOL_READ || operation->kind == SIM_OPERATION_ADMINISTER)
        operation->offset = effect->offset;
    else if (operation->kind == SIM_OPERATION_CREATE_TOPIC)
        create_answered(world, operation, effect);
    if (operation->kind == SIM_OPERATION_ADMINISTER && operation->outcome == SIM_OUTCOME_OK)
        granted(world, operation);
}

static void records_read(struct sim_world *world, int32_t node, const struct isr_effect *effect)
{
    struct isr_batch batch;
    if (isr_batch_parse(effect->bytes, false, &batch) != ISR_BATCH_OK)
        return;
    struct sim_operation *operation = operation_add(world, SIM_OPERATION_RECORDS, node);
    operation->tp = effect->tp;
    operation->partition = effect->tp.index;
    operation->offset = effect->offset;
    operation->count = batch.record_count;
    operation->answered_ns = world->now_ns;
    operation->outcome = SIM_OUTCOME_OK;
    (void)isr_batch_value(&batch, 0, &operation->first_value);
    world->counters.records_read += batch.record_count;
    const struct sim_client_spec *spec = &world->spec->clients[node - sim_spec_first_client(world->spec)];
    int32_t topic = spec_topic_named(world->spec, spec->topic.text);
    struct workload_client *client = client_of(world, node);
    if (client->read_to == NULL || effect->tp.index >= world->spec->topics[topic].partitions)
        return;
    operation->spec_topic = (uint16_t)topic;
    if (effect->tp.topic == world->workload->topics[topic].id)
        client->read_to[effect->tp.index] = effect->offset + batch.record_count;
}

void sim_workload_client(struct sim_world *world, int32_t node, const struct isr_effect *effect)
{
    if (effect->kind == ISR_EFFECT_REPLY)
        answered(world, effect);
    else if (effect->kind == ISR_EFFECT_RECORDS && node < sim_spec_own_client(world->spec))
        records_read(world, node, effect);
}

void sim_workload_started(struct sim_world *world, int32_t node)
{
    int32_t own = sim_spec_own_client(world->spec);
    if (node != own) {
        consume_all(world, (uint32_t)(node - sim_spec_first_client(world->spec)));
        return;
    }
    for (uint32_t i = 0; i < world->spec->topics_count; i++) {
        world->workload->topics[i].deletion = 0; /* whoever waited for the answer is gone */
        create_topic(world, i);
    }
}

/* ---- steps ---- */

/* The client that the step names, else the world's own. */
static int32_t client_named(const struct sim_world *world, const char *name)
{
    int32_t node = name[0] == '\0' ? ISR_NODE_NONE : sim_spec_node_named(world->spec, name);
    return node != ISR_NODE_NONE && sim_spec_is_client(world->spec, node) ? node
                                                                          : sim_spec_own_client(world->spec);
}

void sim_workload_produce(struct sim_world *world, const struct sim_action *action)
{
    int32_t topic = spec_topic_named(world->spec, action->topic.text);
    if (topic < 0)
        return;
    produce(world, &(struct batch_wanted){.client = client_named(world, action->client),
                                          .spec_topic = (uint32_t)topic,
                                          .partition = action->partition,
                                          .records = (int32_t)action->count,
                                          .value_bytes = action->value_bytes,
                                          .acks = action->acks});
}

void sim_workload_propose(struct sim_world *world, const struct sim_action *action)
{
    for (int64_t i = 0; i < action->count; i++)
        propose(world, client_named(world, action->client), action->value_bytes, false);
}

static enum isr_quorum_change quorum_change_of(enum sim_action_kind kind)
{
    if (kind == SIM_ACTION_ADD_VOTER)
        return ISR_QUORUM_ADD_VOTER;
    if (kind == SIM_ACTION_ADD_LEARNER)
        return ISR_QUORUM_ADD_LEARNER;
    ISR_ASSERT(kind == SIM_ACTION_REMOVE_VOTER || kind == SIM_ACTION_TRANSFER_CONTROLLER);
    return kind == SIM_ACTION_REMOVE_VOTER ? ISR_QUORUM_REMOVE : ISR_QUORUM_TRANSFER;
}

/* Settings that are not given travel too, and decide nothing: they are what they are by default. */
static struct isr_topic_settings given_settings(const struct sim_action *action)
{
    struct isr_topic_settings settings = isr_topic_settings_default();
    size_t count;
    const struct isr_topic_setting_info *list = isr_topic_setting_list(&count);
    for (size_t i = 0; i < count; i++) {
        if ((action->settings_given >> i & 1) != 0)
            isr_topic_setting_set(&settings, &list[i], isr_topic_setting_get(&action->settings, &list[i]));
    }
    return settings;
}

/* The command of an administrator's step, without id, topic and partition. */
static struct isr_command command_of(const struct sim_action *action)
{
    if (action->kind == SIM_ACTION_DELETE_TOPIC)
        return (struct isr_command){.kind = ISR_COMMAND_DELETE_TOPIC};
    if (action->kind == SIM_ACTION_ALTER_TOPIC)
        return (struct isr_command){.kind = ISR_COMMAND_ALTER_TOPIC,
                                    .settings = given_settings(action),
                                    .settings_given = action->settings_given};
    if (action->kind == SIM_ACTION_REASSIGN)
        return (struct isr_command){.kind = ISR_COMMAND_REASSIGN, .replicas = action->replicas};
    if (action->kind == SIM_ACTION_ELECT)
        return (struct isr_command){.kind = ISR_COMMAND_ELECT, .elect_kind = action->elect_kind};
    if (action->kind == SIM_ACTION_DELETE_RECORDS)
        return (struct isr_command){.kind = ISR_COMMAND_DELETE_RECORDS, .offset = action->offset};
    return (struct isr_command){.kind = ISR_COMMAND_ALTER_QUORUM,
                                .quorum_change = (uint8_t)quorum_change_of(action->kind),
                                .node = action->node != 0 ? action->node : ISR_NODE_NONE,
                                .controller = action->asked != 0 ? action->asked : ISR_NODE_NONE};
}

void sim_workload_administer(struct sim_world *world, const struct sim_action *action)
{
    struct isr_command command = command_of(action);
    bool of_partition = command.kind != ISR_COMMAND_ALTER_QUORUM;
    int32_t topic = of_partition ? spec_topic_named(world->spec, action->topic.text) : 0;
    int32_t client = client_named(world, action->client);
    if (topic < 0 || !sim_process_running(sim_world_process(world, client)))
        return;
    struct sim_operation *operation = operation_add(world, SIM_OPERATION_ADMINISTER, client);
    operation->action = (uint8_t)action->kind;
    operation->step = world->acting;
    command.id = last_id(world);
    if (of_partition) {
        operation->spec_topic = (uint16_t)topic;
        operation->partition = (uint16_t)action->partition;
        command.topic = world->spec->topics[topic].name.text;
        command.partition = (uint16_t)action->partition;
    }
    if (action->kind == SIM_ACTION_DELETE_TOPIC) {
        world->workload->topics[topic].deleted = true;
        world->workload->topics[topic].deletion = command.id;
    }
    sim_process_command(world, client, &command);
}

void sim_workload_create_topic(struct sim_world *world, const struct sim_action *action)
{
    int32_t topic = spec_topic_named(world->spec, action->topic.text);
    if (topic < 0 || !world->workload->topics[topic].deleted)
        return;
    world->workload->topics[topic].deleted = false;
    world->workload->topics[topic].created = false;
    create_topic(world, (uint32_t)topic);
}

void sim_workload_traffic(struct sim_world *world, const struct sim_action *action)
{
    int32_t first = sim_spec_first_client(world->spec);
    for (int32_t node = first; node < sim_spec_own_client(world->spec); node++) {
        if (action->client[0] == '\0' || node == client_named(world, action->client))
            client_of(world, node)->rests = !action->on;
    }
}
