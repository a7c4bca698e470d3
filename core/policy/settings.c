#include "core/policy/settings.h"

enum isr_leader_choice isr_topic_leader_choice(const struct isr_topic_settings *settings)
{
    return (enum isr_leader_choice)settings->leader_choice;
}

int32_t isr_topic_copies(const struct isr_topic_settings *settings, uint32_t replicas_count)
{
    return isr_commit_copies(isr_topic_commit(settings), (uint32_t)settings->commit_followers, replicas_count,
                             (uint32_t)settings->min_isr);
}

int32_t isr_topic_promise(const struct isr_topic_settings *settings, uint32_t replicas_count)
{
    return isr_commit_promise(isr_topic_commit(settings), (uint32_t)settings->commit_followers,
                              replicas_count, (uint32_t)settings->min_isr, isr_topic_leader_choice(settings));
}

bool isr_topic_isr_is_complete(const struct isr_topic_settings *settings, uint32_t replicas_count)
{
    return isr_topic_commit(settings) == ISR_COMMIT_ALL_ISR ||
           isr_topic_copies(settings, replicas_count) == (int32_t)replicas_count;
}

const char *isr_topic_settings_nonsense(const struct isr_topic_settings *settings, uint32_t replicas_count,
                                        const char **hint)
{
    *hint = "";
    enum isr_commit_policy commit = isr_topic_commit(settings);
    if (settings->min_isr > (int64_t)replicas_count) {
        *hint = "nothing could ever be acknowledged with acks=all";
        return "min ISR is more than the replication factor";
    }
    /* fully_sync commits without it, but keeps so many eligible leaders (KIP-966). */
    if (settings->min_isr > 1 && commit != ISR_COMMIT_ALL_ISR && commit != ISR_COMMIT_FULLY_SYNC) {
        *hint = "leave min_isr out: quorum, semi_sync and async count the replicas themselves";
        return "min ISR has no meaning under this commit policy";
    }
    if (commit == ISR_COMMIT_SEMI_SYNC && settings->commit_followers == 0) {
        *hint = "say commit: async, or ask for a follower";
        return "semi_sync with no follower is async";
    }
    if (commit == ISR_COMMIT_SEMI_SYNC && settings->commit_followers >= (int64_t)replicas_count) {
        *hint = "the leader is not its own follower; all of them is commit: fully_sync";
        return "semi_sync waits for more followers than there are";
    }
    if (commit != ISR_COMMIT_SEMI_SYNC && settings->commit_followers > 1) {
        *hint = "only commit: semi_sync counts followers";
        return "commit_followers has no meaning under this commit policy";
    }
    if (!isr_topic_recovery_is_sound(settings)) {
        *hint = "leave unclean and leader_choice out: unclean_recovery says who leads when nobody eligible "
                "is left";
        return "unclean_recovery has no meaning beside unclean elections or a leader choice that asks for "
               "logs";
    }
    return NULL;
}
