#include "faults/chase_steps.h"

#include <string.h>

struct chase chase_begin(struct fault_plan *plan, struct fault_draws *draws, int64_t time_ns)
{
    plan->spec.steps_may_remain = true;
    return (struct chase){.plan = plan,
                          .draws = draws,
                          .left = fault_budget_of(plan),
                          .gate = {.gate = SIM_GATE_AT, .time_ns = time_ns, .at_latest_ns = ISR_TIME_NEVER}};
}

/* ---- steps ---- */

struct sim_step *chase_step(struct chase *chase, enum sim_action_kind kind)
{
    struct fault_plan *plan = chase->plan;
    if (plan->spec.steps_count == FAULT_STEPS_MAX)
        return NULL;
    struct sim_step *step = &plan->steps[plan->spec.steps_count++];
    *step = chase->gate;
    step->action = (struct sim_action){.kind = kind, .partition = -1};
    chase->gate = (struct sim_step){.gate = SIM_GATE_NONE, .at_latest_ns = ISR_TIME_NEVER};
    return step;
}

struct sim_step *chase_fault(struct chase *chase, struct sim_step *step, enum fault_kind kind)
{
    if (step != NULL)
        step->mark = fault_mark(kind, chase->plan->faults_count++);
    return step;
}

struct sim_step *chase_step_on(struct chase *chase, enum sim_action_kind kind, int32_t node)
{
    struct sim_step *step = chase_step(chase, kind);
    if (step != NULL)
        sim_node_set_add(&step->action.nodes, node);
    return step;
}

void chase_cut(struct chase *chase, enum fault_kind kind, int32_t from, int32_t to, bool both_ways)
{
    struct sim_step *step = chase_fault(chase, chase_step(chase, SIM_ACTION_CUT), kind);
    if (step == NULL)
        return;
    sim_node_set_add(&step->action.from, from);
    sim_node_set_add(&step->action.to, to);
    step->action.both_ways = both_ways;
}

struct sim_step *chase_separate(struct chase *chase, int32_t node)
{
    struct sim_step *step = chase_step(chase, SIM_ACTION_PARTITION);
    if (step == NULL)
        return NULL;
    step->action.groups_count = 2;
    sim_node_set_add(&step->action.groups[0], node);
    fault_add_nodes(&chase->plan->spec, &step->action.groups[1], node);
    return step;
}

void chase_flurry(struct chase *chase)
{
    const struct sim_spec *spec = &chase->plan->spec;
    int32_t first = spec->combined ? 1 : spec->brokers + 1;
    if (spec->controllers == 1 || !chase_may(chase, FAULT_RESTART_STORM))
        return;
    for (int64_t i = fault_between(chase->draws, 3, 8); i > 0; i--) {
        int32_t node = first + (int32_t)fault_between(chase->draws, 0, spec->controllers - 1);
        (void)chase_fault(chase,
                          chase_step_on(chase, SIM_ACTION_KILL, i % 3 == 0 ? SIM_NODE_CONTROLLER : node),
                          FAULT_RESTART_STORM);
        chase_wait(chase, fault_between(chase->draws, 0, 30) * ISR_MS);
        struct sim_step *step = chase_step(chase, SIM_ACTION_START);
        if (step != NULL)
            fault_add_controllers(spec, &step->action.nodes, SIM_NODE_CONTROLLER);
        chase_wait(chase, fault_between(chase->draws, 0, 200) * ISR_MS);
    }
}

/* ---- gates ---- */

/* A gate that is not used yet gets a step that does nothing. */
static void gate_use(struct chase *chase)
{
    if (chase->gate.gate != SIM_GATE_NONE)
        (void)chase_step(chase, SIM_ACTION_NOTE);
}

void chase_wait(struct chase *chase, int64_t ns)
{
    gate_use(chase);
    chase->gate = (struct sim_step){.gate = SIM_GATE_WAIT, .time_ns = ns, .at_latest_ns = ISR_TIME_NEVER};
}

void chase_wait_until(struct chase *chase, enum sim_gate_kind gate, enum sim_condition_kind kind,
                      int32_t node, bool is, int64_t at_latest_ns)
{
    gate_use(chase);
    chase->gate = (struct sim_step){.gate = gate, .at_latest_ns = at_latest_ns};
    chase->gate.condition = (struct sim_condition){.kind = kind,
                                                   .partition = chase->partition,
                                                   .node = node,
                                                   .comparison = is ? SIM_EQUAL : SIM_NOT_EQUAL};
    if (chase->topic != NULL)
        chase->gate.condition.topic = chase->topic->name;
}

/* ---- who was struck ---- */

bool chase_is_struck(const struct chase *chase, int32_t node)
{
    for (uint32_t i = 0; i < chase->struck_count; i++) {
        if (chase->struck[i].node == node)
            return true;
    }
    return false;
}

void chase_struck_add(struct chase *chase, int32_t node, enum sim_action_kind undo)
{
    chase->struck[chase->struck_count++] = (struct chase_struck){.node = node, .undo = undo};
}

void chase_undo(struct chase *chase, uint32_t which)
{
    struct chase_struck struck = chase->struck[which];
    memmove(&chase->struck[which], &chase->struck[which + 1],
            (chase->struck_count - which - 1) * sizeof chase->struck[0]);
    chase->struck_count--;
    struct sim_step *step = chase_step(chase, struck.undo);
    if (step == NULL)
        return;
    if (struck.node != SIM_NODE_CONTROLLER)
        sim_node_set_add(&step->action.nodes, struck.node);
    else
        fault_add_controllers(&chase->plan->spec, &step->action.nodes, SIM_NODE_CONTROLLER);
}

/* ---- on and on ---- */

void chase_go_on(struct chase *chase, void (*move)(struct chase *chase))
{
    struct fault_plan *plan = chase->plan;
    for (uint32_t moves = 0; plan->spec.steps_count < FAULT_STEPS_MAX; moves++) {
        uint64_t key = fault_turned_key(plan, moves, chase->draws->key);
        if (key != chase->draws->key)
            *chase->draws = (struct fault_draws){.key = key};
        move(chase);
    }
}
