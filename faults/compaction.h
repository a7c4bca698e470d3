/* Draws which topics are compacted, and how. */
#ifndef FAULT_COMPACTION_H
#define FAULT_COMPACTION_H

#include "faults/draws.h"
#include "sim/spec.h"

/* Every third run compacts: then segments are small, the cleaner looks often, keys are few and some of their
 * records are tombstones. Topics and clients are drawn already. */
void fault_draw_compaction(struct sim_spec *spec, struct fault_draws *draws);

#endif
