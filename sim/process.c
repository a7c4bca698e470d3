#include "sim/process.h"

#include <setjmp.h>
#include <string.h>

#include "sim/canary.h"
#include "sim/connection.h"
#include "sim/libraft/libraft.h"
#include "sim/workload.h"

void sim_process_init(struct sim_world *world, int32_t node)
{
    const struct sim_spec *spec = world->spec;
    struct sim_process *process = &world->processes[node];
    struct isr_text name;
    char buffer[24];
    process->id = node;
    if (sim_spec_is_client(spec, node))
        process->roles = ISR_NODE_CLIENT;
    if (sim_spec_is_broker(spec, node))
        process->roles |= spec->peer.count > 0 ? ISR_NODE_PEER : ISR_NODE_BROKER;
    if (sim_spec_is_controller(spec, node))
        process->roles |= sim_spec_is_alone(spec) ? ISR_NODE_ENTRIES : ISR_NODE_CONTROLLER;
    process->state = SIM_PROCESS_DOWN;
    process->wake_wanted_ns = ISR_TIME_NEVER;
    name = ISR_TEXT(buffer);
    isr_text_format(&name, "node %d", (int)node);
    process->memory = arena_owner_new(world->arena, buffer);
    process->heap = arena_owner_heap(process->memory);
    sim_clock_init(&process->clock, 0, 0);
    if (process->roles != ISR_NODE_CLIENT) {
        name = ISR_TEXT(buffer);
        isr_text_format(&name, "disk %d", (int)node);
        process->disk = sim_disk_new(arena_owner_new(world->arena, buffer), node, &spec->disk);
    }
}

static void tell(struct sim_world *world, int32_t node)
{
    const struct sim_process *process = &world->processes[node];
    world->changed = true;
    sim_trace_event(&world->trace, world->now_ns, SIM_EVENT_START, node,
                    (uint64_t)process->state << 32 | process->incarnation);
    if (world->monitor.process != NULL)
        world->monitor.process(world->monitor.object, world, node);
}

/* ---- starting ---- */

/* Where its group's host name leads a peer. */
static int32_t peer_host(const struct sim_spec *spec, int32_t node)
{
    int32_t bootstrap = spec->peer.bootstrap;
    if (bootstrap > 0)
        return bootstrap;
    if (node == 1 || bootstrap == SIM_BOOTSTRAP_TOGETHER || bootstrap == SIM_BOOTSTRAP_SELF)
        return node;
    return bootstrap == SIM_BOOTSTRAP_PREVIOUS ? node - 1 : ISR_PEER_HOST_BALANCER;
}

static struct isr_peer_options peer_options_of(const struct sim_spec *spec, int32_t node)
{
    const struct sim_topic_spec *topic = &spec->topics[0];
    struct isr_peer_options options = {.commit = (enum isr_commit_policy)topic->settings.commit,
                                       .followers_needed = (uint32_t)topic->settings.commit_followers,
                                       .transfer = (enum isr_peer_transfer)spec->peer.transfer,
                                       .host = peer_host(spec, node),
                                       .retention_bytes = topic->settings.retention_bytes,
                                       .retention_time = topic->settings.retention_time,
                                       .segment_time = topic->settings.segment_time,
                                       .topic = topic->name};
    for (int32_t peer = 1; peer <= spec->peer.count; peer++) {
        isr_replicas_add(&options.balanced, peer);
        if (spec->peer.bootstrap == SIM_BOOTSTRAP_TOGETHER)
            isr_replicas_add(&options.members, peer);
    }
    return options;
}

static struct isr_node_options options_of(const struct sim_world *world, const struct sim_process *process)
{
    const struct sim_spec *spec = world->spec;
    struct isr_node_options options = {
        .id = process->id,
        .roles = process->roles,
        .rack = spec->racks[process->id],
        .config = sim_spec_config(spec, process->id),
        .rules = spec->rules,
        .yields = spec->yields,
        .consensus = spec->consensus == SIM_CONSENSUS_LIBRAFT ? sim_libraft_new : NULL,
    };
    for (int32_t node = 1; node <= world->processes_count; node++) {
        if (sim_spec_is_controller(spec, node) && options.controllers.count < ISR_REPLICAS_MAX)
            isr_replicas_add(&options.controllers, node);
        if (sim_spec_is_first_voter(spec, node) && options.voters.count < ISR_REPLICAS_MAX)
            isr_replicas_add(&options.voters, node);
        bool asked =
            sim_spec_is_alone(spec) ? sim_spec_is_controller(spec, node) : sim_spec_is_broker(spec, node);
        if (asked && options.bootstrap.count < ISR_REPLICAS_MAX)
            isr_replicas_add(&options.bootstrap, node);
    }
    if (process->roles == ISR_NODE_PEER)
        options.peer = peer_options_of(spec, process->id);
    return options;
}

