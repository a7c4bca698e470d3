#include "harness/profile_option.h"

#include <stdio.h>
#include <string.h>

#include "harness/scenario_fields.h"
#include "harness/suggestion.h"
#include "harness/terminal.h"
#include "harness/value.h"

static bool consensus_option(const struct command_line *line, struct fault_request *request)
{
    const char *name = line->values[OPTION_CONSENSUS];
    if (name == NULL)
        return true;
    struct suggestion suggestion = suggestion_for(name);
    for (const struct choice *choice = scenario_consensus_words; choice->word != NULL; choice++) {
        suggestion_offer(&suggestion, choice->word);
        if (strcmp(choice->word, name) != 0)
            continue;
        request->consensus = (uint8_t)choice->value;
        const char *hint, *missing = sim_consensus_missing(request->consensus, &hint);
        return missing == NULL || command_complain(line->command->name, "consensus", missing, hint);
    }
    char message[96];
    snprintf(message, sizeof message, "there is no consensus '%.40s'", name);
    command_complain_name(line->command->name, "consensus", message, &suggestion, "it is in_tree or libraft");
    return false;
}

static bool complain_invariant(const struct command_line *line, const char *name)
{
    struct suggestion suggestion = suggestion_for(name);
    for (int64_t invariant = 0; invariant < SIM_INVARIANTS; invariant++)
        suggestion_offer(&suggestion, sim_invariant_name(invariant));
    char message[96];
    snprintf(message, sizeof message, "there is no invariant '%.40s'", name);
    return command_complain_name(line->command->name, "unchecked", message, &suggestion,
                                 "`isrsim help invariants` lists them");
}

static bool unchecked_option(const struct command_line *line, struct fault_request *request)
{
    const char *at = line->values[OPTION_UNCHECKED];
    while (at != NULL && *at != '\0') {
        char name[SIM_LABEL_BYTES];
        size_t length = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), at);
        int64_t invariant = 0;
        while (invariant < SIM_INVARIANTS && strcmp(sim_invariant_name(invariant), name) != 0)
            invariant++;
        if (invariant == SIM_INVARIANTS)
            return complain_invariant(line, name);
        request->unchecked |= UINT32_C(1) << invariant;
        at += length + (at[length] == ',');
    }
    return true;
}

/* "3:17,12:99": each behind the one before. */
static bool turns_option(const struct command_line *line, struct fault_request *request)
{
    const char *text = line->values[OPTION_TURNS];
    static const char hint[] = "write AFTER:SEED, such as 12:8031; several are separated by commas and grow";
    for (; text != NULL && *text != '\0'; text += strcspn(text, ","), text += *text == ',') {
        char word[64];
        int64_t after;
        struct value_error error;
        struct fault_turn *turn = &request->turns[request->turns_count];
        snprintf(word, sizeof word, "%.*s", (int)strcspn(text, ",") < 60 ? (int)strcspn(text, ",") : 60,
                 text);
        char *colon = strchr(word, ':');
        if (request->turns_count == FAULT_TURNS_MAX)
            return command_complain(line->command->name, "turns", "there may be 8 turns", hint);
        if (colon == NULL)
            return command_complain(line->command->name, "turns", "this is no turn", hint);
        *colon = '\0';
        if (!value_whole(word, &after, &error) || !value_seed(colon + 1, &turn->seed, &error))
            return command_complain(line->command->name, "turns", error.message, hint);
        if (after < 0 || after > 1000 || (request->turns_count > 0 && turn[-1].after >= after))
            return command_complain(line->command->name, "turns",
                                    "a turn comes after 0 to 1000 faults, and later than the one before",
                                    hint);
        turn->after = (uint32_t)after;
        request->turns_count++;
    }
    return true;
}

/* --strategy and --depth. */
static bool strategy_option(const struct command_line *line, struct fault_request *request)
{
    const char *strategy = line->values[OPTION_STRATEGY], *depth = line->values[OPTION_DEPTH];
    struct value_error error;
    int64_t value = STRATEGY_DEPTH_DEFAULT;
    bool pct = strategy != NULL && strcmp(strategy, "pct") == 0;
    bool guided =
        strategy != NULL && strcmp(strategy, "guided") == 0 && line->command == command_named("fuzz");
    if (strategy != NULL && !pct && !guided && strcmp(strategy, "random") != 0) {
        struct suggestion suggestion = suggestion_for(strategy);
        char message[96];
        suggestion_offer(&suggestion, "random");
        suggestion_offer(&suggestion, "pct");
        if (line->command == command_named("fuzz"))
            suggestion_offer(&suggestion, "guided");
        snprintf(message, sizeof message, "there is no strategy '%.40s'", strategy);
        return command_complain_name(line->command->name, "strategy", message, &suggestion,
                                     "there are random and pct, and fuzz has guided");
    }
    if (depth != NULL && !pct)
        return command_complain(line->command->name, "depth", "only --strategy pct has a depth",
                                "add --strategy pct, or leave --depth out");
    if (depth != NULL && !value_count(depth, "depth", SIM_SCHEDULE_DEPTH_MAX, &value, &error))
        return command_complain(line->command->name, "depth", error.message, error.hint);
    request->schedule = sim_spec_default().schedule;
    request->schedule.depth = pct ? (int32_t)value : 0;
    return true;
}

bool profile_option(const struct command_line *line, struct fault_request *request)
{
    if (!strategy_option(line, request))
        return false;
    size_t count;
    const struct fault_profile_info *profiles = fault_profiles_list(&count);
    const char *name = line->values[OPTION_PROFILE];
    request->over_budget = option_given(line, OPTION_OVER_BUDGET);
    if (!consensus_option(line, request) || !unchecked_option(line, request))
        return false;
    if (name == NULL || fault_profile_named(name, &request->profile))
        return turns_option(line, request);
    struct suggestion suggestion = suggestion_for(name);
    for (size_t i = 0; i < count; i++)
        suggestion_offer(&suggestion, profiles[i].name);
    char message[96];
    snprintf(message, sizeof message, "there is no profile '%.40s'", name);
    command_complain_name(line->command->name, "profile", message, &suggestion,
                          "`isrsim help profiles` lists them");
    return false;
}

const char *profile_option_given(const struct command_line *line)
{
    static const enum option_id options[] = {OPTION_PROFILE,  OPTION_OVER_BUDGET, OPTION_TURNS,
                                             OPTION_STRATEGY, OPTION_DEPTH,       OPTION_CONSENSUS};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (option_given(line, options[i]))
            return option_infos()[options[i]].name;
    }
    return NULL;
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
