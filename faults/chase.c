/* A chase: one fault after the other, each as soon as the one before it has had its effect on one partition.
 *
 * Replication is open to attack for moments only: until a new leader's followers know it, until an ISR change
 * is told to everybody, until a replica that came back has caught up. Faults at times drawn from the whole
 * run rarely meet two such moments in a row; what history got wrong mostly needs just that: a failover soon
 * after a failover (KAFKA-7164, KAFKA-7415, KIP-279), or a death right after an ISR change (KAFKA-7128,
 * KIP-497, KIP-903).
 *
 * A chase goes through moves. A move begins with a step that waits for the event that the move before was
 * made for (each wait has a bound), and says what the next one waits for. Who leads is guessed: the first
 * replica that is not struck. A wrong guess makes a weaker move, not a wrong one. */
#include "faults/chase.h"

#include <string.h>

#include "faults/budget.h"
#include "faults/steps.h"

enum { STRUCK_MAX = 2 };
static const int64_t BEGINS_NS = 3 * ISR_SECOND;

enum strike {
    STRIKE_KILL,
    STRIKE_POWER_OFF,
    STRIKE_PAUSE,
    STRIKE_SHUTDOWN,
    STRIKE_DEAFEN,
    STRIKE_DELAY,
    STRIKE_SEPARATE,
    STRIKE_ISOLATE
};
enum { STRIKE_KINDS = STRIKE_ISOLATE + 1 };

struct struck {
    int32_t node; /* SIM_NODE_CONTROLLER: who that was is not known beforehand */
    enum sim_action_kind undo;
};

struct chase {
    struct fault_plan *plan;
    struct fault_draws *draws;
    const struct sim_topic_spec *topic;
    int32_t partition;
    const struct isr_replicas *replicas;
    int32_t leader; /* as guessed */
    struct fault_budget left;
    struct sim_step gate; /* of the next step: gate, times and condition are taken from it */
    struct struck struck[STRUCK_MAX];
    uint32_t struck_count;
};

/* ---- steps ---- */

static struct sim_step *step_add(struct chase *chase, enum sim_action_kind kind)
{
    struct fault_plan *plan = chase->plan;
    if (plan->spec.steps_count == FAULT_STEPS_MAX)
        return NULL;
    struct sim_step *step = &plan->steps[plan->spec.steps_count++];
    *step = chase->gate;
    step->action = (struct sim_action){.kind = kind, .partition = -1};
    chase->gate = (struct sim_step){.gate = SIM_GATE_NONE, .at_latest_ns = ISR_TIME_NEVER};
    return step;
}

/* The last step is that fault. */
static struct sim_step *marked(struct chase *chase, struct sim_step *step, enum fault_kind kind)
{
    if (step != NULL)
        step->mark = fault_mark(kind, chase->plan->faults_count++);
    return step;
}

static void step_on(struct chase *chase, enum sim_action_kind kind, int32_t node)
{
    struct sim_step *step = step_add(chase, kind);
    if (step != NULL)
        sim_node_set_add(&step->action.nodes, node);
}

/* A gate that is not used yet gets a step that does nothing. */
static void gate_use(struct chase *chase)
{
    if (chase->gate.gate != SIM_GATE_NONE)
        (void)step_add(chase, SIM_ACTION_NOTE);
}

static void wait_for(struct chase *chase, int64_t ns)
{
    gate_use(chase);
    chase->gate = (struct sim_step){.gate = SIM_GATE_WAIT, .time_ns = ns, .at_latest_ns = ISR_TIME_NEVER};
}

static void wait_until(struct chase *chase, enum sim_gate_kind gate, enum sim_condition_kind kind,
                       int32_t node, bool is, int64_t at_latest_ns)
{
    gate_use(chase);
    chase->gate = (struct sim_step){.gate = gate, .at_latest_ns = at_latest_ns};
    chase->gate.condition = (struct sim_condition){.kind = kind,
                                                   .topic = chase->topic->name,
                                                   .partition = chase->partition,
                                                   .node = node,
                                                   .comparison = is ? SIM_EQUAL : SIM_NOT_EQUAL};
}

/* ---- who ---- */

