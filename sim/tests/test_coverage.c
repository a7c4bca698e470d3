#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sim/tests/support.h"

/* ---- frames ---- */

static struct sim_frame_epoch epoch_of(const struct isr_message *message)
{
    struct sim_world *world = test_world(2, 1);
    struct isr_scratch scratch;
    isr_scratch_init(&scratch, &world->heap);
    const struct sim_frame_plans *plans = sim_frame_plans_new(&world->heap);
    struct isr_bytes frame = isr_message_encode(message, &scratch);
    return sim_frame_epoch_of(plans, message->kind, frame.data, frame.size);
}

static void finds_epochs_of_scalars(void **state)
{
    struct isr_message message;
    (void)state;
    ISR_MESSAGE_SET(&message, VOTE_REQUEST, vote_request, .term = 7, .last_log_term = 3);
    struct sim_frame_epoch found = epoch_of(&message);
    assert_int_equal(found.epoch_class, SIM_EPOCH_TERM);
    assert_int_equal(found.epoch, 7);
    assert_false(found.has_tp);
    ISR_MESSAGE_SET(&message, PRODUCE_RESPONSE, produce_response, .tp = {2, 5}, .error = 4,
                    .leader_epoch = 12);
    found = epoch_of(&message);
    assert_int_equal(found.epoch_class, SIM_EPOCH_LEADER);
    assert_int_equal(found.epoch, 12);
    assert_true(found.has_tp);
    assert_int_equal(found.tp, isr_tp_key((struct isr_tp){2, 5}));
    assert_int_equal(found.error, 4);
    ISR_MESSAGE_SET(&message, METADATA_REQUEST, metadata_request, .correlation = 1);
    assert_int_equal(epoch_of(&message).epoch_class, SIM_EPOCH_NONE);
}

static void finds_epochs_of_the_first_of_an_array(void **state)
{
    struct isr_message message;
    struct isr_fetch_partition partitions[2] = {{.tp = {1, 3}, .current_leader_epoch = 9},
                                                {.tp = {1, 4}, .current_leader_epoch = 11}};
    (void)state;
    ISR_MESSAGE_SET(&message, FETCH_REQUEST, fetch_request, .replica_epoch = 77, .partitions = partitions,
                    .partitions_count = 2);
    struct sim_frame_epoch found = epoch_of(&message);
    assert_int_equal(found.epoch_class, SIM_EPOCH_LEADER);
    assert_int_equal(found.epoch, 9);
    assert_int_equal(found.tp, isr_tp_key((struct isr_tp){1, 3}));
    /* who sends old entries of a log is not old */
    struct isr_metadata_entry entries[1] = {{.index = 4, .term = 2}};
    ISR_MESSAGE_SET(&message, UPDATE_METADATA_REQUEST, update_metadata_request, .controller_epoch = 6,
                    .entries = entries, .entries_count = 1);
    found = epoch_of(&message);
    assert_int_equal(found.epoch_class, SIM_EPOCH_CONTROLLER);
    assert_int_equal(found.epoch, 6);
    ISR_MESSAGE_SET(&message, METADATA_FETCH_RESPONSE, metadata_fetch_response, .entries = entries,
                    .entries_count = 1);
    assert_int_equal(epoch_of(&message).epoch_class, SIM_EPOCH_NONE);
    ISR_MESSAGE_SET(&message, FETCH_REQUEST, fetch_request, .partitions = partitions);
    /* a session without news */
    assert_int_equal(epoch_of(&message).epoch_class, SIM_EPOCH_NONE);
}

static void survives_frames_that_end_early(void **state)
{
    struct isr_message message;
    struct sim_world *world = test_world(2, 1);
    struct isr_scratch scratch;
    isr_scratch_init(&scratch, &world->heap);
    const struct sim_frame_plans *plans = sim_frame_plans_new(&world->heap);
    (void)state;
    ISR_MESSAGE_SET(&message, ALTER_PARTITION_REQUEST, alter_partition_request, .broker_epoch = 5);
    struct isr_bytes frame = isr_message_encode(&message, &scratch);
    for (uint32_t size = 0; size <= frame.size; size++) {
        for (unsigned kind = 0; kind < ISR_MESSAGE_KINDS; kind++)
            (void)sim_frame_epoch_of(plans, (enum isr_message_kind)kind, frame.data, size);
    }
}

/* ---- runs ---- */

static struct sim_spec spec_with_a_death(struct sim_topic_spec *topic, struct sim_client_spec *client,
                                         struct sim_step steps[2])
{
    struct sim_spec spec = sim_spec_default();
    *topic = (struct sim_topic_spec){.name = {"orders"},
                                     .partitions = 1,
                                     .replication_factor = 3,
                                     .settings = isr_topic_settings_of_min_isr(2)};
    *client = (struct sim_client_spec){.name = "p1",
                                       .kind = SIM_CLIENT_PRODUCER,
                                       .topic = {"orders"},
                                       .partition = -1,
                                       .interval_ns = 10 * ISR_MS,
                                       .records_per_batch = 1,
                                       .value_bytes = 64,
                                       .acks = -1,
                                       .stop_ns = ISR_TIME_NEVER};
    for (int i = 0; i < 2; i++) {
        steps[i] = (struct sim_step){.gate = SIM_GATE_AT,
                                     .time_ns = (3 + 3 * i) * ISR_SECOND,
                                     .at_latest_ns = ISR_TIME_NEVER,
                                     .action = {.kind = i == 0 ? SIM_ACTION_PAUSE : SIM_ACTION_RESUME}};
        sim_node_set_add(&steps[i].action.nodes, 1);
    }
    spec.config.broker_session_timeout = ISR_SECOND;
    spec.config.broker_heartbeat_interval = 200 * ISR_MS;
    spec.duration_ns = 10 * ISR_SECOND;
    spec.topics = topic;
    spec.topics_count = 1;
    spec.clients = client;
    spec.clients_count = 1;
    spec.steps = steps;
    spec.steps_count = 2;
    return spec;
}

