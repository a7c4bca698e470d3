/* Hands each observation to the checks that it concerns. The order inside matters: what is committed is known
 * before anything is judged by it. */
#include "sim/checks/checks.h"

#include "sim/checks/state.h"

struct sim_checks *sim_checks_make(struct isr_heap *heap, const struct sim_view *view,
                                   const struct sim_checks_options *options)
{
    struct sim_checks *checks = isr_heap_allocate(heap, sizeof *checks);
    checks->heap = heap;
    checks->view = *view;
    checks->armed = options->armed;
    checks->nodes = isr_heap_allocate(heap, sizeof *checks->nodes * ((size_t)view->nodes_count + 1));
    for (int32_t node = 1; node <= view->nodes_count; node++) {
        checks->nodes[node].up = view->up(view->object, node);
        checks->nodes[node].life = checks->nodes[node].up ? 1 : 0;
    }
    checks->raft = check_raft_new(checks);
    checks->peers = check_peers_new(checks);
    return checks;
}

/* ---- what happened to a replica ---- */

/* It is known with what the replica came back after a start. A log that vanished whole is not recovered: its
 * partition begins anew. */
static void replica_back(struct sim_checks *checks, struct check_partition *partition,
                         struct check_replica *replica, int64_t log_end)
{
    int32_t node = replica->node;
    if (replica->life == checks->nodes[node].life)
        return;
    replica->life = checks->nodes[node].life;
    /* A life in which nobody heard it leaves a leader with what it knows of the one before. */
    if (replica->grown || replica->log_end > replica->log_end_before)
        replica->log_end_before = replica->log_end;
    replica->grown = false;
    if (check_betrayed(checks, partition, replica)) {
        replica->betrayals = checks->view.betrayed(checks->view.object, node, partition->tp);
        partition->brought_back = true;
        if (log_end < replica->log_end)
            check_ledger_lost(checks, partition, node, log_end, replica->log_end);
    }
    check_ledger_recovered(checks, partition, node, log_end);
    check_replica_ends(replica, log_end);
    if (replica->matched > log_end)
        replica->matched = log_end;
}

static void log_recovered(struct sim_checks *checks, int32_t node, const struct isr_observation *observation)
{
    struct check_partition *partition = check_partition_of(checks, observation->log_recovered.tp);
    struct check_replica *replica = check_replica_of(checks, partition, node);
    replica->high_watermark = observation->log_recovered.high_watermark;
    replica_back(checks, partition, replica, observation->log_recovered.log_end);
    check_bounds(checks, partition, replica, true);
    check_content(checks, partition, node);
    check_start_found(checks, partition, node);
}

static void log_appended(struct sim_checks *checks, int32_t node, const struct isr_observation *observation)
{
    struct check_partition *partition = check_partition_of(checks, observation->log_appended.tp);
    struct check_replica *replica = check_replica_of(checks, partition, node);
    replica->grown = true;
    check_replica_appended(checks, replica, (int32_t)observation->log_appended.leader_epoch,
                           observation->log_appended.base, observation->log_appended.last + 1);
    check_appended(checks, partition, node, observation);
    check_bounds(checks, partition, replica, false);
}

static void compacted_appended(struct sim_checks *checks, int32_t node,
                               const struct isr_observation *observation)
{
    struct check_partition *partition = check_partition_of(checks, observation->compacted_appended.tp);
    struct check_replica *replica = check_replica_of(checks, partition, node);
    replica->grown = true;
    check_replica_appended(checks, replica, (int32_t)observation->compacted_appended.leader_epoch,
                           observation->compacted_appended.base, observation->compacted_appended.last + 1);
    check_compacted_appended(checks, partition, node, observation);
    check_bounds(checks, partition, replica, false);
}

