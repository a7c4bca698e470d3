/* struct isr_storage over a folder of a POSIX file system: each file of the engine is a file there. Blocking
 * calls; a program that must not wait for its disk gives them to threads of its own. */
#ifndef EXAMPLE_FILE_STORAGE_H
#define EXAMPLE_FILE_STORAGE_H

#include "core/embed/runner.h"

struct file_storage {
    int folder;                     /* its descriptor */
    uint8_t *contents;              /* of the file read last */
    struct isr_file_entry *entries; /* of the last listing */
    uint32_t entries_capacity;
};

/* Makes the folder when it is absent. False, with errno, when that fails. */
bool file_storage_open(struct file_storage *storage, const char *path);
void file_storage_close(struct file_storage *storage);
struct isr_storage file_storage_interface(struct file_storage *storage);

#endif
