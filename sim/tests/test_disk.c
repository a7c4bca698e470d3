#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sim/tests/disk_harness.h"

/* ---- without faults ---- */

static void reads_back_what_was_written(void **state)
{
    (void)state;
    struct sim_world *world = fresh(1);
    write_at(world, 0, 0, "hello ");
    write_at(world, 0, 6, "world");
    write_at(world, 0, 2, "LL");
    operate(world, ISR_EFFECT_READ, 0);
    run(world);
    assert_int_equal(told_count, 4);
    assert_int_equal(read_size, 11);
    assert_memory_equal(read_bytes, "heLLo world", 11);
    assert_int_equal(disk_of(world)->used_bytes, 11);
    operate(world, ISR_EFFECT_READ, 7);
    run(world);
    assert_int_equal(told[told_count - 1].status, ISR_IO_NO_FILE);
}

static void fills_a_gap_with_zeroes(void **state)
{
    (void)state;
    struct sim_world *world = fresh(2);
    write_at(world, 0, 0, "abcdef");
    submit(world, ISR_EFFECT_TRUNCATE, segment(0), 2, NULL, 0);
    write_at(world, 0, 4, "x");
    operate(world, ISR_EFFECT_READ, 0);
    run(world);
    assert_int_equal(read_size, 5);
    assert_memory_equal(read_bytes, "ab\0\0x", 5);
}

static void completes_operations_on_a_file_in_order(void **state)
{
    (void)state;
    struct sim_world *world = fresh(3);
    for (int i = 0; i < 200; i++) {
        write_at(world, 0, i, "x");
        operate(world, i % 3 == 0 ? ISR_EFFECT_SYNC : ISR_EFFECT_READ, 0);
    }
    run(world);
    assert_int_equal(told_count, 400);
    for (uint32_t i = 0; i < 400; i++)
        assert_int_equal(told[i].io, i + 1);
    assert_true(told[1].time_ns >= world->spec->disk.sync_latency.low_ns);
}

static void lists_files_in_their_order(void **state)
{
    (void)state;
    struct sim_world *world = fresh(4);
    int64_t numbers[] = {30, 5, 77, 12, 4, 8, 1};
    for (size_t i = 0; i < 7; i++)
        write_at(world, numbers[i], 0, "abc");
    submit(world, ISR_EFFECT_REPLACE, (struct isr_file){.kind = ISR_FILE_EPOCHS, .tp = {1, 0}}, 0, "ep", 2);
    operate(world, ISR_EFFECT_DELETE, 12);
    submit(world, ISR_EFFECT_LIST, (struct isr_file){0}, 0, NULL, 0);
    run(world);
    assert_int_equal(listed_count, 7);
    for (uint32_t i = 1; i < listed_count; i++)
        assert_true(isr_file_compare(listed[i - 1].file, listed[i].file) < 0);
    assert_int_equal(listed[0].size_bytes, 3);
}

/* ---- what survives ---- */

static void kill_keeps_what_was_written(void **state)
{
    (void)state;
    struct sim_world *world = fresh(5);
    write_at(world, 0, 0, "not synced");
    run(world);
    kill_process(world);
    assert_string_equal(content(world, 0), "not synced");
    assert_false(sim_file_synced(sim_disk_file(disk_of(world), segment(0))));
}

static void sync_makes_durable_what_was_asked_before_it_alone(void **state)
{
    (void)state;
    struct sim_world *world = fresh(6);
    write_at(world, 0, 0, "durable");
    operate(world, ISR_EFFECT_SYNC, 0);
    write_at(world, 0, 7, " lost");
    run(world);
    assert_true(power_off(world, SIM_SURVIVES_NONE));
    assert_string_equal(content(world, 0), "durable");
    assert_false(power_off(world, SIM_SURVIVES_NONE));
    assert_string_equal(content(world, 0), "durable");
}

static void a_sync_that_did_not_complete_promises_nothing(void **state)
{
    (void)state;
    struct sim_world *world = fresh(7);
    write_at(world, 0, 0, "written");
    run(world);
    operate(world, ISR_EFFECT_SYNC, 0);
    assert_true(power_off(world, SIM_SURVIVES_NONE));
    assert_string_equal(content(world, 0), "absent");
    run(world);
    assert_int_equal(told_count, 1);
}

