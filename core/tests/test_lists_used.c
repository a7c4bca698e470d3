/* Whatever stands in a list of core/ is used by the engine's code: a setting that nothing reads, a metric
 * that nothing changes, an observation that nobody makes is worse than none. Reads the sources beside this
 * file. */
#define _POSIX_C_SOURCE 200809L
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const rooms[] = {"",          "base/",       "policy/", "wire/",   "log/", "quorum/",
                                    "metadata/", "controller/", "broker/", "client/", "peer/"};

/* All of the engine's code, without the lists. */
static char *code;
static size_t code_bytes;

static void read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char piece[4096];
    size_t got;
    while ((got = fread(piece, 1, sizeof piece, file)) > 0) {
        code = realloc(code, code_bytes + got + 1);
        assert_non_null(code);
        memcpy(code + code_bytes, piece, got);
        code_bytes += got;
        code[code_bytes] = '\0';
    }
    fclose(file);
}

static bool is_code(const char *name)
{
    size_t length = strlen(name);
    return length > 2 && (strcmp(name + length - 2, ".c") == 0 || strcmp(name + length - 2, ".h") == 0);
}

static int read_code(void **state)
{
    (void)state;
    char core[3000] = __FILE__;
    char *end = strstr(core, "tests/test_lists_used.c");
    assert_non_null(end);
    *end = '\0';
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        char path[4000];
        snprintf(path, sizeof path, "%s%s", core, rooms[i]);
        DIR *room = opendir(path);
        assert_non_null(room);
        const struct dirent *entry;
        while ((entry = readdir(room)) != NULL) {
            if (!is_code(entry->d_name))
                continue;
            snprintf(path, sizeof path, "%s%s%.255s", core, rooms[i], entry->d_name);
            read_file(path);
        }
        closedir(room);
    }
    return 0;
}

static int drop_code(void **state)
{
    (void)state;
    free(code);
    return 0;
}

static bool continues_a_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static unsigned uses(const char *before, const char *name)
{
    char word[200];
    int length = snprintf(word, sizeof word, "%s%s", before, name);
    unsigned count = 0;
    for (const char *at = code; (at = strstr(at, word)) != NULL; at += length)
        count += !continues_a_word(at[length]);
    return count;
}

static unsigned field_uses(const char *structure, const char *name)
{
    char by_value[64], by_pointer[64];
    snprintf(by_value, sizeof by_value, "%s.", structure);
    snprintf(by_pointer, sizeof by_pointer, "%s->", structure);
    return uses(by_value, name) + uses(by_pointer, name);
}

static void check(bool fulfilled, const char *list, const char *name)
{
    if (!fulfilled)
        fail_msg("%s: %s is listed, but the engine's code does not use it as it should", list, name);
}

static void reads_every_setting(void **state)
{
    (void)state;
#define X(kind, name, standard, least, most, meaning) \
    check(field_uses("config", #name) > 0, "config.def", #name);
#include "core/config.def"
#undef X
}

static void reads_every_topic_setting(void **state)
{
    (void)state;
#define X(kind, name, standard, least, most, words, meaning) \
    check(field_uses("settings", #name) > 0, "topic.def", #name);
#include "core/topic.def"
#undef X
}

static void changes_every_metric(void **state)
{
    (void)state;
#define X(kind, name, meaning) check(field_uses("metrics", #name) > 0, "metrics.def", #name);
#include "core/metrics.def"
#undef X
}

static void reads_every_rule_in_one_place(void **state)
{
    (void)state;
#define X(name, correct, wrong, source, sentence) check(field_uses("rules", #name) == 1, "rules.def", #name);
#include "core/rules.def"
#undef X
}

/* Asked for, and stopped at. */
static void stops_at_every_yield_point(void **state)
{
    (void)state;
#define X(NAME, name, source, meaning) check(uses("ISR_YIELD_", #NAME) >= 2, "yields.def", #name);
#include "core/yields.def"
#undef X
}

static void makes_every_observation(void **state)
{
    (void)state;
#define X(NAME, name, importance, fields) check(uses("ISR_OBSERVED_", #NAME) > 0, "observations.def", #NAME);
#include "core/observations.def"
#undef X
}

static void tells_every_cause(void **state)
{
    (void)state;
#define X(NAME, words) check(uses("ISR_CAUSE_", #NAME) > 0, "causes.def", #NAME);
#include "core/causes.def"
#undef X
}

/* Given out or understood: some answers to AlterPartition exist for the sake of other controllers. */
static void knows_every_error(void **state)
{
    (void)state;
#define X(NAME, retriable) check(uses("ISR_ERROR_", #NAME) > 0, "error.def", #NAME);
#include "core/base/error.def"
#undef X
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_setting),        cmocka_unit_test(reads_every_topic_setting),
        cmocka_unit_test(changes_every_metric),       cmocka_unit_test(reads_every_rule_in_one_place),
        cmocka_unit_test(stops_at_every_yield_point), cmocka_unit_test(makes_every_observation),
        cmocka_unit_test(tells_every_cause),          cmocka_unit_test(knows_every_error),
    };
    return cmocka_run_group_tests(tests, read_code, drop_code);
}
