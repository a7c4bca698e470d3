/* The port's operations, and what comes after every entry into the library. States and invariants:
 * internal.h. */
#include "sim/libraft/internal.h"

static struct libraft *libraft_of(struct isr_consensus *consensus)
{
    return (struct libraft *)consensus;
}

static const struct libraft *libraft_in(const struct isr_consensus *consensus)
{
    return (const struct libraft *)consensus;
}

bool sim_libraft_available(void)
{
    return true;
}

void libraft_halt(struct libraft *libraft, enum isr_io_status reason)
{
    isr_env_exit(libraft->env, false, reason);
}

/* ---- entries into the library ---- */

static void receive(struct libraft *libraft, int32_t from, struct isr_bytes frame)
{
    struct raft_message message;
    char address[LIBRAFT_ADDRESS_BYTES];
    libraft_address(address, from);
    libraft_enter(libraft);
    if (libraft_message_decode(frame, &libraft->env->scratch, &message)) {
        message.server_id = (raft_id)from;
        message.server_address = address;
        libraft->receive(&libraft->io, &message);
    }
    libraft_leave(libraft);
}

void libraft_received(struct libraft *libraft, int32_t from, struct isr_bytes frame)
{
    if (!libraft->held) {
        receive(libraft, from, frame);
        return;
    }
    struct libraft_completion *kept = libraft_completion_add(libraft, LIBRAFT_RECEIVED);
    kept->from = from;
    kept->frame_bytes = frame.size;
    kept->frame = isr_heap_allocate(libraft->env->heap, frame.size + (size_t)1);
    if (frame.size > 0)
        memcpy(kept->frame, frame.data, frame.size);
}

static void tick(struct libraft *libraft)
{
    libraft->tick_owed = false;
    libraft_enter(libraft);
    libraft->tick(&libraft->io);
    libraft_leave(libraft);
}

static void tick_fired(void *object)
{
    struct libraft *libraft = object;
    isr_env_timer_in(libraft->env, &libraft->tick_timer, libraft->tick_ns);
    libraft->tick_owed = true;
    libraft_settle(libraft);
}

static void work(struct raft_io_async_work *request, raft_io_async_work_cb cb)
{
    int status = request->work(request);
    cb(request, status);
}

static void complete(struct libraft *libraft, const struct libraft_completion *completion)
{
    switch (completion->kind) {
    case LIBRAFT_COMPLETED_SEND:
        completion->send_cb(completion->request, completion->status);
        break;
    case LIBRAFT_COMPLETED_APPEND:
        completion->append_cb(completion->request, completion->status);
        break;
    case LIBRAFT_COMPLETED_PUT:
        completion->put_cb(completion->request, completion->status);
        break;
    case LIBRAFT_COMPLETED_GET:
        completion->get_cb(completion->request, completion->snapshot, completion->status);
        break;
    case LIBRAFT_COMPLETED_WORK:
        work(completion->request, completion->work_cb);
        break;
    case LIBRAFT_RECEIVED:
        break;
    }
    libraft_leave(libraft);
}

static void complete_next(struct libraft *libraft)
{
    struct libraft_completion *completion = libraft->completions;
    libraft->completions = completion->next;
    if (libraft->completions == NULL)
        libraft->completions_last = NULL;
    if (completion->kind == LIBRAFT_RECEIVED) {
        receive(libraft, completion->from,
                (struct isr_bytes){.data = completion->frame, .size = completion->frame_bytes});
        isr_heap_release(libraft->env->heap, completion->frame);
    } else {
        libraft_enter(libraft);
        complete(libraft, completion);
    }
    isr_heap_release(libraft->env->heap, completion);
}

