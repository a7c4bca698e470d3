/* Who hears whom in generated scenarios: each is healed at the end of its window. */
#include "faults/steps.h"

static void heal_all(struct fault_call *call)
{
    struct sim_action *heal = fault_undo(call->plan, call->window.until_ns, SIM_ACTION_HEAL);
    for (int32_t node = 1; node <= fault_nodes_count(&call->plan->spec); node++)
        sim_node_set_add(&heal->nodes, node);
}

void fault_emit_cut(struct fault_call *call)
{
    int32_t other = fault_any_node(call->draws, &call->plan->spec);
    bool both_ways = fault_one_in(call->draws, 2);
    if (other == call->node)
        return;
    struct sim_action *action = fault_do(call, call->window.from_ns, SIM_ACTION_CUT);
    sim_node_set_add(&action->from, call->node);
    sim_node_set_add(&action->to, other);
    action->both_ways = both_ways;
    fault_undo_to(call->plan, call->window.until_ns, SIM_ACTION_HEAL, call->node);
}

void fault_emit_halves(struct fault_call *call)
{
    struct sim_action *action = fault_do(call, call->window.from_ns, SIM_ACTION_PARTITION);
    action->groups_count = 2;
    /* Nobody is on a side of his own only by chance: node 1 is alone then. */
    int32_t sides[2] = {0}, nodes = fault_nodes_count(&call->plan->spec);
    for (int32_t node = nodes; node >= 1; node--) {
        int64_t side = fault_between(call->draws, 0, 1);
        if (node == 1 && sides[side] == nodes - 1)
            side = 1 - side;
        sides[side]++;
        sim_node_set_add(&action->groups[side], node);
    }
    heal_all(call);
}

void fault_emit_isolate(struct fault_call *call)
{
    fault_do_to(call, call->window.from_ns, SIM_ACTION_ISOLATE, call->node);
    fault_undo_to(call->plan, call->window.until_ns, SIM_ACTION_HEAL, call->node);
}

/* Controllers and brokers are dealt out by turns, so that each group has about half of both. */
void fault_emit_bridge(struct fault_call *call)
{
    uint32_t turn = (uint32_t)fault_between(call->draws, 0, 1);
    if (fault_nodes_count(&call->plan->spec) < 3)
        return;
    struct sim_action *action = fault_do(call, call->window.from_ns, SIM_ACTION_PARTITION);
    action->groups_count = 2;
    for (int32_t node = 1; node <= fault_nodes_count(&call->plan->spec); node++) {
        if (node != call->node)
            sim_node_set_add(&action->groups[turn++ % 2], node);
    }
    heal_all(call);
}

void fault_emit_ring(struct fault_call *call)
{
    int32_t count = fault_nodes_count(&call->plan->spec);
    for (int32_t node = 1; node <= count && count > 3; node++) {
        struct sim_action *action = fault_do(call, call->window.from_ns, SIM_ACTION_CUT);
        sim_node_set_add(&action->from, node);
        for (int32_t other = 1; other <= count; other++) {
            int32_t apart = (other - node + count) % count;
            if (apart > 1 && apart < count - 1)
                sim_node_set_add(&action->to, other);
        }
    }
    heal_all(call);
}

/* A broker and whoever of the others it loses. */
static void lose(struct fault_call *call, bool controllers)
{
    const struct sim_spec *spec = &call->plan->spec;
    struct sim_node_set others = {0};
    bool any = false;
    for (int32_t node = 1; node <= fault_nodes_count(spec); node++) {
        if (node == call->broker || sim_spec_is_controller(spec, node) != controllers)
            continue;
        sim_node_set_add(&others, node);
        any = true;
    }
    if (!any)
        return;
    struct sim_action *action = fault_do(call, call->window.from_ns, SIM_ACTION_CUT);
    sim_node_set_add(&action->from, call->broker);
    action->to = others;
    action->both_ways = true;
    fault_undo_to(call->plan, call->window.until_ns, SIM_ACTION_HEAL, call->broker);
}

void fault_emit_control_cut(struct fault_call *call)
{
    lose(call, true);
}

void fault_emit_data_cut(struct fault_call *call)
{
    lose(call, false);
}

void fault_emit_flapping(struct fault_call *call)
{
    int64_t cuts = fault_parameter(call->draws, FAULT_PARAMETER_FLAPPING_CUTS);
    int64_t half_ns = (call->window.until_ns - call->window.from_ns) / (2 * cuts);
    for (int64_t i = 0; i < cuts; i++) {
        int64_t from_ns = call->window.from_ns + 2 * i * half_ns;
        fault_do_to(call, from_ns, SIM_ACTION_ISOLATE, call->node);
        fault_undo_to(call->plan, from_ns + half_ns, SIM_ACTION_HEAL, call->node);
    }
}
