#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/broker/tests/harness.h"
#include "core/log/checkpoint.h"

static bool logs_equal(struct cluster *cluster, int32_t a, int32_t b)
{
    const struct isr_log *one = at(cluster, a)->log, *other = at(cluster, b)->log;
    if (one->log_end != other->log_end)
        return false;
    int64_t start = one->log_start > other->log_start ? one->log_start : other->log_start;
    for (int64_t offset = start; offset < one->log_end; offset++) {
        if (isr_log_batch_at(one, offset)->crc != isr_log_batch_at(other, offset)->crc ||
            isr_log_batch_at(one, offset)->leader_epoch != isr_log_batch_at(other, offset)->leader_epoch)
            return false;
    }
    return true;
}

static void assert_all_equal(struct cluster *cluster, int64_t log_end)
{
    assert_int_equal(end_of(cluster, 1), log_end);
    assert_true(logs_equal(cluster, 1, 2));
    assert_true(logs_equal(cluster, 1, 3));
    for (int32_t id = 1; id <= 3; id++)
        assert_int_equal(mark_of(cluster, id), log_end);
}

/* ---- divergence ---- */

static void cuts_what_the_leader_never_had(void **state)
{
    (void)state;
    for (int64_t by_query = 0; by_query <= 1; by_query++) {
        struct cluster_spec spec = standard();
        spec.config.truncation_by_query = by_query;
        struct cluster *cluster = cluster_new(&spec);
        lead(cluster, 1, 1, "123");
        write_as(cluster, 1, 0, 5);
        isolate(cluster, 1, true);
        write_as(cluster, 1, 0, 3);
        assert_int_equal(end_of(cluster, 1), 8);
        lead(cluster, 2, 2, "23");
        write_as(cluster, 2, 0, 4);
        isolate(cluster, 1, false);
        pass(cluster, 10 * ISR_SECOND);
        assert_all_equal(cluster, 9);
        const struct isr_observation *seen = last_seen(cluster, 1, ISR_OBSERVED_LOG_TRUNCATED);
        assert_int_equal(seen->log_truncated.to, 5);
        assert_int_equal(seen->log_truncated.cause, by_query ? ISR_CAUSE_EPOCH_QUERY : ISR_CAUSE_DIVERGENCE);
        assert_int_equal(cluster->nodes[2].env.metrics.fetch_divergences, by_query ? 0 : 1);
        cluster_free(cluster);
    }
}

/* KIP-279: the leader answers with an epoch that the follower never had; one answer is not enough. Common:
 * [0,2) of epoch 1. Broker 1 alone: [2,6) of epoch 2. Broker 2 alone: [2,5) of epoch 3. Broker 1 leads again
 * in epoch 4. */
static void asks_again_when_it_does_not_know_the_answered_epoch(void **state)
{
    (void)state;
    for (int64_t by_query = 0; by_query <= 1; by_query++) {
        struct cluster_spec spec = standard();
        spec.min_isr = 1;
        spec.config.truncation_by_query = by_query;
        struct cluster *cluster = cluster_new(&spec);
        lead(cluster, 1, 1, "123");
        write_as(cluster, 1, 0, 2);
        for (int32_t id = 1; id <= 3; id++)
            isolate(cluster, id, true);
        lead(cluster, 1, 2, "1");
        write_as(cluster, 1, 0, 4);
        lead(cluster, 2, 3, "2"); /* unclean */
        write_as(cluster, 2, 0, 3);
        lead(cluster, 1, 4, "1"); /* unclean */
        write_as(cluster, 1, 0, 2);
        assert_int_equal(end_of(cluster, 1), 8);
        assert_int_equal(end_of(cluster, 2), 5);
        for (int32_t id = 1; id <= 3; id++)
            isolate(cluster, id, false);
        pass(cluster, 20 * ISR_SECOND);
        assert_all_equal(cluster, 8);
        assert_int_equal(last_seen(cluster, 2, ISR_OBSERVED_LOG_TRUNCATED)->log_truncated.to, 2);
        cluster_free(cluster);
    }
}

