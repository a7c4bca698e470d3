/* For tests: a heap on malloc that counts live blocks, a node's environment on it, and a small generator of
 * pseudo-random numbers. Header-only; include it after <cmocka.h> or without it. */
#ifndef ISR_TESTS_SUPPORT_H
#define ISR_TESTS_SUPPORT_H

#include <stdlib.h>
#include <string.h>

#include "core/base/env.h"
#include "core/base/hash.h"

enum { TEST_HEAP_ALIGNMENT = 16 };

/* Blocks form a ring, so that a test can drop the heap whole, as a crash does. */
struct test_block {
    struct test_block *previous, *next;
    size_t size_bytes;
    uint64_t guard;
};

struct test_heap {
    struct isr_heap heap; /* what the engine sees */
    struct test_block ring;
    size_t live_blocks;
    size_t live_bytes;
    size_t peak_bytes;
};

#define TEST_HEAP_GUARD UINT64_C(0x5ea1ab1e0ddba11)

static inline void *test_heap_allocate(void *owner, size_t size_bytes)
{
    struct test_heap *heap = owner;
    struct test_block *block = calloc(1, sizeof *block + size_bytes);
    if (block == NULL)
        return NULL;
    block->size_bytes = size_bytes;
    block->guard = TEST_HEAP_GUARD;
    block->next = &heap->ring;
    block->previous = heap->ring.previous;
    block->previous->next = block;
    heap->ring.previous = block;
    heap->live_blocks++;
    heap->live_bytes += size_bytes;
    if (heap->live_bytes > heap->peak_bytes)
        heap->peak_bytes = heap->live_bytes;
    return block + 1;
}

static inline void test_heap_release(void *owner, void *memory)
{
    struct test_heap *heap = owner;
    struct test_block *block = (struct test_block *)memory - 1;
    if (block->guard != TEST_HEAP_GUARD)
        abort();
    block->guard = 0;
    block->previous->next = block->next;
    block->next->previous = block->previous;
    heap->live_blocks--;
    heap->live_bytes -= block->size_bytes;
    free(block);
}

/* The heap must not move afterwards. Give &heap->heap to the engine. */
static inline void test_heap_init(struct test_heap *heap)
{
    *heap = (struct test_heap){0};
    heap->ring.previous = heap->ring.next = &heap->ring;
    heap->heap = (struct isr_heap){test_heap_allocate, test_heap_release, heap};
}

/* Frees every live block without asking anybody: a crash, or the end of a test. */
static inline void test_heap_drop(struct test_heap *heap)
{
    while (heap->ring.next != &heap->ring)
        test_heap_release(heap, heap->ring.next + 1);
}

/* An environment of node 1 with the default configuration and the correct rules; begun at time 0. */
static inline void test_env_init(struct isr_env *env, struct test_heap *heap)
{
    struct isr_config config = isr_config_default();
    struct isr_rules rules = {0};
    isr_env_init(env, 1, &heap->heap, &config, &rules, 1);
    isr_env_begin(env, 0);
}

/* ---- pseudo-random numbers: equal on every machine ---- */

struct test_random {
    uint64_t state;
};

static inline uint64_t test_random_next(struct test_random *random)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    return isr_mix(random->state);
}

/* Uniform in [0, bound); bound > 0. */
static inline uint32_t test_random_below(struct test_random *random, uint32_t bound)
{
    return (uint32_t)(test_random_next(random) % bound);
}

/* True once in `times` on average. */
static inline bool test_random_chance(struct test_random *random, uint32_t times)
{
    return test_random_below(random, times) == 0;
}

#endif
