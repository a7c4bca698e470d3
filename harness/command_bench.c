/* isrsim bench and soak: their options. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/bench.h"
#include "harness/bench_policies.h"
#include "harness/commands.h"
#include "harness/profile_option.h"
#include "harness/rules_option.h"
#include "harness/runner.h"
#include "harness/soak.h"
#include "harness/value.h"

static const char bench_letters[] = "abcdef";

int isr_command_bench(const struct command_line *line)
{
    const char *which = option_given(line, OPTION_CASES) ? line->values[OPTION_CASES] : bench_letters;
    if (!command_takes_no_argument(line))
        return 1;
    if (strspn(which, bench_letters) != strlen(which)) {
        char message[128];
        snprintf(message, sizeof message, "'%.40s' has a letter that is not of %s", which, bench_letters);
        command_complain("bench", "cases", message, "letters stand together, such as --cases ad");
        return 1;
    }
    struct arena *arena = runner_arena();
    if (arena == NULL)
        return 1;
    struct bench_result results[BENCH_CASES];
    unsigned count = bench_run(arena, which, option_given(line, OPTION_QUICK), results);
    if (option_given(line, OPTION_JSON))
        bench_print_json(stdout, results, count);
    else if (count > 0)
        bench_print_table(stdout, results, count);
    if (strchr(which, 'f') != NULL)
        bench_policies(arena, option_given(line, OPTION_QUICK), option_given(line, OPTION_JSON), stdout);
    return 0;
}

static bool read_jobs(const struct command_line *line, unsigned *jobs)
{
    const char *text = line->values[OPTION_JOBS];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t value = processors < 1 ? 1 : processors > SOAK_JOBS_MAX ? SOAK_JOBS_MAX : processors;
    struct value_error error;
    if (text != NULL && (!value_whole(text, &value, &error) || value < 1 || value > SOAK_JOBS_MAX)) {
        char message[96], hint[64];
        snprintf(message, sizeof message, "'%.40s' is no number of worker processes", text);
        snprintf(hint, sizeof hint, "there may be 1 to %d", SOAK_JOBS_MAX);
        return command_complain("soak", "jobs", message, hint);
    }
    *jobs = (unsigned)value;
    return true;
}

int isr_command_soak(const struct command_line *line)
{
    struct soak_options options = {.first = 1,
                                   .last = 1000,
                                   .json = option_given(line, OPTION_JSON),
                                   .verbose = option_given(line, OPTION_VERBOSE),
                                   .progress = isatty(STDERR_FILENO) == 1};
    struct value_error error;
    if (!command_takes_no_argument(line))
        return 1;
    const char *seeds = line->values[OPTION_SEEDS];
    if (seeds != NULL && !value_seed_range(seeds, &options.first, &options.last, &error)) {
        command_complain("soak", "seeds", error.message, error.hint);
        return 1;
    }
    const char *rules = line->values[OPTION_RULES];
    if (rules != NULL && !rules_option("soak", &options.rules, rules))
        return 1;
    if (!read_jobs(line, &options.jobs) || !profile_option(line, &options.request))
        return 1;
    return soak_run(stdout, &options);
}
