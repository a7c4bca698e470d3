/* When a cluster may stand still at the end (L1): what is gone for good (sim_spec.gone) was needed, by what
 * the topic's own policies say; shown from the state. */
#ifndef SIM_CHECKS_OUTAGE_H
#define SIM_CHECKS_OUTAGE_H

#include "sim/checks/state.h"

static inline bool check_gone(const struct sim_checks *checks, int32_t node)
{
    return sim_node_set_has(&checks->view.gone, node);
}
/* Those that are left. */
struct isr_replicas check_left_of(const struct sim_checks *checks, const struct isr_replicas *replicas);

/* Each writes the reason and tells that there is one. */

/* The controllers cannot have a leader. */
bool check_outage_of_quorum(const struct sim_checks *checks, struct isr_text *why);
/* The partition cannot have one. */
bool check_outage_of_leader(const struct sim_checks *checks, const struct check_partition *partition,
                            const struct sim_partition_view *seen, struct isr_text *why);
/* It leads, is gone by half, and is heard by those who would elect another. */
bool check_outage_by_half(const struct sim_checks *checks, int32_t leader, struct isr_text *why);
/* What its leader found was written in earlier epochs, and nobody has written since: where leaders are found
 * by comparing logs such a tail waits for the next record. (Peers write a mark of their own.) */
bool check_outage_of_tail(const struct sim_checks *checks, const struct sim_partition_view *seen,
                          const struct sim_replica_view *leader, struct isr_text *why);
/* Nothing can be committed in it, whoever leads. */
bool check_outage_of_commits(const struct sim_checks *checks, const struct sim_partition_view *seen,
                             struct isr_text *why);

#endif
