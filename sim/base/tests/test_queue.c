#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/base/hash.h"
#include "core/tests/support.h"
#include "sim/base/queue.h"

/* The model: the earliest by (time, payload) of what is pending, payloads being given in the order of
 * pushing. */
static void pops_in_the_order_of_time_and_of_pushing(void **state)
{
    (void)state;
    enum { ROUNDS = 60000, PENDING_MAX = 3000 };
    static struct sim_event pending[PENDING_MAX];
    uint32_t count = 0;
    struct test_heap memory;
    test_heap_init(&memory);
    struct isr_heap heap = memory.heap;
    struct sim_queue queue;
    sim_queue_init(&queue, &heap);
    uint64_t pushed = 0;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t draw = isr_hash_combine(3, round);
        uint32_t wanted = round / 10000 % 2 == 0 ? 20 : 300; /* few and many in turn */
        if (count < PENDING_MAX && (draw >> 32) % (2 * wanted) >= count) {
            int64_t time = (int64_t)(draw % 50);
            sim_queue_push(&queue, time, SIM_EVENT_WAKE, (int32_t)(draw % 250), pushed);
            pending[count++] = (struct sim_event){.time_ns = time, .payload = pushed++, .order = draw % 250};
            assert_int_equal(sim_queue_count(&queue), count);
            continue;
        }
        uint32_t best = 0;
        for (uint32_t i = 1; i < count; i++) {
            if (pending[i].time_ns < pending[best].time_ns ||
                (pending[i].time_ns == pending[best].time_ns && pending[i].payload < pending[best].payload))
                best = i;
        }
        struct sim_event event = {0};
        if (draw >> 63 && count > 0)
            assert_int_equal(sim_queue_peek(&queue)->payload, pending[best].payload);
        assert_int_equal(sim_queue_pop(&queue, &event), count > 0);
        if (count > 0) {
            assert_int_equal(event.time_ns, pending[best].time_ns);
            assert_int_equal(event.payload, pending[best].payload);
            assert_int_equal(sim_event_target(&event), (int32_t)pending[best].order);
            assert_int_equal(sim_event_kind(&event), SIM_EVENT_WAKE);
            pending[best] = pending[--count];
        }
    }
    isr_heap_release(&heap, queue.items);
}

static void is_empty_when_the_last_was_popped(void **state)
{
    (void)state;
    struct test_heap memory;
    test_heap_init(&memory);
    struct isr_heap heap = memory.heap;
    struct sim_queue queue;
    sim_queue_init(&queue, &heap);
    struct sim_event event;
    assert_false(sim_queue_pop(&queue, &event));
    assert_null(sim_queue_peek(&queue));
    sim_queue_push(&queue, 5, SIM_EVENT_START, 1, 0);
    assert_true(sim_queue_pop(&queue, &event));
    assert_int_equal(sim_queue_count(&queue), 0);
    assert_false(sim_queue_pop(&queue, &event));
    assert_false(sim_queue_pop(&queue, &event));
    isr_heap_release(&heap, queue.items);
}

static void bare_loop_depends_on_the_seed_alone(void **state)
{
    (void)state;
    struct test_heap memory;
    test_heap_init(&memory);
    struct isr_heap heap = memory.heap;
    uint64_t hash = sim_queue_bench(&heap, 32, 10000, 1);
    assert_true(hash == sim_queue_bench(&heap, 32, 10000, 1));
    assert_true(hash != sim_queue_bench(&heap, 32, 10000, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pops_in_the_order_of_time_and_of_pushing),
        cmocka_unit_test(is_empty_when_the_last_was_popped),
        cmocka_unit_test(bare_loop_depends_on_the_seed_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
