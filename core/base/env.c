#include "core/base/env.h"

static const struct isr_metric_info metrics[] = {
#define KIND_counter true
#define KIND_gauge false
#define X(kind, name, meaning) {#name, KIND_##kind, meaning, offsetof(struct isr_metrics, name)},
#include "core/metrics.def"
#undef X
};

const struct isr_metric_info *isr_metrics_list(size_t *count)
{
    *count = sizeof metrics / sizeof metrics[0];
    return metrics;
}

int isr_file_compare(struct isr_file a, struct isr_file b)
{
    if (a.kind != b.kind)
        return a.kind < b.kind ? -1 : 1;
    if (!isr_tp_equal(a.tp, b.tp))
        return isr_tp_key(a.tp) < isr_tp_key(b.tp) ? -1 : 1;
    return a.number == b.number ? 0 : a.number < b.number ? -1 : 1;
}

void isr_env_init(struct isr_env *env, int32_t node, struct isr_heap *heap, const struct isr_config *config,
                  const struct isr_rules *rules, uint64_t random_key)
{
    *env = (struct isr_env){
        .node = node, .heap = heap, .config = *config, .rules = *rules, .random.key = random_key};
    isr_scratch_init(&env->scratch, heap);
    isr_timers_init(&env->timers, heap);
}

void isr_env_begin(struct isr_env *env, int64_t now_ns)
{
    ISR_ASSERT(now_ns >= env->now_ns);
    env->now_ns = now_ns;
    isr_scratch_reset(&env->scratch);
    env->effects_count = 0;
    env->observations_count = 0;
}

void isr_env_end(struct isr_env *env, struct isr_effects *effects)
{
    *effects = (struct isr_effects){
        .items = env->effects,
        .count = env->effects_count,
        .observations = env->observations,
        .observations_count = env->observations_count,
        .wake_ns = env->exiting ? ISR_TIME_NEVER : isr_timers_next(&env->timers),
    };
}

void isr_env_wake(struct isr_env *env)
{
    struct isr_timer *timer;
    while (!env->exiting && (timer = isr_timers_pop(&env->timers, env->now_ns)) != NULL)
        timer->fire(timer->object);
}

static struct isr_effect *effect_add(struct isr_env *env, enum isr_effect_kind kind)
{
    env->effects = ISR_GROW(env->heap, env->effects, env->effects_count, env->effects_capacity);
    struct isr_effect *effect = &env->effects[env->effects_count++];
    *effect = (struct isr_effect){.kind = kind};
    return effect;
}

static struct isr_effect *operation_add(struct isr_env *env, enum isr_effect_kind kind, struct isr_file file,
                                        isr_io_done *done, void *object, int64_t argument)
{
    uint32_t slot = env->slots_free;
    if (slot != 0) {
        env->slots_free = env->slots[slot - 1].next_free;
    } else {
        env->slots = ISR_GROW(env->heap, env->slots, env->slots_count, env->slots_capacity);
        slot = ++env->slots_count;
    }
    env->slots[slot - 1] =
        (struct isr_io_slot){.done = done, .object = object, .argument = argument, .busy = true};
    struct isr_effect *effect = effect_add(env, kind);
    effect->io = slot;
    effect->file = file;
    return effect;
}

void isr_env_io_done(struct isr_env *env, const struct isr_event *event)
{
    uint32_t io = event->io_done.io;
    ISR_ASSERT(io > 0 && io <= env->slots_count);
    struct isr_io_slot slot = env->slots[io - 1];
    ISR_ASSERT(slot.busy);
    env->slots[io - 1] = (struct isr_io_slot){.next_free = env->slots_free};
    env->slots_free = io;
    if (event->io_done.status == ISR_IO_ERROR || event->io_done.status == ISR_IO_NO_SPACE)
        env->metrics.disk_errors++;
    if (slot.done == NULL)
        return;
    struct isr_io_result result = {.status = event->io_done.status,
                                   .bytes = event->io_done.bytes,
                                   .files = event->io_done.files,
                                   .files_count = event->io_done.files_count};
    slot.done(slot.object, slot.argument, &result);
}

void isr_env_send_frame(struct isr_env *env, int32_t to, struct isr_bytes frame)
{
    struct isr_effect *effect = effect_add(env, ISR_EFFECT_SEND);
    effect->to = to;
    effect->bytes = frame;
    env->metrics.messages_out++;
}

void isr_env_write(struct isr_env *env, struct isr_file file, int64_t position, struct isr_bytes bytes,
                   isr_io_done *done, void *object, int64_t argument)
{
    struct isr_effect *effect = operation_add(env, ISR_EFFECT_WRITE, file, done, object, argument);
    effect->position = position;
    effect->bytes = bytes;
    env->metrics.disk_writes++;
}

void isr_env_sync(struct isr_env *env, struct isr_file file, isr_io_done *done, void *object,
                  int64_t argument)
{
    operation_add(env, ISR_EFFECT_SYNC, file, done, object, argument);
    env->metrics.disk_syncs++;
}

void isr_env_replace(struct isr_env *env, struct isr_file file, struct isr_bytes bytes, isr_io_done *done,
                     void *object, int64_t argument)
{
    operation_add(env, ISR_EFFECT_REPLACE, file, done, object, argument)->bytes = bytes;
    env->metrics.disk_writes++;
    env->metrics.disk_syncs++;
}

void isr_env_truncate(struct isr_env *env, struct isr_file file, int64_t size_bytes, isr_io_done *done,
                      void *object, int64_t argument)
{
    operation_add(env, ISR_EFFECT_TRUNCATE, file, done, object, argument)->position = size_bytes;
}

void isr_env_delete(struct isr_env *env, struct isr_file file, isr_io_done *done, void *object,
                    int64_t argument)
{
    operation_add(env, ISR_EFFECT_DELETE, file, done, object, argument);
}

void isr_env_read(struct isr_env *env, struct isr_file file, isr_io_done *done, void *object,
                  int64_t argument)
{
    operation_add(env, ISR_EFFECT_READ, file, done, object, argument);
}

void isr_env_list(struct isr_env *env, isr_io_done *done, void *object, int64_t argument)
{
    operation_add(env, ISR_EFFECT_LIST, (struct isr_file){0}, done, object, argument);
}

void isr_env_reply(struct isr_env *env, uint64_t id, enum isr_error error, struct isr_tp tp, int64_t offset)
{
    struct isr_effect *effect = effect_add(env, ISR_EFFECT_REPLY);
    effect->id = id;
    effect->error = (uint8_t)error;
    effect->tp = tp;
    effect->offset = offset;
}

void isr_env_records(struct isr_env *env, struct isr_tp tp, int64_t offset, struct isr_bytes batch)
{
    struct isr_effect *effect = effect_add(env, ISR_EFFECT_RECORDS);
    effect->tp = tp;
    effect->offset = offset;
    effect->bytes = batch;
}

void isr_env_exit(struct isr_env *env, bool clean, int64_t reason)
{
    if (env->exiting)
        return;
    env->exiting = true;
    if (!clean)
        isr_observe(env, ISR_OBSERVED_NODE_HALTED)->node_halted.reason = reason;
    effect_add(env, ISR_EFFECT_EXIT)->clean = clean;
}

struct isr_observation *isr_observe(struct isr_env *env, enum isr_observation_kind kind)
{
    env->observations =
        ISR_GROW(env->heap, env->observations, env->observations_count, env->observations_capacity);
    struct isr_observation *observation = &env->observations[env->observations_count++];
    *observation = (struct isr_observation){.kind = kind};
    return observation;
}
