#define _GNU_SOURCE
#include "sim/base/arena.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "core/base/assert.h"
#include "sim/base/arena_poison.h"

enum {
    SMALL_CLASSES = 64, /* class c holds blocks of 16 (c + 1) bytes */
    SMALL_BYTES_MAX = 16 * SMALL_CLASSES,
    CLASS_RUN = 255, /* the block is a run of its own */
    RUN_HEADER_BYTES = 56,
    BLOCK_HEADER_BYTES = 8,
};
#define MARK_LIVE UINT32_C(0x11fe11fe)
#define MARK_FREE UINT32_C(0xf2eef2ee)

/* Sizes with header, chosen so that little of a chunk is left over: 3 of 5424 and 2 of 8160 fill one. */
static const uint16_t wide_classes[] = {1280, 1536, 1792, 2048, 2560, 3072, 3584, 4080, 5424, 8160};
enum { WIDE_CLASSES = sizeof wide_classes / sizeof wide_classes[0] };
_Static_assert(SMALL_CLASSES + WIDE_CLASSES <= ARENA_BLOCK_CLASSES, "room for all classes");

struct arena_run {
    struct arena_run *next; /* of the owner's, or of the free ones of its class */
    struct arena_run *previous;
    struct arena_owner *owner;
    uint32_t chunks;
    uint32_t class;
};
_Static_assert(sizeof(struct arena_run) <= RUN_HEADER_BYTES, "the header of a run fits");

struct block_header {
    uint32_t mark;
    uint16_t class;
    uint16_t owner;
};
_Static_assert(sizeof(struct block_header) == BLOCK_HEADER_BYTES, "the header of a block fits");

static uint64_t run_bytes(uint32_t chunks)
{
    return (uint64_t)chunks * ARENA_CHUNK_BYTES;
}

/* ---- the range ---- */

static void arena_init(struct arena *arena)
{
    arena->chunks_top = (uint32_t)((sizeof *arena + ARENA_CHUNK_BYTES - 1) / ARENA_CHUNK_BYTES);
    arena->owners_count = 0;
    memset(arena->free_runs, 0, sizeof arena->free_runs);
    memset(&arena->self, 0, sizeof arena->self);
    arena->self.arena = arena;
    memcpy(arena->self.name, "arena", sizeof "arena");
}

struct arena *arena_open(uint64_t reserve_bytes, const char **error)
{
    void *wanted = (void *)(uintptr_t)ARENA_BASE; // NOLINT: the address is the point
    if (reserve_bytes < 4 * ARENA_CHUNK_BYTES || reserve_bytes > UINT64_C(1) << 44) {
        *error = "the world's memory must be between 64 KiB and 16 TiB";
        return NULL;
    }
    void *got = mmap(wanted, reserve_bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got == MAP_FAILED) {
        *error = errno == EEXIST ? "the world's address range at 0x110000000000 is in use by something else"
                                 : "the system refuses to map the world's memory at 0x110000000000";
        return NULL;
    }
    if (got != wanted) { /* kernels before 4.17 take the address as a hint */
        munmap(got, reserve_bytes);
        *error = "the system maps the world's memory elsewhere than at 0x110000000000";
        return NULL;
    }
    (void)madvise(got, reserve_bytes, MADV_HUGEPAGE); /* fewer page faults; without it all works the same */
    struct arena *arena = got;
    arena->reserve_bytes = reserve_bytes;
    arena->chunks_count = (uint32_t)(reserve_bytes / ARENA_CHUNK_BYTES);
    arena_init(arena);
    *error = NULL;
    return arena;
}

void arena_close(struct arena *arena)
{
    UNPOISON(arena, arena_used_bytes(arena));
    munmap(arena, arena->reserve_bytes);
}

void arena_reset(struct arena *arena)
{
    UNPOISON(arena, arena_used_bytes(arena));
    if (arena->chunks_touched < arena->chunks_top)
        arena->chunks_touched = arena->chunks_top;
    arena_init(arena);
}

uint64_t arena_used_bytes(const struct arena *arena)
{
    return run_bytes(arena->chunks_top);
}

/* ---- runs ---- */

/* The class of runs that hold at least so many chunks, and how many they do hold: one by one up to 8, then
 * four steps to each doubling. */
static uint32_t run_class(uint32_t chunks, uint32_t *rounded)
{
    if (chunks <= 8) {
        *rounded = chunks;
        return chunks - 1;
    }
    uint32_t top = 31 - (uint32_t)__builtin_clz(chunks - 1);
    uint32_t step = UINT32_C(1) << (top - 2);
    uint32_t steps = (chunks - 1 - (UINT32_C(1) << top)) / step + 1;
    *rounded = (UINT32_C(1) << top) + steps * step;
    return 8 + 4 * (top - 3) + steps - 1;
}

