/* For tests of the replica roles: up to four brokers in memory, with hand-made metadata. The harness carries
 * out what they ask for: messages travel in order and at once unless a link is cut, disk operations succeed
 * at once unless they are held back, time moves when a test says so. Node 100 is a client and node 200 the
 * controller: what they are sent is kept for the test to look at and to answer by hand. So is what a broker
 * beyond the cluster's size is sent: a test plays it. */
#ifndef ISR_BROKER_TESTS_HARNESS_H
#define ISR_BROKER_TESTS_HARNESS_H

#include "core/broker/broker.h"
#include "core/broker/fetch_service.h"
#include "core/broker/fetcher.h"
#include "core/broker/leader.h"
#include "core/tests/support.h"

enum { FAR_RACK = 99 }; /* nobody stands there */
enum { BROKERS = 4, CLIENT = 100, CONTROLLER = 200, QUEUE_MAX = 4096, KEPT_MAX = 256, SEEN_MAX = 4096 };

struct queued_message {
    int32_t from, to;
    uint8_t *data;
    uint32_t size;
};

struct queued_io {
    uint32_t io;
    enum isr_effect_kind kind;
};

struct node {
    struct test_heap heap;
    struct isr_env env;
    struct isr_log_store store;
    struct isr_broker broker;
    struct queued_io disk[QUEUE_MAX]; /* operations held back, in order */
    uint32_t disk_count;
    bool disk_held;
    struct isr_observation seen[SEEN_MAX];
    uint32_t seen_count;
};

struct cluster {
    struct node nodes[BROKERS + 1]; /* by id; [0] unused */
    int32_t size;
    int64_t now_ns;
    int64_t index; /* of the metadata log */
    struct queued_message queue[QUEUE_MAX];
    uint32_t queue_first, queue_count;
    bool cut[BROKERS + 1][BROKERS + 1]; /* from, to: messages are lost */
    struct test_heap heap;              /* what client and controller were sent */
    struct isr_scratch scratch;
    struct isr_message client[KEPT_MAX];
    uint32_t client_count;
    struct isr_message controller[KEPT_MAX];
    int32_t controller_from[KEPT_MAX];
    uint32_t controller_count;
    uint64_t next_value;
    uint32_t next_correlation;
};

static const struct isr_tp TP = {.topic = 1, .index = 0};

/* ---- steps ---- */

static inline void step_begin(struct cluster *cluster, int32_t id)
{
    isr_env_begin(&cluster->nodes[id].env, cluster->now_ns);
}

static inline void send_frame(struct cluster *cluster, int32_t from, int32_t to, struct isr_bytes frame)
{
    if (from <= BROKERS && to <= BROKERS && cluster->cut[from][to])
        return;
    assert_true(cluster->queue_count < QUEUE_MAX);
    struct queued_message *message =
        &cluster->queue[(cluster->queue_first + cluster->queue_count++) % QUEUE_MAX];
    *message =
        (struct queued_message){.from = from, .to = to, .size = frame.size, .data = malloc(frame.size)};
    memcpy(message->data, frame.data, frame.size);
}

static inline void step_end(struct cluster *cluster, int32_t id)
{
    struct node *node = &cluster->nodes[id];
    struct isr_effects effects;
    isr_env_end(&node->env, &effects);
    assert_false(node->env.exiting);
    for (uint32_t i = 0; i < effects.observations_count; i++) {
        assert_true(node->seen_count < SEEN_MAX);
        node->seen[node->seen_count++] = effects.observations[i];
    }
    for (uint32_t i = 0; i < effects.count; i++) {
        const struct isr_effect *effect = &effects.items[i];
        if (effect->kind == ISR_EFFECT_SEND) {
            send_frame(cluster, id, effect->to, effect->bytes);
        } else {
            assert_true(node->disk_count < QUEUE_MAX);
            node->disk[node->disk_count++] = (struct queued_io){.io = effect->io, .kind = effect->kind};
        }
    }
    for (uint32_t i = 0; i < node->broker.partitions_count; i++) {
        isr_partition_assert(node->broker.partitions[i]);
        isr_log_verify(node->broker.partitions[i]->log);
    }
}

