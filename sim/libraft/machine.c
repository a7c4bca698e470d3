/* The library's machine (struct raft_fsm) on the one side, the port's on the other.
 *
 * The library is told that an entry was applied when it says so; the port's machine is given it when the
 * library has returned, since it may propose from inside apply(). Only a snapshot cannot wait: it is of the
 * last applied entry, so what is owed is applied first, and what the machine proposes meanwhile is refused.
 */
#include "sim/libraft/internal.h"

static int fsm_apply(struct raft_fsm *fsm, const struct raft_buffer *buffer, void **result)
{
    (void)fsm;
    (void)buffer;
    *result = NULL;
    return 0;
}

bool libraft_apply_next(struct libraft *libraft)
{
    if (libraft->told_applied >= (int64_t)libraft->raft.last_applied)
        return false;
    int64_t index = ++libraft->told_applied;
    const struct libraft_entry *entry = libraft_mirror_entry(libraft, index);
    if (entry == NULL)
        return true;
    struct isr_observation *observation = isr_observe(libraft->env, ISR_OBSERVED_QUORUM_APPLIED);
    observation->quorum_applied.index = index;
    observation->quorum_applied.term = entry->term;
    observation->quorum_applied.digest = (int64_t)entry->digest;
    if (entry->type == RAFT_COMMAND)
        libraft->machine.apply(libraft->machine.object, index, entry->term,
                               (struct isr_bytes){.data = entry->data, .size = entry->size_bytes});
    return true;
}

static int fsm_snapshot(struct raft_fsm *fsm, struct raft_buffer *buffers[], unsigned *buffers_count)
{
    struct libraft *libraft = fsm->data;
    libraft_observe(libraft);
    while (libraft_apply_next(libraft))
        ;
    struct isr_bytes state = libraft->machine.snapshot(libraft->machine.object, &libraft->env->scratch);
    *buffers_count = 1;
    *buffers = raft_malloc(sizeof **buffers);
    (*buffers)[0].len = state.size;
    (*buffers)[0].base = raft_malloc(state.size);
    if (state.size > 0)
        memcpy((*buffers)[0].base, state.data, state.size);
    return 0;
}

static void tell(struct libraft *libraft, enum isr_consensus_role role, int32_t term, int32_t leader)
{
    libraft->told_role = role;
    libraft->told_term = term;
    libraft->told_leader = leader;
    libraft->machine.changed(libraft->machine.object, role, term, leader);
}

/* Which snapshot it is, was said when it was loaded or handed over to be written. */
static int fsm_restore(struct raft_fsm *fsm, struct raft_buffer *buffer)
{
    struct libraft *libraft = fsm->data;
    int64_t index = libraft->restoring_index;
    if (libraft->told_role == ISR_CONSENSUS_LEADER)
        tell(libraft, ISR_CONSENSUS_FOLLOWER, (int32_t)libraft->raft.current_term, ISR_NODE_NONE);
    if (!libraft->machine.load(libraft->machine.object, index, libraft->restoring_term,
                               (struct isr_bytes){.data = buffer->base, .size = (uint32_t)buffer->len}))
        return RAFT_CORRUPT;
    if (libraft->phase == LIBRAFT_RUNNING) {
        struct isr_observation *observation =
            isr_observe(libraft->env, ISR_OBSERVED_QUORUM_SNAPSHOT_INSTALLED);
        observation->quorum_snapshot_installed.index = index;
        observation->quorum_snapshot_installed.term = libraft->restoring_term;
    }
    libraft->told_applied = index;
    libraft->told_commit = index;
    raft_free(buffer->base);
    return 0;
}

void libraft_fsm_init(struct libraft *libraft)
{
    libraft->fsm = (struct raft_fsm){
        .version = 1, .data = libraft, .apply = fsm_apply, .snapshot = fsm_snapshot, .restore = fsm_restore};
}

/* ---- what the machine is told ---- */

/* The first entry of its term is applied, as a barrier: all that came before is too. */
static bool leads_fully(const struct libraft *libraft)
{
    return libraft->raft.state == RAFT_LEADER && libraft->leads_term == (int32_t)libraft->raft.current_term;
}

static bool machine_tell(struct libraft *libraft)
{
    raft_id id;
    const char *address;
    raft_leader(&libraft->raft, &id, &address);
    int32_t term = (int32_t)libraft->raft.current_term;
    int32_t leader = id == 0 ? ISR_NODE_NONE : (int32_t)id;
    enum isr_consensus_role role = ISR_CONSENSUS_FOLLOWER;
    if (leads_fully(libraft)) {
        role = ISR_CONSENSUS_LEADER;
    } else if (libraft->raft.state == RAFT_LEADER || libraft->raft.state == RAFT_CANDIDATE) {
        role = ISR_CONSENSUS_CANDIDATE;
        leader = ISR_NODE_NONE;
    }
    if (libraft->told_role == role && libraft->told_term == term && libraft->told_leader == leader)
        return false;
    tell(libraft, role, term, leader);
    return true;
}

static void barrier_passed(struct raft_barrier *request, int status)
{
    struct libraft *libraft = request->data;
    libraft->barrier_waits = false;
    if (status == 0)
        libraft->leads_term = libraft->barrier_term;
}

/* A leader serves nobody before an entry of its own term is committed (thesis 6.4). The library adds none by
 * itself: raft_barrier is its way of asking. */
bool libraft_barrier(struct libraft *libraft)
{
    if (libraft->raft.state != RAFT_LEADER || libraft->barrier_waits ||
        libraft->barrier_term == (int32_t)libraft->raft.current_term)
        return false;
    libraft_enter(libraft);
    libraft->barrier = (struct raft_barrier){.data = libraft};
    libraft->barrier_term = (int32_t)libraft->raft.current_term;
    libraft->barrier_waits = raft_barrier(&libraft->raft, &libraft->barrier, barrier_passed) == 0;
    libraft_leave(libraft);
    return true;
}

bool libraft_machine_go_on(struct libraft *libraft)
{
    if (libraft->told_role == ISR_CONSENSUS_LEADER && !leads_fully(libraft))
        return machine_tell(libraft); /* before anything of the next leader is applied */
    return libraft_apply_next(libraft) || machine_tell(libraft);
}
