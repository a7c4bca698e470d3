/* Deadlines inside a node. Components embed a struct isr_timer; the node asks the outside for one wake-up,
 * the earliest. Equal deadlines fire in the order in which they were set. */
#ifndef ISR_BASE_TIMERS_H
#define ISR_BASE_TIMERS_H

#include "core/base/heap.h"
#include "core/base/types.h"

struct isr_timer {
    void (*fire)(void *object); /* called with the timer no longer set */
    void *object;
    int64_t deadline_ns; /* node-local; ISR_TIME_NEVER when not set */
    uint64_t sequence;
    uint32_t position; /* in the heap, 1-based; 0 = not set */
};

struct isr_timers {
    struct isr_heap *heap;
    struct isr_timer **items; /* a 4-ary heap by (deadline, sequence) */
    uint32_t count;
    uint32_t capacity;
    uint64_t sequence_next;
};

void isr_timers_init(struct isr_timers *timers, struct isr_heap *heap);
/* Before the first set: what to call and with what. */
void isr_timer_init(struct isr_timer *timer, void (*fire)(void *object), void *object);
/* Sets or moves the timer. The timer's memory must stay until it is cancelled or fired. */
void isr_timer_set(struct isr_timers *timers, struct isr_timer *timer, int64_t deadline_ns);
/* Nothing happens when it is not set. */
void isr_timer_cancel(struct isr_timers *timers, struct isr_timer *timer);
static inline bool isr_timer_is_set(const struct isr_timer *timer)
{
    return timer->position != 0;
}
/* The earliest deadline, or ISR_TIME_NEVER. */
int64_t isr_timers_next(const struct isr_timers *timers);
/* Takes one timer whose deadline is at or before now_ns; NULL when there is none. */
struct isr_timer *isr_timers_pop(struct isr_timers *timers, int64_t now_ns);

#endif
