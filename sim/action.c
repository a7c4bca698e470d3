#include "sim/action.h"

#include "sim/connection.h"
#include "sim/hold.h"
#include "sim/process.h"
#include "sim/workload.h"

/* ---- which nodes ---- */

/* The set with SIM_NODE_CONTROLLER replaced by whoever leads the controllers' quorum. */
static struct sim_node_set resolve(struct sim_world *world, const struct sim_node_set *set)
{
    struct sim_node_set nodes = *set;
    if (!sim_node_set_has(set, SIM_NODE_CONTROLLER))
        return nodes;
    nodes.bits[0] &= ~UINT64_C(1);
    int32_t term, leader = sim_world_quorum_leader(world, &term);
    if (leader != ISR_NODE_NONE)
        sim_node_set_add(&nodes, leader);
    return nodes;
}

static struct sim_node_set everybody(const struct sim_world *world)
{
    struct sim_node_set nodes = {0};
    for (int32_t node = 1; node <= world->processes_count; node++)
        sim_node_set_add(&nodes, node);
    return nodes;
}

/* ---- links ---- */

static void network_do(struct sim_world *world, const struct sim_action *action)
{
    struct sim_node_set groups[SIM_GROUPS_MAX], nodes = resolve(world, &action->nodes);
    if (action->kind == SIM_ACTION_ISOLATE) {
        sim_network_isolate(world, &nodes);
        return;
    }
    for (uint32_t i = 0; i < action->groups_count; i++)
        groups[i] = resolve(world, &action->groups[i]);
    sim_network_partition(world, groups, action->groups_count);
}

static void link_do(struct sim_world *world, const struct sim_action *action, int32_t from, int32_t to)
{
    if (from == to)
        return;
    if (action->kind == SIM_ACTION_CUT)
        sim_network_cut(world, from, to);
    else if (action->kind == SIM_ACTION_HOLD || action->kind == SIM_ACTION_DROP)
        sim_hold_add(world, from, to, &action->messages, action->count, action->kind == SIM_ACTION_DROP);
    else if (action->kind == SIM_ACTION_RELEASE)
        sim_hold_release(world, from, to, &action->messages, action->discard);
    else if (action->kind == SIM_ACTION_RESET)
        sim_connection_reset(world, from, to);
    else if (action->kind == SIM_ACTION_HALF_OPEN)
        sim_connection_half_open(world, from, to);
    else
        sim_network_change(world, from, to, &action->link, action->link_fields);
}

static void links_do(struct sim_world *world, const struct sim_action *action)
{
    struct sim_node_set senders = resolve(world, &action->from), receivers = resolve(world, &action->to);
    for (int32_t from = 1; from <= world->processes_count; from++) {
        for (int32_t to = 1; sim_node_set_has(&senders, from) && to <= world->processes_count; to++) {
            if (!sim_node_set_has(&receivers, to))
                continue;
            link_do(world, action, from, to);
            if (action->both_ways)
                link_do(world, action, to, from);
        }
    }
}

/* ---- nodes ---- */

static void clock_change(struct sim_world *world, struct sim_process *process,
                         const struct sim_action *action)
{
    struct sim_clock *clock = &process->clock;
    if (action->clock_fields & SIM_CLOCK_DRIFT)
        sim_clock_set_drift(clock, world->now_ns, action->clock.drift_ppm);
    if (action->clock_fields & SIM_CLOCK_OFFSET)
        sim_clock_set_offset(clock, world->now_ns, action->clock.offset_ns);
    if (action->clock_fields & SIM_CLOCK_JUMP)
        sim_clock_jump(clock, action->clock.jump_ns);
    if (action->clock_fields & SIM_CLOCK_WALL)
        sim_clock_step_wall(clock, action->clock.wall_ns);
    bool running = sim_process_running(process);
    world->counters.clock_changes += (action->clock_fields & (SIM_CLOCK_OFFSET | SIM_CLOCK_DRIFT)) != 0;
    world->counters.clock_jumps += running && (action->clock_fields & SIM_CLOCK_JUMP);
    world->counters.wall_clock_steps += running && (action->clock_fields & SIM_CLOCK_WALL);
    if (running)
        sim_world_bite(world, world->acting);
    SIM_TRACE(world, process->id, CLOCK_CHANGED,
              sim_clock_local(clock, world->now_ns) - world->now_ns - SIM_CLOCK_EPOCH_NS, clock->drift_ppm,
              sim_clock_wall(clock, world->now_ns) - world->now_ns - SIM_CLOCK_EPOCH_NS);
    sim_process_arrange_wake(world, process);
}

