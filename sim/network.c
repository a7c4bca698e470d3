#include "sim/network.h"

#include <string.h>

#include "sim/world.h"

void sim_network_init(struct sim_network *network, struct arena_owner *memory,
                      const struct sim_link_spec *spec, int32_t nodes_count, uint64_t seed)
{
    *network =
        (struct sim_network){.memory = memory, .spec = *spec, .nodes_count = nodes_count, .seed = seed};
    struct isr_heap heap = arena_owner_heap(memory);
    network->rows = isr_heap_allocate(&heap, sizeof *network->rows * (size_t)(nodes_count + 1));
}

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

/* ---- sending ---- */

static inline uint32_t frame_crc(const uint8_t *bytes, uint32_t size_bytes)
{
    uint32_t crc = size_bytes;
    if (size_bytes >= ISR_FRAME_HEADER_BYTES)
        memcpy(&crc, bytes, sizeof crc);
    return crc;
}

static inline struct isr_bytes message_frame(const struct sim_message *message)
{
    return (struct isr_bytes){.data = message->bytes, .size = message->size_bytes};
}

static inline struct sim_message *message_new(struct sim_world *world, int32_t from, int32_t to,
                                              struct isr_bytes frame)
{
    struct sim_message *message = arena_allocate_raw(world->network.memory, sizeof *message + frame.size);
    ISR_ASSERT(message != NULL);
    message->from = from;
    message->to = to;
    message->incarnation = world->processes[to].incarnation;
    message->size_bytes = frame.size;
    message->copies = 0;
    message->arrived = false;
    message->waiting = false;
    memcpy(message->bytes, frame.data, frame.size);
    return message;
}

static inline void message_queue(struct sim_world *world, struct sim_message *message, int64_t arrival_ns)
{
    message->copies++;
    sim_queue_push_pointer(&world->queue, arrival_ns, SIM_EVENT_MESSAGE, message->to, message);
    SIM_TRACE(world, message->from, MESSAGE_SENT, message->to,
              (int64_t)isr_frame_kind(message_frame(message)), message->size_bytes,
              frame_crc(message->bytes, message->size_bytes), arrival_ns - world->now_ns);
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

static void queue_on_link(struct sim_world *world, struct sim_link *link, struct sim_link_group *group,
                          uint64_t draw, struct sim_message *message)
{
    const struct sim_link_spec *spec = link->spec;
    int64_t latency_ns = sim_distribution_at(&spec->latency, draw);
    int64_t arrival_ns = world->now_ns + latency_ns;
    if (sim_draw_chance(isr_mix(draw + 2), spec->reorder_ppm)) {
        arrival_ns = straggle(world, link, group, isr_mix(draw + 3), latency_ns);
    } else {
        if (arrival_ns < group->last_arrival_ns)
            arrival_ns = group->last_arrival_ns;
        group->last_arrival_ns = arrival_ns;
        if (arrival_ns < group->straggler_arrival_ns)
            world->counters.messages_reordered++;
    }
    message_queue(world, message, arrival_ns);
    if (sim_draw_chance(isr_mix(draw + 4), spec->duplicate_ppm))
        message_queue(world, message, world->now_ns + sim_distribution_at(&spec->latency, isr_mix(draw + 5)));
}

void sim_network_send(struct sim_world *world, int32_t from, int32_t to, struct isr_bytes frame)
{
    struct sim_network *network = &world->network;
    world->counters.messages_sent++;
    if (to < 1 || to > network->nodes_count) {
        world->counters.messages_to_dead++;
        return;
    }
    if (to == from) {
        message_queue(world, message_new(world, from, to, frame), world->now_ns + SIM_SELF_LATENCY_NS);
        return;
    }
    struct sim_link *link = link_of(network, from, to);
    enum isr_message_kind kind = isr_frame_kind(frame);
    enum isr_message_group group_number =
        kind == ISR_MESSAGE_KINDS ? ISR_GROUP_DATA : isr_message_group(kind);
    struct sim_link_group *group = &link->groups[group_number];
    if (group->key == 0)
        group->key = sim_random_key(network->seed, SIM_RANDOM_LINK,
                                    (uint64_t)from << 32 | (uint64_t)to << 8 | (uint64_t)group_number);
    uint64_t draw = isr_hash_combine(group->key, group->counter++);
    if (link->cut) {
        world->counters.messages_cut++;
        SIM_TRACE(world, from, MESSAGE_CUT, to, (int64_t)kind, frame_crc(frame.data, frame.size));
        return;
    }
    if (sim_draw_chance(isr_mix(draw + 1), link->spec->loss_ppm)) {
        world->counters.messages_lost++;
        SIM_TRACE(world, from, MESSAGE_LOST, to, (int64_t)kind, frame_crc(frame.data, frame.size));
        return;
    }
    queue_on_link(world, link, group, draw, message_new(world, from, to, frame));
}

/* ---- arriving ---- */

bool sim_network_arrive(struct sim_world *world, struct sim_message *message)
{
    const struct sim_process *receiver = &world->processes[message->to];
    if (message->waiting)
        return true;
    if (message->from != message->to && link_of(&world->network, message->from, message->to)->cut) {
        world->counters.messages_cut++;
        SIM_TRACE(world, message->from, MESSAGE_CUT, message->to,
                  (int64_t)isr_frame_kind(message_frame(message)),
                  frame_crc(message->bytes, message->size_bytes));
        sim_network_release(&world->network, message);
        return false;
    }
    if (!sim_process_running(receiver) || receiver->incarnation != message->incarnation) {
        world->counters.messages_to_dead++;
        SIM_TRACE(world, message->to, MESSAGE_TO_DEAD, message->from,
                  (int64_t)isr_frame_kind(message_frame(message)),
                  frame_crc(message->bytes, message->size_bytes));
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

void sim_network_cut(struct sim_network *network, int32_t from, int32_t to)
{
    if (from != to)
        link_of(network, from, to)->cut = true;
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

void sim_network_partition(struct sim_network *network, const struct sim_node_set *groups,
                           uint32_t groups_count)
{
    for (int32_t from = 1; from <= network->nodes_count; from++) {
        int32_t from_group = group_of(groups, groups_count, from);
        for (int32_t to = 1; from_group >= 0 && to <= network->nodes_count; to++) {
            int32_t to_group = group_of(groups, groups_count, to);
            if (to_group >= 0 && to_group != from_group)
                sim_network_cut(network, from, to);
        }
    }
}

void sim_network_isolate(struct sim_network *network, const struct sim_node_set *nodes)
{
    for (int32_t node = 1; node <= network->nodes_count; node++) {
        for (int32_t other = 1; sim_node_set_has(nodes, node) && other <= network->nodes_count; other++) {
            sim_network_cut(network, node, other);
            sim_network_cut(network, other, node);
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

void sim_network_change(struct sim_network *network, int32_t from, int32_t to,
                        const struct sim_link_spec *spec, unsigned fields)
{
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
    link->spec = own;
}

static void link_heal(struct sim_network *network, int32_t from, int32_t to)
{
    if (network->rows[from] == NULL)
        return;
    struct sim_link *link = &network->rows[from][to];
    link->cut = false;
    if (link->spec != &network->spec) {
        arena_release(network->memory, link->spec);
        link_latency_changed(link);
    }
    link->spec = &network->spec;
}

void sim_network_heal(struct sim_network *network, int32_t node)
{
    for (int32_t other = 1; other <= network->nodes_count; other++) {
        link_heal(network, node, other);
        link_heal(network, other, node);
    }
}