static inline void io_complete(struct cluster *cluster, int32_t id)
{
    struct node *node = &cluster->nodes[id];
    struct queued_io io = node->disk[0];
    memmove(&node->disk[0], &node->disk[1], --node->disk_count * sizeof node->disk[0]);
    struct isr_event event = {.kind = ISR_EVENT_IO_DONE, .now_ns = cluster->now_ns, .io_done.io = io.io};
    event.io_done.status = io.kind == ISR_EFFECT_READ ? ISR_IO_NO_FILE : ISR_IO_OK;
    step_begin(cluster, id);
    isr_env_io_done(&node->env, &event);
    step_end(cluster, id);
}

static inline void keep(struct cluster *cluster, const struct queued_message *message)
{
    struct isr_bytes frame = {.data = isr_scratch_allocate(&cluster->scratch, message->size),
                              .size = message->size};
    memcpy((uint8_t *)(uintptr_t)frame.data, message->data, message->size);
    bool is_client = message->to != CONTROLLER;
    uint32_t *count = is_client ? &cluster->client_count : &cluster->controller_count;
    assert_true(*count < KEPT_MAX);
    if (!is_client)
        cluster->controller_from[*count] = message->from;
    struct isr_message *kept = is_client ? &cluster->client[(*count)++] : &cluster->controller[(*count)++];
    assert_true(isr_message_decode(frame, &cluster->scratch, kept));
}

static inline void deliver(struct cluster *cluster)
{
    struct queued_message message = cluster->queue[cluster->queue_first];
    cluster->queue_first = (cluster->queue_first + 1) % QUEUE_MAX;
    cluster->queue_count--;
    if (message.to > cluster->size) {
        keep(cluster, &message);
    } else {
        struct node *node = &cluster->nodes[message.to];
        struct isr_message decoded;
        step_begin(cluster, message.to);
        struct isr_bytes frame = {.data = message.data, .size = message.size};
        assert_true(isr_message_decode(frame, &node->env.scratch, &decoded));
        assert_true(isr_broker_message(&node->broker, message.from, &decoded));
        step_end(cluster, message.to);
    }
    free(message.data);
}

static inline bool fire_due(struct cluster *cluster)
{
    for (int32_t id = 1; id <= cluster->size; id++) {
        struct isr_env *env = &cluster->nodes[id].env;
        if (isr_timers_next(&env->timers) > cluster->now_ns)
            continue;
        step_begin(cluster, id);
        struct isr_timer *timer = isr_timers_pop(&env->timers, cluster->now_ns);
        timer->fire(timer->object);
        step_end(cluster, id);
        return true;
    }
    return false;
}

/* One thing that can happen now; false when there is none. */
static inline bool happen(struct cluster *cluster)
{
    for (int32_t id = 1; id <= cluster->size; id++) {
        if (cluster->nodes[id].disk_count > 0 && !cluster->nodes[id].disk_held) {
            io_complete(cluster, id);
            return true;
        }
    }
    if (cluster->queue_count > 0) {
        deliver(cluster);
        return true;
    }
    return fire_due(cluster);
}

/* Until nothing is left to happen at this time. */
static inline void settle(struct cluster *cluster)
{
    for (uint32_t i = 0; happen(cluster); i++)
        assert_true(i < 100000);
}

/* Time goes on, from timer to timer. */
static inline void pass(struct cluster *cluster, int64_t duration_ns)
{
    int64_t end_ns = cluster->now_ns + duration_ns;
    for (;;) {
        settle(cluster);
        int64_t next_ns = end_ns;
        for (int32_t id = 1; id <= cluster->size; id++) {
            int64_t due_ns = isr_timers_next(&cluster->nodes[id].env.timers);
            next_ns = due_ns < next_ns ? due_ns : next_ns;
        }
        if (next_ns >= end_ns)
            break;
        cluster->now_ns = next_ns;
    }
    cluster->now_ns = end_ns;
    settle(cluster);
}

/* ---- metadata ---- */

static inline void on_partition_changed(void *object, const struct isr_image_partition *before,
                                        const struct isr_image_partition *after, enum isr_cause cause)
{
    (void)before;
    struct isr_broker *broker = object;
    isr_broker_partition_changed(broker, after, isr_image_topic(&broker->image, after->tp.topic), cause);
}

