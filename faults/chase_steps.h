/* How a chase is written down: a step has the gate that was made for it, waits are bounded, and who was
 * struck is remembered until it is undone. What is chased, and by which moves: chase.c, quorum_chase.c. */
#ifndef FAULT_CHASE_STEPS_H
#define FAULT_CHASE_STEPS_H

#include "faults/budget.h"
#include "faults/steps.h"

enum { CHASE_STRUCK_MAX = 2 };

struct chase_struck {
    int32_t node; /* SIM_NODE_CONTROLLER: who that was is not known beforehand */
    enum sim_action_kind undo;
};

struct chase {
    struct fault_plan *plan;
    struct fault_draws *draws;
    struct fault_budget left;
    struct sim_step gate; /* of the next step: gate, times and condition are taken from it */
    struct chase_struck struck[CHASE_STRUCK_MAX];
    uint32_t struck_count;
    /* whose news are waited for; of a quorum none of these */
    const struct sim_topic_spec *topic;
    int32_t partition;
    const struct isr_replicas *replicas;
    int32_t leader; /* as guessed */
};

/* Begins at that time, with the budget that the plan has. */
struct chase chase_begin(struct fault_plan *plan, struct fault_draws *draws, int64_t time_ns);

/* A step behind the gate. NULL: there is no room for more. */
struct sim_step *chase_step(struct chase *chase, enum sim_action_kind kind);
/* That step is the next fault, of that kind. Returns it; NULL is none. */
struct sim_step *chase_fault(struct chase *chase, struct sim_step *step, enum fault_kind kind);
struct sim_step *chase_step_on(struct chase *chase, enum sim_action_kind kind, int32_t node);
/* A fault: from no longer reaches to, or neither the other. */
void chase_cut(struct chase *chase, enum fault_kind kind, int32_t from, int32_t to, bool both_ways);
/* A node is apart from all others, and clients still reach it: a leader that was deposed goes on to append.
 */
struct sim_step *chase_separate(struct chase *chase, int32_t node);
/* Voters die and come back at once, again and again, while they elect: what was said before it was durable is
 * forgotten. */
void chase_flurry(struct chase *chase);

/* The next step waits so long after the one before. */
void chase_wait(struct chase *chase, int64_t ns);
/* ... or until the condition holds (SIM_GATE_WHEN), or becomes true (SIM_GATE_AFTER), at most so long. */
void chase_wait_until(struct chase *chase, enum sim_gate_kind gate, enum sim_condition_kind kind,
                      int32_t node, bool is, int64_t at_latest_ns);

bool chase_is_struck(const struct chase *chase, int32_t node);
void chase_struck_add(struct chase *chase, int32_t node, enum sim_action_kind undo);
/* The step that brings back whom the place names; it is struck no more. */
void chase_undo(struct chase *chase, uint32_t which);

static inline bool chase_may(const struct chase *chase, enum fault_kind kind)
{
    return (chase->plan->kinds >> kind & 1) != 0;
}

/* Goes on by moves until the plan has no room for more, each drawn as the plan's turns say. */
void chase_go_on(struct chase *chase, void (*move)(struct chase *chase));

#endif
