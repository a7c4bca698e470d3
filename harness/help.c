/* isrsim help and completion: everything from the tables that the program works by. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness/action.h"
#include "harness/commands.h"
#include "harness/condition.h"
#include "harness/help_faults.h"
#include "harness/help_policies.h"
#include "harness/profile_option.h"
#include "harness/scenario_fields.h"
#include "harness/step.h"
#include "harness/suggestion.h"
#include "harness/terminal.h"
#include "harness/value.h"
#include "harness/version.h"

/* ---- the program and its commands ---- */

static void print_topics(void);

static void print_environment(void)
{
    printf("\nColours are used on a terminal; NO_COLOR turns them off, FORCE_COLOR on. Results go to "
           "standard output,\n"
           "errors and progress to standard error.\n");
}

void help_print_overview(void)
{
    size_t count;
    const struct command_info *commands = command_infos(&count);
    struct palette palette = terminal_palette(stdout);
    printf("isrsim %s: simulates clusters that replicate logs by in-sync replicas, and hunts for the "
           "histories in which\n"
           "they lose, fork or hide data.\n\n%sUsage:%s isrsim COMMAND [OPTION...] "
           "[ARGUMENT...]\n\n%sCommands:%s\n",
           ISRSIM_VERSION, palette.bold, palette.plain, palette.bold, palette.plain);
    for (size_t i = 0; i < count; i++)
        printf("  %s%-11s%s %s\n", palette.cyan, commands[i].name, palette.plain, commands[i].summary);
    printf("\n%sTry:%s\n", palette.bold, palette.plain);
    printf(
        "  isrsim tour                                     the museum: how real systems lost data\n"
        "  isrsim list                                     the scenarios at hand\n"
        "  isrsim run scenarios/elections                  run some\n"
        "  isrsim run scenarios/elections/clean.isr.yaml --verbose\n"
        "                                                  one, told event by event\n"
        "  isrsim run scenarios/controller/rolling-shutdown.isr.yaml --rules leader_trunc=hw --seeds 1..10\n"
        "                                                  one under a wrong rule: promises break\n"
        "  isrsim help scenario                            how to write one\n"
        "  isrsim fuzz --seeds 1..200                      hunt through random ones\n"
        "  isrsim fuzz --rules trunc=hw --shrink -o found  hunt for a bug of 2017, and read it as a few "
        "lines\n"
        "  isrsim shrink scenarios/museum/20-leader-truncates.isr.yaml --variant wrong\n"
        "                                                  one that fails, with as few steps as can be\n"
        "  isrsim museum                                   the exhibits in short, and what search needs for "
        "each\n\n");
    printf("`isrsim help COMMAND` explains a command and its options; `isrsim help TOPIC` one of:\n");
    print_topics();
    print_environment();
}

void help_print_command(const struct command_info *command)
{
    struct palette palette = terminal_palette(stdout);
    printf("%sUsage:%s isrsim %s [OPTION...]%s%s\n\n", palette.bold, palette.plain, command->name,
           command->arguments[0] != '\0' ? " " : "", command->arguments);
    terminal_print_prose(stdout, command->summary, 0, 100);
    printf("\n%s\n%sOptions:%s\n", command->explanation, palette.bold, palette.plain);
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option_info *option = &option_infos()[i];
        char name[48];
        if (!command_takes(command, (enum option_id)i))
            continue;
        snprintf(name, sizeof name, "--%s%s%s", option->name, option->argument != NULL ? " " : "",
                 option->argument != NULL ? option->argument : "");
        if (option->letter != 0)
            printf("  %s-%c, %s%s\n", palette.cyan, option->letter, name, palette.plain);
        else
            printf("  %s%s%s\n", palette.cyan, name, palette.plain);
        terminal_print_prose(stdout, option->meaning, 6, 100);
    }
    if (command->function == isr_command_help) {
        printf("\n%sTopics:%s\n", palette.bold, palette.plain);
        print_topics();
    }
    if (command_takes(command, OPTION_RULES)) /* it runs something */
        printf("\nThe exit code is that of the most severe outcome; `isrsim help exit-codes` lists them.\n");
}