/* Applies one record to one broker's image. */
static inline void metadata_to(struct cluster *cluster, int32_t id, const struct isr_metadata_record *record)
{
    struct isr_broker *broker = &cluster->nodes[id].broker;
    struct isr_image_listener listener = {.partition = on_partition_changed, .object = broker};
    step_begin(cluster, id);
    assert_true(isr_image_apply_record(&broker->image, cluster->index, record, &listener));
    broker->image.index = cluster->index;
    step_end(cluster, id);
}

static inline void metadata(struct cluster *cluster, const struct isr_metadata_record *record)
{
    cluster->index++;
    for (int32_t id = 1; id <= cluster->size; id++)
        metadata_to(cluster, id, record);
}

static inline struct isr_replicas replicas(const char *digits)
{
    struct isr_replicas set = {0};
    for (; *digits != '\0'; digits++)
        set.ids[set.count++] = (int16_t)(*digits - '0');
    return set;
}

struct partition_spec {
    int32_t leader, leader_epoch, partition_epoch;
    const char *replicas, *isr;
    uint16_t index;
    bool recovering;
    enum isr_cause cause;
};

static inline struct isr_metadata_record partition_record(struct partition_spec spec)
{
    return (struct isr_metadata_record){.kind = ISR_METADATA_PARTITION,
                                        .partition_record = {.tp = {.topic = 1, .index = spec.index},
                                                             .leader = (int16_t)spec.leader,
                                                             .leader_epoch = spec.leader_epoch,
                                                             .partition_epoch = spec.partition_epoch,
                                                             .recovering = spec.recovering,
                                                             .replicas = replicas(spec.replicas),
                                                             .isr = replicas(spec.isr),
                                                             .cause = (uint8_t)spec.cause}};
}

#define PARTITION(cluster, ...)                                                                      \
    do {                                                                                             \
        struct isr_metadata_record record_ = partition_record((struct partition_spec){__VA_ARGS__}); \
        metadata((cluster), &record_);                                                               \
    } while (0)

#define PARTITION_TO(cluster, id, ...)                                                               \
    do {                                                                                             \
        struct isr_metadata_record record_ = partition_record((struct partition_spec){__VA_ARGS__}); \
        (cluster)->index++;                                                                          \
        metadata_to((cluster), (id), &record_);                                                      \
    } while (0)

static inline int64_t register_broker(struct cluster *cluster, int32_t id)
{
    struct isr_metadata_record record = {
        .kind = ISR_METADATA_REGISTER_BROKER,
        .register_broker_record = {.broker = (int16_t)id, .incarnation = (uint64_t)id}};
    metadata(cluster, &record);
    return cluster->index;
}

static inline void change_broker(struct cluster *cluster, int32_t id, bool fenced, bool shutting_down)
{
    struct isr_metadata_record record = {
        .kind = ISR_METADATA_BROKER_CHANGE,
        .broker_change_record = {.broker = (int16_t)id,
                                 .broker_epoch = cluster->nodes[1].broker.image.brokers[id].epoch,
                                 .fenced = fenced,
                                 .shutting_down = shutting_down}};
    metadata(cluster, &record);
}

/* ---- a cluster ---- */

static inline void on_store_ready(void *object)
{
    (void)object;
}

struct cluster_spec {
    int32_t size;
    int32_t min_isr;
    int32_t partitions;
    struct isr_config config;
    struct isr_rules rules;
    struct isr_topic_settings settings; /* min_isr is the one above */
};

static inline struct cluster_spec standard(void)
{
    return (struct cluster_spec){.size = 3,
                                 .min_isr = 2,
                                 .partitions = 1,
                                 .config = isr_config_default(),
                                 .settings = isr_topic_settings_default()};
}

static inline void node_start(struct cluster *cluster, int32_t id, const struct cluster_spec *spec)
{
    struct node *node = &cluster->nodes[id];
    test_heap_init(&node->heap);
    isr_env_init(&node->env, id, &node->heap.heap, &spec->config, &spec->rules, (uint64_t)id);
    step_begin(cluster, id);
    isr_broker_init(&node->broker, &node->env, &node->store);
    node->broker.controller = CONTROLLER;
    isr_log_store_start(&node->store, &node->env, on_store_ready, node);
    step_end(cluster, id);
}

