#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sim/action.h"
#include "sim/tests/support.h"

static struct sim_topic_spec orders = {
    .name = {"orders"}, .partitions = 2, .replication_factor = 3, .settings = {.min_isr = 2}};
static char line[600];

static struct sim_world *fresh(void)
{
    struct sim_world *world = test_world(4, 1);
    struct sim_spec *spec = arena_allocate(world->memory, sizeof *spec);
    *spec = *world->spec;
    spec->topics = &orders;
    spec->topics_count = 1;
    world->spec = spec;
    world->now_ns = 512 * ISR_MS;
    return world;
}

static const char *printed(struct sim_world *world, const struct sim_trace_record *record)
{
    struct isr_text text = ISR_TEXT(line);
    sim_trace_print(world, record, &text);
    return line;
}

static const char *last(struct sim_world *world)
{
    return printed(world, sim_trace_ring_at(&world->trace, sim_trace_ring_count(&world->trace) - 1));
}

static int64_t pack(int16_t a, int16_t b)
{
    struct isr_replicas set = {.count = (uint8_t)(b != 0 ? 2 : 1), .ids = {a, b}};
    return (int64_t)isr_replicas_pack(&set);
}

static void prints_stories_as_sentences(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    int64_t tp = isr_tp_key((struct isr_tp){1, 0});
    struct isr_observation leader = {.kind = ISR_OBSERVED_BECAME_LEADER};
    leader.became_leader.tp = tp;
    leader.became_leader.leader_epoch = 3;
    leader.became_leader.log_end = 12;
    leader.became_leader.high_watermark = 10;
    leader.became_leader.isr = pack(1, 2);
    sim_trace_observation(world, 1, &leader);
    assert_string_equal(
        last(world), "0.512s n1 became leader of orders-0 in epoch 3: LEO 12, high watermark 10, ISR [1, 2]");
    struct isr_observation cut = {.kind = ISR_OBSERVED_LOG_TRUNCATED};
    cut.log_truncated.tp = tp;
    cut.log_truncated.from = 12;
    cut.log_truncated.to = 11;
    cut.log_truncated.high_watermark = 9;
    cut.log_truncated.cause = ISR_CAUSE_DIVERGENCE;
    sim_trace_observation(world, 2, &cut);
    assert_string_equal(last(world),
                        "0.512s n2 cut its log of orders-0 from 12 to 11 (1 record), high watermark 9: its "
                        "log diverged from the leader's");
    cut.log_truncated.to = 20;
    cut.log_truncated.cause = ISR_CAUSE_OUT_OF_RANGE;
    sim_trace_observation(world, 2, &cut);
    assert_string_equal(last(world),
                        "0.512s n2 gave up its log of orders-0, which ended at 12, and begins again at "
                        "20: the leader's log does not reach there");
    struct isr_observation rot = {.kind = ISR_OBSERVED_ROT_FOUND};
    rot.rot_found.tp = tp;
    rot.rot_found.offset = 7;
    rot.rot_found.batches = 2;
    sim_trace_observation(world, 2, &rot);
    assert_string_equal(last(world),
                        "0.512s n2 found 2 rotten batches of orders-0 on its disk, from offset 7 "
                        "on, and writes them again");
    struct isr_observation phase = {.kind = ISR_OBSERVED_PEER_PHASE};
    phase.peer_phase.from = ISR_PEER_RUN;
    phase.peer_phase.to = ISR_PEER_ELECTION;
    sim_trace_observation(world, 2, &phase);
    assert_string_equal(last(world), "0.512s n2 peer phase: from run, to election");
    struct isr_observation candidacy = {.kind = ISR_OBSERVED_PEER_CANDIDACY};
    candidacy.peer_candidacy.term = 3;
    candidacy.peer_candidacy.refusal = ISR_REFUSAL_LOG_BEHIND;
    candidacy.peer_candidacy.by = 1;
    sim_trace_observation(world, 2, &candidacy);
    assert_string_equal(last(world),
                        "0.512s n2 peer candidacy: term 3, stage 0, refusal it has the better log, by n1");
    struct isr_observation change = {.kind = ISR_OBSERVED_PARTITION_CHANGED};
    change.partition_changed.tp = tp;
    change.partition_changed.leader = ISR_NODE_NONE;
    change.partition_changed.leader_epoch = 4;
    change.partition_changed.elr = pack(3, 0);
    change.partition_changed.cause = ISR_CAUSE_NO_LEADER;
    sim_trace_observation(world, 3, &change);
    assert_string_equal(last(world),
                        "0.512s n3 controller: orders-0 has leader none in epoch 4, ISR [], eligible [3]: no "
                        "replica could be elected");
}

