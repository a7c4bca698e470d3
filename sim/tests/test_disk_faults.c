#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sim/tests/disk_harness.h"

static uint8_t pattern[16384];

/* Bytes that tell where they belong, none of them zero. */
static void pattern_fill(uint8_t first)
{
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (uint8_t)(1 + (first + i / 512) % 250);
}

static void write_pattern(struct sim_world *world, int64_t number, int64_t position, size_t size)
{
    submit(world, ISR_EFFECT_WRITE, segment(number), position, &pattern[position], size);
}

static uint8_t byte_at(struct sim_world *world, int64_t number, int64_t position)
{
    uint8_t byte;
    const struct sim_file *file = sim_disk_file(disk_of(world), segment(number));
    assert_non_null(file);
    sim_content_copy(&file->content, position, &byte, 1);
    return byte;
}

static int64_t size_of(struct sim_world *world, int64_t number)
{
    const struct sim_file *file = sim_disk_file(disk_of(world), segment(number));
    return file == NULL ? -1 : file->content.size_bytes;
}

/* ---- what survives ---- */

static void reordered_power_loss_keeps_later_pages_without_earlier_ones(void **state)
{
    (void)state;
    uint32_t holes = 0, bitten = 0;
    pattern_fill(1);
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct sim_world *world = fresh(seed);
        write_pattern(world, 0, 0, 12288);
        run(world);
        power_off(world, SIM_SURVIVES_REORDERED);
        bool hole = false;
        for (int64_t page = 0; 4096 * page < size_of(world, 0); page++) {
            uint8_t byte = byte_at(world, 0, 4096 * page);
            assert_true(byte == 0 || byte == pattern[4096 * page]);
            assert_int_equal(byte_at(world, 0, 4096 * page + 4095),
                             byte == 0 ? 0 : pattern[4096 * page + 4095]);
            hole = hole || byte == 0;
        }
        holes += hole;
        bitten += world->counters.files_reordered > 0;
        assert_int_equal(hole, world->counters.files_reordered > 0);
    }
    assert_true(holes > 50);
    assert_int_equal(holes, bitten);
}

static void reordered_power_loss_restores_what_a_lost_page_overwrote(void **state)
{
    (void)state;
    uint32_t mixed = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct sim_world *world = fresh(seed);
        pattern_fill(1);
        write_pattern(world, 0, 0, 8192);
        operate(world, ISR_EFFECT_SYNC, 0);
        pattern_fill(100);
        write_pattern(world, 0, 0, 8192);
        run(world);
        power_off(world, SIM_SURVIVES_REORDERED);
        assert_int_equal(size_of(world, 0), 8192);
        bool first = byte_at(world, 0, 0) == pattern[0], second = byte_at(world, 0, 4096) == pattern[4096];
        mixed += second && !first;
        if (!first)
            assert_int_equal(byte_at(world, 0, 0), 2);
    }
    assert_true(mixed > 10);
}

static void torn_power_loss_keeps_some_sectors_of_a_write(void **state)
{
    (void)state;
    uint32_t torn = 0;
    pattern_fill(1);
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct sim_world *world = fresh(seed);
        write_pattern(world, 0, 0, 512);
        operate(world, ISR_EFFECT_SYNC, 0);
        write_pattern(world, 0, 512, 4096);
        run(world);
        power_off(world, SIM_SURVIVES_TORN);
        assert_int_equal(byte_at(world, 0, 100), pattern[100]);
        for (int64_t sector = 1; 512 * sector < size_of(world, 0); sector++) {
            uint8_t byte = byte_at(world, 0, 512 * sector);
            assert_true(byte == 0 || byte == pattern[512 * sector]);
        }
        torn += world->counters.files_torn > 0;
    }
    assert_true(torn > 150);
}

static void all_survives_when_told(void **state)
{
    (void)state;
    struct sim_world *world = fresh(3);
    write_at(world, 0, 0, "abc");
    run(world);
    assert_false(power_off(world, SIM_SURVIVES_ALL));
    assert_string_equal(content(world, 0), "abc");
    assert_true(sim_file_synced(sim_disk_file(disk_of(world), segment(0))));
}