static bool anybody_got(const struct sim_coverage_map *map, unsigned kind, unsigned relation)
{
    for (unsigned role = 0; role < SIM_ROLES; role++) {
        if (sim_coverage_has(map, sim_cell_message(role, kind, relation)))
            return true;
    }
    return false;
}

static void tells_what_happened_and_changes_nothing(void **state)
{
    struct sim_topic_spec topic;
    struct sim_client_spec client;
    struct sim_step steps[2];
    const struct sim_spec spec = spec_with_a_death(&topic, &client, steps);
    (void)state;
    struct sim_world *world = sim_world_new(test_arena(), &spec, 3);
    sim_world_run(world);
    uint64_t hash = world->trace.hash;
    assert_null(world->coverage);

    world = sim_world_new(test_arena(), &spec, 3);
    struct sim_coverage *coverage = sim_coverage_begin(world);
    sim_world_run(world);
    assert_int_equal(world->trace.hash, hash);
    const struct sim_coverage_map *map = sim_coverage_map(coverage);
    assert_true(sim_coverage_has(
        map, sim_cell_message(SIM_ROLE_LEADER, ISR_MESSAGE_FETCH_REQUEST, SIM_RELATION_EQUAL)));
    assert_true(sim_coverage_has(map, sim_cell_message(SIM_ROLE_FOLLOWER, ISR_MESSAGE_FETCH_RESPONSE,
                                                       SIM_RELATION_NONE)) ||
                anybody_got(map, ISR_MESSAGE_FETCH_RESPONSE, SIM_RELATION_EQUAL));
    assert_true(sim_coverage_has(
        map, sim_cell_message(SIM_ROLE_CONTROLLER, ISR_MESSAGE_APPEND_REQUEST, SIM_RELATION_EQUAL)));
    assert_true(sim_coverage_has(
        map, sim_cell_message(SIM_ROLE_ACTIVE_CONTROLLER, ISR_MESSAGE_APPEND_RESPONSE, SIM_RELATION_EQUAL)));
    /* what a broker is told it is told as a broker, although its node controls too; of its own epoch */
    for (unsigned relation = 0; relation < SIM_RELATIONS; relation++) {
        assert_false(sim_coverage_has(
            map, sim_cell_message(SIM_ROLE_CONTROLLER, ISR_MESSAGE_BROKER_REGISTRATION_RESPONSE, relation)));
        assert_false(sim_coverage_has(
            map, sim_cell_message(SIM_ROLE_CONTROLLER, ISR_MESSAGE_METADATA_FETCH_RESPONSE, relation)));
    }
    assert_true(sim_coverage_has(
        map, sim_cell_message(SIM_ROLE_BROKER, ISR_MESSAGE_METADATA_FETCH_RESPONSE, SIM_RELATION_NONE)));
    assert_true(anybody_got(map, ISR_MESSAGE_BROKER_REGISTRATION_RESPONSE, SIM_RELATION_EQUAL));
    assert_true(anybody_got(map, ISR_MESSAGE_PRODUCE_RESPONSE, SIM_RELATION_EQUAL));
    assert_false(anybody_got(map, ISR_MESSAGE_PEER_HEARTBEAT, SIM_RELATION_EQUAL));
    assert_true(sim_coverage_has(map, sim_cell_observation(ISR_OBSERVED_BECAME_LEADER, SIM_STATE_WELL)));
    assert_true(
        sim_coverage_has(map, sim_cell_observation(ISR_OBSERVED_PARTITION_CHANGED, SIM_STATE_PAUSED)));
    assert_false(sim_coverage_has(map, sim_cell_observation(ISR_OBSERVED_PARTITION_CHANGED, SIM_STATE_CUT)));
    assert_true(sim_coverage_has(map, SIM_CELL_CAUSES + ISR_CAUSE_FOLLOWER_FETCH));
    assert_false(sim_coverage_has(map, SIM_CELL_CAUSES + ISR_CAUSE_RETENTION_SIZE));
    assert_true(sim_coverage_has(map, SIM_CELL_ERRORS + ISR_ERROR_NONE));
    static uint64_t tuples[SIM_TUPLES_MAX];
    uint32_t count = sim_coverage_tuples(coverage, tuples);
    assert_true(count > 100 && count < SIM_TUPLES_MAX);
    for (uint32_t i = 0; i < count; i++)
        assert_true(tuples[i] != 0);
}

static void names_every_cell(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SIM_ROLES; i++)
        assert_string_not_equal(sim_coverage_role_name(i), "?");
    for (unsigned i = 0; i < SIM_RELATIONS; i++)
        assert_string_not_equal(sim_coverage_relation_name(i), "?");
    for (unsigned i = 0; i < SIM_STATES; i++)
        assert_string_not_equal(sim_coverage_state_name(i), "?");
    assert_string_equal(sim_coverage_state_name(SIM_STATES), "?");
    assert_true(sim_cell_message(SIM_ROLES - 1, ISR_MESSAGE_KINDS - 1, SIM_RELATIONS - 1) ==
                SIM_CELL_OBSERVATIONS - 1);
    assert_true(sim_cell_observation(ISR_OBSERVED_KINDS - 1, SIM_STATES - 1) == SIM_CELL_CAUSES - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_epochs_of_scalars),
        cmocka_unit_test(finds_epochs_of_the_first_of_an_array),
        cmocka_unit_test(survives_frames_that_end_early),
        cmocka_unit_test(tells_what_happened_and_changes_nothing),
        cmocka_unit_test(names_every_cell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
