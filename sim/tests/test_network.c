#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sim/tests/support.h"

enum { FRAME_BYTES = 16, LOG_MAX = 200000 };

struct arrival {
    int64_t time_ns;
    int32_t from, to;
    uint32_t number;
    bool got;
};
static struct arrival arrivals[LOG_MAX];
static uint32_t arrivals_count;

/* A frame of some kind with a number in it; the number is where the checksum would be, too. */
static void send_kind(struct sim_world *world, int32_t from, int32_t to, enum isr_message_kind kind,
                      uint32_t number)
{
    uint8_t frame[FRAME_BYTES] = {0};
    memcpy(frame, &number, sizeof number);
    frame[4] = (uint8_t)kind;
    memcpy(frame + 8, &number, sizeof number);
    sim_network_send(world, from, to, (struct isr_bytes){.data = frame, .size = sizeof frame});
}

static void send_data(struct sim_world *world, int32_t from, int32_t to, uint32_t number)
{
    send_kind(world, from, to, ISR_MESSAGE_FETCH_REQUEST, number);
}

/* Lets everything arrive up to a time; returns how many receivers got something. */
static uint32_t run_until(struct sim_world *world, int64_t until_ns)
{
    uint32_t got = 0;
    const struct sim_event *next;
    while ((next = sim_queue_peek(&world->queue)) != NULL && next->time_ns <= until_ns) {
        struct sim_event event = {0};
        sim_queue_pop(&world->queue, &event);
        world->now_ns = event.time_ns;
        struct sim_message *message = sim_event_pointer(&event);
        struct arrival *arrival = &arrivals[arrivals_count++];
        assert_int_equal(message->size_bytes, FRAME_BYTES);
        *arrival = (struct arrival){.time_ns = event.time_ns, .from = message->from, .to = message->to};
        memcpy(&arrival->number, message->bytes + 8, sizeof arrival->number);
        arrival->got = sim_network_arrive(world, message);
        if (arrival->got) {
            got++;
            sim_network_release(&world->network, message);
        }
    }
    return got;
}

static uint32_t run(struct sim_world *world)
{
    return run_until(world, INT64_MAX);
}

static struct sim_world *fresh(uint64_t seed)
{
    struct sim_world *world = test_world(4, seed);
    arrivals_count = 0;
    return world;
}

static void all_links(struct sim_world *world, struct sim_link_spec spec)
{
    world->network.spec = spec;
}

static void carries_everything_in_order_when_nothing_is_wrong(void **state)
{
    (void)state;
    struct sim_world *world = fresh(1);
    for (uint32_t i = 0; i < 5000; i++) {
        world->now_ns = i * 100 * TEST_US;
        send_data(world, 1, 2, i);
    }
    assert_int_equal(run(world), 5000);
    for (uint32_t i = 0; i < 5000; i++) {
        assert_int_equal(arrivals[i].number, i);
        assert_true(arrivals[i].time_ns >= i * 100 * TEST_US + world->network.spec.latency.low_ns);
    }
    assert_int_equal(world->counters.messages_sent, 5000);
    assert_int_equal(world->counters.messages_lost + world->counters.messages_cut +
                         world->counters.messages_duplicated + world->counters.messages_reordered +
                         world->counters.messages_to_dead,
                     0);
}

static void groups_of_a_link_do_not_wait_for_each_other(void **state)
{
    (void)state;
    struct sim_world *world = fresh(2);
    uint32_t overtaken = 0;
    for (uint32_t i = 0; i < 2000; i++)
        send_kind(world, 1, 2, i % 2 == 0 ? ISR_MESSAGE_FETCH_REQUEST : ISR_MESSAGE_BROKER_HEARTBEAT_REQUEST,
                  i);
    run(world);
    uint32_t last[2] = {0, 0}, greatest = 0;
    for (uint32_t i = 0; i < arrivals_count; i++) {
        uint32_t number = arrivals[i].number;
        assert_true(number >= last[number % 2]);
        last[number % 2] = number;
        overtaken += number < greatest;
        greatest = number > greatest ? number : greatest;
    }
    assert_true(overtaken > 0);
}

static void loses_so_many(void **state)
{
    (void)state;
    struct sim_world *world = fresh(3);
    all_links(world, (struct sim_link_spec){.latency = test_constant(1000), .loss_ppm = 100000});
    for (uint32_t i = 0; i < 20000; i++)
        send_data(world, 1, 2, i);
    uint32_t got = run(world);
    assert_in_range(world->counters.messages_lost, 1800, 2200);
    assert_int_equal(got + world->counters.messages_lost, 20000);
}

