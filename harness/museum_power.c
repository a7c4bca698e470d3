#include "harness/museum_power.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/checks/checks.h"

static int compare_values(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* How many of the smallest and of the largest values of n lie outside the interval. */
static uint32_t values_outside(uint32_t n)
{
    double chance = ldexp(1.0, -(int)n), sum = chance; /* of 0 heads */
    uint32_t outside = 0;
    while (sum <= 0.025 && outside < n / 2) {
        outside++;
        chance = chance * (n - outside + 1) / outside;
        sum += chance;
    }
    return outside;
}

static struct museum_quantity quantity_of(double *values, uint32_t count)
{
    qsort(values, count, sizeof *values, compare_values);
    uint32_t outside = values_outside(count);
    uint32_t low = outside > 0 ? outside - 1 : 0;
    double median = (values[(count - 1) / 2] + values[count / 2]) / 2;
    return (struct museum_quantity){.median = median, .low = values[low], .high = values[count - 1 - low]};
}

struct museum_power museum_power_of(const struct museum_cell *cells, uint32_t count)
{
    struct museum_power power = {.bases = count};
    double seeds[MUSEUM_BASES_MAX], cpu_seconds[MUSEUM_BASES_MAX];
    for (uint32_t i = 0; i < count; i++) {
        const struct museum_cell *cell = &cells[i];
        power.found += cell->found;
        power.crashed += cell->crashed;
        power.harmed += cell->found && cell->correct != SIM_VERDICT_HELD;
        power.invariants |= cell->found ? UINT32_C(1) << cell->invariant : 0;
        seeds[i] = cell->found ? (double)cell->seeds : INFINITY;
        cpu_seconds[i] = cell->found ? (double)cell->cpu_ns / 1e9 : INFINITY;
    }
    power.seeds = quantity_of(seeds, count);
    power.cpu_seconds = quantity_of(cpu_seconds, count);
    return power;
}

static void print_value(double value, int digits, char *text, size_t size)
{
    if (isinf(value))
        snprintf(text, size, "never");
    else
        snprintf(text, size, "%.*f", digits, value);
}

void museum_print_quantity(const struct museum_quantity *quantity, int digits, char *text, size_t size)
{
    char median[32], low[32], high[32];
    print_value(quantity->median, digits, median, sizeof median);
    print_value(quantity->low, digits, low, sizeof low);
    print_value(quantity->high, digits, high, sizeof high);
    snprintf(text, size, "%s (%s-%s)", median, low, high);
}

void museum_print_invariants(uint32_t invariants, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < SIM_INVARIANTS; i++) {
        if ((invariants >> i & 1) != 0 && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "",
                                     sim_invariant_name(i));
    }
}
