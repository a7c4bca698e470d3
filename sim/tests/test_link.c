/* What only some links have: damage, a bandwidth, holds, connections. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/base/env.h"
#include "sim/connection.h"
#include "sim/hold.h"
#include "sim/line.h"
#include "sim/tests/support.h"

enum { FRAME_BYTES = 100, ARRIVALS_MAX = 20000 };

static struct {
    int64_t time_ns;
    int32_t from;
    uint32_t number;
} arrivals[ARRIVALS_MAX];
static uint32_t arrivals_count;
static struct {
    int32_t node, peer;
    int64_t time_ns;
} told[64];
static uint32_t told_count;
static uint32_t damaged_count, sound_count;

static void send_sized(struct sim_world *world, int32_t from, int32_t to, enum isr_message_kind kind,
                       uint32_t number, uint32_t size_bytes)
{
    static uint8_t frame[1 << 16];
    memset(frame, 7, size_bytes);
    frame[4] = (uint8_t)kind;
    memcpy(frame + 8, &number, sizeof number);
    uint32_t crc = isr_crc32c(0, frame + 4, size_bytes - 4);
    memcpy(frame, &crc, sizeof crc);
    sim_network_send(world, from, to, (struct isr_bytes){.data = frame, .size = size_bytes});
}

static void send_data(struct sim_world *world, int32_t from, int32_t to, uint32_t number)
{
    send_sized(world, from, to, ISR_MESSAGE_FETCH_REQUEST, number, FRAME_BYTES);
}

static void send_heartbeat(struct sim_world *world, int32_t from, int32_t to, uint32_t number)
{
    send_sized(world, from, to, ISR_MESSAGE_BROKER_HEARTBEAT_REQUEST, number, FRAME_BYTES);
}

static void arrive(struct sim_world *world, struct sim_message *message)
{
    if (!sim_network_arrive(world, message))
        return;
    uint32_t crc = 0;
    if (message->size_bytes >= 12) {
        memcpy(&arrivals[arrivals_count].number, message->bytes + 8, 4);
        memcpy(&crc, message->bytes, sizeof crc);
    }
    bool sound = message->size_bytes >= ISR_FRAME_HEADER_BYTES &&
                 crc == isr_crc32c(0, message->bytes + 4, message->size_bytes - 4);
    assert_int_equal(sound, !message->damaged);
    damaged_count += !sound;
    sound_count += sound;
    arrivals[arrivals_count].time_ns = world->now_ns;
    arrivals[arrivals_count++].from = message->from;
    sim_network_release(&world->network, message);
}

static void run_until(struct sim_world *world, int64_t until_ns)
{
    const struct sim_event *next;
    while ((next = sim_queue_peek(&world->queue)) != NULL && next->time_ns <= until_ns) {
        struct sim_event event = {0};
        uint32_t incarnation;
        sim_queue_pop(&world->queue, &event);
        world->now_ns = event.time_ns;
        if (sim_event_kind(&event) == SIM_EVENT_MESSAGE)
            arrive(world, sim_event_pointer(&event));
        else if (sim_event_kind(&event) == SIM_EVENT_LINK)
            sim_line_event(world, sim_event_target(&event), event.payload);
        else if (!sim_connection_tells(event.payload, &told[told_count].peer, &incarnation))
            sim_connection_keepalive(world, sim_event_target(&event), event.payload);
        else if (world->processes[sim_event_target(&event)].incarnation == incarnation) {
            told[told_count].time_ns = world->now_ns;
            told[told_count++].node = sim_event_target(&event);
        }
    }
    if (until_ns != INT64_MAX)
        world->now_ns = until_ns;
}

static void run(struct sim_world *world)
{
    run_until(world, INT64_MAX);
}

static struct sim_world *fresh(uint64_t seed)
{
    struct sim_world *world = test_world(4, seed);
    world->network.spec.latency = test_constant(ISR_MS);
    memset(arrivals, 0, sizeof arrivals);
    arrivals_count = told_count = damaged_count = sound_count = 0;
    return world;
}

static void numbers_are(const uint32_t *numbers, uint32_t count)
{
    assert_int_equal(arrivals_count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(arrivals[i].number, numbers[i]);
}
#define NUMBERS_ARE(...)                         \
    numbers_are((const uint32_t[]){__VA_ARGS__}, \
                (uint32_t)(sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)))

/* ---- damage ---- */

