/* What may be taken, by policy; and that over budget there is always some. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "faults/budget.h"

/* Three brokers, separate controllers, a topic of three replicas and min ISR 2: one may lose what it has. */
static struct fault_plan *plan_new(void)
{
    struct fault_plan *plan = calloc(1, sizeof *plan);
    assert_non_null(plan);
    plan->spec = sim_spec_default();
    plan->spec.combined = false;
    plan->spec.topics = plan->topics;
    plan->spec.topics_count = 1;
    plan->topics[0].settings = isr_topic_settings_of_min_isr(2);
    plan->topics[0].replication_factor = 3;
    return plan;
}

static void gives_one_lossy_crash_when_min_isr_is_two(void **state)
{
    (void)state;
    struct fault_plan *plan = plan_new();
    struct fault_budget budget = fault_budget_of(plan);
    assert_true(fault_budget_take(&budget, plan, FAULT_BUDGET_POWER, 1));
    assert_false(fault_budget_take(&budget, plan, FAULT_BUDGET_POWER, 2));
    assert_false(fault_budget_take(&budget, plan, FAULT_BUDGET_DISK, 2)); /* that is a lossy crash too */
    assert_true(fault_budget_take(&budget, plan, FAULT_BUDGET_POWER, 4)); /* a controller, which syncs */
    assert_true(fault_budget_take(&budget, plan, FAULT_BUDGET_NONE, 2));
    free(plan);
}

static void gives_power_losses_without_end_when_everything_is_synced(void **state)
{
    (void)state;
    struct fault_plan *plan = plan_new();
    plan->spec.config.log_flush_messages = 1;
    struct fault_budget budget = fault_budget_of(plan);
    for (int i = 0; i < 100; i++)
        assert_true(fault_budget_take(&budget, plan, FAULT_BUDGET_POWER, 1));
    assert_true(fault_budget_take(&budget, plan, FAULT_BUDGET_DISK, 1));
    assert_false(fault_budget_take(&budget, plan, FAULT_BUDGET_DISK, 2)); /* what is synced is lost, too */
    free(plan);
}

static void gives_as_little_as_the_weakest_topic_promises(void **state)
{
    (void)state;
    struct fault_plan *plan = plan_new();
    plan->spec.topics_count = 2;
    plan->topics[1] = plan->topics[0];
    plan->topics[1].settings.min_isr = 1;
    struct fault_budget budget = fault_budget_of(plan);
    assert_false(fault_budget_take(&budget, plan, FAULT_BUDGET_POWER, 1));
    free(plan);
}

static void gives_each_stand_in_once_and_one_deletion(void **state)
{
    (void)state;
    struct fault_plan *plan = plan_new();
    plan->spec.standby_controllers = 1;
    struct fault_budget budget = fault_budget_of(plan);
    assert_true(fault_budget_take(&budget, plan, FAULT_BUDGET_VOTERS, 4));
    assert_false(fault_budget_take(&budget, plan, FAULT_BUDGET_VOTERS, 5));
    assert_true(fault_budget_take(&budget, plan, FAULT_BUDGET_TOPIC, ISR_NODE_NONE));
    assert_false(fault_budget_take(&budget, plan, FAULT_BUDGET_TOPIC, ISR_NODE_NONE));
    assert_true(fault_budget_take(&budget, plan, FAULT_BUDGET_PROMISE, ISR_NODE_NONE));
    free(plan);
}

static void gives_on_when_over_budget_but_no_voters(void **state)
{
    (void)state;
    struct fault_plan *plan = plan_new();
    plan->over_budget = true;
    struct fault_budget budget = fault_budget_of(plan);
    for (int i = 0; i < 10; i++) {
        assert_true(fault_budget_take(&budget, plan, FAULT_BUDGET_POWER, 1));
        assert_true(fault_budget_take(&budget, plan, FAULT_BUDGET_DISK, 1));
    }
    assert_false(fault_budget_take(&budget, plan, FAULT_BUDGET_VOTERS, 4));
    free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_one_lossy_crash_when_min_isr_is_two),
        cmocka_unit_test(gives_power_losses_without_end_when_everything_is_synced),
        cmocka_unit_test(gives_as_little_as_the_weakest_topic_promises),
        cmocka_unit_test(gives_each_stand_in_once_and_one_deletion),
        cmocka_unit_test(gives_on_when_over_budget_but_no_voters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
