#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/tests/support.h"
#include "sim/libraft/internal.h"

static struct isr_bytes text_of(char text[16], int64_t index)
{
    memset(text, 'a' + (int)(index % 26), 16);
    return (struct isr_bytes){.data = (uint8_t *)text, .size = (uint32_t)(index % 16)};
}

static void fill(struct libraft_file *file, struct isr_heap *heap, int64_t base, int count)
{
    char text[16];
    libraft_file_begin(file, heap, base, base > 0 ? 2 : 0);
    for (int i = 0; i < count; i++) {
        int64_t index = libraft_file_last(file) + 1;
        libraft_file_append(file, heap, 3 + i / 4, RAFT_COMMAND, text_of(text, index));
    }
}

static void assert_holds(const struct libraft_file *file, int64_t index)
{
    char text[16];
    int32_t term;
    uint16_t type;
    struct isr_bytes data, wanted = text_of(text, index);
    libraft_file_entry(file, index, &term, &type, &data);
    assert_int_equal(type, RAFT_COMMAND);
    assert_int_equal(data.size, wanted.size);
    assert_memory_equal(data.data, wanted.data, data.size);
}

static struct isr_bytes image_of(const struct libraft_file *file)
{
    return (struct isr_bytes){.data = file->image, .size = file->image_bytes};
}

static void log_keeps_what_is_whole_when_its_end_is_torn(void **state)
{
    (void)state;
    struct test_heap heap;
    struct libraft_file file = {0};
    test_heap_init(&heap);
    fill(&file, &heap.heap, 7, 10);
    for (uint32_t size = 0; size <= file.image_bytes; size++) {
        struct libraft_file read = {0};
        bool sound = libraft_file_parse(&read, &heap.heap, (struct isr_bytes){file.image, size});
        assert_int_equal(sound, size >= LIBRAFT_LOG_HEADER_BYTES);
        for (int64_t index = 8; sound && index <= libraft_file_last(&read); index++)
            assert_holds(&read, index);
        uint32_t whole = 0;
        while (whole < 10 && (whole == 9 ? file.image_bytes : file.records[whole + 1].position) <= size)
            whole++;
        assert_int_equal(read.records_count, sound ? whole : 0);
        isr_heap_release(&heap.heap, read.image);
        isr_heap_release(&heap.heap, read.records);
    }
    test_heap_drop(&heap);
}

static void log_ends_when_a_record_is_damaged(void **state)
{
    (void)state;
    struct test_heap heap;
    struct libraft_file file = {0};
    test_heap_init(&heap);
    fill(&file, &heap.heap, 0, 10);
    for (uint32_t at = LIBRAFT_LOG_HEADER_BYTES; at < file.image_bytes; at++) {
        struct libraft_file read = {0};
        file.image[at] ^= 0x20;
        assert_true(libraft_file_parse(&read, &heap.heap, image_of(&file)));
        assert_true(read.records_count < 10);
        assert_true(read.records_count == 9 || file.records[read.records_count + 1].position > at);
        assert_true(file.records[read.records_count].position <= at);
        file.image[at] ^= 0x20;
        isr_heap_release(&heap.heap, read.image);
        isr_heap_release(&heap.heap, read.records);
    }
    test_heap_drop(&heap);
}

/* A power loss may undo a cut and keep what was written after it. */
static void old_suffix_does_not_come_back_when_it_follows_new_records(void **state)
{
    (void)state;
    struct test_heap heap;
    struct libraft_file file = {0}, read = {0};
    uint8_t old[2048];
    test_heap_init(&heap);
    fill(&file, &heap.heap, 0, 10);
    uint32_t old_bytes = file.image_bytes;
    memcpy(old, file.image, old_bytes);
    struct isr_bytes data;
    int32_t term;
    uint16_t type;
    libraft_file_entry(&file, 6, &term, &type, &data);
    uint8_t same[16];
    memcpy(same, data.data, data.size);
    libraft_file_truncate(&file, 6);
    assert_int_equal(libraft_file_last(&file), 5);
    libraft_file_truncate(&file, 9); /* there is no such entry */
    libraft_file_append(&file, &heap.heap, term + 1, type, (struct isr_bytes){same, data.size});
    memcpy(old, file.image, file.image_bytes); /* over the same place, of the same size */
    assert_true(libraft_file_parse(&read, &heap.heap, (struct isr_bytes){old, old_bytes}));
    assert_int_equal(libraft_file_last(&read), 6);
    libraft_file_truncate(&file, 0);
    assert_int_equal(file.records_count, 0);
    test_heap_drop(&heap);
}

static void log_starts_later_when_it_is_compacted(void **state)
{
    (void)state;
    struct test_heap heap;
    struct libraft_file file = {0}, read = {0};
    test_heap_init(&heap);
    fill(&file, &heap.heap, 0, 10);
    libraft_file_compact(&file, &heap.heap, 6);
    assert_int_equal(file.base_index, 6);
    assert_int_equal(file.base_term, 3 + 5 / 4);
    assert_true(libraft_file_parse(&read, &heap.heap, image_of(&file)));
    assert_int_equal(read.records_count, 4);
    for (int64_t index = 7; index <= 10; index++)
        assert_holds(&read, index);
    libraft_file_compact(&file, &heap.heap, 6);
    libraft_file_compact(&file, &heap.heap, 10);
    assert_int_equal(file.records_count, 0);
    test_heap_drop(&heap);
}