static void damages_so_many_and_the_checksum_finds_each(void **state)
{
    (void)state;
    struct sim_world *world = fresh(1);
    world->network.spec.corrupt_ppm = 200000;
    for (uint32_t i = 0; i < 10000; i++)
        send_data(world, 1, 2, i);
    run(world);
    assert_int_equal(arrivals_count, 10000);
    assert_in_range(damaged_count, 1800, 2200);
}

/* Every single bit, and every cut: no decoder acts on what a wire can do to one frame. */
static void a_message_with_any_bit_flipped_or_cut_short_is_refused(void **state)
{
    (void)state;
    struct sim_world *world = fresh(2);
    struct isr_env env;
    struct isr_config config = isr_config_default();
    struct isr_rules rules = {0};
    isr_env_init(&env, 1, &world->heap, &config, &rules, 1);
    struct isr_fetch_answer answer = {.high_watermark = 5, .leader_epoch = 3};
    answer.records = (struct isr_bytes){(const uint8_t *)"some records with a base offset of their own", 44};
    struct isr_message message = {.kind = ISR_MESSAGE_FETCH_RESPONSE, .fetch_response.correlation = 9};
    message.fetch_response.partitions = &answer;
    message.fetch_response.partitions_count = 1;
    struct isr_bytes frame = isr_message_encode(&message, &env.scratch);
    static uint8_t copy[1024];
    assert_true(isr_message_decode(frame, &env.scratch, &message));
    for (uint32_t bit = 0; bit < frame.size * 8; bit++) {
        memcpy(copy, frame.data, frame.size);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(isr_message_decode((struct isr_bytes){copy, frame.size}, &env.scratch, &message));
    }
    for (uint32_t size = 0; size < frame.size; size++)
        assert_false(isr_message_decode((struct isr_bytes){frame.data, size}, &env.scratch, &message));
}

/* ---- bandwidth ---- */

static void sends_one_after_the_other_at_the_link_s_speed(void **state)
{
    (void)state;
    struct sim_world *world = fresh(3);
    world->network.spec.bandwidth_bytes = 100 * FRAME_BYTES;
    for (uint32_t i = 0; i < 5; i++)
        send_data(world, 1, 2, i);
    send_data(world, 2, 1, 100); /* the other direction is another link */
    run(world);
    assert_int_equal(arrivals_count, 6);
    assert_int_equal(arrivals[0].time_ns, 11 * ISR_MS);
    for (uint32_t i = 2; i < 6; i++) {
        assert_int_equal(arrivals[i].number, i - 1);
        assert_int_equal(arrivals[i].time_ns, (int64_t)(i * 10 + 1) * ISR_MS);
    }
    assert_int_equal(world->counters.messages_queued, 4);
}

static void urgent_groups_overtake_in_the_queue(void **state)
{
    (void)state;
    struct sim_world *world = fresh(4);
    world->network.spec.bandwidth_bytes = 100 * FRAME_BYTES;
    for (uint32_t round = 0; round < 2; round++) {
        arrivals_count = 0;
        world->network.spec.priorities = round == 0;
        send_data(world, 1, 2, 0);
        send_data(world, 1, 2, 1);
        send_heartbeat(world, 1, 2, 2);
        send_sized(world, 1, 2, ISR_MESSAGE_METADATA_REQUEST, 3, FRAME_BYTES);
        send_sized(world, 1, 2, ISR_MESSAGE_VOTE_REQUEST, 4, FRAME_BYTES);
        send_heartbeat(world, 1, 2, 5);
        run(world);
        if (round == 0)
            NUMBERS_ARE(0, 4, 2, 5, 3, 1);
        else
            NUMBERS_ARE(0, 1, 2, 3, 4, 5);
    }
}

static void loses_what_does_not_fit_into_the_queue(void **state)
{
    (void)state;
    struct sim_world *world = fresh(5);
    world->network.spec.bandwidth_bytes = 100 * FRAME_BYTES;
    world->network.spec.queue_bytes = 3 * FRAME_BYTES;
    for (uint32_t i = 0; i < 6; i++)
        send_data(world, 1, 2, i);
    assert_int_equal(world->counters.messages_overflowed, 2);
    send_heartbeat(world, 1, 2, 10); /* pushes out the last data */
    send_heartbeat(world, 1, 2, 11);
    send_heartbeat(world, 1, 2, 12);
    send_heartbeat(world, 1, 2, 13); /* nothing less urgent waits any more */
    assert_int_equal(world->counters.messages_overflowed, 6);
    run(world);
    NUMBERS_ARE(0, 10, 11, 12);
}

