/* isrsim shrink: a failing run in, a small scenario out. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faults/generate.h"
#include "harness/commands.h"
#include "harness/files.h"
#include "harness/json.h"
#include "harness/profile_option.h"
#include "harness/rules_option.h"
#include "harness/runner.h"
#include "harness/shrink.h"
#include "harness/shrink_file.h"
#include "harness/value.h"
#include "harness/version.h"

enum { COMMAND_BYTES = 1024 };

/* What is to be shrunk. */
struct source {
    struct sim_spec spec;
    uint64_t seed;
    struct fault_plan *plan; /* of a random scenario */
    struct loaded_list list; /* of a file */
    struct shrink_recorded recorded;
    char command[COMMAND_BYTES];
};

static bool complain(const char *option, const char *message, const char *hint)
{
    return command_complain("shrink", option, message, hint);
}

/* ---- where it comes from ---- */

/* The variant named, or the only one, or the only one that is expected to fail. */
static const struct scenario_variant *choose_variant(const struct command_line *line,
                                                     const struct scenario *scenario)
{
    const char *name = line->values[OPTION_VARIANT];
    const struct scenario_variant *chosen = NULL;
    char names[512] = "there are:", message[128];
    size_t used = strlen(names);
    for (uint32_t i = 0; i < scenario->variants_count; i++) {
        const struct scenario_variant *variant = &scenario->variants[i];
        if (used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, " %s", variant->name);
        bool fits = name != NULL
                        ? strcmp(variant->name, name) == 0
                        : scenario->variants_count == 1 || variant->expectation.outcome == SCENARIO_VIOLATES;
        if (fits && chosen != NULL) {
            complain("variant", "several variants of this scenario are expected to fail: which one?", names);
            return NULL;
        }
        chosen = fits ? variant : chosen;
    }
    if (chosen == NULL && name == NULL)
        complain("variant", "no variant of this scenario is expected to fail: name one", names);
    snprintf(message, sizeof message, "the scenario has no variant '%.40s'", name != NULL ? name : "");
    if (chosen == NULL && name != NULL)
        complain("variant", message, names);
    return chosen;
}

static void read_recorded(struct source *source, const char *path)
{
    struct pool pool = {NULL};
    size_t size;
    const char *text = files_read(&pool, path, &size);
    if (text != NULL)
        source->recorded = shrink_file_recorded(text);
    pool_free(&pool);
}

static bool source_of_file(const struct command_line *line, struct source *source)
{
    const char *option = profile_option_given(line);
    if (option != NULL && strcmp(option, option_infos()[OPTION_UNCHECKED].name) != 0)
        return complain(option, "a profile is of random scenarios, and a file is given",
                        "give either a file, or --seed N without one");
    if (files_load(&source->list, line->arguments, 1) > 0)
        return false;
    if (source->list.count != 1)
        return complain(NULL, "one scenario is shrunk at a time", "name one file");
    const struct scenario_variant *variant = choose_variant(line, &source->list.items[0].scenario);
    if (variant == NULL)
        return false;
    struct fault_request request = {.seed = source->seed}; /* of it, what is not judged */
    if (!profile_option(line, &request))
        return false;
    source->spec = variant->spec;
    source->spec.unchecked |= request.unchecked;
    if (!option_given(line, OPTION_SEED))
        source->seed = variant->spec.seed;
    read_recorded(source, source->list.items[0].path);
    return true;
}

static bool source_of_seed(const struct command_line *line, struct source *source)
{
    struct fault_request request = {.seed = source->seed};
    if (!option_given(line, OPTION_SEED))
        return complain(NULL, "what is to be shrunk?",
                        "name a scenario file whose run fails, or --seed N of a random scenario");
    if (option_given(line, OPTION_VARIANT))
        return complain("variant", "a random scenario has no variants", "name a scenario file");
    if (!profile_option(line, &request))
        return false;
    source->plan = calloc(1, sizeof *source->plan);
    if (source->plan == NULL)
        return complain(NULL, "no memory", NULL);
    fault_generate(source->plan, &request);
    source->spec = source->plan->spec;
    return true;
}

