#include "faults/uniform.h"

#include "faults/administrator.h"
#include "faults/disk_damage.h"
#include "faults/group.h"
#include "faults/links.h"
#include "faults/policies.h"

/* ---- budget ---- */

/* Disks that are lost with what was synced, or all that was not. */
static int64_t lossy_budget(const struct fault_plan *plan)
{
    if (plan->over_budget)
        return INT32_MAX;
    if (plan->spec.peer.count > 0)
        return fault_group_power_budget(plan);
    return fault_policies_budget(&plan->spec);
}

/* How many power losses of brokers the configuration promises to survive. */
int64_t fault_power_budget(const struct fault_plan *plan)
{
    return plan->spec.config.log_flush_messages > 0 ? INT32_MAX : lossy_budget(plan);
}

/* What may still happen. */
struct budget {
    int64_t power_losses; /* of brokers; wipes too */
    int64_t wipes;
    int32_t replaced; /* voters that a standby controller made up for */
    bool deleted;     /* a topic was */
};

/* ---- faults of one node ---- */

static void slow_cpu_fault(struct fault_plan *plan, struct fault_draws *draws, struct window window,
                           int32_t node)
{
    int64_t cost_ns =
        (fault_one_in(draws, 2) ? fault_between(draws, 20, 500) : fault_between(draws, 500, 20000)) * 1000;
    step_on(plan, window.from_ns, SIM_ACTION_SLOW_CPU, node);
    if (plan->spec.steps_count < FAULT_STEPS_MAX)
        plan->steps[plan->spec.steps_count - 1].action.cost_ns = cost_ns;
    step_on(plan, window.until_ns, SIM_ACTION_SLOW_CPU, node);
}

static void memory_fault(struct fault_plan *plan, struct fault_draws *draws, struct window window,
                         int32_t node)
{
    struct sim_step *step = step_at(plan, window.from_ns, SIM_ACTION_MEMORY);
    if (step == NULL)
        return;
    sim_node_set_add(&step->action.nodes, node);
    step->action.count = fault_between(draws, 16, 400) * 1024;
    step_on(plan, window.until_ns, SIM_ACTION_MEMORY, node);
    step_on(plan, window.until_ns, SIM_ACTION_START, node);
}

static void disk_fault(struct fault_plan *plan, struct fault_draws *draws, struct window window,
                       enum fault_kind kind, int32_t node)
{
    int64_t slow_ns = fault_between(draws, 5, 400) * ISR_MS;
    int64_t count = fault_between(draws, 1, 3);
    int64_t operations = fault_between(draws, 1, 2);
    struct sim_step *step = step_at(plan, window.from_ns,
                                    kind == FAULT_SLOW_DISK    ? SIM_ACTION_DISK
                                    : kind == FAULT_DISK_ERROR ? SIM_ACTION_DISK_FAIL
                                                               : SIM_ACTION_DISK_FULL);
    if (step == NULL)
        return;
    struct sim_action *action = &step->action;
    sim_node_set_add(&action->nodes, node);
    if (kind == FAULT_SLOW_DISK) {
        action->disk_fields = SIM_DISK_WRITE | SIM_DISK_SYNC;
        action->disk.write_latency =
            (struct sim_distribution){slow_ns / 8, slow_ns / 4, slow_ns, slow_ns * 2};
        action->disk.sync_latency = (struct sim_distribution){slow_ns / 4, slow_ns, slow_ns * 2, slow_ns * 4};
        struct sim_step *undo = step_at(plan, window.until_ns, SIM_ACTION_DISK);
        if (undo != NULL) {
            sim_node_set_add(&undo->action.nodes, node);
            undo->action.disk_fields = SIM_DISK_WRITE | SIM_DISK_SYNC;
            undo->action.disk = plan->spec.disk;
        }
        return;
    }
    if (kind == FAULT_DISK_ERROR) {
        action->operations = operations == 1 ? SIM_OPERATION_WRITE : SIM_OPERATION_SYNC;
        action->count = count;
    } else {
        action->count = count * 512;
        step_on(plan, window.until_ns - 1, SIM_ACTION_DISK_FREE, node);
    }
    step_on(plan, window.until_ns, SIM_ACTION_START, node);
}

