/* isrsim coverage: what random runs reach, and what they never do. */
#include <inttypes.h>
#include <stdlib.h>

#include "harness/commands.h"
#include "harness/coverage.h"
#include "harness/fuzz.h"
#include "harness/progress.h"
#include "harness/runner.h"

struct session {
    const struct fuzz_options *options;
    struct fault_plan *plan; /* a worker's */
    struct coverage coverage;
    struct progress progress;
    uint64_t failed, first_failed;
    int exit_code;
};

static void prepare(void *object, uint64_t seed, struct attempt_request *request, uint64_t *kinds)
{
    struct session *session = object;
    fuzz_generate(session->plan, session->options, seed);
    request->spec = &session->plan->spec;
    request->begin = coverage_watch;
    *kinds = session->plan->kinds;
}

static void took(void *object, const struct hunt_run *run)
{
    struct session *session = object;
    coverage_add(&session->coverage, run->more, run->more_bytes);
    session->exit_code = runner_worse(session->exit_code, sim_verdict_exit_code(run->attempt.verdict));
    if (run->attempt.verdict == SIM_VERDICT_HELD)
        return;
    if (session->failed++ == 0)
        session->first_failed = run->seed;
}

static void show_progress(void *object)
{
    struct session *session = object;
    char line[128];
    if (!progress_due(&session->progress))
        return;
    snprintf(line, sizeof line, "%" PRIu64 " seeds, %" PRIu64 " tuples", session->coverage.runs,
             session->coverage.tuples_count);
    progress_show(&session->progress, line);
}

static void report(struct session *session, enum hunt_end end)
{
    if (session->options->json) {
        struct json json = json_to(stdout, false);
        json_open_object(&json, NULL);
        json_integer(&json, "schema", 1);
        json_string(&json, "type", "coverage");
        json_unsigned(&json, "failed", session->failed);
        coverage_print_json(&json, &session->coverage);
        json_close_object(&json);
        json_end(&json);
        return;
    }
    if (end == HUNT_INTERRUPTED)
        printf("interrupted; what was reached until then:\n");
    coverage_print(stdout, &session->coverage);
    if (session->failed > 0)
        printf("%" PRIu64 " seeds did not hold, the first is %" PRIu64 "; `isrsim soak` tells of them\n",
               session->failed, session->first_failed);
}

int isr_command_coverage(const struct command_line *line)
{
    struct fuzz_options options = {.hunt.keep_going = true};
    struct session session = {.options = &options, .progress = progress_begin()};
    if (!fuzz_options_read(line, &options))
        return 1;
    session.plan = malloc(sizeof *session.plan);
    if (session.plan == NULL)
        return 1;
    options.hunt.prepare = prepare;
    options.hunt.ran = coverage_pack;
    options.hunt.took = took;
    options.hunt.wait = show_progress;
    options.hunt.object = &session;
    enum hunt_end end = hunt_run(&options.hunt);
    progress_clear(&session.progress);
    if (end == HUNT_FAILED)
        session.exit_code = runner_worse(session.exit_code, sim_verdict_exit_code(SIM_VERDICT_ERROR));
    report(&session, end);
    coverage_free(&session.coverage);
    free(session.plan);
    return session.exit_code;
}
