/* isrsim list, check, schema, rules: what there is, without running it. */
#include <stdio.h>
#include <string.h>

#include "core/base/rules.h"
#include "harness/commands.h"
#include "harness/files.h"
#include "harness/json.h"
#include "harness/runner.h"
#include "harness/terminal.h"

/* ---- list ---- */

/* The first sentence of a prose, without line breaks. */
static void first_sentence(const char *about, char *text, size_t size)
{
    size_t used = 0;
    for (; about != NULL && *about != '\0' && used + 1 < size; about++) {
        text[used++] = *about == '\n' ? ' ' : *about;
        bool stop = *about == '.' && (about[1] == ' ' || about[1] == '\n' || about[1] == '\0');
        bool paragraph = *about == '\n' && about[1] == '\n';
        if (stop || paragraph)
            break;
    }
    text[used] = '\0';
}

/* Why this build cannot run a variant, with what to do; "" where it can. */
static void missing_text(const struct scenario_variant *variant, char *text, size_t size)
{
    const char *hint, *missing = sim_consensus_missing(variant->spec.consensus, &hint);
    text[0] = '\0';
    if (missing != NULL)
        snprintf(text, size, "%s; %s", missing, hint);
}

static void list_json(const struct loaded *loaded)
{
    const struct scenario *scenario = &loaded->scenario;
    for (uint32_t v = 0; v < scenario->variants_count; v++) {
        const struct scenario_variant *variant = &scenario->variants[v];
        char text[400];
        struct json json = json_to(stdout, false);
        json_open_object(&json, NULL);
        json_integer(&json, "schema", 1);
        json_string(&json, "file", loaded->path);
        json_string(&json, "scenario", scenario->base.name);
        json_string(&json, "variant", variant->name);
        json_open_list(&json, "tags");
        for (uint32_t i = 0; i < scenario->tags.count; i++)
            json_string(&json, NULL, scenario->tags.items[i]);
        json_close_list(&json);
        runner_describe_expectation(&variant->expectation, text, sizeof text);
        json_string(&json, "expect", text);
        missing_text(variant, text, sizeof text);
        json_string(&json, "missing", text[0] != '\0' ? text : NULL);
        first_sentence(scenario->about, text, sizeof text);
        json_string(&json, "about", text);
        json_string(&json, "source", scenario->source);
        json_unsigned(&json, "seed", variant->spec.seed);
        json_close_object(&json);
        json_end(&json);
    }
}

static void list_text(const struct loaded *loaded, const struct palette *palette)
{
    const struct scenario *scenario = &loaded->scenario;
    char text[400];
    printf("%s%s%s", palette->bold, scenario->base.name, palette->plain);
    for (uint32_t i = 0; i < scenario->tags.count; i++)
        printf("%s%s%s%s", i == 0 ? "  [" : ", ", palette->cyan, scenario->tags.items[i], palette->plain);
    printf("%s\n  %s%s%s\n", scenario->tags.count > 0 ? "]" : "", palette->dim, loaded->path, palette->plain);
    for (uint32_t v = 0; v < scenario->variants_count; v++) {
        const struct scenario_variant *variant = &scenario->variants[v];
        runner_describe_expectation(&variant->expectation, text, sizeof text);
        if (strcmp(variant->name, "default") == 0)
            printf("  expected: %s\n", text);
        else
            printf("  expected of %s: %s\n", variant->name, text);
        missing_text(variant, text, sizeof text);
        if (text[0] != '\0')
            printf("  cannot be run: %s\n", text);
    }
    first_sentence(scenario->about, text, sizeof text);
    if (text[0] != '\0')
        terminal_print_prose(stdout, text, 2, 100);
}

int isr_command_list(const struct command_line *line)
{
    static const char *const standard[] = {"scenarios"};
    bool given = line->arguments_count > 0;
    struct loaded_list list;
    struct palette palette = terminal_palette(stdout);
    size_t bad = files_load(&list, given ? line->arguments : standard, given ? line->arguments_count : 1);
    for (size_t i = 0; i < list.count; i++) {
        if (option_given(line, OPTION_JSON))
            list_json(&list.items[i]);
        else
            list_text(&list.items[i], &palette);
    }
    files_free(&list);
    return bad > 0 ? 1 : 0;
}

/* ---- check ---- */

int isr_command_check(const struct command_line *line)
{
    struct loaded_list list;
    if (line->arguments_count == 0) {
        command_complain("check", NULL, "which scenario?", "`isrsim list` shows those at hand");
        return 1;
    }
    size_t bad = files_load(&list, line->arguments, line->arguments_count);
    if (!option_given(line, OPTION_QUIET)) {
        for (size_t i = 0; i < list.count; i++)
            printf("%s: ok\n", list.items[i].path);
    }
    files_free(&list);
    return bad > 0 ? 1 : 0;
}

/* ---- schema, rules ---- */

int isr_command_schema(const struct command_line *line)
{
    if (!command_takes_no_argument(line))
        return 1;
    scenario_schema(stdout);
    return 0;
}

int isr_command_rules(const struct command_line *line)
{
    size_t count;
    const struct isr_rule_info *rules = isr_rules_list(&count);
    struct palette palette = terminal_palette(stdout);
    if (!command_takes_no_argument(line))
        return 1;
    for (size_t i = 0; i < count; i++) {
        if (option_given(line, OPTION_JSON)) {
            struct json json = json_to(stdout, false);
            json_open_object(&json, NULL);
            json_integer(&json, "schema", 1);
            json_string(&json, "rule", rules[i].name);
            json_string(&json, "correct", rules[i].values[0]);
            json_string(&json, "wrong", rules[i].values[1]);
            json_string(&json, "source", rules[i].source);
            json_string(&json, "meaning", rules[i].sentence);
            json_close_object(&json);
            json_end(&json);
            continue;
        }
        printf("%s%s%s = %s%s%s (correct) | %s%s%s   %s%s%s\n", palette.bold, rules[i].name, palette.plain,
               palette.green, rules[i].values[0], palette.plain, palette.red, rules[i].values[1],
               palette.plain, palette.dim, rules[i].source, palette.plain);
        printf("    %s: %s\n", rules[i].values[1], rules[i].sentence);
    }
    return 0;
}
