#include "faults/administrator.h"

#include "faults/retention.h"

static struct sim_step *topic_step(struct fault_plan *plan, const struct sim_topic_spec *topic,
                                   int64_t time_ns, enum sim_action_kind kind)
{
    struct sim_step *step = step_at(plan, time_ns, kind);
    if (step != NULL) {
        step->action.topic = topic->name;
        step->action.settings = topic->settings;
    }
    return step;
}

/* To as many replicas as before, in the order of the brokers from any of them on. */
void fault_reassign(struct fault_plan *plan, struct fault_draws *draws, struct window window)
{
    const struct sim_topic_spec *topic = &plan->topics[fault_between(draws, 0, plan->spec.topics_count - 1)];
    int32_t partition = (int32_t)fault_between(draws, 0, topic->partitions - 1);
    int32_t first = (int32_t)fault_between(draws, 0, plan->spec.brokers - 1);
    bool cancels = fault_one_in(draws, 3);
    struct sim_step *step = topic_step(plan, topic, window.from_ns, SIM_ACTION_REASSIGN);
    if (step == NULL)
        return;
    step->action.partition = partition;
    for (int32_t i = 0; i < topic->replication_factor; i++)
        isr_replicas_add(&step->action.replicas, 1 + (first + i) % plan->spec.brokers);
    step = cancels ? topic_step(plan, topic, window.until_ns, SIM_ACTION_REASSIGN) : NULL;
    if (step != NULL) {
        step->action.partition = partition;
        step->action.cancel = true;
    }
}

/* Where the commit policy does not go by min ISR, more than one is refused. */
static void set_min_isr(struct fault_plan *plan, const struct sim_topic_spec *topic, int64_t time_ns,
                        int64_t min_isr)
{
    struct sim_step *step = topic_step(plan, topic, time_ns, SIM_ACTION_ALTER_TOPIC);
    if (step == NULL)
        return;
    step->action.settings.min_isr = min_isr;
    step->action.settings_given = 1; /* min_isr, the first of the list */
}

void fault_topic(struct fault_plan *plan, struct fault_draws *draws, struct window window, bool *deleted)
{
    const struct sim_topic_spec *topic = &plan->topics[fault_between(draws, 0, plan->spec.topics_count - 1)];
    if (fault_one_in(draws, 3) && !*deleted) {
        *deleted = true;
        topic_step(plan, topic, window.from_ns, SIM_ACTION_DELETE_TOPIC);
        topic_step(plan, topic, window.until_ns, SIM_ACTION_CREATE_TOPIC);
        return;
    }
    int64_t min_isr = fault_between(draws, 1, topic->replication_factor);
    bool for_good = fault_one_in(draws, 3);
    set_min_isr(plan, topic, window.from_ns, min_isr);
    if (!for_good)
        set_min_isr(plan, topic, window.until_ns, topic->settings.min_isr);
}

void fault_elect(struct fault_plan *plan, struct fault_draws *draws, struct window window)
{
    const struct sim_topic_spec *topic = &plan->topics[fault_between(draws, 0, plan->spec.topics_count - 1)];
    struct sim_step *step = step_at(plan, window.from_ns, SIM_ACTION_ELECT);
    if (step == NULL)
        return;
    step->action.topic = topic->name;
    step->action.partition = (int32_t)fault_between(draws, 0, topic->partitions - 1);
}

void fault_delete_records(struct fault_plan *plan, struct fault_draws *draws, struct window window)
{
    const struct sim_topic_spec *topic = &plan->topics[fault_between(draws, 0, plan->spec.topics_count - 1)];
    struct sim_step *step = step_at(plan, window.from_ns, SIM_ACTION_DELETE_RECORDS);
    if (step == NULL)
        return;
    step->action.topic = topic->name;
    step->action.partition = (int32_t)fault_between(draws, 0, topic->partitions - 1);
    fault_draw_deletion(&step->action, draws);
}

/* A controller that votes at first; 0 now and then: whichever. */
static int32_t any_voter(struct fault_draws *draws, const struct sim_spec *spec)
{
    int32_t number = (int32_t)fault_between(draws, 0, spec->controllers);
    return number == 0 || spec->combined ? number : spec->brokers + number;
}

static void quorum_step(struct fault_plan *plan, int64_t time_ns, enum sim_action_kind kind, int32_t node)
{
    struct sim_step *step = step_at(plan, time_ns, kind);
    if (step != NULL)
        step->action.node = node;
}

void fault_transfer(struct fault_plan *plan, struct fault_draws *draws, struct window window)
{
    quorum_step(plan, window.from_ns, SIM_ACTION_TRANSFER_CONTROLLER, any_voter(draws, &plan->spec));
}

/* Who stands by comes in, perhaps as a learner first; then it leaves, or a voter leaves that it makes up for.
 * Each that stands by makes up for one: of the first voters' number a majority is needed at most. */
void fault_members(struct fault_plan *plan, struct fault_draws *draws, struct window window,
                   int32_t *replaced)
{
    const struct sim_spec *spec = &plan->spec;
    int32_t first = sim_spec_first_client(spec) - spec->standby_controllers;
    int32_t node = first + (int32_t)fault_between(draws, 0, spec->standby_controllers - 1);
    int32_t voter = any_voter(draws, spec);
    bool learns = fault_one_in(draws, 3);
    bool replaces = fault_one_in(draws, 2) && voter != 0 && *replaced < spec->standby_controllers;
    if (learns)
        quorum_step(plan, window.from_ns, SIM_ACTION_ADD_LEARNER, node);
    quorum_step(plan, window.from_ns + learns, SIM_ACTION_ADD_VOTER, node);
    quorum_step(plan, window.until_ns, SIM_ACTION_REMOVE_VOTER, replaces ? voter : node);
    *replaced += replaces;
}
