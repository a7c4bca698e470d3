/* What is done to a cluster all the time, or by chance, gives way to the few steps of it that matter. */
#include <stdlib.h>
#include <string.h>

#include "harness/shrink_record.h"
#include "harness/shrinker.h"

/* ---- batches that follow each other ---- */

static bool are_one(const struct sim_step *one, const struct sim_step *next)
{
    const struct sim_action *a = &one->action, *b = &next->action;
    return (a->kind == SIM_ACTION_PRODUCE || a->kind == SIM_ACTION_PROPOSE) && b->kind == a->kind &&
           a->partition == b->partition && a->acks == b->acks && strcmp(a->topic.text, b->topic.text) == 0 &&
           strcmp(a->client, b->client) == 0;
}

static bool merge_batches(struct shrinker *shrinker)
{
    bool any = false;
    for (uint32_t i = 0; i + 1 < shrinker->best->spec.steps_count; i++) {
        if (!are_one(&shrinker->best->spec.steps[i], &shrinker->best->spec.steps[i + 1]))
            continue;
        struct shrink_draft *draft = shrink_copy(shrinker);
        draft->spec.steps[i].action.count += draft->spec.steps[i + 1].action.count;
        draft_remove_steps(draft, i + 1, 1);
        if (shrink_try(shrinker, draft)) {
            any = true;
            i--;
        }
    }
    return any;
}

/* ---- producers ---- */

static bool writes(const struct sim_client_spec *client)
{
    return (client->kind == SIM_CLIENT_PRODUCER || client->kind == SIM_CLIENT_PROPOSER) &&
           client->interval_ns > 0;
}

static bool any_writes(const struct sim_spec *spec)
{
    for (uint32_t i = 0; i < spec->clients_count; i++) {
        if (writes(&spec->clients[i]))
            return true;
    }
    return false;
}

static bool try_interval(struct shrinker *shrinker, uint32_t client, int64_t interval_ns)
{
    struct shrink_draft *draft = shrink_copy(shrinker);
    draft->spec.clients[client].interval_ns = interval_ns;
    return shrink_try(shrinker, draft);
}

/* Less often, as far as the number that is left is read easier. */
static bool write_less(struct shrinker *shrinker)
{
    static const int64_t intervals_ns[] = {ISR_SECOND, ISR_SECOND / 2, ISR_SECOND / 5, ISR_SECOND / 10};
    bool any = false;
    for (uint32_t i = 0; i < shrinker->best->spec.clients_count; i++) {
        const int64_t interval_ns = shrinker->best->spec.clients[i].interval_ns;
        bool taken = interval_ns == 0;
        for (size_t k = 0; k < sizeof intervals_ns / sizeof intervals_ns[0] && !taken; k++)
            taken = intervals_ns[k] > interval_ns && try_interval(shrinker, i, intervals_ns[k]);
        any = (taken && interval_ns > 0) || any;
    }
    return any;
}

static void remove_writers(struct shrink_draft *draft, const int64_t *step_ns)
{
    for (uint32_t i = draft->spec.clients_count; i-- > 0;) {
        if (writes(&draft->spec.clients[i]))
            (void)draft_remove_process(draft, sim_spec_first_client(&draft->spec) + (int32_t)i, step_ns);
    }
}

static struct sim_step batch_step(const struct sim_spec *spec, const struct shrink_batch *batch)
{
    struct sim_step step;
    memset(&step, 0, sizeof step);
    draft_gate_at(&step, batch->time_ns);
    step.action.kind = sim_spec_is_alone(spec) ? SIM_ACTION_PROPOSE : SIM_ACTION_PRODUCE;
    if (!sim_spec_is_alone(spec))
        step.action.topic = spec->topics[batch->topic].name;
    step.action.partition = batch->partition;
    step.action.count = batch->records;
    step.action.value_bytes = batch->value_bytes;
    step.action.acks = batch->acks;
    return step;
}

/* Behind all steps that run before it or at its time. Gates are times. Not where no step runs any more. */
static void insert_by_time(struct shrink_draft *draft, const struct sim_step *step)
{
    uint32_t place = draft->spec.steps_count;
    if (step->time_ns >= draft->spec.duration_ns - draft->spec.settle_ns)
        return;
    while (place > 0 && draft->spec.steps[place - 1].time_ns > step->time_ns)
        place--;
    draft_insert_step(draft, place, step);
}

static struct sim_step drop_step(const struct shrink_lost *lost)
{
    struct sim_step step;
    memset(&step, 0, sizeof step);
    draft_gate_at(&step, lost->time_ns);
    step.action.kind = SIM_ACTION_DROP;
    step.action.partition = -1;
    step.action.count = 1;
    sim_node_set_add(&step.action.from, lost->from);
    sim_node_set_add(&step.action.to, lost->to);
    sim_message_set_add(&step.action.messages, lost->kind);
    return step;
}