static bool is_struck(const struct chase *chase, int32_t node)
{
    for (uint32_t i = 0; i < chase->struck_count; i++) {
        if (chase->struck[i].node == node)
            return true;
    }
    return false;
}

static void guess_leader(struct chase *chase)
{
    for (unsigned i = 0; i < chase->replicas->count; i++) {
        if (!is_struck(chase, chase->replicas->ids[i])) {
            chase->leader = chase->replicas->ids[i];
            return;
        }
    }
}

static int32_t any_follower(struct chase *chase)
{
    unsigned place = (unsigned)fault_between(chase->draws, 0, chase->replicas->count - 1);
    if (chase->replicas->ids[place] == chase->leader)
        place = (place + 1) % chase->replicas->count;
    return chase->replicas->ids[place];
}

static void add_nodes(struct sim_node_set *set, int32_t from, int32_t to, int32_t except)
{
    for (int32_t node = from; node <= to; node++) {
        if (node != except)
            sim_node_set_add(set, node);
    }
}

static int32_t last_node(const struct sim_spec *spec)
{
    return spec->brokers + sim_spec_own_controllers(spec);
}

static bool is_on(const struct chase *chase, enum fault_kind kind)
{
    return (chase->plan->kinds >> kind & 1) != 0;
}

/* ---- strikes ---- */

static enum fault_kind kind_of(enum strike strike)
{
    switch (strike) {
    case STRIKE_KILL:
        return FAULT_KILL;
    case STRIKE_POWER_OFF:
        return FAULT_POWER_OFF;
    case STRIKE_PAUSE:
        return FAULT_PAUSE;
    case STRIKE_SHUTDOWN:
        return FAULT_SHUTDOWN;
    case STRIKE_DEAFEN:
        return FAULT_CONTROL_CUT;
    case STRIKE_DELAY:
        return FAULT_SLOW_LINK;
    case STRIKE_SEPARATE:
        return FAULT_HALVES;
    case STRIKE_ISOLATE:
        return FAULT_ISOLATE;
    }
    return FAULT_KINDS;
}

static enum strike draw_strike(struct chase *chase, int32_t node)
{
    enum strike strike;
    do {
        strike = (enum strike)fault_between(chase->draws, 0, STRIKE_KINDS - 1);
    } while (!is_on(chase, kind_of(strike)));
    if (strike == STRIKE_POWER_OFF && !fault_budget_take(&chase->left, chase->plan, FAULT_BUDGET_POWER, node))
        return STRIKE_KILL; /* every profile that may take power may kill */
    return strike;
}

static void add_controllers(const struct sim_spec *spec, struct sim_node_set *set, int32_t except)
{
    if (spec->combined)
        add_nodes(set, 1, spec->controllers, except);
    else
        add_nodes(set, spec->brokers + 1, last_node(spec), except);
}

/* It no longer hears the controllers: its metadata grows old. */
static void deafen(struct chase *chase, int32_t node)
{
    struct sim_step *step = step_add(chase, SIM_ACTION_CUT);
    if (step == NULL)
        return;
    add_controllers(&chase->plan->spec, &step->action.from, node);
    sim_node_set_add(&step->action.to, node);
}

/* What it asks of the controllers comes late: when it is no longer so. */
static void delay(struct chase *chase, int32_t node)
{
    int64_t slow_ns = fault_between(chase->draws, 200, 2500) * ISR_MS;
    struct sim_step *step = step_add(chase, SIM_ACTION_LINK);
    if (step == NULL)
        return;
    sim_node_set_add(&step->action.from, node);
    add_controllers(&chase->plan->spec, &step->action.to, node);
    step->action.link_fields = SIM_LINK_LATENCY;
    step->action.link.latency =
        (struct sim_distribution){slow_ns / 2, slow_ns, slow_ns + slow_ns / 2, slow_ns * 2};
}

/* Clients still reach it: a leader that was deposed goes on to append. */
static void separate(struct chase *chase, int32_t node)
{
    struct sim_step *step = step_add(chase, SIM_ACTION_PARTITION);
    if (step == NULL)
        return;
    step->action.groups_count = 2;
    sim_node_set_add(&step->action.groups[0], node);
    add_nodes(&step->action.groups[1], 1, last_node(&chase->plan->spec), node);
}

