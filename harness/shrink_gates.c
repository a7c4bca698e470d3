/* What steps wait for: what a reader sees happen, rather than a time. */
#include <string.h>

#include "harness/shrink_cost.h"
#include "harness/shrink_record.h"
#include "harness/shrinker.h"

static bool try_gate(struct shrinker *shrinker, uint32_t place, enum sim_gate_kind gate,
                     const struct sim_condition *condition, int64_t time_ns)
{
    struct shrink_draft *draft = shrink_copy(shrinker);
    struct sim_step *step = &draft->spec.steps[place];
    step->gate = gate;
    step->time_ns = time_ns;
    step->at_latest_ns = ISR_TIME_NEVER;
    memset(&step->condition, 0, sizeof step->condition);
    if (condition != NULL)
        step->condition = *condition;
    /* Of what waited at a time, the next one would wait for a time that is over. */
    return shrink_try(shrinker, draft);
}

static bool try_at_once(struct shrinker *shrinker, uint32_t place)
{
    return shrinker->best->spec.steps[place].gate != SIM_GATE_NONE &&
           try_gate(shrinker, place, SIM_GATE_NONE, NULL, 0);
}

static bool try_never_anyway(struct shrinker *shrinker, uint32_t place)
{
    const struct sim_step *step = &shrinker->best->spec.steps[place];
    if (step->at_latest_ns == ISR_TIME_NEVER || (step->gate != SIM_GATE_WHEN && step->gate != SIM_GATE_AFTER))
        return false;
    struct sim_condition condition = step->condition;
    return try_gate(shrinker, place, SIM_GATE_WHEN, &condition, 0) ||
           try_gate(shrinker, place, SIM_GATE_AFTER, &condition, 0);
}

static bool is_event(const struct sim_condition *condition)
{
    return condition->kind == SIM_CONDITION_LEADER_ELECTED || condition->kind == SIM_CONDITION_ISR_PENDING;
}

static bool try_conditions(struct shrinker *shrinker, uint32_t place)
{
    bool any = false;
    struct shrink_record *record = shrink_record_take(shrinker, place);
    if (record == NULL)
        return false;
    for (uint32_t i = 0; i < record->conditions_count && !any; i++) {
        const struct sim_condition *condition = &record->conditions[i];
        any = i < record->news_count && try_gate(shrinker, place, SIM_GATE_WHEN, condition, 0);
        any = any || (is_event(condition) && try_gate(shrinker, place, SIM_GATE_AFTER, condition, 0));
    }
    shrink_record_free(record);
    return any;
}

/* So long after the step before, in a round number. */
static bool try_wait(struct shrinker *shrinker, uint32_t place)
{
    int64_t before_ns = place == 0 ? 0 : shrinker->step_ns[place - 1];
    int64_t wait_ns = shrinker->step_ns[place] - before_ns;
    if (shrinker->best->spec.steps[place].gate == SIM_GATE_WAIT || shrinker->step_ns[place] == ISR_TIME_NEVER)
        return false;
    for (int64_t unit_ns = 10 * ISR_SECOND; unit_ns >= 10000; unit_ns /= 10) {
        int64_t down_ns = wait_ns / unit_ns * unit_ns;
        if ((down_ns > 0 && try_gate(shrinker, place, SIM_GATE_WAIT, NULL, down_ns)) ||
            try_gate(shrinker, place, SIM_GATE_WAIT, NULL, down_ns + unit_ns))
            return true;
    }
    return try_gate(shrinker, place, SIM_GATE_WAIT, NULL, wait_ns);
}

/* A history begins when the cluster is up, unless it is about that. */
static bool begin_when_up(struct shrinker *shrinker)
{
    const struct sim_spec *best = &shrinker->best->spec;
    if (best->steps_count == 0 || best->steps[0].gate != SIM_GATE_NONE)
        return false;
    for (uint32_t t = 0; t < best->topics_count; t++) {
        const struct sim_topic_spec *topic = &best->topics[t];
        for (int32_t p = 0; topic->assignments != NULL && p < topic->partitions; p++) {
            struct sim_condition condition = {.kind = SIM_CONDITION_ISR_IS,
                                              .topic = topic->name,
                                              .partition = p,
                                              .node = ISR_NODE_NONE,
                                              .set = topic->assignments[p]};
            if (try_gate(shrinker, 0, SIM_GATE_WHEN, &condition, 0))
                return true;
            condition = (struct sim_condition){.kind = SIM_CONDITION_LEADER_IS,
                                               .topic = topic->name,
                                               .partition = p,
                                               .node = topic->assignments[p].ids[0]};
            if (try_gate(shrinker, 0, SIM_GATE_WHEN, &condition, 0))
                return true;
        }
    }
    return false;
}

bool shrink_pass_gates(struct shrinker *shrinker)
{
    uint64_t before = shrinker->cost;
    for (uint32_t place = 0; place < shrinker->best->spec.steps_count && !shrinker->spent; place++) {
        if (shrinker->best->spec.steps[place].gate == SIM_GATE_NONE || try_at_once(shrinker, place))
            continue;
        (void)try_never_anyway(shrinker, place);
        if (!try_conditions(shrinker, place))
            (void)try_wait(shrinker, place);
    }
    (void)begin_when_up(shrinker);
    return shrinker->cost < before;
}
