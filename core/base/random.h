/* Keyed randomness of one node: a draw is a hash of (key, purpose, the purpose's own counter), so that
 * one use more or fewer elsewhere does not change it. The key comes from outside at start. */
#ifndef ISR_BASE_RANDOM_H
#define ISR_BASE_RANDOM_H

#include <stdint.h>

#include "core/base/hash.h"

enum isr_random_purpose {
    ISR_RANDOM_ELECTION, /* Raft's election timeout */
    ISR_RANDOM_BACKOFF,  /* jitter of retries */
    ISR_RANDOM_INCARNATION,
    ISR_RANDOM_SESSION,   /* ids of fetch sessions */
    ISR_RANDOM_CANDIDACY, /* delay before a peer stands for election */
    ISR_RANDOM_HOST,      /* where a group's host name leads to */
    ISR_RANDOM_PRODUCER,  /* ids of producers, in groups of peers */
    ISR_RANDOM_YIELD,     /* how long a handler stands at a yield point */
    ISR_RANDOM_PURPOSES
};

struct isr_random {
    uint64_t key;
    uint64_t counters[ISR_RANDOM_PURPOSES];
};

static inline uint64_t isr_random_draw(struct isr_random *random, enum isr_random_purpose purpose)
{
    uint64_t counter = random->counters[purpose]++;
    return isr_hash_combine(isr_hash_combine(random->key, (uint64_t)purpose), counter);
}

/* Uniform in [low, high); low when the range is empty. */
static inline int64_t isr_random_between(struct isr_random *random, enum isr_random_purpose purpose,
                                         int64_t low, int64_t high)
{
    uint64_t span = high > low ? (uint64_t)(high - low) : 1;
    return low + (int64_t)(isr_random_draw(random, purpose) % span);
}

#endif
