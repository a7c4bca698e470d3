/* Whether a spec makes sense as a whole. What a scenario file can say is checked where it is read; this is
 * the last word for every spec, generated ones too. */
#include <string.h>

#include "core/base/text.h"
#include "core/policy/settings.h"
#include "sim/clock.h"
#include "sim/libraft/libraft.h"
#include "sim/spec.h"

enum { PARTITIONS_MAX = 10000, VALUE_BYTES_MAX = 1 << 20, RECORDS_MAX = 100000 };

#define BANDWIDTH_MAX (INT64_C(1) << 40)

/* Writes a sentence and tells that something is wrong. */
#define WRONG(...) (isr_text_format(text, __VA_ARGS__), false)

static bool distribution_holds(const struct sim_distribution *d, const char *what, struct isr_text *text)
{
    if (d->low_ns < 0 || d->low_ns > d->median_ns || d->median_ns > d->p99_ns || d->p99_ns > d->high_ns)
        return WRONG("%s: the quantiles must not be negative and must not fall", what);
    if (d->high_ns > 3600 * ISR_SECOND)
        return WRONG("%s: more than an hour is absurd", what);
    return true;
}

static bool link_holds(const struct sim_link_spec *link, struct isr_text *text)
{
    if (link->loss_ppm > 1000000 || link->duplicate_ppm > 1000000 || link->reorder_ppm > 1000000 ||
        link->corrupt_ppm > 1000000)
        return WRONG("a probability must be at most 100%%");
    if (link->bandwidth_bytes < 0 || link->bandwidth_bytes > BANDWIDTH_MAX || link->queue_bytes < 0)
        return WRONG("a link's bandwidth is 0 (without bound) to %ld bytes a second, its queue not negative",
                     BANDWIDTH_MAX);
    for (unsigned i = 0; i < SIM_GROUPS; i++) {
        if (link->group_queue_bytes[i] < 0)
            return WRONG("how much of a group may wait for a busy link must not be negative");
    }
    if (link->keepalive_ns < 0 || link->reconnect_ns < 0 || link->reconnect_ns > 3600 * ISR_SECOND)
        return WRONG("keepalive and reconnect must not be negative");
    return distribution_holds(&link->latency, "network latency", text);
}

static bool schedule_holds(const struct sim_schedule_spec *schedule, struct isr_text *text)
{
    if (schedule->depth < 0 || schedule->depth > SIM_SCHEDULE_DEPTH_MAX)
        return WRONG("the depth of a schedule is 1 to %d", SIM_SCHEDULE_DEPTH_MAX);
    if (schedule->window_ns < 0 || schedule->window_ns > SIM_SCHEDULE_WINDOW_MOST || schedule->slot_ns < 1000)
        return WRONG("a schedule's window is at most 60s, its slots are at least 1us");
    return true;
}

static bool link_change_holds(const struct sim_action *action, struct isr_text *text)
{
    struct sim_link_spec link = action->link;
    if ((action->link_fields & SIM_LINK_LATENCY) == 0)
        link.latency = (struct sim_distribution){0};
    return link_holds(&link, text);
}

static bool disk_holds(const struct sim_disk_spec *disk, struct isr_text *text)
{
    if (disk->capacity_bytes < 0)
        return WRONG("a disk's capacity must not be negative");
    return distribution_holds(&disk->write_latency, "write latency", text) &&
           distribution_holds(&disk->sync_latency, "sync latency", text) &&
           distribution_holds(&disk->read_latency, "read latency", text);
}

static bool node_setting_holds(const struct sim_spec *spec, const struct sim_node_setting *own,
                               struct isr_text *text)
{
    size_t count;
    const struct isr_config_info *list = isr_config_list(&count);
    if (own->node < 1 || own->node > sim_spec_nodes_count(spec) || own->setting >= count)
        return WRONG("a setting of one node names no node, or no setting");
    const struct isr_config_info *setting = &list[own->setting];
    if (own->value < setting->least || own->value > setting->most)
        return WRONG("%s of one node is outside its bounds, %ld to %ld", setting->name, setting->least,
                     setting->most);
    if (!sim_spec_may_differ(setting))
        return WRONG("%s must be the same on all nodes: promises are judged by it", setting->name);
    return true;
}

