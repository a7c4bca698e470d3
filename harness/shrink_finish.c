/* From the smallest failing run to one that a file can hold: with time to settle, so that the correct engine
 * can be shown to survive the same steps, and with gates that open on it too. */
#include <string.h>

#include "harness/shrinker.h"

enum { LONGER_TRIED = 3, CHANGES_MAX = 200 };
static const int64_t SETTLE_NS = 15 * ISR_SECOND, UNIT_NS = 5 * ISR_SECOND;

static int64_t rounded_up(int64_t ns, int64_t unit_ns)
{
    return (ns + unit_ns - 1) / unit_ns * unit_ns;
}

/* The correct engine does not come to where the wrong one was: then the step runs anyway, later. False where
 * every step is reached, or nothing can be done. */
static bool open_gate(struct shrink_draft *draft, const int64_t *wrong_ns, const int64_t *correct_ns)
{
    for (uint32_t i = 0; i < draft->spec.steps_count; i++) {
        struct sim_step *step = &draft->spec.steps[i];
        if (correct_ns[i] != ISR_TIME_NEVER)
            continue;
        if ((step->gate != SIM_GATE_WHEN && step->gate != SIM_GATE_AFTER) ||
            step->at_latest_ns != ISR_TIME_NEVER)
            return false;
        int64_t waited_ns = wrong_ns[i] - (i > 0 ? wrong_ns[i - 1] : 0);
        step->at_latest_ns = rounded_up(waited_ns + ISR_SECOND, ISR_SECOND);
        return true;
    }
    return false;
}

/* True where the same steps do no harm with correct rules. Changes gates of the draft. */
static bool correct_survives(struct shrinker *shrinker, struct shrink_draft *draft, const int64_t *wrong_ns)
{
    for (unsigned change = 0; change < CHANGES_MAX; change++) {
        struct shrink_draft *correct = draft_new(&draft->spec, 0);
        struct attempt attempt;
        memset(&correct->spec.rules, 0, sizeof correct->spec.rules);
        int64_t *correct_ns = shrink_run_once(shrinker, &correct->spec, &attempt);
        draft_free(correct);
        bool held = attempt.verdict == SIM_VERDICT_HELD;
        bool again = attempt.verdict == SIM_VERDICT_VACUOUS && open_gate(draft, wrong_ns, correct_ns);
        shrink_times_free(correct_ns);
        if (!again)
            return held;
    }
    return false;
}

bool shrink_has_wrong_rule(const struct sim_spec *spec)
{
    size_t count;
    const struct isr_rule_info *rules = isr_rules_list(&count);
    for (size_t i = 0; i < count; i++) {
        if (((const uint8_t *)&spec->rules)[rules[i].position] != 0)
            return true;
    }
    return false;
}

bool shrink_finish(struct shrinker *shrinker, bool settling)
{
    const struct sim_spec *best = &shrinker->best->spec;
    int64_t failed_ns = shrinker->attempt.virtual_ns;
    if (!shrink_has_wrong_rule(best))
        return false;
    for (unsigned tried = 0; tried < LONGER_TRIED; tried++) {
        struct shrink_draft *draft = shrink_copy(shrinker);
        struct sim_spec *spec = &draft->spec;
        if (shrinker->attempt.verdict != SIM_VERDICT_STUCK || tried > 0) {
            spec->settle_ns = !settling ? 0 : spec->settle_ns > SETTLE_NS ? spec->settle_ns : SETTLE_NS;
            spec->duration_ns = rounded_up((failed_ns + UNIT_NS) << tried, UNIT_NS) + spec->settle_ns;
        }
        if (draft_is_sound(draft) && correct_survives(shrinker, draft, shrinker->step_ns)) {
            if (shrink_try_any(shrinker, draft))
                return true;
            continue;
        }
        draft_free(draft);
    }
    return false;
}