static void clock_fault(struct fault_plan *plan, struct fault_draws *draws, struct window window,
                        int32_t node)
{
    int64_t drift = fault_between(draws, -200000, 200000);
    int64_t offset = fault_between(draws, 0, 5000) * ISR_MS;
    struct sim_step *step = step_at(plan, window.from_ns, SIM_ACTION_CLOCK);
    if (step == NULL)
        return;
    sim_node_set_add(&step->action.nodes, node);
    step->action.clock_fields = SIM_CLOCK_DRIFT | SIM_CLOCK_OFFSET;
    step->action.clock = (struct sim_clock_spec){.offset_ns = offset, .drift_ppm = drift};
}

static void clock_jump_fault(struct fault_plan *plan, struct fault_draws *draws, struct window window,
                             int32_t node)
{
    int64_t jump = fault_between(draws, 10, 6000) * ISR_MS;
    int64_t wall = fault_between(draws, -3600, 3600) * ISR_SECOND;
    struct sim_step *step = step_at(plan, window.from_ns, SIM_ACTION_CLOCK);
    if (step == NULL)
        return;
    sim_node_set_add(&step->action.nodes, node);
    step->action.clock_fields = fault_one_in(draws, 2) ? SIM_CLOCK_JUMP : SIM_CLOCK_WALL;
    step->action.clock = (struct sim_clock_spec){.jump_ns = jump, .wall_ns = wall};
}

/* ---- any fault ---- */

static void generate_fault(struct fault_plan *plan, struct fault_draws *draws, enum fault_kind kind,
                           struct window window, struct budget *left)
{
    int32_t node = fault_any_node(draws, &plan->spec);
    int32_t broker = (int32_t)fault_between(draws, 1, plan->spec.brokers);
    switch (kind) {
    case FAULT_POWER_OFF:
        if (node <= plan->spec.brokers && left->power_losses-- <= 0)
            return;
        step_on(plan, window.from_ns, SIM_ACTION_POWER_OFF, node);
        step_on(plan, window.until_ns, SIM_ACTION_START, node);
        return;
    case FAULT_KILL:
        step_on(plan, window.from_ns, SIM_ACTION_KILL, node);
        step_on(plan, window.until_ns, SIM_ACTION_START, node);
        return;
    case FAULT_PAUSE:
        step_on(plan, window.from_ns, SIM_ACTION_PAUSE, node);
        step_on(plan, window.until_ns, SIM_ACTION_RESUME, node);
        return;
    case FAULT_SHUTDOWN:
        step_on(plan, window.from_ns, SIM_ACTION_SHUTDOWN, broker);
        step_on(plan, window.until_ns, SIM_ACTION_START, broker);
        return;
    case FAULT_ISOLATE:
        step_on(plan, window.from_ns, SIM_ACTION_ISOLATE, node);
        step_on(plan, window.until_ns, SIM_ACTION_HEAL, node);
        return;
    case FAULT_PARTITION:
        fault_partition(plan, draws, window);
        return;
    case FAULT_WIPE:
        if (plan->spec.peer.count > 0 || sim_spec_is_controller(&plan->spec, broker) || left->wipes-- <= 0 ||
            left->power_losses-- <= 0)
            return;
        step_on(plan, window.from_ns, SIM_ACTION_WIPE, broker);
        step_on(plan, window.until_ns, SIM_ACTION_START, broker);
        return;
    case FAULT_SLOW_CPU:
        slow_cpu_fault(plan, draws, window, node);
        return;
    case FAULT_MEMORY:
        memory_fault(plan, draws, window, node);
        return;
    case FAULT_HOLD:
        fault_hold(plan, draws, window);
        return;
    case FAULT_BREAK:
        fault_break(plan, draws, window);
        return;
    case FAULT_CUT:
    case FAULT_CORRUPT_LINK:
    case FAULT_NARROW_LINK:
    case FAULT_SLOW_LINK:
    case FAULT_LOSSY_LINK:
        fault_link(plan, draws, window, kind);
        return;
    case FAULT_SLOW_DISK:
    case FAULT_DISK_ERROR:
    case FAULT_DISK_FULL:
        disk_fault(plan, draws, window, kind, node);
        return;
    case FAULT_FAILED_SYNC:
    case FAULT_LATE_NAMES:
    case FAULT_STALL:
        fault_disk_endured(plan, draws, window, kind, node);
        return;
    case FAULT_ROT:
        if (plan->spec.controllers == 3 && !plan->spec.combined && plan->spec.standby_controllers == 0 &&
            node > plan->spec.brokers) {
            fault_voter_rots(plan, draws, window);
            return;
        }
        if (left->wipes-- > 0 && left->power_losses-- > 0)
            fault_disk_betrays(plan, draws, window, kind, broker);
        return;
    case FAULT_LYING_SYNC:
    case FAULT_STRAY_WRITE:
        if (left->wipes-- > 0 && left->power_losses-- > 0)
            fault_disk_betrays(plan, draws, window, kind, broker);
        return;
    case FAULT_CLOCK:
        clock_fault(plan, draws, window, node);
        return;
    case FAULT_CLOCK_JUMP:
        clock_jump_fault(plan, draws, window, node);
        return;
    case FAULT_TRANSFER:
        if (plan->spec.controllers > 0)
            fault_transfer(plan, draws, window);
        return;
    case FAULT_MEMBERS:
        if (plan->spec.standby_controllers > 0)
            fault_members(plan, draws, window, &left->replaced);
        return;
    case FAULT_REASSIGN:
        if (plan->spec.peer.count == 0)
            fault_reassign(plan, draws, window);
        return;
    case FAULT_TOPIC:
        if (plan->spec.peer.count == 0)
            fault_topic(plan, draws, window, &left->deleted);
        return;
    case FAULT_DELETE_RECORDS:
        fault_delete_records(plan, draws, window);
        return;
    case FAULT_ELECT:
        if (plan->spec.peer.count > 0)
            step_on(plan, window.from_ns, SIM_ACTION_CAMPAIGN, node);
        else
            fault_elect(plan, draws, window);
        return;
    case FAULT_KINDS:
        return;
    }
}

