/* isrsim bench: its options. */
#include <stdio.h>
#include <string.h>

#include "harness/bench.h"
#include "harness/bench_policies.h"
#include "harness/commands.h"
#include "harness/runner.h"

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
