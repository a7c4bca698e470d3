/* Memory of one node, handed in from outside: the engine never calls malloc.
 *
 * A crash drops the whole heap; nothing in it is ever asked to clean up. Blocks are 16-byte aligned and
 * zeroed. Exhaustion is an engine assertion. */
#ifndef ISR_BASE_HEAP_H
#define ISR_BASE_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct isr_heap {
    void *(*allocate)(void *owner, size_t size_bytes); /* zeroed; NULL when exhausted */
    void (*release)(void *owner, void *block);
    void *owner;
};

/* A zeroed block; asserts that there is one. */
void *isr_heap_allocate(struct isr_heap *heap, size_t size_bytes);
/* A block of new_bytes with the first old_bytes of `block` (NULL allowed), which is consumed. */
void *isr_heap_resize(struct isr_heap *heap, void *block, size_t old_bytes, size_t new_bytes);
/* NULL is allowed. */
void isr_heap_release(struct isr_heap *heap, void *block);

/* Makes room for one more element in a growing array: (heap, array, count, &capacity) -> the array. */
#define ISR_GROW(heap, array, count, capacity) \
    ((count) < (capacity) ? (array) : isr_heap_grow((heap), (array), sizeof *(array), (count), &(capacity)))
void *isr_heap_grow(struct isr_heap *heap, void *array, size_t element_bytes, uint32_t count,
                    uint32_t *capacity);

/* Bump memory that is emptied at the start of each step: decoded messages, encoded frames, lists. */
struct isr_scratch_chunk {
    struct isr_scratch_chunk *next;
    size_t size_bytes;
    size_t used_bytes;
    uint8_t data[];
};
struct isr_scratch {
    struct isr_heap *heap;
    struct isr_scratch_chunk *first;
    struct isr_scratch_chunk *current;
};

void isr_scratch_init(struct isr_scratch *scratch, struct isr_heap *heap);
/* Makes a chunk for so many bytes the current one; the cold part of allocate. */
void isr_scratch_widen(struct isr_scratch *scratch, size_t size_bytes);
/* Gives back all chunks but the first; the cold part of reset. */
void isr_scratch_narrow(struct isr_scratch *scratch);

/* Uninitialised, 8-byte aligned memory, valid until the next reset. */
static inline void *isr_scratch_allocate(struct isr_scratch *scratch, size_t size_bytes)
{
    size_bytes = (size_bytes + 7) & ~(size_t)7;
    if (scratch->current->size_bytes - scratch->current->used_bytes < size_bytes)
        isr_scratch_widen(scratch, size_bytes);
    struct isr_scratch_chunk *chunk = scratch->current;
    void *memory = chunk->data + chunk->used_bytes;
    chunk->used_bytes += size_bytes;
    return memory;
}

static inline void isr_scratch_reset(struct isr_scratch *scratch)
{
    if (scratch->first != scratch->current)
        isr_scratch_narrow(scratch);
    scratch->first->used_bytes = 0;
}

#endif
