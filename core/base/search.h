/* The search for a place in an ordered array: the one in the engine. Every array that is kept in the order of
 * a whole number is looked into by this. The compiler sees the key's function and puts it in line. */
#ifndef ISR_BASE_SEARCH_H
#define ISR_BASE_SEARCH_H

#include <stdint.h>

/* The key of the element at a place; keys never fall from one place to the next. */
typedef int64_t isr_key_at(const void *array, uint32_t place);

/* The first place in [from, to) whose key is at or above key; to when there is none. The last place at or
 * below a key is the one before the first at or above key + 1. */
static inline uint32_t isr_search(const void *array, uint32_t from, uint32_t to, int64_t key,
                                  isr_key_at *key_at)
{
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (key_at(array, middle) < key)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

#endif
