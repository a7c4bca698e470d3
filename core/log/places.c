/* The places of a log's batches: an array that grows at its end and gives way at its front, in amortised
 * constant time. What was given way is used again before more is taken, and given back when little is left.
 */
#include <string.h>

#include "core/log/internal.h"

enum { PLACES_MIN = 8 };

static void places_move(struct isr_log *log, uint32_t capacity)
{
    struct isr_heap *heap = log->env->heap;
    struct isr_batch_place *memory = isr_heap_allocate(heap, capacity * sizeof *memory);
    if (log->places_count > 0)
        memcpy(memory, log->places, log->places_count * sizeof *memory);
    isr_heap_release(heap, log->places_memory);
    log->places = log->places_memory = memory;
    log->places_capacity = capacity;
}

struct isr_batch_place *isr_log_place_add(struct isr_log *log)
{
    uint32_t front = (uint32_t)(log->places - log->places_memory);
    if (log->places_count < log->places_capacity)
        return &log->places[log->places_count++];
    if (front > log->places_count) {
        memcpy(log->places_memory, log->places, log->places_count * sizeof *log->places);
        log->places = log->places_memory;
        log->places_capacity += front;
    } else {
        places_move(log, log->places_count < PLACES_MIN / 2 ? PLACES_MIN : log->places_count * 2);
    }
    return &log->places[log->places_count++];
}

void isr_log_places_drop_front(struct isr_log *log, uint32_t count)
{
    log->places += count;
    log->places_count -= count;
    log->places_capacity -= count;
    uint32_t whole = (uint32_t)(log->places - log->places_memory) + log->places_capacity;
    if (whole > PLACES_MIN * 2 && log->places_count < whole / 8)
        places_move(log, log->places_count < PLACES_MIN / 2 ? PLACES_MIN : log->places_count * 2);
}

void isr_log_places_take_out(struct isr_log *log, uint32_t first, uint32_t count)
{
    log->places_count -= count;
    memmove(log->places + first, log->places + first + count,
            (log->places_count - first) * sizeof *log->places);
}
