/* A tiny deterministic world for the quorum's tests: nodes with an environment each, a network that loses,
 * duplicates, delays and reorders, disks that lose what was not synced, and Raft's five properties
 * (figure 3.2) checked on what the nodes observe. Header-only; independent of sim/. */
#ifndef ISR_QUORUM_TESTS_CLUSTER_H
#define ISR_QUORUM_TESTS_CLUSTER_H

#include <stdio.h>

#include "core/quorum/quorum.h"
#include "core/quorum/tests/disk.h"

enum { CLUSTER_NODES_MAX = 5, CLUSTER_INDEX_MAX = 60000, CLUSTER_TERM_MAX = 4000 };

/* ---- world ---- */

enum cluster_event_kind { CLUSTER_WAKE, CLUSTER_MESSAGE, CLUSTER_DISK };

struct cluster_event {
    int64_t time_ns;
    uint64_t sequence;
    enum cluster_event_kind kind;
    uint32_t to, from; /* places, not ids */
    uint64_t life;     /* of the node, for WAKE and DISK */
    enum isr_effect_kind operation;
    enum isr_io_status status;
    uint32_t io;
    struct isr_file file;
    int64_t position;
    uint8_t *bytes;
    uint32_t size;
};

struct cluster_node {
    bool alive;
    uint64_t life;
    struct test_heap heap;
    struct isr_env env;
    struct isr_quorum *quorum;
    struct disk disk;
    int64_t disk_free_ns;
    bool disk_fails;
    uint32_t disk_operations;      /* over all lives */
    uint32_t disk_fails_at;        /* this one of them fails, 0: none */
    enum isr_io_status disk_error; /* and how */
    int64_t disk_latency_ns;
    /* the machine */
    uint64_t state;
    int64_t applied_count;
    int64_t applied_last;
    enum isr_consensus_role told_role;
    int64_t altered_count; /* how often altered() was told in this life, and what last */
    enum isr_error altered_error;
    bool load_fails;
    /* its log, as observed */
    int32_t terms[CLUSTER_INDEX_MAX];
    int64_t base, last;
    bool leads;
    bool exited;
    uint32_t exits;  /* over all lives */
    bool errored;    /* a disk operation failed in this life */
    int64_t wake_ns; /* the wish that stands */
};

struct cluster {
    uint32_t count;
    uint32_t voters_count; /* of the first configuration: the first nodes */
    struct isr_rules rules;
    struct cluster_node *nodes;
    struct isr_config config;
    struct test_random random;
    int64_t now_ns;
    uint64_t sequence;
    struct cluster_event *events; /* a binary heap */
    uint32_t events_count, events_capacity;
    bool cut[CLUSTER_NODES_MAX][CLUSTER_NODES_MAX]; /* from, to */
    uint32_t loss_permille, duplicate_permille;
    int64_t delay_ns_max;
    bool unchecked;      /* liars are among the peers: every property may break, no assertion may */
    const char *failure; /* the first property that did not hold */
    /* the checks' memory */
    int32_t leader_of[CLUSTER_TERM_MAX];
    int32_t vote_of[CLUSTER_NODES_MAX][CLUSTER_TERM_MAX];
    int32_t committed[CLUSTER_INDEX_MAX];
    int32_t committed_in[CLUSTER_INDEX_MAX]; /* the term of who told it first */
    int64_t committed_last;
    uint64_t applied[CLUSTER_INDEX_MAX];
    uint64_t appended[CLUSTER_INDEX_MAX]
                     [4]; /* (index, slot): term and digest and previous term, hashed together */
    int32_t appended_terms[CLUSTER_INDEX_MAX][4];
    int64_t elections, commits, snapshots_installed, truncations, steps, alterations;
};

static inline void cluster_expect(struct cluster *cluster, bool holds, const char *property)
{
    if (!holds && cluster->failure == NULL) {
        cluster->failure = property;
        fprintf(stderr, "at %lld ns: %s\n", (long long)cluster->now_ns, property);
    }
}

