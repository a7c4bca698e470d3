#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/base/hash.h"
#include "core/tests/support.h"

/* Bit by bit after the definition: the polynomial 0x1EDC6F41, reflected. */
static uint32_t crc32c_by_definition(const uint8_t *data, size_t size_bytes)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size_bytes; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? (crc >> 1) ^ UINT32_C(0x82f63b78) : crc >> 1;
    }
    return ~crc;
}

/* RFC 3720, B.4. */
static void gives_the_published_checksums(void **state)
{
    (void)state;
    uint8_t data[48];
    memset(data, 0, 32);
    assert_int_equal(isr_crc32c(0, data, 32), 0x8a9136aa);
    memset(data, 0xff, 32);
    assert_int_equal(isr_crc32c(0, data, 32), 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++)
        data[i] = i;
    assert_int_equal(isr_crc32c(0, data, 32), 0x46dd794e);
    for (uint8_t i = 0; i < 32; i++)
        data[i] = (uint8_t)(31 - i);
    assert_int_equal(isr_crc32c(0, data, 32), 0x113fdb5c);
    static const uint8_t command[48] = {
        0x01, 0xc0, 0, 0,    0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0,
        0,    0,    0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0,    0,
    };
    assert_int_equal(isr_crc32c(0, command, 48), 0xd9963a56);
    assert_int_equal(isr_crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(isr_crc32c(0, "", 0), 0);
}

static void equals_the_definition_at_every_size_and_alignment(void **state)
{
    (void)state;
    struct test_random random = {.state = 3};
    uint8_t data[300];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)test_random_next(&random);
    for (size_t start = 0; start < 16; start++) {
        for (size_t size = 0; start + size <= sizeof data; size += 1 + size / 16) {
            uint32_t expected = crc32c_by_definition(data + start, size);
            assert_int_equal(isr_crc32c(0, data + start, size), expected);
            size_t cut = size / 3;
            uint32_t first = isr_crc32c(0, data + start, cut);
            assert_int_equal(isr_crc32c(first, data + start + cut, size - cut), expected);
        }
    }
}

/* Recorded runs depend on these: they never change. */
static void stays_what_it_was(void **state)
{
    (void)state;
    assert_int_equal(isr_mix(0), 0);
    /* splitmix64 seeded with 0: its first outputs are the mixes of the multiples of the golden ratio */
    assert_int_equal(isr_mix(UINT64_C(0x9e3779b97f4a7c15)), UINT64_C(0xe220a8397b1dcdaf));
    assert_int_equal(isr_mix(UINT64_C(0x9e3779b97f4a7c15) * 2), UINT64_C(0x6e789e6aa1b965f4));
    assert_int_equal(isr_hash_combine(0, 0), UINT64_C(0xe220a8397b1dcdaf));
}

static void tells_order_length_and_bytes_apart(void **state)
{
    (void)state;
    assert_true(isr_hash_combine(isr_hash_combine(1, 2), 3) != isr_hash_combine(isr_hash_combine(1, 3), 2));
    uint8_t data[20] = {0};
    for (size_t size = 1; size < sizeof data; size++) {
        uint64_t hash = isr_hash_bytes(7, data, size);
        assert_true(hash != isr_hash_bytes(7, data, size - 1));
        assert_true(hash != isr_hash_bytes(8, data, size));
        data[size - 1] = 1;
        assert_true(hash != isr_hash_bytes(7, data, size));
        data[size - 1] = 0;
        assert_true(hash == isr_hash_bytes(7, data, size));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_published_checksums),
        cmocka_unit_test(equals_the_definition_at_every_size_and_alignment),
        cmocka_unit_test(stays_what_it_was),
        cmocka_unit_test(tells_order_length_and_bytes_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
