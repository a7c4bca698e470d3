/* isrsim tour: the museum's histories, told for a person. Each exhibit runs on its wrong rule, where the loss
 * is found, and on the correct one, where the same history holds; in short also with all the rules that were
 * wrong at the time, and where a later rule masks the wrong one. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rules.h"
#include "harness/commands.h"
#include "harness/museum.h"
#include "harness/runner.h"
#include "harness/terminal.h"
#include "harness/value.h"

enum { TIMELINE_MAX = 400, TIMELINE_SHOWN = 22, LINE_BYTES = 300, WIDTH = 100, RULES_BYTES = 2000 };

/* The story of one run, from the first step on. */
struct timeline {
    char lines[TIMELINE_MAX][LINE_BYTES]; /* a ring of the last ones */
    uint64_t count;
    bool begun;
};

struct guide {
    const char *program; /* how this one was called */
    struct arena *arena;
    struct palette palette;
    struct timeline *timeline;
    uint64_t exhibits, broken, held, masked, unexpected;
    bool told; /* of this exhibit how it breaks */
    int exit_code;
};

static void take_record(void *object, struct sim_world *world, const struct sim_trace_record *record)
{
    struct timeline *timeline = object;
    timeline->begun = timeline->begun || record->kind == SIM_TRACE_STEP_RUN;
    /* the violation is told in full below the timeline */
    if (!timeline->begun || record->kind == SIM_TRACE_VIOLATED)
        return;
    struct isr_text text = ISR_TEXT(timeline->lines[timeline->count++ % TIMELINE_MAX]);
    sim_trace_print(world, record, &text);
}

static void begin_run(void *object, struct sim_world *world)
{
    struct timeline *timeline = object;
    timeline->count = 0;
    timeline->begun = false;
    sim_trace_listen(&world->trace, take_record, timeline, ISR_IMPORTANCE_story);
}

static void print_timeline(const struct guide *guide)
{
    const struct timeline *timeline = guide->timeline;
    uint64_t shown = timeline->count < TIMELINE_SHOWN ? timeline->count : TIMELINE_SHOWN;
    if (shown < timeline->count)
        printf("    %s... %" PRIu64 " events before%s\n", guide->palette.dim, timeline->count - shown,
               guide->palette.plain);
    for (uint64_t i = timeline->count - shown; i < timeline->count; i++)
        printf("    %s\n", timeline->lines[i % TIMELINE_MAX]);
}

static void explain_rules(const struct isr_rules *rules)
{
    size_t count;
    const struct isr_rule_info *infos = isr_rules_list(&count);
    for (size_t i = 0; i < count; i++) {
        uint8_t value;
        char text[400];
        memcpy(&value, (const char *)rules + infos[i].position, sizeof value);
        if (value == 0)
            continue;
        snprintf(text, sizeof text, "%s=%s: %s.", infos[i].name, infos[i].values[value], infos[i].sentence);
        terminal_print_prose(stdout, text, 4, WIDTH);
    }
}

static void print_unexpected(struct guide *guide, const struct run_request *request,
                             const struct run_result *result)
{
    char text[1024];
    guide->unexpected++;
    runner_describe_expectation(&request->variant->expectation, text, sizeof text);
    printf("    %sThis is not what the exhibit expects (%s).%s %s\n", guide->palette.red, text,
           guide->palette.plain, result->message);
    runner_reproducer(request, text, sizeof text);
    printf("    Reproduce with: %s --verbose\n", text);
}

static bool any_rule_is_wrong(const struct isr_rules *rules)
{
    const struct isr_rules correct = {0};
    return memcmp(rules, &correct, sizeof correct) != 0;
}

/* What a variant beside the wrong and the correct one is. */
static void head_aside(const struct guide *guide, const struct run_request *request, const char *what)
{
    const struct palette *palette = &guide->palette;
    char rules[RULES_BYTES];
    museum_rules_text(&request->spec->rules, rules, sizeof rules);
    printf("\n  %s%s%s (%s)\n", palette->bold, what, palette->plain, request->variant->name);
    if (request->variant->about != NULL)
        terminal_print_prose(stdout, request->variant->about, 4, WIDTH);
    terminal_print_prose(stdout, rules, 4, WIDTH);
}