/* The partition whose files are meant; false: it is not known yet. */
static bool partition_named(struct sim_world *world, const struct sim_action *action, struct isr_tp *tp)
{
    const struct isr_image *image = sim_world_image(world);
    const struct isr_image_topic *topic =
        image != NULL ? isr_image_topic_named(image, action->topic.text) : NULL;
    if (topic != NULL)
        *tp = (struct isr_tp){.topic = topic->id, .index = (uint16_t)action->partition};
    return topic != NULL;
}

static void rot(struct sim_world *world, struct sim_disk *disk, const struct sim_action *action)
{
    struct isr_tp tp = {0};
    if (action->partition < 0)
        sim_disk_rot(world, disk, action->files, NULL, action->count);
    else if (partition_named(world, action, &tp))
        sim_disk_rot(world, disk, action->files, &tp, action->count);
}

static void disk_do(struct sim_world *world, struct sim_process *process, const struct sim_action *action)
{
    struct sim_disk *disk = process->disk;
    struct sim_disk_strike failing = {
        .operations = (unsigned)action->operations, .files = action->files, .count = action->count};
    if (disk == NULL)
        return;
    disk->steps[action->kind] = world->acting;
    if (action->kind == SIM_ACTION_DISK)
        sim_disk_change(world, disk, &action->disk, action->disk_fields);
    else if (action->kind == SIM_ACTION_DISK_FAIL)
        sim_disk_fail(disk, failing, action->pages_clean);
    else if (action->kind == SIM_ACTION_DISK_FULL)
        sim_disk_fill(disk, action->count);
    else if (action->kind == SIM_ACTION_DISK_FREE)
        sim_disk_free(disk);
    else if (action->kind == SIM_ACTION_STALL)
        sim_disk_stall(disk, action->span_ns > 0 ? world->now_ns + action->span_ns : ISR_TIME_NEVER);
    else if (action->kind == SIM_ACTION_UNSTALL)
        sim_disk_go_on(world, disk);
    else if (action->kind == SIM_ACTION_LYING_SYNC)
        sim_disk_lie(disk, action->on, action->files);
    else if (action->kind == SIM_ACTION_ROT)
        rot(world, disk, action);
    else if (action->kind == SIM_ACTION_LOSE_WRITES)
        sim_disk_lose_writes(disk, action->files, action->count);
    else if (action->kind == SIM_ACTION_MISDIRECT_WRITES)
        sim_disk_misdirect_writes(disk, action->files, action->count);
    else if (action->kind == SIM_ACTION_LOSE_NAMES)
        sim_disk_lose_names(disk, action->on);
}

static void campaign(struct sim_world *world, const struct sim_process *process)
{
    if (process->roles != ISR_NODE_PEER || !sim_process_running(process))
        return;
    world->counters.campaigns++;
    sim_world_bite(world, world->acting);
    sim_process_command(world, process->id, &(struct isr_command){.kind = ISR_COMMAND_CAMPAIGN});
}

static void node_do(struct sim_world *world, const struct sim_action *action, int32_t node)
{
    switch ((int)action->kind) {
    case SIM_ACTION_POWER_OFF:
        sim_process_power_off(world, node, action->survives);
        break;
    case SIM_ACTION_KILL:
        sim_process_kill(world, node);
        break;
    case SIM_ACTION_SHUTDOWN:
        sim_process_shutdown(world, node);
        break;
    case SIM_ACTION_START:
        sim_process_start(world, node);
        break;
    case SIM_ACTION_CAMPAIGN:
        campaign(world, sim_world_process(world, node));
        break;
    case SIM_ACTION_PAUSE:
        sim_process_pause(world, node);
        break;
    case SIM_ACTION_RESUME:
        sim_process_resume(world, node);
        break;
    case SIM_ACTION_WIPE:
        sim_process_wipe(world, node);
        break;
    case SIM_ACTION_SLOW_CPU:
        sim_process_slow_down(world, node, action->cost_ns);
        break;
    case SIM_ACTION_MEMORY:
        sim_process_limit_memory(world, node, action->count);
        break;
    case SIM_ACTION_HEAL:
        sim_network_heal(world, node);
        break;
    case SIM_ACTION_CLOCK:
        clock_change(world, sim_world_process(world, node), action);
        break;
    }
}