static void forgets_an_epoch_that_it_led_without_a_record(void **state)
{
    (void)state;
    for (int64_t by_query = 0; by_query <= 1; by_query++) {
        struct cluster_spec spec = standard();
        spec.config.truncation_by_query = by_query;
        struct cluster *cluster = cluster_new(&spec);
        lead(cluster, 1, 1, "123");
        write_as(cluster, 1, 0, 5);
        isolate(cluster, 1, true);
        lead(cluster, 1, 2, "123"); /* nobody else hears of a record of it: there is none */
        assert_int_equal(isr_log_last_epoch(at(cluster, 1)->log), 2); /* KAFKA-7415 */
        isolate(cluster, 1, false);
        lead(cluster, 2, 3, "123");
        pass(cluster, 10 * ISR_SECOND);
        write_as(cluster, 2, 0, 2);
        pass(cluster, ISR_SECOND);
        assert_all_equal(cluster, 7);
        assert_int_equal(at(cluster, 1)->log->epochs.count, 2);
        assert_null(last_seen(cluster, 1, ISR_OBSERVED_LOG_TRUNCATED));
        cluster_free(cluster);
    }
}

/* KAFKA-7164: broker 3 misses epoch 2 and sees the same leader in epochs 1 and 3. */
static void looks_for_divergence_when_the_same_leader_leads_a_new_epoch(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = cluster_new(&spec);
    lead(cluster, 1, 1, "123");
    isolate(cluster, 2, true);
    write_as(cluster, 1, 0, 3); /* 1 and 3 hold them; not committed */
    isolate(cluster, 2, false);
    isolate(cluster, 3, true);
    for (int32_t id = 1; id <= 2; id++)
        PARTITION_TO(cluster, id, .leader = 2, .leader_epoch = 2, .partition_epoch = 2, .replicas = "123",
                     .isr = "123");
    pass(cluster, 10 * ISR_SECOND);
    assert_int_equal(end_of(cluster, 1), 0);
    lead(cluster, 1, 3, "123");
    write_as(cluster, 1, 0, 4);
    isolate(cluster, 3, false);
    pass(cluster, 10 * ISR_SECOND);
    assert_all_equal(cluster, 4);
    cluster_free(cluster);
}

/* ---- the wrong rule ---- */

/* Exhibit KIP-101a: broker 2 holds what is committed, but has not heard so. */
static void cuts_committed_records_only_when_rule_trunc_is_hw(void **state)
{
    (void)state;
    for (uint8_t wrong = 0; wrong <= 1; wrong++) {
        struct cluster_spec spec = standard();
        spec.rules.trunc = wrong;
        struct cluster *cluster = cluster_new(&spec);
        lead(cluster, 1, 1, "123");
        settle(cluster);
        cluster->cut[1][2] = true; /* the answers to 2 are lost from its acknowledgement on */
        cluster->cut[1][3] = true;
        write_as(cluster, 1, 0, 3);
        cluster->cut[1][3] = false;
        pass(cluster, 5 * ISR_SECOND);
        cluster->cut[1][2] = false;
        for (unsigned i = 0; i < 100 && end_of(cluster, 2) == 0; i++)
            pass(cluster, 100 * ISR_MS);
        step_begin(cluster, 2); /* as it was before the last answer */
        isr_log_set_high_watermark(at(cluster, 2)->log, 0);
        step_end(cluster, 2);
        assert_int_equal(mark_of(cluster, 1), 3);
        isolate(cluster, 1, true);
        lead(cluster, 3, 2, "23");
        assert_int_equal(end_of(cluster, 2), wrong ? 0 : 3);
        if (wrong)
            assert_int_equal(last_seen(cluster, 2, ISR_OBSERVED_LOG_TRUNCATED)->log_truncated.cause,
                             ISR_CAUSE_TRUNCATED_TO_HW);
        cluster_free(cluster);
    }
}

/* Exhibit KIP-101b: as many records, but others. */
static void keeps_foreign_records_only_when_rule_trunc_is_hw(void **state)
{
    (void)state;
    for (uint8_t wrong = 0; wrong <= 1; wrong++) {
        struct cluster_spec spec = standard();
        spec.min_isr = 1;
        spec.rules.trunc = wrong;
        struct cluster *cluster = cluster_new(&spec);
        for (int32_t id = 1; id <= 3; id++)
            isolate(cluster, id, true);
        lead(cluster, 1, 1, "1");
        write_as(cluster, 1, 0, 3);
        lead(cluster, 2, 2, "2"); /* unclean */
        write_as(cluster, 2, 0, 3);
        assert_int_equal(mark_of(cluster, 1), 3);
        assert_int_equal(mark_of(cluster, 2), 3);
        for (int32_t id = 1; id <= 3; id++)
            isolate(cluster, id, false);
        pass(cluster, 10 * ISR_SECOND);
        assert_int_equal(end_of(cluster, 1), 3);
        assert_int_equal(logs_equal(cluster, 1, 2), !wrong);
        assert_true(logs_equal(cluster, 3, 2));
        cluster_free(cluster);
    }
}

