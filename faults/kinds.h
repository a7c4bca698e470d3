/* The kinds of faults, as lists: kinds.def, parameters.def, budgets.def. */
#ifndef FAULT_KINDS_H
#define FAULT_KINDS_H

#include "faults/draws.h"

enum fault_kind {
#define X(NAME, name, weight, BUDGET, counter, undone, scenario, meaning) FAULT_##NAME,
#include "faults/kinds.def"
#undef X
    FAULT_KINDS
};

_Static_assert(FAULT_KINDS <= 64, "a bit for each kind");
#define FAULT_BIT(NAME) (UINT64_C(1) << FAULT_##NAME)
#define FAULT_ALL_KINDS (UINT64_MAX >> (64 - FAULT_KINDS))

enum fault_budget_kind {
#define X(NAME, name, meaning) FAULT_BUDGET_##NAME,
#include "faults/budgets.def"
#undef X
    FAULT_BUDGETS
};

struct fault_kind_info {
    const char *name;
    uint32_t weight;
    enum fault_budget_kind budget;
    const char *counter, *undone, *scenario, *meaning;
};
const struct fault_kind_info *fault_kind_info(enum fault_kind kind);

struct fault_budget_info {
    const char *name, *meaning;
};
const struct fault_budget_info *fault_budget_info(enum fault_budget_kind budget);

enum fault_parameter {
#define X(KIND, NAME, least, most, UNIT, meaning) FAULT_PARAMETER_##NAME,
#include "faults/parameters.def"
#undef X
    FAULT_PARAMETERS
};

struct fault_parameter_info {
    enum fault_kind kind;
    int64_t least, most; /* in units */
    int64_t unit;        /* nanoseconds, bytes or 1 */
    const char *unit_name, *meaning;
};
const struct fault_parameter_info *fault_parameter_info(enum fault_parameter parameter);
/* Drawn between the bounds: nanoseconds, bytes or a number. */
int64_t fault_parameter(struct fault_draws *draws, enum fault_parameter parameter);

#endif
