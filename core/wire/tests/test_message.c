#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/wire/tests/random_message.h"

struct fixture {
    struct test_heap heap;
    struct isr_env env;
    struct generator generator;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    test_heap_init(&fixture.heap);
    test_env_init(&fixture.env, &fixture.heap);
    fixture.generator = (struct generator){.random = {.state = 8}, .scratch = &fixture.env.scratch};
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    test_heap_drop(&fixture->heap);
    return 0;
}

static struct isr_bytes random_frame(struct fixture *fixture, enum isr_message_kind kind, uint64_t *hash)
{
    struct isr_message message;
    generate_message(&fixture->generator, kind, &message);
    *hash = isr_message_hash(&message);
    return isr_message_encode(&message, &fixture->env.scratch);
}

static void reseal(uint8_t *frame, size_t size)
{
    uint32_t crc = isr_crc32c(0, frame + 4, size - 4);
    memcpy(frame, &crc, 4);
}

static void gives_back_every_message(void **state)
{
    struct fixture *fixture = *state;
    for (int kind = 0; kind < ISR_MESSAGE_KINDS; kind++) {
        for (int round = 0; round < 200; round++) {
            isr_env_begin(&fixture->env, 0);
            uint64_t hash;
            struct isr_bytes frame = random_frame(fixture, (enum isr_message_kind)kind, &hash);
            assert_int_equal(isr_frame_kind(frame), kind);
            struct isr_message decoded;
            assert_true(isr_message_decode(frame, &fixture->env.scratch, &decoded));
            assert_int_equal(decoded.kind, kind);
            assert_true(isr_message_hash(&decoded) == hash);
            struct isr_bytes again = isr_message_encode(&decoded, &fixture->env.scratch);
            assert_int_equal(again.size, frame.size);
            assert_memory_equal(again.data, frame.data, frame.size);
        }
    }
}

static void hashes_differ_when_any_byte_differs(void **state)
{
    struct fixture *fixture = *state;
    unsigned compared = 0;
    for (int kind = 0; kind < ISR_MESSAGE_KINDS; kind++) {
        isr_env_begin(&fixture->env, 0);
        uint64_t hash;
        struct isr_bytes frame = random_frame(fixture, (enum isr_message_kind)kind, &hash);
        uint8_t *data = (uint8_t *)(uintptr_t)frame.data;
        for (uint32_t i = ISR_FRAME_HEADER_BYTES; i < frame.size; i++) {
            data[i] ^= 1;
            reseal(data, frame.size);
            struct isr_message decoded;
            if (isr_message_decode(frame, &fixture->env.scratch, &decoded)) {
                assert_true(isr_message_hash(&decoded) != hash);
                compared++;
            }
            data[i] ^= 1;
        }
    }
    assert_true(compared > 500);
}

static void is_rejected_when_a_byte_is_flipped(void **state)
{
    struct fixture *fixture = *state;
    for (int kind = 0; kind < ISR_MESSAGE_KINDS; kind++) {
        isr_env_begin(&fixture->env, 0);
        uint64_t hash;
        struct isr_bytes frame = random_frame(fixture, (enum isr_message_kind)kind, &hash);
        uint8_t *data = (uint8_t *)(uintptr_t)frame.data;
        for (uint32_t i = 0; i < frame.size; i++) {
            uint8_t flip = (uint8_t)(1 + test_random_below(&fixture->generator.random, 255));
            data[i] ^= flip;
            struct isr_message decoded;
            assert_false(isr_message_decode(frame, &fixture->env.scratch, &decoded));
            data[i] ^= flip;
        }
    }
}

