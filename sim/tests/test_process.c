/* The process model with an engine of this test's own in place of the real one: it notes what reaches it and
 * answers with what the test tells it to. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sim/process.h"
#include "sim/tests/support.h"

/* ---- the engine ---- */

struct isr_node {
    int32_t id;
    uint64_t key;
    struct isr_heap *heap;
};

static struct {
    int32_t node;
    enum isr_event_kind kind;
    int64_t local_ns;
    int64_t world_ns;
    int64_t behind_ns;
    uint64_t number; /* message: its last byte; disk: io; command: id; start: key */
} seen[4096];
static uint32_t seen_count;
static struct sim_world *the_world;
static struct isr_effect effects_next[16]; /* of the next step of node 1 */
static uint32_t effects_next_count;
static int64_t wake_wish[8]; /* by node: local time, kept from step to step */
static size_t hunger_bytes;  /* the next step of node 1 needs so much memory, in its midst */

struct isr_node *isr_node_new(const struct isr_node_options *options, struct isr_heap *heap,
                              uint64_t random_key)
{
    struct isr_node *node = isr_heap_allocate(heap, sizeof *node);
    node->id = options->id;
    node->key = random_key;
    node->heap = heap;
    return node;
}

void isr_node_step(struct isr_node *node, const struct isr_event *event, struct isr_effects *effects)
{
    uint64_t number = node->key;
    if (event->kind == ISR_EVENT_MESSAGE)
        number = event->message.frame.data[event->message.frame.size - 1];
    else if (event->kind == ISR_EVENT_IO_DONE)
        number = event->io_done.io;
    else if (event->kind == ISR_EVENT_COMMAND)
        number = event->command->id;
    seen[seen_count].node = node->id;
    seen[seen_count].kind = event->kind;
    seen[seen_count].local_ns = event->now_ns;
    seen[seen_count].world_ns = the_world->now_ns;
    seen[seen_count].behind_ns = event->behind_ns;
    seen[seen_count++].number = number;
    if (event->kind == ISR_EVENT_WAKE)
        wake_wish[node->id] = ISR_TIME_NEVER;
    static struct isr_effect out[16];
    *effects = (struct isr_effects){.items = out, .wake_ns = wake_wish[node->id]};
    if (node->id == 1) {
        memcpy(out, effects_next, sizeof out);
        effects->count = effects_next_count;
        if (hunger_bytes > 0)
            memset(isr_heap_allocate(node->heap, hunger_bytes), 1, hunger_bytes);
        effects_next_count = 0;
    }
}

const struct isr_metrics *isr_node_metrics(const struct isr_node *node)
{
    (void)node;
    return NULL;
}
uint32_t isr_node_partitions_count(const struct isr_node *node)
{
    (void)node;
    return 0;
}
const struct isr_partition *isr_node_partition_at(const struct isr_node *node, uint32_t place)
{
    (void)node;
    (void)place;
    return NULL;
}
const struct isr_partition *isr_node_partition(const struct isr_node *node, struct isr_tp tp)
{
    (void)node;
    (void)tp;
    return NULL;
}
bool isr_node_broker_running(const struct isr_node *node)
{
    (void)node;
    return false;
}
int64_t isr_node_broker_epoch(const struct isr_node *node)
{
    (void)node;
    return -1;
}
const struct isr_image *isr_node_metadata(const struct isr_node *node)
{
    (void)node;
    return NULL;
}
const struct isr_image *isr_node_controller_image(const struct isr_node *node)
{
    (void)node;
    return NULL;
}
bool isr_node_controller_active(const struct isr_node *node)
{
    (void)node;
    return false;
}
const struct isr_peer *isr_node_peer(const struct isr_node *node)
{
    (void)node;
    return NULL;
}

const struct isr_consensus *isr_node_consensus(const struct isr_node *node)
{
    (void)node;
    return NULL;
}
uint64_t isr_node_digest(const struct isr_node *node)
{
    return node->key;
}

/* ---- helpers ---- */

