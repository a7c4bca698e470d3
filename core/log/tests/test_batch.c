#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/base/hash.h"
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

/* ---- keys, and what compaction leaves ---- */

enum { AT_SIZE_OF_ALL = 8, AT_CRC_OF_REST = 28, AT_REST = 32 };

static struct isr_batch keyed(struct fixture *fixture, uint32_t records, struct isr_batch_keys keys)
{
    struct isr_batch batch;
    struct isr_bytes bytes =
        isr_batch_build_keyed(&fixture->env.scratch, 42, 3, 100, 5000, records, 12, keys);
    isr_batch_stamp((uint8_t *)(uintptr_t)bytes.data, 77, 9, 1234);
    assert_int_equal(isr_batch_parse(bytes, true, &batch), ISR_BATCH_OK);
    assert_true(isr_batch_has_keys(bytes.data));
    return batch;
}

static struct isr_batch compacted(struct fixture *fixture, const struct isr_batch *batch, const bool *keep)
{
    struct isr_batch left;
    uint8_t *out = isr_scratch_allocate(&fixture->env.scratch, isr_batch_compact_bytes(batch));
    uint32_t size = isr_batch_compact(out, batch, keep, 99);
    assert_true(size <= isr_batch_compact_bytes(batch));
    assert_int_equal(isr_batch_parse((struct isr_bytes){.data = out, .size = size}, true, &left),
                     ISR_BATCH_OK);
    return left;
}

static void walks_records_with_their_keys(void **state)
{
    struct fixture *fixture = *state;
    struct isr_batch batch = keyed(fixture, 50, (struct isr_batch_keys){.keys = 3, .tombstone_percent = 40});
    struct isr_record record = {0};
    uint32_t position = 0, tombstones = 0, count = 0;
    for (; isr_batch_next(&batch, &position, &record); count++) {
        uint64_t value;
        assert_true(record.key < 3);
        assert_int_equal(record.offset, 77 + count);
        assert_int_equal(record.value.size, 12);
        assert_true(isr_batch_value(&batch, count, &value));
        assert_int_equal(value, 5000 + count);
        tombstones += record.tombstone;
    }
    assert_int_equal(count, 50);
    assert_true(tombstones > 5 && tombstones < 45);
    assert_int_equal(isr_batch_horizon(&batch), ISR_TIME_NEVER);
}

static void keeps_offsets_and_sequences_when_compacted(void **state)
{
    struct fixture *fixture = *state;
    struct isr_batch batch = keyed(fixture, 4, (struct isr_batch_keys){.keys = 1 << 30});
    const bool keep[4] = {false, true, false, true};
    struct isr_batch left = compacted(fixture, &batch, keep);
    struct isr_record whole = {0}, record = {0};
    uint32_t in_whole = 0, position = 0;
    assert_int_equal(left.base_offset, 77);
    assert_int_equal(left.last_offset, 80);
    assert_int_equal(left.leader_epoch, 9);
    assert_int_equal(left.timestamp_ns, 1234);
    assert_int_equal(left.producer_id, 42);
    assert_int_equal(left.base_sequence, 100);
    assert_int_equal(left.record_count, 4);
    assert_int_equal(isr_batch_horizon(&left), 99);
    assert_false(isr_batch_is_gap(&left));
    for (size_t i = 0; i < 4; i++) {
        assert_true(isr_batch_next(&batch, &in_whole, &whole));
        if (!keep[i])
            continue;
        assert_true(isr_batch_next(&left, &position, &record));
        assert_int_equal(record.offset, whole.offset);
        assert_int_equal(record.key, whole.key);
        assert_memory_equal(record.value.data, whole.value.data, whole.value.size);
    }
    assert_false(isr_batch_next(&left, &position, &record));
    /* Once more: the same places. */
    const bool last_only[2] = {false, true};
    struct isr_batch less = compacted(fixture, &left, last_only);
    position = 0;
    assert_true(isr_batch_next(&less, &position, &record));
    assert_int_equal(record.offset, 80);
    assert_false(isr_batch_next(&less, &position, &record));
}