static void log_truncated(struct sim_checks *checks, int32_t node, const struct isr_observation *observation)
{
    struct check_partition *partition = check_partition_of(checks, observation->log_truncated.tp);
    struct check_replica *replica = check_replica_of(checks, partition, node);
    replica->high_watermark = observation->log_truncated.high_watermark;
    if (observation->log_truncated.to < replica->cleaned_end) {
        replica->cleaned_end = observation->log_truncated.to;
        replica->producers_lost = true;
    }
    check_replica_ends(replica, observation->log_truncated.to);
    if (replica->matched > replica->log_end)
        replica->matched = replica->log_end;
    check_bounds(checks, partition, replica, true);
    check_start_found(checks, partition, node);
    check_members_hold(checks, partition, node);
}

/* The broker is no replica any more. What it does with the partition later begins anew. */
static void log_removed(struct sim_checks *checks, int32_t node, const struct isr_observation *observation)
{
    struct check_partition *partition = check_partition_of(checks, observation->log_removed.tp);
    struct check_replica *replica = check_replica_of(checks, partition, node);
    check_replica_ends(replica, 0);
    replica->matched = 0;
    replica->leader_epoch = ISR_EPOCH_NONE;
}

static void log_start_moved(struct sim_checks *checks, int32_t node,
                            const struct isr_observation *observation)
{
    struct check_partition *partition = check_partition_of(checks, observation->log_start_moved.tp);
    check_start_moved(checks, partition, node, observation);
    check_bounds(checks, partition, check_replica_of(checks, partition, node), true);
}

static void high_watermark_advanced(struct sim_checks *checks, int32_t node,
                                    const struct isr_observation *observation)
{
    struct check_partition *partition = check_partition_of(checks, observation->high_watermark_advanced.tp);
    struct check_replica *replica = check_replica_of(checks, partition, node);
    replica->high_watermark = observation->high_watermark_advanced.to;
    if (replica->told < replica->high_watermark)
        replica->told = replica->high_watermark;
    int32_t epoch = (int32_t)observation->high_watermark_advanced.leader_epoch;
    if (observation->high_watermark_advanced.as_leader && epoch == partition->epoch_max) {
        const struct check_line *line = check_history_line(&partition->history, epoch);
        if (line != NULL && line->leader == node) {
            check_high_watermark_advanced(checks, partition, node, observation);
            int64_t before = partition->history.true_high_watermark;
            check_commit(checks, partition, node, observation->high_watermark_advanced.to);
            if (partition->history.true_high_watermark > before)
                check_members_hold(checks, partition, CHECK_EVERY_NODE);
        }
    }
    check_logs_match(checks, partition, replica, epoch);
    check_bounds(checks, partition, replica, false);
}

static void high_watermark_lowered(struct sim_checks *checks, int32_t node,
                                   const struct isr_observation *observation)
{
    struct check_partition *partition = check_partition_of(checks, observation->high_watermark_lowered.tp);
    struct check_replica *replica = check_replica_of(checks, partition, node);
    replica->high_watermark = observation->high_watermark_lowered.to;
    check_bounds(checks, partition, replica, false);
}

static void became_leader(struct sim_checks *checks, int32_t node, const struct isr_observation *observation)
{
    struct check_partition *partition = check_partition_of(checks, observation->became_leader.tp);
    struct check_replica *replica = check_replica_of(checks, partition, node);
    replica->high_watermark = observation->became_leader.high_watermark;
    int32_t epoch = (int32_t)observation->became_leader.leader_epoch;
    replica_back(checks, partition, replica, observation->became_leader.log_end);
    if (epoch >= partition->epoch_max)
        check_start_of_leader(checks, partition, node);
    check_role_taken(checks, partition, node, epoch, true);
    if (checks->view.peers)
        check_peers_role(checks, node, epoch, true);
    check_began_to_lead(checks, partition, node, epoch);
    if (epoch == partition->epoch_max) {
        /* What it knows to be committed may be read from now on, also when it learnt that while it was
         * deposed. */
        check_commit(checks, partition, node, replica->high_watermark);
        if (replica->producers_lost)
            check_producers_unlearn(partition);
        check_replica_ends_with(checks, partition, node);
    }
    check_bounds(checks, partition, replica, true);
}

