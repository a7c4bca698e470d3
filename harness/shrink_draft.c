#include "harness/shrink_draft.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/assert.h"

/* ---- copies ---- */

static void *copy_of(struct pool *pool, const void *from, size_t count, size_t size)
{
    if (from == NULL || count == 0)
        return NULL;
    void *to = pool_array(pool, count, size);
    memcpy(to, from, count * size);
    return to;
}

struct shrink_draft *draft_new(const struct sim_spec *from, uint32_t room)
{
    struct pool pool = {NULL};
    struct shrink_draft *draft = pool_allocate(&pool, sizeof *draft);
    struct sim_spec *spec = &draft->spec;
    memcpy(spec, from, sizeof *spec);
    draft->steps_capacity = from->steps_count + room;
    spec->steps = pool_array(&pool, draft->steps_capacity + 1, sizeof *spec->steps);
    if (from->steps_count > 0)
        memcpy(spec->steps, from->steps, from->steps_count * sizeof *spec->steps);
    spec->topics = copy_of(&pool, from->topics, from->topics_count, sizeof *spec->topics);
    spec->clients = copy_of(&pool, from->clients, from->clients_count, sizeof *spec->clients);
    spec->node_settings =
        copy_of(&pool, from->node_settings, from->node_settings_count, sizeof *spec->node_settings);
    for (uint32_t i = 0; i < from->topics_count; i++)
        spec->topics[i].assignments =
            copy_of(&pool, from->topics[i].assignments, (size_t)from->topics[i].partitions,
                    sizeof *spec->topics[i].assignments);
    draft->pool = pool;
    return draft;
}

void draft_free(struct shrink_draft *draft)
{
    if (draft == NULL)
        return;
    struct pool pool = draft->pool; /* the draft lies in it */
    pool_free(&pool);
}

bool draft_is_sound(const struct shrink_draft *draft)
{
    const struct sim_spec *spec = &draft->spec;
    char sentence[256];
    uint32_t where;
    if (sim_spec_check(spec, sentence, sizeof sentence, &where) != NULL)
        return false;
    int64_t last_ns = 0;
    for (uint32_t i = 0; i < spec->steps_count; i++) {
        const struct sim_step *step = &spec->steps[i];
        if (step->gate != SIM_GATE_AT)
            continue;
        if (step->time_ns < last_ns || step->time_ns >= spec->duration_ns - spec->settle_ns)
            return false;
        last_ns = step->time_ns;
    }
    return true;
}

/* ---- steps ---- */

void draft_insert_step(struct shrink_draft *draft, uint32_t place, const struct sim_step *step)
{
    struct sim_spec *spec = &draft->spec;
    ISR_ASSERT(place <= spec->steps_count);
    if (spec->steps_count == draft->steps_capacity) {
        draft->steps_capacity = 2 * draft->steps_capacity + 8;
        struct sim_step *steps = pool_array(&draft->pool, draft->steps_capacity, sizeof *steps);
        memcpy(steps, spec->steps, spec->steps_count * sizeof *steps);
        spec->steps = steps;
    }
    memmove(&spec->steps[place + 1], &spec->steps[place], (spec->steps_count - place) * sizeof *spec->steps);
    memcpy(&spec->steps[place], step, sizeof *step);
    spec->steps_count++;
}

void draft_remove_steps(struct shrink_draft *draft, uint32_t place, uint32_t count)
{
    struct sim_spec *spec = &draft->spec;
    ISR_ASSERT(place + count <= spec->steps_count);
    memmove(&spec->steps[place], &spec->steps[place + count],
            (spec->steps_count - place - count) * sizeof *spec->steps);
    spec->steps_count -= count;
}

void draft_gate_at(struct sim_step *step, int64_t time_ns)
{
    step->gate = time_ns == ISR_TIME_NEVER ? SIM_GATE_NONE : SIM_GATE_AT;
    step->time_ns = time_ns == ISR_TIME_NEVER ? 0 : time_ns;
    step->at_latest_ns = ISR_TIME_NEVER;
    memset(&step->condition, 0, sizeof step->condition);
}

