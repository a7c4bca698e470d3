/* For tests: a disk with a page cache that carries out the effects of one node, operation by operation in
 * random order across files (in order within a file), and loses what a crash may lose. Header-only.
 *
 *   kill        what was asked for up to a random point, per file, is in the page cache; all of that survives
 *   power loss  of that, what was synced survives; of the rest any subset, any of it torn
 *
 * With names_late a deletion is durable only after a later sync or replacement of some file that was asked
 * for after it completed. With cleans a sync that fails marks the pages clean: what it should have covered
 * stays in the page cache, and no later sync makes it durable unless it is written again. */
#ifndef ISR_TESTS_DISK_H
#define ISR_TESTS_DISK_H

#include "core/tests/support.h"

struct test_image {
    uint8_t *bytes;
    size_t size_bytes;
    bool exists;
};

struct test_operation {
    enum isr_effect_kind kind;
    uint32_t io;
    struct isr_file file;
    int64_t position;
    uint8_t *bytes;
    uint32_t size_bytes;
    uint64_t asked; /* which one of all */
    bool fails;
};

struct test_file {
    struct isr_file file;
    struct test_image cached;
    struct test_image durable;
    struct test_operation *unsynced; /* writes and truncations since the last sync */
    size_t unsynced_count;
    bool deleted; /* not durably */
    uint64_t deleted_at;
    uint8_t *clean; /* of the cached bytes, which a failed sync left clean; NULL: none */
    size_t clean_size;
};

enum { TEST_DISK_FILES = 256, TEST_DISK_OPERATIONS = 4096 };

struct test_disk {
    struct test_file files[TEST_DISK_FILES];
    size_t files_count;
    struct test_operation queue[TEST_DISK_OPERATIONS];
    size_t queue_count;
    struct isr_file_entry entries[TEST_DISK_FILES]; /* the last answer to LIST */
    uint32_t fail_in;                               /* the operation after so many fails; 0 = none */
    enum isr_io_status fail_with;
    uint64_t asked;
    bool names_late;
    uint32_t clean_in; /* the sync after so many fails and marks its pages clean; 0 = none */
};

static inline void test_image_set(struct test_image *image, const void *bytes, size_t size_bytes)
{
    free(image->bytes);
    image->bytes = malloc(size_bytes + 1);
    if (size_bytes > 0)
        memcpy(image->bytes, bytes, size_bytes);
    image->size_bytes = size_bytes;
    image->exists = true;
}

static inline void test_image_clear(struct test_image *image)
{
    free(image->bytes);
    *image = (struct test_image){0};
}

static inline void test_image_apply(struct test_image *image, const struct test_operation *operation,
                                    size_t take)
{
    size_t position = (size_t)operation->position;
    size_t end = operation->kind == ISR_EFFECT_WRITE ? position + take : position;
    if (operation->kind == ISR_EFFECT_TRUNCATE || end > image->size_bytes) {
        image->bytes = realloc(image->bytes, end + 1);
        if (end > image->size_bytes)
            memset(image->bytes + image->size_bytes, 0, end - image->size_bytes);
        image->size_bytes = end;
    }
    if (operation->kind == ISR_EFFECT_WRITE && take > 0)
        memcpy(image->bytes + position, operation->bytes, take);
    image->exists = true;
}

static inline struct test_file *test_disk_file(struct test_disk *disk, struct isr_file file)
{
    for (size_t i = 0; i < disk->files_count; i++) {
        if (isr_file_equal(disk->files[i].file, file))
            return &disk->files[i];
    }
    for (size_t i = 0; i < disk->files_count; i++) {
        struct test_file *gone = &disk->files[i];
        if (!gone->cached.exists && !gone->durable.exists && gone->unsynced_count == 0 && !gone->deleted) {
            gone->file = file;
            return gone;
        }
    }
    if (disk->files_count == TEST_DISK_FILES)
        abort();
    disk->files[disk->files_count] = (struct test_file){.file = file};
    return &disk->files[disk->files_count++];
}

