/* isrsim branch: its options, and what becomes of a run that cannot be branched. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/branch.h"
#include "harness/commands.h"
#include "harness/count_option.h"
#include "harness/one_run.h"
#include "harness/progress.h"
#include "harness/runner.h"
#include "harness/value.h"

static bool read_seeds(const struct command_line *line, struct branch *branch)
{
    const char *text = line->values[OPTION_SEEDS];
    struct value_error error;
    branch->first = 1;
    branch->last = BRANCH_SEEDS_DEFAULT;
    if (text == NULL)
        return true;
    if (!value_seed_range(text, &branch->first, &branch->last, &error))
        return option_complain(line, OPTION_SEEDS, &error);
    char message[96];
    snprintf(message, sizeof message, "a moment may have at most %d branches", BRANCH_SEEDS_MAX);
    return branch->last - branch->first < BRANCH_SEEDS_MAX ||
           command_complain("branch", "seeds", message, "100 tell a tenth, 1000 some hundredths");
}

static bool read_moments(const struct command_line *line, struct branch *branch)
{
    const char *at = line->values[OPTION_AT];
    struct value_error error;
    int64_t points = BRANCH_POINTS_DEFAULT;
    branch->at_ns = -1;
    if (at != NULL && !value_duration(at, false, &branch->at_ns, &error))
        return option_complain(line, OPTION_AT, &error);
    if (!count_option(line, OPTION_POINTS, "number of moments", BRANCH_POINTS_MAX, &points))
        return false;
    branch->points = (unsigned)points;
    return true;
}

/* ---- how it gets on ---- */

struct watch {
    struct progress progress;
    const struct branch *branch;
};

static void show(void *object)
{
    struct watch *watch = object;
    char line[96];
    if (!progress_due(&watch->progress))
        return;
    snprintf(line, sizeof line, "%" PRIu64 " branches run (%.0f s)", watch->branch->branches,
             progress_seconds(&watch->progress));
    progress_show(&watch->progress, line);
}

/* ---- what came out ---- */

static int refuse(const struct branch *branch, enum branch_end end, const char *name)
{
    char message[640], time[32];
    switch (end) {
    case BRANCH_HELD:
        snprintf(message, sizeof message, "%s, seed %" PRIu64 ": every promise held", name, branch->seed);
        command_complain("branch", NULL, message, "give a run that fails: `isrsim fuzz` finds some");
        return 1;
    case BRANCH_VACUOUS:
        snprintf(message, sizeof message, "%.400s, seed %" PRIu64 ": the run proves nothing: %.150s", name,
                 branch->seed, branch->failed.message);
        command_complain("branch", NULL, message, "give a run that fails: `isrsim fuzz` finds some");
        return 1;
    case BRANCH_TOO_LATE:
        snprintf(message, sizeof message, "the run has failed by then: at %s",
                 value_print_seconds(branch->failed.virtual_ns, time));
        command_complain("branch", "at", message, "give an earlier time");
        return 1;
    case BRANCH_UNTELLABLE:
        snprintf(message, sizeof message, "nobody knows how far the run came: %.400s",
                 branch->failed.message);
        command_complain("branch", NULL, message, "see what the process died of first");
        return 1;
    case BRANCH_INTERRUPTED:
        fprintf(stderr, "isrsim branch: interrupted\n");
        return 1;
    case BRANCH_DONE:
    case BRANCH_FAILED:
        break;
    }
    return 1;
}

static bool complain_file(const char *path)
{
    fprintf(stderr, "isrsim branch: %s: %s\n", path, strerror(errno));
    return false;
}

static bool write_csv(FILE *out, const char *path, const struct branch *branch)
{
    branch_print_csv(out, branch);
    if (fflush(out) == 0 && ferror(out) == 0)
        return true;
    return complain_file(path);
}

static int run_branches(const struct command_line *line, struct branch *branch, const struct one_run *run,
                        FILE *csv)
{
    struct arena *arena = runner_arena();
    if (arena == NULL)
        return 1;
    struct watch watch = {.progress = progress_begin(), .branch = branch};
    branch->wait = show;
    branch->object = &watch;
    enum branch_end end = branch_run(arena, branch);
    progress_clear(&watch.progress);
    if (end != BRANCH_DONE && (end != BRANCH_INTERRUPTED || branch->count == 0))
        return refuse(branch, end, run->name);
    if (option_given(line, OPTION_JSON)) {
        branch_print_json(stdout, branch, run->name);
    } else {
        printf("%s, seed %" PRIu64 ": ", run->name, branch->seed);
        branch_print_text(stdout, branch);
    }
    if (csv != NULL && !write_csv(csv, line->values[OPTION_CSV], branch))
        return 1;
    return end == BRANCH_DONE ? 0 : refuse(branch, end, run->name);
}

int isr_command_branch(const struct command_line *line)
{
    struct one_run run;
    struct branch *branch = calloc(1, sizeof *branch);
    const char *path = line->values[OPTION_CSV];
    FILE *csv = NULL;
    int code = 1;
    if (branch == NULL)
        return 1;
    branch->limits = attempt_limits_default();
    if (read_seeds(line, branch) && read_moments(line, branch) && jobs_option(line, &branch->jobs) &&
        one_run_read(&run, line)) {
        branch->spec = &run.spec;
        branch->seed = run.seed;
        if (path == NULL || (csv = fopen(path, "w")) != NULL || complain_file(path))
            code = run_branches(line, branch, &run, csv);
        one_run_free(&run);
    }
    if (csv != NULL)
        fclose(csv);
    free(branch);
    return code;
}
