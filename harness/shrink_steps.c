/* Passes that leave out steps, and what bounds them: the end of the run. */
#include <string.h>

#include "harness/shrinker.h"

/* ---- the end ---- */

static void end_at(struct sim_spec *spec, int64_t failed_ns, int64_t unit_ns)
{
    spec->duration_ns = (failed_ns / unit_ns + 1) * unit_ns + spec->settle_ns;
}

/* Steps that were not reached did nothing. */
static bool drop_unreached(struct shrinker *shrinker)
{
    struct shrink_draft *draft = shrink_copy(shrinker);
    uint32_t reached = 0;
    while (reached < draft->spec.steps_count && shrinker->step_ns[reached] != ISR_TIME_NEVER)
        reached++;
    if (reached == draft->spec.steps_count) {
        draft_free(draft);
        return false;
    }
    draft_remove_steps(draft, reached, draft->spec.steps_count - reached);
    return shrink_try(shrinker, draft);
}

static struct sim_step step_of(enum sim_action_kind kind)
{
    struct sim_step step = {.at_latest_ns = ISR_TIME_NEVER};
    step.action.kind = kind;
    step.action.partition = -1;
    return step;
}

/* What the settle phase did, as steps: servers that are gone are not healed, and nobody hears them. */
static void settle_by_steps(struct shrink_draft *draft, int64_t time_ns)
{
    struct sim_spec *spec = &draft->spec;
    struct sim_step heal = step_of(SIM_ACTION_HEAL), start = step_of(SIM_ACTION_START),
                    isolate = step_of(SIM_ACTION_ISOLATE);
    bool gone = !sim_node_set_is_empty(&spec->gone);
    draft_gate_at(&heal, time_ns);
    for (int32_t node = 1; node < sim_spec_own_client(spec); node++) {
        if (sim_node_set_has(&spec->gone, node))
            continue;
        sim_node_set_add(&heal.action.nodes, node);
        if (node < sim_spec_first_client(spec))
            sim_node_set_add(&start.action.nodes, node);
    }
    isolate.action.nodes = spec->gone;
    draft_insert_step(draft, spec->steps_count, &heal);
    draft_insert_step(draft, spec->steps_count, &start);
    if (gone)
        draft_insert_step(draft, spec->steps_count, &isolate);
}

/* A safety property needs no time to settle; where it broke in that time, heal and start become steps. */
static bool drop_settling(struct shrinker *shrinker)
{
    const struct sim_spec *best = &shrinker->best->spec;
    int64_t settled_ns = best->duration_ns - best->settle_ns;
    if (best->settle_ns == 0 || shrinker->keeps_settling || shrinker->attempt.verdict == SIM_VERDICT_STUCK)
        return false;
    for (int way = 0; way < 2; way++) {
        struct shrink_draft *draft = shrink_copy(shrinker);
        if (way == 1)
            settle_by_steps(draft, settled_ns);
        draft->spec.settle_ns = 0;
        memset(&draft->spec.gone, 0, sizeof draft->spec.gone);
        end_at(&draft->spec, shrinker->attempt.virtual_ns, 100 * ISR_MS);
        if (way == 0 ? shrink_try(shrinker, draft) : shrink_try_any(shrinker, draft))
            return true;
    }
    return false;
}

/* In less a healthy cluster need not have healed, whatever was drawn. */
static const int64_t SETTLE_LEAST_NS = 5 * ISR_SECOND;

/* Where it takes the end of the run to know that it failed, the run is shorter; and so is its end, where the
 * correct engine tells how long healing takes. */
static bool shorten(struct shrinker *shrinker)
{
    static const int64_t percents[] = {25, 50, 75, 90};
    bool any = false;
    for (size_t i = 0; i < 2 * sizeof percents / sizeof percents[0]; i++) {
        struct shrink_draft *draft = shrink_copy(shrinker);
        struct sim_spec *spec = &draft->spec;
        int64_t *span_ns = i % 2 == 0 ? &spec->duration_ns : &spec->settle_ns, before_ns = *span_ns;
        int64_t unit_ns = before_ns > 2 * ISR_SECOND ? ISR_SECOND : 100 * ISR_MS;
        *span_ns = before_ns * percents[i / 2] / 100 / unit_ns * unit_ns;
        if (i % 2 == 1)
            spec->duration_ns -= before_ns - *span_ns;
        if (*span_ns == before_ns || (i % 2 == 1 && (*span_ns < SETTLE_LEAST_NS || !shrinker->contrast)) ||
            spec->settle_ns >= spec->duration_ns)
            draft_free(draft);
        else
            any = shrink_try(shrinker, draft) || any;
    }
    return any;
}

