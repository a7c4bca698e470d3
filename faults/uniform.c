#include "faults/uniform.h"

#include "faults/steps.h"

static struct fault_draws draws_for(uint64_t key, uint64_t which)
{
    return (struct fault_draws){.key = isr_hash_combine(key, which)};
}

static enum fault_kind draw_kind(struct fault_draws *draws, uint64_t kinds)
{
    uint32_t total = 0;
    for (uint32_t kind = 0; kind < FAULT_KINDS; kind++)
        total += (kinds >> kind) & 1 ? fault_kind_info((enum fault_kind)kind)->weight : 0;
    int64_t left = fault_between(draws, 0, (int64_t)total - 1);
    for (uint32_t kind = 0; kind < FAULT_KINDS; kind++) {
        left -= (kinds >> kind) & 1 ? fault_kind_info((enum fault_kind)kind)->weight : 0;
        if (left < 0)
            return (enum fault_kind)kind;
    }
    return FAULT_KILL;
}

static void emit(struct fault_call *call)
{
    switch (call->kind) {
#define X(NAME, name, weight, BUDGET, counter, undone, scenario, meaning) \
    case FAULT_##NAME:                                                    \
        fault_emit_##name(call);                                          \
        break;
#include "faults/kinds.def"
#undef X
    case FAULT_KINDS:
        break;
    }
    call->plan->faults_count++;
}

/* Steps run in their order: by time, the earlier made first. */
static void sort_steps(struct fault_plan *plan)
{
    for (uint32_t i = 1; i < plan->spec.steps_count; i++) {
        struct sim_step step = plan->steps[i];
        uint32_t place = i;
        for (; place > 0 && plan->steps[place - 1].time_ns > step.time_ns; place--)
            plan->steps[place] = plan->steps[place - 1];
        plan->steps[place] = step;
    }
}

void fault_uniform(struct fault_plan *plan, uint64_t key)
{
    int64_t end_ns = plan->spec.duration_ns - plan->spec.settle_ns - ISR_SECOND;
    struct fault_budget left = fault_budget_of(plan);
    struct fault_draws counts = draws_for(key, UINT32_MAX);
    int64_t faults = fault_between(&counts, 2, 16);
    for (int64_t i = 0; i < faults; i++) {
        struct fault_draws draws = draws_for(fault_turned_key(plan, (uint32_t)i, key), (uint64_t)i);
        enum fault_kind kind = draw_kind(&draws, plan->kinds);
        int64_t from_ns = fault_between(&draws, 3 * ISR_SECOND / ISR_MS, end_ns / ISR_MS) * ISR_MS;
        bool brief = fault_one_in(&draws, 2);
        int64_t length_ns =
            fault_parameter(&draws, brief ? FAULT_PARAMETER_BRIEF_TIME : FAULT_PARAMETER_LONG_TIME);
        int64_t until_ns = from_ns + length_ns < end_ns ? from_ns + length_ns : end_ns;
        struct fault_call call = {.plan = plan,
                                  .draws = &draws,
                                  .left = &left,
                                  .kind = kind,
                                  .window = {from_ns, until_ns},
                                  .node = fault_any_node(&draws, &plan->spec),
                                  .broker = fault_any_broker(&draws, &plan->spec)};
        if (until_ns > from_ns)
            emit(&call);
    }
    sort_steps(plan);
}
