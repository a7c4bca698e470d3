#include "harness/action.h"

#include <string.h>

#include "core/base/event.h"
#include "harness/action_shapes.h"
#include "harness/reference.h"
#include "sim/clock.h"

static const struct choice survives_words[] = {{"drawn", SIM_SURVIVES_DRAWN},
                                               {"all", SIM_SURVIVES_ALL},
                                               {"prefix", SIM_SURVIVES_PREFIX},
                                               {"reordered", SIM_SURVIVES_REORDERED},
                                               {"torn", SIM_SURVIVES_TORN},
                                               {"none", SIM_SURVIVES_NONE},
                                               {NULL, 0}};
static const struct choice operation_words[] = {
    {"read", SIM_OPERATION_READ}, {"write", SIM_OPERATION_WRITE}, {"sync", SIM_OPERATION_SYNC}, {NULL, 0}};
static const struct choice file_words[] = {{"any", 0},
                                           {"segment", 1 << ISR_FILE_SEGMENT},
                                           {"epochs", 1 << ISR_FILE_EPOCHS},
                                           {"producers", 1 << ISR_FILE_PRODUCERS},
                                           {"high_watermarks", 1 << ISR_FILE_HIGH_WATERMARKS},
                                           {"recovery_points", 1 << ISR_FILE_RECOVERY_POINTS},
                                           {"clean_shutdown", 1 << ISR_FILE_CLEAN_SHUTDOWN},
                                           {"cleaned", 1 << ISR_FILE_CLEANED},
                                           {"quorum_vote", 1 << ISR_FILE_QUORUM_VOTE},
                                           {"quorum_log", 1 << ISR_FILE_QUORUM_LOG},
                                           {"quorum_snapshot", 1 << ISR_FILE_QUORUM_SNAPSHOT},
                                           {"peer", 1 << ISR_FILE_PEER},
                                           {NULL, 0}};
static const struct choice pages_words[] = {{"dirty", 0}, {"clean", 1}, {NULL, 0}};
static const struct choice acks_words[] = {{"all", -1}, {"0", 0}, {"1", 1}, {NULL, 0}};
static const struct choice elect_words[] = {{"preferred", 0}, {"unclean", 1}, {NULL, 0}};
static const struct choice state_words[] = {{"on", 1}, {"off", 0}, {NULL, 0}};

#define ACTION(member) FIELD(struct sim_action, member)
#define NODES(meaning_)                                                             \
    {                                                                               \
        "nodes", &shape_nodes, ACTION(nodes), .required = true, .meaning = meaning_ \
    }
#define FROM_TO                                                                                            \
    {"from", &shape_ends, ACTION(from), .required = true, .meaning = "the nodes that send"},               \
        {"to", &shape_ends, ACTION(to), .required = true, .meaning = "the nodes that do not hear them"},   \
    {                                                                                                      \
        "both_ways", &shape_flag, ACTION(both_ways), .meaning = "the other direction too (default: false)" \
    }

static const struct field nodes_fields[] = {NODES("whom it happens to"), END_OF_FIELDS};
static const struct field power_off_fields[] = {
    NODES("who loses power"),
    {"survives", &shape_choice, ACTION(survives), .extra = survives_words,
     .meaning =
         "of what was not synced: all, none, a prefix, any pages (reordered), a prefix and any sectors "
         "of one write (torn), or drawn for each file (default)"},
    END_OF_FIELDS};
static const struct field partition_fields[] = {
    {"groups", &shape_groups, .required = true,
     .meaning = "nodes of different groups do not hear each other"},
    END_OF_FIELDS};
static const struct field cut_fields[] = {FROM_TO, END_OF_FIELDS};
static const struct field heal_fields[] = {
    {"nodes", &shape_ends, ACTION(nodes), .required = true, .meaning = "whose links, or all"}, END_OF_FIELDS};
