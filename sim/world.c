#include "sim/world.h"

#include "sim/process.h"
#include "sim/script.h"
#include "sim/workload.h"

/* So many events at one instant are a circle: two nodes, or a timer, that keep each other busy without time
 * going on. */
enum { EVENTS_AT_ONCE_MAX = 10000000 };

/* ---- building ---- */

struct sim_world *sim_world_new(struct arena *arena, const struct sim_spec *spec, uint64_t seed)
{
    arena_reset(arena);
    struct arena_owner *memory = arena_owner_new(arena, "world");
    struct sim_world *world = arena_allocate(memory, sizeof *world);
    ISR_ASSERT(world != NULL);
    world->arena = arena;
    world->memory = memory;
    world->heap = arena_owner_heap(memory);
    struct sim_spec *copy = isr_heap_allocate(&world->heap, sizeof *copy);
    sim_spec_copy(copy, spec, &world->heap);
    world->spec = copy;
    world->seed = seed;
    world->processes_count = sim_spec_nodes_count(spec);
    sim_queue_init(&world->queue, &world->heap);
    sim_random_init(&world->random, seed, (uint32_t)world->processes_count + 1, &world->heap);
    sim_network_init(&world->network, arena_owner_new(arena, "network"), &spec->network,
                     world->processes_count, seed);
    sim_schedule_init(&world->schedule, copy, seed);
    sim_trace_init(&world->trace, arena_owner_new(arena, "trace"));
    world->processes =
        isr_heap_allocate(&world->heap, sizeof *world->processes * (size_t)(world->processes_count + 1));
    for (int32_t node = 1; node <= world->processes_count; node++) {
        sim_process_init(world, node);
        sim_queue_push(&world->queue, 0, SIM_EVENT_START, node, 0);
    }
    world->bites = isr_heap_allocate(&world->heap, sizeof *world->bites * ((size_t)spec->steps_count + 1));
    world->workload = sim_workload_new(world);
    world->script = sim_script_new(world);
    return world;
}

void sim_world_watch(struct sim_world *world, const struct sim_monitor *monitor)
{
    world->monitor = *monitor;
}

void sim_world_wake_workload(struct sim_world *world, int64_t time_ns, uint64_t argument)
{
    sim_queue_push(&world->queue, time_ns > world->now_ns ? time_ns : world->now_ns, SIM_EVENT_WORKLOAD, 0,
                   argument);
}

void sim_world_wake_script(struct sim_world *world, int64_t time_ns)
{
    sim_queue_push(&world->queue, time_ns > world->now_ns ? time_ns : world->now_ns, SIM_EVENT_SCRIPT, 0, 0);
}

/* ---- running ---- */

/* False: the event was stale, or waits. */
static bool carry_out(struct sim_world *world, const struct sim_event *event)
{
    switch (sim_event_kind(event)) {
    case SIM_EVENT_MESSAGE:
        return sim_deliver_message(world, event);
    case SIM_EVENT_DISK:
        return sim_deliver_disk(world, event);
    case SIM_EVENT_WAKE:
        return sim_deliver_wake(world, event);
    case SIM_EVENT_COMMAND:
        return sim_deliver_command(world, event);
    case SIM_EVENT_SHUTDOWN:
        return sim_deliver_shutdown(world, event);
    case SIM_EVENT_START:
        sim_process_start(world, sim_event_target(event));
        return true;
    case SIM_EVENT_WORKLOAD:
        sim_trace_event(&world->trace, event->time_ns, SIM_EVENT_WORKLOAD, 0, event->payload);
        sim_workload_event(world, event->payload);
        return true;
    case SIM_EVENT_SCRIPT:
        sim_trace_event(&world->trace, event->time_ns, SIM_EVENT_SCRIPT, 0, 0);
        sim_script_event(world);
        return true;
    case SIM_EVENT_LINK:
        return sim_deliver_link(world, event);
    case SIM_EVENT_CONNECTION:
        return sim_deliver_connection(world, event);
    case SIM_EVENT_PROCESSOR:
        return sim_deliver_processor(world, event);
    case SIM_EVENT_KINDS:
        break;
    }
    ISR_ASSERT(false && "a known kind of event");
    return false;
}

static inline void time_set(struct sim_world *world, int64_t time_ns)
{
    if (time_ns > world->now_ns) {
        world->now_ns = time_ns;
        world->events_at_once = 0;
    }
    ISR_ASSERT(time_ns == world->now_ns);
    world->events_at_once++;
    ISR_ASSERT(world->events_at_once < EVENTS_AT_ONCE_MAX);
}

