/* A form is a line of words with holes; a text matches one when its words do:
 *
 *     isr   of  <p>       is|is not   <set>          form (sim/conditions.def)
 *     isr   of  orders-0  is          [1, 2]         text
 *
 * Matching has two phases. Words first: the form that matches longest decides what is expected where the text
 * goes wrong. Then the holes of the form that matched are filled, where names may turn out to mean nothing.
 */
#include "harness/condition.h"

#include <string.h>

#include "core/base/assert.h"
#include "core/base/text.h"
#include "harness/reference.h"
#include "harness/suggestion.h"

enum { TOKENS_MAX = 12, WORD_BYTES = 64, EXPECTATIONS_MAX = 16 };

static const struct condition_form forms[] = {
#define X(NAME, form, meaning) {form, meaning},
#include "sim/conditions.def"
#undef X
};

const struct condition_form *condition_forms(void)
{
    return forms;
}

struct token {
    char text[WORD_BYTES];
    size_t at;
};

struct tokens {
    struct token items[TOKENS_MAX];
    uint32_t count;
    size_t end; /* of the text */
};

static bool is_operator(char c)
{
    return c == '<' || c == '>' || c == '=' || c == '!';
}

static size_t token_length(const char *text)
{
    size_t length = 0;
    if (*text == '[') {
        while (text[length] != '\0' && text[length] != ']')
            length++;
        return length + (text[length] == ']');
    }
    if (is_operator(*text)) {
        while (is_operator(text[length]))
            length++;
        return length;
    }
    while (text[length] != '\0' && text[length] != ' ' && text[length] != '[' && !is_operator(text[length]))
        length++;
    return length;
}

static bool split(struct binder *binder, const struct tree_node *node, struct tokens *tokens)
{
    const char *text = node->text;
    tokens->count = 0;
    tokens->end = node->length;
    for (size_t at = 0; text[at] != '\0';) {
        if (text[at] == ' ') {
            at++;
            continue;
        }
        size_t length = token_length(text + at);
        if (tokens->count == TOKENS_MAX || length >= WORD_BYTES) {
            diagnostics_add(binder->diagnostics, tree_place_inside(node, at), "the condition is too long");
            return false;
        }
        struct token *token = &tokens->items[tokens->count++];
        memset(token, 0, sizeof *token);
        memcpy(token->text, text + at, length);
        token->at = at;
        at += length;
    }
    return true;
}

/* ---- forms ---- */

enum part_kind {
    PART_WORD,
    PART_PARTITION,
    PART_NODE,
    PART_SET,
    PART_CONTROLLERS,
    PART_COMPARISON,
    PART_NUMBER,
    PART_DURATION,
    PART_EQUALITY
};
struct part {
    enum part_kind kind;
    char text[WORD_BYTES]; /* as it stands in the form */
    size_t token;          /* of the text that filled it */
};
struct parts {
    struct part items[TOKENS_MAX];
    uint32_t count;
};

static enum part_kind part_kind_of(const char *text)
{
    static const struct {
        const char *text;
        enum part_kind kind;
    } holes[] = {{"<p>", PART_PARTITION},       {"<n>", PART_NODE},
                 {"<set>", PART_SET},           {"<controllers>", PART_CONTROLLERS},
                 {"<cmp>", PART_COMPARISON},    {"<number>", PART_NUMBER},
                 {"<duration>", PART_DURATION}, {"<n>|none", PART_NODE},
                 {"elected|<n>", PART_NODE},    {"is|is not", PART_EQUALITY}};
    for (size_t i = 0; i < sizeof holes / sizeof holes[0]; i++) {
        if (strcmp(text, holes[i].text) == 0)
            return holes[i].kind;
    }
    ISR_ASSERT(strchr(text, '<') == NULL);
    return PART_WORD;
}

static void read_form(const char *form, struct parts *parts)
{
    parts->count = 0;
    while (*form != '\0') {
        size_t length = strcspn(form, " ");
        if (strncmp(form, "is|is not", 9) == 0)
            length = 9;
        ISR_ASSERT(parts->count < TOKENS_MAX && length < WORD_BYTES);
        struct part *part = &parts->items[parts->count++];
        memset(part, 0, sizeof *part);
        memcpy(part->text, form, length);
        part->kind = part_kind_of(part->text);
        form += length + (form[length] == ' ');
    }
}

