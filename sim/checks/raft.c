#include "sim/checks/raft.h"

#include <string.h>

#include "core/quorum/port.h"
#include "sim/checks/state.h"

/* An entry with everything before it, as some node's log had it. */
struct raft_prefix {
    int32_t term;
    int32_t node;             /* who had it first */
    uint64_t digest;          /* of the entry */
    uint64_t chain;           /* of the entry and all before it */
    bool chained;             /* chain is known */
    struct raft_prefix *next; /* of another term at the same index */
};

/* One index of the log, over all nodes. */
struct raft_slot {
    struct raft_prefix *prefixes;
    int32_t committed_term; /* of the entry; 0: not known to be committed */
    int32_t committed_by;
    int32_t committed_in; /* the term of who told it first: that of the leader that committed it, or later */
    int32_t applied_by;   /* who applied it first, 0: nobody */
    int32_t applied_term;
    uint64_t applied_digest;
};

/* A node's log as it told it in this life. */
struct raft_node {
    int64_t base_index; /* the last entry that is compacted away */
    const struct raft_prefix *base;
    const struct raft_prefix **entries; /* entries[i]: at index base_index + 1 + i */
    uint32_t count, capacity;
    int32_t leads_term; /* 0: it does not lead */
    int32_t term;
    int32_t voted_term, voted_for;
    struct isr_replicas voters; /* of the configuration that it goes by; none: not told */
    bool untold;                /* it started, and did not tell yet what is in its log */
};

struct raft_leader {
    int32_t term, node;
    uint32_t life;
};

struct check_raft {
    struct raft_node *nodes; /* by node id */
    struct raft_slot *slots; /* by index */
    uint32_t slots_count;
    struct raft_leader *leaders;
    uint32_t leaders_count, leaders_capacity;
    int64_t committed_index;
    int64_t led_until_ns; /* when a leader last ceased to lead */
};

struct check_raft *check_raft_new(struct sim_checks *checks)
{
    struct check_raft *raft = isr_heap_allocate(checks->heap, sizeof *raft);
    raft->nodes =
        isr_heap_allocate(checks->heap, sizeof *raft->nodes * ((size_t)checks->view.nodes_count + 1));
    return raft;
}

static int64_t last_index(const struct raft_node *log)
{
    return log->base_index + log->count;
}

static const struct raft_prefix *entry_at(const struct raft_node *log, int64_t index)
{
    if (index == log->base_index)
        return log->base;
    return index > log->base_index && index <= last_index(log) ? log->entries[index - log->base_index - 1]
                                                               : NULL;
}

static struct raft_slot *slot_at(struct sim_checks *checks, int64_t index)
{
    struct check_raft *raft = checks->raft;
    ISR_ASSERT(index >= 0 && index <= CHECK_INDEX_MAX);
    if (index >= raft->slots_count) {
        uint32_t count = raft->slots_count == 0 ? 64 : raft->slots_count;
        while (count <= index)
            count *= 2;
        raft->slots = check_widen(checks->heap, raft->slots, sizeof *raft->slots, raft->slots_count, count);
        raft->slots_count = count;
    }
    return &raft->slots[index];
}

static struct raft_prefix *prefix_find(const struct raft_slot *slot, int32_t term)
{
    struct raft_prefix *prefix = slot->prefixes;
    while (prefix != NULL && prefix->term != term)
        prefix = prefix->next;
    return prefix;
}

/* R3: the entry of this index and term is the same everywhere, and so is all before it. */
static const struct raft_prefix *prefix_match(struct sim_checks *checks, int32_t node, int64_t index,
                                              int32_t term, uint64_t digest, const struct raft_prefix *before)
{
    struct raft_slot *slot = slot_at(checks, index);
    struct raft_prefix *prefix = prefix_find(slot, term);
    bool chained = index == 1 || (before != NULL && before->chained);
    uint64_t chain = isr_hash_combine(index == 1 || before == NULL ? 0 : before->chain,
                                      isr_hash_combine((uint64_t)(uint32_t)term, digest));
    check_count(checks, SIM_INVARIANT_R3);
    if (prefix == NULL) {
        prefix = isr_heap_allocate(checks->heap, sizeof *prefix);
        *prefix = (struct raft_prefix){.term = term,
                                       .node = node,
                                       .digest = digest,
                                       .chain = chain,
                                       .chained = chained,
                                       .next = slot->prefixes};
        slot->prefixes = prefix;
        return prefix;
    }
    if (prefix->digest != digest || (chained && prefix->chained && prefix->chain != chain))
        check_fail(
            checks, SIM_INVARIANT_R3,
            "controllers: the Raft logs of %s and %s both have an entry of index %ld and term %d, but %s",
            check_node_label(checks, prefix->node).text, check_node_label(checks, node).text, index, term,
            prefix->digest != digest ? "it is not the same entry" : "differ before it");
    return prefix;
}

