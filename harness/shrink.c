#include "harness/shrink.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/hash.h"
#include "harness/shrink_cost.h"
#include "harness/shrink_key.h"
#include "harness/shrink_trial.h"

/* A candidate that takes more events than the best by this has lost its way. */
enum { EVENTS_FACTOR = 3, EVENTS_MORE = 50000 };
/* Of the budget the passes may take so much; the rest is for the proof that nothing more can be left out. */
enum { PERCENT_FOR_PASSES = 85, ROUNDS_MAX = 30, SEEDS_TRIED = 8 };
/* Specs of more steps are not tried twice anyway, and naming them takes longer than running them. */
enum { STEPS_REMEMBERED = 60 };
/* Other seeds that a candidate is run under, where it fails. */
enum { SEEDS_SURE = 3 };

/* Of this process and those that run for it. */
static int64_t cpu_ns(const struct shrinker *shrinker)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * ISR_SECOND + now.tv_nsec + apart_cpu_ns(&shrinker->apart);
}

/* ---- one run ---- */

static int64_t *times_new(const struct sim_spec *spec)
{
    int64_t *step_ns = malloc((spec->steps_count + 1) * sizeof *step_ns);
    if (step_ns == NULL)
        abort();
    for (uint32_t i = 0; i <= spec->steps_count; i++)
        step_ns[i] = ISR_TIME_NEVER;
    return step_ns;
}

int64_t *shrink_run_once(struct shrinker *shrinker, const struct sim_spec *spec, struct attempt *attempt)
{
    int64_t *step_ns = times_new(spec);
    shrink_trial_timed(shrinker, spec, attempt, step_ns);
    shrinker->attempts++;
    return step_ns;
}

void shrink_times_free(int64_t *step_ns)
{
    free(step_ns);
}

/* ---- memory ---- */

static struct shrink_remembered *place_of(const struct shrink_memory *memory, uint64_t key)
{
    uint32_t place = (uint32_t)key & (memory->capacity - 1);
    while (memory->places[place].key != 0 && memory->places[place].key != key)
        place = (place + 1) & (memory->capacity - 1);
    return &memory->places[place];
}

static void memory_grow(struct shrink_memory *memory)
{
    struct shrink_memory larger = {.capacity = memory->capacity == 0 ? 1024 : 2 * memory->capacity};
    larger.places = calloc(larger.capacity, sizeof *larger.places);
    if (larger.places == NULL)
        abort();
    for (uint32_t i = 0; i < memory->capacity; i++) {
        if (memory->places[i].key != 0)
            *place_of(&larger, memory->places[i].key) = memory->places[i];
    }
    larger.count = memory->count;
    free(memory->places);
    *memory = larger;
}

/* Where the outcome of the spec of that key is, or will be. */
static struct shrink_remembered *remember(struct shrink_memory *memory, uint64_t key)
{
    if (2 * (memory->count + 1) > memory->capacity)
        memory_grow(memory);
    return place_of(memory, key);
}

/* ---- the budget ---- */

static void show_progress(struct shrinker *shrinker)
{
    int64_t now_ns = cpu_ns(shrinker);
    if (shrinker->request->progress == NULL || now_ns - shrinker->told_cpu_ns < ISR_SECOND / 4)
        return;
    shrinker->told_cpu_ns = now_ns;
    fprintf(shrinker->request->progress,
            "\r%-10s %5" PRIu32 " attempts, %2" PRIu32 " steps, %" PRIu64 " events \033[K", shrinker->pass,
            shrinker->attempts, shrinker->best->spec.steps_count, shrinker->attempt.counters.events);
    fflush(shrinker->request->progress);
}

static bool is_spent(struct shrinker *shrinker, unsigned percent)
{
    const struct shrink_request *request = shrinker->request;
    if (request->attempts > 0 && (uint64_t)shrinker->attempts * 100 >= (uint64_t)request->attempts * percent)
        shrinker->spent = true;
    if (shrinker->attempts_most > 0 && percent < 100 && shrinker->attempts >= shrinker->attempts_most)
        shrinker->spent = true;
    if (request->cpu_ns > 0 && (cpu_ns(shrinker) - shrinker->began_cpu_ns) / percent >= request->cpu_ns / 100)
        shrinker->spent = true;
    return shrinker->spent;
}

