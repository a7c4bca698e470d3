#include <stdio.h>
#include <string.h>

#include "core/base/assert.h"
#include "harness/commands.h"
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

static bool complain_option(const struct command_info *command, const char *word, size_t length)
{
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(length < 60 ? length : 60), word);
    struct suggestion suggestion = suggestion_for(name + strspn(name, "-"));
    for (size_t i = 0; i < OPTIONS; i++) {
        if (option_fits(command, (enum option_id)i))
            suggestion_offer(&suggestion, options[i].name);
    }
    fprintf(stderr, "isrsim%s%s: unknown option '%s'", command != NULL ? " " : "",
            command != NULL ? command->name : "", name);
    if (suggestion.best != NULL)
        fprintf(stderr, "; did you mean '--%s'?\n", suggestion.best);
    else
        fprintf(stderr, "; see `isrsim help%s%s`\n", command != NULL ? " " : "",
                command != NULL ? command->name : "");
    return false;
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
        if (value != NULL) {
            fprintf(stderr, "isrsim: option '--%s' takes no value\n", info->name);
            return false;
        }
        line->values[option] = "";
        return true;
    }
    if (value == NULL) {
        value = following;
        (*next)++;
    }
    if (value == NULL || *value == '\0') {
        fprintf(stderr, "isrsim: option '--%s' needs a value: --%s %s\n", info->name, info->name,
                info->argument);
        return false;
    }
    line->values[option] = value;
    return true;
}

static bool complain_command(const char *word)
{
    struct suggestion suggestion = suggestion_for(word);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        suggestion_offer(&suggestion, commands[i].name);
    fprintf(stderr, "isrsim: there is no command '%.60s'", word);
    if (suggestion.best != NULL)
        fprintf(stderr, "; did you mean '%s'?\n", suggestion.best);
    else
        fprintf(stderr, "; `isrsim help` lists them\n");
    return false;
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
    return true;
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
            fprintf(stderr, "isrsim: which command? `isrsim help` lists them\n");
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
