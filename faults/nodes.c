/* What generated scenarios do to processes, their processors, memories and clocks. */
#include "faults/steps.h"

static void strike(struct fault_call *call, enum sim_action_kind kind, enum sim_action_kind undo,
                   int32_t node)
{
    if (!fault_afford(call, node))
        return;
    fault_do_to(call, call->window.from_ns, kind, node);
    fault_undo_to(call->plan, call->window.until_ns, undo, node);
}

void fault_emit_kill(struct fault_call *call)
{
    strike(call, SIM_ACTION_KILL, SIM_ACTION_START, call->node);
}

void fault_emit_power_off(struct fault_call *call)
{
    strike(call, SIM_ACTION_POWER_OFF, SIM_ACTION_START, call->node);
}

void fault_emit_pause(struct fault_call *call)
{
    strike(call, SIM_ACTION_PAUSE, SIM_ACTION_RESUME, call->node);
}

void fault_emit_shutdown(struct fault_call *call)
{
    strike(call, SIM_ACTION_SHUTDOWN, SIM_ACTION_START, call->broker);
}

/* Whoever votes keeps its disk: a quorum promises nothing without. */
void fault_emit_wipe(struct fault_call *call)
{
    const struct sim_spec *spec = &call->plan->spec;
    if (spec->peer.count == 0 && !sim_spec_is_controller(spec, call->broker))
        strike(call, SIM_ACTION_WIPE, SIM_ACTION_START, call->broker);
}

/* Each victim is drawn anew: now and then it is the same one. */
void fault_emit_restart_storm(struct fault_call *call)
{
    int64_t time_ns = call->window.from_ns;
    int64_t kills = fault_parameter(call->draws, FAULT_PARAMETER_STORM_KILLS);
    for (; kills > 0 && time_ns < call->window.until_ns; kills--) {
        int32_t node = fault_any_node(call->draws, &call->plan->spec);
        int64_t down_ns = fault_parameter(call->draws, FAULT_PARAMETER_STORM_DOWN);
        int64_t pause_ns = fault_parameter(call->draws, FAULT_PARAMETER_STORM_PAUSE);
        fault_do_to(call, time_ns, SIM_ACTION_KILL, node);
        time_ns += down_ns;
        if (time_ns > call->window.until_ns)
            time_ns = call->window.until_ns;
        fault_undo_to(call->plan, time_ns, SIM_ACTION_START, node);
        time_ns += pause_ns;
    }
}

/* Each has its part of the window, half of it to stop. */
void fault_emit_rolling_restart(struct fault_call *call)
{
    int32_t brokers = call->plan->spec.brokers;
    int64_t part_ns = (call->window.until_ns - call->window.from_ns) / brokers;
    for (int32_t broker = 1; broker <= brokers; broker++) {
        int64_t from_ns = call->window.from_ns + (broker - 1) * part_ns;
        fault_do_to(call, from_ns, SIM_ACTION_SHUTDOWN, broker);
        fault_undo_to(call->plan, from_ns + part_ns / 2, SIM_ACTION_START, broker);
    }
}

void fault_emit_slow_cpu(struct fault_call *call)
{
    bool slowest = fault_one_in(call->draws, 2);
    int64_t cost_ns = fault_parameter(call->draws, slowest ? FAULT_PARAMETER_SLOWEST_CPU_COST
                                                           : FAULT_PARAMETER_SLOW_CPU_COST);
    fault_do_to(call, call->window.from_ns, SIM_ACTION_SLOW_CPU, call->node)->cost_ns = cost_ns;
    fault_undo_to(call->plan, call->window.until_ns, SIM_ACTION_SLOW_CPU, call->node);
}

void fault_emit_memory(struct fault_call *call)
{
    fault_do_to(call, call->window.from_ns, SIM_ACTION_MEMORY, call->node)->count =
        fault_parameter(call->draws, FAULT_PARAMETER_MEMORY_LIMIT);
    fault_undo_to(call->plan, call->window.until_ns, SIM_ACTION_MEMORY, call->node);
    fault_undo_to(call->plan, call->window.until_ns, SIM_ACTION_START, call->node);
}

static struct sim_action *clock_change(struct fault_call *call, unsigned fields)
{
    struct sim_action *action = fault_do_to(call, call->window.from_ns, SIM_ACTION_CLOCK, call->node);
    action->clock_fields = fields;
    return action;
}

void fault_emit_clock(struct fault_call *call)
{
    struct sim_action *action = clock_change(call, SIM_CLOCK_DRIFT | SIM_CLOCK_OFFSET);
    action->clock.drift_ppm = fault_parameter(call->draws, FAULT_PARAMETER_CLOCK_DRIFT);
    action->clock.offset_ns = fault_parameter(call->draws, FAULT_PARAMETER_CLOCK_OFFSET);
}

void fault_emit_clock_jump(struct fault_call *call)
{
    clock_change(call, SIM_CLOCK_JUMP)->clock.jump_ns =
        fault_parameter(call->draws, FAULT_PARAMETER_CLOCK_JUMPS_BY);
}

void fault_emit_wall_step(struct fault_call *call)
{
    clock_change(call, SIM_CLOCK_WALL)->clock.wall_ns =
        fault_parameter(call->draws, FAULT_PARAMETER_WALL_STEPS_BY);
}
