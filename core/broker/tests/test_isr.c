#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/broker/tests/harness.h"

static struct cluster *running(const struct cluster_spec *spec, const char *isr)
{
    struct cluster *cluster = cluster_new(spec);
    PARTITION(cluster, .leader = 1, .leader_epoch = 1, .partition_epoch = 1, .replicas = "123", .isr = isr);
    settle(cluster);
    return cluster;
}

/* Brokers 1 and 2 run; broker 3 is registered, unfenced, and played by the test. */
static struct cluster *with_played_replica(struct cluster_spec *spec, const char *isr)
{
    struct cluster *cluster = cluster_with_played_broker(spec);
    PARTITION(cluster, .leader = 1, .leader_epoch = 1, .partition_epoch = 1, .replicas = "123", .isr = isr);
    settle(cluster);
    return cluster;
}

static int64_t epoch_of_3(struct cluster *cluster)
{
    return cluster->nodes[1].broker.image.brokers[3].epoch;
}

static void fetch_as_3(struct cluster *cluster, int64_t offset, int64_t replica_epoch)
{
    fetch_with(cluster, 1,
               (struct fetch_spec){.from = 3,
                                   .replica_epoch = replica_epoch,
                                   .epoch = at(cluster, 1)->leader_epoch,
                                   .offset = offset,
                                   .last_epoch = -1});
    settle(cluster);
}

/* ---- shrinking ---- */

static void shrinks_by_time_lag_with_the_maximal_isr_until_committed(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec, "123");
    isolate(cluster, 3, true);
    uint32_t id = produce(cluster, 1, -1, 2);
    pass(cluster, 16 * ISR_SECOND);
    const struct isr_alter_partition_request *asked = asked_controller(cluster);
    assert_set(members_of(asked), "12");
    assert_int_equal(asked->leader_epoch, 1);
    assert_int_equal(asked->partition_epoch, 1);
    assert_int_equal(asked->isr[1].broker_epoch, cluster->nodes[2].broker.broker_epoch);
    assert_int_equal(at(cluster, 1)->isr_state, ISR_STATE_PENDING_SHRINK);
    assert_set(isr_partition_maximal_isr(at(cluster, 1)), "123");
    assert_int_equal(last_seen(cluster, 1, ISR_OBSERVED_ISR_PROPOSED)->isr_proposed.cause,
                     ISR_CAUSE_TIME_LAG);
    assert_int_equal(mark_of(cluster, 1), 0); /* the controller may not have removed it */
    assert_null(produced(cluster, id));
    answer_controller(cluster, ISR_ERROR_NONE);
    assert_int_equal(at(cluster, 1)->isr_state, ISR_STATE_COMMITTED);
    assert_set(at(cluster, 1)->isr, "12");
    assert_int_equal(at(cluster, 1)->partition_epoch, 2);
    assert_int_equal(mark_of(cluster, 1), 2); /* KAFKA-13091 */
    assert_produced(cluster, id, 0);
    assert_int_equal(last_seen(cluster, 1, ISR_OBSERVED_ISR_COMMITTED)->isr_committed.cause,
                     ISR_CAUSE_TIME_LAG);
    assert_int_equal(cluster->nodes[1].env.metrics.isr_shrinks, 1);
    cluster_free(cluster);
}

static void keeps_an_idle_follower_at_the_leaders_end(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = running(&spec, "123");
    isolate(cluster, 3, true);
    pass(cluster, 60 * ISR_SECOND);
    assert_int_equal(cluster->controller_count, 0);
    cluster_free(cluster);
}