static void strike(struct chase *chase, int32_t node)
{
    struct struck *struck = &chase->struck[chase->struck_count++];
    *struck = (struct struck){.node = node, .undo = SIM_ACTION_START};
    enum strike drawn = draw_strike(chase, node);
    uint32_t place = chase->plan->spec.steps_count;
    switch (drawn) {
    case STRIKE_KILL:
        step_on(chase, SIM_ACTION_KILL, node);
        break;
    case STRIKE_POWER_OFF:
        step_on(chase, SIM_ACTION_POWER_OFF, node);
        break;
    case STRIKE_PAUSE:
        step_on(chase, SIM_ACTION_PAUSE, node);
        struck->undo = SIM_ACTION_RESUME;
        break;
    case STRIKE_SHUTDOWN:
        step_on(chase, SIM_ACTION_SHUTDOWN, node);
        break;
    case STRIKE_DEAFEN:
        deafen(chase, node);
        struck->undo = SIM_ACTION_HEAL;
        break;
    case STRIKE_DELAY:
        delay(chase, node);
        struck->undo = SIM_ACTION_HEAL;
        break;
    case STRIKE_SEPARATE:
        separate(chase, node);
        struck->undo = SIM_ACTION_HEAL;
        break;
    case STRIKE_ISOLATE:
        step_on(chase, SIM_ACTION_ISOLATE, node);
        struck->undo = SIM_ACTION_HEAL;
        break;
    }
    if (place < FAULT_STEPS_MAX)
        (void)marked(chase, &chase->plan->steps[place], kind_of(drawn));
}

static void undo(struct chase *chase, uint32_t which)
{
    struct struck struck = chase->struck[which];
    memmove(&chase->struck[which], &chase->struck[which + 1],
            (chase->struck_count - which - 1) * sizeof chase->struck[0]);
    chase->struck_count--;
    struct sim_step *step = step_add(chase, struck.undo);
    if (step == NULL)
        return;
    if (struck.node != SIM_NODE_CONTROLLER)
        sim_node_set_add(&step->action.nodes, struck.node);
    else
        add_controllers(&chase->plan->spec, &step->action.nodes, SIM_NODE_CONTROLLER);
}

/* ---- moves ---- */

static int64_t failover_ns(const struct chase *chase)
{
    return chase->plan->spec.config.broker_session_timeout + ISR_SECOND;
}

static int64_t shrink_ns(const struct chase *chase)
{
    return 2 * chase->plan->spec.config.replica_lag_time_max + ISR_SECOND;
}

/* A strike at the leader; what comes next comes with its successor. */
static void move_failover(struct chase *chase)
{
    strike(chase, chase->leader);
    guess_leader(chase);
    if (fault_one_in(chase->draws, 4))
        wait_for(chase, fault_between(chase->draws, 0, 200) * ISR_MS);
    else
        wait_until(chase, SIM_GATE_AFTER, SIM_CONDITION_LEADER_ELECTED, ISR_NODE_NONE, true,
                   failover_ns(chase));
}

static void move_follower(struct chase *chase)
{
    int32_t node = any_follower(chase);
    if (is_struck(chase, node))
        return;
    strike(chase, node);
    if (fault_one_in(chase->draws, 2))
        wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_HAS, node, false, shrink_ns(chase));
}

/* The follower falls behind the leader but nobody else; it is let go when it is out of the ISR. */
static void move_lag(struct chase *chase)
{
    int32_t node = any_follower(chase);
    if (is_struck(chase, node) || is_struck(chase, chase->leader))
        return;
    struct sim_step *step = marked(chase, step_add(chase, SIM_ACTION_CUT), FAULT_CUT);
    if (step == NULL)
        return;
    sim_node_set_add(&step->action.from, chase->leader);
    sim_node_set_add(&step->action.to, node);
    chase->struck[chase->struck_count++] = (struct struck){.node = node, .undo = SIM_ACTION_HEAL};
    wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_HAS, node, false, shrink_ns(chase));
}

/* The leader is struck while its ISR change is on the way. */
static void move_pending(struct chase *chase)
{
    wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_PENDING, chase->leader, true, 1500 * ISR_MS);
    if (fault_one_in(chase->draws, 3))
        wait_for(chase, fault_between(chase->draws, 0, 20) * ISR_MS);
    move_failover(chase);
}

