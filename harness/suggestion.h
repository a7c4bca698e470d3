/* "Did you mean": the candidate nearest to a word, by edit distance with swaps of neighbours; where none is
 * near, the one that has most in common with it, part by part ("replication_factor", "replication"). */
#ifndef HARNESS_SUGGESTION_H
#define HARNESS_SUGGESTION_H

#include <stddef.h>

struct suggestion {
    const char *word;  /* borrowed */
    const char *best;  /* borrowed from the offers; NULL when none is near enough */
    unsigned distance; /* of best; what has only parts in common is farther than any misspelling */
};

struct suggestion suggestion_for(const char *word);
/* Considers a candidate; at equal distance the earlier offer stays. */
void suggestion_offer(struct suggestion *suggestion, const char *candidate);

#endif
