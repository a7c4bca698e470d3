#include "harness/json.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/assert.h"

struct json json_to(FILE *out, bool pretty)
{
    return (struct json){.out = out, .pretty = pretty};
}

static void new_line(struct json *json)
{
    if (!json->pretty)
        return;
    fputc('\n', json->out);
    for (unsigned i = 0; i < json->depth; i++)
        fputs("  ", json->out);
}

/* Bytes of the valid UTF-8 character at text, 0 where there is none. */
static size_t character_size(const unsigned char *text)
{
    size_t size = text[0] < 0x80 ? 1 : text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : text[0] >= 0xc2 ? 2 : 0;
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    }
    return size;
}

static void put_string(struct json *json, const char *value)
{
    fputc('"', json->out);
    for (const unsigned char *at = (const unsigned char *)value; *at != '\0';) {
        size_t size = character_size(at);
        if (size == 0) {
            fputs("\\ufffd", json->out);
            at++;
            continue;
        }
        if (*at == '"' || *at == '\\')
            fprintf(json->out, "\\%c", *at);
        else if (*at == '\n')
            fputs("\\n", json->out);
        else if (*at < 0x20 || *at == 0x7f)
            fprintf(json->out, "\\u%04x", *at);
        else
            fwrite(at, 1, size, json->out);
        at += size;
    }
    fputc('"', json->out);
}

static void begin(struct json *json, const char *key)
{
    if (json->depth > 0) {
        if (json->filled[json->depth - 1])
            fputs(json->pretty ? "," : ", ", json->out);
        json->filled[json->depth - 1] = true;
        new_line(json);
    }
    if (key != NULL) {
        put_string(json, key);
        fputs(": ", json->out);
    }
}

static void open_container(struct json *json, const char *key, char bracket)
{
    begin(json, key);
    ISR_ASSERT(json->depth < JSON_DEPTH_MAX);
    fputc(bracket, json->out);
    json->filled[json->depth++] = false;
}

static void close_container(struct json *json, char bracket)
{
    ISR_ASSERT(json->depth > 0);
    json->depth--;
    if (json->filled[json->depth])
        new_line(json);
    fputc(bracket, json->out);
}

void json_open_object(struct json *json, const char *key)
{
    open_container(json, key, '{');
}

void json_close_object(struct json *json)
{
    close_container(json, '}');
}

void json_open_list(struct json *json, const char *key)
{
    open_container(json, key, '[');
}

void json_close_list(struct json *json)
{
    close_container(json, ']');
}

void json_string(struct json *json, const char *key, const char *value)
{
    begin(json, key);
    if (value == NULL)
        fputs("null", json->out);
    else
        put_string(json, value);
}

void json_integer(struct json *json, const char *key, int64_t value)
{
    begin(json, key);
    fprintf(json->out, "%" PRId64, value);
}

void json_unsigned(struct json *json, const char *key, uint64_t value)
{
    begin(json, key);
    fprintf(json->out, "%" PRIu64, value);
}

void json_flag(struct json *json, const char *key, bool value)
{
    begin(json, key);
    fputs(value ? "true" : "false", json->out);
}

void json_end(struct json *json)
{
    ISR_ASSERT(json->depth == 0);
    fputc('\n', json->out);
}
