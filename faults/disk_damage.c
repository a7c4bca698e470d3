#include "faults/disk_damage.h"

#include "core/base/event.h"

/* Pages that a failed sync left marked clean are gone with the next power loss. A voter that misses what it
 * wrote comes back only with a new disk: its own files are then left to be written again. */
static void failed_sync(struct fault_draws *draws, struct sim_action *action)
{
    unsigned quorum = 1u << ISR_FILE_QUORUM_VOTE | 1u << ISR_FILE_QUORUM_LOG | 1u << ISR_FILE_QUORUM_SNAPSHOT;
    action->operations = SIM_OPERATION_SYNC;
    action->pages_clean = !fault_one_in(draws, 3);
    if (action->pages_clean)
        action->files = ((1u << ISR_FILE_KINDS) - 1) & ~quorum;
}

/* A failed sync, a stall or late names: what the engine copes with. */
void fault_disk_endured(struct fault_plan *plan, struct fault_draws *draws, struct window window,
                        enum fault_kind kind, int32_t node)
{
    struct sim_step *step = step_at(plan, window.from_ns,
                                    kind == FAULT_FAILED_SYNC ? SIM_ACTION_DISK_FAIL
                                    : kind == FAULT_STALL     ? SIM_ACTION_STALL
                                                              : SIM_ACTION_LOSE_NAMES);
    if (step == NULL)
        return;
    sim_node_set_add(&step->action.nodes, node);
    step->action.on = true;
    step->action.count = 1;
    if (kind == FAULT_STALL) {
        step_on(plan, window.until_ns, SIM_ACTION_UNSTALL, node);
    } else if (kind == FAULT_LATE_NAMES) {
        step_on(plan, window.until_ns, SIM_ACTION_LOSE_NAMES, node);
    } else {
        failed_sync(draws, &step->action);
        step_on(plan, window.until_ns, SIM_ACTION_START, node);
    }
}

/* Damage that takes records from a broker's disk, and the end of its process that lets it see that. Quorum
 * files are spared: a quorum promises nothing on disks that lie. */
void fault_disk_betrays(struct fault_plan *plan, struct fault_draws *draws, struct window window,
                        enum fault_kind kind, int32_t broker)
{
    bool cleanly = kind == FAULT_ROT && fault_one_in(draws, 2);
    bool astray = fault_one_in(draws, 2);
    struct sim_step *step = step_at(plan, window.from_ns,
                                    kind == FAULT_LYING_SYNC ? SIM_ACTION_LYING_SYNC
                                    : kind == FAULT_ROT      ? SIM_ACTION_ROT
                                    : astray                 ? SIM_ACTION_MISDIRECT_WRITES
                                                             : SIM_ACTION_LOSE_WRITES);
    if (step == NULL)
        return;
    sim_node_set_add(&step->action.nodes, broker);
    step->action.on = true;
    step->action.count = fault_between(draws, 1, 3);
    step->action.files = 1u << ISR_FILE_SEGMENT;
    if (kind == FAULT_ROT && fault_one_in(draws, 2))
        step->action.files = 1u << fault_between(draws, ISR_FILE_SEGMENT, ISR_FILE_CLEAN_SHUTDOWN);
    int64_t ends_ns = window.from_ns + (window.until_ns - window.from_ns) / 2;
    step_on(plan, ends_ns,
            kind == FAULT_LYING_SYNC ? SIM_ACTION_POWER_OFF
            : cleanly                ? SIM_ACTION_SHUTDOWN
                                     : SIM_ACTION_KILL,
            broker);
    if (kind == FAULT_LYING_SYNC)
        step_on(plan, ends_ns + 1, SIM_ACTION_LYING_SYNC, broker);
    step_on(plan, window.until_ns, SIM_ACTION_START, broker);
}

/* One of three controllers that are nothing else: it halts, and the other two are a majority. */
void fault_voter_rots(struct fault_plan *plan, struct fault_draws *draws, struct window window)
{
    int32_t voter = plan->spec.brokers + 3;
    struct sim_step *step = step_at(plan, window.from_ns, SIM_ACTION_ROT);
    if (step == NULL)
        return;
    sim_node_set_add(&step->action.nodes, voter);
    step->action.count = 1;
    step->action.files = 1u << (fault_one_in(draws, 2) ? ISR_FILE_QUORUM_VOTE : ISR_FILE_QUORUM_SNAPSHOT);
    step_on(plan, window.from_ns + (window.until_ns - window.from_ns) / 2, SIM_ACTION_KILL, voter);
    step_on(plan, window.until_ns, SIM_ACTION_START, voter);
}
