#include "faults/kinds.h"

#include "core/base/assert.h"
#include "core/base/types.h"

const struct fault_kind_info *fault_kind_info(enum fault_kind kind)
{
    static const struct fault_kind_info kinds[] = {
#define X(NAME, name, weight, BUDGET, counter, undone, scenario, meaning) \
    {#name, weight, FAULT_BUDGET_##BUDGET, #counter, undone, scenario, meaning},
#include "faults/kinds.def"
#undef X
    };
    ISR_ASSERT((unsigned)kind < FAULT_KINDS);
    return &kinds[kind];
}

const struct fault_budget_info *fault_budget_info(enum fault_budget_kind budget)
{
    static const struct fault_budget_info budgets[] = {
#define X(NAME, name, meaning) {#name, meaning},
#include "faults/budgets.def"
#undef X
    };
    ISR_ASSERT((unsigned)budget < FAULT_BUDGETS);
    return &budgets[budget];
}

#define UNIT_ONE 1, ""
#define UNIT_KIB 1024, "KiB"
#define UNIT_US 1000, "us"
#define UNIT_MS ISR_MS, "ms"
#define UNIT_SECOND ISR_SECOND, "s"

const struct fault_parameter_info *fault_parameter_info(enum fault_parameter parameter)
{
    static const struct fault_parameter_info parameters[] = {
#define X(KIND, NAME, least, most, UNIT, meaning) {FAULT_##KIND, least, most, UNIT_##UNIT, meaning},
#include "faults/parameters.def"
#undef X
    };
    ISR_ASSERT((unsigned)parameter < FAULT_PARAMETERS);
    return &parameters[parameter];
}

int64_t fault_parameter(struct fault_draws *draws, enum fault_parameter parameter)
{
    const struct fault_parameter_info *info = fault_parameter_info(parameter);
    return fault_between(draws, info->least, info->most) * info->unit;
}
