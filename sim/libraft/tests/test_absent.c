/* A build without the library: what stands in its place. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sim/libraft/absent/absent.c"

static void says_that_there_is_none(void **state)
{
    (void)state;
    assert_false(sim_libraft_available());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_that_there_is_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
