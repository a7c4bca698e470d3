#include "harness/runner.h"

#include <inttypes.h>
#include <string.h>

#include "harness/assertion.h"
#include "harness/attempt.h"
#include "harness/commands.h"
#include "harness/json.h"
#include "sim/condition.h"

struct arena *runner_arena(void)
{
    const char *error = NULL;
    struct arena *arena = arena_open(ARENA_RESERVE_STANDARD, &error);
    if (arena == NULL)
        fprintf(stderr, "isrsim: no memory for worlds: %s\n", error);
    return arena;
}

bool runner_can_run(const char *command, const struct sim_spec *spec)
{
    const char *hint, *missing = sim_consensus_missing(spec->consensus, &hint);
    char message[SIM_LABEL_BYTES + 64];
    if (missing == NULL)
        return true;
    snprintf(message, sizeof message, "scenario %s: %s", spec->name, missing);
    return command_complain(command, NULL, message, hint);
}

bool runner_can_run_all(const char *command, const struct loaded_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct scenario *scenario = &list->items[i].scenario;
        for (uint32_t v = 0; v < scenario->variants_count; v++) {
            if (!runner_can_run(command, &scenario->variants[v].spec))
                return false;
        }
    }
    return true;
}

static struct attempt_request attempt_of(const struct run_request *request)
{
    return (struct attempt_request){.spec = request->spec, .seed = request->seed};
}

struct sim_world *runner_world(struct arena *arena, const struct run_request *request)
{
    struct attempt_request attempt = attempt_of(request);
    return attempt_world(arena, &attempt, NULL);
}

static void print_story_record(void *object, struct sim_world *world, const struct sim_trace_record *record)
{
    char line[512];
    struct isr_text text = ISR_TEXT(line);
    sim_trace_print(world, record, &text);
    fprintf(object, "    %s\n", line);
}

void runner_tell_story(struct sim_world *world, FILE *out)
{
    sim_trace_listen(&world->trace, print_story_record, out, ISR_IMPORTANCE_story);
}

/* ---- the outcome ---- */

const char *runner_invariant_name(const struct run_result *result)
{
    if (!sim_verdict_is_violation(result->verdict))
        return NULL;
    return result->finally_unmet ? "finally" : sim_invariant_name(result->invariant);
}

/* Where the file asks for more than that the promises are kept. */
static void judge_finally(struct sim_world *world, const struct scenario_expectation *expectation,
                          struct run_result *result)
{
    for (uint32_t i = 0; i < expectation->finally_count; i++) {
        if (sim_condition_holds(world, &expectation->finally[i]))
            continue;
        result->verdict = SIM_VERDICT_STUCK;
        result->finally_unmet = true;
        snprintf(result->message, sizeof result->message,
                 "at the end of the run it was not true that: %s (%" PRIu64 " records acknowledged, %" PRIu64
                 " committed, %" PRIu64 " read)",
                 expectation->finally_texts[i], world->counters.records_acked,
                 world->counters.records_committed, world->counters.records_read);
        return;
    }
}

static bool is_expected(const struct scenario_expectation *expectation, const struct run_result *result)
{
    switch (expectation->outcome) {
    case SCENARIO_HOLDS:
        return result->verdict == SIM_VERDICT_HELD;
    case SCENARIO_VACUOUS:
        return result->verdict == SIM_VERDICT_VACUOUS;
    case SCENARIO_VIOLATES:
        return sim_verdict_is_violation(result->verdict) && !result->finally_unmet &&
               (expectation->invariants >> result->invariant & 1) != 0 &&
               strstr(result->message, expectation->with) != NULL;
    }
    return false;
}

struct beginning {
    const struct run_request *request;
    const struct run_hooks *hooks;
};

static void begin(void *object, struct sim_world *world)
{
    const struct beginning *beginning = object;
    assertion_watch(beginning->request, world);
    if (beginning->hooks != NULL && beginning->hooks->begin != NULL)
        beginning->hooks->begin(beginning->hooks->object, world);
}

void runner_run(struct arena *arena, const struct run_request *request, const struct run_hooks *hooks,
                struct run_result *result)
{
    const struct scenario_expectation *expectation = &request->variant->expectation;
    struct beginning beginning = {request, hooks};
    struct attempt_request wanted = attempt_of(request);
    struct attempt attempt;
    wanted.begin = begin;
    wanted.object = &beginning;
    struct sim_world *world = attempt_run(arena, &wanted, &attempt);
    *result = (struct run_result){.verdict = attempt.verdict,
                                  .invariant = attempt.invariant,
                                  .judged = request->rules == NULL,
                                  .counters = attempt.counters,
                                  .virtual_ns = attempt.virtual_ns,
                                  .hash = attempt.hash};
    memcpy(result->message, attempt.message, sizeof result->message);
    memcpy(result->unavailable, attempt.unavailable, sizeof result->unavailable);
    if (result->judged && expectation->outcome == SCENARIO_HOLDS && result->verdict == SIM_VERDICT_HELD)
        judge_finally(world, expectation, result);
    result->expected = result->judged && is_expected(expectation, result);
    if (hooks != NULL && hooks->end != NULL)
        hooks->end(hooks->object, world, result);
    assertion_watch(NULL, NULL);
}

int runner_exit_code(const struct run_result *result)
{
    if (result->expected)
        return 0;
    /* a violation that was expected and did not come: the scenario proved nothing */
    if (result->judged && result->verdict == SIM_VERDICT_HELD)
        return sim_verdict_exit_code(SIM_VERDICT_VACUOUS);
    return sim_verdict_exit_code(result->verdict);
}

