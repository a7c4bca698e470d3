/* Reading: binary search in the places, which gallops from the end because readers follow the end closely. */
#include <string.h>

#include "core/base/search.h"
#include "core/log/internal.h"

static int64_t base_offset_at(const void *array, uint32_t place)
{
    return ((const struct isr_batch_place *)array)[place].base_offset;
}

uint32_t isr_log_place_find(const struct isr_log *log, int64_t offset)
{
    const struct isr_batch_place *places = log->places;
    uint32_t high = log->places_count; /* places[high] lies above offset, or is the end */
    ISR_ASSERT(high > 0);
    if (places[high - 1].base_offset <= offset) /* most readers want the newest batch */
        return high - 1;
    uint32_t step = 1;
    while (step <= high && places[high - step].base_offset > offset) {
        high -= step;
        step *= 2;
    }
    uint32_t low = step <= high ? high - step : 0; /* places[low] lies at or below offset */
    low = isr_search(places, low + 1, high, offset + 1, base_offset_at) - 1;
    ISR_ASSERT(low < log->places_count);
    ISR_ASSERT(places[low].base_offset <= offset);
    return low;
}

const struct isr_batch_place *isr_log_batch_at(const struct isr_log *log, int64_t offset)
{
    if (offset < log->log_start || offset >= log->log_end)
        return NULL;
    return &log->places[isr_log_place_find(log, offset)];
}

int64_t isr_log_bytes_between(const struct isr_log *log, int64_t offset, int64_t limit)
{
    if (offset < log->log_start)
        offset = log->log_start;
    if (limit > log->log_end)
        limit = log->log_end;
    if (offset >= limit)
        return 0;
    int64_t end =
        limit == log->log_end ? log->position_end : log->places[isr_log_place_find(log, limit)].position;
    return end - log->places[isr_log_place_find(log, offset)].position;
}

/* A gap of compaction in the middle of which reading begins (the places of others lie otherwise): what is
 * left of it begins there. */
static bool begins_inside_gap(const struct isr_batch_place *place, int64_t offset)
{
    struct isr_batch batch;
    if (place->base_offset == offset || place->size_bytes != ISR_BATCH_GAP_BYTES)
        return false;
    enum isr_batch_status status =
        isr_batch_parse((struct isr_bytes){.data = place->data, .size = place->size_bytes}, false, &batch);
    ISR_ASSERT(status == ISR_BATCH_OK);
    return isr_batch_is_gap(&batch);
}

/* Runs of places that lie one behind the other in memory are copied at once. */
static struct isr_bytes gather(struct isr_log *log, uint32_t first, uint32_t end, uint32_t total_bytes,
                               int64_t rest_from)
{
    uint8_t *copy = isr_scratch_allocate(&log->env->scratch, total_bytes);
    uint32_t position = 0;
    if (rest_from != ISR_OFFSET_NONE) {
        const struct isr_batch_place *gap = &log->places[first++];
        isr_batch_gap(copy, rest_from, (uint32_t)(place_end(gap) - rest_from), gap->leader_epoch,
                      isr_batch_timestamp(gap->data));
        position = ISR_BATCH_GAP_BYTES;
    }
    for (uint32_t i = first; i < end;) {
        const uint8_t *data = log->places[i].data;
        uint32_t size = 0;
        while (i < end && log->places[i].data == data + size)
            size += log->places[i++].size_bytes;
        memcpy(copy + position, data, size);
        position += size;
    }
    ISR_ASSERT(position == total_bytes);
    return (struct isr_bytes){.data = copy, .size = total_bytes};
}

struct isr_bytes isr_log_read(struct isr_log *log, int64_t offset, int64_t limit, uint32_t max_bytes)
{
    ISR_ASSERT(offset >= log->log_start);
    ISR_ASSERT(offset <= log->log_end);
    if (offset == log->log_end || offset >= limit)
        return (struct isr_bytes){0};
    uint32_t first = isr_log_place_find(log, offset);
    const struct isr_batch_place *places = log->places;
    uint32_t end = first, total_bytes = 0;
    bool contiguous = true;
    while (end < log->places_count && place_end(&places[end]) <= limit) {
        if (end > first) {
            if (total_bytes > max_bytes || places[end].size_bytes > max_bytes - total_bytes)
                break;
            contiguous = contiguous && places[end].data == places[end - 1].data + places[end - 1].size_bytes;
        }
        total_bytes += places[end++].size_bytes;
    }
    bool inside = end > first && begins_inside_gap(&places[first], offset);
    if (contiguous && !inside)
        return (struct isr_bytes){.data = places[first].data, .size = total_bytes};
    return gather(log, first, end, total_bytes, inside ? offset : ISR_OFFSET_NONE);
}

