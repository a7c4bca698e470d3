/* Runs the steps of a spec in their order, each when its gate opens.
 *
 *   waiting for time      NONE, AT, WAIT: an event of the queue carries the script on
 *   waiting for condition WHEN, AFTER: polled after every event that may have changed something; at_latest by
 * the queue done                  no step is left, or the settle phase began
 *
 * At the start of the settle phase (duration - settle) the script ends and heals everything: links, disks,
 * paused and stopped processes. Clocks stay as they are. Nodes that are gone for good (sim_spec.gone) stay as
 * they are too, and nobody hears them any more. */
#ifndef SIM_SCRIPT_H
#define SIM_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

struct sim_world;
struct sim_script;

/* In the world's heap, with its first events queued. */
struct sim_script *sim_script_new(struct sim_world *world);
/* An event queued with sim_world_wake_script is due. */
void sim_script_event(struct sim_world *world);
/* Looks whether the condition waited for holds now. Cheap; meant to be called after every event while
 * waiting. */
void sim_script_poll(struct sim_world *world);
/* Is any step waiting on a condition? */
bool sim_script_waiting(const struct sim_world *world);
/* The first step that was never reached or whose gate never opened (0-based), -1 when all ran. */
int32_t sim_script_unreached(const struct sim_world *world);

#endif