static void nodes_do(struct sim_world *world, const struct sim_action *action)
{
    bool all = sim_node_set_is_empty(&action->nodes) &&
               (action->kind == SIM_ACTION_HEAL || action->kind == SIM_ACTION_DISK_FREE);
    struct sim_node_set nodes = all ? everybody(world) : resolve(world, &action->nodes);
    for (int32_t node = 1; node <= world->processes_count; node++) {
        if (!sim_node_set_has(&nodes, node))
            continue;
        if (sim_action_scope(action->kind) == SIM_SCOPE_DISKS)
            disk_do(world, sim_world_process(world, node), action);
        else
            node_do(world, action, node);
    }
}

/* ---- clients ---- */

static void clients_do(struct sim_world *world, const struct sim_action *action)
{
    if (action->kind == SIM_ACTION_PRODUCE)
        sim_workload_produce(world, action);
    else if (action->kind == SIM_ACTION_PROPOSE)
        sim_workload_propose(world, action);
    else
        sim_workload_traffic(world, action);
}

static void administer(struct sim_world *world, const struct sim_action *action)
{
    if (action->kind == SIM_ACTION_CREATE_TOPIC)
        sim_workload_create_topic(world, action);
    else
        sim_workload_administer(world, action);
}

/* ---- all ---- */

void sim_action_apply(struct sim_world *world, const struct sim_action *action)
{
    switch (sim_action_scope(action->kind)) {
    case SIM_SCOPE_NODES:
    case SIM_SCOPE_DISKS:
        nodes_do(world, action);
        break;
    case SIM_SCOPE_LINKS:
        links_do(world, action);
        break;
    case SIM_SCOPE_NETWORK:
        network_do(world, action);
        break;
    case SIM_SCOPE_CLIENTS:
        clients_do(world, action);
        break;
    case SIM_SCOPE_TOPICS:
    case SIM_SCOPE_QUORUM:
        administer(world, action);
        break;
    case SIM_SCOPE_TIMELINE:
        break;
    }
}

/* Healed like the others, and then broken for good. */
static void break_by_half(struct sim_world *world, int32_t node, int32_t friend)
{
    struct sim_disk *disk = world->processes[node].disk;
    enum sim_gone_how how = (enum sim_gone_how)world->spec->gone_how;
    for (int32_t other = 1; other <= world->processes_count; other++) {
        bool parted = how == SIM_GONE_PARTED && other != friend && other < sim_spec_first_client(world->spec);
        if (other == node)
            continue;
        if (how == SIM_GONE_MUTE || parted)
            sim_network_cut(world, node, other);
        if (how == SIM_GONE_DEAF || parted)
            sim_network_cut(world, other, node);
    }
    if (how == SIM_GONE_STALLED && disk != NULL)
        sim_disk_stall(disk, ISR_TIME_NEVER);
}

static uint64_t *gone_counter(struct sim_world *world)
{
    switch ((enum sim_gone_how)world->spec->gone_how) {
#define X(NAME, name, heard, leads, meaning) \
    case SIM_GONE_##NAME:                    \
        return &world->counters.gone_##name;
#include "sim/gone.def"
#undef X
    case SIM_GONE_HOWS:
        break;
    }
    ISR_ASSERT(false);
    return NULL;
}

/* The last voter that is well: a parted one and it hear each other. */
static int32_t friend_of_the_gone(const struct sim_world *world)
{
    int32_t friend = sim_spec_first_client(world->spec) - 1;
    while (friend > 0 && sim_node_set_has(&world->spec->gone, friend))
        friend --;
    return friend;
}

void sim_world_heal(struct sim_world *world)
{
    struct sim_link_spec *everywhere = &world->network.spec;
    const struct sim_spec *spec = world->spec;
    int32_t friend = friend_of_the_gone(world);
    everywhere->loss_ppm = everywhere->duplicate_ppm = everywhere->reorder_ppm = everywhere->corrupt_ppm = 0;
    for (int32_t node = 1; node <= world->processes_count; node++)
        sim_network_heal(world, node);
    if (spec->gone_how == SIM_GONE_APART)
        sim_network_isolate(world, &spec->gone);
    for (int32_t node = 1; node <= world->processes_count; node++) {
        struct sim_disk *disk = world->processes[node].disk;
        *gone_counter(world) += sim_node_set_has(&spec->gone, node);
        if (!sim_spec_heals(spec, node))
            continue;
        sim_process_slow_down(world, node, 0);
        sim_process_limit_memory(world, node, 0);
        if (disk != NULL)
            sim_disk_heal(world, disk, &spec->disk);
        if (sim_node_set_has(&spec->gone, node))
            break_by_half(world, node, friend);
    }
    for (int32_t node = 1; node <= world->processes_count; node++) {
        if (!sim_spec_heals(spec, node))
            continue;
        sim_process_resume(world, node);
        sim_process_start(world, node);
    }
}
