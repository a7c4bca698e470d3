/* The checks: I1..I11 and L1 on the partitions, Raft's five properties on the controllers, votes and
 * memberships of peers, and vacuity.
 *
 * Driven by what nodes observe of themselves, verified on their actual state: an observation says where to
 * look. Each costs O(1) or O(log n) where it is frequent, so that checking is a small part of a run.
 *
 * What the files hold: history (what was ever written, committed, acknowledged and read), then one file a
 * check. */
#ifndef SIM_CHECKS_CHECKS_H
#define SIM_CHECKS_CHECKS_H

#include "core/base/event.h"
#include "core/base/heap.h"
#include "core/policy/commit.h"
#include "sim/checks/view.h"

struct sim_checks;
struct sim_world;

#define SIM_CHECKS_ALL ((UINT32_C(1) << SIM_INVARIANTS) - 1)

struct sim_checks_options {
    uint32_t armed; /* bit i: enum sim_invariant i is checked. SIM_CHECKS_ALL: all of them */
};

/* Checks on a world: watches it from now on. Its memory is an owner of its own in the world's arena. */
struct sim_checks *sim_checks_new(struct sim_world *world, const struct sim_checks_options *options);

/* Checks on anything that can be viewed; heap and view are borrowed for its life. What the world's monitor
 * does is then done by hand with the functions below. */
struct sim_checks *sim_checks_make(struct isr_heap *heap, const struct sim_view *view,
                                   const struct sim_checks_options *options);
void sim_checks_observe(struct sim_checks *checks, int32_t node, const struct isr_observation *observation);
/* A process started (up) or ended; clean and lossy say how it ended. May be told again of one that is down
 * and then lost power. */
void sim_checks_process(struct sim_checks *checks, int32_t node, bool up, bool clean, bool lossy);
/* An administrator asked for an unclean election, or for the deletion of what lies below offset (-1: below
 * the high watermark), by this command; the command was answered, that it was done or another way. */
void sim_checks_unclean_asked(struct sim_checks *checks, const char *topic, uint16_t partition,
                              uint64_t command);
void sim_checks_delete_asked(struct sim_checks *checks, const char *topic, uint16_t partition, int64_t offset,
                             uint64_t command);
void sim_checks_answered(struct sim_checks *checks, uint64_t command, bool done);
/* A consumer was given a batch at that offset. */
void sim_checks_client_read(struct sim_checks *checks, int32_t client, struct isr_tp tp, int64_t offset,
                            struct isr_bytes batch);
/* A client was told that its records, the first with this value, are at the offset. */
void sim_checks_client_acked(struct sim_checks *checks, int32_t client, struct isr_tp tp, int64_t offset,
                             uint64_t first_value);
void sim_checks_end(struct sim_checks *checks);

struct sim_checks_report {
    uint64_t evaluated[SIM_INVARIANTS];
    bool violated[SIM_INVARIANTS];
    uint64_t records_committed;
    uint64_t records_acked; /* with acks=all, by leaders */
    /* records lost that nobody promised to keep: acknowledged with acks=all, or read */
    uint64_t losses_allowed;
    uint64_t losses_allowed_by[ISR_COMMIT_POLICIES];
    uint64_t losses_forbidden;
    bool quorum_void; /* a voter's disk lost what it had called durable: nothing was judged since */
    uint64_t waived;  /* what did not hold since */
    /* reads of pools: all; more than pool_min_gap behind what is committed by then; by a list older than
     * pool_refresh_time; and how many records the worst one was behind */
    uint64_t pool_reads, pool_reads_stale, pool_reads_leased, pool_most_behind;
    /* partitions that could not be written to at the end because of what is gone for good, and why the first
     * of them; "" when there is none. Only after the end */
    uint32_t partitions_unavailable;
    const char *unavailable;
    const char *vacuous; /* why nothing was proven, NULL when something was. Only after the end */
};
void sim_checks_report(const struct sim_checks *checks, struct sim_checks_report *report);
/* The sentence of the first failure of the invariant, NULL when it held. */
const char *sim_checks_violation(const struct sim_checks *checks, enum sim_invariant invariant);

#endif
