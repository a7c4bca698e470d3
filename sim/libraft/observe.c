/* What the node tells of itself, for checks: from what the library hands over to be written or cut, and from
 * what it shows in its public struct when a call has returned. */
#include "core/quorum/quorum.h"
#include "sim/libraft/internal.h"

const struct libraft_entry *libraft_mirror_entry(const struct libraft *libraft, int64_t index)
{
    const struct libraft_mirror *mirror = &libraft->mirror;
    return index > mirror->base_index && index <= libraft_mirror_last(libraft)
               ? &mirror->entries[index - mirror->base_index - 1]
               : NULL;
}

/* ---- the mirror of its log ---- */

static void mirror_add(struct libraft *libraft, int32_t term, uint16_t type, struct isr_bytes data)
{
    struct libraft_mirror *mirror = &libraft->mirror;
    struct isr_heap *heap = libraft->env->heap;
    mirror->entries = ISR_GROW(heap, mirror->entries, mirror->count, mirror->capacity);
    struct libraft_entry *entry = &mirror->entries[mirror->count++];
    *entry = (struct libraft_entry){.term = term,
                                    .type = type,
                                    .size_bytes = data.size,
                                    .digest = isr_hash_combine(isr_quorum_digest(term, data), type),
                                    .data = isr_heap_allocate(heap, data.size + (size_t)1)};
    if (data.size > 0)
        memcpy(entry->data, data.data, data.size);
    struct isr_observation *observation = isr_observe(libraft->env, ISR_OBSERVED_QUORUM_APPENDED);
    observation->quorum_appended.index = libraft_mirror_last(libraft);
    observation->quorum_appended.term = term;
    observation->quorum_appended.digest = (int64_t)entry->digest;
}

static void mirror_cut(struct libraft *libraft, int64_t index)
{
    while (libraft_mirror_last(libraft) >= index && libraft->mirror.count > 0)
        isr_heap_release(libraft->env->heap, libraft->mirror.entries[--libraft->mirror.count].data);
}

static void mirror_compact(struct libraft *libraft, int64_t index)
{
    struct libraft_mirror *mirror = &libraft->mirror;
    uint32_t gone =
        index - mirror->base_index < mirror->count ? (uint32_t)(index - mirror->base_index) : mirror->count;
    for (uint32_t i = 0; i < gone; i++)
        isr_heap_release(libraft->env->heap, mirror->entries[i].data);
    mirror->count -= gone;
    if (mirror->count > 0)
        memmove(mirror->entries, mirror->entries + gone, mirror->count * sizeof *mirror->entries);
    mirror->base_index = index;
}

static void tell_compacted(struct libraft *libraft, int64_t index, int32_t term)
{
    struct isr_observation *observation = isr_observe(libraft->env, ISR_OBSERVED_QUORUM_COMPACTED);
    observation->quorum_compacted.index = index;
    observation->quorum_compacted.term = term;
}

static void truncated(struct libraft *libraft, int64_t index)
{
    if (index > libraft_mirror_last(libraft))
        return;
    isr_observe(libraft->env, ISR_OBSERVED_QUORUM_TRUNCATED)->quorum_truncated.from = index;
    mirror_cut(libraft, index);
}

/* Its log begins later than it did: compacted, or replaced by a snapshot. */
static void look_at_base(struct libraft *libraft)
{
    int64_t base = (int64_t)libraft->raft.log.offset;
    if (base <= libraft->mirror.base_index)
        return;
    const struct libraft_entry *entry = libraft_mirror_entry(libraft, base);
    int32_t term = entry != NULL ? entry->term : 0;
    if ((int64_t)libraft->raft.log.snapshot.last_index == base &&
        (int32_t)libraft->raft.log.snapshot.last_term != term) {
        truncated(libraft, base); /* what was there parts from the snapshot */
        term = (int32_t)libraft->raft.log.snapshot.last_term;
    }
    mirror_compact(libraft, base);
    tell_compacted(libraft, base, term);
}

static void look_at_end(struct libraft *libraft)
{
    int64_t last = (int64_t)raft_last_index(&libraft->raft);
    if (last < libraft_mirror_last(libraft))
        truncated(libraft, last + 1);
}

/* ---- roles and members ---- */

static enum isr_consensus_role role_of(const struct libraft *libraft)
{
    if (libraft->raft.state == RAFT_LEADER)
        return ISR_CONSENSUS_LEADER;
    return libraft->raft.state == RAFT_CANDIDATE ? ISR_CONSENSUS_CANDIDATE : ISR_CONSENSUS_FOLLOWER;
}