static const struct field link_fields[] = {
    FROM_TO,
    {"latency", &shape_distribution, ACTION(link.latency), .meaning = "how long a message takes"},
    {"loss", &shape_probability, ACTION(link.loss_ppm), .meaning = "how many messages are lost"},
    {"duplicate", &shape_probability, ACTION(link.duplicate_ppm),
     .meaning = "how many messages arrive twice"},
    {"reorder", &shape_probability, ACTION(link.reorder_ppm),
     .meaning = "how many messages may overtake others"},
    {"corrupt", &shape_probability, ACTION(link.corrupt_ppm), .meaning = "how many messages arrive damaged"},
    {"bandwidth", &shape_bandwidth, ACTION(link.bandwidth_bytes), .least = 0, .most = INT64_C(1) << 40,
     .meaning = "such as 1MiB/s; 0: without bound"},
    {"queue", &shape_bytes, ACTION(link.queue_bytes), .least = 0, .most = INT64_C(1) << 40,
     .meaning = "how much may wait for a busy link, the rest is lost; 0: without bound"},
    END_OF_FIELDS};
#define MESSAGES                                                             \
    {                                                                        \
        "messages", &shape_messages, ACTION(messages),                       \
            .meaning = "kinds or groups: control, election, heartbeat, data" \
                       " (default: all)"                                     \
    }
static const struct field hold_fields[] = {FROM_TO,
                                           MESSAGES,
                                           {"count", &shape_whole, ACTION(count), .least = 1, .most = 1000000,
                                            .meaning = "how many (default: all until the release)"},
                                           END_OF_FIELDS};
static const struct field drop_fields[] = {
    FROM_TO,
    MESSAGES,
    {"count", &shape_whole, ACTION(count), .least = 1, .most = 1000000, .meaning = "how many (default: 1)"},
    END_OF_FIELDS};
static const struct choice held_words[] = {{"deliver", 0}, {"lose", 1}, {NULL, 0}};
static const struct field release_fields[] = {
    FROM_TO,
    MESSAGES,
    {"held", &shape_choice, ACTION(discard), .extra = held_words,
     .meaning = "what was held arrives now, in order (deliver, the default), or never (lose)"},
    END_OF_FIELDS};
static const struct field half_open_fields[] = {FROM_TO, END_OF_FIELDS};
static const struct field reset_fields[] = {
    {"from", &shape_ends, ACTION(from), .required = true, .meaning = "one side"},
    {"to", &shape_ends, ACTION(to), .required = true, .meaning = "the other side"},
    END_OF_FIELDS};
static const struct field slow_cpu_fields[] = {NODES("whose processor"),
                                               {"per_event", &shape_duration, ACTION(cost_ns), .least = 0,
                                                .most = 60 * ISR_SECOND, .required = true,
                                                .meaning = "what each event takes; 0: nothing"},
                                               END_OF_FIELDS};
static const struct field memory_fields[] = {NODES("whose memory"),
                                             {"limit", &shape_bytes, ACTION(count), .least = 0,
                                              .most = INT64_C(1) << 40, .required = true,
                                              .meaning = "bytes; 0: no bound"},
                                             END_OF_FIELDS};
static const struct field disk_fields[] = {
    NODES("whose disks"),
    {"write_latency", &shape_distribution, ACTION(disk.write_latency),
     .meaning = "of a write to the page cache"},
    {"sync_latency", &shape_distribution, ACTION(disk.sync_latency), .meaning = "of a sync"},
    {"read_latency", &shape_distribution, ACTION(disk.read_latency), .meaning = "of a read"},
    {"capacity", &shape_bytes, ACTION(disk.capacity_bytes), .least = 0, .most = INT64_C(1) << 40,
     .meaning = "size of the disk; 0: without bound"},
    END_OF_FIELDS};
#define FILE_KIND                                                                        \
    {                                                                                    \
        "file", &shape_bits, ACTION(files), .extra = file_words,                         \
                                            .meaning = "which files only (default: any)" \
    }
static const struct field disk_fail_fields[] = {
    NODES("whose disks"),
    {"operations", &shape_bits, ACTION(operations), .extra = operation_words, .least = 1, .required = true,
     .meaning = "read, write, sync, or a list"},
    FILE_KIND,
    {"count", &shape_whole, ACTION(count), .least = 1, .most = 1000000,
     .meaning = "how many fail (default: 1)"},
    {"pages", &shape_choice, ACTION(pages_clean), .extra = pages_words,
     .meaning = "what a failed sync leaves: dirty pages (default), or pages marked clean that are written "
                "by nobody any more"},
    END_OF_FIELDS};
