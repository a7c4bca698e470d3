/* The bytes of a file in pages. The first page is only as large as is needed (most files are small), the
 * others are full. Appending into a page that is there takes no memory. */
#ifndef SIM_CONTENT_H
#define SIM_CONTENT_H

#include "core/base/types.h"
#include "sim/base/arena.h"

enum { SIM_PAGE_BYTES = ARENA_CHUNK_BLOCK_BYTES };

struct sim_content {
    uint8_t **pages;
    uint32_t pages_count, pages_capacity;
    uint32_t first_bytes; /* the room in pages[0] */
    int64_t size_bytes;
};

/* Writes at a position, with zeroes between the end and there. */
void sim_content_write(struct sim_content *content, struct arena_owner *memory, int64_t position,
                       struct isr_bytes bytes);
/* Makes it shorter. */
void sim_content_truncate(struct sim_content *content, struct arena_owner *memory, int64_t size_bytes);
/* Copies [position, position + size) out; all of it must be there. */
void sim_content_copy(const struct sim_content *content, int64_t position, uint8_t *bytes,
                      int64_t size_bytes);
void sim_content_free(struct sim_content *content, struct arena_owner *memory);

#endif
