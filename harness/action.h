/* Steps of a scenario: what each action of sim/actions.def is given, and the gates in front of it. */
#ifndef HARNESS_ACTION_H
#define HARNESS_ACTION_H

#include "harness/shape.h"

/* A list of steps; target: struct sim_spec. */
extern const struct shape shape_steps;

struct action_info {
    const char *name, *parameters, *meaning;
    const struct field *fields; /* its keys */
    const char *short_key;      /* whose value may stand alone ("kill: n1"); NULL: none */
};
/* SIM_ACTION_KINDS many, in the order of the list. */
const struct action_info *action_infos(void);
/* "at", "wait", ... with their meanings. */
const struct field *action_gates(void);

#endif
