#include "sim/condition.h"

#include <string.h>

#include "core/quorum/port.h"
#include "sim/workload.h"
#include "sim/world.h"

static bool compare(int64_t left, enum sim_comparison comparison, int64_t right)
{
    switch (comparison) {
    case SIM_EQUAL:
        return left == right;
    case SIM_NOT_EQUAL:
        return left != right;
    case SIM_AT_LEAST:
        return left >= right;
    case SIM_AT_MOST:
        return left <= right;
    case SIM_ABOVE:
        return left > right;
    case SIM_BELOW:
        return left < right;
    }
    return false;
}

/* Two opposite words: the first is SIM_EQUAL. */
static bool is_word(const struct sim_condition *condition, bool first)
{
    return first == (condition->comparison == SIM_EQUAL);
}

/* The partition as committed, or a group of peers into the given place; NULL while nobody knows it. */
static const struct isr_image_partition *committed_of(struct sim_world *world,
                                                      const struct sim_condition *condition,
                                                      struct isr_image_partition *group)
{
    if (world->spec->peer.count > 0)
        return sim_world_group(world, group) ? group : NULL;
    const struct isr_image *image = sim_world_image(world);
    const struct isr_image_topic *topic =
        image == NULL ? NULL : isr_image_topic_named(image, condition->topic.text);
    if (topic == NULL || condition->partition < 0 ||
        (uint32_t)condition->partition >= topic->partitions_count)
        return NULL;
    return &topic->partitions[condition->partition];
}

static const struct isr_partition *replica_on(struct sim_world *world, int32_t node, struct isr_tp tp)
{
    if (!sim_spec_is_broker(world->spec, node) || world->processes[node].node == NULL)
        return NULL;
    const struct isr_partition *replica = isr_node_partition(world->processes[node].node, tp);
    return replica == NULL || replica->log == NULL ? NULL : replica;
}

static bool leader_elected(struct sim_world *world, const struct isr_image_partition *partition)
{
    const struct isr_partition *replica =
        partition->leader == ISR_NODE_NONE ? NULL : replica_on(world, partition->leader, partition->tp);
    return replica != NULL && replica->role == ISR_ROLE_LEADER &&
           replica->leader_epoch == partition->leader_epoch;
}

/* Of whoever leads; -1 where nobody does. */
static int64_t high_watermark_of(struct sim_world *world, const struct sim_condition *condition)
{
    struct isr_image_partition group;
    const struct isr_image_partition *partition = committed_of(world, condition, &group);
    const struct isr_partition *replica = partition == NULL || partition->leader == ISR_NODE_NONE
                                              ? NULL
                                              : replica_on(world, partition->leader, partition->tp);
    return replica == NULL ? -1 : replica->log->high_watermark;
}

