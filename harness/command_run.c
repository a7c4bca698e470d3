/* isrsim run: every variant of every scenario, under one seed or a range. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/assertion.h"
#include "harness/commands.h"
#include "harness/help_policies.h"
#include "harness/rules_option.h"
#include "harness/runner.h"
#include "harness/schedule_bound.h"
#include "harness/terminal.h"
#include "harness/trace_file.h"
#include "harness/twice.h"
#include "harness/value.h"

struct session {
    const struct command_line *line;
    struct arena *arena;
    struct palette palette;
    struct trace_file trace;
    bool tracing, json, quiet;
    uint64_t runs, unexpected, different, skipped;
    const char *missing, *hint; /* what this build lacks to run what is skipped, and how to mend that */
    int exit_code;
    struct run_metrics metrics;
};

/* ---- the command line ---- */

struct seeds {
    bool given; /* else each variant's own */
    uint64_t first, last;
};

static bool read_seeds(const struct command_line *line, struct seeds *seeds)
{
    const char *one = line->values[OPTION_SEED], *range = line->values[OPTION_SEEDS];
    struct value_error error;
    *seeds = (struct seeds){0};
    seeds->given = one != NULL || range != NULL;
    if (one != NULL) {
        if (!value_seed(one, &seeds->first, &error))
            return command_complain("run", "seed", error.message, error.hint);
        seeds->last = seeds->first;
    }
    if (range != NULL && !value_seed_range(range, &seeds->first, &seeds->last, &error))
        return command_complain("run", "seeds", error.message, error.hint);
    return true;
}

/* ---- one run ---- */

struct hooked {
    struct session *session;
    const struct run_request *request;
};

static void begin_run(void *object, struct sim_world *world)
{
    struct hooked *hooked = object;
    if (hooked->session->tracing)
        trace_file_listen(&hooked->session->trace, hooked->request, world);
    else if (option_given(hooked->session->line, OPTION_VERBOSE))
        runner_tell_story(world, stdout);
}

static void end_run(void *object, struct sim_world *world, const struct run_result *result)
{
    struct hooked *hooked = object;
    (void)result;
    if (option_given(hooked->session->line, OPTION_METRICS))
        run_metrics_take(&hooked->session->metrics, world);
}

static void print_label(const struct run_request *request)
{
    if (strcmp(request->variant->name, "default") == 0)
        printf("%s", request->path);
    else
        printf("%s::%s", request->path, request->variant->name);
}

static void print_outcome(const struct run_result *result)
{
    const char *invariant = runner_invariant_name(result);
    if (invariant != NULL)
        printf("violated %s", invariant);
    else
        printf("%s", sim_verdict_name(result->verdict));
}

/* What the ledger has to say: who promises less may lose, and tells so. */
static void print_losses(const struct run_request *request, const struct run_result *result)
{
    if (result->counters.records_lost == 0)
        return;
    printf("     ledger: %" PRIu64 " records that were acknowledged or read were lost, which was allowed:\n",
           result->counters.records_lost);
    for (uint32_t i = 0; i < request->spec->topics_count; i++) {
        char text[256];
        const struct sim_topic_spec *topic = &request->spec->topics[i];
        enum isr_leader_choice choice = request->spec->peer.count > 0
                                            ? ISR_LEADER_CHOICE_PEER_VOTE
                                            : isr_topic_leader_choice(&topic->settings);
        help_describe_promise(&topic->settings, choice, (uint32_t)topic->replication_factor, text,
                              sizeof text);
        printf("       %s: %s\n", topic->name.text, text);
    }
}

static void print_run(const struct session *session, const struct run_request *request,
                      const struct run_result *result)
{
    const struct palette *palette = &session->palette;
    bool good = result->judged ? result->expected : result->verdict == SIM_VERDICT_HELD;
    char text[1024], time[32];
    if (good && session->quiet)
        return;
    printf("%s%s%s ", good ? palette->green : palette->red, good ? "ok  " : "FAIL", palette->plain);
    print_label(request);
    printf(": ");
    print_outcome(result);
    printf("%s  %s(seed %" PRIu64 ", %" PRIu64 " events, %s, %" PRIu64 " records committed)%s\n",
           result->judged && good && result->verdict != SIM_VERDICT_HELD ? " as expected" : "", palette->dim,
           request->seed, result->counters.events, value_print_seconds(result->virtual_ns, time),
           result->counters.records_committed, palette->plain);
    if (schedule_bound_text(request->spec, text))
        printf("     schedule: %s\n", text);
    print_losses(request, result);
    if (result->unavailable[0] != '\0')
        printf("     unavailable at the end: %s\n", result->unavailable);
    if (!good || !result->judged) {
        if (result->message[0] != '\0')
            printf("     %s\n", result->message);
        if (result->judged && !result->finally_unmet) {
            runner_describe_expectation(&request->variant->expectation, text, sizeof text);
            printf("     expected: %s\n", text);
        }
    }
    if (!good) {
        runner_reproducer(request, text, sizeof text);
        printf("     reproduce with: %s --verbose\n", text);
    }
}

