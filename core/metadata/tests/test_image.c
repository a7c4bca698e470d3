#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/metadata/image.h"
#include "core/tests/support.h"

struct fixture {
    struct test_heap heap;
    struct isr_env env;
    struct isr_image image;
};

static void fixture_init(struct fixture *f)
{
    test_heap_init(&f->heap);
    test_env_init(&f->env, &f->heap);
    isr_image_init(&f->image, &f->heap.heap);
}

static struct isr_replicas set(uint64_t packed)
{
    return isr_replicas_unpack(packed);
}

static struct isr_metadata_record register_record(int16_t broker, uint64_t incarnation)
{
    return (struct isr_metadata_record){
        .kind = ISR_METADATA_REGISTER_BROKER,
        .register_broker_record = {.broker = broker, .incarnation = incarnation}};
}

static struct isr_metadata_record broker_record(int16_t broker, int64_t epoch, uint8_t fenced,
                                                uint8_t stopping)
{
    return (struct isr_metadata_record){.kind = ISR_METADATA_BROKER_CHANGE,
                                        .broker_change_record = {.broker = broker,
                                                                 .broker_epoch = epoch,
                                                                 .fenced = fenced,
                                                                 .shutting_down = stopping,
                                                                 .cause = ISR_CAUSE_BROKER_UNFENCED}};
}

static struct isr_metadata_record topic_record(int16_t id, const char *name, int32_t partitions)
{
    struct isr_metadata_record record = {.kind = ISR_METADATA_TOPIC,
                                         .topic_record = {.topic = id,
                                                          .partitions = partitions,
                                                          .settings = isr_topic_settings_of_min_isr(2)}};
    strncpy(record.topic_record.name.text, name, ISR_NAME_BYTES_MAX - 1);
    return record;
}

static struct isr_metadata_record partition_record(uint16_t topic, uint16_t index, int16_t leader,
                                                   uint64_t isr)
{
    return (struct isr_metadata_record){.kind = ISR_METADATA_PARTITION,
                                        .partition_record = {.tp = {topic, index},
                                                             .leader = leader,
                                                             .replicas = set(0x030201),
                                                             .isr = set(isr),
                                                             .cause = ISR_CAUSE_TOPIC_CREATED}};
}

static struct isr_metadata_record producer_ids_record(int16_t broker, int64_t next)
{
    return (struct isr_metadata_record){.kind = ISR_METADATA_PRODUCER_IDS,
                                        .producer_ids_record = {.broker = broker, .next_producer_id = next}};
}

static bool apply(struct fixture *f, int64_t index, const struct isr_metadata_record *records, uint32_t count)
{
    struct isr_bytes entry = isr_metadata_encode(records, count, &f->env.scratch);
    return isr_image_apply(&f->image, index, 1, entry, &f->env.scratch, NULL);
}

static void create_topic(struct fixture *f, int64_t index, int16_t id, const char *name)
{
    struct isr_metadata_record records[] = {topic_record(id, name, 2),
                                            partition_record((uint16_t)id, 0, 1, 0x030201),
                                            partition_record((uint16_t)id, 1, 2, 0x030201)};
    assert_true(apply(f, index, records, 3));
}

static void holds_what_was_applied_when_records_make_sense(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct isr_metadata_record record = register_record(3, 77);
    assert_true(apply(&f, 5, &record, 1));
    assert_int_equal(f.image.brokers[3].epoch, 5);
    assert_false(isr_image_broker_active(&f.image, 3));
    record = broker_record(3, 5, 0, 0);
    assert_true(apply(&f, 6, &record, 1));
    assert_true(isr_image_broker_active(&f.image, 3));
    create_topic(&f, 8, 1, "orders");
    const struct isr_image_topic *topic = isr_image_topic_named(&f.image, "orders");
    assert_non_null(topic);
    assert_int_equal(topic->id, 1);
    assert_int_equal(topic->partitions_count, 2);
    assert_int_equal(isr_image_partition(&f.image, (struct isr_tp){1, 1})->leader, 2);
    assert_null(isr_image_partition(&f.image, (struct isr_tp){1, 2}));
    assert_null(isr_image_partition(&f.image, (struct isr_tp){2, 0}));
    assert_null(isr_image_partition(&f.image, (struct isr_tp){0, 0}));
    assert_null(isr_image_topic_named(&f.image, "order"));
    assert_int_equal(f.image.index, 8);
    assert_int_equal(f.image.term, 1);
    assert_false(isr_image_broker_active(&f.image, 0));
    assert_false(isr_image_broker_active(&f.image, -1));
    assert_false(isr_image_broker_active(&f.image, ISR_NODE_MAX + 1));
    test_heap_drop(&f.heap);
}