static void keeps_members_when_bursts_exceed_the_message_bound(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.config.replica_lag_max_messages = 10;
    spec.config.fetch_max_bytes = 2000; /* a burst takes several fetches of 7 batches each */
    spec.config.fetch_interval = 200 * ISR_MS;
    struct cluster *cluster = running(&spec, "123");
    bool behind = false;
    for (unsigned i = 0; i < 20; i++) {
        for (unsigned k = 0; k < 30; k++)
            produce(cluster, 1, 0, 20);
        for (unsigned k = 0; k < 15; k++) {
            pass(cluster, 100 * ISR_MS);
            behind =
                behind || isr_partition_remote(at(cluster, 1), 3)->message_lag_since_ns != ISR_TIME_NEVER;
        }
    }
    assert_true(behind); /* the lag timer did look while they were behind */
    assert_int_equal(cluster->controller_count, 0);
    assert_int_equal(mark_of(cluster, 3), 20 * 600);
    cluster_free(cluster);
}

static void shrinks_by_message_lag_when_it_lasts_and_returns_below_the_bound(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.config.replica_lag_max_messages = 10;
    struct cluster *cluster = with_played_replica(&spec, "123");
    fetch_as_3(cluster, 0, epoch_of_3(cluster));
    for (unsigned i = 0; i < 20; i++)
        produce(cluster, 1, 1, 1);
    settle(cluster);
    fetch_as_3(cluster, 2, epoch_of_3(cluster));
    pass(cluster, 6 * ISR_SECOND); /* one look of the lag timer */
    assert_int_equal(cluster->controller_count, 0);
    pass(cluster, 4 * ISR_SECOND); /* another */
    assert_set(members_of(asked_controller(cluster)), "12");
    assert_int_equal(last_seen(cluster, 1, ISR_OBSERVED_ISR_PROPOSED)->isr_proposed.cause,
                     ISR_CAUSE_MESSAGE_LAG);
    answer_controller(cluster, ISR_ERROR_NONE);
    assert_int_equal(mark_of(cluster, 1),
                     2); /* it is still caught up by time: it may come back, so it is waited for */
    fetch_as_3(cluster, 14, epoch_of_3(cluster));
    assert_int_equal(cluster->controller_count, 1); /* 6 behind: within the bound, not within its half */
    fetch_as_3(cluster, 20, epoch_of_3(cluster));
    assert_set(members_of(asked_controller(cluster)), "123");
    assert_int_equal(cluster->controller_count, 2);
    cluster_free(cluster);
}

/* ---- expanding ---- */

static void expands_when_a_replica_caught_up_and_counts_it_at_once(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = with_played_replica(&spec, "12");
    produce(cluster, 1, -1, 4);
    settle(cluster);
    assert_int_equal(mark_of(cluster, 1), 4);
    fetch_as_3(cluster, 0, epoch_of_3(cluster));
    assert_int_equal(cluster->controller_count, 0); /* below the high watermark */
    fetch_as_3(cluster, 4, epoch_of_3(cluster));
    assert_set(members_of(asked_controller(cluster)), "123");
    assert_int_equal(asked_controller(cluster)->isr[2].broker_epoch, epoch_of_3(cluster));
    assert_int_equal(at(cluster, 1)->isr_state, ISR_STATE_PENDING_EXPAND);
    assert_set(isr_partition_maximal_isr(at(cluster, 1)), "123");
    pass(cluster,
         30 * ISR_SECOND); /* so that only the maximal ISR can hold it back, not that it is caught up */
    produce(cluster, 1, -1, 1);
    settle(cluster);
    assert_int_equal(end_of(cluster, 2), 5);
    assert_int_equal(mark_of(cluster, 1), 4);
    fetch_as_3(cluster, 5, epoch_of_3(cluster));
    assert_int_equal(mark_of(cluster, 1), 5);
    cluster_free(cluster);
}