/* Over many seeds: everything, nothing (the file itself goes), and each length of a torn tail, in about the
 * proportions that the draw gives them. */
static void power_loss_tears_an_unsynced_tail_anywhere(void **state)
{
    (void)state;
    uint32_t absent = 0, lengths[9] = {0};
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct sim_world *world = fresh(seed);
        write_at(world, 0, 0, "1234");
        write_at(world, 0, 4, "5678");
        run(world);
        bool lossy = power_off(world, SIM_SURVIVES_PREFIX);
        const char *left = content(world, 0);
        if (strcmp(left, "absent") == 0) {
            absent++;
            assert_true(lossy);
            continue;
        }
        size_t length = strlen(left);
        assert_memory_equal(left, "12345678", length);
        assert_int_equal(lossy, length < 8);
        lengths[length]++;
    }
    /* two changes: the creation, and both writes as one */
    assert_in_range(absent, 350, 650);
    for (int length = 0; length <= 8; length++)
        assert_true(lengths[length] > 50);
}

/* A truncation that was not synced may be taken back: the cut bytes are there again. */
static void power_loss_keeps_a_prefix_of_the_changes(void **state)
{
    (void)state;
    uint32_t before = 0, cut = 0, after = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct sim_world *world = fresh(seed);
        write_at(world, 0, 0, "abcdef");
        operate(world, ISR_EFFECT_SYNC, 0);
        submit(world, ISR_EFFECT_TRUNCATE, segment(0), 2, NULL, 0);
        write_at(world, 0, 2, "XY");
        run(world);
        power_off(world, SIM_SURVIVES_PREFIX);
        const char *left = content(world, 0);
        if (strcmp(left, "abcdef") == 0)
            before++;
        else if (strcmp(left, "ab") == 0 || strcmp(left, "abX") == 0)
            cut++;
        else if (strcmp(left, "abXY") == 0)
            after++;
        else
            fail_msg("neither a prefix: %s", left);
    }
    assert_true(before > 30 && cut > 30 && after > 30);
}

static void power_loss_restores_overwritten_bytes(void **state)
{
    (void)state;
    uint32_t torn = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct sim_world *world = fresh(seed);
        write_at(world, 0, 0, "aaaaaaaa");
        operate(world, ISR_EFFECT_SYNC, 0);
        write_at(world, 0, 2, "bbbb");
        run(world);
        power_off(world, SIM_SURVIVES_PREFIX);
        const char *left = content(world, 0);
        assert_int_equal(strlen(left), 8);
        size_t new_bytes = strspn(left + 2, "b");
        assert_true(strspn(left + 2 + new_bytes, "a") == 6 - new_bytes && new_bytes <= 4);
        torn += new_bytes > 0 && new_bytes < 4;
    }
    assert_true(torn > 20);
}

/* Files fare independently. */
static void power_loss_draws_for_each_file(void **state)
{
    (void)state;
    uint32_t outcomes[4] = {0};
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct sim_world *world = fresh(seed);
        write_at(world, 0, 0, "a");
        write_at(world, 1, 0, "b");
        run(world);
        power_off(world, SIM_SURVIVES_DRAWN);
        outcomes[2 * (strcmp(content(world, 0), "a") == 0) + (strcmp(content(world, 1), "b") == 0)]++;
    }
    for (int i = 0; i < 4; i++)
        assert_true(outcomes[i] > 40);
}

static void replace_is_old_or_new(void **state)
{
    (void)state;
    uint32_t old_seen = 0, new_seen = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct sim_world *world = fresh(seed);
        submit(world, ISR_EFFECT_REPLACE, segment(0), 0, "the old", 7);
        run(world);
        assert_true(sim_file_synced(sim_disk_file(disk_of(world), segment(0))));
        submit(world, ISR_EFFECT_REPLACE, segment(0), 0, "new", 3);
        assert_false(power_off(world, SIM_SURVIVES_PREFIX)); /* nobody was told that it is there */
        old_seen += strcmp(content(world, 0), "the old") == 0;
        new_seen += strcmp(content(world, 0), "new") == 0;
    }
    assert_int_equal(old_seen + new_seen, 100);
    assert_true(old_seen > 20 && new_seen > 20);
}

