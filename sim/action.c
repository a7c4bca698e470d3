#include "sim/action.h"

#include "sim/connection.h"
#include "sim/hold.h"
#include "sim/process.h"
#include "sim/workload.h"

/* ---- which nodes ---- */

static bool set_is_empty(const struct sim_node_set *set)
{
    for (size_t i = 0; i < sizeof set->bits / sizeof set->bits[0]; i++) {
        if (set->bits[i] != 0)
            return false;
    }
    return true;
}

/* The set with SIM_NODE_CONTROLLER replaced by whoever is the active controller. */
static struct sim_node_set resolve(struct sim_world *world, const struct sim_node_set *set)
{
    struct sim_node_set nodes = *set;
    if (!sim_node_set_has(set, SIM_NODE_CONTROLLER))
        return nodes;
    nodes.bits[0] &= ~UINT64_C(1);
    const struct sim_process *controller = sim_world_controller(world);
    if (controller != NULL)
        sim_node_set_add(&nodes, controller->id);
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

static void partition(struct sim_world *world, const struct sim_action *action)
{
    struct sim_node_set groups[SIM_GROUPS_MAX];
    for (uint32_t i = 0; i < action->groups_count; i++)
        groups[i] = resolve(world, &action->groups[i]);
    sim_network_partition(&world->network, groups, action->groups_count);
}

static void link_do(struct sim_world *world, const struct sim_action *action, int32_t from, int32_t to)
{
    if (from == to)
        return;
    if (action->kind == SIM_ACTION_CUT)
        sim_network_cut(&world->network, from, to);
    else if (action->kind == SIM_ACTION_HOLD || action->kind == SIM_ACTION_DROP)
        sim_hold_add(world, from, to, action->messages, action->count, action->kind == SIM_ACTION_DROP);
    else if (action->kind == SIM_ACTION_RELEASE)
        sim_hold_release(world, from, to, action->messages, action->discard);
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

static void node_do(struct sim_world *world, const struct sim_action *action, int32_t node)
{
    switch (action->kind) {
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
        if (world->processes[node].roles == ISR_NODE_PEER)
            sim_process_command(world, node, &(struct isr_command){.kind = ISR_COMMAND_CAMPAIGN});
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
    case SIM_ACTION_DISK:
    case SIM_ACTION_DISK_FAIL:
    case SIM_ACTION_DISK_FULL:
    case SIM_ACTION_DISK_FREE:
    case SIM_ACTION_STALL:
    case SIM_ACTION_UNSTALL:
    case SIM_ACTION_LYING_SYNC:
    case SIM_ACTION_ROT:
    case SIM_ACTION_LOSE_WRITES:
    case SIM_ACTION_MISDIRECT_WRITES:
    case SIM_ACTION_LOSE_NAMES:
        disk_do(world, sim_world_process(world, node), action);
        break;
    case SIM_ACTION_CLOCK:
        clock_change(world, sim_world_process(world, node), action);
        break;
    case SIM_ACTION_PARTITION:
    case SIM_ACTION_ISOLATE:
    case SIM_ACTION_CUT:
    case SIM_ACTION_LINK:
    case SIM_ACTION_HOLD:
    case SIM_ACTION_DROP:
    case SIM_ACTION_RELEASE:
    case SIM_ACTION_RESET:
    case SIM_ACTION_HALF_OPEN:
    case SIM_ACTION_PRODUCE:
    case SIM_ACTION_ELECT:
    case SIM_ACTION_TRANSFER_CONTROLLER:
    case SIM_ACTION_ADD_VOTER:
    case SIM_ACTION_ADD_LEARNER:
    case SIM_ACTION_REMOVE_VOTER:
    case SIM_ACTION_DELETE_TOPIC:
    case SIM_ACTION_CREATE_TOPIC:
    case SIM_ACTION_ALTER_TOPIC:
    case SIM_ACTION_REASSIGN:
    case SIM_ACTION_DELETE_RECORDS:
    case SIM_ACTION_TRAFFIC:
    case SIM_ACTION_NOTE:
    case SIM_ACTION_KINDS:
        break;
    }
}

static void nodes_do(struct sim_world *world, const struct sim_action *action)
{
    bool all = set_is_empty(&action->nodes) &&
               (action->kind == SIM_ACTION_HEAL || action->kind == SIM_ACTION_DISK_FREE);
    struct sim_node_set nodes = all ? everybody(world) : resolve(world, &action->nodes);
    for (int32_t node = 1; node <= world->processes_count; node++) {
        if (sim_node_set_has(&nodes, node))
            node_do(world, action, node);
    }
}

void sim_action_apply(struct sim_world *world, const struct sim_action *action)
{
    struct sim_node_set nodes;
    switch (action->kind) {
    case SIM_ACTION_POWER_OFF:
    case SIM_ACTION_KILL:
    case SIM_ACTION_SHUTDOWN:
    case SIM_ACTION_START:
    case SIM_ACTION_CAMPAIGN:
    case SIM_ACTION_PAUSE:
    case SIM_ACTION_RESUME:
    case SIM_ACTION_WIPE:
    case SIM_ACTION_SLOW_CPU:
    case SIM_ACTION_MEMORY:
    case SIM_ACTION_HEAL:
    case SIM_ACTION_DISK:
    case SIM_ACTION_DISK_FAIL:
    case SIM_ACTION_DISK_FULL:
    case SIM_ACTION_DISK_FREE:
    case SIM_ACTION_STALL:
    case SIM_ACTION_UNSTALL:
    case SIM_ACTION_LYING_SYNC:
    case SIM_ACTION_ROT:
    case SIM_ACTION_LOSE_WRITES:
    case SIM_ACTION_MISDIRECT_WRITES:
    case SIM_ACTION_LOSE_NAMES:
    case SIM_ACTION_CLOCK:
        nodes_do(world, action);
        break;
    case SIM_ACTION_PARTITION:
        partition(world, action);
        break;
    case SIM_ACTION_ISOLATE:
        nodes = resolve(world, &action->nodes);
        sim_network_isolate(&world->network, &nodes);
        break;
    case SIM_ACTION_CUT:
    case SIM_ACTION_LINK:
    case SIM_ACTION_HOLD:
    case SIM_ACTION_DROP:
    case SIM_ACTION_RELEASE:
    case SIM_ACTION_RESET:
    case SIM_ACTION_HALF_OPEN:
        links_do(world, action);
        break;
    case SIM_ACTION_PRODUCE:
        sim_workload_produce(world, action);
        break;
    case SIM_ACTION_ELECT:
    case SIM_ACTION_TRANSFER_CONTROLLER:
    case SIM_ACTION_ADD_VOTER:
    case SIM_ACTION_ADD_LEARNER:
    case SIM_ACTION_REMOVE_VOTER:
    case SIM_ACTION_DELETE_TOPIC:
    case SIM_ACTION_ALTER_TOPIC:
    case SIM_ACTION_REASSIGN:
    case SIM_ACTION_DELETE_RECORDS:
        sim_workload_administer(world, action);
        break;
    case SIM_ACTION_CREATE_TOPIC:
        sim_workload_create_topic(world, action);
        break;
    case SIM_ACTION_TRAFFIC:
        sim_workload_traffic(world, action);
        break;
    case SIM_ACTION_NOTE:
    case SIM_ACTION_KINDS:
        break;
    }
}

void sim_world_heal(struct sim_world *world)
{
    struct sim_link_spec *everywhere = &world->network.spec;
    everywhere->loss_ppm = everywhere->duplicate_ppm = everywhere->reorder_ppm = everywhere->corrupt_ppm = 0;
    for (int32_t node = 1; node <= world->processes_count; node++) {
        struct sim_disk *disk = world->processes[node].disk;
        sim_network_heal(world, node);
        sim_process_slow_down(world, node, 0);
        sim_process_limit_memory(world, node, 0);
        if (disk != NULL)
            sim_disk_heal(world, disk, &world->spec->disk);
    }
    for (int32_t node = 1; node <= world->processes_count; node++) {
        sim_process_resume(world, node);
        sim_process_start(world, node);
    }
}

/* ---- for people ---- */

static void print_set(const struct sim_spec *spec, const struct sim_node_set *set, struct isr_text *text)
{
    const char *separator = "";
    char name[SIM_LABEL_BYTES];
    if (sim_node_set_has(set, SIM_NODE_CONTROLLER)) {
        isr_text_format(text, "the active controller");
        separator = ", ";
    }
    for (int32_t node = 1; node <= sim_spec_nodes_count(spec); node++) {
        if (!sim_node_set_has(set, node))
            continue;
        isr_text_format(text, "%s%s", separator, sim_spec_node_name(spec, node, name));
        separator = ", ";
    }
    if (separator[0] == '\0')
        isr_text_format(text, "all nodes");
}

static const char *sentence_end(enum sim_action_kind kind)
{
    static const char *const ends[] = {
        [SIM_ACTION_POWER_OFF] = " lost power",
        [SIM_ACTION_KILL] = " killed",
        [SIM_ACTION_SHUTDOWN] = " asked to stop cleanly",
        [SIM_ACTION_START] = " started",
        [SIM_ACTION_CAMPAIGN] = " goes rogue and stands for election",
        [SIM_ACTION_PAUSE] = " frozen",
        [SIM_ACTION_RESUME] = " goes on",
        [SIM_ACTION_WIPE] = ": the disk is replaced by an empty one",
        [SIM_ACTION_SLOW_CPU] = ": the processor's speed changes",
        [SIM_ACTION_MEMORY] = ": the bound of the memory changes",
        [SIM_ACTION_ISOLATE] = " cut off from everybody",
        [SIM_ACTION_HEAL] = " connected again",
        [SIM_ACTION_DISK] = ": the disk changes",
        [SIM_ACTION_DISK_FAIL] = ": the disk will fail",
        [SIM_ACTION_DISK_FULL] = ": the disk is full",
        [SIM_ACTION_DISK_FREE] = ": the disk has room again",
        [SIM_ACTION_STALL] = ": the disk stands still",
        [SIM_ACTION_UNSTALL] = ": the disk goes on",
        [SIM_ACTION_ROT] = ": the disk rots",
        [SIM_ACTION_LOSE_WRITES] = ": the disk will lose writes",
        [SIM_ACTION_MISDIRECT_WRITES] = ": the disk will write to wrong places",
        [SIM_ACTION_CLOCK] = ": the clock changes",
        [SIM_ACTION_KINDS] = "",
    };
    return ends[kind] != NULL ? ends[kind] : "";
}

static void print_quorum(const struct sim_spec *spec, const struct sim_action *action, struct isr_text *text)
{
    char name[SIM_LABEL_BYTES];
    const char *node = action->node == 0 ? "any voter" : sim_spec_node_name(spec, action->node, name);
    if (action->kind == SIM_ACTION_TRANSFER_CONTROLLER)
        isr_text_format(text, "an administrator asks the controllers to be led by %s", node);
    else if (action->kind == SIM_ACTION_REMOVE_VOTER)
        isr_text_format(text, "an administrator takes %s out of the controllers' quorum", node);
    else
        isr_text_format(text, "an administrator makes %s a %s of the controllers' quorum", node,
                        action->kind == SIM_ACTION_ADD_VOTER ? "voter" : "learner");
    if (action->asked != 0)
        isr_text_format(text, ", and asks %s", sim_spec_node_name(spec, action->asked, name));
}

static const char *links_begin(const struct sim_action *action)
{
    static const char *const begins[] = {
        [SIM_ACTION_CUT] = "link cut: ",
        [SIM_ACTION_LINK] = "link changed: ",
        [SIM_ACTION_HOLD] = "messages held: ",
        [SIM_ACTION_DROP] = "messages dropped: ",
        [SIM_ACTION_RELEASE] = "held messages released: ",
        [SIM_ACTION_RESET] = "connection reset: ",
        [SIM_ACTION_HALF_OPEN] = "connection half open: ",
        [SIM_ACTION_KINDS] = "",
    };
    bool lost = action->kind == SIM_ACTION_RELEASE && action->discard;
    return lost ? "held messages lost: " : begins[action->kind];
}

static void print_links(const struct sim_spec *spec, const struct sim_action *action, struct isr_text *text)
{
    isr_text_format(text, "%s", links_begin(action));
    print_set(spec, &action->from, text);
    isr_text_format(text, action->both_ways ? " <-> " : " -> ");
    print_set(spec, &action->to, text);
}

static void print_settings(const struct sim_action *action, struct isr_text *text)
{
    size_t count;
    const struct isr_topic_setting_info *list = isr_topic_setting_list(&count);
    isr_text_format(text, "an administrator changes topic %s:", action->topic.text);
    for (size_t i = 0; i < count && i < 64; i++) {
        if ((action->settings_given >> i & 1) != 0)
            isr_text_format(text, " %s %ld", list[i].name,
                            isr_topic_setting_get(&action->settings, &list[i]));
    }
}

static void print_reassign(const struct sim_action *action, struct isr_text *text)
{
    if (action->cancel) {
        isr_text_format(text, "an administrator cancels the reassignment of %s-%d", action->topic.text,
                        (int)action->partition);
        return;
    }
    isr_text_format(text, "an administrator moves %s-%d to [", action->topic.text, (int)action->partition);
    for (unsigned i = 0; i < action->replicas.count; i++)
        isr_text_format(text, "%s%d", i > 0 ? ", " : "", action->replicas.ids[i]);
    isr_text_format(text, "]");
}

void sim_action_print(const struct sim_spec *spec, const struct sim_action *action, struct isr_text *text)
{
    switch (action->kind) {
    case SIM_ACTION_PARTITION:
        isr_text_format(text, "network partition: ");
        for (uint32_t i = 0; i < action->groups_count; i++) {
            isr_text_format(text, i == 0 ? "" : " | ");
            print_set(spec, &action->groups[i], text);
        }
        return;
    case SIM_ACTION_CUT:
    case SIM_ACTION_LINK:
    case SIM_ACTION_HOLD:
    case SIM_ACTION_DROP:
    case SIM_ACTION_RELEASE:
    case SIM_ACTION_RESET:
    case SIM_ACTION_HALF_OPEN:
        print_links(spec, action, text);
        return;
    case SIM_ACTION_PRODUCE:
        isr_text_format(text, "%s sends %ld record%s to %s-%d with acks=%s",
                        action->client[0] != '\0' ? action->client : "a client", action->count,
                        action->count == 1 ? "" : "s", action->topic.text, (int)action->partition,
                        action->acks < 0    ? "all"
                        : action->acks == 0 ? "0"
                                            : "1");
        return;
    case SIM_ACTION_ELECT:
        isr_text_format(text, "an administrator asks for %s election of %s-%d",
                        action->elect_kind == 0 ? "a preferred" : "an unclean", action->topic.text,
                        (int)action->partition);
        return;
    case SIM_ACTION_TRANSFER_CONTROLLER:
    case SIM_ACTION_ADD_VOTER:
    case SIM_ACTION_ADD_LEARNER:
    case SIM_ACTION_REMOVE_VOTER:
        print_quorum(spec, action, text);
        return;
    case SIM_ACTION_DELETE_TOPIC:
        isr_text_format(text, "an administrator deletes topic %s", action->topic.text);
        return;
    case SIM_ACTION_CREATE_TOPIC:
        isr_text_format(text, "an administrator makes topic %s anew", action->topic.text);
        return;
    case SIM_ACTION_ALTER_TOPIC:
        print_settings(action, text);
        return;
    case SIM_ACTION_REASSIGN:
        print_reassign(action, text);
        return;
    case SIM_ACTION_DELETE_RECORDS:
        isr_text_format(text, "an administrator has the records of %s-%d deleted", action->topic.text,
                        (int)action->partition);
        if (action->offset < 0)
            isr_text_format(text, " up to the high watermark");
        else
            isr_text_format(text, " below offset %ld", action->offset);
        return;
    case SIM_ACTION_TRAFFIC:
        isr_text_format(text, "%s %s", action->client[0] != '\0' ? action->client : "producers",
                        action->on ? "on" : "at rest");
        return;
    case SIM_ACTION_NOTE:
        isr_text_format(text, "%s", action->text);
        return;
    case SIM_ACTION_POWER_OFF:
    case SIM_ACTION_KILL:
    case SIM_ACTION_SHUTDOWN:
    case SIM_ACTION_START:
    case SIM_ACTION_CAMPAIGN:
    case SIM_ACTION_PAUSE:
    case SIM_ACTION_RESUME:
    case SIM_ACTION_ISOLATE:
    case SIM_ACTION_WIPE:
    case SIM_ACTION_SLOW_CPU:
    case SIM_ACTION_MEMORY:
    case SIM_ACTION_HEAL:
    case SIM_ACTION_DISK:
    case SIM_ACTION_DISK_FAIL:
    case SIM_ACTION_DISK_FULL:
    case SIM_ACTION_DISK_FREE:
    case SIM_ACTION_STALL:
    case SIM_ACTION_UNSTALL:
    case SIM_ACTION_LYING_SYNC:
    case SIM_ACTION_ROT:
    case SIM_ACTION_LOSE_WRITES:
    case SIM_ACTION_MISDIRECT_WRITES:
    case SIM_ACTION_LOSE_NAMES:
    case SIM_ACTION_CLOCK:
    case SIM_ACTION_KINDS:
        break;
    }
    print_set(spec, &action->nodes, text);
    if (action->kind == SIM_ACTION_LYING_SYNC)
        isr_text_format(text,
                        action->on ? ": the disk lies about syncs" : ": the disk is honest about syncs");
    else if (action->kind == SIM_ACTION_LOSE_NAMES)
        isr_text_format(text,
                        action->on ? ": the disk is late with names" : ": the disk is prompt with names");
    else
        isr_text_format(text, "%s", sentence_end(action->kind));
}
