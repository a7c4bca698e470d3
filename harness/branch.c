#include "harness/branch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "sim/checkpoint.h"
#include "sim/checks/checks.h"

/* ---- confidence ---- */

static uint64_t square_root(uint64_t value)
{
    uint64_t root = 0;
    for (uint64_t bit = UINT64_C(1) << 31; bit > 0; bit >>= 1) {
        if ((root | bit) * (root | bit) <= value)
            root |= bit;
    }
    return root;
}

/* Wilson (1927), with z = 1.96: (k + z^2/2 -+ z sqrt(k (n - k) / n + z^2/4)) / (n + z^2), everything times
 * 10^4. */
struct branch_interval branch_interval(uint64_t k, uint64_t n)
{
    ISR_ASSERT(n >= 1 && n <= BRANCH_SEEDS_MAX && k <= n);
    uint64_t middle = k * 10000 + 19208, whole = n * 10000 + 38416;
    uint64_t half = square_root(UINT64_C(384160000) * (k * (n - k)) / n + 368947264);
    uint64_t low = middle > half ? (middle - half) * 1000 / whole : 0;
    uint64_t high = ((middle + half) * 1000 + whole - 1) / whole;
    return (struct branch_interval){k == 0 ? 0 : (uint32_t)low,
                                    k == n || high > 1000 ? 1000 : (uint32_t)high};
}

/* ---- one branch, in a worker ---- */

/* The moments to be measured, each by all seeds: run i is seed i % seeds at moment i / seeds. */
struct round {
    struct branch *branch;
    struct branch_moment *moments;
    uint64_t seeds;
    struct sim_checkpoint checkpoint; /* of the run at one of them */
    struct sim_checks *checks;
    uint64_t moment; /* of the run under way */
    uint64_t seed;
    bool interrupted;
};

static struct attempt_request request_of(const struct branch *branch)
{
    return (struct attempt_request){.spec = branch->spec, .seed = branch->seed, .limits = branch->limits};
}

/* The run itself, saved at the moment: from where it was saved last, or from its beginning. */
static void save_moment(struct round *round, struct arena *arena, uint64_t event)
{
    struct sim_world *world = round->checkpoint.world;
    if (world != NULL && round->checkpoint.events == event)
        return;
    if (world != NULL && round->checkpoint.events < event) {
        world = sim_checkpoint_restore(&round->checkpoint);
    } else {
        struct attempt_request request = request_of(round->branch);
        world = attempt_world(arena, &request, &round->checks);
    }
    attempt_step_to(world, event);
    ISR_ASSERT(world->counters.events == event);
    if (!sim_checkpoint_take(&round->checkpoint, world)) {
        fprintf(stderr, "isrsim: no memory for a checkpoint\n");
        exit(1);
    }
}

static struct sim_world *branch_off(void *object, struct arena *arena, struct sim_checks **checks)
{
    struct round *round = object;
    save_moment(round, arena, round->moments[round->moment].event);
    struct sim_world *world = sim_checkpoint_restore(&round->checkpoint);
    sim_world_reseed(world, round->seed);
    *checks = round->checks;
    return world;
}

static void prepare(void *object, uint64_t place, struct attempt_request *request, uint64_t *kinds)
{
    struct round *round = object;
    *kinds = 0;
    round->moment = place / round->seeds;
    round->seed = round->branch->first + place % round->seeds;
    request->spec = round->branch->spec;
    request->make = branch_off;
    request->make_object = round;
}

/* ---- the parent ---- */

static void took(void *object, const struct hunt_run *run)
{
    struct round *round = object;
    struct branch_moment *moment = &round->moments[run->seed / round->seeds];
    bool same = run->signature.id == round->branch->signature.id;
    round->branch->branches++;
    moment->runs++;
    moment->same += same;
    moment->other +=
        !same && run->attempt.verdict != SIM_VERDICT_HELD && run->attempt.verdict != SIM_VERDICT_VACUOUS;
}

