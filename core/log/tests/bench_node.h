/* For tests of the log: a process that holds nothing but a log store, on a test disk. */
#ifndef ISR_LOG_TESTS_BENCH_NODE_H
#define ISR_LOG_TESTS_BENCH_NODE_H

#include "core/log/log.h"
#include "core/tests/disk.h"

struct bench_node {
    struct test_heap heap;
    struct isr_env env;
    struct isr_log_store store;
    struct test_disk *disk;
    struct test_random *random;
    struct isr_config config;
    int64_t now_ns;
    struct isr_effects effects; /* of the last step */
    uint64_t truncations;       /* observed */
    uint64_t recoveries;
    bool ready, closed, exited;
};

static inline void bench_on_ready(void *object)
{
    ((struct bench_node *)object)->ready = true;
}

static inline void bench_on_closed(void *object)
{
    ((struct bench_node *)object)->closed = true;
}

static inline void bench_begin(struct bench_node *node)
{
    isr_env_begin(&node->env, node->now_ns);
}

static inline void bench_end(struct bench_node *node)
{
    isr_env_end(&node->env, &node->effects);
    test_disk_take(node->disk, &node->effects);
    for (uint32_t i = 0; i < node->effects.count; i++)
        node->exited = node->exited || node->effects.items[i].kind == ISR_EFFECT_EXIT;
    for (uint32_t i = 0; i < node->effects.observations_count; i++) {
        node->truncations += node->effects.observations[i].kind == ISR_OBSERVED_LOG_TRUNCATED;
        node->recoveries += node->effects.observations[i].kind == ISR_OBSERVED_LOG_RECOVERED;
    }
}

/* A fresh process on the disk as it is. */
static inline void bench_start(struct bench_node *node, struct test_disk *disk, struct test_random *random,
                               const struct isr_config *config)
{
    *node = (struct bench_node){.disk = disk, .random = random, .config = *config};
    test_heap_init(&node->heap);
    struct isr_rules rules = {0};
    isr_env_init(&node->env, 1, &node->heap.heap, config, &rules, 7);
    bench_begin(node);
    isr_log_store_start(&node->store, &node->env, bench_on_ready, node);
    bench_end(node);
}

/* One disk operation completes; false when none is under way. */
static inline bool bench_io(struct bench_node *node)
{
    struct isr_event event;
    if (!test_disk_step(node->disk, node->random, &event))
        return false;
    bench_begin(node);
    isr_env_io_done(&node->env, &event);
    bench_end(node);
    return true;
}

static inline void bench_settle(struct bench_node *node)
{
    while (bench_io(node))
        ;
}

static inline void bench_run_until_ready(struct bench_node *node)
{
    while (!node->ready && bench_io(node))
        ;
}

/* Time passes; timers fire. */
static inline void bench_wait(struct bench_node *node, int64_t delay_ns)
{
    node->now_ns += delay_ns;
    for (;;) {
        bench_begin(node);
        struct isr_timer *timer = isr_timers_pop(&node->env.timers, node->now_ns);
        if (timer != NULL)
            timer->fire(timer->object);
        bench_end(node);
        if (timer == NULL)
            return;
    }
}

static inline void bench_close(struct bench_node *node, int64_t broker_epoch)
{
    bench_begin(node);
    isr_log_store_close(&node->store, broker_epoch, bench_on_closed, node);
    bench_end(node);
    bench_settle(node);
}

/* The process is gone; the disk keeps what it may. */
static inline void bench_crash(struct bench_node *node, bool power_loss)
{
    test_disk_crash(node->disk, node->random, power_loss);
    test_heap_drop(&node->heap);
}

#endif