/* ---- events ---- */

static inline bool event_before(const struct cluster_event *a, const struct cluster_event *b)
{
    return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->sequence < b->sequence;
}

static inline struct cluster_event *event_add(struct cluster *cluster, struct cluster_event event)
{
    if (cluster->events_count == cluster->events_capacity) {
        cluster->events_capacity = cluster->events_capacity * 2 + 64;
        cluster->events = realloc(cluster->events, cluster->events_capacity * sizeof event);
    }
    event.sequence = cluster->sequence++;
    uint32_t at = cluster->events_count++;
    while (at > 0 && event_before(&event, &cluster->events[(at - 1) / 2])) {
        cluster->events[at] = cluster->events[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    cluster->events[at] = event;
    return &cluster->events[at];
}

static inline struct cluster_event event_take(struct cluster *cluster)
{
    struct cluster_event first = cluster->events[0];
    struct cluster_event last = cluster->events[--cluster->events_count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= cluster->events_count)
            break;
        if (child + 1 < cluster->events_count &&
            event_before(&cluster->events[child + 1], &cluster->events[child]))
            child++;
        if (!event_before(&cluster->events[child], &last))
            break;
        cluster->events[at] = cluster->events[child];
        at = child;
    }
    if (cluster->events_count > 0)
        cluster->events[at] = last;
    return first;
}

/* ---- checks ---- */

static inline void check_appended(struct cluster *cluster, struct cluster_node *node, int64_t index,
                                  int32_t term, uint64_t digest)
{
    cluster_expect(cluster, index == node->last + 1, "entries are appended in order");
    if (index <= 0 || index >= CLUSTER_INDEX_MAX)
        return;
    node->terms[index] = term;
    node->last = index;
    uint64_t value = digest;
    if (index - 1 > node->base || index == 1)
        value = isr_hash_combine(digest, (uint64_t)node->terms[index - 1]);
    else
        return; /* what was before it is compacted: nothing to compare with */
    for (uint32_t slot = 0; slot < 4; slot++) {
        if (cluster->appended_terms[index][slot] == term) {
            cluster_expect(cluster, cluster->appended[index][slot] == value, "log matching");
            return;
        }
        if (cluster->appended_terms[index][slot] == 0) {
            cluster->appended_terms[index][slot] = term;
            cluster->appended[index][slot] = value;
            return;
        }
    }
}

static inline void check_elected(struct cluster *cluster, struct cluster_node *node, int32_t term)
{
    int32_t id = node->env.node;
    cluster->elections++;
    cluster_expect(cluster, cluster->leader_of[term] == 0 || cluster->leader_of[term] == id,
                   "election safety");
    cluster->leader_of[term] = id;
    bool complete = node->base <= cluster->committed_last || node->base == 0;
    for (int64_t i = node->base + 1; i <= cluster->committed_last && complete; i++)
        complete = (i <= node->last && node->terms[i] == cluster->committed[i]) ||
                   cluster->committed_in[i] >= term; /* it won an old term late */
    cluster_expect(cluster, complete, "leader completeness");
}

static inline void check_committed(struct cluster *cluster, struct cluster_node *node, int64_t index,
                                   int32_t term)
{
    cluster_expect(cluster, index <= node->last && (index <= node->base || node->terms[index] == term),
                   "what is committed is in the log");
    for (int64_t i = node->base + 1; i <= index && i <= node->last; i++) {
        if (i > cluster->committed_last) {
            cluster->committed[i] = node->terms[i];
            cluster->committed_in[i] = node->quorum->term;
            cluster->committed_last = i;
            cluster->commits++;
        }
    }
    cluster_expect(cluster, index > cluster->committed_last || cluster->committed[index] == term,
                   "one entry committed at an index");
}

static inline void check_observation(struct cluster *cluster, struct cluster_node *node,
                                     const struct isr_observation *seen)
{
    uint32_t place = (uint32_t)(node - cluster->nodes);
    if (seen->kind == ISR_OBSERVED_QUORUM_ROLE) {
        node->leads = seen->quorum_role.role == ISR_CONSENSUS_LEADER;
        if (node->leads)
            check_elected(cluster, node, (int32_t)seen->quorum_role.term);
    } else if (seen->kind == ISR_OBSERVED_QUORUM_VOTED) {
        int32_t *vote = &cluster->vote_of[place][seen->quorum_voted.term];
        cluster_expect(cluster, *vote == 0 || *vote == seen->quorum_voted.candidate, "one vote a term");
        *vote = (int32_t)seen->quorum_voted.candidate;
    } else if (seen->kind == ISR_OBSERVED_QUORUM_APPENDED) {
        check_appended(cluster, node, seen->quorum_appended.index, (int32_t)seen->quorum_appended.term,
                       (uint64_t)seen->quorum_appended.digest);
    } else if (seen->kind == ISR_OBSERVED_QUORUM_TRUNCATED) {
        cluster_expect(cluster, !node->leads, "leader append-only");
        cluster_expect(cluster, seen->quorum_truncated.from > node->base,
                       "no truncation of what is compacted");
        node->last = seen->quorum_truncated.from - 1;
        cluster->truncations++;
    } else if (seen->kind == ISR_OBSERVED_QUORUM_COMMITTED) {
        check_committed(cluster, node, seen->quorum_committed.index, (int32_t)seen->quorum_committed.term);
    } else if (seen->kind == ISR_OBSERVED_QUORUM_APPLIED) {
        uint64_t *applied = &cluster->applied[seen->quorum_applied.index];
        uint64_t digest = (uint64_t)seen->quorum_applied.digest;
        cluster_expect(cluster, *applied == 0 || *applied == digest, "state machine safety");
        *applied = digest;
    } else if (seen->kind == ISR_OBSERVED_QUORUM_COMPACTED) {
        node->base = seen->quorum_compacted.index;
        if (node->last < node->base)
            node->last = node->base;
        node->terms[node->base] = (int32_t)seen->quorum_compacted.term;
    } else if (seen->kind == ISR_OBSERVED_QUORUM_SNAPSHOT_INSTALLED) {
        cluster->snapshots_installed++;
    }
}

/* ---- the machine: a hash over everything applied ---- */

enum { MACHINE_SNAPSHOT_BYTES = 200 };

static inline void machine_apply(void *object, int64_t index, int32_t term, struct isr_bytes data)
{
    struct cluster_node *node = object;
    if (index <= node->applied_last)
        abort();
    node->applied_last = index;
    node->state = isr_hash_combine(isr_hash_combine(node->state, (uint64_t)index), (uint64_t)term);
    node->state = isr_hash_bytes(node->state, data.data, data.size);
    node->applied_count++;
}

static inline struct isr_bytes machine_snapshot(void *object, struct isr_scratch *scratch)
{
    struct cluster_node *node = object;
    uint8_t *bytes = isr_scratch_allocate(scratch, MACHINE_SNAPSHOT_BYTES);
    memset(bytes, 0x5a, MACHINE_SNAPSHOT_BYTES);
    isr_put_i64(isr_put_u64(bytes, node->state), node->applied_count);
    return (struct isr_bytes){.data = bytes, .size = MACHINE_SNAPSHOT_BYTES};
}

static inline bool machine_load(void *object, int64_t index, int32_t term, struct isr_bytes snapshot)
{
    struct cluster_node *node = object;
    struct isr_reader reader = {.data = snapshot.data, .size_bytes = snapshot.size};
    (void)term;
    if (node->load_fails)
        return false;
    node->state = isr_get_u64(&reader);
    node->applied_count = isr_get_i64(&reader);
    node->applied_last = index;
    return true;
}

static inline void machine_changed(void *object, enum isr_consensus_role role, int32_t term, int32_t leader)
{
    struct cluster_node *node = object;
    (void)term;
    (void)leader;
    node->told_role = role;
}

static inline void machine_altered(void *object, enum isr_error error)
{
    struct cluster_node *node = object;
    node->altered_count++;
    node->altered_error = error;
}

/* ---- steps ---- */

static inline void effect_send(struct cluster *cluster, uint32_t from, const struct isr_effect *effect)
{
    uint32_t to = (uint32_t)effect->to - 1;
    if (to >= cluster->count)
        abort();
    if (cluster->cut[from][to] || test_random_below(&cluster->random, 1000) < cluster->loss_permille)
        return;
    uint32_t copies = test_random_below(&cluster->random, 1000) < cluster->duplicate_permille ? 2 : 1;
    while (copies-- > 0) {
        uint8_t *bytes = malloc(effect->bytes.size);
        memcpy(bytes, effect->bytes.data, effect->bytes.size);
        int64_t delay =
            ISR_MS + (int64_t)test_random_below(&cluster->random, (uint32_t)cluster->delay_ns_max);
        event_add(cluster, (struct cluster_event){.time_ns = cluster->now_ns + delay,
                                                  .kind = CLUSTER_MESSAGE,
                                                  .from = from,
                                                  .to = to,
                                                  .bytes = bytes,
                                                  .size = effect->bytes.size});
    }
}

static inline void effect_disk(struct cluster *cluster, uint32_t place, const struct isr_effect *effect)
{
    struct cluster_node *node = &cluster->nodes[place];
    int64_t latency = 50000 + (int64_t)test_random_below(&cluster->random, (uint32_t)node->disk_latency_ns);
    int64_t start = node->disk_free_ns > cluster->now_ns ? node->disk_free_ns : cluster->now_ns;
    node->disk_free_ns = start + latency;
    uint8_t *bytes = malloc(effect->bytes.size + 1u);
    if (effect->bytes.size > 0)
        memcpy(bytes, effect->bytes.data, effect->bytes.size);
    enum isr_io_status status = ISR_IO_OK;
    if (node->disk_fails)
        status = test_random_chance(&cluster->random, 2) ? ISR_IO_ERROR : ISR_IO_NO_SPACE;
    node->disk_fails = false;
    if (++node->disk_operations == node->disk_fails_at)
        status = node->disk_error;
    event_add(cluster, (struct cluster_event){.time_ns = node->disk_free_ns,
                                              .kind = CLUSTER_DISK,
                                              .to = place,
                                              .life = node->life,
                                              .operation = effect->kind,
                                              .status = status,
                                              .io = effect->io,
                                              .file = effect->file,
                                              .position = effect->position,
                                              .bytes = bytes,
                                              .size = effect->bytes.size});
}

static inline void node_drop(struct cluster_node *node)
{
    node->alive = false;
    node->leads = false;
    node->quorum = NULL;
    test_heap_drop(&node->heap);
}

static inline void step_finish(struct cluster *cluster, uint32_t place)
{
    struct cluster_node *node = &cluster->nodes[place];
    struct isr_effects effects;
    isr_env_end(&node->env, &effects);
    cluster->steps++;
    for (uint32_t i = 0; i < effects.observations_count && !cluster->unchecked; i++)
        check_observation(cluster, node, &effects.observations[i]);
    for (uint32_t i = 0; i < effects.count; i++) {
        const struct isr_effect *effect = &effects.items[i];
        if (effect->kind == ISR_EFFECT_SEND)
            effect_send(cluster, place, effect);
        else if (effect->kind != ISR_EFFECT_EXIT)
            effect_disk(cluster, place, effect);
    }
    if (node->env.exiting) {
        node->exited = true;
        node->exits++;
        cluster_expect(cluster, node->errored || node->load_fails || cluster->unchecked,
                       "a node halts only after a disk error");
        node_drop(node);
        return;
    }
    if (effects.wake_ns != ISR_TIME_NEVER && effects.wake_ns != node->wake_ns)
        event_add(cluster,
                  (struct cluster_event){
                      .time_ns = effects.wake_ns, .kind = CLUSTER_WAKE, .to = place, .life = node->life});
    node->wake_ns = effects.wake_ns;
}

static inline void cluster_start(struct cluster *cluster, uint32_t place)
{
    struct cluster_node *node = &cluster->nodes[place];
    struct isr_replicas voters = {0};
    struct isr_replicas nodes = {0};
    for (uint32_t i = 0; i < cluster->count; i++) {
        isr_replicas_add(&nodes, (int32_t)i + 1);
        if (i < cluster->voters_count)
            isr_replicas_add(&voters, (int32_t)i + 1);
    }
    node->alive = true;
    node->exited = false;
    node->errored = false;
    node->wake_ns = ISR_TIME_NEVER;
    node->life++;
    node->state = 0;
    node->applied_count = 0;
    node->applied_last = 0;
    node->base = 0;
    node->last = 0;
    node->told_role = ISR_CONSENSUS_FOLLOWER;
    node->altered_count = 0;
    node->disk_free_ns = 0;
    test_heap_init(&node->heap);
    isr_env_init(&node->env, (int32_t)place + 1, &node->heap.heap, &cluster->config, &cluster->rules,
                 test_random_next(&cluster->random));
    isr_env_begin(&node->env, cluster->now_ns);
    struct isr_consensus *consensus = isr_quorum_new(&node->env);
    node->quorum = (struct isr_quorum *)consensus;
    struct isr_consensus_machine machine = {machine_apply,   machine_snapshot, machine_load,
                                            machine_changed, machine_altered,  node};
    consensus->ops->start(consensus, &node->env, &voters, &nodes, &machine);
    step_finish(cluster, place);
}

/* What was under way to the disk when the process ended: a prefix of it got there. */
static inline void cluster_disk_abandon(struct cluster *cluster, uint32_t place)
{
    struct cluster_node *node = &cluster->nodes[place];
    bool gone = false;
    for (;;) {
        struct cluster_event *first = NULL;
        for (uint32_t i = 0; i < cluster->events_count; i++) {
            struct cluster_event *event = &cluster->events[i];
            if (event->kind == CLUSTER_DISK && event->to == place && event->life == node->life &&
                event->bytes != NULL && (first == NULL || event_before(event, first)))
                first = event;
        }
        if (first == NULL)
            return;
        gone = gone || test_random_chance(&cluster->random, 2);
        struct disk_change change = {.is_write = first->operation == ISR_EFFECT_WRITE,
                                     .position = first->position,
                                     .bytes = {.data = first->bytes, .size = first->size}};
        if (!gone && (first->operation == ISR_EFFECT_WRITE || first->operation == ISR_EFFECT_TRUNCATE))
            disk_change(&node->disk, first->file, &change);
        if (!gone && first->operation == ISR_EFFECT_REPLACE)
            disk_replace(&node->disk, first->file,
                         (struct isr_bytes){.data = first->bytes, .size = first->size}, false);
        free(first->bytes);
        first->bytes = NULL;
    }
}

static inline void cluster_kill(struct cluster *cluster, uint32_t place)
{
    if (!cluster->nodes[place].alive)
        return;
    cluster_disk_abandon(cluster, place);
    node_drop(&cluster->nodes[place]);
}

static inline void cluster_power_loss(struct cluster *cluster, uint32_t place)
{
    cluster_kill(cluster, place);
    disk_power_loss(&cluster->nodes[place].disk, &cluster->random);
}

static inline int file_entry_compare(const void *a, const void *b)
{
    return isr_file_compare(((const struct isr_file_entry *)a)->file,
                            ((const struct isr_file_entry *)b)->file);
}

static inline void disk_carry_out(struct cluster_node *node, const struct cluster_event *event,
                                  struct isr_event *done, struct isr_file_entry *entries)
{
    struct disk *disk = &node->disk;
    struct disk_change change = {.is_write = event->operation == ISR_EFFECT_WRITE,
                                 .position = event->position,
                                 .bytes = {.data = event->bytes, .size = event->size}};
    if (event->operation == ISR_EFFECT_WRITE || event->operation == ISR_EFFECT_TRUNCATE) {
        disk_change(disk, event->file, &change);
    } else if (event->operation == ISR_EFFECT_SYNC) {
        disk_sync(disk, event->file);
    } else if (event->operation == ISR_EFFECT_REPLACE) {
        disk_replace(disk, event->file, (struct isr_bytes){.data = event->bytes, .size = event->size}, true);
    } else if (event->operation == ISR_EFFECT_DELETE) {
        disk_delete(disk, event->file);
    } else if (event->operation == ISR_EFFECT_READ) {
        struct disk_file *file = disk_find(disk, event->file, false);
        if (file == NULL || !file->cached.exists)
            done->io_done.status = ISR_IO_NO_FILE;
        else
            done->io_done.bytes = (struct isr_bytes){.data = file->cached.data, .size = file->cached.size};
    } else {
        uint32_t count = 0;
        for (uint32_t i = 0; i < disk->count; i++) {
            if (disk->files[i].cached.exists)
                entries[count++] = (struct isr_file_entry){.file = disk->files[i].name,
                                                           .size_bytes = disk->files[i].cached.size};
        }
        qsort(entries, count, sizeof *entries, file_entry_compare);
        done->io_done.files = entries;
        done->io_done.files_count = count;
    }
}

/* A failed operation may have done all, something or nothing; a replacement all or nothing. */
static inline void disk_carry_out_partly(struct cluster *cluster, struct cluster_node *node,
                                         const struct cluster_event *event)
{
    uint32_t size = event->size > 0 ? test_random_below(&cluster->random, event->size) : 0;
    struct disk_change change = {
        .is_write = true, .position = event->position, .bytes = {.data = event->bytes, .size = size}};
    if (test_random_chance(&cluster->random, 2))
        return;
    if (event->operation == ISR_EFFECT_WRITE)
        disk_change(&node->disk, event->file, &change);
    if (event->operation == ISR_EFFECT_REPLACE)
        disk_replace(&node->disk, event->file, (struct isr_bytes){event->bytes, event->size}, false);
}

static inline void event_handle(struct cluster *cluster, const struct cluster_event *event)
{
    struct cluster_node *node = &cluster->nodes[event->to];
    if (!node->alive || (event->kind != CLUSTER_MESSAGE && event->life != node->life) ||
        (event->kind == CLUSTER_WAKE && event->time_ns != node->wake_ns) ||
        (event->kind == CLUSTER_MESSAGE && cluster->cut[event->from][event->to]))
        return;
    isr_env_begin(&node->env, cluster->now_ns);
    if (event->kind == CLUSTER_MESSAGE) {
        struct isr_message message;
        struct isr_bytes frame = {.data = event->bytes, .size = event->size};
        if (!isr_message_decode(frame, &node->env.scratch, &message))
            abort();
        node->quorum->base.ops->message(&node->quorum->base, (int32_t)event->from + 1, &message);
    } else if (event->kind == CLUSTER_DISK) {
        struct isr_file_entry entries[DISK_FILES_MAX];
        struct isr_event done = {.kind = ISR_EVENT_IO_DONE,
                                 .io_done = {.io = event->io, .status = event->status}};
        node->errored = node->errored || event->status != ISR_IO_OK;
        if (event->status == ISR_IO_OK)
            disk_carry_out(node, event, &done, entries);
        else
            disk_carry_out_partly(cluster, node, event);
        isr_env_io_done(&node->env, &done);
    } else {
        node->wake_ns = ISR_TIME_NEVER;
        isr_env_wake(&node->env);
    }
    step_finish(cluster, event->to);
}

/* Runs until the virtual time, or until a property fails. */
static inline void cluster_run(struct cluster *cluster, int64_t duration_ns)
{
    int64_t until = cluster->now_ns + duration_ns;
    while (cluster->failure == NULL && cluster->events_count > 0 && cluster->events[0].time_ns <= until) {
        struct cluster_event event = event_take(cluster);
        cluster->now_ns = event.time_ns;
        event_handle(cluster, &event);
        free(event.bytes);
    }
    cluster->now_ns = until;
}

/* ---- from outside ---- */

static inline struct cluster *cluster_new(uint32_t count, uint64_t seed)
{
    struct cluster *cluster = calloc(1, sizeof *cluster);
    cluster->count = count;
    cluster->voters_count = count;
    cluster->nodes = calloc(count, sizeof *cluster->nodes);
    cluster->config = isr_config_default();
    cluster->random.state = seed;
    cluster->delay_ns_max = 4 * ISR_MS;
    for (uint32_t i = 0; i < count; i++) {
        test_heap_init(&cluster->nodes[i].heap);
        cluster->nodes[i].disk_latency_ns = 2 * ISR_MS;
    }
    return cluster;
}

static inline void cluster_start_all(struct cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->count; i++) {
        if (!cluster->nodes[i].alive)
            cluster_start(cluster, i);
    }
}

