/* Keyed randomness of a world: a draw is a hash of (seed, purpose, actor, the actor's own counter), never the
 * next word of a shared stream. One draw more or fewer somewhere does not change any other. Integers only. */
#ifndef SIM_BASE_RANDOM_H
#define SIM_BASE_RANDOM_H

#include <stdbool.h>

#include "core/base/hash.h"
#include "core/base/heap.h"

/* Part of every recorded run: new purposes go to the end. */
enum sim_random_purpose {
    SIM_RANDOM_NODE,         /* the key given to a node at its start */
    SIM_RANDOM_LINK,         /* a message's fate; the counter is the link's */
    SIM_RANDOM_DISK_LATENCY, /* how long a disk operation takes */
    SIM_RANDOM_DISK_PENDING, /* which of the operations under way happened when a process died */
    SIM_RANDOM_DISK_LOSS,    /* what of a file survives a power loss */
    SIM_RANDOM_WORKLOAD,
    SIM_RANDOM_SCRIPT,
    SIM_RANDOM_FAULTS,
    SIM_RANDOM_DISK_DAMAGE, /* what rots, where a misdirected write lands */
    SIM_RANDOM_SCHEDULE,    /* priorities, and when they change */
    SIM_RANDOM_PURPOSES
};

/* A latency distribution by quantiles, piecewise linear in between: half of the draws lie in [low, median),
 * 49% in [median, p99), 1% in [p99, high]. A constant has all four equal. */
struct sim_distribution {
    int64_t low_ns, median_ns, p99_ns, high_ns;
};

struct sim_random {
    uint64_t seed;
    uint64_t *counters; /* [purpose * actors_count + actor] */
    uint32_t actors_count;
};

static inline void sim_random_init(struct sim_random *random, uint64_t seed, uint32_t actors_count,
                                   struct isr_heap *heap)
{
    random->seed = seed;
    random->actors_count = actors_count;
    random->counters =
        isr_heap_allocate(heap, sizeof *random->counters * (size_t)SIM_RANDOM_PURPOSES * actors_count);
}

/* The part of the hash that does not change from draw to draw, for actors that keep their own counter. */
static inline uint64_t sim_random_key(uint64_t seed, enum sim_random_purpose purpose, uint64_t actor)
{
    return isr_hash_combine(isr_hash_combine(seed, (uint64_t)purpose), actor);
}

static inline uint64_t sim_random_draw(struct sim_random *random, enum sim_random_purpose purpose,
                                       uint32_t actor)
{
    uint64_t counter = random->counters[(uint32_t)purpose * random->actors_count + actor]++;
    return isr_hash_combine(sim_random_key(random->seed, purpose, actor), counter);
}

/* A draw as a number in [0, count), 0 when count is 0. */
static inline uint64_t sim_random_below(uint64_t draw, uint64_t count)
{
    return count == 0 ? 0 : draw % count;
}

/* Uniform in [low, high); low when the range is empty. */
static inline int64_t sim_random_between(struct sim_random *random, enum sim_random_purpose purpose,
                                         uint32_t actor, int64_t low, int64_t high)
{
    return low + (int64_t)sim_random_below(sim_random_draw(random, purpose, actor),
                                           high > low ? (uint64_t)(high - low) : 1);
}

/* True in ppm of a million draws. */
static inline bool sim_draw_chance(uint64_t draw, uint32_t ppm)
{
    return ppm > 0 && (draw >> 32) * 1000000 >> 32 < ppm;
}

static inline bool sim_random_chance(struct sim_random *random, enum sim_random_purpose purpose,
                                     uint32_t actor, uint32_t ppm)
{
    return sim_draw_chance(sim_random_draw(random, purpose, actor), ppm);
}

/* The value of a distribution at a draw: the upper half picks the quantile, the lower the place in it. */
static inline int64_t sim_distribution_at(const struct sim_distribution *distribution, uint64_t draw)
{
    if (distribution->low_ns == distribution->high_ns)
        return distribution->low_ns;
    uint64_t percent = (draw >> 32) * 100 >> 32;
    int64_t from = percent < 50   ? distribution->low_ns
                   : percent < 99 ? distribution->median_ns
                                  : distribution->p99_ns;
    int64_t to = percent < 50   ? distribution->median_ns
                 : percent < 99 ? distribution->p99_ns
                                : distribution->high_ns;
    uint64_t span = to > from ? (uint64_t)(to - from) : 0;
    uint64_t place = draw & UINT32_MAX;
    /* span * place / 2^32 without overflow */
    return from + (int64_t)((span >> 32) * place + ((span & UINT32_MAX) * place >> 32));
}

static inline int64_t sim_random_latency(struct sim_random *random, enum sim_random_purpose purpose,
                                         uint32_t actor, const struct sim_distribution *distribution)
{
    return sim_distribution_at(distribution, sim_random_draw(random, purpose, actor));
}

#endif
