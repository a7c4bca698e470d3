/* What an administrator asks for in generated scenarios, and what becomes of the controllers' quorum. */
#include "faults/retention.h"
#include "faults/steps.h"

/* ---- topics and partitions ---- */

static struct sim_action *of_topic(struct sim_action *action, const struct sim_topic_spec *topic)
{
    action->topic = topic->name;
    action->settings = topic->settings;
    return action;
}

/* To as many replicas as before, in the order of the brokers from any of them on. */
void fault_emit_reassign(struct fault_call *call)
{
    const struct sim_spec *spec = &call->plan->spec;
    const struct sim_topic_spec *topic = fault_any_topic(call);
    int32_t partition = (int32_t)fault_between(call->draws, 0, topic->partitions - 1);
    int32_t first = (int32_t)fault_between(call->draws, 0, spec->brokers - 1);
    bool cancels = fault_one_in(call->draws, 3);
    if (spec->peer.count > 0)
        return;
    struct sim_action *action = of_topic(fault_do(call, call->window.from_ns, SIM_ACTION_REASSIGN), topic);
    action->partition = partition;
    for (int32_t i = 0; i < topic->replication_factor; i++)
        isr_replicas_add(&action->replicas, 1 + (first + i) % spec->brokers);
    if (!cancels)
        return;
    action = of_topic(fault_undo(call->plan, call->window.until_ns, SIM_ACTION_REASSIGN), topic);
    action->partition = partition;
    action->cancel = true;
}

/* Where the commit policy does not go by min ISR, more than one is refused. */
static void set_min_isr(struct sim_action *action, const struct sim_topic_spec *topic, int64_t min_isr)
{
    of_topic(action, topic);
    action->settings.min_isr = min_isr;
    action->settings_given = 1; /* min_isr, the first of the list */
}

void fault_emit_min_isr(struct fault_call *call)
{
    const struct sim_topic_spec *topic = fault_any_topic(call);
    int64_t min_isr = fault_between(call->draws, 1, topic->replication_factor);
    bool for_good = fault_one_in(call->draws, 3);
    if (call->plan->spec.peer.count > 0)
        return;
    set_min_isr(fault_do(call, call->window.from_ns, SIM_ACTION_ALTER_TOPIC), topic, min_isr);
    if (!for_good)
        set_min_isr(fault_undo(call->plan, call->window.until_ns, SIM_ACTION_ALTER_TOPIC), topic,
                    topic->settings.min_isr);
}

/* Where nobody hears the administrator for long, the last of two deletions may come behind both makings. */
void fault_emit_recreate(struct fault_call *call)
{
    const struct sim_topic_spec *topic = fault_any_topic(call);
    if (call->plan->spec.peer.count > 0 || !fault_afford(call, ISR_NODE_NONE))
        return;
    of_topic(fault_do(call, call->window.from_ns, SIM_ACTION_DELETE_TOPIC), topic);
    of_topic(fault_undo(call->plan, call->window.until_ns, SIM_ACTION_CREATE_TOPIC), topic);
}

static struct sim_action *of_any_partition(struct fault_call *call, enum sim_action_kind kind)
{
    const struct sim_topic_spec *topic = fault_any_topic(call);
    struct sim_action *action = fault_do(call, call->window.from_ns, kind);
    action->topic = topic->name;
    action->partition = (int32_t)fault_between(call->draws, 0, topic->partitions - 1);
    return action;
}

void fault_emit_delete_records(struct fault_call *call)
{
    struct sim_action *action = of_any_partition(call, SIM_ACTION_DELETE_RECORDS);
    int64_t offset = fault_parameter(call->draws, FAULT_PARAMETER_DELETED_TO);
    action->offset = fault_one_in(call->draws, 2) ? -1 : offset;
}

void fault_emit_elect(struct fault_call *call)
{
    if (call->plan->spec.peer.count == 0)
        (void)of_any_partition(call, SIM_ACTION_ELECT);
}

void fault_emit_unclean_elect(struct fault_call *call)
{
    if (call->plan->spec.peer.count == 0 && fault_afford(call, ISR_NODE_NONE))
        of_any_partition(call, SIM_ACTION_ELECT)->elect_kind = 1;
}

void fault_emit_campaign(struct fault_call *call)
{
    if (call->plan->spec.peer.count > 0)
        fault_do_to(call, call->window.from_ns, SIM_ACTION_CAMPAIGN, call->node);
}

/* ---- the controllers' quorum ---- */

static bool has_quorum(const struct fault_call *call)
{
    return call->plan->spec.controllers > 1;
}

void fault_emit_kill_controller(struct fault_call *call)
{
    if (call->plan->spec.controllers == 0)
        return;
    fault_do_to(call, call->window.from_ns, SIM_ACTION_KILL, SIM_NODE_CONTROLLER);
    fault_add_controllers(&call->plan->spec,
                          &fault_undo(call->plan, call->window.until_ns, SIM_ACTION_START)->nodes,
                          ISR_NODE_NONE);
}

/* It goes on to answer brokers until it notices that it leads nobody. */
void fault_emit_cut_controller(struct fault_call *call)
{
    if (!has_quorum(call))
        return;
    struct sim_action *action = fault_do(call, call->window.from_ns, SIM_ACTION_CUT);
    sim_node_set_add(&action->from, SIM_NODE_CONTROLLER);
    fault_add_controllers(&call->plan->spec, &action->to, ISR_NODE_NONE);
    action->both_ways = true;
    fault_add_controllers(&call->plan->spec,
                          &fault_undo(call->plan, call->window.until_ns, SIM_ACTION_HEAL)->nodes,
                          ISR_NODE_NONE);
}

/* A controller that votes at first; 0 now and then: whichever. */
static int32_t any_voter(struct fault_call *call)
{
    const struct sim_spec *spec = &call->plan->spec;
    int32_t number = (int32_t)fault_between(call->draws, 0, spec->controllers);
    return number == 0 || spec->combined ? number : spec->brokers + number;
}

void fault_emit_transfer(struct fault_call *call)
{
    if (call->plan->spec.controllers == 0)
        return;
    int32_t voter = any_voter(call);
    fault_do(call, call->window.from_ns, SIM_ACTION_TRANSFER_CONTROLLER)->node = voter;
}

/* Who stands by comes in, perhaps as a learner first; then it leaves, or a voter leaves that it makes up for.
 * Each that stands by makes up for one: of the first voters' number a majority is needed at most. */
void fault_emit_members(struct fault_call *call)
{
    const struct sim_spec *spec = &call->plan->spec;
    if (spec->standby_controllers == 0)
        return;
    int32_t first = sim_spec_first_client(spec) - spec->standby_controllers;
    int32_t node = first + (int32_t)fault_between(call->draws, 0, spec->standby_controllers - 1);
    int32_t voter = any_voter(call);
    bool learns = fault_one_in(call->draws, 3);
    bool replaces = fault_one_in(call->draws, 2) && voter != 0 && fault_afford(call, voter);
    if (learns)
        fault_do(call, call->window.from_ns, SIM_ACTION_ADD_LEARNER)->node = node;
    fault_do(call, call->window.from_ns + learns, SIM_ACTION_ADD_VOTER)->node = node;
    fault_undo(call->plan, call->window.until_ns, SIM_ACTION_REMOVE_VOTER)->node = replaces ? voter : node;
}
