#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/broker/tests/harness.h"

static struct cluster *running(const struct cluster_spec *spec)
{
    struct cluster *cluster = cluster_new(spec);
    for (uint16_t i = 0; i < spec->partitions; i++)
        PARTITION(cluster, .leader = 1, .leader_epoch = 3, .partition_epoch = 1, .replicas = "123",
                  .isr = "123", .index = i);
    settle(cluster);
    return cluster;
}

static struct isr_fetch_session *session_at_1(const struct cluster *cluster, int32_t from)
{
    return cluster->nodes[1].broker.fetch_sessions[from];
}

static const struct isr_fetch_response *ask(struct cluster *cluster, struct fetch_spec spec)
{
    spec.in_session = true;
    uint32_t correlation = fetch_with(cluster, 1, spec);
    settle(cluster);
    return fetch_response(cluster, correlation);
}

/* The client's session over two partitions, begun. */
static struct fetch_spec begun(struct cluster *cluster)
{
    struct fetch_spec fetch = {.epoch = 3, .last_epoch = -1, .partitions = 2};
    const struct isr_fetch_response *response = ask(cluster, fetch);
    assert_int_equal(response->partitions_count, 2); /* the first answer is whole */
    assert_int_not_equal(response->session_id, 0);
    fetch.session_id = response->session_id;
    fetch.session_epoch = 1;
    fetch.lists_nothing = true;
    return fetch;
}

static struct cluster_spec two_partitions(void)
{
    struct cluster_spec spec = standard();
    spec.partitions = 2;
    return spec;
}

static void lists_nothing_when_nothing_changed(void **state)
{
    (void)state;
    struct cluster_spec spec = two_partitions();
    struct cluster *cluster = running(&spec);
    pass(cluster, 10 * ISR_SECOND);
    const struct isr_fetch_session *session = session_at_1(cluster, 2);
    assert_non_null(session);
    assert_true(session->epoch > 10);
    assert_int_equal(session->hot_count, 0);
    const struct isr_fetch_loop *loop = cluster->nodes[2].broker.loops[1];
    assert_int_equal(loop->session.id, session->id);
    assert_int_equal(loop->listed, 2);
    assert_null(loop->due_first);
    cluster_free(cluster);
}

static void leaves_out_what_did_not_change(void **state)
{
    (void)state;
    struct cluster_spec spec = two_partitions();
    struct cluster *cluster = running(&spec);
    struct fetch_spec fetch = begun(cluster);
    assert_int_equal(ask(cluster, fetch)->partitions_count, 0);
    produce(cluster, 1, -1, 5);
    settle(cluster);
    fetch.session_epoch++;
    const struct isr_fetch_response *response = ask(cluster, fetch);
    assert_int_equal(response->partitions_count, 1);
    assert_int_equal(records_end(&response->partitions[0], 0), 5);
    /* What was given comes again until the reader says that it is further. */
    fetch.session_epoch++;
    assert_int_equal(ask(cluster, fetch)->partitions_count, 1);
    fetch.session_epoch++;
    fetch.lists_nothing = false;
    fetch.partitions = 1;
    fetch.offset = 5;
    assert_int_equal(ask(cluster, fetch)->partitions_count, 0);
    cluster_free(cluster);
}

static void answers_no_more_about_what_is_forgotten(void **state)
{
    (void)state;
    struct cluster_spec spec = two_partitions();
    struct cluster *cluster = running(&spec);
    struct fetch_spec fetch = begun(cluster);
    fetch.forgets = 1;
    assert_int_equal(ask(cluster, fetch)->partitions_count, 0);
    produce(cluster, 1, -1, 5);
    settle(cluster);
    fetch.session_epoch++;
    fetch.forgets = 0;
    assert_int_equal(ask(cluster, fetch)->partitions_count, 0);
    cluster_free(cluster);
}

