#include "harness/tree.h"

#include <string.h>

#include <yaml.h>

#include "harness/text.h"

struct loader {
    yaml_parser_t parser;
    struct pool *pool;
    struct diagnostics *diagnostics;
    struct tree_node *open[TREE_DEPTH_MAX]; /* lists and mappings around the next node */
    uint32_t depth;
    struct tree_node *root;
    const char *key; /* of the value that comes next, NULL: a key comes next */
    struct place key_place;
    uint32_t nodes;
    bool failed, done;
};

static struct place place_of(yaml_mark_t mark)
{
    return (struct place){.line = (uint32_t)mark.line + 1, .column = (uint32_t)mark.column + 1};
}

/* ---- text ---- */

static bool text_is_clean(struct diagnostics *diagnostics)
{
    const char *text = diagnostics->text;
    size_t size = diagnostics->text_bytes;
    struct place place = {1, 1};
    for (size_t at = 0; at < size;) {
        size_t length = text_character_size(text + at, size - at);
        bool space = text[at] == '\t' || text[at] == '\n' || text[at] == '\r';
        if (length == 0 || (text_is_control(text + at, size - at) && !space)) {
            diagnostics_add(diagnostics, place, "byte 0x%02x is not text", (unsigned char)text[at]);
            diagnostics_hint(diagnostics, "a scenario file is UTF-8 text in YAML or JSON");
            return false;
        }
        place.column++;
        if (text[at] == '\n' || (text[at] == '\r' && (at + 1 == size || text[at + 1] != '\n')))
            place = (struct place){place.line + 1, 1};
        at += length;
    }
    return true;
}

/* The first byte of the character at a place; 0 where there is none. */
static char text_at(const struct diagnostics *diagnostics, struct place place)
{
    size_t length = 0, at = 0;
    const char *line = diagnostics_line(diagnostics, place.line, &length);
    for (uint32_t column = 1; line != NULL && column < place.column && at < length; column++)
        at += text_character_size(line + at, length - at);
    return line != NULL && at < length ? line[at] : '\0';
}

/* ---- events to nodes ---- */

static void refuse(struct loader *loader, struct place place, const char *message, const char *hint)
{
    diagnostics_add(loader->diagnostics, place, "%s", message);
    if (hint != NULL)
        diagnostics_hint(loader->diagnostics, "%s", hint);
    loader->failed = true;
}

static struct tree_node *parent_of(struct loader *loader)
{
    return loader->depth > 0 ? loader->open[loader->depth - 1] : NULL;
}

/* A new node under the parent; NULL where a bound is exceeded. */
static struct tree_node *add_node(struct loader *loader, enum tree_kind kind, struct place place)
{
    if (++loader->nodes > TREE_NODES_MAX) {
        refuse(loader, place, "the file has too many values", "a scenario file may have 50000");
        return NULL;
    }
    struct tree_node *node = pool_allocate(loader->pool, sizeof *node), *parent = parent_of(loader);
    node->kind = kind;
    node->place = place;
    node->key = loader->key;
    node->key_place = loader->key_place;
    loader->key = NULL;
    if (parent == NULL) {
        loader->root = node;
        return node;
    }
    if (parent->last != NULL)
        parent->last->next = node;
    else
        parent->first = node;
    parent->last = node;
    parent->count++;
    return node;
}

static void open_node(struct loader *loader, enum tree_kind kind, const yaml_event_t *event)
{
    struct place place = place_of(event->start_mark);
    struct tree_node *parent = parent_of(loader);
    if (parent != NULL && parent->kind == TREE_MAP && loader->key == NULL) {
        refuse(loader, place, "a key must be a word", "a mapping is written key: value");
        return;
    }
    if (loader->depth == TREE_DEPTH_MAX) {
        refuse(loader, place, "the file is nested too deeply", NULL);
        return;
    }
    struct tree_node *node = add_node(loader, kind, place);
    if (node != NULL)
        loader->open[loader->depth++] = node;
}

