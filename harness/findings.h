/* The failures of a hunt, grouped by signature, in the order in which each was first seen. */
#ifndef HARNESS_FINDINGS_H
#define HARNESS_FINDINGS_H

#include "harness/hunt.h"

struct finding {
    struct hunt_run first; /* of the smallest seed */
    uint64_t count;        /* seeds with this signature */
    bool expanded, shrunk; /* there is a file of it */
};

struct findings {
    struct finding *items;
    unsigned count, capacity;
};

/* Adds a run that did not hold. Returns its group; count is 1 where it is new. NULL: no memory. */
struct finding *findings_add(struct findings *findings, const struct hunt_run *run);
void findings_free(struct findings *findings);

#endif
