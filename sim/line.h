/* The line in front of a link with a bandwidth: messages go onto it one after the other, each for as long as
 * its bytes take; the others wait.
 *
 *   free --message--> sending --its bytes are through--> the next, or free
 *                        ^ others wait by group, in bytes at most queue_bytes
 *
 * A group may have a bound of its own (group_queue_bytes): what exceeds it is lost, whatever room there is.
 *
 * Who goes next: the first of the most urgent group (election, heartbeat, control, data), or without
 * `priorities` who came first. What does not fit is lost (tail drop); with priorities it first pushes out the
 * latest of less urgent groups, if that makes room enough. A message under way when the link changes goes on
 * at the new speed. */
#ifndef SIM_LINE_H
#define SIM_LINE_H

#include "sim/link.h"

/* Takes a message that the sender gives to the link. */
void sim_line_add(struct sim_world *world, struct sim_link *link, struct sim_message *message);
/* SIM_EVENT_LINK. False: stale. */
bool sim_line_event(struct sim_world *world, int32_t from, uint64_t payload);
/* The link's bandwidth, queue bound or priorities changed. */
void sim_line_changed(struct sim_world *world, struct sim_link *link, int32_t from, int32_t to);
/* Everything that waits is lost. */
void sim_line_drop(struct sim_world *world, struct sim_link *link);
static inline bool sim_line_busy(const struct sim_link *link)
{
    return link->extra != NULL && link->extra->line.sending != NULL;
}

#endif