static bool holds_of_partition(struct sim_world *world, const struct sim_condition *condition,
                               const struct isr_image_partition *partition)
{
    switch (condition->kind) {
    case SIM_CONDITION_LEADER_IS:
        return is_word(condition, partition->leader == condition->node);
    case SIM_CONDITION_LEADER_ELECTED:
        return leader_elected(world, partition);
    case SIM_CONDITION_LEADER_EPOCH:
        return compare(partition->leader_epoch, condition->comparison, condition->value);
    case SIM_CONDITION_ISR_IS:
        return is_word(condition, isr_replicas_equal_as_sets(&partition->isr, &condition->set));
    case SIM_CONDITION_ISR_SIZE:
        return compare(partition->isr.count, condition->comparison, condition->value);
    case SIM_CONDITION_ISR_HAS:
        return is_word(condition, isr_replicas_contain(&partition->isr, condition->node));
    case SIM_CONDITION_ELR_IS:
        return is_word(condition, isr_replicas_equal_as_sets(&partition->elr, &condition->set));
    case SIM_CONDITION_REPLICAS_ARE:
        return is_word(condition, isr_replicas_equal_as_sets(&partition->replicas, &condition->set));
    case SIM_CONDITION_REASSIGNMENT:
        return is_word(condition, partition->adding.count > 0 || partition->removing.count > 0);
    case SIM_CONDITION_ISR_CHANGES: /* the partition epoch grows by one with each (KIP-497) */
        return compare(partition->partition_epoch, condition->comparison, condition->value);
    case SIM_CONDITION_PARTITION_THERE:
    case SIM_CONDITION_REPLICA_THERE:
    case SIM_CONDITION_LOG_START:
    case SIM_CONDITION_LOG_END:
    case SIM_CONDITION_CLEAN_END:
    case SIM_CONDITION_HIGH_WATERMARK:
    case SIM_CONDITION_HW_MOVED:
    case SIM_CONDITION_LOG_CUT:
    case SIM_CONDITION_SNAPSHOT_INSTALLED:
    case SIM_CONDITION_ISR_PENDING:
    case SIM_CONDITION_NODE_UP:
    case SIM_CONDITION_BROKER_FENCED:
    case SIM_CONDITION_PEER_HEALTHY:
    case SIM_CONDITION_PEER_READY:
    case SIM_CONDITION_CONTROLLER:
    case SIM_CONDITION_VOTERS_ARE:
    case SIM_CONDITION_LEARNERS_ARE:
    case SIM_CONDITION_QUORUM_LEADER:
    case SIM_CONDITION_QUORUM_COMMITTED:
    case SIM_CONDITION_ACKED:
    case SIM_CONDITION_COMMITTED:
    case SIM_CONDITION_COMPACTED:
    case SIM_CONDITION_TOMBSTONES_GONE:
    case SIM_CONDITION_LOST:
    case SIM_CONDITION_WAIVED:
    case SIM_CONDITION_UNAVAILABLE:
    case SIM_CONDITION_POOL_READS:
    case SIM_CONDITION_STALE_READS:
    case SIM_CONDITION_REPAIRED:
    case SIM_CONDITION_YIELDS:
    case SIM_CONDITION_READ:
    case SIM_CONDITION_ACK_LATENCY:
    case SIM_CONDITION_KINDS:
        break;
    }
    const struct isr_partition *replica = replica_on(world, condition->node, partition->tp);
    if (replica == NULL)
        return false;
    if (condition->kind == SIM_CONDITION_LOG_START)
        return compare(replica->log->log_start, condition->comparison, condition->value);
    if (condition->kind == SIM_CONDITION_LOG_END)
        return compare(replica->log->log_end, condition->comparison, condition->value);
    if (condition->kind == SIM_CONDITION_CLEAN_END)
        return compare(replica->log->clean_end, condition->comparison, condition->value);
    if (condition->kind == SIM_CONDITION_HIGH_WATERMARK)
        return compare(replica->log->high_watermark, condition->comparison, condition->value);
    return condition->kind == SIM_CONDITION_ISR_PENDING &&
           is_word(condition, replica->isr_state != ISR_STATE_COMMITTED);
}

static bool broker_fenced(struct sim_world *world, const struct sim_condition *condition)
{
    const struct isr_image *image = sim_world_image(world);
    if (image == NULL || condition->node < 1 || condition->node > ISR_NODE_MAX ||
        !image->brokers[condition->node].registered)
        return false;
    return is_word(condition, image->brokers[condition->node].fenced);
}

/* False of a node that is down, and of one that is no peer. */
static bool peer_is(const struct sim_world *world, const struct sim_condition *condition)
{
    if (condition->node < 1 || condition->node > world->spec->peer.count ||
        world->processes[condition->node].node == NULL)
        return false;
    const struct isr_peer *peer = isr_node_peer(world->processes[condition->node].node);
    bool ready = peer->phase == ISR_PEER_RUN;
    return is_word(condition, condition->kind == SIM_CONDITION_PEER_HEALTHY ? !peer->unhealthy : ready);
}

static bool controller_is(struct sim_world *world, const struct sim_condition *condition)
{
    const struct sim_process *controller = sim_world_controller(world);
    if (condition->node == ISR_NODE_NONE)
        return is_word(condition, controller != NULL);
    return is_word(condition, controller != NULL && controller->id == condition->node);
}

bool sim_condition_members(const struct sim_world *world, struct isr_consensus_members *members)
{
    const struct isr_consensus *best = NULL;
    int64_t most = 0;
    for (int32_t node = 1; node <= world->processes_count; node++) {
        const struct isr_consensus *consensus = sim_world_consensus(world, node);
        int64_t committed = consensus != NULL ? consensus->ops->commit_index(consensus) : 0;
        if (committed <= most)
            continue;
        best = consensus;
        most = committed;
    }
    if (best == NULL)
        return false;
    *members = best->ops->members(best);
    return true;
}