static void tell_also(struct guide *guide, const struct run_request *request, const struct run_result *result)
{
    const struct palette *palette = &guide->palette;
    head_aside(guide, request, "It breaks as well");
    if (!result->expected) {
        print_timeline(guide);
        print_unexpected(guide, request, result);
        return;
    }
    guide->broken++;
    printf("    %s%s is violated.%s\n", palette->red, runner_invariant_name(result), palette->plain);
}

static void tell_masked(struct guide *guide, const struct run_request *request,
                        const struct run_result *result)
{
    const struct palette *palette = &guide->palette;
    head_aside(guide, request, "Another rule masks it");
    if (!result->expected) {
        print_timeline(guide);
        print_unexpected(guide, request, result);
        return;
    }
    guide->masked++;
    printf("    %sThe same history holds.%s\n", palette->green, palette->plain);
}

static void tell_wrong(struct guide *guide, const struct run_request *request,
                       const struct run_result *result)
{
    const struct palette *palette = &guide->palette;
    char rules[RULES_BYTES];
    guide->told = true;
    museum_rules_text(&request->spec->rules, rules, sizeof rules);
    printf("\n  %sOn the wrong rule%s (%s)\n", palette->bold, palette->plain, rules);
    explain_rules(&request->spec->rules);
    printf("\n");
    print_timeline(guide);
    if (!result->expected) {
        print_unexpected(guide, request, result);
        return;
    }
    guide->broken++;
    printf("\n  %s%s is violated:%s\n", palette->red, runner_invariant_name(result), palette->plain);
    terminal_print_prose(stdout, result->message, 4, WIDTH);
}

static void tell_correct(struct guide *guide, const struct run_request *request,
                         const struct run_result *result)
{
    const struct palette *palette = &guide->palette;
    char time[32];
    printf("\n  %sOn the correct rule%s the same history ", palette->bold, palette->plain);
    if (!result->expected) {
        printf("does not end well.\n");
        print_timeline(guide);
        print_unexpected(guide, request, result);
        return;
    }
    guide->held++;
    printf("%sholds%s: %" PRIu64 " records committed, none lost, in %s of virtual time\n    and %" PRIu64
           " events, with every promise checked.\n",
           palette->green, palette->plain, result->counters.records_committed,
           value_print_seconds(result->virtual_ns, time), result->counters.events);
}

static void tell_variant(struct guide *guide, const struct loaded *loaded,
                         const struct scenario_variant *variant)
{
    struct run_request request = {.program = guide->program,
                                  .path = loaded->path,
                                  .variant = variant,
                                  .spec = &variant->spec,
                                  .seed = variant->spec.seed};
    struct run_hooks hooks = {.begin = begin_run, .object = guide->timeline};
    struct run_result result;
    runner_run(guide->arena, &request, &hooks, &result);
    guide->exit_code = runner_worse(guide->exit_code, runner_exit_code(&result));
    if (variant->expectation.outcome == SCENARIO_VIOLATES && guide->told)
        tell_also(guide, &request, &result);
    else if (variant->expectation.outcome == SCENARIO_VIOLATES)
        tell_wrong(guide, &request, &result);
    else if (any_rule_is_wrong(&variant->spec.rules))
        tell_masked(guide, &request, &result);
    else
        tell_correct(guide, &request, &result);
    fflush(stdout);
}

