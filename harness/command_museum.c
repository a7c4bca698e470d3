/* isrsim museum: what is in it; whether each exhibit is what it says (verify); how well search finds it
 * (power). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/profile.h"
#include "harness/commands.h"
#include "harness/count_option.h"
#include "harness/museum.h"
#include "harness/museum_power.h"
#include "harness/runner.h"
#include "harness/terminal.h"

enum { WIDTH = 100, QUICK_BASES = 2 };

static const char *profile_name(const struct scenario_search *search)
{
    size_t count;
    return fault_profiles_list(&count)[search->profile].name;
}

/* ---- list ---- */

static void list_rules(const struct loaded *exhibit, const struct palette *palette)
{
    for (uint32_t v = 0; v < exhibit->scenario.variants_count; v++) {
        const struct scenario_variant *variant = &exhibit->scenario.variants[v];
        char rules[600], expected[200], line[1000];
        museum_rules_text(&variant->spec.rules, rules, sizeof rules);
        runner_describe_expectation(&variant->expectation, expected, sizeof expected);
        if (rules[0] == '\0')
            continue;
        snprintf(line, sizeof line, "%s: %s: %s", variant->name, rules, expected);
        printf("%s", palette->cyan);
        terminal_print_prose(stdout, line, 2, WIDTH);
        printf("%s", palette->plain);
    }
}

static void list_text(const struct loaded *exhibit, const struct palette *palette)
{
    const struct scenario *scenario = &exhibit->scenario;
    const struct scenario_search *search = &scenario->exhibit.search;
    printf("%s%2d  %s%s  %s, %d  %s%s%s\n", palette->bold, scenario->exhibit.number, scenario->base.name,
           palette->plain, scenario->exhibit.system, scenario->exhibit.year, palette->dim,
           scenario->source != NULL ? scenario->source : "", palette->plain);
    terminal_print_prose(stdout, scenario->exhibit.loss, 2, WIDTH);
    if (scenario->about != NULL)
        terminal_print_prose(stdout, scenario->about, 2, WIDTH);
    list_rules(exhibit, palette);
    if (search->budget > 0)
        printf("  random search finds %s within %" PRId64 " seeds of profile %s\n",
               museum_searched(scenario)->name, search->budget, profile_name(search));
    printf("  %s%s%s\n\n", palette->dim, exhibit->path, palette->plain);
}

static void variants_json(struct json *json, const struct scenario *scenario)
{
    json_open_list(json, "variants");
    for (uint32_t v = 0; v < scenario->variants_count; v++) {
        const struct scenario_variant *variant = &scenario->variants[v];
        char rules[600], expected[200];
        museum_rules_text(&variant->spec.rules, rules, sizeof rules);
        runner_describe_expectation(&variant->expectation, expected, sizeof expected);
        json_open_object(json, NULL);
        json_string(json, "variant", variant->name);
        json_string(json, "rules", rules);
        json_string(json, "expect", expected);
        json_close_object(json);
    }
    json_close_list(json);
}

static void list_json(const struct loaded *exhibit)
{
    const struct scenario *scenario = &exhibit->scenario;
    const struct scenario_search *search = &scenario->exhibit.search;
    struct json json = json_to(stdout, false);
    json_open_object(&json, NULL);
    json_integer(&json, "schema", 1);
    json_integer(&json, "exhibit", scenario->exhibit.number);
    json_string(&json, "name", scenario->base.name);
    json_string(&json, "file", exhibit->path);
    json_string(&json, "system", scenario->exhibit.system);
    json_integer(&json, "year", scenario->exhibit.year);
    json_string(&json, "source", scenario->source);
    json_string(&json, "loss", scenario->exhibit.loss);
    json_string(&json, "about", scenario->about);
    variants_json(&json, scenario);
    if (search->budget > 0) {
        json_open_object(&json, "search");
        json_string(&json, "profile", profile_name(search));
        json_integer(&json, "budget", search->budget);
        json_string(&json, "variant", museum_searched(scenario)->name);
        json_close_object(&json);
    }
    json_close_object(&json);
    json_end(&json);
}

