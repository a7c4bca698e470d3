/* Deleting a log.
 *
 *   in the store --isr_log_store_remove--> removed: no more in the store, its files are being deleted
 *   removed --all deletions done--> told: both shared checkpoints are written anew, without the log
 *   told --both are durable--> gone
 *
 * All this is its barrier. A log that is opened for the same partition meanwhile has it in its own and writes
 * nothing before: a file that came back after a power loss could not be told from its own, nor a log start, a
 * recovery point or a high watermark of the former. The checkpoints come after the deletions, and so make
 * them durable. */
#include <string.h>

#include "core/log/internal.h"

static void store_forget(struct isr_log_store *store, const struct isr_log *log)
{
    uint32_t place = 0;
    while (store->logs[place] != log)
        place++;
    store->logs_count--;
    memmove(&store->logs[place], &store->logs[place + 1], (store->logs_count - place) * sizeof *store->logs);
}

static void observe_removed(struct isr_log *log, int64_t log_end)
{
    struct isr_observation *seen = isr_observe(log->env, ISR_OBSERVED_LOG_REMOVED);
    seen->log_removed.tp = isr_tp_key(log->tp);
    seen->log_removed.log_end = log_end;
}

void isr_log_store_remove(struct isr_log_store *store, struct isr_log *log)
{
    int64_t log_end = log->log_end;
    ISR_ASSERT(store->ready);
    ISR_ASSERT(!log->removed);
    store_forget(store, log);
    if (isr_timer_is_set(&log->flush_timer))
        isr_timer_cancel(&store->env->timers, &log->flush_timer);
    isr_timer_cancel(&store->env->timers, &log->roll_yield);
    log->held = NULL;
    log->removed = true;
    store->removed =
        ISR_GROW(store->env->heap, store->removed, store->removed_count, store->removed_capacity);
    store->removed[store->removed_count++] = log;
    /* The barrier may be there already, and may wait for checkpoints that this log has no part in any more.
     */
    isr_log_barrier_add(log);
    log->barrier_pending -=
        (log->barrier_checkpoint != 0 ? 1u : 0) + (log->barrier_high_watermarks != 0 ? 1u : 0);
    log->barrier_checkpoint = log->barrier_high_watermarks = 0;
    isr_log_empty(log, 0);
    isr_env_delete(log->env, isr_log_file(log, ISR_FILE_EPOCHS, 0), isr_log_barrier_done, log,
                   ISR_OFFSET_NONE);
    observe_removed(log, log_end);
}

void isr_log_removal_step(struct isr_log *log)
{
    struct isr_log_store *store = log->store;
    if (!log->removal_told) {
        log->removal_told = true;
        isr_log_barrier_recovery_point(log, true);
        isr_log_barrier_high_watermark(log, true);
        return;
    }
    uint32_t place = 0;
    while (store->removed[place] != log)
        place++;
    store->removed_count--;
    memmove(&store->removed[place], &store->removed[place + 1],
            (store->removed_count - place) * sizeof(struct isr_log *));
    if (log->successor != NULL)
        isr_log_barrier_step(log->successor);
}

void isr_log_await_removal(struct isr_log *log)
{
    for (uint32_t i = 0; i < log->store->removed_count; i++) {
        struct isr_log *former = log->store->removed[i];
        /* One that has a successor already is awaited by that one, which was removed too. */
        if (!isr_tp_equal(former->tp, log->tp) || former->successor != NULL)
            continue;
        former->successor = log;
        log->barrier_pending++;
    }
}