static void command_of(const struct command_line *line, struct source *source)
{
    static const enum option_id options[] = {OPTION_VARIANT, OPTION_SEED,      OPTION_PROFILE,
                                             OPTION_TURNS,   OPTION_CONSENSUS, OPTION_UNCHECKED,
                                             OPTION_RULES,   OPTION_STRATEGY,  OPTION_DEPTH};
    size_t used = (size_t)snprintf(source->command, COMMAND_BYTES, "isrsim shrink");
    if (line->arguments_count > 0)
        used += (size_t)snprintf(source->command + used, COMMAND_BYTES - used, " %.400s", line->arguments[0]);
    for (size_t i = 0; i < sizeof options / sizeof options[0] && used < COMMAND_BYTES; i++) {
        if (option_given(line, options[i]))
            used += (size_t)snprintf(source->command + used, COMMAND_BYTES - used, " --%s %.200s",
                                     option_infos()[options[i]].name, line->values[options[i]]);
    }
    if (option_given(line, OPTION_OVER_BUDGET) && used < COMMAND_BYTES)
        snprintf(source->command + used, COMMAND_BYTES - used, " --over-budget");
}

static bool read_source(const struct command_line *line, struct source *source)
{
    struct value_error error;
    const char *seed = line->values[OPTION_SEED], *rules = line->values[OPTION_RULES];
    const char *output = line->values[OPTION_OUTPUT];
    if (output != NULL && !scenario_is_file_name(output))
        return complain("output", "this is no name of a scenario file",
                        "end it in .isr.yaml, so that `isrsim run` takes it");
    if (line->arguments_count > 1)
        return complain(NULL, "one scenario is shrunk at a time", "name one file");
    if (seed != NULL && !value_seed(seed, &source->seed, &error))
        return complain("seed", error.message, error.hint);
    command_of(line, source);
    bool good = line->arguments_count > 0 ? source_of_file(line, source) : source_of_seed(line, source);
    return good && (rules == NULL || rules_option("shrink", &source->spec.rules, rules));
}

static void source_free(struct source *source)
{
    files_free(&source->list);
    free(source->plan);
}

static bool read_budget(const struct command_line *line, int64_t *cpu_ns)
{
    struct value_error error;
    const char *text = line->values[OPTION_BUDGET];
    *cpu_ns = SHRINK_BUDGET_SECONDS_DEFAULT * ISR_SECOND;
    if (text == NULL)
        return true;
    if (!value_duration(text, false, cpu_ns, &error))
        return complain("budget", error.message, error.hint);
    return *cpu_ns > 0 || complain("budget", "there must be some time", "for example 60s");
}

/* ---- what comes out ---- */

/* A file that says which run it holds: this version may run it otherwise. */
static void compare_recorded(const struct command_line *line, const struct source *source,
                             const struct attempt *before)
{
    const struct shrink_recorded *recorded = &source->recorded;
    bool own_run = recorded->there && !option_given(line, OPTION_RULES) &&
                   !option_given(line, OPTION_UNCHECKED) && recorded->seed == source->seed;
    if (!own_run || recorded->hash == before->hash)
        return;
    fprintf(stderr,
            "isrsim: shrink: %s records a run of isrsim %s with trace hash %016" PRIx64
            "; isrsim %s runs it otherwise, with trace hash %016" PRIx64 "\n",
            source->list.items[0].path, recorded->version, recorded->hash, ISRSIM_VERSION, before->hash);
}

static void summarise(FILE *out, const struct shrink_outcome *outcome)
{
    const struct shrink_size *before = &outcome->size_before, *after = &outcome->size_after;
    fprintf(out,
            "shrunk: %" PRIu32 " to %" PRIu32 " steps, %" PRIu32 " to %" PRIu32 " nodes, %" PRIu32
            " to %" PRIu32 " clients, %" PRIu64 " to %" PRIu64 " events; %" PRIu32 " runs in %.1f s\n",
            before->steps, after->steps, before->nodes, after->nodes, before->clients, after->clients,
            before->events, after->events, outcome->attempts, (double)outcome->cpu_ns / 1e9);
    if (outcome->end == SHRINK_MINIMAL)
        fprintf(out, "minimal: no step can be left out; it fails so under %" PRIu32 " of %d other seeds\n",
                outcome->seeds_failing, SHRINK_SEEDS);
    else
        fprintf(out, "not minimal: the budget ended before; give a larger --budget\n");
    if (!outcome->correct_holds)
        fprintf(out, "it does not hold with correct rules, or there is no wrong one: no variant `correct`\n");
}

