/* The life of a log's start on a broker: retention by size and by time, following the leader's start, and the
 * expiry of idle producers.
 *
 * Every replica applies the topic's retention by itself (as Kafka's do), to whole closed segments and never
 * past its high watermark (KAFKA-5634). A follower's start also follows its leader's, which the answers to
 * its fetches tell; the leader learns of its followers' starts from their fetches (delete_records.c).
 * Timestamps are the leader's wall clock at the append (LogAppendTime) and are compared with this node's:
 * retention by time is as good as the clocks are. */
#include "core/broker/retention.h"

#include "core/broker/fetch_service.h"
#include "core/broker/fetcher.h"
#include "core/broker/leader.h"

bool isr_retention_move(struct isr_partition *partition, int64_t offset, enum isr_cause cause)
{
    int64_t before = partition->log->log_start;
    if (isr_log_advance_start(partition->log, offset, cause) == before)
        return false;
    isr_fetch_warm(partition); /* whoever reads from here is told */
    if (partition->role == ISR_ROLE_FOLLOWER)
        isr_fetcher_start_moved(partition);
    return true;
}

static void advance(struct isr_partition *partition, int64_t offset, enum isr_cause cause)
{
    if (isr_retention_move(partition, offset, cause) && partition->role == ISR_ROLE_LEADER)
        isr_delete_records_look(partition);
}

void isr_retention_follow(struct isr_partition *partition, int64_t leaders_start)
{
    const struct isr_log *log = partition->log;
    int64_t offset = leaders_start < log->high_watermark ? leaders_start : log->high_watermark;
    if (offset > log->log_start)
        advance(partition, offset, ISR_CAUSE_LEADER_TOLD);
}

/* A wrong limit goes with what a broker then had: a high watermark below the start of its log was unheard of.
 */
static void retain_up_to(struct isr_partition *partition, int64_t offset, enum isr_cause cause)
{
    if (offset > partition->log->high_watermark)
        isr_log_set_high_watermark(partition->log, offset);
    advance(partition, offset, cause);
}

static int64_t retention_limit(const struct isr_partition *partition)
{
    if (partition->broker->env->rules.retention_limit == ISR_RULE_retention_limit_log_end)
        return partition->log->log_end;
    return partition->log->high_watermark;
}

int64_t isr_retention_start_by_time(const struct isr_log *log, const struct isr_topic_settings *settings,
                                    int64_t limit)
{
    if (settings->retention_time == 0)
        return log->log_start;
    return isr_log_start_by_time(log, limit, log->env->real_ns - settings->retention_time);
}

int64_t isr_retention_start_by_size(const struct isr_log *log, const struct isr_topic_settings *settings,
                                    int64_t limit)
{
    if (settings->retention_bytes == 0)
        return log->log_start;
    return isr_log_start_by_size(log, limit, settings->retention_bytes);
}

static void retain(struct isr_partition *partition)
{
    const struct isr_topic_settings *settings = &partition->settings;
    if (settings->cleanup == ISR_CLEANUP_COMPACT)
        return;
    const struct isr_log *log = partition->log;
    int64_t start = isr_retention_start_by_time(log, settings, retention_limit(partition));
    if (start > log->log_start)
        retain_up_to(partition, start, ISR_CAUSE_RETENTION_TIME);
    start = isr_retention_start_by_size(log, settings, retention_limit(partition));
    if (start > log->log_start)
        retain_up_to(partition, start, ISR_CAUSE_RETENTION_SIZE);
}

void isr_retention_check(void *object)
{
    struct isr_broker *broker = object;
    const struct isr_config *config = &broker->env->config;
    isr_env_timer_in(broker->env, &broker->retention_timer, config->log_retention_check_interval);
    for (uint32_t i = 0; i < broker->partitions_count; i++) {
        struct isr_partition *partition = broker->partitions[i];
        if (partition->role == ISR_ROLE_NONE)
            continue;
        retain(partition);
        if (config->producer_id_expiration > 0)
            isr_log_expire_producers(partition->log, broker->env->real_ns - config->producer_id_expiration);
    }
}