static void move_elect(struct chase *chase)
{
    struct sim_step *step = marked(chase, step_add(chase, SIM_ACTION_ELECT), FAULT_ELECT);
    if (step == NULL)
        return;
    step->action.topic = chase->topic->name;
    step->action.partition = chase->partition;
    guess_leader(chase);
    wait_until(chase, SIM_GATE_AFTER, SIM_CONDITION_LEADER_ELECTED, ISR_NODE_NONE, true, 300 * ISR_MS);
}

/* What is true for a moment only, anywhere: a high watermark of which followers have not heard, a log that
 * was cut and not yet written again, metadata that came as a snapshot. The leader is struck then. */
static void move_moment(struct chase *chase)
{
    static const enum sim_condition_kind moments[] = {SIM_CONDITION_HW_MOVED, SIM_CONDITION_HW_MOVED,
                                                      SIM_CONDITION_LOG_CUT,
                                                      SIM_CONDITION_SNAPSHOT_INSTALLED};
    wait_until(chase, SIM_GATE_AFTER, moments[fault_between(chase->draws, 0, 3)], ISR_NODE_NONE, true,
               1200 * ISR_MS);
    if (fault_one_in(chase->draws, 3))
        wait_for(chase, fault_between(chase->draws, 0, 10) * ISR_MS);
    move_failover(chase);
}

/* The active controller dies, or loses touch with the other voters while brokers still reach it. */
static void move_controller(struct chase *chase)
{
    const struct sim_spec *spec = &chase->plan->spec;
    bool kills = is_on(chase, FAULT_KILL_CONTROLLER), cuts = is_on(chase, FAULT_CUT_CONTROLLER);
    bool cut = cuts && (fault_one_in(chase->draws, 2) || !kills);
    if (spec->controllers == 1 || (!cuts && !kills) || is_struck(chase, SIM_NODE_CONTROLLER))
        return;
    struct sim_step *step = marked(chase, step_add(chase, cut ? SIM_ACTION_CUT : SIM_ACTION_KILL),
                                   cut ? FAULT_CUT_CONTROLLER : FAULT_KILL_CONTROLLER);
    if (step == NULL)
        return;
    chase->struck[chase->struck_count++] =
        (struct struck){.node = SIM_NODE_CONTROLLER, .undo = cut ? SIM_ACTION_HEAL : SIM_ACTION_START};
    if (!cut) {
        sim_node_set_add(&step->action.nodes, SIM_NODE_CONTROLLER);
        return;
    }
    sim_node_set_add(&step->action.from, SIM_NODE_CONTROLLER);
    add_controllers(spec, &step->action.to, SIM_NODE_CONTROLLER);
    step->action.both_ways = true;
}

static void step_between(struct chase *chase, enum fault_kind kind, int32_t from, int32_t to, bool both_ways)
{
    struct sim_step *step = marked(chase, step_add(chase, SIM_ACTION_CUT), kind);
    if (step == NULL)
        return;
    sim_node_set_add(&step->action.from, from);
    sim_node_set_add(&step->action.to, to);
    step->action.both_ways = both_ways;
}

/* Voters die and come back at once, again and again, while they elect: what was said before it was durable is
 * forgotten. */
static void move_flurry(struct chase *chase)
{
    const struct sim_spec *spec = &chase->plan->spec;
    int32_t first = spec->combined ? 1 : spec->brokers + 1;
    if (spec->controllers == 1 || !is_on(chase, FAULT_RESTART_STORM))
        return;
    for (int64_t i = fault_between(chase->draws, 3, 8); i > 0; i--) {
        int32_t node = first + (int32_t)fault_between(chase->draws, 0, spec->controllers - 1);
        uint32_t place = chase->plan->spec.steps_count;
        step_on(chase, SIM_ACTION_KILL, i % 3 == 0 ? SIM_NODE_CONTROLLER : node);
        if (place < FAULT_STEPS_MAX)
            (void)marked(chase, &chase->plan->steps[place], FAULT_RESTART_STORM);
        wait_for(chase, fault_between(chase->draws, 0, 30) * ISR_MS);
        struct sim_step *step = step_add(chase, SIM_ACTION_START);
        if (step != NULL)
            add_controllers(spec, &step->action.nodes, SIM_NODE_CONTROLLER);
        wait_for(chase, fault_between(chase->draws, 0, 200) * ISR_MS);
    }
}

