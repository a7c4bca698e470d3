/* The leader-epoch cache (KIP-101, KIP-279): which epoch began at which offset. Invariant: epochs and start
 * offsets rise strictly; an entry whose start is log_end has no records yet. */
#include <string.h>

#include "core/base/search.h"
#include "core/log/internal.h"

bool isr_epoch_cache_trim(struct isr_epoch_cache *cache, int64_t offset)
{
    uint32_t count = cache->count;
    while (cache->count > 0 && cache->entries[cache->count - 1].start_offset >= offset)
        cache->count--;
    return cache->count != count;
}

void isr_epoch_cache_trim_start(struct isr_epoch_cache *cache, int64_t offset)
{
    uint32_t ended = 0;
    while (ended < cache->count && cache->entries[ended].start_offset <= offset)
        ended++;
    if (ended == 0)
        return;
    cache->entries[ended - 1].start_offset = offset;
    cache->count -= ended - 1;
    memmove(cache->entries, cache->entries + ended - 1, cache->count * sizeof cache->entries[0]);
}

bool isr_epoch_cache_assign(struct isr_epoch_cache *cache, struct isr_heap *heap, int32_t epoch,
                            int64_t start_offset)
{
    if (cache->count > 0 && cache->entries[cache->count - 1].epoch >= epoch)
        return false;
    isr_epoch_cache_trim(cache, start_offset);
    cache->entries = ISR_GROW(heap, cache->entries, cache->count, cache->capacity);
    cache->entries[cache->count++] = (struct isr_epoch_entry){.epoch = epoch, .start_offset = start_offset};
    return true;
}

int32_t isr_log_epoch_at(const struct isr_log *log, int64_t offset)
{
    int32_t epoch = log->epoch_before;
    for (uint32_t i = 0; i < log->epochs.count && log->epochs.entries[i].start_offset <= offset; i++)
        epoch = log->epochs.entries[i].epoch;
    return epoch;
}

void isr_log_keep_epoch_before(struct isr_log *log)
{
    if (log->epochs.count == 0 && log->epoch_before != ISR_EPOCH_NONE && log->log_start == log->log_end)
        isr_epoch_cache_assign(&log->epochs, log->env->heap, log->epoch_before, log->log_start);
}

int32_t isr_log_last_epoch(const struct isr_log *log)
{
    return log->epochs.count > 0 ? log->epochs.entries[log->epochs.count - 1].epoch : ISR_EPOCH_NONE;
}

void isr_log_assign_epoch(struct isr_log *log, int32_t epoch, int64_t start_offset, enum isr_cause cause)
{
    if (!isr_epoch_cache_assign(&log->epochs, log->env->heap, epoch, start_offset))
        return;
    struct isr_observation *observation = isr_observe(log->env, ISR_OBSERVED_EPOCH_ASSIGNED);
    observation->epoch_assigned.tp = isr_tp_key(log->tp);
    observation->epoch_assigned.leader_epoch = epoch;
    observation->epoch_assigned.start_offset = start_offset;
    observation->epoch_assigned.cause = cause;
    isr_log_store_epochs(log, false);
}

static int64_t epoch_at(const void *array, uint32_t place)
{
    return ((const struct isr_epoch_entry *)array)[place].epoch;
}

struct isr_epoch_end isr_log_epoch_end(const struct isr_log *log, int32_t epoch)
{
    const struct isr_epoch_cache *cache = &log->epochs;
    if (cache->count == 0 || epoch > cache->entries[cache->count - 1].epoch)
        return (struct isr_epoch_end){.epoch = ISR_EPOCH_NONE, .end_offset = ISR_OFFSET_NONE};
    if (epoch == cache->entries[cache->count - 1].epoch)
        return (struct isr_epoch_end){.epoch = epoch, .end_offset = log->log_end};
    if (epoch < cache->entries[0].epoch)
        return (struct isr_epoch_end){.epoch = epoch, .end_offset = cache->entries[0].start_offset};
    uint32_t above = isr_search(cache->entries, 1, cache->count - 1, (int64_t)epoch + 1, epoch_at);
    return (struct isr_epoch_end){.epoch = cache->entries[above - 1].epoch,
                                  .end_offset = cache->entries[above].start_offset};
}
