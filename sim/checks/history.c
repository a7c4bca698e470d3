#include "sim/checks/history.h"

#include "core/base/assert.h"

/* How many lines have an epoch at or below this one. */
static uint32_t lines_up_to(const struct check_history *history, int32_t epoch)
{
    uint32_t place = history->lines_count;
    while (place > 0 && history->lines[place - 1]->epoch > epoch)
        place--; /* nearly always the last */
    return place;
}

struct check_line *check_history_line(const struct check_history *history, int32_t epoch)
{
    if (history->newest != NULL && history->newest->epoch == epoch)
        return history->newest;
    uint32_t place = lines_up_to(history, epoch);
    if (place == 0 || history->lines[place - 1]->epoch != epoch)
        return NULL;
    return history->lines[place - 1];
}

struct check_line *check_history_line_make(struct check_history *history, int32_t epoch)
{
    struct check_line *found = check_history_line(history, epoch);
    if (found != NULL)
        return found;
    uint32_t place = lines_up_to(history, epoch);
    history->lines = ISR_GROW(history->heap, history->lines, history->lines_count, history->lines_capacity);
    for (uint32_t i = history->lines_count; i > place; i--)
        history->lines[i] = history->lines[i - 1];
    struct check_line *line = isr_heap_allocate(history->heap, sizeof *line);
    line->epoch = epoch;
    line->leader = ISR_NODE_NONE;
    history->lines[place] = line;
    history->lines_count++;
    history->newest = history->lines[history->lines_count - 1];
    return line;
}