static int list(const struct command_line *line, const struct loaded_list *exhibits)
{
    struct palette palette = terminal_palette(stdout);
    for (size_t i = 0; i < exhibits->count; i++) {
        if (option_given(line, OPTION_JSON))
            list_json(&exhibits->items[i]);
        else
            list_text(&exhibits->items[i], &palette);
    }
    return 0;
}

/* ---- searches ---- */

struct plan {
    const struct loaded_list *exhibits;
    uint32_t bases;
    unsigned jobs;
    bool strategies[MUSEUM_STRATEGIES];
    struct museum_cell *cells; /* by exhibit, strategy, base */
    uint32_t cells_count;
};

static bool read_strategy(struct plan *plan, const char *word, size_t length)
{
    struct suggestion suggestion;
    char name[64], message[128];
    snprintf(name, sizeof name, "%.*s", (int)(length < 60 ? length : 60), word);
    for (int i = 0; i < MUSEUM_STRATEGIES; i++) {
        if (strcmp(museum_strategies()[i].name, name) == 0) {
            plan->strategies[i] = true;
            return true;
        }
    }
    suggestion = suggestion_for(name);
    for (int i = 0; i < MUSEUM_STRATEGIES; i++)
        suggestion_offer(&suggestion, museum_strategies()[i].name);
    snprintf(message, sizeof message, "there is no strategy '%s'", name);
    return command_complain_name("museum", "strategies", message, &suggestion,
                                 "for example --strategies random");
}

static bool read_strategies(struct plan *plan, const char *text)
{
    if (text == NULL) {
        plan->strategies[MUSEUM_STRATEGY_RANDOM] = true;
        return true;
    }
    for (const char *word = text;;) {
        size_t length = strcspn(word, ",");
        if (!read_strategy(plan, word, length))
            return false;
        if (word[length] == '\0')
            return true;
        word += length + 1;
    }
}

static bool read_plan(const struct command_line *line, const struct loaded_list *exhibits, struct plan *plan)
{
    int64_t bases = option_given(line, OPTION_QUICK) ? QUICK_BASES : MUSEUM_BASES_MAX;
    *plan = (struct plan){.exhibits = exhibits};
    if (!count_option(line, OPTION_BASES, "number of base seeds", MUSEUM_BASES_MAX, &bases) ||
        !jobs_option(line, &plan->jobs) || !read_strategies(plan, line->values[OPTION_STRATEGIES]))
        return false;
    plan->bases = (uint32_t)bases;
    return true;
}

static void make_cells(struct plan *plan)
{
    plan->cells = calloc(plan->exhibits->count * MUSEUM_STRATEGIES * plan->bases + 1, sizeof *plan->cells);
    for (uint32_t i = 0; plan->cells != NULL && i < plan->exhibits->count; i++) {
        if (plan->exhibits->items[i].scenario.exhibit.search.budget == 0)
            continue;
        for (int strategy = 0; strategy < MUSEUM_STRATEGIES; strategy++) {
            for (uint32_t base = 0; plan->strategies[strategy] && base < plan->bases; base++)
                plan->cells[plan->cells_count++] = (struct museum_cell){
                    .exhibit = i, .strategy = (enum museum_strategy)strategy, .base = base};
        }
    }
}

static bool search(struct plan *plan)
{
    make_cells(plan);
    struct museum_search search = {.exhibits = plan->exhibits,
                                   .cells = plan->cells,
                                   .cells_count = plan->cells_count,
                                   .jobs = plan->jobs,
                                   .progress = true};
    return plan->cells != NULL && museum_search(&search);
}

/* ---- verify ---- */

