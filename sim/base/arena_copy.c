#define _GNU_SOURCE
#include "sim/base/arena_copy.h"

#include <string.h>
#include <sys/mman.h>

#include "core/base/assert.h"
#include "sim/base/arena_poison.h"

/* ---- bytes, poisoned or not ---- */

#ifdef ARENA_POISONING
/* memcpy and memset themselves are watched; volatile keeps the compiler from calling them. */
#define UNWATCHED __attribute__((no_sanitize("address")))

UNWATCHED static void bytes_copy(void *to, const void *from, size_t size_bytes)
{
    volatile uint64_t *out = to;
    const volatile uint64_t *in = from;
    for (size_t i = 0; i < size_bytes / 8; i++)
        out[i] = in[i];
}

UNWATCHED static void bytes_clear(void *to, size_t size_bytes)
{
    volatile uint64_t *out = to;
    for (size_t i = 0; i < size_bytes / 8; i++)
        out[i] = 0;
}

/* Where the map has the arena's bytes, and how many bytes of map that is. */
static uint8_t *shadow_of(struct arena *arena, uint64_t size_bytes, uint64_t *shadow_bytes)
{
    size_t scale, offset;
    __asan_get_shadow_mapping(&scale, &offset);
    *shadow_bytes = size_bytes >> scale;
    return (uint8_t *)(((uintptr_t)arena >> scale) + offset); // NOLINT: the map is at a computed place
}
#else
#define UNWATCHED

static inline void bytes_copy(void *to, const void *from, size_t size_bytes)
{
    memcpy(to, from, size_bytes);
}

static inline void bytes_clear(void *to, size_t size_bytes)
{
    memset(to, 0, size_bytes);
}

static uint8_t *shadow_of(struct arena *arena, uint64_t size_bytes, uint64_t *shadow_bytes)
{
    (void)size_bytes;
    *shadow_bytes = 0;
    return (uint8_t *)arena;
}
#endif

/* The first of the words that differ, size_bytes where none does. */
UNWATCHED static uint64_t first_difference(const uint8_t *a, const uint8_t *b, uint64_t size_bytes)
{
    const uint64_t *x = (const uint64_t *)(const void *)a, *y = (const uint64_t *)(const void *)b;
    uint64_t words = size_bytes / 8;
    for (uint64_t i = 0; i < words; i++) {
        if (x[i] != y[i])
            return 8 * i;
    }
    return size_bytes;
}

/* ---- the copy's memory ---- */

static bool make_room(struct arena_copy *copy, uint64_t size_bytes)
{
    if (size_bytes <= copy->mapped_bytes)
        return true;
    arena_copy_free(copy);
    uint64_t wanted = size_bytes + size_bytes / 2; /* the world grows; what is not written takes no memory */
    void *got =
        mmap(NULL, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (got == MAP_FAILED)
        return false;
    copy->mapped = got;
    copy->mapped_bytes = wanted;
    return true;
}

void arena_copy_free(struct arena_copy *copy)
{
    if (copy->mapped != NULL)
        munmap(copy->mapped, copy->mapped_bytes);
    *copy = (struct arena_copy){0};
}

/* ---- there and back ---- */

/* Between the arena's top and what was ever used nothing is left. */
static void clear_above(struct arena *arena, uint64_t top_bytes, uint64_t touched_bytes)
{
    if (touched_bytes <= top_bytes)
        return;
    uint8_t *from = (uint8_t *)arena + top_bytes;
    UNPOISON(from, touched_bytes - top_bytes);
    bytes_clear(from, touched_bytes - top_bytes);
}

static uint64_t touched_bytes(const struct arena *arena)
{
    uint64_t chunks = arena->chunks_touched > arena->chunks_top ? arena->chunks_touched : arena->chunks_top;
    return chunks * ARENA_CHUNK_BYTES;
}

bool arena_copy_take(struct arena_copy *copy, struct arena *arena)
{
    uint64_t shadow_bytes, bytes = arena_used_bytes(arena);
    const uint8_t *shadow = shadow_of(arena, bytes, &shadow_bytes);
    if (!make_room(copy, bytes + shadow_bytes))
        return false;
    clear_above(arena, bytes, touched_bytes(arena));
    arena->chunks_touched = 0;
    copy->arena = arena;
    copy->bytes = bytes;
    bytes_copy(copy->mapped, arena, bytes);
    bytes_copy(copy->mapped + bytes, shadow, shadow_bytes);
    return true;
}

void arena_copy_put_back(const struct arena_copy *copy)
{
    struct arena *arena = copy->arena;
    uint64_t shadow_bytes;
    ISR_ASSERT(arena != NULL);
    clear_above(arena, copy->bytes, touched_bytes(arena));
    bytes_copy(arena, copy->mapped, copy->bytes);
    uint8_t *shadow = shadow_of(arena, copy->bytes, &shadow_bytes);
    bytes_copy(shadow, copy->mapped + copy->bytes, shadow_bytes);
}

bool arena_copy_equals(const struct arena_copy *copy, uint64_t *where)
{
    uint64_t bytes = arena_used_bytes(copy->arena);
    *where = bytes < copy->bytes ? bytes : copy->bytes;
    uint64_t at = first_difference(copy->mapped, (const uint8_t *)copy->arena, *where);
    bool equal = at == *where && bytes == copy->bytes;
    *where = at;
    return equal;
}