/* ---- which, and when ---- */

static struct fault_draws draws_for(uint64_t key, uint64_t which)
{
    return (struct fault_draws){.key = isr_hash_combine(key, which)};
}

static uint32_t kind_weight(enum fault_kind kind)
{
    static const uint32_t weights[] = {
#define X(NAME, name, weight, meaning) weight,
#include "faults/kinds.def"
#undef X
    };
    return weights[kind];
}

static enum fault_kind draw_kind(struct fault_draws *draws, uint64_t kinds)
{
    uint32_t total = 0;
    for (uint32_t kind = 0; kind < FAULT_KINDS; kind++)
        total += (kinds >> kind) & 1 ? kind_weight((enum fault_kind)kind) : 0;
    int64_t left = fault_between(draws, 0, (int64_t)total - 1);
    for (uint32_t kind = 0; kind < FAULT_KINDS; kind++) {
        left -= (kinds >> kind) & 1 ? kind_weight((enum fault_kind)kind) : 0;
        if (left < 0)
            return (enum fault_kind)kind;
    }
    return FAULT_KILL;
}

/* Steps run in their order: by time, the earlier made first. */
static void sort_steps(struct fault_plan *plan)
{
    for (uint32_t i = 1; i < plan->spec.steps_count; i++) {
        struct sim_step step = plan->steps[i];
        uint32_t place = i;
        for (; place > 0 && plan->steps[place - 1].time_ns > step.time_ns; place--)
            plan->steps[place] = plan->steps[place - 1];
        plan->steps[place] = step;
    }
}

void fault_uniform(struct fault_plan *plan, uint64_t key)
{
    int64_t end_ns = plan->spec.duration_ns - plan->spec.settle_ns - ISR_SECOND;
    struct budget left = {.power_losses = fault_power_budget(plan), .wipes = lossy_budget(plan)};
    struct fault_draws counts = draws_for(key, UINT32_MAX);
    int64_t faults = fault_between(&counts, 2, 16);
    for (int64_t i = 0; i < faults; i++) {
        struct fault_draws draws = draws_for(key, (uint64_t)i);
        enum fault_kind kind = draw_kind(&draws, plan->kinds);
        int64_t from = fault_between(&draws, 3 * ISR_SECOND / ISR_MS, end_ns / ISR_MS) * ISR_MS;
        int64_t length =
            (fault_one_in(&draws, 2) ? fault_between(&draws, 10, 800) : fault_between(&draws, 800, 8000)) *
            ISR_MS;
        struct window window = {.from_ns = from, .until_ns = from + length < end_ns ? from + length : end_ns};
        if (window.until_ns > window.from_ns)
            generate_fault(plan, &draws, kind, window, &left);
    }
    sort_steps(plan);
}
