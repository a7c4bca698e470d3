/* What the parts of the network share. Internal to network, line, hold, connection and damage. */
#ifndef SIM_LINK_H
#define SIM_LINK_H

#include <string.h>

#include "sim/network.h"
#include "sim/world.h"

/* A message that waits: in a line, or held. */
struct sim_waiting {
    struct sim_waiting *next;
    struct sim_message *message;
    uint64_t order; /* in the line: of its coming */
};
struct sim_waiting_list {
    struct sim_waiting *first, *last;
};

struct sim_line {
    struct sim_waiting_list groups[SIM_GROUPS];
    int64_t queued_bytes, group_bytes[SIM_GROUPS];
    uint64_t order_next;
    struct sim_message *sending; /* on the wire, not wholly; NULL: the link is free */
    uint32_t turn;               /* of the event that ends the sending: others are stale */
};

struct sim_filter {
    struct sim_filter *next;
    struct sim_message_set kinds; /* not empty */
    int64_t left;                 /* messages it still takes */
    uint16_t step;                /* that made it */
    bool drop;                    /* else they are held */
};

struct sim_link_extra {
    struct sim_line line;
    struct sim_filter *filters; /* the oldest first */
    struct sim_waiting_list held;
    struct sim_connection *connection; /* shared by both directions */
};

struct sim_link *sim_link_of(struct sim_network *network, int32_t from, int32_t to);
struct sim_link_extra *sim_link_extra(struct sim_network *network, struct sim_link *link);
void sim_waiting_add(struct sim_network *network, struct sim_waiting_list *list, struct sim_message *message,
                     uint64_t order);
/* The first one's message; NULL when the list is empty. */
struct sim_message *sim_waiting_take(struct sim_network *network, struct sim_waiting_list *list);

/* A message that is lost for this reason, before or after a copy of it was queued. */
enum sim_loss {
    SIM_LOSS_CUT,
    SIM_LOSS_RANDOM,
    SIM_LOSS_OVERFLOW,
    SIM_LOSS_STEP,
    SIM_LOSS_RESET,
    SIM_LOSS_HALF_OPEN,
    SIM_LOSS_POWER
};
void sim_network_lose(struct sim_world *world, struct sim_message *message, enum sim_loss loss);
/* The message leaves the sender for good: its latency begins. */
void sim_network_depart(struct sim_world *world, struct sim_link *link, struct sim_message *message);

/* A message goes over a link that a change made slower. */
void sim_link_slows(struct sim_world *world, const struct sim_link *link);

static inline enum isr_message_group sim_message_group(uint8_t kind)
{
    return kind == ISR_MESSAGE_KINDS ? ISR_GROUP_DATA : isr_message_group((enum isr_message_kind)kind);
}
static inline uint32_t sim_frame_crc(const uint8_t *bytes, uint32_t size_bytes)
{
    uint32_t crc = size_bytes;
    if (size_bytes >= ISR_FRAME_HEADER_BYTES)
        memcpy(&crc, bytes, sizeof crc);
    return crc;
}

#endif
