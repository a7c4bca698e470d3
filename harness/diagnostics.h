/* What is wrong with an input: messages with places, gathered while reading, printed together.
 *
 *     bad.isr.yaml:3:22: error: unknown key 'min_irs' in topic 'orders'
 *         3 |   orders: {min_irs: 2}
 *           |            ^
 *           = hint: did you mean 'min_isr'?
 */
#ifndef HARNESS_DIAGNOSTICS_H
#define HARNESS_DIAGNOSTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Line and column are 1-based; columns count characters, as editors do. Line 0: the file as a whole. */
struct place {
    uint32_t line, column;
};

enum { DIAGNOSTICS_MAX = 10, DIAGNOSTIC_BYTES = 320 };

struct diagnostic {
    struct place place;
    char message[DIAGNOSTIC_BYTES];
    char hint[DIAGNOSTIC_BYTES]; /* "": none */
};

struct diagnostics {
    const char *file; /* borrowed */
    const char *text; /* borrowed: the file's content, to show the line; NULL when there is none */
    size_t text_bytes;
    struct diagnostic items[DIAGNOSTICS_MAX]; /* by place once diagnostics_sort was called */
    uint32_t count;
    uint32_t dropped; /* errors beyond the maximum */
};

void diagnostics_init(struct diagnostics *diagnostics, const char *file, const char *text, size_t text_bytes);
/* Adds an error. Control characters in the message are shown as '?'. */
__attribute__((format(printf, 3, 4))) void diagnostics_add(struct diagnostics *diagnostics,
                                                           struct place place, const char *format, ...);
/* Gives the error added last its hint. */
__attribute__((format(printf, 2, 3))) void diagnostics_hint(struct diagnostics *diagnostics,
                                                            const char *format, ...);
/* Gives every error from number `first` on that has none this hint: what a place in the file knows of its
 * values. */
__attribute__((format(printf, 3, 4))) void diagnostics_hint_rest(struct diagnostics *diagnostics,
                                                                 uint32_t first, const char *format, ...);
static inline bool diagnostics_any(const struct diagnostics *diagnostics)
{
    return diagnostics->count > 0;
}
/* A line of the text, its length without the line break; NULL where there is none. Borrows. */
const char *diagnostics_line(const struct diagnostics *diagnostics, uint32_t line, size_t *length);
void diagnostics_sort(struct diagnostics *diagnostics);
void diagnostics_print(const struct diagnostics *diagnostics, FILE *out, bool colour);

#endif
