/* When a record is committed, and what that is worth when replicas lose their disks.
 *
 * Both questions have one answer each for the whole project: the engines ask isr_commit_end, the checks hold
 * them to isr_commit_promise. Neither depends on who asks.
 *
 * What is promised. A committed record is on at least c disks:
 *
 *   all_isr      min ISR           semi_sync    followers needed + 1
 *   quorum       a majority        fully_sync   all n
 *   async        1                 (never more than the n there are)
 *
 * How many of them may lose it before it may be gone depends on how the next leader is found.
 *
 *   - An election that asks e replicas, any e, and takes the best log of those finds the record as long as
 * one of the e has it. After f losses c - f disks hold it, so n - (c - f) do not, and the e may all be among
 * these once f >= c + e - n. With e a majority that is the promise; c + e <= n promises nothing: two sets
 * that need not meet. This is Raft's argument (Ongaro's thesis 3.6.3), and why semi-synchronous replication
 * to one follower of four is no safer under a vote than asynchronous replication.
 *   - An election from the ISR asks nobody. It loses nothing only if every candidate holds every committed
 * record: by definition under all_isr, and by counting where c = n. Then the record is gone when the whole
 * candidate set lost it, and ISR and ELR together may shrink to min ISR members but not below (KIP-966),
 * however many disks held it when it was committed. So the promise is min ISR, even under fully_sync. Under
 * any other policy a member of the ISR may lag behind what is committed, and nothing is promised. */
#ifndef ISR_POLICY_COMMIT_H
#define ISR_POLICY_COMMIT_H

#include "core/base/types.h"

enum isr_commit_policy {
#define X(NAME, name, promise) ISR_COMMIT_##NAME,
#include "core/policy/commit_policies.def"
#undef X
    ISR_COMMIT_POLICIES
};

enum isr_leader_choice {
#define X(NAME, name, meaning) ISR_LEADER_CHOICE_##NAME,
#include "core/policy/leader_choices.def"
#undef X
    ISR_LEADER_CHOICES
};

/* One line of either list, by its place in the enum. */
struct isr_policy_info {
    const char *name;
    const char *meaning;
};

const struct isr_policy_info *isr_commit_policy_info(enum isr_commit_policy policy);
const struct isr_policy_info *isr_leader_choice_info(enum isr_leader_choice choice);

/* Up to which offset (exclusive) everything is committed, given the log ends of the leader and of its
 * followers_count followers, at most ISR_REPLICAS_MAX - 1. in_sync says for each follower whether it is in
 * the ISR; only all_isr looks at it, and it may be NULL otherwise. followers_needed is for semi_sync, at
 * least 0; more than there are followers means all of them. min ISR is the caller's to check: it asks whether
 * to commit at all, not up to where. Never beyond leader_end. A leader must not let it go back. */
int64_t isr_commit_end(enum isr_commit_policy policy, uint32_t followers_needed, int64_t leader_end,
                       const int64_t *follower_ends, const bool *in_sync, uint32_t followers_count);

/* How many replicas hold a record for certain when it is committed; between 1 and replicas_count. */
int32_t isr_commit_copies(enum isr_commit_policy policy, uint32_t followers_needed, uint32_t replicas_count,
                          uint32_t min_isr);

/* At how many replicas that lost a committed record from their disks its loss becomes allowed. 0: nothing is
 * promised to begin with, an election alone may lose it. */
int32_t isr_commit_promise(enum isr_commit_policy policy, uint32_t followers_needed, uint32_t replicas_count,
                           uint32_t min_isr, enum isr_leader_choice choice);

#endif
