/* What a broker obeys of what is pushed to it: the fences of each request. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/broker/lifecycle.h"
#include "core/broker/metadata_follower.h"
#include "core/broker/metadata_push.h"
#include "core/broker/tests/harness.h"

static void never_stopped(void *object)
{
    (void)object;
}

/* One broker, registered and serving, with metadata_push. */
static struct cluster *broker_new(void)
{
    struct cluster_spec spec = standard();
    spec.size = 1;
    spec.config.metadata_push = 1;
    struct cluster *cluster = cluster_new(&spec);
    struct isr_broker *broker = &cluster->nodes[1].broker;
    struct isr_replicas controllers = {1, {CONTROLLER}};
    isr_metadata_follower_init(broker, &controllers);
    isr_lifecycle_init(broker, never_stopped, NULL);
    broker->broker_epoch = 1;
    broker->lifecycle->state = ISR_LIFECYCLE_SERVING;
    return cluster;
}

static void push_from(struct cluster *cluster, int32_t from, const struct isr_message *message)
{
    cluster->controller_count = cluster->client_count = 0;
    step_begin(cluster, 1);
    assert_true(isr_metadata_push_message(&cluster->nodes[1].broker, from, message));
    step_end(cluster, 1);
    settle(cluster);
}

static enum isr_error push(struct cluster *cluster, struct isr_message message)
{
    push_from(cluster, CONTROLLER, &message);
    for (uint32_t i = 0; i < cluster->controller_count; i++) {
        if (cluster->controller[i].kind == ISR_MESSAGE_CONTROLLER_PUSH_RESPONSE)
            return (enum isr_error)cluster->controller[i].controller_push_response.error;
    }
    fail_msg("not answered");
    return ISR_ERROR_NONE;
}

struct push_spec {
    int32_t controller_epoch, leader_epoch, partition_epoch;
    int64_t broker_epoch, index;
    bool full, nobody, topic_removed;
};

static enum isr_error leads(struct cluster *cluster, struct push_spec spec)
{
    struct isr_leader_and_isr_partition partition = {.tp = TP,
                                                     .leader = 1,
                                                     .leader_epoch = spec.leader_epoch,
                                                     .partition_epoch = spec.partition_epoch,
                                                     .replicas = replicas("12"),
                                                     .isr = replicas("1"),
                                                     .settings = isr_topic_settings_default()};
    return push(cluster,
                (struct isr_message){.kind = ISR_MESSAGE_LEADER_AND_ISR_REQUEST,
                                     .leader_and_isr_request = {.correlation = 1,
                                                                .controller_epoch = spec.controller_epoch,
                                                                .broker_epoch = spec.broker_epoch,
                                                                .index = spec.index,
                                                                .full = spec.full,
                                                                .partitions = &partition,
                                                                .partitions_count = spec.nobody ? 0 : 1}});
}

static enum isr_error stops(struct cluster *cluster, struct push_spec spec)
{
    struct isr_stop_replica_partition partition = {.tp = TP,
                                                   .leader_epoch = spec.leader_epoch,
                                                   .partition_epoch = spec.partition_epoch,
                                                   .topic_removed = spec.topic_removed};
    return push(cluster,
                (struct isr_message){.kind = ISR_MESSAGE_STOP_REPLICA_REQUEST,
                                     .stop_replica_request = {.correlation = 1,
                                                              .controller_epoch = spec.controller_epoch,
                                                              .broker_epoch = spec.broker_epoch,
                                                              .index = spec.index,
                                                              .partitions = &partition,
                                                              .partitions_count = 1}});
}

/* A role that makes sense, to be spoiled. */
static struct isr_leader_and_isr_partition sane(void)
{
    return (struct isr_leader_and_isr_partition){.tp = TP,
                                                 .leader = 1,
                                                 .leader_epoch = 3,
                                                 .partition_epoch = 4,
                                                 .replicas = replicas("12"),
                                                 .isr = replicas("1"),
                                                 .settings = isr_topic_settings_default()};
}

static enum isr_error leads_by(struct cluster *cluster, int64_t index,
                               struct isr_leader_and_isr_partition *partitions, uint32_t count)
{
    return push(cluster, (struct isr_message){.kind = ISR_MESSAGE_LEADER_AND_ISR_REQUEST,
                                              .leader_and_isr_request = {.controller_epoch = 5,
                                                                         .broker_epoch = 1,
                                                                         .index = index,
                                                                         .partitions = partitions,
                                                                         .partitions_count = count}});
}