static void refuses_what_is_no_session_of_the_peer(void **state)
{
    (void)state;
    struct cluster_spec spec = two_partitions();
    struct cluster *cluster = running(&spec);
    struct fetch_spec fetch = begun(cluster);
    struct fetch_spec stranger = fetch;
    stranger.session_id++;
    assert_int_equal(ask(cluster, stranger)->error, ISR_ERROR_FETCH_SESSION_ID_NOT_FOUND);
    fetch.session_epoch = 2;
    const struct isr_fetch_response *response = ask(cluster, fetch);
    assert_int_equal(response->error, ISR_ERROR_INVALID_FETCH_SESSION_EPOCH);
    assert_int_equal(response->partitions_count, 0);
    fetch.session_epoch = 1;
    assert_int_equal(ask(cluster, fetch)->error, ISR_ERROR_NONE); /* neither did any harm */
    assert_int_equal(cluster->nodes[1].env.metrics.fetch_session_errors, 2);
    cluster_free(cluster);
}

static void drops_the_copy_of_a_request(void **state)
{
    (void)state;
    struct cluster_spec spec = two_partitions();
    struct cluster *cluster = running(&spec);
    struct fetch_spec fetch = begun(cluster);
    fetch.in_session = true;
    fetch.min_bytes = 1;
    fetch.wait_ns = 60 * ISR_SECOND;
    uint32_t waiting = fetch_with(cluster, 1, fetch);
    cluster->next_correlation--;
    assert_int_equal(fetch_with(cluster, 1, fetch), waiting);
    settle(cluster);
    assert_null(fetch_response(cluster, waiting));
    produce(cluster, 1, -1, 5);
    settle(cluster);
    assert_int_equal(fetch_response(cluster, waiting)->error, ISR_ERROR_NONE);
    assert_int_equal(fetch_response(cluster, waiting)->partitions_count, 1);
    cluster_free(cluster);
}

static void begins_anew_when_everything_is_listed_again(void **state)
{
    (void)state;
    struct cluster_spec spec = two_partitions();
    struct cluster *cluster = running(&spec);
    struct fetch_spec former = begun(cluster);
    struct fetch_spec fetch = begun(cluster);
    assert_int_not_equal(former.session_id, fetch.session_id);
    assert_int_equal(ask(cluster, former)->error, ISR_ERROR_FETCH_SESSION_ID_NOT_FOUND);
    assert_int_equal(ask(cluster, fetch)->error, ISR_ERROR_NONE);
    fetch.session_epoch = -1; /* without one from now on */
    fetch.lists_nothing = false;
    assert_int_equal(ask(cluster, fetch)->session_id, 0);
    assert_null(session_at_1(cluster, CLIENT));
    cluster_free(cluster);
}

static void makes_room_for_followers_and_for_who_comes_when_others_idle(void **state)
{
    (void)state;
    struct cluster_spec spec = two_partitions();
    spec.config.fetch_session_slots = 1;
    spec.size = 1;
    struct cluster *cluster = cluster_new(&spec);
    register_broker(cluster, 2);
    change_broker(cluster, 2, false, false);
    for (uint16_t i = 0; i < 2; i++)
        PARTITION(cluster, .leader = 1, .leader_epoch = 3, .partition_epoch = 1, .replicas = "12",
                  .isr = "12", .index = i);
    struct fetch_spec consumer = begun(cluster);
    struct fetch_spec follower = {.from = 2, .epoch = 3, .last_epoch = -1, .partitions = 2};
    follower.replica_epoch = cluster->nodes[1].broker.image.brokers[2].epoch;
    assert_int_not_equal(ask(cluster, follower)->session_id, 0);
    assert_int_equal(ask(cluster, consumer)->error, ISR_ERROR_FETCH_SESSION_ID_NOT_FOUND);
    consumer = (struct fetch_spec){.epoch = 3, .last_epoch = -1, .partitions = 2};
    assert_int_equal(ask(cluster, consumer)->session_id, 0); /* a consumer drives no follower out */
    pass(cluster, spec.config.fetch_session_eviction + ISR_MS);
    assert_int_not_equal(ask(cluster, consumer)->session_id, 0);
    assert_null(session_at_1(cluster, 2));
    cluster_free(cluster);
}

static void replicates_on_when_the_leader_lost_the_session(void **state)
{
    (void)state;
    struct cluster_spec spec = two_partitions();
    struct cluster *cluster = running(&spec);
    uint32_t former = session_at_1(cluster, 2)->id;
    step_begin(cluster, 1);
    isr_fetch_session_end(session_at_1(cluster, 2));
    step_end(cluster, 1);
    pass(cluster, 5 * ISR_SECOND);
    produce(cluster, 1, -1, 5);
    settle(cluster);
    assert_int_equal(end_of(cluster, 2), 5);
    assert_int_not_equal(session_at_1(cluster, 2)->id, former);
    cluster_free(cluster);
}

