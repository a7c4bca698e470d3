/* What an administrator asks for in generated scenarios. */
#ifndef FAULT_ADMINISTRATOR_H
#define FAULT_ADMINISTRATOR_H

#include "faults/steps.h"

/* A partition moves; now and then that is cancelled. */
void fault_reassign(struct fault_plan *plan, struct fault_draws *draws, struct window window);
/* A topic is deleted and made anew, or has another min ISR, for a while or for good. deleted: one was
 * already; where nobody hears the administrator for long, the last of two deletions may come behind both
 * makings. */
void fault_topic(struct fault_plan *plan, struct fault_draws *draws, struct window window, bool *deleted);
/* A preferred election. */
void fault_elect(struct fault_plan *plan, struct fault_draws *draws, struct window window);
void fault_delete_records(struct fault_plan *plan, struct fault_draws *draws, struct window window);
/* The controllers' leadership goes to another, or to any. */
void fault_transfer(struct fault_plan *plan, struct fault_draws *draws, struct window window);
/* The controllers' members change. replaced: first voters that others make up for so far. */
void fault_members(struct fault_plan *plan, struct fault_draws *draws, struct window window,
                   int32_t *replaced);

#endif
