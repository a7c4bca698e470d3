/* What generated scenarios do to links, each undone at the end of its window. */
#ifndef FAULT_LINKS_H
#define FAULT_LINKS_H

#include "faults/steps.h"

/* One link is cut, slow, lossy, narrow or corrupts. */
void fault_link(struct fault_plan *plan, struct fault_draws *draws, struct window window,
                enum fault_kind kind);
/* Messages of one link are kept or lost. */
void fault_hold(struct fault_plan *plan, struct fault_draws *draws, struct window window);
/* A connection is reset, or half open; nothing in a network without connections. */
void fault_break(struct fault_plan *plan, struct fault_draws *draws, struct window window);
/* The nodes fall into two groups. */
void fault_partition(struct fault_plan *plan, struct fault_draws *draws, struct window window);

#endif