static bool node_settings_hold(const struct sim_spec *spec, struct isr_text *text)
{
    for (uint32_t i = 0; i < spec->node_settings_count; i++) {
        if (!node_setting_holds(spec, &spec->node_settings[i], text))
            return false;
    }
    return true;
}

static bool gone_holds(const struct sim_spec *spec, struct isr_text *text)
{
    if (sim_node_set_is_empty(&spec->gone))
        return true;
    if (spec->gone_how >= SIM_GONE_HOWS)
        return WRONG("nodes are gone in no way that there is");
    if (spec->gone_how == SIM_GONE_PARTED && !sim_spec_is_alone(spec))
        return WRONG("only voters alone can be parted for good: a parted controller may lead where no broker "
                     "reaches it, a parted broker follow where no controller does, and nobody is to blame");
    if (spec->settle_ns == 0)
        return WRONG("nodes can be gone for good only where the others settle");
    for (int32_t node = 0; node <= SIM_NODES_MAX; node++) {
        if (sim_node_set_has(&spec->gone, node) && (node == 0 || node >= sim_spec_first_client(spec)))
            return WRONG("only brokers and controllers can be gone for good");
    }
    return true;
}

static bool whole_holds(const struct sim_spec *spec, struct isr_text *text)
{
    if (spec->clients_count > SIM_CLIENTS_MAX)
        return WRONG("at most %d clients", SIM_CLIENTS_MAX);
    if (spec->brokers > SIM_NODES_MAX || sim_spec_nodes_count(spec) > SIM_NODES_MAX)
        return WRONG("brokers, controllers, clients and the world's own client are more than %d processes",
                     SIM_NODES_MAX);
    if (spec->duration_ns <= 0 || spec->duration_ns > 365 * 86400 * ISR_SECOND)
        return WRONG("the duration must be above 0 and at most a year");
    if (spec->settle_ns < 0 || spec->settle_ns >= spec->duration_ns)
        return WRONG("the time to settle must be a part of the duration");
    if (!gone_holds(spec, text))
        return false;
    const struct isr_config_info *setting = isr_config_check(&spec->config);
    if (setting != NULL)
        return WRONG("%s is outside its bounds, %ld to %ld", setting->name, setting->least, setting->most);
    return node_settings_hold(spec, text);
}

static bool group_holds(const struct sim_spec *spec, struct isr_text *text)
{
    const struct sim_peer_spec *peer = &spec->peer;
    if (peer->count > ISR_REPLICAS_MAX || peer->count != spec->brokers || spec->controllers != 0 ||
        !spec->combined)
        return WRONG("a group has 1 to %d peers and no controllers", ISR_REPLICAS_MAX);
    if (peer->bootstrap < SIM_BOOTSTRAP_SELF || peer->bootstrap > peer->count)
        return WRONG("the group's host name leads to no node of the group");
    if (peer->bootstrap == SIM_BOOTSTRAP_SELF && peer->count > 1)
        return WRONG("peers that are each their own host are groups of one each, not one group");
    if (spec->topics_count != 1 || spec->topics[0].partitions != 1)
        return WRONG("a group of peers replicates one topic with one partition");
    if (spec->topics[0].replication_factor != peer->count || spec->topics[0].assignments != NULL)
        return WRONG("all peers of a group replicate its partition");
    if (isr_topic_commit(&spec->topics[0].settings) == ISR_COMMIT_ALL_ISR && peer->count > 1)
        return WRONG("a group of peers has no ISR: say commit: quorum, semi_sync, fully_sync or async");
    return whole_holds(spec, text);
}

static bool alone_holds(const struct sim_spec *spec, struct isr_text *text)
{
    if (spec->brokers != 0 || spec->combined || spec->peer.count > 0 || spec->alone != spec->controllers)
        return WRONG("consensus alone has voters, and nobody else");
    return spec->topics_count == 0 || WRONG("consensus alone has no topics");
}

const char *sim_consensus_missing(uint8_t consensus, const char **hint)
{
    *hint = "install libraft-dev and build again";
    return consensus == SIM_CONSENSUS_LIBRAFT && !sim_libraft_available() ? "this build has no libraft"
                                                                          : NULL;
}

