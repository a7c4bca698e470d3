#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/log/batch.h"
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

static struct isr_bytes build(struct fixture *fixture, uint32_t records, uint32_t value_bytes)
{
    return isr_batch_build(&fixture->env.scratch, 42, 3, 100, 5000, records, value_bytes);
}

static void parses_what_was_built(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t records = 1; records < 20; records++) {
        struct isr_bytes bytes = build(fixture, records, 8 + records * 3);
        isr_batch_set_position((uint8_t *)(uintptr_t)bytes.data, 77, 9);
        struct isr_batch batch;
        assert_int_equal(isr_batch_parse(bytes, true, &batch), ISR_BATCH_OK);
        assert_int_equal(batch.base_offset, 77);
        assert_int_equal(batch.last_offset, 77 + records - 1);
        assert_int_equal(batch.leader_epoch, 9);
        assert_int_equal(batch.producer_id, 42);
        assert_int_equal(batch.producer_epoch, 3);
        assert_int_equal(batch.base_sequence, 100);
        assert_int_equal(batch.record_count, records);
        assert_int_equal(batch.bytes.size, bytes.size);
        for (uint32_t i = 0; i < records; i++) {
            uint64_t value;
            assert_true(isr_batch_value(&batch, i, &value));
            assert_int_equal(value, 5000 + i);
        }
        uint64_t value;
        assert_false(isr_batch_value(&batch, records, &value));
    }
}

static void gives_back_the_values_it_was_built_of(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t text[] = "abcdefghij";
    struct isr_bytes values[4] = {
        {.data = text, .size = 10}, {.size = 0}, {.data = text + 3, .size = 1}, {.data = text, .size = 9}};
    struct isr_bytes bytes = isr_batch_of_values(&fixture->env.scratch, values, 4);
    struct isr_batch batch;
    assert_int_equal(isr_batch_parse(bytes, true, &batch), ISR_BATCH_OK);
    assert_int_equal(batch.record_count, 4);
    assert_int_equal(batch.producer_id, -1);
    struct isr_bytes record;
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(isr_batch_record(&batch, i, &record));
        assert_int_equal(record.size, values[i].size);
        if (record.size > 0)
            assert_memory_equal(record.data, values[i].data, record.size);
    }
    assert_false(isr_batch_record(&batch, 4, &record));
    uint64_t number;
    assert_false(isr_batch_value(&batch, 2, &number)); /* shorter than a number */
}

static void keeps_its_checksum_when_the_leader_sets_the_position(void **state)
{
    struct fixture *fixture = *state;
    struct isr_bytes bytes = build(fixture, 3, 30);
    struct isr_batch before, after;
    assert_int_equal(isr_batch_parse(bytes, true, &before), ISR_BATCH_OK);
    isr_batch_set_position((uint8_t *)(uintptr_t)bytes.data, 1234567, 88);
    isr_batch_stamp((uint8_t *)(uintptr_t)bytes.data, 1234567, 88, 987654321);
    assert_int_equal(isr_batch_parse(bytes, true, &after), ISR_BATCH_OK);
    assert_int_equal(after.timestamp_ns, 987654321);
    assert_int_equal(isr_batch_timestamp(bytes.data), 987654321);
    assert_int_equal(before.crc, after.crc);
}

static void depends_on_the_value_alone_when_built(void **state)
{
    struct fixture *fixture = *state;
    struct isr_bytes one = isr_batch_build(&fixture->env.scratch, -1, -1, -1, 9, 1, 61);
    struct isr_bytes two = isr_batch_build(&fixture->env.scratch, -1, -1, -1, 8, 2, 61);
    assert_memory_equal(one.data + 56, two.data + 56 + 65, 61);
}

/* Every flipped bit is found, of what the leader sets too. */
static void is_not_accepted_when_a_bit_is_flipped(void **state)
{
    struct fixture *fixture = *state;
    struct isr_bytes bytes = build(fixture, 2, 25);
    uint8_t *data = (uint8_t *)(uintptr_t)bytes.data;
    isr_batch_stamp(data, 7, 3, 11);
    for (uint32_t bit = 0; bit < bytes.size * 8; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        struct isr_batch batch;
        assert_int_not_equal(isr_batch_parse(bytes, true, &batch), ISR_BATCH_OK);
        data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}

static void is_short_when_cut_off_anywhere(void **state)
{
    struct fixture *fixture = *state;
    struct isr_bytes bytes = build(fixture, 2, 25);
    for (uint32_t size = 0; size < bytes.size; size++) {
        struct isr_batch batch;
        struct isr_bytes part = {.data = bytes.data, .size = size};
        assert_int_equal(isr_batch_parse(part, true, &batch), ISR_BATCH_SHORT);
    }
}

static void is_corrupt_when_the_header_makes_no_sense(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        unsigned position;
        uint8_t byte;
    } damages[] = {{7, 0x80} /* negative offset */,       {50, 2} /* compacted, without keys */,
                   {50, 4} /* unknown attributes */,      {47, 1} /* too many records */,
                   {39, 0x80} /* producer id below -1 */, {43, 0x80} /* negative sequence */};
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct isr_bytes bytes = build(fixture, 1, 8);
        ((uint8_t *)(uintptr_t)bytes.data)[damages[i].position] = damages[i].byte;
        struct isr_batch batch;
        assert_int_equal(isr_batch_parse(bytes, false, &batch), ISR_BATCH_CORRUPT);
    }
    struct isr_bytes empty = build(fixture, 1, 8);
    memset((uint8_t *)(uintptr_t)empty.data + 44, 0, 4);
    struct isr_batch batch;
    assert_int_equal(isr_batch_parse(empty, false, &batch), ISR_BATCH_CORRUPT);
}

static void survives_when_the_bytes_are_arbitrary(void **state)
{
    (void)state;
    struct test_random random = {.state = 5};
    uint8_t input[256];
    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof input; i++)
            input[i] = test_random_chance(&random, 3) ? (uint8_t)test_random_next(&random) : 0;
        input[8] = (uint8_t)test_random_below(&random, 255);
        struct isr_bytes bytes = {.data = input, .size = test_random_below(&random, sizeof input)};
        struct isr_batch batch;
        if (isr_batch_parse(bytes, false, &batch) != ISR_BATCH_OK)
            continue;
        assert_true(batch.bytes.size <= bytes.size);
        uint64_t value;
        for (uint32_t i = 0; i < 4; i++)
            (void)isr_batch_value(&batch, i, &value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parses_what_was_built, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gives_back_the_values_it_was_built_of, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_its_checksum_when_the_leader_sets_the_position, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(depends_on_the_value_alone_when_built, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_not_accepted_when_a_bit_is_flipped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_short_when_cut_off_anywhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_corrupt_when_the_header_makes_no_sense, set_up, tear_down),
        cmocka_unit_test(survives_when_the_bytes_are_arbitrary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