/* ---- a node's log ---- */

static void appended(struct sim_checks *checks, int32_t node, int64_t index, int32_t term, uint64_t digest)
{
    struct raft_node *log = &checks->raft->nodes[node];
    if (log->leads_term != 0)
        check_count(checks, SIM_INVARIANT_R2);
    if (index <= last_index(log)) {
        if (log->leads_term != 0)
            check_fail(checks, SIM_INVARIANT_R2,
                       "controllers: %s, leader of term %d, overwrote entry %ld of its Raft log, which went "
                       "up to %ld",
                       check_node_label(checks, node).text, log->leads_term, index, last_index(log));
        log->count = index > log->base_index ? (uint32_t)(index - log->base_index - 1) : 0;
    }
    if (index <= log->base_index)
        return;
    if (index > last_index(log) + 1) { /* nothing is known of what is in between */
        log->base_index = index - 1;
        log->base = NULL;
        log->count = 0;
    }
    const struct raft_prefix *prefix =
        prefix_match(checks, node, index, term, digest, entry_at(log, index - 1));
    log->entries = ISR_GROW(checks->heap, log->entries, log->count, log->capacity);
    log->entries[log->count++] = prefix;
}

static void truncated(struct sim_checks *checks, int32_t node, int64_t from)
{
    struct raft_node *log = &checks->raft->nodes[node];
    if (log->leads_term != 0)
        check_fail(checks, SIM_INVARIANT_R2,
                   "controllers: %s, leader of term %d, deleted the entries from %ld on of its Raft log",
                   check_node_label(checks, node).text, log->leads_term, from);
    if (from <= last_index(log))
        log->count = from > log->base_index ? (uint32_t)(from - log->base_index - 1) : 0;
}

static void compacted(struct sim_checks *checks, int32_t node, int64_t index, int32_t term)
{
    struct raft_node *log = &checks->raft->nodes[node];
    const struct raft_prefix *base = entry_at(log, index);
    if (index < log->base_index)
        return;
    uint32_t gone = index - log->base_index < log->count ? (uint32_t)(index - log->base_index) : log->count;
    log->count -= gone;
    if (log->count > 0)
        memmove(log->entries, log->entries + gone, sizeof *log->entries * log->count);
    log->base_index = index;
    log->base = base != NULL ? base : prefix_find(slot_at(checks, index), term);
}

/* ---- terms ---- */

static void leader_elected(struct sim_checks *checks, int32_t node, int32_t term)
{
    struct check_raft *raft = checks->raft;
    uint32_t life = checks->nodes[node].life;
    check_count(checks, SIM_INVARIANT_R1);
    for (uint32_t i = 0; i < raft->leaders_count; i++) {
        const struct raft_leader *other = &raft->leaders[i];
        if (other->term != term)
            continue;
        if (other->node != node || other->life != life)
            check_fail(checks, SIM_INVARIANT_R1,
                       "controllers: %s was elected leader of term %d, which had a leader before: %s",
                       check_node_label(checks, node).text, term,
                       other->node == node ? "itself in an earlier life"
                                           : check_node_label(checks, other->node).text);
        return;
    }
    raft->leaders = ISR_GROW(checks->heap, raft->leaders, raft->leaders_count, raft->leaders_capacity);
    raft->leaders[raft->leaders_count++] = (struct raft_leader){.term = term, .node = node, .life = life};
}

/* R4: everything committed in an earlier term is in the log of a leader. By log matching the last such entry
 * speaks for all. Who wins an old term late, by votes that were long on their way, owes nothing of what later
 * terms committed. */
static void leader_complete(struct sim_checks *checks, int32_t node, int32_t term)
{
    const struct raft_node *log = &checks->raft->nodes[node];
    int64_t index = checks->raft->committed_index;
    check_count(checks, SIM_INVARIANT_R4);
    while (index > log->base_index &&
           (slot_at(checks, index)->committed_term == 0 || slot_at(checks, index)->committed_in >= term))
        index--;
    if (index <= log->base_index)
        return;
    const struct raft_slot *slot = slot_at(checks, index);
    const struct raft_prefix *entry = entry_at(log, index);
    if (entry != NULL && entry->term == slot->committed_term)
        return;
    if (entry == NULL)
        check_fail(checks, SIM_INVARIANT_R4,
                   "controllers: %s was elected leader of term %d with a Raft log up to %ld, but entry %ld "
                   "(term %d) was "
                   "committed by %s",
                   check_node_label(checks, node).text, term, last_index(log), index, slot->committed_term,
                   check_node_label(checks, slot->committed_by).text);
    else
        check_fail(
            checks, SIM_INVARIANT_R4,
            "controllers: %s was elected leader of term %d with entry %ld of term %d in its Raft log, but %s "
            "committed one of term %d there",
            check_node_label(checks, node).text, term, index, entry->term,
            check_node_label(checks, slot->committed_by).text, slot->committed_term);
}

