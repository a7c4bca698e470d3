/* One step of the engine and what comes out of it: observations first, in order, then effects, in order, then
 * the end of the process where an effect says so. */
#include <setjmp.h>

#include "sim/process.h"
#include "sim/workload.h"

static void count_observation(struct sim_world *world, const struct isr_observation *observation)
{
    if (observation->kind == ISR_OBSERVED_BECAME_LEADER)
        world->counters.leader_elections++;
    else if (observation->kind == ISR_OBSERVED_ISR_COMMITTED)
        world->counters.isr_changes++;
    else if (observation->kind == ISR_OBSERVED_LOG_TRUNCATED)
        world->counters.truncations++;
    else if (observation->kind == ISR_OBSERVED_METADATA_SNAPSHOT_LOADED ||
             observation->kind == ISR_OBSERVED_QUORUM_SNAPSHOT_INSTALLED)
        world->counters.snapshots_installed++;
    else if (observation->kind == ISR_OBSERVED_YIELDED)
        world->counters.yields++;
    else if (observation->kind == ISR_OBSERVED_ROT_FOUND)
        world->counters.batches_repaired += (uint64_t)observation->rot_found.batches;
}

static void route_observations(struct sim_world *world, int32_t node, const struct isr_effects *effects)
{
    for (uint32_t i = 0; i < effects->observations_count; i++) {
        const struct isr_observation *observation = &effects->observations[i];
        sim_trace_observation(world, node, observation);
        count_observation(world, observation);
        if (world->coverage != NULL)
            sim_coverage_observation(world, node, observation);
        if (world->monitor.observation != NULL)
            world->monitor.observation(world->monitor.object, world, node, observation);
    }
    world->changed = world->changed || effects->observations_count > 0;
}

static void route_to_client(struct sim_world *world, int32_t node, const struct isr_effect *effect)
{
    world->changed = true;
    if (effect->kind == ISR_EFFECT_REPLY)
        SIM_TRACE(world, node, COMMAND_ANSWERED, (int64_t)effect->id, effect->error, isr_tp_key(effect->tp),
                  effect->offset);
    if (world->monitor.client != NULL)
        world->monitor.client(world->monitor.object, world, node, effect);
    sim_workload_client(world, node, effect);
}

/* The effect that ends the process, or NULL. */
static const struct isr_effect *route_effects(struct sim_world *world, struct sim_process *process,
                                              const struct isr_effects *effects)
{
    const struct isr_effect *exit = NULL;
    for (uint32_t i = 0; i < effects->count; i++) {
        const struct isr_effect *effect = &effects->items[i];
        switch (effect->kind) {
        case ISR_EFFECT_SEND:
            sim_network_send(world, process->id, effect->to, effect->bytes);
            break;
        case ISR_EFFECT_WRITE:
        case ISR_EFFECT_SYNC:
        case ISR_EFFECT_REPLACE:
        case ISR_EFFECT_TRUNCATE:
        case ISR_EFFECT_DELETE:
        case ISR_EFFECT_READ:
        case ISR_EFFECT_LIST:
            ISR_ASSERT(process->disk != NULL);
            sim_disk_submit(world, process->disk, process->incarnation, effect);
            break;
        case ISR_EFFECT_REPLY:
        case ISR_EFFECT_RECORDS:
            route_to_client(world, process->id, effect);
            break;
        case ISR_EFFECT_EXIT:
            exit = effect;
            break;
        }
    }
    return exit;
}

static void process_exit(struct sim_world *world, struct sim_process *process, bool clean)
{
    if (clean) {
        world->counters.shutdowns++;
        sim_world_bite(world, process->stopped_step);
        SIM_TRACE(world, process->id, PROCESS_STOPPED, (process->incarnation + 1) / 2);
    } else {
        world->counters.halts++;
        SIM_TRACE(world, process->id, PROCESS_HALTED, (process->incarnation + 1) / 2);
    }
    sim_process_died(world, process, clean);
}

void sim_process_arrange_wake(struct sim_world *world, struct sim_process *process)
{
    if (process->wake_wanted_ns == ISR_TIME_NEVER || process->state != SIM_PROCESS_UP)
        return;
    int64_t at_ns = sim_clock_world(&process->clock, world->now_ns, process->wake_wanted_ns);
    uint32_t count = process->wakes_count;
    if (at_ns == ISR_TIME_NEVER || (count > 0 && process->wake_at_ns[count - 1] <= at_ns))
        return;
    if (count == SIM_WAKES_MAX) {
        for (uint32_t i = 1; i < count; i++)
            process->wake_at_ns[i - 1] = process->wake_at_ns[i];
        count--;
    }
    process->wake_at_ns[count] = at_ns;
    process->wakes_count = count + 1;
    sim_queue_push(&world->queue, at_ns, SIM_EVENT_WAKE, process->id, process->incarnation);
}

void sim_process_arrange_processor(struct sim_world *world, struct sim_process *process)
{
    if (process->processor_queued)
        return;
    process->processor_queued = true;
    int64_t at_ns = process->busy_until_ns > world->now_ns ? process->busy_until_ns : world->now_ns;
    sim_queue_push(&world->queue, at_ns, SIM_EVENT_PROCESSOR, process->id, process->incarnation);
}

/* The allocator (sim/process.c) jumps out of a step that needs more than there is. Whatever the engine had
 * half done lies in the node's memory, which goes as a whole; none of its effects was looked at. False: that
 * happened. */
static bool step_bounded(struct sim_process *process, const struct isr_event *event,
                         struct isr_effects *effects)
{
    jmp_buf exhausted;
    process->exhausted = &exhausted;
    if (setjmp(exhausted) != 0) {
        process->exhausted = NULL;
        return false;
    }
    isr_node_step(process->node, event, effects);
    process->exhausted = NULL;
    return true;
}

void sim_process_step(struct sim_world *world, struct sim_process *process, struct isr_event *event)
{
    struct isr_effects effects;
    world->steps++;
    sim_clock_read(&process->clock, world->now_ns, &event->now_ns, &event->real_ns);
    if (world->coverage != NULL && event->kind != ISR_EVENT_MESSAGE)
        sim_coverage_event(world, process, event->kind);
    event->behind_ns = process->deferred != NULL ? world->now_ns - process->deferred_since_ns : 0;
    if (process->memory_limit_bytes == 0) {
        isr_node_step(process->node, event, &effects);
    } else if (!step_bounded(process, event, &effects)) {
        sim_process_exhausted(world, process);
        return;
    }
    if (effects.observations_count > 0)
        route_observations(world, process->id, &effects);
    const struct isr_effect *exit = route_effects(world, process, &effects);
    if (exit != NULL) {
        process_exit(world, process, exit->clean);
        return;
    }
    if (process->step_cost_ns > 0)
        process->busy_until_ns = world->now_ns + process->step_cost_ns;
    process->wake_wanted_ns = effects.wake_ns;
    sim_process_arrange_wake(world, process);
}