/* Which life of the process this is, from 1. */
static int64_t life(const struct sim_process *process)
{
    return (process->incarnation + 1) / 2;
}

/* False: not even that fits into its memory. */
static bool node_new(struct sim_process *process, const struct isr_node_options *options, uint64_t key)
{
    jmp_buf exhausted;
    process->exhausted = &exhausted;
    if (setjmp(exhausted) != 0) {
        process->exhausted = NULL;
        return false;
    }
    process->node = isr_node_new(options, &process->heap, key);
    process->exhausted = NULL;
    return true;
}

void sim_process_start(struct sim_world *world, int32_t node)
{
    struct sim_process *process = sim_world_process(world, node);
    if (process->state != SIM_PROCESS_DOWN)
        return;
    struct isr_node_options options = options_of(world, process);
    uint64_t key = sim_random_draw(&world->random, SIM_RANDOM_NODE, (uint32_t)node);
    if (SIM_CANARY(unseeded_draw)) {
        static uint64_t starts;
        key += ++starts;
    }
    process->state = SIM_PROCESS_UP;
    process->incarnation++;
    process->stopping = false;
    sim_clock_start(&process->clock);
    bool again = process->incarnation > 1;
    if (again)
        world->counters.starts++;
    bool fits = node_new(process, &options, key);
    SIM_TRACE(world, node, PROCESS_STARTED, life(process));
    tell(world, node);
    if (!fits) {
        sim_process_exhausted(world, process);
        return;
    }
    struct isr_event event = {.kind = ISR_EVENT_START, .start.random_key = isr_hash_combine(key, 1)};
    sim_process_step(world, process, &event);
    if (again && process->roles == ISR_NODE_CLIENT)
        sim_workload_started(world, node);
}

/* ---- ending ---- */

void sim_process_end(struct sim_world *world, struct sim_process *process, bool clean, bool lossy)
{
    sim_drop_deferred(world, process);
    process->node = NULL;
    arena_owner_drop(process->memory);
    process->state = SIM_PROCESS_DOWN;
    process->incarnation++;
    process->wakes_count = 0;
    process->wake_wanted_ns = ISR_TIME_NEVER;
    process->stopping = false;
    process->last_stop_clean = clean;
    process->last_stop_lossy = lossy;
    process->busy_until_ns = 0;
    process->processor_queued = process->wake_due = process->woke_last = false;
    tell(world, process->id);
}

void sim_process_died(struct sim_world *world, struct sim_process *process, bool clean)
{
    if (process->disk != NULL)
        sim_disk_kill(world, process->disk);
    sim_connection_ended(world, process->id, false);
    sim_process_end(world, process, clean, false);
}

void sim_process_exhausted(struct sim_world *world, struct sim_process *process)
{
    world->counters.memory_exhausted++;
    sim_world_bite(world, process->bounded_step);
    SIM_TRACE(world, process->id, MEMORY_EXHAUSTED, life(process), process->memory_limit_bytes);
    sim_process_died(world, process, false);
}

void sim_process_kill(struct sim_world *world, int32_t node)
{
    struct sim_process *process = sim_world_process(world, node);
    if (!sim_process_running(process))
        return;
    world->counters.kills++;
    sim_world_bite(world, world->acting);
    SIM_TRACE(world, node, PROCESS_KILLED, life(process));
    sim_process_died(world, process, false);
}

/* A process that is down already loses what its last life left in the page cache. */
void sim_process_power_off(struct sim_world *world, int32_t node, enum sim_survival survives)
{
    struct sim_process *process = sim_world_process(world, node);
    bool running = sim_process_running(process);
    int64_t lost_bytes = 0;
    bool lossy = process->disk != NULL && sim_disk_power_off(world, process->disk, survives, &lost_bytes);
    if (running || lossy) {
        world->counters.power_losses++;
        sim_world_bite(world, world->acting);
        world->counters.lossy_power_losses += lossy;
        world->counters.bytes_lost += (uint64_t)lost_bytes;
        SIM_TRACE(world, node, POWER_LOST, life(process), lossy, lost_bytes);
    }
    sim_network_power_off(world, node);
    if (running) {
        sim_connection_ended(world, node, true);
        sim_process_end(world, process, false, lossy);
    } else if (lossy) {
        process->last_stop_clean = false;
        process->last_stop_lossy = true;
        tell(world, node);
    }
}

