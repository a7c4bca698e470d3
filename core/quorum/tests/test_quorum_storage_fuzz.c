/* A bounded run of the fuzz target with whatever compiler there is: well-formed files with random damage. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/quorum/fuzz/fuzz_quorum_storage.c"

static uint8_t *records_put(uint8_t *out, int64_t base, uint32_t count)
{
    uint8_t *at = out;
    quorum_log_header_put(at, base, base > 0 ? 1 : 0);
    at += QUORUM_LOG_HEADER_BYTES;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t data[12] = {0};
        struct quorum_entry entry = {.term = 1 + (int32_t)(i / 3), .size = i % sizeof data, .data = data};
        at = quorum_record_put(at, base + 1 + i, &entry);
    }
    return at;
}

static void start_survives_when_files_are_damaged(void **state)
{
    (void)state;
    struct test_random random = {11};
    for (uint32_t round = 0; round < 1500; round++) {
        uint8_t input[1024] = {0};
        uint8_t *at = input + INPUT_HEAD_BYTES;
        int64_t base = test_random_below(&random, 3) * 5;
        int64_t index = test_random_below(&random, 12);
        quorum_vote_put(at, (int32_t)test_random_below(&random, 5), ISR_NODE_NONE);
        uint8_t *log = at + QUORUM_VOTE_BYTES;
        uint8_t *snapshot = records_put(log, base, test_random_below(&random, 12));
        const struct quorum_configuration configuration = {.index = index / 2,
                                                           .members.voters = isr_replicas_unpack(0x030201)};
        quorum_snapshot_seal(snapshot, index, 1 + (int32_t)(index - base) / 3, &configuration, 20);
        uint32_t size = (uint32_t)(snapshot - input) + QUORUM_SNAPSHOT_HEADER_BYTES + 20;
        input[0] = (uint8_t)(FLAG_REPAIR | test_random_below(&random, 8));
        input[1] = (uint8_t)(base + 1);
        input[2] = (uint8_t)index;
        input[3] = QUORUM_VOTE_BYTES;
        input[4] = (uint8_t)((snapshot - log) & 0xff);
        input[5] = (uint8_t)((snapshot - log) >> 8);
        for (uint32_t i = test_random_below(&random, 3); i > 0; i--)
            input[test_random_below(&random, size)] = (uint8_t)test_random_below(&random, 256);
        assert_int_equal(LLVMFuzzerTestOneInput(input, size), 0);
    }
}

/* Records with marks between them, as syncs leave them, over several sectors. */
static uint8_t *marked_log_put(uint8_t *out, struct test_random *random)
{
    uint8_t *at = out + QUORUM_LOG_HEADER_BYTES;
    quorum_log_header_put(out, 0, 0);
    uint32_t count = 20 + test_random_below(random, 40);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t data[80] = {0};
        uint32_t size = test_random_below(random, sizeof data);
        struct quorum_entry entry = {.term = 1 + (int32_t)(i / 7), .size = size, .data = data};
        at = quorum_record_put(at, 1 + i, &entry);
        if (test_random_chance(random, 4)) {
            quorum_mark_put(at, at - out);
            at += QUORUM_MARK_BYTES;
        }
    }
    return at;
}

/* files_start aborts when a voter takes a log that lacks what a mark in it calls durable. */
static void start_halts_or_has_all_that_was_durable_when_a_sector_is_damaged(void **state)
{
    (void)state;
    struct test_random random = {12};
    uint32_t taken = 0, refused = 0;
    for (uint32_t round = 0; round < 1500; round++) {
        uint8_t input[8192] = {0};
        uint8_t *log = input + INPUT_HEAD_BYTES + QUORUM_VOTE_BYTES;
        uint8_t *end = marked_log_put(log, &random);
        quorum_vote_put(input + INPUT_HEAD_BYTES, 20, ISR_NODE_NONE);
        input[0] = FLAG_VOTE | FLAG_LOG | FLAG_REPAIR | FLAG_SECTOR;
        input[1] = (uint8_t)test_random_below(&random, 256);
        input[2] = (uint8_t)test_random_below(&random, 256);
        input[3] = QUORUM_VOTE_BYTES;
        input[4] = (uint8_t)((end - log) & 0xff);
        input[5] = (uint8_t)((end - log) >> 8);
        bool took = files_start(input, (size_t)(end - input));
        taken += took;
        refused += !took;
    }
    print_message("%u logs taken, %u refused\n", taken, refused);
    assert_true(taken > 100 && refused > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_survives_when_files_are_damaged),
        cmocka_unit_test(start_halts_or_has_all_that_was_durable_when_a_sector_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
