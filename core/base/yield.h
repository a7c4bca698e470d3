/* The yield points of core/yields.def.
 *
 *   if (isr_yields(env, ISR_YIELD_HW_UPDATE))
 *       isr_yield(env, ISR_YIELD_HW_UPDATE, &timer, go_on, object);
 *   else
 *       go_on(object);
 *
 * What is to be remembered across the point stands beside the timer, with whoever owns it; a timer that is
 * set says that the handler stands at the point. */
#ifndef ISR_BASE_YIELD_H
#define ISR_BASE_YIELD_H

#include "core/base/env.h"

enum isr_yield_point {
#define X(NAME, name, source, meaning) ISR_YIELD_##NAME,
#include "core/yields.def"
#undef X
    ISR_YIELD_POINTS
};

#define ISR_YIELDS_ALL ((UINT32_C(1) << ISR_YIELD_POINTS) - 1)

struct isr_yield_info {
    const char *name;
    const char *source;
    const char *meaning;
};

/* All points, in the order of the list. */
const struct isr_yield_info *isr_yields_list(size_t *count);

static inline bool isr_yields(const struct isr_env *env, enum isr_yield_point point)
{
    return (env->yields >> point & 1) != 0;
}

/* Stops here: go_on(object) is called after a drawn delay, unless the timer, which must not be set, is
 * cancelled before. Observes YIELDED. */
void isr_yield(struct isr_env *env, enum isr_yield_point point, struct isr_timer *timer,
               void (*go_on)(void *object), void *object);

#endif