static const struct field stall_fields[] = {NODES("whose disks"),
                                            {"for", &shape_duration, ACTION(span_ns), .least = ISR_MS,
                                             .most = SHAPE_TIME_MOST,
                                             .meaning = "how long (default: until unstall)"},
                                            END_OF_FIELDS};
static const struct field lying_sync_fields[] = {
    NODES("whose disks"),
    {"state", &shape_choice, ACTION(on), .extra = state_words, .required = true, .meaning = "on or off"},
    FILE_KIND,
    END_OF_FIELDS};
static const struct field rot_fields[] = {
    NODES("whose disks"),
    FILE_KIND,
    {"partition", &shape_partition, .meaning = "of which partition only, such as orders-0 (default: all)"},
    {"count", &shape_whole, ACTION(count), .least = 1, .most = 10000,
     .meaning = "how many bytes (default: 1)"},
    END_OF_FIELDS};
static const struct field stray_fields[] = {NODES("whose disks"),
                                            FILE_KIND,
                                            {"count", &shape_whole, ACTION(count), .least = 1,
                                             .most = 1000000, .meaning = "how many writes (default: 1)"},
                                            END_OF_FIELDS};
static const struct field lose_names_fields[] = {
    NODES("whose disks"),
    {"state", &shape_choice, ACTION(on), .extra = state_words, .required = true, .meaning = "on or off"},
    END_OF_FIELDS};
static const struct field disk_full_fields[] = {NODES("whose disks"),
                                                {"free", &shape_bytes, ACTION(count), .least = 0,
                                                 .most = INT64_C(1) << 40, .required = true,
                                                 .meaning = "bytes that still fit"},
                                                END_OF_FIELDS};
static const struct field clock_fields[] = {
    NODES("whose clocks"),
    {"offset", &shape_duration, ACTION(clock.offset_ns), .least = -SIM_CLOCK_OFFSET_NS_MAX,
     .most = SIM_CLOCK_OFFSET_NS_MAX, .meaning = "the clock jumps by this"},
    {"drift", &shape_drift, ACTION(clock.drift_ppm), .least = -SIM_CLOCK_DRIFT_PPM_MAX,
     .most = SIM_CLOCK_DRIFT_PPM_MAX,
     .meaning = "from now on the clock runs fast (or slow, when negative) by this"},
    {"jump", &shape_duration, ACTION(clock.jump_ns), .least = 0, .most = SIM_CLOCK_JUMP_NS_MAX,
     .meaning = "both clocks go forward by this at once, as after a suspended virtual machine"},
    {"wall", &shape_duration, ACTION(clock.wall_ns), .least = -SIM_CLOCK_WALL_NS_MAX,
     .most = SIM_CLOCK_WALL_NS_MAX, .meaning = "the wall clock alone is stepped by this, forward or back"},
    END_OF_FIELDS};
static const struct field produce_fields[] = {
    {"partition", &shape_partition, .required = true, .meaning = "where to, such as orders-0"},
    {"records", &shape_whole, ACTION(count), .least = 1, .most = 10000,
     .meaning = "records in the batch (default: 1)"},
    {"acks", &shape_choice, ACTION(acks), .extra = acks_words, .meaning = "all (default), 1 or 0"},
    {"size", &shape_bytes, ACTION(value_bytes), .least = 8, .most = 1 << 20,
     .meaning = "bytes of a record's value (default: 64)"},
    {"client", &shape_client, ACTION(client),
     .meaning = "who sends it (default: a client of the world's own)"},
    END_OF_FIELDS};
static const struct field propose_fields[] = {
    {"entries", &shape_whole, ACTION(count), .least = 1, .most = 10000, .meaning = "how many (default: 1)"},
    {"size", &shape_bytes, ACTION(value_bytes), .least = 8, .most = 1 << 20,
     .meaning = "bytes of each (default: 64)"},
    {"client", &shape_client, ACTION(client),
     .meaning = "who proposes them (default: a client of the world's own)"},
    END_OF_FIELDS};
static const struct field elect_fields[] = {
    {"partition", &shape_partition, .required = true, .meaning = "such as orders-0"},
    {"kind", &shape_choice, ACTION(elect_kind), .extra = elect_words,
     .meaning = "preferred (default) or unclean"},
    END_OF_FIELDS};
