#include "sim/connection.h"

#include "sim/hold.h"

static const int64_t RETRANSMIT_NS = 200 * ISR_MS;
#define PAYLOAD_TELLS UINT64_C(0x10000)

struct sim_connection {
    uint32_t generation;
    bool open;
    bool watched;               /* a keepalive runs */
    bool silent[2];             /* half open: what is sent in this direction vanishes */
    int32_t nodes[2];           /* [0] < [1] */
    uint32_t incarnations[2];   /* whose connection it is */
    int64_t ready_ns;           /* when it was opened, or will be */
    int64_t last_arrival_ns[2]; /* [0]: at nodes[1] */
};

static struct sim_connection *connection_of(const struct sim_network *network, int32_t a, int32_t b)
{
    if (a == b || network->rows[a] == NULL)
        return NULL;
    const struct sim_link_extra *extra = network->rows[a][b].extra;
    return extra != NULL ? extra->connection : NULL;
}

static struct sim_connection *connection_make(struct sim_network *network, int32_t a, int32_t b)
{
    struct sim_connection *connection = connection_of(network, a, b);
    if (connection != NULL)
        return connection;
    connection = arena_allocate(network->memory, sizeof *connection);
    ISR_ASSERT(connection != NULL);
    connection->nodes[0] = a < b ? a : b;
    connection->nodes[1] = a < b ? b : a;
    sim_link_extra(network, sim_link_of(network, a, b))->connection = connection;
    sim_link_extra(network, sim_link_of(network, b, a))->connection = connection;
    return connection;
}

static unsigned direction_from(const struct sim_connection *connection, int32_t from)
{
    return connection->nodes[0] == from ? 0 : 1;
}

static struct sim_link *link_from(struct sim_network *network, const struct sim_connection *connection,
                                  unsigned direction)
{
    return sim_link_of(network, connection->nodes[direction], connection->nodes[1 - direction]);
}

/* ---- telling ---- */

static void tell(struct sim_world *world, int32_t node, int32_t peer, int64_t delay_ns)
{
    const struct sim_process *process = &world->processes[node];
    if (sim_process_running(process))
        sim_queue_push(&world->queue, world->now_ns + delay_ns, SIM_EVENT_CONNECTION, node,
                       (uint64_t)process->incarnation << 32 | PAYLOAD_TELLS | (uint32_t)peer);
}

bool sim_connection_tells(uint64_t payload, int32_t *peer, uint32_t *incarnation)
{
    *peer = (int32_t)(payload & 0xffff);
    *incarnation = (uint32_t)(payload >> 32);
    return (payload & PAYLOAD_TELLS) != 0;
}

/* ---- opening and closing ---- */

static bool side_lives(const struct sim_world *world, const struct sim_connection *connection, unsigned side)
{
    return world->processes[connection->nodes[side]].incarnation == connection->incarnations[side];
}

static void connection_break(struct sim_world *world, struct sim_connection *connection)
{
    connection->open = false;
    connection->generation++;
    connection->watched = false;
    world->counters.connections_reset++;
    SIM_TRACE(world, connection->nodes[0], CONNECTION_RESET, connection->nodes[1]);
    for (unsigned side = 0; side < 2; side++) {
        connection->silent[side] = false;
        sim_hold_lose(world, link_from(&world->network, connection, side), SIM_LOSS_RESET);
        if (side_lives(world, connection, side))
            tell(world, connection->nodes[side], connection->nodes[1 - side], 0);
    }
}

static void connection_open(struct sim_world *world, struct sim_connection *connection, struct sim_link *link,
                            const struct sim_message *message)
{
    const struct sim_link *back = sim_link_of(&world->network, message->to, message->from);
    connection->open = true;
    connection->generation++;
    connection->ready_ns =
        world->now_ns + sim_distribution_at(&link->spec->latency, isr_mix(message->draw + 8)) +
        sim_distribution_at(&back->spec->latency, isr_mix(message->draw + 9)) + link->spec->reconnect_ns;
    for (unsigned side = 0; side < 2; side++) {
        connection->incarnations[side] = world->processes[connection->nodes[side]].incarnation;
        connection->last_arrival_ns[side] = connection->ready_ns;
    }
    world->counters.connections_opened++;
    SIM_TRACE(world, message->from, CONNECTION_OPENED, message->to, connection->ready_ns - world->now_ns);
}

/* From now on somebody waits for a sign of life. */
static void watch(struct sim_world *world, struct sim_connection *connection)
{
    if (connection->watched)
        return;
    connection->watched = true;
    int64_t keepalive_ns = link_from(&world->network, connection, 0)->spec->keepalive_ns;
    sim_queue_push(&world->queue, world->now_ns + keepalive_ns, SIM_EVENT_CONNECTION, connection->nodes[0],
                   (uint64_t)connection->generation << 32 | (uint32_t)connection->nodes[1]);
}

bool sim_connection_keepalive(struct sim_world *world, int32_t node, uint64_t payload)
{
    struct sim_connection *connection = connection_of(&world->network, node, (int32_t)(payload & 0xffff));
    if (connection->generation != payload >> 32 || !connection->watched)
        return false;
    connection->watched = false;
    bool dead = !side_lives(world, connection, 0) || !side_lives(world, connection, 1);
    for (unsigned side = 0; side < 2; side++)
        dead = dead || connection->silent[side] || link_from(&world->network, connection, side)->cut;
    if (dead)
        connection_break(world, connection);
    return dead;
}