/* Does a word stand among alternatives separated by '|'? Which one, from 0; -1 when it does not. */
static int alternative(const char *alternatives, const char *word)
{
    int number = 0;
    for (const char *at = alternatives;; number++) {
        size_t length = strcspn(at, "|");
        if (strlen(word) == length && strncmp(at, word, length) == 0)
            return number;
        if (at[length] == '\0')
            return -1;
        at += length + 1;
    }
}

static bool starts_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
}

/* The first of a comparison's is the one that is written. */
static const struct {
    const char *text;
    enum sim_comparison comparison;
} comparisons[] = {{"is", SIM_EQUAL},    {"=", SIM_EQUAL},    {"==", SIM_EQUAL}, {"!=", SIM_NOT_EQUAL},
                   {">=", SIM_AT_LEAST}, {"<=", SIM_AT_MOST}, {">", SIM_ABOVE},  {"<", SIM_BELOW}};
enum { COMPARISONS = sizeof comparisons / sizeof comparisons[0] };

static bool comparison_named(const char *text, enum sim_comparison *comparison)
{
    for (size_t i = 0; i < COMPARISONS; i++) {
        if (strcmp(text, comparisons[i].text) == 0) {
            *comparison = comparisons[i].comparison;
            return true;
        }
    }
    return false;
}

/* How many tokens from `at` on fill the part; 0 when they do not. */
static uint32_t part_takes(const struct part *part, const struct tokens *tokens, uint32_t at)
{
    const char *word = tokens->items[at].text;
    enum sim_comparison comparison;
    switch (part->kind) {
    case PART_WORD:
        return alternative(part->text, word) >= 0;
    case PART_PARTITION:
    case PART_NODE:
        return starts_name(*word);
    case PART_SET:
    case PART_CONTROLLERS:
        return *word == '[';
    case PART_NUMBER:
    case PART_DURATION:
        return (*word >= '0' && *word <= '9') || *word == '-';
    case PART_EQUALITY:
    case PART_COMPARISON:
        if (!comparison_named(word, &comparison))
            return 0;
        if (part->kind == PART_EQUALITY && comparison > SIM_NOT_EQUAL)
            return 0;
        return strcmp(word, "is") == 0 && at + 1 < tokens->count &&
                       strcmp(tokens->items[at + 1].text, "not") == 0
                   ? 2
                   : 1;
    }
    return 0;
}

struct match {
    bool whole;
    uint32_t tokens;         /* that matched */
    const char *expectation; /* the part that did not, "": the end */
};

static struct match match_form(struct parts *parts, const struct tokens *tokens)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < parts->count; i++) {
        uint32_t taken = at < tokens->count ? part_takes(&parts->items[i], tokens, at) : 0;
        if (taken == 0)
            return (struct match){.tokens = at, .expectation = parts->items[i].text};
        parts->items[i].token = at;
        at += taken;
    }
    return (struct match){.whole = at == tokens->count, .tokens = at, .expectation = ""};
}

/* ---- filling ---- */

static bool bad_part(struct binder *binder, const struct tree_node *node, const struct token *token,
                     const struct value_error *error)
{
    diagnostics_add(binder->diagnostics, tree_place_inside(node, token->at + error->at), "%s",
                    error->message);
    if (error->hint[0] != '\0')
        diagnostics_hint(binder->diagnostics, "%s", error->hint);
    return false;
}

