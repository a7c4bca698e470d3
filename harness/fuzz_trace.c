#include "harness/fuzz_trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/assertion.h"
#include "harness/fuzz_report.h"
#include "harness/runner.h"
#include "harness/trace_file.h"

struct tracing {
    struct trace_file *file;
    const struct run_request *request;
};

static void begin(void *object, struct sim_world *world)
{
    struct tracing *tracing = object;
    assertion_watch(tracing->request, world);
    trace_file_listen(tracing->file, tracing->request, world);
}

static int trace_plan(FILE *out, const struct fuzz_options *options, const struct fault_plan *plan,
                      struct trace_file *file)
{
    static const struct scenario_variant variant = {.name = "default"}; /* which is expected to hold */
    char command[FUZZ_COMMAND_BYTES];
    struct hunt_run run = {.seed = plan->spec.seed, .kinds = plan->kinds};
    struct arena *arena = runner_arena();
    memcpy(run.turns, options->request.turns, sizeof run.turns);
    run.turns_count = options->request.turns_count;
    if (arena == NULL)
        return sim_verdict_exit_code(SIM_VERDICT_ERROR);
    fuzz_print_reproducer(command, options, &run);
    const struct run_request request = {.path = "a random scenario",
                                        .variant = &variant,
                                        .spec = &plan->spec,
                                        .seed = run.seed,
                                        .command = command};
    struct tracing tracing = {file, &request};
    const struct attempt_request wanted = {.spec = &plan->spec,
                                           .seed = run.seed,
                                           .limits = options->hunt.limits,
                                           .begin = begin,
                                           .object = &tracing};
    attempt_run(arena, &wanted, &run.attempt);
    assertion_watch(NULL, NULL);
    signature_of(&run.attempt, &plan->spec, &run.signature);
    if (options->json)
        fuzz_print_run_json(out, options, &run);
    else if (run.attempt.verdict != SIM_VERDICT_HELD)
        fuzz_print_failure(out, options, &run);
    else
        fprintf(out, "seed %" PRIu64 ": held\n", run.seed);
    arena_close(arena);
    return sim_verdict_exit_code(run.attempt.verdict);
}

int fuzz_trace(FILE *out, const struct fuzz_options *options, const char *path)
{
    struct trace_file file;
    struct fault_plan *plan = malloc(sizeof *plan);
    if (plan == NULL || !trace_file_open(&file, path)) {
        free(plan);
        return sim_verdict_exit_code(SIM_VERDICT_ERROR);
    }
    fuzz_generate(plan, options, options->hunt.first);
    int code = trace_plan(out, options, plan, &file);
    free(plan);
    return trace_file_finish(&file) ? code : runner_worse(code, sim_verdict_exit_code(SIM_VERDICT_ERROR));
}
