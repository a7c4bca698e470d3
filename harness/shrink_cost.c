#include "harness/shrink_cost.h"

#include <string.h>

/* ---- numbers ---- */

uint64_t shrink_number_cost(int64_t number, int64_t standard)
{
    uint64_t value = number < 0 ? (uint64_t)-number : (uint64_t)number, digits = 0, bits = 0;
    if (number == standard)
        return 0;
    for (uint64_t rest = value; rest > 0; rest /= 2)
        bits++;
    while (value > 0 && value % 10 == 0)
        value /= 10;
    for (; value > 0; value /= 10)
        digits++;
    return 2 + 6 * digits + bits / 2;
}

/* How often the one must be doubled until it is the other. */
static uint64_t doublings_apart(int64_t a, int64_t b)
{
    int64_t less = a < b ? a : b, more = a < b ? b : a;
    uint64_t count = 0;
    for (less = less < 1 ? 1 : less; less <= more / 2; less *= 2)
        count++;
    return count;
}

/* Randomness costs: a reader does not see what was drawn. usual: of the default, which is random too. */
static uint64_t distribution_cost(const struct sim_distribution *d, const struct sim_distribution *standard,
                                  uint64_t usual)
{
    if (d->low_ns == standard->low_ns && d->median_ns == standard->median_ns &&
        d->p99_ns == standard->p99_ns && d->high_ns == standard->high_ns)
        return usual;
    if (d->low_ns == d->high_ns)
        return 12 + shrink_number_cost(d->low_ns, ISR_MS);
    return 120 + shrink_number_cost(d->low_ns, 0) + shrink_number_cost(d->median_ns, 0) +
           shrink_number_cost(d->p99_ns, 0) + shrink_number_cost(d->high_ns, 0);
}

static uint64_t link_cost(const struct sim_link_spec *link, const struct sim_link_spec *standard)
{
    uint64_t cost = distribution_cost(&link->latency, &standard->latency, 40);
    const uint32_t chances[] = {link->loss_ppm, link->duplicate_ppm, link->reorder_ppm, link->corrupt_ppm};
    for (size_t i = 0; i < sizeof chances / sizeof chances[0]; i++)
        cost += chances[i] == 0 ? 0 : 3 * SHRINK_COST_STEP + shrink_number_cost(chances[i], 0);
    if (link->bandwidth_bytes != 0)
        cost += 200 + shrink_number_cost(link->bandwidth_bytes, 0);
    if (link->queue_bytes != 0)
        cost += 50 + shrink_number_cost(link->queue_bytes, 0);
    for (unsigned i = 0; i < SIM_GROUPS; i++)
        cost += link->group_queue_bytes[i] == 0 ? 0 : 50 + shrink_number_cost(link->group_queue_bytes[i], 0);
    cost += link->priorities ? 0 : 30;
    cost += link->connections ? 150 : 0;
    cost += link->keepalive_ns == standard->keepalive_ns ? 0 : 20 + shrink_number_cost(link->keepalive_ns, 0);
    cost += link->reconnect_ns == 0 ? 0 : 20 + shrink_number_cost(link->reconnect_ns, 0);
    return cost;
}

static uint64_t disk_cost(const struct sim_disk_spec *disk, const struct sim_disk_spec *standard)
{
    return distribution_cost(&disk->write_latency, &standard->write_latency, 0) +
           distribution_cost(&disk->sync_latency, &standard->sync_latency, 0) +
           distribution_cost(&disk->read_latency, &standard->read_latency, 0) +
           (disk->capacity_bytes == 0 ? 0 : 50 + shrink_number_cost(disk->capacity_bytes, 0));
}

/* ---- settings ---- */

/* Settings that contradict each other are a fault that nobody sees: sessions end between two heartbeats. A
 * step that does the same is better. */
static uint64_t strain(int64_t patience_ns, int64_t silence_ns)
{
    return patience_ns < 3 * silence_ns ? 3 * SHRINK_COST_STEP / 2 : 0;
}

static uint64_t strains(const struct isr_config *config)
{
    return strain(config->broker_session_timeout, config->broker_heartbeat_interval) +
           strain(config->quorum_election_timeout, config->quorum_heartbeat_interval) +
           strain(config->peer_silence_max, config->peer_heartbeat_interval) +
           strain(config->replica_lag_time_max, 50 * ISR_MS);
}

