/* A whole cluster for tests: nodes in their own heaps, a queue of messages with a fixed latency, disks in
 * memory, and one clock. Enough to prove that the engine works as a whole; faults in earnest are the
 * simulator's. Set CLUSTER_TRACE in the environment to see messages and observations. */
#ifndef ISR_TESTS_CLUSTER_H
#define ISR_TESTS_CLUSTER_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/node.h"
#include "core/tests/support.h"
#include "core/wire/message.h"

enum { CLUSTER_NODES = 9, CLUSTER_FILES = 128, CLUSTER_COMMANDS = 4096, CLUSTER_RECORDS = 16384 };

struct cluster_file {
    struct isr_file file;
    bool present; /* in the page cache */
    uint8_t *data, *durable;
    size_t size_bytes, durable_bytes;
    bool durable_present;
    int64_t busy_until_ns; /* operations complete in their order */
};

struct cluster_process {
    int32_t id;
    struct isr_node_options options;
    struct test_heap heap;
    struct isr_node *node; /* NULL while down */
    uint32_t incarnation;
    int64_t wake_ns;
    bool stopping; /* asked to */
    bool exited_clean;
    struct cluster_file files[CLUSTER_FILES];
    uint32_t files_count;
    bool cut; /* hears and says nothing */
};

struct cluster_event {
    int64_t at_ns;
    uint64_t sequence;
    int32_t node;
    uint32_t incarnation;
    struct isr_event event; /* bytes: owned */
    struct cluster_file *sync;
    struct cluster_file *read;
    bool list;
};

struct cluster_outcome {
    bool done;
    uint8_t error;
    int64_t offset;
    uint64_t first_value;
    uint32_t record_count;
};

struct cluster {
    int64_t now_ns;
    uint64_t sequence;
    struct cluster_process processes[CLUSTER_NODES + 1]; /* by id */
    int32_t nodes_count;
    struct cluster_event *queue; /* in order of time and sequence */
    uint32_t queue_count, queue_capacity;
    struct cluster_outcome outcomes[CLUSTER_COMMANDS]; /* by command id */
    uint64_t commands;
    struct { /* what consumers read, in order */
        int32_t node;
        int64_t offset;
        uint64_t value;
    } records[CLUSTER_RECORDS];
    uint32_t records_count;
    uint64_t observed[ISR_OBSERVED_KINDS];
    uint64_t hash;
    uint64_t events;
    bool trace;
    bool bad_network; /* loses, repeats and delays messages between nodes */
    bool forgery;     /* carries a copy with some bytes changed and the checksum made to fit */
    struct test_random random;
};

/* ---- the queue ---- */

static inline void cluster_push(struct cluster *cluster, const struct cluster_event *event)
{
    if (cluster->queue_count == cluster->queue_capacity) {
        cluster->queue_capacity = cluster->queue_capacity == 0 ? 256 : cluster->queue_capacity * 2;
        cluster->queue = realloc(cluster->queue, cluster->queue_capacity * sizeof *cluster->queue);
    }
    uint32_t place = cluster->queue_count++;
    while (place > 0 && cluster->queue[place - 1].at_ns > event->at_ns) {
        cluster->queue[place] = cluster->queue[place - 1];
        place--;
    }
    cluster->queue[place] = *event;
    cluster->queue[place].sequence = cluster->sequence++;
}

static inline struct isr_bytes cluster_copy(const uint8_t *data, size_t size_bytes)
{
    uint8_t *copy = malloc(size_bytes + 1);
    if (size_bytes > 0)
        memcpy(copy, data, size_bytes);
    return (struct isr_bytes){.data = copy, .size = (uint32_t)size_bytes};
}

/* ---- disks ---- */

