/* A peer's own health: how long its writes take and how late its timers fire, looked at with every heartbeat.
 *
 *   HEALTHY --peer_unhealthy_after looks in a row unwell--> UNHEALTHY
 *   UNHEALTHY --as many in a row well--------------------> HEALTHY
 *
 * A look is unwell when the longest write since the last look, or the one still under way, took longer than
 * peer_disk_latency_max, or the look itself came peer_step_lag_max too late (a slow processor, a pause). A
 * disk error needs no look: it ends the process. An unhealthy leader steps down, and an unhealthy peer stands
 * for election later than others; who cannot be reached is the heartbeats' concern (heartbeat.c). */
#include "core/peer/internal.h"

void peer_health_init(struct isr_peer *peer)
{
    peer->write_since_ns = ISR_TIME_NEVER;
}

void peer_health_write_began(struct isr_peer *peer)
{
    if (peer->write_since_ns != ISR_TIME_NEVER)
        return;
    peer->write_since_ns = peer->env->now_ns;
    peer->write_end = peer->partition.log->log_end;
}

static void took(struct isr_peer *peer, int64_t latency_ns)
{
    if (latency_ns > peer->disk_latency_ns)
        peer->disk_latency_ns = latency_ns;
}

void peer_health_write_done(struct isr_peer *peer)
{
    const struct isr_log *log = peer->partition.log;
    int64_t held_end = isr_log_held_end(log);
    if (peer->write_since_ns == ISR_TIME_NEVER || held_end < peer->write_end)
        return;
    took(peer, peer->env->now_ns - peer->write_since_ns);
    peer->write_since_ns = ISR_TIME_NEVER;
    if (held_end < log->log_end)
        peer_health_write_began(peer);
}

static void change(struct isr_peer *peer, bool unhealthy)
{
    peer->unhealthy = unhealthy;
    struct isr_observation *seen = isr_observe(peer->env, ISR_OBSERVED_PEER_HEALTH);
    seen->peer_health.healthy = !unhealthy;
    seen->peer_health.disk_latency = peer->disk_latency_ns;
    seen->peer_health.step_lag = peer->step_lag_ns;
}

void peer_health_look(struct isr_peer *peer, int64_t due_ns)
{
    const struct isr_config *config = &peer->env->config;
    if (peer->write_since_ns != ISR_TIME_NEVER)
        took(peer, peer->env->now_ns - peer->write_since_ns);
    peer->step_lag_ns = peer->env->now_ns - due_ns;
    bool unwell = peer->disk_latency_ns > config->peer_disk_latency_max ||
                  peer->step_lag_ns > config->peer_step_lag_max;
    peer->looks_unwell = unwell ? peer->looks_unwell + 1 : 0;
    peer->looks_well = unwell ? 0 : peer->looks_well + 1;
    if (!peer->unhealthy && peer->looks_unwell >= (uint32_t)config->peer_unhealthy_after)
        change(peer, true);
    else if (peer->unhealthy && peer->looks_well >= (uint32_t)config->peer_unhealthy_after)
        change(peer, false);
    peer->disk_latency_ns = 0;
    if (peer->unhealthy && peer_leads(peer) && peer->state.members.count > 1)
        peer_step_down(peer);
}
