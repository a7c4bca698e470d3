/* The network: a directed link between each two processes, clients too.
 *
 * Fate of a message, decided at the send by draws of the link's own counter:
 *   cut?        lost (also when the link is cut when it would arrive)
 *   lost?       by loss_ppm
 *   damaged?    by corrupt_ppm: bits flipped, the end cut off, or a piece missing; the receiver's checksum
 * finds it line        with a bandwidth: it waits until the link is free (sim/line.h) reordered?  by
 * reorder_ppm: one to five latencies instead of one, and later ones of its group need not wait for it
 *   otherwise   one latency, but never before an earlier message of its group on its link
 *   duplicated? by duplicate_ppm: a second copy with a latency of its own arrives out of order
 * and when it would arrive:
 *   held?       a step keeps it, or drops it (sim/hold.h)
 *
 * When a link's latency changes, what is on its way arrives when it would have, and is not waited for: a link
 * that was slow is fast again at once. Groups of one link are independent (control, election, heartbeat,
 * data). With `connections` all groups share one stream, which can break: sim/connection.h.
 *
 * A message belongs to the connection with the process that was running when it was sent: when that process
 * has ended it is lost, also if another was started since. What a process sent before it died still arrives,
 * except what waited in its line when its machine lost power. A message that has arrived is in the receiver's
 * kernel: a paused process gets it when it goes on, whatever became of the link since. A process reaches
 * itself in a constant time, without faults.
 *
 * Links are made when they are first used; a row of them a sender. What most links never need is in an extra
 * part; a link without it takes the short way. */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include "core/base/types.h"
#include "core/wire/message.h"
#include "sim/base/arena.h"
#include "sim/spec.h"

struct sim_world;

enum { SIM_SELF_LATENCY_NS = 1000 };

struct sim_message {
    int32_t from, to;
    uint32_t incarnation; /* of the receiver when it was sent */
    uint32_t size_bytes;
    uint64_t draw;       /* its fate */
    uint32_t connection; /* generation of the connection it was sent on; 0: none */
    uint8_t kind;        /* enum isr_message_kind when it was sent */
    uint8_t copies;      /* that will still arrive */
    bool arrived : 1;    /* one did */
    bool waiting : 1;    /* it arrived at a paused process and waits there */
    bool damaged : 1;
    bool released : 1; /* it was held, and is held no more */
    uint8_t bytes[];
};

struct sim_link_group {
    int64_t last_arrival_ns;
    int64_t straggler_arrival_ns; /* of the latest reordered message, 0 when there was none */
    uint64_t key;                 /* of its draws, 0 until the first */
    uint64_t counter;             /* messages drawn for */
};

struct sim_link_extra;

struct sim_link {
    struct sim_link_spec *spec; /* the network's, or one of its own */
    struct sim_link_group groups[SIM_GROUPS];
    struct sim_link_extra *extra;    /* NULL: never needed */
    uint16_t cut_step, changed_step; /* which steps cut and changed it (sim_world.acting); 0: none */
    bool cut;
    bool slow; /* a change made it slower */
};

struct sim_network {
    struct arena_owner *memory;
    struct sim_link_spec spec; /* the configured one */
    struct sim_link **rows;    /* [sender][receiver], NULL: nothing sent or changed yet */
    int32_t nodes_count;       /* ids 1.. */
    uint64_t seed;
};

void sim_network_init(struct sim_network *network, struct arena_owner *memory,
                      const struct sim_link_spec *spec, int32_t nodes_count, uint64_t seed);
/* From now on the fates of messages are drawn by another seed; of those on their way it is drawn. */
void sim_network_reseed(struct sim_network *network, uint64_t seed);
/* Copies the frame and queues its arrival, or loses it. A receiver that does not exist loses it too. */
void sim_network_send(struct sim_world *world, int32_t from, int32_t to, struct isr_bytes frame);
/* A copy's time has come: true when the receiver gets it now (it may be paused: then it keeps the message and
 * calls release later). False: it was lost, and is released, or it is held. */
bool sim_network_arrive(struct sim_world *world, struct sim_message *message);
/* The receiver is done with a copy. */
void sim_network_release(struct sim_network *network, struct sim_message *message);

/* ---- knobs ---- */
void sim_network_cut(struct sim_world *world, int32_t from, int32_t to);
/* Nodes of different groups do not hear each other; those in no group hear all. */
void sim_network_partition(struct sim_world *world, const struct sim_node_set *groups, uint32_t groups_count);
/* Cuts each of the nodes off from everybody else. */
void sim_network_isolate(struct sim_world *world, const struct sim_node_set *nodes);
/* Sets the fields (SIM_LINK_*) of one link. */
void sim_network_change(struct sim_world *world, int32_t from, int32_t to, const struct sim_link_spec *spec,
                        unsigned fields);
/* The links from and to the node as they were configured; what was held comes. */
void sim_network_heal(struct sim_world *world, int32_t node);
/* The node's machine lost power: what it had not yet put on the wire is gone. */
void sim_network_power_off(struct sim_world *world, int32_t node);
bool sim_network_is_cut(const struct sim_network *network, int32_t from, int32_t to);

#endif
