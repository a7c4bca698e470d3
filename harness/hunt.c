#include "harness/hunt.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "harness/apart.h"
#include "harness/assertion.h"
#include "harness/pipe.h"
#include "harness/runner.h"

/* Seeds are known here by their place among the shard's, from 0. AHEAD: how many a worker has at once, so
 * that it never waits. WINDOW: how far the runs may be ahead of the first one that is not yet told. */
enum { AHEAD = 4, WINDOW = 1024, WAIT_MS = 100 };

/* What was begun when the time was over may take so much longer. */
#define GRACE_NS (2 * ISR_SECOND)

enum told { TOLD_READY, TOLD_RUN, TOLD_LAST_RUN /* the worker ends after it */ };

struct message {
    enum told told;
    struct hunt_run run;
};

/* ---- a worker ---- */

struct work {
    const struct hunt *hunt;
    int fd; /* to the parent */
    struct message message;
    int64_t begun_ns;        /* the run under way, by cpu_clock_ns */
    struct sim_world *world; /* of it */
    const struct sim_spec *spec;
    void (*begin)(void *object, struct sim_world *world);
    void *object;
};

static int64_t cpu_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * ISR_SECOND + now.tv_nsec;
}

static void tell_outcome(struct work *work, enum told told)
{
    struct hunt_run *run = &work->message.run;
    run->cpu_ns = cpu_clock_ns() - work->begun_ns;
    work->message.told = told;
    signature_of(&run->attempt, work->spec, &run->signature);
    if (!pipe_write(work->fd, &work->message, sizeof work->message) ||
        (run->more_bytes > 0 && !pipe_write(work->fd, run->more, run->more_bytes)))
        _exit(1);
}

static void tell_assertion(void *object, const char *message)
{
    struct work *work = object;
    attempt_asserted(&work->message.run.attempt, work->world, message);
    tell_outcome(work, TOLD_LAST_RUN);
}

static void begin_run(void *object, struct sim_world *world)
{
    struct work *work = object;
    work->world = world;
    if (work->begin != NULL)
        work->begin(work->object, world);
}

static void run_seed(struct work *work, struct arena *arena, uint64_t seed)
{
    struct attempt_request request = {.seed = seed, .limits = work->hunt->limits};
    work->message.run = (struct hunt_run){.seed = seed};
    work->begun_ns = cpu_clock_ns();
    work->world = NULL;
    work->spec = NULL;
    attempt_set_alarm(&work->hunt->limits);
    work->hunt->prepare(work->hunt->object, seed, &request, &work->message.run.kinds);
    work->spec = request.spec;
    work->begin = request.begin;
    work->object = request.object;
    request.begin = begin_run;
    request.object = work;
    const struct sim_world *world = attempt_run(arena, &request, &work->message.run.attempt);
    fault_bites_of(world, &work->message.run.bites);
    if (work->hunt->ran != NULL)
        work->message.run.more = work->hunt->ran(work->hunt->object, world, &work->message.run.more_bytes);
    attempt_set_alarm(&(struct attempt_limits){0});
    tell_outcome(work, TOLD_RUN);
}

static _Noreturn void work_for(const struct hunt *hunt, int fd)
{
    struct arena *arena = hunt->arena != NULL ? hunt->arena : runner_arena();
    struct work *work = calloc(1, sizeof *work);
    if (arena == NULL || work == NULL)
        _exit(1);
    work->hunt = hunt;
    work->fd = fd;
    if (!pipe_write(fd, &work->message, sizeof work->message))
        _exit(1);
    assertion_tell(tell_assertion, work);
    uint64_t seed;
    while (pipe_read(fd, &seed, sizeof seed))
        run_seed(work, arena, seed);
    free(work);
    arena_close(arena);
    exit(0);
}

/* ---- the parent: workers ---- */

struct worker {
    pid_t pid; /* 0: none */
    int fd;
    bool ready, last;       /* it said so */
    uint64_t places[AHEAD]; /* handed to it, in order; the first is under way */
    unsigned places_count;
};

struct hunters {
    const struct hunt *hunt;
    struct worker workers[HUNT_JOBS_MAX];
    uint64_t next;         /* place: not yet handed out */
    uint64_t told;         /* place: not yet told */
    uint64_t end;          /* place: none from here on */
    struct hunt_run *runs; /* by place, those that came too early */
    bool *known;
    bool failed;  /* workers cannot be started */
    bool handing; /* seeds are still begun */
};

uint64_t hunt_seeds(const struct hunt *hunt)
{
    uint64_t more = hunt->last - hunt->first;
    if (more < hunt->shard - 1)
        return 0;
    uint64_t steps = (more - (hunt->shard - 1)) / hunt->shards;
    return steps == UINT64_MAX ? steps : steps + 1;
}

static uint64_t seed_at(const struct hunt *hunt, uint64_t place)
{
    return hunt->first + (hunt->shard - 1) + place * hunt->shards;
}