static struct arena_run *run_take(struct arena_owner *owner, uint32_t chunks_wanted)
{
    struct arena *arena = owner->arena;
    uint32_t chunks;
    uint32_t class = run_class(chunks_wanted, &chunks);
    struct arena_run *run = arena->free_runs[class];
    if (run != NULL) {
        arena->free_runs[class] = run->next;
    } else {
        if (chunks > arena->chunks_count - arena->chunks_top)
            return NULL;
        run = (struct arena_run *)((uint8_t *)arena + run_bytes(arena->chunks_top));
        arena->chunks_top += chunks;
    }
    *run = (struct arena_run){.next = owner->runs, .owner = owner, .chunks = chunks, .class = class};
    if (owner->runs != NULL)
        owner->runs->previous = run;
    owner->runs = run;
    owner->chunks += chunks;
    POISON((uint8_t *)run + RUN_HEADER_BYTES, run_bytes(chunks) - RUN_HEADER_BYTES);
    return run;
}

static void run_free(struct arena *arena, struct arena_run *run)
{
    POISON((uint8_t *)run + RUN_HEADER_BYTES, run_bytes(run->chunks) - RUN_HEADER_BYTES);
    run->owner = NULL;
    run->next = arena->free_runs[run->class];
    arena->free_runs[run->class] = run;
}

static void run_give_back(struct arena_owner *owner, struct arena_run *run)
{
    ISR_ASSERT(run->owner == owner);
    if (run->previous != NULL)
        run->previous->next = run->next;
    else
        owner->runs = run->next;
    if (run->next != NULL)
        run->next->previous = run->previous;
    owner->chunks -= run->chunks;
    run_free(owner->arena, run);
}

/* ---- owners ---- */

struct arena_owner *arena_owner_new(struct arena *arena, const char *name)
{
    struct arena_owner *owner = arena_allocate(&arena->self, sizeof *owner);
    if (owner == NULL)
        return NULL;
    owner->arena = arena;
    owner->number = ++arena->owners_count;
    ISR_ASSERT(owner->number <= UINT16_MAX);
    for (size_t i = 0; i + 1 < sizeof owner->name && name[i] != '\0'; i++)
        owner->name[i] = name[i];
    return owner;
}

void arena_owner_drop(struct arena_owner *owner)
{
    for (struct arena_run *run = owner->runs, *next; run != NULL; run = next) {
        next = run->next;
        run_free(owner->arena, run);
    }
    owner->runs = NULL;
    owner->bump = owner->bump_end = NULL;
    memset(owner->free, 0, sizeof owner->free);
    owner->bytes_used = 0;
    owner->blocks_live = 0;
    owner->chunks = 0;
}

static void *heap_allocate(void *owner, size_t size_bytes)
{
    return arena_allocate(owner, size_bytes);
}

static void heap_release(void *owner, void *block)
{
    arena_release(owner, block);
}

struct isr_heap arena_owner_heap(struct arena_owner *owner)
{
    return (struct isr_heap){.allocate = heap_allocate, .release = heap_release, .owner = owner};
}

/* ---- blocks ---- */

static inline uint32_t class_bytes(uint32_t class)
{
    return class < SMALL_CLASSES ? 16 * (class + 1) : wide_classes[class - SMALL_CLASSES];
}

/* The class for so many bytes with header. */
static inline uint32_t class_of(size_t total_bytes)
{
    if (total_bytes <= SMALL_BYTES_MAX)
        return (uint32_t)((total_bytes + 15) / 16) - 1;
    for (uint32_t wide = 0; wide < WIDE_CLASSES; wide++) {
        if (total_bytes <= wide_classes[wide])
            return SMALL_CLASSES + wide;
    }
    ISR_ASSERT(false && "larger blocks are runs");
    return 0;
}

static void block_put_on_list(struct arena_owner *owner, struct block_header *header, uint32_t class)
{
    *header =
        (struct block_header){.mark = MARK_FREE, .class = (uint16_t) class, .owner = (uint16_t)owner->number};
    memcpy(header + 1, &owner->free[class], sizeof(void *));
    owner->free[class] = header;
    POISON(header, class_bytes(class));
}

