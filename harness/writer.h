/* A YAML text in the making: mappings and lists, in flow style or with a line for each element.
 *
 * States: after a key a value must come; elsewhere an element or the end of the innermost container.
 *
 *     open -> (key -> value)* -> close        a mapping
 *     open -> (item -> value)* -> close       a list
 *
 * Invariants: whatever is written reads back as the same tree (harness/tree.h); a container within one in
 * flow style is in flow style. */
#ifndef HARNESS_WRITER_H
#define HARNESS_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { WRITER_DEPTH_MAX = 24 };

struct sim_spec;
struct writer {
    char *text; /* NUL-terminated */
    size_t length, capacity;
    const struct sim_spec *spec; /* whose nodes are named */
    unsigned depth;              /* open containers */
    unsigned spread;             /* of them so many, the outermost, have a line for each element */
    bool after_key;
    bool filled[WRITER_DEPTH_MAX];
};

struct writer writer_of(const struct sim_spec *spec);
/* Ends the last line; the text is the caller's, to be freed. */
char *writer_finish(struct writer *writer);

/* bracket: '{' or '['. */
void writer_open(struct writer *writer, char bracket);
void writer_close(struct writer *writer, char bracket);
void writer_key(struct writer *writer, const char *name);
void writer_item(struct writer *writer);
/* A value of letters, digits and the like, which needs no quotes. */
void writer_word(struct writer *writer, const char *text);
/* Any text: in quotes where it needs them, or as a block of lines where it has several. */
void writer_prose(struct writer *writer, const char *text);
/* A comment: each line of the text behind a '#'. */
void writer_comment(struct writer *writer, const char *text);
/* Takes back all that was written since the writer was as `to`. */
void writer_rewind(struct writer *writer, const struct writer *to);

#endif
