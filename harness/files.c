#include "harness/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/terminal.h"
#include "harness/tree.h"

enum { FOLDER_DEPTH_MAX = 16 };

static bool complain(const char *path, const char *what)
{
    fprintf(stderr, "isrsim: %s: %s\n", path, what);
    return false;
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
        return complain(folder, strerror(errno));
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
        return complain(path, strerror(errno));
    if (!S_ISDIR(status.st_mode)) {
        add_path(pool, paths, path);
        return true;
    }
    size_t before = paths->count;
    if (!find_in_folder(pool, paths, path, 0))
        return false;
    if (paths->count == before)
        return complain(path, "there is no scenario (*.isr.yaml) in this directory");
    return true;
}

const char *files_read(struct pool *pool, const char *path, size_t *size_bytes)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        complain(path, strerror(errno));
        return NULL;
    }
    size_t capacity = TREE_FILE_BYTES_MAX + 1;
    char *bytes = malloc(capacity);
    if (bytes == NULL) {
        fclose(file);
        complain(path, "out of memory");
        return NULL;
    }
    *size_bytes = fread(bytes, 1, capacity, file);
    bool failed = ferror(file) != 0;
    int reason = errno;
    fclose(file);
    const char *text = failed ? NULL : pool_text(pool, bytes, *size_bytes);
    free(bytes);
    if (failed)
        complain(path, strerror(reason));
    return text;
}

static bool load_one(struct loaded_list *list, const char *path)
{
    size_t size_bytes;
    const char *text = files_read(&list->pool, path, &size_bytes);
    if (text == NULL)
        return false;
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
    for (size_t i = 0; i < found.count; i++)
        bad += !load_one(list, found.items[i]);
    return bad;
}

void files_free(struct loaded_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        scenario_free(&list->items[i].scenario);
    pool_free(&list->pool);
}
