/* isrsim bench, case f: what each commit policy costs, in virtual time: how long a write waits and how many
 * get through, without a fault, with a slow follower, a dead follower, and a leader that dies. The same
 * figures on every machine. */
#ifndef HARNESS_BENCH_POLICIES_H
#define HARNESS_BENCH_POLICIES_H

#include <stdbool.h>
#include <stdio.h>

#include "sim/base/arena.h"

/* Runs all and prints a table, or one JSON object a line. quick: shorter runs, to see that it works. */
void bench_policies(struct arena *arena, bool quick, bool json, FILE *out);

#endif
