/* The sections `topics` and `clients` of a scenario file. */
#include <string.h>

#include "core/base/event.h"
#include "core/policy/settings.h"
#include "harness/reference.h"
#include "harness/scenario_fields.h"

enum { TOPICS_MAX = 64, PARTITIONS_MAX = 10000 };
_Static_assert((int)SIM_LABEL_BYTES == (int)ISR_NAME_BYTES_MAX, "a topic's name is a label");

/* Names mapped to mappings, each of one of some tables. */
void scenario_schema_named(const struct field *const *alternatives, struct json *json)
{
    json_string(json, "type", "object");
    json_open_object(json, "additionalProperties");
    if (alternatives[1] == NULL) {
        shape_schema_map(alternatives[0], json);
    } else {
        json_open_list(json, "anyOf");
        for (; *alternatives != NULL; alternatives++) {
            json_open_object(json, NULL);
            shape_schema_map(*alternatives, json);
            json_close_object(json);
        }
        json_close_list(json);
    }
    json_close_object(json);
}

static bool expect_named(struct binder *binder, const struct tree_node *node, const char *noun, uint32_t most)
{
    if (node->kind != TREE_MAP)
        return shape_expected(binder, node, noun);
    if (node->count > most) {
        diagnostics_add(binder->diagnostics, node->place, "there may be %u of these", most);
        return false;
    }
    return true;
}

/* ---- topics ---- */

static bool bind_assignment(struct binder *binder, const struct field *field, const struct tree_node *node,
                            void *target)
{
    struct sim_topic_spec *topic = target;
    (void)field;
    if (node->kind != TREE_LIST || node->count == 0)
        return shape_expected(binder, node, "a list of the replicas of each partition such as [[1, 2, 3]]");
    topic->assignments = pool_array(binder->pool, node->count, sizeof *topic->assignments);
    struct isr_replicas *row = topic->assignments;
    for (const struct tree_node *child = node->first; child != NULL; child = child->next) {
        if (!reference_replicas(binder, child, row++))
            return false;
    }
    return true;
}

static void schema_assignment(const struct field *field, struct json *json)
{
    (void)field;
    json_string(json, "type", "array");
    json_integer(json, "minItems", 1);
    json_open_object(json, "items");
    json_string(json, "type", "array");
    json_integer(json, "minItems", 1);
    json_integer(json, "maxItems", ISR_REPLICAS_MAX);
    json_open_object(json, "items");
    json_open_list(json, "type");
    json_string(json, NULL, "integer");
    json_string(json, NULL, "string");
    json_close_list(json);
    json_close_object(json);
    json_close_object(json);
}

static void write_assignment(struct writer *writer, const struct field *field, const void *source)
{
    const struct sim_topic_spec *topic = source;
    (void)field;
    writer_open(writer, '[');
    for (int32_t i = 0; topic->assignments != NULL && i < topic->partitions; i++) {
        writer_item(writer);
        reference_write_replicas(writer, &topic->assignments[i]);
    }
    writer_close(writer, ']');
}

static const struct shape shape_assignment = {bind_assignment, schema_assignment, write_assignment};

static const struct field topic_fields[] = {
    {"partitions", &shape_whole, FIELD(struct sim_topic_spec, partitions), .least = 1, .most = PARTITIONS_MAX,
     .meaning = "how many (default: as `assignment` says, or 1)"},
    {"replication", &shape_whole, FIELD(struct sim_topic_spec, replication_factor), .least = 1,
     .most = ISR_REPLICAS_MAX,
     .meaning =
         "replicas of each partition (default: as `assignment` says, or 3, or as many as there are brokers)"},
#define X(kind, name, standard, least_, most_, words, meaning_) \
    {#name,                                                     \
     &SHAPE_OF_##kind,                                          \
     FIELD(struct sim_topic_spec, settings.name),               \
     .extra = (words),                                          \
     .least = least_,                                           \
     .most = most_,                                             \
     .meaning = meaning_},
#include "core/topic.def"
#undef X
    {"assignment", &shape_assignment,
     .meaning = "replicas of each partition, the preferred leader first: [[1, 2, 3]]"},
    END_OF_FIELDS,
};

