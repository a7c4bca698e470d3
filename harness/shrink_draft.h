/* A spec that owns its arrays and can be cut: steps, nodes, clients, topics and partitions are taken out with
 * everything that names them, and those behind them move up. */
#ifndef HARNESS_SHRINK_DRAFT_H
#define HARNESS_SHRINK_DRAFT_H

#include "harness/pool.h"
#include "sim/spec.h"

struct shrink_draft {
    struct sim_spec spec;
    struct pool pool;
    uint32_t steps_capacity;
};

/* A copy; room: for so many steps more. Ends the process when there is no memory. */
struct shrink_draft *draft_new(const struct sim_spec *from, uint32_t room);
void draft_free(struct shrink_draft *draft);

/* Does it make sense as a scenario file: sim_spec_check, times that do not go back, nothing after the end? */
bool draft_is_sound(const struct shrink_draft *draft);

/* place: 0 up to steps_count. Copies. */
void draft_insert_step(struct shrink_draft *draft, uint32_t place, const struct sim_step *step);
void draft_remove_steps(struct shrink_draft *draft, uint32_t place, uint32_t count);

/* A broker, a controller of its own, or a client: out of the cluster, of every assignment and of every step.
 * Steps that concern nobody else go; gates that name it open at the times given (step_ns by step, or NULL:
 * at once). False where it cannot go: the last broker, the last controller. */
bool draft_remove_process(struct shrink_draft *draft, int32_t node, const int64_t *step_ns);
/* With its clients, steps and gates. False: the last one. */
bool draft_remove_topic(struct shrink_draft *draft, uint32_t topic, const int64_t *step_ns);
bool draft_remove_partition(struct shrink_draft *draft, uint32_t topic, int32_t partition,
                            const int64_t *step_ns);
/* The numbers of two brokers are swapped everywhere. */
void draft_swap_brokers(struct shrink_draft *draft, int32_t one, int32_t other);
/* Combined controllers get nodes of their own; steps that strike a node then strike the broker, those about
 * links to what were all controllers the controllers too. */
bool draft_separate_controllers(struct shrink_draft *draft);

bool draft_rename_topic(struct shrink_draft *draft, uint32_t topic, const char *name);
bool draft_rename_client(struct shrink_draft *draft, uint32_t client, const char *name);

/* Opens at this time of the run, or at once where it is ISR_TIME_NEVER. */
void draft_gate_at(struct sim_step *step, int64_t time_ns);
/* Does the form of the condition name a partition, a node, a set of nodes? */
bool draft_condition_names(const struct sim_condition *condition, const char *what);
/* Is a step of this kind about one partition of the topic, or the whole topic? */
bool draft_action_names_partition(const struct sim_action *action);
bool draft_action_names_topic(const struct sim_action *action);

#endif
