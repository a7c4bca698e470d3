/* Writes JSON: pretty (two spaces) or on one line. Strings are given as UTF-8; what is not becomes U+FFFD. */
#ifndef HARNESS_JSON_H
#define HARNESS_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { JSON_DEPTH_MAX = 24 };

struct json {
    FILE *out;
    bool pretty;
    unsigned depth;
    bool filled[JSON_DEPTH_MAX]; /* has the open object or list an element? */
};

struct json json_to(FILE *out, bool pretty);
/* key is NULL inside a list and at the top. */
void json_open_object(struct json *json, const char *key);
void json_close_object(struct json *json);
void json_open_list(struct json *json, const char *key);
void json_close_list(struct json *json);
void json_string(struct json *json, const char *key, const char *value); /* value NULL: null */
void json_integer(struct json *json, const char *key, int64_t value);
void json_unsigned(struct json *json, const char *key, uint64_t value);
void json_flag(struct json *json, const char *key, bool value);
/* Ends the text with a newline. */
void json_end(struct json *json);

#endif
