#include "sim/checkpoint.h"

static bool in_arena(const struct arena *arena, const void *object)
{
    uintptr_t base = (uintptr_t)arena, place = (uintptr_t)object;
    return place >= base && place - base < arena_used_bytes(arena);
}

bool sim_checkpoint_take(struct sim_checkpoint *checkpoint, struct sim_world *world)
{
    ISR_ASSERT(world->monitor.object == NULL || in_arena(world->arena, world->monitor.object));
    for (int32_t node = 1; node <= world->processes_count; node++)
        ISR_ASSERT(world->processes[node].exhausted == NULL);
    sim_trace_sink *sink = world->trace.sink;
    void *object = world->trace.sink_object;
    int level = world->trace.sink_level;
    sim_trace_listen(&world->trace, NULL, NULL, ISR_IMPORTANCE_story);
    bool taken = arena_copy_take(&checkpoint->copy, world->arena);
    if (sink != NULL)
        sim_trace_listen(&world->trace, sink, object, (enum isr_importance)level);
    checkpoint->world = taken ? world : NULL;
    checkpoint->now_ns = world->now_ns;
    checkpoint->events = world->counters.events;
    checkpoint->hash = world->trace.hash;
    return taken;
}

struct sim_world *sim_checkpoint_restore(const struct sim_checkpoint *checkpoint)
{
    ISR_ASSERT(checkpoint->world != NULL);
    arena_copy_put_back(&checkpoint->copy);
    ISR_ASSERT(checkpoint->world->trace.hash == checkpoint->hash);
    return checkpoint->world;
}

bool sim_checkpoint_equals(const struct sim_checkpoint *checkpoint, uint64_t *where)
{
    return arena_copy_equals(&checkpoint->copy, where);
}

void sim_checkpoint_free(struct sim_checkpoint *checkpoint)
{
    arena_copy_free(&checkpoint->copy);
    checkpoint->world = NULL;
}

/* ---- chance ---- */

void sim_world_reseed(struct sim_world *world, uint64_t seed)
{
    world->seed = seed;
    world->random.seed = seed;
    sim_network_reseed(&world->network, seed);
    for (int32_t node = 1; node <= world->processes_count; node++) {
        const struct sim_process *process = &world->processes[node];
        if (process->node == NULL)
            continue;
        uint64_t actor = (uint64_t)process->incarnation << 32 | (uint32_t)node;
        isr_node_reseed(process->node, sim_random_key(seed, SIM_RANDOM_NODE, actor));
    }
}
