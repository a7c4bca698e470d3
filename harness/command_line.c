#include <stdio.h>
#include <string.h>

#include "core/base/assert.h"
#include "harness/commands.h"
#include "harness/scenario.h"
#include "harness/suggestion.h"
#include "harness/version.h"
#include "sim/spec.h"
#include "sim/world.h"

static const struct option_info options[] = {
#define X(ID, name, letter, argument, commands, meaning) {#name, letter, argument, commands, meaning},
#include "harness/options.def"
#undef X
};

static const struct command_info commands[] = {
#define X(name, arguments, summary, explanation) {#name, arguments, summary, explanation, isr_command_##name},
#include "harness/commands.def"
#undef X
};

const struct option_info *option_infos(void)
{
    return options;
}

const struct command_info *command_infos(size_t *count)
{
    *count = sizeof commands / sizeof commands[0];
    return commands;
}

const struct command_info *command_named(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

bool command_takes(const struct command_info *command, enum option_id option)
{
    const char *names = options[option].commands;
    if (strcmp(names, "*") == 0)
        return true;
    size_t length = strlen(command->name);
    for (const char *at = names; *at != '\0'; at += strspn(at, " ")) {
        size_t word = strcspn(at, " ");
        if (word == length && strncmp(at, command->name, word) == 0)
            return true;
        at += word;
    }
    return false;
}

/* May the option be given here? Before the command only what belongs to the program itself. */
static bool option_fits(const struct command_info *command, enum option_id option)
{
    if (command == NULL)
        return option == OPTION_HELP || option == OPTION_VERSION;
    return command_takes(command, option);
}

/* ---- errors ---- */

bool command_complain(const char *command, const char *option, const char *message, const char *hint)
{
    fprintf(stderr, "isrsim%s%s: ", command != NULL ? " " : "", command != NULL ? command : "");
    if (option != NULL)
        fprintf(stderr, "--%s: ", option);
    fprintf(stderr, "%s\n  hint: %s\n", message, hint);
    return false;
}

bool command_complain_name(const char *command, const char *option, const char *message,
                           const struct suggestion *suggestion, const char *otherwise)
{
    char hint[96];
    if (suggestion->best == NULL)
        return command_complain(command, option, message, otherwise);
    snprintf(hint, sizeof hint, "did you mean '%.60s'?", suggestion->best);
    return command_complain(command, option, message, hint);
}

bool command_takes_no_argument(const struct command_line *line)
{
    char message[128], hint[128];
    if (line->arguments_count == 0)
        return true;
    snprintf(message, sizeof message, "takes no argument, but '%.60s' was given", line->arguments[0]);
    snprintf(hint, sizeof hint, "`isrsim help %s` explains it and its options", line->command->name);
    return command_complain(line->command->name, NULL, message, hint);
}

static const char *name_of(const struct command_info *command)
{
    return command != NULL ? command->name : NULL;
}

/* "-j4" and "-qv": letters that exist, written together. */
static bool letters_together(const struct command_info *command, const char *word)
{
    if (word[0] != '-' || word[1] == '-' || word[1] == '\0' || word[2] == '\0')
        return false;
    for (size_t i = 0; i < OPTIONS; i++) {
        if (options[i].letter == word[1] && option_fits(command, (enum option_id)i))
            return true;
    }
    return false;
}

static bool complain_option(const struct command_info *command, const char *word, size_t length)
{
    char name[64], message[96], hint[96];
    snprintf(name, sizeof name, "%.*s", (int)(length < 60 ? length : 60), word);
    snprintf(message, sizeof message, "unknown option '%s'", name);
    if (letters_together(command, word)) {
        snprintf(hint, sizeof hint, "write -%c, and what follows as a word of its own", word[1]);
        return command_complain(name_of(command), NULL, message, hint);
    }
    struct suggestion suggestion = suggestion_for(name + strspn(name, "-"));
    for (size_t i = 0; i < OPTIONS; i++) {
        if (option_fits(command, (enum option_id)i))
            suggestion_offer(&suggestion, options[i].name);
    }
    if (suggestion.best != NULL)
        snprintf(hint, sizeof hint, "did you mean '--%s'?", suggestion.best);
    else if (command == NULL)
        snprintf(hint, sizeof hint,
                 "options stand behind the command: isrsim COMMAND --option; see `isrsim help`");
    else
        snprintf(hint, sizeof hint, "`isrsim help %s` lists its options", command->name);
    return command_complain(name_of(command), NULL, message, hint);
}

static bool find_option(const struct command_info *command, const char *word, size_t length,
                        enum option_id *option)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        bool named = length > 2 && strlen(options[i].name) == length - 2 &&
                     strncmp(options[i].name, word + 2, length - 2) == 0 && word[1] == '-';
        bool lettered = length == 2 && options[i].letter != 0 && word[1] == options[i].letter;
        if ((named || lettered) && option_fits(command, (enum option_id)i)) {
            *option = (enum option_id)i;
            return true;
        }
    }
    return complain_option(command, word, length);
}

/* Can the word that follows an option be its value? Not where it is plainly the next option, or the scenario
 * that a value was forgotten in front of; but the output is a scenario. */
static bool can_be_value(enum option_id wanted, const char *word)
{
    bool option = word[0] == '-' && (word[1] == '-' || (word[1] >= 'a' && word[1] <= 'z'));
    return word[0] != '\0' && !option && (wanted == OPTION_OUTPUT || !scenario_is_file_name(word));
}

