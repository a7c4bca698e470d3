/* I10: fires on an answer behind the gap and on one beyond the lease; counts what refresh and lease allow. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sim/checks/state.h"
#include "sim/checks/tests/fake.h"

/* Twenty records are committed; the gap is 5, the refresh due after a second, the lease ten. */
static void pooled(struct fake *fake)
{
    fake_init(fake);
    fake->checks->view.pool_min_gap = 5;
    fake->checks->view.pool_refresh_ns = ISR_SECOND;
    fake->checks->view.pool_lease_ns = 10 * ISR_SECOND;
    fake_append(fake, 1, 20);
    fake_fetch(fake, 2, 1);
    fake_fetch(fake, 3, 1);
    fake_advance(fake, 1, 20);
}

static void refreshed(struct fake *fake, int64_t list, int64_t high_watermark)
{
    FAKE_TELL(fake, FAKE_CLIENT, POOL_REFRESHED, pool_refreshed, .tp = FAKE_KEY, .leader = 1, .members = 2,
              .high_watermark = high_watermark, .list = list);
}

static void answered(struct fake *fake, int64_t high_watermark, bool by_list, int64_t age_ns)
{
    FAKE_TELL(fake, FAKE_CLIENT, POOL_READ, pool_read, .tp = FAKE_KEY, .replica = 2,
              .high_watermark = high_watermark, .by_list = by_list, .age = age_ns, .list = 1);
}

/* Nobody is on the list yet. */
static void refreshed_of_nobody(struct fake *fake)
{
    FAKE_TELL(fake, FAKE_CLIENT, POOL_REFRESHED, pool_refreshed, .tp = FAKE_KEY, .leader = 1, .members = 0,
              .high_watermark = 20, .list = 1);
}

static void fires_i10_when_an_answer_is_behind_the_gap(void **state)
{
    (void)state;
    struct fake fake;
    pooled(&fake);
    refreshed(&fake, 1, 20);
    answered(&fake, 15, true, 0);
    refreshed(&fake, 1, 18); /* the client began anew */
    refreshed(&fake, 2, 20); /* not yet known when the follower was chosen */
    answered(&fake, 13, true, 0);
    FAKE_HOLDS(&fake);
    refreshed(&fake, 1, 20);
    answered(&fake, 14, true, 0);
    FAKE_FAILS(&fake, I10, "was answered by n2 up to offset 14, although 20 was committed");
    fake_free(&fake);
}

static void fires_i10_when_the_list_is_older_than_its_lease(void **state)
{
    (void)state;
    struct fake fake;
    pooled(&fake);
    refreshed(&fake, 1, 20);
    answered(&fake, 20, true, 10 * ISR_SECOND);
    FAKE_HOLDS(&fake);
    answered(&fake, 20, true, 10 * ISR_SECOND + 1);
    FAKE_FAILS(&fake, I10, "beyond its lease");
    fake_free(&fake);
}

static void holds_i10_when_the_answer_is_old_only_by_what_came_since(void **state)
{
    (void)state;
    struct fake fake;
    pooled(&fake);
    refreshed(&fake, 1, 8);
    answered(&fake, 8, true, 2 * ISR_SECOND);
    answered(&fake, 1, false, 0); /* promised nothing */
    FAKE_HOLDS(&fake);
    struct sim_checks_report report;
    sim_checks_report(fake.checks, &report);
    assert_int_equal(report.pool_reads, 2);
    assert_int_equal(report.pool_reads_stale, 2);
    assert_int_equal(report.pool_reads_leased, 1);
    assert_int_equal(report.pool_most_behind, 19);
    assert_int_equal(report.evaluated[SIM_INVARIANT_I10], 1);
    fake_free(&fake);
}

static void is_vacuous_when_no_pool_was_answered(void **state)
{
    (void)state;
    struct fake fake;
    pooled(&fake);
    fake.checks->view.pools = true;
    refreshed(&fake, 1, 20);
    for (int i = 0; i < 5; i++)
        answered(&fake, 20, false, 0);
    sim_checks_end(fake.checks);
    struct sim_checks_report report;
    sim_checks_report(fake.checks, &report);
    assert_non_null(report.vacuous);
    fake_free(&fake);
}

static void is_not_vacuous_when_leaders_were_asked_before_a_follower_was_on_the_list(void **state)
{
    (void)state;
    struct fake fake;
    pooled(&fake);
    fake.checks->view.pools = true;
    refreshed_of_nobody(&fake);
    refreshed(&fake, 2, 20);
    for (int i = 0; i < 9; i++)
        answered(&fake, 20, false, 0);
    sim_checks_end(fake.checks);
    assert_int_equal(fake.checks->pool.passed_over, 0);
    fake_free(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_i10_when_an_answer_is_behind_the_gap),
        cmocka_unit_test(fires_i10_when_the_list_is_older_than_its_lease),
        cmocka_unit_test(holds_i10_when_the_answer_is_old_only_by_what_came_since),
        cmocka_unit_test(is_vacuous_when_no_pool_was_answered),
        cmocka_unit_test(is_not_vacuous_when_leaders_were_asked_before_a_follower_was_on_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
