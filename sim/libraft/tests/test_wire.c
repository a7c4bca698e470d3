#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/tests/support.h"
#include "sim/libraft/internal.h"

struct fixture {
    struct test_heap heap;
    struct isr_env env;
    struct libraft *libraft;
};

static int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    test_heap_init(&f->heap);
    test_env_init(&f->env, &f->heap);
    f->libraft = (struct libraft *)sim_libraft_new(&f->env);
    raft_heap_set(&f->libraft->heap);
    *state = f;
    return 0;
}

static int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    test_heap_drop(&f->heap);
    free(f);
    return 0;
}

/* What the library would release after it has received the message. */
static void message_free(struct raft_message *message)
{
    if (message->type == RAFT_IO_APPEND_ENTRIES && message->append_entries.n_entries > 0) {
        raft_free(message->append_entries.entries[0].batch);
        raft_free(message->append_entries.entries);
    }
    if (message->type == RAFT_IO_INSTALL_SNAPSHOT) {
        raft_free(message->install_snapshot.data.base);
        raft_configuration_close(&message->install_snapshot.conf);
    }
}

static struct isr_bytes encode(struct fixture *f, const struct raft_message *message)
{
    struct isr_bytes frame;
    assert_true(libraft_message_encode(message, &f->env.scratch, &frame));
    return frame;
}

/* Encoded again it gives the same bytes. */
static void assert_returns(struct fixture *f, const struct raft_message *message)
{
    struct raft_message decoded;
    uint8_t bytes[256];
    struct isr_bytes frame = encode(f, message);
    assert_true(frame.size <= sizeof bytes);
    memcpy(bytes, frame.data, frame.size);
    frame.data = bytes;
    size_t live = f->heap.live_blocks;
    assert_true(libraft_message_decode(frame, &f->env.scratch, &decoded));
    assert_int_equal(decoded.type, message->type);
    struct isr_bytes again = encode(f, &decoded);
    assert_int_equal(again.size, frame.size);
    assert_memory_equal(again.data, frame.data, frame.size);
    message_free(&decoded);
    for (uint32_t size = 0; size < frame.size; size++) {
        isr_env_begin(&f->env, 0);
        assert_false(libraft_message_decode((struct isr_bytes){frame.data, size}, &f->env.scratch, &decoded));
    }
    assert_int_equal(f->heap.live_blocks, live);
}

static void add_entries(struct raft_entry *entries, unsigned count)
{
    static char words[] = "what an entry holds";
    for (unsigned i = 0; i < count; i++)
        entries[i] = (struct raft_entry){.term = 3 + i,
                                         .type = (unsigned short)(RAFT_COMMAND + i % 3),
                                         .buf = {.base = words, .len = i * 5}};
}

static void returns_what_was_sent_when_it_is_sound(void **state)
{
    struct fixture *f = *state;
    struct raft_entry entries[4];
    add_entries(entries, 4);
    assert_returns(f, &(struct raft_message){.type = RAFT_IO_APPEND_ENTRIES,
                                             .append_entries = {.term = 7,
                                                                .prev_log_index = 12,
                                                                .prev_log_term = 3,
                                                                .leader_commit = 11,
                                                                .entries = entries,
                                                                .n_entries = 4}});
    assert_returns(f, &(struct raft_message){.type = RAFT_IO_APPEND_ENTRIES, .append_entries = {.term = 7}});
    assert_returns(
        f, &(struct raft_message){.type = RAFT_IO_APPEND_ENTRIES_RESULT, .append_entries_result = {7, 3, 9}});
    assert_returns(
        f, &(struct raft_message){.type = RAFT_IO_REQUEST_VOTE, .request_vote = {7, 2, 9, 6, true, false}});
    assert_returns(f, &(struct raft_message){.type = RAFT_IO_REQUEST_VOTE_RESULT,
                                             .request_vote_result = {7, true, raft_tribool_false}});
    assert_returns(f, &(struct raft_message){.type = RAFT_IO_TIMEOUT_NOW, .timeout_now = {7, 9, 6}});
    struct raft_message install = {
        .type = RAFT_IO_INSTALL_SNAPSHOT,
        .install_snapshot = {
            .term = 7, .last_index = 20, .last_term = 6, .conf_index = 4, .data = {"state", 5}}};
    assert_int_equal(raft_configuration_add(&install.install_snapshot.conf, 1, "n1", RAFT_VOTER), 0);
    assert_int_equal(raft_configuration_add(&install.install_snapshot.conf, 5, "n5", RAFT_SPARE), 0);
    assert_returns(f, &install);
}