#define LEADS(...) leads(cluster, (struct push_spec){__VA_ARGS__})
#define STOPS(...) stops(cluster, (struct push_spec){__VA_ARGS__})
#define CURRENT .controller_epoch = 5, .broker_epoch = 1

static bool has_replica(const struct cluster *cluster)
{
    return isr_broker_partition(&cluster->nodes[1].broker, TP) != NULL;
}

static void leads_when_told(void **state)
{
    (void)state;
    struct cluster *cluster = broker_new();
    assert_int_equal(LEADS(CURRENT, .index = 10, .leader_epoch = 3, .partition_epoch = 4), ISR_ERROR_NONE);
    assert_int_equal(at(cluster, 1)->role, ISR_ROLE_LEADER);
    assert_int_equal(at(cluster, 1)->leader_epoch, 3);
    cluster_free(cluster);
}

static void refuses_an_older_controller(void **state)
{
    (void)state;
    struct cluster *cluster = broker_new();
    assert_int_equal(LEADS(CURRENT, .index = 10, .nobody = true), ISR_ERROR_NONE);
    assert_int_equal(LEADS(.controller_epoch = 4, .broker_epoch = 1, .index = 20),
                     ISR_ERROR_STALE_CONTROLLER_EPOCH);
    assert_false(has_replica(cluster));
    assert_int_equal(last_seen(cluster, 1, ISR_OBSERVED_PUSH_REFUSED)->push_refused.controller_epoch, 4);
    cluster_free(cluster);
}

static void refuses_what_is_meant_for_another_registration(void **state)
{
    (void)state;
    struct cluster *cluster = broker_new();
    assert_int_equal(LEADS(.controller_epoch = 5, .broker_epoch = 0, .index = 10),
                     ISR_ERROR_STALE_BROKER_EPOCH);
    assert_int_equal(LEADS(.controller_epoch = 5, .broker_epoch = 2, .index = 10),
                     ISR_ERROR_STALE_BROKER_EPOCH);
    assert_false(has_replica(cluster));
    cluster->nodes[1].broker.lifecycle->state = ISR_LIFECYCLE_REGISTERING;
    assert_int_equal(LEADS(CURRENT, .index = 10), ISR_ERROR_BROKER_NOT_AVAILABLE);
    cluster_free(cluster);
}

static void refuses_to_stop_a_replica_that_has_come_back(void **state)
{
    (void)state;
    struct cluster *cluster = broker_new();
    assert_int_equal(LEADS(CURRENT, .index = 10, .leader_epoch = 3, .partition_epoch = 4), ISR_ERROR_NONE);
    assert_int_equal(STOPS(CURRENT, .index = 11, .leader_epoch = 2, .partition_epoch = 4),
                     ISR_ERROR_FENCED_LEADER_EPOCH);
    assert_int_equal(STOPS(CURRENT, .index = 11, .leader_epoch = 3, .partition_epoch = 3),
                     ISR_ERROR_FENCED_LEADER_EPOCH);
    assert_true(has_replica(cluster));
    assert_int_equal(STOPS(CURRENT, .index = 11, .leader_epoch = 3, .partition_epoch = 5), ISR_ERROR_NONE);
    assert_false(has_replica(cluster));
    cluster_free(cluster);
}

static void stops_at_once_when_the_topic_is_removed(void **state)
{
    (void)state;
    struct cluster *cluster = broker_new();
    assert_int_equal(LEADS(CURRENT, .index = 10, .leader_epoch = 3, .partition_epoch = 4), ISR_ERROR_NONE);
    assert_int_equal(
        STOPS(CURRENT, .index = 11, .leader_epoch = -1, .partition_epoch = -1, .topic_removed = true),
        ISR_ERROR_NONE);
    assert_false(has_replica(cluster));
    cluster_free(cluster);
}

static void obeys_no_repetition_after_a_later_push(void **state)
{
    (void)state;
    struct cluster *cluster = broker_new();
    assert_int_equal(LEADS(CURRENT, .index = 10, .leader_epoch = 3, .partition_epoch = 4), ISR_ERROR_NONE);
    assert_int_equal(STOPS(CURRENT, .index = 12, .leader_epoch = 4, .partition_epoch = 5), ISR_ERROR_NONE);
    assert_int_equal(LEADS(CURRENT, .index = 10, .leader_epoch = 3, .partition_epoch = 4), ISR_ERROR_NONE);
    assert_false(has_replica(cluster));
    cluster_free(cluster);
}

