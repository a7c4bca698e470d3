/* A process of its own for jobs that may be its end. It does one after another, on memory that it shares with
 * this process. Where a job ends it, by an assertion or a crash, that is told, what the job wrote by then is
 * there, and the next job gets a new process.
 *
 *   none ──a job──▶ at work ──it is done──▶ waiting ──a job──▶ at work
 *     ▲                │
 *     └────────────────┘ it died
 */
#ifndef HARNESS_APART_H
#define HARNESS_APART_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/heap.h"

struct apart {
    char *memory; /* shared, at the same address in both */
    size_t bytes, used;
    pid_t pid; /* 0: none */
    int fd;
    int64_t died_cpu_ns; /* what those needed that are gone */
};

enum apart_end {
    APART_DONE,
    APART_DIED,   /* in the middle of the job, or before */
    APART_FAILED, /* no process could be started: told on stderr */
};

/* With so many bytes to share. False after an error on stderr. */
bool apart_open(struct apart *apart, size_t bytes);
void apart_close(struct apart *apart);

/* Zeroed memory that both see, until apart_forget. NULL: there is no more. */
void *apart_allocate(struct apart *apart, size_t size_bytes);
/* The same as a heap, which gives nothing back. */
struct isr_heap apart_heap(struct apart *apart);
void apart_forget(struct apart *apart);

/* Has the job done on the object, and waits. What lies outside the shared memory the job finds as it was when
 * its process began, which may be long ago. status: how the process ended (as waitpid says) where it died. */
enum apart_end apart_do(struct apart *apart, void (*job)(void *object), void *object, int *status);

/* Processor time of all its processes. */
int64_t apart_cpu_ns(const struct apart *apart);

/* Waits for a child's end; its status. */
int apart_wait(pid_t child);

#endif