/* What was lost by chance is lost by steps. Gates are times. */
static void lose_by_steps(struct shrink_draft *draft, const struct shrink_record *record)
{
    draft->spec.network.loss_ppm = 0;
    for (uint32_t i = 0; i < record->lost_count; i++) {
        struct sim_step step = drop_step(&record->lost[i]);
        insert_by_time(draft, &step);
    }
}

/* Each batch as it was sent, by the world's own client or by one that only does what steps say. */
static struct shrink_draft *as_sent(const struct shrinker *shrinker, const struct shrink_record *record,
                                    bool own_client, bool losses)
{
    struct shrink_draft *draft = shrink_by_times(shrinker);
    const struct sim_spec *best = &shrinker->best->spec;
    for (uint32_t i = 0; i < record->batches_count; i++) {
        const struct shrink_batch *batch = &record->batches[i];
        if (batch->client >= best->clients_count || !writes(&best->clients[batch->client]))
            continue;
        struct sim_step step = batch_step(best, batch);
        if (!own_client)
            memcpy(step.action.client, best->clients[batch->client].name, sizeof step.action.client);
        insert_by_time(draft, &step);
    }
    if (losses)
        lose_by_steps(draft, record);
    for (uint32_t i = 0; !own_client && i < draft->spec.clients_count; i++) {
        if (writes(&draft->spec.clients[i]))
            draft->spec.clients[i].interval_ns = 0;
    }
    if (own_client)
        remove_writers(draft, NULL);
    return draft;
}

/* What was written last before a time; NULL: nothing. */
static const struct shrink_batch *last_batch(const struct shrink_record *record, int64_t time_ns)
{
    const struct shrink_batch *last = NULL;
    for (uint32_t b = 0; b < record->batches_count && record->batches[b].time_ns < time_ns; b++)
        last = &record->batches[b];
    return last;
}

/* Some records like the last ones, shortly before and after each step, as a person would write it. */
static struct shrink_draft *around_steps(const struct shrinker *shrinker, const struct shrink_record *record,
                                         bool losses)
{
    static const int64_t sides_ns[] = {-50 * ISR_MS, 50 * ISR_MS};
    struct shrink_draft *draft = shrink_by_times(shrinker);
    const uint32_t ran = draft->spec.steps_count;
    for (uint32_t i = 0; i <= ran; i++) {
        int64_t step_ns = i < ran ? shrinker->step_ns[i] : shrinker->attempt.virtual_ns;
        const struct shrink_batch *last = last_batch(record, step_ns);
        for (size_t side = 0; side < (i < ran ? 2 : 1) && last != NULL; side++) {
            struct shrink_batch batch = *last;
            batch.records = 10;
            batch.time_ns = step_ns + sides_ns[side] < 0 ? 0 : step_ns + sides_ns[side];
            struct sim_step step = batch_step(&shrinker->best->spec, &batch);
            insert_by_time(draft, &step);
        }
    }
    if (losses)
        lose_by_steps(draft, record);
    remove_writers(draft, NULL);
    return draft;
}

/* ---- losses ---- */

/* ---- passes ---- */

static shrink_pass *const then[] = {
    shrink_pass_steps, merge_batches, shrink_pass_kinds, shrink_pass_gates, shrink_pass_numbers,
    shrink_pass_steps, NULL};

static bool load_by_steps(struct shrinker *shrinker, const struct shrink_record *record, bool losses)
{
    return shrink_excursion(shrinker, as_sent(shrinker, record, true, losses), then) ||
           shrink_excursion(shrinker, around_steps(shrinker, record, losses), then) ||
           shrink_excursion(shrinker, as_sent(shrinker, record, false, losses), then);
}

bool shrink_pass_load(struct shrinker *shrinker)
{
    bool any = merge_batches(shrinker);
    any = write_less(shrinker) || any;
    if (!any_writes(&shrinker->best->spec) || shrinker->inside)
        return any;
    struct shrink_record *record = shrink_record_take(shrinker, UINT32_MAX);
    if (record == NULL)
        return any;
    bool lossy = shrinker->best->spec.network.loss_ppm > 0;
    any = (lossy && load_by_steps(shrinker, record, true)) || load_by_steps(shrinker, record, false) || any;
    shrink_record_free(record);
    return any;
}

bool shrink_pass_losses(struct shrinker *shrinker)
{
    if (shrinker->best->spec.network.loss_ppm == 0 || shrinker->inside)
        return false;
    struct shrink_record *record = shrink_record_take(shrinker, UINT32_MAX);
    if (record == NULL)
        return false;
    struct shrink_draft *draft = shrink_by_times(shrinker);
    lose_by_steps(draft, record);
    shrink_record_free(record);
    return shrink_excursion(shrinker, draft, then);
}
