/* Plain kinds of faults, few nodes, and numbers that are as by default, small or round. */
#include <string.h>

#include "harness/shrinker.h"

/* ---- kinds ---- */

static bool try_kind(struct shrinker *shrinker, uint32_t place, enum sim_action_kind kind)
{
    struct shrink_draft *draft = shrink_copy(shrinker);
    draft->spec.steps[place].action.kind = kind;
    if (kind == SIM_ACTION_CUT) {
        draft->spec.steps[place].action.link_fields = 0;
        memset(&draft->spec.steps[place].action.link, 0, sizeof draft->spec.steps[place].action.link);
    }
    return shrink_try(shrinker, draft);
}

static bool plainer_kind(struct shrinker *shrinker, uint32_t place)
{
    switch ((int)shrinker->best->spec.steps[place].action.kind) {
    case SIM_ACTION_POWER_OFF:
    case SIM_ACTION_SHUTDOWN:
    case SIM_ACTION_PAUSE:
    case SIM_ACTION_ISOLATE:
    case SIM_ACTION_MEMORY:
        return try_kind(shrinker, place, SIM_ACTION_KILL);
    case SIM_ACTION_SLOW_CPU:
    case SIM_ACTION_STALL:
        return try_kind(shrinker, place, SIM_ACTION_KILL) || try_kind(shrinker, place, SIM_ACTION_PAUSE);
    case SIM_ACTION_WIPE:
        return try_kind(shrinker, place, SIM_ACTION_KILL) || try_kind(shrinker, place, SIM_ACTION_POWER_OFF);
    case SIM_ACTION_LINK:
    case SIM_ACTION_HOLD:
        return try_kind(shrinker, place, SIM_ACTION_CUT);
    }
    return false;
}

/* Who is killed needs no link: one of those at its ends. */
static bool kill_for_link(struct shrinker *shrinker, uint32_t place)
{
    const struct sim_spec *best = &shrinker->best->spec;
    enum sim_action_scope scope = sim_action_scope(best->steps[place].action.kind);
    if (scope != SIM_SCOPE_LINKS && scope != SIM_SCOPE_NETWORK)
        return false;
    for (int32_t node = 1; node < sim_spec_first_client(best); node++) {
        struct shrink_draft *draft = shrink_copy(shrinker);
        struct sim_step *step = &draft->spec.steps[place];
        memset(&step->action, 0, sizeof step->action);
        step->action.kind = SIM_ACTION_KILL;
        step->action.partition = -1;
        sim_node_set_add(&step->action.nodes, node);
        if (shrink_try(shrinker, draft))
            return true;
    }
    return false;
}

/* What a broker does not hear from another one, in place of what separates whole groups. */
static bool cut_for_partition(struct shrinker *shrinker, uint32_t place)
{
    const struct sim_action *action = &shrinker->best->spec.steps[place].action;
    if (action->kind != SIM_ACTION_PARTITION || action->groups_count != 2)
        return false;
    struct shrink_draft *draft = shrink_copy(shrinker);
    struct sim_action *cut = &draft->spec.steps[place].action;
    cut->kind = SIM_ACTION_CUT;
    cut->from = action->groups[0];
    cut->to = action->groups[1];
    cut->both_ways = true;
    memset(cut->groups, 0, sizeof cut->groups);
    cut->groups_count = 0;
    return shrink_try(shrinker, draft);
}

static bool one_way(struct shrinker *shrinker, uint32_t place)
{
    if (!shrinker->best->spec.steps[place].action.both_ways)
        return false;
    for (int direction = 0; direction < 2; direction++) {
        struct shrink_draft *draft = shrink_copy(shrinker);
        struct sim_action *action = &draft->spec.steps[place].action;
        action->both_ways = false;
        if (direction == 1) {
            struct sim_node_set from = action->from;
            action->from = action->to;
            action->to = from;
        }
        if (shrink_try(shrinker, draft))
            return true;
    }
    return false;
}

/* The sets of nodes that an action may have: nodes, from, to, groups. */
enum { SETS = 3 + SIM_GROUPS_MAX };

static struct sim_node_set *set_of(struct sim_action *action, unsigned which)
{
    struct sim_node_set *const sets[] = {&action->nodes, &action->from, &action->to};
    return which < 3 ? sets[which] : which - 3 < action->groups_count ? &action->groups[which - 3] : NULL;
}

static unsigned set_count(const struct sim_node_set *set)
{
    unsigned count = 0;
    for (int32_t node = 0; node <= SIM_NODES_MAX; node++)
        count += sim_node_set_has(set, node);
    return count;
}

static bool without_node(struct shrinker *shrinker, uint32_t place, unsigned which, int32_t node)
{
    const struct sim_node_set *now = set_of(&shrinker->best->spec.steps[place].action, which);
    if (now == NULL || !sim_node_set_has(now, node) || set_count(now) < 2)
        return false;
    struct shrink_draft *draft = shrink_copy(shrinker);
    struct sim_node_set *set = set_of(&draft->spec.steps[place].action, which);
    set->bits[node / 64] &= ~(UINT64_C(1) << (node % 64));
    return shrink_try(shrinker, draft);
}

