#include "harness/help_faults.h"

#include <inttypes.h>
#include <stdio.h>

#include "faults/kinds.h"
#include "harness/terminal.h"
#include "sim/spec.h"

static void print_kind(enum fault_kind kind, const struct palette *palette)
{
    const struct fault_kind_info *info = fault_kind_info(kind);
    printf("  %s%s%s\n", palette->cyan, info->name, palette->plain);
    terminal_print_prose(stdout, info->meaning, 6, 100);
    for (unsigned i = 0; i < FAULT_PARAMETERS; i++) {
        const struct fault_parameter_info *parameter = fault_parameter_info((enum fault_parameter)i);
        if (parameter->kind == kind)
            printf("        %" PRId64 "%s to %" PRId64 "%s: %s\n", parameter->least, parameter->unit_name,
                   parameter->most, parameter->unit_name, parameter->meaning);
    }
    printf("      %sundone: %s; budget: %s; bites: %s; see scenarios/%s.isr.yaml%s\n", palette->dim,
           info->undone, fault_budget_info(info->budget)->name, info->counter, info->scenario,
           palette->plain);
}

void help_faults(void)
{
    struct palette palette = terminal_palette(stdout);
    printf(
        "What random scenarios do (`isrsim fuzz`, `isrsim soak`). Each seed turns a part of it on; a profile "
        "may "
        "leave kinds\n"
        "out (`isrsim help profiles`). A fault counts as bit when it had its effect: the counter in its line "
        "grew by it.\n\n");
    for (unsigned kind = 0; kind < FAULT_KINDS; kind++)
        print_kind((enum fault_kind)kind, &palette);
    printf("\n%sBudgets%s\n", palette.bold, palette.plain);
    for (unsigned i = 0; i < FAULT_BUDGETS; i++) {
        const struct fault_budget_info *budget = fault_budget_info((enum fault_budget_kind)i);
        printf("  %s%s%s\n", palette.cyan, budget->name, palette.plain);
        terminal_print_prose(stdout, budget->meaning, 6, 100);
    }
    printf("\n%sGone for good%s\n", palette.bold, palette.plain);
    terminal_print_prose(
        stdout,
        "In every other run some brokers or controllers stay broken when the rest heals (`gone`, "
        "`gone_how`), never more than what is left can do without: it must go on alone.",
        2, 100);
    for (unsigned i = 0; i < SIM_GONE_HOWS; i++) {
        const struct sim_gone_info *how = sim_gone_info((enum sim_gone_how)i);
        printf("  %s%s%s\n", palette.cyan, how->name, palette.plain);
        terminal_print_prose(stdout, how->meaning, 6, 100);
    }
}