/* Two more runs, compared event by event; a difference becomes the verdict. False where it could not be done.
 */
static bool run_twice(struct session *session, const struct run_request *request, struct run_result *result)
{
    struct twice_difference difference;
    if (!twice_compare(session->arena, request, request, &difference))
        return false;
    if (!difference.differs && difference.hash[1] == result->hash)
        return true;
    session->different++;
    result->verdict = SIM_VERDICT_NONDETERMINISTIC;
    result->expected = false;
    snprintf(result->message, sizeof result->message, "two runs of the same input differ");
    fprintf(stderr, "%snondeterministic%s %s::%s seed %" PRIu64 ": ", session->palette.red,
            session->palette.plain, request->path, request->variant->name, request->seed);
    if (difference.differs)
        twice_print(stderr, &difference);
    else
        fprintf(stderr,
                "compared event by event two runs agree (%016" PRIx64
                "), but not with the run before (%016" PRIx64 ")\n",
                difference.hash[1], result->hash);
    return true;
}

static bool run_one(struct session *session, const struct run_request *request)
{
    struct run_result result;
    struct hooked hooked = {session, request};
    struct run_hooks hooks = {.begin = begin_run, .end = end_run, .object = &hooked};
    if (option_given(session->line, OPTION_VERBOSE) && !session->json) {
        print_label(request);
        printf(" (seed %" PRIu64 ")\n", request->seed);
    }
    runner_run(session->arena, request, &hooks, &result);
    session->runs++;
    if (option_given(session->line, OPTION_TWICE) && !run_twice(session, request, &result))
        return false;
    int code = runner_exit_code(&result);
    session->unexpected += code != 0;
    session->exit_code = runner_worse(session->exit_code, code);
    bool metrics = option_given(session->line, OPTION_METRICS);
    if (session->json)
        runner_print_json(stdout, request, &result, metrics ? &session->metrics : NULL);
    else
        print_run(session, request, &result);
    if (metrics && !session->json)
        run_metrics_print(stdout, &session->metrics, request->spec);
    fflush(stdout);
    return true;
}

/* ---- all runs ---- */

static void skip_variant(struct session *session, const struct run_request *request)
{
    session->skipped++;
    if (session->json) {
        runner_print_skipped_json(stdout, request, session->missing);
    } else if (!session->quiet) {
        printf("skip ");
        print_label(request);
        printf(": %s\n", session->missing);
    }
}

static bool run_variant(struct session *session, const struct loaded *loaded,
                        const struct scenario_variant *variant, const struct seeds *seeds)
{
    struct sim_spec spec = variant->spec;
    const char *rules = session->line->values[OPTION_RULES];
    if (rules != NULL && !rules_option("run", &spec.rules, rules))
        return false;
    struct run_request request = {.program = session->line->program,
                                  .path = loaded->path,
                                  .variant = variant,
                                  .spec = &spec,
                                  .rules = rules};
    uint64_t first = seeds->given ? seeds->first : spec.seed, last = seeds->given ? seeds->last : spec.seed;
    const char *missing = sim_consensus_missing(spec.consensus, &session->hint);
    if (missing != NULL) {
        request.seed = first;
        session->missing = missing;
        skip_variant(session, &request);
        return true;
    }
    for (uint64_t seed = first;; seed++) {
        request.seed = seed;
        if (!run_one(session, &request))
            return false;
        if (seed == last)
            return true;
    }
}

static bool is_asked_for(const struct scenario_variant *variant, const char *name)
{
    return name == NULL || strcmp(variant->name, name) == 0;
}

static uint64_t variants_asked_for(const struct loaded_list *list, const char *name)
{
    uint64_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct scenario *scenario = &list->items[i].scenario;
        for (uint32_t v = 0; v < scenario->variants_count; v++)
            count += is_asked_for(&scenario->variants[v], name);
    }
    return count;
}

/* Was the file itself given, rather than a directory above it? */
static bool is_given(const struct command_line *line, const char *path)
{
    for (int i = 0; i < line->arguments_count; i++) {
        if (strcmp(line->arguments[i], path) == 0)
            return true;
    }
    return false;
}

/* The first of the variants asked for that this build can run, else the first of them; NULL where there is
 * none. */
static const struct scenario_variant *best_variant(const struct scenario *scenario, const char *name)
{
    const struct scenario_variant *best = NULL;
    const char *hint;
    for (uint32_t v = 0; v < scenario->variants_count; v++) {
        const struct scenario_variant *variant = &scenario->variants[v];
        if (!is_asked_for(variant, name))
            continue;
        if (sim_consensus_missing(variant->spec.consensus, &hint) == NULL)
            return variant;
        best = best == NULL ? variant : best;
    }
    return best;
}

/* What this build cannot run is skipped where directories are gone through. Who names a file wants something
 * of it to run. False after an error on stderr. */
