#include "faults/budget.h"

#include "faults/group.h"
#include "faults/policies.h"

/* Disks that may be lost with what was synced, or with all that was not. */
static int64_t disks_of(const struct fault_plan *plan)
{
    return plan->spec.peer.count > 0 ? fault_group_power_budget(plan) : fault_policies_budget(&plan->spec);
}

struct fault_budget fault_budget_of(const struct fault_plan *plan)
{
    int64_t disks = disks_of(plan);
    bool synced = plan->spec.config.log_flush_messages > 0;
    return (struct fault_budget){.over = plan->over_budget,
                                 .power_losses = synced ? INT32_MAX : disks,
                                 .disks = disks,
                                 .voters = plan->spec.standby_controllers};
}

static bool take(int64_t *left, bool over)
{
    if (*left <= 0 && !over)
        return false;
    *left -= *left > 0;
    return true;
}

bool fault_budget_take(struct fault_budget *budget, const struct fault_plan *plan,
                       enum fault_budget_kind kind, int32_t node)
{
    switch (kind) {
    case FAULT_BUDGET_NONE:
    case FAULT_BUDGET_PROMISE: /* the profile decides who may */
    case FAULT_BUDGETS:
        return true;
    case FAULT_BUDGET_POWER:
        return !sim_spec_is_broker(&plan->spec, node) || take(&budget->power_losses, budget->over);
    case FAULT_BUDGET_DISK:
        if (!budget->over && (budget->disks <= 0 || budget->power_losses <= 0))
            return false;
        return take(&budget->disks, budget->over) && take(&budget->power_losses, budget->over);
    case FAULT_BUDGET_VOTERS:
        if (budget->voters <= 0)
            return false;
        budget->voters--;
        return true;
    case FAULT_BUDGET_TOPIC:
        if (budget->topic_deleted)
            return false;
        budget->topic_deleted = true;
        return true;
    }
    return false;
}