static bool check_assignment(struct binder *binder, const struct tree_node *assignment,
                             const struct sim_topic_spec *topic)
{
    if (assignment->count != (uint32_t)topic->partitions) {
        diagnostics_add(binder->diagnostics, assignment->place,
                        "the assignment is of %u partition%s, but the topic has %d", assignment->count,
                        assignment->count == 1 ? "" : "s", topic->partitions);
        return false;
    }
    for (const struct tree_node *row = assignment->first; row != NULL; row = row->next) {
        if (row->count == (uint32_t)topic->replication_factor)
            continue;
        diagnostics_add(binder->diagnostics, row->place,
                        "%u replica%s here, but the replication factor is %d", row->count,
                        row->count == 1 ? "" : "s", topic->replication_factor);
        return false;
    }
    return true;
}

static bool check_topic(struct binder *binder, const struct tree_node *node,
                        const struct sim_topic_spec *topic)
{
    const struct tree_node *replication = tree_find(node, "replication"),
                           *min_isr = tree_find(node, "min_isr");
    const struct tree_node *assignment = tree_find(node, "assignment");
    if (topic->replication_factor > binder->spec->brokers) {
        diagnostics_add(binder->diagnostics, (replication != NULL ? replication : node)->place,
                        "replication factor %d is more than the cluster's %d broker%s",
                        topic->replication_factor, binder->spec->brokers,
                        binder->spec->brokers == 1 ? "" : "s");
        diagnostics_hint(binder->diagnostics, "each replica of a partition is on a broker of its own");
        return false;
    }
    if (topic->settings.min_isr > topic->replication_factor) {
        diagnostics_add(binder->diagnostics, (min_isr != NULL ? min_isr : node)->place,
                        "min ISR %d is more than the replication factor %d", (int)topic->settings.min_isr,
                        topic->replication_factor);
        diagnostics_hint(binder->diagnostics, "nothing could ever be acknowledged with acks=all");
        return false;
    }
    const char *hint,
        *nonsense = isr_topic_settings_nonsense(&topic->settings, (uint32_t)topic->replication_factor, &hint);
    if (nonsense != NULL) {
        const struct tree_node *commit = tree_find(node, "commit");
        diagnostics_add(binder->diagnostics, (commit != NULL ? commit : node)->place, "%s", nonsense);
        diagnostics_hint(binder->diagnostics, "%s", hint);
        return false;
    }
    return assignment == NULL || check_assignment(binder, assignment, topic);
}

static bool bind_topic(struct binder *binder, const struct tree_node *node, struct sim_topic_spec *topic)
{
    char what[SIM_LABEL_BYTES + 16], label[SIM_LABEL_BYTES];
    if (!shape_copy_label(binder, NULL, node->key, node->key_place, label, "a topic's name"))
        return false;
    for (const struct sim_topic_spec *other = binder->spec->topics; other < topic; other++) {
        if (strcmp(other->name.text, label) == 0)
            return false; /* told as a duplicate key */
    }
    memcpy(topic->name.text, label, sizeof topic->name.text);
    snprintf(what, sizeof what, "topic '%s'", label);
    const struct tree_node *assignment = tree_find(node, "assignment");
    bool rows = assignment != NULL && assignment->kind == TREE_LIST && assignment->first != NULL;
    int32_t brokers = binder->spec->brokers;
    topic->partitions = rows ? (int32_t)assignment->count : 1;
    topic->replication_factor = rows && assignment->first->count > 0
                                    ? (int16_t)(assignment->first->count % 64)
                                : brokers < 3 || binder->spec->peer.count > 0 ? (int16_t)brokers
                                                                              : 3;
    topic->settings = isr_topic_settings_default();
    return shape_bind_map(binder, topic_fields, node, topic, what) && check_topic(binder, node, topic);
}

