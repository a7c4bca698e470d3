/* Log compaction and snapshots in pieces (chapter 5).
 *
 * One snapshot at a time is on its way to the disk (saving), taken here or received:
 *     NONE --enough applied--> SAVING --durable--> NONE, log compacted
 *     NONE --last piece received--> SAVING, installs --durable--> NONE, machine loaded, log kept or reset
 * The log may be compacted only when the snapshot is durable. Some entries before it are kept, so that a
 * follower that is a little behind needs no snapshot.
 *
 * The leader sends a piece, waits for the answer, sends the next; each heartbeat asks again. The follower
 * says at which offset it goes on, so that nothing needs to be remembered about losses and restarts on either
 * side. */
#include "core/quorum/internal.h"

enum { ENTRIES_KEPT_DIVISOR = 4 };

static void compact(struct isr_quorum *quorum)
{
    quorum_configurations_compact(quorum, quorum->snapshot_index);
    int64_t kept = quorum->env->config.quorum_snapshot_entries / ENTRIES_KEPT_DIVISOR;
    int64_t index = quorum->snapshot_index - kept;
    if (index <= quorum->log.base_index)
        return;
    quorum_log_compact(&quorum->log, index);
    quorum_log_file_reset(quorum);
    struct isr_observation *observation = isr_observe(quorum->env, ISR_OBSERVED_QUORUM_COMPACTED);
    observation->quorum_compacted.index = index;
    observation->quorum_compacted.term = quorum->log.base_term;
}

/* The log has nothing that follows the snapshot: everything in it goes. */
static void log_replace(struct isr_quorum *quorum)
{
    if (quorum->role != ISR_CONSENSUS_FOLLOWER)
        quorum_role_set(quorum, ISR_CONSENSUS_FOLLOWER, ISR_NODE_NONE);
    if (quorum->log.count > 0)
        isr_observe(quorum->env, ISR_OBSERVED_QUORUM_TRUNCATED)->quorum_truncated.from =
            quorum->log.base_index + 1;
    quorum_log_reset(&quorum->log, quorum->snapshot_index, quorum->snapshot_term);
    quorum_log_file_reset(quorum);
    quorum_configurations_reset(quorum, &quorum->snapshot.configuration);
    struct isr_observation *observation = isr_observe(quorum->env, ISR_OBSERVED_QUORUM_COMPACTED);
    observation->quorum_compacted.index = quorum->snapshot_index;
    observation->quorum_compacted.term = quorum->snapshot_term;
    if (quorum->verified_index > quorum->snapshot_index)
        quorum->verified_index = quorum->snapshot_index;
}

static void answer(struct isr_quorum *quorum, int32_t to, uint64_t round, int64_t index, uint32_t next_offset,
                   bool installed)
{
    struct isr_message message = {.kind = ISR_MESSAGE_SNAPSHOT_RESPONSE,
                                  .snapshot_response = {.term = quorum->term,
                                                        .round = round,
                                                        .last_index = index,
                                                        .next_offset = next_offset,
                                                        .installed = installed}};
    isr_send(quorum->env, to, &message);
}

static void install(struct isr_quorum *quorum)
{
    int64_t index = quorum->snapshot_index;
    int32_t term = quorum->snapshot_term;
    if (index > quorum->commit_index) {
        struct isr_bytes data = {.data = quorum->snapshot.file + QUORUM_SNAPSHOT_HEADER_BYTES,
                                 .size = quorum->snapshot.file_bytes - QUORUM_SNAPSHOT_HEADER_BYTES};
        if (!quorum->machine.load(quorum->machine.object, index, term, data)) {
            isr_env_exit(quorum->env, false, ISR_IO_ERROR);
            return;
        }
        bool follows = quorum_log_has(&quorum->log, index) && quorum_log_term(&quorum->log, index) == term;
        struct isr_observation *observation =
            isr_observe(quorum->env, ISR_OBSERVED_QUORUM_SNAPSHOT_INSTALLED);
        observation->quorum_snapshot_installed.index = index;
        observation->quorum_snapshot_installed.term = term;
        if (!follows)
            log_replace(quorum);
        quorum->applied_index = index;
        quorum->commit_index = index;
        quorum->env->metrics.quorum_commit_index = index;
        if (quorum->verified_index < index)
            quorum->verified_index = index;
    }
    compact(quorum);
    if (quorum->leader != ISR_NODE_NONE && quorum->leader != quorum->node)
        answer(quorum, quorum->leader, quorum->incoming.round, index,
               quorum->snapshot.file_bytes - QUORUM_SNAPSHOT_HEADER_BYTES, true);
}

