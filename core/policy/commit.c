#include "core/policy/commit.h"

#include "core/base/assert.h"

static const struct isr_policy_info commit_policies[] = {
#define X(NAME, name, promise) {#name, promise},
#include "core/policy/commit_policies.def"
#undef X
};

static const struct isr_policy_info leader_choices[] = {
#define X(NAME, name, meaning) {#name, meaning},
#include "core/policy/leader_choices.def"
#undef X
};

const struct isr_policy_info *isr_commit_policy_info(enum isr_commit_policy policy)
{
    ISR_ASSERT((unsigned)policy < ISR_COMMIT_POLICIES);
    return &commit_policies[policy];
}

const struct isr_policy_info *isr_leader_choice_info(enum isr_leader_choice choice)
{
    ISR_ASSERT((unsigned)choice < ISR_LEADER_CHOICES);
    return &leader_choices[choice];
}

static uint32_t majority_of(uint32_t count)
{
    return count / 2 + 1;
}

/* ---- up to where ---- */

/* The highest end that the leader and `needed` of the followers have reached. */
static int64_t end_held_by_followers(uint32_t needed, int64_t leader_end, const int64_t *ends, uint32_t count)
{
    int64_t highest[ISR_REPLICAS_MAX]; /* the `needed` highest ends, highest first */
    uint32_t kept = 0;
    if (needed > count)
        needed = count;
    if (needed == 0)
        return leader_end;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = kept;
        while (place > 0 && highest[place - 1] < ends[i])
            place--;
        if (place == needed)
            continue;
        kept += kept < needed;
        for (uint32_t move = kept - 1; move > place; move--)
            highest[move] = highest[move - 1];
        highest[place] = ends[i];
    }
    return highest[needed - 1] < leader_end ? highest[needed - 1] : leader_end;
}

static int64_t end_held_by_in_sync(int64_t leader_end, const int64_t *ends, const bool *in_sync,
                                   uint32_t count)
{
    int64_t end = leader_end;
    for (uint32_t i = 0; i < count; i++) {
        if (in_sync[i] && ends[i] < end)
            end = ends[i];
    }
    return end;
}

int64_t isr_commit_end(enum isr_commit_policy policy, uint32_t followers_needed, int64_t leader_end,
                       const int64_t *follower_ends, const bool *in_sync, uint32_t followers_count)
{
    ISR_ASSERT(followers_count < ISR_REPLICAS_MAX);
    uint32_t needed = 0;
    switch (policy) {
    case ISR_COMMIT_ALL_ISR:
        return end_held_by_in_sync(leader_end, follower_ends, in_sync, followers_count);
    case ISR_COMMIT_QUORUM:
        needed = majority_of(followers_count + 1) - 1;
        break;
    case ISR_COMMIT_SEMI_SYNC:
        needed = followers_needed;
        break;
    case ISR_COMMIT_FULLY_SYNC:
        needed = followers_count;
        break;
    case ISR_COMMIT_ASYNC:
    case ISR_COMMIT_POLICIES:
        break;
    }
    return end_held_by_followers(needed, leader_end, follower_ends, followers_count);
}

/* ---- what for ---- */

int32_t isr_commit_copies(enum isr_commit_policy policy, uint32_t followers_needed, uint32_t replicas_count,
                          uint32_t min_isr)
{
    ISR_ASSERT(replicas_count >= 1 && replicas_count <= ISR_REPLICAS_MAX);
    uint32_t copies = 1;
    switch (policy) {
    case ISR_COMMIT_ALL_ISR:
        copies = min_isr > 0 ? min_isr : 1;
        break;
    case ISR_COMMIT_QUORUM:
        copies = majority_of(replicas_count);
        break;
    case ISR_COMMIT_SEMI_SYNC:
        copies = followers_needed < replicas_count ? followers_needed + 1 : replicas_count;
        break;
    case ISR_COMMIT_FULLY_SYNC:
        copies = replicas_count;
        break;
    case ISR_COMMIT_ASYNC:
    case ISR_COMMIT_POLICIES:
        break;
    }
    return (int32_t)(copies < replicas_count ? copies : replicas_count);
}

/* An election from the ISR and ELR, which are at least min ISR many. */
static int32_t promise_unseen(enum isr_commit_policy policy, uint32_t copies, uint32_t replicas_count,
                              uint32_t min_isr)
{
    if (policy != ISR_COMMIT_ALL_ISR && copies < replicas_count)
        return 0;
    return isr_commit_copies(ISR_COMMIT_ALL_ISR, 0, replicas_count, min_isr);
}

int32_t isr_commit_promise(enum isr_commit_policy policy, uint32_t followers_needed, uint32_t replicas_count,
                           uint32_t min_isr, enum isr_leader_choice choice)
{
    int32_t copies = isr_commit_copies(policy, followers_needed, replicas_count, min_isr);
    int32_t promise = 0;
    switch (choice) {
    case ISR_LEADER_CHOICE_IN_SYNC:
        return promise_unseen(policy, (uint32_t)copies, replicas_count, min_isr);
    case ISR_LEADER_CHOICE_MOST_UP_TO_DATE:
    case ISR_LEADER_CHOICE_WITNESS:
    case ISR_LEADER_CHOICE_PEER_VOTE:
        promise = copies + (int32_t)majority_of(replicas_count) - (int32_t)replicas_count;
        break;
    case ISR_LEADER_CHOICES:
        break;
    }
    return promise > 0 ? promise : 0;
}
