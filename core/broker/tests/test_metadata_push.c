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

static enum isr_error push(struct cluster *cluster, struct isr_message message)
{
    cluster->controller_count = 0;
    step_begin(cluster, 1);
    assert_true(isr_metadata_push_message(&cluster->nodes[1].broker, CONTROLLER, &message));
    step_end(cluster, 1);
    settle(cluster);
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
                                                              .partitions = &partition,
                                                              .partitions_count = 1}});
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
    assert_int_equal(STOPS(CURRENT, .leader_epoch = 2, .partition_epoch = 4), ISR_ERROR_FENCED_LEADER_EPOCH);
    assert_int_equal(STOPS(CURRENT, .leader_epoch = 3, .partition_epoch = 3), ISR_ERROR_FENCED_LEADER_EPOCH);
    assert_true(has_replica(cluster));
    assert_int_equal(STOPS(CURRENT, .leader_epoch = 3, .partition_epoch = 5), ISR_ERROR_NONE);
    assert_false(has_replica(cluster));
    cluster_free(cluster);
}

static void stops_at_once_when_the_topic_is_removed(void **state)
{
    (void)state;
    struct cluster *cluster = broker_new();
    assert_int_equal(LEADS(CURRENT, .index = 10, .leader_epoch = 3, .partition_epoch = 4), ISR_ERROR_NONE);
    assert_int_equal(STOPS(CURRENT, .leader_epoch = -1, .partition_epoch = -1, .topic_removed = true),
                     ISR_ERROR_NONE);
    assert_false(has_replica(cluster));
    cluster_free(cluster);
}

static void obeys_no_repetition_after_a_later_push(void **state)
{
    (void)state;
    struct cluster *cluster = broker_new();
    assert_int_equal(LEADS(CURRENT, .index = 10, .leader_epoch = 3, .partition_epoch = 4), ISR_ERROR_NONE);
    assert_int_equal(STOPS(CURRENT, .leader_epoch = 4, .partition_epoch = 5), ISR_ERROR_NONE);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