static inline struct cluster *cluster_new(const struct cluster_spec *spec)
{
    struct cluster *cluster = calloc(1, sizeof *cluster);
    cluster->size = spec->size;
    cluster->now_ns = ISR_SECOND;
    cluster->next_value = 1;
    test_heap_init(&cluster->heap);
    isr_scratch_init(&cluster->scratch, &cluster->heap.heap);
    for (int32_t id = 1; id <= spec->size; id++)
        node_start(cluster, id, spec);
    settle(cluster);
    for (int32_t id = 1; id <= spec->size; id++)
        cluster->nodes[id].broker.broker_epoch = register_broker(cluster, id);
    for (int32_t id = 1; id <= spec->size; id++)
        change_broker(cluster, id, false, false);
    struct isr_metadata_record topic = {
        .kind = ISR_METADATA_TOPIC,
        .topic_record = {
            .topic = 1, .name = {"orders"}, .partitions = spec->partitions, .settings = spec->settings}};
    topic.topic_record.settings.min_isr = spec->min_isr;
    metadata(cluster, &topic);
    for (int32_t id = 1; id <= spec->size; id++) {
        assert_true(cluster->nodes[id].store.ready);
        step_begin(cluster, id);
        isr_broker_activate(&cluster->nodes[id].broker);
        step_end(cluster, id);
    }
    return cluster;
}

/* Brokers 1 and 2 run; broker 3 is registered, unfenced, and played by the test. */
static inline struct cluster *cluster_with_played_broker(struct cluster_spec *spec)
{
    spec->size = 2;
    struct cluster *cluster = cluster_new(spec);
    register_broker(cluster, 3);
    change_broker(cluster, 3, false, false);
    return cluster;
}

static inline void cluster_free(struct cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->queue_count; i++)
        free(cluster->queue[(cluster->queue_first + i) % QUEUE_MAX].data);
    for (int32_t id = 1; id <= cluster->size; id++)
        test_heap_drop(&cluster->nodes[id].heap);
    test_heap_drop(&cluster->heap);
    free(cluster);
}

static inline struct isr_partition *at(struct cluster *cluster, int32_t id)
{
    struct isr_partition *partition = isr_broker_partition(&cluster->nodes[id].broker, TP);
    assert_non_null(partition);
    return partition;
}

/* Of broker id: the fields that tests look at most. */
static inline int64_t end_of(struct cluster *cluster, int32_t id)
{
    return at(cluster, id)->log->log_end;
}

static inline int64_t mark_of(struct cluster *cluster, int32_t id)
{
    return at(cluster, id)->log->high_watermark;
}

static inline void isolate(struct cluster *cluster, int32_t id, bool cut)
{
    for (int32_t other = 1; other <= BROKERS; other++)
        cluster->cut[id][other] = cluster->cut[other][id] = cut;
}

/* The last observation of the kind at the broker, or NULL. */
static inline const struct isr_observation *last_seen(const struct cluster *cluster, int32_t id,
                                                      enum isr_observation_kind kind)
{
    const struct node *node = &cluster->nodes[id];
    for (uint32_t i = node->seen_count; i > 0; i--) {
        if (node->seen[i - 1].kind == kind)
            return &node->seen[i - 1];
    }
    return NULL;
}

/* ---- requests by hand ---- */

static inline void request(struct cluster *cluster, int32_t from, int32_t to,
                           const struct isr_message *message)
{
    send_frame(cluster, from, to, isr_message_encode(message, &cluster->scratch));
}

struct produce_spec {
    int16_t acks;
    uint32_t records;
    int64_t producer_id; /* 0: none */
    int16_t producer_epoch;
    int32_t sequence;
    int64_t timeout_ns;
    struct isr_batch_keys keys;
    bool damaged;
};

static inline uint32_t produce_with(struct cluster *cluster, int32_t to, struct produce_spec spec)
{
    bool idempotent = spec.producer_id != 0;
    struct isr_bytes batch = isr_batch_build_keyed(
        &cluster->scratch, idempotent ? spec.producer_id : -1, idempotent ? spec.producer_epoch : -1,
        idempotent ? spec.sequence : -1, cluster->next_value, spec.records, 8, spec.keys);
    cluster->next_value += spec.records;
    if (spec.damaged)
        ((uint8_t *)(uintptr_t)batch.data)[batch.size - 1] ^= 1;
    struct isr_message message = {.kind = ISR_MESSAGE_PRODUCE_REQUEST,
                                  .produce_request = {.correlation = ++cluster->next_correlation,
                                                      .tp = TP,
                                                      .acks = spec.acks,
                                                      .timeout_ns = spec.timeout_ns,
                                                      .records = batch}};
    request(cluster, CLIENT, to, &message);
    return message.produce_request.correlation;
}

