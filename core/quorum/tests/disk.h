/* A disk for the quorum's tests: files with what is durable of them, and what a power loss may take in any
 * part. Header-only; independent of sim/. */
#ifndef ISR_QUORUM_TESTS_DISK_H
#define ISR_QUORUM_TESTS_DISK_H

#include "core/base/event.h"
#include "core/tests/support.h"

enum { DISK_FILES_MAX = 64 };

struct disk_bytes {
    bool exists;
    uint8_t *data;
    uint32_t size;
};

struct disk_change { /* in the page cache, not synced */
    bool is_write;   /* else a truncation */
    int64_t position;
    struct disk_bytes bytes;
};

struct disk_file {
    struct isr_file name;
    struct disk_bytes durable, cached;
    struct disk_change *changes;
    uint32_t changes_count, changes_capacity;
};

struct disk {
    struct disk_file files[DISK_FILES_MAX];
    uint32_t count;
};

static inline void bytes_set(struct disk_bytes *bytes, const uint8_t *data, uint32_t size)
{
    uint8_t *copy = malloc(size + 1u);
    if (size > 0)
        memcpy(copy, data, size);
    free(bytes->data);
    *bytes = (struct disk_bytes){.exists = true, .data = copy, .size = size};
}

static inline void bytes_copy(struct disk_bytes *to, const struct disk_bytes *from)
{
    if (from->exists) {
        bytes_set(to, from->data, from->size);
    } else {
        free(to->data);
        *to = (struct disk_bytes){0};
    }
}

static inline void bytes_resize(struct disk_bytes *bytes, uint32_t size)
{
    uint8_t *copy = calloc(1, size + 1u);
    if (bytes->size > 0 && size > 0)
        memcpy(copy, bytes->data, bytes->size < size ? bytes->size : size);
    free(bytes->data);
    *bytes = (struct disk_bytes){.exists = true, .data = copy, .size = size};
}

static inline void bytes_change(struct disk_bytes *bytes, const struct disk_change *change, uint32_t torn_at)
{
    uint32_t position = (uint32_t)change->position;
    if (!change->is_write) {
        bytes_resize(bytes, position);
        return;
    }
    uint32_t size = change->bytes.size < torn_at ? change->bytes.size : torn_at;
    if (position + size > bytes->size)
        bytes_resize(bytes, position + size);
    bytes->exists = true;
    if (size > 0)
        memcpy(bytes->data + position, change->bytes.data, size);
}

static inline struct disk_file *disk_find(struct disk *disk, struct isr_file name, bool make)
{
    struct disk_file *unused = NULL;
    for (uint32_t i = 0; i < disk->count; i++) {
        struct disk_file *file = &disk->files[i];
        if (isr_file_equal(file->name, name))
            return file;
        if (!file->durable.exists && !file->cached.exists && file->changes_count == 0)
            unused = file;
    }
    if (!make)
        return NULL;
    if (unused == NULL) {
        if (disk->count == DISK_FILES_MAX)
            abort();
        unused = &disk->files[disk->count++];
    }
    unused->name = name;
    return unused;
}

static inline void changes_drop(struct disk_file *file)
{
    for (uint32_t i = 0; i < file->changes_count; i++)
        free(file->changes[i].bytes.data);
    file->changes_count = 0;
}

static inline void disk_change(struct disk *disk, const struct isr_file name,
                               const struct disk_change *change)
{
    struct disk_file *file = disk_find(disk, name, true);
    if (!file->cached.exists)
        bytes_resize(&file->cached, 0);
    bytes_change(&file->cached, change, UINT32_MAX);
    if (file->changes_count == file->changes_capacity) {
        file->changes_capacity = file->changes_capacity * 2 + 8;
        file->changes = realloc(file->changes, file->changes_capacity * sizeof *file->changes);
    }
    struct disk_change *kept = &file->changes[file->changes_count++];
    *kept = (struct disk_change){.is_write = change->is_write, .position = change->position};
    bytes_set(&kept->bytes, change->bytes.data, change->bytes.size);
}

static inline void disk_sync(struct disk *disk, struct isr_file name)
{
    struct disk_file *file = disk_find(disk, name, false);
    if (file == NULL)
        return;
    bytes_copy(&file->durable, &file->cached);
    changes_drop(file);
}

static inline void disk_replace(struct disk *disk, struct isr_file name, struct isr_bytes bytes, bool durably)
{
    struct disk_file *file = disk_find(disk, name, true);
    bytes_set(&file->cached, bytes.data, bytes.size);
    changes_drop(file);
    if (durably)
        bytes_copy(&file->durable, &file->cached);
}

/* A deleted file may be back after a power loss: nothing made the deletion durable. */
static inline void disk_delete(struct disk *disk, struct isr_file name)
{
    struct disk_file *file = disk_find(disk, name, false);
    if (file == NULL)
        return;
    free(file->cached.data);
    file->cached = (struct disk_bytes){0};
    changes_drop(file);
}

static inline void disk_power_loss(struct disk *disk, struct test_random *random)
{
    for (uint32_t f = 0; f < disk->count; f++) {
        struct disk_file *file = &disk->files[f];
        if (!file->cached.exists && file->durable.exists && test_random_chance(random, 2)) {
            free(file->durable.data);
            file->durable = (struct disk_bytes){0};
        }
        bool reordered = test_random_chance(random, 3);
        uint32_t keep = file->changes_count > 0 ? test_random_below(random, file->changes_count + 1) : 0;
        for (uint32_t i = 0; i < file->changes_count; i++) {
            const struct disk_change *change = &file->changes[i];
            bool survives = reordered ? test_random_chance(random, 2) : i < keep;
            bool torn = survives && (reordered || i + 1 == keep) && test_random_chance(random, 2);
            if (survives)
                bytes_change(&file->durable, change,
                             torn && change->bytes.size > 0 ? test_random_below(random, change->bytes.size)
                                                            : UINT32_MAX);
        }
        changes_drop(file);
        bytes_copy(&file->cached, &file->durable);
    }
}

static inline void disk_free(struct disk *disk)
{
    for (uint32_t i = 0; i < disk->count; i++) {
        changes_drop(&disk->files[i]);
        free(disk->files[i].changes);
        free(disk->files[i].durable.data);
        free(disk->files[i].cached.data);
    }
    *disk = (struct disk){0};
}

#endif
