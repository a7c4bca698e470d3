/* Writing the steps of a generated scenario, each at a time. */
#ifndef FAULT_STEPS_H
#define FAULT_STEPS_H

#include "faults/budget.h"
#include "faults/draws.h"
#include "faults/generate.h"

struct window {
    int64_t from_ns, until_ns;
};

/* One fault that is to be written down. */
struct fault_call {
    struct fault_plan *plan;
    struct fault_draws *draws;
    struct fault_budget *left;
    enum fault_kind kind;
    struct window window;
    int32_t node;   /* any broker or controller */
    int32_t broker; /* any broker, or voter where consensus is alone */
};

/* One function a kind: writes its steps, or none where it does not apply to the cluster or nothing of its
 * budget is left. */
#define X(NAME, name, weight, BUDGET, counter, undone, scenario, meaning) \
    void fault_emit_##name(struct fault_call *call);
#include "faults/kinds.def"
#undef X

/* The budget of the call's kind, for a fault of that node. */
static inline bool fault_afford(struct fault_call *call, int32_t node)
{
    return fault_budget_take(call->left, call->plan, fault_kind_info(call->kind)->budget, node);
}

/* The key of the draws for the which-th fault of a plan: its own, or that of the last turn before. */
static inline uint64_t fault_turned_key(const struct fault_plan *plan, uint32_t which, uint64_t key)
{
    for (uint32_t i = 0; i < plan->turns_count && plan->turns[i].after <= which; i++)
        key = isr_hash_combine(plan->turns[i].seed, plan->turns[i].after);
    return key;
}

/* Brokers and controllers. */
static inline int32_t fault_nodes_count(const struct sim_spec *spec)
{
    return spec->brokers + sim_spec_own_controllers(spec);
}

static inline int32_t fault_any_node(struct fault_draws *draws, const struct sim_spec *spec)
{
    return (int32_t)fault_between(draws, 1, fault_nodes_count(spec));
}

static inline int32_t fault_any_broker(struct fault_draws *draws, const struct sim_spec *spec)
{
    return sim_spec_is_alone(spec) ? fault_any_node(draws, spec)
                                   : (int32_t)fault_between(draws, 1, spec->brokers);
}

static inline const struct sim_topic_spec *fault_any_topic(struct fault_call *call)
{
    return &call->plan->topics[fault_between(call->draws, 0, call->plan->spec.topics_count - 1)];
}

/* The controllers that vote at first, but for one node. */
static inline void fault_add_controllers(const struct sim_spec *spec, struct sim_node_set *set,
                                         int32_t except)
{
    for (int32_t node = 1; node <= fault_nodes_count(spec); node++) {
        if (node != except && sim_spec_is_first_voter(spec, node))
            sim_node_set_add(set, node);
    }
}

/* Brokers and controllers, but for one node. */
static inline void fault_add_nodes(const struct sim_spec *spec, struct sim_node_set *set, int32_t except)
{
    for (int32_t node = 1; node <= fault_nodes_count(spec); node++) {
        if (node != except)
            sim_node_set_add(set, node);
    }
}

/* A step that undoes something, or prepares it. Where there is no room for it, it is one that is forgotten.
 */
static inline struct sim_action *fault_undo(struct fault_plan *plan, int64_t time_ns,
                                            enum sim_action_kind kind)
{
    struct sim_step *step =
        &plan->steps[plan->spec.steps_count < FAULT_STEPS_MAX ? plan->spec.steps_count++ : FAULT_STEPS_MAX];
    *step = (struct sim_step){.gate = SIM_GATE_AT, .time_ns = time_ns, .at_latest_ns = ISR_TIME_NEVER};
    step->action.kind = kind;
    step->action.partition = -1;
    return &step->action;
}

/* A step that is the fault, or a part of it: it is told whether it bit. */
static inline struct sim_action *fault_do(struct fault_call *call, int64_t time_ns, enum sim_action_kind kind)
{
    struct fault_plan *plan = call->plan;
    uint32_t place = plan->spec.steps_count;
    struct sim_action *action = fault_undo(plan, time_ns, kind);
    plan->steps[place < FAULT_STEPS_MAX ? place : FAULT_STEPS_MAX].mark =
        fault_mark(call->kind, plan->faults_count);
    return action;
}

/* The same to one node. */
static inline struct sim_action *fault_do_to(struct fault_call *call, int64_t time_ns,
                                             enum sim_action_kind kind, int32_t node)
{
    struct sim_action *action = fault_do(call, time_ns, kind);
    sim_node_set_add(&action->nodes, node);
    return action;
}

static inline struct sim_action *fault_undo_to(struct fault_plan *plan, int64_t time_ns,
                                               enum sim_action_kind kind, int32_t node)
{
    struct sim_action *action = fault_undo(plan, time_ns, kind);
    sim_node_set_add(&action->nodes, node);
    return action;
}

#endif
