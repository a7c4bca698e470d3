/* Yield points of leaders and followers: off, a handler goes straight on; on, what happens in between is
 * seen, and what comes of it is right. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/base/yield.h"
#include "core/broker/tests/harness.h"

enum { OFF, ON };

static void switch_point(struct cluster *cluster, int32_t id, enum isr_yield_point point, int on)
{
    cluster->nodes[id].env.yields = on == ON ? UINT32_C(1) << point : 0;
}

static bool stands(struct cluster *cluster, int32_t id, enum isr_yield_point point)
{
    const struct isr_observation *seen = last_seen(cluster, id, ISR_OBSERVED_YIELDED);
    return seen != NULL && seen->yielded.point == (int64_t)point;
}

static struct cluster *running(struct cluster_spec *spec, int64_t yield_time_max)
{
    spec->config.yield_time_max = yield_time_max;
    struct cluster *cluster = cluster_new(spec);
    PARTITION(cluster, .leader = 1, .leader_epoch = 1, .partition_epoch = 1, .replicas = "123", .isr = "123");
    settle(cluster);
    return cluster;
}

/* Brokers 1 and 2 run; broker 3 is registered, unfenced, and played by the test. */
static struct cluster *with_played_replica(struct cluster_spec *spec, const char *isr)
{
    spec->config.yield_time_max = ISR_SECOND;
    struct cluster *cluster = cluster_with_played_broker(spec);
    PARTITION(cluster, .leader = 1, .leader_epoch = 1, .partition_epoch = 1, .replicas = "123", .isr = isr);
    settle(cluster);
    return cluster;
}

static void fetch_as_3(struct cluster *cluster, int64_t offset)
{
    fetch_with(cluster, 1,
               (struct fetch_spec){.from = 3,
                                   .replica_epoch = cluster->nodes[1].broker.image.brokers[3].epoch,
                                   .epoch = at(cluster, 1)->leader_epoch,
                                   .offset = offset,
                                   .last_epoch = -1});
    settle(cluster);
}

/* ---- isr_shrink ---- */

/* Until the leader proposes, or stands before it. */
static struct cluster *falling_behind(struct cluster_spec *spec, int on)
{
    struct cluster *cluster = running(spec, 20 * ISR_SECOND);
    switch_point(cluster, 1, ISR_YIELD_ISR_SHRINK, on);
    isolate(cluster, 3, true);
    produce(cluster, 1, -1, 2);
    for (unsigned i = 0; i < 200 && cluster->controller_count == 0; i++) {
        if (stands(cluster, 1, ISR_YIELD_ISR_SHRINK))
            break;
        pass(cluster, 100 * ISR_MS);
    }
    return cluster;
}

static void proposes_a_shrink_at_once_when_the_point_is_off(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = falling_behind(&spec, OFF);
    assert_set(members_of(asked_controller(cluster)), "12");
    assert_null(last_seen(cluster, 1, ISR_OBSERVED_YIELDED));
    cluster_free(cluster);
}

static void proposes_a_shrink_later_when_nothing_came_in_between(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = falling_behind(&spec, ON);
    assert_int_equal(cluster->controller_count, 0);
    pass(cluster, 20 * ISR_SECOND);
    assert_set(members_of(asked_controller(cluster)), "12");
    cluster_free(cluster);
}

static void removes_nobody_who_caught_up_in_between(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = falling_behind(&spec, ON);
    isolate(cluster, 3, false);
    pass(cluster, 20 * ISR_SECOND);
    assert_int_equal(cluster->controller_count, 0);
    assert_int_equal(mark_of(cluster, 1), 2);
    cluster_free(cluster);
}

static void forgets_a_shrink_when_the_leadership_ends_in_between(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = falling_behind(&spec, ON);
    PARTITION(cluster, .leader = 2, .leader_epoch = 2, .partition_epoch = 2, .replicas = "123", .isr = "123");
    PARTITION(cluster, .leader = 1, .leader_epoch = 3, .partition_epoch = 3, .replicas = "123", .isr = "123");
    pass(cluster, 5 * ISR_SECOND);
    assert_int_equal(cluster->controller_count, 0);
    cluster_free(cluster);
}

