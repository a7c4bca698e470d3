/* Rules of truncation and of its fences that history got wrong: each as it is, and as it was. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/base/yield.h"
#include "core/broker/tests/harness.h"

static void isolate_all(struct cluster *cluster, bool cut)
{
    for (int32_t id = 1; id <= 3; id++)
        isolate(cluster, id, cut);
}

/* 0: none */
static uint32_t crc_at(struct cluster *cluster, int32_t id, int64_t offset)
{
    const struct isr_batch_place *place = isr_log_batch_at(at(cluster, id)->log, offset);
    return place != NULL ? place->crc : 0;
}

/* ---- KAFKA-7164 ---- */

/* Broker 3 hears of epochs 1 and 3, both led by 1, which cut its log in epoch 2. */
static struct cluster *leader_again(uint8_t refetch_on, int64_t by_query)
{
    struct cluster_spec spec = standard();
    spec.rules.refetch_on = refetch_on;
    spec.config.truncation_by_query = by_query;
    struct cluster *cluster = cluster_new(&spec);
    lead(cluster, 1, 1, "123");
    isolate(cluster, 2, true);
    write_as(cluster, 1, 0, 3);
    assert_int_equal(end_of(cluster, 3), 3);
    isolate(cluster, 2, false);
    isolate(cluster, 3, true);
    for (int32_t id = 1; id <= 2; id++)
        PARTITION_TO(cluster, id, .leader = 2, .leader_epoch = 2, .partition_epoch = 2, .replicas = "123",
                     .isr = "123");
    pass(cluster, 10 * ISR_SECOND);
    lead(cluster, 1, 3, "123");
    write_as(cluster, 1, 0, 4);
    isolate(cluster, 3, false);
    pass(cluster, 10 * ISR_SECOND);
    assert_int_equal(end_of(cluster, 3), 4);
    return cluster;
}

static void keeps_what_its_leader_cut_only_when_rule_refetch_on_is_leader_change(void **state)
{
    (void)state;
    for (uint8_t wrong = 0; wrong <= 1; wrong++) {
        struct cluster *cluster = leader_again(wrong, 1);
        assert_int_equal(crc_at(cluster, 3, 0) == crc_at(cluster, 1, 0), !wrong);
        assert_int_equal(crc_at(cluster, 3, 3), crc_at(cluster, 1, 3));
        assert_int_equal(at(cluster, 3)->leader_epoch, 3);
        cluster_free(cluster);
    }
}

/* KIP-595: each fetch tells the last epoch. */
static void is_told_by_the_fetch_although_rule_refetch_on_is_leader_change(void **state)
{
    (void)state;
    struct cluster *cluster = leader_again(ISR_RULE_refetch_on_leader_change, 0);
    assert_int_equal(crc_at(cluster, 3, 0), crc_at(cluster, 1, 0));
    cluster_free(cluster);
}

/* A yield point: the fetcher is not in a loop yet when the epoch moves. */
static void begins_in_the_epoch_that_moved_while_it_stood_at_its_start(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.rules.refetch_on = ISR_RULE_refetch_on_leader_change;
    spec.config.yield_time_max = ISR_SECOND;
    struct cluster *cluster = cluster_new(&spec);
    cluster->nodes[3].env.yields = UINT32_C(1) << ISR_YIELD_FOLLOWER_START;
    lead(cluster, 1, 1, "123");
    assert_null(at(cluster, 3)->fetching->loop);
    lead(cluster, 1, 2, "123");
    assert_null(at(cluster, 3)->fetching->loop);
    write_as(cluster, 1, 0, 2);
    pass(cluster, 2 * ISR_SECOND);
    assert_int_equal(end_of(cluster, 3), 2);
    assert_int_equal(at(cluster, 3)->leader_epoch, 2);
    cluster_free(cluster);
}

/* ---- KIP-279 ---- */

/* Common: [0,2) of epoch 1. Broker 1 alone: [2,5) of epoch 2, then of epoch 4. Broker 2 alone: [2,5) of epoch
 * 3, which broker 1 never hears of. */
static void keeps_foreign_records_only_when_rule_ofle_reply_is_offset_only(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        uint8_t wrong = i & 1;
        struct cluster_spec spec = standard();
        spec.min_isr = 1;
        spec.config.truncation_by_query = i >> 1;
        spec.rules.ofle_reply = wrong;
        struct cluster *cluster = cluster_new(&spec);
        lead(cluster, 1, 1, "123");
        write_as(cluster, 1, 0, 2);
        isolate_all(cluster, true);
        lead(cluster, 1, 2, "1");
        write_as(cluster, 1, 0, 3);
        lead(cluster, 2, 3, "2"); /* unclean */
        write_as(cluster, 2, 0, 3);
        lead(cluster, 1, 4, "1"); /* unclean */
        write_as(cluster, 1, 0, 2);
        isolate_all(cluster, false);
        pass(cluster, 20 * ISR_SECOND);
        assert_int_equal(end_of(cluster, 2), 7);
        assert_int_equal(crc_at(cluster, 2, 2) == crc_at(cluster, 1, 2), !wrong);
        assert_int_equal(crc_at(cluster, 2, 5), crc_at(cluster, 1, 5));
        cluster_free(cluster);
    }
}

