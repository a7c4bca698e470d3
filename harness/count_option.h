/* Options whose value is a number of something, --jobs among them. */
#ifndef HARNESS_COUNT_OPTION_H
#define HARNESS_COUNT_OPTION_H

#include <stdint.h>

#include "harness/commands.h"

/* 1 to most of what the noun names ("number of moments"); where the option was not given the value stays.
 * False after a message on standard error in the name of the command. */
bool count_option(const struct command_line *line, enum option_id option, const char *noun, int64_t most,
                  int64_t *value);
/* --jobs: worker processes, one a processor where nothing was given. */
bool jobs_option(const struct command_line *line, unsigned *jobs);
/* The complaint about a value of an option. Returns false. */
struct value_error;
bool option_complain(const struct command_line *line, enum option_id option, const struct value_error *error);

#endif