static void duplicates_so_many_and_counts_the_second_arrival(void **state)
{
    (void)state;
    struct sim_world *world = fresh(4);
    all_links(world, (struct sim_link_spec){.latency = {1000, 2000, 3000, 4000}, .duplicate_ppm = 50000});
    static uint8_t seen[20000];
    memset(seen, 0, sizeof seen);
    for (uint32_t i = 0; i < 20000; i++)
        send_data(world, 1, 2, i);
    uint32_t got = run(world);
    assert_in_range(world->counters.messages_duplicated, 850, 1150);
    assert_int_equal(got, 20000 + world->counters.messages_duplicated);
    for (uint32_t i = 0; i < arrivals_count; i++)
        seen[arrivals[i].number]++;
    for (uint32_t i = 0; i < 20000; i++)
        assert_in_range(seen[i], 1, 2);
}

/* The count is of messages that really overtook one sent before them. */
static void reorders_and_counts_who_overtook(void **state)
{
    (void)state;
    struct sim_world *world = fresh(5);
    all_links(world, (struct sim_link_spec){.latency = test_constant(1000), .reorder_ppm = 20000});
    enum { SENT = 3000 };
    static int64_t at[SENT];
    for (uint32_t i = 0; i < SENT; i++) {
        run_until(world, i * 700);
        world->now_ns = i * 700;
        send_data(world, 1, 2, i);
    }
    run(world);
    uint32_t overtook = 0;
    for (uint32_t i = 0; i < arrivals_count; i++)
        at[arrivals[i].number] = arrivals[i].time_ns;
    for (uint32_t i = 0; i < SENT; i++) {
        bool straggler = at[i] > i * 700 + 1000, overtakes = false;
        for (uint32_t j = i > 10 ? i - 10 : 0; j < i; j++)
            overtakes = overtakes || at[j] > at[i];
        overtook += overtakes && !straggler;
    }
    assert_true(overtook > 50);
    assert_int_equal(world->counters.messages_reordered, overtook);
    assert_int_equal(arrivals_count, SENT);
}

static void cuts_one_way_alone(void **state)
{
    (void)state;
    struct sim_world *world = fresh(6);
    sim_network_cut(world, 1, 2);
    send_data(world, 1, 2, 1);
    send_data(world, 2, 1, 2);
    send_data(world, 1, 3, 3);
    assert_int_equal(run(world), 2);
    assert_int_equal(world->counters.messages_cut, 1);
    assert_true(sim_network_is_cut(&world->network, 1, 2));
    assert_false(sim_network_is_cut(&world->network, 2, 1));
}

static void loses_what_is_on_its_way_when_cut(void **state)
{
    (void)state;
    struct sim_world *world = fresh(7);
    send_data(world, 1, 2, 1);
    sim_network_cut(world, 1, 2);
    assert_int_equal(run(world), 0);
    assert_int_equal(world->counters.messages_cut, 1);
}

static uint32_t reachable(struct sim_world *world)
{
    uint32_t map = 0;
    for (int32_t from = 1; from <= 4; from++) {
        for (int32_t to = 1; to <= 4; to++)
            map |= (uint32_t)!sim_network_is_cut(&world->network, from, to) << (4 * (from - 1) + to - 1);
    }
    return map;
}

static void partitions_and_isolates_and_heals(void **state)
{
    (void)state;
    struct sim_world *world = fresh(8);
    struct sim_node_set groups[2] = {{{1 << 1}}, {{1 << 2 | 1 << 3}}};
    sim_network_partition(world, groups, 2); /* 1 | 2 3; 4 hears all */
    assert_int_equal(reachable(world), 0xffff & ~(1u << 1 | 1u << 2 | 1u << 4 | 1u << 8));
    sim_network_heal(world, 2);
    assert_int_equal(reachable(world), 0xffff & ~(1u << 2 | 1u << 8));
    sim_network_heal(world, 1);
    assert_int_equal(reachable(world), 0xffff);
    struct sim_node_set alone = {{1 << 3}};
    sim_network_isolate(world, &alone);
    assert_int_equal(reachable(world), 0xb4bb); /* 3 hears itself alone */
}

static void changes_one_link_and_heals_it(void **state)
{
    (void)state;
    struct sim_world *world = fresh(9);
    struct sim_link_spec slow = {.latency = test_constant(ISR_SECOND), .loss_ppm = 1000000};
    sim_network_change(world, 1, 2, &slow, SIM_LINK_LATENCY);
    send_data(world, 1, 2, 1);
    send_data(world, 2, 1, 2);
    assert_int_equal(run(world), 2);
    assert_int_equal(arrivals[0].number, 2);
    assert_int_equal(arrivals[1].time_ns, ISR_SECOND);
    sim_network_change(world, 1, 2, &slow, SIM_LINK_LOSS);
    send_data(world, 1, 2, 3);
    assert_int_equal(run(world), 0);
    sim_network_heal(world, 2);
    send_data(world, 1, 2, 4);
    assert_int_equal(run(world), 1);
    assert_true(world->now_ns < ISR_SECOND + 20 * ISR_MS);
}