/* ---- KAFKA-7415 ---- */

/* Broker 3 has [0,2) of epoch 1, broker 2 also [2,4) of epoch 2, and leads no more. */
static struct cluster *led_without_a_record(const struct cluster_spec *spec)
{
    struct cluster *cluster = cluster_new(spec);
    lead(cluster, 1, 1, "123");
    write_as(cluster, 1, 0, 2);
    isolate_all(cluster, true);
    lead(cluster, 2, 2, "123");
    write_as(cluster, 2, 0, 2);
    step_begin(cluster, 2); /* as if it had not heard of it */
    isr_log_set_high_watermark(at(cluster, 2)->log, 1);
    step_end(cluster, 2);
    lead(cluster, 3, 3, "123");
    return cluster;
}

static void notes_its_epoch_before_its_first_record_unless_told_otherwise(void **state)
{
    (void)state;
    for (uint8_t wrong = 0; wrong <= 1; wrong++) {
        struct cluster_spec spec = standard();
        spec.rules.assign_epoch_on_leader = wrong;
        struct cluster *cluster = led_without_a_record(&spec);
        assert_int_equal(isr_log_last_epoch(at(cluster, 3)->log), wrong ? 1 : 3);
        assert_int_equal(isr_log_epoch_end(at(cluster, 3)->log, 2).epoch, wrong ? ISR_EPOCH_NONE : 1);
        cluster->cut[3][2] = true; /* what it writes later is no help */
        write_as(cluster, 3, 0, 1);
        assert_int_equal(isr_log_last_epoch(at(cluster, 3)->log), 3);
        assert_int_equal(isr_log_epoch_end(at(cluster, 3)->log, 2).end_offset, 2);
        cluster_free(cluster);
    }
}

static void asks_until_its_leader_knows_of_later_epochs(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.config.truncation_by_query = 1;
    spec.rules.assign_epoch_on_leader = ISR_RULE_assign_epoch_on_leader_off;
    struct cluster *cluster = led_without_a_record(&spec);
    isolate_all(cluster, false);
    pass(cluster, 10 * ISR_SECOND);
    assert_int_equal(end_of(cluster, 2), 4);
    assert_int_equal(at(cluster, 2)->fetching->state, ISR_FETCH_QUERY);
    assert_true(at(cluster, 2)->fetching->failures > 5);
    write_as(cluster, 3, 0, 1);
    pass(cluster, 2 * ISR_SECOND);
    assert_int_equal(end_of(cluster, 2), 3);
    assert_int_equal(crc_at(cluster, 2, 2), crc_at(cluster, 3, 2));
    cluster_free(cluster);
}

static void cuts_to_its_high_watermark_only_when_rule_unknown_epoch_says_so(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.config.truncation_by_query = 1;
    spec.rules.assign_epoch_on_leader = ISR_RULE_assign_epoch_on_leader_off;
    spec.rules.unknown_epoch = ISR_RULE_unknown_epoch_cuts_to_hw;
    struct cluster *cluster = led_without_a_record(&spec);
    isolate_all(cluster, false);
    pass(cluster, 10 * ISR_SECOND);
    const struct isr_observation *seen = last_seen(cluster, 2, ISR_OBSERVED_LOG_TRUNCATED);
    assert_int_equal(seen->log_truncated.to, 1);
    assert_int_equal(seen->log_truncated.cause, ISR_CAUSE_TRUNCATED_TO_HW);
    assert_int_equal(end_of(cluster, 2), 2); /* fetched again */
    cluster_free(cluster);
}

/* ---- KIP-320 ---- */

/* Broker 1 leads in epoch 3; what a replica in epoch 2 fetches. */
static void counts_a_fetch_of_another_epoch_only_when_rule_fence_fetch_is_off(void **state)
{
    (void)state;
    for (uint8_t wrong = 0; wrong <= 1; wrong++) {
        struct cluster_spec spec = standard();
        spec.rules.fence_fetch = wrong;
        struct cluster *cluster = cluster_with_played_broker(&spec);
        lead(cluster, 1, 3, "123");
        settle(cluster);
        produce(cluster, 1, 1, 5);
        settle(cluster);
        uint32_t late =
            fetch_with(cluster, 1,
                       (struct fetch_spec){.from = 3,
                                           .replica_epoch = cluster->nodes[1].broker.image.brokers[3].epoch,
                                           .epoch = 2,
                                           .offset = 5,
                                           .last_epoch = -1});
        settle(cluster);
        assert_int_equal(fetched(cluster, late, 0)->error,
                         wrong ? ISR_ERROR_NONE : ISR_ERROR_FENCED_LEADER_EPOCH);
        assert_int_equal(mark_of(cluster, 1), wrong ? 5 : 0);
        cluster_free(cluster);
    }
}