static bool check_given(const struct command_line *line, const struct loaded_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct scenario_variant *best = best_variant(&list->items[i].scenario, name);
        if (best != NULL && is_given(line, list->items[i].path) && !runner_can_run("run", &best->spec))
            return false;
    }
    return true;
}

/* Adds a name unless it stands there; false where there is no room for it. */
static bool add_once(const char **names, unsigned *count, unsigned most, const char *name)
{
    for (unsigned i = 0; i < *count; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    if (*count == most)
        return false;
    names[(*count)++] = name;
    return true;
}

static bool complain_variant(const struct loaded_list *list, const char *name)
{
    enum { NAMES_MAX = 12 };
    const char *names[NAMES_MAX];
    unsigned count = 0;
    bool more = false;
    for (size_t i = 0; i < list->count; i++) {
        const struct scenario *scenario = &list->items[i].scenario;
        for (uint32_t v = 0; v < scenario->variants_count && !more; v++)
            more = !add_once(names, &count, NAMES_MAX, scenario->variants[v].name);
    }
    char message[128], hint[NAMES_MAX * SIM_LABEL_BYTES] = "";
    size_t used = (size_t)snprintf(hint, sizeof hint, "there %s", count == 1 ? "is" : "are");
    for (unsigned i = 0; i < count && used < sizeof hint; i++)
        used += (size_t)snprintf(hint + used, sizeof hint - used, "%s %.40s", i > 0 ? "," : "", names[i]);
    if (more && used < sizeof hint)
        snprintf(hint + used, sizeof hint - used, ", ...");
    snprintf(message, sizeof message, "no scenario given has a variant '%.40s'", name);
    return command_complain("run", "variant", message, hint);
}

static bool run_all(struct session *session, const struct loaded_list *list, const struct seeds *seeds)
{
    const char *name = session->line->values[OPTION_VARIANT];
    uint64_t variants = variants_asked_for(list, name);
    if (variants == 0)
        return complain_variant(list, name);
    if (!check_given(session->line, list, name))
        return false;
    const char *trace = session->line->values[OPTION_TRACE];
    if (trace != NULL && (variants > 1 || seeds->first != seeds->last))
        return command_complain("run", "trace", "a trace is of one run, and this would be several",
                                "name one file, one --variant and one --seed");
    if (trace != NULL) {
        if (!trace_file_open(&session->trace, trace))
            return false;
        session->tracing = true;
    }
    bool good = true;
    for (size_t i = 0; i < list->count && good; i++) {
        const struct scenario *scenario = &list->items[i].scenario;
        for (uint32_t v = 0; v < scenario->variants_count && good; v++) {
            if (is_asked_for(&scenario->variants[v], name))
                good = run_variant(session, &list->items[i], &scenario->variants[v], seeds);
        }
    }
    if (session->tracing && good)
        good = trace_file_finish(&session->trace);
    else if (session->tracing)
        trace_file_abandon(&session->trace);
    return good;
}

static void print_skipped(const struct session *session)
{
    if (session->skipped > 0 && !session->json)
        printf("%" PRIu64 " skipped: %s; %s\n", session->skipped, session->missing, session->hint);
}

static void print_summary(const struct session *session)
{
    if (session->json || (session->runs < 2 && !session->quiet))
        return;
    if (session->quiet && session->unexpected == 0)
        return;
    printf("%" PRIu64 " runs: ", session->runs);
    if (session->unexpected == 0)
        printf("%s%s%s", session->palette.green,
               option_given(session->line, OPTION_RULES) ? "every promise held" : "all ended as expected",
               session->palette.plain);
    else
        printf("%s%" PRIu64 " did not end as %s%s", session->palette.red, session->unexpected,
               option_given(session->line, OPTION_RULES) ? "hoped" : "expected", session->palette.plain);
    if (option_given(session->line, OPTION_TWICE) && session->different == 0)
        printf("; each was the same twice");
    printf("\n");
}

int isr_command_run(const struct command_line *line)
{
    struct session session = {.line = line,
                              .palette = terminal_palette(stdout),
                              .json = option_given(line, OPTION_JSON),
                              .quiet = option_given(line, OPTION_QUIET)};
    struct seeds seeds;
    struct isr_rules scratch = {0};
    if (line->arguments_count == 0) {
        command_complain("run", NULL, "which scenario?", "`isrsim list` shows those at hand");
        return 1;
    }
    const char *rules = line->values[OPTION_RULES];
    if (!read_seeds(line, &seeds) || (rules != NULL && !rules_option("run", &scratch, rules)))
        return 1;
    struct loaded_list list;
    size_t bad = files_load(&list, line->arguments, line->arguments_count);
    if (bad == 0)
        session.arena = runner_arena();
    if (session.arena == NULL) {
        files_free(&list);
        return 1;
    }
    assertion_print_json(session.json);
    bool good = run_all(&session, &list, &seeds);
    if (good) {
        print_summary(&session);
        print_skipped(&session);
    }
    files_free(&list);
    return good ? session.exit_code : runner_worse(session.exit_code, 1);
}