int runner_worse(int a, int b)
{
    static const enum sim_verdict order[] = {SIM_VERDICT_NONDETERMINISTIC,
                                             SIM_VERDICT_CRASHED,
                                             SIM_VERDICT_VIOLATED,
                                             SIM_VERDICT_STUCK,
                                             SIM_VERDICT_ERROR,
                                             SIM_VERDICT_VACUOUS};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        int code = sim_verdict_exit_code(order[i]);
        if (a == code || b == code)
            return code;
    }
    return 0;
}

/* ---- words ---- */

void runner_describe_expectation(const struct scenario_expectation *expectation, char *text, size_t size)
{
    size_t used = 0;
    switch (expectation->outcome) {
    case SCENARIO_HOLDS:
        snprintf(text, size, "holds");
        return;
    case SCENARIO_VACUOUS:
        snprintf(text, size, "is vacuous");
        return;
    case SCENARIO_VIOLATES:
        used = (size_t)snprintf(text, size, "violates");
        break;
    }
    const char *joint = " ";
    for (uint32_t i = 0; i < SIM_INVARIANTS && used < size; i++) {
        if ((expectation->invariants >> i & 1) == 0)
            continue;
        used += (size_t)snprintf(text + used, size - used, "%s%s", joint, sim_invariant_name(i));
        joint = " or ";
    }
    if (expectation->with[0] != '\0' && used < size)
        snprintf(text + used, size - used, " with \"%s\"", expectation->with);
}

/* For a shell: quoted where it needs to be. */
static void append_word(char *text, size_t size, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./,:=+@%-";
    size_t used = strlen(text);
    if (used > 0)
        used += (size_t)snprintf(text + used, size - used, " ");
    if (*word != '\0' && strspn(word, plain) == strlen(word)) {
        snprintf(text + used, size - used, "%s", word);
        return;
    }
    used += (size_t)snprintf(text + used, size - used, "'");
    for (; *word != '\0' && used + 8 < size; word++)
        used += (size_t)snprintf(text + used, size - used, *word == '\'' ? "'\\''" : "%c", *word);
    snprintf(text + used, size - used, "'");
}

void runner_reproducer(const struct run_request *request, char *text, size_t size)
{
    char seed[32];
    text[0] = '\0';
    if (request->command != NULL) {
        snprintf(text, size, "%s", request->command);
        return;
    }
    append_word(text, size, request->program);
    append_word(text, size, "run");
    append_word(text, size, request->path);
    if (strcmp(request->variant->name, "default") != 0) {
        append_word(text, size, "--variant");
        append_word(text, size, request->variant->name);
    }
    if (request->rules != NULL) {
        append_word(text, size, "--rules");
        append_word(text, size, request->rules);
    }
    snprintf(seed, sizeof seed, "%" PRIu64, request->seed);
    append_word(text, size, "--seed");
    append_word(text, size, seed);
}

/* The four words of the machine's interface; what else went wrong is an error with its message. */
static const char *json_verdict(enum sim_verdict verdict)
{
    switch (verdict) {
    case SIM_VERDICT_HELD:
    case SIM_VERDICT_ERROR:
    case SIM_VERDICT_VIOLATED:
    case SIM_VERDICT_STUCK:
    case SIM_VERDICT_VACUOUS:
        return sim_verdict_name(verdict);
    case SIM_VERDICT_CRASHED:
    case SIM_VERDICT_NONDETERMINISTIC:
        return sim_verdict_name(SIM_VERDICT_ERROR);
    }
    return sim_verdict_name(SIM_VERDICT_ERROR);
}

/* What every object begins with: which run, and how it ended. */
static void open_json(struct json *json, const struct run_request *request, const char *verdict)
{
    json_open_object(json, NULL);
    json_integer(json, "schema", 1);
    json_string(json, "file", request->path);
    json_string(json, "scenario", request->spec->name);
    json_string(json, "variant", request->variant->name);
    json_unsigned(json, "seed", request->seed);
    json_string(json, "verdict", verdict);
}

void runner_print_skipped_json(FILE *out, const struct run_request *request, const char *reason)
{
    struct json json = json_to(out, false);
    open_json(&json, request, "skipped");
    json_string(&json, "message", reason);
    json_integer(&json, "exit_code", 0);
    json_close_object(&json);
    json_end(&json);
}

void runner_print_json(FILE *out, const struct run_request *request, const struct run_result *result,
                       const struct run_metrics *metrics)
{
    char hash[17], reproducer[1024];
    struct json json = json_to(out, false);
    snprintf(hash, sizeof hash, "%016" PRIx64, result->hash);
    runner_reproducer(request, reproducer, sizeof reproducer);
    open_json(&json, request, json_verdict(result->verdict));
    json_string(&json, "invariant", runner_invariant_name(result));
    json_string(&json, "message", result->message);
    if (result->judged)
        json_flag(&json, "expected", result->expected);
    else
        json_string(&json, "expected", NULL);
    json_unsigned(&json, "events", result->counters.events);
    json_unsigned(&json, "messages_delivered", result->counters.messages_delivered);
    json_unsigned(&json, "records_committed", result->counters.records_committed);
    json_unsigned(&json, "records_lost", result->counters.records_lost);
    json_integer(&json, "virtual_ns", result->virtual_ns);
    json_string(&json, "hash", hash);
    json_integer(&json, "exit_code", runner_exit_code(result));
    json_string(&json, "unavailable", result->unavailable[0] != '\0' ? result->unavailable : NULL);
    json_string(&json, "reproducer", reproducer);
    json_open_object(&json, "counters");
#define X(name, meaning) json_unsigned(&json, #name, result->counters.name);
#include "sim/counters.def"
#undef X
    json_close_object(&json);
    if (metrics != NULL)
        run_metrics_json(&json, metrics, request->spec);
    json_close_object(&json);
    json_end(&json);
}
