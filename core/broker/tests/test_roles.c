#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/broker/tests/harness.h"

static void takes_no_role_before_it_is_active(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = cluster_new(&spec);
    struct isr_broker *broker = &cluster->nodes[1].broker;
    step_begin(cluster, 1);
    isr_broker_stop(broker);
    step_end(cluster, 1);
    lead(cluster, 1, 1, "123");
    assert_int_equal(broker->partitions_count, 0);
    step_begin(cluster, 1);
    isr_broker_activate(broker);
    step_end(cluster, 1);
    assert_int_equal(at(cluster, 1)->role, ISR_ROLE_LEADER); /* from the image */
    cluster_free(cluster);
}

static void tells_the_cause_when_an_epoch_begins(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = cluster_new(&spec);
    PARTITION(cluster, .leader = 1, .leader_epoch = 4, .partition_epoch = 4, .replicas = "123", .isr = "12",
              .cause = ISR_CAUSE_ELECTION_ELR);
    assert_int_equal(last_seen(cluster, 1, ISR_OBSERVED_BECAME_LEADER)->became_leader.cause,
                     ISR_CAUSE_ELECTION_ELR);
    assert_int_equal(last_seen(cluster, 2, ISR_OBSERVED_BECAME_FOLLOWER)->became_follower.cause,
                     ISR_CAUSE_ELECTION_ELR);
    assert_int_equal(last_seen(cluster, 1, ISR_OBSERVED_EPOCH_ASSIGNED)->epoch_assigned.cause,
                     ISR_CAUSE_BECAME_LEADER);
    produce(cluster, 1, -1, 2);
    settle(cluster);
    const struct isr_observation *seen = last_seen(cluster, 2, ISR_OBSERVED_EPOCH_ASSIGNED);
    assert_int_equal(seen->epoch_assigned.leader_epoch, 4);
    assert_int_equal(seen->epoch_assigned.cause, ISR_CAUSE_LEADER_TOLD);
    cluster_free(cluster);
}

static void enters_the_epoch_and_knows_no_follower_when_it_becomes_leader(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = cluster_new(&spec);
    isolate(cluster, 1, true);
    lead(cluster, 1, 4, "12");
    const struct isr_partition *partition = at(cluster, 1);
    assert_int_equal(isr_log_last_epoch(partition->log), 4); /* KAFKA-7415 */
    assert_int_equal(partition->epoch_start, 0);
    assert_int_equal(partition->remotes_count, 2);
    assert_int_equal(partition->remotes[0].log_end, ISR_OFFSET_NONE);
    assert_int_equal(partition->remotes[0].last_caught_up_ns, cluster->now_ns);
    assert_int_equal(partition->remotes[1].last_caught_up_ns, ISR_NEVER_CAUGHT_UP);
    const struct isr_observation *seen = last_seen(cluster, 1, ISR_OBSERVED_BECAME_LEADER);
    assert_int_equal(seen->became_leader.leader_epoch, 4);
    assert_int_equal(cluster->nodes[1].env.metrics.leader_elections, 1);
    assert_int_equal(cluster->nodes[1].env.metrics.partitions_led, 1);
    lead(cluster, 2, 5, "12");
    assert_int_equal(cluster->nodes[1].env.metrics.partitions_led, 0);
    assert_int_equal(at(cluster, 1)->isr.count, 0);
    assert_int_equal(last_seen(cluster, 1, ISR_OBSERVED_BECAME_FOLLOWER)->became_follower.leader, 2);
    cluster_free(cluster);
}

static void ignores_older_records(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = cluster_new(&spec);
    lead(cluster, 1, 4, "123");
    lead(cluster, 2, 3, "123");
    assert_int_equal(at(cluster, 1)->role, ISR_ROLE_LEADER);
    assert_int_equal(at(cluster, 2)->leader, 1);
    PARTITION(cluster, .leader = 2, .leader_epoch = 3, .partition_epoch = 9, .replicas = "123", .isr = "123");
    assert_int_equal(at(cluster, 1)->role, ISR_ROLE_LEADER);
    PARTITION(cluster, .leader = 1, .leader_epoch = 4, .partition_epoch = 3, .replicas = "123", .isr = "12");
    assert_set(at(cluster, 1)->isr, "123"); /* of the same leader epoch, but older */
    PARTITION(cluster, .leader = 3, .leader_epoch = 4, .partition_epoch = 3, .replicas = "123", .isr = "123");
    assert_int_equal(at(cluster, 2)->leader, 1);
    cluster_free(cluster);
}