static bool cluster_holds(const struct sim_spec *spec, struct isr_text *text)
{
    if (spec->brokers < 1 && !sim_spec_is_alone(spec))
        return WRONG("a cluster needs at least one broker");
    if (sim_spec_is_alone(spec) && !alone_holds(spec, text))
        return false;
    if (spec->peer.count > 0)
        return group_holds(spec, text);
    if (spec->controllers < 1 || spec->controllers > ISR_REPLICAS_MAX)
        return WRONG("a cluster has 1 to %d controllers, not %d", ISR_REPLICAS_MAX, (int)spec->controllers);
    if (spec->standby_controllers < 0 || spec->controllers + spec->standby_controllers > ISR_REPLICAS_MAX)
        return WRONG("there may be %d controllers, those that stand by included", ISR_REPLICAS_MAX);
    if (spec->combined && spec->controllers > spec->brokers)
        return WRONG("%d controllers do not fit on %d brokers; give the controllers nodes of their own",
                     (int)spec->controllers, (int)spec->brokers);
    return whole_holds(spec, text);
}

/* ---- topics and clients ---- */

static const struct sim_topic_spec *topic_named(const struct sim_spec *spec, const char *name)
{
    for (uint32_t i = 0; i < spec->topics_count; i++) {
        if (strcmp(spec->topics[i].name.text, name) == 0)
            return &spec->topics[i];
    }
    return NULL;
}

static bool assignment_holds(const struct sim_spec *spec, const struct sim_topic_spec *topic,
                             int32_t partition, struct isr_text *text)
{
    const struct isr_replicas *replicas = &topic->assignments[partition];
    if (replicas->count != topic->replication_factor)
        return WRONG("partition %s-%d has %d replicas assigned, but the replication factor is %d",
                     topic->name.text, (int)partition, replicas->count, topic->replication_factor);
    for (unsigned i = 0; i < replicas->count; i++) {
        if (!sim_spec_is_broker(spec, replicas->ids[i]))
            return WRONG("partition %s-%d is assigned to node %d, which is no broker", topic->name.text,
                         (int)partition, replicas->ids[i]);
        for (unsigned j = 0; j < i; j++) {
            if (replicas->ids[j] == replicas->ids[i])
                return WRONG("partition %s-%d is assigned to node %d twice", topic->name.text, (int)partition,
                             replicas->ids[i]);
        }
    }
    return true;
}

static bool topic_holds(const struct sim_spec *spec, const struct sim_topic_spec *topic,
                        struct isr_text *text)
{
    const char *name = topic->name.text;
    if (name[0] == '\0')
        return WRONG("a topic needs a name");
    if (topic_named(spec, name) != topic)
        return WRONG("topic %s is there twice", name);
    if (topic->partitions < 1 || topic->partitions > PARTITIONS_MAX)
        return WRONG("topic %s has 1 to %d partitions, not %d", name, PARTITIONS_MAX, (int)topic->partitions);
    if (topic->replication_factor < 1 || topic->replication_factor > ISR_REPLICAS_MAX)
        return WRONG("topic %s: the replication factor is 1 to %d, not %d", name, ISR_REPLICAS_MAX,
                     topic->replication_factor);
    if (topic->replication_factor > spec->brokers)
        return WRONG("topic %s: a replication factor of %d needs as many brokers, there are %d", name,
                     topic->replication_factor, (int)spec->brokers);
    const struct isr_topic_setting_info *bad = isr_topic_settings_check(&topic->settings);
    if (bad != NULL)
        return WRONG("topic %s: %s is %ld to %ld", name, bad->name, (long)bad->least, (long)bad->most);
    const char *hint,
        *nonsense = isr_topic_settings_nonsense(&topic->settings, (uint32_t)topic->replication_factor, &hint);
    if (nonsense != NULL)
        return WRONG("topic %s: %s; %s", name, nonsense, hint);
    if (isr_topic_leader_choice(&topic->settings) == ISR_LEADER_CHOICE_WITNESS &&
        spec->config.witness_failures == 0)
        return WRONG("topic %s: the witness is blind; set witness_failures in config", name);
    for (int32_t i = 0; topic->assignments != NULL && i < topic->partitions; i++) {
        if (!assignment_holds(spec, topic, i, text))
            return false;
    }
    return true;
}

static bool partition_holds(const struct sim_spec *spec, const char *topic_name, int32_t partition,
                            bool all_allowed, struct isr_text *text)
{
    const struct sim_topic_spec *topic = topic_named(spec, topic_name);
    if (topic == NULL)
        return WRONG("there is no topic %s", topic_name);
    if (partition < (all_allowed ? -1 : 0) || partition >= topic->partitions)
        return WRONG("topic %s has no partition %d", topic_name, (int)partition);
    return true;
}

