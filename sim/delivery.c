/* From an entry of the queue to an event of the engine. */
#include <string.h>

#include "sim/canary.h"
#include "sim/connection.h"
#include "sim/line.h"
#include "sim/process.h"

struct sim_deferred {
    struct sim_deferred *next;
    struct sim_event event;
};

/* ---- waiting ---- */

static void defer(struct sim_world *world, struct sim_process *process, const struct sim_event *event)
{
    struct sim_deferred *deferred = isr_heap_allocate(&world->heap, sizeof *deferred);
    deferred->event = *event;
    if (process->deferred_last != NULL) {
        process->deferred_last->next = deferred;
    } else {
        process->deferred = deferred;
        process->deferred_since_ns = event->time_ns;
    }
    process->deferred_last = deferred;
    process->deferred_count++;
    if (process->state != SIM_PROCESS_PAUSED) {
        world->counters.events_waited++;
        sim_world_bite(world, process->slowed_step);
        sim_process_arrange_processor(world, process);
    }
}

static struct sim_deferred *deferred_take(struct sim_process *process)
{
    struct sim_deferred *first = process->deferred;
    if (first == NULL)
        return NULL;
    process->deferred = first->next;
    if (process->deferred == NULL)
        process->deferred_last = NULL;
    else
        process->deferred_since_ns = process->deferred->event.time_ns;
    process->deferred_count--;
    return first;
}

/* A slow processor goes on with them in its own time. */
void sim_deliver_deferred(struct sim_world *world, struct sim_process *process)
{
    if (process->step_cost_ns > 0) {
        if (process->deferred != NULL || process->wake_due)
            sim_process_arrange_processor(world, process);
        return;
    }
    for (struct sim_deferred *deferred; (deferred = deferred_take(process)) != NULL;) {
        sim_queue_push(&world->queue, world->now_ns, sim_event_kind(&deferred->event),
                       sim_event_target(&deferred->event), deferred->event.payload);
        isr_heap_release(&world->heap, deferred);
    }
}

static void event_drop(struct sim_world *world, struct sim_process *process, const struct sim_event *event)
{
    switch ((int)sim_event_kind(event)) {
    case SIM_EVENT_MESSAGE:
        world->counters.messages_to_dead++;
        sim_network_release(&world->network, sim_event_pointer(event));
        break;
    case SIM_EVENT_DISK:
        sim_disk_drop(process->disk, sim_event_pointer(event));
        break;
    case SIM_EVENT_COMMAND:
        isr_heap_release(&world->heap, sim_event_pointer(event));
        break;
    }
}

void sim_drop_deferred(struct sim_world *world, struct sim_process *process)
{
    for (struct sim_deferred *deferred; (deferred = deferred_take(process)) != NULL;) {
        event_drop(world, process, &deferred->event);
        isr_heap_release(&world->heap, deferred);
    }
}

static void hash_event(struct sim_world *world, const struct sim_event *event, uint64_t content)
{
    sim_trace_event(&world->trace, event->time_ns, (uint32_t)sim_event_kind(event), sim_event_target(event),
                    content);
}

/* ---- messages ---- */

/* The frame's own checksum stands for its bytes. */
static uint64_t message_content(const struct sim_message *message)
{
    uint32_t crc = 0;
    if (message->size_bytes >= sizeof crc)
        memcpy(&crc, message->bytes, sizeof crc);
    return (uint64_t)crc << 32 | ((uint64_t)message->size_bytes << 12 ^ (uint32_t)message->from);
}

