#include "faults/links.h"

#include "core/wire/message.h"

/* A fault and its undoing concern the pair (from, to), both drawn. */
void fault_link(struct fault_plan *plan, struct fault_draws *draws, struct window window,
                enum fault_kind kind)
{
    int32_t from = fault_any_node(draws, &plan->spec);
    int32_t to = fault_any_node(draws, &plan->spec);
    bool both_ways = fault_one_in(draws, 2);
    int64_t slow_ns = fault_between(draws, 20, 1500) * ISR_MS;
    uint32_t ppm = (uint32_t)fault_between(draws, 10000, 300000);
    if (from == to)
        return;
    struct sim_step *step =
        step_at(plan, window.from_ns, kind == FAULT_CUT ? SIM_ACTION_CUT : SIM_ACTION_LINK);
    if (step == NULL)
        return;
    struct sim_action *action = &step->action;
    sim_node_set_add(&action->from, from);
    sim_node_set_add(&action->to, to);
    action->both_ways = both_ways;
    if (kind == FAULT_CORRUPT_LINK) {
        action->link_fields = SIM_LINK_CORRUPT;
        action->link.corrupt_ppm = ppm;
    } else if (kind == FAULT_NARROW_LINK) {
        action->link_fields = SIM_LINK_BANDWIDTH | SIM_LINK_QUEUE;
        action->link.bandwidth_bytes = fault_between(draws, 512, 32768);
        action->link.queue_bytes = fault_between(draws, 1, 16) * 1024;
    } else if (kind == FAULT_SLOW_LINK) {
        action->link_fields = SIM_LINK_LATENCY;
        action->link.latency =
            (struct sim_distribution){slow_ns, slow_ns, slow_ns + slow_ns / 2, slow_ns * 2};
    } else if (kind == FAULT_LOSSY_LINK) {
        action->link_fields = SIM_LINK_LOSS | SIM_LINK_DUPLICATE | SIM_LINK_REORDER;
        action->link.loss_ppm = action->link.duplicate_ppm = action->link.reorder_ppm = ppm;
    }
    step_on(plan, window.until_ns, SIM_ACTION_HEAL, from);
}

static struct sim_message_set messages_of(enum isr_message_group group)
{
    struct sim_message_set messages = {0};
    for (unsigned kind = 0; kind < ISR_MESSAGE_KINDS; kind++) {
        if (isr_message_group((enum isr_message_kind)kind) == group)
            sim_message_set_add(&messages, kind);
    }
    return messages;
}

static void between(struct sim_step *step, int32_t from, int32_t to, bool both_ways)
{
    if (step == NULL)
        return;
    sim_node_set_add(&step->action.from, from);
    sim_node_set_add(&step->action.to, to);
    step->action.both_ways = both_ways;
}

/* Everything, a group, or a single kind; without end, or the next few. */
void fault_hold(struct fault_plan *plan, struct fault_draws *draws, struct window window)
{
    int32_t from = fault_any_node(draws, &plan->spec), to = fault_any_node(draws, &plan->spec);
    bool both_ways = fault_one_in(draws, 2), lose = fault_one_in(draws, 3);
    struct sim_message_set all = {0}, kind = {0};
    struct sim_message_set group =
        messages_of((enum isr_message_group)fault_between(draws, 0, ISR_GROUP_DATA));
    sim_message_set_add(&kind, (unsigned)fault_between(draws, 0, ISR_MESSAGE_KINDS - 1));
    int64_t what = fault_between(draws, 0, 2);
    int64_t count = fault_one_in(draws, 2) ? fault_between(draws, 1, 20) : 0;
    struct sim_step *hold =
        step_at(plan, window.from_ns, lose && count > 0 ? SIM_ACTION_DROP : SIM_ACTION_HOLD);
    between(hold, from, to, both_ways);
    struct sim_step *release = step_at(plan, window.until_ns, SIM_ACTION_RELEASE);
    between(release, from, to, both_ways);
    if (hold == NULL || release == NULL)
        return;
    hold->action.messages = what == 0 ? all : what == 1 ? group : kind;
    hold->action.count = count;
    release->action.discard = lose;
}

void fault_break(struct fault_plan *plan, struct fault_draws *draws, struct window window)
{
    int32_t from = fault_any_node(draws, &plan->spec), to = fault_any_node(draws, &plan->spec);
    bool half = fault_one_in(draws, 2), both_ways = fault_one_in(draws, 3);
    if (plan->spec.network.connections)
        between(step_at(plan, window.from_ns, half ? SIM_ACTION_HALF_OPEN : SIM_ACTION_RESET), from, to,
                half && both_ways);
}

void fault_partition(struct fault_plan *plan, struct fault_draws *draws, struct window window)
{
    struct sim_step *step = step_at(plan, window.from_ns, SIM_ACTION_PARTITION);
    if (step == NULL)
        return;
    step->action.groups_count = 2;
    /* Nobody is on a side of his own only by chance: node 1 is alone then. */
    int32_t sides[2] = {0}, nodes = fault_nodes_count(&plan->spec);
    for (int32_t node = nodes; node >= 1; node--) {
        int64_t side = fault_between(draws, 0, 1);
        if (node == 1 && sides[side] == nodes - 1)
            side = 1 - side;
        sides[side]++;
        sim_node_set_add(&step->action.groups[side], node);
    }
    struct sim_step *heal = step_at(plan, window.until_ns, SIM_ACTION_HEAL);
    for (int32_t node = 1; heal != NULL && node <= fault_nodes_count(&plan->spec); node++)
        sim_node_set_add(&heal->action.nodes, node);
}