static void refuses_what_no_node_sends(void **state)
{
    struct fixture *f = *state;
    struct raft_entry entries[1];
    struct raft_message message, decoded;
    struct isr_bytes frame;
    add_entries(entries, 1);
    message = (struct raft_message){
        .type = RAFT_IO_APPEND_ENTRIES,
        .append_entries = {.term = 2, .prev_log_index = 1, .entries = entries, .n_entries = 1}};
    frame = encode(f, &message); /* an entry of a later term than its leader's */
    assert_false(libraft_message_decode(frame, &f->env.scratch, &decoded));
    message.append_entries = (struct raft_append_entries){.term = LIBRAFT_TERM_MAX + 1};
    frame = encode(f, &message);
    assert_false(libraft_message_decode(frame, &f->env.scratch, &decoded));
    message = (struct raft_message){.type = RAFT_IO_REQUEST_VOTE, .request_vote = {.term = 1}};
    frame = encode(f, &message); /* a candidate that is nobody */
    assert_false(libraft_message_decode(frame, &f->env.scratch, &decoded));
    message = (struct raft_message){.type = RAFT_IO_INSTALL_SNAPSHOT,
                                    .install_snapshot = {.term = 1, .last_index = 3, .last_term = 1}};
    assert_int_equal(raft_configuration_add(&message.install_snapshot.conf, 300, "n300", RAFT_VOTER), 0);
    size_t live = f->heap.live_blocks;
    frame = encode(f, &message);
    assert_false(libraft_message_decode(frame, &f->env.scratch, &decoded));
    assert_int_equal(f->heap.live_blocks, live);
    const uint8_t unknown[] = {9, 0, 0, 0};
    assert_false(libraft_message_decode((struct isr_bytes){unknown, 4}, &f->env.scratch, &decoded));
    message.type = 9;
    assert_false(libraft_message_encode(&message, &f->env.scratch, &frame));
}

static void survives_when_bytes_are_random(void **state)
{
    struct fixture *f = *state;
    struct test_random random = {5};
    struct raft_entry entries[3];
    add_entries(entries, 3);
    const struct raft_message message = {
        .type = RAFT_IO_APPEND_ENTRIES,
        .append_entries = {.term = 9, .prev_log_index = 1, .entries = entries, .n_entries = 3}};
    size_t accepted = 0;
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[128];
        isr_env_begin(&f->env, 0);
        struct isr_bytes frame = encode(f, &message);
        memcpy(bytes, frame.data, frame.size);
        if (round % 2 == 0)
            bytes[0] = (uint8_t)(1 + test_random_below(&random, 6));
        for (uint32_t i = test_random_below(&random, 4); i > 0; i--)
            bytes[1 + test_random_below(&random, frame.size - 1)] = (uint8_t)test_random_below(&random, 256);
        size_t live = f->heap.live_blocks;
        struct raft_message decoded;
        if (libraft_message_decode((struct isr_bytes){bytes, frame.size}, &f->env.scratch, &decoded)) {
            accepted++;
            message_free(&decoded);
        }
        assert_int_equal(f->heap.live_blocks, live);
    }
    assert_true(accepted > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(returns_what_was_sent_when_it_is_sound, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(refuses_what_no_node_sends, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(survives_when_bytes_are_random, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