/* All variants end as the file says. Returns the exit code; expected: how many did. */
static int run_script(const struct command_line *line, struct arena *arena, const struct loaded *exhibit,
                      uint32_t *expected)
{
    int code = 0;
    *expected = 0;
    for (uint32_t v = 0; v < exhibit->scenario.variants_count; v++) {
        const struct scenario_variant *variant = &exhibit->scenario.variants[v];
        struct run_request request = {.program = line->program,
                                      .path = exhibit->path,
                                      .variant = variant,
                                      .spec = &variant->spec,
                                      .seed = variant->spec.seed};
        struct run_hooks hooks = {0};
        struct run_result result;
        runner_run(arena, &request, &hooks, &result);
        code = runner_worse(code, runner_exit_code(&result));
        *expected += result.expected;
        if (!result.expected)
            printf("%s::%s does not end as expected: %s\n", exhibit->path, variant->name, result.message);
    }
    return code;
}

static void print_harm(const struct plan *plan, const struct museum_cell *cell)
{
    const struct scenario *scenario = &plan->exhibits->items[cell->exhibit].scenario;
    if (cell->found && cell->correct != SIM_VERDICT_HELD)
        printf("%s: the correct rules do not hold under seed %" PRIu64 " of profile %s: %s\n",
               scenario->base.name, cell->seed, profile_name(&scenario->exhibit.search), cell->message);
}

static int judge_search(const struct plan *plan, uint32_t exhibit, char *text, size_t size)
{
    const struct museum_cell *cells = plan->cells;
    uint32_t first = 0;
    while (first < plan->cells_count && cells[first].exhibit != exhibit)
        first++;
    if (first == plan->cells_count) {
        snprintf(text, size, "%7s  %-22s %-16s %-9s %s", "-", "-", "-", "-", "not searched for");
        return sim_verdict_exit_code(SIM_VERDICT_VACUOUS);
    }
    char seeds[64], cpu[64], invariants[100];
    struct museum_power power = museum_power_of(&cells[first], plan->bases);
    museum_print_quantity(&power.seeds, 0, seeds, sizeof seeds);
    museum_print_quantity(&power.cpu_seconds, 2, cpu, sizeof cpu);
    museum_print_invariants(power.invariants, invariants, sizeof invariants);
    snprintf(text, size, "%3u/%-3u  %-22s %-22s %3u/%-3u  %s", power.found, power.bases, seeds, cpu,
             power.found - power.harmed, power.found, invariants);
    for (uint32_t i = first; i < first + plan->bases; i++)
        print_harm(plan, &cells[i]);
    if (power.harmed > 0)
        return sim_verdict_exit_code(SIM_VERDICT_VIOLATED);
    return power.found == power.bases ? 0 : sim_verdict_exit_code(SIM_VERDICT_VACUOUS);
}

static int verify(const struct command_line *line, const struct loaded_list *exhibits)
{
    struct plan plan;
    int code = 0, strategies = 0;
    if (!read_plan(line, exhibits, &plan))
        return 1;
    for (int i = 0; i < MUSEUM_STRATEGIES; i++)
        strategies += plan.strategies[i];
    if (strategies > 1)
        return !command_complain("museum", "strategies", "verify searches by one strategy",
                                 "`isrsim museum power` compares several");
    if (!search(&plan))
        return 1;
    struct arena *arena = runner_arena(); /* behind the search, whose processes have their own */
    if (arena == NULL)
        return 1;
    printf("%-34s %-9s %-8s %-22s %-22s %-8s %s\n", "exhibit", "as told", "found", "median seeds",
           "median CPU seconds", "correct", "what breaks");
    for (uint32_t i = 0; i < exhibits->count; i++) {
        const struct scenario *scenario = &exhibits->items[i].scenario;
        char text[400], told[32];
        uint32_t expected;
        int script = run_script(line, arena, &exhibits->items[i], &expected);
        int found = judge_search(&plan, i, text, sizeof text);
        snprintf(told, sizeof told, "%u/%u", expected, scenario->variants_count);
        printf("%-34.34s %-9s %s\n", scenario->base.name, told, text);
        code = runner_worse(runner_worse(code, script), found);
    }
    printf("%s\n",
           code == 0 ? "every exhibit is what it says, and is found" : "NOT every exhibit is as it should");
    free(plan.cells);
    return code;
}

/* ---- power ---- */

