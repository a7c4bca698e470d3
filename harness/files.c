#include "harness/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/terminal.h"
#include "harness/tree.h"

enum { FOLDER_DEPTH_MAX = 16 };

static bool complain(const char *path, const char *what, const char *hint)
{
    fprintf(stderr, "isrsim: %s: %s\n  hint: %s\n", path, what, hint);
    return false;
}

static bool complain_errno(const char *path, int reason)
{
    return complain(path, strerror(reason),
                    reason == ENOENT ? "name a scenario file, or a folder of them; the project's own are in "
                                       "scenarios/, beside its sources"
                                     : "it must be a file or a directory that can be read");
}

static void add_path(struct pool *pool, struct path_list *paths, const char *path)
{
    if (paths->count == paths->capacity) {
        size_t capacity = paths->capacity == 0 ? 64 : paths->capacity * 2;
        const char **items = pool_array(pool, capacity, sizeof *items);
        if (paths->count > 0)
            memcpy(items, paths->items, paths->count * sizeof *items);
        paths->items = items;
        paths->capacity = capacity;
    }
    paths->items[paths->count++] = pool_text(pool, path, strlen(path));
}

static bool find_in_folder(struct pool *pool, struct path_list *paths, const char *folder, unsigned depth)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);
    if (count < 0)
        return complain_errno(folder, errno);
    bool good = true;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        size_t folder_length = strlen(folder);
        bool slash = folder_length > 0 && folder[folder_length - 1] == '/';
        char *path = pool_allocate(pool, folder_length + strlen(name) + 2);
        sprintf(path, "%s%s%s", folder, slash ? "" : "/", name);
        struct stat status;
        bool there = name[0] != '.' && lstat(path, &status) == 0;
        if (there && S_ISDIR(status.st_mode) && depth < FOLDER_DEPTH_MAX)
            good = find_in_folder(pool, paths, path, depth + 1) && good;
        else if (there && !S_ISDIR(status.st_mode) && scenario_is_file_name(name))
            add_path(pool, paths, path);
        free(entries[i]);
    }
    free(entries);
    return good;
}

bool files_find(struct pool *pool, struct path_list *paths, const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return complain_errno(path, errno);
    if (S_ISREG(status.st_mode) && !scenario_is_file_name(path))
        return complain(path, "this is no scenario by its name",
                        "the names of scenario files end in .isr.yaml, or in .isr.json");
    if (!S_ISDIR(status.st_mode)) {
        add_path(pool, paths, path);
        return true;
    }
    size_t before = paths->count;
    if (!find_in_folder(pool, paths, path, 0))
        return false;
    if (paths->count == before)
        return complain(path, "there is no scenario in this directory",
                        "the names of scenario files end in .isr.yaml, or in .isr.json");
    return true;
}

const char *files_read(struct pool *pool, const char *path, size_t *size_bytes)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        complain_errno(path, errno);
        return NULL;
    }
    size_t capacity = TREE_FILE_BYTES_MAX + 1;
    char *bytes = malloc(capacity);
    if (bytes == NULL) {
        fclose(file);
        complain(path, "out of memory", "this machine has none to spare");
        return NULL;
    }
    *size_bytes = fread(bytes, 1, capacity, file);
    bool failed = ferror(file) != 0;
    int reason = errno;
    fclose(file);
    const char *text = failed ? NULL : pool_text(pool, bytes, *size_bytes);
    free(bytes);
    if (failed)
        complain_errno(path, reason);
    return text;
}

/* A file that was found before, under the same name or another; whatever is no plain file is a new one each
 * time. */
static bool is_found_twice(const struct path_list *found, const struct stat *status, size_t which)
{
    for (size_t i = 0; i < which && S_ISREG(status[which].st_mode); i++) {
        if (status[i].st_ino != status[which].st_ino || status[i].st_dev != status[which].st_dev)
            continue;
        char message[512];
        if (strcmp(found->items[i], found->items[which]) == 0)
            snprintf(message, sizeof message, "this file is given twice");
        else
            snprintf(message, sizeof message, "this file is given twice, also as %.400s", found->items[i]);
        complain(found->items[which], message,
                 "name a file or its directory, not both; --twice runs it two times");
        return true;
    }
    return false;
}

static bool load_one(struct loaded_list *list, const char *path)
{
    size_t size_bytes;
    const char *text = files_read(&list->pool, path, &size_bytes);
    if (text == NULL)
        return false;
    if (size_bytes >= 3 &&
        memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark, which some editors write */
        text += 3;
        size_bytes -= 3;
    }
    struct loaded *loaded = &list->items[list->count];
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics, path, text, size_bytes);
    loaded->path = path;
    if (!scenario_read(&loaded->scenario, &diagnostics)) {
        diagnostics_print(&diagnostics, stderr, terminal_has_colour(stderr));
        return false;
    }
    list->count++;
    return true;
}

size_t files_load(struct loaded_list *list, const char *const *paths, int paths_count)
{
    struct path_list found = {NULL, 0, 0};
    size_t bad = 0;
    *list = (struct loaded_list){.items = NULL};
    for (int i = 0; i < paths_count; i++)
        bad += !files_find(&list->pool, &found, paths[i]);
    list->items = pool_array(&list->pool, found.count, sizeof *list->items);
    struct stat *status = pool_array(&list->pool, found.count, sizeof *status);
    for (size_t i = 0; i < found.count; i++) {
        if (stat(found.items[i], &status[i]) != 0)
            status[i] = (struct stat){0}; /* reading it will tell */
        bad += is_found_twice(&found, status, i) || !load_one(list, found.items[i]);
    }
    return bad;
}

void files_free(struct loaded_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        scenario_free(&list->items[i].scenario);
    pool_free(&list->pool);
}