bool draft_condition_names(const struct sim_condition *condition, const char *what)
{
    static const char *const forms[] = {
#define X(NAME, form, meaning) form,
#include "sim/conditions.def"
#undef X
    };
    return strstr(forms[condition->kind], what) != NULL;
}

static bool action_has(enum sim_action_kind kind, const char *key)
{
    static const char *const parameters[] = {
#define X(NAME, name, SCOPE, parameters_, meaning) parameters_,
#include "sim/actions.def"
#undef X
    };
    return strstr(parameters[kind], key) != NULL;
}

bool draft_action_names_partition(const struct sim_action *action)
{
    return action_has(action->kind, "partition");
}

bool draft_action_names_topic(const struct sim_action *action)
{
    return action_has(action->kind, "topic");
}

static bool waits_for(const struct sim_step *step)
{
    return step->gate == SIM_GATE_WHEN || step->gate == SIM_GATE_AFTER;
}

static int64_t ran_ns(const int64_t *step_ns, uint32_t step)
{
    return step_ns == NULL ? ISR_TIME_NEVER : step_ns[step];
}

/* ---- numbers of nodes ---- */

enum { GONE = 0 };

/* What becomes of each process: its new number, or GONE. */
struct renumbering {
    int32_t to[SIM_NODES_MAX + 2];
    const int64_t *step_ns;
};

static struct renumbering identity(void)
{
    struct renumbering renumbering = {.step_ns = NULL};
    for (int32_t i = 0; i <= SIM_NODES_MAX + 1; i++)
        renumbering.to[i] = i;
    return renumbering;
}

/* True when there was somebody in it, and now there is nobody. */
static bool renumber_set(const struct renumbering *renumbering, struct sim_node_set *set)
{
    struct sim_node_set before = *set;
    bool any_before = false, any = false;
    memset(set, 0, sizeof *set);
    for (int32_t node = 0; node <= SIM_NODES_MAX; node++) {
        if (!sim_node_set_has(&before, node))
            continue;
        any_before = true;
        /* number 0 is whoever leads the quorum */
        if (node != SIM_NODE_CONTROLLER && renumbering->to[node] == GONE)
            continue;
        sim_node_set_add(set, renumbering->to[node]);
        any = true;
    }
    return any_before && !any;
}

static void renumber_replicas(const struct renumbering *renumbering, struct isr_replicas *replicas)
{
    struct isr_replicas before = *replicas;
    memset(replicas, 0, sizeof *replicas);
    for (unsigned i = 0; i < before.count; i++) {
        int32_t to = renumbering->to[before.ids[i]];
        if (to != GONE)
            isr_replicas_add(replicas, to);
    }
}

/* False: it was about those who are gone and nobody else. */
static bool renumber_action(const struct renumbering *renumbering, struct sim_action *action)
{
    bool empty = renumber_set(renumbering, &action->nodes);
    empty = renumber_set(renumbering, &action->from) || empty;
    empty = renumber_set(renumbering, &action->to) || empty;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < action->groups_count; i++) {
        if (!renumber_set(renumbering, &action->groups[i]))
            action->groups[kept++] = action->groups[i];
    }
    for (uint32_t i = kept; i < action->groups_count; i++)
        memset(&action->groups[i], 0, sizeof action->groups[i]);
    empty = empty || (action->groups_count >= 2 && kept < 2);
    action->groups_count = kept;
    if (action->node > 0) {
        action->node = renumbering->to[action->node];
        empty = empty || action->node == GONE;
    }
    if (action->asked > 0)
        action->asked = renumbering->to[action->asked];
    bool wanted = action->replicas.count > 0;
    renumber_replicas(renumbering, &action->replicas);
    return !empty && (!wanted || action->replicas.count > 0);
}

/* False: it names who is gone. */
static bool renumber_condition(const struct renumbering *renumbering, struct sim_condition *condition)
{
    if (condition->node > 0) {
        condition->node = renumbering->to[condition->node];
        if (condition->node == GONE)
            return false;
    }
    renumber_replicas(renumbering, &condition->set);
    return true;
}