static inline void test_disk_forget_unsynced(struct test_file *file)
{
    for (size_t i = 0; i < file->unsynced_count; i++)
        free(file->unsynced[i].bytes);
    free(file->unsynced);
    file->unsynced = NULL;
    file->unsynced_count = 0;
}

/* Takes over the disk operations of a step. */
static inline void test_disk_take(struct test_disk *disk, const struct isr_effects *effects)
{
    for (uint32_t i = 0; i < effects->count; i++) {
        const struct isr_effect *effect = &effects->items[i];
        if (effect->kind < ISR_EFFECT_WRITE || effect->kind > ISR_EFFECT_LIST)
            continue;
        if (disk->queue_count == TEST_DISK_OPERATIONS)
            abort();
        struct test_operation *operation = &disk->queue[disk->queue_count++];
        *operation = (struct test_operation){.kind = effect->kind,
                                             .io = effect->io,
                                             .file = effect->file,
                                             .position = effect->position,
                                             .size_bytes = effect->bytes.size,
                                             .asked = ++disk->asked};
        operation->fails = effect->kind == ISR_EFFECT_SYNC && disk->clean_in > 0 && --disk->clean_in == 0;
        operation->bytes = malloc(effect->bytes.size + 1);
        if (effect->bytes.size > 0)
            memcpy(operation->bytes, effect->bytes.data, effect->bytes.size);
    }
}

/* ---- pages marked clean ---- */

static inline void test_clean_forget(struct test_file *file)
{
    free(file->clean);
    file->clean = NULL;
    file->clean_size = 0;
}

/* What is not durable now will not be by a sync. */
static inline void test_clean_mark(struct test_file *file)
{
    uint8_t *clean = calloc(file->cached.size_bytes + 1, 1);
    for (size_t i = 0; i < file->cached.size_bytes; i++)
        clean[i] = (i < file->clean_size && file->clean[i] != 0) || i >= file->durable.size_bytes ||
                   file->durable.bytes[i] != file->cached.bytes[i];
    size_t size = file->cached.size_bytes;
    test_clean_forget(file);
    file->clean = clean;
    file->clean_size = size;
}

/* Written again, or cut: dirty, or not there. */
static inline void test_clean_touch(struct test_file *file, const struct test_operation *operation)
{
    size_t from = (size_t)operation->position;
    size_t to = operation->kind == ISR_EFFECT_WRITE ? from + operation->size_bytes : file->clean_size;
    for (size_t i = from; i < to && i < file->clean_size; i++)
        file->clean[i] = 0;
}

static inline void test_disk_sync(struct test_file *file)
{
    struct test_image former = file->durable;
    file->durable = (struct test_image){0};
    test_image_set(&file->durable, file->cached.bytes, file->cached.size_bytes);
    for (size_t i = 0; i < file->clean_size && i < file->durable.size_bytes; i++) {
        if (file->clean[i] != 0)
            file->durable.bytes[i] = i < former.size_bytes ? former.bytes[i] : 0;
    }
    test_image_clear(&former);
}

/* The size is of the file system's journal: durable. */
static inline void test_disk_sync_fails(struct test_file *file)
{
    test_clean_mark(file);
    test_disk_forget_unsynced(file);
    test_disk_sync(file);
}

/* ---- names ---- */

static inline void test_names_settle(struct test_disk *disk, uint64_t asked)
{
    for (size_t i = 0; i < disk->files_count; i++) {
        struct test_file *file = &disk->files[i];
        if (!file->deleted || file->deleted_at >= asked)
            continue;
        file->deleted = false;
        if (!file->cached.exists)
            test_image_clear(&file->durable);
    }
}

static inline void test_disk_delete(struct test_disk *disk, struct test_file *file)
{
    test_image_clear(&file->cached);
    test_clean_forget(file);
    if (!disk->names_late || !file->durable.exists) {
        test_image_clear(&file->durable);
        return;
    }
    file->deleted = true;
    file->deleted_at = disk->asked;
}