static bool acks_hold(int16_t acks, struct isr_text *text)
{
    return (acks >= -1 && acks <= 1) || WRONG("acks is 0, 1 or all");
}

static bool client_name_holds(const struct sim_spec *spec, uint32_t place, struct isr_text *text)
{
    const char *name = spec->clients[place].name;
    struct sim_spec others = *spec;
    others.clients_count = place;
    if (name[0] == '\0')
        return WRONG("a client needs a name");
    if (sim_spec_node_named(&others, name) != ISR_NODE_NONE)
        return WRONG("the name %s is taken", name);
    return true;
}

static bool proposer_holds(const struct sim_client_spec *client, struct isr_text *text)
{
    if (client->interval_ns < 0 || client->start_ns < 0 || client->stop_ns < client->start_ns)
        return WRONG("client %s: its interval, start and stop must not be negative, nor stop before start",
                     client->name);
    return (client->value_bytes >= 8 && client->value_bytes <= VALUE_BYTES_MAX) ||
           WRONG("proposer %s: an entry has 8 to %d bytes", client->name, VALUE_BYTES_MAX);
}

static bool client_holds(const struct sim_spec *spec, uint32_t place, struct isr_text *text)
{
    const struct sim_client_spec *client = &spec->clients[place];
    if (!client_name_holds(spec, place, text))
        return false;
    if (client->kind == SIM_CLIENT_ADMIN)
        return true;
    if ((client->kind == SIM_CLIENT_PROPOSER) != sim_spec_is_alone(spec))
        return WRONG("client %s: entries are proposed where consensus is alone, and only there",
                     client->name);
    if (client->kind == SIM_CLIENT_PROPOSER)
        return proposer_holds(client, text);
    if (!partition_holds(spec, client->topic.text, client->partition, true, text))
        return false;
    if (client->kind == SIM_CLIENT_CONSUMER)
        return true;
    if (client->interval_ns < 0 || client->start_ns < 0 || client->stop_ns < client->start_ns)
        return WRONG("client %s: its interval, start and stop must not be negative, nor stop before start",
                     client->name);
    if (client->kind == SIM_CLIENT_READER)
        return true;
    if (client->records_per_batch < 1 || client->records_per_batch > RECORDS_MAX)
        return WRONG("producer %s: a batch has 1 to %d records", client->name, RECORDS_MAX);
    if (client->value_bytes < 8 || client->value_bytes > VALUE_BYTES_MAX)
        return WRONG("producer %s: a record has 8 to %d bytes", client->name, VALUE_BYTES_MAX);
    if (client->keys < 0)
        return WRONG("producer %s: the number of keys must not be negative", client->name);
    if (client->keys > 0 && client->partition >= 0)
        return WRONG("producer %s: keys spread records over partitions, and one is named", client->name);
    return acks_hold(client->acks, text);
}

/* ---- steps ---- */

static bool nodes_hold(const struct sim_spec *spec, const struct sim_node_set *nodes, struct isr_text *text)
{
    for (int32_t node = sim_spec_nodes_count(spec) + 1; node < (int32_t)(8 * sizeof nodes->bits); node++) {
        if (sim_node_set_has(nodes, node))
            return WRONG("there is no node %d", (int)node);
    }
    return true;
}

static bool condition_holds(const struct sim_spec *spec, const struct sim_condition *condition,
                            struct isr_text *text)
{
    static const char *const forms[] = {
#define X(NAME, form, meaning) form,
#include "sim/conditions.def"
#undef X
    };
    if (condition->kind >= SIM_CONDITION_KINDS)
        return WRONG("there is no such condition");
    bool partition = strstr(forms[condition->kind], "<p>") != NULL;
    if (condition->node != ISR_NODE_NONE &&
        (condition->node < 0 || condition->node > sim_spec_nodes_count(spec)))
        return WRONG("there is no node %d", (int)condition->node);
    return !partition || partition_holds(spec, condition->topic.text, condition->partition, false, text);
}

static bool client_known(const struct sim_spec *spec, const struct sim_action *action, struct isr_text *text)
{
    if (action->client[0] == '\0')
        return true;
    int32_t node = sim_spec_node_named(spec, action->client);
    if (node == ISR_NODE_NONE || !sim_spec_is_client(spec, node))
        return WRONG("there is no client %s", action->client);
    return true;
}