static void a_group_loses_what_exceeds_its_own_queue_and_the_others_nothing(void **state)
{
    (void)state;
    struct sim_world *world = fresh(6);
    world->network.spec.bandwidth_bytes = 100 * FRAME_BYTES;
    world->network.spec.priorities = false;
    world->network.spec.group_queue_bytes[ISR_GROUP_DATA] = 2 * FRAME_BYTES;
    for (uint32_t i = 0; i < 5; i++)
        send_data(world, 1, 2, i); /* one goes, two wait */
    for (uint32_t i = 10; i < 14; i++)
        send_heartbeat(world, 1, 2, i);
    assert_int_equal(world->counters.messages_overflowed, 2);
    run(world);
    NUMBERS_ARE(0, 1, 2, 10, 11, 12, 13);
    send_data(world, 1, 2, 20); /* and what went makes room again */
    send_data(world, 1, 2, 21);
    send_data(world, 1, 2, 22);
    send_data(world, 1, 2, 23);
    assert_int_equal(world->counters.messages_overflowed, 3);
}

static void without_priorities_an_urgent_message_pushes_out_nothing(void **state)
{
    (void)state;
    struct sim_world *world = fresh(6);
    world->network.spec.bandwidth_bytes = 100 * FRAME_BYTES;
    world->network.spec.queue_bytes = 2 * FRAME_BYTES;
    world->network.spec.priorities = false;
    for (uint32_t i = 0; i < 3; i++)
        send_data(world, 1, 2, i);
    send_heartbeat(world, 1, 2, 10);
    run(world);
    NUMBERS_ARE(0, 1, 2);
    assert_int_equal(world->counters.messages_overflowed, 1);
}

static void a_healed_link_sends_at_once_what_waited(void **state)
{
    (void)state;
    struct sim_world *world = fresh(7);
    struct sim_link_spec narrow = {.bandwidth_bytes = 1, .queue_bytes = 1 << 20};
    sim_network_change(world, 1, 2, &narrow, SIM_LINK_BANDWIDTH | SIM_LINK_QUEUE);
    for (uint32_t i = 0; i < 4; i++)
        send_data(world, 1, 2, i);
    run_until(world, 10 * ISR_SECOND);
    assert_int_equal(arrivals_count, 0);
    sim_network_heal(world, 2);
    run(world);
    NUMBERS_ARE(0, 1, 2, 3);
    assert_int_equal(arrivals[3].time_ns, 10 * ISR_SECOND + ISR_MS);
}

static void a_machine_without_power_loses_its_queue(void **state)
{
    (void)state;
    struct sim_world *world = fresh(8);
    world->network.spec.bandwidth_bytes = 100 * FRAME_BYTES;
    for (uint32_t i = 0; i < 4; i++)
        send_data(world, 1, 2, i);
    run_until(world, 15 * ISR_MS); /* one has gone, one is on the wire */
    sim_network_power_off(world, 1);
    run(world);
    NUMBERS_ARE(0);
    assert_int_equal(world->counters.messages_unsent, 3);
}

static void a_cut_link_loses_what_leaves_its_queue(void **state)
{
    (void)state;
    struct sim_world *world = fresh(9);
    world->network.spec.bandwidth_bytes = 100 * FRAME_BYTES;
    for (uint32_t i = 0; i < 3; i++)
        send_data(world, 1, 2, i);
    run_until(world, 12 * ISR_MS);
    sim_network_cut(world, 1, 2);
    run(world);
    NUMBERS_ARE(0);
    assert_int_equal(world->counters.messages_cut, 2);
}

/* ---- holds ---- */

static void holds_what_would_arrive_until_it_is_released_in_order(void **state)
{
    (void)state;
    struct sim_world *world = fresh(10);
    send_data(world, 1, 2, 0); /* on its way already */
    sim_hold_add(world, 1, 2, NULL, 0, false);
    send_data(world, 1, 2, 1);
    send_heartbeat(world, 1, 2, 2);
    send_data(world, 2, 1, 9);
    run_until(world, ISR_SECOND);
    NUMBERS_ARE(9);
    assert_int_equal(world->counters.messages_held, 3);
    sim_hold_release(world, 1, 2, NULL, false);
    send_data(world, 1, 2, 3);
    run(world);
    NUMBERS_ARE(9, 0, 1, 2, 3);
    assert_int_equal(arrivals[1].time_ns, ISR_SECOND);
}

