#include "harness/pool.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 16384, ALIGNMENT = 16 };

struct pool_chunk {
    struct pool_chunk *next;
    size_t used, capacity;
    _Alignas(ALIGNMENT) char bytes[];
};

static _Noreturn void exhausted(void)
{
    fputs("isrsim: out of memory\n", stderr);
    exit(1);
}

void *pool_allocate(struct pool *pool, size_t size_bytes)
{
    if (size_bytes > SIZE_MAX / 2)
        exhausted();
    size_t rounded = (size_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct pool_chunk *chunk = pool->chunks;
    if (chunk == NULL || chunk->capacity - chunk->used < rounded) {
        size_t capacity = rounded > CHUNK_BYTES ? rounded : CHUNK_BYTES;
        chunk = calloc(1, sizeof *chunk + capacity);
        if (chunk == NULL)
            exhausted();
        chunk->capacity = capacity;
        chunk->next = pool->chunks;
        pool->chunks = chunk;
    }
    void *block = chunk->bytes + chunk->used;
    chunk->used += rounded;
    return block;
}

void *pool_array(struct pool *pool, size_t count, size_t element_bytes)
{
    if (element_bytes != 0 && count > SIZE_MAX / 2 / element_bytes)
        exhausted();
    return pool_allocate(pool, count * element_bytes);
}

char *pool_text(struct pool *pool, const char *text, size_t length)
{
    char *copy = pool_allocate(pool, length + 1);
    if (length > 0)
        memcpy(copy, text, length);
    return copy;
}

void pool_free(struct pool *pool)
{
    while (pool->chunks != NULL) {
        struct pool_chunk *next = pool->chunks->next;
        free(pool->chunks);
        pool->chunks = next;
    }
}