static void gap_holds_nothing_but_its_offsets(void **state)
{
    (void)state;
    uint8_t bytes[ISR_BATCH_GAP_BYTES];
    struct isr_batch gap;
    struct isr_record record = {0};
    uint32_t position = 0;
    isr_batch_gap(bytes, 100, 7, 5, 33);
    assert_int_equal(isr_batch_parse((struct isr_bytes){.data = bytes, .size = sizeof bytes}, true, &gap),
                     ISR_BATCH_OK);
    assert_true(isr_batch_is_gap(&gap));
    assert_int_equal(gap.last_offset, 106);
    assert_int_equal(gap.leader_epoch, 5);
    assert_int_equal(gap.timestamp_ns, 33);
    assert_int_equal(gap.producer_id, -1);
    assert_false(isr_batch_next(&gap, &position, &record));
}

/* With checksums that fit: a place that does not rise, one beyond the batch, a record without room for a key,
 * one that goes beyond the end, and half a place. */
static void is_corrupt_when_what_is_left_makes_no_sense(void **state)
{
    struct fixture *fixture = *state;
    enum { FIRST_PLACE = ISR_BATCH_GAP_BYTES, RECORD = 4 + 4 + 8 + 12, SECOND_PLACE = FIRST_PLACE + RECORD };
    static const struct {
        uint32_t position, value, cut;
    } damages[] = {{SECOND_PLACE, 0, 0},
                   {SECOND_PLACE, 4, 0},
                   {FIRST_PLACE + 4, 7, 0},
                   {SECOND_PLACE + 4, 21, 0},
                   {FIRST_PLACE, 0, RECORD - 2}};
    struct isr_batch batch = keyed(fixture, 4, (struct isr_batch_keys){.keys = 9});
    const bool keep[4] = {true, true, false, false};
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct isr_batch left = compacted(fixture, &batch, keep), damaged;
        uint8_t *data = (uint8_t *)(uintptr_t)left.bytes.data;
        uint32_t size = left.bytes.size - damages[i].cut;
        memcpy(data + damages[i].position, &damages[i].value, 4);
        memcpy(data + AT_SIZE_OF_ALL, &size, 4);
        uint32_t crc = isr_crc32c(0, data + AT_REST, size - AT_REST);
        memcpy(data + AT_CRC_OF_REST, &crc, 4);
        isr_batch_set_position(data, 77, 9);
        assert_int_equal(isr_batch_parse((struct isr_bytes){.data = data, .size = size}, true, &damaged),
                         ISR_BATCH_CORRUPT);
    }
}

/* With a checksum that fits: records that are larger than what is left, or leave some of it. */
static void is_corrupt_when_its_records_do_not_fill_it(void **state)
{
    enum { AT_CRC = 28, AT_SUMMED = 32 };
    struct fixture *fixture = *state;
    static const int sizes[] = {-9, -4, -1, 1, 4, 4000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct isr_bytes bytes = build(fixture, 2, 9);
        uint8_t *data = (uint8_t *)(uintptr_t)bytes.data;
        struct isr_batch batch;
        uint32_t size = (uint32_t)(9 + sizes[i]);
        memcpy(data + ISR_BATCH_HEADER_BYTES, &size, sizeof size);
        uint32_t crc = isr_crc32c(0, data + AT_SUMMED, bytes.size - AT_SUMMED);
        memcpy(data + AT_CRC, &crc, sizeof crc);
        isr_batch_set_position(data, 0, 0);
        assert_int_equal(isr_batch_parse(bytes, true, &batch), ISR_BATCH_CORRUPT);
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
        cmocka_unit_test_setup_teardown(is_corrupt_when_its_records_do_not_fill_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(walks_records_with_their_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_offsets_and_sequences_when_compacted, set_up, tear_down),
        cmocka_unit_test(gap_holds_nothing_but_its_offsets),
        cmocka_unit_test_setup_teardown(is_corrupt_when_what_is_left_makes_no_sense, set_up, tear_down),
        cmocka_unit_test(survives_when_the_bytes_are_arbitrary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