static void refuses_an_entry_when_a_record_makes_no_sense(void **state)
{
    (void)state;
    struct isr_metadata_record bad[32];
    uint32_t count = 0;
    bad[count++] = register_record(0, 1);
    bad[count++] = register_record(-3, 1);
    bad[count++] = register_record(ISR_NODE_MAX + 1, 1);
    bad[count++] = broker_record(2, 1, 0, 0);  /* not registered */
    bad[count++] = broker_record(1, 99, 0, 0); /* another registration */
    bad[count++] = broker_record(1, 1, 2, 0);
    bad[count++] = broker_record(0, 1, 0, 0);
    bad[count] = broker_record(1, 1, 0, 0);
    bad[count++].broker_change_record.cause = ISR_CAUSE_COUNT;
    bad[count++] = topic_record(3, "late", 1); /* ids are given in order */
    bad[count++] = topic_record(1, "early", 1);
    bad[count++] = topic_record(2, "orders", 1); /* the name is taken */
    bad[count++] = topic_record(2, "none", 0);
    bad[count++] = topic_record(2, "many", 65537);
    bad[count++] = topic_record(2, "hollow", 1);    /* without its partition */
    bad[count++] = partition_record(2, 0, 1, 0x01); /* unknown topic */
    bad[count++] = partition_record(0, 0, 1, 0x01);
    bad[count++] = partition_record(1, 2, 1, 0x01); /* beyond the topic */
    bad[count++] = partition_record(1, 0, 4, 0x01); /* the leader is no replica */
    bad[count++] = partition_record(1, 0, 0, 0x01);
    bad[count++] = partition_record(1, 0, 1, 0x04); /* the ISR is no part of the assignment */
    bad[count] = partition_record(1, 0, 1, 0x01);
    bad[count++].partition_record.elr = set(0x09);
    bad[count] = partition_record(1, 0, 1, 0x01);
    bad[count++].partition_record.last_known_elr = set(0x09);
    bad[count] = partition_record(1, 0, 1, 0x01);
    bad[count++].partition_record.replicas = set(0);
    bad[count] = partition_record(1, 0, 1, 0x01);
    bad[count++].partition_record.leader_epoch = -1;
    bad[count] = partition_record(1, 0, 1, 0x01);
    bad[count++].partition_record.recovering = 2;
    bad[count++] = producer_ids_record(1, 999); /* those below 1000 were given */
    bad[count++] = producer_ids_record(0, 2000);
    assert_true(count <= 32);
    for (uint32_t i = 0; i < count; i++) {
        struct fixture f;
        fixture_init(&f);
        struct isr_metadata_record given = producer_ids_record(1, 1000);
        assert_true(isr_image_apply_record(&f.image, 0, &given, NULL));
        struct isr_metadata_record good = register_record(1, 1);
        assert_true(apply(&f, 1, &good, 1));
        create_topic(&f, 2, 1, "orders");
        if (apply(&f, 3, &bad[i], 1))
            fail_msg("record %u was accepted", i);
        test_heap_drop(&f.heap);
    }
}

static void refuses_an_entry_when_its_index_does_not_follow(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct isr_metadata_record record = register_record(1, 1);
    assert_true(apply(&f, 4, &record, 1));
    assert_false(apply(&f, 4, &record, 1));
    assert_false(apply(&f, 3, &record, 1));
    struct isr_bytes entry = isr_metadata_encode(&record, 1, &f.env.scratch);
    assert_false(isr_image_apply(&f.image, 5, 0, entry, &f.env.scratch, NULL));
    test_heap_drop(&f.heap);
}

struct told {
    unsigned partitions, created, brokers;
    bool broker_was_fenced;
    int32_t leader_before, leader_after;
    enum isr_cause cause;
};

static void told_partition(void *object, const struct isr_image_partition *before,
                           const struct isr_image_partition *after, enum isr_cause cause)
{
    struct told *told = object;
    told->partitions++;
    told->created += before == NULL;
    told->leader_before = before != NULL ? before->leader : 0;
    told->leader_after = after->leader;
    told->cause = cause;
}

