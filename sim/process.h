/* The life of a process, and how events reach it. Between the world's loop and the engine; steps and faults
 * use what world.h offers.
 *
 *   down ──start──► up ◄──resume── paused        incarnation: even while down, odd while up or paused
 *    ▲              │ ──pause────►   │
 *    └─ kill, power off, exit, ──────┘
 *       memory exhausted
 *
 * Whatever is queued for a process carries the incarnation it was meant for; what comes for another one is
 * stale. What comes while it is paused waits in order and comes again, as new events and before any wake-up,
 * when it is resumed.
 * What comes while a slow processor is busy waits in the same line; the processor takes one after the other,
 * wake-ups in turn with the rest. */
#ifndef SIM_PROCESS_H
#define SIM_PROCESS_H

#include "sim/world.h"

/* A command on its way to a client. */
struct sim_pending_command {
    struct isr_command command;
    char topic[ISR_NAME_BYTES_MAX];
    struct isr_replicas assignments[];
};

/* Process 1..: its memory, disk and clock; it is down. */
void sim_process_init(struct sim_world *world, int32_t node);
/* Ends it: drops its memory and whatever waits for it. */
void sim_process_end(struct sim_world *world, struct sim_process *process, bool clean, bool lossy);
/* The process ends by itself, its machine goes on: what was written stays in the page cache. */
void sim_process_died(struct sim_world *world, struct sim_process *process, bool clean);
/* Its memory does not suffice. */
void sim_process_exhausted(struct sim_world *world, struct sim_process *process);
/* Lets the engine handle an event now and carries out the effects (sim/step.c). Fills in the event's time. */
void sim_process_step(struct sim_world *world, struct sim_process *process, struct isr_event *event);
/* Queues a wake-up for the time that the process wants, unless one comes early enough. */
void sim_process_arrange_wake(struct sim_world *world, struct sim_process *process);

/* Whether what comes for it must wait: it is paused, or its processor has something before that. */
static inline bool sim_process_occupied(const struct sim_world *world, const struct sim_process *process)
{
    return process->state == SIM_PROCESS_PAUSED || process->busy_until_ns > world->now_ns ||
           (process->deferred != NULL && !process->redelivering);
}
/* Has the processor look for what waits as soon as it is free. */
void sim_process_arrange_processor(struct sim_world *world, struct sim_process *process);

/* Events of the queue (sim/delivery.c). False: it was stale, or waits: nothing happened. */
bool sim_deliver_message(struct sim_world *world, const struct sim_event *event);
bool sim_deliver_disk(struct sim_world *world, const struct sim_event *event);
bool sim_deliver_wake(struct sim_world *world, const struct sim_event *event);
bool sim_deliver_command(struct sim_world *world, const struct sim_event *event);
bool sim_deliver_shutdown(struct sim_world *world, const struct sim_event *event);
bool sim_deliver_link(struct sim_world *world, const struct sim_event *event);
bool sim_deliver_connection(struct sim_world *world, const struct sim_event *event);
bool sim_deliver_processor(struct sim_world *world, const struct sim_event *event);
/* What waits while a process is paused: queued again at its resume, dropped at its end. */
void sim_deliver_deferred(struct sim_world *world, struct sim_process *process);
void sim_drop_deferred(struct sim_world *world, struct sim_process *process);

#endif