/* One thing of what waits; false when nothing does. */
static bool go_on(struct libraft *libraft)
{
    if (libraft->held || libraft->env->exiting)
        return false;
    if (libraft->raft.state == RAFT_UNAVAILABLE) {
        libraft_halt(libraft, ISR_IO_DAMAGED); /* it gave up, and says nothing of it */
        return false;
    }
    if (libraft->completions != NULL)
        complete_next(libraft);
    else if (libraft->tick_owed && !libraft->resigned)
        tick(libraft);
    else if (!libraft_barrier(libraft) && !libraft_machine_go_on(libraft))
        return libraft_alteration_go_on(libraft) || libraft_resignation_go_on(libraft);
    return true;
}

void libraft_settle(struct libraft *libraft)
{
    /* What the machine asks for from inside a callback is gone on with by whoever called it. */
    if (libraft->settling || libraft->phase != LIBRAFT_RUNNING)
        return;
    libraft->settling = true;
    while (go_on(libraft))
        ;
    libraft->settling = false;
    libraft_disk_go_on(libraft);
}

/* ---- the start ---- */

static void library_init(struct libraft *libraft)
{
    const struct isr_config *config = &libraft->env->config;
    struct raft *raft = &libraft->raft;
    char address[LIBRAFT_ADDRESS_BYTES];
    unsigned entries = (unsigned)config->quorum_snapshot_entries;
    libraft_address(address, libraft->env->node);
    libraft_enter(libraft);
    int status = raft_init(raft, &libraft->io, &libraft->fsm, (raft_id)libraft->env->node, address);
    ISR_ASSERT(status == 0);
    raft->tracer = &libraft->tracer;
    raft_set_election_timeout(raft, (unsigned)(config->quorum_election_timeout / ISR_MS));
    raft_set_heartbeat_timeout(raft, (unsigned)(config->quorum_heartbeat_interval / ISR_MS));
    /* Who lost a snapshot on its way shall not wait for half a minute, the default. */
    raft_set_install_snapshot_timeout(raft, (unsigned)(10 * config->quorum_election_timeout / ISR_MS));
    raft_set_snapshot_threshold(raft, entries);
    raft_set_snapshot_trailing(raft, entries / 4 > 0 ? entries / 4 : 1);
    libraft_leave(libraft);
}

void libraft_start(struct libraft *libraft)
{
    libraft_observe_start(libraft);
    libraft_enter(libraft);
    int status = raft_start(&libraft->raft);
    if (status == 0)
        libraft->phase = LIBRAFT_RUNNING;
    libraft_leave(libraft);
    if (status != 0)
        libraft_halt(libraft, ISR_IO_DAMAGED);
    else
        libraft_settle(libraft);
}

/* ---- the port ---- */

static void start(struct isr_consensus *consensus, struct isr_env *env, const struct isr_replicas *voters,
                  const struct isr_replicas *nodes, const struct isr_consensus_machine *machine)
{
    struct libraft *libraft = libraft_of(consensus);
    ISR_ASSERT(isr_replicas_contain(nodes, env->node) && isr_replicas_subset(voters, nodes));
    libraft->env = env;
    libraft->machine = *machine;
    libraft->voters = *voters;
    libraft->nodes = *nodes;
    library_init(libraft);
    libraft_recover(libraft);
}

static void message(struct isr_consensus *consensus, int32_t from, const struct isr_message *received)
{
    struct libraft *libraft = libraft_of(consensus);
    if (libraft->phase != LIBRAFT_RUNNING || libraft->env->exiting || from == libraft->env->node ||
        !isr_replicas_contain(&libraft->nodes, from) || received->kind != ISR_MESSAGE_FOREIGN_CONSENSUS)
        return;
    libraft_received(libraft, from, received->foreign_consensus.frame);
    libraft_settle(libraft);
}

/* One entry that was proposed. */
static void applied(struct raft_apply *request, int status, void *result)
{
    struct libraft *libraft = request->data;
    (void)status;
    (void)result;
    isr_heap_release(libraft->env->heap, request);
}

