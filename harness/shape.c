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

const struct shape shape_map = {bind_map, schema_map};

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

const struct shape shape_duration = {bind_duration, schema_duration};

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

const struct shape shape_bytes = {bind_bytes, schema_bytes};

static bool bind_bandwidth(struct binder *binder, const struct field *field, const struct tree_node *node,
                           void *target)
{
    return bind_number(binder, field, node, target, "a bandwidth", value_bandwidth, value_print_bytes);
}

static void schema_bandwidth(const struct field *field, struct json *json)
{
    schema_integer_or_text(field, json, value_bandwidth_pattern);
}

const struct shape shape_bandwidth = {bind_bandwidth, schema_bandwidth};

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

const struct shape shape_whole = {bind_whole, schema_whole};

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

const struct shape shape_seed = {bind_seed, schema_seed};

static const char *print_parts(int64_t value, char buffer[32])
{
    snprintf(buffer, 32, "%" PRId64 "ppm", value);
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

const struct shape shape_probability = {bind_probability, schema_parts};
const struct shape shape_drift = {bind_drift, schema_parts};

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

const struct shape shape_rate = {bind_rate, schema_rate};

/* ---- words ---- */

static bool bind_flag(struct binder *binder, const struct field *field, const struct tree_node *node,
                      void *target)
{
    bool value;
    struct value_error error;
    if (!shape_scalar(binder, node, "true or false"))
        return false;
    if (!value_flag(node->text, &value, &error))
        return shape_report(binder, node, &error);
    shape_store(target, field->size, value);
    return true;
}

static void schema_flag(const struct field *field, struct json *json)
{
    static const char *const words[] = {"on", "off", "yes", "no"};
    (void)field;
    json_open_list(json, "enum");
    json_flag(json, NULL, true);
    json_flag(json, NULL, false);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        json_string(json, NULL, words[i]);
    json_close_list(json);
}

const struct shape shape_flag = {bind_flag, schema_flag};

static bool bind_choice(struct binder *binder, const struct field *field, const struct tree_node *node,
                        void *target)
{
    char noun[200] = "";
    size_t used = 0;
    const struct choice *choices = field->extra;
    for (const struct choice *choice = choices; choice->word != NULL; choice++) {
        used += (size_t)snprintf(noun + used, sizeof noun - used, "%s%s",
                                 used == 0                ? ""
                                 : choice[1].word == NULL ? " or "
                                                          : ", ",
                                 choice->word);
        ISR_ASSERT(used < sizeof noun);
    }
    if (!shape_scalar(binder, node, noun))
        return false;
    struct suggestion suggestion = suggestion_for(node->text);
    for (const struct choice *choice = choices; choice->word != NULL; choice++) {
        suggestion_offer(&suggestion, choice->word);
        if (strcmp(choice->word, node->text) == 0) {
            shape_store(target, field->size, choice->value);
            return true;
        }
    }
    shape_expected(binder, node, noun);
    shape_suggest(binder, &suggestion, NULL);
    return false;
}

static void schema_choice(const struct field *field, struct json *json)
{
    json_open_list(json, "enum");
    for (const struct choice *choice = field->extra; choice->word != NULL; choice++) {
        json_string(json, NULL, choice->word);
        if (strcmp(choice->word, "0") == 0 || strcmp(choice->word, "1") == 0)
            json_integer(json, NULL, choice->word[0] - '0');
        if (strcmp(choice->word, "true") == 0)
            json_flag(json, NULL, true);
    }
    json_close_list(json);
}

const struct shape shape_choice = {bind_choice, schema_choice};

/* A choice whose words stand in one text, "delete|compact", and mean 0, 1, ... */
enum { WORDS_MAX = 12, WORDS_BYTES = 160 };
struct words {
    char text[WORDS_BYTES];
    struct choice choices[WORDS_MAX + 1];
};

static struct field words_field(const struct field *field, struct words *words)
{
    const char *joined = field->extra;
    *words = (struct words){0};
    ISR_ASSERT(strlen(joined) < WORDS_BYTES);
    memcpy(words->text, joined, strlen(joined));
    int64_t count = 0;
    for (char *at = words->text; at != NULL;) {
        ISR_ASSERT(count < WORDS_MAX);
        words->choices[count] = (struct choice){at, count};
        count++;
        at = strchr(at, '|');
        if (at != NULL)
            *at++ = '\0';
    }
    struct field choice = *field;
    choice.extra = words->choices;
    return choice;
}

static bool bind_word(struct binder *binder, const struct field *field, const struct tree_node *node,
                      void *target)
{
    struct words words;
    struct field choice = words_field(field, &words);
    return bind_choice(binder, &choice, node, target);
}

static void schema_word(const struct field *field, struct json *json)
{
    struct words words;
    struct field choice = words_field(field, &words);
    schema_choice(&choice, json);
}

const struct shape shape_word = {bind_word, schema_word};

static bool label_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

bool shape_copy_label(struct binder *binder, const struct tree_node *node, const char *text,
                      struct place place, char label[SIM_LABEL_BYTES], const char *noun)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++) {
        if (label_character(text[i]))
            continue;
        diagnostics_add(binder->diagnostics, node != NULL ? tree_place_inside(node, i) : place,
                        "%s may have letters, digits, '.', '_' and '-' only", noun);
        return false;
    }
    if (length == 0 || length >= SIM_LABEL_BYTES) {
        diagnostics_add(binder->diagnostics, place, "%s must have 1 to %d characters", noun,
                        SIM_LABEL_BYTES - 1);
        return false;
    }
    memset(label, 0, SIM_LABEL_BYTES);
    memcpy(label, text, length);
    return true;
}

