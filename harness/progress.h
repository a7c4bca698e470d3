/* How a long command gets on, on stderr: a line that is written over on a terminal, else one every ten
 * seconds. */
#ifndef HARNESS_PROGRESS_H
#define HARNESS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool terminal, written;
    int64_t began_ns, next_ns; /* of attempt_clock_ns */
};

struct progress progress_begin(void);
/* Is it time to show how it gets on? At most some times a second. */
bool progress_due(struct progress *progress);
/* Seconds since the beginning. */
double progress_seconds(const struct progress *progress);
void progress_show(struct progress *progress, const char *line);
/* Removes the line on a terminal: something else is written, or it is over. */
void progress_clear(struct progress *progress);

#endif
