#include "sim/checks/state.h"

#include <stdarg.h>
#include <string.h>

enum { SENTENCE_BYTES = 1000 };

/* What a node does wrong all by itself no voter's disk excuses. */
static bool rests_on_quorum(enum sim_invariant invariant)
{
    return invariant != SIM_INVARIANT_I8 && invariant != SIM_INVARIANT_R2;
}

void check_fail(struct sim_checks *checks, enum sim_invariant invariant, const char *format, ...)
{
    bool waived = checks->quorum_void && rests_on_quorum(invariant);
    checks->waived += waived;
    if (waived || !check_armed(checks, invariant) || checks->violations[invariant] != NULL)
        return;
    struct isr_text text = {.buffer = isr_heap_allocate(checks->heap, SENTENCE_BYTES),
                            .capacity = SENTENCE_BYTES};
    va_list arguments;
    va_start(arguments, format);
    isr_text_vformat(&text, format, arguments);
    va_end(arguments);
    checks->violations[invariant] = text.buffer;
    checks->view.fail(checks->view.object, invariant, text.buffer);
}

void *check_widen(struct isr_heap *heap, void *array, size_t element_bytes, uint32_t old_count,
                  uint32_t new_count)
{
    void *wider = isr_heap_allocate(heap, element_bytes * new_count);
    if (array != NULL) {
        memcpy(wider, array, element_bytes * old_count);
        isr_heap_release(heap, array);
    }
    return wider;
}

static struct check_partition *partition_make(struct sim_checks *checks, struct isr_tp tp)
{
    struct check_partition *partition = isr_heap_allocate(checks->heap, sizeof *partition);
    partition->tp = tp;
    if (checks->topic_max < tp.topic)
        checks->topic_max = tp.topic;
    partition->history.heap = checks->heap;
    partition->min_isr = partition->copies = partition->promise = 1;
    partition->settings = isr_topic_settings_default();
    partition->epoch_max = partition->epoch_judged = ISR_EPOCH_NONE;
    partition->judged_leader = ISR_NODE_NONE;
    partition->ledger.unclean_epoch = ISR_EPOCH_NONE;
    partition->ledger.last_known_epoch = ISR_EPOCH_NONE;
    partition->ledger.allowed_epoch = ISR_EPOCH_NONE;
    partition->ledger.lossy_since = ISR_EPOCH_NONE;
    partition->late_offset = ISR_OFFSET_NONE;
    return partition;
}

/* A group of peers grows: a record may have been committed at any size since it began. What was committed in
 * a smaller one is held by a majority of it before the next comes in (core/peer/cluster.c), so the least
 * promise of all sizes is kept. */
static void describe_group(struct check_partition *partition, const struct sim_partition_view *seen)
{
    enum isr_commit_policy commit = isr_topic_commit(&seen->settings);
    uint32_t needed = (uint32_t)seen->settings.commit_followers;
    for (int32_t size = seen->group; size <= seen->group_most; size++) {
        int32_t promise = isr_commit_promise(commit, needed, (uint32_t)size, 1, ISR_LEADER_CHOICE_PEER_VOTE);
        if (size == seen->group || promise < partition->promise)
            partition->promise = promise;
    }
    partition->replication_factor = seen->group_most;
}

/* The topic's name and configuration, as soon as some controller has committed it. */
static void describe(struct sim_checks *checks, struct check_partition *partition)
{
    struct sim_partition_view seen;
    if (!checks->view.partition(checks->view.object, ISR_NODE_NONE, partition->tp, &seen))
        return;
    struct isr_text name = ISR_TEXT(partition->topic_name.text);
    isr_text_format(&name, "%s", seen.topic_name);
    partition->unclean = isr_topic_is_unclean(&seen.settings);
    partition->min_isr =
        seen.settings.min_isr < seen.replicas.count ? (int32_t)seen.settings.min_isr : seen.replicas.count;
    partition->replication_factor = seen.replicas.count;
    partition->assigned = seen.replicas;
    partition->settings = seen.settings;
    partition->copies = isr_topic_copies(&seen.settings, seen.replicas.count);
    partition->promise = isr_topic_promise(&seen.settings, seen.replicas.count);
    partition->group = seen.group;
    if (seen.group > 0)
        describe_group(partition, &seen);
    check_ledger_promise(checks, partition,
                         (struct check_promise){.partition_epoch = seen.partition_epoch,
                                                .promise = partition->promise,
                                                .copies = partition->copies});
    partition->described = true;
}

void check_contract_changed(struct sim_checks *checks, struct check_partition *partition)
{
    describe(checks, partition);
}

