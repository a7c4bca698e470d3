#define _XOPEN_SOURCE 700 /* a stack for signals */
#include "harness/attempt.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/apart.h"
#include "harness/assertion.h"
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

/* ---- last words ---- */

enum { TICK_MS = 20 };

/* What is being run, for those who are told of nothing but a signal: it comes at any moment. */
static volatile struct {
    struct attempt *attempt;               /* NULL: nobody listens */
    const struct attempt_request *request; /* that is not over */
    struct sim_world *world;
    unsigned ticks_most; /* in one event */
    unsigned ticks;
    uint64_t events; /* at the last tick */
    bool ready;
} dying;

static void fill_from(struct attempt *attempt, enum attempt_end end, const struct sim_world *world)
{
    *attempt = (struct attempt){.verdict = SIM_VERDICT_CRASHED, .end = end};
    if (world == NULL)
        return;
    attempt->counters = world->counters;
    attempt->virtual_ns = world->now_ns;
    attempt->hash = world->trace.hash;
}

void attempt_asserted(struct attempt *attempt, const struct sim_world *world, const char *message)
{
    fill_from(attempt, ATTEMPT_DIED, world);
    snprintf(attempt->message, sizeof attempt->message, "%s", message);
}

/* Once: what is called here may fail too. */
static struct attempt *last_attempt(void)
{
    struct attempt *attempt = dying.attempt;
    dying.attempt = NULL;
    return attempt;
}

static void be_over(void)
{
    const struct attempt_request *request = dying.request;
    if (request != NULL && request->over != NULL)
        request->over(request->object, dying.world);
}

static void tell_assertion(void *object, const char *message)
{
    struct attempt *attempt = last_attempt();
    (void)object;
    if (attempt == NULL)
        return;
    attempt_asserted(attempt, dying.world, message);
    be_over();
}

/* The signal ends the process when this returns: it was set back to that. */
static void tell_signal(int number)
{
    struct attempt *attempt = last_attempt();
    if (attempt != NULL) {
        fill_from(attempt, number == SIGPROF || number == SIGALRM ? ATTEMPT_OVER_TIME : ATTEMPT_DIED,
                  dying.world);
        be_over();
    }
    signal(number, SIG_DFL);
    raise(number);
}

/* The processor's time goes by: still the same event? */
static void tick(int number)
{
    uint64_t events = dying.world != NULL ? dying.world->counters.events : 0;
    bool same = dying.attempt != NULL && events == dying.events;
    dying.events = events;
    dying.ticks = same ? dying.ticks + 1 : 0;
    if (dying.ticks_most > 0 && dying.ticks > dying.ticks_most)
        tell_signal(number);
}

/* On a stack of their own: a crash may be that there is none left. */
static void catch_signals(void)
{
    enum { STACK_BYTES = 256 * 1024 };
    static char stack[STACK_BYTES];
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM};
    const stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = tell_signal,
                               .sa_flags = SA_ONSTACK | (int)SA_RESETHAND | SA_NODEFER};
    sigaltstack(&other, NULL);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, NULL);
    action = (struct sigaction){.sa_handler = tick, .sa_flags = SA_ONSTACK | SA_RESTART};
    sigaction(SIGPROF, &action, NULL);
    const struct timeval between = {.tv_usec = TICK_MS * 1000};
    setitimer(ITIMER_PROF, &(struct itimerval){between, between}, NULL);
    assertion_tell(tell_assertion, NULL);
}

void attempt_last_words(struct attempt *attempt, const struct attempt_limits *limits)
{
    dying.attempt = attempt;
    if (attempt == NULL)
        return;
    dying.ticks = 0;
    dying.ticks_most = (unsigned)(limits->event_ns / (TICK_MS * ISR_MS));
    if (!dying.ready)
        catch_signals();
    dying.ready = true;
}

/* ---- a whole run ---- */

struct sim_world *attempt_run(struct arena *arena, const struct attempt_request *request,
                              struct attempt *attempt)
{
    struct sim_checks *checks;
    struct sim_world *world = request->make != NULL ? request->make(request->make_object, arena, &checks)
                                                    : attempt_world(arena, request, &checks);
    dying.request = request;
    dying.world = world;
    if (request->begin != NULL)
        request->begin(request->object, world);
    enum attempt_end end = run_within(world, &request->limits);
    if (end == ATTEMPT_ENDED)
        sim_world_finish(world);
    dying.request = NULL;
    if (request->over != NULL)
        request->over(request->object, world);
    dying.world = NULL;
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
        snprintf(
            attempt->message, sizeof attempt->message,
            "the run was ended in the middle of an event: it took more than %s",
            value_print_duration(WTERMSIG(status) == SIGPROF ? limits->event_ns : limits->wall_ns, limit));
    else if (WIFSIGNALED(status))
        snprintf(attempt->message, sizeof attempt->message, "the process died of signal %d (%s)",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(attempt->message, sizeof attempt->message, "the process ended with exit code %d",
                 WEXITSTATUS(status));
}

void attempt_died(struct attempt *attempt, int status, const struct attempt_limits *limits)
{
    bool asserted = attempt->end == ATTEMPT_DIED && attempt->message[0] != '\0';
    bool hung = WIFSIGNALED(status) && (WTERMSIG(status) == SIGALRM || WTERMSIG(status) == SIGPROF);
    if (asserted)
        return;
    attempt->verdict = SIM_VERDICT_CRASHED;
    attempt->end = hung ? ATTEMPT_OVER_TIME : ATTEMPT_DIED;
    describe_end(attempt, status, limits);
}

/* What both processes see. */
struct job {
    struct arena *arena;
    const struct attempt_request *request;
    struct attempt attempt;
};

static void run_job(void *object)
{
    struct job *job = object;
    attempt_last_words(&job->attempt, &job->request->limits);
    attempt_set_alarm(&job->request->limits);
    attempt_run(job->arena, job->request, &job->attempt);
    fflush(NULL);
}

bool attempt_apart(struct arena *arena, const struct attempt_request *request, struct attempt *attempt)
{
    struct apart apart;
    int status;
    if (!apart_open(&apart, sizeof(struct job)))
        return false;
    struct job *job = apart_allocate(&apart, sizeof *job);
    job->arena = arena;
    job->request = request;
    enum apart_end end = apart_do(&apart, run_job, job, &status);
    if (end == APART_DIED)
        attempt_died(&job->attempt, status, &request->limits);
    *attempt = job->attempt;
    apart_close(&apart);
    return end != APART_FAILED;
}
