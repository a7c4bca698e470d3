#include "harness/reference.h"

#include <string.h>

/* A letter and a number without leading zeroes: "n12". The number, or 0. */
static int32_t numbered(const char *name, char letter)
{
    if (name[0] != letter || name[1] < '1' || name[1] > '9')
        return 0;
    int32_t number = 0;
    for (const char *at = name + 1; *at != '\0'; at++) {
        if (*at < '0' || *at > '9' || number > 100000)
            return 0;
        number = number * 10 + (*at - '0');
    }
    return number;
}

bool reference_is_reserved(const char *name)
{
    static const char *const words[] = {"all", "none", "controller", "client"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(name, words[i]) == 0)
            return true;
    }
    return numbered(name, 'n') > 0 || numbered(name, 'c') > 0;
}

static void describe_servers(const struct sim_spec *spec, char *text, size_t size)
{
    int used = snprintf(text, size, spec->brokers == 1 ? "n1" : "n1 to n%d", spec->brokers);
    int first = spec->combined ? spec->controllers + 1 : 1,
        last = spec->controllers + spec->standby_controllers;
    if (first > last || used < 0)
        return;
    snprintf(text + used, size - (size_t)used, first == last ? " and c%d" : " and c%d to c%d", first, last);
}

bool reference_node(struct binder *binder, struct place place, const char *name, int32_t *node)
{
    *node = sim_spec_node_named(binder->spec, name);
    if (*node != ISR_NODE_NONE)
        return true;
    char servers[64];
    describe_servers(binder->spec, servers, sizeof servers);
    diagnostics_add(binder->diagnostics, place, "there is no node '%.40s'", name);
    struct suggestion suggestion = suggestion_for(name);
    for (uint32_t i = 0; i < binder->spec->clients_count && !reference_is_reserved(name); i++)
        suggestion_offer(&suggestion, binder->spec->clients[i].name);
    if (suggestion.best != NULL)
        diagnostics_hint(binder->diagnostics, "the cluster has %s; did you mean the client '%s'?", servers,
                         suggestion.best);
    else if (numbered(name, 'c') > 0 && binder->spec->combined && binder->spec->standby_controllers == 0)
        diagnostics_hint(binder->diagnostics,
                         "the cluster has %s; with `combined: true` these are the controllers too", servers);
    else
        diagnostics_hint(binder->diagnostics, "the cluster has %s", servers);
    return false;
}

bool reference_controller(struct binder *binder, struct place place, const char *name, int32_t *node)
{
    const struct sim_spec *spec = binder->spec;
    char full[16];
    bool digits = name[0] >= '0' && name[0] <= '9';
    int64_t number = 0;
    struct value_error error;
    if (digits && value_whole(name, &number, &error))
        snprintf(full, sizeof full, "%c%.10s", spec->combined && number <= spec->controllers ? 'n' : 'c',
                 name);
    else
        snprintf(full, sizeof full, "%.15s", name);
    if (!reference_node(binder, place, full, node))
        return false;
    if (sim_spec_is_controller(spec, *node))
        return true;
    diagnostics_add(binder->diagnostics, place, "'%.40s' is no controller", name);
    diagnostics_hint(binder->diagnostics,
                     "`cluster: {standby_controllers: 1}` adds one that can become a voter");
    return false;
}

bool reference_broker(struct binder *binder, struct place place, const char *name, int32_t *node)
{
    char full[16];
    bool digits = name[0] >= '0' && name[0] <= '9';
    snprintf(full, sizeof full, "%s%.10s", digits ? "n" : "", name);
    int32_t number = numbered(full, 'n');
    if (number > 0 && number <= binder->spec->brokers) {
        *node = number;
        return true;
    }
    diagnostics_add(binder->diagnostics, place, "there is no broker '%.40s'", name);
    diagnostics_hint(binder->diagnostics,
                     binder->spec->brokers == 1 ? "the only broker is n1"
                                                : "the brokers are n1 to n%d (or 1 to %d)",
                     binder->spec->brokers, binder->spec->brokers);
    return false;
}

bool reference_topic(struct binder *binder, struct place place, const char *name, uint32_t *topic)
{
    struct suggestion suggestion = suggestion_for(name);
    for (uint32_t i = 0; i < binder->spec->topics_count; i++) {
        if (strcmp(binder->spec->topics[i].name.text, name) == 0) {
            *topic = i;
            return true;
        }
        suggestion_offer(&suggestion, binder->spec->topics[i].name.text);
    }
    char first[96] = "the file has no topic";
    if (binder->spec->topics_count > 0)
        snprintf(first, sizeof first, "topics are what `topics` names, such as '%s'",
                 binder->spec->topics[0].name.text);
    diagnostics_add(binder->diagnostics, place, "there is no topic '%.40s'", name);
    shape_suggest(binder, &suggestion, first);
    return false;
}