/* Partition.makeLeader: nobody else's fetch would move it. */
static void commits_what_it_holds_when_it_leads_alone(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.min_isr = 1;
    struct cluster *cluster = cluster_new(&spec);
    lead(cluster, 1, 1, "12");
    isolate(cluster, 2, true);
    produce(cluster, 1, 1, 3);
    settle(cluster);
    assert_int_equal(mark_of(cluster, 1), 0);
    lead(cluster, 1, 2, "1");
    assert_int_equal(mark_of(cluster, 1), 3);
    cluster_free(cluster);
}

/* KAFKA-15583 with fewer replicas than min ISR: then all of them suffice. */
static void needs_no_more_replicas_than_there_are(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.min_isr = 3;
    struct cluster *cluster = cluster_new(&spec);
    PARTITION(cluster, .leader = 1, .leader_epoch = 1, .partition_epoch = 1, .replicas = "12", .isr = "12");
    uint32_t id = produce(cluster, 1, -1, 2);
    settle(cluster);
    assert_produced(cluster, id, 0);
    assert_int_equal(mark_of(cluster, 1), 2);
    cluster_free(cluster);
}

static void waits_for_every_isr_member_to_fetch_in_the_new_epoch(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = cluster_new(&spec);
    lead(cluster, 1, 1, "123");
    produce(cluster, 1, 0, 4);
    settle(cluster);
    isolate(cluster, 3, true);
    lead(cluster, 2, 2, "123");
    produce(cluster, 2, 0, 1);
    pass(cluster, ISR_SECOND);
    assert_int_equal(end_of(cluster, 1), 5);
    assert_int_equal(mark_of(cluster, 2), 4); /* what it had heard as follower */
    isolate(cluster, 3, false);
    pass(cluster, 5 * ISR_SECOND);
    assert_int_equal(mark_of(cluster, 2), 5);
    cluster_free(cluster);
}

/* Re-elected with no leader in between: what ISR members acknowledged stands, others must fetch again. With
 * an epoch that it did not hear of, somebody else may have led and made them cut their logs. */
static void keeps_the_ends_of_isr_members_when_it_goes_on_leading(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = cluster_new(&spec);
    lead(cluster, 1, 1, "123");
    produce(cluster, 1, 0, 4);
    settle(cluster);
    for (int32_t id = 1; id <= 3; id++)
        isolate(cluster, id, true);
    lead(cluster, 1, 2, "12");
    assert_int_equal(isr_partition_remote(at(cluster, 1), 2)->log_end, 4);
    assert_int_equal(isr_partition_remote(at(cluster, 1), 3)->log_end, ISR_OFFSET_NONE);
    lead(cluster, 1, 4, "12");
    assert_int_equal(isr_partition_remote(at(cluster, 1), 2)->log_end, ISR_OFFSET_NONE);
    cluster_free(cluster);
}