/* One that was struck comes back, and the next move waits for its place in the ISR, or does not. */
static void move_undo(struct chase *chase)
{
    uint32_t which = (uint32_t)fault_between(chase->draws, 0, chase->struck_count - 1);
    int32_t node = chase->struck[which].node;
    undo(chase, which);
    if (node == SIM_NODE_CONTROLLER)
        return;
    if (!fault_one_in(chase->draws, 4))
        wait_until(chase, fault_one_in(chase->draws, 2) ? SIM_GATE_AFTER : SIM_GATE_WHEN,
                   SIM_CONDITION_ISR_HAS, node, true, shrink_ns(chase));
    if (node == chase->replicas->ids[0] && is_on(chase, FAULT_ELECT))
        move_elect(chase);
}

static void move(struct chase *chase)
{
    if (chase->struck_count == STRUCK_MAX || (chase->struck_count > 0 && fault_one_in(chase->draws, 2))) {
        move_undo(chase);
        return;
    }
    switch (fault_between(chase->draws, 0, 11)) {
    case 0:
    case 1:
    case 2:
        move_failover(chase);
        return;
    case 3:
        move_pending(chase);
        return;
    case 4:
        move_follower(chase);
        return;
    case 5:
    case 6:
        move_lag(chase);
        return;
    case 7:
        move_controller(chase);
        return;
    case 8:
        if (fault_one_in(chase->draws, 3))
            move_flurry(chase);
        return;
    case 9:
        move_moment(chase);
        return;
    }
    wait_for(chase, fault_between(chase->draws, 0, 800) * ISR_MS);
}

/* ---- openings: of three or more moves that each need the one before ---- */

/* What the leader asks of the controllers stays under way, or arrives at last. */
static void step_on_requests(struct chase *chase, enum sim_action_kind kind)
{
    struct sim_step *step = step_add(chase, kind);
    if (step == NULL)
        return;
    if (kind == SIM_ACTION_HOLD)
        (void)marked(chase, step, FAULT_HOLD);
    sim_node_set_add(&step->action.from, chase->leader);
    add_controllers(&chase->plan->spec, &step->action.to, chase->leader);
    sim_message_set_add(&step->action.messages, ISR_MESSAGE_ALTER_PARTITION_REQUEST);
}

/* A follower falls out of the ISR and catches up, and loses power while the request for it is late. It is
 * back, perhaps without its log and without a word of the leader, when the request arrives; then the leader
 * is struck (KIP-903). */
static void open_with_late_request(struct chase *chase)
{
    int32_t leader = chase->leader, node = any_follower(chase);
    bool deaf = !fault_one_in(chase->draws, 4);
    if (!is_on(chase, FAULT_HOLD) || !is_on(chase, FAULT_POWER_OFF) ||
        sim_spec_is_controller(&chase->plan->spec, leader) ||
        !fault_budget_take(&chase->left, chase->plan, FAULT_BUDGET_POWER, node))
        return;
    step_between(chase, FAULT_CUT, leader, node, false);
    wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_HAS, node, false, shrink_ns(chase));
    wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_PENDING, leader, false, shrink_ns(chase));
    step_on_requests(chase, SIM_ACTION_HOLD);
    step_on(chase, SIM_ACTION_HEAL, node);
    wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_PENDING, leader, true, shrink_ns(chase));
    struct sim_step *step = marked(chase, step_add(chase, SIM_ACTION_POWER_OFF), FAULT_POWER_OFF);
    sim_node_set_add(&step->action.nodes, node);
    wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_BROKER_FENCED, node, true, failover_ns(chase));
    if (deaf)
        step_between(chase, FAULT_CUT, leader, node, false);
    step_on(chase, SIM_ACTION_START, node);
    wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_BROKER_FENCED, node, false, failover_ns(chase));
    step_on_requests(chase, SIM_ACTION_RELEASE);
    wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_HAS, node, true, 500 * ISR_MS);
    strike(chase, leader);
    if (deaf)
        chase->struck[chase->struck_count++] = (struct struck){.node = node, .undo = SIM_ACTION_HEAL};
    guess_leader(chase);
}

