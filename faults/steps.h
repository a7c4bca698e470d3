/* Writing the steps of a generated scenario, each at a time. */
#ifndef FAULT_STEPS_H
#define FAULT_STEPS_H

#include "faults/draws.h"
#include "faults/generate.h"

struct window {
    int64_t from_ns, until_ns;
};

/* Brokers and controllers. */
static inline int32_t fault_nodes_count(const struct sim_spec *spec)
{
    return spec->brokers + sim_spec_own_controllers(spec);
}

static inline int32_t fault_any_node(struct fault_draws *draws, const struct sim_spec *spec)
{
    return (int32_t)fault_between(draws, 1, fault_nodes_count(spec));
}

static inline struct sim_step *step_at(struct fault_plan *plan, int64_t time_ns, enum sim_action_kind kind)
{
    if (plan->spec.steps_count == FAULT_STEPS_MAX)
        return NULL;
    struct sim_step *step = &plan->steps[plan->spec.steps_count++];
    *step = (struct sim_step){.gate = SIM_GATE_AT, .time_ns = time_ns, .at_latest_ns = ISR_TIME_NEVER};
    step->action.kind = kind;
    step->action.partition = -1;
    return step;
}

static inline void step_on(struct fault_plan *plan, int64_t time_ns, enum sim_action_kind kind, int32_t node)
{
    struct sim_step *step = step_at(plan, time_ns, kind);
    if (step != NULL)
        sim_node_set_add(&step->action.nodes, node);
}

#endif
