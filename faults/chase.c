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

#include "faults/chase_steps.h"

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

/* ---- who ---- */

static void guess_leader(struct chase *chase)
{
    for (unsigned i = 0; i < chase->replicas->count; i++) {
        if (!chase_is_struck(chase, chase->replicas->ids[i])) {
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
    } while (!chase_may(chase, kind_of(strike)));
    if (strike == STRIKE_POWER_OFF && !fault_budget_take(&chase->left, chase->plan, FAULT_BUDGET_POWER, node))
        return STRIKE_KILL; /* every profile that may take power may kill */
    return strike;
}

/* It no longer hears the controllers: its metadata grows old. */
static struct sim_step *deafen(struct chase *chase, int32_t node)
{
    struct sim_step *step = chase_step(chase, SIM_ACTION_CUT);
    if (step == NULL)
        return NULL;
    fault_add_controllers(&chase->plan->spec, &step->action.from, node);
    sim_node_set_add(&step->action.to, node);
    return step;
}

/* What it asks of the controllers comes late: when it is no longer so. */
static struct sim_step *delay(struct chase *chase, int32_t node)
{
    int64_t slow_ns = fault_between(chase->draws, 200, 2500) * ISR_MS;
    struct sim_step *step = chase_step(chase, SIM_ACTION_LINK);
    if (step == NULL)
        return NULL;
    sim_node_set_add(&step->action.from, node);
    fault_add_controllers(&chase->plan->spec, &step->action.to, node);
    step->action.link_fields = SIM_LINK_LATENCY;
    step->action.link.latency =
        (struct sim_distribution){slow_ns / 2, slow_ns, slow_ns + slow_ns / 2, slow_ns * 2};
    return step;
}

static struct sim_step *struck_by(struct chase *chase, enum strike strike, int32_t node)
{
    switch (strike) {
    case STRIKE_KILL:
        return chase_step_on(chase, SIM_ACTION_KILL, node);
    case STRIKE_POWER_OFF:
        return chase_step_on(chase, SIM_ACTION_POWER_OFF, node);
    case STRIKE_PAUSE:
        return chase_step_on(chase, SIM_ACTION_PAUSE, node);
    case STRIKE_SHUTDOWN:
        return chase_step_on(chase, SIM_ACTION_SHUTDOWN, node);
    case STRIKE_DEAFEN:
        return deafen(chase, node);
    case STRIKE_DELAY:
        return delay(chase, node);
    case STRIKE_SEPARATE:
        return chase_separate(chase, node);
    case STRIKE_ISOLATE:
        return chase_step_on(chase, SIM_ACTION_ISOLATE, node);
    }
    return NULL;
}

static enum sim_action_kind undo_of(enum strike strike)
{
    switch (strike) {
    case STRIKE_KILL:
    case STRIKE_POWER_OFF:
    case STRIKE_SHUTDOWN:
        return SIM_ACTION_START;
    case STRIKE_PAUSE:
        return SIM_ACTION_RESUME;
    case STRIKE_DEAFEN:
    case STRIKE_DELAY:
    case STRIKE_SEPARATE:
    case STRIKE_ISOLATE:
        return SIM_ACTION_HEAL;
    }
    return SIM_ACTION_START;
}

static void strike(struct chase *chase, int32_t node)
{
    enum strike drawn = draw_strike(chase, node);
    (void)chase_fault(chase, struck_by(chase, drawn, node), kind_of(drawn));
    chase_struck_add(chase, node, undo_of(drawn));
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
        chase_wait(chase, fault_between(chase->draws, 0, 200) * ISR_MS);
    else
        chase_wait_until(chase, SIM_GATE_AFTER, SIM_CONDITION_LEADER_ELECTED, ISR_NODE_NONE, true,
                         failover_ns(chase));
}

static void move_follower(struct chase *chase)
{
    int32_t node = any_follower(chase);
    if (chase_is_struck(chase, node))
        return;
    strike(chase, node);
    if (fault_one_in(chase->draws, 2))
        chase_wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_HAS, node, false, shrink_ns(chase));
}

/* The follower falls behind the leader but nobody else; it is let go when it is out of the ISR. */
static void move_lag(struct chase *chase)
{
    int32_t node = any_follower(chase);
    if (chase_is_struck(chase, node) || chase_is_struck(chase, chase->leader))
        return;
    struct sim_step *step = chase_fault(chase, chase_step(chase, SIM_ACTION_CUT), FAULT_CUT);
    if (step == NULL)
        return;
    sim_node_set_add(&step->action.from, chase->leader);
    sim_node_set_add(&step->action.to, node);
    chase_struck_add(chase, node, SIM_ACTION_HEAL);
    chase_wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_HAS, node, false, shrink_ns(chase));
}