/* Three nodes and the world's own client (4), started. */
static struct sim_world *fresh(void)
{
    struct sim_spec spec = sim_spec_default();
    for (size_t i = 0; i < sizeof wake_wish / sizeof wake_wish[0]; i++)
        wake_wish[i] = ISR_TIME_NEVER;
    effects_next_count = seen_count = 0;
    hunger_bytes = 0;
    the_world = sim_world_new(test_arena(), &spec, 1);
    sim_world_wake_script(the_world, spec.duration_ns);
    while (seen_count < 4)
        assert_true(sim_world_step(the_world));
    return the_world;
}

/* The script's event at the end keeps a step that finds only stale entries from going further. */
static void run_until(struct sim_world *world, int64_t until_ns)
{
    const struct sim_event *next;
    sim_world_wake_script(world, until_ns);
    while (!world->over && (next = sim_queue_peek(&world->queue)) != NULL && next->time_ns <= until_ns)
        sim_world_step(world);
    world->now_ns = until_ns;
}

static void send_number(struct sim_world *world, int32_t from, int32_t to, uint8_t number)
{
    uint8_t frame[8] = {0, 0, 0, 0, ISR_MESSAGE_FETCH_REQUEST, 0, 0, number};
    sim_network_send(world, from, to, (struct isr_bytes){.data = frame, .size = sizeof frame});
}

/* Makes node 1 take a step that has these effects. */
static void effect(struct isr_effect wanted)
{
    effects_next[effects_next_count++] = wanted;
}

static void poke(struct sim_world *world)
{
    send_number(world, 1, 1, 255);
    run_until(world, world->now_ns + 2 * SIM_SELF_LATENCY_NS);
}

/* ---- tests ---- */

static void starts_each_with_a_key_of_its_own(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    assert_int_equal(seen_count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(seen[i].node, i + 1);
        assert_int_equal(seen[i].kind, ISR_EVENT_START);
        assert_int_equal(seen[i].local_ns, SIM_CLOCK_EPOCH_NS);
        for (uint32_t j = 0; j < i; j++)
            assert_true(seen[i].number != seen[j].number);
    }
    sim_process_kill(world, 2);
    sim_process_start(world, 2);
    assert_int_equal(seen_count, 5);
    assert_true(seen[4].number != seen[1].number);
    sim_process_start(world, 2); /* it runs */
    assert_int_equal(seen_count, 5);
    assert_int_equal(world->counters.starts, 1);
    assert_int_equal(world->processes[2].incarnation, 3);
}

static void a_death_drops_memory_and_everything_queued(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    wake_wish[1] = SIM_CLOCK_EPOCH_NS + 50 * ISR_MS;
    effect((struct isr_effect){.kind = ISR_EFFECT_WRITE, .io = 7, .file = {.kind = ISR_FILE_QUORUM_LOG}});
    poke(world);
    send_number(world, 2, 1, 9);
    sim_process_shutdown(world, 1);
    uint32_t before = seen_count;
    sim_process_kill(world, 1);
    assert_int_equal(world->processes[1].memory->blocks_live, 0);
    assert_int_equal(world->processes[1].memory->chunks, 0);
    assert_null(world->processes[1].node);
    wake_wish[1] = ISR_TIME_NEVER;
    sim_process_start(world, 1);
    run_until(world, ISR_SECOND);
    assert_int_equal(seen_count, before + 1); /* the start of the next life alone */
    assert_int_equal(world->counters.messages_to_dead, 1);
    assert_int_equal(world->processes[1].disk->memory->blocks_live > 0, 1);
}