static uint64_t config_cost(const struct sim_spec *spec)
{
    uint64_t cost = strains(&spec->config);
    size_t count;
    const struct isr_config_info *list = isr_config_list(&count);
    for (size_t i = 0; i < count; i++) {
        int64_t value = *(const int64_t *)(const void *)((const char *)&spec->config + list[i].position);
        if (value != list[i].standard)
            cost += 60 + shrink_number_cost(value, list[i].standard) +
                    4 * doublings_apart(value, list[i].standard);
    }
    for (uint32_t i = 0; i < spec->node_settings_count; i++)
        cost += 100 + shrink_number_cost(spec->node_settings[i].value, 0);
    for (uint32_t bits = spec->yields; bits != 0; bits &= bits - 1)
        cost += 150;
    return cost;
}

static uint64_t rules_cost(const struct sim_spec *spec)
{
    uint64_t cost = 0;
    size_t count;
    const struct isr_rule_info *rules = isr_rules_list(&count);
    for (size_t i = 0; i < count; i++)
        cost += ((const uint8_t *)&spec->rules)[rules[i].position] == 0 ? 0 : 2 * SHRINK_COST_STEP;
    return cost;
}

static uint64_t settings_cost(const struct isr_topic_settings *settings)
{
    uint64_t cost = 0;
    size_t count;
    const struct isr_topic_setting_info *list = isr_topic_setting_list(&count);
    for (size_t i = 0; i < count; i++) {
        int64_t value = isr_topic_setting_get(settings, &list[i]);
        if (value != list[i].standard)
            cost += 40 + shrink_number_cost(value, list[i].standard);
    }
    return cost;
}

/* ---- the cluster ---- */

static uint64_t name_cost(const char *name, const char *plain)
{
    return strcmp(name, plain) == 0 ? 0 : 5 + strlen(name);
}

/* Out of order or, worse, hidden: placed by the controller. */
static uint64_t assignment_cost(const struct sim_topic_spec *topic)
{
    uint64_t cost = 0;
    if (topic->assignments == NULL)
        return 60;
    for (int32_t p = 0; p < topic->partitions; p++) {
        const struct isr_replicas *replicas = &topic->assignments[p];
        for (unsigned i = 0; i < replicas->count; i++)
            cost += 2 + (replicas->ids[i] == (int)i + 1 ? 0u : 3u);
    }
    return cost;
}

static uint64_t topics_cost(const struct sim_spec *spec)
{
    uint64_t cost = 0;
    for (uint32_t i = 0; i < spec->topics_count; i++) {
        const struct sim_topic_spec *topic = &spec->topics[i];
        cost += 500 + 200 * (uint64_t)topic->partitions + 20 * (uint64_t)topic->replication_factor +
                name_cost(topic->name.text, i == 0 ? "orders" : "payments") +
                settings_cost(&topic->settings) + assignment_cost(topic);
    }
    return cost;
}

static uint64_t nodes_cost(const struct sim_spec *spec)
{
    uint64_t cost = 300 * (uint64_t)spec->brokers + 300 * (uint64_t)sim_spec_own_controllers(spec);
    if (spec->combined)
        cost += 500 * (uint64_t)spec->controllers; /* two things in one, and a majority of them must live */
    else if (spec->controllers > 1)
        cost += 200 * (uint64_t)spec->controllers;
    for (int32_t broker = 1; broker <= spec->brokers; broker++)
        cost += spec->racks[broker] == ISR_RACK_NONE ? 0 : 15;
    return cost;
}

const char *shrink_plain_name(enum sim_client_kind kind)
{
    switch (kind) {
    case SIM_CLIENT_PRODUCER:
        return "producer";
    case SIM_CLIENT_CONSUMER:
        return "consumer";
    case SIM_CLIENT_READER:
        return "reader";
    case SIM_CLIENT_ADMIN:
        return "admin";
    case SIM_CLIENT_PROPOSER:
        return "proposer";
    }
    return "";
}

/* Of what is done again and again: the more often, the more there is to read of what it did. */
static uint64_t interval_cost(int64_t interval_ns)
{
    return shrink_number_cost(interval_ns, 0) +
           (interval_ns > 0 && interval_ns < ISR_SECOND ? 10 * doublings_apart(interval_ns, ISR_SECOND) : 0);
}