static void became_follower(struct sim_checks *checks, int32_t node,
                            const struct isr_observation *observation)
{
    struct check_partition *partition = check_partition_of(checks, observation->became_follower.tp);
    struct check_replica *replica = check_replica_of(checks, partition, node);
    replica->high_watermark = observation->became_follower.high_watermark;
    replica_back(checks, partition, replica, observation->became_follower.log_end);
    int32_t epoch = (int32_t)observation->became_follower.leader_epoch;
    check_role_taken(checks, partition, node, epoch, false);
    if (checks->view.peers)
        check_peers_role(checks, node, epoch, false);
    check_bounds(checks, partition, replica, true);
}

/* ---- what the controllers committed ---- */

/* Who is in the ISR, runs, and holds all that is committed is as good as if it had never ended. */
static void restore_members(struct sim_checks *checks, struct check_partition *partition)
{
    const struct sim_view *view = &checks->view;
    int64_t committed = partition->history.true_high_watermark;
    for (int i = 0; i < partition->committed.isr.count && partition->ledger.endings_count > 0; i++) {
        int32_t member = partition->committed.isr.ids[i];
        struct sim_replica_view replica;
        if (view->running(view->object, member) &&
            view->replica(view->object, member, partition->tp, &replica) && replica.log_end >= committed)
            check_ledger_restored(partition, member, committed);
    }
}

static void partition_applied(struct sim_checks *checks, int32_t node,
                              const struct isr_observation *observation)
{
    struct check_partition *partition = check_partition_of(checks, observation->partition_applied.tp);
    bool news = check_leader_decided(checks, partition, node, observation);
    check_isr(checks, partition, node);
    if (!news)
        return;
    check_contract_changed(checks, partition);
    check_members_hold(checks, partition, CHECK_EVERY_NODE);
    restore_members(checks, partition);
}

static void replicas_ended(struct sim_checks *checks, int32_t node, bool clean, bool lossy);

/* Its clean shutdown does not count when it does not know of it any more. */
static void broker_started(struct sim_checks *checks, int32_t node, const struct isr_observation *observation)
{
    if (checks->nodes[node].clean && observation->broker_started.previous_epoch < 0)
        replicas_ended(checks, node, false, false);
}

/* Other settings hold for what happens from here on; what a topic held that was removed is nobody's concern.
 */
static void topic_applied(struct sim_checks *checks, const struct isr_observation *observation)
{
    struct check_partition *partition = NULL;
    while ((partition = check_partition_next(checks, partition)) != NULL) {
        if (partition->tp.topic != (uint16_t)(observation->topic_applied.first >> 16))
            continue;
        if (observation->topic_applied.removed)
            check_topic_removed(checks, partition);
        else
            check_contract_changed(checks, partition);
    }
}

static void broker_unfenced(struct sim_checks *checks, int32_t node)
{
    struct check_partition *partition = NULL;
    while ((partition = check_partition_next(checks, partition)) != NULL)
        check_members_hold(checks, partition, node);
}

static void epoch_assigned(struct sim_checks *checks, int32_t node, const struct isr_observation *observation)
{
    struct check_partition *partition = check_partition_of(checks, observation->epoch_assigned.tp);
    check_bounds(checks, partition, check_replica_of(checks, partition, node), true);
}

static void produce_answered(struct sim_checks *checks, int32_t node,
                             const struct isr_observation *observation)
{
    check_answered(checks, check_partition_of(checks, observation->produce_answered.tp), node, observation);
}

void sim_checks_observe(struct sim_checks *checks, int32_t node, const struct isr_observation *observation)
{
    checks->step++;
    check_observed(checks, node, observation);
}