static bool clock_holds(const struct sim_action *action, struct isr_text *text)
{
    const struct sim_clock_spec *clock = &action->clock;
    if ((action->clock_fields & SIM_CLOCK_OFFSET) &&
        (clock->offset_ns > SIM_CLOCK_OFFSET_NS_MAX || clock->offset_ns < -SIM_CLOCK_OFFSET_NS_MAX))
        return WRONG("a clock's offset is at most %ld seconds", SIM_CLOCK_OFFSET_NS_MAX / ISR_SECOND);
    if ((action->clock_fields & SIM_CLOCK_DRIFT) &&
        (clock->drift_ppm > SIM_CLOCK_DRIFT_PPM_MAX || clock->drift_ppm < -SIM_CLOCK_DRIFT_PPM_MAX))
        return WRONG("a clock's drift is at most %d ppm", SIM_CLOCK_DRIFT_PPM_MAX);
    if ((action->clock_fields & SIM_CLOCK_JUMP) &&
        (clock->jump_ns < 0 || clock->jump_ns > SIM_CLOCK_JUMP_NS_MAX))
        return WRONG("a clock jumps forward only, by at most %ld seconds",
                     SIM_CLOCK_JUMP_NS_MAX / ISR_SECOND);
    if ((action->clock_fields & SIM_CLOCK_WALL) &&
        (clock->wall_ns > SIM_CLOCK_WALL_NS_MAX || clock->wall_ns < -SIM_CLOCK_WALL_NS_MAX))
        return WRONG("a wall clock is stepped by at most %ld seconds", SIM_CLOCK_WALL_NS_MAX / ISR_SECOND);
    return true;
}

static bool produce_holds(const struct sim_spec *spec, const struct sim_action *action, struct isr_text *text)
{
    if (action->count < 1 || action->count > RECORDS_MAX)
        return WRONG("a batch has 1 to %d records", RECORDS_MAX);
    if (action->value_bytes < 8 || action->value_bytes > VALUE_BYTES_MAX)
        return WRONG("a record has 8 to %d bytes", VALUE_BYTES_MAX);
    return acks_hold(action->acks, text) && client_known(spec, action, text) &&
           partition_holds(spec, action->topic.text, action->partition, false, text);
}

static bool propose_holds(const struct sim_spec *spec, const struct sim_action *action, struct isr_text *text)
{
    if (!sim_spec_is_alone(spec))
        return WRONG("entries are proposed where consensus is alone, and only there");
    if (action->count < 1 || action->count > RECORDS_MAX)
        return WRONG("1 to %d entries are proposed at once", RECORDS_MAX);
    if (action->value_bytes < 8 || action->value_bytes > VALUE_BYTES_MAX)
        return WRONG("an entry has 8 to %d bytes", VALUE_BYTES_MAX);
    return client_known(spec, action, text);
}

static bool client_action_holds(const struct sim_spec *spec, const struct sim_action *action,
                                struct isr_text *text)
{
    switch ((int)action->kind) {
    case SIM_ACTION_PRODUCE:
        return produce_holds(spec, action, text);
    case SIM_ACTION_PROPOSE:
        return propose_holds(spec, action, text);
    }
    return client_known(spec, action, text);
}

static bool quorum_holds(const struct sim_spec *spec, const struct sim_action *action, struct isr_text *text)
{
    if (action->node != 0 && !sim_spec_is_controller(spec, action->node))
        return WRONG("node %d is no controller and cannot become one", (int)action->node);
    if (action->asked != 0 && !sim_spec_is_controller(spec, action->asked))
        return WRONG("node %d is no controller that could be asked", (int)action->asked);
    return action->node != 0 || action->kind == SIM_ACTION_TRANSFER_CONTROLLER ||
           WRONG("a change of the quorum names a controller");
}

static bool connections_hold(const struct sim_spec *spec, struct isr_text *text)
{
    return spec->network.connections || WRONG("the network has no connections that could break");
}

static bool alter_holds(const struct sim_spec *spec, const struct sim_action *action, struct isr_text *text)
{
    const struct isr_topic_setting_info *bad = isr_topic_settings_check(&action->settings);
    if (topic_named(spec, action->topic.text) == NULL)
        return WRONG("there is no topic %s", action->topic.text);
    if (action->settings_given == 0)
        return WRONG("no setting is changed");
    return bad == NULL || WRONG("%s is %ld to %ld", bad->name, (long)bad->least, (long)bad->most);
}

