#include "sim/schedule.h"

#include "sim/world.h"

struct sim_schedule_bound sim_schedule_bound(const struct sim_spec *spec)
{
    uint64_t nodes = (uint64_t)sim_spec_nodes_count(spec);
    int64_t slots = (spec->duration_ns - spec->settle_ns) / spec->schedule.slot_ns;
    return (struct sim_schedule_bound){
        .actors = spec->schedule.actors == SIM_SCHEDULE_NODES ? nodes : nodes * (nodes - 1),
        .slots = slots > 0 ? (uint64_t)slots : 1};
}

/* The i-th change, i of 1 to d - 1, has the i-th lowest priority of all. */
static int64_t lowered_delay(const struct sim_schedule_spec *spec, int32_t i)
{
    int64_t half_ns = spec->window_ns / 2;
    return half_ns + half_ns * (spec->depth - i) / (spec->depth - 1);
}

static void insert_change(struct sim_schedule *schedule, struct sim_schedule_change change)
{
    uint32_t place = schedule->changes_count++;
    for (; place > 0 && schedule->changes[place - 1].at_ns > change.at_ns; place--)
        schedule->changes[place] = schedule->changes[place - 1];
    schedule->changes[place] = change;
}

void sim_schedule_init(struct sim_schedule *schedule, const struct sim_spec *spec, uint64_t seed)
{
    *schedule = (struct sim_schedule){.key = sim_random_key(seed, SIM_RANDOM_SCHEDULE, 0),
                                      .end_ns = spec->duration_ns - spec->settle_ns};
    uint64_t key = sim_random_key(seed, SIM_RANDOM_SCHEDULE, 1);
    for (int32_t i = 1; i < spec->schedule.depth; i++) {
        uint64_t slot = sim_random_below(isr_hash_combine(key, (uint64_t)i), sim_schedule_bound(spec).slots);
        insert_change(schedule, (struct sim_schedule_change){.at_ns = (int64_t)slot * spec->schedule.slot_ns,
                                                             .delay_ns = lowered_delay(&spec->schedule, i)});
    }
}

static void lower(struct sim_world *world, uint32_t actor, int32_t from, int32_t to)
{
    struct sim_schedule *schedule = &world->schedule;
    schedule->changes[schedule->changes_done++].actor = actor;
    world->counters.priorities_lowered++;
    if (world->spec->schedule.actors == SIM_SCHEDULE_NODES)
        SIM_TRACE(world, to, PRIORITY_LOWERED, 0);
    else
        SIM_TRACE(world, from, PRIORITY_LOWERED, to);
}

int64_t sim_schedule_delay(struct sim_world *world, int32_t from, int32_t to)
{
    struct sim_schedule *schedule = &world->schedule;
    const struct sim_schedule_spec *spec = &world->spec->schedule;
    if (world->now_ns >= schedule->end_ns)
        return 0;
    uint32_t actor = spec->actors == SIM_SCHEDULE_NODES ? (uint32_t)to : (uint32_t)from << 16 | (uint32_t)to;
    if (schedule->changes_done < schedule->changes_count &&
        world->now_ns >= schedule->changes[schedule->changes_done].at_ns)
        lower(world, actor, from, to);
    int64_t delay_ns = (int64_t)(isr_hash_combine(schedule->key, actor) >> 48) * (spec->window_ns / 2) >> 16;
    for (uint32_t i = 0; i < schedule->changes_done; i++) {
        if (schedule->changes[i].actor == actor && schedule->changes[i].delay_ns > delay_ns)
            delay_ns = schedule->changes[i].delay_ns;
    }
    world->counters.messages_scheduled++;
    return delay_ns;
}