static uint64_t client_cost(const struct sim_client_spec *client)
{
    uint64_t cost = name_cost(client->name, shrink_plain_name(client->kind));
    cost += client->partition < 0 ? 10 : 0;
    cost += client->start_ns == 0 ? 0 : 30 + shrink_number_cost(client->start_ns, 0);
    cost += client->stop_ns == ISR_TIME_NEVER ? 0 : 30 + shrink_number_cost(client->stop_ns, 0);
    switch (client->kind) {
    case SIM_CLIENT_PRODUCER:
        cost += client->interval_ns == 0 ? 300 : 4 * SHRINK_COST_STEP;
        return cost + interval_cost(client->interval_ns) + shrink_number_cost(client->records_per_batch, 1) +
               shrink_number_cost(client->value_bytes, 64) +
               (client->keys == 0 ? 0 : 20 + shrink_number_cost(client->keys, 0)) +
               (client->tombstones == 0 ? 0 : 30 + shrink_number_cost(client->tombstones, 0)) +
               (client->acks == -1 ? 0 : 10);
    case SIM_CLIENT_CONSUMER:
        return cost + 600 + (client->rack != 0 ? 30 : 0) + (client->from_follower ? 30 : 0) +
               (client->start_latest ? 20 : 0) + (client->reset != 0 ? 20 : 0);
    case SIM_CLIENT_READER:
        return cost + 800 + interval_cost(client->interval_ns);
    case SIM_CLIENT_ADMIN:
        return cost + 300;
    case SIM_CLIENT_PROPOSER:
        cost += client->interval_ns == 0 ? 300 : 4 * SHRINK_COST_STEP;
        return cost + interval_cost(client->interval_ns) + shrink_number_cost(client->value_bytes, 64);
    }
    return cost;
}

/* ---- steps ---- */

/* Before anything is there: a reader asks what the step was waiting for. */
enum { COST_OF_HASTE = 60 };

static uint64_t set_size(const struct sim_node_set *set)
{
    uint64_t count = 0;
    for (size_t i = 0; i < sizeof set->bits / sizeof set->bits[0]; i++) {
        for (uint64_t bits = set->bits[i]; bits != 0; bits &= bits - 1)
            count++;
    }
    /* who it is, is known only when it happens */
    return count + (sim_node_set_has(set, SIM_NODE_CONTROLLER) ? 3 : 0);
}

static uint64_t condition_cost(const struct sim_condition *condition)
{
    uint64_t cost = 20 + (condition->kind == SIM_CONDITION_LOG_END ? 6u : 0u) +
                    (condition->kind == SIM_CONDITION_HIGH_WATERMARK ? 10u : 0u) +
                    UINT64_C(3) * condition->set.count;
    switch ((int)condition->kind) {
    case SIM_CONDITION_LEADER_IS:
    case SIM_CONDITION_NODE_UP:
    case SIM_CONDITION_BROKER_FENCED:
        return cost;
    case SIM_CONDITION_ISR_IS:
    case SIM_CONDITION_ISR_HAS:
    case SIM_CONDITION_LEADER_ELECTED:
        return cost + 2;
    case SIM_CONDITION_ISR_PENDING:
    case SIM_CONDITION_CONTROLLER:
    case SIM_CONDITION_ELR_IS:
        return cost + 8;
    }
    return cost + 4 + shrink_number_cost(condition->value, 0) +
           (condition->comparison == SIM_EQUAL || condition->comparison == SIM_AT_LEAST ? 0u : 2u);
}

uint64_t shrink_gate_cost(const struct sim_step *step)
{
    switch (step->gate) {
    case SIM_GATE_NONE:
        return 0;
    case SIM_GATE_WAIT:
        return 90 + shrink_number_cost(step->time_ns, 0);
    case SIM_GATE_AT:
        return 110 + shrink_number_cost(step->time_ns, 0);
    case SIM_GATE_WHEN:
    case SIM_GATE_AFTER:
        return condition_cost(&step->condition) + (step->gate == SIM_GATE_AFTER ? 3 : 0) +
               (step->at_latest_ns == ISR_TIME_NEVER ? 0 : 40 + shrink_number_cost(step->at_latest_ns, 0));
    }
    return 0;
}