static void replace_is_durable_when_done(void **state)
{
    (void)state;
    struct sim_world *world = fresh(8);
    write_at(world, 0, 0, "written, not synced");
    submit(world, ISR_EFFECT_REPLACE, segment(0), 0, "new", 3);
    run(world);
    assert_false(power_off(world, SIM_SURVIVES_NONE));
    assert_string_equal(content(world, 0), "new");
}

static void delete_is_durable_when_done(void **state)
{
    (void)state;
    uint32_t gone = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct sim_world *world = fresh(seed);
        submit(world, ISR_EFFECT_REPLACE, segment(0), 0, "kept", 4);
        submit(world, ISR_EFFECT_REPLACE, segment(1), 0, "gone", 4);
        run(world);
        operate(world, ISR_EFFECT_DELETE, 1);
        run(world);
        operate(world, ISR_EFFECT_DELETE, 0);
        operate(world, ISR_EFFECT_DELETE, 99);
        power_off(world, SIM_SURVIVES_PREFIX);
        assert_string_equal(content(world, 1), "absent");
        gone += strcmp(content(world, 0), "absent") == 0;
        assert_true(strcmp(content(world, 0), "absent") == 0 || strcmp(content(world, 0), "kept") == 0);
    }
    assert_true(gone > 20 && gone < 80);
}

static void kill_resolves_what_was_under_way_to_a_prefix(void **state)
{
    (void)state;
    uint32_t seen[4] = {0};
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct sim_world *world = fresh(seed);
        write_at(world, 0, 0, "a");
        run(world);
        write_at(world, 0, 1, "b");
        write_at(world, 0, 2, "c");
        operate(world, ISR_EFFECT_SYNC, 0);
        kill_process(world);
        size_t length = strlen(content(world, 0));
        assert_memory_equal(content(world, 0), "abc", length);
        bool synced = sim_file_synced(sim_disk_file(disk_of(world), segment(0)));
        assert_true(!synced || length == 3);
        seen[synced ? 3 : length - 1]++;
        assert_int_equal(disk_of(world)->used_bytes, (int64_t)length);
    }
    for (int i = 0; i < 4; i++)
        assert_in_range(seen[i], 25, 80);
}

/* ---- errors ---- */

static void fail_next(struct sim_world *world, unsigned operations, int64_t count)
{
    sim_disk_fail(disk_of(world), (struct sim_disk_strike){.operations = operations, .count = count}, false);
}

static void next_operations_fail_with_an_error_and_change_nothing(void **state)
{
    (void)state;
    struct sim_world *world = fresh(9);
    write_at(world, 0, 0, "abc");
    fail_next(world, SIM_OPERATION_WRITE, 2);
    operate(world, ISR_EFFECT_SYNC, 0);
    write_at(world, 0, 3, "d");
    submit(world, ISR_EFFECT_TRUNCATE, segment(0), 1, NULL, 0);
    write_at(world, 0, 3, "e");
    run(world);
    assert_int_equal(told[1].status, ISR_IO_OK);
    assert_int_equal(told[2].status, ISR_IO_ERROR);
    assert_int_equal(told[3].status, ISR_IO_ERROR);
    assert_int_equal(told[4].status, ISR_IO_OK);
    assert_string_equal(content(world, 0), "abce");
    assert_int_equal(world->counters.disk_errors, 2);
}

static void failed_sync_leaves_everything_unsynced(void **state)
{
    (void)state;
    struct sim_world *world = fresh(10);
    write_at(world, 0, 0, "abc");
    fail_next(world, SIM_OPERATION_SYNC, 1);
    operate(world, ISR_EFFECT_SYNC, 0);
    run(world);
    assert_int_equal(told[1].status, ISR_IO_ERROR);
    assert_true(power_off(world, SIM_SURVIVES_NONE));
    assert_string_equal(content(world, 0), "absent");
}

