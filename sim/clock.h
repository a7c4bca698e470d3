/* A node's clock: local = epoch + offset + elapsed * (1 + drift), read in two ways.
 *
 *                          monotonic (timeouts)          wall (records' timestamps)
 *   offset forward         jumps forward                 jumps forward
 *   offset back            stands still until caught up  goes back
 *   jump (forward only)    jumps forward                 jumps forward     a virtual machine was suspended
 *   wall step, either way  does not see it               goes by it        NTP, an administrator
 *
 * The clock is of the machine, so it goes on while the process is down. A process reads it as a monotone
 * clock: when it is set back while the process lives, it stands still until it has caught up (as an operating
 * system slews), and only the next process sees it really set back.
 *
 * Exact in integers: local time is the floor of the product, and the inverse its least world time. */
#ifndef SIM_CLOCK_H
#define SIM_CLOCK_H

#include <stdint.h>

/* What a clock without offset shows at the world's time 0: 10^6 seconds, so that no offset makes it negative
 * and 0 is long ago for every node. */
#define SIM_CLOCK_EPOCH_NS INT64_C(1000000000000000)
/* Bounds of what can be configured. */
#define SIM_CLOCK_OFFSET_NS_MAX INT64_C(100000000000000) /* about 28 hours */
#define SIM_CLOCK_DRIFT_PPM_MAX 500000
#define SIM_CLOCK_JUMP_NS_MAX INT64_C(100000000000000)
/* Of all wall steps together: a step that leads beyond is cut there, so that no reading is negative. */
#define SIM_CLOCK_WALL_NS_MAX INT64_C(400000000000000)

struct sim_clock {
    int64_t world_ns; /* of the last change */
    int64_t local_ns; /* what it showed right after the change */
    int64_t drift_ppm;
    int64_t floor_ns; /* never less is shown in this life */
    int64_t wall_ns;  /* by how much the wall clock was stepped */
};

/* elapsed * (1 + drift), rounded down. elapsed >= 0. */
static inline int64_t sim_clock_scale(int64_t elapsed_ns, int64_t drift_ppm)
{
    if (drift_ppm == 0)
        return elapsed_ns;
    int64_t rate = 1000000 + drift_ppm;
    return elapsed_ns / 1000000 * rate + elapsed_ns % 1000000 * rate / 1000000;
}

/* What the clock shows at a time of the world, not before the last change. */
static inline int64_t sim_clock_local(const struct sim_clock *clock, int64_t world_ns)
{
    int64_t local_ns = clock->local_ns + sim_clock_scale(world_ns - clock->world_ns, clock->drift_ppm);
    return local_ns > clock->floor_ns ? local_ns : clock->floor_ns;
}

/* What the wall clock shows. */
static inline int64_t sim_clock_wall(const struct sim_clock *clock, int64_t world_ns)
{
    return clock->local_ns + sim_clock_scale(world_ns - clock->world_ns, clock->drift_ppm) + clock->wall_ns;
}

/* Both at once. */
static inline void sim_clock_read(const struct sim_clock *clock, int64_t world_ns, int64_t *local_ns,
                                  int64_t *wall_ns)
{
    int64_t shown_ns = clock->local_ns + sim_clock_scale(world_ns - clock->world_ns, clock->drift_ppm);
    *wall_ns = shown_ns + clock->wall_ns;
    *local_ns = shown_ns > clock->floor_ns ? shown_ns : clock->floor_ns;
}

/* The first time of the world, now or later, at which the clock shows at least local_ns; INT64_MAX
 * (ISR_TIME_NEVER) stays what it is. */
int64_t sim_clock_world(const struct sim_clock *clock, int64_t now_ns, int64_t local_ns);

void sim_clock_init(struct sim_clock *clock, int64_t offset_ns, int64_t drift_ppm);
/* A new process: the clock may have been set back meanwhile. */
void sim_clock_start(struct sim_clock *clock);
/* From now on it shows the world's time plus the offset (as far as it may go back), and runs as before. */
void sim_clock_set_offset(struct sim_clock *clock, int64_t now_ns, int64_t offset_ns);
/* Everything it shows is later by this (>= 0) from now on. */
void sim_clock_jump(struct sim_clock *clock, int64_t jump_ns);
/* The wall clock alone is stepped, forward or back. */
void sim_clock_step_wall(struct sim_clock *clock, int64_t step_ns);
/* From now on it runs at another rate, from what it shows. */
void sim_clock_set_drift(struct sim_clock *clock, int64_t now_ns, int64_t drift_ppm);

#endif