static void cuts_its_own_log_as_leader_only_when_rule_leader_trunc_is_hw(void **state)
{
    (void)state;
    for (uint8_t wrong = 0; wrong <= 1; wrong++) {
        struct cluster_spec spec = standard();
        spec.rules.leader_trunc = wrong;
        struct cluster *cluster = cluster_new(&spec);
        lead(cluster, 1, 1, "123");
        write_as(cluster, 1, 0, 3);
        step_begin(cluster, 2);
        isr_log_set_high_watermark(at(cluster, 2)->log, 1);
        step_end(cluster, 2);
        lead(cluster, 2, 2, "123");
        assert_int_equal(at(cluster, 2)->epoch_start, wrong ? 1 : 3);
        assert_int_equal(end_of(cluster, 2), wrong ? 1 : 3);
        cluster_free(cluster);
    }
}

/* ---- out of range ---- */

static void cuts_to_the_leaders_end_when_it_is_out_of_range(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.min_isr = 1;
    spec.rules.trunc = ISR_RULE_trunc_hw; /* else divergence is found before */
    struct cluster *cluster = cluster_new(&spec);
    for (int32_t id = 1; id <= 3; id++)
        isolate(cluster, id, true);
    lead(cluster, 1, 1, "1");
    write_as(cluster, 1, 0, 5);
    lead(cluster, 2, 2, "2"); /* unclean */
    write_as(cluster, 2, 0, 2);
    assert_int_equal(mark_of(cluster, 1), 5);
    for (int32_t id = 1; id <= 3; id++)
        isolate(cluster, id, false);
    pass(cluster, 10 * ISR_SECOND);
    assert_int_equal(end_of(cluster, 1), 2);
    assert_int_equal(mark_of(cluster, 1), 2);
    assert_int_equal(last_seen(cluster, 1, ISR_OBSERVED_LOG_TRUNCATED)->log_truncated.cause,
                     ISR_CAUSE_OUT_OF_RANGE);
    assert_int_equal(last_seen(cluster, 1, ISR_OBSERVED_HIGH_WATERMARK_LOWERED)->high_watermark_lowered.to,
                     2);
    cluster_free(cluster);
}

static void begins_at_the_leaders_start_when_it_holds_nothing_of_it(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = cluster_new(&spec);
    lead(cluster, ISR_NODE_NONE, 1, "123");
    step_begin(cluster, 1);
    isr_log_truncate_fully(at(cluster, 1)->log, 50, ISR_CAUSE_OUT_OF_RANGE);
    step_end(cluster, 1);
    lead(cluster, 1, 2, "1");
    write_as(cluster, 1, 0, 3);
    pass(cluster, 10 * ISR_SECOND);
    for (int32_t id = 2; id <= 3; id++) {
        assert_int_equal(at(cluster, id)->log->log_start, 50);
        assert_true(logs_equal(cluster, 1, id));
    }
    cluster_free(cluster);
}

/* Broker 1 leads epoch 2 alone, deletes what it committed there up to 5, and finds the logs of 2 and 3, who
 * share with it but offsets 0 to 2 of epoch 1. Theirs of epoch 1 ends below its start, or above it. */
static void fetches_all_anew_when_the_logs_part_below_its_start(void **state)
{
    (void)state;
    for (unsigned more = 0; more <= 3; more += 3) {
        struct cluster_spec spec = standard();
        spec.min_isr = 1;
        struct cluster *cluster = cluster_new(&spec);
        lead(cluster, 2, 1, "123");
        write_as(cluster, 2, 0, 3);
        assert_all_equal(cluster, 3);
        isolate(cluster, 1, true);
        write_as(cluster, 2, 0, more);
        lead(cluster, 1, 2, "1"); /* unclean */
        write_as(cluster, 1, 0, 4);
        assert_int_equal(mark_of(cluster, 1), 7);
        step_begin(cluster, 1);
        isr_log_advance_start(at(cluster, 1)->log, 5, ISR_CAUSE_DELETE_RECORDS);
        step_end(cluster, 1);
        settle(cluster);
        assert_int_equal(at(cluster, 1)->log->log_start, 5);
        lead(cluster, 2, 3, "23"); /* unclean */
        write_as(cluster, 2, 0, 4);
        isolate(cluster, 1, false);
        pass(cluster, 10 * ISR_SECOND);
        assert_int_equal(at(cluster, 1)->log->log_start, 0);
        assert_all_equal(cluster, 7 + more);
        cluster_free(cluster);
    }
}