/* Kinds from easy to hard: what a reader knows from everyday life comes first. */
static uint64_t kind_cost(const struct sim_action *action)
{
    static const uint64_t survival[] = {
        [SIM_SURVIVES_DRAWN] = 40,     [SIM_SURVIVES_ALL] = 4,   [SIM_SURVIVES_PREFIX] = 8,
        [SIM_SURVIVES_REORDERED] = 12, [SIM_SURVIVES_TORN] = 10, [SIM_SURVIVES_NONE] = 2};
    switch ((int)action->kind) {
    case SIM_ACTION_NOTE:
        return 600;
    case SIM_ACTION_KILL:
        return SHRINK_COST_STEP;
    case SIM_ACTION_POWER_OFF:
        return SHRINK_COST_STEP + 20 + survival[action->survives];
    case SIM_ACTION_PRODUCE:
        return SHRINK_COST_STEP + shrink_number_cost(action->count, 1) +
               shrink_number_cost(action->value_bytes, 64) + (action->acks == -1 ? 0 : 4) +
               (action->client[0] == '\0' ? 0 : 10);
    case SIM_ACTION_PROPOSE:
        return SHRINK_COST_STEP + shrink_number_cost(action->count, 1) +
               shrink_number_cost(action->value_bytes, 64) + (action->client[0] == '\0' ? 0 : 10);
    case SIM_ACTION_LINK:
        return SHRINK_COST_STEP + 100 + link_cost(&action->link, &(struct sim_link_spec){.priorities = true});
    case SIM_ACTION_DISK:
        return SHRINK_COST_STEP + 100 +
               disk_cost(&action->disk, &(struct sim_disk_spec){.capacity_bytes = 0});
    case SIM_ACTION_PARTITION:
        return SHRINK_COST_STEP + 25 + UINT64_C(10) * action->groups_count;
    }
    return SHRINK_COST_STEP + 10 + shrink_number_cost(action->count, 1) +
           shrink_number_cost(action->span_ns, 0) + shrink_number_cost(action->cost_ns, 0);
}

static uint64_t step_cost(const struct sim_step *step)
{
    const struct sim_action *action = &step->action;
    uint64_t cost = kind_cost(action) + shrink_gate_cost(step);
    cost += UINT64_C(8) * (set_size(&action->nodes) + set_size(&action->from) + set_size(&action->to));
    for (uint32_t i = 0; i < action->groups_count; i++)
        cost += UINT64_C(4) * set_size(&action->groups[i]);
    cost += action->both_ways ? 4 : 0;
    cost += sim_message_set_is_empty(&action->messages) ? 0 : 15;
    cost += action->files != 0 ? 10 : 0;
    return cost;
}

uint64_t shrink_cost(const struct sim_spec *spec)
{
    const struct sim_spec standard = sim_spec_default();
    uint64_t cost = nodes_cost(spec) + topics_cost(spec) + config_cost(spec) + rules_cost(spec) +
                    link_cost(&spec->network, &standard.network) + disk_cost(&spec->disk, &standard.disk);
    for (uint32_t i = 0; i < spec->clients_count; i++)
        cost += client_cost(&spec->clients[i]);
    for (uint32_t i = 0; i < spec->steps_count; i++)
        cost += step_cost(&spec->steps[i]);
    if (spec->steps_count > 0 && (spec->steps[0].gate == SIM_GATE_NONE ||
                                  (spec->steps[0].gate == SIM_GATE_WAIT && spec->steps[0].time_ns == 0)))
        cost += COST_OF_HASTE;
    cost += shrink_number_cost((int64_t)(spec->seed & INT64_MAX), 1);
    cost += spec->schedule.depth > 0 ? SHRINK_COST_STEP + shrink_number_cost(spec->schedule.depth, 0) : 0;
    cost += 3 * SHRINK_COST_STEP / 2 * set_size(&spec->gone); /* a fault that is no step */
    cost += (spec->settle_ns > 0 ? 100u : 0u) + (spec->steps_may_remain ? 30u : 0u);
    return cost + (uint64_t)(spec->duration_ns / (100 * ISR_MS));
}
