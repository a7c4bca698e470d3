#include "harness/shrink_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/scenario_write.h"
#include "harness/shrink_draft.h"
#include "harness/terminal.h"
#include "harness/version.h"

enum { COLUMNS = 100 };

static const char *promise_of(enum sim_invariant invariant)
{
    static const char *const sentences[] = {
#define X(NAME, name, sentence) sentence,
#include "sim/invariants.def"
#undef X
    };
    return sentences[invariant];
}

static void describe(const struct shrink_outcome *outcome, FILE *about)
{
    const struct sim_spec *spec = shrink_outcome_spec(outcome);
    char line[2048];
    size_t count;
    const struct isr_rule_info *rules = isr_rules_list(&count);
    for (size_t i = 0; i < count; i++) {
        uint8_t value = ((const uint8_t *)&spec->rules)[rules[i].position];
        if (value == 0)
            continue;
        snprintf(line, sizeof line, "The wrong rule %s: %s (%s): %s.", rules[i].name, rules[i].values[value],
                 rules[i].source, rules[i].sentence);
        terminal_print_prose(about, line, 0, COLUMNS);
        fprintf(about, "\n");
    }
    if (sim_verdict_is_violation(outcome->after.verdict)) {
        snprintf(line, sizeof line, "Breaks %s: %s.", sim_invariant_name(outcome->after.invariant),
                 promise_of(outcome->after.invariant));
        terminal_print_prose(about, line, 0, COLUMNS);
    }
    snprintf(line, sizeof line, "Here: %s", outcome->after.message);
    terminal_print_prose(about, line, 0, COLUMNS);
}

static void print_size(FILE *out, const struct shrink_size *size)
{
    fprintf(out, "%" PRIu32 " step%s, %" PRIu32 " node%s, %" PRIu32 " client%s, %" PRIu64 " events",
            size->steps, size->steps == 1 ? "" : "s", size->nodes, size->nodes == 1 ? "" : "s", size->clients,
            size->clients == 1 ? "" : "s", size->events);
}

/* How small it became, and what was proven of it. */
static void comment(const struct shrink_outcome *outcome, FILE *out)
{
    char line[512];
    if (outcome->end == SHRINK_MINIMAL)
        snprintf(line, sizeof line,
                 "Minimal: without any one of its steps it no longer fails so (%" PRIu32 " runs).",
                 outcome->left_out);
    else
        snprintf(line, sizeof line, "Not minimal: the budget ended before every step was left out once.");
    fprintf(out, "Shrunk from ");
    print_size(out, &outcome->size_before);
    fprintf(out, "\nto ");
    print_size(out, &outcome->size_after);
    fprintf(out, ".\n%s\nFails so under %" PRIu32 " of %d other seeds.", line, outcome->seeds_failing,
            SHRINK_SEEDS);
}

/* The file's own keys are those of the correct run; what is wrong stands in a variant. */
static void put_variants(const struct shrink_outcome *outcome, FILE *out)
{
    const struct sim_spec *spec = shrink_outcome_spec(outcome);
    size_t count;
    const struct isr_rule_info *rules = isr_rules_list(&count);
    const char *between = "";
    fprintf(out, "variants:\n  wrong: {rules: {");
    for (size_t i = 0; i < count; i++) {
        uint8_t value = ((const uint8_t *)&spec->rules)[rules[i].position];
        if (value == 0)
            continue;
        const char *word = rules[i].values[value];
        bool flag = strcmp(word, "on") == 0 || strcmp(word, "off") == 0;
        fprintf(out, flag ? "%s%s: \"%s\"" : "%s%s: %s", between, rules[i].name, word);
        between = ", ";
    }
    fprintf(out, "}, expect: {violates: %s}}\n", sim_invariant_name(outcome->after.invariant));
    if (outcome->correct_holds)
        fprintf(out, "  correct: {expect: holds}\n");
}

static void write_scenario(const struct shrink_outcome *outcome, const struct scenario_write_options *texts,
                           const char *name, FILE *out)
{
    struct sim_spec spec = *shrink_outcome_spec(outcome);
    struct scenario_write_options options = *texts;
    bool failed = sim_verdict_is_violation(outcome->after.verdict),
         variants = failed && shrink_has_wrong_rule(&spec);
    const struct scenario_expectation fails = {.outcome = SCENARIO_VIOLATES,
                                               .invariants = UINT32_C(1) << outcome->after.invariant};
    if (variants)
        memset(&spec.rules, 0, sizeof spec.rules);
    else if (failed)
        options.expectation = &fails;
    snprintf(spec.name, sizeof spec.name, "%s", name);
    scenario_write(out, &spec, &options);
    if (variants)
        put_variants(outcome, out);
}

/* Ends the process where there is no memory. */
static FILE *memory_file(char **text, size_t *size)
{
    FILE *out = open_memstream(text, size);
    if (out == NULL)
        abort();
    return out;
}

char *shrink_file_text(const struct shrink_outcome *outcome, const char *command, const char *name)
{
    char *text = NULL, *about = NULL, *head = NULL;
    size_t size;
    FILE *out = memory_file(&about, &size);
    describe(outcome, out);
    fclose(out);
    out = memory_file(&head, &size);
    comment(outcome, out);
    fclose(out);
    static const char *tag[] = {"shrunk"};
    const struct scenario_tags tags = {.items = tag, .count = 1};
    const struct scenario_write_options options = {.comment = head,
                                                   .command = command,
                                                   .hashed = true,
                                                   .hash = outcome->after.hash,
                                                   .about = about,
                                                   .tags = &tags};
    out = memory_file(&text, &size);
    write_scenario(outcome, &options, name, out);
    fclose(out);
    free(about);
    free(head);
    return text;
}

/* ---- what a file records ---- */

struct shrink_recorded shrink_file_recorded(const char *text)
{
    struct shrink_recorded recorded = {.there = false};
    for (const char *line = text; *line == '#'; line = strchr(line, '\n') + 1) {
        if (sscanf(line, "# isrsim %31[^,], seed %" SCNu64 ", trace hash %" SCNx64, recorded.version,
                   &recorded.seed, &recorded.hash) == 3) {
            recorded.there = true;
            break;
        }
        if (strchr(line, '\n') == NULL)
            break;
    }
    return recorded;
}