/* How many entries begin at or below the offset. */
static uint32_t entries_up_to(const struct check_line *line, int64_t offset)
{
    /* First place whose base is above the offset, looked for near the end first: that is where a partition
     * lives. */
    uint32_t above = line->count;
    uint32_t step = 1;
    while (above > 0 && check_line_at(line, above - 1)->base > offset) {
        above = above > step ? above - step : 0;
        step *= 2;
    }
    uint32_t low = above;
    uint32_t high = above + step / 2 < line->count ? above + step / 2 : line->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (check_line_at(line, middle)->base <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct check_entry *check_line_search(const struct check_line *line, int64_t offset)
{
    uint32_t count = entries_up_to(line, offset);
    if (count == 0)
        return NULL;
    struct check_entry *entry = check_line_at(line, count - 1);
    return offset < check_entry_end(entry) ? entry : NULL;
}

struct check_entry *check_line_add(struct check_history *history, struct check_line *line, int64_t base,
                                   uint32_t count, uint32_t crc)
{
    uint32_t chunk = line->count / CHECK_CHUNK_ENTRIES;
    if (line->count % CHECK_CHUNK_ENTRIES == 0) {
        line->chunks = ISR_GROW(history->heap, line->chunks, chunk, line->chunks_capacity);
        line->chunks[chunk] =
            isr_heap_allocate(history->heap, sizeof(struct check_entry) * (size_t)CHECK_CHUNK_ENTRIES);
        line->last_chunk = line->chunks[chunk];
    }
    struct check_entry *entry = &line->last_chunk[line->count % CHECK_CHUNK_ENTRIES];
    line->count++;
    line->last_base = base;
    line->last_count = count;
    entry->base = base;
    entry->count = count;
    entry->crc = crc;
    return entry;
}

/* Stands where the entry is that holds the offset in the cursor's segment. */
static struct check_entry *seek_in_line(const struct check_history *history, int64_t offset,
                                        struct check_cursor *cursor)
{
    const struct check_line *line = history->segments[cursor->segment].line;
    if (line == NULL || line->count == 0)
        return NULL;
    cursor->line = line;
    cursor->place = check_line_guess(line, offset);
    struct check_entry *entry = check_line_at(line, cursor->place);
    if (offset >= entry->base && offset < check_entry_end(entry))
        return entry;
    uint32_t count = entries_up_to(line, offset);
    if (count == 0)
        return NULL;
    cursor->place = count - 1;
    entry = check_line_at(line, cursor->place);
    return offset < check_entry_end(entry) ? entry : NULL;
}

/* How many segments begin at or below the offset. */
static uint32_t segments_up_to(const struct check_history *history, int64_t offset)
{
    uint32_t place = history->segments_count;
    while (place > 0 && history->segments[place - 1].start > offset)
        place--;
    return place;
}

static int64_t segment_end(const struct check_history *history, uint32_t place)
{
    return place + 1 < history->segments_count ? history->segments[place + 1].start
                                               : history->true_high_watermark;
}

/* The segment that the offset is in; NULL: what is committed does not hold it. */
static const struct check_segment *segment_of(const struct check_history *history, int64_t offset)
{
    if (offset < 0 || offset >= history->true_high_watermark)
        return NULL;
    uint32_t place = segments_up_to(history, offset);
    return place == 0 ? NULL : &history->segments[place - 1];
}

struct check_entry *check_cursor_seek(const struct check_history *history, int64_t offset,
                                      struct check_cursor *cursor)
{
    const struct check_segment *segment = segment_of(history, offset);
    if (segment == NULL)
        return NULL;
    cursor->segment = (uint32_t)(segment - history->segments);
    return seek_in_line(history, offset, cursor);
}

struct check_entry *check_cursor_next(const struct check_history *history, struct check_cursor *cursor)
{
    int64_t end = segment_end(history, cursor->segment);
    if (cursor->place + 1 < cursor->line->count) {
        struct check_entry *entry = check_line_at(cursor->line, cursor->place + 1);
        if (entry->base < end) {
            cursor->place++;
            return entry;
        }
    }
    return check_cursor_seek(history, check_history_known_from(history, end), cursor);
}

int64_t check_history_known_from(const struct check_history *history, int64_t offset)
{
    for (uint32_t place = segments_up_to(history, offset);
         place > 0 && place <= history->segments_count && history->segments[place - 1].line == NULL;
         place++) {
        int64_t end = segment_end(history, place - 1);
        offset = end > offset ? end : offset;
    }
    return offset;
}

struct check_entry *check_history_committed(const struct check_history *history, int64_t offset,
                                            int32_t *epoch)
{
    const struct check_segment *segment = segment_of(history, offset);
    if (segment == NULL)
        return NULL;
    struct check_entry *entry = segment->line == NULL ? NULL : check_line_find(segment->line, offset);
    if (entry != NULL)
        *epoch = segment->epoch;
    return entry;
}

static void segment_add(struct check_history *history, struct check_segment segment)
{
    history->segments =
        ISR_GROW(history->heap, history->segments, history->segments_count, history->segments_capacity);
    history->segments[history->segments_count++] = segment;
}

struct check_entry *check_history_newest(const struct check_history *history, int32_t *epoch)
{
    int64_t end = history->true_high_watermark;
    uint32_t place = history->segments_count;
    while (place > 0 && history->segments[place - 1].line == NULL)
        end = history->segments[--place].start;
    return check_history_committed(history, end - 1, epoch);
}

void check_history_commit(struct check_history *history, int32_t epoch, struct check_entry *entry)
{
    uint32_t count = history->segments_count;
    if (count == 0 || history->segments[count - 1].line == NULL ||
        history->segments[count - 1].epoch != epoch)
        segment_add(history, (struct check_segment){.line = check_history_line(history, epoch),
                                                    .epoch = epoch,
                                                    .start = entry->base});
    entry->flags |= CHECK_COMMITTED;
    history->true_high_watermark = check_entry_end(entry);
}

int64_t check_history_committed_before(const struct check_history *history, int32_t epoch)
{
    int64_t end = history->true_high_watermark;
    for (uint32_t i = history->segments_count; i > 0 && history->segments[i - 1].epoch >= epoch; i--)
        end = history->segments[i - 1].start;
    return end;
}

void check_history_skip(struct check_history *history, int32_t epoch, int64_t offset)
{
    segment_add(history, (struct check_segment){.epoch = epoch, .start = history->true_high_watermark});
    history->true_high_watermark = offset;
}

void check_history_cut(struct check_history *history, int64_t offset)
{
    if (offset >= history->true_high_watermark)
        return;
    history->true_high_watermark = offset;
    history->was_cut = true;
    while (history->segments_count > 0 && history->segments[history->segments_count - 1].start >= offset)
        history->segments_count--;
}
