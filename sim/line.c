#include "sim/line.h"

static const enum isr_message_group urgency[SIM_GROUPS] = {ISR_GROUP_ELECTION, ISR_GROUP_HEARTBEAT,
                                                           ISR_GROUP_CONTROL, ISR_GROUP_DATA};

static uint32_t urgency_of(enum isr_message_group group)
{
    uint32_t place = 0;
    while (urgency[place] != group)
        place++;
    return place;
}

static void count_bytes(struct sim_line *line, const struct sim_message *message, int64_t sign)
{
    line->queued_bytes += sign * message->size_bytes;
    line->group_bytes[sim_message_group(message->kind)] += sign * message->size_bytes;
}

/* ---- going onto the link ---- */

static uint64_t payload_of(uint32_t turn, int32_t to)
{
    return (uint64_t)turn << 32 | (uint32_t)to;
}

static int64_t sending_ns(const struct sim_link_spec *spec, const struct sim_message *message)
{
    if (spec->bandwidth_bytes == 0)
        return 0;
    return (int64_t)message->size_bytes * ISR_SECOND / spec->bandwidth_bytes;
}

static void begin(struct sim_world *world, struct sim_link *link, struct sim_message *message)
{
    struct sim_line *line = &link->extra->line;
    line->sending = message;
    line->turn++;
    sim_queue_push(&world->queue, world->now_ns + sending_ns(link->spec, message), SIM_EVENT_LINK,
                   message->from, payload_of(line->turn, message->to));
}

static struct sim_waiting_list *next_list(struct sim_link *link)
{
    struct sim_line *line = &link->extra->line;
    struct sim_waiting_list *next = NULL;
    for (uint32_t place = 0; place < SIM_GROUPS; place++) {
        struct sim_waiting_list *list = &line->groups[urgency[place]];
        if (list->first == NULL)
            continue;
        if (link->spec->priorities)
            return list;
        if (next == NULL || list->first->order < next->first->order)
            next = list;
    }
    return next;
}

static void begin_next(struct sim_world *world, struct sim_link *link)
{
    struct sim_waiting_list *list = next_list(link);
    if (list == NULL)
        return;
    struct sim_message *message = sim_waiting_take(&world->network, list);
    count_bytes(&link->extra->line, message, -1);
    begin(world, link, message);
}

bool sim_line_event(struct sim_world *world, int32_t from, uint64_t payload)
{
    struct sim_link *link = sim_link_of(&world->network, from, (int32_t)(payload & UINT32_MAX));
    struct sim_line *line = &link->extra->line;
    if (line->turn != payload >> 32 || line->sending == NULL)
        return false;
    struct sim_message *message = line->sending;
    line->sending = NULL;
    sim_network_depart(world, link, message);
    begin_next(world, link);
    return true;
}

/* ---- waiting ---- */

static struct sim_message *take_last(struct sim_network *network, struct sim_waiting_list *list)
{
    struct sim_waiting *before = NULL, *last = list->first;
    while (last->next != NULL) {
        before = last;
        last = last->next;
    }
    struct sim_message *message = last->message;
    *(before != NULL ? &before->next : &list->first) = NULL;
    list->last = before;
    arena_release(network->memory, last);
    return message;
}

/* Pushes out less urgent messages until the bytes fit. False: that would not be enough; nothing happened. */
static bool make_room(struct sim_world *world, struct sim_link *link, enum isr_message_group group,
                      int64_t bytes)
{
    struct sim_line *line = &link->extra->line;
    int64_t excess = line->queued_bytes + bytes - link->spec->queue_bytes;
    if (link->spec->queue_bytes == 0 || excess <= 0)
        return true;
    if (!link->spec->priorities)
        return false;
    int64_t possible = 0;
    for (uint32_t place = urgency_of(group) + 1; place < SIM_GROUPS; place++)
        possible += line->group_bytes[urgency[place]];
    if (possible < excess)
        return false;
    for (uint32_t place = SIM_GROUPS - 1; excess > 0; place--) {
        struct sim_waiting_list *list = &line->groups[urgency[place]];
        while (list->first != NULL && excess > 0) {
            struct sim_message *message = take_last(&world->network, list);
            count_bytes(line, message, -1);
            excess -= message->size_bytes;
            sim_world_bite(world, link->changed_step);
            sim_network_lose(world, message, SIM_LOSS_OVERFLOW);
        }
    }
    return true;
}

void sim_line_add(struct sim_world *world, struct sim_link *link, struct sim_message *message)
{
    struct sim_line *line = &sim_link_extra(&world->network, link)->line;
    if (line->sending == NULL) {
        begin(world, link, message);
        return;
    }
    enum isr_message_group group = sim_message_group(message->kind);
    int64_t own = link->spec->group_queue_bytes[group];
    bool fits = own == 0 || line->group_bytes[group] + message->size_bytes <= own;
    world->counters.messages_beyond_group += !fits;
    if (!fits || !make_room(world, link, group, message->size_bytes)) {
        sim_world_bite(world, link->changed_step);
        sim_network_lose(world, message, SIM_LOSS_OVERFLOW);
        return;
    }
    world->counters.messages_queued++;
    sim_world_bite(world, link->changed_step);
    count_bytes(line, message, 1);
    sim_waiting_add(&world->network, &line->groups[group], message, line->order_next++);
}

/* ---- changes ---- */

void sim_line_changed(struct sim_world *world, struct sim_link *link, int32_t from, int32_t to)
{
    if (!sim_line_busy(link))
        return;
    struct sim_line *line = &link->extra->line;
    line->turn++;
    sim_queue_push(&world->queue, world->now_ns + sending_ns(link->spec, line->sending), SIM_EVENT_LINK, from,
                   payload_of(line->turn, to));
}

void sim_line_drop(struct sim_world *world, struct sim_link *link)
{
    struct sim_line *line = &link->extra->line;
    for (uint32_t place = 0; place < SIM_GROUPS; place++) {
        struct sim_message *message;
        while ((message = sim_waiting_take(&world->network, &line->groups[place])) != NULL)
            sim_network_lose(world, message, SIM_LOSS_POWER);
    }
    line->queued_bytes = 0;
    memset(line->group_bytes, 0, sizeof line->group_bytes);
    if (line->sending != NULL)
        sim_network_lose(world, line->sending, SIM_LOSS_POWER);
    line->sending = NULL;
    line->turn++;
}
