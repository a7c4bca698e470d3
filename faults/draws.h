/* Random choices of a generated scenario. Draws of one purpose: hash(seed, purpose, own counter). */
#ifndef FAULT_DRAWS_H
#define FAULT_DRAWS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/hash.h"

struct fault_draws {
    uint64_t key;
    uint64_t counter;
};

static inline uint64_t fault_draw(struct fault_draws *draws)
{
    return isr_hash_combine(draws->key, draws->counter++);
}

/* Uniform in [low, high]. */
static inline int64_t fault_between(struct fault_draws *draws, int64_t low, int64_t high)
{
    return low + (int64_t)(fault_draw(draws) % (uint64_t)(high - low + 1));
}

static inline bool fault_one_in(struct fault_draws *draws, int64_t n)
{
    return fault_between(draws, 1, n) == 1;
}

#endif
