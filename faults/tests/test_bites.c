/* Which faults of a generated run bit, and the lists of kinds. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "faults/bites.h"
#include "faults/generate.h"
#include "sim/tests/support.h"

static struct fault_bites run(struct sim_spec *spec)
{
    struct fault_bites bites;
    struct sim_world *world = sim_world_new(test_arena(), spec, spec->seed);
    while (sim_world_step(world))
        continue;
    fault_bites_of(world, &bites);
    return bites;
}

static struct sim_step step(int64_t time_ns, enum sim_action_kind kind, int32_t node, uint16_t mark)
{
    struct sim_step step = {
        .gate = SIM_GATE_AT, .time_ns = time_ns, .at_latest_ns = ISR_TIME_NEVER, .mark = mark};
    step.action.kind = kind;
    step.action.partition = -1;
    sim_node_set_add(&step.action.nodes, node);
    return step;
}

static void counts_a_fault_of_several_steps_once_and_those_in_vain_not_at_all(void **state)
{
    (void)state;
    struct sim_step steps[] = {
        step(ISR_SECOND, SIM_ACTION_KILL, 1, fault_mark(FAULT_RESTART_STORM, 0)),
        step(2 * ISR_SECOND, SIM_ACTION_KILL, 2, fault_mark(FAULT_RESTART_STORM, 0)),
        step(2 * ISR_SECOND, SIM_ACTION_KILL, 2, fault_mark(FAULT_KILL, 1)), /* it is dead */
        step(3 * ISR_SECOND, SIM_ACTION_START, 2, 0),
        step(4 * ISR_SECOND, SIM_ACTION_PAUSE, 3, fault_mark(FAULT_PAUSE, 2)),
        step(60 * ISR_SECOND, SIM_ACTION_KILL, 3, fault_mark(FAULT_KILL, 3)), /* behind the end */
    };
    struct sim_spec spec = sim_spec_default();
    spec.steps = steps;
    spec.steps_count = sizeof steps / sizeof steps[0];
    spec.duration_ns = 6 * ISR_SECOND;
    struct fault_bites bites = run(&spec);
    assert_int_equal(bites.drawn[FAULT_RESTART_STORM], 1);
    assert_int_equal(bites.bit[FAULT_RESTART_STORM], 1);
    assert_int_equal(bites.drawn[FAULT_KILL], 1);
    assert_int_equal(bites.bit[FAULT_KILL], 0);
    assert_int_equal(bites.bit[FAULT_PAUSE], 1);
}

/* Who is told that a fault bit must be able to believe it: never more than were drawn. */
static void finds_most_kinds_biting_in_a_few_random_runs(void **state)
{
    (void)state;
    struct fault_plan *plan = malloc(sizeof *plan);
    uint32_t bit[FAULT_KINDS] = {0}, kinds = 0;
    assert_non_null(plan);
    for (uint64_t seed = 1; seed <= 60; seed++) {
        fault_generate(plan, &(struct fault_request){.profile = FAULT_PROFILE_OVER_BUDGET, .seed = seed});
        struct fault_bites bites = run(&plan->spec);
        for (unsigned kind = 0; kind < FAULT_KINDS; kind++) {
            assert_true(bites.bit[kind] <= bites.drawn[kind]);
            assert_true(bites.drawn[kind] == 0 || (plan->kinds >> kind & 1) || kind == FAULT_KILL ||
                        kind == FAULT_CUT);
            bit[kind] += bites.bit[kind];
        }
    }
    for (unsigned kind = 0; kind < FAULT_KINDS; kind++)
        kinds += bit[kind] > 0;
    assert_in_range(kinds, FAULT_KINDS * 2 / 3, FAULT_KINDS);
    free(plan);
}

static void draws_parameters_within_their_bounds(void **state)
{
    (void)state;
    struct fault_draws draws = {.key = 7};
    for (unsigned i = 0; i < FAULT_PARAMETERS; i++) {
        const struct fault_parameter_info *info = fault_parameter_info((enum fault_parameter)i);
        assert_true(info->least < info->most && info->kind < FAULT_KINDS && info->unit > 0);
        for (int j = 0; j < 100; j++) {
            int64_t value = fault_parameter(&draws, (enum fault_parameter)i);
            assert_true(value >= info->least * info->unit && value <= info->most * info->unit);
        }
    }
}

static void names_kinds_and_budgets(void **state)
{
    (void)state;
    assert_string_equal(fault_kind_info(FAULT_BRIDGE)->name, "bridge");
    assert_string_equal(fault_kind_info(FAULT_WIPE)->counter, "wipes");
    assert_int_equal(fault_kind_info(FAULT_WIPE)->budget, FAULT_BUDGET_DISK);
    assert_string_equal(fault_budget_info(FAULT_BUDGET_POWER)->name, "power");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_a_fault_of_several_steps_once_and_those_in_vain_not_at_all),
        cmocka_unit_test(finds_most_kinds_biting_in_a_few_random_runs),
        cmocka_unit_test(draws_parameters_within_their_bounds),
        cmocka_unit_test(names_kinds_and_budgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
