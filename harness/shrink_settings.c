/* Passes that bring settings back to what they are by default, and take chance out of links and disks. */
#include <string.h>

#include "harness/shrinker.h"

/* ---- rules ---- */

bool shrink_pass_rules(struct shrinker *shrinker)
{
    bool any = false;
    size_t count;
    const struct isr_rule_info *rules = isr_rules_list(&count);
    for (size_t i = 0; i < count; i++) {
        if (((const uint8_t *)&shrinker->best->spec.rules)[rules[i].position] == 0)
            continue;
        struct shrink_draft *draft = shrink_copy(shrinker);
        ((uint8_t *)&draft->spec.rules)[rules[i].position] = 0;
        any = shrink_try(shrinker, draft) || any;
    }
    return any;
}

/* ---- config ---- */

static int64_t *setting_of(struct sim_spec *spec, const struct isr_config_info *info)
{
    return (int64_t *)(void *)((char *)&spec->config + info->position);
}

/* Settings first up to last go back; false where none of them was otherwise. */
static bool config_back(struct shrinker *shrinker, size_t first, size_t last)
{
    size_t count;
    const struct isr_config_info *list = isr_config_list(&count);
    struct shrink_draft *draft = shrink_copy(shrinker);
    bool any = false;
    for (size_t i = first; i < last; i++) {
        int64_t *value = setting_of(&draft->spec, &list[i]);
        any = any || *value != list[i].standard;
        *value = list[i].standard;
    }
    if (any)
        return shrink_try(shrinker, draft);
    draft_free(draft);
    return false;
}

static bool config_range(struct shrinker *shrinker, size_t first, size_t last)
{
    if (config_back(shrinker, first, last))
        return true;
    if (last - first < 2)
        return false;
    size_t middle = first + (last - first) / 2;
    bool any = config_range(shrinker, first, middle);
    return config_range(shrinker, middle, last) || any;
}

static bool node_settings(struct shrinker *shrinker)
{
    bool any = false;
    for (uint32_t i = shrinker->best->spec.node_settings_count; i-- > 0;) {
        struct shrink_draft *draft = shrink_copy(shrinker);
        struct sim_spec *spec = &draft->spec;
        memmove(&spec->node_settings[i], &spec->node_settings[i + 1],
                (spec->node_settings_count - i - 1) * sizeof *spec->node_settings);
        spec->node_settings_count--;
        any = shrink_try(shrinker, draft) || any;
    }
    return any;
}

/* ---- topics ---- */

static bool topic_settings(struct shrinker *shrinker, uint32_t topic)
{
    bool any = false;
    size_t count;
    const struct isr_topic_setting_info *list = isr_topic_setting_list(&count);
    for (size_t i = 0; i < count; i++) {
        struct shrink_draft *draft = shrink_copy(shrinker);
        struct isr_topic_settings *settings = &draft->spec.topics[topic].settings;
        bool otherwise = isr_topic_setting_get(settings, &list[i]) != list[i].standard;
        isr_topic_setting_set(settings, &list[i], list[i].standard);
        if (otherwise)
            any = shrink_try(shrinker, draft) || any;
        else
            draft_free(draft);
    }
    return any;
}

/* ---- the cluster around the nodes ---- */

static void no_racks(struct sim_spec *spec)
{
    memset(spec->racks, 0, sizeof spec->racks);
}

static void no_yields(struct sim_spec *spec)
{
    spec->yields = 0;
}

static void no_bandwidth(struct sim_spec *spec)
{
    spec->network.bandwidth_bytes = spec->network.queue_bytes = 0;
    memset(spec->network.group_queue_bytes, 0, sizeof spec->network.group_queue_bytes);
}

static void no_queue(struct sim_spec *spec)
{
    spec->network.queue_bytes = 0;
}

static void no_connections(struct sim_spec *spec)
{
    spec->network.connections = false;
    spec->network.keepalive_ns = 10 * ISR_SECOND;
    spec->network.reconnect_ns = 0;
}

static void plain_connections(struct sim_spec *spec)
{
    spec->network.keepalive_ns = 10 * ISR_SECOND;
    spec->network.reconnect_ns = 0;
}

static void with_priorities(struct sim_spec *spec)
{
    spec->network.priorities = true;
}

static void no_capacity(struct sim_spec *spec)
{
    spec->disk.capacity_bytes = 0;
}

static void all_steps(struct sim_spec *spec)
{
    spec->steps_may_remain = false;
}

typedef void change(struct sim_spec *spec);

static bool try_change(struct shrinker *shrinker, change *change_it)
{
    struct shrink_draft *draft = shrink_copy(shrinker);
    change_it(&draft->spec);
    return shrink_try_seeds(shrinker, draft);
}

static bool single_yields(struct shrinker *shrinker)
{
    bool any = false;
    for (uint32_t bits = shrinker->best->spec.yields; bits != 0; bits &= bits - 1) {
        struct shrink_draft *draft = shrink_copy(shrinker);
        draft->spec.yields &= ~(bits & -bits);
        any = shrink_try(shrinker, draft) || any;
    }
    return any;
}

