#include "sim/content.h"

#include <string.h>

#include "core/base/assert.h"

enum { FIRST_BYTES_LEAST = 248 };

static void *take(struct arena_owner *memory, size_t size_bytes)
{
    void *block = arena_allocate_raw(memory, size_bytes);
    ISR_ASSERT(block != NULL);
    return block;
}

/* The first page grows by four until it is full. */
static void first_page_grow(struct sim_content *content, struct arena_owner *memory, int64_t size_bytes)
{
    uint32_t room = content->first_bytes == 0 ? FIRST_BYTES_LEAST : content->first_bytes;
    while (room < size_bytes && room < SIM_PAGE_BYTES)
        room = 4 * room > SIM_PAGE_BYTES / 2 ? SIM_PAGE_BYTES : 4 * room;
    uint8_t *page = take(memory, room);
    if (content->first_bytes > 0) {
        memcpy(page, content->pages[0], content->first_bytes);
        arena_release(memory, content->pages[0]);
    }
    content->pages[0] = page;
    content->first_bytes = room;
}

static void reserve(struct sim_content *content, struct arena_owner *memory, int64_t size_bytes)
{
    uint32_t pages = (uint32_t)((uint64_t)(size_bytes + SIM_PAGE_BYTES - 1) / SIM_PAGE_BYTES);
    struct isr_heap heap = arena_owner_heap(memory);
    while (content->pages_count < pages) {
        content->pages = ISR_GROW(&heap, content->pages, content->pages_count, content->pages_capacity);
        if (content->pages_count > 0)
            content->pages[content->pages_count] = take(memory, SIM_PAGE_BYTES);
        content->pages_count++;
        if (content->pages_count == 1)
            content->first_bytes = 0;
    }
    int64_t first = size_bytes < SIM_PAGE_BYTES ? size_bytes : SIM_PAGE_BYTES;
    if (first > content->first_bytes)
        first_page_grow(content, memory, first);
}

/* One piece in one page after the other; data NULL: zeroes. */
static void put(struct sim_content *content, int64_t position, const uint8_t *data, int64_t size_bytes)
{
    while (size_bytes > 0) {
        uint64_t place = (uint64_t)position % SIM_PAGE_BYTES;
        uint64_t piece =
            SIM_PAGE_BYTES - place < (uint64_t)size_bytes ? SIM_PAGE_BYTES - place : (uint64_t)size_bytes;
        uint8_t *to = content->pages[(uint64_t)position / SIM_PAGE_BYTES] + place;
        if (data != NULL) {
            memcpy(to, data, piece);
            data += piece;
        } else {
            memset(to, 0, piece);
        }
        position += (int64_t)piece;
        size_bytes -= (int64_t)piece;
    }
}

void sim_content_write(struct sim_content *content, struct arena_owner *memory, int64_t position,
                       struct isr_bytes bytes)
{
    int64_t end = position + bytes.size;
    if (end > content->size_bytes) {
        reserve(content, memory, end);
        if (position > content->size_bytes)
            put(content, content->size_bytes, NULL, position - content->size_bytes);
        content->size_bytes = end;
    }
    if (bytes.size > 0)
        put(content, position, bytes.data, bytes.size);
}

void sim_content_truncate(struct sim_content *content, struct arena_owner *memory, int64_t size_bytes)
{
    ISR_ASSERT(size_bytes <= content->size_bytes);
    uint32_t pages = (uint32_t)((uint64_t)(size_bytes + SIM_PAGE_BYTES - 1) / SIM_PAGE_BYTES);
    uint32_t kept =
        pages > 0 ? pages : 1; /* the first page stays: most truncations are followed by appends */
    while (content->pages_count > kept)
        arena_release(memory, content->pages[--content->pages_count]);
    content->size_bytes = size_bytes;
}

void sim_content_copy(const struct sim_content *content, int64_t position, uint8_t *bytes, int64_t size_bytes)
{
    ISR_ASSERT(position >= 0 && position + size_bytes <= content->size_bytes);
    while (size_bytes > 0) {
        uint64_t place = (uint64_t)position % SIM_PAGE_BYTES;
        uint64_t piece =
            SIM_PAGE_BYTES - place < (uint64_t)size_bytes ? SIM_PAGE_BYTES - place : (uint64_t)size_bytes;
        memcpy(bytes, content->pages[(uint64_t)position / SIM_PAGE_BYTES] + place, piece);
        bytes += piece;
        position += (int64_t)piece;
        size_bytes -= (int64_t)piece;
    }
}

void sim_content_free(struct sim_content *content, struct arena_owner *memory)
{
    for (uint32_t i = 0; i < content->pages_count; i++)
        arena_release(memory, content->pages[i]);
    if (content->pages != NULL)
        arena_release(memory, content->pages);
    *content = (struct sim_content){0};
}
