#define _DEFAULT_SOURCE
#include "harness/museum_search.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "faults/generate.h"
#include "harness/coverage.h"
#include "harness/guided.h"
#include "harness/museum.h"
#include "harness/progress.h"

enum { PCT_DEPTH = 3 };

/* Bases are so many seeds apart. */
#define BASE_SEEDS UINT64_C(1000000)

const struct museum_strategy_info *museum_strategies(void)
{
    static const struct museum_strategy_info infos[] = {
#define X(NAME, name, meaning) {#name, meaning},
#include "harness/museum_strategies.def"
#undef X
    };
    return infos;
}

uint64_t museum_first_seed(uint32_t base)
{
    return (base + 1) * BASE_SEEDS + 1;
}

/* ---- one cell ---- */

struct quest {
    struct museum_cell *cell;
    const struct scenario_search *search;
    struct isr_rules rules;
    struct fault_plan *plan; /* a worker's */
    struct guided guided;    /* of the strategy of that name */
    uint64_t next;           /* random: the seed that is not told yet */
    struct guided_candidate broke;
    bool correct; /* what broke, on the correct rules */
};

static bool is_guided(const struct quest *quest)
{
    return quest->cell->strategy == MUSEUM_STRATEGY_GUIDED && !quest->correct;
}

/* Of a guided search the seed is a place in the round. */
static struct guided_candidate candidate_of(const struct quest *quest, uint64_t seed)
{
    if (quest->correct)
        return quest->broke;
    return is_guided(quest) ? quest->guided.round[seed] : (struct guided_candidate){.seed = seed};
}

static void prepare(void *object, uint64_t seed, struct attempt_request *request, uint64_t *kinds)
{
    struct quest *quest = object;
    struct guided_candidate candidate = candidate_of(quest, seed);
    struct fault_request wanted = {.profile = (enum fault_profile)quest->search->profile,
                                   .seed = candidate.seed,
                                   .turns_count = candidate.turns_count};
    memcpy(wanted.turns, candidate.turns, sizeof wanted.turns);
    wanted.schedule = sim_spec_default().schedule;
    wanted.schedule.depth = quest->cell->strategy == MUSEUM_STRATEGY_PCT ? PCT_DEPTH : 0;
    fault_generate(quest->plan, &wanted);
    quest->plan->spec.rules = quest->rules;
    request->seed = candidate.seed;
    request->spec = &quest->plan->spec;
    request->begin = is_guided(quest) ? coverage_watch : NULL;
    *kinds = quest->plan->kinds;
}

static void took_correct(struct museum_cell *cell, const struct hunt_run *run)
{
    cell->correct = run->attempt.verdict;
    if (run->attempt.verdict != SIM_VERDICT_HELD)
        snprintf(cell->message, sizeof cell->message, "%.390s", run->attempt.message);
}

static void took(void *object, const struct hunt_run *run)
{
    struct quest *quest = object;
    struct museum_cell *cell = quest->cell;
    if (quest->correct) {
        took_correct(cell, run);
        return;
    }
    if (cell->found)
        return;
    cell->seeds++;
    cell->cpu_ns += run->cpu_ns;
    cell->crashed += run->attempt.verdict == SIM_VERDICT_CRASHED;
    if (is_guided(quest))
        guided_learn(&quest->guided, (uint32_t)run->seed, run->more, run->more_bytes,
                     run->attempt.counters.steps_run);
    else
        quest->next = run->seed + 1;
    if (!sim_verdict_is_violation(run->attempt.verdict))
        return;
    cell->found = true;
    quest->broke = candidate_of(quest, run->seed);
    cell->seed = quest->broke.seed;
    cell->turns = quest->broke.turns_count;
    cell->verdict = run->attempt.verdict;
    cell->invariant = run->attempt.invariant;
}

static bool hunt_seeds_from(struct quest *quest, uint64_t first, uint64_t last)
{
    struct hunt hunt = {.first = first,
                        .last = last,
                        .shard = 1,
                        .shards = 1,
                        .jobs = 1,
                        .limits = attempt_limits_default(),
                        .prepare = prepare,
                        .ran = is_guided(quest) ? coverage_pack : NULL,
                        .took = took,
                        .object = quest};
    enum hunt_end end = hunt_run(&hunt);
    return end == HUNT_DONE || end == HUNT_FOUND;
}