static void slow_link_does_not_hold_up_what_is_sent_after_it_was_healed(void **state)
{
    (void)state;
    struct sim_world *world = fresh(15);
    struct sim_link_spec slow = {.latency = test_constant(3600 * ISR_SECOND)};
    sim_network_change(world, 1, 2, &slow, SIM_LINK_LATENCY);
    send_data(world, 1, 2, 1);
    sim_network_heal(world, 1);
    send_data(world, 1, 2, 2);
    assert_int_equal(run_until(world, ISR_SECOND), 1);
    assert_int_equal(arrivals[0].number, 2);
    assert_int_equal(world->counters.messages_reordered, 1);
    assert_int_equal(run(world), 1);
    assert_int_equal(arrivals[1].time_ns, 3600 * ISR_SECOND);
}

static void connections_end_with_the_process(void **state)
{
    (void)state;
    struct sim_world *world = fresh(10);
    send_data(world, 1, 2, 1); /* to a life that ends and is followed by another */
    send_data(world, 2, 3, 2); /* from the dying one */
    world->processes[2].incarnation += 2;
    world->processes[4].state = SIM_PROCESS_DOWN;
    world->processes[4].incarnation++;
    send_data(world, 1, 4, 3); /* to one that is down */
    assert_int_equal(run(world), 1);
    assert_int_equal(world->counters.messages_to_dead, 2);
    for (uint32_t i = 0; i < arrivals_count; i++)
        assert_int_equal(arrivals[i].got, arrivals[i].number == 2);
    send_data(world, 1, 2, 4);
    assert_int_equal(run(world), 1);
}

static void reaches_itself_whatever_the_network_does(void **state)
{
    (void)state;
    struct sim_world *world = fresh(11);
    all_links(world, (struct sim_link_spec){.latency = test_constant(1), .loss_ppm = 1000000});
    struct sim_node_set alone = {{1 << 1}};
    sim_network_isolate(world, &alone);
    for (uint32_t i = 0; i < 100; i++)
        send_data(world, 1, 1, i);
    assert_int_equal(run(world), 100);
    assert_int_equal(arrivals[0].time_ns, SIM_SELF_LATENCY_NS);
}

static uint64_t fates(uint64_t seed, bool more_elsewhere)
{
    struct sim_world *world = fresh(seed);
    all_links(world, (struct sim_link_spec){.latency = {1000, 2000, 9000, 20000},
                                            .loss_ppm = 50000,
                                            .duplicate_ppm = 50000,
                                            .reorder_ppm = 50000});
    for (uint32_t i = 0; i < 2000; i++) {
        send_data(world, 1, 2, i);
        if (more_elsewhere)
            send_data(world, 3, 2, i);
    }
    run(world);
    uint64_t hash = 0;
    for (uint32_t i = 0; i < arrivals_count; i++) {
        if (arrivals[i].from == 1)
            hash =
                isr_hash_combine(isr_hash_combine(hash, arrivals[i].number), (uint64_t)arrivals[i].time_ns);
    }
    return hash;
}

static void fates_on_a_link_depend_on_the_seed_and_the_link_alone(void **state)
{
    (void)state;
    assert_true(fates(12, false) == fates(12, false));
    assert_true(fates(12, false) == fates(12, true));
    assert_true(fates(12, false) != fates(13, false));
}

static void gives_back_all_memory(void **state)
{
    (void)state;
    struct sim_world *world = fresh(14);
    all_links(world, (struct sim_link_spec){.latency = {1000, 2000, 9000, 20000},
                                            .loss_ppm = 50000,
                                            .duplicate_ppm = 300000,
                                            .reorder_ppm = 50000});
    send_data(world, 1, 2, 0);
    run(world);
    uint64_t blocks = world->network.memory->blocks_live;
    for (uint32_t i = 0; i < 5000; i++)
        send_data(world, 1, 2, i);
    world->processes[2].incarnation += 2;
    for (uint32_t i = 0; i < 5000; i++)
        send_data(world, 1, 2, i);
    run(world);
    assert_int_equal(world->network.memory->blocks_live, blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(carries_everything_in_order_when_nothing_is_wrong),
        cmocka_unit_test(groups_of_a_link_do_not_wait_for_each_other),
        cmocka_unit_test(loses_so_many),
        cmocka_unit_test(duplicates_so_many_and_counts_the_second_arrival),
        cmocka_unit_test(reorders_and_counts_who_overtook),
        cmocka_unit_test(cuts_one_way_alone),
        cmocka_unit_test(loses_what_is_on_its_way_when_cut),
        cmocka_unit_test(partitions_and_isolates_and_heals),
        cmocka_unit_test(changes_one_link_and_heals_it),
        cmocka_unit_test(slow_link_does_not_hold_up_what_is_sent_after_it_was_healed),
        cmocka_unit_test(connections_end_with_the_process),
        cmocka_unit_test(reaches_itself_whatever_the_network_does),
        cmocka_unit_test(fates_on_a_link_depend_on_the_seed_and_the_link_alone),
        cmocka_unit_test(gives_back_all_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
