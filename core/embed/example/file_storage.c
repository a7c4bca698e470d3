#include "core/embed/example/file_storage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_BYTES = 64 };

static void name_of(struct isr_file file, char name[NAME_BYTES])
{
    snprintf(name, NAME_BYTES, "%d-%u-%u-%" PRId64, (int)file.kind, (unsigned)file.tp.topic,
             (unsigned)file.tp.index, file.number);
}

static bool file_named(const char *name, struct isr_file *file)
{
    int kind, end = 0;
    unsigned topic, index;
    if (sscanf(name, "%d-%u-%u-%" SCNd64 "%n", &kind, &topic, &index, &file->number, &end) != 4 ||
        name[end] != '\0' || kind < 0 || kind >= ISR_FILE_KINDS)
        return false;
    file->kind = (enum isr_file_kind)kind;
    file->tp = (struct isr_tp){.topic = (uint16_t)topic, .index = (uint16_t)index};
    return true;
}

static enum isr_io_status status_of(int error)
{
    return error == ENOENT ? ISR_IO_NO_FILE : error == ENOSPC ? ISR_IO_NO_SPACE : ISR_IO_ERROR;
}

static int open_named(const struct file_storage *storage, struct isr_file file, int flags)
{
    char name[NAME_BYTES];
    name_of(file, name);
    return openat(storage->folder, name, flags | O_CLOEXEC, 0644);
}

static bool write_all(int descriptor, struct isr_bytes bytes, int64_t position)
{
    for (uint32_t done = 0; done < bytes.size;) {
        ssize_t count = pwrite(descriptor, bytes.data + done, bytes.size - done, position + done);
        if (count < 0 && errno != EINTR)
            return false;
        done += count > 0 ? (uint32_t)count : 0;
    }
    return true;
}

/* Closes; good: everything before went well. */
static enum isr_io_status finish(int descriptor, bool good)
{
    int error = errno;
    close(descriptor);
    return good ? ISR_IO_OK : status_of(error);
}

static enum isr_io_status storage_write(void *object, struct isr_file file, int64_t position,
                                        struct isr_bytes bytes)
{
    int descriptor = open_named(object, file, O_WRONLY | O_CREAT);
    return descriptor < 0 ? status_of(errno) : finish(descriptor, write_all(descriptor, bytes, position));
}

/* Its name in the folder, too. */
static enum isr_io_status storage_sync(void *object, struct isr_file file)
{
    const struct file_storage *storage = object;
    int descriptor = open_named(storage, file, O_RDONLY);
    if (descriptor < 0)
        return status_of(errno);
    return finish(descriptor, fsync(descriptor) == 0 && fsync(storage->folder) == 0);
}

static enum isr_io_status storage_replace(void *object, struct isr_file file, struct isr_bytes bytes)
{
    static const char aside[] = "aside";
    const struct file_storage *storage = object;
    char name[NAME_BYTES];
    name_of(file, name);
    int descriptor = openat(storage->folder, aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (descriptor < 0)
        return status_of(errno);
    enum isr_io_status status = finish(descriptor, write_all(descriptor, bytes, 0) && fsync(descriptor) == 0);
    if (status != ISR_IO_OK)
        return status;
    bool good = renameat(storage->folder, aside, storage->folder, name) == 0 && fsync(storage->folder) == 0;
    return good ? ISR_IO_OK : status_of(errno);
}

static enum isr_io_status storage_truncate(void *object, struct isr_file file, int64_t size_bytes)
{
    int descriptor = open_named(object, file, O_WRONLY | O_CREAT);
    return descriptor < 0 ? status_of(errno) : finish(descriptor, ftruncate(descriptor, size_bytes) == 0);
}

static enum isr_io_status storage_remove(void *object, struct isr_file file)
{
    const struct file_storage *storage = object;
    char name[NAME_BYTES];
    name_of(file, name);
    return unlinkat(storage->folder, name, 0) == 0 || errno == ENOENT ? ISR_IO_OK : status_of(errno);
}

static bool read_all(int descriptor, uint8_t *to, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t count = read(descriptor, to + done, size - done);
        if (count == 0 || (count < 0 && errno != EINTR))
            return false;
        done += count > 0 ? (size_t)count : 0;
    }
    return true;
}

static enum isr_io_status storage_read(void *object, struct isr_file file, struct isr_bytes *bytes)
{
    struct file_storage *storage = object;
    struct stat about;
    int descriptor = open_named(storage, file, O_RDONLY);
    if (descriptor < 0)
        return status_of(errno);
    if (fstat(descriptor, &about) != 0 || about.st_size > INT32_MAX)
        return finish(descriptor, false) == ISR_IO_OK ? ISR_IO_OK : ISR_IO_ERROR;
    size_t size = (size_t)about.st_size;
    free(storage->contents);
    storage->contents = malloc(size + 1);
    *bytes = (struct isr_bytes){.data = storage->contents, .size = (uint32_t)size};
    return finish(descriptor, storage->contents != NULL && read_all(descriptor, storage->contents, size));
}

static bool entry_add(struct file_storage *storage, uint32_t *count, const struct isr_file_entry *entry)
{
    if (*count == storage->entries_capacity) {
        uint32_t capacity = storage->entries_capacity * 2 + 16;
        struct isr_file_entry *entries = realloc(storage->entries, capacity * sizeof *entries);
        if (entries == NULL)
            return false;
        storage->entries = entries;
        storage->entries_capacity = capacity;
    }
    storage->entries[(*count)++] = *entry;
    return true;
}

static enum isr_io_status storage_list(void *object, const struct isr_file_entry **files, uint32_t *count)
{
    struct file_storage *storage = object;
    int descriptor = openat(storage->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = descriptor < 0 ? NULL : fdopendir(descriptor);
    if (folder == NULL)
        return ISR_IO_ERROR;
    bool good = true;
    *count = 0;
    for (struct dirent *at = readdir(folder); at != NULL && good; at = readdir(folder)) {
        struct isr_file_entry entry = {0};
        struct stat about;
        if (!file_named(at->d_name, &entry.file) || fstatat(storage->folder, at->d_name, &about, 0) != 0)
            continue; /* not ours: ".", what a REPLACE left aside */
        entry.size_bytes = about.st_size;
        good = entry_add(storage, count, &entry);
    }
    closedir(folder);
    *files = storage->entries;
    return good ? ISR_IO_OK : ISR_IO_ERROR;
}

bool file_storage_open(struct file_storage *storage, const char *path)
{
    *storage = (struct file_storage){.folder = -1};
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return false;
    storage->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return storage->folder >= 0;
}

void file_storage_close(struct file_storage *storage)
{
    close(storage->folder);
    free(storage->contents);
    free(storage->entries);
}

struct isr_storage file_storage_interface(struct file_storage *storage)
{
    return (struct isr_storage){.write = storage_write,
                                .sync = storage_sync,
                                .replace = storage_replace,
                                .truncate = storage_truncate,
                                .remove = storage_remove,
                                .read = storage_read,
                                .list = storage_list,
                                .object = storage};
}
