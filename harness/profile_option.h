/* --profile, --consensus, --unchecked, --over-budget, --turns, --strategy and --depth: what random scenarios
 * are like. */
#ifndef HARNESS_PROFILE_OPTION_H
#define HARNESS_PROFILE_OPTION_H

#include "faults/generate.h"
#include "harness/commands.h"

enum { STRATEGY_DEPTH_DEFAULT = 3 };

/* Fills profile, consensus, unchecked, over_budget, turns and schedule of the request, where they are given.
 * False after a complaint. */
bool profile_option(const struct command_line *line, struct fault_request *request);
/* The name of one of these options that was given, for those who are given a file instead; NULL: none was.
 * --unchecked is of files too. */
const char *profile_option_given(const struct command_line *line);
/* `isrsim help profiles`. */
void profile_help(void);

#endif
