/* Draws what is deleted at the start of logs: retention by size and by time, small segments, the expiry of
 * idle producers, and where an administrator deletes records. */
#ifndef FAULT_RETENTION_H
#define FAULT_RETENTION_H

#include "faults/draws.h"
#include "sim/spec.h"

/* Every third run deletes: then segments are small and looked at often. */
void fault_draw_retention(struct sim_spec *spec, struct fault_draws *draws);
/* Of a step DELETE_RECORDS whose topic and partition are drawn: all that is committed, or up to an offset. */
void fault_draw_deletion(struct sim_action *action, struct fault_draws *draws);

#endif
