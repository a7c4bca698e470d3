/* Raft's five properties (Ongaro's thesis, figure 3.2) on the controllers, and that leaders count a majority
 * of voters (R6), from what their consensus tells.
 *
 * What each assumes of who takes part: R1 to R5 nothing. Terms, entries and what was committed have the same
 * meaning for all nodes that ever took part, voters, learners and removed ones alike, and must go together
 * whatever configurations were in effect: a wrong change of members shows itself as a second leader, a leader
 * that lacks something, or two entries applied at one index. R6 alone knows configurations, and takes the
 * leader's own for right.
 *
 * A node's log is followed entry by entry; it is rebuilt from nothing after each start, when the node tells
 * again what it found on its disk. Per (index, term) one chained digest of the whole prefix is kept for all
 * nodes: R3 is then one comparison an entry, and R4 one an election. */
#ifndef SIM_CHECKS_RAFT_H
#define SIM_CHECKS_RAFT_H

#include <stdbool.h>

#include "core/base/observation.h"

struct sim_checks;
struct check_raft;

struct check_raft *check_raft_new(struct sim_checks *checks);
/* The process started or ended. */
void check_raft_process(struct sim_checks *checks, int32_t node);
/* Somebody leads now, or did since then. */
bool check_raft_led(const struct sim_checks *checks, int64_t since_ns);
/* One of the QUORUM_ observations. */
void check_raft_observe(struct sim_checks *checks, int32_t node, const struct isr_observation *observation);

#endif