static void snapshot_saved(void *object, int64_t argument, const struct isr_io_result *result)
{
    (void)argument;
    struct isr_quorum *quorum = object;
    if (!quorum_io_ok(quorum, result))
        return;
    if (quorum->snapshot.file != NULL) {
        isr_env_delete(quorum->env, quorum_file(ISR_FILE_QUORUM_SNAPSHOT, quorum->snapshot.index), NULL, NULL,
                       0);
        isr_heap_release(quorum->env->heap, quorum->snapshot.file);
    }
    quorum->snapshot = quorum->saving;
    quorum->saving = (struct quorum_snapshot){0};
    quorum->snapshot_index = quorum->snapshot.index;
    quorum->snapshot_term = quorum->snapshot.term;
    if (quorum->saving_installs)
        install(quorum);
    else
        compact(quorum);
    quorum_flush(quorum);
    quorum_settle(quorum);
}

static void save(struct isr_quorum *quorum, const struct quorum_snapshot *snapshot, bool installs)
{
    quorum_snapshot_seal(snapshot->file, snapshot->index, snapshot->term, &snapshot->configuration,
                         snapshot->file_bytes - QUORUM_SNAPSHOT_HEADER_BYTES);
    quorum->saving = *snapshot;
    quorum->saving_installs = installs;
    isr_env_replace(quorum->env, quorum_file(ISR_FILE_QUORUM_SNAPSHOT, snapshot->index),
                    (struct isr_bytes){.data = snapshot->file, .size = snapshot->file_bytes}, snapshot_saved,
                    quorum, 0);
}

void quorum_snapshot_take(struct isr_quorum *quorum)
{
    int64_t applied = quorum->applied_index;
    if (quorum->saving.file != NULL || quorum->env->exiting ||
        applied - quorum->snapshot_index <= quorum->env->config.quorum_snapshot_entries)
        return;
    struct isr_bytes data = quorum->machine.snapshot(quorum->machine.object, &quorum->env->scratch);
    ISR_ASSERT(data.size <= QUORUM_SNAPSHOT_BYTES_MAX);
    uint8_t *file = isr_heap_allocate(quorum->env->heap, QUORUM_SNAPSHOT_HEADER_BYTES + (size_t)data.size);
    if (data.size > 0)
        memcpy(file + QUORUM_SNAPSHOT_HEADER_BYTES, data.data, data.size);
    const struct quorum_snapshot snapshot = {.index = applied,
                                             .term = quorum_log_term(&quorum->log, applied),
                                             .configuration = *quorum_configuration_at(quorum, applied),
                                             .file = file,
                                             .file_bytes = data.size + QUORUM_SNAPSHOT_HEADER_BYTES};
    save(quorum, &snapshot, false);
}

/* ---- the leader ---- */

void quorum_snapshot_send(struct isr_quorum *quorum, struct quorum_peer *peer, bool with_data)
{
    const struct quorum_snapshot *snapshot = &quorum->snapshot;
    if (peer->snapshot_index != snapshot->index) {
        peer->snapshot_index = snapshot->index;
        peer->snapshot_offset = 0;
    }
    uint32_t total = snapshot->file_bytes - QUORUM_SNAPSHOT_HEADER_BYTES;
    uint32_t left = total - peer->snapshot_offset;
    uint32_t most = (uint32_t)quorum->env->config.quorum_append_max_bytes;
    struct isr_bytes data = {.data = snapshot->file + QUORUM_SNAPSHOT_HEADER_BYTES + peer->snapshot_offset,
                             .size = !with_data    ? 0
                                     : left < most ? left
                                                   : most};
    struct isr_message message = {.kind = ISR_MESSAGE_SNAPSHOT_REQUEST,
                                  .snapshot_request = {.term = quorum->term,
                                                       .round = quorum->round,
                                                       .last_index = snapshot->index,
                                                       .last_term = snapshot->term,
                                                       .offset = peer->snapshot_offset,
                                                       .total_bytes = total,
                                                       .members_index = snapshot->configuration.index,
                                                       .voters = snapshot->configuration.members.voters,
                                                       .learners = snapshot->configuration.members.learners,
                                                       .data = data}};
    isr_send(quorum->env, peer->node, &message);
    peer->snapshot_sent_ns = quorum->env->now_ns;
}

void quorum_snapshot_begin(struct isr_quorum *quorum, struct quorum_peer *peer)
{
    ISR_ASSERT(quorum->snapshot.file != NULL);
    peer->state = QUORUM_SNAPSHOT;
    peer->snapshot_index = quorum->snapshot.index;
    peer->snapshot_offset = 0;
    peer->inflight_count = 0;
    quorum_snapshot_send(quorum, peer, true);
}

static void snapshot_installed(struct isr_quorum *quorum, struct quorum_peer *peer, int64_t index)
{
    /* It may not be durable as entries there, but it was committed before the snapshot was taken. */
    if (index > peer->match_index)
        peer->match_index = index;
    peer->next_index = peer->match_index + 1;
    peer->state = QUORUM_PROBE;
    peer->reset_round = quorum->round;
    quorum_alteration_progress(quorum, peer);
    quorum_send_entries(quorum, peer);
}

