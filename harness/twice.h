/* Two runs of the same input must do the same: compares the rolling hash after every event. */
#ifndef HARNESS_TWICE_H
#define HARNESS_TWICE_H

#include "harness/runner.h"

enum { TWICE_RECORDS = 4, TWICE_TEXT_BYTES = 400 };

/* The first event in which two runs differ. */
struct twice_difference {
    bool differs;
    uint64_t event;     /* its number, from 1 */
    int64_t time_ns[2]; /* in each run */
    uint64_t hash[2];
    /* The last trace records of each run at that event, the oldest first. */
    char records[2][TWICE_RECORDS][TWICE_TEXT_BYTES];
    uint32_t records_count[2];
    bool drifting; /* the first run, carried out again, did something else once more */
};

/* Runs a and then b, which are the same for --twice. False where memory for the hashes ran out (told on
 * stderr). */
bool twice_compare(struct arena *arena, const struct run_request *a, const struct run_request *b,
                   struct twice_difference *difference);
/* In words. */
void twice_print(FILE *out, const struct twice_difference *difference);

#endif