static void counts_by_the_committed_isr_while_expanding_when_the_rule_says_so(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.rules.hw_expand = ISR_RULE_hw_expand_committed;
    struct cluster *cluster = with_played_replica(&spec, "12");
    fetch_as_3(cluster, 0, epoch_of_3(cluster));
    assert_int_equal(at(cluster, 1)->isr_state, ISR_STATE_PENDING_EXPAND);
    produce(cluster, 1, -1, 1);
    settle(cluster);
    assert_int_equal(mark_of(cluster, 1), 0); /* it is caught up, and may join */
    pass(cluster, 30 * ISR_SECOND);
    assert_int_equal(at(cluster, 1)->isr_state, ISR_STATE_PENDING_EXPAND);
    assert_int_equal(mark_of(cluster, 1), 1);
    cluster_free(cluster);
}

static void counts_by_the_proposed_isr_while_shrinking_when_the_rule_says_so(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.rules.hw_shrink = ISR_RULE_hw_shrink_proposed;
    struct cluster *cluster = running(&spec, "123");
    isolate(cluster, 3, true);
    uint32_t id = produce(cluster, 1, -1, 2);
    pass(cluster, 16 * ISR_SECOND);
    assert_int_equal(at(cluster, 1)->isr_state, ISR_STATE_PENDING_SHRINK);
    assert_int_equal(mark_of(cluster, 1), 2);
    assert_produced(cluster, id, 0);
    cluster_free(cluster);
}

static void waits_for_a_caught_up_replica_outside_the_isr(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = with_played_replica(&spec, "12");
    fetch_as_3(cluster, 0, epoch_of_3(cluster));
    answer_controller(cluster, ISR_ERROR_INELIGIBLE_REPLICA);
    assert_int_equal(at(cluster, 1)->isr_state, ISR_STATE_COMMITTED);
    produce(cluster, 1, -1, 1);
    settle(cluster);
    assert_int_equal(mark_of(cluster, 1), 0); /* 3 was caught up a moment ago */
    change_broker(cluster, 3, true, false);
    produce(cluster, 1, -1, 1);
    settle(cluster);
    assert_int_equal(mark_of(cluster, 1), 2); /* fenced: may not join, so nobody waits for it */
    cluster_free(cluster);
}

