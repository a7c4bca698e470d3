/* Messages that decode but make no sense: whatever arrives, from whomever, in whatever role, nothing is
 * asserted on, and the invariants of the partitions and their logs hold (the harness checks them after every
 * step). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/broker/tests/harness.h"

struct source {
    struct test_random random;
    struct cluster *cluster;
    uint32_t correlation; /* one that may be under way */
};

/* Mostly near what is plausible, at times extreme. */
static int64_t offset(struct source *source)
{
    static const int64_t extremes[] = {INT64_MIN, INT64_MAX, INT64_MAX / 2, -1, INT32_MAX};
    if (test_random_chance(&source->random, 10))
        return extremes[test_random_below(&source->random, 5)];
    const struct isr_broker *broker = &source->cluster->nodes[1].broker;
    if (test_random_chance(&source->random, 2))
        return broker->partitions[test_random_below(&source->random, 2)]->log->log_end;
    return (int64_t)test_random_below(&source->random, 30) - 2;
}

static int32_t epoch(struct source *source)
{
    return test_random_chance(&source->random, 20) ? INT32_MAX
                                                   : (int32_t)test_random_below(&source->random, 6) - 1;
}

/* Often one whose answers are waited for. */
static int32_t anybody(struct source *source)
{
    static const int32_t nodes[] = {3, 3, 3, CONTROLLER, CONTROLLER, 2, 4, CLIENT};
    return nodes[test_random_below(&source->random, 8)];
}

/* Of a request that is under way, often. */
static uint32_t correlation(struct source *source)
{
    const struct isr_broker *broker = &source->cluster->nodes[1].broker;
    const struct isr_fetch_loop *loop = broker->loops[3];
    uint32_t choices[] = {broker->correlation, 0, 0, 0, 0, 0};
    if (loop != NULL) {
        choices[1] = loop->fetch_correlation;
        choices[2] = loop->query_correlation;
    }
    for (uint32_t i = 0; i < broker->partitions_count; i++) {
        if (broker->partitions[i]->role == ISR_ROLE_LEADER)
            choices[3] = broker->partitions[i]->leading->alter_correlation;
        if (broker->partitions[i]->role == ISR_ROLE_FOLLOWER)
            choices[4 + i] = broker->partitions[i]->fetching->sent_correlation;
    }
    return choices[test_random_below(&source->random, 6)];
}

static struct isr_tp partition_of(struct source *source)
{
    if (test_random_chance(&source->random, 10))
        return (struct isr_tp){(uint16_t)test_random_below(&source->random, 4), 7};
    return (struct isr_tp){1, (uint16_t)test_random_below(&source->random, 2)};
}

static uint8_t error(struct source *source)
{
    return test_random_chance(&source->random, 2) ? ISR_ERROR_NONE
                                                  : (uint8_t)test_random_below(&source->random, 256);
}

static struct isr_bytes records(struct source *source)
{
    struct isr_scratch *scratch = &source->cluster->scratch;
    struct isr_bytes batch = isr_batch_build(scratch, (int64_t)test_random_below(&source->random, 3) - 1,
                                             (int16_t)(epoch(source) % 100), (int32_t)offset(source) % 100, 1,
                                             1 + test_random_below(&source->random, 4), 8);
    int32_t fitting = isr_log_last_epoch(source->cluster->nodes[1].broker.partitions[0]->log);
    isr_batch_set_position((uint8_t *)(uintptr_t)batch.data, offset(source),
                           test_random_chance(&source->random, 2) ? epoch(source)
                           : fitting < 0                          ? 0
                                                                  : fitting);
    if (test_random_chance(&source->random, 8))
        ((uint8_t *)(uintptr_t)batch.data)[test_random_below(&source->random, batch.size)] ^= 0x40;
    if (test_random_chance(&source->random, 8))
        batch.size = test_random_below(&source->random, batch.size);
    return batch;
}

static struct isr_fetch_partition asked[2];
static struct isr_fetch_answer answers[2];
static struct isr_epoch_query queries[2];
static struct isr_epoch_answer epoch_answers[2];

static void fill_parts(struct source *source)
{
    for (unsigned i = 0; i < 2; i++) {
        asked[i] = (struct isr_fetch_partition){.tp = partition_of(source),
                                                .current_leader_epoch = epoch(source),
                                                .fetch_offset = offset(source),
                                                .last_fetched_epoch = epoch(source),
                                                .log_start = offset(source),
                                                .max_bytes = test_random_below(&source->random, 300)};
        answers[i] = (struct isr_fetch_answer){
            .tp = partition_of(source),
            .error = error(source),
            .high_watermark = offset(source),
            .log_start = offset(source),
            .diverging_epoch = test_random_chance(&source->random, 2) ? -1 : epoch(source),
            .diverging_end = offset(source),
            .records = records(source)};
        queries[i] = (struct isr_epoch_query){partition_of(source), epoch(source), epoch(source)};
        epoch_answers[i] =
            (struct isr_epoch_answer){partition_of(source), error(source), epoch(source), offset(source)};
    }
}

