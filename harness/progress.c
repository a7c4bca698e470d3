#include "harness/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "harness/attempt.h"

#define TERMINAL_INTERVAL_NS (250 * ISR_MS)
#define LINES_INTERVAL_NS (10 * ISR_SECOND)

static int64_t interval_ns(const struct progress *progress)
{
    return progress->terminal ? TERMINAL_INTERVAL_NS : LINES_INTERVAL_NS;
}

struct progress progress_begin(void)
{
    struct progress progress = {.terminal = isatty(STDERR_FILENO) == 1, .began_ns = attempt_clock_ns()};
    progress.next_ns = progress.began_ns + interval_ns(&progress);
    return progress;
}

bool progress_due(struct progress *progress)
{
    int64_t now_ns = attempt_clock_ns();
    if (now_ns < progress->next_ns)
        return false;
    progress->next_ns = now_ns + interval_ns(progress);
    return true;
}

double progress_seconds(const struct progress *progress)
{
    return (double)(attempt_clock_ns() - progress->began_ns) / 1e9;
}

void progress_show(struct progress *progress, const char *line)
{
    fprintf(stderr, progress->terminal ? "\r\033[K%s" : "%s\n", line);
    progress->written = true;
}

void progress_clear(struct progress *progress)
{
    if (progress->terminal && progress->written)
        fprintf(stderr, "\r\033[K");
    progress->written = false;
}