static inline struct cluster_file *cluster_file(struct cluster_process *process, struct isr_file name)
{
    for (uint32_t i = 0; i < process->files_count; i++) {
        if (isr_file_equal(process->files[i].file, name))
            return &process->files[i];
    }
    assert_true(process->files_count < CLUSTER_FILES);
    struct cluster_file *file = &process->files[process->files_count++];
    *file = (struct cluster_file){.file = name};
    return file;
}

static inline void cluster_file_resize(struct cluster_file *file, size_t size_bytes)
{
    file->data = realloc(file->data, size_bytes + 1);
    if (size_bytes > file->size_bytes)
        memset(file->data + file->size_bytes, 0, size_bytes - file->size_bytes);
    file->size_bytes = size_bytes;
    file->present = true;
}

static inline void cluster_file_remove(struct cluster_file *file)
{
    file->present = false;
    file->size_bytes = 0;
}

static inline void cluster_file_sync(struct cluster_file *file)
{
    file->durable = realloc(file->durable, file->size_bytes + 1);
    if (file->size_bytes > 0)
        memcpy(file->durable, file->data, file->size_bytes);
    file->durable_bytes = file->size_bytes;
    file->durable_present = file->present;
}

/* What was not synced is gone. */
static inline void cluster_file_power_loss(struct cluster_file *file)
{
    cluster_file_resize(file, file->durable_bytes);
    if (file->durable_bytes > 0)
        memcpy(file->data, file->durable, file->durable_bytes);
    file->present = file->durable_present;
    file->busy_until_ns = 0;
}

static inline void cluster_disk(struct cluster *cluster, struct cluster_process *process,
                                const struct isr_effect *effect)
{
    struct cluster_event done = {.node = process->id, .incarnation = process->incarnation};
    done.event.kind = ISR_EVENT_IO_DONE;
    done.event.io_done.io = effect->io;
    done.event.io_done.status = ISR_IO_OK;
    int64_t latency_ns = ISR_MS / 50;
    struct cluster_file *file = effect->kind == ISR_EFFECT_LIST ? NULL : cluster_file(process, effect->file);
    if (effect->kind == ISR_EFFECT_LIST) {
        done.list = true;
    } else if (effect->kind == ISR_EFFECT_WRITE) {
        size_t end = (size_t)effect->position + effect->bytes.size;
        if (end > file->size_bytes || !file->present)
            cluster_file_resize(file, end > file->size_bytes ? end : file->size_bytes);
        memcpy(file->data + effect->position, effect->bytes.data, effect->bytes.size);
    } else if (effect->kind == ISR_EFFECT_TRUNCATE) {
        cluster_file_resize(file, (size_t)effect->position);
    } else if (effect->kind == ISR_EFFECT_DELETE) {
        cluster_file_remove(file);
        cluster_file_sync(file);
    } else if (effect->kind == ISR_EFFECT_READ) {
        done.read = file;
    } else {
        if (effect->kind == ISR_EFFECT_REPLACE) {
            cluster_file_resize(file, effect->bytes.size);
            if (effect->bytes.size > 0)
                memcpy(file->data, effect->bytes.data, effect->bytes.size);
        }
        done.sync = file;
        latency_ns = ISR_MS;
    }
    done.at_ns = cluster->now_ns + latency_ns;
    if (file != NULL) {
        if (done.at_ns < file->busy_until_ns)
            done.at_ns = file->busy_until_ns;
        file->busy_until_ns = done.at_ns;
    }
    cluster_push(cluster, &done);
}

static inline int cluster_entry_compare(const void *a, const void *b)
{
    return isr_file_compare(((const struct isr_file_entry *)a)->file,
                            ((const struct isr_file_entry *)b)->file);
}

/* ---- effects ---- */

static inline void cluster_carry(struct cluster *cluster, int32_t from, const struct isr_effect *effect,
                                 int64_t latency_ns)
{
    struct cluster_event event = {.node = effect->to,
                                  .incarnation = cluster->processes[effect->to].incarnation,
                                  .at_ns = cluster->now_ns + latency_ns};
    event.event.kind = ISR_EVENT_MESSAGE;
    event.event.message.from = from;
    event.event.message.frame = cluster_copy(effect->bytes.data, effect->bytes.size);
    cluster_push(cluster, &event);
}

