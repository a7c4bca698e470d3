#include "harness/museum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/rules.h"
#include "harness/runner.h"
#include "harness/value.h"

static const char folder[] = "scenarios/museum";
static const char shrunk_folder[] = "/shrunk/";

static int compare_exhibits(const void *a, const void *b)
{
    const struct loaded *left = a, *right = b;
    int32_t x = left->scenario.exhibit.number, y = right->scenario.exhibit.number;
    return x != y ? (x < y ? -1 : 1) : strcmp(left->path, right->path);
}

void museum_order(struct loaded_list *scenarios)
{
    qsort(scenarios->items, scenarios->count, sizeof *scenarios->items, compare_exhibits);
}

static bool is_wanted(const struct loaded *loaded, const int64_t *numbers, int numbers_count)
{
    if (loaded->scenario.exhibit.number == 0 || strstr(loaded->path, shrunk_folder) != NULL)
        return false;
    for (int i = 0; i < numbers_count; i++) {
        if (numbers[i] == loaded->scenario.exhibit.number)
            return true;
    }
    return numbers_count == 0;
}

static bool is_there(const struct loaded_list *list, int64_t number)
{
    for (size_t i = 0; i < list->count; i++) {
        if (is_wanted(&list->items[i], &number, 1))
            return true;
    }
    return false;
}

static bool read_numbers(const struct loaded_list *list, const char *command, const char *const *texts,
                         int count, int64_t *numbers)
{
    for (int i = 0; i < count; i++) {
        struct value_error error;
        char message[96];
        if (!value_count(texts[i], "number of an exhibit", INT32_MAX, &numbers[i], &error))
            return command_complain(command, NULL, error.message, error.hint);
        if (is_there(list, numbers[i]))
            continue;
        snprintf(message, sizeof message, "there is no exhibit %d in %s", (int)numbers[i], folder);
        return command_complain(command, NULL, message, "`isrsim museum` lists them");
    }
    return true;
}

/* Those that are not wanted go. */
static void keep_wanted(struct loaded_list *list, const int64_t *numbers, int numbers_count)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (is_wanted(&list->items[i], numbers, numbers_count))
            list->items[kept++] = list->items[i];
        else
            scenario_free(&list->items[i].scenario);
    }
    list->count = kept;
}

bool museum_load(struct loaded_list *exhibits, const char *command, const char *const *numbers,
                 int numbers_count)
{
    const char *const paths[] = {folder};
    int64_t *wanted = calloc((size_t)numbers_count + 1, sizeof *wanted);
    if (files_load(exhibits, paths, 1) > 0 || wanted == NULL || !runner_can_run_all(command, exhibits) ||
        !read_numbers(exhibits, command, numbers, numbers_count, wanted)) {
        files_free(exhibits);
        free(wanted);
        return false;
    }
    keep_wanted(exhibits, wanted, numbers_count);
    free(wanted);
    museum_order(exhibits);
    return true;
}

const struct scenario_variant *museum_searched(const struct scenario *exhibit)
{
    const struct scenario_variant *variant = scenario_variant_named(exhibit, exhibit->exhibit.search.variant);
    return variant != NULL ? variant : &exhibit->variants[0];
}

void museum_rules_text(const struct isr_rules *rules, char *text, size_t size)
{
    size_t count, used = 0;
    const struct isr_rule_info *infos = isr_rules_list(&count);
    text[0] = '\0';
    for (size_t i = 0; i < count && used < size; i++) {
        uint8_t value;
        memcpy(&value, (const char *)rules + infos[i].position, sizeof value);
        if (value != 0)
            used += (size_t)snprintf(text + used, size - used, "%s%s=%s", used > 0 ? ", " : "", infos[i].name,
                                     infos[i].values[value]);
    }
}

bool museum_shrunk_path(const struct loaded *exhibit, char *text, size_t size)
{
    const char *slash = strrchr(exhibit->path, '/');
    const char *name = slash != NULL ? slash + 1 : exhibit->path;
    int folder_length = slash != NULL ? (int)(slash - exhibit->path) : 0;
    snprintf(text, size, "%.*s%s%s", folder_length, exhibit->path, shrunk_folder, name);
    return access(text, R_OK) == 0;
}
