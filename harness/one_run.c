#include "harness/one_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/profile_option.h"
#include "harness/rules_option.h"
#include "harness/value.h"

static const char *name_of(const struct command_line *line)
{
    return line->command->name;
}

/* ---- of a file ---- */

static bool complain_variant(const struct command_line *line, const struct scenario *scenario,
                             const char *wanted)
{
    char message[128], hint[512];
    size_t used =
        (size_t)snprintf(hint, sizeof hint, "there %s", scenario->variants_count == 1 ? "is" : "are");
    for (uint32_t i = 0; i < scenario->variants_count && used < sizeof hint; i++)
        used += (size_t)snprintf(hint + used, sizeof hint - used, "%s %s", i > 0 ? "," : "",
                                 scenario->variants[i].name);
    if (wanted != NULL)
        snprintf(message, sizeof message, "the scenario has no variant '%.40s'", wanted);
    else
        snprintf(message, sizeof message, "the scenario has several variants: which one?");
    return command_complain(name_of(line), "variant", message, hint);
}

/* NULL where there is none, or more than one. */
static const struct scenario_variant *only_violation(const struct scenario *scenario)
{
    const struct scenario_variant *found = NULL;
    for (uint32_t i = 0; i < scenario->variants_count; i++) {
        if (scenario->variants[i].expectation.outcome != SCENARIO_VIOLATES)
            continue;
        if (found != NULL)
            return NULL;
        found = &scenario->variants[i];
    }
    return found;
}

static bool choose_variant(struct one_run *run, const struct command_line *line)
{
    const struct loaded *loaded = &run->list.items[0];
    const struct scenario *scenario = &loaded->scenario;
    const char *wanted = line->values[OPTION_VARIANT];
    const struct scenario_variant *variant = wanted != NULL ? scenario_variant_named(scenario, wanted)
                                             : scenario->variants_count == 1 ? &scenario->variants[0]
                                                                             : only_violation(scenario);
    if (variant == NULL)
        return complain_variant(line, scenario, wanted);
    run->spec = variant->spec;
    run->seed = variant->spec.seed;
    if (scenario->variants_count > 1)
        snprintf(run->name, sizeof run->name, "%s::%s", loaded->path, variant->name);
    else
        snprintf(run->name, sizeof run->name, "%s", loaded->path);
    return true;
}

static bool read_file(struct one_run *run, const struct command_line *line)
{
    if (profile_option_given(line) != NULL)
        return command_complain(name_of(line), profile_option_given(line),
                                "it is about random scenarios, but a file was given",
                                "leave out one of the two");
    if (line->arguments_count > 1)
        return command_complain(name_of(line), NULL, "it is about one run, but several files were given",
                                "give one of them");
    if (files_load(&run->list, line->arguments, 1) > 0)
        return false;
    if (run->list.count != 1)
        return command_complain(name_of(line), NULL, "it is about one run, but a directory was given",
                                "give one of the files in it");
    return choose_variant(run, line);
}

/* ---- of a seed ---- */

static bool generate(struct one_run *run, const struct command_line *line)
{
    struct fault_request request = {.seed = run->seed};
    if (option_given(line, OPTION_VARIANT))
        return command_complain(name_of(line), "variant", "random scenarios have no variants",
                                "leave it out, or name a file");
    if (!profile_option(line, &request))
        return false;
    run->plan = calloc(1, sizeof *run->plan);
    if (run->plan == NULL)
        return command_complain(name_of(line), NULL, "the machine has no memory", "try again");
    fault_generate(run->plan, &request);
    run->spec = run->plan->spec;
    const char *profile = line->values[OPTION_PROFILE];
    snprintf(run->name, sizeof run->name, "random scenario of profile %s%s%s",
             profile != NULL ? profile : "default", request.over_budget ? ", over budget" : "",
             request.turns_count > 0 ? ", turned" : "");
    return true;
}

bool one_run_read(struct one_run *run, const struct command_line *line)
{
    const char *seed = line->values[OPTION_SEED], *rules = line->values[OPTION_RULES];
    struct value_error error;
    uint64_t number = 0;
    *run = (struct one_run){0};
    if (seed != NULL && !value_seed(seed, &number, &error))
        return command_complain(name_of(line), "seed", error.message, error.hint);
    if (line->arguments_count == 0 && seed == NULL)
        return command_complain(name_of(line), NULL, "which run?",
                                "name a scenario file, or a random scenario by --seed N");
    run->seed = number;
    bool good = line->arguments_count > 0 ? read_file(run, line) : generate(run, line);
    if (good && seed != NULL)
        run->seed = number;
    good = good && (rules == NULL || rules_option(name_of(line), &run->spec.rules, rules));
    if (!good)
        one_run_free(run);
    return good;
}

void one_run_free(struct one_run *run)
{
    files_free(&run->list);
    free(run->plan);
    *run = (struct one_run){0};
}