static void take_key(struct loader *loader, struct tree_node *map, const yaml_event_t *event)
{
    const char *key = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    struct place place = place_of(event->start_mark);
    if (length == 0 || memchr(key, '\0', length) != NULL) {
        refuse(loader, place, "a key must be a word", "a mapping is written key: value");
        return;
    }
    if (map->count == TREE_KEYS_MAX) {
        refuse(loader, place, "too many keys in one mapping", NULL);
        return;
    }
    const struct tree_node *earlier = tree_find(map, key);
    if (earlier != NULL) {
        diagnostics_add(loader->diagnostics, place, "duplicate key '%.40s' (first given on line %u)", key,
                        earlier->key_place.line);
        diagnostics_hint(loader->diagnostics, "remove one of the two");
    }
    loader->key = pool_text(loader->pool, key, length);
    loader->key_place = place;
}

static bool scalar_is_literal(const yaml_event_t *event, uint32_t quotes)
{
    yaml_scalar_style_t style = event->data.scalar.style;
    size_t columns = event->end_mark.column - event->start_mark.column;
    return event->start_mark.line == event->end_mark.line && style != YAML_LITERAL_SCALAR_STYLE &&
           style != YAML_FOLDED_SCALAR_STYLE &&
           columns == text_characters((const char *)event->data.scalar.value, event->data.scalar.length) +
                          2 * quotes;
}

static void take_scalar(struct loader *loader, const yaml_event_t *event)
{
    struct tree_node *parent = parent_of(loader);
    if (parent != NULL && parent->kind == TREE_MAP && loader->key == NULL) {
        take_key(loader, parent, event);
        return;
    }
    const char *value = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    struct tree_node *node = add_node(loader, TREE_SCALAR, place_of(event->start_mark));
    if (node == NULL)
        return;
    if (memchr(value, '\0', length) != NULL) {
        refuse(loader, node->place, "a value must not contain the character \\0", NULL);
        return;
    }
    node->text = pool_text(loader->pool, value, length);
    node->length = length;
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->literal = scalar_is_literal(event, node->quoted);
    node->text_place = node->place;
    node->text_place.column += node->quoted;
}

static bool event_has_tag(const yaml_event_t *event)
{
    switch ((int)event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.tag != NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.tag != NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.tag != NULL;
    }
    return false;
}

static bool event_has_anchor(const yaml_event_t *event)
{
    switch ((int)event->type) {
    case YAML_ALIAS_EVENT:
        return true;
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor != NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor != NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor != NULL;
    }
    return false;
}

static void take_event(struct loader *loader, const yaml_event_t *event)
{
    if (event_has_anchor(event)) {
        refuse(loader, place_of(event->start_mark),
               "anchors (&) and aliases (*) are not allowed in scenario files",
               "write the value out, or put the text in quotes");
        return;
    }
    if (event_has_tag(event)) {
        refuse(loader, place_of(event->start_mark), "tags (!) are not allowed in scenario files",
               "put the text in quotes");
        return;
    }
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        take_scalar(loader, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        open_node(loader, TREE_LIST, event);
        break;
    case YAML_MAPPING_START_EVENT:
        open_node(loader, TREE_MAP, event);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        loader->depth--;
        break;
    case YAML_DOCUMENT_START_EVENT:
        if (loader->root != NULL)
            refuse(
                loader, place_of(event->start_mark), "a second document begins here",
                "a scenario file holds one scenario; use `variants` for the same history under other rules");
        break;
    case YAML_STREAM_END_EVENT:
        loader->done = true;
        break;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
    case YAML_ALIAS_EVENT:
        break;
    }
}

/* What a person does about what libyaml complains of. The first line whose words stand in the complaint
 * counts. */
static const struct advice {
    const char *problem;
    bool where_it_began; /* libyaml met the end of the trouble; the place to look at is its beginning */
    const char *hint;
} advices[] = {
    {"mapping values are not allowed", false,
     "a value that contains ': ' must be in quotes, and a key must stand in the column of its neighbours"},
    {"could not find expected ':'", true, "a key ends with a colon and a space, such as `settle: 5s`"},
    {"did not find expected key", false,
     "keys of one mapping begin in the same column, and each ends with ': '"},
    {"did not find expected '-'", false, "the '-' of all items of a list stand in the same column"},
    {"did not find expected ',' or '}'", true,
     "what '{' opens, '}' closes; keys inside are separated by commas"},
    {"did not find expected ',' or ']'", true,
     "what '[' opens, ']' closes; items inside are separated by commas"},
    {"unexpected end of stream", true, "the quotes that open here are not closed"},
    {"cannot start any token", false, "a text that begins with one of @ ` % must be in quotes"},
    {"", false,
     "a text with characters that YAML gives a meaning (: { } [ ] , & * # ? | - < > = ! % @ \\) belongs in "
     "quotes"},
};