bool shrink_pass_end(struct shrinker *shrinker)
{
    bool any = drop_unreached(shrinker);
    any = drop_settling(shrinker) || any;
    if (shrinker->best->spec.settle_ns > 0)
        return shorten(shrinker) || any;
    struct shrink_draft *draft = shrink_copy(shrinker);
    end_at(&draft->spec, shrinker->attempt.virtual_ns, 100 * ISR_MS);
    return shrink_try(shrinker, draft) || any;
}

/* ---- ways to leave steps out ---- */

static bool waits_for(const struct sim_step *step)
{
    return step->gate == SIM_GATE_WHEN || step->gate == SIM_GATE_AFTER;
}

int64_t shrink_ran_ns(const struct shrinker *shrinker, uint32_t step)
{
    int64_t ran_ns = 0;
    for (uint32_t i = 0; i <= step; i++) {
        if (shrinker->step_ns[i] == ISR_TIME_NEVER)
            return ISR_TIME_NEVER;
        int64_t own_ns = shrinker->step_ns[i] + waits_for(&shrinker->best->spec.steps[i]);
        ran_ns = own_ns > ran_ns ? own_ns : ran_ns;
    }
    return ran_ns;
}

struct shrink_draft *shrink_by_times(const struct shrinker *shrinker)
{
    struct shrink_draft *draft = shrink_copy(shrinker);
    uint32_t ran = 0;
    for (; ran < draft->spec.steps_count && shrinker->step_ns[ran] != ISR_TIME_NEVER; ran++)
        draft_gate_at(&draft->spec.steps[ran], shrink_ran_ns(shrinker, ran));
    draft_remove_steps(draft, ran, draft->spec.steps_count - ran);
    return draft;
}

static bool hand_gate(struct sim_step *next, const struct sim_step *gone)
{
    if (next->gate == SIM_GATE_WAIT && gone->gate == SIM_GATE_WAIT) {
        next->time_ns += gone->time_ns;
        return true;
    }
    if (next->gate != SIM_GATE_NONE || gone->gate == SIM_GATE_NONE)
        return false;
    next->gate = gone->gate;
    next->time_ns = gone->time_ns;
    next->condition = gone->condition;
    next->at_latest_ns = gone->at_latest_ns;
    return true;
}

struct shrink_draft *shrink_without(const struct shrinker *shrinker, uint32_t place, uint32_t count,
                                    enum shrink_way way)
{
    const struct sim_spec *best = &shrinker->best->spec;
    uint32_t behind = place + count;
    if (way != SHRINK_WAY_DROP && behind == best->steps_count)
        return NULL;
    struct shrink_draft *draft = shrink_copy(shrinker);
    struct sim_step *next = &draft->spec.steps[behind];
    bool other = way == SHRINK_WAY_DROP;
    for (uint32_t i = behind; way == SHRINK_WAY_HAND && i-- > place && !other;)
        other = hand_gate(next, &best->steps[i]);
    if (way == SHRINK_WAY_TIME && next->gate != SIM_GATE_AT && shrinker->step_ns[behind] != ISR_TIME_NEVER) {
        draft_gate_at(next, shrink_ran_ns(shrinker, behind));
        other = true;
    }
    if (!other) {
        draft_free(draft);
        return NULL;
    }
    draft_remove_steps(draft, place, count);
    return draft;
}

static bool leave_out(struct shrinker *shrinker, uint32_t place, uint32_t count)
{
    for (int way = 0; way < SHRINK_WAYS; way++) {
        struct shrink_draft *draft = shrink_without(shrinker, place, count, (enum shrink_way)way);
        if (draft != NULL && shrink_try(shrinker, draft))
            return true;
    }
    return false;
}

static bool is_quiet(const struct sim_step *step)
{
    return step->action.kind == SIM_ACTION_NOTE;
}

/* What it did goes, what it waited for stays. */
static bool silence(struct shrinker *shrinker, uint32_t place)
{
    if (is_quiet(&shrinker->best->spec.steps[place]))
        return false;
    struct shrink_draft *draft = shrink_copy(shrinker);
    struct sim_action *action = &draft->spec.steps[place].action;
    memset(action, 0, sizeof *action);
    action->kind = SIM_ACTION_NOTE;
    action->partition = -1;
    memcpy(action->text, "wait", 5);
    return shrink_try(shrinker, draft);
}

/* ---- a fault and its undo ---- */

