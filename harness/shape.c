#include "harness/shape.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/assert.h"
#include "harness/text.h"

/* ---- messages ---- */

bool shape_expected(struct binder *binder, const struct tree_node *node, const char *noun)
{
    char buffer[64];
    diagnostics_add(binder->diagnostics, node->place, "expected %s, not %s", noun,
                    tree_describe(node, buffer));
    return false;
}

bool shape_report(struct binder *binder, const struct tree_node *node, const struct value_error *error)
{
    diagnostics_add(binder->diagnostics, tree_place_inside(node, error->at), "%s", error->message);
    if (error->hint[0] != '\0')
        diagnostics_hint(binder->diagnostics, "%s", error->hint);
    return false;
}

bool shape_scalar(struct binder *binder, const struct tree_node *node, const char *noun)
{
    if (node->kind == TREE_SCALAR && (node->length > 0 || node->quoted))
        return true;
    return shape_expected(binder, node, noun);
}

bool shape_few(struct binder *binder, const struct tree_node *node, uint32_t most, const char *noun)
{
    if (node->count <= most)
        return true;
    diagnostics_add(binder->diagnostics, node->place, "there may be %u %s", most, noun);
    return false;
}

void shape_suggest(struct binder *binder, const struct suggestion *suggestion, const char *otherwise)
{
    if (suggestion->best != NULL)
        diagnostics_hint(binder->diagnostics, "did you mean '%s'?", suggestion->best);
    else if (otherwise != NULL)
        diagnostics_hint(binder->diagnostics, "%s", otherwise);
}

/* ---- mappings ---- */

const struct field *shape_field_named(const struct field *fields, const char *name)
{
    for (; fields->name != NULL; fields++) {
        if (strcmp(fields->name, name) == 0)
            return fields;
    }
    return NULL;
}

static bool report_unknown_key(struct binder *binder, const struct field *fields,
                               const struct tree_node *child, const char *what)
{
    struct suggestion suggestion = suggestion_for(child->key);
    for (const struct field *field = fields; field->name != NULL; field++)
        suggestion_offer(&suggestion, field->name);
    diagnostics_add(binder->diagnostics, child->key_place, "unknown key '%.40s' in %s", child->key, what);
    enum { KNOWN_BYTES = 280, NAME_BYTES = 48 };
    char known[KNOWN_BYTES];
    size_t used = (size_t)snprintf(known, sizeof known, "the keys here are");
    const struct field *field = fields;
    for (; field->name != NULL && used < KNOWN_BYTES - NAME_BYTES; field++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s %s", field == fields ? "" : ",",
                                 field->name);
    if (field->name != NULL)
        snprintf(known + used, sizeof known - used, ", ...");
    shape_suggest(binder, &suggestion, known);
    return false;
}

bool shape_bind_map(struct binder *binder, const struct field *fields, const struct tree_node *node,
                    void *target, const char *what)
{
    if (node->kind != TREE_MAP) {
        char noun[96];
        snprintf(noun, sizeof noun, "a mapping for %s", what);
        shape_expected(binder, node, noun);
        diagnostics_hint(
            binder->diagnostics, "a mapping is written {%s: ...}, or a line '%s: ...' for each key",
            fields->name != NULL ? fields->name : "key", fields->name != NULL ? fields->name : "key");
        return false;
    }
    bool good = true;
    for (const struct tree_node *child = node->first; child != NULL; child = child->next) {
        if (shape_field_named(fields, child->key) == NULL)
            good = report_unknown_key(binder, fields, child, what);
    }
    for (const struct field *field = fields; field->name != NULL; field++) {
        const struct tree_node *child = tree_find(node, field->name);
        if (child == NULL && field->required) {
            diagnostics_add(binder->diagnostics, node->place, "%s needs '%s'", what, field->name);
            diagnostics_hint(binder->diagnostics, "%s: %s", field->name, field->meaning);
            good = false;
        }
        uint32_t before = binder->diagnostics->count;
        if (child != NULL && !field->shape->bind(binder, field, child, (char *)target + field->position)) {
            if (field->meaning != NULL)
                diagnostics_hint_rest(binder->diagnostics, before, "%s: %s", field->name, field->meaning);
            good = false;
        }
    }
    return good;
}

