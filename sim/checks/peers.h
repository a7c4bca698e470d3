/* What a group of peers promises beyond its log (core/peer/peer.h), from the votes and memberships
 * that its peers tell.
 *
 *   G1  one vote a term, across restarts too; no peer takes a part in a term before one it voted in
 *   G2  whoever leads a term has the votes of a majority of its members in it. That nobody else leads it is
 *       I5, and follows where the memberships of two leaders share a majority: G3
 *   G3  (term, version) names one membership; a leader changes it by one node
 *   G4  a candidate's log is at least as up to date as that of each who votes for it: so one of every
 * majority keeps what is committed out of no leader's log (I3)
 *
 * A disk that lost what it had called durable, or was replaced, forgets votes, and its peer cannot tell. That
 * alone does no harm. When the peer votes anew in a term that it voted in before, as far as it forgot, then
 * nothing is promised any more that rests on a quorum. */
#ifndef SIM_CHECKS_PEERS_H
#define SIM_CHECKS_PEERS_H

#include "core/base/observation.h"
#include "core/base/types.h"

struct sim_checks;
struct check_peers;

/* A leader was elected by more than itself. */
bool check_peers_chose(const struct check_peers *peers);
struct check_peers *check_peers_new(struct sim_checks *checks);
/* The process started or ended. */
void check_peers_process(struct sim_checks *checks, int32_t node);
/* PEER_VOTED, PEER_CONFIG. */
void check_peers_observe(struct sim_checks *checks, int32_t node, const struct isr_observation *observation);
/* It leads, or follows, in that term. */
void check_peers_role(struct sim_checks *checks, int32_t node, int32_t term, bool leads);

#endif
