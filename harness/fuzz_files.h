/* isrsim fuzz -o FOLDER: the first seed of each signature as a scenario file, and made small. */
#ifndef HARNESS_FUZZ_FILES_H
#define HARNESS_FUZZ_FILES_H

#include "harness/commands.h"
#include "harness/findings.h"

struct fuzz_files {
    const struct command_line *line; /* of isrsim fuzz: what the seeds were made with */
    const char *folder;              /* made where it is not there */
    bool shrink;                     /* each made small, too */
};

/* Makes the folder. False after an error on stderr. */
bool fuzz_files_begin(const struct fuzz_files *files);
/* Writes FOLDER/<signature>.isr.yaml for each finding, by `isrsim expand`, and with shrink
 * FOLDER/<signature>.shrunk.isr.yaml, by `isrsim shrink`, each in a process of its own; notes in the findings
 * what could be written. */
void fuzz_files_write(const struct fuzz_files *files, struct findings *findings);
/* The name of such a file, into a buffer of FUZZ_FILE_BYTES. */
enum { FUZZ_FILE_BYTES = 512 };
const char *fuzz_file_name(const struct fuzz_files *files, const struct finding *finding, bool shrunk,
                           char *buffer);

#endif