/* ---- a leader played by the test: broker 3; broker 2 follows it ---- */

static struct cluster *with_played_leader(struct cluster_spec *spec)
{
    struct cluster *cluster = cluster_with_played_broker(spec);
    PARTITION(cluster, .leader = 3, .leader_epoch = 1, .partition_epoch = 1, .replicas = "23", .isr = "23");
    settle(cluster);
    return cluster;
}

static uint32_t fetches_sent(const struct cluster *cluster)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < cluster->client_count; i++)
        count += cluster->client[i].kind == ISR_MESSAGE_FETCH_REQUEST;
    return count;
}

static const struct isr_fetch_request *last_fetch(const struct cluster *cluster)
{
    for (uint32_t i = cluster->client_count; i > 0; i--) {
        if (cluster->client[i - 1].kind == ISR_MESSAGE_FETCH_REQUEST)
            return &cluster->client[i - 1].fetch_request;
    }
    fail_msg("no fetch was sent");
    return NULL;
}

static struct isr_bytes batch_at(struct cluster *cluster, int64_t offset, int32_t epoch, uint32_t records)
{
    struct isr_bytes batch =
        isr_batch_build(&cluster->scratch, -1, -1, -1, cluster->next_value++, records, 8);
    isr_batch_set_position((uint8_t *)(uintptr_t)batch.data, offset, epoch);
    return batch;
}

static void answer_fetch(struct cluster *cluster, uint32_t correlation, struct isr_fetch_answer answer)
{
    answer.tp = TP;
    if (answer.diverging_epoch == 0)
        answer.diverging_epoch = ISR_EPOCH_NONE;
    struct isr_message message = {
        .kind = ISR_MESSAGE_FETCH_RESPONSE,
        .fetch_response = {.correlation = correlation, .partitions = &answer, .partitions_count = 1}};
    request(cluster, 3, 2, &message);
    settle(cluster);
}

static void fetches_only_after_its_write_is_done(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = with_played_leader(&spec);
    assert_int_equal(fetches_sent(cluster), 1);
    assert_int_equal(last_fetch(cluster)->replica_epoch, cluster->nodes[2].broker.broker_epoch);
    assert_int_equal(last_fetch(cluster)->partitions[0].current_leader_epoch, 1);
    cluster->nodes[2].disk_held = true;
    answer_fetch(cluster, last_fetch(cluster)->correlation,
                 (struct isr_fetch_answer){.records = batch_at(cluster, 0, 1, 2), .high_watermark = 9});
    assert_int_equal(end_of(cluster, 2), 2);
    assert_int_equal(mark_of(cluster, 2), 2);
    assert_int_equal(fetches_sent(cluster), 1);
    cluster->nodes[2].disk_held = false;
    settle(cluster);
    assert_int_equal(fetches_sent(cluster), 2);
    assert_int_equal(last_fetch(cluster)->partitions[0].fetch_offset, 2);
    assert_int_equal(last_fetch(cluster)->partitions[0].last_fetched_epoch, 1);
    cluster_free(cluster);
}

static void pauses_between_fetches_when_told(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.config.fetch_interval = 300 * ISR_MS;
    struct cluster *cluster = with_played_leader(&spec);
    answer_fetch(cluster, last_fetch(cluster)->correlation,
                 (struct isr_fetch_answer){.records = batch_at(cluster, 0, 1, 2)});
    pass(cluster, 299 * ISR_MS);
    assert_int_equal(fetches_sent(cluster), 1);
    pass(cluster, ISR_MS);
    assert_int_equal(fetches_sent(cluster), 2);
    cluster_free(cluster);
}

