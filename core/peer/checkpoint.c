/* Checkpointing: the start of a peer's log moves up by the topic's retention, the rule of which is the
 * broker's (core/broker/retention.c). Every peer does it by itself, and never beyond what it knows to be
 * committed: so the record before the start is one that every later leader's log has there, and a log that
 * begins there can be told by its epoch (P3). */
#include "core/broker/retention.h"
#include "core/peer/internal.h"

static bool move(struct isr_peer *peer, int64_t start, enum isr_cause cause)
{
    struct isr_log *log = peer->partition.log;
    int64_t before = log->log_start;
    return start > before && isr_log_advance_start(log, start, cause) > before;
}

static void checkpoint(struct isr_peer *peer)
{
    const struct isr_log *log = peer->partition.log;
    const struct isr_topic_settings *settings = &peer->partition.settings;
    bool moved =
        move(peer, isr_retention_start_by_time(log, settings, log->high_watermark), ISR_CAUSE_RETENTION_TIME);
    moved |=
        move(peer, isr_retention_start_by_size(log, settings, log->high_watermark), ISR_CAUSE_RETENTION_SIZE);
    if (moved)
        peer_start_moved(peer);
}

void peer_checkpoint_start(struct isr_peer *peer)
{
    isr_env_timer_in(peer->env, &peer->checkpoint_timer, peer->env->config.log_retention_check_interval);
}

void peer_checkpoint_fire(void *object)
{
    struct isr_peer *peer = object;
    const struct isr_config *config = &peer->env->config;
    checkpoint(peer);
    if (config->producer_id_expiration > 0)
        isr_log_expire_producers(peer->partition.log, peer->env->real_ns - config->producer_id_expiration);
    peer_checkpoint_start(peer);
}
