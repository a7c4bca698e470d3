/* Where a follower's log leaves the leader's, and cutting it there.
 *
 * trunc=epoch (KIP-101, 279): the leader's answer names the largest epoch at or below the follower's last one
 * and where it ends. The follower cuts to the least of its own end, that end, and the end of the epoch in its
 * own history; when it does not know the epoch at all, it cuts to the end of the one below and asks again.
 * trunc=hw, before KIP-101: the follower cuts to its own high watermark, which lags one fetch behind what is
 * committed and says nothing about whose records lie below it. */
#include "core/broker/fetcher.h"

bool isr_truncation_by_high_watermark(const struct isr_env *env)
{
    return env->rules.trunc == ISR_RULE_trunc_hw;
}

void isr_truncation_drop_unborn_epochs(struct isr_partition *partition)
{
    if (isr_log_last_epoch(partition->log) > partition->leader_epoch)
        isr_partition_truncate(partition,
                               isr_log_epoch_end(partition->log, partition->leader_epoch).end_offset,
                               ISR_CAUSE_DIVERGENCE);
}

enum isr_fetch_state isr_truncation_begin(struct isr_partition *partition)
{
    const struct isr_env *env = partition->broker->env;
    isr_truncation_drop_unborn_epochs(partition);
    if (isr_truncation_by_high_watermark(env)) {
        isr_partition_truncate(partition, partition->log->high_watermark, ISR_CAUSE_TRUNCATED_TO_HW);
        return ISR_FETCH_FETCH;
    }
    if (env->config.truncation_by_query == 0)
        return ISR_FETCH_FETCH;
    /* Without any epoch there is nothing to ask for: an empty log, or one that lost all. */
    return isr_log_last_epoch(partition->log) == ISR_EPOCH_NONE ? ISR_FETCH_FETCH : ISR_FETCH_QUERY;
}

int32_t isr_truncation_fetched_epoch(const struct isr_partition *partition)
{
    const struct isr_env *env = partition->broker->env;
    if (isr_truncation_by_high_watermark(env) || env->config.truncation_by_query != 0)
        return ISR_EPOCH_NONE;
    return isr_log_last_epoch(partition->log);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Also a cut at the log end has an effect: it drops an epoch that was entered on becoming leader and never
 * written to, which the present leader never had. False when the log stayed as it was. */
static bool cut(struct isr_partition *partition, int64_t offset, enum isr_cause cause)
{
    struct isr_log *log = partition->log;
    int64_t log_end = log->log_end;
    int32_t last_epoch = isr_log_last_epoch(log);
    isr_partition_truncate(partition, least(offset, log_end), cause);
    return log->log_end != log_end || isr_log_last_epoch(log) != last_epoch;
}

enum isr_truncation isr_truncation_apply(struct isr_partition *partition, int32_t leader_epoch,
                                         int64_t leader_end, enum isr_cause cause)
{
    struct isr_log *log = partition->log;
    int32_t last_epoch = isr_log_last_epoch(log);
    if (leader_epoch < 0 || leader_end < 0 || leader_epoch > last_epoch)
        return ISR_TRUNCATION_REFUSED;
    if (leader_epoch == last_epoch) { /* the same last epoch ends at the lesser of both ends */
        if (leader_end < log->log_end)
            cut(partition, leader_end, cause);
        return ISR_TRUNCATION_DONE;
    }
    /* The last record that was deleted here is of an epoch that the leader never had: the logs part below
     * this one's start. Only a partition that lost what it had committed comes to that. */
    if (leader_epoch < log->epoch_before) {
        isr_partition_truncate(partition, 0, cause);
        return ISR_TRUNCATION_DONE;
    }
    struct isr_epoch_end own = isr_log_epoch_end(log, leader_epoch);
    bool known = own.epoch == leader_epoch;
    if (!cut(partition, known ? least(own.end_offset, leader_end) : own.end_offset, cause))
        return ISR_TRUNCATION_REFUSED;
    return known ? ISR_TRUNCATION_DONE : ISR_TRUNCATION_AGAIN;
}

/* A leader that knows no epoch as late as the follower's last one cannot say where the logs part. It will, as
 * soon as it has noted its own epoch; KIP-101 fell back to the high watermark, which lags behind what is
 * committed. */
static enum isr_truncation epoch_unknown(struct isr_partition *partition)
{
    if (partition->broker->env->rules.unknown_epoch == ISR_RULE_unknown_epoch_asks_again)
        return ISR_TRUNCATION_REFUSED;
    isr_partition_truncate(partition, partition->log->high_watermark, ISR_CAUSE_TRUNCATED_TO_HW);
    return ISR_TRUNCATION_DONE;
}

enum isr_truncation isr_truncation_answered(struct isr_partition *partition,
                                            const struct isr_epoch_answer *answer)
{
    if (answer->leader_epoch < 0)
        return epoch_unknown(partition);
    return isr_truncation_apply(partition, answer->leader_epoch, answer->end_offset, ISR_CAUSE_EPOCH_QUERY);
}

/* AbstractFetcherThread.fetchOffsetAndTruncate: an unclean election may have put a shorter log in the lead:
 * its end is ours, as far as offsets tell. Otherwise the leader has dropped what we lack (retention), and its
 * start decides. */
enum isr_fetch_state isr_truncation_latest(struct isr_partition *partition, int64_t leader_end)
{
    if (leader_end >= partition->log->log_end)
        return ISR_FETCH_STATE;
    isr_partition_truncate(partition, leader_end, ISR_CAUSE_OUT_OF_RANGE);
    return ISR_FETCH_FETCH;
}

/* KAFKA-9491: after a full truncation LEO, high watermark and log start are all there. */
bool isr_truncation_restart(struct isr_partition *partition, const struct isr_log_state *leaders)
{
    const struct isr_log *log = partition->log;
    bool anew =
        leaders->log_start > log->log_end || (leaders->log_start == log->log_end && isr_log_lacks_state(log));
    return anew && leaders->epoch_before >= ISR_EPOCH_NONE &&
           leaders->epoch_before <= partition->leader_epoch &&
           isr_partition_bootstrap(partition, leaders, ISR_CAUSE_OUT_OF_RANGE);
}