/* For another way down. */
static bool has_budget(struct shrinker *shrinker)
{
    shrinker->attempts_most = 0;
    return !is_spent(shrinker, PERCENT_FOR_PASSES / 2);
}

/* ---- candidates ---- */

static bool same_failure(const struct shrinker *shrinker, const struct attempt *attempt,
                         const struct sim_spec *spec)
{
    struct signature signature;
    if (attempt->verdict != shrinker->attempt.verdict || attempt->invariant != shrinker->attempt.invariant)
        return false;
    signature_of(attempt, spec, &signature);
    return signature.id == shrinker->signature.id;
}

static bool has_failed(const struct attempt *attempt)
{
    switch (attempt->verdict) {
    case SIM_VERDICT_VIOLATED:
    case SIM_VERDICT_STUCK:
    case SIM_VERDICT_CRASHED:
        return true;
    case SIM_VERDICT_HELD:
    case SIM_VERDICT_ERROR:
    case SIM_VERDICT_NONDETERMINISTIC:
    case SIM_VERDICT_VACUOUS:
        return false;
    }
    return false;
}

/* With wrong rules, and with correct ones not. */
static bool correct_fails(struct shrinker *shrinker, const struct sim_spec *spec)
{
    struct sim_spec correct = *spec;
    struct attempt attempt;
    memset(&correct.rules, 0, sizeof correct.rules);
    shrink_times_free(shrink_run_once(shrinker, &correct, &attempt));
    return has_failed(&attempt);
}

/* Runs it, unless it is known not to fail in the same way. step_ns: NULL, or where to put the times of its
 * steps when it does, which are the caller's. */
static bool reproduces(struct shrinker *shrinker, const struct sim_spec *spec, struct attempt *attempt,
                       int64_t **step_ns)
{
    struct shrink_remembered unknown = {.fails = true}, *place = &unknown;
    if (spec->steps_count <= STEPS_REMEMBERED) {
        uint64_t key = shrink_key(spec);
        place = remember(&shrinker->memory, key);
        if (place->key == key && !place->fails) {
            shrinker->remembered++;
            return false;
        }
        shrinker->memory.count += place->key == 0;
        place->key = key;
    }
    int64_t *times = times_new(spec);
    shrink_trial_timed(shrinker, spec, attempt, times);
    shrinker->attempts++;
    bool same =
        same_failure(shrinker, attempt, spec) && !(shrinker->contrast && correct_fails(shrinker, spec));
    place->fails = same;
    if (step_ns != NULL && same)
        *step_ns = times;
    else
        free(times);
    show_progress(shrinker);
    return same;
}

/* Too many events are a failure of their own. */
static void bound_events(struct shrinker *shrinker)
{
    if (shrinker->attempt.end != ATTEMPT_OVER_EVENTS)
        shrinker->events_most = EVENTS_FACTOR * shrinker->attempt.counters.events + EVENTS_MORE;
}

static void take(struct shrinker *shrinker, struct shrink_draft *draft, uint64_t cost,
                 const struct attempt *attempt, int64_t *step_ns)
{
    draft_free(shrinker->best);
    free(shrinker->step_ns);
    shrinker->best = draft;
    shrinker->cost = cost;
    shrinker->attempt = *attempt;
    shrinker->step_ns = step_ns;
    bound_events(shrinker);
    shrinker->taken++;
}

/* Of the next few seeds, under how many it fails in the same way. */
static uint32_t seeds_failing(struct shrinker *shrinker, const struct sim_spec *spec, uint32_t seeds)
{
    uint32_t failing = 0;
    for (uint32_t i = 1; i <= seeds; i++) {
        struct sim_spec other = *spec;
        struct attempt attempt;
        other.seed += i;
        shrink_times_free(shrink_run_once(shrinker, &other, &attempt));
        failing += same_failure(shrinker, &attempt, &other);
    }
    return failing;
}

