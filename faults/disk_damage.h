/* What generated scenarios do to disks beyond making them slow, full or failing. */
#ifndef FAULT_DISK_DAMAGE_H
#define FAULT_DISK_DAMAGE_H

#include "faults/draws.h"
#include "faults/steps.h"

/* A failed sync, a stall or late names. */
void fault_disk_endured(struct fault_plan *plan, struct fault_draws *draws, struct window window,
                        enum fault_kind kind, int32_t node);
/* Lying syncs, rot or stray writes of a broker, and its end. */
void fault_disk_betrays(struct fault_plan *plan, struct fault_draws *draws, struct window window,
                        enum fault_kind kind, int32_t broker);
/* Rot of a controller's files. */
void fault_voter_rots(struct fault_plan *plan, struct fault_draws *draws, struct window window);

#endif
