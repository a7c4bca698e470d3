#include "harness/one_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/fuzz_report.h"
#include "harness/profile_option.h"
#include "harness/rules_option.h"
#include "harness/runner.h"
#include "harness/value.h"

static bool complain(const struct command_line *line, const char *option, const char *message,
                     const char *hint)
{
    return command_complain(line->command->name, option, message, hint);
}

/* ---- of a file ---- */

static bool complain_variant(const struct command_line *line, const struct scenario *scenario,
                             unsigned violations)
{
    const char *wanted = line->values[OPTION_VARIANT];
    char message[128], hint[512];
    size_t used =
        (size_t)snprintf(hint, sizeof hint, "there %s", scenario->variants_count == 1 ? "is" : "are");
    for (uint32_t i = 0; i < scenario->variants_count && used < sizeof hint; i++)
        used += (size_t)snprintf(hint + used, sizeof hint - used, "%s %s", i > 0 ? "," : "",
                                 scenario->variants[i].name);
    if (wanted != NULL)
        snprintf(message, sizeof message, "the scenario has no variant '%.40s'", wanted);
    else
        snprintf(message, sizeof message, "the scenario has several variants%s: which one?",
                 violations == 0 ? ", of which none expects a violation" : "");
    return complain(line, "variant", message, hint);
}

static const struct scenario_variant *choose_variant(const struct command_line *line,
                                                     const struct scenario *scenario)
{
    const char *wanted = line->values[OPTION_VARIANT];
    const struct scenario_variant *chosen = NULL;
    unsigned violations = 0;
    for (uint32_t i = 0; i < scenario->variants_count && wanted == NULL; i++) {
        if (scenario->variants[i].expectation.outcome != SCENARIO_VIOLATES)
            continue;
        chosen = ++violations == 1 ? &scenario->variants[i] : NULL;
    }
    if (wanted != NULL)
        chosen = scenario_variant_named(scenario, wanted);
    else if (scenario->variants_count == 1)
        chosen = &scenario->variants[0];
    if (chosen == NULL)
        complain_variant(line, scenario, violations);
    else if (!runner_can_run(line->command->name, &chosen->spec))
        chosen = NULL;
    return chosen;
}

static bool read_file(struct one_run *run, const struct command_line *line)
{
    struct fault_request request = {.seed = 0}; /* of it, what is not judged */
    if (profile_option_given(line) != NULL)
        return complain(line, profile_option_given(line),
                        "it is about random scenarios, but a file was given", "leave out one of the two");
    if (line->arguments_count > 1)
        return complain(line, NULL, "it is about one run, but several files were given", "give one of them");
    if (!profile_option(line, &request) || files_load(&run->list, line->arguments, 1) > 0)
        return false;
    if (run->list.count != 1)
        return complain(line, NULL, "it is about one run, but a directory was given",
                        "give one of the files in it");
    const struct loaded *loaded = &run->list.items[0];
    const struct scenario_variant *variant = choose_variant(line, &loaded->scenario);
    if (variant == NULL)
        return false;
    run->spec = variant->spec;
    run->spec.unchecked |= request.unchecked;
    if (!option_given(line, OPTION_SEED))
        run->seed = variant->spec.seed;
    snprintf(run->name, sizeof run->name, "%s%s%s", loaded->path,
             loaded->scenario.variants_count > 1 ? "::" : "",
             loaded->scenario.variants_count > 1 ? variant->name : "");
    return true;
}

/* ---- of a seed ---- */

static bool generate(struct one_run *run, const struct command_line *line)
{
    run->request.seed = run->seed;
    if (option_given(line, OPTION_VARIANT))
        return complain(line, "variant", "random scenarios have no variants", "leave it out, or name a file");
    if (!profile_option(line, &run->request))
        return false;
    run->plan = calloc(1, sizeof *run->plan);
    if (run->plan == NULL)
        return complain(line, NULL, "the machine has no memory", "try again");
    fault_generate(run->plan, &run->request);
    run->spec = run->plan->spec;
    size_t count;
    snprintf(run->name, sizeof run->name, "random scenario of profile %s%s%s",
             fault_profiles_list(&count)[run->request.profile].name,
             run->request.over_budget ? ", over budget" : "", run->request.turns_count > 0 ? ", turned" : "");
    return true;
}

static bool read_seed(struct one_run *run, const struct command_line *line)
{
    const char *seed = line->values[OPTION_SEED];
    struct value_error error;
    *run = (struct one_run){.seed = 0};
    return seed == NULL || value_seed(seed, &run->seed, &error) ||
           complain(line, "seed", error.message, error.hint);
}

/* good: so far. */
static bool finish(struct one_run *run, const struct command_line *line, bool good)
{
    const char *rules = line->values[OPTION_RULES];
    good = good && (rules == NULL || rules_option(line->command->name, &run->spec.rules, rules));
    if (!good)
        one_run_free(run);
    return good;
}

bool one_run_of_seed(struct one_run *run, const struct command_line *line)
{
    if (!read_seed(run, line))
        return false;
    if (!option_given(line, OPTION_SEED))
        return complain(line, NULL, "which seed?", "for example --seed 7");
    return finish(run, line, generate(run, line));
}

bool one_run_read(struct one_run *run, const struct command_line *line)
{
    if (!read_seed(run, line))
        return false;
    if (line->arguments_count > 0)
        return finish(run, line, read_file(run, line));
    if (!option_given(line, OPTION_SEED))
        return complain(line, NULL, "which run?", "name a scenario file, or a random scenario by --seed N");
    return finish(run, line, generate(run, line));
}

void one_run_free(struct one_run *run)
{
    files_free(&run->list);
    free(run->plan);
    *run = (struct one_run){.seed = 0};
}

/* As they were given. */
static void append_options(const struct command_line *line, const enum option_id *options, size_t count,
                           char text[ONE_RUN_COMMAND_BYTES])
{
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(text);
        if (option_given(line, options[i]))
            snprintf(text + used, ONE_RUN_COMMAND_BYTES - used, " --%s %.200s",
                     option_infos()[options[i]].name, line->values[options[i]]);
    }
}

void one_run_command(const struct one_run *run, const struct command_line *line,
                     char text[ONE_RUN_COMMAND_BYTES])
{
    static const enum option_id of_file[] = {OPTION_VARIANT, OPTION_SEED, OPTION_UNCHECKED, OPTION_RULES};
    static const enum option_id of_both[] = {OPTION_MAX_EVENTS};
    size_t used = (size_t)snprintf(text, ONE_RUN_COMMAND_BYTES, "isrsim %s", line->command->name);
    if (run->plan != NULL) {
        snprintf(text + used, ONE_RUN_COMMAND_BYTES - used, " --seed %" PRIu64, run->seed);
        fuzz_append_arguments(text, ONE_RUN_COMMAND_BYTES, &run->request, &run->spec.rules);
    } else {
        snprintf(text + used, ONE_RUN_COMMAND_BYTES - used, " %.400s", run->list.items[0].path);
        append_options(line, of_file, sizeof of_file / sizeof of_file[0], text);
    }
    append_options(line, of_both, sizeof of_both / sizeof of_both[0], text);
}