void check_observed(struct sim_checks *checks, int32_t node, const struct isr_observation *observation)
{
    switch (observation->kind) {
    case ISR_OBSERVED_LOG_RECOVERED:
        log_recovered(checks, node, observation);
        break;
    case ISR_OBSERVED_LOG_APPENDED:
        log_appended(checks, node, observation);
        break;
    case ISR_OBSERVED_COMPACTED_APPENDED:
        compacted_appended(checks, node, observation);
        break;
    case ISR_OBSERVED_LOG_CLEANED:
        check_log_cleaned(checks, check_partition_of(checks, observation->log_cleaned.tp), node, observation);
        break;
    case ISR_OBSERVED_LOG_TRUNCATED:
        log_truncated(checks, node, observation);
        break;
    case ISR_OBSERVED_LOG_START_MOVED:
        log_start_moved(checks, node, observation);
        break;
    case ISR_OBSERVED_PRODUCER_EXPIRED:
        check_producer_expired(checks, check_partition_of(checks, observation->producer_expired.tp), node,
                               observation);
        break;
    case ISR_OBSERVED_PRODUCER_ID_TAKEN:
        check_producer_id_taken(checks, node, observation->producer_id_taken.producer);
        break;
    case ISR_OBSERVED_LOG_REMOVED:
        log_removed(checks, node, observation);
        break;
    case ISR_OBSERVED_TOPIC_APPLIED:
        topic_applied(checks, observation);
        break;
    case ISR_OBSERVED_EPOCH_ASSIGNED:
        epoch_assigned(checks, node, observation);
        break;
    case ISR_OBSERVED_BECAME_LEADER:
        became_leader(checks, node, observation);
        break;
    case ISR_OBSERVED_BECAME_FOLLOWER:
        became_follower(checks, node, observation);
        break;
    case ISR_OBSERVED_HIGH_WATERMARK_ADVANCED:
        high_watermark_advanced(checks, node, observation);
        break;
    case ISR_OBSERVED_HIGH_WATERMARK_LOWERED:
        high_watermark_lowered(checks, node, observation);
        break;
    case ISR_OBSERVED_PRODUCE_ANSWERED:
        produce_answered(checks, node, observation);
        break;
    case ISR_OBSERVED_BROKER_STARTED:
        broker_started(checks, node, observation);
        break;
    case ISR_OBSERVED_BROKER_UNFENCED:
        broker_unfenced(checks, node);
        break;
    case ISR_OBSERVED_METADATA_APPLIED:
        check_metadata_applied(checks, node, observation->metadata_applied.index,
                               (uint64_t)observation->metadata_applied.digest);
        break;
    case ISR_OBSERVED_METADATA_SNAPSHOT_LOADED:
        check_metadata_applied(checks, node, observation->metadata_snapshot_loaded.index,
                               (uint64_t)observation->metadata_snapshot_loaded.digest);
        break;
    case ISR_OBSERVED_PARTITION_APPLIED:
        partition_applied(checks, node, observation);
        break;
    case ISR_OBSERVED_BROKER_STATE:
        check_isr_of_broker(checks, node, (int32_t)observation->broker_state.broker);
        break;
    case ISR_OBSERVED_QUORUM_ROLE:
    case ISR_OBSERVED_QUORUM_VOTED:
    case ISR_OBSERVED_QUORUM_APPENDED:
    case ISR_OBSERVED_QUORUM_TRUNCATED:
    case ISR_OBSERVED_QUORUM_COMMITTED:
    case ISR_OBSERVED_QUORUM_APPLIED:
    case ISR_OBSERVED_QUORUM_COMPACTED:
    case ISR_OBSERVED_QUORUM_SNAPSHOT_INSTALLED:
    case ISR_OBSERVED_QUORUM_MEMBERS:
        check_raft_observe(checks, node, observation);
        break;
    case ISR_OBSERVED_PEER_VOTED:
    case ISR_OBSERVED_PEER_CONFIG:
        check_peers_observe(checks, node, observation);
        break;
    case ISR_OBSERVED_RECORD_READ:
        check_read(checks, check_partition_of(checks, observation->record_read.tp), node, observation);
        break;
    case ISR_OBSERVED_POOL_REFRESHED:
        check_pool_refreshed(checks, check_partition_of(checks, observation->pool_refreshed.tp), node,
                             observation);
        break;
    case ISR_OBSERVED_POOL_READ:
        check_pool_read(checks, check_partition_of(checks, observation->pool_read.tp), node, observation);
        break;
    case ISR_OBSERVED_POOL_MARKED_DOWN:
        checks->pool.marked_down = true;
        break;
    case ISR_OBSERVED_LATEST_TOLD:
        check_latest_told(checks, check_partition_of(checks, observation->latest_told.tp), node, observation);
        break;
    case ISR_OBSERVED_ISR_REJECTED:
        check_isr_refused(checks, check_partition_of(checks, observation->isr_rejected.tp), node,
                          (enum isr_error)observation->isr_rejected.error);
        break;
    case ISR_OBSERVED_LOG_COMPACTED:  /* LOG_CLEANED tells all of it */
    case ISR_OBSERVED_COMPACTED_READ: /* judged with what the client was given */
    case ISR_OBSERVED_READ_TRUNCATED: /* judged with the leader that lacks it (I4) */
    case ISR_OBSERVED_ISR_PROPOSED:
    case ISR_OBSERVED_ISR_COMMITTED:
    case ISR_OBSERVED_PRODUCE_APPENDED:
    case ISR_OBSERVED_FETCH_REFUSED:
    case ISR_OBSERVED_FETCH_DIVERGED:
    case ISR_OBSERVED_BROKER_REGISTERED:
    case ISR_OBSERVED_PRODUCER_IDS_ALLOCATED:
    case ISR_OBSERVED_BROKER_STOPPING:
    case ISR_OBSERVED_NODE_HALTED:
    case ISR_OBSERVED_ROT_FOUND:
    case ISR_OBSERVED_YIELDED:
    case ISR_OBSERVED_CONTROLLER_ACTIVE:
    case ISR_OBSERVED_CONTROLLER_RESIGNED:
    case ISR_OBSERVED_PUSH_REFUSED:
    case ISR_OBSERVED_REASSIGNMENT:
    case ISR_OBSERVED_PARTITION_CHANGED: /* the story; PARTITION_APPLIED tells all of it */
    case ISR_OBSERVED_ALTER_PARTITION_ANSWERED:
    case ISR_OBSERVED_PEER_PHASE:
    case ISR_OBSERVED_PEER_CANDIDACY:
    case ISR_OBSERVED_PEER_HEALTH:
    case ISR_OBSERVED_PEER_SILENT:
    case ISR_OBSERVED_KINDS:
        break;
    }
}

