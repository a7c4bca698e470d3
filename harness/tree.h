/* A YAML or JSON text as a tree of nodes that know where they stand.
 *
 * Scalars stay the strings they are written as: our own tables give them types, so that YAML's guesses (no =
 * false, 010 = 8) cannot happen. Refused, each with its place: text that is not UTF-8, control characters,
 * anchors and aliases (an alias can make a small file huge), tags, more than one document, keys that are not
 * scalars, a key given twice, and whatever exceeds the bounds below. */
#ifndef HARNESS_TREE_H
#define HARNESS_TREE_H

#include "harness/diagnostics.h"
#include "harness/pool.h"

enum {
    TREE_FILE_BYTES_MAX = 1 << 20,
    TREE_NODES_MAX = 50000,
    TREE_DEPTH_MAX = 24,
    TREE_KEYS_MAX = 512, /* in one mapping */
};

enum tree_kind { TREE_SCALAR, TREE_LIST, TREE_MAP };

struct tree_node {
    enum tree_kind kind;
    struct place place;
    const char *text; /* SCALAR: its value, NUL-terminated, without inner NULs */
    size_t length;
    bool quoted;
    bool literal; /* the value stands in the source character by character, from text_place on */
    struct place text_place;
    const char *key; /* in a mapping: its key */
    struct place key_place;
    struct tree_node *first, *last, *next; /* LIST, MAP: children; next sibling */
    uint32_t count;                        /* children */
};

/* The root, or NULL after adding to diagnostics (whose text is read). Nodes live in the pool. */
const struct tree_node *tree_load(struct pool *pool, struct diagnostics *diagnostics);

/* A mapping's value under a key, or NULL. */
const struct tree_node *tree_find(const struct tree_node *map, const char *key);
/* The place of the byte at `offset` inside a scalar's value, as near as the source allows. */
struct place tree_place_inside(const struct tree_node *node, size_t offset);
/* What a node is, for messages: "a mapping", "a list", "nothing", "'text'" (cut at 40 characters) into
 * buffer. */
const char *tree_describe(const struct tree_node *node, char buffer[64]);

#endif