bool sim_deliver_message(struct sim_world *world, const struct sim_event *event)
{
    struct sim_message *message = sim_event_pointer(event);
    struct sim_process *process = &world->processes[message->to];
    if (message->waiting &&
        process->incarnation != message->incarnation) { /* it died right after it was resumed */
        world->counters.messages_to_dead++;
        sim_network_release(&world->network, message);
        return false;
    }
    hash_event(world, event, message_content(message));
    if (!sim_network_arrive(world, message))
        return true;
    if (sim_process_occupied(world, process)) {
        world->counters.messages_deferred += process->state == SIM_PROCESS_PAUSED && !message->waiting;
        message->waiting = true;
        defer(world, process, event);
        return true;
    }
    world->counters.messages_delivered++;
    world->counters.messages_damaged += message->damaged;
    struct isr_event input = {.kind = ISR_EVENT_MESSAGE};
    input.message.from = message->from;
    input.message.frame = (struct isr_bytes){.data = message->bytes, .size = message->size_bytes};
    SIM_TRACE(world, message->to, MESSAGE_DELIVERED, message->from, message->kind, message->size_bytes,
              (int64_t)(message_content(message) >> 32));
    if (world->coverage != NULL)
        sim_coverage_message(world, message);
    sim_process_step(world, process, &input);
    sim_network_release(&world->network, message);
    return true;
}

/* ---- disk ---- */

bool sim_deliver_disk(struct sim_world *world, const struct sim_event *event)
{
    struct sim_disk_operation *operation = sim_event_pointer(event);
    struct sim_process *process = &world->processes[sim_event_target(event)];
    if (!sim_disk_due(world, process->disk, operation, process->incarnation))
        return false;
    hash_event(world, event,
               (uint64_t)operation->io << 16 | (uint64_t)operation->kind << 8 | operation->status);
    if (sim_process_occupied(world, process)) {
        operation->entries++; /* as long as it waits */
        defer(world, process, event);
        return true;
    }
    struct isr_event input = {.kind = ISR_EVENT_IO_DONE};
    input.io_done.io = operation->io;
    input.io_done.status = operation->status;
    input.io_done.bytes = operation->bytes;
    input.io_done.files = operation->files;
    input.io_done.files_count = operation->files_count;
    sim_process_step(world, process, &input);
    sim_disk_release(process->disk, operation);
    return true;
}

/* ---- time ---- */

static bool wake_is_due(const struct sim_world *world, const struct sim_process *process)
{
    return process->wake_wanted_ns != ISR_TIME_NEVER &&
           sim_clock_local(&process->clock, world->now_ns) >= process->wake_wanted_ns;
}

static void wake_up(struct sim_world *world, struct sim_process *process, const struct sim_event *event)
{
    hash_event(world, event, 0);
    struct isr_event input = {.kind = ISR_EVENT_WAKE};
    sim_process_step(world, process, &input);
}

bool sim_deliver_wake(struct sim_world *world, const struct sim_event *event)
{
    struct sim_process *process = &world->processes[sim_event_target(event)];
    if (event->payload != process->incarnation || process->wakes_count == 0 ||
        process->wake_at_ns[process->wakes_count - 1] != event->time_ns)
        return false;
    process->wakes_count--;
    if (SIM_CANARY(lost_timer) && process->wakes_count == 0)
        return false;
    if (process->state != SIM_PROCESS_UP || process->wake_wanted_ns == ISR_TIME_NEVER)
        return false;
    if (!wake_is_due(world, process)) {
        sim_process_arrange_wake(world, process);
        return false;
    }
    if (sim_process_occupied(world, process)) {
        process->wake_due = true;
        sim_process_arrange_processor(world, process);
        return false;
    }
    wake_up(world, process, event);
    return true;
}

/* ---- commands and the end ---- */

bool sim_deliver_command(struct sim_world *world, const struct sim_event *event)
{
    struct sim_pending_command *pending = sim_event_pointer(event);
    struct sim_process *process = &world->processes[sim_event_target(event)];
    if (!sim_process_running(process)) {
        isr_heap_release(&world->heap, pending);
        return false;
    }
    if (sim_process_occupied(world, process)) {
        defer(world, process, event);
        return false;
    }
    world->counters.commands++;
    struct isr_event input = {.kind = ISR_EVENT_COMMAND, .command = &pending->command};
    hash_event(world, event, isr_hash_combine(pending->command.id, (uint64_t)pending->command.kind));
    SIM_TRACE(world, process->id, COMMAND_GIVEN, (int64_t)pending->command.kind, (int64_t)pending->command.id,
              pending->command.record_count, pending->command.acks);
    if (world->monitor.command != NULL)
        world->monitor.command(world->monitor.object, world, process->id, &pending->command);
    sim_process_step(world, process, &input);
    isr_heap_release(&world->heap, pending);
    return true;
}

