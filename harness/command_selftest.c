/* isrsim selftest: the proofs and their options. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/commands.h"
#include "harness/progress.h"
#include "harness/runner.h"
#include "harness/selftest.h"
#include "harness/value.h"

static int fail(const struct selftest_checkpoints *test, uint64_t seed)
{
    printf("seed %" PRIu64 ": %s\n  reproduce with: isrsim selftest checkpoints --seeds %" PRIu64 "..%" PRIu64
           "\n",
           seed, test->message, seed, seed);
    return sim_verdict_exit_code(SIM_VERDICT_NONDETERMINISTIC);
}

static void show(struct progress *progress, uint64_t done, uint64_t all)
{
    char line[64];
    snprintf(line, sizeof line, "%" PRIu64 " of %" PRIu64 " seeds", done, all);
    progress_show(progress, line);
}

static int prove_checkpoints(struct arena *arena, struct selftest_checkpoints *test, uint64_t first,
                             uint64_t last)
{
    struct progress progress = progress_begin();
    int code = 0;
    for (uint64_t seed = first; code == 0; seed++) {
        if (!selftest_checkpoints_seed(test, arena, seed))
            code = fail(test, seed);
        else if (progress_due(&progress))
            show(&progress, test->seeds, last - first + 1);
        if (seed == last)
            break;
    }
    progress_clear(&progress);
    if (code == 0)
        printf("%" PRIu64 " random runs, %" PRIu64 " checkpoints taken, %" PRIu64
               " restored: every hash the same, every byte of %" PRIu64 " MiB compared\n",
               test->seeds, test->taken, test->restored, test->bytes_compared >> 20);
    return code;
}

int isr_command_selftest(const struct command_line *line)
{
    uint64_t first = 1, last = 1000;
    struct value_error error;
    const char *seeds = line->values[OPTION_SEEDS];
    if (line->arguments_count != 1 || strcmp(line->arguments[0], "checkpoints") != 0) {
        command_complain("selftest", NULL, "what is to be proven?", "write `isrsim selftest checkpoints`");
        return 1;
    }
    if (seeds != NULL && !value_seed_range(seeds, &first, &last, &error)) {
        command_complain("selftest", "seeds", error.message, error.hint);
        return 1;
    }
    struct arena *arena = runner_arena();
    struct selftest_checkpoints *test = calloc(1, sizeof *test);
    if (arena == NULL || test == NULL) {
        free(test);
        return 1;
    }
    int code = prove_checkpoints(arena, test, first, last);
    selftest_checkpoints_free(test);
    free(test);
    return code;
}
