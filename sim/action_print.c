#include "sim/action.h"

static void print_set(const struct sim_spec *spec, const struct sim_node_set *set, struct isr_text *text)
{
    const char *separator = "";
    char name[SIM_LABEL_BYTES];
    if (sim_node_set_has(set, SIM_NODE_CONTROLLER)) {
        isr_text_format(text, "the active controller");
        separator = ", ";
    }
    for (int32_t node = 1; node <= sim_spec_nodes_count(spec); node++) {
        if (!sim_node_set_has(set, node))
            continue;
        isr_text_format(text, "%s%s", separator, sim_spec_node_name(spec, node, name));
        separator = ", ";
    }
    if (separator[0] == '\0')
        isr_text_format(text, "all nodes");
}

static const char *sentence_end(enum sim_action_kind kind)
{
    static const char *const ends[] = {
        [SIM_ACTION_POWER_OFF] = " lost power",
        [SIM_ACTION_KILL] = " killed",
        [SIM_ACTION_SHUTDOWN] = " asked to stop cleanly",
        [SIM_ACTION_START] = " started",
        [SIM_ACTION_CAMPAIGN] = " goes rogue and stands for election",
        [SIM_ACTION_PAUSE] = " frozen",
        [SIM_ACTION_RESUME] = " goes on",
        [SIM_ACTION_WIPE] = ": the disk is replaced by an empty one",
        [SIM_ACTION_SLOW_CPU] = ": the processor's speed changes",
        [SIM_ACTION_MEMORY] = ": the bound of the memory changes",
        [SIM_ACTION_ISOLATE] = " cut off from everybody",
        [SIM_ACTION_HEAL] = " connected again",
        [SIM_ACTION_DISK] = ": the disk changes",
        [SIM_ACTION_DISK_FAIL] = ": the disk will fail",
        [SIM_ACTION_DISK_FULL] = ": the disk is full",
        [SIM_ACTION_DISK_FREE] = ": the disk has room again",
        [SIM_ACTION_STALL] = ": the disk stands still",
        [SIM_ACTION_UNSTALL] = ": the disk goes on",
        [SIM_ACTION_ROT] = ": the disk rots",
        [SIM_ACTION_LOSE_WRITES] = ": the disk will lose writes",
        [SIM_ACTION_MISDIRECT_WRITES] = ": the disk will write to wrong places",
        [SIM_ACTION_CLOCK] = ": the clock changes",
        [SIM_ACTION_KINDS] = "",
    };
    return ends[kind] != NULL ? ends[kind] : "";
}

static void print_quorum(const struct sim_spec *spec, const struct sim_action *action, struct isr_text *text)
{
    char name[SIM_LABEL_BYTES];
    const char *node = action->node == 0 ? "any voter" : sim_spec_node_name(spec, action->node, name);
    if (action->kind == SIM_ACTION_TRANSFER_CONTROLLER)
        isr_text_format(text, "an administrator asks the controllers to be led by %s", node);
    else if (action->kind == SIM_ACTION_REMOVE_VOTER)
        isr_text_format(text, "an administrator takes %s out of the controllers' quorum", node);
    else
        isr_text_format(text, "an administrator makes %s a %s of the controllers' quorum", node,
                        action->kind == SIM_ACTION_ADD_VOTER ? "voter" : "learner");
    if (action->asked != 0)
        isr_text_format(text, ", and asks %s", sim_spec_node_name(spec, action->asked, name));
}

static const char *links_begin(const struct sim_action *action)
{
    static const char *const begins[] = {
        [SIM_ACTION_CUT] = "link cut: ",
        [SIM_ACTION_LINK] = "link changed: ",
        [SIM_ACTION_HOLD] = "messages held: ",
        [SIM_ACTION_DROP] = "messages dropped: ",
        [SIM_ACTION_RELEASE] = "held messages released: ",
        [SIM_ACTION_RESET] = "connection reset: ",
        [SIM_ACTION_HALF_OPEN] = "connection half open: ",
        [SIM_ACTION_KINDS] = "",
    };
    bool lost = action->kind == SIM_ACTION_RELEASE && action->discard;
    return lost ? "held messages lost: " : begins[action->kind];
}

static void print_links(const struct sim_spec *spec, const struct sim_action *action, struct isr_text *text)
{
    isr_text_format(text, "%s", links_begin(action));
    print_set(spec, &action->from, text);
    isr_text_format(text, action->both_ways ? " <-> " : " -> ");
    print_set(spec, &action->to, text);
}

static void print_settings(const struct sim_action *action, struct isr_text *text)
{
    size_t count;
    const struct isr_topic_setting_info *list = isr_topic_setting_list(&count);
    isr_text_format(text, "an administrator changes topic %s:", action->topic.text);
    for (size_t i = 0; i < count && i < 64; i++) {
        if ((action->settings_given >> i & 1) != 0)
            isr_text_format(text, " %s %ld", list[i].name,
                            isr_topic_setting_get(&action->settings, &list[i]));
    }
}

