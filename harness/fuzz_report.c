#include "harness/fuzz_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/commands.h"
#include "harness/json.h"
#include "harness/runner.h"
#include "harness/schedule_bound.h"

/* ---- summing up ---- */

static void add_counters(struct sim_counters *to, const struct sim_counters *from)
{
#define X(name, meaning) to->name += from->name;
#include "sim/counters.def"
#undef X
}

const struct finding *fuzz_tally_add(struct fuzz_tally *tally, const struct hunt_run *run)
{
    const struct attempt *attempt = &run->attempt;
    tally->done++;
    tally->held += attempt->verdict == SIM_VERDICT_HELD;
    tally->vacuous += attempt->verdict == SIM_VERDICT_VACUOUS;
    tally->violated += sim_verdict_is_violation(attempt->verdict);
    tally->crashed += attempt->verdict == SIM_VERDICT_CRASHED;
    tally->virtual_ms += (uint64_t)(attempt->virtual_ns / ISR_MS);
    tally->losses_allowed += attempt->losses_allowed;
    tally->unavailable += attempt->unavailable[0] != '\0';
    for (uint32_t kind = 0; kind < FAULT_KINDS; kind++) {
        tally->kinds[kind] += (run->kinds >> kind) & 1;
        tally->drawn[kind] += run->bites.drawn[kind];
        tally->bit[kind] += run->bites.bit[kind];
    }
    add_counters(&tally->counters, &attempt->counters);
    tally->exit_code = runner_worse(tally->exit_code, sim_verdict_exit_code(attempt->verdict));
    return attempt->verdict == SIM_VERDICT_HELD ? NULL : findings_add(&tally->findings, run);
}

/* ---- commands that a person can copy ---- */

const char *fuzz_print_turns(const struct fault_turn *turns, uint32_t count, char text[FUZZ_TURNS_BYTES])
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, FUZZ_TURNS_BYTES - used, "%s%" PRIu32 ":%" PRIu64,
                                 i == 0 ? "" : ",", turns[i].after, turns[i].seed);
    return text;
}

void fuzz_append_arguments(char *text, size_t size, const struct fault_request *request,
                           const struct isr_rules *rules)
{
    size_t count, used = strlen(text);
    char turns[FUZZ_TURNS_BYTES];
    if (request->profile != FAULT_PROFILE_DEFAULT)
        used += (size_t)snprintf(text + used, size - used, " --profile %s",
                                 fault_profiles_list(&count)[request->profile].name);
    if (request->consensus == SIM_CONSENSUS_LIBRAFT)
        used += (size_t)snprintf(text + used, size - used, " --consensus libraft");
    const char *comma = " --unchecked ";
    for (int64_t invariant = 0; invariant < SIM_INVARIANTS && used < size; invariant++) {
        if ((request->unchecked >> invariant & 1) == 0)
            continue;
        used += (size_t)snprintf(text + used, size - used, "%s%s", comma, sim_invariant_name(invariant));
        comma = ",";
    }
    if (request->over_budget)
        used += (size_t)snprintf(text + used, size - used, " --over-budget");
    if (request->turns_count > 0)
        used += (size_t)snprintf(text + used, size - used, " --turns %s",
                                 fuzz_print_turns(request->turns, request->turns_count, turns));
    if (request->schedule.depth > 0)
        used += (size_t)snprintf(text + used, size - used, " --strategy pct --depth %d",
                                 (int)request->schedule.depth);
    const struct isr_rule_info *list = isr_rules_list(&count);
    const char *before = " --rules ";
    for (size_t i = 0; i < count && used < size; i++) {
        uint8_t value = ((const uint8_t *)rules)[list[i].position];
        if (value == 0)
            continue;
        used += (size_t)snprintf(text + used, size - used, "%s%s=%s", before, list[i].name,
                                 list[i].values[value]);
        before = ",";
    }
}

