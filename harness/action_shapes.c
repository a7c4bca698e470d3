#include "harness/action_shapes.h"

#include <string.h>

#include "core/wire/message.h"
#include "harness/reference.h"
#include "harness/suggestion.h"

static bool bind_groups(struct binder *binder, const struct field *field, const struct tree_node *node,
                        void *target)
{
    struct sim_action *action = target;
    (void)field;
    if (node->kind != TREE_LIST || node->count < 2)
        return shape_expected(binder, node, "at least two groups such as [[n1], [n2, n3]]");
    if (!shape_few(binder, node, SIM_GROUPS_MAX, "groups"))
        return false;
    struct sim_node_set seen = {{0}};
    for (const struct tree_node *child = node->first; child != NULL; child = child->next) {
        struct sim_node_set *group = &action->groups[action->groups_count];
        if (!shape_ends.bind(binder, field, child, group))
            return false;
        for (int32_t id = 1; id <= SIM_NODES_MAX; id++) {
            if (!sim_node_set_has(group, id))
                continue;
            if (sim_node_set_has(&seen, id)) {
                char name[SIM_LABEL_BYTES];
                diagnostics_add(binder->diagnostics, child->place, "node '%s' is in two groups",
                                sim_spec_node_name(binder->spec, id, name));
                return false;
            }
            sim_node_set_add(&seen, id);
        }
        action->groups_count++;
    }
    return true;
}

static void schema_groups(const struct field *field, struct json *json)
{
    json_string(json, "type", "array");
    json_integer(json, "minItems", 2);
    json_integer(json, "maxItems", SIM_GROUPS_MAX);
    json_open_object(json, "items");
    shape_ends.schema(field, json);
    json_close_object(json);
}

static void write_groups(struct writer *writer, const struct field *field, const void *source)
{
    const struct sim_action *action = source;
    writer_open(writer, '[');
    for (uint32_t i = 0; i < action->groups_count; i++) {
        writer_item(writer);
        reference_write_nodes(writer, &action->groups[i], true);
    }
    writer_close(writer, ']');
    (void)field;
}

const struct shape shape_groups = {bind_groups, schema_groups, write_groups};

static const struct choice group_words[] = {{"control", ISR_GROUP_CONTROL},
                                            {"election", ISR_GROUP_ELECTION},
                                            {"heartbeat", ISR_GROUP_HEARTBEAT},
                                            {"data", ISR_GROUP_DATA},
                                            {NULL, 0}};
static const char *const message_words[] = {
#define X(NAME, name, group) #name,
    ISR_MESSAGES(X)
#undef X
};

/* The kinds that a word means: one, or a group. Empty: none. */
static struct sim_message_set messages_meant(const char *word)
{
    struct sim_message_set meant = {0};
    for (unsigned kind = 0; kind < ISR_MESSAGE_KINDS; kind++) {
        if (strcmp(message_words[kind], word) == 0)
            sim_message_set_add(&meant, kind);
        for (const struct choice *group = group_words; group->word != NULL; group++) {
            if (strcmp(group->word, word) == 0 &&
                (int64_t)isr_message_group((enum isr_message_kind)kind) == group->value)
                sim_message_set_add(&meant, kind);
        }
    }
    return meant;
}

static bool bind_message(struct binder *binder, const struct tree_node *node,
                         struct sim_message_set *messages)
{
    if (!shape_scalar(binder, node, "a message such as fetch_response, or a group such as data"))
        return false;
    struct sim_message_set meant = messages_meant(node->text);
    sim_message_set_unite(messages, &meant);
    if (!sim_message_set_is_empty(&meant))
        return true;
    struct suggestion suggestion = suggestion_for(node->text);
    for (unsigned kind = 0; kind < ISR_MESSAGE_KINDS; kind++)
        suggestion_offer(&suggestion, message_words[kind]);
    for (const struct choice *group = group_words; group->word != NULL; group++)
        suggestion_offer(&suggestion, group->word);
    diagnostics_add(binder->diagnostics, node->place, "there is no message or group '%.40s'", node->text);
    shape_suggest(binder, &suggestion,
                  "messages are named as in a trace: fetch_request, fetch_response; groups are "
                  "control, election, heartbeat, data");
    return false;
}

static bool bind_messages(struct binder *binder, const struct field *field, const struct tree_node *node,
                          void *target)
{
    struct sim_message_set messages = {0};
    (void)field;
    if (node->kind != TREE_LIST) {
        if (!bind_message(binder, node, &messages))
            return false;
    } else {
        for (const struct tree_node *child = node->first; child != NULL; child = child->next) {
            if (!bind_message(binder, child, &messages))
                return false;
        }
        if (sim_message_set_is_empty(&messages))
            return shape_expected(binder, node, "at least one message");
    }
    memcpy(target, &messages, sizeof messages);
    return true;
}

static void schema_message_words(struct json *json)
{
    json_open_list(json, "enum");
    for (const struct choice *group = group_words; group->word != NULL; group++)
        json_string(json, NULL, group->word);
    for (unsigned kind = 0; kind < ISR_MESSAGE_KINDS; kind++)
        json_string(json, NULL, message_words[kind]);
    json_close_list(json);
}

