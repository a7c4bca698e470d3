/* isrsim bench, case g: how fast a hunt through random scenarios is, with one worker and with two: the
 * default profile, all checks, the generator's own durations. */
#ifndef HARNESS_BENCH_FUZZ_H
#define HARNESS_BENCH_FUZZ_H

#include <stdbool.h>
#include <stdio.h>

/* Runs both and prints a table, or a JSON object for each. quick: a few seeds, to see that it works. False
 * after an error on stderr. */
bool bench_fuzz(bool quick, bool json, FILE *out);

#endif