/* Its fetches of the time say nothing about the partition, and still it was caught up with each of them. */
static void counts_an_idle_replica_as_caught_up(void **state)
{
    (void)state;
    struct cluster_spec spec = two_partitions();
    struct cluster *cluster = running(&spec);
    produce(cluster, 1, -1, 5);
    pass(cluster, 60 * ISR_SECOND);
    isolate(cluster, 2, true);
    produce(cluster, 1, 1, 5);
    settle(cluster);
    assert_true(cluster->now_ns - isr_partition_remote(at(cluster, 1), 2)->last_caught_up_ns < ISR_SECOND);
    pass(cluster, spec.config.replica_lag_time_max / 2);
    assert_int_equal(cluster->controller_count, 0);
    pass(cluster, spec.config.replica_lag_time_max);
    assert_set(members_of(asked_controller(cluster)), "13");
    cluster_free(cluster);
}

static void lets_an_idle_replica_in_when_it_becomes_eligible(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec);
    pass(cluster, 5 * ISR_SECOND);
    change_broker(cluster, 3, true, false);
    PARTITION(cluster, .leader = 1, .leader_epoch = 3, .partition_epoch = 2, .replicas = "123", .isr = "12");
    pass(cluster, 5 * ISR_SECOND);
    assert_int_equal(cluster->controller_count, 0);
    change_broker(cluster, 3, false, false);
    pass(cluster, ISR_SECOND);
    assert_set(members_of(asked_controller(cluster)), "123");
    cluster_free(cluster);
}

/* One partition has far more than an answer holds, the others a batch now and then. */
static void starves_no_partition_when_one_is_hot(void **state)
{
    (void)state;
    for (int64_t sessions = 0; sessions <= 1; sessions++) {
        struct cluster_spec spec = standard();
        spec.partitions = 4;
        spec.config.fetch_max_bytes = 100; /* one batch */
        spec.config.fetch_sessions = sessions;
        struct cluster *cluster = running(&spec);
        isolate(cluster, 2, true);
        for (uint16_t i = 0; i < 43; i++) {
            struct isr_message message = {
                .kind = ISR_MESSAGE_PRODUCE_REQUEST,
                .produce_request = {.correlation = 800,
                                    .tp = {1, (uint16_t)(i < 40 ? 0 : i - 39)},
                                    .acks = 0,
                                    .records = isr_batch_build(&cluster->scratch, -1, -1, -1, 7, 5, 8)}};
            request(cluster, CLIENT, 1, &message);
        }
        settle(cluster);
        isolate(cluster, 2, false);
        const struct isr_broker *follower = &cluster->nodes[2].broker;
        bool cold_first = false;
        for (uint32_t i = 0; i < 100000 && !cold_first; i++) {
            if (!happen(cluster)) {
                cluster->now_ns += ISR_MS;
                continue;
            }
            cold_first = true;
            for (uint16_t p = 1; p < 4; p++)
                cold_first =
                    cold_first && isr_broker_partition(follower, (struct isr_tp){1, p})->log->log_end == 5;
        }
        assert_true(cold_first);
        /* Each had its turn before the hot one had a few. */
        assert_true(isr_broker_partition(follower, TP)->log->log_end <= 25);
        pass(cluster, 10 * ISR_SECOND);
        assert_int_equal(isr_broker_partition(follower, TP)->log->log_end, 200);
        cluster_free(cluster);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_nothing_when_nothing_changed),
        cmocka_unit_test(leaves_out_what_did_not_change),
        cmocka_unit_test(answers_no_more_about_what_is_forgotten),
        cmocka_unit_test(refuses_what_is_no_session_of_the_peer),
        cmocka_unit_test(drops_the_copy_of_a_request),
        cmocka_unit_test(begins_anew_when_everything_is_listed_again),
        cmocka_unit_test(makes_room_for_followers_and_for_who_comes_when_others_idle),
        cmocka_unit_test(replicates_on_when_the_leader_lost_the_session),
        cmocka_unit_test(counts_an_idle_replica_as_caught_up),
        cmocka_unit_test(lets_an_idle_replica_in_when_it_becomes_eligible),
        cmocka_unit_test(starves_no_partition_when_one_is_hot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
