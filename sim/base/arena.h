/* The memory of one world: one range of addresses, the same in every process, with everything in it that the
 * world can change - the allocator's own state too. A copy of what is used of it (arena_copy.h) is a
 * checkpoint.
 *
 * The range is cut into chunks of 16 KiB. An owner (a node, a disk, the network, the world) takes runs of
 * chunks and cuts them into blocks; dropping the owner gives its runs back without looking at a block, which
 * is what a crash is.
 *
 *   run:    header (56 bytes), then blocks
 *   block:  header (8 bytes: mark, class, owner), then the bytes handed out, 16-byte aligned
 *   classes: every multiple of 16 bytes up to 1 KiB, ten wider ones up to half a chunk, then whole runs
 *
 * Runs come in classes of length too and are never split or merged, so that taking and giving back is O(1)
 * and the addresses handed out depend on nothing but the order of the calls. Memory is zeroed when it is
 * handed out, not when it is given back: a reset costs nothing and the next world finds its pages warm.
 *
 * Under AddressSanitizer whatever is not handed out is poisoned, block headers included. */
#ifndef SIM_BASE_ARENA_H
#define SIM_BASE_ARENA_H

#include "core/base/heap.h"

#define ARENA_BASE UINT64_C(0x110000000000)
#define ARENA_RESERVE_STANDARD (UINT64_C(8) << 30)
enum {
    ARENA_CHUNK_BYTES = 16384,
    ARENA_BLOCK_CLASSES = 75,
    ARENA_RUN_CLASSES = 80,
    /* The most that fits into one chunk; one byte more takes two. */
    ARENA_CHUNK_BLOCK_BYTES = ARENA_CHUNK_BYTES - 64,
};

struct arena_run;

struct arena_owner {
    struct arena *arena;
    struct arena_run *runs;
    uint8_t *bump, *bump_end; /* of the run that blocks are being cut from */
    void *free[ARENA_BLOCK_CLASSES];
    uint64_t bytes_used; /* headers and rounding included */
    uint64_t bytes_peak;
    uint64_t blocks_live;
    uint32_t chunks; /* in its runs */
    uint32_t number;
    char name[24];
};

struct arena {
    uint64_t reserve_bytes;
    uint32_t chunks_count; /* in the whole range */
    uint32_t chunks_top;   /* from here on nothing was used since the last reset */
    /* From chunks_top up to here earlier worlds left their bytes, above it all is zero. Not above chunks_top:
     * nothing is left of them. */
    uint32_t chunks_touched;
    uint32_t owners_count;
    struct arena_run *free_runs[ARENA_RUN_CLASSES];
    struct arena_owner self; /* holds the other owners */
};

/* Maps the range. NULL when that fails; *error then says why. One arena a process. */
struct arena *arena_open(uint64_t reserve_bytes, const char **error);
void arena_close(struct arena *arena);
/* Forgets every owner and block. */
void arena_reset(struct arena *arena);
/* How much of the range was ever used since the last reset: what a checkpoint has to copy. */
uint64_t arena_used_bytes(const struct arena *arena);

/* A new, empty owner; the name (at most 23 characters) is for reports. */
struct arena_owner *arena_owner_new(struct arena *arena, const char *name);
/* Takes everything back; the owner is empty and can be used again. */
void arena_owner_drop(struct arena_owner *owner);
/* The owner as the heap that the engine takes. */
struct isr_heap arena_owner_heap(struct arena_owner *owner);

/* A 16-byte aligned block; NULL when the range is exhausted. */
void *arena_allocate(struct arena_owner *owner, size_t size_bytes);     /* zeroed */
void *arena_allocate_raw(struct arena_owner *owner, size_t size_bytes); /* whatever was there before */
/* Asserts that the block is live and the owner's. */
void arena_release(struct arena_owner *owner, void *block);

#endif
