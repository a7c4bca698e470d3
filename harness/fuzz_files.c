#include "harness/fuzz_files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/apart.h"
#include "harness/fuzz_report.h"

bool fuzz_files_begin(const struct fuzz_files *files)
{
    struct stat found;
    char message[FUZZ_FILE_BYTES];
    if (mkdir(files->folder, 0777) == 0 || (errno == EEXIST && stat(files->folder, &found) == 0 &&
                                            S_ISDIR(found.st_mode) && access(files->folder, W_OK) == 0))
        return true;
    snprintf(message, sizeof message, "cannot write into the folder %.300s: %s", files->folder,
             strerror(errno));
    return command_complain(files->line->command->name, "output", message,
                            "name a folder that may be written to, or a new one");
}

const char *fuzz_file_name(const struct fuzz_files *files, const struct finding *finding, bool shrunk,
                           char *buffer)
{
    char id[9];
    snprintf(buffer, FUZZ_FILE_BYTES, "%.400s/%s%s.isr.yaml", files->folder,
             signature_print_id(finding->first.signature.id, id), shrunk ? ".shrunk" : "");
    return buffer;
}

/* As if a person had typed the command that is told with the failure. */
static bool carry_out(const struct fuzz_files *files, const char *command, const struct hunt_run *run,
                      const char *file)
{
    char seed[24], turns[FUZZ_TURNS_BYTES];
    static const enum option_id same[] = {OPTION_PROFILE,   OPTION_OVER_BUDGET, OPTION_CONSENSUS,
                                          OPTION_UNCHECKED, OPTION_RULES,       OPTION_STRATEGY,
                                          OPTION_DEPTH};
    struct command_line line = {.command = command_named(command), .program = files->line->program};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        line.values[same[i]] = files->line->values[same[i]];
    snprintf(seed, sizeof seed, "%" PRIu64, run->seed);
    line.values[OPTION_SEED] = seed;
    if (option_given(&line, OPTION_STRATEGY) && strcmp(line.values[OPTION_STRATEGY], "guided") == 0)
        line.values[OPTION_STRATEGY] = NULL; /* the turns say what it chose */
    if (run->attempt.end == ATTEMPT_OVER_EVENTS)
        line.values[OPTION_MAX_EVENTS] = files->line->values[OPTION_MAX_EVENTS];
    if (run->turns_count > 0)
        line.values[OPTION_TURNS] = fuzz_print_turns(run->turns, run->turns_count, turns);
    line.values[OPTION_OUTPUT] = file;
    fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        perror("isrsim: a process to write a file");
    if (child == 0)
        exit(line.command->function(&line));
    int status = child < 0 ? 1 : apart_wait(child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void fuzz_files_write(const struct fuzz_files *files, struct findings *findings)
{
    for (unsigned i = 0; i < findings->count; i++) {
        struct finding *finding = &findings->items[i];
        char name[FUZZ_FILE_BYTES];
        finding->expanded =
            carry_out(files, "expand", &finding->first, fuzz_file_name(files, finding, false, name));
        if (files->shrink)
            finding->shrunk =
                carry_out(files, "shrink", &finding->first, fuzz_file_name(files, finding, true, name));
    }
}