static bool undoes(const struct sim_action *later, const struct sim_action *earlier)
{
    switch ((int)earlier->kind) {
    case SIM_ACTION_KILL:
    case SIM_ACTION_POWER_OFF:
    case SIM_ACTION_SHUTDOWN:
    case SIM_ACTION_WIPE:
        return later->kind == SIM_ACTION_START;
    case SIM_ACTION_PAUSE:
        return later->kind == SIM_ACTION_RESUME;
    case SIM_ACTION_PARTITION:
    case SIM_ACTION_ISOLATE:
    case SIM_ACTION_CUT:
    case SIM_ACTION_LINK:
    case SIM_ACTION_HALF_OPEN:
        return later->kind == SIM_ACTION_HEAL;
    case SIM_ACTION_HOLD:
    case SIM_ACTION_DROP:
        return later->kind == SIM_ACTION_RELEASE || later->kind == SIM_ACTION_HEAL;
    case SIM_ACTION_DISK_FULL:
        return later->kind == SIM_ACTION_DISK_FREE;
    case SIM_ACTION_STALL:
        return later->kind == SIM_ACTION_UNSTALL;
    case SIM_ACTION_LYING_SYNC:
    case SIM_ACTION_LOSE_NAMES:
    case SIM_ACTION_TRAFFIC:
    case SIM_ACTION_SLOW_CPU:
    case SIM_ACTION_MEMORY:
    case SIM_ACTION_DISK:
    case SIM_ACTION_CLOCK:
    case SIM_ACTION_ELECT:
    case SIM_ACTION_REASSIGN:
    case SIM_ACTION_ALTER_TOPIC:
        return later->kind == earlier->kind;
    case SIM_ACTION_DELETE_TOPIC:
        return later->kind == SIM_ACTION_CREATE_TOPIC;
    case SIM_ACTION_ADD_VOTER:
    case SIM_ACTION_ADD_LEARNER:
        return later->kind == SIM_ACTION_REMOVE_VOTER;
    }
    return false;
}

static bool leave_out_two(struct shrinker *shrinker, uint32_t one, uint32_t other)
{
    for (int way = 0; way < SHRINK_WAYS; way++) {
        struct shrink_draft *draft = shrink_without(shrinker, other, 1, (enum shrink_way)way);
        if (draft == NULL)
            continue;
        struct sim_step *next = &draft->spec.steps[one + 1];
        if (way == SHRINK_WAY_HAND && one + 1 < draft->spec.steps_count)
            (void)hand_gate(next, &draft->spec.steps[one]);
        else if (way == SHRINK_WAY_TIME && one + 1 != other && next->gate != SIM_GATE_AT)
            draft_gate_at(next, shrink_ran_ns(shrinker, one + 1));
        draft_remove_steps(draft, one, 1);
        if (shrink_try(shrinker, draft))
            return true;
    }
    return false;
}

static bool leave_out_undone(struct shrinker *shrinker)
{
    bool any = false;
    for (uint32_t one = shrinker->best->spec.steps_count; one-- > 0;) {
        for (uint32_t other = one + 1; other < shrinker->best->spec.steps_count; other++) {
            const struct sim_step *steps = shrinker->best->spec.steps;
            if (!undoes(&steps[other].action, &steps[one].action))
                continue;
            if (leave_out_two(shrinker, one, other)) {
                any = true;
                break;
            }
        }
        if (one > shrinker->best->spec.steps_count)
            one = shrinker->best->spec.steps_count;
    }
    return any;
}

/* ---- the passes ---- */

bool shrink_pass_steps(struct shrinker *shrinker)
{
    uint64_t before = shrinker->cost;
    for (uint32_t count = shrinker->best->spec.steps_count / 2; count > 0; count /= 2) {
        uint32_t place = shrinker->best->spec.steps_count;
        while (place > 0) {
            place = place > count ? place - count : 0;
            uint32_t left = shrinker->best->spec.steps_count - place;
            if (left > 0)
                (void)leave_out(shrinker, place, left < count ? left : count);
        }
    }
    for (uint32_t place = shrinker->best->spec.steps_count; place-- > 0;)
        (void)silence(shrinker, place);
    (void)leave_out_undone(shrinker);
    return shrinker->cost < before;
}

bool shrink_pass_pairs(struct shrinker *shrinker)
{
    enum { FEW = 20 };
    uint64_t before = shrinker->cost;
    if (shrinker->best->spec.steps_count > FEW)
        return false;
    for (uint32_t other = shrinker->best->spec.steps_count; other-- > 1;) {
        for (uint32_t one = other; one-- > 0;) {
            if (leave_out_two(shrinker, one, other)) {
                other = shrinker->best->spec.steps_count;
                break;
            }
        }
        if (other == 0)
            break;
    }
    return shrinker->cost < before;
}

bool shrink_pass_fixed(struct shrinker *shrinker)
{
    static shrink_pass *const then[] = {shrink_pass_steps, shrink_pass_nodes, shrink_pass_steps,
                                        shrink_pass_gates, NULL};
    const struct sim_spec *best = &shrinker->best->spec;
    bool any = false;
    for (uint32_t i = 0; i < best->steps_count; i++)
        any = any || best->steps[i].gate != SIM_GATE_AT;
    return any && !shrinker->inside && shrink_excursion(shrinker, shrink_by_times(shrinker), then);
}