static void role_taken(struct sim_checks *checks, int32_t node, enum isr_consensus_role role, int32_t term)
{
    struct raft_node *log = &checks->raft->nodes[node];
    check_count(checks, SIM_INVARIANT_I5);
    if (term < log->term)
        check_fail(checks, SIM_INVARIANT_I5, "controllers: %s went back from Raft term %d to %d",
                   check_node_label(checks, node).text, log->term, term);
    log->term = term;
    bool led = log->leads_term == term;
    if (log->leads_term != 0)
        checks->raft->led_until_ns = checks->view.now_ns(checks->view.object);
    log->leads_term = role == ISR_CONSENSUS_LEADER ? term : 0;
    if (log->leads_term == 0 || led)
        return;
    leader_elected(checks, node, term);
    leader_complete(checks, node, term);
}

/* Told when the vote is durable: it binds in later lives too. */
static void voted(struct sim_checks *checks, int32_t node, int32_t term, int32_t candidate)
{
    struct raft_node *log = &checks->raft->nodes[node];
    check_count(checks, SIM_INVARIANT_R1);
    if (term == log->voted_term && candidate != log->voted_for)
        check_fail(checks, SIM_INVARIANT_R1, "controllers: %s voted twice in term %d, for %s and for %s",
                   check_node_label(checks, node).text, term, check_node_label(checks, log->voted_for).text,
                   check_node_label(checks, candidate).text);
    log->voted_term = term;
    log->voted_for = candidate;
}

/* ---- what is committed ---- */

static void commit_one(struct sim_checks *checks, int32_t node, int64_t index, int32_t term)
{
    struct raft_slot *slot = slot_at(checks, index);
    if (slot->committed_term != 0 && slot->committed_term != term)
        check_fail(
            checks, SIM_INVARIANT_R5,
            "controllers: %s committed an entry of term %d at index %ld, where %s committed one of term %d",
            check_node_label(checks, node).text, term, index,
            check_node_label(checks, slot->committed_by).text, slot->committed_term);
    if (slot->committed_term == 0) {
        slot->committed_term = term;
        slot->committed_by = node;
        slot->committed_in = checks->raft->nodes[node].term;
    }
}

/* Whoever acknowledged an entry still has it, on its disk where its process is gone. */
static bool may_hold(const struct raft_node *log, int64_t index, int32_t term)
{
    if (log->untold || index < log->base_index)
        return true;
    const struct raft_prefix *entry = entry_at(log, index);
    return entry != NULL ? entry->term == term : index == log->base_index;
}

/* R6. The quorum is that of the configuration which the leader goes by when it commits: the last in its log,
 * committed or not. Learners are no part of it, nor is a leader that is not a voter any more. */
static void commit_counted(struct sim_checks *checks, int32_t node, int64_t index, int32_t term)
{
    const struct raft_node *leader = &checks->raft->nodes[node];
    unsigned holders = 0;
    if (leader->leads_term == 0 || leader->voters.count == 0)
        return;
    check_count(checks, SIM_INVARIANT_R6);
    for (unsigned i = 0; i < leader->voters.count; i++) {
        int32_t voter = leader->voters.ids[i];
        if (voter > checks->view.nodes_count || may_hold(&checks->raft->nodes[voter], index, term))
            holders++;
    }
    if (2 * holders <= leader->voters.count)
        check_fail(checks, SIM_INVARIANT_R6,
                   "controllers: %s, leader of term %d, committed entry %ld, which %d of its voters %s hold",
                   check_node_label(checks, node).text, leader->leads_term, index, (int)holders,
                   check_set_label(&leader->voters).text);
}

static void committed(struct sim_checks *checks, int32_t node, int64_t index, int32_t term)
{
    struct check_raft *raft = checks->raft;
    const struct raft_node *log = &raft->nodes[node];
    for (int64_t i = raft->committed_index + 1; i < index; i++) {
        const struct raft_prefix *entry = entry_at(log, i);
        if (entry != NULL)
            commit_one(checks, node, i, entry->term);
    }
    commit_one(checks, node, index, term);
    commit_counted(checks, node, index, term);
    if (index > raft->committed_index)
        raft->committed_index = index;
}