static void follows_the_leaders_high_watermark_down(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = with_played_leader(&spec);
    answer_fetch(cluster, last_fetch(cluster)->correlation,
                 (struct isr_fetch_answer){.records = batch_at(cluster, 0, 1, 2), .high_watermark = 2});
    answer_fetch(cluster, last_fetch(cluster)->correlation, (struct isr_fetch_answer){.high_watermark = 1});
    assert_int_equal(mark_of(cluster, 2), 1);
    assert_int_equal(last_seen(cluster, 2, ISR_OBSERVED_HIGH_WATERMARK_LOWERED)->high_watermark_lowered.cause,
                     ISR_CAUSE_LEADER_TOLD);
    answer_fetch(cluster, last_fetch(cluster)->correlation, (struct isr_fetch_answer){.high_watermark = -77});
    assert_int_equal(mark_of(cluster, 2), 0);
    cluster_free(cluster);
}

static void applies_no_high_watermark_of_a_divergence(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = with_played_leader(&spec);
    answer_fetch(cluster, last_fetch(cluster)->correlation,
                 (struct isr_fetch_answer){.records = batch_at(cluster, 0, 1, 1), .high_watermark = 0});
    answer_fetch(cluster, last_fetch(cluster)->correlation,
                 (struct isr_fetch_answer){.records = batch_at(cluster, 1, 1, 1), .high_watermark = 0});
    answer_fetch(cluster, last_fetch(cluster)->correlation,
                 (struct isr_fetch_answer){.diverging_epoch = 1, .diverging_end = 1, .high_watermark = 9});
    assert_int_equal(end_of(cluster, 2), 1);
    assert_int_equal(mark_of(cluster, 2), 0); /* KAFKA-14704 */
    cluster_free(cluster);
}

static void ignores_answers_to_what_it_no_longer_asks(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = with_played_leader(&spec);
    uint32_t old = last_fetch(cluster)->correlation;
    answer_fetch(cluster, old + 100, (struct isr_fetch_answer){.records = batch_at(cluster, 0, 1, 2)});
    assert_int_equal(end_of(cluster, 2), 0);
    PARTITION(cluster, .leader = 3, .leader_epoch = 2, .partition_epoch = 2, .replicas = "23", .isr = "23");
    answer_fetch(cluster, old, (struct isr_fetch_answer){.records = batch_at(cluster, 0, 1, 2)});
    assert_int_equal(end_of(cluster, 2), 0); /* of the epoch before */
    assert_int_equal(last_fetch(cluster)->partitions[0].current_leader_epoch, 2);
    uint32_t late = last_fetch(cluster)->correlation;
    pass(cluster, spec.config.fetch_max_wait + spec.config.request_timeout + ISR_SECOND);
    assert_int_not_equal(last_fetch(cluster)->correlation, late);
    answer_fetch(cluster, late, (struct isr_fetch_answer){.records = batch_at(cluster, 0, 2, 2)});
    assert_int_equal(end_of(cluster, 2), 0); /* given up */
    struct isr_fetch_answer twice[2] = {
        {.tp = TP, .diverging_epoch = -1, .records = batch_at(cluster, 0, 2, 2)},
        {.tp = TP, .diverging_epoch = -1, .records = batch_at(cluster, 2, 2, 2)}};
    struct isr_message message = {.kind = ISR_MESSAGE_FETCH_RESPONSE,
                                  .fetch_response = {.correlation = last_fetch(cluster)->correlation,
                                                     .partitions = twice,
                                                     .partitions_count = 2}};
    request(cluster, 3, 2, &message);
    settle(cluster);
    assert_int_equal(end_of(cluster, 2), 2); /* each partition once */
    cluster_free(cluster);
}

static void answer_query(struct cluster *cluster, int32_t epoch, int64_t end_offset)
{
    const struct isr_message *asked = &cluster->client[cluster->client_count - 1];
    assert_int_equal(asked->kind, ISR_MESSAGE_OFFSETS_FOR_EPOCH_REQUEST);
    struct isr_epoch_answer answer = {.tp = TP, .leader_epoch = epoch, .end_offset = end_offset};
    struct isr_message message = {
        .kind = ISR_MESSAGE_OFFSETS_FOR_EPOCH_RESPONSE,
        .offsets_for_epoch_response = {.correlation = asked->offsets_for_epoch_request.correlation,
                                       .partitions = &answer,
                                       .partitions_count = 1}};
    request(cluster, 3, 2, &message);
    settle(cluster);
}

