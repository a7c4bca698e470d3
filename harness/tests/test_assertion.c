#define _POSIX_C_SOURCE 200809L

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/assert.h"
#include "harness/assertion.h"
#include "harness/runner.h"
#include "harness/tests/support.h"

/* Fails an assertion in the middle of a run, in a child; what it said on standard error and output into
 * `said`. */
static int fail_in_a_child(const char *remove, char *said, size_t size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        dup2(ends[1], STDOUT_FILENO);
        struct scenario scenario;
        struct diagnostics diagnostics;
        struct arena *arena = runner_arena();
        if (arena == NULL || !read_text(&scenario, &diagnostics, HEAD))
            _exit(99);
        struct run_request request = {.program = "isrsim",
                                      .path = "test.isr.yaml",
                                      .variant = &scenario.variants[0],
                                      .spec = &scenario.base,
                                      .seed = 42};
        struct sim_world *world = runner_world(arena, &request);
        for (int i = 0; i < 100; i++)
            sim_world_step(world);
        assertion_watch(&request, world);
        assertion_print_json(true);
        assertion_remove(remove);
        ISR_ASSERT(world == NULL);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t got = 1; got > 0 && used + 1 < size; used += (size_t)got)
        got = read(ends[0], said + used, size - used - 1);
    said[used] = '\0';
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void tells_which_run_it_was_and_ends_with_4(void **state)
{
    char path[] = "/tmp/test_assertion.XXXXXX", said[4096];
    (void)state;
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    assert_int_equal(fail_in_a_child(path, said, sizeof said), 4);
    assert_non_null(strstr(said, "assertion of the engine failed: world == NULL"));
    assert_non_null(strstr(said, "scenario: test.isr.yaml, variant default"));
    assert_non_null(strstr(said, "seed: 42"));
    assert_non_null(strstr(said, "reproduce with: isrsim run test.isr.yaml --seed 42"));
    assert_non_null(strstr(said, "\"verdict\": \"error\""));
    assert_int_equal(access(path, F_OK), -1); /* nothing half-written is left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tells_which_run_it_was_and_ends_with_4)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
