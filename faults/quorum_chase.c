/* A chase of consensus: one fault after the other, each as soon as the one before it has had its effect on
 * who leads.
 *
 * What Raft's published mistakes have in common is a leader that is struck between two things which happen
 * within a round trip or a sync: it won and has not yet written in its own term (figure 3.7; the bug in
 * membership changes), a vote was said and is not yet on the disk (3.8), it is deposed and does not know
 * (6.2). Leaders drawn by the clock have long done all that.
 *
 * Moves are as in chase.c. Whoever leads is struck as SIM_NODE_CONTROLLER; where a history needs to know who
 * that was, it asks for a leader by name first, and goes on after a while if another one was elected: a wrong
 * guess makes a weaker move, not a wrong one. */
#include "faults/quorum_chase.h"

#include "faults/chase_steps.h"

enum strike {
    STRIKE_KILL,
    STRIKE_POWER_OFF,
    STRIKE_PAUSE,
    STRIKE_SHUTDOWN,
    STRIKE_SEPARATE,
    STRIKE_ISOLATE,
    STRIKE_MUTE, /* nobody hears it */
    STRIKE_DEAF, /* it hears nobody */
    STRIKE_STALL /* its disk stands still */
};
enum { STRIKE_KINDS = STRIKE_STALL + 1 };

/* ---- who ---- */

static int32_t voters(const struct chase *chase)
{
    return chase->plan->spec.controllers;
}

static int32_t any_voter(struct chase *chase)
{
    return (int32_t)fault_between(chase->draws, 1, voters(chase));
}

/* The which-th after it, in a ring of the first voters. */
static int32_t next_to(const struct chase *chase, int32_t voter, int32_t which)
{
    return 1 + (voter - 1 + which) % voters(chase);
}

/* ---- waits ---- */

/* A few that nobody wins. */
static int64_t election_ns(const struct chase *chase)
{
    return 8 * chase->plan->spec.config.quorum_election_timeout;
}

static void wait_for_leader(struct chase *chase, int32_t voter)
{
    chase_wait_until(chase, SIM_GATE_WHEN, SIM_CONDITION_QUORUM_LEADER, voter, true, election_ns(chase));
}

/* The next one, after the one there is. */
static void wait_for_another_leader(struct chase *chase)
{
    chase_wait_until(chase, SIM_GATE_AFTER, SIM_CONDITION_QUORUM_LEADER, ISR_NODE_NONE, true,
                     election_ns(chase));
}

/* Whoever leads commits something: nobody else knows. */
static void wait_for_commit(struct chase *chase)
{
    chase_wait_until(chase, SIM_GATE_AFTER, SIM_CONDITION_QUORUM_COMMITTED, ISR_NODE_NONE, true,
                     500 * ISR_MS);
}

/* For a few messages, or for none. */
static void wait_a_moment(struct chase *chase)
{
    if (fault_one_in(chase->draws, 2))
        chase_wait(chase, fault_between(chase->draws, 0, 40) * ISR_MS);
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
    case STRIKE_SEPARATE:
        return FAULT_HALVES;
    case STRIKE_ISOLATE:
        return FAULT_ISOLATE;
    case STRIKE_MUTE:
    case STRIKE_DEAF:
        return FAULT_CUT;
    case STRIKE_STALL:
        return FAULT_STALL;
    }
    return FAULT_KINDS;
}

static struct sim_step *cut_off(struct chase *chase, int32_t node, bool mute)
{
    struct sim_step *step = chase_step(chase, SIM_ACTION_CUT);
    if (step == NULL)
        return NULL;
    sim_node_set_add(mute ? &step->action.from : &step->action.to, node);
    fault_add_nodes(&chase->plan->spec, mute ? &step->action.to : &step->action.from, node);
    return step;
}

static struct sim_step *stall(struct chase *chase, int32_t node)
{
    struct sim_step *step = chase_step_on(chase, SIM_ACTION_STALL, node);
    if (step != NULL)
        step->action.on = true;
    return step;
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
    case STRIKE_SEPARATE:
    case STRIKE_ISOLATE:
    case STRIKE_MUTE:
    case STRIKE_DEAF:
        return SIM_ACTION_HEAL;
    case STRIKE_STALL:
        return SIM_ACTION_UNSTALL;
    }
    return SIM_ACTION_START;
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
    case STRIKE_SEPARATE:
        return chase_separate(chase, node);
    case STRIKE_ISOLATE:
        return chase_step_on(chase, SIM_ACTION_ISOLATE, node);
    case STRIKE_MUTE:
        return cut_off(chase, node, true);
    case STRIKE_DEAF:
        return cut_off(chase, node, false);
    case STRIKE_STALL:
        return stall(chase, node);
    }
    return NULL;
}