static void told_broker(void *object, int32_t broker, const struct isr_image_broker *before,
                        const struct isr_image_broker *after, enum isr_cause cause)
{
    struct told *told = object;
    (void)cause;
    assert_int_equal(broker, 1);
    assert_true(after->registered);
    told->brokers++;
    told->broker_was_fenced = before->fenced;
}

static void tells_before_and_after_when_something_changes(void **state)
{
    (void)state;
    struct fixture f;
    struct told told = {0};
    const struct isr_image_listener listener = {
        .partition = told_partition, .broker = told_broker, .object = &told};
    fixture_init(&f);
    struct isr_metadata_record records[] = {register_record(1, 9), topic_record(1, "t", 1),
                                            partition_record(1, 0, 1, 0x0201)};
    struct isr_bytes entry = isr_metadata_encode(records, 3, &f.env.scratch);
    assert_true(isr_image_apply(&f.image, 1, 1, entry, &f.env.scratch, &listener));
    assert_int_equal(told.created, 1);
    records[0] = partition_record(1, 0, 2, 0x0201);
    records[0].partition_record.cause = ISR_CAUSE_ELECTION_CLEAN;
    records[1] = broker_record(1, 1, 0, 0);
    entry = isr_metadata_encode(records, 2, &f.env.scratch);
    assert_true(isr_image_apply(&f.image, 2, 1, entry, &f.env.scratch, &listener));
    assert_int_equal(told.partitions, 2);
    assert_int_equal(told.created, 1);
    assert_int_equal(told.brokers, 2);
    assert_true(told.broker_was_fenced);
    assert_int_equal(told.leader_before, 1);
    assert_int_equal(told.leader_after, 2);
    assert_int_equal(told.cause, ISR_CAUSE_ELECTION_CLEAN);
    test_heap_drop(&f.heap);
}

/* Any sensible change of an image with two topics of two partitions. */
static struct isr_metadata_record random_record(struct test_random *random, const struct isr_image *image)
{
    int16_t broker = (int16_t)(1 + test_random_below(random, 3));
    const struct isr_image_broker *known = &image->brokers[broker];
    switch (test_random_below(random, 4)) {
    case 0:
        return register_record(broker, test_random_below(random, 4));
    case 2:
        return producer_ids_record(broker, image->next_producer_id + test_random_below(random, 50));
    case 1:
        if (known->registered)
            return broker_record(broker, known->epoch, test_random_chance(random, 2),
                                 test_random_chance(random, 2));
        return register_record(broker, 5);
    default:
        break;
    }
    struct isr_metadata_record record =
        partition_record((uint16_t)(1 + test_random_below(random, 2)), (uint16_t)test_random_below(random, 2),
                         test_random_chance(random, 4) ? ISR_NODE_NONE : broker, (uint64_t)broker);
    record.partition_record.leader_epoch = (int32_t)test_random_below(random, 5);
    record.partition_record.partition_epoch = (int32_t)test_random_below(random, 5);
    record.partition_record.recovering = test_random_chance(random, 2);
    record.partition_record.elr = set(broker == 1 ? 0x02 : 0);
    record.partition_record.last_known_elr = set(broker == 2 ? 0x01 : 0);
    return record;
}

static void digest_depends_on_the_state_alone_when_it_is_kept_incrementally(void **state)
{
    (void)state;
    struct test_random random = {1};
    for (int run = 0; run < 20; run++) {
        struct fixture f;
        fixture_init(&f);
        create_topic(&f, 1, 1, "a");
        create_topic(&f, 2, 2, "b");
        struct isr_image other;
        isr_image_init(&other, &f.heap.heap);
        for (int64_t index = 3; index < 60; index++) {
            struct isr_metadata_record record = random_record(&random, &f.image);
            assert_true(apply(&f, index, &record, 1));
            struct isr_bytes snapshot = isr_image_snapshot(&f.image, &f.env.scratch);
            assert_true(isr_image_load(&other, snapshot, &f.env.scratch));
            assert_true(other.digest == f.image.digest);
            assert_int_equal(other.index, f.image.index);
            struct isr_bytes again = isr_image_snapshot(&other, &f.env.scratch);
            assert_int_equal(again.size, snapshot.size);
            assert_memory_equal(again.data, snapshot.data, snapshot.size);
        }
        isr_image_copy(&other, &f.image);
        assert_true(other.digest == f.image.digest);
        struct isr_metadata_record record = register_record(9, 1);
        assert_true(isr_image_apply_record(&other, 100, &record, NULL));
        assert_true(other.digest != f.image.digest);
        isr_image_free(&other);
        assert_true(other.digest == 0);
        test_heap_drop(&f.heap);
    }
}