static void nothing_survives_behind_a_lost_truncation(void **state)
{
    (void)state;
    uint32_t before = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct sim_world *world = fresh(seed);
        write_at(world, 0, 0, "abcdef");
        operate(world, ISR_EFFECT_SYNC, 0);
        submit(world, ISR_EFFECT_TRUNCATE, segment(0), 2, NULL, 0);
        write_at(world, 0, 2, "XY");
        run(world);
        power_off(world, SIM_SURVIVES_REORDERED);
        const char *left = content(world, 0);
        before += strcmp(left, "abcdef") == 0;
        assert_true(strcmp(left, "abcdef") == 0 || strcmp(left, "ab") == 0 || strcmp(left, "abXY") == 0);
    }
    assert_true(before > 10);
}

/* ---- syncs that lie or fail ---- */

static void lying_sync_loses_what_it_called_durable(void **state)
{
    (void)state;
    struct sim_world *world = fresh(4);
    sim_disk_lie(disk_of(world), true, 0);
    write_at(world, 0, 0, "abc");
    operate(world, ISR_EFFECT_SYNC, 0);
    submit(world, ISR_EFFECT_REPLACE, segment(1), 0, "new", 3);
    run(world);
    assert_int_equal(told[1].status, ISR_IO_OK);
    assert_int_equal(world->counters.syncs_lied, 2);
    assert_int_equal(sim_disk_betrayed(disk_of(world), segment(0).tp), 0);
    assert_true(power_off(world, SIM_SURVIVES_NONE));
    assert_string_equal(content(world, 0), "absent");
    assert_string_equal(content(world, 1), "absent");
    assert_int_equal(world->counters.lies_exposed, 2);
    assert_int_equal(sim_disk_betrayed(disk_of(world), segment(0).tp), 2);
    assert_int_equal(sim_disk_quorum_betrayed(disk_of(world)), 0);
}

static void an_honest_sync_makes_good_what_a_lie_left(void **state)
{
    (void)state;
    struct sim_world *world = fresh(5);
    sim_disk_lie(disk_of(world), true, 1u << ISR_FILE_SEGMENT);
    write_at(world, 0, 0, "abc");
    operate(world, ISR_EFFECT_SYNC, 0);
    run(world);
    sim_disk_lie(disk_of(world), false, 0);
    operate(world, ISR_EFFECT_SYNC, 0);
    run(world);
    assert_false(power_off(world, SIM_SURVIVES_NONE));
    assert_string_equal(content(world, 0), "abc");
    assert_int_equal(world->counters.lies_exposed, 0);
}

static void lies_concern_only_the_files_that_were_named(void **state)
{
    (void)state;
    struct sim_world *world = fresh(6);
    sim_disk_lie(disk_of(world), true, 1u << ISR_FILE_EPOCHS);
    write_at(world, 0, 0, "abc");
    operate(world, ISR_EFFECT_SYNC, 0);
    run(world);
    assert_int_equal(world->counters.syncs_lied, 0);
    assert_false(power_off(world, SIM_SURVIVES_NONE));
    assert_string_equal(content(world, 0), "abc");
}

static void failing_sync(struct sim_world *world)
{
    struct sim_disk_strike strike = {.operations = SIM_OPERATION_SYNC, .count = 1};
    sim_disk_fail(disk_of(world), strike, true);
    operate(world, ISR_EFFECT_SYNC, 0);
    run(world);
}

static void a_failed_sync_may_leave_pages_clean_that_are_not_stored(void **state)
{
    (void)state;
    struct sim_world *world = fresh(7);
    write_at(world, 0, 0, "old!");
    operate(world, ISR_EFFECT_SYNC, 0);
    write_at(world, 0, 2, "NEWER");
    failing_sync(world);
    operate(world, ISR_EFFECT_SYNC, 0); /* succeeds without them */
    run(world);
    assert_int_equal(told[4].status, ISR_IO_OK);
    kill_process(world);
    assert_string_equal(content(world, 0), "olNEWER"); /* as the page cache has it */
    assert_int_equal(world->counters.failed_syncs_cleaned, 1);
    assert_int_equal(world->counters.cleaned_pages_lost, 0);
    assert_true(power_off(world, SIM_SURVIVES_NONE));
    assert_int_equal(size_of(world, 0), 7);
    assert_int_equal(byte_at(world, 0, 2), 'd');
    assert_int_equal(byte_at(world, 0, 6), 0);
    assert_int_equal(world->counters.cleaned_pages_lost, 1);
    assert_int_equal(sim_disk_betrayed(disk_of(world), segment(0).tp), 0);
}

