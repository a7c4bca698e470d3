#include "sim/network.h"

#include <string.h>

#include "sim/canary.h"
#include "sim/connection.h"
#include "sim/damage.h"
#include "sim/hold.h"
#include "sim/line.h"

void sim_network_init(struct sim_network *network, struct arena_owner *memory,
                      const struct sim_link_spec *spec, int32_t nodes_count, uint64_t seed)
{
    *network =
        (struct sim_network){.memory = memory, .spec = *spec, .nodes_count = nodes_count, .seed = seed};
    struct isr_heap heap = arena_owner_heap(memory);
    network->rows = isr_heap_allocate(&heap, sizeof *network->rows * (size_t)(nodes_count + 1));
}

void sim_network_reseed(struct sim_network *network, uint64_t seed)
{
    network->seed = seed;
    for (int32_t from = 1; from <= network->nodes_count; from++) {
        struct sim_link *row = network->rows[from];
        for (int32_t to = 1; row != NULL && to <= network->nodes_count; to++) {
            for (uint32_t group = 0; group < SIM_GROUPS; group++)
                row[to].groups[group].key = 0;
        }
    }
}

/* ---- links ---- */

static struct sim_link *row_new(struct sim_network *network, int32_t from)
{
    struct isr_heap heap = arena_owner_heap(network->memory);
    struct sim_link *row = isr_heap_allocate(&heap, sizeof *row * (size_t)(network->nodes_count + 1));
    for (int32_t to = 0; to <= network->nodes_count; to++)
        row[to].spec = &network->spec;
    network->rows[from] = row;
    return row;
}

static inline struct sim_link *link_of(struct sim_network *network, int32_t from, int32_t to)
{
    struct sim_link *row = network->rows[from];
    if (row == NULL)
        row = row_new(network, from);
    return &row[to];
}

struct sim_link *sim_link_of(struct sim_network *network, int32_t from, int32_t to)
{
    return link_of(network, from, to);
}

struct sim_link_extra *sim_link_extra(struct sim_network *network, struct sim_link *link)
{
    if (link->extra == NULL)
        link->extra = arena_allocate(network->memory, sizeof *link->extra);
    ISR_ASSERT(link->extra != NULL);
    return link->extra;
}

void sim_waiting_add(struct sim_network *network, struct sim_waiting_list *list, struct sim_message *message,
                     uint64_t order)
{
    struct sim_waiting *waiting = arena_allocate(network->memory, sizeof *waiting);
    ISR_ASSERT(waiting != NULL);
    waiting->message = message;
    waiting->order = order;
    *(list->last != NULL ? &list->last->next : &list->first) = waiting;
    list->last = waiting;
}

struct sim_message *sim_waiting_take(struct sim_network *network, struct sim_waiting_list *list)
{
    struct sim_waiting *first = list->first;
    if (first == NULL)
        return NULL;
    struct sim_message *message = first->message;
    list->first = first->next;
    if (list->first == NULL)
        list->last = NULL;
    arena_release(network->memory, first);
    return message;
}

/* ---- losing ---- */

static void count_loss(struct sim_world *world, int32_t from, int32_t to, uint8_t kind, uint32_t crc,
                       enum sim_loss loss)
{
    struct sim_counters *counters = &world->counters;
    switch (loss) {
    case SIM_LOSS_CUT:
        counters->messages_cut++;
        SIM_TRACE(world, from, MESSAGE_CUT, to, kind, crc);
        return;
    case SIM_LOSS_RANDOM:
        counters->messages_lost++;
        SIM_TRACE(world, from, MESSAGE_LOST, to, kind, crc);
        return;
    case SIM_LOSS_OVERFLOW:
        counters->messages_overflowed++;
        SIM_TRACE(world, from, MESSAGE_OVERFLOWED, to, kind, crc);
        return;
    case SIM_LOSS_STEP:
        counters->messages_dropped++;
        SIM_TRACE(world, from, MESSAGE_DROPPED, to, kind, crc);
        return;
    case SIM_LOSS_RESET:
        counters->messages_reset++;
        SIM_TRACE(world, from, MESSAGE_RESET, to, kind, crc);
        return;
    case SIM_LOSS_HALF_OPEN:
        counters->messages_vanished++;
        SIM_TRACE(world, from, MESSAGE_VANISHED, to, kind, crc);
        return;
    case SIM_LOSS_POWER:
        counters->messages_unsent++;
        SIM_TRACE(world, from, MESSAGE_UNSENT, to, kind, crc);
        return;
    }
}