static bool bind_topic_name(struct binder *binder, const struct field *field, const struct tree_node *node,
                            void *target)
{
    uint32_t place;
    (void)field;
    if (!shape_scalar(binder, node, "a topic") || !reference_topic(binder, node->place, node->text, &place))
        return false;
    memcpy(target, &binder->spec->topics[place].name, sizeof(struct isr_name));
    return true;
}

static void schema_topic_name(const struct field *field, struct json *json)
{
    (void)field;
    json_string(json, "type", "string");
}

const struct shape shape_topic_name = {bind_topic_name, schema_topic_name, shape_write_chars};

bool reference_partition(struct binder *binder, struct place place, const char *name, struct isr_name *topic,
                         int32_t *partition)
{
    const char *dash = strrchr(name, '-');
    int64_t number = -1;
    struct value_error error;
    char topic_name[ISR_NAME_BYTES_MAX];
    bool formed = dash != NULL && dash != name && value_whole(dash + 1, &number, &error) && number >= 0 &&
                  dash - name < ISR_NAME_BYTES_MAX;
    if (!formed) {
        diagnostics_add(binder->diagnostics, place, "'%.40s' is not a partition", name);
        diagnostics_hint(binder->diagnostics, "write the topic and the number, such as %s-0",
                         binder->spec->topics_count > 0 ? binder->spec->topics[0].name.text : "orders");
        return false;
    }
    snprintf(topic_name, sizeof topic_name, "%.*s", (int)(dash - name), name);
    uint32_t place_of_topic;
    if (!reference_topic(binder, place, topic_name, &place_of_topic))
        return false;
    const struct sim_topic_spec *spec = &binder->spec->topics[place_of_topic];
    if (number >= spec->partitions) {
        diagnostics_add(binder->diagnostics, place, "there is no partition '%.60s'", name);
        diagnostics_hint(binder->diagnostics,
                         spec->partitions == 1 ? "topic '%s' has the partition %s-0 only"
                                               : "topic '%s' has %s-0 to %s-%d",
                         spec->name.text, spec->name.text, spec->name.text, spec->partitions - 1);
        return false;
    }
    *topic = spec->name;
    *partition = (int32_t)number;
    return true;
}

bool reference_client(struct binder *binder, struct place place, const char *name,
                      char client[SIM_LABEL_BYTES])
{
    struct suggestion suggestion = suggestion_for(name);
    for (uint32_t i = 0; i < binder->spec->clients_count; i++) {
        if (strcmp(binder->spec->clients[i].name, name) == 0) {
            memcpy(client, binder->spec->clients[i].name, SIM_LABEL_BYTES);
            return true;
        }
        suggestion_offer(&suggestion, binder->spec->clients[i].name);
    }
    char first[96] = "the file has no client";
    if (binder->spec->clients_count > 0)
        snprintf(first, sizeof first, "clients are what `clients` names, such as '%s'",
                 binder->spec->clients[0].name);
    diagnostics_add(binder->diagnostics, place, "there is no client '%.40s'", name);
    shape_suggest(binder, &suggestion, first);
    return false;
}

/* ---- sets of nodes ---- */

/* A word of a set: a node, or whoever leads the controllers' quorum. */
static bool bind_member(struct binder *binder, const struct tree_node *node, int32_t *id)
{
    if (!shape_scalar(binder, node, "a node such as n1"))
        return false;
    if (strcmp(node->text, "controller") == 0) {
        *id = SIM_NODE_CONTROLLER;
        return true;
    }
    return reference_node(binder, node->place, node->text, id);
}

static bool bind_node_list(struct binder *binder, const struct tree_node *node, struct sim_node_set *set)
{
    bool good = true;
    if (node->count == 0)
        return shape_expected(binder, node, "at least one node");
    for (const struct tree_node *child = node->first; child != NULL; child = child->next) {
        int32_t id;
        if (!bind_member(binder, child, &id)) {
            good = false;
            continue;
        }
        if (sim_node_set_has(set, id)) {
            diagnostics_add(binder->diagnostics, child->place, "node '%s' is named twice", child->text);
            good = false;
            continue;
        }
        sim_node_set_add(set, id);
    }
    return good;
}

/* All that there are: one behind the last. */
static int32_t end_of_nodes(const struct sim_spec *spec, bool clients_too)
{
    return clients_too ? sim_spec_nodes_count(spec) + 1 : sim_spec_first_client(spec);
}