static void writing_again_stores_what_a_failed_sync_left_clean(void **state)
{
    (void)state;
    struct sim_world *world = fresh(8);
    write_at(world, 0, 0, "abcdef");
    failing_sync(world);
    write_at(world, 0, 1, "BCD");
    operate(world, ISR_EFFECT_SYNC, 0);
    run(world);
    assert_true(power_off(world, SIM_SURVIVES_NONE));
    assert_int_equal(byte_at(world, 0, 0), 0);
    assert_int_equal(byte_at(world, 0, 1), 'B');
    assert_int_equal(byte_at(world, 0, 3), 'D');
    assert_int_equal(byte_at(world, 0, 4), 0);
    assert_int_equal(size_of(world, 0), 6);
}

static void errors_strike_the_files_that_were_named(void **state)
{
    (void)state;
    struct sim_world *world = fresh(9);
    struct sim_disk_strike strike = {
        .operations = SIM_OPERATION_WRITE, .files = 1u << ISR_FILE_EPOCHS, .count = 1};
    sim_disk_fail(disk_of(world), strike, false);
    write_at(world, 0, 0, "abc");
    submit(world, ISR_EFFECT_REPLACE, (struct isr_file){.kind = ISR_FILE_EPOCHS}, 0, "e", 1);
    run(world);
    assert_int_equal(world->counters.disk_errors, 1);
    assert_int_equal(told[0].status, ISR_IO_OK);
    assert_int_equal(told[1].status, ISR_IO_ERROR);
}

/* ---- damage ---- */

static void rot_changes_stored_bytes_alone(void **state)
{
    (void)state;
    struct sim_world *world = fresh(10);
    sim_disk_rot(world, disk_of(world), 0, NULL, 3);
    assert_int_equal(world->counters.bytes_rotten, 0); /* nothing is there */
    pattern_fill(1);
    write_pattern(world, 0, 0, 1000);
    operate(world, ISR_EFFECT_SYNC, 0);
    write_pattern(world, 0, 1000, 1000);
    run(world);
    sim_disk_rot(world, disk_of(world), 0, NULL, 1);
    int64_t changed = -1;
    for (int64_t i = 0; i < 2000; i++) {
        if (byte_at(world, 0, i) != pattern[i]) {
            assert_int_equal(changed, -1);
            changed = i;
        }
    }
    assert_in_range(changed, 0, 999);
    assert_int_equal(world->counters.bytes_rotten, 1);
    assert_int_equal(sim_disk_betrayed(disk_of(world), segment(0).tp), 1);
    uint8_t rotten = byte_at(world, 0, changed);
    power_off(world, SIM_SURVIVES_NONE);
    assert_int_equal(byte_at(world, 0, changed), rotten);
}

static void rot_strikes_the_files_that_were_named(void **state)
{
    (void)state;
    struct sim_world *world = fresh(11);
    struct isr_tp other = {2, 0};
    write_at(world, 0, 0, "abc");
    submit(world, ISR_EFFECT_REPLACE, (struct isr_file){.kind = ISR_FILE_QUORUM_VOTE}, 0, "vote", 4);
    operate(world, ISR_EFFECT_SYNC, 0);
    run(world);
    sim_disk_rot(world, disk_of(world), 1u << ISR_FILE_SEGMENT, &other, 5);
    assert_int_equal(world->counters.bytes_rotten, 0);
    sim_disk_rot(world, disk_of(world), 1u << ISR_FILE_QUORUM_VOTE, NULL, 5);
    assert_int_equal(world->counters.bytes_rotten, 5);
    assert_int_equal(sim_disk_quorum_betrayed(disk_of(world)), 0); /* checksums tell */
    assert_string_equal(content(world, 0), "abc");
    sim_disk_lose_writes(disk_of(world), 1u << ISR_FILE_QUORUM_VOTE, 1);
    submit(world, ISR_EFFECT_REPLACE, (struct isr_file){.kind = ISR_FILE_QUORUM_VOTE}, 0, "vote", 4);
    run(world);
    assert_int_equal(sim_disk_quorum_betrayed(disk_of(world)), 1);
}

