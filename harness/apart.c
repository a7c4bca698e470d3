#define _GNU_SOURCE /* anonymous memory */
#include "harness/apart.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/types.h"
#include "harness/pipe.h"

enum { ALIGNMENT = 16 };

struct order {
    void (*job)(void *object);
    void *object;
};

/* ---- memory ---- */

bool apart_open(struct apart *apart, size_t bytes)
{
    void *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    *apart = (struct apart){.bytes = bytes};
    if (memory == MAP_FAILED) {
        perror("isrsim: memory for a process for runs");
        return false;
    }
    apart->memory = memory;
    return true;
}

void *apart_allocate(struct apart *apart, size_t size_bytes)
{
    if (size_bytes > apart->bytes - apart->used)
        return NULL;
    void *block = apart->memory + apart->used;
    size_t rounded = (size_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT, rest = apart->bytes - apart->used;
    apart->used += rounded < rest ? rounded : rest;
    return memset(block, 0, size_bytes);
}

static void *allocate(void *owner, size_t size_bytes)
{
    return apart_allocate(owner, size_bytes);
}

static void keep(void *owner, void *block)
{
    (void)owner;
    (void)block;
}

struct isr_heap apart_heap(struct apart *apart)
{
    return (struct isr_heap){.allocate = allocate, .release = keep, .owner = apart};
}

void apart_forget(struct apart *apart)
{
    apart->used = 0;
}

/* ---- the process ---- */

static _Noreturn void work(int fd)
{
    struct order order;
    char done = 1;
    while (pipe_read(fd, &order, sizeof order)) {
        order.job(order.object);
        if (!pipe_write(fd, &done, sizeof done))
            break;
    }
    _exit(0);
}

static bool start(struct apart *apart)
{
    int ends[2];
    fflush(NULL);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
        perror("isrsim: a process for runs");
        return false;
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        work(ends[1]);
    }
    close(ends[1]);
    if (pid < 0) {
        perror("isrsim: a process for runs");
        close(ends[0]);
        return false;
    }
    apart->pid = pid;
    apart->fd = ends[0];
    return true;
}

int apart_wait(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

static int64_t time_ns(struct timeval time)
{
    return (int64_t)time.tv_sec * ISR_SECOND + (int64_t)time.tv_usec * 1000;
}

/* Of all children that have been waited for. */
static int64_t buried_cpu_ns(void)
{
    struct rusage used;
    getrusage(RUSAGE_CHILDREN, &used);
    return time_ns(used.ru_utime) + time_ns(used.ru_stime);
}

static int bury(struct apart *apart)
{
    close(apart->fd);
    apart->died_cpu_ns -= buried_cpu_ns();
    int status = apart_wait(apart->pid);
    apart->died_cpu_ns += buried_cpu_ns();
    apart->pid = 0;
    return status;
}

enum apart_end apart_do(struct apart *apart, void (*job)(void *object), void *object, int *status)
{
    const struct order order = {job, object};
    char done;
    if (apart->pid == 0 && !start(apart))
        return APART_FAILED;
    bool asked = send(apart->fd, &order, sizeof order, MSG_NOSIGNAL) == (ssize_t)sizeof order;
    if (asked && pipe_read(apart->fd, &done, sizeof done))
        return APART_DONE;
    *status = bury(apart);
    return APART_DIED;
}

int64_t apart_cpu_ns(const struct apart *apart)
{
    clockid_t clock;
    struct timespec now = {.tv_sec = 0};
    if (apart->pid != 0 && clock_getcpuclockid(apart->pid, &clock) == 0)
        clock_gettime(clock, &now);
    return apart->died_cpu_ns + (int64_t)now.tv_sec * ISR_SECOND + now.tv_nsec;
}

void apart_close(struct apart *apart)
{
    if (apart->pid != 0)
        bury(apart);
    if (apart->memory != NULL)
        munmap(apart->memory, apart->bytes);
    apart->memory = NULL;
}