static const struct field delete_records_fields[] = {
    {"partition", &shape_partition, .required = true, .meaning = "such as orders-0"},
    {"offset", &shape_whole, ACTION(offset), .least = -1, .most = INT64_MAX / 4,
     .meaning = "what lies below it is deleted; -1 (default): all below the high watermark"},
    END_OF_FIELDS};
#define ASKS                                                                                   \
    {                                                                                          \
        "asks", &shape_controller, ACTION(asked),                                              \
            .meaning = "which controller is asked (default: whoever is the active controller)" \
    }
static const struct field transfer_fields[] = {
    {"node", &shape_heir, ACTION(node), .required = true, .meaning = "who shall lead, or any"},
    ASKS,
    END_OF_FIELDS};
static const struct field member_fields[] = {
    {"node", &shape_controller, ACTION(node), .required = true, .meaning = "which controller"},
    ASKS,
    END_OF_FIELDS};
static const struct field topic_fields[] = {
    {"topic", &shape_topic_name, ACTION(topic), .required = true, .meaning = "such as orders"},
    END_OF_FIELDS};
static const struct field alter_topic_fields[] = {
    {"topic", &shape_topic_name, ACTION(topic), .required = true, .meaning = "such as orders"},
#define X(kind, name, standard, least_, most_, words, meaning_)                  \
    {#name,           &SHAPE_OF_##kind, ACTION(settings.name), .extra = (words), \
     .least = least_, .most = most_,    .meaning = meaning_},
#include "core/topic.def"
#undef X
    END_OF_FIELDS};
static const struct field reassign_fields[] = {
    {"partition", &shape_partition, .required = true, .meaning = "such as orders-0"},
    {"replicas", &shape_replicas, ACTION(replicas),
     .meaning = "those wanted, the preferred leader first: [4, 5, 6]"},
    {"cancel", &shape_flag, ACTION(cancel), .meaning = "true: what is under way is taken back"},
    END_OF_FIELDS};
static const struct field traffic_fields[] = {
    {"state", &shape_choice, ACTION(on), .extra = state_words, .required = true, .meaning = "on or off"},
    {"client", &shape_client, ACTION(client), .meaning = "which producer (default: all)"},
    END_OF_FIELDS};
static const struct field note_fields[] = {
    {"text", &shape_sentence, ACTION(text), .required = true, .meaning = "a sentence for the timeline"},
    END_OF_FIELDS};

/* One line an action: its keys, and the key whose value may stand alone. An action of the list without a line
 * here does not compile. */
#define KEYS_POWER_OFF power_off_fields, "nodes"
#define KEYS_KILL nodes_fields, "nodes"
#define KEYS_SHUTDOWN nodes_fields, "nodes"
#define KEYS_START nodes_fields, "nodes"
#define KEYS_CAMPAIGN nodes_fields, "nodes"
#define KEYS_PAUSE nodes_fields, "nodes"
#define KEYS_RESUME nodes_fields, "nodes"
#define KEYS_PARTITION partition_fields, "groups"
#define KEYS_ISOLATE nodes_fields, "nodes"
#define KEYS_CUT cut_fields, NULL
#define KEYS_HEAL heal_fields, "nodes"
#define KEYS_LINK link_fields, NULL
#define KEYS_HOLD hold_fields, NULL
#define KEYS_DROP drop_fields, NULL
#define KEYS_RELEASE release_fields, NULL
#define KEYS_RESET reset_fields, NULL
#define KEYS_HALF_OPEN half_open_fields, NULL
#define KEYS_WIPE nodes_fields, "nodes"
#define KEYS_SLOW_CPU slow_cpu_fields, NULL
#define KEYS_MEMORY memory_fields, NULL
#define KEYS_DISK disk_fields, NULL
#define KEYS_DISK_FAIL disk_fail_fields, NULL
#define KEYS_DISK_FULL disk_full_fields, NULL
#define KEYS_DISK_FREE nodes_fields, "nodes"
#define KEYS_STALL stall_fields, "nodes"
#define KEYS_UNSTALL nodes_fields, "nodes"
#define KEYS_LYING_SYNC lying_sync_fields, NULL
#define KEYS_ROT rot_fields, "nodes"
#define KEYS_LOSE_WRITES stray_fields, "nodes"
#define KEYS_MISDIRECT_WRITES stray_fields, "nodes"
#define KEYS_LOSE_NAMES lose_names_fields, NULL
#define KEYS_CLOCK clock_fields, NULL
#define KEYS_PRODUCE produce_fields, NULL
#define KEYS_PROPOSE propose_fields, NULL
#define KEYS_ELECT elect_fields, NULL
#define KEYS_DELETE_RECORDS delete_records_fields, NULL
#define KEYS_TRANSFER_CONTROLLER transfer_fields, "node"
#define KEYS_ADD_VOTER member_fields, "node"
#define KEYS_ADD_LEARNER member_fields, "node"
#define KEYS_REMOVE_VOTER member_fields, "node"
#define KEYS_DELETE_TOPIC topic_fields, "topic"
#define KEYS_CREATE_TOPIC topic_fields, "topic"
#define KEYS_ALTER_TOPIC alter_topic_fields, NULL
#define KEYS_REASSIGN reassign_fields, NULL
#define KEYS_TRAFFIC traffic_fields, "state"
#define KEYS_NOTE note_fields, "text"