static void a_lost_write_shows_when_the_file_is_read_anew(void **state)
{
    (void)state;
    struct sim_world *world = fresh(12);
    write_at(world, 0, 0, "aaaa");
    sim_disk_lose_writes(disk_of(world), 0, 1);
    write_at(world, 0, 2, "bbbb");
    write_at(world, 0, 6, "cc");
    operate(world, ISR_EFFECT_SYNC, 0);
    write_at(world, 0, 8, "dd");
    run(world);
    assert_string_equal(content(world, 0), "aabbbbccdd");
    assert_int_equal(world->counters.writes_lost, 2); /* what it overwrote, and what it appended */
    kill_process(world);
    assert_int_equal(size_of(world, 0), 10);
    assert_int_equal(byte_at(world, 0, 2), 'a');
    assert_int_equal(byte_at(world, 0, 4), 0);
    assert_int_equal(byte_at(world, 0, 6), 'c');
    assert_int_equal(byte_at(world, 0, 8), 'd'); /* not synced, but written */
    power_off(world, SIM_SURVIVES_NONE);
    assert_int_equal(size_of(world, 0), 8);
}

static void a_lost_replacement_leaves_the_old_file(void **state)
{
    (void)state;
    struct sim_world *world = fresh(13);
    submit(world, ISR_EFFECT_REPLACE, segment(0), 0, "old", 3);
    run(world);
    sim_disk_lose_writes(disk_of(world), 1u << ISR_FILE_SEGMENT, 1);
    submit(world, ISR_EFFECT_REPLACE, segment(0), 0, "new", 3);
    run(world);
    assert_int_equal(world->counters.writes_lost, 1);
    assert_string_equal(content(world, 0), "new");
    power_off(world, SIM_SURVIVES_NONE);
    assert_string_equal(content(world, 0), "old");
}

static void a_misdirected_write_harms_two_places(void **state)
{
    (void)state;
    struct sim_world *world = fresh(14);
    pattern_fill(1);
    write_pattern(world, 0, 0, 4000);
    operate(world, ISR_EFFECT_SYNC, 0);
    run(world);
    sim_disk_misdirect_writes(disk_of(world), 0, 1);
    write_at(world, 1, 0, "astray");
    operate(world, ISR_EFFECT_SYNC, 1);
    run(world);
    assert_int_equal(world->counters.writes_misdirected, 1);
    assert_int_equal(world->counters.writes_lost, 1);
    uint32_t changed = 0;
    for (int64_t i = 0; i < 4000; i++)
        changed += byte_at(world, 0, i) != pattern[i];
    assert_in_range(changed, 1, 6);
    kill_process(world);
    assert_int_equal(byte_at(world, 1, 0), 0);
}

static void a_deletion_comes_back_until_something_is_synced(void **state)
{
    (void)state;
    for (int synced = 0; synced < 2; synced++) {
        struct sim_world *world = fresh(15);
        sim_disk_lose_names(disk_of(world), true);
        write_at(world, 0, 0, "abc");
        operate(world, ISR_EFFECT_SYNC, 0);
        run(world);
        operate(world, ISR_EFFECT_DELETE, 0);
        run(world);
        assert_string_equal(content(world, 0), "absent");
        if (synced) {
            submit(world, ISR_EFFECT_REPLACE, segment(1), 0, "x", 1);
            run(world);
        }
        power_off(world, SIM_SURVIVES_REORDERED);
        assert_string_equal(content(world, 0), synced ? "absent" : "abc");
        assert_int_equal(world->counters.names_back, synced ? 0 : 1);
        assert_int_equal(disk_of(world)->deletions_open, 0);
    }
}

