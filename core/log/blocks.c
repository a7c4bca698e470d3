/* Memory of batches: blocks of the node's heap, each filled from its start, none ever moved, so that a
 * batch's bytes stay where they are (a write effect and a read point straight at them) and growth copies
 * nothing. A batch lies in one block whole. The first blocks of a log are small, for worlds of many quiet
 * partitions. */
#include "core/log/internal.h"

struct isr_log_block {
    struct isr_log_block *previous, *next;
    int64_t base_offset; /* of its first batch */
    uint32_t used_bytes, capacity_bytes;
    uint8_t data[];
};

enum { BLOCK_BYTES_MIN = 2048, BLOCK_BYTES_MAX = 16384 };

static uint32_t next_capacity(const struct isr_log_block *last, uint32_t size_bytes)
{
    uint32_t wanted = last == NULL ? BLOCK_BYTES_MIN : last->capacity_bytes * 2;
    if (wanted > BLOCK_BYTES_MAX)
        wanted = BLOCK_BYTES_MAX;
    wanted -= (uint32_t)sizeof(struct isr_log_block);
    return size_bytes > wanted ? size_bytes : wanted;
}

uint8_t *isr_log_block_take(struct isr_log *log, int64_t base_offset, uint32_t size_bytes)
{
    struct isr_log_block *block = log->block;
    if (block == NULL || block->capacity_bytes - block->used_bytes < size_bytes) {
        uint32_t capacity = next_capacity(block, size_bytes);
        block = isr_heap_allocate(log->env->heap, sizeof *block + capacity);
        block->previous = log->block;
        if (log->block != NULL)
            log->block->next = block;
        else
            log->block_first = block;
        block->base_offset = base_offset;
        block->capacity_bytes = capacity;
        log->block = block;
    }
    uint8_t *data = block->data + block->used_bytes;
    block->used_bytes += size_bytes;
    return data;
}

void isr_log_blocks_trim(struct isr_log *log)
{
    const struct isr_batch_place *last = log->places_count > 0 ? &log->places[log->places_count - 1] : NULL;
    while (log->block != NULL && (last == NULL || log->block->base_offset > last->base_offset)) {
        struct isr_log_block *previous = log->block->previous;
        isr_heap_release(log->env->heap, log->block);
        log->block = previous;
        if (previous != NULL)
            previous->next = NULL;
        else
            log->block_first = NULL;
    }
    if (last != NULL)
        log->block->used_bytes = (uint32_t)(last->data - log->block->data) + last->size_bytes;
}

void isr_log_blocks_drop_front(struct isr_log *log)
{
    if (log->places_count == 0) {
        isr_log_blocks_trim(log);
        return;
    }
    while (log->block_first->next != NULL &&
           log->block_first->next->base_offset <= log->places[0].base_offset) {
        struct isr_log_block *gone = log->block_first;
        log->block_first = gone->next;
        log->block_first->previous = NULL;
        isr_heap_release(log->env->heap, gone);
    }
}