static void what_comes_while_frozen_comes_in_order_at_the_end_of_it(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    effect((struct isr_effect){.kind = ISR_EFFECT_WRITE, .io = 100, .file = {.kind = ISR_FILE_QUORUM_LOG}});
    wake_wish[1] = SIM_CLOCK_EPOCH_NS + 30 * ISR_MS;
    poke(world);
    sim_process_pause(world, 1);
    uint32_t before = seen_count;
    for (uint8_t i = 1; i <= 50; i++) {
        send_number(world, 2 + i % 2, 1, i);
        run_until(world, world->now_ns + 20 * ISR_MS);
    }
    assert_int_equal(seen_count, before);
    assert_int_equal(world->processes[1].deferred_count, 51);
    assert_int_equal(world->counters.messages_deferred, 50);
    /* cutting the links now is too late for what has arrived */
    struct sim_node_set alone = {{1 << 1}};
    sim_network_isolate(world, &alone);
    int64_t resumed_ns = world->now_ns;
    sim_process_resume(world, 1);
    run_until(world, resumed_ns);
    assert_int_equal(seen_count, before + 52);
    assert_int_equal(seen[before].kind, ISR_EVENT_IO_DONE);
    assert_int_equal(seen[before].number, 100);
    for (uint32_t i = 1; i <= 50; i++) {
        assert_int_equal(seen[before + i].kind, ISR_EVENT_MESSAGE);
        assert_int_equal(seen[before + i].number, i);
        assert_int_equal(seen[before + i].world_ns, resumed_ns);
    }
    assert_int_equal(seen[before + 51].kind, ISR_EVENT_WAKE);
    assert_int_equal(world->counters.messages_delivered, 51);
    assert_int_equal(world->counters.messages_cut, 0);
}

static void a_frozen_process_that_dies_loses_what_waited(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    sim_process_pause(world, 1);
    for (uint8_t i = 0; i < 20; i++)
        send_number(world, 2, 1, i);
    run_until(world, ISR_SECOND);
    assert_int_equal(world->processes[1].deferred_count, 20);
    uint64_t blocks = world->network.memory->blocks_live;
    sim_process_kill(world, 1);
    assert_int_equal(world->network.memory->blocks_live, blocks - 20);
    assert_int_equal(world->counters.messages_to_dead, 20);
    uint32_t before = seen_count;
    sim_process_start(world, 1);
    sim_process_resume(world, 1);
    run_until(world, 2 * ISR_SECOND);
    assert_int_equal(seen_count, before + 1);
}

static void a_process_killed_right_after_it_was_resumed_gets_nothing(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    sim_process_pause(world, 1);
    send_number(world, 2, 1, 1);
    run_until(world, ISR_SECOND);
    sim_process_resume(world, 1);
    sim_process_kill(world, 1);
    sim_process_start(world, 1);
    uint32_t before = seen_count;
    run_until(world, 2 * ISR_SECOND);
    assert_int_equal(seen_count, before);
    assert_int_equal(world->counters.messages_to_dead, 1);
}

/* A wish replaces the one before it; the node is woken once, at the last one, whatever order they were made
 * in. */
static void wakes_at_the_last_wish_alone(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    int64_t wishes_ms[] = {100, 50, 200, 20, 300, 10, 150, 40, 60, 80,
                           70,  35, 34,  33, 32,  31, 30,  29, 28, 90};
    for (size_t i = 0; i < sizeof wishes_ms / sizeof wishes_ms[0]; i++) {
        wake_wish[1] = SIM_CLOCK_EPOCH_NS + wishes_ms[i] * ISR_MS;
        poke(world);
    }
    uint32_t before = seen_count;
    uint64_t events = world->counters.events;
    run_until(world, ISR_SECOND);
    assert_int_equal(seen_count, before + 1);
    assert_int_equal(seen[before].kind, ISR_EVENT_WAKE);
    assert_int_equal(seen[before].world_ns, 90 * ISR_MS);
    assert_int_equal(world->counters.events,
                     events + 2); /* stale wake-ups are no events, the script's is one */
}

static void random_wishes_are_kept(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    for (uint64_t i = 0; i < 300; i++) {
        uint64_t draw = isr_hash_combine(4, i);
        seen_count = 0;
        wake_wish[1] = SIM_CLOCK_EPOCH_NS + world->now_ns + (int64_t)(draw % 5000000);
        int64_t wanted_ns = wake_wish[1] - SIM_CLOCK_EPOCH_NS;
        poke(world);
        if (draw >> 62 == 0)
            continue; /* another wish comes first */
        run_until(world, wanted_ns > world->now_ns ? wanted_ns : world->now_ns);
        uint32_t wakes = 0;
        for (uint32_t j = 0; j < seen_count; j++) {
            if (seen[j].node == 1 && seen[j].kind == ISR_EVENT_WAKE) {
                assert_true(seen[j].world_ns >= wanted_ns &&
                            seen[j].world_ns <= wanted_ns + 2 * SIM_SELF_LATENCY_NS);
                wakes++;
            }
        }
        assert_int_equal(wakes, 1);
        assert_true(sim_queue_count(&world->queue) < 40);
    }
}