/* What fails whatever is drawn is easier to explain, and stays so. A run that hangs takes too long to ask. */
static bool stays_sure(struct shrinker *shrinker, const struct sim_spec *spec, uint32_t *sure)
{
    bool asked = shrinker->request->judge == NULL && shrinker->attempt.end != ATTEMPT_OVER_TIME;
    *sure = asked ? seeds_failing(shrinker, spec, SEEDS_SURE) : 0;
    return *sure >= shrinker->sure;
}

static bool try_below(struct shrinker *shrinker, struct shrink_draft *candidate, uint64_t bound)
{
    struct attempt attempt;
    int64_t *step_ns = NULL;
    uint32_t sure;
    uint64_t cost = shrink_cost(&candidate->spec);
    if (cost >= bound || is_spent(shrinker, PERCENT_FOR_PASSES) || !draft_is_sound(candidate) ||
        !reproduces(shrinker, &candidate->spec, &attempt, &step_ns)) {
        draft_free(candidate);
        return false;
    }
    if (!stays_sure(shrinker, &candidate->spec, &sure)) {
        draft_free(candidate);
        free(step_ns);
        return false;
    }
    take(shrinker, candidate, cost, &attempt, step_ns);
    shrinker->sure = sure;
    return true;
}

bool shrink_try(struct shrinker *shrinker, struct shrink_draft *candidate)
{
    return try_below(shrinker, candidate, shrinker->cost);
}

bool shrink_try_any(struct shrinker *shrinker, struct shrink_draft *candidate)
{
    return try_below(shrinker, candidate, UINT64_MAX);
}

bool shrink_try_seeds(struct shrinker *shrinker, struct shrink_draft *draft)
{
    bool taken = shrink_try(shrinker, draft_new(&draft->spec, 0));
    for (uint64_t seed = 1; seed <= SEEDS_TRIED && !taken && !shrinker->spent; seed++) {
        draft->spec.seed = seed;
        taken = shrink_try(shrinker, draft_new(&draft->spec, 0));
    }
    draft_free(draft);
    return taken;
}

bool shrink_fails(struct shrinker *shrinker, const struct shrink_draft *candidate)
{
    struct attempt attempt;
    return draft_is_sound(candidate) && reproduces(shrinker, &candidate->spec, &attempt, NULL);
}

struct shrink_draft *shrink_copy(const struct shrinker *shrinker)
{
    return draft_new(&shrinker->best->spec, 8);
}

/* ---- excursions ---- */

/* Where a way began that may lead nowhere. */
struct home {
    struct shrink_draft *draft;
    int64_t *step_ns;
    struct attempt attempt;
    uint64_t cost;
    uint32_t sure;
};

static struct home home_of(const struct shrinker *shrinker)
{
    const struct sim_spec *spec = &shrinker->best->spec;
    struct home home = {.draft = shrink_copy(shrinker),
                        .step_ns = times_new(spec),
                        .attempt = shrinker->attempt,
                        .cost = shrinker->cost,
                        .sure = shrinker->sure};
    memcpy(home.step_ns, shrinker->step_ns, spec->steps_count * sizeof *home.step_ns);
    return home;
}

static void go_home(struct shrinker *shrinker, const struct home *home)
{
    take(shrinker, home->draft, home->cost, &home->attempt, home->step_ns);
    shrinker->sure = home->sure;
}

static void forget_home(const struct home *home)
{
    draft_free(home->draft);
    free(home->step_ns);
}