/* Shorter and longer frames with a right checksum: each field counts. */
static void is_rejected_when_bytes_are_missing_or_left_over(void **state)
{
    struct fixture *fixture = *state;
    for (int kind = 0; kind < ISR_MESSAGE_KINDS; kind++) {
        isr_env_begin(&fixture->env, 0);
        uint64_t hash;
        struct isr_bytes frame = random_frame(fixture, (enum isr_message_kind)kind, &hash);
        uint8_t *copy = isr_scratch_allocate(&fixture->env.scratch, frame.size + 1);
        memcpy(copy, frame.data, frame.size);
        copy[frame.size] = 0;
        struct isr_message decoded;
        for (uint32_t size = 0; size <= frame.size + 1; size++) {
            if (size >= ISR_FRAME_HEADER_BYTES)
                reseal(copy, size);
            struct isr_bytes part = {.data = copy, .size = size};
            assert_int_equal(isr_message_decode(part, &fixture->env.scratch, &decoded), size == frame.size);
        }
    }
}

static void survives_when_the_bytes_are_arbitrary(void **state)
{
    struct fixture *fixture = *state;
    struct test_random *random = &fixture->generator.random;
    uint8_t frame[128];
    unsigned accepted = 0;
    for (int round = 0; round < 50000; round++) {
        isr_env_begin(&fixture->env, 0);
        uint32_t size = test_random_below(random, sizeof frame);
        for (uint32_t i = 0; i < size; i++)
            frame[i] = test_random_chance(random, 4) ? (uint8_t)test_random_next(random) : 0;
        if (size > 4) {
            frame[4] = (uint8_t)test_random_below(random, ISR_MESSAGE_KINDS + 2);
            reseal(frame, size);
        }
        struct isr_message decoded;
        if (!isr_message_decode((struct isr_bytes){frame, size}, &fixture->env.scratch, &decoded))
            continue;
        accepted++;
        struct isr_bytes again = isr_message_encode(&decoded, &fixture->env.scratch);
        assert_int_equal(again.size, size);
        assert_memory_equal(again.data, frame, size);
    }
    assert_true(accepted > 10);
}

static void prints_its_name_and_fields(void **state)
{
    struct fixture *fixture = *state;
    (void)fixture;
    struct isr_message message = {.kind = ISR_MESSAGE_VOTE_REQUEST};
    message.vote_request = (struct isr_vote_request){.term = 3, .pre_vote = 1, .last_log_index = 9};
    char buffer[200];
    struct isr_text text = ISR_TEXT(buffer);
    isr_message_print(&message, &text);
    assert_string_equal(buffer,
                        "VOTE_REQUEST term=3 pre_vote=1 last_log_index=9 last_log_term=0 transferred=0");
    struct isr_isr_member members[] = {{1, 5}, {2, -1}};
    message = (struct isr_message){.kind = ISR_MESSAGE_ALTER_PARTITION_REQUEST};
    message.alter_partition_request.tp = (struct isr_tp){4, 2};
    message.alter_partition_request.isr = members;
    message.alter_partition_request.isr_count = 2;
    char longer[300];
    text = ISR_TEXT(longer);
    isr_message_print(&message, &text);
    assert_non_null(strstr(longer, " tp=4-2 "));
    assert_non_null(strstr(longer, " isr=[{ id=1 broker_epoch=5 }{ id=2 broker_epoch=-1 }]"));
}

/* Every field is there by its name: what is printed of a message is what a timeline tells of it. */
static void prints_every_kind_whole(void **state)
{
    struct fixture *fixture = *state;
    static char buffer[1 << 20];
    for (int kind = 0; kind < ISR_MESSAGE_KINDS; kind++) {
        struct isr_message message;
        isr_env_begin(&fixture->env, 0);
        generate_message(&fixture->generator, (enum isr_message_kind)kind, &message);
        struct isr_text text = ISR_TEXT(buffer);
        isr_message_print(&message, &text);
        const char *name = isr_message_name((enum isr_message_kind)kind);
        assert_int_equal(strncmp(buffer, name, strlen(name)), 0);
        assert_non_null(strchr(buffer, '='));
        assert_int_equal(strlen(buffer), text.length);
        size_t open = 0, closed = 0;
        for (const char *at = buffer; *at != '\0'; at++) {
            open += *at == '{' || *at == '[' ? 1 : 0;
            closed += *at == '}' || *at == ']' ? 1 : 0;
        }
        assert_int_equal(open, closed);
    }
    struct isr_message message = {.kind = ISR_MESSAGE_CREATE_TOPIC_REQUEST};
    memcpy(message.create_topic_request.name.text, "orders", 7);
    message.create_topic_request.settings = isr_topic_settings_of_min_isr(2);
    struct isr_text text = ISR_TEXT(buffer);
    isr_message_print(&message, &text);
    assert_non_null(strstr(buffer, " name=orders "));
    assert_non_null(strstr(buffer, " settings={ min_isr=2 "));
}

