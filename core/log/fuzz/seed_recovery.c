/* Writes the seed corpus of fuzz_recovery, the same at every run: a batch, each checkpoint, and whole disks
 * as a log leaves them behind.
 *
 *   cc -std=c17 -I. core/log/fuzz/seed_recovery.c core/log/[a-z]*.c core/wire/[a-z]*.c core/base/[a-z]*.c -o
 * seed_recovery
 *   ./seed_recovery core/log/fuzz/corpus/fuzz_recovery */
#include <stdio.h>

#include "core/log/checkpoint.h"
#include "core/log/tests/bench_node.h"

static const char *directory;

static void seed_write(const char *name, uint8_t first, const uint8_t *bytes, size_t size_bytes)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fputc(first, file) == EOF || fwrite(bytes, 1, size_bytes, file) != size_bytes ||
        fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static void append(struct bench_node *node, struct isr_log *log, int count, int32_t epoch)
{
    for (int i = 0; i < count; i++) {
        bench_begin(node);
        struct isr_batch batch;
        struct isr_bytes bytes = isr_batch_build(&node->env.scratch, 3 + i % 2, 0, i / 2, 100, 1, 24);
        if (isr_batch_parse(bytes, true, &batch) == ISR_BATCH_OK)
            isr_log_append_leader(log, &batch, epoch);
        bench_end(node);
        bench_settle(node);
    }
}

/* Every file of the disk, and each small one as a seed of its own. */
static void disk_write(const struct test_disk *disk, const char *name, bool alone)
{
    static uint8_t bytes[65536];
    static const unsigned parsers[ISR_FILE_KINDS] = {
        [ISR_FILE_EPOCHS] = 1,    [ISR_FILE_HIGH_WATERMARKS] = 2, [ISR_FILE_RECOVERY_POINTS] = 3,
        [ISR_FILE_PRODUCERS] = 4, [ISR_FILE_CLEANED] = 5,         [ISR_FILE_CLEAN_SHUTDOWN] = 6};
    size_t size = 0;
    for (size_t i = 0; i < disk->files_count; i++) {
        const struct test_file *file = &disk->files[i];
        const struct test_image *image = &file->cached;
        if (!image->exists || size + 6 + image->size_bytes > sizeof bytes)
            continue;
        const uint8_t header[6] = {(uint8_t)file->file.kind,   (uint8_t)(file->file.tp.topic - 1),
                                   (uint8_t)file->file.number, (uint8_t)(file->file.number >> 8),
                                   (uint8_t)image->size_bytes, (uint8_t)(image->size_bytes >> 8)};
        memcpy(bytes + size, header, sizeof header);
        memcpy(bytes + size + 6, image->bytes, image->size_bytes);
        size += 6 + image->size_bytes;
        if (!alone)
            continue;
        char kind[32];
        snprintf(kind, sizeof kind, "file-%d", (int)file->file.kind);
        if (file->file.kind == ISR_FILE_SEGMENT)
            seed_write("batches", 0, image->bytes, image->size_bytes);
        else
            seed_write(kind, (uint8_t)parsers[file->file.kind], image->bytes, image->size_bytes);
    }
    seed_write(name, 0xff, bytes, size);
}

int main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: seed_recovery DIRECTORY\n");
        return 1;
    }
    directory = arguments[1];
    static struct test_disk disk;
    struct test_random random = {.state = 1};
    struct isr_config config = isr_config_default();
    config.log_segment_bytes = 1024;
    struct bench_node node;
    bench_start(&node, &disk, &random, &config);
    bench_run_until_ready(&node);
    struct isr_log *log = isr_log_store_open(&node.store, (struct isr_tp){.topic = 1});
    append(&node, log, 6, 0);
    disk_write(&disk, "disk-small", false);
    append(&node, log, 30, 2);
    append(&node, isr_log_store_open(&node.store, (struct isr_tp){.topic = 2}), 3, 1);
    bench_begin(&node);
    isr_log_set_high_watermark(log, 20);
    bench_end(&node);
    disk_write(&disk, "disk-segments", false);
    bench_close(&node, 9);
    disk_write(&disk, "disk-clean", true);
    test_heap_drop(&node.heap);
    test_disk_free(&disk);
    return 0;
}
