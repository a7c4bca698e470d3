/* How much a person has to read to understand a spec, as one number: the order in which shrinking goes down.
 * A step is SHRINK_COST_STEP; everything else is measured by that. What is as it is by default costs nothing,
 * because a scenario file does not say it. */
#ifndef HARNESS_SHRINK_COST_H
#define HARNESS_SHRINK_COST_H

#include "sim/spec.h"

enum { SHRINK_COST_STEP = 1000 };

uint64_t shrink_cost(const struct sim_spec *spec);
/* What a client of the kind is called where there is one of them. */
const char *shrink_plain_name(enum sim_client_kind kind);
/* Of a gate alone, for choosing among them. */
uint64_t shrink_gate_cost(const struct sim_step *step);
/* Of a number that is usually `standard`: by its digits, and a little by its size. */
uint64_t shrink_number_cost(int64_t number, int64_t standard);

#endif
