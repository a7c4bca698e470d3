#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/log/checkpoint.h"
#include "core/tests/support.h"

struct fixture {
    struct test_heap heap;
    struct isr_env env;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    test_heap_init(&fixture.heap);
    test_env_init(&fixture.env, &fixture.heap);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    test_heap_drop(&fixture->heap);
    return 0;
}

static struct isr_producers_batch batches[] = {
    {.base_offset = 5, .base_sequence = 0, .record_count = 3},
    {.base_offset = 8, .base_sequence = 3, .record_count = 1},
};

static struct isr_bytes sample(struct isr_scratch *scratch, unsigned which)
{
    struct isr_epochs_line epochs[] = {{1, 0}, {4, 10}, {9, 11}};
    struct isr_high_watermarks_line watermarks[] = {{{1, 0}, 5}, {{1, 1}, 0}, {{2, 0}, 77}};
    struct isr_recovery_points_line points[] = {{{1, 0}, 2, 5}, {{7, 3}, 0, 0}};
    struct isr_producers_line producers[] = {{3, 1, 70, batches, 2}, {8, 0, 80, batches, 1}};
    switch (which) {
    case 0:
        return isr_checkpoint_encode_epochs_file(scratch, &(struct isr_epochs_file){0, -1, epochs, 3});
    case 1:
        return isr_checkpoint_encode_high_watermarks_file(scratch,
                                                          &(struct isr_high_watermarks_file){watermarks, 3});
    case 2:
        return isr_checkpoint_encode_recovery_points_file(scratch,
                                                          &(struct isr_recovery_points_file){points, 2});
    case 3:
        return isr_checkpoint_encode_producers_file(scratch, &(struct isr_producers_file){9, producers, 2});
    case 4:
        return isr_checkpoint_encode_cleaned_file(scratch, &(struct isr_cleaned_file){77});
    default:
        return isr_checkpoint_encode_clean_shutdown_file(scratch, &(struct isr_clean_shutdown_file){123, 77});
    }
}

static unsigned accepted_by(struct isr_scratch *scratch, struct isr_bytes bytes)
{
    unsigned parsers = 0, bit = 1;
#define X(KIND, name)                                           \
    {                                                           \
        struct isr_##name file;                                 \
        if (isr_checkpoint_parse_##name(bytes, scratch, &file)) \
            parsers |= bit;                                     \
        bit *= 2;                                               \
    }
    ISR_CHECKPOINT_FILES(X)
#undef X
    return parsers;
}

static void is_accepted_by_its_own_parser_alone(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned which = 0; which < 6; which++)
        assert_int_equal(accepted_by(&fixture->env.scratch, sample(&fixture->env.scratch, which)),
                         1u << which);
}

static void gives_back_what_was_written(void **state)
{
    struct fixture *fixture = *state;
    struct isr_scratch *scratch = &fixture->env.scratch;
    struct isr_epochs_file epochs;
    assert_true(isr_checkpoint_parse_epochs_file(sample(scratch, 0), scratch, &epochs));
    assert_int_equal(epochs.lines_count, 3);
    assert_int_equal(epochs.lines[1].epoch, 4);
    assert_int_equal(epochs.lines[2].start_offset, 11);
    struct isr_recovery_points_file points;
    assert_true(isr_checkpoint_parse_recovery_points_file(sample(scratch, 2), scratch, &points));
    assert_int_equal(points.lines[0].log_start, 2);
    assert_int_equal(points.lines[0].recovery_point, 5);
    struct isr_producers_file producers;
    assert_true(isr_checkpoint_parse_producers_file(sample(scratch, 3), scratch, &producers));
    assert_int_equal(producers.lines[0].batches[1].base_offset, 8);
    struct isr_clean_shutdown_file marker;
    assert_true(isr_checkpoint_parse_clean_shutdown_file(sample(scratch, 5), scratch, &marker));
    assert_int_equal(marker.broker_epoch, 123);
}

static void is_refused_when_a_bit_is_flipped_or_bytes_are_missing(void **state)
{
    struct fixture *fixture = *state;
    struct isr_scratch *scratch = &fixture->env.scratch;
    for (unsigned which = 0; which < 6; which++) {
        struct isr_bytes bytes = sample(scratch, which);
        uint8_t *data = (uint8_t *)(uintptr_t)bytes.data;
        for (uint32_t bit = 0; bit < bytes.size * 8; bit++) {
            data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            assert_int_equal(accepted_by(scratch, bytes), 0);
            data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
        for (uint32_t size = 0; size < bytes.size; size++)
            assert_int_equal(accepted_by(scratch, (struct isr_bytes){data, size}), 0);
    }
}

/* A right checksum does not make nonsense sense. */
static void is_refused_when_the_values_make_no_sense(void **state)
{
    struct fixture *fixture = *state;
    struct isr_scratch *scratch = &fixture->env.scratch;
    struct isr_epochs_line falling_epochs[] = {{4, 0}, {4, 10}}, falling_starts[] = {{4, 10}, {5, 10}};
    assert_int_equal(accepted_by(scratch, isr_checkpoint_encode_epochs_file(
                                              scratch, &(struct isr_epochs_file){0, -1, falling_epochs, 2})),
                     0);
    assert_int_equal(accepted_by(scratch, isr_checkpoint_encode_epochs_file(
                                              scratch, &(struct isr_epochs_file){0, -1, falling_starts, 2})),
                     0);
    struct isr_epochs_line early[] = {{4, 9}};
    assert_int_equal(accepted_by(scratch, isr_checkpoint_encode_epochs_file(
                                              scratch, &(struct isr_epochs_file){10, -1, early, 1})),
                     0);
    assert_int_equal(accepted_by(scratch, isr_checkpoint_encode_epochs_file(
                                              scratch, &(struct isr_epochs_file){-1, -1, NULL, 0})),
                     0);
    struct isr_high_watermarks_line negative[] = {{{1, 0}, -1}};
    assert_int_equal(accepted_by(scratch, isr_checkpoint_encode_high_watermarks_file(
                                              scratch, &(struct isr_high_watermarks_file){negative, 1})),
                     0);
    struct isr_recovery_points_line below_start[] = {{{1, 0}, 5, 4}},
                                    twice[] = {{{1, 0}, 0, 4}, {{1, 0}, 0, 4}};
    assert_int_equal(accepted_by(scratch, isr_checkpoint_encode_recovery_points_file(
                                              scratch, &(struct isr_recovery_points_file){below_start, 1})),
                     0);
    assert_int_equal(accepted_by(scratch, isr_checkpoint_encode_recovery_points_file(
                                              scratch, &(struct isr_recovery_points_file){twice, 2})),
                     0);
    struct isr_producers_line none[] = {{3, 1, 0, NULL, 0}}, beyond[] = {{3, 1, 0, batches, 2}};
    assert_int_equal(accepted_by(scratch, isr_checkpoint_encode_producers_file(
                                              scratch, &(struct isr_producers_file){9, none, 1})),
                     0);
    assert_int_equal(accepted_by(scratch, isr_checkpoint_encode_producers_file(
                                              scratch, &(struct isr_producers_file){8, beyond, 1})),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(is_accepted_by_its_own_parser_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gives_back_what_was_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_refused_when_a_bit_is_flipped_or_bytes_are_missing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(is_refused_when_the_values_make_no_sense, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