void shape_write_field(struct writer *writer, const struct field *field, const void *source)
{
    writer_key(writer, field->name);
    field->shape->write(writer, field, (const char *)source + field->position);
}

bool shape_differs(struct writer *writer, const struct field *field, const void *source, const void *standard)
{
    const struct writer before = *writer;
    writer->spread = 0;
    shape_write_field(writer, field, source);
    const struct writer between = *writer;
    writer->after_key = before.after_key;
    memcpy(writer->filled, before.filled, sizeof before.filled);
    shape_write_field(writer, field, standard);
    size_t one = between.length - before.length, other = writer->length - between.length;
    bool differs =
        one != other || memcmp(writer->text + before.length, writer->text + between.length, one) != 0;
    writer_rewind(writer, &before);
    return differs;
}

void shape_write_member(struct writer *writer, const struct field *field, const void *source,
                        const void *standard)
{
    if (field->shape->write == NULL)
        return;
    if (!field->required && standard != NULL && !shape_differs(writer, field, source, standard))
        return;
    if (field->shape != &shape_map || standard == NULL) {
        shape_write_field(writer, field, source);
        return;
    }
    writer_key(writer, field->name);
    shape_write_map(writer, field->extra, (const char *)source + field->position,
                    (const char *)standard + field->position);
}

void shape_write_map(struct writer *writer, const struct field *fields, const void *source,
                     const void *standard)
{
    writer_open(writer, '{');
    for (const struct field *field = fields; field->name != NULL; field++)
        shape_write_member(writer, field, source, standard);
    writer_close(writer, '}');
}

void shape_spread(struct writer *writer)
{
    if (writer->depth == 1 && writer->spread > 0)
        writer->spread = 2;
}

void shape_schema_field(const struct field *field, struct json *json)
{
    json_open_object(json, field->name);
    json_string(json, "description", field->meaning);
    field->shape->schema(field, json);
    json_close_object(json);
}

void shape_schema_map(const struct field *fields, struct json *json)
{
    json_string(json, "type", "object");
    json_flag(json, "additionalProperties", false);
    json_open_object(json, "properties");
    for (const struct field *field = fields; field->name != NULL; field++)
        shape_schema_field(field, json);
    json_close_object(json);
    json_open_list(json, "required");
    for (const struct field *field = fields; field->name != NULL; field++) {
        if (field->required)
            json_string(json, NULL, field->name);
    }
    json_close_list(json);
}

static bool bind_map(struct binder *binder, const struct field *field, const struct tree_node *node,
                     void *target)
{
    return shape_bind_map(binder, field->extra, node, target, field->name);
}

static void schema_map(const struct field *field, struct json *json)
{
    shape_schema_map(field->extra, json);
}

static void write_map(struct writer *writer, const struct field *field, const void *source)
{
    shape_write_map(writer, field->extra, source, NULL);
}

const struct shape shape_map = {bind_map, schema_map, write_map};

/* ---- numbers ---- */

void shape_store(void *target, size_t size, int64_t value)
{
    int8_t byte = (int8_t)value;
    int16_t half = (int16_t)value;
    int32_t word = (int32_t)value;
    switch (size) {
    case 1:
        memcpy(target, &byte, size);
        return;
    case 2:
        memcpy(target, &half, size);
        return;
    case 4:
        memcpy(target, &word, size);
        return;
    default:
        ISR_ASSERT(size == 8);
        memcpy(target, &value, size);
    }
}

int64_t shape_load(const struct field *field, const void *source)
{
    union {
        int8_t byte;
        int16_t half;
        int32_t word;
        int64_t whole;
    } value = {.whole = 0};
    ISR_ASSERT(field->size <= sizeof value);
    memcpy(&value, source, field->size);
    if (field->least >= 0 || field->size == sizeof value)
        return value.whole; /* of a small member the other bytes are 0 */
    return field->size == 1 ? value.byte : field->size == 2 ? value.half : value.word;
}

static bool field_is_bounded(const struct field *field)
{
    return field->least != 0 || field->most != 0;
}

typedef bool read_value(const char *text, int64_t *value, struct value_error *error);
typedef const char *print_value(int64_t value, char buffer[32]);

static const char *print_whole(int64_t value, char buffer[32])
{
    snprintf(buffer, 32, "%" PRId64, value);
    return buffer;
}

