/* The receiving side of replication (figure 3.1, AppendEntries).
 *
 * An acknowledgement says two things: the log agrees with this term's leader up to verified_index, and
 * everything up to durable_index is on the disk; the match index is the lower of both. It is owed until both
 * are equal, and leaves no earlier than the term is durable. Requests without news, heartbeats above all, are
 * answered at once: a slow disk must not look like a lost connection. */
#include "core/quorum/internal.h"

bool quorum_leader_heard(struct isr_quorum *quorum, int32_t from, int32_t term)
{
    if (term > quorum->term)
        quorum_term_adopt(quorum, term);
    if (quorum->role == ISR_CONSENSUS_LEADER)
        return false;
    if (quorum->leader != ISR_NODE_NONE && quorum->leader != from)
        return false;
    if (quorum->leader != from || quorum->role != ISR_CONSENSUS_FOLLOWER)
        quorum_role_set(quorum, ISR_CONSENSUS_FOLLOWER, from);
    quorum->prevoting = false;
    quorum->heard_leader_ns = quorum->env->now_ns;
    return true;
}

static int64_t match_index(const struct isr_quorum *quorum)
{
    int64_t durable = quorum->log_file.durable_index;
    return durable < quorum->verified_index ? durable : quorum->verified_index;
}

void quorum_acknowledge(struct isr_quorum *quorum)
{
    if (!quorum->ack_owed || quorum->env->exiting || quorum->vote_file.durable_term != quorum->term)
        return;
    struct isr_message message = {.kind = ISR_MESSAGE_APPEND_RESPONSE,
                                  .append_response = {.term = quorum->term,
                                                      .round = quorum->ack_round,
                                                      .success = 1,
                                                      .match_index = match_index(quorum)}};
    isr_send(quorum->env, quorum->leader, &message);
    quorum->ack_owed = quorum->log_file.durable_index < quorum->verified_index;
}

static void reject(struct isr_quorum *quorum, const struct quorum_peer *peer, uint64_t round, int64_t hint,
                   int32_t conflict_term)
{
    struct isr_message message = {
        .kind = ISR_MESSAGE_APPEND_RESPONSE,
        .append_response = {
            .term = quorum->term, .round = round, .match_index = hint, .conflict_term = conflict_term}};
    isr_send(quorum->env, peer->node, &message);
}

static bool request_is_sane(const struct isr_append_request *request)
{
    if (request->term < 1 || request->term > QUORUM_TERM_MAX)
        return false;
    if (request->prev_log_index < 0 || request->prev_log_index >= QUORUM_INDEX_MAX ||
        request->leader_commit < 0)
        return false;
    if ((request->prev_log_index == 0) != (request->prev_log_term == 0) || request->prev_log_term < 0)
        return false;
    int32_t term = request->prev_log_term;
    for (uint32_t i = 0; i < request->entries_count; i++) {
        const struct isr_raft_entry *entry = &request->entries[i];
        struct isr_consensus_members members;
        if (entry->term < term || entry->term < 1 || entry->kind >= ISR_ENTRY_KINDS ||
            (entry->kind == ISR_ENTRY_MEMBERS && !quorum_members_decode(entry->data, &members)))
            return false;
        term = entry->term;
    }
    return term <= request->term;
}

enum log_check { LOG_AGREES, LOG_DISAGREES, LOG_NONSENSE };

/* 3.5, the consistency check, with its optimisation: one rejection a term, not one an entry. */
static enum log_check log_check(struct isr_quorum *quorum, const struct quorum_peer *peer,
                                const struct isr_append_request *request)
{
    const struct quorum_log *log = &quorum->log;
    int64_t previous = request->prev_log_index;
    if (previous > quorum_log_last(log)) {
        reject(quorum, peer, request->round, quorum_log_last(log), 0);
        return LOG_DISAGREES;
    }
    if (previous < log->base_index || quorum_log_term(log, previous) == request->prev_log_term)
        return LOG_AGREES; /* what is compacted was committed: every later leader has it (3.6.3) */
    if (previous <= quorum->commit_index)
        return LOG_NONSENSE;
    int64_t hint = quorum_log_run_first(log, previous) - 1;
    if (hint < quorum->commit_index)
        hint = quorum->commit_index;
    reject(quorum, peer, request->round, hint, quorum_log_term(log, previous));
    return LOG_DISAGREES;
}

/* Appends what is not here yet; only a real conflict cuts, so that a delayed request never shortens the log.
 * False when the request contradicts what is committed. */
static bool entries_take(struct isr_quorum *quorum, const struct isr_append_request *request)
{
    struct quorum_log *log = &quorum->log;
    for (uint32_t i = 0; i < request->entries_count; i++) {
        const struct isr_raft_entry *entry = &request->entries[i];
        int64_t index = request->prev_log_index + 1 + i;
        if (index <= log->base_index)
            continue;
        if (index <= quorum_log_last(log)) {
            if (quorum_log_term(log, index) == entry->term)
                continue;
            if (index <= quorum->commit_index || index <= quorum->verified_index)
                return false;
            quorum_log_truncate(log, index);
            quorum_log_file_truncated(quorum, index);
            quorum_configurations_truncate(quorum, index);
            isr_observe(quorum->env, ISR_OBSERVED_QUORUM_TRUNCATED)->quorum_truncated.from = index;
        }
        if (entry->term < quorum_log_last_term(log))
            return false;
        quorum_append(quorum, entry->term, entry->kind, entry->data);
    }
    return true;
}

void quorum_append_request(struct isr_quorum *quorum, struct quorum_peer *peer,
                           const struct isr_append_request *request)
{
    if (!request_is_sane(request))
        return;
    if (request->term < quorum->term) {
        reject(quorum, peer, request->round, 0, 0); /* the term tells it to step down */
        return;
    }
    if (!quorum_leader_heard(quorum, peer->node, request->term))
        return;
    if (log_check(quorum, peer, request) != LOG_AGREES || !entries_take(quorum, request))
        return;
    int64_t last = request->prev_log_index + request->entries_count;
    if (last > quorum->verified_index)
        quorum->verified_index = last;
    if (request->round > quorum->ack_round || !quorum->ack_owed)
        quorum->ack_round = request->round;
    quorum->ack_owed = true;
    quorum_commit_to(quorum, request->leader_commit < last ? request->leader_commit : last);
    quorum_flush(quorum);
    if (request->entries_count == 0 || last <= quorum->log_file.durable_index)
        quorum_acknowledge(quorum);
}
