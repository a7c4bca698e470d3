#include "sim/hold.h"

static struct sim_message_set kinds_or_all(const struct sim_message_set *kinds)
{
    const struct sim_message_set all = {{UINT64_MAX, UINT64_MAX}};
    return kinds != NULL && !sim_message_set_is_empty(kinds) ? *kinds : all;
}

void sim_hold_add(struct sim_world *world, int32_t from, int32_t to, const struct sim_message_set *kinds,
                  int64_t count, bool drop)
{
    if (from == to)
        return;
    struct sim_network *network = &world->network;
    struct sim_link_extra *extra = sim_link_extra(network, sim_link_of(network, from, to));
    struct sim_filter *filter = arena_allocate(network->memory, sizeof *filter);
    ISR_ASSERT(filter != NULL);
    filter->kinds = kinds_or_all(kinds);
    filter->left = count > 0 ? count : INT64_MAX;
    filter->drop = drop;
    filter->step = world->acting;
    struct sim_filter **last = &extra->filters;
    while (*last != NULL)
        last = &(*last)->next;
    *last = filter;
}

static void filters_end(struct sim_network *network, struct sim_link_extra *extra,
                        const struct sim_message_set *kinds)
{
    struct sim_filter **at = &extra->filters;
    while (*at != NULL) {
        struct sim_filter *filter = *at;
        sim_message_set_remove(&filter->kinds, kinds);
        if (!sim_message_set_is_empty(&filter->kinds) && filter->left > 0) {
            at = &filter->next;
            continue;
        }
        *at = filter->next;
        arena_release(network->memory, filter);
    }
}

void sim_hold_release(struct sim_world *world, int32_t from, int32_t to, const struct sim_message_set *kinds,
                      bool discard)
{
    struct sim_network *network = &world->network;
    if (from == to || network->rows[from] == NULL)
        return;
    struct sim_link_extra *extra = network->rows[from][to].extra;
    if (extra == NULL)
        return;
    struct sim_message_set released = kinds_or_all(kinds);
    filters_end(network, extra, &released);
    struct sim_waiting_list held = extra->held;
    extra->held = (struct sim_waiting_list){0};
    struct sim_message *message;
    while ((message = sim_waiting_take(network, &held)) != NULL) {
        if (!sim_message_set_has(&released, message->kind)) {
            sim_waiting_add(network, &extra->held, message, 0);
        } else if (discard) {
            sim_network_lose(world, message, SIM_LOSS_STEP);
        } else {
            message->released = true;
            sim_queue_push_pointer(&world->queue, world->now_ns, SIM_EVENT_MESSAGE, to, message);
        }
    }
}

void sim_hold_keep(struct sim_world *world, struct sim_link *link, struct sim_message *message)
{
    struct sim_network *network = &world->network;
    world->counters.messages_held++;
    SIM_TRACE(world, message->from, MESSAGE_HELD, message->to, message->kind,
              sim_frame_crc(message->bytes, message->size_bytes));
    sim_waiting_add(network, &sim_link_extra(network, link)->held, message, 0);
}

bool sim_hold_takes(struct sim_world *world, struct sim_link *link, struct sim_message *message)
{
    struct sim_link_extra *extra = link->extra;
    if (message->released)
        return false;
    for (struct sim_filter *filter = extra->filters; filter != NULL; filter = filter->next) {
        if (filter->left == 0 || !sim_message_set_has(&filter->kinds, message->kind))
            continue;
        filter->left--;
        sim_world_bite(world, filter->step);
        if (filter->drop)
            sim_network_lose(world, message, SIM_LOSS_STEP);
        else
            sim_hold_keep(world, link, message);
        return true;
    }
    bool behind = message->connection != 0 && extra->held.first != NULL;
    if (behind)
        sim_hold_keep(world, link, message);
    return behind;
}

void sim_hold_lose(struct sim_world *world, struct sim_link *link, enum sim_loss loss)
{
    struct sim_message *message;
    while (link->extra != NULL && (message = sim_waiting_take(&world->network, &link->extra->held)) != NULL)
        sim_network_lose(world, message, loss);
}