static void vote_is_refused_when_it_is_damaged(void **state)
{
    (void)state;
    uint8_t file[LIBRAFT_VOTE_BYTES];
    int32_t term, vote;
    libraft_vote_put(file, 12, 3);
    assert_true(libraft_vote_get((struct isr_bytes){file, sizeof file}, &term, &vote));
    assert_int_equal(term, 12);
    assert_int_equal(vote, 3);
    assert_false(libraft_vote_get((struct isr_bytes){file, sizeof file - 1}, &term, &vote));
    for (size_t i = 0; i < sizeof file; i++) {
        file[i] ^= 1;
        assert_false(libraft_vote_get((struct isr_bytes){file, sizeof file}, &term, &vote));
        file[i] ^= 1;
    }
}

static void snapshot_returns_and_is_refused_when_it_is_damaged(void **state)
{
    (void)state;
    struct test_heap heap;
    struct isr_env env;
    test_heap_init(&heap);
    test_env_init(&env, &heap);
    struct libraft *libraft = (struct libraft *)sim_libraft_new(&env);
    raft_heap_set(&libraft->heap);
    char first[] = "state", second[] = " of the machine";
    struct raft_buffer buffers[] = {{first, 5}, {second, 15}};
    struct raft_snapshot snapshot = {
        .index = 9, .term = 2, .configuration_index = 4, .bufs = buffers, .n_bufs = 2};
    assert_int_equal(raft_configuration_add(&snapshot.configuration, 2, "n2", RAFT_VOTER), 0);
    assert_int_equal(raft_configuration_add(&snapshot.configuration, 4, "n4", RAFT_STANDBY), 0);
    uint32_t size;
    uint8_t *file = libraft_snapshot_put(&heap.heap, &snapshot, &size);
    struct raft_snapshot *read = libraft_snapshot_get((struct isr_bytes){file, size});
    assert_non_null(read);
    assert_int_equal(read->index, 9);
    assert_int_equal(read->configuration_index, 4);
    assert_int_equal(read->configuration.n, 2);
    assert_int_equal(read->configuration.servers[1].id, 4);
    assert_int_equal(read->configuration.servers[1].role, RAFT_STANDBY);
    assert_int_equal(read->bufs[0].len, 20);
    assert_memory_equal(read->bufs[0].base, "state of the machine", 20);
    for (uint32_t i = 0; i < size; i++) {
        file[i] ^= 4;
        assert_null(libraft_snapshot_get((struct isr_bytes){file, size}));
        file[i] ^= 4;
        assert_null(libraft_snapshot_get((struct isr_bytes){file, i}));
    }
    test_heap_drop(&heap);
}

/* A file whose checksum is right, but which no voter writes. */
static void snapshot_is_refused_when_it_is_nonsense(void **state)
{
    (void)state;
    struct test_heap heap;
    struct isr_env env;
    test_heap_init(&heap);
    test_env_init(&env, &heap);
    struct libraft *libraft = (struct libraft *)sim_libraft_new(&env);
    raft_heap_set(&libraft->heap);
    struct raft_server server = {.id = 3, .address = NULL, .role = RAFT_VOTER};
    struct raft_snapshot snapshot = {
        .index = 9, .term = 2, .configuration_index = 9, .configuration = {.servers = &server, .n = 1}};
    uint32_t size;
    size_t live;
#define REFUSES(member, nonsense, sense)                                    \
    do {                                                                    \
        member = nonsense;                                                  \
        uint8_t *file = libraft_snapshot_put(&heap.heap, &snapshot, &size); \
        live = heap.live_blocks;                                            \
        assert_null(libraft_snapshot_get((struct isr_bytes){file, size}));  \
        assert_int_equal(heap.live_blocks, live);                           \
        member = sense;                                                     \
    } while (0)
    REFUSES(snapshot.index, 0, 9);
    REFUSES(snapshot.term, 0, 2);
    REFUSES(snapshot.configuration_index, 10, 9);
    REFUSES(server.id, 0, 3);
    REFUSES(server.id, ISR_NODE_MAX + 1, 3);
    REFUSES(server.role, 7, RAFT_VOTER);
    uint8_t *file = libraft_snapshot_put(&heap.heap, &snapshot, &size);
    assert_non_null(libraft_snapshot_get((struct isr_bytes){file, size}));
    test_heap_drop(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_keeps_what_is_whole_when_its_end_is_torn),
        cmocka_unit_test(log_ends_when_a_record_is_damaged),
        cmocka_unit_test(old_suffix_does_not_come_back_when_it_follows_new_records),
        cmocka_unit_test(log_starts_later_when_it_is_compacted),
        cmocka_unit_test(vote_is_refused_when_it_is_damaged),
        cmocka_unit_test(snapshot_returns_and_is_refused_when_it_is_damaged),
        cmocka_unit_test(snapshot_is_refused_when_it_is_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