bool shrink_excursion(struct shrinker *shrinker, struct shrink_draft *candidate, shrink_pass *const *then)
{
    struct home home = home_of(shrinker);
    bool inside = shrinker->inside;
    if (getenv("DBG") && !draft_is_sound(candidate)) {
        char b[256] = "-";
        uint32_t w = 0;
        const char *e = sim_spec_check(&candidate->spec, b, sizeof b, &w);
        fprintf(stderr, "unsound: %s step %u; steps %u dur %ld settle %ld last %ld\n", e ? e : "times", w,
                candidate->spec.steps_count, (long)candidate->spec.duration_ns,
                (long)candidate->spec.settle_ns,
                (long)candidate->spec.steps[candidate->spec.steps_count - 1].time_ns);
    }
    bool left = shrink_try_any(shrinker, candidate);
    shrinker->inside = true;
    for (shrink_pass *const *pass = then; left && *pass != NULL; pass++)
        (void)(*pass)(shrinker);
    shrinker->inside = inside;
    if (getenv("DBG"))
        fprintf(stderr, "exc pass=%s att=%u left=%d home=%lu now=%lu steps=%u clients=%u ev=%lu\n",
                shrinker->pass, shrinker->attempts, left, (unsigned long)home.cost,
                (unsigned long)shrinker->cost, shrinker->best->spec.steps_count,
                shrinker->best->spec.clients_count, (unsigned long)shrinker->attempt.counters.events);
    if (left && shrinker->cost >= home.cost)
        go_home(shrinker, &home);
    else
        forget_home(&home);
    return shrinker->cost < home.cost;
}

/* ---- all passes ---- */

static const struct shrink_pass_info {
    const char *name;
    shrink_pass *function;
} passes[] = {
#define X(name, sentence) {#name, shrink_pass_##name},
#include "harness/shrink_passes.def"
#undef X
};

static bool is_wanted(const struct shrink_request *request, const struct shrink_pass_info *pass)
{
    return request->only_pass == NULL || strcmp(request->only_pass, pass->name) == 0;
}

/* Where a round begins: the first round of each way down has another place in the list, so that a way that
 * ends in a hollow is not the only one. */
static const char *const ways[] = {"end", "load", "nodes"};
enum { WAYS = sizeof ways / sizeof ways[0], PASSES = sizeof passes / sizeof passes[0] };

static size_t place_of_pass(const char *name)
{
    size_t place = 0;
    while (place < PASSES - 1 && strcmp(passes[place].name, name) != 0)
        place++;
    return place;
}

static bool one_round(struct shrinker *shrinker, size_t first)
{
    bool any = false;
    for (size_t i = 0; i < PASSES && !shrinker->spent; i++) {
        const struct shrink_pass_info *pass = &passes[(first + i) % PASSES];
        if (!is_wanted(shrinker->request, pass))
            continue;
        shrinker->pass = pass->name;
        any = pass->function(shrinker) || any;
    }
    return any;
}

/* ---- the proof ---- */

/* Leaves out each step in each way. What still fails is smaller, and becomes the best, whatever it costs
 * elsewhere: the proof is about steps. False: it did. */
static bool prove(struct shrinker *shrinker, uint32_t *left_out)
{
    shrinker->pass = "proof";
    for (uint32_t place = shrinker->best->spec.steps_count; place-- > 0;) {
        for (int way = 0; way < SHRINK_WAYS && !is_spent(shrinker, 100); way++) {
            struct shrink_draft *draft = shrink_without(shrinker, place, 1, (enum shrink_way)way);
            if (draft == NULL)
                continue;
            ++*left_out;
            struct attempt attempt;
            int64_t *step_ns = NULL;
            if (draft_is_sound(draft) && reproduces(shrinker, &draft->spec, &attempt, &step_ns)) {
                shrinker->sure = 0; /* a step fewer is worth it */
                take(shrinker, draft, shrink_cost(&draft->spec), &attempt, step_ns);
                return false;
            }
            draft_free(draft);
        }
    }
    return true;
}

static bool failed_while_settling(const struct shrinker *shrinker)
{
    const struct sim_spec *best = &shrinker->best->spec;
    return best->settle_ns > 0 && shrinker->attempt.virtual_ns >= best->duration_ns - best->settle_ns;
}

