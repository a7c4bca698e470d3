/* The isrsim command: its parts, its options, and what was given on the command line. */
#ifndef HARNESS_COMMANDS_H
#define HARNESS_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/suggestion.h"

enum option_id {
#define X(ID, name, letter, argument, commands, meaning) OPTION_##ID,
#include "harness/options.def"
#undef X
    OPTIONS
};

struct option_info {
    const char *name;
    char letter;
    const char *argument; /* NULL: a switch */
    const char *commands;
    const char *meaning;
};
const struct option_info *option_infos(void); /* OPTIONS many */

struct command_line {
    const struct command_info *command; /* NULL: none was given */
    const char *values[OPTIONS];        /* what was given; "" for a switch; NULL: not given */
    const char *const *arguments;
    int arguments_count;
    const char *program; /* as it was called, to print commands that a person can copy */
};

struct command_info {
    const char *name, *arguments, *summary, *explanation;
    int (*function)(const struct command_line *line); /* the exit code */
};
const struct command_info *command_infos(size_t *count);
const struct command_info *command_named(const char *name);
bool command_takes(const struct command_info *command, enum option_id option);

/* Reads a command line, words[0] being the program, into line. False after an error on stderr. storage:
 * words_count pointers, filled with the arguments. */
bool command_line_read(struct command_line *line, int words_count, const char *const *words,
                       const char **storage);
static inline bool option_given(const struct command_line *line, enum option_id option)
{
    return line->values[option] != NULL;
}

/* An error of the command line on stderr: what is wrong, and on a second line the hint. option: "seed", NULL
 * where it is about none. Returns false. */
bool command_complain(const char *command, const char *option, const char *message, const char *hint);
/* The same for a name that does not exist: the hint is the suggestion, where there is one, else `otherwise`.
 */
bool command_complain_name(const char *command, const char *option, const char *message,
                           const struct suggestion *suggestion, const char *otherwise);
/* Complains where the command was given arguments, but takes none. */
bool command_takes_no_argument(const struct command_line *line);

/* The whole program: reads the line and carries the command out. */
int isr_main(int argc, char **argv);

#define X(name, arguments, summary, explanation) int isr_command_##name(const struct command_line *line);
#include "harness/commands.def"
#undef X

/* Help for the program, for one command. */
void help_print_overview(void);
void help_print_command(const struct command_info *command);

#endif