static void wakes_by_the_node_s_own_clock(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    sim_clock_set_drift(&world->processes[1].clock, world->now_ns, 100000); /* a tenth too fast */
    wake_wish[1] = SIM_CLOCK_EPOCH_NS + 1100 * ISR_MS;
    poke(world);
    uint32_t before = seen_count;
    run_until(world, 2 * ISR_SECOND);
    assert_int_equal(seen_count, before + 1);
    assert_in_range(seen[before].world_ns, 1000 * ISR_MS, 1000 * ISR_MS + ISR_MS);
    assert_true(seen[before].local_ns >= SIM_CLOCK_EPOCH_NS + 1100 * ISR_MS);
}

static void ends_by_itself_cleanly_or_not(void **state)
{
    (void)state;
    for (int clean = 0; clean < 2; clean++) {
        struct sim_world *world = fresh();
        effect((struct isr_effect){
            .kind = ISR_EFFECT_SEND, .to = 2, .bytes = {(const uint8_t *)"\0\0\0\0\6*", 6}});
        effect((struct isr_effect){.kind = ISR_EFFECT_EXIT, .clean = clean});
        poke(world);
        assert_int_equal(world->processes[1].state, SIM_PROCESS_DOWN);
        assert_int_equal(world->processes[1].last_stop_clean, clean);
        assert_int_equal(world->counters.shutdowns, clean);
        assert_int_equal(world->counters.halts, !clean);
        uint32_t before = seen_count;
        run_until(world, ISR_SECOND); /* what it sent last still arrives */
        assert_int_equal(seen_count, before + 1);
        assert_int_equal(seen[before].node, 2);
        assert_int_equal(seen[before].number, '*');
    }
}

static void asks_to_stop_once(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    sim_process_shutdown(world, 2);
    sim_process_shutdown(world, 2);
    run_until(world, ISR_MS);
    assert_int_equal(seen_count, 5);
    assert_int_equal(seen[4].kind, ISR_EVENT_SHUTDOWN);
    assert_true(world->processes[2].stopping);
}

static void gives_commands_to_clients_that_run(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    char topic[] = "orders";
    struct isr_command command = {.kind = ISR_COMMAND_PRODUCE, .id = 77, .topic = topic};
    sim_process_command(world, 4, &command);
    memset(topic, 'x', 6); /* it was copied */
    run_until(world, ISR_MS);
    assert_int_equal(seen_count, 5);
    assert_int_equal(seen[4].kind, ISR_EVENT_COMMAND);
    assert_int_equal(seen[4].number, 77);
    sim_process_pause(world, 4);
    sim_process_command(world, 4, &command);
    run_until(world, 2 * ISR_MS);
    assert_int_equal(seen_count, 5);
    sim_process_resume(world, 4);
    run_until(world, 3 * ISR_MS);
    assert_int_equal(seen_count, 6);
    sim_process_kill(world, 4);
    sim_process_command(world, 4, &command);
    run_until(world, 4 * ISR_MS);
    assert_int_equal(seen_count, 6);
    assert_int_equal(world->counters.commands, 2);
}

static void disk_work_of_a_dead_process_is_not_told_to_the_next(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    effect((struct isr_effect){.kind = ISR_EFFECT_SYNC, .io = 3, .file = {.kind = ISR_FILE_QUORUM_LOG}});
    effect((struct isr_effect){.kind = ISR_EFFECT_LIST, .io = 4});
    poke(world);
    sim_process_power_off(world, 1, SIM_SURVIVES_DRAWN);
    sim_process_start(world, 1);
    uint32_t before = seen_count;
    run_until(world, ISR_SECOND);
    assert_int_equal(seen_count, before);
    assert_int_equal(world->counters.power_losses, 1);
}

