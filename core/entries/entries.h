/* Numbered entries: the least that consensus can be used for, so that it can be looked at by itself. A node
 * proposes what clients ask for while it leads, and answers when it is applied; the state is how many entries
 * were applied and a digest of all of them in their order.
 *
 *   following --consensus leads and has applied everything--> leading --consensus stops leading--> following
 *
 * Following: every request is answered NOT_CONTROLLER, with who leads. Ceasing to lead refuses all that
 * waits: nobody knows what becomes of it. Invariants: count and digest are a function of the entries applied
 * (I9); who waits, waits in the order of the indexes. */
#ifndef ISR_ENTRIES_ENTRIES_H
#define ISR_ENTRIES_ENTRIES_H

#include "core/quorum/administration.h"

struct isr_entries_waiter {
    int64_t index;
    int32_t to;
    uint32_t correlation;
};

struct isr_entries {
    struct isr_env *env;
    struct isr_consensus *consensus;
    struct isr_replicas voters, nodes;
    bool leading;
    int32_t leader; /* ISR_NODE_NONE: not known */
    uint64_t count, digest;
    struct isr_entries_waiter *waiters; /* waiters[waiters_first .. waiters_count) */
    uint32_t waiters_first, waiters_count, waiters_capacity;
    struct isr_administration administration;
};

/* env, consensus: borrowed for the entries' life, which must not move in memory. */
void isr_entries_init(struct isr_entries *entries, struct isr_env *env, const struct isr_replicas *voters,
                      const struct isr_replicas *nodes, struct isr_consensus *consensus);
/* Starts consensus, with these as its machine. */
void isr_entries_start(struct isr_entries *entries);
/* PROPOSE_, METADATA_ and ALTER_QUORUM_REQUEST, and what isr_consensus_hears. False: it is none of these. */
bool isr_entries_message(struct isr_entries *entries, int32_t from, const struct isr_message *message);
uint64_t isr_entries_digest(const struct isr_entries *entries);

#endif