/* ---- messages ---- */

/* Where the connection does not fit the two processes any more, whoever notices ends it. */
static bool carries(struct sim_world *world, struct sim_connection *connection, unsigned from)
{
    if (!side_lives(world, connection, from)) { /* started anew: it knows of no connection */
        connection_break(world, connection);
        return false;
    }
    if (side_lives(world, connection, 1 - from))
        return true;
    if (sim_process_running(&world->processes[connection->nodes[1 - from]])) {
        connection_break(world, connection); /* who was started anew answers with a reset */
        return true;                         /* the message was on it, and is lost with it */
    }
    watch(world, connection);
    return true;
}

bool sim_connection_carry(struct sim_world *world, struct sim_link *link, struct sim_message *message)
{
    struct sim_connection *connection = connection_make(&world->network, message->from, message->to);
    unsigned from = direction_from(connection, message->from);
    uint32_t generation = connection->generation;
    if (connection->open && carries(world, connection, from)) {
        message->connection = generation;
        if (connection->open)
            return true;
        sim_network_lose(world, message, SIM_LOSS_RESET);
        return false;
    }
    const struct sim_link *back = sim_link_of(&world->network, message->to, message->from);
    if (link->cut || back->cut) {
        sim_world_bite(world, link->cut ? link->cut_step : back->cut_step);
        sim_network_lose(world, message, SIM_LOSS_CUT);
        return false;
    }
    connection_open(world, connection, link, message);
    message->connection = connection->generation;
    return true;
}

bool sim_connection_arrival(struct sim_world *world, struct sim_link *link, struct sim_message *message,
                            int64_t *arrival_ns)
{
    struct sim_connection *connection = link->extra->connection;
    unsigned from = direction_from(connection, message->from);
    if (connection->generation != message->connection || connection->silent[from]) {
        bool vanished = connection->generation == message->connection;
        sim_network_lose(world, message, vanished ? SIM_LOSS_HALF_OPEN : SIM_LOSS_RESET);
        return false;
    }
    int64_t from_ns = world->now_ns > connection->ready_ns ? world->now_ns : connection->ready_ns;
    *arrival_ns = from_ns + sim_distribution_at(&link->spec->latency, message->draw);
    if (world->spec->schedule.depth > 0)
        *arrival_ns += sim_schedule_delay(world, message->from, message->to);
    if (link->slow)
        sim_link_slows(world, link);
    if (sim_draw_chance(isr_mix(message->draw + 1), link->spec->loss_ppm)) {
        sim_world_bite(world, link->changed_step);
        world->counters.messages_retransmitted++;
        *arrival_ns += RETRANSMIT_NS;
    }
    if (*arrival_ns < connection->last_arrival_ns[from])
        *arrival_ns = connection->last_arrival_ns[from];
    connection->last_arrival_ns[from] = *arrival_ns;
    return true;
}

bool sim_connection_arrives(struct sim_world *world, struct sim_link *link, struct sim_message *message)
{
    struct sim_connection *connection = link->extra->connection;
    if (connection->generation != message->connection) {
        sim_network_lose(world, message, SIM_LOSS_RESET);
        return false;
    }
    if (!link->cut)
        return true;
    sim_world_bite(world, link->cut_step);
    world->counters.messages_retransmitted++;
    sim_hold_keep(world, link, message);
    watch(world, connection);
    return false;
}

/* ---- knobs ---- */

void sim_connection_reset(struct sim_world *world, int32_t a, int32_t b)
{
    struct sim_connection *connection = connection_of(&world->network, a, b);
    if (connection == NULL || !connection->open)
        return;
    sim_world_bite(world, world->acting);
    connection_break(world, connection);
}

void sim_connection_half_open(struct sim_world *world, int32_t from, int32_t to)
{
    struct sim_connection *connection = connection_of(&world->network, from, to);
    if (connection == NULL || !connection->open)
        return;
    connection->silent[direction_from(connection, from)] = true;
    world->counters.connections_half_open++;
    sim_world_bite(world, world->acting);
    SIM_TRACE(world, from, CONNECTION_HALF_OPEN, to);
    watch(world, connection);
}

/* A stream with a hole cannot go on. */
void sim_connection_healed(struct sim_world *world, int32_t from, int32_t to)
{
    struct sim_connection *connection = connection_of(&world->network, from, to);
    if (connection != NULL && (connection->silent[0] || connection->silent[1]))
        connection_break(world, connection);
}

void sim_connection_ended(struct sim_world *world, int32_t node, bool power)
{
    for (int32_t peer = 1; world->network.spec.connections && !power && peer <= world->processes_count;
         peer++) {
        struct sim_connection *connection = connection_of(&world->network, node, peer);
        if (connection == NULL || !connection->open)
            continue;
        const struct sim_link *link =
            link_from(&world->network, connection, direction_from(connection, node));
        if (link->cut) { /* nobody hears of it */
            watch(world, connection);
            continue;
        }
        connection->open = false;
        connection->watched = false;
        tell(world, peer, node, link->spec->latency.median_ns);
    }
}
