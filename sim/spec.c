#include "sim/spec.h"

#include <string.h>

#include "core/base/assert.h"
#include "core/base/heap.h"
#include "core/base/text.h"
#include "sim/clock.h"

/* ---- defaults ---- */

static struct sim_distribution around(int64_t low_ns, int64_t median_ns, int64_t p99_ns, int64_t high_ns)
{
    return (struct sim_distribution){
        .low_ns = low_ns, .median_ns = median_ns, .p99_ns = p99_ns, .high_ns = high_ns};
}

struct sim_spec sim_spec_default(void)
{
    enum { US = 1000 };
    return (struct sim_spec){
        .name = "unnamed",
        .seed = 1,
        .duration_ns = 30 * ISR_SECOND,
        .brokers = 3,
        .controllers = 3,
        .combined = true,
        .peer = {.bootstrap = 1},
        .config = isr_config_default(),
        .schedule = {.window_ns = SIM_SCHEDULE_WINDOW_DEFAULT, .slot_ns = SIM_SCHEDULE_SLOT_DEFAULT},
        .network = {.latency = around(500 * US, ISR_MS, 3 * ISR_MS, 10 * ISR_MS),
                    .priorities = true,
                    .keepalive_ns = 10 * ISR_SECOND},
        .disk = {.write_latency = around(10 * US, 20 * US, 60 * US, 200 * US),
                 .sync_latency = around(ISR_MS, 2 * ISR_MS, 6 * ISR_MS, 20 * ISR_MS),
                 .read_latency = around(50 * US, 100 * US, 300 * US, ISR_MS)},
        .stop_at_violation = true,
    };
}

enum sim_action_scope sim_action_scope(enum sim_action_kind kind)
{
    static const enum sim_action_scope scopes[] = {
#define X(NAME, name, SCOPE, parameters, meaning) SIM_SCOPE_##SCOPE,
#include "sim/actions.def"
#undef X
    };
    ISR_ASSERT((unsigned)kind < SIM_ACTION_KINDS);
    return scopes[kind];
}

const struct sim_gone_info *sim_gone_info(enum sim_gone_how how)
{
    static const struct sim_gone_info infos[] = {
#define X(NAME, name, heard, leads, meaning) {#name, meaning, heard, leads},
#include "sim/gone.def"
#undef X
    };
    ISR_ASSERT((unsigned)how < SIM_GONE_HOWS);
    return &infos[how];
}

/* ---- copying ---- */

static void *array_copy(const void *from, size_t bytes, struct isr_heap *heap)
{
    if (from == NULL || bytes == 0)
        return NULL;
    void *to = isr_heap_allocate(heap, bytes);
    memcpy(to, from, bytes);
    return to;
}

void sim_spec_copy(struct sim_spec *to, const struct sim_spec *from, struct isr_heap *heap)
{
    *to = *from;
    to->topics = array_copy(from->topics, from->topics_count * sizeof *from->topics, heap);
    to->clients = array_copy(from->clients, from->clients_count * sizeof *from->clients, heap);
    to->steps = array_copy(from->steps, from->steps_count * sizeof *from->steps, heap);
    to->node_settings =
        array_copy(from->node_settings, from->node_settings_count * sizeof *from->node_settings, heap);
    for (uint32_t i = 0; i < from->topics_count; i++) {
        const struct sim_topic_spec *topic = &from->topics[i];
        to->topics[i].assignments =
            array_copy(topic->assignments, (size_t)topic->partitions * sizeof *topic->assignments, heap);
    }
}

/* ---- settings of single nodes ---- */

static int64_t *setting_in(struct isr_config *config, uint32_t setting)
{
    size_t count;
    const struct isr_config_info *list = isr_config_list(&count);
    ISR_ASSERT(setting < count);
    return (int64_t *)(void *)((char *)config + list[setting].position);
}

