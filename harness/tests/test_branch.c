#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "harness/branch.h"
#include "harness/tests/arena.h"
#include "harness/tests/support.h"

static struct branch branch;
static struct scenario scenario;

static void assert_interval(uint64_t k, uint64_t n, uint32_t low, uint32_t high)
{
    struct branch_interval interval = branch_interval(k, n);
    assert_int_equal(interval.low, low);
    assert_int_equal(interval.high, high);
}

/* The values are those of the textbook's formula, rounded outwards. */
static void intervals_are_wilsons(void **state)
{
    (void)state;
    assert_interval(0, 1, 0, 794);
    assert_interval(1, 1, 206, 1000);
    assert_interval(0, 10, 0, 278);
    assert_interval(5, 10, 236, 764);
    assert_interval(10, 10, 722, 1000);
    assert_interval(50, 100, 403, 597);
    assert_interval(1, 100, 1, 55);
    assert_interval(100000, 100000, 999, 1000);
    assert_interval(50000, 100000, 496, 504);
}

static void intervals_hold_the_estimate(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 60; n++) {
        for (uint64_t k = 0; k <= n; k++) {
            struct branch_interval interval = branch_interval(k, n), mirrored = branch_interval(n - k, n);
            assert_true(interval.low * n <= 1000 * k && 1000 * k <= interval.high * n);
            assert_int_equal(mirrored.low, 1000 - interval.high);
        }
    }
}

static void ask(const char *text, int64_t at_ns)
{
    read_good(&scenario, text);
    memset(&branch, 0, sizeof branch);
    branch = (struct branch){.spec = &scenario.variants[0].spec,
                             .seed = 1,
                             .first = 1,
                             .last = 6,
                             .points = 3,
                             .at_ns = at_ns,
                             .jobs = 2};
}

static void refuses_a_run_that_holds(void **state)
{
    (void)state;
    ask(HEAD "duration: 4s\nsettle: 2s\n", -1);
    assert_int_equal(branch_run(arena, &branch), BRANCH_HELD);
    scenario_free(&scenario);
}

static void refuses_a_run_that_proves_nothing(void **state)
{
    (void)state;
    ask("cluster: {brokers: 1, controllers: 1, combined: true}\ntopics: {orders: {replication: "
        "1}}\nduration: 1s\n",
        -1);
    assert_int_equal(branch_run(arena, &branch), BRANCH_VACUOUS);
    scenario_free(&scenario);
}

/* KIP-279's divergence: it shows only where n2 is killed before its last writes are done. */
#define COIN                                                                                                 \
    "cluster: {brokers: 3, controllers: 1, combined: false}\n"                                               \
    "config: {broker_session_timeout: 2s, broker_heartbeat_interval: 500ms, replica_lag_time_max: 20s}\n"    \
    "topics:\n"                                                                                              \
    "  orders: {partitions: 1, replication: 3, min_isr: 2, assignment: [[2, 1, 3]]}\n"                       \
    "steps:\n"                                                                                               \
    "  - {when: \"isr of orders-0 is [1, 2, 3]\", isolate: n2}\n"                                            \
    "  - {when: \"leader of orders-0 is n1\", heal: n2}\n"                                                   \
    "  - {when: \"isr of orders-0 is [1, 2, 3]\", produce: {partition: orders-0, records: 10, acks: all}}\n" \
    "  - {when: \"hw of orders-0 on n2 is 10\", cut: {from: n1, to: [n2, n3]}}\n"                            \
    "  - {produce: {partition: orders-0, records: 5, acks: 1}}\n"                                            \
    "  - {when: \"leo of orders-0 on n1 is 15\", cut: {from: [c1, client], to: n1}}\n"                       \
    "  - {cut: {from: n2, to: n3}}\n"                                                                        \
    "  - {elect: {partition: orders-0, kind: preferred}}\n"                                                  \
    "  - {when: \"leader of orders-0 is n2\", produce: {partition: orders-0, records: 5, acks: 1}}\n"        \
    "  - {when: \"leo of orders-0 on n2 is 15\", kill: n2}\n"                                                \
    "  - {when: \"leader of orders-0 is n1\", heal: all}\n"                                                  \
    "  - {produce: {partition: orders-0, records: 5, acks: 1}}\n"                                            \
    "  - {when: \"leo of orders-0 on n1 is 20\", start: n2}\n"                                               \
    "unchecked: I1\n"                                                                                        \
    "duration: 60s\n"                                                                                        \
    "settle: 15s\n"                                                                                          \
    "rules: {ofle_reply: offset_only}\n"

static void finds_where_chance_decides(void **state)
{
    (void)state;
    ask(COIN, -1);
    branch.last = 30;
    assert_int_equal(branch_run(arena, &branch), BRANCH_DONE);
    assert_true(branch.count > 3);
    assert_int_equal(branch.branches, 30 * branch.count);
    assert_int_equal(branch.moments[0].event, 0);
    assert_int_equal(branch.moments[branch.count - 1].event, branch.failed.counters.events - 1);
    for (unsigned i = 0; i < branch.count; i++)
        assert_int_equal(branch.moments[i].runs, 30);
    assert_true(branch_is_clear(&branch));
    const struct branch_moment *from = &branch.moments[branch.decisive];
    assert_int_equal(from[1].event, from->event + 1);
    assert_int_equal(from[1].same, 30);
    assert_true(from->same < 25);
    assert_non_null(strstr(branch.story[0], "n2 killed"));
    scenario_free(&scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_are_wilsons),      cmocka_unit_test(intervals_hold_the_estimate),
        cmocka_unit_test(refuses_a_run_that_holds),   cmocka_unit_test(refuses_a_run_that_proves_nothing),
        cmocka_unit_test(finds_where_chance_decides),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