static bool fewer_nodes(struct shrinker *shrinker, uint32_t place)
{
    bool any = false;
    for (unsigned which = 0; which < SETS; which++) {
        for (int32_t node = SIM_NODES_MAX; node >= 0; node--)
            any = without_node(shrinker, place, which, node) || any;
    }
    return any;
}

/* Whoever leads the quorum is somebody. */
static bool name_controller(struct shrinker *shrinker, uint32_t place)
{
    const struct sim_spec *best = &shrinker->best->spec;
    for (unsigned which = 0; which < 3; which++) {
        struct sim_action looked = best->steps[place].action;
        if (!sim_node_set_has(set_of(&looked, which), SIM_NODE_CONTROLLER))
            continue;
        for (int32_t node = 1; node < sim_spec_first_client(best); node++) {
            if (!sim_spec_is_controller(best, node))
                continue;
            struct shrink_draft *draft = shrink_copy(shrinker);
            struct sim_node_set *set = set_of(&draft->spec.steps[place].action, which);
            set->bits[0] &= ~UINT64_C(1);
            sim_node_set_add(set, node);
            if (shrink_try(shrinker, draft))
                return true;
        }
    }
    return false;
}

static bool all_acks(struct shrinker *shrinker, uint32_t place)
{
    const struct sim_action *action = &shrinker->best->spec.steps[place].action;
    if (action->kind != SIM_ACTION_PRODUCE || action->acks == -1)
        return false;
    struct shrink_draft *draft = shrink_copy(shrinker);
    draft->spec.steps[place].action.acks = -1;
    return shrink_try(shrinker, draft);
}

static bool own_client(struct shrinker *shrinker, uint32_t place)
{
    const struct sim_action *action = &shrinker->best->spec.steps[place].action;
    if (action->kind != SIM_ACTION_PRODUCE || action->client[0] == '\0')
        return false;
    struct shrink_draft *draft = shrink_copy(shrinker);
    memset(draft->spec.steps[place].action.client, 0, SIM_LABEL_BYTES);
    return shrink_try(shrinker, draft);
}

bool shrink_pass_kinds(struct shrinker *shrinker)
{
    uint64_t before = shrinker->cost;
    for (uint32_t place = 0; place < shrinker->best->spec.steps_count; place++) {
        (void)plainer_kind(shrinker, place);
        (void)kill_for_link(shrinker, place);
        (void)cut_for_partition(shrinker, place);
        (void)one_way(shrinker, place);
        (void)name_controller(shrinker, place);
        (void)fewer_nodes(shrinker, place);
        (void)all_acks(shrinker, place);
        (void)own_client(shrinker, place);
    }
    return shrinker->cost < before;
}

/* ---- numbers ---- */

/* A number of the spec, wherever it is. */
struct number {
    size_t bytes; /* its width */
    void *place;
    int64_t least, most, standard;
};

enum { NUMBERS_MAX = 512 };
struct numbers {
    struct number items[NUMBERS_MAX];
    uint32_t count;
};

static int64_t number_get(const struct number *number)
{
    if (number->bytes == sizeof(int64_t))
        return *(const int64_t *)number->place;
    return *(const int32_t *)number->place;
}

static void number_set(const struct number *number, int64_t value)
{
    if (number->bytes == sizeof(int64_t))
        *(int64_t *)number->place = value;
    else
        *(int32_t *)number->place = (int32_t)value;
}

static void add(struct numbers *numbers, void *place, size_t bytes, int64_t least, int64_t most,
                int64_t standard)
{
    struct number number = {bytes, place, least, most, standard};
    int64_t value = number_get(&number);
    if (numbers->count < NUMBERS_MAX && value != standard && value >= least && value <= most)
        numbers->items[numbers->count++] = number;
}

static bool has_records(const struct sim_condition *condition)
{
    return draft_condition_names(condition, "<number>");
}

static void add_step(struct numbers *numbers, struct sim_step *step)
{
    const int64_t year_ns = 365 * 86400 * ISR_SECOND;
    struct sim_action *action = &step->action;
    if (step->gate == SIM_GATE_WAIT || step->gate == SIM_GATE_AT)
        add(numbers, &step->time_ns, sizeof step->time_ns, 0, year_ns, 0);
    if (step->gate == SIM_GATE_WHEN || step->gate == SIM_GATE_AFTER) {
        add(numbers, &step->at_latest_ns, sizeof step->at_latest_ns, ISR_MS, year_ns, ISR_TIME_NEVER);
        if (has_records(&step->condition))
            add(numbers, &step->condition.value, sizeof step->condition.value, 0, INT64_MAX / 8, -1);
    }
    if (action->count > 1)
        add(numbers, &action->count, sizeof action->count, 1, 10000, 1);
    if (action->kind == SIM_ACTION_PRODUCE || action->kind == SIM_ACTION_PROPOSE)
        add(numbers, &action->value_bytes, sizeof action->value_bytes, 8, 1 << 20, 64);
    if (action->span_ns > 0)
        add(numbers, &action->span_ns, sizeof action->span_ns, ISR_MS, year_ns, 0);
    if (action->cost_ns > 0)
        add(numbers, &action->cost_ns, sizeof action->cost_ns, 1000, 60 * ISR_SECOND, 0);
}

