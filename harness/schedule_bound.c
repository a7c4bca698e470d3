#include "harness/schedule_bound.h"

#include <inttypes.h>

#include "harness/value.h"

static double probability(const struct sim_spec *spec)
{
    struct sim_schedule_bound bound = sim_schedule_bound(spec);
    double runs = (double)bound.actors;
    for (int32_t i = 1; i < spec->schedule.depth; i++)
        runs *= (double)bound.slots;
    return 1 / runs;
}

static const char *actors_of(const struct sim_spec *spec)
{
    return spec->schedule.actors == SIM_SCHEDULE_NODES ? "nodes" : "links";
}

bool schedule_bound_text(const struct sim_spec *spec, char text[SCHEDULE_BOUND_BYTES])
{
    char slot[32];
    text[0] = '\0';
    if (spec->schedule.depth == 0)
        return false;
    struct sim_schedule_bound bound = sim_schedule_bound(spec);
    snprintf(text, SCHEDULE_BOUND_BYTES,
             "a failure of depth %d shows with a probability of at least 1/(%" PRIu64 " x %" PRIu64
             "^%d) = %.1e: %" PRIu64 " %s, %" PRIu64 " slots of %s",
             (int)spec->schedule.depth, bound.actors, bound.slots, (int)spec->schedule.depth - 1,
             probability(spec), bound.actors, actors_of(spec), bound.slots,
             value_print_duration(spec->schedule.slot_ns, slot));
    return true;
}

void schedule_bound_json(struct json *json, const struct sim_spec *spec)
{
    if (spec->schedule.depth == 0) {
        json_string(json, "schedule", NULL);
        return;
    }
    char number[32];
    struct sim_schedule_bound bound = sim_schedule_bound(spec);
    snprintf(number, sizeof number, "%.3e", probability(spec));
    json_open_object(json, "schedule");
    json_integer(json, "depth", spec->schedule.depth);
    json_string(json, "of", actors_of(spec));
    json_unsigned(json, "actors", bound.actors);
    json_unsigned(json, "slots", bound.slots);
    json_string(json, "probability", number);
    json_close_object(json);
}