static bool store_bounded(struct binder *binder, const struct field *field, const struct tree_node *node,
                          void *target, int64_t value, print_value *print)
{
    if (field_is_bounded(field) && (value < field->least || value > field->most)) {
        char least[32], most[32];
        diagnostics_add(binder->diagnostics, node->place, "%s is %s, but must be %s to %s", field->name,
                        node->text, print(field->least, least), print(field->most, most));
        return false;
    }
    shape_store(target, field->size, value);
    return true;
}

/* Reads a number in its own notation, within the field's bounds. */
static bool bind_number(struct binder *binder, const struct field *field, const struct tree_node *node,
                        void *target, const char *noun, read_value *read, print_value *print)
{
    int64_t value;
    struct value_error error;
    if (!shape_scalar(binder, node, noun))
        return false;
    if (!read(node->text, &value, &error))
        return shape_report(binder, node, &error);
    return store_bounded(binder, field, node, target, value, print);
}

static bool read_any_duration(const char *text, int64_t *value, struct value_error *error)
{
    return value_duration(text, true, value, error);
}

static bool read_duration(const char *text, int64_t *value, struct value_error *error)
{
    return value_duration(text, false, value, error);
}

static bool bind_duration(struct binder *binder, const struct field *field, const struct tree_node *node,
                          void *target)
{
    return bind_number(binder, field, node, target, "a duration",
                       field->least < 0 ? read_any_duration : read_duration, value_print_duration);
}

static void schema_text_or_zero(struct json *json, const char *pattern)
{
    json_open_list(json, "anyOf");
    json_open_object(json, NULL);
    json_string(json, "type", "string");
    json_string(json, "pattern", pattern);
    json_close_object(json);
    json_open_object(json, NULL);
    json_integer(json, "const", 0);
    json_close_object(json);
    json_close_list(json);
}

static void schema_duration(const struct field *field, struct json *json)
{
    (void)field;
    schema_text_or_zero(json, value_duration_pattern);
}

/* Writes a number in its own notation. */
static void write_number(struct writer *writer, const struct field *field, const void *source,
                         print_value *print)
{
    char text[32];
    writer_word(writer, print(shape_load(field, source), text));
}

static void write_duration(struct writer *writer, const struct field *field, const void *source)
{
    write_number(writer, field, source, value_print_duration);
}

const struct shape shape_duration = {bind_duration, schema_duration, write_duration};

static bool bind_bytes(struct binder *binder, const struct field *field, const struct tree_node *node,
                       void *target)
{
    return bind_number(binder, field, node, target, "a size", value_bytes, value_print_bytes);
}

static void schema_integer_or_text(const struct field *field, struct json *json, const char *pattern)
{
    json_open_list(json, "anyOf");
    json_open_object(json, NULL);
    json_string(json, "type", "integer");
    if (field_is_bounded(field)) {
        json_integer(json, "minimum", field->least);
        json_integer(json, "maximum", field->most);
    }
    json_close_object(json);
    json_open_object(json, NULL);
    json_string(json, "type", "string");
    json_string(json, "pattern", pattern);
    json_close_object(json);
    json_close_list(json);
}

static void schema_bytes(const struct field *field, struct json *json)
{
    schema_integer_or_text(field, json, value_bytes_pattern);
}

static void write_bytes(struct writer *writer, const struct field *field, const void *source)
{
    write_number(writer, field, source, value_print_bytes);
}

const struct shape shape_bytes = {bind_bytes, schema_bytes, write_bytes};

static bool bind_bandwidth(struct binder *binder, const struct field *field, const struct tree_node *node,
                           void *target)
{
    return bind_number(binder, field, node, target, "a bandwidth", value_bandwidth, value_print_bytes);
}

static void schema_bandwidth(const struct field *field, struct json *json)
{
    schema_integer_or_text(field, json, value_bandwidth_pattern);
}

static void write_bandwidth(struct writer *writer, const struct field *field, const void *source)
{
    write_number(writer, field, source, value_print_bandwidth);
}

const struct shape shape_bandwidth = {bind_bandwidth, schema_bandwidth, write_bandwidth};

static bool bind_whole(struct binder *binder, const struct field *field, const struct tree_node *node,
                       void *target)
{
    return bind_number(binder, field, node, target, "a whole number", value_whole, print_whole);
}