static void strike_by(struct chase *chase, enum strike strike, int32_t node)
{
    (void)chase_fault(chase, struck_by(chase, strike, node), kind_of(strike));
    chase_struck_add(chase, node, undo_of(strike));
}

static void strike(struct chase *chase, int32_t node)
{
    enum strike drawn;
    do {
        drawn = (enum strike)fault_between(chase->draws, 0, STRIKE_KINDS - 1);
    } while (!chase_may(chase, kind_of(drawn)));
    strike_by(chase, drawn, node);
}

/* ---- moves ---- */

/* The leader is struck, often before it has said much; what comes next comes with its successor. */
static void move_failover(struct chase *chase)
{
    int32_t leader = SIM_NODE_CONTROLLER;
    if (fault_one_in(chase->draws, 2)) {
        leader = any_voter(chase);
        wait_for_leader(chase, leader);
    }
    wait_a_moment(chase);
    if (chase_is_struck(chase, leader))
        return;
    strike(chase, leader);
    wait_for_another_leader(chase);
}

static void move_follower(struct chase *chase)
{
    int32_t voter = any_voter(chase);
    if (chase_is_struck(chase, voter))
        return;
    strike(chase, voter);
    chase_wait(chase, fault_between(chase->draws, 0, 400) * ISR_MS);
}

/* A follower hears the leader no more, and others do. */
static void move_lag(struct chase *chase)
{
    int32_t voter = any_voter(chase);
    if (chase_is_struck(chase, voter) || !chase_may(chase, FAULT_CUT))
        return;
    chase_cut(chase, FAULT_CUT, SIM_NODE_CONTROLLER, voter, false);
    chase_struck_add(chase, voter, SIM_ACTION_HEAL);
    chase_wait(chase, fault_between(chase->draws, 50, 800) * ISR_MS);
}

/* By an administrator where one may, or by chance. */
static void make_lead(struct chase *chase, int32_t to)
{
    if (chase_may(chase, FAULT_TRANSFER)) {
        struct sim_step *step =
            chase_fault(chase, chase_step(chase, SIM_ACTION_TRANSFER_CONTROLLER), FAULT_TRANSFER);
        if (step != NULL)
            step->action.node = to;
    }
    wait_for_leader(chase, to);
}

static void move_transfer(struct chase *chase)
{
    if (!chase_may(chase, FAULT_TRANSFER))
        return;
    make_lead(chase, any_voter(chase));
    wait_a_moment(chase);
}

static void ask_for_members(struct chase *chase, enum sim_action_kind kind, int32_t node, int32_t asked)
{
    struct sim_step *step = chase_fault(chase, chase_step(chase, kind), FAULT_MEMBERS);
    if (step == NULL)
        return;
    step->action.node = node;
    step->action.asked = asked;
}

/* Who stands by comes in or leaves, asked of whoever leads or of somebody that may have led once. A first
 * voter leaves for good, where somebody makes up for it. */
static void move_members(struct chase *chase)
{
    const struct sim_spec *spec = &chase->plan->spec;
    if (!chase_may(chase, FAULT_MEMBERS) || spec->standby_controllers == 0)
        return;
    int32_t node = spec->controllers + (int32_t)fault_between(chase->draws, 1, spec->standby_controllers);
    int32_t asked = fault_one_in(chase->draws, 3) ? any_voter(chase) : 0, voter = any_voter(chase);
    switch (fault_between(chase->draws, 0, 4)) {
    case 0:
        ask_for_members(chase, SIM_ACTION_ADD_LEARNER, node, asked);
        break;
    case 1:
        if (fault_budget_take(&chase->left, chase->plan, FAULT_BUDGET_VOTERS, voter))
            ask_for_members(chase, SIM_ACTION_REMOVE_VOTER, voter, asked);
        break;
    case 2:
        ask_for_members(chase, SIM_ACTION_REMOVE_VOTER, node, asked);
        break;
    default:
        ask_for_members(chase, SIM_ACTION_ADD_VOTER, node, asked);
        break;
    }
    wait_a_moment(chase);
}

