/* The metrics of core/metrics.def of every node at the end of a run. */
#ifndef HARNESS_RUN_METRICS_H
#define HARNESS_RUN_METRICS_H

#include <stdio.h>

#include "harness/json.h"
#include "sim/world.h"

/* A node that is down has none; counters are those of its present life. */
struct run_metrics {
    int32_t nodes_count;
    bool up[ISR_NODE_MAX + 1]; /* by node id */
    struct isr_metrics of[ISR_NODE_MAX + 1];
};

void run_metrics_take(struct run_metrics *metrics, struct sim_world *world);
/* A line a metric that is not 0 everywhere, a column a node. */
void run_metrics_print(FILE *out, const struct run_metrics *metrics, const struct sim_spec *spec);
/* The member "metrics" of the open object: by node, then by metric. */
void run_metrics_json(struct json *json, const struct run_metrics *metrics, const struct sim_spec *spec);

#endif