static void drops_what_a_full_push_does_not_name(void **state)
{
    (void)state;
    struct cluster *cluster = broker_new();
    assert_int_equal(LEADS(CURRENT, .index = 10, .leader_epoch = 3, .partition_epoch = 4), ISR_ERROR_NONE);
    assert_int_equal(LEADS(CURRENT, .index = 11, .nobody = true), ISR_ERROR_NONE);
    assert_true(has_replica(cluster));
    assert_int_equal(LEADS(CURRENT, .index = 12, .nobody = true, .full = true), ISR_ERROR_NONE);
    assert_false(has_replica(cluster));
    cluster_free(cluster);
}

/* Found on the disk at its start, of a topic that nobody told it of since. */
static void drops_a_log_without_a_role_that_a_full_push_does_not_name(void **state)
{
    (void)state;
    struct cluster *cluster = broker_new();
    struct isr_log_store *store = &cluster->nodes[1].store;
    step_begin(cluster, 1);
    (void)isr_log_store_open(store, (struct isr_tp){9, 0});
    step_end(cluster, 1);
    settle(cluster);
    assert_int_equal(LEADS(CURRENT, .index = 10, .leader_epoch = 3, .partition_epoch = 4), ISR_ERROR_NONE);
    assert_int_equal(store->logs_count, 2);
    assert_int_equal(LEADS(CURRENT, .index = 11, .leader_epoch = 3, .partition_epoch = 4, .full = true),
                     ISR_ERROR_NONE);
    assert_int_equal(store->logs_count, 1);
    assert_true(has_replica(cluster));
    cluster_free(cluster);
}

static void has_nothing_to_stop_when_it_is_no_replica(void **state)
{
    (void)state;
    struct cluster *cluster = broker_new();
    assert_int_equal(STOPS(CURRENT, .index = 10, .leader_epoch = 3, .partition_epoch = 4), ISR_ERROR_NONE);
    assert_false(has_replica(cluster));
    cluster_free(cluster);
}

static void obeys_no_roles_of_before_a_stop(void **state)
{
    (void)state;
    struct cluster *cluster = broker_new();
    assert_int_equal(LEADS(CURRENT, .index = 10, .leader_epoch = 3, .partition_epoch = 4), ISR_ERROR_NONE);
    assert_int_equal(STOPS(CURRENT, .index = 12, .topic_removed = true), ISR_ERROR_NONE);
    assert_int_equal(LEADS(CURRENT, .index = 11, .leader_epoch = 3, .partition_epoch = 5), ISR_ERROR_NONE);
    assert_false(has_replica(cluster));
    /* The same round goes on with its roles, once. */
    assert_int_equal(LEADS(CURRENT, .index = 12, .leader_epoch = 3, .partition_epoch = 6), ISR_ERROR_NONE);
    assert_true(has_replica(cluster));
    cluster_free(cluster);
}

static void leads_by_new_settings_when_no_epoch_changed(void **state)
{
    (void)state;
    struct cluster *cluster = broker_new();
    struct isr_leader_and_isr_partition partition = sane();
    assert_int_equal(leads_by(cluster, 10, &partition, 1), ISR_ERROR_NONE);
    partition.settings.retention_time = 3600 * ISR_SECOND;
    assert_int_equal(leads_by(cluster, 11, &partition, 1), ISR_ERROR_NONE);
    assert_int_equal(at(cluster, 1)->role, ISR_ROLE_LEADER);
    assert_int_equal(at(cluster, 1)->settings.retention_time, 3600 * ISR_SECOND);
    cluster_free(cluster);
}

/* ---- nonsense ---- */

