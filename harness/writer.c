#include "harness/writer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/assert.h"
#include "harness/text.h"

struct writer writer_of(const struct sim_spec *spec)
{
    struct writer writer = {.spec = spec, .capacity = 4096};
    writer.text = calloc(1, writer.capacity);
    if (writer.text == NULL) {
        fputs("isrsim: out of memory\n", stderr);
        exit(1);
    }
    return writer;
}

static void append(struct writer *writer, const char *bytes, size_t length)
{
    if (writer->capacity - writer->length <= length) {
        size_t capacity = 2 * (writer->capacity + length);
        char *text = realloc(writer->text, capacity);
        if (text == NULL) {
            fputs("isrsim: out of memory\n", stderr);
            exit(1);
        }
        writer->text = text;
        writer->capacity = capacity;
    }
    memcpy(writer->text + writer->length, bytes, length);
    writer->length += length;
    writer->text[writer->length] = '\0';
}

static void append_text(struct writer *writer, const char *text)
{
    append(writer, text, strlen(text));
}

void writer_rewind(struct writer *writer, const struct writer *to)
{
    char *text = writer->text;
    size_t capacity = writer->capacity;
    *writer = *to;
    writer->text = text;
    writer->capacity = capacity;
    writer->text[writer->length] = '\0';
}

/* ---- containers ---- */

/* Has the innermost container a line for each element? */
static bool is_spread(const struct writer *writer)
{
    return writer->depth > 0 && writer->depth <= writer->spread;
}

static void new_line(struct writer *writer, unsigned indent)
{
    if (writer->length > 0 && writer->text[writer->length - 1] != '\n')
        append(writer, "\n", 1);
    for (unsigned i = 0; i < indent; i++)
        append(writer, "  ", 2);
}

static void begin_value(struct writer *writer)
{
    if (writer->after_key)
        append(writer, " ", 1);
    writer->after_key = false;
}

void writer_open(struct writer *writer, char bracket)
{
    ISR_ASSERT(writer->depth + 1 < WRITER_DEPTH_MAX);
    if (writer->depth >= writer->spread) {
        begin_value(writer);
        append(writer, &bracket, 1);
    }
    writer->filled[++writer->depth] = false;
}

void writer_close(struct writer *writer, char bracket)
{
    bool spread = is_spread(writer), filled = writer->filled[writer->depth];
    const char *empty = bracket == '}' ? "{}" : "[]";
    ISR_ASSERT(writer->depth > 0);
    writer->depth--;
    if (!spread) {
        append(writer, &bracket, 1);
    } else if (!filled) {
        begin_value(writer);
        append(writer, empty, 2);
    }
}

static void begin_element(struct writer *writer)
{
    bool first = !writer->filled[writer->depth];
    writer->filled[writer->depth] = true;
    writer->after_key = false;
    if (is_spread(writer))
        new_line(writer, writer->depth - 1);
    else if (!first)
        append(writer, ", ", 2);
}

/* ---- scalars ---- */

void writer_word(struct writer *writer, const char *text)
{
    begin_value(writer);
    append_text(writer, text);
}

static uint32_t character_at(const char *text, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)text;
    uint32_t character = size == 1 ? bytes[0] : bytes[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++)
        character = character << 6 | (bytes[i] & 0x3fu);
    return character;
}

/* A character that stands for itself in quotes and in blocks; what YAML counts among line breaks does not. */
static bool stands_for_itself(uint32_t character)
{
    return (character >= 0x20 && character < 0x7f) ||
           (character >= 0xa0 && character < 0xfffe && character != 0x2028 && character != 0x2029 &&
            character != 0xfeff) ||
           (character >= 0x10000 && (character & 0xfffe) != 0xfffe);
}

static void append_quoted(struct writer *writer, const char *text)
{
    append(writer, "\"", 1);
    for (size_t left = strlen(text), size; left > 0; text += size, left -= size) {
        char escape[16];
        size = text_character_size(text, left);
        uint32_t character = size == 0 ? 0xfffd : character_at(text, size);
        size = size == 0 ? 1 : size;
        if (character == '"' || character == '\\')
            append(writer, "\\", 1);
        if (character == '\n')
            append(writer, "\\n", 2);
        else if (stands_for_itself(character) && character != 0xfffd)
            append(writer, text, size);
        else
            append(writer, escape, (size_t)snprintf(escape, sizeof escape, "\\U%08X", (unsigned)character));
    }
    append(writer, "\"", 1);
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_plain(const char *text)
{
    size_t length = strlen(text);
    return is_letter_or_digit(text[0]) &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/%+-") == length;
}

void writer_key(struct writer *writer, const char *name)
{
    begin_element(writer);
    if (is_plain(name))
        append_text(writer, name);
    else
        append_quoted(writer, name);
    append(writer, ":", 1);
    writer->after_key = true;
}

void writer_item(struct writer *writer)
{
    begin_element(writer);
    if (is_spread(writer))
        append(writer, "- ", 2);
}

/* Can the text be a block? Its first line tells how far it is indented, and it must end as blocks do. */
static bool is_block(const char *text)
{
    size_t length = strlen(text);
    if (memchr(text, '\n', length) == NULL || text[0] == ' ' || text[0] == '\n' ||
        (length > 1 && text[length - 1] == '\n' && text[length - 2] == '\n'))
        return false;
    for (size_t left = length, size; left > 0; text += size, left -= size) {
        size = text_character_size(text, left);
        if (size == 0 || (*text != '\n' && !stands_for_itself(character_at(text, size))))
            return false;
    }
    return true;
}

static void append_block(struct writer *writer, const char *text)
{
    size_t length = strlen(text);
    append_text(writer, text[length - 1] == '\n' ? "|" : "|-");
    while (*text != '\0') {
        size_t line = strcspn(text, "\n");
        append(writer, "\n", 1);
        if (line > 0)
            new_line(writer, writer->depth);
        append(writer, text, line);
        text += line + (text[line] == '\n');
    }
}

void writer_prose(struct writer *writer, const char *text)
{
    begin_value(writer);
    if (is_plain(text))
        append_text(writer, text);
    else if (is_spread(writer) && is_block(text))
        append_block(writer, text);
    else
        append_quoted(writer, text);
}

void writer_comment(struct writer *writer, const char *text)
{
    while (*text != '\0') {
        size_t line = strcspn(text, "\n");
        new_line(writer, 0);
        append_text(writer, line > 0 ? "# " : "#");
        append(writer, text, line);
        append(writer, "\n", 1);
        text += line + (text[line] == '\n');
    }
}

char *writer_finish(struct writer *writer)
{
    new_line(writer, 0);
    return writer->text;
}
