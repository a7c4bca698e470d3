#include "harness/coverage.h"

#include <stdlib.h>
#include <string.h>

/* What a worker tells of a run. */
struct packed {
    struct sim_coverage_map map;
    uint32_t tuples_count, unused;
    uint64_t tuples[];
};

static _Noreturn void exhausted(void)
{
    fputs("isrsim: out of memory\n", stderr);
    exit(1);
}

void coverage_free(struct coverage *coverage)
{
    free(coverage->tuples);
    free(coverage->hits);
    free(coverage->news);
    *coverage = (struct coverage){.runs = 0};
}

/* ---- in a worker ---- */

void coverage_watch(void *object, struct sim_world *world)
{
    (void)object;
    sim_coverage_begin(world);
}

void *coverage_pack(void *object, const struct sim_world *world, uint32_t *bytes)
{
    static struct packed *packed; /* of this process */
    (void)object;
    *bytes = 0;
    if (packed == NULL)
        packed = malloc(sizeof *packed + SIM_TUPLES_MAX * sizeof packed->tuples[0]);
    if (packed == NULL || world->coverage == NULL)
        return NULL;
    packed->map = *sim_coverage_map(world->coverage);
    packed->unused = 0;
    packed->tuples_count = sim_coverage_tuples(world->coverage, packed->tuples);
    *bytes = (uint32_t)(sizeof *packed + packed->tuples_count * sizeof packed->tuples[0]);
    return packed;
}

/* ---- uniting ---- */

/* The tuple's slot, or the free one where it belongs. */
static uint64_t slot_of(const uint64_t *slots, uint64_t slots_count, uint64_t tuple)
{
    uint64_t slot = (tuple >> 20) % slots_count;
    while (slots[slot] != 0 && slots[slot] != tuple)
        slot = (slot + 1) % slots_count;
    return slot;
}

static void grow_tuples(struct coverage *coverage)
{
    enum { SLOTS_FIRST = 1 << 15 };
    uint64_t count = coverage->tuples_slots == 0 ? SLOTS_FIRST : 2 * coverage->tuples_slots;
    uint64_t *slots = calloc(count, sizeof *slots);
    uint32_t *hits = coverage->counted ? calloc(count, sizeof *hits) : NULL;
    if (slots == NULL || (coverage->counted && hits == NULL))
        exhausted();
    for (uint64_t i = 0; i < coverage->tuples_slots; i++) {
        if (coverage->tuples[i] == 0)
            continue;
        uint64_t slot = slot_of(slots, count, coverage->tuples[i]);
        slots[slot] = coverage->tuples[i];
        if (hits != NULL)
            hits[slot] = coverage->hits[i];
    }
    free(coverage->tuples);
    free(coverage->hits);
    coverage->tuples = slots;
    coverage->hits = hits;
    coverage->tuples_slots = count;
}

/* True where it was not there. */
static bool put(struct coverage *coverage, uint64_t tuple)
{
    uint64_t slot = slot_of(coverage->tuples, coverage->tuples_slots, tuple);
    bool is_new = coverage->tuples[slot] == 0;
    coverage->tuples[slot] = tuple;
    if (coverage->hits != NULL)
        coverage->hits[slot]++;
    return is_new;
}

uint32_t coverage_hits(const struct coverage *coverage, uint64_t tuple)
{
    if (coverage->hits == NULL)
        return 0;
    return coverage->hits[slot_of(coverage->tuples, coverage->tuples_slots, tuple)];
}

uint32_t coverage_news(const struct coverage *coverage, const void *bytes, uint32_t size, uint64_t *out,
                       uint32_t most)
{
    const struct packed *packed = bytes;
    uint32_t count = 0;
    for (uint32_t i = 0; size >= sizeof *packed && i < packed->tuples_count && count < most; i++) {
        uint64_t tuple = packed->tuples[i];
        if (coverage->tuples_slots == 0 ||
            coverage->tuples[slot_of(coverage->tuples, coverage->tuples_slots, tuple)] == 0)
            out[count++] = tuple;
    }
    return count;
}

static void note_news(struct coverage *coverage, uint32_t news)
{
    if (coverage->runs == coverage->runs_capacity) {
        coverage->runs_capacity = coverage->runs_capacity == 0 ? 1024 : 2 * coverage->runs_capacity;
        coverage->news = realloc(coverage->news, coverage->runs_capacity * sizeof *coverage->news);
        if (coverage->news == NULL)
            exhausted();
    }
    coverage->news[coverage->runs++] = news;
}

uint32_t coverage_add(struct coverage *coverage, const void *bytes, uint32_t size)
{
    const struct packed *packed = bytes;
    uint32_t news = 0;
    if (size >= sizeof *packed) {
        for (unsigned i = 0; i < SIM_CELL_WORDS; i++)
            coverage->map.bits[i] |= packed->map.bits[i];
        for (uint32_t i = 0; i < packed->tuples_count; i++) {
            if (2 * (coverage->tuples_count + news) >= coverage->tuples_slots)
                grow_tuples(coverage);
            news += put(coverage, packed->tuples[i]);
        }
    }
    coverage->tuples_count += news;
    note_news(coverage, news);
    return news;
}

uint64_t coverage_growth(const struct coverage *coverage, uint64_t *runs)
{
    uint64_t sum = 0;
    *runs = (coverage->runs + 9) / 10;
    for (uint64_t i = coverage->runs - *runs; i < coverage->runs; i++)
        sum += coverage->news[i];
    return sum;
}