/* ---- isr_expand ---- */

static struct cluster *catching_up(struct cluster_spec *spec, int on)
{
    struct cluster *cluster = with_played_replica(spec, "12");
    switch_point(cluster, 1, ISR_YIELD_ISR_EXPAND, on);
    produce(cluster, 1, -1, 4);
    settle(cluster);
    fetch_as_3(cluster, 4);
    return cluster;
}

static void proposes_an_expansion_later_when_the_point_is_on(void **state)
{
    (void)state;
    for (int on = OFF; on <= ON; on++) {
        struct cluster_spec spec = standard();
        struct cluster *cluster = catching_up(&spec, on);
        assert_int_equal(stands(cluster, 1, ISR_YIELD_ISR_EXPAND), on);
        assert_int_equal(cluster->controller_count, 1 - on);
        pass(cluster, ISR_SECOND);
        assert_int_equal(cluster->controller_count, 1);
        assert_set(members_of(asked_controller(cluster)), "123");
        cluster_free(cluster);
    }
}

/* KAFKA-15221. */
static void admits_a_replica_that_lost_its_log_in_between_only_by_two_states(void **state)
{
    (void)state;
    for (int wrong = 0; wrong <= 1; wrong++) {
        struct cluster_spec spec = standard();
        spec.rules.expand_epoch_snapshot = (uint8_t)wrong;
        struct cluster *cluster = catching_up(&spec, ON);
        register_broker(cluster, 3);
        change_broker(cluster, 3, false, false);
        fetch_as_3(cluster, 0); /* of its new life, with nothing left */
        pass(cluster, ISR_SECOND);
        assert_int_equal(cluster->controller_count, wrong);
        if (wrong)
            assert_int_equal(asked_controller(cluster)->isr[2].broker_epoch,
                             cluster->nodes[1].broker.image.brokers[3].epoch);
        cluster_free(cluster);
    }
}

/* ---- hw_update ---- */

static void advances_at_once_when_the_point_is_off(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = with_played_replica(&spec, "12");
    produce(cluster, 1, -1, 4);
    settle(cluster);
    assert_int_equal(mark_of(cluster, 1), 4);
    cluster_free(cluster);
}

static void counts_who_joined_in_between_unless_it_stores_what_it_computed(void **state)
{
    (void)state;
    for (int wrong = 0; wrong <= 1; wrong++) {
        struct cluster_spec spec = standard();
        spec.config.isr_hysteresis = 1;
        spec.rules.hw_stored = (uint8_t)wrong;
        struct cluster *cluster = with_played_replica(&spec, "12");
        produce(cluster, 1, -1, 4);
        settle(cluster);
        switch_point(cluster, 1, ISR_YIELD_HW_UPDATE, ON);
        produce(cluster, 1, -1, 2);
        settle(cluster);
        assert_true(stands(cluster, 1, ISR_YIELD_HW_UPDATE));
        assert_int_equal(isr_partition_remote(at(cluster, 1), 2)->log_end, 6);
        assert_int_equal(mark_of(cluster, 1), 4);
        fetch_as_3(cluster, 4);
        assert_int_equal(at(cluster, 1)->isr_state, ISR_STATE_PENDING_EXPAND);
        pass(cluster, ISR_SECOND);
        assert_int_equal(mark_of(cluster, 1), wrong ? 6 : 4);
        fetch_as_3(cluster, 6);
        pass(cluster, ISR_SECOND);
        assert_int_equal(mark_of(cluster, 1), 6);
        cluster_free(cluster);
    }
}

/* ---- fetch_read ---- */