/* Not yet queued: nothing else refers to it. */
void sim_network_lose(struct sim_world *world, struct sim_message *message, enum sim_loss loss)
{
    count_loss(world, message->from, message->to, message->kind,
               sim_frame_crc(message->bytes, message->size_bytes), loss);
    if (message->copies == 0)
        message->copies = 1;
    sim_network_release(&world->network, message);
}

/* ---- sending ---- */

static inline struct sim_message *message_new(struct sim_world *world, int32_t from, int32_t to,
                                              struct isr_bytes frame, enum isr_message_kind kind,
                                              uint64_t draw)
{
    struct sim_message *message = arena_allocate_raw(world->network.memory, sizeof *message + frame.size);
    ISR_ASSERT(message != NULL);
    *message = (struct sim_message){.from = from,
                                    .to = to,
                                    .incarnation = world->processes[to].incarnation,
                                    .size_bytes = frame.size,
                                    .draw = draw,
                                    .kind = (uint8_t)kind};
    memcpy(message->bytes, frame.data, frame.size);
    return message;
}

static inline void message_queue(struct sim_world *world, struct sim_message *message, int64_t arrival_ns)
{
    message->copies++;
    sim_queue_push_pointer(&world->queue, arrival_ns, SIM_EVENT_MESSAGE, message->to, message);
    SIM_TRACE(world, message->from, MESSAGE_SENT, message->to, message->kind, message->size_bytes,
              sim_frame_crc(message->bytes, message->size_bytes), arrival_ns - world->now_ns);
}

/* A reordered message takes up to four further latencies, and is not waited for. */
static int64_t straggle(struct sim_world *world, struct sim_link *link, struct sim_link_group *group,
                        uint64_t draw, int64_t latency_ns)
{
    uint64_t further = 1 + sim_random_below(draw, 4);
    for (uint64_t i = 0; i < further; i++)
        latency_ns += sim_distribution_at(&link->spec->latency, isr_mix(draw + i));
    int64_t arrival_ns = world->now_ns + latency_ns;
    if (arrival_ns > group->straggler_arrival_ns)
        group->straggler_arrival_ns = arrival_ns;
    return arrival_ns;
}

void sim_link_slows(struct sim_world *world, const struct sim_link *link)
{
    world->counters.messages_slowed++;
    sim_world_bite(world, link->changed_step);
}

/* Inlined into the short way of a message, which is the hottest of the simulator. */
__attribute__((always_inline)) static inline void queue_on_link(struct sim_world *world,
                                                                struct sim_link *link,
                                                                struct sim_link_group *group, uint64_t draw,
                                                                struct sim_message *message)
{
    const struct sim_link_spec *spec = link->spec;
    int64_t latency_ns = sim_distribution_at(&spec->latency, draw);
    if (world->spec->schedule.depth > 0)
        latency_ns += sim_schedule_delay(world, message->from, message->to);
    int64_t arrival_ns = world->now_ns + latency_ns;
    if (link->slow)
        sim_link_slows(world, link);
    if (sim_draw_chance(isr_mix(draw + 2), spec->reorder_ppm)) {
        sim_world_bite(world, link->changed_step);
        arrival_ns = straggle(world, link, group, isr_mix(draw + 3), latency_ns);
    } else {
        if (arrival_ns < group->last_arrival_ns)
            arrival_ns = group->last_arrival_ns;
        group->last_arrival_ns = arrival_ns;
        if (arrival_ns < group->straggler_arrival_ns)
            world->counters.messages_reordered++;
    }
    message_queue(world, message, arrival_ns);
    if (sim_draw_chance(isr_mix(draw + 4), spec->duplicate_ppm)) {
        sim_world_bite(world, link->changed_step);
        message_queue(world, message, world->now_ns + sim_distribution_at(&spec->latency, isr_mix(draw + 5)));
    }
}

void sim_network_depart(struct sim_world *world, struct sim_link *link, struct sim_message *message)
{
    int64_t arrival_ns;
    if (message->connection != 0) {
        if (sim_connection_arrival(world, link, message, &arrival_ns))
            message_queue(world, message, arrival_ns);
    } else if (link->cut) {
        sim_world_bite(world, link->cut_step);
        sim_network_lose(world, message, SIM_LOSS_CUT);
    } else {
        queue_on_link(world, link, &link->groups[sim_message_group(message->kind)], message->draw, message);
    }
}