static void schema_whole(const struct field *field, struct json *json)
{
    json_string(json, "type", "integer");
    if (field_is_bounded(field)) {
        json_integer(json, "minimum", field->least);
        json_integer(json, "maximum", field->most);
    }
}

static void write_whole(struct writer *writer, const struct field *field, const void *source)
{
    write_number(writer, field, source, print_whole);
}

const struct shape shape_whole = {bind_whole, schema_whole, write_whole};

static bool bind_seed(struct binder *binder, const struct field *field, const struct tree_node *node,
                      void *target)
{
    uint64_t value;
    struct value_error error;
    (void)field;
    if (!shape_scalar(binder, node, "a seed"))
        return false;
    if (!value_seed(node->text, &value, &error))
        return shape_report(binder, node, &error);
    memcpy(target, &value, sizeof value);
    return true;
}

static void schema_seed(const struct field *field, struct json *json)
{
    (void)field;
    json_open_list(json, "type");
    json_string(json, NULL, "integer");
    json_string(json, NULL, "string");
    json_close_list(json);
}

static void write_seed(struct writer *writer, const struct field *field, const void *source)
{
    char text[32];
    uint64_t value;
    (void)field;
    memcpy(&value, source, sizeof value);
    snprintf(text, sizeof text, "%" PRIu64, value);
    writer_word(writer, text);
}

const struct shape shape_seed = {bind_seed, schema_seed, write_seed};

static const char *print_parts(int64_t value, char buffer[32])
{
    snprintf(buffer, 32, "%" PRId64 "ppm", value);
    return buffer;
}

static const char *print_probability(int64_t value, char buffer[32])
{
    enum { PERCENT = 10000 };
    int64_t rest = value % PERCENT;
    if (value == 0)
        return print_whole(value, buffer);
    if (rest % 100 != 0)
        return print_parts(value, buffer);
    if (rest == 0)
        snprintf(buffer, 32, "%" PRId64 "%%", value / PERCENT);
    else
        snprintf(buffer, 32, rest % 1000 == 0 ? "%" PRId64 ".%" PRId64 "%%" : "%" PRId64 ".%02" PRId64 "%%",
                 value / PERCENT, rest % 1000 == 0 ? rest / 1000 : rest / 100);
    return buffer;
}

static bool read_probability(const char *text, int64_t *value, struct value_error *error)
{
    return value_parts(text, false, value, error);
}

static bool read_drift(const char *text, int64_t *value, struct value_error *error)
{
    return value_parts(text, true, value, error);
}

static bool bind_probability(struct binder *binder, const struct field *field, const struct tree_node *node,
                             void *target)
{
    return bind_number(binder, field, node, target, "a probability", read_probability, print_parts);
}

static bool bind_drift(struct binder *binder, const struct field *field, const struct tree_node *node,
                       void *target)
{
    return bind_number(binder, field, node, target, "a drift", read_drift, print_parts);
}

static void schema_parts(const struct field *field, struct json *json)
{
    (void)field;
    schema_text_or_zero(json, value_parts_pattern);
}

static void write_probability(struct writer *writer, const struct field *field, const void *source)
{
    write_number(writer, field, source, print_probability);
}

static void write_drift(struct writer *writer, const struct field *field, const void *source)
{
    write_number(writer, field, source, print_parts);
}

const struct shape shape_probability = {bind_probability, schema_parts, write_probability};
const struct shape shape_drift = {bind_drift, schema_parts, write_drift};

static bool bind_rate(struct binder *binder, const struct field *field, const struct tree_node *node,
                      void *target)
{
    return bind_number(binder, field, node, target, "a rate", value_rate_interval, print_whole);
}

static void schema_rate(const struct field *field, struct json *json)
{
    (void)field;
    json_string(json, "type", "string");
    json_string(json, "pattern", value_rate_pattern);
}

static void write_rate(struct writer *writer, const struct field *field, const void *source)
{
    char text[32];
    int64_t interval = shape_load(field, source);
    if (!value_print_rate(interval, text))
        value_print_duration(interval, text); /* none is as exact; whoever writes rates looks before */
    writer_word(writer, text);
}

const struct shape shape_rate = {bind_rate, schema_rate, write_rate};

/* ---- distributions ---- */