static bool fill_set(struct binder *binder, const struct tree_node *node, const struct token *token,
                     bool controllers, struct isr_replicas *set)
{
    const char *text = token->text;
    *set = (struct isr_replicas){0};
    for (size_t at = 1; text[at] != ']' && text[at] != '\0';) {
        if (text[at] == ' ' || text[at] == ',') {
            at++;
            continue;
        }
        char name[16];
        size_t length = strcspn(text + at, " ,]");
        snprintf(name, sizeof name, "%.*s", (int)length, text + at);
        struct place place = tree_place_inside(node, token->at + at);
        int32_t id;
        if (controllers ? !reference_controller(binder, place, name, &id)
                        : !reference_broker(binder, place, name, &id))
            return false;
        if (set->count == ISR_REPLICAS_MAX || isr_replicas_contain(set, id)) {
            diagnostics_add(binder->diagnostics, place,
                            controllers ? "a set of controllers names each of up to %d once"
                                        : "a set of replicas names each of up to %d brokers once",
                            ISR_REPLICAS_MAX);
            return false;
        }
        isr_replicas_add(set, id);
        at += length;
    }
    if (text[strlen(text) - 1] == ']')
        return true;
    diagnostics_add(binder->diagnostics, tree_place_inside(node, token->at), "this list has no closing ']'");
    diagnostics_hint(binder->diagnostics, "a list is written [1, 2]");
    return false;
}

static bool fill_part(struct binder *binder, const struct tree_node *node, const struct part *part,
                      const struct tokens *tokens, struct sim_condition *condition)
{
    const struct token *token = &tokens->items[part->token];
    struct place place = tree_place_inside(node, token->at);
    struct value_error error;
    switch (part->kind) {
    case PART_WORD:
        if (strchr(part->text, '|') != NULL)
            condition->comparison = alternative(part->text, token->text) == 0 ? SIM_EQUAL : SIM_NOT_EQUAL;
        return true;
    case PART_PARTITION:
        return reference_partition(binder, place, token->text, &condition->topic, &condition->partition);
    case PART_NODE:
        if (part->text[0] != '<' || strchr(part->text, '|') != NULL) { /* <n>|none, elected|<n> */
            if (alternative(part->text, token->text) >= 0)
                return true;
        }
        return reference_node(binder, place, token->text, &condition->node);
    case PART_SET:
    case PART_CONTROLLERS:
        return fill_set(binder, node, token, part->kind == PART_CONTROLLERS, &condition->set);
    case PART_NUMBER:
        return value_whole(token->text, &condition->value, &error) || bad_part(binder, node, token, &error);
    case PART_DURATION:
        return value_duration(token->text, false, &condition->value, &error) ||
               bad_part(binder, node, token, &error);
    case PART_EQUALITY:
    case PART_COMPARISON:
        comparison_named(token->text, &condition->comparison);
        if (part_takes(part, tokens, (uint32_t)part->token) == 2)
            condition->comparison = SIM_NOT_EQUAL;
        return true;
    }
    return false;
}

/* ---- errors ---- */

static void add_expectation(const char **expected, uint32_t *count, const char *expectation)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (strcmp(expected[i], expectation) == 0)
            return;
    }
    if (*count < EXPECTATIONS_MAX)
        expected[(*count)++] = expectation;
}

static void describe_expectation(const char *expectation, char *text, size_t size)
{
    static const struct {
        const char *hole, *words;
    } words[] = {{"<p>", "a partition such as orders-0"},
                 {"<n>", "a node such as n1"},
                 {"<n>|none", "a node or none"},
                 {"elected|<n>", "elected or a node"},
                 {"<set>", "a list such as [1, 2]"},
                 {"<controllers>", "a list such as [1, 2, c4]"},
                 {"<cmp>", "a comparison (is, is not, >=, <=, >, <)"},
                 {"<number>", "a number"},
                 {"<duration>", "a duration"},
                 {"is|is not", "is or is not"},
                 {"", "the end"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(expectation, words[i].hole) == 0) {
            snprintf(text, size, "%s", words[i].words);
            return;
        }
    }
    const char *bar = strchr(expectation, '|');
    if (bar != NULL)
        snprintf(text, size, "'%.*s' or '%s'", (int)(bar - expectation), expectation, bar + 1);
    else
        snprintf(text, size, "'%s'", expectation);
}

static void suggest_word(struct binder *binder, const char *word, const char *const *expected, uint32_t count)
{
    struct suggestion suggestion = suggestion_for(word);
    for (uint32_t i = 0; i < count; i++) {
        for (const char *at = expected[i]; *at != '\0'; at += strspn(at, "|")) {
            size_t length = strcspn(at, "|");
            if (memchr(at, '<', length) == NULL)
                suggestion_offer(&suggestion, pool_text(binder->pool, at, length));
            at += length;
        }
    }
    shape_suggest(binder, &suggestion, "`isrsim help conditions` lists what can be waited for");
}