static void holds_and_drops_the_next_of_a_kind(void **state)
{
    (void)state;
    struct sim_world *world = fresh(11);
    struct sim_message_set heartbeats = {0}, others = {{UINT64_MAX, UINT64_MAX}};
    sim_message_set_add(&heartbeats, ISR_MESSAGE_BROKER_HEARTBEAT_REQUEST);
    sim_message_set_remove(&others, &heartbeats);
    sim_hold_add(world, 1, 2, &heartbeats, 1, true);
    sim_hold_add(world, 1, 2, &heartbeats, 2, false);
    for (uint32_t i = 0; i < 5; i++) {
        send_heartbeat(world, 1, 2, i);
        run_until(world, (int64_t)(i + 1) * 10 * ISR_MS);
        send_data(world, 1, 2, 100 + i);
        run_until(world, (int64_t)(i + 1) * 10 * ISR_MS + 5 * ISR_MS);
    }
    NUMBERS_ARE(100, 101, 102, 3, 103, 4, 104);
    assert_int_equal(world->counters.messages_dropped, 1);
    sim_hold_release(world, 1, 2, &others, false); /* none of these is held */
    run(world);
    assert_int_equal(arrivals_count, 7);
    sim_hold_release(world, 1, 2, &heartbeats, true);
    run(world);
    assert_int_equal(arrivals_count, 7);
    assert_int_equal(world->counters.messages_dropped, 3);
}

static void what_was_held_is_lost_on_a_link_cut_meanwhile(void **state)
{
    (void)state;
    struct sim_world *world = fresh(12);
    sim_hold_add(world, 1, 2, NULL, 0, false);
    send_data(world, 1, 2, 0);
    run_until(world, ISR_SECOND);
    sim_network_cut(world, 1, 2);
    sim_hold_release(world, 1, 2, NULL, false);
    run(world);
    assert_int_equal(arrivals_count, 0);
    assert_int_equal(world->counters.messages_cut, 1);
}

static void healing_releases_what_is_held(void **state)
{
    (void)state;
    struct sim_world *world = fresh(13);
    sim_hold_add(world, 1, 2, NULL, 0, false);
    send_data(world, 1, 2, 0);
    run_until(world, ISR_SECOND);
    sim_network_heal(world, 1);
    send_data(world, 1, 2, 1);
    run(world);
    NUMBERS_ARE(0, 1);
}

/* ---- connections ---- */

static struct sim_world *streams(uint64_t seed)
{
    struct sim_world *world = fresh(seed);
    world->network.spec.connections = true;
    world->network.spec.keepalive_ns = 5 * ISR_SECOND;
    return world;
}

static void opens_a_connection_before_the_first_message(void **state)
{
    (void)state;
    struct sim_world *world = streams(20);
    world->network.spec.reconnect_ns = 7 * ISR_MS;
    send_data(world, 1, 2, 0);
    run(world);
    assert_int_equal(arrivals[0].time_ns, 10 * ISR_MS); /* a round trip, 7 ms, and its own way */
    send_data(world, 2, 1, 1);
    run(world);
    assert_int_equal(arrivals[1].time_ns, 11 * ISR_MS);
    assert_int_equal(world->counters.connections_opened, 1);
}

static void keeps_the_order_over_all_groups_although_messages_are_lost(void **state)
{
    (void)state;
    struct sim_world *world = streams(21);
    world->network.spec.latency = (struct sim_distribution){1000, 2000, 900000, 2000000};
    world->network.spec.loss_ppm = world->network.spec.duplicate_ppm = world->network.spec.reorder_ppm =
        50000;
    for (uint32_t i = 0; i < 5000; i++) {
        send_sized(world, 1, 2, i % 3 == 0 ? ISR_MESSAGE_VOTE_REQUEST : ISR_MESSAGE_FETCH_REQUEST, i,
                   FRAME_BYTES);
        run_until(world, i * 10000);
    }
    run(world);
    assert_int_equal(arrivals_count, 5000);
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(arrivals[i].number, i);
    assert_in_range(world->counters.messages_retransmitted, 200, 300);
    assert_int_equal(world->counters.messages_lost + world->counters.messages_duplicated +
                         world->counters.messages_reordered,
                     0);
}