static void full_disk_refuses_growth_and_nothing_else(void **state)
{
    (void)state;
    struct sim_world *world = fresh(11);
    write_at(world, 0, 0, "abcdef");
    sim_disk_fill(disk_of(world), 2);
    write_at(world, 0, 6, "gh");
    write_at(world, 0, 8, "i");
    write_at(world, 0, 0, "ABC");
    submit(world, ISR_EFFECT_REPLACE, segment(1), 0, "more", 4);
    submit(world, ISR_EFFECT_TRUNCATE, segment(0), 4, NULL, 0);
    submit(world, ISR_EFFECT_REPLACE, segment(1), 0, "more", 4);
    run(world);
    enum isr_io_status expected[] = {ISR_IO_OK,       ISR_IO_OK, ISR_IO_NO_SPACE, ISR_IO_OK,
                                     ISR_IO_NO_SPACE, ISR_IO_OK, ISR_IO_OK};
    for (uint32_t i = 0; i < 7; i++) /* files complete independently */
        assert_int_equal(told[i].status, expected[told[i].io - 1]);
    assert_int_equal(world->counters.disk_full_errors, 2);
    sim_disk_free(disk_of(world));
    write_at(world, 0, 4, "xyz");
    run(world);
    assert_string_equal(content(world, 0), "ABCdxyz");
}

static void slow_disk_takes_its_time(void **state)
{
    (void)state;
    struct sim_world *world = fresh(12);
    struct sim_disk_spec slow = {.write_latency = test_constant(ISR_SECOND)};
    sim_disk_change(world, disk_of(world), &slow, SIM_DISK_WRITE);
    write_at(world, 0, 0, "abc");
    run(world);
    assert_int_equal(told[0].time_ns, ISR_SECOND);
}

/* In order on each file, once each, and nothing is left over. */
static void stuck_disk_goes_on_when_its_latency_falls(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct sim_world *world = fresh(seed);
        struct sim_disk_spec stuck = {
            .write_latency = {ISR_MS, ISR_SECOND, 3600 * ISR_SECOND, 3600 * ISR_SECOND},
            .sync_latency = test_constant(3600 * ISR_SECOND),
            .read_latency = test_constant(3600 * ISR_SECOND)};
        sim_disk_change(world, disk_of(world), &stuck, SIM_DISK_WRITE | SIM_DISK_SYNC | SIM_DISK_READ);
        for (int64_t i = 0; i < 20; i++) {
            write_at(world, i % 2, i / 2, "x");
            operate(world, i % 3 == 0 ? ISR_EFFECT_SYNC : ISR_EFFECT_READ, i % 2);
            submit(world, ISR_EFFECT_LIST, (struct isr_file){0}, 0, NULL, 0);
        }
        run_until(world, ISR_MS);
        uint32_t early = told_count;
        world->now_ns = ISR_MS;
        sim_disk_change(world, disk_of(world), &world->spec->disk,
                        SIM_DISK_WRITE | SIM_DISK_SYNC | SIM_DISK_READ);
        run_until(world, ISR_SECOND);
        assert_int_equal(told_count, 60);
        assert_true(early < 60);
        uint32_t last_io[3] = {0};
        for (uint32_t i = 0; i < told_count; i++) {
            uint32_t file = (told[i].io - 1) % 3 == 2 ? 2 : (told[i].io - 1) / 3 % 2;
            assert_true(told[i].io > last_io[file]);
            last_io[file] = told[i].io;
        }
        run(world); /* the entries for the old times */
        assert_int_equal(told_count, 60);
    }
}

static void a_disk_that_hardly_changed_keeps_its_order(void **state)
{
    (void)state;
    struct sim_world *world = fresh(15);
    struct sim_disk_spec constant = {.write_latency = test_constant(1000)};
    sim_disk_change(world, disk_of(world), &constant, SIM_DISK_WRITE);
    for (int64_t i = 0; i < 10; i++)
        write_at(world, 0, i, "x"); /* all complete at one time */
    sim_disk_change(world, disk_of(world), &(struct sim_disk_spec){.write_latency = {1, 999, 1001, 1001}},
                    SIM_DISK_WRITE);
    run(world);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(told[i].io, i + 1);
}

/* ---- the model ---- */

/* A second, naive file system beside it: for each file the content of the page cache and the list of contents
 * after each change since the last sync. After a power loss the file must be one of them, or a torn last
 * write of one. */
enum { MODEL_FILES = 4, MODEL_BYTES = 60000, MODEL_STATES = 400 };
struct model_state {
    bool exists;
    uint32_t size;
    uint8_t *bytes;
};
static struct model_file {
    struct model_state states[MODEL_STATES];
    uint32_t count; /* states[0] is durable, the last one current */
} model[MODEL_FILES];

static struct model_state *model_push(struct model_file *file)
{
    struct model_state *last = &file->states[file->count - 1];
    struct model_state *next = &file->states[file->count++];
    assert_true(file->count <= MODEL_STATES);
    next->bytes = test_malloc(MODEL_BYTES);
    next->exists = last->exists;
    next->size = last->size;
    memcpy(next->bytes, last->bytes, last->size);
    return next;
}