static bool bind_label(struct binder *binder, const struct field *field, const struct tree_node *node,
                       void *target)
{
    return shape_scalar(binder, node, "a name") &&
           shape_copy_label(binder, node, node->text, node->place, target, field->name);
}

static void schema_label(const struct field *field, struct json *json)
{
    (void)field;
    json_string(json, "type", "string");
    json_string(json, "pattern", "^[A-Za-z0-9._-]{1,47}$");
}

const struct shape shape_label = {bind_label, schema_label};

/* Prose is printed to terminals: no control characters. */
static bool prose_is_clean(struct binder *binder, const struct tree_node *node)
{
    for (size_t i = 0; i < node->length; i++) {
        if (text_is_control(node->text + i, node->length - i) && node->text[i] != '\n') {
            diagnostics_add(binder->diagnostics, tree_place_inside(node, i), "a control character in a text");
            return false;
        }
    }
    return true;
}

static bool bind_prose(struct binder *binder, const struct field *field, const struct tree_node *node,
                       void *target)
{
    (void)field;
    if (!shape_scalar(binder, node, "a text") || !prose_is_clean(binder, node))
        return false;
    const char *copy = pool_text(binder->pool, node->text, node->length);
    memcpy(target, &copy, sizeof copy);
    return true;
}

static void schema_prose(const struct field *field, struct json *json)
{
    (void)field;
    json_string(json, "type", "string");
}

const struct shape shape_prose = {bind_prose, schema_prose};

static bool bind_sentence(struct binder *binder, const struct field *field, const struct tree_node *node,
                          void *target)
{
    if (!shape_scalar(binder, node, "a sentence") || !prose_is_clean(binder, node))
        return false;
    if (node->length >= field->size) {
        diagnostics_add(binder->diagnostics, node->place, "this is longer than %zu bytes", field->size - 1);
        return false;
    }
    memset(target, 0, field->size);
    memcpy(target, node->text, node->length);
    return true;
}

static void schema_sentence(const struct field *field, struct json *json)
{
    json_string(json, "type", "string");
    json_integer(json, "maxLength", (int64_t)field->size - 1);
}

const struct shape shape_sentence = {bind_sentence, schema_sentence};

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

const struct shape shape_distribution = {bind_distribution, schema_distribution};
