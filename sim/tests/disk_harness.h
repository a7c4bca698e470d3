/* For tests of the disk: one disk of a world without nodes, operations by hand, and what was told of them. */
#ifndef SIM_TESTS_DISK_HARNESS_H
#define SIM_TESTS_DISK_HARNESS_H

#include "sim/tests/support.h"

/* What was told of the last completed operations. */
static struct {
    uint32_t io;
    enum isr_io_status status;
    int64_t time_ns;
} told[4096];
static uint32_t told_count;
static uint8_t read_bytes[1 << 20];
static uint32_t read_size;
static struct isr_file_entry listed[64];
static uint32_t listed_count;
static uint32_t next_io;

static inline struct sim_world *fresh(uint64_t seed)
{
    struct sim_world *world = test_world(2, seed);
    told_count = listed_count = read_size = next_io = 0;
    return world;
}

static inline struct sim_disk *disk_of(struct sim_world *world)
{
    return world->processes[1].disk;
}

static inline struct isr_file segment(int64_t number)
{
    return (struct isr_file){.kind = ISR_FILE_SEGMENT, .tp = {1, 0}, .number = number};
}

static inline uint32_t submit(struct sim_world *world, enum isr_effect_kind kind, struct isr_file file,
                              int64_t position, const void *data, size_t size)
{
    struct isr_effect effect = {.kind = kind,
                                .io = ++next_io,
                                .file = file,
                                .position = position,
                                .bytes = {.data = data, .size = (uint32_t)size}};
    sim_disk_submit(world, disk_of(world), world->processes[1].incarnation, &effect);
    return effect.io;
}

static inline void write_at(struct sim_world *world, int64_t number, int64_t position, const char *text)
{
    submit(world, ISR_EFFECT_WRITE, segment(number), position, text, strlen(text));
}

static inline void operate(struct sim_world *world, enum isr_effect_kind kind, int64_t number)
{
    submit(world, kind, segment(number), 0, NULL, 0);
}

static inline void note(struct sim_world *world, const struct sim_disk_operation *operation)
{
    told[told_count].io = operation->io;
    told[told_count].status = operation->status;
    told[told_count++].time_ns = world->now_ns;
    if (operation->kind == ISR_EFFECT_READ) {
        read_size = operation->bytes.size;
        if (read_size > 0)
            memcpy(read_bytes, operation->bytes.data, read_size);
    }
    if (operation->kind == ISR_EFFECT_LIST) {
        listed_count = operation->files_count;
        memcpy(listed, operation->files, listed_count * sizeof listed[0]);
    }
}

/* As the world does it: completions of another life are dropped. */
static inline void run_until(struct sim_world *world, int64_t until_ns)
{
    const struct sim_event *next;
    while ((next = sim_queue_peek(&world->queue)) != NULL && next->time_ns <= until_ns) {
        struct sim_event event = {0};
        sim_queue_pop(&world->queue, &event);
        world->now_ns = event.time_ns;
        struct sim_disk_operation *operation = sim_event_pointer(&event);
        if (sim_disk_due(world, disk_of(world), operation, world->processes[1].incarnation)) {
            note(world, operation);
            sim_disk_release(disk_of(world), operation);
        }
    }
}

static inline void run(struct sim_world *world)
{
    run_until(world, INT64_MAX);
}

static inline void kill_process(struct sim_world *world)
{
    sim_disk_kill(world, disk_of(world));
    world->processes[1].incarnation++;
}

static inline bool power_off(struct sim_world *world, enum sim_survival survives)
{
    int64_t lost;
    bool lossy = sim_disk_power_off(world, disk_of(world), survives, &lost);
    assert_true(lossy || lost == 0);
    world->processes[1].incarnation++;
    return lossy;
}

/* The file as text; "absent" when there is none. */
static inline const char *content(struct sim_world *world, int64_t number)
{
    static char text[256];
    const struct sim_file *file = sim_disk_file(disk_of(world), segment(number));
    if (file == NULL)
        return "absent";
    assert_true(file->content.size_bytes < (int64_t)sizeof text);
    sim_content_copy(&file->content, 0, (uint8_t *)text, file->content.size_bytes);
    text[file->content.size_bytes] = '\0';
    return text;
}

#endif
