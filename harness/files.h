/* Files and folders of scenarios. */
#ifndef HARNESS_FILES_H
#define HARNESS_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/pool.h"
#include "harness/scenario.h"

/* A growing list of texts in a pool. */
struct path_list {
    const char **items;
    size_t count, capacity;
};

/* Adds a file, or all scenario files of a directory and what is below it, in the order of their names. False
 * after an error on stderr (nothing there, not readable, no scenario by its name, a directory without
 * scenarios). */
bool files_find(struct pool *pool, struct path_list *paths, const char *path);
/* The whole file in the pool, at most one byte more than the bound of a scenario file. NULL after an error on
 * stderr. */
const char *files_read(struct pool *pool, const char *path, size_t *size_bytes);

/* A scenario with the file that it came from. */
struct loaded {
    const char *path;
    struct scenario scenario;
};
struct loaded_list {
    struct loaded *items;
    size_t count;
    struct pool pool;
};
/* Finds and reads everything named; a file that is named twice is an error. Errors go to stderr; returns how
 * many files were bad. */
size_t files_load(struct loaded_list *list, const char *const *paths, int paths_count);
void files_free(struct loaded_list *list);

#endif