static void wait_a_moment(void *object)
{
    struct round *round = object;
    if (round->branch->wait != NULL)
        round->branch->wait(round->branch->object);
}

static enum branch_end measure(struct arena *arena, struct branch *branch, struct branch_moment *moments,
                               unsigned count)
{
    uint64_t seeds = branch->last - branch->first + 1;
    struct round round = {.branch = branch, .moments = moments, .seeds = seeds};
    struct hunt hunt = {.arena = arena,
                        .first = 0,
                        .last = count * seeds - 1,
                        .shard = 1,
                        .shards = 1,
                        .jobs = branch->jobs,
                        .keep_going = true,
                        .limits = branch->limits,
                        .prepare = prepare,
                        .took = took,
                        .wait = wait_a_moment,
                        .object = &round};
    switch (hunt_run(&hunt)) {
    case HUNT_DONE:
        return BRANCH_DONE;
    case HUNT_INTERRUPTED:
        return BRANCH_INTERRUPTED;
    case HUNT_FOUND:
    case HUNT_OVER_BUDGET:
    case HUNT_FAILED:
        break;
    }
    return BRANCH_FAILED;
}

/* ---- moments ---- */

static int64_t time_of_next(struct sim_world *world)
{
    const struct sim_event *next = sim_queue_peek(&world->queue);
    return next != NULL ? next->time_ns : world->spec->duration_ns;
}

/* Fills in the times; count of them, in their order. */
static void time_moments(struct arena *arena, const struct branch *branch, struct branch_moment *moments,
                         unsigned count)
{
    struct attempt_request request = request_of(branch);
    struct sim_world *world = attempt_world(arena, &request, NULL);
    for (unsigned i = 0; i < count; i++) {
        attempt_step_to(world, moments[i].event);
        moments[i].time_ns = world->now_ns;
    }
}

/* After everything that happened up to that time. */
static void place_at(struct arena *arena, struct branch *branch)
{
    struct attempt_request request = request_of(branch);
    struct sim_world *world = attempt_world(arena, &request, NULL);
    while (time_of_next(world) <= branch->at_ns &&
           world->counters.events + 1 < branch->failed.counters.events && sim_world_step(world))
        continue;
    branch->moments[0] = (struct branch_moment){.event = world->counters.events, .time_ns = branch->at_ns};
    branch->count = 1;
}

static void place_evenly(struct arena *arena, struct branch *branch)
{
    uint64_t last = branch->failed.counters.events - 1; /* with the next one it has failed */
    uint64_t points = branch->points > last + 1 ? last + 1 : branch->points;
    branch->count = (unsigned)points;
    for (uint64_t i = 0; i < points; i++)
        branch->moments[i] = (struct branch_moment){.event = points == 1 ? 0 : last * i / (points - 1)};
    time_moments(arena, branch, branch->moments, branch->count);
}

/* ---- the jump ---- */

/* All moments have as many runs. */
static int64_t rise(const struct branch *branch, unsigned from)
{
    return (int64_t)branch->moments[from + 1].same - (int64_t)branch->moments[from].same;
}

static int largest_jump(const struct branch *branch)
{
    int found = -1;
    for (unsigned i = 0; i + 1 < branch->count; i++) {
        if (rise(branch, i) > 0 && (found < 0 || rise(branch, i) > rise(branch, (unsigned)found)))
            found = (int)i;
    }
    return found;
}

bool branch_is_clear(const struct branch *branch)
{
    if (branch->decisive < 0)
        return false;
    const struct branch_moment *from = &branch->moments[branch->decisive], *to = from + 1;
    return branch_interval(from->same, from->runs).high < branch_interval(to->same, to->runs).low;
}

/* Puts a moment into the middle of the stretch, and goes on with the half that has more of the jump. False
 * where neither has most of it, or the stretch is one event. */
