/* What a component of a node works with: time, memory, effects, timers, disk operations, randomness,
 * configuration, rules, metrics. One struct isr_env a node; components borrow it for their lifetime. */
#ifndef ISR_BASE_ENV_H
#define ISR_BASE_ENV_H

#include "core/base/assert.h"
#include "core/base/config.h"
#include "core/base/error.h"
#include "core/base/event.h"
#include "core/base/heap.h"
#include "core/base/random.h"
#include "core/base/rules.h"
#include "core/base/timers.h"

struct isr_metrics {
#define X(kind, name, meaning) int64_t name;
#include "core/metrics.def"
#undef X
};

struct isr_metric_info {
    const char *name;
    bool counter; /* else a gauge */
    const char *meaning;
    size_t position; /* of the int64_t in struct isr_metrics */
};
const struct isr_metric_info *isr_metrics_list(size_t *count);

struct isr_io_result {
    enum isr_io_status status;
    struct isr_bytes bytes;             /* READ; valid during the call */
    const struct isr_file_entry *files; /* LIST; valid during the call */
    uint32_t files_count;
};

/* Who waits for a disk operation. done may be NULL. Dropped with the heap at a crash. */
typedef void isr_io_done(void *object, int64_t argument, const struct isr_io_result *result);

struct isr_io_slot {
    isr_io_done *done;
    void *object;
    int64_t argument;
    uint32_t next_free;
    bool busy;
};

struct isr_env {
    int32_t node;      /* this node's id */
    int64_t now_ns;    /* of the current step */
    int64_t real_ns;   /* what the wall clock shows in it; may be less than in the step before */
    int64_t behind_ns; /* what came this long ago may not have been handed in yet */
    struct isr_heap *heap;
    struct isr_scratch scratch; /* emptied at the start of each step */
    struct isr_timers timers;
    struct isr_random random;
    struct isr_config config;
    struct isr_rules rules;
    uint32_t yields; /* yield points that are on: bits (1 << enum isr_yield_point), yield.h */
    struct isr_metrics metrics;
    bool exiting; /* an EXIT effect was emitted: nothing more is done */
    /* effects of the current step */
    struct isr_effect *effects;
    uint32_t effects_count, effects_capacity;
    struct isr_observation *observations;
    uint32_t observations_count, observations_capacity;
    /* disk operations under way */
    struct isr_io_slot *slots;
    uint32_t slots_count, slots_capacity, slots_free; /* slots_free: 1-based list head, 0 = none */
};

void isr_env_init(struct isr_env *env, int32_t node, struct isr_heap *heap, const struct isr_config *config,
                  const struct isr_rules *rules, uint64_t random_key);
/* Empties scratch and effects and sets the time. */
void isr_env_begin(struct isr_env *env, int64_t now_ns);
/* Fills effects from what the step gathered. */
void isr_env_end(struct isr_env *env, struct isr_effects *effects);
/* Fires the timers whose time has come, those that they set for now included. */
void isr_env_wake(struct isr_env *env);
/* Calls whoever waits for the operation. */
void isr_env_io_done(struct isr_env *env, const struct isr_event *event);

/* Bytes given to these are borrowed until the node's next step: put them in scratch or in stable memory. */
void isr_env_send_frame(struct isr_env *env, int32_t to, struct isr_bytes frame);
void isr_env_write(struct isr_env *env, struct isr_file file, int64_t position, struct isr_bytes bytes,
                   isr_io_done *done, void *object, int64_t argument);
void isr_env_sync(struct isr_env *env, struct isr_file file, isr_io_done *done, void *object,
                  int64_t argument);
void isr_env_replace(struct isr_env *env, struct isr_file file, struct isr_bytes bytes, isr_io_done *done,
                     void *object, int64_t argument);
void isr_env_truncate(struct isr_env *env, struct isr_file file, int64_t size_bytes, isr_io_done *done,
                      void *object, int64_t argument);
void isr_env_delete(struct isr_env *env, struct isr_file file, isr_io_done *done, void *object,
                    int64_t argument);
void isr_env_read(struct isr_env *env, struct isr_file file, isr_io_done *done, void *object,
                  int64_t argument);
void isr_env_list(struct isr_env *env, isr_io_done *done, void *object, int64_t argument);
void isr_env_reply(struct isr_env *env, uint64_t id, enum isr_error error, struct isr_tp tp, int64_t offset);
void isr_env_records(struct isr_env *env, struct isr_tp tp, int64_t offset, struct isr_bytes batch);
/* Ends the process. A disk error that cannot be survived halts it uncleanly (reason: enum isr_io_status). */
void isr_env_exit(struct isr_env *env, bool clean, int64_t reason);

/* Adds an observation; fill the fields of the returned struct in the same step:
 *     isr_observe(env, ISR_OBSERVED_LOG_TRUNCATED)->log_truncated.to = offset;          */
struct isr_observation *isr_observe(struct isr_env *env, enum isr_observation_kind kind);

static inline void isr_env_timer_in(struct isr_env *env, struct isr_timer *timer, int64_t delay_ns)
{
    isr_timer_set(&env->timers, timer, env->now_ns + delay_ns);
}

#endif
