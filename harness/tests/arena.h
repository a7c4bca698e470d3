/* The arena of a test program whose runs are made one after the other: set up and torn down with its group.
 */
#ifndef HARNESS_TESTS_ARENA_H
#define HARNESS_TESTS_ARENA_H

#include "harness/runner.h"

static struct arena *arena;

static inline int open_arena(void **state)
{
    (void)state;
    arena = runner_arena();
    return arena != NULL ? 0 : -1;
}

static inline int close_arena(void **state)
{
    (void)state;
    arena_close(arena);
    return 0;
}

#endif
