/* An assertion of the engine failed: tells which run it was, and ends the process with exit code 4. */
#ifndef HARNESS_ASSERTION_H
#define HARNESS_ASSERTION_H

#include <stdbool.h>

struct run_request;
struct sim_world;

/* The run under way, borrowed until the next call; NULL: none. */
void assertion_watch(const struct run_request *request, const struct sim_world *world);
/* Prints a JSON object of the failed run to stdout too. */
void assertion_print_json(bool on);
/* A file to remove when the process ends this way; borrowed; NULL: none. */
void assertion_remove(const char *path);

/* From now on the message of a failed assertion is given to this function, which prints nothing to standard
 * output or error, in place of being told there; the process ends as before. NULL: told there again. */
void assertion_tell(void (*tell)(void *object, const char *message), void *object);

#endif
