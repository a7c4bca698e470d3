#include "harness/run_metrics.h"

#include <inttypes.h>
#include <string.h>

void run_metrics_take(struct run_metrics *metrics, struct sim_world *world)
{
    metrics->nodes_count = world->processes_count;
    for (int32_t node = 1; node <= world->processes_count; node++) {
        const struct sim_process *process = sim_world_process(world, node);
        metrics->up[node] = sim_process_running(process);
        if (metrics->up[node])
            metrics->of[node] = *isr_node_metrics(process->node);
    }
}

static int64_t value_of(const struct run_metrics *metrics, int32_t node, const struct isr_metric_info *info)
{
    int64_t value;
    memcpy(&value, (const char *)&metrics->of[node] + info->position, sizeof value);
    return value;
}

static bool worth_a_line(const struct run_metrics *metrics, const struct isr_metric_info *info)
{
    for (int32_t node = 1; node <= metrics->nodes_count; node++) {
        if (metrics->up[node] && value_of(metrics, node, info) != 0)
            return true;
    }
    return false;
}

void run_metrics_print(FILE *out, const struct run_metrics *metrics, const struct sim_spec *spec)
{
    char name[SIM_LABEL_BYTES];
    size_t count;
    const struct isr_metric_info *infos = isr_metrics_list(&count);
    fprintf(out, "    %-32s", "metrics");
    for (int32_t node = 1; node <= metrics->nodes_count; node++)
        fprintf(out, " %12s", sim_spec_node_name(spec, node, name));
    fprintf(out, "\n");
    for (size_t i = 0; i < count; i++) {
        if (!worth_a_line(metrics, &infos[i]))
            continue;
        fprintf(out, "    %-32s", infos[i].name);
        for (int32_t node = 1; node <= metrics->nodes_count; node++) {
            if (metrics->up[node])
                fprintf(out, " %12" PRId64, value_of(metrics, node, &infos[i]));
            else
                fprintf(out, " %12s", "down");
        }
        fprintf(out, "\n");
    }
}

void run_metrics_json(struct json *json, const struct run_metrics *metrics, const struct sim_spec *spec)
{
    char name[SIM_LABEL_BYTES];
    size_t count;
    const struct isr_metric_info *infos = isr_metrics_list(&count);
    json_open_object(json, "metrics");
    for (int32_t node = 1; node <= metrics->nodes_count; node++) {
        if (!metrics->up[node])
            continue;
        json_open_object(json, sim_spec_node_name(spec, node, name));
        for (size_t i = 0; i < count; i++)
            json_integer(json, infos[i].name, value_of(metrics, node, &infos[i]));
        json_close_object(json);
    }
    json_close_object(json);
}
