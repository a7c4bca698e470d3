#include "harness/profile_option.h"

#include <stdio.h>

#include "harness/suggestion.h"
#include "harness/terminal.h"
#include "sim/spec.h"

bool profile_option(const struct command_line *line, struct fault_request *request)
{
    size_t count;
    const struct fault_profile_info *profiles = fault_profiles_list(&count);
    const char *name = line->values[OPTION_PROFILE];
    request->over_budget = option_given(line, OPTION_OVER_BUDGET);
    if (name == NULL || fault_profile_named(name, &request->profile))
        return true;
    struct suggestion suggestion = suggestion_for(name);
    for (size_t i = 0; i < count; i++)
        suggestion_offer(&suggestion, profiles[i].name);
    char message[96];
    snprintf(message, sizeof message, "there is no profile '%.40s'", name);
    command_complain_name(line->command->name, "profile", message, &suggestion,
                          "`isrsim help profiles` lists them");
    return false;
}

void profile_help(void)
{
    size_t count;
    const struct fault_profile_info *profiles = fault_profiles_list(&count);
    struct palette palette = terminal_palette(stdout);
    printf(
        "What random scenarios are like, for `--profile`. Each keeps within what its configuration promises "
        "to survive,\n"
        "unless --over-budget is given.\n\n");
    for (size_t i = 0; i < count; i++) {
        printf("  %s%s%s\n", palette.cyan, profiles[i].name, palette.plain);
        terminal_print_prose(stdout, profiles[i].meaning, 6, 100);
        const char *before = "      not checked:";
        for (int64_t invariant = 0; invariant < SIM_INVARIANTS; invariant++) {
            if ((profiles[i].unchecked >> invariant & 1) == 0)
                continue;
            printf("%s %s", before, sim_invariant_name(invariant));
            before = ",";
        }
        if (profiles[i].unchecked != 0)
            printf("\n");
    }
}