/* Records in one batch, without idempotence; the correlation id. */
static inline uint32_t produce(struct cluster *cluster, int32_t to, int16_t acks, uint32_t records)
{
    return produce_with(
        cluster, to, (struct produce_spec){.acks = acks, .records = records, .timeout_ns = 30 * ISR_SECOND});
}

/* Leader changes in order: the partition epoch is the leader epoch. */
static inline void lead(struct cluster *cluster, int32_t leader, int32_t epoch, const char *isr)
{
    PARTITION(cluster, .leader = leader, .leader_epoch = epoch, .partition_epoch = epoch, .replicas = "123",
              .isr = isr);
}

/* So many batches of one record each. */
static inline void write_as(struct cluster *cluster, int32_t leader, int16_t acks, unsigned batches)
{
    for (unsigned i = 0; i < batches; i++)
        produce(cluster, leader, acks, 1);
    settle(cluster);
}

/* The client's answer to a request, or NULL. */
static inline const struct isr_produce_response *produced(const struct cluster *cluster, uint32_t correlation)
{
    for (uint32_t i = 0; i < cluster->client_count; i++) {
        if (cluster->client[i].kind == ISR_MESSAGE_PRODUCE_RESPONSE &&
            cluster->client[i].produce_response.correlation == correlation)
            return &cluster->client[i].produce_response;
    }
    return NULL;
}

static inline void assert_produced(const struct cluster *cluster, uint32_t correlation, int64_t base_offset)
{
    const struct isr_produce_response *response = produced(cluster, correlation);
    assert_non_null(response);
    assert_int_equal(response->error, ISR_ERROR_NONE);
    assert_int_equal(response->base_offset, base_offset);
}

static inline void assert_refused(const struct cluster *cluster, uint32_t correlation, enum isr_error error)
{
    const struct isr_produce_response *response = produced(cluster, correlation);
    assert_non_null(response);
    assert_int_equal(response->error, error);
}

struct fetch_spec {
    int32_t from; /* 0: the client */
    int64_t replica_epoch;
    int32_t epoch; /* current leader epoch; -1 unknown */
    int64_t offset;
    int32_t last_epoch; /* -1: no divergence check */
    int64_t wait_ns;
    uint32_t min_bytes;
    uint32_t max_bytes;
    uint32_t partition_max_bytes;
    uint32_t partitions; /* 0: one; partition i for i < partitions, all at the same offset */
    uint8_t rack;
    bool in_session; /* else session_id and session_epoch do not count */
    uint32_t session_id;
    int32_t session_epoch;
    bool lists_nothing;
    int32_t forgets; /* 1 + the index of a partition, 0: none */
};

static inline uint32_t fetch_with(struct cluster *cluster, int32_t to, struct fetch_spec spec)
{
    struct isr_fetch_partition asked[8];
    uint32_t count = spec.partitions == 0 ? 1 : spec.partitions;
    for (uint32_t i = 0; i < count; i++)
        asked[i] = (struct isr_fetch_partition){
            .tp = {.topic = 1, .index = (uint16_t)i},
            .current_leader_epoch = spec.epoch,
            .fetch_offset = spec.offset,
            .last_fetched_epoch = spec.last_epoch,
            .rack = spec.rack,
            .max_bytes = spec.partition_max_bytes == 0 ? 1 << 20 : spec.partition_max_bytes};
    struct isr_message message = {
        .kind = ISR_MESSAGE_FETCH_REQUEST,
        .fetch_request = {.correlation = ++cluster->next_correlation,
                          .replica_id = (int16_t)(spec.from == 0 ? -1 : spec.from),
                          .replica_epoch = spec.from == 0 ? -1 : spec.replica_epoch,
                          .max_wait_ns = spec.wait_ns,
                          .min_bytes = spec.min_bytes,
                          .max_bytes = spec.max_bytes == 0 ? 1 << 20 : spec.max_bytes,
                          .session_id = spec.session_id,
                          .session_epoch = spec.in_session ? spec.session_epoch : -1,
                          .partitions = asked,
                          .partitions_count = spec.lists_nothing ? 0 : count}};
    struct isr_forgotten_partition forgotten = {.tp = {.topic = 1, .index = (uint16_t)(spec.forgets - 1)}};
    if (spec.forgets > 0) {
        message.fetch_request.forgotten = &forgotten;
        message.fetch_request.forgotten_count = 1;
    }
    request(cluster, spec.from == 0 ? CLIENT : spec.from, to, &message);
    return message.fetch_request.correlation;
}