static bool report_mismatch(struct binder *binder, const struct tree_node *node, const struct tokens *tokens)
{
    const char *expected[EXPECTATIONS_MAX];
    uint32_t count = 0, furthest = 0;
    for (uint32_t i = 0; i < SIM_CONDITION_KINDS; i++) {
        struct parts parts;
        read_form(forms[i].form, &parts);
        struct match match = match_form(&parts, tokens);
        /* any word could be a node's name: "<n> is up" is no hint when its second word is missing */
        if (match.tokens == 1 && parts.items[0].kind == PART_NODE)
            match = (struct match){.tokens = 0, .expectation = parts.items[0].text};
        if (match.tokens > furthest) {
            furthest = match.tokens;
            count = 0;
        }
        if (match.tokens == furthest)
            /* the form's own text outlives the parts */
            add_expectation(expected, &count,
                            pool_text(binder->pool, match.expectation, strlen(match.expectation)));
    }
    char wanted[240] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < count && used < sizeof wanted - 1; i++) {
        char words[64];
        describe_expectation(expected[i], words, sizeof words);
        used += (size_t)snprintf(wanted + used, sizeof wanted - used, "%s%s",
                                 i == 0           ? ""
                                 : i + 1 == count ? " or "
                                                  : ", ",
                                 words);
    }
    bool ended = furthest == tokens->count;
    const char *word = ended ? "" : tokens->items[furthest].text;
    struct place place = tree_place_inside(node, ended ? tokens->end : tokens->items[furthest].at);
    if (ended)
        diagnostics_add(binder->diagnostics, place, "the condition ends here, but %s is missing", wanted);
    else if (furthest == 0)
        diagnostics_add(binder->diagnostics, place, "no condition begins with '%s'", word);
    else
        diagnostics_add(binder->diagnostics, place, "expected %s, not '%s'", wanted, word);
    suggest_word(binder, word, expected, count);
    return false;
}

bool condition_bind(struct binder *binder, const struct tree_node *node, struct sim_condition *condition)
{
    struct tokens tokens;
    if (!shape_scalar(binder, node, "a condition such as \"isr of orders-0 is [1, 2]\"") ||
        !split(binder, node, &tokens))
        return false;
    for (uint32_t i = 0; i < SIM_CONDITION_KINDS; i++) {
        struct parts parts;
        read_form(forms[i].form, &parts);
        if (!match_form(&parts, &tokens).whole)
            continue;
        memset(condition, 0, sizeof *condition);
        condition->kind = (enum sim_condition_kind)i;
        condition->node = ISR_NODE_NONE;
        for (uint32_t part = 0; part < parts.count; part++) {
            if (!fill_part(binder, node, &parts.items[part], &tokens, condition))
                return false;
        }
        return true;
    }
    return report_mismatch(binder, node, &tokens);
}

static bool bind_condition(struct binder *binder, const struct field *field, const struct tree_node *node,
                           void *target)
{
    (void)field;
    return condition_bind(binder, node, target);
}

/* ---- writing ---- */

static void print_set(const struct sim_spec *spec, const struct isr_replicas *set, bool controllers,
                      struct isr_text *text)
{
    char name[SIM_LABEL_BYTES];
    isr_text_format(text, "[");
    for (unsigned i = 0; i < set->count; i++) {
        isr_text_format(text, i == 0 ? "" : ", ");
        if (controllers)
            isr_text_format(text, "%s", sim_spec_node_name(spec, set->ids[i], name));
        else
            isr_text_format(text, "%d", set->ids[i]);
    }
    isr_text_format(text, "]");
}

/* The first or the second of two words, or the whole where it is one. */
static void print_alternative(const char *words, bool first, struct isr_text *text)
{
    const char *bar = strchr(words, '|');
    char word[WORD_BYTES];
    snprintf(word, sizeof word, "%.*s", bar != NULL && first ? (int)(bar - words) : WORD_BYTES - 1,
             bar != NULL && !first ? bar + 1 : words);
    isr_text_format(text, "%s", word);
}