static bool reassign_holds(const struct sim_spec *spec, const struct sim_action *action,
                           struct isr_text *text)
{
    if (!partition_holds(spec, action->topic.text, action->partition, false, text))
        return false;
    if (action->cancel != (action->replicas.count == 0))
        return WRONG("a reassignment names the replicas that are wanted, or cancels");
    for (unsigned i = 0; i < action->replicas.count; i++) {
        if (!sim_spec_is_broker(spec, action->replicas.ids[i]))
            return WRONG("node %d is no broker", action->replicas.ids[i]);
    }
    return true;
}

/* Whom the action is done to: somebody, and nobody that there is not. */
static bool some_nodes_hold(const struct sim_spec *spec, const struct sim_node_set *nodes,
                            struct isr_text *text)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < sizeof nodes->bits / sizeof nodes->bits[0]; i++)
        bits |= nodes->bits[i];
    return bits != 0 ? nodes_hold(spec, nodes, text) : WRONG("a set of nodes is empty");
}

static bool sets_hold(const struct sim_spec *spec, const struct sim_action *action, struct isr_text *text)
{
    switch (sim_action_scope(action->kind)) {
    case SIM_SCOPE_NODES:
    case SIM_SCOPE_DISKS:
        return some_nodes_hold(spec, &action->nodes, text);
    case SIM_SCOPE_LINKS:
        return some_nodes_hold(spec, &action->from, text) && some_nodes_hold(spec, &action->to, text);
    case SIM_SCOPE_NETWORK:
        break;
    case SIM_SCOPE_CLIENTS:
    case SIM_SCOPE_TOPICS:
    case SIM_SCOPE_QUORUM:
    case SIM_SCOPE_TIMELINE:
        return true;
    }
    if (action->kind == SIM_ACTION_ISOLATE)
        return some_nodes_hold(spec, &action->nodes, text);
    if (action->groups_count < 2)
        return WRONG("a partition has at least two groups");
    for (uint32_t i = 0; i < action->groups_count; i++) {
        if (!some_nodes_hold(spec, &action->groups[i], text))
            return false;
    }
    return true;
}

/* What an action is done with; whom it is done to is looked at before. */
static bool node_action_holds(const struct sim_action *action, struct isr_text *text)
{
    if (action->kind == SIM_ACTION_SLOW_CPU)
        return (action->cost_ns >= 0 && action->cost_ns <= 60 * ISR_SECOND) ||
               WRONG("an event takes a slow processor at most a minute");
    if (action->kind == SIM_ACTION_MEMORY)
        return action->count >= 0 || WRONG("a bound of memory must not be negative");
    return action->kind != SIM_ACTION_CLOCK || clock_holds(action, text);
}

static bool disk_change_holds(const struct sim_action *action, struct isr_text *text)
{
    return ((action->disk_fields & SIM_DISK_WRITE) == 0 ||
            distribution_holds(&action->disk.write_latency, "write latency", text)) &&
           ((action->disk_fields & SIM_DISK_SYNC) == 0 ||
            distribution_holds(&action->disk.sync_latency, "sync latency", text)) &&
           ((action->disk_fields & SIM_DISK_READ) == 0 ||
            distribution_holds(&action->disk.read_latency, "read latency", text));
}

static bool disk_action_holds(const struct sim_spec *spec, const struct sim_action *action,
                              struct isr_text *text)
{
    switch ((int)action->kind) {
    case SIM_ACTION_DISK:
        return disk_change_holds(action, text);
    case SIM_ACTION_DISK_FAIL:
        return (action->operations != 0 && action->count >= 1) || WRONG("no operation is told to fail");
    case SIM_ACTION_LOSE_WRITES:
    case SIM_ACTION_MISDIRECT_WRITES:
        return action->count >= 1 || WRONG("no write is told to go wrong");
    case SIM_ACTION_ROT:
        return (action->count >= 1 || WRONG("no byte is told to rot")) &&
               (action->partition < 0 ||
                partition_holds(spec, action->topic.text, action->partition, false, text));
    case SIM_ACTION_STALL:
        return action->span_ns >= 0 || WRONG("a disk cannot stand still for a negative time");
    case SIM_ACTION_DISK_FULL:
        return action->count >= 0 || WRONG("the room left on a disk must not be negative");
    }
    return true;
}