static void answer_offset(struct cluster *cluster, int64_t offset)
{
    const struct isr_message *asked = &cluster->client[cluster->client_count - 1];
    assert_int_equal(asked->kind, ISR_MESSAGE_LIST_OFFSETS_REQUEST);
    struct isr_message message = {
        .kind = ISR_MESSAGE_LIST_OFFSETS_RESPONSE,
        .list_offsets_response = {.correlation = asked->list_offsets_request.correlation,
                                  .tp = TP,
                                  .leader_epoch = asked->list_offsets_request.current_leader_epoch,
                                  .offset = offset}};
    request(cluster, 3, 2, &message);
    settle(cluster);
}

static void answer_state(struct cluster *cluster, int64_t log_start, struct isr_bytes producers)
{
    const struct isr_message *asked = &cluster->client[cluster->client_count - 1];
    assert_int_equal(asked->kind, ISR_MESSAGE_LOG_STATE_REQUEST);
    struct isr_message message = {.kind = ISR_MESSAGE_LOG_STATE_RESPONSE,
                                  .log_state_response = {.correlation = asked->log_state_request.correlation,
                                                         .tp = TP,
                                                         .log_start = log_start,
                                                         .epoch_before = -1,
                                                         .producers = producers}};
    request(cluster, 3, 2, &message);
    settle(cluster);
}

/* One producer, whose last batch was at offset 6, as of offset 8. */
static struct isr_bytes one_producer(struct cluster *cluster)
{
    struct isr_producers_batch batch = {.base_offset = 6, .base_sequence = 40, .record_count = 2};
    struct isr_producers_line line = {.producer_id = 77, .batches = &batch, .batches_count = 1};
    struct isr_producers_file file = {.offset = 8, .lines = &line, .lines_count = 1};
    return isr_checkpoint_encode_producers_file(&cluster->scratch, &file);
}

/* A follower whose log is [0, 4) and out of range, and that asks for the leader's state. */
static struct cluster *out_of_range(struct cluster_spec *spec)
{
    struct cluster *cluster = with_played_leader(spec);
    answer_fetch(cluster, last_fetch(cluster)->correlation,
                 (struct isr_fetch_answer){.records = batch_at(cluster, 0, 1, 4), .high_watermark = 4});
    answer_fetch(cluster, last_fetch(cluster)->correlation,
                 (struct isr_fetch_answer){.error = ISR_ERROR_OFFSET_OUT_OF_RANGE});
    answer_offset(cluster, 20); /* the latest */
    return cluster;
}

static void begins_where_the_leader_starts_with_its_producers(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = out_of_range(&spec);
    answer_state(cluster, 9, one_producer(cluster));
    const struct isr_log *log = at(cluster, 2)->log;
    assert_int_equal(log->log_start, 9);
    assert_int_equal(log->high_watermark, 9);
    assert_int_equal(end_of(cluster, 2), 9);
    assert_int_equal(log->producers.count, 1);
    assert_int_equal(log->producers.entries[0].producer_id, 77);
    assert_int_equal(log->producers.entries[0].batches[0].base_sequence, 40);
    assert_int_equal(last_fetch(cluster)->partitions[0].fetch_offset, 9);
    cluster_free(cluster);
}

static void keeps_its_log_when_the_state_makes_no_sense(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = out_of_range(&spec);
    answer_state(cluster, 7, one_producer(cluster)); /* as of an offset above the start */
    assert_int_equal(end_of(cluster, 2), 4);
    assert_int_equal(at(cluster, 2)->log->log_start, 0);
    pass(cluster, ISR_SECOND);
    answer_fetch(cluster, last_fetch(cluster)->correlation,
                 (struct isr_fetch_answer){.error = ISR_ERROR_OFFSET_OUT_OF_RANGE});
    answer_offset(cluster, 20);
    answer_state(cluster, 9, (struct isr_bytes){.data = (const uint8_t *)"damage", .size = 6});
    assert_int_equal(end_of(cluster, 2), 4);
    cluster_free(cluster);
}

