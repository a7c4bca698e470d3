#include "harness/scenario_fields.h"

#include "core/peer/peer.h"
#include "faults/profile.h"
#include "harness/reference.h"
#include "harness/step.h"

/* ---- config and rules: straight from their lists ---- */

const struct field scenario_config_fields[] = {
#define X(kind, name, standard, least_, most_, meaning_)                \
    {#name,           &SHAPE_OF_##kind, FIELD(struct isr_config, name), \
     .least = least_, .most = most_,    .meaning = meaning_},
#include "core/config.def"
#undef X
    END_OF_FIELDS,
};

#define X(name, correct, wrong, source, sentence) \
    static const struct choice words_of_##name[] = {{#correct, 0}, {#wrong, 1}, {NULL, 0}};
#include "core/rules.def"
#undef X
const struct field scenario_rule_fields[] = {
#define X(name, correct, wrong, source, sentence)                                   \
    {#name, &shape_choice, FIELD(struct isr_rules, name), .extra = words_of_##name, \
     .meaning = #correct " is correct (" source "). " #wrong ": " sentence},
#include "core/rules.def"
#undef X
    END_OF_FIELDS,
};

/* ---- yield points ---- */

static const struct choice yield_words[] = {
    {"none", 0},
    {"all", ISR_YIELDS_ALL},
#define X(NAME, name, source, meaning) {#name, 1 << ISR_YIELD_##NAME},
#include "core/yields.def"
#undef X
    {NULL, 0},
};

/* ---- the cluster around the nodes ---- */

const struct field scenario_network_fields[] = {
    {"latency", &shape_distribution, FIELD(struct sim_link_spec, latency),
     .meaning = "how long a message takes: 1ms, 1ms..5ms, or {low, median, p99, high}"},
    {"loss", &shape_probability, FIELD(struct sim_link_spec, loss_ppm),
     .meaning = "how many messages are lost"},
    {"duplicate", &shape_probability, FIELD(struct sim_link_spec, duplicate_ppm),
     .meaning = "how many messages arrive twice"},
    {"reorder", &shape_probability, FIELD(struct sim_link_spec, reorder_ppm),
     .meaning = "how many messages may overtake others"},
    {"corrupt", &shape_probability, FIELD(struct sim_link_spec, corrupt_ppm),
     .meaning = "how many messages arrive damaged"},
    {"bandwidth", &shape_bandwidth, FIELD(struct sim_link_spec, bandwidth_bytes), .least = 0,
     .most = INT64_C(1) << 40, .meaning = "of each directed link, such as 1MiB/s; 0: without bound"},
    {"queue", &shape_bytes, FIELD(struct sim_link_spec, queue_bytes), .least = 0, .most = INT64_C(1) << 40,
     .meaning = "how much may wait for a busy link, the rest is lost; 0: without bound"},
#define OWN_QUEUE(GROUP, key, what)                                                                \
    {                                                                                              \
        key, &shape_bytes, FIELD(struct sim_link_spec, group_queue_bytes[ISR_GROUP_##GROUP]),      \
            .least = 0, .most = INT64_C(1) << 40,                                                  \
            .meaning = "how much of " what                                                         \
                       " may wait for a busy link, whatever room there is; 0: no bound of its own" \
    }
    OWN_QUEUE(ELECTION, "election_queue", "the election group"),
    OWN_QUEUE(HEARTBEAT, "heartbeat_queue", "the heartbeat group"),
    OWN_QUEUE(CONTROL, "control_queue", "the control group"),
    OWN_QUEUE(DATA, "data_queue", "the data group"),
#undef OWN_QUEUE
    {"priorities", &shape_flag, FIELD(struct sim_link_spec, priorities),
     .meaning =
         "on (default): elections, heartbeats and control overtake data that waits for a link; off: one "
         "queue for all"},
    {"connections", &shape_flag, FIELD(struct sim_link_spec, connections),
     .meaning = "on: links are streams that are in order over all kinds of messages, and can break; off "
                "(default): messages"},
    {"keepalive", &shape_duration, FIELD(struct sim_link_spec, keepalive_ns), .least = ISR_MS,
     .most = SHAPE_TIME_MOST,
     .meaning = "with connections: a silent one is given up after this (default: 10s)"},
    {"reconnect", &shape_duration, FIELD(struct sim_link_spec, reconnect_ns), .least = 0,
     .most = 3600 * ISR_SECOND,
     .meaning = "with connections: what opening one takes beside the round trip (default: 0)"},
    END_OF_FIELDS,
};

const struct field scenario_disk_fields[] = {
    {"write_latency", &shape_distribution, FIELD(struct sim_disk_spec, write_latency),
     .meaning = "of a write to the page cache"},
    {"sync_latency", &shape_distribution, FIELD(struct sim_disk_spec, sync_latency), .meaning = "of a sync"},
    {"read_latency", &shape_distribution, FIELD(struct sim_disk_spec, read_latency), .meaning = "of a read"},
    {"capacity", &shape_bytes, FIELD(struct sim_disk_spec, capacity_bytes), .least = 0,
     .most = INT64_C(1) << 40, .meaning = "size of each disk; 0: without bound"},
    END_OF_FIELDS,
};

static bool bind_racks(struct binder *binder, const struct field *field, const struct tree_node *node,
                       void *target)
{
    uint8_t *racks = target; /* by node id */
    int32_t broker = 1;
    (void)field;
    if (node->kind != TREE_LIST || node->count == 0 || node->count > SIM_NODES_MAX)
        return shape_expected(binder, node, "a list of the brokers' racks such as [1, 1, 2]");
    for (const struct tree_node *child = node->first; child != NULL; child = child->next) {
        const struct field rack = {
            .name = "racks", .shape = &shape_whole, .size = 1, .least = 0, .most = ISR_RACK_ANY - 1};
        if (!shape_whole.bind(binder, &rack, child, &racks[broker++]))
            return false;
    }
    return true;
}

static void schema_racks(const struct field *field, struct json *json)
{
    (void)field;
    json_string(json, "type", "array");
    json_integer(json, "minItems", 1);
    json_open_object(json, "items");
    json_string(json, "type", "integer");
    json_integer(json, "minimum", 0);
    json_integer(json, "maximum", ISR_RACK_ANY - 1);
    json_close_object(json);
}

/* Up to the last broker that has one. */
static void write_racks(struct writer *writer, const struct field *field, const void *source)
{
    const uint8_t *racks = source;
    int32_t last = writer->spec->brokers;
    (void)field;
    while (last > 0 && racks[last] == ISR_RACK_NONE)
        last--;
    writer_open(writer, '[');
    for (int32_t broker = 1; broker <= last; broker++) {
        char number[16];
        snprintf(number, sizeof number, "%u", racks[broker]);
        writer_item(writer);
        writer_word(writer, number);
    }
    writer_close(writer, ']');
}

static const struct shape shape_racks = {bind_racks, schema_racks, write_racks};

_Static_assert(ISR_REPLICAS_MAX == 8, "so many peers can be the host");
const struct choice scenario_gone_words[] = {
#define X(NAME, name, heard, leads, meaning) {#name, SIM_GONE_##NAME},
#include "sim/gone.def"
#undef X
    {NULL, 0}};
static const struct choice transfer_words[] = {{"pull", ISR_PEER_PULL}, {"push", ISR_PEER_PUSH}, {NULL, 0}};
static const struct choice bootstrap_words[] = {{"n1", 1},
                                                {"n2", 2},
                                                {"n3", 3},
                                                {"n4", 4},
                                                {"n5", 5},
                                                {"n6", 6},
                                                {"n7", 7},
                                                {"n8", 8},
                                                {"previous", SIM_BOOTSTRAP_PREVIOUS},
                                                {"balancer", SIM_BOOTSTRAP_BALANCER},
                                                {"together", SIM_BOOTSTRAP_TOGETHER},
                                                {"self", SIM_BOOTSTRAP_SELF},
                                                {NULL, 0}};

const struct choice scenario_consensus_words[] = {
    {"in_tree", SIM_CONSENSUS_IN_TREE}, {"libraft", SIM_CONSENSUS_LIBRAFT}, {NULL, 0}};

const struct field scenario_cluster_fields[] = {
    {"brokers", &shape_whole, FIELD(struct sim_spec, brokers), .least = 1, .most = 100,
     .meaning = "how many brokers: nodes n1, n2, ..."},
    {"controllers", &shape_whole, FIELD(struct sim_spec, controllers), .least = 1, .most = 7,
     .meaning = "how many controllers (Raft voters)"},
    {"standby_controllers", &shape_whole, FIELD(struct sim_spec, standby_controllers), .least = 0, .most = 7,
     .meaning =
         "how many controllers take no part until they are added: nodes of their own whose numbers go on "
         "after the controllers', c4, c5, ... (default: 0)"},
    {"combined", &shape_flag, FIELD(struct sim_spec, combined),
     .meaning = "true (default): the first brokers are the controllers too; false: controllers are nodes c1, "
                "c2, ..."},
    {"raft", &shape_whole, FIELD(struct sim_spec, alone), .least = 1, .most = 7,
     .meaning = "consensus alone instead: how many voters, nodes c1, c2, ... that keep numbered entries; no "
                "brokers, no topics"},
    {"consensus", &shape_choice, FIELD(struct sim_spec, consensus), .extra = scenario_consensus_words,
     .meaning = "whose Raft the controllers, or the voters alone, run on: in_tree (default), or libraft: "
                "Canonical's C library, under test"},
    {"racks", &shape_racks, FIELD(struct sim_spec, racks),
     .meaning = "the racks of n1, n2, ... (default: 0, none): consumers with a rack read near by"},
    {"yields", &shape_bits, FIELD(struct sim_spec, yields), .extra = yield_words,
     .meaning = "where handlers stop between a check and its act, so that other things come in between: all, "
                "or a list of `isrsim help yields` (default: none)"},
    {"peers", &shape_whole, FIELD(struct sim_spec, peer.count), .least = 1, .most = ISR_REPLICAS_MAX,
     .meaning =
         "a group without controllers instead: how many peers, nodes n1, n2, ...; the topic's `commit` is "
         "theirs"},
    {"transfer", &shape_choice, FIELD(struct sim_spec, peer.transfer), .extra = transfer_words,
     .meaning = "peers: followers pull (default), or the leader pushes"},
    {"bootstrap", &shape_choice, FIELD(struct sim_spec, peer.bootstrap), .extra = bootstrap_words,
     .meaning =
         "peers: where the group's host name leads to: a node, which founds the group (default: n1); the "
         "previous node; a balancer, to another node each time; together: all know all from the start; "
         "self: a group of one"},
    END_OF_FIELDS,
};

/* What belongs to a cluster of brokers has no meaning in a group of peers. */
static bool lacks(struct binder *binder, const struct tree_node *node, const char *const *others,
                  const char *what, const char *hint)
{
    for (; *others != NULL; others++) {
        const struct tree_node *other = tree_find(node, *others);
        if (other == NULL)
            continue;
        diagnostics_add(binder->diagnostics, other->key_place, "%s has no '%s'", what, *others);
        diagnostics_hint(binder->diagnostics, "%s", hint);
        return false;
    }
    return true;
}

static bool bind_alone(struct binder *binder, const struct tree_node *node, struct sim_spec *spec)
{
    static const char *const others[] = {"brokers", "controllers", "combined",  "racks", "yields",
                                         "peers",   "transfer",    "bootstrap", NULL};
    spec->brokers = 0;
    spec->controllers = spec->alone;
    spec->combined = false;
    return lacks(binder, node, others, "consensus alone", "`raft` says how many voters there are");
}

static bool bind_group(struct binder *binder, const struct tree_node *node, struct sim_spec *spec)
{
    static const char *const others[] = {"brokers", "controllers", "combined", NULL};
    if (!lacks(binder, node, others, "a group of peers",
               "`peers` says how many nodes there are, and they need no controller"))
        return false;
    spec->brokers = spec->peer.count;
    spec->controllers = 0;
    spec->combined = true;
    return true;
}

static bool bind_cluster(struct binder *binder, const struct field *field, const struct tree_node *node,
                         void *target)
{
    struct sim_spec *spec = target;
    if (!shape_bind_map(binder, scenario_cluster_fields, node, spec, field->name))
        return false;
    const struct tree_node *controllers = tree_find(node, "controllers");
    if (tree_find(node, "raft") != NULL && !bind_alone(binder, node, spec))
        return false;
    if (spec->peer.count > 0)
        return bind_group(binder, node, spec);
    if (controllers == NULL && spec->combined && spec->controllers > spec->brokers)
        spec->controllers = 1;
    if (spec->combined && spec->controllers > spec->brokers) {
        diagnostics_add(binder->diagnostics, controllers->place,
                        "%d combined controllers do not fit into a cluster of %d broker%s", spec->controllers,
                        spec->brokers, spec->brokers == 1 ? "" : "s");
        diagnostics_hint(binder->diagnostics,
                         "have fewer, or `combined: false` for controllers on nodes of their own");
        return false;
    }
    if (spec->controllers + spec->standby_controllers > ISR_REPLICAS_MAX) {
        diagnostics_add(binder->diagnostics, tree_find(node, "standby_controllers")->place,
                        "there may be %d controllers, those that stand by included", ISR_REPLICAS_MAX);
        return false;
    }
    return true;
}

static void schema_cluster(const struct field *field, struct json *json)
{
    (void)field;
    shape_schema_map(scenario_cluster_fields, json);
}

/* How many brokers and controllers there are is said in any case; of a group of peers there is nothing to
 * say, nor of consensus alone. */
static void write_cluster(struct writer *writer, const struct field *field, const void *source)
{
    const struct sim_spec *spec = source;
    struct sim_spec standard = sim_spec_default();
    (void)field;
    bool told = spec->peer.count > 0 || sim_spec_is_alone(spec); /* by how many peers or voters there are */
    standard.brokers = told ? spec->brokers : 0;
    standard.controllers = told ? spec->controllers : 0;
    standard.combined = sim_spec_is_alone(spec) ? spec->combined : standard.combined;
    shape_write_map(writer, scenario_cluster_fields, spec, &standard);
}

static const struct shape shape_cluster = {bind_cluster, schema_cluster, write_cluster};

/* ---- what it is ---- */

static const struct choice profile_choices[] = {
#define X(NAME, name, UNCHECKED, meaning) {#name, FAULT_PROFILE_##NAME},
#include "faults/profiles.def"
#undef X
    {NULL, 0},
};

static const struct field search_fields[] = {
    {"profile", &shape_choice, FIELD(struct scenario_search, profile), .extra = profile_choices,
     .required = true, .meaning = "of which random scenarios; `isrsim help profiles` tells of each"},
    {"budget", &shape_whole, FIELD(struct scenario_search, budget), .least = 1, .most = 500000,
     .required = true, .meaning = "within how many seeds, from wherever it begins"},
    {"variant", &shape_label, FIELD(struct scenario_search, variant),
     .meaning = "the variant whose rules are used (default: wrong)"},
    END_OF_FIELDS,
};

static const struct field exhibit_fields[] = {
    {"number", &shape_whole, FIELD(struct scenario_exhibit, number), .least = 1, .most = 9999,
     .required = true, .meaning = "its number in the museum"},
    {"system", &shape_prose, FIELD(struct scenario_exhibit, system), .required = true,
     .meaning = "which system and version had it, such as \"Kafka before 0.11\""},
    {"year", &shape_whole, FIELD(struct scenario_exhibit, year), .least = 1970, .most = 2200,
     .required = true, .meaning = "when it was found or fixed"},
    {"loss", &shape_prose, FIELD(struct scenario_exhibit, loss), .required = true,
     .meaning = "what users lost, in a sentence"},
    {"search", &shape_map, FIELD(struct scenario_exhibit, search), .extra = search_fields,
     .meaning = "how random search is to find it, for `isrsim museum verify`"},
    END_OF_FIELDS,
};

static bool bind_tags(struct binder *binder, const struct field *field, const struct tree_node *node,
                      void *target)
{
    struct scenario_tags *tags = target;
    if (node->kind != TREE_LIST)
        return shape_expected(binder, node, "a list of words such as [election, isr]");
    tags->items = pool_array(binder->pool, node->count, sizeof *tags->items);
    for (const struct tree_node *child = node->first; child != NULL; child = child->next) {
        char label[SIM_LABEL_BYTES];
        if (!shape_label.bind(binder, field, child, label))
            return false;
        tags->items[tags->count++] = pool_text(binder->pool, child->text, child->length);
    }
    return true;
}

static void schema_tags(const struct field *field, struct json *json)
{
    json_string(json, "type", "array");
    json_open_object(json, "items");
    shape_label.schema(field, json);
    json_close_object(json);
}

static void write_tags(struct writer *writer, const struct field *field, const void *source)
{
    const struct scenario_tags *tags = source;
    (void)field;
    writer_open(writer, '[');
    for (uint32_t i = 0; i < tags->count; i++) {
        writer_item(writer);
        writer_prose(writer, tags->items[i]);
    }
    writer_close(writer, ']');
}

static const struct shape shape_tags = {bind_tags, schema_tags, write_tags};

static const struct choice schedule_actors[] = {
    {"links", SIM_SCHEDULE_LINKS}, {"nodes", SIM_SCHEDULE_NODES}, {NULL, 0}};

static const struct field pct_fields[] = {
    {"depth", &shape_whole, FIELD(struct sim_schedule_spec, depth), .least = 1,
     .most = SIM_SCHEDULE_DEPTH_MAX, .required = true,
     .meaning =
         "how many messages must keep an order for the failures that are looked for; depth - 1 times a "
         "priority is lowered below all others"},
    {"of", &shape_choice, FIELD(struct sim_schedule_spec, actors), .extra = schedule_actors,
     .meaning = "what has a priority: links (default), or the nodes that receive"},
    {"window", &shape_duration, FIELD(struct sim_schedule_spec, window_ns), .least = 0,
     .most = SIM_SCHEDULE_WINDOW_MOST,
     .meaning = "how long a message waits where the priority is lowest (default: 50ms)"},
    {"slot", &shape_duration, FIELD(struct sim_schedule_spec, slot_ns), .least = 1000,
     .most = 60 * ISR_SECOND, .meaning = "a priority is lowered at a multiple of this (default: 10ms)"},
    END_OF_FIELDS,
};

const struct field scenario_schedule_fields[] = {
    {"pct", &shape_map, .position = 0, .size = sizeof(struct sim_schedule_spec), .extra = pct_fields,
     .required = true,
     .meaning =
         "priorities by chance, until the run settles: messages of a higher priority arrive before others"},
    END_OF_FIELDS,
};

/* In the order in which they are bound: what is named comes before what names it. */
const struct field scenario_fields[] = {
    {"name", &shape_label, FIELD(struct scenario, base.name), .meaning = "default: the file's name"},
    {"about", &shape_prose, FIELD(struct scenario, about), .meaning = "what the scenario shows, in prose"},
    {"source", &shape_prose, FIELD(struct scenario, source), .meaning = "where the history was published"},
    {"exhibit", &shape_map, FIELD(struct scenario, exhibit), .extra = exhibit_fields,
     .meaning = "makes it an exhibit of the museum, told by `isrsim tour`"},
    {"tags", &shape_tags, FIELD(struct scenario, tags), .meaning = "words to find it by"},
    {"cluster", &shape_cluster, FIELD(struct scenario, base),
     .meaning = "the nodes (default: 3 brokers, 3 controllers, combined)"},
    {"config", &shape_map, FIELD(struct scenario, base.config), .extra = scenario_config_fields,
     .meaning = "settings of every node; the default is Kafka's where Kafka has the setting"},
    {"rules", &shape_map, FIELD(struct scenario, base.rules), .extra = scenario_rule_fields,
     .meaning = "rules of the protocol that are switched to a wrong value; `isrsim rules` explains them"},
    {"network", &shape_map, FIELD(struct scenario, base.network), .extra = scenario_network_fields,
     .meaning = "every link (default: 1ms, nothing lost)"},
    {"schedule", &shape_map, FIELD(struct scenario, base.schedule), .extra = scenario_schedule_fields,
     .meaning = "whose messages go first (default: each takes what its link takes)"},
    {"disks", &shape_map, FIELD(struct scenario, base.disk), .extra = scenario_disk_fields,
     .meaning = "every disk"},
    {"topics", &shape_topics, FIELD(struct scenario, base),
     .meaning = "topics by name, at least one, but where consensus is alone: {orders: {replication: 3, "
                "min_isr: 2}}"},
    {"clients", &shape_clients, FIELD(struct scenario, base),
     .meaning =
         "clients by name: producers, consumers, readers, admins: {p1: {produce: orders, rate: 100/s}}"},
    {"nodes", &shape_node_settings, FIELD(struct scenario, base),
     .meaning = "settings of single nodes by name, on top of config: {n3: {fetch_interval: 1s}}"},
    {"duration", &shape_duration, FIELD(struct scenario, base.duration_ns), .least = ISR_MS,
     .most = SHAPE_TIME_MOST, .meaning = "virtual time of the whole run, settle included (default: 30s)"},
    {"settle", &shape_duration, FIELD(struct scenario, base.settle_ns), .least = 0, .most = SHAPE_TIME_MOST,
     .meaning = "the last part of the run: steps are over, all faults are healed, and L1 must be reached; 0: "
                "L1 is off"},
    {"gone", &shape_nodes, FIELD(struct scenario, base.gone),
     .meaning = "nodes that do not heal when the others settle: L1 is judged on what is left"},
    {"gone_how", &shape_choice, FIELD(struct scenario, base.gone_how), .extra = scenario_gone_words,
     .meaning =
         "in which way they are gone: apart (default), or by half, so that others may take them for alive: "
         "deaf, mute, parted or stalled (`isrsim help faults`)"},
    {"seed", &shape_seed, FIELD(struct scenario, base.seed), .meaning = "of all random draws (default: 1)"},
    {"steps", &shape_steps, FIELD(struct scenario, base),
     .meaning = "what is done, in order, each when its gate opens"},
    {"steps_may_remain", &shape_flag, FIELD(struct scenario, base.steps_may_remain),
     .meaning = "true: the run is not vacuous where steps are left when it settles (default: false)"},
    {"stop_at_violation", &shape_flag, FIELD(struct scenario, base.stop_at_violation),
     .meaning = "false: the run goes on after a violation, and the first one counts (default: true)"},
    {"unchecked", &shape_invariants, FIELD(struct scenario, base.unchecked),
     .meaning = "invariants that are not judged, to see how the history goes on after them"},
    {"expect", &shape_expect, FIELD(struct scenario, expectation),
     .meaning =
         "holds (default), vacuous, {violates: I3, with: \"...\"} or {holds: true, finally: [conditions]}"},
    {"variants", &shape_variants,
     .meaning = "the same history under other rules or settings, by name; each is a run of its own"},
    END_OF_FIELDS,
};