static void measures_a_follower_by_the_end_that_was_read(void **state)
{
    (void)state;
    for (int on = OFF; on <= ON; on++) {
        struct cluster_spec spec = standard();
        struct cluster *cluster = with_played_replica(&spec, "123");
        produce(cluster, 1, 1, 2);
        settle(cluster);
        switch_point(cluster, 1, ISR_YIELD_FETCH_READ, on);
        const struct isr_remote_replica *remote = isr_partition_remote(at(cluster, 1), 3);
        pass(cluster, ISR_SECOND);
        int64_t looked_at_ns = cluster->now_ns;
        fetch_as_3(cluster, 2);
        assert_int_equal(stands(cluster, 1, ISR_YIELD_FETCH_READ), on);
        assert_int_equal(remote->log_end, on == ON ? ISR_OFFSET_NONE : 2);
        produce(cluster, 1, 1, 3);
        pass(cluster, ISR_SECOND);
        assert_int_equal(end_of(cluster, 1), 5);
        assert_int_equal(remote->log_end, 2);
        assert_int_equal(remote->last_fetch_leader_end, 2);
        assert_int_equal(remote->last_caught_up_ns, looked_at_ns);
        cluster_free(cluster);
    }
}

static void takes_no_note_of_a_fetch_when_the_epoch_changed_in_between(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = with_played_replica(&spec, "123");
    produce(cluster, 1, 1, 2);
    settle(cluster);
    switch_point(cluster, 1, ISR_YIELD_FETCH_READ, ON);
    fetch_as_3(cluster, 2);
    PARTITION(cluster, .leader = 1, .leader_epoch = 2, .partition_epoch = 2, .replicas = "123", .isr = "123");
    pass(cluster, ISR_SECOND);
    assert_int_equal(isr_partition_remote(at(cluster, 1), 3)->log_end, ISR_OFFSET_NONE);
    assert_int_equal(last_seen(cluster, 1, ISR_OBSERVED_FETCH_REFUSED)->fetch_refused.error,
                     ISR_ERROR_FENCED_LEADER_EPOCH);
    cluster_free(cluster);
}

/* A follower that gave a request up sends the next one of its session. */
static void answers_the_former_request_when_the_next_comes_in_between(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.config.request_timeout = 100 * ISR_MS;
    spec.config.fetch_max_wait = 50 * ISR_MS;
    struct cluster *cluster = running(&spec, 4 * ISR_SECOND);
    switch_point(cluster, 1, ISR_YIELD_FETCH_READ, ON);
    produce(cluster, 1, -1, 3);
    pass(cluster, ISR_SECOND);
    switch_point(cluster, 1, ISR_YIELD_FETCH_READ, OFF);
    pass(cluster, 10 * ISR_SECOND);
    assert_int_equal(mark_of(cluster, 1), 3);
    assert_int_equal(mark_of(cluster, 2), 3);
    assert_int_equal(mark_of(cluster, 3), 3);
    cluster_free(cluster);
}

/* ---- fetch_truncate ---- */

/* Broker 1 has [5, 8) of its own; broker 2 leads, and wrote [5, 9). */
static struct cluster *diverging(struct cluster_spec *spec, int on)
{
    struct cluster *cluster = running(spec, 2 * ISR_SECOND);
    switch_point(cluster, 1, ISR_YIELD_FETCH_TRUNCATE, on);
    write_as(cluster, 1, 1, 5);
    pass(cluster, 100 * ISR_MS);
    isolate(cluster, 1, true);
    write_as(cluster, 1, 1, 3);
    PARTITION(cluster, .leader = 2, .leader_epoch = 2, .partition_epoch = 2, .replicas = "123", .isr = "123");
    write_as(cluster, 2, 1, 4);
    isolate(cluster, 1, false);
    for (unsigned i = 0; i < 200 && end_of(cluster, 1) == 8; i++) {
        if (stands(cluster, 1, ISR_YIELD_FETCH_TRUNCATE))
            break;
        pass(cluster, 20 * ISR_MS);
    }
    return cluster;
}

static void cuts_later_when_the_point_is_on(void **state)
{
    (void)state;
    for (int on = OFF; on <= ON; on++) {
        struct cluster_spec spec = standard();
        struct cluster *cluster = diverging(&spec, on);
        assert_int_equal(stands(cluster, 1, ISR_YIELD_FETCH_TRUNCATE), on);
        if (on == ON)
            assert_int_equal(end_of(cluster, 1), 8);
        pass(cluster, 5 * ISR_SECOND);
        assert_int_equal(last_seen(cluster, 1, ISR_OBSERVED_LOG_TRUNCATED)->log_truncated.to, 5);
        assert_int_equal(end_of(cluster, 1), 9);
        assert_int_equal(mark_of(cluster, 2), 9);
        cluster_free(cluster);
    }
}

