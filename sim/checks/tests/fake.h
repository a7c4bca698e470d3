/* For the tests of the checks: three brokers n1..n3 with a replica each of orders-0, a controller's view of
 * it, and a client, all plain tables. Every helper changes the tables and then tells the checks, as a world
 * would. */
#ifndef SIM_CHECKS_TESTS_FAKE_H
#define SIM_CHECKS_TESTS_FAKE_H

#include <string.h>

#include "core/base/error.h"
#include "core/tests/support.h"
#include "sim/checks/checks.h"

enum { FAKE_NODES = 4, FAKE_CLIENT = 4, FAKE_BATCHES = 64 };

struct fake_replica {
    bool up, running, leads, has;
    int32_t epoch;
    int32_t partition_epoch; /* that it knows of */
    int64_t high_watermark, log_start;
    struct sim_batch_view batches[FAKE_BATCHES];
    int count;
    struct isr_epoch_entry epochs[FAKE_BATCHES];
    uint32_t epochs_count;
    bool isr_pending;
    bool fenced;
    bool unheard;                                         /* by its leader, in this life */
    uint64_t betrayals, quorum_betrayals, votes_betrayed; /* of its disk */
    int64_t damaged; /* the first offset with other content than its checksum says */
};

struct fake {
    struct test_heap heap;
    struct sim_view view;
    struct sim_checks *checks;
    struct fake_replica replicas[FAKE_NODES + 1];
    struct sim_partition_view partition;
    int32_t last_known;
    int64_t now_ns;
    uint64_t values;
    int32_t sequence;
    int64_t producer; /* -1: not idempotent */
    uint32_t probes_sent, probes_unanswered;
    struct isr_replicas voters;
    int32_t step_unreached;
    int failures;
    enum sim_invariant failed; /* the first */
    char message[1024];
};

static const struct isr_tp FAKE_TP = {.topic = 1, .index = 0};
#define FAKE_KEY ((int64_t)1 << 16)

/* All but one, which would tell of the same story: I1 of a leader that commits alone although min ISR is 2.
 */
#define FAKE_WITHOUT(NAME) (SIM_CHECKS_ALL & ~(UINT32_C(1) << SIM_INVARIANT_##NAME))

/* ---- the view ---- */

static inline int64_t fake_now(void *object)
{
    return ((struct fake *)object)->now_ns;
}

static inline int64_t fake_wall(void *object, int32_t node)
{
    (void)node;
    return ((struct fake *)object)->now_ns;
}

static inline const char *fake_node_name(void *object, int32_t node, char buffer[SIM_LABEL_BYTES])
{
    (void)object;
    struct isr_text text = {.buffer = buffer, .capacity = SIM_LABEL_BYTES};
    isr_text_format(&text, node == FAKE_CLIENT ? "p1" : "n%d", (int)node);
    return buffer;
}

static inline bool fake_up(void *object, int32_t node)
{
    return ((struct fake *)object)->replicas[node].up;
}

static inline bool fake_running(void *object, int32_t node)
{
    const struct fake_replica *replica = &((struct fake *)object)->replicas[node];
    return replica->up && replica->running;
}

static inline int64_t fake_end(const struct fake_replica *replica)
{
    if (replica->count == 0)
        return replica->log_start;
    const struct sim_batch_view *last = &replica->batches[replica->count - 1];
    return last->base_offset + last->record_count;
}

static inline bool fake_see_replica(void *object, int32_t node, struct isr_tp tp,
                                    struct sim_replica_view *seen)
{
    const struct fake_replica *replica = &((struct fake *)object)->replicas[node];
    if (!replica->up || !replica->has || !isr_tp_equal(tp, FAKE_TP))
        return false;
    *seen = (struct sim_replica_view){.log_start = replica->log_start,
                                      .log_end = fake_end(replica),
                                      .high_watermark = replica->high_watermark,
                                      .role = replica->leads ? SIM_REPLICA_LEADS : SIM_REPLICA_FOLLOWS,
                                      .leader_epoch = replica->epoch,
                                      .partition_epoch = replica->partition_epoch,
                                      .isr_pending = replica->isr_pending,
                                      .epochs = replica->epochs,
                                      .epochs_count = replica->epochs_count};
    return true;
}