/* How long its shortest known history is. */
static void describe_shrunk(const struct loaded *exhibit, char *text, size_t size)
{
    char path[512];
    const char *const paths[] = {path};
    struct loaded_list list;
    snprintf(text, size, "-");
    if (!museum_shrunk_path(exhibit, path, sizeof path))
        return;
    if (files_load(&list, paths, 1) == 0 && list.count == 1)
        snprintf(text, size, "%u", list.items[0].scenario.base.steps_count);
    files_free(&list);
}

static void print_power_line(const struct plan *plan, const struct museum_cell *cells)
{
    const struct loaded *exhibit = &plan->exhibits->items[cells->exhibit];
    struct museum_power power = museum_power_of(cells, plan->bases);
    char seeds[64], cpu[64], invariants[100], shrunk[32], found[32];
    museum_print_quantity(&power.seeds, 0, seeds, sizeof seeds);
    museum_print_quantity(&power.cpu_seconds, 2, cpu, sizeof cpu);
    museum_print_invariants(power.invariants, invariants, sizeof invariants);
    describe_shrunk(exhibit, shrunk, sizeof shrunk);
    snprintf(found, sizeof found, "%u/%u", power.found, power.bases);
    printf("| %-34s | %-10s | %-10s | %-8s | %-6s | %-22s | %-20s | %-14s | %-6s |\n",
           exhibit->scenario.base.name, museum_searched(&exhibit->scenario)->name,
           profile_name(&exhibit->scenario.exhibit.search), museum_strategies()[cells->strategy].name, found,
           seeds, cpu, invariants, shrunk);
}

static void print_power_json(const struct plan *plan, const struct museum_cell *cell)
{
    const struct scenario *scenario = &plan->exhibits->items[cell->exhibit].scenario;
    struct json json = json_to(stdout, false);
    json_open_object(&json, NULL);
    json_integer(&json, "schema", 1);
    json_integer(&json, "exhibit", scenario->exhibit.number);
    json_string(&json, "name", scenario->base.name);
    json_string(&json, "profile", profile_name(&scenario->exhibit.search));
    json_string(&json, "strategy", museum_strategies()[cell->strategy].name);
    json_unsigned(&json, "first_seed", museum_first_seed(cell->base));
    json_flag(&json, "found", cell->found);
    json_unsigned(&json, "seeds", cell->seeds);
    json_integer(&json, "cpu_us", cell->cpu_ns / 1000);
    if (cell->found) {
        json_unsigned(&json, "seed", cell->seed);
        json_string(&json, "invariant", sim_invariant_name((int64_t)cell->invariant));
    }
    json_close_object(&json);
    json_end(&json);
}

static bool complain_file(const char *path)
{
    char message[400];
    snprintf(message, sizeof message, "%.300s cannot be written: %s", path, strerror(errno));
    return command_complain("museum", "csv", message, "give a path that can be written");
}

static bool write_csv(const struct plan *plan, FILE *file)
{
    fprintf(file, "exhibit,name,profile,strategy,first_seed,found,seeds,cpu_us,seed,invariant\n");
    for (uint32_t i = 0; i < plan->cells_count; i++) {
        const struct museum_cell *cell = &plan->cells[i];
        const struct scenario *scenario = &plan->exhibits->items[cell->exhibit].scenario;
        fprintf(file, "%d,%s,%s,%s,%" PRIu64 ",%d,%" PRIu64 ",%" PRId64 ",", scenario->exhibit.number,
                scenario->base.name, profile_name(&scenario->exhibit.search),
                museum_strategies()[cell->strategy].name, museum_first_seed(cell->base), cell->found,
                cell->seeds, cell->cpu_ns / 1000);
        if (cell->found)
            fprintf(file, "%" PRIu64 ",%s", cell->seed, sim_invariant_name((int64_t)cell->invariant));
        else
            fputs(",", file);
        fputs("\n", file);
    }
    return fflush(file) == 0 && ferror(file) == 0;
}