/* The last state becomes the only one. */
static void model_settle(struct model_file *file, uint32_t keep)
{
    for (uint32_t i = 0; i < file->count; i++) {
        if (i != keep)
            test_free(file->states[i].bytes);
    }
    file->states[0] = file->states[keep];
    file->count = 1;
}

static bool model_matches(const struct model_state *model_state, const struct sim_file *file)
{
    static uint8_t bytes[MODEL_BYTES];
    if (file == NULL || !model_state->exists)
        return file == NULL && !model_state->exists;
    if (file->content.size_bytes != model_state->size)
        return false;
    sim_content_copy(&file->content, 0, bytes, model_state->size);
    return memcmp(bytes, model_state->bytes, model_state->size) == 0;
}

/* Between two states: the later one's new bytes arrived only in part, up to some place, the rest is as
 * before. */
static bool model_torn(const struct model_state *before, const struct model_state *after,
                       const struct sim_file *file)
{
    static uint8_t bytes[MODEL_BYTES];
    if (file == NULL || !after->exists || file->content.size_bytes > after->size ||
        file->content.size_bytes < (before->exists ? before->size : 0))
        return false;
    uint32_t size = (uint32_t)file->content.size_bytes, same = 0;
    sim_content_copy(&file->content, 0, bytes, size);
    while (same < size && bytes[same] == after->bytes[same])
        same++;
    return same == size || (same < before->size && size == before->size &&
                            memcmp(bytes + same, before->bytes + same, size - same) == 0);
}

static void model_operate(struct sim_world *world, uint64_t draw)
{
    static uint8_t data[9000];
    int64_t number = (int64_t)(draw % MODEL_FILES);
    struct model_file *file = &model[number];
    struct model_state *now = &file->states[file->count - 1];
    unsigned what = (unsigned)(draw >> 8) % 16;
    uint32_t size = (uint32_t)(draw >> 16) % (what == 0 ? 9000 : 200) + 1;
    memset(data, (int)(draw >> 40 & 0xff), size);
    if (what < 9 && now->size + size < MODEL_BYTES) {
        uint32_t position = what < 7 || now->size == 0 ? now->size : (uint32_t)(draw >> 32) % now->size;
        submit(world, ISR_EFFECT_WRITE, segment(number), position, data, size);
        now = model_push(file);
        now->exists = true;
        memcpy(now->bytes + position, data, size);
        now->size = position + size > now->size ? position + size : now->size;
    } else if (what < 11 && now->exists && now->size > 0) {
        uint32_t position = (uint32_t)(draw >> 32) % now->size;
        submit(world, ISR_EFFECT_TRUNCATE, segment(number), position, NULL, 0);
        model_push(file)->size = position;
    } else if (what < 12) {
        submit(world, ISR_EFFECT_REPLACE, segment(number), 0, data, size);
        now = model_push(file);
        now->exists = true;
        now->size = size;
        memcpy(now->bytes, data, size);
        run(world);
        model_settle(file, file->count - 1);
    } else if (what < 13 && draw >> 60 == 0) {
        operate(world, ISR_EFFECT_DELETE, number);
        now = model_push(file);
        now->exists = false;
        now->size = 0;
        run(world);
        model_settle(file, file->count - 1);
    } else if (what < 15 && now->exists) {
        operate(world, ISR_EFFECT_SYNC, number);
        run(world);
        model_settle(file, file->count - 1);
    }
    run(world);
}

static void model_crash(struct sim_world *world)
{
    power_off(world, SIM_SURVIVES_PREFIX);
    for (int64_t number = 0; number < MODEL_FILES; number++) {
        struct model_file *file = &model[number];
        const struct sim_file *left = sim_disk_file(disk_of(world), segment(number));
        bool found = false;
        for (uint32_t i = 0; i < file->count && !found; i++) {
            found = model_matches(&file->states[i], left) ||
                    (i + 1 < file->count && model_torn(&file->states[i], &file->states[i + 1], left));
        }
        assert_true(found);
        model_settle(file, 0);
        file->states[0].exists = left != NULL;
        file->states[0].size = left != NULL ? (uint32_t)left->content.size_bytes : 0;
        if (left != NULL)
            sim_content_copy(&left->content, 0, file->states[0].bytes, left->content.size_bytes);
    }
}

