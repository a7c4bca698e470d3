/* Semantic coverage of a run: which messages reached whom with which epochs, what was observed while what was
 * wrong, which causes and refusals were named. It watches and decides nothing: a run is the same with it.
 *
 * Two forms. The map has a bit for each cell of some small dimensions, which have names, so that it can be
 * told what was never reached. The tuples are hashes of all that came together at one moment (the receiver's
 * role, the message or event, its epoch, what was observed, what was wrong): too many to be listed, but a
 * run that has new ones did something new.
 *
 * What a node knows is taken from what it said of itself in its present life. All of it is in the arena. */
#ifndef SIM_COVERAGE_H
#define SIM_COVERAGE_H

#include "core/base/error.h"
#include "core/base/event.h"
#include "core/base/observation.h"
#include "core/wire/message.h"
#include "sim/coverage.def"

struct sim_world;
struct sim_process;
struct sim_message;

enum sim_coverage_role {
#define X(NAME, name) SIM_ROLE_##NAME,
    SIM_COVERAGE_ROLES(X)
#undef X
        SIM_ROLES
};
enum sim_coverage_relation {
#define X(NAME, name) SIM_RELATION_##NAME,
    SIM_COVERAGE_RELATIONS(X)
#undef X
        SIM_RELATIONS
};
enum sim_coverage_state {
#define X(NAME, name, meaning) SIM_STATE_##NAME,
    SIM_COVERAGE_STATES(X)
#undef X
        SIM_STATES
};
_Static_assert(SIM_STATES <= 32, "a bit for each");
const char *sim_coverage_role_name(unsigned role);
const char *sim_coverage_relation_name(unsigned relation);
const char *sim_coverage_state_name(unsigned state);

/* Cells of the map, dimension after dimension. */
enum {
    SIM_CELL_MESSAGES = 0, /* role, message, relation */
    SIM_CELL_OBSERVATIONS = SIM_CELL_MESSAGES + SIM_ROLES * ISR_MESSAGE_KINDS * SIM_RELATIONS,
    SIM_CELL_CAUSES = SIM_CELL_OBSERVATIONS + ISR_OBSERVED_KINDS * SIM_STATES, /* observation, state */
    SIM_CELL_ERRORS = SIM_CELL_CAUSES + ISR_CAUSE_COUNT,
    SIM_CELLS = SIM_CELL_ERRORS + ISR_ERROR_COUNT,
    SIM_CELL_WORDS = (SIM_CELLS + 63) / 64,
};
struct sim_coverage_map {
    uint64_t bits[SIM_CELL_WORDS];
};
static inline unsigned sim_cell_message(unsigned role, unsigned kind, unsigned relation)
{
    return SIM_CELL_MESSAGES + (role * ISR_MESSAGE_KINDS + kind) * SIM_RELATIONS + relation;
}
static inline unsigned sim_cell_observation(unsigned kind, unsigned state)
{
    return SIM_CELL_OBSERVATIONS + kind * SIM_STATES + state;
}
static inline bool sim_coverage_has(const struct sim_coverage_map *map, unsigned cell)
{
    return (map->bits[cell / 64] >> (cell % 64) & 1) != 0;
}

/* The epoch of a message that is compared with what its receiver knows. */
enum sim_epoch_class {
    SIM_EPOCH_NONE,
    SIM_EPOCH_LEADER,
    SIM_EPOCH_TERM,
    SIM_EPOCH_CONTROLLER,
    SIM_EPOCH_BROKER
};
enum sim_epoch_class sim_coverage_epoch_class(enum isr_message_kind kind);

enum { SIM_TUPLES_MAX = 8192 };
struct sim_coverage;

/* From now on the world's coverage is kept: before its first event. */
struct sim_coverage *sim_coverage_begin(struct sim_world *world);
const struct sim_coverage_map *sim_coverage_map(const struct sim_coverage *coverage);
/* The tuples so far into out, SIM_TUPLES_MAX at most, in no order that means anything. Returns how many. */
uint32_t sim_coverage_tuples(const struct sim_coverage *coverage, uint64_t *out);

/* ---- what the world tells it ---- */

/* The node is about to handle the message, or another event than a message. */
void sim_coverage_message(struct sim_world *world, const struct sim_message *message);
void sim_coverage_event(struct sim_world *world, const struct sim_process *process, enum isr_event_kind kind);
void sim_coverage_observation(struct sim_world *world, int32_t node,
                              const struct isr_observation *observation);

/* ---- sim/coverage_wire.c ---- */

/* What of a frame coverage looks at. */
struct sim_frame_epoch {
    enum sim_epoch_class epoch_class;
    int64_t epoch;
    bool has_tp;
    uint32_t tp; /* isr_tp_key; of the first partition, where there are several */
    uint8_t error;
};
/* For each kind where its epoch lies: made once. */
struct sim_frame_plans;
struct sim_frame_plans *sim_frame_plans_new(struct isr_heap *heap);
/* Reads a frame whose bytes are as they were sent. */
struct sim_frame_epoch sim_frame_epoch_of(const struct sim_frame_plans *plans, enum isr_message_kind kind,
                                          const uint8_t *bytes, uint32_t size_bytes);

#endif