static void digest_differs_when_any_field_differs(void **state)
{
    (void)state;
    struct isr_metadata_record variants[11];
    for (unsigned i = 0; i < 11; i++)
        variants[i] = partition_record(1, 0, 1, 0x0201);
    variants[1].partition_record.leader = 2;
    variants[2].partition_record.leader_epoch = 1;
    variants[3].partition_record.partition_epoch = 1;
    variants[4].partition_record.recovering = 1;
    variants[5].partition_record.replicas = set(0x0201);
    variants[6].partition_record.isr = set(0x01);
    variants[7].partition_record.elr = set(0x03);
    variants[8].partition_record.last_known_elr = set(0x03);
    variants[9].partition_record.tp.index = 1;
    variants[10].partition_record.leader = ISR_NODE_NONE;
    uint64_t digests[11];
    for (unsigned i = 0; i < 11; i++) {
        struct fixture f;
        fixture_init(&f);
        create_topic(&f, 1, 1, "t");
        assert_true(apply(&f, 2, &variants[i], 1));
        digests[i] = f.image.digest;
        for (unsigned j = 0; j < i; j++)
            assert_true(digests[i] != digests[j]);
        test_heap_drop(&f.heap);
    }
}

static void copies_are_independent_when_one_changes(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    create_topic(&f, 1, 1, "t");
    size_t blocks = f.heap.live_blocks;
    struct isr_image copy;
    isr_image_init(&copy, &f.heap.heap);
    isr_image_copy(&copy, &f.image);
    struct isr_metadata_record record = partition_record(1, 1, 3, 0x03);
    assert_true(isr_image_apply_record(&copy, 2, &record, NULL));
    record = producer_ids_record(1, 1000);
    assert_true(isr_image_apply_record(&copy, 2, &record, NULL));
    assert_int_equal(f.image.next_producer_id, 0);
    struct isr_metadata_record topic[] = {topic_record(2, "u", 1), partition_record(2, 0, 1, 0x01)};
    assert_true(isr_image_apply_record(&copy, 2, &topic[0], NULL));
    assert_true(isr_image_apply_record(&copy, 2, &topic[1], NULL));
    assert_int_equal(isr_image_partition(&f.image, (struct isr_tp){1, 1})->leader, 2);
    assert_int_equal(f.image.topics_count, 1);
    isr_image_copy(&copy, &f.image);
    assert_int_equal(copy.topics_count, 1);
    isr_image_free(&copy);
    assert_int_equal(f.heap.live_blocks, blocks);
    test_heap_drop(&f.heap);
}

static void survives_when_bytes_are_arbitrary(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    create_topic(&f, 1, 1, "t");
    struct isr_metadata_record records[] = {register_record(2, 7), partition_record(1, 1, 3, 0x03)};
    struct isr_bytes entry = isr_metadata_encode(records, 2, &f.env.scratch);
    struct isr_bytes snapshot = isr_image_snapshot(&f.image, &f.env.scratch);
    struct test_random random = {7};
    unsigned refused = 0;
    for (int run = 0; run < 20000; run++) {
        uint8_t bytes[256];
        struct isr_bytes source = test_random_chance(&random, 2) ? entry : snapshot;
        uint32_t size = test_random_below(&random, source.size + 1);
        if (test_random_chance(&random, 3))
            size = source.size;
        memcpy(bytes, source.data, size);
        for (uint32_t flips = test_random_below(&random, 4); flips > 0 && size > 0; flips--)
            bytes[test_random_below(&random, size)] = (uint8_t)test_random_next(&random);
        struct isr_image image;
        isr_image_init(&image, &f.heap.heap);
        isr_image_copy(&image, &f.image);
        struct isr_bytes damaged = {bytes, size};
        if (!isr_image_apply(&image, 9, 1, damaged, &f.env.scratch, NULL))
            refused++;
        if (!isr_image_load(&image, damaged, &f.env.scratch)) {
            refused++;
            assert_int_equal(image.topics_count, 0);
            assert_true(image.digest == 0);
        }
        isr_image_free(&image);
    }
    assert_true(refused > 20000);
    test_heap_drop(&f.heap);
}