static struct fault_request request_of(const struct fuzz_options *options, const struct hunt_run *run)
{
    struct fault_request request = options->request;
    memcpy(request.turns, run->turns, sizeof request.turns);
    request.turns_count = run->turns_count;
    return request;
}

static void append_run(char *text, const struct fuzz_options *options, const struct hunt_run *run)
{
    struct fault_request request = request_of(options, run);
    fuzz_append_arguments(text, FUZZ_COMMAND_BYTES, &request, &options->rules);
}

/* What made too many of its events. */
static void append_limit(char *text, const struct fuzz_options *options, const struct hunt_run *run)
{
    size_t used = strlen(text);
    if (run->attempt.end == ATTEMPT_OVER_EVENTS)
        snprintf(text + used, FUZZ_COMMAND_BYTES - used, " --max-events %" PRIu64,
                 options->hunt.limits.events);
}

void fuzz_print_reproducer(char *text, const struct fuzz_options *options, const struct hunt_run *run)
{
    snprintf(text, FUZZ_COMMAND_BYTES, "isrsim fuzz --seeds %" PRIu64 "..%" PRIu64, run->seed, run->seed);
    append_run(text, options, run);
    append_limit(text, options, run);
}

static void write_expander(char *text, const struct fuzz_options *options, const struct hunt_run *run)
{
    snprintf(text, FUZZ_COMMAND_BYTES, "isrsim expand --seed %" PRIu64, run->seed);
    append_run(text, options, run);
}

static void write_shrinker(char *text, const struct fuzz_options *options, const struct hunt_run *run)
{
    snprintf(text, FUZZ_COMMAND_BYTES, "isrsim shrink --seed %" PRIu64, run->seed);
    append_run(text, options, run);
    append_limit(text, options, run);
}

/* ---- schedules ---- */

/* The probability with which a run by priorities shows a failure is that of its cluster, which is made again
 * here. Fills plan. */
static const struct sim_spec *spec_of(const struct fuzz_options *options, const struct hunt_run *run,
                                      struct fault_plan *plan)
{
    struct fault_request request = request_of(options, run);
    request.seed = run->seed;
    fault_generate(plan, &request);
    return &plan->spec;
}

static void run_schedule_json(struct json *json, const struct fuzz_options *options,
                              const struct hunt_run *run)
{
    struct fault_plan *plan = options->request.schedule.depth > 0 ? malloc(sizeof *plan) : NULL;
    if (plan != NULL)
        schedule_bound_json(json, spec_of(options, run, plan));
    free(plan);
}

static void print_schedule(FILE *out, const struct fuzz_options *options, const struct hunt_run *run)
{
    struct fault_plan *plan = options->request.schedule.depth > 0 ? malloc(sizeof *plan) : NULL;
    char text[SCHEDULE_BOUND_BYTES];
    if (plan != NULL && schedule_bound_text(spec_of(options, run, plan), text))
        fprintf(out, "  %s\n", text);
    free(plan);
}

/* ---- text ---- */

static void print_what(FILE *out, const struct attempt *attempt)
{
    fprintf(out, "%s", sim_verdict_name(attempt->verdict));
    if (sim_verdict_is_violation(attempt->verdict))
        fprintf(out, " %s", sim_invariant_name(attempt->invariant));
    fprintf(out, ": %s\n", attempt->message);
}

void fuzz_print_failure(FILE *out, const struct fuzz_options *options, const struct hunt_run *run)
{
    char command[FUZZ_COMMAND_BYTES], id[9];
    fprintf(out, "seed %" PRIu64 ": ", run->seed);
    print_what(out, &run->attempt);
    fuzz_print_reproducer(command, options, run);
    fprintf(out, "  signature %s; reproduce with: %s --verbose\n", signature_print_id(run->signature.id, id),
            command);
    write_expander(command, options, run);
    fprintf(out, "  as a scenario file: %s\n", command);
    write_shrinker(command, options, run);
    fprintf(out, "  made small: %s\n", command);
    print_schedule(out, options, run);
    fflush(out);
}