/* libyaml tells what it was doing and what it met there. */
static void report_syntax_error(struct loader *loader)
{
    const yaml_parser_t *parser = &loader->parser;
    const char *problem = parser->problem != NULL ? parser->problem : "unreadable";
    struct place place = place_of(parser->problem_mark);
    loader->failed = true;
    if (text_at(loader->diagnostics, place) == '\t') {
        refuse(loader, place, "a tab where a line is indented", "YAML indents with spaces");
        return;
    }
    const struct advice *advice = advices;
    while (strstr(problem, advice->problem) == NULL)
        advice++;
    if (advice->where_it_began && parser->context != NULL)
        place = place_of(parser->context_mark);
    diagnostics_add(loader->diagnostics, place, "not valid YAML: %s%s%s", problem,
                    parser->context != NULL ? " " : "", parser->context != NULL ? parser->context : "");
    diagnostics_hint(loader->diagnostics, "%s", advice->hint);
}

const struct tree_node *tree_load(struct pool *pool, struct diagnostics *diagnostics)
{
    if (diagnostics->text_bytes > TREE_FILE_BYTES_MAX) {
        diagnostics_add(diagnostics, (struct place){0}, "the file has more than %d KiB: this is no scenario",
                        TREE_FILE_BYTES_MAX / 1024);
        diagnostics_hint(diagnostics, "`isrsim help scenario` shows what a scenario looks like");
        return NULL;
    }
    if (!text_is_clean(diagnostics))
        return NULL;
    struct loader loader = {.pool = pool, .diagnostics = diagnostics};
    if (!yaml_parser_initialize(&loader.parser)) {
        diagnostics_add(diagnostics, (struct place){0}, "out of memory");
        return NULL;
    }
    yaml_parser_set_encoding(&loader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&loader.parser, (const unsigned char *)diagnostics->text,
                                 diagnostics->text_bytes);
    while (!loader.done && !loader.failed) {
        yaml_event_t event;
        if (!yaml_parser_parse(&loader.parser, &event)) {
            report_syntax_error(&loader);
            break;
        }
        take_event(&loader, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&loader.parser);
    if (loader.failed)
        return NULL;
    if (loader.root == NULL || (loader.root->kind == TREE_SCALAR && loader.root->length == 0)) {
        diagnostics_add(diagnostics, (struct place){1, 1}, "the file is empty");
        diagnostics_hint(diagnostics, "`isrsim help scenario` shows what a scenario looks like");
        return NULL;
    }
    return loader.root;
}

/* ---- looking at nodes ---- */

const struct tree_node *tree_find(const struct tree_node *map, const char *key)
{
    if (map == NULL || map->kind != TREE_MAP)
        return NULL;
    for (const struct tree_node *child = map->first; child != NULL; child = child->next) {
        if (strcmp(child->key, key) == 0)
            return child;
    }
    return NULL;
}

struct place tree_place_inside(const struct tree_node *node, size_t offset)
{
    if (node->kind != TREE_SCALAR || !node->literal)
        return node->place;
    struct place place = node->text_place;
    place.column += text_characters(node->text, offset < node->length ? offset : node->length);
    return place;
}

const char *tree_describe(const struct tree_node *node, char buffer[64])
{
    switch (node->kind) {
    case TREE_LIST:
        return "a list";
    case TREE_MAP:
        return "a mapping";
    case TREE_SCALAR:
        break;
    }
    if (node->length == 0 && !node->quoted)
        return "nothing";
    /* not cut inside a character */
    size_t shown = node->length < 40 ? node->length : 40;
    while (shown < node->length && shown > 0 && ((unsigned char)node->text[shown] & 0xc0) == 0x80)
        shown--;
    snprintf(buffer, 64, "'%.*s'%s", (int)shown, node->text, shown < node->length ? "..." : "");
    return buffer;
}
