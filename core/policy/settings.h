/* A topic's settings (core/topic.def) as policies: the same questions as in commit.h, asked of a topic. */
#ifndef ISR_POLICY_SETTINGS_H
#define ISR_POLICY_SETTINGS_H

#include "core/base/topic_settings.h"
#include "core/policy/commit.h"

static inline enum isr_commit_policy isr_topic_commit(const struct isr_topic_settings *settings)
{
    return (enum isr_commit_policy)settings->commit;
}

/* Who finds the next leader when this one is gone. */
enum isr_leader_choice isr_topic_leader_choice(const struct isr_topic_settings *settings);

/* Are the replicas asked for their logs before one of them is elected? */
static inline bool isr_topic_asks_for_logs(const struct isr_topic_settings *settings)
{
    return isr_topic_leader_choice(settings) != ISR_LEADER_CHOICE_IN_SYNC;
}

/* What happens when nobody is left who may be elected cleanly (KIP-966, unclean recovery); as the topic's
 * words are in order. */
enum isr_unclean_recovery {
    ISR_UNCLEAN_RECOVERY_LAST_KNOWN,
    ISR_UNCLEAN_RECOVERY_NONE,
    ISR_UNCLEAN_RECOVERY_BALANCED,
    ISR_UNCLEAN_RECOVERY_AGGRESSIVE,
};

static inline enum isr_unclean_recovery isr_topic_unclean_recovery(const struct isr_topic_settings *settings)
{
    return (enum isr_unclean_recovery)settings->unclean_recovery;
}

/* Are replicas asked for their logs when nobody is left who may be elected cleanly? (With NONE for the
 * administrator.) */
static inline bool isr_topic_recovers_by_log(const struct isr_topic_settings *settings)
{
    return isr_topic_unclean_recovery(settings) != ISR_UNCLEAN_RECOVERY_LAST_KNOWN;
}

/* May a replica be elected, by the topic's own settings, that lacks records which eligible ones have? */
static inline bool isr_topic_is_unclean(const struct isr_topic_settings *settings)
{
    return settings->unclean != 0 || isr_topic_unclean_recovery(settings) == ISR_UNCLEAN_RECOVERY_AGGRESSIVE;
}

/* Does the recovery go with the other settings? It is there instead of `unclean`, for elections that ask
 * nobody. */
static inline bool isr_topic_recovery_is_sound(const struct isr_topic_settings *settings)
{
    return !isr_topic_recovers_by_log(settings) ||
           (settings->unclean == 0 && !isr_topic_asks_for_logs(settings));
}

/* Does the leader send records to its followers, instead of being asked for them? */
static inline bool isr_topic_is_pushed(const struct isr_topic_settings *settings)
{
    return settings->transfer != 0;
}

/* Does min ISR say how many replicas must hold a record? Only where the in-sync replicas decide what is
 * committed; the other policies count replicas themselves. */
static inline bool isr_topic_needs_min_isr(const struct isr_topic_settings *settings)
{
    return isr_topic_commit(settings) == ISR_COMMIT_ALL_ISR;
}

/* Must every member of the ISR hold everything that is committed? Else a member may lag behind it. */
bool isr_topic_isr_is_complete(const struct isr_topic_settings *settings, uint32_t replicas_count);

/* isr_commit_copies and isr_commit_promise of a topic with so many replicas. */
int32_t isr_topic_copies(const struct isr_topic_settings *settings, uint32_t replicas_count);
int32_t isr_topic_promise(const struct isr_topic_settings *settings, uint32_t replicas_count);

/* Settings that are each within bounds, but make no sense together. NULL when they do, else a sentence that
 * says what is wrong; *hint then says what to do. */
const char *isr_topic_settings_nonsense(const struct isr_topic_settings *settings, uint32_t replicas_count,
                                        const char **hint);

#endif