static void load_refuses_when_a_snapshot_is_cut_anywhere(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct isr_metadata_record record = register_record(1, 1);
    assert_true(apply(&f, 1, &record, 1));
    create_topic(&f, 2, 1, "t");
    struct isr_bytes snapshot = isr_image_snapshot(&f.image, &f.env.scratch);
    for (uint32_t size = 0; size < snapshot.size; size++) {
        struct isr_image image;
        isr_image_init(&image, &f.heap.heap);
        assert_false(isr_image_load(&image, (struct isr_bytes){snapshot.data, size}, &f.env.scratch));
        isr_image_free(&image);
    }
    test_heap_drop(&f.heap);
}

static void topic_is_gone_for_good_when_it_was_removed(void **state)
{
    (void)state;
    struct fixture f;
    struct isr_image loaded;
    fixture_init(&f);
    create_topic(&f, 1, 1, "orders");
    create_topic(&f, 2, 2, "bills");
    struct isr_metadata_record record = {.kind = ISR_METADATA_REMOVE_TOPIC,
                                         .remove_topic_record = {.topic = 1}};
    assert_true(apply(&f, 3, &record, 1));
    assert_null(isr_image_topic(&f.image, 1));
    assert_null(isr_image_partition(&f.image, (struct isr_tp){1, 0}));
    assert_string_equal(isr_image_topic_ever(&f.image, 1)->name.text, "orders");
    assert_false(isr_image_apply_record(&f.image, 4, &record, NULL));
    record = topic_record(1, "orders", 2);
    assert_false(isr_image_apply_record(&f.image, 4, &record, NULL));
    create_topic(&f, 4, 3, "orders");
    assert_int_equal(isr_image_topic_named(&f.image, "orders")->id, 3);
    record = (struct isr_metadata_record){
        .kind = ISR_METADATA_TOPIC_SETTINGS,
        .topic_settings_record = {.topic = 3, .settings = isr_topic_settings_of_min_isr(3)}};
    assert_true(apply(&f, 5, &record, 1));
    assert_int_equal(isr_image_topic(&f.image, 3)->settings.min_isr, 3);
    record.topic_settings_record.topic = 1;
    assert_false(isr_image_apply_record(&f.image, 6, &record, NULL));
    isr_image_init(&loaded, &f.heap.heap);
    assert_true(isr_image_load(&loaded, isr_image_snapshot(&f.image, &f.env.scratch), &f.env.scratch));
    assert_int_equal(loaded.digest, f.image.digest);
    assert_int_equal(isr_image_topic_named(&loaded, "orders")->id, 3);
    assert_null(isr_image_topic(&loaded, 1));
    test_heap_drop(&f.heap);
}

static void effective_min_isr_is_bounded_by_the_replicas_when_the_rule_is_correct(void **state)
{
    (void)state;
    struct isr_rules rules = {0};
    assert_int_equal(isr_effective_min_isr(&rules, 2, 3), 2);
    assert_int_equal(isr_effective_min_isr(&rules, 4, 3), 3);
    rules.min_isr = ISR_RULE_min_isr_one;
    assert_int_equal(isr_effective_min_isr(&rules, 2, 3), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_was_applied_when_records_make_sense),
        cmocka_unit_test(refuses_an_entry_when_a_record_makes_no_sense),
        cmocka_unit_test(refuses_an_entry_when_its_index_does_not_follow),
        cmocka_unit_test(tells_before_and_after_when_something_changes),
        cmocka_unit_test(digest_depends_on_the_state_alone_when_it_is_kept_incrementally),
        cmocka_unit_test(digest_differs_when_any_field_differs),
        cmocka_unit_test(copies_are_independent_when_one_changes),
        cmocka_unit_test(survives_when_bytes_are_arbitrary),
        cmocka_unit_test(load_refuses_when_a_snapshot_is_cut_anywhere),
        cmocka_unit_test(topic_is_gone_for_good_when_it_was_removed),
        cmocka_unit_test(effective_min_isr_is_bounded_by_the_replicas_when_the_rule_is_correct),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