static bool bind_set(struct binder *binder, const struct tree_node *node, void *target, bool clients_too)
{
    struct sim_node_set set = {{0}};
    int32_t id;
    if (node->kind == TREE_LIST) {
        if (!bind_node_list(binder, node, &set))
            return false;
    } else if (!shape_scalar(binder, node, "a node such as n1, a list of nodes, or all")) {
        return false;
    } else if (strcmp(node->text, "all") == 0) {
        for (id = 1; id < end_of_nodes(binder->spec, clients_too); id++)
            sim_node_set_add(&set, id);
    } else {
        if (!bind_member(binder, node, &id))
            return false;
        sim_node_set_add(&set, id);
    }
    memcpy(target, &set, sizeof set);
    return true;
}

void reference_write_nodes(struct writer *writer, const struct sim_node_set *set, bool clients_too)
{
    const struct sim_spec *spec = writer->spec;
    char name[SIM_LABEL_BYTES];
    int32_t end = end_of_nodes(spec, clients_too), count = 0, one = 0;
    bool all = !sim_node_set_has(set, SIM_NODE_CONTROLLER);
    for (int32_t id = 0; id <= sim_spec_nodes_count(spec); id++) {
        bool there = sim_node_set_has(set, id);
        all = all && there == (id > 0 && id < end);
        count += there;
        one = there ? id : one;
    }
    if (all || count == 1) {
        writer_prose(writer, all                          ? "all"
                             : one == SIM_NODE_CONTROLLER ? "controller"
                                                          : sim_spec_node_name(spec, one, name));
        return;
    }
    writer_open(writer, '[');
    for (int32_t id = 0; id <= sim_spec_nodes_count(spec); id++) {
        if (!sim_node_set_has(set, id))
            continue;
        writer_item(writer);
        writer_prose(writer, id == SIM_NODE_CONTROLLER ? "controller" : sim_spec_node_name(spec, id, name));
    }
    writer_close(writer, ']');
}

void reference_write_replicas(struct writer *writer, const struct isr_replicas *replicas)
{
    char number[16];
    writer_open(writer, '[');
    for (unsigned i = 0; i < replicas->count; i++) {
        snprintf(number, sizeof number, "%d", replicas->ids[i]);
        writer_item(writer);
        writer_word(writer, number);
    }
    writer_close(writer, ']');
}

static bool bind_nodes(struct binder *binder, const struct field *field, const struct tree_node *node,
                       void *target)
{
    (void)field;
    return bind_set(binder, node, target, false);
}

static bool bind_ends(struct binder *binder, const struct field *field, const struct tree_node *node,
                      void *target)
{
    (void)field;
    return bind_set(binder, node, target, true);
}

static void schema_nodes(const struct field *field, struct json *json)
{
    (void)field;
    json_open_list(json, "anyOf");
    json_open_object(json, NULL);
    json_string(json, "type", "string");
    json_close_object(json);
    json_open_object(json, NULL);
    json_string(json, "type", "array");
    json_open_object(json, "items");
    json_string(json, "type", "string");
    json_close_object(json);
    json_integer(json, "minItems", 1);
    json_close_object(json);
    json_close_list(json);
}

static void write_nodes(struct writer *writer, const struct field *field, const void *source)
{
    struct sim_node_set set;
    memcpy(&set, source, sizeof set);
    reference_write_nodes(writer, &set, field->shape == &shape_ends);
}

const struct shape shape_nodes = {bind_nodes, schema_nodes, write_nodes};
const struct shape shape_ends = {bind_ends, schema_nodes, write_nodes};

bool reference_replicas(struct binder *binder, const struct tree_node *node, struct isr_replicas *replicas)
{
    struct isr_replicas set = {0};
    if (node->kind != TREE_LIST)
        return shape_expected(binder, node, "a list of brokers such as [1, 2, 3]");
    if (node->count > ISR_REPLICAS_MAX) {
        diagnostics_add(binder->diagnostics, node->place, "a partition has at most %d replicas",
                        ISR_REPLICAS_MAX);
        return false;
    }
    for (const struct tree_node *child = node->first; child != NULL; child = child->next) {
        int32_t id;
        if (!shape_scalar(binder, child, "a broker such as 1 or n1") ||
            !reference_broker(binder, child->place, child->text, &id))
            return false;
        if (isr_replicas_contain(&set, id)) {
            diagnostics_add(binder->diagnostics, child->place, "broker '%s' is named twice", child->text);
            return false;
        }
        isr_replicas_add(&set, id);
    }
    *replicas = set;
    return true;
}