/* False: a step is left out. */
static bool finish(struct shrinker *shrinker, bool settling, struct shrink_outcome *outcome)
{
    outcome->left_out = 0;
    outcome->correct_holds = shrink_finish(shrinker, settling);
    return prove(shrinker, &outcome->left_out);
}

/* As the file will have it: with time to settle, in which faults are undone by themselves. Where that alone
 * makes up for a step that is left out, the file has no such time: a reader shall see what is undone. Unless
 * the correct engine shows nothing without it: then it undoes that step's fault. False: a step is left out.
 */
static bool finish_and_prove(struct shrinker *shrinker, struct shrink_outcome *outcome)
{
    if (shrinker->spent || shrinker->request->judge != NULL)
        return prove(shrinker, &outcome->left_out);
    struct home home = home_of(shrinker);
    bool proven = finish(shrinker, true, outcome), shown = outcome->correct_holds;
    if (proven || shrinker->keeps_settling || !failed_while_settling(shrinker)) {
        forget_home(&home);
        return proven;
    }
    struct home settled = home_of(shrinker);
    go_home(shrinker, &home);
    proven = finish(shrinker, false, outcome);
    if (outcome->correct_holds || !shown) {
        forget_home(&settled);
        return proven;
    }
    go_home(shrinker, &settled);
    shrinker->keeps_settling = true;
    return false;
}

/* Down to where no pass finds anything, with a proof; then a proof as the file will have it, in which a step
 * may turn out not to be needed: then down again from there. */
static enum shrink_end go_down(struct shrinker *shrinker, size_t first, struct shrink_outcome *outcome)
{
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        while (one_round(shrinker, first))
            first = 0;
        shrinker->spent = false;
        if (shrinker->request->only_pass != NULL)
            return SHRINK_SPENT;
        if (prove(shrinker, &outcome->left_out) && finish_and_prove(shrinker, outcome))
            return shrinker->spent ? SHRINK_SPENT : SHRINK_MINIMAL;
    }
    return SHRINK_SPENT;
}

/* What failed only under a few seeds would have to be explained by them. */
static uint64_t worth(const struct shrinker *shrinker, const struct shrink_outcome *outcome)
{
    return shrinker->cost + (SHRINK_SEEDS - outcome->seeds_failing) * (3 * SHRINK_COST_STEP / SHRINK_SEEDS) +
           (outcome->end == SHRINK_MINIMAL ? 0u : 10u * SHRINK_COST_STEP) +
           (outcome->correct_holds || !shrinker->contrast ? 0u : 2u * SHRINK_COST_STEP);
}

enum { ATTEMPTS_OTHER_WAY = 3000 };

/* Nobody reads less: another way would be a waste of time. */
static bool is_short(const struct shrinker *shrinker, const struct shrink_outcome *outcome)
{
    enum { FEW_STEPS = 3 };
    const struct sim_spec *best = &shrinker->best->spec;
    return outcome->end == SHRINK_MINIMAL && best->steps_count <= FEW_STEPS && best->clients_count == 0 &&
           outcome->seeds_failing == SHRINK_SEEDS && (outcome->correct_holds || !shrinker->contrast);
}

/* All ways from the same place, and the one that ends lowest. */
static void go_all_ways(struct shrinker *shrinker, struct shrink_outcome *outcome)
{
    struct home start = home_of(shrinker), lowest = {.draft = NULL};
    struct shrink_outcome found = *outcome;
    uint64_t least = UINT64_MAX;
    for (size_t way = 0; way < WAYS && (way == 0 || has_budget(shrinker)); way++) {
        struct shrink_outcome tried = *outcome;
        if (way > 0) {
            go_home(shrinker, &start);
            start = home_of(shrinker);
        }
        shrinker->attempts_most = way > 0 ? shrinker->attempts + ATTEMPTS_OTHER_WAY : 0;
        shrinker->spent = shrinker->keeps_settling = false;
        tried.end = go_down(shrinker, place_of_pass(ways[way]), &tried);
        if (shrinker->request->judge == NULL)
            tried.seeds_failing = seeds_failing(shrinker, &shrinker->best->spec, SHRINK_SEEDS);
        if (worth(shrinker, &tried) < least) {
            least = worth(shrinker, &tried);
            found = tried;
            forget_home(&lowest);
            lowest = home_of(shrinker);
        }
        if (shrinker->request->only_pass != NULL || is_short(shrinker, &tried))
            break;
    }
    forget_home(&start);
    go_home(shrinker, &lowest);
    *outcome = found;
}