static void replicas_ended(struct sim_checks *checks, int32_t node, bool clean, bool lossy)
{
    struct check_partition *partition = NULL;
    while (!clean && (partition = check_partition_next(checks, partition)) != NULL) {
        for (uint32_t i = 0; i < partition->replicas_count; i++) {
            if (partition->replicas[i].node == node)
                check_ledger_ended(checks, partition, node, partition->replicas[i].log_end, lossy);
        }
    }
}

void sim_checks_process(struct sim_checks *checks, int32_t node, bool up, bool clean, bool lossy)
{
    struct check_node *process = &checks->nodes[node];
    bool was_up = process->up;
    process->up = up;
    check_peers_process(checks, node);
    if (!up) {
        if (was_up || lossy)
            process->clean = clean;
        if (checks->view.quorum_betrayed != NULL &&
            checks->view.quorum_betrayed(checks->view.object, node) > 0)
            checks->quorum_void = true;
        /* A process that is down already may lose power too. */
        if (was_up || lossy)
            replicas_ended(checks, node, clean, lossy);
        return;
    }
    if (was_up)
        return;
    process->life++;
    check_raft_process(checks, node);
    struct check_partition *partition = NULL;
    while ((partition = check_partition_next(checks, partition)) != NULL) {
        for (uint32_t i = 0; i < partition->replicas_count; i++) {
            if (partition->replicas[i].node == node)
                partition->replicas[i].leader_epoch = ISR_EPOCH_NONE;
        }
    }
}