static bool bind_topics(struct binder *binder, const struct field *field, const struct tree_node *node,
                        void *target)
{
    struct sim_spec *spec = target;
    (void)field;
    if (!expect_named(binder, node, "topics by name such as {orders: {replication: 3}}", TOPICS_MAX))
        return false;
    spec->topics = pool_array(binder->pool, node->count, sizeof *spec->topics);
    bool good = true;
    for (const struct tree_node *child = node->first; child != NULL; child = child->next) {
        if (!bind_topic(binder, child, &spec->topics[spec->topics_count]))
            good = false;
        spec->topics_count++; /* a faulty one too: what names it is no second error */
    }
    return good;
}

static void schema_topics(const struct field *field, struct json *json)
{
    static const struct field *const tables[] = {topic_fields, NULL};
    (void)field;
    scenario_schema_named(tables, json);
}

static void write_topics(struct writer *writer, const struct field *field, const void *source)
{
    const struct sim_spec *spec = source;
    (void)field;
    shape_spread(writer);
    writer_open(writer, '{');
    for (uint32_t i = 0; i < spec->topics_count; i++) {
        /* partitions and replication are said in any case */
        const struct sim_topic_spec standard = {.settings = isr_topic_settings_default()};
        writer_key(writer, spec->topics[i].name.text);
        shape_write_map(writer, topic_fields, &spec->topics[i], &standard);
    }
    writer_close(writer, '}');
}

const struct shape shape_topics = {bind_topics, schema_topics, write_topics};

/* ---- clients ---- */

static const struct choice acks_words[] = {{"all", -1}, {"0", 0}, {"1", 1}, {NULL, 0}};
static const struct choice from_words[] = {{"leader", 0}, {"follower", 1}, {NULL, 0}};
static const struct choice start_words[] = {{"earliest", 0}, {"latest", 1}, {NULL, 0}};
static const struct choice reset_words[] = {
    {"earliest", ISR_RESET_EARLIEST}, {"latest", ISR_RESET_LATEST}, {"none", ISR_RESET_NONE}, {NULL, 0}};
static const struct choice true_word[] = {{"true", 1}, {NULL, 0}};

#define CLIENT(member) FIELD(struct sim_client_spec, member)
static const struct field producer_fields[] = {
    {"produce", &shape_topic_name, CLIENT(topic), .required = true,
     .meaning = "makes the client a producer to this topic"},
    {"rate", &shape_rate, CLIENT(interval_ns),
     .meaning = "records per time, such as 100/s (default: only what steps say)"},
    {"every", &shape_duration, CLIENT(interval_ns), .least = 1000, .most = SHAPE_TIME_MOST,
     .meaning = "in place of the rate: from one batch to the next"},
    {"batch", &shape_whole, CLIENT(records_per_batch), .least = 1, .most = 10000,
     .meaning = "records in a batch (default: 1)"},
    {"size", &shape_bytes, CLIENT(value_bytes), .least = 8, .most = 1 << 20,
     .meaning = "bytes of a record's value (default: 64)"},
    {"acks", &shape_choice, CLIENT(acks), .extra = acks_words, .meaning = "all (default), 1 or 0"},
    {"partition", &shape_whole, CLIENT(partition), .least = 0, .most = PARTITIONS_MAX,
     .meaning = "only this one (default: all in turn)"},
    {"keys", &shape_whole, CLIENT(keys), .least = 0, .most = 1000000,
     .meaning = "so many keys hashed to partitions (default: 0, all partitions in turn); records of a topic "
                "that is compacted have them (default: 16)"},
    {"tombstones", &shape_whole, CLIENT(tombstones), .least = 0, .most = 100,
     .meaning = "percent of the records of a topic that is compacted that delete their key (default: 0)"},
    {"start", &shape_duration, CLIENT(start_ns), .least = 0, .most = SHAPE_TIME_MOST,
     .meaning = "when it begins (default: 0s)"},
    {"stop", &shape_duration, CLIENT(stop_ns), .least = 0, .most = SHAPE_TIME_MOST,
     .meaning = "when it ends (default: with the steps)"},
    END_OF_FIELDS,
};
static const struct field consumer_fields[] = {
    {"consume", &shape_topic_name, CLIENT(topic), .required = true,
     .meaning = "makes the client a consumer of this topic"},
    {"from", &shape_choice, CLIENT(from_follower), .extra = from_words,
     .meaning = "leader (default), or follower: an in-sync follower where there is one (KIP-392)"},
    {"rack", &shape_whole, CLIENT(rack), .least = 1, .most = ISR_RACK_ANY - 1,
     .meaning = "the leader sends it to an in-sync replica in this rack, if there is one (KIP-392)"},
    {"partition", &shape_whole, CLIENT(partition), .least = 0, .most = PARTITIONS_MAX,
     .meaning = "only this one (default: all)"},
    {"start", &shape_choice, CLIENT(start_latest), .extra = start_words,
     .meaning = "earliest (default), or latest: only what is written from then on"},
    {"reset", &shape_choice, CLIENT(reset), .extra = reset_words,
     .meaning =
         "where it goes on when its offset is gone: where it started (default), latest, or none: it stops"},
    END_OF_FIELDS,
};
static const struct choice pool_words[] = {{"in_sync", ISR_POOL_IN_SYNC},
                                           {"round_robin", ISR_POOL_ROUND_ROBIN},
                                           {"leader", ISR_POOL_LEADER},
                                           {NULL, 0}};