/* KAFKA-13207. */
static void cuts_nothing_as_leader_unless_nobody_asks_whose_the_partition_is(void **state)
{
    (void)state;
    for (int wrong = 0; wrong <= 1; wrong++) {
        struct cluster_spec spec = standard();
        spec.rules.truncation_owned = (uint8_t)wrong;
        struct cluster *cluster = diverging(&spec, ON);
        PARTITION(cluster, .leader = 1, .leader_epoch = 3, .partition_epoch = 3, .replicas = "123",
                  .isr = "123");
        pass(cluster, 2 * ISR_SECOND);
        assert_int_equal(end_of(cluster, 1), wrong ? 5 : 8);
        cluster_free(cluster);
    }
}

/* ---- follower_start ---- */

static void begins_to_fetch_later_when_the_point_is_on(void **state)
{
    (void)state;
    for (int on = OFF; on <= ON; on++) {
        struct cluster_spec spec = standard();
        struct cluster *cluster = running(&spec, 2 * ISR_SECOND);
        switch_point(cluster, 1, ISR_YIELD_FOLLOWER_START, on);
        PARTITION(cluster, .leader = 2, .leader_epoch = 2, .partition_epoch = 2, .replicas = "123",
                  .isr = "123");
        write_as(cluster, 2, 1, 3);
        pass(cluster, 100 * ISR_MS);
        assert_int_equal(stands(cluster, 1, ISR_YIELD_FOLLOWER_START), on);
        assert_int_equal(end_of(cluster, 1), on == ON ? 0 : 3);
        pass(cluster, 2 * ISR_SECOND);
        assert_int_equal(end_of(cluster, 1), 3);
        cluster_free(cluster);
    }
}

static void follows_the_latest_leader_when_there_was_one_in_between(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec, 2 * ISR_SECOND);
    switch_point(cluster, 1, ISR_YIELD_FOLLOWER_START, ON);
    PARTITION(cluster, .leader = 2, .leader_epoch = 2, .partition_epoch = 2, .replicas = "123", .isr = "123");
    pass(cluster, 500 * ISR_MS);
    PARTITION(cluster, .leader = 3, .leader_epoch = 3, .partition_epoch = 3, .replicas = "123", .isr = "123");
    write_as(cluster, 3, 1, 3);
    pass(cluster, 3 * ISR_SECOND);
    assert_int_equal(at(cluster, 1)->fetching->loop->leader, 3);
    assert_int_equal(cluster->nodes[1].broker.loops[2] == NULL, 1); /* the one before was never asked */
    assert_int_equal(end_of(cluster, 1), 3);
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proposes_a_shrink_at_once_when_the_point_is_off),
        cmocka_unit_test(proposes_a_shrink_later_when_nothing_came_in_between),
        cmocka_unit_test(removes_nobody_who_caught_up_in_between),
        cmocka_unit_test(forgets_a_shrink_when_the_leadership_ends_in_between),
        cmocka_unit_test(proposes_an_expansion_later_when_the_point_is_on),
        cmocka_unit_test(admits_a_replica_that_lost_its_log_in_between_only_by_two_states),
        cmocka_unit_test(advances_at_once_when_the_point_is_off),
        cmocka_unit_test(counts_who_joined_in_between_unless_it_stores_what_it_computed),
        cmocka_unit_test(measures_a_follower_by_the_end_that_was_read),
        cmocka_unit_test(takes_no_note_of_a_fetch_when_the_epoch_changed_in_between),
        cmocka_unit_test(answers_the_former_request_when_the_next_comes_in_between),
        cmocka_unit_test(cuts_later_when_the_point_is_on),
        cmocka_unit_test(cuts_nothing_as_leader_unless_nobody_asks_whose_the_partition_is),
        cmocka_unit_test(begins_to_fetch_later_when_the_point_is_on),
        cmocka_unit_test(follows_the_latest_leader_when_there_was_one_in_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