static bool link_action_holds(const struct sim_spec *spec, const struct sim_action *action,
                              struct isr_text *text)
{
    switch ((int)action->kind) {
    case SIM_ACTION_LINK:
        return link_change_holds(action, text);
    case SIM_ACTION_HOLD:
    case SIM_ACTION_DROP:
        return action->count >= 0 || WRONG("a number of messages must not be negative");
    case SIM_ACTION_RESET:
    case SIM_ACTION_HALF_OPEN:
        return connections_hold(spec, text);
    }
    return true;
}

static bool topic_action_holds(const struct sim_spec *spec, const struct sim_action *action,
                               struct isr_text *text)
{
    switch ((int)action->kind) {
    case SIM_ACTION_ELECT:
        return partition_holds(spec, action->topic.text, action->partition, false, text);
    case SIM_ACTION_DELETE_RECORDS:
        return partition_holds(spec, action->topic.text, action->partition, false, text) &&
               (action->offset >= -1 ||
                WRONG("records are deleted below an offset, or below the high watermark"));
    case SIM_ACTION_ALTER_TOPIC:
        return alter_holds(spec, action, text);
    case SIM_ACTION_REASSIGN:
        return reassign_holds(spec, action, text);
    }
    return topic_named(spec, action->topic.text) != NULL || WRONG("there is no topic %s", action->topic.text);
}

static bool action_holds(const struct sim_spec *spec, const struct sim_action *action, struct isr_text *text)
{
    if (action->groups_count > SIM_GROUPS_MAX)
        return WRONG("at most %d groups", SIM_GROUPS_MAX);
    if ((unsigned)action->kind >= SIM_ACTION_KINDS)
        return WRONG("there is no such action");
    if (!sets_hold(spec, action, text))
        return false;
    switch (sim_action_scope(action->kind)) {
    case SIM_SCOPE_NODES:
        return node_action_holds(action, text);
    case SIM_SCOPE_DISKS:
        return disk_action_holds(spec, action, text);
    case SIM_SCOPE_LINKS:
        return link_action_holds(spec, action, text);
    case SIM_SCOPE_CLIENTS:
        return client_action_holds(spec, action, text);
    case SIM_SCOPE_TOPICS:
        return topic_action_holds(spec, action, text);
    case SIM_SCOPE_QUORUM:
        return quorum_holds(spec, action, text);
    case SIM_SCOPE_NETWORK:
    case SIM_SCOPE_TIMELINE:
        break;
    }
    return true;
}

static bool step_holds(const struct sim_spec *spec, const struct sim_step *step, struct isr_text *text)
{
    if ((step->gate == SIM_GATE_AT || step->gate == SIM_GATE_WAIT) && step->time_ns < 0)
        return WRONG("a step's time must not be negative");
    if (step->gate == SIM_GATE_AT && step->time_ns > spec->duration_ns)
        return WRONG("the run is over before this step");
    if ((step->gate == SIM_GATE_WHEN || step->gate == SIM_GATE_AFTER) &&
        !condition_holds(spec, &step->condition, text))
        return false;
    return action_holds(spec, &step->action, text);
}

/* ---- the whole ---- */

const char *sim_spec_check(const struct sim_spec *spec, char *buffer, size_t buffer_bytes, uint32_t *where)
{
    struct isr_text sentence = {.buffer = buffer, .capacity = buffer_bytes};
    struct isr_text *text = &sentence;
    *where = 0;
    if (!cluster_holds(spec, text) || !link_holds(&spec->network, text) || !disk_holds(&spec->disk, text) ||
        !schedule_holds(&spec->schedule, text))
        return buffer;
    for (uint32_t i = 0; i < spec->topics_count; i++) {
        if (!topic_holds(spec, &spec->topics[i], text))
            return buffer;
    }
    for (uint32_t i = 0; i < spec->clients_count; i++) {
        if (!client_holds(spec, i, text))
            return buffer;
    }
    for (uint32_t i = 0; i < spec->steps_count; i++) {
        if (!step_holds(spec, &spec->steps[i], text)) {
            *where = i + 1;
            return buffer;
        }
    }
    return NULL;
}