static void renumber_steps(const struct renumbering *renumbering, struct shrink_draft *draft)
{
    struct sim_spec *spec = &draft->spec;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < spec->steps_count; i++) {
        struct sim_step *step = &spec->steps[i];
        if (!renumber_action(renumbering, &step->action))
            continue;
        if (waits_for(step) && !renumber_condition(renumbering, &step->condition))
            draft_gate_at(step, ran_ns(renumbering->step_ns, i));
        if (kept != i)
            memcpy(&spec->steps[kept], step, sizeof *step);
        kept++;
    }
    spec->steps_count = kept;
}

static void renumber(const struct renumbering *renumbering, struct shrink_draft *draft)
{
    struct sim_spec *spec = &draft->spec;
    uint8_t racks[SIM_NODES_MAX + 1] = {0};
    renumber_steps(renumbering, draft);
    for (uint32_t t = 0; t < spec->topics_count; t++) {
        struct sim_topic_spec *topic = &spec->topics[t];
        for (int32_t p = 0; topic->assignments != NULL && p < topic->partitions; p++)
            renumber_replicas(renumbering, &topic->assignments[p]);
    }
    for (int32_t node = 1; node <= SIM_NODES_MAX; node++) {
        if (renumbering->to[node] != GONE)
            racks[renumbering->to[node]] = spec->racks[node];
    }
    memcpy(spec->racks, racks, sizeof racks);
    (void)renumber_set(renumbering, &spec->gone);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < spec->node_settings_count; i++) {
        struct sim_node_setting setting = spec->node_settings[i];
        setting.node = renumbering->to[setting.node];
        if (setting.node != GONE)
            spec->node_settings[kept++] = setting;
    }
    spec->node_settings_count = kept;
}

/* Partitions whose replicas are as many as before, or all one fewer: the replication factor follows. */
static bool fit_replication(struct sim_spec *spec)
{
    for (uint32_t t = 0; t < spec->topics_count; t++) {
        struct sim_topic_spec *topic = &spec->topics[t];
        int16_t least = topic->replication_factor;
        for (int32_t p = 0; topic->assignments != NULL && p < topic->partitions; p++) {
            if (topic->assignments[p].count < least)
                least = topic->assignments[p].count;
        }
        if (topic->assignments == NULL && least > spec->brokers)
            least = (int16_t)spec->brokers;
        if (least < 1)
            return false;
        for (int32_t p = 0; topic->assignments != NULL && p < topic->partitions; p++) {
            struct isr_replicas *replicas = &topic->assignments[p];
            while (replicas->count > least)
                isr_replicas_remove(replicas, replicas->ids[replicas->count - 1]);
        }
        topic->replication_factor = least;
        if (topic->settings.min_isr > least)
            topic->settings.min_isr = least;
    }
    return true;
}

static bool cluster_without(struct sim_spec *spec, int32_t node)
{
    if (sim_spec_is_broker(spec, node)) {
        if (spec->brokers == 1)
            return false;
        spec->brokers--;
        if (spec->peer.count > 0) {
            spec->peer.count = spec->brokers;
            if (spec->peer.bootstrap > spec->brokers)
                spec->peer.bootstrap = 1;
        } else if (spec->combined && node <= spec->controllers) {
            if (spec->controllers == 1)
                return false;
            spec->controllers--;
        }
        return fit_replication(spec);
    }
    if (sim_spec_is_first_voter(spec, node)) {
        if (spec->controllers == 1)
            return false;
        spec->controllers--;
        spec->alone -= sim_spec_is_alone(spec);
        return true;
    }
    spec->standby_controllers--;
    return true;
}