static bool members_are(const struct sim_world *world, const struct sim_condition *condition)
{
    struct isr_consensus_members members;
    if (!sim_condition_members(world, &members))
        return false;
    const struct isr_replicas *set =
        condition->kind == SIM_CONDITION_VOTERS_ARE ? &members.voters : &members.learners;
    if (condition->comparison == SIM_EQUAL)
        return isr_replicas_equal_as_sets(set, &condition->set);
    for (unsigned i = 0; i < condition->set.count; i++) {
        if (isr_replicas_contain(set, condition->set.ids[i]))
            return false;
    }
    return true;
}

static bool quorum_leader_is(struct sim_world *world, const struct sim_condition *condition)
{
    int32_t term, leader = sim_world_quorum_leader(world, &term);
    return leader != ISR_NODE_NONE && (condition->node == ISR_NODE_NONE || condition->node == leader);
}

static int64_t quorum_committed(const struct sim_world *world, int32_t controller)
{
    const struct isr_consensus *consensus = sim_world_consensus(world, controller);
    return consensus->ops->commit_index(consensus);
}

static bool node_up(const struct sim_world *world, const struct sim_condition *condition)
{
    if (condition->node < 1 || condition->node > world->processes_count)
        return false;
    return is_word(condition, sim_process_running(&world->processes[condition->node]));
}

/* Acknowledged batches of producers that took at most so long; all of them for INT64_MAX. */
static uint32_t acked_within(const struct sim_world *world, int64_t latency_ns)
{
    uint32_t count = 0;
    for (uint32_t place = 0; place < sim_workload_operations_count(world); place++) {
        const struct sim_operation *operation = sim_workload_operation(world, place);
        count += (operation->kind == SIM_OPERATION_PRODUCE || operation->kind == SIM_OPERATION_PROPOSE) &&
                 operation->outcome == SIM_OUTCOME_OK && !operation->probe &&
                 operation->answered_ns - operation->asked_ns <= latency_ns;
    }
    return count;
}

/* By halving the range of latencies: no memory, and meant for the end of a run. */
static bool median_ack_latency(const struct sim_world *world, int64_t *latency_ns)
{
    uint32_t all = acked_within(world, INT64_MAX);
    int64_t low = 0, high = world->now_ns;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (acked_within(world, middle) >= all - all / 2)
            high = middle;
        else
            low = middle + 1;
    }
    *latency_ns = low;
    return all > 0;
}

static bool broker_is_up(const struct sim_world *world, int32_t node)
{
    return sim_spec_is_broker(world->spec, node) && world->processes[node].node != NULL &&
           isr_node_broker_running(world->processes[node].node);
}

/* Of any topic that ever had that name. */
static bool has_replica(struct sim_world *world, const struct sim_condition *condition)
{
    const struct isr_node *node = world->processes[condition->node].node;
    const struct isr_image *image = isr_node_metadata(node);
    for (uint32_t i = 0; image != NULL && i < image->topics_count; i++) {
        const struct isr_tp tp = {.topic = image->topics[i].id, .index = (uint16_t)condition->partition};
        if (strcmp(image->topics[i].name.text, condition->topic.text) == 0 &&
            isr_node_partition(node, tp) != NULL)
            return true;
    }
    return false;
}

