/* The log in memory: a ring of entries with the table of where terms begin.
 *
 * Invariants: runs covers exactly the entries here, its indices and terms ascend; an entry's position is the
 * end of the one before it; end_position is the end of the last. */
#include "core/base/search.h"
#include "core/quorum/internal.h"

enum { ENTRIES_MIN = 16 };

void quorum_log_init(struct quorum_log *log, struct isr_heap *heap)
{
    *log = (struct quorum_log){.heap = heap, .end_position = QUORUM_LOG_HEADER_BYTES};
}

int32_t quorum_log_term(const struct quorum_log *log, int64_t index)
{
    if (index == log->base_index)
        return log->base_term;
    return quorum_log_has(log, index) ? quorum_log_at(log, index)->term : 0;
}

static void entries_widen(struct quorum_log *log)
{
    uint32_t capacity = log->capacity == 0 ? ENTRIES_MIN : log->capacity * 2;
    ISR_ASSERT(capacity > log->capacity);
    struct quorum_entry *entries = isr_heap_allocate(log->heap, capacity * sizeof *entries);
    for (uint32_t i = 0; i < log->count; i++)
        entries[i] = log->entries[(log->head + i) & (log->capacity - 1)];
    isr_heap_release(log->heap, log->entries);
    log->entries = entries;
    log->head = 0;
    log->capacity = capacity;
}

static void entry_place(struct quorum_log *log, int64_t index, struct quorum_entry *entry, uint32_t chain)
{
    struct isr_bytes data = {.data = entry->data, .size = entry->size};
    entry->crc = quorum_record_crc(chain, index, entry->term, entry->kind, data);
    entry->position = log->end_position;
    log->end_position += QUORUM_RECORD_BYTES + (int64_t)entry->size;
}

struct quorum_entry *quorum_log_append(struct quorum_log *log, int32_t term, uint8_t kind,
                                       struct isr_bytes data)
{
    int64_t index = quorum_log_last(log) + 1;
    uint32_t chain = log->count > 0 ? quorum_log_at(log, index - 1)->crc : log->base_crc;
    if (log->count == log->capacity)
        entries_widen(log);
    if (log->runs_count == 0 || log->runs[log->runs_count - 1].term != term) {
        log->runs = ISR_GROW(log->heap, log->runs, log->runs_count, log->runs_capacity);
        log->runs[log->runs_count++] = (struct quorum_run){.first_index = index, .term = term};
    }
    log->count++;
    struct quorum_entry *entry = quorum_log_at(log, index);
    *entry = (struct quorum_entry){
        .term = term, .kind = kind, .size = data.size, .digest = isr_quorum_digest(term, data)};
    if (data.size > 0) {
        entry->data = isr_heap_allocate(log->heap, data.size);
        memcpy(entry->data, data.data, data.size);
    }
    entry_place(log, index, entry, chain);
    return entry;
}

void quorum_log_truncate(struct quorum_log *log, int64_t index)
{
    ISR_ASSERT(quorum_log_has(log, index));
    log->end_position = quorum_log_at(log, index)->position;
    for (int64_t i = index; i <= quorum_log_last(log); i++)
        isr_heap_release(log->heap, quorum_log_at(log, i)->data);
    log->count = (uint32_t)(index - log->base_index - 1);
    while (log->runs_count > 0 && log->runs[log->runs_count - 1].first_index >= index)
        log->runs_count--;
}

static void runs_compact(struct quorum_log *log)
{
    uint32_t gone = 0;
    int64_t first = log->base_index + 1;
    while (gone < log->runs_count &&
           (gone + 1 < log->runs_count ? log->runs[gone + 1].first_index <= first : log->count == 0))
        gone++;
    log->runs_count -= gone;
    if (gone > 0 && log->runs_count > 0)
        memmove(log->runs, log->runs + gone, log->runs_count * sizeof *log->runs);
    if (log->runs_count > 0 && log->runs[0].first_index < first)
        log->runs[0].first_index = first;
}

void quorum_log_compact(struct quorum_log *log, int64_t index)
{
    ISR_ASSERT(quorum_log_has(log, index));
    int32_t term = quorum_log_at(log, index)->term;
    uint32_t gone = (uint32_t)(index - log->base_index);
    for (int64_t i = log->base_index + 1; i <= index; i++)
        isr_heap_release(log->heap, quorum_log_at(log, i)->data);
    log->head = (log->head + gone) & (log->capacity - 1);
    log->count -= gone;
    log->base_index = index;
    log->base_term = term;
    runs_compact(log);
}

void quorum_log_reset(struct quorum_log *log, int64_t index, int32_t term)
{
    if (log->count > 0)
        quorum_log_truncate(log, log->base_index + 1);
    log->head = 0;
    log->base_index = index;
    log->base_term = term;
}

static int64_t run_first_at(const void *array, uint32_t place)
{
    return ((const struct quorum_run *)array)[place].first_index;
}

static int64_t run_term_at(const void *array, uint32_t place)
{
    return ((const struct quorum_run *)array)[place].term;
}

/* The last run that begins at or before index. */
static uint32_t run_of(const struct quorum_log *log, int64_t index)
{
    uint32_t above = isr_search(log->runs, 0, log->runs_count, index + 1, run_first_at);
    return above > 0 ? above - 1 : 0;
}

int64_t quorum_log_run_first(const struct quorum_log *log, int64_t index)
{
    ISR_ASSERT(quorum_log_has(log, index));
    return log->runs[run_of(log, index)].first_index;
}

int64_t quorum_log_run_last(const struct quorum_log *log, int32_t term)
{
    uint32_t above = isr_search(log->runs, 0, log->runs_count, (int64_t)term + 1, run_term_at);
    if (above == 0 || log->runs[above - 1].term != term)
        return 0;
    return above == log->runs_count ? quorum_log_last(log) : log->runs[above].first_index - 1;
}

void quorum_log_place(struct quorum_log *log)
{
    uint8_t header[QUORUM_LOG_HEADER_BYTES];
    log->base_crc = quorum_log_header_put(header, log->base_index, log->base_term);
    log->end_position = QUORUM_LOG_HEADER_BYTES;
    uint32_t chain = log->base_crc;
    for (int64_t i = log->base_index + 1; i <= quorum_log_last(log); i++) {
        struct quorum_entry *entry = quorum_log_at(log, i);
        entry_place(log, i, entry, chain);
        chain = entry->crc;
    }
}