struct isr_config sim_spec_config(const struct sim_spec *spec, int32_t node)
{
    struct isr_config config = spec->config;
    for (uint32_t i = 0; i < spec->node_settings_count; i++) {
        if (spec->node_settings[i].node == node)
            *setting_in(&config, spec->node_settings[i].setting) = spec->node_settings[i].value;
    }
    return config;
}

bool sim_spec_may_differ(const struct isr_config_info *setting)
{
    static const size_t same[] = {
        offsetof(struct isr_config, log_flush_messages), offsetof(struct isr_config, pool_min_gap),
        offsetof(struct isr_config, pool_refresh_time), offsetof(struct isr_config, pool_lease_time),
        offsetof(struct isr_config, producer_id_expiration)};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        if (setting->position == same[i])
            return false;
    }
    return true;
}

/* ---- names ---- */

/* The number after a letter, 0 when it is none. */
static int32_t number_after(char letter, const char *name)
{
    if (name[0] != letter || name[1] < '1' || name[1] > '9')
        return 0;
    int32_t number = 0;
    for (const char *digit = name + 1; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9' || number > SIM_NODES_MAX)
            return 0;
        number = 10 * number + (*digit - '0');
    }
    return number;
}

int32_t sim_spec_node_named(const struct sim_spec *spec, const char *name)
{
    for (uint32_t i = 0; i < spec->clients_count; i++) {
        if (strcmp(spec->clients[i].name, name) == 0)
            return sim_spec_first_client(spec) + (int32_t)i;
    }
    if (strcmp(name, "client") == 0)
        return sim_spec_own_client(spec);
    int32_t number = number_after('n', name);
    if (number >= 1 && number <= spec->brokers)
        return number;
    number = number_after('c', name);
    if (spec->combined)
        number -= spec->controllers;
    if (number >= 1 && number <= sim_spec_own_controllers(spec))
        return spec->brokers + number;
    return ISR_NODE_NONE;
}

const char *sim_spec_node_name(const struct sim_spec *spec, int32_t node, char buffer[SIM_LABEL_BYTES])
{
    struct isr_text text = {.buffer = buffer, .capacity = SIM_LABEL_BYTES};
    if (node == ISR_NODE_NONE)
        isr_text_format(&text, "none");
    else if (node >= 1 && node <= spec->brokers)
        isr_text_format(&text, "n%d", (int)node);
    else if (node >= 1 && node < sim_spec_first_client(spec))
        isr_text_format(&text, "c%d", (int)(node - spec->brokers + (spec->combined ? spec->controllers : 0)));
    else if (node >= 1 && node < sim_spec_own_client(spec))
        isr_text_format(&text, "%s", spec->clients[node - sim_spec_first_client(spec)].name);
    else if (node == sim_spec_own_client(spec))
        isr_text_format(&text, "client");
    else
        isr_text_format(&text, "node %d", (int)node);
    return buffer;
}

/* A step may set any of the settings: that it compacts follows from the bit of that one. */
static bool asks_for_compaction(const struct sim_action *action)
{
    size_t count;
    const struct isr_topic_setting_info *settings = isr_topic_setting_list(&count);
    for (size_t i = 0; i < count; i++) {
        if (settings[i].position == offsetof(struct isr_topic_settings, cleanup))
            return action->kind == SIM_ACTION_ALTER_TOPIC && (action->settings_given >> i & 1) != 0 &&
                   action->settings.cleanup != ISR_CLEANUP_DELETE;
    }
    return false;
}

bool sim_spec_topic_is_keyed(const struct sim_spec *spec, const struct sim_topic_spec *topic)
{
    bool keyed = topic->settings.cleanup != ISR_CLEANUP_DELETE;
    for (uint32_t i = 0; i < spec->steps_count && !keyed; i++)
        keyed = asks_for_compaction(&spec->steps[i].action) &&
                strcmp(spec->steps[i].action.topic.text, topic->name.text) == 0;
    return keyed;
}