/* Carries out one operation; its bytes are consumed. */
static inline void test_disk_execute(struct test_disk *disk, struct test_operation operation)
{
    if (operation.kind == ISR_EFFECT_LIST || operation.kind == ISR_EFFECT_READ) {
        free(operation.bytes);
        return;
    }
    struct test_file *file = test_disk_file(disk, operation.file);
    if (operation.kind == ISR_EFFECT_WRITE || operation.kind == ISR_EFFECT_TRUNCATE) {
        test_image_apply(&file->cached, &operation, operation.size_bytes);
        test_clean_touch(file, &operation);
        file->unsynced = realloc(file->unsynced, (file->unsynced_count + 1) * sizeof *file->unsynced);
        file->unsynced[file->unsynced_count++] = operation;
        return;
    }
    if (operation.fails) {
        test_disk_sync_fails(file);
        free(operation.bytes);
        return;
    }
    test_disk_forget_unsynced(file);
    if (operation.kind == ISR_EFFECT_SYNC) {
        if (!file->cached.exists)
            abort();
        test_disk_sync(file);
        file->deleted = false;
    } else if (operation.kind == ISR_EFFECT_REPLACE) {
        test_clean_forget(file);
        test_image_set(&file->cached, operation.bytes, operation.size_bytes);
        test_image_set(&file->durable, operation.bytes, operation.size_bytes);
        file->deleted = false;
    } else {
        test_disk_delete(disk, file);
    }
    if (operation.kind != ISR_EFFECT_DELETE)
        test_names_settle(disk, operation.asked);
    free(operation.bytes);
}

static inline struct test_operation test_disk_dequeue(struct test_disk *disk, size_t place)
{
    struct test_operation operation = disk->queue[place];
    disk->queue_count--;
    memmove(&disk->queue[place], &disk->queue[place + 1],
            (disk->queue_count - place) * sizeof disk->queue[0]);
    return operation;
}

/* The first operation of the file of a random one. */
static inline size_t test_disk_pick(const struct test_disk *disk, struct test_random *random)
{
    size_t place = test_random_below(random, (uint32_t)disk->queue_count);
    for (size_t i = 0; i < place; i++) {
        if (isr_file_equal(disk->queue[i].file, disk->queue[place].file))
            return i;
    }
    return place;
}

static inline int test_entry_compare(const void *a, const void *b)
{
    return isr_file_compare(((const struct isr_file_entry *)a)->file,
                            ((const struct isr_file_entry *)b)->file);
}

static inline void test_disk_list(struct test_disk *disk, struct isr_event *event)
{
    uint32_t count = 0;
    for (size_t i = 0; i < disk->files_count; i++) {
        if (disk->files[i].cached.exists)
            disk->entries[count++] = (struct isr_file_entry){
                .file = disk->files[i].file, .size_bytes = (int64_t)disk->files[i].cached.size_bytes};
    }
    qsort(disk->entries, count, sizeof disk->entries[0], test_entry_compare);
    event->io_done.files = disk->entries;
    event->io_done.files_count = count;
}

/* Carries out the operation at that place and fills the event of its completion. */
static inline void test_disk_finish(struct test_disk *disk, size_t place, struct isr_event *event)
{
    struct test_operation operation = test_disk_dequeue(disk, place);
    *event = (struct isr_event){.kind = ISR_EVENT_IO_DONE};
    event->io_done.io = operation.io;
    if (operation.fails)
        event->io_done.status = ISR_IO_ERROR;
    if (disk->fail_in > 0 && --disk->fail_in == 0) {
        event->io_done.status = disk->fail_with;
        free(operation.bytes);
        return;
    }
    if (operation.kind == ISR_EFFECT_LIST)
        test_disk_list(disk, event);
    if (operation.kind == ISR_EFFECT_READ) {
        const struct test_file *file = test_disk_file(disk, operation.file);
        event->io_done.status = file->cached.exists ? ISR_IO_OK : ISR_IO_NO_FILE;
        event->io_done.bytes =
            (struct isr_bytes){.data = file->cached.bytes, .size = (uint32_t)file->cached.size_bytes};
    }
    test_disk_execute(disk, operation);
}