/* Cuts what is left of the current run into blocks for later, and takes a fresh one. */
static bool bump_refill(struct arena_owner *owner)
{
    while (owner->bump_end - owner->bump >= 16) {
        size_t rest = (size_t)(owner->bump_end - owner->bump);
        uint32_t class = class_of(rest < SMALL_BYTES_MAX ? rest : SMALL_BYTES_MAX);
        UNPOISON(owner->bump, class_bytes(class));
        block_put_on_list(owner, (struct block_header *)(void *)owner->bump, class);
        owner->bump += class_bytes(class);
    }
    struct arena_run *run = run_take(owner, 1);
    if (run == NULL)
        return false;
    owner->bump = (uint8_t *)run + RUN_HEADER_BYTES;
    owner->bump_end = (uint8_t *)run + RUN_HEADER_BYTES + (ARENA_CHUNK_BYTES - RUN_HEADER_BYTES) / 16 * 16;
    return true;
}

static inline struct block_header *block_take(struct arena_owner *owner, uint32_t class)
{
    struct block_header *header = owner->free[class];
    if (header != NULL) {
        UNPOISON(header, BLOCK_HEADER_BYTES + sizeof(void *));
        ISR_ASSERT(header->mark == MARK_FREE);
        memcpy(&owner->free[class], header + 1, sizeof(void *));
        return header;
    }
    if (owner->bump_end - owner->bump < (ptrdiff_t)class_bytes(class) && !bump_refill(owner))
        return NULL;
    header = (struct block_header *)(void *)owner->bump;
    owner->bump += class_bytes(class);
    UNPOISON(header, BLOCK_HEADER_BYTES);
    return header;
}

static inline void account(struct arena_owner *owner, uint64_t bytes)
{
    owner->blocks_live++;
    owner->bytes_used += bytes;
    if (owner->bytes_used > owner->bytes_peak)
        owner->bytes_peak = owner->bytes_used;
}

static void *run_block(struct arena_owner *owner, size_t size_bytes)
{
    uint64_t total = (uint64_t)size_bytes + RUN_HEADER_BYTES + BLOCK_HEADER_BYTES;
    if (total > owner->arena->reserve_bytes)
        return NULL;
    struct arena_run *run = run_take(owner, (uint32_t)((total + ARENA_CHUNK_BYTES - 1) / ARENA_CHUNK_BYTES));
    if (run == NULL)
        return NULL;
    struct block_header *header = (struct block_header *)(void *)((uint8_t *)run + RUN_HEADER_BYTES);
    UNPOISON(header, BLOCK_HEADER_BYTES);
    *header = (struct block_header){.mark = MARK_LIVE, .class = CLASS_RUN, .owner = (uint16_t)owner->number};
    POISON(header, BLOCK_HEADER_BYTES);
    account(owner, run_bytes(run->chunks));
    UNPOISON(header + 1, size_bytes);
    return header + 1;
}

void *arena_allocate_raw(struct arena_owner *owner, size_t size_bytes)
{
    if (size_bytes < sizeof(void *))
        size_bytes = sizeof(void *);
    if (size_bytes > (size_t)wide_classes[WIDE_CLASSES - 1] - BLOCK_HEADER_BYTES)
        return run_block(owner, size_bytes);
    uint32_t class = class_of(size_bytes + BLOCK_HEADER_BYTES);
    struct block_header *header = block_take(owner, class);
    if (header == NULL)
        return NULL;
    *header =
        (struct block_header){.mark = MARK_LIVE, .class = (uint16_t) class, .owner = (uint16_t)owner->number};
    POISON(header, BLOCK_HEADER_BYTES);
    account(owner, class_bytes(class));
    UNPOISON(header + 1, size_bytes);
    return header + 1;
}

void *arena_allocate(struct arena_owner *owner, size_t size_bytes)
{
    void *block = arena_allocate_raw(owner, size_bytes);
    if (block != NULL)
        memset(block, 0, size_bytes);
    return block;
}

void arena_release(struct arena_owner *owner, void *block)
{
    struct block_header *header = (struct block_header *)block - 1;
    UNPOISON(header, BLOCK_HEADER_BYTES);
    ISR_ASSERT(header->mark == MARK_LIVE);
    ISR_ASSERT(header->owner == owner->number);
    owner->blocks_live--;
    if (header->class == CLASS_RUN) {
        struct arena_run *run = (struct arena_run *)(void *)((uint8_t *)header - RUN_HEADER_BYTES);
        owner->bytes_used -= run_bytes(run->chunks);
        header->mark = MARK_FREE;
        run_give_back(owner, run);
        return;
    }
    owner->bytes_used -= class_bytes(header->class);
    block_put_on_list(owner, header, header->class);
}
