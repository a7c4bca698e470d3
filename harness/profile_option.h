/* --profile and --over-budget: what random scenarios are like. */
#ifndef HARNESS_PROFILE_OPTION_H
#define HARNESS_PROFILE_OPTION_H

#include "faults/generate.h"
#include "harness/commands.h"

/* Fills profile and over_budget of the request, where they are given. False after a complaint. */
bool profile_option(const struct command_line *line, struct fault_request *request);
/* `isrsim help profiles`. */
void profile_help(void);

#endif