static void print_reassign(const struct sim_action *action, struct isr_text *text)
{
    if (action->cancel) {
        isr_text_format(text, "an administrator cancels the reassignment of %s-%d", action->topic.text,
                        (int)action->partition);
        return;
    }
    isr_text_format(text, "an administrator moves %s-%d to [", action->topic.text, (int)action->partition);
    for (unsigned i = 0; i < action->replicas.count; i++)
        isr_text_format(text, "%s%d", i > 0 ? ", " : "", action->replicas.ids[i]);
    isr_text_format(text, "]");
}

static void print_nodes(const struct sim_spec *spec, const struct sim_action *action, struct isr_text *text)
{
    print_set(spec, &action->nodes, text);
    if (action->kind == SIM_ACTION_LYING_SYNC)
        isr_text_format(text,
                        action->on ? ": the disk lies about syncs" : ": the disk is honest about syncs");
    else if (action->kind == SIM_ACTION_LOSE_NAMES)
        isr_text_format(text,
                        action->on ? ": the disk is late with names" : ": the disk is prompt with names");
    else
        isr_text_format(text, "%s", sentence_end(action->kind));
}

static void print_network(const struct sim_spec *spec, const struct sim_action *action, struct isr_text *text)
{
    if (action->kind == SIM_ACTION_ISOLATE) {
        print_nodes(spec, action, text);
        return;
    }
    isr_text_format(text, "network partition: ");
    for (uint32_t i = 0; i < action->groups_count; i++) {
        isr_text_format(text, i == 0 ? "" : " | ");
        print_set(spec, &action->groups[i], text);
    }
}

static void print_clients(const struct sim_action *action, struct isr_text *text)
{
    const char *client = action->client;
    if (action->kind == SIM_ACTION_TRAFFIC)
        isr_text_format(text, "%s %s", client[0] != '\0' ? client : "producers",
                        action->on ? "on" : "at rest");
    else if (action->kind == SIM_ACTION_PROPOSE)
        isr_text_format(text, "%s proposes %ld entr%s", client[0] != '\0' ? client : "a client",
                        action->count, action->count == 1 ? "y" : "ies");
    else
        isr_text_format(text, "%s sends %ld record%s to %s-%d with acks=%s",
                        client[0] != '\0' ? client : "a client", action->count, action->count == 1 ? "" : "s",
                        action->topic.text, (int)action->partition,
                        action->acks < 0    ? "all"
                        : action->acks == 0 ? "0"
                                            : "1");
}

static void print_delete_records(const struct sim_action *action, struct isr_text *text)
{
    isr_text_format(text, "an administrator has the records of %s-%d deleted", action->topic.text,
                    (int)action->partition);
    if (action->offset < 0)
        isr_text_format(text, " up to the high watermark");
    else
        isr_text_format(text, " below offset %ld", action->offset);
}

static void print_topics(const struct sim_action *action, struct isr_text *text)
{
    switch ((int)action->kind) {
    case SIM_ACTION_ELECT:
        isr_text_format(text, "an administrator asks for %s election of %s-%d",
                        action->elect_kind == 0 ? "a preferred" : "an unclean", action->topic.text,
                        (int)action->partition);
        break;
    case SIM_ACTION_DELETE_RECORDS:
        print_delete_records(action, text);
        break;
    case SIM_ACTION_DELETE_TOPIC:
        isr_text_format(text, "an administrator deletes topic %s", action->topic.text);
        break;
    case SIM_ACTION_CREATE_TOPIC:
        isr_text_format(text, "an administrator makes topic %s anew", action->topic.text);
        break;
    case SIM_ACTION_ALTER_TOPIC:
        print_settings(action, text);
        break;
    case SIM_ACTION_REASSIGN:
        print_reassign(action, text);
        break;
    }
}

void sim_action_print(const struct sim_spec *spec, const struct sim_action *action, struct isr_text *text)
{
    switch (sim_action_scope(action->kind)) {
    case SIM_SCOPE_NODES:
    case SIM_SCOPE_DISKS:
        print_nodes(spec, action, text);
        break;
    case SIM_SCOPE_LINKS:
        print_links(spec, action, text);
        break;
    case SIM_SCOPE_NETWORK:
        print_network(spec, action, text);
        break;
    case SIM_SCOPE_CLIENTS:
        print_clients(action, text);
        break;
    case SIM_SCOPE_TOPICS:
        print_topics(action, text);
        break;
    case SIM_SCOPE_QUORUM:
        print_quorum(spec, action, text);
        break;
    case SIM_SCOPE_TIMELINE:
        isr_text_format(text, "%s", action->text);
        break;
    }
}