static void prints_every_kind_of_record(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    struct sim_step step = {.action = {.kind = SIM_ACTION_NOTE, .text = "a note"}};
    struct sim_spec *spec = arena_allocate(world->memory, sizeof *spec);
    *spec = *world->spec;
    spec->steps = &step;
    spec->steps_count = 1;
    world->spec = spec;
    for (uint32_t kind = 0; kind < SIM_TRACE_KINDS; kind++) {
        struct sim_trace_record record = {.time_ns = 61 * ISR_SECOND + 5 * ISR_MS, .node = 2, .kind = kind};
        assert_memory_equal(printed(world, &record), "61.005s n2 ", 11);
        assert_true(strlen(line) > 15);
        for (const char *at = line; (at = strchr(at, '_')) != NULL; at++)
            assert_in_range(at[1], 'A', 'Z'); /* names of messages and errors alone */
        /* whatever the fields hold, as in the record of a damaged trace */
        for (uint32_t i = 0; i < ISR_OBSERVATION_FIELDS; i++)
            record.fields[i] = 250;
        printed(world, &record);
    }
}

static void hash_moves_with_every_field(void **state)
{
    (void)state;
    uint64_t hashes[12];
    uint32_t count = 0;
    for (int field = -1; field < 7; field++) {
        struct sim_world *world = fresh();
        struct isr_observation leader = {.kind = ISR_OBSERVED_BECAME_LEADER};
        if (field >= 0)
            leader.fields[field] = 1;
        sim_trace_observation(world, 1, &leader);
        hashes[count++] = world->trace.hash;
    }
    for (int other = 0; other < 4; other++) {
        struct sim_world *world = fresh();
        sim_trace_event(&world->trace, 1 + (other == 0), 2u + (other == 1), 3 + (other == 2), 4);
        hashes[count++] = world->trace.hash;
    }
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++)
            assert_true(hashes[i] != hashes[j]);
    }
}

static void ring_keeps_the_last_ones(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    for (int64_t i = 0; i < SIM_TRACE_RING + 100; i++)
        SIM_TRACE(world, 1, PROCESS_STARTED, i);
    SIM_TRACE(world, 1, MESSAGE_SENT, 2, 0, 0, 0, 0); /* a detail: nobody listens */
    assert_int_equal(sim_trace_ring_count(&world->trace), SIM_TRACE_RING);
    for (uint32_t i = 0; i < SIM_TRACE_RING; i++)
        assert_int_equal(sim_trace_ring_at(&world->trace, i)->fields[0], 100 + i);
}

static uint32_t heard;
static void listener(void *object, struct sim_world *world, const struct sim_trace_record *record)
{
    (void)object;
    (void)world;
    (void)record;
    heard++;
}

static void sink_hears_what_it_asked_for(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    const enum isr_importance levels[] = {ISR_IMPORTANCE_story, ISR_IMPORTANCE_normal, ISR_IMPORTANCE_detail};
    for (uint32_t i = 0; i < 3; i++) {
        heard = 0;
        sim_trace_listen(&world->trace, listener, NULL, levels[i]);
        SIM_TRACE(world, 1, PROCESS_STARTED, 1);
        SIM_TRACE(world, 1, MESSAGE_LOST, 2, 0, 0);
        SIM_TRACE(world, 1, MESSAGE_SENT, 2, 0, 0, 0, 0);
        assert_int_equal(heard, i + 1);
    }
    sim_trace_listen(&world->trace, NULL, NULL, ISR_IMPORTANCE_detail);
    assert_false(sim_trace_wants(&world->trace, ISR_IMPORTANCE_detail));
}

static void prints_actions(void **state)
{
    (void)state;
    struct sim_world *world = fresh();
    struct sim_action action = {.kind = SIM_ACTION_PARTITION, .groups_count = 2};
    sim_node_set_add(&action.groups[0], 1);
    sim_node_set_add(&action.groups[1], 2);
    sim_node_set_add(&action.groups[1], 3);
    struct isr_text text = ISR_TEXT(line);
    sim_action_print(world->spec, &action, &text);
    assert_string_equal(line, "network partition: n1 | n2, n3");
    struct sim_action cut = {.kind = SIM_ACTION_CUT, .both_ways = false};
    sim_node_set_add(&cut.from, 1);
    sim_node_set_add(&cut.to, SIM_NODE_CONTROLLER);
    text = ISR_TEXT(line);
    sim_action_print(world->spec, &cut, &text);
    assert_string_equal(line, "link cut: n1 -> the active controller");
    for (int kind = 0; kind < SIM_ACTION_KINDS; kind++) {
        struct sim_action any = {.kind = (enum sim_action_kind)kind, .text = "note"};
        text = ISR_TEXT(line);
        sim_action_print(world->spec, &any, &text);
        assert_true(strlen(line) > 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_stories_as_sentences),  cmocka_unit_test(prints_every_kind_of_record),
        cmocka_unit_test(hash_moves_with_every_field),  cmocka_unit_test(ring_keeps_the_last_ones),
        cmocka_unit_test(sink_hears_what_it_asked_for), cmocka_unit_test(prints_actions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