static void a_slow_processor_takes_one_event_after_the_other(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    world->network.spec.latency = test_constant(ISR_MS);
    sim_process_slow_down(world, 1, 10 * ISR_MS);
    int64_t began_ns = world->now_ns;
    uint32_t before = seen_count;
    for (uint8_t i = 0; i < 5; i++)
        send_number(world, 2, 1, i);
    run_until(world, began_ns + 31 * ISR_MS);
    assert_int_equal(seen_count, before + 4); /* at 1, 11, 21 and 31 ms */
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(seen[before + i].number, i);
        assert_int_equal(seen[before + i].world_ns, began_ns + (int64_t)(10 * i + 1) * ISR_MS);
        assert_int_equal(seen[before + i].behind_ns, (int64_t)(10 * i) * ISR_MS);
    }
    assert_int_equal(world->counters.events_waited, 4);
    /* frozen meanwhile: the line stays */
    sim_process_pause(world, 1);
    run_until(world, began_ns + 100 * ISR_MS);
    assert_int_equal(seen_count, before + 4);
    sim_process_resume(world, 1);
    run_until(world, began_ns + 200 * ISR_MS);
    assert_int_equal(seen_count, before + 5);
    assert_int_equal(seen[before + 4].behind_ns, 0); /* it was the last */
    /* fast again */
    sim_process_slow_down(world, 1, 0);
    for (uint8_t i = 0; i < 5; i++)
        send_number(world, 2, 1, i);
    run_until(world, world->now_ns + 2 * ISR_MS);
    assert_int_equal(seen_count, before + 10);
}

static void a_slow_processor_wakes_up_between_what_waits(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    world->network.spec.latency = test_constant(ISR_MS);
    sim_process_slow_down(world, 1, 10 * ISR_MS);
    int64_t began_ns = world->now_ns;
    wake_wish[1] = SIM_CLOCK_EPOCH_NS + began_ns + 5 * ISR_MS;
    uint32_t before = seen_count;
    for (uint8_t i = 0; i < 5; i++)
        send_number(world, 2, 1, i);
    run_until(world, began_ns + 60 * ISR_MS);
    assert_int_equal(seen_count, before + 6);
    assert_int_equal(seen[before + 1].kind, ISR_EVENT_WAKE);
    assert_int_equal(seen[before + 1].world_ns, began_ns + 11 * ISR_MS);
    for (uint32_t i = 1; i < 5; i++)
        assert_int_equal(seen[before + 1 + i].number, i);
}

static void a_slow_processor_that_was_frozen_knows_how_long_its_line_waited(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    world->network.spec.latency = test_constant(ISR_MS);
    sim_process_slow_down(world, 1, 10 * ISR_MS);
    int64_t began_ns = world->now_ns;
    sim_process_pause(world, 1);
    uint32_t before = seen_count;
    for (uint8_t i = 0; i < 3; i++)
        send_number(world, 2, 1, i);
    run_until(world, began_ns + 100 * ISR_MS);
    sim_process_resume(world, 1);
    run_until(world, began_ns + 200 * ISR_MS);
    assert_int_equal(seen_count, before + 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(seen[before + i].number, i);
        assert_int_equal(seen[before + i].world_ns, began_ns + (int64_t)(100 + 10 * i) * ISR_MS);
        assert_int_equal(seen[before + i].behind_ns, i < 2 ? (int64_t)(99 + 10 * i) * ISR_MS : 0);
    }
}

static void a_slow_process_that_dies_loses_its_line(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    sim_process_slow_down(world, 1, ISR_SECOND);
    for (uint8_t i = 0; i < 5; i++)
        send_number(world, 2, 1, i);
    run_until(world, world->now_ns + 100 * ISR_MS);
    sim_process_kill(world, 1);
    sim_process_start(world, 1);
    uint32_t before = seen_count;
    run_until(world, world->now_ns + 10 * ISR_SECOND);
    assert_int_equal(seen_count, before);
    assert_int_equal(world->counters.messages_to_dead, 4);
}

