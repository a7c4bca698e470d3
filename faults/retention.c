#include "faults/retention.h"

void fault_draw_retention(struct sim_spec *spec, struct fault_draws *draws)
{
    struct isr_config *config = &spec->config;
    if (!fault_one_in(draws, 3))
        return;
    config->log_segment_bytes = fault_between(draws, 1024, 8192);
    config->log_retention_check_interval = fault_between(draws, 50, 1500) * ISR_MS;
    if (fault_one_in(draws, 4))
        config->producer_id_expiration = fault_between(draws, 1, 15) * ISR_SECOND;
    for (uint32_t i = 0; i < spec->topics_count; i++) {
        struct isr_topic_settings *settings = &spec->topics[i].settings;
        int64_t bytes = fault_between(draws, 1024, 20000), time_ns = fault_between(draws, 200, 8000) * ISR_MS;
        settings->retention_bytes = fault_one_in(draws, 2) ? bytes : 0;
        settings->retention_time = fault_one_in(draws, 3) ? time_ns : 0;
        settings->segment_time = fault_one_in(draws, 2) ? fault_between(draws, 50, 4000) * ISR_MS : 0;
    }
}

void fault_draw_deletion(struct sim_action *action, struct fault_draws *draws)
{
    int64_t offset = fault_between(draws, 1, 600);
    action->offset = fault_one_in(draws, 2) ? -1 : offset;
}
