#include "harness/json.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/assert.h"
#include "harness/text.h"

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

static void put_string(struct json *json, const char *value)
{
    fputc('"', json->out);
    for (const char *at = value, *end = value + strlen(value); at < end;) {
        size_t size = text_character_size(at, (size_t)(end - at));
        if (size == 0) {
            fputs("\\ufffd", json->out);
            at++;
            continue;
        }
        if (*at == '"' || *at == '\\')
            fprintf(json->out, "\\%c", *at);
        else if (*at == '\n')
            fputs("\\n", json->out);
        else if (size == 1 && text_is_control(at, 1))
            fprintf(json->out, "\\u%04x", (unsigned)*at);
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