static inline void cluster_forge(struct cluster *cluster, int32_t from, const struct isr_effect *effect)
{
    cluster_carry(cluster, from, effect, ISR_MS - 1);
    for (uint32_t i = 0; i < cluster->queue_count; i++) {
        struct cluster_event *event = &cluster->queue[i];
        if (event->sequence != cluster->sequence - 1)
            continue;
        struct isr_bytes frame = event->event.message.frame;
        uint8_t *bytes = (uint8_t *)(uintptr_t)frame.data;
        uint32_t changes = 1 + test_random_below(&cluster->random, 3);
        while (frame.size > ISR_FRAME_HEADER_BYTES && changes-- > 0) {
            uint32_t place = ISR_FRAME_HEADER_BYTES +
                             test_random_below(&cluster->random, frame.size - ISR_FRAME_HEADER_BYTES);
            uint8_t choices[] = {0, 0xff, (uint8_t)(bytes[place] + 1), (uint8_t)(bytes[place] - 1),
                                 (uint8_t)test_random_below(&cluster->random, 256)};
            bytes[place] = choices[test_random_below(&cluster->random, 5)];
        }
        isr_put_u32(bytes, isr_crc32c(0, bytes + 4, frame.size - 4));
    }
}

static inline void cluster_send(struct cluster *cluster, struct cluster_process *process,
                                const struct isr_effect *effect)
{
    if (effect->to < 1 || effect->to > cluster->nodes_count || process->cut ||
        cluster->processes[effect->to].cut)
        return;
    if (effect->to == process->id) {
        cluster_carry(cluster, process->id, effect, ISR_MS / 100);
        return;
    }
    int64_t latency_ns = ISR_MS;
    if (cluster->forgery && test_random_chance(&cluster->random, 5))
        cluster_forge(cluster, process->id, effect);
    if (cluster->bad_network) {
        if (test_random_chance(&cluster->random, 50))
            return;
        latency_ns += test_random_below(&cluster->random, 3) * ISR_MS;
        if (test_random_chance(&cluster->random, 30))
            latency_ns += test_random_below(&cluster->random, 500) * ISR_MS;
        if (test_random_chance(&cluster->random, 50))
            cluster_carry(cluster, process->id, effect,
                          latency_ns + test_random_below(&cluster->random, 3000) * ISR_MS);
    }
    cluster_carry(cluster, process->id, effect, latency_ns);
}

static inline void cluster_read(struct cluster *cluster, struct cluster_process *process,
                                const struct isr_effect *effect)
{
    struct isr_batch batch;
    assert_int_equal(isr_batch_parse(effect->bytes, true, &batch), ISR_BATCH_OK);
    assert_int_equal(batch.base_offset, effect->offset);
    for (uint32_t i = 0; i < batch.record_count; i++) {
        assert_true(cluster->records_count < CLUSTER_RECORDS);
        cluster->records[cluster->records_count].node = process->id;
        cluster->records[cluster->records_count].offset = batch.base_offset + i;
        assert_true(isr_batch_value(&batch, i, &cluster->records[cluster->records_count].value));
        cluster->records_count++;
    }
}

static inline void cluster_down(struct cluster_process *process)
{
    process->node = NULL;
    process->incarnation++;
    process->wake_ns = ISR_TIME_NEVER;
    test_heap_drop(&process->heap);
}

