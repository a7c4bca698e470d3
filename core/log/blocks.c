/* Memory of batches: blocks of the node's heap, each filled from its start, none ever moved, so that a
 * batch's bytes stay where they are (a write effect and a read point straight at them) and growth copies
 * nothing. A batch lies in one block whole. The first blocks of a log are small, for worlds of many quiet
 * partitions. */
#include <string.h>

#include "core/log/internal.h"

struct isr_log_block {
    struct isr_log_block *previous, *next;
    int64_t base_offset; /* of its first batch */
    uint32_t used_bytes, capacity_bytes;
    uint8_t data[];
};

/* The largest leave room for an allocator's own header in 16 KiB: one byte more would cost as much again. */
enum { BLOCK_BYTES_MIN = 2048, BLOCK_BYTES_MAX = 16384 - 64 };

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

/* ---- compaction ---- */

/* The block of the batch at the offset: the last that begins at or below it. */
static struct isr_log_block *block_of(const struct isr_log *log, int64_t offset)
{
    struct isr_log_block *block = log->block;
    while (block->base_offset > offset)
        block = block->previous;
    return block;
}

/* Takes the place of the blocks from first to last in the list, which are given back. */
static void block_put(struct isr_log *log, struct isr_log_block *block, struct isr_log_block *first,
                      struct isr_log_block *last)
{
    block->previous = first->previous;
    block->next = last->next;
    *(block->previous != NULL ? &block->previous->next : &log->block_first) = block;
    *(block->next != NULL ? &block->next->previous : &log->block) = block;
    for (struct isr_log_block *gone = first; gone != block->next;) {
        struct isr_log_block *next = gone->next;
        isr_heap_release(log->env->heap, gone);
        gone = next;
    }
}

static uint32_t bytes_of(const struct isr_batch_place *places, uint32_t count)
{
    uint32_t size = 0;
    for (uint32_t i = 0; i < count; i++)
        size += places[i].size_bytes;
    return size;
}

static void move_in(struct isr_log_block *block, struct isr_batch_place *places, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        memcpy(block->data + block->used_bytes, places[i].data, places[i].size_bytes);
        places[i].data = block->data + block->used_bytes;
        block->used_bytes += places[i].size_bytes;
    }
}

void isr_log_blocks_replace(struct isr_log *log, uint32_t first, uint32_t end,
                            const struct isr_batch_place *replacement, uint32_t count)
{
    struct isr_batch_place *places = log->places;
    struct isr_log_block *from = block_of(log, places[first].base_offset);
    struct isr_log_block *to = block_of(log, places[end - 1].base_offset);
    uint32_t low = first, high = end;
    while (low > 0 && places[low - 1].base_offset >= from->base_offset)
        low--;
    while (high < log->places_count && (to->next == NULL || places[high].base_offset < to->next->base_offset))
        high++;
    uint32_t capacity = bytes_of(places + low, first - low) + bytes_of(replacement, count) +
                        bytes_of(places + end, high - end);
    struct isr_log_block *block = isr_heap_allocate(log->env->heap, sizeof *block + capacity);
    block->base_offset = places[low].base_offset;
    block->capacity_bytes = capacity;
    isr_log_detach_effects(log);
    move_in(block, places + low, first - low);
    memcpy(places + first, replacement, count * sizeof *places);
    move_in(block, places + first, count);
    move_in(block, places + end, high - end);
    block_put(log, block, from, to);
    isr_log_places_take_out(log, first + count, end - first - count);
}