/* The active controller is cut off from the others and from the leader, the next one changes the partition;
 * then the leader loses that one and finds the former one again, who knows nothing of it (KAFKA-14154). */
static void open_with_deposed_controller(struct chase *chase)
{
    struct sim_spec *spec = &chase->plan->spec;
    int32_t node = any_follower(chase);
    if (spec->combined || spec->controllers == 1 || !is_on(chase, FAULT_CUT_CONTROLLER))
        return;
    /* Brokers that look for a controller are not fenced meanwhile. */
    spec->config.broker_session_timeout += 4 * ISR_SECOND;
    struct sim_step *step = marked(chase, step_add(chase, SIM_ACTION_CUT), FAULT_CUT_CONTROLLER);
    sim_node_set_add(&step->action.from, SIM_NODE_CONTROLLER);
    add_controllers(spec, &step->action.to, SIM_NODE_CONTROLLER);
    step->action.both_ways = true;
    step_between(chase, FAULT_CUT, SIM_NODE_CONTROLLER, chase->leader, true);
    step_between(chase, FAULT_CUT, chase->leader, node, false);
    wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_HAS, node, false,
               3 * spec->config.quorum_election_timeout + shrink_ns(chase));
    wait_for(chase, fault_between(chase->draws, 0, 100) * ISR_MS);
    step_on(chase, SIM_ACTION_HEAL, chase->leader);
    step_between(chase, FAULT_CUT, SIM_NODE_CONTROLLER, chase->leader, true);
    chase->struck[chase->struck_count++] =
        (struct struck){.node = SIM_NODE_CONTROLLER, .undo = SIM_ACTION_HEAL};
    wait_for(chase, fault_between(chase->draws, 500, 4000) * ISR_MS);
}

static void cut_from_replicas(struct chase *chase, int32_t to)
{
    struct sim_step *step = marked(chase, step_add(chase, SIM_ACTION_CUT), FAULT_CUT);
    for (unsigned i = 0; i < chase->replicas->count; i++) {
        if (chase->replicas->ids[i] != to)
            sim_node_set_add(&step->action.from, chase->replicas->ids[i]);
    }
    sim_node_set_add(&step->action.to, to);
}

/* A follower hears nobody while others hear it. As soon as it is out of the ISR, and what waited for it is
 * committed, the leader dies: its heir has not heard of that, and hears that follower fetch (KAFKA-7128). */
static void open_with_stale_heir(struct chase *chase)
{
    int32_t node = chase->replicas->ids[chase->replicas->count - 1];
    if (!is_on(chase, FAULT_DATA_CUT) && !is_on(chase, FAULT_CUT))
        return;
    cut_from_replicas(chase, node);
    wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_HAS, node, false, shrink_ns(chase));
    wait_for(chase, fault_between(chase->draws, 0, 60) * ISR_MS);
    strike(chase, chase->leader);
    chase->struck[chase->struck_count++] = (struct struck){.node = node, .undo = SIM_ACTION_HEAL};
    guess_leader(chase);
    wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_HAS, node, true, failover_ns(chase) + ISR_SECOND);
}

/* Somebody gets what the leader writes, but no news of the cluster; somebody else gets news only, leads for a
 * while, and gives the leadership back: what was written before is gone, and written anew (KAFKA-7164). */
static void open_with_missed_epoch(struct chase *chase)
{
    const struct isr_replicas *replicas = chase->replicas;
    if (replicas->count < 3 || !is_on(chase, FAULT_CUT) || !is_on(chase, FAULT_ELECT))
        return;
    int32_t leader = chase->leader, heir = replicas->ids[1], node = replicas->ids[2];
    /* As it was before KIP-500 and KIP-595: else no epoch is missed for long. */
    chase->plan->spec.config.metadata_push = chase->plan->spec.config.truncation_by_query = 1;
    step_between(chase, FAULT_CUT, leader, heir, false);
    wait_for(chase, fault_between(chase->draws, 50, 400) * ISR_MS);
    struct sim_step *step = marked(chase, step_add(chase, SIM_ACTION_CUT), FAULT_CUT);
    add_controllers(&chase->plan->spec, &step->action.from, node);
    sim_node_set_add(&step->action.to, node);
    strike(chase, leader);
    wait_until(chase, SIM_GATE_AFTER, SIM_CONDITION_LEADER_ELECTED, ISR_NODE_NONE, true, failover_ns(chase));
    undo(chase, 0);
    step_on(chase, SIM_ACTION_HEAL, heir);
    wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_HAS, leader, true, failover_ns(chase) + ISR_SECOND);
    move_elect(chase);
    wait_for(chase, fault_between(chase->draws, 0, 600) * ISR_MS);
    step_on(chase, SIM_ACTION_HEAL, node);
}