static int64_t propose(struct isr_consensus *consensus, struct isr_bytes data)
{
    struct libraft *libraft = libraft_of(consensus);
    if (libraft->inside || libraft->held || libraft->resigned || libraft->env->exiting ||
        libraft->told_role != ISR_CONSENSUS_LEADER || libraft->raft.state != RAFT_LEADER ||
        libraft->leads_term != (int32_t)libraft->raft.current_term)
        return 0;
    struct raft_apply *request = isr_heap_allocate(libraft->env->heap, sizeof *request);
    request->data = libraft;
    libraft_enter(libraft);
    struct raft_buffer buffer = {.base = raft_malloc(data.size), .len = data.size};
    if (data.size > 0)
        memcpy(buffer.base, data.data, data.size);
    int64_t index = 0;
    if (raft_apply(&libraft->raft, request, &buffer, 1, applied) == 0)
        index = (int64_t)raft_last_index(&libraft->raft);
    else
        raft_free(buffer.base);
    libraft_leave(libraft);
    if (index == 0)
        isr_heap_release(libraft->env->heap, request);
    return index;
}

static void resign(struct isr_consensus *consensus, void (*done)(void *object), void *object)
{
    libraft_resign(libraft_of(consensus), done, object);
}

static enum isr_error transfer(struct isr_consensus *consensus, int32_t target)
{
    struct libraft *libraft = libraft_of(consensus);
    enum isr_error error = libraft_transfer(libraft, target);
    libraft_settle(libraft);
    return error;
}

static enum isr_error change(struct isr_consensus *consensus, enum isr_quorum_change wanted, int32_t node)
{
    struct libraft *libraft = libraft_of(consensus);
    enum isr_error error = libraft_change(libraft, wanted, node);
    libraft_settle(libraft);
    return error;
}

static struct isr_consensus_members members(const struct isr_consensus *consensus)
{
    return libraft_in(consensus)->committed_members;
}

static enum isr_consensus_role role(const struct isr_consensus *consensus)
{
    return libraft_in(consensus)->told_role;
}

static int32_t term(const struct isr_consensus *consensus)
{
    return (int32_t)libraft_in(consensus)->raft.current_term;
}

static int32_t leader(const struct isr_consensus *consensus)
{
    return libraft_in(consensus)->told_leader;
}

static int64_t commit_index(const struct isr_consensus *consensus)
{
    return libraft_in(consensus)->told_commit;
}

static bool elected(const struct isr_consensus *consensus)
{
    return libraft_in(consensus)->raft.state == RAFT_LEADER;
}

static bool entry(const struct isr_consensus *consensus, int64_t index, int32_t *entry_term, bool *is_command,
                  struct isr_bytes *data)
{
    const struct libraft *libraft = libraft_in(consensus);
    const struct libraft_entry *found = libraft_mirror_entry(libraft, index);
    if (found == NULL || index > libraft->told_applied)
        return false;
    *entry_term = found->term;
    *is_command = found->type == RAFT_COMMAND;
    *data = (struct isr_bytes){.data = found->data, .size = found->size_bytes};
    return true;
}

static int64_t first_index(const struct isr_consensus *consensus)
{
    return libraft_in(consensus)->mirror.base_index + 1;
}

struct isr_consensus *sim_libraft_new(struct isr_env *env)
{
    static const struct isr_consensus_ops ops = {
        .start = start,
        .message = message,
        .propose = propose,
        .resign = resign,
        .transfer = transfer,
        .change = change,
        .members = members,
        .role = role,
        .term = term,
        .leader = leader,
        .commit_index = commit_index,
        .elected = elected,
        .entry = entry,
        .first_index = first_index,
    };
    struct libraft *libraft = isr_heap_allocate(env->heap, sizeof *libraft);
    libraft->base.ops = &ops;
    libraft->env = env;
    libraft->told_leader = ISR_NODE_NONE;
    libraft->told_term = -1;
    libraft_heap_init(libraft);
    libraft_io_init(libraft);
    libraft_fsm_init(libraft);
    isr_timer_init(&libraft->tick_timer, tick_fired, libraft);
    isr_timer_init(&libraft->resign_timer, libraft_resign_timer_fired, libraft);
    return &libraft->base;
}