/* The leader is struck while its ISR change is on the way. */
static void move_pending(struct chase *chase)
{
    chase_wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_PENDING, chase->leader, true, 1500 * ISR_MS);
    if (fault_one_in(chase->draws, 3))
        chase_wait(chase, fault_between(chase->draws, 0, 20) * ISR_MS);
    move_failover(chase);
}

static void move_elect(struct chase *chase)
{
    struct sim_step *step = chase_fault(chase, chase_step(chase, SIM_ACTION_ELECT), FAULT_ELECT);
    if (step == NULL)
        return;
    step->action.topic = chase->topic->name;
    step->action.partition = chase->partition;
    guess_leader(chase);
    chase_wait_until(chase, SIM_GATE_AFTER, SIM_CONDITION_LEADER_ELECTED, ISR_NODE_NONE, true, 300 * ISR_MS);
}

/* What is true for a moment only, anywhere: a high watermark of which followers have not heard, a log that
 * was cut and not yet written again, metadata that came as a snapshot. The leader is struck then. */
static void move_moment(struct chase *chase)
{
    static const enum sim_condition_kind moments[] = {SIM_CONDITION_HW_MOVED, SIM_CONDITION_HW_MOVED,
                                                      SIM_CONDITION_LOG_CUT,
                                                      SIM_CONDITION_SNAPSHOT_INSTALLED};
    chase_wait_until(chase, SIM_GATE_AFTER, moments[fault_between(chase->draws, 0, 3)], ISR_NODE_NONE, true,
                     1200 * ISR_MS);
    if (fault_one_in(chase->draws, 3))
        chase_wait(chase, fault_between(chase->draws, 0, 10) * ISR_MS);
    move_failover(chase);
}

/* The active controller dies, or loses touch with the other voters while brokers still reach it. */
static void move_controller(struct chase *chase)
{
    const struct sim_spec *spec = &chase->plan->spec;
    bool kills = chase_may(chase, FAULT_KILL_CONTROLLER), cuts = chase_may(chase, FAULT_CUT_CONTROLLER);
    bool cut = cuts && (fault_one_in(chase->draws, 2) || !kills);
    if (spec->controllers == 1 || (!cuts && !kills) || chase_is_struck(chase, SIM_NODE_CONTROLLER))
        return;
    struct sim_step *step = chase_fault(chase, chase_step(chase, cut ? SIM_ACTION_CUT : SIM_ACTION_KILL),
                                        cut ? FAULT_CUT_CONTROLLER : FAULT_KILL_CONTROLLER);
    if (step == NULL)
        return;
    chase_struck_add(chase, SIM_NODE_CONTROLLER, cut ? SIM_ACTION_HEAL : SIM_ACTION_START);
    if (!cut) {
        sim_node_set_add(&step->action.nodes, SIM_NODE_CONTROLLER);
        return;
    }
    sim_node_set_add(&step->action.from, SIM_NODE_CONTROLLER);
    fault_add_controllers(spec, &step->action.to, SIM_NODE_CONTROLLER);
    step->action.both_ways = true;
}

/* One that was struck comes back, and the next move waits for its place in the ISR, or does not. */
static void move_undo(struct chase *chase)
{
    uint32_t which = (uint32_t)fault_between(chase->draws, 0, chase->struck_count - 1);
    int32_t node = chase->struck[which].node;
    chase_undo(chase, which);
    if (node == SIM_NODE_CONTROLLER)
        return;
    if (!fault_one_in(chase->draws, 4))
        chase_wait_until(chase, fault_one_in(chase->draws, 2) ? SIM_GATE_AFTER : SIM_GATE_WHEN,
                         SIM_CONDITION_ISR_HAS, node, true, shrink_ns(chase));
    if (node == chase->replicas->ids[0] && chase_may(chase, FAULT_ELECT))
        move_elect(chase);
}

static void move(struct chase *chase)
{
    if (chase->struck_count == CHASE_STRUCK_MAX ||
        (chase->struck_count > 0 && fault_one_in(chase->draws, 2))) {
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
            chase_flurry(chase);
        return;
    case 9:
        move_moment(chase);
        return;
    }
    chase_wait(chase, fault_between(chase->draws, 0, 800) * ISR_MS);
}

/* ---- openings: of three or more moves that each need the one before ---- */