static void print_part(const struct sim_spec *spec, const struct part *part,
                       const struct sim_condition *condition, struct isr_text *text)
{
    char buffer[SIM_LABEL_BYTES];
    size_t i = 0;
    switch (part->kind) {
    case PART_WORD:
        print_alternative(part->text, condition->comparison == SIM_EQUAL, text);
        return;
    case PART_PARTITION:
        isr_text_format(text, "%s-%d", condition->topic.text, (int)condition->partition);
        return;
    case PART_NODE: /* <n>, <n>|none, elected|<n> */
        if (condition->node == ISR_NODE_NONE)
            print_alternative(part->text, part->text[0] != '<', text);
        else
            isr_text_format(text, "%s", sim_spec_node_name(spec, condition->node, buffer));
        return;
    case PART_SET:
    case PART_CONTROLLERS:
        print_set(spec, &condition->set, part->kind == PART_CONTROLLERS, text);
        return;
    case PART_NUMBER:
        isr_text_format(text, "%ld", condition->value);
        return;
    case PART_DURATION:
        isr_text_format(text, "%s", value_print_duration(condition->value, buffer));
        return;
    case PART_EQUALITY:
    case PART_COMPARISON:
        while (i + 1 < COMPARISONS && comparisons[i].comparison != condition->comparison)
            i++;
        isr_text_format(text, "%s", condition->comparison == SIM_NOT_EQUAL ? "is not" : comparisons[i].text);
        return;
    }
}

const char *condition_print(const struct sim_spec *spec, const struct sim_condition *condition,
                            char buffer[CONDITION_BYTES])
{
    struct isr_text text = {.buffer = buffer, .capacity = CONDITION_BYTES};
    struct parts parts;
    read_form(forms[condition->kind].form, &parts);
    for (uint32_t i = 0; i < parts.count; i++) {
        isr_text_format(&text, i == 0 ? "" : " ");
        print_part(spec, &parts.items[i], condition, &text);
    }
    return buffer;
}

static void write_condition(struct writer *writer, const struct field *field, const void *source)
{
    char buffer[CONDITION_BYTES];
    (void)field;
    writer_prose(writer, condition_print(writer->spec, source, buffer));
}

/* Each form as a regular expression. */
static void form_pattern(const char *form, char *pattern, size_t size)
{
    static const char *const hole_patterns[] = {
        [PART_WORD] = "",
        [PART_PARTITION] = "[A-Za-z0-9._-]+-[0-9]+",
        [PART_NODE] = "[A-Za-z0-9._-]+",
        [PART_SET] = "\\[[^\\]]*\\]",
        [PART_CONTROLLERS] = "\\[[^\\]]*\\]",
        [PART_COMPARISON] = "(is not|is|==|=|!=|>=|<=|>|<)",
        [PART_NUMBER] = "-?[0-9]+",
        [PART_DURATION] = "[0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h)?",
        [PART_EQUALITY] = "(is not|is|==|=|!=)",
    };
    struct parts parts;
    read_form(form, &parts);
    size_t used = (size_t)snprintf(pattern, size, "^ *");
    for (uint32_t i = 0; i < parts.count; i++) {
        const struct part *part = &parts.items[i];
        const char *space = i == 0 ? "" : " *";
        if (part->kind == PART_WORD)
            used += (size_t)snprintf(pattern + used, size - used, "%s(%s)", space, part->text);
        else
            used += (size_t)snprintf(pattern + used, size - used, "%s%s", space, hole_patterns[part->kind]);
        ISR_ASSERT(used < size);
    }
    snprintf(pattern + used, size - used, " *$");
}

static void schema_condition(const struct field *field, struct json *json)
{
    (void)field;
    json_string(json, "type", "string");
    json_open_list(json, "anyOf");
    for (uint32_t i = 0; i < SIM_CONDITION_KINDS; i++) {
        char pattern[400];
        form_pattern(forms[i].form, pattern, sizeof pattern);
        json_open_object(json, NULL);
        json_string(json, "title", forms[i].form);
        json_string(json, "description", forms[i].meaning);
        json_string(json, "pattern", pattern);
        json_close_object(json);
    }
    json_close_list(json);
}

const struct shape shape_condition = {bind_condition, schema_condition, write_condition};