static void print_counts(FILE *out, const struct fuzz_tally *tally)
{
    fprintf(out,
            "%" PRIu64 " seed%s: %" PRIu64 " held, %" PRIu64 " violated, %" PRIu64 " vacuous, %" PRIu64
            " crashed\n",
            tally->done, tally->done == 1 ? "" : "s", tally->held, tally->violated, tally->vacuous,
            tally->crashed);
}

static void print_findings(FILE *out, const struct findings *findings)
{
    char id[9];
    if (findings->count == 0)
        return;
    fprintf(out, "signature   seeds       first  what\n");
    for (unsigned i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        fprintf(out, "%s %8" PRIu64 " %11" PRIu64 "  %s\n",
                signature_print_id(finding->first.signature.id, id), finding->count, finding->first.seed,
                finding->first.signature.text);
    }
}

static void print_files(FILE *out, const struct fuzz_files *files, const struct findings *findings)
{
    char name[FUZZ_FILE_BYTES];
    for (unsigned i = 0; files != NULL && i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        if (finding->expanded)
            fprintf(out, "written: %s\n", fuzz_file_name(files, finding, false, name));
        if (finding->shrunk)
            fprintf(out, "made small: %s\n", fuzz_file_name(files, finding, true, name));
    }
}

static void print_tally(FILE *out, const struct fuzz_tally *tally)
{
    fprintf(out, "losses that the configuration allowed: %" PRIu64 " records\n", tally->losses_allowed);
    fprintf(out, "unavailable at the end, with reason: %" PRIu64 " seeds\n", tally->unavailable);
    fprintf(out, "faults                  seeds      drawn        bit\n");
    for (uint32_t kind = 0; kind < FAULT_KINDS; kind++)
        fprintf(out, "  %-18s %8" PRIu64 " %10" PRIu64 " %10" PRIu64 "\n",
                fault_kind_info((enum fault_kind)kind)->name, tally->kinds[kind], tally->drawn[kind],
                tally->bit[kind]);
    fprintf(out, "what happened:\n");
#define X(name, meaning) fprintf(out, "  %14" PRIu64 " %s\n", tally->counters.name, meaning);
#include "sim/counters.def"
#undef X
}

static const char *end_name(enum hunt_end end)
{
    switch (end) {
    case HUNT_DONE:
        return "done";
    case HUNT_FOUND:
        return "found";
    case HUNT_OVER_BUDGET:
        return "budget";
    case HUNT_INTERRUPTED:
        return "interrupted";
    case HUNT_FAILED:
        break;
    }
    return "failed";
}

void fuzz_print_summary(FILE *out, const struct fuzz_options *options, const struct fuzz_tally *tally,
                        enum hunt_end end)
{
    if (end == HUNT_INTERRUPTED)
        fprintf(out, "interrupted; what was run until then:\n");
    print_counts(out, tally);
    if (options->strategy == FUZZ_GUIDED)
        fprintf(out, "guided: %" PRIu64 " of them reached something new, %" PRIu64 " tuples in all\n",
                tally->corpus, tally->tuples);
    print_findings(out, &tally->findings);
    print_files(out, options->files, &tally->findings);
    if (options->tally)
        print_tally(out, tally);
}

/* ---- JSON ---- */

static void attempt_json(struct json *json, const struct attempt *attempt)
{
    bool violated = sim_verdict_is_violation(attempt->verdict);
    json_string(json, "verdict", sim_verdict_name(attempt->verdict));
    json_string(json, "invariant", violated ? sim_invariant_name(attempt->invariant) : NULL);
    json_string(json, "message", attempt->message);
}