static inline void cluster_free(struct cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->count; i++) {
        test_heap_drop(&cluster->nodes[i].heap);
        disk_free(&cluster->nodes[i].disk);
    }
    for (uint32_t i = 0; i < cluster->events_count; i++)
        free(cluster->events[i].bytes);
    free(cluster->events);
    free(cluster->nodes);
    free(cluster);
}

/* The place of the leader with the highest term; -1 when there is none. */
static inline int cluster_leader(const struct cluster *cluster)
{
    int best = -1;
    for (uint32_t i = 0; i < cluster->count; i++) {
        const struct cluster_node *node = &cluster->nodes[i];
        if (node->alive && node->told_role == ISR_CONSENSUS_LEADER &&
            (best < 0 || node->quorum->term > cluster->nodes[best].quorum->term))
            best = (int)i;
    }
    return best;
}

/* The index; 0 when it does not lead. */
static inline int64_t cluster_propose(struct cluster *cluster, uint32_t place, uint64_t value, uint32_t size)
{
    struct cluster_node *node = &cluster->nodes[place];
    uint8_t bytes[512] = {0};
    if (!node->alive || !node->quorum->started)
        return 0;
    isr_put_u64(bytes, value);
    isr_env_begin(&node->env, cluster->now_ns);
    int64_t index = node->quorum->base.ops->propose(&node->quorum->base, (struct isr_bytes){bytes, size});
    step_finish(cluster, place);
    return index;
}

/* NONE: it began, and altered_count tells when it is over. */
static inline enum isr_error cluster_change(struct cluster *cluster, uint32_t place,
                                            enum isr_quorum_change change, int32_t id)
{
    struct cluster_node *node = &cluster->nodes[place];
    if (!node->alive)
        return ISR_ERROR_NOT_CONTROLLER;
    isr_env_begin(&node->env, cluster->now_ns);
    struct isr_consensus *consensus = &node->quorum->base;
    enum isr_error error = change == ISR_QUORUM_TRANSFER ? consensus->ops->transfer(consensus, id)
                                                         : consensus->ops->change(consensus, change, id);
    step_finish(cluster, place);
    return error;
}

static inline void cluster_cut(struct cluster *cluster, uint32_t a, uint32_t b, bool cut)
{
    cluster->cut[a][b] = cut;
    cluster->cut[b][a] = cut;
}

static inline void cluster_isolate(struct cluster *cluster, uint32_t place, bool cut)
{
    for (uint32_t i = 0; i < cluster->count; i++) {
        if (i != place)
            cluster_cut(cluster, place, i, cut);
    }
}

#endif