static void schema_messages(const struct field *field, struct json *json)
{
    (void)field;
    json_open_list(json, "anyOf");
    json_open_object(json, NULL);
    schema_message_words(json);
    json_close_object(json);
    json_open_object(json, NULL);
    json_string(json, "type", "array");
    json_integer(json, "minItems", 1);
    json_open_object(json, "items");
    schema_message_words(json);
    json_close_object(json);
    json_close_object(json);
    json_close_list(json);
}

/* Whole groups by their name, the other kinds one by one. */
static void write_messages(struct writer *writer, const struct field *field, const void *source)
{
    struct sim_message_set left;
    (void)field;
    memcpy(&left, source, sizeof left);
    writer_open(writer, '[');
    for (const struct choice *group = group_words; group->word != NULL; group++) {
        struct sim_message_set whole = messages_meant(group->word), missing = whole;
        sim_message_set_remove(&missing, &left);
        if (!sim_message_set_is_empty(&missing))
            continue;
        sim_message_set_remove(&left, &whole);
        writer_item(writer);
        writer_word(writer, group->word);
    }
    for (unsigned kind = 0; kind < ISR_MESSAGE_KINDS; kind++) {
        if (!sim_message_set_has(&left, kind))
            continue;
        writer_item(writer);
        writer_word(writer, message_words[kind]);
    }
    writer_close(writer, ']');
}

const struct shape shape_messages = {bind_messages, schema_messages, write_messages};

static bool bind_partition(struct binder *binder, const struct field *field, const struct tree_node *node,
                           void *target)
{
    struct sim_action *action = target;
    (void)field;
    return shape_scalar(binder, node, "a partition such as orders-0") &&
           reference_partition(binder, node->place, node->text, &action->topic, &action->partition);
}

static void schema_partition(const struct field *field, struct json *json)
{
    (void)field;
    json_string(json, "type", "string");
    json_string(json, "pattern", "^[A-Za-z0-9._-]+-[0-9]+$");
}

static void write_partition(struct writer *writer, const struct field *field, const void *source)
{
    const struct sim_action *action = source;
    char name[ISR_NAME_BYTES_MAX + 16];
    (void)field;
    snprintf(name, sizeof name, "%s-%d", action->topic.text, (int)action->partition);
    writer_prose(writer, action->partition >= 0 ? name : "");
}

const struct shape shape_partition = {bind_partition, schema_partition, write_partition};

static bool bind_client(struct binder *binder, const struct field *field, const struct tree_node *node,
                        void *target)
{
    (void)field;
    if (!shape_scalar(binder, node, "a client") || !reference_client(binder, node->place, node->text, target))
        return false;
    for (uint32_t i = 0; i < binder->spec->clients_count; i++) {
        const struct sim_client_spec *client = &binder->spec->clients[i];
        if (strcmp(client->name, node->text) == 0 && client->kind == SIM_CLIENT_CONSUMER) {
            diagnostics_add(binder->diagnostics, node->place,
                            "client '%s' is a consumer and does not produce", client->name);
            return false;
        }
    }
    return true;
}

static void schema_client(const struct field *field, struct json *json)
{
    (void)field;
    json_string(json, "type", "string");
}

const struct shape shape_client = {bind_client, schema_client, shape_write_chars};

static bool bind_controller(struct binder *binder, const struct field *field, const struct tree_node *node,
                            void *target)
{
    int32_t id;
    if (!shape_scalar(binder, node, "a controller such as c1") ||
        !reference_controller(binder, node->place, node->text, &id))
        return false;
    shape_store(target, field->size, id);
    return true;
}

static bool bind_heir(struct binder *binder, const struct field *field, const struct tree_node *node,
                      void *target)
{
    if (node->kind == TREE_SCALAR && strcmp(node->text, "any") == 0) {
        shape_store(target, field->size, 0);
        return true;
    }
    return bind_controller(binder, field, node, target);
}

static void write_controller(struct writer *writer, const struct field *field, const void *source)
{
    char name[SIM_LABEL_BYTES];
    int32_t node = (int32_t)shape_load(field, source);
    writer_word(writer, node == 0 ? "any" : sim_spec_node_name(writer->spec, node, name));
}

const struct shape shape_controller = {bind_controller, schema_client, write_controller};
const struct shape shape_heir = {bind_heir, schema_client, write_controller};

static bool bind_replicas(struct binder *binder, const struct field *field, const struct tree_node *node,
                          void *target)
{
    (void)field;
    return reference_replicas(binder, node, target);
}

static void schema_replicas(const struct field *field, struct json *json)
{
    (void)field;
    json_string(json, "type", "array");
    json_integer(json, "minItems", 1);
    json_integer(json, "maxItems", ISR_REPLICAS_MAX);
}

static void write_replicas(struct writer *writer, const struct field *field, const void *source)
{
    (void)field;
    reference_write_replicas(writer, source);
}

const struct shape shape_replicas = {bind_replicas, schema_replicas, write_replicas};
