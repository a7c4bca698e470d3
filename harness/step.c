#include "harness/step.h"

#include <string.h>

#include "harness/action.h"
#include "harness/condition.h"

enum { STEPS_MAX = 4096 };

static const struct field gates[] = {
    {"at", &shape_duration, FIELD(struct sim_step, time_ns), .least = 0, .most = SHAPE_TIME_MOST,
     .meaning = "at this time of the run"},
    {"wait", &shape_duration, FIELD(struct sim_step, time_ns), .least = 0, .most = SHAPE_TIME_MOST,
     .meaning = "so long after the step before"},
    {"when", &shape_condition, FIELD(struct sim_step, condition), .meaning = "as soon as this holds"},
    {"after", &shape_condition, FIELD(struct sim_step, condition),
     .meaning = "as soon as this becomes true after the step before"},
    {"at_latest", &shape_duration, FIELD(struct sim_step, at_latest_ns), .least = ISR_MS,
     .most = SHAPE_TIME_MOST, .meaning = "with when and after: go on anyway so long after the step before"},
    END_OF_FIELDS,
};

const struct field *step_gates(void)
{
    return gates;
}

static const struct {
    const char *key;
    enum sim_gate_kind gate;
} gate_kinds[] = {
    {"at", SIM_GATE_AT}, {"wait", SIM_GATE_WAIT}, {"when", SIM_GATE_WHEN}, {"after", SIM_GATE_AFTER}};
enum { GATE_KINDS = sizeof gate_kinds / sizeof gate_kinds[0] };

static enum sim_gate_kind gate_named(const char *key)
{
    for (size_t i = 0; i < GATE_KINDS; i++) {
        if (strcmp(gate_kinds[i].key, key) == 0)
            return gate_kinds[i].gate;
    }
    return SIM_GATE_NONE;
}

static bool report_unknown(struct binder *binder, const struct tree_node *child)
{
    struct suggestion suggestion = suggestion_for(child->key);
    for (size_t i = 0; i < SIM_ACTION_KINDS; i++)
        suggestion_offer(&suggestion, action_infos()[i].name);
    for (const struct field *gate = gates; gate->name != NULL; gate++)
        suggestion_offer(&suggestion, gate->name);
    diagnostics_add(binder->diagnostics, child->key_place, "unknown action '%.40s'", child->key);
    shape_suggest(binder, &suggestion, "`isrsim help steps` lists the actions");
    return false;
}

/* Finds the step's one action; false after an error. */
static bool find_action(struct binder *binder, const struct tree_node *node, const struct tree_node **action,
                        enum sim_action_kind *kind)
{
    bool good = true;
    *action = NULL;
    for (const struct tree_node *child = node->first; child != NULL; child = child->next) {
        size_t found = 0;
        while (found < SIM_ACTION_KINDS && strcmp(action_infos()[found].name, child->key) != 0)
            found++;
        if (found == SIM_ACTION_KINDS) {
            if (gate_named(child->key) == SIM_GATE_NONE && strcmp(child->key, "at_latest") != 0)
                good = report_unknown(binder, child);
            continue;
        }
        if (*action != NULL) {
            diagnostics_add(binder->diagnostics, child->key_place,
                            "a step does one thing: '%s' is given already", (*action)->key);
            diagnostics_hint(binder->diagnostics, "make '%s' a step of its own", child->key);
            return false;
        }
        *action = child;
        *kind = (enum sim_action_kind)found;
    }
    if (*action == NULL && good) {
        diagnostics_add(binder->diagnostics, node->place, "this step does nothing");
        diagnostics_hint(binder->diagnostics, "`isrsim help steps` lists the actions");
        return false;
    }
    return good;
}

static bool bind_gate(struct binder *binder, const struct tree_node *node, struct sim_step *step)
{
    const struct tree_node *given = NULL;
    step->at_latest_ns = ISR_TIME_NEVER;
    for (const struct tree_node *child = node->first; child != NULL; child = child->next) {
        enum sim_gate_kind gate = gate_named(child->key);
        if (gate == SIM_GATE_NONE)
            continue;
        if (given != NULL) {
            diagnostics_add(binder->diagnostics, child->key_place,
                            "a step waits for one thing: '%s' is given already", given->key);
            diagnostics_hint(binder->diagnostics, "let a step of its own wait first: {%s: ..., note: waited}",
                             given->key);
            return false;
        }
        given = child;
        step->gate = gate;
        const struct field *field = shape_field_named(gates, child->key);
        if (!field->shape->bind(binder, field, child, (char *)step + field->position))
            return false;
    }
    const struct tree_node *latest = tree_find(node, "at_latest");
    if (latest == NULL)
        return true;
    if (step->gate != SIM_GATE_WHEN && step->gate != SIM_GATE_AFTER) {
        diagnostics_add(binder->diagnostics, latest->key_place, "'at_latest' belongs to 'when' or 'after'");
        diagnostics_hint(binder->diagnostics, "it bounds how long a condition is waited for");
        return false;
    }
    const struct field *field = shape_field_named(gates, "at_latest");
    return field->shape->bind(binder, field, latest, &step->at_latest_ns);
}

