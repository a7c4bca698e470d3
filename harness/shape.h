/* How a text tree becomes C structs: tables of fields, each with a shape. The same tables check a file, fill
 * the structs, write them out again, write the JSON schema for editors and print the reference, so that these
 * cannot differ. */
#ifndef HARNESS_SHAPE_H
#define HARNESS_SHAPE_H

#include "harness/json.h"
#include "harness/suggestion.h"
#include "harness/tree.h"
#include "harness/value.h"
#include "harness/writer.h"
#include "sim/spec.h"

/* What binding works on. */
struct binder {
    struct diagnostics *diagnostics;
    struct pool *pool; /* for what the scenario keeps */
    struct sim_spec
        *spec; /* being filled; what is named by steps and clients is there before they are bound */
};

struct field;
/* A kind of value: how it is read, described and written. */
struct shape {
    /* Fills the member at target; false after adding to diagnostics. */
    bool (*bind)(struct binder *binder, const struct field *field, const struct tree_node *node,
                 void *target);
    /* Adds the members of the value's JSON schema to the open object. */
    void (*schema)(const struct field *field, struct json *json);
    /* Writes the member at source so that bind fills a member with the same; texts of two members are equal
     * where they mean the same. NULL: not part of one run, and never written. */
    void (*write)(struct writer *writer, const struct field *field, const void *source);
};

/* One key of a mapping. */
struct field {
    const char *name; /* NULL ends a table */
    const struct shape *shape;
    size_t position, size; /* of the member in the struct that the table fills; see FIELD */
    int64_t least, most;   /* both 0: not bounded */
    const void *extra;     /* what the shape needs: a table of fields, the words of a choice */
    bool required;
    const char *meaning;
};

#define FIELD(type, member) .position = offsetof(type, member), .size = sizeof(((type *)0)->member)

/* The last line of a table. */
#define END_OF_FIELDS \
    {                 \
        .name = NULL  \
    }
/* The field of that name, or NULL. */
const struct field *shape_field_named(const struct field *fields, const char *name);

/* No time in a scenario lies further than this, from its beginning or from another. */
#define SHAPE_TIME_MOST (1000 * 3600 * ISR_SECOND)

/* One word of a choice; a NULL word ends the list. */
struct choice {
    const char *word;
    int64_t value;
};

/* Binds a mapping by a table of fields in the table's order; unknown and missing keys are errors. what:
 * "topic 'orders'", for messages. */
bool shape_bind_map(struct binder *binder, const struct field *fields, const struct tree_node *node,
                    void *target, const char *what);
/* Writes a mapping by a table of fields: those that must be there, and those that are not as in standard. */
void shape_write_map(struct writer *writer, const struct field *fields, const void *source,
                     const void *standard);
/* One of them, where it must be there or is not as in standard (NULL: in any case). */
void shape_write_member(struct writer *writer, const struct field *field, const void *source,
                        const void *standard);
/* Is the field's member written otherwise in the one struct than in the other? */
bool shape_differs(struct writer *writer, const struct field *field, const void *source,
                   const void *standard);
/* Key and value of a field of the struct at source. */
void shape_write_field(struct writer *writer, const struct field *field, const void *source);
/* Writes a mapping or a list by `write` with a line for each element, where it stands in the outermost
 * mapping. */
void shape_spread(struct writer *writer);
/* The schema of a mapping: type, properties, required. */
void shape_schema_map(const struct field *fields, struct json *json);
/* One property: description, bounds and what the shape adds. */
void shape_schema_field(const struct field *field, struct json *json);
/* Stores an integer into a member of 1, 2, 4 or 8 bytes. */
void shape_store(void *target, size_t size, int64_t value);
/* The integer in a field's member; without sign where the field cannot be negative. */
int64_t shape_load(const struct field *field, const void *source);
/* Adds an error where the node has more than `most` of what the noun names. */
bool shape_few(struct binder *binder, const struct tree_node *node, uint32_t most, const char *noun);
/* Adds "expected NOUN, not X". Returns false. */
bool shape_expected(struct binder *binder, const struct tree_node *node, const char *noun);
/* Gives the error added last the suggestion as its hint, where there is one, else `otherwise`. */
void shape_suggest(struct binder *binder, const struct suggestion *suggestion, const char *otherwise);
/* Adds a value's error at its place inside the node. Returns false. */
bool shape_report(struct binder *binder, const struct tree_node *node, const struct value_error *error);
/* Is the node a scalar that says something? Adds an error otherwise. */
bool shape_scalar(struct binder *binder, const struct tree_node *node, const char *noun);
/* The word of a choice that stands for the integer in the field's member; NULL where none does. */
const char *shape_choice_word(const struct field *field, const void *source);
/* The write of shapes whose member is an array of characters. */
void shape_write_chars(struct writer *writer, const struct field *field, const void *source);
/* Copies a word into a label of SIM_LABEL_BYTES: letters, digits and . _ - only. */
bool shape_copy_label(struct binder *binder, const struct tree_node *node, const char *text,
                      struct place place, char label[SIM_LABEL_BYTES], const char *noun);

extern const struct shape shape_duration;     /* int64_t, ns */
extern const struct shape shape_bytes;        /* int64_t */
extern const struct shape shape_bandwidth;    /* int64_t, bytes a second */
extern const struct shape shape_whole;        /* any integer */
extern const struct shape shape_seed;         /* uint64_t */
extern const struct shape shape_flag;         /* bool, or an integer 0 or 1 */
extern const struct shape shape_probability;  /* uint32_t, ppm */
extern const struct shape shape_drift;        /* int64_t, ppm */
extern const struct shape shape_rate;         /* int64_t, ns from one to the next */
extern const struct shape shape_choice;       /* any integer; extra: struct choice[] */
extern const struct shape shape_word;         /* any integer; extra: "first|second", 0 and 1 */
extern const struct shape shape_bits;         /* any integer; extra: struct choice[] whose values are bits;
                                                 least above 0: at least one of them */
extern const struct shape shape_label;        /* char[SIM_LABEL_BYTES] */
extern const struct shape shape_prose;        /* const char *, in the pool */
extern const struct shape shape_sentence;     /* char[size] */
extern const struct shape shape_distribution; /* struct sim_distribution */
extern const struct shape shape_map;          /* a struct; extra: struct field[] */

/* The shape of a setting by its kind in core/config.def and core/topic.def. */
#define SHAPE_OF_duration shape_duration
#define SHAPE_OF_bytes shape_bytes
#define SHAPE_OF_count shape_whole
#define SHAPE_OF_flag shape_flag
#define SHAPE_OF_word shape_word

#endif