void sim_process_wipe(struct sim_world *world, int32_t node)
{
    struct sim_process *process = sim_world_process(world, node);
    if (process->disk == NULL)
        return;
    sim_process_power_off(world, node, SIM_SURVIVES_NONE);
    int64_t lost_bytes = sim_disk_wipe(world, process->disk);
    if (lost_bytes < 0)
        return;
    world->counters.wipes++;
    sim_world_bite(world, world->acting);
    world->counters.bytes_lost += (uint64_t)lost_bytes;
    SIM_TRACE(world, node, DISK_WIPED, lost_bytes);
    process->last_stop_clean = false;
    process->last_stop_lossy = true;
    tell(world, node);
}

void sim_process_shutdown(struct sim_world *world, int32_t node)
{
    struct sim_process *process = sim_world_process(world, node);
    if (!sim_process_running(process) || process->stopping)
        return;
    process->stopping = true;
    process->stopped_step = world->acting;
    SIM_TRACE(world, node, SHUTDOWN_ASKED, life(process));
    sim_queue_push(&world->queue, world->now_ns, SIM_EVENT_SHUTDOWN, node, process->incarnation);
}

/* ---- a slow processor, a bounded memory ---- */

void sim_process_slow_down(struct sim_world *world, int32_t node, int64_t step_cost_ns)
{
    struct sim_process *process = sim_world_process(world, node);
    process->step_cost_ns = step_cost_ns;
    process->slowed_step = world->acting;
}

static void *limited_allocate(void *owner, size_t size_bytes)
{
    struct sim_process *process = owner;
    if (process->memory->bytes_used + size_bytes > (uint64_t)process->memory_limit_bytes) {
        ISR_ASSERT(process->exhausted != NULL);
        longjmp(*(jmp_buf *)process->exhausted, 1);
    }
    return arena_allocate(process->memory, size_bytes);
}

static void limited_release(void *owner, void *block)
{
    arena_release(((struct sim_process *)owner)->memory, block);
}

void sim_process_limit_memory(struct sim_world *world, int32_t node, int64_t limit_bytes)
{
    struct sim_process *process = sim_world_process(world, node);
    process->memory_limit_bytes = limit_bytes;
    process->bounded_step = world->acting;
    if (limit_bytes > 0)
        process->heap = (struct isr_heap){limited_allocate, limited_release, process};
    else
        process->heap = arena_owner_heap(process->memory);
}

/* ---- pausing ---- */

void sim_process_pause(struct sim_world *world, int32_t node)
{
    struct sim_process *process = sim_world_process(world, node);
    if (process->state != SIM_PROCESS_UP)
        return;
    process->state = SIM_PROCESS_PAUSED;
    world->counters.pauses++;
    sim_world_bite(world, world->acting);
    SIM_TRACE(world, node, PROCESS_PAUSED, life(process));
    tell(world, node);
}

void sim_process_resume(struct sim_world *world, int32_t node)
{
    struct sim_process *process = sim_world_process(world, node);
    if (process->state != SIM_PROCESS_PAUSED)
        return;
    process->state = SIM_PROCESS_UP;
    SIM_TRACE(world, node, PROCESS_RESUMED, process->deferred_count);
    sim_deliver_deferred(world, process);
    sim_process_arrange_wake(world, process);
    tell(world, node);
}

/* ---- commands ---- */

void sim_process_command(struct sim_world *world, int32_t node, const struct isr_command *command)
{
    struct sim_process *process = sim_world_process(world, node);
    if (!sim_process_running(process))
        return;
    size_t sets = command->assignments != NULL && command->partitions > 0 ? (size_t)command->partitions : 0;
    struct sim_pending_command *pending =
        isr_heap_allocate(&world->heap, sizeof *pending + sets * sizeof pending->assignments[0]);
    pending->command = *command;
    if (command->topic != NULL) {
        struct isr_text name = ISR_TEXT(pending->topic);
        isr_text_format(&name, "%s", command->topic);
        pending->command.topic = pending->topic;
    }
    if (sets > 0) {
        memcpy(pending->assignments, command->assignments, sets * sizeof pending->assignments[0]);
        pending->command.assignments = pending->assignments;
    }
    sim_queue_push_pointer(&world->queue, world->now_ns, SIM_EVENT_COMMAND, node, pending);
}
