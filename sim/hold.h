/* Messages that a step keeps or drops, when they would arrive.
 *
 *   hold     keeps the messages of some kinds, all or the next k, that would arrive on a link from now on
 *   drop     loses the next k of some kinds
 *   release  ends both; what was kept arrives in the order in which it would have, or is lost
 *
 * Filters are asked in the order in which they were made. What is held is not in order with what is not: with
 * `connections` everything behind a held message waits too. */
#ifndef SIM_HOLD_H
#define SIM_HOLD_H

#include "sim/link.h"

/* count 0: without bound. kinds: NULL for all. */
void sim_hold_add(struct sim_world *world, int32_t from, int32_t to, const struct sim_message_set *kinds,
                  int64_t count, bool drop);
/* Ends the filters of these kinds (NULL: all) and delivers or loses the held messages of these kinds. */
void sim_hold_release(struct sim_world *world, int32_t from, int32_t to, const struct sim_message_set *kinds,
                      bool discard);
/* True: the arriving message was taken. */
bool sim_hold_takes(struct sim_world *world, struct sim_link *link, struct sim_message *message);
/* Keeps it, whatever the filters say. */
void sim_hold_keep(struct sim_world *world, struct sim_link *link, struct sim_message *message);
/* Everything held is lost for this reason. */
void sim_hold_lose(struct sim_world *world, struct sim_link *link, enum sim_loss loss);

#endif