static inline const struct isr_fetch_response *fetch_response(const struct cluster *cluster,
                                                              uint32_t correlation)
{
    for (uint32_t i = 0; i < cluster->client_count; i++) {
        if (cluster->client[i].kind == ISR_MESSAGE_FETCH_RESPONSE &&
            cluster->client[i].fetch_response.correlation == correlation)
            return &cluster->client[i].fetch_response;
    }
    return NULL;
}

static inline const struct isr_fetch_answer *fetched(const struct cluster *cluster, uint32_t correlation,
                                                     uint32_t place)
{
    const struct isr_fetch_response *response = fetch_response(cluster, correlation);
    return response != NULL && place < response->partitions_count ? &response->partitions[place] : NULL;
}

/* The read of a consumer that may be sent to followers, at broker `to`, answered at once. */
static inline const struct isr_fetch_answer *consume(struct cluster *cluster, int32_t to, int64_t offset)
{
    struct fetch_spec fetch = {.epoch = -1, .offset = offset, .last_epoch = -1, .rack = FAR_RACK};
    uint32_t correlation = fetch_with(cluster, to, fetch);
    settle(cluster);
    const struct isr_fetch_answer *answer = fetched(cluster, correlation, 0);
    assert_non_null(answer);
    return answer;
}

/* Offset after the last batch in an answer; `offset` when it is empty. */
static inline int64_t records_end(const struct isr_fetch_answer *answer, int64_t offset)
{
    struct isr_bytes left = answer->records;
    struct isr_batch batch;
    while (left.size > 0) {
        assert_int_equal(isr_batch_parse(left, true, &batch), ISR_BATCH_OK);
        offset = batch.last_offset + 1;
        left.data += batch.bytes.size;
        left.size -= batch.bytes.size;
    }
    return offset;
}

/* ---- the controller by hand ---- */

/* The last AlterPartition sent; asserts that there is one. */
static inline const struct isr_alter_partition_request *asked_controller(const struct cluster *cluster)
{
    assert_true(cluster->controller_count > 0);
    const struct isr_message *message = &cluster->controller[cluster->controller_count - 1];
    assert_int_equal(message->kind, ISR_MESSAGE_ALTER_PARTITION_REQUEST);
    return &message->alter_partition_request;
}

static inline struct isr_replicas members_of(const struct isr_alter_partition_request *asked)
{
    struct isr_replicas set = {0};
    for (uint32_t i = 0; i < asked->isr_count; i++)
        isr_replicas_add(&set, asked->isr[i].id);
    return set;
}

static inline void assert_set(struct isr_replicas set, const char *digits)
{
    struct isr_replicas expected = replicas(digits);
    assert_true(isr_replicas_equal_as_sets(&set, &expected));
}

/* Answers the last AlterPartition: on NONE with what it asked for and the next partition epoch. */
static inline void answer_controller(struct cluster *cluster, enum isr_error error)
{
    const struct isr_alter_partition_request *asked = asked_controller(cluster);
    int32_t to = cluster->controller_from[cluster->controller_count - 1];
    struct isr_message message = {.kind = ISR_MESSAGE_ALTER_PARTITION_RESPONSE,
                                  .alter_partition_response = {.correlation = asked->correlation,
                                                               .tp = asked->tp,
                                                               .error = (uint8_t)error,
                                                               .leader = (int16_t)to,
                                                               .leader_epoch = asked->leader_epoch,
                                                               .partition_epoch = asked->partition_epoch + 1,
                                                               .isr = members_of(asked)}};
    request(cluster, CONTROLLER, to, &message);
    settle(cluster);
}

#endif
