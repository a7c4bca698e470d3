/* isrsim bench: how fast worlds run. One thread, all checks on unless said; figures per second of CPU time,
 * the median of several runs. Cases: a  3 nodes that are brokers and controllers, one partition RF 3, 100
 * records/s b  5 brokers, 50 partitions RF 3, 1,000 records/s c  as b under continuous faults d  100 brokers,
 * 1,000 partitions RF 3, 1,000 records/s e  the bare event loop with a trivial handler */
#ifndef HARNESS_BENCH_H
#define HARNESS_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/base/arena.h"

struct bench_result {
    const char *name;
    const char *what;
    double events_per_s;
    double messages_per_s;
    double virtual_per_s; /* virtual seconds a CPU second; 0: has none */
    double peak_bytes;    /* of the arena */
    double checks_share;  /* of the CPU time, 0..1 */
    double set_up_us;     /* starting and finishing a world without running it */
    /* in the middle of the run; 0: has none */
    double take_us, restore_us; /* a checkpoint */
    double copied_bytes;        /* of it */
    uint64_t records_committed;
    uint64_t hash; /* of the run: equal on every machine */
};

enum { BENCH_CASES = 5 };

/* Runs the cases whose letter is in `which` ("abcde" for all); returns how many results were filled. quick:
 * fewer and shorter runs, for tests that only want to see it work. */
unsigned bench_run(struct arena *arena, const char *which, bool quick,
                   struct bench_result results[BENCH_CASES]);
void bench_print_table(FILE *out, const struct bench_result *results, unsigned count);
void bench_print_json(FILE *out, const struct bench_result *results, unsigned count);

#endif
