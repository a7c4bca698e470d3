/* What generated scenarios do to links and connections. */
#include "core/wire/message.h"
#include "faults/steps.h"

/* A pair, drawn; false: it is no pair. */
struct pair {
    int32_t from, to;
    bool both_ways;
};

static bool draw_pair(struct fault_call *call, struct pair *pair)
{
    *pair = (struct pair){.from = call->node,
                          .to = fault_any_node(call->draws, &call->plan->spec),
                          .both_ways = fault_one_in(call->draws, 2)};
    return pair->from != pair->to;
}

static void between(struct sim_action *action, const struct pair *pair)
{
    sim_node_set_add(&action->from, pair->from);
    sim_node_set_add(&action->to, pair->to);
    action->both_ways = pair->both_ways;
}

/* What a link becomes until the window ends; fields: the members that are meant. */
static void change_link(struct fault_call *call, unsigned fields, struct sim_link_spec link)
{
    struct pair pair;
    if (!draw_pair(call, &pair))
        return;
    fault_undo_to(call->plan, call->window.until_ns, SIM_ACTION_HEAL, pair.from);
    struct sim_action *action = fault_do(call, call->window.from_ns, SIM_ACTION_LINK);
    between(action, &pair);
    action->link_fields = fields;
    action->link = link;
}

void fault_emit_slow_link(struct fault_call *call)
{
    int64_t slow_ns = fault_parameter(call->draws, FAULT_PARAMETER_SLOW_LINK_LATENCY);
    change_link(call, SIM_LINK_LATENCY,
                (struct sim_link_spec){.latency = {slow_ns, slow_ns, slow_ns + slow_ns / 2, slow_ns * 2}});
}

static uint32_t draw_ppm(struct fault_call *call)
{
    return (uint32_t)fault_parameter(call->draws, FAULT_PARAMETER_LINK_PROBABILITY);
}

void fault_emit_lossy_link(struct fault_call *call)
{
    change_link(call, SIM_LINK_LOSS, (struct sim_link_spec){.loss_ppm = draw_ppm(call)});
}

void fault_emit_doubling_link(struct fault_call *call)
{
    change_link(call, SIM_LINK_DUPLICATE, (struct sim_link_spec){.duplicate_ppm = draw_ppm(call)});
}

void fault_emit_reordering_link(struct fault_call *call)
{
    change_link(call, SIM_LINK_REORDER, (struct sim_link_spec){.reorder_ppm = draw_ppm(call)});
}

void fault_emit_corrupt_link(struct fault_call *call)
{
    change_link(call, SIM_LINK_CORRUPT, (struct sim_link_spec){.corrupt_ppm = draw_ppm(call)});
}

void fault_emit_narrow_link(struct fault_call *call)
{
    int64_t bandwidth = fault_parameter(call->draws, FAULT_PARAMETER_NARROW_BANDWIDTH);
    int64_t queue = fault_parameter(call->draws, FAULT_PARAMETER_NARROW_QUEUE);
    change_link(call, SIM_LINK_BANDWIDTH | SIM_LINK_QUEUE,
                (struct sim_link_spec){.bandwidth_bytes = bandwidth, .queue_bytes = queue});
}

/* Everything, a group, or a single kind. */
static struct sim_message_set draw_messages(struct fault_call *call)
{
    struct sim_message_set messages = {0};
    int64_t what = fault_between(call->draws, 0, 2);
    enum isr_message_group group = (enum isr_message_group)fault_between(call->draws, 0, ISR_GROUP_DATA);
    unsigned one = (unsigned)fault_between(call->draws, 0, ISR_MESSAGE_KINDS - 1);
    for (unsigned kind = 0; kind < ISR_MESSAGE_KINDS; kind++) {
        if ((what == 1 && isr_message_group((enum isr_message_kind)kind) == group) ||
            (what == 2 && kind == one))
            sim_message_set_add(&messages, kind);
    }
    return messages;
}

void fault_emit_hold(struct fault_call *call)
{
    struct pair pair;
    bool lose = fault_one_in(call->draws, 3), all = fault_one_in(call->draws, 2);
    int64_t count = fault_parameter(call->draws, FAULT_PARAMETER_HELD_MESSAGES);
    struct sim_message_set messages = draw_messages(call);
    if (!draw_pair(call, &pair))
        return;
    struct sim_action *action = fault_do(call, call->window.from_ns, SIM_ACTION_HOLD);
    between(action, &pair);
    action->messages = messages;
    action->count = all ? 0 : count;
    action = fault_undo(call->plan, call->window.until_ns, SIM_ACTION_RELEASE);
    between(action, &pair);
    action->discard = lose;
}

void fault_emit_drop(struct fault_call *call)
{
    struct pair pair;
    int64_t count = fault_parameter(call->draws, FAULT_PARAMETER_DROPPED_MESSAGES);
    struct sim_message_set messages = draw_messages(call);
    if (!draw_pair(call, &pair))
        return;
    struct sim_action *action = fault_do(call, call->window.from_ns, SIM_ACTION_DROP);
    between(action, &pair);
    action->messages = messages;
    action->count = count;
}

static void break_connection(struct fault_call *call, enum sim_action_kind kind)
{
    struct pair pair;
    if (!draw_pair(call, &pair) || !call->plan->spec.network.connections)
        return;
    struct sim_action *action = fault_do(call, call->window.from_ns, kind);
    between(action, &pair);
    action->both_ways = pair.both_ways && kind == SIM_ACTION_HALF_OPEN;
}

void fault_emit_reset(struct fault_call *call)
{
    break_connection(call, SIM_ACTION_RESET);
}

void fault_emit_half_open(struct fault_call *call)
{
    break_connection(call, SIM_ACTION_HALF_OPEN);
}
