/* What a run's schedule promises, in words and for programs. */
#ifndef HARNESS_SCHEDULE_BOUND_H
#define HARNESS_SCHEDULE_BOUND_H

#include "harness/json.h"
#include "sim/spec.h"

enum { SCHEDULE_BOUND_BYTES = 256 };

/* "a failure of depth 3 shows with a probability of at least 1/(30 x 2500^2) = 5.3e-09: 30 links, 2500 slots
 * of 10ms". False, and text is empty, where the spec has no schedule. */
bool schedule_bound_text(const struct sim_spec *spec, char text[SCHEDULE_BOUND_BYTES]);
/* The object "schedule", or null. */
void schedule_bound_json(struct json *json, const struct sim_spec *spec);

#endif