struct check_partition *check_partition_meet(struct sim_checks *checks, struct isr_tp tp)
{
    if (tp.topic >= checks->topics_count) {
        uint32_t count = (tp.topic + 8u) & ~7u;
        checks->topics =
            check_widen(checks->heap, checks->topics, sizeof *checks->topics, checks->topics_count, count);
        checks->topics_count = count;
    }
    struct check_topic *topic = &checks->topics[tp.topic];
    if (tp.index >= topic->count) {
        uint32_t count = (tp.index + 8u) & ~7u;
        topic->partitions =
            check_widen(checks->heap, topic->partitions, sizeof *topic->partitions, topic->count, count);
        topic->count = count;
    }
    if (topic->partitions[tp.index] == NULL)
        topic->partitions[tp.index] = partition_make(checks, tp);
    if (!topic->partitions[tp.index]->described)
        describe(checks, topic->partitions[tp.index]);
    return topic->partitions[tp.index];
}

struct check_partition *check_partition_next(const struct sim_checks *checks,
                                             const struct check_partition *after)
{
    uint32_t topic = after == NULL ? 0 : after->tp.topic;
    uint32_t index = after == NULL ? 0 : after->tp.index + 1u;
    for (; topic < checks->topics_count; topic++, index = 0) {
        for (; index < checks->topics[topic].count; index++) {
            struct check_partition *partition = checks->topics[topic].partitions[index];
            if (partition != NULL && !partition->removed)
                return partition;
        }
    }
    return NULL;
}

struct check_replica *check_replica_meet(struct sim_checks *checks, struct check_partition *partition,
                                         int32_t node)
{
    partition->replicas =
        ISR_GROW(checks->heap, partition->replicas, partition->replicas_count, partition->replicas_capacity);
    struct check_replica *replica = &partition->replicas[partition->replicas_count++];
    *replica =
        (struct check_replica){.node = node, .leader_epoch = ISR_EPOCH_NONE, .last_epoch = ISR_EPOCH_NONE};
    return replica;
}

void check_replica_ends(struct check_replica *replica, int64_t end)
{
    while (replica->spans_count > 0 && replica->spans[replica->spans_count - 1].start >= end)
        replica->spans_count--;
    replica->last_epoch =
        replica->spans_count > 0 ? replica->spans[replica->spans_count - 1].epoch : ISR_EPOCH_NONE;
    replica->log_end = end;
    if (replica->told > end)
        replica->told = end;
}

void check_replica_appended(struct sim_checks *checks, struct check_replica *replica, int32_t epoch,
                            int64_t base, int64_t end)
{
    if (base < replica->log_end)
        check_replica_ends(replica, base);
    replica->log_end = end;
    if (replica->last_epoch == epoch)
        return;
    replica->spans = ISR_GROW(checks->heap, replica->spans, replica->spans_count, replica->spans_capacity);
    replica->spans[replica->spans_count++] = (struct check_span){.epoch = epoch, .start = base};
    replica->last_epoch = epoch;
}

int32_t check_replica_epoch_at(const struct check_replica *replica, int64_t offset)
{
    uint32_t place = replica->spans_count;
    while (place > 0 && replica->spans[place - 1].start > offset)
        place--;
    return place > 0 ? replica->spans[place - 1].epoch : ISR_EPOCH_NONE;
}

bool check_replica_holds(const struct check_replica *replica, int32_t epoch, const struct check_entry *entry)
{
    return check_entry_end(entry) <= replica->log_end &&
           check_replica_epoch_at(replica, entry->base) == epoch;
}

bool check_betrayed(const struct sim_checks *checks, const struct check_partition *partition,
                    const struct check_replica *replica)
{
    const struct sim_view *view = &checks->view;
    return view->betrayed != NULL &&
           view->betrayed(view->object, replica->node, partition->tp) > replica->betrayals;
}

struct check_label check_node_label(const struct sim_checks *checks, int32_t node)
{
    struct check_label label = {0};
    struct isr_text text = ISR_TEXT(label.text);
    char buffer[SIM_LABEL_BYTES];
    isr_text_format(&text, "%s",
                    node == ISR_NODE_NONE ? "none"
                                          : checks->view.node_name(checks->view.object, node, buffer));
    return label;
}

struct check_label check_partition_label(const struct check_partition *partition)
{
    struct check_label label = {0};
    struct isr_text text = ISR_TEXT(label.text);
    if (partition->described)
        isr_text_format(&text, "%s-%u", partition->topic_name.text, (unsigned)partition->tp.index);
    else
        isr_text_format(&text, "topic %u-%u", (unsigned)partition->tp.topic, (unsigned)partition->tp.index);
    return label;
}

struct check_label check_time_label(int64_t time_ns)
{
    struct check_label label = {0};
    struct isr_text text = ISR_TEXT(label.text);
    int64_t ms = time_ns / ISR_MS;
    isr_text_format(&text, "%ld.%ld%ld%lds", ms / 1000, ms / 100 % 10, ms / 10 % 10, ms % 10);
    return label;
}

struct check_label check_set_label(const struct isr_replicas *set)
{
    struct check_label label = {0};
    struct isr_text text = ISR_TEXT(label.text);
    isr_text_format(&text, "[");
    for (int i = 0; i < set->count; i++)
        isr_text_format(&text, i == 0 ? "%d" : ", %d", set->ids[i]);
    isr_text_format(&text, "]");
    return label;
}
