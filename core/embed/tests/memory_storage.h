/* For tests: files in memory, as struct isr_storage wants them. What is not synced is lost by
 * memory_storage_lose. */
#ifndef ISR_EMBED_TESTS_MEMORY_STORAGE_H
#define ISR_EMBED_TESTS_MEMORY_STORAGE_H

#include "core/embed/runner.h"
#include "core/tests/support.h"

enum { MEMORY_FILES_MAX = 64 };

struct memory_content {
    uint8_t *data;
    size_t size;
    bool there;
};

struct memory_file {
    struct isr_file file;
    struct memory_content now, durable;
};

struct memory_storage {
    struct memory_file files[MEMORY_FILES_MAX];
    uint32_t count;
    struct isr_file_entry listed[MEMORY_FILES_MAX];
    enum isr_io_status fails_with; /* for the operations below; ISR_IO_OK: none fails */
    uint32_t fails_after;          /* that many operations still succeed */
};

static inline struct memory_file *memory_file_of(struct memory_storage *storage, struct isr_file file,
                                                 bool make)
{
    for (uint32_t i = 0; i < storage->count; i++) {
        if (isr_file_equal(storage->files[i].file, file))
            return &storage->files[i];
    }
    if (!make || storage->count == MEMORY_FILES_MAX)
        return NULL;
    storage->files[storage->count] = (struct memory_file){.file = file};
    return &storage->files[storage->count++];
}

static inline void memory_set_size(struct memory_content *content, size_t size)
{
    uint8_t *data = calloc(1, size + 1);
    if (data == NULL)
        abort();
    if (content->size > 0)
        memcpy(data, content->data, content->size < size ? content->size : size);
    free(content->data);
    *content = (struct memory_content){.data = data, .size = size, .there = true};
}

static inline void memory_copy(struct memory_content *to, const struct memory_content *from)
{
    memory_set_size(to, from->size);
    if (from->size > 0)
        memcpy(to->data, from->data, from->size);
    to->there = from->there;
}

static inline bool memory_fails(struct memory_storage *storage)
{
    if (storage->fails_with == ISR_IO_OK)
        return false;
    if (storage->fails_after > 0) {
        storage->fails_after--;
        return false;
    }
    return true;
}

static inline enum isr_io_status memory_write(void *object, struct isr_file file, int64_t position,
                                              struct isr_bytes bytes)
{
    struct memory_storage *storage = object;
    if (memory_fails(storage))
        return storage->fails_with;
    struct memory_file *found = memory_file_of(storage, file, true);
    size_t end = (size_t)position + bytes.size;
    if (!found->now.there || found->now.size < end)
        memory_set_size(&found->now, end);
    memcpy(found->now.data + position, bytes.data, bytes.size);
    return ISR_IO_OK;
}

static inline enum isr_io_status memory_sync(void *object, struct isr_file file)
{
    struct memory_storage *storage = object;
    if (memory_fails(storage))
        return storage->fails_with;
    struct memory_file *found = memory_file_of(storage, file, false);
    if (found == NULL)
        return ISR_IO_NO_FILE;
    memory_copy(&found->durable, &found->now);
    return ISR_IO_OK;
}

static inline enum isr_io_status memory_replace(void *object, struct isr_file file, struct isr_bytes bytes)
{
    struct memory_storage *storage = object;
    if (memory_fails(storage))
        return storage->fails_with;
    struct memory_file *found = memory_file_of(storage, file, true);
    memory_set_size(&found->now, bytes.size);
    if (bytes.size > 0)
        memcpy(found->now.data, bytes.data, bytes.size);
    memory_copy(&found->durable, &found->now);
    return ISR_IO_OK;
}

static inline enum isr_io_status memory_truncate(void *object, struct isr_file file, int64_t size_bytes)
{
    struct memory_storage *storage = object;
    if (memory_fails(storage))
        return storage->fails_with;
    struct memory_file *found = memory_file_of(storage, file, true);
    memory_set_size(&found->now, (size_t)size_bytes);
    return ISR_IO_OK;
}

static inline enum isr_io_status memory_remove(void *object, struct isr_file file)
{
    struct memory_storage *storage = object;
    if (memory_fails(storage))
        return storage->fails_with;
    struct memory_file *found = memory_file_of(storage, file, false);
    if (found != NULL)
        found->now.there = found->durable.there = false;
    return ISR_IO_OK;
}

static inline enum isr_io_status memory_read(void *object, struct isr_file file, struct isr_bytes *bytes)
{
    struct memory_storage *storage = object;
    if (memory_fails(storage))
        return storage->fails_with;
    struct memory_file *found = memory_file_of(storage, file, false);
    if (found == NULL || !found->now.there)
        return ISR_IO_NO_FILE;
    *bytes = (struct isr_bytes){.data = found->now.data, .size = (uint32_t)found->now.size};
    return ISR_IO_OK;
}

/* The last made first: the order must not matter. */
static inline enum isr_io_status memory_list(void *object, const struct isr_file_entry **files,
                                             uint32_t *count)
{
    struct memory_storage *storage = object;
    if (memory_fails(storage))
        return storage->fails_with;
    *count = 0;
    for (uint32_t i = storage->count; i-- > 0;) {
        if (storage->files[i].now.there)
            storage->listed[(*count)++] = (struct isr_file_entry){
                .file = storage->files[i].file, .size_bytes = (int64_t)storage->files[i].now.size};
    }
    *files = storage->listed;
    return ISR_IO_OK;
}

static inline struct isr_storage memory_storage_interface(struct memory_storage *storage)
{
    return (struct isr_storage){.write = memory_write,
                                .sync = memory_sync,
                                .replace = memory_replace,
                                .truncate = memory_truncate,
                                .remove = memory_remove,
                                .read = memory_read,
                                .list = memory_list,
                                .object = storage};
}

/* The machine loses power: what was not synced is gone. */
static inline void memory_storage_lose(struct memory_storage *storage)
{
    for (uint32_t i = 0; i < storage->count; i++)
        memory_copy(&storage->files[i].now, &storage->files[i].durable);
}

static inline void memory_storage_free(struct memory_storage *storage)
{
    for (uint32_t i = 0; i < storage->count; i++) {
        free(storage->files[i].now.data);
        free(storage->files[i].durable.data);
    }
    storage->count = 0;
}

#endif
