#include "faults/compaction.h"

static void draw_topic(struct sim_topic_spec *topic, struct fault_draws *draws)
{
    struct isr_topic_settings *settings = &topic->settings;
    int64_t lag_ns = fault_between(draws, 100, 4000) * ISR_MS;
    settings->cleanup = fault_one_in(draws, 3) ? ISR_CLEANUP_BOTH : ISR_CLEANUP_COMPACT;
    settings->min_cleanable_dirty_percent = fault_between(draws, 0, 60);
    settings->min_compaction_lag = fault_one_in(draws, 3) ? lag_ns : 0;
    settings->delete_retention = fault_one_in(draws, 6) ? 0 : fault_between(draws, 100, 6000) * ISR_MS;
}

static void draw_keys(struct sim_client_spec *client, struct fault_draws *draws)
{
    client->keys =
        (int32_t)(fault_one_in(draws, 3) ? fault_between(draws, 50, 500) : fault_between(draws, 2, 30));
    client->tombstones = fault_one_in(draws, 3) ? 0 : (int32_t)fault_between(draws, 5, 60);
}

void fault_draw_compaction(struct sim_spec *spec, struct fault_draws *draws)
{
    struct isr_config *config = &spec->config;
    if (spec->peer.count > 0 || !fault_one_in(draws, 3))
        return;
    config->log_segment_bytes = fault_between(draws, 1024, 8192);
    config->log_cleaner_backoff = fault_between(draws, 50, 2000) * ISR_MS;
    config->log_cleaner_pause = fault_between(draws, 0, 20) * ISR_MS;
    if (fault_one_in(draws, 3))
        config->log_cleaner_keys = fault_between(draws, 16, 64);
    for (uint32_t i = 0; i < spec->topics_count; i++) {
        if (!fault_one_in(draws, 4))
            draw_topic(&spec->topics[i], draws);
    }
    for (uint32_t i = 0; i < spec->clients_count; i++) {
        if (spec->clients[i].kind == SIM_CLIENT_PRODUCER)
            draw_keys(&spec->clients[i], draws);
    }
}
