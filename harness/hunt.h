/* The hunt: many seeds, run in worker processes, reported in the order of the seeds.
 *
 *   parent                                   worker
 *   hands out seeds, a few ahead  ───────▶   prepares and runs each, in order
 *   keeps what comes too early    ◀───────   tells the outcome
 *
 * A worker that dies is an outcome of the seed that it was at; another one takes its place and what else had
 * been handed to it, so that no seed is lost. A run over its limits is an outcome too. Where the hunt ends at
 * the first failure it is the smallest seed that fails, however many workers there are: smaller ones that are
 * under way are waited for. SIGINT and SIGTERM end it with what was found by then. */
#ifndef HARNESS_HUNT_H
#define HARNESS_HUNT_H

#include "faults/bites.h"
#include "faults/generate.h"
#include "harness/signature.h"

enum { HUNT_JOBS_MAX = 64 };

/* What became of one seed. */
struct hunt_run {
    uint64_t seed;
    uint64_t kinds; /* of faults that it may use: what prepare says */
    int64_t cpu_ns; /* that the worker needed for it; of one that died: 0 */
    struct fault_bites bites;
    struct attempt attempt;
    struct signature signature;
    struct fault_turn
        turns[FAULT_TURNS_MAX]; /* of its plan: for who tells of it; the hunt leaves them empty */
    uint32_t turns_count;
    void *more; /* what `ran` handed over; NULL: nothing, also where the run did not come to its end */
    uint32_t more_bytes;
};

struct hunt {
    struct arena *arena; /* of this process, if it has one: the workers then have it too. NULL: it has none */
    uint64_t first, last;   /* seeds, both included */
    uint32_t shard, shards; /* of these only every shards-th, beginning with the shard-th; 1 of 1: all */
    unsigned jobs;          /* worker processes, 1 to HUNT_JOBS_MAX */
    int64_t budget_ns;      /* when it is over no more seeds are begun; 0: none */
    bool keep_going;        /* else: ends at the first seed that does not hold */
    struct attempt_limits limits; /* of each run */
    /* In a worker: fills what is to be run under the seed. What it points to lives until the next call. */
    void (*prepare)(void *object, uint64_t seed, struct attempt_request *request, uint64_t *kinds);
    /* In a worker, after a run: bytes that are told with it, and live until the next call. May be NULL. */
    void *(*ran)(void *object, const struct sim_world *world, uint32_t *bytes);
    /* In the parent, in the order of the seeds. */
    void (*took)(void *object, const struct hunt_run *run);
    /* In the parent, several times a second. */
    void (*wait)(void *object);
    void *object;
};

enum hunt_end {
    HUNT_DONE,        /* every seed was run */
    HUNT_FOUND,       /* ended at the first failure */
    HUNT_OVER_BUDGET, /* time was over */
    HUNT_INTERRUPTED,
    HUNT_FAILED, /* workers could not be started; told on stderr */
};

/* How many seeds the shard has; 0: none. UINT64_MAX stands for more, too. */
uint64_t hunt_seeds(const struct hunt *hunt);
enum hunt_end hunt_run(const struct hunt *hunt);

#endif
