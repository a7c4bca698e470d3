/* The whole trace of one seed of a hunt. */
#ifndef HARNESS_FUZZ_TRACE_H
#define HARNESS_FUZZ_TRACE_H

#include "harness/fuzz.h"

/* Runs the first seed in this process, writes its trace to the path and tells on out how it ended. Returns
 * the exit code of its verdict. */
int fuzz_trace(FILE *out, const struct fuzz_options *options, const char *path);

#endif
