#include "harness/soak.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "faults/generate.h"
#include "harness/attempt.h"
#include "harness/runner.h"

/* What a worker tells of one seed. */
struct report {
    uint64_t seed;
    uint64_t kinds;
    uint8_t verdict;   /* enum sim_verdict */
    uint8_t invariant; /* enum sim_invariant, when violated */
    uint8_t started;   /* 1: the seed begins now; 0: it is done */
    uint8_t worker;
    uint64_t losses_allowed;
    uint64_t hash;
    struct sim_counters counters;
    char message[1024];
};

/* ---- a worker ---- */

static void write_report(int pipe_fd, const struct report *report)
{
    const char *bytes = (const char *)report;
    size_t left = sizeof *report;
    while (left > 0) {
        ssize_t written = write(pipe_fd, bytes, left);
        if (written <= 0)
            _exit(1);
        bytes += written;
        left -= (size_t)written;
    }
}

static void tell_story(void *object, struct sim_world *world)
{
    (void)object;
    runner_tell_story(world, stderr);
}

static void run_seed(struct arena *arena, struct fault_plan *plan, const struct soak_options *options,
                     struct report *report)
{
    struct fault_request request = options->request;
    request.seed = report->seed;
    fault_generate(plan, &request);
    plan->spec.rules = options->rules;
    struct attempt_request wanted = {.spec = &plan->spec,
                                     .seed = report->seed,
                                     .begin = options->verbose ? tell_story : NULL,
                                     .object = NULL};
    struct attempt attempt;
    attempt_run(arena, &wanted, &attempt);
    report->kinds = plan->kinds;
    report->verdict = (uint8_t)attempt.verdict;
    report->invariant = (uint8_t)attempt.invariant;
    report->losses_allowed = attempt.losses_allowed;
    report->hash = attempt.hash;
    report->counters = attempt.counters;
    memcpy(report->message, attempt.message, sizeof report->message);
}

static _Noreturn void work(int pipe_fd, const struct soak_options *options, unsigned worker)
{
    struct arena *arena = runner_arena();
    struct fault_plan *plan = malloc(sizeof *plan);
    if (arena == NULL || plan == NULL)
        _exit(1);
    /* Counted from the first: seeds may go up to the greatest number there is. */
    uint64_t seeds = options->last - options->first;
    for (uint64_t i = worker; i <= seeds; i += options->jobs) {
        struct report report = {.seed = options->first + i, .started = 1, .worker = (uint8_t)worker};
        write_report(pipe_fd, &report);
        report.started = 0;
        run_seed(arena, plan, options, &report);
        write_report(pipe_fd, &report);
        if (seeds - i < options->jobs)
            break;
    }
    _exit(0);
}

/* ---- the parent ---- */

struct tally {
    uint64_t done, held, vacuous, violated, other;
    uint64_t losses_allowed;
    uint64_t kinds[FAULT_KINDS];
    struct sim_counters counters;
    int exit_code;
    uint64_t running[SOAK_JOBS_MAX]; /* by worker: its seed, when busy */
    bool busy[SOAK_JOBS_MAX];
};

static void add_counters(struct sim_counters *to, const struct sim_counters *from)
{
#define X(name, meaning) to->name += from->name;
#include "sim/counters.def"
#undef X
}

static void print_reproducer(FILE *out, const struct soak_options *options, uint64_t seed)
{
    size_t count;
    fprintf(out, "  reproduce with: isrsim soak --seeds %llu..%llu --verbose", (unsigned long long)seed,
            (unsigned long long)seed);
    if (options->request.profile != FAULT_PROFILE_DEFAULT)
        fprintf(out, " --profile %s", fault_profiles_list(&count)[options->request.profile].name);
    if (options->request.over_budget)
        fprintf(out, " --over-budget");
    const struct isr_rule_info *rules = isr_rules_list(&count);
    const char *before = " --rules ";
    for (size_t i = 0; i < count; i++) {
        uint8_t value = ((const uint8_t *)&options->rules)[rules[i].position];
        if (value == 0)
            continue;
        fprintf(out, "%s%s=%s", before, rules[i].name, rules[i].values[value]);
        before = ",";
    }
    fprintf(out, "\n");
}

static void print_failure(FILE *out, const struct soak_options *options, const struct report *report)
{
    fprintf(out, "seed %llu: %s", (unsigned long long)report->seed,
            sim_verdict_name((enum sim_verdict)report->verdict));
    if (report->verdict == SIM_VERDICT_VIOLATED || report->verdict == SIM_VERDICT_STUCK)
        fprintf(out, " %s", sim_invariant_name(report->invariant));
    fprintf(out, ": %s\n", report->message);
    print_reproducer(out, options, report->seed);
    fflush(out);
}