static bool bind_step(struct binder *binder, const struct tree_node *node, struct sim_step *step)
{
    if (node->kind != TREE_MAP)
        return shape_expected(binder, node, "a step such as {at: 2s, kill: n1}");
    const struct tree_node *action;
    enum sim_action_kind kind = SIM_ACTION_NOTE;
    step->line = (int32_t)node->place.line;
    bool good = find_action(binder, node, &action, &kind);
    if (!bind_gate(binder, node, step))
        good = false;
    return good && action_bind(binder, kind, action, &step->action);
}

static bool bind_steps(struct binder *binder, const struct field *field, const struct tree_node *node,
                       void *target)
{
    struct sim_spec *spec = target;
    (void)field;
    if (node->kind != TREE_LIST)
        return shape_expected(binder, node, "a list of steps");
    if (!shape_few(binder, node, STEPS_MAX, "steps"))
        return false;
    spec->steps = pool_array(binder->pool, node->count, sizeof *spec->steps);
    bool good = true;
    int64_t last_at = 0;
    for (const struct tree_node *child = node->first; child != NULL; child = child->next) {
        struct sim_step *step = &spec->steps[spec->steps_count++];
        if (!bind_step(binder, child, step)) {
            good = false;
            continue;
        }
        if (step->gate != SIM_GATE_AT)
            continue;
        if (step->time_ns < last_at) {
            char time[32];
            diagnostics_add(binder->diagnostics, tree_find(child, "at")->place,
                            "this is earlier than a step before it (at %s)",
                            value_print_duration(last_at, time));
            diagnostics_hint(binder->diagnostics, "steps run in their order");
            good = false;
        }
        last_at = step->time_ns;
    }
    return good;
}

static void schema_steps(const struct field *field, struct json *json)
{
    (void)field;
    json_string(json, "type", "array");
    json_integer(json, "maxItems", STEPS_MAX);
    json_open_object(json, "items");
    json_string(json, "type", "object");
    json_flag(json, "additionalProperties", false);
    json_open_object(json, "properties");
    for (const struct field *gate = gates; gate->name != NULL; gate++)
        shape_schema_field(gate, json);
    for (size_t i = 0; i < SIM_ACTION_KINDS; i++)
        action_schema(&action_infos()[i], json);
    json_close_object(json);
    json_open_list(json, "oneOf");
    for (size_t i = 0; i < SIM_ACTION_KINDS; i++) {
        json_open_object(json, NULL);
        json_open_list(json, "required");
        json_string(json, NULL, action_infos()[i].name);
        json_close_list(json);
        json_close_object(json);
    }
    json_close_list(json);
    json_close_object(json);
}

static void write_step(struct writer *writer, const struct sim_step *step)
{
    writer_open(writer, '{');
    for (size_t i = 0; i < GATE_KINDS; i++) {
        if (gate_kinds[i].gate == step->gate)
            shape_write_field(writer, shape_field_named(gates, gate_kinds[i].key), step);
    }
    if ((step->gate == SIM_GATE_WHEN || step->gate == SIM_GATE_AFTER) && step->at_latest_ns != ISR_TIME_NEVER)
        shape_write_field(writer, shape_field_named(gates, "at_latest"), step);
    action_write(writer, &step->action);
    writer_close(writer, '}');
}

static void write_steps(struct writer *writer, const struct field *field, const void *source)
{
    const struct sim_spec *spec = source;
    (void)field;
    shape_spread(writer);
    writer_open(writer, '[');
    for (uint32_t i = 0; i < spec->steps_count; i++) {
        writer_item(writer);
        write_step(writer, &spec->steps[i]);
    }
    writer_close(writer, ']');
}

const struct shape shape_steps = {bind_steps, schema_steps, write_steps};