/* AbstractFetcherThread.fetchOffsetAndTruncate: the greater of the leader's start and its own end. */
static void keeps_its_log_when_the_leader_has_that_offset_after_all(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = with_played_leader(&spec);
    answer_fetch(cluster, last_fetch(cluster)->correlation,
                 (struct isr_fetch_answer){.records = batch_at(cluster, 0, 1, 4), .high_watermark = 4});
    answer_fetch(cluster, last_fetch(cluster)->correlation,
                 (struct isr_fetch_answer){.error = ISR_ERROR_OFFSET_OUT_OF_RANGE});
    answer_offset(cluster, 8);                       /* the latest */
    answer_state(cluster, 2, one_producer(cluster)); /* the earliest */
    assert_int_equal(end_of(cluster, 2), 4);
    assert_int_equal(at(cluster, 2)->log->log_start, 0);
    pass(cluster, ISR_SECOND);
    assert_int_equal(last_fetch(cluster)->partitions[0].fetch_offset, 4);
    cluster_free(cluster);
}

/* KIP-279 again, in the form of KIP-101: it goes on asking until it knows the epoch that it is told. */
static void queries_until_it_knows_the_answered_epoch(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    spec.config.truncation_by_query = 1;
    struct cluster *cluster = with_played_leader(&spec);
    answer_fetch(cluster, last_fetch(cluster)->correlation,
                 (struct isr_fetch_answer){.records = batch_at(cluster, 0, 1, 2)});
    PARTITION(cluster, .leader = 3, .leader_epoch = 3, .partition_epoch = 3, .replicas = "23", .isr = "23");
    settle(cluster);
    answer_query(cluster, 1, 2);
    answer_fetch(cluster, last_fetch(cluster)->correlation,
                 (struct isr_fetch_answer){.records = batch_at(cluster, 2, 3, 2)});
    PARTITION(cluster, .leader = 3, .leader_epoch = 5, .partition_epoch = 5, .replicas = "23", .isr = "23");
    settle(cluster);
    uint32_t fetches = fetches_sent(cluster);
    answer_query(cluster, 2, 9); /* an epoch that it never had */
    assert_int_equal(end_of(cluster, 2), 2);
    assert_int_equal(fetches_sent(cluster), fetches);
    answer_query(cluster, 1, 1); /* asked for its epoch 1, which ends earlier there */
    assert_int_equal(end_of(cluster, 2), 0);
    cluster_free(cluster);
}

static void pauses_longer_and_longer_when_refused(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = with_played_leader(&spec);
    int64_t pauses[8];
    for (unsigned i = 0; i < 8; i++) {
        uint32_t sent = fetches_sent(cluster);
        int64_t before_ns = cluster->now_ns;
        answer_fetch(cluster, last_fetch(cluster)->correlation,
                     (struct isr_fetch_answer){.error = ISR_ERROR_NOT_LEADER_OR_FOLLOWER});
        while (fetches_sent(cluster) == sent)
            pass(cluster, ISR_MS);
        pauses[i] = cluster->now_ns - before_ns;
    }
    assert_in_range(pauses[0], spec.config.fetch_backoff_min / 2, spec.config.fetch_backoff_min + ISR_MS);
    assert_true(pauses[3] > pauses[0]);
    assert_in_range(pauses[7], spec.config.fetch_backoff_max / 2, spec.config.fetch_backoff_max + ISR_MS);
    answer_fetch(cluster, last_fetch(cluster)->correlation, (struct isr_fetch_answer){.high_watermark = 0});
    assert_int_equal(at(cluster, 2)->fetching->failures, 0);
    cluster_free(cluster);
}

static void survives_nonsense_from_its_leader(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = with_played_leader(&spec);
    static uint8_t garbage[64] = {1, 2, 3};
    struct isr_fetch_answer answers[] = {
        {.records = {garbage, sizeof garbage}},
        {.records = batch_at(cluster, 0, 9, 1)}, /* of an epoch that is none yet */
        {.records = batch_at(cluster, 7, 1, 1)},
        {.diverging_epoch = 99, .diverging_end = 99},
        {.diverging_epoch = 1, .diverging_end = -5},
        {.diverging_epoch = -9, .diverging_end = 0},
        {.error = 255},
        {.error = ISR_ERROR_UNKNOWN_LEADER_EPOCH},
    };
    for (unsigned i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        answer_fetch(cluster, last_fetch(cluster)->correlation, answers[i]);
        uint32_t sent = fetches_sent(cluster);
        assert_true(at(cluster, 2)->fetching->not_before_ns > cluster->now_ns); /* none is answered at once */
        while (fetches_sent(cluster) == sent)
            pass(cluster, 10 * ISR_MS);
    }
    assert_int_equal(end_of(cluster, 2), 0);
    answer_fetch(cluster, last_fetch(cluster)->correlation,
                 (struct isr_fetch_answer){.records = batch_at(cluster, 0, 1, 1), .high_watermark = 1});
    assert_int_equal(mark_of(cluster, 2), 1);
    cluster_free(cluster);
}