static void names_and_groups_every_kind(void **state)
{
    (void)state;
    assert_string_equal(isr_message_name(ISR_MESSAGE_FETCH_REQUEST), "FETCH_REQUEST");
    assert_string_equal(isr_message_name(ISR_MESSAGE_KINDS), "?");
    assert_int_equal(isr_message_group(ISR_MESSAGE_FETCH_REQUEST), ISR_GROUP_DATA);
    assert_int_equal(isr_message_group(ISR_MESSAGE_VOTE_REQUEST), ISR_GROUP_ELECTION);
    assert_int_equal(isr_message_group(ISR_MESSAGE_BROKER_HEARTBEAT_REQUEST), ISR_GROUP_HEARTBEAT);
    uint8_t unknown[5] = {0, 0, 0, 0, ISR_MESSAGE_KINDS};
    assert_int_equal(isr_frame_kind((struct isr_bytes){unknown, 5}), ISR_MESSAGE_KINDS);
    assert_int_equal(isr_frame_kind((struct isr_bytes){unknown, 4}), ISR_MESSAGE_KINDS);
}

static void refuses_values_that_make_no_sense(void **state)
{
    struct fixture *fixture = *state;
    struct isr_message message = {.kind = ISR_MESSAGE_ALTER_PARTITION_RESPONSE}, decoded;
    message.alter_partition_response.isr = (struct isr_replicas){.count = 2, .ids = {1, 2}};
    struct isr_bytes frame = isr_message_encode(&message, &fixture->env.scratch);
    uint8_t *data = (uint8_t *)(uintptr_t)frame.data;
    static const uint8_t bad[] = {0, 1, ISR_NODE_MAX + 1, 255}; /* no id, twice, too large */
    for (size_t i = 0; i < sizeof bad; i++) {
        data[frame.size - 1] = bad[i];
        reseal(data, frame.size);
        assert_false(isr_message_decode(frame, &fixture->env.scratch, &decoded));
    }
    data[frame.size - 1] = ISR_NODE_MAX;
    reseal(data, frame.size);
    assert_true(isr_message_decode(frame, &fixture->env.scratch, &decoded));

    message = (struct isr_message){.kind = ISR_MESSAGE_CREATE_TOPIC_REQUEST};
    memcpy(message.create_topic_request.name.text, "orders", 7);
    message.create_topic_request.settings = isr_topic_settings_default();
    frame = isr_message_encode(&message, &fixture->env.scratch);
    data = (uint8_t *)(uintptr_t)frame.data;
    assert_true(isr_message_decode(frame, &fixture->env.scratch, &decoded));
    assert_string_equal(decoded.create_topic_request.name.text, "orders");
    data[ISR_FRAME_HEADER_BYTES + 4 + 1] = '/';
    reseal(data, frame.size);
    assert_false(isr_message_decode(frame, &fixture->env.scratch, &decoded));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(gives_back_every_message),
        TEST(hashes_differ_when_any_byte_differs),
        TEST(is_rejected_when_a_byte_is_flipped),
        TEST(is_rejected_when_bytes_are_missing_or_left_over),
        TEST(survives_when_the_bytes_are_arbitrary),
        TEST(prints_its_name_and_fields),
        TEST(prints_every_kind_whole),
        TEST(names_and_groups_every_kind),
        TEST(refuses_values_that_make_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
