/* The actions of sim/actions.def, carried out on the mechanisms. */
#ifndef SIM_ACTION_H
#define SIM_ACTION_H

#include "core/base/text.h"
#include "sim/spec.h"

struct sim_world;

/* Does it now. HEAL and DISK_FREE without nodes mean all. */
void sim_action_apply(struct sim_world *world, const struct sim_action *action);
/* Everything that steps can break, as it was configured: links, disks; paused processes go on, those that are
 * down start. Clocks stay as they are. */
void sim_world_heal(struct sim_world *world);
/* What it does, for a timeline: "n1 loses power", "n1 is cut off from everybody". */
void sim_action_print(const struct sim_spec *spec, const struct sim_action *action, struct isr_text *text);

#endif
