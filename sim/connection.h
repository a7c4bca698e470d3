/* Links as connections (`connections: true`): the two directions between two processes are one stream each,
 * as over TCP, and break together.
 *
 *   closed --a message--> open: the first messages wait for a round trip and reconnect_ns
 *   open --reset by a step, or the other side was started anew--> closed
 *   open --a process ends, its machine lives--> closed
 *   open --half open in one direction, a cut link, a machine without power--> silent --keepalive_ns--> closed
 *
 * Order: first in, first out over all groups of a direction. Nothing is doubled or reordered; what the link
 * loses at random is sent again after 200 ms (Linux's least retransmission timeout) and everything behind it
 * waits; what arrives while the link is cut waits until it is healed. A damaged frame is damaged: TCP does
 * not see it. Half open: one side has forgotten the connection (a firewall's state, a lost FIN); what the
 * other one sends vanishes until it gives up.
 *
 * Invariants: a message carries the generation of the connection that it was sent on; a reset, and an
 * opening, begin another one, and a message of an older one never arrives. Both sides are told of a reset
 * (ISR_EVENT_DISCONNECTED), the survivor of an end too. What a process sent before it ended arrives, unless
 * another connection was opened first. */
#ifndef SIM_CONNECTION_H
#define SIM_CONNECTION_H

#include "sim/link.h"

/* Before a message is given to the link: opens the connection when it is closed and marks the message as sent
 * on it. False: there is none to be had; the message is lost. */
bool sim_connection_carry(struct sim_world *world, struct sim_link *link, struct sim_message *message);
/* The message goes onto the wire: its latency so far as the stream asks for it. False: it was lost. */
bool sim_connection_arrival(struct sim_world *world, struct sim_link *link, struct sim_message *message,
                            int64_t *arrival_ns);
/* A message of a connection arrives. False: it was lost, or waits for the link. */
bool sim_connection_arrives(struct sim_world *world, struct sim_link *link, struct sim_message *message);
void sim_connection_healed(struct sim_world *world, int32_t from, int32_t to);
/* SIM_EVENT_CONNECTION, when nobody is told: a keepalive ran out. False: in vain. */
bool sim_connection_keepalive(struct sim_world *world, int32_t node, uint64_t payload);
/* The payload says that target is told of the other side's end; which side and which life of target it was.
 */
bool sim_connection_tells(uint64_t payload, int32_t *peer, uint32_t *incarnation);

/* ---- knobs; nothing happens where no connection is open ---- */
void sim_connection_reset(struct sim_world *world, int32_t a, int32_t b);
/* What from sends to to vanishes. */
void sim_connection_half_open(struct sim_world *world, int32_t from, int32_t to);
/* The process ended; its machine lives, or lost its power too. */
void sim_connection_ended(struct sim_world *world, int32_t node, bool power);

#endif