static const struct field reader_fields[] = {
    {"read", &shape_topic_name, CLIENT(topic), .required = true,
     .meaning = "makes the client a reader of this topic's newest records"},
    {"pool", &shape_choice, CLIENT(pool_mode), .extra = pool_words,
     .meaning =
         "in_sync (default): from a follower that the leader called in sync; round_robin: from any follower "
         "in turn; leader"},
    {"rate", &shape_rate, CLIENT(interval_ns), .meaning = "reads per time, such as 20/s"},
    {"every", &shape_duration, CLIENT(interval_ns), .least = 1000, .most = SHAPE_TIME_MOST,
     .meaning = "in place of the rate: from one read to the next"},
    {"partition", &shape_whole, CLIENT(partition), .least = 0, .most = PARTITIONS_MAX,
     .meaning = "only this one (default: all in turn)"},
    {"start", &shape_duration, CLIENT(start_ns), .least = 0, .most = SHAPE_TIME_MOST,
     .meaning = "when it begins (default: 0s)"},
    {"stop", &shape_duration, CLIENT(stop_ns), .least = 0, .most = SHAPE_TIME_MOST,
     .meaning = "when it ends (default: with the steps)"},
    END_OF_FIELDS,
};
static const struct field proposer_fields[] = {
    {"propose", &shape_choice, CLIENT(from_follower), .extra = true_word, .required = true,
     .meaning = "true: the client proposes numbered entries, where consensus is alone"},
    {"rate", &shape_rate, CLIENT(interval_ns),
     .meaning = "entries per time, such as 100/s (default: only what steps say)"},
    {"every", &shape_duration, CLIENT(interval_ns), .least = 1000, .most = SHAPE_TIME_MOST,
     .meaning = "in place of the rate: from one entry to the next"},
    {"size", &shape_bytes, CLIENT(value_bytes), .least = 8, .most = 1 << 20,
     .meaning = "bytes of an entry (default: 64)"},
    {"start", &shape_duration, CLIENT(start_ns), .least = 0, .most = SHAPE_TIME_MOST,
     .meaning = "when it begins (default: 0s)"},
    {"stop", &shape_duration, CLIENT(stop_ns), .least = 0, .most = SHAPE_TIME_MOST,
     .meaning = "when it ends (default: with the steps)"},
    END_OF_FIELDS,
};
static const struct field admin_fields[] = {
    {"admin", &shape_choice, CLIENT(from_follower), .extra = true_word, .required = true,
     .meaning = "true: a client that only does what steps say"},
    END_OF_FIELDS,
};