static void a_reset_loses_what_is_under_way_and_tells_both(void **state)
{
    (void)state;
    struct sim_world *world = streams(22);
    send_data(world, 1, 2, 0);
    run(world);
    send_data(world, 1, 2, 1);
    send_data(world, 2, 1, 2);
    sim_connection_reset(world, 2, 1);
    send_data(world, 1, 2, 3); /* on a new one */
    run(world);
    NUMBERS_ARE(0, 3);
    assert_int_equal(world->counters.messages_reset, 2);
    assert_int_equal(told_count, 2);
    assert_int_equal(told[0].node + told[1].node, 3);
    assert_int_equal(told[0].node, told[1].peer);
    assert_int_equal(world->counters.connections_opened, 2);
    sim_connection_reset(world, 3, 4); /* there is none */
    assert_int_equal(world->counters.connections_reset, 1);
}

static void a_half_open_connection_swallows_one_direction_until_the_keepalive(void **state)
{
    (void)state;
    struct sim_world *world = streams(23);
    send_data(world, 1, 2, 0);
    run(world);
    int64_t from_ns = world->now_ns;
    sim_connection_half_open(world, 1, 2);
    send_data(world, 1, 2, 1);
    send_data(world, 2, 1, 2);
    run_until(world, from_ns + ISR_SECOND);
    NUMBERS_ARE(0, 2);
    assert_int_equal(world->counters.messages_vanished, 1);
    assert_int_equal(told_count, 0);
    run_until(world, from_ns + 6 * ISR_SECOND);
    assert_int_equal(told_count, 2);
    assert_int_equal(told[0].time_ns, from_ns + 5 * ISR_SECOND);
    send_data(world, 1, 2, 3);
    run(world);
    NUMBERS_ARE(0, 2, 3);
}

static void a_short_cut_delays_a_long_one_breaks(void **state)
{
    (void)state;
    struct sim_world *world = streams(24);
    send_data(world, 1, 2, 0);
    run(world);
    sim_network_cut(world, 1, 2);
    send_data(world, 1, 2, 1);
    send_heartbeat(world, 1, 2, 2);
    run_until(world, 2 * ISR_SECOND);
    NUMBERS_ARE(0);
    sim_network_heal(world, 1);
    run_until(world, 8 * ISR_SECOND);
    NUMBERS_ARE(0, 1, 2);
    assert_int_equal(told_count, 0);
    sim_network_cut(world, 1, 2);
    send_data(world, 1, 2, 3);
    run_until(world, 20 * ISR_SECOND);
    assert_int_equal(told_count, 2);
    sim_network_heal(world, 1);
    send_data(world, 1, 2, 4);
    run(world);
    NUMBERS_ARE(0, 1, 2, 4);
    assert_int_equal(world->counters.messages_reset, 1);
}

static void the_survivor_is_told_of_the_other_s_end(void **state)
{
    (void)state;
    struct sim_world *world = streams(25);
    send_data(world, 1, 2, 0);
    run(world);
    send_data(world, 2, 1, 1); /* its last words */
    world->processes[2].state = SIM_PROCESS_DOWN;
    sim_connection_ended(world, 2, false);
    world->processes[2].incarnation++;
    run(world);
    NUMBERS_ARE(0, 1);
    assert_int_equal(told_count, 1);
    assert_int_equal(told[0].node, 1);
    assert_int_equal(told[0].peer, 2);
}

static void nobody_tells_of_a_machine_without_power(void **state)
{
    (void)state;
    struct sim_world *world = streams(26);
    send_data(world, 1, 2, 0);
    run(world);
    world->processes[2].state = SIM_PROCESS_DOWN;
    sim_connection_ended(world, 2, true);
    world->processes[2].incarnation++;
    run_until(world, ISR_SECOND);
    send_data(world, 1, 2, 1);
    run_until(world, 4 * ISR_SECOND);
    assert_int_equal(told_count, 0);
    run_until(world, 7 * ISR_SECOND); /* the keepalive, from the first message on */
    assert_int_equal(told_count, 1);
    assert_int_equal(told[0].time_ns, 6 * ISR_SECOND);
    world->processes[2].state = SIM_PROCESS_UP;
    world->processes[2].incarnation++;
    send_data(world, 1, 2, 2);
    run(world);
    NUMBERS_ARE(0, 2);
}