/* Whoever leads has just committed something, or sent the log as a snapshot, and is struck. */
static void move_moment(struct chase *chase)
{
    if (fault_one_in(chase->draws, 2))
        wait_for_commit(chase);
    else
        chase_wait_until(chase, SIM_GATE_AFTER, SIM_CONDITION_SNAPSHOT_INSTALLED, ISR_NODE_NONE, true,
                         1200 * ISR_MS);
    wait_a_moment(chase);
    if (!chase_is_struck(chase, SIM_NODE_CONTROLLER))
        strike(chase, SIM_NODE_CONTROLLER);
}

static void move_undo(struct chase *chase)
{
    chase_undo(chase, (uint32_t)fault_between(chase->draws, 0, chase->struck_count - 1));
    if (fault_one_in(chase->draws, 2))
        chase_wait(chase, fault_between(chase->draws, 0, 600) * ISR_MS);
    else
        wait_for_another_leader(chase);
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
    case 3:
        move_failover(chase);
        return;
    case 4:
        move_follower(chase);
        return;
    case 5:
        move_lag(chase);
        return;
    case 6:
        move_transfer(chase);
        return;
    case 7:
    case 8:
        move_members(chase);
        return;
    case 9:
        if (fault_one_in(chase->draws, 3))
            chase_flurry(chase);
        return;
    case 10:
        move_moment(chase);
        return;
    }
    chase_wait(chase, fault_between(chase->draws, 0, 800) * ISR_MS);
}

/* ---- openings: of three or more moves that each need the one before; what they need is turned on ---- */

static void heal(struct chase *chase, int32_t node)
{
    (void)chase_step_on(chase, SIM_ACTION_HEAL, node);
}

static void start_all(struct chase *chase)
{
    struct sim_step *step = chase_step(chase, SIM_ACTION_START);
    if (step != NULL)
        fault_add_nodes(&chase->plan->spec, &step->action.nodes, ISR_NODE_NONE);
}

static void heal_all(struct chase *chase)
{
    struct sim_step *step = chase_step(chase, SIM_ACTION_HEAL);
    if (step != NULL)
        fault_add_nodes(&chase->plan->spec, &step->action.nodes, ISR_NODE_NONE);
}

static void kill(struct chase *chase, int32_t node)
{
    (void)chase_fault(chase, chase_step_on(chase, SIM_ACTION_KILL, node), FAULT_KILL);
}

/* Two leaders in turn write what nobody else has; the first is elected again and sends it on, and dies before
 * it has sent what it wrote since; the second is elected again (figure 3.7). */
static void open_with_lone_entries(struct chase *chase)
{
    int32_t first = any_voter(chase);
    chase->plan->kinds |= FAULT_BIT(HALVES) | FAULT_BIT(KILL) | FAULT_BIT(TRANSFER);
    /* An entry a message, and one message at a time: less than that is proposed. */
    chase->plan->spec.config.quorum_append_max_bytes = 1;
    chase->plan->spec.config.quorum_append_inflight = 1;
    for (uint32_t i = 0; i < chase->plan->spec.clients_count; i++)
        chase->plan->clients[i].interval_ns = ISR_SECOND;
    make_lead(chase, first);
    (void)chase_fault(chase, chase_separate(chase, first), FAULT_HALVES);
    chase_wait(chase, fault_between(chase->draws, 20, 150) * ISR_MS);
    kill(chase, first);
    heal(chase, first);
    wait_for_another_leader(chase);
    (void)chase_fault(chase, chase_separate(chase, SIM_NODE_CONTROLLER), FAULT_HALVES);
    chase_wait(chase, fault_between(chase->draws, 0, 100) * ISR_MS);
    (void)chase_step_on(chase, SIM_ACTION_START, first);
    wait_for_leader(chase, first);
    wait_for_commit(chase);
    (void)chase_fault(chase, chase_separate(chase, first), FAULT_HALVES); /* what is on its way is lost */
    kill(chase, first);
    chase_wait(chase, fault_between(chase->draws, 20, 150) * ISR_MS);
    heal_all(chase);
    wait_for_another_leader(chase);
    chase_struck_add(chase, first, SIM_ACTION_START);
}

