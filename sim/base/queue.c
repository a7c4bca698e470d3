#include "sim/base/queue.h"

#include "core/base/hash.h"

enum { CAPACITY_FIRST = 256 };

void sim_queue_init(struct sim_queue *queue, struct isr_heap *heap)
{
    *queue = (struct sim_queue){.heap = heap, .capacity = CAPACITY_FIRST};
    queue->items = isr_heap_allocate(heap, CAPACITY_FIRST * sizeof *queue->items);
}

void sim_queue_grow(struct sim_queue *queue)
{
    ISR_ASSERT(queue->sequence_next < UINT64_C(1) << 40);
    queue->items =
        isr_heap_grow(queue->heap, queue->items, sizeof *queue->items, queue->count, &queue->capacity);
}

uint64_t sim_queue_bench(struct isr_heap *heap, uint32_t pending, uint64_t events, uint64_t seed)
{
    struct sim_queue queue;
    sim_queue_init(&queue, heap);
    for (uint32_t i = 0; i < pending; i++)
        sim_queue_push(&queue, (int64_t)(isr_hash_combine(seed, i) & 0xfffff), SIM_EVENT_MESSAGE,
                       (int32_t)(i & 15), i);
    uint64_t hash = seed;
    struct sim_event event;
    for (uint64_t i = 0; i < events && sim_queue_pop(&queue, &event); i++) {
        /* One multiplication scatters enough here; the loop is to be measured, not its handler. */
        uint64_t draw = ((event.order ^ seed) * UINT64_C(0x9e3779b97f4a7c15)) >> 40;
        if (sim_event_kind(&event) != SIM_EVENT_MESSAGE)
            continue;
        hash ^= draw + (uint64_t)event.time_ns;
        sim_queue_push(&queue, event.time_ns + (int64_t)(draw & 0xfffff), SIM_EVENT_MESSAGE,
                       sim_event_target(&event), event.payload);
    }
    isr_heap_release(heap, queue.items);
    return hash;
}