static void follows_nobody_while_there_is_no_leader(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = cluster_new(&spec);
    lead(cluster, 1, 1, "123");
    settle(cluster);
    lead(cluster, ISR_NODE_NONE, 2, "123");
    for (int32_t id = 1; id <= 3; id++) {
        assert_int_equal(at(cluster, id)->role, ISR_ROLE_FOLLOWER);
        assert_null(at(cluster, id)->fetching->loop);
    }
    uint32_t id = produce(cluster, 1, 1, 1);
    settle(cluster);
    assert_refused(cluster, id, ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    lead(cluster, 3, 3, "123");
    produce(cluster, 3, 0, 1);
    settle(cluster);
    assert_int_equal(mark_of(cluster, 1), 1);
    cluster_free(cluster);
}

static void gives_up_its_role_and_its_log_when_it_is_no_replica_any_more(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = cluster_new(&spec);
    lead(cluster, 1, 1, "123");
    settle(cluster);
    PARTITION(cluster, .leader = 2, .leader_epoch = 2, .partition_epoch = 2, .replicas = "23", .isr = "23");
    assert_null(isr_broker_partition(&cluster->nodes[1].broker, TP));
    assert_int_equal(cluster->nodes[1].broker.store->logs_count, 0);
    assert_int_equal(consume(cluster, 1, 0)->error, ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    cluster_free(cluster);
}

static void leaves_nothing_behind_when_it_stops(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.partitions = 3;
    struct cluster *cluster = cluster_new(&spec);
    for (uint16_t i = 0; i < 3; i++)
        PARTITION(cluster, .leader = i + 1, .leader_epoch = 1, .partition_epoch = 1, .replicas = "123",
                  .isr = "123", .index = i);
    settle(cluster);
    isolate(cluster, 1, true);
    uint32_t id = produce(cluster, 1, -1, 1);
    settle(cluster);
    step_begin(cluster, 1);
    isr_broker_stop(&cluster->nodes[1].broker);
    step_end(cluster, 1);
    settle(cluster);
    assert_refused(cluster, id, ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    const struct isr_broker *broker = &cluster->nodes[1].broker;
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(broker->partitions[i]->role, ISR_ROLE_NONE);
    assert_int_equal(broker->env->metrics.partitions_led, 0);
    const struct isr_timers *timers = &broker->env->timers;
    for (uint32_t i = 0; i < timers->count; i++) /* what is left belongs to the store */
        assert_ptr_equal(timers->items[i], &cluster->nodes[1].store.checkpoint_timer);
    cluster_free(cluster);
}

static void finds_partitions_in_order(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.partitions = 40;
    struct cluster *cluster = cluster_new(&spec);
    struct isr_broker *broker = &cluster->nodes[1].broker;
    for (uint16_t i = 0; i < 40; i++)
        PARTITION(cluster, .leader = i % 3 + 1, .leader_epoch = 1, .partition_epoch = 1, .replicas = "123",
                  .isr = "123", .index = i);
    assert_int_equal(broker->partitions_count, 40);
    for (uint16_t i = 0; i < 40; i++) {
        struct isr_partition *partition = isr_broker_partition(broker, (struct isr_tp){1, i});
        assert_int_equal(partition->tp.index, i);
        assert_ptr_equal(partition, broker->partitions[i]);
    }
    assert_null(isr_broker_partition(broker, (struct isr_tp){1, 40}));
    assert_null(isr_broker_partition(broker, (struct isr_tp){0, 3}));
    uint64_t digest = isr_broker_digest(broker, 0);
    assert_true(digest == isr_broker_digest(broker, 0));
    produce(cluster, 1, 0, 1);
    settle(cluster);
    assert_false(digest == isr_broker_digest(broker, 0));
    cluster_free(cluster);
}

/* ---- random histories ---- */

/* A controller of a few lines: it accepts what the leader asks for when epochs fit, elects from the ISR only,
 * and keeps at least two members. Held against it: what was acknowledged with acks=all, and what any high
 * watermark covered, is in every later leader's log; logs agree below both high watermarks (I1, I2, I3). */
struct history {
    struct cluster *cluster;
    struct test_random random;
    int32_t leader, leader_epoch, partition_epoch;
    struct isr_replicas isr;
    uint32_t committed_crc[4096]; /* by offset; what some high watermark covered */
    int64_t committed_end;
    uint32_t answered; /* of the controller's inbox */
};

static void publish(struct history *history)
{
    struct isr_metadata_record record = {.kind = ISR_METADATA_PARTITION,
                                         .partition_record = {.tp = TP,
                                                              .leader = (int16_t)history->leader,
                                                              .leader_epoch = history->leader_epoch,
                                                              .partition_epoch = ++history->partition_epoch,
                                                              .replicas = replicas("123"),
                                                              .isr = history->isr}};
    metadata(history->cluster, &record);
}

static void answer_asked(struct history *history)
{
    struct cluster *cluster = history->cluster;
    while (history->answered < cluster->controller_count) {
        const struct isr_alter_partition_request *asked =
            &cluster->controller[history->answered].alter_partition_request;
        int32_t from = cluster->controller_from[history->answered++];
        bool fits = asked->leader_epoch == history->leader_epoch &&
                    asked->partition_epoch == history->partition_epoch && from == history->leader;
        if (fits) {
            history->isr = members_of(asked);
            publish(history); /* some learn it from the record first, and get no answer */
        }
        if (test_random_chance(&history->random, 2))
            continue;
        struct isr_message message = {
            .kind = ISR_MESSAGE_ALTER_PARTITION_RESPONSE,
            .alter_partition_response = {.correlation = asked->correlation,
                                         .tp = TP,
                                         .error = fits ? ISR_ERROR_NONE : ISR_ERROR_INVALID_UPDATE_VERSION,
                                         .leader = (int16_t)history->leader,
                                         .leader_epoch = history->leader_epoch,
                                         .partition_epoch = history->partition_epoch,
                                         .isr = history->isr}};
        request(cluster, CONTROLLER, from, &message);
    }
    history->answered = cluster->controller_count = 0;
    cluster->client_count = 0;
}

static void check_history(struct history *history)
{
    struct cluster *cluster = history->cluster;
    for (int32_t id = 1; id <= 3; id++) {
        const struct isr_partition *partition = at(cluster, id);
        for (int64_t offset = 0; offset < partition->log->high_watermark; offset++) {
            uint32_t crc = isr_log_batch_at(partition->log, offset)->crc;
            if (offset == history->committed_end)
                history->committed_crc[history->committed_end++] = crc;
            assert_int_equal(crc, history->committed_crc[offset]);
        }
    }
    const struct isr_log *log = at(cluster, history->leader)->log;
    assert_true(log->log_end >= history->committed_end);
    for (int64_t offset = 0; offset < history->committed_end; offset++)
        assert_int_equal(isr_log_batch_at(log, offset)->crc, history->committed_crc[offset]);
    for (unsigned i = 0; i < history->isr.count; i++)
        assert_true(at(cluster, history->isr.ids[i])->log->log_end >= history->committed_end);
}

static void elect(struct history *history)
{
    history->leader = history->isr.ids[test_random_below(&history->random, history->isr.count)];
    history->leader_epoch++;
    publish(history);
}

static void act(struct history *history)
{
    struct cluster *cluster = history->cluster;
    struct test_random *random = &history->random;
    int32_t id = (int32_t)test_random_below(random, 3) + 1;
    switch (test_random_below(random, 8)) {
    case 0:
        elect(history);
        break;
    case 1:
        isolate(cluster, id, test_random_chance(random, 2));
        break;
    case 2:
        cluster->nodes[id].disk_held = test_random_chance(random, 2);
        break;
    case 3:
        pass(cluster, (int64_t)test_random_below(random, 3000) * ISR_MS);
        break;
    default:
        if (history->committed_end < 4000)
            produce(cluster, history->leader, test_random_chance(random, 2) ? -1 : 0,
                    1 + test_random_below(random, 3));
        break;
    }
    for (uint32_t i = test_random_below(random, 30); i > 0 && happen(cluster); i--)
        continue;
    answer_asked(history);
    for (int32_t node = 1; node <= 3; node++)
        cluster->nodes[node].seen_count = 0;
}

static void loses_nothing_committed_in_random_histories(void **state)
{
    (void)state;
    int64_t committed = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct cluster_spec spec = standard();
        spec.min_isr = 1;
        spec.config.replica_lag_time_max = 2 * ISR_SECOND;
        spec.config.truncation_by_query = seed % 2;
        spec.config.fetch_max_bytes = seed % 3 == 0 ? 100 : 1 << 20;
        struct history history = {
            .cluster = cluster_new(&spec), .random.state = seed, .isr = replicas("123")};
        elect(&history);
        for (unsigned i = 0; i < 150; i++) {
            act(&history);
            check_history(&history);
        }
        for (int32_t id = 1; id <= 3; id++) {
            isolate(history.cluster, id, false);
            history.cluster->nodes[id].disk_held = false;
        }
        for (unsigned i = 0; i < 40; i++) {
            pass(history.cluster, ISR_SECOND);
            answer_asked(&history);
            for (int32_t node = 1; node <= 3; node++)
                history.cluster->nodes[node].seen_count = 0;
        }
        check_history(&history);
        assert_int_equal(history.isr.count, 3); /* L1 */
        for (int32_t id = 1; id <= 3; id++)
            assert_int_equal(mark_of(history.cluster, id), end_of(history.cluster, history.leader));
        committed += history.committed_end;
        cluster_free(history.cluster);
    }
    assert_true(committed > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_no_role_before_it_is_active),
        cmocka_unit_test(tells_the_cause_when_an_epoch_begins),
        cmocka_unit_test(enters_the_epoch_and_knows_no_follower_when_it_becomes_leader),
        cmocka_unit_test(ignores_older_records),
        cmocka_unit_test(commits_what_it_holds_when_it_leads_alone),
        cmocka_unit_test(needs_no_more_replicas_than_there_are),
        cmocka_unit_test(waits_for_every_isr_member_to_fetch_in_the_new_epoch),
        cmocka_unit_test(keeps_the_ends_of_isr_members_when_it_goes_on_leading),
        cmocka_unit_test(follows_nobody_while_there_is_no_leader),
        cmocka_unit_test(gives_up_its_role_and_its_log_when_it_is_no_replica_any_more),
        cmocka_unit_test(leaves_nothing_behind_when_it_stops),
        cmocka_unit_test(finds_partitions_in_order),
        cmocka_unit_test(loses_nothing_committed_in_random_histories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
