#include "harness/fuzz.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/fuzz_report.h"
#include "harness/guided.h"
#include "harness/progress.h"
#include "harness/runner.h"

struct session {
    const struct fuzz_options *options;
    FILE *out;
    struct fault_plan *plan; /* a worker's */
    struct fuzz_tally tally;
    struct progress progress;
    uint64_t seeds; /* to be run; UINT64_MAX: until the time is over */
    struct guided guided;
};

/* ---- in a worker ---- */

static void begin(void *object, struct sim_world *world)
{
    const struct session *session = object;
    if (session->options->strategy == FUZZ_GUIDED)
        coverage_watch(NULL, world);
    if (session->options->verbose)
        runner_tell_story(world, stderr);
}

void fuzz_generate(struct fault_plan *plan, const struct fuzz_options *options, uint64_t seed)
{
    struct fault_request wanted = options->request;
    wanted.seed = seed;
    fault_generate(plan, &wanted);
    plan->spec.rules = options->rules;
}

/* Of a guided search the seed is a place in the round. */
static void prepare(void *object, uint64_t seed, struct attempt_request *request, uint64_t *kinds)
{
    struct session *session = object;
    struct fuzz_options options = *session->options;
    if (options.strategy == FUZZ_GUIDED) {
        const struct guided_candidate *candidate = &session->guided.round[seed];
        memcpy(options.request.turns, candidate->turns, sizeof candidate->turns);
        options.request.turns_count = candidate->turns_count;
        seed = candidate->seed;
    }
    fuzz_generate(session->plan, &options, seed);
    request->seed = seed;
    request->spec = &session->plan->spec;
    request->begin = begin;
    request->object = session;
    *kinds = session->plan->kinds;
}

/* ---- in the parent ---- */

/* A run of a guided search as that of its seed, and what there is to learn from it. */
static void take_candidate(struct session *session, struct hunt_run *run)
{
    uint32_t place = (uint32_t)run->seed;
    const struct guided_candidate *candidate = &session->guided.round[place];
    guided_learn(&session->guided, place, run->more, run->more_bytes, run->attempt.counters.steps_run);
    session->tally.corpus = session->guided.corpus_count;
    session->tally.tuples = session->guided.coverage.tuples_count;
    run->seed = candidate->seed;
    memcpy(run->turns, candidate->turns, sizeof run->turns);
    run->turns_count = candidate->turns_count;
}

static void tell(struct session *session, const struct hunt_run *run)
{
    const struct fuzz_options *options = session->options;
    const struct finding *finding = fuzz_tally_add(&session->tally, run);
    bool failed = run->attempt.verdict != SIM_VERDICT_HELD;
    if (options->json) {
        fuzz_print_run_json(session->out, options, run);
    } else if (failed && (options->each || finding == NULL || finding->count == 1)) {
        progress_clear(&session->progress);
        fuzz_print_failure(session->out, options, run);
    }
}

static void took(void *object, const struct hunt_run *run)
{
    struct session *session = object;
    struct hunt_run own = *run;
    if (session->options->strategy == FUZZ_GUIDED) {
        take_candidate(session, &own);
    } else {
        memcpy(own.turns, session->options->request.turns, sizeof own.turns);
        own.turns_count = session->options->request.turns_count;
    }
    own.more = NULL;
    tell(session, &own);
}

static void show_progress(void *object)
{
    struct session *session = object;
    const struct fuzz_tally *tally = &session->tally;
    char line[256], of[32] = "", reached[48] = "";
    if (!progress_due(&session->progress))
        return;
    double seconds = progress_seconds(&session->progress);
    if (session->seeds != UINT64_MAX)
        snprintf(of, sizeof of, " of %" PRIu64, session->seeds);
    if (session->options->strategy == FUZZ_GUIDED)
        snprintf(reached, sizeof reached, ", %" PRIu64 " tuples reached", tally->tuples);
    snprintf(line, sizeof line,
             "%" PRIu64 "%s seeds (%.0f/s), %" PRIu64 " s of virtual time, %.2f M events/s, %" PRIu64
             " failure%s, %u signature%s%s",
             tally->done, of, (double)tally->done / seconds, tally->virtual_ms / 1000,
             (double)tally->counters.events / seconds / 1e6, tally->done - tally->held,
             tally->done - tally->held == 1 ? "" : "s", tally->findings.count,
             tally->findings.count == 1 ? "" : "s", reached);
    progress_show(&session->progress, line);
}

/* Round after round. */
static enum hunt_end hunt_guided(struct session *session, struct hunt *hunt)
{
    uint64_t left = session->seeds;
    int64_t until_ns = attempt_clock_ns() + hunt->budget_ns;
    bool timed = hunt->budget_ns > 0;
    enum hunt_end end = HUNT_DONE;
    hunt->ran = coverage_pack;
    while (left > 0 && end == HUNT_DONE) {
        uint32_t count = left < GUIDED_ROUND ? (uint32_t)left : GUIDED_ROUND;
        guided_plan_round(&session->guided, count);
        hunt->first = 0;
        hunt->last = count - 1;
        hunt->budget_ns = timed ? until_ns - attempt_clock_ns() : 0;
        if (timed && hunt->budget_ns <= 0)
            return HUNT_OVER_BUDGET;
        end = hunt_run(hunt);
        left -= count;
        if (!hunt->keep_going && session->tally.held < session->tally.done)
            return HUNT_FOUND;
    }
    return end;
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
    guided_init(&session.guided, hunt.first);
    enum hunt_end end = options->strategy == FUZZ_GUIDED ? hunt_guided(&session, &hunt) : hunt_run(&hunt);
    progress_clear(&session.progress);
    struct fuzz_tally *tally = &session.tally;
    if (end == HUNT_FAILED)
        tally->exit_code = runner_worse(tally->exit_code, sim_verdict_exit_code(SIM_VERDICT_ERROR));
    else if (tally->done == 0)
        tally->exit_code = sim_verdict_exit_code(SIM_VERDICT_VACUOUS); /* nothing was run */
    if (options->files != NULL)
        fuzz_files_write(options->files, &tally->findings);
    if (options->json)
        fuzz_print_summary_json(out, options, tally, end);
    else
        fuzz_print_summary(out, options, tally, end);
    findings_free(&tally->findings);
    guided_free(&session.guided);
    free(session.plan);
    return tally->exit_code;
}