bool sim_world_step(struct sim_world *world)
{
    struct sim_event event;
    do {
        if (world->over)
            return false;
        if (!sim_queue_pop(&world->queue, &event) || event.time_ns > world->spec->duration_ns) {
            world->now_ns = world->spec->duration_ns;
            world->over = true;
            return false;
        }
        time_set(world, event.time_ns);
    } while (!carry_out(world, &event));
    world->counters.events++;
    if (world->changed) {
        world->changed = false;
        if (sim_script_waiting(world))
            sim_script_poll(world);
    }
    return !world->over;
}

void sim_world_run(struct sim_world *world)
{
    while (sim_world_step(world))
        continue;
    sim_world_finish(world);
}

void sim_world_finish(struct sim_world *world)
{
    world->over = true;
    if (world->monitor.end != NULL)
        world->monitor.end(world->monitor.object, world);
}

void sim_world_fail(struct sim_world *world, enum sim_invariant invariant, const char *format, ...)
{
    if (sim_verdict_is_violation(world->verdict))
        return;
    world->verdict = invariant == SIM_INVARIANT_L1 ? SIM_VERDICT_STUCK : SIM_VERDICT_VIOLATED;
    world->invariant = invariant;
    struct isr_text text = ISR_TEXT(world->message);
    va_list arguments;
    va_start(arguments, format);
    isr_text_vformat(&text, format, arguments);
    va_end(arguments);
    SIM_TRACE(world, 0, VIOLATED, (int64_t)invariant);
    if (world->spec->stop_at_violation)
        world->over = true;
}

/* ---- looking in ---- */

struct sim_process *sim_world_process(struct sim_world *world, int32_t node)
{
    ISR_ASSERT(node >= 1 && node <= world->processes_count);
    return &world->processes[node];
}

struct sim_process *sim_world_controller(struct sim_world *world)
{
    struct sim_process *found = NULL;
    int32_t found_term = 0;
    for (int32_t node = 1; node <= world->processes_count; node++) {
        struct sim_process *process = &world->processes[node];
        if (!(process->roles & (ISR_NODE_CONTROLLER | ISR_NODE_ENTRIES)) || process->node == NULL ||
            !isr_node_controller_active(process->node))
            continue;
        const struct isr_consensus *consensus = isr_node_consensus(process->node);
        int32_t term = consensus->ops->term(consensus);
        if (found == NULL || term > found_term) {
            found = process;
            found_term = term;
        }
    }
    return found;
}

const struct isr_consensus *sim_world_consensus(const struct sim_world *world, int32_t node)
{
    if (!sim_spec_is_controller(world->spec, node) || world->processes[node].node == NULL)
        return NULL;
    return isr_node_consensus(world->processes[node].node);
}

int32_t sim_world_quorum_leader(const struct sim_world *world, int32_t *term)
{
    int32_t leader = ISR_NODE_NONE;
    *term = 0;
    for (int32_t node = 1; node <= world->processes_count; node++) {
        const struct isr_consensus *consensus = sim_world_consensus(world, node);
        if (consensus == NULL || !consensus->ops->elected(consensus) ||
            consensus->ops->term(consensus) <= *term)
            continue;
        leader = node;
        *term = consensus->ops->term(consensus);
    }
    return leader;
}

const struct isr_image *sim_world_image(struct sim_world *world)
{
    const struct isr_image *found = NULL;
    for (int32_t node = 1; node <= world->processes_count; node++) {
        const struct sim_process *process = &world->processes[node];
        if (!(process->roles & ISR_NODE_CONTROLLER) || process->node == NULL)
            continue;
        const struct isr_image *image = isr_node_controller_image(process->node);
        if (image != NULL && (found == NULL || image->index > found->index))
            found = image;
    }
    return found;
}

bool sim_world_group(struct sim_world *world, struct isr_image_partition *group)
{
    const struct isr_partition *found = NULL;
    bool found_leads = false;
    for (int32_t node = 1; node <= world->spec->peer.count; node++) {
        const struct isr_node *engine = world->processes[node].node;
        if (engine == NULL || isr_node_partitions_count(engine) == 0)
            continue;
        const struct isr_partition *partition = isr_node_partition_at(engine, 0);
        bool leads = partition->role == ISR_ROLE_LEADER;
        if (found != NULL && (leads == found_leads ? partition->leader_epoch <= found->leader_epoch : !leads))
            continue;
        found = partition;
        found_leads = leads;
    }
    if (found == NULL)
        return false;
    *group = (struct isr_image_partition){.tp = found->tp,
                                          .leader = found_leads ? found->leader : ISR_NODE_NONE,
                                          .leader_epoch = found->leader_epoch,
                                          .partition_epoch = found->partition_epoch,
                                          .replicas = found->replicas,
                                          .isr = found->isr};
    return true;
}