/* What the leader asks of the controllers stays under way, or arrives at last. */
static void step_on_requests(struct chase *chase, enum sim_action_kind kind)
{
    struct sim_step *step = chase_step(chase, kind);
    if (step == NULL)
        return;
    if (kind == SIM_ACTION_HOLD)
        (void)chase_fault(chase, step, FAULT_HOLD);
    sim_node_set_add(&step->action.from, chase->leader);
    fault_add_controllers(&chase->plan->spec, &step->action.to, chase->leader);
    sim_message_set_add(&step->action.messages, ISR_MESSAGE_ALTER_PARTITION_REQUEST);
}

/* A follower falls out of the ISR and catches up, and loses power while the request for it is late. It is
 * back, perhaps without its log and without a word of the leader, when the request arrives; then the leader
 * is struck (KIP-903). */
static void open_with_late_request(struct chase *chase)
{
    int32_t leader = chase->leader, node = any_follower(chase);
    bool deaf = !fault_one_in(chase->draws, 4);
    if (!chase_may(chase, FAULT_HOLD) || !chase_may(chase, FAULT_POWER_OFF) ||
        sim_spec_is_controller(&chase->plan->spec, leader) ||
        !fault_budget_take(&chase->left, chase->plan, FAULT_BUDGET_POWER, node))
        return;
    chase_cut(chase, FAULT_CUT, leader, node, false);
    chase_wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_HAS, node, false, shrink_ns(chase));
    chase_wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_PENDING, leader, false, shrink_ns(chase));
    step_on_requests(chase, SIM_ACTION_HOLD);
    chase_step_on(chase, SIM_ACTION_HEAL, node);
    chase_wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_PENDING, leader, true, shrink_ns(chase));
    struct sim_step *step = chase_fault(chase, chase_step(chase, SIM_ACTION_POWER_OFF), FAULT_POWER_OFF);
    sim_node_set_add(&step->action.nodes, node);
    chase_wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_BROKER_FENCED, node, true, failover_ns(chase));
    if (deaf)
        chase_cut(chase, FAULT_CUT, leader, node, false);
    chase_step_on(chase, SIM_ACTION_START, node);
    chase_wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_BROKER_FENCED, node, false, failover_ns(chase));
    step_on_requests(chase, SIM_ACTION_RELEASE);
    chase_wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_HAS, node, true, 500 * ISR_MS);
    strike(chase, leader);
    if (deaf)
        chase_struck_add(chase, node, SIM_ACTION_HEAL);
    guess_leader(chase);
}

/* The active controller is cut off from the others and from the leader, the next one changes the partition;
 * then the leader loses that one and finds the former one again, who knows nothing of it (KAFKA-14154). */
static void open_with_deposed_controller(struct chase *chase)
{
    struct sim_spec *spec = &chase->plan->spec;
    int32_t node = any_follower(chase);
    if (spec->combined || spec->controllers == 1 || !chase_may(chase, FAULT_CUT_CONTROLLER))
        return;
    /* Brokers that look for a controller are not fenced meanwhile. */
    spec->config.broker_session_timeout += 4 * ISR_SECOND;
    struct sim_step *step = chase_fault(chase, chase_step(chase, SIM_ACTION_CUT), FAULT_CUT_CONTROLLER);
    sim_node_set_add(&step->action.from, SIM_NODE_CONTROLLER);
    fault_add_controllers(spec, &step->action.to, SIM_NODE_CONTROLLER);
    step->action.both_ways = true;
    chase_cut(chase, FAULT_CUT, SIM_NODE_CONTROLLER, chase->leader, true);
    chase_cut(chase, FAULT_CUT, chase->leader, node, false);
    chase_wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_HAS, node, false,
                     3 * spec->config.quorum_election_timeout + shrink_ns(chase));
    chase_wait(chase, fault_between(chase->draws, 0, 100) * ISR_MS);
    chase_step_on(chase, SIM_ACTION_HEAL, chase->leader);
    chase_cut(chase, FAULT_CUT, SIM_NODE_CONTROLLER, chase->leader, true);
    chase_struck_add(chase, SIM_NODE_CONTROLLER, SIM_ACTION_HEAL);
    chase_wait(chase, fault_between(chase->draws, 500, 4000) * ISR_MS);
}

static void cut_from_replicas(struct chase *chase, int32_t to)
{
    struct sim_step *step = chase_fault(chase, chase_step(chase, SIM_ACTION_CUT), FAULT_CUT);
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
    if (!chase_may(chase, FAULT_DATA_CUT) && !chase_may(chase, FAULT_CUT))
        return;
    cut_from_replicas(chase, node);
    chase_wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_HAS, node, false, shrink_ns(chase));
    chase_wait(chase, fault_between(chase->draws, 0, 60) * ISR_MS);
    strike(chase, chase->leader);
    chase_struck_add(chase, node, SIM_ACTION_HEAL);
    guess_leader(chase);
    chase_wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_HAS, node, true,
                     failover_ns(chase) + ISR_SECOND);
}