void fuzz_print_run_json(FILE *out, const struct fuzz_options *options, const struct hunt_run *run)
{
    const struct attempt *attempt = &run->attempt;
    struct json json = json_to(out, false);
    char hash[17], id[9], turns[FUZZ_TURNS_BYTES];
    snprintf(hash, sizeof hash, "%016" PRIx64, attempt->hash);
    json_open_object(&json, NULL);
    json_integer(&json, "schema", 1);
    json_string(&json, "type", "seed");
    json_unsigned(&json, "seed", run->seed);
    json_string(&json, "turns",
                run->turns_count > 0 ? fuzz_print_turns(run->turns, run->turns_count, turns) : NULL);
    attempt_json(&json, attempt);
    json_string(&json, "signature",
                run->signature.id != 0 ? signature_print_id(run->signature.id, id) : NULL);
    json_unsigned(&json, "events", attempt->counters.events);
    json_unsigned(&json, "records_committed", attempt->counters.records_committed);
    json_unsigned(&json, "losses_allowed", attempt->losses_allowed);
    json_string(&json, "unavailable", attempt->unavailable[0] != '\0' ? attempt->unavailable : NULL);
    json_integer(&json, "virtual_ns", attempt->virtual_ns);
    json_string(&json, "hash", hash);
    run_schedule_json(&json, options, run);
    json_close_object(&json);
    json_end(&json);
    if (attempt->verdict != SIM_VERDICT_HELD)
        fflush(out);
}

static void findings_json(struct json *json, const struct fuzz_options *options,
                          const struct findings *findings)
{
    char command[FUZZ_COMMAND_BYTES], name[FUZZ_FILE_BYTES], id[9];
    json_open_list(json, "findings");
    for (unsigned i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        json_open_object(json, NULL);
        json_string(json, "signature", signature_print_id(finding->first.signature.id, id));
        json_string(json, "what", finding->first.signature.text);
        json_unsigned(json, "seeds", finding->count);
        json_unsigned(json, "first_seed", finding->first.seed);
        attempt_json(json, &finding->first.attempt);
        fuzz_print_reproducer(command, options, &finding->first);
        json_string(json, "reproducer", command);
        write_expander(command, options, &finding->first);
        json_string(json, "expander", command);
        write_shrinker(command, options, &finding->first);
        json_string(json, "shrinker", command);
        if (options->files != NULL) {
            json_string(json, "file",
                        finding->expanded ? fuzz_file_name(options->files, finding, false, name) : NULL);
            json_string(json, "shrunk",
                        finding->shrunk ? fuzz_file_name(options->files, finding, true, name) : NULL);
        }
        json_close_object(json);
    }
    json_close_list(json);
}

void fuzz_print_summary_json(FILE *out, const struct fuzz_options *options, const struct fuzz_tally *tally,
                             enum hunt_end end)
{
    struct json json = json_to(out, false);
    json_open_object(&json, NULL);
    json_integer(&json, "schema", 1);
    json_string(&json, "type", "summary");
    json_string(&json, "ended", end_name(end));
    json_unsigned(&json, "seeds", tally->done);
    json_unsigned(&json, "held", tally->held);
    json_unsigned(&json, "violated", tally->violated);
    json_unsigned(&json, "vacuous", tally->vacuous);
    json_unsigned(&json, "crashed", tally->crashed);
    json_unsigned(&json, "virtual_ms", tally->virtual_ms);
    json_unsigned(&json, "losses_allowed", tally->losses_allowed);
    json_unsigned(&json, "unavailable", tally->unavailable);
    findings_json(&json, options, &tally->findings);
    json_open_object(&json, "kinds");
    for (uint32_t kind = 0; kind < FAULT_KINDS; kind++) {
        json_open_object(&json, fault_kind_info((enum fault_kind)kind)->name);
        json_unsigned(&json, "seeds", tally->kinds[kind]);
        json_unsigned(&json, "drawn", tally->drawn[kind]);
        json_unsigned(&json, "bit", tally->bit[kind]);
        json_close_object(&json);
    }
    json_close_object(&json);
    json_open_object(&json, "counters");
#define X(name, meaning) json_unsigned(&json, #name, tally->counters.name);
#include "sim/counters.def"
#undef X
    json_close_object(&json);
    json_integer(&json, "exit_code", tally->exit_code);
    json_close_object(&json);
    json_end(&json);
}
