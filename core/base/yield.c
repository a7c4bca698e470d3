#include "core/base/yield.h"

static const struct isr_yield_info points[] = {
#define X(NAME, name, source, meaning) {#name, source, meaning},
#include "core/yields.def"
#undef X
};

const struct isr_yield_info *isr_yields_list(size_t *count)
{
    *count = sizeof points / sizeof points[0];
    return points;
}

void isr_yield(struct isr_env *env, enum isr_yield_point point, struct isr_timer *timer,
               void (*go_on)(void *object), void *object)
{
    ISR_ASSERT(!isr_timer_is_set(timer));
    int64_t most_ns = env->config.yield_time_max;
    int64_t delay_ns = isr_random_between(&env->random, ISR_RANDOM_YIELD, most_ns / 2, most_ns + 1);
    isr_timer_init(timer, go_on, object);
    isr_env_timer_in(env, timer, delay_ns);
    struct isr_observation *seen = isr_observe(env, ISR_OBSERVED_YIELDED);
    seen->yielded.point = (int64_t)point;
    seen->yielded.delay = delay_ns;
}