static inline void cluster_effect(struct cluster *cluster, struct cluster_process *process,
                                  const struct isr_effect *effect)
{
    switch (effect->kind) {
    case ISR_EFFECT_SEND:
        cluster_send(cluster, process, effect);
        break;
    case ISR_EFFECT_WRITE:
    case ISR_EFFECT_SYNC:
    case ISR_EFFECT_REPLACE:
    case ISR_EFFECT_TRUNCATE:
    case ISR_EFFECT_DELETE:
    case ISR_EFFECT_READ:
    case ISR_EFFECT_LIST:
        cluster_disk(cluster, process, effect);
        break;
    case ISR_EFFECT_REPLY:
        assert_true(effect->id < CLUSTER_COMMANDS);
        assert_false(cluster->outcomes[effect->id].done);
        cluster->outcomes[effect->id].done = true;
        cluster->outcomes[effect->id].error = effect->error;
        cluster->outcomes[effect->id].offset = effect->offset;
        break;
    case ISR_EFFECT_RECORDS:
        cluster_read(cluster, process, effect);
        break;
    case ISR_EFFECT_EXIT:
        process->exited_clean = effect->clean;
        break;
    }
}

static inline void cluster_trace_observation(struct cluster *cluster, int32_t node,
                                             const struct isr_observation *observation)
{
    const struct isr_observation_info *info = isr_observation_info(observation->kind);
    printf("%9.3fms n%d %s", (double)cluster->now_ns / 1e6, node, info->name);
    for (int i = 0; i < ISR_OBSERVATION_FIELDS && info->fields[i].kind != ISR_FIELD_NONE; i++) {
        if (info->fields[i].kind == ISR_FIELD_cause)
            printf(" (%s)", isr_cause_words(observation->fields[i]));
        else if (info->fields[i].kind == ISR_FIELD_error)
            printf(" %s", isr_error_name((uint8_t)observation->fields[i]));
        else
            printf(" %s=%llx", info->fields[i].name, (unsigned long long)observation->fields[i]);
    }
    printf("\n");
}

static inline void cluster_trace_event(struct cluster *cluster, int32_t node, const struct isr_event *event)
{
    if (event->kind != ISR_EVENT_MESSAGE)
        return;
    struct isr_message message;
    char buffer[400];
    struct isr_text text = ISR_TEXT(buffer);
    struct test_heap heap;
    struct isr_scratch scratch;
    test_heap_init(&heap);
    isr_scratch_init(&scratch, &heap.heap);
    struct isr_batch batch;
    if (isr_message_decode(event->message.frame, &scratch, &message)) {
        isr_message_print(&message, &text);
        if (message.kind == ISR_MESSAGE_PRODUCE_REQUEST &&
            isr_batch_parse(message.produce_request.records, false, &batch) == ISR_BATCH_OK)
            isr_text_format(&text, " producer_epoch=%d base_sequence=%d", batch.producer_epoch,
                            batch.base_sequence);
    }
    printf("%9.3fms n%d <- n%d %s\n", (double)cluster->now_ns / 1e6, node, event->message.from, buffer);
    test_heap_drop(&heap);
}

static inline void cluster_step(struct cluster *cluster, int32_t id, struct isr_event *event)
{
    struct cluster_process *process = &cluster->processes[id];
    struct isr_effects effects;
    event->now_ns = cluster->now_ns;
    if (cluster->trace)
        cluster_trace_event(cluster, id, event);
    isr_node_step(process->node, event, &effects);
    cluster->events++;
    for (uint32_t i = 0; i < effects.observations_count; i++) {
        cluster->observed[effects.observations[i].kind]++;
        cluster->hash = isr_hash_combine(cluster->hash, (uint64_t)effects.observations[i].kind);
        for (int j = 0; j < ISR_OBSERVATION_FIELDS; j++)
            cluster->hash = isr_hash_combine(cluster->hash, (uint64_t)effects.observations[i].fields[j]);
        if (cluster->trace)
            cluster_trace_observation(cluster, id, &effects.observations[i]);
    }
    process->wake_ns = effects.wake_ns;
    bool exits = false;
    for (uint32_t i = 0; i < effects.count; i++) {
        cluster_effect(cluster, process, &effects.items[i]);
        exits = exits || effects.items[i].kind == ISR_EFFECT_EXIT;
    }
    if (exits)
        cluster_down(process);
}