/* A leader that is cut off and the next one each change the members that they know (Ongaro, raft-dev, 2015).
 */
static void open_with_two_changes(struct chase *chase)
{
    int32_t first = any_voter(chase), second = next_to(chase, first, 1), third = next_to(chase, first, 2),
            fourth = next_to(chase, first, 3), added = voters(chase) + 1;
    if (voters(chase) != 4 || !fault_budget_take(&chase->left, chase->plan, FAULT_BUDGET_VOTERS, first))
        return;
    chase->plan->kinds |= FAULT_BIT(HALVES) | FAULT_BIT(CUT) | FAULT_BIT(KILL) | FAULT_BIT(TRANSFER);
    make_lead(chase, first);
    struct sim_step *step = chase_fault(chase, chase_step(chase, SIM_ACTION_PARTITION), FAULT_HALVES);
    step->action.groups_count = 2;
    sim_node_set_add(&step->action.groups[0], first);
    sim_node_set_add(&step->action.groups[0], added);
    for (int32_t which = 1; which <= 3; which++)
        sim_node_set_add(&step->action.groups[1], next_to(chase, first, which));
    chase_cut(chase, FAULT_CUT, third, fourth, true);
    ask_for_members(chase, SIM_ACTION_ADD_VOTER, added, first);
    wait_for_leader(chase, second);
    kill(chase, fourth);
    ask_for_members(chase, SIM_ACTION_REMOVE_VOTER, first, second);
    chase_wait(chase, fault_between(chase->draws, 50, 600) * ISR_MS);
    kill(chase, second);
    kill(chase, third);
    (void)chase_step_on(chase, SIM_ACTION_START, fourth);
    heal_all(chase);
    wait_for_leader(chase, first);
    chase_wait(chase, fault_between(chase->draws, 0, 1000) * ISR_MS);
    start_all(chase);
}

/* Who voted for the next leader loses power before that is on its disk, and the next leader is cut off: the
 * others elect in the same term (3.8). */
static void open_with_forgotten_vote(struct chase *chase)
{
    int32_t first = any_voter(chase), second = next_to(chase, first, 1), voter = next_to(chase, first, 2);
    chase->plan->kinds |= FAULT_BIT(SLOW_DISK) | FAULT_BIT(POWER_OFF) | FAULT_BIT(KILL) | FAULT_BIT(ISOLATE) |
                          FAULT_BIT(TRANSFER);
    const struct sim_disk_spec slow = {.sync_latency = {ISR_SECOND, ISR_SECOND, ISR_SECOND, ISR_SECOND}};
    make_lead(chase, first);
    struct sim_step *step = chase_fault(chase, chase_step_on(chase, SIM_ACTION_DISK, voter), FAULT_SLOW_DISK);
    step->action.disk_fields = SIM_DISK_SYNC;
    step->action.disk = slow;
    kill(chase, first);
    wait_for_leader(chase, second);
    wait_a_moment(chase);
    (void)chase_fault(chase, chase_step_on(chase, SIM_ACTION_POWER_OFF, voter), FAULT_POWER_OFF);
    (void)chase_fault(chase, chase_step_on(chase, SIM_ACTION_ISOLATE, second), FAULT_ISOLATE);
    step = chase_step_on(chase, SIM_ACTION_DISK, voter);
    step->action.disk_fields = SIM_DISK_SYNC;
    step->action.disk = chase->plan->spec.disk;
    start_all(chase);
    wait_for_another_leader(chase);
    chase_struck_add(chase, second, SIM_ACTION_HEAL);
}

static void begin(struct chase *chase)
{
    switch (fault_between(chase->draws, 0, 5)) {
    case 0:
        open_with_lone_entries(chase);
        return;
    case 1:
        open_with_two_changes(chase);
        return;
    case 2:
        open_with_forgotten_vote(chase);
        return;
    }
}

void fault_quorum_chase(struct fault_plan *plan, struct fault_draws *draws)
{
    struct chase chase = chase_begin(plan, draws, 0);
    wait_for_leader(&chase, ISR_NODE_NONE);
    chase_wait(&chase, fault_between(draws, 0, 1500) * ISR_MS);
    begin(&chase);
    chase_go_on(&chase, move);
}