static void print_power(const struct plan *plan, bool json)
{
    if (!json) {
        printf("| %-34s | %-10s | %-10s | %-8s | %-6s | %-22s | %-20s | %-14s | %-6s |\n", "exhibit", "rules",
               "profile", "strategy", "found", "seeds: median (95 %)", "CPU s: median (95 %)", "breaks",
               "shrunk");
        printf("|---|---|---|---|---|---|---|---|---|\n");
    }
    for (uint32_t i = 0; i < plan->cells_count; i++) {
        if (json)
            print_power_json(plan, &plan->cells[i]);
        else if (plan->cells[i].base == 0)
            print_power_line(plan, &plan->cells[i]);
    }
}

static int power(const struct command_line *line, const struct loaded_list *exhibits)
{
    struct plan plan;
    const char *path = line->values[OPTION_CSV];
    FILE *csv = NULL;
    if (!read_plan(line, exhibits, &plan))
        return 1;
    if (path != NULL && (csv = fopen(path, "w")) == NULL)
        return !complain_file(path);
    bool good = search(&plan);
    if (good)
        print_power(&plan, option_given(line, OPTION_JSON));
    if (good && csv != NULL)
        good = write_csv(&plan, csv) || complain_file(path);
    if (csv != NULL)
        fclose(csv);
    free(plan.cells);
    return good ? 0 : 1;
}

/* ---- which ---- */

enum part { LISTS = 1, VERIFIES = 2, MEASURES = 4 };

static bool options_apply(const struct command_line *line, enum part part)
{
    static const struct {
        enum option_id option;
        unsigned parts;
        const char *hint;
    } takers[] = {
        {OPTION_JSON, LISTS | MEASURES, "`isrsim museum` and `isrsim museum power` take it"},
        {OPTION_CSV, MEASURES, "`isrsim museum power` takes it"},
        {OPTION_JOBS, VERIFIES | MEASURES, "`isrsim museum verify` and `isrsim museum power` take it"},
        {OPTION_QUICK, VERIFIES | MEASURES, "`isrsim museum verify` and `isrsim museum power` take it"},
        {OPTION_BASES, VERIFIES | MEASURES, "`isrsim museum verify` and `isrsim museum power` take it"},
        {OPTION_STRATEGIES, VERIFIES | MEASURES, "`isrsim museum verify` and `isrsim museum power` take it"},
    };
    for (size_t i = 0; i < sizeof takers / sizeof takers[0]; i++) {
        if (option_given(line, takers[i].option) && (takers[i].parts & (unsigned)part) == 0)
            return command_complain("museum", option_infos()[takers[i].option].name, "it has no use here",
                                    takers[i].hint);
    }
    return true;
}

static enum part part_named(const char *word)
{
    return strcmp(word, "verify") == 0 ? VERIFIES : strcmp(word, "power") == 0 ? MEASURES : LISTS;
}

/* What is no number is a part that there is not. */
static bool complain_word(const char *word)
{
    struct suggestion suggestion = suggestion_for(word);
    char message[128];
    suggestion_offer(&suggestion, "verify");
    suggestion_offer(&suggestion, "power");
    snprintf(message, sizeof message, "'%.40s' is neither verify nor power, nor the number of an exhibit",
             word);
    return command_complain_name("museum", NULL, message, &suggestion, "`isrsim help museum` explains them");
}

int isr_command_museum(const struct command_line *line)
{
    struct loaded_list exhibits;
    const char *what = line->arguments_count > 0 ? line->arguments[0] : "";
    enum part part = part_named(what);
    int skipped = part != LISTS ? 1 : 0, code = 1;
    if (part == LISTS && strspn(what, "0123456789") != strlen(what))
        return !complain_word(what);
    if (!options_apply(line, part) ||
        !museum_load(&exhibits, "museum", line->arguments + skipped, line->arguments_count - skipped))
        return 1;
    switch (part) {
    case LISTS:
        code = list(line, &exhibits);
        break;
    case VERIFIES:
        code = verify(line, &exhibits);
        break;
    case MEASURES:
        code = power(line, &exhibits);
        break;
    }
    files_free(&exhibits);
    return code;
}