/* ---- time ---- */

static inline void cluster_carry_out(struct cluster *cluster, struct cluster_event *event)
{
    struct cluster_process *process = &cluster->processes[event->node];
    bool alive = process->node != NULL && process->incarnation == event->incarnation;
    if (cluster->trace && event->event.kind == ISR_EVENT_MESSAGE && (!alive || process->cut)) {
        printf("lost: ");
        cluster_trace_event(cluster, event->node, &event->event);
    }
    if (alive && event->event.kind == ISR_EVENT_MESSAGE) {
        if (!process->cut)
            cluster_step(cluster, event->node, &event->event);
    } else if (alive && event->list) {
        struct isr_file_entry entries[CLUSTER_FILES];
        uint32_t count = 0;
        for (uint32_t i = 0; i < process->files_count; i++) {
            if (process->files[i].present)
                entries[count++] =
                    (struct isr_file_entry){process->files[i].file, (int64_t)process->files[i].size_bytes};
        }
        qsort(entries, count, sizeof entries[0], cluster_entry_compare);
        event->event.io_done.files = entries;
        event->event.io_done.files_count = count;
        cluster_step(cluster, event->node, &event->event);
    } else if (alive && event->read != NULL) {
        if (event->read->present)
            event->event.io_done.bytes = cluster_copy(event->read->data, event->read->size_bytes);
        else
            event->event.io_done.status = ISR_IO_NO_FILE;
        uint8_t *bytes = (uint8_t *)(uintptr_t)event->event.io_done.bytes.data;
        cluster_step(cluster, event->node, &event->event);
        free(bytes);
    } else if (alive) {
        if (event->sync != NULL)
            cluster_file_sync(event->sync);
        cluster_step(cluster, event->node, &event->event);
    }
    if (event->event.kind == ISR_EVENT_MESSAGE)
        free((uint8_t *)(uintptr_t)event->event.message.frame.data);
}

/* The next thing that happens; false when it would be after limit_ns, which is then the time. */
static inline bool cluster_advance(struct cluster *cluster, int64_t limit_ns)
{
    struct cluster_process *waking = NULL;
    for (int32_t i = 1; i <= cluster->nodes_count; i++) {
        struct cluster_process *process = &cluster->processes[i];
        if (process->node != NULL && (waking == NULL || process->wake_ns < waking->wake_ns))
            waking = process;
    }
    int64_t wake_ns = waking != NULL ? waking->wake_ns : ISR_TIME_NEVER;
    int64_t event_ns = cluster->queue_count > 0 ? cluster->queue[0].at_ns : ISR_TIME_NEVER;
    int64_t next_ns = wake_ns < event_ns ? wake_ns : event_ns;
    if (next_ns > limit_ns) {
        cluster->now_ns = limit_ns;
        return false;
    }
    if (next_ns > cluster->now_ns)
        cluster->now_ns = next_ns;
    if (wake_ns < event_ns) {
        struct isr_event event = {.kind = ISR_EVENT_WAKE};
        cluster_step(cluster, waking->id, &event);
        return true;
    }
    struct cluster_event event = cluster->queue[0];
    cluster->queue_count--;
    memmove(cluster->queue, cluster->queue + 1, cluster->queue_count * sizeof *cluster->queue);
    cluster_carry_out(cluster, &event);
    return true;
}

static inline void cluster_run(struct cluster *cluster, int64_t duration_ns)
{
    int64_t limit_ns = cluster->now_ns + duration_ns;
    while (cluster_advance(cluster, limit_ns)) {
    }
}

/* Until the condition holds; false when it did not within the duration. */
static inline bool cluster_run_until(struct cluster *cluster, bool (*holds)(struct cluster *cluster),
                                     int64_t duration_ns)
{
    int64_t limit_ns = cluster->now_ns + duration_ns;
    while (!holds(cluster)) {
        if (!cluster_advance(cluster, limit_ns))
            return holds(cluster);
    }
    return true;
}

