/* What generated scenarios do to disks. */
#include "core/base/event.h"
#include "faults/steps.h"

static const unsigned QUORUM_FILES =
    1u << ISR_FILE_QUORUM_VOTE | 1u << ISR_FILE_QUORUM_LOG | 1u << ISR_FILE_QUORUM_SNAPSHOT;

static struct sim_action *disk_action(struct fault_call *call, enum sim_action_kind kind, int32_t node)
{
    struct sim_action *action = fault_do_to(call, call->window.from_ns, kind, node);
    action->on = true;
    return action;
}

static void undo(struct fault_call *call, enum sim_action_kind kind, int32_t node)
{
    fault_undo_to(call->plan, call->window.until_ns, kind, node);
}

/* ---- what the engine copes with ---- */

void fault_emit_slow_disk(struct fault_call *call)
{
    int64_t slow_ns = fault_parameter(call->draws, FAULT_PARAMETER_SLOW_DISK_LATENCY);
    struct sim_action *action = disk_action(call, SIM_ACTION_DISK, call->node);
    action->disk_fields = SIM_DISK_WRITE | SIM_DISK_SYNC;
    action->disk.write_latency = (struct sim_distribution){slow_ns / 8, slow_ns / 4, slow_ns, slow_ns * 2};
    action->disk.sync_latency = (struct sim_distribution){slow_ns / 4, slow_ns, slow_ns * 2, slow_ns * 4};
    action = fault_undo_to(call->plan, call->window.until_ns, SIM_ACTION_DISK, call->node);
    action->disk_fields = SIM_DISK_WRITE | SIM_DISK_SYNC;
    action->disk = call->plan->spec.disk;
}

void fault_emit_stall(struct fault_call *call)
{
    disk_action(call, SIM_ACTION_STALL, call->node);
    undo(call, SIM_ACTION_UNSTALL, call->node);
}

void fault_emit_late_names(struct fault_call *call)
{
    bool loses_power = fault_budget_take(call->left, call->plan, FAULT_BUDGET_POWER, call->node);
    disk_action(call, SIM_ACTION_LOSE_NAMES, call->node);
    if (loses_power)
        fault_undo_to(call->plan, call->window.until_ns - 1, SIM_ACTION_POWER_OFF, call->node);
    undo(call, SIM_ACTION_LOSE_NAMES, call->node);
    undo(call, SIM_ACTION_START, call->node);
}

void fault_emit_disk_error(struct fault_call *call)
{
    struct sim_action *action = disk_action(call, SIM_ACTION_DISK_FAIL, call->node);
    action->operations = 1 << fault_between(call->draws, 0, 2);
    action->count = fault_parameter(call->draws, FAULT_PARAMETER_FAILED_OPERATIONS);
    undo(call, SIM_ACTION_START, call->node);
}

void fault_emit_disk_full(struct fault_call *call)
{
    disk_action(call, SIM_ACTION_DISK_FULL, call->node)->count =
        fault_parameter(call->draws, FAULT_PARAMETER_BYTES_FREE);
    fault_undo_to(call->plan, call->window.until_ns - 1, SIM_ACTION_DISK_FREE, call->node);
    undo(call, SIM_ACTION_START, call->node);
}

/* Pages that a failed sync left marked clean are gone with the next power loss. A voter that misses what it
 * wrote comes back only with a new disk: its own files are then left to be written again. */
void fault_emit_failed_sync(struct fault_call *call)
{
    struct sim_action *action = disk_action(call, SIM_ACTION_DISK_FAIL, call->node);
    action->operations = SIM_OPERATION_SYNC;
    action->count = 1;
    action->pages_clean = !fault_one_in(call->draws, 3);
    if (action->pages_clean)
        action->files = ((1u << ISR_FILE_KINDS) - 1) & ~QUORUM_FILES;
    undo(call, SIM_ACTION_START, call->node);
}

/* ---- what takes records from a broker's disk ---- */