void sim_checks_client_read(struct sim_checks *checks, int32_t client, struct isr_tp tp, int64_t offset,
                            struct isr_bytes batch)
{
    struct isr_batch parsed;
    check_count(checks, SIM_INVARIANT_I4);
    if (isr_batch_parse(batch, true, &parsed) != ISR_BATCH_OK)
        check_fail(checks, SIM_INVARIANT_I4, "%s: what %s read at offset %ld is not what its checksum says",
                   check_partition_label(check_partition_of(checks, isr_tp_key(tp))).text,
                   check_node_label(checks, client).text, offset);
    else if ((parsed.attributes & ISR_BATCH_KEYED) != 0)
        check_keyed_read(checks, check_partition_of(checks, isr_tp_key(tp)), client, &parsed);
}

void sim_checks_client_acked(struct sim_checks *checks, int32_t client, struct isr_tp tp, int64_t offset,
                             uint64_t first_value)
{
    check_client_acked(checks, check_partition_of(checks, isr_tp_key(tp)), client, offset, first_value);
}

/* ---- the end ---- */

/* Everything once more, from the start of the logs: nothing relies on an observation that was never made. */
static void look_again(struct sim_checks *checks, struct check_partition *partition)
{
    const struct sim_view *view = &checks->view;
    for (uint32_t i = 0; i < partition->replicas_count; i++) {
        struct sim_replica_view seen;
        int32_t node = partition->replicas[i].node;
        if (!view->replica(view->object, node, partition->tp, &seen))
            continue;
        partition->replicas[i].matched = seen.log_start;
        check_bounds(checks, partition, &partition->replicas[i], true);
        check_content(checks, partition, node);
        if (node == partition->judged_leader && seen.role == SIM_REPLICA_LEADS &&
            seen.leader_epoch == partition->epoch_judged && partition->epoch_judged == partition->epoch_max)
            check_leader_holds(checks, partition, node, partition->epoch_judged);
        else if (partition->committed_known && isr_replicas_contain(&partition->committed.isr, node) &&
                 view->running(view->object, node))
            check_logs_match(checks, partition, &partition->replicas[i], seen.leader_epoch);
        if (partition->committed_known && isr_replicas_contain(&partition->committed.isr, node) &&
            view->running(view->object, node))
            check_replica_ends_with(checks, partition, node);
    }
    check_readers_end(checks, partition);
}

void sim_checks_end(struct sim_checks *checks)
{
    struct check_partition *partition = NULL;
    while ((partition = check_partition_next(checks, partition)) != NULL)
        look_again(checks, partition);
    check_liveness(checks);
    checks->ended = true;
    (void)check_vacuity(checks);
}

void sim_checks_report(const struct sim_checks *checks, struct sim_checks_report *report)
{
    *report = (struct sim_checks_report){
        .records_committed = checks->records_committed,
        .records_acked = checks->records_acked,
        .losses_forbidden = checks->losses_forbidden,
        .quorum_void = checks->quorum_void,
        .waived = checks->waived,
        .pool_reads = checks->pool.reads,
        .pool_reads_stale = checks->pool.stale,
        .pool_reads_leased = checks->pool.leased,
        .pool_most_behind = checks->pool.most_behind,
        .partitions_unavailable = checks->partitions_unavailable,
        .unavailable = checks->unavailable,
        .vacuous = checks->vacuous[0] != '\0' ? checks->vacuous : NULL,
    };
    for (int i = 0; i < ISR_COMMIT_POLICIES; i++) {
        report->losses_allowed_by[i] = checks->losses_allowed[i];
        report->losses_allowed += checks->losses_allowed[i];
    }
    for (int i = 0; i < SIM_INVARIANTS; i++) {
        report->evaluated[i] = checks->evaluated[i];
        report->violated[i] = checks->violations[i] != NULL;
    }
}

const char *sim_checks_violation(const struct sim_checks *checks, enum sim_invariant invariant)
{
    return checks->violations[invariant];
}