/* Damage, a connection, a line: what most links do not have. */
static void send_elaborately(struct sim_world *world, struct sim_link *link, struct sim_message *message)
{
    if (sim_draw_chance(isr_mix(message->draw + 6), link->spec->corrupt_ppm)) {
        sim_world_bite(world, link->changed_step);
        SIM_TRACE(world, message->from, MESSAGE_DAMAGED, message->to, message->kind,
                  sim_frame_crc(message->bytes, message->size_bytes));
        sim_message_damage(message, isr_mix(message->draw + 7));
    }
    if (link->spec->connections && !sim_connection_carry(world, link, message))
        return;
    if (link->spec->bandwidth_bytes > 0 || sim_line_busy(link))
        sim_line_add(world, link, message);
    else
        sim_network_depart(world, link, message);
}

static inline bool link_is_elaborate(const struct sim_link *link)
{
    const struct sim_link_spec *spec = link->spec;
    return link->extra != NULL || spec->corrupt_ppm > 0 || spec->bandwidth_bytes > 0 || spec->connections;
}

void sim_network_send(struct sim_world *world, int32_t from, int32_t to, struct isr_bytes frame)
{
    struct sim_network *network = &world->network;
    world->counters.messages_sent++;
    if (to < 1 || to > network->nodes_count) {
        world->counters.messages_to_dead++;
        return;
    }
    enum isr_message_kind kind = isr_frame_kind(frame);
    if (to == from) {
        message_queue(world, message_new(world, from, to, frame, kind, 0),
                      world->now_ns + SIM_SELF_LATENCY_NS);
        return;
    }
    struct sim_link *link = link_of(network, from, to);
    enum isr_message_group group_number = sim_message_group((uint8_t)kind);
    struct sim_link_group *group = &link->groups[group_number];
    if (group->key == 0)
        group->key = sim_random_key(network->seed, SIM_RANDOM_LINK,
                                    (uint64_t)from << 32 | (uint64_t)to << 8 | (uint64_t)group_number);
    uint64_t draw = isr_hash_combine(group->key, group->counter++);
    bool stream = link->spec->connections; /* cuts and losses are its own affair */
    if (!stream && link->cut) {
        sim_world_bite(world, link->cut_step);
        count_loss(world, from, to, (uint8_t)kind, sim_frame_crc(frame.data, frame.size), SIM_LOSS_CUT);
        return;
    }
    if (!stream && sim_draw_chance(isr_mix(draw + 1), link->spec->loss_ppm)) {
        sim_world_bite(world, link->changed_step);
        count_loss(world, from, to, (uint8_t)kind, sim_frame_crc(frame.data, frame.size), SIM_LOSS_RANDOM);
        return;
    }
    struct sim_message *message = message_new(world, from, to, frame, kind, draw);
    if (link_is_elaborate(link))
        send_elaborately(world, link, message);
    else
        queue_on_link(world, link, group, draw, message);
}

/* ---- arriving ---- */

bool sim_network_arrive(struct sim_world *world, struct sim_message *message)
{
    const struct sim_process *receiver = &world->processes[message->to];
    if (message->waiting)
        return true;
    if (message->from != message->to) {
        struct sim_link *link = link_of(&world->network, message->from, message->to);
        if (link->extra != NULL && sim_hold_takes(world, link, message))
            return false;
        if (message->connection != 0) {
            if (!sim_connection_arrives(world, link, message))
                return false;
        } else if (link->cut) {
            sim_world_bite(world, link->cut_step);
            sim_network_lose(world, message, SIM_LOSS_CUT);
            return false;
        }
    }
    if (!sim_process_running(receiver) || receiver->incarnation != message->incarnation) {
        world->counters.messages_to_dead++;
        SIM_TRACE(world, message->to, MESSAGE_TO_DEAD, message->from, message->kind,
                  sim_frame_crc(message->bytes, message->size_bytes));
        sim_network_release(&world->network, message);
        return false;
    }
    if (message->arrived)
        world->counters.messages_duplicated++;
    message->arrived = true;
    return true;
}

void sim_network_release(struct sim_network *network, struct sim_message *message)
{
    if (--message->copies == 0)
        arena_release(network->memory, message);
}

/* ---- knobs ---- */

void sim_network_cut(struct sim_world *world, int32_t from, int32_t to)
{
    if (from == to)
        return;
    struct sim_link *link = link_of(&world->network, from, to);
    link->cut = true;
    link->cut_step = world->acting;
}

bool sim_network_is_cut(const struct sim_network *network, int32_t from, int32_t to)
{
    return network->rows[from] != NULL && network->rows[from][to].cut;
}