static void print_json(const struct shrink_outcome *outcome)
{
    struct json json = json_to(stdout, false);
    json_open_object(&json, NULL);
    json_integer(&json, "schema", 1);
    json_string(&json, "verdict", sim_verdict_name(outcome->after.verdict));
    json_string(&json, "message", outcome->after.message);
    json_flag(&json, "minimal", outcome->end == SHRINK_MINIMAL);
    json_flag(&json, "correct_holds", outcome->correct_holds);
    json_unsigned(&json, "steps_before", outcome->size_before.steps);
    json_unsigned(&json, "steps", outcome->size_after.steps);
    json_unsigned(&json, "events_before", outcome->size_before.events);
    json_unsigned(&json, "events", outcome->size_after.events);
    json_unsigned(&json, "runs", outcome->attempts);
    json_unsigned(&json, "seeds_failing", outcome->seeds_failing);
    json_integer(&json, "cpu_ns", outcome->cpu_ns);
    json_close_object(&json);
    json_end(&json);
}

/* The file's name without folder and ending, as far as a scenario may be called so. */
static void name_of(const char *path, char name[SIM_LABEL_BYTES])
{
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    const char *file = slash != NULL ? slash + 1 : path != NULL ? path : "shrunk";
    size_t length = strcspn(file, ".");
    memset(name, 0, SIM_LABEL_BYTES);
    for (size_t i = 0; i < length && i + 1 < SIM_LABEL_BYTES; i++)
        name[i] = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", file[i]) != NULL
                      ? file[i]
                      : '-';
    if (name[0] == '\0')
        memcpy(name, "shrunk", 7);
}

static bool write_file(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");
    bool good = out != NULL && fputs(text, out) >= 0;
    if (out != NULL && fclose(out) != 0)
        good = false;
    if (!good) {
        char message[512];
        snprintf(message, sizeof message, "cannot write %.300s: %s", path, strerror(errno));
        complain("output", message, "name a file in a folder that is there and may be written to");
    }
    return good;
}

static bool put_out(const struct command_line *line, const struct source *source,
                    const struct shrink_outcome *outcome)
{
    const char *path = line->values[OPTION_OUTPUT];
    bool json = option_given(line, OPTION_JSON), good = true;
    char name[SIM_LABEL_BYTES];
    name_of(path, name);
    char *text = shrink_file_text(outcome, source->command, name);
    if (path != NULL)
        good = write_file(path, text);
    else if (!json)
        fputs(text, stdout);
    free(text);
    if (good && json)
        print_json(outcome);
    if (good && !option_given(line, OPTION_QUIET))
        summarise(stderr, outcome);
    return good;
}

static bool shrink(const struct command_line *line, const struct source *source, int64_t cpu_ns)
{
    struct arena *arena = runner_arena();
    struct shrink_outcome outcome;
    bool quiet = option_given(line, OPTION_QUIET) || !isatty(STDERR_FILENO);
    struct shrink_request request = {
        .spec = &source->spec, .seed = source->seed, .cpu_ns = cpu_ns, .progress = quiet ? NULL : stderr};
    if (arena == NULL || !shrink_run(arena, &request, &outcome))
        return false;
    compare_recorded(line, source, &outcome.before);
    if (outcome.end == SHRINK_HOLDS) {
        char message[128];
        snprintf(message, sizeof message, "this run does not fail (%s): there is nothing to shrink",
                 sim_verdict_name(outcome.before.verdict));
        return complain(NULL, message, "`isrsim fuzz` looks for one that does; --rules brings back a bug");
    }
    bool good = put_out(line, source, &outcome);
    shrink_outcome_free(&outcome);
    return good;
}

int isr_command_shrink(const struct command_line *line)
{
    struct source source = {.seed = 1};
    int64_t cpu_ns;
    bool good = read_budget(line, &cpu_ns) && read_source(line, &source) && shrink(line, &source, cpu_ns);
    source_free(&source);
    return good ? 0 : 1;
}