static void tell_exhibit(struct guide *guide, const struct loaded *loaded)
{
    const struct scenario *scenario = &loaded->scenario;
    const struct palette *palette = &guide->palette;
    guide->exhibits++;
    guide->told = false;
    printf(
        "%s%s------------------------------------------------------------------------------------------%s\n",
        guide->exhibits > 1 ? "\n" : "", palette->dim, palette->plain);
    printf("%sExhibit %d: %s, %d%s   %s%s%s\n\n", palette->bold, scenario->exhibit.number,
           scenario->exhibit.system, scenario->exhibit.year, palette->plain, palette->dim,
           scenario->source != NULL ? scenario->source : "", palette->plain);
    terminal_print_prose(stdout, scenario->exhibit.loss, 2, WIDTH);
    if (scenario->about != NULL) {
        printf("\n");
        terminal_print_prose(stdout, scenario->about, 2, WIDTH);
    }
    for (uint32_t v = 0; v < scenario->variants_count; v++)
        tell_variant(guide, loaded, &scenario->variants[v]);
    for (uint32_t v = 0; v < scenario->variants_count; v++) {
        if (scenario->variants[v].expectation.outcome != SCENARIO_VIOLATES)
            continue;
        printf("\n  %sSee all of it:%s %s run %s --variant %s --verbose\n", palette->cyan, palette->plain,
               guide->program, loaded->path, scenario->variants[v].name);
        return;
    }
}

static void print_end(const struct guide *guide, const struct loaded *first)
{
    const struct palette *palette = &guide->palette;
    printf(
        "\n%s------------------------------------------------------------------------------------------%s\n",
        palette->dim, palette->plain);
    printf("%" PRIu64 " histories: %" PRIu64 " broke on the wrong rule, %" PRIu64 " held on the correct one",
           guide->exhibits, guide->broken, guide->held);
    if (guide->masked > 0)
        printf(", %" PRIu64 " held as another rule masked the wrong one", guide->masked);
    if (guide->unexpected > 0)
        printf(", %s%" PRIu64 " runs did not end as expected%s", palette->red, guide->unexpected,
               palette->plain);
    printf(".\n\n%sWhat to try next:%s\n", palette->bold, palette->plain);
    static const char *const ideas[][2] = {
        {"run scenarios --twice", "every scenario, each twice, with equal hashes"},
        {"rules", "the rules that can be switched"},
        {"soak --seeds 1..200", "random faults on the correct engine"},
        {"fuzz --rules trunc=hw --shrink -o found",
         "random faults on a wrong rule; what is found is made small"},
        {"help scenario", "how to write a history of your own"}};
    printf("  %s run %s --seeds 1..20\n      the same history under other draws\n", guide->program,
           first->path);
    for (size_t i = 0; i < sizeof ideas / sizeof ideas[0]; i++)
        printf("  %s %s\n      %s\n", guide->program, ideas[i][0], ideas[i][1]);
}

int isr_command_tour(const struct command_line *line)
{
    static const char *const standard[] = {"scenarios/museum"};
    bool given = line->arguments_count > 0;
    struct guide guide = {.program = line->program, .palette = terminal_palette(stdout)};
    struct loaded_list list;
    size_t bad = files_load(&list, given ? line->arguments : standard, given ? line->arguments_count : 1);
    bad += bad == 0 && !runner_can_run_all("tour", &list);
    guide.arena = bad == 0 ? runner_arena() : NULL;
    guide.timeline = calloc(1, sizeof *guide.timeline);
    museum_order(&list);
    size_t first = 0; /* behind what is no exhibit, whose number is 0 */
    while (first < list.count && list.items[first].scenario.exhibit.number == 0)
        first++;
    if (bad == 0 && first == list.count)
        bad += !command_complain("tour", NULL, "there is no exhibit among these scenarios",
                                 "exhibits have a key `exhibit`; scenarios/museum holds them");
    if (bad == 0 && guide.arena != NULL && guide.timeline != NULL) {
        for (size_t i = first; i < list.count; i++)
            tell_exhibit(&guide, &list.items[i]);
        print_end(&guide, &list.items[first]);
    } else {
        guide.exit_code = 1;
    }
    free(guide.timeline);
    files_free(&list);
    return guide.exit_code;
}