static void drops_records_of_an_epoch_that_no_controller_gave(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = cluster_new(&spec);
    lead(cluster, 1, 1, "123");
    write_as(cluster, 1, 0, 2);
    step_begin(cluster, 2); /* as from a damaged disk */
    assert_int_equal(isr_log_append_follower(at(cluster, 2)->log, batch_at(cluster, 2, 900, 1)),
                     ISR_ERROR_NONE);
    step_end(cluster, 2);
    lead(cluster, 2, 2, "123");
    assert_int_equal(end_of(cluster, 2), 2);
    write_as(cluster, 2, 0, 1);
    pass(cluster, 10 * ISR_SECOND);
    assert_all_equal(cluster, 3);
    cluster_free(cluster);
}

static void asks_for_offsets_again_when_the_answer_is_lost(void **state)
{
    (void)state;
    struct cluster_spec spec = standard();
    struct cluster *cluster = with_played_leader(&spec);
    answer_fetch(cluster, last_fetch(cluster)->correlation,
                 (struct isr_fetch_answer){.error = ISR_ERROR_OFFSET_OUT_OF_RANGE});
    const struct isr_message *first = &cluster->client[cluster->client_count - 1];
    assert_int_equal(first->kind, ISR_MESSAGE_LIST_OFFSETS_REQUEST);
    assert_int_equal(first->list_offsets_request.timestamp, -1);
    pass(cluster, spec.config.request_timeout);
    const struct isr_message *second = &cluster->client[cluster->client_count - 1];
    assert_int_equal(second->kind, ISR_MESSAGE_LIST_OFFSETS_REQUEST);
    assert_int_not_equal(second->list_offsets_request.correlation, first->list_offsets_request.correlation);
    struct isr_message answer = {
        .kind = ISR_MESSAGE_LIST_OFFSETS_RESPONSE,
        .list_offsets_response = {.correlation = second->list_offsets_request.correlation,
                                  .tp = TP,
                                  .error = ISR_ERROR_OFFSET_NOT_AVAILABLE}};
    uint32_t sent = fetches_sent(cluster);
    request(cluster, 3, 2, &answer);
    pass(cluster, ISR_SECOND);
    assert_int_equal(fetches_sent(cluster), sent + 1); /* back to fetching */
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_what_the_leader_never_had),
        cmocka_unit_test(asks_again_when_it_does_not_know_the_answered_epoch),
        cmocka_unit_test(forgets_an_epoch_that_it_led_without_a_record),
        cmocka_unit_test(looks_for_divergence_when_the_same_leader_leads_a_new_epoch),
        cmocka_unit_test(cuts_committed_records_only_when_rule_trunc_is_hw),
        cmocka_unit_test(keeps_foreign_records_only_when_rule_trunc_is_hw),
        cmocka_unit_test(cuts_its_own_log_as_leader_only_when_rule_leader_trunc_is_hw),
        cmocka_unit_test(cuts_to_the_leaders_end_when_it_is_out_of_range),
        cmocka_unit_test(begins_at_the_leaders_start_when_it_holds_nothing_of_it),
        cmocka_unit_test(fetches_all_anew_when_the_logs_part_below_its_start),
        cmocka_unit_test(fetches_only_after_its_write_is_done),
        cmocka_unit_test(pauses_between_fetches_when_told),
        cmocka_unit_test(follows_the_leaders_high_watermark_down),
        cmocka_unit_test(applies_no_high_watermark_of_a_divergence),
        cmocka_unit_test(ignores_answers_to_what_it_no_longer_asks),
        cmocka_unit_test(begins_where_the_leader_starts_with_its_producers),
        cmocka_unit_test(keeps_its_log_when_the_state_makes_no_sense),
        cmocka_unit_test(keeps_its_log_when_the_leader_has_that_offset_after_all),
        cmocka_unit_test(queries_until_it_knows_the_answered_epoch),
        cmocka_unit_test(pauses_longer_and_longer_when_refused),
        cmocka_unit_test(survives_nonsense_from_its_leader),
        cmocka_unit_test(drops_records_of_an_epoch_that_no_controller_gave),
        cmocka_unit_test(asks_for_offsets_again_when_the_answer_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
