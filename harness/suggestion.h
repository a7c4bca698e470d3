/* "Did you mean": the candidate nearest to a word, by edit distance with swaps of neighbours. */
#ifndef HARNESS_SUGGESTION_H
#define HARNESS_SUGGESTION_H

#include <stddef.h>

struct suggestion {
    const char *word;  /* borrowed */
    const char *best;  /* borrowed from the offers; NULL when none is near enough */
    unsigned distance; /* of best */
};

struct suggestion suggestion_for(const char *word);
/* Considers a candidate; at equal distance the earlier offer stays. */
void suggestion_offer(struct suggestion *suggestion, const char *candidate);

#endif
