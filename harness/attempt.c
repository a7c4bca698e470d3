#include "harness/attempt.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/assertion.h"
#include "harness/pipe.h"
#include "harness/value.h"
#include "sim/checks/checks.h"

/* The machine's clock is looked at once in so many events: some milliseconds. */
enum { EVENTS_BETWEEN_LOOKS = 8192 };

int64_t attempt_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * ISR_SECOND + now.tv_nsec;
}

/* ---- in this process ---- */

struct sim_world *attempt_world(struct arena *arena, const struct attempt_request *request,
                                struct sim_checks **checks)
{
    struct sim_world *world = sim_world_new(arena, request->spec, request->seed);
    uint32_t unchecked = request->spec->unchecked | request->unchecked;
    struct sim_checks *made =
        sim_checks_new(world, &(struct sim_checks_options){.armed = SIM_CHECKS_ALL & ~unchecked});
    if (checks != NULL)
        *checks = made;
    return world;
}

static enum attempt_end run_within(struct sim_world *world, const struct attempt_limits *limits)
{
    int64_t until_ns = limits->wall_ns == 0 ? ISR_TIME_NEVER : attempt_clock_ns() + limits->wall_ns;
    uint64_t events = limits->events == 0 ? UINT64_MAX : limits->events;
    while (sim_world_step(world)) {
        if (world->counters.events > events)
            return ATTEMPT_OVER_EVENTS;
        if (world->counters.events % EVENTS_BETWEEN_LOOKS == 0 && until_ns != ISR_TIME_NEVER &&
            attempt_clock_ns() > until_ns)
            return ATTEMPT_OVER_TIME;
    }
    return ATTEMPT_ENDED;
}

static void tell_limit(struct attempt *attempt, const struct attempt_limits *limits)
{
    char limit[32], reached[32];
    value_print_seconds(attempt->virtual_ns, reached);
    if (attempt->end == ATTEMPT_OVER_EVENTS)
        snprintf(limit, sizeof limit, "%" PRIu64 " events", limits->events);
    else
        value_print_duration(limits->wall_ns, limit);
    attempt->verdict = SIM_VERDICT_CRASHED;
    snprintf(attempt->message, sizeof attempt->message,
             "the run was ended at virtual time %s: it took more than %s", reached, limit);
}

struct sim_world *attempt_run(struct arena *arena, const struct attempt_request *request,
                              struct attempt *attempt)
{
    struct sim_checks *checks;
    struct sim_world *world = request->make != NULL ? request->make(request->make_object, arena, &checks)
                                                    : attempt_world(arena, request, &checks);
    if (request->begin != NULL)
        request->begin(request->object, world);
    enum attempt_end end = run_within(world, &request->limits);
    if (end == ATTEMPT_ENDED)
        sim_world_finish(world);
    struct sim_checks_report report;
    sim_checks_report(checks, &report);
    *attempt = (struct attempt){.verdict = world->verdict,
                                .invariant = world->invariant,
                                .end = end,
                                .counters = world->counters,
                                .virtual_ns = world->now_ns,
                                .hash = world->trace.hash,
                                .losses_allowed = report.losses_allowed};
    snprintf(attempt->message, sizeof attempt->message, "%s", world->message);
    snprintf(attempt->unavailable, sizeof attempt->unavailable, "%s", world->unavailable);
    if (end != ATTEMPT_ENDED && !sim_verdict_is_violation(attempt->verdict))
        tell_limit(attempt, &request->limits);
    return world;
}

void attempt_step_to(struct sim_world *world, uint64_t events)
{
    while (world->counters.events < events && sim_world_step(world))
        continue;
}

/* ---- in a process of its own ---- */

/* A run looks at the clock itself; only where it does not come to that the alarm ends its process. */
void attempt_set_alarm(const struct attempt_limits *limits)
{
    enum { SECONDS_MORE = 2, SECONDS_MOST = 1000000 };
    int64_t seconds = limits->wall_ns / ISR_SECOND + SECONDS_MORE;
    alarm(limits->wall_ns == 0 ? 0 : (unsigned)(seconds < SECONDS_MOST ? seconds : SECONDS_MOST));
}

static void describe_end(struct attempt *attempt, int status, const struct attempt_limits *limits)
{
    char limit[32];
    if (attempt->end == ATTEMPT_OVER_TIME)
        snprintf(attempt->message, sizeof attempt->message,
                 "the run was ended in the middle of an event: it took more than %s",
                 value_print_duration(limits->wall_ns, limit));
    else if (WIFSIGNALED(status))
        snprintf(attempt->message, sizeof attempt->message, "the process died of signal %d (%s)",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(attempt->message, sizeof attempt->message, "the process ended with exit code %d",
                 WEXITSTATUS(status));
}

void attempt_died(struct attempt *attempt, int status, const struct attempt_limits *limits)
{
    bool hung = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
    *attempt =
        (struct attempt){.verdict = SIM_VERDICT_CRASHED, .end = hung ? ATTEMPT_OVER_TIME : ATTEMPT_DIED};
    describe_end(attempt, status, limits);
}

void attempt_asserted(struct attempt *attempt, const struct sim_world *world, const char *message)
{
    *attempt = (struct attempt){.verdict = SIM_VERDICT_CRASHED, .end = ATTEMPT_DIED};
    snprintf(attempt->message, sizeof attempt->message, "%s", message);
    if (world == NULL)
        return;
    attempt->counters = world->counters;
    attempt->virtual_ns = world->now_ns;
    attempt->hash = world->trace.hash;
}

struct child {
    int fd;
    const struct attempt_request *request;
    struct sim_world *world;
};

static void send_assertion(void *object, const char *message)
{
    struct child *child = object;
    struct attempt attempt;
    attempt_asserted(&attempt, child->world, message);
    pipe_write(child->fd, &attempt, sizeof attempt);
}

static void begin_in_child(void *object, struct sim_world *world)
{
    struct child *child = object;
    child->world = world;
    if (child->request->begin != NULL)
        child->request->begin(child->request->object, world);
}

static _Noreturn void run_in_child(struct arena *arena, const struct attempt_request *request, int fd)
{
    struct attempt attempt;
    struct child child = {.fd = fd, .request = request};
    struct attempt_request own = *request;
    own.begin = begin_in_child;
    own.object = &child;
    attempt_set_alarm(&request->limits);
    assertion_tell(send_assertion, &child);
    attempt_run(arena, &own, &attempt);
    fflush(NULL);
    _exit(pipe_write(fd, &attempt, sizeof attempt) ? 0 : 1);
}

int attempt_wait(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

bool attempt_apart(struct arena *arena, const struct attempt_request *request, struct attempt *attempt)
{
    int ends[2];
    pid_t child = -1;
    fflush(NULL);
    if (pipe(ends) != 0 || (child = fork()) < 0) {
        perror("isrsim: a process for a run");
        return false;
    }
    if (child == 0) {
        close(ends[0]);
        run_in_child(arena, request, ends[1]);
    }
    close(ends[1]);
    bool told = pipe_read(ends[0], attempt, sizeof *attempt);
    close(ends[0]);
    int status = attempt_wait(child);
    if (!told)
        attempt_died(attempt, status, &request->limits);
    return true;
}