/* A worker that died in the meantime is found out when its outcome is read. */
static void send_place(const struct hunters *hunters, const struct worker *worker, uint64_t place)
{
    uint64_t seed = seed_at(hunters->hunt, place);
    send(worker->fd, &seed, sizeof seed, MSG_NOSIGNAL);
}

static bool start_worker(struct hunters *hunters, struct worker *worker)
{
    int ends[2];
    fflush(NULL);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
        perror("isrsim: a worker process");
        return false;
    }
    pid_t pid = fork();
    if (pid == 0) {
        for (unsigned i = 0; i < hunters->hunt->jobs; i++) {
            if (hunters->workers[i].pid != 0)
                close(hunters->workers[i].fd);
        }
        close(ends[0]);
        work_for(hunters->hunt, ends[1]);
    }
    close(ends[1]);
    if (pid < 0) {
        perror("isrsim: a worker process");
        close(ends[0]);
        return false;
    }
    worker->pid = pid;
    worker->fd = ends[0];
    worker->ready = worker->last = false;
    for (unsigned i = 0; i < worker->places_count; i++)
        send_place(hunters, worker, worker->places[i]);
    return true;
}

/* ---- the parent: outcomes ---- */

/* more: its own memory. */
static void keep_run(struct hunters *hunters, uint64_t place, const struct hunt_run *run, void *more)
{
    hunters->runs[place % WINDOW] = *run;
    hunters->runs[place % WINDOW].more = more;
    hunters->known[place % WINDOW] = true;
    if (run->attempt.verdict != SIM_VERDICT_HELD && !hunters->hunt->keep_going && place < hunters->end)
        hunters->end = place + 1;
}

static uint64_t take_place(struct worker *worker)
{
    uint64_t place = worker->places[0];
    worker->places_count--;
    memmove(worker->places, worker->places + 1, worker->places_count * sizeof *worker->places);
    return place;
}

/* The worker is gone: of what it was at, that is the outcome. Another one takes its place where there is
 * something left to do. */
static void bury_worker(struct hunters *hunters, struct worker *worker)
{
    close(worker->fd);
    int status = apart_wait(worker->pid);
    worker->pid = 0;
    if (!worker->ready) {
        hunters->failed = true;
        return;
    }
    if (!worker->last && worker->places_count > 0) {
        struct hunt_run run = {0};
        uint64_t place = take_place(worker);
        run.seed = seed_at(hunters->hunt, place);
        attempt_died(&run.attempt, status, &hunters->hunt->limits);
        signature_of(&run.attempt, NULL, &run.signature);
        keep_run(hunters, place, &run, NULL);
    }
    bool needed = worker->places_count > 0 || (hunters->handing && hunters->next < hunters->end);
    if (needed && !start_worker(hunters, worker))
        hunters->failed = true;
}

static void hear_worker(struct hunters *hunters, struct worker *worker)
{
    struct message message;
    if (!pipe_read(worker->fd, &message, sizeof message)) {
        bury_worker(hunters, worker);
        return;
    }
    switch (message.told) {
    case TOLD_READY:
        worker->ready = true;
        return;
    case TOLD_LAST_RUN:
        worker->last = true;
        break;
    case TOLD_RUN:
        break;
    }
    void *more = NULL;
    if (message.run.more_bytes > 0) {
        more = malloc(message.run.more_bytes);
        if (more == NULL || !pipe_read(worker->fd, more, message.run.more_bytes)) {
            free(more);
            bury_worker(hunters, worker);
            return;
        }
    }
    keep_run(hunters, take_place(worker), &message.run, more);
}

static void forget_run(struct hunters *hunters, uint64_t place)
{
    struct hunt_run *run = &hunters->runs[place % WINDOW];
    free(run->more);
    *run = (struct hunt_run){0};
    hunters->known[place % WINDOW] = false;
}

/* Tells what is known: in order up to the first gap; at the end all of it. */
static void tell_runs(struct hunters *hunters, bool over)
{
    uint64_t behind = hunters->next < hunters->end ? hunters->next : hunters->end;
    for (; hunters->told < behind; hunters->told++) {
        bool known = hunters->known[hunters->told % WINDOW];
        if (!known && !over)
            return;
        if (known)
            hunters->hunt->took(hunters->hunt->object, &hunters->runs[hunters->told % WINDOW]);
        forget_run(hunters, hunters->told);
    }
}

/* ---- the parent: the order of things ---- */

/* To whoever has least. */
static void hand_out(struct hunters *hunters)
{
    while (hunters->handing && hunters->next < hunters->end && hunters->next - hunters->told < WINDOW) {
        struct worker *idlest = NULL;
        for (unsigned i = 0; i < hunters->hunt->jobs; i++) {
            struct worker *worker = &hunters->workers[i];
            bool able = worker->pid != 0 && !worker->last && worker->places_count < AHEAD;
            if (able && (idlest == NULL || worker->places_count < idlest->places_count))
                idlest = worker;
        }
        if (idlest == NULL)
            return;
        idlest->places[idlest->places_count++] = hunters->next;
        send_place(hunters, idlest, hunters->next++);
    }
}

