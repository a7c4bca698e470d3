/* isrsim bench, case h: how long it takes to make three exhibits of the museum small, each from the first
 * seed of its profile that shows its wrong rule. The same figures on every machine, but for the time. */
#ifndef HARNESS_BENCH_SHRINK_H
#define HARNESS_BENCH_SHRINK_H

#include <stdbool.h>
#include <stdio.h>

#include "sim/base/arena.h"

/* Shrinks all three and prints a table, or a JSON object for each. quick: the first one alone, and not to the
 * end, to see that it works. False after an error on stderr. */
bool bench_shrink(struct arena *arena, bool quick, bool json, FILE *out);

#endif
