#include "harness/bench_shrink.h"

#include <inttypes.h>
#include <stdlib.h>

#include "faults/generate.h"
#include "harness/rules_option.h"
#include "harness/shrink.h"

enum { SEEDS_MOST = 5000, ATTEMPTS_QUICK = 150 };

static const struct exhibit {
    const char *name, *rules;
    enum fault_profile profile;
} exhibits[] = {
    {"05-diverging-fetch-counts", "fetch_state_on_diverging=counted", FAULT_PROFILE_MESSAGES},
    {"08-last-replica-standing", "elr=off", FAULT_PROFILE_POWER},
    {"12-expand-by-two-states", "expand_epoch_snapshot=off", FAULT_PROFILE_POWER},
};

static void generate(struct fault_plan *plan, const struct exhibit *exhibit, const struct isr_rules *rules,
                     uint64_t seed)
{
    fault_generate(plan, &(struct fault_request){.seed = seed, .profile = exhibit->profile});
    plan->spec.rules = *rules;
}

/* Fills plan with the first seed that fails; false: none does. */
static bool find(struct arena *arena, struct fault_plan *plan, const struct exhibit *exhibit)
{
    struct isr_rules rules = {0};
    struct attempt attempt = {.verdict = SIM_VERDICT_HELD};
    if (!rules_option("bench", &rules, exhibit->rules))
        return false;
    for (uint64_t seed = 1; seed <= SEEDS_MOST && !sim_verdict_is_violation(attempt.verdict); seed++) {
        generate(plan, exhibit, &rules, seed);
        const struct attempt_request request = {
            .spec = &plan->spec, .seed = seed, .limits = attempt_limits_default()};
        attempt_run(arena, &request, &attempt);
    }
    bool found = sim_verdict_is_violation(attempt.verdict);
    if (!found)
        fprintf(stderr, "isrsim bench: no seed up to %d shows %s\n", SEEDS_MOST, exhibit->name);
    return found;
}

static double rate_of(const struct shrink_outcome *outcome)
{
    return (double)outcome->attempts / ((double)outcome->cpu_ns / 1e9);
}

static void print_json(FILE *out, const struct exhibit *exhibit, uint64_t seed,
                       const struct shrink_outcome *outcome)
{
    const struct shrink_size *before = &outcome->size_before, *after = &outcome->size_after;
    fprintf(out,
            "{\"schema\":1,\"case\":\"h\",\"exhibit\":\"%s\",\"seed\":%" PRIu64 ",\"minimal\":%s"
            ",\"steps_before\":%" PRIu32 ",\"steps\":%" PRIu32 ",\"events_before\":%" PRIu64
            ",\"events\":%" PRIu64 ",\"runs\":%" PRIu32
            ",\"cpu_s\":%.3f,\"runs_per_cpu_s\":%.0f,\"hash\":\"%016" PRIx64 "\"}\n",
            exhibit->name, seed, outcome->end == SHRINK_MINIMAL ? "true" : "false", before->steps,
            after->steps, before->events, after->events, outcome->attempts, (double)outcome->cpu_ns / 1e9,
            rate_of(outcome), outcome->after.hash);
}

static void print_row(FILE *out, const struct exhibit *exhibit, uint64_t seed,
                      const struct shrink_outcome *outcome)
{
    const struct shrink_size *before = &outcome->size_before, *after = &outcome->size_after;
    fprintf(out,
            "%-4s %-26s %5" PRIu64 " %5" PRIu32 " to %2" PRIu32 " %7" PRIu64 " to %5" PRIu64 " %6" PRIu32
            " %11.0f %7.1f%s\n",
            "h", exhibit->name, seed, before->steps, after->steps, before->events, after->events,
            outcome->attempts, rate_of(outcome), (double)outcome->cpu_ns / 1e9,
            outcome->end == SHRINK_MINIMAL ? "" : ", not to the end");
}

static bool measure(struct arena *arena, struct fault_plan *plan, const struct exhibit *exhibit, bool quick,
                    bool json, FILE *out)
{
    struct shrink_outcome outcome;
    if (!find(arena, plan, exhibit))
        return false;
    const struct shrink_request request = {.spec = &plan->spec,
                                           .seed = plan->spec.seed,
                                           .cpu_ns = SHRINK_BUDGET_SECONDS_DEFAULT * ISR_SECOND,
                                           .attempts = quick ? ATTEMPTS_QUICK : 0};
    if (!shrink_run(arena, &request, &outcome))
        return false;
    if (json)
        print_json(out, exhibit, plan->spec.seed, &outcome);
    else
        print_row(out, exhibit, plan->spec.seed, &outcome);
    shrink_outcome_free(&outcome);
    return true;
}

bool bench_shrink(struct arena *arena, bool quick, bool json, FILE *out)
{
    bool good = true;
    struct fault_plan *plan = malloc(sizeof *plan);
    if (plan == NULL)
        return false;
    if (!json)
        fprintf(out, "%-4s %-26s %5s %11s %16s %6s %11s %7s\n", "case", "what", "seed", "steps", "events",
                "runs", "runs/cpu s", "cpu s");
    for (size_t i = 0; i < (quick ? 1 : sizeof exhibits / sizeof exhibits[0]) && good; i++)
        good = measure(arena, plan, &exhibits[i], quick, json, out);
    if (!json && good)
        fprintf(out,
                "exhibits of the museum made small, each from the first random scenario that shows it\n");
    free(plan);
    return good;
}