static bool is_idle(const struct hunters *hunters)
{
    for (unsigned i = 0; i < hunters->hunt->jobs; i++) {
        if (hunters->workers[i].places_count > 0)
            return false;
    }
    return true;
}

static void hear_workers(struct hunters *hunters)
{
    struct pollfd fds[HUNT_JOBS_MAX];
    for (unsigned i = 0; i < hunters->hunt->jobs; i++) {
        const struct worker *worker = &hunters->workers[i];
        fds[i] = (struct pollfd){.fd = worker->pid != 0 ? worker->fd : -1, .events = POLLIN};
    }
    if (poll(fds, hunters->hunt->jobs, WAIT_MS) <= 0)
        return;
    for (unsigned i = 0; i < hunters->hunt->jobs; i++) {
        if (fds[i].revents != 0)
            hear_worker(hunters, &hunters->workers[i]);
    }
}

static bool is_interrupted(const sigset_t *signals)
{
    sigset_t pending;
    return sigpending(&pending) == 0 && ((sigismember(signals, SIGINT) && sigismember(&pending, SIGINT)) ||
                                         (sigismember(signals, SIGTERM) && sigismember(&pending, SIGTERM)));
}

static enum hunt_end go_hunting(struct hunters *hunters, const sigset_t *signals)
{
    const struct hunt *hunt = hunters->hunt;
    int64_t until_ns = hunt->budget_ns == 0 ? ISR_TIME_NEVER : attempt_clock_ns() + hunt->budget_ns;
    while (hunters->told < hunters->end) {
        hand_out(hunters);
        if (!hunters->handing && is_idle(hunters))
            return HUNT_OVER_BUDGET;
        hear_workers(hunters);
        if (hunters->failed)
            return HUNT_FAILED;
        tell_runs(hunters, false);
        if (hunt->wait != NULL)
            hunt->wait(hunt->object);
        if (is_interrupted(signals))
            return HUNT_INTERRUPTED;
        int64_t now_ns = attempt_clock_ns();
        hunters->handing = now_ns < until_ns;
        if (until_ns != ISR_TIME_NEVER && now_ns > until_ns + GRACE_NS)
            return HUNT_OVER_BUDGET;
    }
    return hunters->end < hunt_seeds(hunt) ? HUNT_FOUND : HUNT_DONE;
}

/* Who waits ends by itself; who is at something is ended. */
static void dismiss_workers(struct hunters *hunters)
{
    for (unsigned i = 0; i < hunters->hunt->jobs; i++) {
        struct worker *worker = &hunters->workers[i];
        if (worker->pid == 0)
            continue;
        if (worker->places_count > 0)
            kill(worker->pid, SIGKILL);
        close(worker->fd);
        apart_wait(worker->pid);
    }
}

static bool start_workers(struct hunters *hunters)
{
    for (unsigned i = 0; i < hunters->hunt->jobs; i++) {
        if (!start_worker(hunters, &hunters->workers[i]))
            return false;
    }
    return true;
}

/* The signals wait while the hunt looks for them itself; afterwards those that came are forgotten. */
static void hold_signals(sigset_t *signals, sigset_t *before)
{
    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    sigprocmask(SIG_BLOCK, signals, before);
}

static void release_signals(const sigset_t *signals, const sigset_t *before)
{
    int number;
    while (is_interrupted(signals) && sigwait(signals, &number) == 0)
        continue;
    sigprocmask(SIG_SETMASK, before, NULL);
}

enum hunt_end hunt_run(const struct hunt *hunt)
{
    sigset_t signals, before;
    struct hunters *hunters = calloc(1, sizeof *hunters);
    enum hunt_end end = HUNT_FAILED;
    if (hunters == NULL)
        return HUNT_FAILED;
    *hunters = (struct hunters){.hunt = hunt, .end = hunt_seeds(hunt), .handing = true};
    hunters->runs = calloc(WINDOW, sizeof *hunters->runs);
    hunters->known = calloc(WINDOW, sizeof *hunters->known);
    hold_signals(&signals, &before);
    if (hunters->runs != NULL && hunters->known != NULL && start_workers(hunters))
        end = go_hunting(hunters, &signals);
    dismiss_workers(hunters);
    tell_runs(hunters, true);
    release_signals(&signals, &before);
    for (uint64_t place = 0; hunters->runs != NULL && hunters->known != NULL && place < WINDOW; place++)
        forget_run(hunters, place); /* those beyond the end */
    free(hunters->runs);
    free(hunters->known);
    free(hunters);
    return end;
}
