/* A world as it is between two events, to go back to: any number of times, from whatever the arena holds by
 * then - the same world earlier or later, or another one. Engine, disks, network, queue, clients, steps and
 * checks are all in it, since all of them lie in the arena (sim/base/arena_copy.h says how it is copied).
 *
 *   take      the world goes on as if nothing had been
 *   restore   the world is what it was, byte for byte; it stands at the same address
 *   reseed    from here on chance is another one
 *
 * What a world refers to outside of its arena, and what becomes of it:
 *   code (a monitor's functions, the engine's callbacks)   valid as long as the process runs
 *   the monitor's object                                   must lie in the arena, as the checks do; asserted
 *   the trace's sink                                       not in it: after a restore nobody listens
 *   libraft's pointer to the heap in use                   set at each entry into the library
 *   the jump out of a step that runs out of memory         only during a step; asserted
 * What others keep of a world (pointers to its blocks, lengths) is theirs to forget at a restore. */
#ifndef SIM_CHECKPOINT_H
#define SIM_CHECKPOINT_H

#include "sim/base/arena_copy.h"
#include "sim/world.h"

/* Zeroed: empty. */
struct sim_checkpoint {
    struct arena_copy copy;
    struct sim_world *world; /* NULL: empty */
    int64_t now_ns;
    uint64_t events; /* carried out before it */
    uint64_t hash;
};

/* Between two events. What it held before is forgotten, its memory used again. False: the system gives none.
 */
bool sim_checkpoint_take(struct sim_checkpoint *checkpoint, struct sim_world *world);
/* The world as it was. Its trace has no sink. */
struct sim_world *sim_checkpoint_restore(const struct sim_checkpoint *checkpoint);
/* Is the arena, byte for byte, what it was when this was taken? *where: the first difference, from the
 * arena's base. A sink makes a difference. */
bool sim_checkpoint_equals(const struct sim_checkpoint *checkpoint, uint64_t *where);
void sim_checkpoint_free(struct sim_checkpoint *checkpoint);

/* From now on every draw is keyed by this seed: the network's, the disks', the nodes'. What was drawn before
 * stays: messages on their way, timers that run. */
void sim_world_reseed(struct sim_world *world, uint64_t seed);

#endif