/* ---- topics ---- */

static void print_fields(const struct field *fields, unsigned indent, const struct palette *palette)
{
    for (const struct field *field = fields; field->name != NULL; field++) {
        printf("%*s%s%s%s: %s%s\n", (int)indent, "", palette->cyan, field->name, palette->plain,
               field->meaning, field->required ? " (required)" : "");
    }
}

static void help_scenario(void)
{
    struct palette palette = terminal_palette(stdout);
    printf("A scenario is a YAML file (*.isr.yaml) or a JSON file (*.isr.json). A small one:\n\n"
           "  about: The leader dies; nothing that was acknowledged is lost.\n"
           "  cluster: {brokers: 3}\n"
           "  topics:\n"
           "    orders: {replication: 3, min_isr: 2, assignment: [[1, 2, 3]]}\n"
           "  clients:\n"
           "    p1: {produce: orders, rate: 100/s, acks: all}\n"
           "  steps:\n"
           "    - {when: \"acked records >= 100\", kill: n1}\n"
           "    - {after: \"leader of orders-0 elected\", note: another replica leads}\n"
           "    - {wait: 2s, start: n1}\n"
           "  duration: 30s\n"
           "  settle: 10s\n"
           "  expect: holds\n\n"
           "Durations have a unit (250ms, 1.5s), sizes may (4096, 4KiB), probabilities are 0.1%% or 1000ppm, "
           "rates 100/s.\n"
           "Nodes are n1, n2, ... (brokers), c1, c2, ... (controllers of their own) and clients by name; "
           "`controller` in\n"
           "a list of them is whoever leads the controllers by then. Partitions are written topic-number: "
           "orders-0.\n\n%sKeys:%s\n",
           palette.bold, palette.plain);
    print_fields(scenario_fields, 2, &palette);
    printf("\n%sIn cluster:%s\n", palette.bold, palette.plain);
    print_fields(scenario_cluster_fields, 2, &palette);
    printf("\n%sIn network:%s\n", palette.bold, palette.plain);
    print_fields(scenario_network_fields, 2, &palette);
    printf("\n%sIn disks:%s\n", palette.bold, palette.plain);
    print_fields(scenario_disk_fields, 2, &palette);
    printf("\nSee also: isrsim help steps, conditions, config, invariants, policies, yields; isrsim rules, "
           "schema.\n");
}

static void help_steps(void)
{
    struct palette palette = terminal_palette(stdout);
    printf("A step is one action, with a gate in front of it or none: {wait: 2s, kill: n1}. Steps run in "
           "their order.\n\n"
           "%sGates:%s\n",
           palette.bold, palette.plain);
    print_fields(step_gates(), 2, &palette);
    printf("\n%sActions:%s\n", palette.bold, palette.plain);
    for (size_t i = 0; i < SIM_ACTION_KINDS; i++) {
        const struct action_info *action = &action_infos()[i];
        printf("  %s%s%s: %s\n", palette.cyan, action->name, palette.plain, action->meaning);
        for (const struct field *field = action->fields; field->name != NULL; field++)
            printf("      %s: %s%s%s\n", field->name, field->meaning, field->required ? " (required)" : "",
                   action->short_key != NULL && strcmp(action->short_key, field->name) == 0
                       ? "; may stand alone"
                       : "");
    }
}

static void help_conditions(void)
{
    struct palette palette = terminal_palette(stdout);
    printf("Conditions stand behind `when`, `after` and `finally`. <p> is a partition such as orders-0, <n> "
           "a node such as\n"
           "n1, <set> a list such as [1, 2], <cmp> one of is, is not, >=, <=, >, <.\n\n");
    for (size_t i = 0; i < SIM_CONDITION_KINDS; i++)
        printf("  %s%s%s\n      %s\n", palette.cyan, condition_forms()[i].form, palette.plain,
               condition_forms()[i].meaning);
}

