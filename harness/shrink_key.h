/* What a spec says, as one number: equal for specs that a scenario file would write in the same way. */
#ifndef HARNESS_SHRINK_KEY_H
#define HARNESS_SHRINK_KEY_H

#include "sim/spec.h"

/* Never 0. */
uint64_t shrink_key(const struct sim_spec *spec);

#endif