static void applied(struct sim_checks *checks, int32_t node, int64_t index, int32_t term, uint64_t digest)
{
    struct raft_slot *slot = slot_at(checks, index);
    check_count(checks, SIM_INVARIANT_R5);
    if (slot->applied_by == 0) {
        checks->records_committed += checks->view.alone;
        slot->applied_by = node;
        slot->applied_term = term;
        slot->applied_digest = digest;
        return;
    }
    if (slot->applied_term != term || slot->applied_digest != digest)
        check_fail(checks, SIM_INVARIANT_R5,
                   "controllers: %s applied another entry (term %d) at index %ld than %s (term %d)",
                   check_node_label(checks, node).text, term, index,
                   check_node_label(checks, slot->applied_by).text, slot->applied_term);
}

/* ---- in ---- */

bool check_raft_led(const struct sim_checks *checks, int64_t since_ns)
{
    const struct check_raft *raft = checks->raft;
    for (int32_t node = 1; node <= checks->view.nodes_count; node++) {
        bool counts =
            !sim_node_set_has(&checks->view.gone, node) || sim_gone_info(checks->view.gone_how)->leads;
        if (counts && raft->nodes[node].leads_term != 0)
            return true;
    }
    return raft->led_until_ns >= since_ns;
}

void check_raft_process(struct sim_checks *checks, int32_t node)
{
    struct raft_node *log = &checks->raft->nodes[node];
    log->base_index = 0;
    log->base = NULL;
    log->count = 0;
    log->leads_term = 0;
    log->term = 0;
    log->voters.count = 0;
    log->untold = true;
}

static bool sensible(struct sim_checks *checks, int32_t node, int64_t index)
{
    if (index >= 0 && index <= CHECK_INDEX_MAX)
        return true;
    check_fail(checks, SIM_INVARIANT_R3, "controllers: the Raft log of %s is said to reach index %ld",
               check_node_label(checks, node).text, index);
    return false;
}

void check_raft_observe(struct sim_checks *checks, int32_t node, const struct isr_observation *observation)
{
    if (observation->kind == ISR_OBSERVED_QUORUM_MEMBERS)
        checks->raft->nodes[node].voters = isr_replicas_unpack((uint64_t)observation->quorum_members.voters);
    else
        checks->raft->nodes[node].untold = false;
    if (observation->kind == ISR_OBSERVED_QUORUM_ROLE) {
        role_taken(checks, node, (enum isr_consensus_role)observation->quorum_role.role,
                   (int32_t)observation->quorum_role.term);
    } else if (observation->kind == ISR_OBSERVED_QUORUM_VOTED) {
        voted(checks, node, (int32_t)observation->quorum_voted.term,
              (int32_t)observation->quorum_voted.candidate);
    } else if (observation->kind == ISR_OBSERVED_QUORUM_APPENDED) {
        if (sensible(checks, node, observation->quorum_appended.index))
            appended(checks, node, observation->quorum_appended.index,
                     (int32_t)observation->quorum_appended.term,
                     (uint64_t)observation->quorum_appended.digest);
    } else if (observation->kind == ISR_OBSERVED_QUORUM_TRUNCATED) {
        truncated(checks, node, observation->quorum_truncated.from);
    } else if (observation->kind == ISR_OBSERVED_QUORUM_COMMITTED) {
        if (sensible(checks, node, observation->quorum_committed.index))
            committed(checks, node, observation->quorum_committed.index,
                      (int32_t)observation->quorum_committed.term);
    } else if (observation->kind == ISR_OBSERVED_QUORUM_APPLIED) {
        if (sensible(checks, node, observation->quorum_applied.index))
            applied(checks, node, observation->quorum_applied.index,
                    (int32_t)observation->quorum_applied.term, (uint64_t)observation->quorum_applied.digest);
    } else if (observation->kind == ISR_OBSERVED_QUORUM_COMPACTED) {
        if (sensible(checks, node, observation->quorum_compacted.index))
            compacted(checks, node, observation->quorum_compacted.index,
                      (int32_t)observation->quorum_compacted.term);
    } else if (observation->kind == ISR_OBSERVED_QUORUM_SNAPSHOT_INSTALLED) {
        if (sensible(checks, node, observation->quorum_snapshot_installed.index))
            commit_one(checks, node, observation->quorum_snapshot_installed.index,
                       (int32_t)observation->quorum_snapshot_installed.term);
    }
}