static void help_config(void)
{
    struct palette palette = terminal_palette(stdout);
    size_t count;
    const struct isr_config_info *settings = isr_config_list(&count);
    printf("Settings of every node, under `config:`.\n\n");
    for (size_t i = 0; i < count; i++) {
        const struct isr_config_info *info = &settings[i];
        char standard[32], least[32], most[32];
        const char *(*print)(int64_t, char[32]) = info->kind == ISR_CONFIG_duration ? value_print_duration
                                                  : info->kind == ISR_CONFIG_bytes  ? value_print_bytes
                                                                                    : NULL;
        if (print == NULL) {
            snprintf(standard, sizeof standard, "%" PRId64, info->standard);
            snprintf(least, sizeof least, "%" PRId64, info->least);
            snprintf(most, sizeof most, "%" PRId64, info->most);
        } else {
            print(info->standard, standard);
            print(info->least, least);
            print(info->most, most);
        }
        printf("  %s%s%s: %s  %s(%s to %s)%s\n      %s\n", palette.cyan, info->name, palette.plain, standard,
               palette.dim, least, most, palette.plain, info->meaning);
    }
}

static void help_invariants(void)
{
    struct palette palette = terminal_palette(stdout);
    printf("What is checked in every run, and may stand in `expect: {violates: ...}`.\n\n");
#define X(NAME, name, sentence)                               \
    printf("  %s%s%s\n", palette.cyan, #name, palette.plain); \
    terminal_print_prose(stdout, sentence, 6, 100);
#include "sim/invariants.def"
#undef X
}

static void help_yields(void)
{
    struct palette palette = terminal_palette(stdout);
    size_t count;
    const struct isr_yield_info *points = isr_yields_list(&count);
    printf("Real brokers have threads: between a check and its act something else may happen. Where the "
           "engine is told\n"
           "to, its handlers stop between the two, for half of the setting yield_time_max up to all of "
           "it:\n\n"
           "  cluster: {yields: all}\n"
           "  cluster: {yields: [isr_expand, hw_update]}\n\n");
    for (size_t i = 0; i < count; i++) {
        printf("  %s%s%s (%s)\n", palette.cyan, points[i].name, palette.plain, points[i].source);
        terminal_print_prose(stdout, points[i].meaning, 6, 100);
    }
}

static void help_exit_codes(void)
{
#define X(NAME, name, exit_code, meaning) printf("  %d  %s\n", exit_code, meaning);
#include "sim/verdicts.def"
#undef X
    printf("\nA run that ends as its scenario expects counts as 0. One that was expected to break a promise "
           "and did not counts\n"
           "as 6. With --rules the scenario's expectation does not apply and the verdict decides. Over "
           "several runs the most\n"
           "severe outcome decides: 5, 4, 2, 3, 1, 6, 0.\n");
}

static const struct topic {
    const char *name, *meaning;
    void (*print)(void);
} topics[] = {
    {"scenario", "the keys of a scenario file", help_scenario},
    {"steps", "what a step can do, and what it waits for", help_steps},
    {"conditions", "what `when`, `after` and `finally` can say", help_conditions},
    {"config", "settings of the nodes, with defaults and bounds", help_config},
    {"invariants", "what is checked", help_invariants},
    {"policies", "when a record is committed, who leads next, and what that promises", help_policies},
    {"faults", "the kinds of faults of random scenarios, with parameters and budgets", help_faults},
    {"profiles", "what random scenarios are like", profile_help},
    {"yields", "where handlers can stop between a check and its act", help_yields},
    {"exit-codes", "how the command ends", help_exit_codes}};
enum { TOPICS = sizeof topics / sizeof topics[0] };

static void print_topics(void)
{
    struct palette palette = terminal_palette(stdout);
    for (size_t i = 0; i < TOPICS; i++)
        printf("  %s%-11s%s %s\n", palette.cyan, topics[i].name, palette.plain, topics[i].meaning);
}

static int complain_topic(const char *word)
{
    size_t count;
    const struct command_info *commands = command_infos(&count);
    struct suggestion suggestion = suggestion_for(word);
    for (size_t i = 0; i < count; i++)
        suggestion_offer(&suggestion, commands[i].name);
    for (size_t i = 0; i < TOPICS; i++)
        suggestion_offer(&suggestion, topics[i].name);
    char message[128];
    snprintf(message, sizeof message, "there is no command or topic '%.60s'", word);
    command_complain_name("help", NULL, message, &suggestion, "`isrsim help` lists both");
    return 1;
}

int isr_command_help(const struct command_line *line)
{
    if (line->arguments_count == 0) {
        help_print_overview();
        return 0;
    }
    if (line->arguments_count > 1) {
        command_complain("help", NULL, "it explains one thing at a time",
                         "`isrsim help` lists commands and topics");
        return 1;
    }
    const char *word = line->arguments[0];
    const struct command_info *command = command_named(word);
    if (command != NULL) {
        help_print_command(command);
        return 0;
    }
    for (size_t i = 0; i < TOPICS; i++) {
        if (strcmp(topics[i].name, word) == 0) {
            topics[i].print();
            return 0;
        }
    }
    return complain_topic(word);
}

/* ---- completion ---- */

static void print_option_words(const struct command_info *command)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        if (command_takes(command, (enum option_id)i))
            printf(" --%s", option_infos()[i].name);
    }
}