/* Each record is of 100 bytes. */
static inline int64_t fake_bytes(void *object, int32_t node, struct isr_tp tp, int64_t offset)
{
    (void)tp;
    return 100 * (fake_end(&((struct fake *)object)->replicas[node]) - offset);
}

static inline uint32_t fake_see_batches(void *object, int32_t node, struct isr_tp tp, int64_t from,
                                        int64_t to, struct sim_batch_view *seen, uint32_t most)
{
    const struct fake_replica *replica = &((struct fake *)object)->replicas[node];
    if (!replica->up || !isr_tp_equal(tp, FAKE_TP))
        return 0;
    uint32_t count = 0;
    for (int i = 0; i < replica->count && count < most; i++) {
        const struct sim_batch_view *batch = &replica->batches[i];
        int64_t end = batch->base_offset + batch->record_count;
        bool wanted = count > 0 ? batch->base_offset < to : from >= batch->base_offset && from < end;
        if (wanted && end > replica->log_start)
            seen[count++] = *batch;
    }
    return count;
}

static inline void fake_contents(void *object, int32_t node, struct isr_tp tp, struct sim_batch_view *batch)
{
    (void)fake_see_batches(object, node, tp, batch->base_offset, batch->base_offset + 1, batch, 1);
}

static inline uint64_t fake_betrayed(void *object, int32_t node, struct isr_tp tp)
{
    (void)tp;
    return ((struct fake *)object)->replicas[node].betrayals;
}

static inline uint64_t fake_quorum_betrayed(void *object, int32_t node)
{
    return ((struct fake *)object)->replicas[node].quorum_betrayals;
}

static inline uint64_t fake_votes_betrayed(void *object, int32_t node)
{
    return ((struct fake *)object)->replicas[node].votes_betrayed;
}

static inline int64_t fake_damaged(void *object, int32_t node, struct isr_tp tp)
{
    (void)tp;
    return ((struct fake *)object)->replicas[node].damaged;
}

static inline bool fake_heard(void *object, int32_t leader, struct isr_tp tp, int32_t follower)
{
    (void)leader;
    (void)tp;
    return !((struct fake *)object)->replicas[follower].unheard;
}

static inline bool fake_see_partition(void *object, int32_t controller, struct isr_tp tp,
                                      struct sim_partition_view *seen)
{
    (void)controller;
    if (!isr_tp_equal(tp, FAKE_TP))
        return false;
    *seen = ((struct fake *)object)->partition;
    return true;
}

static inline bool fake_active(void *object, int32_t controller, int32_t broker)
{
    (void)controller;
    return !((struct fake *)object)->replicas[broker].fenced;
}

static inline void fake_probes(void *object, uint32_t *sent, uint32_t *unanswered)
{
    *sent = ((struct fake *)object)->probes_sent;
    *unanswered = ((struct fake *)object)->probes_unanswered;
}

static inline bool fake_probe_waits(void *object, struct isr_tp tp)
{
    (void)tp;
    return ((struct fake *)object)->probes_unanswered > 0;
}

static inline void fake_voters(void *object, struct isr_replicas *voters)
{
    *voters = ((struct fake *)object)->voters;
}

static inline int32_t fake_step_unreached(void *object)
{
    return ((struct fake *)object)->step_unreached;
}

static inline void fake_fail(void *object, enum sim_invariant invariant, const char *message)
{
    struct fake *fake = object;
    if (fake->failures++ > 0)
        return;
    fake->failed = invariant;
    strncpy(fake->message, message, sizeof fake->message - 1);
}

/* ---- telling ---- */

