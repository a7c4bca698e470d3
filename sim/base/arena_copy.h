/* An exact copy of an arena, and the way back.
 *
 * Taken are all bytes from the arena's base up to its top: live blocks, free ones, and the allocator's own
 * state. Above the top the arena is made zero, both when a copy is taken and when one is put back: so what
 * goes on from here finds the same bytes everywhere, also in memory that it is given without being cleared,
 * and however often it goes on.
 *
 * Under AddressSanitizer the copy has the map of what is poisoned as well, and puts it back. */
#ifndef SIM_BASE_ARENA_COPY_H
#define SIM_BASE_ARENA_COPY_H

#include <stdbool.h>

#include "sim/base/arena.h"

/* Zeroed: empty. The memory is mapped outside of the arena, kept from one taking to the next, and given back
 * by arena_copy_free. */
struct arena_copy {
    uint8_t *mapped;
    uint64_t mapped_bytes;
    uint64_t bytes; /* of the arena: the first of the memory; AddressSanitizer's map is behind them */
    struct arena *arena;
};

/* False when the system gives no memory; the copy is then empty. */
bool arena_copy_take(struct arena_copy *copy, struct arena *arena);
/* Whatever the arena held, and however far it was used since: it is again what it was when the copy was
 * taken. */
void arena_copy_put_back(const struct arena_copy *copy);
/* Is the arena now, byte for byte, what it was? *where: the place of the first byte that differs. */
bool arena_copy_equals(const struct arena_copy *copy, uint64_t *where);
void arena_copy_free(struct arena_copy *copy);

#endif