static void print_bash(void)
{
    size_t count;
    const struct command_info *commands = command_infos(&count);
    printf("# bash completion for isrsim: source <(isrsim completion bash)\n_isrsim()\n{\n"
           "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} "
           "command=${COMP_WORDS[1]}\n"
           "    local words=\n    COMPREPLY=()\n    if ((COMP_CWORD == 1)); then\n        words=\"--help "
           "--version");
    for (size_t i = 0; i < count; i++)
        printf(" %s", commands[i].name);
    printf("\"\n        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n        return\n    "
           "fi\n"
           "    if [[ $previous == --rules ]]; then\n        words=\"");
    for (const struct field *field = scenario_rule_fields; field->name != NULL; field++) {
        const struct choice *choices = field->extra;
        printf("%s%s=%s", field == scenario_rule_fields ? "" : " ", field->name, choices[1].word);
    }
    printf("\"\n    elif [[ $current == -* ]]; then\n        case $command in\n");
    for (size_t i = 0; i < count; i++) {
        printf("            %s) words=\"", commands[i].name);
        print_option_words(&commands[i]);
        printf("\" ;;\n");
    }
    printf("        esac\n    elif [[ $command == completion ]]; then\n        words=bash\n"
           "    elif [[ $command == help ]]; then\n        words=\"");
    for (size_t i = 0; i < TOPICS; i++)
        printf("%s ", topics[i].name);
    for (size_t i = 0; i < count; i++)
        printf("%s ", commands[i].name);
    printf("\"\n    else\n        compopt -o filenames\n"
           "        mapfile -t COMPREPLY < <(compgen -d -- \"$current\"; compgen -f -X "
           "'!*.isr.@(yaml|yml|json)' -- \"$current\")\n"
           "        return\n    fi\n    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n}\n"
           "shopt -s extglob\ncomplete -F _isrsim isrsim\n");
}

int isr_command_completion(const struct command_line *line)
{
    if (line->arguments_count != 1 || strcmp(line->arguments[0], "bash") != 0) {
        command_complain("completion", NULL, "for which shell?", "there is `isrsim completion bash`");
        return 1;
    }
    print_bash();
    return 0;
}
