/* One spec run under one seed, with the checks, within limits: what every search does again and again.
 *
 * In this process (attempt_run) an assertion of the engine ends the process; in a process of its own
 * (attempt_apart) an assertion, a crash and a hang are outcomes like any other. */
#ifndef HARNESS_ATTEMPT_H
#define HARNESS_ATTEMPT_H

#include <sys/types.h>

#include "sim/world.h"

/* What a run may take before it is ended; 0: any amount. */
struct attempt_limits {
    uint64_t events;
    int64_t wall_ns;  /* by the clock of the machine, looked at now and then: a run's end by it is no function
                         of the seed */
    int64_t event_ns; /* of a processor, for one event; only after attempt_last_words */
};

/* So much is far beyond what any run needs that is not stuck. */
enum { ATTEMPT_WALL_SECONDS_DEFAULT = 120 };
#define ATTEMPT_EVENTS_DEFAULT UINT64_C(100000000)
static inline struct attempt_limits attempt_limits_default(void)
{
    return (struct attempt_limits){.events = ATTEMPT_EVENTS_DEFAULT,
                                   .wall_ns = ATTEMPT_WALL_SECONDS_DEFAULT * ISR_SECOND};
}

struct sim_checks;

/* What is to be run. Everything is borrowed. */
struct attempt_request {
    const struct sim_spec *spec;
    uint64_t seed;
    uint32_t unchecked; /* bit i: enum sim_invariant i is not checked, besides those the spec leaves out */
    struct attempt_limits limits;
    /* Called with the world before its first event; may be NULL. */
    void (*begin)(void *object, struct sim_world *world);
    /* The same at its end; after attempt_last_words also where it ends its process. */
    void (*over)(void *object, struct sim_world *world);
    void *object;
    /* The world that the run goes on from, and its checks; NULL: a new one of the spec and the seed. */
    struct sim_world *(*make)(void *make_object, struct arena *arena, struct sim_checks **checks);
    void *make_object;
};

enum attempt_end {
    ATTEMPT_ENDED,       /* as runs end */
    ATTEMPT_OVER_EVENTS, /* it took more events than its limit */
    ATTEMPT_OVER_TIME,   /* it took longer than its limit */
    ATTEMPT_DIED,        /* an assertion, or the process was killed */
};

/* How it ended. Over a limit and died are SIM_VERDICT_CRASHED. */
struct attempt {
    enum sim_verdict verdict;
    enum sim_invariant invariant; /* VIOLATED, STUCK */
    enum attempt_end end;
    char message[1024];    /* "" where it held */
    char unavailable[512]; /* why nobody could write to some partition at the end, and had a right not to; ""
                            */
    struct sim_counters counters;
    int64_t virtual_ns;
    uint64_t hash;
    uint64_t losses_allowed; /* records */
};

/* A world with its checks, ready for its first event. checks: where to put them, or NULL. */
struct sim_world *attempt_world(struct arena *arena, const struct attempt_request *request,
                                struct sim_checks **checks);

/* Runs it and fills attempt. Returns the world as it is at the end; it lives in the arena until the next one.
 */
struct sim_world *attempt_run(struct arena *arena, const struct attempt_request *request,
                              struct attempt *attempt);

/* The same in a child; begin and over are called there. A step that does not return is ended some seconds
 * after limits.wall_ns. False where no child could be started (told on stderr). */
bool attempt_apart(struct arena *arena, const struct attempt_request *request, struct attempt *attempt);

/* Steps on until so many events were carried out, or the run is over. */
void attempt_step_to(struct sim_world *world, uint64_t events);

/* ---- for those who have processes of their own ---- */

/* From now on, where a run ends this process - an assertion, a crash, an event that takes too long - attempt
 * is filled first, in memory that outlives the process. attempt NULL: no longer. */
void attempt_last_words(struct attempt *attempt, const struct attempt_limits *limits);
/* Fills the outcome of a run in which an assertion failed; world: as it is, NULL where there is none yet. */
void attempt_asserted(struct attempt *attempt, const struct sim_world *world, const char *message);
/* Makes an outcome of how a process ended (the status of waitpid) in the middle of a run. What is known of
 * the run, zeroed where nothing is, stays. */
void attempt_died(struct attempt *attempt, int status, const struct attempt_limits *limits);
/* Has this process ended by the system when a run does not end by its limit; set anew before each run. */
void attempt_set_alarm(const struct attempt_limits *limits);
/* Nanoseconds of a clock that only goes forward. */
int64_t attempt_clock_ns(void);

#endif
