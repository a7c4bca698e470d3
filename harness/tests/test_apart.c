#define _XOPEN_SOURCE 700

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/types.h"
#include "harness/apart.h"

enum { BYTES = 1 << 16 };

static struct apart apart;

static int set_up(void **state)
{
    (void)state;
    return apart_open(&apart, BYTES) ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    apart_close(&apart);
    return 0;
}

struct sum {
    pid_t pid;
    int64_t first, second, result;
    int *outside;
};

static void add(void *object)
{
    struct sum *sum = object;
    sum->pid = getpid();
    sum->result = sum->first + sum->second;
}

static struct sum *sum_new(int64_t first, int64_t second)
{
    struct sum *sum = apart_allocate(&apart, sizeof *sum);
    sum->first = first;
    sum->second = second;
    return sum;
}

static void does_jobs_in_one_other_process(void **state)
{
    int status = -1;
    (void)state;
    struct sum *one = sum_new(2, 3), *other = sum_new(20, 30);
    assert_int_equal(apart_do(&apart, add, one, &status), APART_DONE);
    assert_int_equal(apart_do(&apart, add, other, &status), APART_DONE);
    assert_int_equal(one->result, 5);
    assert_int_equal(other->result, 50);
    assert_int_not_equal(one->pid, getpid());
    assert_int_equal(one->pid, other->pid);
    assert_int_equal(status, -1);
}

static void change_outside(void *object)
{
    struct sum *sum = object;
    sum->result = ++*sum->outside;
}

static void shares_nothing_but_its_memory(void **state)
{
    int status, outside = 6;
    (void)state;
    struct sum *sum = sum_new(0, 0);
    sum->outside = &outside;
    assert_int_equal(apart_do(&apart, change_outside, sum, &status), APART_DONE);
    assert_int_equal(sum->result, 7);
    assert_int_equal(outside, 6);
}

static void die(void *object)
{
    add(object);
    raise(SIGKILL);
}

static void leave(void *object)
{
    add(object);
    _exit(3);
}

static void tells_how_a_process_ended_and_goes_on_with_another(void **state)
{
    int status;
    (void)state;
    struct sum *one = sum_new(2, 3), *other = sum_new(4, 5), *third = sum_new(6, 7);
    assert_int_equal(apart_do(&apart, die, one, &status), APART_DIED);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(one->result, 5); /* written before it died */
    assert_int_equal(apart_do(&apart, leave, other, &status), APART_DIED);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    assert_int_equal(apart_do(&apart, add, third, &status), APART_DONE);
    assert_int_equal(third->result, 13);
    assert_int_not_equal(one->pid, other->pid);
}

static void goes_on_when_its_process_died_between_jobs(void **state)
{
    int status;
    (void)state;
    struct sum *one = sum_new(2, 3);
    assert_int_equal(apart_do(&apart, add, one, &status), APART_DONE);
    kill(one->pid, SIGKILL);
    siginfo_t ended;
    waitid(P_PID, (id_t)one->pid, &ended, WEXITED | WNOWAIT);
    assert_int_equal(apart_do(&apart, add, one, &status), APART_DIED);
    assert_int_equal(apart_do(&apart, add, one, &status), APART_DONE);
}

static void hands_out_zeroed_memory_until_there_is_none(void **state)
{
    (void)state;
    char *first = apart_allocate(&apart, 100);
    memset(first, 1, 100);
    assert_non_null(apart_allocate(&apart, BYTES - 112));
    assert_null(apart_allocate(&apart, 1));
    assert_null(apart_allocate(&apart, SIZE_MAX));
    apart_forget(&apart);
    struct isr_heap heap = apart_heap(&apart);
    char *again = isr_heap_allocate(&heap, 100);
    assert_ptr_equal(again, first);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(again[i], 0);
    isr_heap_release(&heap, again);
}

static void work(void *object)
{
    enum { WORK_MS = 30 };
    struct timespec now;
    (void)object;
    do
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    while (now.tv_sec == 0 && now.tv_nsec < WORK_MS * 1000000);
}

static void work_and_die(void *object)
{
    work(object);
    _exit(1);
}

static void counts_the_time_of_its_processes(void **state)
{
    int status;
    (void)state;
    assert_int_equal(apart_cpu_ns(&apart), 0);
    assert_int_equal(apart_do(&apart, work_and_die, NULL, &status), APART_DIED);
    int64_t one_ns = apart_cpu_ns(&apart);
    assert_true(one_ns >= 20 * ISR_MS); /* what a process did is counted in ticks */
    assert_int_equal(apart_do(&apart, work, NULL, &status), APART_DONE);
    assert_true(apart_cpu_ns(&apart) >= one_ns + 20 * ISR_MS);
}

static void cannot_share_more_than_there_is(void **state)
{
    struct apart huge;
    (void)state;
    assert_false(apart_open(&huge, SIZE_MAX / 2));
    apart_close(&huge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(does_jobs_in_one_other_process, set_up, tear_down),
        cmocka_unit_test_setup_teardown(shares_nothing_but_its_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_how_a_process_ended_and_goes_on_with_another, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(goes_on_when_its_process_died_between_jobs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hands_out_zeroed_memory_until_there_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counts_the_time_of_its_processes, set_up, tear_down),
        cmocka_unit_test(cannot_share_more_than_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
