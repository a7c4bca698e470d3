#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/hash.h"
#include "harness/value.h"

static struct value_error error;

static int64_t duration_of(const char *text)
{
    int64_t value = -1;
    assert_true(value_duration(text, true, &value, &error));
    return value;
}

static void reads_durations_exactly(void **state)
{
    (void)state;
    assert_int_equal(duration_of("250ms"), 250000000);
    assert_int_equal(duration_of("1.5s"), 1500000000);
    assert_int_equal(duration_of("0.5m"), INT64_C(30000000000));
    assert_int_equal(duration_of("0.1us"), 100);
    assert_int_equal(duration_of("2 h"), INT64_C(7200000000000));
    assert_int_equal(duration_of("-20ms"), -20000000);
    assert_int_equal(duration_of("0"), 0);
    assert_int_equal(duration_of("0.000000001s"), 1);
    assert_int_equal(duration_of("9223372036s"), INT64_C(9223372036000000000));
}

static void refuses_durations_that_are_none(void **state)
{
    static const struct {
        const char *text;
        size_t at;
    } bad[] = {
        {"320", 0},    {"5 parsecs", 2}, {"ms", 0},           {"", 0},      {"1.5", 0},
        {"1..5ms", 1}, {"-5ms", 0},      {"9223372037s", 0},  {"0.1ns", 0}, {"99999999999999999999s", 0},
        {"1e3s", 1},   {"0x10s", 1},     {"1.0000000001s", 0}};
    int64_t value;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(value_duration(bad[i].text, false, &value, &error));
        assert_int_equal(error.at, bad[i].at);
        assert_true(strlen(error.message) > 0);
    }
}

static void reads_sizes_probabilities_and_rates(void **state)
{
    int64_t value;
    (void)state;
    assert_true(value_bytes("4096", &value, &error) && value == 4096);
    assert_true(value_bytes("4KiB", &value, &error) && value == 4096);
    assert_true(value_bytes("1.5MiB", &value, &error) && value == 1572864);
    assert_false(value_bytes("4KB", &value, &error));
    assert_false(value_bytes("0.5B", &value, &error));
    assert_true(value_parts("0.1%", false, &value, &error) && value == 1000);
    assert_true(value_parts("250ppm", false, &value, &error) && value == 250);
    assert_true(value_parts("100%", false, &value, &error) && value == 1000000);
    assert_true(value_parts("-20%", true, &value, &error) && value == -200000);
    assert_false(value_parts("100.1%", false, &value, &error));
    assert_false(value_parts("0.1", false, &value, &error));
    assert_true(value_rate_interval("100/s", &value, &error) && value == 10000000);
    assert_true(value_rate_interval("0.5/s", &value, &error) && value == 2000000000);
    assert_true(value_rate_interval("3/s", &value, &error) && value == 333333333);
    assert_true(value_rate_interval("30/m", &value, &error) && value == 2000000000);
    assert_false(value_rate_interval("0/s", &value, &error));
    assert_false(value_rate_interval("100", &value, &error));
    assert_false(value_rate_interval("1/us", &value, &error));
    assert_false(value_rate_interval("2000000/ms", &value, &error));
}

static void reads_seeds_of_64_bits(void **state)
{
    uint64_t first, last;
    (void)state;
    assert_true(value_seed("18446744073709551615", &first, &error) && first == UINT64_MAX);
    assert_true(value_seed("0xFFffFFffFFffFFff", &first, &error) && first == UINT64_MAX);
    assert_false(value_seed("18446744073709551616", &first, &error));
    assert_false(value_seed("0x", &first, &error));
    assert_false(value_seed("-1", &first, &error));
    assert_true(value_seed_range("3..7", &first, &last, &error) && first == 3 && last == 7);
    assert_true(value_seed_range("0..0", &first, &last, &error) && first == 0 && last == 0);
    assert_false(value_seed_range("9", &first, &last, &error)); /* seed 9, or nine seeds? */
    assert_false(value_seed_range("0", &first, &last, &error));
    assert_false(value_seed_range("..7", &first, &last, &error));
    assert_false(value_seed_range("7..3", &first, &last, &error));
    assert_false(value_seed_range("7..", &first, &last, &error));
}

/* Whatever is printed reads back as the same value. */
static void prints_what_it_reads(void **state)
{
    static const int64_t units[] = {1, 1000, 1000000, 100000000, 1000000000, INT64_C(60000000000)};
    (void)state;
    for (uint64_t i = 0; i < 20000; i++) {
        int64_t unit = units[isr_mix(2 * i) % 6];
        int64_t ns = (int64_t)(isr_mix(2 * i + 1) % 100000) * unit, back;
        char text[32];
        assert_true(value_duration(value_print_duration(ns, text), true, &back, &error));
        assert_int_equal(back, ns);
        int64_t bytes = ns % (INT64_C(1) << 40);
        assert_true(value_bytes(value_print_bytes(bytes, text), &back, &error));
        assert_int_equal(back, bytes);
    }
}

static void reads_counts_and_shards(void **state)
{
    static const char *const bad[] = {
        "",          "/",    "1",     "1/",    "/2",   "0/2",  "3/2",
        "1/0",       "-1/2", "1/2/3", "1.5/2", "1/2x", " 1/2", "11111111111111111111/2",
        "1/1000001", "a/b",  "1//2"};
    int64_t value = 0;
    uint32_t shard = 0, shards = 0;
    (void)state;
    assert_true(value_count("7", "number of things", 9, &value, &error) && value == 7);
    assert_true(value_count("922337203685477580", "number of things", INT64_MAX, &value, &error));
    assert_false(value_count("0", "number of things", 9, &value, &error));
    assert_string_equal(error.message, "'0' is no number of things");
    assert_string_equal(error.hint, "there may be 1 to 9");
    assert_false(value_count("10", "number of things", 9, &value, &error));
    assert_false(value_count("many", "number of things", INT64_MAX, &value, &error));
    assert_string_equal(error.hint, "write it in digits alone, such as 3");
    assert_true(value_shard("1/1", &shard, &shards, &error) && shard == 1 && shards == 1);
    assert_true(value_shard("3/12", &shard, &shards, &error) && shard == 3 && shards == 12);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(value_shard(bad[i], &shard, &shards, &error));
        assert_string_equal(error.hint, "write which one of how many, such as 1/4 to 4/4");
    }
    assert_false(value_shard("5/4", &shard, &shards, &error));
    assert_string_equal(error.message, "there is no shard 5 of 4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_durations_exactly),
        cmocka_unit_test(refuses_durations_that_are_none),
        cmocka_unit_test(reads_sizes_probabilities_and_rates),
        cmocka_unit_test(reads_counts_and_shards),
        cmocka_unit_test(reads_seeds_of_64_bits),
        cmocka_unit_test(prints_what_it_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