bool draft_remove_process(struct shrink_draft *draft, int32_t node, const int64_t *step_ns)
{
    struct sim_spec *spec = &draft->spec;
    struct renumbering renumbering = identity();
    int32_t first_client = sim_spec_first_client(spec);
    if (node < 1 || node >= sim_spec_own_client(spec))
        return false;
    renumbering.step_ns = step_ns;
    renumbering.to[node] = GONE;
    for (int32_t i = node + 1; i <= SIM_NODES_MAX; i++)
        renumbering.to[i] = i - 1;
    renumber(&renumbering, draft);
    if (node < first_client)
        return cluster_without(spec, node);
    uint32_t place = (uint32_t)(node - first_client);
    const char *name = spec->clients[place].name;
    for (uint32_t i = 0; i < spec->steps_count; i++) {
        struct sim_action *action = &spec->steps[i].action;
        if (strcmp(action->client, name) == 0)
            memset(action->client, 0, sizeof action->client);
    }
    memmove(&spec->clients[place], &spec->clients[place + 1],
            (spec->clients_count - place - 1) * sizeof *spec->clients);
    spec->clients_count--;
    return true;
}

void draft_swap_brokers(struct shrink_draft *draft, int32_t one, int32_t other)
{
    struct renumbering renumbering = identity();
    renumbering.to[one] = other;
    renumbering.to[other] = one;
    renumber(&renumbering, draft);
}

/* ---- controllers of their own ---- */

/* All of the controllers but at most one. */
static bool is_nearly_all(const struct sim_node_set *set, int32_t controllers)
{
    int32_t there = 0;
    for (int32_t node = 1; node <= controllers; node++)
        there += sim_node_set_has(set, node);
    return there >= controllers - 1 && there > 0;
}

static void add_controllers(struct sim_node_set *set, int32_t first, int32_t count)
{
    for (int32_t node = first; node < first + count; node++)
        sim_node_set_add(set, node);
}

bool draft_separate_controllers(struct shrink_draft *draft)
{
    struct sim_spec *spec = &draft->spec;
    if (!spec->combined || spec->peer.count > 0)
        return false;
    int32_t first = spec->brokers + 1, count = spec->controllers;
    struct renumbering renumbering = identity();
    for (int32_t node = first; node + count <= SIM_NODES_MAX; node++)
        renumbering.to[node] = node + count;
    for (int32_t node = SIM_NODES_MAX - count + 1; node <= SIM_NODES_MAX; node++)
        renumbering.to[node] = GONE;
    renumber(&renumbering, draft);
    spec->combined = false;
    for (uint32_t i = 0; i < spec->steps_count; i++) {
        struct sim_action *action = &spec->steps[i].action;
        enum sim_action_scope scope = sim_action_scope(action->kind);
        if (scope == SIM_SCOPE_LINKS && is_nearly_all(&action->from, count))
            add_controllers(&action->from, first, count);
        if (scope == SIM_SCOPE_LINKS && is_nearly_all(&action->to, count))
            add_controllers(&action->to, first, count);
        for (uint32_t g = 0; g < action->groups_count; g++) {
            if (is_nearly_all(&action->groups[g], count))
                add_controllers(&action->groups[g], first, count);
        }
    }
    return true;
}

/* ---- topics and partitions ---- */

/* What a removal does to a place that names a partition: whether it stays, and where. */
static bool partition_stays(const struct isr_name *topic, int32_t *partition, const char *removed,
                            int32_t removed_partition)
{
    if (strcmp(topic->text, removed) != 0)
        return true;
    if (removed_partition < 0 || *partition == removed_partition)
        return false;
    if (*partition > removed_partition)
        --*partition;
    return true;
}

/* removed_partition: -1: the whole topic. */
static void remove_from_steps(struct shrink_draft *draft, const char *topic, int32_t removed_partition,
                              const int64_t *step_ns)
{
    struct sim_spec *spec = &draft->spec;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < spec->steps_count; i++) {
        struct sim_step *step = &spec->steps[i];
        struct sim_action *action = &step->action;
        bool names = draft_action_names_partition(action) ||
                     (removed_partition < 0 && draft_action_names_topic(action));
        if (names && !partition_stays(&action->topic, &action->partition, topic, removed_partition))
            continue;
        if (waits_for(step) && draft_condition_names(&step->condition, "<p>") &&
            !partition_stays(&step->condition.topic, &step->condition.partition, topic, removed_partition))
            draft_gate_at(step, ran_ns(step_ns, i));
        if (kept != i)
            memcpy(&spec->steps[kept], step, sizeof *step);
        kept++;
    }
    spec->steps_count = kept;
}