/* One operation, and the event of its completion; false when none is queued. */
static inline bool test_disk_step(struct test_disk *disk, struct test_random *random, struct isr_event *event)
{
    if (disk->queue_count == 0)
        return false;
    test_disk_finish(disk, test_disk_pick(disk, random), event);
    return true;
}

/* The same for the first operation on a file of that kind. */
static inline bool test_disk_step_of(struct test_disk *disk, enum isr_file_kind kind, struct isr_event *event)
{
    for (size_t place = 0; place < disk->queue_count; place++) {
        if (disk->queue[place].file.kind != kind)
            continue;
        test_disk_finish(disk, place, event);
        return true;
    }
    return false;
}

/* Any subset of the unsynced operations, often a prefix, sometimes with one torn. */
static inline void test_disk_lose_power(struct test_file *file, struct test_random *random)
{
    bool keeps_prefix = test_random_chance(random, 2);
    size_t prefix = test_random_below(random, (uint32_t)file->unsynced_count + 1);
    for (size_t i = 0; i < file->unsynced_count; i++) {
        bool kept = keeps_prefix ? i < prefix : test_random_chance(random, 2);
        if (!kept)
            continue;
        const struct test_operation *operation = &file->unsynced[i];
        size_t take = operation->size_bytes;
        if (test_random_chance(random, 4))
            take = test_random_below(random, (uint32_t)take + 1);
        test_image_apply(&file->durable, operation, take);
    }
    test_disk_forget_unsynced(file);
    test_clean_forget(file);
    file->deleted = false;
    if (file->durable.exists)
        test_image_set(&file->cached, file->durable.bytes, file->durable.size_bytes);
    else
        test_image_clear(&file->cached);
}

static inline void test_disk_crash(struct test_disk *disk, struct test_random *random, bool power_loss)
{
    size_t carried_out = test_random_below(random, (uint32_t)disk->queue_count + 1);
    for (size_t i = 0; i < carried_out; i++)
        test_disk_execute(disk, test_disk_dequeue(disk, test_disk_pick(disk, random)));
    while (disk->queue_count > 0)
        free(test_disk_dequeue(disk, 0).bytes);
    for (size_t i = 0; power_loss && i < disk->files_count; i++)
        test_disk_lose_power(&disk->files[i], random);
}

/* Removes a file, or damages it, behind everybody's back. */
static inline void test_disk_remove(struct test_disk *disk, struct isr_file file)
{
    struct test_file *found = test_disk_file(disk, file);
    test_disk_forget_unsynced(found);
    test_clean_forget(found);
    found->deleted = false;
    test_image_clear(&found->cached);
    test_image_clear(&found->durable);
}

static inline void test_disk_put(struct test_disk *disk, struct isr_file file, const void *bytes,
                                 size_t size_bytes)
{
    struct test_file *found = test_disk_file(disk, file);
    test_disk_forget_unsynced(found);
    test_clean_forget(found);
    found->deleted = false;
    test_image_set(&found->cached, bytes, size_bytes);
    test_image_set(&found->durable, bytes, size_bytes);
}

/* One bit of a durable byte flips; false when the file has none. */
static inline bool test_disk_rot(struct test_file *file, struct test_random *random)
{
    if (!file->durable.exists || file->durable.size_bytes == 0 || !file->cached.exists ||
        file->cached.size_bytes < file->durable.size_bytes)
        return false;
    size_t place = test_random_below(random, (uint32_t)file->durable.size_bytes);
    uint8_t bit = (uint8_t)(1u << test_random_below(random, 8));
    file->durable.bytes[place] ^= bit;
    file->cached.bytes[place] ^= bit;
    return true;
}

static inline void test_disk_free(struct test_disk *disk)
{
    while (disk->queue_count > 0)
        free(test_disk_dequeue(disk, 0).bytes);
    for (size_t i = 0; i < disk->files_count; i++)
        test_disk_remove(disk, disk->files[i].file);
    disk->files_count = 0;
}

#endif