/* ---- KAFKA-13141 ---- */

static void counts_a_fetch_that_diverges_only_when_told_to(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        uint8_t wrong = i & 1;
        struct cluster_spec spec = standard();
        spec.rules.fetch_state_on_diverging = wrong;
        spec.settings.transfer = i >> 1; /* pulled, pushed */
        struct cluster *cluster = cluster_with_played_broker(&spec);
        lead(cluster, 1, 3, "123");
        settle(cluster);
        produce(cluster, 1, 1, 5);
        settle(cluster);
        int64_t broker_epoch = cluster->nodes[1].broker.image.brokers[3].epoch;
        struct isr_fetch_partition stand = {
            .tp = TP, .current_leader_epoch = 3, .fetch_offset = 5, .last_fetched_epoch = 2};
        struct isr_message told = {.kind = ISR_MESSAGE_PUSH_RESPONSE,
                                   .push_response = {.correlation = 0,
                                                     .replica_epoch = broker_epoch,
                                                     .partitions = &stand,
                                                     .partitions_count = 1}};
        if (i >> 1)
            request(cluster, 3, 1, &told);
        else
            fetch_with(
                cluster, 1,
                (struct fetch_spec){
                    .from = 3, .replica_epoch = broker_epoch, .epoch = 3, .offset = 5, .last_epoch = 2});
        settle(cluster);
        assert_int_equal(cluster->nodes[1].env.metrics.fetch_divergences, 1);
        assert_int_equal(isr_partition_remote(at(cluster, 1), 3)->log_end, wrong ? 5 : ISR_OFFSET_NONE);
        assert_int_equal(mark_of(cluster, 1), wrong ? 5 : 0);
        cluster_free(cluster);
    }
}

/* ---- KAFKA-14704 ---- */

/* Broker 2 has [0,3), of which broker 3, played by the test, says that [1,3) is another history, and that 9
 * are committed. A consumer waits at broker 2. */
static void shows_what_it_is_to_cut_only_when_rule_hw_before_truncate_is_on(void **state)
{
    (void)state;
    for (uint8_t wrong = 0; wrong <= 1; wrong++) {
        struct cluster_spec spec = standard();
        spec.rules.hw_before_truncate = wrong;
        struct cluster *cluster = cluster_with_played_broker(&spec);
        PARTITION(cluster, .leader = 2, .leader_epoch = 1, .partition_epoch = 1, .replicas = "23",
                  .isr = "23");
        write_as(cluster, 2, 0, 3);
        PARTITION(cluster, .leader = 3, .leader_epoch = 2, .partition_epoch = 2, .replicas = "23",
                  .isr = "3");
        settle(cluster);
        uint32_t reads = fetch_with(
            cluster, 2,
            (struct fetch_spec){
                .epoch = -1, .last_epoch = -1, .rack = FAR_RACK, .wait_ns = ISR_SECOND, .min_bytes = 1});
        settle(cluster);
        assert_null(fetched(cluster, reads, 0));
        uint32_t asked = 0;
        for (uint32_t i = 0; i < cluster->client_count; i++) {
            if (cluster->client[i].kind == ISR_MESSAGE_FETCH_REQUEST)
                asked = cluster->client[i].fetch_request.correlation;
        }
        struct isr_fetch_answer answer = {
            .tp = TP, .diverging_epoch = 1, .diverging_end = 1, .high_watermark = 9};
        struct isr_message diverged = {
            .kind = ISR_MESSAGE_FETCH_RESPONSE,
            .fetch_response = {.correlation = asked, .partitions = &answer, .partitions_count = 1}};
        request(cluster, 3, 2, &diverged);
        settle(cluster);
        assert_int_equal(end_of(cluster, 2), 1);
        assert_int_equal(mark_of(cluster, 2), wrong ? 1 : 0);
        assert_int_equal(fetched(cluster, reads, 0)->records.size > 0, wrong);
        cluster_free(cluster);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_its_leader_cut_only_when_rule_refetch_on_is_leader_change),
        cmocka_unit_test(is_told_by_the_fetch_although_rule_refetch_on_is_leader_change),
        cmocka_unit_test(begins_in_the_epoch_that_moved_while_it_stood_at_its_start),
        cmocka_unit_test(keeps_foreign_records_only_when_rule_ofle_reply_is_offset_only),
        cmocka_unit_test(notes_its_epoch_before_its_first_record_unless_told_otherwise),
        cmocka_unit_test(asks_until_its_leader_knows_of_later_epochs),
        cmocka_unit_test(cuts_to_its_high_watermark_only_when_rule_unknown_epoch_says_so),
        cmocka_unit_test(counts_a_fetch_of_another_epoch_only_when_rule_fence_fetch_is_off),
        cmocka_unit_test(counts_a_fetch_that_diverges_only_when_told_to),
        cmocka_unit_test(shows_what_it_is_to_cut_only_when_rule_hw_before_truncate_is_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
