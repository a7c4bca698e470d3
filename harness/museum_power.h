/* How well random search finds the exhibits: the cells of one exhibit and one strategy, summed up. */
#ifndef HARNESS_MUSEUM_POWER_H
#define HARNESS_MUSEUM_POWER_H

#include "harness/museum_search.h"

/* The median with a confidence interval of at least 95 %, by order statistics: with n bases it lies between
 * the l-th smallest and the l-th largest value, where less than l of n heads come with at most 2.5 %. A
 * search that found nothing counts as infinite. */
struct museum_quantity {
    double median, low, high; /* INFINITY: beyond the budget */
};

struct museum_power {
    uint32_t bases, found;
    struct museum_quantity seeds, cpu_seconds;
    uint32_t crashed;    /* seeds */
    uint32_t harmed;     /* bases under whose seed the correct rules broke too */
    uint32_t invariants; /* that broke: bits */
};

/* Sums up count cells of one exhibit and one strategy. */
struct museum_power museum_power_of(const struct museum_cell *cells, uint32_t count);
/* "12 (5-40)"; ">2000" where the median lies beyond. digits: behind the point. */
void museum_print_quantity(const struct museum_quantity *quantity, int digits, char *text, size_t size);
/* "I1, I3" */
void museum_print_invariants(uint32_t invariants, char *text, size_t size);

#endif
