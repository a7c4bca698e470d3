/* The world: many nodes in one process, one queue of events, one clock, all memory in one arena.
 *
 * Everything in a world lies in the arena (sim/base/arena.h); nothing in it points outside but function
 * pointers. Same spec and seed: same events, same hash, on every compiler and machine. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "core/node.h"
#include "sim/base/arena.h"
#include "sim/base/queue.h"
#include "sim/base/random.h"
#include "sim/clock.h"
#include "sim/coverage.h"
#include "sim/disk.h"
#include "sim/network.h"
#include "sim/spec.h"
#include "sim/trace.h"

struct arena;
struct sim_world;

enum sim_process_state { SIM_PROCESS_DOWN, SIM_PROCESS_UP, SIM_PROCESS_PAUSED };

/* A node's wish to be woken earlier queues a new wake-up, a wish for later waits for the one that is queued
 * and looks again: so those in the queue are ever earlier ones. What does not fit is forgotten and does
 * nothing when it comes. */
enum { SIM_WAKES_MAX = 8 };

/* One node's process. */
struct sim_process {
    int32_t id;
    unsigned roles; /* ISR_NODE_* */
    enum sim_process_state state;
    uint32_t incarnation;  /* grows at each start and each end: stale events carry an older one */
    struct isr_node *node; /* NULL while down */
    struct isr_heap heap;  /* dropped whole at a crash */
    struct arena_owner *memory;
    struct sim_clock clock;
    struct sim_disk *disk;
    int64_t wake_wanted_ns;            /* local time at which the node wants to be woken */
    int64_t wake_at_ns[SIM_WAKES_MAX]; /* world times of its wake-ups in the queue, the next one last */
    uint32_t wakes_count;
    bool stopping;                                 /* a clean shutdown was asked for */
    bool last_stop_clean;                          /* how the previous life ended */
    bool last_stop_lossy;                          /* power loss that lost something not synced, or a wipe */
    struct sim_deferred *deferred, *deferred_last; /* events that wait while paused or busy, in order */
    int64_t deferred_since_ns;                     /* when the first of them came */
    uint32_t deferred_count;
    /* a slow processor */
    int64_t step_cost_ns;  /* what each step takes; 0: nothing */
    int64_t busy_until_ns; /* world time */
    bool processor_queued; /* its SIM_EVENT_PROCESSOR is in the queue */
    bool redelivering;     /* what waited is being given to the node */
    bool wake_due;         /* a wake-up came while it was busy */
    bool woke_last;        /* the last that it did from among what waited was a wake-up */
    /* a bounded memory */
    int64_t memory_limit_bytes;                       /* 0: none */
    uint16_t slowed_step, bounded_step, stopped_step; /* which steps did that (sim_world.acting) */
    void *exhausted;                                  /* jmp_buf of the step under way, NULL between steps */
};

/* Who watches a world: the checks (sim/checks/). Every function may be NULL. Called synchronously; must not
 * change the world except through sim_world_fail. */
struct sim_monitor {
    void *object;
    /* Something a node said of itself, in order, right after the step in which it said so. */
    void (*observation)(void *object, struct sim_world *world, int32_t node,
                        const struct isr_observation *observation);
    /* A process started or ended (state, and how it ended, are in the process). */
    void (*process)(void *object, struct sim_world *world, int32_t node);
    /* A client was told the outcome of a command, or read a batch (effect kinds REPLY and RECORDS). */
    void (*client)(void *object, struct sim_world *world, int32_t node, const struct isr_effect *effect);
    /* A command was given to a client, before it is carried out. */
    void (*command)(void *object, struct sim_world *world, int32_t node, const struct isr_command *command);
    /* The run is over. */
    void (*end)(void *object, struct sim_world *world);
};

struct sim_counters {
#define X(name, meaning) uint64_t name;
#include "sim/counters.def"
#undef X
};

enum sim_verdict {
#define X(NAME, name, exit_code, meaning) SIM_VERDICT_##NAME,
#include "sim/verdicts.def"
#undef X
};
/* "held", "violated", ... and the exit code of a run that ended so. */
const char *sim_verdict_name(enum sim_verdict verdict);
int sim_verdict_exit_code(enum sim_verdict verdict);
/* Is it that of a promise that broke, so that there is an invariant to it? */
static inline bool sim_verdict_is_violation(enum sim_verdict verdict)
{
    return verdict == SIM_VERDICT_VIOLATED || verdict == SIM_VERDICT_STUCK;
}

