#include "sim/script.h"

#include "sim/action.h"
#include "sim/condition.h"
#include "sim/world.h"

static const int64_t LOOK_AGAIN_NS = 500 * ISR_MS;

struct sim_script {
    uint32_t next;      /* the step that is reached but did not run yet */
    int64_t reached_ns; /* when the one before it ran */
    bool seen_false;    /* AFTER: its condition did not hold at some time since */
    int64_t seen;       /* AFTER: the occasion when it was reached */
    bool over;          /* the settle phase began */
    bool running;       /* steps are being run: what they change is looked at by the loop that runs them */
};

static const struct sim_step *step_reached(const struct sim_world *world)
{
    const struct sim_script *script = world->script;
    if (script->over || script->next >= world->spec->steps_count)
        return NULL;
    return &world->spec->steps[script->next];
}

static int64_t later(int64_t time_ns, int64_t delay_ns)
{
    return delay_ns > ISR_TIME_NEVER - time_ns ? ISR_TIME_NEVER : time_ns + delay_ns;
}

/* When the gate opens by the clock alone. */
static int64_t opens_ns(const struct sim_script *script, const struct sim_step *step)
{
    switch (step->gate) {
    case SIM_GATE_NONE:
        return script->reached_ns;
    case SIM_GATE_AT:
        return step->time_ns;
    case SIM_GATE_WAIT:
        return later(script->reached_ns, step->time_ns);
    case SIM_GATE_WHEN:
    case SIM_GATE_AFTER:
        return later(script->reached_ns, step->at_latest_ns);
    }
    return ISR_TIME_NEVER;
}

static bool waits_for_condition(const struct sim_step *step)
{
    return step->gate == SIM_GATE_WHEN || step->gate == SIM_GATE_AFTER;
}

static bool condition_opens(struct sim_world *world, const struct sim_step *step)
{
    struct sim_script *script = world->script;
    bool holds = sim_condition_holds(world, &step->condition);
    if (step->gate == SIM_GATE_WHEN)
        return holds;
    script->seen_false = script->seen_false || !holds;
    return holds && (script->seen_false || sim_condition_occasion(world, &step->condition) != script->seen);
}

/* The next step is the one to wait for from now on. */
static void reach(struct sim_world *world)
{
    struct sim_script *script = world->script;
    script->reached_ns = world->now_ns;
    script->seen_false = false;
    const struct sim_step *step = step_reached(world);
    if (step == NULL)
        return;
    script->seen = sim_condition_occasion(world, &step->condition);
    int64_t at_ns = opens_ns(script, step);
    if (at_ns > world->now_ns && at_ns <= world->spec->duration_ns)
        sim_world_wake_script(world, at_ns);
}

static void run_steps(struct sim_world *world)
{
    struct sim_script *script = world->script;
    const struct sim_step *step;
    if (script->running)
        return;
    script->running = true;
    while ((step = step_reached(world)) != NULL && !world->over) {
        bool open = opens_ns(script, step) <= world->now_ns;
        if (!open && waits_for_condition(step))
            open = condition_opens(world, step);
        if (!open)
            break;
        SIM_TRACE(world, 0, STEP_RUN, script->next);
        world->counters.steps_run++;
        script->next++;
        world->acting = script->next <= UINT16_MAX ? (uint16_t)script->next : 0;
        sim_action_apply(world, &step->action);
        world->acting = 0;
        reach(world);
    }
    script->running = false;
}

static int64_t settle_begins_ns(const struct sim_spec *spec)
{
    return spec->settle_ns > 0 ? spec->duration_ns - spec->settle_ns : ISR_TIME_NEVER;
}

struct sim_script *sim_script_new(struct sim_world *world)
{
    struct sim_script *script = isr_heap_allocate(&world->heap, sizeof *script);
    script->seen = -1;
    sim_world_wake_script(world, 0);
    if (world->spec->settle_ns > 0)
        sim_world_wake_script(world, settle_begins_ns(world->spec));
    const struct sim_step *first = world->spec->steps_count > 0 ? &world->spec->steps[0] : NULL;
    if (first != NULL && opens_ns(script, first) <= world->spec->duration_ns)
        sim_world_wake_script(world, opens_ns(script, first));
    return script;
}

/* A process that was asked to stop before may end only now; it is started again like those that are down
 * already. */
static void settle(struct sim_world *world)
{
    if (!world->script->over)
        sim_world_heal(world);
    world->script->over = true;
    for (int32_t node = 1; node <= world->processes_count; node++) {
        if (sim_spec_heals(world->spec, node))
            sim_process_start(world, node);
    }
    if (world->now_ns + LOOK_AGAIN_NS <= world->spec->duration_ns - world->spec->settle_ns / 2)
        sim_world_wake_script(world, world->now_ns + LOOK_AGAIN_NS);
}

void sim_script_event(struct sim_world *world)
{
    if (world->now_ns >= settle_begins_ns(world->spec))
        settle(world);
    run_steps(world);
}

void sim_script_poll(struct sim_world *world)
{
    if (sim_script_waiting(world))
        run_steps(world);
}

bool sim_script_waiting(const struct sim_world *world)
{
    const struct sim_step *step = step_reached(world);
    return step != NULL && waits_for_condition(step);
}

int32_t sim_script_unreached(const struct sim_world *world)
{
    return world->script->next < world->spec->steps_count ? (int32_t)world->script->next : -1;
}
