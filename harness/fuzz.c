#include "harness/fuzz.h"

#include <inttypes.h>
#include <stdlib.h>

#include "harness/fuzz_report.h"
#include "harness/progress.h"
#include "harness/runner.h"

struct session {
    const struct fuzz_options *options;
    FILE *out;
    struct fault_plan *plan; /* a worker's */
    struct fuzz_tally tally;
    struct progress progress;
    uint64_t seeds; /* to be run; UINT64_MAX: until the time is over */
};

/* ---- in a worker ---- */

static void tell_story(void *object, struct sim_world *world)
{
    (void)object;
    runner_tell_story(world, stderr);
}

void fuzz_generate(struct fault_plan *plan, const struct fuzz_options *options, uint64_t seed)
{
    struct fault_request wanted = options->request;
    wanted.seed = seed;
    fault_generate(plan, &wanted);
    plan->spec.rules = options->rules;
}

static void prepare(void *object, uint64_t seed, struct attempt_request *request, uint64_t *kinds)
{
    struct session *session = object;
    fuzz_generate(session->plan, session->options, seed);
    request->spec = &session->plan->spec;
    request->begin = session->options->verbose ? tell_story : NULL;
    *kinds = session->plan->kinds;
}

/* ---- in the parent ---- */

static void took(void *object, const struct hunt_run *run)
{
    struct session *session = object;
    const struct fuzz_options *options = session->options;
    const struct finding *finding = fuzz_tally_add(&session->tally, run);
    bool failed = run->attempt.verdict != SIM_VERDICT_HELD;
    if (options->json) {
        fuzz_print_run_json(session->out, run);
    } else if (failed && (options->each || finding == NULL || finding->count == 1)) {
        progress_clear(&session->progress);
        fuzz_print_failure(session->out, options, run);
    }
}

static void show_progress(void *object)
{
    struct session *session = object;
    const struct fuzz_tally *tally = &session->tally;
    char line[256], of[32] = "";
    if (!progress_due(&session->progress))
        return;
    double seconds = progress_seconds(&session->progress);
    if (session->seeds != UINT64_MAX)
        snprintf(of, sizeof of, " of %" PRIu64, session->seeds);
    snprintf(line, sizeof line,
             "%" PRIu64 "%s seeds (%.0f/s), %" PRIu64 " s of virtual time, %.2f M events/s, %" PRIu64
             " failure%s, %u signature%s",
             tally->done, of, (double)tally->done / seconds, tally->virtual_ms / 1000,
             (double)tally->counters.events / seconds / 1e6, tally->done - tally->held,
             tally->done - tally->held == 1 ? "" : "s", tally->findings.count,
             tally->findings.count == 1 ? "" : "s");
    progress_show(&session->progress, line);
}

int fuzz_run(FILE *out, const struct fuzz_options *options)
{
    struct hunt hunt = options->hunt;
    struct session session = {.options = options, .out = out, .progress = progress_begin()};
    session.plan = malloc(sizeof *session.plan);
    if (session.plan == NULL)
        return sim_verdict_exit_code(SIM_VERDICT_ERROR);
    session.seeds = hunt_seeds(&hunt);
    hunt.prepare = prepare;
    hunt.took = took;
    hunt.wait = show_progress;
    hunt.object = &session;
    enum hunt_end end = hunt_run(&hunt);
    progress_clear(&session.progress);
    struct fuzz_tally *tally = &session.tally;
    if (end == HUNT_FAILED)
        tally->exit_code = runner_worse(tally->exit_code, sim_verdict_exit_code(SIM_VERDICT_ERROR));
    else if (tally->done == 0)
        tally->exit_code = sim_verdict_exit_code(SIM_VERDICT_VACUOUS); /* nothing was run */
    if (options->json)
        fuzz_print_summary_json(out, options, tally, end);
    else
        fuzz_print_summary(out, options, tally, end);
    findings_free(&tally->findings);
    free(session.plan);
    return tally->exit_code;
}
