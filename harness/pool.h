/* Memory that is given back all at once: a parsed file, the scenario made from it. */
#ifndef HARNESS_POOL_H
#define HARNESS_POOL_H

#include <stddef.h>

struct pool_chunk;
struct pool {
    struct pool_chunk *chunks;
};

/* Zeroed, 16-byte aligned memory that lives until pool_free. Ends the process when the machine has no more.
 */
void *pool_allocate(struct pool *pool, size_t size_bytes);
/* The same for count elements; ends the process where the product overflows. */
void *pool_array(struct pool *pool, size_t count, size_t element_bytes);
/* A copy of length bytes with a terminator. */
char *pool_text(struct pool *pool, const char *text, size_t length);
/* Gives everything back; the pool is empty and usable afterwards. */
void pool_free(struct pool *pool);

#endif
