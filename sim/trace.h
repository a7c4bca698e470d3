/* The trace: structured records of what the nodes say of themselves (core/observations.def) and of what the
 * simulator does (sim/trace.def), and a rolling hash over every event carried out.
 *
 * The hash is always kept; it covers time, kind, node and content of each event and each observation, so that
 * two runs with the same hash did the same. Records are built only as far down in importance as somebody
 * listens: by default story and normal go into a ring of the last ones, which is in the arena. */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include <stdbool.h>

#include "core/base/observation.h"
#include "core/base/text.h"
#include "sim/base/arena.h"

struct sim_world;

/* Kinds: the observations first, then the simulator's own. */
enum sim_trace_kind {
    SIM_TRACE_OBSERVATIONS_END = ISR_OBSERVED_KINDS - 1,
#define X(NAME, name, importance, fields) SIM_TRACE_##NAME,
#include "sim/trace.def"
#undef X
    SIM_TRACE_KINDS
};

struct sim_trace_record {
    int64_t time_ns;
    int32_t node;  /* 0: the world */
    uint32_t kind; /* enum isr_observation_kind or enum sim_trace_kind */
    int64_t fields[ISR_OBSERVATION_FIELDS];
};

/* Kinds of fields that core's list does not have. */
enum sim_field_kind {
    SIM_FIELD_CORE_END = ISR_FIELD_hash,
    SIM_FIELD_message,
    SIM_FIELD_action,
    SIM_FIELD_file,
    SIM_FIELD_operation,
    SIM_FIELD_io,
    SIM_FIELD_command,
    SIM_FIELD_invariant,
    SIM_FIELD_damage,
};

struct sim_trace_info {
    const char *name;
    enum isr_importance importance;
    struct {      /* sim_trace_fields_count many */
        int kind; /* enum isr_field_kind or enum sim_field_kind */
        const char *name;
    } fields[ISR_OBSERVATION_FIELDS];
};
/* kind < SIM_TRACE_KINDS */
const struct sim_trace_info *sim_trace_info(uint32_t kind);
uint32_t sim_trace_fields_count(uint32_t kind);

typedef void sim_trace_sink(void *object, struct sim_world *world, const struct sim_trace_record *record);

enum { SIM_TRACE_RING = 4096, SIM_TRACE_RING_FIRST = 128 };

struct sim_trace {
    uint64_t hash;
    struct arena_owner *memory;
    struct sim_trace_record *ring;
    uint32_t ring_capacity; /* grows up to SIM_TRACE_RING, a power of two: most worlds have little to tell */
    uint64_t records_count; /* that ever went into the ring; the latest is ring[(records_count - 1) % RING] */
    int ring_level;         /* enum isr_importance: this and more important ones; -1: none */
    int sink_level;
    int level; /* the greater of both: less important ones are not even built */
    sim_trace_sink *sink;
    void *sink_object;
};

void sim_trace_init(struct sim_trace *trace, struct arena_owner *memory);
/* Every record at least as important as level goes to the sink too; NULL: no sink. */
void sim_trace_listen(struct sim_trace *trace, sim_trace_sink *sink, void *object, enum isr_importance level);
void sim_trace_ring_level(struct sim_trace *trace, int level);

/* ---- the hash ---- */

/* One step of the rolling hash: cheap, and every bit of what went in moves the result. */
static inline uint64_t sim_trace_mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9fb21c651e98df25);
    return hash ^ (hash >> 32);
}

/* An event was carried out. */
static inline void sim_trace_event(struct sim_trace *trace, int64_t time_ns, uint32_t kind, int32_t node,
                                   uint64_t content)
{
    uint64_t hash = sim_trace_mix(trace->hash, (uint64_t)time_ns);
    trace->hash = sim_trace_mix(hash + ((uint64_t)kind << 32 | (uint32_t)node), content);
}

/* ---- records ---- */

static inline bool sim_trace_wants(const struct sim_trace *trace, enum isr_importance importance)
{
    return (int)importance <= trace->level;
}

/* A node's observation: hashed, and recorded when somebody wants it. */
void sim_trace_observation(struct sim_world *world, int32_t node, const struct isr_observation *observation);
/* The simulator's own: the fields by their order in sim/trace.def. */
void sim_trace_add(struct sim_world *world, int32_t node, enum sim_trace_kind kind, const int64_t *fields);
#define SIM_TRACE(world, node, kind, ...)                                         \
    (sim_trace_wants(&(world)->trace, (enum isr_importance)SIM_IMPORTANCE_##kind) \
         ? sim_trace_add((world), (node), SIM_TRACE_##kind,                       \
                         (const int64_t[ISR_OBSERVATION_FIELDS]){__VA_ARGS__})    \
         : (void)0)
enum {
#define X(NAME, name, importance, fields) SIM_IMPORTANCE_##NAME = ISR_IMPORTANCE_##importance,
#include "sim/trace.def"
#undef X
};

/* The records in the ring, the oldest first: place 0 .. count - 1. */
uint32_t sim_trace_ring_count(const struct sim_trace *trace);
const struct sim_trace_record *sim_trace_ring_at(const struct sim_trace *trace, uint32_t place);

/* One record as a line for a person, with names from the world: "0.512s n1 became leader of orders-0 in epoch
 * 3: LEO 12, high watermark 10, ISR [1, 2]". */
void sim_trace_print(struct sim_world *world, const struct sim_trace_record *record, struct isr_text *text);
/* The same without the time and the node: "became leader of ...". */
void sim_trace_print_sentence(struct sim_world *world, const struct sim_trace_record *record,
                              struct isr_text *text);

/* One field's value: "orders-0", "FETCH_REQUEST", "[1, 2]". */
void sim_trace_print_field(struct sim_world *world, int kind, int64_t value, struct isr_text *text);

#endif