static void a_process_started_anew_resets_what_comes_for_the_old_one(void **state)
{
    (void)state;
    struct sim_world *world = streams(27);
    send_data(world, 1, 2, 0);
    run(world);
    sim_connection_ended(world, 2, true);
    world->processes[2].incarnation += 2;
    send_data(world, 1, 2, 1);
    send_data(world, 1, 2, 2);
    run(world);
    NUMBERS_ARE(0, 2);
    assert_int_equal(world->counters.messages_reset, 1);
    assert_int_equal(told_count, 1);
}

static void everything_behind_a_held_message_waits(void **state)
{
    (void)state;
    struct sim_world *world = streams(28);
    struct sim_message_set heartbeats = {0};
    sim_message_set_add(&heartbeats, ISR_MESSAGE_BROKER_HEARTBEAT_REQUEST);
    sim_hold_add(world, 1, 2, &heartbeats, 1, false);
    send_data(world, 1, 2, 0);
    send_heartbeat(world, 1, 2, 1);
    send_data(world, 1, 2, 2);
    run_until(world, ISR_SECOND);
    NUMBERS_ARE(0);
    sim_hold_release(world, 1, 2, NULL, false);
    run(world);
    NUMBERS_ARE(0, 1, 2);
}

static void gives_back_all_memory_but_the_links_own(void **state)
{
    (void)state;
    struct sim_world *world = streams(29);
    uint64_t blocks = 0;
    for (uint32_t round = 0; round < 3; round++) {
        world->network.spec.bandwidth_bytes = 1000 * FRAME_BYTES;
        world->network.spec.queue_bytes = 4 * FRAME_BYTES;
        world->network.spec.corrupt_ppm = 100000;
        sim_hold_add(world, 1, 2, NULL, 3, false);
        for (uint32_t i = 0; i < 20; i++)
            send_data(world, 1, 2, i);
        run(world);
        sim_connection_reset(world, 1, 2);
        sim_network_heal(world, 1);
        run(world);
        if (round > 0)
            assert_int_equal(world->network.memory->blocks_live, blocks);
        blocks = world->network.memory->blocks_live;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damages_so_many_and_the_checksum_finds_each),
        cmocka_unit_test(a_message_with_any_bit_flipped_or_cut_short_is_refused),
        cmocka_unit_test(sends_one_after_the_other_at_the_link_s_speed),
        cmocka_unit_test(urgent_groups_overtake_in_the_queue),
        cmocka_unit_test(loses_what_does_not_fit_into_the_queue),
        cmocka_unit_test(a_group_loses_what_exceeds_its_own_queue_and_the_others_nothing),
        cmocka_unit_test(without_priorities_an_urgent_message_pushes_out_nothing),
        cmocka_unit_test(a_healed_link_sends_at_once_what_waited),
        cmocka_unit_test(a_machine_without_power_loses_its_queue),
        cmocka_unit_test(a_cut_link_loses_what_leaves_its_queue),
        cmocka_unit_test(holds_what_would_arrive_until_it_is_released_in_order),
        cmocka_unit_test(holds_and_drops_the_next_of_a_kind),
        cmocka_unit_test(what_was_held_is_lost_on_a_link_cut_meanwhile),
        cmocka_unit_test(healing_releases_what_is_held),
        cmocka_unit_test(opens_a_connection_before_the_first_message),
        cmocka_unit_test(keeps_the_order_over_all_groups_although_messages_are_lost),
        cmocka_unit_test(a_reset_loses_what_is_under_way_and_tells_both),
        cmocka_unit_test(a_half_open_connection_swallows_one_direction_until_the_keepalive),
        cmocka_unit_test(a_short_cut_delays_a_long_one_breaks),
        cmocka_unit_test(the_survivor_is_told_of_the_other_s_end),
        cmocka_unit_test(nobody_tells_of_a_machine_without_power),
        cmocka_unit_test(a_process_started_anew_resets_what_comes_for_the_old_one),
        cmocka_unit_test(everything_behind_a_held_message_waits),
        cmocka_unit_test(gives_back_all_memory_but_the_links_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
