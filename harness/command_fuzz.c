/* isrsim fuzz and soak: their options. */
#include <stdio.h>
#include <string.h>

#include "harness/commands.h"
#include "harness/count_option.h"
#include "harness/fuzz.h"
#include "harness/fuzz_trace.h"
#include "harness/profile_option.h"
#include "harness/rules_option.h"
#include "harness/value.h"

enum { SEEDS_DEFAULT = 1000 };

/* A time that is no time would end the hunt before it began. */
static bool read_time(const struct command_line *line, enum option_id option, int64_t *value)
{
    const char *text = line->values[option];
    struct value_error error;
    if (text == NULL)
        return true;
    if (!value_duration(text, false, value, &error))
        return option_complain(line, option, &error);
    return *value > 0 || command_complain(line->command->name, option_infos()[option].name,
                                          "there must be some time", "for example 60s");
}

/* Which seeds: those named; or from the first one on, as many as there is time for, or so many. */
static bool read_seeds(const struct command_line *line, struct hunt *hunt)
{
    const char *seeds = line->values[OPTION_SEEDS], *from = line->values[OPTION_FROM];
    struct value_error error;
    hunt->first = 1;
    if (seeds != NULL)
        return value_seed_range(seeds, &hunt->first, &hunt->last, &error) ||
               option_complain(line, OPTION_SEEDS, &error);
    if (from != NULL && !value_seed(from, &hunt->first, &error))
        return option_complain(line, OPTION_FROM, &error);
    bool room = hunt->first <= UINT64_MAX - (SEEDS_DEFAULT - 1);
    hunt->last = hunt->budget_ns > 0 || !room ? UINT64_MAX : hunt->first + SEEDS_DEFAULT - 1;
    return true;
}

static bool read_shard(const struct command_line *line, struct hunt *hunt)
{
    const char *shard = line->values[OPTION_SHARD];
    struct value_error error;
    if (shard != NULL && !value_shard(shard, &hunt->shard, &hunt->shards, &error))
        return option_complain(line, OPTION_SHARD, &error);
    if (hunt_seeds(hunt) > 0)
        return true;
    char message[96];
    snprintf(message, sizeof message, "shard %.20s has no seed: there are fewer seeds than shards", shard);
    return command_complain(line->command->name, "shard", message, "give more seeds, or fewer shards");
}

static bool read_limits(const struct command_line *line, struct attempt_limits *limits)
{
    *limits = attempt_limits_default();
    int64_t events = (int64_t)limits->events;
    if (!count_option(line, OPTION_MAX_EVENTS, "number of events", INT64_MAX, &events))
        return false;
    limits->events = (uint64_t)events;
    return read_time(line, OPTION_MAX_TIME, &limits->wall_ns);
}

static bool read_strategy(const struct command_line *line, struct fuzz_options *options)
{
    const char *name = line->values[OPTION_STRATEGY];
    if (name == NULL || strcmp(name, "guided") != 0)
        return true;
    options->strategy = FUZZ_GUIDED;
    if (option_given(line, OPTION_SHARD))
        return command_complain(
            line->command->name, "strategy", "a guided search cannot be sharded",
            "each machine learns from its own runs: give each another first seed by --from");
    return options->request.turns_count == 0 ||
           command_complain(line->command->name, "strategy", "a guided search makes its own turns",
                            "leave out --turns, or --strategy");
}

bool fuzz_options_read(const struct command_line *line, struct fuzz_options *options)
{
    const char *rules = line->values[OPTION_RULES];
    options->json = option_given(line, OPTION_JSON);
    options->verbose = option_given(line, OPTION_VERBOSE);
    options->hunt.shard = options->hunt.shards = 1;
    return command_takes_no_argument(line) && read_time(line, OPTION_BUDGET, &options->hunt.budget_ns) &&
           read_seeds(line, &options->hunt) && read_shard(line, &options->hunt) &&
           read_limits(line, &options->hunt.limits) &&
           (rules == NULL || rules_option(line->command->name, &options->rules, rules)) &&
           jobs_option(line, &options->hunt.jobs) && profile_option(line, &options->request) &&
           read_strategy(line, options);
}

static int run(const struct command_line *line, struct fuzz_options *options)
{
    const char *trace = line->values[OPTION_TRACE];
    if (!fuzz_options_read(line, options))
        return 1;
    if (options->files != NULL && !fuzz_files_begin(options->files))
        return 1;
    if (trace == NULL)
        return fuzz_run(stdout, options);
    if (hunt_seeds(&options->hunt) == 1 && options->hunt.shards == 1)
        return fuzz_trace(stdout, options, trace);
    command_complain(line->command->name, "trace", "a trace is of one run, and this would be several",
                     "name one seed, such as --seeds 7..7");
    return 1;
}

int isr_command_fuzz(const struct command_line *line)
{
    struct fuzz_options options = {.hunt.keep_going = option_given(line, OPTION_KEEP_GOING)};
    const struct fuzz_files files = {
        .line = line, .folder = line->values[OPTION_OUTPUT], .shrink = option_given(line, OPTION_SHRINK)};
    if (files.shrink && files.folder == NULL) {
        command_complain("fuzz", "shrink", "what is made small is written to files",
                         "name a folder for them with --output");
        return 1;
    }
    options.files = files.folder != NULL ? &files : NULL;
    return run(line, &options);
}

int isr_command_soak(const struct command_line *line)
{
    struct fuzz_options options = {.hunt.keep_going = true, .each = true, .tally = true};
    return run(line, &options);
}