static bool check_client(struct binder *binder, const struct tree_node *node,
                         const struct sim_client_spec *client)
{
    const struct tree_node *partition = tree_find(node, "partition"), *keys = tree_find(node, "keys");
    uint32_t topic = 0;
    while (topic < binder->spec->topics_count &&
           strcmp(binder->spec->topics[topic].name.text, client->topic.text) != 0)
        topic++;
    if (partition != NULL && topic < binder->spec->topics_count &&
        client->partition >= binder->spec->topics[topic].partitions) {
        diagnostics_add(binder->diagnostics, partition->place, "topic '%s' has %d partition%s, from 0 on",
                        client->topic.text, binder->spec->topics[topic].partitions,
                        binder->spec->topics[topic].partitions == 1 ? "" : "s");
        diagnostics_hint(binder->diagnostics, "`partitions` of the topic says how many");
        return false;
    }
    if (partition != NULL && keys != NULL) {
        diagnostics_add(binder->diagnostics, keys->key_place,
                        "'keys' spreads records over partitions, 'partition' names one");
        diagnostics_hint(binder->diagnostics, "leave one of the two out");
        return false;
    }
    if (client->stop_ns <= client->start_ns) {
        diagnostics_add(binder->diagnostics, tree_find(node, "stop")->place,
                        "the client stops before it starts");
        diagnostics_hint(binder->diagnostics, "`stop` must be later than `start`; both are times of the run");
        return false;
    }
    return true;
}

static bool check_client_name(struct binder *binder, const struct tree_node *node, char name[SIM_LABEL_BYTES])
{
    if (!shape_copy_label(binder, NULL, node->key, node->key_place, name, "a client's name"))
        return false;
    if (!reference_is_reserved(name))
        return true;
    diagnostics_add(binder->diagnostics, node->key_place, "'%s' cannot be a client's name", name);
    diagnostics_hint(
        binder->diagnostics,
        "n1, n2, ... are brokers, c1, c2, ... controllers; all, none, controller and client have a meaning");
    return false;
}

static const struct {
    const char *key;
    enum sim_client_kind kind;
    const struct field *fields;
} kinds[] = {{"produce", SIM_CLIENT_PRODUCER, producer_fields},
             {"consume", SIM_CLIENT_CONSUMER, consumer_fields},
             {"read", SIM_CLIENT_READER, reader_fields},
             {"propose", SIM_CLIENT_PROPOSER, proposer_fields},
             {"admin", SIM_CLIENT_ADMIN, admin_fields}};

static const struct sim_client_spec default_client = {.kind = SIM_CLIENT_ADMIN,
                                                      .partition = -1,
                                                      .records_per_batch = 1,
                                                      .value_bytes = 64,
                                                      .acks = -1,
                                                      .stop_ns = ISR_TIME_NEVER};

/* The rate is of records, `every` of batches. */
static bool complete_interval(struct binder *binder, const struct tree_node *node,
                              struct sim_client_spec *client)
{
    const struct tree_node *rate = tree_find(node, "rate"), *every = tree_find(node, "every");
    if (rate != NULL && every != NULL) {
        diagnostics_add(binder->diagnostics, every->key_place, "'rate' and 'every' say the same thing");
        diagnostics_hint(binder->diagnostics, "leave one of the two out");
        return false;
    }
    if (rate == NULL && every == NULL && client->kind == SIM_CLIENT_READER) {
        diagnostics_add(binder->diagnostics, node->place, "client '%s' needs 'rate'", client->name);
        diagnostics_hint(binder->diagnostics, "rate: reads per time, such as 20/s; or every: 50ms");
        return false;
    }
    if (rate == NULL)
        return true;
    if (client->interval_ns > INT64_MAX / client->records_per_batch) {
        diagnostics_add(binder->diagnostics, rate->place, "the rate is too low for such batches");
        diagnostics_hint(binder->diagnostics, "the rate is of records, and a batch holds `batch` of them");
        return false;
    }
    client->interval_ns *= client->records_per_batch;
    return true;
}

