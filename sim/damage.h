/* What the wire does to a frame: a few bits flip, the end is cut off, or a piece in the middle is missing.
 * The checksum of TCP lets such frames through now and then (Stone and Partridge, "When the CRC and TCP
 * checksum disagree", SIGCOMM 2000). */
#ifndef SIM_DAMAGE_H
#define SIM_DAMAGE_H

#include "sim/network.h"

/* Changes the message so that it differs from what was sent. */
void sim_message_damage(struct sim_message *message, uint64_t draw);

#endif