static void take_report(FILE *out, struct tally *tally, const struct report *report,
                        const struct soak_options *options)
{
    tally->running[report->worker] = report->seed;
    tally->busy[report->worker] = report->started != 0;
    if (report->started)
        return;
    tally->done++;
    tally->held += report->verdict == SIM_VERDICT_HELD;
    tally->vacuous += report->verdict == SIM_VERDICT_VACUOUS;
    tally->violated += report->verdict == SIM_VERDICT_VIOLATED || report->verdict == SIM_VERDICT_STUCK;
    tally->losses_allowed += report->losses_allowed;
    for (uint32_t kind = 0; kind < FAULT_KINDS; kind++)
        tally->kinds[kind] += (report->kinds >> kind) & 1;
    add_counters(&tally->counters, &report->counters);
    tally->exit_code =
        runner_worse(tally->exit_code, sim_verdict_exit_code((enum sim_verdict)report->verdict));
    if (options->json)
        fprintf(out,
                "{\"schema\":1,\"seed\":%llu,\"verdict\":\"%s\",\"events\":%llu,\"records_committed\":%llu,"
                "\"hash\":\"%016llx\"}\n",
                (unsigned long long)report->seed, sim_verdict_name((enum sim_verdict)report->verdict),
                (unsigned long long)report->counters.events,
                (unsigned long long)report->counters.records_committed, (unsigned long long)report->hash);
    else if (report->verdict != SIM_VERDICT_HELD)
        print_failure(out, options, report);
}

static void print_tally(FILE *out, const struct tally *tally)
{
    fprintf(out, "%llu seed%s: %llu held, %llu violated, %llu vacuous, %llu crashed\n",
            (unsigned long long)tally->done, tally->done == 1 ? "" : "s", (unsigned long long)tally->held,
            (unsigned long long)tally->violated, (unsigned long long)tally->vacuous,
            (unsigned long long)tally->other);
    fprintf(out, "losses that the configuration allowed: %llu records\n",
            (unsigned long long)tally->losses_allowed);
    fprintf(out, "fault kinds turned on, by seeds:");
    for (uint32_t kind = 0; kind < FAULT_KINDS; kind++)
        fprintf(out, " %s %llu", fault_kind_name((enum fault_kind)kind),
                (unsigned long long)tally->kinds[kind]);
    fprintf(out, "\nwhat happened:\n");
#define X(name, meaning) fprintf(out, "  %14llu %s\n", (unsigned long long)tally->counters.name, meaning);
#include "sim/counters.def"
#undef X
}

static bool read_report(int pipe_fd, struct report *report)
{
    char *bytes = (char *)report;
    size_t have = 0;
    while (have < sizeof *report) {
        ssize_t got = read(pipe_fd, bytes + have, sizeof *report - have);
        if (got <= 0)
            return false;
        have += (size_t)got;
    }
    return true;
}

static void wait_for_workers(FILE *out, const pid_t *pids, const struct soak_options *options,
                             struct tally *tally)
{
    for (unsigned i = 0; i < options->jobs; i++) {
        int status = 0;
        waitpid(pids[i], &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            continue;
        tally->other++;
        tally->exit_code = sim_verdict_exit_code(SIM_VERDICT_CRASHED);
        if (!tally->busy[i])
            continue;
        fprintf(out, "seed %llu: the engine failed; later seeds of its worker were not run\n",
                (unsigned long long)tally->running[i]);
        print_reproducer(out, options, tally->running[i]);
    }
}

static void show_progress(const struct tally *tally, const struct soak_options *options, time_t *shown)
{
    time_t now = time(NULL);
    if (!options->progress || now == *shown)
        return;
    *shown = now;
    fprintf(stderr, "\r%llu of %llu seeds, %llu failures ", (unsigned long long)tally->done,
            (unsigned long long)(options->last - options->first + 1),
            (unsigned long long)(tally->done - tally->held));
}

/* The workers, each with a pipe of its own that it writes its reports to. False after a message on stderr. */
static bool start_workers(const struct soak_options *options, int *pipes, pid_t *pids)
{
    fflush(NULL);
    for (unsigned i = 0; i < options->jobs; i++) {
        int ends[2];
        if (pipe(ends) != 0 || (pids[i] = fork()) < 0) {
            perror("isrsim: soak");
            return false;
        }
        if (pids[i] == 0) {
            close(ends[0]);
            work(ends[1], options, i);
        }
        close(ends[1]);
        pipes[i] = ends[0];
    }
    return true;
}

/* The reports of a worker's next seed; false when there will be no more. */
static bool take_seed(FILE *out, int pipe_fd, struct tally *tally, const struct soak_options *options)
{
    struct report report = {.started = 1};
    while (report.started) {
        if (!read_report(pipe_fd, &report))
            return false;
        take_report(out, tally, &report, options);
    }
    return true;
}

int soak_run(FILE *out, const struct soak_options *options)
{
    int pipes[SOAK_JOBS_MAX];
    pid_t pids[SOAK_JOBS_MAX];
    bool ended[SOAK_JOBS_MAX] = {false};
    struct tally tally = {0};
    time_t shown = 0;
    if (!start_workers(options, pipes, pids))
        return sim_verdict_exit_code(SIM_VERDICT_ERROR);
    /* The pipes are read in turn: the report is then in the order of the seeds, whoever was faster. */
    unsigned left = options->jobs;
    for (unsigned i = 0; left > 0; i = (i + 1) % options->jobs) {
        if (ended[i])
            continue;
        ended[i] = !take_seed(out, pipes[i], &tally, options);
        show_progress(&tally, options, &shown);
        if (ended[i]) {
            close(pipes[i]);
            left--;
        }
    }
    if (options->progress)
        fprintf(stderr, "\r\033[K");
    wait_for_workers(out, pids, options, &tally);
    if (!options->json)
        print_tally(out, &tally);
    return tally.exit_code;
}
