/* isrsim shrink: a failing run in, a small scenario out. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/commands.h"
#include "harness/count_option.h"
#include "harness/files.h"
#include "harness/json.h"
#include "harness/one_run.h"
#include "harness/runner.h"
#include "harness/shrink.h"
#include "harness/shrink_file.h"
#include "harness/value.h"
#include "harness/version.h"

static bool complain(const char *option, const char *message, const char *hint)
{
    return command_complain("shrink", option, message, hint);
}

static bool check_output(const struct command_line *line)
{
    const char *output = line->values[OPTION_OUTPUT];
    return output == NULL || scenario_is_file_name(output) ||
           complain("output", "this is no name of a scenario file",
                    "end it in .isr.yaml, so that `isrsim run` takes it");
}

static bool read_limits(const struct command_line *line, struct shrink_request *request)
{
    struct value_error error;
    const char *budget = line->values[OPTION_BUDGET];
    int64_t events_most = 0;
    request->cpu_ns = SHRINK_BUDGET_SECONDS_DEFAULT * ISR_SECOND;
    if (budget != NULL && !value_duration(budget, false, &request->cpu_ns, &error))
        return complain("budget", error.message, error.hint);
    if (request->cpu_ns <= 0)
        return complain("budget", "there must be some time", "for example 60s");
    bool good = count_option(line, OPTION_MAX_EVENTS, "number of events", INT64_MAX, &events_most);
    request->events = (uint64_t)events_most;
    return good;
}

/* ---- what comes out ---- */

static struct shrink_recorded recorded_of(const char *path)
{
    struct shrink_recorded recorded = {.there = false};
    struct pool pool = {NULL};
    size_t size;
    const char *text = files_read(&pool, path, &size);
    if (text != NULL)
        recorded = shrink_file_recorded(text);
    pool_free(&pool);
    return recorded;
}

/* A file that says which run it holds: this version may run it otherwise. */
static void compare_recorded(const struct command_line *line, const struct one_run *run,
                             const struct attempt *before)
{
    if (run->list.count == 0 || option_given(line, OPTION_RULES) || option_given(line, OPTION_UNCHECKED))
        return;
    const char *path = run->list.items[0].path;
    const struct shrink_recorded recorded = recorded_of(path);
    if (!recorded.there || recorded.seed != run->seed || recorded.hash == before->hash)
        return;
    fprintf(stderr,
            "isrsim: shrink: %s records a run of isrsim %s with trace hash %016" PRIx64
            "; isrsim %s runs it otherwise, with trace hash %016" PRIx64 "\n",
            path, recorded.version, recorded.hash, ISRSIM_VERSION, before->hash);
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

static bool put_out(const struct command_line *line, const struct one_run *run,
                    const struct shrink_outcome *outcome)
{
    const char *path = line->values[OPTION_OUTPUT];
    bool json = option_given(line, OPTION_JSON), good = true;
    char name[SIM_LABEL_BYTES], command[ONE_RUN_COMMAND_BYTES];
    name_of(path, name);
    one_run_command(run, line, command);
    char *text = shrink_file_text(outcome, command, name);
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

static bool shrink(const struct command_line *line, const struct one_run *run,
                   const struct shrink_request *request)
{
    struct arena *arena = runner_arena();
    struct shrink_outcome outcome;
    if (arena == NULL || !shrink_run(arena, request, &outcome))
        return false;
    compare_recorded(line, run, &outcome.before);
    if (outcome.end == SHRINK_HOLDS) {
        char message[128];
        snprintf(message, sizeof message, "this run does not fail (%s): there is nothing to shrink",
                 sim_verdict_name(outcome.before.verdict));
        return complain(NULL, message, "`isrsim fuzz` looks for one that does; --rules brings back a bug");
    }
    bool good = put_out(line, run, &outcome);
    shrink_outcome_free(&outcome);
    return good;
}

int isr_command_shrink(const struct command_line *line)
{
    struct one_run run;
    struct shrink_request request = {.spec = &run.spec};
    bool told = !option_given(line, OPTION_QUIET) && isatty(STDERR_FILENO);
    if (!read_limits(line, &request) || !check_output(line) || !one_run_read(&run, line))
        return 1;
    request.seed = run.seed;
    request.progress = told ? stderr : NULL;
    bool good = shrink(line, &run, &request);
    one_run_free(&run);
    return good ? 0 : 1;
}