static bool complain_value(const struct command_line *line, enum option_id option, const char *following)
{
    const struct option_info *info = &options[option];
    char message[160], hint[200];
    snprintf(message, sizeof message, "the value is missing%s%.60s%s",
             following != NULL && following[0] != '\0' ? ": '" : "", following != NULL ? following : "",
             following != NULL && following[0] != '\0' ? "' comes next" : "");
    snprintf(hint, sizeof hint, "write --%s %s: %.*s", info->name, info->argument,
             (int)strcspn(info->meaning, ";,"), info->meaning);
    return command_complain(name_of(line->command), info->name, message, hint);
}

static bool take_value(struct command_line *line, enum option_id option, const char *value)
{
    const char *before = line->values[option];
    const struct option_info *info = &options[option];
    char message[160];
    if (before != NULL && info->argument != NULL) {
        snprintf(message, sizeof message, "it is given twice: '%.50s' and '%.50s'", before, value);
        return command_complain(name_of(line->command), info->name, message,
                                option == OPTION_RULES
                                    ? "several rules stand in one --rules, separated by commas"
                                    : "leave one of the two out");
    }
    line->values[option] = value;
    return true;
}

static bool options_go_together(const struct command_line *line)
{
    static const struct {
        enum option_id one, other;
        const char *not_in, *why;
    } conflicts[] = {
#define X(ONE, OTHER, not_in, why) {OPTION_##ONE, OPTION_##OTHER, not_in, why},
#include "harness/option_conflicts.def"
#undef X
    };
    for (size_t i = 0; i < sizeof conflicts / sizeof conflicts[0]; i++) {
        enum option_id one = conflicts[i].one, other = conflicts[i].other;
        if (!option_given(line, one) || !option_given(line, other) ||
            (line->command != NULL && strcmp(line->command->name, conflicts[i].not_in) == 0))
            continue;
        char message[96];
        snprintf(message, sizeof message, "give --%s or --%s, not both", options[one].name,
                 options[other].name);
        return command_complain(name_of(line->command), NULL, message, conflicts[i].why);
    }
    return true;
}

/* One word that begins with '-'; *next is moved on where the option takes the word after it. */
static bool read_option(struct command_line *line, const char *word, const char *following, int *next)
{
    size_t length = strcspn(word, "=");
    enum option_id option;
    if (!find_option(line->command, word, length, &option))
        return false;
    const struct option_info *info = &options[option];
    const char *value = word[length] == '=' ? word + length + 1 : NULL;
    if (info->argument == NULL) {
        char hint[64];
        snprintf(hint, sizeof hint, "write --%s alone", info->name);
        return value == NULL
                   ? take_value(line, option, "")
                   : command_complain(name_of(line->command), info->name, "it takes no value", hint);
    }
    if (value == NULL) {
        value = following;
        (*next)++;
    }
    if (value == NULL || !can_be_value(option, value))
        return complain_value(line, option, value);
    return take_value(line, option, value);
}

static bool complain_command(const char *word)
{
    struct suggestion suggestion = suggestion_for(word);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        suggestion_offer(&suggestion, commands[i].name);
    char message[96];
    snprintf(message, sizeof message, "there is no command '%.60s'", word);
    if (scenario_is_file_name(word))
        return command_complain(NULL, NULL, message, "a scenario is run by `isrsim run FILE`");
    if (strcmp(word, "version") == 0)
        return command_complain(NULL, NULL, message, "did you mean `isrsim --version`?");
    return command_complain_name(NULL, NULL, message, &suggestion, "`isrsim help` lists them");
}

bool command_line_read(struct command_line *line, int words_count, const char *const *words,
                       const char **storage)
{
    *line = (struct command_line){.program = words_count > 0 ? words[0] : "isrsim", .arguments = storage};
    bool options_over = false;
    for (int next = 1; next < words_count;) {
        const char *word = words[next++];
        if (!options_over && strcmp(word, "--") == 0) {
            options_over = true;
        } else if (!options_over && word[0] == '-' && word[1] != '\0') {
            if (!read_option(line, word, next < words_count ? words[next] : NULL, &next))
                return false;
        } else if (line->command == NULL) {
            line->command = command_named(word);
            if (line->command == NULL)
                return complain_command(word);
        } else {
            storage[line->arguments_count++] = word;
        }
    }
    return options_go_together(line);
}

int isr_main(int argc, char **argv)
{
    enum { WORDS_MAX = 65536 };
    static const char *storage[WORDS_MAX];
    struct command_line line;
    if (argc > WORDS_MAX) {
        fprintf(stderr, "isrsim: more than %d words on the command line\n", WORDS_MAX);
        return 1;
    }
    if (!command_line_read(&line, argc, (const char *const *)argv, storage))
        return 1;
    if (option_given(&line, OPTION_VERSION)) {
        printf("isrsim %s\n", ISRSIM_VERSION);
        return 0;
    }
    if (line.command == NULL) {
        bool asked = option_given(&line, OPTION_HELP);
        if (asked)
            help_print_overview();
        else
            command_complain(NULL, NULL, "which command?", "`isrsim help` lists them");
        return asked ? 0 : 1;
    }
    if (option_given(&line, OPTION_HELP)) {
        help_print_command(line.command);
        return 0;
    }
    int code = line.command->function(&line);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "isrsim: writing to standard output failed\n");
        return code != 0 ? code : 1;
    }
    return code;
}
