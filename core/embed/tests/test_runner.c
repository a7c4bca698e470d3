/* The runner by itself, with an engine that asks for everything. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/embed/tests/memory_storage.h"

/* Asks for one operation after the other, and remembers how each went. */
struct script {
    struct isr_effect effects[12];
    uint32_t count, next;
    enum isr_io_status statuses[12];
    uint8_t read[16];
    uint32_t read_size, files_count;
    struct isr_file_entry files[8];
    uint32_t records, exits;
};

static void script_step(void *object, const struct isr_event *event, struct isr_effects *effects)
{
    struct script *script = object;
    *effects = (struct isr_effects){.wake_ns = ISR_TIME_NEVER};
    if (event->kind == ISR_EVENT_IO_DONE) {
        script->statuses[event->io_done.io] = event->io_done.status;
        assert_true(event->io_done.bytes.size <= sizeof script->read);
        script->read_size = event->io_done.bytes.size;
        if (script->read_size > 0)
            memcpy(script->read, event->io_done.bytes.data, script->read_size);
        script->files_count = event->io_done.files_count;
        for (uint32_t i = 0; i < script->files_count; i++)
            script->files[i] = event->io_done.files[i];
    }
    if (script->next < script->count) {
        effects->items = &script->effects[script->next];
        script->effects[script->next].io = script->next;
        script->next++;
        effects->count = 1;
    }
}

static void on_records(void *object, struct isr_tp tp, int64_t offset, struct isr_bytes batch)
{
    struct script *script = object;
    assert_int_equal(offset, 7);
    assert_int_equal(batch.size, 3);
    (void)tp;
    script->records++;
}

static void on_exited(void *object, bool clean)
{
    assert_false(clean);
    ((struct script *)object)->exits++;
}

static const struct isr_file first = {.kind = ISR_FILE_SEGMENT, .tp = {1, 0}, .number = 0};
static const struct isr_file second = {.kind = ISR_FILE_SEGMENT, .tp = {1, 0}, .number = 9};

static void run(struct script *script, struct memory_storage *storage, struct test_heap *heap)
{
    struct isr_runner runner;
    struct isr_storage interface = memory_storage_interface(storage);
    isr_runner_init(&runner, (struct isr_engine){script_step, script}, &interface, &(struct isr_transport){0},
                    &(struct isr_listener){.records = on_records, .exited = on_exited, .object = script},
                    &heap->heap);
    isr_runner_start(&runner, (struct isr_reading){0}, 1);
    isr_runner_free(&runner);
}

static void gives_back_what_each_operation_did(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct memory_storage storage = {.count = 0};
    struct isr_bytes bytes = {.data = (const uint8_t *)"abcdef", .size = 6};
    struct script script = {.count = 7,
                            .effects = {{.kind = ISR_EFFECT_WRITE, .file = second, .bytes = bytes},
                                        {.kind = ISR_EFFECT_TRUNCATE, .file = second, .position = 4},
                                        {.kind = ISR_EFFECT_SYNC, .file = second},
                                        {.kind = ISR_EFFECT_REPLACE, .file = first, .bytes = bytes},
                                        {.kind = ISR_EFFECT_DELETE, .file = {.kind = ISR_FILE_EPOCHS}},
                                        {.kind = ISR_EFFECT_READ, .file = {.kind = ISR_FILE_EPOCHS}},
                                        {.kind = ISR_EFFECT_LIST}}};
    run(&script, &storage, &heap);
    assert_int_equal(script.next, 7);
    assert_int_equal(script.statuses[5], ISR_IO_NO_FILE);
    assert_int_equal(script.files_count, 2); /* in the engine's order, whatever the storage's is */
    assert_int_equal(script.files[0].file.number, 0);
    assert_int_equal(script.files[1].file.number, 9);
    assert_int_equal(script.files[1].size_bytes, 4);
    script.effects[0] = (struct isr_effect){.kind = ISR_EFFECT_READ, .file = second};
    script.next = 0;
    script.count = 1;
    run(&script, &storage, &heap);
    assert_int_equal(script.read_size, 4);
    assert_memory_equal(script.read, "abcd", 4);
    assert_int_equal(heap.live_blocks, 0);
    memory_storage_free(&storage);
}

static void tells_nothing_to_an_engine_that_ended(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct memory_storage storage = {.count = 0};
    struct script script = {.count = 3,
                            .effects = {{.kind = ISR_EFFECT_RECORDS, .offset = 7, .bytes = {.size = 3}},
                                        {.kind = ISR_EFFECT_EXIT, .clean = false},
                                        {.kind = ISR_EFFECT_LIST}}};
    struct isr_runner runner;
    struct isr_storage interface = memory_storage_interface(&storage);
    isr_runner_init(
        &runner, (struct isr_engine){script_step, &script}, &interface, &(struct isr_transport){0},
        &(struct isr_listener){.records = on_records, .exited = on_exited, .object = &script}, &heap.heap);
    isr_runner_start(&runner, (struct isr_reading){0}, 1);
    isr_runner_message(&runner, (struct isr_reading){.now_ns = 5}, 2, (struct isr_bytes){0});
    assert_int_equal(script.records, 1);
    assert_int_equal(script.exits, 1);
    assert_true(runner.exited);
    isr_runner_message(&runner, (struct isr_reading){.now_ns = 6}, 2, (struct isr_bytes){0});
    struct isr_effects effects = {.items = &script.effects[0], .count = 1};
    isr_runner_carry_out(&runner, (struct isr_reading){.now_ns = 7}, &effects);
    assert_int_equal(script.next, 2);
    assert_int_equal(script.records, 1);
    isr_runner_free(&runner);
    assert_int_equal(heap.live_blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_each_operation_did),
        cmocka_unit_test(tells_nothing_to_an_engine_that_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
