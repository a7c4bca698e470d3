/* Steps of a scenario: a gate, which says when, and an action. */
#ifndef HARNESS_STEP_H
#define HARNESS_STEP_H

#include "harness/shape.h"

/* A list of steps; target: struct sim_spec. */
extern const struct shape shape_steps;
/* "at", "wait", ... with their meanings. */
const struct field *step_gates(void);

#endif