static void look_at_role(struct libraft *libraft)
{
    raft_id id;
    const char *address;
    raft_leader(&libraft->raft, &id, &address);
    int32_t term = (int32_t)libraft->raft.current_term;
    int32_t leader = id == 0 || id > ISR_NODE_MAX ? ISR_NODE_NONE : (int32_t)id;
    enum isr_consensus_role role = role_of(libraft);
    if (libraft->seen.told && libraft->seen.role == role && libraft->seen.term == term &&
        libraft->seen.leader == leader)
        return;
    libraft->seen.told = true;
    libraft->seen.role = role;
    libraft->seen.term = term;
    libraft->seen.leader = leader;
    libraft->env->metrics.quorum_term = term;
    struct isr_observation *observation = isr_observe(libraft->env, ISR_OBSERVED_QUORUM_ROLE);
    observation->quorum_role.role = role;
    observation->quorum_role.term = term;
    observation->quorum_role.leader = leader;
}

struct isr_consensus_members libraft_members_of(const struct raft_configuration *configuration)
{
    struct isr_consensus_members members = {0};
    for (unsigned i = 0; i < configuration->n; i++) {
        const struct raft_server *server = &configuration->servers[i];
        struct isr_replicas *set = server->role == RAFT_VOTER ? &members.voters : &members.learners;
        if (server->id <= ISR_NODE_MAX && set->count < ISR_REPLICAS_MAX)
            isr_replicas_add(set, (int32_t)server->id);
    }
    return members;
}

static void look_at_members(struct libraft *libraft)
{
    const struct raft *raft = &libraft->raft;
    struct isr_consensus_members members = libraft_members_of(&raft->configuration);
    int64_t index =
        (int64_t)(raft->configuration_uncommitted_index > 0 ? raft->configuration_uncommitted_index
                                                            : raft->configuration_index);
    if (raft->configuration_uncommitted_index == 0 && raft->commit_index >= raft->configuration_index)
        libraft->committed_members = members;
    if (index == libraft->members_index &&
        isr_replicas_pack(&members.voters) == isr_replicas_pack(&libraft->members_seen.voters) &&
        isr_replicas_pack(&members.learners) == isr_replicas_pack(&libraft->members_seen.learners))
        return;
    libraft->members_index = index;
    libraft->members_seen = members;
    struct isr_observation *observation = isr_observe(libraft->env, ISR_OBSERVED_QUORUM_MEMBERS);
    observation->quorum_members.index = index;
    observation->quorum_members.voters = (int64_t)isr_replicas_pack(&members.voters);
    observation->quorum_members.learners = (int64_t)isr_replicas_pack(&members.learners);
}

static void look_at_commit(struct libraft *libraft)
{
    int64_t index = (int64_t)libraft->raft.commit_index;
    if (index <= libraft->told_commit)
        return;
    const struct libraft_entry *entry = libraft_mirror_entry(libraft, index);
    if (entry == NULL)
        return;
    libraft->told_commit = index;
    libraft->env->metrics.quorum_commit_index = index;
    struct isr_observation *observation = isr_observe(libraft->env, ISR_OBSERVED_QUORUM_COMMITTED);
    observation->quorum_committed.index = index;
    observation->quorum_committed.term = entry->term;
}

/* ---- when ---- */

void libraft_observe(struct libraft *libraft)
{
    if (libraft->phase != LIBRAFT_RUNNING)
        return;
    look_at_role(libraft);
    look_at_base(libraft);
    look_at_end(libraft);
    look_at_members(libraft);
    look_at_commit(libraft);
}

void libraft_observe_truncation(struct libraft *libraft, int64_t index)
{
    look_at_role(libraft);
    look_at_base(libraft);
    truncated(libraft, index);
}

void libraft_observe_entries(struct libraft *libraft, const struct raft_entry *entries, unsigned count)
{
    int64_t first = (int64_t)raft_last_index(&libraft->raft) - count + 1;
    look_at_role(libraft);
    look_at_base(libraft);
    if (first <= libraft_mirror_last(libraft))
        mirror_cut(libraft, first); /* the check sees by the index that they were overwritten */
    if (first != libraft_mirror_last(libraft) + 1) /* nothing is known of what is in between */
        mirror_compact(libraft, first - 1);
    for (unsigned i = 0; i < count; i++)
        mirror_add(libraft, (int32_t)entries[i].term, entries[i].type,
                   (struct isr_bytes){.data = entries[i].buf.base, .size = (uint32_t)entries[i].buf.len});
}

void libraft_observe_start(struct libraft *libraft)
{
    const struct libraft_file *file = &libraft->file;
    libraft->mirror.base_index = file->base_index;
    if (file->base_index > 0)
        tell_compacted(libraft, file->base_index, file->base_term);
    for (int64_t index = file->base_index + 1; index <= libraft_file_last(file); index++) {
        int32_t term;
        uint16_t type;
        struct isr_bytes data;
        libraft_file_entry(file, index, &term, &type, &data);
        mirror_add(libraft, term, type, data);
    }
}
