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

static bool entry_before(const struct isr_timer_entry *a, const struct isr_timer_entry *b)
{
    return a->deadline_ns != b->deadline_ns ? a->deadline_ns < b->deadline_ns : a->sequence < b->sequence;
}

static void entry_place(struct isr_timers *timers, uint32_t position, struct isr_timer_entry entry)
{
    timers->items[position] = entry;
    entry.timer->position = position + 1;
}

static void sift_up(struct isr_timers *timers, uint32_t position, struct isr_timer_entry entry)
{
    while (position > 0) {
        uint32_t parent = (position - 1) / 4;
        if (!entry_before(&entry, &timers->items[parent]))
            break;
        entry_place(timers, position, timers->items[parent]);
        position = parent;
    }
    entry_place(timers, position, entry);
}

static void sift_down(struct isr_timers *timers, uint32_t position, struct isr_timer_entry entry)
{
    for (;;) {
        uint32_t first = position * 4 + 1;
        if (first >= timers->count)
            break;
        uint32_t last = first + 4 < timers->count ? first + 4 : timers->count;
        uint32_t least = first;
        for (uint32_t child = first + 1; child < last; child++) {
            if (entry_before(&timers->items[child], &timers->items[least]))
                least = child;
        }
        if (!entry_before(&timers->items[least], &entry))
            break;
        entry_place(timers, position, timers->items[least]);
        position = least;
    }
    entry_place(timers, position, entry);
}

static void restore_order(struct isr_timers *timers, uint32_t position, struct isr_timer_entry entry)
{
    if (position > 0 && entry_before(&entry, &timers->items[(position - 1) / 4]))
        sift_up(timers, position, entry);
    else
        sift_down(timers, position, entry);
}

void isr_timer_set(struct isr_timers *timers, struct isr_timer *timer, int64_t deadline_ns)
{
    ISR_ASSERT(timer->fire != NULL);
    struct isr_timer_entry entry = {deadline_ns, timers->sequence_next++, timer};
    timer->deadline_ns = deadline_ns;
    if (timer->position != 0) {
        restore_order(timers, timer->position - 1, entry);
        return;
    }
    timers->items = ISR_GROW(timers->heap, timers->items, timers->count, timers->capacity);
    sift_up(timers, timers->count++, entry);
}

void isr_timer_cancel(struct isr_timers *timers, struct isr_timer *timer)
{
    if (timer->position == 0)
        return;
    uint32_t position = timer->position - 1;
    ISR_ASSERT(timers->items[position].timer == timer);
    timer->position = 0;
    timer->deadline_ns = ISR_TIME_NEVER;
    timers->count--;
    if (position < timers->count)
        restore_order(timers, position, timers->items[timers->count]);
}

int64_t isr_timers_next(const struct isr_timers *timers)
{
    return timers->count > 0 ? timers->items[0].deadline_ns : ISR_TIME_NEVER;
}

struct isr_timer *isr_timers_pop(struct isr_timers *timers, int64_t now_ns)
{
    if (timers->count == 0 || timers->items[0].deadline_ns > now_ns)
        return NULL;
    struct isr_timer *timer = timers->items[0].timer;
    isr_timer_cancel(timers, timer);
    return timer;
}