/* Somebody gets what the leader writes, but no news of the cluster; somebody else gets news only, leads for a
 * while, and gives the leadership back: what was written before is gone, and written anew (KAFKA-7164). */
static void open_with_missed_epoch(struct chase *chase)
{
    const struct isr_replicas *replicas = chase->replicas;
    if (replicas->count < 3 || !chase_may(chase, FAULT_CUT) || !chase_may(chase, FAULT_ELECT))
        return;
    int32_t leader = chase->leader, heir = replicas->ids[1], node = replicas->ids[2];
    /* As it was before KIP-500 and KIP-595: else no epoch is missed for long. */
    chase->plan->spec.config.metadata_push = chase->plan->spec.config.truncation_by_query = 1;
    chase_cut(chase, FAULT_CUT, leader, heir, false);
    chase_wait(chase, fault_between(chase->draws, 50, 400) * ISR_MS);
    struct sim_step *step = chase_fault(chase, chase_step(chase, SIM_ACTION_CUT), FAULT_CUT);
    fault_add_controllers(&chase->plan->spec, &step->action.from, node);
    sim_node_set_add(&step->action.to, node);
    strike(chase, leader);
    chase_wait_until(chase, SIM_GATE_AFTER, SIM_CONDITION_LEADER_ELECTED, ISR_NODE_NONE, true,
                     failover_ns(chase));
    chase_undo(chase, 0);
    chase_step_on(chase, SIM_ACTION_HEAL, heir);
    chase_wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_HAS, leader, true,
                     failover_ns(chase) + ISR_SECOND);
    move_elect(chase);
    chase_wait(chase, fault_between(chase->draws, 0, 600) * ISR_MS);
    chase_step_on(chase, SIM_ACTION_HEAL, node);
}

/* Between the look that a follower is caught up and the act, it loses power and comes back: the handler
 * stands still for as long as a machine can that is short of memory (KAFKA-15221). */
static void open_with_late_act(struct chase *chase)
{
    struct sim_spec *spec = &chase->plan->spec;
    int32_t leader = chase->leader, node = any_follower(chase);
    if (!chase_may(chase, FAULT_CUT) || !chase_may(chase, FAULT_POWER_OFF) ||
        sim_spec_is_controller(spec, leader) ||
        !fault_budget_take(&chase->left, chase->plan, FAULT_BUDGET_POWER, node))
        return;
    spec->yields = UINT32_C(1) << ISR_YIELD_ISR_EXPAND;
    spec->config.truncation_by_query = 0; /* it is heard although it gets no answers */
    spec->config.yield_time_max = spec->config.broker_session_timeout + 2 * ISR_SECOND;
    /* Each replica that comes back at the end waits for its turn as long, and once more where it fell behind
     * meanwhile. */
    spec->settle_ns += 6 * spec->config.yield_time_max;
    spec->duration_ns += 6 * spec->config.yield_time_max;
    chase_cut(chase, FAULT_CUT, leader, node, false);
    chase_wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_HAS, node, false, shrink_ns(chase));
    chase_step_on(chase, SIM_ACTION_HEAL, node);
    chase_wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_YIELDS, ISR_NODE_NONE, true, shrink_ns(chase));
    chase->gate.condition.comparison = SIM_AT_LEAST;
    chase->gate.condition.value = 1;
    struct sim_step *step = chase_fault(chase, chase_step(chase, SIM_ACTION_POWER_OFF), FAULT_POWER_OFF);
    sim_node_set_add(&step->action.nodes, node);
    chase_cut(chase, FAULT_CUT, leader, node, false);
    chase_wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_BROKER_FENCED, node, true, failover_ns(chase));
    chase_step_on(chase, SIM_ACTION_START, node);
    chase_struck_add(chase, node, SIM_ACTION_HEAL);
    chase_wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_ISR_HAS, node, true, spec->config.yield_time_max);
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
    struct chase chase = chase_begin(plan, draws, BEGINS_NS);
    uint32_t topic = (uint32_t)fault_between(draws, 0, plan->spec.topics_count - 1);
    chase.topic = &plan->topics[topic];
    chase.partition = (int32_t)fault_between(draws, 0, chase.topic->partitions - 1);
    chase.replicas = &plan->assignments[topic][chase.partition];
    guess_leader(&chase);
    begin(&chase);
    chase_go_on(&chase, move);
}