bool shrink_pass_settings(struct shrinker *shrinker)
{
    static change *const changes[] = {no_racks,        no_yields,      no_bandwidth,
                                      no_queue,        no_connections, plain_connections,
                                      with_priorities, no_capacity,    all_steps};
    uint64_t before = shrinker->cost;
    size_t count;
    (void)isr_config_list(&count);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        (void)try_change(shrinker, changes[i]);
    (void)single_yields(shrinker);
    (void)config_range(shrinker, 0, count);
    (void)node_settings(shrinker);
    for (uint32_t i = 0; i < shrinker->best->spec.topics_count; i++)
        (void)topic_settings(shrinker, i);
    return shrinker->cost < before;
}

/* ---- chance ---- */

static void no_loss(struct sim_spec *spec)
{
    spec->network.loss_ppm = 0;
}

static void no_duplicates(struct sim_spec *spec)
{
    spec->network.duplicate_ppm = 0;
}

static void no_reordering(struct sim_spec *spec)
{
    spec->network.reorder_ppm = 0;
}

static void no_damage(struct sim_spec *spec)
{
    spec->network.corrupt_ppm = 0;
}

static void no_schedule(struct sim_spec *spec)
{
    spec->schedule = sim_spec_default().schedule;
    spec->schedule.depth = 0;
}

static void no_chance(struct sim_spec *spec)
{
    no_loss(spec);
    no_duplicates(spec);
    no_reordering(spec);
    no_damage(spec);
}

static struct sim_distribution always(int64_t latency_ns)
{
    return (struct sim_distribution){latency_ns, latency_ns, latency_ns, latency_ns};
}

static bool is_constant(const struct sim_distribution *distribution)
{
    return distribution->low_ns == distribution->high_ns;
}

/* A constant in place of a distribution: the usual one, its own median, its low end, or else the default. */
static bool steady(struct shrinker *shrinker, size_t position, int64_t usual_ns,
                   const struct sim_distribution *standard)
{
    const struct sim_distribution *now = (const void *)((const char *)&shrinker->best->spec + position);
    const int64_t constants[] = {usual_ns,       5 * usual_ns,   10 * usual_ns, 20 * usual_ns, 50 * usual_ns,
                                 100 * usual_ns, now->median_ns, now->low_ns,   now->p99_ns};
    if (is_constant(now) && now->low_ns == usual_ns)
        return false;
    for (size_t i = 0; i < sizeof constants / sizeof constants[0] + 1; i++) {
        struct shrink_draft *draft = shrink_copy(shrinker);
        struct sim_distribution *changed = (void *)((char *)&draft->spec + position);
        *changed = i < sizeof constants / sizeof constants[0] ? always(constants[i]) : *standard;
        if (shrink_try_seeds(shrinker, draft))
            return true;
    }
    return false;
}

static bool steady_all(struct shrinker *shrinker)
{
    const struct sim_spec standard = sim_spec_default();
    const struct {
        size_t position;
        int64_t usual_ns;
        const struct sim_distribution *standard;
    } places[] = {
        {offsetof(struct sim_spec, network.latency), ISR_MS, &standard.network.latency},
        {offsetof(struct sim_spec, disk.write_latency), 20000, &standard.disk.write_latency},
        {offsetof(struct sim_spec, disk.sync_latency), 2 * ISR_MS, &standard.disk.sync_latency},
        {offsetof(struct sim_spec, disk.read_latency), 100000, &standard.disk.read_latency},
    };
    bool any = false;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        any = steady(shrinker, places[i].position, places[i].usual_ns, places[i].standard) || any;
    return any;
}

/* What survives a power loss is drawn; better one of the few things that may. */
static bool say_what_survives(struct shrinker *shrinker)
{
    static const enum sim_survival kinds[] = {SIM_SURVIVES_NONE, SIM_SURVIVES_ALL, SIM_SURVIVES_PREFIX,
                                              SIM_SURVIVES_TORN, SIM_SURVIVES_REORDERED};
    bool any = false;
    for (uint32_t i = 0; i < shrinker->best->spec.steps_count; i++) {
        if (shrinker->best->spec.steps[i].action.kind != SIM_ACTION_POWER_OFF)
            continue;
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            struct shrink_draft *draft = shrink_copy(shrinker);
            draft->spec.steps[i].action.survives = kinds[k];
            if (shrink_try(shrinker, draft)) {
                any = true;
                break;
            }
        }
    }
    return any;
}

bool shrink_pass_randomness(struct shrinker *shrinker)
{
    static change *const changes[] = {no_schedule,   no_chance,     no_loss,
                                      no_duplicates, no_reordering, no_damage};
    uint64_t before = shrinker->cost;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        (void)try_change(shrinker, changes[i]);
    (void)steady_all(shrinker);
    (void)say_what_survives(shrinker);
    return shrinker->cost < before;
}