struct sim_world {
    const struct sim_spec *spec; /* the arena's copy */
    uint64_t seed;
    int64_t now_ns;
    struct sim_queue queue;
    struct sim_random random;
    struct sim_network network;
    struct sim_schedule schedule; /* where the spec has one */
    struct sim_trace trace;
    struct sim_process *processes; /* by id, 1..processes_count; [0] unused */
    int32_t processes_count;
    struct isr_heap heap; /* the world's own memory */
    struct arena_owner *memory;
    struct arena *arena;
    struct sim_monitor monitor;
    struct sim_coverage *coverage; /* NULL: not kept */
    struct sim_workload *workload;
    struct sim_script *script; /* steps */
    struct sim_counters counters;
    uint16_t
        acting; /* 1 + the place of the step whose action is under way; 0: none, or beyond the 65,535th */
    uint32_t *bites;         /* by that number: how often what a step did had its effect; [0]: of no step */
    uint64_t steps;          /* of the engine, on all nodes */
    uint32_t events_at_once; /* carried out without time going on */
    bool changed;            /* since the script last looked: an observation, a process, a client's effect */
    bool over;
    enum sim_verdict verdict;
    enum sim_invariant invariant; /* when violated */
    char message[1024];
    char
        unavailable[512]; /* at the end: why nobody could write to some partition, "" where everybody could */
};

/* What a step did has its effect: a message is lost on the link that it cut, a process dies that it kills. */
static inline void sim_world_bite(struct sim_world *world, uint16_t step)
{
    world->bites[step]++;
}

/* Builds a world in the arena (which it resets) with all processes started at time 0. */
struct sim_world *sim_world_new(struct arena *arena, const struct sim_spec *spec, uint64_t seed);
void sim_world_watch(struct sim_world *world, const struct sim_monitor *monitor);
/* Carries out the next event. False when the run is over (duration reached, or sim_world_fail). */
bool sim_world_step(struct sim_world *world);
/* The times at which the workload and the script want to be called. */
void sim_world_wake_workload(struct sim_world *world, int64_t time_ns, uint64_t argument);
void sim_world_wake_script(struct sim_world *world, int64_t time_ns);
/* To the end; then calls the monitor's end. */
void sim_world_run(struct sim_world *world);
/* The end of a run that was stepped: calls the monitor's end. */
void sim_world_finish(struct sim_world *world);
/* A check failed: the run ends after the current event if the spec says so. The first failure stays. */
void sim_world_fail(struct sim_world *world, enum sim_invariant invariant, const char *format, ...);

struct sim_process *sim_world_process(struct sim_world *world, int32_t node);
static inline bool sim_process_running(const struct sim_process *process)
{
    return process->state != SIM_PROCESS_DOWN;
}
/* The active controller with the highest term, or NULL. */
struct sim_process *sim_world_controller(struct sim_world *world);
/* The consensus of a controller that runs, or NULL. */
const struct isr_consensus *sim_world_consensus(const struct sim_world *world, int32_t node);
/* The controller that won an election of the highest term, though it may have committed nothing in it yet, or
 * ISR_NODE_NONE. Fills term: 0 when there is none. */
int32_t sim_world_quorum_leader(const struct sim_world *world, int32_t *term);
/* The committed metadata: the controller image with the highest index among running controllers; NULL when
 * none runs. */
const struct isr_image *sim_world_image(struct sim_world *world);

/* A group of peers as its leader of the highest term sees it, or, where none leads, without a leader; the ISR
 * is the membership. False: no group of peers, or none of them is up. */
bool sim_world_group(struct sim_world *world, struct isr_image_partition *group);

/* ---- mechanisms that steps and faults use (sim/process.c) ---- */
void sim_process_start(struct sim_world *world, int32_t node);
void sim_process_kill(struct sim_world *world, int32_t node);
void sim_process_power_off(struct sim_world *world, int32_t node, enum sim_survival survives);
/* The machine gets an empty disk; when it runs, it loses power first. */
void sim_process_wipe(struct sim_world *world, int32_t node);
/* From now on each step of the node takes so long: what comes meanwhile waits in order. The effects of a step
 * leave when it begins. 0: as fast as ever. */
void sim_process_slow_down(struct sim_world *world, int32_t node, int64_t step_cost_ns);
/* The node's memory is bounded: a step that needs more kills the process, and nothing of that step leaves. 0:
 * no bound. */
void sim_process_limit_memory(struct sim_world *world, int32_t node, int64_t limit_bytes);
void sim_process_pause(struct sim_world *world, int32_t node);
void sim_process_resume(struct sim_world *world, int32_t node);
void sim_process_shutdown(struct sim_world *world, int32_t node);
/* Gives a client node a command: it gets it as the next event at this time (dropped when it is down). Copies.
 */
void sim_process_command(struct sim_world *world, int32_t node, const struct isr_command *command);

/* ---- the queue, for workload and script (sim/world.c) ---- */
/* Queues a call of sim_workload_event(world, argument) or sim_script_event(world). */
void sim_world_wake_workload(struct sim_world *world, int64_t time_ns, uint64_t argument);
void sim_world_wake_script(struct sim_world *world, int64_t time_ns);

#endif
