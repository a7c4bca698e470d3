/* Colours, where a person reads: a terminal, or FORCE_COLOR; never with NO_COLOR (no-color.org). */
#ifndef HARNESS_TERMINAL_H
#define HARNESS_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

bool terminal_has_colour(FILE *stream);
struct palette {
    const char *bold, *dim, *red, *green, *cyan, *plain; /* all "" without colour */
};
struct palette terminal_palette(FILE *stream);
/* Prints prose with every line indented and wrapped at about `width` columns; blank lines and lines that
 * begin with spaces (pictures) stay as they are. */
void terminal_print_prose(FILE *out, const char *text, unsigned indent, unsigned width);

#endif
