#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "harness/tests/arena.h"
#include "harness/tests/support.h"
#include "harness/twice.h"

static struct scenario scenario;

static int set_up(void **state)
{
    read_good(&scenario, HEAD "network: {latency: 1ms..3ms}\nsteps: [{at: 2s, kill: n1}]\nduration: 4s\n");
    return open_arena(state);
}

static int tear_down(void **state)
{
    scenario_free(&scenario);
    return close_arena(state);
}

static struct run_request request_of(uint64_t seed)
{
    return (struct run_request){.program = "isrsim",
                                .path = "test.isr.yaml",
                                .variant = &scenario.variants[0],
                                .spec = &scenario.base,
                                .seed = seed};
}

static void finds_no_difference_when_the_input_is_the_same(void **state)
{
    struct run_request request = request_of(5);
    struct twice_difference difference;
    struct run_result result;
    (void)state;
    assert_true(twice_compare(arena, &request, &request, &difference));
    assert_false(difference.differs);
    runner_run(arena, &request, NULL, &result);
    assert_int_equal(result.hash, difference.hash[1]);
    assert_true(result.counters.events > 100);
}

/* Another draw somewhere: told at the first event that it moved, with what happened there in each run. */
static void names_the_first_event_that_differs(void **state)
{
    struct run_request one = request_of(5), other = request_of(5);
    struct sim_spec spec = scenario.base;
    struct sim_step step = scenario.base.steps[0];
    struct twice_difference difference;
    (void)state;
    step.action.nodes = (struct sim_node_set){{0}};
    sim_node_set_add(&step.action.nodes, 2);
    spec.steps = &step;
    other.spec = &spec;
    assert_true(twice_compare(arena, &one, &other, &difference));
    assert_true(difference.differs);
    assert_false(difference.drifting);
    assert_int_equal(difference.time_ns[0], 2 * ISR_SECOND);
    assert_int_equal(difference.time_ns[1], 2 * ISR_SECOND);
    assert_int_not_equal(difference.hash[0], difference.hash[1]);
    assert_true(difference.records_count[0] > 0 && difference.records_count[1] > 0);
    const char *first = difference.records[0][difference.records_count[0] - 1];
    const char *second = difference.records[1][difference.records_count[1] - 1];
    assert_non_null(strstr(first, "n1"));
    assert_non_null(strstr(second, "n2"));
}

static void differs_from_another_seed_at_once(void **state)
{
    struct run_request one = request_of(5), other = request_of(6);
    struct twice_difference difference;
    (void)state;
    assert_true(twice_compare(arena, &one, &other, &difference));
    assert_true(difference.differs);
    assert_true(difference.event < 100);
}

static void the_most_severe_exit_code_wins(void **state)
{
    (void)state;
    assert_int_equal(runner_worse(0, 0), 0);
    assert_int_equal(runner_worse(0, 6), 6);
    assert_int_equal(runner_worse(6, 1), 1);
    assert_int_equal(runner_worse(3, 1), 3);
    assert_int_equal(runner_worse(2, 3), 2);
    assert_int_equal(runner_worse(2, 4), 4);
    assert_int_equal(runner_worse(5, 4), 5);
}

static void quotes_a_reproducer_for_the_shell(void **state)
{
    struct run_request request = request_of(7);
    char text[200];
    (void)state;
    request.path = "it's a file.isr.yaml";
    request.rules = "trunc=hw";
    runner_reproducer(&request, text, sizeof text);
    assert_string_equal(text, "isrsim run 'it'\\''s a file.isr.yaml' --rules trunc=hw --seed 7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_no_difference_when_the_input_is_the_same),
        cmocka_unit_test(names_the_first_event_that_differs),
        cmocka_unit_test(differs_from_another_seed_at_once),
        cmocka_unit_test(the_most_severe_exit_code_wins),
        cmocka_unit_test(quotes_a_reproducer_for_the_shell),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
