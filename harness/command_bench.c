/* isrsim bench: its options. */
#include <stdio.h>
#include <string.h>

#include "harness/bench.h"
#include "harness/bench_fuzz.h"
#include "harness/bench_policies.h"
#include "harness/bench_shrink.h"
#include "harness/commands.h"
#include "harness/runner.h"

static const char bench_letters[] = "abcdefgh";

/* What is measured in this process. */
static bool bench_worlds(const char *which, bool quick, bool json)
{
    struct arena *arena = runner_arena();
    if (arena == NULL)
        return false;
    struct bench_result results[BENCH_CASES];
    unsigned count = bench_run(arena, which, quick, results);
    if (json)
        bench_print_json(stdout, results, count);
    else if (count > 0)
        bench_print_table(stdout, results, count);
    if (strchr(which, 'f') != NULL)
        bench_policies(arena, quick, json, stdout);
    bool good = strchr(which, 'h') == NULL || bench_shrink(arena, quick, json, stdout);
    arena_close(arena);
    return good;
}

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
    bool quick = option_given(line, OPTION_QUICK), json = option_given(line, OPTION_JSON);
    if (!bench_worlds(which, quick, json))
        return 1;
    return strchr(which, 'g') == NULL || bench_fuzz(quick, json, stdout) ? 0 : 1;
}