/* The damage, and half-way the end of its process that lets it see that. Quorum files are spared, for a
 * quorum promises nothing on disks that lie; but for every fourth damage of a voter over budget: such a voter
 * may halt for good, so that L1 is not judged, or forget what it promised, and then nothing is judged any
 * more but that nobody crashes or hangs. NULL: there is no budget for it. */
static struct sim_action *betray(struct fault_call *call, enum sim_action_kind kind, enum sim_action_kind end)
{
    int64_t ends_ns = call->window.from_ns + (call->window.until_ns - call->window.from_ns) / 2;
    bool quorum = call->plan->over_budget && sim_spec_is_controller(&call->plan->spec, call->node) &&
                  fault_one_in(call->draws, 4);
    int32_t victim = quorum ? call->node : call->broker;
    if (!fault_afford(call, victim))
        return NULL;
    if (quorum)
        call->plan->spec.unchecked |= UINT32_C(1) << SIM_INVARIANT_L1;
    fault_undo_to(call->plan, ends_ns, end, victim);
    if (kind == SIM_ACTION_LYING_SYNC)
        fault_undo_to(call->plan, ends_ns + 1, SIM_ACTION_LYING_SYNC, victim);
    undo(call, SIM_ACTION_START, victim);
    struct sim_action *action = disk_action(call, kind, victim);
    action->count = fault_parameter(call->draws, FAULT_PARAMETER_DAMAGES);
    action->files = quorum ? QUORUM_FILES : 1u << ISR_FILE_SEGMENT;
    return action;
}

void fault_emit_lying_sync(struct fault_call *call)
{
    (void)betray(call, SIM_ACTION_LYING_SYNC, SIM_ACTION_POWER_OFF);
}

void fault_emit_lost_write(struct fault_call *call)
{
    (void)betray(call, SIM_ACTION_LOSE_WRITES, SIM_ACTION_KILL);
}

void fault_emit_misdirected_write(struct fault_call *call)
{
    (void)betray(call, SIM_ACTION_MISDIRECT_WRITES, SIM_ACTION_KILL);
}

/* All voters come back where their disks let them. */
static bool voters_stay(const struct sim_spec *spec)
{
    for (int32_t node = 1; node < sim_spec_first_client(spec); node++) {
        if (sim_spec_is_first_voter(spec, node) && sim_node_set_has(&spec->gone, node))
            return false;
    }
    return true;
}

/* One of three controllers that are nothing else: it halts for good, and the other two are a majority. */
static void voter_rots(struct fault_call *call)
{
    int32_t voter = call->plan->spec.brokers + 3;
    struct sim_action *action = disk_action(call, SIM_ACTION_ROT, voter);
    action->count = 1;
    action->files = 1u << (fault_one_in(call->draws, 2) ? ISR_FILE_QUORUM_VOTE : ISR_FILE_QUORUM_SNAPSHOT);
    fault_undo_to(call->plan, call->window.from_ns + (call->window.until_ns - call->window.from_ns) / 2,
                  SIM_ACTION_KILL, voter);
    undo(call, SIM_ACTION_START, voter);
}

void fault_emit_rot(struct fault_call *call)
{
    const struct sim_spec *spec = &call->plan->spec;
    bool own =
        spec->controllers == 3 && !spec->combined && spec->standby_controllers == 0 && voters_stay(spec);
    if (own && call->node > spec->brokers) {
        voter_rots(call);
        return;
    }
    bool cleanly = fault_one_in(call->draws, 2), any = fault_one_in(call->draws, 2);
    unsigned file = (unsigned)fault_between(call->draws, ISR_FILE_SEGMENT, ISR_FILE_CLEAN_SHUTDOWN);
    struct sim_action *action = betray(call, SIM_ACTION_ROT, cleanly ? SIM_ACTION_SHUTDOWN : SIM_ACTION_KILL);
    if (action != NULL && any && action->files != QUORUM_FILES)
        action->files = 1u << file;
}
