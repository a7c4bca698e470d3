/* The first run leaves its hash after every event in a list. The second is compared with the list as it goes
 * and stops at the first difference, where the last trace records are still at hand; then the first is
 * carried out once more up to that event, for its records. */
#include "harness/twice.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/assertion.h"
#include "harness/value.h"

struct hashes {
    uint64_t *items;
    uint64_t count, capacity;
};

static bool add_hash(struct hashes *hashes, uint64_t hash)
{
    if (hashes->count == hashes->capacity) {
        uint64_t capacity = hashes->capacity == 0 ? 1 << 16 : hashes->capacity * 2;
        uint64_t *items = realloc(hashes->items, capacity * sizeof *items);
        if (items == NULL)
            return false;
        hashes->items = items;
        hashes->capacity = capacity;
    }
    hashes->items[hashes->count++] = hash;
    return true;
}

/* The last records of a world, as text: names can be looked up only while it lives. */
struct last_records {
    char texts[TWICE_RECORDS][TWICE_TEXT_BYTES];
    uint64_t count;
};

static void take_record(void *object, struct sim_world *world, const struct sim_trace_record *record)
{
    struct last_records *last = object;
    struct isr_text text = ISR_TEXT(last->texts[last->count++ % TWICE_RECORDS]);
    sim_trace_print(world, record, &text);
}

static void copy_records(const struct last_records *last, struct twice_difference *difference, unsigned which)
{
    uint64_t shown = last->count < TWICE_RECORDS ? last->count : TWICE_RECORDS;
    difference->records_count[which] = (uint32_t)shown;
    for (uint64_t i = 0; i < shown; i++)
        memcpy(difference->records[which][i], last->texts[(last->count - shown + i) % TWICE_RECORDS],
               TWICE_TEXT_BYTES);
}

static bool record_run(struct arena *arena, const struct run_request *request, struct hashes *hashes)
{
    struct sim_world *world = runner_world(arena, request);
    bool stored = true;
    assertion_watch(request, world);
    while (stored && sim_world_step(world))
        stored = add_hash(hashes, world->trace.hash);
    stored = stored && add_hash(hashes, world->trace.hash);
    assertion_watch(NULL, NULL);
    return stored;
}

/* Runs until the hash after an event is not the listed one, or for at most `most` events; where it stopped is
 * in the difference. */
static uint64_t follow(struct arena *arena, const struct run_request *request, const struct hashes *hashes,
                       uint64_t most, struct twice_difference *difference, unsigned which)
{
    struct last_records last = {.count = 0};
    struct sim_world *world = runner_world(arena, request);
    assertion_watch(request, world);
    sim_trace_listen(&world->trace, take_record, &last, ISR_IMPORTANCE_detail);
    uint64_t event = 0;
    bool going = true, same = true;
    while (going && event < most && same) {
        going = sim_world_step(world);
        same = event < hashes->count && hashes->items[event] == world->trace.hash;
        event++;
    }
    difference->time_ns[which] = world->now_ns;
    difference->hash[which] = world->trace.hash;
    copy_records(&last, difference, which);
    difference->differs = !same || (!going && event != hashes->count);
    assertion_watch(NULL, NULL);
    return event;
}

bool twice_compare(struct arena *arena, const struct run_request *a, const struct run_request *b,
                   struct twice_difference *difference)
{
    struct hashes hashes = {.items = NULL};
    memset(difference, 0, sizeof *difference);
    if (!record_run(arena, a, &hashes)) {
        free(hashes.items);
        fprintf(stderr, "isrsim: no memory to compare two runs of this length\n");
        return false;
    }
    difference->event = follow(arena, b, &hashes, UINT64_MAX, difference, 1);
    if (difference->differs) {
        uint64_t event = follow(arena, a, &hashes, difference->event, difference, 0);
        difference->drifting = difference->differs || event != difference->event;
        difference->differs = true;
    }
    free(hashes.items);
    return true;
}

void twice_print(FILE *out, const struct twice_difference *difference)
{
    static const char *const names[] = {"first run", "second run"};
    fprintf(out, "the two runs differ first at event %" PRIu64 "\n", difference->event);
    for (unsigned which = 0; which < 2; which++) {
        char time[32];
        fprintf(out, "  %s: at %s, hash %016" PRIx64 ", after\n", names[which],
                value_print_seconds(difference->time_ns[which], time), difference->hash[which]);
        for (uint32_t i = 0; i < difference->records_count[which]; i++)
            fprintf(out, "    %s\n", difference->records[which][i]);
    }
    if (difference->drifting)
        fprintf(out, "  (carried out a third time the first run differed from itself too)\n");
}
