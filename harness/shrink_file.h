/* What shrinking ended in, as a scenario file: what it shows, where it comes from, and the variants. */
#ifndef HARNESS_SHRINK_FILE_H
#define HARNESS_SHRINK_FILE_H

#include "harness/shrink.h"

/* command: how it was made, for the head of the file; name: the scenario's. To be freed. */
char *shrink_file_text(const struct shrink_outcome *outcome, const char *command, const char *name);

/* What the head of such a file, or of one that `isrsim expand` wrote, says of the run that it holds. */
struct shrink_recorded {
    bool there;
    char version[32];
    uint64_t seed, hash;
};
struct shrink_recorded shrink_file_recorded(const char *text);

#endif
