#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "harness/selftest.h"
#include "harness/tests/arena.h"

#ifdef __OPTIMIZE__
enum { SEEDS = 16 };
#else
enum { SEEDS = 3 };
#endif

static struct selftest_checkpoints test;

static int tear_down(void **state)
{
    selftest_checkpoints_free(&test);
    return close_arena(state);
}

/* `isrsim selftest checkpoints` does the same for a thousand. */
static void checkpoints_are_exact_in_random_runs(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        if (!selftest_checkpoints_seed(&test, arena, seed))
            fail_msg("seed %u: %s", (unsigned)seed, test.message);
    }
    assert_int_equal(test.seeds, SEEDS);
    assert_int_equal(test.restored, 5 * SEEDS);
}

static void tells_where_the_bytes_differ(void **state)
{
    (void)state;
    uint64_t where;
    struct sim_world *world = sim_checkpoint_restore(&test.moments[0]);
    assert_true(sim_checkpoint_equals(&test.moments[0], &where));
    world->counters.events++;
    assert_false(sim_checkpoint_equals(&test.moments[0], &where));
    uint64_t place = (uint64_t)((uint8_t *)&world->counters.events - (uint8_t *)arena);
    assert_int_equal(where, place / 8 * 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkpoints_are_exact_in_random_runs),
        cmocka_unit_test(tells_where_the_bytes_differ),
    };
    return cmocka_run_group_tests(tests, open_arena, tear_down);
}