static void refuses_roles_that_do_not_fit(void **state)
{
    (void)state;
    struct cluster *cluster = broker_new();
    struct isr_leader_and_isr_partition wrong[16];
    uint32_t count = 0;
#define WRONG(field, value)             \
    do {                                \
        wrong[count] = sane();          \
        wrong[count++].field = (value); \
    } while (0)
    WRONG(leader, 9);                /* nobody's replica */
    WRONG(leader, 2);                /* not in sync */
    WRONG(replicas, replicas("23")); /* not here */
    WRONG(replicas, replicas(""));
    WRONG(isr, replicas("14"));
    WRONG(adding, replicas("4"));
    WRONG(removing, replicas("4"));
    WRONG(leader_epoch, INT32_MAX);
    WRONG(leader_epoch, -1);
    WRONG(partition_epoch, -1);
    WRONG(recovering, 2);
    WRONG(cause, ISR_CAUSE_COUNT);
    WRONG(settings.min_isr, -1);
    WRONG(tp, ((struct isr_tp){0, 0}));
#undef WRONG
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(leads_by(cluster, 10, &wrong[i], 1), ISR_ERROR_INVALID_REQUEST);
        assert_false(has_replica(cluster));
    }
    struct isr_leader_and_isr_partition twice[] = {sane(), sane()};
    assert_int_equal(leads_by(cluster, 10, twice, 2), ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(leads_by(cluster, 0, twice, 1), ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(leads_by(cluster, INT64_MAX, twice, 1), ISR_ERROR_INVALID_REQUEST);
    assert_false(has_replica(cluster));
    /* None of it was obeyed. */
    assert_int_equal(cluster->nodes[1].broker.pushed.controller_epoch, 0);
    cluster_free(cluster);
}

static void refuses_a_second_leader_of_an_epoch(void **state)
{
    (void)state;
    struct cluster *cluster = broker_new();
    struct isr_leader_and_isr_partition partition = sane();
    assert_int_equal(leads_by(cluster, 10, &partition, 1), ISR_ERROR_NONE);
    partition.leader = 2;
    partition.isr = replicas("12");
    partition.partition_epoch++;
    assert_int_equal(leads_by(cluster, 11, &partition, 1), ISR_ERROR_INVALID_REQUEST);
    partition.partition_epoch--;
    partition.leader_epoch++;
    assert_int_equal(leads_by(cluster, 11, &partition, 1), ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(at(cluster, 1)->role, ISR_ROLE_LEADER);
    partition.partition_epoch++;
    assert_int_equal(leads_by(cluster, 11, &partition, 1), ISR_ERROR_NONE);
    assert_int_equal(at(cluster, 1)->role, ISR_ROLE_FOLLOWER);
    cluster_free(cluster);
}

static void refuses_roles_of_a_topic_that_was_removed(void **state)
{
    (void)state;
    struct cluster *cluster = broker_new();
    struct isr_metadata_record record = {.kind = ISR_METADATA_REMOVE_TOPIC,
                                         .remove_topic_record = {.topic = 1}};
    metadata(cluster, &record);
    assert_int_equal(LEADS(CURRENT, .index = 10), ISR_ERROR_INVALID_REQUEST);
    assert_false(has_replica(cluster));
    cluster_free(cluster);
}

static void refuses_stops_that_do_not_fit(void **state)
{
    (void)state;
    struct cluster *cluster = broker_new();
    assert_int_equal(LEADS(CURRENT, .index = 10, .leader_epoch = 3, .partition_epoch = 4), ISR_ERROR_NONE);
    assert_int_equal(STOPS(CURRENT, .index = 0, .topic_removed = true), ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(STOPS(CURRENT, .index = 11, .leader_epoch = 9, .partition_epoch = 8),
                     ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(STOPS(CURRENT, .index = 11, .leader_epoch = -1, .partition_epoch = 8),
                     ISR_ERROR_INVALID_REQUEST);
    struct isr_stop_replica_partition twice[] = {{.tp = TP, .topic_removed = 1},
                                                 {.tp = TP, .topic_removed = 1}};
    struct isr_message message = {.kind = ISR_MESSAGE_STOP_REPLICA_REQUEST,
                                  .stop_replica_request = {.controller_epoch = 5,
                                                           .broker_epoch = 1,
                                                           .index = 11,
                                                           .partitions = twice,
                                                           .partitions_count = 2}};
    assert_int_equal(push(cluster, message), ISR_ERROR_INVALID_REQUEST);
    twice[0].topic_removed = 2;
    message.stop_replica_request.partitions_count = 1;
    assert_int_equal(push(cluster, message), ISR_ERROR_INVALID_REQUEST);
    assert_true(has_replica(cluster));
    cluster_free(cluster);
}

static enum isr_error tells(struct cluster *cluster, struct isr_update_metadata_request request)
{
    request.controller_epoch = 5;
    request.broker_epoch = 1;
    return push(cluster, (struct isr_message){.kind = ISR_MESSAGE_UPDATE_METADATA_REQUEST,
                                              .update_metadata_request = request});
}

static void refuses_metadata_that_does_not_fit(void **state)
{
    (void)state;
    struct cluster *cluster = broker_new();
    struct isr_broker *broker = &cluster->nodes[1].broker;
    int64_t index = broker->image.index, next = index + 1;
    broker->metadata_follower->next_index = next;
    struct isr_metadata_record record = {.kind = ISR_METADATA_REGISTER_BROKER,
                                         .register_broker_record = {.broker = 7, .incarnation = 7}};
    struct isr_bytes records = isr_metadata_encode(&record, 1, &cluster->scratch);
    struct isr_metadata_entry entries[] = {{.index = next, .term = 1, .records = records},
                                           {.index = next, .term = 1, .records = records}};
#define TELLS(...) tells(cluster, (struct isr_update_metadata_request){.snapshot_index = -1, __VA_ARGS__})
    assert_int_equal(TELLS(.first_index = next), ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(TELLS(.first_index = INT64_MIN, .entries = entries, .entries_count = 1),
                     ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(TELLS(.first_index = next, .entries = entries, .entries_count = 2),
                     ISR_ERROR_INVALID_REQUEST);
    entries[1].index = INT64_MAX;
    assert_int_equal(TELLS(.first_index = next, .entries = entries, .entries_count = 2),
                     ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(TELLS(.first_index = next + 1, .entries = &entries[1], .entries_count = 1),
                     ISR_ERROR_INVALID_REQUEST);
    struct isr_bytes snapshot = isr_image_snapshot(&broker->image, &cluster->scratch);
    assert_int_equal(tells(cluster, (struct isr_update_metadata_request){.snapshot = snapshot}),
                     ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(broker->pushed.controller_epoch, 0);
    assert_int_equal(broker->image.index, index);
    assert_int_equal(TELLS(.first_index = next, .entries = entries, .entries_count = 1), ISR_ERROR_NONE);
    assert_int_equal(broker->image.index, next);
    entries[0].index = next + 2;
    assert_int_equal(TELLS(.first_index = next + 2, .entries = entries, .entries_count = 1),
                     ISR_ERROR_OFFSET_OUT_OF_RANGE);
    /* A snapshot that says it is of another index is none to go on from. */
    assert_int_equal(tells(cluster, (struct isr_update_metadata_request){.snapshot = snapshot,
                                                                         .snapshot_index = next + 50}),
                     ISR_ERROR_CORRUPT_MESSAGE);
    assert_int_equal(broker->metadata_follower->next_index, 1);
#undef TELLS
    cluster_free(cluster);
}

static void refuses_who_is_no_controller(void **state)
{
    (void)state;
    struct cluster *cluster = broker_new();
    struct isr_message message = {
        .kind = ISR_MESSAGE_LEADER_AND_ISR_REQUEST,
        .leader_and_isr_request = {.controller_epoch = 5, .broker_epoch = 1, .index = 10, .full = 1}};
    push_from(cluster, CLIENT, &message);
    assert_int_equal(cluster->client_count, 1);
    assert_int_equal(cluster->client[0].controller_push_response.error, ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(cluster->nodes[1].broker.controller, ISR_NODE_NONE);
    assert_int_equal(LEADS(.controller_epoch = -1, .broker_epoch = 1, .index = 10),
                     ISR_ERROR_INVALID_REQUEST);
    cluster->nodes[1].env.config.metadata_push = 0;
    assert_int_equal(LEADS(CURRENT, .index = 10), ISR_ERROR_INVALID_REQUEST);
    assert_false(has_replica(cluster));
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leads_when_told),
        cmocka_unit_test(refuses_an_older_controller),
        cmocka_unit_test(refuses_what_is_meant_for_another_registration),
        cmocka_unit_test(refuses_to_stop_a_replica_that_has_come_back),
        cmocka_unit_test(stops_at_once_when_the_topic_is_removed),
        cmocka_unit_test(obeys_no_repetition_after_a_later_push),
        cmocka_unit_test(drops_what_a_full_push_does_not_name),
        cmocka_unit_test(drops_a_log_without_a_role_that_a_full_push_does_not_name),
        cmocka_unit_test(has_nothing_to_stop_when_it_is_no_replica),
        cmocka_unit_test(obeys_no_roles_of_before_a_stop),
        cmocka_unit_test(leads_by_new_settings_when_no_epoch_changed),
        cmocka_unit_test(refuses_roles_that_do_not_fit),
        cmocka_unit_test(refuses_a_second_leader_of_an_epoch),
        cmocka_unit_test(refuses_roles_of_a_topic_that_was_removed),
        cmocka_unit_test(refuses_stops_that_do_not_fit),
        cmocka_unit_test(refuses_metadata_that_does_not_fit),
        cmocka_unit_test(refuses_who_is_no_controller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
