#include "sim/trace.h"

#include <string.h>

#include "sim/world.h"

#define F(kind, name) +1
#define X(NAME, name, importance, field_list) \
    _Static_assert((0 field_list) <= ISR_OBSERVATION_FIELDS, #NAME " has too many fields");
#include "sim/trace.def"
#undef X
#undef F

/* Both lists as one table. The kinds of fields have one namespace here. */
enum {
#define ALIAS(name) FIELD_##name = (int)ISR_FIELD_##name
    ALIAS(tp),
    ALIAS(node),
    ALIAS(offset),
    ALIAS(epoch),
    ALIAS(index),
    ALIAS(term),
    ALIAS(count),
    ALIAS(size),
    ALIAS(time),
    ALIAS(cause),
    ALIAS(error),
    ALIAS(flag),
    ALIAS(phase),
    ALIAS(refusal),
    ALIAS(set),
    ALIAS(hash),
#undef ALIAS
#define ALIAS(name) FIELD_##name = (int)SIM_FIELD_##name
    ALIAS(message),
    ALIAS(action),
    ALIAS(file),
    ALIAS(operation),
    ALIAS(io),
    ALIAS(command),
    ALIAS(invariant),
    ALIAS(damage),
#undef ALIAS
};

static const struct sim_trace_info infos[] = {
#define F(kind, name) {FIELD_##kind, #name},
#define X(NAME, name, importance, field_list) {#name, ISR_IMPORTANCE_##importance, {field_list}},
#include "core/observations.def"
#include "sim/trace.def"
#undef X
#undef F
};
_Static_assert(sizeof infos / sizeof infos[0] == SIM_TRACE_KINDS, "every kind is in the table");

/* What the hot path needs of it, dense. */
static const uint8_t field_counts[] = {
#define F(kind, name) +1
#define X(NAME, name, importance, field_list) 0 field_list,
#include "core/observations.def"
#include "sim/trace.def"
#undef X
#undef F
};
static const uint8_t importances[] = {
#define X(NAME, name, importance, field_list) ISR_IMPORTANCE_##importance,
#include "core/observations.def"
#include "sim/trace.def"
#undef X
};

const struct sim_trace_info *sim_trace_info(uint32_t kind)
{
    ISR_ASSERT(kind < SIM_TRACE_KINDS);
    return &infos[kind];
}

uint32_t sim_trace_fields_count(uint32_t kind)
{
    ISR_ASSERT(kind < SIM_TRACE_KINDS);
    return field_counts[kind];
}

void sim_trace_init(struct sim_trace *trace, struct arena_owner *memory)
{
    *trace = (struct sim_trace){.memory = memory, .sink_level = -1};
    sim_trace_ring_level(trace, ISR_IMPORTANCE_normal);
}

static void level_update(struct sim_trace *trace)
{
    trace->level = trace->ring_level > trace->sink_level ? trace->ring_level : trace->sink_level;
}

void sim_trace_listen(struct sim_trace *trace, sim_trace_sink *sink, void *object, enum isr_importance level)
{
    trace->sink = sink;
    trace->sink_object = object;
    trace->sink_level = sink != NULL ? (int)level : -1;
    level_update(trace);
}

void sim_trace_ring_level(struct sim_trace *trace, int level)
{
    trace->ring_level = level;
    level_update(trace);
}

static void ring_grow(struct sim_trace *trace)
{
    uint32_t capacity = trace->ring == NULL ? SIM_TRACE_RING_FIRST : 2 * trace->ring_capacity;
    struct sim_trace_record *ring = arena_allocate_raw(trace->memory, capacity * sizeof *ring);
    ISR_ASSERT(ring != NULL);
    if (trace->ring != NULL) {
        memcpy(ring, trace->ring, trace->ring_capacity * sizeof *ring);
        arena_release(trace->memory, trace->ring);
    }
    trace->ring = ring;
    trace->ring_capacity = capacity;
}

static inline void ring_add(struct sim_trace *trace, const struct sim_trace_record *record)
{
    if (trace->records_count == trace->ring_capacity && trace->ring_capacity < SIM_TRACE_RING)
        ring_grow(trace);
    trace->ring[trace->records_count++ % SIM_TRACE_RING] = *record;
}

static void record_out(struct sim_world *world, int32_t node, uint32_t kind, const int64_t *fields)
{
    struct sim_trace *trace = &world->trace;
    struct sim_trace_record record = {.time_ns = world->now_ns, .node = node, .kind = kind};
    for (uint32_t i = 0; i < field_counts[kind]; i++)
        record.fields[i] = fields[i];
    if (importances[kind] <= trace->ring_level)
        ring_add(trace, &record);
    if (importances[kind] <= trace->sink_level)
        trace->sink(trace->sink_object, world, &record);
}

void sim_trace_observation(struct sim_world *world, int32_t node, const struct isr_observation *observation)
{
    uint32_t kind = (uint32_t)observation->kind;
    uint64_t hash = sim_trace_mix(world->trace.hash, (uint64_t)kind << 32 | (uint32_t)node);
    for (uint32_t i = 0; i < field_counts[kind]; i++)
        hash = sim_trace_mix(hash, (uint64_t)observation->fields[i]);
    world->trace.hash = hash;
    if (importances[kind] <= world->trace.level)
        record_out(world, node, kind, observation->fields);
}

void sim_trace_add(struct sim_world *world, int32_t node, enum sim_trace_kind kind, const int64_t *fields)
{
    record_out(world, node, (uint32_t)kind, fields);
}

uint32_t sim_trace_ring_count(const struct sim_trace *trace)
{
    return trace->records_count < SIM_TRACE_RING ? (uint32_t)trace->records_count : SIM_TRACE_RING;
}

const struct sim_trace_record *sim_trace_ring_at(const struct sim_trace *trace, uint32_t place)
{
    ISR_ASSERT(place < sim_trace_ring_count(trace));
    return &trace->ring[(trace->records_count - sim_trace_ring_count(trace) + place) % SIM_TRACE_RING];
}