static void survives_random_use_and_power_losses_as_the_model_says(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct sim_world *world = fresh(seed);
        for (int i = 0; i < MODEL_FILES; i++) {
            model[i].count = 1;
            model[i].states[0] = (struct model_state){.bytes = test_malloc(MODEL_BYTES)};
        }
        for (uint64_t round = 0; round < 400; round++) {
            uint64_t draw = isr_hash_combine(seed, round);
            model_operate(world, draw);
            for (int64_t i = 0; i < MODEL_FILES; i++)
                assert_true(model_matches(&model[i].states[model[i].count - 1],
                                          sim_disk_file(disk_of(world), segment(i))));
            if (isr_mix(draw) % 40 == 0)
                model_crash(world);
            told_count = 0;
        }
        int64_t used = 0;
        for (int64_t i = 0; i < MODEL_FILES; i++)
            used += model[i].states[model[i].count - 1].size;
        assert_int_equal(disk_of(world)->used_bytes, used);
        for (int i = 0; i < MODEL_FILES; i++) {
            model_settle(&model[i], 0);
            test_free(model[i].states[0].bytes);
        }
    }
}

static void forgets_deleted_files_and_gives_back_their_memory(void **state)
{
    (void)state;
    struct sim_world *world = fresh(13);
    uint64_t blocks = 0;
    for (int64_t i = 0; i < 500; i++) {
        write_at(world, i, 0, "some bytes");
        operate(world, ISR_EFFECT_SYNC, i);
        write_at(world, i, 0, "other bytes");
        run(world);
        operate(world, ISR_EFFECT_DELETE, i);
        run(world);
        told_count = 0;
        if (i == 100)
            blocks = disk_of(world)->memory->blocks_live;
    }
    assert_int_equal(disk_of(world)->memory->blocks_live, blocks);
    assert_int_equal(disk_of(world)->files_count, 0);
    assert_int_equal(disk_of(world)->used_bytes, 0);
}

static void finds_every_file_among_many(void **state)
{
    (void)state;
    struct sim_world *world = fresh(14);
    for (int64_t i = 0; i < 300; i++)
        write_at(world, i * 64, 0, "x");
    run(world);
    for (int64_t i = 0; i < 300; i += 2) {
        operate(world, ISR_EFFECT_DELETE, i * 64);
        run(world);
        told_count = 0;
    }
    for (int64_t i = 0; i < 300; i++)
        assert_string_equal(content(world, i * 64), i % 2 == 0 ? "absent" : "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_was_written),
        cmocka_unit_test(fills_a_gap_with_zeroes),
        cmocka_unit_test(completes_operations_on_a_file_in_order),
        cmocka_unit_test(lists_files_in_their_order),
        cmocka_unit_test(kill_keeps_what_was_written),
        cmocka_unit_test(sync_makes_durable_what_was_asked_before_it_alone),
        cmocka_unit_test(a_sync_that_did_not_complete_promises_nothing),
        cmocka_unit_test(power_loss_tears_an_unsynced_tail_anywhere),
        cmocka_unit_test(power_loss_keeps_a_prefix_of_the_changes),
        cmocka_unit_test(power_loss_restores_overwritten_bytes),
        cmocka_unit_test(power_loss_draws_for_each_file),
        cmocka_unit_test(replace_is_old_or_new),
        cmocka_unit_test(replace_is_durable_when_done),
        cmocka_unit_test(delete_is_durable_when_done),
        cmocka_unit_test(kill_resolves_what_was_under_way_to_a_prefix),
        cmocka_unit_test(next_operations_fail_with_an_error_and_change_nothing),
        cmocka_unit_test(failed_sync_leaves_everything_unsynced),
        cmocka_unit_test(full_disk_refuses_growth_and_nothing_else),
        cmocka_unit_test(slow_disk_takes_its_time),
        cmocka_unit_test(stuck_disk_goes_on_when_its_latency_falls),
        cmocka_unit_test(a_disk_that_hardly_changed_keeps_its_order),
        cmocka_unit_test(survives_random_use_and_power_losses_as_the_model_says),
        cmocka_unit_test(forgets_deleted_files_and_gives_back_their_memory),
        cmocka_unit_test(finds_every_file_among_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