static void admits_only_eligible_replicas(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = with_played_replica(&spec, "12");
    change_broker(cluster, 3, true, false);
    fetch_as_3(cluster, 0, epoch_of_3(cluster));
    assert_int_equal(cluster->controller_count, 0); /* fenced */
    change_broker(cluster, 3, false, true);
    fetch_as_3(cluster, 0, epoch_of_3(cluster));
    assert_int_equal(cluster->controller_count, 0); /* shutting down */
    int64_t before = epoch_of_3(cluster);
    register_broker(cluster, 3);
    change_broker(cluster, 3, false, false);
    fetch_as_3(cluster, 0, before);
    assert_int_equal(cluster->controller_count, 0); /* of its former life: refused */
    assert_int_equal(last_seen(cluster, 1, ISR_OBSERVED_FETCH_REFUSED)->fetch_refused.error,
                     ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    fetch_as_3(cluster, 0, epoch_of_3(cluster) + 5);
    assert_int_equal(cluster->controller_count, 0); /* newer than this broker's metadata */
    fetch_as_3(cluster, 0, epoch_of_3(cluster));
    assert_int_equal(cluster->controller_count, 1);
    cluster_free(cluster);
}

static void admits_who_is_fenced_or_stops_when_the_rule_is_off(void **state)
{
    (void)state;
    for (unsigned stops = 0; stops <= 1; stops++) {
        struct cluster_spec spec = standard();
        spec.rules.reject_ineligible = ISR_RULE_reject_ineligible_off;
        struct cluster *cluster = with_played_replica(&spec, "12");
        change_broker(cluster, 3, stops == 0, stops == 1);
        fetch_as_3(cluster, 0, epoch_of_3(cluster) + 5);
        assert_int_equal(cluster->controller_count, 0); /* of another registration */
        fetch_as_3(cluster, 0, epoch_of_3(cluster));
        assert_set(members_of(asked_controller(cluster)), "123");
        cluster_free(cluster);
    }
}

static void admits_another_registration_when_the_rule_is_off(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.rules.alterpartition_broker_epoch = ISR_RULE_alterpartition_broker_epoch_off;
    struct cluster *cluster = with_played_replica(&spec, "12");
    change_broker(cluster, 3, true, false);
    fetch_as_3(cluster, 0, epoch_of_3(cluster) + 5);
    assert_int_equal(cluster->controller_count, 0);
    change_broker(cluster, 3, false, false);
    fetch_as_3(cluster, 0, epoch_of_3(cluster) + 5);
    assert_set(members_of(asked_controller(cluster)), "123");
    cluster_free(cluster);
}

/* KAFKA-7128: the new leader's high watermark is stale-low. Broker 1 holds 10 records, its high watermark
 * is 5. */
static struct cluster *stale_low_leader(struct cluster_spec *spec)
{
    spec->config.isr_hysteresis = 1;
    struct cluster *cluster = with_played_replica(spec, "12");
    isolate(cluster, 2, true);
    for (unsigned i = 0; i < 10; i++)
        produce(cluster, 1, 1, 1);
    settle(cluster);
    step_begin(cluster, 1);
    isr_log_set_high_watermark(at(cluster, 1)->log, 5);
    step_end(cluster, 1);
    PARTITION(cluster, .leader = 2, .leader_epoch = 2, .partition_epoch = 2, .replicas = "123", .isr = "12");
    PARTITION(cluster, .leader = 1, .leader_epoch = 3, .partition_epoch = 3, .replicas = "123", .isr = "12");
    settle(cluster);
    assert_int_equal(at(cluster, 1)->epoch_start, 10);
    fetch_as_3(cluster, 6, epoch_of_3(cluster));
    return cluster;
}

static void admits_nobody_below_the_epoch_start(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = stale_low_leader(&spec);
    assert_int_equal(cluster->controller_count, 0);
    fetch_as_3(cluster, 10, epoch_of_3(cluster));
    assert_int_equal(cluster->controller_count, 1);
    cluster_free(cluster);
}

static void admits_below_the_epoch_start_when_rule_is_off(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.rules.expand_epoch_start = ISR_RULE_expand_epoch_start_off;
    struct cluster *cluster = stale_low_leader(&spec);
    assert_set(members_of(asked_controller(cluster)), "123");
    cluster_free(cluster);
}

/* Partition.isFollowerInSync: the start of the epoch (0) is not enough. */
static void admits_nobody_below_the_high_watermark(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.config.isr_hysteresis = 1;
    struct cluster *cluster = with_played_replica(&spec, "12");
    for (unsigned i = 0; i < 4; i++)
        produce(cluster, 1, -1, 1);
    settle(cluster);
    assert_int_equal(mark_of(cluster, 1), 4);
    fetch_as_3(cluster, 3, epoch_of_3(cluster));
    assert_int_equal(cluster->controller_count, 0);
    fetch_as_3(cluster, 4, epoch_of_3(cluster));
    assert_int_equal(cluster->controller_count, 1);
    cluster_free(cluster);
}

/* Where to keep pace is enough: what it reached in the life before says nothing of a disk that may be empty.
 */
static void admits_nobody_for_what_its_former_life_reached(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.settings.commit = ISR_COMMIT_FULLY_SYNC;
    struct cluster *cluster = with_played_replica(&spec, "123");
    produce(cluster, 1, -1, 4);
    fetch_as_3(cluster, 0, epoch_of_3(cluster));
    fetch_as_3(cluster, 4, epoch_of_3(cluster));
    assert_int_equal(mark_of(cluster, 1), 4);
    register_broker(cluster, 3);
    PARTITION(cluster, .leader = 1, .leader_epoch = 1, .partition_epoch = 2, .replicas = "123", .isr = "12");
    change_broker(cluster, 3, false, false);
    fetch_as_3(cluster, 0, epoch_of_3(cluster));
    assert_int_equal(cluster->controller_count, 0);
    fetch_as_3(cluster, 4, epoch_of_3(cluster));
    assert_set(members_of(asked_controller(cluster)), "123");
    cluster_free(cluster);
}

static void demands_half_the_time_lag_to_come_back(void **state)
{
    (void)state;
    for (unsigned hysteresis = 1; hysteresis <= 2; hysteresis++) {
        struct cluster_spec spec = standard();
        spec.min_isr = 1;
        spec.config.isr_hysteresis = hysteresis;
        struct cluster *cluster = with_played_replica(&spec, "12");
        isolate(cluster, 2, true);
        for (unsigned i = 0; i < 4; i++)
            produce(cluster, 1, 1, 1);
        settle(cluster);
        fetch_as_3(cluster, 2, epoch_of_3(cluster)); /* at the high watermark (0), but never caught up */
        assert_int_equal(cluster->controller_count, hysteresis == 1 ? 1 : 0);
        fetch_as_3(cluster, 4, epoch_of_3(cluster));
        assert_int_equal(cluster->controller_count, 1);
        cluster_free(cluster);
    }
}

/* ---- AlterPartition ---- */

static struct cluster *expanding(struct cluster_spec *spec)
{
    struct cluster *cluster = with_played_replica(spec, "12");
    fetch_as_3(cluster, 0, epoch_of_3(cluster));
    assert_int_equal(cluster->controller_count, 1);
    return cluster;
}

static void has_one_request_in_flight(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = expanding(&spec);
    fetch_as_3(cluster, 0, epoch_of_3(cluster));
    assert_int_equal(cluster->controller_count, 1);
    answer_controller(cluster, ISR_ERROR_NONE);
    assert_set(at(cluster, 1)->isr, "123");
    assert_int_equal(cluster->nodes[1].env.metrics.isr_expands, 1);
    cluster_free(cluster);
}

static void asks_again_when_the_answer_does_not_come(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = expanding(&spec);
    uint32_t first = asked_controller(cluster)->correlation;
    pass(cluster, spec.config.request_timeout);
    assert_int_equal(cluster->controller_count, 2);
    assert_int_not_equal(asked_controller(cluster)->correlation, first);
    answer_controller(cluster, ISR_ERROR_NOT_CONTROLLER);
    assert_int_equal(at(cluster, 1)->isr_state, ISR_STATE_PENDING_EXPAND);
    assert_int_equal(cluster->controller_count, 2);
    pass(cluster, spec.config.retry_backoff);
    assert_int_equal(cluster->controller_count, 3);
    answer_controller(cluster, ISR_ERROR_NONE);
    assert_int_equal(at(cluster, 1)->isr_state, ISR_STATE_COMMITTED);
    assert_int_equal(cluster->nodes[1].env.metrics.isr_rejections, 1);
    cluster_free(cluster);
}

static void asks_again_after_a_pause_when_the_connection_to_the_controller_broke(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = expanding(&spec);
    step_begin(cluster, 1);
    isr_broker_disconnected(&cluster->nodes[1].broker, 3); /* another one's */
    step_end(cluster, 1);
    pass(cluster, spec.config.retry_backoff);
    assert_int_equal(cluster->controller_count, 1);
    step_begin(cluster, 1);
    isr_broker_disconnected(&cluster->nodes[1].broker, CONTROLLER);
    step_end(cluster, 1);
    pass(cluster, spec.config.retry_backoff);
    assert_int_equal(cluster->controller_count, 2);
    answer_controller(cluster, ISR_ERROR_NONE);
    assert_int_equal(at(cluster, 1)->isr_state, ISR_STATE_COMMITTED);
    cluster_free(cluster);
}

/* Between the request and its copy the replica was restarted: what is asked for is the life before. */
static void asks_again_for_the_life_that_was_in_sync(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = expanding(&spec);
    int64_t before = epoch_of_3(cluster);
    register_broker(cluster, 3);
    change_broker(cluster, 3, false, false);
    fetch_as_3(cluster, 0, epoch_of_3(cluster));
    pass(cluster, spec.config.request_timeout);
    assert_int_equal(cluster->controller_count, 2);
    assert_int_equal(asked_controller(cluster)->isr[2].id, 3);
    assert_int_equal(asked_controller(cluster)->isr[2].broker_epoch, before);
    answer_controller(cluster, ISR_ERROR_INELIGIBLE_REPLICA);
    pass(cluster, spec.config.retry_backoff);
    fetch_as_3(cluster, 0, epoch_of_3(cluster));
    assert_int_equal(asked_controller(cluster)->isr[2].broker_epoch, epoch_of_3(cluster));
    cluster_free(cluster);
}

static void goes_back_and_pauses_when_nothing_was_done(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = expanding(&spec);
    answer_controller(cluster, ISR_ERROR_INELIGIBLE_REPLICA);
    assert_int_equal(at(cluster, 1)->isr_state, ISR_STATE_COMMITTED);
    assert_set(at(cluster, 1)->isr, "12");
    fetch_as_3(cluster, 0, epoch_of_3(cluster));
    assert_int_equal(cluster->controller_count, 1);
    pass(cluster, spec.config.retry_backoff);
    fetch_as_3(cluster, 0, epoch_of_3(cluster));
    assert_int_equal(cluster->controller_count, 2);
    cluster_free(cluster);
}

static void stays_pending_until_metadata_when_the_cluster_moved_on(void **state)
{
    (void)state;
    static const enum isr_error errors[] = {ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION,
                                            ISR_ERROR_FENCED_LEADER_EPOCH, ISR_ERROR_INVALID_UPDATE_VERSION,
                                            ISR_ERROR_INVALID_REQUEST, ISR_ERROR_NEW_LEADER_ELECTED};
    for (unsigned i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        struct cluster_spec spec = standard();
        struct cluster *cluster = expanding(&spec);
        answer_controller(cluster, errors[i]);
        pass(cluster, 4 * ISR_SECOND);
        assert_int_equal(cluster->controller_count, 1);
        assert_int_equal(at(cluster, 1)->isr_state, ISR_STATE_PENDING_EXPAND);
        assert_set(isr_partition_maximal_isr(at(cluster, 1)), "123");
        PARTITION(cluster, .leader = 1, .leader_epoch = 1, .partition_epoch = 2, .replicas = "123",
                  .isr = "123");
        assert_int_equal(at(cluster, 1)->isr_state, ISR_STATE_COMMITTED);
        assert_set(at(cluster, 1)->isr, "123");
        assert_int_equal(last_seen(cluster, 1, ISR_OBSERVED_ISR_COMMITTED)->isr_committed.cause,
                         ISR_CAUSE_CAUGHT_UP);
        cluster_free(cluster);
    }
}

static void drops_an_answer_when_metadata_came_first(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = expanding(&spec);
    PARTITION(cluster, .leader = 1, .leader_epoch = 1, .partition_epoch = 5, .replicas = "123", .isr = "12");
    answer_controller(cluster, ISR_ERROR_NONE);
    assert_int_equal(at(cluster, 1)->partition_epoch, 5);
    assert_set(at(cluster, 1)->isr, "12");
    cluster_free(cluster);
}

static void keeps_what_is_pending_when_the_record_of_the_answer_before_arrives(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = expanding(&spec);
    answer_controller(cluster, ISR_ERROR_NONE);
    produce(cluster, 1, 1, 1);
    pass(cluster, 16 * ISR_SECOND); /* 3 falls silent: a shrink is proposed */
    assert_int_equal(at(cluster, 1)->isr_state, ISR_STATE_PENDING_SHRINK);
    PARTITION(cluster, .leader = 1, .leader_epoch = 1, .partition_epoch = 2, .replicas = "123", .isr = "123");
    assert_int_equal(at(cluster, 1)->isr_state, ISR_STATE_PENDING_SHRINK);
    answer_controller(cluster, ISR_ERROR_NONE);
    assert_set(at(cluster, 1)->isr, "12");
    assert_int_equal(at(cluster, 1)->partition_epoch, 3);
    cluster_free(cluster);
}

static void ignores_an_answer_that_makes_no_sense(void **state)
{
    (void)state;
    static const struct {
        int32_t leader_epoch, partition_epoch;
        const char *isr;
    } answers[] = {{1, 2, "23"},   /* an ISR without the leader */
                   {1, 2, "14"},   /* with a stranger */
                   {2, 2, "123"},  /* of another leader epoch */
                   {1, 0, "123"}}; /* older than what is known */
    for (unsigned i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct cluster_spec spec = standard();
        struct cluster *cluster = expanding(&spec);
        struct isr_message message = {
            .kind = ISR_MESSAGE_ALTER_PARTITION_RESPONSE,
            .alter_partition_response = {.correlation = asked_controller(cluster)->correlation,
                                         .tp = TP,
                                         .leader_epoch = answers[i].leader_epoch,
                                         .partition_epoch = answers[i].partition_epoch,
                                         .isr = replicas(answers[i].isr)}};
        request(cluster, 2, 1, &message); /* not from the controller */
        settle(cluster);
        assert_int_not_equal(at(cluster, 1)->leading->alter_correlation, 0);
        request(cluster, CONTROLLER, 1, &message);
        settle(cluster);
        assert_int_equal(at(cluster, 1)->isr_state, ISR_STATE_PENDING_EXPAND);
        assert_int_equal(at(cluster, 1)->partition_epoch, 1);
        cluster_free(cluster);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shrinks_by_time_lag_with_the_maximal_isr_until_committed),
        cmocka_unit_test(counts_by_the_proposed_isr_while_shrinking_when_the_rule_says_so),
        cmocka_unit_test(keeps_an_idle_follower_at_the_leaders_end),
        cmocka_unit_test(keeps_members_when_bursts_exceed_the_message_bound),
        cmocka_unit_test(shrinks_by_message_lag_when_it_lasts_and_returns_below_the_bound),
        cmocka_unit_test(expands_when_a_replica_caught_up_and_counts_it_at_once),
        cmocka_unit_test(counts_by_the_committed_isr_while_expanding_when_the_rule_says_so),
        cmocka_unit_test(waits_for_a_caught_up_replica_outside_the_isr),
        cmocka_unit_test(admits_only_eligible_replicas),
        cmocka_unit_test(admits_another_registration_when_the_rule_is_off),
        cmocka_unit_test(admits_who_is_fenced_or_stops_when_the_rule_is_off),
        cmocka_unit_test(admits_nobody_below_the_epoch_start),
        cmocka_unit_test(admits_below_the_epoch_start_when_rule_is_off),
        cmocka_unit_test(admits_nobody_below_the_high_watermark),
        cmocka_unit_test(admits_nobody_for_what_its_former_life_reached),
        cmocka_unit_test(demands_half_the_time_lag_to_come_back),
        cmocka_unit_test(has_one_request_in_flight),
        cmocka_unit_test(asks_again_when_the_answer_does_not_come),
        cmocka_unit_test(asks_again_after_a_pause_when_the_connection_to_the_controller_broke),
        cmocka_unit_test(asks_again_for_the_life_that_was_in_sync),
        cmocka_unit_test(goes_back_and_pauses_when_nothing_was_done),
        cmocka_unit_test(stays_pending_until_metadata_when_the_cluster_moved_on),
        cmocka_unit_test(drops_an_answer_when_metadata_came_first),
        cmocka_unit_test(keeps_what_is_pending_when_the_record_of_the_answer_before_arrives),
        cmocka_unit_test(ignores_an_answer_that_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