static struct isr_message request_of(struct source *source, uint32_t kind)
{
    struct test_random *random = &source->random;
    struct isr_message message = {0};
    switch (kind) {
    case 0:
        message.kind = ISR_MESSAGE_PRODUCE_REQUEST;
        message.produce_request =
            (struct isr_produce_request){.tp = partition_of(source),
                                         .acks = (int16_t)((int)test_random_below(random, 5) - 2),
                                         .timeout_ns = offset(source),
                                         .records = records(source)};
        break;
    case 1:
        message.kind = ISR_MESSAGE_FETCH_REQUEST;
        message.fetch_request =
            (struct isr_fetch_request){.replica_id = (int16_t)((int)test_random_below(random, 6) - 1),
                                       .replica_epoch = offset(source),
                                       .max_wait_ns = offset(source),
                                       .min_bytes = test_random_below(random, 3),
                                       .max_bytes = test_random_below(random, 300),
                                       .partitions = asked,
                                       .partitions_count = test_random_below(random, 3)};
        break;
    case 2:
        message.kind = ISR_MESSAGE_OFFSETS_FOR_EPOCH_REQUEST;
        message.offsets_for_epoch_request = (struct isr_offsets_for_epoch_request){
            .partitions = queries, .partitions_count = test_random_below(random, 3)};
        break;
    default:
        message.kind = ISR_MESSAGE_LIST_OFFSETS_REQUEST;
        message.list_offsets_request = (struct isr_list_offsets_request){
            .tp = partition_of(source), .current_leader_epoch = epoch(source), .timestamp = offset(source)};
        break;
    }
    return message;
}

static struct isr_message response_of(struct source *source, uint32_t kind)
{
    struct isr_message message = {0};
    switch (kind) {
    case 0:
        message.kind = ISR_MESSAGE_FETCH_RESPONSE;
        message.fetch_response = (struct isr_fetch_response){
            .correlation = source->correlation, .partitions = answers, .partitions_count = 2};
        break;
    case 1:
        message.kind = ISR_MESSAGE_OFFSETS_FOR_EPOCH_RESPONSE;
        message.offsets_for_epoch_response = (struct isr_offsets_for_epoch_response){
            .correlation = source->correlation, .partitions = epoch_answers, .partitions_count = 2};
        break;
    case 2:
        message.kind = ISR_MESSAGE_LIST_OFFSETS_RESPONSE;
        message.list_offsets_response = (struct isr_list_offsets_response){
            source->correlation, partition_of(source), error(source), epoch(source), offset(source)};
        break;
    default:
        message.kind = ISR_MESSAGE_ALTER_PARTITION_RESPONSE;
        message.alter_partition_response = (struct isr_alter_partition_response){
            .correlation = source->correlation,
            .tp = partition_of(source),
            .error = error(source),
            .leader = 1,
            .leader_epoch = epoch(source),
            .partition_epoch = epoch(source),
            .recovering = (uint8_t)test_random_below(&source->random, 256),
            .isr = replicas(test_random_chance(&source->random, 2) ? "12" : "134")};
        break;
    }
    return message;
}

static void survives_whatever_decodes(void **state)
{
    (void)state;
    uint32_t appended = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct cluster_spec spec = standard();
        spec.partitions = 2;
        spec.size = 1;
        spec.min_isr = 1;
        spec.config.truncation_by_query = seed % 2;
        struct source source = {.random.state = seed, .cluster = cluster_new(&spec)};
        struct cluster *cluster = source.cluster;
        for (int32_t id = 2; id <= 3; id++) {
            register_broker(cluster, id);
            change_broker(cluster, id, false, false);
        }
        for (unsigned i = 0; i < 600; i++) {
            if (i % 100 == 0) { /* it leads the one and follows in the other, in turns */
                for (uint16_t p = 0; p < 2; p++)
                    PARTITION(cluster, .leader = (i / 100 + p) % 2 == 0 ? 1 : 3,
                              .leader_epoch = (int32_t)(i / 100), .partition_epoch = (int32_t)(i / 100),
                              .replicas = "123", .isr = "123", .index = p);
            }
            fill_parts(&source);
            source.correlation = correlation(&source);
            uint32_t kind = test_random_below(&source.random, 4);
            struct isr_message message = test_random_chance(&source.random, 2) ? request_of(&source, kind)
                                                                               : response_of(&source, kind);
            request(cluster, anybody(&source), 1, &message);
            pass(cluster, (int64_t)test_random_below(&source.random, 100) * ISR_MS);
            cluster->client_count = cluster->controller_count = cluster->nodes[1].seen_count = 0;
        }
        appended += (uint32_t)cluster->nodes[1].env.metrics.records_appended_follower;
        cluster_free(cluster);
    }
    assert_true(appended > 10); /* some of it did make sense */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_whatever_decodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