/* ---- verification ---- */

static void verify_places(const struct isr_log *log)
{
    int64_t expected = log->log_start;
    for (uint32_t i = 0; i < log->places_count; i++) {
        const struct isr_batch_place *place = &log->places[i];
        struct isr_batch batch;
        enum isr_batch_status status = isr_batch_parse(
            (struct isr_bytes){.data = place->data, .size = place->size_bytes}, false, &batch);
        ISR_ASSERT(status == ISR_BATCH_OK);
        ISR_ASSERT(batch.base_offset == place->base_offset && batch.leader_epoch == place->leader_epoch);
        ISR_ASSERT(batch.crc == place->crc && batch.record_count == place->record_count);
        ISR_ASSERT(i == 0 ? place->base_offset <= expected : place->base_offset == expected);
        ISR_ASSERT(i == 0 || place->position == place[-1].position + place[-1].size_bytes);
        expected = place_end(place);
        ISR_ASSERT(expected > log->log_start);
    }
    ISR_ASSERT(expected == log->log_end);
    if (log->places_count > 0) {
        const struct isr_batch_place *last = &log->places[log->places_count - 1];
        ISR_ASSERT(log->position_end == last->position + last->size_bytes);
    }
    ISR_ASSERT(log->places == NULL || log->places >= log->places_memory);
    ISR_ASSERT(log->start_told <= log->log_start || log->barrier_pending > 0);
}

/* Each batch lies in the epoch that the cache tells, and each epoch with records starts with one. */
static void verify_epochs(const struct isr_log *log)
{
    const struct isr_epoch_cache *cache = &log->epochs;
    for (uint32_t i = 0; i < cache->count; i++) {
        const struct isr_epoch_entry *entry = &cache->entries[i];
        ISR_ASSERT(entry->start_offset >= log->log_start && entry->start_offset <= log->log_end);
        ISR_ASSERT(i == 0 || entry[-1].epoch < entry->epoch);
        ISR_ASSERT(i == 0 || entry[-1].start_offset < entry->start_offset);
        const struct isr_batch_place *place = isr_log_batch_at(log, entry->start_offset);
        ISR_ASSERT(place == NULL || place->leader_epoch == entry->epoch);
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < log->places_count; i++) {
        ISR_ASSERT(cache->count > 0);
        while (at + 1 < cache->count && cache->entries[at + 1].start_offset <= log->places[i].base_offset)
            at++;
        ISR_ASSERT(cache->entries[at].epoch == log->places[i].leader_epoch);
    }
}

static void verify_segments(const struct isr_log *log)
{
    for (uint32_t i = 0; i < log->segments_count; i++) {
        const struct isr_segment *segment = &log->segments[i];
        ISR_ASSERT(segment->base_offset <= segment->written_end &&
                   segment->base_offset <= segment->synced_end);
        ISR_ASSERT(segment->synced_end <= segment->written_end &&
                   segment->written_end <= segment->end_offset);
        ISR_ASSERT(i == 0 || segment[-1].end_offset == segment->base_offset);
        ISR_ASSERT(i == 0 || segment[-1].position + segment[-1].size_bytes == segment->position);
    }
    if (log->segments_count > 0) {
        const struct isr_segment *last = &log->segments[log->segments_count - 1];
        ISR_ASSERT(last->end_offset == log->issued_end);
        ISR_ASSERT(log->issued_end < log->log_end || last->position + last->size_bytes == log->position_end);
    }
}

void isr_log_verify(const struct isr_log *log)
{
    ISR_ASSERT(0 <= log->log_start && log->log_start <= log->high_watermark);
    ISR_ASSERT(log->high_watermark <= log->log_end);
    ISR_ASSERT(log->synced_end <= log->written_end && log->written_end <= log->issued_end);
    ISR_ASSERT(log->issued_end <= log->log_end);
    ISR_ASSERT(log->recovery_point == log->synced_end);
    ISR_ASSERT(log->barrier_pending > 0 || log->issued_end == log->log_end);
    ISR_ASSERT(0 <= log->clean_end && log->clean_end <= log->log_end);
    verify_places(log);
    verify_epochs(log);
    verify_segments(log);
}
