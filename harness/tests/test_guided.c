#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "harness/guided.h"

/* What a worker tells of a run that reached so many tuples from the first on (harness/coverage.c). */
struct told {
    struct sim_coverage_map map;
    uint32_t tuples_count, unused;
    uint64_t tuples[32];
};

static struct told told_of(uint64_t first, uint32_t count)
{
    struct told told = {.tuples_count = count};
    for (uint32_t i = 0; i < count; i++)
        told.tuples[i] = (first + i) * UINT64_C(0x9fb21c651e98df25);
    return told;
}

static void learn(struct guided *guided, uint32_t place, uint64_t first, uint32_t count)
{
    const struct told told = told_of(first, count);
    guided_learn(guided, place, &told, sizeof told, 20);
}

static void begins_with_fresh_seeds(void **state)
{
    struct guided guided;
    (void)state;
    guided_init(&guided, 40);
    guided_plan_round(&guided, 8);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(guided.round[i].seed, 40 + i);
        assert_int_equal(guided.round[i].turns_count, 0);
    }
    guided_free(&guided);
}

static void varies_what_reached_something_new(void **state)
{
    struct guided guided;
    (void)state;
    guided_init(&guided, 1);
    guided_plan_round(&guided, 4);
    learn(&guided, 0, 100, 10);
    learn(&guided, 1, 100, 10); /* the same again */
    learn(&guided, 2, 105, 5);
    learn(&guided, 3, 108, 4); /* two of them are new */
    assert_int_equal(guided.corpus_count, 2);
    assert_int_equal(guided.coverage.tuples_count, 12);
    guided_plan_round(&guided, 32);
    for (uint32_t i = 0; i < 32; i++) {
        const struct guided_candidate *candidate = &guided.round[i];
        if (i % 2 == 0) { /* a fresh one */
            assert_int_equal(candidate->seed, 5 + i / 2);
            assert_int_equal(candidate->turns_count, 0);
            continue;
        }
        assert_true(candidate->seed == 1 || candidate->seed == 4);
        assert_int_equal(candidate->turns_count, 1);
        assert_true(candidate->turns[0].after <= 10);
    }
    guided_free(&guided);
}

static void prefers_what_is_rare(void **state)
{
    struct guided guided;
    uint32_t common = 0, rare = 0;
    (void)state;
    guided_init(&guided, 1);
    guided_plan_round(&guided, 2);
    learn(&guided, 0, 100, 10);
    learn(&guided, 1, 200, 10);
    for (int i = 0; i < 500; i++)
        learn(&guided, 0, 100, 10);
    guided_plan_round(&guided, GUIDED_ROUND);
    for (uint32_t i = 1; i < GUIDED_ROUND; i += 2) {
        common += guided.round[i].seed == 1;
        rare += guided.round[i].seed == 2;
    }
    assert_true(rare > 10 * common && rare + common == GUIDED_ROUND / 2);
    guided_free(&guided);
}

static void turns_grow_and_are_bounded(void **state)
{
    struct guided guided;
    (void)state;
    guided_init(&guided, 1);
    for (uint64_t round = 0; round < 200; round++) {
        guided_plan_round(&guided, 2);
        for (uint32_t i = 0; i < 2; i++) {
            const struct guided_candidate *candidate = &guided.round[i];
            assert_true(candidate->turns_count <= FAULT_TURNS_MAX);
            for (uint32_t turn = 1; turn < candidate->turns_count; turn++)
                assert_true(candidate->turns[turn - 1].after < candidate->turns[turn].after);
            learn(&guided, i, 1000 * (2 * round + i), 3); /* each one new */
        }
    }
    assert_int_equal(guided.corpus_count, 400);
    guided_free(&guided);
}

static void is_a_function_of_its_first_seed(void **state)
{
    struct guided one, other;
    (void)state;
    guided_init(&one, 9);
    guided_init(&other, 9);
    for (uint64_t round = 0; round < 20; round++) {
        guided_plan_round(&one, 8);
        guided_plan_round(&other, 8);
        for (uint32_t i = 0; i < 8; i++) {
            assert_int_equal(one.round[i].seed, other.round[i].seed);
            assert_int_equal(one.round[i].turns_count, other.round[i].turns_count);
            for (uint32_t turn = 0; turn < one.round[i].turns_count; turn++) {
                assert_int_equal(one.round[i].turns[turn].seed, other.round[i].turns[turn].seed);
                assert_int_equal(one.round[i].turns[turn].after, other.round[i].turns[turn].after);
            }
            learn(&one, i, 100 * one.round[i].seed % 700, 20);
            learn(&other, i, 100 * other.round[i].seed % 700, 20);
        }
    }
    guided_free(&one);
    guided_free(&other);
}

static void learns_nothing_of_a_run_that_was_not_told(void **state)
{
    struct guided guided;
    (void)state;
    guided_init(&guided, 1);
    guided_plan_round(&guided, 1);
    guided_learn(&guided, 0, NULL, 0, 10); /* its worker died */
    assert_int_equal(guided.corpus_count, 0);
    assert_int_equal(guided.coverage.runs, 1);
    guided_free(&guided);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_with_fresh_seeds),
        cmocka_unit_test(varies_what_reached_something_new),
        cmocka_unit_test(prefers_what_is_rare),
        cmocka_unit_test(turns_grow_and_are_bounded),
        cmocka_unit_test(is_a_function_of_its_first_seed),
        cmocka_unit_test(learns_nothing_of_a_run_that_was_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