/* ---- processes ---- */

static inline void cluster_start(struct cluster *cluster, int32_t id)
{
    struct cluster_process *process = &cluster->processes[id];
    assert_null(process->node);
    process->incarnation++;
    process->exited_clean = false;
    process->stopping = false;
    test_heap_init(&process->heap);
    uint64_t key = isr_hash_combine(isr_hash_combine(11, (uint64_t)id), process->incarnation);
    process->node = isr_node_new(&process->options, &process->heap.heap, key);
    struct isr_event event = {.kind = ISR_EVENT_START};
    event.start.random_key = key + 1;
    cluster_step(cluster, id, &event);
}

static inline void cluster_kill(struct cluster *cluster, int32_t id)
{
    cluster_down(&cluster->processes[id]);
}

static inline void cluster_power_loss(struct cluster *cluster, int32_t id)
{
    cluster_down(&cluster->processes[id]);
    for (uint32_t i = 0; i < cluster->processes[id].files_count; i++)
        cluster_file_power_loss(&cluster->processes[id].files[i]);
}

static inline void cluster_shutdown(struct cluster *cluster, int32_t id)
{
    struct isr_event event = {.kind = ISR_EVENT_SHUTDOWN};
    cluster->processes[id].stopping = true;
    cluster_step(cluster, id, &event);
}

static inline uint64_t cluster_command(struct cluster *cluster, int32_t id, struct isr_command command)
{
    command.id = ++cluster->commands;
    assert_true(command.id < CLUSTER_COMMANDS);
    cluster->outcomes[command.id] =
        (struct cluster_outcome){.first_value = command.first_value, .record_count = command.record_count};
    struct isr_event event = {.kind = ISR_EVENT_COMMAND, .command = &command};
    cluster_step(cluster, id, &event);
    return command.id;
}

/* A cluster of `servers` nodes of the given roles each, then clients up to nodes_count; nothing is started.
 */
static inline struct cluster *cluster_new(const unsigned *roles, int32_t nodes_count,
                                          const struct isr_config *config)
{
    struct cluster *cluster = calloc(1, sizeof *cluster);
    cluster->nodes_count = nodes_count;
    cluster->trace = getenv("CLUSTER_TRACE") != NULL;
    struct isr_replicas controllers = {0}, brokers = {0};
    for (int32_t id = 1; id <= nodes_count; id++) {
        if (roles[id - 1] & ISR_NODE_CONTROLLER)
            isr_replicas_add(&controllers, id);
        if (roles[id - 1] & ISR_NODE_BROKER)
            isr_replicas_add(&brokers, id);
    }
    for (int32_t id = 1; id <= nodes_count; id++) {
        struct cluster_process *process = &cluster->processes[id];
        process->id = id;
        process->wake_ns = ISR_TIME_NEVER;
        process->options = (struct isr_node_options){.id = id,
                                                     .roles = roles[id - 1],
                                                     .controllers = controllers,
                                                     .voters = controllers,
                                                     .bootstrap = brokers,
                                                     .config = *config};
        test_heap_init(&process->heap);
    }
    return cluster;
}

static inline void cluster_free(struct cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->queue_count; i++) {
        if (cluster->queue[i].event.kind == ISR_EVENT_MESSAGE)
            free((uint8_t *)(uintptr_t)cluster->queue[i].event.message.frame.data);
    }
    free(cluster->queue);
    for (int32_t id = 1; id <= cluster->nodes_count; id++) {
        struct cluster_process *process = &cluster->processes[id];
        test_heap_drop(&process->heap);
        for (uint32_t i = 0; i < process->files_count; i++) {
            free(process->files[i].data);
            free(process->files[i].durable);
        }
    }
    free(cluster);
}

#endif
