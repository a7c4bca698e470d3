/* Faults at times drawn from the whole run, each undone after a while. */
#ifndef FAULT_UNIFORM_H
#define FAULT_UNIFORM_H

#include "faults/generate.h"

/* Appends steps to a plan that has none yet and is complete otherwise. key: of all draws. */
void fault_uniform(struct fault_plan *plan, uint64_t key);

#endif