#define LATENCY_MOST (600 * ISR_SECOND)
static const struct field distribution_fields[] = {
    {"low", &shape_duration, FIELD(struct sim_distribution, low_ns), .least = 0, .most = LATENCY_MOST,
     .required = true, .meaning = "nothing is faster"},
    {"median", &shape_duration, FIELD(struct sim_distribution, median_ns), .least = 0, .most = LATENCY_MOST,
     .required = true, .meaning = "half is faster"},
    {"p99", &shape_duration, FIELD(struct sim_distribution, p99_ns), .least = 0, .most = LATENCY_MOST,
     .required = true, .meaning = "99% is faster"},
    {"high", &shape_duration, FIELD(struct sim_distribution, high_ns), .least = 0, .most = LATENCY_MOST,
     .required = true, .meaning = "nothing is slower"},
    {.name = NULL},
};

static bool check_order(struct binder *binder, const struct tree_node *node,
                        const struct sim_distribution *latency)
{
    bool ordered = latency->low_ns <= latency->median_ns && latency->median_ns <= latency->p99_ns &&
                   latency->p99_ns <= latency->high_ns;
    if (!ordered)
        diagnostics_add(binder->diagnostics, node->place,
                        "a latency must grow: low <= median <= p99 <= high");
    return ordered;
}

/* "1ms" or "1ms..5ms", evenly spread. */
static bool bind_range(struct binder *binder, const struct tree_node *node, struct sim_distribution *latency)
{
    struct value_error error;
    const char *dots = strstr(node->text, "..");
    char low_text[48];
    if (dots == NULL) {
        int64_t value;
        if (!value_duration(node->text, false, &value, &error))
            return shape_report(binder, node, &error);
        *latency = (struct sim_distribution){value, value, value, value};
    } else {
        snprintf(low_text, sizeof low_text, "%.*s", (int)(dots - node->text), node->text);
        if (!value_duration(low_text, false, &latency->low_ns, &error))
            return shape_report(binder, node, &error);
        if (!value_duration(dots + 2, false, &latency->high_ns, &error)) {
            error.at += (size_t)(dots + 2 - node->text);
            return shape_report(binder, node, &error);
        }
        int64_t width = latency->high_ns - latency->low_ns;
        latency->median_ns = latency->low_ns + width / 2;
        latency->p99_ns = latency->high_ns - width / 100;
    }
    if (latency->high_ns > LATENCY_MOST) {
        diagnostics_add(binder->diagnostics, node->place, "a latency must be at most 10m");
        return false;
    }
    return check_order(binder, node, latency);
}

static bool bind_distribution(struct binder *binder, const struct field *field, const struct tree_node *node,
                              void *target)
{
    struct sim_distribution latency = {0};
    bool good;
    if (node->kind == TREE_MAP) {
        good = shape_bind_map(binder, distribution_fields, node, &latency, field->name) &&
               check_order(binder, node, &latency);
    } else {
        good = shape_scalar(binder, node, "a latency such as 1ms or 1ms..5ms") &&
               bind_range(binder, node, &latency);
    }
    if (good)
        memcpy(target, &latency, sizeof latency);
    return good;
}

static void schema_distribution(const struct field *field, struct json *json)
{
    (void)field;
    json_open_list(json, "anyOf");
    json_open_object(json, NULL);
    json_string(json, "type", "string");
    json_string(json, "pattern",
                "^[0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h)?(\\.\\.[0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h))?$");
    json_close_object(json);
    json_open_object(json, NULL);
    json_integer(json, "const", 0);
    json_close_object(json);
    json_open_object(json, NULL);
    shape_schema_map(distribution_fields, json);
    json_close_object(json);
    json_close_list(json);
}

static void write_distribution(struct writer *writer, const struct field *field, const void *source)
{
    char low[32], high[32], range[72];
    struct sim_distribution latency;
    (void)field;
    memcpy(&latency, source, sizeof latency);
    int64_t width = latency.high_ns - latency.low_ns;
    value_print_duration(latency.low_ns, low);
    value_print_duration(latency.high_ns, high);
    if (latency.median_ns != latency.low_ns + width / 2 || latency.p99_ns != latency.high_ns - width / 100) {
        shape_write_map(writer, distribution_fields, &latency, NULL);
        return;
    }
    snprintf(range, sizeof range, width == 0 ? "%s" : "%s..%s", low, high);
    writer_word(writer, range);
}

const struct shape shape_distribution = {bind_distribution, schema_distribution, write_distribution};