/* A run that proved nothing, or crashed, ends a hunt too: the quest goes on behind it, or with another round.
 */
static bool hunt_on(struct quest *quest)
{
    uint64_t budget = (uint64_t)quest->search->budget, done = quest->cell->seeds;
    if (!is_guided(quest))
        return hunt_seeds_from(quest, quest->next, museum_first_seed(quest->cell->base) + budget - 1);
    uint32_t count = budget - done < GUIDED_ROUND ? (uint32_t)(budget - done) : GUIDED_ROUND;
    guided_plan_round(&quest->guided, count);
    return hunt_seeds_from(quest, 0, count - 1);
}

static bool explore(const struct museum_search *search, struct museum_cell *cell)
{
    const struct scenario *exhibit = &search->exhibits->items[cell->exhibit].scenario;
    struct quest *quest = calloc(1, sizeof *quest);
    bool fine = quest != NULL && (quest->plan = malloc(sizeof *quest->plan)) != NULL;
    if (fine) {
        quest->cell = cell;
        quest->search = &exhibit->exhibit.search;
        quest->rules = museum_searched(exhibit)->spec.rules;
        quest->next = museum_first_seed(cell->base);
        guided_init(&quest->guided, quest->next);
        while (fine && !cell->found && cell->seeds < (uint64_t)quest->search->budget)
            fine = hunt_on(quest);
        guided_free(&quest->guided);
    }
    if (fine && cell->found) {
        quest->correct = true;
        quest->rules = (struct isr_rules){0};
        fine = hunt_seeds_from(quest, cell->seed, cell->seed);
    }
    if (quest != NULL)
        free(quest->plan);
    free(quest);
    cell->done = fine;
    return fine;
}

/* ---- processes that explore cells ---- */

/* What they share: memory of this process and its children. */
struct shared {
    atomic_uint next; /* cell that nobody explores yet */
    atomic_uint done;
    struct museum_cell cells[];
};

static _Noreturn void explore_cells(const struct museum_search *search, struct shared *shared)
{
    uint32_t place;
    while ((place = atomic_fetch_add(&shared->next, 1)) < search->cells_count) {
        if (!explore(search, &shared->cells[place]))
            _exit(1);
        atomic_fetch_add(&shared->done, 1);
    }
    _exit(0);
}

static unsigned start_explorers(const struct museum_search *search, struct shared *shared, pid_t *explorers)
{
    unsigned started = 0;
    fflush(NULL);
    for (unsigned i = 0; i < search->jobs; i++) {
        explorers[started] = fork();
        if (explorers[started] == 0)
            explore_cells(search, shared);
        if (explorers[started] < 0)
            perror("isrsim: a worker process");
        else
            started++;
    }
    return started;
}

static void await_explorers(const struct museum_search *search, struct shared *shared, const pid_t *explorers,
                            unsigned count)
{
    struct progress progress = progress_begin();
    for (unsigned i = 0; i < count;) {
        struct timespec pause = {.tv_nsec = 50000000};
        int status;
        char line[128];
        if (waitpid(explorers[i], &status, WNOHANG) == explorers[i]) {
            i++;
            continue;
        }
        nanosleep(&pause, NULL);
        if (!search->progress || !progress_due(&progress))
            continue;
        snprintf(line, sizeof line, "%u of %u searches (%.0f s)", atomic_load(&shared->done),
                 search->cells_count, progress_seconds(&progress));
        progress_show(&progress, line);
    }
    progress_clear(&progress);
}

bool museum_search(const struct museum_search *search)
{
    pid_t explorers[HUNT_JOBS_MAX];
    size_t size = sizeof(struct shared) + search->cells_count * sizeof *search->cells;
    struct shared *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        perror("isrsim: memory for searches");
        return false;
    }
    memcpy(shared->cells, search->cells, search->cells_count * sizeof *search->cells);
    unsigned started = start_explorers(search, shared, explorers);
    await_explorers(search, shared, explorers, started);
    bool whole = true;
    for (uint32_t i = 0; i < search->cells_count; i++)
        whole = whole && shared->cells[i].done;
    memcpy(search->cells, shared->cells, search->cells_count * sizeof *search->cells);
    munmap(shared, size);
    if (!whole)
        fprintf(stderr, "isrsim: not every search came to its end\n");
    return whole;
}
