#include "core/base/heap.h"

#include <string.h>

#include "core/base/assert.h"

enum { SCRATCH_CHUNK_BYTES = 8192 - 64 };

struct isr_scratch_chunk {
    struct isr_scratch_chunk *next;
    size_t size_bytes;
    size_t used_bytes;
    uint8_t data[];
};

void *isr_heap_allocate(struct isr_heap *heap, size_t size_bytes)
{
    void *block = heap->allocate(heap->owner, size_bytes);
    ISR_ASSERT(block != NULL);
    return block;
}

void isr_heap_release(struct isr_heap *heap, void *block)
{
    if (block != NULL)
        heap->release(heap->owner, block);
}

void *isr_heap_resize(struct isr_heap *heap, void *block, size_t old_bytes, size_t new_bytes)
{
    void *bigger = isr_heap_allocate(heap, new_bytes);
    if (block != NULL) {
        memcpy(bigger, block, old_bytes < new_bytes ? old_bytes : new_bytes);
        heap->release(heap->owner, block);
    }
    return bigger;
}

void *isr_heap_grow(struct isr_heap *heap, void *array, size_t element_bytes, uint32_t count,
                    uint32_t *capacity)
{
    uint32_t wider = *capacity == 0 ? 8 : *capacity * 2;
    ISR_ASSERT(wider > count);
    void *bigger = isr_heap_resize(heap, array, element_bytes * count, element_bytes * wider);
    *capacity = wider;
    return bigger;
}

static struct isr_scratch_chunk *chunk_new(struct isr_heap *heap, size_t size_bytes)
{
    struct isr_scratch_chunk *chunk = isr_heap_allocate(heap, sizeof *chunk + size_bytes);
    chunk->size_bytes = size_bytes;
    return chunk;
}

void isr_scratch_init(struct isr_scratch *scratch, struct isr_heap *heap)
{
    scratch->heap = heap;
    scratch->first = chunk_new(heap, SCRATCH_CHUNK_BYTES);
    scratch->current = scratch->first;
}

void *isr_scratch_allocate(struct isr_scratch *scratch, size_t size_bytes)
{
    size_bytes = (size_bytes + 7) & ~(size_t)7;
    struct isr_scratch_chunk *chunk = scratch->current;
    if (chunk->used_bytes + size_bytes > chunk->size_bytes) {
        size_t wanted = size_bytes > SCRATCH_CHUNK_BYTES ? size_bytes : SCRATCH_CHUNK_BYTES;
        chunk->next = chunk_new(scratch->heap, wanted);
        chunk = chunk->next;
        scratch->current = chunk;
    }
    void *memory = chunk->data + chunk->used_bytes;
    chunk->used_bytes += size_bytes;
    return memory;
}

void isr_scratch_reset(struct isr_scratch *scratch)
{
    struct isr_scratch_chunk *chunk = scratch->first->next;
    while (chunk != NULL) {
        struct isr_scratch_chunk *next = chunk->next;
        isr_heap_release(scratch->heap, chunk);
        chunk = next;
    }
    scratch->first->next = NULL;
    scratch->first->used_bytes = 0;
    scratch->current = scratch->first;
}