static const struct action_info infos[] = {
#define X(NAME, name, SCOPE, parameters, meaning) {#name, parameters, meaning, KEYS_##NAME},
#include "sim/actions.def"
#undef X
};

const struct action_info *action_infos(void)
{
    return infos;
}

/* Of actions that change only what is given: the key's bit, 0 where the key is no such one. */
static unsigned given_bit(enum sim_action_kind kind, const char *key)
{
    static const struct {
        const char *key;
        enum sim_action_kind kind;
        unsigned bit;
    } bits[] = {
        {"latency", SIM_ACTION_LINK, SIM_LINK_LATENCY},
        {"loss", SIM_ACTION_LINK, SIM_LINK_LOSS},
        {"duplicate", SIM_ACTION_LINK, SIM_LINK_DUPLICATE},
        {"reorder", SIM_ACTION_LINK, SIM_LINK_REORDER},
        {"corrupt", SIM_ACTION_LINK, SIM_LINK_CORRUPT},
        {"bandwidth", SIM_ACTION_LINK, SIM_LINK_BANDWIDTH},
        {"queue", SIM_ACTION_LINK, SIM_LINK_QUEUE},
        {"write_latency", SIM_ACTION_DISK, SIM_DISK_WRITE},
        {"sync_latency", SIM_ACTION_DISK, SIM_DISK_SYNC},
        {"read_latency", SIM_ACTION_DISK, SIM_DISK_READ},
        {"capacity", SIM_ACTION_DISK, SIM_DISK_CAPACITY},
        {"offset", SIM_ACTION_CLOCK, SIM_CLOCK_OFFSET},
        {"drift", SIM_ACTION_CLOCK, SIM_CLOCK_DRIFT},
        {"jump", SIM_ACTION_CLOCK, SIM_CLOCK_JUMP},
        {"wall", SIM_ACTION_CLOCK, SIM_CLOCK_WALL},
    };
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        if (bits[i].kind == kind && strcmp(bits[i].key, key) == 0)
            return bits[i].bit;
    }
    return 0;
}

/* Where the action keeps such bits; NULL: it has none. */
static const unsigned *given_bits(const struct sim_action *action)
{
    return action->kind == SIM_ACTION_LINK    ? &action->link_fields
           : action->kind == SIM_ACTION_DISK  ? &action->disk_fields
           : action->kind == SIM_ACTION_CLOCK ? &action->clock_fields
                                              : NULL;
}

static void note_given(const struct tree_node *node, struct sim_action *action)
{
    unsigned bits = 0;
    for (const struct tree_node *child = node->first; child != NULL; child = child->next)
        bits |= given_bit(action->kind, child->key);
    if (action->kind == SIM_ACTION_LINK)
        action->link_fields = bits;
    else if (action->kind == SIM_ACTION_DISK)
        action->disk_fields = bits;
    else if (action->kind == SIM_ACTION_CLOCK)
        action->clock_fields = bits;
}

/* Which settings of a topic were given. */
static void note_settings(const struct tree_node *node, struct sim_action *action)
{
    size_t count;
    const struct isr_topic_setting_info *list = isr_topic_setting_list(&count);
    for (size_t i = 0; action->kind == SIM_ACTION_ALTER_TOPIC && i < count && i < 64; i++) {
        if (tree_find(node, list[i].name) != NULL)
            action->settings_given |= UINT64_C(1) << i;
    }
}

