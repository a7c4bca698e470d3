#include "core/base/timers.h"

#include "core/base/assert.h"

void isr_timers_init(struct isr_timers *timers, struct isr_heap *heap)
{
    *timers = (struct isr_timers){.heap = heap};
}

void isr_timer_init(struct isr_timer *timer, void (*fire)(void *object), void *object)
{
    *timer = (struct isr_timer){.fire = fire, .object = object, .deadline_ns = ISR_TIME_NEVER};
}

static bool timer_before(const struct isr_timer *a, const struct isr_timer *b)
{
    return a->deadline_ns != b->deadline_ns ? a->deadline_ns < b->deadline_ns : a->sequence < b->sequence;
}

static void timer_place(struct isr_timers *timers, uint32_t position, struct isr_timer *timer)
{
    timers->items[position] = timer;
    timer->position = position + 1;
}

static void sift_up(struct isr_timers *timers, uint32_t position, struct isr_timer *timer)
{
    while (position > 0) {
        uint32_t parent = (position - 1) / 4;
        if (!timer_before(timer, timers->items[parent]))
            break;
        timer_place(timers, position, timers->items[parent]);
        position = parent;
    }
    timer_place(timers, position, timer);
}

static void sift_down(struct isr_timers *timers, uint32_t position, struct isr_timer *timer)
{
    for (;;) {
        uint32_t first = position * 4 + 1;
        if (first >= timers->count)
            break;
        uint32_t last = first + 4 < timers->count ? first + 4 : timers->count;
        uint32_t least = first;
        for (uint32_t child = first + 1; child < last; child++) {
            if (timer_before(timers->items[child], timers->items[least]))
                least = child;
        }
        if (!timer_before(timers->items[least], timer))
            break;
        timer_place(timers, position, timers->items[least]);
        position = least;
    }
    timer_place(timers, position, timer);
}

static void restore_order(struct isr_timers *timers, uint32_t position, struct isr_timer *timer)
{
    if (position > 0 && timer_before(timer, timers->items[(position - 1) / 4]))
        sift_up(timers, position, timer);
    else
        sift_down(timers, position, timer);
}

void isr_timer_set(struct isr_timers *timers, struct isr_timer *timer, int64_t deadline_ns)
{
    ISR_ASSERT(timer->fire != NULL);
    timer->deadline_ns = deadline_ns;
    timer->sequence = timers->sequence_next++;
    if (timer->position != 0) {
        restore_order(timers, timer->position - 1, timer);
        return;
    }
    timers->items = ISR_GROW(timers->heap, timers->items, timers->count, timers->capacity);
    sift_up(timers, timers->count++, timer);
}

void isr_timer_cancel(struct isr_timers *timers, struct isr_timer *timer)
{
    if (timer->position == 0)
        return;
    uint32_t position = timer->position - 1;
    ISR_ASSERT(timers->items[position] == timer);
    timer->position = 0;
    timer->deadline_ns = ISR_TIME_NEVER;
    struct isr_timer *last = timers->items[--timers->count];
    if (last != timer)
        restore_order(timers, position, last);
}

int64_t isr_timers_next(const struct isr_timers *timers)
{
    return timers->count > 0 ? timers->items[0]->deadline_ns : ISR_TIME_NEVER;
}

struct isr_timer *isr_timers_pop(struct isr_timers *timers, int64_t now_ns)
{
    if (timers->count == 0 || timers->items[0]->deadline_ns > now_ns)
        return NULL;
    struct isr_timer *timer = timers->items[0];
    isr_timer_cancel(timers, timer);
    return timer;
}