static void a_name_never_synced_is_lost(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sim_world *world = fresh(seed);
        sim_disk_lose_names(disk_of(world), true);
        write_at(world, 0, 0, "abc");
        write_at(world, 1, 0, "kept");
        operate(world, ISR_EFFECT_SYNC, 1);
        run(world);
        power_off(world, SIM_SURVIVES_TORN);
        assert_string_equal(content(world, 0), "absent");
        assert_string_equal(content(world, 1), "kept");
        assert_int_equal(world->counters.names_lost, 1);
    }
}

/* ---- standing still ---- */

static void a_stalled_disk_completes_nothing_until_its_time(void **state)
{
    (void)state;
    struct sim_world *world = fresh(16);
    write_at(world, 0, 0, "a");
    operate(world, ISR_EFFECT_SYNC, 0);
    write_at(world, 1, 0, "b");
    sim_disk_stall(disk_of(world), 5 * ISR_SECOND);
    run_until(world, 4999 * ISR_MS);
    assert_int_equal(told_count, 0);
    write_at(world, 0, 1, "c");
    run(world);
    assert_int_equal(told_count, 4);
    for (uint32_t i = 0; i < 4; i++)
        assert_true(told[i].time_ns >= 5 * ISR_SECOND);
    static const uint32_t in_order[] = {1, 2, 4}; /* of the one file; the other is independent */
    uint32_t seen = 0;
    for (uint32_t i = 0; i < 4; i++)
        seen += seen < 3 && told[i].io == in_order[seen];
    assert_int_equal(seen, 3);
    assert_int_equal(world->counters.operations_stalled, 3); /* the last came behind the others */
}

static void a_stalled_disk_goes_on_when_told(void **state)
{
    (void)state;
    for (int ends = 0; ends < 2; ends++) {
        struct sim_world *world = fresh(17);
        sim_disk_stall(disk_of(world), ends ? 100 * ISR_SECOND : ISR_TIME_NEVER);
        for (int i = 0; i < 5; i++)
            write_at(world, 0, i, "x");
        run_until(world, 3 * ISR_SECOND);
        assert_int_equal(told_count, 0);
        world->now_ns = 3 * ISR_SECOND;
        sim_disk_go_on(world, disk_of(world));
        write_at(world, 0, 5, "y");
        run(world);
        assert_int_equal(told_count, 6);
        for (uint32_t i = 0; i < 6; i++) {
            assert_int_equal(told[i].io, i + 1);
            assert_true(told[i].time_ns < 4 * ISR_SECOND);
        }
    }
}

static void a_process_may_die_while_its_disk_stands_still(void **state)
{
    (void)state;
    struct sim_world *world = fresh(18);
    sim_disk_stall(disk_of(world), ISR_TIME_NEVER);
    write_at(world, 0, 0, "abc");
    operate(world, ISR_EFFECT_SYNC, 0);
    run_until(world, ISR_SECOND);
    power_off(world, SIM_SURVIVES_NONE);
    sim_disk_go_on(world, disk_of(world));
    run(world);
    assert_int_equal(told_count, 0);
    assert_string_equal(content(world, 0), "absent");
}

static void healing_takes_every_knob_back(void **state)
{
    (void)state;
    struct sim_world *world = fresh(19);
    struct sim_disk *disk = disk_of(world);
    sim_disk_fail(disk, (struct sim_disk_strike){.operations = SIM_OPERATION_WRITE, .count = 9}, true);
    sim_disk_lie(disk, true, 0);
    sim_disk_lose_writes(disk, 0, 9);
    sim_disk_misdirect_writes(disk, 0, 9);
    sim_disk_lose_names(disk, true);
    sim_disk_fill(disk, 0);
    sim_disk_stall(disk, ISR_TIME_NEVER);
    sim_disk_heal(world, disk, &world->spec->disk);
    write_at(world, 0, 0, "abc");
    operate(world, ISR_EFFECT_SYNC, 0);
    run(world);
    assert_int_equal(told_count, 2);
    assert_false(power_off(world, SIM_SURVIVES_NONE));
    assert_string_equal(content(world, 0), "abc");
}

