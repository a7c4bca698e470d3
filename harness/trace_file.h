/* The whole trace of a run as JSON Lines: written beside its place, then renamed, so that it is there whole
 * or not at all. */
#ifndef HARNESS_TRACE_FILE_H
#define HARNESS_TRACE_FILE_H

#include "harness/json.h"
#include "harness/runner.h"

struct trace_file {
    const char *path; /* where it shall be */
    char *temporary;  /* where it is being written; NULL for a device or pipe */
    FILE *out;
    bool failed;
    int reason; /* errno of the first failure */
};

/* False after an error on stderr. */
bool trace_file_open(struct trace_file *file, const char *path);
/* The first line: what was run. Then every record of the world goes to the file. */
void trace_file_listen(struct trace_file *file, const struct run_request *request, struct sim_world *world);
/* Renames it into place; false after an error on stderr, then nothing is left. */
bool trace_file_finish(struct trace_file *file);
/* Throws it away. */
void trace_file_abandon(struct trace_file *file);

/* One record as an object on one line. */
void trace_record_print_json(FILE *out, struct sim_world *world, const struct sim_trace_record *record);

#endif