bool draft_remove_partition(struct shrink_draft *draft, uint32_t topic, int32_t partition,
                            const int64_t *step_ns)
{
    struct sim_spec *spec = &draft->spec;
    struct sim_topic_spec *cut = &spec->topics[topic];
    if (cut->partitions == 1)
        return false;
    for (uint32_t i = spec->clients_count; i-- > 0;) {
        struct sim_client_spec *client = &spec->clients[i];
        if (!partition_stays(&client->topic, &client->partition, cut->name.text, partition) &&
            !draft_remove_process(draft, sim_spec_first_client(spec) + (int32_t)i, step_ns))
            return false;
    }
    remove_from_steps(draft, cut->name.text, partition, step_ns);
    for (int32_t p = partition; cut->assignments != NULL && p + 1 < cut->partitions; p++)
        cut->assignments[p] = cut->assignments[p + 1];
    cut->partitions--;
    return true;
}

bool draft_remove_topic(struct shrink_draft *draft, uint32_t topic, const int64_t *step_ns)
{
    struct sim_spec *spec = &draft->spec;
    if (spec->topics_count == 1)
        return false;
    struct isr_name name = spec->topics[topic].name;
    for (uint32_t i = spec->clients_count; i-- > 0;) {
        const struct sim_client_spec *client = &spec->clients[i];
        if (client->kind != SIM_CLIENT_ADMIN && strcmp(client->topic.text, name.text) == 0 &&
            !draft_remove_process(draft, sim_spec_first_client(spec) + (int32_t)i, step_ns))
            return false;
    }
    remove_from_steps(draft, name.text, -1, step_ns);
    memmove(&spec->topics[topic], &spec->topics[topic + 1],
            (spec->topics_count - topic - 1) * sizeof *spec->topics);
    spec->topics_count--;
    return true;
}

/* ---- names ---- */

bool draft_rename_topic(struct shrink_draft *draft, uint32_t topic, const char *name)
{
    struct sim_spec *spec = &draft->spec;
    struct isr_name before = spec->topics[topic].name, after = {{0}};
    for (uint32_t i = 0; i < spec->topics_count; i++) {
        if (strcmp(spec->topics[i].name.text, name) == 0)
            return false;
    }
    memcpy(after.text, name, strlen(name));
    spec->topics[topic].name = after;
    for (uint32_t i = 0; i < spec->clients_count; i++) {
        if (strcmp(spec->clients[i].topic.text, before.text) == 0)
            spec->clients[i].topic = after;
    }
    for (uint32_t i = 0; i < spec->steps_count; i++) {
        struct sim_step *step = &spec->steps[i];
        if (strcmp(step->action.topic.text, before.text) == 0)
            step->action.topic = after;
        if (strcmp(step->condition.topic.text, before.text) == 0)
            step->condition.topic = after;
    }
    return true;
}

bool draft_rename_client(struct shrink_draft *draft, uint32_t client, const char *name)
{
    struct sim_spec *spec = &draft->spec;
    char before[SIM_LABEL_BYTES];
    if (sim_spec_node_named(spec, name) != ISR_NODE_NONE)
        return false;
    memcpy(before, spec->clients[client].name, sizeof before);
    memset(spec->clients[client].name, 0, SIM_LABEL_BYTES);
    memcpy(spec->clients[client].name, name, strlen(name));
    for (uint32_t i = 0; i < spec->steps_count; i++) {
        char *named = spec->steps[i].action.client;
        if (strcmp(named, before) != 0)
            continue;
        memset(named, 0, SIM_LABEL_BYTES);
        memcpy(named, name, strlen(name));
    }
    return true;
}