static bool bind_client(struct binder *binder, const struct tree_node *node, struct sim_client_spec *client)
{
    const size_t kinds_count = sizeof kinds / sizeof kinds[0];
    char what[SIM_LABEL_BYTES + 16];
    *client = default_client;
    if (!check_client_name(binder, node, client->name))
        return false;
    snprintf(what, sizeof what, "client '%s'", client->name);
    if (node->kind != TREE_MAP)
        return shape_expected(binder, node, "a client such as {produce: orders, rate: 100/s}");
    size_t kind = 0;
    while (kind < kinds_count && tree_find(node, kinds[kind].key) == NULL)
        kind++;
    if (kind == kinds_count) {
        diagnostics_add(binder->diagnostics, node->place,
                        "%s needs one of 'produce', 'consume', 'read', 'propose' and 'admin'", what);
        diagnostics_hint(binder->diagnostics,
                         "for example {produce: orders, rate: 100/s} or {consume: orders}");
        return false;
    }
    client->kind = kinds[kind].kind;
    if (!shape_bind_map(binder, kinds[kind].fields, node, client, what))
        return false;
    client->from_follower = client->kind == SIM_CLIENT_CONSUMER && client->from_follower;
    return complete_interval(binder, node, client) && check_client(binder, node, client);
}

static bool bind_clients(struct binder *binder, const struct field *field, const struct tree_node *node,
                         void *target)
{
    struct sim_spec *spec = target;
    (void)field;
    if (!expect_named(binder, node, "clients by name such as {p1: {produce: orders, rate: 100/s}}",
                      SIM_CLIENTS_MAX))
        return false;
    spec->clients = pool_array(binder->pool, node->count, sizeof *spec->clients);
    bool good = true;
    for (const struct tree_node *child = node->first; child != NULL; child = child->next) {
        if (!bind_client(binder, child, &spec->clients[spec->clients_count]))
            good = false;
        spec->clients_count++;
    }
    return good;
}

static void schema_clients(const struct field *field, struct json *json)
{
    static const struct field *const tables[] = {producer_fields, consumer_fields, reader_fields,
                                                 proposer_fields, admin_fields,    NULL};
    (void)field;
    scenario_schema_named(tables, json);
}

/* A rate where one is exact, else the time from one to the next. */
static void write_client(struct writer *writer, const struct sim_client_spec *client)
{
    struct sim_client_spec records = *client; /* as the file's keys mean it */
    const struct field *fields = NULL;
    char rate[32];
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        fields = kinds[i].kind == client->kind ? kinds[i].fields : fields;
    if (client->kind == SIM_CLIENT_ADMIN || client->kind == SIM_CLIENT_PROPOSER)
        records.from_follower = true;
    bool producer = client->kind == SIM_CLIENT_PRODUCER;
    bool even = !producer || client->interval_ns % client->records_per_batch == 0;
    if (producer)
        records.interval_ns = client->interval_ns / client->records_per_batch;
    bool rated = even && value_print_rate(records.interval_ns, rate) != NULL;
    writer_open(writer, '{');
    for (const struct field *field = fields; field->name != NULL; field++) {
        bool is_rate = strcmp(field->name, "rate") == 0, is_every = strcmp(field->name, "every") == 0;
        if ((is_rate && !rated) || (is_every && rated))
            continue;
        const struct sim_client_spec *source = is_every ? client : &records;
        if (field->required || shape_differs(writer, field, source, &default_client))
            shape_write_field(writer, field, source);
    }
    writer_close(writer, '}');
}

static void write_clients(struct writer *writer, const struct field *field, const void *source)
{
    const struct sim_spec *spec = source;
    (void)field;
    shape_spread(writer);
    writer_open(writer, '{');
    for (uint32_t i = 0; i < spec->clients_count; i++) {
        writer_key(writer, spec->clients[i].name);
        write_client(writer, &spec->clients[i]);
    }
    writer_close(writer, '}');
}

const struct shape shape_clients = {bind_clients, schema_clients, write_clients};
