/* For tests of the mechanisms: a world without nodes. Its processes are marked as up; nothing runs in them.
 */
#ifndef SIM_TESTS_SUPPORT_H
#define SIM_TESTS_SUPPORT_H

#include <string.h>

#include "sim/world.h"

enum { TEST_US = 1000 };

static inline struct arena *test_arena(void)
{
    static struct arena *arena;
    const char *error;
    if (arena == NULL)
        arena = arena_open(ARENA_RESERVE_STANDARD, &error);
    assert_non_null(arena);
    return arena;
}

static inline struct sim_distribution test_constant(int64_t ns)
{
    return (struct sim_distribution){ns, ns, ns, ns};
}

/* nodes many processes, all up, each with a disk. */
static inline struct sim_world *test_world(int32_t nodes, uint64_t seed)
{
    struct arena *arena = test_arena();
    arena_reset(arena);
    struct arena_owner *memory = arena_owner_new(arena, "world");
    struct sim_world *world = arena_allocate(memory, sizeof *world);
    world->memory = memory;
    world->arena = arena;
    world->heap = arena_owner_heap(memory);
    struct sim_spec *spec = arena_allocate(memory, sizeof *spec);
    *spec = sim_spec_default();
    spec->brokers = nodes - 1; /* and the world's own client */
    spec->controllers = 1;
    world->spec = spec;
    world->seed = seed;
    world->processes_count = nodes;
    sim_queue_init(&world->queue, &world->heap);
    sim_random_init(&world->random, seed, (uint32_t)nodes + 1, &world->heap);
    sim_network_init(&world->network, arena_owner_new(arena, "network"), &spec->network, nodes, seed);
    sim_trace_init(&world->trace, arena_owner_new(arena, "trace"));
    world->bites = arena_allocate(memory, sizeof *world->bites); /* there are no steps */
    world->processes = arena_allocate(memory, sizeof *world->processes * (size_t)(nodes + 1));
    for (int32_t node = 1; node <= nodes; node++) {
        struct sim_process *process = &world->processes[node];
        process->id = node;
        process->state = SIM_PROCESS_UP;
        process->incarnation = 1;
        process->disk = sim_disk_new(arena_owner_new(arena, "disk"), node, &spec->disk);
        sim_clock_init(&process->clock, 0, 0);
    }
    return world;
}

#endif