void quorum_snapshot_response(struct isr_quorum *quorum, struct quorum_peer *peer,
                              const struct isr_snapshot_response *response)
{
    if (!quorum_answer_counts(quorum, peer, response->term, response->round))
        return;
    if (peer->state != QUORUM_SNAPSHOT || response->last_index != peer->snapshot_index)
        return;
    if (response->installed) {
        snapshot_installed(quorum, peer, response->last_index);
        return;
    }
    if (response->round <= peer->reset_round || peer->snapshot_index != quorum->snapshot.index ||
        response->next_offset > quorum->snapshot.file_bytes - QUORUM_SNAPSHOT_HEADER_BYTES)
        return;
    peer->snapshot_offset = response->next_offset;
    peer->reset_round = quorum->round;
    if (response->next_offset < quorum->snapshot.file_bytes - QUORUM_SNAPSHOT_HEADER_BYTES) {
        quorum->round++;
        quorum_snapshot_send(quorum, peer, true);
    }
}

/* ---- the follower ---- */

void quorum_incoming_drop(struct isr_quorum *quorum)
{
    isr_heap_release(quorum->env->heap, quorum->incoming.file);
    quorum->incoming = (struct quorum_incoming){0};
}

static struct isr_consensus_members members_of(const struct isr_snapshot_request *request)
{
    return (struct isr_consensus_members){.voters = request->voters, .learners = request->learners};
}

static bool request_is_sane(const struct isr_snapshot_request *request)
{
    const struct isr_consensus_members members = members_of(request);
    return quorum_members_are_sane(&members) && request->members_index >= 0 &&
           request->members_index <= request->last_index && request->term >= 1 &&
           request->term <= QUORUM_TERM_MAX && request->last_index >= 1 &&
           request->last_index < QUORUM_INDEX_MAX && request->last_term >= 1 &&
           request->last_term <= request->term && request->total_bytes <= QUORUM_SNAPSHOT_BYTES_MAX &&
           request->offset <= request->total_bytes &&
           request->data.size <= request->total_bytes - request->offset;
}

/* Memory grows with what arrived, not with what was announced. */
static void incoming_append(struct isr_quorum *quorum, struct isr_bytes data)
{
    struct quorum_incoming *incoming = &quorum->incoming;
    size_t used = QUORUM_SNAPSHOT_HEADER_BYTES + (size_t)incoming->received_bytes;
    if (incoming->file == NULL || used + data.size > incoming->capacity) {
        size_t wanted = 2 * (used + data.size);
        size_t most = QUORUM_SNAPSHOT_HEADER_BYTES + (size_t)incoming->total_bytes;
        wanted = wanted < most ? wanted : most;
        incoming->file = isr_heap_resize(quorum->env->heap, incoming->file, used, wanted);
        incoming->capacity = (uint32_t)wanted;
    }
    if (data.size > 0)
        memcpy(incoming->file + used, data.data, data.size);
    incoming->received_bytes += data.size;
}

static void incoming_take(struct isr_quorum *quorum, const struct isr_snapshot_request *request)
{
    struct quorum_incoming *incoming = &quorum->incoming;
    if (incoming->index != request->last_index || incoming->term != request->last_term ||
        incoming->total_bytes != request->total_bytes) {
        quorum_incoming_drop(quorum);
        incoming->index = request->last_index;
        incoming->term = request->last_term;
        incoming->total_bytes = request->total_bytes;
        incoming->configuration =
            (struct quorum_configuration){.index = request->members_index, .members = members_of(request)};
    }
    incoming->round = request->round;
    if (request->offset != incoming->received_bytes)
        return;
    /* The disk is busy with another snapshot: the last piece is asked for again. */
    if (quorum->saving.file != NULL && request->offset + request->data.size == request->total_bytes)
        return;
    incoming_append(quorum, request->data);
    if (incoming->received_bytes < incoming->total_bytes)
        return;
    const struct quorum_snapshot snapshot = {.index = incoming->index,
                                             .term = incoming->term,
                                             .configuration = incoming->configuration,
                                             .file = incoming->file,
                                             .file_bytes =
                                                 incoming->total_bytes + QUORUM_SNAPSHOT_HEADER_BYTES};
    save(quorum, &snapshot, true);
    incoming->file = NULL;
}

void quorum_snapshot_request(struct isr_quorum *quorum, struct quorum_peer *peer,
                             const struct isr_snapshot_request *request)
{
    if (!request_is_sane(request))
        return;
    int64_t index = request->last_index;
    if (request->term < quorum->term) {
        answer(quorum, peer->node, request->round, index, 0, false);
        return;
    }
    if (!quorum_leader_heard(quorum, peer->node, request->term))
        return;
    if (index <= quorum->commit_index) {
        answer(quorum, peer->node, request->round, index, request->total_bytes, true);
        return;
    }
    bool saving = quorum->saving.file != NULL && quorum->saving_installs;
    if (!saving || quorum->saving.index != index)
        incoming_take(quorum, request);
    else
        quorum->incoming.round = request->round;
    saving = quorum->saving.file != NULL && quorum->saving_installs && quorum->saving.index == index;
    answer(quorum, peer->node, request->round, index,
           saving ? request->total_bytes : quorum->incoming.received_bytes, false);
}