static int32_t group_of(const struct sim_node_set *groups, uint32_t groups_count, int32_t node)
{
    for (uint32_t group = 0; group < groups_count; group++) {
        if (sim_node_set_has(&groups[group], node))
            return (int32_t)group;
    }
    return -1;
}

void sim_network_partition(struct sim_world *world, const struct sim_node_set *groups, uint32_t groups_count)
{
    const struct sim_network *network = &world->network;
    for (int32_t from = 1; from <= network->nodes_count; from++) {
        int32_t from_group = group_of(groups, groups_count, from);
        for (int32_t to = 1; from_group >= 0 && to <= network->nodes_count; to++) {
            int32_t to_group = group_of(groups, groups_count, to);
            if (to_group >= 0 && to_group != from_group && !(SIM_CANARY(leaky_partition) && from > to))
                sim_network_cut(world, from, to);
        }
    }
}

void sim_network_isolate(struct sim_world *world, const struct sim_node_set *nodes)
{
    const struct sim_network *network = &world->network;
    for (int32_t node = 1; node <= network->nodes_count; node++) {
        for (int32_t other = 1; sim_node_set_has(nodes, node) && other <= network->nodes_count; other++) {
            sim_network_cut(world, node, other);
            sim_network_cut(world, other, node);
        }
    }
}

/* What is on its way becomes a straggler: later messages need not wait for it. */
static void link_latency_changed(struct sim_link *link)
{
    for (int i = 0; i < SIM_GROUPS; i++) {
        struct sim_link_group *group = &link->groups[i];
        if (group->last_arrival_ns > group->straggler_arrival_ns)
            group->straggler_arrival_ns = group->last_arrival_ns;
        group->last_arrival_ns = 0;
    }
}

void sim_network_change(struct sim_world *world, int32_t from, int32_t to, const struct sim_link_spec *spec,
                        unsigned fields)
{
    struct sim_network *network = &world->network;
    struct sim_link *link = link_of(network, from, to);
    struct sim_link_spec *own = link->spec;
    if (own == &network->spec) {
        struct isr_heap heap = arena_owner_heap(network->memory);
        own = isr_heap_allocate(&heap, sizeof *own);
        *own = network->spec;
    }
    if (fields & SIM_LINK_LATENCY) {
        own->latency = spec->latency;
        link_latency_changed(link);
    }
    if (fields & SIM_LINK_LOSS)
        own->loss_ppm = spec->loss_ppm;
    if (fields & SIM_LINK_DUPLICATE)
        own->duplicate_ppm = spec->duplicate_ppm;
    if (fields & SIM_LINK_REORDER)
        own->reorder_ppm = spec->reorder_ppm;
    if (fields & SIM_LINK_CORRUPT)
        own->corrupt_ppm = spec->corrupt_ppm;
    if (fields & SIM_LINK_QUEUE)
        own->queue_bytes = spec->queue_bytes;
    if (fields & SIM_LINK_BANDWIDTH)
        own->bandwidth_bytes = spec->bandwidth_bytes;
    link->spec = own;
    link->changed_step = world->acting;
    link->slow = own->latency.median_ns > network->spec.latency.median_ns;
    if (fields & SIM_LINK_BANDWIDTH)
        sim_line_changed(world, link, from, to);
}

static void link_heal(struct sim_world *world, int32_t from, int32_t to)
{
    struct sim_network *network = &world->network;
    if (from == to || network->rows[from] == NULL)
        return;
    struct sim_link *link = &network->rows[from][to];
    link->cut = link->slow = false;
    link->cut_step = link->changed_step = 0;
    if (link->spec != &network->spec) {
        arena_release(network->memory, link->spec);
        link_latency_changed(link);
    }
    link->spec = &network->spec;
    if (link->extra == NULL)
        return;
    sim_line_changed(world, link, from, to);
    sim_connection_healed(world, from, to);
    sim_hold_release(world, from, to, NULL, false);
}

void sim_network_heal(struct sim_world *world, int32_t node)
{
    for (int32_t other = 1; other <= world->network.nodes_count; other++) {
        link_heal(world, node, other);
        link_heal(world, other, node);
    }
}

void sim_network_power_off(struct sim_world *world, int32_t node)
{
    struct sim_link *row = world->network.rows[node];
    for (int32_t to = 1; row != NULL && to <= world->network.nodes_count; to++) {
        if (row[to].extra != NULL)
            sim_line_drop(world, &row[to]);
    }
}