static void nothing_leaves_a_step_that_runs_out_of_memory(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    sim_process_limit_memory(world, 1, 64 * 1024);
    poke(world);
    assert_int_equal(world->processes[1].state, SIM_PROCESS_UP);
    uint64_t sent = world->counters.messages_sent;
    uint8_t frame[8] = {0, 0, 0, 0, ISR_MESSAGE_FETCH_REQUEST};
    effect((struct isr_effect){.kind = ISR_EFFECT_SEND, .to = 2, .bytes = {frame, sizeof frame}});
    hunger_bytes = 100 * 1024;
    poke(world);
    hunger_bytes = 0;
    assert_int_equal(world->processes[1].state, SIM_PROCESS_DOWN);
    assert_null(world->processes[1].exhausted);
    assert_int_equal(world->processes[1].memory->bytes_used, 0);
    assert_false(world->processes[1].last_stop_clean);
    assert_int_equal(world->counters.memory_exhausted, 1);
    assert_int_equal(world->counters.messages_sent, sent + 1); /* the poke itself */
    /* it comes back, under the same bound, and without it */
    sim_process_start(world, 1);
    assert_int_equal(world->processes[1].state, SIM_PROCESS_UP);
    sim_process_limit_memory(world, 1, 0);
    hunger_bytes = 100 * 1024;
    poke(world);
    assert_int_equal(world->processes[1].state, SIM_PROCESS_UP);
}

static void a_process_that_does_not_fit_at_all_dies_at_its_start(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    sim_process_kill(world, 1);
    sim_process_limit_memory(world, 1, 1);
    sim_process_start(world, 1);
    assert_int_equal(world->processes[1].state, SIM_PROCESS_DOWN);
    assert_int_equal(world->counters.memory_exhausted, 1);
}

static void a_wiped_disk_is_empty_whatever_was_synced(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    struct isr_file file = {.kind = ISR_FILE_QUORUM_LOG}, votes = {.kind = ISR_FILE_PEER};
    struct isr_bytes bytes = {(const uint8_t *)"synced", 6};
    effect((struct isr_effect){.kind = ISR_EFFECT_REPLACE, .io = 1, .file = file, .bytes = bytes});
    effect((struct isr_effect){.kind = ISR_EFFECT_REPLACE, .io = 2, .file = votes, .bytes = bytes});
    poke(world);
    run_until(world, world->now_ns + ISR_SECOND);
    assert_non_null(sim_disk_file(world->processes[1].disk, file));
    sim_process_wipe(world, 1);
    assert_null(sim_disk_file(world->processes[1].disk, file));
    assert_int_equal(world->processes[1].disk->used_bytes, 0);
    assert_int_equal(world->processes[1].state, SIM_PROCESS_DOWN);
    assert_true(world->processes[1].last_stop_lossy);
    assert_true(sim_disk_quorum_betrayed(world->processes[1].disk) > 0);
    assert_true(sim_disk_votes_betrayed(world->processes[1].disk) > 0);
    assert_int_equal(world->counters.wipes, 1);
    sim_process_wipe(world, 1); /* an empty one: nothing is lost */
    assert_int_equal(world->counters.wipes, 1);
    sim_process_start(world, 1);
    assert_int_equal(world->processes[1].state, SIM_PROCESS_UP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_each_with_a_key_of_its_own),
        cmocka_unit_test(a_death_drops_memory_and_everything_queued),
        cmocka_unit_test(what_comes_while_frozen_comes_in_order_at_the_end_of_it),
        cmocka_unit_test(a_frozen_process_that_dies_loses_what_waited),
        cmocka_unit_test(a_process_killed_right_after_it_was_resumed_gets_nothing),
        cmocka_unit_test(wakes_at_the_last_wish_alone),
        cmocka_unit_test(random_wishes_are_kept),
        cmocka_unit_test(wakes_by_the_node_s_own_clock),
        cmocka_unit_test(ends_by_itself_cleanly_or_not),
        cmocka_unit_test(asks_to_stop_once),
        cmocka_unit_test(gives_commands_to_clients_that_run),
        cmocka_unit_test(disk_work_of_a_dead_process_is_not_told_to_the_next),
        cmocka_unit_test(a_slow_processor_takes_one_event_after_the_other),
        cmocka_unit_test(a_slow_processor_wakes_up_between_what_waits),
        cmocka_unit_test(a_slow_processor_that_was_frozen_knows_how_long_its_line_waited),
        cmocka_unit_test(a_slow_process_that_dies_loses_its_line),
        cmocka_unit_test(nothing_leaves_a_step_that_runs_out_of_memory),
        cmocka_unit_test(a_process_that_does_not_fit_at_all_dies_at_its_start),
        cmocka_unit_test(a_wiped_disk_is_empty_whatever_was_synced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