/* ---- from request to outcome ---- */

static struct shrink_size size_of(const struct shrinker *shrinker)
{
    const struct sim_spec *spec = &shrinker->best->spec;
    return (struct shrink_size){.steps = spec->steps_count,
                                .clients = spec->clients_count,
                                .nodes = (uint32_t)(sim_spec_first_client(spec) - 1),
                                .events = shrinker->attempt.counters.events,
                                .cost = shrinker->cost};
}

static void fill(const struct shrinker *shrinker, struct shrink_outcome *outcome)
{
    outcome->draft = shrinker->best;
    outcome->after = shrinker->attempt;
    outcome->size_after = size_of(shrinker);
    outcome->attempts = shrinker->attempts;
    outcome->remembered = shrinker->remembered;
    outcome->taken = shrinker->taken;
    outcome->cpu_ns = cpu_ns(shrinker) - shrinker->began_cpu_ns;
}

/* The run that is to be shrunk. */
static void run_first(struct shrinker *shrinker, struct shrink_outcome *outcome)
{
    shrink_trial_timed(shrinker, &shrinker->best->spec, &shrinker->attempt, shrinker->step_ns);
    outcome->before = outcome->after = shrinker->attempt;
    shrinker->cost = shrink_cost(&shrinker->best->spec);
    signature_of(&shrinker->attempt, &shrinker->best->spec, &shrinker->signature);
    outcome->size_before = size_of(shrinker);
    bound_events(shrinker);
}

static void shrink(struct shrinker *shrinker, struct shrink_outcome *outcome)
{
    const struct sim_spec *spec = &shrinker->best->spec;
    run_first(shrinker, outcome);
    if (!has_failed(&shrinker->attempt)) {
        draft_free(shrinker->best);
        return;
    }
    shrinker->contrast =
        shrinker->request->judge == NULL && shrink_has_wrong_rule(spec) && !correct_fails(shrinker, spec);
    go_all_ways(shrinker, outcome);
    fill(shrinker, outcome);
}

bool shrink_run(struct arena *arena, const struct shrink_request *request, struct shrink_outcome *outcome)
{
    struct shrinker shrinker = {.request = request,
                                .arena = arena,
                                .pass = "first run",
                                .events_most =
                                    request->events > 0 ? request->events : ATTEMPT_EVENTS_DEFAULT};
    struct sim_spec spec = *request->spec;
    char sentence[256];
    uint32_t where;
    spec.seed = request->seed;
    *outcome = (struct shrink_outcome){.end = SHRINK_HOLDS};
    const char *wrong = sim_spec_check(&spec, sentence, sizeof sentence, &where);
    if (wrong != NULL)
        fprintf(stderr, "isrsim: shrink: %s\n", wrong);
    if (wrong != NULL || !shrink_trial_open(&shrinker))
        return false;
    shrinker.best = draft_new(&spec, 8);
    shrinker.step_ns = times_new(&spec);
    shrinker.began_cpu_ns = cpu_ns(&shrinker);
    shrink(&shrinker, outcome);
    if (request->progress != NULL)
        fprintf(request->progress, "\r\033[K");
    free(shrinker.step_ns);
    free(shrinker.memory.places);
    apart_close(&shrinker.apart);
    return true;
}

void shrink_outcome_free(struct shrink_outcome *outcome)
{
    draft_free(outcome->draft);
    outcome->draft = NULL;
}

const struct sim_spec *shrink_outcome_spec(const struct shrink_outcome *outcome)
{
    return &outcome->draft->spec;
}
