/* Priorities by chance: PCT (Burckhardt, Kothari, Musuvathi, Nagarakatte: A Randomized Scheduler with
 * Probabilistic Guarantees of Finding Bugs, ASPLOS 2010) for a simulation that has time.
 *
 *   PCT                                       here
 *   threads, n of them                        actors: directed links, or the nodes that receive
 *   a random order of priorities              each actor has a delay of its own, drawn from the lower half of
 *                                             the window: of messages that could arrive within it, those of
 *                                             higher priority do first
 *   steps, k of them                          slots of virtual time before the settle phase
 *   d - 1 random steps, at which the running  d - 1 random slots, after which the actor of the next message
 *   thread gets a priority below all          gets a delay in the upper half of the window
 *
 * A failure of depth d, which shows wherever d particular messages keep a particular order, then shows with a
 * probability of at least 1 / (n k^(d-1)), as far as the window is longer than what they must wait for each
 * other. Nothing waits longer than the window, messages of a link keep their order, and in the settle phase
 * nobody waits. What the schedule draws is keyed by the seed alone: a message more or fewer changes none of
 * it. */
#ifndef SIM_SCHEDULE_H
#define SIM_SCHEDULE_H

#include "core/base/types.h"

struct sim_spec;
struct sim_world;

enum { SIM_SCHEDULE_DEPTH_MAX = 16 };
#define SIM_SCHEDULE_WINDOW_MOST (60 * ISR_SECOND)
#define SIM_SCHEDULE_WINDOW_DEFAULT (50 * ISR_MS)
#define SIM_SCHEDULE_SLOT_DEFAULT (10 * ISR_MS)

enum sim_schedule_actors { SIM_SCHEDULE_LINKS, SIM_SCHEDULE_NODES };

struct sim_schedule_spec {
    int32_t depth;  /* of the failures that are looked for, 1 to SIM_SCHEDULE_DEPTH_MAX; 0: no schedule */
    int32_t actors; /* enum sim_schedule_actors */
    int64_t window_ns;
    int64_t slot_ns;
};

struct sim_schedule {
    uint64_t key;
    int64_t end_ns; /* the settle phase */
    uint32_t changes_count, changes_done;
    struct sim_schedule_change {
        int64_t at_ns;
        int64_t delay_ns; /* of the actor that is lowered, from then on */
        uint32_t actor;   /* which it was */
    } changes[SIM_SCHEDULE_DEPTH_MAX - 1];
};

void sim_schedule_init(struct sim_schedule *schedule, const struct sim_spec *spec, uint64_t seed);
/* How much longer a message takes that is sent now. Only where the spec has a schedule. */
int64_t sim_schedule_delay(struct sim_world *world, int32_t from, int32_t to);

/* n and k of the bound, of which depth is d. */
struct sim_schedule_bound {
    uint64_t actors, slots;
};
struct sim_schedule_bound sim_schedule_bound(const struct sim_spec *spec);

#endif
