/* The queue of a world: events ordered by (time, sequence), the sequence given by the order of pushing.
 *
 * A 4-ary heap of 24-byte entries. Popping leaves a hole at the root, which the next push fills directly:
 * most events cause one other, and one way down the heap is then saved. Everything is inline: the loop around
 * it is the hottest of all. */
#ifndef SIM_BASE_QUEUE_H
#define SIM_BASE_QUEUE_H

#include <stdbool.h>

#include "core/base/assert.h"
#include "core/base/heap.h"
#include "core/base/types.h"

enum sim_event_kind {
    SIM_EVENT_START,      /* target: node; payload: nothing */
    SIM_EVENT_MESSAGE,    /* target: receiver; payload: struct sim_message */
    SIM_EVENT_DISK,       /* target: node; payload: struct sim_disk_operation */
    SIM_EVENT_WAKE,       /* target: node; payload: its incarnation */
    SIM_EVENT_COMMAND,    /* target: client; payload: struct sim_pending_command */
    SIM_EVENT_SHUTDOWN,   /* target: node; payload: its incarnation */
    SIM_EVENT_WORKLOAD,   /* target: the client's place; payload: the workload's */
    SIM_EVENT_SCRIPT,     /* a step's time has come */
    SIM_EVENT_LINK,       /* target: sender; payload: receiver, and which turn of the link's line it is */
    SIM_EVENT_CONNECTION, /* target: who is told or gives up; payload: sim/connection.c's */
    SIM_EVENT_PROCESSOR,  /* target: node whose processor is free again; payload: its incarnation */
    SIM_EVENT_KINDS
};

struct sim_event {
    int64_t time_ns;
    uint64_t order; /* sequence << 24 | kind << 16 | target */
    uint64_t payload;
};

struct sim_queue {
    struct isr_heap *heap;
    struct sim_event *items;
    uint32_t count; /* the hole counts */
    uint32_t capacity;
    bool hole; /* items[0] was taken */
    uint64_t sequence_next;
};

static inline enum sim_event_kind sim_event_kind(const struct sim_event *event)
{
    return (enum sim_event_kind)(event->order >> 16 & 0xff);
}
static inline int32_t sim_event_target(const struct sim_event *event)
{
    return (int32_t)(event->order & 0xffff);
}
static inline void *sim_event_pointer(const struct sim_event *event)
{
    return (void *)(uintptr_t)event->payload;
}

void sim_queue_init(struct sim_queue *queue, struct isr_heap *heap);
/* Makes room; the cold part of push. */
void sim_queue_grow(struct sim_queue *queue);

static inline bool sim_event_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->time_ns < b->time_ns || (a->time_ns == b->time_ns && a->order < b->order);
}

/* Puts event where it belongs, from the hole at place downwards. */
static inline void sim_queue_sift_down(struct sim_queue *queue, uint32_t place, const struct sim_event *event)
{
    struct sim_event *items = queue->items;
    uint32_t count = queue->count;
    for (;;) {
        uint32_t child = 4 * place + 1;
        if (child >= count)
            break;
        uint32_t end = child + 4 < count ? child + 4 : count;
        uint32_t best = child;
        for (uint32_t other = child + 1; other < end; other++)
            best = sim_event_before(&items[other], &items[best]) ? other : best;
        if (!sim_event_before(&items[best], event))
            break;
        items[place] = items[best];
        place = best;
    }
    items[place] = *event;
}

static inline void sim_queue_push(struct sim_queue *queue, int64_t time_ns, enum sim_event_kind kind,
                                  int32_t target, uint64_t payload)
{
    struct sim_event event = {
        .time_ns = time_ns,
        .order = queue->sequence_next++ << 24 | (uint64_t)kind << 16 | (uint64_t)(uint16_t)target,
        .payload = payload,
    };
    if (queue->hole) {
        queue->hole = false;
        sim_queue_sift_down(queue, 0, &event);
        return;
    }
    if (queue->count == queue->capacity)
        sim_queue_grow(queue);
    uint32_t place = queue->count++;
    while (place > 0) {
        uint32_t parent = (place - 1) / 4;
        if (!sim_event_before(&event, &queue->items[parent]))
            break;
        queue->items[place] = queue->items[parent];
        place = parent;
    }
    queue->items[place] = event;
}

static inline void sim_queue_push_pointer(struct sim_queue *queue, int64_t time_ns, enum sim_event_kind kind,
                                          int32_t target, void *pointer)
{
    sim_queue_push(queue, time_ns, kind, target, (uint64_t)(uintptr_t)pointer);
}

static inline void sim_queue_fill_hole(struct sim_queue *queue)
{
    queue->hole = false;
    struct sim_event last = queue->items[--queue->count];
    if (queue->count > 0)
        sim_queue_sift_down(queue, 0, &last);
}

/* The next event without taking it; NULL when there is none. Valid until the next push or pop. */
static inline const struct sim_event *sim_queue_peek(struct sim_queue *queue)
{
    if (queue->hole)
        sim_queue_fill_hole(queue);
    return queue->count > 0 ? &queue->items[0] : NULL;
}

/* Takes the next event. False when there is none. */
static inline bool sim_queue_pop(struct sim_queue *queue, struct sim_event *event)
{
    if (queue->hole)
        sim_queue_fill_hole(queue);
    if (queue->count == 0)
        return false;
    *event = queue->items[0];
    queue->hole = true;
    return true;
}

static inline uint32_t sim_queue_count(const struct sim_queue *queue)
{
    return queue->count - (queue->hole ? 1 : 0);
}

/* The bare loop: pops events and pushes one for each, keyed random times apart, with so many pending. Returns
 * a hash of the order, so that nothing can be left out. */
uint64_t sim_queue_bench(struct isr_heap *heap, uint32_t pending, uint64_t events, uint64_t seed);

#endif
