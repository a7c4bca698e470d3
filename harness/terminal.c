#include "harness/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool set(const char *variable)
{
    const char *value = getenv(variable);
    return value != NULL && *value != '\0';
}

bool terminal_has_colour(FILE *stream)
{
    if (set("NO_COLOR"))
        return false;
    if (set("FORCE_COLOR"))
        return strcmp(getenv("FORCE_COLOR"), "0") != 0;
    const char *terminal = getenv("TERM");
    return isatty(fileno(stream)) == 1 && (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

struct palette terminal_palette(FILE *stream)
{
    if (!terminal_has_colour(stream))
        return (struct palette){"", "", "", "", "", ""};
    return (struct palette){.bold = "\033[1m",
                            .dim = "\033[2m",
                            .red = "\033[1;31m",
                            .green = "\033[1;32m",
                            .cyan = "\033[36m",
                            .plain = "\033[0m"};
}

static void print_indent(FILE *out, unsigned indent)
{
    for (unsigned i = 0; i < indent; i++)
        fputc(' ', out);
}

/* Words of one line that flow on after what stands in the line already. Returns the column. */
static unsigned flow(FILE *out, const char *line, size_t length, unsigned column, unsigned indent,
                     unsigned width)
{
    for (size_t at = 0; at < length;) {
        if (line[at] == ' ') {
            at++;
            continue;
        }
        size_t word = 0;
        while (at + word < length && line[at + word] != ' ')
            word++;
        if (column > 0 && column + 1 + word > width) {
            fputc('\n', out);
            column = 0;
        }
        if (column == 0)
            print_indent(out, indent);
        else
            fputc(' ', out);
        column += (column == 0 ? indent : 1) + (unsigned)word;
        fwrite(line + at, 1, word, out);
        at += word;
    }
    return column;
}

void terminal_print_prose(FILE *out, const char *text, unsigned indent, unsigned width)
{
    unsigned column = 0;
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        bool picture = *text == ' ';
        if (length == 0 || picture) {
            if (column > 0)
                fputc('\n', out);
            if (picture)
                print_indent(out, indent);
            fwrite(text, 1, length, out);
            if (length > 0 || text[1] != '\0')
                fputc('\n', out);
            column = 0;
        } else {
            column = flow(out, text, length, column, indent, width);
        }
        text += length + (text[length] == '\n');
    }
    if (column > 0)
        fputc('\n', out);
}