static void add_client(struct numbers *numbers, struct sim_client_spec *client)
{
    const int64_t year_ns = 365 * 86400 * ISR_SECOND;
    add(numbers, &client->start_ns, sizeof client->start_ns, 0, year_ns, 0);
    add(numbers, &client->stop_ns, sizeof client->stop_ns, 0, year_ns, ISR_TIME_NEVER);
    if (client->kind == SIM_CLIENT_CONSUMER || client->kind == SIM_CLIENT_ADMIN)
        return;
    add(numbers, &client->interval_ns, sizeof client->interval_ns, ISR_MS, year_ns, 0);
    add(numbers, &client->records_per_batch, sizeof client->records_per_batch, 1, 1000, 1);
    add(numbers, &client->value_bytes, sizeof client->value_bytes, 8, 1 << 20, 64);
    add(numbers, &client->keys, sizeof client->keys, 0, 1 << 20, 0);
    add(numbers, &client->tombstones, sizeof client->tombstones, 0, 100, 0);
}

static void collect(struct numbers *numbers, struct sim_spec *spec)
{
    size_t count;
    const struct isr_config_info *config = isr_config_list(&count);
    numbers->count = 0;
    for (uint32_t i = 0; i < spec->steps_count; i++)
        add_step(numbers, &spec->steps[i]);
    for (size_t i = 0; i < count; i++)
        add(numbers, (char *)&spec->config + config[i].position, sizeof(int64_t), config[i].least,
            config[i].most, config[i].standard);
    const struct isr_topic_setting_info *settings = isr_topic_setting_list(&count);
    for (uint32_t t = 0; t < spec->topics_count; t++) {
        for (size_t i = 0; i < count; i++) {
            if (settings[i].kind != ISR_TOPIC_SETTING_word)
                add(numbers, (char *)&spec->topics[t].settings + settings[i].position, sizeof(int64_t),
                    settings[i].least, settings[i].most, settings[i].standard);
        }
    }
    for (uint32_t i = 0; i < spec->clients_count; i++)
        add_client(numbers, &spec->clients[i]);
    if (spec->network.bandwidth_bytes > 0)
        add(numbers, &spec->network.bandwidth_bytes, sizeof(int64_t), 1, INT64_C(1) << 40, 0);
    if (spec->network.queue_bytes > 0)
        add(numbers, &spec->network.queue_bytes, sizeof(int64_t), 1, INT64_C(1) << 40, 0);
}

static bool try_number(struct shrinker *shrinker, uint32_t place, int64_t value)
{
    struct numbers numbers;
    struct shrink_draft *draft = shrink_copy(shrinker);
    collect(&numbers, &draft->spec);
    if (place >= numbers.count || value < numbers.items[place].least ||
        (value > numbers.items[place].most && value != numbers.items[place].standard)) {
        draft_free(draft);
        return false;
    }
    number_set(&numbers.items[place], value);
    return shrink_try(shrinker, draft);
}

/* Round numbers: of one digit first, from small to large; then the number itself with fewer digits. */
static bool rounder(struct shrinker *shrinker, uint32_t place, int64_t value, int64_t standard, int64_t least)
{
    static const int64_t digits[] = {1, 2, 3, 5};
    if (try_number(shrinker, place, standard) || try_number(shrinker, place, least))
        return true;
    for (int64_t unit = 1; unit > 0 && unit <= value; unit *= 10) {
        if (value / unit >= 1000)
            continue;
        for (size_t i = 0; i < sizeof digits / sizeof digits[0]; i++) {
            if (try_number(shrinker, place, unit * digits[i]))
                return true;
        }
    }
    for (int64_t unit = 1; unit <= value / 10 && unit < INT64_MAX / 100; unit *= 10)
        least = unit; /* the unit of the first digit but one, in the end */
    for (int64_t unit = 10 * least; unit > 1; unit /= 10) {
        if ((value / unit > 0 && try_number(shrinker, place, value / unit * unit)) ||
            try_number(shrinker, place, (value / unit + 1) * unit))
            return true;
    }
    return false;
}

bool shrink_pass_numbers(struct shrinker *shrinker)
{
    uint64_t before = shrinker->cost;
    struct numbers numbers;
    collect(&numbers, &shrinker->best->spec);
    for (uint32_t place = 0; place < numbers.count && !shrinker->spent;) {
        uint32_t count = numbers.count;
        struct number number = numbers.items[place];
        (void)rounder(shrinker, place, number_get(&number), number.standard, number.least);
        collect(&numbers, &shrinker->best->spec);
        /* a number that is as by default now is none of the list any more */
        place += numbers.count == count;
    }
    return shrinker->cost < before;
}