bool sim_condition_holds(struct sim_world *world, const struct sim_condition *condition)
{
    const struct isr_image_partition *partition = NULL;
    struct isr_image_partition group;
    int64_t latency_ns;
    switch (condition->kind) {
    case SIM_CONDITION_PARTITION_THERE:
        return sim_world_image(world) != NULL &&
               is_word(condition, committed_of(world, condition, &group) != NULL);
    case SIM_CONDITION_REPLICA_THERE:
        return broker_is_up(world, condition->node) && is_word(condition, has_replica(world, condition));
    case SIM_CONDITION_NODE_UP:
        return node_up(world, condition);
    case SIM_CONDITION_BROKER_FENCED:
        return broker_fenced(world, condition);
    case SIM_CONDITION_PEER_HEALTHY:
    case SIM_CONDITION_PEER_READY:
        return peer_is(world, condition);
    case SIM_CONDITION_CONTROLLER:
        return controller_is(world, condition);
    case SIM_CONDITION_VOTERS_ARE:
    case SIM_CONDITION_LEARNERS_ARE:
        return members_are(world, condition);
    case SIM_CONDITION_QUORUM_LEADER:
        return quorum_leader_is(world, condition);
    case SIM_CONDITION_ACKED:
        return compare((int64_t)world->counters.records_acked, condition->comparison, condition->value);
    case SIM_CONDITION_COMMITTED:
        return compare((int64_t)world->counters.records_committed, condition->comparison, condition->value);
    case SIM_CONDITION_LOST:
        return compare((int64_t)world->counters.records_lost, condition->comparison, condition->value);
    case SIM_CONDITION_HW_MOVED:
    case SIM_CONDITION_LOG_CUT:
    case SIM_CONDITION_SNAPSHOT_INSTALLED:
    case SIM_CONDITION_QUORUM_COMMITTED:
        return sim_condition_occasion(world, condition) > 0;
    case SIM_CONDITION_WAIVED:
        return compare((int64_t)world->counters.violations_waived, condition->comparison, condition->value);
    case SIM_CONDITION_UNAVAILABLE:
        return compare((int64_t)world->counters.partitions_unavailable, condition->comparison,
                       condition->value);
    case SIM_CONDITION_POOL_READS:
        return compare((int64_t)world->counters.pool_reads, condition->comparison, condition->value);
    case SIM_CONDITION_COMPACTED:
        return compare((int64_t)world->counters.records_compacted, condition->comparison, condition->value);
    case SIM_CONDITION_TOMBSTONES_GONE:
        return compare((int64_t)world->counters.tombstones_removed, condition->comparison, condition->value);
    case SIM_CONDITION_STALE_READS:
        return compare((int64_t)world->counters.pool_reads_stale, condition->comparison, condition->value);
    case SIM_CONDITION_REPAIRED:
        return compare((int64_t)world->counters.batches_repaired, condition->comparison, condition->value);
    case SIM_CONDITION_YIELDS:
        return compare((int64_t)world->counters.yields, condition->comparison, condition->value);
    case SIM_CONDITION_READ:
        return compare((int64_t)world->counters.records_read, condition->comparison, condition->value);
    case SIM_CONDITION_ACK_LATENCY:
        return median_ack_latency(world, &latency_ns) &&
               compare(latency_ns, condition->comparison, condition->value);
    case SIM_CONDITION_LEADER_IS:
    case SIM_CONDITION_LEADER_ELECTED:
    case SIM_CONDITION_LEADER_EPOCH:
    case SIM_CONDITION_ISR_IS:
    case SIM_CONDITION_ISR_SIZE:
    case SIM_CONDITION_ISR_HAS:
    case SIM_CONDITION_ELR_IS:
    case SIM_CONDITION_REPLICAS_ARE:
    case SIM_CONDITION_REASSIGNMENT:
    case SIM_CONDITION_LOG_START:
    case SIM_CONDITION_LOG_END:
    case SIM_CONDITION_CLEAN_END:
    case SIM_CONDITION_HIGH_WATERMARK:
    case SIM_CONDITION_ISR_PENDING:
    case SIM_CONDITION_ISR_CHANGES:
        partition = committed_of(world, condition, &group);
        break;
    case SIM_CONDITION_KINDS:
        break;
    }
    return partition != NULL && holds_of_partition(world, condition, partition);
}

int64_t sim_condition_occasion(struct sim_world *world, const struct sim_condition *condition)
{
    struct isr_image_partition group;
    const struct isr_image_partition *partition;
    int32_t term, leader;
    switch ((int)condition->kind) {
    case SIM_CONDITION_LEADER_ELECTED:
        partition = committed_of(world, condition, &group);
        return partition == NULL ? -1 : partition->leader_epoch;
    case SIM_CONDITION_QUORUM_LEADER:
        (void)sim_world_quorum_leader(world, &term);
        return term;
    case SIM_CONDITION_QUORUM_COMMITTED:
        leader = sim_world_quorum_leader(world, &term);
        return leader == ISR_NODE_NONE ? -1 : quorum_committed(world, leader);
    case SIM_CONDITION_HW_MOVED:
        return high_watermark_of(world, condition);
    case SIM_CONDITION_LOG_CUT:
        return (int64_t)world->counters.truncations;
    case SIM_CONDITION_SNAPSHOT_INSTALLED:
        return (int64_t)world->counters.snapshots_installed;
    }
    return -1;
}
