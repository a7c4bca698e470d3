/* The section `nodes` of a scenario file: settings that single nodes have otherwise than the others. */
#include <stdio.h>
#include <string.h>

#include "harness/diagnostics.h"
#include "harness/pool.h"
#include "harness/reference.h"
#include "harness/scenario_fields.h"

static uint32_t settings_in(const struct tree_node *nodes)
{
    uint32_t count = 0;
    for (const struct tree_node *node = nodes->first; node != NULL; node = node->next)
        count += node->count;
    return count;
}

/* The key is one of scenario_config_fields: those are made of the same list. */
static uint32_t setting_named(const char *name)
{
    size_t count;
    const struct isr_config_info *list = isr_config_list(&count);
    uint32_t setting = 0;
    while (strcmp(list[setting].name, name) != 0)
        setting++;
    return setting;
}

static bool add_setting(struct binder *binder, const struct tree_node *key, int32_t node,
                        const struct isr_config *values)
{
    struct sim_spec *spec = binder->spec;
    size_t count;
    uint32_t setting = setting_named(key->key);
    const struct isr_config_info *info = &isr_config_list(&count)[setting];
    struct sim_node_setting *own = &spec->node_settings[spec->node_settings_count++];
    *own = (struct sim_node_setting){.node = node, .setting = setting};
    memcpy(&own->value, (const char *)values + info->position, sizeof own->value);
    if (sim_spec_may_differ(info))
        return true;
    diagnostics_add(binder->diagnostics, key->key_place, "%s must be the same on all nodes", info->name);
    diagnostics_hint(binder->diagnostics, "promises are judged by it; it belongs under 'config'");
    return false;
}

static bool bind_node(struct binder *binder, const struct tree_node *node)
{
    char what[SIM_LABEL_BYTES + 24];
    struct isr_config values = isr_config_default();
    int32_t id;
    if (!reference_node(binder, node->key_place, node->key, &id))
        return false;
    snprintf(what, sizeof what, "the settings of %.32s", node->key);
    if (!shape_bind_map(binder, scenario_config_fields, node, &values, what))
        return false;
    bool good = true;
    for (const struct tree_node *key = node->first; key != NULL; key = key->next)
        good = add_setting(binder, key, id, &values) && good;
    return good;
}

static bool bind_nodes(struct binder *binder, const struct field *field, const struct tree_node *nodes,
                       void *target)
{
    struct sim_spec *spec = target;
    (void)field;
    if (nodes->kind != TREE_MAP)
        return shape_expected(binder, nodes, "settings by node such as {n3: {fetch_interval: 1s}}");
    bool good = true;
    spec->node_settings = pool_array(binder->pool, settings_in(nodes), sizeof *spec->node_settings);
    for (const struct tree_node *node = nodes->first; node != NULL; node = node->next)
        good = bind_node(binder, node) && good;
    return good;
}

static void schema_nodes(const struct field *field, struct json *json)
{
    static const struct field *const tables[] = {scenario_config_fields, NULL};
    (void)field;
    scenario_schema_named(tables, json);
}

/* Of several settings of a node under one name the last one counts. */
static bool is_overridden(const struct sim_spec *spec, uint32_t place)
{
    for (uint32_t i = place + 1; i < spec->node_settings_count; i++) {
        if (spec->node_settings[i].node == spec->node_settings[place].node &&
            spec->node_settings[i].setting == spec->node_settings[place].setting)
            return true;
    }
    return false;
}

static void write_node(struct writer *writer, int32_t node)
{
    const struct sim_spec *spec = writer->spec;
    writer_open(writer, '{');
    for (uint32_t i = 0; i < spec->node_settings_count; i++) {
        const struct sim_node_setting *own = &spec->node_settings[i];
        if (own->node != node || is_overridden(spec, i))
            continue;
        const struct field *field = &scenario_config_fields[own->setting];
        writer_key(writer, field->name);
        field->shape->write(writer, field, &own->value);
    }
    writer_close(writer, '}');
}

static void write_nodes(struct writer *writer, const struct field *field, const void *source)
{
    const struct sim_spec *spec = source;
    (void)field;
    shape_spread(writer);
    writer_open(writer, '{');
    for (uint32_t i = 0; i < spec->node_settings_count; i++) {
        char name[SIM_LABEL_BYTES];
        uint32_t first = 0;
        while (spec->node_settings[first].node != spec->node_settings[i].node)
            first++;
        if (first < i)
            continue;
        writer_key(writer, sim_spec_node_name(spec, spec->node_settings[i].node, name));
        write_node(writer, spec->node_settings[i].node);
    }
    writer_close(writer, '}');
}

const struct shape shape_node_settings = {bind_nodes, schema_nodes, write_nodes};