/* Random use of everything at once: the books balance, and nothing asserts. */
static void keeps_its_books_under_random_damage(void **state)
{
    (void)state;
    static const enum isr_effect_kind kinds[] = {ISR_EFFECT_WRITE,   ISR_EFFECT_WRITE,  ISR_EFFECT_SYNC,
                                                 ISR_EFFECT_REPLACE, ISR_EFFECT_DELETE, ISR_EFFECT_TRUNCATE};
    pattern_fill(1);
    for (uint64_t seed = 0; seed < 150; seed++) {
        struct sim_world *world = fresh(seed);
        struct sim_disk *disk = disk_of(world);
        for (uint64_t i = 0; i < 120; i++) {
            uint64_t draw = isr_hash_combine(seed, i);
            const struct sim_file *file = sim_disk_file(disk, segment((int64_t)(draw & 3)));
            int64_t end = file == NULL ? 0 : file->content.size_bytes;
            sim_disk_lie(disk, (draw >> 8 & 7) == 0, 0);
            sim_disk_lose_names(disk, (draw >> 11 & 3) == 0);
            if ((draw >> 13 & 7) == 0)
                sim_disk_lose_writes(disk, 0, 1);
            if ((draw >> 16 & 7) == 0)
                sim_disk_misdirect_writes(disk, 0, 1);
            if ((draw >> 19 & 15) == 0)
                sim_disk_fail(disk, (struct sim_disk_strike){.operations = SIM_OPERATION_SYNC, .count = 1},
                              true);
            submit(world, kinds[(draw >> 24) % 6], segment((int64_t)(draw & 3)),
                   (int64_t)((draw >> 32) % (uint64_t)(end + 1)), pattern, 1 + (draw >> 40) % 700);
            if ((draw >> 50 & 7) == 0)
                run_until(world, world->now_ns + (int64_t)(draw >> 51 & 3) * ISR_MS);
            if ((draw >> 54 & 15) == 0)
                sim_disk_rot(world, disk, 0, NULL, 1);
            if ((draw >> 58 & 15) == 0)
                power_off(world, (enum sim_survival)(draw % 6));
            else if ((draw >> 58 & 15) == 1)
                kill_process(world);
            told_count = 0;
        }
        run(world);
        int64_t used = 0;
        for (uint32_t i = 0; i < disk->files_count; i++)
            used += disk->files[i]->exists ? disk->files[i]->content.size_bytes : 0;
        assert_int_equal(used, disk->used_bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reordered_power_loss_keeps_later_pages_without_earlier_ones),
        cmocka_unit_test(reordered_power_loss_restores_what_a_lost_page_overwrote),
        cmocka_unit_test(torn_power_loss_keeps_some_sectors_of_a_write),
        cmocka_unit_test(all_survives_when_told),
        cmocka_unit_test(nothing_survives_behind_a_lost_truncation),
        cmocka_unit_test(lying_sync_loses_what_it_called_durable),
        cmocka_unit_test(an_honest_sync_makes_good_what_a_lie_left),
        cmocka_unit_test(lies_concern_only_the_files_that_were_named),
        cmocka_unit_test(a_failed_sync_may_leave_pages_clean_that_are_not_stored),
        cmocka_unit_test(writing_again_stores_what_a_failed_sync_left_clean),
        cmocka_unit_test(errors_strike_the_files_that_were_named),
        cmocka_unit_test(rot_changes_stored_bytes_alone),
        cmocka_unit_test(rot_strikes_the_files_that_were_named),
        cmocka_unit_test(a_lost_write_shows_when_the_file_is_read_anew),
        cmocka_unit_test(a_lost_replacement_leaves_the_old_file),
        cmocka_unit_test(a_misdirected_write_harms_two_places),
        cmocka_unit_test(a_deletion_comes_back_until_something_is_synced),
        cmocka_unit_test(a_name_never_synced_is_lost),
        cmocka_unit_test(a_stalled_disk_completes_nothing_until_its_time),
        cmocka_unit_test(a_stalled_disk_goes_on_when_told),
        cmocka_unit_test(a_process_may_die_while_its_disk_stands_still),
        cmocka_unit_test(healing_takes_every_knob_back),
        cmocka_unit_test(keeps_its_books_under_random_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
