/* isrsim expand: the random scenario of a seed as a file, which is proven to be the same run. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/attempt.h"
#include "harness/commands.h"
#include "harness/one_run.h"
#include "harness/runner.h"
#include "harness/scenario_write.h"
#include "harness/terminal.h"
#include "harness/value.h"

enum { ABOUT_COLUMNS = 100 };

struct expansion {
    struct one_run run;
    const char *file; /* NULL: the standard output */
    struct attempt attempt;
    char command[ONE_RUN_COMMAND_BYTES];
};

/* ---- the command line ---- */

static bool read_options(const struct command_line *line, struct expansion *expansion)
{
    expansion->file = line->values[OPTION_OUTPUT];
    if (!command_takes_no_argument(line))
        return false;
    if (expansion->file != NULL && !scenario_is_file_name(expansion->file))
        return command_complain("expand", "output", "this is no name of a scenario file",
                                "end it in .isr.yaml, so that `isrsim run` takes it");
    return one_run_of_seed(&expansion->run, line);
}

/* ---- the text ---- */

/* "violated I1", "held" */
static const char *outcome_of(const struct attempt *attempt, char text[64])
{
    bool violation = sim_verdict_is_violation(attempt->verdict);
    snprintf(text, 64, "%s%s%s", sim_verdict_name(attempt->verdict), violation ? " " : "",
             violation ? sim_invariant_name(attempt->invariant) : "");
    return text;
}

/* What no file can expect, an engine that fails, is an error of the run that the file describes. */
static struct scenario_expectation expectation_of(const struct attempt *attempt)
{
    struct scenario_expectation expectation = {.outcome = SCENARIO_HOLDS};
    if (sim_verdict_is_violation(attempt->verdict)) {
        expectation.outcome = SCENARIO_VIOLATES;
        expectation.invariants = UINT32_C(1) << attempt->invariant;
    } else if (attempt->verdict == SIM_VERDICT_VACUOUS) {
        expectation.outcome = SCENARIO_VACUOUS;
    }
    return expectation;
}

/* To be freed; NULL: no memory. */
static char *about_of(const struct expansion *expansion)
{
    const struct fault_request *request = &expansion->run.request;
    size_t count, size = 0;
    char *about = NULL, message[sizeof expansion->attempt.message + 96], first[256], outcome[64];
    const struct fault_profile_info *profile = &fault_profiles_list(&count)[request->profile];
    FILE *out = open_memstream(&about, &size);
    if (out == NULL)
        return NULL;
    snprintf(first, sizeof first, "Seed %" PRIu64 " of the profile %s%s: %s.", request->seed, profile->name,
             request->over_budget ? ", over budget" : "", profile->meaning);
    terminal_print_prose(out, first, 0, ABOUT_COLUMNS);
    if (expansion->attempt.verdict != SIM_VERDICT_HELD) {
        snprintf(message, sizeof message, "What happened: %s. %s", outcome_of(&expansion->attempt, outcome),
                 expansion->attempt.message);
        terminal_print_prose(out, message, 0, ABOUT_COLUMNS);
    }
    fclose(out);
    return about;
}

/* To be freed. */
static char *text_of(const struct expansion *expansion)
{
    char *about = about_of(expansion);
    const struct scenario_expectation expectation = expectation_of(&expansion->attempt);
    const struct scenario_write_options options = {.command = expansion->command,
                                                   .hashed = true,
                                                   .hash = expansion->attempt.hash,
                                                   .about = about,
                                                   .expectation = &expectation};
    char *text = scenario_write_text(&expansion->run.spec, &options);
    free(about);
    return text;
}

/* ---- the proof ---- */

static bool run(struct arena *arena, const struct sim_spec *spec, struct attempt *attempt)
{
    const struct attempt_request request = {
        .spec = spec, .seed = spec->seed, .limits = attempt_limits_default()};
    return attempt_apart(arena, &request, attempt);
}

/* Reads the text and runs what it says: the same as before, to the last event? */
static bool is_proven(struct arena *arena, const struct expansion *expansion, const char *text)
{
    struct scenario scenario;
    struct diagnostics diagnostics;
    struct attempt again;
    diagnostics_init(&diagnostics, "expanded.isr.yaml", text, strlen(text));
    if (!scenario_read(&scenario, &diagnostics)) {
        diagnostics_print(&diagnostics, stderr, terminal_has_colour(stderr));
        return false;
    }
    bool ran = run(arena, &scenario.base, &again);
    scenario_free(&scenario);
    if (!ran)
        return false;
    bool timed = again.end == ATTEMPT_OVER_TIME || expansion->attempt.end == ATTEMPT_OVER_TIME;
    if (timed || again.hash == expansion->attempt.hash)
        return true;
    fprintf(stderr, "isrsim expand: the file is another run: hash %016" PRIx64 ", not %016" PRIx64 "\n",
            again.hash, expansion->attempt.hash);
    return false;
}

static bool write_out(const struct expansion *expansion, const char *text)
{
    FILE *out = expansion->file != NULL ? fopen(expansion->file, "w") : stdout;
    bool good = out != NULL && fputs(text, out) >= 0;
    if (out != NULL)
        good = (expansion->file != NULL ? fclose(out) : fflush(out)) == 0 && good;
    if (!good)
        fprintf(stderr, "isrsim expand: cannot write %s: %s\n",
                expansion->file != NULL ? expansion->file : "the scenario", strerror(errno));
    return good;
}

static bool expand(struct expansion *expansion, struct arena *arena)
{
    char sentence[200], outcome[64];
    uint32_t step;
    const char *wrong = sim_spec_check(&expansion->run.spec, sentence, sizeof sentence, &step);
    if (wrong != NULL)
        return command_complain("expand", NULL, wrong, "this seed makes no scenario that could be run");
    if (!run(arena, &expansion->run.spec, &expansion->attempt))
        return false;
    char *text = text_of(expansion);
    bool good = is_proven(arena, expansion, text) && write_out(expansion, text);
    free(text);
    if (good && expansion->file != NULL)
        fprintf(stderr, "%s: %s, trace hash %016" PRIx64 "\n", expansion->file,
                outcome_of(&expansion->attempt, outcome), expansion->attempt.hash);
    return good;
}

int isr_command_expand(const struct command_line *line)
{
    struct expansion expansion;
    if (!read_options(line, &expansion))
        return 1;
    one_run_command(&expansion.run, line, expansion.command);
    struct arena *arena = runner_arena();
    bool good = arena != NULL && expand(&expansion, arena);
    if (arena != NULL)
        arena_close(arena);
    one_run_free(&expansion.run);
    return good ? 0 : 1;
}
