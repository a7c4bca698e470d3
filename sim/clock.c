#include "sim/clock.h"

#include "core/base/assert.h"

int64_t sim_clock_world(const struct sim_clock *clock, int64_t now_ns, int64_t local_ns)
{
    if (local_ns == INT64_MAX)
        return INT64_MAX;
    if (local_ns <= clock->floor_ns || local_ns <= clock->local_ns)
        return now_ns;
    /* the least n with floor(n * rate / 10^6) >= distance is ceil(distance * 10^6 / rate), split against
     * overflow */
    int64_t distance = local_ns - clock->local_ns;
    if (distance > INT64_MAX / 4)
        return INT64_MAX;
    int64_t rate = 1000000 + clock->drift_ppm;
    int64_t elapsed = clock->drift_ppm == 0
                          ? distance
                          : distance / rate * 1000000 + (distance % rate * 1000000 + rate - 1) / rate;
    int64_t world_ns = clock->world_ns + elapsed;
    return world_ns > now_ns ? world_ns : now_ns;
}

void sim_clock_init(struct sim_clock *clock, int64_t offset_ns, int64_t drift_ppm)
{
    ISR_ASSERT(drift_ppm >= -SIM_CLOCK_DRIFT_PPM_MAX && drift_ppm <= SIM_CLOCK_DRIFT_PPM_MAX);
    *clock = (struct sim_clock){.local_ns = SIM_CLOCK_EPOCH_NS + offset_ns, .drift_ppm = drift_ppm};
}

void sim_clock_start(struct sim_clock *clock)
{
    clock->floor_ns = 0;
}

void sim_clock_set_offset(struct sim_clock *clock, int64_t now_ns, int64_t offset_ns)
{
    clock->floor_ns = sim_clock_local(clock, now_ns);
    clock->world_ns = now_ns;
    clock->local_ns = SIM_CLOCK_EPOCH_NS + now_ns + offset_ns;
}

void sim_clock_set_drift(struct sim_clock *clock, int64_t now_ns, int64_t drift_ppm)
{
    ISR_ASSERT(drift_ppm >= -SIM_CLOCK_DRIFT_PPM_MAX && drift_ppm <= SIM_CLOCK_DRIFT_PPM_MAX);
    clock->local_ns += sim_clock_scale(now_ns - clock->world_ns, clock->drift_ppm);
    clock->world_ns = now_ns;
    clock->drift_ppm = drift_ppm;
}

void sim_clock_jump(struct sim_clock *clock, int64_t jump_ns)
{
    ISR_ASSERT(jump_ns >= 0 && jump_ns <= SIM_CLOCK_JUMP_NS_MAX);
    clock->local_ns += jump_ns;
    if (clock->floor_ns > 0)
        clock->floor_ns += jump_ns;
}

void sim_clock_step_wall(struct sim_clock *clock, int64_t step_ns)
{
    ISR_ASSERT(step_ns >= -SIM_CLOCK_WALL_NS_MAX && step_ns <= SIM_CLOCK_WALL_NS_MAX);
    int64_t wall_ns = clock->wall_ns + step_ns;
    clock->wall_ns = wall_ns > SIM_CLOCK_WALL_NS_MAX    ? SIM_CLOCK_WALL_NS_MAX
                     : wall_ns < -SIM_CLOCK_WALL_NS_MAX ? -SIM_CLOCK_WALL_NS_MAX
                                                        : wall_ns;
}
