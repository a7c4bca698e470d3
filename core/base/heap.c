#include "core/base/heap.h"

#include <string.h>

#include "core/base/assert.h"

enum { SCRATCH_CHUNK_BYTES = 8192 - 64 };

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

void isr_scratch_widen(struct isr_scratch *scratch, size_t size_bytes)
{
    size_t wanted = size_bytes > SCRATCH_CHUNK_BYTES ? size_bytes : SCRATCH_CHUNK_BYTES;
    scratch->current->next = chunk_new(scratch->heap, wanted);
    scratch->current = scratch->current->next;
}

void isr_scratch_narrow(struct isr_scratch *scratch)
{
    for (struct isr_scratch_chunk *chunk = scratch->first->next, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        isr_heap_release(scratch->heap, chunk);
    }
    scratch->first->next = NULL;
    scratch->current = scratch->first;
}
