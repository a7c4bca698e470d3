/* What a client knows of topics and leaders. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/client/cache.h"
#include "core/tests/support.h"

static void tell(struct isr_cache *cache, int16_t controller, int16_t leader, int32_t leader_epoch)
{
    struct isr_metadata_partition partition = {
        .tp = {.topic = 1}, .leader = leader, .leader_epoch = leader_epoch, .isr = {1, {2}}};
    struct isr_metadata_topic topic = {
        .topic = 1, .name = {"orders"}, .partitions = &partition, .partitions_count = 1};
    struct isr_metadata_response response = {.controller = controller, .topics = &topic, .topics_count = 1};
    isr_cache_merge(cache, &response);
}

static int32_t leader_of(const struct isr_cache *cache)
{
    return isr_cache_partition(cache, (struct isr_tp){.topic = 1})->leader;
}

static void keeps_what_is_newer_when_told_the_past(void **state)
{
    (void)state;
    struct test_heap heap;
    struct isr_cache cache;
    test_heap_init(&heap);
    isr_cache_init(&cache, &heap.heap);
    tell(&cache, 7, 2, 5);
    tell(&cache, ISR_NODE_NONE, 3, 4);
    assert_int_equal(leader_of(&cache), 2);
    assert_int_equal(cache.controller, 7);
    assert_false(isr_cache_learn_leader(&cache, (struct isr_tp){.topic = 1}, 3, 5));
    assert_true(isr_cache_learn_leader(&cache, (struct isr_tp){.topic = 1}, 3, 6));
    assert_int_equal(leader_of(&cache), 3);
    tell(&cache, 8, ISR_NODE_NONE, 7);
    assert_int_equal(leader_of(&cache), ISR_NODE_NONE);
    assert_int_equal(cache.controller, 8);
    test_heap_drop(&heap);
}

/* Messages would be sent to whom no node can be. */
static void leaves_nodes_out_that_cannot_be(void **state)
{
    (void)state;
    static const int16_t nobody[] = {0, -2, ISR_NODE_MAX + 1, INT16_MAX, INT16_MIN};
    struct test_heap heap;
    struct isr_cache cache;
    test_heap_init(&heap);
    isr_cache_init(&cache, &heap.heap);
    tell(&cache, 7, 2, 5);
    for (size_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++) {
        tell(&cache, nobody[i], nobody[i], 6);
        assert_int_equal(leader_of(&cache), 2);
        assert_int_equal(cache.controller, 7);
        assert_false(isr_cache_learn_leader(&cache, (struct isr_tp){.topic = 1}, nobody[i], 6));
        assert_int_equal(leader_of(&cache), 2);
    }
    test_heap_drop(&heap);
}

static void finds_the_newer_topic_when_one_was_removed(void **state)
{
    (void)state;
    struct test_heap heap;
    struct isr_cache cache;
    test_heap_init(&heap);
    isr_cache_init(&cache, &heap.heap);
    tell(&cache, 7, 2, 5);
    struct isr_metadata_partition partition = {.tp = {.topic = 4}, .leader = 3};
    struct isr_metadata_topic topics[] = {
        {.topic = 1, .name = {"orders"}, .removed = 1},
        {.topic = 4, .name = {"orders"}, .partitions = &partition, .partitions_count = 1}};
    struct isr_metadata_response response = {.controller = 7, .topics = topics, .topics_count = 2};
    isr_cache_merge(&cache, &response);
    assert_int_equal(isr_cache_topic_named(&cache, "orders")->id, 4);
    assert_true(isr_cache_topic_removed(&cache, 1));
    assert_null(isr_cache_partition(&cache, (struct isr_tp){.topic = 1}));
    tell(&cache, 7, 2, 6); /* by a broker that lags */
    assert_true(isr_cache_topic_removed(&cache, 1));
    test_heap_drop(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_is_newer_when_told_the_past),
        cmocka_unit_test(leaves_nodes_out_that_cannot_be),
        cmocka_unit_test(finds_the_newer_topic_when_one_was_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
