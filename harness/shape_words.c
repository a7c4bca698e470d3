/* Shapes of words and texts. */
#include <string.h>

#include "core/base/assert.h"
#include "harness/shape.h"
#include "harness/text.h"

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

static void write_flag(struct writer *writer, const struct field *field, const void *source)
{
    writer_word(writer, shape_load(field, source) != 0 ? "true" : "false");
}

const struct shape shape_flag = {bind_flag, schema_flag, write_flag};

static bool bind_choice(struct binder *binder, const struct field *field, const struct tree_node *node,
                        void *target)
{
    char noun[320] = "";
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

const char *shape_choice_word(const struct field *field, const void *source)
{
    for (const struct choice *choice = field->extra; choice->word != NULL; choice++) {
        int64_t stored = 0;
        shape_store(&stored, field->size, choice->value);
        if (memcmp(&stored, source, field->size) == 0)
            return choice->word;
    }
    return NULL;
}

static void write_choice(struct writer *writer, const struct field *field, const void *source)
{
    const char *word = shape_choice_word(field, source);
    writer_word(writer, word != NULL ? word : "?");
}

const struct shape shape_choice = {bind_choice, schema_choice, write_choice};

/* ---- several words ---- */

static bool bind_bits(struct binder *binder, const struct field *field, const struct tree_node *node,
                      void *target)
{
    struct field word = *field;
    int64_t bits = 0, bit = 0;
    word.size = sizeof bits;
    if (node->kind != TREE_LIST) {
        if (!bind_choice(binder, &word, node, &bits))
            return false;
    } else {
        for (const struct tree_node *child = node->first; child != NULL; child = child->next) {
            if (!bind_choice(binder, &word, child, &bit))
                return false;
            bits |= bit;
        }
    }
    if (bits == 0 && field->least > 0)
        return shape_expected(binder, node, "at least one");
    shape_store(target, field->size, bits);
    return true;
}

static void schema_bits(const struct field *field, struct json *json)
{
    json_open_list(json, "anyOf");
    json_open_object(json, NULL);
    schema_choice(field, json);
    json_close_object(json);
    json_open_object(json, NULL);
    json_string(json, "type", "array");
    if (field->least > 0)
        json_integer(json, "minItems", 1);
    json_open_object(json, "items");
    schema_choice(field, json);
    json_close_object(json);
    json_close_object(json);
    json_close_list(json);
}

static void write_bits(struct writer *writer, const struct field *field, const void *source)
{
    const char *word = shape_choice_word(field, source);
    if (word != NULL) {
        writer_word(writer, word);
        return;
    }
    int64_t bits = 0;
    memcpy(&bits, source, field->size);
    writer_open(writer, '[');
    for (const struct choice *choice = field->extra; choice->word != NULL; choice++) {
        if (choice->value == 0 || (choice->value & (choice->value - 1)) != 0 || (bits & choice->value) == 0)
            continue;
        writer_item(writer);
        writer_word(writer, choice->word);
    }
    writer_close(writer, ']');
}

const struct shape shape_bits = {bind_bits, schema_bits, write_bits};

/* ---- words that stand in one text ---- */

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

static void write_word(struct writer *writer, const struct field *field, const void *source)
{
    struct words words;
    struct field choice = words_field(field, &words);
    write_choice(writer, &choice, source);
}

const struct shape shape_word = {bind_word, schema_word, write_word};

/* ---- texts ---- */

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

void shape_write_chars(struct writer *writer, const struct field *field, const void *source)
{
    (void)field;
    writer_prose(writer, source);
}

const struct shape shape_label = {bind_label, schema_label, shape_write_chars};

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

static void write_prose(struct writer *writer, const struct field *field, const void *source)
{
    const char *text;
    (void)field;
    memcpy(&text, source, sizeof text);
    writer_prose(writer, text != NULL ? text : "");
}

const struct shape shape_prose = {bind_prose, schema_prose, write_prose};

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

const struct shape shape_sentence = {bind_sentence, schema_sentence, shape_write_chars};
