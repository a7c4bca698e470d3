/* isrsim selftest: what the simulator claims of itself, put to the proof on this machine. */
#ifndef HARNESS_SELFTEST_H
#define HARNESS_SELFTEST_H

#include "faults/generate.h"
#include "sim/checkpoint.h"

/* The moments of a run at which checkpoints are taken: three random events, each in a third of it, and its
 * end. */
enum { SELFTEST_END = 3, SELFTEST_MOMENTS };

/* What was proven so far, and room to prove more in. Zeroed to begin with. */
struct selftest_checkpoints {
    struct fault_plan plan, other;
    struct sim_checkpoint moments[SELFTEST_MOMENTS];
    uint64_t seeds, taken, restored, bytes_compared;
    uint64_t hash;     /* of the run under test, without checkpoints */
    char message[256]; /* what is wrong with the seed that failed */
};

/* One random run of the default profile:
 *   - with checkpoints it ends with the hash that it has without
 *   - from each of them it does so again, and the whole arena is then, byte for byte, what it was at the end
 *   - from an earlier one, gone on to a later one, every byte is that one's
 *   - also where another seed's world was in the arena meanwhile
 * Structs have bytes between their members that take whatever the stack held before; so the stack is cleaned
 * at each moment, in the run itself and in those from a checkpoint.
 * False: it is not so; message tells. */
bool selftest_checkpoints_seed(struct selftest_checkpoints *test, struct arena *arena, uint64_t seed);
void selftest_checkpoints_free(struct selftest_checkpoints *test);

#endif