static enum branch_end halve(struct arena *arena, struct branch *branch, bool *further)
{
    unsigned from = (unsigned)branch->decisive;
    const struct branch_moment *before = &branch->moments[from], *after = before + 1;
    *further = false;
    if (after->event - before->event < 2 || branch->count == BRANCH_MOMENTS_MAX)
        return BRANCH_DONE;
    int64_t whole = rise(branch, from);
    struct branch_moment middle = {.event = before->event + (after->event - before->event) / 2};
    time_moments(arena, branch, &middle, 1);
    enum branch_end end = measure(arena, branch, &middle, 1);
    if (end != BRANCH_DONE)
        return end;
    memmove(&branch->moments[from + 2], &branch->moments[from + 1],
            (branch->count - from - 1) * sizeof *branch->moments);
    branch->moments[from + 1] = middle;
    branch->count++;
    branch->decisive = (int)(rise(branch, from) >= rise(branch, from + 1) ? from : from + 1);
    *further = rise(branch, (unsigned)branch->decisive) * 3 >= whole * 2 && branch_is_clear(branch);
    return BRANCH_DONE;
}

static void take_line(void *object, struct sim_world *world, const struct sim_trace_record *record)
{
    struct branch *branch = object;
    if (branch->story_count++ >= BRANCH_STORY_MAX)
        return;
    struct isr_text text = {.buffer = branch->story[branch->story_count - 1], .capacity = BRANCH_STORY_BYTES};
    sim_trace_print(world, record, &text);
}

static void tell_story(struct arena *arena, struct branch *branch)
{
    const struct branch_moment *from = &branch->moments[branch->decisive];
    struct attempt_request request = request_of(branch);
    struct sim_world *world = attempt_world(arena, &request, NULL);
    attempt_step_to(world, from->event);
    sim_trace_listen(&world->trace, take_line, branch, ISR_IMPORTANCE_story);
    attempt_step_to(world, from[1].event);
}

static enum branch_end find_jump(struct arena *arena, struct branch *branch)
{
    branch->decisive = largest_jump(branch);
    bool further = branch_is_clear(branch);
    for (unsigned i = 0; further && i < BRANCH_HALVINGS_MAX; i++) {
        enum branch_end end = halve(arena, branch, &further);
        if (end != BRANCH_DONE)
            return end;
    }
    if (branch->decisive >= 0)
        tell_story(arena, branch);
    return BRANCH_DONE;
}

/* ---- the whole ---- */

static enum branch_end run_itself(struct arena *arena, struct branch *branch)
{
    struct attempt_request request = request_of(branch);
    if (!attempt_apart(arena, &request, &branch->failed))
        return BRANCH_FAILED;
    signature_of(&branch->failed, branch->spec, &branch->signature);
    if (branch->failed.verdict == SIM_VERDICT_HELD)
        return BRANCH_HELD;
    if (branch->failed.verdict == SIM_VERDICT_VACUOUS)
        return BRANCH_VACUOUS;
    if (branch->failed.counters.events == 0)
        return BRANCH_UNTELLABLE;
    if (branch->at_ns >= branch->failed.virtual_ns)
        return BRANCH_TOO_LATE;
    return BRANCH_DONE;
}

enum branch_end branch_run(struct arena *arena, struct branch *branch)
{
    branch->decisive = -1;
    enum branch_end end = run_itself(arena, branch);
    if (end != BRANCH_DONE)
        return end;
    if (branch->at_ns >= 0)
        place_at(arena, branch);
    else
        place_evenly(arena, branch);
    end = measure(arena, branch, branch->moments, branch->count);
    if (end != BRANCH_DONE) {
        while (branch->count > 0 &&
               branch->moments[branch->count - 1].runs < branch->last - branch->first + 1)
            branch->count--;
        return end;
    }
    return branch->at_ns >= 0 ? BRANCH_DONE : find_jump(arena, branch);
}