#define FAKE_TELL(fake, node, KIND, name, ...)                                                          \
    do {                                                                                                \
        struct isr_observation fake_observation = {.kind = ISR_OBSERVED_##KIND, .name = {__VA_ARGS__}}; \
        sim_checks_observe((fake)->checks, (node), &fake_observation);                                  \
    } while (0)

static inline struct isr_replicas fake_set(int a, int b, int c)
{
    struct isr_replicas set = {0};
    if (a > 0)
        isr_replicas_add(&set, a);
    if (b > 0)
        isr_replicas_add(&set, b);
    if (c > 0)
        isr_replicas_add(&set, c);
    return set;
}

/* The controller n1 commits a change of the partition. */
static inline void fake_change(struct fake *fake, int32_t leader, struct isr_replicas isr,
                               struct isr_replicas elr, enum isr_cause cause)
{
    struct sim_partition_view *partition = &fake->partition;
    struct isr_replicas last_known = {0};
    if (leader != partition->leader)
        partition->leader_epoch++;
    if (leader == ISR_NODE_NONE && partition->leader != ISR_NODE_NONE)
        fake->last_known = partition->leader;
    if (leader == ISR_NODE_NONE)
        isr_replicas_add(&last_known, fake->last_known);
    partition->leader = leader;
    partition->isr = isr;
    partition->elr = elr;
    partition->partition_epoch++;
    FAKE_TELL(fake, 1, PARTITION_APPLIED, partition_applied, .tp = FAKE_KEY, .leader = leader,
              .leader_epoch = partition->leader_epoch, .partition_epoch = partition->partition_epoch,
              .isr = (int64_t)isr_replicas_pack(&isr), .elr = (int64_t)isr_replicas_pack(&elr),
              .last_known = (int64_t)isr_replicas_pack(&last_known), .cause = cause);
}

static inline void fake_lead(struct fake *fake, int32_t node)
{
    struct fake_replica *replica = &fake->replicas[node];
    replica->leads = true;
    replica->epoch = fake->partition.leader_epoch;
    replica->partition_epoch = fake->partition.partition_epoch;
    FAKE_TELL(fake, node, BECAME_LEADER, became_leader, .tp = FAKE_KEY, .leader_epoch = replica->epoch,
              .partition_epoch = fake->partition.partition_epoch, .log_end = fake_end(replica),
              .high_watermark = replica->high_watermark);
}

static inline void fake_follow(struct fake *fake, int32_t node)
{
    struct fake_replica *replica = &fake->replicas[node];
    replica->leads = false;
    replica->epoch = fake->partition.leader_epoch;
    FAKE_TELL(fake, node, BECAME_FOLLOWER, became_follower, .tp = FAKE_KEY, .leader_epoch = replica->epoch,
              .partition_epoch = fake->partition.partition_epoch, .leader = fake->partition.leader,
              .log_end = fake_end(replica), .high_watermark = replica->high_watermark);
}

static inline void fake_tell_appended(struct fake *fake, int32_t node, const struct sim_batch_view *batch,
                                      bool as_leader)
{
    FAKE_TELL(fake, node, LOG_APPENDED, log_appended, .tp = FAKE_KEY, .base = batch->base_offset,
              .last = batch->base_offset + batch->record_count - 1, .leader_epoch = batch->leader_epoch,
              .crc = batch->crc, .as_leader = as_leader);
}

/* A batch of records at the end of a leader's log. */
static inline int64_t fake_append(struct fake *fake, int32_t node, uint32_t records)
{
    struct fake_replica *replica = &fake->replicas[node];
    struct sim_batch_view batch = {.base_offset = fake_end(replica),
                                   .record_count = records,
                                   .leader_epoch = replica->epoch,
                                   .producer_id = fake->producer,
                                   .producer_epoch = 0,
                                   .base_sequence = fake->sequence,
                                   .first_value = fake->values,
                                   .timestamp_ns = fake->now_ns,
                                   .crc = 1000 + (uint32_t)fake->values};
    fake->values += records;
    fake->sequence += (int32_t)records;
    replica->batches[replica->count++] = batch;
    fake_tell_appended(fake, node, &batch, true);
    return batch.base_offset;
}

/* A follower fetches everything that the leader has beyond its end. */
static inline void fake_fetch(struct fake *fake, int32_t node, int32_t leader)
{
    struct fake_replica *replica = &fake->replicas[node];
    const struct fake_replica *source = &fake->replicas[leader];
    for (int i = 0; i < source->count; i++) {
        if (source->batches[i].base_offset < fake_end(replica))
            continue;
        replica->batches[replica->count++] = source->batches[i];
        fake_tell_appended(fake, node, &source->batches[i], false);
    }
}

/* Without telling. */
static inline void fake_cut(struct fake_replica *replica, int64_t to)
{
    while (replica->count > 0 && replica->batches[replica->count - 1].base_offset >= to)
        replica->count--;
    if (replica->high_watermark > fake_end(replica))
        replica->high_watermark = fake_end(replica);
}

static inline void fake_truncate(struct fake *fake, int32_t node, int64_t to)
{
    struct fake_replica *replica = &fake->replicas[node];
    int64_t from = fake_end(replica);
    fake_cut(replica, to);
    FAKE_TELL(fake, node, LOG_TRUNCATED, log_truncated, .tp = FAKE_KEY, .from = from, .to = fake_end(replica),
              .high_watermark = replica->high_watermark);
}

static inline void fake_advance(struct fake *fake, int32_t node, int64_t to)
{
    struct fake_replica *replica = &fake->replicas[node];
    int64_t from = replica->high_watermark;
    replica->high_watermark = to;
    FAKE_TELL(fake, node, HIGH_WATERMARK_ADVANCED, high_watermark_advanced, .tp = FAKE_KEY, .from = from,
              .to = to, .leader_epoch = replica->epoch, .partition_epoch = replica->partition_epoch,
              .maximal_isr = (int64_t)isr_replicas_pack(&fake->partition.isr), .as_leader = replica->leads);
}

static inline void fake_ack(struct fake *fake, int32_t node, int64_t base)
{
    FAKE_TELL(fake, node, PRODUCE_ANSWERED, produce_answered, .tp = FAKE_KEY, .client = FAKE_CLIENT,
              .base = base, .error = ISR_ERROR_NONE, .acks = -1);
}

/* A consumer reads the batch at an offset from a node. */
static inline void fake_read(struct fake *fake, int32_t node, int64_t offset)
{
    struct sim_batch_view batch = {0};
    (void)fake_see_batches(fake, node, FAKE_TP, offset, offset + 1, &batch, 1);
    FAKE_TELL(fake, FAKE_CLIENT, RECORD_READ, record_read, .tp = FAKE_KEY, .from = node,
              .base = batch.base_offset, .last = batch.base_offset + batch.record_count - 1,
              .leader_epoch = batch.leader_epoch, .crc = batch.crc);
}

static inline void fake_end_process(struct fake *fake, int32_t node, bool clean, bool lossy)
{
    fake->replicas[node].up = fake->replicas[node].running = fake->replicas[node].leads = false;
    sim_checks_process(fake->checks, node, false, clean, lossy);
}

/* Comes back with its log as it is in the table, registered at once. */
static inline void fake_start(struct fake *fake, int32_t node)
{
    struct fake_replica *replica = &fake->replicas[node];
    replica->up = replica->running = true;
    sim_checks_process(fake->checks, node, true, false, false);
    FAKE_TELL(fake, node, LOG_RECOVERED, log_recovered, .tp = FAKE_KEY, .log_start = replica->log_start,
              .log_end = fake_end(replica), .high_watermark = replica->high_watermark);
}

/* ---- making ---- */

/* n1 leads epoch 0 with everybody in the ISR; nothing is written yet. */
static inline void fake_init_with(struct fake *fake, uint32_t armed,
                                  const struct isr_topic_settings *settings)
{
    memset(fake, 0, sizeof *fake);
    test_heap_init(&fake->heap);
    fake->view = (struct sim_view){.object = fake,
                                   .nodes_count = FAKE_NODES,
                                   .elr = true,
                                   .late_ns = ISR_TIME_NEVER,
                                   .now_ns = fake_now,
                                   .node_name = fake_node_name,
                                   .up = fake_up,
                                   .running = fake_running,
                                   .replica = fake_see_replica,
                                   .batches = fake_see_batches,
                                   .contents = fake_contents,
                                   .wall_ns = fake_wall,
                                   .bytes = fake_bytes,
                                   .heard = fake_heard,
                                   .betrayed = fake_betrayed,
                                   .quorum_betrayed = fake_quorum_betrayed,
                                   .votes_betrayed = fake_votes_betrayed,
                                   .damaged = fake_damaged,
                                   .partition = fake_see_partition,
                                   .active = fake_active,
                                   .probes = fake_probes,
                                   .probe_waits = fake_probe_waits,
                                   .voters = fake_voters,
                                   .step_unreached = fake_step_unreached,
                                   .fail = fake_fail};
    for (int i = 1; i <= FAKE_NODES; i++) {
        fake->replicas[i].up = fake->replicas[i].running = fake->replicas[i].has = true;
        fake->replicas[i].damaged = ISR_OFFSET_NONE;
    }
    fake->replicas[FAKE_CLIENT].has = false;
    fake->partition = (struct sim_partition_view){.topic_name = "orders",
                                                  .settings = *settings,
                                                  .leader = ISR_NODE_NONE,
                                                  .leader_epoch = -1,
                                                  .replicas = fake_set(1, 2, 3)};
    fake->producer = 7;
    fake->now_ns = 4210 * ISR_MS;
    fake->step_unreached = -1;
    fake->checks =
        sim_checks_make(&fake->heap.heap, &fake->view, &(struct sim_checks_options){.armed = armed});
    fake_change(fake, 1, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_TOPIC_CREATED);
    fake_lead(fake, 1);
    fake_follow(fake, 2);
    fake_follow(fake, 3);
}

/* With min ISR 2. */
static inline void fake_init_as(struct fake *fake, uint32_t armed, bool unclean)
{
    struct isr_topic_settings settings = isr_topic_settings_of_min_isr(2);
    settings.unclean = unclean;
    fake_init_with(fake, armed, &settings);
}

static inline void fake_init(struct fake *fake)
{
    fake_init_as(fake, SIM_CHECKS_ALL, false);
}

static inline void fake_free(struct fake *fake)
{
    test_heap_drop(&fake->heap);
}

/* n1 writes a batch of records, everybody has it, it is committed and acknowledged. */
static inline int64_t fake_commit(struct fake *fake, uint32_t records)
{
    int64_t base = fake_append(fake, 1, records);
    fake_fetch(fake, 2, 1);
    fake_fetch(fake, 3, 1);
    fake_advance(fake, 1, base + records);
    fake_ack(fake, 1, base);
    fake_advance(fake, 2, base + records);
    fake_advance(fake, 3, base + records);
    return base;
}

#define FAKE_HOLDS(fake)                                 \
    do {                                                 \
        if ((fake)->failures > 0)                        \
            fail_msg("unexpected: %s", (fake)->message); \
    } while (0)
#define FAKE_FAILS(fake, NAME, words)                                                           \
    do {                                                                                        \
        assert_int_not_equal((fake)->failures, 0);                                              \
        if ((fake)->failed != SIM_INVARIANT_##NAME || strstr((fake)->message, (words)) == NULL) \
            fail_msg("another failure (%d): %s", (int)(fake)->failed, (fake)->message);         \
    } while (0)

#endif