static bool changes_something(struct binder *binder, const struct tree_node *node,
                              const struct sim_action *action, const char *name)
{
    bool may = action->kind == SIM_ACTION_LINK || action->kind == SIM_ACTION_DISK ||
               action->kind == SIM_ACTION_CLOCK;
    if (!may || (action->link_fields | action->disk_fields | action->clock_fields) != 0)
        return true;
    diagnostics_add(binder->diagnostics, node->place, "'%s' changes nothing", name);
    diagnostics_hint(binder->diagnostics, "`isrsim help steps` lists what it can change");
    return false;
}

/* What an action is where its keys do not say otherwise. */
static struct sim_action default_action(enum sim_action_kind kind)
{
    return (struct sim_action){.kind = kind,
                               .acks = -1,
                               .offset = -1,
                               .count = kind == SIM_ACTION_HOLD ? 0 : 1,
                               .value_bytes = 64,
                               .settings = isr_topic_settings_default(),
                               .partition = -1};
}

bool action_bind(struct binder *binder, enum sim_action_kind kind, const struct tree_node *node,
                 struct sim_action *action)
{
    const struct action_info *info = &infos[kind];
    *action = default_action(kind);
    if (node->kind == TREE_MAP || info->short_key == NULL) {
        char what[40];
        snprintf(what, sizeof what, "'%s'", info->name);
        if (!shape_bind_map(binder, info->fields, node, action, what))
            return false;
        note_given(node, action);
        note_settings(node, action);
        return changes_something(binder, node, action, info->name);
    }
    const struct field *field = shape_field_named(info->fields, info->short_key);
    uint32_t before = binder->diagnostics->count;
    if (field->shape->bind(binder, field, node, (char *)action + field->position))
        return true;
    diagnostics_hint_rest(binder->diagnostics, before, "%s: %s", info->name, info->meaning);
    return false;
}

/* Is the key of the action to be written? Of what only changes what is given, what is given. */
static bool says(struct writer *writer, const struct field *field, const struct sim_action *action,
                 const struct sim_action *standard)
{
    size_t count, i = 0;
    const struct isr_topic_setting_info *list = isr_topic_setting_list(&count);
    unsigned bit = given_bit(action->kind, field->name);
    if (field->required)
        return true;
    if (bit != 0)
        return (*given_bits(action) & bit) != 0;
    if (action->kind != SIM_ACTION_ALTER_TOPIC)
        return shape_differs(writer, field, action, standard);
    while (i < count && strcmp(list[i].name, field->name) != 0)
        i++;
    return i < count && (action->settings_given >> i & 1) != 0;
}

void action_write(struct writer *writer, const struct sim_action *action)
{
    const struct action_info *info = &infos[action->kind];
    const struct sim_action standard = default_action(action->kind);
    const struct field *only = NULL;
    uint32_t said = 0;
    for (const struct field *field = info->fields; field->name != NULL; field++) {
        if (!says(writer, field, action, &standard))
            continue;
        said++;
        only = field;
    }
    writer_key(writer, info->name);
    if (said == 1 && info->short_key != NULL && strcmp(only->name, info->short_key) == 0) {
        only->shape->write(writer, only, (const char *)action + only->position);
        return;
    }
    writer_open(writer, '{');
    for (const struct field *field = info->fields; field->name != NULL; field++) {
        if (says(writer, field, action, &standard))
            shape_write_field(writer, field, action);
    }
    writer_close(writer, '}');
}

void action_schema(const struct action_info *info, struct json *json)
{
    json_open_object(json, info->name);
    json_string(json, "description", info->meaning);
    if (info->short_key == NULL) {
        shape_schema_map(info->fields, json);
    } else {
        const struct field *field = shape_field_named(info->fields, info->short_key);
        json_open_list(json, "anyOf");
        json_open_object(json, NULL);
        field->shape->schema(field, json);
        json_close_object(json);
        json_open_object(json, NULL);
        shape_schema_map(info->fields, json);
        json_close_object(json);
        json_close_list(json);
    }
    json_close_object(json);
}
