#include "harness/diagnostics.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "harness/text.h"

enum { SHOWN_LINE_MAX = 160 };

void diagnostics_init(struct diagnostics *diagnostics, const char *file, const char *text, size_t text_bytes)
{
    memset(diagnostics, 0, sizeof *diagnostics);
    diagnostics->file = file;
    diagnostics->text = text;
    diagnostics->text_bytes = text_bytes;
}

void diagnostics_add(struct diagnostics *diagnostics, struct place place, const char *format, ...)
{
    if (diagnostics->count == DIAGNOSTICS_MAX) {
        diagnostics->dropped++;
        return;
    }
    struct diagnostic *item = &diagnostics->items[diagnostics->count++];
    item->place = place;
    item->hint[0] = '\0';
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(item->message, sizeof item->message, format, arguments);
    va_end(arguments);
    text_make_printable(item->message);
}

static void set_hint(struct diagnostic *item, const char *format, va_list arguments)
{
    vsnprintf(item->hint, sizeof item->hint, format, arguments);
    text_make_printable(item->hint);
}

void diagnostics_hint(struct diagnostics *diagnostics, const char *format, ...)
{
    if (diagnostics->count == 0 || diagnostics->dropped > 0)
        return;
    va_list arguments;
    va_start(arguments, format);
    set_hint(&diagnostics->items[diagnostics->count - 1], format, arguments);
    va_end(arguments);
}

void diagnostics_hint_rest(struct diagnostics *diagnostics, uint32_t first, const char *format, ...)
{
    for (uint32_t i = first; i < diagnostics->count; i++) {
        va_list arguments;
        va_start(arguments, format);
        if (diagnostics->items[i].hint[0] == '\0')
            set_hint(&diagnostics->items[i], format, arguments);
        va_end(arguments);
    }
}

/* Insertion sort: stable, and there are at most ten. */
void diagnostics_sort(struct diagnostics *diagnostics)
{
    for (uint32_t i = 1; i < diagnostics->count; i++) {
        struct diagnostic moved = diagnostics->items[i];
        uint32_t to = i;
        while (to > 0 && (diagnostics->items[to - 1].place.line > moved.place.line ||
                          (diagnostics->items[to - 1].place.line == moved.place.line &&
                           diagnostics->items[to - 1].place.column > moved.place.column))) {
            diagnostics->items[to] = diagnostics->items[to - 1];
            to--;
        }
        diagnostics->items[to] = moved;
    }
}

/* Bytes of the line break at text, as YAML sees it (CR LF, LF, CR, NEL, LS, PS); 0 when there is none. */
static size_t line_break(const char *text, size_t length)
{
    if (length >= 2 && memcmp(text, "\r\n", 2) == 0)
        return 2;
    if (length >= 1 && (*text == '\n' || *text == '\r'))
        return 1;
    if (length >= 2 && memcmp(text, "\xc2\x85", 2) == 0)
        return 2;
    if (length >= 3 && (memcmp(text, "\xe2\x80\xa8", 3) == 0 || memcmp(text, "\xe2\x80\xa9", 3) == 0))
        return 3;
    return 0;
}

const char *diagnostics_line(const struct diagnostics *diagnostics, uint32_t line, size_t *length)
{
    const char *at = diagnostics->text, *end = at + diagnostics->text_bytes;
    if (at == NULL)
        return NULL;
    for (uint32_t number = 1; at < end; number++) {
        const char *stop = at;
        while (stop < end && line_break(stop, (size_t)(end - stop)) == 0)
            stop++;
        if (number == line) {
            *length = (size_t)(stop - at);
            return at;
        }
        at = stop < end ? stop + line_break(stop, (size_t)(end - stop)) : end;
    }
    return NULL;
}

/* The source line and a caret under the column; tabs are copied so that the caret stands under its character.
 */
static void print_source(const struct diagnostics *diagnostics, struct place place, FILE *out,
                         const char *bold, const char *plain)
{
    size_t length = 0;
    const char *line = diagnostics_line(diagnostics, place.line, &length);
    if (line == NULL || place.column > SHOWN_LINE_MAX)
        return;
    char shown[SHOWN_LINE_MAX * 4 + 1], spaces[SHOWN_LINE_MAX * 2 + 1];
    size_t used = 0, at = 0;
    uint32_t column = 1;
    for (; at < length && column <= SHOWN_LINE_MAX; column++) {
        size_t size = text_character_size(line + at, length - at);
        bool plain_tab = line[at] == '\t';
        if (size == 0 || (text_is_control(line + at, length - at) && !plain_tab)) {
            shown[used++] = '?';
        } else {
            memcpy(shown + used, line + at, size);
            used += size;
        }
        spaces[column - 1] = plain_tab ? '\t' : ' ';
        at += size == 0 ? 1 : size;
    }
    for (; column <= place.column; column++)
        spaces[column - 1] = ' ';
    fprintf(out, "%6u | %.*s%s\n", place.line, (int)used, shown, at < length ? "..." : "");
    fprintf(out, "       | %.*s%s^%s\n", (int)place.column - 1, spaces, bold, plain);
}

void diagnostics_print(const struct diagnostics *diagnostics, FILE *out, bool colour)
{
    const char *red = colour ? "\033[1;31m" : "", *bold = colour ? "\033[1m" : "",
               *plain = colour ? "\033[0m" : "";
    for (uint32_t i = 0; i < diagnostics->count; i++) {
        const struct diagnostic *item = &diagnostics->items[i];
        if (item->place.line == 0) {
            fprintf(out, "%s%s:%s %serror:%s %s\n", bold, diagnostics->file, plain, red, plain,
                    item->message);
        } else {
            fprintf(out, "%s%s:%u:%u:%s %serror:%s %s\n", bold, diagnostics->file, item->place.line,
                    item->place.column, plain, red, plain, item->message);
            print_source(diagnostics, item->place, out, red, plain);
        }
        if (item->hint[0] != '\0')
            fprintf(out, "       = hint: %s\n", item->hint);
    }
    if (diagnostics->dropped > 0)
        fprintf(out, "%s: and %u more errors\n", diagnostics->file, diagnostics->dropped);
}