bool sim_deliver_shutdown(struct sim_world *world, const struct sim_event *event)
{
    struct sim_process *process = &world->processes[sim_event_target(event)];
    if (event->payload != process->incarnation)
        return false;
    if (sim_process_occupied(world, process)) {
        defer(world, process, event);
        return false;
    }
    hash_event(world, event, event->payload);
    struct isr_event input = {.kind = ISR_EVENT_SHUTDOWN};
    sim_process_step(world, process, &input);
    return true;
}

/* ---- links and connections ---- */

bool sim_deliver_link(struct sim_world *world, const struct sim_event *event)
{
    if (!sim_line_event(world, sim_event_target(event), event->payload))
        return false;
    hash_event(world, event, event->payload);
    return true;
}

static bool deliver_disconnected(struct sim_world *world, const struct sim_event *event, int32_t peer,
                                 uint32_t incarnation)
{
    struct sim_process *process = &world->processes[sim_event_target(event)];
    if (process->incarnation != incarnation)
        return false;
    if (sim_process_occupied(world, process)) {
        defer(world, process, event);
        return false;
    }
    hash_event(world, event, event->payload);
    SIM_TRACE(world, process->id, DISCONNECTED, peer);
    struct isr_event input = {.kind = ISR_EVENT_DISCONNECTED, .disconnected.peer = peer};
    sim_process_step(world, process, &input);
    return true;
}

bool sim_deliver_connection(struct sim_world *world, const struct sim_event *event)
{
    int32_t peer;
    uint32_t incarnation;
    if (sim_connection_tells(event->payload, &peer, &incarnation))
        return deliver_disconnected(world, event, peer, incarnation);
    if (!sim_connection_keepalive(world, sim_event_target(event), event->payload))
        return false;
    hash_event(world, event, event->payload);
    return true;
}

/* ---- a slow processor ---- */

/* What waited comes now; it is no new event, but the time is another. */
static bool redeliver(struct sim_world *world, const struct sim_event *event)
{
    switch ((int)sim_event_kind(event)) {
    case SIM_EVENT_MESSAGE:
        return sim_deliver_message(world, event);
    case SIM_EVENT_DISK:
        return sim_deliver_disk(world, event);
    case SIM_EVENT_COMMAND:
        return sim_deliver_command(world, event);
    case SIM_EVENT_SHUTDOWN:
        return sim_deliver_shutdown(world, event);
    case SIM_EVENT_CONNECTION:
        return sim_deliver_connection(world, event);
    }
    ISR_ASSERT(false && "an event that waits for a process");
    return false;
}

static bool deliver_first_deferred(struct sim_world *world, struct sim_process *process)
{
    struct sim_deferred *deferred = deferred_take(process);
    if (deferred == NULL)
        return false;
    struct sim_event event = deferred->event;
    isr_heap_release(&world->heap, deferred);
    event.time_ns = world->now_ns;
    process->redelivering = true;
    bool done = redeliver(world, &event);
    process->redelivering = false;
    return done;
}

bool sim_deliver_processor(struct sim_world *world, const struct sim_event *event)
{
    struct sim_process *process = &world->processes[sim_event_target(event)];
    if (event->payload != process->incarnation)
        return false;
    process->processor_queued = false;
    if (process->state != SIM_PROCESS_UP)
        return false;
    bool done;
    process->woke_last = process->wake_due && (process->deferred == NULL || !process->woke_last);
    if (process->woke_last) {
        process->wake_due = false;
        done = wake_is_due(world, process);
        if (done)
            wake_up(world, process, event);
    } else {
        done = deliver_first_deferred(world, process);
    }
    if (process->incarnation == event->payload && (process->deferred != NULL || process->wake_due))
        sim_process_arrange_processor(world, process);
    return done;
}