/* Between the look that a follower is caught up and the act, it loses power and comes back: the handler
 * stands still for as long as a machine can that is short of memory (KAFKA-15221). */
static void open_with_late_act(struct chase *chase)
{
    struct sim_spec *spec = &chase->plan->spec;
    int32_t leader = chase->leader, node = any_follower(chase);
    if (!is_on(chase, FAULT_CUT) || !is_on(chase, FAULT_POWER_OFF) || sim_spec_is_controller(spec, leader) ||
        !fault_budget_take(&chase->left, chase->plan, FAULT_BUDGET_POWER, node))
        return;
    spec->yields = UINT32_C(1) << ISR_YIELD_ISR_EXPAND;
    spec->config.truncation_by_query = 0; /* it is heard although it gets no answers */
    spec->config.yield_time_max = spec->config.broker_session_timeout + 2 * ISR_SECOND;
    /* Each replica that comes back at the end waits for its turn as long, and once more where it fell behind
     * meanwhile. */
    spec->settle_ns += 6 * spec->config.yield_time_max;
    spec->duration_ns += 6 * spec->config.yield_time_max;
    step_between(chase, FAULT_CUT, leader, node, false);
    wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_HAS, node, false, shrink_ns(chase));
    step_on(chase, SIM_ACTION_HEAL, node);
    wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_YIELDS, ISR_NODE_NONE, true, shrink_ns(chase));
    chase->gate.condition.comparison = SIM_AT_LEAST;
    chase->gate.condition.value = 1;
    struct sim_step *step = marked(chase, step_add(chase, SIM_ACTION_POWER_OFF), FAULT_POWER_OFF);
    sim_node_set_add(&step->action.nodes, node);
    step_between(chase, FAULT_CUT, leader, node, false);
    wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_BROKER_FENCED, node, true, failover_ns(chase));
    step_on(chase, SIM_ACTION_START, node);
    chase->struck[chase->struck_count++] = (struct struck){.node = node, .undo = SIM_ACTION_HEAL};
    wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_HAS, node, true, spec->config.yield_time_max);
}

/* At the beginning it is known who leads: the preferred replica. */
static void begin(struct chase *chase)
{
    switch (fault_between(chase->draws, 0, 9)) {
    case 0:
        open_with_late_request(chase);
        return;
    case 1:
        open_with_deposed_controller(chase);
        return;
    case 2:
        open_with_stale_heir(chase);
        return;
    case 3:
        open_with_missed_epoch(chase);
        return;
    case 4:
        open_with_late_act(chase);
        return;
    }
}

void fault_chase(struct fault_plan *plan, struct fault_draws *draws)
{
    struct chase chase = {.plan = plan, .draws = draws, .left = fault_budget_of(plan)};
    uint32_t topic = (uint32_t)fault_between(draws, 0, plan->spec.topics_count - 1);
    chase.topic = &plan->topics[topic];
    chase.partition = (int32_t)fault_between(draws, 0, chase.topic->partitions - 1);
    chase.replicas = &plan->assignments[topic][chase.partition];
    chase.gate = (struct sim_step){.gate = SIM_GATE_AT, .time_ns = BEGINS_NS, .at_latest_ns = ISR_TIME_NEVER};
    plan->spec.steps_may_remain = true;
    guess_leader(&chase);
    begin(&chase);
    for (uint32_t moves = 0; plan->spec.steps_count < FAULT_STEPS_MAX; moves++) {
        uint64_t key = fault_turned_key(plan, moves, draws->key);
        if (key != draws->key)
            *draws = (struct fault_draws){.key = key};
        move(&chase);
    }
}
